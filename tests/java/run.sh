#!/usr/bin/env bash
# The unit tests of the Java modules of compute/, and their format.
set -uo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
    skip java "needs Maven and a JDK of version 17"
    summary
    exit
fi
formatter=1.25.2
downloads=${LEAT_DOWNLOADS:-$root/build/downloads}
jar=$downloads/google-java-format-$formatter.jar
mkdir -p "$downloads"
if [ ! -e "$jar" ]; then
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dmdep.useBaseVersion=true -DoutputDirectory="$downloads/part-$$" \
        -Dartifact=com.google.googlejavaformat:google-java-format:$formatter:jar:all-deps >/dev/null 2>&1 &&
        mv "$downloads/part-$$"/*.jar "$jar"
    rm -rf "$downloads/part-$$"
fi
if [ -e "$jar" ]; then
    exports=()
    for part in api code file parser tree util; do exports+=("--add-exports=jdk.compiler/com.sun.tools.javac.$part=ALL-UNNAMED"); done
    bad=$(git ls-files 'compute/*.java' | xargs -r java "${exports[@]}" -jar "$jar" --dry-run)
    if [ -z "$bad" ]; then pass format; else fail format "google-java-format changes" $bad; fi
else
    skip format "google-java-format $formatter could not be downloaded"
fi
for module in $(sed -nE 's:.*<module>(.*)</module>.*:\1:p' compute/pom.xml); do
    rm -rf "build/java/leat-$module/surefire-reports"
    scripts/java.sh --test "$module" || fail "$module" "mvn package"
    for report in "build/java/leat-$module/surefire-reports"/TEST-*.xml; do
        [ -e "$report" ] || continue
        read -r run wrong skipped < <(sed -nE 's/.*<testsuite .* tests="([0-9]+)" errors="([0-9]+)" skipped="([0-9]+)" failures="([0-9]+)".*/\1 \2 \3 \4/p' "$report" |
            awk '{print $1, $2 + $4, $3}')
        passes=$((passes + run - wrong - skipped)) fails=$((fails + wrong)) skips=$((skips + skipped))
        [ "$wrong" = 0 ] || echo "FAIL $(basename "$report")"
    done
done
summary
