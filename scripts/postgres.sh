# Sourced: start_postgres FOLDER starts a private PostgreSQL on a free port of 127.0.0.1 and sets PGHOST, PGPORT, PGUSER and
# PGDATABASE; stop_postgres FOLDER ends it. Works as root too (the server then runs as nobody).
pg_as() { # runs a command as the server's user
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups env -i PATH="$pg_bin:/usr/bin:/bin" LC_ALL=C.UTF-8 "$@"
    else
        env PATH="$pg_bin:$PATH" LC_ALL=C.UTF-8 "$@"
    fi
}
start_postgres() {
    local folder=$1
    pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    [ -n "$pg_bin" ] || { echo "no PostgreSQL server is installed" >&2; return 1; }
    rm -rf "$folder" && mkdir -p "$folder" && chmod 755 "$folder"
    [ "$(id -u)" != 0 ] || chown nobody:nogroup "$folder"
    cd "$folder" || return 1
    PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    pg_as initdb -D "$folder/data" -U leat -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 || return 1
    printf '%s\n' "listen_addresses='127.0.0.1'" "port=$PGPORT" "unix_socket_directories=''" fsync=off \
        "timezone='UTC'" "bytea_output='hex'" >>"$folder/data/postgresql.conf"
    pg_as pg_ctl -D "$folder/data" -w -t 60 -l "$folder/log" start >/dev/null || return 1
    cd - >/dev/null || return 1
    export PGHOST=127.0.0.1 PGPORT PGUSER=leat PGDATABASE=postgres
}
stop_postgres() { (cd "$1" && pg_as pg_ctl -D "$1/data" -m immediate stop >/dev/null 2>&1); }
