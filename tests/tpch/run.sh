#!/usr/bin/env bash
# TPC-H, 22 queries at scale factor 0.01 on Parquet, against the reference answers: with 1 and 4 threads, and in worker
# processes, cut wherever that is possible, where it may pay, and where it pays, with all rows that are collected moved to files, with each rule
# of the optimizer off, and with batches of one row.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
LEAT=${LEAT:-$root/build/release/leat}
suites=${LEAT_SUITES:-$root/../shared/suites}
if [ ! -d "$suites/tpch/queries" ]; then skip tpch "no suite at $suites/tpch"; summary; exit; fi
python=$(venv tpch tpchgen-cli==4.0.0) || { skip tpch "tpchgen-cli cannot be installed"; summary; exit; }
data=$root/build/tests/tpch-0.01
if [ ! -e "$data/complete" ]; then
    rm -rf "$data"
    "${python%python}tpchgen-cli" parquet -s 0.01 --output-dir "$data" >/dev/null 2>&1 && touch "$data/complete" || { fail generate "tpchgen-cli"; summary; exit; }
fi
script=$(mktemp)
trap 'rm -f "$script" "$script".*' EXIT
for q in $(seq -w 1 22); do
    for table in customer lineitem nation orders part partsupp region supplier; do
        echo "CREATE VIEW $table AS SELECT * FROM '$data/$table.parquet';"
    done >"$script"
    cat "$suites/tpch/queries/q$q.sql" >>"$script"
    { echo "SET small_rows TO 0;"; cat "$script"; } >"$script.cut"
    { echo "SET small_rows TO 2000;"; cat "$script"; } >"$script.some"
    { echo "SET spill TO always;"; cat "$script"; } >"$script.spill"
    for way in "--threads 1" "--threads 4" "--threads 3 --on local:processes" "--threads 3 --on local:processes cut" "--threads 3 --on local:processes some" "--threads 4 spill" "--threads 1 spill"; do
        text=$script
        case $way in *' cut') text=$script.cut ;; *' some') text=$script.some ;; *' spill') text=$script.spill ;; esac
        # shellcheck disable=SC2086
        if ! "$LEAT" query -q -f "$text" --format csv ${way% [cs]*} >"$script.out" 2>"$script.err"; then
            fail "q$q, $way" "$(head -1 "$script.err")"
        elif difference=$(python3 tests/tpch/compare.py "$suites/tpch/answers/q$q.csv" <"$script.out"); then
            pass
        else
            fail "q$q, $way" "$difference"
        fi
    done
done
case $LEAT in
*/asan/* | */tsan/*) ;; # the same plans, many times as slow
*)
    log=$(LEAT=$LEAT python3 -B tests/tpch/rules.py "$data" "$suites/tpch") || grep '^FAIL' <<<"$log"
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || fail rules "did not end"
    passes=$((passes + ${p:-0})) fails=$((fails + ${f:-0}))
    ;;
esac
summary
