#!/usr/bin/env python3
"""TPC-H: Leat on Flink and Flink SQL in batch mode, in the same session cluster, on the same Parquet files.

Each side is one warm session. A first round of all queries warms up and gives the results, which must be equal before any time
counts; queries that Flink SQL cannot run are listed and left out.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from session import Leat, add_tasks, measure, report, tasks_of  # noqa: E402
from workload import TABLES, make_data, new_parser, read_queries  # noqa: E402

from results import difference  # noqa: E402

# A reserved word, and an alias in GROUP BY, which Flink SQL does not know.
WORDS = [(re.compile(r"\bvalue\b"), "`value`"), (re.compile(r"GROUP BY\s+supplier_no\b"), "GROUP BY l_suppkey")]


def parse_arguments() -> argparse.Namespace:
    parser = new_parser(__doc__, repeats=3)
    add_tasks(parser)
    parser.add_argument("--master", required=True, help="address of the cluster's REST interface")
    parser.add_argument("--class-path", required=True, help="of Flink SQL's client")
    return parser.parse_args()


class FlinkSql:
    def __init__(self, arguments: argparse.Namespace, data: Path):
        here = Path(__file__).resolve().parent
        java = Path(os.environ["JAVA_HOME"], "bin/java") if "JAVA_HOME" in os.environ else "java"
        opens = [f"--add-opens=java.base/java.{p}=ALL-UNNAMED" for p in ("lang", "util", "time", "nio", "net", "text", "io")]
        command = [str(java), "-Xmx1g", *opens, "-cp", arguments.class_path, str(here / "FlinkSql.java")]
        command += [arguments.master, str(data), str(here / "tables.sql")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, query: str) -> tuple[list[list], float, str]:
        """Rows, milliseconds, and what went wrong."""
        for pattern, word in WORDS:
            query = pattern.sub(word, query)
        self.process.stdin.write(query + "\n;\n")
        self.process.stdin.flush()
        rows = []
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("ms "):
                return rows, float(line[3:]), ""
            if line.startswith("error "):
                return [], 0, line[6:]
            rows.append([None if value == "\\N" else value for value in line.split("\t")])
        sys.exit("Flink SQL's client ended")


def main() -> int:
    arguments = parse_arguments()
    data = make_data(arguments.generator, arguments.data, arguments.scale, parts=4).resolve()
    queries = read_queries(arguments.queries_folder, arguments.queries)
    tasks = tasks_of(arguments)
    leat = Leat(arguments.leat, "--on", "flink", "--master", arguments.master, *tasks)
    leat.open_tables({table: f"{data}/{table}/*.parquet" for table in TABLES})
    flink = FlinkSql(arguments, data)
    bad = 0
    for number, query in list(queries.items()):
        ours, (theirs, _, error) = leat.ask(query)[0], flink.ask(query)
        # Flink keeps fewer digits of averages of decimals.
        if error or (error := difference(ours, theirs, "1e-5")):
            print(f"query {number} is left out: {error[:300]}", flush=True)
            queries.pop(number)
            bad += 1
    times = measure({"leat": lambda q: leat.ask(q)[1], "peer": lambda q: flink.ask(q)[1]}, queries, arguments.repeats)
    print(f"TPC-H scale factor {arguments.scale:g}, Snappy Parquet, two TaskManagers with a slot each, Leat with {' '.join(tasks)}, warm, medians of {arguments.repeats}, ms")
    report(list(queries), times, "Flink SQL")
    leat.close()
    flink.process.stdin.close()
    flink.process.wait()
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
