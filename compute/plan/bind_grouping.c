/*
 * GROUP BY: keys, grouping sets, and what may stand above a grouping.
 *
 * Grouping sets are one aggregation: each row is repeated for each set, with the keys that the set
 * lacks made null, and the set's mask is a further key. Where aggregates can be merged and groups
 * are few, what is
 * repeated are the groups of all keys with their states, so that the rows are read into groups
 * once. The empty set has a row also where there are no rows: so that aggregation gets one more row
 * for it, which no aggregate counts.
 */
#include "compute/plan/select.h"

#include <math.h>

static bool has_input_column(const struct select *s, const struct leat_sql_name *name)
{
    for (uint32_t i = 0; i < s->scope.visible_count; i++)
        if (leat_text_equal(s->scope.visible[i].name, name->text) ||
            (!name->quoted && leat_text_equal_nocase(s->scope.visible[i].name, name->text)))
            return true;
    return false;
}

static bool uses_aggregates(const struct select *s, const struct leat_expr *expr)
{
    if (expr->kind == LEAT_EXPR_COLUMN) {
        for (uint32_t i = 0; i < s->aggregates.count; i++)
            if (s->aggregates.ids.items[i] == expr->column)
                return true;
        for (uint32_t i = 0; i < s->windows.count; i++)
            if (s->windows.calls[i].id == expr->column)
                return true;
        for (uint32_t i = 0; i < s->aggregates.grouping_count; i++)
            if (s->aggregates.groupings[i].id == expr->column)
                return true;
        return false;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (uses_aggregates(s, expr->args[i]))
            return true;
    return false;
}

/* The key's number, or -1. */
static int bind_group_key(struct select *s, const struct leat_sql_expr *ast)
{
    struct binding b = s->binding;
    struct leat_expr *expr = NULL;
    bool bad, plain = ast->kind == LEAT_SQL_COLUMN && ast->path.count == 1;
    int item = -1;

    if (!plain || !has_input_column(s, &ast->path.parts[0])) {
        item = item_of(s, ast, "GROUP BY", &bad);
        if (bad)
            return -1;
    }
    if (item >= 0) {
        expr = s->items.items[item];
        if (uses_aggregates(s, expr)) {
            plan_fail(s->pl, LEAT_E_MISPLACED_AGGREGATE, ast->offset, ast->length, NULL,
                      "aggregate and window functions are not allowed in GROUP BY");
            return -1;
        }
    } else {
        b.clause = CLAUSE_GROUP_BY;
        b.aggregates = NULL;
        b.windows = NULL;
        b.pending_tail = s->binding.inner_tail;
        expr = decide(s->pl, bind_expr(&b, ast));
        if (!expr)
            return -1;
        s->binding.inner_tail = b.pending_tail;
    }
    for (uint32_t i = 0; i < s->keys.count; i++)
        if (leat_expr_equal(s->keys.items[i], expr))
            return (int)i;
    return exprs_add(s->pl, &s->keys, expr) ? (int)s->keys.count - 1 : -1;
}

/* The bits of the keys that an element of GROUP BY stands for. */
static bool bind_group_element(struct select *s, const struct leat_sql_expr *ast, uint64_t *bits)
{
    uint32_t count = ast->kind == LEAT_SQL_ROW ? ast->arg_count : 1;

    *bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        int key = bind_group_key(s, ast->kind == LEAT_SQL_ROW ? ast->args[i] : ast);
        if (key < 0)
            return false;
        *bits |= key < 64 ? (uint64_t)1 << key : 0;
    }
    return true;
}

static bool add_mask(struct select *s, uint64_t mask)
{
    struct set_masks *sets = &s->sets;

    for (uint32_t i = 0; i < sets->count && s->ast->sets_distinct; i++)
        if (sets->items[i] == mask)
            return true;
    for (uint32_t i = 0; i < sets->count && !sets->twice; i++)
        sets->twice = sets->items[i] == mask;
    sets->items[sets->count++] = mask;
    return true;
}

static bool bind_sets(struct select *s, const uint64_t *bits)
{
    uint64_t all;

    if (s->keys.count > 62)
        return plan_fail(s->pl, LEAT_E_LIMIT, s->ast->sets_offset, s->ast->sets_length, NULL,
                         "grouping sets of more than 62 keys");
    all = ((uint64_t)1 << s->keys.count) - 1;
    s->sets.items = plan_alloc(s->pl, s->ast->set_count * sizeof(uint64_t));
    if (!s->sets.items)
        return false;
    for (uint32_t i = 0; i < s->ast->set_count; i++) {
        const struct leat_sql_indexes *set = &s->ast->sets[i];
        uint64_t has = 0;
        for (uint32_t k = 0; k < set->count; k++)
            has |= bits[set->items[k]];
        if (!add_mask(s, all & ~has))
            return false;
    }
    return true;
}

bool bind_grouping(struct select *s)
{
    uint64_t *bits = plan_alloc(s->pl, (s->ast->group_by.count + 1u) * sizeof(*bits));

    if (!bits)
        return false;
    if (s->ast->grouping == LEAT_SQL_GROUP_ALL) {
        for (uint32_t i = 0; i < s->items.count; i++)
            if (!uses_aggregates(s, s->items.items[i]) &&
                s->items.items[i]->kind != LEAT_EXPR_CONSTANT &&
                !exprs_add(s->pl, &s->keys, s->items.items[i]))
                return false;
        s->grouped = true;
        return true;
    }
    for (uint32_t i = 0; i < s->ast->group_by.count; i++)
        if (!bind_group_element(s, s->ast->group_by.items[i], &bits[i]))
            return false;
    s->grouped = s->ast->grouping == LEAT_SQL_GROUP_BY || s->aggregates.count || s->ast->having ||
                 s->aggregates.grouping_count;
    return !s->ast->set_count || bind_sets(s, bits);
}

/* --- grouping sets --- */
/* What a grouping is over: the rows, once for each set. */
struct expanded {
    uint32_t mask;        /* column */
    uint32_t number;      /* column, if a set comes twice; else UINT32_MAX */
    uint32_t marker;      /* column that is null in rows that no aggregate counts; or UINT32_MAX */
    struct exprs keys;    /* of the aggregation, s->keys first */
    struct ids columns;   /* of these */
    struct exprs sources; /* s->keys below the repetition */
    struct ids states;    /* of the calls, where these are merged */
};

static struct leat_expr *integer(struct planner *pl, uint64_t value, enum leat_type_id type)
{
    struct leat_expr *expr = expr_integer(pl, (int64_t)value);
    return coerce(pl, expr, leat_type_get(type), LEAT_CAST_EXPLICIT, "GROUPING");
}

/* CASE WHEN the set has key k THEN yes ELSE no END */
static struct leat_expr *if_in_set(struct planner *pl, uint32_t mask, uint32_t k,
                                   struct leat_expr *yes, struct leat_expr *no)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CASE, yes ? yes->type : NULL, 3);
    struct leat_expr *args[2] = {expr_column(pl, mask, NULL),
                                 integer(pl, (uint64_t)1 << k, LEAT_INT64)};

    if (!expr || !yes || !no || !args[0] || !args[1])
        return NULL;
    args[0] = call_function(pl, "&", args, 2, 0, 0);
    args[1] = integer(pl, 0, LEAT_INT64);
    if (!args[0] || !args[1] || !(expr->args[0] = call_function(pl, "=", args, 2, 0, 0)))
        return NULL;
    expr->args[1] = yes;
    expr->args[2] = no;
    return expr;
}

static struct node *repeat_rows(struct select *s, struct node *tree, struct expanded *e)
{
    struct planner *pl = s->pl;
    struct node *node = new_node(pl, NODE_UNNEST, tree);
    struct leat_expr **args = plan_alloc(pl, s->sets.count * sizeof(*args));

    if (!node || !args)
        return NULL;
    for (uint32_t i = 0; i < s->sets.count; i++)
        if (!(args[i] = integer(pl, s->sets.items[i], LEAT_INT64)))
            return NULL;
    e->mask = new_column(pl, "grouping set", leat_type_get(LEAT_INT64));
    if (!exprs_add(pl, &node->exprs, call_function(pl, "array", args, s->sets.count, 0, 0)) ||
        !ids_add(pl, &node->columns, e->mask))
        return NULL;
    if (s->sets.twice) {
        e->number = new_column(pl, "grouping set", leat_type_get(LEAT_INT64));
        node->ordinality = true;
        if (!ids_add(pl, &node->columns, e->number))
            return NULL;
    }
    return node;
}

/* A row for each empty set, which has the columns of the others as nulls. */
static struct node *empty_rows(struct select *s, const struct idset *below, struct ids *columns)
{
    struct planner *pl = s->pl;
    uint64_t none = ((uint64_t)1 << s->keys.count) - 1;
    struct node *values = new_node(pl, NODE_VALUES, NULL), *map = new_node(pl, NODE_MAP, values);
    uint32_t mask = new_column(pl, "grouping set", leat_type_get(LEAT_INT64)), number = mask;

    if (!map || !values || !ids_add(pl, &values->columns, mask))
        return NULL;
    if (s->sets.twice) {
        number = new_column(pl, "grouping set", leat_type_get(LEAT_INT64));
        if (!ids_add(pl, &values->columns, number))
            return NULL;
    }
    for (uint32_t i = 0; i < s->sets.count; i++) {
        if (s->sets.items[i] != none)
            continue;
        values->row_count++;
        if (!exprs_add(pl, &values->exprs, integer(pl, none, LEAT_INT64)) ||
            (s->sets.twice && !exprs_add(pl, &values->exprs, integer(pl, i + 1u, LEAT_INT64))))
            return NULL;
    }
    for (uint32_t id = 0; id < pl->column_count; id++) {
        uint32_t copy;
        if (!idset_has(below, id))
            continue;
        copy = new_column(pl, pl->columns[id].name, pl->columns[id].type);
        if (!ids_add(pl, &map->columns, copy) || !ids_add(pl, columns, copy) ||
            !exprs_add(pl, &map->exprs, expr_null(pl, pl->columns[id].type)))
            return NULL;
    }
    return ids_add(pl, columns, mask) && (number == mask || ids_add(pl, columns, number)) ? map
                                                                                          : NULL;
}

static bool has_empty_set(const struct select *s)
{
    for (uint32_t i = 0; i < s->sets.count; i++)
        if (s->sets.items[i] == ((uint64_t)1 << s->keys.count) - 1)
            return true;
    return false;
}

/* The rows repeated, and those of the empty sets, under the same numbers of columns. */
static struct node *with_empty_rows(struct select *s, struct expanded *e)
{
    struct planner *pl = s->pl;
    struct node *map = new_node(pl, NODE_MAP, s->tree), *all = new_node(pl, NODE_UNION, NULL);
    struct idset below = {0};

    e->marker = new_column(pl, "row", leat_type_get(LEAT_BOOLEAN));
    if (!map || !all || !exprs_add(pl, &map->exprs, expr_boolean(pl, true)) ||
        !ids_add(pl, &map->columns, e->marker) || !node_outputs(pl, map, &below))
        return NULL;
    all->child_count = 2;
    all->children = plan_alloc(pl, 2 * sizeof(*all->children));
    all->child_columns = plan_alloc(pl, 2 * sizeof(*all->child_columns));
    if (!all->children || !all->child_columns || !(all->children[0] = repeat_rows(s, map, e)) ||
        !(all->children[1] = empty_rows(s, &below, &all->child_columns[1])))
        return NULL;
    for (uint32_t id = 0; id < pl->column_count; id++)
        if (idset_has(&below, id) && !ids_add(pl, &all->columns, id))
            return NULL;
    if (!ids_add(pl, &all->columns, e->mask) ||
        (s->sets.twice && !ids_add(pl, &all->columns, e->number)))
        return NULL;
    all->child_columns[0] = all->columns;
    return all;
}

/* Aggregates do not see the rows that stand for empty sets. */
static bool skip_marked(struct select *s, uint32_t marker)
{
    struct planner *pl = s->pl;

    for (uint32_t i = 0; i < s->aggregates.count; i++) {
        struct leat_aggregate *call = &s->aggregates.calls[i];
        struct exprs both = {0};
        if ((call->filter && !exprs_add(pl, &both, call->filter)) ||
            !exprs_add(pl, &both, expr_column(pl, marker, NULL)) ||
            !(call->filter = expr_and(pl, &both)))
            return false;
    }
    return true;
}

static bool add_expanded_key(struct planner *pl, struct expanded *e, struct leat_expr *expr,
                             uint32_t id)
{
    return exprs_add(pl, &e->keys, expr) && ids_add(pl, &e->columns, id);
}

/* The keys and their columns: one that is a plain column keeps its number. */
static bool plain_keys(struct select *s, struct expanded *e)
{
    for (uint32_t i = 0; i < s->keys.count; i++) {
        struct leat_expr *key = s->keys.items[i];
        uint32_t id =
            key->kind == LEAT_EXPR_COLUMN ? key->column : new_column(s->pl, "", key->type);
        if (!add_expanded_key(s->pl, e, key, id))
            return false;
    }
    return true;
}

/* Whether groups of all keys are few beside the rows, as far as statistics of their columns tell:
 * a state costs more to repeat and merge than a row. */
static bool are_few_groups(const struct select *s)
{
    enum { WORTH = 4 };
    double rows = 0, groups = 1;

    for (uint32_t i = 0; i < s->keys.count; i++)
        if (s->keys.items[i]->kind == LEAT_EXPR_COLUMN)
            rows = fmax(rows, s->pl->columns[s->keys.items[i]->column].rows);
    for (uint32_t i = 0; i < s->keys.count && rows > 0; i++)
        groups *= estimate_distinct(s->pl, s->keys.items[i], rows);
    return groups * WORTH <= rows || rows <= 0;
}

/* Where states can be merged, rows meet once, in groups of all keys, and only these groups are
 * repeated. */
static bool can_merge(const struct select *s)
{
    for (uint32_t i = 0; i < s->aggregates.count; i++)
        if (s->aggregates.calls[i].distinct || s->aggregates.calls[i].order_count)
            return false;
    return are_few_groups(s);
}

static bool add_partial(struct select *s, struct expanded *e)
{
    struct planner *pl = s->pl;
    struct node *node = new_node(pl, NODE_AGGREGATE, s->tree);
    struct expanded all = {0};

    if (!node || !plain_keys(s, &all))
        return false;
    node->mode = LEAT_AGGREGATE_PARTIAL;
    node->exprs = all.keys;
    node->key_count = all.keys.count;
    node->columns = all.columns;
    node->calls = s->aggregates.calls;
    node->call_count = s->aggregates.count;
    for (uint32_t i = 0; i < s->aggregates.count; i++) {
        uint32_t id = new_column(pl, "state", leat_type_get(LEAT_BYTES));
        if (!ids_add(pl, &node->columns, id) || !ids_add(pl, &e->states, id))
            return false;
    }
    for (uint32_t i = 0; i < all.columns.count; i++)
        if (!exprs_add(pl, &e->sources, expr_column(pl, all.columns.items[i], s->keys.items[i])))
            return false;
    s->tree = node;
    return true;
}

/* The calls as they are for states: their arguments' types count, not their values. */
static struct leat_aggregate *merging_calls(struct select *s)
{
    struct planner *pl = s->pl;
    struct leat_aggregate *calls = plan_alloc(pl, (s->aggregates.count + 1u) * sizeof(*calls));

    for (uint32_t i = 0; calls && i < s->aggregates.count; i++) {
        struct leat_expr **args;
        calls[i] = s->aggregates.calls[i];
        calls[i].filter = NULL;
        args = plan_alloc(pl, (calls[i].arg_count + 1u) * sizeof(*args));
        if (!args)
            return NULL;
        for (uint32_t k = 0; k < calls[i].arg_count; k++) {
            struct leat_expr *arg = calls[i].args[k];
            args[k] = arg->kind == LEAT_EXPR_CONSTANT ? arg : expr_null(pl, arg->type);
            if (!args[k])
                return NULL;
        }
        calls[i].args = args;
    }
    return calls;
}

static bool expand_sets(struct select *s, struct expanded *e)
{
    struct planner *pl = s->pl;
    struct node *map;

    if (!can_merge(s))
        e->sources = s->keys;
    else if (!add_partial(s, e))
        return false;
    s->tree = has_empty_set(s) ? with_empty_rows(s, e) : repeat_rows(s, s->tree, e);
    map = s->tree ? new_node(pl, NODE_MAP, s->tree) : NULL;
    if (!map || (e->marker != UINT32_MAX && !can_merge(s) && !skip_marked(s, e->marker)))
        return false;
    for (uint32_t k = 0; k < s->keys.count; k++) {
        struct leat_expr *key = e->sources.items[k];
        uint32_t id = new_column(pl, "", key->type);
        if (!exprs_add(pl, &map->exprs, if_in_set(pl, e->mask, k, key, expr_null(pl, key->type))) ||
            !ids_add(pl, &map->columns, id) ||
            !add_expanded_key(pl, e, expr_column(pl, id, key), id))
            return false;
    }
    s->tree = map;
    return add_expanded_key(pl, e, expr_column(pl, e->mask, NULL), e->mask) &&
           (e->number == UINT32_MAX ||
            add_expanded_key(pl, e, expr_column(pl, e->number, NULL), e->number));
}

/* --- GROUPING() --- */
static struct leat_expr *grouping_value(struct select *s, const struct grouping_call *call,
                                        const struct expanded *e)
{
    struct planner *pl = s->pl;
    struct leat_expr *sum = integer(pl, 0, LEAT_INT32);

    for (uint32_t i = 0; i < call->args.count; i++) {
        uint32_t k = 0;
        struct leat_expr *args[2] = {sum, NULL};
        while (k < s->keys.count && !leat_expr_equal(s->keys.items[k], call->args.items[i]))
            k++;
        if (k == s->keys.count) {
            plan_fail(pl, LEAT_E_GROUPING, call->offset, call->length, NULL,
                      "arguments to GROUPING must be grouping expressions of its own query");
            return NULL;
        }
        if (!s->sets.count)
            continue;
        args[1] = if_in_set(pl, e->mask, k, integer(pl, 0, LEAT_INT32),
                            integer(pl, (uint64_t)1 << (call->args.count - 1 - i), LEAT_INT32));
        sum = args[0] && args[1] ? call_function(pl, "+", args, 2, 0, 0) : NULL;
    }
    return sum;
}

static bool add_grouping_calls(struct select *s, const struct expanded *e)
{
    struct planner *pl = s->pl;
    struct node *map = new_node(pl, NODE_MAP, s->tree);

    if (!s->aggregates.grouping_count)
        return true;
    for (uint32_t i = 0; map && i < s->aggregates.grouping_count; i++) {
        const struct grouping_call *call = &s->aggregates.groupings[i];
        struct leat_expr *value = grouping_value(s, call, e);
        if (!value || !exprs_add(pl, &map->exprs, value) || !ids_add(pl, &map->columns, call->id))
            return false;
    }
    s->tree = map;
    return map != NULL;
}

/* --- above the grouping --- */
/* What is checked and replaced above the grouping. */
struct grouping {
    struct select *s;
    struct node *node;
    struct idset below; /* columns of FROM */
    struct idset above; /* columns of the grouping node */
};

static struct leat_expr *fix_expr(struct grouping *g, struct leat_expr *expr)
{
    struct planner *pl = g->s->pl;
    struct leat_expr *copy, **args;

    for (uint32_t i = 0; i < g->s->keys.count; i++)
        if (expr->kind != LEAT_EXPR_CONSTANT && leat_expr_equal(expr, g->s->keys.items[i]))
            return expr_column(pl, g->node->columns.items[i], expr);
    if (expr->kind == LEAT_EXPR_COLUMN) {
        if (!idset_has(&g->below, expr->column) || idset_has(&g->above, expr->column))
            return expr;
        plan_fail(pl, LEAT_E_GROUPING, expr->offset, expr->length,
                  "add it to GROUP BY, or use an aggregate such as min(...) or count(...)",
                  "column \"%s\" must appear in the GROUP BY clause or be used in an aggregate "
                  "function",
                  pl->columns[expr->column].name);
        return NULL;
    }
    if (!expr->arg_count)
        return expr;
    copy = expr_new(pl, expr->kind, expr->type, expr->arg_count);
    if (!copy)
        return NULL;
    args = copy->args;
    *copy = *expr;
    copy->args = args;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!(args[i] = fix_expr(g, expr->args[i])))
            return NULL;
    return copy;
}

static bool fix_exprs(struct grouping *g, struct exprs *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!(list->items[i] = fix_expr(g, list->items[i])))
            return false;
    return true;
}

static bool fix_windows(struct grouping *g)
{
    for (uint32_t w = 0; w < g->s->windows.count; w++) {
        struct window_call *call = &g->s->windows.calls[w];
        if (!fix_exprs(g, &call->partition))
            return false;
        for (uint32_t i = 0; i < call->sort_count; i++)
            if (!(call->keys[i].expr = fix_expr(g, call->keys[i].expr)))
                return false;
        for (uint32_t i = 0; i < call->call.arg_count; i++)
            if (!(call->call.args[i] = fix_expr(g, call->call.args[i])))
                return false;
        if (call->call.filter && !(call->call.filter = fix_expr(g, call->call.filter)))
            return false;
    }
    return true;
}

/* Correlated subqueries of the select list may use grouped columns only. */
static bool check_pending(struct grouping *g)
{
    struct planner *pl = g->s->pl;

    if (g->s->generators && !fix_exprs(g, &g->s->generators->conds))
        return false;
    for (struct pending *p = g->s->pending; p; p = p->next) {
        struct idset needed = {0};
        struct idset right = {0};
        if (!node_free(pl, p->right, &needed) || !node_outputs(pl, p->right, &right))
            return false;
        for (uint32_t i = 0; i < pl->column_count; i++)
            if (idset_has(&needed, i) && idset_has(&g->below, i) && !idset_has(&g->above, i))
                return plan_fail(pl, LEAT_E_GROUPING, 0, 0, NULL,
                                 "subquery uses ungrouped column \"%s\" from outer query",
                                 pl->columns[i].name);
        for (uint32_t i = 0; i < p->conds.count; i++)
            if (!(p->conds.items[i] = fix_expr(g, p->conds.items[i])))
                return false;
    }
    return true;
}

bool add_grouping(struct select *s)
{
    struct planner *pl = s->pl;
    struct grouping g = {.s = s};
    struct expanded e = {.number = UINT32_MAX, .marker = UINT32_MAX};

    s->tree = attach_pending(pl, s->tree, s->inner_pending);
    if (!s->tree || !s->grouped)
        return s->tree != NULL;
    if (!node_outputs(pl, s->tree, &g.below) ||
        !(s->sets.count ? expand_sets(s, &e) : plain_keys(s, &e)))
        return false;
    g.node = new_node(pl, NODE_AGGREGATE, s->tree);
    if (!g.node)
        return false;
    g.node->exprs = e.keys;
    g.node->key_count = e.keys.count;
    g.node->columns = e.columns;
    for (uint32_t i = 0; i < s->aggregates.count; i++)
        if (!ids_add(pl, &g.node->columns, s->aggregates.ids.items[i]))
            return false;
    for (uint32_t i = 0; i < g.node->columns.count; i++)
        if (!idset_add(pl, &g.above, g.node->columns.items[i]))
            return false;
    g.node->calls = s->aggregates.calls;
    g.node->call_count = s->aggregates.count;
    if (s->sets.count && can_merge(s)) {
        g.node->mode = LEAT_AGGREGATE_FINAL;
        g.node->states = e.states;
        if (!(g.node->calls = merging_calls(s)))
            return false;
    }
    s->tree = g.node;
    for (uint32_t i = 0; i < s->order_count; i++)
        if (s->orders[i].expr && !(s->orders[i].expr = fix_expr(&g, s->orders[i].expr)))
            return false;
    return add_grouping_calls(s, &e) && fix_exprs(&g, &s->items) && fix_exprs(&g, &s->having) &&
           fix_exprs(&g, &s->qualify) && fix_exprs(&g, &s->distinct_on) && fix_windows(&g) &&
           check_pending(&g);
}
