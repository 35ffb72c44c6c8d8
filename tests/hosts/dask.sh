# Sourced by run.sh: a Dask scheduler and two workers.
service=scripts/services/dask.sh
if ! python=$($service install); then
    skip dask "Dask could not be installed"
else
    trap '$service stop "$work/cluster"; rm -rf "$work"' EXIT
    export LEAT_PYTHON=$python
    # unit NAME COMMAND...: one case.
    unit() {
        local name=$1
        shift
        if (cd compute/dask && "$@") >"$work/log" 2>&1; then pass; else fail "$name" "$(tail -20 "$work/log")"; fi
    }
    unit "ruff check" "$python" -m ruff check --no-cache -q .
    unit "ruff format" "$python" -m ruff format --no-cache --check -q .
    (cd compute/dask && "$python" -B -m pytest -p no:cacheprovider -q --show-capture=no) >"$work/pytest" 2>&1
    ended=$(grep -E '^[0-9]+ (passed|failed).* in ' "$work/pytest")
    counted() { grep -oE "[0-9]+ $1" <<<"$ended" | grep -oE '[0-9]+' || echo 0; }
    passes=$((passes + $(counted passed))) fails=$((fails + $(counted failed) + $(counted error)))
    [ -n "$ended" ] && [ "$(counted failed)" = 0 ] || { grep -E '^(E  |FAILED)' "$work/pytest"; [ -n "$ended" ] || fail pytest "did not end"; }

    if address=$($service start "$work/cluster"); then
        matrix dask --master "$address"
        mkdir "$work/verify" "$work/lost" "$work/frame"
        part "dask verify" python3 -B tests/hosts/verify.py "$work/verify" --on dask --master "$address"
        part "dask frame" "$python" -B tests/hosts/dask_frame.py "$work/frame" "$address"
        LEAT_LOST_COORDINATOR=$work/cluster/scheduler.pid \
            part "dask lost" python3 -B tests/hosts/lost.py "$work/lost" --on dask --master "$address"
    else
        fail dask "the cluster did not start"
    fi
fi
