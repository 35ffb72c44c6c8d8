"""Reads a lake with PyIceberg and compares every table with what leat query gives; then appends and reads back."""
import csv
import glob
import io
import os
import subprocess
import sys
import time
from collections import Counter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog

LAKE = sys.argv[1]
LEAT = os.environ["LEAT"]
passed = failed = 0


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}")


def leat(sql: str) -> list[list[str]]:
    result = subprocess.run([LEAT, "query", "-q", "--lake", LAKE, "--format", "csv", "-c", sql],
                            capture_output=True, text=True, check=True)
    return list(csv.reader(io.StringIO(result.stdout)))


def cell(value) -> str:
    """A value as leat prints it in CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float):
        return repr(value) if value != int(value) else str(int(value))
    if hasattr(value, "tzinfo") and value.tzinfo is not None:
        return value.strftime("%Y-%m-%d %H:%M:%S") + (f".{value.microsecond:06}".rstrip("0") if value.microsecond else "") + "+00"
    return str(value)


def compare(table) -> None:
    name = ".".join(table.name()[-2:])
    rows = table.scan().to_arrow().to_pylist()
    got = leat(f"SELECT * FROM {name}")
    ours = Counter(tuple(row) for row in got[1:])
    theirs = Counter(tuple(cell(v) for v in row.values()) for row in rows)
    check(f"{name} columns", got[0] == [f.name for f in table.schema().fields], str(got[0]))
    difference = list((ours - theirs).elements())[:2] + list((theirs - ours).elements())[:2]
    check(f"{name} rows", ours == theirs, f"{sum(ours.values())} and {sum(theirs.values())} rows; {difference}")


def change_rows(catalog) -> None:
    """UPDATE and DELETE by leat, as PyIceberg sees them; and beside another client, whose rows are never lost."""
    leat("UPDATE flights.airlines SET name = upper(name) WHERE carrier >= 'U'")
    compare(catalog.load_table("flights.airlines"))
    leat("DELETE FROM flights.airlines WHERE carrier = 'ZZ'")
    table = catalog.load_table("flights.airlines")
    compare(table)
    slow = "UPDATE flights.airlines SET name = (SELECT count(*) FROM generate_series(1, 60000000) g WHERE g % 7 = 1)::text WHERE carrier = 'AA'"
    process = subprocess.Popen([LEAT, "query", "-q", "--lake", LAKE, "-c", slow], stderr=subprocess.PIPE, text=True)
    time.sleep(0.2)
    table.append(pa.table({"carrier": ["YY"], "name": ["Beside"]}, schema=table.schema().as_arrow()))
    message = process.communicate()[1]
    rows = leat("SELECT carrier FROM flights.airlines WHERE carrier = 'YY'")[1:]
    check("an append beside an UPDATE is not lost", rows == [["YY"]], f"{rows} {message}")
    check("the UPDATE came first, or says that it met a change", process.returncode == 0 or "L3003" in message, message)
    compare(catalog.load_table("flights.airlines"))


def main() -> int:
    catalog = load_catalog("leat", type="sql", uri=f"sqlite:///{LAKE}/catalog.db", warehouse=f"file://{LAKE}/warehouse")
    names = [t for n in catalog.list_namespaces() for t in catalog.list_tables(n)]
    check("tables", len(names) >= 10, str(names))
    for name in names:
        compare(catalog.load_table(name))
    table = catalog.load_table("flights.airlines")
    before = leat("SELECT count(*) FROM flights.airlines")[1][0]
    table.append(pa.table({"carrier": ["ZZ"], "name": ["Zed Air"]}, schema=table.schema().as_arrow()))
    check("appended by PyIceberg", leat("SELECT name FROM flights.airlines WHERE carrier = 'ZZ'")[1:] == [["Zed Air"]])
    check("rows after append", int(leat("SELECT count(*) FROM flights.airlines")[1][0]) == int(before) + 1)
    change_rows(catalog)
    for path in glob.glob(f"{LAKE}/warehouse/flights/*/data/*.parquet"):
        ok = pq.read_table(path).num_rows == duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
        check(f"pyarrow and DuckDB read {os.path.basename(path)}", ok)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
