#!/usr/bin/env bash
# Files in: CSV and NDJSON to typed columns and CSV to Parquet, Leat against DuckDB and Polars, all with the same number of
# threads, in turn. Results are compared before times count. Options are those of bench.py.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
build release leat || exit 1
python=$(venv bench duckdb polars pyarrow tpchgen-cli) || exit 1
exec "$python" bench/ingest/bench.py --leat "${LEAT:-$root/build/release/leat}" --data "$root/build/bench-data" "$@"
