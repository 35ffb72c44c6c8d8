#!/usr/bin/env bash
# Runs on hosts: the same results as in threads, and what happens when workers die.
#
#   tests/hosts/run.sh            worker processes, and Leat's side of a cluster (with a driver that plays one)
#   tests/hosts/run.sh HOST       a real cluster of this kind, started for it: spark, hadoop, flink, dask
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
export LEAT_FAULTS=1 # SET worker_fault is allowed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# part NAME COMMAND...: a script's cases are counted.
part() {
    local name=$1 log status p f s
    shift
    log=$("$@") && status=0 || status=1
    grep -vE '^[0-9]+ passed, ' <<<"$log" || true
    read -r p f s < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$name" "did not end"; return; }
    passes=$((passes + p)) fails=$((fails + f)) skips=$((skips + ${s:-0}))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$name" "exit code"
}

# iceberg NAME LAKE: PyIceberg reads every table, and goes on.
iceberg() {
    local python
    if python=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb 2>/dev/null); then
        part "$1 PyIceberg" "$python" -B tests/interop/lake.py "$2"
    else
        skip "$1 PyIceberg" "it cannot be installed"
    fi
}

# matrix HOST ARGUMENT...: what every host must pass; the arguments follow --on.
matrix() {
    local host=$1
    shift
    mkdir -p "$work/$host"/{pipeline,tpch,faults,errors}
    [ -e build/tests/tpch-0.01/complete ] || tests/tpch/run.sh >/dev/null 2>&1
    for lake in ${LEAT_MATRIX_LAKES:-}; do
        mkdir -p "$work/$host/lake-${lake%%:*}"
        part "$host, lake $lake" python3 -B tests/hosts/pipeline.py "$work/$host/lake-${lake%%:*}" --lake "$lake" --on "$host" "$@"
    done
    part "$host pipeline" python3 -B tests/hosts/pipeline.py "$work/$host/pipeline" --on "$host" "$@"
    iceberg "$host" "$work/$host/pipeline/processes/lake"
    for name in tpch faults errors; do
        part "$host $name" python3 -B tests/hosts/matrix.py $name "$work/$host/$name" --on "$host" "$@"
    done
}

scripts/pack_worker.sh "$LEAT" "$work/leat-worker" >/dev/null || fail pack "scripts/pack_worker.sh"
export LEAT_WORKER_PACK=$work/leat-worker
if [ $# = 0 ]; then
    for name in sql differential queries pipeline verify faults; do
        mkdir "$work/$name"
        command=(tests/hosts/"$name.py" "$work/$name")
        [ $name != sql ] || command=(tests/sql/run.py --on local:processes)
        part $name python3 -B "${command[@]}"
    done
    part driver python3 -B tests/hosts/driver.py
    (export LEAT_HOSTS=$root/tests/hosts/loopback && matrix spark --master loopback --threads 3 && summary) >"$work/loopback.log" || true
    part loopback cat "$work/loopback.log"
elif [ -e "tests/hosts/$1.sh" ]; then
    # Storage that the cluster shares comes first: its processes get the addresses and keys from their environment.
    trap 'scripts/services/s3.sh stop "$work/s3"; scripts/services/hadoop.sh stop "$work/hdfs"; rm -rf "$work"' EXIT
    for name in ${!AWS_*} LEAT_S3_CONFIG; do unset "$name"; done
    if scripts/services/s3.sh start versitygw "$work/s3" lake >/dev/null 2>"$work/log"; then
        eval "$(scripts/services/s3.sh env "$work/s3")"
        LEAT_MATRIX_LAKES="s3://lake/$1"
    else
        skip "lake on S3" "$(tail -1 "$work/log")"
    fi
    if [ "$1" = hadoop ]; then
        : # brings its own
    elif scripts/services/hadoop.sh start hdfs "$work/hdfs" >/dev/null 2>"$work/log"; then
        eval "$(scripts/services/hadoop.sh env "$work/hdfs")"
        LEAT_MATRIX_LAKES="${LEAT_MATRIX_LAKES:-} hdfs://$namenode/$1"
    else
        skip "lake on HDFS" "$(tail -1 "$work/log")"
    fi
    export LEAT_MATRIX_LAKES
    (
        work=$work/host
        mkdir "$work"
        passes=0 fails=0 skips=0
        . "tests/hosts/$1.sh" # starts the cluster, calls matrix and what only this host has, stops it
        summary
    ) >"$work/host.log"
    part "$1" cat "$work/host.log"
else
    fail "$1" "there is no tests/hosts/$1.sh"
fi
summary
