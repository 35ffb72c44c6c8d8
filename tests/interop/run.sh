#!/usr/bin/env bash
# The lake as other engines see it: PyIceberg opens the catalog, reads every table and appends; DuckDB and pyarrow read the
# data files.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
LEAT=${LEAT:-$root/build/release/leat}
python=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb) || { skip interop "PyIceberg cannot be installed"; summary; exit; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples/flights/. "$work"
(cd "$work" && "$LEAT" run -q && cp -r more/* data/ && "$LEAT" run -q) || { fail example "leat run"; summary; exit; }
LEAT=$LEAT "$python" tests/interop/lake.py "$work/lake"
