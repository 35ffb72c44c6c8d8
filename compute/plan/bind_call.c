/*
 * Function calls: scalar functions, aggregates and window functions. An aggregate becomes a column
 * of the grouping node to come, a window call one of the window node; equal calls share theirs.
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

static struct leat_expr **bind_args(struct binding *b, const struct leat_sql_call *call)
{
    struct leat_expr **args = plan_alloc(b->pl, (call->args.count + 3u) * sizeof(*args));

    if (!args)
        return NULL;
    for (uint32_t i = 0; i < call->args.count; i++)
        if (!(args[i] = bind_expr(b, call->args.items[i])))
            return NULL;
    return args;
}

static struct leat_expr *bind_coalesce(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr **args = bind_args(b, ast->call), *expr;

    if (!args || !coerce_common(b->pl, args, ast->call->args.count, "COALESCE"))
        return NULL;
    expr = expr_new(b->pl, LEAT_EXPR_COALESCE, args[0]->type, 0);
    if (!expr)
        return NULL;
    expr->args = args;
    expr->arg_count = ast->call->args.count;
    return at(expr, ast);
}

static struct leat_expr *bind_nullif(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr **args = bind_args(b, ast->call), *equal, *expr;

    if (!args)
        return NULL;
    if (ast->call->args.count != 2) {
        plan_fail(b->pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                  "NULLIF takes two arguments");
        return NULL;
    }
    equal = call_function(b->pl, "=", args, 2, ast->offset, ast->length);
    if (!equal)
        return NULL;
    /* The value keeps its own type; both compared sides have the operator's. */
    args[0] = is_unknown(args[0]) ? decide(b->pl, args[0]) : args[0];
    if (!args[0])
        return NULL;
    if (leat_type_equal(args[0]->type, equal->args[0]->type)) {
        expr = expr_new(b->pl, LEAT_EXPR_NULLIF, args[0]->type, 2);
        if (!expr)
            return NULL;
        expr->args[0] = args[0];
        expr->args[1] = equal->args[1];
        return at(expr, ast);
    }
    expr = expr_new(b->pl, LEAT_EXPR_CASE, args[0]->type, 3);
    if (!expr)
        return NULL;
    expr->args[0] = equal;
    expr->args[1] = expr_null(b->pl, args[0]->type);
    expr->args[2] = args[0];
    return expr->args[1] ? at(expr, ast) : NULL;
}

static bool bind_call_order(struct binding *b, const struct leat_sql_orders *orders,
                            struct leat_sort_key **out)
{
    *out = plan_alloc(b->pl, (orders->count + 1u) * sizeof(**out));
    if (!*out)
        return false;
    for (uint32_t i = 0; i < orders->count; i++) {
        struct leat_expr *expr = decide(b->pl, bind_expr(b, orders->items[i].expr));
        if (!expr || !bind_order_key(b->pl, &orders->items[i], expr, &(*out)[i]))
            return false;
    }
    return true;
}

/* Resolves the function and fills the call from the arguments. */
static bool resolve_aggregate(struct binding *b, const struct leat_sql_expr *ast, const char *name,
                              struct leat_expr **args, uint32_t count, struct leat_aggregate *out)
{
    struct leat_expr *call = call_function(b->pl, name, args, count, ast->offset, ast->length);

    if (!call)
        return false;
    out->function = call->function;
    out->type = call->type;
    out->args = call->args;
    out->arg_count = count;
    out->offset = b->pl->in_view ? 0 : ast->offset;
    out->length = b->pl->in_view ? 0 : ast->length;
    return true;
}

static bool fill_aggregate(struct binding *b, const struct leat_sql_expr *ast, const char *name,
                           struct leat_aggregate *out)
{
    const struct leat_sql_call *call = ast->call;
    struct leat_expr **args = bind_args(b, call);
    uint32_t count = call->args.count;

    if (!args)
        return false;
    out->distinct = call->distinct;
    if (call->within_group) { /* percentile_cont(f) WITHIN GROUP (ORDER BY x): (x, f) */
        struct leat_expr *value;
        if (call->order.count != 1 || count > 1)
            return plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                             "WITHIN GROUP takes one ORDER BY expression");
        if (call->order.items[0].descending)
            return plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                             "WITHIN GROUP (ORDER BY ... DESC) is not supported");
        value = bind_expr(b, call->order.items[0].expr);
        if (!value)
            return false;
        args[count] = count ? args[0] : NULL;
        args[0] = value;
        count++;
    } else if (call->order.count) {
        if (!bind_call_order(b, &call->order, &out->order))
            return false;
        out->order_count = call->order.count;
    }
    if (call->filter && !(out->filter = bind_condition(b, call->filter, "FILTER")))
        return false;
    return resolve_aggregate(b, ast, name, args, count, out);
}

static bool same_call(const struct leat_aggregate *a, const struct leat_aggregate *b)
{
    if (a->function != b->function || a->distinct != b->distinct || a->arg_count != b->arg_count ||
        a->order_count != b->order_count || !a->filter != !b->filter)
        return false;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!leat_expr_equal(a->args[i], b->args[i]))
            return false;
    for (uint32_t i = 0; i < a->order_count; i++)
        if (!leat_expr_equal(a->order[i].expr, b->order[i].expr) ||
            a->order[i].descending != b->order[i].descending ||
            a->order[i].nulls_first != b->order[i].nulls_first)
            return false;
    return !a->filter || leat_expr_equal(a->filter, b->filter);
}

static const char *clause_name(enum clause clause)
{
    switch (clause) {
    case CLAUSE_WHERE:
        return "WHERE";
    case CLAUSE_ON:
        return "JOIN conditions";
    case CLAUSE_GROUP_BY:
        return "GROUP BY";
    case CLAUSE_VALUES:
        return "VALUES";
    case CLAUSE_FROM:
        return "FROM";
    case CLAUSE_LIMIT:
        return "LIMIT";
    case CLAUSE_AGGREGATE:
        return "the arguments of an aggregate function";
    case CLAUSE_WINDOW:
        return "a window function";
    case CLAUSE_EXPRESSION:
        return "this expression";
    case CLAUSE_SELECT:
    case CLAUSE_HAVING:
    case CLAUSE_ORDER_BY:
        break;
    }
    return "this clause";
}

static struct leat_expr *bind_aggregate(struct binding *b, const struct leat_sql_expr *ast,
                                        const char *name)
{
    struct binding inner = *b;
    struct leat_aggregate call = {0};
    struct aggregates *list = b->aggregates;
    struct leat_aggregate *calls;
    uint32_t id;

    if (!list) {
        plan_fail(b->pl, LEAT_E_MISPLACED_AGGREGATE, ast->offset, ast->length,
                  b->clause == CLAUSE_WHERE ? "conditions on aggregates stand in HAVING" : NULL,
                  "aggregate functions are not allowed in %s", clause_name(b->clause));
        return NULL;
    }
    inner.clause = CLAUSE_AGGREGATE;
    inner.set_tail = NULL;
    inner.aggregates = NULL;
    inner.windows = NULL;
    if (b->inner_tail)
        inner.pending_tail = b->inner_tail;
    if (!fill_aggregate(&inner, ast, name, &call))
        return NULL;
    if (b->inner_tail)
        b->inner_tail = inner.pending_tail;
    for (uint32_t i = 0; i < list->count; i++)
        if (same_call(&list->calls[i], &call))
            return at(expr_column(b->pl, list->ids.items[i], NULL), ast);
    id = new_column(b->pl, name, call.type);
    calls = plan_grow(b->pl, list->calls, list->count, &list->capacity, sizeof(call));
    if (!calls || !ids_add(b->pl, &list->ids, id))
        return NULL;
    list->calls = calls;
    list->calls[list->count++] = call;
    return at(expr_column(b->pl, id, NULL), ast);
}

/* GROUPING(a, b): which keys a row's grouping set lacks; add_grouping says from what. */
static struct leat_expr *bind_grouping_call(struct binding *b, const struct leat_sql_expr *ast)
{
    struct aggregates *list = b->aggregates;
    struct leat_expr **args;
    struct grouping_call *calls, *call;

    if (!list) {
        plan_fail(b->pl, LEAT_E_MISPLACED_AGGREGATE, ast->offset, ast->length, NULL,
                  "GROUPING is not allowed in %s", clause_name(b->clause));
        return NULL;
    }
    if (ast->call->args.count > 31) {
        plan_fail(b->pl, LEAT_E_LIMIT, ast->offset, ast->length, NULL,
                  "GROUPING takes at most 31 arguments");
        return NULL;
    }
    args = bind_args(b, ast->call);
    calls = plan_grow(b->pl, list->groupings, list->grouping_count, &list->grouping_capacity,
                      sizeof(*calls));
    if (!args || !calls)
        return NULL;
    list->groupings = calls;
    call = &calls[list->grouping_count++];
    *call = (struct grouping_call){.offset = ast->offset, .length = ast->length};
    for (uint32_t i = 0; i < ast->call->args.count; i++)
        if (!exprs_add(b->pl, &call->args, args[i]))
            return NULL;
    call->id = new_column(b->pl, "grouping", leat_type_get(LEAT_INT32));
    return at(expr_column(b->pl, call->id, NULL), ast);
}

/* --- windows --- */
static const struct leat_sql_window *named_window(struct binding *b,
                                                  const struct leat_sql_window *over)
{
    const struct leat_sql_select *select = b->scope->select;

    for (uint32_t i = 0; select && i < select->window_count; i++)
        if (leat_text_equal(select->windows[i].name.text, over->name.text))
            return &select->windows[i];
    plan_fail(b->pl, LEAT_E_UNKNOWN_WINDOW, over->name.offset, over->name.length, NULL,
              "window \"%s\" does not exist", over->name.text.data);
    return NULL;
}

static bool fill_window(struct binding *b, const struct leat_sql_window *over,
                        struct window_call *out)
{
    const struct leat_sql_window *window = over;
    const struct leat_sql_orders *order = &over->order;

    if (over->reference) {
        window = named_window(b, over);
        if (!window)
            return false;
        if (!over->order.count)
            order = &window->order;
    }
    for (uint32_t i = 0; i < window->partition.count; i++)
        if (!exprs_add(b->pl, &out->partition,
                       decide(b->pl, bind_expr(b, window->partition.items[i]))))
            return false;
    if (!bind_call_order(b, order, &out->keys))
        return false;
    out->sort_count = order->count;
    return bind_frame(b, over->frame.given ? over : window, out);
}

/* The frame's values become arguments behind the call's own. */
static bool add_range(struct planner *pl, struct window_call *call)
{
    uint32_t count = call->call.arg_count;
    struct leat_expr **args = plan_alloc(pl, (count + call->range.count + 1u) * sizeof(*args));

    if (!args)
        return false;
    if (count)
        memcpy(args, call->call.args, count * sizeof(*args));
    if (call->range.count)
        memcpy(args + count, call->range.items, call->range.count * sizeof(*args));
    call->call.args = args;
    call->call.arg_count += call->range.count;
    return true;
}

static struct leat_expr *bind_window(struct binding *b, const struct leat_sql_expr *ast,
                                     const char *name)
{
    struct windows *list = b->windows;
    struct window_call call = {0}, *calls;
    struct binding inner = *b;

    if (!list) {
        plan_fail(b->pl, LEAT_E_MISPLACED_WINDOW, ast->offset, ast->length,
                  "compute it in a subquery, and use its column here",
                  "window functions are not allowed in %s", clause_name(b->clause));
        return NULL;
    }
    inner.windows = NULL;
    inner.set_tail = NULL;
    inner.clause = CLAUSE_WINDOW;
    if (!fill_window(&inner, ast->call->over, &call) ||
        !fill_aggregate(&inner, ast, name, &call.call) || !add_range(b->pl, &call))
        return NULL;
    b->pending_tail = inner.pending_tail;
    b->inner_tail = inner.inner_tail;
    if (call.call.distinct) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                  "DISTINCT is not supported in window functions");
        return NULL;
    }
    call.id = new_column(b->pl, name, call.call.type);
    calls = plan_grow(b->pl, list->calls, list->count, &list->capacity, sizeof(call));
    if (!calls || call.id == UINT32_MAX)
        return NULL;
    list->calls = calls;
    list->calls[list->count++] = call;
    return at(expr_column(b->pl, call.id, NULL), ast);
}

static bool check_call(struct binding *b, const struct leat_sql_expr *ast, const char *name,
                       bool known, enum leat_function_kind kind)
{
    const struct leat_sql_call *call = ast->call;

    if (call->arg_names)
        return plan_fail(b->pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                         "%s takes no named arguments", name);
    if (call->star && strcmp(name, "count") != 0)
        return plan_fail(b->pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                         "only count takes *: %s(*) is not a function", name);
    if (known && kind == LEAT_FUNCTION_SCALAR &&
        (call->distinct || call->filter || call->order.count || call->over))
        return plan_fail(b->pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                         "%s is not an aggregate function, so DISTINCT, ORDER BY, FILTER and OVER "
                         "do not fit",
                         name);
    if (known && kind == LEAT_FUNCTION_WINDOW && !call->over)
        return plan_fail(b->pl, LEAT_E_MISPLACED_WINDOW, ast->offset, ast->length,
                         "add OVER (ORDER BY ...)", "window function %s needs an OVER clause",
                         name);
    return true;
}

/* date(x), text(x): a cast, if the name is a type's. NULL and no error: it is none. */
static struct leat_expr *bind_type_call(struct binding *b, const struct leat_sql_expr *ast,
                                        const char *name, bool *is_type)
{
    const struct leat_type *type = NULL;
    struct leat_expr *arg;

    *is_type = ast->call->args.count == 1 && !ast->call->over && !ast->call->arg_names &&
               leat_type_parse(leat_text_of(name), b->pl->arena, &type, NULL) == LEAT_OK;
    if (!*is_type)
        return NULL;
    arg = bind_expr(b, ast->call->args.items[0]);
    return arg ? at(coerce(b->pl, arg, type, LEAT_CAST_EXPLICIT, name), ast) : NULL;
}

/* unnest(list), generate_series(...) in a select list: a row for each item. */
static struct leat_expr *bind_set(struct binding *b, const struct leat_sql_expr *ast,
                                  const char *name)
{
    struct pending *pending = plan_alloc(b->pl, sizeof(*pending));
    struct leat_expr **args, *list;

    if (!pending)
        return NULL;
    if (!b->set_tail) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, "move it into FROM",
                  "%s gives rows, which are not allowed in %s", name, clause_name(b->clause));
        return NULL;
    }
    if (!(args = bind_args(b, ast->call)))
        return NULL;
    if (strcmp(name, "unnest") == 0)
        list = ast->call->args.count == 1 ? args[0] : NULL;
    else if (row_function_find(name))
        list = call_function(b->pl, row_function_find(name)->list, args, ast->call->args.count,
                             ast->offset, ast->length);
    else if (bind_series_args(b->pl, args, ast->call->args.count, ast))
        list = call_function(b->pl, name, args, 3, ast->offset, ast->length);
    else
        return NULL;
    if (!list && row_function_find(name))
        return NULL;
    if (!list || list->type->id != LEAT_LIST) {
        plan_fail(b->pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                  "%s takes one list here", name);
        return NULL;
    }
    if (*b->set_tail) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "put them into FROM, joined by their ordinality",
                  "several calls that give rows in one select list");
        return NULL;
    }
    pending->result = new_column(b->pl, name, list->type->fields[0].type);
    if (!exprs_add(b->pl, &pending->conds, list))
        return NULL;
    *b->set_tail = pending;
    return at(expr_column(b->pl, pending->result, NULL), ast);
}

struct leat_expr *bind_call(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_path *path = &ast->call->function;
    const char *name = path->parts[path->count - 1].text.data;
    enum leat_function_kind kind = LEAT_FUNCTION_SCALAR;
    bool known, is_type;
    struct leat_expr **args, *expr;

    if (strcmp(name, "coalesce") == 0)
        return bind_coalesce(b, ast);
    if (strcmp(name, "nullif") == 0)
        return bind_nullif(b, ast);
    if (strcmp(name, "grouping") == 0 && !ast->call->over)
        return bind_grouping_call(b, ast);
    if (strcmp(name, "unnest") == 0 || strcmp(name, "generate_series") == 0 ||
        row_function_find(name))
        return bind_set(b, ast, name);
    known = leat_function_exists(name, &kind);
    if (!check_call(b, ast, name, known, kind))
        return NULL;
    if (known && ast->call->over)
        return bind_window(b, ast, name);
    if (known && kind == LEAT_FUNCTION_AGGREGATE)
        return bind_aggregate(b, ast, name);
    if (!known && !ast->origin) {
        expr = bind_type_call(b, ast, name, &is_type);
        if (is_type)
            return expr;
    }
    if (!known && ast->origin == LEAT_SQL_ORIGIN_SPARK) {
        plan_fail(b->pl, LEAT_E_DIALECT, ast->offset, ast->length,
                  "write it alone, and compute with its column in a query around it",
                  "%s gives rows: inside an expression it is not carried over", name);
        return NULL;
    }
    args = bind_args(b, ast->call);
    if (args && ast->origin && strncmp(name, "spark_", 6) == 0)
        return spark_function(b, ast, name, args, ast->call->args.count);
    return args ? call_function(b->pl, name, args, ast->call->args.count, ast->offset, ast->length)
                : NULL;
}
