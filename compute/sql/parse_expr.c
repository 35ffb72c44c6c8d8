/*
 * Expressions, by precedence climbing with PostgreSQL's levels. AND and OR become one node with all
 * their operands, so that long conditions do not nest.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

enum level {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_LIKE, /* BETWEEN, IN, LIKE */
    LEVEL_OTHER,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_POWER,
    LEVEL_ZONE,
    LEVEL_COLLATE,
    LEVEL_UNARY
};

static struct leat_sql_expr *parse_level(struct parser *p, int level);

struct leat_sql_expr *new_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start)
{
    struct leat_sql_expr *expr = parser_alloc(p, sizeof(*expr));
    if (expr) {
        expr->kind = kind;
        expr->offset = offset_of(p, start);
    }
    return expr;
}

struct leat_sql_expr *close_expr(struct parser *p, struct leat_sql_expr *expr, size_t start)
{
    unsigned depth = 0;

    expr->offset = offset_of(p, start);
    expr->length = length_since(p, start);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i] && expr->args[i]->depth > depth)
            depth = expr->args[i]->depth;
    if (expr->call)
        for (uint32_t i = 0; i < expr->call->args.count; i++)
            if (expr->call->args.items[i]->depth > depth)
                depth = expr->call->args.items[i]->depth;
    if (depth >= LEAT_SQL_MAX_DEPTH) {
        fail_at(p, LEAT_E_TOO_DEEP, expr->offset, expr->length, NULL,
                "the expression is nested more than %d levels deep", LEAT_SQL_MAX_DEPTH);
        return NULL;
    }
    expr->depth = (uint16_t)(depth + 1);
    return expr;
}

bool set_args(struct parser *p, struct leat_sql_expr *expr, uint32_t count,
              struct leat_sql_expr *const *args)
{
    for (uint32_t i = 0; i < count; i++)
        if (p->failed)
            return false;
    expr->args = parser_alloc(p, (count ? count : 1) * sizeof(*expr->args));
    if (!expr->args)
        return false;
    for (uint32_t i = 0; i < count; i++)
        expr->args[i] = args[i];
    expr->arg_count = count;
    return true;
}

static struct leat_sql_expr *make(struct parser *p, enum leat_sql_expr_kind kind, size_t start,
                                  const char *name, uint32_t count,
                                  struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *expr = p->failed ? NULL : new_expr(p, kind, start);

    if (!expr || !set_args(p, expr, count, args))
        return NULL;
    if (name)
        expr->name = leat_text_of(name);
    return close_expr(p, expr, start);
}

bool parse_expr_list(struct parser *p, struct leat_sql_exprs *out)
{
    struct list list = {0};

    do {
        struct leat_sql_expr *expr = parse_expr(p), **slot;
        if (!expr)
            return false;
        slot = list_add(p, &list, sizeof(struct leat_sql_expr *));
        if (!slot)
            return false;
        *slot = expr;
    } while (accept_symbol(p, ","));
    *out = (struct leat_sql_exprs){list.count, list.items};
    return true;
}

struct leat_sql_expr *parse_expr(struct parser *p)
{
    struct leat_sql_expr *expr;

    if (!enter(p))
        return NULL;
    expr = parse_level(p, LEVEL_OR);
    leave(p);
    return p->failed ? NULL : expr;
}

/* --- literals and the like --- */
static struct leat_sql_expr *parse_number(struct parser *p)
{
    const struct leat_token *token = peek(p);
    size_t start = p->position;
    struct leat_sql_expr *expr =
        new_expr(p, token->kind == LEAT_TOKEN_INTEGER ? LEAT_SQL_INTEGER : LEAT_SQL_DECIMAL, start);
    char *digits = expr ? parser_alloc(p, token->length + 1u) : NULL;
    size_t count = 0;

    if (!digits)
        return NULL;
    for (uint32_t i = 0; i < token->length; i++)
        if (p->text[token->offset + i] != '_')
            digits[count++] = p->text[token->offset + i];
    expr->text = (struct leat_text){digits, count};
    advance(p);
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_string_literal(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_STRING, start);

    if (!expr || !parse_string(p, "a string", &expr->text))
        return NULL;
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_parameter(struct parser *p)
{
    size_t start = p->position;
    const struct leat_token *token = peek(p);
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_PARAMETER, start);

    if (!expr)
        return NULL;
    for (uint32_t i = 1; i < token->length; i++)
        expr->number = expr->number * 10 + (uint32_t)(p->text[token->offset + i] - '0');
    advance(p);
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_case(struct parser *p)
{
    struct list args = {0};
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_CASE, start), **slot;

    advance(p);
    if (!expr)
        return NULL;
    if (!is_keyword(p, LEAT_KEYWORD_WHEN)) {
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot || !(*slot = parse_expr(p)))
            return NULL;
        expr->flag = true;
    }
    if (!expect_keyword(p, LEAT_KEYWORD_WHEN))
        return NULL;
    do {
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot || !(*slot = parse_expr(p)) || !expect_keyword(p, LEAT_KEYWORD_THEN))
            return NULL;
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot || !(*slot = parse_expr(p)))
            return NULL;
        expr->number++;
    } while (accept_keyword(p, LEAT_KEYWORD_WHEN));
    if (accept_keyword(p, LEAT_KEYWORD_ELSE)) {
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot || !(*slot = parse_expr(p)))
            return NULL;
    }
    if (!expect_keyword(p, LEAT_KEYWORD_END))
        return NULL;
    expr->args = args.items;
    expr->arg_count = args.count;
    return close_expr(p, expr, start);
}

/* CAST(x AS type), TRY_CAST(x AS type). */
static struct leat_sql_expr *parse_cast(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_CAST, start), *operand;

    if (!expr)
        return NULL;
    expr->flag = is_keyword(p, LEAT_KEYWORD_TRY_CAST);
    advance(p);
    if (!expect_symbol(p, "(") || !(operand = parse_expr(p)) ||
        !expect_keyword(p, LEAT_KEYWORD_AS) || !parse_type(p, &expr->type) ||
        !expect_symbol(p, ")") || !set_args(p, expr, 1, &operand))
        return NULL;
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *query_expr(struct parser *p, enum leat_sql_expr_kind kind,
                                        size_t start, struct leat_sql_query *query)
{
    struct leat_sql_expr *expr = p->failed ? NULL : new_expr(p, kind, start);

    if (!expr)
        return NULL;
    expr->query = query;
    return close_expr(p, expr, start);
}

/* EXISTS (query), ARRAY(query): the keyword is the current token. */
static struct leat_sql_expr *parse_keyword_query(struct parser *p, enum leat_sql_expr_kind kind)
{
    size_t start = p->position;
    struct leat_sql_query *query;

    advance(p);
    if (!expect_symbol(p, "(") || !(query = parse_query(p)) || !expect_symbol(p, ")"))
        return NULL;
    return query_expr(p, kind, start, query);
}

static bool is_set_operation(const struct parser *p)
{
    return is_keyword(p, LEAT_KEYWORD_UNION) || is_keyword(p, LEAT_KEYWORD_INTERSECT) ||
           is_keyword(p, LEAT_KEYWORD_EXCEPT) || is_keyword(p, LEAT_KEYWORD_ORDER) ||
           is_keyword(p, LEAT_KEYWORD_LIMIT) || is_keyword(p, LEAT_KEYWORD_OFFSET) ||
           is_keyword(p, LEAT_KEYWORD_FETCH);
}

/* ( query ), ( expr ), ( expr, expr, ... ). Of "((", only the second tells which. */
static struct leat_sql_expr *parse_parentheses(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_query *query;
    struct leat_sql_exprs list;
    struct leat_sql_expr *expr;

    advance(p);
    if (is_query_start(p, 0)) {
        query = parse_query(p);
        if (!query || !expect_symbol(p, ")"))
            return NULL;
        return query_expr(p, LEAT_SQL_SUBQUERY, start, query);
    }
    if (!parse_expr_list(p, &list))
        return NULL;
    if (list.count == 1 && list.items[0]->kind == LEAT_SQL_SUBQUERY && is_set_operation(p)) {
        query = parse_query_after(p, list.items[0]->query, start + 1);
        if (!query || !expect_symbol(p, ")"))
            return NULL;
        return query_expr(p, LEAT_SQL_SUBQUERY, start, query);
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    if (list.count == 1) {
        expr = list.items[0];
        if (expr->kind == LEAT_SQL_OPERATOR)
            expr->flag = true;
        return expr;
    }
    expr = make(p, LEAT_SQL_ROW, start, NULL, list.count, list.items);
    if (expr && is_operator(p, "->")) {
        fail_at(p, LEAT_E_TRAP, expr->offset, expr->length,
                "unnest the list in a subquery: (SELECT ... FROM unnest(list) AS t(x))",
                "lambda functions are not supported: -> reads a JSON field here");
        return NULL;
    }
    return expr;
}

/* [a, b], after ARRAY or alone. */
static struct leat_sql_expr *parse_array(struct parser *p, size_t start)
{
    struct leat_sql_exprs list = {0};

    if (!enter(p) || !expect_symbol(p, "["))
        return NULL;
    if (!is_symbol(p, "]") && !parse_expr_list(p, &list))
        return NULL;
    leave(p);
    if (!expect_symbol(p, "]"))
        return NULL;
    return make(p, LEAT_SQL_ARRAY, start, NULL, list.count, list.items);
}

static struct leat_sql_expr *parse_map(struct parser *p)
{
    struct list args = {0};
    size_t start = p->position;

    advance(p);
    while (!is_symbol(p, "}")) {
        struct leat_sql_expr *key = parse_expr(p), *value, **slot;
        if (!key || !expect_symbol(p, ":") || !(value = parse_expr(p)))
            return NULL;
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot)
            return NULL;
        *slot = key;
        slot = list_add(p, &args, sizeof(struct leat_sql_expr *));
        if (!slot)
            return NULL;
        *slot = value;
        if (!accept_symbol(p, ","))
            break;
    }
    if (!expect_symbol(p, "}"))
        return NULL;
    return make(p, LEAT_SQL_MAP, start, NULL, args.count, args.items);
}

static const char *const unit_names[] = {"year",   "month",  "day",  "hour",
                                         "minute", "second", "week", NULL};

/* The unit at the current token ("days" too), or NULL. */
static const char *interval_unit(const struct parser *p)
{
    char plural[16];
    for (int i = 0; unit_names[i]; i++) {
        snprintf(plural, sizeof(plural), "%ss", unit_names[i]);
        if (is_word(p, unit_names[i]) || is_word(p, plural))
            return unit_names[i];
    }
    return NULL;
}

/* INTERVAL 'text' [unit [TO unit]]. NULL, not failed: no interval literal starts here. */
static struct leat_sql_expr *parse_interval(struct parser *p)
{
    size_t start = p->position;
    const struct leat_token *next = peek_at(p, 1);
    struct leat_sql_expr *expr;
    const char *unit;

    if (next->kind == LEAT_TOKEN_INTEGER || next->kind == LEAT_TOKEN_DECIMAL) {
        char hint[96] = "write INTERVAL '10 seconds'";
        advance(p);
        const struct leat_token *number = peek(p);
        advance(p);
        unit = interval_unit(p);
        if (unit)
            snprintf(hint, sizeof(hint), "write INTERVAL '%.*s %s'", (int)number->length,
                     p->text + number->offset, unit);
        if (unit)
            advance(p);
        fail_at(p, LEAT_E_TRAP, offset_of(p, start), length_since(p, start), hint,
                "the value of an INTERVAL is a string");
        return NULL;
    }
    if (!is_string_at(p, 1))
        return NULL;
    expr = new_expr(p, LEAT_SQL_INTERVAL, start);
    advance(p);
    if (!expr || !parse_string(p, "a string", &expr->text))
        return NULL;
    unit = interval_unit(p);
    if (unit) {
        advance(p);
        expr->name = leat_text_of(unit);
        if (is_keyword(p, LEAT_KEYWORD_TO)) {
            advance(p);
            unit = interval_unit(p);
            if (!unit) {
                want(p, "a unit such as MONTH or SECOND");
                fail_here(p);
                return NULL;
            }
            advance(p);
            expr->name = leat_text_of(unit); /* the text says the rest */
        }
    } else {
        expr->name = leat_text_of("");
    }
    return close_expr(p, expr, start);
}

/* --- names: columns, stars, calls, typed literals --- */
static struct leat_sql_expr *parse_star_suffix(struct parser *p, struct leat_sql_expr *expr,
                                               size_t start)
{
    struct leat_sql_star *star = parser_alloc(p, sizeof(*star));
    struct list replace = {0};

    if (!star)
        return NULL;
    expr->kind = LEAT_SQL_STAR;
    expr->star = star;
    if (is_keyword(p, LEAT_KEYWORD_EXCLUDE) ||
        (is_keyword(p, LEAT_KEYWORD_EXCEPT) && is_symbol_at(p, 1, "("))) {
        if (!(is_symbol_at(p, 1, "(") &&
              (is_keyword_at(p, 2, LEAT_KEYWORD_SELECT) || is_symbol_at(p, 2, "(")))) {
            advance(p);
            if (is_symbol(p, "(")) {
                if (!parse_name_list(p, "a column to leave out", &star->exclude))
                    return NULL;
            } else {
                star->exclude.items = parser_alloc(p, sizeof(struct leat_sql_name));
                star->exclude.count = 1;
                if (!star->exclude.items ||
                    !parse_name(p, NAME_COLUMN, "a column to leave out", star->exclude.items))
                    return NULL;
            }
        }
    }
    if (is_keyword(p, LEAT_KEYWORD_REPLACE) && is_symbol_at(p, 1, "(")) {
        advance(p);
        advance(p);
        do {
            struct leat_sql_property *item = list_add(p, &replace, sizeof(*item));
            if (!item || !(item->value = parse_expr(p)) || !expect_keyword(p, LEAT_KEYWORD_AS) ||
                !parse_name(p, NAME_LABEL, "the column to replace", &item->name))
                return NULL;
        } while (accept_symbol(p, ","));
        star->replace = replace.items;
        star->replace_count = replace.count;
        if (!expect_symbol(p, ")"))
            return NULL;
    }
    return close_expr(p, expr, start);
}

/* A type's name and a string: date '2020-01-01'. */
static struct leat_sql_expr *parse_typed(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_TYPED, start);

    if (!expr || !parse_type(p, &expr->type) || !parse_string(p, "a string", &expr->text))
        return NULL;
    return close_expr(p, expr, start);
}

/* True if the keyword names a type only: int, timestamp, numeric, ... */
static bool is_type_keyword(const struct parser *p)
{
    static const uint16_t keywords[] = {
        LEAT_KEYWORD_BIGINT,  LEAT_KEYWORD_BOOLEAN,   LEAT_KEYWORD_CHAR,   LEAT_KEYWORD_CHARACTER,
        LEAT_KEYWORD_DEC,     LEAT_KEYWORD_DECIMAL,   LEAT_KEYWORD_FLOAT,  LEAT_KEYWORD_INT,
        LEAT_KEYWORD_INTEGER, LEAT_KEYWORD_NUMERIC,   LEAT_KEYWORD_REAL,   LEAT_KEYWORD_SMALLINT,
        LEAT_KEYWORD_TIME,    LEAT_KEYWORD_TIMESTAMP, LEAT_KEYWORD_VARCHAR};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (is_keyword(p, (enum leat_keyword)keywords[i]))
            return true;
    return false;
}

/* numeric(10, 2) '1.5': what stands behind the parentheses decides. */
static bool is_typed_with_arguments(const struct parser *p)
{
    size_t i = 2;
    while (peek_at(p, i)->kind == LEAT_TOKEN_INTEGER || is_symbol_at(p, i, ","))
        i++;
    if (!is_symbol_at(p, i, ")"))
        return false;
    return is_string_at(p, i + 1) || is_keyword_at(p, i + 1, LEAT_KEYWORD_WITH) ||
           is_keyword_at(p, i + 1, LEAT_KEYWORD_WITHOUT);
}

static struct leat_sql_expr *parse_name_expr(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr;
    struct list parts = {0};
    bool typed = peek(p)->kind == LEAT_TOKEN_WORD && is_string_at(p, 1);

    if (is_keyword(p, LEAT_KEYWORD_DOUBLE) && is_keyword_at(p, 1, LEAT_KEYWORD_PRECISION))
        typed = is_string_at(p, 2);
    if (is_type_keyword(p)) {
        if (is_symbol_at(p, 1, "(")) {
            if (!is_typed_with_arguments(p)) {
                char hint[96];
                snprintf(hint, sizeof(hint), "write CAST(x AS %.*s) or x::%.*s",
                         (int)peek(p)->length, p->text + peek(p)->offset, (int)peek(p)->length,
                         p->text + peek(p)->offset);
                fail_token(p, LEAT_E_TRAP, hint, "%.*s is a type, not a function",
                           (int)peek(p)->length, p->text + peek(p)->offset);
                return NULL;
            }
            typed = true;
        }
        typed |=
            is_keyword_at(p, 1, LEAT_KEYWORD_WITH) || is_keyword_at(p, 1, LEAT_KEYWORD_WITHOUT);
    }
    if (typed)
        return parse_typed(p);
    expr = new_expr(p, LEAT_SQL_COLUMN, start);
    if (!expr)
        return NULL;
    do {
        struct leat_sql_name *name;
        if (parts.count && is_operator(p, "*")) {
            advance(p);
            expr->path = (struct leat_sql_path){parts.count, parts.items, offset_of(p, start),
                                                length_since(p, start)};
            return parse_star_suffix(p, expr, start);
        }
        bool call = is_symbol_at(p, 1, "(") && parts.count == 0;
        name = list_add(p, &parts, sizeof(*name));
        if (!name || !parse_name(p,
                                 parts.count > 1 ? NAME_LABEL
                                 : call          ? NAME_FUNCTION
                                                 : NAME_COLUMN,
                                 "an expression", name))
            return NULL;
        if (parts.count > 8) {
            fail_here(p);
            return NULL;
        }
    } while (accept_symbol(p, "."));
    expr->path = (struct leat_sql_path){parts.count, parts.items, offset_of(p, start),
                                        length_since(p, start)};
    if (is_symbol(p, "("))
        return parse_call(p, &expr->path, start);
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_simple_keyword(struct parser *p, enum leat_sql_expr_kind kind,
                                                  bool flag)
{
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, kind, start);

    if (!expr)
        return NULL;
    expr->flag = flag;
    advance(p);
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_row(struct parser *p)
{
    struct leat_sql_exprs list = {0};
    size_t start = p->position;

    advance(p);
    advance(p);
    if (!is_symbol(p, ")") && !parse_expr_list(p, &list))
        return NULL;
    if (!expect_symbol(p, ")"))
        return NULL;
    return make(p, LEAT_SQL_ROW, start, NULL, list.count, list.items);
}

static struct leat_sql_expr *parse_array_keyword(struct parser *p)
{
    size_t start = p->position;

    if (is_symbol_at(p, 1, "(") && is_query_start(p, 2))
        return parse_keyword_query(p, LEAT_SQL_ARRAY_QUERY);
    advance(p);
    if (is_symbol(p, "(")) {
        fail_at(p, LEAT_E_TRAP, offset_of(p, start), 5, "write ARRAY[1, 2]",
                "array(...) is not a function");
        return NULL;
    }
    return parse_array(p, start);
}

static struct leat_sql_expr *parse_word(struct parser *p)
{
    struct leat_sql_expr *expr;
    size_t start = p->position;

    switch ((enum leat_keyword)peek(p)->keyword) {
    case LEAT_KEYWORD_NULL:
        return parse_simple_keyword(p, LEAT_SQL_NULL, false);
    case LEAT_KEYWORD_TRUE:
    case LEAT_KEYWORD_FALSE:
        return parse_simple_keyword(p, LEAT_SQL_BOOLEAN, is_keyword(p, LEAT_KEYWORD_TRUE));
    case LEAT_KEYWORD_DEFAULT:
        return parse_simple_keyword(p, LEAT_SQL_DEFAULT, false);
    case LEAT_KEYWORD_CASE:
        return parse_case(p);
    case LEAT_KEYWORD_TRY_CAST:
        if (!is_symbol_at(p, 1, "("))
            break;
        return parse_cast(p);
    case LEAT_KEYWORD_CAST:
        return parse_cast(p);
    case LEAT_KEYWORD_ARRAY:
        return parse_array_keyword(p);
    case LEAT_KEYWORD_EXISTS:
        if (is_symbol_at(p, 1, "("))
            return parse_keyword_query(p, LEAT_SQL_EXISTS);
        break;
    case LEAT_KEYWORD_ROW:
        if (is_symbol_at(p, 1, "("))
            return parse_row(p);
        break;
    case LEAT_KEYWORD_INTERVAL:
        expr = parse_interval(p);
        if (expr || p->failed)
            return expr;
        break;
    case LEAT_KEYWORD_CURRENT_DATE:
    case LEAT_KEYWORD_CURRENT_TIME:
    case LEAT_KEYWORD_CURRENT_TIMESTAMP:
    case LEAT_KEYWORD_LOCALTIME:
    case LEAT_KEYWORD_LOCALTIMESTAMP:
    case LEAT_KEYWORD_CURRENT_USER:
    case LEAT_KEYWORD_USER:
        expr = make_call(p, leat_keyword_text((enum leat_keyword)peek(p)->keyword), start, 0, NULL);
        advance(p);
        return expr ? close_expr(p, expr, start) : NULL;
    default:
        break;
    }
    expr = parse_special_call(p);
    if (expr || p->failed)
        return expr;
    return parse_name_expr(p);
}

struct leat_sql_expr *parse_primary(struct parser *p)
{
    size_t start = p->position;

    switch ((enum leat_token_kind)peek(p)->kind) {
    case LEAT_TOKEN_INTEGER:
    case LEAT_TOKEN_DECIMAL:
        return parse_number(p);
    case LEAT_TOKEN_STRING:
    case LEAT_TOKEN_STRING_E:
    case LEAT_TOKEN_STRING_U:
    case LEAT_TOKEN_DOLLAR:
        return parse_string_literal(p);
    case LEAT_TOKEN_PARAMETER:
        return parse_parameter(p);
    case LEAT_TOKEN_WORD:
        return parse_word(p);
    case LEAT_TOKEN_NAME:
    case LEAT_TOKEN_NAME_U:
        return parse_name_expr(p);
    case LEAT_TOKEN_OPERATOR:
        if (is_operator(p, "*")) {
            struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_STAR, start);
            advance(p);
            return expr ? parse_star_suffix(p, expr, start) : NULL;
        }
        break;
    case LEAT_TOKEN_SYMBOL:
        if (is_symbol(p, "("))
            return parse_parentheses(p);
        if (is_symbol(p, "["))
            return parse_array(p, start);
        if (is_symbol(p, "{"))
            return parse_map(p);
        break;
    case LEAT_TOKEN_END:
    case LEAT_TOKEN_ERROR:
        break;
    }
    want(p, "an expression");
    fail_here(p);
    return NULL;
}

/* --- postfix: ::type, [i], .field --- */
static struct leat_sql_expr *parse_subscript(struct parser *p, struct leat_sql_expr *left,
                                             size_t start)
{
    struct leat_sql_expr *args[3] = {left, NULL, NULL};
    bool slice = false;

    advance(p);
    if (!is_symbol(p, ":") && !(args[1] = parse_expr(p)))
        return NULL;
    if (accept_symbol(p, ":")) {
        slice = true;
        if (!is_symbol(p, "]") && !(args[2] = parse_expr(p)))
            return NULL;
    }
    if (!expect_symbol(p, "]"))
        return NULL;
    return make(p, slice ? LEAT_SQL_SLICE : LEAT_SQL_SUBSCRIPT, start, NULL, slice ? 3 : 2, args);
}

static struct leat_sql_expr *parse_postfix(struct parser *p)
{
    size_t start = p->position;
    bool parenthesised = is_symbol(p, "(");
    struct leat_sql_expr *expr = parse_primary(p), *outer;

    while (expr && !p->failed) {
        if (is_symbol(p, "::")) {
            advance(p);
            outer = new_expr(p, LEAT_SQL_CAST, start);
            if (!outer || !parse_type(p, &outer->type) || !set_args(p, outer, 1, &expr))
                return NULL;
            expr = close_expr(p, outer, start);
        } else if (is_symbol(p, "[")) {
            expr = parse_subscript(p, expr, start);
        } else if (is_symbol(p, ".") &&
                   (parenthesised || expr->kind == LEAT_SQL_SUBSCRIPT ||
                    expr->kind == LEAT_SQL_CALL || expr->kind == LEAT_SQL_FIELD)) {
            struct leat_sql_name name;
            advance(p);
            outer = new_expr(p, LEAT_SQL_FIELD, start);
            if (!outer || !parse_name(p, NAME_LABEL, "a field's name", &name) ||
                !set_args(p, outer, 1, &expr))
                return NULL;
            outer->name = name.text;
            expr = close_expr(p, outer, start);
        } else {
            break;
        }
    }
    return p->failed ? NULL : expr;
}

static struct leat_sql_expr *parse_unary(struct parser *p)
{
    size_t start = p->position;
    static const char *const names[] = {"-", "+", "~", "@", "|/", "||/", NULL};

    if (peek(p)->kind == LEAT_TOKEN_OPERATOR)
        for (int i = 0; names[i]; i++) {
            struct leat_sql_expr *operand;
            if (!is_operator(p, names[i]))
                continue;
            if (!enter(p))
                return NULL;
            advance(p);
            operand = i < 2 ? parse_level(p, LEVEL_UNARY) : parse_level(p, LEVEL_ADD);
            leave(p);
            return operand ? make(p, LEAT_SQL_OPERATOR, start, names[i], 1, &operand) : NULL;
        }
    return parse_postfix(p);
}

/* --- binary and postfix operators --- */
static int operator_level(const struct parser *p)
{
    static const char *const compare[] = {"<", ">", "=", "<=", ">=", "<>", "!=", NULL};
    const char *s = p->text + peek(p)->offset;

    for (int i = 0; compare[i]; i++)
        if (is_operator(p, compare[i]))
            return LEVEL_COMPARE;
    if (peek(p)->length == 1) {
        if (*s == '+' || *s == '-')
            return LEVEL_ADD;
        if (*s == '*' || *s == '/' || *s == '%')
            return LEVEL_MULTIPLY;
        if (*s == '^')
            return LEVEL_POWER;
    }
    return LEVEL_OTHER;
}

/* Operators of other languages. False if it is one. */
static bool check_operator(struct parser *p)
{
    const struct leat_token *next = peek_at(p, 1);

    if (is_operator(p, "=="))
        return fail_token(p, LEAT_E_TRAP, "write =", "equality is written =, not ==");
    if (is_operator(p, "<=>"))
        return fail_token(p, LEAT_E_TRAP, "write a IS NOT DISTINCT FROM b",
                          "the null-safe comparison <=> is not PostgreSQL's");
    if (is_operator(p, "=") && next->kind == LEAT_TOKEN_OPERATOR && next->length == 1 &&
        p->text[next->offset] == '=')
        return fail_token(p, LEAT_E_TRAP, "write =", "equality is written =, not = =");
    return true;
}

/* name ANY|ALL (...), behind the operator. */
static struct leat_sql_expr *parse_quantified(struct parser *p, struct leat_sql_expr *left,
                                              const char *name, bool negated, size_t start)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_QUANTIFIED, start), *args[2] = {left, NULL};

    if (!expr)
        return NULL;
    expr->flag = is_keyword(p, LEAT_KEYWORD_ALL);
    expr->negated = negated;
    expr->name = leat_text_of(name);
    advance(p);
    if (!expect_symbol(p, "("))
        return NULL;
    if (is_query_start(p, 0)) {
        expr->query = parse_query(p);
    } else {
        args[1] = parse_expr(p);
        if (args[1] && args[1]->kind == LEAT_SQL_SUBQUERY) {
            expr->query = is_set_operation(p) ? parse_query_after(p, args[1]->query, p->position)
                                              : args[1]->query;
            args[1] = NULL;
        }
    }
    if (p->failed || !expect_symbol(p, ")") || !set_args(p, expr, args[1] ? 2 : 1, args))
        return NULL;
    return close_expr(p, expr, start);
}

static bool is_quantifier(const struct parser *p)
{
    return (is_keyword(p, LEAT_KEYWORD_ANY) || is_keyword(p, LEAT_KEYWORD_SOME) ||
            is_keyword(p, LEAT_KEYWORD_ALL)) &&
           is_symbol_at(p, 1, "(");
}

static struct leat_sql_expr *parse_operator(struct parser *p, struct leat_sql_expr *left, int level,
                                            size_t start)
{
    const struct leat_token *token = peek(p);
    struct leat_sql_expr *args[2] = {left, NULL};
    char *name;

    if (!check_operator(p))
        return NULL;
    name = parser_alloc(p, token->length + 1u);
    if (!name)
        return NULL;
    memcpy(name, p->text + token->offset, token->length);
    if (strcmp(name, "!=") == 0)
        memcpy(name, "<>", 2);
    advance(p);
    if (is_quantifier(p))
        return parse_quantified(p, left, name, false, start);
    args[1] = parse_level(p, level + 1);
    return args[1] ? make(p, LEAT_SQL_OPERATOR, start, name, 2, args) : NULL;
}

static struct leat_sql_expr *parse_is(struct parser *p, struct leat_sql_expr *left, size_t start)
{
    static const uint16_t tests[] = {LEAT_KEYWORD_NULL, LEAT_KEYWORD_TRUE, LEAT_KEYWORD_FALSE,
                                     LEAT_KEYWORD_UNKNOWN};
    struct leat_sql_expr *expr, *args[2] = {left, NULL};
    bool negated;

    advance(p);
    negated = accept_keyword(p, LEAT_KEYWORD_NOT);
    if (accept_keyword(p, LEAT_KEYWORD_DISTINCT)) {
        if (!expect_keyword(p, LEAT_KEYWORD_FROM) || !(args[1] = parse_level(p, LEVEL_COMPARE)))
            return NULL;
        expr = make(p, LEAT_SQL_DISTINCT, start, NULL, 2, args);
        if (expr)
            expr->negated = negated;
        return expr;
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        if (accept_keyword(p, (enum leat_keyword)tests[i])) {
            expr = make(p, LEAT_SQL_IS, start, leat_keyword_text((enum leat_keyword)tests[i]), 1,
                        &left);
            if (expr)
                expr->negated = negated;
            return expr;
        }
    fail_here(p);
    return NULL;
}

static struct leat_sql_expr *parse_in(struct parser *p, struct leat_sql_expr *left, bool negated,
                                      size_t start)
{
    struct leat_sql_exprs list;
    struct leat_sql_expr *expr, **args;
    struct leat_sql_query *query = NULL;
    size_t open;

    if (!expect_symbol(p, "("))
        return NULL;
    open = p->position;
    if (is_query_start(p, 0)) {
        query = parse_query(p);
    } else {
        if (!parse_expr_list(p, &list))
            return NULL;
        if (list.count == 1 && list.items[0]->kind == LEAT_SQL_SUBQUERY) {
            query = list.items[0]->query;
            if (is_set_operation(p))
                query = parse_query_after(p, query, open);
        }
    }
    if (p->failed || !expect_symbol(p, ")"))
        return NULL;
    if (query) {
        expr = new_expr(p, LEAT_SQL_IN_QUERY, start);
        if (!expr || !set_args(p, expr, 1, &left))
            return NULL;
        expr->query = query;
    } else {
        args = parser_alloc(p, (list.count + 1u) * sizeof(*args));
        expr = args ? new_expr(p, LEAT_SQL_IN, start) : NULL;
        if (!expr)
            return NULL;
        args[0] = left;
        memcpy(args + 1, list.items, list.count * sizeof(*args));
        expr->args = args;
        expr->arg_count = list.count + 1;
    }
    expr->negated = negated;
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *parse_between(struct parser *p, struct leat_sql_expr *left,
                                           bool negated, size_t start)
{
    struct leat_sql_expr *args[3] = {left, NULL, NULL}, *expr;
    bool symmetric = accept_keyword(p, LEAT_KEYWORD_SYMMETRIC);

    if (!symmetric && is_keyword(p, LEAT_KEYWORD_ASYMMETRIC))
        advance(p);
    if (!(args[1] = parse_level(p, LEVEL_OTHER)) || !expect_keyword(p, LEAT_KEYWORD_AND) ||
        !(args[2] = parse_level(p, LEVEL_OTHER)))
        return NULL;
    expr = make(p, LEAT_SQL_BETWEEN, start, NULL, 3, args);
    if (expr) {
        expr->negated = negated;
        expr->flag = symmetric;
    }
    return expr;
}

static struct leat_sql_expr *parse_like(struct parser *p, struct leat_sql_expr *left,
                                        const char *name, bool negated, size_t start)
{
    struct leat_sql_expr *args[3] = {left, NULL, NULL}, *expr;
    uint32_t count = 2;

    if (is_quantifier(p))
        return parse_quantified(p, left, name, negated, start);
    if (!(args[1] = parse_level(p, LEVEL_OTHER)))
        return NULL;
    if (accept_keyword(p, LEAT_KEYWORD_ESCAPE)) {
        if (!(args[2] = parse_level(p, LEVEL_OTHER)))
            return NULL;
        count = 3;
    }
    expr = make(p, LEAT_SQL_LIKE, start, name, count, args);
    if (expr)
        expr->negated = negated;
    return expr;
}

/* BETWEEN, IN, LIKE, ILIKE, SIMILAR TO, perhaps behind NOT. */
static struct leat_sql_expr *parse_predicate(struct parser *p, struct leat_sql_expr *left,
                                             size_t start)
{
    bool negated = accept_keyword(p, LEAT_KEYWORD_NOT);

    if (accept_keyword(p, LEAT_KEYWORD_BETWEEN))
        return parse_between(p, left, negated, start);
    if (accept_keyword(p, LEAT_KEYWORD_IN))
        return parse_in(p, left, negated, start);
    if (accept_keyword(p, LEAT_KEYWORD_LIKE))
        return parse_like(p, left, "like", negated, start);
    if (accept_keyword(p, LEAT_KEYWORD_ILIKE))
        return parse_like(p, left, "ilike", negated, start);
    if (accept_keyword(p, LEAT_KEYWORD_SIMILAR)) {
        if (!expect_keyword(p, LEAT_KEYWORD_TO))
            return NULL;
        return parse_like(p, left, "similar to", negated, start);
    }
    if (is_keyword(p, LEAT_KEYWORD_RLIKE))
        fail_token(p, LEAT_E_TRAP, negated ? "write x !~ 'pattern'" : "write x ~ 'pattern'",
                   "RLIKE is not PostgreSQL's");
    else
        fail_here(p);
    return NULL;
}

static struct leat_sql_expr *parse_at_time_zone(struct parser *p, struct leat_sql_expr *left,
                                                size_t start)
{
    struct leat_sql_expr *args[2] = {NULL, left};

    advance(p);
    advance(p);
    if (!expect_keyword(p, LEAT_KEYWORD_ZONE) || !(args[0] = parse_level(p, LEVEL_COLLATE)))
        return NULL;
    return make_call(p, "timezone", start, 2, args);
}

static struct leat_sql_expr *parse_collate(struct parser *p, struct leat_sql_expr *left,
                                           size_t start)
{
    struct leat_sql_path name;
    struct leat_sql_expr *expr;

    advance(p);
    if (!parse_path(p, "a collation", &name))
        return NULL;
    expr = make(p, LEAT_SQL_COLLATE, start, name.parts[name.count - 1].text.data, 1, &left);
    return expr;
}

/* AND, OR: all operands of one run. */
static struct leat_sql_expr *parse_run(struct parser *p, struct leat_sql_expr *left,
                                       enum leat_keyword keyword, int level, size_t start)
{
    struct list args = {0};
    struct leat_sql_expr **slot = list_add(p, &args, sizeof(struct leat_sql_expr *));

    if (!slot)
        return NULL;
    *slot = left;
    while (is_keyword(p, keyword)) {
        struct leat_sql_expr *operand;
        advance(p);
        operand = parse_level(p, level + 1);
        slot = operand ? list_add(p, &args, sizeof(struct leat_sql_expr *)) : NULL;
        if (!slot)
            return NULL;
        *slot = operand;
    }
    return make(p, keyword == LEAT_KEYWORD_AND ? LEAT_SQL_AND : LEAT_SQL_OR, start, NULL,
                args.count, args.items);
}

/* True if the current keyword starts BETWEEN, IN, LIKE or the like. */
static bool is_predicate(const struct parser *p)
{
    size_t i = is_keyword(p, LEAT_KEYWORD_NOT) ? 1 : 0;
    return is_keyword_at(p, i, LEAT_KEYWORD_BETWEEN) || is_keyword_at(p, i, LEAT_KEYWORD_IN) ||
           is_keyword_at(p, i, LEAT_KEYWORD_LIKE) || is_keyword_at(p, i, LEAT_KEYWORD_ILIKE) ||
           is_keyword_at(p, i, LEAT_KEYWORD_SIMILAR) || is_keyword_at(p, i, LEAT_KEYWORD_RLIKE);
}

/* One more operator behind `left` if it binds at least as strongly as `level`; else *more is
 * false. */
static struct leat_sql_expr *parse_one(struct parser *p, struct leat_sql_expr *left, int level,
                                       size_t start, bool *more)
{
    *more = true;
    if (peek(p)->kind == LEAT_TOKEN_OPERATOR) {
        int found = operator_level(p);
        if (found >= level)
            return parse_operator(p, left, found, start);
    } else if (peek(p)->kind == LEAT_TOKEN_WORD) {
        if (level <= LEVEL_OR && is_keyword(p, LEAT_KEYWORD_OR))
            return parse_run(p, left, LEAT_KEYWORD_OR, LEVEL_OR, start);
        if (level <= LEVEL_AND && is_keyword(p, LEAT_KEYWORD_AND))
            return parse_run(p, left, LEAT_KEYWORD_AND, LEVEL_AND, start);
        if (level <= LEVEL_IS && is_keyword(p, LEAT_KEYWORD_IS))
            return parse_is(p, left, start);
        if (level <= LEVEL_IS &&
            (is_keyword(p, LEAT_KEYWORD_ISNULL) || is_keyword(p, LEAT_KEYWORD_NOTNULL))) {
            bool negated = is_keyword(p, LEAT_KEYWORD_NOTNULL);
            advance(p);
            left = make(p, LEAT_SQL_IS, start, "null", 1, &left);
            if (left)
                left->negated = negated;
            return left;
        }
        if (level <= LEVEL_LIKE && is_predicate(p))
            return parse_predicate(p, left, start);
        if (level <= LEVEL_ZONE && is_keyword(p, LEAT_KEYWORD_AT) &&
            peek_at(p, 1)->keyword == LEAT_KEYWORD_TIME)
            return parse_at_time_zone(p, left, start);
        if (level <= LEVEL_COLLATE && is_keyword(p, LEAT_KEYWORD_COLLATE))
            return parse_collate(p, left, start);
        if (level <= LEVEL_COMPARE && is_keyword(p, LEAT_KEYWORD_OVERLAPS)) {
            fail_token(p, LEAT_E_SQL_UNSUPPORTED, "write a1 < b2 AND b1 < a2",
                       "OVERLAPS is not supported");
            return NULL;
        }
    }
    *more = false;
    return left;
}

static struct leat_sql_expr *parse_level(struct parser *p, int level)
{
    size_t start = p->position;
    struct leat_sql_expr *left;
    bool more = true;

    if (level <= LEVEL_NOT && is_keyword(p, LEAT_KEYWORD_NOT)) {
        struct leat_sql_expr *operand;
        if (!enter(p))
            return NULL;
        advance(p);
        operand = parse_level(p, LEVEL_NOT);
        leave(p);
        left = operand ? make(p, LEAT_SQL_NOT, start, NULL, 1, &operand) : NULL;
    } else {
        left = parse_unary(p);
    }
    while (left && more && !p->failed)
        left = parse_one(p, left, level, start, &more);
    if (left && !p->failed)
        want(p, "an operator");
    return p->failed ? NULL : left;
}
