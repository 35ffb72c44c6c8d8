/*
 * Arithmetic operators on numbers, and bit operators on integers.
 *
 * Each operation is one macro for a value type; loops are expanded for two vectors and for a
 * constant on either side. Overflow is gathered without branches for the whole batch; only if some
 * row overflowed are the rows that are not null looked at again. Decimal addition works on operands
 * already cast to the result's type; products keep their operands' types; quotients have at least
 * 16 fractional digits.
 */
#include "compute/kernels/kernels_internal.h"

#include <math.h>
#include <stdio.h>

enum leat_status error_overflow(const struct leat_type *type, struct leat_error *err)
{
    static const char *const names[] = {
        [LEAT_INT8] = "tinyint",    [LEAT_INT16] = "smallint", [LEAT_INT32] = "integer",
        [LEAT_INT64] = "bigint",    [LEAT_FLOAT] = "real",     [LEAT_DOUBLE] = "double precision",
        [LEAT_DECIMAL] = "numeric", [LEAT_TYPE_COUNT] = NULL};
    if (type->id == LEAT_DECIMAL)
        return leat_error_set(err, LEAT_E_OVERFLOW, "value out of range of numeric(%u,%u)",
                              type->precision, type->scale);
    return leat_error_set(err, LEAT_E_OVERFLOW, "%s out of range",
                          names[type->id] ? names[type->id] : "value");
}

enum leat_status error_division_by_zero(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_DIVISION_BY_ZERO, "division by zero");
}

/* Expands `body` with x and y for two vectors, or a constant on one side. */
#define EACH(ctype, body)                                                                          \
    if (b_constant) {                                                                              \
        const ctype y = b[0];                                                                      \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            const ctype x = a[i];                                                                  \
            body                                                                                   \
        }                                                                                          \
    } else if (a_constant) {                                                                       \
        const ctype x = a[0];                                                                      \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            const ctype y = b[i];                                                                  \
            body                                                                                   \
        }                                                                                          \
    } else {                                                                                       \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            const ctype x = a[i], y = b[i];                                                        \
            body                                                                                   \
        }                                                                                          \
    }

/* An operation that may overflow: BAD is not 0 then. `checked(x, y, &r)` is the exact test. */
#define DEFINE_CHECKED(name, ctype, utype, attribute, RESULT, BAD, builtin)                        \
    attribute static utype name##_loop(ctype *restrict out, const ctype *a, bool a_constant,       \
                                       const ctype *b, bool b_constant, uint32_t count)            \
    {                                                                                              \
        utype bad = 0;                                                                             \
        EACH(ctype, {                                                                              \
            const ctype r = (ctype)(RESULT);                                                       \
            bad = (utype)(bad | (utype)(BAD));                                                     \
            out[i] = r;                                                                            \
        })                                                                                         \
        return bad;                                                                                \
    }                                                                                              \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        const struct leat_vector *a = &call->args[0], *b = &call->args[1];                         \
        utype bad = name##_loop(call->out->data, a->data, a->form == LEAT_CONSTANT, b->data,       \
                                b->form == LEAT_CONSTANT, call->count);                            \
        if (!bad)                                                                                  \
            return LEAT_OK;                                                                        \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            ctype r;                                                                               \
            if (builtin(ARG(ctype, call, 0, i), ARG(ctype, call, 1, i), &r))                       \
                return error_overflow(call->type, err);                                            \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }

#define SIGN_OF(type, value) ((type)(value) >> (sizeof(type) * 8 - 1))
#define ADD(utype)           (utype)((utype)x + (utype)y)
#define ADD_BAD(utype)       SIGN_OF(utype, (utype)((utype)(x ^ r) & (utype)(y ^ r)))
#define SUB(utype)           (utype)((utype)x - (utype)y)
#define SUB_BAD(utype)       SIGN_OF(utype, (utype)((utype)(x ^ y) & (utype)(x ^ r)))
#define MUL_NARROW(wide)     ((wide)x * (wide)y)
#define MUL_BAD(wide)        ((wide)r != (wide)x * (wide)y)

DEFINE_CHECKED(add_int16, int16_t, uint16_t, LEAT_HOT, ADD(uint16_t), ADD_BAD(uint16_t),
               __builtin_add_overflow)
DEFINE_CHECKED(add_int32, int32_t, uint32_t, LEAT_HOT, ADD(uint32_t), ADD_BAD(uint32_t),
               __builtin_add_overflow)
DEFINE_CHECKED(add_int64, int64_t, uint64_t, LEAT_HOT, ADD(uint64_t), ADD_BAD(uint64_t),
               __builtin_add_overflow)
DEFINE_CHECKED(sub_int16, int16_t, uint16_t, LEAT_HOT, SUB(uint16_t), SUB_BAD(uint16_t),
               __builtin_sub_overflow)
DEFINE_CHECKED(sub_int32, int32_t, uint32_t, LEAT_HOT, SUB(uint32_t), SUB_BAD(uint32_t),
               __builtin_sub_overflow)
DEFINE_CHECKED(sub_int64, int64_t, uint64_t, LEAT_HOT, SUB(uint64_t), SUB_BAD(uint64_t),
               __builtin_sub_overflow)
DEFINE_CHECKED(mul_int16, int16_t, uint16_t, LEAT_HOT, MUL_NARROW(int32_t), MUL_BAD(int32_t),
               __builtin_mul_overflow)
DEFINE_CHECKED(mul_int32, int32_t, uint32_t, LEAT_HOT, MUL_NARROW(int64_t), MUL_BAD(int64_t),
               __builtin_mul_overflow)
DEFINE_CHECKED(mul_int64, int64_t, uint64_t, , (int64_t)((uint64_t)x *(uint64_t)y),
               __builtin_mul_overflow(x, y, &(int64_t){0}), __builtin_mul_overflow)

/* --- integer division --- */

#define DEFINE_DIVISION(suffix, ctype)                                                             \
    static enum leat_status div_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        ctype *out = call->out->data;                                                              \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            ctype x = ARG(ctype, call, 0, i), y = ARG(ctype, call, 1, i);                          \
            if (y == 0)                                                                            \
                return error_division_by_zero(err);                                                \
            if (y == -1) {                                                                         \
                if (__builtin_sub_overflow((ctype)0, x, &out[i]))                                  \
                    return error_overflow(call->type, err);                                        \
            } else {                                                                               \
                out[i] = (ctype)(x / y);                                                           \
            }                                                                                      \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    static enum leat_status mod_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        ctype *out = call->out->data;                                                              \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            ctype x = ARG(ctype, call, 0, i), y = ARG(ctype, call, 1, i);                          \
            if (y == 0)                                                                            \
                return error_division_by_zero(err);                                                \
            out[i] = (ctype)(y == -1 ? 0 : x % y);                                                 \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    static enum leat_status neg_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        ctype *out = call->out->data;                                                              \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            if (__builtin_sub_overflow((ctype)0, ARG(ctype, call, 0, i), &out[i]))                 \
                return error_overflow(call->type, err);                                            \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    static enum leat_status abs_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        ctype *out = call->out->data;                                                              \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            ctype x = ARG(ctype, call, 0, i);                                                      \
            out[i] = x;                                                                            \
            if (x < 0 && __builtin_sub_overflow((ctype)0, x, &out[i]))                             \
                return error_overflow(call->type, err);                                            \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }
DEFINE_DIVISION(int16, int16_t)
DEFINE_DIVISION(int32, int32_t)
DEFINE_DIVISION(int64, int64_t)

/* --- floating point: a finite operation must stay finite --- */

#define DEFINE_FLOAT(name, ctype, OPERATION, DIVIDES)                                              \
    LEAT_HOT static bool name##_loop(ctype *restrict out, const ctype *a, bool a_constant,         \
                                     const ctype *b, bool b_constant, uint32_t count)              \
    {                                                                                              \
        uint32_t bad = 0;                                                                          \
        EACH(ctype, {                                                                              \
            const ctype r = x OPERATION y;                                                         \
            bad |= (uint32_t) !(r - r == 0) | (uint32_t)((DIVIDES) && y == 0);                     \
            out[i] = r;                                                                            \
        })                                                                                         \
        return bad != 0;                                                                           \
    }                                                                                              \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        const struct leat_vector *a = &call->args[0], *b = &call->args[1];                         \
        ctype *out = call->out->data;                                                              \
        if (!name##_loop(out, a->data, a->form == LEAT_CONSTANT, b->data,                          \
                         b->form == LEAT_CONSTANT, call->count))                                   \
            return LEAT_OK;                                                                        \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            ctype x = ARG(ctype, call, 0, i), y = ARG(ctype, call, 1, i);                          \
            if ((DIVIDES) && y == 0 && !isnan(x))                                                  \
                return error_division_by_zero(err);                                                \
            if (isinf(out[i]) && !isinf(x) && !isinf(y))                                           \
                return error_overflow(call->type, err);                                            \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }
DEFINE_FLOAT(add_float, float, +, false)
DEFINE_FLOAT(sub_float, float, -, false)
DEFINE_FLOAT(mul_float, float, *, false)
DEFINE_FLOAT(div_float, float, /, true)
DEFINE_FLOAT(add_double, double, +, false)
DEFINE_FLOAT(sub_double, double, -, false)
DEFINE_FLOAT(mul_double, double, *, false)
DEFINE_FLOAT(div_double, double, /, true)

#define DEFINE_ONE_FLOAT(name, ctype, expression)                                                  \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        (void)err;                                                                                 \
        for (uint32_t i = 0; i < call->count; i++) {                                               \
            ctype x = ARG(ctype, call, 0, i);                                                      \
            ((ctype *)call->out->data)[i] = (expression);                                          \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }
DEFINE_ONE_FLOAT(neg_float, float, -x)
DEFINE_ONE_FLOAT(neg_double, double, -x)
DEFINE_ONE_FLOAT(abs_float, float, fabsf(x))
DEFINE_ONE_FLOAT(abs_double, double, fabs(x))

/* --- decimals --- */

static bool within_38(leat_int128 value)
{
    return value < leat_power_of_ten[38] && value > -leat_power_of_ten[38];
}

#define DEFINE_DECIMAL_SUM(name, OPERATION)                                                        \
    LEAT_HOT static void name##_small(int64_t *restrict out, const int64_t *a, bool a_constant,    \
                                      const int64_t *b, bool b_constant, uint32_t count)           \
    {                                                                                              \
        EACH(int64_t, { out[i] = (int64_t)((uint64_t)x OPERATION(uint64_t) y); })                  \
    }                                                                                              \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        const struct leat_vector *va = &call->args[0], *vb = &call->args[1];                       \
        bool a_constant = va->form == LEAT_CONSTANT, b_constant = vb->form == LEAT_CONSTANT;       \
        const leat_int128 *a = va->data, *b = vb->data;                                            \
        leat_int128 *out = call->out->data;                                                        \
        uint32_t count = call->count;                                                              \
        if (leat_type_is_small_decimal(call->type)) {                                              \
            name##_small(call->out->data, va->data, a_constant, vb->data, b_constant, count);      \
            return LEAT_OK;                                                                        \
        }                                                                                          \
        EACH(leat_int128, { out[i] = (leat_int128)((leat_uint128)x OPERATION(leat_uint128) y); })  \
        if (call->type->precision < 38)                                                            \
            return LEAT_OK;                                                                        \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            if (!within_38(out[i])) /* operands are below 10^38: no wrap is possible */            \
                return error_overflow(call->type, err);                                            \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }
DEFINE_DECIMAL_SUM(add_decimal, +)
DEFINE_DECIMAL_SUM(sub_decimal, -)

#define PRODUCT_LOOP(type_a, type_b, type_out, type_unsigned)                                      \
    do {                                                                                           \
        const type_a *a = va->data;                                                                \
        const type_b *b = vb->data;                                                                \
        type_out *out = call->out->data;                                                           \
        uint32_t a_mask = ARG_MASK(va), b_mask = ARG_MASK(vb);                                     \
        for (uint32_t i = 0; i < call->count; i++)                                                 \
            out[i] = (type_out)((type_unsigned)a[i & a_mask] * (type_unsigned)b[i & b_mask]);      \
        return LEAT_OK;                                                                            \
    } while (0)

/* Products of values that fit 64 bits although their types are wider: below 2^126, no limit is
 * near. False if one does not fit. */
static inline int64_t narrow(const struct leat_vector *vector, bool small, uint32_t i, bool *fits)
{
    leat_int128 value;

    if (small)
        return ((const int64_t *)vector->data)[i];
    value = ((const leat_int128 *)vector->data)[i];
    *fits &= value == (int64_t)value;
    return (int64_t)value;
}

#define NARROW_LOOP(a_small, b_small)                                                              \
    for (uint32_t i = 0; i < call->count; i++)                                                     \
    out[i] = (leat_int128)narrow(va, a_small, i & a_mask, &fits) *                                 \
             narrow(vb, b_small, i & b_mask, &fits)

static bool narrow_products(struct kernel_call *call, bool a_small, bool b_small)
{
    const struct leat_vector *va = &call->args[0], *vb = &call->args[1];
    uint32_t a_mask = ARG_MASK(va), b_mask = ARG_MASK(vb);
    leat_int128 *out = call->out->data;
    bool fits = true;

    if (a_small && b_small)
        NARROW_LOOP(true, true);
    else if (a_small)
        NARROW_LOOP(true, false);
    else if (b_small)
        NARROW_LOOP(false, true);
    else
        NARROW_LOOP(false, false);
    return fits;
}

static enum leat_status mul_decimal(struct kernel_call *call, struct leat_error *err)
{
    const struct leat_vector *va = &call->args[0], *vb = &call->args[1];
    bool a_small = leat_type_is_small_decimal(va->type);
    bool b_small = leat_type_is_small_decimal(vb->type);
    unsigned precision = va->type->precision + vb->type->precision;
    unsigned digits = (unsigned)va->type->scale + vb->type->scale - call->type->scale;

    if (precision <= LEAT_DECIMAL_SMALL_PRECISION)
        PRODUCT_LOOP(int64_t, int64_t, int64_t, uint64_t);
    if (precision <= 38 && digits == 0 && a_small && b_small)
        PRODUCT_LOOP(int64_t, int64_t, leat_int128, leat_int128);
    if (digits == 0 && !leat_type_is_small_decimal(call->type) &&
        narrow_products(call, a_small, b_small))
        return LEAT_OK;
    FOR_VALID(call, i)
    {
        leat_int128 x = decimal_load(va, i & ARG_MASK(va)), y = decimal_load(vb, i & ARG_MASK(vb));
        leat_int128 product;
        bool fits = digits == 0 ? !__builtin_mul_overflow(x, y, &product) && within_38(product)
                                : decimal_multiply(x, y, digits, &product);
        if (!fits)
            return error_overflow(call->type, err);
        decimal_store(call->out, i, product);
    }
    return LEAT_OK;
}

static enum leat_status div_decimal(struct kernel_call *call, struct leat_error *err)
{
    const struct leat_vector *a = &call->args[0], *b = &call->args[1];
    unsigned digits = (unsigned)call->type->scale + b->type->scale - a->type->scale;

    FOR_VALID(call, i)
    {
        leat_int128 x = decimal_load(a, i & ARG_MASK(a)), y = decimal_load(b, i & ARG_MASK(b));
        leat_int128 quotient;
        if (y == 0)
            return error_division_by_zero(err);
        if (!decimal_divide(x, digits, y, &quotient))
            return error_overflow(call->type, err);
        decimal_store(call->out, i, quotient);
    }
    return LEAT_OK;
}

static enum leat_status mod_decimal(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        leat_int128 x = decimal_load(&call->args[0], i & ARG_MASK(&call->args[0]));
        leat_int128 y = decimal_load(&call->args[1], i & ARG_MASK(&call->args[1]));
        if (y == 0)
            return error_division_by_zero(err);
        decimal_store(call->out, i, x % y);
    }
    return LEAT_OK;
}

/* Division of numerics without fraction digits. */
static enum leat_status quotient_decimal(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        leat_int128 x = decimal_load(&call->args[0], i & ARG_MASK(&call->args[0]));
        leat_int128 y = decimal_load(&call->args[1], i & ARG_MASK(&call->args[1]));
        if (y == 0)
            return error_division_by_zero(err);
        decimal_store(call->out, i, x / y);
    }
    return LEAT_OK;
}

static enum leat_status neg_decimal(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        decimal_store(call->out, i, -decimal_load(&call->args[0], i & ARG_MASK(&call->args[0])));
    }
    return LEAT_OK;
}

static enum leat_status abs_decimal(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        leat_int128 x = decimal_load(&call->args[0], i & ARG_MASK(&call->args[0]));
        decimal_store(call->out, i, x < 0 ? -x : x);
    }
    return LEAT_OK;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* + and -: both operands become the result's type. */
static bool rule_sum(struct signature *s)
{
    const struct leat_type *a = s->cast[0], *b = s->cast[1];
    unsigned scale = larger(a->scale, b->scale);
    unsigned whole = larger(a->precision - a->scale, b->precision - b->scale) + 1u;
    s->result = leat_type_decimal(whole + scale > 38 ? 38 : whole + scale, scale);
    s->cast[0] = s->cast[1] = s->result;
    return true;
}

static bool rule_common(struct signature *s)
{
    const struct leat_type *a = s->cast[0], *b = s->cast[1];
    unsigned scale = larger(a->scale, b->scale);
    unsigned whole = larger(a->precision - a->scale, b->precision - b->scale);
    s->result = leat_type_decimal(whole + scale > 38 ? 38 : whole + scale, scale);
    s->cast[0] = s->cast[1] = s->result;
    return true;
}

static bool rule_quotient(struct signature *s)
{
    rule_common(s);
    s->result = leat_type_decimal(38, 0);
    return true;
}

static bool rule_product(struct signature *s)
{
    unsigned precision = s->cast[0]->precision + s->cast[1]->precision;
    unsigned scale = s->cast[0]->scale + s->cast[1]->scale;
    unsigned limit = larger(30, larger(s->cast[0]->scale, s->cast[1]->scale));
    s->result = leat_type_decimal(precision > 38 ? 38 : precision, scale > limit ? limit : scale);
    return true;
}

static bool rule_ratio(struct signature *s)
{
    s->result = leat_type_decimal(38, larger(16, larger(s->cast[0]->scale, s->cast[1]->scale)));
    return true;
}

/* Spark's types of decimal results: what passes 38 digits loses fraction digits, but not below 6.
 */
static const struct leat_type *spark_adjusted(unsigned precision, unsigned scale)
{
    unsigned whole = precision - scale, least = scale < 6 ? scale : 6;

    if (precision <= 38)
        return leat_type_decimal(precision, scale);
    if (whole + least > 38)
        return leat_type_decimal(38, least);
    return leat_type_decimal(38, 38 - whole);
}

static bool rule_spark_product(struct signature *s)
{
    const struct leat_type *a = s->cast[0], *b = s->cast[1];
    s->result = spark_adjusted(a->precision + b->precision + 1u, a->scale + b->scale);
    return true;
}

static bool rule_spark_ratio(struct signature *s)
{
    const struct leat_type *a = s->cast[0], *b = s->cast[1];
    unsigned scale = larger(6, a->scale + b->precision + 1u);
    s->result = spark_adjusted(a->precision - a->scale + b->scale + scale, scale);
    return true;
}

static enum leat_status remainder_double(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double divisor = ARG(double, call, 1, i);
        if (divisor == 0)
            return error_division_by_zero(err);
        ((double *)call->out->data)[i] = fmod(ARG(double, call, 0, i), divisor);
    }
    return LEAT_OK;
}

static bool rule_same(struct signature *s)
{
    s->result = s->cast[0];
    return true;
}

/* --- bits --- */

#define DEFINE_BITS(suffix, ctype)                                                                 \
    static enum leat_status bits_##suffix(struct kernel_call *call, char op)                       \
    {                                                                                              \
        ctype *out = call->out->data;                                                              \
        for (uint32_t i = 0; i < call->count; i++) {                                               \
            ctype x = ARG(ctype, call, 0, i), y = op == '~' ? x : ARG(ctype, call, 1, i);          \
            out[i] = (ctype)(op == '&' ? x & y : op == '|' ? x | y : op == '#' ? x ^ y : ~x);      \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    static enum leat_status and_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        (void)err;                                                                                 \
        return bits_##suffix(call, '&');                                                           \
    }                                                                                              \
    static enum leat_status or_##suffix(struct kernel_call *call, struct leat_error *err)          \
    {                                                                                              \
        (void)err;                                                                                 \
        return bits_##suffix(call, '|');                                                           \
    }                                                                                              \
    static enum leat_status xor_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        (void)err;                                                                                 \
        return bits_##suffix(call, '#');                                                           \
    }                                                                                              \
    static enum leat_status inv_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        (void)err;                                                                                 \
        return bits_##suffix(call, '~');                                                           \
    }                                                                                              \
    static enum leat_status shl_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        (void)err;                                                                                 \
        for (uint32_t i = 0; i < call->count; i++)                                                 \
            ((ctype *)call->out->data)[i] =                                                        \
                (ctype)((uint64_t)ARG(ctype, call, 0, i)                                           \
                        << (ARG(int32_t, call, 1, i) & (int)(sizeof(ctype) * 8 - 1)));             \
        return LEAT_OK;                                                                            \
    }                                                                                              \
    static enum leat_status shr_##suffix(struct kernel_call *call, struct leat_error *err)         \
    {                                                                                              \
        (void)err;                                                                                 \
        for (uint32_t i = 0; i < call->count; i++)                                                 \
            ((ctype *)call->out->data)[i] =                                                        \
                (ctype)(ARG(ctype, call, 0, i) >>                                                  \
                        (ARG(int32_t, call, 1, i) & (int)(sizeof(ctype) * 8 - 1)));                \
        return LEAT_OK;                                                                            \
    }
DEFINE_BITS(int16, int16_t)
DEFINE_BITS(int32, int32_t)
DEFINE_BITS(int64, int64_t)

#define NUMBERS(name, sign, help, prefix)                                                          \
    FUNCTION(name, sign, help, "ss", 's', 0, prefix##_int16, NULL),                                \
        FUNCTION(name, sign, help, "ii", 'i', 0, prefix##_int32, NULL),                            \
        FUNCTION(name, sign, help, "ll", 'l', 0, prefix##_int64, NULL)
#define REALS(name, sign, help, prefix)                                                            \
    FUNCTION(name, sign, help, "ff", 'f', 0, prefix##_float, NULL),                                \
        FUNCTION(name, sign, help, "dd", 'd', 0, prefix##_double, NULL)
#define ONE_NUMBER(name, sign, help, prefix)                                                       \
    FUNCTION(name, sign, help, "s", 's', 0, prefix##_int16, NULL),                                 \
        FUNCTION(name, sign, help, "i", 'i', 0, prefix##_int32, NULL),                             \
        FUNCTION(name, sign, help, "l", 'l', 0, prefix##_int64, NULL),                             \
        FUNCTION(name, sign, help, "f", 'f', FUNCTION_TOTAL, prefix##_float, NULL),                \
        FUNCTION(name, sign, help, "d", 'd', FUNCTION_TOTAL, prefix##_double, NULL),               \
        FUNCTION(name, sign, help, "n", 0, FUNCTION_TOTAL, prefix##_decimal, rule_same)
#define BITS(name, sign, help, prefix)                                                             \
    FUNCTION(name, sign, help, "ss", 's', FUNCTION_TOTAL, prefix##_int16, NULL),                   \
        FUNCTION(name, sign, help, "ii", 'i', FUNCTION_TOTAL, prefix##_int32, NULL),               \
        FUNCTION(name, sign, help, "ll", 'l', FUNCTION_TOTAL, prefix##_int64, NULL)
#define SHIFTS(name, sign, help, prefix)                                                           \
    FUNCTION(name, sign, help, "si", 's', FUNCTION_TOTAL, prefix##_int16, NULL),                   \
        FUNCTION(name, sign, help, "ii", 'i', FUNCTION_TOTAL, prefix##_int32, NULL),               \
        FUNCTION(name, sign, help, "li", 'l', FUNCTION_TOTAL, prefix##_int64, NULL)

static const struct leat_function functions[] = {
    NUMBERS("+", "number + number -> number", "addition", add),
    REALS("+", "number + number -> number", "addition", add),
    FUNCTION("+", "number + number -> number", "addition", "nn", 0, 0, add_decimal, rule_sum),
    NUMBERS("-", "number - number -> number", "subtraction", sub),
    REALS("-", "number - number -> number", "subtraction", sub),
    FUNCTION("-", "number - number -> number", "subtraction", "nn", 0, 0, sub_decimal, rule_sum),
    NUMBERS("*", "number * number -> number", "multiplication", mul),
    REALS("*", "number * number -> number", "multiplication", mul),
    FUNCTION("*", "number * number -> number", "multiplication", "nn", 0, 0, mul_decimal,
             rule_product),
    NUMBERS("/", "number / number -> number", "division; of integers: truncates", div),
    REALS("/", "number / number -> number", "division", div),
    FUNCTION("/", "number / number -> number", "division", "nn", 0, 0, div_decimal, rule_ratio),
    NUMBERS("%", "number % number -> number", "remainder", mod),
    FUNCTION("%", "number % number -> number", "remainder", "nn", 0, 0, mod_decimal, rule_common),
    NUMBERS("mod", "mod(number, number) -> number", "remainder", mod),
    FUNCTION("mod", "mod(number, number) -> number", "remainder", "nn", 0, 0, mod_decimal,
             rule_common),
    FUNCTION("div", "div(numeric, numeric) -> numeric", "quotient without fraction", "nn", 0, 0,
             quotient_decimal, rule_quotient),
    FUNCTION("spark_divide", "a / b of Spark's", "division; of integers: of doubles", "dd", 'd', 0,
             div_double, NULL),
    FUNCTION("spark_divide", "a / b of Spark's", "division of decimals", "nn", 0, 0, div_decimal,
             rule_spark_ratio),
    FUNCTION("spark_multiply", "a * b of Spark's", "multiplication of decimals", "nn", 0, 0,
             mul_decimal, rule_spark_product),
    NUMBERS("spark_quotient", "a div b of Spark's", "quotient without fraction", div),
    FUNCTION("spark_quotient", "a div b of Spark's", "quotient without fraction", "nn", 0, 0,
             quotient_decimal, rule_quotient),
    FUNCTION("spark_remainder", "a % b of Spark's", "remainder of doubles", "dd", 'd', 0,
             remainder_double, NULL),
    ONE_NUMBER("-", "- number -> number", "negation", neg),
    ONE_NUMBER("abs", "abs(number) -> number", "absolute value", abs),
    ONE_NUMBER("@", "@ number -> number", "absolute value", abs),
    BITS("&", "integer & integer -> integer", "bitwise and", and),
    BITS("|", "integer | integer -> integer", "bitwise or", or),
    BITS("#", "integer # integer -> integer", "bitwise exclusive or", xor),
    FUNCTION("~", "~ integer -> integer", "bitwise not", "s", 's', FUNCTION_TOTAL, inv_int16, NULL),
    FUNCTION("~", "~ integer -> integer", "bitwise not", "i", 'i', FUNCTION_TOTAL, inv_int32, NULL),
    FUNCTION("~", "~ integer -> integer", "bitwise not", "l", 'l', FUNCTION_TOTAL, inv_int64, NULL),
    SHIFTS("<<", "integer << integer -> integer", "shift left", shl),
    SHIFTS(">>", "integer >> integer -> integer", "shift right", shr),
};

struct function_table arithmetic_functions(void)
{
    return TABLE_OF(functions);
}
