/*
 * Values to text. Doubles and floats are the shortest decimals that read back the same, found with
 * the Schubfach method (Giulietti 2021): the interval of decimals that round to the number is
 * scaled by a 126-bit power of ten, and one or two candidates remain. Their layout is PostgreSQL's:
 * plain between 1e-4 and 1e15 (1e6 for float), else with an exponent of at least two digits.
 */
#include "columns/number_internal.h"
#include <stdlib.h>

static const char digit_pairs[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546"
    "4748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293"
    "949596979899";

static size_t print_uint64(uint64_t value, char *out)
{
    char digits[20];
    size_t at = 20;

    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + value * 2, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(out, digits + at, 20 - at);
    return 20 - at;
}

/* Exactly `width` digits, with leading zeros. */
static size_t print_padded(uint64_t value, size_t width, char *out)
{
    for (size_t i = width; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return width;
}

size_t leat_print_int64(int64_t value, char out[LEAT_PRINT_MAX])
{
    if (value >= 0)
        return print_uint64((uint64_t)value, out);
    out[0] = '-';
    return 1 + print_uint64(0 - (uint64_t)value, out + 1);
}

static size_t print_uint128(unsigned __int128 value, char *out)
{
    const uint64_t step = 10000000000000000000ULL;
    size_t length;

    if (value >> 64 == 0)
        return print_uint64((uint64_t)value, out);
    length = print_uint128(value / step, out); /* two levels at most */
    return length + print_padded((uint64_t)(value % step), 19, out + length);
}

size_t leat_print_decimal(leat_int128 value, unsigned scale, char out[LEAT_PRINT_MAX])
{
    unsigned __int128 magnitude =
        value < 0 ? 0 - (unsigned __int128)value : (unsigned __int128)value;
    char digits[48];
    size_t length = 0, count, whole;

    if (scale > LEAT_DECIMAL_MAX_PRECISION)
        scale = LEAT_DECIMAL_MAX_PRECISION;
    if (value < 0)
        out[length++] = '-';
    count = print_uint128(magnitude, digits);
    whole = count > scale ? count - scale : 0;
    if (whole == 0)
        out[length++] = '0';
    memcpy(out + length, digits, whole);
    length += whole;
    if (scale) {
        out[length++] = '.';
        for (size_t i = count; i < scale; i++)
            out[length++] = '0';
        memcpy(out + length, digits + whole, count - whole);
        length += count - whole;
    }
    return length;
}

/* --- floating point --- */

/* floor(g * factor / 2^127) with the lowest bit set if anything was cut off; g = g1 * 2^63 + g0. */
static uint64_t round_to_odd(uint64_t g1, uint64_t g0, uint64_t factor)
{
    const uint64_t mask = ((uint64_t)1 << 63) - 1;
    uint64_t x1 = (uint64_t)((unsigned __int128)g0 * factor >> 64);
    unsigned __int128 y = (unsigned __int128)g1 * factor;
    uint64_t z = ((uint64_t)y >> 1) + x1;
    uint64_t w = (uint64_t)(y >> 64) + (z >> 63);

    return w | ((z & mask) + mask) >> 63;
}

/* The shortest decimal in the rounding interval of c * 2^q: returns its digits, *exponent its power
 * of ten. `even_step`: the number below is as far away as the one above. */
static uint64_t shortest_decimal(uint64_t c, int64_t q, bool even_step, int64_t *exponent)
{
    int64_t k = even_step ? (q * 661971961083) >> 41 : (q * 661971961083 - 274743187321) >> 41;
    int64_t h = q + ((-k * 913124641741) >> 38) + 2;
    const uint64_t *entry = leat_power_table[-k - LEAT_POWER_TABLE_MIN];
    unsigned __int128 g = (unsigned __int128)entry[0] << 64 | entry[1];
    uint64_t g1, g0, odd = c & 1, middle, low, high, s;

    if (k > 0 && k <= 27)
        g--; /* the table rounds these up */
    g = (g >> 2) + 1;
    g1 = (uint64_t)(g >> 63);
    g0 = (uint64_t)g & (((uint64_t)1 << 63) - 1);
    middle = round_to_odd(g1, g0, (c << 2) << h);
    low = round_to_odd(g1, g0, ((c << 2) - (even_step ? 2 : 1)) << h) + odd;
    high = round_to_odd(g1, g0, ((c << 2) + 2) << h) - odd;
    s = middle >> 2;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = low <= 40 * tens;
        bool above = 40 * tens + 40 <= high;
        if (below != above) {
            *exponent = k + 1;
            return tens + above;
        }
    }
    *exponent = k;
    if ((low <= 4 * s) != (4 * s + 4 <= high))
        return s + (4 * s + 4 <= high);
    if (middle != 4 * s + 2)
        return s + (middle > 4 * s + 2);
    return s + (s & 1);
}

/* digits * 10^exponent in PostgreSQL's layout. */
static size_t print_scientific(uint64_t digits, int64_t exponent, int64_t plain_limit, char *out)
{
    char text[20];
    size_t length = 0, count;
    int64_t leading;

    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    count = print_uint64(digits, text);
    leading = exponent + (int64_t)count - 1;
    if (leading < -4 || leading >= plain_limit) {
        out[length++] = text[0];
        if (count > 1) {
            out[length++] = '.';
            memcpy(out + length, text + 1, count - 1);
            length += count - 1;
        }
        out[length++] = 'e';
        out[length++] = leading < 0 ? '-' : '+';
        leading = leading < 0 ? -leading : leading;
        return length + print_padded((uint64_t)leading, leading >= 100 ? 3 : 2, out + length);
    }
    if (leading < 0) {
        out[length++] = '0';
        out[length++] = '.';
        for (int64_t i = -1; i > leading; i--)
            out[length++] = '0';
        memcpy(out + length, text, count);
        return length + count;
    }
    for (size_t i = 0; i < count || i <= (size_t)leading; i++) {
        if (i == (size_t)leading + 1)
            out[length++] = '.';
        out[length++] = i < count ? text[i] : '0';
    }
    return length;
}

static size_t print_special(bool nan, bool negative, char *out)
{
    const char *word = nan ? "NaN" : negative ? "-Infinity" : "Infinity";
    size_t length = strlen(word);

    memcpy(out, word, length);
    return length;
}

size_t leat_print_double(double value, char out[LEAT_PRINT_MAX])
{
    const uint64_t hidden = (uint64_t)1 << 52;
    uint64_t bits, mantissa, digits;
    int64_t field, exponent;
    size_t length = 0;

    memcpy(&bits, &value, 8);
    mantissa = bits & (hidden - 1);
    field = bits >> 52 & 0x7ff;
    if (field == 0x7ff)
        return print_special(mantissa != 0, bits >> 63, out);
    if (bits >> 63)
        out[length++] = '-';
    if (mantissa == 0 && field == 0) {
        out[length++] = '0';
        return length;
    }
    if (field)
        digits =
            shortest_decimal(mantissa | hidden, field - 1075, mantissa || field == 1, &exponent);
    else
        digits = shortest_decimal(mantissa, -1074, true, &exponent);
    return length + print_scientific(digits, exponent, 15, out + length);
}

size_t leat_print_float(float value, char out[LEAT_PRINT_MAX])
{
    const uint32_t hidden = (uint32_t)1 << 23;
    uint32_t bits, mantissa;
    uint64_t digits;
    int64_t field, exponent;
    size_t length = 0;

    memcpy(&bits, &value, 4);
    mantissa = bits & (hidden - 1);
    field = bits >> 23 & 0xff;
    if (field == 0xff)
        return print_special(mantissa != 0, bits >> 31, out);
    if (bits >> 31)
        out[length++] = '-';
    if (mantissa == 0 && field == 0) {
        out[length++] = '0';
        return length;
    }
    if (field)
        digits =
            shortest_decimal(mantissa | hidden, field - 150, mantissa || field == 1, &exponent);
    else
        digits = shortest_decimal(mantissa, -149, true, &exponent);
    return length + print_scientific(digits, exponent, 6, out + length);
}

/* --- dates and times --- */

/* The date without its era; *bc says whether " BC" must follow what comes after it. */
static size_t print_civil(int32_t days, char *out, bool *bc)
{
    int64_t year;
    unsigned month, day;
    size_t length = 0;

    leat_civil_from_days(days, &year, &month, &day);
    *bc = year <= 0;
    if (*bc)
        year = 1 - year;
    length =
        year < 10000 ? print_padded((uint64_t)year, 4, out) : print_uint64((uint64_t)year, out);
    out[length++] = '-';
    memcpy(out + length, digit_pairs + month * 2, 2);
    out[length + 2] = '-';
    memcpy(out + length + 3, digit_pairs + day * 2, 2);
    return length + 5;
}

size_t leat_print_date(int32_t days, char out[LEAT_PRINT_MAX])
{
    bool bc;
    size_t length = print_civil(days, out, &bc);

    if (bc) {
        memcpy(out + length, " BC", 3);
        length += 3;
    }
    return length;
}

/* .ffffff without trailing zeros, or nothing. */
static size_t print_fraction(uint64_t microseconds, char *out)
{
    size_t width = 6;

    if (microseconds == 0)
        return 0;
    while (microseconds % 10 == 0) {
        microseconds /= 10;
        width--;
    }
    out[0] = '.';
    return 1 + print_padded(microseconds, width, out + 1);
}

static size_t print_clock(uint64_t microseconds, char *out)
{
    uint64_t seconds = microseconds / 1000000;
    uint64_t hours = seconds / 3600;
    size_t length;

    length = hours < 100 ? print_padded(hours, 2, out) : print_uint64(hours, out);
    out[length] = ':';
    memcpy(out + length + 1, digit_pairs + seconds / 60 % 60 * 2, 2);
    out[length + 3] = ':';
    memcpy(out + length + 4, digit_pairs + seconds % 60 * 2, 2);
    length += 6;
    return length + print_fraction(microseconds % 1000000, out + length);
}

size_t leat_print_time(int64_t microseconds, char out[LEAT_PRINT_MAX])
{
    size_t length = 0;

    if (microseconds < 0)
        out[length++] = '-';
    return length +
           print_clock(microseconds < 0 ? 0 - (uint64_t)microseconds : (uint64_t)microseconds,
                       out + length);
}

size_t leat_print_timestamp(int64_t microseconds, bool with_zone, char out[LEAT_PRINT_MAX])
{
    const int64_t day = 86400000000;
    int64_t days = microseconds / day;
    int64_t rest = microseconds % day;
    size_t length;
    bool bc;

    if (rest < 0) {
        rest += day;
        days--;
    }
    length = print_civil((int32_t)days, out, &bc);
    out[length++] = ' ';
    length += print_clock((uint64_t)rest, out + length);
    if (with_zone) {
        memcpy(out + length, "+00", 3);
        length += 3;
    }
    if (bc) {
        memcpy(out + length, " BC", 3);
        length += 3;
    }
    return length;
}

static size_t print_interval_part(int64_t value, const char *unit, bool *first, bool *before,
                                  char *out)
{
    size_t length = 0;

    if (value == 0)
        return 0;
    if (!*first)
        out[length++] = ' ';
    if (*before && value > 0)
        out[length++] = '+';
    length += leat_print_int64(value, out + length);
    out[length++] = ' ';
    memcpy(out + length, unit, strlen(unit));
    length += strlen(unit);
    if (value != 1)
        out[length++] = 's';
    *before = value < 0;
    *first = false;
    return length;
}

size_t leat_print_interval(const struct leat_interval *interval, char out[LEAT_PRINT_MAX])
{
    bool first = true, before = false;
    size_t length = 0;

    length += print_interval_part(interval->months / 12, "year", &first, &before, out);
    length += print_interval_part(interval->months % 12, "mon", &first, &before, out + length);
    length += print_interval_part(interval->days, "day", &first, &before, out + length);
    if (first || interval->microseconds) {
        bool minus = interval->microseconds < 0;
        if (!first)
            out[length++] = ' ';
        if (minus || before)
            out[length++] = minus ? '-' : '+';
        length += print_clock(minus ? 0 - (uint64_t)interval->microseconds
                                    : (uint64_t)interval->microseconds,
                              out + length);
    }
    return length;
}

size_t leat_print_uuid(const uint8_t uuid[16], char out[LEAT_PRINT_MAX])
{
    static const char hex[] = "0123456789abcdef";
    size_t length = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[length++] = '-';
        out[length++] = hex[uuid[i] >> 4];
        out[length++] = hex[uuid[i] & 15];
    }
    return length;
}
