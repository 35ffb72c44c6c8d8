#!/usr/bin/env python3
"""leat.dask: a query and a table as Dask DataFrames, here and in a cluster. dask_frame.py FOLDER ADDRESS"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "compute/dask"))
import leat.dask  # noqa: E402

LEAT, work, address = os.environ["LEAT"], pathlib.Path(sys.argv[1]), sys.argv[2]
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL leat.dask: {name}: {str(text)[:500]}")


def frames(where):
    frame = leat.dask.read_query(
        "SELECT i, i % 7 AS k, 'text ' || i AS t FROM generate_series(1, 300000) g(i) -- all", program=LEAT, folder=work
    )
    sums = frame.groupby("k").i.sum().compute()
    check(f"query {where}", sums.sum() == 300000 * 300001 // 2 and len(sums) == 7, sums)
    check(f"partitions {where}", frame.npartitions > 1, frame.npartitions)
    table = leat.dask.read_table("t", lake=work / "lake", program=LEAT)
    check(f"table {where}", table.compute().to_dict("list") == {"a": [1, 2], "b": ["x", None]}, table.compute())
    try:
        leat.dask.read_query("SELECT 1 / 0 AS x", program=LEAT)
        check(f"error {where}", False)
    except RuntimeError as error:
        check(f"error {where}", "division by zero" in str(error), error)


def main():
    sql = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x'), (2, NULL)) v(a, b)"
    subprocess.run([LEAT, "query", "-q", "--create-lake", "--lake", work / "lake", "-c", sql], check=True)
    frames("here")
    from distributed import Client

    with Client(address):
        frames("there")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
