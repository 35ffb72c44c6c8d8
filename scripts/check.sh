#!/usr/bin/env bash
# Checks of the source text: format, the walls between rooms, sizes, leftovers. Prints what is wrong; exit 1 if anything is.
# `--changed`: only files that differ from main.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
wrong=0
complain() { printf '%s\n' "$@"; wrong=1; }
sources=$(git ls-files '*.c' '*.h')
if [ "${1:-}" = --changed ]; then
    sources=$(git diff --name-only --diff-filter=d main -- '*.c' '*.h')
    [ -n "$sources" ] || exit 0
fi

# Format, as .clang-format says.
if command -v clang-format >/dev/null; then
    bad=$(printf '%s\n' "$sources" | grep -v '_table\.c$' | xargs clang-format --dry-run --Werror 2>&1 | grep -oE '^[^:]+\.[ch]:' | sort -u | head -20)
    [ -z "$bad" ] || complain "not formatted (clang-format -i):" "$bad"
fi

# Mistakes that .clang-tidy's list finds, with the flags of the release build.
if command -v clang-tidy >/dev/null && [ -e build/release/compile_commands.json ]; then
    bad=$(printf '%s\n' "$sources" | grep '\.c$' | grep -vE '^(tests|examples)/' |
        xargs -P "$(nproc)" -n 8 clang-tidy -p build/release --quiet --extra-arg=-Wno-everything 2>/dev/null | grep -E ' (warning|error): ' | sort -u | head -20)
    [ -z "$bad" ] || complain "clang-tidy:" "$bad"
fi

# A room includes only itself and rooms above it; of another room no *_internal.h.
rooms=(base columns security formats storage ingestion compute orchestration monitoring api cli)
rank() { local i; for i in "${!rooms[@]}"; do [ "${rooms[$i]}" = "$1" ] && { echo "$i"; return; }; done; echo -1; }
while IFS=: read -r file include; do
    from=${file%%/*} to=${include%%/*}
    [ "$(rank "$from")" -ge 0 ] && [ "$(rank "$to")" -ge 0 ] || continue
    [ "$(rank "$to")" -le "$(rank "$from")" ] || complain "$file includes $include: $to lies below $from"
    case $include in *_internal.h) [ "$from" = "$to" ] || complain "$file includes $include: internal to $to" ;; esac
done < <(printf '%s\n' "$sources" | grep -vE '_test\.c$|^tests/|^bench/' | xargs grep -HoE '^#include "[^"]+"' | sed -E 's/#include "([^"]+)"/\1/')
# Inside compute: kernels, sql, plan, exec, stream, hosts.
parts=(kernels sql plan exec stream hosts)
part() { local i; for i in "${!parts[@]}"; do [ "${parts[$i]}" = "$1" ] && { echo "$i"; return; }; done; echo 99; }
while IFS=: read -r file include; do
    a=$(cut -d/ -f2 <<<"$file") b=$(cut -d/ -f2 <<<"$include")
    [ "$(part "$b")" -le "$(part "$a")" ] || complain "$file includes $include: compute/$b lies below compute/$a"
done < <(git ls-files 'compute/*.[ch]' | grep -v _test | xargs -r grep -HoE '^#include "compute/[^"]+"' | sed -E 's/#include "([^"]+)"/\1/')

# Sizes: files of 1,000 lines are refused.
while read -r lines file; do
    [ "$file" = total ] || [ "$lines" -lt 1000 ] || complain "$file has $lines lines"
done < <(printf '%s\n' "$sources" | grep -vE '_table\.c$' | xargs wc -l)

# Leftovers.
left=$(git grep -nE '\b(TODO|FIXME|XXX)\b' -- '*.c' '*.h' '*.py' '*.md' | head)
[ -z "$left" ] || complain "leftovers:" "$left"

# Library code prints nothing on standard output and ends no process.
left=$(git ls-files '*.c' | grep -vE '^(cli|tests|bench)/|_test\.c$' | xargs grep -nE '(^|[^_a-zA-Z>])(printf|puts|exit|abort|strtod|setlocale)\(' | grep -vE '^base/(fault|system)\.c' | head)
[ -z "$left" ] || complain "not in library code:" "$left"
exit $wrong
