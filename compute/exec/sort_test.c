/* The order of random rows of every type: sorted by value, each row once, equal ones in their
 * order. */
#include "compute/exec/sort_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct leat_error err;
static uint64_t seed = 1;

static uint64_t random_number(uint64_t below)
{
    seed = leat_hash_u64(seed + 0x9e3779b97f4a7c15ULL);
    return seed % below;
}

static char *random_text(struct leat_arena *arena, uint32_t *length)
{
    static const char *const beginnings[] = {"", "Customer#0000", "http://www.example.com/a/b/",
                                             "z"};
    const char *beginning = beginnings[random_number(random_number(8) == 0 ? 4 : 2)];
    uint32_t tail = (uint32_t)random_number(random_number(4) == 0 ? 20 : 4);
    char *text = leat_arena_alloc(arena, 64);

    assert_non_null(text);
    *length = (uint32_t)strlen(beginning) + tail;
    memcpy(text, beginning, strlen(beginning));
    for (uint32_t i = 0; i < tail; i++)
        text[strlen(beginning) + i] = (char)random_number(random_number(2) ? 3 : 256);
    return text;
}

static void fill_value(struct leat_vector *v, uint32_t row, struct leat_arena *arena)
{
    int64_t few = (int64_t)random_number(7) - 3;
    int64_t number = random_number(3) ? few : (int64_t)seed;
    leat_int128 wide = (leat_int128)number * ((int64_t)1 << random_number(60));
    struct leat_interval interval = {(int32_t)few, (int32_t)few * 31, number % 1000000};
    uint32_t length;
    char *text;

    switch (v->type->id) {
    case LEAT_BOOLEAN:
        ((uint8_t *)v->data)[row] = number & 1;
        break;
    case LEAT_INT16:
        ((int16_t *)v->data)[row] = (int16_t)number;
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        ((int32_t *)v->data)[row] = (int32_t)number;
        break;
    case LEAT_FLOAT:
        ((float *)v->data)[row] = random_number(50) ? (float)few / 3 : (float)(0.0 / 0.0);
        break;
    case LEAT_DOUBLE:
        ((double *)v->data)[row] = few ? (double)number / 7 : random_number(2) ? 0.0 : -0.0;
        break;
    case LEAT_UUID:
        memset((uint8_t *)v->data + (size_t)row * 16, (int)random_number(3), 16);
        memcpy((uint8_t *)v->data + (size_t)row * 16 + random_number(8), &number, 8);
        break;
    case LEAT_INTERVAL:
        ((struct leat_interval *)v->data)[row] = interval;
        break;
    case LEAT_TEXT:
    case LEAT_BYTES:
        text = random_text(arena, &length);
        ((struct leat_string *)v->data)[row] = leat_string_of(text, length);
        break;
    case LEAT_DECIMAL:
        if (!leat_type_is_small_decimal(v->type)) {
            memcpy((char *)v->data + (size_t)row * 16, &wide, 16);
            break;
        }
        ((int64_t *)v->data)[row] = number;
        break;
    default:
        ((int64_t *)v->data)[row] = number;
    }
}

static void fill_vector(struct leat_vector *v, const struct leat_type *type, uint32_t rows,
                        struct leat_arena *arena)
{
    bool nulls = random_number(2), nothing_else = random_number(20) == 0;

    assert_int_equal(leat_vector_init(v, type, rows + 1, 0, arena, &err), LEAT_OK);
    v->length = rows;
    if (nulls)
        assert_int_equal(leat_vector_make_validity(v, rows, arena, &err), LEAT_OK);
    for (uint32_t row = 0; row < rows; row++) {
        fill_value(v, row, arena);
        if (nulls && (nothing_else || random_number(5) == 0)) {
            leat_validity_set(v->validity, row, false);
            if (leat_type_width(type) > 0)
                memset((char *)v->data + row * leat_type_width(type), 0xa5, leat_type_width(type));
        }
    }
}

static void check_order(const struct leat_sort_key *keys, uint32_t key_count,
                        const struct leat_vector *values, uint32_t rows, const uint32_t *order)
{
    uint8_t *seen = calloc(rows + 1, 1);

    assert_non_null(seen);
    for (uint32_t i = 0; i < rows; i++) {
        assert_true(order[i] < rows && !seen[order[i]]);
        seen[order[i]] = 1;
        if (i > 0) {
            int compared = leat_sort_compare_values(keys, 0, key_count, values, order[i - 1],
                                                    values, order[i]);
            assert_true(compared < 0 || (compared == 0 && order[i - 1] < order[i]));
        }
    }
    free(seen);
}

static void sort_random(uint32_t rows, unsigned threads)
{
    static const enum leat_type_id ids[] = {
        LEAT_BOOLEAN, LEAT_INT16, LEAT_INT32, LEAT_INT64,     LEAT_FLOAT, LEAT_DOUBLE,  LEAT_TEXT,
        LEAT_BYTES,   LEAT_UUID,  LEAT_DATE,  LEAT_TIMESTAMP, LEAT_TIME,  LEAT_INTERVAL};
    struct leat_execute_options options = {.threads = threads};
    struct leat_exec exec = {.options = &options, .threads = threads};
    uint32_t key_count = 1 + (uint32_t)random_number(4), *order;
    struct leat_sort_key keys[4];
    struct leat_vector values[4];
    struct leat_sort_words words;
    struct leat_arena arena;

    leat_arena_init(&arena, NULL);
    for (uint32_t k = 0; k < key_count; k++) {
        const struct leat_type *type = leat_type_get(ids[random_number(13)]);
        if (random_number(6) == 0)
            type = leat_type_decimal(random_number(2) ? 15 : 38, 2);
        assert_non_null(type);
        keys[k] = (struct leat_sort_key){NULL, random_number(2), random_number(2)};
        fill_vector(&values[k], type, rows, &arena);
    }
    assert_int_equal(
        leat_sort_words_fill(&exec, keys, key_count, values, rows, &arena, &words, &err), LEAT_OK);
    assert_int_equal(leat_sort_order(&exec, &words, rows, &arena, &order, &err), LEAT_OK);
    check_order(keys, key_count, values, rows, order);
    leat_arena_release(&arena);
}

static void few_rows_of_all_types(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++)
        sort_random((uint32_t)random_number(120), 1);
}

static void many_rows_by_threads(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++)
        sort_random(60000 + (uint32_t)random_number(60000), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_rows_of_all_types),
                                       cmocka_unit_test(many_rows_by_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
