#!/usr/bin/env python3
"""docs/functions.md from `SHOW FUNCTIONS` and PostgreSQL's catalog: scripts/functions.sh starts PostgreSQL and runs this.

    functions.py LEAT FILE
"""

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

# What people call on values that Leat has too: not what serves the system, its types and its indexes.
PEERS = """SELECT DISTINCT p.proname, p.prokind::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog' AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype, 'void'::regtype, 'event_trigger'::regtype)
AND NOT EXISTS (SELECT 1 FROM unnest(p.proargtypes::oid[] || p.prorettype) t(o) WHERE o NOT IN (SELECT unnest(ARRAY['boolean', 'smallint',
'integer', 'bigint', 'real', 'double precision', 'numeric', 'text', '"any"', 'bytea', 'date', 'time', 'timestamp', 'timestamptz', 'interval', 'uuid',
'json', 'jsonb', 'anyelement', 'anyarray', 'anycompatible', 'anycompatiblearray', 'text[]', 'double precision[]', 'name', 'record']::regtype[])::oid))
AND p.proname !~ '^(pg_|has_|binary_|gin|gist|brin|spg|hash|bt|inet|cidr|mac|lo_|lo[a-z]*$|current_|col_|obj_|shobj_|set_|txid_|ts_|tsm_|row_security|json_populate|xml|query_to|table_to|schema_to|database_to|cursor_to)'
AND p.proname !~ '_(in|out|recv|send|support|accum|accum_inv|combine|serialize|deserialize|transfn|final|finalfn|larger|smaller|eq|ne|lt|le|gt|ge|cmp|mi|pl|mul|div|um|up|sortsupport|hash|hash_extended|typanalyze|typmodin|typmodout|sel|joinsel)$'
AND EXISTS (SELECT 1 WHERE obj_description(p.oid, 'pg_proc') IS NULL OR obj_description(p.oid, 'pg_proc') !~ '^(implementation of|I/O|aggregate (transition|final)|internal|convert|less-equal|hash)')
AND p.proname !~ '^(bool|bit|byte|char|bpchar|text|name|int[248]|float[48]|numeric|date|time|timetz|timestamp|timestamptz|interval|uuid|array|json|jsonb|oid|xid|cash|enum|range|multirange|point|line|box|circle|path|poly|lseg|record|tsvector|tsquery|jsonpath)_?(in|out|recv|send|eq|ne|lt|le|gt|ge|cmp|larger|smaller|pl|mi|mul|div|mod|abs|um|up|and|or|not|xor|shl|shr|inc|dec|cat|limit|sum|avg|accum).*'
ORDER BY 1"""


def rows(command):
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(csv.reader(io.StringIO(text)))


def is_unknown(leat, name):
    """Other names of functions, and forms of the grammar, are not in the registry."""
    done = subprocess.run([leat, "query", "-q", "-c", f'SELECT "{name}"(1)'], capture_output=True, text=True, check=False)
    return f"function {name} does not exist" in done.stderr


def escape(text):
    return text.replace("|", "\\|")


def main():
    leat, target = sys.argv[1], Path(sys.argv[2])
    own = rows([leat, "query", "-q", "--format", "csv", "-c", "SHOW FUNCTIONS"])[1:]
    peers = {name: kind for name, kind in rows(["psql", "-XtA", "--csv", "-c", PEERS])}
    names = {row[0] for row in own}
    out = ["# Functions and operators", "", "Written by `scripts/functions.sh` from the registry of functions (`SHOW FUNCTIONS`) and PostgreSQL's catalog. Beside these", "stand the forms of the grammar: `CASE`, `CAST`, `COALESCE`, `NULLIF`, `IN`, `LIKE`, `SIMILAR TO`, `BETWEEN`, `IS DISTINCT FROM`,", "`EXTRACT`, `GROUPING`, `unnest`, `generate_series`, `json_each`, `json_array_elements`, `json_object_keys` (their jsonb and text forms too), `regexp_split_to_table`, `string_to_table`, `ARRAY[...]`, `ROW(...)`, subscripts and slices.", ""]  # fmt: skip
    for kind, title in (("scalar", "Functions"), ("aggregate", "Aggregates"), ("window", "Window functions")):
        out += [f"## {title}", "", "| name | signatures | |", "|---|---|---|"]
        for name in sorted({row[0] for row in own if row[1] == kind and re.match(r"\w", row[0])}):
            same = [row for row in own if row[0] == name and row[1] == kind]
            signatures = "<br>".join(dict.fromkeys(f"`{escape(row[2])}`" for row in same))
            out.append(f"| {name} | {signatures} | {escape(same[0][3])} |")
        out.append("")
    out += ["## Operators", "", "| operator | forms | |", "|---|---|---|"]
    for name in sorted({row[0] for row in own if not re.match(r"\w", row[0])}):
        same = [row for row in own if row[0] == name]
        forms = "<br>".join(dict.fromkeys(f"`{escape(row[2])}`" for row in same))
        out.append(f"| `{escape(name)}` | {forms} | {escape(same[0][3])} |")
    forms = re.findall(r'^POSTGRES_FORM\("(\w+)"', (Path(__file__).parent.parent / "compute/sql/postgres_forms.def").read_text(), re.M)
    listed = ", ".join(f"`{name}`" for name in sorted(set(forms)) if not name.startswith("_"))
    out += ["", "## The catalog and the session", "", f"For clients of PostgreSQL ([serve.md](serve.md)): {listed}."]
    missing = [name for name in sorted(set(peers) - names) if is_unknown(leat, name)]
    out += ["", "## Of PostgreSQL, not there", "", "Functions of PostgreSQL on types that Leat has too, by its catalog:", ""]
    out.append(", ".join(f"`{name}`" for name in missing) + ".")
    target.write_text("\n".join(out) + "\n")
    print(f"{target}: {len({row[0] for row in own})} names, {len(missing)} of PostgreSQL's {len(peers)} are not there", file=sys.stderr)


if __name__ == "__main__":
    main()
