"""What each engine runs, and a process that runs it once.

`python engines.py ENGINE TASK THREADS INPUT OUTPUT` prints one JSON object: the seconds of the work alone (start and
import of the engine not counted), and the values found. Leat is run from outside, with its start counted.
"""

import json
import os
import sys
import time

NUMBERS = [
    "l_orderkey",
    "l_partkey",
    "l_suppkey",
    "l_linenumber",
    "l_quantity",
    "l_extendedprice",
    "l_discount",
    "l_tax",
]
OTHERS = [
    "l_returnflag",
    "l_linestatus",
    "l_shipdate",
    "l_commitdate",
    "l_receiptdate",
    "l_shipinstruct",
    "l_shipmode",
    "l_comment",
]
SUMMARY = "SELECT count(*), {} FROM '{}'".format(
    ", ".join([f"sum({c}), min({c}), max({c})" for c in NUMBERS] + [f"count({c}), min({c}), max({c})" for c in OTHERS]),
    "{}",
)
COPY = "COPY (SELECT * FROM '{}') TO '{}'"


def duckdb(task, threads, source, target):
    import duckdb as engine

    connection = engine.connect(config={"threads": threads})
    began = time.monotonic()
    if task == "parquet":
        connection.execute(COPY.format(source, target) + " (FORMAT parquet, COMPRESSION zstd)")
        return time.monotonic() - began, None
    row = connection.execute(SUMMARY.format(source)).fetchone()
    return time.monotonic() - began, row


def polars(task, threads, source, target):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as engine

    began = time.monotonic()
    if source.endswith(".csv"):
        frame = engine.scan_csv(source, try_parse_dates=True)
    else:  # it detects no dates in JSON: told, as a person would
        frame = engine.scan_ndjson(source).with_columns(
            engine.col(name).str.to_date() for name in OTHERS if name.endswith("date")
        )
    if task == "parquet":
        frame.sink_parquet(target, compression="zstd")
        return time.monotonic() - began, None
    wanted = [engine.len().alias("rows")]
    for name in NUMBERS + OTHERS:
        column = engine.col(name)
        wanted += [
            (column.sum() if name in NUMBERS else column.count()).alias(f"{name} of"),
            column.min().alias(f"{name} least"),
            column.max().alias(f"{name} most"),
        ]
    row = frame.select(wanted).collect(engine="streaming").row(0)
    return time.monotonic() - began, row


if __name__ == "__main__":
    engine, task, threads, source, target = sys.argv[1:6]
    seconds, row = {"duckdb": duckdb, "polars": polars}[engine](task, int(threads), source, target)
    print(json.dumps({"seconds": seconds, "row": row and [str(value) for value in row]}))
