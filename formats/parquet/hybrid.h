/*
 * Parquet's RLE and bit-packing hybrid: levels, dictionary codes, booleans. Also plain bit
 * unpacking.
 */
#ifndef LEAT_FORMATS_PARQUET_HYBRID_H
#define LEAT_FORMATS_PARQUET_HYBRID_H

#include "base/buffer.h"

/* Bits needed for values 0..maximum. */
static inline unsigned parquet_bit_width(uint32_t maximum)
{
    return maximum ? 32u - (unsigned)__builtin_clz(maximum) : 0;
}

/* Appends the runs of `count` values. */
LEAT_CHECKED enum leat_status parquet_hybrid_put(const uint32_t *values, size_t count,
                                                 unsigned width, struct leat_buffer *out,
                                                 struct leat_error *err);

/* out[i] = the i-th value of `width` bits (0..32), least significant bit first. Reads exactly
 * ceil(count * width / 8) bytes. */
void parquet_unpack(const uint8_t *in, unsigned width, uint32_t *out, size_t count);

struct parquet_hybrid {
    const uint8_t *at;
    const uint8_t *end;
    unsigned width;
    bool repeated;       /* the current run */
    uint32_t value;      /* of a repeated run */
    uint64_t left;       /* values left of the run */
    const uint8_t *run;  /* packed run: its bytes */
    uint64_t position;   /* packed run: the next value */
    uint64_t run_values; /* packed run: how many its bytes hold */
};
void parquet_hybrid_init(struct parquet_hybrid *hybrid, const uint8_t *bytes, size_t length,
                         unsigned width);
/* Exactly `count` values; false if the bytes end before or make no sense. */
bool parquet_hybrid_get(struct parquet_hybrid *hybrid, uint32_t *out, size_t count);
/* For width 1: `count` bits into the bitmap from bit `offset` on (other bits stay); *ones grows by
 * those set. */
bool parquet_hybrid_get_bits(struct parquet_hybrid *hybrid, uint64_t *bitmap, size_t offset,
                             size_t count, size_t *ones);
/* Of the next `rows` values those at the ascending positions `selection[i] - base`, and goes past
 * all of them. */
bool parquet_hybrid_get_at(struct parquet_hybrid *hybrid, size_t rows, const uint32_t *selection,
                           size_t count, uint32_t base, uint32_t *out);
bool parquet_hybrid_skip(struct parquet_hybrid *hybrid, size_t count);

#endif
