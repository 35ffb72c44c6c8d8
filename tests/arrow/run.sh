#!/usr/bin/env bash
# Arrow C data: batches of pyarrow through Leat's vectors and back, of all types, sliced, with dictionaries.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
python=$(venv interop 'pyiceberg[pyarrow,sql-sqlite]==0.12.0' duckdb) || { skip arrow "pyarrow cannot be installed"; summary; exit; }
mapfile -t sources < <(git ls-files 'base/*.c' 'columns/*.c' | grep -v _test.c)
gcc -shared -fPIC -O1 -std=gnu11 -D_GNU_SOURCE -I. "${sources[@]}" tests/arrow/bridge.c -o build/arrow_bridge.so \
    -lxxhash -lcrypto -lz -lcurl -lpthread -lm || { fail bridge "does not build"; summary; exit; }
"$python" tests/arrow/arrays.py build/arrow_bridge.so
