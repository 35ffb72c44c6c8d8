# Sourced by run.sh: a real HDFS and YARN on this machine. MapReduce opens ports on all addresses whatever it is told, so everything
# runs once more in a network of its own.
#
# A job of MapReduce takes seconds to start. On YARN: the example with its lake here, on HDFS and on S3, TPC-H, and what only a cluster has. What
# takes hundreds of jobs (TPC-H cut wherever it can be, faults) is run by Hadoop's own runner in one process (`--master local`), with the same
# splits, shuffle, sort and commits. LEAT_HADOOP_MASTER=yarn runs that on YARN too.
hadoop=$root/scripts/services/hadoop.sh
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
    skip hadoop "needs Maven and a JDK of version 17"
elif ! "$hadoop" alone true 2>/dev/null; then
    skip hadoop "a network of its own is not allowed here"
elif ! "$hadoop" install 2>"$work/install.log"; then
    skip hadoop "its jars could not be fetched: $(tail -1 "$work/install.log")"
elif ! scripts/java.sh hadoop; then
    fail hadoop "scripts/java.sh hadoop"
elif [ -z "${LEAT_HADOOP_ALONE:-}" ]; then
    [ -e build/tests/tpch-0.01/complete ] || tests/tpch/run.sh >/dev/null 2>&1
    rm -rf "$work"
    LEAT_HADOOP_ALONE=1 exec "$hadoop" alone "$root/tests/hosts/run.sh" hadoop
else
    trap '"$hadoop" stop "$work/cluster"; rm -rf "$work"' EXIT
    if "$hadoop" start yarn "$work/cluster" >"$work/start.log" 2>&1; then
        eval "$("$hadoop" env "$work/cluster")"
        mkdir -p "$work"/{alone,example,own,here,s3,yarn,tpch,faults,errors}
        # Small jobs in the application master: no containers of their own.
        echo '<configuration><property><name>mapreduce.job.ubertask.enable</name><value>true</value></property></configuration>' >"$work/small.xml"
        on=(--on hadoop --master yarn --host-config "$work/small.xml" --threads 1)
        runner=(--on hadoop --master "${LEAT_HADOOP_MASTER:-local}")
        export LEAT_MATRIX_SMALL_ROWS=100000 LEAT_MATRIX_FAULTS=${LEAT_MATRIX_FAULTS:-12}
        part "hadoop, killed" python3 -B tests/hosts/hadoop.py "$work/alone" "$work/cluster" killed lost
        # Jobs mostly wait for JVMs to start, so that these run beside each other. job NAME COMMAND...
        job() { "${@:2}" >"$work/$1.log" & jobs+=("$1"); }
        jobs=()
        job example python3 -B tests/hosts/hadoop.py "$work/example" "$work/cluster" example
        job own python3 -B tests/hosts/hadoop.py "$work/own" "$work/cluster" session always nowhere
        job here python3 -B tests/hosts/pipeline.py "$work/here" --lake "$work/here/lake" "${on[@]}"
        [ -z "${AWS_ENDPOINT_URL_S3:-}" ] || job s3 python3 -B tests/hosts/pipeline.py "$work/s3" --lake s3://lake/hadoop "${on[@]}"
        job yarn python3 -B tests/hosts/matrix.py tpch "$work/yarn" "${on[@]}"
        unset LEAT_MATRIX_SMALL_ROWS
        for name in tpch faults errors; do
            [ -z "${LEAT_HADOOP_MASTER:-}" ] || wait # on YARN they look at all workers
            job $name python3 -B tests/hosts/matrix.py $name "$work/$name" "${runner[@]}"
        done
        wait
        for name in "${jobs[@]}"; do
            part "hadoop $name" cat "$work/$name.log"
        done
        iceberg hadoop "$work/here/lake"
        part "hadoop, left" python3 -B tests/hosts/hadoop.py "$work/alone" "$work/cluster" left
    else
        fail hadoop "it did not start: $(tail -3 "$work/start.log")"
    fi
fi
