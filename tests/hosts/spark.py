#!/usr/bin/env python3
"""What only Spark has: executors that are killed, second attempts at slow tasks, results larger than a driver's share, settings, and
addresses where no Spark is.

    spark.py FOLDER MASTER CLUSTER      CLUSTER is the folder given to scripts/services/spark.sh
"""
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
work, MASTER, cluster = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
passed = failed = 0
random.seed(int(os.environ.get("LEAT_SEED", "7")))

QUERY = """SELECT a.k, count(*), sum(b.id), max(b.note) FROM read_csv('rows.csv', split_size => 400000) a
JOIN read_csv('rows.csv', split_size => 400000) b ON a.id = b.id GROUP BY a.k ORDER BY 1"""


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL spark: {name}: {str(text)[-900:]}", flush=True)


def start(sql, *options, folder=work, **more):
    command = [LEAT, "query", "-q", "--format", "csv", *options, "-f", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, text=True,
                               env={**os.environ, "LEAT_LOG": "info", **more})  # fmt: skip
    process.stdin.write(sql)
    process.stdin.close()
    process.stdin = None
    return process


def run(sql, *options, **more):
    process = start(sql, *options, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def executors():
    """Process ids of the cluster's executors."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"CoarseGrainedExecutorBackend" in (path / "cmdline").read_bytes() and str(cluster) in os.readlink(path / "cwd"):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def on_spark(config=None, master=MASTER):
    options = ["--on", "spark", "--master", master]
    if config is not None:
        (work / "config.yaml").write_text(config)
        options += ["--host-config", str(work / "config.yaml")]
    return options


def killed_executors(want):
    """One session, whose executors are killed at random moments, and while a worker hangs."""
    sql = "SET small_rows TO 0;\n" + f"SET worker_fault TO 'slow:{work}/slow';\n{QUERY};\nSET worker_fault TO '';\n" + f"{QUERY};\n" * 6
    process = start(sql, *on_spark())
    killed = []

    def kill():
        while not (work / "slow.0").exists() and process.poll() is None:
            time.sleep(0.05)
        while process.poll() is None and len(killed) < 4:
            time.sleep(random.uniform(0.3, 1.0))
            for pid in random.sample(executors(), 1 if len(executors()) > 1 else 0):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    out, err = process.communicate(timeout=300)
    killer.join()
    check("killed executors: the same results", process.returncode == 0 and out == want * 7, f"{len(killed)} killed {err}")
    check("killed executors: they were", len(killed) >= 2 and "executor was lost" in err, f"{len(killed)} killed {err}")


def second_attempts(want):
    config = """# a comment
spark.speculation: true
spark.speculation.interval: 100ms   # often
spark.speculation.quantile: "0.5"
spark.speculation.multiplier: 1.5
spark.speculation.minTaskRuntime: '500ms'
"""
    sql = f"SET small_rows TO 0;\n{QUERY};\nSET worker_fault TO 'slow:{work}/speculated';\n{QUERY};\n"
    code, out, err = run(sql, *on_spark(config))
    check("a second attempt wins", code == 0 and out == want * 2 and "a second one, as the first takes long" in err, err)
    folder = work / "project"
    shutil.copytree(ROOT / "examples/flights", folder)
    result = subprocess.run([LEAT, "run", *on_spark(config)], cwd=folder, capture_output=True, text=True, timeout=300,
                            env={**os.environ, "LEAT_LOG": "info", "LEAT_FAULT_FRAGMENT": f"slow*2@late:{work}/written"})  # fmt: skip
    attempts = {}
    for file in folder.glob("lake/**/data/*"):
        found = re.match(r"([0-9a-f-]{36})-(\d+)-(\d+)-(\d+)-", file.name)
        if found:
            attempts.setdefault(found.groups()[:3], set()).add(found.group(4))
    twice = [task for task, numbers in attempts.items() if len(numbers) > 1]
    check("second attempts that write: the run", result.returncode == 0 and (work / "written.0").exists(), result.stderr)
    check("second attempts that write: files of one attempt only", attempts and not twice, (attempts, result.stderr))


def large_results():
    """More than comes along with a task's result, in order; more than an executor's or driver's heap goes through the shuffle."""
    sql = "SELECT id, note, repeat(note, 8) FROM read_csv('rows.csv', split_size => 400000)"
    want = hashlib.sha256(run(sql, "--threads", "1")[1].encode()).hexdigest()
    code, out, err = run(f"SET small_rows TO 0;\n{sql};", *on_spark())
    check("a large result", code == 0 and hashlib.sha256(out.encode()).hexdigest() == want, err)
    sql = "SELECT count(*), min(n), max(n) FROM (SELECT DISTINCT id, repeat(note, 40) AS n FROM read_csv('rows.csv', split_size => 400000))"
    want = run(sql, "--threads", "1")[1]
    code, out, err = run(f"SET small_rows TO 0;\n{sql};", *on_spark())
    check("much that is exchanged", code == 0 and out == want and want, err)


def not_there():
    sql = "SELECT i % 7 AS b, count(*) FROM generate_series(1, 100000) g(i) GROUP BY 1 ORDER BY 1 LIMIT 1;"
    for name, config, master, home, *words in (
        ("no master", None, "spark://127.0.0.1:9", None, "error[L24", "no Spark master at spark://127.0.0.1:9"),
        ("no address", None, "spark://somewhere", None, "error[L24", "is no address of a Spark master"),
        ("an unknown kind of master", None, "sparc://x:1", None, "error[L24"),
        ("a broken setting", "spark.executor.memory 1g\n", MASTER, None, 'config.yaml:1: not a line "spark.name: value"'),
        ("no Spark", None, MASTER, "/nonexistent", "SPARK_HOME is /nonexistent"),
        ("more than the cluster has", "spark.executor.memory: 900g\nspark.scheduler.maxRegisteredResourcesWaitingTime: 2s\n", MASTER, None, "error[L24", "gave no executor"),
    ):
        more = {"SPARK_HOME": home} if home else {}
        code, out, err = run(sql, *on_spark(config, master), **more)
        check(name, code == 1 and out == "" and all(word in err for word in words), (code, out, err))


with open(work / "rows.csv", "w") as f:
    f.write("id,k,note\n")
    for i in range(60000):
        f.write(f"{i},{i % 13},note {i % 97} of a text that is long enough\n")
right = run(QUERY, "--threads", "2")[1]
check("the query itself", right.count("\n") == 14, right)
for part in sys.argv[4:] or ["killed_executors", "second_attempts", "large_results", "not_there"]:
    {"killed_executors": lambda: killed_executors(right), "second_attempts": lambda: second_attempts(right),
     "large_results": large_results, "not_there": not_there}[part]()  # fmt: skip
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
