#!/usr/bin/env python3
"""Writes a .test file of random statements in Spark's dialect, for `run.py --write` to ask Spark.

    random_queries.py SEED COUNT >FILE
"""
import random
import sys

TABLE = """CREATE OR REPLACE TEMPORARY VIEW t AS SELECT * FROM VALUES
 (1, 10, 100L, 1.5D, CAST(12.34 AS DECIMAL(10,2)), 'abc', date '2020-01-31', timestamp '2020-01-31 10:11:12', true, array(1, 2)),
 (2, -3, -7L, -2.25D, CAST(-0.05 AS DECIMAL(10,2)), 'a-B c', date '1999-12-31', timestamp '1999-12-31 23:59:59.5', false, array(5)),
 (3, 0, 0L, 0.0D, CAST(0.00 AS DECIMAL(10,2)), '', date '2024-02-29', timestamp '2024-02-29 00:00:00', NULL, array()),
 (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (5, 7, 3000000000L, 1000000.125D, CAST(999.99 AS DECIMAL(10,2)), '42', date '1970-01-01', timestamp '1970-01-01 00:00:01', true, array(NULL, 3)),
 (6, 7, 12L, 0.1D, CAST(1.00 AS DECIMAL(10,2)), ' pad ', date '2020-12-06', timestamp '2020-12-06 05:06:07.123456', false, array(9, 8, 7))
 AS v(id, i, l, d, m, s, dt, ts, b, a)"""


def pick(*items):
    return random.choice(items)


def integer(n):
    if n <= 0:
        return pick("i", "i", "l", "id", str(random.randint(-5, 20)), f"{random.randint(0, 9)}L")
    x, y = integer(n - 1), integer(n - 1)
    return pick(f"({x} + {y})", f"({x} - {y})", f"({x} * {pick('2', '3', '-1')})", f"({x} % {pick('3', '5', '7')})", f"abs({x})",
                f"if({boolean(n - 1)}, {x}, {y})", f"coalesce({x}, {y})", f"greatest({x}, {y})", f"least({x}, {y})", f"nullif({x}, {y})",
                f"length({text(n - 1)})", f"int({real(0)})", f"year({date(n - 1)})", f"month({date(n - 1)})", f"dayofweek({date(n - 1)})",
                f"datediff({date(n - 1)}, {date(n - 1)})", f"instr({text(n - 1)}, 'a')", f"pmod({x}, {pick('3', '4')})", f"size(a)", f"bigint({decimal(0)})",
                f"({x} div {pick('2', '3')})", f"nvl2({x}, {y}, 1)", f"CASE WHEN {boolean(n - 1)} THEN {x} ELSE {y} END", f"({x} & 6)", f"sign({x})",
                f"hour({time(0)})", f"second({time(0)})", f"ascii({text(0)})", f"round({x}, -1)", f"weekofyear({date(0)})", f"levenshtein({text(0)}, 'abc')")


def real(n):
    if n <= 0:
        return pick("d", "d", "1.5D", "double(i)", "0.5D")
    x, y = real(n - 1), real(n - 1)
    return pick(f"({x} + {y})", f"({x} * {y})", f"({integer(n - 1)} / {pick('2', '4', '5', '8')})", f"round({x}, {pick('0', '1', '2')})", f"abs({x})",
                f"coalesce({x}, 0.0D)", f"try_divide({x}, {y})", f"double({decimal(n - 1)})", f"({x} - {integer(n - 1)})", f"sqrt(abs({x}))", f"({x} % 2)",
                f"months_between({date(0)}, {date(0)})", f"nvl({x}, {y})", f"bround({x}, 1)", f"double({integer(n - 1)})", f"nanvl({x}, 1.0D)")


def decimal(n):
    if n <= 0:
        return pick("m", "m", "1.25", "0.5", "CAST(i AS DECIMAL(10,2))")
    x, y = decimal(n - 1), decimal(n - 1)
    return pick(f"({x} + {y})", f"({x} - {y})", f"({x} * {pick('2', '1.5', 'm')})", f"({x} / {pick('2', '3', '1.5', '7.00')})", f"round({x}, {pick('0', '1')})",
                f"abs({x})", f"coalesce({x}, {y})", f"({x} + {pick('1', 'i')})", f"greatest({x}, {y})", f"CAST({x} AS DECIMAL(12,1))", f"({x} % 3)", f"-{x}",
                f"if({boolean(0)}, {x}, {y})")


def text(n):
    if n <= 0:
        return pick("s", "s", "'abc'", "'x y'", "\"q'\"", "string(i)")
    x, y = text(n - 1), text(n - 1)
    return pick(f"upper({x})", f"lower({x})", f"concat({x}, {y})", f"({x} || {y})", f"substring({x}, {random.randint(-3, 3)}, {random.randint(0, 3)})",
                f"substr({x}, {random.randint(-4, 4)})", f"trim({x})", f"replace({x}, 'a', 'z')", f"lpad({x}, 6, '*')", f"rpad({x}, 4, '.')", f"reverse({x})",
                f"repeat({x}, 2)", f"initcap({x})", f"left({x}, 2)", f"right({x}, 2)", f"concat_ws('-', {x}, {y})", f"coalesce({x}, 'none')",
                f"string({integer(n - 1)})", f"string({real(n - 1)})", f"string({decimal(n - 1)})", f"string({boolean(n - 1)})", f"string({date(n - 1)})",
                f"string({time(n - 1)})", f"date_format({time(0)}, '{pick('yyyy-MM-dd', 'HH:mm', 'dd/MM/yy', 'EEE d MMM')}')", f"translate({x}, 'abc', 'xyz')",
                f"regexp_replace({x}, '[a-c]', '_')", f"regexp_extract({x}, '([a-z])', 1)", f"split({x}, '-')[0]", f"md5({x})", f"hex({x})", f"substring_index({x}, ' ', 1)",
                f"nvl({x}, {y})", f"if({boolean(n - 1)}, {x}, {y})", f"decode({integer(0)}, 7, 'seven', 0, 'zero', {x})", f"array_join(transform_, ',')".replace("transform_", "split(s, ' ')"),
                f"base64({x})", f"overlay({x} PLACING '#' FROM 2)", f"typeof({pick('i', 'l', 'd', 'm', 's', 'dt', 'ts', 'b')})")


def boolean(n):
    if n <= 0:
        return pick("b", "true", "(i > 0)", "(s IS NULL)", "(s LIKE 'a%')")
    return pick(f"({integer(n - 1)} {pick('<', '<=', '=', '<>', '>', '>=', '==', '<=>')} {integer(n - 1)})", f"({real(n - 1)} {pick('<', '>=')} {real(n - 1)})",
                f"({decimal(n - 1)} {pick('<', '=', '>')} {pick(decimal(n - 1), integer(0))})", f"({text(n - 1)} {pick('<', '=', '<=>', '>')} {text(n - 1)})",
                f"({boolean(n - 1)} AND {boolean(n - 1)})", f"({boolean(n - 1)} OR {boolean(n - 1)})", f"(NOT {boolean(n - 1)})", f"({integer(n - 1)} IN (1, 7, {integer(0)}))",
                f"({integer(n - 1)} BETWEEN 0 AND {integer(0)})", f"({text(n - 1)} RLIKE '[0-9]')", f"({date(n - 1)} < {date(n - 1)})", f"array_contains(a, {random.randint(1, 9)})",
                f"startswith({text(n - 1)}, 'a')", f"isnull({text(n - 1)})", f"({time(0)} > timestamp '2000-01-01 00:00:00')", f"equal_null({integer(0)}, i)")


def date(n):
    if n <= 0:
        return pick("dt", "dt", "date '2020-02-29'", "date(ts)")
    x = date(n - 1)
    return pick(f"date_add({x}, {random.randint(-40, 40)})", f"date_sub({x}, {random.randint(0, 9)})", f"add_months({x}, {random.randint(-14, 14)})", f"last_day({x})",
                f"trunc({x}, '{pick('YEAR', 'MM', 'quarter', 'week')}')", f"({x} + INTERVAL {random.randint(1, 9)} {pick('DAYS', 'MONTHS', 'YEARS')})", f"coalesce({x}, date '2001-01-01')",
                f"to_date(string({x}))", f"greatest({x}, {date(0)})", f"({x} + 1)", f"date({time(n - 1)})")


def time(n):
    if n <= 0:
        return pick("ts", "ts", "timestamp '2020-02-29 12:00:00'", "timestamp(dt)")
    x = time(n - 1)
    return pick(f"({x} + INTERVAL {random.randint(1, 90)} {pick('SECONDS', 'MINUTES', 'HOURS', 'DAYS', 'MONTHS')})", f"({x} - INTERVAL '2' HOUR)",
                f"date_trunc('{pick('HOUR', 'DAY', 'MONTH', 'week', 'YEAR')}', {x})", f"coalesce({x}, timestamp '2001-01-01 00:00:00')", f"timestamp({date(n - 1)})",
                f"to_timestamp(string({x}))", f"timestamp_seconds({integer(0)})")


def statement():
    makers = [integer, real, decimal, text, boolean, date, time]
    kind = random.random()
    if kind < 0.6:
        items = ", ".join(f"{random.choice(makers)(random.choice((1, 2, 2, 3)))} AS c{k}" for k in range(3))
        return f"SELECT id, {items} FROM t{pick('', ' WHERE ' + boolean(2))} ORDER BY id"
    if kind < 0.85:
        aggregates = [f"count({integer(1)})", f"sum({integer(1)})", f"sum({decimal(1)})", f"avg({pick(integer(1), decimal(0), real(1))})", f"min({text(1)})", f"max({date(1)})",
                      f"count_if({boolean(1)})", f"count(DISTINCT {pick(integer(0), text(0))})", f"max({time(0)})", f"min({decimal(1)})", f"sum({real(0)})",
                      f"size(collect_list({integer(0)}))", f"bool_or({boolean(0)})", f"sort_array(collect_set({integer(1)}))", f"round(stddev({integer(0)}), 6)"]
        items = ", ".join(f"{random.choice(aggregates)} AS c{k}" for k in range(3))
        key = random.choice((integer, text, boolean, date))(1)
        return f"SELECT {key} AS k, {items} FROM t GROUP BY {key} ORDER BY k"
    order = f"ORDER BY {random.choice(makers)(1)}{pick('', ' DESC')}, id"
    return (f"SELECT id, {pick('row_number()', 'rank()', 'sum(i)', 'count(*)', 'lag(id)', 'first_value(s)', 'avg(m)', 'max(d)', 'dense_rank()')} OVER "
            f"({pick('', 'PARTITION BY ' + boolean(1) + ' ')}{order}) AS w FROM t ORDER BY id")


def main():
    random.seed(int(sys.argv[1]))
    print(f"statement ok\n{TABLE}\n")
    for _ in range(int(sys.argv[2])):
        sql = statement()
        print(f"query\n{sql}\n----\n")


if __name__ == "__main__":
    main()
