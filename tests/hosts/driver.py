#!/usr/bin/env python3
"""Drivers that go wrong (tests/hosts/loopback): each is an error that says what happened, and never a hang."""
import os
import pathlib
import subprocess
import sys
import tempfile

LEAT = os.environ["LEAT"]
HOSTS = pathlib.Path(__file__).resolve().parent / "loopback"
passed = failed = 0


def query(**more):
    environment = {**os.environ, "LEAT_HOSTS": str(HOSTS), **more}
    sql = "SELECT i % 7 AS b, count(*) FROM generate_series(1, 100000) g(i) GROUP BY 1 ORDER BY 1 LIMIT 1"
    return subprocess.run([LEAT, "query", "-q", "--on", "spark", "--master", "spark://x:1", "-c", sql],
                          capture_output=True, text=True, env=environment, timeout=100)  # fmt: skip


def expect(name, code, *words, **more):
    global passed, failed
    result = query(**more)
    text = result.stdout + result.stderr
    if result.returncode == code and all(word in text for word in words):
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: exit code {result.returncode}: {text[:500]}")


expect("a good one", 0, "0,14285")
expect("one that loses every first attempt", 0, "0,14285", LEAT_LOOPBACK="retry")
expect("one that dies", 1, "L2406", "exit code 3", LEAT_LOOPBACK="die")
expect("one that says nothing", 1, "L2406", "exit code 5", LEAT_LOOPBACK="silent")
expect("one that talks nonsense", 1, "L2406", "no answer", LEAT_LOOPBACK="garbage")
expect("one of another version", 2, "L2402", LEAT_LOOPBACK="version")
expect("one without a cluster", 1, "L2404", "spark://x:1", LEAT_LOOPBACK="unreachable")
expect("a task that wins twice", 1, "won twice", LEAT_LOOPBACK="twice")
expect("a task that is forgotten", 1, "nothing about task", LEAT_LOOPBACK="missing")
expect("no driver at all", 2, "L2405", "LEAT_HOSTS", LEAT_HOSTS="/nowhere")
result = subprocess.run([LEAT, "query", "-q", "--on", "spark", "--master", "spark://x:1", "-c", "SELECT 1 AS one"], capture_output=True, text=True,
                        env={**os.environ, "LEAT_HOSTS": str(HOSTS), "LEAT_LOOPBACK": "unreachable"})  # fmt: skip
if result.stdout == "one\n1\n":
    passed += 1
else:
    failed += 1
    print(f"FAIL a query that reads nothing needs no host: {result.stderr[:300]}")
expect("no packed worker", 2, "L2405", "pack_worker", LEAT_WORKER_PACK="/nowhere")
for arguments, words in (
    (["--on", "spark"], "--master spark://"),
    (["--master", "x"], "--on"),
    (["--task-threads", "2"], "--threads"),
    (["--on", "local:processes", "--host-config", "x"], "--host-config is for clusters"),
):
    result = subprocess.run([LEAT, "query", *arguments, "-c", "SELECT 1"], capture_output=True, text=True)
    if result.returncode == 2 and "L2405" in result.stderr and words in result.stderr and not result.stdout:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {arguments}: {result.returncode} {result.stderr[:300]}")
with tempfile.TemporaryDirectory() as folder:
    project = pathlib.Path(folder)
    (project / "transformations").mkdir()
    (project / "leat.yaml").write_text("name: test\nlake: lake\n")
    (project / "transformations/a.sql").write_text("CREATE MATERIALIZED VIEW a AS SELECT 1 AS x;")
    (project / "leat.yaml").write_text("name: test\nlake: lake\nhosts:\n  prod: {host: spark, master: 'spark://head:7077', tasks: 3}\n")
    environment = {**os.environ, "LEAT_HOSTS": str(HOSTS), "LEAT_LOOPBACK": "unreachable"}
    for command in (["run", "--on", "prod"], ["query", "--on", "prod", "-c", "SELECT count(*) FROM generate_series(1, 9)"]):
        result = subprocess.run([LEAT, *command], cwd=project, capture_output=True, text=True, env=environment)
        good = "spark://head:7077" in result.stderr and "L2404" in result.stderr
        passed += good
        if not good:
            failed += 1
            print(f"FAIL a host of the project, {command}: {result.stderr[:500]}")
    for name, mode, code in (("a lake that workers do not see", "unseen", 2), ("one that they see", "", 0)):
        environment = {**os.environ, "LEAT_HOSTS": str(HOSTS), "LEAT_LOOPBACK": mode}
        result = subprocess.run([LEAT, "run", "--on", "spark", "--master", "loopback"], cwd=project, capture_output=True, text=True, env=environment)
        good = result.returncode == code and ("L2408" in result.stderr and "s3://" in result.stderr) == bool(mode)
        left = [str(path) for path in project.rglob("*") if "seen-by" in path.name or (mode and path.suffix == ".parquet")]
        passed += good and not left
        if not good or left:
            failed += 1
            print(f"FAIL {name}: {result.returncode} {result.stderr[:500]} {left}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
