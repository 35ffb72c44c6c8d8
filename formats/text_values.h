/*
 * The usual forms of values in text files, read by words of eight bytes: whole numbers, numbers
 * with a point, ISO dates, short strings. What is not of the usual form is refused here, and the
 * caller asks the general parsers (columns/value.h), so these decide nothing about what is valid.
 *
 * All of them may read, but do not use, up to 16 bytes behind the text.
 */
#ifndef LEAT_FORMATS_TEXT_VALUES_H
#define LEAT_FORMATS_TEXT_VALUES_H

#include "columns/vector.h"

#define LEAT_TEXT_INLINE static inline __attribute__((always_inline))

LEAT_TEXT_INLINE uint64_t leat_text_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, 8);
    return word;
}

/* 0 in each byte that is a digit, else something in its upper half. */
LEAT_TEXT_INLINE uint64_t leat_text_not_digits(uint64_t word)
{
    uint64_t x = word ^ 0x3030303030303030; /* digits become 0..9 */

    return (x | ((x & 0x7f7f7f7f7f7f7f7f) + 0x7676767676767676)) & 0x8080808080808080;
}

/* The number whose digits are the word's first `length` bytes (1 to 8), which must be digits. */
LEAT_TEXT_INLINE uint64_t leat_text_digits(uint64_t word, size_t length)
{
    word <<= 64 - length * 8;
    word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

/* All of the text, one to eight digits. */
LEAT_TEXT_INLINE bool leat_text_parse_digits(const char *text, size_t length, uint64_t *out)
{
    uint64_t word = leat_text_word(text);

    *out = leat_text_digits(word, length);
    return leat_text_not_digits(word) << (64 - length * 8) == 0;
}

/* Digits around a point, fifteen of them at most, so that one division is exact
 * (Clinger, "How to read floating point numbers accurately", 1990). */
LEAT_TEXT_INLINE double leat_text_scaled(uint64_t digits, unsigned fraction)
{
    static const double powers[17] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                      1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

    return (double)digits / powers[fraction];
}

/* All of the text: an optional minus, digits, and a point within them. */
LEAT_TEXT_INLINE bool leat_text_parse_double(const char *text, size_t length, double *out)
{
    bool negative = *text == '-';
    uint64_t value = 0;
    size_t at, point;

    text += negative;
    length -= negative;
    if (length - 1 < 8) {
        uint64_t word = leat_text_word(text), others = leat_text_not_digits(word);
        others &= UINT64_MAX >> (64 - length * 8);
        if (others == 0) {
            *out = (double)leat_text_digits(word, length);
        } else {                                             /* the point is squeezed out */
            uint64_t before = ((others & -others) >> 7) - 1; /* the bytes before it */
            point = (size_t)__builtin_ctzll(others) >> 3;
            if ((others & (others - 1)) || text[point] != '.' || length == 1)
                return false;
            word = (word & before) | (word >> 8 & ~before);
            *out = leat_text_scaled(leat_text_digits(word, length - 1),
                                    (unsigned)(length - point - 1));
        }
        if (negative)
            *out = -*out;
        return true;
    }
    if (length == 0 || length > 16)
        return false;
    for (at = 0, point = length; at < length; at++) {
        unsigned digit = (unsigned)(uint8_t)text[at] - '0';
        if (digit < 10) {
            value = value * 10 + digit;
        } else {
            if (text[at] != '.' || point != length)
                return false;
            point = at;
        }
    }
    if (value >= (uint64_t)1 << 53)
        return false;
    *out = leat_text_scaled(value, point < length ? (unsigned)(length - point - 1) : 0);
    if (negative)
        *out = -*out;
    return true;
}

/* YYYY-MM-DD, from year 1. */
LEAT_TEXT_INLINE bool leat_text_parse_date(const char *text, int32_t *out)
{
    static const uint8_t lengths[16] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t word = leat_text_word(text), digits; /* YYYY-MM- */
    unsigned year, month, day;

    if ((word & 0xff0000ff00000000) != 0x2d00002d00000000)
        return false;
    digits = (word & 0xffffffff) | (word >> 8 & 0x0000ffff00000000) |
             (uint64_t)(uint8_t)text[8] << 48 | (uint64_t)(uint8_t)text[9] << 56;
    if (leat_text_not_digits(digits))
        return false;
    digits = (digits & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8; /* a value 0..99 in every other byte */
    year = (unsigned)((digits & 0xff) * 100 + (digits >> 16 & 0xff));
    month = (unsigned)(digits >> 32 & 0xff);
    day = (unsigned)(digits >> 48 & 0xff);
    if (month - 1 >= 12 || day - 1 >= 31 || year == 0)
        return false;
    if (day > lengths[month] &&
        !(month == 2 && day == 29 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))))
        return false;
    { /* days from the civil calendar, for years above 0 */
        unsigned y = year - (month <= 2);
        unsigned century = y / 100;
        unsigned shifted = month > 2 ? month - 3 : month + 9;
        *out =
            (int32_t)(y * 365 + y / 4 - century + century / 4 + (153 * shifted + 2) / 5 + day - 1) -
            719468;
    }
    return true;
}

/* leat_string_of without a copy whose length is not known to the compiler. */
LEAT_TEXT_INLINE void leat_text_store(struct leat_string *out, const char *text, size_t length)
{
    static const uint32_t masks[13][3] = {
        {0, 0, 0},
        {0xff, 0, 0},
        {0xffff, 0, 0},
        {0xffffff, 0, 0},
        {0xffffffff, 0, 0},
        {0xffffffff, 0xff, 0},
        {0xffffffff, 0xffff, 0},
        {0xffffffff, 0xffffff, 0},
        {0xffffffff, 0xffffffff, 0},
        {0xffffffff, 0xffffffff, 0xff},
        {0xffffffff, 0xffffffff, 0xffff},
        {0xffffffff, 0xffffffff, 0xffffff},
        {0xffffffff, 0xffffffff, 0xffffffff},
    };
    uint32_t words[3];

    out->length = (uint32_t)length;
    if (length <= LEAT_STRING_INLINE) {
        memcpy(words, text, 12);
        words[0] &= masks[length][0];
        words[1] &= masks[length][1];
        words[2] &= masks[length][2];
        memcpy(out->inlined, words, 12);
    } else {
        memcpy(out->view.prefix, text, 4);
        out->view.data = text;
    }
}

#endif
