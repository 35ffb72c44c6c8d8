#!/usr/bin/env bash
# TPC-H on Parquet, Leat beside the newest DuckDB: results compared first, then times, a ratio for each query.
#   bench/tpch/run.sh                    scale factor 1, 2 threads, 5 repeats
#   bench/tpch/run.sh --scale 10 --threads 2 --repeats 5 --queries 1,6,18 --compression zstd
set -euo pipefail
. "$(dirname "$0")/../prepare.sh"
python=$(venv bench duckdb tpchgen-cli==4.0.0 polars)
exec "$python" bench/tpch/compare.py --leat "$LEAT" --queries-folder "$suites/tpch/queries" \
    --generator "${python%python}tpchgen-cli" --data "$root/build/bench/tpch" "$@"
