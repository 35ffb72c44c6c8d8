/* Statements about the session rather than about rows: transactions, prepared statements, and the
 * upkeep that other systems need. */
#include "compute/sql/parser_internal.h"

#include <strings.h>

static const struct {
    const char *word;
    enum leat_sql_control_kind kind;
    const char *tag;
} words[] = {{"begin", LEAT_SQL_CONTROL_BEGIN, "BEGIN"},
             {"start", LEAT_SQL_CONTROL_BEGIN, "START TRANSACTION"},
             {"commit", LEAT_SQL_CONTROL_COMMIT, "COMMIT"},
             {"end", LEAT_SQL_CONTROL_COMMIT, "COMMIT"},
             {"rollback", LEAT_SQL_CONTROL_ROLLBACK, "ROLLBACK"},
             {"abort", LEAT_SQL_CONTROL_ROLLBACK, "ROLLBACK"},
             {"prepare", LEAT_SQL_CONTROL_PREPARE, "PREPARE"},
             {"execute", LEAT_SQL_CONTROL_EXECUTE, "EXECUTE"},
             {"deallocate", LEAT_SQL_CONTROL_DEALLOCATE, "DEALLOCATE"},
             {"discard", LEAT_SQL_CONTROL_DISCARD, "DISCARD ALL"},
             {"vacuum", LEAT_SQL_CONTROL_UPKEEP, "VACUUM"},
             {"analyze", LEAT_SQL_CONTROL_UPKEEP, "ANALYZE"},
             {"alter", LEAT_SQL_CONTROL_KEY, "ALTER TABLE"}};
#define WORDS (sizeof(words) / sizeof(words[0]))

static size_t find_word(const struct parser *p)
{
    for (size_t i = 0; i < WORDS; i++)
        if (is_word(p, words[i].word))
            return i;
    return WORDS;
}

bool starts_control(const struct parser *p)
{
    return !p->spark && find_word(p) < WORDS;
}

static bool at_end(const struct parser *p)
{
    return peek(p)->kind == LEAT_TOKEN_END || is_symbol(p, ";");
}

/* [WORK | TRANSACTION] modes */
static bool parse_modes(struct parser *p, bool begin)
{
    if (!accept_word(p, "work"))
        accept_word(p, "transaction");
    while (!at_end(p)) {
        if (is_word(p, "serializable"))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "REPEATABLE READ is what there is",
                              "serializable transactions are not supported");
        if (is_word(p, "to") || is_word(p, "savepoint"))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "savepoints are not supported");
        if (!begin && !is_word(p, "and") && !is_word(p, "no") && !is_word(p, "chain"))
            return fail_here(p);
        if (begin && peek(p)->kind != LEAT_TOKEN_WORD && !is_symbol(p, ","))
            return fail_here(p);
        advance(p);
    }
    return true;
}

/* PREPARE name [(types)] AS statement: its text is parsed when it is prepared. */
static bool parse_prepare(struct parser *p, struct leat_sql_control *out)
{
    struct list types = {0};
    struct leat_sql_statement *statement;
    size_t start;

    if (!parse_name(p, NAME_LABEL, "a name", &out->name))
        return false;
    if (accept_symbol(p, "(")) {
        do {
            struct leat_sql_type *type = list_add(p, &types, sizeof(*type));
            if (!type || !parse_type(p, type))
                return false;
        } while (accept_symbol(p, ","));
        if (!expect_symbol(p, ")"))
            return false;
    }
    out->types = types.items;
    out->type_count = types.count;
    if (!expect_keyword(p, LEAT_KEYWORD_AS) || !enter(p))
        return false;
    start = p->position;
    statement = parse_statement(p);
    leave(p);
    if (!statement)
        return false;
    if (statement->kind == LEAT_SQL_STATEMENT_CONTROL)
        return fail_at(p, LEAT_E_SQL_UNSUPPORTED, statement->offset, statement->length, NULL,
                       "%s cannot be prepared", statement->control.tag);
    out->text = (struct leat_text){p->text + offset_of(p, start), length_since(p, start)};
    return true;
}

/* EXECUTE name [(values)] */
static bool parse_execute(struct parser *p, struct leat_sql_control *out)
{
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));
    struct leat_sql_body *body = parser_alloc(p, sizeof(*body));
    struct leat_sql_select *select = parser_alloc(p, sizeof(*select));
    struct leat_sql_exprs values = {0};
    size_t start = p->position;

    if (!query || !body || !select || !parse_name(p, NAME_LABEL, "a name", &out->name))
        return false;
    if (!accept_symbol(p, "("))
        return true;
    if (!parse_expr_list(p, &values) || !expect_symbol(p, ")"))
        return false;
    select->item_count = values.count;
    select->items = parser_alloc(p, values.count * sizeof(*select->items));
    if (!select->items)
        return false;
    for (uint32_t i = 0; i < values.count; i++)
        select->items[i].expr = values.items[i];
    *body = (struct leat_sql_body){.kind = LEAT_SQL_SELECT, .select = select};
    body->offset = query->offset = offset_of(p, start);
    body->length = query->length = length_since(p, start);
    query->body = body;
    out->arguments = query;
    return true;
}

/* ALTER TABLE t ADD [CONSTRAINT c] PRIMARY KEY (columns) */
static bool parse_alter(struct parser *p, struct leat_sql_control *out, size_t start)
{
    struct leat_sql_names columns;
    struct leat_sql_name constraint;

    if (is_keyword(p, LEAT_KEYWORD_TABLE)) {
        advance(p);
        if (accept_keyword(p, LEAT_KEYWORD_IF))
            if (!expect_keyword(p, LEAT_KEYWORD_EXISTS))
                return false;
        accept_word(p, "only");
        if (!parse_path(p, "a table", &out->path))
            return false;
        if (accept_word(p, "add")) {
            if (accept_word(p, "constraint") && !parse_name(p, NAME_LABEL, "a name", &constraint))
                return false;
            if (accept_keyword(p, LEAT_KEYWORD_PRIMARY))
                return accept_word(p, "key") ? parse_name_list(p, "a column", &columns)
                                             : fail_here(p);
        }
    }
    return fail_at(p, LEAT_E_SQL_UNSUPPORTED, offset_of(p, start), length_since(p, start), NULL,
                   "this form of ALTER is not supported yet");
}

bool parse_control(struct parser *p, struct leat_sql_control *out)
{
    size_t start = p->position, word = find_word(p);

    out->kind = words[word].kind;
    out->tag = words[word].tag;
    advance(p);
    switch (out->kind) {
    case LEAT_SQL_CONTROL_BEGIN:
        return parse_modes(p, true);
    case LEAT_SQL_CONTROL_COMMIT:
    case LEAT_SQL_CONTROL_ROLLBACK:
        return parse_modes(p, false);
    case LEAT_SQL_CONTROL_PREPARE:
        return parse_prepare(p, out);
    case LEAT_SQL_CONTROL_EXECUTE:
        return parse_execute(p, out);
    case LEAT_SQL_CONTROL_DEALLOCATE:
        accept_word(p, "prepare");
        if (accept_keyword(p, LEAT_KEYWORD_ALL))
            return true;
        return parse_name(p, NAME_LABEL, "a name", &out->name);
    case LEAT_SQL_CONTROL_KEY:
        return parse_alter(p, out, start);
    case LEAT_SQL_CONTROL_DISCARD:
    case LEAT_SQL_CONTROL_UPKEEP:
        while (!at_end(p)) {
            if (peek(p)->kind == LEAT_TOKEN_ERROR)
                return fail_here(p);
            advance(p);
        }
        return true;
    }
    return fail_here(p);
}
