# Sourced by the comparisons with hosts: the program, the packed worker, the generator and the arguments that all of them take.
. "$(dirname "${BASH_SOURCE[0]}")/../prepare.sh"
mkdir -p build/bench/tpch
scripts/pack_worker.sh "$LEAT" "$root/build/bench/leat-worker" >/dev/null
export LEAT_WORKER_PACK=$root/build/bench/leat-worker
generator=$(venv bench-hosts tpchgen-cli==4.0.0)
common=(--leat "$LEAT" --queries-folder "$suites/tpch/queries" --generator "${generator%python}tpchgen-cli" --data "$root/build/bench/tpch")
