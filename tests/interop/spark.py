"""The lake as Spark with the Iceberg runtime sees it, through the catalog that both share: Spark reads every table, appends, merges, and makes
a table of its own; leat reads all of it, and a pipeline goes on from what Spark left.

    spark.py PROJECT CATALOG_URI JAR[,JAR] [CATALOG]      run by a Python that has pyspark

CATALOG is that catalog in leat's words; without it, the lake's own file.
"""
import csv
import io
import os
import subprocess
import sys
from collections import Counter

from pyspark.sql import SparkSession

PROJECT, URI, JARS = sys.argv[1:4]
CATALOG = ["--catalog", sys.argv[4]] if len(sys.argv) > 4 else []
LAKE = f"{PROJECT}/lake"
LEAT = os.environ["LEAT"]
passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(detail)[:600]}")


def leat(sql):
    result = subprocess.run([LEAT, "query", "-q", "--lake", LAKE, *CATALOG, "--format", "csv", "-c", sql], capture_output=True, text=True)
    if result.returncode:
        print(result.stderr)
    return list(csv.reader(io.StringIO(result.stdout)))


def run():
    return subprocess.run([LEAT, "run"], cwd=PROJECT, capture_output=True, text=True)


settings = {
    "spark.jars": JARS,
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.leat": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.leat.type": "jdbc",
    "spark.sql.catalog.leat.uri": URI,
    "spark.sql.catalog.leat.jdbc.schema-version": "V1",
    "spark.sql.catalog.leat.warehouse": f"file://{LAKE}",
}
builder = SparkSession.builder.master("local[2]")
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")


def cell(value):
    """As leat prints it in CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, float):
        return repr(value) if value != int(value) else str(int(value))
    return str(value)


def compare(name, step):
    """Timestamps are left to the readers of Python: here they are compared as epochs."""
    columns = [(f.name, f.dataType.typeName()) for f in spark.table(f"leat.{name}").schema]
    theirs_sql = ", ".join(f"unix_micros(`{c}`)" if t == "timestamp" else f"`{c}`" for c, t in columns)
    ours_sql = ", ".join(f'(extract(epoch FROM "{c}") * 1000000)::bigint' if t == "timestamp" else f'"{c}"' for c, t in columns)
    theirs = Counter(tuple(cell(v) for v in row) for row in spark.sql(f"SELECT {theirs_sql} FROM leat.{name}").collect())
    ours = Counter(tuple(row) for row in leat(f"SELECT {ours_sql} FROM {name}")[1:])
    difference = list((ours - theirs).elements())[:2] + list((theirs - ours).elements())[:2]
    check(f"{step}: {name}", ours == theirs and ours, f"{sum(ours.values())} and {sum(theirs.values())} rows; {difference}")


names = [row[0] for row in leat("SHOW TABLES")[1:]]
check("tables are there", len(names) >= 10, names)
for table in names:
    compare(table, "as leat wrote it")

before = int(leat("SELECT count(*) FROM flights.airlines")[1][0])
spark.sql("INSERT INTO leat.flights.airlines VALUES ('S1', 'Spark One'), ('S2', NULL)")
spark.sql("CREATE TABLE leat.flights.by_spark (id BIGINT, note STRING, amount DECIMAL(12,2)) USING iceberg PARTITIONED BY (bucket(4, id))")
spark.sql("INSERT INTO leat.flights.by_spark SELECT id, concat('note ', id), CAST(id AS DECIMAL(12,2)) / 4 FROM range(1000)")
spark.sql("MERGE INTO leat.flights.by_spark t USING (SELECT 7L AS id UNION ALL SELECT 5000L) s ON t.id = s.id "
          "WHEN MATCHED THEN UPDATE SET note = 'changed' WHEN NOT MATCHED THEN INSERT (id, note, amount) VALUES (s.id, 'new', 1.5)")  # fmt: skip
check("rows that Spark appended", leat("SELECT count(*) FROM flights.airlines")[1] == [str(before + 2)], leat("SELECT * FROM flights.airlines"))
check("a table that Spark made and merged", leat("SELECT count(*), sum(amount), count(*) FILTER (WHERE note = 'changed') FROM flights.by_spark")[1]
      == ["1001", "124876.50", "1"], leat("SELECT count(*), sum(amount), count(*) FILTER (WHERE note = 'changed') FROM flights.by_spark"))  # fmt: skip
leat("INSERT INTO flights.by_spark VALUES (9001, 'by leat', 2.25)")
spark.sql("REFRESH TABLE leat.flights.by_spark")
compare("flights.by_spark", "leat appended to Spark's table")

# The pipeline goes on: what is new comes, streaming tables keep what they had, and views are made again.
streamed = int(leat("SELECT count(*) FROM flights.flights_raw")[1][0])
subprocess.run(["cp", "-r", f"{PROJECT}/more/.", f"{PROJECT}/data"], check=True)
result = run()
check("leat run goes on after Spark", result.returncode == 0, result.stderr)
check("new rows came", int(leat("SELECT count(*) FROM flights.flights_raw")[1][0]) > streamed, result.stderr)
for table in names:
    spark.sql(f"REFRESH TABLE leat.{table}")
    compare(table, "after the second run")
print(f"{passed} passed, {failed} failed")
spark.stop()
sys.exit(failed > 0)
