/*
 * Variance, standard deviation, covariance, correlation and linear regression.
 *
 * The sums of x, y, x*x, x*y and y*y are exact: a product of two doubles is the sum of two doubles
 * (by fused multiply-add), and both go to an exact sum. So the result does not depend on the order
 * of rows. The final formula is evaluated in 113-bit arithmetic. For numerics, whose values go
 * through double precision here, the result is a numeric of 16 fraction digits.
 */
#include "compute/kernels/aggregate_internal.h"
#include "compute/kernels/exact_sum.h"

#include <math.h>

enum { SUM_X, SUM_XX, SUM_Y, SUM_YY, SUM_XY, SUM_COUNT };

struct moments {
    uint64_t count;
    struct exact_sum sums[2]; /* x, xx */
};
struct pairs {
    uint64_t count;
    struct exact_sum sums[SUM_COUNT];
};

static enum leat_status add_product(struct exact_sum *sum, double a, double b,
                                    struct leat_arena *arena, struct leat_error *err)
{
    double product = a * b;
    LEAT_TRY(exact_sum_add(sum, product, arena, err));
    if (isfinite(product))
        return exact_sum_add(sum, fma(a, b, -product), arena, err);
    return LEAT_OK;
}

static double value_at(const struct leat_vector *vector, uint32_t row)
{
    const struct leat_vector *base;
    uint32_t at = leat_vector_locate(vector, row, &base);
    switch (base->type->id) {
    case LEAT_INT8:
        return ((const int8_t *)base->data)[at];
    case LEAT_INT16:
        return ((const int16_t *)base->data)[at];
    case LEAT_INT32:
        return ((const int32_t *)base->data)[at];
    case LEAT_INT64:
        return (double)((const int64_t *)base->data)[at];
    case LEAT_FLOAT:
        return ((const float *)base->data)[at];
    case LEAT_DECIMAL:
        return decimal_to_double(decimal_load(base, at), base->type->scale);
    default:
        return ((const double *)base->data)[at];
    }
}

static enum leat_status moments_update(UPDATE_ARGS)
{
    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        struct moments *state = STATE(struct moments, row);
        if (leat_vector_is_null(&args[0], row))
            continue;
        double x = value_at(&args[0], row);
        state->count++;
        LEAT_TRY(exact_sum_add(&state->sums[0], x, arena, err));
        LEAT_TRY(add_product(&state->sums[1], x, x, arena, err));
    }
    return LEAT_OK;
}

/* Called as f(y, x). */
static enum leat_status pairs_update(UPDATE_ARGS)
{
    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        struct pairs *state = STATE(struct pairs, row);
        if (leat_vector_is_null(&args[0], row) || leat_vector_is_null(&args[1], row))
            continue;
        double y = value_at(&args[0], row), x = value_at(&args[1], row);
        state->count++;
        LEAT_TRY(exact_sum_add(&state->sums[SUM_X], x, arena, err));
        LEAT_TRY(exact_sum_add(&state->sums[SUM_Y], y, arena, err));
        LEAT_TRY(add_product(&state->sums[SUM_XX], x, x, arena, err));
        LEAT_TRY(add_product(&state->sums[SUM_YY], y, y, arena, err));
        LEAT_TRY(add_product(&state->sums[SUM_XY], x, y, arena, err));
    }
    return LEAT_OK;
}

static enum leat_status merge_sums(uint64_t *count, const uint64_t *other, struct exact_sum *into,
                                   const struct exact_sum *from, int sums, struct leat_arena *arena,
                                   struct leat_error *err)
{
    *count += *other;
    for (int k = 0; k < sums; k++)
        LEAT_TRY(exact_sum_merge(&into[k], &from[k], arena, err));
    return LEAT_OK;
}
static enum leat_status moments_merge(MERGE_ARGS)
{
    struct moments *a = into;
    const struct moments *b = from;
    (void)call;
    return merge_sums(&a->count, &b->count, a->sums, b->sums, 2, arena, err);
}
static enum leat_status pairs_merge(MERGE_ARGS)
{
    struct pairs *a = into;
    const struct pairs *b = from;
    (void)call;
    return merge_sums(&a->count, &b->count, a->sums, b->sums, SUM_COUNT, arena, err);
}

static enum leat_status put_sums(uint64_t count, const struct exact_sum *sums, int number,
                                 struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u64(out, count, err));
    for (int k = 0; k < number; k++)
        LEAT_TRY(exact_sum_put(&sums[k], out, err));
    return LEAT_OK;
}
static enum leat_status moments_put(PUT_ARGS)
{
    const struct moments *moments = state;
    (void)call;
    return put_sums(moments->count, moments->sums, 2, out, err);
}
static enum leat_status pairs_put(PUT_ARGS)
{
    const struct pairs *pairs = state;
    (void)call;
    return put_sums(pairs->count, pairs->sums, SUM_COUNT, out, err);
}

static enum leat_status read_sums(struct leat_cursor *cursor, uint64_t *count,
                                  struct exact_sum *sums, int number, struct leat_arena *arena,
                                  struct leat_error *err)
{
    LEAT_TRY(leat_cursor_get_u64(cursor, count, err));
    for (int k = 0; k < number; k++)
        LEAT_TRY(exact_sum_read(cursor, &sums[k], arena, err));
    return LEAT_OK;
}
static enum leat_status moments_read(READ_ARGS)
{
    struct moments *moments = state;
    (void)call;
    return read_sums(cursor, &moments->count, moments->sums, 2, arena, err);
}
static enum leat_status pairs_read(READ_ARGS)
{
    struct pairs *pairs = state;
    (void)call;
    return read_sums(cursor, &pairs->count, pairs->sums, SUM_COUNT, arena, err);
}

/* Square root by one Newton step from the double's root. */
static __float128 root(__float128 value)
{
    __float128 guess = sqrt((double)value);
    if (!(guess > 0) || isinf((double)guess))
        return guess;
    guess = (guess + value / guess) / 2;
    return (guess + value / guess) / 2;
}

/* 128 bits to the result's type, doubles or numerics of scale 16. */
static enum leat_status store(struct leat_vector *out, uint32_t row, __float128 value,
                              struct leat_error *err)
{
    if (out->type->id == LEAT_DOUBLE) {
        ((double *)out->data)[row] = (double)value;
        return LEAT_OK;
    }
    __float128 scaled = value * (__float128)leat_power_of_ten[out->type->scale];
    scaled += scaled < 0 ? -0.5 : 0.5;
    if (!(scaled < 1e38 && scaled > -1e38))
        return error_overflow(out->type, err);
    ((leat_int128 *)out->data)[row] = (leat_int128)scaled;
    return LEAT_OK;
}

static enum leat_status moments_finish(FINISH_ARGS)
{
    const char *name = call->function->name;
    bool population = strstr(name, "_pop") != NULL, deviation = strncmp(name, "stddev", 6) == 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct moments *state = NTH(struct moments, i);
        uint32_t row = out->length++;
        if (state->count < (population ? 1u : 2u)) {
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
            continue;
        }
        __float128 n = (__float128)state->count, x = exact_sum_get_quad(&state->sums[0]);
        __float128 spread = n * exact_sum_get_quad(&state->sums[1]) - x * x;
        if (spread < 0)
            spread = 0;
        spread /= n * (population ? n : n - 1);
        LEAT_TRY(store(out, row, deviation ? root(spread) : spread, err));
    }
    return LEAT_OK;
}

/* False: the result is null. */
static bool pair_result(const char *name, const struct pairs *state, double *out)
{
    __float128 n = (__float128)state->count;
    __float128 x = exact_sum_get_quad(&state->sums[SUM_X]);
    __float128 y = exact_sum_get_quad(&state->sums[SUM_Y]);
    __float128 sxx = exact_sum_get_quad(&state->sums[SUM_XX]) * n - x * x;
    __float128 syy = exact_sum_get_quad(&state->sums[SUM_YY]) * n - y * y;
    __float128 sxy = exact_sum_get_quad(&state->sums[SUM_XY]) * n - x * y;

    if (state->count == 0)
        return false;
    if (strcmp(name, "covar_pop") == 0)
        *out = (double)(sxy / (n * n));
    else if (strcmp(name, "covar_samp") == 0)
        *out = (double)(sxy / (n * (n - 1)));
    else if (strcmp(name, "corr") == 0)
        *out = (double)(sxy / root(sxx * syy));
    else if (strcmp(name, "regr_slope") == 0)
        *out = (double)(sxy / sxx);
    else if (strcmp(name, "regr_intercept") == 0)
        *out = (double)((y - sxy / sxx * x) / n);
    else if (strcmp(name, "regr_r2") == 0)
        *out = syy == 0 ? 1.0 : (double)(sxy * sxy / (sxx * syy));
    else if (strcmp(name, "regr_avgx") == 0)
        *out = (double)(x / n);
    else
        *out = (double)(y / n);
    if (strcmp(name, "covar_samp") == 0)
        return state->count > 1;
    if (strcmp(name, "corr") == 0)
        return sxx != 0 && syy != 0;
    return strncmp(name, "regr_", 5) != 0 || strncmp(name, "regr_avg", 8) == 0 || sxx != 0;
}

static enum leat_status pairs_finish(FINISH_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = out->length++;
        if (strcmp(call->function->name, "regr_count") == 0)
            ((int64_t *)out->data)[row] = (int64_t)NTH(struct pairs, i)->count;
        else if (!pair_result(call->function->name, NTH(struct pairs, i),
                              &((double *)out->data)[row]))
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
    }
    return LEAT_OK;
}

const struct leat_aggregate_ops aggregate_moments = {
    sizeof(struct moments), moments_update, moments_merge,
    moments_finish,         moments_put,    moments_read};
const struct leat_aggregate_ops aggregate_pairs = {sizeof(struct pairs), pairs_update, pairs_merge,
                                                   pairs_finish,         pairs_put,    pairs_read};
