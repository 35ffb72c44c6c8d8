/*
 * Comparison operators: = <> < <= > >=, IS [NOT] DISTINCT FROM, greatest and least.
 *
 * All six operators come from "less" and "equal" of a type; the loops for fixed-width types are
 * expanded for vector with vector and vector with constant, which the compiler vectorises. A
 * constant on the left turns the operator round.
 */
#include "compute/kernels/kernels_internal.h"

#include <math.h>

enum operator{ EQ, NE, LT, LE, GT, GE };

#define PLAIN_EQ(a, b) ((a) == (b))
#define PLAIN_LT(a, b) ((a) < (b))
/* NaN equals NaN and is above all else. */
#define FLOAT_EQ(a, b)  (((a) == (b)) | (((a) != (a)) & ((b) != (b))))
#define FLOAT_LT(a, b)  (((a) < (b)) | (((a) == (a)) & ((b) != (b))))
#define STRING_EQ(a, b) leat_string_equal(&(a), &(b))
#define STRING_LT(a, b) (leat_string_compare(&(a), &(b)) < 0)

#define LOOP(expression)                                                                           \
    for (uint32_t i = 0; i < count; i++)                                                           \
        out[i] = (uint8_t)(expression);                                                            \
    break

#define LOOPS(EQUAL, LESS, B)                                                                      \
    switch (op) {                                                                                  \
    case EQ:                                                                                       \
        LOOP(EQUAL(a[i], B));                                                                      \
    case NE:                                                                                       \
        LOOP(!EQUAL(a[i], B));                                                                     \
    case LT:                                                                                       \
        LOOP(LESS(a[i], B));                                                                       \
    case LE:                                                                                       \
        LOOP(!LESS(B, a[i]));                                                                      \
    case GT:                                                                                       \
        LOOP(LESS(B, a[i]));                                                                       \
    case GE:                                                                                       \
        LOOP(!LESS(a[i], B));                                                                      \
    }

#define DEFINE_COMPARE(name, ctype, EQUAL, LESS, attribute)                                        \
    attribute static void name##_vectors(enum operator op, uint8_t *restrict out, const ctype *a,  \
                                         const ctype *b, uint32_t count){                          \
        LOOPS(EQUAL, LESS, b[i])} attribute static void name##_constant(enum operator op,          \
                                                                        uint8_t *restrict out,     \
                                                                        const ctype *a, ctype b,   \
                                                                        uint32_t count)            \
    {                                                                                              \
        LOOPS(EQUAL, LESS, b)                                                                      \
    }

DEFINE_COMPARE(bytes, uint8_t, PLAIN_EQ, PLAIN_LT, LEAT_HOT)
DEFINE_COMPARE(int8s, int8_t, PLAIN_EQ, PLAIN_LT, LEAT_HOT)
DEFINE_COMPARE(int16s, int16_t, PLAIN_EQ, PLAIN_LT, LEAT_HOT)
DEFINE_COMPARE(int32s, int32_t, PLAIN_EQ, PLAIN_LT, LEAT_HOT)
DEFINE_COMPARE(int64s, int64_t, PLAIN_EQ, PLAIN_LT, LEAT_HOT)
DEFINE_COMPARE(int128s, leat_int128, PLAIN_EQ, PLAIN_LT, )
DEFINE_COMPARE(floats, float, FLOAT_EQ, FLOAT_LT, LEAT_HOT)
DEFINE_COMPARE(doubles, double, FLOAT_EQ, FLOAT_LT, LEAT_HOT)
DEFINE_COMPARE(strings, struct leat_string, STRING_EQ, STRING_LT, )

static enum operator turned(enum operator op)
{
    static const enum operator other[] = {EQ, NE, GT, GE, LT, LE};
    return other[op];
}

static bool holds(enum operator op, int order)
{
    switch (op) {
    case EQ:
        return order == 0;
    case NE:
        return order != 0;
    case LT:
        return order < 0;
    case LE:
        return order <= 0;
    case GT:
        return order > 0;
    case GE:
        return order >= 0;
    }
    return false;
}

/* Types without loops of their own, and strings where nulls must not be followed. */
static void compare_rows(enum operator op, struct kernel_call *call)
{
    uint8_t *out = call->out->data;
    memset(out, 0, call->count);
    FOR_VALID(call, i)
    {
        out[i] = holds(op, leat_vector_compare(&call->args[0], i, &call->args[1], i));
    }
}

#define RUN(name, ctype)                                                                           \
    do {                                                                                           \
        if (b->form == LEAT_CONSTANT)                                                              \
            name##_constant(op, out, a->data, ((const ctype *)b->data)[0], call->count);           \
        else                                                                                       \
            name##_vectors(op, out, a->data, b->data, call->count);                                \
        return LEAT_OK;                                                                            \
    } while (0)

static enum leat_status compare(struct kernel_call *call, enum operator op, struct leat_error *err)
{
    const struct leat_vector *a = &call->args[0], *b = &call->args[1];
    uint8_t *out = call->out->data;

    (void)err;
    if (a->form == LEAT_CONSTANT && b->form == LEAT_CONSTANT) {
        compare_rows(op, call);
        return LEAT_OK;
    }
    if (a->form == LEAT_CONSTANT) {
        const struct leat_vector *swap = a;
        a = b;
        b = swap;
        op = turned(op);
    }
    switch (a->type->id) {
    case LEAT_BOOLEAN:
        RUN(bytes, uint8_t);
    case LEAT_INT8:
        RUN(int8s, int8_t);
    case LEAT_INT16:
        RUN(int16s, int16_t);
    case LEAT_INT32:
    case LEAT_DATE:
        RUN(int32s, int32_t);
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        RUN(int64s, int64_t);
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(a->type))
            RUN(int64s, int64_t);
        RUN(int128s, leat_int128);
    case LEAT_FLOAT:
        RUN(floats, float);
    case LEAT_DOUBLE:
        RUN(doubles, double);
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        if (!call->out->validity)
            RUN(strings, struct leat_string);
        break;
    default:
        break;
    }
    if (a != &call->args[0])
        op = turned(op);
    compare_rows(op, call);
    return LEAT_OK;
}

#define DEFINE_OPERATOR(name, op)                                                                  \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        return compare(call, op, err);                                                             \
    }
DEFINE_OPERATOR(run_eq, EQ)
DEFINE_OPERATOR(run_ne, NE)
DEFINE_OPERATOR(run_lt, LT)
DEFINE_OPERATOR(run_le, LE)
DEFINE_OPERATOR(run_gt, GT)
DEFINE_OPERATOR(run_ge, GE)

static enum leat_status distinct(struct kernel_call *call, bool negated)
{
    const struct leat_vector *a = &call->args[0], *b = &call->args[1];
    uint8_t *out = call->out->data;

    for (uint32_t i = 0; i < call->count; i++) {
        bool a_null = leat_vector_is_null(a, i), b_null = leat_vector_is_null(b, i);
        bool differ = a_null || b_null ? a_null != b_null : leat_vector_compare(a, i, b, i) != 0;
        out[i] = differ != negated;
    }
    return LEAT_OK;
}
static enum leat_status run_distinct(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return distinct(call, false);
}
static enum leat_status run_not_distinct(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return distinct(call, true);
}

/* --- greatest, least: nulls are passed over --- */

static enum leat_status extreme(struct kernel_call *call, int sign, struct leat_error *err)
{
    size_t width = leat_type_width(call->type);

    for (uint32_t i = 0; i < call->count; i++) {
        const struct leat_vector *best = NULL, *base;
        for (uint32_t a = 0; a < call->arg_count; a++) {
            const struct leat_vector *arg = &call->args[a];
            if (leat_vector_is_null(arg, i))
                continue;
            if (!best || leat_vector_compare(arg, i, best, i) * sign > 0)
                best = arg;
        }
        if (!best) {
            LEAT_TRY(kernel_set_null(call, i, err));
            continue;
        }
        uint32_t row = leat_vector_locate(best, i, &base);
        memcpy((char *)call->out->data + i * width, (const char *)base->data + row * width, width);
    }
    return LEAT_OK;
}
static enum leat_status run_greatest(struct kernel_call *call, struct leat_error *err)
{
    return extreme(call, 1, err);
}
static enum leat_status run_least(struct kernel_call *call, struct leat_error *err)
{
    return extreme(call, -1, err);
}
static bool rule_scalar(struct signature *signature)
{
    signature->result = signature->cast[0];
    return !leat_type_is_nested(signature->cast[0]);
}

/* --- row_hash: of all arguments in turn, nulls too --- */

static enum leat_status run_row_hash(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    for (uint32_t a = 0; a < call->arg_count; a++) {
        struct leat_vector arg = call->args[a];
        arg.length = call->count;
        leat_vector_hash(&arg, a > 0, (uint64_t *)call->out->data);
    }
    return LEAT_OK;
}

#define COMPARISON(name, run, flags)                                                               \
    FUNCTION(name, "any " name " any -> boolean", "comparison", "EE", 'b',                         \
             (flags) | FUNCTION_TOTAL, run, NULL)

static const struct leat_function functions[] = {
    COMPARISON("=", run_eq, 0),
    COMPARISON("<>", run_ne, 0),
    COMPARISON("<", run_lt, 0),
    COMPARISON("<=", run_le, 0),
    COMPARISON(">", run_gt, 0),
    COMPARISON(">=", run_ge, 0),
    COMPARISON("is distinct from", run_distinct, FUNCTION_NOT_STRICT),
    COMPARISON("is not distinct from", run_not_distinct, FUNCTION_NOT_STRICT),
    FUNCTION("greatest", "greatest(any, ...) -> any", "the largest value that is not null", "E+", 0,
             FUNCTION_NOT_STRICT | FUNCTION_TOTAL, run_greatest, rule_scalar),
    FUNCTION("least", "least(any, ...) -> any", "the smallest value that is not null", "E+", 0,
             FUNCTION_NOT_STRICT | FUNCTION_TOTAL, run_least, rule_scalar),
    FUNCTION("row_hash", "row_hash(any, ...) -> bigint",
             "a hash of all arguments, the same on every host; equal values hash equally", "*+",
             'l', FUNCTION_NOT_STRICT | FUNCTION_TOTAL, run_row_hash, NULL),
};

struct function_table compare_functions(void)
{
    return TABLE_OF(functions);
}
