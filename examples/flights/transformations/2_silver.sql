-- Clean flights: one row a flight that was planned.

CREATE STREAMING TABLE flights (
  CONSTRAINT known_origin EXPECT (origin IN ('EWR', 'JFK', 'LGA')) ON VIOLATION FAIL UPDATE,
  CONSTRAINT plausible_delay EXPECT (arr_delay BETWEEN -120 AND 1440) ON VIOLATION QUARANTINE ROW,
  CONSTRAINT has_plane EXPECT (tailnum IS NOT NULL) ON VIOLATION WARN,
  CONSTRAINT delivered_once EXPECT UNIQUE (scheduled_hour, carrier, flight) ON VIOLATION DROP ROW
)
COMMENT 'Flights, cleaned'
AS SELECT
  make_date(year, month, day) AS flight_date,
  carrier, flight, tailnum, origin, dest,
  time_hour AS scheduled_hour,
  dep_delay, arr_delay, air_time, distance,
  dep_time IS NULL AS cancelled,
  arr_time IS NOT NULL AND arr_delay IS NULL AS diverted
FROM STREAM(flights_raw);
