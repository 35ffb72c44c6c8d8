/* Where plans are cut: the stages of queries over a file of several splits, as text. */
#include "compute/plan/stages.h"

#include "base/fault.h"
#include "compute/plan/planner.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/test_faults.h"

static struct leat_error err;

/* In the suite's folder; not through the seam, since its calls may be made to fail. */
static void write_file(void)
{
    FILE *file = fopen("data.csv", "w");

    assert_non_null(file);
    fputs("a,b\n", file);
    for (int i = 0; i < 2000; i++)
        fprintf(file, "%d,%d\n", i, i % 7);
    assert_int_equal(fclose(file), 0);
}

/* Plans the query, where $ stands for the file, and cuts it for three tasks. */
static enum leat_status cut(const char *sql, uint64_t small_rows, struct leat_plan_owner *owner,
                            struct leat_stages *out)
{
    struct leat_stage_options options = {3, small_rows};
    struct leat_plan_options plan_options = {0};
    struct leat_sql_query *query;
    struct leat_plan *plan;
    char *text = leat_arena_calloc(&owner->arena, 1, 4096);
    size_t at = 0;

    if (!text)
        return leat_error_memory(&err);
    if (access("data.csv", R_OK) != 0)
        write_file();
    for (const char *c = sql; *c; c++)
        if (*c == '$')
            at +=
                (size_t)snprintf(text + at, 4096 - at, "read_csv('data.csv', split_size => 2000)");
        else
            text[at++] = *c;
    plan_options.source = (struct leat_expr_source){"", text, at};
    LEAT_TRY(leat_sql_parse_query("", text, at, LEAT_SQL_POSTGRES, &owner->arena, &query, &err));
    LEAT_TRY(leat_plan_query(query, &plan_options, owner, &plan, &err));
    return leat_stages_cut(plan, &options, owner, out, &err);
}

/* One line a stage: tasks, inputs, output, and the root operator's name is left out. */
static void check_small(const char *sql, uint64_t small_rows, const char *want)
{
    static const char modes[] = {'o', 'a', 'f'}; /* own, all, first */
    struct leat_plan_owner owner;
    struct leat_stages stages;
    struct leat_buffer text;

    leat_plan_owner_init(&owner, NULL);
    leat_buffer_init(&text, 0);
    if (cut(sql, small_rows, &owner, &stages) != LEAT_OK)
        fail_msg("%s: %s", sql, err.message);
    for (uint32_t i = 0; i < stages.count; i++) {
        const struct leat_stage *stage = &stages.items[i];
        assert_int_equal(leat_buffer_printf(&text, &err, "%s%u", i ? "; " : "", stage->task_count),
                         LEAT_OK);
        for (uint32_t n = 0; n < stage->input_count; n++) {
            assert_true(stage->inputs[n].stage < i);
            assert_int_equal(leat_buffer_printf(&text, &err, " %u%c", stage->inputs[n].stage,
                                                modes[stage->inputs[n].mode]),
                             LEAT_OK);
        }
        if (stage->output == LEAT_EXCHANGE_HASH)
            assert_int_equal(leat_buffer_append_string(&text, " hash", &err), LEAT_OK);
    }
    assert_int_equal(leat_buffer_append_byte(&text, 0, &err), LEAT_OK);
    if (strcmp((const char *)text.data, want) != 0)
        fail_msg("%s\n  is cut into %s\n  instead of  %s", sql, (const char *)text.data, want);
    leat_buffer_release(&text);
    leat_plan_owner_release(&owner);
}

static void check(const char *sql, const char *want)
{
    check_small(sql, 0, want);
}

static void cut__rows_alone_need_one_stage(void **state)
{
    (void)state;
    check("SELECT a + 1 FROM $ WHERE b > 2", "3");
    check("SELECT 1", "1");
    check("SELECT * FROM generate_series(1, 5)", "1");
}

static void cut__aggregates_are_partial_then_final(void **state)
{
    (void)state;
    check("SELECT count(*) FROM $", "3; 1 0a");
    check("SELECT b, sum(a) FROM $ GROUP BY b", "3 hash; 3 0o");
    check("SELECT DISTINCT b FROM $", "3 hash; 3 0o");
    check("SELECT b, count(DISTINCT a) FROM $ GROUP BY b", "3 hash; 3 0o hash; 3 1o");
    check("SELECT count(DISTINCT a) FROM $", "3 hash; 3 0o; 1 1a");
    check("SELECT count(*) FROM (SELECT 1)", "1");
}

static void cut__order_and_limits_end_in_one_task(void **state)
{
    (void)state;
    check("SELECT a FROM $ ORDER BY a", "3; 1 0a");
    check("SELECT a FROM $ ORDER BY a LIMIT 3", "3; 1 0a");
    check("SELECT a FROM $ LIMIT 3", "3; 1 0a");
    check("SELECT b, count(*) FROM $ GROUP BY b ORDER BY 2 LIMIT 1", "3 hash; 3 0o; 1 1a");
}

static void cut__joins_hash_or_broadcast(void **state)
{
    (void)state;
    check("SELECT x.a FROM $ x JOIN $ y ON x.a = y.b", "3 hash; 3 hash; 3 0o 1o");
    check("SELECT x.a FROM $ x FULL JOIN $ y ON x.a = y.b", "3 hash; 3 hash; 3 0o 1o");
    check_small("SELECT x.a FROM $ x JOIN $ y ON x.a = y.b", 1000000, "3; 3 0a");
    check_small("SELECT x.a FROM $ x FULL JOIN $ y ON x.a = y.b", 1000000,
                "3 hash; 3 hash; 3 0o 1o");
    check("SELECT x.a FROM $ x, $ y WHERE x.a < y.b", "3; 3 0a");
    check("SELECT x.a FROM $ x FULL JOIN $ y ON x.a < y.b", "3; 3; 1 0a 1a");
    /* a null anywhere decides about every row */
    check("SELECT a FROM $ WHERE a NOT IN (SELECT b FROM $)", "3; 3 0a");
}

/* The scan below a grouping reads the keys that its groups will be joined with. */
static void cut__small_sides_reduce_large_ones_before_they_are_exchanged(void **state)
{
    (void)state;
    check_small("SELECT n FROM (SELECT b, count(*) AS n FROM $ GROUP BY b) s JOIN (SELECT a FROM $ "
                "WHERE a = 3) k ON b = a",
                50, "3; 3 0a hash; 3 1o 0a");
    /* groups without a partner are wanted */
    check_small("SELECT n FROM (SELECT b, count(*) AS n FROM $ GROUP BY b) s LEFT JOIN (SELECT a "
                "FROM $ WHERE a = 3) k ON b = a",
                50, "3 hash; 3; 3 0o 1a");
}

static void cut__windows_hash_by_partition(void **state)
{
    (void)state;
    check("SELECT rank() OVER (PARTITION BY b ORDER BY a) FROM $", "3 hash; 3 0o");
    check("SELECT rank() OVER (ORDER BY a) FROM $", "3; 1 0a");
}

static void cut__unions_keep_single_rows_single(void **state)
{
    (void)state;
    check("SELECT a FROM $ UNION ALL SELECT b FROM $", "3");
    check("SELECT a FROM $ UNION ALL SELECT 1", "1; 3 0f");
    check("SELECT 1 UNION ALL SELECT 2", "1");
}

static void cut__shared_subplans_are_one_stage(void **state)
{
    struct leat_plan_owner owner;
    struct leat_stages stages;
    uint32_t scans = 0;

    (void)state;
    leat_plan_owner_init(&owner, NULL);
    assert_int_equal(cut("WITH s AS (SELECT b, sum(a) AS n FROM $ GROUP BY b) SELECT * FROM s x "
                         "JOIN s y ON x.n = y.b",
                         0, &owner, &stages),
                     LEAT_OK);
    for (uint32_t i = 0; i < stages.count; i++)
        scans += stages.items[i].scan_count;
    assert_int_equal(scans, 1);
    leat_plan_owner_release(&owner);
}

/* All splits go to exactly one task each, in order. */
static void put_task__deals_all_splits(void **state)
{
    struct leat_plan_owner owner;
    struct leat_stages stages;
    struct leat_buffer bytes;
    struct leat_stage *stage;
    uint32_t all, seen = 0;

    (void)state;
    leat_plan_owner_init(&owner, NULL);
    leat_buffer_init(&bytes, 0);
    assert_int_equal(cut("SELECT a FROM $", 0, &owner, &stages), LEAT_OK);
    stage = &stages.items[0];
    all = stage->scans[0].split_count;
    assert_true(all > 3);
    for (uint32_t task = 0; task < stage->task_count; task++) {
        struct leat_plan *plan;
        struct leat_plan_owner copy;
        struct leat_cursor cursor;
        bytes.length = 0;
        assert_int_equal(leat_stage_put_task(stage, task, &bytes, &err), LEAT_OK);
        cursor = (struct leat_cursor){bytes.data, bytes.length, 0};
        leat_plan_owner_init(&copy, NULL);
        assert_int_equal(leat_plan_read(&cursor, &copy, &plan, &err), LEAT_OK);
        while (plan->kind != LEAT_PLAN_SCAN)
            plan = plan->children[0];
        for (uint32_t i = 0; i < plan->scan.split_count; i++, seen++) {
            assert_int_equal(plan->scan.splits[i].length, stage->scans[0].splits[seen].length);
            assert_memory_equal(plan->scan.splits[i].data, stage->scans[0].splits[seen].data,
                                plan->scan.splits[i].length);
        }
        leat_plan_owner_release(&copy);
    }
    assert_int_equal(seen, all);
    leat_buffer_release(&bytes);
    leat_plan_owner_release(&owner);
}

static void cut__every_failed_allocation_is_reported(void **state)
{
    bool fired = true;

    (void)state;
    for (uint64_t n = 1; fired; n++) {
        struct leat_plan_owner owner;
        struct leat_stages stages;
        enum leat_status status;
        leat_plan_owner_init(&owner, NULL);
        leat_fault_alloc_arm(n, false);
        status = cut("WITH s AS (SELECT b, sum(a) AS n FROM $ GROUP BY b) SELECT x.n FROM s x JOIN "
                     "s y ON x.n = y.b UNION ALL SELECT 1 ORDER BY 1 LIMIT 2",
                     0, &owner, &stages);
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        leat_plan_owner_release(&owner);
        if (status != LEAT_NO_MEMORY && status != LEAT_OK)
            fail_msg("allocation %llu: %s", (unsigned long long)n, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut__rows_alone_need_one_stage),
        cmocka_unit_test(cut__aggregates_are_partial_then_final),
        cmocka_unit_test(cut__order_and_limits_end_in_one_task),
        cmocka_unit_test(cut__joins_hash_or_broadcast),
        cmocka_unit_test(cut__small_sides_reduce_large_ones_before_they_are_exchanged),
        cmocka_unit_test(cut__windows_hash_by_partition),
        cmocka_unit_test(cut__unions_keep_single_rows_single),
        cmocka_unit_test(cut__shared_subplans_are_one_stage),
        cmocka_unit_test(put_task__deals_all_splits),
        cmocka_unit_test(cut__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
