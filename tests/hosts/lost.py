#!/usr/bin/env python3
"""A cluster that loses the process above a task, Leat's driver, and then its coordinator, while a query or run of Leat goes on.

    lost.py FOLDER --on HOST --master ADDRESS [...]

LEAT_LOST_RESTART: a shell command after each loss, which brings back what was killed ($LEAT_LOST_PID was its process id).
LEAT_LOST_COORDINATOR: a file with the process id of what is killed last (the scheduler, the JobManager), or nothing.
LEAT_LOST_COUNT: how many queries and how many runs lose a process (default 1).
"""
import csv
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
work, ON = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
QUERY = """SELECT a.k, count(*), sum(b.id), max(b.note) FROM read_csv('rows.csv', split_size => 400000) a
JOIN read_csv('rows.csv', split_size => 400000) b ON a.id = b.id GROUP BY a.k ORDER BY 1"""
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL lost: {name}: {str(text)[:700]}", flush=True)


def workers():
    """{process id: parent's process id} of the workers of this pack that run."""
    with open(os.environ["LEAT_WORKER_PACK"], "rb") as file:
        folder = re.search(rb"\.leat-worker-[0-9a-f]+", file.read(2000)).group()
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().split(b"\0")
            stat = (path / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if b"worker" in command[-3:] and any(folder in word for word in command) and stat[0] != "Z":
            found[int(path.name)] = int(stat[1])
    return found


def wait(what, seconds):
    end = time.time() + seconds
    while time.time() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    return None


def start(folder, mark, *arguments):
    """Leat, one of whose tasks is slow the first time: then file mark.0 is there."""
    environment = {**os.environ, "LEAT_FAULT_FRAGMENT": f"slow:{mark}"} if mark else None
    return subprocess.Popen([LEAT, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_above(mark):
    """Kills the process that runs the slow task: its worker is the only one that lives on for some time."""
    if not wait(lambda: pathlib.Path(f"{mark}.0").exists(), 60):
        return False
    before = set(workers())
    time.sleep(0.5)
    parents = {parent for pid, parent in workers().items() if pid in before and parent > 1}
    for pid in list(parents)[:1]:
        os.kill(pid, signal.SIGKILL)
        wait(lambda: not pathlib.Path(f"/proc/{pid}/cmdline").exists() or not pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), 10)
        subprocess.run(os.environ.get("LEAT_LOST_RESTART", ":"), shell=True, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "LEAT_LOST_PID": str(pid)})
    return bool(parents)


def rows(text):
    return list(csv.reader(text.rstrip("\n").split("\n")))


def query(number, want):
    mark = work / f"query-{number}"
    process = start(work, mark, "query", "-q", "--format", "csv", *ON, "-c", f"SET small_rows TO 0; {QUERY}")
    killed = kill_above(mark)
    out, err = process.communicate(timeout=120)
    check(f"query {number}", killed and process.returncode == 0 and rows(out) == want, (killed, process.returncode, out, err))
    check(f"query {number}: no worker is left", wait(lambda: not workers(), 10), workers())


def tables(folder):
    sql = "SELECT count(*), sum(distance) FROM flights.flights; SELECT * FROM flights.carrier_delays ORDER BY 1"
    return start(folder, None, "query", "-q", "--lake", "lake", "--format", "csv", "-c", sql).communicate()[0]


def twice_written(folder):
    """Tasks whose files are there of more than one attempt."""
    attempts = {}
    for path in folder.glob("lake/**/data/*"):
        found = re.match(r"([0-9a-f-]{36})-(\d+)-(\d+)-(\d+)-", path.name)
        if found:
            attempts.setdefault(found.groups()[:3], set()).add(found.group(4))
    return [task for task, numbers in attempts.items() if len(numbers) > 1]


def run(number):
    mark = work / f"run-{number}"
    for name in ("here", "there"):
        shutil.rmtree(work / name, ignore_errors=True)
        shutil.copytree(ROOT / "examples/flights", work / name)
    start(work / "here", None, "run").communicate()
    process = start(work / "there", mark, "run", *ON)
    killed = kill_above(mark)
    _, err = process.communicate(timeout=120)
    want, got = tables(work / "here"), tables(work / "there")
    check(f"run {number}", killed and process.returncode == 0 and got == want, (killed, process.returncode, got, err))
    check(f"run {number}: no files of lost attempts", not twice_written(work / "there"), twice_written(work / "there"))


def driver():
    mark = work / "driver"
    process = start(work, mark, "query", "-q", "--format", "csv", *ON, "-c", f"SET small_rows TO 0; {QUERY}")
    there = wait(lambda: pathlib.Path(f"{mark}.0").exists(), 60)
    for children in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    check("a lost driver is an error", there and process.returncode == 1 and out == "" and "L2406" in err, (process.returncode, out, err))
    check("a lost driver leaves no worker", wait(lambda: not workers(), 30), workers())


def coordinator(file):
    mark = work / "coordinator"
    process = start(work, mark, "query", "-q", "--format", "csv", *ON, "-c", f"SET small_rows TO 0; {QUERY}")
    there = wait(lambda: pathlib.Path(f"{mark}.0").exists(), 60)
    os.kill(int(pathlib.Path(file).read_text()), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    check("a lost coordinator is an error", there and process.returncode == 1 and out == "" and "L24" in err, (process.returncode, out, err))
    check("a lost coordinator leaves no worker", wait(lambda: not workers(), 30), workers())


with open(work / "rows.csv", "w") as file:
    file.write("id,k,note\n")
    for i in range(60000):
        file.write(f"{i},{i % 13},note {i % 97} of a text that is long enough\n")
want = rows(start(work, None, "query", "-q", "--format", "csv", "-c", QUERY).communicate()[0])
for i in range(int(os.environ.get("LEAT_LOST_COUNT", "1"))):
    query(i, want)
    run(i)
driver()
if os.environ.get("LEAT_LOST_COORDINATOR"):
    coordinator(os.environ["LEAT_LOST_COORDINATOR"])
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
