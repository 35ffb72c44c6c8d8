#!/usr/bin/env python3
"""Work under limits of memory: the 22 queries of TPC-H, and a sort, a join, a grouping and a DISTINCT of its largest table, by Leat
and by DuckDB, each in a process of its own: time, peak resident memory as the kernel tells it, and whether it failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from workload import TABLES, make_data, new_parser, read_queries  # noqa: E402

LARGE = {
    "sort": "COPY (SELECT * FROM lineitem ORDER BY l_extendedprice, l_orderkey, l_linenumber) TO 'sorted.parquet'",
    "join": "SELECT count(*), sum(a.l_quantity * b.l_linenumber) FROM lineitem a JOIN lineitem b ON a.l_orderkey = b.l_orderkey AND a.l_linenumber = b.l_linenumber",
    "grouping": "SELECT count(*), max(n), max(q) FROM (SELECT l_orderkey, l_partkey, count(*) AS n, sum(l_quantity) AS q FROM lineitem GROUP BY l_orderkey, l_partkey) AS g",
    "distinct": "SELECT count(*) FROM (SELECT DISTINCT l_comment FROM lineitem) AS d",
}
DUCK = """
import sys, duckdb
threads, limit, script = sys.argv[1:]
connection = duckdb.connect(config={"threads": int(threads), "temp_directory": "spill"})
if limit != "none":
    connection.execute(f"SET memory_limit = '{limit}MiB'")
for statement in open(script).read().split(";\\n"):
    if statement.strip():
        for row in connection.execute(statement).fetchall():
            if len(row) < 100 and "CREATE" not in statement[:8]:
                print(*row, sep=",")
"""


def measure(command: list[str], folder: str) -> tuple[float, int, str, str]:
    """Seconds, peak MiB, what it printed, and "" or why it failed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        failed = "" if status == 0 else next((line for line in err.read().splitlines() if "rror" in line), f"status {status}")
        return seconds, usage.ru_maxrss // 1024, out.read(), failed


def main() -> int:
    parser = new_parser(__doc__, repeats=1)
    parser.add_argument("--threads", type=int, default=2, help="of both (default 2)")
    parser.add_argument("--limits", default="none,512,256,128", help="in MiB (default none,512,256,128)")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments = parser.parse_args()
    data = make_data(arguments.generator, arguments.data, arguments.scale).resolve()
    views = [f"CREATE VIEW {t} AS SELECT * FROM read_parquet('{data}/{t}.parquet')" for t in TABLES]
    work = {"tpch": list(read_queries(arguments.queries_folder, arguments.queries).values())} | {k: [v] for k, v in LARGE.items()}
    print(f"TPC-H scale factor {arguments.scale:g}, {arguments.threads} threads: seconds and peak MiB\n")
    print(f"{'work':<10} {'limit':>6} {'Leat s':>9} {'MiB':>6} {'DuckDB s':>9} {'MiB':>6}")
    failures = 0
    answers: dict[tuple[str, str], str] = {}
    for name, statements in work.items():
        for limit in arguments.limits.split(","):
            folder = tempfile.mkdtemp()
            script = f"{folder}/script.sql"
            Path(script).write_text(";\n".join([*views, *statements]) + ";\n")
            leat = [arguments.leat, "query", "-q", "--format", "csv", "--threads", str(arguments.threads), "-f", script]
            leat += [] if limit == "none" else ["--memory", f"{limit}MB"]
            duck = [sys.executable, "-c", DUCK, str(arguments.threads), limit, script]
            results = [measure(command, folder) for command in (leat, duck)]
            cells = [f"{'failed':>9} {r[1]:>6}" if r[3] else f"{r[0]:>9.1f} {r[1]:>6}" for r in results]
            print(f"{name:<10} {limit:>6} {cells[0]} {cells[1]}", flush=True)
            for who, result in zip(("Leat", "DuckDB"), results, strict=True):
                if result[3]:
                    print(f"           {who}: {result[3][:150]}")
                elif answers.setdefault((name, who), result[2]) != result[2]:
                    print(f"           {who}: the answer differs from that under the first limit")
                    failures += who == "Leat"
            failures += results[0][3] != ""
            shutil.rmtree(folder)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
