/* Exact sums: order, range, merging, bytes. */
#include "compute/kernels/exact_sum.h"

#include "base/fault.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static double sum_of(const double *values, size_t count, bool backwards)
{
    struct leat_arena arena;
    struct exact_sum sum = {0};
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(exact_sum_add(&sum, values[backwards ? count - 1 - i : i], &arena, &err),
                         LEAT_OK);
    double result = exact_sum_get(&sum);
    leat_arena_release(&arena);
    return result;
}

static void exact_sum__cancellation_loses_nothing(void **state)
{
    const double values[] = {1e308, 1.0, -1e308, 1e-300, -1.0, 1e100, -1e100};
    (void)state;
    assert_true(sum_of(values, 7, false) == 1e-300);
    assert_true(sum_of(values, 7, true) == 1e-300);
}

static void exact_sum__rounds_to_nearest_even(void **state)
{
    const double tie_down[] = {9007199254740992.0, 1.0};
    const double tie_up[] = {9007199254740994.0, 1.0};
    const double above[] = {9007199254740992.0, 1.0, 1e-300};
    const double tiny[] = {4.9406564584124654e-324, 4.9406564584124654e-324};
    (void)state;
    assert_true(sum_of(tie_down, 2, false) == 9007199254740992.0);
    assert_true(sum_of(tie_up, 2, false) == 9007199254740996.0);
    assert_true(sum_of(above, 3, false) == 9007199254740994.0);
    assert_true(sum_of(tiny, 2, false) == 9.8813129168249309e-324);
}

static void exact_sum__overflow_and_specials(void **state)
{
    const double big[] = {1.7976931348623157e308, 1.7976931348623157e308};
    const double both[] = {(double)INFINITY, 1, -(double)INFINITY};
    const double one[] = {1, -(double)INFINITY};
    (void)state;
    assert_true(isinf(sum_of(big, 2, false)));
    assert_true(isnan(sum_of(both, 3, false)));
    assert_true(sum_of(one, 2, false) == -(double)INFINITY);
}

/* A cheap generator with widely differing sizes and signs. */
static double value_of(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    double mantissa = (double)(int64_t)(*seed >> 12) - 2251799813685248.0;
    return ldexp(mantissa, (int)(*seed % 300) - 150);
}

static void exact_sum__merges_and_bytes_agree_with_one_sum(void **state)
{
    struct leat_arena arena;
    struct leat_buffer bytes;
    uint64_t seed = 42;
    (void)state;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&bytes, 0);
    for (int round = 0; round < 200; round++) {
        struct exact_sum whole = {0}, merged = {0}, back = {0}, parts[3];
        memset(parts, 0, sizeof(parts));
        for (int i = 0; i < 50; i++) {
            double value = value_of(&seed);
            assert_int_equal(exact_sum_add(&whole, value, &arena, &err), LEAT_OK);
            assert_int_equal(exact_sum_add(&parts[(seed >> 33) % 3], value, &arena, &err), LEAT_OK);
        }
        for (int p = 2; p >= 0; p--)
            assert_int_equal(exact_sum_merge(&merged, &parts[p], &arena, &err), LEAT_OK);
        assert_true(exact_sum_get(&merged) == exact_sum_get(&whole));
        bytes.length = 0;
        assert_int_equal(exact_sum_put(&merged, &bytes, &err), LEAT_OK);
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        assert_int_equal(exact_sum_read(&cursor, &back, &arena, &err), LEAT_OK);
        assert_true(exact_sum_get(&back) == exact_sum_get(&whole));
    }
    leat_buffer_release(&bytes);
    leat_arena_release(&arena);
}

static void exact_sum__damaged_bytes_are_refused(void **state)
{
    const uint8_t bytes[] = {0, 60, 60, 1, 2, 3, 4};
    struct leat_cursor cursor = {bytes, sizeof(bytes), 0};
    struct leat_arena arena;
    struct exact_sum sum;
    (void)state;
    leat_arena_init(&arena, NULL);
    assert_true(exact_sum_read(&cursor, &sum, &arena, &err) != LEAT_OK);
    leat_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_sum__cancellation_loses_nothing),
        cmocka_unit_test(exact_sum__rounds_to_nearest_even),
        cmocka_unit_test(exact_sum__overflow_and_specials),
        cmocka_unit_test(exact_sum__merges_and_bytes_agree_with_one_sum),
        cmocka_unit_test(exact_sum__damaged_bytes_are_refused),
    };
    return LEAT_RUN_TESTS(tests);
}
