#!/usr/bin/env python3
"""Web-analytics queries (queries.sql): Leat and its peers on the same Parquet file, with the same number of threads.

Each repeat runs every query once in each engine; who goes first takes turns. The first run of each is not counted: it
gives the results, which must be those of DuckDB row by row before any time counts; a peer that refuses a query has no
time for it.
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

HERE = Path(__file__).resolve().parent


class Leat:
    def __init__(self, file: Path, arguments: argparse.Namespace):
        self.command = [arguments.leat, "query", "-q", "--threads", str(arguments.threads)]
        self.view = f"CREATE VIEW hits AS SELECT * FROM read_parquet('{file}')"

    def run(self, queries: list[str], form: str) -> tuple[str, list[float]]:
        script = ";\n".join([self.view, *queries]) + ";\n"
        command = [*self.command, "--timing", "json", "--format", form]
        done = subprocess.run(command, input=script, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"leat failed: {done.stderr}")
        return done.stdout, [json.loads(line)["ms"] for line in done.stderr.splitlines() if line.startswith("{")][1:]

    def rows(self, query: str) -> list[list]:
        return [list(row.values()) for row in json.loads(self.run([query], "json")[0], parse_float=Decimal)]

    def times(self, queries: list[str]) -> list[float]:
        return self.run([*queries, *queries], "csv")[1][len(queries) :]  # the first round warms up


class InProcess:
    """A peer that runs in this process: `execute` runs a query and fetches its rows."""

    def times(self, queries: list[str]) -> list[float | None]:
        out = []
        for query in queries:
            try:
                self.rows(query)
                start = time.perf_counter()
                self.rows(query)
                out.append((time.perf_counter() - start) * 1000)
            except Exception:  # whatever a peer says to a query that it does not take
                out.append(None)
        return out


class DuckDB(InProcess):
    def __init__(self, file: Path, arguments: argparse.Namespace):
        self.connection = duckdb.connect(config={"threads": arguments.threads})
        self.connection.execute(f"CREATE VIEW hits AS SELECT * FROM read_parquet('{file}')")

    def rows(self, query: str) -> list[list]:
        return [list(row) for row in self.connection.execute(query).fetchall()]


class ChDB(InProcess):
    def __init__(self, file: Path, arguments: argparse.Namespace):
        from chdb import session

        self.session = session.Session()
        self.session.query(f"SET max_threads = {arguments.threads}")
        self.session.query(f"CREATE VIEW hits AS SELECT * FROM file('{file}', Parquet)")

    def rows(self, query: str) -> list[list]:
        text = str(self.session.query(query, "JSONCompactEachRow"))
        return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]


class Polars(InProcess):
    def __init__(self, file: Path, arguments: argparse.Namespace):
        import polars

        self.context = polars.SQLContext(hits=polars.scan_parquet(file))

    def rows(self, query: str) -> list[list]:
        return [list(row) for row in self.context.execute(query, eager=True).rows()]


ENGINES = {"leat": Leat, "duckdb": DuckDB, "chdb": ChDB, "polars": Polars}


def check(engines: dict, numbers: list[int], queries: list[str]) -> bool:
    """Whether Leat's rows are DuckDB's."""
    equal = True
    for number, query in zip(numbers, queries, strict=True):
        text = difference(engines["leat"].rows(query), engines["duckdb"].rows(query))
        if text is not None:
            print(f"query {number}: results differ: {text}")
            equal = False
    return equal


def measure(engines: dict, queries: list[str], repeats: int) -> dict[str, list[float | None]]:
    runs: dict[str, list] = {name: [] for name in engines}
    for repeat in range(repeats):
        names = list(engines) if repeat % 2 == 0 else list(reversed(engines))
        for name in names:
            runs[name].append(engines[name].times(queries))
    return {
        name: [None if None in times else statistics.median(times) for times in zip(*runs[name], strict=True)] for name in engines
    }


def report(numbers: list[int], medians: dict[str, list[float | None]]) -> None:
    """Times in ms; behind a peer's time Leat's as a part of it, below 1 where Leat is faster."""
    peers = [name for name in medians if name != "leat"]
    print("query   Leat ms" + "".join(f"{peer:>11} ms  ratio" for peer in peers))
    ratios: dict[str, list[float]] = {peer: [] for peer in peers}
    for i in sorted(range(len(numbers)), key=lambda i: -medians["leat"][i] / (medians["duckdb"][i] or 1)):
        line = f"{numbers[i]:>5} {medians['leat'][i]:>9.1f}"
        for peer in peers:
            theirs = medians[peer][i]
            if theirs is None:
                line += f"{'refused':>14}       "
                continue
            ratios[peer].append(medians["leat"][i] / theirs)
            line += f"{theirs:>14.1f} {ratios[peer][-1]:>6.2f}"
        print(line)
    print("geomean        " + "".join(f"{geometric_mean(ratios[peer]) if ratios[peer] else 0:>21.2f}" for peer in peers))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leat", required=True, help="the program")
    parser.add_argument("--data", type=Path, required=True, help="where data files are made and kept")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--threads", type=int, default=2, help="of each (default 2)")
    parser.add_argument("--repeats", type=int, default=3, help="(default 3)")
    parser.add_argument("--queries", help="only these, for example 1,13,29")
    parser.add_argument("--peers", default="duckdb", help="of duckdb (always), chdb, polars; for example duckdb,chdb")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    file = arguments.data / f"hits-{arguments.rows}.parquet"
    if not file.exists():
        subprocess.run([sys.executable, HERE / "generate.py", "--rows", str(arguments.rows), "--out", file], check=True)
    texts = [line.rstrip(";") for line in (HERE / "queries.sql").read_text().splitlines() if not line.startswith("--")]
    numbers = [int(n) for n in arguments.queries.split(",")] if arguments.queries else list(range(1, len(texts) + 1))
    queries = [texts[n - 1] for n in numbers]
    names = ["leat", "duckdb", *(p for p in arguments.peers.split(",") if p != "duckdb")]
    engines = {name: ENGINES[name](file, arguments) for name in names}
    if not check(engines, numbers, queries):
        return 1
    print(f"results of {len(queries)} queries are equal", file=sys.stderr)
    print(f"{arguments.rows} rows, Snappy Parquet, {arguments.threads} threads, hot, medians of {arguments.repeats}\n")
    report(numbers, measure(engines, queries, arguments.repeats))
    return 0


if __name__ == "__main__":
    sys.exit(main())
