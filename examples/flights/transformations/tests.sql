CREATE TEST delays_are_averaged_by_carrier
GIVEN airlines (carrier, name) AS VALUES ('AA', 'American'), ('UA', 'United')
GIVEN flights (carrier, arr_delay, cancelled) AS
  VALUES ('AA', 10, false), ('AA', 20, false), ('UA', 90, false), ('UA', NULL, true)
EXPECT carrier_delays AS
  VALUES ('American', 2, 0, 15.0, 0), ('United', 2, 1, 90.0, 1);

CREATE TEST impossible_wind_is_kept_aside
GIVEN weather (origin, wind_speed) AS VALUES ('EWR', 10.0), ('JFK', 1048.4), ('LGA', NULL)
EXPECT QUARANTINE OF weather COUNT 1;
