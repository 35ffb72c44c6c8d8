#!/usr/bin/env python3
"""Queries of TPC-H: Leat on Dask and Dask DataFrame, in the same cluster, on the same Parquet files.

A first round of all queries warms up and gives the results, which must be equal before any time counts. Then each query runs
in turn on both, as often as --repeats says; which goes first alternates. Decimal columns become floating-point numbers for Dask
DataFrame as its users do, when they are read: pandas computes with decimals a hundred times slower.
"""

import math
import sys
import time
from pathlib import Path

import dask
import dask.dataframe as dd
import frames
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from session import Leat, add_tasks, measure, report, tasks_of  # noqa: E402
from workload import TABLES, make_data, new_parser, read_queries  # noqa: E402


def parse_arguments():
    parser = new_parser(__doc__, repeats=3)
    add_tasks(parser)
    parser.add_argument("--master", required=True, help="the scheduler's address")
    parser.set_defaults(queries=sorted(frames.QUERIES))
    arguments = parser.parse_args()
    if missing := set(arguments.queries) - set(frames.QUERIES):
        parser.error(f"queries {sorted(missing)} are not written for Dask DataFrame: {sorted(frames.QUERIES)} are")
    return arguments


def make_plain_data(generator, folder, scale):
    """Both sides read copies without the generator's Arrow schema, whose string views Dask DataFrame cannot handle."""
    target = make_data(generator, folder, scale)
    plain = folder / f"{target.name}-plain"
    if not (plain / "complete").exists():
        plain.mkdir(exist_ok=True)
        for table in TABLES:
            with pq.ParquetFile(target / f"{table}.parquet") as file:
                schema = pa.schema([f.with_type(pa.string()) if f.type == pa.string_view() else f for f in file.schema_arrow])
                with pq.ParquetWriter(plain / f"{table}.parquet", schema.remove_metadata(), store_schema=False) as out:
                    for batch in file.iter_batches(131072):
                        out.write_batch(batch.cast(schema.remove_metadata()))
        (plain / "complete").touch()
    return plain


def opener(data):
    """Opens a table of the given columns, with decimals as floating-point numbers and dates as timestamps."""

    def to_numbers(part):
        for name in part.columns:
            if isinstance(part[name].dtype, pd.ArrowDtype):
                kind = part[name].dtype.pyarrow_dtype
                if pa.types.is_decimal(kind):
                    part[name] = part[name].astype(pd.ArrowDtype(pa.float64())).astype("float64")
                elif pa.types.is_date(kind):
                    part[name] = part[name].astype(pd.ArrowDtype(pa.timestamp("ns"))).astype("datetime64[ns]")
        return part

    def table(name, columns):
        read = dd.read_parquet(data / f"{name}.parquet", columns=columns, split_row_groups="adaptive", dtype_backend="pyarrow")
        return read.map_partitions(to_numbers, meta=to_numbers(read._meta.copy()))

    return table


def plain(value):
    if value is None or isinstance(value, str):
        text = value or ""
        return text.strip() if text[:10].count("-") != 2 else text[:10]
    if hasattr(value, "date"):
        return str(value.date())
    return float(value)


def same(a, b):
    try:
        x, y = float(a), float(b)
    except (TypeError, ValueError):
        return plain(a) == plain(b)
    return math.isclose(x, y, rel_tol=1e-6, abs_tol=0.011)


def equal(leat, frame):
    rows = frame.values.tolist()
    return len(leat) == len(rows) and all(len(a) == len(b) and all(map(same, a, b)) for a, b in zip(leat, rows))


def main():
    arguments = parse_arguments()
    dask.config.set({"dataframe.convert-string": True})
    data = make_plain_data(arguments.generator, arguments.data, arguments.scale).resolve()
    queries = read_queries(arguments.queries_folder, arguments.queries)
    table = opener(data)
    wrong = 0
    with Client(arguments.master):
        tasks = tasks_of(arguments)
        leat = Leat(arguments.leat, "--on", "dask", "--master", arguments.master, *tasks)
        leat.open_tables({name: f"{data}/{name}.parquet" for name in TABLES})

        def run_dask(number):
            begun = time.monotonic()
            result = frames.QUERIES[number](table)
            return result, (time.monotonic() - begun) * 1000

        for number, query in queries.items():
            a, b = leat.ask(query)[0], run_dask(number)[0]
            if not equal(a, b):
                wrong += 1
                print(f"q{number}: DIFFERENT: {a[:2]} and {b.head(2).values.tolist()}")
        sides = {"leat": lambda number: leat.ask(queries[number])[1], "peer": lambda number: run_dask(number)[1]}
        times = measure(sides, {number: number for number in queries}, arguments.repeats)
        print(f"TPC-H scale factor {arguments.scale:g}, Snappy Parquet, two workers with a thread each, Leat with {' '.join(tasks)}, medians of {arguments.repeats}, ms")
        report(list(queries), times, "Dask DataFrame")
        leat.close()
    print(f"{wrong} different results")
    return wrong > 0


if __name__ == "__main__":
    raise SystemExit(main())
