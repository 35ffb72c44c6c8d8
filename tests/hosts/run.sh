#!/usr/bin/env bash
# Runs on hosts: the same results as in threads, and what happens when workers die.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in sql differential queries pipeline faults; do
    mkdir "$work/$part"
    command=(tests/hosts/"$part.py" "$work/$part")
    [ $part != sql ] || command=(tests/sql/run.py --on local:processes)
    log=$(python3 -B "${command[@]}") && status=0 || status=1
    grep -v ' passed, ' <<<"$log" || true
    read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$log")
    [ -n "${p:-}" ] || { fail "$part" "did not end"; continue; }
    passes=$((passes + p)) fails=$((fails + f))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$part" "exit code"
done
summary
