#!/usr/bin/env bash
# TPC-H on Parquet, Leat on Spark beside Spark SQL itself: both with the same master, each with one application that stays warm.
#   bench/hosts/spark/run.sh                      scale factor 1, local[2], 3 repeats
#   bench/hosts/spark/run.sh --scale 10 --queries 1,6,18 --repeats 1
#   bench/hosts/spark/run.sh --master spark://host:7077
set -euo pipefail
. "$(dirname "$0")/../../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    LEAT=$root/build/release/leat
fi
mkdir -p build/bench/tpch
scripts/java.sh spark
scripts/pack_worker.sh "$LEAT" "$root/build/bench/leat-worker" >/dev/null
SPARK_HOME=$(scripts/services/spark.sh install)
export SPARK_HOME LEAT_WORKER_PACK=$root/build/bench/leat-worker
python=$(venv bench-hosts tpchgen-cli==4.0.0)
exec "${SPARK_HOME%/lib/python3*}/bin/python" bench/hosts/spark/compare.py --leat "$LEAT" --queries-folder "$suites/tpch/queries" \
    --generator "${python%python}tpchgen-cli" --data "$root/build/bench/tpch" "$@"
