/*
 * Finds the ends of fields and rows. Blocks of 64 bytes become bit masks of delimiters, quotes and
 * line ends; the exclusive-or prefix of the quotes tells which bytes are inside quotes (Langdale
 * and Lemire, "Parsing gigabytes of JSON per second", 2019), and what is outside is structural.
 * That holds as long as every opening quote stands at the start of a field or behind a quote that
 * closes (then the two are one escaped quote). A block where it does not hold, and dialects with
 * comments, escape characters or long delimiters, go through a state machine byte by byte; both
 * agree on the state between blocks. The instruction set is asked of the processor at run time.
 */
#include "formats/csv/csv_internal.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct block_masks {
    uint64_t delimiter, quote, feed, carriage, high;
};

static void put_end(struct csv_index *index, size_t position)
{
    if (!index->rows_only)
        index->ends[index->end_count] = (uint32_t)position;
    index->end_count++;
}

static void put_row(struct csv_index *index, size_t position)
{
    index->row_totals[index->row_count] = (uint32_t)index->end_count;
    index->row_newlines[index->row_count++] = (uint32_t)position;
}

static bool at_delimiter(const struct csv_dialect *dialect, const uint8_t *at, size_t left)
{
    if (*at != (uint8_t)dialect->delimiter[0])
        return false;
    return dialect->delimiter_length == 1 ||
           (left >= dialect->delimiter_length &&
            memcmp(at, dialect->delimiter, dialect->delimiter_length) == 0);
}

/* True if the byte at `at` ends a line: a line feed, or a carriage return not before one. */
static bool at_newline(const uint8_t *data, size_t at, size_t length)
{
    return data[at] == '\n' || (data[at] == '\r' && (at + 1 >= length || data[at + 1] != '\n'));
}

static enum csv_state step_outside(const struct csv_dialect *dialect, const uint8_t *data,
                                   size_t at, size_t length, enum csv_state state,
                                   struct csv_index *index)
{
    uint8_t c = data[at];

    if (state == CSV_ROW_START && dialect->comment && c == (uint8_t)dialect->comment)
        return CSV_COMMENT;
    if (dialect->quote && c == (uint8_t)dialect->quote &&
        (state == CSV_ROW_START || state == CSV_FIELD_START ||
         (state == CSV_CLOSED && dialect->escape == dialect->quote)))
        return CSV_QUOTED;
    if (at_newline(data, at, length)) {
        put_end(index, at);
        put_row(index, at);
        return CSV_ROW_START;
    }
    if (at_delimiter(dialect, data + at, length - at)) {
        put_end(index, at);
        return CSV_FIELD_START;
    }
    return CSV_UNQUOTED;
}

/* Scans [at, stop) byte by byte; a delimiter may end behind `stop`. The caller has made room. Lines
 * are not counted. Returns where it stopped: stop or a little more. */
static size_t scan_bytes(const struct csv_dialect *dialect, const uint8_t *data, size_t at,
                         size_t stop, size_t length, enum csv_state *state, struct csv_index *index)
{
    enum csv_state now = *state;

    while (at < stop) {
        uint8_t c = data[at];
        switch (now) {
        case CSV_QUOTED:
            if (c == (uint8_t)dialect->quote)
                now = CSV_CLOSED;
            else if (dialect->escape && c == (uint8_t)dialect->escape)
                now = CSV_ESCAPED;
            break;
        case CSV_ESCAPED:
            now = CSV_QUOTED;
            break;
        case CSV_COMMENT: /* the line is a row without fields */
            if (at_newline(data, at, length)) {
                put_row(index, at);
                now = CSV_ROW_START;
            }
            break;
        default:
            now = step_outside(dialect, data, at, length, now, index);
            if (now == CSV_FIELD_START)
                at += dialect->delimiter_length - 1u;
            break;
        }
        at++;
    }
    *state = now;
    return at;
}

static size_t scan_slowly(const struct csv_dialect *dialect, const uint8_t *data, size_t from,
                          size_t end, size_t length, enum csv_state *state, struct csv_index *index)
{
    size_t at = from;

    while (at < end) {
        size_t stop = end - at < 64 ? end : at + 64, before = at;
        if (index->row_capacity - index->row_count < 64 ||
            (!index->rows_only && index->end_capacity - index->end_count < 128))
            break;
        at = scan_bytes(dialect, data, at, stop, length, state, index);
        for (size_t i = before; i < at; i++) {
            index->lines += at_newline(data, i, length);
            index->non_ascii |= data[i] > 0x7f;
        }
    }
    return at;
}

static inline __attribute__((always_inline)) void emit_bits(uint32_t *ends, uint32_t base,
                                                            uint64_t mask)
{
    while (mask) {
        for (int i = 0; i < 4; i++) { /* bits beyond the last write rubbish that is overwritten */
            *ends++ = base + (uint32_t)__builtin_ctzll(mask | (uint64_t)1 << 63);
            mask &= mask - 1;
        }
        if (!mask)
            break;
    }
}

static inline uint64_t prefix_xor_shifts(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    return x ^ x << 32;
}

/* Top bit of each byte that equals c, gathered to eight bits. */
static inline uint64_t equal_bytes(uint64_t word, uint8_t c)
{
    uint64_t x = word ^ (0x0101010101010101 * (uint64_t)c);
    uint64_t zero = ~(((x & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | x | 0x7f7f7f7f7f7f7f7f);

    return (zero >> 7) * 0x0102040810204080 >> 56;
}

static inline void masks_portable(const uint8_t *data, char delimiter, char quote,
                                  struct block_masks *out)
{
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < 8; i++) {
        uint64_t word;
        memcpy(&word, data + i * 8, 8);
        out->delimiter |= equal_bytes(word, (uint8_t)delimiter) << (i * 8);
        out->quote |= equal_bytes(word, (uint8_t)quote) << (i * 8);
        out->feed |= equal_bytes(word, '\n') << (i * 8);
        out->carriage |= equal_bytes(word, '\r') << (i * 8);
        out->high |= word & 0x8080808080808080;
    }
    if (out->high)
        out->high = UINT64_MAX;
}
#define KERNEL scan_portable
#define TARGET
#define MASKS      masks_portable
#define PREFIX_XOR prefix_xor_shifts
#define EMIT       emit_bits
#include "formats/csv/scan_kernel.h"

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt,pclmul")))

AVX2 static inline uint64_t equal_avx2(__m256i low, __m256i high, char c)
{
    __m256i wanted = _mm256_set1_epi8(c);
    uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
    uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));

    return a | (uint64_t)b << 32;
}

AVX2 static inline void masks_avx2(const uint8_t *data, char delimiter, char quote,
                                   struct block_masks *out)
{
    __m256i low = _mm256_loadu_si256((const void *)data);
    __m256i high = _mm256_loadu_si256((const void *)(data + 32));

    out->delimiter = equal_avx2(low, high, delimiter);
    out->quote = equal_avx2(low, high, quote);
    out->feed = equal_avx2(low, high, '\n');
    out->carriage = equal_avx2(low, high, '\r');
    out->high = (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                          << 32;
}

AVX2 static inline uint64_t prefix_xor_clmul(uint64_t x)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)x), _mm_set1_epi8((char)0xff), 0);

    return (uint64_t)_mm_cvtsi128_si64(product);
}
#define KERNEL     scan_avx2
#define TARGET     AVX2
#define MASKS      masks_avx2
#define PREFIX_XOR prefix_xor_clmul
#define EMIT       emit_bits
#include "formats/csv/scan_kernel.h"

#define AVX512                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt,lzcnt,pclmul")))

AVX512 static inline void masks_avx512(const uint8_t *data, char delimiter, char quote,
                                       struct block_masks *out)
{
    __m512i block = _mm512_loadu_si512(data);

    out->delimiter = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(delimiter));
    out->quote = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(quote));
    out->feed = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\n'));
    out->carriage = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\r'));
    out->high = _mm512_movepi8_mask(block);
}

AVX512 static inline uint64_t prefix_xor_avx512(uint64_t x)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)x), _mm_set1_epi8((char)0xff), 0);

    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Squeezes the numbers of the set bits together, sixteen at a time to 32 bits. */
AVX512 static inline void emit_avx512(uint32_t *ends, uint32_t base, uint64_t mask)
{
    static const uint8_t numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i packed = _mm512_maskz_compress_epi8(mask, _mm512_loadu_si512(numbers));
    __m512i offset = _mm512_set1_epi32((int)base);
    int count = __builtin_popcountll(mask);

    _mm512_storeu_si512(
        ends, _mm512_add_epi32(offset, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed))));
    if (count > 16) {
        _mm512_storeu_si512(
            ends + 16,
            _mm512_add_epi32(offset, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1))));
        _mm512_storeu_si512(
            ends + 32,
            _mm512_add_epi32(offset, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2))));
        _mm512_storeu_si512(
            ends + 48,
            _mm512_add_epi32(offset, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3))));
    }
}
#define KERNEL     scan_avx512
#define TARGET     AVX512
#define MASKS      masks_avx512
#define PREFIX_XOR prefix_xor_avx512
#define EMIT       emit_avx512
#include "formats/csv/scan_kernel.h"
#endif

size_t csv_scan(const struct csv_dialect *dialect, const uint8_t *data, size_t from, size_t length,
                bool last, enum csv_state *state, struct csv_index *index)
{
    bool simple = dialect->delimiter_length == 1 && !dialect->comment &&
                  (!dialect->quote || dialect->escape == dialect->quote);

    if (!simple || *state == CSV_COMMENT || *state == CSV_ESCAPED) {
        size_t end = length;
        if (!last) { /* a delimiter, or carriage return and line feed, may be cut in two */
            size_t kept = dialect->delimiter_length > 1 ? dialect->delimiter_length - 1u : 1u;
            end = length - from > kept ? length - kept : from;
        }
        return scan_slowly(dialect, data, from, end, length, state, index);
    }
    if (!last && length > from && data[length - 1] == '\r')
        length--; /* whether it ends the line depends on what follows */
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("pclmul"))
        return scan_avx512(dialect, data, from, length, last, state, index);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
        __builtin_cpu_supports("bmi2"))
        return scan_avx2(dialect, data, from, length, last, state, index);
#endif
    return scan_portable(dialect, data, from, length, last, state, index);
}
