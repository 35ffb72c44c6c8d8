#!/usr/bin/env bash
# Runs on hosts: the same results as in threads, and what happens when workers die.
#
#   tests/hosts/run.sh            worker processes, and Leat's side of a cluster (with a driver that plays one)
#   tests/hosts/run.sh HOST       a real cluster of this kind, started for it: spark, hadoop, flink, dask
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
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

# matrix HOST ARGUMENT...: what every host must pass; the arguments follow --on.
matrix() {
    local host=$1
    shift
    mkdir -p "$work/$host"/{pipeline,tpch,faults,errors}
    [ -e build/tests/tpch-0.01/complete ] || tests/tpch/run.sh >/dev/null 2>&1
    part "$host pipeline" python3 -B tests/hosts/pipeline.py "$work/$host/pipeline" --on "$host" "$@"
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
    (export LEAT_HOSTS=$root/tests/hosts/loopback && matrix spark --threads 3 && summary) >"$work/loopback.log" || true
    part loopback cat "$work/loopback.log"
elif [ -x "tests/hosts/$1.sh" ]; then
    . "tests/hosts/$1.sh" # starts the cluster, calls matrix and what only this host has, stops it
else
    fail "$1" "there is no tests/hosts/$1.sh"
fi
summary
