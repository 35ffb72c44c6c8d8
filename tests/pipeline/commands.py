"""leat init, check and the exit codes of commands."""
import json
import os
import pty
import subprocess

from project import LEAT, WORK, Project, check, finish


def init() -> None:
    folder = f"{WORK}/new-shop"
    done = subprocess.run([LEAT, "init", folder], capture_output=True, text=True)
    check("init", done.returncode == 0 and done.stdout == "", done)
    for command, words in (("check", "2 datasets, 2 tests"), ("test", "2 passed, 0 failed"), ("run", "2 quarantined")):
        done = subprocess.run([LEAT, command], cwd=folder, capture_output=True, text=True)
        check(f"init: leat {command}", done.returncode == 0 and words in done.stderr, done)
    before = {path: open(f"{folder}/{path}").read() for path in ("leat.yaml", "README.md")}
    os.remove(f"{folder}/leat.yaml")
    for where in [folder], []:
        done = subprocess.run([LEAT, "init", *where], cwd=folder, capture_output=True, text=True)
        check("init: nothing is replaced", done.returncode == 2 and "L0008" in done.stderr and "nothing was written" in done.stderr, done)
    check("init: nothing was written", not os.path.exists(f"{folder}/leat.yaml") and open(f"{folder}/README.md").read() == before["README.md"])


def codes() -> None:
    bad = Project("codes", {"transformations/a.sql": "CREATE MATERIALIZED VIEW a AS SELECT x FROM b;\nCREATE MATERIALIZED VIEW b AS SELEC 1;\n"
                            "CREATE MATERIALIZED VIEW c AS SELECT 1 AS x, nosuch(2) AS y;", "leat.yaml": "name: codes\nlakes: x\nschema: [a]\n"})
    done = bad.leat("check", "--errors", "json")
    errors = [json.loads(line) for line in done.stderr.splitlines()]
    check("all errors at once", done.returncode == 2 and len(errors) >= 3, done.stderr)
    check("unknown keys get a proposal", any(e["source"] == "leat.yaml" and e["line"] == 2 and "\"lake\"" in e["hint"] for e in errors), errors)
    for error in errors:
        check("an error has a code and a place", error["code"].startswith("L") and error["line"] > 0 and error["source"], error)
    done = subprocess.run([LEAT, "run"], cwd="/", capture_output=True, text=True)
    check("no project", done.returncode == 2 and "leat init" in done.stderr, done)
    fails = Project("fails", {"transformations/a.sql": "CREATE MATERIALIZED VIEW a AS SELECT 1 / (x - 1) AS y FROM generate_series(1, 3) g(x);"})
    check("run fails: 1", fails.run().returncode == 1)
    check("usage: 2", fails.run("--nosuch").returncode == 2 and fails.leat("nosuch").returncode == 2)
    done = fails.leat("query", "SELECT 1 AS x; SELECT 2 AS y")
    check("query takes SQL as it is", done.returncode == 0 and done.stdout.split() == ["x", "1", "y", "2"], done)
    done = fails.leat("query", "report.sql")
    check("query: a file's name is not SQL", done.returncode == 2 and "-f" in done.stderr, done)
    check("environment: 2", fails.run("--env", "nosuch").returncode == 2)
    for command in "init", "check", "run", "test", "query", "explain", "quarantine", "version":
        done = fails.leat(command, "--help")
        check(f"{command} --help", done.returncode == 0 and f"  leat {command}" in done.stdout and done.stderr == "", done)


def variables() -> None:
    """${name} in SQL: from leat.yaml, overridden by the environment's file."""
    project = Project("variables", {"leat.yaml": "name: test\nvariables:\n  data: in\n  least: 50\n",
        "configs/config.prod.yaml": "lake: lake-prod\nvariables:\n  least: 70\n", "in/1.csv": "x\n40\n60\n80\n",
        "transformations/a.sql": "CREATE MATERIALIZED VIEW t AS SELECT x, '$${data}' AS raw FROM read_csv('${data}/*.csv') WHERE x > ${least};"})
    check("variables: run", project.run().returncode == 0 and project.run("--env", "prod").returncode == 0)
    project.expect("variables: of leat.yaml", "SELECT * FROM t", "60 ${data}, 80 ${data}")
    done = project.leat("query", "-q", "--lake", "lake-prod", "--format", "csv", "-c", "SELECT x FROM t")
    check("variables: of the environment", done.stdout == "x\n80\n", done)
    project.put("transformations/a.sql", "CREATE MATERIALIZED VIEW t AS\nSELECT ${leest} AS x, ${open AS y;")
    done = project.leat("check")
    check("variables: unknown", done.returncode == 2 and "a.sql:2:8" in done.stderr and "did you mean ${least}?" in done.stderr
          and "no variable \"open" in done.stderr, done.stderr)


def on_terminal(*arguments: str) -> str:
    """What the command writes when standard error is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([LEAT, *arguments], stdout=subprocess.DEVNULL, stderr=slave, env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    text = b""
    while True:
        try:
            text += os.read(master, 65536)
        except OSError:
            break
    process.wait()
    os.close(master)
    return text.decode()


def progress() -> None:
    slow = ("query", "-q", "-c", "SELECT count(*) FROM generate_series(1, 2000) a, generate_series(1, 40000) b WHERE a::text || b::text = 'x'")
    try:
        said = on_terminal(*slow)
    except OSError as error:  # a container without /dev/pts
        print(f"skip progress on a terminal: {error}")
        return
    check("progress on a terminal", "\r\x1b[K  " in said and said.endswith("\r\x1b[K"), repr(said))
    done = subprocess.run([LEAT, *slow], capture_output=True, text=True)
    check("no progress elsewhere", done.stderr == "", done.stderr)
    check("no progress of what is fast", on_terminal("query", "-q", "-c", "SELECT 1") == "")


init()
codes()
variables()
progress()
finish()
