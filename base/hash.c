/* Hashes: XXH3 and CRC-32 from their libraries, SHA-256 from OpenSSL, MurmurHash3 (x86, 32 bit) as
 * Iceberg's bucket transform demands it. */
#include "base/hash.h"

#include <openssl/sha.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

uint64_t leat_hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, length, seed);
}

static uint32_t rotate_left(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

uint32_t leat_hash_murmur3(const void *bytes, size_t length, uint32_t seed)
{
    const uint8_t *data = bytes;
    const uint32_t c1 = 0xcc9e2d51u, c2 = 0x1b873593u;
    uint32_t h = seed, k;
    size_t blocks = length / 4;

    for (size_t i = 0; i < blocks; i++) {
        memcpy(&k, data + i * 4, 4);
        h ^= rotate_left(k * c1, 15) * c2;
        h = rotate_left(h, 13) * 5 + 0xe6546b64u;
    }
    k = 0;
    for (size_t i = length & 3; i > 0; i--)
        k = k << 8 | data[blocks * 4 + i - 1];
    h ^= rotate_left(k * c1, 15) * c2;
    h ^= (uint32_t)length;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

uint32_t leat_hash_crc32(const void *bytes, size_t length, uint32_t crc)
{
    return (uint32_t)crc32_z(crc, bytes, length);
}

void leat_hash_sha256_hex(const void *bytes, size_t length, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256(bytes, length, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[i * 2] = digits[digest[i] >> 4];
        out[i * 2 + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
}
