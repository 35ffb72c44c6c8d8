#!/usr/bin/env bash
# TPC-H, and a large sort, join, grouping and DISTINCT, under limits of memory, Leat beside DuckDB: time, peak memory, failures.
#   bench/memory/run.sh                        scale factor 10; no limit, 512, 256 and 128 MiB
#   bench/memory/run.sh --scale 1 --limits none,64 --queries 1,18
set -euo pipefail
. "$(dirname "$0")/../prepare.sh"
python=$(venv bench duckdb tpchgen-cli==4.0.0 polars)
exec "$python" bench/memory/compare.py --leat "$LEAT" --queries-folder "$suites/tpch/queries" \
    --generator "${python%python}tpchgen-cli" --data "$root/build/bench/tpch" --scale 10 "$@"
