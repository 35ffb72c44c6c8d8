/* Operators and functions through whole queries: results, threads, failing allocations. */
#include "compute/exec/execute.h"

#include "base/fault.h"
#include "compute/plan/planner.h"
#include "compute/sql/parser.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static enum leat_status print_rows(const struct leat_rows *rows, struct leat_buffer *out)
{
    for (size_t b = 0; b < rows->batch_count; b++) {
        for (uint32_t r = 0; r < rows->batches[b].length; r++) {
            for (uint32_t c = 0; c < rows->batches[b].column_count; c++) {
                if (c)
                    LEAT_TRY(leat_buffer_append_byte(out, '|', &err));
                LEAT_TRY(leat_vector_print(&rows->batches[b].columns[c], r, out, &err));
            }
            LEAT_TRY(leat_buffer_append_byte(out, ';', &err));
        }
    }
    return LEAT_OK;
}

/* Parses, plans and runs one SELECT; its rows as text a|b;c|d; */
static enum leat_status run_query(const char *sql, unsigned threads, struct leat_buffer *out)
{
    struct leat_expr_source source = {"", sql, strlen(sql)};
    struct leat_plan_options plan_options = {.source = source};
    struct leat_execute_options options = {.threads = threads, .source = source};
    struct leat_sql_query *query;
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    struct leat_rows rows = {0};
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    leat_plan_owner_init(&owner, NULL);
    status = leat_sql_parse_query("", sql, strlen(sql), LEAT_SQL_POSTGRES, &arena, &query, &err);
    if (!status)
        status = leat_plan_query(query, &plan_options, &owner, &plan, &err);
    if (!status)
        status = leat_execute_rows(plan, &options, &rows, &err);
    if (!status)
        status = print_rows(&rows, out);
    leat_rows_release(&rows);
    leat_plan_owner_release(&owner);
    leat_arena_release(&arena);
    return status;
}

static void check(const char *sql, const char *want)
{
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        struct leat_buffer text;
        leat_buffer_init(&text, 0);
        if (run_query(sql, threads, &text))
            fail_msg("%s: %s", sql, err.message);
        assert_int_equal(leat_buffer_append_byte(&text, 0, &err), LEAT_OK);
        assert_string_equal((const char *)text.data, want);
        leat_buffer_release(&text);
    }
}

static void check_error(const char *sql, const char *sqlstate)
{
    struct leat_buffer text;
    leat_buffer_init(&text, 0);
    assert_true(run_query(sql, 2, &text) != LEAT_OK);
    assert_string_equal(err.sqlstate, sqlstate);
    leat_buffer_release(&text);
}

static void window__places_and_frames(void **state)
{
    (void)state;
    check("SELECT x, row_number() OVER (PARTITION BY g ORDER BY x DESC), rank() OVER (ORDER BY g), "
          "sum(x) OVER (PARTITION BY g ORDER BY x), sum(x) OVER (PARTITION BY g), "
          "lag(x, 1, 0) OVER (ORDER BY x), ntile(2) OVER (ORDER BY x) "
          "FROM (VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, NULL), (5, 'b')) v(x, g) ORDER BY x",
          "1|2|1|1|4|0|1;2|2|3|2|7|1|1;3|1|1|4|4|2|1;4|1|5|4|4|3|2;5|1|3|7|7|4|2;");
    check("SELECT x, sum(x) OVER (ORDER BY x), sum(x) OVER (ORDER BY x ROWS UNBOUNDED PRECEDING), "
          "dense_rank() OVER (ORDER BY x), last_value(x) OVER (ORDER BY x) "
          "FROM (VALUES (1), (2), (2), (4)) t(x) ORDER BY 1, 3",
          "1|1|1|1|1;2|5|3|2|2;2|5|5|2|2;4|9|9|3|4;");
    check("SELECT count(*) OVER () FROM (VALUES (1), (2)) t(x) WHERE x > 5", "");
}

static void window__bad_bucket_count_is_an_error(void **state)
{
    (void)state;
    check_error("SELECT ntile(0) OVER (ORDER BY x) FROM (VALUES (1)) t(x)", "22023");
}

static void unnest__repeats_rows(void **state)
{
    (void)state;
    check("SELECT x, y FROM (VALUES (1, ARRAY[1, 2]), (2, NULL), (3, ARRAY[]::integer[]), "
          "(4, ARRAY[7, NULL])) t(x, a), unnest(a) AS u(y) ORDER BY x, y",
          "1|1;1|2;4|7;4|;");
    check("SELECT count(*), sum(u.y) FROM generate_series(1, 5000) AS g(i), "
          "unnest(ARRAY[g.i, -g.i, 1]) AS u(y)",
          "15000|5000;");
}

static void join__all_types(void **state)
{
    const char *tables = "WITH a(x) AS (VALUES (1), (2), (2), (NULL)), "
                         "b(y) AS (VALUES (2), (3), (NULL)) ";
    static const struct {
        const char *sql, *want;
    } cases[] = {
        {"SELECT x, y FROM a JOIN b ON x = y ORDER BY 1, 2", "2|2;2|2;"},
        {"SELECT x, y FROM a LEFT JOIN b ON x = y ORDER BY 1, 2", "1|;2|2;2|2;|;"},
        {"SELECT x, y FROM a RIGHT JOIN b ON x = y ORDER BY 2, 1", "2|2;2|2;|3;|;"},
        {"SELECT x, y FROM a FULL JOIN b ON x = y ORDER BY 1, 2", "1|;2|2;2|2;|3;|;|;"},
        {"SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE x = y) ORDER BY 1", "2;2;"},
        {"SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE x = y) ORDER BY 1", "1;;"},
        {"SELECT x, x IN (SELECT y FROM b) FROM a ORDER BY 1", "1|;2|t;2|t;|;"},
        {"SELECT x FROM a WHERE x NOT IN (SELECT y FROM b)", ""},
        {"SELECT x, (SELECT max(y) FROM b WHERE y > x) FROM a ORDER BY 1", "1|3;2|3;2|3;|;"},
        {"SELECT count(*) FROM a CROSS JOIN b", "12;"},
        {"SELECT x, y FROM a JOIN b ON x < y ORDER BY 1, 2", "1|2;1|3;2|3;2|3;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[512];
        snprintf(sql, sizeof(sql), "%s%s", tables, cases[i].sql);
        check(sql, cases[i].want);
    }
    check_error("SELECT (SELECT x FROM (VALUES (1), (2)) t(x))", "21000");
}

static void aggregate__float_sums_do_not_depend_on_threads(void **state)
{
    (void)state;
    check("SELECT sum(CASE WHEN i % 2 = 0 THEN 1e16::float8 ELSE -1e16::float8 END "
          "+ i * 0.1::float8) "
          "FROM generate_series(1, 10000) AS g(i)",
          "5000500;");
    check("SELECT g.i % 3, count(*), count(DISTINCT g.i % 7), sum(g.i), avg(g.i::numeric) "
          "FROM generate_series(1, 21000) AS g(i) GROUP BY 1 ORDER BY 1",
          "0|7000|7|73510500|10501.5000000000000000;1|7000|7|73496500|10499.5000000000000000;"
          "2|7000|7|73503500|10500.5000000000000000;");
}

static void aggregate__lists_and_moments(void **state)
{
    (void)state;
    check("SELECT string_agg(x::text, '-' ORDER BY x DESC), array_agg(x ORDER BY x), "
          "stddev(x), median(x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x), bool_or(x > 3) "
          "FROM (VALUES (4), (1), (2), (NULL)) t(x)",
          "4-2-1|{1,2,4,NULL}|1.5275252316519467|2|2|t;");
    check("SELECT sum(x), count(x), min(x), array_agg(x) FROM (VALUES (1)) t(x) WHERE x > 1",
          "|0||;");
    check_error("SELECT sum(x) FROM (VALUES (2147483647::smallint)) t(x)", "22003");
}

static void functions__follow_postgresql(void **state)
{
    static const struct {
        const char *sql, *want;
    } cases[] = {
        {"7/2, -7/2, -7%3, 7.0/2, 2.5::int, 2.5::float8::int", "3|-3|-1|3.5000000000000000|3|2;"},
        {"'a'||1||true||date '2020-01-01', upper('h\xc3\xa9'), length('h\xc3\xa9')",
         "a1true2020-01-01|H\xc3\x89|2;"},
        {"date '2020-01-31' + interval '1 month', date '2020-03-01' - date '2020-02-01'",
         "2020-02-29 00:00:00|29;"},
        {"extract(week from date '2021-01-03'), date_trunc('week', timestamp '2020-05-06 07:08')",
         "53|2020-05-04 00:00:00;"},
        {"'abc' LIKE '%b_', 'a%c' LIKE 'a\\%c', '' LIKE '%', 'abc' ILIKE 'AB%', 'ab' LIKE 'a'",
         "t|t|t|t|f;"},
        {"regexp_replace('foobar', '(o+)(b)', '[\\1|\\2]'), regexp_match('foobar', 'o(b)')",
         "f[oo|b]ar|{b};"},
        {"timestamp '2020-07-01 12:00' AT TIME ZONE 'Europe/Berlin', "
         "timestamp '2020-03-29 02:30' AT TIME ZONE 'Europe/Berlin', "
         "timestamptz '2035-07-01 12:00+00' AT TIME ZONE 'Europe/Berlin'",
         "2020-07-01 10:00:00+00|2020-03-29 01:30:00+00|2035-07-01 14:00:00;"},
        {"to_char(timestamp '2020-05-06 07:08:09', 'FMDay, DD Mon YYYY HH24:MI'), "
         "to_char(1234.5, '9,999.99'), to_date('06/05/2020', 'DD/MM/YYYY')",
         "Wednesday, 06 May 2020 07:08| 1,234.50|2020-05-06;"},
        {"'{\"a\":{\"b\":[1,\"x\"]}}'::json -> 'a' -> 'b' ->> 1", "x;"},
        {"NULL AND false, NULL OR true, 1 IN (2, NULL), 1 IS DISTINCT FROM NULL", "f|t||t;"},
        {"split_part('a,b,c', ',', -1), translate('12345', '143', 'ax'), lpad('hi', 5, 'xy')",
         "c|a2x5|xyxhi;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[1024];
        snprintf(sql, sizeof(sql), "SELECT %s", cases[i].sql);
        check(sql, cases[i].want);
    }
}

static void functions__errors_carry_sqlstates(void **state)
{
    static const char *const cases[][2] = {
        {"1/0", "22012"},
        {"2147483647+1", "22003"},
        {"99999999999::text::int", "22003"},
        {"'abc'::int", "22P02"},
        {"sqrt(-1::float8)", "2201F"},
        {"ln(0::float8)", "2201E"},
        {"'a' ~ '('", "2201B"},
        {"substring('abc' from 1 for -1)", "22011"},
        {"nosuch(1)", "42883"},
        {"length(1)", "42883"},
        {"timestamp '2020-01-01' AT TIME ZONE 'No/Where'", "22023"},
        {"timestamp '2020-01-01' AT TIME ZONE '../../etc/passwd'", "22023"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' ~ '^(a+)+$'", ""},
    };
    (void)state;
    for (size_t i = 0; cases[i][1][0]; i++) {
        char sql[256];
        snprintf(sql, sizeof(sql), "SELECT %s", cases[i][0]);
        check_error(sql, cases[i][1]);
    }
}

static void query__every_failed_allocation_is_reported(void **state)
{
    static const char *const queries[] = {
        "SELECT g.i % 3, sum(g.i), string_agg(g.i::text, ',' ORDER BY g.i) "
        "FROM generate_series(1, 30) AS g(i) JOIN (VALUES (1), (5)) t(x) ON g.i = t.x "
        "WHERE g.i::text LIKE '%' GROUP BY 1 ORDER BY 1",
        "SELECT x, sum(x) OVER (ORDER BY x), lag(x) OVER (ORDER BY x), y "
        "FROM (VALUES (1), (2)) t(x), unnest(ARRAY[x, 2]) AS u(y)",
        "SELECT regexp_replace(t, 'a', 'b'), split_part(t, ' ', 1), array_agg(length(t)), "
        "stddev(length(t)) FROM (VALUES ('a long text that is not inline'), ('b')) v(t) "
        "GROUP BY t",
        /* keys that lie close together, in groupings and joins; then one far away */
        "SELECT count(*), sum(c) FROM (SELECT k, count(*) AS c FROM (SELECT CASE WHEN i = 4900 "
        "THEN 1000000000000 WHEN i % 7 = 0 THEN NULL ELSE i % 700 END AS k FROM "
        "generate_series(1, 5000) s(i)) t GROUP BY k) g JOIN generate_series(1, 700) r(i) ON k = i",
        "SELECT count(*) FROM generate_series(1, 300) l(i) LEFT JOIN (SELECT i % 40 AS k FROM "
        "generate_series(1, 90) s(i)) r ON l.i = r.k WHERE l.i NOT IN (SELECT i * 3 FROM "
        "generate_series(1, 20) t(i))",
        "SELECT i % 5, count(DISTINCT i % 3), avg(i), count(*) FROM generate_series(1, 50) s(i) "
        "GROUP BY 1, 1 + 1 ORDER BY 1",
        "SELECT i, (i * 7919) % 10007 AS h FROM generate_series(1, 9000) s(i) ORDER BY h DESC, i "
        "LIMIT 3",
        "SELECT l.i, r.i FROM generate_series(1, 9, 2) l(i) ASOF LEFT JOIN generate_series(2, 9, "
        "3) r(i) ON l.i >= r.i ORDER BY 1",
        "SELECT * FROM (VALUES (1, 2, 3), (4, 5, 6)) t(a, b, c) UNPIVOT (v FOR n IN (b, c)) "
        "PIVOT (max(v) FOR n IN ('b', 'c')) ORDER BY 1",
        "SELECT (date '2024-01-01', interval '1 day') OVERLAPS (date '2024-01-01', NULL::date)",
    };
    (void)state;
    for (size_t q = 0; q < sizeof(queries) / sizeof(queries[0]); q++) {
        struct leat_buffer want;
        leat_buffer_init(&want, 0);
        assert_int_equal(run_query(queries[q], 1, &want), LEAT_OK);
        for (uint64_t n = 1;; n++) {
            struct leat_buffer text;
            leat_buffer_init(&text, 0);
            leat_fault_alloc_arm(n, false);
            enum leat_status status = run_query(queries[q], 1, &text);
            bool fired = leat_fault_alloc_fired();
            leat_fault_alloc_arm(0, false);
            if (status == LEAT_OK) {
                assert_int_equal(text.length, want.length);
                assert_memory_equal(text.data, want.data, want.length);
            }
            leat_buffer_release(&text);
            if (!fired) {
                assert_int_equal(status, LEAT_OK);
                break;
            }
            if (status != LEAT_NO_MEMORY && status != LEAT_OK)
                fail_msg("allocation %llu of %s: %s", (unsigned long long)n, queries[q],
                         err.message);
        }
        leat_buffer_release(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window__places_and_frames),
        cmocka_unit_test(window__bad_bucket_count_is_an_error),
        cmocka_unit_test(unnest__repeats_rows),
        cmocka_unit_test(join__all_types),
        cmocka_unit_test(aggregate__float_sums_do_not_depend_on_threads),
        cmocka_unit_test(aggregate__lists_and_moments),
        cmocka_unit_test(functions__follow_postgresql),
        cmocka_unit_test(functions__errors_carry_sqlstates),
        cmocka_unit_test(query__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
