#!/usr/bin/env python3
"""The example project in threads and in worker processes, a first and an incremental run: the same tables, counts and words.

    pipeline.py FOLDER
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
work = pathlib.Path(sys.argv[1])
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {text[:600]}")


def leat(folder, *arguments):
    return subprocess.run([LEAT, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


def words(result):
    """The summary without times and ids."""
    return re.sub(r"in [0-9.]+ s, run [0-9a-f-]+.*", "", result.stderr)


def rows(folder, table, columns):
    result = leat(folder, "query", "-q", "--lake", "lake", "--format", "csv", "-c", f"SELECT {columns} FROM {table}")
    return sorted(result.stdout.replace(str(folder), "").split("\n")), result.stderr


def compare(step):
    listed = leat(work / "threads", "query", "-q", "--lake", "lake", "--format", "csv", "-c", "SHOW TABLES").stdout.split()[1:]
    check(f"{step}: tables", len(listed) >= 10, str(listed))
    for table in listed:
        columns = "*" if "quarantine" not in table else "flow, file, line, rule, column_name, error_code, message, raw"
        a, b = rows(work / "threads", table, columns), rows(work / "processes", table, columns)
        check(f"{step}: {table}", a == b and len(a[0]) > 1 and not a[1], f"{a[0][:3]} {b[0][:3]} {a[1]} {b[1]}")


for name in ("threads", "processes"):
    shutil.copytree(ROOT / "examples/flights", work / name)
for step in ("first run", "second run", "full refresh"):
    if step == "second run":
        for name in ("threads", "processes"):
            shutil.copytree(work / name / "more", work / name / "data", dirs_exist_ok=True)
    more = ["--full-refresh-all"] if step == "full refresh" else []
    a = leat(work / "threads", "run", "--threads", "1", *more)
    b = leat(work / "processes", "run", "--threads", "3", "--on", "local:processes", *more)
    check(f"{step}: exit codes", a.returncode == 0 and b.returncode == 0, a.stderr + b.stderr)
    check(f"{step}: summary", words(a) == words(b), words(a) + words(b))
    compare(step)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
