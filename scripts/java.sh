#!/usr/bin/env bash
# Builds Java modules of compute/: `scripts/java.sh spark` makes build/java/leat-spark/leat-spark-1.jar. Does nothing when it is newer than
# its sources. `--test` runs their unit tests too. What Maven needs it downloads once.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
test=-DskipTests
[ "${1:-}" != --test ] || { test=''; shift; }
[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
mkdir -p build/java
exec 9>build/java/lock
flock 9
needed=()
for module; do
    jar=build/java/leat-$module/leat-$module-1.jar
    if [ -z "$test" ] || [ ! -e "$jar" ] ||
        [ -n "$(find compute/pom.xml compute/jvm compute/"$module" -newer "$jar" -type f \( -name '*.java' -o -name pom.xml \) -print -quit)" ]; then
        needed+=("$module")
    fi
done
[ ${#needed[@]} -gt 0 ] || exit 0
modules=$(IFS=,; echo "${needed[*]}")
mvn() { command mvn -q -B -f compute/pom.xml -pl "$modules" -am $test package "$@"; }
# Without looking for anything in the network, which takes long; where something is missing, with it.
mvn -o >build/java/maven.log 2>&1 || mvn >build/java/maven.log 2>&1 || { grep -E 'ERROR|FAIL|Tests run' build/java/maven.log >&2; exit 1; }
