/* A block is its length as a varint, then elements: a tag byte whose lower two bits tell a literal
 * from copies of three widths. As long as both arrays have MARGIN bytes left, an element is done
 * without looking at bounds: literals up to 60 bytes and copies (at most 64) are moved in steps of
 * sixteen that may write beyond their end. The rest goes byte by byte. */
#include "formats/compression/snappy_block.h"

#include <string.h>

enum { MARGIN = 80 };

struct block {
    const uint8_t *in, *in_end;
    uint8_t *start, *out, *out_end;
};

static bool read_length(struct block *block, uint64_t *length)
{
    *length = 0;
    for (unsigned shift = 0; shift < 35 && block->in < block->in_end; shift += 7) {
        uint8_t byte = *block->in++;
        *length |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* One element with every bound checked. */
static bool decode_element(struct block *block)
{
    uint8_t tag = *block->in++;
    size_t left = (size_t)(block->in_end - block->in), length = (size_t)(tag >> 2) + 1, extra;
    uint32_t number = 0;

    if ((tag & 3) == 0) {
        extra = length > 60 ? length - 60 : 0;
        if (extra > left)
            return false;
        if (extra) {
            memcpy(&number, block->in, extra);
            length = (size_t)number + 1;
        }
        block->in += extra;
        if (length > left - extra || length > (size_t)(block->out_end - block->out))
            return false;
        memcpy(block->out, block->in, length);
        block->in += length;
        block->out += length;
        return true;
    }
    extra = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
    if (extra > left)
        return false;
    memcpy(&number, block->in, extra);
    block->in += extra;
    if ((tag & 3) == 1) {
        length = 4 + (tag >> 2 & 7);
        number |= (uint32_t)(tag >> 5) << 8;
    }
    if (number == 0 || number > (size_t)(block->out - block->start) ||
        length > (size_t)(block->out_end - block->out))
        return false;
    for (size_t i = 0; i < length; i++, block->out++)
        *block->out = block->out[-(ptrdiff_t)number];
    return true;
}

static inline void move16(uint8_t *to, const uint8_t *from)
{
    uint64_t words[2];
    memcpy(words, from, 16);
    memcpy(to, words, 16);
}

/* `length` bytes (up to 64) from `offset` bytes before; may write up to 16 bytes more. */
static inline void copy_back(uint8_t *out, size_t offset, size_t length)
{
    const uint8_t *from = out - offset;

    if (offset >= 16 || offset >= length) {
        move16(out, from);
        for (size_t at = 16; at < length; at += 16)
            move16(out + at, from + at);
        return;
    }
    if (offset >= 8) {
        for (size_t at = 0; at < length; at += 8)
            memcpy(out + at, from + at, 8);
        return;
    }
    for (size_t at = 0; at < length; at++)
        out[at] = from[at];
}

/* Where numbers lie side by side, a short literal and a copy of up to 8 bytes are nearly all there
 * is. Both are taken from one word of input, without a branch on the width of the copy's offset,
 * which nothing can guess there. What the last copy gave is kept in a register: the next
 * one often wants it again, while its store and that of the literal behind it are still on their
 * way.
 * Stops at other elements; how many bytes of input were done. */
static size_t decode_pairs(struct block *block, const uint8_t *in_last, const uint8_t *out_last)
{
    const uint8_t *in = block->in, *recent = NULL;
    uint8_t *out = block->out;
    uint64_t recent_bytes = 0;
    uint32_t recent_length = 0;

    while (in <= in_last && out <= out_last) {
        uint64_t word;
        memcpy(&word, in, 8);
        uint32_t literal = ((uint32_t)word >> 2 & 3) + 1;
        uint32_t tag = (uint32_t)(word >> (((uint32_t)word & 0xc) * 2 + 16)); /* behind it */
        uint32_t narrow = tag & 1; /* the offset has 11 bits, not 16 */
        uint32_t length = (tag >> 2 & (narrow ? 7 : 63)) + 1 + narrow * 3;
        uint32_t offset = (tag >> 8 & (0xffffu >> narrow * 8)) | (tag << 3 & 0x700 & (0 - narrow));
        uint32_t four = (uint32_t)(word >> 8);
        uint8_t *to = out + literal;
        if ((word & 0xf3) != 0 || ((tag + 1) & 2) == 0 || length > 8 || offset < length ||
            offset > (size_t)(to - block->start))
            break;
        memcpy(out, &four, 4);
        if (to - offset != recent || length > recent_length)
            memcpy(&recent_bytes, to - offset, 8);
        memcpy(to, &recent_bytes, 8);
        recent = to;
        recent_length = length;
        in += literal + 4 - narrow;
        out = to + length;
    }
    size_t done = (size_t)(in - block->in);
    block->in = in;
    block->out = out;
    return done;
}

/* Elements while there is room around them; false if one is damaged. */
static bool decode_fast(struct block *block)
{
    const uint8_t *in = block->in, *in_last = block->in_end - MARGIN;
    uint8_t *out = block->out, *out_last = block->out_end - MARGIN;
    unsigned patience = 1; /* literals until pairs are tried again: they are rare in text */

    while (in <= in_last && out <= out_last) {
        uint32_t tag = *in, number;
        size_t length = (size_t)(tag >> 2) + 1;
        if ((tag & 3) == 0) {
            if (--patience == 0) {
                block->in = in;
                block->out = out;
                patience = decode_pairs(block, in_last, out_last) < 32 ? 64 : 1;
                in = block->in;
                out = block->out;
                continue; /* with what stopped it, which may be this same literal */
            }
            if (length > 60) /* its length stands behind the tag: left to the careful way */
                break;
            move16(out, in + 1);
            if (length > 16) {
                move16(out + 16, in + 17);
                move16(out + 32, in + 33);
                move16(out + 48, in + 49);
            }
            in += length + 1;
            out += length;
            continue;
        }
        if ((tag & 3) == 2) {
            uint16_t two;
            memcpy(&two, in + 1, 2);
            number = two;
            in += 3;
        } else if ((tag & 3) == 1) {
            number = (tag >> 5) << 8 | in[1];
            length = 4 + (tag >> 2 & 7);
            in += 2;
        } else {
            memcpy(&number, in + 1, 4);
            in += 5;
        }
        if (number == 0 || number > (size_t)(out - block->start))
            return false;
        copy_back(out, number, length);
        out += length;
    }
    block->in = in;
    block->out = out;
    return true;
}

bool leat_snappy_block_decode(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length)
{
    struct block block = {in, in + in_length, out, out, out + out_length};
    uint64_t length;

    if (!read_length(&block, &length) || length != out_length)
        return false;
    while (block.in < block.in_end) {
        if (block.in_end - block.in > MARGIN && block.out_end - block.out > MARGIN &&
            !decode_fast(&block))
            return false;
        if (block.in < block.in_end && !decode_element(&block))
            return false;
    }
    return block.out == block.out_end;
}
