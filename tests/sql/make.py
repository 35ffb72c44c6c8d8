#!/usr/bin/env python3
"""Writes .test files of single expressions: every combination of the values and forms below, without results. Run
`run.py --write FILE` afterwards: PostgreSQL then gives the results.
"""
import itertools
import pathlib

HERE = pathlib.Path(__file__).parent
INTEGERS = ["0", "1", "-7", "42", "2147483647", "NULL::integer"]
BIGINTS = ["3000000000", "-9223372036854775807", "1::bigint"]
NUMERICS = ["1.5", "-2.25", "0.001", "100.00", "NULL::numeric(10,2)"]
DOUBLES = ["0.1::double precision", "-3.5::double precision", "1e10::double precision"]
TEXTS = ["'abc'", "''", "'Hello World'", "'äöü ß'", "'  pad  '", "'a,b,c'", "NULL::text"]
DATES = ["date '2024-02-29'", "date '1970-01-01'", "date '1999-12-31'"]
TIMESTAMPS = ["timestamp '2024-02-29 13:45:06.789'", "timestamp '1969-12-31 23:59:59'"]
INTERVALS = ["interval '1 day'", "interval '1 month'", "interval '2 hours 30 minutes'", "interval '-1 year 2 months'"]


def write(name: str, expressions) -> None:
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = dict.fromkeys(expressions)
    path.write_text("\n".join(f"query\nSELECT {e} AS r\n----\n" for e in seen))


def pairs(operators, left, right):
    return [f"{a} {o} {b}" for o in operators for a, b in itertools.product(left, right)]


def calls(forms, values):
    return [f.replace("?", v) for f in forms for v in values]


write("arithmetic/integers.test", pairs(["+", "-", "*", "/", "%"], INTEGERS, INTEGERS[:5]))
write("arithmetic/bigint.test", pairs(["+", "-", "*", "/"], BIGINTS, ["1", "2", "0"]))
write("arithmetic/numeric.test", pairs(["+", "-", "*"], NUMERICS, NUMERICS[:4]) + pairs(["/"], ["10.0", "1.00", "-7.5"], ["4.0", "0.5", "8"]))
write("arithmetic/double.test", pairs(["+", "-", "*", "/"], DOUBLES, DOUBLES))
write("arithmetic/mixed.test", pairs(["+", "*", "<", "="], INTEGERS[:4], NUMERICS[:3] + DOUBLES[:2]))
write("compare/numbers.test", pairs(["=", "<>", "<", "<=", ">", ">="], INTEGERS[:4] + ["NULL::integer"], ["0", "1.5", "-7"]))
write("compare/texts.test", pairs(["=", "<>", "<", ">="], TEXTS, TEXTS[:4]))
write("compare/distinct.test", pairs(["IS DISTINCT FROM", "IS NOT DISTINCT FROM"], INTEGERS[:2] + ["NULL::integer"], ["1", "NULL::integer"]))
write("compare/dates.test", pairs(["=", "<", ">="], DATES, DATES) + pairs(["<", ">"], TIMESTAMPS, DATES))
write("logic/three_valued.test", pairs(["AND", "OR"], ["true", "false", "NULL::boolean"], ["true", "false", "NULL::boolean"]) + calls(["NOT ?", "? IS NULL", "? IS NOT NULL", "? IS TRUE", "? IS NOT FALSE", "? IS UNKNOWN"], ["true", "false", "NULL::boolean"]))
write("logic/conditional.test", calls(["CASE WHEN ? > 0 THEN 'p' WHEN ? = 0 THEN 'z' ELSE 'n' END", "coalesce(?, 5)", "nullif(?, 1)", "greatest(?, 3)", "least(?, 3)", "? BETWEEN 0 AND 10", "? NOT BETWEEN 0 AND 10", "? IN (1, 42)", "? NOT IN (1, 42)", "? IN (1, NULL)"], INTEGERS))
write("text/functions.test", calls(["length(?)", "lower(?)", "upper(?)", "trim(?)", "ltrim(?)", "rtrim(?)", "reverse(?)", "substring(? FROM 2)", "substring(? FROM 2 FOR 2)", "substr(?, 1, 3)", "left(?, 2)", "right(?, 2)", "left(?, -1)", "replace(?, 'a', 'xy')", "position('b' IN ?)", "strpos(?, 'l')", "lpad(?, 8, '*')", "rpad(?, 8)", "repeat(?, 2)", "split_part(?, ',', 2)", "initcap(?)", "translate(?, 'abc', 'xy')", "ascii(?)", "? || '!'", "concat(?, 1, NULL)", "starts_with(?, 'a')", "md5(?)", "char_length(?)", "octet_length(?)", "? LIKE 'a%'", "? LIKE '%o%'", "? LIKE '_b_'", "? ILIKE 'HELLO%'", "? NOT LIKE '%c'", "? ~ '^[a-z]+$'", "? ~* 'HELLO'", "? !~ 'b'", "regexp_replace(?, '[aeo]', '-', 'g')", "? IS NULL", "concat_ws('-', ?, 'z')", "quote_literal(?)"], TEXTS))
write("numbers/functions.test", calls(["abs(?)", "sign(?)", "-(?)", "+(?)"], INTEGERS[:4] + NUMERICS[:3] + DOUBLES) + calls(["ceil(?)", "floor(?)", "round(?)", "trunc(?)"], NUMERICS[:4] + DOUBLES) + calls(["round(?, 1)", "round(?, 0)", "trunc(?, 1)"], NUMERICS[:4]) + calls(["sqrt(?)", "exp(?)", "ln(?)", "power(?, 2)"], ["2::double precision", "0.5::double precision", "9::double precision"]) + calls(["mod(?, 5)", "gcd(?, 6)"], ["42", "7", "-7"]))
write("casts/numbers.test", calls(["?::bigint", "?::integer", "?::smallint", "?::double precision", "?::numeric(12,3)", "?::text", "?::boolean"], ["0", "1", "-7", "42"]) + calls(["?::integer", "?::bigint", "?::text", "?::numeric(6,1)"], ["1.5", "2.5", "-2.5", "0.49", "99.95"]) + calls(["?::integer", "?::text", "?::numeric(6,2)"], ["2.5::double precision", "3.5::double precision", "-0.5::double precision", "1e3::double precision"]))
write("casts/texts.test", calls(["?::integer", "?::bigint", "?::numeric(10,2)", "?::double precision"], ["'12'", "' 12 '", "'-3'", "'abc'", "'99999999999'", "''"]) + calls(["?::boolean"], ["'t'", "'true'", "'yes'", "'0'", "'off'", "'maybe'"]) + calls(["?::date"], ["'2024-01-31'", "'2024-02-30'", "'x'"]) + calls(["?::timestamp"], ["'2024-01-31 12:00'", "'2024-01-31T12:00:05.5'", "'nope'"]))
write("casts/overflow.test", ["2147483647 + 1", "9223372036854775807 + 1", "(-32768)::smallint - 1::smallint", "32768::smallint", "3000000000::integer", "1e20::double precision::bigint", "1/0", "1.0/0", "5 % 0", "1::double precision/0", "99999.99::numeric(5,2)", "abs((-2147483648)::integer)", "2147483648::integer * 2"])
write("dates/functions.test", calls(["extract(year FROM ?)", "extract(month FROM ?)", "extract(day FROM ?)", "extract(dow FROM ?)", "extract(doy FROM ?)", "extract(quarter FROM ?)", "extract(week FROM ?)", "extract(epoch FROM ?)", "date_trunc('month', ?)", "date_trunc('year', ?)", "date_part('day', ?)", "? + interval '1 month'", "? - interval '1 day'", "?::text", "?::date", "to_char(?, 'YYYY-MM-DD')", "to_char(?, 'Mon DD, YYYY')"], [f"({d})" for d in DATES[:3]] + [f"({t})" for t in TIMESTAMPS]))
write("dates/arithmetic.test", pairs(["-"], DATES, DATES) + pairs(["+", "-"], DATES, ["1", "30"]) + pairs(["+", "-"], DATES + TIMESTAMPS, INTERVALS) + pairs(["+", "-", "<", "="], INTERVALS, INTERVALS) + calls(["? * 2", "?::text", "extract(epoch FROM ?)", "extract(hour FROM ?)"], INTERVALS) + pairs(["-"], TIMESTAMPS, TIMESTAMPS) + ["make_date(2024, 2, 29)", "date '2024-01-31' + interval '1 month'", "timestamptz '2024-07-01 12:00+02'", "timestamptz '2024-07-01 12:00:00Z' AT TIME ZONE 'America/New_York'", "timestamp '2024-01-01 00:00' AT TIME ZONE 'UTC'", "date_trunc('hour', timestamp '2024-01-01 13:59:59')", "age(timestamp '2024-03-01', timestamp '2023-01-15')"])
