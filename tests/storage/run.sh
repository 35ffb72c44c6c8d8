#!/usr/bin/env bash
# Storage that a cluster shares: S3 on versitygw and moto; the lake there, read and written by PyIceberg too, its catalog in SQLite
# and PostgreSQL; runs while a proxy does harm to requests, and while they are killed.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. scripts/postgres.sh
export LEAT=${LEAT:-$root/build/release/leat}
for name in ${!AWS_*} LEAT_S3_CONFIG; do unset "$name"; done
work=$(mktemp -d)
chmod 755 "$work" # PostgreSQL may run as another user
trap 'scripts/services/s3.sh stop "$work/s3"; scripts/services/s3.sh stop "$work/moto"; [ -z "${postgres:-}" ] || stop_postgres "$work/pg"; rm -rf "$work"' EXIT

# part NAME COMMAND...: a program that ends with "N passed, N failed".
part() {
    local log p='' f status=0
    log=$("${@:2}" 2>&1) || status=1
    grep -vE '^[0-9]+ passed, ' <<<"$log" || true
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "$p" ] || { fail "$1" "did not end"; return; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$1" "exit code"
}

if scripts/services/s3.sh start versitygw "$work/s3" leat lake >/dev/null; then
    moto=$(scripts/services/s3.sh start moto "$work/moto") || skip moto "it cannot be installed"
    (
        eval "$(scripts/services/s3.sh env "$work/s3")"
        python3 -B tests/storage/s3.py "$work/s3" ${moto:+"$moto"}
    ) >"$work/s3.log" 2>&1
    part s3 cat "$work/s3.log"
    (
        eval "$(scripts/services/s3.sh env "$work/s3")"
        python3 -B tests/storage/faults.py "$work/s3" 250
    ) >"$work/faults.log" 2>&1
    part faults cat "$work/faults.log"
    postgres=''
    if start_postgres "$work/pg"; then postgres=leat@127.0.0.1:$PGPORT/postgres; else skip postgres "it cannot be started"; fi
    unset PGHOST PGPORT PGUSER PGDATABASE
    if python=$(venv storage 'pyiceberg[pyarrow,sql-sqlite,sql-postgres]==0.12.0'); then
        (
            eval "$(scripts/services/s3.sh env "$work/s3")"
            "$python" -B tests/storage/lake.py "$work/s3" "$postgres"
        ) >"$work/lake.log" 2>&1
        part lake cat "$work/lake.log"
    else
        skip lake "PyIceberg cannot be installed"
    fi
else
    skip s3 "versitygw cannot be built"
fi
summary
