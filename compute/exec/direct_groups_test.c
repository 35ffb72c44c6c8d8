/* Groups by value: the same numbers as by a plain search, whatever comes, and back to the
 * directory. */
#include "compute/exec/groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BATCH = 512 };

struct fixture {
    struct leat_arena arena;
    struct leat_expr key;
    struct leat_expr *keys[1];
    struct leat_key_layout layout;
    struct leat_groups groups;
};

static struct leat_error err;

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    leat_arena_init(&f->arena, NULL);
    f->key.type = leat_type_get(LEAT_INT64);
    f->keys[0] = &f->key;
    assert_int_equal(leat_key_layout_init(&f->layout, f->keys, 1, &f->arena, &err), LEAT_OK);
    leat_groups_init(&f->groups, &f->layout, 8, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    leat_groups_release(&f->groups);
    leat_arena_release(&f->arena);
    free(f);
    return 0;
}

/* Looks a batch up as grouping does, and checks that each group has the key that was asked for. */
static void put(struct fixture *f, const int64_t *values, const uint8_t *nulls, uint32_t count)
{
    uint8_t rows[BATCH * 16];
    uint64_t hashes[BATCH];
    uint32_t out[BATCH];
    bool found;

    assert_int_equal(leat_groups_find_values(&f->groups, values, nulls, count, out, &found, &err),
                     LEAT_OK);
    if (!found) {
        for (uint32_t i = 0; i < count; i++) {
            uint64_t null = nulls && nulls[i];
            int64_t value = null ? 0 : values[i];
            memcpy(rows + i * 16, &null, 8);
            memcpy(rows + i * 16 + 8, &value, 8);
        }
        leat_key_rows_hash(&f->layout, rows, count, hashes);
        assert_int_equal(leat_groups_find(&f->groups, rows, hashes, count, out, &err), LEAT_OK);
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t value;
        assert_true(out[i] < f->groups.count);
        assert_int_equal(leat_groups_value(&f->groups, out[i], &value), !(nulls && nulls[i]));
        if (!nulls || !nulls[i])
            assert_int_equal(value, values[i]);
    }
}

static void expect_all_different(struct fixture *f)
{
    int64_t *values = malloc(f->groups.count * sizeof(*values) + 8), value;
    uint32_t nulls = 0, count = 0;

    for (uint32_t g = 0; g < f->groups.count; g++) {
        uint64_t hash;
        leat_key_rows_hash(&f->layout, f->groups.keys + g * 16, 1, &hash);
        assert_int_equal(hash, f->groups.hashes[g]);
        if (leat_groups_value(&f->groups, g, &value))
            values[count++] = value;
        else
            nulls++;
    }
    assert_true(nulls <= 1);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = i + 1; j < count && count < 3000; j++)
            assert_int_not_equal(values[i], values[j]);
    free(values);
}

static void direct_groups__random_windows_give_each_value_one_group(void **state)
{
    struct fixture *f = *state;
    int64_t values[BATCH];
    uint8_t nulls[BATCH];

    srand(3);
    for (int round = 0; round < 60; round++) {
        int64_t centre = (rand() % 40 - 20) * 100;
        for (int i = 0; i < BATCH; i++) {
            values[i] = centre + rand() % 150;
            nulls[i] = rand() % 9 == 0;
        }
        put(f, values, round % 2 ? nulls : NULL, BATCH);
    }
    assert_non_null(f->groups.direct.groups);
    assert_true(f->groups.count <= 4151);
    expect_all_different(f);
}

static void direct_groups__a_far_value_brings_the_directory_back(void **state)
{
    struct fixture *f = *state;
    int64_t values[BATCH], far[] = {7, INT64_MAX, INT64_MIN, 9, INT64_MAX};

    for (int64_t start = -600; start <= 600; start += 100) {
        for (int i = 0; i < BATCH; i++)
            values[i] = start + i % 200;
        put(f, values, NULL, BATCH);
    }
    assert_non_null(f->groups.direct.groups);
    put(f, far, NULL, 5);
    assert_null(f->groups.direct.groups);
    assert_int_equal(f->groups.count, 1400 + 2);
    put(f, values, NULL, BATCH);
    assert_int_equal(f->groups.count, 1400 + 2);
    expect_all_different(f);
}

static void direct_groups__windows_reach_the_ends_of_the_type(void **state)
{
    struct fixture *f = *state;
    int64_t values[BATCH];

    for (int64_t round = 0; round < 8; round++) {
        for (int i = 0; i < BATCH; i++)
            values[i] = INT64_MAX - (8 - round) * 300 + i % 300;
        put(f, values, NULL, BATCH);
    }
    values[0] = INT64_MAX;
    put(f, values, NULL, 1);
    assert_non_null(f->groups.direct.groups);
    expect_all_different(f);
    leat_groups_release(&f->groups);
    leat_groups_init(&f->groups, &f->layout, 8, NULL);
    leat_groups_go_direct(&f->groups, INT64_MIN + 9, INT64_MIN + 50);
    for (int i = 0; i < BATCH; i++)
        values[i] = INT64_MIN + i % 90;
    put(f, values, NULL, BATCH);
    assert_non_null(f->groups.direct.groups);
    assert_int_equal(f->groups.count, 90);
}

static void direct_groups__tell_which_keys_they_have(void **state)
{
    struct fixture *f = *state;
    const int64_t values[] = {10, 12, 10};
    const uint8_t nulls[] = {0, 0, 1};
    uint8_t row[16] = {0};

    leat_groups_go_direct(&f->groups, 10, 20);
    put(f, values, NULL, 2);
    for (int64_t value = 8; value < 24; value++) {
        memcpy(row + 8, &value, 8);
        assert_int_equal(leat_groups_have(&f->groups, row, 0), value == 10 || value == 12);
    }
    memset(row, 0, 16);
    row[0] = 1;
    assert_false(leat_groups_have(&f->groups, row, 0));
    put(f, values, nulls, 3);
    assert_true(leat_groups_have(&f->groups, row, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(direct_groups__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(random_windows_give_each_value_one_group),
        TEST(a_far_value_brings_the_directory_back),
        TEST(windows_reach_the_ends_of_the_type),
        TEST(tell_which_keys_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
