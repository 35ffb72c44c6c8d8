#!/usr/bin/env python3
"""psycopg 3 and psycopg2 against a server: values of all types in text and binary form, there and back, COPY, pipelines, transactions."""
import datetime
import decimal
import json
import sys
import uuid

import psycopg
import psycopg2

from server import Server, check, finish

VALUES = [
    ("boolean", [True, False]),
    ("smallint", [-32768, 32767]),
    ("integer", [-(2**31), 2**31 - 1]),
    ("bigint", [-(2**63), 2**63 - 1, 0]),
    ("real", [1.5, float("inf")]),
    ("double precision", [0.1, -1e300, float("-inf")]),
    ("numeric(38,10)", [decimal.Decimal(text) for text in ("0", "-1234567890123456789012345678.0123456789", "0.0000000001", "10000", "-0.5")]),
    ("numeric(5,1)", [decimal.Decimal("-9999.9"), decimal.Decimal("0.1")]),
    ("numeric(10,3)", [decimal.Decimal("0.001"), decimal.Decimal("1234567.890")]),
    ("numeric(38,38)", [decimal.Decimal("0." + "1234567890" * 3 + "12345678")]),
    ("text", ["", "ä€\U0001f600", "it's \\ \n\t", "x" * 100000]),
    ("bytea", [b"", bytes(range(256))]),
    ("date", [datetime.date(1, 1, 1), datetime.date(2000, 2, 29), datetime.date(9999, 12, 31)]),
    ("time", [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)]),
    ("timestamp", [datetime.datetime(1900, 1, 1), datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)]),
    ("timestamptz", [datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)]),
    ("interval", [datetime.timedelta(days=-3, seconds=7, microseconds=1)]),
    ("uuid", [uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")]),
    ("integer[]", [[1, None, 3], []]),
    ("integer[][]", [[[1, 2], [3, 4]]]),
    ("text[]", [["a,b", 'q"u', None, "NULL", ""]]),
    ("numeric(6,2)[]", [[decimal.Decimal("1.50"), decimal.Decimal("-0.25")]]),
]


def types(connection):
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            for name, values in VALUES:
                for value in [*values, None]:
                    for form in ("%s", "%t", "%b"):
                        what = f"{name}, {'binary' if binary else 'text'} result, {form}: {str(value)[:40]}"
                        if form == "%b" and value and isinstance(value, list) and isinstance(value[0], list):
                            continue  # binary arrays of several dimensions are not taken
                        try:
                            got = cursor.execute(f"SELECT {form}::{name}", [value]).fetchone()[0]
                        except Exception as error:  # noqa: BLE001
                            got = error
                        check(f"types: {what}", got == value and type(got) is type(value), repr(got)[:200])
            got = cursor.execute("SELECT ROW(1, 'x'), NULL::text, '{\"k\": [1, null]}'::json").fetchone()
            check("types: struct and json", got == ({"f1": 1, "f2": "x"}, None, {"k": [1, None]}), got)


def statements(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE people (id int NOT NULL, name text, born date)")
        cursor.executemany("INSERT INTO people VALUES (%s, %s, %s)", [(i, f"n{i}", datetime.date(2000, 1, 1 + i)) for i in range(10)])
        check("executemany", cursor.execute("SELECT count(*), max(born) FROM people").fetchone() == (10, datetime.date(2000, 1, 10)))
        check("rowcount", cursor.execute("UPDATE people SET name = NULL WHERE id < %s", [3]).rowcount == 3)
        for i in range(8):  # prepared from the sixth on
            got = cursor.execute("SELECT name FROM people WHERE id = %s", [i], prepare=True).fetchone()
            check("prepared", got == (None if i < 3 else f"n{i}",), got)
        check("description", [(c.name, c.type_code) for c in cursor.execute("SELECT * FROM people").description] == [("id", 23), ("name", 25), ("born", 1082)])
        with cursor.copy("COPY people (id, name) FROM STDIN") as copy:
            for i in range(100, 200):
                copy.write_row((i, None if i % 2 else f"tab\t{i}\\"))
        with cursor.copy("COPY (SELECT id, name FROM people WHERE id >= 100 ORDER BY id) TO STDOUT") as copy:
            rows = list(copy.rows())
        check("COPY there and back", rows == [(str(i), None if i % 2 else f"tab\t{i}\\") for i in range(100, 200)], rows[:3])
        check("in a list", cursor.execute("SELECT count(*) FROM people WHERE id = ANY(%s)", [[1, 2, 150]]).fetchone() == (3,))
        check("LIMIT and OFFSET", cursor.execute("SELECT id FROM people ORDER BY id LIMIT %s OFFSET %s", [2, 1]).fetchall() == [(1,), (2,)])
    try:
        connection.execute("SELECT * FROM nothing")
        check("an error", False)
    except psycopg.errors.UndefinedTable as error:
        check("an error", error.diag.statement_position == "15", error)
    with connection.pipeline():
        got = [connection.execute("SELECT %s::int * 2", [i]) for i in range(5)]
    check("a pipeline", [cursor.fetchone()[0] for cursor in got] == [0, 2, 4, 6, 8])


def transactions(port):
    with psycopg.connect(f"host=127.0.0.1 port={port} user=u dbname=d") as connection:
        connection.execute("CREATE TABLE accounts (id int, amount int)")
        connection.execute("INSERT INTO accounts VALUES (1, 10)")
    with psycopg.connect(f"host=127.0.0.1 port={port} user=u dbname=d") as connection:
        try:
            with connection.transaction():
                connection.execute("UPDATE accounts SET amount = 0")
                raise KeyError
        except KeyError:
            pass
        check("a transaction is taken back", connection.execute("SELECT amount FROM accounts").fetchone() == (10,))
    one, two = (psycopg.connect(f"host=127.0.0.1 port={port} user=u dbname=d") for _ in range(2))
    one.execute("UPDATE accounts SET amount = 1")
    two.execute("UPDATE accounts SET amount = 2")
    one.commit()
    try:
        two.commit()
        check("a conflict", False)
    except psycopg.errors.SerializationFailure:
        check("a conflict", True)
    check("the first has won", one.execute("SELECT amount FROM accounts").fetchone() == (1,))


def old(port):
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="u", dbname="d")
    cursor = connection.cursor()
    cursor.execute("SELECT %s, %s, %s, %s, %s", (1, "it's", None, decimal.Decimal("2.50"), datetime.date(2024, 1, 1)))
    check("psycopg2", cursor.fetchone() == (1, "it's", None, decimal.Decimal("2.50"), datetime.date(2024, 1, 1)))
    cursor.execute("CREATE TABLE old (id int, data json)")
    cursor.execute("INSERT INTO old VALUES (%s, %s)", (1, json.dumps({"a": [1]})))
    cursor.execute("SELECT data FROM old")
    check("psycopg2: json", cursor.fetchone() == ({"a": [1]},))
    connection.commit()
    connection.close()


with Server() as server:
    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=u dbname=d", autocommit=True) as connection:
        types(connection)
        statements(connection)
    transactions(server.port)
    old(server.port)
sys.exit(finish())
