-- Files as they come. Missing values are written NA. Rows that cannot be read go to the quarantine.

CREATE STREAMING TABLE flights_raw
COMMENT 'Departures from New York, one row a flight, as delivered'
AS SELECT * FROM STREAM read_csv('data/flights/*.csv', header => true, nulls => ['NA'], filename => true,
  types => {'year': 'int', 'month': 'int', 'day': 'int', 'dep_time': 'int', 'sched_dep_time': 'int',
            'dep_delay': 'int', 'arr_time': 'int', 'sched_arr_time': 'int', 'arr_delay': 'int', 'carrier': 'text',
            'flight': 'int', 'tailnum': 'text', 'origin': 'text', 'dest': 'text', 'air_time': 'int',
            'distance': 'int', 'hour': 'int', 'minute': 'int', 'time_hour': 'timestamptz'});

CREATE STREAMING TABLE weather (
  CONSTRAINT possible_wind EXPECT (wind_speed < 200) ON VIOLATION QUARANTINE ROW
)
COMMENT 'Hourly weather at the three airports'
AS SELECT origin, time_hour,
  nullif(temp, 'NA')::double precision AS temp,
  nullif(humid, 'NA')::double precision AS humid,
  nullif(wind_dir, 'NA')::integer AS wind_dir,
  nullif(wind_speed, 'NA')::double precision AS wind_speed,
  nullif(wind_gust, 'NA')::double precision AS wind_gust,
  precip,
  nullif(pressure, 'NA')::double precision AS pressure,
  visib
FROM STREAM read_json('data/weather/*.ndjson',
  columns => {'origin': 'text', 'time_hour': 'timestamptz', 'temp': 'text', 'humid': 'text', 'wind_dir': 'text',
              'wind_speed': 'text', 'wind_gust': 'text', 'precip': 'double', 'pressure': 'text', 'visib': 'double'});

CREATE MATERIALIZED VIEW airlines AS
SELECT carrier, name FROM read_csv('data/airlines.csv');

-- Codes of three letters are airports with scheduled flights; the others (heliports, fields) are dropped and counted.
-- Put right: one pair of coordinates is swapped, two longitudes lack their sign (the given time zone follows from that
-- error), two names hold backslashes.
CREATE MATERIALIZED VIEW airports (
  CONSTRAINT one_row_an_airport EXPECT UNIQUE (faa) ON VIOLATION FAIL UPDATE,
  CONSTRAINT has_letters EXPECT (faa ~ '^[A-Z]{3}$') ON VIOLATION DROP ROW
)
COMMENT 'Airports, coordinates put right'
AS SELECT faa, replace(name, '\', '') AS name,
  CASE WHEN lat > 72 THEN lon ELSE lat END AS lat,
  CASE WHEN lat > 72 THEN -lat WHEN tzone = 'Asia/Chongqing' THEN -abs(lon) ELSE lon END AS lon,
  alt, nullif(tzone, 'Asia/Chongqing') AS tzone
FROM read_csv('data/airports.csv', nulls => ['NA', '\N']);

CREATE MATERIALIZED VIEW planes AS
SELECT tailnum, year AS built,
  CASE WHEN manufacturer LIKE 'AIRBUS%' THEN 'AIRBUS'
       WHEN manufacturer LIKE 'MCDONNELL DOUGLAS%' THEN 'MCDONNELL DOUGLAS'
       ELSE manufacturer END AS manufacturer,
  model, seats
FROM read_csv('data/planes.csv', nulls => ['NA']);
