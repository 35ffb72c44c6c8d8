#!/usr/bin/env bash
# A real Dask cluster on this machine: a scheduler and two workers, for tests, and to try what Leat does on Dask.
#
#   scripts/services/dask.sh install      prints the Python that has dask and distributed, pytest and ruff
#   scripts/services/dask.sh start DIR    prints the scheduler's address when both workers are there
#   scripts/services/dask.sh env DIR      lines to be evaluated: the address, LEAT_PYTHON
#   scripts/services/dask.sh stop DIR     ends all of them
#
# Logs and what workers spill lie in DIR. Ports are free ones of 127.0.0.1. Packages are installed once by pip.
# DASK_VERSION names another version than the one that is tested, for example 2023.9.3.
# DASK_WORKER_MEMORY: the memory limit of each worker (default 1GiB).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
version=${DASK_VERSION:-2026.8.0}
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
home=$downloads/dask-$version

usage() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
fetch_dask() {
    say "installing Dask $version"
    rm -rf "$home"
    { python3 -m venv "$home" && "$home/bin/pip" install -q --disable-pip-version-check \
        "dask[dataframe]==$version" "distributed==$version" pyarrow pytest ruff; } >"$downloads/dask.log" 2>&1 ||
        { echo "pip could not install Dask: $downloads/dask.log" >&2; return 1; }
    touch "$home/complete"
}
install_dask() { once "$home/complete" fetch_dask; }
launch() { # NAME ARGUMENT...: a part of Dask, its process id in DIR/NAME.pid
    local name=$1
    shift
    nohup "$home/bin/python" -m distributed.cli."$@" \
        >"$dir/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}
alive() { [ -e "$dir/$1.pid" ] && kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; }
start() {
    local address i
    install_dask
    mkdir -p "$dir/data"
    if ! alive scheduler; then
        rm -f "$dir/scheduler.json"
        launch scheduler dask_scheduler --host 127.0.0.1 --port 0 --no-dashboard --no-jupyter --scheduler-file "$dir/scheduler.json"
    fi
    for ((i = 0; i < 3000; i++)); do
        address=$(sed -nE 's/.*"address": "(tcp:[^"]*)".*/\1/p' "$dir/scheduler.json" 2>/dev/null | head -1) || true
        [ -z "$address" ] || break
        alive scheduler || { tail -n 5 "$dir/scheduler.log" >&2; return 1; }
        sleep 0.1
    done
    for i in 0 1; do
        alive "worker$i" || launch "worker$i" dask_worker "$address" --host 127.0.0.1 --nworkers 1 --nthreads 1 \
            --memory-limit "${DASK_WORKER_MEMORY:-1GiB}" --no-dashboard --name "worker$i" --local-directory "$dir/data"
    done
    "$home/bin/python" - "$address" >&2 <<'END' || { tail -n 5 "$dir"/worker*.log >&2; return 1; }
import sys
from distributed import Client
with Client(sys.argv[1], timeout=300) as client:
    client.wait_for_workers(2, timeout=300)
END
    echo "$address" | tee "$dir/address"
}
end() { # NAME...: by their process ids, and their children; those that do not end in time are killed
    local name i pids=()
    for name in "$@"; do
        # A worker's process is the child of its nanny.
        alive "$name" && read -r -a pids <<<"${pids[*]} $(cat "$dir/$name.pid" /proc/"$(cat "$dir/$name.pid")"/task/*/children | tr '\n' ' ')"
    done
    [ ${#pids[@]} -gt 0 ] || return 0
    kill "${pids[@]}" 2>/dev/null || true
    for ((i = 0; i < 80; i++)); do
        kill -0 "${pids[@]}" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "${pids[@]}" 2>/dev/null || true
}
stop() {
    end worker0 worker1 # first: they wait for a scheduler that is gone
    end scheduler
    rm -f "$dir"/*.pid "$dir/scheduler.json" "$dir/address"
}
[ $# -ge 1 ] || usage
dir=${2:-}
case $1 in
    install) install_dask && echo "$home/bin/python" ;;
    start | env | stop)
        [ -n "$dir" ] || usage
        case $1 in
            start) mkdir -p "$dir"; dir=$(cd "$dir" && pwd); start ;;
            env) echo "DASK_ADDRESS=$(cat "$dir/address") LEAT_PYTHON=$home/bin/python"; echo "export LEAT_PYTHON" ;;
            stop) stop ;;
        esac
        ;;
    *) usage ;;
esac
