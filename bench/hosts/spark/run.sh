#!/usr/bin/env bash
# TPC-H on Parquet, Leat on Spark beside Spark SQL itself: both with the same master, each with one application that stays warm.
#   bench/hosts/spark/run.sh                      scale factor 1, local[2], 3 repeats
#   bench/hosts/spark/run.sh --scale 10 --queries 1,6,18 --repeats 1
#   bench/hosts/spark/run.sh --master spark://host:7077
set -euo pipefail
. "$(dirname "$0")/../prepare.sh"
scripts/java.sh spark
SPARK_HOME=$(scripts/services/spark.sh install)
export SPARK_HOME
exec "${SPARK_HOME%/lib/python3*}/bin/python" bench/hosts/spark/compare.py "${common[@]}" "$@"
