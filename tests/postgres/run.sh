#!/usr/bin/env bash
# leat serve and the clients of PostgreSQL: the protocol byte by byte, failing allocations, psql, pgbench, psycopg, JDBC, node's pg.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
export LEAT=${LEAT:-$root/build/release/leat}
work=$(mktemp -d)
trap '[ -z "${server:-}" ] || kill "$server"; rm -rf "$work"' EXIT

# part NAME COMMAND...: a script's cases are counted.
part() {
    local name=$1 status p f s
    shift
    "$@" >"$work/log" 2>&1 && status=0 || status=1
    grep -vE '^[0-9]+ passed, ' "$work/log" || true
    read -r p f s < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$work/log")
    [ -n "${p:-}" ] || { fail "$name" "did not end"; return; }
    passes=$((passes + p)) fails=$((fails + f)) skips=$((skips + ${s:-0}))
    [ "$status" = 0 ] || [ "$f" != 0 ] || fail "$name" "exit code"
}

part protocol timeout 600 python3 -B tests/postgres/protocol.py
part allocations timeout 600 python3 -B tests/postgres/allocations.py "${LEAT_TEST_ALLOCATIONS:-1000}"
if command -v psql >/dev/null && [ -n "$(ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null || command -v pgbench)" ]; then
    mkdir "$work/clients"
    PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':') part psql timeout 600 python3 -B tests/postgres/clients.py "$work/clients"
else
    skip psql "there is no psql or pgbench"
fi
if python=$(venv postgres 'psycopg[binary]==3.2.3' 'psycopg2-binary==2.9.10' 2>"$work/pip.log"); then
    part psycopg timeout 600 "$python" -B tests/postgres/drivers.py
else
    skip psycopg "it cannot be installed: $(tail -1 "$work/pip.log")"
fi

port=$(free_ports 1)
"$LEAT" serve --postgres "127.0.0.1:$port" 2>"$work/serve.log" &
server=$!
until grep -qs Listening "$work/serve.log" || ! kill -0 $server 2>/dev/null; do sleep 0.05; done
driver=$(ls /usr/share/java/postgresql.jar 2>/dev/null)
if [ -n "$driver" ] && command -v javac >/dev/null; then
    part jdbc timeout 300 java -cp "$driver" tests/postgres/Jdbc.java "jdbc:postgresql://127.0.0.1:$port/db?user=java"
else
    skip jdbc "there is no JDK, or no /usr/share/java/postgresql.jar"
fi
command -v node >/dev/null || install_packages node >"$work/apt.log" 2>&1 || true
modules=/usr/share/nodejs
if [ ! -e $modules/pg ] && command -v npm >/dev/null; then
    once build/node/pg/complete npm install --silent --no-audit --no-fund --prefix build/node/pg pg@8.16.3 >"$work/npm.log" 2>&1 && touch build/node/pg/complete
    modules=$root/build/node/pg/node_modules
fi
if command -v node >/dev/null && [ -e "$modules/pg" ]; then
    NODE_PATH=$modules part node timeout 120 node tests/postgres/node.js "$port"
else
    skip node "there is no node with pg"
fi
summary
