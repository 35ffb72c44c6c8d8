#!/usr/bin/env python3
"""The example project in threads and on a host, a first and an incremental run: the same tables, counts and words.

    pipeline.py FOLDER [--lake URI] [--on HOST ...]      default: worker processes

With --lake the host's lake lies there, and only the example's first and second run are compared.
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
LAKE = sys.argv[3] if sys.argv[2:3] == ["--lake"] else None
ON = sys.argv[4 if LAKE else 2 :] or ["--threads", "3", "--on", "local:processes"]
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {text[:600]}")


def leat(folder, *arguments):
    return subprocess.run([LEAT, *arguments], cwd=folder, capture_output=True, text=True, timeout=900)


def words(result):
    """The summary without times and ids."""
    return re.sub(r"in [0-9.]+ s, run [0-9a-f-]+.*", "", result.stderr)


def rows(folder, table, columns):
    lake = ["--lake", LAKE if LAKE and folder.name == "processes" else "lake"]
    if "://" in lake[1]:
        lake += ["--catalog", f"sqlite:{folder}/catalog.db"]
    result = leat(folder, "query", "-q", *lake, "--format", "csv", "-c", f"SELECT {columns} FROM {table}")
    return sorted(result.stdout.replace(str(folder), "").split("\n")), result.stderr


def compare(step):
    listed = leat(work / "threads", "query", "-q", "--lake", "lake", "--format", "csv", "-c", "SHOW TABLES").stdout.split()[1:]
    check(f"{step}: tables", len(listed) >= 10, str(listed))
    for table in listed:
        columns = "*" if "quarantine" not in table else "flow, file, line, rule, column_name, error_code, message, raw"
        a, b = rows(work / "threads", table, columns), rows(work / "processes", table, columns)
        check(f"{step}: {table}", a == b and len(a[0]) > 1 and not a[1], f"{a[0][:3]} {b[0][:3]} {a[1]} {b[1]}")


for name in ("threads", "processes"):
    shutil.copytree(ROOT / "examples/flights", work / name, ignore=shutil.ignore_patterns("lake*"))
if LAKE:
    for path in (work / "processes").rglob("*.yaml"):
        path.write_text(re.sub(r"(?m)^lake:.*$", f"lake: {LAKE}", path.read_text()))
for step in ("first run", "second run") if LAKE else ("first run", "second run", "full refresh"):
    if step == "second run":
        for name in ("threads", "processes"):
            shutil.copytree(work / name / "more", work / name / "data", dirs_exist_ok=True)
    more = ["--full-refresh-all"] if step == "full refresh" else []
    a = leat(work / "threads", "run", "--threads", "1", *more)
    b = leat(work / "processes", "run", *ON, *more)
    check(f"{step}: exit codes", a.returncode == 0 and b.returncode == 0, a.stderr + b.stderr)
    check(f"{step}: summary", words(a) == words(b), words(a) + words(b))
    compare(step)


if LAKE:
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)

# Bad rows of files, expectations of every kind, and one that ends the update.
FLOWS = """CREATE STREAMING TABLE items (
    CONSTRAINT counted EXPECT (n % 10 <> 1),
    CONSTRAINT dropped EXPECT (n % 10 <> 2) ON VIOLATION DROP ROW,
    CONSTRAINT aside EXPECT (n % 10 <> 3) ON VIOLATION QUARANTINE ROW)
AS SELECT * FROM STREAM read_files('data/*.csv', format => 'csv', types => {'n': 'bigint'}, split_size => 2000, on_error => 'quarantine');
CREATE MATERIALIZED VIEW totals (CONSTRAINT one EXPECT UNIQUE (k)) AS SELECT n % 4 AS k, count(*) AS c, sum(n) AS s FROM items GROUP BY 1;
"""
FAILING = FLOWS + """CREATE MATERIALIZED VIEW never (CONSTRAINT small EXPECT (s < 10) ON VIOLATION FAIL UPDATE) AS SELECT s FROM totals WHERE k = 1;
"""


def make(name):
    folder = work / name
    (folder / "transformations").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "leat.yaml").write_text("name: test\nlake: lake\n")
    (folder / "transformations/flows.sql").write_text(FLOWS)
    for part in range(3):
        with open(folder / f"data/{part}.csv", "w") as f:
            f.write("n,t\n")
            for i in range(700):
                f.write(f"{'x' if i % 97 == 5 else ''}{part * 1000 + i},text {i}{',more' if i % 211 == 7 else ''}\n")
    return folder


ways = {"bad-threads": ["--threads", "1"], "bad-processes": ON}
for name in ways:
    make(name)
results = {name: leat(work / name, "run", *more) for name, more in ways.items()}
check("bad rows: exit code", all(r.returncode == 0 for r in results.values()), [r.stderr for r in results.values()])
check("bad rows: summary", len({words(r) for r in results.values()}) == 1 and "counted" in results["bad-threads"].stderr,
      str([words(r) for r in results.values()]))
quarantined = "flow, file, line, byte_offset, rule, column_name, error_code, message, raw"
for table, columns in (("main.items", "*"), ("main.totals", "*"), ("main.items_quarantine", quarantined)):
    a, b = (rows(work / name, table, columns) for name in ways)
    check(f"bad rows: {table}", a == b and len(a[0]) > 4, f"{a[0][:3]} {b[0][:3]} {a[1]} {b[1]}")
for name in ways:
    (work / name / "transformations/flows.sql").write_text(FAILING)
results = {name: leat(work / name, "run", *more) for name, more in ways.items()}
errors = ["\n".join(line for line in r.stderr.replace(str(work / name), "").split("\n") if "rows failed" not in line)
          for name, r in results.items()]
check("an expectation that ends the update: exit code", all(r.returncode == 1 for r in results.values()), str(errors))
check("an expectation that ends the update: words", errors[0] == errors[1] and "L4201" in errors[0], str(errors))
r = leat(work / "bad-threads", "run", "--on", "local:procesess")
check("an unknown host", r.returncode == 2 and "did you mean --on local:processes" in r.stderr, (r.returncode, r.stderr))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
