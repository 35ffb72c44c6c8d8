"""Runs the tasks in turn with each engine, compares results, prints medians and ratios."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import duckdb
import engines

TASKS = {
    "csv": ("CSV to typed columns", "lineitem.csv"),
    "parquet": ("CSV to Parquet (zstd)", "lineitem.csv"),
    "ndjson": ("NDJSON to typed columns", "lineitem.ndjson"),
}
ENGINES = ["leat", "duckdb", "polars"]


def make_data(folder, scale):
    """lineitem.csv by TPC-H's generator, and half of its rows as lineitem.ndjson."""
    folder.mkdir(parents=True, exist_ok=True)
    csv, ndjson = folder / "lineitem.csv", folder / "lineitem.ndjson"
    if not csv.exists():
        generator = pathlib.Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run(
            [generator, "csv", "-s", str(scale), "--tables", "lineitem", "-o", folder / "unfinished"], check=True
        )
        (folder / "unfinished" / "lineitem.csv").rename(csv)
    if not ndjson.exists():
        duckdb.sql(
            f"COPY (SELECT * FROM '{csv}' LIMIT {int(3_000_000 * scale)}) TO '{ndjson}.unfinished' (FORMAT json)"
        )
        os.rename(f"{ndjson}.unfinished", ndjson)


def run_leat(options, task, source, target):
    if task == "parquet":
        sql = engines.COPY.format(source, target)
    else:
        sql = engines.SUMMARY.format(source)
    began = time.monotonic()
    done = subprocess.run(
        [options.leat, "query", "--threads", str(options.threads), "--format", "ndjson", "-q", "-c", sql],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    if task == "parquet":
        return seconds, None
    pairs = json.loads(done.stdout, object_pairs_hook=lambda items: items)
    return seconds, [str(value) for _, value in pairs]


def run_peer(engine, options, task, source, target):
    done = subprocess.run(
        [
            sys.executable,
            pathlib.Path(__file__).with_name("engines.py"),
            engine,
            task,
            str(options.threads),
            source,
            target,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    return answer["seconds"], answer["row"]


def equal(one, other):
    """Floating-point sums may differ in the last digits: those of the peers depend on the order of rows."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        if a == b:
            continue
        try:
            a, b = float(a), float(b)
        except ValueError:
            return False
        if abs(a - b) > 1e-9 * max(abs(a), abs(b)):
            return False
    return True


def file_summary(path):
    connection = duckdb.connect()
    return [str(value) for value in connection.execute(engines.SUMMARY.format(path)).fetchone()]


def measure(options, task):
    """Seconds of each engine, in turn and in changing order; ends the program if results differ."""
    source = str(options.data / TASKS[task][1])
    seconds = {engine: [] for engine in ENGINES}
    sizes, results = {}, {}
    for repeat in range(options.repeats + 1):  # the first warms the page cache and is not counted
        order = ENGINES if repeat % 2 == 0 else ENGINES[::-1]
        for engine in order:
            target = os.path.join(options.output, f"leat-bench-{os.getpid()}.parquet")
            try:
                if engine == "leat":
                    taken, row = run_leat(options, task, source, target)
                else:
                    taken, row = run_peer(engine, options, task, source, target)
                if repeat:
                    seconds[engine].append(taken)
                    continue
                if task == "parquet":
                    sizes[engine] = os.path.getsize(target)
                    row = file_summary(target)
                results[engine] = row
            finally:
                if os.path.exists(target):
                    os.remove(target)
        if repeat == 0:
            for engine in ENGINES[1:]:
                if not equal(results["leat"], results[engine]):
                    sys.exit(f"{task}: results differ\nleat   {results['leat']}\n{engine} {results[engine]}")
    return {engine: statistics.median(values) for engine, values in seconds.items()}, sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leat", default="build/release/leat")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("build/bench-data"))
    parser.add_argument("--output", default="/dev/shm", help="folder for the Parquet files (default %(default)s)")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    options = parser.parse_args()
    options.data = options.data / f"tpch-{options.scale:g}"
    make_data(options.data, options.scale)
    print("| task | MB | leat s | duckdb s | polars s | leat MB/s | faster peer / leat |")
    print("|---|---|---|---|---|---|---|")
    for task in options.tasks:
        medians, sizes = measure(options, task)
        megabytes = os.path.getsize(options.data / TASKS[task][1]) / 1e6
        ratio = min(medians["duckdb"], medians["polars"]) / medians["leat"]
        print(
            f"| {TASKS[task][0]} | {megabytes:.0f} | {medians['leat']:.2f} | {medians['duckdb']:.2f} "
            f"| {medians['polars']:.2f} | {megabytes / medians['leat']:.0f} | {ratio:.2f} |",
            flush=True,
        )
        if sizes:
            print("  (files: " + ", ".join(f"{e} {s / 1e6:.0f} MB" for e, s in sizes.items()) + ")", file=sys.stderr)


if __name__ == "__main__":
    main()
