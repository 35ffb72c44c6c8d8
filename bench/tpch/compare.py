#!/usr/bin/env python3
"""TPC-H: Leat and DuckDB on the same Parquet files, with the same number of threads.

Each repeat runs every query once in Leat (one process, one statement after the other) and once in DuckDB (one
connection); which goes first alternates. The first run of each is not counted: it gives the results, which must be
equal row by row before any time counts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import difference, geometric_mean  # noqa: E402
from workload import TABLES, make_data, new_parser, read_queries  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = new_parser(__doc__, repeats=5)
    parser.add_argument("--threads", type=int, default=2, help="of both (default 2)")
    parser.add_argument("--compression", choices=["snappy", "zstd"], default="snappy", help="of the files (default snappy)")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


def views(data: Path, function: str) -> list[str]:
    return [f"CREATE VIEW {t} AS SELECT * FROM {function}('{data}/{t}.parquet')" for t in TABLES]


class Leat:
    """Runs of `leat query`; times come from its --timing json."""

    def __init__(self, arguments: argparse.Namespace, data: Path):
        self.command = [arguments.leat, "query", "-q", "--threads", str(arguments.threads)]
        self.views = views(data, "read_parquet")

    def run(self, queries: list[str], form: str) -> tuple[str, list[float]]:
        script = ";\n".join(self.views + queries) + ";\n"
        done = subprocess.run(
            [*self.command, "--timing", "json", "--format", form], input=script, capture_output=True, text=True
        )
        if done.returncode != 0:
            sys.exit(f"leat failed: {done.stderr}")
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        return done.stdout, [line["ms"] for line in lines][len(TABLES) :]

    def rows(self, query: str) -> list[list]:
        text, _ = self.run([query], "json")
        return [list(row.values()) for row in json.loads(text, parse_float=Decimal)]

    def times(self, queries: list[str]) -> list[float]:
        return self.run(queries + queries, "csv")[1][len(queries) :]  # the first round warms up


class DuckDB:
    """One connection; views over the same files."""

    def __init__(self, arguments: argparse.Namespace, data: Path):
        self.connection = duckdb.connect(config={"threads": arguments.threads})
        for statement in views(data, "read_parquet"):
            self.connection.execute(statement)

    def rows(self, query: str) -> list[list]:
        return [list(row) for row in self.connection.execute(query).fetchall()]

    def times(self, queries: list[str]) -> list[float]:
        for query in queries:
            self.connection.execute(query).fetchall()
        out = []
        for query in queries:
            start = time.perf_counter()
            self.connection.execute(query).fetchall()
            out.append((time.perf_counter() - start) * 1000)
        return out


def report(numbers: list[int], ours: list[float], theirs: list[float], arguments: argparse.Namespace) -> None:
    print(f"TPC-H scale factor {arguments.scale:g}, Parquet with {arguments.compression}, {arguments.threads} threads, hot, ", end="")
    print(f"medians of {arguments.repeats}; DuckDB {duckdb.__version__}. Below 1, Leat is faster.\n")
    print("query   Leat ms   DuckDB ms   ratio")
    for q, a, b in sorted(zip(numbers, ours, theirs, strict=True), key=lambda r: r[2] / r[1]):
        print(f"{q:>5} {a:>9.1f} {b:>11.1f} {a / b:>7.2f}{'  loses' if a > b else ''}")
    means = geometric_mean(ours), geometric_mean(theirs)
    print(f"total {sum(ours):>9.1f} {sum(theirs):>11.1f} {sum(ours) / sum(theirs):>7.2f}")
    print(f"geomean {means[0]:>7.1f} {means[1]:>11.1f} {means[0] / means[1]:>7.2f}")


def main() -> int:
    arguments = parse_arguments()
    data = make_data(arguments.generator, arguments.data, arguments.scale, compression=arguments.compression)
    texts = read_queries(arguments.queries_folder, arguments.queries)
    numbers, queries = list(texts), list(texts.values())
    leat, duck = Leat(arguments, data), DuckDB(arguments, data)
    for q, query in zip(numbers, queries, strict=True):
        if (text := difference(leat.rows(query), duck.rows(query))) is not None:
            print(f"query {q}: results differ: {text}")
            return 1
    print(f"results of {len(queries)} queries are equal", file=sys.stderr)
    runs: dict = {"leat": [], "duckdb": []}
    for repeat in range(arguments.repeats):
        order = [("leat", leat), ("duckdb", duck)]
        for name, engine in order if repeat % 2 == 0 else reversed(order):
            runs[name].append(engine.times(queries))
    ours, theirs = ([statistics.median(t) for t in zip(*runs[n], strict=True)] for n in ("leat", "duckdb"))
    report(numbers, ours, theirs, arguments)
    if arguments.json:
        figures = {str(q): [a, b] for q, a, b in zip(numbers, ours, theirs, strict=True)}
        arguments.json.write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
