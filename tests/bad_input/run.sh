#!/usr/bin/env bash
# What bad input gets: an error with its code, file and place, the right exit code, and nothing half-written.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
python3 "$root/tests/bad_input/make_files.py" || exit 1

# refused NAME EXIT CODE TEXT SQL: the query ends with that status, and the error holds the code and the text.
refused() {
    local status out
    out=$("$LEAT" query --threads 2 ${options:-} -c "$5" 2>errors.txt)
    status=$?
    if [ "$status" != "$2" ]; then fail "$1" "exit $status, not $2: $(head -3 errors.txt)"
    elif ! grep -qF "[$3]" errors.txt; then fail "$1" "no $3: $(head -3 errors.txt)"
    elif ! grep -qF -- "$4" errors.txt; then fail "$1" "no \"$4\": $(cat errors.txt)"
    elif [ -n "$out" ]; then fail "$1" "rows beside the error: $out"
    else pass; fi
}
# gives NAME EXPECTED SQL
gives() {
    local out
    out=$("$LEAT" query --threads 2 -c "$3" 2>&1 | tail -n +2)
    if [ "$out" = "$2" ]; then pass; else fail "$1" "$out, not $2"; fi
}
# nothing_left FOLDER NAME
nothing_left() { if [ -z "$(ls -A "$1")" ]; then pass; else fail "$2" "left behind: $(ls -A "$1")"; fi; }

# files that are not there, or not what their names say
refused missing 2 L0005 'missing.csv' "SELECT * FROM 'missing.csv'"
refused empty_csv 2 L1007 'empty.csv' "SELECT * FROM 'empty.csv'"
refused empty_parquet 1 L1201 'empty.parquet' "SELECT * FROM 'empty.parquet'"
refused empty_folder 2 L1410 'nothing' "SELECT * FROM 'nothing'"
refused empty_glob 2 L1410 'nothing/*.csv' "SELECT * FROM 'nothing/*.csv'"
refused rubbish_csv 1 L1006 'rubbish.csv' "SELECT * FROM 'rubbish.csv'"
refused rubbish_json 1 L1006 'rubbish.ndjson' "SELECT * FROM 'rubbish.ndjson'"
refused rubbish_parquet 1 L1201 'rubbish.parquet' "SELECT * FROM 'rubbish.parquet'"
refused rubbish_avro 1 L1301 'rubbish.avro' "SELECT * FROM read_avro('rubbish.avro')"
refused utf16 2 L1009 'utf16.csv' "SELECT * FROM 'utf16.csv'"

# rows
refused too_few 1 L1001 'ragged.csv:3:1' "SELECT * FROM 'ragged.csv'"
refused too_many 1 L1001 'long.csv:3:1' "SELECT * FROM 'long.csv'"
refused too_many_late 1 L1001 'late.csv:60002:1' "SELECT sum(a) FROM read_csv('late.csv', split_size => 100000)"
refused not_utf8 1 L1003 'latin.csv:3:3' "SELECT * FROM 'latin.csv'"
refused zero_bytes 1 L1006 'zero.csv' "SELECT * FROM 'zero.csv'"
refused zero_bytes_late 1 L1003 'zero_late.csv:200002:3' "SELECT max(b) FROM 'zero_late.csv'"
refused range 1 L1002 'range.csv:3:3' "SELECT sum(n) FROM read_csv('range.csv', types => {'n': 'bigint'})"
refused open_quote 1 L1004 'open.csv:2:1' "SELECT * FROM 'open.csv'"
refused open_quote_long 1 L1005 'open_long.csv:2:1' "SELECT * FROM read_csv('open_long.csv', max_row_size => 65536)"
refused json_syntax 1 L1101 'broken.ndjson:2:' "SELECT * FROM 'broken.ndjson'"
refused json_value 1 L1102 'values.ndjson:2:' "SELECT * FROM read_json('values.ndjson', types => {'a': 'bigint'})"
refused json_utf8 1 L1103 'latin.ndjson:1:' "SELECT * FROM 'latin.ndjson'"
refused json_array 1 L1101 'open.json:' "SELECT * FROM read_json('open.json', columns => {'a': 'bigint'})"
gives hundred_megabytes 3,104857600 "SELECT sum(a), max(length(b)) FROM 'large_field.csv'"
refused field_too_large 1 L1005 'large_field.csv:2:1' "SELECT max(length(b)) FROM read_csv('large_field.csv', max_row_size => 64000000)"
options='--memory 60MB' refused memory 1 L0002 'large_field.csv' "SELECT max(length(b)) FROM 'large_field.csv'"

# what is odd and right
gives bom_crlf_newlines $'1,"x\ny"\n2,z' "SELECT * FROM 'bom.csv'"
gives latin1 'Zürich' "SELECT b FROM read_csv('latin.csv', encoding => 'latin-1') WHERE a = 2"
gives nulls_csv 2,1 "SELECT count(*), count(n) FROM read_csv('nulls.csv', nulls => ['NA', '-'])"
gives nulls_json 2,1 "SELECT count(*), count(n) FROM read_json('nulls.ndjson', nulls => ['NA', '-'])"
gives comments 1 "SELECT a FROM read_csv('comments.csv', comment => '#')"
gives dates 2024-12-31,"2024-12-31 23:59:00" "SELECT d, t FROM read_csv('dates.csv', types => {'d': 'date', 't': 'timestamp'}, dateformat => '%d.%m.%Y', timestampformat => '%d.%m.%Y %H:%M')"
gives escape '"say ""it'"'"'s"""' "SELECT b FROM read_csv('escape.csv', quote => '''', escape => '\\')"
gives filename_column good.csv "SELECT DISTINCT filename FROM read_csv('good.csv', filename => true)"
for kind in gz zst; do gives "compressed_$kind" 1249975000 "SELECT sum(a) FROM 'good.csv.$kind'"; done
gives by_content 1249975000 "SELECT sum(a) FROM read_csv('gzip_without_name.csv')"
gives on_error_null 2 "SELECT count(*) FROM read_csv('range.csv', types => {'n': 'bigint'}, on_error => 'null')"
gives splits 1249975000,50000 "SELECT sum(a), count(b) FROM read_csv('good.csv', split_size => 1000)"

# options
for option in "headr header" "delimeter delimiter" "qote quote" "excape escape" "nuls nulls" "type types" "dateformt dateformat" \
    "timestampformt timestampformat" "encodin encoding" "compresion compression" "filenam filename" "onerror on_error" "coment comment"; do
    refused "option ${option% *}" 2 L1401 "did you mean \"${option#* }\"?" "SELECT * FROM read_csv('good.csv', ${option% *} => 'x')"
done
refused option_json 2 L1401 'did you mean "nulls"?' "SELECT * FROM read_json('nulls.ndjson', nuls => ['x'])"
refused option_value 2 L1403 "'utf-8', 'latin-1' or 'windows-1252'" "SELECT * FROM read_csv('good.csv', encoding => 'klingon')"
refused option_compression 2 L1403 "'gzip' or 'zstd'" "SELECT * FROM read_csv('good.csv', compression => 'rar')"

# names of tables that a statement changes
for statement in "INSERT INTO reading VALUES (1)" "UPDATE reading SET a = 2" "DELETE FROM reading" "TRUNCATE reading" "DROP TABLE reading"; do
    refused "name: $statement" 2 L3104 'did you mean "readings"?' "CREATE TABLE readings (a int); $statement"
    grep -q '   \^^^^^^^$' errors.txt && pass || fail "place: $statement" "$(cat errors.txt)"
done
refused "view dropped as a table" 2 L3104 'DROP VIEW views' "CREATE VIEW v AS SELECT 1 AS a; DROP TABLE v"

# damaged bytes
for kind in gz zst; do
    refused "short_$kind" 1 L1200 "short.csv.$kind" "SELECT sum(a) FROM 'short.csv.$kind'"
    refused "flipped_$kind" 1 L1200 "flipped.csv.$kind" "SELECT sum(a) FROM 'flipped.csv.$kind'"
done
"$LEAT" query -q -c "COPY (SELECT i, 'text ' || i AS t FROM generate_series(1, 100000) AS g(i)) TO 'good.parquet'"
python3 "$root/tests/bad_input/damage_parquet.py"
refused short_parquet 1 L1201 'short.parquet' "SELECT sum(i) FROM 'short.parquet'"
refused checksum 1 L1202 'flipped.parquet, byte ' "SELECT sum(i), max(t) FROM 'flipped.parquet'"
refused footer 1 L1201 'footer.parquet' "SELECT sum(i) FROM 'footer.parquet'"

# files that change while they are read: no answer, or that of the old or the new file
python3 "$root/tests/bad_input/changing.py" "$LEAT" "$work/changing.csv" && pass || fail changing "see above"

# nothing half-written
for format in csv ndjson parquet avro; do
    mkdir -p out
    refused "failing_$format" 1 L2201 'division by zero' \
        "COPY (SELECT 1 / (i - 150000) AS x FROM generate_series(1, 200000) AS g(i)) TO 'out/x.$format'"
    nothing_left out "failing_$format"
    (
        ulimit -f 64
        trap '' XFSZ
        refused "too_large_$format" 1 L0004 "out/x.$format" \
            "COPY (SELECT i, random()::text AS r FROM generate_series(1, 200000) AS g(i)) TO 'out/x.$format'"
        echo "$fails" >fails.txt
    )
    [ "$(cat fails.txt)" = "$fails" ] && pass || fails=$((fails + 1))
    nothing_left out "too_large_$format"
done
echo old >out/kept.csv
refused replaced 1 L2201 'division by zero' "COPY (SELECT 1 / (i - 5) FROM generate_series(1, 9) AS g(i)) TO 'out/kept.csv'"
[ "$(cat out/kept.csv)" = old ] && pass || fail replaced "the old file is gone"
refused no_folder 2 L0005 'nosuch/x.csv' "COPY (SELECT 1) TO 'nosuch/x.csv'"
mkdir full
if mount -t tmpfs -o size=1m tmpfs full 2>/dev/null; then
    for format in csv parquet; do
        refused "full_disk_$format" 1 L0006 "full/x.$format" \
            "COPY (SELECT i, random()::text AS r FROM generate_series(1, 200000) AS g(i)) TO 'full/x.$format'"
        nothing_left full "full_disk_$format"
    done
    umount full
else
    skip full_disk "no small file system can be mounted"
fi
mkdir locked && chmod 555 locked
if [ "$(id -u)" = 0 ]; then # root may write everywhere: as somebody else then
    cp "$LEAT" leat && chmod 755 . leat && chmod 666 errors.txt
    printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups "%s/leat" "$@"\n' "$work" >nobody
    chmod 755 nobody
    LEAT=$work/nobody
fi
refused read_only_folder 4 L0007 'locked/x.csv' "COPY (SELECT 1) TO 'locked/x.csv'"
summary
