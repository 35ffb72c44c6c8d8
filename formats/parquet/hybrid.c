/*
 * Runs are read one by one: a repeated run is a fill, a packed run is unpacked in blocks of 32
 * values by a loop made for each width (the compiler turns it into shifts of known amounts), with
 * the rest value by value; where the CPU permutes bytes (AVX-512 VBMI), sixteen at a time. Nothing
 * past the given bytes is read.
 */
#include "formats/parquet/hybrid.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define GROUP        8u
#define MAX_LITERALS 504u /* 63 groups: the head stays one byte */

/* --- writing --- */

static enum leat_status put_varint(uint64_t value, struct leat_buffer *out, struct leat_error *err)
{
    while (value >= 0x80) {
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)(value | 0x80), err));
        value >>= 7;
    }
    return leat_buffer_append_byte(out, (uint8_t)value, err);
}

/* `count` values, padded with zeros to whole groups of eight. */
static enum leat_status put_packed(const uint32_t *values, size_t count, unsigned width,
                                   struct leat_buffer *out, struct leat_error *err)
{
    size_t groups = (count + GROUP - 1) / GROUP;
    LEAT_TRY(put_varint(groups << 1 | 1, out, err));
    LEAT_TRY(leat_buffer_reserve(out, groups * width + 8, err));
    uint8_t *to = out->data + out->length;
    uint64_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < groups * GROUP; i++) {
        bits |= (uint64_t)(i < count ? values[i] : 0) << held;
        held += width;
        while (held >= 8) {
            *to++ = (uint8_t)bits;
            bits >>= 8;
            held -= 8;
        }
    }
    out->length += groups * width;
    return LEAT_OK;
}

static enum leat_status put_repeated(uint32_t value, size_t count, unsigned width,
                                     struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(put_varint((uint64_t)count << 1, out, err));
    return leat_buffer_append(out, &value, (width + 7) / 8, err);
}

enum leat_status parquet_hybrid_put(const uint32_t *values, size_t count, unsigned width,
                                    struct leat_buffer *out, struct leat_error *err)
{
    size_t literal = 0, i = 0; /* values[literal, i) wait to be packed */
    while (i < count) {
        size_t end = i + 1;
        while (end < count && values[end] == values[i])
            end++;
        size_t pending = i - literal;
        size_t borrowed = (GROUP - pending % GROUP) % GROUP; /* from the run, to fill a group */
        if (end - i >= GROUP + borrowed) {
            if (pending)
                LEAT_TRY(put_packed(values + literal, pending + borrowed, width, out, err));
            i += borrowed;
            LEAT_TRY(put_repeated(values[i], end - i, width, out, err));
            literal = end;
        }
        i = end;
        while (i - literal >= MAX_LITERALS) {
            LEAT_TRY(put_packed(values + literal, MAX_LITERALS, width, out, err));
            literal += MAX_LITERALS;
        }
    }
    if (i > literal)
        LEAT_TRY(put_packed(values + literal, i - literal, width, out, err));
    return LEAT_OK;
}

/* --- unpacking --- */

/* Thirty-two values of one width from width * 4 bytes: all shifts are constants once inlined. */
static inline __attribute__((always_inline)) void unpack32(const uint8_t *in, uint32_t *out,
                                                           const unsigned width)
{
    const uint64_t mask = ((uint64_t)1 << width) - 1;
#pragma GCC unroll 32
    for (unsigned i = 0; i < 32; i++) {
        unsigned bit = i * width, byte = bit / 8, shift = bit % 8;
        unsigned need = (shift + width + 7) / 8; /* bytes this value touches: up to 5 */
        uint64_t word = 0;
        if (byte + 8 <= width * 4)
            memcpy(&word, in + byte, 8);
        else
            memcpy(&word, in + byte, need);
        out[i] = (uint32_t)(word >> shift & mask);
    }
}

#define UNPACK_CASE(n)                                                                             \
    case n:                                                                                        \
        for (; count >= 32; count -= 32, in += (n)*4, out += 32)                                   \
            unpack32(in, out, n);                                                                  \
        break;

static size_t unpack_blocks(const uint8_t *in, unsigned width, uint32_t *out, size_t count)
{
    size_t whole = count;
    switch (width) {
        UNPACK_CASE(1)
        UNPACK_CASE(2)
        UNPACK_CASE(3)
        UNPACK_CASE(4)
        UNPACK_CASE(5)
        UNPACK_CASE(6)
        UNPACK_CASE(7)
        UNPACK_CASE(8)
        UNPACK_CASE(9)
        UNPACK_CASE(10)
        UNPACK_CASE(11)
        UNPACK_CASE(12)
        UNPACK_CASE(13)
        UNPACK_CASE(14)
        UNPACK_CASE(15)
        UNPACK_CASE(16)
        UNPACK_CASE(17)
        UNPACK_CASE(18)
        UNPACK_CASE(19)
        UNPACK_CASE(20)
    default:
        return 0;
    }
    return whole - count;
}

#if defined(__x86_64__)
#define VECTOR_WIDTH 25u /* four bytes hold a value behind any shift */

/* Sixteen values at a time: their bytes are gathered by one permutation of the 64 loaded, then
 * shifted into place, each lane by its own amount. */
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static void
unpack_vectors(const uint8_t *in, unsigned width, uint32_t *out, size_t count)
{
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i bits = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)width));
    const __m512i shifts = _mm512_and_epi32(bits, _mm512_set1_epi32(7));
    const __m512i bytes = _mm512_add_epi32(
        _mm512_mullo_epi32(_mm512_srli_epi32(bits, 3), _mm512_set1_epi32(0x01010101)),
        _mm512_set1_epi32(0x03020100));
    const __m512i mask = _mm512_set1_epi32((int)((1u << width) - 1));
    size_t left = (count * width + 7) / 8;
    while (count) {
        __m512i data = left >= 64 ? _mm512_loadu_si512(in)
                                  : _mm512_maskz_loadu_epi8(((uint64_t)1 << left) - 1, in);
        data = _mm512_permutexvar_epi8(bytes, data);
        data = _mm512_and_epi32(_mm512_srlv_epi32(data, shifts), mask);
        if (count < 16) {
            _mm512_mask_storeu_epi32(out, (__mmask16)((1u << count) - 1), data);
            return;
        }
        _mm512_storeu_si512(out, data);
        in += (size_t)2 * width;
        left -= (size_t)2 * width;
        out += 16;
        count -= 16;
    }
}
#endif

void parquet_unpack(const uint8_t *in, unsigned width, uint32_t *out, size_t count)
{
#if defined(__x86_64__)
    if (width > 0 && width <= VECTOR_WIDTH && __builtin_cpu_supports("avx512vbmi")) {
        unpack_vectors(in, width, out, count);
        return;
    }
#endif
    if (width == 0) {
        memset(out, 0, count * sizeof(*out));
        return;
    }
    size_t total = (count * width + 7) / 8;
    size_t done = unpack_blocks(in, width, out, count);
    uint64_t mask = ((uint64_t)1 << width) - 1;
    for (size_t i = done; i < count; i++) {
        size_t byte = i * width / 8, left = total - byte;
        uint64_t word = 0;
        memcpy(&word, in + byte, left < 8 ? left : 8);
        out[i] = (uint32_t)(word >> (i * width % 8) & mask);
    }
}

/* --- reading --- */

void parquet_hybrid_init(struct parquet_hybrid *hybrid, const uint8_t *bytes, size_t length,
                         unsigned width)
{
    *hybrid = (struct parquet_hybrid){
        .at = bytes, .end = length ? bytes + length : bytes, .width = width};
}

/* Reads the next run's head; false at the end. */
static bool next_run(struct parquet_hybrid *hybrid)
{
    uint64_t head = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (hybrid->at >= hybrid->end || shift > 56)
            return false;
        uint8_t byte = *hybrid->at++;
        head |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    size_t have = (size_t)(hybrid->end - hybrid->at);
    hybrid->repeated = !(head & 1);
    if (hybrid->repeated) {
        size_t bytes = (hybrid->width + 7) / 8;
        if (have < bytes)
            return false;
        hybrid->value = 0;
        memcpy(&hybrid->value, hybrid->at, bytes);
        hybrid->at += bytes;
        hybrid->left = head >> 1;
        return true;
    }
    uint64_t groups = head >> 1;
    if (groups > UINT32_MAX)
        return false;
    hybrid->run = hybrid->at;
    hybrid->position = 0;
    hybrid->left = groups * GROUP;
    if (hybrid->width) {
        /* The last group may be cut short where its padding would be. */
        uint64_t bytes = groups * hybrid->width;
        if (bytes > have) {
            bytes = have;
            hybrid->left = (uint64_t)have * 8 / hybrid->width;
        }
        hybrid->at += bytes;
    }
    hybrid->run_values = hybrid->left;
    return true;
}

static void unpack_some(struct parquet_hybrid *hybrid, uint32_t *out, size_t count)
{
    /* Values start on byte borders only every eight of them. */
    while (count && hybrid->position % GROUP) {
        uint64_t bit = hybrid->position * hybrid->width;
        uint64_t total = (hybrid->run_values * hybrid->width + 7) / 8, word = 0;
        size_t left = (size_t)(total - bit / 8);
        memcpy(&word, hybrid->run + bit / 8, left < 8 ? left : 8);
        *out++ = (uint32_t)(word >> (bit % 8) & (((uint64_t)1 << hybrid->width) - 1));
        hybrid->position++;
        count--;
    }
    parquet_unpack(hybrid->run + hybrid->position / GROUP * hybrid->width, hybrid->width, out,
                   count);
    hybrid->position += count;
}

bool parquet_hybrid_get(struct parquet_hybrid *hybrid, uint32_t *out, size_t count)
{
    while (count) {
        while (hybrid->left == 0) {
            if (!next_run(hybrid))
                return false;
        }
        size_t some = hybrid->left < count ? (size_t)hybrid->left : count;
        if (hybrid->repeated) {
            for (size_t i = 0; i < some; i++)
                out[i] = hybrid->value;
        } else {
            unpack_some(hybrid, out, some);
        }
        hybrid->left -= some;
        out += some;
        count -= some;
    }
    return true;
}

/* Single values of the packed run that is being read, which has `reach` more of them. */
static size_t pick(const struct parquet_hybrid *hybrid, const uint32_t *selection, size_t count,
                   uint32_t base, size_t reach, uint32_t *out)
{
    uint64_t total = (hybrid->run_values * hybrid->width + 7) / 8;
    uint64_t mask = ((uint64_t)1 << hybrid->width) - 1;
    size_t i = 0;
    for (; i < count && selection[i] - base < reach; i++) {
        uint64_t bit = (hybrid->position + (selection[i] - base)) * hybrid->width, word = 0;
        uint64_t byte = bit / 8, left = total - byte;
        if (left >= 8)
            memcpy(&word, hybrid->run + byte, 8);
        else if (hybrid->width)
            memcpy(&word, hybrid->run + byte, (size_t)left);
        out[i] = (uint32_t)(word >> (bit % 8) & mask);
    }
    return i;
}

bool parquet_hybrid_get_at(struct parquet_hybrid *hybrid, size_t rows, const uint32_t *selection,
                           size_t count, uint32_t base, uint32_t *out)
{
    while (rows) {
        while (hybrid->left == 0) {
            if (!next_run(hybrid))
                return false;
        }
        size_t some = hybrid->left < rows ? (size_t)hybrid->left : rows, got = 0;
        if (hybrid->repeated) {
            for (; got < count && selection[got] - base < some; got++)
                out[got] = hybrid->value;
        } else {
            got = pick(hybrid, selection, count, base, some, out);
            hybrid->position += some;
        }
        hybrid->left -= some;
        rows -= some;
        base += (uint32_t)some;
        selection += got;
        out += got;
        count -= got;
    }
    return true;
}

bool parquet_hybrid_skip(struct parquet_hybrid *hybrid, size_t count)
{
    while (count) {
        while (hybrid->left == 0) {
            if (!next_run(hybrid))
                return false;
        }
        size_t some = hybrid->left < count ? (size_t)hybrid->left : count;
        if (!hybrid->repeated)
            hybrid->position += some;
        hybrid->left -= some;
        count -= some;
    }
    return true;
}

static void fill_bits(uint64_t *bitmap, size_t offset, size_t count, bool value)
{
    while (count) {
        unsigned shift = offset & 63;
        size_t some = 64 - shift < count ? 64 - shift : count;
        uint64_t mask = (some == 64 ? ~(uint64_t)0 : ((uint64_t)1 << some) - 1) << shift;
        uint64_t *word = &bitmap[offset >> 6];
        *word = value ? *word | mask : *word & ~mask;
        offset += some;
        count -= some;
    }
}

/* Copies bits from any bit position to any other; returns how many are set. */
static size_t copy_bits(const uint8_t *from, size_t from_bytes, size_t at, uint64_t *bitmap,
                        size_t offset, size_t count)
{
    size_t ones = 0;
    while (count) {
        unsigned shift = offset & 63, from_shift = at & 7;
        size_t some = 64 - shift < count ? 64 - shift : count;
        some = some > 56 ? 56 : some; /* what eight bytes hold behind any shift */
        size_t byte = at >> 3, left = from_bytes - byte;
        uint64_t word = 0, mask = (((uint64_t)1 << some) - 1);
        memcpy(&word, from + byte, left < 8 ? left : 8);
        word = word >> from_shift & mask;
        ones += (size_t)__builtin_popcountll(word);
        uint64_t *to = &bitmap[offset >> 6];
        *to = (*to & ~(mask << shift)) | word << shift;
        offset += some;
        at += some;
        count -= some;
    }
    return ones;
}

bool parquet_hybrid_get_bits(struct parquet_hybrid *hybrid, uint64_t *bitmap, size_t offset,
                             size_t count, size_t *ones)
{
    while (count) {
        while (hybrid->left == 0) {
            if (!next_run(hybrid))
                return false;
        }
        size_t some = hybrid->left < count ? (size_t)hybrid->left : count;
        if (hybrid->repeated) {
            fill_bits(bitmap, offset, some, hybrid->value & 1);
            *ones += hybrid->value & 1 ? some : 0;
        } else {
            *ones += copy_bits(hybrid->run, (size_t)((hybrid->run_values + 7) / 8),
                               (size_t)hybrid->position, bitmap, offset, some);
            hybrid->position += some;
        }
        hybrid->left -= some;
        offset += some;
        count -= some;
    }
    return true;
}
