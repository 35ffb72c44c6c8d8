"""TPC-H as the comparisons run it: its tables, data files and queries, and the arguments that all of them take."""

import argparse
import subprocess
from pathlib import Path

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


def query_numbers(text: str) -> list[int]:
    """ "1,6,18" as numbers, for an argument."""
    numbers = [int(number) for number in text.split(",")]
    if not all(1 <= number <= 22 for number in numbers):
        raise ValueError(text)
    return numbers


query_numbers.__name__ = "list of queries (numbers of 1 to 22, with commas)"  # argparse's message names it


def new_parser(description: str, repeats: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--leat", required=True, help="the program")
    parser.add_argument("--generator", required=True, help="tpchgen-cli")
    parser.add_argument("--queries-folder", type=Path, required=True, help="q01.sql and so on")
    parser.add_argument("--data", type=Path, required=True, help="where data files are made and kept")
    parser.add_argument("--scale", type=float, default=1, help="scale factor (default 1)")
    parser.add_argument("--repeats", type=int, default=repeats, help=f"(default {repeats})")
    parser.add_argument("--queries", type=query_numbers, default=list(range(1, 23)), help="only these, for example 1,6,18")
    return parser


def make_data(generator: str, folder: Path, scale: float, parts: int = 1, compression: str = "snappy") -> Path:
    """TPC-H on Parquet: TABLE.parquet, or with `parts` a folder TABLE with as many files of each large table."""
    target = folder / (f"sf{scale:g}" + (f"-{parts}" if parts > 1 else "") + (f"-{compression}" if compression != "snappy" else ""))
    if not (target / "complete").exists():
        codec = {"snappy": "SNAPPY", "zstd": "ZSTD(3)"}[compression]
        command = [generator, "parquet", "-s", f"{scale:g}", "--compression", codec, "--output-dir", str(target)]
        command += ["--parts", str(parts)] if parts > 1 else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (target / "complete").touch()
    return target


def read_queries(folder: Path, numbers: list[int]) -> dict[int, str]:
    """Texts by number."""
    return {number: (folder / f"q{number:02}.sql").read_text().strip().rstrip(";") for number in numbers}
