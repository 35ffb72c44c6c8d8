#!/usr/bin/env bash
# Pipelines as their users see them: each part makes projects, runs leat on them and looks at tables, words and exit codes.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
export LEAT_SUITES=${LEAT_SUITES:-$root/../shared/suites}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in update tests quarantine unique commands; do
    log=$(python3 -B "tests/pipeline/$part.py" "$work") && status=0 || status=1
    grep -v ' passed, ' <<<"$log" || true
    p=''; read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$part" "did not end"; continue; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$part" "exit code"
done
summary
