#!/usr/bin/env bash
# Installs what it needs, builds, and runs every check and test. `--quick`: unit and SQL tests of the release build only.
# Ends with "N passed, N failed, N skipped".
set -uo pipefail
. "$(dirname "$0")/lib.sh"
quick=''
case "${1:-}" in
    '') ;;
    --quick) quick=1 ;;
    *) sed -n '2,3s/^# //p' "$0"; exit 2 ;;
esac
passed=0 failed=0 skipped=0 failures=()
mkdir -p build/tests

# result NAME STATUS LOG SECONDS: counts one suite; a log's line "N passed, N failed[, N skipped]" counts its cases instead.
result() {
    local line p f s
    line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$3" | tail -1) # behind a host's progress bar, perhaps
    if [ -n "$line" ]; then
        read -r p f s < <(sed -E 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/' <<<"$line")
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
        if [ "$2" != 0 ] && [ "$f" = 0 ]; then failed=$((failed + 1)); f=1; fi
        [ "$f" = 0 ] || { failures+=("$1"); grep -E '^(FAIL|not ok)|error' "$3" | head -20; tail -5 "$3"; }
        printf '%-44s %s (%d s)\n' "$1" "$line" "$4"
    elif [ "$2" = 0 ]; then
        passed=$((passed + 1))
        printf '%-44s ok (%d s)\n' "$1" "$4"
    else
        failed=$((failed + 1)) failures+=("$1")
        printf '%-44s FAILED\n' "$1"
        tail -25 "$3"
    fi
}
# run NAME COMMAND...: one suite, its output in build/tests/NAME.log.
run() {
    local name=$1 log status start=$SECONDS
    shift
    log=build/tests/${name//[ \/]/_}.log
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    result "$name" $status "$log" $((SECONDS - start))
}
unit() { # PRESET: every unit test program; each reports its cases
    local preset=$1 program log status p f start
    for program in build/"$preset"/unit/*_test; do
        [ -x "$program" ] || continue
        log=build/tests/$preset-$(basename "$program").log
        start=$SECONDS
        timeout 300 "$program" >"$log" 2>&1 </dev/null
        status=$?
        p=$(grep -c '^\[       OK \]' "$log")
        f=$(grep -c '^\[  FAILED  \] [a-z_0-9]*$' "$log")
        [ "$f" -gt 0 ] && f=$((f / 2 > 0 ? f / 2 : 1)) # cmocka names each failure twice
        [ "$status" != 0 ] && [ "$f" = 0 ] && f=1
        printf '%s passed, %s failed\n' "$p" "$f" >>"$log"
        result "$preset $(basename "$program")" $status "$log" $((SECONDS - start))
    done
}

# cluster HOST: a real cluster's suite. One that fails is shown and tried once more: daemons that start while others do much do not
# always come in time.
cluster() {
    local log=build/tests/hosts_$1.first.log start=$SECONDS
    if timeout 1200 tests/hosts/run.sh "$1" >"$log" 2>&1 </dev/null; then
        result "hosts $1" 0 "$log" $((SECONDS - start))
    else
        printf 'hosts %s failed, and is tried once more:\n' "$1"
        grep -E '^FAIL' "$log" | head -10
        run "hosts $1" timeout 1200 tests/hosts/run.sh "$1"
    fi
}

install_packages build test || exit 1
export LEAT_SUITES=${LEAT_SUITES:-$root/../shared/suites}

say "building"
build release all unit_tests fuzzers || { echo "0 passed, 1 failed"; exit 1; }
export LEAT=$root/build/release/leat
unit release
[ -x tests/sql/run.sh ] && run "sql" tests/sql/run.sh
if [ -z "$quick" ]; then
    run "check" scripts/check.sh
    say "building with AddressSanitizer and UBSan"
    if build asan unit_tests leat; then
        unit asan
        LEAT=$root/build/asan/leat run "asan differential" tests/differential/run.sh --seed 2 --count 300
        LEAT=$root/build/asan/leat run "asan tpch" tests/tpch/run.sh
        LEAT_TEST_ALLOCATIONS=60 LEAT=$root/build/asan/leat run "asan postgres" tests/postgres/run.sh
    else
        failed=$((failed + 1)) failures+=("asan build")
    fi
    say "building with ThreadSanitizer"
    if build tsan leat; then
        LEAT=$root/build/tsan/leat run "tsan tpch" tests/tpch/run.sh
        LEAT=$root/build/tsan/leat run "tsan postgres" python3 -B tests/postgres/protocol.py
    else
        failed=$((failed + 1)) failures+=("tsan build")
    fi
    say "suites"
    for suite in tests/*/run.sh; do
        [ "$suite" = tests/sql/run.sh ] || run "$(basename "$(dirname "$suite")")" "$suite"
    done
    for host in tests/hosts/*.sh; do
        host=$(basename "$host" .sh)
        [ "$host" = run ] || cluster "$host"
    done
fi
[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
