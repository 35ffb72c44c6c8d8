#!/usr/bin/env bash
# Sourced by run.sh: a real Spark of two workers on this machine.
spark=$root/scripts/services/spark.sh
if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
    skip spark "needs Maven and a JDK of version 17"
elif ! "$spark" install >"$work/spark-install.log" 2>&1; then
    skip spark "it could not be installed: $(tail -1 "$work/spark-install.log")"
elif ! scripts/java.sh spark; then
    fail spark "scripts/java.sh spark"
else
    trap '"$spark" stop "$work/cluster"; rm -rf "$work"' EXIT
    if address=$("$spark" start "$work/cluster" 2>"$work/spark-start.log"); then
        eval "$("$spark" env "$work/cluster")"
        LEAT_MATRIX_FAULTS=${LEAT_MATRIX_FAULTS:-16} matrix spark --master "$address"
        # Before executors are killed, which then leave files of Spark's own. Drivers may still be ending.
        for _ in $(seq 100); do
            left=$(ls "$work/cluster/tmp")
            [ -n "$left" ] || break
            sleep 0.2
        done
        if [ -z "$left" ]; then pass; else fail "spark files" "drivers left $(wc -w <<<"$left") files: $left"; fi
        mkdir "$work/spark/own" "$work/spark/source"
        part "spark cluster" python3 -B tests/hosts/spark.py "$work/spark/own" "$address" "$work/cluster"
        # A project of Spark Declarative Pipelines, on Spark: the rows of Spark's own runner.
        suite=${LEAT_SUITES:-$root/../shared/suites}/sdp
        if [ -d "$suite/ref" ]; then
            part "spark pipelines" python3 -B tests/dialect/pipeline.py "$suite" --on spark --master "$address"
        else
            skip "spark pipelines" "no project at $suite/ref"
        fi
        part "spark source" "${SPARK_HOME%/lib/python3*}/bin/python" -B tests/hosts/spark_source.py "$work/spark/source" \
            "$root/build/java/leat-spark/leat-spark-1.jar"
    else
        fail spark "it did not start: $(tail -3 "$work/spark-start.log")"
    fi
    "$spark" stop "$work/cluster"
fi
