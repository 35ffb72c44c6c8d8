-- Answers.

CREATE MATERIALIZED VIEW carrier_delays
COMMENT 'How late each carrier is'
AS SELECT a.name AS carrier, count(*) AS flights,
  count(*) FILTER (WHERE f.cancelled) AS cancelled,
  round(avg(f.arr_delay), 1) AS mean_delay,
  count(*) FILTER (WHERE f.arr_delay > 60) AS over_an_hour
FROM flights f JOIN airlines a ON a.carrier = f.carrier
GROUP BY a.name;

CREATE MATERIALIZED VIEW worst_routes
COMMENT 'Routes with at least five flights, latest first'
AS SELECT f.origin, f.dest, coalesce(p.name, 'unknown airport') AS airport, count(*) AS flights,
  round(avg(f.arr_delay), 1) AS mean_delay
FROM flights f LEFT JOIN airports p ON p.faa = f.dest
WHERE NOT f.cancelled
GROUP BY f.origin, f.dest, p.name
HAVING count(*) >= 5
ORDER BY mean_delay DESC NULLS LAST
LIMIT 20;

CREATE MATERIALIZED VIEW weather_effect (
  CONSTRAINT has_flights EXPECT (flights > 0) ON VIOLATION DROP ROW
)
COMMENT 'Departure delay by visibility'
AS SELECT CASE WHEN w.visib IS NULL THEN 'no weather'
               WHEN w.visib < 3 THEN 'low' WHEN w.visib < 8 THEN 'medium' ELSE 'good' END AS visibility,
  count(*) AS flights, round(avg(f.dep_delay), 1) AS mean_delay,
  count(*) FILTER (WHERE f.cancelled) AS cancelled
FROM flights f LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = f.scheduled_hour
GROUP BY 1;

CREATE MATERIALIZED VIEW manufacturers
COMMENT 'Flights and seats by maker of the plane'
AS SELECT coalesce(p.manufacturer, 'unknown') AS manufacturer, count(*) AS flights, sum(p.seats) AS seats
FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum
GROUP BY 1;
