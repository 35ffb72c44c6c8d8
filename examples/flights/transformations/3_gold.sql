-- Answers.

CREATE MATERIALIZED VIEW carrier_delays
COMMENT 'How late each carrier is'
AS SELECT a.name AS carrier, count(*) AS flights,
  count(*) FILTER (WHERE f.cancelled) AS cancelled,
  avg(f.arr_delay)::numeric(6,1) AS mean_delay,
  count(*) FILTER (WHERE f.arr_delay > 60) AS over_an_hour
FROM flights f JOIN airlines a ON a.carrier = f.carrier
GROUP BY a.name;

CREATE MATERIALIZED VIEW worst_routes
COMMENT 'Routes with at least five flights, latest first'
AS SELECT f.origin, f.dest, coalesce(p.name, 'unknown airport') AS airport, count(*) AS flights,
  avg(f.arr_delay)::numeric(6,1) AS mean_delay
FROM flights f LEFT JOIN airports p ON p.faa = f.dest
WHERE NOT f.cancelled
GROUP BY f.origin, f.dest, p.name
HAVING count(*) >= 5
ORDER BY mean_delay DESC NULLS LAST
LIMIT 20;

CREATE MATERIALIZED VIEW weather_effect
COMMENT 'Departure delay by the weather at the airport in the scheduled hour'
AS SELECT CASE WHEN w.origin IS NULL THEN 'unknown'
               WHEN w.visib < 3 THEN 'low visibility'
               WHEN w.precip > 0 THEN 'rain or snow'
               WHEN w.wind_speed > 20 THEN 'wind'
               ELSE 'fair' END AS weather,
  count(*) AS flights, avg(f.dep_delay)::numeric(6,1) AS mean_delay,
  count(*) FILTER (WHERE f.cancelled) AS cancelled
FROM flights f LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = f.scheduled_hour
GROUP BY 1;

CREATE MATERIALIZED VIEW manufacturers
COMMENT 'Flights and seats by maker of the plane'
AS SELECT coalesce(p.manufacturer, 'unknown') AS manufacturer, count(*) AS flights, sum(p.seats) AS seats
FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum
GROUP BY 1;
