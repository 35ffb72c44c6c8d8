/* Spools: order, forgetting, and moving from memory to a file. */
#include "compute/hosts/spool.h"
#include "base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/test_faults.h"

static struct leat_error err;

static void append(struct leat_spool *spool, uint32_t task, uint32_t partition, const char *text)
{
    assert_int_equal(leat_spool_append(spool, task, partition, text, strlen(text), &err), LEAT_OK);
}

static void expect(const struct leat_spool *spool, uint32_t partition, const char *want)
{
    struct leat_spool_walk walk = {.spool = spool, .partition = partition};
    const struct leat_spool_piece *piece;
    struct leat_buffer got;

    leat_buffer_init(&got, 0);
    while ((piece = leat_spool_next(&walk)) != NULL)
        assert_int_equal(leat_spool_read(spool, piece, &got, &err), LEAT_OK);
    assert_int_equal(got.length, strlen(want));
    if (got.length)
        assert_memory_equal(got.data, want, got.length);
    leat_buffer_release(&got);
}

static void spool__pieces_come_in_the_order_of_tasks(void **state)
{
    struct leat_spool spool;

    (void)state;
    assert_int_equal(leat_spool_init(&spool, 3, 100, &err), LEAT_OK);
    append(&spool, 2, 0, "e");
    append(&spool, 0, 0, "a");
    append(&spool, 2, 1, "f");
    append(&spool, 0, 1, "b");
    append(&spool, 1, 0, "c");
    append(&spool, 1, 0, "d");
    expect(&spool, UINT32_MAX, "abcdef");
    expect(&spool, 0, "acde");
    expect(&spool, 1, "bf");
    expect(&spool, 2, "");
    leat_spool_reset(&spool, 1);
    append(&spool, 1, 1, "x");
    expect(&spool, UINT32_MAX, "abxef");
    leat_spool_release(&spool);
}

static void spool__large_ones_go_to_a_file(void **state)
{
    enum { PIECE = 1000, PIECES = 80, LIMIT = 30000 };
    struct leat_spool spool;
    struct leat_spool_walk walk;
    struct leat_buffer got;
    char *bytes = leat_malloc(PIECE);
    int count = 0;

    (void)state;
    assert_non_null(bytes);
    leat_buffer_init(&got, 0);
    assert_int_equal(leat_spool_init(&spool, 1, LIMIT, &err), LEAT_OK);
    for (int i = 0; i < PIECES; i++) {
        memset(bytes, i, PIECE);
        assert_int_equal(leat_spool_append(&spool, 0, 0, bytes, PIECE, &err), LEAT_OK);
    }
    assert_true(spool.file.descriptor >= 0);
    walk = (struct leat_spool_walk){.spool = &spool, .partition = 0};
    for (const struct leat_spool_piece *piece; (piece = leat_spool_next(&walk)) != NULL; count++) {
        got.length = 0;
        assert_int_equal(leat_spool_read(&spool, piece, &got, &err), LEAT_OK);
        assert_int_equal(got.length, PIECE);
        assert_int_equal(got.data[0], count);
        assert_int_equal(got.data[PIECE - 1], count);
    }
    assert_int_equal(count, PIECES);
    leat_spool_release(&spool);
    leat_buffer_release(&got);
    leat_free(bytes);
}

/* A full disk is an error, and what was there before stays readable. */
static void spool__a_full_disk_is_reported(void **state)
{
    enum { PIECE = 1000, LIMIT = 1500 };
    char *bytes = leat_calloc(1, PIECE);

    (void)state;
    assert_non_null(bytes);
    for (uint64_t n = 1; n <= 2; n++) {
        struct leat_spool spool;
        assert_int_equal(leat_spool_init(&spool, 1, LIMIT, &err), LEAT_OK);
        append(&spool, 0, 0, "first");
        assert_int_equal(leat_spool_append(&spool, 0, 1, bytes, PIECE, &err), LEAT_OK);
        leat_fault_file_arm(n, false, ENOSPC);
        assert_int_equal(leat_spool_append(&spool, 0, 1, bytes, PIECE, &err), LEAT_IO);
        leat_fault_file_arm(0, false, 0);
        expect(&spool, 0, "first");
        leat_spool_release(&spool);
    }
    leat_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spool__pieces_come_in_the_order_of_tasks),
        cmocka_unit_test(spool__large_ones_go_to_a_file),
        cmocka_unit_test(spool__a_full_disk_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
