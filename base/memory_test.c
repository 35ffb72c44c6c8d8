#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/kept_blocks.h"
#include "base/test_faults.h"

#include <string.h>

static struct leat_error err;

static void accountant__children_charge_their_parents_and_limits_hold(void **state)
{
    struct leat_accountant parent, child;
    (void)state;
    leat_accountant_init(&parent, NULL, 100);
    leat_accountant_init(&child, &parent, 80);
    assert_true(leat_accountant_charge(&child, 60));
    assert_int_equal(parent.used, 60);
    assert_false(leat_accountant_charge(&child, 30)); /* the child's limit */
    assert_true(leat_accountant_charge(&parent, 30));
    assert_false(leat_accountant_charge(&child, 15)); /* the parent's */
    assert_int_equal(child.used, 60);
    assert_int_equal(parent.used, 90);
    leat_accountant_release(&child, 60);
    assert_int_equal(parent.used, 30);
    assert_int_equal(parent.peak, 90);
}

static void arena__blocks_are_charged_and_given_back(void **state)
{
    struct leat_accountant accountant;
    struct leat_arena arena, other;
    (void)state;
    leat_accountant_init(&accountant, NULL, 1 << 20);
    leat_arena_init(&arena, &accountant);
    leat_arena_init(&other, &accountant);
    for (int i = 0; i < 1000; i++) {
        void *block = leat_arena_alloc(&arena, (size_t)i);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
    }
    char *kept = leat_arena_copy(&other, "kept", 4);
    assert_non_null(kept);
    leat_arena_adopt(&arena, &other);
    assert_string_equal(kept, "kept");
    assert_true(accountant.used >= arena.used);
    assert_null(leat_arena_alloc(&arena, 2 << 20)); /* beyond the limit */
    leat_arena_release(&arena);
    leat_arena_release(&other);
    assert_int_equal(accountant.used, 0);
}

static void memory__large_blocks_are_kept_within_a_limit(void **state)
{
    enum { MIB = 1 << 20 };
    struct leat_arena arena;
    void *first, *again;
    (void)state;                  /* aligned blocks may be larger than asked for, by up to 2 MiB */
    leat_fault_alloc_pause(true); /* it asks which block it gets */
    leat_kept_blocks_limit(48 * MIB);
    leat_arena_init(&arena, NULL);
    first = leat_malloc(31 * MIB);
    leat_free(first);
    assert_null(leat_kept_blocks_take(34 * MIB)); /* larger than what is kept */
    assert_null(leat_kept_blocks_take(20 * MIB)); /* would waste a third */
    again = leat_arena_alloc(&arena, 30 * MIB);
    assert_true((char *)again > (char *)first && (char *)again < (char *)first + 4096);
    memset(again, 7, 30 * MIB);
    leat_arena_release(&arena);
    again = leat_calloc(1, 30 * MIB);
    assert_ptr_equal(again, first);
    for (size_t i = 0; i < 30 * MIB; i++)
        assert_int_equal(((char *)again)[i], 0);
    leat_free(again);
    first = leat_malloc(20 * MIB);
    leat_free(first); /* the older one goes */
    assert_null(leat_kept_blocks_take(30 * MIB));
    again = leat_malloc(5 * MIB);
    memset(again, 9, 5 * MIB);
    again = leat_realloc(again, 20 * MIB);
    assert_ptr_equal(again, first);
    assert_int_equal(((char *)again)[5 * MIB - 1], 9);
    leat_kept_blocks_limit(0);
    leat_free(again);
    assert_null(leat_kept_blocks_take(20 * MIB));
    leat_fault_alloc_pause(false);
}

static void memory__kept_blocks_do_not_hide_a_lack_of_memory(void **state)
{
    struct leat_arena arena;
    (void)state;
    leat_kept_blocks_limit(64 << 20);
    leat_arena_init(&arena, NULL);
    assert_non_null(leat_arena_alloc(&arena, 8 << 20));
    leat_arena_release(&arena);
    leat_fault_alloc_arm(1, false);
    assert_null(leat_arena_alloc(&arena, 8 << 20));
    leat_fault_alloc_arm(0, false);
    leat_kept_blocks_limit(0);
}

static void buffer__grows_to_its_maximum_only(void **state)
{
    struct leat_buffer buffer;
    (void)state;
    leat_buffer_init(&buffer, 1000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(leat_buffer_append(&buffer, "0123456789", 10, &err), LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(&buffer, 1, &err), LEAT_LIMIT);
    assert_int_equal(buffer.length, 1000);
    leat_buffer_release(&buffer);
}

static void cursor__gives_what_was_put_and_refuses_short_bytes(void **state)
{
    struct leat_buffer buffer;
    struct leat_cursor cursor;
    struct leat_text text;
    uint64_t large;
    uint32_t number;
    double real;
    (void)state;
    leat_buffer_init(&buffer, 0);
    assert_int_equal(leat_buffer_put_u32(&buffer, 7, &err), LEAT_OK);
    assert_int_equal(leat_buffer_put_u64(&buffer, UINT64_MAX, &err), LEAT_OK);
    assert_int_equal(leat_buffer_put_double(&buffer, -0.5, &err), LEAT_OK);
    assert_int_equal(leat_buffer_put_bytes(&buffer, "abc", 3, &err), LEAT_OK);
    for (size_t length = 0; length <= buffer.length; length++) {
        cursor = (struct leat_cursor){buffer.data, length, 0};
        bool good = leat_cursor_get_u32(&cursor, &number, &err) == LEAT_OK &&
                    leat_cursor_get_u64(&cursor, &large, &err) == LEAT_OK &&
                    leat_cursor_get_double(&cursor, &real, &err) == LEAT_OK &&
                    leat_cursor_get_bytes(&cursor, &text, &err) == LEAT_OK;
        assert_true(good == (length == buffer.length));
    }
    assert_int_equal(number, 7);
    assert_true(large == UINT64_MAX && real == -0.5);
    assert_true(leat_text_equal(text, leat_text_of("abc")));
    leat_buffer_release(&buffer);
}

static enum leat_status some_fail(void *context, size_t i, struct leat_error *error)
{
    atomic_fetch_add((_Atomic int *)context, 1);
    return i == 5 ? leat_error_set(error, LEAT_E_MESSAGE, "five") : LEAT_OK;
}

static void parallel__the_first_failure_is_told_and_the_rest_skipped(void **state)
{
    _Atomic int calls = 0;
    (void)state;
    assert_int_not_equal(leat_parallel_run(1, 100, some_fail, &calls, &err), LEAT_OK);
    assert_int_equal(calls, 6);
    assert_string_equal(err.message, "five");
    calls = 0;
    assert_int_not_equal(leat_parallel_run(4, 1000, some_fail, &calls, &err), LEAT_OK);
    assert_string_equal(err.message, "five");
    calls = 0;
    assert_int_equal(leat_parallel_run(4, 5, some_fail, &calls, &err), LEAT_OK);
    assert_int_equal(calls, 5);
}

static void accountant__explains_its_limit(void **state)
{
    struct leat_accountant limited, free_of_limits;
    struct leat_error error;

    (void)state;
    leat_accountant_init(&limited, NULL, 64 << 20);
    leat_accountant_init(&free_of_limits, NULL, 0);
    (void)leat_error_memory(&error);
    leat_accountant_explain(&free_of_limits, &error);
    assert_string_equal(error.hint, "");
    leat_accountant_explain(&limited, &error);
    assert_non_null(strstr(error.hint, "64 MiB"));
    (void)leat_error_set(&error, LEAT_E_LIMIT, "something else");
    leat_accountant_explain(&limited, &error);
    assert_string_equal(error.hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accountant__explains_its_limit),
        cmocka_unit_test(accountant__children_charge_their_parents_and_limits_hold),
        cmocka_unit_test(arena__blocks_are_charged_and_given_back),
        cmocka_unit_test(memory__large_blocks_are_kept_within_a_limit),
        cmocka_unit_test(memory__kept_blocks_do_not_hide_a_lack_of_memory),
        cmocka_unit_test(buffer__grows_to_its_maximum_only),
        cmocka_unit_test(cursor__gives_what_was_put_and_refuses_short_bytes),
        cmocka_unit_test(parallel__the_first_failure_is_told_and_the_rest_skipped),
    };
    return LEAT_RUN_TESTS(tests);
}
