#!/usr/bin/env bash
# Word count, sort and join on YARN: Leat's tasks beside the jobs as they are written in Java, on the same text files on HDFS, with the
# same containers.
#   bench/hosts/hadoop/run.sh                   5 million rows, 3 repeats
#   bench/hosts/hadoop/run.sh --rows 1000000 --repeats 1
set -euo pipefail
. "$(dirname "$0")/../../../scripts/lib.sh"
service=$root/scripts/services/hadoop.sh
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    export LEAT=$root/build/release/leat
fi
if [ -z "${BENCH_ALONE:-}" ]; then # MapReduce opens ports on all addresses whatever it is told
    scripts/java.sh hadoop
    "$service" install
    BENCH_ALONE=1 exec "$service" alone "$0" "$@"
fi
work=$(mktemp -d)
trap '"$service" stop "$work/cluster"; rm -rf "$work"' EXIT
scripts/pack_worker.sh "$LEAT" "$work/leat-worker" >/dev/null
"$service" start yarn "$work/cluster" >&2
eval "$("$service" env "$work/cluster")"
mkdir "$work/classes"
javac -cp "$LEAT_HADOOP_CLASSPATH" -d "$work/classes" bench/hosts/hadoop/Jobs.java
jar cf "$work/jobs.jar" -C "$work/classes" .
LEAT_WORKER_PACK=$work/leat-worker python3 -B bench/hosts/hadoop/compare.py --leat "$LEAT" --folder "$work" "$@"
