#!/usr/bin/env bash
# Work beyond memory: every statement of tests/sql and random queries with all that can be moved to files moved there; large queries
# under small limits, their answers and the memory of the process; full disks and killed processes.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
for suite in "tests/sql/run.py --set 'spill TO always'" "tests/hosts/differential.py . 1500 9 'spill TO always'" tests/memory/limits.py; do
    log=$(eval "python3 -B $suite" 2>&1)
    grep -vE '^[0-9]+ passed, ' <<<"$log"
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$suite" "did not end"; continue; }
    passes=$((passes + p)) fails=$((fails + f))
    unset p f
done
summary
