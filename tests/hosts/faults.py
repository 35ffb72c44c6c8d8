#!/usr/bin/env python3
"""What happens when worker processes die, at random moments and always, talk nonsense, or lose their parent: the result is
right or the error is clean, nothing hangs, no process and no file is left.

    faults.py FOLDER
"""
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
work = pathlib.Path(sys.argv[1])
scratch = work / "tmp"
scratch.mkdir()
passed = failed = 0
random.seed(int(os.environ.get("LEAT_SEED", "11")))

QUERY = f"""SET small_rows TO 0;
SELECT a.k, count(*), sum(b.id), max(b.note) FROM read_csv('{work}/rows.csv', split_size => 400000) a
JOIN read_csv('{work}/rows.csv', split_size => 400000) b ON a.id = b.id GROUP BY a.k ORDER BY 1"""


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(text)[:500]}")


def environment(**more):
    return {**os.environ, "TMPDIR": str(scratch), **more}


def start(arguments, folder=work, **more):
    return subprocess.Popen([LEAT, *arguments], cwd=folder, env=environment(**more), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def query(**more):
    process = start(["query", "-q", "--format", "csv", "--threads", "3", "--on", "local:processes", "-c", QUERY], **more)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def is_worker(process):
    """Not what a sanitizer starts, nor a worker that has not begun."""
    try:
        return process.joinpath("cmdline").read_bytes().split(b"\0")[1:2] == [b"worker"]
    except OSError:
        return False


def workers(parent):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z" and is_worker(path.parent):
            found.append(int(path.parent.name))
    return found


def gone(pids, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if not any(os.path.exists(f"/proc/{pid}") and "Z" not in state(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def kill_one(process, delay):
    """Kills a worker `delay` seconds from now; tells whether there was one."""
    time.sleep(delay)
    pids = workers(process.pid)
    if not pids:
        return False
    try:
        os.kill(random.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def nothing_left(name):
    check(f"{name}: nothing in TMPDIR", not list(scratch.iterdir()), list(scratch.iterdir()))


def random_kills():
    begun = time.time()
    code, right, err = query()
    length = time.time() - begun
    check("the query itself", code == 0 and right.count("\n") == 12, err)
    killed = 0
    for i in range(25):
        process = start(["query", "-q", "--format", "csv", "--threads", "3", "--on", "local:processes", "-c", QUERY])
        hit = []
        killer = threading.Thread(target=lambda: hit.append(kill_one(process, random.uniform(0, length))))
        killer.start()
        out, err = process.communicate(timeout=120)
        killer.join()
        killed += hit[0]
        check(f"random kill {i}", process.returncode == 0 and out == right, (process.returncode, err))
    check("some workers were killed", killed >= 5, killed)
    nothing_left("random kills")
    return right


def storm(right):
    """Workers are killed as fast as they come: the error is clean, or the result right."""
    for i in range(5):
        process = start(["query", "-q", "--format", "csv", "--threads", "3", "--on", "local:processes", "-c", QUERY])
        stop = threading.Event()

        def kill_all():
            while not stop.is_set():
                kill_one(process, random.uniform(0, 0.03))

        killer = threading.Thread(target=kill_all, daemon=True)
        killer.start()
        out, err = process.communicate(timeout=120)
        stop.set()
        killer.join()
        good = (process.returncode == 0 and out == right) or (
            process.returncode == 1 and "L2401" in err and re.search(r"worker \d of local:processes .*attempt 3 of task", err))
        check(f"storm {i}", good, (process.returncode, err))


def always():
    for n in (1, 2, 3):
        code, out, err = query(LEAT_FAULT_WORKER_KILL=str(n))
        check(f"workers always die at call {n}", code == 1 and out == "" and "error[L2401]" in err and "SIGKILL" in err
              and "attempt 3 of task" in err, (code, err))
    nothing_left("always")
    script = work / "program"
    for name, text in {"garbage": "echo this is no frame at all, is it; cat >/dev/null",
                       "a huge length": "printf '\\377\\377\\377\\177abc'; cat >/dev/null",
                       "an end at once": "exit 3",
                       "a closed pipe and a process that lives on": "exec 1>&-; exec sleep 300",
                       "half a frame": "head -c 20 /dev/zero | tr '\\0' '\\20'; exit 0"}.items():
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        code, out, err = query(LEAT_WORKER=str(script))
        check(f"{name} instead of frames", code == 1 and out == "" and "error[L2401]" in err, (code, err))
    code, out, err = query(LEAT_WORKER="/nonexistent/leat")
    check("no worker program", code == 1 and "error[L2401]" in err and "exit code 127" in err, (code, err))


def interrupted():
    for name, number, code in (("Ctrl-C", signal.SIGINT, 130), ("a killed coordinator", signal.SIGKILL, -9)):
        process = start(["query", "-q", "--threads", "3", "--on", "local:processes", "-c",
                         f"SELECT count(*) FROM read_csv('{work}/rows.csv') a, read_csv('{work}/rows.csv') b WHERE a.id * b.id = 7"])
        pids = []
        while len(pids) < 1 and process.poll() is None:
            pids = workers(process.pid)
        time.sleep(0.2)
        pids = workers(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
        check(f"{name}: exit code", process.returncode == code, process.returncode)
        check(f"{name}: workers are gone", pids and gone(pids), pids)
    nothing_left("interrupted")


def project(name):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples/flights", folder)
    return folder


def data_files(folder):
    return [f.name for f in folder.glob("lake/**/data/*")]


def twice_written(folder):
    """Data files of more than one attempt of a task: those of the lost one are left over."""
    attempts = {}
    for name in data_files(folder):
        found = re.match(r"([0-9a-f-]{36})-(\d+)-(\d+)-(\d+)-", name)
        if found:
            attempts.setdefault(found.groups()[:3], set()).add(found.group(4))
    return [task for task, numbers in attempts.items() if len(numbers) > 1]


def rows_of(folder):
    process = start(["query", "-q", "--lake", "lake", "--format", "csv", "-c",
                     "SELECT count(*), sum(distance) FROM flights.flights; SELECT * FROM flights.carrier_delays ORDER BY 1"], folder)
    return process.communicate(timeout=60)


def runs():
    folder = project("run")
    begun = time.time()
    process = start(["run", "--threads", "2", "--on", "local:processes"], folder)
    process.communicate(timeout=120)
    length = time.time() - begun
    right = rows_of(folder)
    check("the run itself", process.returncode == 0 and right[0].count("\n") == 19, right)
    for i in range(12):
        folder = project("run")
        process = start(["run", "--threads", "2", "--on", "local:processes"], folder)
        killer = threading.Thread(target=kill_one, args=(process, random.uniform(0, length)))
        killer.start()
        _, err = process.communicate(timeout=120)
        killer.join()
        check(f"run with a kill {i}", process.returncode == 0 and rows_of(folder) == right, (process.returncode, err))
        check(f"run with a kill {i}: files of lost attempts are removed", not twice_written(folder), twice_written(folder))
    for n in range(2, 12, 2):
        folder = project("run")
        process = start(["run", "--threads", "2", "--on", "local:processes"], folder, LEAT_FAULT_WORKER_KILL=str(n))
        _, err = process.communicate(timeout=120)
        check(f"run whose workers die at call {n}", process.returncode == 1 and "L2401" in err and "Nothing was published" in err
              or process.returncode == 0 and rows_of(folder) == right, (process.returncode, err))
        check(f"run whose workers die at call {n}: no files", process.returncode == 0 or not data_files(folder),
              data_files(folder))
    nothing_left("runs")


with open(work / "rows.csv", "w") as f:
    f.write("id,k,note\n")
    for i in range(60000):
        f.write(f"{i},{i % 11},note {i} which lies outside of the view\n")
always()
storm(random_kills())
interrupted()
runs()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
