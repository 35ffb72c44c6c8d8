/* What the number parser and printers of this room share. */
#ifndef LEAT_COLUMNS_NUMBER_INTERNAL_H
#define LEAT_COLUMNS_NUMBER_INTERNAL_H

#include "columns/value.h"

#define LEAT_POWER_TABLE_MIN (-342)
#define LEAT_POWER_TABLE_MAX 324
/* [q - MIN][0] is the high, [1] the low word of the 128-bit fraction of 10^q. */
extern const uint64_t leat_power_table[LEAT_POWER_TABLE_MAX - LEAT_POWER_TABLE_MIN + 1][2];

/* Dates as people write them, beyond ISO: 19940131, 1994/1/31, 1/31/1994 (month first), 31.1.1994,
 * Jan 31 1994, 31 January 1994, 31-Jan-1994; optionally " BC". */
bool leat_parse_date_loose(const char *text, size_t length, int32_t *out);
/* A loose date, a blank or T, a time, and an optional zone. */
bool leat_parse_timestamp_loose(const char *text, size_t length, int64_t *out, bool *has_zone);
/* HH:MM[:SS[.f]] with an optional AM or PM. */
bool leat_parse_time_loose(const char *text, size_t length, int64_t *out);

/* Writes a value (not nested, not null) where a vector of its type keeps its data. */
void leat_value_store(const struct leat_value *value, void *data);

#endif
