#!/usr/bin/env bash
# Writes docs/functions.md: the functions of this build's registry, and which of PostgreSQL's there are not.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. scripts/postgres.sh
build release leat
folder=$(mktemp -d)
trap 'stop_postgres "$folder/pg"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
start_postgres "$folder/pg"
python3 scripts/functions.py "${LEAT:-build/release/leat}" docs/functions.md
