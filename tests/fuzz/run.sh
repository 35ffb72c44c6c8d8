#!/usr/bin/env bash
# Every fuzz target over its corpus (corpus/TARGET: small files of our own, among them past findings) and over the public
# test files of its format, with sanitizers. To fuzz: cmake --preset fuzz && cmake --build build/fuzz --target fuzzers, then
# build/fuzz/fuzz/csv_fuzz -max_total_time=600 FOLDER tests/fuzz/corpus/csv.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
suites=${LEAT_SUITES:-$root/../shared/suites}
build asan fuzzers || { fail fuzzers "do not build"; summary; exit; }
public() { # TARGET: folders of public files
    case $1 in
        csv) echo "$suites"/csv/csvs "$suites"/arrow/fuzz/csv ;;
        json) echo "$suites"/json/test_parsing "$suites"/csv/json ;;
        parquet) echo "$suites"/parquet/data "$suites"/parquet/bad_data "$suites"/arrow/fuzz/parquet ;;
        avro) echo "$suites"/avro ;;
        sql) echo "$suites"/tpch/queries ;;
    esac
}
for program in build/asan/fuzz/*_fuzz; do
    target=$(basename "$program" _fuzz)
    folders=()
    for folder in tests/fuzz/corpus/"$target" $(public "$target"); do
        [ -d "$folder" ] && folders+=("$folder")
    done
    [ ${#folders[@]} -gt 0 ] || { skip "$target" "no files"; continue; }
    if "$program" "${folders[@]}" >build/tests/fuzz-"$target".log 2>&1; then
        pass
        echo "$target: $(tail -1 build/tests/fuzz-"$target".log)"
        continue
    fi
    while read -r file; do # which one was it
        "$program" "$file" >build/tests/fuzz-"$target".log 2>&1 || {
            fail "$target" "$file"
            grep -E 'ERROR|runtime error|#[0-4] ' build/tests/fuzz-"$target".log | head -8
        }
    done < <(find "${folders[@]}" -type f)
done
summary
