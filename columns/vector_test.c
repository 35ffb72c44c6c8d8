/* Vectors: forms, gathers, slices, order and hash. */
#include "columns/vector.h"

#include "base/fault.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static struct leat_vector integers(struct leat_arena *arena, uint32_t count)
{
    struct leat_vector vector;
    assert_int_equal(leat_vector_init(&vector, leat_type_get(LEAT_INT32), count, 0, arena, &err),
                     LEAT_OK);
    vector.length = count;
    for (uint32_t i = 0; i < count; i++)
        ((int32_t *)vector.data)[i] = (int32_t)i;
    assert_int_equal(leat_vector_make_validity(&vector, count, arena, &err), LEAT_OK);
    for (uint32_t i = 0; i < count; i += 3)
        leat_validity_set(vector.validity, i, false);
    return vector;
}

static void vector__slice_shifts_validity(void **state)
{
    struct leat_arena arena;
    struct leat_vector vector, slice;
    (void)state;
    leat_arena_init(&arena, NULL);
    vector = integers(&arena, 300);
    for (uint32_t start = 0; start < 200; start += 7) {
        assert_int_equal(leat_vector_slice(&vector, start, 99, &arena, &slice, &err), LEAT_OK);
        for (uint32_t i = 0; i < 99; i++) {
            assert_int_equal(leat_vector_is_null(&slice, i), (start + i) % 3 == 0);
            assert_int_equal(((int32_t *)slice.data)[i], start + i);
        }
    }
    leat_arena_release(&arena);
}

static void vector__select_composes_and_flattens(void **state)
{
    struct leat_arena arena;
    struct leat_vector vector, once, twice;
    uint32_t first[100], second[50];
    (void)state;
    leat_arena_init(&arena, NULL);
    vector = integers(&arena, 300);
    for (uint32_t i = 0; i < 100; i++)
        first[i] = 299 - i * 2;
    for (uint32_t i = 0; i < 50; i++)
        second[i] = 99 - i;
    assert_int_equal(leat_vector_select(&vector, first, 100, &arena, &once, &err), LEAT_OK);
    assert_int_equal(leat_vector_select(&once, second, 50, &arena, &twice, &err), LEAT_OK);
    assert_int_equal(twice.form, LEAT_DICTIONARY);
    assert_int_equal(leat_vector_flatten(&twice, &arena, &err), LEAT_OK);
    assert_int_equal(twice.form, LEAT_FLAT);
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t want = 299 - (99 - i) * 2;
        assert_int_equal(leat_vector_is_null(&twice, i), want % 3 == 0);
        assert_int_equal(((int32_t *)twice.data)[i], want);
    }
    leat_arena_release(&arena);
}

/* A list vector {{long text 0}, NULL, {a, b}, {}} of texts. */
static struct leat_vector lists(struct leat_arena *arena)
{
    struct leat_vector vector;
    struct leat_string *texts;
    const struct leat_type *type = leat_type_list(arena, leat_type_get(LEAT_TEXT));
    assert_non_null(type);
    assert_int_equal(leat_vector_init(&vector, type, 4, 8, arena, &err), LEAT_OK);
    texts = vector.children[0].data;
    texts[0] = leat_string_of("a text that is not inline", 25);
    texts[1] = leat_string_of("a", 1);
    texts[2] = leat_string_of("b", 1);
    vector.children[0].length = 3;
    vector.length = 4;
    ((struct leat_list_entry *)vector.data)[0] = (struct leat_list_entry){0, 1};
    ((struct leat_list_entry *)vector.data)[1] = (struct leat_list_entry){77, 99};
    ((struct leat_list_entry *)vector.data)[2] = (struct leat_list_entry){1, 2};
    ((struct leat_list_entry *)vector.data)[3] = (struct leat_list_entry){0, 0};
    assert_int_equal(leat_vector_make_validity(&vector, 4, arena, &err), LEAT_OK);
    leat_validity_set(vector.validity, 1, false);
    return vector;
}

static void vector__copy_of_lists_owns_everything(void **state)
{
    struct leat_arena first, second;
    struct leat_vector vector, copy;
    struct leat_list_entry *entries;
    (void)state;
    leat_arena_init(&first, NULL);
    leat_arena_init(&second, NULL);
    vector = lists(&first);
    assert_int_equal(leat_vector_copy(&vector, 0, 4, &second, &copy, &err), LEAT_OK);
    copy.type = leat_type_list(&second, leat_type_get(LEAT_TEXT));
    assert_non_null(copy.type);
    leat_arena_release(&first);
    entries = copy.data;
    assert_int_equal(entries[2].offset, 1);
    assert_int_equal(entries[2].length, 2);
    assert_true(leat_vector_is_null(&copy, 1));
    assert_memory_equal(leat_string_data(copy.children[0].data), "a text that is not inline", 25);
    assert_true(leat_vector_compare(&copy, 2, &copy, 3) > 0);
    assert_true(leat_vector_compare(&copy, 2, &copy, 2) == 0);
    leat_arena_release(&second);
}

/* Rows with codes, some null: every copy stands on its own, equal strings once. */
static void vector__copy_of_coded_texts_moves_each_once(void **state)
{
    const char *texts[] = {"the first text, not inline", "short", "the third text, not inline"};
    struct leat_arena first, second;
    struct leat_vector dictionary, vector, copy;
    uint32_t codes[64];
    struct leat_string *copied;
    (void)state;
    leat_arena_init(&first, NULL);
    leat_arena_init(&second, NULL);
    assert_int_equal(leat_vector_init(&dictionary, leat_type_get(LEAT_TEXT), 3, 3, &first, &err),
                     LEAT_OK);
    for (uint32_t i = 0; i < 3; i++)
        ((struct leat_string *)dictionary.data)[i] =
            leat_string_of(leat_arena_strdup(&first, texts[i]), (uint32_t)strlen(texts[i]));
    dictionary.length = 3;
    for (uint32_t i = 0; i < 64; i++)
        codes[i] = i % 3;
    vector = (struct leat_vector){.type = dictionary.type,
                                  .form = LEAT_DICTIONARY,
                                  .length = 64,
                                  .dictionary = &dictionary,
                                  .codes = codes};
    assert_int_equal(leat_vector_make_validity(&vector, 64, &first, &err), LEAT_OK);
    leat_validity_set(vector.validity, 4, false);
    assert_int_equal(leat_vector_copy(&vector, 1, 60, &second, &copy, &err), LEAT_OK);
    leat_arena_release(&first);
    copied = copy.data;
    for (uint32_t i = 0; i < 60; i++) {
        const char *text = texts[(i + 1) % 3];
        assert_int_equal(leat_vector_is_null(&copy, i), i == 3);
        if (i == 3)
            continue;
        assert_int_equal(copied[i].length, strlen(text));
        assert_memory_equal(leat_string_data(&copied[i]), text, strlen(text));
    }
    assert_ptr_equal(copied[2].view.data, copied[5].view.data);
    leat_arena_release(&second);
}

static void vector__every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        struct leat_arena first, second;
        struct leat_vector vector, copy, slice;
        enum leat_status status;
        leat_arena_init(&first, NULL);
        leat_arena_init(&second, NULL);
        vector = lists(&first);
        leat_fault_alloc_arm(n, false);
        status = leat_vector_copy(&vector, 0, 4, &second, &copy, &err);
        if (!status)
            status = leat_vector_slice(&copy, 1, 3, &second, &slice, &err);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_OK);
        leat_arena_release(&first);
        leat_arena_release(&second);
        if (!fired)
            return;
    }
    fail();
}

static void vector__doubles_order_and_hash_by_value(void **state)
{
    double values[] = {-0.0, 0.0, NAN, -NAN, INFINITY, 1.0};
    struct leat_vector vector = {
        .type = leat_type_get(LEAT_DOUBLE), .form = LEAT_FLAT, .length = 6, .data = values};
    uint64_t hashes[6];
    (void)state;
    leat_vector_hash(&vector, false, hashes);
    assert_int_equal(hashes[0], hashes[1]);
    assert_int_equal(hashes[2], hashes[3]);
    assert_true(hashes[4] != hashes[5]);
    assert_int_equal(leat_vector_compare(&vector, 0, &vector, 1), 0);
    assert_int_equal(leat_vector_compare(&vector, 2, &vector, 3), 0);
    assert_int_equal(leat_vector_compare(&vector, 2, &vector, 4), 1);
}

static void vector__hash_does_not_depend_on_form(void **state)
{
    struct leat_arena arena;
    struct leat_vector vector, selected;
    uint32_t selection[300];
    uint64_t plain[300], chosen[300];
    (void)state;
    leat_arena_init(&arena, NULL);
    vector = integers(&arena, 300);
    for (uint32_t i = 0; i < 300; i++)
        selection[i] = i;
    assert_int_equal(leat_vector_select(&vector, selection, 300, &arena, &selected, &err), LEAT_OK);
    leat_vector_hash(&vector, false, plain);
    leat_vector_hash(&selected, false, chosen);
    assert_memory_equal(plain, chosen, sizeof(plain));
    leat_arena_release(&arena);
}

static void string__order_is_that_of_bytes(void **state)
{
    const char *sorted[] = {
        "",  "a",       "ab", "abc", "abcd", "abcde", "abcdefghijklmnop", "abcdefghijklmnopq",
        "b", "\xc3\xa9"};
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        for (size_t j = 0; j < 10; j++) {
            struct leat_string a = leat_string_of(sorted[i], strlen(sorted[i]));
            struct leat_string b = leat_string_of(sorted[j], strlen(sorted[j]));
            assert_int_equal(leat_string_compare(&a, &b), (i > j) - (i < j));
            assert_int_equal(leat_string_equal(&a, &b), i == j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector__slice_shifts_validity),
        cmocka_unit_test(vector__select_composes_and_flattens),
        cmocka_unit_test(vector__copy_of_lists_owns_everything),
        cmocka_unit_test(vector__copy_of_coded_texts_moves_each_once),
        cmocka_unit_test(vector__every_failed_allocation_is_reported),
        cmocka_unit_test(vector__doubles_order_and_hash_by_value),
        cmocka_unit_test(vector__hash_does_not_depend_on_form),
        cmocka_unit_test(string__order_is_that_of_bytes),
    };
    return LEAT_RUN_TESTS(tests);
}
