/*
 * count, sum and avg.
 *
 * Integer and decimal sums are 128 bits wide, so that no intermediate result overflows; the result
 * is checked against its type at the end. A batch that belongs to one group is added up in a local
 * variable. Sums of floating-point values are exact (exact_sum.h).
 */
#include "compute/kernels/aggregate_internal.h"
#include "compute/kernels/exact_sum.h"

#include <math.h>

enum leat_status aggregate_null(struct leat_vector *out, uint32_t row, uint32_t rows,
                                struct leat_arena *arena, struct leat_error *err)
{
    LEAT_TRY(leat_vector_make_validity(out, rows, arena, err));
    leat_validity_set(out->validity, row, false);
    return LEAT_OK;
}

/* --- count --- */

static enum leat_status count_update(UPDATE_ARGS)
{
    (void)call;
    (void)arena;
    (void)err;
    bool all = call->arg_count == 0 ||
               (args[0].type->id != LEAT_NULL && !args[0].validity &&
                (args[0].form != LEAT_DICTIONARY || !args[0].dictionary->validity));
    if (all && !group_of) {
        *(uint64_t *)states += count;
        return LEAT_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        if (all || !leat_vector_is_null(&args[0], row))
            ++*STATE(uint64_t, row);
    }
    return LEAT_OK;
}

static enum leat_status count_merge(MERGE_ARGS)
{
    (void)call;
    (void)arena;
    (void)err;
    *(uint64_t *)into += *(const uint64_t *)from;
    return LEAT_OK;
}

static enum leat_status count_finish(FINISH_ARGS)
{
    (void)call;
    (void)arena;
    (void)err;
    for (uint32_t i = 0; i < count; i++)
        ((int64_t *)out->data)[out->length++] = (int64_t)*NTH(uint64_t, i);
    return LEAT_OK;
}

static enum leat_status count_put(PUT_ARGS)
{
    (void)call;
    return leat_buffer_put_u64(out, *(const uint64_t *)state, err);
}

static enum leat_status count_read(READ_ARGS)
{
    (void)call;
    (void)arena;
    return leat_cursor_get_u64(cursor, state, err);
}

const struct leat_aggregate_ops aggregate_count = {sizeof(uint64_t), count_update, count_merge,
                                                   count_finish,     count_put,    count_read};

/* --- sums of integers and decimals --- */

struct wide_sum {
    uint64_t low;
    int64_t high;
    uint64_t count; /* of values that are not null; bit 63: the sum wrapped */
};
#define WRAPPED ((uint64_t)1 << 63)

static inline leat_int128 sum_get(const struct wide_sum *sum)
{
    return (leat_int128)((leat_uint128)(uint64_t)sum->high << 64 | sum->low);
}

static inline void sum_add(struct wide_sum *sum, leat_int128 value, uint64_t rows)
{
    leat_int128 total;
    if (__builtin_add_overflow(sum_get(sum), value, &total))
        sum->count |= WRAPPED;
    sum->low = (uint64_t)total;
    sum->high = (int64_t)(total >> 64);
    sum->count += rows;
}

/* A 64-bit value: one add with carry. */
static inline void sum_add_small(struct wide_sum *sum, int64_t value)
{
    sum->high += (value >> 63) + __builtin_add_overflow(sum->low, (uint64_t)value, &sum->low);
    sum->count++;
}

/* The sum of rows of one group; halves of 32 bits are added up by themselves, so that no carry is
 * waited for. */
#define SUM_ONE(taken, index)                                                                      \
    do {                                                                                           \
        uint64_t lower = 0;                                                                        \
        int64_t upper = 0;                                                                         \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            uint32_t row = taken;                                                                  \
            int64_t value = (int64_t)values[index];                                                \
            lower += (uint32_t)value;                                                              \
            upper += value >> 32;                                                                  \
        }                                                                                          \
        sum_add(states, (leat_int128)upper *((leat_int128)1 << 32) + lower, count);                \
    } while (0)

#define SUM_LOOP(ctype)                                                                            \
    do {                                                                                           \
        const ctype *values = (const ctype *)base->data;                                           \
        if (!group_of && !nulls && arg->form == LEAT_FLAT && !selection) {                         \
            SUM_ONE(i, row);                                                                       \
        } else if (!group_of && !nulls && arg->form == LEAT_FLAT) {                                \
            SUM_ONE(selection[i], row);                                                            \
        } else if (!group_of && !nulls && arg->form == LEAT_DICTIONARY) {                          \
            SUM_ONE(TAKEN(i), arg->codes[row]);                                                    \
        } else if (!nulls && arg->form == LEAT_FLAT) {                                             \
            for (uint32_t i = 0; i < count; i++) {                                                 \
                uint32_t row = TAKEN(i);                                                           \
                sum_add_small(STATE(struct wide_sum, row), (int64_t)values[row]);                  \
            }                                                                                      \
        } else {                                                                                   \
            for (uint32_t i = 0; i < count; i++) {                                                 \
                uint32_t row = TAKEN(i);                                                           \
                if (nulls && leat_vector_is_null(arg, row))                                        \
                    continue;                                                                      \
                uint32_t at = arg->form == LEAT_FLAT       ? row                                   \
                              : arg->form == LEAT_CONSTANT ? 0                                     \
                                                           : arg->codes[row];                      \
                sum_add_small(STATE(struct wide_sum, row), (int64_t)values[at]);                   \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Decimals of more than 18 digits. */
static void sum_wide(void *states, size_t stride, const uint32_t *group_of,
                     const uint32_t *selection, uint32_t count, const struct leat_vector *arg,
                     bool nulls)
{
    const struct leat_vector *base;

    if (!group_of && !nulls && arg->form == LEAT_FLAT) {
        const leat_int128 *values = arg->data;
        leat_int128 total = 0;
        bool wrapped = false;
        for (uint32_t i = 0; i < count; i++)
            wrapped |= __builtin_add_overflow(total, values[TAKEN(i)], &total);
        if (!wrapped) {
            sum_add(states, total, count);
            return;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        if (nulls && leat_vector_is_null(arg, row))
            continue;
        uint32_t at = leat_vector_locate(arg, row, &base);
        sum_add(STATE(struct wide_sum, row), ((const leat_int128 *)base->data)[at], 1);
    }
}

static enum leat_status sum_update(UPDATE_ARGS)
{
    const struct leat_vector *arg = &args[0];
    const struct leat_vector *base = arg->form == LEAT_DICTIONARY ? arg->dictionary : arg;
    bool nulls = arg->validity || base->validity;

    (void)call;
    (void)arena;
    (void)err;
    switch (arg->type->id) {
    case LEAT_NULL:
        break;
    case LEAT_INT8:
        SUM_LOOP(int8_t);
        break;
    case LEAT_INT16:
        SUM_LOOP(int16_t);
        break;
    case LEAT_INT32:
        SUM_LOOP(int32_t);
        break;
    case LEAT_INT64:
        SUM_LOOP(int64_t);
        break;
    default:
        if (leat_type_is_small_decimal(arg->type)) {
            SUM_LOOP(int64_t);
            break;
        }
        sum_wide(states, stride, group_of, selection, count, arg, nulls);
    }
    return LEAT_OK;
}

static enum leat_status sum_merge(MERGE_ARGS)
{
    const struct wide_sum *other = from;
    (void)call;
    (void)arena;
    (void)err;
    sum_add(into, sum_get(other), other->count);
    ((struct wide_sum *)into)->count |= other->count & WRAPPED;
    return LEAT_OK;
}

static enum leat_status sum_put(PUT_ARGS)
{
    const struct wide_sum *sum = state;
    (void)call;
    LEAT_TRY(leat_buffer_put_u64(out, sum->low, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)sum->high, err));
    return leat_buffer_put_u64(out, sum->count, err);
}

static enum leat_status sum_read(READ_ARGS)
{
    struct wide_sum *sum = state;
    uint64_t high;
    (void)call;
    (void)arena;
    LEAT_TRY(leat_cursor_get_u64(cursor, &sum->low, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &high, err));
    sum->high = (int64_t)high;
    return leat_cursor_get_u64(cursor, &sum->count, err);
}

static enum leat_status sum_integer_finish(FINISH_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct wide_sum *sum = NTH(struct wide_sum, i);
        uint32_t row = out->length++;
        leat_int128 total = sum_get(sum);
        if (sum->count == 0)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
        else if ((sum->count & WRAPPED) || total < INT64_MIN || total > INT64_MAX)
            return error_overflow(call->type, err);
        ((int64_t *)out->data)[row] = (int64_t)total;
    }
    return LEAT_OK;
}

static enum leat_status sum_decimal_finish(FINISH_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct wide_sum *sum = NTH(struct wide_sum, i);
        uint32_t row = out->length++;
        leat_int128 total = sum_get(sum);
        if (sum->count == 0)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
        else if ((sum->count & WRAPPED) || total >= leat_power_of_ten[38] ||
                 total <= -leat_power_of_ten[38])
            return error_overflow(call->type, err);
        decimal_store(out, row, total);
    }
    return LEAT_OK;
}

/* The quotient has the result's scale. */
static enum leat_status avg_finish(FINISH_ARGS)
{
    const struct leat_type *arg = call->args[0]->type;
    unsigned digits = call->type->scale - (arg->id == LEAT_DECIMAL ? arg->scale : 0u);

    for (uint32_t i = 0; i < count; i++) {
        const struct wide_sum *sum = NTH(struct wide_sum, i);
        uint32_t row = out->length++;
        leat_int128 quotient = 0;
        if (sum->count == 0)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
        else if ((sum->count & WRAPPED) ||
                 !decimal_divide(sum_get(sum), digits, (leat_int128)sum->count, &quotient))
            return error_overflow(call->type, err);
        decimal_store(out, row, quotient);
    }
    return LEAT_OK;
}

const struct leat_aggregate_ops aggregate_sum_integer = {
    sizeof(struct wide_sum), sum_update, sum_merge, sum_integer_finish, sum_put, sum_read};
const struct leat_aggregate_ops aggregate_sum_decimal = {
    sizeof(struct wide_sum), sum_update, sum_merge, sum_decimal_finish, sum_put, sum_read};
const struct leat_aggregate_ops aggregate_avg = {
    sizeof(struct wide_sum), sum_update, sum_merge, avg_finish, sum_put, sum_read};

/* --- sums of floating-point values --- */

struct real_sum {
    struct exact_sum sum;
    uint64_t count;
};

static enum leat_status real_update(UPDATE_ARGS)
{
    const struct leat_vector *arg = &args[0], *base;
    bool single = arg->type->id == LEAT_FLOAT;
    bool nulls = arg->validity || arg->type->id == LEAT_NULL ||
                 (arg->form == LEAT_DICTIONARY && arg->dictionary->validity);

    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        if (nulls && leat_vector_is_null(arg, row))
            continue;
        uint32_t at = leat_vector_locate(arg, row, &base);
        struct real_sum *state = STATE(struct real_sum, row);
        double value =
            single ? (double)((const float *)base->data)[at] : ((const double *)base->data)[at];
        state->count++;
        LEAT_TRY(exact_sum_add(&state->sum, value, arena, err));
    }
    return LEAT_OK;
}

static enum leat_status real_merge(MERGE_ARGS)
{
    const struct real_sum *other = from;
    (void)call;
    ((struct real_sum *)into)->count += other->count;
    return exact_sum_merge(&((struct real_sum *)into)->sum, &other->sum, arena, err);
}

static enum leat_status real_put(PUT_ARGS)
{
    const struct real_sum *sum = state;
    (void)call;
    LEAT_TRY(leat_buffer_put_u64(out, sum->count, err));
    return exact_sum_put(&sum->sum, out, err);
}

static enum leat_status real_read(READ_ARGS)
{
    struct real_sum *sum = state;
    (void)call;
    LEAT_TRY(leat_cursor_get_u64(cursor, &sum->count, err));
    return exact_sum_read(cursor, &sum->sum, arena, err);
}

static enum leat_status real_finish_as(FINISH_ARGS, bool average)
{
    bool single = call->type->id == LEAT_FLOAT;
    for (uint32_t i = 0; i < count; i++) {
        const struct real_sum *sum = NTH(struct real_sum, i);
        uint32_t row = out->length++;
        double value = 0;
        if (sum->count == 0) {
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
        } else {
            value = exact_sum_get(&sum->sum);
            if (!(sum->sum.specials & 7) && !isfinite(single ? (double)(float)value : value))
                return error_overflow(call->type, err);
            if (average)
                value /= (double)sum->count;
        }
        if (single)
            ((float *)out->data)[row] = (float)value;
        else
            ((double *)out->data)[row] = value;
    }
    return LEAT_OK;
}

static enum leat_status sum_real_finish(FINISH_ARGS)
{
    return real_finish_as(call, states, stride, count, out, arena, err, false);
}
static enum leat_status avg_real_finish(FINISH_ARGS)
{
    return real_finish_as(call, states, stride, count, out, arena, err, true);
}

const struct leat_aggregate_ops aggregate_sum_real = {
    sizeof(struct real_sum), real_update, real_merge, sum_real_finish, real_put, real_read};
const struct leat_aggregate_ops aggregate_avg_real = {
    sizeof(struct real_sum), real_update, real_merge, avg_real_finish, real_put, real_read};
