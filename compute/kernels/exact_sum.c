/*
 * The superaccumulator. A finite double is m * 2^(p - 1074) with a 53-bit m and p in [0, 2045]; it
 * is added to limbs p/32 .. p/32 + 2 as signed 32-bit pieces. Each addition changes a limb by less
 * than 2^32, so carries need propagation only every 2^30 additions. Reading normalises a copy to
 * digits of one sign and rounds.
 */
#include "compute/kernels/exact_sum.h"

#include <math.h>

#define MANY_ADDS (1u << 30)

/* Moves carries up so that limbs below the top lie in [0, 2^32). */
static void propagate(int64_t *limbs, int count)
{
    int64_t carry = 0;
    for (int i = 0; i < count; i++) {
        int64_t value = limbs[i] + carry;
        carry = value >> 32;
        limbs[i] = i + 1 < count ? (int64_t)(uint32_t)value : value;
    }
}

static enum leat_status widen(struct exact_sum *sum, struct leat_arena *arena,
                              struct leat_error *err)
{
    if (sum->full)
        return LEAT_OK;
    sum->full = LEAT_NEW_ARRAY(arena, int64_t, EXACT_LIMBS);
    if (!sum->full)
        return leat_error_memory(err);
    if (sum->specials & 8)
        memcpy(sum->full + sum->base, sum->window, sizeof(sum->window));
    return LEAT_OK;
}

static void add_pieces(int64_t *limbs, unsigned __int128 pieces, int64_t sign)
{
    limbs[0] += sign * (int64_t)(uint32_t)pieces;
    limbs[1] += sign * (int64_t)(uint32_t)(pieces >> 32);
    limbs[2] += sign * (int64_t)(uint32_t)(pieces >> 64);
}

/* Carries of a window cannot leave it, so a window grown too tall becomes full. */
static enum leat_status rest(struct exact_sum *sum, struct leat_arena *arena,
                             struct leat_error *err)
{
    LEAT_TRY(widen(sum, arena, err));
    propagate(sum->full, EXACT_LIMBS);
    sum->adds = 0;
    return LEAT_OK;
}

enum leat_status exact_sum_add(struct exact_sum *sum, double value, struct leat_arena *arena,
                               struct leat_error *err)
{
    uint64_t bits, mantissa;
    unsigned exponent, position, limb;
    int64_t sign;

    memcpy(&bits, &value, 8);
    exponent = (unsigned)(bits >> 52) & 2047;
    mantissa = bits & 0xfffffffffffffULL;
    if (exponent == 2047) {
        sum->specials |= mantissa ? 4 : bits >> 63 ? 2 : 1;
        return LEAT_OK;
    }
    if (exponent)
        mantissa |= 1ULL << 52;
    else if (mantissa == 0)
        return LEAT_OK;
    position = exponent ? exponent - 1 : 0;
    limb = position >> 5;
    sign = 1 - 2 * (int64_t)(bits >> 63);
    if (++sum->adds == MANY_ADDS)
        LEAT_TRY(rest(sum, arena, err));
    if (!sum->full) {
        if (!(sum->specials & 8)) {
            sum->base = (uint8_t)(limb ? limb - 1 : 0);
            sum->specials |= 8;
        }
        if (limb - sum->base <= EXACT_WINDOW - 3) {
            add_pieces(&sum->window[limb - sum->base],
                       (unsigned __int128)mantissa << (position & 31), sign);
            return LEAT_OK;
        }
        LEAT_TRY(widen(sum, arena, err));
    }
    add_pieces(&sum->full[limb], (unsigned __int128)mantissa << (position & 31), sign);
    return LEAT_OK;
}

enum leat_status exact_sum_merge(struct exact_sum *into, const struct exact_sum *from,
                                 struct leat_arena *arena, struct leat_error *err)
{
    into->specials |= from->specials & 7;
    if (!(from->specials & 8) && !from->full)
        return LEAT_OK;
    if (!(into->specials & 8) && !into->full && !from->full) {
        memcpy(into->window, from->window, sizeof(into->window));
        into->base = from->base;
        into->adds = from->adds;
        into->specials |= 8;
        return LEAT_OK;
    }
    if (!into->full && !from->full && into->base == from->base &&
        (uint64_t)into->adds + from->adds < MANY_ADDS) {
        for (int i = 0; i < EXACT_WINDOW; i++)
            into->window[i] += from->window[i];
        into->adds += from->adds;
        return LEAT_OK;
    }
    LEAT_TRY(rest(into, arena, err));
    for (int i = 0; i < (from->full ? EXACT_LIMBS : EXACT_WINDOW); i++)
        into->full[i + (from->full ? 0 : from->base)] +=
            from->full ? from->full[i] : from->window[i];
    propagate(into->full, EXACT_LIMBS);
    return LEAT_OK;
}

/* Digits of the absolute value, low first; *negative its sign. */
static void digits_of(const struct exact_sum *sum, int64_t digits[EXACT_LIMBS], bool *negative)
{
    memset(digits, 0, EXACT_LIMBS * sizeof(int64_t));
    if (sum->full)
        memcpy(digits, sum->full, EXACT_LIMBS * sizeof(int64_t));
    else if (sum->specials & 8)
        memcpy(digits + sum->base, sum->window, sizeof(sum->window));
    propagate(digits, EXACT_LIMBS);
    *negative = digits[EXACT_LIMBS - 1] < 0;
    if (*negative) {
        for (int i = 0; i < EXACT_LIMBS; i++)
            digits[i] = -digits[i];
        propagate(digits, EXACT_LIMBS);
    }
}

static bool special(const struct exact_sum *sum, double *out)
{
    if ((sum->specials & 4) || (sum->specials & 3) == 3)
        *out = (double)NAN;
    else if (sum->specials & 1)
        *out = (double)INFINITY;
    else if (sum->specials & 2)
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

double exact_sum_get(const struct exact_sum *sum)
{
    int64_t digits[EXACT_LIMBS];
    bool negative, sticky = false;
    double result;
    int top = EXACT_LIMBS - 1;

    if (special(sum, &result))
        return result;
    digits_of(sum, digits, &negative);
    while (top > 0 && digits[top] == 0)
        top--;
    /* the four highest digits hold at least 97 significant bits; the rest only decides ties */
    int low = top >= 3 ? top - 3 : 0;
    unsigned __int128 head = 0;
    for (int i = top; i >= low; i--)
        head = head << 32 | (uint32_t)digits[i];
    for (int i = 0; i < low; i++)
        sticky = sticky || digits[i] != 0;
    if (head == 0)
        return 0.0;
    int bits = 128 - (head >> 64 ? __builtin_clzll((uint64_t)(head >> 64))
                                 : 64 + __builtin_clzll((uint64_t)head));
    /* below the smallest exponent there is no fraction to cut: low is 0 then */
    int drop = bits - 53;
    if (drop > 0) {
        unsigned __int128 half = (unsigned __int128)1 << (drop - 1);
        unsigned __int128 cut = head & ((half << 1) - 1);
        head >>= drop;
        if (cut > half || (cut == half && (sticky || (head & 1))))
            head++;
    } else {
        drop = 0;
    }
    result = ldexp((double)(uint64_t)head, drop + low * 32 - 1074);
    return negative ? -result : result;
}

__float128 exact_sum_get_quad(const struct exact_sum *sum)
{
    int64_t digits[EXACT_LIMBS];
    bool negative;
    double value;
    __float128 result = 0;

    if (special(sum, &value))
        return value;
    digits_of(sum, digits, &negative);
    int top = EXACT_LIMBS - 1;
    while (top > 0 && digits[top] == 0)
        top--;
    int low = top >= 4 ? top - 4 : 0;
    for (int i = top; i >= low; i--)
        result = result * 4294967296.0 + (__float128)digits[i];
    /* powers of two are exact, applied in steps that double can hold */
    for (int power = low * 32 - 1074; power;) {
        int step = power > 900 ? 900 : power < -900 ? -900 : power;
        result *= (__float128)ldexp(1.0, step);
        power -= step;
    }
    return negative ? -result : result;
}

enum leat_status exact_sum_put(const struct exact_sum *sum, struct leat_buffer *out,
                               struct leat_error *err)
{
    int64_t digits[EXACT_LIMBS];
    int first = 0, end = EXACT_LIMBS;
    bool negative;

    digits_of(sum, digits, &negative);
    while (first < end && digits[first] == 0)
        first++;
    while (end > first && digits[end - 1] == 0)
        end--;
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)((sum->specials & 7) | (negative ? 16 : 0)), err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)first, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)(end - first), err));
    for (int i = first; i < end; i++)
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)digits[i], err));
    return LEAT_OK;
}

enum leat_status exact_sum_read(struct leat_cursor *cursor, struct exact_sum *sum,
                                struct leat_arena *arena, struct leat_error *err)
{
    uint8_t specials, first, count;

    LEAT_TRY(leat_cursor_get_u8(cursor, &specials, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &first, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &count, err));
    if ((unsigned)first + count > EXACT_LIMBS)
        return leat_error_set(err, LEAT_E_MESSAGE, "damaged sum in an aggregate's state");
    memset(sum, 0, sizeof(*sum));
    sum->specials = specials & 7;
    int64_t *limbs = sum->window;
    if (count && count <= EXACT_WINDOW && first + EXACT_WINDOW <= EXACT_LIMBS) {
        sum->base = first;
        sum->specials |= 8;
    } else if (count) {
        LEAT_TRY(widen(sum, arena, err));
        limbs = sum->full + first;
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t digit;
        LEAT_TRY(leat_cursor_get_u32(cursor, &digit, err));
        limbs[i] = specials & 16 ? -(int64_t)digit : (int64_t)digit;
    }
    return LEAT_OK;
}
