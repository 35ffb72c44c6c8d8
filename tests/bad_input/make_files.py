"""Makes the files that run.sh reads, in the present folder."""

import gzip
import os
import random

random.seed(1)


def put(name, content):
    with open(name, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


os.mkdir("nothing")
rubbish = bytes(random.randrange(256) for _ in range(50000))
for ending in ["csv", "ndjson", "parquet", "avro"]:
    put(f"rubbish.{ending}", rubbish)
put("empty.csv", "")
put("empty.parquet", "")
put("utf16.csv", "a,b\n1,2\n".encode("utf-16"))
put("ragged.csv", "a,b\n1,2\n3\n4,5\n")
put("long.csv", "a,b\n1,2\n3,4,5\n6,7\n")
put("late.csv", "a,b\n" + "1,x\n" * 60000 + "1,2,3\n" + "1,x\n" * 10)
put("latin.csv", "a,b\n1,x\n2,Zürich\n".encode("latin-1"))
put("zero.csv", b"a,b\n1,x\0y\n")
put("zero_late.csv", "a,b\n" + "1,x\n" * 200000 + "2,y\0z\n3,k\n")
put("range.csv", "t,n\nx,1\ny,99999999999999999999\n")
put("open.csv", 'a,b\n1,"x\n2,y\n')
put("open_long.csv", 'a,b\n1,"' + "x,y\n" * 150000)
put("large_field.csv", b'a,b\n1,"' + b"x" * (100 << 20) + b'"\n2,y\n')
put("broken.ndjson", '{"a":1}\n{"a":}\n{"a":2}\n')
put("values.ndjson", '{"a":1}\n{"a":"x"}\n')
put("latin.ndjson", '{"a":"ü"}\n'.encode("latin-1"))
put("open.json", '[{"a":1},{"a":2}')
put("bom.csv", b'\xef\xbb\xbfa,b\r\n1,"x\r\ny"\r\n2,z\r\n'.replace(b"x\r\n", b"x\n"))
put("nulls.csv", "t,n\na,NA\nb,1\n")
put("nulls.ndjson", '{"n":"NA"}\n{"n":1}\n')
put("comments.csv", "# by hand\na\n# more\n1\n")
put("dates.csv", "d,t\n31.12.2024,31.12.2024 23:59\n")
put("escape.csv", "a,b\n1,'say \"it\\'s\"'\n")
good = ("a,b\n" + "".join(f"{i},text {i}\n" for i in range(50000))).encode()
put("good.csv", good)
packed = gzip.compress(good)
put("good.csv.gz", packed)
put("gzip_without_name.csv", packed)
os.system(f"{os.environ.get('LEAT', 'leat')} query -q -c \"COPY (SELECT * FROM 'good.csv') TO 'good.csv.zst' (FORMAT csv, compression zstd)\"")
for ending in ["gz", "zst"]:
    with open(f"good.csv.{ending}", "rb") as file:
        packed = bytearray(file.read())
    put(f"short.csv.{ending}", bytes(packed[: len(packed) // 2]))
    packed[len(packed) // 2] ^= 0xFF
    put(f"flipped.csv.{ending}", bytes(packed))
