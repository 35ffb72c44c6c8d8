#!/usr/bin/env bash
# Crashes and failures: leat run killed at every file call and at random moments, every file call failing once, and what bad
# circumstances give. LEAT_TEST_KILLS sets the number of random moments, LEAT_TEST_SEED their seed.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
work=$(mktemp -d "$memory/leat-faults-XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -B tests/faults/faults.py "$work" "$root/examples/flights"
