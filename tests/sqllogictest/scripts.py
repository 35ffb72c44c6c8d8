#!/usr/bin/env python3
"""SQLite's sqllogictest scripts ($LEAT_SUITES/sqllogictest) against leat: one process a script, by the library (leat query) and over the
PostgreSQL protocol (psql and leat serve).

Records for other engines are left out (skipif, onlyif), and so are indexes, keys and the empty list IN (), which is
SQLite's own. SQLite puts nulls first, so ORDER BY gets NULLS FIRST here.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "sql"))
sys.path.insert(0, str(HERE.parent / "postgres"))
from run import LEAT, csv_rows  # noqa: E402
from server import Server  # noqa: E402

SCRIPTS = ["select1", "select2", "select3", "select4", "select5", "evidence/in1", "evidence/in2", "evidence/slt_lang_aggfunc"]
SCRIPTS += [f"evidence/slt_lang_{name}" for name in ("createview", "droptable", "dropview", "update")]
# Not run: slt_lang_createtrigger, droptrigger (triggers), dropindex, reindex (indexes), replace (INSERT OR REPLACE).
OWN = {  # what records of the others are SQLite's own ways
    r"NOT INDEXED|DROP INDEX": "words about indexes",
    r"\btotal\(": "an aggregate of its own",
    r"\bgroup_concat\(": "its name of string_agg",
    r"'hello' (NOT )?IN": "text is compared with numbers",
    r"\b(avg|sum|min|max)\((DISTINCT )?y\)": "text is added up",
    r"\bx NOT NULL ORDER": "NOT NULL is an operator",
    r"SET x=3, x=4|count\(\*\) FROM t1 WHERE x=[45]$": "a column is set several times",
    r"SELECT sum\((DISTINCT )?x\) FROM t1$(?s:.*)(^----$|9223372036854776000)": "integers of the type INTEGER have 64 bits",
}
END = "@@end@@"


def records(path):
    for block in re.split(r"\n\s*\n", path.read_text()):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        skip = False
        while lines and lines[0].startswith(("skipif", "onlyif")):
            word, engine = lines[0].split()[:2]
            skip |= (word == "skipif") == (engine == "postgresql")
            lines.pop(0)
        if not lines or skip or not lines[0].startswith(("statement", "query")):
            continue
        cut = lines.index("----") if "----" in lines else len(lines)
        sql = re.sub(r"\b(PRIMARY\s+KEY|UNIQUE)\b", "", "\n".join(lines[1:cut]), flags=re.I)
        own = any(re.search(pattern, "\n".join([sql, *lines[cut:]]), re.M) for pattern in OWN) and path.parent.name == "evidence"
        if not own and not re.search(r"CREATE\s+INDEX|IN\s*\(\s*\)|\bx'", sql, re.I):
            yield lines[0].split(), sql, lines[cut + 1:]


def nulls_first(sql):
    def item(part):
        return part if "nulls" in part.lower() else part + (" NULLS LAST" if part.lower().rstrip().endswith(" desc") else " NULLS FIRST")
    found = re.search(r"\border\s+by\s+([^()]*)$", sql, re.I)
    return sql[:found.start(1)] + ",".join(item(p) for p in found.group(1).split(",")) if found else sql


def cell(value, kind):
    if value is None:
        return "NULL"
    if kind == "I":
        return {"t": "1", "f": "0"}.get(value) or str(int(float(value)) if "." in value or "e" in value else int(value))
    if kind == "R":
        return f"{float(value):.3f}"
    return value or "(empty)"


def matches(rows, words, expected):
    kinds, sort = words[1], words[2] if len(words) > 2 else "nosort"
    cells = [[cell(v, k) for v, k in zip(row, kinds)] for row in rows]
    if sort == "rowsort":
        cells.sort()
    values = [v for row in cells for v in row]
    if sort == "valuesort":
        values.sort()
    hashed = re.fullmatch(r"(\d+) values hashing to ([0-9a-f]{32})", expected[0]) if expected else None
    if hashed:
        return len(values) == int(hashed.group(1)) and hashlib.md5("".join(v + "\n" for v in values).encode()).hexdigest() == hashed.group(2)
    return values == expected


def by_library(script):
    return subprocess.run([LEAT, "query", "-q", "--format", "csv"], input=script, capture_output=True, text=True), csv_rows


def by_wire(script):
    """psql against a server of its own; a null is told from an empty text by a word of its own."""
    null = "@@null@@"
    with Server() as server:
        command = ["psql", "-Xq", "--csv", "-v", "ON_ERROR_STOP=1", "-P", f"null={null}", "-h", "127.0.0.1", "-p", str(server.port), "-U", "leat", "-d", "leat"]  # fmt: skip
        done = subprocess.run(command, input=script, capture_output=True, text=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"})
    return done, lambda text: [[None if v == null else v or "" for v in row] for row in csv_rows(text)]


def run(path, carry):
    todo = list(records(path))
    script = "".join(f"{nulls_first(sql) if words[0] == 'query' else sql};\nSELECT '{END}' AS e;\n" for words, sql, _ in todo if words[1] != "error")
    done, rows_of = carry(script)
    answers = re.split(rf"e\n{END}\n+", done.stdout)[:-1]
    passed = failed = 0
    for (words, sql, expected), answer in zip([r for r in todo if r[0][1] != "error"], answers):
        good = words[0] == "statement" or matches(list(rows_of(answer))[1:], words, expected)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAIL {path.name}: {sql}\n     got {list(rows_of(answer))[1:4]}, expected {expected[:3]}")
    if done.returncode:
        failed += 1
        print(f"FAIL {path.name}: ended early after {len(answers)} records: {done.stderr[:400]}")
    return passed, failed


def main():
    folder = pathlib.Path(os.environ["LEAT_SUITES"]) / "sqllogictest"
    if not folder.is_dir():
        print("0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    for carry in (by_library, by_wire):
        for name in SCRIPTS:
            p, f = run(folder / f"{name}.test", carry)
            passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
