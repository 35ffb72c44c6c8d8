#!/usr/bin/env python3
"""TPC-H: Leat on Spark and Spark SQL on the same Parquet files, with the same master and cores.

Each side is one application that lives through the whole comparison. A first round of all queries warms up and gives the results, which
must be equal row by row before any time counts. Then each query runs in turn on both, as often as --repeats says; which goes first
alternates. --local adds Leat's own speed on this machine, with as many threads.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from session import Leat, add_tasks, measure, report, tasks_of  # noqa: E402
from workload import TABLES, make_data, new_parser, read_queries  # noqa: E402

from results import difference  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    parser = new_parser(__doc__, repeats=3)
    add_tasks(parser)
    parser.add_argument("--master", default="local[2]", help="of both sides (default local[2])")
    parser.add_argument("--cores", type=int, default=2, help="of both sides (default 2)")
    parser.add_argument("--local", action="store_true", help="Leat in this machine's threads too")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


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


def main() -> int:
    arguments = parse_arguments()
    data = make_data(arguments.generator, arguments.data, arguments.scale)
    queries = read_queries(arguments.queries_folder, arguments.queries)
    tasks = tasks_of(arguments, arguments.cores)
    sides = {"leat": Leat(arguments.leat, "--on", "spark", "--master", arguments.master, *tasks), "peer": SparkSql(arguments, data)}
    if arguments.local:
        sides["local"] = Leat(arguments.leat, "--threads", str(arguments.cores))
    for name in sides.keys() - {"peer"}:
        sides[name].open_tables({table: f"{data}/{table}.parquet" for table in TABLES})
    for number, query in queries.items():
        results = {name: side.ask(query)[0] for name, side in sides.items()}
        # Spark rounds averages of decimals to their scale, so a little more is allowed than between exact results.
        for name, rows in results.items():
            if (text := difference(results["leat"], rows, "1e-6")) is not None:
                print(f"query {number}: the result of {name} differs: {text}", file=sys.stderr)
                return 1
    print(f"results of {len(queries)} queries are equal", file=sys.stderr)
    times = measure({name: lambda query, side=side: side.ask(query)[1] for name, side in sides.items()}, queries, arguments.repeats)
    print(f"TPC-H scale factor {arguments.scale:g}, Snappy Parquet, master {arguments.master}, warm, medians of {arguments.repeats}, ", end="")
    print(f"Leat with {' '.join(tasks)}; ", end="")
    print(f"Spark {sides['peer'].session.version}. Times in ms; the ratio says how often Leat's time fits into Spark SQL's.\n")
    report(list(queries), times, "Spark SQL")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: dict(zip(map(str, queries), of, strict=True)) for name, of in times.items()}))
    sys.stdout.flush()
    os._exit(0)  # no waiting for the sessions


if __name__ == "__main__":
    sys.exit(main())
