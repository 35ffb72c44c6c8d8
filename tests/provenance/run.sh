#!/usr/bin/env bash
# Rows that an expectation turns away are kept with the file and line they come from: of CSV with quoted newlines, byte
# order mark or gzip, of JSON lines and arrays, through joins, in this process and in worker processes.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
LEAT=${LEAT:-$root/build/release/leat}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir -p transformations in
echo "name: provenance" >leat.yaml
printf 'id,t,v\n1,"two\nlines",5\n2,x,-1\n3,y,7\n4,z,-2\n' >in/a.csv
gzip -c in/a.csv >in/b.csv.gz
printf '\xef\xbb\xbfid,t,v\r\n9,q,-9\r\n' >in/c.csv
printf 'id,t,v\n' >in/large.csv
seq 1 200000 | sed 's/.*/&,text,&/' >>in/large.csv
printf '200001,end,-7\n' >>in/large.csv
printf '[{"id":1,"v":1},\n{"id":2,"v":-5}\n]' >in/d.json
printf '{"id":1,"v":1}\n{"id":2,"v":2}\n{"id":3,"v":-3}\n' >in/e.ndjson
cat >transformations/all.sql <<'END'
CREATE STREAMING TABLE joined (CONSTRAINT positive EXPECT (v > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT s.*, k.n FROM STREAM read_csv('in/*.csv*') s LEFT JOIN (VALUES (1, 'one'), (2, 'two')) k(id, n) ON k.id = s.id;
CREATE STREAMING TABLE json (CONSTRAINT positive EXPECT (v > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT v, id FROM STREAM read_json('in/d.json');
CREATE FLOW lines AS INSERT INTO json BY NAME SELECT * FROM STREAM read_json('in/e.ndjson');
CREATE MATERIALIZED VIEW view (CONSTRAINT positive EXPECT (v > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT id, v FROM read_csv('in/a.csv') WHERE id <> 4;
CREATE MATERIALIZED VIEW grouped (CONSTRAINT positive EXPECT (s > 0) ON VIOLATION QUARANTINE ROW)
AS SELECT id % 2 AS k, sum(v) AS s FROM read_csv('in/c.csv') GROUP BY 1;
END
expect() { # TABLE ROWS: file name and line of its quarantined rows
    local got
    got=$("$LEAT" query --lake lake --format csv -c "SELECT coalesce(regexp_replace(file, '.*/', '') || ':', '') || coalesce(line::text, '?') AS at FROM main.${1}_quarantine ORDER BY 1" 2>&1 | tail -n +2 | tr '\n' ' ')
    if [ "$got" = "$2 " ]; then pass; else fail "$1, $way" "got '$got', expected '$2'"; fi
}
for way in "" "--on local:processes"; do
    rm -rf lake
    # shellcheck disable=SC2086
    "$LEAT" run $way >out 2>&1 || { fail "run $way" "$(cat out)"; continue; }
    expect joined "a.csv:4 a.csv:6 b.csv.gz:4 b.csv.gz:6 c.csv:2 large.csv:200002"
    expect json "d.json:2 e.ndjson:3"
    expect view "a.csv:4"
    expect grouped "?"
done
summary
