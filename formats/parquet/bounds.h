/*
 * Running statistics of values on their way into a file: bounds, null and NaN counts of a page, a
 * row group or a whole file.
 *
 * NaN never enters the bounds. A zero as lower bound is written as -0.0, as upper bound as +0.0.
 * Texts are kept to 64 bytes: a lower bound cut short is still a lower bound; an upper bound cut
 * short is raised when it is written, or left out where that cannot be done.
 */
#ifndef LEAT_FORMATS_PARQUET_BOUNDS_H
#define LEAT_FORMATS_PARQUET_BOUNDS_H

#include "columns/value.h"

#define PARQUET_BOUND_BYTES 64u

enum parquet_value_kind {
    PARQUET_VALUE_NONE,    /* type NULL: there are no values */
    PARQUET_VALUE_BOOLEAN, /* uint8_t */
    PARQUET_VALUE_INT32,
    PARQUET_VALUE_INT64,
    PARQUET_VALUE_FLOAT,
    PARQUET_VALUE_DOUBLE,
    PARQUET_VALUE_INT128, /* fixed, big-endian in the file */
    PARQUET_VALUE_UUID,
    PARQUET_VALUE_STRING /* struct leat_string */
};

struct parquet_bounds {
    enum parquet_value_kind kind;
    bool any;     /* bounds are set */
    bool max_cut; /* some value has the maximum as its first 64 bytes, and more */
    uint8_t min_length, max_length;
    uint64_t values; /* including nulls */
    uint64_t nulls;
    uint64_t nans;
    union {
        struct {
            int64_t min, max;
        } integer;
        struct {
            double min, max;
        } real;
        struct {
            leat_int128 min, max;
        } decimal;
        struct {
            uint8_t min[PARQUET_BOUND_BYTES], max[PARQUET_BOUND_BYTES];
        } text; /* and uuid */
    };
};

void parquet_bounds_init(struct parquet_bounds *bounds, enum parquet_value_kind kind);
/* `values` is a dense array of the kind's C type. Does not count. */
void parquet_bounds_add(struct parquet_bounds *bounds, const void *values, size_t count);
/* Whole numbers whose least and greatest are known. */
void parquet_bounds_add_range(struct parquet_bounds *bounds, int64_t low, int64_t high);
void parquet_bounds_merge(struct parquet_bounds *bounds, const struct parquet_bounds *other);
/* <0, 0, >0 of the lower (upper) bounds; both must be set. */
int parquet_bounds_compare(const struct parquet_bounds *a, const struct parquet_bounds *b,
                           bool upper);
/* The bound as the file holds it, at most 64 bytes; false if there is none. `utf8`: texts are cut
 * and raised by character. `fixed` is the width of INT128. *exact is false if it was cut. */
bool parquet_bounds_encode(const struct parquet_bounds *bounds, bool upper, bool utf8,
                           unsigned fixed, uint8_t out[PARQUET_BOUND_BYTES], size_t *length,
                           bool *exact);
/* The bound as a value of the type, texts cut to 16 characters (Iceberg's default); is_null if
 * there is none. */
LEAT_CHECKED enum leat_status parquet_bounds_value(const struct parquet_bounds *bounds, bool upper,
                                                   const struct leat_type *type,
                                                   struct leat_arena *arena, struct leat_value *out,
                                                   struct leat_error *err);

#endif
