/*
 * DELTA_BINARY_PACKED: blocks of miniblocks, each bit-packed with its own width, of differences to
 * the value before, less the block's smallest one. Arithmetic wraps around, as the format says.
 */
#include "formats/parquet/reader_internal.h"

struct delta {
    const uint8_t *at;
    const uint8_t *end;
};

static bool get_varint(struct delta *delta, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && delta->at < delta->end; shift += 7) {
        uint8_t byte = *delta->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool get_zigzag(struct delta *delta, uint64_t *out)
{
    uint64_t bits;
    if (!get_varint(delta, &bits))
        return false;
    *out = bits >> 1 ^ (0 - (bits & 1));
    return true;
}

struct header {
    uint64_t block_values, miniblocks, count, first;
};

static bool get_header(struct delta *delta, struct header *out)
{
    return get_varint(delta, &out->block_values) && get_varint(delta, &out->miniblocks) &&
           get_varint(delta, &out->count) && get_zigzag(delta, &out->first) &&
           out->miniblocks > 0 && out->miniblocks <= 512 && out->block_values > 0 &&
           out->block_values <= (1u << 20) && out->block_values % out->miniblocks == 0 &&
           (out->block_values / out->miniblocks) % 8 == 0;
}

bool parquet_delta_count(const uint8_t *bytes, size_t length, uint64_t *count)
{
    struct delta delta = {bytes, bytes + length};
    struct header header;
    if (!get_header(&delta, &header))
        return false;
    *count = header.count;
    return true;
}

/* The i-th value of `width` bits (up to 64), reading nothing past `length` bytes. */
static uint64_t get_bits(const uint8_t *bytes, size_t length, unsigned width, size_t i)
{
    size_t bit = i * width, byte = bit / 8;
    unsigned shift = bit % 8;
    uint64_t low = 0, high = 0;
    if (width == 0 || byte >= length)
        return 0;
    memcpy(&low, bytes + byte, length - byte < 8 ? length - byte : 8);
    low >>= shift;
    if (shift + width > 64 && byte + 8 < length) {
        high = bytes[byte + 8];
        low |= high << (64 - shift);
    }
    return width == 64 ? low : low & (((uint64_t)1 << width) - 1);
}

static void put(void *out, unsigned width, size_t i, uint64_t value)
{
    if (width == 4)
        ((uint32_t *)out)[i] = (uint32_t)value;
    else
        ((uint64_t *)out)[i] = value;
}

/* One miniblock of `values`, of which `wanted` are kept from out[*done] on. */
static bool unpack_miniblock(struct delta *delta, unsigned bits, size_t values, size_t wanted,
                             uint64_t smallest, uint64_t *last, unsigned width, void *out,
                             size_t *done)
{
    size_t bytes = values / 8 * bits, have = (size_t)(delta->end - delta->at);
    size_t needed = (wanted * bits + 7) / 8;
    if (bits > 64 || needed > have)
        return false;
    if (bytes > have)
        bytes = have; /* padding of the last miniblock may be missing */
    if (bits <= 32) {
        uint32_t some[256];
        size_t at = 0;
        while (at < wanted) {
            size_t count = wanted - at < 256 ? wanted - at : 256;
            parquet_unpack(delta->at + at / 8 * bits, bits, some, count);
            for (size_t i = 0; i < count; i++) {
                *last += smallest + some[i];
                put(out, width, (*done)++, *last);
            }
            at += count;
        }
    } else {
        for (size_t i = 0; i < wanted; i++) {
            *last += smallest + get_bits(delta->at, bytes, bits, i);
            put(out, width, (*done)++, *last);
        }
    }
    delta->at += bytes;
    return true;
}

bool parquet_delta_unpack(const uint8_t *bytes, size_t length, unsigned width, void *out,
                          size_t count, size_t *used)
{
    struct delta delta = {bytes, bytes + length};
    struct header header;
    size_t done = 0;
    if (!get_header(&delta, &header) || header.count != count)
        return false;
    uint64_t last = header.first;
    if (count)
        put(out, width, done++, last);
    size_t per_miniblock = header.block_values / header.miniblocks;
    while (done < count) {
        uint64_t smallest;
        const uint8_t *widths;
        if (!get_zigzag(&delta, &smallest) || header.miniblocks > (uint64_t)(delta.end - delta.at))
            return false;
        widths = delta.at;
        delta.at += header.miniblocks;
        for (size_t i = 0; i < header.miniblocks && done < count; i++) {
            size_t wanted = count - done < per_miniblock ? count - done : per_miniblock;
            if (!unpack_miniblock(&delta, widths[i], per_miniblock, wanted, smallest, &last, width,
                                  out, &done))
                return false;
        }
    }
    *used = (size_t)(delta.at - bytes);
    return true;
}
