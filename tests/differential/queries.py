#!/usr/bin/env python3
"""Random queries, answered by leat and by a real PostgreSQL: rows must be equal.

    queries.py [--count N] [--seed N] [--verbose]

The queries come from a seeded generator: joins of all kinds, correlated and uncorrelated subqueries, grouping, set
operations, WITH, windows with frames, grouping sets, DISTINCT, ORDER BY with LIMIT, over small tables full of nulls and repeated values. A query that
only one of the two refuses counts as a failure too.
"""
import argparse
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "sql"))
from run import LEAT, Postgres, csv_rows, number, same, shown  # noqa: E402

END = "@@end@@"
SETUP = [
    "CREATE TABLE dept (id integer, name text, city text, budget numeric(12,2))",
    "INSERT INTO dept VALUES (1,'Sales','Oslo',1000.50),(2,'Research','Rome',2500.00),(3,'Support','Oslo',NULL),(4,'Legal',NULL,0.00)",
    "CREATE TABLE emp (id integer, name text, dept integer, boss integer, salary numeric(10,2), hired date, rating double precision, active boolean)",
    "INSERT INTO emp VALUES (1,'Ann',1,NULL,5000.00,'2019-03-01',4.5,true),(2,'Bob',1,1,3500.50,'2020-06-15',3.25,true),"
    "(3,'Cid',2,1,4200.00,'2018-01-31',NULL,false),(4,'Dan',2,3,4200.00,'2021-12-24',2.5,true),(5,'Eve',NULL,1,NULL,'2022-02-28',5,NULL),"
    "(6,'Fay',3,2,2800.75,NULL,3.25,false),(7,'Ann',3,6,2800.75,'2020-02-29',1.75,true),(8,'Gus',9,NULL,9999.99,'2015-07-04',NULL,true)",
    "CREATE TABLE num (a integer, b integer, c bigint, d double precision, e numeric(20,5))",
    "INSERT INTO num VALUES (1,2,3,0.5,1.10000),(2,2,NULL,-1.5,2.20000),(3,NULL,9,NULL,NULL),(NULL,4,12,2.25,-3.30000),"
    "(5,4,15,1e10,100000.00001),(1,2,3,0.5,1.10000),(0,-1,-3,0,0.00000),(-7,3,100,-0.125,99.99999)",
    "CREATE TABLE void (id integer, name text, x bigint, hired date)",
]
TABLES = {
    "dept": {"id": "int", "name": "text", "city": "text", "budget": "num"},
    "emp": {"id": "int", "name": "text", "dept": "int", "boss": "int", "salary": "num", "hired": "date", "rating": "dbl", "active": "bool"},
    "num": {"a": "int", "b": "int", "c": "big", "d": "dbl", "e": "num"},
    "void": {"id": "int", "name": "text", "x": "big", "hired": "date"},
}
LITERALS = {
    "int": ["0", "1", "2", "3", "-7", "4", "NULL::integer"], "big": ["3::bigint", "12::bigint", "NULL::bigint"],
    "num": ["1.10", "4200.00", "0.5", "NULL::numeric"], "dbl": ["0.5::float8", "2.5::float8", "-1.5::float8"],
    "text": ["'Ann'", "'Oslo'", "'B%'", "''", "NULL::text"], "bool": ["true", "false", "NULL::boolean"],
    "date": ["date '2020-02-29'", "date '2019-03-01'", "NULL::date"],
}
NUMERIC = ["int", "big", "num", "dbl"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = 0

    def chance(self, p):
        return self.r.random() < p

    def name(self, prefix="t"):
        self.names += 1
        return f"{prefix}{self.names}"

    # scope: list of (reference text, type)
    def column(self, scope, kind):
        found = [c for c, t in scope if t == kind]
        return self.r.choice(found) if found else None

    def value(self, scope, kind, depth=0, sub=None):
        pick = self.r.random()
        column = self.column(scope, kind)
        if column and pick < 0.55 or depth > 2:
            return column or self.r.choice(LITERALS[kind])
        if pick < 0.65:
            return self.r.choice(LITERALS[kind])
        if sub and pick < 0.70:
            return self.scalar_subquery(scope, kind)
        d = depth + 1
        if kind == "bool":
            return "(" + self.condition(scope, d, sub) + ")"
        if pick < 0.75:
            return f"CASE WHEN {self.condition(scope, d, sub)} THEN {self.value(scope, kind, d)} ELSE {self.value(scope, kind, d)} END"
        if pick < 0.80:
            return f"coalesce({self.value(scope, kind, d)}, {self.value(scope, kind, d)})"
        if pick < 0.83:
            return f"{self.r.choice(['greatest', 'least'])}({self.value(scope, kind, d)}, {self.value(scope, kind, d)})"
        if pick < 0.86:
            return f"nullif({self.value(scope, kind, d)}, {self.value(scope, kind, d)})"
        if kind in ("int", "big"):
            return self.r.choice(["({} % 5 + {} % 7)", "({} % 9 - {} % 4)", "({} % 11 * ({} % 3))"]).format(
                self.value(scope, kind, d), self.value(scope, kind, d))
        if kind == "num":
            return self.r.choice(["({} + {})", "({} - {})", "round({}, 1) + {}", "abs({}) + {}"]).format(self.value(scope, kind, d), self.value(scope, kind, d))
        if kind == "dbl":
            return f"({self.value(scope, kind, d)} {self.r.choice('+-')} {self.value(scope, 'int', d)})"
        if kind == "text":
            return self.r.choice(["upper({})", "lower({})", "substring({}, 2)", "({} || 'x')", "reverse({})", "left({}, 2)"]).format(self.value(scope, kind, d))
        return f"({self.value(scope, 'date', d)} + {self.value(scope, 'int', d)})"

    def condition(self, scope, depth=0, sub=None):
        pick = self.r.random()
        d = depth + 1
        if depth < 2 and pick < 0.22:
            return f"({self.condition(scope, d, sub)} {self.r.choice(['AND', 'OR'])} {self.condition(scope, d, sub)})"
        if depth < 2 and pick < 0.27:
            return f"NOT ({self.condition(scope, d, sub)})"
        if sub and depth < 3 and pick < 0.45:
            return self.subquery_condition(scope)
        kind = self.r.choice([t for _, t in scope] or ["int"])
        left = self.value(scope, kind, d)
        if kind == "bool":
            return self.r.choice(["{}", "{} IS TRUE", "{} IS NOT TRUE", "{} IS FALSE", "{} IS NULL", "{} IS NOT NULL"]).format(left)
        if pick < 0.52:
            return f"{left} IS {self.r.choice(['', 'NOT '])}NULL"
        if pick < 0.58:
            return f"{left} {self.r.choice(['', 'NOT '])}BETWEEN {self.value(scope, kind, 3)} AND {self.value(scope, kind, 3)}"
        if pick < 0.66:
            return f"{left} {self.r.choice(['', 'NOT '])}IN ({', '.join(self.value(scope, kind, 3) for _ in range(self.r.randint(1, 3)))})"
        if pick < 0.72:
            return f"{left} IS {self.r.choice(['', 'NOT '])}DISTINCT FROM {self.value(scope, kind, d)}"
        if kind == "text" and pick < 0.8:
            pattern = self.r.choice(["A%", "%n", "%a%", "_o%", "%", "B__"])
            return f"{left} {self.r.choice(['LIKE', 'NOT LIKE', 'ILIKE'])} '{pattern}'"
        other = self.r.choice(NUMERIC) if kind in NUMERIC and self.chance(0.2) else kind
        return f"{left} {self.r.choice(['=', '<>', '<', '<=', '>', '>=', '='])} {self.value(scope, other, d)}"

    def subquery_condition(self, scope):
        kind = self.r.choice(["int", "text", "num"])
        negated = self.r.choice(["", "NOT "])
        pick = self.r.random()
        if pick < 0.4:
            return f"{negated}EXISTS ({self.simple_query(scope, [kind])})"
        if pick < 0.75:
            return f"{self.value(scope, kind, 2)} {negated}IN ({self.simple_query(scope, [kind])})"
        if pick < 0.85:
            return f"{self.value(scope, kind, 2)} {self.r.choice(['=', '<', '>', '<>', '>='])} {self.r.choice(['ANY', 'ALL'])} ({self.simple_query(scope, [kind])})"
        return f"{self.value(scope, kind, 2)} {self.r.choice(['=', '<', '>'])} {self.scalar_subquery(scope, kind)}"

    def simple_query(self, outer, kinds):
        """A subquery that may use outer columns."""
        source, scope = self.source(False)
        both = scope + outer if self.chance(0.6) else scope
        where = f" WHERE {self.condition(both, 1)}" if self.chance(0.75) else ""
        inner_key = self.column(scope, "int")
        outer_key = self.column(outer, "int")
        if inner_key and outer_key and self.chance(0.5):
            where += (" AND " if where else " WHERE ") + f"{inner_key} = {outer_key}"
        items = ", ".join(self.value(scope, k, 2) for k in kinds)
        group = ""
        if self.chance(0.1) and not any(k == "bool" for k in kinds):
            items = ", ".join(f"{self.r.choice(['min', 'max'])}({self.value(scope, k, 2)})" for k in kinds)
            if self.chance(0.5) and inner_key:
                group = f" GROUP BY {inner_key}"
        return f"SELECT {items} FROM {source}{where}{group}"

    def scalar_subquery(self, outer, kind):
        source, scope = self.source(False)
        both = scope + outer if self.chance(0.7) else scope
        where = f" WHERE {self.condition(both, 1)}" if self.chance(0.8) else ""
        if kind == "bool":
            return f"(SELECT bool_or({self.value(scope, kind, 2)}) FROM {source}{where})"
        function = self.r.choice(["min", "max"] + (["sum"] if kind == "num" else []) + (["count"] if kind == "big" else []))
        return f"(SELECT {function}({self.value(scope, kind, 2)}) FROM {source}{where})"

    def source(self, joins=True, depth=0):
        pick = self.r.random()
        alias = self.name()
        if joins and depth < 2 and pick < 0.15:
            query, kinds = self.select(depth + 1, plain=True)
            columns = [f"c{i}" for i in range(len(kinds))]
            first = f"({query}) {alias}({', '.join(columns)})", [(f"{alias}.{c}", k) for c, k in zip(columns, kinds)]
        else:
            table = self.r.choice(["dept", "emp", "emp", "num", "num", "void"] if self.chance(0.3) else ["dept", "emp", "num"])
            first = f"{table} {alias}", [(f"{alias}.{c}", t) for c, t in TABLES[table].items()]
        if not joins or not self.chance(0.55):
            return first
        text, scope = first
        for _ in range(self.r.choice([1, 1, 1, 2])):
            right, right_scope = self.source(False)
            join = self.r.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "JOIN", "LEFT JOIN"])
            both = scope + right_scope
            if join == "CROSS JOIN":
                text = f"{text} CROSS JOIN {right}"
            else:
                key = self.r.choice(["int", "int", "text", "num"])
                a, b = self.column(scope, key), self.column(right_scope, key)
                on = f"{a} = {b}" if a and b else (self.condition(both, 2) if join != "FULL JOIN" else "true")
                if join != "FULL JOIN" and self.chance(0.3):
                    on = f"{on} AND {self.condition(both, 1)}"
                text = f"{text} {join} {right} ON {on}"
            scope = both
        return text, scope

    def aggregate(self, scope):
        kind = self.r.choice(["int", "big", "num", "dbl", "text", "date"])
        value = self.value(scope, kind, 1)
        options = [("count(*)", "big"), (f"count({value})", "big"), (f"count(DISTINCT {value})", "big"), (f"min({value})", kind), (f"max({value})", kind)]
        if kind == "int":
            options += [(f"sum({value})", "big")]
        if kind == "num":
            options += [(f"sum({value})", "num"), (f"sum(DISTINCT {value})", "num")]
        text, result = self.r.choice(options)
        if self.chance(0.15):
            text += f" FILTER (WHERE {self.condition(scope, 1)})"
        return text, result

    def grouping_sets(self, keys):
        """GROUP BY with sets of the keys, and GROUPING()."""
        names = ", ".join(keys)
        sets = [f"({', '.join(k for k in keys if self.chance(0.5))})" for _ in range(self.r.randint(1, 3))] + [f"({names})"]
        group = self.r.choice([f"ROLLUP ({names})", f"CUBE ({names})", f"GROUPING SETS ({', '.join(sets)})", f"{keys[0]}, ROLLUP ({names})",
                               f"GROUPING SETS (ROLLUP ({names}), ({keys[-1]}))", f"DISTINCT CUBE ({names}), ROLLUP ({keys[0]})"])  # fmt: skip
        return f" GROUP BY {group}", [(f"grouping({names})", "int")] if self.chance(0.5) else []

    def frame(self, scope):
        """The inside of OVER (...), with a frame whose rows do not depend on the order of peers."""
        partition = f"PARTITION BY {self.r.choice(scope)[0]} " if self.chance(0.4) else ""
        unit = self.r.choice(["ROWS", "GROUPS", "RANGE"])
        offsets = ["0", "1", "2", "5"]
        ranged = [(c, t) for c, t in scope if t in ("int", "big", "num", "date")]
        if unit == "ROWS":
            order = ", ".join(c for c, _ in scope)
        elif unit == "RANGE" and ranged and self.chance(0.8):
            order, kind = self.r.choice(ranged)
            offsets = ["interval '1 year'", "interval '40 days'", "interval '0'"] if kind == "date" else ["0", "1", "3", "1000"]
        else:
            order = self.r.choice(scope)[0]
            if unit == "RANGE":
                offsets = []
        order += self.r.choice(["", "", " DESC", " NULLS FIRST"])
        bounds = ["UNBOUNDED PRECEDING", *(f"{o} PRECEDING" for o in offsets), "CURRENT ROW", *(f"{o} FOLLOWING" for o in offsets), "UNBOUNDED FOLLOWING"]
        kinds = {bound: 0 if bound == "UNBOUNDED PRECEDING" else 1 if bound.endswith("PRECEDING") else 2 if bound == "CURRENT ROW" else 3 for bound in bounds}
        start = self.r.choice(bounds[:-1])
        end = self.r.choice([bound for bound in bounds[1:] if kinds[bound] >= kinds[start]])
        exclude = self.r.choice(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"])
        return f"{partition}ORDER BY {order} {unit} BETWEEN {start} AND {end}{exclude}"

    def framed(self, scope):
        kind = self.r.choice(["int", "num", "date", "text"])
        value = self.column(scope, kind)
        calls = [("count(*)", "big")]
        if value:
            calls += [(f"min({value})", kind), (f"max({value})", kind), (f"count({value})", "big")]
            calls += [(f"sum({value})", "big" if kind == "int" else "num")] if kind in ("int", "num") else []
        text, result = self.r.choice(calls)
        if self.chance(0.15):
            text += f" FILTER (WHERE {self.condition(scope, 2)})"
        return f"{text} OVER ({self.frame(scope)})", result

    def select(self, depth=0, plain=False):
        """The text of a query and its columns' types."""
        source, scope = self.source(True, depth)
        where = f" WHERE {self.condition(scope, 0, True)}" if self.chance(0.6) else ""
        pick = self.r.random()
        if pick < 0.3:
            keys = [self.r.choice(scope) for _ in range(self.r.randint(0, 2))]
            keys = list(dict.fromkeys(keys))
            items = [(k, t) for k, t in keys] + [self.aggregate(scope) for _ in range(self.r.randint(1, 3))]
            group = f" GROUP BY {', '.join(k for k, _ in keys)}" if keys else ""
            if keys and self.chance(0.35):
                group, more = self.grouping_sets([k for k, _ in keys])
                items += more
            having = ""
            if self.chance(0.3):
                having = f" HAVING {self.aggregate(scope)[0]} IS NOT NULL AND count(*) >= {self.r.randint(0, 2)}"
            return f"SELECT {', '.join(t for t, _ in items)} FROM {source}{where}{group}{having}", [k for _, k in items]
        items = []
        for _ in range(self.r.randint(1, 4)):
            kind = self.r.choice([t for _, t in scope] + ["int", "text"])
            items.append((self.value(scope, kind, 0, True), kind))
        if not plain and self.chance(0.15):
            key = self.r.choice(scope)[0]
            order = ", ".join(c for c, _ in scope)
            items.append((self.r.choice([
                f"count(*) OVER (PARTITION BY {key})", f"rank() OVER (ORDER BY {key})", f"row_number() OVER (ORDER BY {order})",
                f"dense_rank() OVER (PARTITION BY {key} ORDER BY {self.r.choice(scope)[0]})"]), "big"))
        # Equal rows are numbered in any order, which is another one in each window.
        if not plain and self.chance(0.15) and not any("row_number" in text for text, _ in items):
            items.append(self.framed(scope))
        distinct = "DISTINCT " if self.chance(0.2) else ""
        return f"SELECT {distinct}{', '.join(t for t, _ in items)} FROM {source}{where}", [k for _, k in items]

    def query(self):
        pick = self.r.random()
        if pick < 0.12:
            kinds = [self.r.choice(["int", "text", "num", "date"]) for _ in range(self.r.randint(1, 2))]
            sides = [self.simple_query([], kinds) for _ in range(self.r.choice([2, 2, 3]))]
            text = sides[0]
            for side in sides[1:]:
                text += f" {self.r.choice(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'INTERSECT ALL', 'EXCEPT ALL'])} {side}"
            return text
        if pick < 0.22:
            inner, kinds = self.select(1, True)
            columns = [f"c{i}" for i in range(len(kinds))]
            scope = [(f"w.{c}", k) for c, k in zip(columns, kinds)]
            other = [(f"v.{c}", k) for c, k in zip(columns, kinds)]
            return (f"WITH w({', '.join(columns)}) AS ({inner}) SELECT {self.value(scope, self.r.choice(kinds), 1)}, count(*) FROM w "
                    f"JOIN w v ON {self.condition(scope + other, 1)} GROUP BY 1")
        text, kinds = self.select()
        if pick < 0.4:
            keys = list(range(1, len(kinds) + 1))
            self.r.shuffle(keys)
            text += " ORDER BY " + ", ".join(f"{k}{self.r.choice(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])}" for k in keys)
            text += f" LIMIT {self.r.randint(0, 9)}" + (f" OFFSET {self.r.randint(1, 3)}" if self.chance(0.3) else "")
        return text


def leat(queries):
    """For each query (rows, None) or (None, SQLSTATE and message). A process goes on until a query fails."""
    results = []
    while len(results) < len(queries):
        script = ";\n".join(SETUP) + ";\n"
        for query in queries[len(results):]:
            script += f"{query};\nSELECT '{END}' AS e;\n"
        done = subprocess.run([LEAT, "query", "-q", "--format", "csv", "--errors", "json"], input=script, capture_output=True, text=True, timeout=300)
        parts = re.split(rf"e\n{END}\n+", done.stdout)
        for part in parts[:-1]:
            rows = [["NULL" if c is None else shown(c) for c in row] for row in csv_rows(part)]
            results.append((rows, None))
        if len(results) < len(queries):
            found = re.search(r'"sqlstate": ?"([0-9A-Z]{5})".*?"message": ?"(.*?)"', done.stderr)
            text = f"{found.group(1)} {found.group(2)}" if found else f"exit {done.returncode} {done.stderr[:200]}"
            results.append((None, text))
    return results


def sort_key(row):
    """Numbers by value: 0.00 and 0.00000 are the same."""
    return [(0, float(value), "") if (value := number(cell)) is not None else (1, 0.0, cell) for cell in row]


def rows_equal(a, b):
    a, b = sorted(a, key=sort_key), sorted(b, key=sort_key)
    return len(a) == len(b) and all(len(x) == len(y) and all(same(p, q) for p, q in zip(x, y)) for x, y in zip(a, b))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    queries = []
    for i in range(options.count):
        queries.append(Generator(options.seed * 1000003 + i).query())
    oracle = Postgres()
    for statement in SETUP:
        oracle.run(statement)
    answers = leat(queries)
    passed = failed = refused = 0
    for query, (rows, error) in zip(queries, answers):
        expected, code = oracle.run(query)
        if code:
            if error and error[:2] == code[:2] or error and code == "22012":
                passed += 1
                continue
            refused += 1
            if options.verbose:
                print(f"note: PostgreSQL refuses ({code}), leat {error or 'answers'}: {query}")
            continue
        got = rows[1:] if rows else rows
        if error is None and rows_equal(got, expected):
            passed += 1
        else:
            failed += 1
            print(f"FAIL {query}\n     leat: {error or sorted(got)[:4]}\n     PostgreSQL: {sorted(expected)[:4]}")
    print(f"{passed} passed, {failed} failed, {refused} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
