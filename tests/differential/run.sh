#!/usr/bin/env bash
# Random queries by leat and by a real PostgreSQL: the rows must be equal; and by leat with all rules of the optimizer off, and with batches of
# one row. Arguments go to queries.py, which then runs alone.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. scripts/postgres.sh
export LEAT=${LEAT:-$root/build/release/leat}
folder=$(mktemp -d)
trap 'stop_postgres "$folder/pg"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
start_postgres "$folder/pg" || { echo "0 passed, 1 failed"; exit 1; }
if [ $# != 0 ]; then
    python3 tests/differential/queries.py "$@"
    exit
fi
status=0
python3 tests/differential/queries.py >"$folder/log" || status=1
# The same rows whatever the optimizer does, and whatever the size of batches.
for setting in "disabled_optimizers TO 'all'" "batch_rows TO 1"; do
    python3 tests/hosts/differential.py "$folder" 600 7 "$setting" >>"$folder/log" || status=1
done
grep -v '^[0-9]* passed' "$folder/log"
awk '/^[0-9]+ passed/ {p += $1; f += $3; s += $5} END {print p " passed, " f " failed, " s + 0 " skipped"}' "$folder/log"
exit $status
