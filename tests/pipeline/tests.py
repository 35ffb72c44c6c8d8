"""leat test: rows given in every place, what is shown when they differ, and that nothing else is touched."""
import json
import os

from project import Project, check, finish

SQL = """
CREATE STREAMING TABLE orders (CONSTRAINT paid EXPECT (amount > 0) ON VIOLATION QUARANTINE ROW,
  CONSTRAINT known EXPECT (id > 0) ON VIOLATION DROP ROW)
AS SELECT id, customer, nullif(amount, 'NA')::numeric(9,2) AS amount, day
FROM STREAM read_csv('in/*.csv', types => {'id': 'int', 'customer': 'text', 'amount': 'text', 'day': 'date'});
CREATE STREAMING TABLE customers (id int, name text);
CREATE FLOW first_customers AS INSERT INTO customers BY NAME
  SELECT id, name FROM STREAM read_json('c1/*.json', columns => {'id': 'int', 'name': 'text'});
CREATE FLOW more_customers AS INSERT INTO customers BY NAME
  SELECT id + 100 AS id, name FROM STREAM read_json('c2/*.json', columns => {'id': 'int', 'name': 'text'});
CREATE VIEW large AS SELECT * FROM orders WHERE amount > 100;
CREATE STREAMING TABLE days AS SELECT DISTINCT day FROM STREAM(orders);
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) AS total, max(day) AS last FROM orders GROUP BY customer;
CREATE MATERIALIZED VIEW strict (CONSTRAINT one EXPECT UNIQUE (customer) ON VIOLATION FAIL UPDATE) AS SELECT customer FROM large;
"""
GOOD = """
CREATE TEST through_the_files
GIVEN orders (id, customer, amount, day) AS VALUES (1, 'a', '5.5', '2026-01-01'), (2, 'a', 'NA', '2026-01-02'),
  (3, 'b', '-1', '2026-01-03'), (0, 'b', '7', '2026-01-04')
EXPECT orders AS VALUES (1, 'a', 5.5, '2026-01-01'::date), (2, 'a', NULL, '2026-01-02')
EXPECT orders (id) AS SELECT i FROM generate_series(1, 2) AS g(i)
EXPECT QUARANTINE OF orders COUNT 1
EXPECT days AS VALUES ('2026-01-02'), ('2026-01-01')
EXPECT totals (total, customer) AS VALUES (5.50, 'a');
CREATE TEST the_view_itself GIVEN large (customer) AS VALUES ('x'), ('y') EXPECT strict AS VALUES ('y'), ('x');
CREATE TEST flows
GIVEN first_customers (id, name) AS VALUES (1, 'a')
GIVEN more_customers AS VALUES (1, 'b')
EXPECT customers AS VALUES (1, 'a'), (101, 'b');
CREATE TEST a_table_of_several_flows GIVEN customers (id, name) AS VALUES (7, 'z') EXPECT customers AS VALUES (7, 'z');
CREATE TEST by_query GIVEN orders AS SELECT 1 AS id, 200 AS amount EXPECT large (id, amount, customer) AS VALUES (1, 200.00, NULL);
CREATE TEST nothing_given EXPECT totals AS SELECT * FROM totals EXPECT orders AS SELECT 1, '', 1, NULL::date WHERE false;
"""
BAD = """
CREATE TEST rows_differ GIVEN orders (id, customer, amount) AS VALUES (1, 'a', 1), (2, 'a', 2), (3, 'o''b', 3)
EXPECT totals (customer, total) AS VALUES ('a', 3), ('a', 3), ('c', 3)
EXPECT QUARANTINE OF orders COUNT 2;
CREATE TEST unknown_given GIVEN ordrs (id) AS VALUES (1) EXPECT totals AS VALUES ('a', 3, NULL);
CREATE TEST unknown_expected EXPECT total AS VALUES ('a');
CREATE TEST unknown_column GIVEN large (customer, colour) AS VALUES ('x', 'y') EXPECT strict AS VALUES ('x');
CREATE TEST too_few_columns EXPECT totals AS VALUES ('a', 3);
CREATE TEST wrong_value GIVEN orders (id) AS VALUES ('seven') EXPECT totals AS VALUES ('a', 3, NULL);
CREATE TEST not_unique GIVEN large (customer) AS VALUES ('x'), ('x') EXPECT strict AS VALUES ('x');
CREATE TEST passes GIVEN orders (id, customer) AS VALUES (1, 'a') EXPECT totals AS VALUES ('a', NULL, NULL);
"""
FILES = {"in/1.csv": "id,customer,amount,day\n9,z,999,2026-01-01\n", "c1/1.json": '{"id": 9, "name": "z"}\n', "c2/1.json": "",
         "transformations/a.sql": SQL}


def good() -> None:
    for name, files in ("with data files", FILES), ("without data files", {"transformations/a.sql": SQL}):
        project = Project("good", {**files, "transformations/tests.sql": GOOD})
        tests = [] if name == "with data files" else ["through*"]
        done = project.leat("test", *tests)
        check(f"{name}: all pass", done.returncode == 0 and f"{1 if tests else 6} passed, 0 failed" in done.stderr, done)
        check(f"{name}: one line a test", done.stdout.count("ok  ") == (1 if tests else 6), done.stdout)
        check(f"{name}: no lake", not os.path.exists(f"{project.folder}/lake"))


def bad() -> None:
    project = Project("bad", {**FILES, "transformations/tests.sql": BAD})
    done = project.leat("test")
    check("failures: exit code and counts", done.returncode == 1 and "1 passed, 7 failed" in done.stderr, done)
    for text in ("FAIL rows_differ", "ok   passes", "missing    ('a', 3.00)\n", "missing    ('c', 3.00)\n", "unexpected ('o'b', 3.00)",
                 "0 rows of \"orders\" are quarantined instead of 2"):
        check(f"failures: shows {text!r}", text in done.stdout, done.stdout)
    for text in ("did you mean \"orders\"?", "EXPECT names \"total\"", "column \"colour\"", "EXPECT gives 2 columns, but 3",
                 "seven", "repeat a key"):
        check(f"failures: says {text!r}", text in done.stderr, done.stderr)
    check("failures: each has its place", done.stderr.count("transformations/tests.sql:") >= 5, done.stderr)
    done = project.leat("test", "rows_differ", "passes", "--errors", "json")
    errors = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    check("JSON: one object a failed EXPECT", [(e["code"], e["line"]) for e in errors] == [("L4301", 3), ("L4301", 4)], done.stderr)
    check("by name: the rest is not run", "1 passed, 1 failed" in done.stderr, done.stderr)
    done = project.leat("test", "passes")
    check("by name: passes", done.returncode == 0 and done.stdout.count("\n") == 1, done)
    done = project.leat("test", "pases")
    check("by name: unknown", done.returncode == 2 and "no test \"pases\"" in done.stderr, done)


good()
bad()
finish()
