#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "cli/progress.h"

static void assert_text(const struct leat_progress_counts *counts, double seconds, const char *text)
{
    char out[200];

    leat_cli_progress_text(counts, seconds, out, sizeof(out));
    assert_string_equal(out, text);
}

static void progress__says_bytes_rows_speed_and_time_left(void **state)
{
    (void)state;
    assert_text(
        &(struct leat_progress_counts){.bytes = 1200000000, .total = 3400000000, .rows = 12300000},
        2.4, "1.2 GB of 3.4 GB, 12.3 million rows, 500 MB/s, 4 s left");
    assert_text(&(struct leat_progress_counts){.bytes = 999, .rows = 5, .done = 1, .tables = 3}, 1,
                "1 of 3 tables, 999 B, 5 rows, 999 B/s");
}

static void progress__tells_no_end_that_it_does_not_know(void **state)
{
    (void)state;
    assert_text(&(struct leat_progress_counts){.bytes = 2000, .total = 1000, .rows = 1}, 2,
                "2.0 KB, 1 rows, 1.0 KB/s");
    assert_text(&(struct leat_progress_counts){.bytes = 10, .total = 1000, .rows = 1}, 0.4,
                "10 B of 1.0 KB, 1 rows, 25 B/s");
    assert_text(&(struct leat_progress_counts){0}, 12, "12 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress__says_bytes_rows_speed_and_time_left),
        cmocka_unit_test(progress__tells_no_end_that_it_does_not_know),
    };
    return LEAT_RUN_TESTS(tests);
}
