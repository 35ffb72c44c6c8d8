/*
 * Mathematical functions: rounding, roots, logarithms, trigonometry, integers, random numbers.
 *
 * Numerics round exactly; functions with irrational results are computed in double precision, also
 * for numerics (their result is then double precision, where PostgreSQL gives numeric).
 */
#include "compute/kernels/kernels_internal.h"

#include "base/system.h"
#include <math.h>

static enum leat_status bad(struct leat_error *err, const char *text)
{
    return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "%s", text);
}

static enum leat_status out_of_range(struct leat_error *err, const char *text)
{
    return leat_error_set(err, LEAT_E_OVERFLOW, "%s", text);
}

/* A finite argument must give a finite result. */
static enum leat_status check_finite(const struct kernel_call *call, double x, double r,
                                     struct leat_error *err)
{
    if (isinf(r) && !isinf(x))
        return error_overflow(call->type, err);
    return LEAT_OK;
}

/* Functions of one double; CHECK may return an error. */
#define DOUBLE_FUNCTION(name, expression, CHECK)                                                   \
    static enum leat_status run_##name(struct kernel_call *call, struct leat_error *err)           \
    {                                                                                              \
        FOR_VALID(call, i)                                                                         \
        {                                                                                          \
            double x = ARG(double, call, 0, i), r;                                                 \
            CHECK;                                                                                 \
            r = (expression);                                                                      \
            LEAT_TRY(check_finite(call, x, r, err));                                               \
            ((double *)call->out->data)[i] = r;                                                    \
        }                                                                                          \
        return LEAT_OK;                                                                            \
    }
#define ANY_ARGUMENT
#define POSITIVE                                                                                   \
    if (x <= 0)                                                                                    \
    return leat_error_set(err, LEAT_E_LOGARITHM, "cannot take logarithm of %s",                    \
                          x == 0 ? "zero" : "a negative number")
#define NOT_NEGATIVE                                                                               \
    if (x < 0)                                                                                     \
    return leat_error_set(err, LEAT_E_POWER, "cannot take square root of a negative number")
#define UNIT_RANGE                                                                                 \
    if (x < -1 || x > 1)                                                                           \
    return out_of_range(err, "input is out of range: it must lie between -1 and 1")
#define FINITE                                                                                     \
    if (isinf(x))                                                                                  \
    return out_of_range(err, "input is out of range: it must be finite")

#define FROM_ONE                                                                                   \
    if (x < 1)                                                                                     \
    return out_of_range(err, "input is out of range: it must be at least 1")

/* Angles in degrees: as PostgreSQL's, they are exact where a whole number of degrees gives 0, a
 * half or 1. */
static double in_radians(double x)
{
    return fmod(x, 360.0) * (M_PI / 180.0);
}
static double snapped(double r)
{
    double near = rint(r * 2) / 2;
    return fabs(r - near) < 1e-15 ? near + 0.0 : r;
}
static double tangent(double x)
{
    double sine = snapped(sin(in_radians(x))), cosine = snapped(cos(in_radians(x)));
    double r =
        fabs(fabs(sine) - fabs(cosine)) < 1e-15 ? (sine * cosine > 0 ? 1 : -1) : sine / cosine;
    return r + 0.0;
}
static double rounded_degrees(double radians)
{
    double r = radians * (180.0 / M_PI), near = rint(r);
    return fabs(r - near) < 1e-13 ? near : r;
}

DOUBLE_FUNCTION(ceil, ceil(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(floor, floor(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(round, rint(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(trunc, trunc(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(sqrt, sqrt(x), NOT_NEGATIVE)
DOUBLE_FUNCTION(cbrt, cbrt(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(exp, exp(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(ln, log(x), POSITIVE)
DOUBLE_FUNCTION(log10, log10(x), POSITIVE)
DOUBLE_FUNCTION(log2, log2(x), POSITIVE)
DOUBLE_FUNCTION(sign, x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0, ANY_ARGUMENT)
DOUBLE_FUNCTION(sin, sin(x), FINITE)
DOUBLE_FUNCTION(cos, cos(x), FINITE)
DOUBLE_FUNCTION(tan, tan(x), FINITE)
DOUBLE_FUNCTION(cot, 1.0 / tan(x), FINITE)
DOUBLE_FUNCTION(asin, asin(x), UNIT_RANGE)
DOUBLE_FUNCTION(acos, acos(x), UNIT_RANGE)
DOUBLE_FUNCTION(atan, atan(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(sinh, sinh(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(cosh, cosh(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(tanh, tanh(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(asinh, asinh(x), ANY_ARGUMENT)
DOUBLE_FUNCTION(acosh, acosh(x), FROM_ONE)
DOUBLE_FUNCTION(atanh, atanh(x), UNIT_RANGE)
DOUBLE_FUNCTION(sind, snapped(sin(in_radians(x))), FINITE)
DOUBLE_FUNCTION(cosd, snapped(cos(in_radians(x))), FINITE)
DOUBLE_FUNCTION(tand, tangent(x), FINITE)
DOUBLE_FUNCTION(cotd, 1.0 / tangent(x), FINITE)
DOUBLE_FUNCTION(asind, rounded_degrees(asin(x)), UNIT_RANGE)
DOUBLE_FUNCTION(acosd, rounded_degrees(acos(x)), UNIT_RANGE)
DOUBLE_FUNCTION(atand, rounded_degrees(atan(x)), ANY_ARGUMENT)
DOUBLE_FUNCTION(degrees, x *(180.0 / M_PI), ANY_ARGUMENT)
DOUBLE_FUNCTION(radians, x *(M_PI / 180.0), ANY_ARGUMENT)

static enum leat_status run_atan2(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((double *)call->out->data)[i] = atan2(ARG(double, call, 0, i), ARG(double, call, 1, i));
    }
    return LEAT_OK;
}

static enum leat_status run_power(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double x = ARG(double, call, 0, i), y = ARG(double, call, 1, i), r;
        if (x == 0 && y < 0)
            return leat_error_set(err, LEAT_E_POWER,
                                  "zero raised to a negative power is undefined");
        if (x < 0 && isfinite(x) && isfinite(y) && floor(y) != y)
            return leat_error_set(
                err, LEAT_E_POWER,
                "a negative number raised to a non-integer power yields a complex result");
        r = pow(x, y);
        if (isinf(r) && !isinf(x) && !isinf(y))
            return error_overflow(call->type, err);
        ((double *)call->out->data)[i] = r;
    }
    return LEAT_OK;
}

/* log(base, x) */
static enum leat_status run_log_base(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double base = ARG(double, call, 0, i), x = ARG(double, call, 1, i);
        if (x <= 0 || base <= 0)
            return leat_error_set(err, LEAT_E_LOGARITHM,
                                  "cannot take logarithm of zero or a negative number");
        if (base == 1)
            return error_division_by_zero(err);
        ((double *)call->out->data)[i] = log(x) / log(base);
    }
    return LEAT_OK;
}

static enum leat_status run_pi(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < call->count; i++)
        ((double *)call->out->data)[i] = M_PI;
    return LEAT_OK;
}

static enum leat_status run_random(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < call->count; i++)
        ((double *)call->out->data)[i] = (double)(leat_random_u64() >> 11) * 0x1p-53;
    return LEAT_OK;
}

static enum leat_status run_uuid(struct kernel_call *call, struct leat_error *err)
{
    for (uint32_t i = 0; i < call->count; i++) {
        char text[37];
        leat_random_uuid(text);
        if (!leat_parse_uuid(text, 36, (uint8_t *)call->out->data + (size_t)i * 16))
            return leat_error_internal(err, "random uuid");
    }
    return LEAT_OK;
}

/* --- numerics --- */

enum rounding { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_ZERO };

/* The value's digits beyond `digits` (may be negative) dropped; the scale stays the argument's. */
static bool round_to(leat_int128 value, unsigned scale, int64_t digits, enum rounding how,
                     leat_int128 *out)
{
    int64_t drop = (int64_t)scale - digits;
    *out = value;
    if (drop <= 0)
        return true;
    if (drop > 38) {
        *out = 0;
        return true;
    }
    leat_int128 power = leat_power_of_ten[drop], quotient = value / power, rest = value % power;
    if (how == ROUND_NEAREST)
        quotient = decimal_round(value, (unsigned)drop);
    else if (how == ROUND_UP && rest > 0)
        quotient++;
    else if (how == ROUND_DOWN && rest < 0)
        quotient--;
    return !__builtin_mul_overflow(quotient, power, out);
}

static enum leat_status round_all(struct kernel_call *call, enum rounding how,
                                  struct leat_error *err)
{
    const struct leat_vector *arg = &call->args[0];
    FOR_VALID(call, i)
    {
        int64_t digits = call->arg_count > 1 ? ARG(int32_t, call, 1, i) : 0;
        leat_int128 value = decimal_load(arg, i & ARG_MASK(arg)), rounded;
        bool fits = round_to(value, arg->type->scale, digits, how, &rounded);
        if (call->type->scale < arg->type->scale)
            rounded /= leat_power_of_ten[arg->type->scale - call->type->scale];
        else
            fits = fits &&
                   !__builtin_mul_overflow(
                       rounded, leat_power_of_ten[call->type->scale - arg->type->scale], &rounded);
        if (!fits || rounded >= leat_power_of_ten[38] || rounded <= -leat_power_of_ten[38])
            return error_overflow(call->type, err);
        decimal_store(call->out, i, rounded);
    }
    return LEAT_OK;
}
#define ROUNDING(name, how)                                                                        \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        return round_all(call, how, err);                                                          \
    }
ROUNDING(run_round_numeric, ROUND_NEAREST)
ROUNDING(run_trunc_numeric, ROUND_ZERO)
ROUNDING(run_ceil_numeric, ROUND_UP)
ROUNDING(run_floor_numeric, ROUND_DOWN)

/* round(x): no fraction digits, one more whole digit. */
static bool rule_whole(struct signature *s)
{
    unsigned whole = s->cast[0]->precision - s->cast[0]->scale + 1u;
    s->result = leat_type_decimal(whole > 38 ? 38 : whole, 0);
    return true;
}
/* round(x, n): n is known only at run time, so the scale stays. */
static bool rule_scale(struct signature *s)
{
    unsigned precision = s->cast[0]->precision + 1u;
    s->result = leat_type_decimal(precision > 38 ? 38 : precision, s->cast[0]->scale);
    return true;
}

static enum leat_status run_sign_numeric(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        leat_int128 value = decimal_load(&call->args[0], i & ARG_MASK(&call->args[0]));
        decimal_store(call->out, i, value > 0 ? 1 : value < 0 ? -1 : 0);
    }
    return LEAT_OK;
}
static bool rule_sign(struct signature *s)
{
    s->result = leat_type_decimal(1, 0);
    return true;
}

/* --- integers --- */

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static enum leat_status divisor(struct kernel_call *call, bool multiple, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        uint64_t a = magnitude(ARG(int64_t, call, 0, i)), b = magnitude(ARG(int64_t, call, 1, i));
        uint64_t result = greatest_divisor(a, b);
        if (multiple && result && __builtin_mul_overflow(a / result, b, &result))
            return error_overflow(call->type, err);
        if (result > INT64_MAX)
            return error_overflow(call->type, err);
        ((int64_t *)call->out->data)[i] = (int64_t)result;
    }
    return LEAT_OK;
}
static enum leat_status run_gcd(struct kernel_call *call, struct leat_error *err)
{
    return divisor(call, false, err);
}
static enum leat_status run_lcm(struct kernel_call *call, struct leat_error *err)
{
    return divisor(call, true, err);
}

static enum leat_status run_factorial(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int64_t n = ARG(int64_t, call, 0, i);
        leat_int128 product = 1;
        if (n < 0)
            return bad(err, "factorial of a negative number is undefined");
        for (int64_t k = 2; k <= n; k++) {
            if (__builtin_mul_overflow(product, k, &product) || product >= leat_power_of_ten[38])
                return error_overflow(call->type, err);
        }
        decimal_store(call->out, i, product);
    }
    return LEAT_OK;
}
static bool rule_factorial(struct signature *s)
{
    s->result = leat_type_decimal(38, 0);
    return true;
}

/* width_bucket(x, low, high, count) */
static enum leat_status run_width_bucket(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double x = ARG(double, call, 0, i), low = ARG(double, call, 1, i);
        double high = ARG(double, call, 2, i);
        int32_t count = ARG(int32_t, call, 3, i), bucket;
        if (count <= 0)
            return bad(err, "count must be greater than zero");
        if (isnan(x) || !isfinite(low) || !isfinite(high))
            return bad(err, "operand, lower bound, and upper bound must be finite numbers");
        if (low == high)
            return bad(err, "lower bound cannot equal upper bound");
        bool descending = low > high;
        if (descending ? x > low : x < low)
            bucket = 0;
        else if (descending ? x <= high : x >= high)
            bucket = count + 1;
        else
            bucket = (int32_t)(count * ((x - low) / (high - low))) + 1;
        ((int32_t *)call->out->data)[i] = bucket;
    }
    return LEAT_OK;
}

#define ONE(name, help, run)                                                                       \
    FUNCTION(name, name "(double precision) -> double precision", help, "d", 'd', 0, run, NULL)
#define ROUNDS(name, help, run, numeric)                                                           \
    FUNCTION(name, name "(number) -> number", help, "d", 'd', FUNCTION_TOTAL, run, NULL),          \
        FUNCTION(name, name "(number) -> number", help, "n", 0, 0, numeric, rule_whole)
#define DIGITS(name, help, run)                                                                    \
    FUNCTION(name, name "(numeric, integer) -> numeric", help, "ni", 0, 0, run, rule_scale)
#define VOLATILE(name_, signature_, help_, result_, run_)                                          \
    {                                                                                              \
        .name = (name_), .kind = LEAT_FUNCTION_SCALAR, .signature = (signature_), .help = (help_), \
        .volatile_result = true, .implementation = &(const struct leat_function_implementation)    \
        {                                                                                          \
            .args = "", .result = (result_), .flags = FUNCTION_TOTAL, .run = (run_)                \
        }                                                                                          \
    }

static const struct leat_function functions[] = {
    ROUNDS("ceil", "nearest whole number not below", run_ceil, run_ceil_numeric),
    ROUNDS("floor", "nearest whole number not above", run_floor, run_floor_numeric),
    ROUNDS("round", "nearest whole number", run_round, run_round_numeric),
    ROUNDS("trunc", "whole part", run_trunc, run_trunc_numeric),
    DIGITS("round", "rounded to so many fraction digits", run_round_numeric),
    DIGITS("trunc", "cut to so many fraction digits", run_trunc_numeric),
    ONE("sqrt", "square root", run_sqrt),
    ONE("cbrt", "cube root", run_cbrt),
    ONE("exp", "exponential", run_exp),
    ONE("ln", "natural logarithm", run_ln),
    ONE("log", "logarithm to base 10", run_log10),
    ONE("log10", "logarithm to base 10", run_log10),
    ONE("log2", "logarithm to base 2", run_log2),
    FUNCTION("log", "log(base, x) -> double precision", "logarithm to a base", "dd", 'd', 0,
             run_log_base, NULL),
    FUNCTION("power", "power(x, y) -> double precision", "x to the power y", "dd", 'd', 0,
             run_power, NULL),
    FUNCTION("^", "x ^ y -> double precision", "x to the power y", "dd", 'd', 0, run_power, NULL),
    ONE("|/", "square root", run_sqrt),
    ONE("||/", "cube root", run_cbrt),
    FUNCTION("sign", "sign(number) -> number", "-1, 0 or 1", "d", 'd', FUNCTION_TOTAL, run_sign,
             NULL),
    FUNCTION("sign", "sign(number) -> number", "-1, 0 or 1", "n", 0, FUNCTION_TOTAL,
             run_sign_numeric, rule_sign),
    ONE("sin", "sine", run_sin),
    ONE("cos", "cosine", run_cos),
    ONE("tan", "tangent", run_tan),
    ONE("cot", "cotangent", run_cot),
    ONE("asin", "inverse sine", run_asin),
    ONE("acos", "inverse cosine", run_acos),
    ONE("atan", "inverse tangent", run_atan),
    FUNCTION("atan2", "atan2(y, x) -> double precision", "inverse tangent of y/x", "dd", 'd',
             FUNCTION_TOTAL, run_atan2, NULL),
    ONE("sinh", "hyperbolic sine", run_sinh),
    ONE("cosh", "hyperbolic cosine", run_cosh),
    ONE("tanh", "hyperbolic tangent", run_tanh),
    ONE("asinh", "inverse hyperbolic sine", run_asinh),
    ONE("acosh", "inverse hyperbolic cosine", run_acosh),
    ONE("atanh", "inverse hyperbolic tangent", run_atanh),
    ONE("sind", "sine of degrees", run_sind),
    ONE("cosd", "cosine of degrees", run_cosd),
    ONE("tand", "tangent of degrees", run_tand),
    ONE("cotd", "cotangent of degrees", run_cotd),
    ONE("asind", "inverse sine in degrees", run_asind),
    ONE("acosd", "inverse cosine in degrees", run_acosd),
    ONE("atand", "inverse tangent in degrees", run_atand),
    ONE("degrees", "radians to degrees", run_degrees),
    ONE("radians", "degrees to radians", run_radians),
    FUNCTION("pi", "pi() -> double precision", "3.14159...", "", 'd', FUNCTION_TOTAL, run_pi, NULL),
    VOLATILE("random", "random() -> double precision", "from 0 to below 1", 'd', run_random),
    VOLATILE("gen_random_uuid", "gen_random_uuid() -> uuid", "random UUID", 'U', run_uuid),
    FUNCTION("gcd", "gcd(bigint, bigint) -> bigint", "greatest common divisor", "ll", 'l', 0,
             run_gcd, NULL),
    FUNCTION("lcm", "lcm(bigint, bigint) -> bigint", "least common multiple", "ll", 'l', 0, run_lcm,
             NULL),
    FUNCTION("factorial", "factorial(bigint) -> numeric", "product of 1 to n", "l", 0, 0,
             run_factorial, rule_factorial),
    FUNCTION("width_bucket", "width_bucket(x, low, high, count) -> integer",
             "bucket of an equal-width histogram", "dddi", 'i', 0, run_width_bucket, NULL),
};

struct function_table math_functions(void)
{
    return TABLE_OF(functions);
}
