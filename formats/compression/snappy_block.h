/*
 * Decoding of Snappy's raw block format (google/snappy, format_description.txt), made for pages of
 * numbers: short literals and copies, which are moved sixteen bytes at a time.
 */
#ifndef LEAT_FORMATS_COMPRESSION_SNAPPY_BLOCK_H
#define LEAT_FORMATS_COMPRESSION_SNAPPY_BLOCK_H

#include "base/status.h"

/* True if the block becomes exactly `out_length` bytes; else `out` holds rubbish. Nothing outside
 * of either array is touched. */
bool leat_snappy_block_decode(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length);

#endif
