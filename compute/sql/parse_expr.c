/*
 * Expressions, by precedence climbing with PostgreSQL's levels. AND and OR become one node with all
 * their operands, so that long conditions do not nest.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

struct leat_sql_expr *new_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start)
{
    struct leat_sql_expr *expr = parser_alloc(p, sizeof(*expr));
    if (expr) {
        expr->kind = kind;
        expr->origin = p->origin;
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

struct leat_sql_expr *make_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start,
                                const char *name, uint32_t count, struct leat_sql_expr *const *args)
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
    expr = close_expr(p, expr, start);
    if (p->spark && expr && strpbrk(digits, "eE")) /* with an exponent it is a double */
        return make_cast(p, "double", start, expr);
    return expr;
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
    if (expr->number > p->parameters)
        p->parameters = expr->number;
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

bool is_set_operation(const struct parser *p)
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
    expr = make_expr(p, LEAT_SQL_ROW, start, NULL, list.count, list.items);
    if (expr && !p->spark && is_operator(p, "->")) {
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
    return make_expr(p, LEAT_SQL_ARRAY, start, NULL, list.count, list.items);
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
    return make_expr(p, LEAT_SQL_MAP, start, NULL, args.count, args.items);
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

    if (p->spark)
        return spark_interval(p);
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

    if (p->spark)
        return false;
    while (peek_at(p, i)->kind == LEAT_TOKEN_INTEGER || is_symbol_at(p, i, ","))
        i++;
    if (!is_symbol_at(p, i, ")"))
        return false;
    return is_string_at(p, i + 1) || is_keyword_at(p, i + 1, LEAT_KEYWORD_WITH) ||
           is_keyword_at(p, i + 1, LEAT_KEYWORD_WITHOUT);
}

/* Spark has literals of these types only; before others a string is a name's or an error. */
static bool is_spark_typed(const struct parser *p)
{
    return is_word(p, "date") || is_keyword(p, LEAT_KEYWORD_TIMESTAMP) ||
           is_word(p, "timestamp_ntz") || is_word(p, "timestamp_ltz");
}

static struct leat_sql_expr *parse_name_expr(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr;
    struct list parts = {0};
    bool typed = peek(p)->kind == LEAT_TOKEN_WORD && is_string_at(p, 1);

    if (is_keyword(p, LEAT_KEYWORD_DOUBLE) && is_keyword_at(p, 1, LEAT_KEYWORD_PRECISION))
        typed = is_string_at(p, 2);
    if (p->spark && typed && !is_spark_typed(p))
        typed = false;
    if (is_type_keyword(p) && !(p->spark && is_symbol_at(p, 1, "("))) {
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
        typed |= !p->spark && (is_keyword_at(p, 1, LEAT_KEYWORD_WITH) ||
                               is_keyword_at(p, 1, LEAT_KEYWORD_WITHOUT));
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
                                 parts.count > 1 || (call && p->spark) ? NAME_LABEL
                                 : call                                ? NAME_FUNCTION
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
    if (is_symbol(p, "(")) {
        for (uint32_t i = 0; i < expr->path.count; i++)
            if (!fold_name(p, &expr->path.parts[i]))
                return NULL;
        expr = parse_call(p, &expr->path, start);
        return expr && p->spark ? spark_call(p, expr, start) : expr;
    }
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
    return make_expr(p, LEAT_SQL_ROW, start, NULL, list.count, list.items);
}

static struct leat_sql_expr *parse_array_keyword(struct parser *p)
{
    size_t start = p->position;

    if (is_symbol_at(p, 1, "(") && is_query_start(p, 2))
        return parse_keyword_query(p, LEAT_SQL_ARRAY_QUERY);
    if (p->spark)
        return parse_name_expr(p);
    advance(p);
    if (is_symbol(p, "(")) {
        fail_at(p, LEAT_E_TRAP, offset_of(p, start), 5, "write ARRAY[1, 2]",
                "array(...) is not a function");
        return NULL;
    }
    return parse_array(p, start);
}

/* What the session knows, by reserved words of PostgreSQL. NULL and not failed: another word. */
static struct leat_sql_expr *parse_session_word(struct parser *p)
{
    static const char *const words[] = {"session_user", "current_role", "current_catalog",
                                        "current_schema"};
    size_t start = p->position;

    for (size_t i = 0; !p->spark && i < sizeof(words) / sizeof(words[0]); i++)
        if (is_word(p, words[i]) && !is_symbol_at(p, 1, "(") && !is_symbol_at(p, 1, ".")) {
            advance(p);
            return postgres_form(p, words[i], start, 0, NULL);
        }
    return NULL;
}

static struct leat_sql_expr *parse_word(struct parser *p)
{
    uint16_t word = peek(p)->keyword;
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
        if (is_symbol_at(p, 1, "(") && (!p->spark || is_query_start(p, 2)))
            return parse_keyword_query(p, LEAT_SQL_EXISTS);
        break;
    case LEAT_KEYWORD_ROW:
        if (!p->spark && is_symbol_at(p, 1, "("))
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
        if (p->spark && is_keyword(p, LEAT_KEYWORD_USER) && !is_symbol_at(p, 1, "("))
            break;
        advance(p);
        expr = p->spark
                   ? NULL
                   : postgres_form(p, leat_keyword_text((enum leat_keyword)word), start, 0, NULL);
        if (expr || p->failed)
            return expr;
        expr = make_call(p, leat_keyword_text((enum leat_keyword)word), start, 0, NULL);
        if (p->spark && is_symbol(p, "(") && is_symbol_at(p, 1, ")")) {
            advance(p);
            advance(p);
        }
        return expr ? close_expr(p, expr, start) : NULL;
    default:
        break;
    }
    expr = parse_session_word(p);
    if (expr || p->failed)
        return expr;
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
    case LEAT_TOKEN_SUFFIXED:
        return spark_number(p);
    case LEAT_TOKEN_BYTES:
        return spark_bytes(p);
    case LEAT_TOKEN_STRING_S:
    case LEAT_TOKEN_STRING_RAW:
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
    case LEAT_TOKEN_BACKTICK:
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
        if (is_symbol(p, "[") && !p->spark)
            return parse_array(p, start);
        if (is_symbol(p, "{") && !p->spark)
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
