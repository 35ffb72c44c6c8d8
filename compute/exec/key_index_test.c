/* Indexes of keys: rows of each value, nulls, ends of the type. */
#include "compute/exec/key_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* The rows of each value, by the index and by looking at all. */
static void expect_rows(const int64_t *values, const uint8_t *nulls, uint64_t count,
                        const int64_t *asked, uint32_t asked_count)
{
    struct leat_arena arena;
    struct leat_key_index *index;
    struct leat_error err;
    uint32_t *firsts = malloc(asked_count * sizeof(*firsts));

    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_key_index_new(values, nulls, count, NULL, &arena, &index, &err), LEAT_OK);
    assert_non_null(index);
    leat_key_index_find(index, asked, asked_count, firsts);
    for (uint32_t i = 0; i < asked_count; i++) {
        uint32_t row = firsts[i];
        for (uint64_t j = 0; j < count; j++) {
            if (values[j] != asked[i] || (nulls && nulls[j]))
                continue;
            assert_int_equal(row, j + 1);
            row = index->next ? index->next[j] : 0;
        }
        assert_int_equal(row, 0);
    }
    free(firsts);
    leat_arena_release(&arena);
}

static void key_index__ascending_keys_are_their_own_order(void **state)
{
    const int64_t values[] = {-70, -3, 0, 1, 64, 65, 1000};
    const int64_t asked[] = {-71, -70, -69, -3,  0,    1,    2,         63,
                             64,  65,  66,  999, 1000, 1001, INT64_MIN, INT64_MAX};
    (void)state;
    expect_rows(values, NULL, 7, asked, 16);
}

static void key_index__keys_repeated_and_null_in_any_order(void **state)
{
    enum { ROWS = 5000, ASKED = 700 };
    static int64_t values[ROWS], asked[ASKED];
    static uint8_t nulls[ROWS];
    (void)state;
    srand(7);
    for (int i = 0; i < ROWS; i++) {
        values[i] = rand() % 600 - 300;
        nulls[i] = rand() % 10 == 0;
    }
    for (int i = 0; i < ASKED; i++)
        asked[i] = i - 350;
    expect_rows(values, nulls, ROWS, asked, ASKED);
    expect_rows(values, NULL, ROWS, asked, ASKED);
}

static void key_index__ends_of_the_type(void **state)
{
    const int64_t low[] = {INT64_MIN + 5, INT64_MIN}, high[] = {INT64_MAX, INT64_MAX - 1};
    const int64_t asked[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN + 5, 0, INT64_MAX - 1, INT64_MAX};
    (void)state;
    expect_rows(low, NULL, 2, asked, 6);
    expect_rows(high, NULL, 2, asked, 6);
}

static void key_index__keys_far_apart_have_none(void **state)
{
    const int64_t far[] = {INT64_MIN, INT64_MAX}, wide[] = {0, 1 << 18};
    const uint8_t all[] = {1, 1};
    struct leat_arena arena;
    struct leat_key_index *index;
    struct leat_error err;
    (void)state;
    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_key_index_new(far, NULL, 2, NULL, &arena, &index, &err), LEAT_OK);
    assert_null(index);
    assert_int_equal(leat_key_index_new(wide, NULL, 2, NULL, &arena, &index, &err), LEAT_OK);
    assert_null(index);
    assert_int_equal(leat_key_index_new(far, all, 2, NULL, &arena, &index, &err), LEAT_OK);
    assert_null(index);
    assert_int_equal(leat_key_index_new(NULL, NULL, 0, NULL, &arena, &index, &err), LEAT_OK);
    assert_null(index);
    leat_arena_release(&arena);
}

static void key_index__is_given_up_when_cancelled(void **state)
{
    const int64_t values[] = {3, 1, 2};
    struct leat_cancel cancel = {true};
    struct leat_arena arena;
    struct leat_key_index *index;
    struct leat_error err;
    (void)state;
    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_key_index_new(values, NULL, 3, &cancel, &arena, &index, &err),
                     LEAT_CANCELLED);
    assert_null(index);
    leat_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_index__ascending_keys_are_their_own_order),
        cmocka_unit_test(key_index__keys_repeated_and_null_in_any_order),
        cmocka_unit_test(key_index__ends_of_the_type),
        cmocka_unit_test(key_index__keys_far_apart_have_none),
        cmocka_unit_test(key_index__is_given_up_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
