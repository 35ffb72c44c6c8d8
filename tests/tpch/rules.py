#!/usr/bin/env python3
"""TPC-H with each rule of the optimizer turned off in turn, with all of them off, and with batches of one row, against the reference answers.

rules.py DATA SUITE      DATA: the Parquet files; SUITE: queries/ and answers/
"""
import os
import pathlib
import subprocess
import sys

from compare import compare

LEAT = os.environ["LEAT"]
RULES = ["constant_folding", "filter_factoring", "filter_implied", "filter_pushdown", "outer_to_inner", "implied_equalities", "join_order"]
RULES += ["semi_join_place", "anti_join", "limit_pushdown", "group_keys", "shifted_sums", "distinct_calls"]
RULES += ["runtime_filters", "all"]
WAYS = [f"disabled_optimizers TO '{rule}'" for rule in RULES] + ["batch_rows TO 1", "batch_rows TO 3"]
TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
END = "@@end@@"
data, suite = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
passed = failed = 0


def known_rules():
    """The message of a wrong name lists all of them: none is left out here."""
    told = subprocess.run([LEAT, "query", "-c", "SET disabled_optimizers TO 'x'"], capture_output=True, text=True).stderr
    return all(rule in told for rule in RULES) and told.split("a list of: ")[1].split(";")[0].count(",") == len(RULES) - 2


def check(name, good, text=""):
    global passed, failed
    passed += good
    failed += not good
    if not good:
        print(f"FAIL {name}: {text}")


check("all rules are tried", known_rules())
for number in range(1, 23):
    query = (suite / f"queries/q{number:02}.sql").read_text().rstrip().rstrip(";")
    script = "".join(f"CREATE VIEW {table} AS SELECT * FROM '{data / table}.parquet';\n" for table in TABLES)
    for way in WAYS:
        script += f"SET {way};\n{query};\nSELECT '{END}' AS e;\nRESET disabled_optimizers;\n"
    done = subprocess.run([LEAT, "query", "-q", "--format", "csv", "--threads", "2"], input=script, capture_output=True, text=True)
    answers = done.stdout.split(f"e\n{END}\n")[:-1]
    check(f"q{number}: all ran", len(answers) == len(WAYS), done.stderr)
    for way, answer in zip(WAYS, answers):
        difference = compare((suite / f"answers/q{number:02}.csv").read_text(), answer.lstrip("\n"))
        check(f"q{number}, {way}", not difference, difference)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
