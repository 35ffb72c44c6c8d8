"""Large queries under small limits: the answers of the unlimited run, and the memory of the process as the system counts it. A full
disk, a missing folder and a killed process."""
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

LEAT = os.environ["LEAT"]
MIB = 1 << 20
BASE = 28 * MIB  # of the program itself, and of reading and writing
QUERIES = {
    "many groups": "SELECT count(*), sum(n), sum(s), max(k) FROM (SELECT i::bigint * 7919 % 1500007 AS k, count(*) AS n, sum(i) AS s "
                   "FROM generate_series(1, 3000000) g(i) GROUP BY 1) t",
    "groups of texts": "SELECT count(*), max(k), sum(length(k)) FROM (SELECT 'a rather long key ' || i % 700001 AS k, min(i) FROM "
                       "generate_series(1, 1500000) g(i) GROUP BY 1) t",
    "distinct values of groups": "SELECT sum(d), count(*) FROM (SELECT i % 1000 AS k, count(DISTINCT i % 900001) AS d FROM "
                                 "generate_series(1, 2000000) g(i) GROUP BY 1) t",
    "a join": "SELECT count(*), sum(length(t)), max(t) FROM (SELECT i, 'left ' || i || repeat('x', 20) AS t FROM generate_series(1, 1500000) g(i)) a "
              "JOIN (SELECT j * 3 AS j, 'right ' || j AS u FROM generate_series(1, 1500000) h(j)) b ON i = j",
    "a full join": "SELECT count(*), count(t), count(u) FROM (SELECT i, 'left ' || i AS t FROM generate_series(1, 1200000) g(i)) a "
                   "FULL JOIN (SELECT j * 3 AS j, 'right ' || j AS u FROM generate_series(1, 1200000) h(j)) b ON i = j",
    "an order": "SELECT i * 7919::bigint % 1000003 AS k, 'a text of some length ' || i % 5003 AS t, i FROM generate_series(1, 1500000) g(i) "
                "ORDER BY t DESC, k, i",
    "an order of lists": "SELECT CASE WHEN i % 7 > 0 THEN i * 7919::bigint % 100003 END AS k, ARRAY[i, i % 10, NULL] AS l FROM "
                         "generate_series(1, 900000) g(i) ORDER BY k NULLS FIRST, l DESC LIMIT 800000 OFFSET 1000",
    "windows": "SELECT sum(r), sum(l), count(*) FROM (SELECT row_number() OVER (PARTITION BY i % 50021 ORDER BY i DESC) AS r, "
               "lag(i) OVER (PARTITION BY i % 50021 ORDER BY i DESC) AS l FROM generate_series(1, 1500000) g(i)) t",
}
passed = failed = 0


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAIL {name}: {detail}"[:600])


def measured(*arguments: str) -> tuple[str, str, int]:
    """Output (of long ones the hash, since a process begins with the memory that its parent has), errors, and the most memory that the
    process had."""
    process = subprocess.Popen([LEAT, "query", "-q", "--format", "csv", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    digest, out, length = hashlib.sha256(), b"", 0
    while part := process.stdout.read(1 << 16):
        digest.update(part)
        out, length = (out + part)[:1000], length + len(part)
    err = process.stderr.read().decode()
    _, _, usage = os.wait4(process.pid, 0)
    text = out.decode() if length <= 1000 else f"{length} bytes, {digest.hexdigest()}"
    return text, err, usage.ru_maxrss * 1024


def sanitized() -> bool:
    return b"__asan_init" in open(LEAT, "rb").read() or b"__tsan_init" in open(LEAT, "rb").read()


def limits() -> None:
    for name, sql in QUERIES.items():
        want, err, free = measured("-c", sql)
        check(f"{name}: without a limit", want and not err, err)
        for limit in (96, 48):
            got, err, peak = measured("--memory", f"{limit}MB", "-c", sql)
            check(f"{name}: {limit} MiB", got == want, f"{got[:200]} instead of {want[:200]}: {err}")
            if not sanitized():
                check(f"{name}: {limit} MiB are the limit", peak <= limit * MIB + BASE, f"{peak // MIB} MiB of {free // MIB}")


def troubles() -> None:
    sql = QUERIES["many groups"]
    command = [LEAT, "query", "-q", "--memory", "48MB", "-c", sql]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": "/nonexistent/folder"})
    check("no folder for files", run.returncode in (1, 2) and "/nonexistent/folder" in run.stderr and not run.stdout, run.stderr)

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

    run = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=small_files)
    check("no room for files", run.returncode in (1, 2) and "temporary file" in run.stderr and not run.stdout, run.stderr)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": folder})
        seen = False
        while process.poll() is None and not seen:
            for fd in os.listdir(f"/proc/{process.pid}/fd"):
                try:
                    seen = seen or os.readlink(f"/proc/{process.pid}/fd/{fd}").startswith(folder)
                except OSError:
                    pass
            time.sleep(0.002)
        process.kill()
        process.wait()
        check("rows are moved to the folder", seen)
        check("nothing is left there", os.listdir(folder) == [], str(os.listdir(folder)))


limits()
troubles()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
