"""PyIceberg appends to the tables of a pipeline while leat runs: nothing is lost, nothing is there twice."""
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pyarrow as pa
from pyiceberg.catalog import load_catalog

FOLDER, LEAT = pathlib.Path(sys.argv[1]), os.environ["LEAT"]
SQL = """CREATE STREAMING TABLE raw AS SELECT x FROM STREAM read_csv('in/*.csv', types => {'x': 'bigint'});
CREATE STREAMING TABLE next AS SELECT x FROM STREAM(raw);
CREATE STREAMING TABLE last (CONSTRAINT one EXPECT UNIQUE (x) ON VIOLATION FAIL UPDATE) AS SELECT x FROM STREAM(next);
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, count(DISTINCT x) AS d FROM next;"""
passed = failed = 0


def check(name: str, ok: bool, detail: object = "") -> None:
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAIL {name}: {detail}")


def leat(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([LEAT, *arguments], cwd=FOLDER, capture_output=True, text=True, env={**os.environ, "LEAT_LOG": "info"})


def rows(table: str) -> list[int]:
    return sorted(int(x) for x in leat("query", "-q", "--lake", "lake", "--format", "csv", "-c", f"SELECT x FROM {table}").stdout.split()[1:])


def append(table: str, values: list[int]) -> None:
    catalog = load_catalog("leat", type="sql", uri=f"sqlite:///{FOLDER}/lake/catalog.db", warehouse=f"file://{FOLDER}/lake/warehouse")
    for _ in range(20):  # a lost race is PyIceberg's to repeat
        try:
            catalog.load_table(f"main.{table}").append(pa.table({"x": pa.array(values, pa.int64())}))
            return
        except Exception as error:
            lost = error
    check(f"PyIceberg appends to {table}", False, lost)


def main() -> int:
    (FOLDER / "transformations").mkdir(parents=True)
    (FOLDER / "in").mkdir()
    (FOLDER / "leat.yaml").write_text("name: test\n")
    (FOLDER / "transformations/a.sql").write_text(SQL)
    (FOLDER / "in/0.csv").write_text("x\n0\n")
    check("first run", leat("run").returncode == 0)
    expected = {"raw": [0], "next": [0], "last": [0]}
    anew = 0
    for n, table in enumerate(["raw", "next", "last", "raw", "next", "raw"], 1):
        (FOLDER / f"in/{n}.csv").write_text(f"x\n{n * 100}\n")
        # the run reads everything and waits for the catalog; then PyIceberg commits first, or both are let go at once
        lock = sqlite3.connect(f"{FOLDER}/lake/catalog.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        run = subprocess.Popen([LEAT, "run"], cwd=FOLDER, stderr=subprocess.PIPE, text=True, env={**os.environ, "LEAT_LOG": "info"})
        time.sleep(0.4)
        client = threading.Thread(target=append, args=(table, [n]))
        if n % 4 != 0:
            run.send_signal(signal.SIGSTOP)
            lock.execute("ROLLBACK")
            append(table, [n])
            run.send_signal(signal.SIGCONT)
        else:
            client.start()
            lock.execute("ROLLBACK")
            client.join()
        lock.close()
        said = run.communicate()[1]
        anew += "begun anew" in said
        check(f"run {n} beside an append to {table}", run.returncode == 0, said)
        done = leat("run")
        check(f"run {n}, the next one", done.returncode == 0, done.stderr)
        for name in list(expected)[:]:
            expected[name].append(n * 100)
        for name in list(expected)[list(expected).index(table):]:
            expected[name].append(n)
        for name, want in expected.items():
            check(f"run {n}, append to {table}: rows of {name}", rows(name) == sorted(want), (rows(name), sorted(want)))
    catalog = load_catalog("leat", type="sql", uri=f"sqlite:///{FOLDER}/lake/catalog.db", warehouse=f"file://{FOLDER}/lake/warehouse")
    check("some runs were begun anew", anew >= 3, anew)
    catalog.load_table("main.raw").delete("x = 100")
    done = leat("run")
    check("a streamed table was rewritten", done.returncode == 2 and "L4107" in done.stderr and "--full-refresh next" in done.stderr, done.stderr)
    done = leat("run", "--full-refresh", "next")
    check("full refresh after that", done.returncode == 0, done.stderr)
    check("rows after that", rows("next") == rows("raw") == rows("last") and 100 not in rows("next"), rows("next"))
    done = leat("check")
    check("no orphans of other conflicts", done.returncode == 0, done.stderr)
    print(f"{passed} passed, {failed} failed ({anew} runs were begun anew)", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
