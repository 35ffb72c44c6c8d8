#!/usr/bin/env python3
"""Queries of TPC-H: Leat on Dask and Dask DataFrame, in the same cluster, on the same Parquet files.

A first round of all queries warms up and gives the results, which must be equal before any time counts. Then each query runs
in turn on both, as often as --repeats says; which goes first alternates. Decimal columns become floating-point numbers for Dask
DataFrame as its users do, when they are read: pandas computes with decimals a hundred times slower.
"""

import argparse
import json
import math
import statistics
import subprocess
import threading
import time
from pathlib import Path

import dask
import dask.dataframe as dd
import frames
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leat", required=True, help="the program")
    parser.add_argument("--generator", required=True, help="tpchgen-cli")
    parser.add_argument("--queries-folder", type=Path, required=True, help="q01.sql and so on")
    parser.add_argument("--data", type=Path, required=True, help="where data files are made and kept")
    parser.add_argument("--master", required=True, help="the scheduler's address")
    parser.add_argument("--scale", default="1", help="scale factor (default 1)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--queries", default="", help="only these, for example 1,6")
    return parser.parse_args()


def make_data(generator, folder, scale):
    target = folder / f"sf{scale}"
    if not (target / "complete").exists():
        command = [generator, "parquet", "-s", scale, "--compression", "SNAPPY", "--output-dir", str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (target / "complete").touch()
    # Both sides read copies without the generator's Arrow schema, whose string views Dask DataFrame cannot handle.
    plain = folder / f"sf{scale}-plain"
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


class Leat:
    """A session of `leat query`, given one statement after the other; times come from its --timing json."""

    def __init__(self, arguments, data):
        command = [arguments.leat, "query", "-q", "-i", "--format", "json", "--timing", "json"]
        command += ["--on", "dask", "--master", arguments.master]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.times, self.messages = [], []
        threading.Thread(target=self.read_messages, daemon=True).start()
        for table in TABLES:
            self.say(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{data}/{table}.parquet')")
        self.ask("SELECT 1 AS one")

    def read_messages(self):
        for line in self.process.stderr:
            if line.startswith("{") and '"ms"' in line:
                self.times.append(json.loads(line)["ms"])
            else:
                self.messages.append(line)

    def say(self, statement):
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()

    def ask(self, query):
        """Rows, and the milliseconds of the query. A mark follows it, to see its end."""
        self.say(query)
        self.say("SELECT 'end of the answer' AS mark")
        text = ""
        while "end of the answer" not in text:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("Leat ended: " + "".join(self.messages))
            text += line
        self.process.stdout.readline()  # the bracket below the mark
        end = time.monotonic() + 10
        while len(self.times) < 2 and time.monotonic() < end:
            time.sleep(0.001)
        milliseconds = self.times[-2]
        self.times.clear()
        if text.count("[\n") < 2:
            raise SystemExit(f"Leat failed: {''.join(self.messages)}")
        rows, _ = json.JSONDecoder().raw_decode(text.lstrip())
        return [list(row.values()) for row in rows], milliseconds

    def close(self):
        self.process.stdin.close()
        self.process.wait()


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
    data = make_data(arguments.generator, arguments.data, arguments.scale).resolve()
    wanted = [int(q) for q in arguments.queries.split(",") if q] or sorted(frames.QUERIES)
    texts = {q: (arguments.queries_folder / f"q{q:02d}.sql").read_text().strip().rstrip(";") for q in wanted}
    table = opener(data)
    ratios, wrong = [], 0
    with Client(arguments.master):
        leat = Leat(arguments, data)

        def run_dask(query):
            begun = time.monotonic()
            result = frames.QUERIES[query](table)
            return result, (time.monotonic() - begun) * 1000

        for query in wanted:
            a, b = leat.ask(texts[query])[0], run_dask(query)[0]
            if not equal(a, b):
                wrong += 1
                print(f"q{query}: DIFFERENT: {a[:2]} and {b.head(2).values.tolist()}")
        print(f"{'query':>6} {'Leat ms':>10} {'Dask ms':>10} {'ratio':>7}")
        for query in wanted:
            times = {"leat": [], "dask": []}
            for repeat in range(arguments.repeats):
                for side in ("leat", "dask") if repeat % 2 == 0 else ("dask", "leat"):
                    times[side].append(leat.ask(texts[query])[1] if side == "leat" else run_dask(query)[1])
            a, b = statistics.median(times["leat"]), statistics.median(times["dask"])
            ratios.append(b / a)
            print(f"{query:>6} {a:>10.0f} {b:>10.0f} {b / a:>7.1f}", flush=True)
        leat.close()
    print(f"geometric mean of the ratios: {math.exp(statistics.fmean(map(math.log, ratios))):.2f}; {wrong} different results")
    return wrong > 0


if __name__ == "__main__":
    raise SystemExit(main())
