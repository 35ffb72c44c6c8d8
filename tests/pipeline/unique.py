"""EXPECT UNIQUE: what is kept, what is turned away, in every way of saying it."""
from project import Project, check, finish


def sql(violation: str, table: str = "STREAMING TABLE", stream: str = "STREAM ") -> str:
    return f"""CREATE {table} t (CONSTRAINT one EXPECT UNIQUE (k, l){violation})
AS SELECT k, l, v FROM {stream}read_csv('in/*.csv', types => {{'k': 'int', 'l': 'text', 'v': 'int'}});"""


FIRST = "k,l,v\n1,a,5\n1,a,3\n1,b,9\n2,a,1\n2,a,1\n,a,7\n,a,7\n3,,1\n3,,1\n"
SECOND = "k,l,v\n1,a,0\n4,d,2\n4,d,1\n5,e,1\n"


def run(name: str, violation: str, **more: str) -> tuple[Project, str]:
    project = Project(name, {"transformations/a.sql": sql(violation, **more), "in/1.csv": FIRST})
    done = project.run()
    project.first = done
    project.put("in/2.csv", SECOND)
    return project, project.run().stderr


def all_ways() -> None:
    project, said = run("drop", " ON VIOLATION DROP ROW")
    check("drop: the summary of the first run", "7 rows" in project.first.stderr and "one: 2 rows dropped" in project.first.stderr,
          project.first.stderr)
    check("drop: the summary of the second run", "2 rows" in said and "one: 2 rows dropped" in said, said)
    want = " a 7,  a 7, 1 a 3, 1 b 9, 2 a 1, 3  1, 3  1, 4 d 1, 5 e 1"
    project.expect("drop: the row in the table wins, then the smallest", "SELECT * FROM t", want)
    check("drop: no orphans", project.leat("check").stdout == "", project.leat("check").stdout)

    project, said = run("quarantine", " ON VIOLATION QUARANTINE ROW")
    project.expect("quarantine: rows", "SELECT * FROM t", want)
    project.expect("quarantine: what was turned away", "SELECT rule, convert_from(raw, 'UTF8') FROM t_quarantine",
                   'one {"k": 1, "l": "a", "v": 0}, one {"k": 1, "l": "a", "v": 5}, one {"k": 2, "l": "a", "v": 1}, '
                   'one {"k": 4, "l": "d", "v": 2}')
    check("quarantine: the summary", "2 quarantined" in said and "one: 2 rows quarantined" in said, said)
    done = project.leat("quarantine", "replay", "t")
    check("quarantine: replayed rows repeat their key again", "0 inserted, 4 stay" in done.stderr, done.stderr)
    project.expect("quarantine: rows after a replay", "SELECT * FROM t", want)

    for words in "", " ON VIOLATION WARN":
        project, said = run("warn", words)
        check("warn: counted", "one: 2 rows counted" in said, said)
        project.expect("warn: all rows", "SELECT count(*) FROM t", "13")

    project, said = run("fail", " ON VIOLATION FAIL UPDATE")
    check("fail: the update fails", "2 rows of \"t\" repeat a key" in project.first.stderr and "Nothing was published" in said, said)

    project, said = run("view", " ON VIOLATION DROP ROW", table="MATERIALIZED VIEW", stream="")
    project.expect("materialized view: computed anew", "SELECT * FROM t",
                   " a 7,  a 7, 1 a 0, 1 b 9, 2 a 1, 3  1, 3  1, 4 d 1, 5 e 1")


def others() -> None:
    project = Project("two", {"in/1.csv": "a,b\n" + "".join(f"{i % 100},{i % 90}\n" for i in range(5000)), "transformations/a.sql":
        """CREATE STREAMING TABLE t (CONSTRAINT first EXPECT UNIQUE (a) ON VIOLATION DROP ROW,
        EXPECT UNIQUE (b) ON VIOLATION QUARANTINE ROW, CONSTRAINT small EXPECT (a < 95) ON VIOLATION DROP ROW)
        AS SELECT * FROM STREAM read_csv('in/*.csv')"""})
    for threads in "1", "4":
        done = project.run("--threads", threads, "--full-refresh-all")
        check("two keys: run", done.returncode == 0, done.stderr)
        project.expect("two keys: both hold", "SELECT count(*) = count(DISTINCT a), count(*) = count(DISTINCT b) FROM t", "t t")
    project = Project("wrong", {"transformations/a.sql": "CREATE MATERIALIZED VIEW t (EXPECT UNIQUE (x, y)) AS SELECT 1 AS x"})
    done = project.leat("check")
    check("a column that is not there", done.returncode == 2 and "column \"y\"" in done.stderr and "a.sql:1:" in done.stderr, done.stderr)


all_ways()
others()
finish()
