#!/usr/bin/env bash
# Spark's dialect: statements with the rows that Spark gave, statements of pipelines, and a Spark Declarative Pipelines project.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
export LEAT_SUITES=${LEAT_SUITES:-$root/../shared/suites}
suite=$LEAT_SUITES/sdp
passed=0 failed=0 skipped=0

# part SCRIPT ARGUMENT...: runs it, shows what failed, adds its counts.
part() {
    local out last
    out=$(python3 "tests/dialect/$1" "${@:2}")
    last=${out##*$'\n'}
    grep -v "^[0-9]* passed, [0-9]* failed$" <<<"$out" || true
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
    fi
}

part run.py "$@"
if [ -d "$suite" ]; then
    part statements.py "$suite"
    part pipeline.py "$suite"
else
    part statements.py
    echo "skip pipeline: LEAT_SUITES has no sdp"
    skipped=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
