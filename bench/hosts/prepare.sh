# Sourced by the comparisons with hosts: the program, the packed worker, the generator and the arguments that all of them take.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    LEAT=$root/build/release/leat
fi
mkdir -p build/bench/tpch
scripts/pack_worker.sh "$LEAT" "$root/build/bench/leat-worker" >/dev/null
export LEAT_WORKER_PACK=$root/build/bench/leat-worker
generator=$(venv bench-hosts tpchgen-cli==4.0.0)
common=(--leat "$LEAT" --queries-folder "$suites/tpch/queries" --generator "${generator%python}tpchgen-cli" --data "$root/build/bench/tpch")
