#!/usr/bin/env python3
"""HDFS behind a network that fails: several writers at once, at least 150 faults. What was reported as written is there, once and whole;
what was reported as failed is there wholly or not at all; what is read is right or an error.

    faults.py FOLDER
"""
import os
import pathlib
import subprocess
import sys
import threading

import proxy
import webhdfs

LEAT = os.environ["LEAT"]
work = pathlib.Path(sys.argv[1])
FAULTS = int(os.environ.get("LEAT_HDFS_FAULTS", "150"))
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(text)[:600]}")


def leat(sql, **environment):
    return subprocess.run([LEAT, "query", "-q", "--threads", "2", "--format", "csv", "-c", sql], cwd=work, capture_output=True, text=True,
                          timeout=300, env={**os.environ, **environment})  # fmt: skip


def writer(number, between, results):
    """Writes a file, and reads it and its folder, again and again."""
    i = 0
    while sum(between.faults.values()) < FAULTS:
        path, rows = f"/faults/{number}/{i}.csv", 1000 + 7 * i
        wrote = leat(f"COPY (SELECT g AS x FROM generate_series(1, {rows}) t(g)) TO 'hdfs://{path}'", http_proxy=between.address)
        read = leat(f"SELECT count(*), sum(x) FROM 'hdfs:///faults/{number}/*.csv'", http_proxy=between.address)
        results.append((path, rows, wrote, read))
        i += 1


def many_writers(between):
    results = [[] for _ in range(4)]
    threads = [threading.Thread(target=writer, args=(n, between, results[n])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unsure = wrong_reads = 0
    for number in range(4):
        there = {name for name in webhdfs.names(f"/faults/{number}") if not name.startswith(".")}
        sums = {}
        for path, rows, wrote, read in results[number]:
            name = path.rsplit("/", 1)[1]
            content = webhdfs.read(path)
            whole = content == ("x\n" + "".join(f"{x}\n" for x in range(1, rows + 1))).encode()
            if wrote.returncode == 0:
                check(f"{path} is there, whole", whole, content and content[:80])
            else:
                unsure += 1
                check(f"{path} is whole or not there", content is None or whole, wrote.stderr)
                check(f"{path}: the error says what failed", "hdfs://" in wrote.stderr and "[L" in wrote.stderr, wrote.stderr)
            there.discard(name)
            if content is not None:
                sums[name] = (rows, rows * (rows + 1) // 2)
            if read.returncode != 0:
                wrong_reads += 1
                check(f"{path}: the error of a read says what failed", "hdfs://" in read.stderr and "[L" in read.stderr, read.stderr)
                continue
            want = f"count,sum\n{sum(c for c, _ in sums.values())},{sum(s for _, s in sums.values())}\n"
            check(f"{path}: what was read then", read.stdout == want, f"{read.stdout} instead of {want}")
        check(f"writer {number}: nothing that was not written", not there, there)
    rounds = sum(len(r) for r in results)
    check("most is carried out all the same", unsure + wrong_reads < rounds / 4, f"{unsure} writes and {wrong_reads} reads of {rounds} failed")


def one_winner(between):
    """Writers that replace the same file: it always holds one of them, whole."""
    results = []

    def replace(n):
        results.append(leat(f"COPY (SELECT {n} AS x FROM generate_series(1, 2000)) TO 'hdfs:///faults/same.csv'", http_proxy=between.address))

    for i in range(5):
        threads = [threading.Thread(target=replace, args=(4 * i + n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = webhdfs.read("/faults/same.csv").split()
        check("one of the writers' files, whole", len(lines) == 2001 and len(set(lines[1:])) == 1, lines[:3])


between = proxy.Proxy(rate=0.3, seed=int(os.environ.get("LEAT_HDFS_SEED", "3")))
many_writers(between)
one_winner(between)
check("faults of every kind", sum(between.faults.values()) >= FAULTS and all(between.faults.values()), between.faults)
print(f"{sum(between.faults.values())} faults in {between.requests} requests: {between.faults}", file=sys.stderr)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
