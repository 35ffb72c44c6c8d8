#!/usr/bin/env bash
# Random queries by leat and by a real PostgreSQL: the rows must be equal. Arguments go to queries.py.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. scripts/postgres.sh
export LEAT=${LEAT:-$root/build/release/leat}
folder=$(mktemp -d)
trap 'stop_postgres "$folder/pg"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
start_postgres "$folder/pg" || { echo "0 passed, 1 failed"; exit 1; }
python3 tests/differential/queries.py "$@"
