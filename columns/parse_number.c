/*
 * Numbers from text. Digits are taken eight at a time by arithmetic on one 64-bit word. Doubles go
 * through three stages: exact double arithmetic where mantissa and power are small (Clinger 1990);
 * one or two 64x64-bit products with a 128-bit power of ten (Lemire 2021); and, for the few texts
 * these cannot decide, a comparison of the exact decimal with the exact midpoint of two
 * neighbouring doubles in big integers.
 */
#include "columns/number_internal.h"

#define E10 ((leat_int128)10000000000LL)
const leat_int128 leat_power_of_ten[39] = {
    (leat_int128)1,
    (leat_int128)10,
    (leat_int128)100,
    (leat_int128)1000,
    (leat_int128)10000,
    (leat_int128)100000,
    (leat_int128)1000000,
    (leat_int128)10000000,
    (leat_int128)100000000,
    (leat_int128)1000000000,
    E10,
    E10 * 10,
    E10 * 100,
    E10 * 1000,
    E10 * 10000,
    E10 * 100000,
    E10 * 1000000,
    E10 * 10000000,
    E10 * 100000000,
    E10 * 1000000000,
    E10 *E10,
    E10 *E10 * 10,
    E10 *E10 * 100,
    E10 *E10 * 1000,
    E10 *E10 * 10000,
    E10 *E10 * 100000,
    E10 *E10 * 1000000,
    E10 *E10 * 10000000,
    E10 *E10 * 100000000,
    E10 *E10 * 1000000000,
    E10 *E10 *E10,
    E10 *E10 *E10 * 10,
    E10 *E10 *E10 * 100,
    E10 *E10 *E10 * 1000,
    E10 *E10 *E10 * 10000,
    E10 *E10 *E10 * 100000,
    E10 *E10 *E10 * 1000000,
    E10 *E10 *E10 * 10000000,
    E10 *E10 *E10 * 100000000,
};
#undef E10

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static bool eight_digits(uint64_t word)
{
    return (((word & 0xf0f0f0f0f0f0f0f0) |
             (((word + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) == 0x3333333333333333);
}

/* Eight ASCII digits, first in the lowest byte. */
static uint64_t eight_digits_value(uint64_t word)
{
    word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

/* Reads digits into *value; returns how many. At most 19 of them can be taken without overflow. */
static size_t read_digits(const char *text, size_t length, uint64_t *value)
{
    size_t at = 0;
    uint64_t sum = *value;

    while (length - at >= 8) {
        uint64_t word;
        memcpy(&word, text + at, 8);
        if (!eight_digits(word))
            break;
        sum = sum * 100000000 + eight_digits_value(word);
        at += 8;
    }
    while (at < length && is_digit(text[at])) {
        sum = sum * 10 + (uint64_t)(text[at] - '0');
        at++;
    }
    *value = sum;
    return at;
}

bool leat_parse_int64(const char *text, size_t length, int64_t *out)
{
    size_t at = 0;
    bool negative = false;
    uint64_t value = 0;

    if (length && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        at = 1;
    }
    if (at == length)
        return false;
    if (length - at > 19) { /* rare: leading zeros, or out of range */
        while (at + 1 < length && text[at] == '0')
            at++;
        if (length - at > 19)
            return false;
    }
    if (read_digits(text + at, length - at, &value) != length - at)
        return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static bool equal_nocase(const char *text, size_t length, const char *word)
{
    size_t i;

    for (i = 0; i < length; i++)
        if (!word[i] || (text[i] | 0x20) != word[i])
            return false;
    return word[i] == 0;
}

bool leat_parse_boolean(const char *text, size_t length, bool *out)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", NULL};
    static const char *const no[] = {"false", "f", "no", "n", "off", NULL};

    if (length == 1 && (text[0] == '0' || text[0] == '1')) {
        *out = text[0] == '1';
        return true;
    }
    if (length == 0 || length > 5)
        return false;
    for (size_t i = 0; yes[i]; i++)
        if (equal_nocase(text, length, yes[i])) {
            *out = true;
            return true;
        }
    for (size_t i = 0; no[i]; i++)
        if (equal_nocase(text, length, no[i])) {
            *out = false;
            return true;
        }
    return false;
}

bool leat_parse_uuid(const char *text, size_t length, uint8_t out[16])
{
    size_t digits = 0;

    if (length >= 2 && text[0] == '{' && text[length - 1] == '}') {
        text++;
        length -= 2;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned value;
        if (c == '-') { /* allowed after each group of four digits */
            if (digits == 0 || digits % 4 || digits == 32 || text[i - 1] == '-')
                return false;
            continue;
        }
        if (is_digit(c))
            value = (unsigned)(c - '0');
        else if ((unsigned)((c | 0x20) - 'a') < 6)
            value = (unsigned)((c | 0x20) - 'a') + 10;
        else
            return false;
        if (digits == 32)
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 ? (unsigned)out[digits / 2] << 4 | value : value);
        digits++;
    }
    return digits == 32;
}

/* What a decimal text says: digits (with at most one point among them) times 10^exponent. */
struct number_text {
    bool negative;
    const char *digits; /* first significant digit or the point before it */
    const char *end;    /* end of the digits */
    size_t significant; /* digits from the first that is not zero */
    int64_t exponent;   /* of the last digit */
};

static bool scan_exponent(const char *at, const char *end, int64_t *out)
{
    bool negative = false;
    int64_t value = 0;

    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    if (at == end)
        return false;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return false;
        if (value < 100000000)
            value = value * 10 + (*at - '0');
    }
    *out = negative ? -value : value;
    return true;
}

static bool scan_number(const char *text, size_t length, struct number_text *out)
{
    const char *at = text;
    const char *end = text + length;
    bool point = false;
    size_t digits = 0;
    int64_t fraction = 0, exponent = 0;

    *out = (struct number_text){0};
    if (at < end && (*at == '-' || *at == '+'))
        out->negative = *at++ == '-';
    out->digits = at;
    for (; at < end; at++) {
        if (is_digit(*at)) {
            digits++;
            fraction += point;
            if (out->significant || *at != '0') {
                if (!out->significant)
                    out->digits = at;
                out->significant++;
            }
        } else if (*at == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    out->end = at;
    if (digits == 0)
        return false;
    if (at < end) {
        if ((*at | 0x20) != 'e' || !scan_exponent(at + 1, end, &exponent))
            return false;
    }
    out->exponent = exponent - fraction;
    return true;
}

bool leat_parse_decimal(const char *text, size_t length, unsigned precision, unsigned scale,
                        leat_int128 *out)
{
    struct number_text number;
    leat_int128 value = 0;
    int64_t keep, taken = 0;
    bool round_up = false;

    if (precision > LEAT_DECIMAL_MAX_PRECISION || scale > LEAT_DECIMAL_MAX_PRECISION ||
        !scan_number(text, length, &number))
        return false;
    /* `keep` leading digits remain; where it is more than there are, zeros follow. */
    keep = (int64_t)number.significant + number.exponent + (int64_t)scale;
    if (number.significant == 0) {
        *out = 0;
        return true;
    }
    if (keep > (int64_t)precision)
        return false;
    if (keep >= 0) {
        for (const char *at = number.digits; at < number.end; at++) {
            if (*at == '.')
                continue;
            if (taken == keep) {
                round_up = *at >= '5';
                break;
            }
            value = value * 10 + (*at - '0');
            taken++;
        }
        if (taken < keep)
            value *= leat_power_of_ten[keep - taken];
    }
    value += round_up;
    if (value >= leat_power_of_ten[precision])
        return false;
    *out = number.negative ? -value : value;
    return true;
}

/* --- doubles --- */

/* Non-negative integers of up to 128 limbs: enough for 800 digits times 10^342. */
#define BIG_LIMBS 128
struct big {
    size_t count;
    uint64_t limbs[BIG_LIMBS];
};

static void big_multiply_add(struct big *big, uint64_t factor, uint64_t addend)
{
    unsigned __int128 carry = addend;

    for (size_t i = 0; i < big->count; i++) {
        carry += (unsigned __int128)big->limbs[i] * factor;
        big->limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry && big->count < BIG_LIMBS)
        big->limbs[big->count++] = (uint64_t)carry;
}

static void big_multiply_power_of_five(struct big *big, uint64_t power)
{
    for (; power >= 27; power -= 27)
        big_multiply_add(big, 7450580596923828125, 0); /* 5^27 */
    for (; power; power--)
        big_multiply_add(big, 5, 0);
}

static void big_shift_left(struct big *big, uint64_t bits)
{
    size_t words = (size_t)(bits / 64);
    unsigned rest = (unsigned)(bits % 64);

    if (rest)
        big_multiply_add(big, (uint64_t)1 << rest, 0);
    if (words && big->count && big->count + words <= BIG_LIMBS) {
        memmove(big->limbs + words, big->limbs, big->count * sizeof(uint64_t));
        memset(big->limbs, 0, words * sizeof(uint64_t));
        big->count += words;
    }
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* The decimal digits of `number` as an integer; *exponent is that of its last digit. More than 800
 * digits cannot matter but for being not all zero. */
static void big_from_digits(const struct number_text *number, struct big *out, int64_t *exponent)
{
    size_t taken = 0;
    bool rest = false;

    out->count = 0;
    *exponent = number->exponent;
    for (const char *at = number->digits; at < number->end; at++) {
        if (*at == '.')
            continue;
        if (taken < 800) {
            uint64_t digit = (uint64_t)(*at - '0');
            big_multiply_add(out, 10, digit);
            taken++;
        } else {
            rest |= *at != '0';
            ++*exponent;
        }
    }
    if (rest) {
        big_multiply_add(out, 10, 1);
        --*exponent;
    }
}

/* Order of the decimal and the midpoint above the double with these bits. */
static int compare_with_midpoint(const struct big *digits, int64_t exponent, uint64_t bits)
{
    struct big a = *digits, b = {0};
    uint64_t field = bits >> 52;
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    int64_t power = field ? (int64_t)field - 1075 : -1074;

    if (field)
        mantissa |= (uint64_t)1 << 52;
    b.count = 1;
    b.limbs[0] = 2 * mantissa + 1;
    power -= 1;
    /* digits * 10^exponent against b * 2^power, each side multiplied up to an integer. */
    if (exponent >= 0)
        big_multiply_power_of_five(&a, (uint64_t)exponent);
    else
        big_multiply_power_of_five(&b, (uint64_t)-exponent);
    if (exponent > power)
        big_shift_left(&a, (uint64_t)(exponent - power));
    else
        big_shift_left(&b, (uint64_t)(power - exponent));
    return big_compare(&a, &b);
}

/* `bits` is near the right answer: walk to it. */
static uint64_t exact_double(const struct number_text *number, uint64_t bits)
{
    const uint64_t infinity = (uint64_t)0x7ff << 52;
    struct big digits;
    int64_t exponent;

    big_from_digits(number, &digits, &exponent);
    for (;;) {
        int order;
        if (bits < infinity) {
            order = compare_with_midpoint(&digits, exponent, bits);
            if (order > 0 || (order == 0 && (bits & 1))) {
                bits++;
                continue;
            }
        }
        if (bits > 0) {
            order = compare_with_midpoint(&digits, exponent, bits - 1);
            if (order < 0 || (order == 0 && (bits & 1))) {
                bits--;
                continue;
            }
        }
        return bits;
    }
}

/* The double nearest to mantissa * 10^exponent as bits. False: the product does not decide (then
 * *out is at most one step off). */
static bool lemire_double(uint64_t mantissa, int64_t exponent, uint64_t *out)
{
    const uint64_t *power;
    unsigned __int128 product;
    uint64_t high, low, result;
    int leading, upper, shift;
    int64_t binary;
    bool sure = true;

    *out = 0;
    if (mantissa == 0 || exponent < -342)
        return true;
    *out = (uint64_t)0x7ff << 52;
    if (exponent > 308)
        return true;
    leading = __builtin_clzll(mantissa);
    mantissa <<= leading;
    power = leat_power_table[exponent - LEAT_POWER_TABLE_MIN];
    product = (unsigned __int128)mantissa * power[0];
    high = (uint64_t)(product >> 64);
    low = (uint64_t)product;
    if ((high & 0x1ff) == 0x1ff) {
        uint64_t more = (uint64_t)((unsigned __int128)mantissa * power[1] >> 64);
        low += more;
        high += low < more;
    }
    if (low == UINT64_MAX && (exponent < -27 || exponent > 55))
        sure = false;
    upper = (int)(high >> 63);
    shift = upper + 64 - 52 - 3;
    result = high >> shift;
    binary = (((152170 + 65536) * exponent) >> 16) + 63 + upper - leading + 1023;
    if (binary <= 0) {
        if (1 - binary >= 64) {
            *out = 0;
            return sure;
        }
        result >>= 1 - binary;
        result = (result + (result & 1)) >> 1;
        *out = result; /* a carry into bit 52 is the smallest normal number */
        return sure;
    }
    if (low <= 1 && exponent >= -4 && exponent <= 23 && (result & 3) == 1 &&
        result << shift == high)
        result &= ~(uint64_t)1; /* exactly between two doubles: to even */
    result = (result + (result & 1)) >> 1;
    if (result >= (uint64_t)2 << 52) {
        result = (uint64_t)1 << 52;
        binary++;
    }
    if (binary < 0x7ff)
        *out = (result & ~((uint64_t)1 << 52)) | (uint64_t)binary << 52;
    return sure;
}

static bool parse_special_double(const char *text, size_t length, double *out)
{
    bool negative = false;
    double value;

    if (length && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        text++;
        length--;
    }
    if (equal_nocase(text, length, "inf") || equal_nocase(text, length, "infinity"))
        value = __builtin_inf();
    else if (equal_nocase(text, length, "nan"))
        value = __builtin_nan("");
    else
        return false;
    *out = negative && value > 0 ? -value : value;
    return true;
}

static bool parse_long_double_text(const char *text, size_t length, double *out)
{
    struct number_text number;
    uint64_t mantissa = 0, bits, next;
    int64_t exponent;
    size_t taken = 0;
    bool sure;

    if (!scan_number(text, length, &number))
        return parse_special_double(text, length, out);
    for (const char *at = number.digits; at < number.end && taken < 19; at++)
        if (*at != '.') {
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
            taken++;
        }
    exponent = number.exponent;
    if (number.significant > taken)
        exponent += (int64_t)(number.significant - taken);
    if (number.significant == 0)
        mantissa = 0;
    sure = lemire_double(mantissa, exponent, &bits);
    if (sure && number.significant > taken)
        sure = lemire_double(mantissa + 1, exponent, &next) && next == bits;
    if (!sure && exponent >= -400 && exponent <= 400)
        bits = exact_double(&number, bits);
    if (bits == (uint64_t)0x7ff << 52 || (bits == 0 && number.significant))
        return false; /* out of range */
    bits |= (uint64_t)number.negative << 63;
    memcpy(out, &bits, 8);
    return true;
}

bool leat_parse_double(const char *text, size_t length, double *out)
{
    static const double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t at = 0, whole, fraction = 0;
    bool negative = false;
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    double value;

    if (length && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        at = 1;
    }
    /* Short texts without surprises; the rest takes the careful way. */
    if (length - at > 19)
        return parse_long_double_text(text, length, out);
    whole = read_digits(text + at, length - at, &mantissa);
    at += whole;
    if (at < length && text[at] == '.') {
        at++;
        fraction = read_digits(text + at, length - at, &mantissa);
        at += fraction;
    }
    if (whole + fraction == 0)
        return parse_special_double(text, length, out);
    if (at < length) {
        if ((text[at] | 0x20) != 'e' || !scan_exponent(text + at + 1, text + length, &exponent))
            return false;
    }
    exponent -= (int64_t)fraction;
    if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
        value = (double)mantissa;
        value = exponent < 0 ? value / exact_powers[-exponent] : value * exact_powers[exponent];
    } else {
        uint64_t bits;
        if (!lemire_double(mantissa, exponent, &bits))
            return parse_long_double_text(text, length, out);
        if (bits == (uint64_t)0x7ff << 52 || (bits == 0 && mantissa))
            return false;
        memcpy(&value, &bits, 8);
    }
    *out = negative ? -value : value;
    return true;
}
