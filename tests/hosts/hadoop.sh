# Sourced by run.sh: a real HDFS and YARN on this machine. MapReduce opens ports on all addresses whatever it is told, so everything
# runs once more in a network of its own.
#
# A job of MapReduce takes seconds to start, and the matrix is more than a hundred of them: it is run by Hadoop's own runner in one process
# (`--master local`), with the same splits, shuffle, sort and commits, and what only a cluster has on YARN. LEAT_HADOOP_MASTER=yarn runs all on YARN.
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
        mkdir -p "$work"/{own,tpch,faults,errors}
        part "hadoop cluster" python3 -B tests/hosts/hadoop.py "$work/own" "$work/cluster"
        for name in tpch faults errors; do
            LEAT_MATRIX_FAULTS=${LEAT_MATRIX_FAULTS:-12} part "hadoop $name" python3 -B tests/hosts/matrix.py $name "$work/$name" \
                --on hadoop --master "${LEAT_HADOOP_MASTER:-local}"
        done
    else
        fail hadoop "it did not start: $(tail -3 "$work/start.log")"
    fi
fi
