#!/usr/bin/env python3
"""Leat in the tasks of MapReduce on YARN: the example project, queries of several rounds, workers and containers that are killed, errors,
a lost coordinator, no cluster; and nothing is left on the cluster.

    hadoop.py FOLDER CLUSTER PART...      CLUSTER is the folder given to scripts/services/hadoop.sh; the parts: see PARTS
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
work, cluster = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
RM = os.environ["resourcemanager_http"]
passed = failed = 0

QUERY = """SELECT a.k, count(*), sum(b.id), max(b.note) FROM read_csv('rows.csv', split_size => 700000) a
JOIN read_csv('rows.csv', split_size => 700000) b ON a.id = b.id GROUP BY a.k ORDER BY 1"""
# Everything in the application master, one task after the other: the quickest for small jobs.
SMALL = """<configuration>
<property><name>mapreduce.job.ubertask.enable</name><value>true</value></property>
</configuration>"""


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL hadoop: {name}: {str(text)[-900:]}", flush=True)


def on_hadoop(config=None, master="yarn", tasks=2):
    options = ["--on", "hadoop", "--master", master, "--threads", str(tasks)]
    if config:
        (work / "config.xml").write_text(config)
        options += ["--host-config", str(work / "config.xml")]
    return options


def start(sql, *options, **more):
    source = [] if "-i" in options else ["-f", "-"]
    process = subprocess.Popen([LEAT, "query", "-q", "--format", "csv", *options, *source], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=work, text=True, env={**os.environ, "LEAT_LOG": "info", **more})  # fmt: skip
    process.stdin.write(sql)
    process.stdin.close()
    process.stdin = None
    return process


def run(sql, *options, **more):
    out, err = (process := start(sql, *options, **more)).communicate(timeout=600)
    return process.returncode, out, err


def processes(*words):
    """Processes of this cluster whose command line has these words."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in line for word in words) and str(cluster) in line + os.readlink(path / "cwd"):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


def applications(states):
    with urllib.request.urlopen(f"http://{RM}/ws/v1/cluster/apps?states={states}", timeout=20) as answer:
        apps = json.load(answer)["apps"]
    return [app["id"] for app in apps["app"]] if apps else []


def stored():
    """What is left below the staging folder on HDFS."""
    url = f"http://{os.environ['namenode_http']}/webhdfs/v1/tmp/hadoop-yarn/staging/root"
    left = []
    for name in ("leat", ".staging"):
        try:
            with urllib.request.urlopen(f"{url}/{name}?op=LISTSTATUS", timeout=20) as answer:
                left += [item["pathSuffix"] for item in json.load(answer)["FileStatuses"]["FileStatus"]]
        except urllib.error.HTTPError as error:  # a folder that was never made
            if error.code != 404:
                raise
    return left


def make_rows():
    with open(work / "rows.csv", "w") as file:
        file.write("id,k,note\n")
        for i in range(40000):
            file.write(f"{i},{i % 13},note {i % 97} of a text that is long enough\n")
    return run(QUERY)[1]


def example():
    """A first run by Hadoop's own runner in one process, and an incremental one on YARN, with the lake on HDFS, give the same tables as
    here with a local lake."""
    lakes = {"here": ["--lake", "lake"], "there": ["--lake", "hdfs:///lakes/there", "--catalog", "sqlite:catalog.db"]}
    for name, lake in lakes.items():
        shutil.copytree(ROOT / "examples/flights", work / name)
        for settings in (work / name / "leat.yaml", work / name / "configs/config.dev.yaml"):
            settings.write_text(settings.read_text().replace("lake: lake\n", f"lake: {lake[1]}\n"))

    def leat(folder, *arguments):
        return subprocess.run([LEAT, *arguments], cwd=work / folder, capture_output=True, text=True, timeout=900)

    def rows(folder, table):
        columns = "*" if "quarantine" not in table else "flow, line, rule, column_name, error_code, message, raw"
        result = leat(folder, "query", "-q", *lakes[folder], "--format", "csv", "-c", f"SELECT {columns} FROM {table}")
        return sorted(result.stdout.replace(str(work / folder), "").split("\n")), result.stderr

    for step, master in (("first run", "local"), ("second run", "yarn")):
        if step == "second run":
            for name in ("here", "there"):
                shutil.copytree(work / name / "more", work / name / "data", dirs_exist_ok=True)
        leat("here", "run", "--threads", "1")
        there = leat("there", "run", *on_hadoop(SMALL, master, 1))
        check(f"{step}: exit code", there.returncode == 0, there.stderr)
        tables = leat("here", "query", "-q", "--lake", "lake", "--format", "csv", "-c", "SHOW TABLES").stdout.split()[1:]
        check(f"{step}: tables", len(tables) >= 10, tables)
        for table in tables:
            a, b = rows("here", table), rows("there", table)
            check(f"{step}: {table}", a == b and len(a[0]) > 1, f"{a[0][:3]} {b[0][:3]} {b[1]}")


def session(want):
    """Statements of one driver: rounds with tasks in containers, workers that crash before and after they put out rows, errors."""
    faults = ["segv", "abort@late"]
    sql = "SET small_rows TO 0;\n"
    for kind in faults:
        sql += f"SET worker_fault TO '{kind}:{work}/fault-{kind}';\n{QUERY};\n"
    sql += "SET worker_fault TO '';\nSELECT 1 / (id - 39999) FROM 'rows.csv';\nSELECT count(*) AS rows FROM 'rows.csv';\n"
    code, out, err = run(sql, *on_hadoop(), "-i")
    happened = [kind for kind in faults if (work / f"fault-{kind}.0").exists()]
    check("workers that crash: the same rows", out == want * 2 + "rows\n40000\n", f"{out} {err}")
    check("workers that crash: they did", happened == faults and "was ended by signal 11" in err and "signal 6" in err, f"{happened} {err}")
    check("division by zero", "L2201" in err or "division by zero" in err, err)


def killed_containers(want):
    """A task's JVM is killed while its worker runs."""
    process = start(f"SET small_rows TO 0;\nSET worker_fault TO 'slow:{work}/slow';\n{QUERY};\n", *on_hadoop())
    killed = []

    def kill():
        until(lambda: (work / "slow.0").exists() or process.poll() is not None, 200)
        for pid in processes("org.apache.hadoop.mapred.YarnChild"):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    out, err = process.communicate(timeout=600)
    killer.join()
    check("killed containers: the same rows", process.returncode == 0 and out == want and killed, f"{killed} {out} {err}")


def always():
    """A worker that always crashes ends the query, not the session's driver."""
    few = """<configuration><property><name>mapreduce.map.maxattempts</name><value>2</value></property></configuration>"""
    code, out, err = run(f"SET worker_fault TO 'segv*1000:{work}/always';\nSELECT count(*) FROM 'rows.csv';\n", *on_hadoop(few))
    check("a worker that always crashes", code != 0 and "L2401" in err and "signal 11" in err, err)


def lost_coordinator():
    process = start(f"SET worker_fault TO 'loop*100:{work}/hang';\nSELECT count(*) FROM 'rows.csv';\n", *on_hadoop())
    hangs = until(lambda: (work / "hang.0").exists() or process.poll() is not None, 200)
    process.kill()
    process.wait()
    check("a lost coordinator: it was at work", hangs and process.returncode == -signal.SIGKILL, process.returncode)
    check("a lost coordinator: no job runs on", until(lambda: not applications("NEW,SUBMITTED,ACCEPTED,RUNNING"), 60), applications("RUNNING"))
    check("a lost coordinator: no worker is left", until(lambda: not processes("leat-worker", "worker"), 30), processes("leat-worker"))


def nowhere():
    code, out, err = run("SELECT 1;\nSELECT count(*) FROM 'rows.csv';\n", *on_hadoop(master="127.0.0.1:1"))
    check("no cluster", code != 0 and "no ResourceManager answers at 127.0.0.1:1" in err and "HADOOP_CONF_DIR" in err, err)
    code, out, err = run("SELECT count(*) FROM 'rows.csv';\n", *on_hadoop(), HADOOP_CONF_DIR="")
    check("no configuration", code != 0 and ("fs.defaultFS" in err or "no ResourceManager" in err) and "HADOOP_CONF_DIR" in err, err)


def left():
    check("nothing is left on HDFS", until(lambda: not stored(), 30), stored())


want = make_rows()
daemons = processes("ResourceManager") + processes("NodeManager")
PARTS = {  # some kill whatever runs on the cluster, or look whether anything does: those run alone
    "example": example,
    "session": lambda: session(want),
    "killed": lambda: killed_containers(want),
    "always": always,
    "lost": lost_coordinator,
    "nowhere": nowhere,
    "left": left,
}
for name in sys.argv[3:]:
    begun = time.monotonic()
    PARTS[name]()
    print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
check("the daemons live", processes("ResourceManager") + processes("NodeManager") == daemons and len(daemons) >= 2, daemons)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
