#!/usr/bin/env bash
# Installs what it needs, builds Leat, runs the example twice (the second time with new files), and shows what came out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
install_packages build
say "building build/release/leat"
mkdir -p build/release
build release leat
scripts/pack_worker.sh build/release/leat >/dev/null # for clusters
leat=$root/build/release/leat
work=$root/build/example-flights
rm -rf "$work"
mkdir -p "$work"
cp -r examples/flights/. "$work"
cd "$work"
say "first run: five days of flights"
"$leat" run
say "two more days arrive; second run takes only what is new"
cp -r more/* data/
"$leat" run
say "the tables"
"$leat" query --lake lake --format table -c 'SHOW TABLES'
say "what was kept aside"
"$leat" query --lake lake --format table -c "SELECT rule, message, convert_from(raw, 'UTF8') AS row FROM flights.weather_quarantine"
say "which carriers were late"
"$leat" query --lake lake --format table -c 'SELECT * FROM flights.carrier_delays ORDER BY mean_delay DESC LIMIT 5'
cat <<END

It works. What to try next:

  cd $work
  $leat query --lake lake                      a prompt; \\d lists the tables
  $leat query --lake lake -c 'SELECT * FROM flights.worst_routes LIMIT 10'
  $leat quarantine show weather                rows kept aside, with their bytes
  $leat test                                   the project's tests, in memory
  $leat check                                  after changing a file in transformations/
  less $root/docs/data_pipelines.md            the tutorial
END
