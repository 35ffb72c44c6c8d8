#!/usr/bin/env bash
# TPC-H on Parquet, Leat beside the newest DuckDB: results compared first, then times, a ratio for each query.
#   bench/tpch/run.sh                    scale factor 1, 2 threads, 5 repeats
#   bench/tpch/run.sh --scale 10 --threads 2 --repeats 5 --queries 1,6,18 --compression zstd
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
fi
python=$(venv bench duckdb tpchgen-cli==4.0.0 polars)
exec "$python" bench/tpch/compare.py --leat "${LEAT:-$root/build/release/leat}" --queries-folder "$suites/tpch/queries" \
    --generator "${python%python}tpchgen-cli" --data "$root/build/bench/tpch" "$@"
