#!/usr/bin/env bash
# Queries of TPC-H on Parquet, Leat on Dask beside Dask DataFrame: the same cluster of two workers with a thread each, the same files.
#   bench/hosts/dask/run.sh                    scale factor 1, 3 repeats
#   bench/hosts/dask/run.sh --scale 0.1 --queries 1,6 --repeats 1
set -euo pipefail
. "$(dirname "$0")/../prepare.sh"
LEAT_PYTHON=$(scripts/services/dask.sh install)
export LEAT_PYTHON
cluster=$(mktemp -d)
trap 'scripts/services/dask.sh stop "$cluster"; rm -rf "$cluster"' EXIT
address=$(DASK_WORKER_MEMORY=6GiB scripts/services/dask.sh start "$cluster")
"$LEAT_PYTHON" -B bench/hosts/dask/compare.py "${common[@]}" --master "$address" "$@"
