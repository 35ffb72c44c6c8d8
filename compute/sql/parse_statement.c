/*
 * Statements other than CREATE: queries, INSERT, DROP, COPY, EXPLAIN, SHOW, DESCRIBE, SET, and the
 * ones that are refused by name.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>
#include <strings.h>

static bool parse_insert(struct parser *p, struct leat_sql_insert *insert)
{
    advance(p);
    if (is_keyword(p, LEAT_KEYWORD_ONCE) || is_word(p, "overwrite"))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED,
                          "write CREATE FLOW name AS INSERT INTO ONCE table BY NAME query",
                          "INSERT %.*s stands only in a flow", (int)peek(p)->length,
                          p->text + peek(p)->offset);
    if (!expect_keyword(p, LEAT_KEYWORD_INTO) || !parse_path(p, "a table", &insert->target))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_BY)) {
        advance(p);
        if (!expect_keyword(p, LEAT_KEYWORD_NAME))
            return false;
        insert->by_name = true;
    } else if (is_symbol(p, "(") && !is_query_start(p, 1) && !is_symbol_at(p, 1, "(")) {
        if (!parse_name_list(p, "a column", &insert->columns))
            return false;
    }
    if (accept_keyword(p, LEAT_KEYWORD_DEFAULT)) {
        insert->default_values = true;
        return expect_keyword(p, LEAT_KEYWORD_VALUES);
    }
    if (!(insert->query = parse_query(p)))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_ON) || is_keyword(p, LEAT_KEYWORD_RETURNING))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL,
                          "ON CONFLICT and RETURNING are not supported");
    return true;
}

static bool parse_drop(struct parser *p, struct leat_sql_drop *drop)
{
    struct list names = {0};

    advance(p);
    if (accept_keyword(p, LEAT_KEYWORD_TABLE)) {
        drop->kind = LEAT_SQL_CREATE_TABLE;
    } else if (accept_keyword(p, LEAT_KEYWORD_VIEW)) {
        drop->kind = LEAT_SQL_CREATE_VIEW;
    } else if (accept_keyword(p, LEAT_KEYWORD_MATERIALIZED)) {
        drop->kind = LEAT_SQL_CREATE_MATERIALIZED_VIEW;
        if (!expect_keyword(p, LEAT_KEYWORD_VIEW))
            return false;
    } else if (accept_keyword(p, LEAT_KEYWORD_STREAMING)) {
        drop->kind = LEAT_SQL_CREATE_STREAMING_TABLE;
        if (!expect_keyword(p, LEAT_KEYWORD_TABLE))
            return false;
    } else {
        return fail_here(p);
    }
    if (accept_keyword(p, LEAT_KEYWORD_IF)) {
        if (!expect_keyword(p, LEAT_KEYWORD_EXISTS))
            return false;
        drop->if_exists = true;
    }
    do {
        struct leat_sql_path *path = list_add(p, &names, sizeof(*path));
        if (!path || !parse_path(p, "a table or view", path))
            return false;
    } while (accept_symbol(p, ","));
    drop->names = names.items;
    drop->count = names.count;
    drop->cascade = accept_keyword(p, LEAT_KEYWORD_CASCADE);
    if (!drop->cascade)
        accept_keyword(p, LEAT_KEYWORD_RESTRICT);
    return true;
}

/* SELECT * FROM path, as a tree. */
static struct leat_sql_query *query_of_table(struct parser *p, const struct leat_sql_path *path)
{
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));
    struct leat_sql_body *body = parser_alloc(p, sizeof(*body));
    struct leat_sql_select *select = parser_alloc(p, sizeof(*select));
    struct leat_sql_item *item = parser_alloc(p, sizeof(*item));
    struct leat_sql_expr *star = parser_alloc(p, sizeof(*star));
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from)),
                         **list = parser_alloc(p, sizeof(struct leat_sql_from *));

    if (p->failed)
        return NULL;
    star->kind = LEAT_SQL_STAR;
    star->star = parser_alloc(p, sizeof(*star->star));
    if (!star->star)
        return NULL;
    star->depth = 1;
    from->path = *path;
    from->depth = body->depth = 1;
    star->offset = body->offset = query->offset = from->offset = path->offset;
    star->length = body->length = query->length = from->length = path->length;
    *item = (struct leat_sql_item){.expr = star};
    list[0] = from;
    *select =
        (struct leat_sql_select){.item_count = 1, .items = item, .from_count = 1, .from = list};
    body->select = select;
    query->body = body;
    return query;
}

/* One option of COPY: name [=] [value]; bare words are text. */
static bool parse_copy_option(struct parser *p, struct leat_sql_property *option)
{
    size_t start;

    if (!parse_name(p, NAME_LABEL, "an option", &option->name))
        return false;
    if (is_operator(p, "=") || is_symbol(p, "=>"))
        advance(p);
    if (is_symbol(p, ",") || is_symbol(p, ")"))
        return true;
    start = p->position;
    if (peek(p)->kind == LEAT_TOKEN_WORD && !is_keyword(p, LEAT_KEYWORD_TRUE) &&
        !is_keyword(p, LEAT_KEYWORD_FALSE) && !is_keyword(p, LEAT_KEYWORD_NULL) &&
        (is_symbol_at(p, 1, ",") || is_symbol_at(p, 1, ")"))) {
        struct leat_sql_name word;
        option->value = new_expr(p, LEAT_SQL_STRING, start);
        if (!option->value || !parse_name(p, NAME_LABEL, "a value", &word))
            return false;
        option->value->text = word.text;
        return close_expr(p, option->value, start) != NULL;
    }
    option->value = parse_expr(p);
    return option->value != NULL;
}

/* SELECT columns FROM table */
static bool narrow_query(struct parser *p, struct leat_sql_copy *copy)
{
    struct leat_sql_select *select = copy->query->body->select;
    struct leat_sql_item *items = parser_alloc(p, copy->columns.count * sizeof(*items));

    if (!items)
        return false;
    for (uint32_t i = 0; i < copy->columns.count; i++) {
        struct leat_sql_name *name = &copy->columns.items[i];
        struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_COLUMN, p->position - 1);
        if (!expr)
            return false;
        expr->path = (struct leat_sql_path){1, name, name->offset, name->length};
        expr->offset = name->offset;
        expr->length = name->length;
        expr->depth = 1;
        items[i].expr = expr;
    }
    select->items = items;
    select->item_count = copy->columns.count;
    return true;
}

/* table [(columns)], or a query in parentheses */
static bool parse_copy_target(struct parser *p, struct leat_sql_copy *copy)
{
    if (accept_symbol(p, "(")) {
        copy->query = parse_query(p);
        return copy->query && expect_symbol(p, ")");
    }
    if (!parse_path(p, "a table or (query)", &copy->target) ||
        !(copy->query = query_of_table(p, &copy->target)))
        return false;
    if (!is_symbol(p, "("))
        return true;
    if (!parse_name_list(p, "a column", &copy->columns))
        return false;
    return narrow_query(p, copy);
}

/* The words that PostgreSQL took before options had parentheses: CSV HEADER DELIMITER ',' */
static bool parse_old_options(struct parser *p, struct list *options)
{
    while (peek(p)->kind == LEAT_TOKEN_WORD) {
        struct leat_sql_property *option = list_add(p, options, sizeof(*option));
        bool format = is_word(p, "csv") || is_word(p, "binary") || is_word(p, "text");
        size_t start = p->position;
        if (!option || !parse_name(p, NAME_LABEL, "an option", &option->name))
            return false;
        if (format) {
            option->value = new_expr(p, LEAT_SQL_STRING, start);
            if (!option->value)
                return false;
            option->value->text = option->name.text;
            option->name.text = leat_text_of("format");
            if (!close_expr(p, option->value, start))
                return false;
            continue;
        }
        accept_keyword(p, LEAT_KEYWORD_AS);
        if (is_string_at(p, 0) && !(option->value = parse_primary(p)))
            return false;
    }
    return true;
}

static bool parse_copy(struct parser *p, struct leat_sql_copy *copy)
{
    struct list options = {0};

    advance(p);
    if (!parse_copy_target(p, copy))
        return false;
    copy->from = copy->target.count > 0 && accept_keyword(p, LEAT_KEYWORD_FROM);
    if (!copy->from && !expect_keyword(p, LEAT_KEYWORD_TO))
        return false;
    copy->file_offset = peek(p)->offset;
    copy->file_length = peek(p)->length;
    if (is_word(p, copy->from ? "stdin" : "stdout")) {
        copy->stdio = true;
        advance(p);
    } else if (!parse_string(p,
                             copy->from ? "a file name in single quotes, or STDIN"
                                        : "a file name in single quotes, or STDOUT",
                             &copy->file)) {
        return false;
    }
    if (is_keyword(p, LEAT_KEYWORD_WITH))
        advance(p);
    if (!accept_symbol(p, "(")) {
        if (!parse_old_options(p, &options))
            return false;
    } else {
        do {
            struct leat_sql_property *option = list_add(p, &options, sizeof(*option));
            if (!option || !parse_copy_option(p, option))
                return false;
        } while (accept_symbol(p, ","));
        if (!expect_symbol(p, ")"))
            return false;
    }
    copy->options = options.items;
    copy->option_count = options.count;
    return true;
}

static bool parse_explain(struct parser *p, struct leat_sql_explain *explain)
{
    advance(p);
    if (accept_symbol(p, "(")) {
        do {
            if (accept_keyword(p, LEAT_KEYWORD_ANALYZE) || accept_keyword(p, LEAT_KEYWORD_ANALYSE))
                explain->analyze = true;
            else if (accept_keyword(p, LEAT_KEYWORD_VERBOSE))
                explain->verbose = true;
            else
                return fail_here(p);
        } while (accept_symbol(p, ","));
        if (!expect_symbol(p, ")"))
            return false;
    } else {
        if (is_keyword(p, LEAT_KEYWORD_ANALYZE) || is_keyword(p, LEAT_KEYWORD_ANALYSE)) {
            advance(p);
            explain->analyze = true;
        }
        explain->verbose = accept_keyword(p, LEAT_KEYWORD_VERBOSE);
    }
    if (!enter(p))
        return false;
    explain->statement = parse_statement(p);
    leave(p);
    return explain->statement != NULL;
}

static bool parse_show(struct parser *p, struct leat_sql_show *show)
{
    advance(p);
    if (accept_keyword(p, LEAT_KEYWORD_TABLES)) {
        show->kind = LEAT_SQL_SHOW_TABLES;
        return true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_VIEWS)) {
        show->kind = LEAT_SQL_SHOW_VIEWS;
        return true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_FUNCTIONS)) {
        show->kind = LEAT_SQL_SHOW_FUNCTIONS;
        return true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_SCHEMAS)) {
        show->kind = LEAT_SQL_SHOW_SCHEMAS;
        return true;
    }
    if (accept_keyword(p, LEAT_KEYWORD_ALL)) {
        show->kind = LEAT_SQL_SHOW_ALL;
        return true;
    }
    show->kind = LEAT_SQL_SHOW_SETTING;
    if ((is_keyword(p, LEAT_KEYWORD_TIME) && is_keyword_at(p, 1, LEAT_KEYWORD_ZONE)) ||
        is_word(p, "transaction")) {
        bool zone = is_keyword(p, LEAT_KEYWORD_TIME);
        for (int i = 0; i < (zone ? 2 : 3); i++)
            advance(p);
        show->name.parts = parser_alloc(p, sizeof(struct leat_sql_name));
        if (!show->name.parts)
            return false;
        show->name.count = 1;
        show->name.parts[0].text = leat_text_of(zone ? "timezone" : "transaction_isolation");
        return true;
    }
    return parse_path(p, "TABLES, VIEWS, FUNCTIONS or a setting", &show->name);
}

static bool parse_describe(struct parser *p, struct leat_sql_describe *describe)
{
    advance(p);
    if (is_query_start(p, 0) && !is_keyword(p, LEAT_KEYWORD_TABLE)) {
        describe->query = parse_query(p);
        return describe->query != NULL;
    }
    if (is_keyword(p, LEAT_KEYWORD_TABLE))
        advance(p);
    if (is_string_at(p, 0)) {
        struct leat_sql_path path = {.offset = peek(p)->offset, .length = peek(p)->length};
        describe->query = query_of_table(p, &path);
        if (!describe->query)
            return false;
        describe->query->body->select->from[0]->kind = LEAT_SQL_FROM_FILE;
        return parse_string(p, "a file", &describe->query->body->select->from[0]->file);
    }
    return parse_path(p, "a table or query", &describe->name);
}

/* SET TRANSACTION modes, SET SESSION CHARACTERISTICS AS TRANSACTION modes: every transaction sees
 * one snapshot, which is what the modes ask for at most but for SERIALIZABLE. */
static bool parse_set_transaction(struct parser *p, struct leat_sql_set *set)
{
    while (peek(p)->kind == LEAT_TOKEN_WORD || is_symbol(p, ",")) {
        if (is_word(p, "serializable"))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "REPEATABLE READ is what there is",
                              "serializable transactions are not supported");
        advance(p);
    }
    set->name.parts = parser_alloc(p, sizeof(struct leat_sql_name));
    if (!set->name.parts)
        return false;
    set->name.count = 1;
    set->name.parts[0].text = leat_text_of("transaction_isolation");
    set->value = leat_text_of("repeatable read");
    return true;
}

/* SET [SESSION|LOCAL] name {=|TO} value: the value is the rest of the statement. */
static bool parse_set_statement(struct parser *p, struct leat_sql_set *set)
{
    size_t start;

    set->reset = is_keyword(p, LEAT_KEYWORD_RESET);
    advance(p);
    if (!set->reset && (is_keyword(p, LEAT_KEYWORD_LOCAL) || is_word(p, "session")) &&
        peek_at(p, 1)->kind == LEAT_TOKEN_WORD && !is_keyword_at(p, 1, LEAT_KEYWORD_TO))
        advance(p);
    if (is_word(p, "transaction") || is_word(p, "characteristics"))
        return parse_set_transaction(p, set);
    if (is_keyword(p, LEAT_KEYWORD_TIME) && is_keyword_at(p, 1, LEAT_KEYWORD_ZONE)) {
        set->name.parts = parser_alloc(p, sizeof(struct leat_sql_name));
        if (!set->name.parts)
            return false;
        set->name.count = 1;
        set->name.parts[0].text = leat_text_of("timezone");
        advance(p);
        advance(p);
        if (is_operator(p, "=") || is_keyword(p, LEAT_KEYWORD_TO))
            advance(p);
    } else {
        if (!parse_path(p, "a setting", &set->name))
            return false;
        if (set->reset)
            return true;
        if (is_operator(p, "="))
            advance(p);
        else if (!expect_keyword(p, LEAT_KEYWORD_TO))
            return false;
    }
    if (is_string_at(p, 0) && (peek_at(p, 1)->kind == LEAT_TOKEN_END || is_symbol_at(p, 1, ";")))
        return parse_string(p, "a value", &set->value);
    start = p->position;
    while (peek(p)->kind != LEAT_TOKEN_END && !is_symbol(p, ";")) {
        if (peek(p)->kind == LEAT_TOKEN_ERROR)
            return fail_here(p);
        advance(p);
    }
    if (p->position == start) {
        want(p, "a value");
        return fail_here(p);
    }
    set->value.length = length_since(p, start);
    set->value.data = leat_arena_copy(p->arena, p->text + offset_of(p, start), set->value.length);
    return set->value.data ? true : fail_memory(p);
}

/* The dotted name as written. */
static struct leat_text setting_name(const struct parser *p, const struct leat_sql_set *set)
{
    return (struct leat_text){p->text + set->name.offset, set->name.length};
}

/* USE SCHEMA x, USE CATALOG x, SET CATALOG x: settings `schema` and `catalog`. */
static bool parse_use(struct parser *p, struct leat_sql_set *set)
{
    struct leat_sql_path value;
    const char *what = NULL;

    advance(p);
    if (is_word(p, "catalog"))
        what = "catalog";
    else if (is_word(p, "database") || is_word(p, "schema") || is_word(p, "namespace"))
        what = "schema";
    if (!what)
        return fail_token(p, LEAT_E_DIALECT, "write USE SCHEMA name, or USE CATALOG name",
                          "USE with a bare name is refused by Spark's pipelines too");
    set->name.parts = parser_alloc(p, sizeof(struct leat_sql_name));
    if (!set->name.parts)
        return false;
    set->name.count = 1;
    set->name.parts[0].text = leat_text_of(what);
    set->name.offset = peek(p)->offset;
    set->name.length = peek(p)->length;
    advance(p);
    if (!parse_path(p, "a name", &value))
        return false;
    set->value = value.parts[value.count - 1].text;
    return true;
}

/* SET of Spark's settings, and what stands for USE. */
static bool parse_spark_set(struct parser *p, struct leat_sql_set *set)
{
    const char *reason;

    if (is_keyword(p, LEAT_KEYWORD_USE) ||
        (is_keyword(p, LEAT_KEYWORD_SET) && peek_at(p, 1)->kind == LEAT_TOKEN_WORD &&
         p->tokens.items[p->position + 1].length == 7 &&
         strncasecmp(p->text + peek_at(p, 1)->offset, "catalog", 7) == 0))
        return parse_use(p, set);
    if (!parse_set_statement(p, set))
        return false;
    reason = set->name.length ? leat_sql_spark_setting(setting_name(p, set), set->value) : NULL;
    if (reason)
        return fail_at(p, LEAT_E_DIALECT, set->name.offset, set->name.length, NULL,
                       "this setting of Spark's is not carried over: %s", reason);
    return true;
}

/* Statements that other systems have. */
static bool refuse_statement(struct parser *p)
{
    static const struct {
        enum leat_keyword keyword;
        const char *message;
        const char *hint;
    } refused[] = {
        {LEAT_KEYWORD_USE, "USE is not supported yet", "write names with their schema: schema.t"},
        {LEAT_KEYWORD_GRANT, "GRANT is not supported yet", NULL},
        {LEAT_KEYWORD_APPLY, "APPLY CHANGES is not supported yet", NULL},
        {LEAT_KEYWORD_AUTO, "AUTO CDC is not supported yet", NULL},
        {LEAT_KEYWORD_REFRESH, "REFRESH is not a statement", "run `leat run`"}};

    static const struct {
        const char *word, *name, *hint;
    } words[] = {
        {"savepoint", "SAVEPOINT", "COMMIT what is to stay, and begin anew"},
        {"release", "RELEASE SAVEPOINT", NULL},
        {"declare", "DECLARE CURSOR", "drivers read portals in pieces: set a fetch size"},
        {"fetch", "FETCH", NULL},
        {"listen", "LISTEN", NULL},
        {"notify", "NOTIFY", NULL},
        {"lock", "LOCK", "a conflict at COMMIT is SQLSTATE 40001: run the transaction again"}};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (is_keyword(p, refused[i].keyword))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, refused[i].hint, "%s", refused[i].message);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (is_word(p, words[i].word))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, words[i].hint, "%s is not supported",
                              words[i].name);
    if (is_word(p, "alter"))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "ALTER is not supported yet");
    return true;
}

static bool parse_statement_of(struct parser *p, struct leat_sql_statement *statement)
{
    if (is_query_start(p, 0) || is_symbol(p, "(")) {
        statement->kind = LEAT_SQL_STATEMENT_QUERY;
        statement->query = parse_query(p);
        return statement->query != NULL;
    }
    switch ((enum leat_keyword)peek(p)->keyword) {
    case LEAT_KEYWORD_CREATE:
        return parse_create(p, statement);
    case LEAT_KEYWORD_INSERT:
        statement->kind = LEAT_SQL_STATEMENT_INSERT;
        return parse_insert(p, &statement->insert);
    case LEAT_KEYWORD_DELETE:
    case LEAT_KEYWORD_UPDATE:
    case LEAT_KEYWORD_TRUNCATE:
        statement->kind = LEAT_SQL_STATEMENT_CHANGE;
        return parse_change(p, &statement->change);
    case LEAT_KEYWORD_MERGE:
        statement->kind = LEAT_SQL_STATEMENT_CHANGE;
        return parse_merge(p, &statement->change);
    case LEAT_KEYWORD_DROP:
        statement->kind = LEAT_SQL_STATEMENT_DROP;
        return parse_drop(p, &statement->drop);
    case LEAT_KEYWORD_COPY:
        statement->kind = LEAT_SQL_STATEMENT_COPY;
        return parse_copy(p, &statement->copy);
    case LEAT_KEYWORD_EXPLAIN:
        statement->kind = LEAT_SQL_STATEMENT_EXPLAIN;
        return parse_explain(p, &statement->explain);
    case LEAT_KEYWORD_SHOW:
        statement->kind = LEAT_SQL_STATEMENT_SHOW;
        return parse_show(p, &statement->show);
    case LEAT_KEYWORD_DESCRIBE:
    case LEAT_KEYWORD_DESC:
        statement->kind = LEAT_SQL_STATEMENT_DESCRIBE;
        return parse_describe(p, &statement->describe);
    case LEAT_KEYWORD_USE:
        if (!p->spark)
            break;
        statement->kind = LEAT_SQL_STATEMENT_SET;
        return parse_spark_set(p, &statement->set);
    case LEAT_KEYWORD_SET:
    case LEAT_KEYWORD_RESET:
        statement->kind = LEAT_SQL_STATEMENT_SET;
        if (p->spark)
            return parse_spark_set(p, &statement->set);
        return parse_set_statement(p, &statement->set);
    default:
        break;
    }
    if (starts_control(p)) {
        statement->kind = LEAT_SQL_STATEMENT_CONTROL;
        return parse_control(p, &statement->control);
    }
    if (!refuse_statement(p))
        return false;
    want(p, "a statement");
    return fail_here(p);
}

struct leat_sql_statement *parse_statement(struct parser *p)
{
    struct leat_sql_statement *statement = parser_alloc(p, sizeof(*statement));
    size_t start = p->position;

    if (!statement || !parse_statement_of(p, statement) || p->failed)
        return NULL;
    statement->offset = offset_of(p, start);
    statement->length = length_since(p, start);
    return statement;
}
