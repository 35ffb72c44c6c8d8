/*
 * FROM: tables, files, table functions, subqueries, STREAM, and joins between them.
 */
#include "compute/sql/parser_internal.h"

#include "columns/value.h"
#include <stdio.h>

static struct leat_sql_from *new_from(struct parser *p, enum leat_sql_from_kind kind, size_t start)
{
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from));
    if (from) {
        from->kind = kind;
        from->offset = offset_of(p, start);
        from->depth = 1;
        from->spark = p->spark;
    }
    return from;
}

/* ASOF [LEFT | INNER] JOIN, and the joins that ASOF does not take; plain `asof` is a name. */
static bool starts_asof(const struct parser *p)
{
    static const enum leat_keyword sides[] = {LEAT_KEYWORD_LEFT,  LEAT_KEYWORD_INNER,
                                              LEAT_KEYWORD_RIGHT, LEAT_KEYWORD_FULL,
                                              LEAT_KEYWORD_CROSS, LEAT_KEYWORD_NATURAL};

    if (!is_word(p, "asof"))
        return false;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        if (is_keyword_at(p, 1, sides[i]))
            return true;
    return is_keyword_at(p, 1, LEAT_KEYWORD_JOIN);
}

/* PIVOT (..., UNPIVOT [INCLUDE | EXCLUDE NULLS] (...; `pivot` and `unpivot` are names as well. */
static bool starts_pivot(const struct parser *p)
{
    bool nulls = is_keyword(p, LEAT_KEYWORD_UNPIVOT) && is_keyword_at(p, 2, LEAT_KEYWORD_NULLS);

    return !p->spark &&
           (is_keyword(p, LEAT_KEYWORD_PIVOT) || is_keyword(p, LEAT_KEYWORD_UNPIVOT)) &&
           (nulls || is_symbol_at(p, 1, "("));
}

/* Words that go on with FROM though they could be an alias. */
static bool ends_table(const struct parser *p)
{
    if (p->spark && (is_word(p, "minus") || starts_distribution(p)))
        return true;
    if (is_keyword(p, LEAT_KEYWORD_QUALIFY) || is_keyword(p, LEAT_KEYWORD_WATERMARK) ||
        starts_pivot(p))
        return true;
    if (is_keyword(p, LEAT_KEYWORD_VERSION) || is_keyword(p, LEAT_KEYWORD_TIMESTAMP))
        return is_keyword_at(p, 1, LEAT_KEYWORD_AS) && is_keyword_at(p, 2, LEAT_KEYWORD_OF);
    if (is_keyword(p, LEAT_KEYWORD_SEMI) || is_keyword(p, LEAT_KEYWORD_ANTI))
        return is_keyword_at(p, 1, LEAT_KEYWORD_JOIN);
    if (starts_asof(p))
        return true;
    /* Inside CREATE TEST: GIVEN x AS q GIVEN ..., EXPECT ... */
    return (is_keyword(p, LEAT_KEYWORD_GIVEN) || is_keyword(p, LEAT_KEYWORD_EXPECT)) &&
           starts_test_part(p);
}

static bool refuse_table_suffix(struct parser *p)
{
    if (is_keyword(p, LEAT_KEYWORD_WATERMARK))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "WATERMARK is not supported yet");
    if ((is_keyword(p, LEAT_KEYWORD_VERSION) || is_keyword(p, LEAT_KEYWORD_TIMESTAMP)) &&
        is_keyword_at(p, 1, LEAT_KEYWORD_AS) && is_keyword_at(p, 2, LEAT_KEYWORD_OF))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL,
                          "reading an earlier version (AS OF) is not supported yet");
    if (p->spark && is_keyword(p, LEAT_KEYWORD_TABLESAMPLE))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "TABLESAMPLE is not supported");
    return true;
}

/* [AS] alias [(columns)], and a function's WITH ORDINALITY before it. */
static bool parse_alias(struct parser *p, struct leat_sql_from *from)
{
    if (!refuse_table_suffix(p))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_WITH) && is_keyword_at(p, 1, LEAT_KEYWORD_ORDINALITY)) {
        advance(p);
        advance(p);
        from->ordinality = true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_AS)) {
        if (!parse_name(p, NAME_COLUMN, "a name for the table", &from->alias) ||
            !fold_name(p, &from->alias))
            return false;
    } else if (is_name(p, NAME_TABLE_ALIAS) && !ends_table(p)) {
        p->suspect = p->position + 1;
        if (!parse_name(p, NAME_TABLE_ALIAS, "a name for the table", &from->alias))
            return false;
    }
    if (from->alias.text.data && is_symbol(p, "(") &&
        !parse_name_list(p, "a column name", &from->columns))
        return false;
    return refuse_table_suffix(p);
}

static bool parse_table_name(struct parser *p, struct leat_sql_from *from)
{
    size_t start = p->position;

    if (is_string_at(p, 0)) {
        from->kind = LEAT_SQL_FROM_FILE;
        return parse_string(p, "a file", &from->file);
    }
    if (!parse_path(p, "a table", &from->path))
        return false;
    if (!is_symbol(p, "("))
        return !p->spark || spark_file_path(p, from);
    from->kind = LEAT_SQL_FROM_FUNCTION;
    from->function = parse_call(p, &from->path, start);
    return from->function != NULL && (!p->spark || spark_table_function(p, from));
}

/* STREAM t, STREAM(t), STREAM f(...). Plain `stream` followed by nothing of that is a table. */
static bool is_stream(const struct parser *p)
{
    const struct leat_token *next = peek_at(p, 1);

    if (!is_keyword(p, LEAT_KEYWORD_STREAM))
        return false;
    if (is_symbol_at(p, 1, "("))
        return true;
    if (next->kind == LEAT_TOKEN_NAME || next->kind == LEAT_TOKEN_BACKTICK)
        return true;
    return next->kind == LEAT_TOKEN_WORD &&
           leat_keyword_class_of((enum leat_keyword)next->keyword) <= LEAT_KEYWORD_CLASS_COLUMN &&
           next->keyword != LEAT_KEYWORD_QUALIFY;
}

static struct leat_sql_from *parse_stream(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_from *from = new_from(p, LEAT_SQL_FROM_TABLE, start);
    bool parentheses;

    if (!from)
        return NULL;
    advance(p);
    from->stream = true;
    parentheses = accept_symbol(p, "(");
    if (!parse_table_name(p, from) || (parentheses && !expect_symbol(p, ")")) ||
        !parse_alias(p, from))
        return NULL;
    return from;
}

static bool has_set_tail(const struct parser *p)
{
    return is_keyword(p, LEAT_KEYWORD_UNION) || is_keyword(p, LEAT_KEYWORD_INTERSECT) ||
           is_keyword(p, LEAT_KEYWORD_EXCEPT) || is_keyword(p, LEAT_KEYWORD_ORDER) ||
           is_keyword(p, LEAT_KEYWORD_LIMIT);
}

/* ( query ) alias, or ( joins ). */
static struct leat_sql_from *parse_from_parentheses(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_from *from;

    advance(p);
    if (is_query_start(p, 0)) {
        from = new_from(p, LEAT_SQL_FROM_QUERY, start);
        if (!from || !(from->query = parse_query(p)))
            return NULL;
    } else {
        from = parse_from_item(p);
        if (!from)
            return NULL;
        if (from->kind == LEAT_SQL_FROM_QUERY && !from->alias.text.data && has_set_tail(p)) {
            from->query = parse_query_after(p, from->query, start + 1);
            if (!from->query)
                return NULL;
        } else if (from->kind != LEAT_SQL_FROM_JOIN && from->kind != LEAT_SQL_FROM_QUERY &&
                   !p->spark) {
            char hint[128];
            snprintf(hint, sizeof(hint), "write FROM %.*s without parentheses",
                     (int)(from->length > 60 ? 60 : from->length), p->text + from->offset);
            fail_at(p, LEAT_E_SYNTAX, from->offset, from->length, hint,
                    "parentheses in FROM hold a query or a join");
            return NULL;
        }
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    if ((from->kind == LEAT_SQL_FROM_QUERY || (p->spark && from->kind == LEAT_SQL_FROM_TABLE)) &&
        !from->alias.text.data && !parse_alias(p, from))
        return NULL;
    return from;
}

/* VALUES 1, 2 or VALUES (1, 2), (3, 4) as a table. */
static struct leat_sql_query *parse_inline_values(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));

    if (!query || !(query->body = parse_values(p)))
        return NULL;
    query->offset = offset_of(p, start);
    query->length = length_since(p, start);
    query->dialect = LEAT_SQL_SPARK;
    return query;
}

/* The share of rows that TABLESAMPLE asks for, in percent. */
static struct leat_sql_expr *parse_percentage(struct parser *p)
{
    struct leat_sql_expr *expr;
    double value;

    if (!accept_word(p, "bernoulli") && !accept_word(p, "system")) {
        fail_token(p, LEAT_E_SQL_UNSUPPORTED, "write TABLESAMPLE BERNOULLI (10)",
                   "TABLESAMPLE takes BERNOULLI or SYSTEM");
        return NULL;
    }
    if (!expect_symbol(p, "(") || !(expr = parse_expr(p)) || !expect_symbol(p, ")"))
        return NULL;
    if (expr->kind != LEAT_SQL_INTEGER && expr->kind != LEAT_SQL_DECIMAL) {
        fail_at(p, LEAT_E_SQL_UNSUPPORTED, expr->offset, expr->length,
                "write a number from 0 to 100", "the share of TABLESAMPLE must be a number");
        return NULL;
    }
    if (!leat_parse_double(expr->text.data, expr->text.length, &value) || value > 100) {
        fail_at(p, LEAT_E_SYNTAX, expr->offset, expr->length, NULL,
                "the share of TABLESAMPLE is from 0 to 100");
        return NULL;
    }
    return expr;
}

/* t TABLESAMPLE BERNOULLI (10): each row with a chance of its own. SYSTEM means the same. */
static struct leat_sql_from *parse_sample(struct parser *p, struct leat_sql_from *table,
                                          size_t start)
{
    struct leat_sql_from *out = new_from(p, LEAT_SQL_FROM_QUERY, start);
    struct leat_sql_star *star = parser_alloc(p, sizeof(*star));
    struct leat_sql_expr *all = new_expr(p, LEAT_SQL_STAR, start), *args[2], *less, *hundred;

    advance(p);
    args[1] = out && star && all ? parse_percentage(p) : NULL;
    if (!args[1])
        return NULL;
    if (is_word(p, "repeatable")) {
        fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "TABLESAMPLE ... REPEATABLE is not supported");
        return NULL;
    }
    all->star = star;
    all->depth = 1;
    hundred = new_expr(p, LEAT_SQL_DECIMAL, start);
    if (!hundred)
        return NULL;
    hundred->text = leat_text_of("100.0");
    hundred->depth = 1;
    args[0] = args[1];
    args[1] = hundred;
    args[1] = make_expr(p, LEAT_SQL_OPERATOR, start, "/", 2, args);
    args[0] = args[1] ? make_call(p, "random", start, 0, NULL) : NULL;
    less = args[0] ? make_expr(p, LEAT_SQL_OPERATOR, start, "<", 2, args) : NULL;
    out->query = less ? make_select(p, start, false, &all, 1, &table, 1, less) : NULL;
    out->depth = (uint16_t)(table->depth + 1);
    out->alias = table->alias;
    if (!out->alias.text.data && table->path.count)
        out->alias = table->path.parts[table->path.count - 1];
    return out->query ? out : NULL;
}

static struct leat_sql_from *parse_table_ref(struct parser *p)
{
    size_t start = p->position;
    bool lateral = false;
    struct leat_sql_from *from;

    if (is_stream(p)) {
        from = parse_stream(p);
    } else {
        if (is_keyword(p, LEAT_KEYWORD_LATERAL)) {
            advance(p);
            lateral = true;
        } else if (is_keyword(p, LEAT_KEYWORD_ONLY)) {
            advance(p);
        }
        if (is_symbol(p, "(")) {
            from = parse_from_parentheses(p);
        } else if (p->spark && is_keyword(p, LEAT_KEYWORD_VALUES)) {
            from = new_from(p, LEAT_SQL_FROM_QUERY, start);
            if (from && (!(from->query = parse_inline_values(p)) || !parse_alias(p, from)))
                from = NULL;
        } else if (is_keyword(p, LEAT_KEYWORD_VALUES) && is_symbol_at(p, 1, "(")) {
            fail_token(p, LEAT_E_SYNTAX, "write FROM (VALUES (1), (2)) AS t(x)",
                       "VALUES in FROM stands in parentheses");
            return NULL;
        } else {
            from = new_from(p, LEAT_SQL_FROM_TABLE, start);
            if (from && (!parse_table_name(p, from) || !parse_alias(p, from)))
                from = NULL;
        }
    }
    while (from && !p->failed && (starts_pivot(p) || is_keyword(p, LEAT_KEYWORD_TABLESAMPLE))) {
        bool pivots = starts_pivot(p);
        from->lateral |= lateral;
        from->offset = offset_of(p, start);
        from->length = length_since(p, start);
        from = pivots ? parse_pivot(p, from, start) : parse_sample(p, from, start);
        if (from && pivots && !parse_alias(p, from))
            return NULL;
    }
    if (!from || p->failed)
        return NULL;
    from->lateral |= lateral;
    from->offset = offset_of(p, start);
    from->length = length_since(p, start);
    return from;
}

/* The join's words. False and not failed: no join follows. */
static bool parse_join_words(struct parser *p, struct leat_sql_from *join)
{
    static const struct {
        enum leat_keyword keyword;
        enum leat_sql_join join;
    } sides[] = {{LEAT_KEYWORD_LEFT, LEAT_SQL_JOIN_LEFT},
                 {LEAT_KEYWORD_RIGHT, LEAT_SQL_JOIN_RIGHT},
                 {LEAT_KEYWORD_FULL, LEAT_SQL_JOIN_FULL},
                 {LEAT_KEYWORD_INNER, LEAT_SQL_JOIN_INNER}};
    bool found = false;

    if (accept_keyword(p, LEAT_KEYWORD_CROSS)) {
        join->join = LEAT_SQL_JOIN_CROSS;
        return expect_keyword(p, LEAT_KEYWORD_JOIN);
    }
    join->join = LEAT_SQL_JOIN_INNER;
    if (starts_asof(p)) {
        advance(p);
        join->asof = true;
        if (!is_keyword(p, LEAT_KEYWORD_JOIN) && !is_keyword(p, LEAT_KEYWORD_LEFT) &&
            !is_keyword(p, LEAT_KEYWORD_INNER))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "turn the sides, or write ASOF LEFT JOIN",
                              "only ASOF JOIN and ASOF LEFT JOIN are supported");
    }
    if (is_keyword(p, LEAT_KEYWORD_NATURAL)) {
        advance(p);
        join->natural = found = true;
    }
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        if (is_keyword(p, sides[i].keyword)) {
            advance(p);
            join->join = sides[i].join;
            if (is_keyword(p, LEAT_KEYWORD_OUTER))
                advance(p);
            found = true;
            break;
        }
    if (p->spark && (is_keyword(p, LEAT_KEYWORD_SEMI) || is_keyword(p, LEAT_KEYWORD_ANTI)) &&
        is_keyword_at(p, 1, LEAT_KEYWORD_JOIN)) {
        join->join = is_keyword(p, LEAT_KEYWORD_ANTI) ? LEAT_SQL_JOIN_ANTI : LEAT_SQL_JOIN_SEMI;
        advance(p);
        return expect_keyword(p, LEAT_KEYWORD_JOIN);
    }
    if ((is_keyword(p, LEAT_KEYWORD_SEMI) || is_keyword(p, LEAT_KEYWORD_ANTI)) &&
        is_keyword_at(p, 1, LEAT_KEYWORD_JOIN)) {
        bool anti = is_keyword(p, LEAT_KEYWORD_ANTI);
        return fail_token(p, LEAT_E_TRAP,
                          anti ? "write WHERE NOT EXISTS (SELECT FROM other WHERE ...)"
                               : "write WHERE EXISTS (SELECT FROM other WHERE ...)",
                          "%s JOIN is not PostgreSQL's", anti ? "ANTI" : "SEMI");
    }
    if (found)
        return expect_keyword(p, LEAT_KEYWORD_JOIN);
    return accept_keyword(p, LEAT_KEYWORD_JOIN);
}

static bool parse_join_condition(struct parser *p, struct leat_sql_from *join)
{
    if (join->join == LEAT_SQL_JOIN_CROSS || join->natural)
        return true;
    if (accept_keyword(p, LEAT_KEYWORD_ON)) {
        join->on = parse_expr(p);
        return join->on != NULL;
    }
    if (accept_keyword(p, LEAT_KEYWORD_USING))
        return parse_name_list(p, "a column that both sides have", &join->using_columns);
    if (p->spark && join->join == LEAT_SQL_JOIN_INNER) { /* without a condition: all pairs */
        join->join = LEAT_SQL_JOIN_CROSS;
        return true;
    }
    return fail_here(p);
}

struct leat_sql_from *parse_from_item(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_from *left;

    if (!enter(p))
        return NULL;
    left = parse_table_ref(p);
    while (left && !p->failed) {
        struct leat_sql_from *join;
        if (p->spark && is_keyword(p, LEAT_KEYWORD_LATERAL) &&
            is_keyword_at(p, 1, LEAT_KEYWORD_VIEW)) {
            left = spark_lateral_view(p, left, start);
            continue;
        }
        if (is_keyword(p, LEAT_KEYWORD_LATERAL) && is_keyword_at(p, 1, LEAT_KEYWORD_VIEW)) {
            fail_token(p, LEAT_E_TRAP, "write CROSS JOIN LATERAL unnest(list) AS t(x)",
                       "LATERAL VIEW is not PostgreSQL's");
            return NULL;
        }
        join = new_from(p, LEAT_SQL_FROM_JOIN, start);
        if (!join)
            return NULL;
        if (!parse_join_words(p, join))
            break;
        join->left = left;
        /* a JOIN b JOIN c ON .. ON ..: the right side takes the first condition. */
        join->right = parse_table_ref(p);
        if (!join->right || !parse_join_condition(p, join))
            return NULL;
        join->depth =
            (uint16_t)((left->depth > join->right->depth ? left->depth : join->right->depth) + 1);
        if (join->depth > LEAT_SQL_MAX_DEPTH) {
            fail_token(p, LEAT_E_TOO_DEEP, NULL, "more than %d joins", LEAT_SQL_MAX_DEPTH);
            return NULL;
        }
        join->length = length_since(p, start);
        left = join;
    }
    leave(p);
    return p->failed ? NULL : left;
}
