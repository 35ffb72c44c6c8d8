/*
 * The usual forms of keys and values, taken without asking the grammar twice: the key that comes
 * next in the schema's order, short numbers, strings without escapes, ISO dates. Each function
 * returns false, with nothing taken, where something else stands; the general way then reads it, or
 * tells what is wrong with it. Only the builder includes this.
 */
#ifndef LEAT_FORMATS_JSON_USUAL_VALUES_H
#define LEAT_FORMATS_JSON_USUAL_VALUES_H

#include "formats/json/json_internal.h"
#include "formats/text_values.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The column's key, its quotes and the colon behind it, as they are usually written. */
LEAT_TEXT_INLINE bool usual_key(const struct json_column *column, struct json_text *t)
{
    const uint64_t *words = column->key;
    const char *at = t->at;
    uint32_t left = column->key_length;

    if (left == 0 || (size_t)(t->end - at) < left)
        return false;
    for (; left > 8; left -= 8, at += 8)
        if (leat_text_word(at) != *words++)
            return false;
    if ((leat_text_word(at) ^ *words) << (64 - left * 8))
        return false;
    t->at += column->key_length;
    return true;
}

/* True if the byte behind a number's digits goes on with it. */
LEAT_TEXT_INLINE bool number_goes_on(char c)
{
    return c == '.' || (c | 0x20) == 'e';
}

/* A whole number of one to fifteen digits. */
LEAT_TEXT_INLINE bool usual_integer(struct json_text *t, int64_t *out)
{
    static const uint64_t powers[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    bool negative = *t->at == '-';
    const char *at = t->at + negative;
    uint64_t word = leat_text_word(at), others = leat_text_not_digits(word), value;
    size_t length;

    if (others) {
        length = (size_t)__builtin_ctzll(others) >> 3;
        if (length == 0)
            return false;
        value = leat_text_digits(word, length);
    } else {
        uint64_t low = leat_text_word(at + 8), behind = leat_text_not_digits(low);
        size_t more = (size_t)__builtin_ctzll(behind | (uint64_t)1 << 63) >> 3;
        if (behind == 0)
            return false;
        value = leat_text_digits(word, 8) * powers[more];
        if (more)
            value += leat_text_digits(low, more);
        length = 8 + more;
    }
    if ((*at == '0' && length > 1) || number_goes_on(at[length]) || at + length > t->end)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    t->at = at + length;
    return true;
}

/* Up to seven digits, and up to seven behind a point. */
LEAT_TEXT_INLINE bool usual_double(struct json_text *t, double *out)
{
    static const uint64_t powers[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    bool negative = *t->at == '-';
    const char *at = t->at + negative;
    uint64_t word = leat_text_word(at), others = leat_text_not_digits(word), value;
    size_t whole = (size_t)__builtin_ctzll(others | (uint64_t)1 << 63) >> 3, fraction = 0;
    size_t length = whole;

    if (others == 0 || whole == 0 || (*at == '0' && whole > 1))
        return false;
    value = leat_text_digits(word, whole);
    if (at[whole] == '.') {
        uint64_t low = leat_text_word(at + whole + 1), behind = leat_text_not_digits(low);
        fraction = (size_t)__builtin_ctzll(behind | (uint64_t)1 << 63) >> 3;
        if (behind == 0 || fraction == 0)
            return false;
        value = value * powers[fraction] + leat_text_digits(low, fraction);
        length = whole + 1 + fraction;
    }
    if (number_goes_on(at[length]) || at + length > t->end)
        return false;
    *out = leat_text_scaled(value, (unsigned)fraction);
    if (negative)
        *out = -*out;
    t->at = at + length;
    return true;
}

/* A string without escapes. */
LEAT_TEXT_INLINE bool usual_string(struct json_text *t, struct leat_string *out)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    const char *start = t->at + 1, *at = start;
    unsigned mask;

    if (*t->at != '"')
        return false;
    for (;; at += 16) { /* ends in the padding at the latest: zeros are control characters */
        __m128i block = _mm_loadu_si128((const void *)at);
        __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(block, control), control);
        mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash)), low));
        if (mask || at >= t->end)
            break;
    }
    at += mask ? __builtin_ctz(mask) : 0;
    if (at >= t->end || *at != '"')
        return false;
    leat_text_store(out, start, (size_t)(at - start));
    t->at = at + 1;
    return true;
#else
    (void)t;
    (void)out;
    return false;
#endif
}

LEAT_TEXT_INLINE bool usual_date(struct json_text *t, int32_t *out)
{
    if (t->end - t->at < 12 || t->at[0] != '"' || t->at[11] != '"' ||
        !leat_text_parse_date(t->at + 1, out))
        return false;
    t->at += 12;
    return true;
}

/* A value of the column, in row `row`. */
LEAT_TEXT_INLINE bool usual_value(const struct json_builder *b, struct json_column *column,
                                  struct json_text *t, uint32_t row)
{
    bool good;

    switch (column->usual) {
    case LEAT_INT64:
        good = usual_integer(t, (int64_t *)column->data + row);
        break;
    case LEAT_DOUBLE:
        good = usual_double(t, (double *)column->data + row);
        break;
    case LEAT_TEXT:
        good = !t->null_count && usual_string(t, (struct leat_string *)column->data + row);
        break;
    case LEAT_DATE:
        good = !b->date_format && usual_date(t, (int32_t *)column->data + row);
        break;
    default:
        return false;
    }
    if (good && column->any_null)
        leat_validity_set(column->validity, row, true);
    return good;
}

#endif
