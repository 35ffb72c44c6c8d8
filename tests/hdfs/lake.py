#!/usr/bin/env python3
"""A lake on HDFS: the example project gives the same tables as on a local folder, in threads and in worker processes; PyIceberg reads
them; pipeline runs behind a network that fails lose nothing and double nothing.

    lake.py FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys

import proxy
import webhdfs

LEAT = os.environ["LEAT"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FAULTS = int(os.environ.get("LEAT_HDFS_FAULTS", "250"))
work = pathlib.Path(sys.argv[1])
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(text)[:700]}")


class Project:
    """A project whose lake lies on HDFS, or beside it."""

    def __init__(self, name, on_hdfs=True):
        self.folder = work / name
        self.lake = f"hdfs:///lakes/{name}" if on_hdfs else "lake"
        self.options = ["--lake", self.lake] + (["--catalog", "sqlite:catalog.db"] if on_hdfs else [])

    def run(self, *options, **environment):
        return subprocess.run([LEAT, "run", "-q", *options], cwd=self.folder, capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment})  # fmt: skip

    def query(self, sql):
        result = subprocess.run([LEAT, "query", "-q", "--format", "csv", *self.options, "-c", sql], cwd=self.folder, capture_output=True,
                                text=True, timeout=120)  # fmt: skip
        return result.stdout.replace(str(self.folder), "").split("\n")[1:-1] if result.returncode == 0 else [result.stderr]


def example():
    projects = {"here": (Project("here", False), []), "threads": (Project("threads"), []), "processes": (Project("processes"), ["--on", "local:processes"])}
    for name, (project, _) in projects.items():
        shutil.copytree(ROOT / "examples/flights", project.folder)
        for settings in (project.folder / "leat.yaml", project.folder / "configs/config.dev.yaml"):
            settings.write_text(settings.read_text().replace("lake: lake\n", f"lake: {project.lake}\n"))
    for step in ("first run", "second run"):
        for name, (project, options) in projects.items():
            if step == "second run":
                shutil.copytree(project.folder / "more", project.folder / "data", dirs_exist_ok=True)
            done = project.run(*options)
            check(f"{step}, {name}", done.returncode == 0, done.stderr)
        here = projects["here"][0]
        tables = here.query("SHOW TABLES")
        check(f"{step}: tables", len(tables) >= 10, tables)
        for table in tables:
            columns = "*" if "quarantine" not in table else "flow, line, rule, column_name, error_code, message, raw"
            want = sorted(here.query(f"SELECT {columns} FROM {table}"))
            for name in ("threads", "processes"):
                got = sorted(projects[name][0].query(f"SELECT {columns} FROM {table}"))
                check(f"{step}, {name}: {table}", got == want and want, f"{got[:2]} instead of {want[:2]}")
    local = [path for name in ("threads", "processes") for path in (work / name).glob("**/*.parquet")]
    check("no data file lies here", not local, local)
    check("data files lie there", sum(path.endswith(".parquet") for path in webhdfs.walk("/lakes/threads")) >= 10)


def pyiceberg():
    """Another reader, if there is one."""
    python = os.environ.get("LEAT_PYICEBERG")
    if not python:
        return
    project = Project("threads")
    script = pathlib.Path(__file__).parent / "pyiceberg_read.py"
    result = subprocess.run([python, "-B", str(script), str(project.folder / "catalog.db")], capture_output=True, text=True, timeout=120,
                            cwd=script.parent, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"})  # fmt: skip
    counts = dict(line.rsplit(" ", 1) for line in result.stdout.split("\n") if line)
    tables = project.query("SHOW TABLES")
    check("PyIceberg finds the tables", result.returncode == 0 and len(counts) >= 8, result.stderr[-600:])
    for table, count in counts.items():
        check(f"PyIceberg reads {table}", table in tables and project.query(f"SELECT count(*) FROM {table}") == [count], count)


def faults():
    """Runs of a small pipeline while a proxy does harm: each input's rows are in the table once."""
    between = proxy.Proxy(rate=0.1, seed=int(os.environ.get("LEAT_HDFS_SEED", "3")))
    project = Project("faulty")
    (project.folder / "transformations").mkdir(parents=True)
    (project.folder / "data").mkdir()
    (project.folder / "leat.yaml").write_text(f"name: p\nschema: p\nlake: {project.lake}\n")
    (project.folder / "transformations/p.sql").write_text(
        "CREATE STREAMING TABLE rows AS SELECT id, value FROM STREAM read_csv('data/*.csv');\n"
        "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(value) AS s FROM rows;\n"
    )
    runs = refused = 0
    while sum(between.faults.values()) < FAULTS and runs < 60:
        rows = range(runs * 100, runs * 100 + 100)
        (project.folder / f"data/{runs:04}.csv").write_text("id,value\n" + "".join(f"{i},{3 * i}\n" for i in rows))
        runs += 1
        while (done := project.run(http_proxy=between.address)).returncode != 0:
            refused += 1
            if refused > 40:
                check("runs get through", False, done.stderr)
                return
        n = runs * 100
        want = [f"{n},{n},{n},{3 * n * (n - 1) // 2}"]
        got = project.query("SELECT (SELECT count(*) FROM p.rows), (SELECT count(DISTINCT id) FROM p.rows), n, s FROM p.totals")
        if got != want:
            check(f"run {runs}: nothing lost, nothing doubled", False, f"{got} instead of {want}")
            return
    count = sum(between.faults.values())
    check("runs behind faults: nothing lost, nothing doubled", count >= FAULTS, f"{count} faults in {runs} runs")
    check("every kind of fault", all(between.faults.values()), between.faults)
    print(f"{count} faults in {between.requests} requests of {runs} runs, {refused} repeated by hand: {between.faults}", file=sys.stderr)


example()
pyiceberg()
faults()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
