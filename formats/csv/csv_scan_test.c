#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

/* The kernels are local to the file: each must give what the state machine gives. */
#include "formats/csv/scan.c"

typedef size_t (*kernel)(const struct csv_dialect *dialect, const uint8_t *data, size_t from,
                         size_t length, bool last, enum csv_state *state, struct csv_index *index);

struct found {
    uint32_t ends[1024], totals[1024], newlines[1024];
    struct csv_index index;
    enum csv_state state;
};

static void start(struct found *f, bool rows_only, enum csv_state state)
{
    f->state = state;
    f->index = (struct csv_index){.ends = f->ends,
                                  .end_capacity = 1024,
                                  .row_totals = f->totals,
                                  .row_newlines = f->newlines,
                                  .row_capacity = 1024,
                                  .rows_only = rows_only};
}

static void expect_equal(const struct found *a, const struct found *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->index.end_count, b->index.end_count);
    assert_int_equal(a->index.row_count, b->index.row_count);
    assert_int_equal(a->index.lines, b->index.lines);
    assert_int_equal(a->index.non_ascii, b->index.non_ascii);
    if (!a->index.rows_only)
        assert_memory_equal(a->ends, b->ends, a->index.end_count * 4);
    assert_memory_equal(a->totals, b->totals, a->index.row_count * 4);
    assert_memory_equal(a->newlines, b->newlines, a->index.row_count * 4);
}

static void check(kernel scan)
{
    static const char *const alphabets[] = {"a,\"\n\rb,\"x", "aaaaaaaaaaaaaaa,\n", "a\"\"\",\n",
                                            "abcdefgh,\xc3\xa9\r\n"};
    static const enum csv_state states[] = {CSV_ROW_START, CSV_FIELD_START, CSV_UNQUOTED,
                                            CSV_QUOTED, CSV_CLOSED};
    struct csv_dialect dialect = {
        .delimiter = ",", .delimiter_length = 1, .quote = '"', .escape = '"'};
    static struct found fast, slow;
    uint8_t data[400 + CSV_PADDING];
    uint64_t seed = 1;

    for (int round = 0; round < 8000; round++) {
        const char *letters = alphabets[round % 4];
        enum csv_state state = states[round % 5];
        size_t length = 1 + (size_t)(seed >> 40) % 400;
        for (size_t i = 0; i < length; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            data[i] = (uint8_t)letters[(seed >> 33) % strlen(letters)];
        }
        memset(data + length, 0, CSV_PADDING);
        dialect.quote = round % 7 ? '"' : 0;
        dialect.escape = dialect.quote;
        if (!dialect.quote && (state == CSV_QUOTED || state == CSV_CLOSED))
            state = CSV_ROW_START;
        start(&fast, round % 3 == 0, state);
        start(&slow, round % 3 == 0, state);
        assert_int_equal(scan(&dialect, data, 0, length, true, &fast.state, &fast.index), length);
        assert_int_equal(scan_slowly(&dialect, data, 0, length, length, &slow.state, &slow.index),
                         length);
        expect_equal(&fast, &slow);
    }
}

static void scan__portable_agrees_with_the_state_machine(void **state)
{
    (void)state;
    check(scan_portable);
}

static void scan__avx2_agrees_with_the_state_machine(void **state)
{
    (void)state;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul")) {
        check(scan_avx2);
        return;
    }
#endif
    skip();
}

static void scan__avx512_agrees_with_the_state_machine(void **state)
{
    (void)state;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw")) {
        check(scan_avx512);
        return;
    }
#endif
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan__portable_agrees_with_the_state_machine),
        cmocka_unit_test(scan__avx2_agrees_with_the_state_machine),
        cmocka_unit_test(scan__avx512_agrees_with_the_state_machine),
    };
    return LEAT_RUN_TESTS(tests);
}
