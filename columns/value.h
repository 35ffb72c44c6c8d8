/*
 * A single typed value (a constant in a plan, a bound in a statistic, a default) and the text forms
 * of every type.
 */
#ifndef LEAT_COLUMNS_VALUE_H
#define LEAT_COLUMNS_VALUE_H

#include "columns/vector.h"

typedef __int128
    leat_int128; /* the one typedef: the compiler's name needs two words with unsigned */

struct leat_value {
    const struct leat_type *type;
    bool is_null;
    union {
        int64_t integer;       /* BOOLEAN, INT8..INT64, DATE, TIME, TIMESTAMP, TIMESTAMPTZ */
        leat_int128 decimal;   /* DECIMAL of any precision */
        double real;           /* FLOAT, DOUBLE */
        struct leat_text text; /* TEXT, JSON, BYTES; borrowed */
        struct leat_interval interval;
        uint8_t uuid[16];
        struct leat_vector *nested; /* LIST, STRUCT, MAP: row 0 of a vector */
    };
};

/* *out = a CONSTANT vector of `length` rows. The value's text must outlive it. */
LEAT_CHECKED enum leat_status leat_value_to_vector(const struct leat_value *value, uint32_t length,
                                                   struct leat_arena *arena,
                                                   struct leat_vector *out, struct leat_error *err);
/* The row's value; text is borrowed from the vector, nested values are views in the arena. */
LEAT_CHECKED enum leat_status leat_value_from_vector(const struct leat_vector *vector, uint32_t row,
                                                     struct leat_arena *arena,
                                                     struct leat_value *out,
                                                     struct leat_error *err);
/* Reads the text form of a type as PostgreSQL's input functions do (leading and trailing blanks
 * allowed; 'yes', 't', '1' for booleans; ISO and common date forms). A bad text is L2202 with the
 * type and the text. */
LEAT_CHECKED enum leat_status leat_value_parse(struct leat_text text, const struct leat_type *type,
                                               struct leat_arena *arena, struct leat_value *out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status leat_value_print(const struct leat_value *value,
                                               struct leat_buffer *out, struct leat_error *err);
/* Order of two non-null values of one type. */
int leat_value_compare(const struct leat_value *a, const struct leat_value *b);
LEAT_CHECKED enum leat_status leat_value_copy(const struct leat_value *value,
                                              struct leat_arena *arena, struct leat_value *out,
                                              struct leat_error *err);
LEAT_CHECKED enum leat_status leat_value_put(const struct leat_value *value,
                                             struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_value_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                              struct leat_value *out, struct leat_error *err);

/*
 * Fast text conversions, without locale, errno or allocation, for readers, casts and writers.
 * Parsers take exactly `length` bytes (no blanks around) and return false if the text is not wholly
 * of that form or out of range.
 */
bool leat_parse_int64(const char *text, size_t length, int64_t *out);
/* Correctly rounded; also "inf", "infinity", "nan" in any case. */
bool leat_parse_double(const char *text, size_t length, double *out);
/* To `scale` fractional digits; more digits round half away from zero; false above 10^precision.
 * Exponents allowed. */
bool leat_parse_decimal(const char *text, size_t length, unsigned precision, unsigned scale,
                        leat_int128 *out);
bool leat_parse_date(const char *text, size_t length, int32_t *out); /* YYYY-MM-DD */
bool leat_parse_time(const char *text, size_t length, int64_t *out); /* HH:MM[:SS[.ffffff]] */
/* YYYY-MM-DD[ T]HH:MM[:SS[.ffffff]][Z|+HH[:MM]]; *has_zone says whether a zone was given, *out is
 * then UTC. */
bool leat_parse_timestamp(const char *text, size_t length, int64_t *out, bool *has_zone);
bool leat_parse_interval(const char *text, size_t length,
                         struct leat_interval *out); /* PostgreSQL and ISO 8601 */
bool leat_parse_uuid(const char *text, size_t length, uint8_t out[16]);
bool leat_parse_boolean(const char *text, size_t length, bool *out);

/* Printers write at most the given size, without NUL, and return the length. */
#define LEAT_PRINT_MAX 80
size_t leat_print_int64(int64_t value, char out[LEAT_PRINT_MAX]);
size_t leat_print_double(double value,
                         char out[LEAT_PRINT_MAX]); /* shortest that reads back the same */
size_t leat_print_float(float value, char out[LEAT_PRINT_MAX]);
size_t leat_print_decimal(leat_int128 value, unsigned scale, char out[LEAT_PRINT_MAX]);
size_t leat_print_date(int32_t days, char out[LEAT_PRINT_MAX]);
size_t leat_print_time(int64_t microseconds, char out[LEAT_PRINT_MAX]);
size_t leat_print_timestamp(int64_t microseconds, bool with_zone,
                            char out[LEAT_PRINT_MAX]); /* zone shown as +00 */
size_t leat_print_interval(const struct leat_interval *interval, char out[LEAT_PRINT_MAX]);
size_t leat_print_uuid(const uint8_t uuid[16], char out[LEAT_PRINT_MAX]);

/* Proleptic Gregorian calendar. */
int32_t leat_days_from_civil(int64_t year, unsigned month, unsigned day);
void leat_civil_from_days(int32_t days, int64_t *year, unsigned *month, unsigned *day);
/* 10^n for n in 0..38. */
extern const leat_int128 leat_power_of_ten[39];

/* Whether the text is JSON (RFC 8259), nested 512 times at most. */
bool leat_json_valid(struct leat_text text);

#endif
