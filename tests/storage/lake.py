"""The example project with its lake on S3, its catalog in SQLite and in PostgreSQL: PyIceberg reads and appends, Leat goes on.
PostgreSQL's connections are broken while runs publish. Arguments: DIR of a running versitygw, PostgreSQL's address
(USER@HOST:PORT/DATABASE, without a password) or ""."""
import csv
import fcntl
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow as pa
from faults import Project
from pyiceberg.catalog import load_catalog

LEAT = os.environ["LEAT"]
DATA = os.path.join(sys.argv[1], "data")
POSTGRES = sys.argv[2]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
passed = failed = 0


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}"[:800])


def open_catalog(address: str):
    return load_catalog("leat", type="sql", uri=address, warehouse="s3://lake/wh", **{
        "s3.endpoint": os.environ["AWS_ENDPOINT_URL_S3"], "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"], "s3.region": "us-east-1",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"})


def example(kind: str, catalog: str, address: str) -> None:
    folder, lake = os.path.join(tempfile.mkdtemp(), "flights"), f"s3://lake/{kind}"
    shutil.copytree(os.path.join(ROOT, "examples", "flights"), folder)
    with open(os.path.join(folder, "configs", "config.s3.yaml"), "w") as out:
        out.write(f"lake: {lake}\ncatalog: {catalog}\ns3_config: s3.json\n")
    with open(os.path.join(folder, "s3.json"), "w") as out:
        out.write('{"attempts": 5}')

    def leat(command: str, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run([LEAT, command, *options], cwd=folder, capture_output=True, text=True, check=False)

    def query(sql: str) -> list[list[str]]:
        run = leat("query", "-q", "--lake", lake, "--catalog", catalog, "--format", "csv", "-c", sql)
        return list(csv.reader(io.StringIO(run.stdout)))[1:] if run.returncode == 0 else [[run.stderr]]

    run = leat("run", "-q", "--env", "s3")
    check(f"{kind}: first run", run.returncode == 0, run.stderr)
    theirs = open_catalog(address.format(folder=folder))
    names = [name for space in theirs.list_namespaces() for name in theirs.list_tables(space)]
    check(f"{kind}: tables", len(names) >= 10, str(names))
    for name in names:
        rows = theirs.load_table(name).scan().to_arrow().num_rows
        ours = query(f"SELECT count(*) FROM {'.'.join(name)}")
        check(f"{kind}: rows of {name}", ours == [[str(rows)]], f"{rows} and {ours}")
    rows = theirs.load_table("flights.carrier_delays").scan().to_arrow().sort_by("carrier").to_pylist()
    ours = query("SELECT carrier, flights FROM flights.carrier_delays ORDER BY carrier COLLATE \"C\"")
    if len(ours) == 1:
        ours = query("SELECT carrier, flights FROM flights.carrier_delays ORDER BY carrier")
    check(f"{kind}: values", sorted(ours) == sorted([r["carrier"], str(r["flights"])] for r in rows), str(ours)[:300])
    raw = theirs.load_table("flights.flights_raw")
    row = raw.scan(limit=1).to_arrow()
    at = row.schema.get_field_index("flight")
    raw.append(row.set_column(at, row.schema.field(at), pa.array([99999], row.schema.field(at).type)))
    before = int(query("SELECT count(*) FROM flights.flights_raw")[0][0])
    check(f"{kind}: a row appended by PyIceberg is read", before == raw.refresh().scan().to_arrow().num_rows)
    shutil.copytree(os.path.join(ROOT, "examples", "flights", "more"), os.path.join(folder, "data"), dirs_exist_ok=True)
    run = leat("run", "-q", "--env", "s3", "--on", "local:processes")
    check(f"{kind}: second run, in worker processes", run.returncode == 0, run.stderr)
    counts = query("SELECT (SELECT count(*) FROM flights.flights_raw), (SELECT count(*) FROM flights.flights)")
    check(f"{kind}: Leat goes on from what PyIceberg appended", counts == [["6328", "6328"]], str(counts))
    check(f"{kind}: PyIceberg reads on", raw.refresh().scan().to_arrow().num_rows == 6328)
    run = leat("check", "--env", "s3")
    check(f"{kind}: no file is left over", run.returncode == 0 and run.stdout == "", run.stdout + run.stderr)
    with open(os.path.join(DATA, "lake", kind, "warehouse", "left.parquet"), "w"):
        pass
    run = leat("check", "--env", "s3")
    check(f"{kind}: a file left over is named", run.stdout == f"{lake}/warehouse/left.parquet\n", run.stdout + run.stderr)
    leat("check", "--env", "s3", "--remove-orphans", "--older-than", "0")
    check(f"{kind}: and removed", leat("check", "--env", "s3").stdout == "")
    table = pa.table({"carrier": ["ZZ"], "name": ["Zed Air"]}, schema=theirs.load_table("flights.airlines").schema().as_arrow())
    theirs.load_table("flights.airlines").append(table)
    check(f"{kind}: an appended name", query("SELECT name FROM flights.airlines WHERE carrier = 'ZZ'") == [["Zed Air"]])
    if kind == "sqlite":
        with open(os.path.join(folder, "catalog.db.lock"), "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            run = leat("run", "-q", "--env", "s3")
            check("a lake in use", run.returncode != 0 and "L3002" in run.stderr, run.stderr)


def names_of_catalogs() -> None:
    def error(name: str, code: str, *options: str) -> None:
        run = subprocess.run([LEAT, "query", "--lake", "s3://lake/none", *options, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
        check(name, run.returncode != 0 and f"error[{code}]" in run.stderr and "hint" in run.stderr and "topsecret" not in run.stderr, run.stderr)

    error("no catalog is named", "L3106")
    error("a catalog on S3", "L3106", "--catalog", "s3://lake/catalog.db")
    error("a password in the name", "L3106", "--catalog", "postgresql://x:topsecret@127.0.0.1/x")
    error("no lake yet", "L0005", "--catalog", "sqlite:/nonexistent/catalog.db")
    error("nobody listens", "L3101", "--catalog", "postgresql://x@127.0.0.1:1/x")
    if POSTGRES:
        error("unknown user", "L3107", "--catalog", f"postgresql://nobody@{POSTGRES.split('@')[1]}")


def broken_connections() -> None:
    """The server ends Leat's connection at some moment of a run: the old state or the new one, as the run says."""
    import psycopg2
    admin = psycopg2.connect(f"postgresql://{POSTGRES}")
    admin.autocommit = True
    project = Project("broken", os.environ["AWS_ENDPOINT_URL_S3"], f"postgresql://{POSTGRES}")
    chance, wrong, broken = random.Random(3), [], 0
    project.arrive()
    check("first run in PostgreSQL", project.run().returncode == 0)
    project.arrive()
    begun = time.monotonic()
    check("second run in PostgreSQL", project.run().returncode == 0)
    usual = time.monotonic() - begun
    for i in range(14):
        before = project.whole()
        project.arrive()
        done = []
        runner = threading.Thread(target=lambda into: into.append(project.run()), args=(done,))
        runner.start()
        time.sleep(chance.random() * usual)
        while runner.is_alive() and not done:
            with admin.cursor() as cursor:
                cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                               "backend_type = 'client backend'")
                if cursor.fetchone()[0]:
                    break
        runner.join()
        broken += done[0].returncode != 0
        state = project.state()
        if state != (project.whole() if done[0].returncode == 0 else before) and "L0018" not in done[0].stderr:
            wrong.append(f"{i}: {state}, {done[0].stderr}")
        for _ in range(3):
            again = project.run()
            if again.returncode == 0:
                break
        if again.returncode != 0 or project.state() != project.whole():
            wrong.append(f"{i}, again: {project.state()}, {again.stderr}")
    check("connections broken while runs publish", not wrong, "; ".join(wrong))
    check("some runs failed of it", broken > 0, str(broken))
    print(f"{broken} of 14 runs failed", file=sys.stderr)


names_of_catalogs()
example("sqlite", "sqlite:catalog.db", "sqlite:///{folder}/catalog.db")
if POSTGRES:
    example("postgres", f"postgresql://{POSTGRES}", f"postgresql+psycopg2://{POSTGRES}")
    broken_connections()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
