/*
 * A word of ASCII is passed at once; other characters are decoded one by one, with the second
 * byte's range deciding overlong forms and surrogates (Unicode 15, table 3-7).
 */
#include "base/utf8.h"
#include <stdint.h>
#include <string.h>

/* Bytes of the character that starts here, 0 if it is malformed. */
static size_t character(const uint8_t *at, size_t left)
{
    uint8_t first = at[0], low = 0x80, high = 0xbf;
    size_t length;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > left)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

bool leat_utf8_valid(const void *bytes, size_t length)
{
    const uint8_t *at = bytes, *end = at + length;
    while (at < end) {
        if (end - at >= 32) {
            uint64_t words[4];
            memcpy(words, at, 32);
            if (!((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080ULL)) {
                at += 32;
                continue;
            }
        }
        if (end - at >= 8) {
            uint64_t word;
            memcpy(&word, at, 8);
            if (!(word & 0x8080808080808080ULL)) {
                at += 8;
                continue;
            }
        }
        size_t step = character(at, (size_t)(end - at));
        if (!step)
            return false;
        at += step;
    }
    return true;
}
