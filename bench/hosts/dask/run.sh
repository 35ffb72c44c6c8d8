#!/usr/bin/env bash
# Queries of TPC-H on Parquet, Leat on Dask beside Dask DataFrame: the same cluster of two workers with a thread each, the same files.
#   bench/hosts/dask/run.sh                    scale factor 1, 3 repeats
#   bench/hosts/dask/run.sh --scale 0.1 --queries 1,6 --repeats 1
set -euo pipefail
. "$(dirname "$0")/../../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    LEAT=$root/build/release/leat
fi
mkdir -p build/bench
scripts/pack_worker.sh "$LEAT" "$root/build/bench/leat-worker" >/dev/null
generator=$(venv bench-hosts tpchgen-cli==4.0.0)
LEAT_PYTHON=$(scripts/services/dask.sh install)
export LEAT_PYTHON LEAT_WORKER_PACK=$root/build/bench/leat-worker
cluster=$(mktemp -d)
trap 'scripts/services/dask.sh stop "$cluster"; rm -rf "$cluster"' EXIT
address=$(DASK_WORKER_MEMORY=6GiB scripts/services/dask.sh start "$cluster")
"$LEAT_PYTHON" -B bench/hosts/dask/compare.py --leat "$LEAT" --queries-folder "$suites/tpch/queries" \
    --generator "${generator%python}tpchgen-cli" --data "$root/build/bench/tpch" --master "$address" "$@"
