#!/usr/bin/env bash
# TPC-H on Parquet, Leat on Flink beside Flink SQL in batch mode: the same session cluster of two TaskManagers with a slot each, the same
# files, four of each large table.
#   bench/hosts/flink/run.sh                    scale factor 1, 3 repeats
#   bench/hosts/flink/run.sh --queries 1,6 --repeats 1
set -euo pipefail
. "$(dirname "$0")/../prepare.sh"
scripts/java.sh flink
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
python3 -B bench/hosts/flink/compare.py "${common[@]}" --master "$address" --class-path "$jars/*:$FLINK_MORE_JARS" "$@"
