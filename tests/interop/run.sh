#!/usr/bin/env bash
# The lake as other engines see it: PyIceberg opens the catalog, reads every table and appends; DuckDB and pyarrow read the
# data files; PyIceberg appends to a pipeline's tables while leat runs.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. scripts/postgres.sh
LEAT=${LEAT:-$root/build/release/leat}
python=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb) || { skip interop "PyIceberg cannot be installed"; summary; exit; }
work=$(mktemp -d)
trap 'stop_postgres "$work/pg"; rm -rf "$work"' EXIT
chmod 755 "$work"
cp -r examples/flights/. "$work"
(cd "$work" && "$LEAT" run -q && cp -r more/* data/ && "$LEAT" run -q) || { fail example "leat run"; summary; exit; }
export LEAT
# part SCRIPT ARGUMENT...: its cases are counted.
part() {
    local log status p f
    log=$("$@" 2>"$work/err") && status=0 || status=1
    grep -v ' passed, ' <<<"$log" || true
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$3" "did not end: $(tail -3 "$work/err")"; return; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$3" "exit code"
}
part "$python" -B tests/interop/lake.py "$work/lake"
part "$python" -B tests/interop/beside.py "$work/beside"

# Spark with the Iceberg runtime; 4.1 is the newest that has one.
jars=${LEAT_DOWNLOADS:-$root/build/downloads}/iceberg-spark-1.12.0
jar() { # GROUP:NAME:VERSION, once
    local name=${1#*:}
    [ -e "$jars/${name/:/-}.jar" ] ||
        mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy "-Dartifact=$1" "-DoutputDirectory=$jars" >&2
}
# with_spark NAME CATALOG-URI JARS [CATALOG]: a project whose catalog both use.
with_spark() {
    mkdir "$work/$1"
    cp -r examples/flights/. "$work/$1"
    [ -z "${4:-}" ] || echo "catalog: $4" >>"$work/$1/configs/config.dev.yaml"
    (cd "$work/$1" && "$LEAT" run -q) || fail "$1" "leat run"
    part "$home/../../../../bin/python" -B tests/interop/spark.py "$work/$1" "${@:2}"
}
if home=$(SPARK_VERSION=4.1.4 scripts/services/spark.sh install) && jar org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0 &&
    jar org.xerial:sqlite-jdbc:3.54.1.0; then
    iceberg=$jars/iceberg-spark-runtime-4.1_2.13-1.12.0.jar
    with_spark sqlite "jdbc:sqlite:$work/sqlite/lake/catalog.db" "$iceberg,$jars/sqlite-jdbc-3.54.1.0.jar"
    if jar org.postgresql:postgresql:42.7.8 && start_postgres "$work/pg"; then
        with_spark postgresql "jdbc:postgresql://127.0.0.1:$PGPORT/postgres?user=leat" "$iceberg,$jars/postgresql-42.7.8.jar" \
            "postgresql://leat@127.0.0.1:$PGPORT/postgres"
    else
        skip "spark through PostgreSQL" "PostgreSQL or its driver cannot be had"
    fi
else
    skip spark "Spark 4.1 or its Iceberg runtime cannot be installed"
fi
summary
