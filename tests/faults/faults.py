"""Kills, failing calls and bad circumstances: whatever happens to a run, the next one gives what an undisturbed run gives."""
import fcntl
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

from lake import LEAT, ledger, leat, orphans, tables

WORK, EXAMPLE = sys.argv[1], sys.argv[2]
passed = failed = 0
SQL = {
    "a.sql": """CREATE STREAMING TABLE readings (CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT id, place, amount FROM STREAM read_csv('in/*.csv', types => {'id': 'int', 'place': 'text', 'amount': 'decimal(9,2)'});
CREATE STREAMING TABLE large AS SELECT id, place FROM STREAM(readings) WHERE amount > 10;""",
    "b.sql": "CREATE MATERIALIZED VIEW totals AS SELECT place, count(*) AS readings, sum(amount) AS total FROM readings GROUP BY place;",
}
NAMES = ["main.readings", "main.readings_quarantine", "main.large", "main.totals"]
FILES = {"1.csv": "id,place,amount\n1,a,5\n2,b,20.5\n3,a,-1\nx,a,7\n", "2.csv": "id,place,amount\n4,b,11\n5,c,0\n6,c,1,2\n7,a,12\n"}


def check(name: str, ok: bool, detail: object = "") -> None:
    global passed, failed
    passed += ok
    failed += not ok
    if not ok:
        print(f"FAIL {name}: {detail}")


def put(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make(name: str, sql: dict[str, str] = SQL, files: dict[str, str] = {}) -> str:
    project = f"{WORK}/{name}"
    shutil.rmtree(project, ignore_errors=True)
    put(f"{project}/leat.yaml", "name: faults\n")
    for path, text in sql.items():
        put(f"{project}/transformations/{path}", text)
    for path, text in files.items():
        put(f"{project}/in/{path}", text)
    return project


def restore(project: str, saved: str) -> None:
    """The lake as it was; its files name their absolute place, so that it must lie there again."""
    shutil.rmtree(f"{project}/lake", ignore_errors=True)
    if os.path.exists(saved):
        shutil.copytree(saved, f"{project}/lake")


def same(name: str, project: str, want: tuple) -> None:
    got = tables(project, NAMES if "faults" in name else want[2]), ledger(project)
    check(f"{name}: tables", got[0] == want[0], {k: (got[0].get(k), v) for k, v in want[0].items() if got[0].get(k) != v} or got[0])
    check(f"{name}: ledger", got[1] == want[1], (got[1], want[1]))


def calls(project: str, kind: str, *command: str) -> int:
    """How many file calls a command makes: all, or those that change something."""
    done = leat(project, *(command or ("run", "-q")), LEAT_FAULT_COUNT="1")
    line = [line for line in done.stderr.splitlines() if line.startswith("file calls")]
    return int(line[0].split()[2 if kind == "all" else 4])


def every_call(project: str, saved: str, want: tuple, step: str) -> None:
    restore(project, saved)
    count = calls(project, "changing")
    check(f"faults {step}: a run makes file calls", count > 20, count)
    for n in range(1, count + 1):
        name = f"faults {step}: killed at file call {n}"
        restore(project, saved)
        done = leat(project, "run", "-q", LEAT_FAULT_KILL=str(n))
        check(name, done.returncode in (-signal.SIGKILL, 0), (done.returncode, done.stderr))
        found, named = orphans(project)
        check(f"{name}: orphans", found == named, found ^ named)
        done = leat(project, "run", "-q")
        check(f"{name}: run again", done.returncode == 0, done.stderr)
        same(name, project, want)
        found, named = orphans(project)
        check(f"{name}: orphans at the end", found == named, found ^ named)
    restore(project, saved)
    count = calls(project, "all")
    for n in range(1, count + 1):
        name = f"faults {step}: file call {n} fails"
        restore(project, saved)
        done = leat(project, "run", "-q", LEAT_FAULT_FILE=str(n), LEAT_FAULT_ERRNO=("EIO", "ENOSPC")[n % 2])
        check(name, done.returncode in (0, 1, 2) and (done.returncode == 0) == ("error[" not in done.stderr),
              (done.returncode, done.stderr))
        if done.returncode == 0:
            same(name, project, want)
        done = leat(project, "run", "-q")
        check(f"{name}: run again", done.returncode == 0, done.stderr)
        same(name, project, want)
        found, named = orphans(project)
        check(f"{name}: orphans", found == named, found ^ named)


def two_steps() -> None:
    """Every file call of a first run, and of a second one that adds to its tables."""
    project = make("steps", files={"1.csv": FILES["1.csv"]})
    check("faults: first run", leat(project, "run", "-q").returncode == 0)
    first = tables(project, NAMES), ledger(project)
    check("faults: what the first run gives", [sum(rows.values()) for rows in first[0].values()] == [2, 2, 1, 2], first[0])
    shutil.move(f"{project}/lake", f"{WORK}/after-first")
    every_call(project, f"{WORK}/nothing", first, "first run")
    restore(project, f"{WORK}/after-first")
    put(f"{project}/in/2.csv", FILES["2.csv"])
    check("faults: second run", leat(project, "run", "-q").returncode == 0)
    second = tables(project, NAMES), ledger(project)
    check("faults: what the second run gives", [sum(rows.values()) for rows in second[0].values()] == [4, 4, 3, 2], second[0])
    every_call(project, f"{WORK}/after-first", second, "second run")


def replay() -> None:
    """Every file call of a replay: the rows come in once, and leave the quarantine once."""
    project = make("replay", files=FILES)
    check("faults: run before a replay", leat(project, "run", "-q").returncode == 0)
    shutil.move(f"{project}/lake", f"{WORK}/before-replay")
    put(f"{project}/transformations/a.sql", SQL["a.sql"].replace("amount > 0", "amount > -5").replace("'id': 'int'", "'id': 'text'")
        .replace("SELECT id,", "SELECT CASE id WHEN 'x' THEN 50 ELSE id::int END AS id,", 1))
    command = ("quarantine", "replay", "readings")
    for kind, fault in ("changing", "LEAT_FAULT_KILL"), ("all", "LEAT_FAULT_FILE"):
        restore(project, f"{WORK}/before-replay")
        count = calls(project, kind, *command)
        listed = ("quarantine", "list", "--format", "csv")
        want = tables(project, NAMES[:1]), leat(project, *listed).stdout
        check("faults: what a replay gives", sum(want[0]["main.readings"].values()) == 7, want)
        for n in range(1, count + 1, 1 if kind == "changing" else 3):
            name = f"faults: {fault} {n} in a replay"
            restore(project, f"{WORK}/before-replay")
            leat(project, *command, **{fault: str(n)})
            done = leat(project, *command)
            check(f"{name}: again", done.returncode == 0, done.stderr)
            got = tables(project, NAMES[:1]), leat(project, *listed).stdout
            check(f"{name}: rows", got == want, got)
            found, named = orphans(project)
            check(f"{name}: orphans", found == named, found ^ named)


def changes() -> None:
    """Every file call of statements that change a table's rows: the rows are the old ones or the new ones, and the statement says which."""
    project = make("changes", {"a.sql": "CREATE STREAMING TABLE readings AS SELECT id, place, amount FROM STREAM read_csv('in/*.csv');"},
                   {"1.csv": "id,place,amount\n" + "".join(f"{i},p{i % 7},{i % 90}\n" for i in range(500))})
    check("faults: run before changes", leat(project, "run", "-q").returncode == 0)
    noted = "CREATE TABLE main.noted AS SELECT id, amount FROM main.readings WHERE id < 20"
    check("faults: a table by statement", leat(project, "query", "-q", "--lake", "lake", "-c", noted).returncode == 0)
    shutil.move(f"{project}/lake", f"{WORK}/before-changes")
    restore(project, f"{WORK}/before-changes")
    names = ["main.readings", "main.noted"]
    old = tables(project, names)
    merge = ("MERGE INTO main.readings r USING main.noted n ON r.id = n.id WHEN MATCHED AND r.id < 5 THEN DELETE "
             "WHEN MATCHED THEN UPDATE SET amount = n.amount + 1000 WHEN NOT MATCHED THEN DO NOTHING")
    transaction = ("BEGIN; UPDATE main.readings SET amount = 0 WHERE id > 400; INSERT INTO main.noted SELECT id, amount FROM main.readings "
                   "WHERE id > 490; DELETE FROM main.readings WHERE id < 100; COMMIT")
    for sql in ("UPDATE main.readings SET amount = amount + 1 WHERE place = 'p3'", "DELETE FROM main.readings WHERE id % 2 = 0",
                "TRUNCATE main.readings", merge, transaction):
        command = ("query", "-q", "--lake", "lake", "-c", sql)
        for kind, fault in ("changing", "LEAT_FAULT_KILL"), ("all", "LEAT_FAULT_FILE"):
            restore(project, f"{WORK}/before-changes")
            count = calls(project, kind, *command)
            new = tables(project, names)
            check(f"faults: {sql} changes rows", count > 3 and "error" not in new and new != old, (count, new))
            seen = set()
            # All file calls come before the commit; one number more, and nothing happens.
            for n in [*range(1, count + 1, 1 if kind == "changing" else 3), count + 1]:
                name = f"faults: {fault} {n} in {sql.split()[0]}"
                restore(project, f"{WORK}/before-changes")
                done = leat(project, *command, **{fault: str(n)})
                check(f"{name}: ends", done.returncode in (-signal.SIGKILL, 0, 1, 2), (done.returncode, done.stderr))
                got = tables(project, names)
                check(f"{name}: rows", got == new or (got == old and done.returncode != 0), (done.returncode, got))
                found, named = orphans(project)
                check(f"{name}: orphans", found == named, found ^ named)
                seen.add(got == new)
                if got == old:
                    check(f"{name}: again", leat(project, *command).returncode == 0 and tables(project, names) == new)
            check(f"faults: {fault} in {sql.split()[0]}: rows were the old ones and the new ones", len(seen) == 2, seen)
        start = time.monotonic()
        restore(project, f"{WORK}/before-changes")
        leat(project, *command)
        duration = time.monotonic() - start
        for n in range(20):  # and the moments between: the commit is the catalog's
            name = f"faults: {sql.split()[0]}, kill {n}"
            restore(project, f"{WORK}/before-changes")
            process = subprocess.Popen([LEAT, *command], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(duration * n / 18)
            process.kill()
            ended = process.wait()
            got = tables(project, names)
            check(f"{name}: rows", got == new or (got == old and ended != 0), (ended, got))
            found, named = orphans(project)
            check(f"{name}: orphans", found == named, found ^ named)


SCRIPT = """
CREATE TABLE main.r AS SELECT i AS id, i % 7 AS k, 'text that is long enough ' || i AS t, i / 3.0 AS d FROM generate_series(1, 3000) s(i);
INSERT INTO main.r SELECT id + 5000, k, t, d FROM main.r WHERE k = 3;
UPDATE main.r SET d = 0 WHERE id < 10;
DELETE FROM main.r WHERE id BETWEEN 20 AND 30;
MERGE INTO main.r USING (SELECT 5 AS id) n ON r.id = n.id WHEN MATCHED THEN UPDATE SET t = 'x';
BEGIN; INSERT INTO main.r VALUES (1,1,'a',1); ROLLBACK;
SELECT count(*), sum(id), count(DISTINCT t), sum(d) FROM main.r;
SELECT a.k, count(*), max(b.t), sum(sum(b.id)) OVER (ORDER BY a.k) FROM main.r a JOIN main.r b ON a.id = b.id - 5000 GROUP BY a.k ORDER BY a.k;
COPY (SELECT * FROM main.r WHERE id < 50) TO 'out.parquet';
SELECT count(*) FROM 'out.parquet' WHERE t LIKE '%long%';
COPY (SELECT * FROM main.r WHERE id < 50) TO 'out.csv';
SELECT count(*), sum(id) FROM 'out.csv';
"""


def allocations(count: int) -> None:
    """A script of statements on a lake with an allocation that fails: it ends with an error of memory, or as without; never in another way."""
    folder = f"{WORK}/allocations"

    def attempt(**faults: str) -> subprocess.CompletedProcess:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        command = [LEAT, "query", "-q", "--lake", "lake", "--create-lake", "--threads", "2"]
        return subprocess.run(command, cwd=folder, input=SCRIPT, capture_output=True, text=True, env={**os.environ, **faults}, timeout=120)

    whole = attempt(LEAT_FAULT_COUNT="1")
    found = re.search(r"allocations (\d+)", whole.stderr)
    check("allocations: the script", whole.returncode == 0 and found and int(found.group(1)) > 1000, whole.stderr)
    total = int(found.group(1)) if found else 0
    for n in range(1, total + 1, max(1, total // count)):
        done = attempt(LEAT_FAULT_ALLOC=str(n))
        good = done.stdout == whole.stdout if done.returncode == 0 else done.returncode in (1, 2) and "memory" in done.stderr
        check(f"allocations: {n} of {total}", good, (done.returncode, done.stderr[-500:]))


def random_moments(count: int) -> None:
    """The example, killed at random moments from its start to a little behind its end, on a first and on a second run."""
    project, data = f"{WORK}/example", f"{EXAMPLE}/data"
    shutil.copytree(EXAMPLE, project)
    shutil.rmtree(f"{project}/lake", ignore_errors=True)
    check("example: run", leat(project, "run", "-q").returncode == 0)
    listing = leat(project, "query", "-q", "--lake", "lake", "--format", "csv", "-c", "SHOW TABLES").stdout.split("\n")[1:]
    names = [line.split(",")[0] for line in listing if line]
    check("example: tables", len(names) >= 7, names)
    first = tables(project, names), ledger(project), names
    shutil.move(f"{project}/lake", f"{WORK}/example-first")
    restore(project, f"{WORK}/example-first")
    shutil.copytree(f"{EXAMPLE}/more", f"{project}/data", dirs_exist_ok=True)
    start = time.monotonic()
    check("example: second run", leat(project, "run", "-q").returncode == 0)
    duration = time.monotonic() - start
    second = tables(project, names), ledger(project), names
    chance = random.Random(int(os.environ.get("LEAT_TEST_SEED", "1")))
    killed = 0
    for n in range(count):
        again = n % 2 == 1
        name = f"example: kill {n}"
        restore(project, f"{WORK}/example-first" if again else f"{WORK}/nothing")
        if not again:
            shutil.rmtree(f"{project}/data")
            shutil.copytree(data, f"{project}/data")
        elif n > 0:
            shutil.copytree(f"{EXAMPLE}/more", f"{project}/data", dirs_exist_ok=True)
        process = subprocess.Popen([LEAT, "run", "-q"], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * duration * 1.2)
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        found, named = orphans(project)
        check(f"{name}: orphans", found == named, found ^ named)
        done = leat(project, "run", "-q")
        check(f"{name}: run again", done.returncode == 0, done.stderr)
        same(name, project, second if again else first)
    check("example: most kills hit a run", killed > count // 4, f"{killed} of {count}")


def refused(name: str, done: subprocess.CompletedProcess, code: str, words: str = "") -> None:
    check(name, done.returncode in (1, 2, 4) and f"error[{code}]" in done.stderr and words in done.stderr, (done.returncode, done.stderr))


def recovers(name: str, project: str, want: tuple) -> None:
    done = leat(project, "run", "-q")
    check(f"{name}: run again", done.returncode == 0, done.stderr)
    same(f"faults {name}", project, want)


def circumstances() -> None:
    """What a run gets that cannot write, or whose pipeline or input is wrong; and that the next one gives the right tables."""
    project = make("circumstances", files={"1.csv": FILES["1.csv"]})
    os.chmod(WORK, 0o755)
    leat(project, "run", "-q")
    want = tables(project, NAMES), ledger(project)

    for limit in (0, 300, 1000, 2500, 6000):
        restore(project, f"{WORK}/nothing")
        full = subprocess.run([LEAT, "run", "-q"], cwd=project, capture_output=True, text=True, restore_signals=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        check(f"files of {limit} bytes at most", full.returncode == 1 and "error[" in full.stderr, (full.returncode, full.stderr))
        recovers(f"after files of {limit} bytes at most", project, want)

    put(f"{project}/in/2.csv", FILES["2.csv"])
    with open(f"{project}/lake/.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused("lake in use", leat(project, "run", "-q"), "L3002")
        check("check of a lake in use", "in use" in leat(project, "check").stderr)
    user = 65534 if os.geteuid() == 0 else None
    os.chmod(f"{project}/lake", 0o555)
    readonly = subprocess.run([LEAT, "run", "-q"], cwd=project, capture_output=True, text=True, user=user)
    check("read-only lake", readonly.returncode == 4 and "error[L0007]" in readonly.stderr, (readonly.returncode, readonly.stderr))
    os.chmod(f"{project}/lake", 0o755)
    os.remove(f"{project}/in/2.csv")
    recovers("after a lake in use and a read-only one", project, want)

    sql = {"a.sql": "CREATE MATERIALIZED VIEW a AS SELECT * FROM b; CREATE MATERIALIZED VIEW b AS SELECT * FROM a;"}
    refused("cyclic pipeline", leat(make("cycle", sql), "run"), "L4102")
    sql = {"a.sql": "CREATE MATERIALIZED VIEW a AS SELECT 1 AS x;", "b.sql": "CREATE VIEW a AS SELECT 2 AS x;"}
    refused("two definitions", leat(make("twice", sql), "run"), "L4101", "a.sql")
    refused("no files", leat(make("empty"), "run"), "L1410")
    bad = make("bad", files={"1.csv": ""})
    check("empty file", leat(bad, "run").returncode in (0, 1, 2))


def changing_input(count: int) -> None:
    """A source file is cut, rewritten or removed at random moments of a run: it fails, or read one state of the file whole."""
    rows = "".join(f"{i},p{i % 7},{i % 90 + 1}\n" for i in range(200_000))
    sql = {"a.sql": SQL["a.sql"].split(";")[0] + ";"}
    head = "id,place,amount\n"
    states = {"whole": head + rows, "cut": head + rows[:len(rows) // 3].rsplit("\n", 1)[0] + "\n",
              "rewritten": head + rows.replace(",p1,", ",q1,")}
    project = make("changing", sql, {"1.csv": states["whole"]})
    counts = {}
    for state, text in states.items():
        restore(project, f"{WORK}/nothing")
        put(f"{project}/in/1.csv", text)
        start = time.monotonic()
        leat(project, "run", "-q")
        duration = time.monotonic() - start
        counts[state] = summary(project)
    check("changing input: states differ", len(set(counts.values())) == 3, counts)
    chance = random.Random(int(os.environ.get("LEAT_TEST_SEED", "1")))
    outcomes = []
    for n in range(count):
        change = ("cut", "rewritten", "removed")[n % 3]
        name = f"changing input {n}: {change}"
        restore(project, f"{WORK}/nothing")
        put(f"{project}/in/1.csv", states["whole"])
        process = subprocess.Popen([LEAT, "run", "-q"], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(chance.random() * duration)
        process.send_signal(signal.SIGSTOP)
        if change == "removed":
            os.remove(f"{project}/in/1.csv")
        else:
            put(f"{project}/in/1.csv", states[change])
        process.send_signal(signal.SIGCONT)
        error = process.communicate()[1]
        outcomes.append(process.returncode)
        if process.returncode == 0:
            check(name, summary(project) in counts.values(), summary(project))
            continue
        check(name, process.returncode in (1, 2) and "error[" in error, (process.returncode, error))
        put(f"{project}/in/1.csv", states["cut"])
        check(f"{name}: run again", leat(project, "run", "-q").returncode == 0)
        check(f"{name}: tables", summary(project) == counts["cut"], summary(project))
    check("changing input: some runs failed", any(outcomes), outcomes)


def summary(project: str) -> str:
    return leat(project, "query", "-q", "--lake", "lake", "--format", "csv", "-c",
                "SELECT count(*), sum(id), min(place), max(place) FROM main.readings").stdout


def main() -> int:
    circumstances()
    changing_input(12)
    two_steps()
    replay()
    changes()
    allocations(200)
    random_moments(int(os.environ.get("LEAT_TEST_KILLS", "200")))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
