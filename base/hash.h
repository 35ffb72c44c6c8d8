/* Hashing: XXH3 for bytes, a mixing function for integers, SHA-256 for content identity. Stable
 * across machines. */
#ifndef LEAT_BASE_HASH_H
#define LEAT_BASE_HASH_H

#include "base/status.h"

uint64_t leat_hash_bytes(const void *bytes, size_t length, uint64_t seed);
/* Finaliser of splitmix64: all bits of the input reach all bits of the output. */
static inline uint64_t leat_hash_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}
static inline uint64_t leat_hash_combine(uint64_t a, uint64_t b)
{
    return leat_hash_u64(a * 0x9e3779b97f4a7c15ULL + b);
}
/* MurmurHash3 x86 32-bit (Iceberg bucket transform). */
uint32_t leat_hash_murmur3(const void *bytes, size_t length, uint32_t seed);
uint32_t leat_hash_crc32(const void *bytes, size_t length, uint32_t crc);
/* SHA-256 as 64 lower-case hex digits and NUL. */
void leat_hash_sha256_hex(const void *bytes, size_t length, char out[65]);

#endif
