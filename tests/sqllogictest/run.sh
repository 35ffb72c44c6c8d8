#!/usr/bin/env bash
# SQLite's sqllogictest scripts, where the public test data is there.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat} LEAT_SUITES=${LEAT_SUITES:-$root/../shared/suites}
python3 tests/sqllogictest/scripts.py
