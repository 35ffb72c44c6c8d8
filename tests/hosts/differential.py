#!/usr/bin/env python3
"""Random queries (tests/differential) in threads and another way: equal rows, or the same error. The way is in worker processes,
cut wherever that is possible, or, with a setting, in threads with it.

    differential.py FOLDER [COUNT [SEED [SETTING]]]        for example "spill TO always"

Half of the queries for worker processes are cut only between inputs of some rows, where small sides reduce large ones.
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


SETTINGS = sys.argv[4:] or ["small_rows TO 0", "small_rows TO 12"]
HOST = [] if sys.argv[4:] else ["--on", "local:processes"]


def run_other_way(command, **options):
    options["input"] = f"SET {setting};\n" + options["input"]
    return run([*command, *HOST, "--threads", "2"], **options)


texts = [queries.Generator(seed * 1000003 + i).query() for i in range(count)]
here = queries.leat(texts)
subprocess.run = run_other_way
there = []
for i, setting in enumerate(SETTINGS):
    there += queries.leat(texts[count * i // len(SETTINGS) : count * (i + 1) // len(SETTINGS)])
for text, a, b in zip(texts, here, there):
    if (a[1] or "")[:5] == (b[1] or "")[:5] and (a[1] or queries.rows_equal(a[0], b[0])):
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n     threads: {a[1] or a[0][:4]}\n     other way: {b[1] or b[0][:4]}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
