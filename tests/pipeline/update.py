"""Updates: what runs together, what stops when something fails, what a second run takes."""
from project import Project, check, finish


def siblings() -> None:
    """A failed flow stops its dependants, not its siblings; nothing is published unless asked for."""
    sql = """CREATE MATERIALIZED VIEW good AS SELECT 1 AS x;
CREATE MATERIALIZED VIEW bad (CONSTRAINT small EXPECT (x < 2) ON VIOLATION FAIL UPDATE) AS SELECT 2 AS x;
CREATE MATERIALIZED VIEW below_bad AS SELECT * FROM bad;
CREATE MATERIALIZED VIEW below_good AS SELECT x + 1 AS x FROM good;"""
    project = Project("siblings", {"transformations/a.sql": sql})
    for threads in "1", "4":
        done = project.run("--threads", threads)
        lines = {line.split()[0]: line.split()[1] for line in done.stderr.splitlines() if line.startswith("  ") and len(line.split()) > 1}
        check("failed flow: exit code", done.returncode == 1, done.stderr)
        check("failed flow: outcomes", (lines.get("good"), lines.get("bad"), lines.get("below_bad"), lines.get("below_good"))
              == ("written", "FAILED", "skipped", "written"), done.stderr)
        check("failed flow: nothing published", "Nothing was published" in done.stderr and project.rows("SHOW TABLES") == [], done.stderr)
    done = project.run("--keep-going")
    check("keep going: exit code", done.returncode == 1, done.returncode)
    project.expect("keep going: the others are published", "SELECT * FROM below_good", "2")


def together() -> None:
    """Many datasets at the same time give what they give one after the other."""
    sql = "".join(f"CREATE STREAMING TABLE s{i} AS SELECT x, x * {i} AS y FROM STREAM read_csv('in/*.csv');"
                  f"CREATE STREAMING TABLE t{i} AS SELECT y FROM STREAM(s{i}) WHERE x % 2 = 0;"
                  f"CREATE MATERIALIZED VIEW m{i} AS SELECT sum(y) AS y FROM t{i};" for i in range(12))
    sql += "CREATE MATERIALIZED VIEW every AS " + " UNION ALL ".join(f"SELECT {i} AS i, y FROM m{i}" for i in range(12))
    project = Project("together", {"transformations/a.sql": sql, "in/1.csv": "x\n" + "".join(f"{x}\n" for x in range(1000))})
    want = ", ".join(sorted(f"{i} {249500 * i}" for i in range(12)))
    for threads in "1", "8":
        done = project.run("--full-refresh-all", "--threads", threads)
        check(f"together with {threads} threads", done.returncode == 0, done.stderr)
        project.expect(f"together with {threads} threads: rows", "SELECT * FROM every", want)


def refresh() -> None:
    """A full refresh of a table refreshes what streams from it; nothing is there twice."""
    sql = """CREATE STREAMING TABLE a AS SELECT x FROM STREAM read_csv('in/*.csv');
CREATE STREAMING TABLE b AS SELECT x FROM STREAM(a);
CREATE STREAMING TABLE c AS SELECT x FROM STREAM(b);
CREATE STREAMING TABLE d AS SELECT s.x FROM STREAM read_csv('in/*.csv') s JOIN a ON a.x = s.x;"""
    project = Project("refresh", {"transformations/a.sql": sql, "in/1.csv": "x\n1\n2\n"})
    project.run()
    project.put("in/2.csv", "x\n3\n")
    project.run()
    done = project.run("--full-refresh", "a")
    check("refresh", done.returncode == 0, done.stderr)
    for table in "abcd":
        project.expect(f"refresh: rows of {table}", f"SELECT x FROM {table}", "1, 2, 3")
    check("refresh: d is left alone", "d           nothing new" in done.stderr, done.stderr)
    done = project.run("--full-refresh", "nosuch")
    check("refresh of a table that is not there", done.returncode == 2 and "nosuch" in done.stderr, done.stderr)


siblings()
refresh()
together()
finish()
