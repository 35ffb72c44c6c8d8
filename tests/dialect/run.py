#!/usr/bin/env python3
"""Runs the .test files of this folder (the form of tests/sql) against leat in Spark's dialect.

    run.py [--write] [FILE ...]

The expected rows were written by Spark itself, in ANSI mode and UTC: --write asks it again (pyspark must be importable;
scripts/spark_oracle.sh says how to get it). A file named refused.test holds what is not carried over and is left alone. Errors of
Spark's are compared by their class: 22 for values, 42 for names and types.
"""
import datetime
import decimal
import importlib.util
import math
import pathlib
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("sql_run", HERE.parent / "sql/run.py")
sql_run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sql_run)


def leat(setup, record):
    """Rows or an SQLSTATE. One process a record: its setup and the statement."""
    script = "".join(s + ";\n" for s in setup + [record.sql])
    result = subprocess.run([sql_run.LEAT, "query", "-q", "--dialect", "spark", "--format", "csv", "--errors", "json"],
                            input=script, capture_output=True, text=True, timeout=60)
    if result.returncode not in (0, 1, 2, 4):
        return None, f"exit {result.returncode}: {result.stderr[:200]}"
    found = re.search(r'"sqlstate": ?"([0-9A-Z]{5})"', result.stderr)
    if found:
        return None, found.group(1) + " " + result.stderr[:300]
    rows = list(sql_run.csv_rows(result.stdout))[1:]
    return [["NULL" if c is None else sql_run.shown(c) for c in row] for row in rows], None


class Spark:
    """Spark itself, for --write."""

    def __init__(self):
        from pyspark.sql import SparkSession
        self.session = (SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC")
                        .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1")
                        .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
                        .getOrCreate())
        self.session.sparkContext.setLogLevel("OFF")

    def run(self, sql):
        from pyspark.errors import PySparkException
        try:
            frame = self.session.sql(sql)
            types = [field.dataType for field in frame.schema.fields]
            rows = [[text(value, kind) for value, kind in zip(row, types)] for row in frame.collect()]
            return [["NULL" if c is None else sql_run.shown(c) for c in row] for row in rows], None
        except PySparkException as error:
            return None, ((error.getSqlState() or "42000") + " " + str(error)[:150]).replace("\n", " ")
        except Exception as error:  # of the JVM, as it comes
            found = re.search(r"SQLSTATE: ([0-9A-Z]{5})", str(error))
            return None, (found.group(1) if found else "22000") + " " + str(error)[:150].replace("\n", " ")


def text(value, kind):
    """A value of Spark's as leat's CSV has it."""
    name = kind.typeName()
    if value is None:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    if name == "float" and math.isfinite(value):  # the shortest digits that read back as the same 32 bits
        return next(s for s in (f"{value:.{d}g}" for d in range(1, 18)) if struct.pack("f", float(s)) == struct.pack("f", value))
    if isinstance(value, float):
        return ("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity") if not math.isfinite(value) else repr(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        shown = value.isoformat(" ")
        if "." in shown:
            shown = shown.rstrip("0")
        return shown + ("+00" if name == "timestamp" else "")
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, list):
        return "{" + ",".join(item(v, kind.elementType) for v in value) + "}"
    return str(value)


def item(value, kind):
    shown = text(value, kind)
    if shown is None:
        return "NULL"
    if kind.typeName() == "string" and (shown == "" or re.search(r'[\s{},"\\]', shown) or shown.upper() == "NULL"):
        return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return shown


def run_file(path, spark):
    passed = failed = 0
    setup, results = [], {}
    for record in sql_run.parse(path):
        where = f"{path.name}:{record.line}"
        if spark:
            rows, error = spark.run(record.sql)
            if record.option == "ok":
                if error:
                    print(f"Spark refuses {where}: {error}")
                continue
            results[record.line] = (rows, error[:2] if error else None)
            if error and error[:2] == "42" and record.kind == "query":
                print(f"Spark refuses {where}: {record.sql[:100]}: {error}")
            continue
        rows, error = leat(setup, record)
        if record.kind == "statement" and record.option == "ok":
            setup.append(record.sql)
            good = error is None
        elif record.kind == "statement":
            good = error is not None and error.startswith(record.option.split()[1])
        else:
            good = error is None and sql_run.same_rows(rows, record.rows, record.option)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAIL {where}: {record.sql.strip()[:200]}\n     got {error[:200] if error else rows[:4]}, "
                  f"expected {record.option if record.kind == 'statement' else record.rows[:4]}")
    if spark:
        sql_run.write_back(path, results)
    return passed, failed


def main():
    write = "--write" in sys.argv
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    paths = [pathlib.Path(n).resolve() for n in names] or sorted(HERE.glob("*.test"))
    passed = failed = 0
    if write:
        spark = Spark()
        for path in paths:
            if path.name != "refused.test":
                run_file(path, spark)
        return 0
    with ThreadPoolExecutor(2) as pool:
        for p, f in pool.map(lambda path: run_file(path, None), paths):
            passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
