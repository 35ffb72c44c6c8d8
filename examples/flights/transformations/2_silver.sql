-- Clean flights: one row a flight that was planned, with readable times.

CREATE STREAMING TABLE flights (
  CONSTRAINT known_origin EXPECT (origin IN ('EWR', 'JFK', 'LGA')) ON VIOLATION FAIL UPDATE,
  CONSTRAINT plausible_delay EXPECT (arr_delay BETWEEN -120 AND 1440) ON VIOLATION QUARANTINE ROW,
  CONSTRAINT has_plane EXPECT (tailnum IS NOT NULL)
)
COMMENT 'Flights, cleaned'
AS SELECT
  make_date(year, month, day) AS flight_date,
  carrier, flight, tailnum, origin, dest,
  time_hour AS scheduled_hour,
  dep_delay, arr_delay, air_time, distance,
  dep_time IS NULL AS cancelled
FROM STREAM(flights_raw);
