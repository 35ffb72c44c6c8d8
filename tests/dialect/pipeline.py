#!/usr/bin/env python3
"""A Spark Declarative Pipelines project, unmodified, run by leat step by step: the rows must be those of Spark's own runner.

    pipeline.py SUITE [--on HOST ...]     (the folder with ref/ and ref-rowcounts.txt; on a host only its steps)

The list of steps holds statements with Spark's results behind `->`, and `-- after: run ...` behind each run.
"""
import csv
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal

ON = sys.argv[2:]
LEAT = os.environ.get("LEAT", str(pathlib.Path(__file__).parents[2] / "build/release/leat"))


def call(*arguments, folder=None):
    return subprocess.run([LEAT, *arguments], capture_output=True, text=True, cwd=folder, timeout=120)


def query(lake, sql):
    result = call("query", "--dialect", "spark", "--lake", lake, "--create-lake", "--format", "csv", "-q", "-c", sql)
    if result.returncode:
        raise SystemExit(f"{sql}: {result.stderr}")
    return list(csv.reader(io.StringIO(result.stdout)))[1:]


def main():
    suite = pathlib.Path(sys.argv[1])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder, "ref")
        shutil.copytree(suite / "ref", project)
        lake = str(project / "kept")
        (project / "leat.yaml").write_text("lake: kept\n")  # storage: of the yml is outside the test's folder
        steps = (suite / "ref-rowcounts.txt").read_text().splitlines()
        for step in steps:
            if step.startswith("-- after: run"):
                result = call("run", "-q", *ON, *step.split()[3:], folder=project)
                if result.returncode:
                    raise SystemExit(f"{step}: {result.stderr}")
            elif step.startswith("INSERT"):
                sql = step.rsplit(" -> ", 1)[0]
                query(lake, sql if sql.endswith(")") else sql.rstrip(", ") + ", 1)")
            elif step.startswith("CREATE TABLE"):
                query(lake, step.rsplit(" -> ", 1)[0])
            elif step.startswith("SELECT"):
                sql, expected = step.rsplit(" -> ", 1)
                rows = [tuple(value(c) for c in row) for row in query(lake, sql)]
                wanted = [tuple(value(str(c)) for c in row) for row in eval(expected, {"Decimal": Decimal})]
                if rows == wanted:
                    passed += 1
                else:
                    failed += 1
                    print(f"FAIL {sql}: {rows}, by Spark {wanted}")
    if not ON:
        passed, failed = check_storage(suite, passed, failed)
        passed, failed = check_files(passed, failed)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


def check_storage(suite, passed, failed):
    """Without leat.yaml the lake lies in the folder that `storage` names."""
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder, "ref")
        shutil.copytree(suite / "ref", project)
        yml = project / "spark-pipeline.yml"
        yml.write_text(re.sub(r"storage: .*", f"storage: file://{folder}/kept", yml.read_text()))
        query(f"{folder}/kept/lake", "CREATE TABLE ref.src_orders AS SELECT bigint(1) AS id, 'c' AS cust, decimal(1) AS amt")
        result = call("run", "-q", folder=project)
        rows = query(f"{folder}/kept/lake", "SELECT count(*) FROM spark_catalog.ref.orders")
        good = result.returncode == 0 and rows == [["1"]]
        if not good:
            print(f"FAIL storage: {result.stderr} {rows}")
        return passed + good, failed + (not good)


def check_files(passed, failed):
    """Files by their paths, as Spark reads them: CSV without a header, all text; names of files keep their case."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "Rows.csv").write_text("a,1\nb,2\n")
        pathlib.Path(folder, "rows.json").write_text('{"n": 5, "s": "x"}\n{"n": 7}\n')
        for sql, wanted in [(f"SELECT _c0, typeof(_c1) FROM csv.`{folder}/Rows.csv` ORDER BY _c0", [["a", "string"], ["b", "string"]]),
                            (f"SELECT sum(n), count(s) FROM json.`file://{folder}/rows.json`", [["12", "1"]])]:
            rows = query(f"{folder}/lake", sql)
            if rows != wanted:
                print(f"FAIL {sql}: {rows}")
            passed, failed = passed + (rows == wanted), failed + (rows != wanted)
    return passed, failed


def value(text):
    return Decimal(text) if re.fullmatch(r"-?[0-9.]+", text) else text


if __name__ == "__main__":
    sys.exit(main())
