/* The parser: what is accepted, what is refused and with which words, limits, and bad input. */
#include "compute/sql/parser.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static struct leat_sql_script parse(struct leat_arena *arena, const char *text)
{
    struct leat_sql_script script;
    leat_arena_init(arena, NULL);
    (void)!leat_sql_parse("", text, strlen(text), LEAT_SQL_POSTGRES, arena, &script, &err);
    return script;
}

static void accepts(const char *text, uint32_t statements)
{
    struct leat_arena arena;
    struct leat_sql_script script = parse(&arena, text);
    if (script.error_count)
        fail_msg("%s: %s", text, script.errors[0].message);
    assert_int_equal(script.count, statements);
    leat_arena_release(&arena);
}

struct refusal {
    const char *text;
    int code;
    unsigned column;
    const char *message, *hint;
};
static void refuses(const struct refusal *r)
{
    struct leat_arena arena;
    struct leat_sql_script script = parse(&arena, r->text);
    if (script.error_count != 1)
        fail_msg("%s: %u errors", r->text, script.error_count);
    if (!strstr(script.errors[0].message, r->message))
        fail_msg("%s: message is: %s", r->text, script.errors[0].message);
    if (!strstr(script.errors[0].hint, r->hint))
        fail_msg("%s: hint is: %s", r->text, script.errors[0].hint);
    assert_int_equal(script.errors[0].code, r->code);
    if (r->column != script.errors[0].place.column)
        fail_msg("%s: column is %u", r->text, (unsigned)script.errors[0].place.column);
    leat_arena_release(&arena);
}

static void queries__whole_grammar_is_accepted(void **state)
{
    static const char *const good[] = {
        "SELECT * EXCEPT (a) REPLACE (b+1 AS b), t.* FROM t",
        "SELECT ((SELECT 1) UNION (SELECT 2)), ((SELECT 1) + 1), ((1)), x IN ((SELECT 1) UNION "
        "SELECT 2)",
        "SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2)) t(a) CROSS JOIN LATERAL unnest(l) WITH "
        "ORDINALITY u(x, n)",
        "FROM 'a.csv'",
        "FROM t SELECT a, b, WHERE a > 1",
        "SELECT sum(x) FILTER (WHERE y) OVER (PARTITION BY a ORDER BY b DESC NULLS LAST ROWS "
        "BETWEEN 1 PRECEDING AND CURRENT ROW), rank() OVER w FROM t WINDOW w AS (ORDER BY a)",
        "SELECT x::numeric(10,2)[], y::timestamp with time zone AT TIME ZONE 'UTC', timestamp(3) "
        "'2020-01-01', double precision '1.5', E'a\\n\\u00e9', U&'\\0041', $$x$$, $t$a$$b$t$, 'a'\n"
        "'b', 1_000, 0xFF, 1.5e10, .5, -2 ^ 2",
        "SELECT * FROM read_csv('x', header => true, types => {'a': 'int'}, nulls => ['NA', ''])",
        "WITH a AS MATERIALIZED (SELECT 1), b(x) AS NOT MATERIALIZED (VALUES (1)) TABLE a",
        "SELECT a FROM t GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL DESC LIMIT 3 OFFSET 1",
        "SELECT DISTINCT ON (a) a FROM t FETCH FIRST 3 ROWS ONLY",
        "SELECT extract(year FROM d), substring(a FROM 2 FOR 3), position('a' IN b), trim(BOTH 'x' "
        "FROM y), overlay(a PLACING b FROM 1), a NOT LIKE 'x' ESCAPE '!', b BETWEEN SYMMETRIC 1 "
        "AND 2, c IS NOT DISTINCT FROM d, e > ALL (SELECT 1), (f).g, h[1:2], INTERVAL '3' DAY",
        "SELECT a FROM b /* nested /* comment */ */ -- rest\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        accepts(good[i], 1);
}

static void statements__pipelines_and_others_are_accepted(void **state)
{
    (void)state;
    accepts("CREATE OR REFRESH STREAMING TABLE o (id bigint NOT NULL COMMENT 'k', CONSTRAINT p "
            "EXPECT (id > 0) ON VIOLATION QUARANTINE ROW, EXPECT UNIQUE (id)) USING iceberg "
            "PARTITIONED BY (days(ts)) CLUSTER BY (id) COMMENT 'x' TBLPROPERTIES ('a.b' = 'c', d.e "
            "= 1) AS SELECT * FROM STREAM read_files('in/*.csv', format => 'csv');"
            "CREATE TEST t GIVEN s (a, b) AS VALUES (1,'x') GIVEN s2 AS SELECT 1 EXPECT d AS "
            "VALUES ('2026-11-01', 9.50) EXPECT QUARANTINE OF o COUNT 1;"
            "CREATE FLOW f AS INSERT INTO ONCE t BY NAME SELECT * FROM STREAM src x;"
            "CREATE PRIVATE MATERIALIZED VIEW v (a COMMENT 'x', CONSTRAINT c EXPECT (a IS NOT "
            "NULL)) AS SELECT 1 AS a",
            4);
    accepts("COPY (SELECT 1) TO 'x.parquet' (FORMAT parquet, compression 'zstd'); SET a.b = 12; "
            "RESET x; SHOW TABLES; DESCRIBE 'a.csv'; EXPLAIN ANALYZE SELECT 1; DROP TABLE IF "
            "EXISTS a, b CASCADE; INSERT INTO t (a, b) VALUES (1, 2); CREATE TABLE IF NOT EXISTS t "
            "AS SELECT 1",
            9);
}

static void errors__say_place_reason_and_fix(void **state)
{
    static const struct refusal list[] = {
        {"SELECT a FROM t GRUP BY a", LEAT_E_SYNTAX, 22, "at or near \"BY\"",
         "did you mean GROUP instead of \"GRUP\"?"},
        {"SELECT dept FRM emp", LEAT_E_SYNTAX, 17, "at or near \"emp\"",
         "did you mean FROM instead of \"FRM\"?"},
        {"SELEC 1", LEAT_E_SYNTAX, 1, "expected a statement", "did you mean SELECT?"},
        {"SELECT (1 + 2", LEAT_E_SYNTAX, 14, "ends too early", ""},
        {"SELECT a FROM t ORDER a", LEAT_E_SYNTAX, 23, "expected BY", ""},
        {"SELECT 'abc", LEAT_E_UNTERMINATED, 8, "has no end", "''"},
        {"SELECT 12abc", LEAT_E_SYNTAX, 8, "trailing junk", "cast"},
        {"SELECT E'\\ud800'", LEAT_E_BAD_ESCAPE, 10, "invalid escape", ""},
        {"SELECT \xff", LEAT_E_SYNTAX, 8, "not valid UTF-8", ""},
        {"SELECT b'1'", LEAT_E_UNSUPPORTED, 8, "bit strings", ""},
        {"CREATE STREAMING TABL x", LEAT_E_SYNTAX, 18, "expected TABLE", "did you mean TABLE?"},
        {"MERGE INTO t USING s ON true", LEAT_E_SYNTAX, 29, "expected an operator or WHEN", ""},
        {"UPDATE t SET a = 1, a = 2", LEAT_E_SYNTAX, 21, "multiple assignments", ""},
        {"DELETE FROM t RETURNING a", LEAT_E_SQL_UNSUPPORTED, 15, "RETURNING is not supported", ""},
        {"CREATE SINK s", LEAT_E_SQL_UNSUPPORTED, 8, "CREATE sink", ""},
        {"CREATE TABLE t (a int PRIMARY KEY)", LEAT_E_SQL_UNSUPPORTED, 23, "PRIMARY",
         "EXPECT UNIQUE"},
        {"CREATE FLOW f AS INSERT INTO t SELECT 1", LEAT_E_SYNTAX, 32, "BY NAME", "BY NAME"},
        {"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM(s) KEYS (id)", LEAT_E_SYNTAX, 58,
         "AUTO CDC needs SEQUENCE BY", "SEQUENCE BY <column>"},
        {"VALUES (1, 2), (3)", LEAT_E_SYNTAX, 17, "same length", ""},
        {"SELECT a FROM t LIMIT 1, 2", LEAT_E_TRAP, 24, "LIMIT takes one", "OFFSET"}};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        refuses(&list[i]);
}

static void traps__other_dialects_are_refused_by_name(void **state)
{
    static const struct refusal list[] = {
        {"SELECT `a` FROM t", LEAT_E_TRAP, 8, "backticks", "\"a\""},
        {"SELECT r'\\d+'", LEAT_E_TRAP, 8, "raw strings", "'\\d+'"},
        {"SELECT INTERVAL 10 SECONDS", LEAT_E_TRAP, 8, "INTERVAL is a string", "'10 second'"},
        {"SELECT int(x)", LEAT_E_TRAP, 8, "int is a type", "CAST(x AS int)"},
        {"SELECT a == b", LEAT_E_TRAP, 10, "not ==", "write ="},
        {"SELECT a = = b", LEAT_E_TRAP, 10, "not = =", "write ="},
        {"SELECT a <=> b", LEAT_E_TRAP, 10, "<=>", "IS NOT DISTINCT FROM"},
        {"SELECT f(l, x -> x + 1)", LEAT_E_TRAP, 13, "lambda", "unnest"},
        {"SELECT array(1, 2)", LEAT_E_TRAP, 8, "array(...)", "ARRAY[1, 2]"},
        {"SELECT a RLIKE 'x'", LEAT_E_TRAP, 10, "RLIKE", "~"},
        {"SELECT 1 FROM t LEFT SEMI JOIN u ON a = b", LEAT_E_TRAP, 22, "SEMI JOIN", "EXISTS"},
        {"SELECT 1 FROM t LATERAL VIEW explode(x) y", LEAT_E_TRAP, 17, "LATERAL VIEW", "unnest"}};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        refuses(&list[i]);
}

static void script__every_error_and_every_good_statement_is_kept(void **state)
{
    struct leat_arena arena;
    struct leat_sql_script script = parse(&arena, "SELECT 1; SELEC 2;\nSELECT 'a;b'; SELECT FROM "
                                                  "WHERE; SELECT 3");
    (void)state;
    assert_int_equal(script.count, 3);
    assert_int_equal(script.error_count, 2);
    assert_int_equal(script.errors[1].place.line, 2);
    assert_int_equal(script.statements[1]->offset, 19);
    assert_int_equal(script.statements[1]->length, 12);
    leat_arena_release(&arena);
}

static void depth__deep_nesting_is_an_error_not_a_crash(void **state)
{
    static const char *const openers[] = {"(", "(SELECT ", "NOT ", "- ", "CASE WHEN ", "f(", "["};
    char *text = leat_malloc(1000000);

    assert_non_null(text);
    (void)state;
    for (size_t o = 0; o < sizeof(openers) / sizeof(openers[0]); o++) {
        size_t length = strlen(openers[o]), used = 7;
        struct leat_arena arena;
        struct leat_sql_script script;
        memcpy(text, "SELECT ", 7);
        for (int i = 0; i < 100000 && used + length < 999990; i++, used += length)
            memcpy(text + used, openers[o], length);
        leat_arena_init(&arena, NULL);
        assert_int_not_equal(
            leat_sql_parse("", text, used, LEAT_SQL_POSTGRES, &arena, &script, &err), LEAT_OK);
        assert_true(script.error_count > 0);
        assert_int_equal(script.errors[0].code, LEAT_E_TOO_DEEP);
        leat_arena_release(&arena);
    }
    leat_free(text);
}

static void prompt__completeness_understands_quotes(void **state)
{
    static const struct {
        const char *text;
        bool complete;
    } list[] = {{"SELECT 1;", true},    {"SELECT 1", false},
                {"SELECT ';", false},   {"", true},
                {"-- ;", true},         {"SELECT 1; -- x", true},
                {"SELECT $$;", false},  {"SELECT /* ; */", false},
                {"SELECT \";\";", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (leat_sql_is_complete(list[i].text, strlen(list[i].text), LEAT_SQL_POSTGRES) !=
            list[i].complete)
            fail_msg("%s", list[i].text);
    assert_int_equal(leat_sql_split("SELECT ';'; SELECT 2", 20), 11);
}

static void memory__every_failed_allocation_is_reported(void **state)
{
    const char *text = "WITH a AS (SELECT 1 AS x) SELECT sum(x) OVER (ORDER BY 1), CASE WHEN x > 1 "
                       "THEN 'a' END FROM a JOIN b USING (x) WHERE x IN (1, 2) GROUP BY 1; SELEC";
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct leat_arena arena;
        struct leat_sql_script script;
        enum leat_status status;
        leat_arena_init(&arena, NULL);
        leat_fault_alloc_arm(n, false);
        status = leat_sql_parse("", text, strlen(text), LEAT_SQL_POSTGRES, &arena, &script, &err);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_INVALID);
        leat_arena_release(&arena);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries__whole_grammar_is_accepted),
        cmocka_unit_test(statements__pipelines_and_others_are_accepted),
        cmocka_unit_test(errors__say_place_reason_and_fix),
        cmocka_unit_test(traps__other_dialects_are_refused_by_name),
        cmocka_unit_test(script__every_error_and_every_good_statement_is_kept),
        cmocka_unit_test(depth__deep_nesting_is_an_error_not_a_crash),
        cmocka_unit_test(prompt__completeness_understands_quotes),
        cmocka_unit_test(memory__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
