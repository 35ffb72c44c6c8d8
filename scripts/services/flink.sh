#!/usr/bin/env bash
# A real Flink session cluster on this machine, from jars: a JobManager and two TaskManagers, for tests, and to try what Leat does on
# Flink.
#
#   scripts/services/flink.sh install [VERSION]   prints the folder of Flink's jars
#   scripts/services/flink.sh start DIR           starts what does not run; prints the REST address when both TaskManagers are there
#   scripts/services/flink.sh env DIR             lines to be evaluated: the address
#   scripts/services/flink.sh stop DIR            ends all of them
#
# Configuration, logs and what Flink keeps lie in DIR. Ports are free ones of 127.0.0.1, chosen when DIR is new. Jars are installed
# once by Maven. FLINK_VERSION names another version than the one that is tested. FLINK_SIZE=large is for comparisons: gigabytes of
# memory and both compilers of the JVM, as in production; FLINK_MORE_JARS is a class path that comes behind Flink's own jars.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
version=${FLINK_VERSION:-2.3.0}
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
jars=$downloads/flink-$version
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
case ${FLINK_SIZE:-small} in
    small) # short-lived daemons: little heap, no second compiler
        java_options=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=48m -Xss512k -Xshare:auto -XX:MaxMetaspaceSize=160m)
        master_heap=256m heap=256m direct=128m task_heap=192m network=32m managed=32m metaspace=160m shuffle=16m
        ;;
    large)
        java_options=(-XX:MaxMetaspaceSize=512m)
        master_heap=1g heap=2048m direct=1024m task_heap=1984m network=256m managed=1024m metaspace=512m shuffle=64m
        ;;
    *) echo "FLINK_SIZE is small or large" >&2 && exit 2 ;;
esac
# What Flink looks into by reflection.
for package in lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic util.concurrent.locks; do
    java_options+=(--add-opens "java.base/java.$package=ALL-UNNAMED")
done
java_options+=(--add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-exports java.rmi/sun.rmi.registry=ALL-UNNAMED)

usage() { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
fetch_jars() {
    say "installing Flink's jars"
    rm -rf "$jars"
    mvn -q -B -f "$root/scripts/services/flink-pom.xml" -Dflink="$version" \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$jars" -DincludeScope=runtime >"$downloads/flink.log" 2>&1 ||
        { echo "Maven could not fetch Flink's jars: $downloads/flink.log" >&2; return 1; }
    touch "$jars/complete"
}
install_jars() { once "$jars/complete" fetch_jars; }
write_configuration() {
    local p
    [ ! -e "$dir/conf/config.yaml" ] || return 0
    mkdir -p "$dir"/{conf,run,log,tmp}
    read -r -a p < <(free_ports 3)
    cat >"$dir/conf/config.yaml" <<END
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: ${p[0]}
jobmanager.bind-host: 127.0.0.1
jobmanager.memory.heap.size: $master_heap
jobmanager.memory.off-heap.size: 64m
jobmanager.memory.jvm-metaspace.size: $metaspace
jobmanager.memory.jvm-overhead.min: 64m
jobmanager.memory.jvm-overhead.max: 64m
jobmanager.execution.failover-strategy: region
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: ${p[1]}
rest.bind-port: ${p[1]}
blob.server.port: ${p[2]}
heartbeat.interval: 1000
heartbeat.timeout: 30000
pekko.ask.timeout: 60 s
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: $((${shuffle%m} + 48))m
taskmanager.memory.task.heap.size: $task_heap
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.network.min: $network
taskmanager.memory.network.max: $network
taskmanager.memory.managed.size: $managed
taskmanager.memory.jvm-metaspace.size: $metaspace
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
taskmanager.memory.framework.off-heap.batch-shuffle.size: $shuffle
taskmanager.network.sort-shuffle.min-buffers: 64
io.tmp.dirs: $dir/tmp
web.upload.dir: $dir/tmp
parallelism.default: 2
END
    cat >"$dir/conf/log4j2.properties" <<'END'
rootLogger.level=INFO
rootLogger.appenderRef.f.ref=F
appender.f.name=F
appender.f.type=Console
appender.f.layout.type=PatternLayout
appender.f.layout.pattern=%d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
END
}
# A process that has ended but is not yet forgotten by the system has no command.
alive() { [ -e "$dir/run/$1.pid" ] && [ -n "$(tr -d '\0' 2>/dev/null <"/proc/$(cat "$dir/run/$1.pid")/cmdline")" ]; }
launch() { # NAME JVM-OPTION... CLASS ARGUMENT...
    local name=$1
    shift
    ! alive "$name" || return 0
    FLINK_CONF_DIR=$dir/conf nohup "$java" "${java_options[@]}" -Dlog4j2.configurationFile="$dir/conf/log4j2.properties" \
        -cp "$jars/*${FLINK_MORE_JARS:+:$FLINK_MORE_JARS}" "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/run/$name.pid"
}
setting() { sed -n "s/^$1: //p" "$dir/conf/config.yaml"; }
taskmanager() { # NUMBER
    launch "taskmanager$1" -Xmx$heap -XX:MaxDirectMemorySize=$direct org.apache.flink.runtime.taskexecutor.TaskManagerRunner \
        --configDir "$dir/conf" -D taskmanager.resource-id="taskmanager$1"
}
launch_all() {
    launch jobmanager -Xmx$master_heap org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$dir/conf"
    taskmanager 0
    taskmanager 1
}
start() {
    local i starts=1
    install_jars
    write_configuration
    launch_all
    for ((i = 1; i <= 3000; i++)); do
        if curl -fs -m 5 "http://127.0.0.1:$(setting rest.port)/overview" 2>/dev/null | grep -q '"slots-total":2\b'; then
            echo "http://127.0.0.1:$(setting rest.port)" | tee "$dir/address"
            return 0
        fi
        # Flink gives up when its messaging does not start within ten seconds, which a busy machine may need.
        if ((i % 20 == 0)) && ! { alive jobmanager && alive taskmanager0 && alive taskmanager1; }; then
            ((++starts <= 4)) || break
            launch_all
        fi
        sleep 0.1
    done
    tail -n 5 "$dir"/log/*.log >&2
    return 1
}
stop() {
    local file pid i pids=()
    for file in "$dir"/run/taskmanager*.pid "$dir"/run/jobmanager.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null && pids+=("$pid")
        rm -f "$file"
    done
    [ ${#pids[@]} -gt 0 ] || return 0
    for ((i = 0; i < 100; i++)); do
        kill -0 "${pids[@]}" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "${pids[@]}" 2>/dev/null || true
}
[ $# -ge 1 ] || usage
case $1 in
    install)
        [ $# = 1 ] || { version=$2 jars=$downloads/flink-$2; }
        install_jars && echo "$jars"
        ;;
    start | env | stop)
        [ $# -ge 2 ] || usage
        mkdir -p "$2"
        dir=$(cd "$2" && pwd)
        case $1 in
            start) start ;;
            env) echo "FLINK_ADDRESS=$(cat "$dir/address")" ;;
            stop) stop ;;
        esac
        ;;
    *) usage ;;
esac
