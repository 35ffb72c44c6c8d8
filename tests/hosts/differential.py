#!/usr/bin/env python3
"""Random queries (tests/differential) in threads and another way: equal rows, or the same error. The way is in worker processes,
cut wherever that is possible, or with "spill" in threads, with all rows that are collected moved to files.

    differential.py FOLDER [COUNT [SEED [spill]]]
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "differential"))
import queries  # noqa: E402

count = int(sys.argv[2]) if len(sys.argv) > 2 else 400
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 3
run = subprocess.run
passed = failed = 0


WAY = ("SET spill TO always;\n", []) if sys.argv[4:] == ["spill"] else ("SET small_rows TO 0;\n", ["--on", "local:processes"])


def run_other_way(command, **options):
    options["input"] = WAY[0] + options["input"]
    return run([*command, *WAY[1], "--threads", "2"], **options)


texts = [queries.Generator(seed * 1000003 + i).query() for i in range(count)]
here = queries.leat(texts)
subprocess.run = run_other_way
there = queries.leat(texts)
for text, a, b in zip(texts, here, there):
    if (a[1] or "")[:5] == (b[1] or "")[:5] and (a[1] or queries.rows_equal(a[0], b[0])):
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n     threads: {a[1] or a[0][:4]}\n     other way: {b[1] or b[0][:4]}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
