# Sourced by the benchmarks: the query suites' folder as $suites, and the program as $LEAT, built unless it is given.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
[ -d "$suites/tpch/queries" ] || { echo "no queries at $suites/tpch/queries (LEAT_SUITES names the folder above)" >&2; exit 2; }
if [ -z "${LEAT:-}" ]; then
    install_packages build
    build release leat
    LEAT=$root/build/release/leat
fi
