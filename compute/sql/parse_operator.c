/* Operators of expressions by precedence climbing: prefix, infix and postfix ones, IS, IN, BETWEEN,
 * LIKE, quantifiers, and what may follow a value (casts, subscripts, fields). */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

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
    return make_expr(p, slice ? LEAT_SQL_SLICE : LEAT_SQL_SUBSCRIPT, start, NULL, slice ? 3 : 2,
                     args);
}

static struct leat_sql_expr *parse_postfix(struct parser *p)
{
    size_t start = p->position;
    bool parenthesised = is_symbol(p, "(");
    struct leat_sql_expr *expr = parse_primary(p), *outer, *inner;

    while (expr && !p->failed) {
        if (is_symbol(p, "::")) {
            advance(p);
            outer = new_expr(p, LEAT_SQL_CAST, start);
            if (!outer || !parse_type(p, &outer->type) || !set_args(p, outer, 1, &expr))
                return NULL;
            inner = p->spark ? NULL : postgres_name_cast(p, &outer->type, expr, start);
            expr = inner || p->failed ? inner : close_expr(p, outer, start);
        } else if (is_symbol(p, "[")) {
            expr = parse_subscript(p, expr, start);
        } else if (is_symbol(p, ".") &&
                   (parenthesised || p->spark || expr->kind == LEAT_SQL_SUBSCRIPT ||
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
            if (i == 1) /* +x is x */
                return operand;
            return operand ? make_expr(p, LEAT_SQL_OPERATOR, start, names[i], 1, &operand) : NULL;
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
    if (p->spark) {
        if (is_operator(p, "==") || is_operator(p, "<=>"))
            return LEVEL_COMPARE;
        if (is_operator(p, "||"))
            return LEVEL_ADD;
        if (peek(p)->length == 1 && strchr("&^|", *s))
            return *s == '&' ? LEVEL_BIT_AND : *s == '^' ? LEVEL_BIT_XOR : LEVEL_BIT_OR;
    }
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

/* Operators that stand in no expression of Spark's. */
static bool check_spark_operator(struct parser *p)
{
    if (is_operator(p, ">>>"))
        return fail_token(p, LEAT_E_DIALECT, "write (x >> n) & mask",
                          "the unsigned shift >>> is not carried over");
    if (is_operator(p, "|>"))
        return fail_token(p, LEAT_E_DIALECT, "nest the query: SELECT ... FROM (SELECT ...)",
                          "the pipe |> is not carried over");
    if (is_operator(p, "->"))
        return fail_token(p, LEAT_E_DIALECT, NULL,
                          "a lambda stands only as an argument of transform, filter and the like");
    if (is_operator(p, "!"))
        return fail_here(p);
    return true;
}

/* Operators of other languages. False if it is one. */
static bool check_operator(struct parser *p)
{
    const struct leat_token *next = peek_at(p, 1);

    if (p->spark)
        return check_spark_operator(p);
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
    if (p->spark && strcmp(name, "==") == 0)
        name[1] = 0;
    if (p->spark && strcmp(name, "^") == 0)
        name[0] = '#';
    advance(p);
    if (is_quantifier(p))
        return parse_quantified(p, left, name, false, start);
    args[1] = parse_level(p, level + 1);
    if (p->spark && args[1] && strcmp(name, "<=>") == 0) {
        struct leat_sql_expr *same = make_expr(p, LEAT_SQL_DISTINCT, start, NULL, 2, args);
        if (same)
            same->negated = true;
        return same;
    }
    return args[1] ? make_expr(p, LEAT_SQL_OPERATOR, start, name, 2, args) : NULL;
}

/* OPERATOR(pg_catalog.~): the operator, with the precedence of all that have no other. */
static bool is_named_operator(const struct parser *p)
{
    return !p->spark && is_word(p, "operator") && is_symbol_at(p, 1, "(");
}

static struct leat_sql_expr *parse_named_operator(struct parser *p, struct leat_sql_expr *left,
                                                  size_t start)
{
    struct leat_sql_expr *args[2] = {left, NULL};
    char *name;

    advance(p);
    advance(p);
    if (is_word(p, "pg_catalog") && is_symbol_at(p, 1, ".")) {
        advance(p);
        advance(p);
    }
    if (peek(p)->kind != LEAT_TOKEN_OPERATOR) {
        want(p, "an operator");
        fail_here(p);
        return NULL;
    }
    name = parser_alloc(p, peek(p)->length + 1u);
    if (!name)
        return NULL;
    memcpy(name, p->text + peek(p)->offset, peek(p)->length);
    if (strcmp(name, "!=") == 0)
        memcpy(name, "<>", 2);
    advance(p);
    if (!expect_symbol(p, ")"))
        return NULL;
    if (is_quantifier(p))
        return parse_quantified(p, left, name, false, start);
    args[1] = parse_level(p, LEVEL_OTHER + 1);
    return args[1] ? make_expr(p, LEAT_SQL_OPERATOR, start, name, 2, args) : NULL;
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
        expr = make_expr(p, LEAT_SQL_DISTINCT, start, NULL, 2, args);
        if (expr)
            expr->negated = negated;
        return expr;
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        if (accept_keyword(p, (enum leat_keyword)tests[i])) {
            expr = make_expr(p, LEAT_SQL_IS, start, leat_keyword_text((enum leat_keyword)tests[i]),
                             1, &left);
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
    if (!(args[1] = parse_level(p, LEVEL_BIT_OR)) || !expect_keyword(p, LEAT_KEYWORD_AND) ||
        !(args[2] = parse_level(p, LEVEL_BIT_OR)))
        return NULL;
    expr = make_expr(p, LEAT_SQL_BETWEEN, start, NULL, 3, args);
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

    if (p->spark && is_quantifier(p))
        return spark_like_list(p, left, name, negated, start);
    if (is_quantifier(p))
        return parse_quantified(p, left, name, negated, start);
    if (!(args[1] = parse_level(p, LEVEL_BIT_OR)))
        return NULL;
    if (accept_keyword(p, LEAT_KEYWORD_ESCAPE)) {
        if (!(args[2] = parse_level(p, LEVEL_BIT_OR)))
            return NULL;
        count = 3;
    }
    expr = make_expr(p, LEAT_SQL_LIKE, start, name, count, args);
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
    if (p->spark && (is_keyword(p, LEAT_KEYWORD_RLIKE) || is_word(p, "regexp"))) {
        struct leat_sql_expr *args[2] = {left, NULL}, *expr;
        advance(p);
        if (!(args[1] = parse_level(p, LEVEL_BIT_OR)))
            return NULL;
        expr = make_expr(p, LEAT_SQL_OPERATOR, start, "~", 2, args);
        return negated && expr ? make_expr(p, LEAT_SQL_NOT, start, NULL, 1, &expr) : expr;
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
    expr = make_expr(p, LEAT_SQL_COLLATE, start, name.parts[name.count - 1].text.data, 1, &left);
    return expr;
}

/* (start, end) OVERLAPS (start, end) */
static struct leat_sql_expr *parse_overlaps(struct parser *p, struct leat_sql_expr *left,
                                            size_t start)
{
    struct leat_sql_expr *args[4], *right;

    advance(p);
    right = parse_level(p, LEVEL_LIKE + 1);
    if (!right)
        return NULL;
    if (left->kind != LEAT_SQL_ROW || left->arg_count != 2 || right->kind != LEAT_SQL_ROW ||
        right->arg_count != 2) {
        fail_here(p);
        return NULL;
    }
    for (uint32_t i = 0; i < 4; i++)
        args[i] = (i < 2 ? left : right)->args[i % 2];
    return make_call(p, "overlaps", start, 4, args);
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
    return make_expr(p, keyword == LEAT_KEYWORD_AND ? LEAT_SQL_AND : LEAT_SQL_OR, start, NULL,
                     args.count, args.items);
}

/* True if the current keyword starts BETWEEN, IN, LIKE or the like. */
static bool is_predicate(const struct parser *p)
{
    size_t i = is_keyword(p, LEAT_KEYWORD_NOT) ? 1 : 0;
    const struct leat_token *word = peek_at(p, i);

    if (p->spark && word->kind == LEAT_TOKEN_WORD &&
        leat_text_equal_nocase((struct leat_text){p->text + word->offset, word->length},
                               leat_text_of("regexp")))
        return true;
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
        if (level <= LEVEL_OTHER && is_named_operator(p))
            return parse_named_operator(p, left, start);
        if (level <= LEVEL_OR && is_keyword(p, LEAT_KEYWORD_OR))
            return parse_run(p, left, LEAT_KEYWORD_OR, LEVEL_OR, start);
        if (level <= LEVEL_AND && is_keyword(p, LEAT_KEYWORD_AND))
            return parse_run(p, left, LEAT_KEYWORD_AND, LEVEL_AND, start);
        if (p->spark && level <= LEVEL_MULTIPLY && is_word(p, "div")) {
            struct leat_sql_expr *args[2] = {left, NULL};
            advance(p);
            args[1] = parse_level(p, LEVEL_MULTIPLY + 1);
            return args[1] ? spark_form(p, "div", start, 2, args) : NULL;
        }
        if (level <= LEVEL_IS && is_keyword(p, LEAT_KEYWORD_IS))
            return parse_is(p, left, start);
        if (level <= LEVEL_IS && !p->spark &&
            (is_keyword(p, LEAT_KEYWORD_ISNULL) || is_keyword(p, LEAT_KEYWORD_NOTNULL))) {
            bool negated = is_keyword(p, LEAT_KEYWORD_NOTNULL);
            advance(p);
            left = make_expr(p, LEAT_SQL_IS, start, "null", 1, &left);
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
        if (level <= LEVEL_LIKE && is_keyword(p, LEAT_KEYWORD_OVERLAPS))
            return parse_overlaps(p, left, start);
    }
    *more = false;
    return left;
}

struct leat_sql_expr *parse_level(struct parser *p, int level)
{
    size_t start = p->position;
    struct leat_sql_expr *left;
    bool more = true;

    if (level <= LEVEL_NOT &&
        (is_keyword(p, LEAT_KEYWORD_NOT) || (p->spark && is_operator(p, "!")))) {
        struct leat_sql_expr *operand;
        if (!enter(p))
            return NULL;
        advance(p);
        operand = parse_level(p, LEVEL_NOT);
        leave(p);
        left = operand ? make_expr(p, LEAT_SQL_NOT, start, NULL, 1, &operand) : NULL;
    } else {
        left = parse_unary(p);
    }
    while (left && more && !p->failed)
        left = parse_one(p, left, level, start, &more);
    if (left && !p->failed)
        want(p, "an operator");
    return p->failed ? NULL : left;
}
