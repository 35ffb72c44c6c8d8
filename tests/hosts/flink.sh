# Sourced by run.sh: a Flink JobManager and two TaskManagers.
service=scripts/services/flink.sh
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
    skip flink "needs Maven and a JDK of version 17"
elif ! $service install >/dev/null || ! scripts/java.sh flink; then
    skip flink "Flink's jars could not be fetched"
else
    trap '$service stop "$work/cluster"; rm -rf "$work"' EXIT
    if address=$($service start "$work/cluster"); then
        LEAT_MATRIX_FAULTS=${LEAT_MATRIX_FAULTS:-16} matrix flink --master "$address"
        mkdir "$work/verify" "$work/lost"
        part "flink verify" python3 -B tests/hosts/verify.py "$work/verify" --on flink --master "$address"
        LEAT_LOST_COORDINATOR=$work/cluster/run/jobmanager.pid \
            LEAT_LOST_RESTART="$service start $work/cluster" \
            part "flink lost" python3 -B tests/hosts/lost.py "$work/lost" --on flink --master "$address"
        jars=$(find "$work/cluster/tmp" -name '*leat-flink.jar' | wc -l)
        # Those of the two queries that lost their driver or the JobManager may be there.
        if [ "$jars" -le 2 ]; then pass; else fail flink "$jars uploaded jars are left"; fi
    else
        fail flink "the cluster did not start"
    fi
fi
