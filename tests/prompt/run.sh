#!/usr/bin/env bash
# The prompt of leat query on a pseudo-terminal.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
python3 tests/prompt/session.py
