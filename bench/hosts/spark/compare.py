#!/usr/bin/env python3
"""TPC-H: Leat on Spark and Spark SQL on the same Parquet files, with the same master and cores.

Each side is one application that lives through the whole comparison. A first round of all queries warms up and gives the results, which
must be equal row by row before any time counts. Then each query runs in turn on both, as often as --repeats says; which goes first
alternates. --local adds Leat's own speed on this machine, with as many threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from results import difference, geometric_mean  # noqa: E402

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leat", required=True, help="the program")
    parser.add_argument("--generator", required=True, help="tpchgen-cli")
    parser.add_argument("--queries-folder", type=Path, required=True, help="q01.sql and so on")
    parser.add_argument("--data", type=Path, required=True, help="where data files are made and kept")
    parser.add_argument("--scale", default="1", help="scale factor (default 1)")
    parser.add_argument("--master", default="local[2]", help="of both sides (default local[2])")
    parser.add_argument("--cores", type=int, default=2, help="of both sides on a cluster (default 2)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--queries", default="", help="only these, for example 1,6,18")
    parser.add_argument("--local", action="store_true", help="Leat in this machine's threads too")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


def make_data(generator: str, folder: Path, scale: str) -> Path:
    target = folder / f"sf{scale}"
    if not (target / "complete").exists():
        command = [generator, "parquet", "-s", scale, "--compression", "SNAPPY", "--output-dir", str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (target / "complete").touch()
    return target


class Leat:
    """A session of `leat query`, given one statement after the other; times come from its --timing json."""

    def __init__(self, arguments: argparse.Namespace, data: Path, on: list[str]):
        command = [arguments.leat, "query", "-q", "-i", "--threads", str(arguments.cores), "--format", "ndjson", "--timing", "json", *on]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.times: list[float] = []  # of each statement
        self.said = 0
        self.messages: list[str] = []
        threading.Thread(target=self.read_messages, daemon=True).start()
        for table in TABLES:
            self.say(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{data}/{table}.parquet')")
        self.ask("SELECT 1 AS one")

    def read_messages(self) -> None:
        for line in self.process.stderr:
            if line.startswith("{") and '"ms"' in line:
                self.times.append(json.loads(line)["ms"])
            else:
                self.messages.append(line)

    def say(self, statement: str) -> None:
        self.said += 1
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()

    def ask(self, query: str) -> tuple[list[list], float]:
        """Rows, and the milliseconds of the query. A mark follows, to see the end."""
        self.say(query)
        self.say("SELECT 'end of the answer' AS mark")
        rows = []
        for line in self.process.stdout:
            if "end of the answer" in line:
                break
            rows.append(list(json.loads(line, parse_float=Decimal).values()))
        else:
            sys.exit(f"leat ended: {''.join(self.messages[-20:])}")
        while len(self.times) < self.said and self.process.poll() is None:
            time.sleep(0.005)
        if not rows:
            sys.exit(f"leat failed: {''.join(self.messages[-20:])}")
        return rows, self.times[-2]


class SparkSql:
    """One session, views over the same files."""

    def __init__(self, arguments: argparse.Namespace, data: Path):
        builder = SparkSession.builder.master(arguments.master).appName("spark-sql").config("spark.ui.enabled", "false")
        for name, value in {
            "spark.driver.memory": "4g",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.cores.max": str(arguments.cores),
            "spark.sql.shuffle.partitions": str(2 * arguments.cores),
            "spark.log.level": "ERROR",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        for table in TABLES:
            self.session.read.parquet(f"{data}/{table}.parquet").createOrReplaceTempView(table)

    def ask(self, query: str) -> tuple[list[list], float]:
        start = time.perf_counter()
        rows = self.session.sql(query).collect()
        return [list(row) for row in rows], (time.perf_counter() - start) * 1000


def report(arguments: argparse.Namespace, version: str, numbers: list[int], times: dict[str, list[float]]) -> None:
    print(f"TPC-H scale factor {arguments.scale}, Snappy Parquet, master {arguments.master}, warm, medians of {arguments.repeats}; ", end="")
    print(f"Spark {version}. Times in ms; the ratio says how often Leat's time fits into Spark SQL's.\n")
    local = "local" in times
    print("| query | Leat on Spark | Spark SQL | ratio |" + (" Leat in threads | share |" if local else ""))
    print("|---|---|---|---|" + ("---|---|" if local else ""))
    rows = sorted(range(len(numbers)), key=lambda i: times["spark"][i] / times["leat"][i])
    lines = [(str(numbers[i]), {name: of[i] for name, of in times.items()}) for i in rows]
    lines.append(("total", {name: sum(of) for name, of in times.items()}))
    lines.append(("geometric mean", {name: geometric_mean(of) for name, of in times.items()}))
    for name, t in lines:
        line = f"| {name} | {t['leat']:.0f} | {t['spark']:.0f} | {t['spark'] / t['leat']:.1f} |"
        print(line + (f" {t['local']:.0f} | {t['local'] / t['leat']:.2f} |" if local else ""))


def main() -> int:
    arguments = parse_arguments()
    data = make_data(arguments.generator, arguments.data, arguments.scale)
    numbers = [int(q) for q in arguments.queries.split(",") if q] or list(range(1, 23))
    queries = [(arguments.queries_folder / f"q{q:02}.sql").read_text().strip().rstrip(";") for q in numbers]
    sides = {"leat": Leat(arguments, data, ["--on", "spark", "--master", arguments.master]), "spark": SparkSql(arguments, data)}
    if arguments.local:
        sides["local"] = Leat(arguments, data, [])
    for q, query in zip(numbers, queries, strict=True):
        results = {name: side.ask(query)[0] for name, side in sides.items()}
        # Spark rounds averages of decimals to their scale, so a little more is allowed than between exact results.
        for name, rows in results.items():
            if (text := difference(results["leat"], rows, "1e-6")) is not None:
                print(f"query {q}: the result of {name} differs: {text}", file=sys.stderr)
                return 1
    print(f"results of {len(queries)} queries are equal", file=sys.stderr)
    runs: dict[str, list[list[float]]] = {name: [] for name in sides}
    for repeat in range(arguments.repeats):
        for side in runs.values():
            side.append([])
        for query in queries:
            for name in list(sides) if repeat % 2 == 0 else reversed(list(sides)):
                runs[name][-1].append(sides[name].ask(query)[1])
    times = {name: [statistics.median(t) for t in zip(*of, strict=True)] for name, of in runs.items()}
    report(arguments, sides["spark"].session.version, numbers, times)
    if arguments.json:
        arguments.json.write_text(json.dumps({name: dict(zip(map(str, numbers), of, strict=True)) for name, of in times.items()}))
    sys.stdout.flush()
    os._exit(0)  # no waiting for the sessions


if __name__ == "__main__":
    sys.exit(main())
