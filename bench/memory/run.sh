#!/usr/bin/env bash
# TPC-H, and a large sort, join, grouping and DISTINCT, under limits of memory, Leat beside DuckDB: time, peak memory, failures.
#   bench/memory/run.sh                        scale factor 10; no limit, 512, 256 and 128 MiB
#   bench/memory/run.sh --scale 1 --limits none,64 --queries 1,18
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
fi
python=$(venv bench duckdb tpchgen-cli==4.0.0 polars)
exec "$python" bench/memory/compare.py --leat "${LEAT:-$root/build/release/leat}" --queries-folder "$suites/tpch/queries" \
    --generator "${python%python}tpchgen-cli" --data "$root/build/bench/tpch" --scale 10 "$@"
