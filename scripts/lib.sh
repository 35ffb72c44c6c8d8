# Sourced by the other scripts: where things are, and how packages are installed.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }

# install_packages KIND...: installs what is missing of the packages of these kinds in scripts/packages.txt.
install_packages() {
    local missing=() kind name sudo=''
    command -v dpkg-query >/dev/null || { say "not a Debian system: install the packages of scripts/packages.txt yourself"; return 0; }
    for kind in "$@"; do
        while read -r name; do
            [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
        done < <(awk -v kind="$kind" '$1 == kind {print $2}' scripts/packages.txt)
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "needs root or sudo to install: ${missing[*]}" >&2; return 1; }
        sudo=sudo
    fi
    say "installing ${missing[*]}"
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build PRESET [TARGET...]: configures once and builds.
build() {
    local preset=$1
    shift
    [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
    cmake --build "build/$preset" ${1:+--target "$@"} >"build/$preset/build.log" 2>&1 || {
        grep -E 'error|warning' -A5 "build/$preset/build.log" >&2 || tail -30 "build/$preset/build.log" >&2
        return 1
    }
}

# venv NAME PACKAGE...: makes build/venv-NAME with these packages once; prints its python.
venv() {
    local folder=$root/build/venv-$1
    shift
    if [ ! -e "$folder/complete" ]; then
        rm -rf "$folder"
        python3 -m venv "$folder" >&2 && "$folder/bin/pip" install -q --disable-pip-version-check "$@" >&2 &&
            touch "$folder/complete" || return 1
    fi
    echo "$folder/bin/python"
}

free_ports() { # COUNT: as many ports that are free now
    python3 -c 'import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])' "$1"
}

# once FILE COMMAND...: runs the command, which makes the file, unless it is there; one process at a time.
once() {
    [ ! -e "$1" ] || return 0
    mkdir -p "$(dirname "$(dirname "$1")")"
    exec 9>"$(dirname "$1").lock"
    flock 9
    [ -e "$1" ] || "${@:2}" 9>&- || return 1
    exec 9>&-
}

# Counts of a test script: pass NAME, fail NAME TEXT, skip NAME TEXT; summary prints the closing line and gives the status.
passes=0 fails=0 skips=0
pass() { passes=$((passes + 1)); }
fail() { fails=$((fails + 1)); echo "FAIL $1: ${*:2}"; }
skip() { skips=$((skips + 1)); echo "skip $1: ${*:2}"; }
summary() { echo "$passes passed, $fails failed, $skips skipped"; [ "$fails" = 0 ]; }
