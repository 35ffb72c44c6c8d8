#!/usr/bin/env bash
# Writes the expected results of tests/dialect again, by Spark itself: needs Java 17 and some 500 MB for pyspark, and takes minutes.
#   scripts/spark_oracle.sh [FILE ...]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=${LEAT_DOWNLOADS:-$root/build/downloads}/dialect-venv
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -c 'import pyspark' 2>/dev/null || "$folder/bin/pip" install -q --disable-pip-version-check pyspark==4.3.0
export JAVA_HOME=${JAVA_HOME:-/usr/lib/jvm/java-17-openjdk-amd64} SPARK_LOCAL_IP=127.0.0.1
exec "$folder/bin/python" tests/dialect/run.py --write "$@" 2>/dev/null
