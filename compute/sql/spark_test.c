/* Spark's dialect: every form of the table can be read, names and literals, errors at the user's
 * text, and failing allocations. */
#include "compute/sql/parser.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static enum leat_status expression(struct leat_arena *arena, const char *text,
                                   struct leat_sql_expr **out)
{
    leat_arena_reset(arena);
    return leat_sql_parse_expression("", text, strlen(text), LEAT_SQL_SPARK, arena, out, &err);
}

static void forms__each_one_can_be_read(void **state)
{
    struct leat_arena arena;
    struct leat_sql_expr *expr;
    unsigned least, most;
    const char *name, *form;

    (void)state;
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; (name = leat_sql_spark_form_at(i, &least, &most, &form)); i++) {
        char text[200];
        size_t used = (size_t)snprintf(text, sizeof(text), "`%s`(", name);
        for (unsigned a = 0; a < least; a++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%sa%u", a ? ", " : "", a);
        snprintf(text + used, sizeof(text) - used, ")");
        if (expression(&arena, text, &expr) != LEAT_OK)
            fail_msg("%s (%s): %s", text, form, err.message);
        if (strcmp(form, "$1") != 0) {
            assert_int_equal(expr->offset, 0);
            assert_int_equal(expr->length, strlen(text));
        }
    }
    leat_arena_release(&arena);
}

static void refused__each_one_is_named_with_its_reason(void **state)
{
    struct leat_arena arena;
    struct leat_sql_expr *expr;
    const char *name, *reason, *instead;

    (void)state;
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; (name = leat_sql_spark_refused_at(i, &reason, &instead)); i++) {
        char text[200];
        snprintf(text, sizeof(text), "`%s`(a, b, c, d, e, f, g)", name);
        if (strstr(name, "explode") || strcmp(name, "inline") == 0)
            continue; /* rows: refused by the binder where they cannot stand */
        if (expression(&arena, text, &expr) == LEAT_OK)
            fail_msg("%s is accepted", text);
        if (err.code != LEAT_E_DIALECT || !strstr(err.message, name))
            fail_msg("%s: %s", text, err.message);
    }
    leat_arena_release(&arena);
}

static void names__keep_their_case_but_tables_fold(void **state)
{
    static const char text[] = "SELECT Amt, `Two Words` AS Total FROM `Orders` AS O";
    struct leat_sql_query *query;
    struct leat_arena arena;

    (void)state;
    leat_arena_init(&arena, NULL);
    assert_int_equal(
        leat_sql_parse_query("", text, sizeof(text) - 1, LEAT_SQL_SPARK, &arena, &query, &err),
        LEAT_OK);
    const struct leat_sql_select *select = query->body->select;
    assert_string_equal(select->items[0].expr->path.parts[0].text.data, "Amt");
    assert_string_equal(select->items[1].expr->path.parts[0].text.data, "Two Words");
    assert_false(select->items[1].expr->path.parts[0].quoted);
    assert_string_equal(select->items[1].alias.text.data, "Total");
    assert_string_equal(select->from[0]->path.parts[0].text.data, "orders");
    assert_string_equal(select->from[0]->alias.text.data, "o");
    leat_arena_release(&arena);
}

static void dialect__set_changes_what_follows(void **state)
{
    static const char text[] = "SELECT \"a\"; SET dialect TO spark; SELECT `a`, \"b\"; RESET "
                               "dialect; SELECT \"c\"";
    struct leat_sql_script script;
    struct leat_arena arena;

    (void)state;
    leat_arena_init(&arena, NULL);
    assert_int_equal(
        leat_sql_parse("", text, sizeof(text) - 1, LEAT_SQL_POSTGRES, &arena, &script, &err),
        LEAT_OK);
    assert_int_equal(script.count, 5);
    assert_int_equal(script.statements[0]->query->body->select->items[0].expr->kind,
                     LEAT_SQL_COLUMN);
    assert_int_equal(script.statements[2]->query->body->select->items[1].expr->kind,
                     LEAT_SQL_STRING);
    assert_int_equal(script.statements[4]->query->body->select->items[0].expr->kind,
                     LEAT_SQL_COLUMN);
    leat_arena_release(&arena);
}

static void settings__what_changes_results_is_refused(void **state)
{
    (void)state;
    assert_null(
        leat_sql_spark_setting(leat_text_of("spark.sql.shuffle.partitions"), leat_text_of("10")));
    assert_null(
        leat_sql_spark_setting(leat_text_of("spark.sql.ansi.enabled"), leat_text_of("TRUE")));
    assert_non_null(
        leat_sql_spark_setting(leat_text_of("spark.sql.ansi.enabled"), leat_text_of("false")));
    assert_non_null(leat_sql_spark_setting(leat_text_of("spark.sql.legacy.timeParserPolicy"),
                                           leat_text_of("LEGACY")));
}

static void memory__every_failed_allocation_is_reported(void **state)
{
    static const char text[] =
        "SELECT * EXCEPT (a), nvl2(x, 1, 2), date_format(d, 'yyyy'), decode(a, 1, 'x', 'y'), 10L, "
        "INTERVAL 1 DAY, X'1F', struct(1), posexplode(l) AS (p, c) FROM VALUES (1), (2) AS t(a) "
        "LEFT SEMI JOIN parquet.`f` ON true LATERAL VIEW OUTER explode(m) AS k, v; SET dialect TO "
        "postgres; SELECT 1";

    (void)state;
    for (uint64_t n = 1;; n++) {
        struct leat_arena arena;
        struct leat_sql_script script;
        enum leat_status status;
        leat_arena_init(&arena, NULL);
        leat_fault_alloc_arm(n, false);
        status = leat_sql_parse("", text, strlen(text), LEAT_SQL_SPARK, &arena, &script, &err);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_OK);
        leat_arena_release(&arena);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms__each_one_can_be_read),
        cmocka_unit_test(refused__each_one_is_named_with_its_reason),
        cmocka_unit_test(names__keep_their_case_but_tables_fold),
        cmocka_unit_test(dialect__set_changes_what_follows),
        cmocka_unit_test(settings__what_changes_results_is_refused),
        cmocka_unit_test(memory__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
