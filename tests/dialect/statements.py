#!/usr/bin/env python3
"""Statements of pipelines that Spark's runner accepts or refuses (`leat check` on a project with each of them).

    statements.py [SUITE]     (the folder with statements-4.3.0.txt: then every title there must be here, with Spark's verdict)

What Spark accepts leat accepts, or refuses by name: the third column is the code of that error. What Spark refuses leat may
have as a word of its own.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

LEAT = os.environ.get("LEAT", str(pathlib.Path(__file__).parents[2] / "build/release/leat"))
CDC = "CREATE FLOW f AS AUTO CDC INTO tgt FROM STREAM(src) KEYS (id) {}SEQUENCE BY ts{};"
# title of the suite (or of our own, in lower case), Spark's verdict, leat's code, SQL
STATEMENTS = [
    ("STREAMING TABLE with schema + FLOW INSERT", "ACCEPT", "",
     "CREATE STREAMING TABLE t (id BIGINT NOT NULL COMMENT 'key', cust STRING); "
     "CREATE FLOW f AS INSERT INTO t BY NAME SELECT id, cust FROM STREAM(src);"),
    ("FLOW INSERT without BY NAME", "REFUSE", "L2001",
     "CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO t SELECT * FROM STREAM(src);"),
    ("CREATE OR REFRESH STREAMING TABLE", "REFUSE", "", "CREATE OR REFRESH STREAMING TABLE t AS SELECT * FROM STREAM(src);"),
    ("STREAM without parens", "ACCEPT", "", "CREATE STREAMING TABLE t AS SELECT * FROM STREAM src;"),
    ("MV PARTITIONED BY, TBLPROPERTIES, COMMENT", "ACCEPT", "",
     "CREATE MATERIALIZED VIEW m PARTITIONED BY (cust) COMMENT 'by customer' TBLPROPERTIES ('a.b' = 'c') "
     "AS SELECT cust, count(*) AS n FROM src GROUP BY cust;"),
    ("AUTO CDC SCD1", "REFUSE", "L2006", "CREATE STREAMING TABLE tgt (id INT, name STRING); " + CDC.format("", " STORED AS SCD TYPE 1")),
    ("AUTO CDC SCD1 no schema", "ACCEPT", "L2006", "CREATE STREAMING TABLE tgt; " + CDC.format("", " STORED AS SCD TYPE 1")),
    ("AUTO CDC SCD1 no STORED AS", "ACCEPT", "L2006", "CREATE STREAMING TABLE tgt; " + CDC.format("", "")),
    ("AUTO CDC SCD2", "ACCEPT", "L2006", "CREATE STREAMING TABLE tgt; " + CDC.format("", " STORED AS SCD TYPE 2")),
    ("AUTO CDC SCD2 TRACK HISTORY", "ACCEPT", "L2006",
     "CREATE STREAMING TABLE tgt; " + CDC.format("", " STORED AS SCD TYPE 2 TRACK HISTORY ON (cust)")),
    ("AUTO CDC inline FLOW AUTO CDC", "ACCEPT", "L2006",
     "CREATE STREAMING TABLE tgt FLOW AUTO CDC FROM STREAM(src) KEYS (id) SEQUENCE BY ts;"),
    ("AUTO CDC IGNORE NULL UPDATES", "REFUSE", "L2006", "CREATE STREAMING TABLE tgt; " + CDC.format("IGNORE NULL UPDATES ", "")),
    ("AUTO CDC APPLY AS TRUNCATE", "REFUSE", "L2006", "CREATE STREAMING TABLE tgt; " + CDC.format("APPLY AS TRUNCATE WHEN true ", "")),
    ("APPLY CHANGES INTO", "REFUSE", "L2006", "APPLY CHANGES INTO tgt FROM STREAM(src) KEYS (id) SEQUENCE BY ts;"),
    ("CONSTRAINT EXPECT", "REFUSE", "", "CREATE STREAMING TABLE t (CONSTRAINT c EXPECT (id > 0)) AS SELECT * FROM STREAM(src);"),
    ("MV CONSTRAINT EXPECT", "REFUSE", "", "CREATE MATERIALIZED VIEW m (CONSTRAINT c EXPECT (id > 0)) AS SELECT * FROM src;"),
    ("LIVE.table", "REFUSE", "L2108", "CREATE MATERIALIZED VIEW m AS SELECT * FROM LIVE.x;"),
    ("CREATE TABLE", "REFUSE", "L4104", "CREATE TABLE t (id INT);"),
    ("INSERT INTO", "REFUSE", "L4104", "INSERT INTO t SELECT * FROM src;"),
    ("INSERT INTO ONCE flow", "REFUSE", "",
     "CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO ONCE t BY NAME SELECT * FROM src;"),
    ("MV over STREAM", "REFUSE", "L4106", "CREATE MATERIALIZED VIEW m AS SELECT * FROM STREAM(src);"),
    ("ST over batch", "REFUSE", "L4106", "CREATE STREAMING TABLE t AS SELECT * FROM src;"),
    ("CREATE SINK", "REFUSE", "L2006", "CREATE SINK s FROM src;"),
    ("SET", "ACCEPT", "", "SET spark.sql.shuffle.partitions = 10; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;"),
    ("USE", "REFUSE", "L2008", "USE default; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;"),
    ("read_files", "REFUSE", "L1410", "CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('nothing/*.csv');"),
    ("STREAM json path", "REFUSE", "L0005", "CREATE STREAMING TABLE t AS SELECT * FROM STREAM json.`nothing`;"),
    ("WATERMARK", "ACCEPT", "L2006",
     "CREATE STREAMING TABLE t AS SELECT * FROM STREAM(src) WATERMARK ts DELAY OF INTERVAL 10 SECONDS;"),
    ("streaming agg no watermark", "ACCEPT", "", "CREATE STREAMING TABLE t AS SELECT cust, count(*) AS n FROM STREAM(src) GROUP BY cust;"),
    ("temporary view", "ACCEPT", "", "CREATE TEMPORARY VIEW v AS SELECT * FROM src; CREATE MATERIALIZED VIEW m AS SELECT * FROM v;"),
    ("use schema", "ACCEPT", "", "USE SCHEMA p; USE CATALOG spark_catalog; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;"),
    ("use another schema", "ACCEPT", "L2008", "USE SCHEMA other; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;"),
    ("set ansi off", "ACCEPT", "L2008", "SET spark.sql.ansi.enabled = false; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;"),
    ("using, cluster by", "ACCEPT", "", "CREATE MATERIALIZED VIEW m USING parquet CLUSTER BY (id) AS SELECT * FROM src;"),
    ("three parts", "ACCEPT", "", "CREATE MATERIALIZED VIEW m AS SELECT * FROM spark_catalog.p.src;"),
    ("types of columns", "ACCEPT", "",
     "CREATE STREAMING TABLE t (id BIGINT, cust STRING, ts TIMESTAMP, a TINYINT, b ARRAY<INT>, c MAP<STRING,DOUBLE>, d STRUCT<x:INT,y:STRING>);"
     "CREATE FLOW f AS INSERT INTO t BY NAME SELECT id, cust, ts FROM STREAM(src);"),
]


def check(folder, sql):
    project = pathlib.Path(folder)
    (project / "spark-pipeline.yml").write_text(
        f"name: p\nstorage: file://{folder}\ncatalog: spark_catalog\ndatabase: p\nlibraries:\n  - glob:\n      include: transformations/**\n")
    (project / "transformations").mkdir(exist_ok=True)
    (project / "transformations/all.sql").write_text(sql)
    result = subprocess.run([LEAT, "check", "--errors", "json"], cwd=folder, capture_output=True, text=True, timeout=60)
    code = result.stderr.split('"code":"')[1][:5] if '"code":"' in result.stderr else "" if result.returncode == 0 else "?"
    return code, result.stdout + result.stderr


def main():
    passed = failed = 0
    known = {(t, v) for t, v, _, _ in STATEMENTS}
    if len(sys.argv) > 1:
        for line in pathlib.Path(sys.argv[1], "statements-4.3.0.txt").read_text().splitlines():
            verdict, title = line.split(" :: ")[0].split(" ", 1)
            if (title, verdict) not in known:
                failed += 1
                print(f"FAIL {verdict} {title} is not among the statements here")
    with tempfile.TemporaryDirectory() as folder:
        setup = subprocess.run(
            [LEAT, "query", "-q", "--dialect", "spark", "--lake", folder + "/lake", "--create-lake", "-c",
             "CREATE TABLE p.src AS SELECT 1L AS id, 'c' AS cust, timestamp '2020-01-01 00:00:00' AS ts"], capture_output=True, text=True)
        if setup.returncode:
            print(setup.stderr)
        for title, verdict, wanted, sql in STATEMENTS:
            code, shown = check(folder, sql)
            if code == wanted and (verdict == "REFUSE" or not code or "hint" in shown):
                passed += 1
            else:
                failed += 1
                print(f"FAIL {title}: got {code or 'accepted'}, expected {wanted or 'accepted'}: {shown[:300]}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
