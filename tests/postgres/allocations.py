#!/usr/bin/env python3
"""The server with an allocation that fails, each in turn: it does not begin, or a client is told, or nothing is noticed. It never
dies, never answers wrongly, and serves the next client."""
import os
import re
import sys

from server import Server, check, finish
from wire import Client, fields, kinds

SETUP = "CREATE TABLE held AS SELECT i AS id, 'name ' || i AS name FROM generate_series(1, 20) s(i)"
SUM = "SELECT sum(id), count(DISTINCT name) FROM held"
WANTED = [[b"210", b"20"]]


def text(value):
    return value.encode() + b"\0"


def talk(port):
    """What a client says; the answers that were no errors."""
    client = Client(port)
    answers = [("greeting", kinds(client.greeting)[-1:])]
    for sql in SETUP, SUM, "BEGIN", "INSERT INTO held VALUES (21, 'more')", "ROLLBACK", "SHOW search_path", "SELECT relname FROM pg_class LIMIT 0":
        got = client.query(sql)
        if fields(got):
            if sql == "BEGIN":  # no transaction to go back from
                break
            continue
        answers.append((sql, [body for kind, body in got if kind == b"D"]))
    client.send(b"P", text("s") + text("SELECT name FROM held WHERE id = $1") + b"\0\0")
    client.send(b"B", text("") + text("s") + b"\0\0\0\1\0\0\0\1" + b"7" + b"\0\0")
    client.send(b"D", b"P" + text(""))
    client.send(b"E", text("") + b"\0\0\0\0")
    client.send(b"S")
    answers.append(("extended", [body for kind, body in client.until(b"Z") if kind == b"D"]))
    client.send(b"X")
    client.close()
    return answers


def attempt(n):
    os.environ["LEAT_FAULT_ALLOC"] = str(n)
    try:
        server = Server()
    except RuntimeError as reason:
        check(f"allocation {n}: why it did not begin", "memory" in str(reason), reason)
        return
    with server:
        try:
            talk(server.port)
        except (OSError, IndexError, TypeError):
            pass  # a connection that was given up
        check(f"allocation {n}: it lives", server.process.poll() is None, server.process.poll())
        try:
            after = Client(server.port)
            if not after.rows("SELECT 1 FROM held LIMIT 1"):
                after.query("DROP TABLE IF EXISTS held")
                after.query(SETUP)
            check(f"allocation {n}: the next client", after.rows(SUM) == WANTED, after.rows(SUM))
            after.close()
        except OSError as reason:
            check(f"allocation {n}: the next client", False, reason)


def count():
    """Allocations until the talk is over, and answers without a fault."""
    os.environ["LEAT_FAULT_COUNT"] = "1"
    with Server() as server:
        answers = talk(server.port)
        server.process.terminate()
        found = re.search(r"allocations (\d+)", server.process.communicate(timeout=30)[1])
    del os.environ["LEAT_FAULT_COUNT"]
    check("without a fault", len(answers) == 9 and answers[2][1], answers)
    return int(found.group(1)) if found else 0


def main():
    total = count()
    check("allocations are counted", total > 200, total)
    step = max(1, total // int(sys.argv[1] if len(sys.argv) > 1 else 250))
    for n in range(1, total + 1, step):
        attempt(n)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
