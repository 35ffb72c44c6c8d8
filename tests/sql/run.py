#!/usr/bin/env python3
"""Runs the .test files under tests/sql (sqllogictest form) against leat, and, with --oracle, against PostgreSQL too.

    run.py [--oracle] [--write] [--on HOST] [--set SETTING] [FILE ...]

A file holds records separated by empty lines:

    statement ok                      query [rowsort]
    CREATE TABLE t (a integer)        SELECT a FROM t
                                      ----
    statement error 22012             1 <tab> text
    SELECT 1/0                        NULL

`rowsort` compares rows in any order. NULL is NULL, an empty text (empty). Numbers are equal within 1e-12 relative, other
cells as text. `skip postgres REASON` in front of a record leaves PostgreSQL out. --write takes the results from
PostgreSQL and writes them into the files: that is how they came there. --on HOST runs the statements there, cut into as
many stages as possible. --set puts SET SETTING before each record, for example "spill TO always".
"""
import csv
import io
import os
import pathlib
import re
import subprocess
import sys
from decimal import Decimal, InvalidOperation

HERE = pathlib.Path(__file__).parent
LEAT = os.environ.get("LEAT", str(HERE.parent.parent / "build/release/leat"))
MARK = "\x01null\x01"
HOST = ""
SETTING = ""


class Record:
    def __init__(self, kind, option, sql, rows, line, skip):
        self.kind, self.option, self.sql, self.rows, self.line, self.skip = kind, option, sql, rows, line, skip


def parse(path):
    records = []
    lines = path.read_text().split("\n")
    i, skip = 0, False
    while i < len(lines):
        line = lines[i]
        if line.startswith("skip postgres"):
            skip = True
        elif line.startswith(("statement", "query")):
            words = line.split()
            start, sql, rows = i + 1, [], []
            i += 1
            while i < len(lines) and lines[i] and lines[i] != "----":
                sql.append(lines[i])
                i += 1
            if i < len(lines) and lines[i] == "----":
                i += 1
                while i < len(lines) and lines[i]:
                    rows.append(lines[i].split("\t"))
                    i += 1
            option = " ".join(words[1:])
            records.append(Record(words[0], option, "\n".join(sql), rows, start, skip))
            skip = False
        i += 1
    return records


def number(text):
    try:
        value = Decimal(text)
        return value if value.is_finite() else None
    except InvalidOperation:
        return None


def same(a, b):
    if a == b:
        return True
    x, y = number(a), number(b)
    return x is not None and y is not None and abs(x - y) <= max(abs(x), abs(y)) * Decimal("1e-12")


def same_rows(got, expected, option):
    if "rowsort" in option:
        got, expected = sorted(got), sorted(expected)
    return len(got) == len(expected) and all(
        len(a) == len(b) and all(same(x, y) for x, y in zip(a, b)) for a, b in zip(got, expected))


def shown(text):
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return "(empty)" if text == "" else text


def leat(setup, record):
    """Rows or an SQLSTATE. One process a record: its setup and the statement."""
    script = "".join(s + ";\n" for s in setup + [record.sql])
    host = []
    if SETTING:
        script = f"SET {SETTING};\n" + script
    if HOST:
        script = "SET small_rows TO 0;\n" + script
        host = ["--on", HOST, "--threads", "2"]
    result = subprocess.run([LEAT, "query", "-q", "--format", "csv", "--errors", "json", *host],
                            input=script, capture_output=True, text=True, timeout=60)
    if result.returncode not in (0, 1, 2, 4):
        return None, f"exit {result.returncode}: {result.stderr[:200]}"
    if result.stderr.strip():
        found = re.search(r'"sqlstate": ?"([0-9A-Z]{5})"', result.stderr)
        if found:
            return None, found.group(1) + " " + result.stderr[:300]
    rows = []
    for line in list(csv_rows(result.stdout))[1:]:
        rows.append(["NULL" if c is None else shown(c) for c in line])
    return rows, None


def csv_rows(text):
    """CSV where an unquoted empty field is NULL and "" an empty text."""
    row, cell, quoted, i, n = [], "", False, 0, len(text)
    while i < n:
        c = text[i]
        if c == '"' and cell == "" and not quoted:
            i += 1
            while i < n:
                if text[i] == '"' and i + 1 < n and text[i + 1] == '"':
                    cell += '"'
                    i += 2
                elif text[i] == '"':
                    break
                else:
                    cell += text[i]
                    i += 1
            quoted = True
        elif c == "," or c == "\n":
            row.append(None if cell == "" and not quoted else cell)
            cell, quoted = "", False
            if c == "\n":
                yield row
                row = []
        else:
            cell += c
        i += 1


class Postgres:
    def __init__(self):
        self.process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-P", f"null={MARK}", "-v", "VERBOSITY=sqlstate"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.run("SET client_min_messages = error")

    def run(self, sql):
        """Rows as JSON-free text: COPY keeps every byte apart."""
        is_query = re.match(r"\s*(select|with|values|table|\()", sql, re.I)
        body = f"COPY ({sql}\n) TO STDOUT (FORMAT csv);" if is_query else sql + ";"
        self.process.stdin.write(body + "\n\\echo \x02end\x02\n")
        self.process.stdin.flush()
        text = ""
        while not text.endswith("\x02end\x02\n"):
            part = self.process.stdout.readline()
            if not part:
                raise RuntimeError("psql ended")
            text += part
        text = text[:-len("\x02end\x02\n")]
        found = re.search(r"^ERROR:\s+([0-9A-Z]{5})", text, re.M)
        if found:
            return None, found.group(1)
        return [["NULL" if c is None else shown(c) for c in row] for row in csv_rows(text)], None


def write_back(path, results):
    """Replaces the results of queries in the file by PostgreSQL's."""
    out, lines, i = [], path.read_text().split("\n"), 0
    while i < len(lines):
        out.append(lines[i])
        if i + 1 in results:
            rows, error = results[i + 1]
            was_query = lines[i].startswith("query")
            if error:
                out[-1] = f"statement error {error}"
            elif was_query or re.match(r"(select|with|values|table|\()", lines[i + 1], re.I):
                sorts = "rowsort" in lines[i] or "order by" not in lines_until(lines, i + 1).lower()
                out[-1] = "query rowsort" if sorts else "query"
            else:
                out[-1] = "statement ok"
            i += 1
            while i < len(lines) and lines[i] and lines[i] != "----":
                out.append(lines[i])
                i += 1
            while i < len(lines) and lines[i]:
                i += 1
            if rows is not None and (was_query or rows):
                out.append("----")
                out.extend("\t".join(row) for row in rows)
            continue
        i += 1
    path.write_text("\n".join(out))


def lines_until(lines, start):
    end = start
    while end < len(lines) and lines[end] and lines[end] != "----":
        end += 1
    return "\n".join(lines[start:end])


def run_file(path, oracle, write):
    passed = failed = 0
    setup, results = [], {}
    if oracle:
        oracle.run("DROP SCHEMA public CASCADE")
        oracle.run("CREATE SCHEMA public")
    for record in parse(path):
        where = f"{path.relative_to(HERE)}:{record.line}"
        if oracle and not record.skip:
            rows, error = oracle.run(record.sql)
            if write and (record.kind == "query" or record.option.startswith("error") or error):
                results[record.line] = (rows, error)
                continue
            if record.kind == "query" and (error or not same_rows(rows, record.rows, record.option)):
                print(f"FAIL {where}: PostgreSQL gives {error or rows[:3]}, the file says {record.rows[:3]}")
                failed += 1
                continue
        if write:
            if record.option == "ok":
                setup.append(record.sql)
            continue
        rows, error = leat(setup, record)
        if record.kind == "statement" and record.option == "ok":
            setup.append(record.sql)
            good = error is None
        elif record.kind == "statement":
            good = error is not None and error.startswith(record.option.split()[1])
        else:
            good = error is None and same_rows(rows, record.rows, record.option)
        if good:
            passed += 1
        else:
            failed += 1
            print(f"FAIL {where}: {record.sql.strip()[:160]}\n     got {error[:160] if error else rows[:3]}, expected {record.option if record.kind == 'statement' else record.rows[:3]}")
    if write:
        write_back(path, results)
    return passed, failed


def main():
    global HOST, SETTING
    arguments = sys.argv[1:]
    for name in ("--on", "--set"):
        if name in arguments:
            at = arguments.index(name)
            HOST, SETTING = (arguments[at + 1], SETTING) if name == "--on" else (HOST, arguments[at + 1])
            del arguments[at:at + 2]
    write = "--write" in arguments
    oracle = Postgres() if "--oracle" in arguments or write else None
    names = [a for a in arguments if not a.startswith("--")]
    paths = [pathlib.Path(n).resolve() for n in names] or sorted(HERE.glob("**/*.test"))
    passed = failed = 0
    if oracle:
        for path in paths:
            p, f = run_file(path, oracle, write)
            passed, failed = passed + p, failed + f
    else:
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool:
            for p, f in pool.map(lambda path: run_file(path, None, False), paths):
                passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
