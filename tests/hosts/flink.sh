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
        mkdir "$work/lost"
        LEAT_LOST_COORDINATOR=$work/cluster/run/jobmanager.pid \
            LEAT_LOST_RESTART="$service taskmanager $work/cluster 0; $service taskmanager $work/cluster 1" \
            part "flink lost" python3 -B tests/hosts/lost.py "$work/lost" --on flink --master "$address"
        jars=$(find "$work/cluster/tmp" -name '*leat-flink.jar' | wc -l)
        # That of the run whose coordinator was lost may be there.
        if [ "$jars" -le 1 ]; then pass; else fail flink "$jars uploaded jars are left"; fi
    else
        fail flink "the cluster did not start"
    fi
fi
