/* Shared by the files of aggregate functions. */
#ifndef LEAT_COMPUTE_KERNELS_AGGREGATE_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_AGGREGATE_INTERNAL_H

#include "compute/kernels/kernels_internal.h"

/* Row r of the i-th row taken, and its state. group_of NULL: one group. */
#define TAKEN(i)       (selection ? selection[i] : (i))
#define STATE(type, r) ((type *)((char *)states + (group_of ? (size_t)group_of[r] * stride : 0)))
#define NTH(type, n)   ((const type *)((const char *)states + (size_t)(n)*stride))
#define UPDATE_ARGS                                                                                \
    const struct leat_aggregate *call, void *states, size_t stride, const uint32_t *group_of,      \
        const uint32_t *selection, uint32_t count, const struct leat_vector *args,                 \
        struct leat_arena *arena, struct leat_error *err
#define MERGE_ARGS                                                                                 \
    const struct leat_aggregate *call, void *into, const void *from, struct leat_arena *arena,     \
        struct leat_error *err
#define FINISH_ARGS                                                                                \
    const struct leat_aggregate *call, const void *states, size_t stride, uint32_t count,          \
        struct leat_vector *out, struct leat_arena *arena, struct leat_error *err
#define PUT_ARGS                                                                                   \
    const struct leat_aggregate *call, const void *state, struct leat_buffer *out,                 \
        struct leat_error *err
#define READ_ARGS                                                                                  \
    const struct leat_aggregate *call, struct leat_cursor *cursor, void *state,                    \
        struct leat_arena *arena, struct leat_error *err

/* Appends a null to a FLAT vector whose validity has room (made if needed for `count` rows). */
LEAT_CHECKED enum leat_status aggregate_null(struct leat_vector *out, uint32_t row, uint32_t rows,
                                             struct leat_arena *arena, struct leat_error *err);

/* Text that grows, in the arena: the state of string_agg and of json_agg and its kin. */
struct joined {
    char *data;
    size_t length;
    size_t capacity;
    bool seen; /* a row, which may have added nothing */
};
LEAT_CHECKED enum leat_status joined_append(struct joined *state, const void *bytes, size_t length,
                                            struct leat_arena *arena, struct leat_error *err);
LEAT_CHECKED enum leat_status joined_put(PUT_ARGS);
LEAT_CHECKED enum leat_status joined_read(READ_ARGS);

extern const struct leat_aggregate_ops aggregate_count, aggregate_sum_integer,
    aggregate_sum_decimal, aggregate_sum_real, aggregate_avg, aggregate_avg_real, aggregate_minimum,
    aggregate_maximum, aggregate_any, aggregate_first, aggregate_last, aggregate_bool_and,
    aggregate_bool_or, aggregate_bit_and, aggregate_bit_or, aggregate_bit_xor, aggregate_string_agg,
    aggregate_array_agg, aggregate_json, aggregate_moments, aggregate_pairs, aggregate_percentile;

#endif
