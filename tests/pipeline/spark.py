"""Spark Declarative Pipelines: a project runs unmodified with the row counts of Spark's own runner, and each statement that runner
accepts is accepted here, or refused by name with a reason."""
import os
import pathlib
import re
import shutil
from decimal import Decimal

from project import WORK, Project, check, finish

SUITE = pathlib.Path(os.environ.get("LEAT_SUITES", "")) / "sdp"
DECLARED = "CREATE STREAMING TABLE src AS SELECT id, op, ts FROM STREAM read_csv('in/*.csv');\n"
FEED = "CREATE STREAMING TABLE tgt;\nCREATE FLOW f AS AUTO CDC INTO tgt FROM STREAM(src) KEYS (id) "
# what to write for each name in statements-4.3.0.txt, and the words of a refusal ("" where it is accepted)
STATEMENTS = {
    "STREAMING TABLE with schema + FLOW INSERT": ("CREATE STREAMING TABLE t (id BIGINT COMMENT 'key', op STRING NOT NULL);\n"
                                                  "CREATE FLOW f AS INSERT INTO t BY NAME SELECT id, op FROM STREAM(src);", ""),
    "FLOW INSERT without BY NAME": ("CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO t SELECT id FROM STREAM(src);", "BY NAME"),
    "CREATE OR REFRESH STREAMING TABLE": ("CREATE OR REFRESH STREAMING TABLE t AS SELECT id FROM STREAM(src);", ""),
    "STREAM without parens": ("CREATE STREAMING TABLE t AS SELECT id FROM STREAM src;", ""),
    "MV PARTITIONED BY, TBLPROPERTIES, COMMENT": ("CREATE MATERIALIZED VIEW m PARTITIONED BY (op) COMMENT 'c' TBLPROPERTIES ('a' = 'b')"
                                                  " AS SELECT id, op FROM src;", ""),
    "AUTO CDC SCD1": (FEED + "SEQUENCE BY ts;", "AUTO CDC"),
    "AUTO CDC SCD1 no schema": (FEED + "SEQUENCE BY ts STORED AS SCD TYPE 1;", "AUTO CDC"),
    "AUTO CDC SCD1 no STORED AS": (FEED + "SEQUENCE BY ts;", "AUTO CDC"),
    "AUTO CDC SCD2": (FEED + "SEQUENCE BY ts STORED AS SCD TYPE 2;", "AUTO CDC"),
    "AUTO CDC SCD2 TRACK HISTORY": (FEED + "SEQUENCE BY ts STORED AS SCD TYPE 2 TRACK HISTORY ON (op);", "AUTO CDC"),
    "AUTO CDC inline FLOW AUTO CDC": ("CREATE STREAMING TABLE tgt FLOW AUTO CDC FROM STREAM(src) KEYS (id) SEQUENCE BY ts;", "AUTO CDC"),
    "AUTO CDC IGNORE NULL UPDATES": (FEED + "IGNORE NULL UPDATES SEQUENCE BY ts;", "AUTO CDC"),
    "AUTO CDC APPLY AS TRUNCATE": (FEED + "APPLY AS TRUNCATE WHEN op = 'T' SEQUENCE BY ts;", "AUTO CDC"),
    "APPLY CHANGES INTO": ("APPLY CHANGES INTO tgt FROM STREAM(src) KEYS (id) SEQUENCE BY ts;", "APPLY"),
    "CONSTRAINT EXPECT": ("CREATE STREAMING TABLE t (CONSTRAINT c EXPECT (id > 0)) AS SELECT id FROM STREAM(src);", ""),
    "MV CONSTRAINT EXPECT": ("CREATE MATERIALIZED VIEW m (CONSTRAINT c EXPECT (id > 0)) AS SELECT id FROM src;", ""),
    "LIVE.table": ("CREATE MATERIALIZED VIEW m AS SELECT * FROM LIVE.src;", "does not exist"),
    "CREATE TABLE": ("CREATE TABLE t (id INT);", "no place in a pipeline"),
    "INSERT INTO": ("INSERT INTO src SELECT 1;", "no place in a pipeline"),
    "INSERT INTO ONCE flow": ("CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO ONCE t BY NAME SELECT 1 AS id;", ""),
    "MV over STREAM": ("CREATE MATERIALIZED VIEW m AS SELECT * FROM STREAM(src);", "reads a STREAM"),
    "ST over batch": ("CREATE STREAMING TABLE m AS SELECT * FROM src;", "without STREAM"),
    "CREATE SINK": ("CREATE SINK s FROM src;", "SINK"),
    "SET": ("SET spark.sql.shuffle.partitions=4;", ""),
    "USE": ("USE other;", "USE"),
    "read_files": ("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('in/*.csv');", ""),
    "STREAM json path": ("CREATE STREAMING TABLE t AS SELECT * FROM STREAM json.`/tmp/nosuch`;", "`"),
    "WATERMARK": ("CREATE STREAMING TABLE t AS SELECT * FROM STREAM(src) WATERMARK ts DELAY OF INTERVAL 1 MINUTE;", "WATERMARK"),
    "streaming agg no watermark": ("CREATE STREAMING TABLE t AS SELECT op, count(*) AS n FROM STREAM(src) GROUP BY op;", ""),
}


def statements() -> None:
    listed = re.findall(r"^(ACCEPT|REFUSE) (.*?)(?: ::.*)?$", (SUITE / "statements-4.3.0.txt").read_text(), re.M)
    for verdict, name in listed:
        if name not in STATEMENTS:
            check(f"{name} is tried", False, "no statement is written for it here")
            continue
        sql, words = STATEMENTS[name]
        project = Project("statement", {"in/1.csv": "id,op,ts\n1,I,2026-01-01 00:00:00\n", "transformations/a.sql": DECLARED + sql})
        done = project.leat("check")
        if words:
            check(f"{name}: refused by name", done.returncode == 2 and words in done.stderr and "a.sql:" in done.stderr, done.stderr)
        else:
            check(f"{name}: accepted ({verdict} by Spark)", done.returncode == 0, done.stderr)


def unmodified() -> None:
    project = Project("spark", {})
    shutil.rmtree(project.folder)
    shutil.copytree(SUITE / "ref", project.folder)
    os.chdir(WORK)
    create = "CREATE TABLE src_orders (id bigint, cust text, amt numeric(10,2));"
    insert = "INSERT INTO src_orders SELECT id, concat('c', id % 7), id::numeric(10,2) FROM generate_series({}, {}) g(id);"
    steps = [(create + insert.format(0, 99), []), (insert.format(1000, 1009), []), ("", []), ("", ["--full-refresh-all"])]
    wanted = re.split(r"^-- after.*\n", (SUITE / "ref-rowcounts.txt").read_text(), flags=re.M)[1:]
    for (sql, options), want in zip(steps, wanted):
        if sql:
            done = project.leat("query", "-q", "--lake", "lake", "--create-lake", "--schema", "ref", "-c", sql)
            check("spark: rows arrive", done.returncode == 0, done.stderr)
        done = project.run(*options)
        check(f"spark: run {options}", done.returncode == 0, done.stderr)
        for query, rows in re.findall(r"^(SELECT .*?) -> (\[.*\])$", want, re.M):
            found = [[Decimal(v) if re.fullmatch(r"[-\d.]+", v) else v for v in row] for row in project.rows(query)]
            check(f"spark: {query}", found == [list(row) for row in eval(rows)], (found, rows))


if SUITE.exists():
    statements()
    unmodified()
else:
    print("skip spark: LEAT_SUITES has no sdp")
finish()
