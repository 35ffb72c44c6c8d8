/*
 * Types at work: implicit casts, literals that take the type of what they meet, common types of
 * CASE, COALESCE, VALUES, IN and set operations, and calls of overloaded functions.
 */
#include "compute/plan/planner_internal.h"
#include <stdio.h>

static const char *type_name(struct planner *pl, const struct leat_type *type)
{
    const char *name;
    if (type == &planner_unknown)
        return "text";
    name = leat_type_name(pl->arena, type);
    return name ? name : "?";
}

/* A parameter takes the type of what it meets first. Constants of parameters know their number in
 * `column`. */
static bool decide_parameter(struct planner *pl, struct leat_expr *expr,
                             const struct leat_type *type, bool open)
{
    struct leat_plan_parameters *all = pl->options->parameters;
    struct leat_plan_parameter *parameter = &all->items[expr->column - 1];

    if (parameter->type && !parameter->open)
        return true;
    parameter->open = open;
    return leat_type_copy(type, all->arena, &parameter->type, pl->err) == LEAT_OK;
}

static struct leat_expr *literal_to(struct planner *pl, struct leat_expr *expr,
                                    const struct leat_type *type, bool open)
{
    struct leat_expr *typed = expr_new(pl, LEAT_EXPR_CONSTANT, type, 0);

    if (!typed || (expr->column && !decide_parameter(pl, expr, type, open)))
        return NULL;
    typed->column = expr->column;
    typed->offset = expr->offset;
    typed->length = expr->length;
    if (expr->constant.is_null) {
        typed->constant = (struct leat_value){.type = type, .is_null = true};
        return typed;
    }
    if (leat_value_parse(expr->constant.text, type, pl->arena, &typed->constant, pl->err)) {
        plan_place(pl, expr->offset, expr->length);
        return NULL;
    }
    return typed;
}

struct leat_expr *decide(struct planner *pl, struct leat_expr *expr)
{
    return expr && is_unknown(expr) ? literal_to(pl, expr, leat_type_get(LEAT_TEXT), true) : expr;
}

static struct leat_expr *cast_to(struct planner *pl, struct leat_expr *expr,
                                 const struct leat_type *type)
{
    struct leat_expr *cast = expr_new(pl, LEAT_EXPR_CAST, type, 1);

    if (!cast)
        return NULL;
    cast->args[0] = expr;
    cast->offset = expr->offset;
    cast->length = expr->length;
    return cast;
}

struct leat_expr *coerce(struct planner *pl, struct leat_expr *expr, const struct leat_type *type,
                         enum leat_cast_level level, const char *what)
{
    char hint[160];

    if (!expr || !type)
        return NULL;
    if (is_unknown(expr) && expr->kind == LEAT_EXPR_CONSTANT)
        return literal_to(pl, expr, type, false);
    if (!is_unknown(expr) && leat_type_equal(expr->type, type))
        return expr;
    if (expr->type->id == LEAT_NULL)
        return expr->kind == LEAT_EXPR_CONSTANT ? expr_null(pl, type) : cast_to(pl, expr, type);
    if (leat_cast_level_of(expr->type, type) >= level)
        return cast_to(pl, expr, type);
    if (leat_cast_level_of(expr->type, type) == LEAT_CAST_NONE)
        hint[0] = 0;
    else
        snprintf(hint, sizeof(hint), "write a cast: (...)::%s", type_name(pl, type));
    if (level == LEAT_CAST_EXPLICIT)
        plan_fail(pl, LEAT_E_CANNOT_CAST, expr->offset, expr->length, NULL,
                  "cannot cast type %s to %s", type_name(pl, expr->type), type_name(pl, type));
    else
        plan_fail(pl, LEAT_E_TYPE_MISMATCH, expr->offset, expr->length, hint,
                  "%s is of type %s but type %s is needed", what, type_name(pl, expr->type),
                  type_name(pl, type));
    return NULL;
}

struct leat_expr *coerce_boolean(struct planner *pl, struct leat_expr *expr, const char *clause)
{
    const struct leat_type *boolean = leat_type_get(LEAT_BOOLEAN);

    if (!expr)
        return NULL;
    if (!is_unknown(expr) && expr->type->id != LEAT_NULL && expr->type->id != LEAT_BOOLEAN) {
        plan_fail(pl, LEAT_E_TYPE_MISMATCH, expr->offset, expr->length, NULL,
                  "argument of %s must be type boolean, not type %s", clause,
                  type_name(pl, expr->type));
        return NULL;
    }
    return coerce(pl, expr, boolean, LEAT_CAST_IMPLICIT, clause);
}

const struct leat_type *common_type(struct planner *pl, struct leat_expr *const *items,
                                    uint32_t count, const char *what)
{
    const struct leat_type *type = NULL;

    for (uint32_t i = 0; i < count; i++) {
        const struct leat_type *unified;
        if (is_unknown(items[i]) || items[i]->type->id == LEAT_NULL)
            continue;
        unified = type ? leat_type_unify(pl->arena, type, items[i]->type) : items[i]->type;
        if (!unified) {
            plan_fail(pl, LEAT_E_TYPE_MISMATCH, items[i]->offset, items[i]->length,
                      "write a cast so that both have one type",
                      "%s types %s and %s cannot be matched", what, type_name(pl, type),
                      type_name(pl, items[i]->type));
            return NULL;
        }
        type = unified;
    }
    if (type)
        return type;
    for (uint32_t i = 0; i < count; i++)
        if (is_unknown(items[i]))
            return leat_type_get(LEAT_TEXT);
    return leat_type_get(LEAT_TEXT); /* only NULLs: PostgreSQL calls them text */
}

bool coerce_common(struct planner *pl, struct leat_expr **items, uint32_t count, const char *what)
{
    const struct leat_type *type = common_type(pl, items, count, what);

    if (!type)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        /* The common type is never narrower, so an explicit cast is right here. */
        items[i] = coerce(pl, items[i], type, LEAT_CAST_EXPLICIT, what);
        if (!items[i])
            return false;
    }
    return true;
}

/* now() and its like: one moment for the whole statement, wherever its parts run. */
static struct leat_expr *start_of_statement(struct planner *pl, const struct leat_type *type)
{
    const int64_t day = 86400000000;
    int64_t *started = pl->owner ? &pl->owner->started : &pl->started, time, moment;
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CONSTANT, type, 0);

    if (!expr)
        return NULL;
    if (!*started)
        *started = leat_clock_now();
    moment = *started;
    time = ((moment % day) + day) % day;
    expr->constant = (struct leat_value){.type = type, .integer = moment};
    if (type->id == LEAT_DATE)
        expr->constant.integer = (moment - time) / day;
    else if (type->id == LEAT_TIME)
        expr->constant.integer = time;
    return expr;
}

/* Ends of OVERLAPS that are intervals count from their start. */
static bool add_intervals(struct planner *pl, struct leat_expr **args)
{
    for (uint32_t i = 1; i < 4; i += 2) {
        struct leat_expr *both[2] = {args[i - 1], args[i]};
        if (!both[0] || !both[1] || is_unknown(both[1]) || both[1]->type->id != LEAT_INTERVAL)
            continue;
        if (is_unknown(both[0]))
            both[0] =
                coerce(pl, both[0], leat_type_get(LEAT_TIMESTAMP), LEAT_CAST_EXPLICIT, "OVERLAPS");
        args[i] =
            both[0] ? call_function(pl, "+", both, 2, both[1]->offset, both[1]->length) : NULL;
        if (!args[i])
            return false;
    }
    return true;
}

struct leat_expr *call_function(struct planner *pl, const char *name, struct leat_expr **args,
                                uint32_t count, uint32_t offset, uint32_t length)
{
    const struct leat_type **types = plan_alloc(pl, (count + 1u) * sizeof(*types));
    bool *literal = plan_alloc(pl, count + 1u);
    struct leat_function_match match;
    struct leat_expr *expr;

    if (!types || !literal)
        return NULL;
    if (count == 4 && strcmp(name, "overlaps") == 0 && !add_intervals(pl, args))
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!args[i])
            return NULL;
        literal[i] = is_unknown(args[i]);
        types[i] = literal[i] ? leat_type_get(LEAT_TEXT) : args[i]->type;
    }
    if (leat_function_resolve(name, types, literal, count, pl->arena, &match, pl->err)) {
        plan_place(pl, offset, length);
        return NULL;
    }
    if (match.function->statement_clock)
        return start_of_statement(pl, match.result_type);
    expr = expr_new(pl, LEAT_EXPR_CALL, match.result_type, count);
    if (!expr)
        return NULL;
    expr->function = match.function;
    if (pl->owner)
        pl->owner->calls_volatile |= match.function->volatile_result;
    expr->offset = offset;
    expr->length = length;
    for (uint32_t i = 0; i < count; i++) {
        expr->args[i] = coerce(pl, args[i], match.arg_types[i], LEAT_CAST_EXPLICIT, name);
        if (!expr->args[i])
            return NULL;
    }
    leat_function_refine(expr);
    return expr;
}
