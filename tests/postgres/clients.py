#!/usr/bin/env python3
"""psql and pgbench against a server: the \\d family, \\copy, \\watch, errors, users, TLS, a lake, transactions.

clients.py FOLDER
"""
import os
import pathlib
import re
import subprocess
import sys

from server import LEAT, Server, check, finish

work = pathlib.Path(sys.argv[1]).resolve()
ENVIRONMENT = {**os.environ, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"}
for name in [name for name in ENVIRONMENT if name.startswith("PG") and name != "PGCONNECT_TIMEOUT"]:
    del ENVIRONMENT[name]


def psql(server, *commands, user="ann", database="db", host="127.0.0.1", password=None, options=(), text=None):
    arguments = ["psql", "-X", "-h", host, "-p", str(server.port), "-U", user, "-d", database, "-v", "VERBOSITY=verbose", *options]
    for command in commands:
        arguments += ["-c", command]
    environment = {**ENVIRONMENT, **({"PGPASSWORD": password} if password else {})}
    result = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=120, env=environment, cwd=work)
    return result.stdout + result.stderr


def value(server, sql, **more):
    return psql(server, sql, options=("-At",), **more).strip()


def has(name, text, *pieces):
    missing = [piece for piece in pieces if not re.search(piece, text, re.M)]
    check(name, not missing, f"{missing} in {text}")


def described(server):
    psql(
        server,
        "CREATE TABLE flights (id int NOT NULL, origin text, price numeric(10,2), taken timestamptz, tags text[])",
        "CREATE VIEW cheap AS SELECT id, price FROM flights WHERE price < 100",
        "INSERT INTO flights VALUES (1, 'JFK', 99.5, '2024-02-29 12:00Z', '{a,NULL}'), (2, NULL, 200, NULL, NULL)",
    )
    has("\\d", psql(server, "\\d"), r"main +\| cheap +\| view +\| ann", r"main +\| flights +\| table +\| ann", r"\(2 rows\)")
    has("\\dt+", psql(server, "\\dt+"), r"main +\| flights +\| table +\| ann +\| permanent", r"\(1 row\)")
    has(
        "\\d table",
        psql(server, "\\d flights"),
        'Table "main.flights"',
        r"id +\| integer +\| +\| not null",
        r"price +\| numeric\(10,2\)",
        r"taken +\| timestamp with time zone",
        r"tags +\| text\[\]",
    )
    has("\\d+ table", psql(server, "\\d+ main.flights"), r"origin +\| text")
    has("\\d+ view", psql(server, "\\d+ cheap"), 'View "main.cheap"', "View definition:", "SELECT id, price FROM flights WHERE price < 100")
    has("\\dv", psql(server, "\\dv"), "cheap", r"\(1 row\)")
    has("\\l", psql(server, "\\l"), r"db +\| ann +\| UTF8")
    has("\\dn", psql(server, "\\dn"), r"main +\| ann")
    has("\\df", psql(server, "\\df"), r"\(0 rows\)")
    has("\\dfS", psql(server, "\\dfS lower"), r"pg_catalog +\| lower")
    has("\\du", psql(server, "\\du"), "ann")
    has("\\sv", psql(server, "\\sv cheap"), "CREATE OR REPLACE VIEW main.cheap")
    has("\\conninfo", psql(server, "\\conninfo"), 'database "db" as user "ann"')
    for command in ("\\di", "\\ds", "\\dx", "\\dm", "\\db", "\\dT", "\\dS pg_class", "\\d nothing"):
        text = psql(server, command)
        check(command, "ERROR" not in text, text)
    has("information_schema", psql(server, "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'flights' AND ordinal_position <= 3 ORDER BY ordinal_position", options=("-At",)), r"flights\|id\|integer\|NO", r"flights\|price\|numeric\|YES")  # fmt: skip
    has("who and where", psql(server, "SELECT current_user, session_user, current_database(), current_schema(), version(), pg_backend_pid() > 0", options=("-At",)), r"ann\|ann\|db\|main\|PostgreSQL 15\.0 \(Leat .*\)\|t")  # fmt: skip
    check("a name as an id", value(server, "SELECT relname FROM pg_class WHERE oid = 'flights'::regclass") == "flights")
    check("settings", value(server, "SHOW server_version") == "15.0" and "search_path" in value(server, "SHOW ALL"))
    check("a setting that clients make", value(server, "SET client_min_messages TO warning; SHOW client_min_messages") == "SET\nwarning")
    has("a setting that is not supported", psql(server, "SET timezone TO 'Europe/Berlin'"), "22023", "it is UTC")


def errors(server):
    has("an error", psql(server, "SELECT origni FROM flights"), "42703", "LINE 1: SELECT origni FROM flights", r"^ +\^", "HINT:.*origin", "L2122")
    has("a place behind many bytes of one character", psql(server, "SELECT 'äöü', 1/0"), r"LINE 1: SELECT 'äöü', 1/0\n {22}\^")
    has("several errors of syntax", psql(server, text="SELEC 1\\; SELECT 2 FORM x, y\\;\n;"), "42601", "DETAIL:  1 more")
    has("a near name", psql(server, "UPDATE flight SET id = 1"), "42P01", 'did you mean "flights"')
    has("what is not supported", psql(server, "SAVEPOINT a", "DECLARE c CURSOR FOR SELECT 1"), "0A000", "SAVEPOINT is not", "DECLARE CURSOR is not")
    has("a notice", psql(server, "ALTER TABLE flights ADD PRIMARY KEY (id)"), "WARNING", "not enforced", "ALTER TABLE")


def copied(server):
    (work / "in.csv").write_text('id,origin\n7,"a ""b"",c"\n8,\n')
    out = psql(server, "\\copy flights(id, origin) from 'in.csv' with (format csv, header)", "\\copy (select id, origin from flights order by id) to 'out.csv' csv header")
    has("\\copy", out, "COPY 2", "COPY 4")
    check("\\copy: the file", (work / "out.csv").read_text() == 'id,origin\n1,JFK\n2,\n7,"a ""b"",c"\n8,\n', (work / "out.csv").read_text())
    has("\\copy: a bad row", psql(server, "\\copy flights(id) from stdin", text=""), "COPY 0")
    has("\\copy: a bad row", psql(server, text="copy flights(id) from stdin;\n9\nx\n\\.\n"), "22P02", "COPY flights, line 2, column id")
    process = subprocess.Popen(["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "-d", "db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)  # fmt: skip
    process.stdin.write("SELECT 'seen' AS watched \\watch 0.1\n")
    process.stdin.flush()
    seen = 0
    while seen < 3 and (line := process.stdout.readline()):
        seen += "seen" in line
    process.kill()
    process.communicate()
    check("\\watch", seen == 3, seen)


def prepared(server):
    got = psql(
        server,
        text="PREPARE p (int) AS SELECT id, $2::text FROM flights WHERE id = $1;\nEXECUTE p (1, 'x' || 'y');\nEXECUTE p (1);\n"
        "DEALLOCATE p;\nEXECUTE p (1, 2);\nPREPARE q AS INSERT INTO flights (id) VALUES ($1);\nEXECUTE q (50);\nSELECT count(*) FROM flights WHERE id = 50;",
        options=("-At",),
    )
    has("PREPARE and EXECUTE", got, r"^PREPARE$", r"^1\|xy$", "takes 2 values, not 1", "DEALLOCATE", "26000", r"^INSERT 0 1$", r"^1$")


def transactions(server, name):
    psql(server, "CREATE TABLE money (who text, amount int)", "INSERT INTO money VALUES ('a', 10), ('b', 20)", "CREATE TABLE log (note text)")
    amounts = lambda: value(server, "SELECT string_agg(who || amount, ',' ORDER BY who) FROM money")
    got = psql(server, text="BEGIN;\nUPDATE money SET amount = amount - 5 WHERE who = 'a';\nUPDATE money SET amount = amount + 5 WHERE who = 'b';\nINSERT INTO log VALUES ('moved');\nSELECT sum(amount) FROM money;\nCOMMIT;")  # fmt: skip
    check(f"{name}: commit", amounts() == "a5,b25" and value(server, "SELECT count(*) FROM log") == "1", got)
    psql(server, text="BEGIN;\nDELETE FROM money;\nDROP TABLE log;\nCREATE TABLE fresh (a int);\nROLLBACK;")
    check(f"{name}: rollback", amounts() == "a5,b25" and value(server, "SELECT count(*) FROM log") == "1", amounts())
    check(f"{name}: what was made is gone", "42P01" in psql(server, "SELECT * FROM fresh"))
    got = psql(server, text="BEGIN;\nINSERT INTO log VALUES ('x');\nSELECT 1/0;\nSELECT 2;\nCOMMIT;\nSELECT count(*) FROM log;", options=("-At",))
    has(f"{name}: a failed transaction", got, "22012", "25P02", "^ROLLBACK$", "^1$")
    first, second = (subprocess.Popen(["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "-d", "db", "-v", "VERBOSITY=verbose"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT) for _ in range(2))  # fmt: skip

    def say(process, sql):
        process.stdin.write(sql + ";\n\\echo done\n")
        process.stdin.flush()
        lines = []
        while (line := process.stdout.readline()) and line != "done\n":
            lines.append(line)
        return "".join(lines)

    say(first, "BEGIN")
    before = say(first, "SELECT amount FROM money WHERE who = 'a'")
    say(second, "UPDATE money SET amount = 100 WHERE who = 'a'")
    check(f"{name}: one state during a transaction", say(first, "SELECT amount FROM money WHERE who = 'a'") == before == "5\n", before)
    say(first, "UPDATE money SET amount = amount + 1 WHERE who = 'a'")
    got = say(first, "COMMIT")
    check(f"{name}: a conflict", "40001" in got, got)
    check(f"{name}: the first to commit has won", amounts() == "a100,b25", amounts())
    say(first, "BEGIN")
    say(first, "INSERT INTO log VALUES ('first')")
    say(second, "SELECT 1")
    check(f"{name}: others do not see it yet", say(second, "SELECT count(*) FROM log") == "1\n")
    check(f"{name}: commit of an insert", say(first, "COMMIT") == "" and say(second, "SELECT count(*) FROM log") == "2\n")
    for process in (first, second):
        process.stdin.close()
        process.wait(30)


def bench(server, name):
    def run(*options):
        result = subprocess.run(["pgbench", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", *options, "db"], capture_output=True, text=True, timeout=300, env=ENVIRONMENT)  # fmt: skip
        return result.stdout + result.stderr

    has(f"{name}: pgbench -i", run("-i", "-s", "1"), "done in")
    check(f"{name}: its rows", value(server, "SELECT count(*), sum(abalance) FROM pgbench_accounts") == "100000|0")
    for mode in ("simple", "extended", "prepared"):
        has(f"{name}: pgbench -M {mode}", run("-n", "-M", mode, "-t", "3"), "actually processed: 3/3", r"failed transactions: 0 ")
        has(f"{name}: pgbench -S -M {mode}", run("-n", "-S", "-M", mode, "-c", "4", "-j", "2", "-t", "10"), "actually processed: 40/40")
    check(f"{name}: nothing lost", value(server, "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history), count(*) FROM pgbench_history") == "t|9")  # fmt: skip


def files(folder):
    return {str(path) for path in pathlib.Path(folder).rglob("*") if path.is_file() and "catalog.db" not in path.name}


def lake():
    with Server("--lake", str(work / "lake"), "--create-lake", folder=work) as server:
        transactions(server, "lake")
        before = files(work / "lake/warehouse")
        psql(server, text="BEGIN;\nINSERT INTO log SELECT 'x' FROM generate_series(1, 1000);\nUPDATE money SET amount = 0;\nROLLBACK;")
        check("lake: a rollback leaves no files", files(work / "lake/warehouse") == before, files(work / "lake/warehouse") - before)
        bench(server, "lake")
        has("lake: \\d", psql(server, "\\d"), r"main +\| money +\| table")
        has("lake: \\d table", psql(server, "\\d pgbench_accounts"), r"abalance +\| integer")
        psql(server, "CREATE TABLE other.t (a int)", "CREATE TEMP TABLE mine (b int)")
        has("lake: a near name", psql(server, "MERGE INTO mony USING log ON true WHEN MATCHED THEN DELETE"), "42P01", 'did you mean "money"')
        has("lake: schemas", psql(server, "\\dn"), "main", "other")
        has("lake: a table of another schema", psql(server, "\\d other.t"), 'Table "other.t"')
    with Server("--lake", str(work / "lake"), folder=work) as server:
        check("lake: after another start", value(server, "SELECT count(*) FROM pgbench_history") == "9")


def confined():
    """Files of the server: none, or those below the folder of --files."""
    (work / "open").mkdir()
    (work / "open/in.csv").write_text("a,b\n1,x\n2,y\n")
    (work / "secret.csv").write_text("a\n42\n")
    ways = [
        "SELECT * FROM '{}'", "SELECT * FROM read_csv('{}')", "SELECT * FROM read_files(['{}'])", "CREATE VIEW leak AS SELECT * FROM '{}'",
        "CREATE TABLE leak AS SELECT * FROM '{}'", "COPY taken FROM '{}' (FORMAT csv, HEADER)", "COPY taken TO '{}' (FORMAT csv)", "DESCRIBE '{}'",
        "EXPLAIN SELECT * FROM '{}'", "INSERT INTO taken SELECT * FROM '{}'",
    ]  # fmt: skip
    places = [str(work / "secret.csv"), f"file://{work}/secret.csv", "../secret.csv", f"{work}/open/../secret.csv", "x/../../secret.csv", "s3://bucket/x.csv", f"{work}/open2/x.csv"]  # fmt: skip
    for options in ((), ("--files", "open")):
        with Server(*options, folder=work) as server:
            psql(server, "CREATE TABLE taken (a int)")
            got = psql(server, *[way.format(place) for place in places for way in ways])
            refused = got.count("42501")
            check(f"files {options}: what lies elsewhere is refused", refused == len(ways) * len(places) and "42 " not in got and "(1 row)" not in got, got[-1500:])
            check(f"files {options}: and not written", (work / "secret.csv").read_text() == "a\n42\n")
            here = psql(server, "SELECT sum(a) FROM 'in.csv'", "SELECT count(*) FROM read_csv('*.csv')", options=("-At",))
            check(f"files {options}: what lies there", "42501" in here if not options else here == "3\n2\n", here)
            if options:
                got = psql(server, "CREATE TABLE t AS SELECT * FROM 'in.csv'", f"COPY t TO '{work}/open/out.csv'", "COPY t FROM 'out.csv' (HEADER)", "SELECT sum(a), count(*) FROM t")
                has("files: COPY out and in", got, r"COPY 2\nCOPY 2", r"6 \| +4")
                has("files: a missing one", psql(server, "COPY t FROM 'none.csv'"), "58P01", "none.csv")
                has("files: another format", psql(server, "COPY t FROM 'in.csv' (FORMAT parquet)"), "22023", "COPY FROM takes", "INSERT INTO")


def users():
    with open(work / "users", "w") as file:
        for name, password in (("ann", "sekret: ä"), ("bob", "x")):
            result = subprocess.run([LEAT, "serve", "--add-user", name], input=password + "\n", stdout=file, stderr=subprocess.PIPE, text=True)
            check("--add-user", result.returncode == 0, result.stderr)
    check("a file of users has no password", "sekret" not in (work / "users").read_text())
    with Server("--users", str(work / "users")) as server:
        check("a password", value(server, "SELECT current_user", password="sekret: ä") == "ann")
        for name, user, password in (("a wrong password", "ann", "sekret"), ("none", "ann", ""), ("another's", "ann", "x"), ("an unknown user", "eve", "x")):
            text = psql(server, "SELECT 1", user=user, password=password or None, options=("-w",))
            check(f"users: {name}", ("password authentication failed" in text or "no password supplied" in text) and "1 row" not in text, text)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=work, check=True, capture_output=True)  # fmt: skip
    with Server("--users", "users", "--tls-certificate", "cert.pem", "--tls-key", "key.pem", folder=work) as server:
        text = psql(server, "\\conninfo", database=f"dbname=db sslmode=verify-full sslrootcert={work}/cert.pem", host="localhost", password="sekret: ä")
        has("TLS", text, "SSL connection", "TLSv1.3")
        rows = value(server, "SELECT repeat('x', 1000) || i FROM generate_series(1, 5000) s(i)", database="dbname=db sslmode=require", password="sekret: ä")
        check("TLS: many rows", rows.count("\n") == 4999 and rows.endswith("x5000"))
    for name, options, code in (
        ("others without users", ("--postgres", "0.0.0.0:0"), "L5103"),
        ("no such address", ("--postgres", "nowhere.invalid:1"), "L0017"),
        ("no address", ("--postgres", "x:y"), "L5001"),
        ("a file of users that is none", ("--postgres", "127.0.0.1:0", "--users", "cert.pem"), "L5101"),
        ("no file of users", ("--postgres", "127.0.0.1:0", "--users", "none"), "L0005"),
        ("a certificate without a key", ("--postgres", "127.0.0.1:0", "--tls-certificate", "cert.pem"), "L5107"),
        ("a certificate that is none", ("--postgres", "127.0.0.1:0", "--tls-certificate", "users", "--tls-key", "key.pem"), "L5107"),
        ("no lake", ("--postgres", "127.0.0.1:0", "--lake", "none"), "L0005"),
        ("nothing", (), "L5001"),
    ):
        result = subprocess.run([LEAT, "serve", *options], cwd=work, capture_output=True, text=True, timeout=60)
        check(f"start: {name}", result.returncode != 0 and code in result.stderr, result.stderr)


with Server(folder=work) as server:
    for part in (described, errors, copied, prepared):
        part(server)
    transactions(server, "memory")
    bench(server, "memory")
    result = subprocess.run([LEAT, "serve", "--postgres", f"127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=60)
    check("start: an address in use", result.returncode != 0 and "L0004" in result.stderr and "in use" in result.stderr, result.stderr)
lake()
confined()
users()
sys.exit(finish())
