/* The SQL parser over any bytes, as a script, a query and an expression, in both dialects; and the
 * prompt's splitter. */
#include "compute/sql/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct leat_sql_script script;
    struct leat_sql_query *query;
    struct leat_sql_expr *expr;
    struct leat_arena arena;
    struct leat_error err;

    leat_arena_init(&arena, NULL);
    for (int spark = 0; spark < 2; spark++) {
        enum leat_sql_dialect dialect = spark ? LEAT_SQL_SPARK : LEAT_SQL_POSTGRES;
        (void)!leat_sql_parse("fuzz.sql", text, size, dialect, &arena, &script, &err);
        leat_arena_reset(&arena);
        (void)!leat_sql_parse_query("", text, size, dialect, &arena, &query, &err);
        leat_arena_reset(&arena);
        (void)!leat_sql_parse_expression("", text, size, dialect, &arena, &expr, NULL);
        leat_arena_reset(&arena);
    }
    leat_arena_release(&arena);
    for (size_t at = 0; at < size;) {
        size_t length = leat_sql_split(text + at, size - at);
        (void)leat_sql_is_complete(text + at, length, LEAT_SQL_SPARK);
        at += length ? length : 1;
    }
    return 0;
}
