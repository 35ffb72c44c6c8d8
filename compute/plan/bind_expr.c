/*
 * Expressions: from syntax to typed trees over column numbers. Constructs that the executor has no
 * node for are written with those it has: BETWEEN as two comparisons, IS TRUE as COALESCE, IS
 * DISTINCT FROM as COALESCE over an equality.
 */
#include "compute/plan/planner_internal.h"
#include <stdio.h>

static struct leat_expr *at(struct leat_expr *expr, const struct leat_sql_expr *ast)
{
    if (expr) {
        expr->offset = ast->offset;
        expr->length = ast->length;
    }
    return expr;
}

struct leat_expr *bind_call_of(struct binding *b, const char *name, struct leat_expr **args,
                               uint32_t count, const struct leat_sql_expr *place)
{
    return call_function(b->pl, name, args, count, place->offset, place->length);
}

/* --- literals --- */
static struct leat_expr *constant(struct binding *b, const struct leat_sql_expr *ast,
                                  const struct leat_type *type)
{
    struct leat_expr *expr = expr_new(b->pl, LEAT_EXPR_CONSTANT, type, 0);
    if (expr)
        expr->constant.type = type;
    return at(expr, ast);
}

/* int, bigint, or numeric if larger; also 0x, 0o, 0b. */
static struct leat_expr *bind_integer(struct binding *b, const struct leat_sql_expr *ast)
{
    const char *s = ast->text.data;
    size_t length = ast->text.length;
    unsigned __int128 value = 0;
    unsigned radix = 10;
    struct leat_expr *expr;

    if (length > 2 && s[0] == '0' && (s[1] | 0x20) > '9') {
        radix = (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'o' ? 8 : 2;
        s += 2;
        length -= 2;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned digit =
            s[i] <= '9' ? (unsigned)(s[i] - '0') : (unsigned)((s[i] | 0x20) - 'a' + 10);
        value = value * radix + digit;
        if (value >= (unsigned __int128)leat_power_of_ten[38]) {
            plan_fail(b->pl, LEAT_E_LIMIT, ast->offset, ast->length, "write it as a double: 1e40",
                      "the number has more than 38 digits");
            return NULL;
        }
    }
    if (value <= INT32_MAX)
        expr = constant(b, ast, leat_type_get(LEAT_INT32));
    else if (value <= INT64_MAX)
        expr = constant(b, ast, leat_type_get(LEAT_INT64));
    else
        expr = constant(b, ast, leat_type_decimal(38, 0));
    if (!expr)
        return NULL;
    if (expr->type->id == LEAT_DECIMAL)
        expr->constant.decimal = (leat_int128)value;
    else
        expr->constant.integer = (int64_t)value;
    return expr;
}

/* 1.50 is numeric(3,2); what does not fit 38 digits is a double. */
static struct leat_expr *bind_decimal(struct binding *b, const struct leat_sql_expr *ast)
{
    const char *s = ast->text.data;
    size_t length = ast->text.length;
    long digits = 0, scale = 0, exponent = 0;
    bool point = false, leading = true;
    struct leat_expr *expr;

    for (size_t i = 0; i < length; i++) {
        if ((s[i] | 0x20) == 'e') {
            int64_t value;
            size_t start = s[i + 1] == '+' ? i + 2 : i + 1;
            exponent =
                leat_parse_int64(s + start, length - start, &value) && value > -400 && value < 400
                    ? (long)value
                    : 400;
            break;
        }
        if (s[i] == '.') {
            point = true;
            continue;
        }
        leading &= s[i] == '0' && !point;
        digits += !leading;
        scale += point;
    }
    scale -= exponent;
    if (scale < 0) {
        digits -= scale;
        scale = 0;
    }
    if (digits < scale)
        digits = scale;
    if (digits < 1)
        digits = 1;
    if (digits <= 38) {
        expr = constant(b, ast, leat_type_decimal((unsigned)digits, (unsigned)scale));
        if (!expr)
            return NULL;
        if (leat_parse_decimal(s, length, (unsigned)digits, (unsigned)scale,
                               &expr->constant.decimal))
            return expr;
    }
    expr = constant(b, ast, leat_type_get(LEAT_DOUBLE));
    if (expr && !leat_parse_double(s, length, &expr->constant.real)) {
        plan_fail(b->pl, LEAT_E_SYNTAX, ast->offset, ast->length, NULL, "bad number \"%s\"", s);
        return NULL;
    }
    return expr;
}

static struct leat_expr *bind_string(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr = constant(b, ast, &planner_unknown);
    if (expr)
        expr->constant.text = ast->text;
    return expr;
}

/* $n: a literal whose text comes with the statement. */
static struct leat_expr *bind_parameter(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_plan_parameters *all = b->pl->options->parameters;
    const struct leat_plan_parameter *parameter;
    struct leat_expr *expr;

    if (!all || b->pl->in_view || ast->number < 1 || ast->number > all->count) {
        plan_fail(b->pl, LEAT_E_PARAMETER, ast->offset, ast->length,
                  "values come with prepared statements, over the PostgreSQL protocol",
                  "there is no parameter $%u", ast->number);
        return NULL;
    }
    parameter = &all->items[ast->number - 1];
    expr = constant(b, ast, &planner_unknown);
    if (!expr)
        return NULL;
    expr->column = ast->number;
    expr->constant.is_null = parameter->is_null;
    expr->constant.text = parameter->value;
    return parameter->type && !parameter->open
               ? coerce(b->pl, expr, parameter->type, LEAT_CAST_EXPLICIT, "parameter")
               : expr;
}

static const struct leat_type *read_type(struct binding *b, const struct leat_sql_type *type)
{
    const struct leat_type *out = NULL;
    if (leat_type_parse(type->text, b->pl->arena, &out, b->pl->err)) {
        plan_place(b->pl, type->offset, type->length);
        return NULL;
    }
    return out;
}

static struct leat_expr *bind_typed(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_type *type = read_type(b, &ast->type);
    struct leat_expr *expr = type ? bind_string(b, ast) : NULL;
    return expr ? coerce(b->pl, expr, type, LEAT_CAST_EXPLICIT, "literal") : NULL;
}

/* INTERVAL '3' DAY: the unit belongs to a bare number. */
static struct leat_expr *bind_interval(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr = bind_string(b, ast);
    bool bare = ast->name.length > 0;

    if (!expr)
        return NULL;
    for (size_t i = 0; i < ast->text.length && bare; i++)
        bare = strchr("0123456789+. ", ast->text.data[i]) || (i == 0 && ast->text.data[0] == '-');
    if (bare) {
        char *text = leat_arena_printf(b->pl->arena, "%s %s", ast->text.data, ast->name.data);
        if (!text) {
            plan_memory(b->pl);
            return NULL;
        }
        expr->constant.text = leat_text_of(text);
    }
    return coerce(b->pl, expr, leat_type_get(LEAT_INTERVAL), LEAT_CAST_EXPLICIT, "interval");
}

/* --- logic --- */
static struct leat_expr *bind_logic(struct binding *b, const struct leat_sql_expr *ast)
{
    bool is_and = ast->kind == LEAT_SQL_AND;
    struct leat_expr *expr = expr_new(b->pl, is_and ? LEAT_EXPR_AND : LEAT_EXPR_OR,
                                      leat_type_get(LEAT_BOOLEAN), ast->arg_count);
    if (!expr)
        return NULL;
    for (uint32_t i = 0; i < ast->arg_count; i++) {
        expr->args[i] = bind_condition(b, ast->args[i], is_and ? "AND" : "OR");
        if (!expr->args[i])
            return NULL;
    }
    return at(expr, ast);
}

static struct leat_expr *negate(struct planner *pl, struct leat_expr *expr, bool negated)
{
    return negated && expr ? expr_unary(pl, LEAT_EXPR_NOT, expr) : expr;
}

static struct leat_expr *coalesce_boolean(struct planner *pl, struct leat_expr *first,
                                          struct leat_expr *second)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_COALESCE, leat_type_get(LEAT_BOOLEAN), 2);
    if (!expr || !first || !second)
        return NULL;
    expr->args[0] = first;
    expr->args[1] = second;
    expr->offset = first->offset;
    expr->length = first->length;
    return expr;
}

/* (a, b) IS NULL: all are; IS NOT NULL: none is. */
static struct leat_expr *bind_row_null(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_expr *row = ast->args[0];
    struct exprs list = {0};

    for (uint32_t i = 0; i < row->arg_count; i++) {
        struct leat_expr *arg = decide(b->pl, bind_expr(b, row->args[i]));
        if (!arg ||
            !exprs_add(
                b->pl, &list,
                expr_unary(b->pl, ast->negated ? LEAT_EXPR_IS_NOT_NULL : LEAT_EXPR_IS_NULL, arg)))
            return NULL;
    }
    return at(expr_and(b->pl, &list), ast);
}

static struct leat_expr *bind_is(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *arg, *expr;
    const char *test = ast->name.data;

    if (strcmp(test, "null") == 0 && ast->args[0]->kind == LEAT_SQL_ROW && ast->args[0]->arg_count)
        return bind_row_null(b, ast);
    arg = bind_expr(b, ast->args[0]);
    if (!arg)
        return NULL;
    if (strcmp(test, "null") == 0) {
        arg = decide(b->pl, arg);
        return at(expr_unary(b->pl, ast->negated ? LEAT_EXPR_IS_NOT_NULL : LEAT_EXPR_IS_NULL, arg),
                  ast);
    }
    arg = coerce_boolean(b->pl, arg, "IS");
    if (!arg)
        return NULL;
    if (strcmp(test, "unknown") == 0)
        return at(expr_unary(b->pl, ast->negated ? LEAT_EXPR_IS_NOT_NULL : LEAT_EXPR_IS_NULL, arg),
                  ast);
    if (strcmp(test, "false") == 0)
        arg = expr_unary(b->pl, LEAT_EXPR_NOT, arg);
    expr = coalesce_boolean(b->pl, arg, expr_boolean(b->pl, false));
    return at(negate(b->pl, expr, ast->negated), ast);
}

/* a IS NOT DISTINCT FROM b: COALESCE(a = b, a IS NULL AND b IS NULL). */
static struct leat_expr *bind_distinct(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *args[2] = {bind_expr(b, ast->args[0]), bind_expr(b, ast->args[1])};
    struct leat_expr *equal = args[0] && args[1] ? bind_call_of(b, "=", args, 2, ast) : NULL;
    struct exprs nulls = {0};

    if (!equal || !exprs_add(b->pl, &nulls, expr_unary(b->pl, LEAT_EXPR_IS_NULL, equal->args[0])) ||
        !exprs_add(b->pl, &nulls, expr_unary(b->pl, LEAT_EXPR_IS_NULL, equal->args[1])))
        return NULL;
    return at(negate(b->pl, coalesce_boolean(b->pl, equal, expr_and(b->pl, &nulls)), !ast->negated),
              ast);
}

static struct leat_expr *compare(struct binding *b, const char *name, struct leat_expr *left,
                                 struct leat_expr *right, const struct leat_sql_expr *ast)
{
    struct leat_expr *args[2] = {left, right};
    return bind_call_of(b, name, args, 2, ast);
}

static struct leat_expr *bind_between(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *value = bind_expr(b, ast->args[0]), *low = bind_expr(b, ast->args[1]),
                     *high = low ? bind_expr(b, ast->args[2]) : NULL, *either;
    struct exprs both = {0}, turned = {0};

    if (!value || !low || !high || !exprs_add(b->pl, &both, compare(b, ">=", value, low, ast)) ||
        !exprs_add(b->pl, &both, compare(b, "<=", value, high, ast)))
        return NULL;
    if (!ast->flag)
        return at(negate(b->pl, expr_and(b->pl, &both), ast->negated), ast);
    if (!exprs_add(b->pl, &turned, compare(b, ">=", value, high, ast)) ||
        !exprs_add(b->pl, &turned, compare(b, "<=", value, low, ast)))
        return NULL;
    either = expr_new(b->pl, LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN), 2);
    if (!either || !(either->args[0] = expr_and(b->pl, &both)) ||
        !(either->args[1] = expr_and(b->pl, &turned)))
        return NULL;
    return at(negate(b->pl, either, ast->negated), ast);
}

/* SIMILAR TO is matched as a regular expression: % is .*, _ is ., the rest as it is. */
static struct leat_expr *similar_pattern(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_expr *pattern = ast->args[1];
    struct leat_expr *expr;
    char *text, *to;

    if (pattern->kind != LEAT_SQL_STRING || ast->arg_count > 2) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "write a regular expression: x ~ pattern",
                  "SIMILAR TO takes a constant pattern without ESCAPE");
        return NULL;
    }
    text = to = plan_alloc(b->pl, pattern->text.length * 2 + 8);
    expr = text ? bind_string(b, pattern) : NULL;
    if (!expr)
        return NULL;
    memcpy(to, "^(?:", 4);
    to += 4;
    for (size_t i = 0; i < pattern->text.length; i++) {
        char c = pattern->text.data[i];
        if (c == '%') {
            *to++ = '.';
            *to++ = '*';
        } else if (c == '_') {
            *to++ = '.';
        } else if (c == '\\' && i + 1 < pattern->text.length) {
            *to++ = c;
            *to++ = pattern->text.data[++i];
        } else {
            if (c == '.' || c == '^' || c == '$')
                *to++ = '\\';
            *to++ = c;
        }
    }
    memcpy(to, ")$", 2);
    expr->constant.text = (struct leat_text){text, (size_t)(to + 2 - text)};
    return expr;
}

static struct leat_expr *bind_like(struct binding *b, const struct leat_sql_expr *ast)
{
    bool similar = strcmp(ast->name.data, "similar to") == 0;
    struct leat_expr *args[3] = {NULL, NULL, NULL};

    for (uint32_t i = 0; i < ast->arg_count; i++)
        if (!(args[i] = similar && i == 1 ? similar_pattern(b, ast) : bind_expr(b, ast->args[i])))
            return NULL;
    return at(negate(b->pl,
                     bind_call_of(b, similar ? "~" : ast->name.data, args, ast->arg_count, ast),
                     ast->negated),
              ast);
}

static bool is_row(const struct leat_sql_expr *ast)
{
    return ast->kind == LEAT_SQL_ROW && ast->arg_count > 0;
}

/* (a, b) = (c, d) column by column; only equality. */
static struct leat_expr *bind_row_equality(struct binding *b, const struct leat_sql_expr *left,
                                           const struct leat_sql_expr *right,
                                           const struct leat_sql_expr *place)
{
    struct exprs list = {0};

    if (left->arg_count != right->arg_count) {
        plan_fail(b->pl, LEAT_E_COLUMN_COUNT, right->offset, right->length, NULL,
                  "unequal number of entries in row expressions");
        return NULL;
    }
    for (uint32_t i = 0; i < left->arg_count; i++)
        if (!exprs_add(
                b->pl, &list,
                compare(b, "=", bind_expr(b, left->args[i]), bind_expr(b, right->args[i]), place)))
            return NULL;
    return expr_and(b->pl, &list);
}

/* (a, b) < (c, d): a < c OR (a = c AND b < d). */
static struct leat_expr *bind_row_order(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_expr *left = ast->args[0], *right = ast->args[1];
    char strict[2] = {ast->name.data[0], 0};
    struct leat_expr *rest = NULL;

    if (left->arg_count != right->arg_count) {
        plan_fail(b->pl, LEAT_E_COLUMN_COUNT, right->offset, right->length, NULL,
                  "unequal number of entries in row expressions");
        return NULL;
    }
    for (uint32_t i = left->arg_count; i-- > 0;) {
        bool last = i + 1 == left->arg_count;
        struct leat_expr *order =
            compare(b, last ? ast->name.data : strict, bind_expr(b, left->args[i]),
                    bind_expr(b, right->args[i]), ast);
        struct leat_expr *both, *any;
        if (last || !order) {
            rest = order;
        } else {
            both = expr_new(b->pl, LEAT_EXPR_AND, leat_type_get(LEAT_BOOLEAN), 2);
            any = expr_new(b->pl, LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN), 2);
            if (!both || !any)
                return NULL;
            both->args[0] =
                compare(b, "=", bind_expr(b, left->args[i]), bind_expr(b, right->args[i]), ast);
            both->args[1] = rest;
            any->args[0] = order;
            any->args[1] = both;
            rest = both->args[0] ? any : NULL;
        }
        if (!rest)
            return NULL;
    }
    return at(rest, ast);
}

static bool is_order(const char *name)
{
    return (name[0] == '<' || name[0] == '>') && (name[1] == 0 || (name[1] == '=' && name[2] == 0));
}

static struct leat_expr *bind_in_rows(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *any =
        expr_new(b->pl, LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN), ast->arg_count - 1);
    if (!any)
        return NULL;
    for (uint32_t i = 1; i < ast->arg_count; i++) {
        if (!is_row(ast->args[i])) {
            plan_fail(b->pl, LEAT_E_TYPE_MISMATCH, ast->args[i]->offset, ast->args[i]->length, NULL,
                      "a row such as (1, 2) is needed here");
            return NULL;
        }
        any->args[i - 1] = bind_row_equality(b, ast->args[0], ast->args[i], ast->args[i]);
        if (!any->args[i - 1])
            return NULL;
    }
    return at(negate(b->pl, any->arg_count == 1 ? any->args[0] : any, ast->negated), ast);
}

static struct leat_expr *bind_in(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr, *any;
    const struct leat_type *type;
    bool constants = true;

    if (is_row(ast->args[0]))
        return bind_in_rows(b, ast);
    expr = expr_new(b->pl, LEAT_EXPR_IN, leat_type_get(LEAT_BOOLEAN), ast->arg_count);
    if (!expr)
        return NULL;
    for (uint32_t i = 0; i < ast->arg_count; i++)
        if (!(expr->args[i] = bind_expr(b, ast->args[i])))
            return NULL;
    type = common_type(b->pl, expr->args, expr->arg_count, "IN");
    if (!type)
        return NULL;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        struct leat_expr *arg = coerce(b->pl, expr->args[i], type, LEAT_CAST_EXPLICIT, "IN");
        if (!arg)
            return NULL;
        if (i > 0 && arg->kind == LEAT_EXPR_CAST && arg->args[0]->kind == LEAT_EXPR_CONSTANT) {
            struct leat_expr *folded = expr_new(b->pl, LEAT_EXPR_CONSTANT, type, 0);
            if (!folded)
                return NULL;
            if (leat_expr_fold(arg, b->pl->arena, &folded->constant, NULL) == LEAT_OK)
                arg = at(folded, ast->args[i]);
        }
        constants &= i == 0 || arg->kind == LEAT_EXPR_CONSTANT;
        expr->args[i] = arg;
    }
    if (constants)
        return at(negate(b->pl, at(expr, ast), ast->negated), ast);
    any = expr_new(b->pl, LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN), expr->arg_count - 1);
    if (!any)
        return NULL;
    for (uint32_t i = 1; i < expr->arg_count; i++)
        if (!(any->args[i - 1] = compare(b, "=", expr->args[0], expr->args[i], ast->args[i])))
            return NULL;
    return at(negate(b->pl, any->arg_count == 1 ? any->args[0] : any, ast->negated), ast);
}

static struct leat_expr *bind_case(struct binding *b, const struct leat_sql_expr *ast)
{
    uint32_t first = ast->flag ? 1 : 0, pairs = ast->number, results = 0;
    bool has_else = ast->arg_count > first + pairs * 2;
    struct leat_expr *operand = NULL, **values = plan_alloc(b->pl, (pairs + 1u) * sizeof(*values));
    struct leat_expr *expr = expr_new(b->pl, LEAT_EXPR_CASE, NULL, pairs * 2 + has_else);

    if (!expr || !values || (ast->flag && !(operand = bind_expr(b, ast->args[0]))))
        return NULL;
    for (uint32_t i = 0; i < pairs; i++) {
        const struct leat_sql_expr *when = ast->args[first + i * 2];
        struct leat_expr *cond = operand ? compare(b, "=", operand, bind_expr(b, when), when)
                                         : bind_condition(b, when, "CASE/WHEN");
        if (!cond || !(values[results++] = bind_expr(b, ast->args[first + i * 2 + 1])))
            return NULL;
        expr->args[i * 2] = cond;
    }
    if (has_else && !(values[results++] = bind_expr(b, ast->args[first + pairs * 2])))
        return NULL;
    if (!coerce_common(b->pl, values, results, "CASE"))
        return NULL;
    for (uint32_t i = 0; i < pairs; i++)
        expr->args[i * 2 + 1] = values[i];
    if (has_else)
        expr->args[pairs * 2] = values[pairs];
    expr->type = values[0]->type;
    return at(expr, ast);
}

/* A cast to jsonb gives jsonb's form, which equal values share. */
static struct leat_expr *in_form_of(struct binding *b, struct leat_expr *cast,
                                    const struct leat_sql_expr *ast)
{
    bool jsonb = cast && cast->type->id == LEAT_JSON &&
                 leat_text_equal_nocase(ast->type.text, leat_text_of("jsonb"));

    return jsonb ? at(call_function(b->pl, "to_jsonb", &cast, 1, ast->offset, ast->length), ast)
                 : cast;
}

static struct leat_expr *bind_cast(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_type *type = read_type(b, &ast->type);
    struct leat_expr *arg = type ? bind_expr(b, ast->args[0]) : NULL, *cast;

    if (!arg)
        return NULL;
    if (ast->origin)
        return at(spark_cast(b->pl, arg, type, ast->flag), ast);
    if (!ast->flag)
        return in_form_of(b, coerce(b->pl, arg, type, LEAT_CAST_EXPLICIT, "CAST"), ast);
    arg = decide(b->pl, arg);
    if (!arg || arg->type->id == LEAT_NULL || leat_type_equal(arg->type, type))
        return arg ? coerce(b->pl, arg, type, LEAT_CAST_EXPLICIT, "CAST") : NULL;
    cast = coerce(b->pl, arg, type, LEAT_CAST_EXPLICIT, "CAST");
    if (cast && cast->kind == LEAT_EXPR_CAST)
        cast->kind = LEAT_EXPR_TRY_CAST;
    return in_form_of(b, at(cast, ast), ast);
}

static bool is_minus_literal(const struct leat_sql_expr *ast)
{
    return ast->arg_count == 1 && strcmp(ast->name.data, "-") == 0 &&
           (ast->args[0]->kind == LEAT_SQL_INTEGER || ast->args[0]->kind == LEAT_SQL_DECIMAL);
}

static struct leat_expr *bind_operator(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *args[2] = {NULL, NULL}, *folded;

    if (ast->arg_count == 2 && is_row(ast->args[0]) && is_row(ast->args[1])) {
        bool unequal = strcmp(ast->name.data, "<>") == 0;
        if (unequal || strcmp(ast->name.data, "=") == 0)
            return at(negate(b->pl, bind_row_equality(b, ast->args[0], ast->args[1], ast), unequal),
                      ast);
        if (is_order(ast->name.data))
            return bind_row_order(b, ast);
    }
    for (uint32_t i = 0; i < ast->arg_count; i++)
        if (!(args[i] = bind_expr(b, ast->args[i])))
            return NULL;
    if (is_minus_literal(ast)) {
        folded = args[0];
        if (folded->type->id == LEAT_DECIMAL)
            folded->constant.decimal = -folded->constant.decimal;
        else if (folded->type->id == LEAT_DOUBLE)
            folded->constant.real = -folded->constant.real;
        else
            folded->constant.integer = -folded->constant.integer;
        if (folded->type->id == LEAT_INT64 && folded->constant.integer == INT32_MIN)
            folded->type = folded->constant.type = leat_type_get(LEAT_INT32);
        if (folded->type->id == LEAT_DECIMAL && folded->type->scale == 0 &&
            folded->constant.decimal == INT64_MIN) {
            folded->type = folded->constant.type = leat_type_get(LEAT_INT64);
            folded->constant.integer = INT64_MIN;
        }
        return at(folded, ast);
    }
    if (ast->origin)
        return spark_operator(b->pl, ast, args);
    return bind_call_of(b, ast->name.data, args, ast->arg_count, ast);
}

/* Calls with the bound arguments: ARRAY, subscripts, maps. */
static struct leat_expr *bind_through(struct binding *b, const struct leat_sql_expr *ast,
                                      const char *name, bool common)
{
    struct leat_expr **args = plan_alloc(b->pl, (ast->arg_count + 1u) * sizeof(*args));
    uint32_t count = 0;

    if (!args)
        return NULL;
    for (uint32_t i = 0; i < ast->arg_count; i++) {
        args[count] =
            ast->args[i] ? bind_expr(b, ast->args[i]) : expr_null(b->pl, leat_type_get(LEAT_INT32));
        if (!args[count++])
            return NULL;
    }
    if (common && count && !coerce_common(b->pl, args, count, "ARRAY"))
        return NULL;
    return bind_call_of(b, name, args, count, ast);
}

static struct leat_expr *bind_subscript(struct binding *b, const struct leat_sql_expr *ast)
{
    if (ast->origin) {
        struct leat_expr *args[2] = {bind_expr(b, ast->args[0]), NULL};
        args[1] = args[0] ? bind_expr(b, ast->args[1]) : NULL;
        return args[1] ? spark_subscript(b->pl, ast, args) : NULL;
    }
    if (ast->args[1]->kind == LEAT_SQL_INTEGER && strcmp(ast->args[1]->text.data, "0") == 0) {
        struct leat_expr *list = bind_expr(b, ast->args[0]);
        if (!list)
            return NULL;
        if (list->type->id == LEAT_LIST) {
            plan_fail(b->pl, LEAT_E_TRAP, ast->args[1]->offset, ast->args[1]->length,
                      "write [1] for the first item", "lists start at 1, so there is no item 0");
            return NULL;
        }
    }
    return bind_through(b, ast, "subscript", false);
}

static struct leat_expr *bind_row(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_field *fields = plan_alloc(b->pl, (ast->arg_count + 1u) * sizeof(*fields));
    struct leat_expr *expr = expr_new(b->pl, LEAT_EXPR_ROW, NULL, ast->arg_count);

    if (!expr || !fields)
        return NULL;
    for (uint32_t i = 0; i < ast->arg_count; i++) {
        expr->args[i] = decide(b->pl, bind_expr(b, ast->args[i]));
        fields[i].name = i < ast->path.count ? ast->path.parts[i].text.data
                                             : leat_arena_printf(b->pl->arena, "f%u", i + 1);
        if (!expr->args[i] || !fields[i].name)
            return NULL;
        fields[i].type = expr->args[i]->type;
    }
    expr->type = leat_type_struct(b->pl->arena, fields, ast->arg_count);
    if (!expr->type) {
        plan_memory(b->pl);
        return NULL;
    }
    return at(expr, ast);
}

static struct leat_expr *bind_field(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *arg = bind_expr(b, ast->args[0]), *expr;

    if (!arg)
        return NULL;
    if (arg->type->id == LEAT_STRUCT && !is_unknown(arg))
        for (uint32_t i = 0; i < arg->type->field_count; i++)
            if (leat_text_equal_nocase(leat_text_of(arg->type->fields[i].name), ast->name)) {
                expr = expr_new(b->pl, LEAT_EXPR_FIELD, arg->type->fields[i].type, 1);
                if (!expr)
                    return NULL;
                expr->column = i;
                expr->args[0] = arg;
                return at(expr, ast);
            }
    plan_fail(b->pl, LEAT_E_UNKNOWN_FIELD, ast->offset, ast->length, NULL,
              "there is no field \"%s\" here", ast->name.data);
    return NULL;
}

static struct leat_expr *bind_kind(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr;

    switch (ast->kind) {
    case LEAT_SQL_COLUMN:
        return bind_column(b, ast);
    case LEAT_SQL_INTEGER:
        return bind_integer(b, ast);
    case LEAT_SQL_DECIMAL:
        return bind_decimal(b, ast);
    case LEAT_SQL_STRING:
        return bind_string(b, ast);
    case LEAT_SQL_BOOLEAN:
        return at(expr_boolean(b->pl, ast->flag), ast);
    case LEAT_SQL_NULL:
        return at(expr_null(b->pl, leat_type_get(LEAT_NULL)), ast);
    case LEAT_SQL_TYPED:
        return bind_typed(b, ast);
    case LEAT_SQL_INTERVAL:
        return bind_interval(b, ast);
    case LEAT_SQL_OPERATOR:
        return bind_operator(b, ast);
    case LEAT_SQL_AND:
    case LEAT_SQL_OR:
        return bind_logic(b, ast);
    case LEAT_SQL_NOT:
        return at(expr_unary(b->pl, LEAT_EXPR_NOT, bind_condition(b, ast->args[0], "NOT")), ast);
    case LEAT_SQL_IS:
        return bind_is(b, ast);
    case LEAT_SQL_DISTINCT:
        return bind_distinct(b, ast);
    case LEAT_SQL_BETWEEN:
        return bind_between(b, ast);
    case LEAT_SQL_LIKE:
        return bind_like(b, ast);
    case LEAT_SQL_IN:
        return bind_in(b, ast);
    case LEAT_SQL_CASE:
        return bind_case(b, ast);
    case LEAT_SQL_CAST:
        return bind_cast(b, ast);
    case LEAT_SQL_CALL:
        return bind_call(b, ast);
    case LEAT_SQL_ROW:
        return bind_row(b, ast);
    case LEAT_SQL_ARRAY:
        return bind_through(b, ast, "array", true);
    case LEAT_SQL_MAP:
        return bind_through(b, ast, "map", false);
    case LEAT_SQL_SUBSCRIPT:
        return bind_subscript(b, ast);
    case LEAT_SQL_SLICE:
        return bind_through(b, ast, "slice", false);
    case LEAT_SQL_FIELD:
        return bind_field(b, ast);
    case LEAT_SQL_COLLATE:
        if (leat_text_equal_nocase(ast->name, leat_text_of("C")) ||
            leat_text_equal_nocase(ast->name, leat_text_of("POSIX")) ||
            leat_text_equal_nocase(ast->name, leat_text_of("default")) ||
            leat_text_equal_nocase(ast->name, leat_text_of("ucs_basic")))
            return bind_expr(b, ast->args[0]);
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "text is ordered by code points: COLLATE \"C\"",
                  "the collation \"%s\" is not supported", ast->name.data);
        return NULL;
    case LEAT_SQL_EXISTS:
    case LEAT_SQL_SUBQUERY:
    case LEAT_SQL_IN_QUERY:
    case LEAT_SQL_QUANTIFIED:
    case LEAT_SQL_ARRAY_QUERY:
        expr = bind_subquery(b, ast);
        return expr;
    case LEAT_SQL_PARAMETER:
        return bind_parameter(b, ast);
    case LEAT_SQL_DEFAULT:
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "leave the column out of the list of columns", "DEFAULT is not supported here");
        return NULL;
    case LEAT_SQL_STAR:
        break;
    }
    plan_fail(b->pl, LEAT_E_SYNTAX, ast->offset, ast->length, NULL,
              "* stands only in a select list or in count(*)");
    return NULL;
}

struct leat_expr *bind_expr(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr;

    if (++b->pl->depth > PLANNER_MAX_DEPTH) {
        b->pl->depth--;
        plan_fail(b->pl, LEAT_E_TOO_DEEP, ast->offset, ast->length, NULL,
                  "views and queries are nested too deeply");
        return NULL;
    }
    expr = bind_kind(b, ast);
    b->pl->depth--;
    if (expr && b->pl->in_view) /* the text is another one at run time */
        expr->offset = expr->length = 0;
    return expr;
}

struct leat_expr *bind_condition(struct binding *b, const struct leat_sql_expr *ast,
                                 const char *clause)
{
    return coerce_boolean(b->pl, bind_expr(b, ast), clause);
}
