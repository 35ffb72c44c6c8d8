#!/usr/bin/env bash
# TPC-H on Parquet, Leat on Flink beside Flink SQL in batch mode: the same session cluster of two TaskManagers with a slot each, the same
# files, four of each large table.
#   bench/hosts/flink/run.sh                    scale factor 1, 3 repeats
#   bench/hosts/flink/run.sh --queries 1,6 --repeats 1
set -euo pipefail
. "$(dirname "$0")/../../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    LEAT=$root/build/release/leat
fi
mkdir -p build/bench
scripts/java.sh flink
scripts/pack_worker.sh "$LEAT" "$root/build/bench/leat-worker" >/dev/null
export LEAT_WORKER_PACK=$root/build/bench/leat-worker
generator=$(venv bench-hosts tpchgen-cli==4.0.0)
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
jars=$(scripts/services/flink.sh install)
scripts/services/hadoop.sh install
sql=$downloads/flink-sql-2.3.0
fetch_sql() {
    mvn -q -B -f bench/hosts/flink/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$sql" -DincludeScope=runtime && touch "$sql/complete"
}
once "$sql/complete" fetch_sql
# Parquet in Flink needs Hadoop's classes.
export FLINK_SIZE=large FLINK_MORE_JARS=$sql/*:$downloads/hadoop/lib/*
cluster=$(mktemp -d)
trap 'scripts/services/flink.sh stop "$cluster"; rm -rf "$cluster"' EXIT
address=$(scripts/services/flink.sh start "$cluster")
python3 -B bench/hosts/flink/compare.py --leat "$LEAT" --queries-folder "$suites/tpch/queries" --generator "${generator%python}tpchgen-cli" \
    --data "$root/build/bench/tpch" --master "$address" --class-path "$jars/*:$FLINK_MORE_JARS" "$@"
