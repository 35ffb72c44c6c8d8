/*
 * Exact decimal arithmetic on 128 bits with 256-bit intermediates, and its conversions.
 *
 * Products and scaled dividends may need 256 bits; they are held as two 128-bit halves. Division of
 * 256 by 128 bits is by shift and subtract when the high half is not zero, which is rare; else the
 * machine's division does.
 */
#include "compute/kernels/kernels_internal.h"

#include <math.h>
#include <stdio.h>

unsigned integer_digits(const struct leat_type *type)
{
    switch (type->id) {
    case LEAT_BOOLEAN:
        return 1;
    case LEAT_INT8:
        return 3;
    case LEAT_INT16:
        return 5;
    case LEAT_INT32:
        return 10;
    default:
        return 19;
    }
}

const struct leat_type *decimal_of(const struct leat_type *type)
{
    return type->id == LEAT_DECIMAL ? type : leat_type_decimal(integer_digits(type), 0);
}

static leat_uint128 magnitude(leat_int128 value)
{
    return value < 0 ? -(leat_uint128)value : (leat_uint128)value;
}

leat_int128 decimal_round(leat_int128 value, unsigned digits)
{
    if (digits == 0)
        return value;
    if (digits > 38)
        return 0;
    leat_int128 power = leat_power_of_ten[digits];
    leat_int128 quotient = value / power, rest = value % power;
    if (magnitude(rest) >= magnitude(power) - magnitude(rest))
        quotient += value < 0 ? -1 : 1;
    return quotient;
}

struct wide {
    leat_uint128 high, low;
};

static struct wide multiply(leat_uint128 a, leat_uint128 b)
{
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64), b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    leat_uint128 p00 = (leat_uint128)a0 * b0, p01 = (leat_uint128)a0 * b1;
    leat_uint128 p10 = (leat_uint128)a1 * b0, p11 = (leat_uint128)a1 * b1;
    leat_uint128 middle = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;
    return (struct wide){p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64),
                         middle << 64 | (uint64_t)p00};
}

/* wide / divisor; the quotient must fit 128 bits (high < divisor). */
static leat_uint128 divide(struct wide value, leat_uint128 divisor, leat_uint128 *rest)
{
    leat_uint128 remainder = value.high, quotient = 0;

    if (value.high == 0) {
        *rest = value.low % divisor;
        return value.low / divisor;
    }
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = remainder >> 127;
        remainder = remainder << 1 | (value.low >> bit & 1);
        quotient <<= 1;
        if (carry || remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1;
        }
    }
    *rest = remainder;
    return quotient;
}

/* |value| / divisor rounded half away from zero, with the sign; false above 38 digits. */
static bool divide_rounded(struct wide value, leat_uint128 divisor, bool negative, leat_int128 *out)
{
    leat_uint128 rest, quotient;

    if (value.high >= divisor)
        return false;
    quotient = divide(value, divisor, &rest);
    if (rest >= divisor - rest && quotient != ~(leat_uint128)0)
        quotient++;
    if (quotient >= (leat_uint128)leat_power_of_ten[38])
        return false;
    *out = negative ? -(leat_int128)quotient : (leat_int128)quotient;
    return true;
}

bool decimal_divide(leat_int128 a, unsigned digits, leat_int128 b, leat_int128 *out)
{
    bool negative = (a < 0) != (b < 0);
    unsigned more = digits > 38 ? digits - 38 : 0;
    struct wide scaled = multiply(magnitude(a), (leat_uint128)leat_power_of_ten[digits - more]);

    while (more--) { /* beyond 38 digits a must be small, else the result passes the limit */
        if (scaled.high >> 124)
            return false;
        struct wide low = multiply(scaled.low, 10);
        scaled = (struct wide){scaled.high * 10 + low.high, low.low};
    }
    return divide_rounded(scaled, magnitude(b), negative, out);
}

bool decimal_multiply(leat_int128 a, leat_int128 b, unsigned digits, leat_int128 *out)
{
    bool negative = (a < 0) != (b < 0);
    struct wide product = multiply(magnitude(a), magnitude(b));
    if (digits > 38)
        return false;
    return divide_rounded(product, (leat_uint128)leat_power_of_ten[digits], negative, out);
}

double decimal_to_double(leat_int128 value, unsigned scale)
{
    char text[LEAT_PRINT_MAX];
    double result = 0;

    /* both exact in a double: one division rounds correctly */
    if (scale <= 22 && magnitude(value) <= (leat_uint128)1 << 53)
        return (double)value / (double)leat_power_of_ten[scale];
    size_t length = leat_print_decimal(value, scale, text);
    if (!leat_parse_double(text, length, &result))
        return (double)value / (double)leat_power_of_ten[scale];
    return result;
}

bool double_to_decimal(double value, unsigned precision, unsigned scale, leat_int128 *out)
{
    char text[LEAT_PRINT_MAX];

    if (!isfinite(value))
        return false;
    /* as PostgreSQL: through 15 significant digits */
    int length = snprintf(text, sizeof(text), "%.14e", value);
    for (int i = 0; i < length; i++) {
        if (text[i] == ',')
            text[i] = '.';
    }
    return leat_parse_decimal(text, (size_t)length, precision, scale, out);
}
