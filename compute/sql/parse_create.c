/*
 * CREATE: tables, views, and the statements of pipelines (streaming tables, materialized views,
 * flows, tests), with their clauses in any order.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

/* --- columns and expectations --- */
static bool parse_violation(struct parser *p, enum leat_sql_violation *out)
{
    if (!accept_keyword(p, LEAT_KEYWORD_ON))
        return true;
    if (!expect_keyword(p, LEAT_KEYWORD_VIOLATION))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_WARN)) {
        *out = LEAT_SQL_VIOLATION_WARN;
        return true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_DROP)) {
        *out = LEAT_SQL_VIOLATION_DROP_ROW;
        return expect_keyword(p, LEAT_KEYWORD_ROW);
    }
    if (accept_keyword(p, LEAT_KEYWORD_FAIL)) {
        *out = LEAT_SQL_VIOLATION_FAIL_UPDATE;
        return expect_keyword(p, LEAT_KEYWORD_UPDATE);
    }
    if (accept_keyword(p, LEAT_KEYWORD_QUARANTINE)) {
        *out = LEAT_SQL_VIOLATION_QUARANTINE_ROW;
        return expect_keyword(p, LEAT_KEYWORD_ROW);
    }
    return fail_here(p);
}

/* [CONSTRAINT name] EXPECT (expr) | EXPECT UNIQUE (columns) [ON VIOLATION ...] */
static bool parse_expectation(struct parser *p, struct leat_sql_expectation *out)
{
    size_t start = p->position;

    if (accept_keyword(p, LEAT_KEYWORD_CONSTRAINT) &&
        !parse_name(p, NAME_COLUMN, "the expectation's name", &out->name))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_PRIMARY) || is_keyword(p, LEAT_KEYWORD_UNIQUE) ||
        is_keyword(p, LEAT_KEYWORD_CHECK) || is_word(p, "foreign"))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED,
                          "write EXPECT (condition) or EXPECT UNIQUE (columns)",
                          "the constraint %.*s is not supported", (int)peek(p)->length,
                          p->text + peek(p)->offset);
    if (!expect_keyword(p, LEAT_KEYWORD_EXPECT))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_UNIQUE)) {
        out->kind = LEAT_SQL_EXPECT_UNIQUE;
        if (!parse_name_list(p, "a column", &out->columns))
            return false;
    } else if (is_word(p, "fresh")) {
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "EXPECT FRESH is not supported yet");
    } else if (!expect_symbol(p, "(") || !(out->expr = parse_expr(p)) || !expect_symbol(p, ")")) {
        return false;
    }
    if (!parse_violation(p, &out->violation))
        return false;
    out->offset = offset_of(p, start);
    out->length = length_since(p, start);
    return true;
}

static bool parse_column(struct parser *p, struct leat_sql_column_definition *column)
{
    size_t start = p->position;

    if (!parse_name(p, NAME_COLUMN, "a column's name", &column->name))
        return false;
    if (peek(p)->kind == LEAT_TOKEN_WORD && !is_keyword(p, LEAT_KEYWORD_NOT) &&
        !is_keyword(p, LEAT_KEYWORD_NULL) && !is_keyword(p, LEAT_KEYWORD_COMMENT) &&
        !is_keyword(p, LEAT_KEYWORD_DEFAULT) && !is_keyword(p, LEAT_KEYWORD_PRIMARY) &&
        !parse_type(p, &column->type))
        return false;
    for (;;) {
        if (accept_keyword(p, LEAT_KEYWORD_NOT)) {
            if (!expect_keyword(p, LEAT_KEYWORD_NULL))
                return false;
            column->required = true;
        } else if (is_keyword(p, LEAT_KEYWORD_NULL)) {
            advance(p);
        } else if (accept_keyword(p, LEAT_KEYWORD_COMMENT)) {
            if (!parse_string(p, "the comment as a string", &column->comment))
                return false;
        } else if (is_keyword(p, LEAT_KEYWORD_DEFAULT)) {
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL,
                              "default values of columns are not supported yet");
        } else if (is_keyword(p, LEAT_KEYWORD_PRIMARY) || is_keyword(p, LEAT_KEYWORD_UNIQUE) ||
                   is_keyword(p, LEAT_KEYWORD_CHECK) || is_keyword(p, LEAT_KEYWORD_REFERENCES) ||
                   is_word(p, "mask") || is_word(p, "generated")) {
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED,
                              "write CONSTRAINT name EXPECT (condition) or EXPECT UNIQUE (columns)",
                              "%.*s on a column is not supported", (int)peek(p)->length,
                              p->text + peek(p)->offset);
        } else {
            break;
        }
    }
    column->offset = offset_of(p, start);
    column->length = length_since(p, start);
    return true;
}

static bool starts_expectation(const struct parser *p)
{
    if (is_keyword(p, LEAT_KEYWORD_CONSTRAINT))
        return true;
    return is_keyword(p, LEAT_KEYWORD_EXPECT) &&
           (is_symbol_at(p, 1, "(") || is_keyword_at(p, 1, LEAT_KEYWORD_UNIQUE));
}

static bool parse_columns(struct parser *p, struct leat_sql_create *create)
{
    struct list columns = {0}, expectations = {0};

    advance(p);
    do {
        if (columns.count + expectations.count && is_symbol(p, ")"))
            break;
        if (starts_expectation(p)) {
            struct leat_sql_expectation *item = list_add(p, &expectations, sizeof(*item));
            if (!item || !parse_expectation(p, item))
                return false;
        } else if (is_keyword(p, LEAT_KEYWORD_PRIMARY) || is_keyword(p, LEAT_KEYWORD_UNIQUE) ||
                   is_keyword(p, LEAT_KEYWORD_CHECK) || is_keyword(p, LEAT_KEYWORD_LIKE)) {
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED,
                              "write CONSTRAINT name EXPECT (condition) or EXPECT UNIQUE (columns)",
                              "%.*s in a list of columns is not supported", (int)peek(p)->length,
                              p->text + peek(p)->offset);
        } else {
            struct leat_sql_column_definition *item = list_add(p, &columns, sizeof(*item));
            if (!item || !parse_column(p, item))
                return false;
        }
    } while (accept_symbol(p, ","));
    create->columns = columns.items;
    create->column_count = columns.count;
    create->expectations = expectations.items;
    create->expectation_count = expectations.count;
    return expect_symbol(p, ")");
}

/* --- clauses --- */
static bool parse_properties(struct parser *p, struct leat_sql_create *create)
{
    struct list list = {0};

    if (!expect_symbol(p, "("))
        return false;
    do {
        struct leat_sql_property *property = list_add(p, &list, sizeof(*property));
        size_t start = p->position;
        if (!property)
            return false;
        if (is_string_at(p, 0)) {
            if (!parse_string(p, "a property", &property->name.text))
                return false;
        } else {
            struct leat_sql_path path;
            if (!parse_path(p, "a property", &path))
                return false;
            property->name.text.data =
                leat_arena_copy(p->arena, p->text + path.offset, path.length);
            property->name.text.length = path.length;
            if (path.count == 1)
                property->name.text = path.parts[0].text;
            if (!property->name.text.data)
                return fail_memory(p);
        }
        property->name.offset = offset_of(p, start);
        property->name.length = length_since(p, start);
        if (is_operator(p, "="))
            advance(p);
        if (!(property->value = parse_expr(p)))
            return false;
    } while (accept_symbol(p, ","));
    create->properties = list.items;
    create->property_count = list.count;
    return expect_symbol(p, ")");
}

static bool refuse_clause(struct parser *p)
{
    static const char *const clauses[] = {"location", "schedule", "freshness",
                                          "trigger",  "options",  NULL};
    if (is_keyword(p, LEAT_KEYWORD_FLOW))
        return fail_token(
            p, LEAT_E_SQL_UNSUPPORTED, "write CREATE FLOW name AS INSERT INTO table BY NAME query",
            "a flow inside CREATE STREAMING TABLE (FLOW AUTO CDC, FLOW INSERT) is not "
            "supported yet");
    if (is_keyword(p, LEAT_KEYWORD_DEFAULT) || is_keyword(p, LEAT_KEYWORD_COLLATE))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "DEFAULT COLLATION is not supported");
    for (int i = 0; clauses[i]; i++)
        if (is_word(p, clauses[i]))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "the clause %s is not supported yet",
                              clauses[i]);
    if (is_keyword(p, LEAT_KEYWORD_WITH) && is_keyword_at(p, 1, LEAT_KEYWORD_ROW))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "WITH ROW FILTER is not supported yet");
    return true;
}

static bool parse_clauses(struct parser *p, struct leat_sql_create *create)
{
    for (;;) {
        size_t start = p->position;
        bool twice = false;
        if (accept_keyword(p, LEAT_KEYWORD_COMMENT)) {
            twice = create->comment.data != NULL;
            if (!parse_string(p, "the comment as a string", &create->comment))
                return false;
        } else if (accept_keyword(p, LEAT_KEYWORD_USING)) {
            twice = create->using_format.text.data != NULL;
            if (!parse_name(p, NAME_LABEL, "a table format such as iceberg", &create->using_format))
                return false;
        } else if (accept_keyword(p, LEAT_KEYWORD_PARTITIONED)) {
            twice = create->partitioned_by.count != 0;
            if (!expect_keyword(p, LEAT_KEYWORD_BY) || !expect_symbol(p, "(") ||
                !parse_expr_list(p, &create->partitioned_by) || !expect_symbol(p, ")"))
                return false;
        } else if (accept_keyword(p, LEAT_KEYWORD_CLUSTER)) {
            twice = create->cluster_by.count != 0;
            if (!expect_keyword(p, LEAT_KEYWORD_BY) ||
                !parse_name_list(p, "a column", &create->cluster_by))
                return false;
        } else if (accept_keyword(p, LEAT_KEYWORD_TBLPROPERTIES)) {
            twice = create->property_count != 0;
            if (!parse_properties(p, create))
                return false;
        } else {
            return refuse_clause(p);
        }
        if (twice)
            return fail_at(p, LEAT_E_DUPLICATE_CLAUSE, offset_of(p, start), length_since(p, start),
                           NULL, "the clause %.*s stands twice", (int)p->tokens.items[start].length,
                           p->text + offset_of(p, start));
    }
}

static const char *kind_words(enum leat_sql_create_kind kind)
{
    switch (kind) {
    case LEAT_SQL_CREATE_TABLE:
        return "TABLE";
    case LEAT_SQL_CREATE_VIEW:
        return "VIEW";
    case LEAT_SQL_CREATE_STREAMING_TABLE:
        return "STREAMING TABLE";
    case LEAT_SQL_CREATE_MATERIALIZED_VIEW:
        break;
    }
    return "MATERIALIZED VIEW";
}

/* WITH (fillfactor = 100): how PostgreSQL is to store the table, which means nothing here. */
static bool skip_storage(struct parser *p)
{
    static const char *const known[] = {"fillfactor", "autovacuum_enabled", "toast_tuple_target",
                                        "parallel_workers", NULL};
    struct leat_sql_name name;

    if (!is_keyword(p, LEAT_KEYWORD_WITH) || !is_symbol_at(p, 1, "("))
        return true;
    advance(p);
    advance(p);
    do {
        size_t i = 0;
        while (known[i] && !is_word(p, known[i]))
            i++;
        if (!known[i])
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "TBLPROPERTIES ('name' = 'value') is kept",
                              "this storage parameter is not supported");
        if (!parse_name(p, NAME_LABEL, "a name", &name))
            return false;
        if (is_operator(p, "=")) {
            advance(p);
            advance(p);
        }
    } while (accept_symbol(p, ","));
    return expect_symbol(p, ")");
}

static bool parse_relation(struct parser *p, struct leat_sql_create *create)
{
    bool view =
        create->kind == LEAT_SQL_CREATE_VIEW || create->kind == LEAT_SQL_CREATE_MATERIALIZED_VIEW;

    if (accept_keyword(p, LEAT_KEYWORD_IF)) {
        if (!expect_keyword(p, LEAT_KEYWORD_NOT) || !expect_keyword(p, LEAT_KEYWORD_EXISTS))
            return false;
        create->if_not_exists = true;
    }
    if (!parse_path(p, "a name", &create->name))
        return false;
    if (is_symbol(p, "(") && !parse_columns(p, create))
        return false;
    if ((create->kind == LEAT_SQL_CREATE_TABLE && !skip_storage(p)) || !parse_clauses(p, create))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_AS)) {
        if (!(create->query = parse_query(p)))
            return false;
        if (is_keyword(p, LEAT_KEYWORD_WITH)) {
            advance(p);
            create->with_no_data = accept_keyword(p, LEAT_KEYWORD_NO);
            if (!expect_keyword(p, LEAT_KEYWORD_DATA))
                return false;
        }
        return true;
    }
    if (view) {
        want(p, "as");
        return fail_here(p);
    }
    if (create->kind == LEAT_SQL_CREATE_TABLE && !create->column_count) {
        want(p, "(");
        return fail_here(p);
    }
    return true;
}

/* --- flows --- */
/* AUTO CDC INTO ...: far enough to name what is missing, as in the statement's own grammar. */
static bool refuse_cdc(struct parser *p)
{
    size_t start = p->position;
    bool sequence = false, keys = false;

    while (peek(p)->kind != LEAT_TOKEN_END && peek(p)->kind != LEAT_TOKEN_ERROR &&
           !is_symbol(p, ";")) {
        sequence |= is_word(p, "sequence");
        keys |= is_word(p, "keys");
        advance(p);
    }
    if (!keys)
        return fail_token(p, LEAT_E_SYNTAX, "add: KEYS (column, ...)",
                          "AUTO CDC needs KEYS, to know which rows are the same");
    if (!sequence)
        return fail_token(p, LEAT_E_SYNTAX, "add: SEQUENCE BY <column>",
                          "AUTO CDC needs SEQUENCE BY, to order changes that arrive late");
    return fail_at(p, LEAT_E_SQL_UNSUPPORTED, offset_of(p, start), 8,
                   "until then: a materialized view that takes the newest row of each key",
                   "AUTO CDC is not supported yet");
}

bool parse_flow(struct parser *p, struct leat_sql_statement *statement)
{
    struct leat_sql_flow *flow = &statement->flow;
    size_t by;

    statement->kind = LEAT_SQL_STATEMENT_FLOW;
    advance(p);
    if (!parse_path(p, "the flow's name", &flow->name))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_COMMENT) &&
        !parse_string(p, "the comment as a string", &flow->comment))
        return false;
    if (!expect_keyword(p, LEAT_KEYWORD_AS))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_AUTO) || is_keyword(p, LEAT_KEYWORD_APPLY))
        return refuse_cdc(p);
    if (!expect_keyword(p, LEAT_KEYWORD_INSERT))
        return false;
    flow->once = accept_keyword(p, LEAT_KEYWORD_ONCE);
    if (!expect_keyword(p, LEAT_KEYWORD_INTO))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_ONCE) && !is_keyword_at(p, 1, LEAT_KEYWORD_BY)) {
        advance(p);
        flow->once = true;
    }
    if (!parse_path(p, "the flow's target table", &flow->target))
        return false;
    by = p->position;
    if (accept_keyword(p, LEAT_KEYWORD_BY)) {
        if (!expect_keyword(p, LEAT_KEYWORD_NAME))
            return false;
        flow->by_name = true;
    } else if (is_symbol(p, "(") || is_query_start(p, 0)) {
        return fail_at(p, LEAT_E_SYNTAX, offset_of(p, by), p->tokens.items[by].length,
                       "write INSERT INTO table BY NAME SELECT ...",
                       "a flow inserts BY NAME, so that columns are matched by their names");
    } else if (is_keyword(p, LEAT_KEYWORD_REPLACE)) {
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL,
                          "REPLACE WHERE and REPLACE USING are not supported yet");
    }
    flow->query = parse_query(p);
    return flow->query != NULL;
}

/* --- tests --- */
static bool parse_given(struct parser *p, struct leat_sql_given *given)
{
    size_t start = p->position;

    advance(p);
    if (!parse_path(p, "a source or table", &given->name))
        return false;
    if (is_symbol(p, "(") && !parse_name_list(p, "a column", &given->columns))
        return false;
    if (!expect_keyword(p, LEAT_KEYWORD_AS) || !(given->query = parse_query(p)))
        return false;
    given->offset = offset_of(p, start);
    given->length = length_since(p, start);
    return true;
}

static bool parse_expected(struct parser *p, struct leat_sql_expected *expected)
{
    size_t start = p->position;

    advance(p);
    if (is_keyword(p, LEAT_KEYWORD_QUARANTINE) && is_keyword_at(p, 1, LEAT_KEYWORD_OF)) {
        advance(p);
        advance(p);
        expected->quarantine = true;
        if (!parse_path(p, "a table", &expected->name) || !expect_keyword(p, LEAT_KEYWORD_COUNT))
            return false;
        if (peek(p)->kind != LEAT_TOKEN_INTEGER || peek(p)->length > 18) {
            want(p, "a number of rows");
            return fail_here(p);
        }
        for (uint32_t i = 0; i < peek(p)->length; i++)
            if (p->text[peek(p)->offset + i] >= '0' && p->text[peek(p)->offset + i] <= '9')
                expected->count =
                    expected->count * 10 + (uint64_t)(p->text[peek(p)->offset + i] - '0');
        advance(p);
    } else {
        if (!parse_path(p, "a table", &expected->name))
            return false;
        if (is_symbol(p, "(") && !parse_name_list(p, "a column", &expected->columns))
            return false;
        if (!expect_keyword(p, LEAT_KEYWORD_AS) || !(expected->query = parse_query(p)))
            return false;
    }
    expected->offset = offset_of(p, start);
    expected->length = length_since(p, start);
    return true;
}

bool parse_test(struct parser *p, struct leat_sql_statement *statement)
{
    struct leat_sql_test *test = &statement->test;
    struct list givens = {0}, expected = {0};

    statement->kind = LEAT_SQL_STATEMENT_TEST;
    advance(p);
    if (!parse_path(p, "the test's name", &test->name))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_COMMENT) &&
        !parse_string(p, "the comment as a string", &test->comment))
        return false;
    for (;;) {
        if (is_keyword(p, LEAT_KEYWORD_GIVEN)) {
            struct leat_sql_given *given = list_add(p, &givens, sizeof(*given));
            if (expected.count)
                return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "put every GIVEN before the EXPECTs",
                                  "tests in steps (GIVEN behind EXPECT) are not supported yet");
            if (!given || !parse_given(p, given))
                return false;
        } else if (is_keyword(p, LEAT_KEYWORD_EXPECT)) {
            struct leat_sql_expected *item = list_add(p, &expected, sizeof(*item));
            if (!item || !parse_expected(p, item))
                return false;
        } else {
            break;
        }
    }
    want(p, "given");
    want(p, "expect");
    if (!expected.count)
        return fail_here(p);
    test->givens = givens.items;
    test->given_count = givens.count;
    test->expected = expected.items;
    test->expected_count = expected.count;
    return true;
}

/* --- CREATE --- */
static bool refuse_create(struct parser *p)
{
    static const char *const kinds[] = {"sink",     "source",    "index",  "schema", "database",
                                        "function", "sequence",  "role",   "user",   "type",
                                        "trigger",  "extension", "secret", NULL};
    for (int i = 0; kinds[i]; i++)
        if (is_word(p, kinds[i]))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "CREATE %s is not supported yet",
                              kinds[i]);
    return true;
}

static bool parse_or(struct parser *p, struct leat_sql_create *create)
{
    if (!accept_keyword(p, LEAT_KEYWORD_OR))
        return true;
    if (accept_keyword(p, LEAT_KEYWORD_REPLACE)) {
        create->or_replace = true;
        return true;
    }
    create->or_refresh = true;
    return expect_keyword(p, LEAT_KEYWORD_REFRESH);
}

bool parse_create(struct parser *p, struct leat_sql_statement *statement)
{
    struct leat_sql_create *create = &statement->create;
    size_t start = p->position;

    statement->kind = LEAT_SQL_STATEMENT_CREATE;
    advance(p);
    if (!parse_or(p, create))
        return false;
    if (!create->or_replace && !create->or_refresh) {
        if (is_keyword(p, LEAT_KEYWORD_FLOW))
            return parse_flow(p, statement);
        if (is_keyword(p, LEAT_KEYWORD_TEST))
            return parse_test(p, statement);
        want(p, "flow");
        want(p, "test");
    }
    if (is_keyword(p, LEAT_KEYWORD_GLOBAL) || is_keyword(p, LEAT_KEYWORD_LOCAL))
        advance(p);
    if (is_keyword(p, LEAT_KEYWORD_TEMP) || is_keyword(p, LEAT_KEYWORD_TEMPORARY)) {
        advance(p);
        create->temporary = true;
    } else if (accept_keyword(p, LEAT_KEYWORD_PRIVATE)) {
        create->is_private = true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_STREAMING)) {
        create->kind = LEAT_SQL_CREATE_STREAMING_TABLE;
        if (!expect_keyword(p, LEAT_KEYWORD_TABLE))
            return false;
    } else if (accept_keyword(p, LEAT_KEYWORD_MATERIALIZED)) {
        create->kind = LEAT_SQL_CREATE_MATERIALIZED_VIEW;
        if (!expect_keyword(p, LEAT_KEYWORD_VIEW))
            return false;
    } else if (accept_keyword(p, LEAT_KEYWORD_TABLE)) {
        create->kind = LEAT_SQL_CREATE_TABLE;
    } else if (accept_keyword(p, LEAT_KEYWORD_VIEW)) {
        create->kind = LEAT_SQL_CREATE_VIEW;
    } else {
        if (is_keyword(p, LEAT_KEYWORD_RECURSIVE))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "recursive views are not supported");
        return refuse_create(p) && fail_here(p);
    }
    if (create->or_refresh &&
        (create->kind == LEAT_SQL_CREATE_TABLE || create->kind == LEAT_SQL_CREATE_VIEW))
        return fail_at(p, LEAT_E_SYNTAX, offset_of(p, start), length_since(p, start),
                       "write CREATE OR REPLACE, or CREATE OR REFRESH STREAMING TABLE",
                       "OR REFRESH goes with STREAMING TABLE and MATERIALIZED VIEW, not with %s",
                       kind_words(create->kind));
    return parse_relation(p, create);
}
