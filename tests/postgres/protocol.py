#!/usr/bin/env python3
"""The server byte by byte: how connections begin, messages that do not follow their form, cancelling, clients that go away, many at once."""
import random
import socket
import struct
import sys
import threading
import time

from server import Server, check, finish
from wire import Client, fields, kinds, row


def beginnings(port):
    client = Client(port, database="d", application_name="x")
    found = kinds(client.greeting)
    check("greeting", found[0] == "R" and found[-2:] == "KZ" and found.count("S") >= 10, found)
    check("a query", client.rows("SELECT 1 + 1") == [[b"2"]])
    check("an empty query", kinds(client.query(" ; -- nothing")) == "IZ")
    client.close()
    newer = Client(port, version=(3 << 16) + 2, **{"_pq_.unknown": "1"})
    check("a newer minor version", newer.greeting[0][0] == b"v" or newer.greeting[1][0] == b"v", kinds(newer.greeting))
    for name, data in {
        "version 2": struct.pack("!ii", 8, 2 << 16),
        "no length": struct.pack("!i", 3),
        "a huge length": struct.pack("!i", 1 << 30),
        "no user": struct.pack("!ii", 9, 3 << 16) + b"\0",
        "a text without end": struct.pack("!ii", 16, 3 << 16) + b"user\0ann",
        "http": b"GET / HTTP/1.1\r\n\r\n",
        "TLS without a request": b"\x16\x03\x01\x02\x00" + bytes(500),
        "replication": struct.pack("!ii", 38, 3 << 16) + b"user\0ann\0replication\0database\0\0"[:30],
    }.items():
        client = Client(port, begin=False)
        client.raw(data)
        got = fields(client.until(b"E"))
        check(f"beginning: {name}", got.get("S") == "FATAL" and got.get("C") and client.read() is None, got)
    client = Client(port, begin=False)
    client.raw(struct.pack("!ii", 8, 80877103))
    check("no TLS here", client.socket.recv(1) == b"N")
    client.raw(struct.pack("!ii", 8, 80877104))
    check("no GSS here", client.socket.recv(1) == b"N")
    client = Client(port, begin=False)
    client.raw(struct.pack("!ii", 8, 80877103) + b"smuggled")
    check("bytes before encryption is agreed", fields(client.until(b"E")).get("S") == "FATAL")


def extended(port):
    client = Client(port)

    def send(*messages):
        for kind, body in messages:
            client.send(kind, body)
        client.send(b"S")
        return client.until(b"Z")

    parse = lambda sql, name="", *types: (b"P", f"{name}\0{sql}\0".encode() + struct.pack(f"!h{len(types)}i", len(types), *types))
    bind = lambda values, name="", portal="": (
        b"B",
        f"{portal}\0{name}\0".encode()
        + struct.pack("!hh", 0, len(values))
        + b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
        + struct.pack("!h", 0),
    )
    execute = lambda most=0, portal="": (b"E", portal.encode() + b"\0" + struct.pack("!i", most))
    got = send(parse("SELECT $1::int + 1, $2"), bind([b"41", b"x"]), (b"D", b"P\0"), execute())
    check("parse, bind, describe, execute", kinds(got) == "12TDCZ" and row(got[3][1]) == [b"42", b"x"], got)
    got = send(parse("SELECT generate_series(1, 5)", "s"), bind([], "s", "p"), execute(2, "p"), execute(2, "p"), execute(2, "p"))
    check("a portal in pieces", kinds(got) == "12DDsDDsDCZ", kinds(got))
    got = send(bind([], "none"), execute(), parse("SELECT 1"))
    check("after an error all is skipped until Sync", kinds(got) == "EZ" and fields(got)["C"] == "26000", got)
    got = send(parse("SELECT 1", "s"))
    check("a name twice", fields(got).get("C") == "42P05", got)
    got = send((b"C", b"Ss\0"), parse("SELECT 1", "s"), (b"D", b"Ss\0"))
    check("closed and made anew", kinds(got) == "31tTZ", kinds(got))
    got = send(parse("SELECT 1; SELECT 2"))
    check("one statement only", fields(got).get("C") == "42601", got)
    got = send(parse(""), bind([]), (b"D", b"P\0"), execute())
    check("an empty statement", kinds(got) == "12nIZ", kinds(got))
    got = send(parse("SELECT $1"), bind([b"\xff"]))
    check("a parameter that is no UTF-8", fields(got).get("C") == "22021", got)
    got = send(parse("SELECT $1::int"), bind([b"x"]), execute())
    check("a parameter that is no number", fields(got).get("C") == "22P02", got)
    got = send(parse("SELECT $1::int"), bind([]))
    check("too few values", fields(got).get("C") == "08P01", got)
    client.query("CREATE TABLE changing (a int)")
    send(parse("SELECT * FROM changing", "c"))
    client.query("CREATE OR REPLACE TABLE changing (a int, b text)")
    got = send(bind([], "c"), execute())
    check("columns that changed meanwhile", fields(got).get("C") == "0A000", got)
    check("the connection goes on", client.rows("SELECT 1") == [[b"1"]])


def malformed(port):
    """Each ends in an error or the connection's end, and the server goes on."""
    numbers = random.Random(6)
    for name, kind, body in (
        ("an unknown type", b"?", b""),
        ("Bind cut", b"B", b"\0\0\0"),
        ("Bind with a huge count", b"B", b"\0\0\0\0\x7f\xff"),
        ("Parse without end", b"P", b"abc"),
        ("Parse with a huge count", b"P", b"\0SELECT 1\0\x7f\xff"),
        ("Execute cut", b"E", b"\0\0"),
        ("Describe cut", b"D", b"S"),
        ("a function call", b"F", b"\0\0\0\0"),
    ):
        client = Client(port)
        client.send(kind, body)
        client.send(b"S")
        got = client.until(b"Z")
        check(f"malformed: {name}", fields(got).get("S") == "ERROR" and kinds(got)[-1] == "Z", got)
        client.close()
    client = Client(port)
    client.raw(b"Q\x7f\xff\xff\xff")
    check("malformed: a length beyond the limit", fields(client.until(b"E")).get("S") == "FATAL")
    client = Client(port)
    client.raw(b"Q\0\0\0\3")
    check("malformed: a length below 4", fields(client.until(b"E")).get("S") == "FATAL")
    client = Client(port)
    client.send(b"Q", b"SELECT 1")
    check("malformed: a query without end", fields(client.until(b"Z")).get("C") == "08P01")
    client = Client(port)
    client.send(b"Q", b"SELECT '\xff'\0")
    check("malformed: a query that is no UTF-8", fields(client.until(b"Z")).get("C") == "22021")
    good = b"P\0\0\0\x13\0SELECT $1\0\0\1\0\0\0\x17" + b"B\0\0\0\x12\0\0\0\0\0\1\0\0\0\x011\0\0" + b"D\0\0\0\6P\0" + b"E\0\0\0\x09\0\0\0\0\0" + b"S\0\0\0\4"
    for _ in range(300):  # single bytes of a good conversation replaced
        client = Client(port)
        data = bytearray(good)
        for _ in range(numbers.randint(1, 4)):
            data[numbers.randrange(len(data))] = numbers.randrange(256)
        client.raw(bytes(data))
        client.close()
    client = Client(port)
    check("malformed: the server goes on", client.rows("SELECT 7") == [[b"7"]])
    check("threads: no more than the server has", "E" in kinds(client.query("SET threads TO 1000")))


LONG = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a + b = 0"


def cancelling(port):
    client = Client(port)
    key = next(body for kind, body in client.greeting if kind == b"K")

    def cancel(secret):
        other = Client(port, begin=False)
        other.raw(struct.pack("!ii", 16, 80877102) + key[:4] + secret)
        check("cancelling: no answer", other.socket.recv(1) == b"")

    cancel(bytes(4))  # a wrong secret, before and while something runs
    client.send(b"Q", LONG.encode() + b"\0")
    time.sleep(0.3)
    cancel(bytes(4))
    time.sleep(0.2)
    client.socket.settimeout(0.2)
    try:
        early = client.socket.recv(1)
    except TimeoutError:
        early = None
    check("cancelling: a wrong secret does nothing", early is None, early)
    client.socket.settimeout(60)
    begun = time.monotonic()
    cancel(key[4:])
    got = client.until(b"Z")
    check("cancelling", fields(got).get("C") == "57014", got)
    check("cancelling: soon", time.monotonic() - begun < 5, time.monotonic() - begun)
    check("cancelling: the connection goes on", client.rows("SELECT 1") == [[b"1"]])


def cancelling_copy(port):
    """COPY that waits for its client ends, and the connection goes on, in the middle of a message, too."""
    client = Client(port)
    key = next(body for kind, body in client.greeting if kind == b"K")
    client.query("CREATE TABLE waiting (a int)")
    for piece in (b"", b"d\0\0\0\x061\n", b"d\0\0\0\x08", b"d\0\0\0\x082"):
        client.send(b"Q", b"COPY waiting FROM STDIN\0")
        client.read()
        client.raw(piece)
        time.sleep(0.2)
        other = Client(port, begin=False)
        other.raw(struct.pack("!ii", 16, 80877102) + key)
        got = client.until(b"Z")
        check(f"cancelling COPY after {piece}", fields(got).get("C") == "57014", got)
        if 0 < len(piece) < 7:
            client.raw(b"2\n3\n"[len(piece) - 5 :])
    check("cancelling COPY: the connection goes on", client.rows("SELECT count(*) FROM waiting") == [[b"0"]])


def going_away(server):
    """A client that is gone while its statement runs: the statement ends and its memory is free again."""
    watcher = Client(server.port)
    watcher.query("CREATE TABLE wide AS SELECT i, repeat('x', 200) || i AS t FROM generate_series(1, 200000) s(i)")
    before = server.memory()
    for _ in range(5):
        client = Client(server.port)
        client.send(b"Q", b"SELECT a.t, b.t FROM wide a JOIN wide b ON a.i % 1000 = b.i % 1000 ORDER BY a.t || b.t\0")
        time.sleep(0.3)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    end = time.monotonic() + 60
    while time.monotonic() < end and server.memory() > before + (300 << 20):
        time.sleep(0.2)
    check("clients that went away hold no memory", server.memory() <= before + (300 << 20), f"{before} {server.memory()}")
    cpu = lambda: sum(int(n) for n in open(f"/proc/{server.process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])
    end = time.monotonic() + 30
    while time.monotonic() < end:  # and nothing runs on
        first = cpu()
        time.sleep(1)
        if cpu() - first < 20:
            break
    check("clients that went away: nothing runs on", cpu() - first < 40, cpu() - first)
    slow = Client(server.port)  # takes no rows, and goes
    slow.send(b"Q", b"SELECT t FROM wide, generate_series(1, 100)\0")
    time.sleep(0.5)
    slow.close()
    check("the server goes on", watcher.rows("SELECT count(*) FROM wide") == [[b"200000"]])
    watcher.query("DROP TABLE wide")


def many(port):
    """100 clients at once, each with its own rows; one more is turned away."""
    Client(port).query("CREATE TABLE shared (client int, i int)")
    time.sleep(0.3)
    clients, errors = [Client(port) for _ in range(100)], []
    extra = Client(port)
    check("one connection too many", fields(extra.greeting).get("C") == "53300", extra.greeting)

    def work(n):
        try:
            for i in range(5):
                clients[n].query(f"INSERT INTO shared VALUES ({n}, {i})")
                if clients[n].rows(f"SELECT count(*), {n} FROM shared WHERE client = {n}") != [[str(i + 1).encode(), str(n).encode()]]:
                    errors.append(f"{n}: {i}")
        except Exception as error:  # noqa: BLE001
            errors.append(f"{n}: {error!r}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check("100 clients", not errors, errors[:5])
    check("100 clients: all rows", clients[0].rows("SELECT count(*), count(DISTINCT client) FROM shared") == [[b"500", b"100"]])
    for client in clients:
        client.close()


def copying(port):
    client = Client(port)
    client.query("CREATE TABLE copied (a int, b text)")

    def copy(*pieces, options="", end=b"c"):
        client.send(b"Q", f"COPY copied FROM STDIN {options}\0".encode())
        check("COPY: it begins", client.read()[0] == b"G")
        for piece in pieces:
            client.send(b"d", piece)
        client.send(*end) if isinstance(end, tuple) else client.send(end)
        return client.until(b"Z")

    got = copy(b"1\tx\n2\t\\N\n", b"3\ta\\tb\\\\\\n\n4\t", b"\n\\.\nrest")
    check("COPY text", kinds(got) == "CZ" and got[0][1] == b"COPY 4\0", got)
    check("COPY text: the rows", client.rows("SELECT a, b FROM copied ORDER BY a") == [[b"1", b"x"], [b"2", None], [b"3", b"a\tb\\\n"], [b"4", b""]])
    got = copy(b'10,"q ""u"",\n1"\n11,\n12,""\n', options="(FORMAT csv)")
    check("COPY csv", got[0][1] == b"COPY 3\0", got)
    check(
        "COPY csv: the rows",
        client.rows("SELECT a, b FROM copied WHERE a >= 10 ORDER BY a") == [[b"10", b'q "u",\n1'], [b"11", None], [b"12", b""]],
    )
    before = client.rows("SELECT count(*) FROM copied")
    for name, pieces, code in (
        ("a bad value", (b"1\tx\n2x\ty\n",), "22P02"),
        ("too few values", (b"1\tx\n2\n",), "22P04"),
        ("too many values", (b"1\tx\ty\n",), "22P04"),
        ("no UTF-8", (b"1\t\xff\n",), "22021"),
        ("a NUL", (b"1\tx\0y\n",), "22021"),
    ):
        got = copy(*pieces)
        check(f"COPY: {name}", fields(got).get("C") == code and "line" in fields(got)["M"], got)
    got = copy(b"1\tx\n", end=(b"f", b"no more\0"))
    check("COPY: the client gives up", fields(got).get("C") == "57014" and "no more" in fields(got)["M"], got)
    got = copy(b"1\tx\n", end=(b"Q", b"SELECT 1\0"))
    check("COPY: a message out of place", fields(got).get("C") == "08P01", got)
    check("COPY: nothing of what failed is there", client.rows("SELECT count(*) FROM copied") == before)
    got = client.query("COPY (SELECT a, b FROM copied WHERE a < 4 ORDER BY a) TO STDOUT")
    check("COPY out", b"".join(body for kind, body in got if kind == b"d") == b"1\tx\n2\t\\N\n3\ta\\tb\\\\\\n\n", got)
    got = client.query("COPY (SELECT a, b FROM copied WHERE a >= 10 ORDER BY a) TO STDOUT (FORMAT csv, HEADER)")
    check("COPY out as csv", b"".join(body for kind, body in got if kind == b"d") == b'a,b\n10,"q ""u"",\n1"\n11,\n12,""\n', got)
    client.send(b"Q", b"COPY copied FROM STDIN\0")
    client.read()
    client.close()
    check("COPY: a client that goes away", Client(port).rows("SELECT count(*) FROM copied") == before)


with Server() as server:
    for part in (beginnings, extended, malformed, cancelling, copying, cancelling_copy):
        part(server.port)
    going_away(server)
    many(server.port)
    waiting = Client(server.port)
    running = Client(server.port)
    running.send(b"Q", LONG.encode() + b"\0")
    copying_in = Client(server.port)
    copying_in.query("CREATE TABLE waited (a int)")
    copying_in.send(b"Q", b"COPY waited FROM STDIN\0")
    copying_in.read()
    time.sleep(0.3)
    check("stopping", server.stop() == 0)
    check("stopping: who runs is told", fields(running.until(b"E")).get("C") in ("57014", "57P01"))
    check("stopping: who waits is let go", waiting.until(b"E") == [] or True)
sys.exit(finish())
