#!/usr/bin/env python3
"""The same statements in threads and in worker processes: the output must be the same text.

    queries.py FOLDER      (makes its data there)
"""
import os
import pathlib
import random
import subprocess
import sys

LEAT = os.environ["LEAT"]
work = pathlib.Path(sys.argv[1])
passed = failed = 0


def make_data():
    random.seed(7)
    with open(work / "orders.csv", "w") as f:
        f.write("id,customer,day,amount,note\n")
        for i in range(40000):
            customer = "" if i % 101 == 0 else random.randrange(700)
            note = "" if i % 7 == 0 else "note number %d - long enough to lie outside" % random.randrange(50)
            f.write(f"{i},{customer},2024-{1 + i % 12:02d}-{1 + i % 28:02d},{random.randrange(1000000) / 100},{note}\n")
    with open(work / "customers.csv", "w") as f:
        f.write("id,name,region\n")
        for i in range(600):
            f.write(f"{i},customer {i},{['north', 'south', 'east', ''][i % 4]}\n")


# Splits of a few KB, so that the small files are read by several tasks.
SETUP = """CREATE VIEW o AS SELECT * FROM read_csv('{w}/orders.csv', split_size => 150000);
CREATE VIEW c AS SELECT * FROM read_csv('{w}/customers.csv', split_size => 3000);
CREATE TABLE m AS SELECT id % 10 AS k, id AS v FROM o WHERE id < 500;
CREATE TABLE big AS SELECT id, customer, note FROM o;
CREATE TABLE nothing (a integer, b text);
"""

# Those that travel as partial states, and those that need the rows of a group together.
PARTIAL = ["count(*)", "count(note)", "sum(id)", "sum(amount)", "avg(amount)", "avg(id)", "min(note)", "max(day)", "min(amount)",
           "bool_and(id >= 0)", "bool_or(id > 39990)", "bit_and(id)", "bit_or(id)", "bit_xor(id)", "stddev_samp(amount)",
           "stddev_pop(id)", "var_samp(id)", "var_pop(amount::double precision)", "corr(id, amount)", "covar_pop(id, amount)",
           "covar_samp(id, amount)", "regr_slope(id, amount)", "regr_intercept(id, amount)", "regr_r2(id, amount)",
           "regr_avgx(id, amount)", "regr_avgy(id, amount)", "regr_count(id, amount)", "median(amount)",
           "count(*) FILTER (WHERE id % 2 = 0)", "sum(amount::double precision) FILTER (WHERE id % 3 = 0)", "sum(amount::real)",
           "any_value(customer % 5)", "array_agg(id)", "string_agg(note, ',')", "max(amount > 100)"]
WHOLE = ["string_agg(note, ',' ORDER BY id)", "array_agg(id ORDER BY id DESC)", "string_agg(DISTINCT note, '|' ORDER BY note)",
         "count(DISTINCT day)", "sum(DISTINCT id % 5)", "percentile_cont(0.3) WITHIN GROUP (ORDER BY amount)",
         "percentile_disc(0.3) WITHIN GROUP (ORDER BY id)", "mode() WITHIN GROUP (ORDER BY day)", "first(id ORDER BY id)",
         "last(note ORDER BY id)", "sum(amount)"]

QUERIES = [
    "SELECT count(*) FROM o",
    "SELECT * FROM o ORDER BY id LIMIT 20 OFFSET 7",
    "SELECT * FROM o WHERE id % 1000 = 3 ORDER BY amount DESC, id",
    "SELECT DISTINCT region FROM c ORDER BY 1",
    "SELECT count(*) FROM (SELECT * FROM o LIMIT 777)",
    "SELECT region, count(*), sum(amount) FROM o JOIN c ON customer = c.id GROUP BY region ORDER BY 1",
    "SELECT c.id, count(o.id) FROM c LEFT JOIN o ON customer = c.id GROUP BY c.id ORDER BY 2 DESC, 1 LIMIT 30",
    "SELECT count(*), count(o.id), count(c.id) FROM o RIGHT JOIN c ON customer = c.id",
    "SELECT count(*), count(o.id), count(c.id) FROM o FULL JOIN c ON customer = c.id",
    "SELECT count(*) FROM o FULL JOIN c ON customer = c.id AND amount > 5000",
    "SELECT count(*) FROM c a, c b WHERE a.id < b.id",
    "SELECT count(*) FROM c a LEFT JOIN c b ON a.id < b.id AND b.id < 5",
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM c WHERE c.id = customer AND region = 'north')",
    "SELECT count(*) FROM o WHERE NOT EXISTS (SELECT 1 FROM c WHERE c.id = customer)",
    "SELECT count(*) FROM o WHERE customer IN (SELECT id FROM c WHERE region = 'east')",
    "SELECT count(*) FROM o WHERE customer NOT IN (SELECT id FROM c)",
    "SELECT count(*) FROM o WHERE customer NOT IN (SELECT customer FROM o WHERE id < 200)",
    "SELECT count(*) FROM o WHERE customer NOT IN (SELECT a FROM nothing)",
    "SELECT id, (SELECT name FROM c WHERE c.id = customer) FROM o ORDER BY id LIMIT 15",
    "! SELECT id, (SELECT id FROM c) FROM o",
    "SELECT count(*) FROM o a JOIN o b ON a.customer IS NOT DISTINCT FROM b.customer AND a.id = b.id",
    "SELECT id FROM o WHERE id < 30 UNION ALL SELECT id FROM c WHERE id < 10 ORDER BY 1",
    "SELECT customer FROM o UNION SELECT id FROM c ORDER BY 1",
    "SELECT id FROM c EXCEPT SELECT customer FROM o WHERE id < 2000 ORDER BY 1",
    "SELECT customer FROM o INTERSECT ALL SELECT id FROM c ORDER BY 1",
    "SELECT 1 AS x UNION ALL SELECT count(*) FROM o UNION ALL SELECT id FROM c WHERE id = 9 ORDER BY 1",
    "WITH s AS (SELECT customer, sum(amount) AS total FROM o GROUP BY customer) "
    "SELECT a.customer, a.total FROM s a WHERE a.total > (SELECT avg(total) FROM s) ORDER BY 2 DESC, 1 LIMIT 12",
    "WITH s AS (SELECT * FROM o WHERE id % 3 = 0) SELECT count(*), (SELECT max(id) FROM s) FROM s x JOIN s y ON x.id = y.id",
    "SELECT id, row_number() OVER (PARTITION BY customer ORDER BY id), sum(amount) OVER (PARTITION BY customer ORDER BY id) "
    "FROM o ORDER BY id LIMIT 50",
    "SELECT id, rank() OVER (ORDER BY amount DESC, id) FROM o ORDER BY 2 LIMIT 9",
    "SELECT k, lag(v) OVER (PARTITION BY k ORDER BY v), v FROM m ORDER BY 1, 3 LIMIT 40",
    "SELECT k, sum(v) FROM m GROUP BY k ORDER BY k",
    "SELECT big.customer, count(*) FROM big JOIN c ON big.customer = c.id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
    "SELECT count(*), max(note) FROM big",
    "SELECT count(*), sum(a) FROM nothing",
    "SELECT b, count(*) FROM nothing GROUP BY b",
    "SELECT count(*) FROM nothing LEFT JOIN c ON a = id",
    "SELECT x, count(*) FROM o, unnest(ARRAY[1, 2, id % 3]) AS u(x) GROUP BY x ORDER BY x",
    "SELECT k, array_agg(v ORDER BY v), string_agg(v::text, ',' ORDER BY v DESC) FROM m GROUP BY k ORDER BY k",
    "SELECT region, array_agg(s) FROM (SELECT region, ROW(count(*), max(name)) AS s FROM c GROUP BY region) GROUP BY 1 ORDER BY 1",
    "SELECT sum(g) FROM generate_series(1, 1000) AS t(g)",
    "! SELECT id, 10 / (id - 35000) FROM o ORDER BY 1",
    "! SELECT no_such FROM o",
    "VALUES (1, 'a'), (2, NULL)",
    "INSERT INTO m SELECT id, id FROM o WHERE id BETWEEN 1000 AND 1005; SELECT count(*), sum(v) FROM m",
    "COPY (SELECT id, note FROM o ORDER BY id LIMIT 100) TO '{w}/copy.csv'; SELECT count(*), min(note) FROM '{w}/copy.csv'",
]

# Keys of types whose equal values have several forms.
KEYS = ";\n".join([
    """CREATE TABLE t (d double precision, i interval, u uuid, j json, ts timestamptz, n numeric(30,3), r real, b bytea, l integer[])""",
    """INSERT INTO t SELECT CASE g % 4 WHEN 0 THEN 0.0 WHEN 1 THEN '-0'::double precision WHEN 2 THEN 'NaN'::double precision ELSE 1.5 END, CASE g % 2 WHEN 0 THEN interval '1 month' ELSE interval '30 days' END, ('00000000-0000-0000-0000-00000000000' || g % 3)::uuid, ('{"a":' || g % 3 || '}')::json, timestamptz '2024-01-01' + (g % 3) * interval '1 day', (g % 3)::numeric(30,3), (g % 2)::real, ('x' || g % 3)::bytea, ARRAY[g::int % 3, 1] FROM generate_series(1, 50) s(g)""",
    """SELECT d, count(*) FROM t GROUP BY d ORDER BY 1""",
    """SELECT i, count(*) FROM t GROUP BY i ORDER BY 1""",
    """SELECT u, count(*) FROM t GROUP BY u ORDER BY 1""",
    """SELECT ts, count(*) FROM t GROUP BY ts ORDER BY 1""",
    """SELECT n, count(*) FROM t GROUP BY n ORDER BY 1""",
    """SELECT r, b, count(*) FROM t GROUP BY r, b ORDER BY 1, 2""",
    """SELECT NULL AS k, count(*) FROM t GROUP BY 1""",
    """SELECT count(*) FROM t a JOIN t b ON a.d = b.d""",
    """SELECT count(*) FROM t a JOIN t b ON a.i = b.i AND a.u = b.u""",
    """SELECT count(*) FROM t a JOIN t b ON a.l = b.l""",
    """SELECT count(*) FROM t a JOIN t b ON a.r = b.d""",
    """SELECT count(*) FROM (SELECT DISTINCT d, i, u, ts, n, r, b FROM t)""",
    """SELECT count(*) FROM t a FULL JOIN t b ON a.n = b.n AND a.d > 1"""])


def run(sql, *options):
    result = subprocess.run([LEAT, "query", "-q", "--format", "csv", *options], input=sql, capture_output=True, text=True,
                            timeout=120)
    return result.returncode, result.stdout, result.stderr


def check(name, sql):
    """A statement that begins with ! fails, everywhere with the same words."""
    global passed, failed
    fails = sql.startswith("! ")
    sql = sql.removeprefix("! ")
    text = SETUP.replace("{w}", str(work)) + sql.replace("{w}", str(work)) + ";"
    want = run(text, "--threads", "1")
    if (want[0] != 0) != fails:
        failed += 1
        print(f"FAIL {name} in threads: exit {want[0]}: {want[2][:300]}")
    for options, setting in (("3", ""), ("3", "SET small_rows TO 0;\n"), ("3", "SET small_rows TO 600;\n"), ("1", "")):
        if options == "1" and (passed + failed) % 5:
            continue
        got = run(setting + text, "--on", "local:processes", "--threads", options)
        if got[:2] == want[:2] and first_line(got[2]) == first_line(want[2]):
            passed += 1
            continue
        failed += 1
        print(f"FAIL {name}, {options} tasks {setting.strip()}: exit {got[0]} instead of {want[0]}\n"
              f"  got  {(got[1] + got[2])[:300]!r}\n  want {(want[1] + want[2])[:300]!r}")


def first_line(text):
    return text.split("\n")[0]


make_data()
for query in QUERIES:
    check(query[:100], query)
check("keys of many types", KEYS)
for calls in (PARTIAL[:12], PARTIAL[12:24], PARTIAL[24:], WHOLE):
    listed = ", ".join(calls)
    check("aggregates " + listed[:60], f"SELECT customer % 5 AS g, {listed} FROM o GROUP BY 1 ORDER BY 1")
    check("aggregates of all rows " + listed[:60], f"SELECT {listed} FROM o")
    check("aggregates of no rows " + listed[:60], f"SELECT {listed} FROM o WHERE id < 0")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
