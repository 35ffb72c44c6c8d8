"""Damaged copies of good.parquet: cut short, a byte of a page changed, a byte of the footer changed."""

with open("good.parquet", "rb") as file:
    good = file.read()


def put(name, content):
    with open(name, "wb") as file:
        file.write(content)


put("short.parquet", good[: len(good) // 2])
page = bytearray(good)
page[3000] ^= 0xFF
put("flipped.parquet", page)
footer = bytearray(good)
length = int.from_bytes(good[-8:-4], "little")
footer[-8 - length] = 0xFF
put("footer.parquet", footer)
