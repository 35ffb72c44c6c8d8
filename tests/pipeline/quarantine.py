"""Rows kept aside: listed, shown, and replayed through a corrected definition, exactly once."""
from project import Project, check, finish

CSV = """CREATE STREAMING TABLE readings (CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT id, place, amount, filename FROM STREAM read_csv('in/*.csv', filename => true,
  types => {'id': 'int', 'place': 'text', 'amount': 'decimal(9,2)', 'note': 'text'});
CREATE STREAMING TABLE places AS SELECT place FROM STREAM(readings);
CREATE MATERIALIZED VIEW odd (CONSTRAINT even EXPECT (id % 2 = 0) ON VIOLATION QUARANTINE ROW) AS SELECT id FROM readings;"""
FILES = {"in/1.csv": 'id,place,amount,note\n1,a,5,n\n2,"b\nc",20.5,\n3,a,-1,n\nx,"é,q",7,n\n7,z,1\n4,d,-2,n\n9,"open,1,n\n',
         "in/2.csv": "note,place,amount,id\nn,e,8,y\nn,f,9,6\n"}


def names(project: Project, sql: str) -> list[str]:
    return sorted(row[0] for row in project.rows(sql))


def kept(project: Project) -> int:
    lines = project.leat("quarantine", "list", "--format", "csv").stdout.splitlines()[1:]
    return sum(int(line.split(",")[-2]) for line in lines if "main.readings" in line)


def csv_rows() -> None:
    project = Project("csv", {**FILES, "transformations/a.sql": CSV})
    done = project.leat("quarantine", "list")
    check("list: no lake", done.returncode == 2 and "no lake" in done.stderr, done)
    check("run", project.run().returncode == 0)
    project.expect("rows before", "SELECT id, amount FROM readings", "1 5.00, 2 20.50, 6 9.00")
    check("kept before", kept(project) == 6, project.leat("quarantine", "list").stdout)
    shown = project.leat("quarantine", "show", "readings", "--format", "csv").stdout
    for text in ('"x,""é,q"",7,n"', '"7,z,1"', "in/1.csv,6,type,id,L1002", '""amount"": -1.00', "field count"):
        check(f"show: {text}", text in shown, shown)
    check("show: limit", project.leat("quarantine", "show", "main.readings", "--limit", "2").stdout.count("\n") == 3)
    check("show: unknown table", project.leat("quarantine", "show", "places").returncode == 2)

    done = project.leat("quarantine", "replay", "readings")
    check("replay unchanged: all stay", "0 rows replayed, 0 inserted, 6 stay" in done.stderr, done.stderr)
    check("replay unchanged: nothing is added", kept(project) == 6)
    done = project.leat("quarantine", "replay", "odd")
    check("replay of a materialized view", done.returncode == 2 and "L4311" in done.stderr, done.stderr)

    project.put("transformations/a.sql", CSV.replace("'id': 'int'", "'id': 'text'").replace("SELECT id, place",
                "SELECT CASE id WHEN 'x' THEN 100 WHEN 'y' THEN 101 ELSE id::int END AS id, place"))
    done = project.leat("quarantine", "replay", "readings", "--where", "rule = 'type' AND file LIKE '%2.csv'")
    check("replay where", "1 rows replayed, 1 inserted, 0 stay" in done.stderr, done.stderr)
    project.expect("replay where: the row, with its columns and its file",
                   "SELECT id, place, amount, filename LIKE '%in/2.csv' FROM readings WHERE id > 99", "101 e 8.00 t")
    done = project.leat("quarantine", "replay", "readings", "--where", "colour = 1")
    check("replay where: wrong column", done.returncode == 2 and "colour" in done.stderr, done.stderr)
    identifier = names(project, "SELECT row_id FROM readings_quarantine WHERE raw = convert_to('x,\"é,q\",7,n', 'UTF8')")[0]
    for words in "1 rows replayed, 1 inserted, 0 stay", "0 rows replayed, 0 inserted, 0 stay":
        done = project.leat("quarantine", "replay", "readings", identifier)
        check(f"replay by id: {words}", words in done.stderr, done.stderr)
    project.put("transformations/a.sql", CSV.replace("amount > 0", "amount > -2"))
    done = project.leat("quarantine", "replay", "readings")
    check("replay of an expectation: what passes leaves", "1 rows replayed, 1 inserted, 3 stay" in done.stderr, done.stderr)
    project.expect("rows at the end", "SELECT id, place FROM readings WHERE id <> 2", "1 a, 100 é,q, 101 e, 3 a, 6 f")
    check("kept at the end", kept(project) == 3)
    check("a run takes nothing again", project.run().returncode == 0)
    project.expect("rows after a run", "SELECT count(*) FROM readings", "6")
    project.expect("readers of the table take the new rows", "SELECT place FROM places WHERE place <> 'b\nc'", "a, a, e, f, é,q")
    project.run("--full-refresh", "readings")
    project.expect("full refresh: the quarantine is that of the new rows", "SELECT count(*) FROM readings_quarantine", "5")


def json_rows() -> None:
    sql = """CREATE STREAMING TABLE events (CONSTRAINT late EXPECT (at < '2027-01-01') ON VIOLATION QUARANTINE ROW)
AS SELECT * FROM STREAM read_json('in/*.ndjson', columns => {'id': 'int', 'at': 'timestamptz', 'tags': 'text[]', 'data': 'struct(a int)'});"""
    rows = ['{"id": 1, "at": "2026-01-01T00:00:00Z", "tags": ["x"], "data": {"a": 1}}', '{"id": "one", "at": "2026-01-01T00:00:00Z"}',
            '{"id": 3, "at"', '{"id": 4, "at": "2027-05-05T05:05:05.25Z", "tags": ["a", "it\'s"], "data": {"a": null}}']
    project = Project("json", {"transformations/a.sql": sql, "in/1.ndjson": "\n".join(rows) + "\n"})
    check("json: run", project.run().returncode == 0)
    project.expect("json: rows", "SELECT id FROM events", "1")
    project.put("transformations/a.sql", sql.replace("'id': 'int'", "'id': 'text'").replace("SELECT *",
                "SELECT CASE id WHEN 'one' THEN 1 ELSE id::int END AS id, at, tags, data").replace("2027", "2028"))
    done = project.leat("quarantine", "replay", "events")
    check("json: replay", "2 rows replayed, 2 inserted, 1 stay" in done.stderr, done.stderr)
    project.expect("json: nested values come back", "SELECT at, tags, (data).a IS NULL FROM events WHERE id = 4",
                   "2027-05-05 05:05:05.25+00 {a,it's} t")
    project.expect("json: the row that could not be read", "SELECT count(*) FROM events WHERE id = 1", "2")


def latin() -> None:
    sql = """CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_csv('in/*.csv', encoding => 'latin-1', types => {'n': 'int', 'w': 'text'});"""
    project = Project("latin", {"transformations/a.sql": sql, "in/2.csv": "n,w\n2,u\n"})
    with open(f"{project.folder}/in/1.csv", "wb") as file:
        file.write("n,w\nx,\xe9\n".encode("latin-1"))
    check("latin-1: run", project.run().returncode == 0)
    project.put("transformations/a.sql", sql.replace("'n': 'int'", "'n': 'text'").replace("SELECT *", "SELECT length(n) AS n, w"))
    check("latin-1: replay", project.leat("quarantine", "replay", "t").returncode == 0)
    project.expect("latin-1: the text", "SELECT n, w FROM t WHERE n = 1", "1 é")


csv_rows()
json_rows()
latin()
finish()
