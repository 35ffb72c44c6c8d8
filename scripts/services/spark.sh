#!/usr/bin/env bash
# A real Spark on this machine: for tests, and to try what Leat does on it.
#
#   scripts/services/spark.sh install          prints SPARK_HOME; installs pyspark, which holds all of Spark, once
#   scripts/services/spark.sh start DIR [N]    a standalone master and N workers (2) of one core; prints the master's address
#   scripts/services/spark.sh env DIR          lines to be evaluated: SPARK_HOME, SPARK_CONF_DIR, SPARK_LOCAL_IP, master
#   scripts/services/spark.sh stop DIR         ends all of them
#
# SPARK_VERSION chooses another version than 4.3.0. Configuration, logs and process ids lie in DIR. Ports are free ones of 127.0.0.1; the
# second worker says that it is another machine, 127.0.0.2, as Spark tries a task a second time at once only elsewhere.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
version=${SPARK_VERSION:-4.3.0}
venv=${LEAT_DOWNLOADS:-$root/build/downloads}/spark-$version

usage() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
fetch_spark() {
    say "installing Spark $version"
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 && "$venv/bin/pip" install -q --disable-pip-version-check --no-compile "pyspark==$version" >&2 || return 1
    touch "$venv/complete"
}
install_spark() {
    once "$venv/complete" fetch_spark && echo "$venv"/lib/python3*/site-packages/pyspark
}
# await SECONDS COMMAND...: until the command succeeds.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}
alive_workers() { curl -s "http://127.0.0.1:$web/json/" | grep -q "\"aliveworkers\" : $workers"; }
start() {
    local home p i
    home=$(install_spark)
    workers=${1:-2}
    mkdir -p "$dir/conf" "$dir/local" "$dir/logs" "$dir/tmp"
    read -r -a p < <(free_ports $((2 + 2 * workers)))
    web=${p[1]}
    cat >"$dir/conf/spark-defaults.conf" <<END
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.ui.enabled false
spark.driver.memory 512m
spark.driver.extraJavaOptions -Djava.io.tmpdir=$dir/tmp -XX:+UseSerialGC -XX:TieredStopAtLevel=1
spark.executor.memory 512m
spark.executor.cores 1
spark.executor.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1
END
    cat >"$dir/env" <<END
export SPARK_HOME=$home SPARK_CONF_DIR=$dir/conf SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_DIRS=$dir/local
master=spark://127.0.0.1:${p[0]}
END
    . "$dir/env"
    export SPARK_DAEMON_MEMORY=256m SPARK_DAEMON_JAVA_OPTS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
    : >"$dir/pids"
    # setsid: an interrupt in a terminal is for what uses them.
    setsid "$home/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "${p[0]}" --webui-port "$web" \
        >"$dir/logs/master.log" 2>&1 </dev/null &
    echo $! >>"$dir/pids"
    for ((i = 1; i <= workers; i++)); do
        SPARK_LOCAL_IP=127.0.0.$i setsid "$home/bin/spark-class" org.apache.spark.deploy.worker.Worker --host "127.0.0.$i" --port "${p[2 * i]}" \
            --webui-port "${p[2 * i + 1]}" --cores 1 --memory 1g --work-dir "$dir/work$i" "$master" >"$dir/logs/worker$i.log" 2>&1 </dev/null &
        echo $! >>"$dir/pids"
    done
    if ! await 90 alive_workers; then
        echo "Spark's workers did not come: $dir/logs" >&2
        stop
        return 1
    fi
    echo "$master"
}
gone() { ! kill -0 "$1" 2>/dev/null; }
stop() {
    local pid
    [ -e "$dir/pids" ] || return 0
    while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$dir/pids"
    while read -r pid; do await 10 gone "$pid" || kill -9 "$pid" 2>/dev/null || true; done <"$dir/pids"
    rm -f "$dir/pids"
}

[ $# -ge 1 ] || usage
if [ "$1" = install ]; then
    install_spark
    exit
fi
[ $# -ge 2 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
case $1 in
    start) start "${3:-2}" ;;
    env) cat "$dir/env" ;;
    stop) stop ;;
    *) usage ;;
esac
