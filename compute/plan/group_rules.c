/*
 * Rewrites of groupings. Keys that others determine are computed behind the grouping; DISTINCT
 * calls over one argument become calls over a grouping by it, which all threads share and which can
 * leave memory; sums of one value with several numbers added become one sum.
 */
#include "compute/plan/planner_internal.h"

/* --- building --- */

/* A map above the node, or the node if it is a map made here. */
static struct node *map_over(struct planner *pl, struct node *map, struct node *group)
{
    return map ? map : new_node(pl, NODE_MAP, group);
}

static bool map_add(struct planner *pl, struct node *map, uint32_t id, struct leat_expr *expr)
{
    return map && expr && ids_add(pl, &map->columns, id) && exprs_add(pl, &map->exprs, expr);
}

/* A further call of the grouping; its column, UINT32_MAX on failure. */
static uint32_t add_call(struct planner *pl, struct node *group, const char *name,
                         struct leat_expr *arg, struct leat_expr *filter)
{
    struct leat_expr *call = call_function(pl, name, &arg, arg ? 1 : 0, 0, 0);
    struct leat_aggregate *calls =
        plan_alloc(pl, (group->call_count + 1u) * sizeof(*calls)); /* few are made */
    uint32_t id = call ? new_column(pl, name, call->type) : UINT32_MAX;

    if (!calls || id == UINT32_MAX || !ids_add(pl, &group->columns, id))
        return UINT32_MAX;
    if (group->call_count)
        memcpy(calls, group->calls, group->call_count * sizeof(*calls));
    calls[group->call_count++] = (struct leat_aggregate){.function = call->function,
                                                         .arg_count = call->arg_count,
                                                         .args = call->args,
                                                         .filter = filter,
                                                         .type = call->type};
    group->calls = calls;
    return id;
}

static struct leat_expr *cast_to(struct planner *pl, struct leat_expr *expr,
                                 const struct leat_type *type)
{
    return expr ? coerce(pl, expr, type, LEAT_CAST_EXPLICIT, "aggregate") : NULL;
}

/* --- keys that others determine --- */

/* Equal values are the same in every respect, so that what is computed of them is the same. */
static bool equal_is_same(const struct leat_type *type)
{
    return type->id != LEAT_NULL && type->id != LEAT_FLOAT && type->id != LEAT_DOUBLE &&
           type->id != LEAT_INTERVAL && type->id != LEAT_JSON && !leat_type_is_nested(type);
}

/* Takes out keys that are constant or computed of other keys: *map computes them. */
static bool reduce_keys(struct planner *pl, struct node *group, struct node **map)
{
    struct idset plain = {0};
    struct exprs exprs = {0};
    struct ids columns = {0};

    for (uint32_t k = 0; k < group->key_count; k++) {
        const struct leat_expr *key = group->exprs.items[k];
        if (key->kind == LEAT_EXPR_COLUMN && key->column == group->columns.items[k] &&
            equal_is_same(key->type) && !idset_add(pl, &plain, key->column))
            return false;
    }
    for (uint32_t k = 0; k < group->key_count; k++) {
        struct leat_expr *key = group->exprs.items[k];
        struct idset refs = {0};
        uint32_t id = group->columns.items[k];
        bool last = exprs.count == 0 && k + 1 == group->key_count; /* one must remain */
        if (!expr_refs(pl, key, &refs))
            return false;
        if (key->kind != LEAT_EXPR_COLUMN && !last && expr_deterministic(key) &&
            idset_within(&refs, &plain)) {
            *map = map_over(pl, *map, group);
            if (!map_add(pl, *map, id, key))
                return false;
        } else if (!exprs_add(pl, &exprs, key) || !ids_add(pl, &columns, id)) {
            return false;
        }
    }
    for (uint32_t c = group->key_count; c < group->columns.count; c++)
        if (!ids_add(pl, &columns, group->columns.items[c]))
            return false;
    group->key_count = exprs.count;
    group->exprs = exprs;
    group->columns = columns;
    return true;
}

/* --- DISTINCT --- */

static bool is_named(const struct leat_aggregate *call, const char *name)
{
    return strcmp(call->function->name, name) == 0;
}

/* Calls whose result is that of the results of parts: of a count the sum, and so on. */
static bool has_parts(const struct leat_aggregate *call)
{
    const struct leat_type *type = call->arg_count ? call->args[0]->type : NULL;
    bool exact = type && ((type->id >= LEAT_INT8 && type->id <= LEAT_INT64) ||
                          (type->id == LEAT_DECIMAL && leat_type_is_small_decimal(type)));

    if (call->order_count || call->arg_count > 1 ||
        (call->filter && !expr_deterministic(call->filter)))
        return false;
    return is_named(call, "count") || (exact && (is_named(call, "sum") || is_named(call, "avg"))) ||
           (type && equal_is_same(type) && (is_named(call, "min") || is_named(call, "max")));
}

/* The one argument of all DISTINCT calls, if everything can be made of a grouping by it. */
static const struct leat_expr *distinct_argument(const struct node *group)
{
    static const char *const known[] = {"count", "sum", "avg", "min", "max"};
    const struct leat_expr *argument = NULL;

    for (uint32_t i = 0; i < group->call_count; i++) {
        const struct leat_aggregate *call = &group->calls[i];
        bool fits = false;
        if (!call->distinct) {
            if (!has_parts(call))
                return NULL;
            continue;
        }
        for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++)
            fits |= is_named(call, known[n]);
        if (!fits || call->filter || call->order_count || call->arg_count != 1 ||
            !expr_deterministic(call->args[0]) || leat_type_is_nested(call->args[0]->type) ||
            (argument && !leat_expr_equal(argument, call->args[0])))
            return NULL;
        argument = call->args[0];
    }
    return argument;
}

/* The sum of the parts' counts: 0 where there are no parts. */
static struct leat_expr *total_count(struct planner *pl, struct node *outer, uint32_t part)
{
    uint32_t sum = add_call(pl, outer, "sum", expr_column(pl, part, NULL), NULL);
    struct leat_expr *total =
        sum != UINT32_MAX ? expr_new(pl, LEAT_EXPR_COALESCE, leat_type_get(LEAT_INT64), 2) : NULL;

    if (!total ||
        !(total->args[0] = cast_to(pl, expr_column(pl, sum, NULL), leat_type_get(LEAT_INT64))) ||
        !(total->args[1] = cast_to(pl, expr_integer(pl, 0), leat_type_get(LEAT_INT64))))
        return NULL;
    return total;
}

/* avg: the sum by the count, with one rounding, as the aggregate does. */
static struct leat_expr *quotient(struct planner *pl, struct leat_expr *sum,
                                  struct leat_expr *count, const struct leat_type *type)
{
    struct leat_expr *args[2];
    struct leat_expr *divided;

    if (sum && sum->type->id != LEAT_DECIMAL)
        sum = cast_to(pl, sum, leat_type_decimal(19, 0));
    args[0] = sum;
    args[1] = cast_to(pl, count, leat_type_decimal(19, 0));
    divided = args[0] && args[1] ? call_function(pl, "/", args, 2, 0, 0) : NULL;
    if (divided) {
        divided->args = plan_alloc(pl, sizeof(args));
        if (!divided->args)
            return NULL;
        memcpy(divided->args, args, sizeof(args));
        divided->type = type;
    }
    return divided;
}

/* A call over parts: what the outer grouping gives as column `id`, or the map computes. */
static bool join_parts(struct planner *pl, struct node *inner, struct node *outer, struct node *map,
                       const struct leat_aggregate *call, uint32_t id)
{
    struct leat_expr *arg = call->arg_count ? call->args[0] : NULL, *result = NULL;
    bool average = is_named(call, "avg"), count = is_named(call, "count");
    uint32_t part, total;

    if (count || average) {
        part = add_call(pl, inner, "count", arg, call->filter);
        result = part != UINT32_MAX ? total_count(pl, outer, part) : NULL;
        if (!result || count)
            return map_add(pl, map, id, result);
    }
    part = add_call(pl, inner, average ? "sum" : call->function->name, arg, call->filter);
    if (part == UINT32_MAX)
        return false;
    total = add_call(pl, outer, average ? "sum" : call->function->name, expr_column(pl, part, NULL),
                     NULL);
    if (total == UINT32_MAX)
        return false;
    result = average ? quotient(pl, expr_column(pl, total, NULL), result, call->type)
                     : cast_to(pl, expr_column(pl, total, NULL), call->type);
    return map_add(pl, map, id, result);
}

static struct node *divide_distinct(struct planner *pl, struct node *group)
{
    const struct leat_expr *argument = distinct_argument(group);
    struct node *inner, *outer, *map;
    uint32_t value = UINT32_MAX;

    if (!argument)
        return group;
    inner = new_node(pl, NODE_AGGREGATE, group->left);
    outer = inner ? new_node(pl, NODE_AGGREGATE, inner) : NULL;
    map = outer ? new_node(pl, NODE_MAP, outer) : NULL;
    if (!map)
        return NULL;
    for (uint32_t k = 0; k < group->key_count; k++) {
        uint32_t id = group->columns.items[k];
        if (!ids_add(pl, &inner->columns, id) ||
            !exprs_add(pl, &inner->exprs, group->exprs.items[k]) ||
            !ids_add(pl, &outer->columns, id) ||
            !exprs_add(pl, &outer->exprs, expr_column(pl, id, NULL)))
            return NULL;
        if (leat_expr_equal(group->exprs.items[k], argument))
            value = id;
    }
    if (value == UINT32_MAX) {
        value = argument->kind == LEAT_EXPR_COLUMN ? argument->column
                                                   : new_column(pl, "distinct", argument->type);
        if (!ids_add(pl, &inner->columns, value) ||
            !exprs_add(pl, &inner->exprs, (struct leat_expr *)argument))
            return NULL;
    }
    inner->key_count = inner->exprs.count;
    outer->key_count = outer->exprs.count;
    for (uint32_t i = 0; i < group->call_count; i++) {
        const struct leat_aggregate *call = &group->calls[i];
        uint32_t id = group->columns.items[group->key_count + i], total;
        if (!call->distinct) {
            if (!join_parts(pl, inner, outer, map, call, id))
                return NULL;
            continue;
        }
        total = add_call(pl, outer, call->function->name, expr_column(pl, value, NULL), NULL);
        if (total == UINT32_MAX ||
            !map_add(pl, map, id, cast_to(pl, expr_column(pl, total, NULL), call->type)))
            return NULL;
    }
    return map;
}

/* --- sums of one value with numbers added --- */

/* value + number, where it cannot overflow: a smallint made an integer. */
static bool is_shifted(const struct leat_aggregate *call, const struct leat_expr **value,
                       int64_t *number)
{
    const struct leat_expr *sum = call->arg_count == 1 ? call->args[0] : NULL;
    bool minus;

    if (!sum || !is_named(call, "sum") || call->distinct || call->filter || call->order_count ||
        sum->kind != LEAT_EXPR_CALL || sum->type->id != LEAT_INT32 || sum->arg_count != 2)
        return false;
    minus = strcmp(sum->function->name, "-") == 0;
    if ((!minus && strcmp(sum->function->name, "+") != 0) ||
        sum->args[1]->kind != LEAT_EXPR_CONSTANT || sum->args[1]->constant.is_null ||
        sum->args[0]->kind != LEAT_EXPR_CAST || sum->args[0]->args[0]->type->id != LEAT_INT16)
        return false;
    *value = sum->args[0];
    *number = minus ? -sum->args[1]->constant.integer : sum->args[1]->constant.integer;
    return *number > -(INT32_MAX - INT16_MAX) && *number < INT32_MAX - INT16_MAX;
}

static bool is_common(const struct node *group, const struct leat_expr *value)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < group->call_count; i++) {
        const struct leat_expr *other;
        int64_t number;
        found += is_shifted(&group->calls[i], &other, &number) && leat_expr_equal(value, other);
    }
    return found > 2;
}

/* sum(value) + number * count(value), from the columns of the two. */
static struct leat_expr *shifted_sum(struct planner *pl, const uint32_t columns[2], int64_t number)
{
    struct leat_expr *args[2] = {cast_to(pl, expr_integer(pl, number), leat_type_get(LEAT_INT64)),
                                 expr_column(pl, columns[1], NULL)};

    args[1] = args[0] && args[1] ? call_function(pl, "*", args, 2, 0, 0) : NULL;
    args[0] = expr_column(pl, columns[0], NULL);
    return args[0] && args[1] ? call_function(pl, "+", args, 2, 0, 0) : NULL;
}

/* One value is done in one pass; others in further ones. */
static struct node *join_sums(struct planner *pl, struct node *group)
{
    const struct leat_expr *common = NULL;
    struct node *out, *map;
    uint32_t columns[2];

    for (uint32_t i = 0; i < group->call_count && !common; i++) {
        const struct leat_expr *value;
        int64_t number;
        if (is_shifted(&group->calls[i], &value, &number) && is_common(group, value))
            common = value;
    }
    if (!common)
        return group;
    out = new_node(pl, NODE_AGGREGATE, group->left);
    map = out ? new_node(pl, NODE_MAP, out) : NULL;
    if (!map)
        return NULL;
    out->exprs = group->exprs;
    out->key_count = group->key_count;
    for (uint32_t k = 0; k < group->key_count; k++)
        if (!ids_add(pl, &out->columns, group->columns.items[k]))
            return NULL;
    out->calls = plan_alloc(pl, group->call_count * sizeof(*out->calls));
    if (!out->calls)
        return NULL;
    for (uint32_t i = 0; i < group->call_count; i++) {
        const struct leat_expr *value;
        int64_t number;
        if (is_shifted(&group->calls[i], &value, &number) && leat_expr_equal(value, common))
            continue;
        out->calls[out->call_count++] = group->calls[i];
        if (!ids_add(pl, &out->columns, group->columns.items[group->key_count + i]))
            return NULL;
    }
    columns[0] = add_call(pl, out, "sum", (struct leat_expr *)common, NULL);
    columns[1] = columns[0] != UINT32_MAX
                     ? add_call(pl, out, "count", (struct leat_expr *)common, NULL)
                     : UINT32_MAX;
    if (columns[1] == UINT32_MAX)
        return NULL;
    for (uint32_t i = 0; i < group->call_count; i++) {
        const struct leat_expr *value;
        int64_t number;
        if (is_shifted(&group->calls[i], &value, &number) && leat_expr_equal(value, common) &&
            !map_add(pl, map, group->columns.items[group->key_count + i],
                     cast_to(pl, shifted_sum(pl, columns, number), group->calls[i].type)))
            return NULL;
    }
    return map;
}

struct node *rewrite_group(struct planner *pl, struct node *group)
{
    struct node *map = NULL, *out;

    if (group->mode != LEAT_AGGREGATE_COMPLETE)
        return group;
    if (group->key_count > 1 && rule_is_on(pl, LEAT_RULE_GROUP_KEYS) &&
        !reduce_keys(pl, group, &map))
        return NULL;
    if (map)
        return map;
    if (rule_is_on(pl, LEAT_RULE_SHIFTED_SUMS) && (out = join_sums(pl, group)) != group)
        return out;
    return rule_is_on(pl, LEAT_RULE_DISTINCT_CALLS) ? divide_distinct(pl, group) : group;
}
