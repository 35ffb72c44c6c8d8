#!/usr/bin/env bash
# A real Hadoop on this machine, from jars: for tests, and to try what Leat does on HDFS and YARN.
#
#   scripts/services/hadoop.sh install            installs the jars, once; the others do so too
#   scripts/services/hadoop.sh start hdfs DIR     NameNode and DataNode; prints their addresses when they are ready
#   scripts/services/hadoop.sh start httpfs DIR   HttpFS in front of them
#   scripts/services/hadoop.sh start yarn DIR     ResourceManager and NodeManager (and HDFS if it does not run yet)
#   scripts/services/hadoop.sh env DIR            lines to be evaluated: HADOOP_CONF_DIR, addresses, class path
#   scripts/services/hadoop.sh stop DIR           ends all of them
#   scripts/services/hadoop.sh alone COMMAND...   runs a command where only it and its children see the ports they open
#
# Listings come in pages of ten, and tokens are given without Kerberos, so that both are always tested.
# Configuration, data and logs lie in DIR. Ports are free ones of 127.0.0.1, chosen when DIR is new. MapReduce opens some ports on
# all addresses whatever it is told: run it, and its clients, under `alone`. Jars are installed once by Maven.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
jars=$downloads/hadoop/lib
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
# Short-lived daemons: little heap, no second compiler, and what Hadoop's libraries look into by reflection.
java_options=(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto --add-opens java.base/java.lang=ALL-UNNAMED)

usage() { sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
fetch_jars() {
    say "installing Hadoop's jars"
    rm -rf "$downloads/hadoop"
    mvn -q -B -f "$root/scripts/services/hadoop-pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$jars" -DincludeScope=runtime >"$downloads/hadoop.log" 2>&1 ||
        { echo "Maven could not fetch Hadoop's jars: $downloads/hadoop.log" >&2; return 1; }
    touch "$downloads/hadoop/complete"
}
install_jars() { once "$downloads/hadoop/complete" fetch_jars; }
# write_file NAME: lines "key value" of standard input as a configuration file of Hadoop.
write_file() {
    {
        echo '<?xml version="1.0"?>'
        echo '<configuration>'
        while read -r key value; do
            [ -z "$key" ] || echo "  <property><name>$key</name><value>$value</value></property>"
        done
        echo '</configuration>'
    } >"$dir/conf/$1"
}
write_configuration() {
    local p short="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
    mkdir -p "$dir"/{data,logs,run} "$dir"/conf/webapps/{hdfs,datanode} # pages that must exist, empty
    read -r -a p < <(free_ports 18)
    cat >"$dir/ports" <<END
namenode=127.0.0.1:${p[0]}
namenode_http=127.0.0.1:${p[1]}
httpfs_port=${p[2]}
resourcemanager=127.0.0.1:${p[3]}
resourcemanager_http=127.0.0.1:${p[4]}
END
    write_file core-site.xml <<END
fs.defaultFS hdfs://127.0.0.1:${p[0]}
hadoop.tmp.dir $dir/data/tmp
hadoop.http.staticuser.user ${USER:-root}
hadoop.proxyuser.$(id -un).hosts *
hadoop.proxyuser.$(id -un).groups *
END
    write_file hdfs-site.xml <<END
dfs.replication 1
dfs.namenode.name.dir file://$dir/data/namenode
dfs.namenode.rpc-bind-host 127.0.0.1
dfs.namenode.http-address 127.0.0.1:${p[1]}
dfs.namenode.datanode.registration.ip-hostname-check false
dfs.namenode.safemode.extension 0
dfs.datanode.data.dir file://$dir/data/datanode
dfs.datanode.hostname 127.0.0.1
dfs.datanode.address 127.0.0.1:${p[5]}
dfs.datanode.http.address 127.0.0.1:${p[6]}
dfs.datanode.ipc.address 127.0.0.1:${p[7]}
dfs.heartbeat.interval 1
dfs.ls.limit 10
dfs.namenode.delegation.token.always-use true
END
    write_file httpfs-site.xml <<END
httpfs.http.hostname 127.0.0.1
httpfs.http.port ${p[2]}
httpfs.hadoop.config.dir $dir/conf
END
    write_file yarn-site.xml <<END
yarn.resourcemanager.hostname 127.0.0.1
yarn.resourcemanager.address 127.0.0.1:${p[3]}
yarn.resourcemanager.webapp.address 127.0.0.1:${p[4]}
yarn.resourcemanager.scheduler.address 127.0.0.1:${p[8]}
yarn.resourcemanager.resource-tracker.address 127.0.0.1:${p[9]}
yarn.resourcemanager.admin.address 127.0.0.1:${p[10]}
yarn.nodemanager.address 127.0.0.1:${p[11]}
yarn.nodemanager.localizer.address 127.0.0.1:${p[12]}
yarn.nodemanager.webapp.address 127.0.0.1:${p[13]}
yarn.nodemanager.aux-services mapreduce_shuffle
yarn.nodemanager.aux-services.mapreduce_shuffle.class org.apache.hadoop.mapred.ShuffleHandler
yarn.nodemanager.local-dirs $dir/data/nodemanager
yarn.nodemanager.log-dirs $dir/logs/containers
yarn.nodemanager.resource.memory-mb 8192
yarn.nodemanager.resource.cpu-vcores 8
yarn.nodemanager.vmem-check-enabled false
yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage 99.5
yarn.nodemanager.env-whitelist JAVA_HOME,HADOOP_CONF_DIR,AWS_ENDPOINT_URL_S3,AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION,AWS_DEFAULT_REGION
yarn.resourcemanager.nodemanagers.heartbeat-interval-ms 100
yarn.scheduler.minimum-allocation-mb 128
yarn.application.classpath $dir/conf,$jars/*
END
    write_file mapred-site.xml <<END
mapreduce.framework.name yarn
mapreduce.application.classpath $dir/conf,$jars/*
mapreduce.shuffle.port ${p[14]}
yarn.app.mapreduce.am.resource.mb 512
yarn.app.mapreduce.am.command-opts -Xmx256m $short
yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms 100
mapreduce.map.memory.mb 384
mapreduce.reduce.memory.mb 384
mapreduce.task.io.sort.mb 32
mapreduce.map.java.opts -Xmx200m $short
mapreduce.reduce.java.opts -Xmx200m $short
END
    write_file capacity-scheduler.xml <<END
yarn.scheduler.capacity.root.queues default
yarn.scheduler.capacity.root.default.capacity 100
yarn.scheduler.capacity.maximum-am-resource-percent 0.6
END
    cat >"$dir/conf/log4j.properties" <<'END'
hadoop.root.logger=INFO,console
log4j.rootLogger=${hadoop.root.logger}
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
END
    echo "leat tests" >"$dir/conf/httpfs-signature.secret"
}
alive() { [ -e "$dir/run/$1.pid" ] && kill -0 "$(cat "$dir/run/$1.pid")" 2>/dev/null; }
launch() { # NAME JVM-OPTION... CLASS
    local name=$1
    shift
    ! alive "$name" || return 0
    HADOOP_CONF_DIR=$dir/conf nohup "$java" "${java_options[@]}" -cp "$dir/conf:$jars/*" "$@" >"$dir/logs/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/run/$name.pid"
}
await() { # NAME URL PATTERN: until the page shows the pattern
    local i
    for i in $(seq 600); do
        if curl -s -m 2 "$2" | grep -qE "$3"; then return 0; fi
        alive "$1" || break
        sleep 0.1
    done
    echo "$1 is not ready: $dir/logs/$1.log" >&2
    tail -5 "$dir/logs/$1.log" >&2
    return 1
}
start_hdfs() {
    local p=org.apache.hadoop.hdfs.server
    [ -d "$dir/data/namenode/current" ] ||
        "$java" "${java_options[@]}" -cp "$dir/conf:$jars/*" $p.namenode.NameNode -format -nonInteractive >"$dir/logs/format.log" 2>&1
    launch namenode $p.namenode.NameNode
    launch datanode $p.datanode.DataNode
}
await_hdfs() {
    await namenode "http://$namenode_http/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState" '"NumLiveDataNodes" : [1-9]'
    await namenode "http://$namenode_http/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo" '"Safemode" : ""'
}
start() {
    local what=$1
    dir=$(realpath -m "$2")
    install_jars
    [ -e "$dir/ports" ] || write_configuration
    . "$dir/ports"
    case $what in
        hdfs) start_hdfs ;;
        httpfs)
            start_hdfs
            await_hdfs
            launch httpfs -Dhttpfs.home.dir="$dir" -Dhttpfs.config.dir="$dir/conf" -Dhttpfs.log.dir="$dir/logs" -Dhttpfs.temp.dir="$dir/data" \
                org.apache.hadoop.fs.http.server.HttpFSServerWebServer
            await httpfs "http://127.0.0.1:$httpfs_port/webhdfs/v1/?op=GETFILESTATUS&user.name=$(id -un)" FileStatus
            ;;
        yarn)
            start_hdfs
            launch resourcemanager org.apache.hadoop.yarn.server.resourcemanager.ResourceManager
            launch nodemanager org.apache.hadoop.yarn.server.nodemanager.NodeManager
            await resourcemanager "http://$resourcemanager_http/ws/v1/cluster/metrics" '"activeNodes":[1-9]'
            ;;
        *) usage ;;
    esac
    await_hdfs
    cat "$dir/ports"
}
stop() {
    local name pid i
    dir=$(realpath -m "$1")
    for name in httpfs nodemanager resourcemanager datanode namenode; do
        [ -e "$dir/run/$name.pid" ] || continue
        pid=$(cat "$dir/run/$name.pid")
        kill "$pid" 2>/dev/null || true
        for i in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$dir/run/$name.pid"
    done
}
case "${1:-}" in
    install) install_jars ;;
    start) [ $# = 3 ] || usage; start "$2" "$3" ;;
    stop) [ $# = 2 ] || usage; stop "$2" ;;
    env)
        [ $# = 2 ] || usage
        dir=$(realpath -m "$2")
        sed 's/^/export /' "$dir/ports"
        printf 'export HADOOP_CONF_DIR=%q LEAT_HADOOP_CLASSPATH=%q\n' "$dir/conf" "$jars/*"
        ;;
    alone)
        [ $# -ge 2 ] || usage
        shift
        flags=-n
        [ "$(id -u)" = 0 ] || flags=-rn
        exec unshare $flags bash -c 'ip link set lo up && exec "$@"' bash "$@"
        ;;
    *) usage ;;
esac
