#!/usr/bin/env python3
"""Random queries (tests/differential) in threads and in worker processes, cut wherever that is possible: equal rows, or the same
error.

    differential.py FOLDER [COUNT [SEED]]
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


def run_on_processes(command, **options):
    options["input"] = "SET small_rows TO 0;\n" + options["input"]
    return run([*command, "--on", "local:processes", "--threads", "2"], **options)


texts = [queries.Generator(seed * 1000003 + i).query() for i in range(count)]
here = queries.leat(texts)
subprocess.run = run_on_processes
there = queries.leat(texts)
for text, a, b in zip(texts, here, there):
    if (a[1] or "")[:5] == (b[1] or "")[:5] and (a[1] or queries.rows_equal(a[0], b[0])):
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n     threads: {a[1] or a[0][:4]}\n     processes: {b[1] or b[0][:4]}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
