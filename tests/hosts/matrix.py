#!/usr/bin/env python3
"""A cluster as a host: the same answers as here, and what happens when its workers go wrong.

    matrix.py PART FOLDER --on HOST [--master ADDRESS ...]

PART is tpch (22 queries, cut wherever that is possible, against the reference answers), faults (workers that crash, hang, eat memory, find a
full disk, or talk nonsense; LEAT_MATRIX_FAULTS of them, default 30), or errors (a query's own errors, a cancel, a lost coordinator).
One session runs many statements, so that the cluster's programs start once.
"""
import csv
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
part, work, ON = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:]
os.environ["LEAT_TEST_PART"] = str(work)
sys.path.insert(0, str(ROOT / "tests/tpch"))
import compare  # noqa: E402

passed = failed = skipped = 0
random.seed(int(os.environ.get("LEAT_SEED", "5")))


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {part}: {name}: {str(text)[:700]}", flush=True)


class Session:
    """leat query, given statements one by one; answers are read up to a mark."""

    def __init__(self, *arguments):
        self.errors = open(work / f"errors-{time.monotonic_ns()}", "w+")
        self.process = subprocess.Popen(
            [LEAT, "query", "-q", "-i", "--format", "csv", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, cwd=work, text=True
        )
        self.marks = 0

    def ask(self, sql):
        """(rows, error text)"""
        at = self.errors.tell()
        self.marks += 1
        mark = f"mark-{self.marks}"
        self.process.stdin.write(f"{sql};\nSET worker_fault TO '';\nSELECT '{mark}' AS mark;\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == mark:
                break
            lines.append(line.rstrip("\n"))
        self.errors.seek(at)
        return list(csv.reader(lines[:-1])), self.errors.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(sql, *arguments, **more):
    return subprocess.run([LEAT, "query", "-q", "--format", "csv", *arguments, "-f", "-"], input=sql, cwd=work, capture_output=True, text=True, **more)


def views(data):
    tables = "customer lineitem nation orders part partsupp region supplier".split()
    return "".join(f"CREATE VIEW {t} AS SELECT * FROM '{data}/{t}.parquet';\n" for t in tables)


def tpch():
    """All queries in one process, each answer behind a mark."""
    global skipped
    suites = pathlib.Path(os.environ.get("LEAT_SUITES", ROOT / "../shared/suites")) / "tpch"
    data = ROOT / "build/tests/tpch-0.01"
    if not (suites / "queries").is_dir() or not (data / "complete").exists():
        skipped += 1
        print(f"skip tpch: no queries in {suites}, or no data in {data} (tests/tpch/run.sh makes them)")
        return
    numbers = [f"{q:02d}" for q in range(1, 23)]
    for small in os.environ.get("LEAT_MATRIX_SMALL_ROWS", "0").split():
        script = views(data) + f"SET small_rows TO {small};\n"
        for q in numbers:
            script += f"SELECT 'mark {q}' AS mark;\n" + (suites / f"queries/q{q}.sql").read_text().rstrip().rstrip(";") + ";\n"
        result = subprocess.run([LEAT, "query", "-q", "-i", "--format", "csv", *ON], input=script, cwd=work, capture_output=True, text=True)
        answers = {}
        lines = result.stdout.split("\n")
        starts = [i for i, line in enumerate(lines) if line.startswith("mark ")] + [len(lines)]
        for a, b in zip(starts, starts[1:]):
            answers[lines[a][5:]] = list(csv.reader(lines[a + 1 : b - 1]))[1:]
        for q in numbers:
            with open(suites / f"answers/q{q}.csv", newline="") as file:
                want = list(csv.reader(file, delimiter="|"))[1:]
            got = answers.get(q, [])
            good = len(got) == len(want) and all(
                len(a) == len(b) and all(compare.same(x, y) for x, y in zip(a, b)) for a, b in zip(got, want)
            )
            check(f"q{q}, small_rows {small}", good, f"{got[:2]} instead of {want[:2]}; {result.stderr[:400]}")


QUERY = """SELECT a.k, count(*), sum(b.id), max(b.note) FROM read_csv('rows.csv', split_size => 400000) a
JOIN read_csv('rows.csv', split_size => 400000) b ON a.id = b.id GROUP BY a.k ORDER BY 1"""


def make_rows():
    with open(work / "rows.csv", "w") as file:
        file.write("id,k,note\n")
        for i in range(60000):
            file.write(f"{i},{i % 13},note {i % 97} of a text that is long enough\n")


def leftovers():
    """Worker processes of this pack that still run; where tasks are children of the client, only this client's."""
    own = f"LEAT_TEST_PART={work}".encode() if ON[2:4] == ["--master", "local"] else b""
    with open(os.environ["LEAT_WORKER_PACK"], "rb") as file:
        folder = re.search(rb"\.leat-worker-[0-9a-f]+", file.read(2000)).group()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            mine = own in (path.parent / "environ").read_bytes()
        except OSError:
            continue
        if mine and b"worker" in words[-3:] and any(folder in word for word in words):
            found.append(path.parent.name)
    return found


def faults():
    make_rows()
    want = run(QUERY).stdout
    want = list(csv.reader(want.rstrip("\n").split("\n")))
    session = Session("--memory", "512MB", *ON)
    session.ask("SET small_rows TO 0; SET worker_timeout TO 3")
    kinds = ["segv", "abort", "exit", "garbage", "disk", "segv@late", "abort@late", "exit@late", "segv*2", "abort*2@late", "memory", "loop"]
    count = int(os.environ.get("LEAT_MATRIX_FAULTS", "30"))
    for i in range(count):
        kind = kinds[i] if i < len(kinds) else random.choice(kinds[:-2])
        mark = work / f"mark-{i}"
        rows, errors = session.ask(f"SET worker_fault TO '{kind}:{mark}';\n{QUERY}")
        happened = (work / f"mark-{i}.0").exists()
        if kind == "disk":  # a worker's own error: this query may fail by it, never be wrong
            good = rows == want or "No space left" in errors or "L24" in errors
        else:
            good = rows == want
        check(f"fault {i}, {kind}", good and happened, f"{rows[:3]} {errors} happened: {happened}")
    rows, errors = session.ask(QUERY)
    check("after the faults", rows == want, f"{rows[:3]} {errors}")
    rows, errors = session.ask(f"SET worker_fault TO 'segv*1000:{work}/always';\n{QUERY}")
    check("a worker that always crashes is an error", rows == [] and "L2401" in errors, f"{rows[:3]} {errors}")
    rows, errors = session.ask(QUERY)
    check("after that error", rows == want, f"{rows[:3]} {errors}")
    session.close()
    begun = time.time()
    while leftovers() and time.time() - begun < 30:
        time.sleep(0.2)
    check("no worker is left", not leftovers(), leftovers())


def errors():
    make_rows()
    session = Session(*ON)
    session.ask("SET small_rows TO 0")
    rows, text = session.ask("SELECT 1 / (id - 59999) FROM 'rows.csv'")
    check("division by zero", "L2201" in text or "division by zero" in text, text)
    rows, text = session.ask("SELECT count(*) FROM 'rows.csv'")
    check("the session goes on", rows == [["count"], ["60000"]] or rows[-1:] == [["60000"]], (rows, text))
    session.process.send_signal(signal.SIGKILL)
    session.process.wait()
    begun = time.time()
    while leftovers() and time.time() - begun < 30:
        time.sleep(0.2)
    check("a killed coordinator leaves no worker", not leftovers(), leftovers())
    process = subprocess.Popen(
        [LEAT, "query", "-q", *ON, "-c", f"SET worker_fault TO 'loop*100:{work}/hang'; SELECT count(*) FROM 'rows.csv'"],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    begun = time.time()
    while not (work / "hang.0").exists() and time.time() - begun < 120 and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
        check("Ctrl-C cancels", process.returncode == 130 and "cancelled" in err, (process.returncode, err))
    except subprocess.TimeoutExpired:
        process.kill()
        check("Ctrl-C cancels", False, "it went on for 60 s")
    begun = time.time()
    while leftovers() and time.time() - begun < 30:
        time.sleep(0.2)
    check("a cancelled query leaves no worker", not leftovers(), leftovers())


{"tpch": tpch, "faults": faults, "errors": errors}[part]()
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed > 0)
