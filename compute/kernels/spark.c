/*
 * Functions that mean what Spark's do and that PostgreSQL has no form for: rounding half up of
 * doubles, text of doubles as Java writes it, and some of text and dates. The Spark dialect's forms
 * (compute/sql/spark_functions.def) call them; they are functions like all others.
 */
#include "compute/kernels/datetime_internal.h"
#include "compute/kernels/text_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- rounding --- */

/* 10^digits away from zero, or to even, as Java's BigDecimal does. */
static leat_int128 round_decimal(leat_int128 value, unsigned digits, bool even)
{
    leat_int128 power, rest;

    if (digits == 0)
        return value;
    if (digits > 38)
        return 0;
    if (!even)
        return decimal_round(value, digits);
    power = leat_power_of_ten[digits];
    rest = value % power;
    if (rest * 2 == power || rest * 2 == -power) {
        leat_int128 quotient = value / power;
        return quotient % 2 ? quotient + (value < 0 ? -1 : 1) : quotient;
    }
    return decimal_round(value, digits);
}

static enum leat_status round_numeric(struct kernel_call *call, bool even, struct leat_error *err)
{
    unsigned scale = call->args[0].type->scale, out_scale = call->type->scale;

    FOR_VALID(call, i)
    {
        leat_int128 value = decimal_load(&call->args[0], i & ARG_MASK(&call->args[0]));
        int64_t digits = ARG(int32_t, call, 1, i);
        unsigned cut = digits >= (int64_t)scale ? 0 : (unsigned)((int64_t)scale - digits);
        unsigned kept = cut > scale ? 0 : scale - cut;
        if (digits < -38)
            cut = 39;
        value = round_decimal(value, cut, even);
        if (cut > scale) /* digits before the point become zeros */
            value = cut > 38 ? 0 : value * leat_power_of_ten[cut - scale];
        if (kept > out_scale)
            value = decimal_round(value, kept - out_scale);
        else if (out_scale - kept > 38)
            return error_overflow(call->type, err);
        else
            value *= leat_power_of_ten[out_scale - kept];
        decimal_store(call->out, i, value);
    }
    return LEAT_OK;
}
static enum leat_status run_round_numeric(struct kernel_call *call, struct leat_error *err)
{
    return round_numeric(call, false, err);
}
static enum leat_status run_bround_numeric(struct kernel_call *call, struct leat_error *err)
{
    return round_numeric(call, true, err);
}
static bool rule_round(struct signature *s)
{
    s->result = s->cast[0];
    return true;
}

/* Through the shortest digits that read back as the number, as Java's BigDecimal.valueOf. */
static double round_real(double value, int32_t digits, bool even)
{
    char text[LEAT_PRINT_MAX];
    leat_int128 decimal;
    double result = value;
    unsigned scale = digits < 0 ? 0 : (unsigned)digits, wide = 17;

    if (!isfinite(value) || fabs(value) >= 1e17 || digits > 15)
        return value;
    if (digits < -18)
        return 0;
    if (fabs(value) < 1e-17)
        return 0;
    if (!leat_parse_decimal(text, leat_print_double(value, text), 38, wide, &decimal))
        return value;
    decimal = round_decimal(decimal, (unsigned)((int32_t)wide - digits), even);
    if (digits < 0)
        decimal *= leat_power_of_ten[-digits];
    if (!leat_parse_double(text, leat_print_decimal(decimal, scale, text), &result))
        return value;
    return result;
}
static enum leat_status run_round_real(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((double *)call->out->data)[i] =
            round_real(ARG(double, call, 0, i), ARG(int32_t, call, 1, i), false);
    }
    return LEAT_OK;
}
static enum leat_status run_bround_real(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((double *)call->out->data)[i] =
            round_real(ARG(double, call, 0, i), ARG(int32_t, call, 1, i), true);
    }
    return LEAT_OK;
}

static enum leat_status round_integer(struct kernel_call *call, bool even, struct leat_error *err)
{
    bool wide = call->type->id == LEAT_INT64;

    FOR_VALID(call, i)
    {
        leat_int128 value = wide ? ARG(int64_t, call, 0, i) : ARG(int32_t, call, 0, i);
        int32_t digits = ARG(int32_t, call, 1, i);
        if (digits < 0)
            value = digits < -19 ? 0
                                 : round_decimal(value, (unsigned)-digits, even) *
                                       leat_power_of_ten[-digits];
        if (value < (wide ? (leat_int128)INT64_MIN : INT32_MIN) ||
            value > (wide ? (leat_int128)INT64_MAX : INT32_MAX))
            return error_overflow(call->type, err);
        if (wide)
            ((int64_t *)call->out->data)[i] = (int64_t)value;
        else
            ((int32_t *)call->out->data)[i] = (int32_t)value;
    }
    return LEAT_OK;
}
static enum leat_status run_round_integer(struct kernel_call *call, struct leat_error *err)
{
    return round_integer(call, false, err);
}
static enum leat_status run_bround_integer(struct kernel_call *call, struct leat_error *err)
{
    return round_integer(call, true, err);
}

/* --- text of doubles, as Java's Double.toString --- */

static size_t java_text(const char *digits, size_t length, char *out)
{
    char mantissa[40];
    size_t count = 0, at = 0;
    bool negative = digits[0] == '-';
    int exponent = 0, point = -1;

    /* digits and the place of the point, from the shortest text: 123.4, 1e+30, 1.5e-07 */
    for (size_t i = negative; i < length; i++) {
        if (digits[i] == 'e') {
            exponent = atoi(digits + i + 1);
            break;
        }
        if (digits[i] == '.')
            point = (int)count;
        else if (count < sizeof(mantissa))
            mantissa[count++] = digits[i];
    }
    if (point < 0)
        point = (int)count;
    while (at + 1 < count && mantissa[at] == '0') { /* leading zeros */
        at++;
        point--;
    }
    while (count > at + 1 && mantissa[count - 1] == '0')
        count--;
    exponent += point - 1; /* of the first digit */
    if (mantissa[at] == '0')
        return (size_t)sprintf(out, "%s0.0", negative ? "-" : "");
    if (exponent < -3 || exponent >= 7)
        return (size_t)sprintf(out, "%s%c.%.*sE%d", negative ? "-" : "", mantissa[at],
                               count - at > 1 ? (int)(count - at - 1) : 1,
                               count - at > 1 ? mantissa + at + 1 : "0", exponent);
    if (exponent < 0)
        return (size_t)sprintf(out, "%s0.%.*s%.*s", negative ? "-" : "", -exponent - 1, "000",
                               (int)(count - at), mantissa + at);
    size_t used = 0;
    if (negative)
        out[used++] = '-';
    for (int i = 0; i <= exponent; i++)
        out[used++] = at < count ? mantissa[at++] : '0';
    out[used++] = '.';
    if (at >= count)
        out[used++] = '0';
    while (at < count)
        out[used++] = mantissa[at++];
    out[used] = 0;
    return used;
}

static enum leat_status row_real_text(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                      struct leat_error *err)
{
    bool single = call->args[0].type->id == LEAT_FLOAT;
    double value = single ? (double)ARG(float, call, 0, i) : ARG(double, call, 0, i);
    char text[LEAT_PRINT_MAX], java[LEAT_PRINT_MAX];

    if (isnan(value))
        return leat_buffer_append_string(out, "NaN", err);
    if (isinf(value))
        return leat_buffer_append_string(out, value < 0 ? "-Infinity" : "Infinity", err);
    size_t length = single ? leat_print_float((float)value, text) : leat_print_double(value, text);
    text[length] = 0;
    return leat_buffer_append(out, java, java_text(text, length, java), err);
}
static enum leat_status run_real_text(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_real_text, err);
}

/* --- text --- */

/* Words are what blanks part; the rest of each becomes lower case. */
static enum leat_status row_initcap(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    bool start = true;

    for (size_t at = 0; at < text.length;) {
        size_t length;
        char bytes[4];
        uint32_t point = text_decode(text, at, &length);
        point = start ? text_upper_point(point) : text_lower_point(point);
        start = point == ' ';
        LEAT_TRY(leat_buffer_append(out, bytes, text_encode(point, bytes), err));
        at += length;
    }
    return LEAT_OK;
}
static enum leat_status run_initcap(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_initcap, err);
}

/* substring_index(text, mark, n): what stands before the nth mark, or behind the nth from the end.
 */
static enum leat_status row_substring_index(struct kernel_call *call, uint32_t i,
                                            struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), mark = text_arg(call, 1, i);
    int64_t n = ARG(int32_t, call, 2, i);
    size_t at;

    if (n == 0 || mark.length == 0)
        return LEAT_OK;
    if (n > 0) {
        for (at = 0; at + mark.length <= text.length; at++)
            if (memcmp(text.data + at, mark.data, mark.length) == 0) {
                if (--n == 0)
                    return leat_buffer_append(out, text.data, at, err);
                at += mark.length - 1;
            }
        return leat_buffer_append(out, text.data, text.length, err);
    }
    for (at = text.length; at >= mark.length; at--)
        if (memcmp(text.data + at - mark.length, mark.data, mark.length) == 0) {
            if (++n == 0)
                return leat_buffer_append(out, text.data + at, text.length - at, err);
            at -= mark.length - 1;
        }
    return leat_buffer_append(out, text.data, text.length, err);
}
static enum leat_status run_substring_index(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_substring_index, err);
}

static enum leat_status row_hex(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                struct leat_error *err)
{
    char digits[24];
    struct leat_text text;

    if (call->args[0].type->id == LEAT_INT64) {
        int length =
            snprintf(digits, sizeof(digits), "%llX", (unsigned long long)ARG(int64_t, call, 0, i));
        return leat_buffer_append(out, digits, (size_t)length, err);
    }
    text = text_arg(call, 0, i);
    for (size_t k = 0; k < text.length; k++) {
        snprintf(digits, sizeof(digits), "%02X", (unsigned char)text.data[k]);
        LEAT_TRY(leat_buffer_append(out, digits, 2, err));
    }
    return LEAT_OK;
}
static enum leat_status run_hex(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_hex, err);
}

/* Edits between two texts, by two rows of the table. */
static enum leat_status run_levenshtein(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text a = text_arg(call, 0, i), b = text_arg(call, 1, i);
        size_t width = text_characters(b) + 1, row = 0;
        uint32_t *last = leat_arena_alloc(call->arena, width * 2 * sizeof(*last)), *now;
        if (!last)
            return leat_error_memory(err);
        now = last + width;
        for (size_t k = 0; k < width; k++)
            last[k] = (uint32_t)k;
        for (size_t at = 0; at < a.length; row++) {
            size_t length, b_length, k = 0;
            uint32_t point = text_decode(a, at, &length), *turn;
            at += length;
            now[0] = (uint32_t)row + 1;
            for (size_t b_at = 0; b_at < b.length; b_at += b_length, k++) {
                uint32_t change = last[k] + (text_decode(b, b_at, &b_length) != point);
                uint32_t other = last[k + 1] < now[k] ? last[k + 1] + 1 : now[k] + 1;
                now[k + 1] = change < other ? change : other;
            }
            turn = last;
            last = now;
            now = turn;
        }
        ((int32_t *)call->out->data)[i] = (int32_t)last[width - 1];
    }
    return LEAT_OK;
}

/* --- months_between --- */

static unsigned last_day_of(int64_t year, unsigned month)
{
    return days_in_month(year, month);
}

static double months_between(int64_t a, int64_t b)
{
    int64_t years[2];
    unsigned months[2], days[2];
    int64_t times[2] = {floor_modulo(a, MICROS_PER_DAY), floor_modulo(b, MICROS_PER_DAY)};
    int64_t seconds;
    double whole;

    leat_civil_from_days((int32_t)floor_divide(a, MICROS_PER_DAY), &years[0], &months[0], &days[0]);
    leat_civil_from_days((int32_t)floor_divide(b, MICROS_PER_DAY), &years[1], &months[1], &days[1]);
    whole = (double)((years[0] - years[1]) * 12 + (int64_t)months[0] - (int64_t)months[1]);
    if (days[0] == days[1] || (days[0] == last_day_of(years[0], months[0]) &&
                               days[1] == last_day_of(years[1], months[1])))
        return whole;
    seconds = ((int64_t)days[0] - (int64_t)days[1]) * 86400 + times[0] / MICROS_PER_SECOND -
              times[1] / MICROS_PER_SECOND;
    return round_real(whole + (double)seconds / (31.0 * 86400), 8, false);
}
static enum leat_status run_months_between(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((double *)call->out->data)[i] =
            months_between(ARG(int64_t, call, 0, i), ARG(int64_t, call, 1, i));
    }
    return LEAT_OK;
}

#define ROUND(name, help, numeric, real, integer)                                                  \
    FUNCTION(name, name "(number, digits) -> number", help, "ni", 0, 0, numeric, rule_round),      \
        FUNCTION(name, name "(number, digits) -> number", help, "di", 'd', FUNCTION_TOTAL, real,   \
                 NULL),                                                                            \
        FUNCTION(name, name "(number, digits) -> number", help, "ii", 'i', 0, integer, NULL),      \
        FUNCTION(name, name "(number, digits) -> number", help, "li", 'l', 0, integer, NULL)

static const struct leat_function functions[] = {
    ROUND("spark_round", "rounded, halves away from zero", run_round_numeric, run_round_real,
          run_round_integer),
    ROUND("spark_bround", "rounded, halves to even", run_bround_numeric, run_bround_real,
          run_bround_integer),
    FUNCTION("spark_real_text", "spark_real_text(double precision) -> text", "as Java writes it",
             "d", 't', FUNCTION_TOTAL, run_real_text, NULL),
    FUNCTION("spark_real_text", "spark_real_text(real) -> text", "as Java writes it", "f", 't',
             FUNCTION_TOTAL, run_real_text, NULL),
    FUNCTION("spark_initcap", "spark_initcap(text) -> text", "words between blanks capitalised",
             "t", 't', FUNCTION_TOTAL, run_initcap, NULL),
    FUNCTION("spark_substring_index", "spark_substring_index(text, mark, n) -> text",
             "before the nth mark, or behind the nth from the end", "tti", 't', FUNCTION_TOTAL,
             run_substring_index, NULL),
    FUNCTION("spark_hex", "spark_hex(bigint) -> text", "in base 16", "l", 't', FUNCTION_TOTAL,
             run_hex, NULL),
    FUNCTION("spark_hex", "spark_hex(text) -> text", "bytes in base 16", "t", 't', FUNCTION_TOTAL,
             run_hex, NULL),
    FUNCTION("spark_hex", "spark_hex(bytea) -> text", "bytes in base 16", "y", 't', FUNCTION_TOTAL,
             run_hex, NULL),
    FUNCTION("spark_levenshtein", "spark_levenshtein(text, text) -> integer",
             "edits between two texts", "tt", 'i', 0, run_levenshtein, NULL),
    FUNCTION("spark_months_between",
             "spark_months_between(timestamptz, timestamptz) -> double precision",
             "months, and days as parts of 31", "ZZ", 'd', FUNCTION_TOTAL, run_months_between,
             NULL),
};

struct function_table spark_functions(void)
{
    return TABLE_OF(functions);
}
