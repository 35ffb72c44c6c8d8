#!/usr/bin/env python3
"""leat verify: equal tables are said to be equal, others are narrowed down to columns and rows, and nothing is left.

    verify.py FOLDER [--on HOST ...]      default: worker processes
"""
import os
import pathlib
import subprocess
import sys

LEAT = os.environ["LEAT"]
work = pathlib.Path(sys.argv[1])
ON = sys.argv[2:] or ["--threads", "3", "--on", "local:processes"]
passed = failed = 0
FLOWS = """CREATE STREAMING TABLE items AS SELECT * FROM STREAM read_files('data/*.csv', format => 'csv');
CREATE MATERIALIZED VIEW totals AS SELECT k, count(*) AS c, sum(n) AS s, avg(n::double precision / 3) AS a FROM items GROUP BY k;
"""


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL verify: {name}: {str(text)[:900]}")


def verify(flows):
    (work / "transformations/flows.sql").write_text(flows)
    result = subprocess.run([LEAT, "verify", *ON], cwd=work, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


(work / "transformations").mkdir(parents=True)
(work / "data").mkdir()
(work / "leat.yaml").write_text("name: test\nlake: lake\n")
with open(work / "data/a.csv", "w") as file:
    file.write("n,k\n" + "".join(f"{i},{i % 700}\n" for i in range(20000)))
code, out, err = verify(FLOWS)
check("equal", code == 0 and out.count("same") == 3 and "20000 rows" in out, (code, out, err))
code, out, err = verify(FLOWS.replace("SELECT k, count(*) AS c", "SELECT k, CASE WHEN k = 123 THEN random() ELSE 0 END AS c").replace("GROUP BY k;", "GROUP BY k, 2;"))
lines = [line for line in out.split("\n") if "only" in line]
check("different: exit code and table", code == 1 and "DIFFERS main.totals" in out and "1 tables differ" in out, (code, out, err))
check("different: only the column", "columns c\n" in out, out)
check("different: the rows", lines and all("k = 123," in line for line in lines), out)
check("different: the other table is the same", "same    main.items" in out, out)
check("no lake is left", not list(work.glob("lake*")), list(work.glob("lake*")))
result = subprocess.run([LEAT, "verify"], cwd=work, capture_output=True, text=True)
check("without a host", result.returncode == 2 and "--on HOST" in result.stderr, result.stderr)

def where(*arguments):
    result = subprocess.run([LEAT, "explain", "--where", *arguments], cwd=work, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


code, text = where("-c", "SELECT k, count(*) FROM 'data/a.csv' GROUP BY k")
check("where: a small query runs here", code == 0 and "Run it here" in text and all(h in text for h in ("spark", "hadoop", "flink", "dask")), text)
(work / "leat.yaml").write_text("name: test\nlake: lake\nhosts:\n  prod: {host: dask, master: 'tcp://head:8786', tasks: 40}\n")
code, text = where("-c", "SELECT 1")
check("where: the project's hosts", code == 0 and "dask                  40" in text and "spark" not in text, text)
code, text = where("--memory", "1KB", "--hosts", "spark=64", "-c", "SELECT * FROM 'data/a.csv' ORDER BY n")
check("where: what does not fit runs elsewhere", code == 0 and "Run it with --on spark: here its tables do not fit" in text, text)
code, text = where("-c", "SELECT 1", "--hosts", "sprk=4")
check("where: an unknown host", code == 2 and "--hosts" in text, text)
code, text = where("-c", "SELECT nothing FROM 'data/a.csv'")
check("where: an error in the query", code == 2 and "L2101" in text or "nothing" in text, text)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
