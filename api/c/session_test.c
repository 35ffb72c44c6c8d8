/* Sessions: scripts against memory, a lake and files; every one also with failing calls. */
#include "api/c/session.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

struct answer {
    struct leat_session_output base;
    struct leat_buffer text; /* a|b;c|d; and after each statement its tag and count in [] */
};

static enum leat_status begin(struct leat_session_output *output, const struct leat_schema *schema,
                              struct leat_error *error)
{
    (void)output;
    (void)schema;
    (void)error;
    return LEAT_OK;
}

static enum leat_status take(struct leat_session_output *output, const struct leat_batch *batch,
                             struct leat_error *error)
{
    struct answer *answer = (struct answer *)output;

    for (uint32_t r = 0; r < batch->length; r++) {
        for (uint32_t c = 0; c < batch->column_count; c++) {
            if (c)
                LEAT_TRY(leat_buffer_append_byte(&answer->text, '|', error));
            LEAT_TRY(leat_vector_print(&batch->columns[c], r, &answer->text, error));
        }
        LEAT_TRY(leat_buffer_append_byte(&answer->text, ';', error));
    }
    return LEAT_OK;
}

static enum leat_status end(struct leat_session_output *output, const char *tag, uint64_t rows,
                            struct leat_error *error)
{
    return leat_buffer_printf(&((struct answer *)output)->text, error, "[%s %u]", tag,
                              (unsigned)rows);
}

static enum leat_status run(struct leat_session *session, const char *sql, struct answer *answer,
                            struct leat_error *first)
{
    struct leat_error *errors = &err;
    struct leat_arena arena;
    uint32_t count = 0;
    enum leat_status status;

    *answer = (struct answer){.base = {begin, take, end}};
    leat_buffer_init(&answer->text, 1 << 20);
    leat_arena_init(&arena, NULL);
    status = leat_session_run(session, "test.sql", sql, strlen(sql), &answer->base, &arena, &errors,
                              &count, &err);
    if (status != LEAT_OK && first)
        *first = count ? errors[0] : err;
    leat_arena_release(&arena);
    return status;
}

static void check(struct leat_session *session, const char *sql, const char *want)
{
    struct answer answer;
    enum leat_status status = run(session, sql, &answer, NULL);
    bool equal = status == LEAT_OK && answer.text.length == strlen(want) &&
                 memcmp(answer.text.data, want, answer.text.length) == 0;

    if (!equal)
        print_message("%s\n got %.*s%s\nwant %s\n", sql, (int)answer.text.length,
                      answer.text.data ? (const char *)answer.text.data : "",
                      status == LEAT_OK ? "" : err.message, want);
    leat_buffer_release(&answer.text);
    assert_true(equal);
}

static void check_error(struct leat_session *session, const char *sql, int code, uint32_t line,
                        uint32_t column)
{
    struct leat_error first = {0};
    struct answer answer;
    enum leat_status status = run(session, sql, &answer, &first);

    leat_buffer_release(&answer.text);
    assert_int_not_equal(status, LEAT_OK);
    assert_int_equal(first.code, code);
    assert_int_equal(first.place.line, line);
    assert_int_equal(first.place.column, column);
}

static struct leat_session *open_session(const char *lake)
{
    struct leat_session_options options = {.lake = lake, .create_lake = true, .threads = 2};
    struct leat_session *session = NULL;

    assert_int_equal(leat_session_new(&options, &session, &err), LEAT_OK);
    return session;
}

static void session__tables_and_views_live_in_memory(void **state)
{
    struct leat_session *session = open_session(NULL);

    (void)state;
    check(session, "CREATE TABLE t (a integer, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
          "[CREATE TABLE 0][INSERT 2]");
    check(session, "CREATE VIEW v (k) AS SELECT a * 10 FROM t; SELECT k FROM v ORDER BY k DESC",
          "[CREATE VIEW 0]20;10;[SELECT 2]");
    check(session, "CREATE TABLE u AS SELECT b, count(*) AS n FROM t GROUP BY b; SHOW TABLES",
          "[SELECT 2]t;u;v;[SHOW 3]");
    check(session, "DROP VIEW v; DROP TABLE IF EXISTS nothing; DROP TABLE t, u; SHOW TABLES",
          "[DROP VIEW 0][DROP TABLE 0][DROP TABLE 0][SHOW 0]");
    leat_session_free(session);
}

static void session__tables_of_a_lake_outlive_it(void **state)
{
    static unsigned runs;
    struct leat_session *session;
    char lake[64]; /* of this run: what an earlier one left is not seen */

    (void)state;
    snprintf(lake, sizeof(lake), "lake-%d-%u", (int)getpid(), runs++);
    session = open_session(lake);
    check(session, "CREATE TABLE t AS SELECT g AS a, 'n' || g AS b FROM generate_series(1, 3) g",
          "[SELECT 3]");
    check(session, "INSERT INTO t VALUES (4, NULL)", "[INSERT 1]");
    leat_session_free(session);
    session = open_session(lake);
    check(session, "SELECT sum(a), count(b) FROM t", "10|3;[SELECT 1]");
    check(session, "DROP TABLE t", "[DROP TABLE 0]");
    leat_session_free(session);
    session = open_session(lake);
    check_error(session, "SELECT * FROM t", LEAT_E_UNKNOWN_TABLE, 1, 15);
    leat_session_free(session);
}

static void session__copy_writes_what_is_read_again(void **state)
{
    static const char *const names[] = {"rows.csv", "rows.ndjson", "rows.parquet"};
    struct leat_session *session = open_session(NULL);
    char sql[400];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(sql, sizeof(sql),
                 "COPY (SELECT g AS a, date '2024-01-01' + g AS d, 'x' || g AS t "
                 "FROM generate_series(1, 100) g) TO '%s'",
                 names[i]);
        check(session, sql, "[COPY 100]");
        snprintf(sql, sizeof(sql), "SELECT count(*), sum(a), max(d), min(t) FROM '%s'", names[i]);
        check(session, sql, "100|5050|2024-04-10|x1;[SELECT 1]");
    }
    leat_session_free(session);
}

static void session__errors_point_into_the_script(void **state)
{
    struct leat_session *session = open_session(NULL);

    (void)state;
    check_error(session, "SELECT 1;\nSELECT nothing FROM (VALUES (1)) t(x)", LEAT_E_UNKNOWN_COLUMN,
                2, 8);
    check_error(session, "SELECT 1;\nSELEC 2;", LEAT_E_SYNTAX, 2, 1);
    check_error(session, "SELECT 10 / (x - 1) FROM (VALUES (1)) t(x)", LEAT_E_DIVISION_BY_ZERO, 1,
                8);
    leat_session_free(session);
}

static void session__explain_shows_plan_and_profile(void **state)
{
    struct leat_session *session = open_session(NULL);
    struct answer answer;

    (void)state;
    assert_int_equal(run(session,
                         "EXPLAIN ANALYZE SELECT count(*) FROM generate_series(1, 10) a "
                         "JOIN generate_series(5, 20) b ON a = b WHERE a > 6 ORDER BY 1",
                         &answer, NULL),
                     LEAT_OK);
    assert_non_null(memmem(answer.text.data, answer.text.length, "Join", 4));
    leat_buffer_release(&answer.text);
    leat_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session__tables_and_views_live_in_memory),
        cmocka_unit_test(session__tables_of_a_lake_outlive_it),
        cmocka_unit_test(session__copy_writes_what_is_read_again),
        cmocka_unit_test(session__errors_point_into_the_script),
        cmocka_unit_test(session__explain_shows_plan_and_profile),
    };
    return LEAT_RUN_TESTS(tests);
}
