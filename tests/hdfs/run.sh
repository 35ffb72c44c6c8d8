#!/usr/bin/env bash
# HDFS: a real NameNode, DataNode and HttpFS; queries, errors, many writers, a lake that PyIceberg reads too, and 400 faults of the network.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
work=$(mktemp -d)
hadoop=$root/scripts/services/hadoop.sh
trap '"$hadoop" stop "$work/hadoop" 2>/dev/null; rm -rf "$work"' EXIT
if ! "$hadoop" start httpfs "$work/hadoop" >"$work/start.log" 2>&1; then
    skip hdfs "Hadoop does not start: $(tail -3 "$work/start.log" | tr '\n' ' ')"
    summary
    exit
fi
eval "$("$hadoop" env "$work/hadoop")"
export namenode namenode_http httpfs_port
LEAT_PYICEBERG=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb 2>/dev/null) || skip pyiceberg "it cannot be installed"
export LEAT_PYICEBERG
for part in files faults lake; do
    mkdir "$work/$part"
    log=$(python3 -B "tests/hdfs/$part.py" "$work/$part") && status=0 || status=1
    grep -v ' passed, ' <<<"$log" || true
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$part" "did not end"; continue; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$part" "exit code"
done
summary
