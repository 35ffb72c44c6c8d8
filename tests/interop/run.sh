#!/usr/bin/env bash
# The lake as other engines see it: PyIceberg opens the catalog, reads every table and appends; DuckDB and pyarrow read the
# data files; PyIceberg appends to a pipeline's tables while leat runs.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
LEAT=${LEAT:-$root/build/release/leat}
python=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb) || { skip interop "PyIceberg cannot be installed"; summary; exit; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples/flights/. "$work"
(cd "$work" && "$LEAT" run -q && cp -r more/* data/ && "$LEAT" run -q) || { fail example "leat run"; summary; exit; }
export LEAT
for part in "lake.py $work/lake" "beside.py $work/beside"; do
    # shellcheck disable=SC2086
    log=$("$python" -B tests/interop/$part 2>/dev/null) && status=0 || status=1
    grep -v ' passed, ' <<<"$log" || true
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$part" "did not end"; continue; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$part" "exit code"
    p=''
done
summary
