#!/usr/bin/env bash
# Every statement of tests/sql by leat, and by a real PostgreSQL, which must agree with the expected results.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. scripts/postgres.sh
export LEAT=${LEAT:-$root/build/release/leat}
folder=$(mktemp -d)
trap 'stop_postgres "$folder/pg"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
if start_postgres "$folder/pg"; then
    python3 tests/sql/run.py --oracle "$@"
else
    echo "without PostgreSQL: expected results are taken from the files"
    python3 tests/sql/run.py "$@"
fi
