#!/usr/bin/env bash
# 43 queries of web analytics on a Parquet file, Leat beside DuckDB, and chDB and Polars if wanted: results compared first, then
# times, a ratio for each query.
#   bench/hits/run.sh                          20 million rows, 2 threads, 3 repeats
#   bench/hits/run.sh --rows 1000000 --peers duckdb,chdb,polars --queries 5,29
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
fi
python=$(venv hits duckdb numpy pyarrow chdb polars)
POLARS_MAX_THREADS=${POLARS_MAX_THREADS:-2} exec "$python" bench/hits/compare.py --leat "${LEAT:-$root/build/release/leat}" \
    --data "$root/build/bench/hits" "$@"
