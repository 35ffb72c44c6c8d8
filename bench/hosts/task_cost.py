#!/usr/bin/env python3
"""What a task costs beside its work: a query over a tiny file in few tasks and in many, so that what is left is starting workers, handing
out fragments and exchanging a few rows.

    bench/hosts/task_cost.py                                      worker processes of this machine
    bench/hosts/task_cost.py --on dask --master tcp://HOST:PORT   tasks of a cluster (docs/hosts says how each is named)

For each number of tasks a session of its own runs the query several times. The first one starts the workers; the others find them there,
where a host keeps workers. Milliseconds a task are the slope between the fewest and the most tasks, the median of all sessions.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from session import Leat

ROOT = Path(__file__).resolve().parents[2]
QUERY = "SELECT k, count(*) AS n FROM read_csv('{file}', split_size => 4096) GROUP BY k ORDER BY k"


def times(options: list[str], tasks: int, file: Path, queries: int) -> list[float]:
    session = Leat(os.environ.get("LEAT", str(ROOT / "build/release/leat")), *options, "--threads", str(tasks))
    session.say("SET small_rows TO 0")
    session.ask("SELECT 1 AS one")
    found = [session.ask(QUERY.format(file=file))[1] for _ in range(queries)]
    session.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 64])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--queries", type=int, default=5)
    arguments, options = parser.parse_known_args()
    options = options or ["--on", "local:processes"]
    few, many = min(arguments.tasks), max(arguments.tasks)
    if few == many:
        parser.error("--tasks needs two different numbers")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_text("id,k\n" + "".join(f"{i},{i % 13}\n" for i in range(40000)))
        first, later = [], []
        for _ in range(arguments.repeats):
            a, b = (times(options, tasks, file, arguments.queries) for tasks in (few, many))
            stages = 2  # each task reads; as many group what was exchanged
            first.append((b[0] - a[0]) / ((many - few) * stages))
            later.append((statistics.median(b[1:]) - statistics.median(a[1:])) / ((many - few) * stages))
    print(f"{' '.join(options)}: {many} tasks beside {few}, two stages, medians of {arguments.repeats} sessions")
    print(f"a task of a session's first query  {statistics.median(first):7.2f} ms")
    print(f"a task of a later query            {statistics.median(later):7.2f} ms")


if __name__ == "__main__":
    main()
