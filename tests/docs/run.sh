#!/usr/bin/env bash
# Every command of README.md, the tutorial and the example's README, run on a copy of the files.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -B tests/docs/docs.py "$root" "$work"
