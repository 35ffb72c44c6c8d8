/* Snappy blocks: what the library compresses is decoded, damage is told and nothing outside is
 * touched (ASan watches exact arrays). */
#include "formats/compression/snappy_block.h"

#include "base/memory.h"
#include <setjmp.h>
#include <snappy-c.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/test_faults.h"

#define MOST 200000u

/* Bytes of several kinds: numbers, runs, texts, rubbish. */
static void make_bytes(uint8_t *bytes, size_t length, unsigned kind)
{
    uint64_t state = 88172645463325252u + kind;
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (kind == 0)
            bytes[i] = i % 8 < 3 ? (uint8_t)state : 0;
        else if (kind == 1)
            bytes[i] = (uint8_t)(i / 300);
        else if (kind == 2)
            bytes[i] = (uint8_t) "carefully final deposits "[i * 7 / 5 % 25];
        else if (kind == 3)
            bytes[i] = (uint8_t)state;
        else
            bytes[i] = (uint8_t)("abc"[i % (1 + i / 100 % 3)] + (state % 50 == 0));
    }
}

static void check(unsigned kind, size_t length)
{
    size_t packed_length = snappy_max_compressed_length(length);
    uint8_t *plain = leat_malloc(length + 1), *out = leat_malloc(length + 1);
    char *packed = leat_malloc(packed_length);
    assert_true(plain && out && packed);
    make_bytes(plain, length, kind);
    assert_int_equal(snappy_compress((char *)plain, length, packed, &packed_length), SNAPPY_OK);
    uint8_t *exact = leat_malloc(packed_length), *into = leat_malloc(length ? length : 1);
    assert_true(exact && into);
    memcpy(exact, packed, packed_length);
    assert_true(leat_snappy_block_decode(exact, packed_length, into, length));
    if (length)
        assert_memory_equal(into, plain, length);
    assert_false(leat_snappy_block_decode(exact, packed_length, out, length + 1));
    leat_free(exact);
    leat_free(into);
    leat_free(packed);
    leat_free(out);
    leat_free(plain);
}

static void snappy__blocks_of_the_library_are_decoded(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        for (size_t length = 0; length < 400; length++)
            check(kind, length);
        check(kind, 70000);
        check(kind, MOST);
    }
}

static void snappy__damage_is_told(void **state)
{
    size_t length = 3000, packed_length = snappy_max_compressed_length(length);
    uint8_t *plain = leat_malloc(length), *out = leat_malloc(length);
    char *packed = leat_malloc(packed_length);
    (void)state;
    assert_true(plain && out && packed);
    make_bytes(plain, length, 0);
    assert_int_equal(snappy_compress((char *)plain, length, packed, &packed_length), SNAPPY_OK);
    for (size_t cut = 0; cut < packed_length; cut++) {
        uint8_t *exact = leat_malloc(cut ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, packed, cut);
        assert_false(leat_snappy_block_decode(exact, cut, out, length));
        leat_free(exact);
    }
    for (size_t at = 0; at < packed_length; at++) { /* may decode, must not stray */
        packed[at] = (char)(packed[at] ^ (1 << at % 8));
        (void)leat_snappy_block_decode((uint8_t *)packed, packed_length, out, length);
        packed[at] = (char)(packed[at] ^ (1 << at % 8));
    }
    static const uint8_t before_start[] = {8, 0, 'a', 13, 2}; /* a copy from before the output */
    assert_false(leat_snappy_block_decode(before_start, sizeof(before_start), out, 8));
    leat_free(packed);
    leat_free(out);
    leat_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snappy__blocks_of_the_library_are_decoded),
        cmocka_unit_test(snappy__damage_is_told),
    };
    return LEAT_RUN_TESTS(tests);
}
