/*
 * ASOF JOIN: to each row of the left side the one row of the right side that comes nearest before
 * it (or behind, or at the same time), among those with equal keys.
 *
 * Both sides are numbered, the right one in the order of its times, and brought together as rows
 * (keys, time, side, numbers). A window over them, by keys and in the order of times, gives each
 * left row the greatest number of a right row so far; by the numbers the two sides are joined. So
 * the cost is that of sorting, however many rows share a key.
 */
#include "compute/plan/planner_internal.h"

struct asof {
    struct planner *pl;
    const struct leat_sql_from *from;
    struct exprs keys[2]; /* left, right */
    struct leat_expr *time[2];
    bool later;         /* the nearest behind it: <, <= */
    bool same_time;     /* counts: <=, >= */
    uint32_t number[2]; /* columns of the sides' row numbers */
    struct shared *shared[2];
};

/* At the condition, where there is one. */
static bool refuse(struct asof *a, const struct leat_expr *cond, const char *what)
{
    bool placed = cond && cond->length;

    return plan_fail(a->pl, LEAT_E_SQL_UNSUPPORTED, placed ? cond->offset : a->from->right->offset,
                     placed ? cond->length : a->from->right->length,
                     "write ASOF JOIN quotes q ON t.symbol = q.symbol AND t.at >= q.at", "%s",
                     what);
}

/* Which side's columns the expression uses: 0, 1, or -1. */
static bool side_of(struct asof *a, const struct leat_expr *expr, const struct idset *outputs,
                    int *side)
{
    struct idset refs = {0};

    if (!expr_refs(a->pl, expr, &refs))
        return false;
    *side = idset_empty(&refs)                 ? -1
            : idset_within(&refs, &outputs[0]) ? 0
            : idset_within(&refs, &outputs[1]) ? 1
                                               : -1;
    return true;
}

static bool add_condition(struct asof *a, struct leat_expr *cond, const struct idset *outputs)
{
    static const char *const names[] = {">=", ">", "<=", "<"};
    const char *name = cond->kind == LEAT_EXPR_CALL ? cond->function->name : "";
    int sides[2] = {-1, -1}, found = -1;

    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            found = i;
    if (cond->kind == LEAT_EXPR_CALL && cond->arg_count == 2 &&
        (!side_of(a, cond->args[0], outputs, &sides[0]) ||
         !side_of(a, cond->args[1], outputs, &sides[1])))
        return false;
    if (sides[0] < 0 || sides[1] < 0 || sides[0] == sides[1] ||
        (found < 0 && !expr_is_equality(cond)))
        return refuse(a, cond,
                      "ASOF JOIN takes equal keys and one comparison of times, each of both sides");
    if (found < 0)
        return exprs_add(a->pl, &a->keys[0], cond->args[sides[0] == 0 ? 0 : 1]) &&
               exprs_add(a->pl, &a->keys[1], cond->args[sides[0] == 0 ? 1 : 0]);
    if (a->time[0])
        return refuse(a, cond, "ASOF JOIN takes one comparison of times");
    a->later = (found >= 2) == (sides[0] == 0);
    a->same_time = found % 2 == 0;
    a->time[0] = cond->args[sides[0] == 0 ? 0 : 1];
    a->time[1] = cond->args[sides[0] == 0 ? 1 : 0];
    return true;
}

/* Of USING the last column is the time. */
static bool divide_conditions(struct asof *a, const struct node *left, const struct node *right,
                              struct exprs *conds)
{
    struct idset outputs[2] = {{0}};

    if (!node_outputs(a->pl, left, &outputs[0]) || !node_outputs(a->pl, right, &outputs[1]))
        return false;
    if (a->from->using_columns.count && conds->count) {
        struct leat_expr *last = conds->items[conds->count - 1];
        last = call_function(a->pl, ">=", last->args, 2, last->offset, last->length);
        if (!last)
            return false;
        conds->items[conds->count - 1] = last;
    }
    for (uint32_t i = 0; i < conds->count; i++)
        if (!add_condition(a, conds->items[i], outputs))
            return false;
    return a->time[0] || refuse(a, NULL, "ASOF JOIN needs a comparison of times");
}

/* The side with a number for each row, the right one's in the order of its times. */
static bool number_side(struct asof *a, struct node *node, int side)
{
    struct leat_sort_key *key = side ? plan_alloc(a->pl, sizeof(*key)) : NULL;
    const struct ids none = {0};

    if (side) {
        if (!key)
            return false;
        *key = (struct leat_sort_key){.expr = a->time[1], .descending = a->later};
    }
    node = add_numbers(a->pl, node, "row_number", &none, key, side ? 1 : 0, &a->number[side]);
    a->shared[side] = node ? new_shared(a->pl, node) : NULL;
    return a->shared[side] != NULL;
}

/* The side's rows that can have a partner as (keys, time, order, left number, right number). */
static struct node *make_events(struct asof *a, int side, struct ids *columns)
{
    struct planner *pl = a->pl;
    struct node *use = new_shared_use(pl, a->shared[side], false), *map, *filter;
    struct exprs values = {0}, conds = {0};
    struct leat_expr **copies =
        plan_alloc(pl, (a->shared[side]->columns.count + 1u) * sizeof(*copies));
    bool first = a->same_time == (side == 1); /* of rows with the same time */

    if (!use || !copies)
        return NULL;
    for (uint32_t i = 0; i < use->columns.count; i++)
        if (!(copies[i] = expr_column(pl, use->columns.items[i], NULL)))
            return NULL;
    if (!exprs_append(pl, &values, &a->keys[side]) || !exprs_add(pl, &values, a->time[side]))
        return NULL;
    if (!exprs_add(pl, &values, expr_integer(pl, first ? 0 : 1)))
        return NULL;
    for (int s = 0; s < 2; s++)
        if (!exprs_add(pl, &values,
                       s == side ? expr_column(pl, a->number[s], NULL)
                                 : expr_null(pl, leat_type_get(LEAT_INT64))))
            return NULL;
    if (!exprs_replace(pl, &values, a->shared[side]->columns.items, copies,
                       a->shared[side]->columns.count))
        return NULL;
    for (uint32_t i = 0; i <= a->keys[side].count; i++) /* nulls have no partner */
        if (!exprs_add(pl, &conds, expr_unary(pl, LEAT_EXPR_IS_NOT_NULL, values.items[i])))
            return NULL;
    filter = new_filter(pl, use, &conds);
    map = filter ? new_node(pl, NODE_MAP, filter) : NULL;
    for (uint32_t i = 0; map && i < values.count; i++) {
        uint32_t id = new_column(pl, "asof", values.items[i]->type);
        if (!ids_add(pl, &map->columns, id) || !ids_add(pl, columns, id) ||
            !exprs_add(pl, &map->exprs, values.items[i]))
            return NULL;
    }
    return map;
}

static struct node *unite(struct asof *a)
{
    struct planner *pl = a->pl;
    struct node *all = new_node(pl, NODE_UNION, NULL);

    if (!all)
        return NULL;
    all->child_count = 2;
    all->children = plan_alloc(pl, 2 * sizeof(*all->children));
    all->child_columns = plan_alloc(pl, 2 * sizeof(*all->child_columns));
    if (!all->children || !all->child_columns)
        return NULL;
    for (int side = 0; side < 2; side++)
        if (!(all->children[side] = make_events(a, side, &all->child_columns[side])))
            return NULL;
    for (uint32_t i = 0; i < all->child_columns[0].count; i++)
        if (!ids_add(pl, &all->columns,
                     new_column(pl, "asof", pl->columns[all->child_columns[0].items[i]].type)))
            return NULL;
    return all;
}

/* The greatest right number so far, beside the columns of `all`. */
static struct node *add_latest(struct asof *a, struct node *all, uint32_t *latest)
{
    struct planner *pl = a->pl;
    uint32_t keys = a->keys[0].count;
    struct leat_expr *number = expr_column(pl, all->columns.items[keys + 3], NULL);
    struct leat_expr *call = number ? call_function(pl, "max", &number, 1, 0, 0) : NULL;
    struct node *window = call ? new_node(pl, NODE_WINDOW, all) : NULL;

    if (!window)
        return NULL;
    *latest = new_column(pl, "latest", call->type);
    window->calls = plan_alloc(pl, sizeof(*window->calls));
    window->frames = plan_alloc(pl, sizeof(*window->frames));
    window->keys = plan_alloc(pl, 2 * sizeof(*window->keys));
    if (!window->calls || !window->frames || !window->keys ||
        !ids_add(pl, &window->columns, *latest))
        return NULL;
    window->call_count = 1;
    window->calls[0] = (struct leat_aggregate){
        .function = call->function, .type = call->type, .arg_count = 1, .args = call->args};
    window->frames[0] =
        (struct leat_frame){.unit = LEAT_FRAME_ROWS, .start = -LEAT_FRAME_UNBOUNDED};
    for (uint32_t k = 0; k < keys; k++)
        if (!exprs_add(pl, &window->partition, expr_column(pl, all->columns.items[k], NULL)))
            return NULL;
    window->sort_count = 2;
    for (uint32_t k = 0; k < 2; k++) {
        window->keys[k].expr = expr_column(pl, all->columns.items[keys + k], NULL);
        window->keys[k].descending = k == 0 && a->later;
        if (!window->keys[k].expr)
            return NULL;
    }
    return window;
}

/* left JOIN right ON a = b */
static struct node *join_by_number(struct asof *a, struct node *left, struct node *right,
                                   uint32_t l, uint32_t r)
{
    struct leat_expr *args[2] = {expr_column(a->pl, l, NULL), expr_column(a->pl, r, NULL)};
    struct leat_expr *equal = args[0] && args[1] ? call_function(a->pl, "=", args, 2, 0, 0) : NULL;
    struct node *join = new_join(
        a->pl, a->from->join == LEAT_SQL_JOIN_LEFT ? LEAT_JOIN_LEFT : LEAT_JOIN_INNER, left, right);

    return join && equal && exprs_add(a->pl, &join->conds, equal) ? join : NULL;
}

struct node *make_asof(struct planner *pl, const struct leat_sql_from *from, struct node *left,
                       struct node *right, struct exprs *conds)
{
    struct asof a = {.pl = pl, .from = from};
    struct exprs some = {0};
    struct node *all, *pairs, *node;
    uint32_t latest, number;

    if (!divide_conditions(&a, left, right, conds) || !number_side(&a, left, 0) ||
        !number_side(&a, right, 1) || !(all = unite(&a)) || !(pairs = add_latest(&a, all, &latest)))
        return NULL;
    number = all->columns.items[a.keys[0].count + 2];
    if (!exprs_add(pl, &some,
                   expr_unary(pl, LEAT_EXPR_IS_NOT_NULL, expr_column(pl, number, NULL))) ||
        !exprs_add(pl, &some, expr_unary(pl, LEAT_EXPR_IS_NOT_NULL, expr_column(pl, latest, NULL))))
        return NULL;
    node = new_shared_use(pl, a.shared[0], true);
    pairs = new_filter(pl, pairs, &some);
    node = node && pairs ? join_by_number(&a, node, pairs, a.number[0], number) : NULL;
    right = node ? new_shared_use(pl, a.shared[1], true) : NULL;
    return right ? join_by_number(&a, node, right, latest, a.number[1]) : NULL;
}
