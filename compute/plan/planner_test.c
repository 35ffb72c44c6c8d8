/* The planner: shapes of plans, errors of binding, and failing allocations, over tables without
 * rows. */
#include "compute/plan/planner.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

struct test_catalog {
    struct leat_catalog base;
    struct leat_rows t, u;
};

static enum leat_status find(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *e)
{
    struct test_catalog *catalog = (struct test_catalog *)base;
    const char *name = parts[count - 1].data;

    (void)arena;
    *out = (struct leat_relation){.kind = LEAT_RELATION_TABLE, .name = name};
    if (strcmp(name, "v") == 0) {
        out->kind = LEAT_RELATION_VIEW;
        out->view_sql = "SELECT a, b AS twice FROM t";
        return LEAT_OK;
    }
    if (strcmp(name, "loop") == 0) {
        out->kind = LEAT_RELATION_VIEW;
        out->view_sql = "SELECT * FROM loop";
        return LEAT_OK;
    }
    if (strcmp(name, "t") != 0 && strcmp(name, "u") != 0)
        return LEAT_NOT_FOUND;
    return leat_source_open_rows(name[0] == 't' ? &catalog->t : &catalog->u, name, &out->source, e);
}

static enum leat_status list(struct leat_catalog *base, struct leat_bytes_list *out,
                             struct leat_error *e)
{
    (void)base;
    LEAT_TRY(leat_bytes_list_append(out, "t", 1, e));
    return leat_bytes_list_append(out, "customers", 9, e);
}

static const struct leat_catalog_ops ops = {.find = find, .list = list};

static void catalog_init(struct test_catalog *catalog)
{
    struct leat_field t[] = {{.name = "a", .type = leat_type_get(LEAT_INT32)},
                             {.name = "b", .type = leat_type_get(LEAT_INT32)},
                             {.name = "c", .type = leat_type_get(LEAT_TEXT)}};
    struct leat_field u[] = {{.name = "a", .type = leat_type_get(LEAT_INT32)},
                             {.name = "e", .type = leat_type_get(LEAT_INT64)}};
    struct leat_schema ts = {3, t}, us = {2, u};
    catalog->base.ops = &ops;
    assert_int_equal(leat_rows_init(&catalog->t, &ts, NULL, &err), LEAT_OK);
    assert_int_equal(leat_rows_init(&catalog->u, &us, NULL, &err), LEAT_OK);
}
static void catalog_release(struct test_catalog *catalog)
{
    leat_rows_release(&catalog->t);
    leat_rows_release(&catalog->u);
}

/* Plans the text; on success *out (if wanted) is EXPLAIN's text. */
static enum leat_status plan(struct test_catalog *catalog, const char *text,
                             struct leat_buffer *out)
{
    struct leat_plan_options options = {.catalog = &catalog->base,
                                        .source = {"", text, strlen(text)}};
    struct leat_plan_owner owner;
    struct leat_sql_query *query;
    struct leat_plan *made;
    enum leat_status status;

    leat_plan_owner_init(&owner, NULL);
    status =
        leat_sql_parse_query("", text, strlen(text), LEAT_SQL_POSTGRES, &owner.arena, &query, &err);
    if (!status)
        status = leat_plan_query(query, &options, &owner, &made, &err);
    if (!status && out) {
        out->length = 0;
        status = leat_plan_print(made, out, &err);
        if (!status)
            status = leat_buffer_append_byte(out, 0, &err);
    }
    leat_plan_owner_release(&owner);
    return status;
}

static void shape(struct test_catalog *catalog, const char *text, const char *has,
                  const char *lacks)
{
    struct leat_buffer out;
    leat_buffer_init(&out, 0);
    if (plan(catalog, text, &out))
        fail_msg("%s: %s", text, err.message);
    if (!strstr((char *)out.data, has) || (lacks && strstr((char *)out.data, lacks)))
        fail_msg("%s gives\n%s", text, (char *)out.data);
    leat_buffer_release(&out);
}

static void unnesting__subqueries_become_joins(void **state)
{
    struct test_catalog c;
    (void)state;
    catalog_init(&c);
    shape(&c, "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
          "semi join on a = a", "cross");
    shape(&c, "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "anti join",
          NULL);
    shape(&c, "SELECT a FROM t WHERE a IN (SELECT a FROM u)", "semi join on a = a", NULL);
    shape(&c, "SELECT a FROM t WHERE a NOT IN (SELECT a FROM u)", "mark join on a = a", NULL);
    shape(&c, "SELECT a, (SELECT max(e) FROM u WHERE u.a = t.a) FROM t", "left join on a = a",
          "single");
    shape(&c, "SELECT a, (SELECT max(e) FROM u WHERE u.a = t.a) FROM t", "max(e) by a", NULL);
    shape(&c, "SELECT a FROM t WHERE b < (SELECT sum(e) FROM u WHERE u.a = t.a)", "inner join",
          "left join");
    shape(&c, "SELECT a, (SELECT e FROM u WHERE u.a = t.a) FROM t", "single join on a = a", NULL);
    /* An aggregate over an inequality cannot be pulled: by the domain of values. */
    shape(&c, "SELECT a, (SELECT count(*) FROM u WHERE u.a < t.a) FROM t", "shared", NULL);
    catalog_release(&c);
}

static void rewrites__conditions_reach_the_scans(void **state)
{
    struct test_catalog c;
    (void)state;
    catalog_init(&c);
    shape(&c, "SELECT t.b FROM t, u WHERE t.a = u.a AND u.e > 5 AND t.c = 'x'",
          "scan u (rows) [a, e] where (e > 5)", "cross");
    shape(&c, "SELECT * FROM (SELECT a, b + 1 AS x FROM t) s WHERE x > 3 AND a = 1", "where ((",
          "filter");
    shape(&c, "SELECT a, count(*) FROM t GROUP BY a HAVING a > 1", "where (a > 1)", "filter");
    shape(&c, "SELECT * FROM t LEFT JOIN u ON t.a = u.a WHERE u.e = 1", "inner join", "left join");
    shape(&c, "SELECT * FROM t LEFT JOIN u ON t.a = u.a WHERE u.e IS NULL", "left join", NULL);
    shape(&c, "SELECT b FROM t, u WHERE (t.a = u.a AND b = 1) OR (t.a = u.a AND b = 2)",
          "inner join on a = a", NULL);
    shape(&c, "SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY a LIMIT 3", "limit 3", NULL);
    shape(&c, "SELECT x.a FROM v x, v y WHERE x.a = y.twice", "inner join on", NULL);
    shape(&c,
          "WITH w AS (SELECT a, count(*) AS n FROM t GROUP BY a) SELECT * FROM w x, w y WHERE "
          "x.a = y.n",
          "shared #1 ", NULL);
    shape(&c, "WITH w AS (SELECT a FROM t) SELECT * FROM w WHERE a > 1", "where (a > 1)", "shared");
    catalog_release(&c);
}

static void errors__binding_names_object_place_and_fix(void **state)
{
    static const struct {
        const char *text;
        int code;
        unsigned column;
        const char *message, *hint;
    } list_[] = {
        {"SELECT q FROM t", LEAT_E_UNKNOWN_COLUMN, 8, "column \"q\" does not exist",
         "Candidates: a"},
        {"SELECT a FROM t WHERE c = \"x\"", LEAT_E_UNKNOWN_COLUMN, 27, "\"x\"",
         "string literals take single quotes: 'x'"},
        {"SELECT a FROM t, u", LEAT_E_AMBIGUOUS_COLUMN, 8, "ambiguous", "t.a or u.a"},
        {"SELECT a, count(*) FROM t", LEAT_E_GROUPING, 8, "GROUP BY", ""},
        {"SELECT 1 FROM t WHERE sum(a) > 1", LEAT_E_MISPLACED_AGGREGATE, 23, "WHERE", "HAVING"},
        {"SELECT * FROM customer", LEAT_E_UNKNOWN_TABLE, 15, "customer", "customers"},
        {"SELECT * FROM t, t", LEAT_E_DUPLICATE_TABLE, 18, "more than once", "alias"},
        {"SELECT a FROM t ORDER BY 2", LEAT_E_ORDER_POSITION, 26, "position 2", ""},
        {"SELECT * FROM STREAM t", LEAT_E_MISPLACED_STREAM, 15, "STREAM", "FROM t"},
        {"SELECT (SELECT a, b FROM t)", LEAT_E_COLUMN_COUNT, 8, "one column", ""},
        {"SELECT a FROM t UNION SELECT 1, 2", LEAT_E_COLUMN_COUNT, 23, "1 and 2", ""},
        {"SELECT CASE WHEN a THEN 1 END FROM t", LEAT_E_TYPE_MISMATCH, 18, "boolean", ""},
        {"SELECT * FROM loop", LEAT_E_RECURSION, 1, "", ""},
        {"SELECT a FROM t LIMIT -1", LEAT_E_WRONG_ARGUMENT, 23, "negative", ""}};
    struct test_catalog c;
    (void)state;
    catalog_init(&c);
    for (size_t i = 0; i < sizeof(list_) / sizeof(list_[0]); i++) {
        if (!plan(&c, list_[i].text, NULL))
            fail_msg("%s was planned", list_[i].text);
        if (err.code != list_[i].code || !strstr(err.message, list_[i].message) ||
            !strstr(err.hint, list_[i].hint))
            fail_msg("%s: L%d %s (%s)", list_[i].text, err.code, err.message, err.hint);
        if (err.code != LEAT_E_RECURSION && err.place.column != list_[i].column)
            fail_msg("%s: column %u", list_[i].text, (unsigned)err.place.column);
    }
    catalog_release(&c);
}

static void memory__every_failed_allocation_is_reported(void **state)
{
    const char *text = "WITH w AS (SELECT a, sum(b) AS s FROM t GROUP BY a) SELECT x.a, (SELECT "
                       "count(*) FROM u WHERE u.a < x.a) FROM w x JOIN w y ON x.a = y.a WHERE x.s "
                       "IN (1, 2) AND NOT EXISTS (SELECT 1 FROM u WHERE u.e = x.s) ORDER BY 1";
    struct test_catalog c;
    (void)state;
    catalog_init(&c);
    for (uint64_t n = 1;; n++) {
        leat_fault_alloc_arm(n, false);
        enum leat_status status = plan(&c, text, NULL);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        if (!fired) {
            assert_int_equal(status, LEAT_OK);
            break;
        }
        if (status != LEAT_NO_MEMORY && status != LEAT_OK) /* a hint may do without */
            fail_msg("allocation %u: %d %s", (unsigned)n, status, err.message);
    }
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unnesting__subqueries_become_joins),
        cmocka_unit_test(rewrites__conditions_reach_the_scans),
        cmocka_unit_test(errors__binding_names_object_place_and_fix),
        cmocka_unit_test(memory__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
