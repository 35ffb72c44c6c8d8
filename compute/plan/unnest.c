/*
 * Dependent joins: a right side that uses columns of the left is turned into one that does not.
 *
 * First, by pulling: conditions that tie the right side to the left move up into the join. Through
 * a grouping only equalities can move, f(left) = g(right), where g becomes a further key. This is
 * enough for almost all queries that people write, and needs no copy of the left side.
 *
 * Otherwise, after T. Neumann and A. Kemper, "Unnesting Arbitrary Queries" (BTW 2015): the distinct
 * values of the used left columns, the domain, are computed once and pushed down the right side as
 * a further input: each operator then works for all values of the domain at once (groupings and
 * windows take the domain as further keys), and the result is joined back on the domain's columns.
 *
 * A grouping without keys gives a row even for no input. Such a row is made after the join: the
 * left row finds no match, and counts become 0.
 */
#include "compute/plan/planner_internal.h"

/* --- helpers --- */
static bool refs_meet(struct planner *pl, const struct leat_expr *expr, const struct idset *set,
                      bool *out)
{
    struct idset refs = {0};
    if (!expr_refs(pl, expr, &refs))
        return false;
    *out = idset_meets(&refs, set);
    return true;
}

static bool is_free(struct planner *pl, const struct node *node, const struct idset *outer,
                    bool *out)
{
    struct idset needed = {0};
    if (!node_free(pl, node, &needed))
        return false;
    *out = idset_meets(&needed, outer);
    return true;
}

static bool is_count(const struct leat_aggregate *call)
{
    return strcmp(call->function->name, "count") == 0;
}

/* The shared child is looked at along its projections only: subplans that share subplans would
 * otherwise be walked again and again. */
static const struct node *shared_top(const struct node *node)
{
    node = node->shared->child;
    while (node && node->kind == NODE_MAP)
        node = node->left;
    return node && (node->kind == NODE_AGGREGATE || node->kind == NODE_VALUES) ? node : NULL;
}

bool node_is_single(const struct node *node)
{
    switch (node->kind) {
    case NODE_AGGREGATE:
        return node->key_count == 0;
    case NODE_VALUES:
        return node->row_count <= 1;
    case NODE_SORT:
    case NODE_LIMIT:
        return node->limit <= 1 || node_is_single(node->left);
    case NODE_MAP:
    case NODE_FILTER:
    case NODE_WINDOW:
        return node_is_single(node->left);
    case NODE_JOIN:
        if (node->join == LEAT_JOIN_INNER || node->join == LEAT_JOIN_LEFT)
            return node_is_single(node->left) && node_is_single(node->right);
        return node->join != LEAT_JOIN_FULL && node->join != LEAT_JOIN_RIGHT &&
               node_is_single(node->left);
    case NODE_SHARED:
        return shared_top(node) && node_is_single(shared_top(node));
    default:
        return false;
    }
}

/* Exactly one row, always. */
static bool gives_one_row(const struct node *node)
{
    if (node->kind == NODE_MAP || node->kind == NODE_WINDOW ||
        (node->kind == NODE_SORT && node->limit > 0 && node->offset == 0))
        return gives_one_row(node->left);
    if (node->kind == NODE_JOIN && node->join == LEAT_JOIN_INNER && !node->conds.count)
        return gives_one_row(node->left) && gives_one_row(node->right);
    if (node->kind == NODE_SHARED)
        return shared_top(node) && gives_one_row(shared_top(node));
    return (node->kind == NODE_AGGREGATE && node->key_count == 0) ||
           (node->kind == NODE_VALUES && node->row_count == 1);
}

/* --- pulling --- */
struct pulling {
    struct planner *pl;
    const struct idset *outer; /* columns of the left side */
    struct exprs pulled;
};

/* An equality with the outer columns on one side only, and they alone there. */
static bool is_tie(struct pulling *p, const struct leat_expr *cond, bool *out)
{
    bool sides[2] = {false, false};
    struct idset refs[2] = {{0}, {0}};

    *out = false;
    if (!expr_is_equality(cond) || !expr_deterministic(cond))
        return true;
    for (int i = 0; i < 2; i++) {
        if (!expr_refs(p->pl, cond->args[i], &refs[i]))
            return false;
        sides[i] = idset_meets(&refs[i], p->outer);
    }
    *out = (sides[0] && !sides[1] && idset_within(&refs[0], p->outer)) ||
           (sides[1] && !sides[0] && idset_within(&refs[1], p->outer));
    return true;
}

static bool pull(struct pulling *p, struct node **slot, bool grouped);

/* Takes the conditions that use outer columns out of the list. */
static bool pull_conds(struct pulling *p, struct exprs *conds, bool grouped)
{
    struct exprs kept = {0};

    for (uint32_t i = 0; i < conds->count; i++) {
        bool uses, tie = true;
        if (!refs_meet(p->pl, conds->items[i], p->outer, &uses))
            return false;
        if (uses && grouped && !is_tie(p, conds->items[i], &tie))
            return false;
        if (!exprs_add(p->pl, uses && tie ? &p->pulled : &kept, conds->items[i]))
            return false;
    }
    *conds = kept;
    return true;
}

/* The grouping's keys take what the pulled equalities use of the right side. */
static bool pull_through_group(struct pulling *p, struct node *group)
{
    struct planner *pl = p->pl;
    struct exprs outside = p->pulled, keys = {0};
    struct ids columns = {0};

    p->pulled = (struct exprs){0};
    if (!pull(p, &group->left, true))
        return false;
    if (!p->pulled.count) {
        p->pulled = outside;
        return true;
    }
    for (uint32_t i = 0; i < group->key_count; i++)
        if (!exprs_add(pl, &keys, group->exprs.items[i]) ||
            !ids_add(pl, &columns, group->columns.items[i]))
            return false;
    for (uint32_t i = 0; i < p->pulled.count; i++) {
        struct leat_expr *cond = p->pulled.items[i], *copy;
        bool first_is_outer;
        uint32_t side, id = UINT32_MAX;
        if (!refs_meet(pl, cond->args[0], p->outer, &first_is_outer))
            return false;
        side = first_is_outer ? 1 : 0;
        for (uint32_t k = 0; k < keys.count; k++)
            if (leat_expr_equal(keys.items[k], cond->args[side]))
                id = columns.items[k];
        if (id == UINT32_MAX) {
            id = cond->args[side]->kind == LEAT_EXPR_COLUMN
                     ? cond->args[side]->column
                     : new_column(pl, "", cond->args[side]->type);
            if (!exprs_add(pl, &keys, cond->args[side]) || !ids_add(pl, &columns, id))
                return false;
        }
        copy = expr_new(pl, cond->kind, cond->type, 2);
        if (!copy)
            return false;
        struct leat_expr **args = copy->args;
        *copy = *cond;
        copy->args = args;
        args[side] = expr_column(pl, id, cond->args[side]);
        args[1 - side] = cond->args[1 - side];
        if (!args[side])
            return false;
        p->pulled.items[i] = copy;
    }
    for (uint32_t i = group->key_count; i < group->columns.count; i++)
        if (!ids_add(pl, &columns, group->columns.items[i]))
            return false;
    group->key_count = keys.count;
    group->exprs = keys;
    group->columns = columns;
    return exprs_append(pl, &outside, &p->pulled) && (p->pulled = outside, true);
}

static bool pull(struct pulling *p, struct node **slot, bool grouped)
{
    struct node *node = *slot;

    switch (node->kind) {
    case NODE_FILTER:
        if (!pull_conds(p, &node->conds, grouped))
            return false;
        if (!node->conds.count)
            *slot = node->left;
        return pull(p, node->conds.count ? &node->left : slot, grouped);
    case NODE_MAP:
    case NODE_UNNEST:
        return pull(p, &node->left, grouped);
    case NODE_SORT:
        return node->limit != UINT64_MAX || node->offset || pull(p, &node->left, grouped);
    case NODE_AGGREGATE:
        return node->key_count == 0 || pull_through_group(p, node);
    case NODE_JOIN:
        if (node->join == LEAT_JOIN_INNER)
            return pull_conds(p, &node->conds, grouped) && pull(p, &node->left, grouped) &&
                   pull(p, &node->right, grouped);
        if (node->join != LEAT_JOIN_FULL && node->join != LEAT_JOIN_RIGHT)
            return pull(p, &node->left, grouped);
        return true;
    default:
        return true;
    }
}

/* Copies the nodes that pulling may change, so that a failed attempt leaves the tree as it was. */
static struct node *copy_tree(struct planner *pl, const struct node *node)
{
    struct node *copy;

    if (!node)
        return NULL;
    copy = new_node(pl, node->kind, NULL);
    if (!copy)
        return NULL;
    *copy = *node;
    if (node->left && !(copy->left = copy_tree(pl, node->left)))
        return NULL;
    if (node->right && !(copy->right = copy_tree(pl, node->right)))
        return NULL;
    return copy;
}

/* Tries to free *right of the outer columns by pulling; *conds gets what was pulled. */
static bool try_pull(struct planner *pl, struct node **right, const struct idset *outer,
                     struct exprs *conds, bool *done)
{
    struct pulling p = {.pl = pl, .outer = outer};
    struct node *copy = copy_tree(pl, *right);
    bool left_over;

    *done = false;
    if (!copy || !pull(&p, &copy, false) || !is_free(pl, copy, outer, &left_over))
        return false;
    if (left_over)
        return true;
    *done = true;
    *right = copy;
    return exprs_append(pl, conds, &p.pulled);
}

/* --- the domain --- */
struct domain {
    struct planner *pl;
    struct shared *shared; /* the distinct values */
    struct ids outer;      /* the left columns, in the order of shared->columns' keys */
    struct ids inner;      /* the same within shared */
    struct idset outer_set;
};

/* A use of the domain: outer columns -> columns of this use. */
static struct node *use_domain(struct domain *d, struct ids *map)
{
    struct node *use = new_shared_use(d->pl, d->shared, false);

    *map = (struct ids){0};
    if (!use)
        return NULL;
    for (uint32_t i = 0; i < d->inner.count; i++)
        for (uint32_t k = 0; k < d->shared->columns.count; k++)
            if (d->shared->columns.items[k] == d->inner.items[i] &&
                !ids_add(d->pl, map, use->columns.items[k]))
                return NULL;
    return use;
}

static struct leat_expr **columns_of(struct planner *pl, const struct ids *map)
{
    struct leat_expr **list = plan_alloc(pl, (map->count + 1u) * sizeof(*list));
    for (uint32_t i = 0; list && i < map->count; i++)
        if (!(list[i] = expr_column(pl, map->items[i], NULL)))
            return NULL;
    return list;
}

/* Replaces the outer columns by those of the map everywhere in the node itself. */
static bool substitute(struct domain *d, struct node *node, const struct ids *map)
{
    struct planner *pl = d->pl;
    struct leat_expr **with = columns_of(pl, map);
    const uint32_t *from = d->outer.items;
    uint32_t count = d->outer.count;

    if (!with || !exprs_replace(pl, &node->exprs, from, with, count) ||
        !exprs_replace(pl, &node->conds, from, with, count) ||
        !exprs_replace(pl, &node->partition, from, with, count))
        return false;
    if (node->sort_count) {
        struct leat_sort_key *keys = plan_alloc(pl, node->sort_count * sizeof(*keys));
        if (!keys)
            return false;
        for (uint32_t i = 0; i < node->sort_count; i++) {
            keys[i] = node->keys[i];
            if (!(keys[i].expr = expr_replace(pl, keys[i].expr, from, with, count)))
                return false;
        }
        node->keys = keys;
    }
    if (node->call_count) {
        struct leat_aggregate *calls = plan_alloc(pl, node->call_count * sizeof(*calls));
        if (!calls)
            return false;
        for (uint32_t i = 0; i < node->call_count; i++) {
            struct exprs args = {node->calls[i].args, node->calls[i].arg_count,
                                 node->calls[i].arg_count};
            calls[i] = node->calls[i];
            if (!exprs_replace(pl, &args, from, with, count))
                return false;
            calls[i].args = args.items;
            if (calls[i].filter &&
                !(calls[i].filter = expr_replace(pl, calls[i].filter, from, with, count)))
                return false;
        }
        node->calls = calls;
    }
    return true;
}

/* a IS NOT DISTINCT FROM b for each pair. */
static bool add_matches(struct planner *pl, struct exprs *conds, const struct ids *a,
                        const struct ids *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        struct leat_expr *args[2] = {expr_column(pl, a->items[i], NULL),
                                     expr_column(pl, b->items[i], NULL)};
        struct leat_expr *equal = call_function(pl, "=", args, 2, 0, 0);
        struct leat_expr *nulls = expr_new(pl, LEAT_EXPR_AND, leat_type_get(LEAT_BOOLEAN), 2);
        struct leat_expr *match = expr_new(pl, LEAT_EXPR_COALESCE, leat_type_get(LEAT_BOOLEAN), 2);
        if (!equal || !nulls || !match ||
            !(nulls->args[0] = expr_unary(pl, LEAT_EXPR_IS_NULL, equal->args[0])) ||
            !(nulls->args[1] = expr_unary(pl, LEAT_EXPR_IS_NULL, equal->args[1])))
            return false;
        match->args[0] = equal;
        match->args[1] = nulls;
        if (!exprs_add(pl, conds, match))
            return false;
    }
    return true;
}

/* Counts of a grouping that found no row: new columns under the old numbers. */
static struct node *fix_counts(struct planner *pl, struct node *group, struct node **map)
{
    *map = NULL;
    for (uint32_t i = 0; i < group->call_count; i++) {
        uint32_t at = group->key_count + i, id = group->columns.items[at], inside;
        struct leat_expr *expr, *zero;
        if (!is_count(&group->calls[i]))
            continue;
        if (!*map) {
            struct ids copy = {0};
            for (uint32_t k = 0; k < group->columns.count; k++)
                if (!ids_add(pl, &copy, group->columns.items[k]))
                    return NULL;
            group->columns = copy;
            *map = new_node(pl, NODE_MAP, NULL);
        }
        inside = new_column(pl, "count", group->calls[i].type);
        expr = expr_new(pl, LEAT_EXPR_COALESCE, group->calls[i].type, 2);
        zero = expr_integer(pl, 0);
        if (!*map || inside == UINT32_MAX || !expr || !zero)
            return NULL;
        group->columns.items[at] = inside;
        expr->args[0] = expr_column(pl, inside, NULL);
        expr->args[1] = zero;
        if (!expr->args[0] || !exprs_add(pl, &(*map)->exprs, expr) ||
            !ids_add(pl, &(*map)->columns, id))
            return NULL;
    }
    return group;
}

static struct node *push(struct domain *d, struct node *node, struct ids *map);

static struct node *push_group(struct domain *d, struct node *node, struct ids *map)
{
    struct planner *pl = d->pl;
    struct exprs keys = {0};
    struct ids columns = {0}, outside;
    struct node *domain, *join, *counts = NULL;
    bool global = node->key_count == 0;

    if (!(node->left = push(d, node->left, map)) || !substitute(d, node, map))
        return NULL;
    for (uint32_t i = 0; i < node->key_count; i++)
        if (!exprs_add(pl, &keys, node->exprs.items[i]) ||
            !ids_add(pl, &columns, node->columns.items[i]))
            return NULL;
    for (uint32_t i = 0; i < map->count; i++)
        if (!exprs_add(pl, &keys, expr_column(pl, map->items[i], NULL)) ||
            !ids_add(pl, &columns, map->items[i]))
            return NULL;
    for (uint32_t i = node->key_count; i < node->columns.count; i++)
        if (!ids_add(pl, &columns, node->columns.items[i]))
            return NULL;
    node->exprs = keys;
    node->columns = columns;
    node->key_count = keys.count;
    if (!global)
        return node;
    if (!fix_counts(pl, node, &counts) || !(domain = use_domain(d, &outside)) ||
        !(join = new_join(pl, LEAT_JOIN_LEFT, domain, node)) ||
        !add_matches(pl, &join->conds, &outside, map))
        return NULL;
    *map = outside;
    if (!counts)
        return join;
    counts->left = join;
    return counts;
}

static struct node *push_join(struct domain *d, struct node *node, struct ids *map)
{
    struct planner *pl = d->pl;
    bool left_free, right_free;
    struct ids right_map;

    if (!is_free(pl, node->left, &d->outer_set, &left_free) ||
        !is_free(pl, node->right, &d->outer_set, &right_free))
        return NULL;
    if (node->join == LEAT_JOIN_FULL || node->join == LEAT_JOIN_RIGHT) {
        plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, NULL,
                  "a correlated subquery with a FULL JOIN inside is not supported");
        return NULL;
    }
    if (node->join == LEAT_JOIN_INNER && right_free && !left_free) {
        if (!(node->right = push(d, node->right, map)))
            return NULL;
        return substitute(d, node, map) ? node : NULL;
    }
    if (!(node->left = push(d, node->left, map)))
        return NULL;
    if (right_free) {
        if (!(node->right = push(d, node->right, &right_map)) ||
            !add_matches(pl, &node->conds, map, &right_map))
            return NULL;
    }
    return substitute(d, node, map) ? node : NULL;
}

/* A limit for each value of the domain: by row numbers. */
static struct node *push_limit(struct domain *d, struct node *node, struct ids *map)
{
    struct planner *pl = d->pl;
    struct node *window;
    struct exprs conds = {0};
    uint32_t number = 0;
    struct leat_expr *args[2];

    if (!(node->left = push(d, node->left, map)) || !substitute(d, node, map))
        return NULL;
    if (node->limit == UINT64_MAX && !node->offset)
        return node->left;
    window = add_numbers(pl, node->left, "row_number", map, node->keys, node->sort_count, &number);
    if (!window)
        return NULL;
    args[0] = expr_column(pl, number, NULL);
    if (node->limit != UINT64_MAX) {
        args[1] = expr_integer(pl, (int64_t)(node->limit + node->offset));
        if (!exprs_add(pl, &conds, call_function(pl, "<=", args, 2, 0, 0)))
            return NULL;
    }
    if (node->offset) {
        args[1] = expr_integer(pl, (int64_t)node->offset);
        if (!exprs_add(pl, &conds, call_function(pl, ">", args, 2, 0, 0)))
            return NULL;
    }
    return new_filter(pl, window, &conds);
}

static struct node *push_union(struct domain *d, struct node *node, struct ids *map)
{
    struct planner *pl = d->pl;
    struct ids outputs = {0}, *columns;
    struct node **children;

    children = plan_alloc(pl, node->child_count * sizeof(*children));
    columns = plan_alloc(pl, node->child_count * sizeof(*columns));
    if (!children || !columns)
        return NULL;
    for (uint32_t c = 0; c < node->child_count; c++) {
        struct ids child_map;
        if (!(children[c] = push(d, node->children[c], &child_map)))
            return NULL;
        for (uint32_t i = 0; i < node->columns.count; i++) {
            uint32_t id = node->child_columns[c].items[i];
            for (uint32_t k = 0; k < d->outer.count; k++)
                if (d->outer.items[k] == id)
                    id = child_map.items[k];
            if (!ids_add(pl, &columns[c], id))
                return NULL;
        }
        for (uint32_t i = 0; i < child_map.count; i++)
            if (!ids_add(pl, &columns[c], child_map.items[i]))
                return NULL;
    }
    *map = (struct ids){0};
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (!ids_add(pl, &outputs, node->columns.items[i]))
            return NULL;
    for (uint32_t i = 0; i < d->outer.count; i++) {
        uint32_t id = new_column(pl, "", pl->columns[d->outer.items[i]].type);
        if (!ids_add(pl, map, id) || !ids_add(pl, &outputs, id))
            return NULL;
    }
    node->children = children;
    node->child_columns = columns;
    node->columns = outputs;
    return node;
}

/* Rows that use outer columns: one row computed for each value of the domain. */
static struct node *push_values(struct domain *d, struct node *node, struct ids *map)
{
    struct node *use, *computed;

    if (node->row_count != 1) {
        plan_fail(d->pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, "write a UNION ALL of SELECTs",
                  "VALUES with several rows that use columns of an outer query is not supported");
        return NULL;
    }
    use = use_domain(d, map);
    computed = use ? new_node(d->pl, NODE_MAP, use) : NULL;
    if (!computed)
        return NULL;
    computed->exprs = node->exprs;
    computed->columns = node->columns;
    return substitute(d, computed, map) ? computed : NULL;
}

/* The tree for all values of the domain at once. `map` tells under which numbers it passes the
 * domain's columns on. */
static struct node *push(struct domain *d, struct node *node, struct ids *map)
{
    struct planner *pl = d->pl;
    bool needed;

    if (!is_free(pl, node, &d->outer_set, &needed))
        return NULL;
    if (!needed) {
        struct node *use = use_domain(d, map);
        return use ? new_join(pl, LEAT_JOIN_INNER, use, node) : NULL;
    }
    switch (node->kind) {
    case NODE_FILTER:
    case NODE_MAP:
    case NODE_UNNEST:
        if (!(node->left = push(d, node->left, map)))
            return NULL;
        return substitute(d, node, map) ? node : NULL;
    case NODE_WINDOW:
        if (!(node->left = push(d, node->left, map)) || !substitute(d, node, map))
            return NULL;
        for (uint32_t i = 0; i < map->count; i++)
            if (!exprs_add(pl, &node->partition, expr_column(pl, map->items[i], NULL)))
                return NULL;
        return node;
    case NODE_AGGREGATE:
        return push_group(d, node, map);
    case NODE_JOIN:
        return push_join(d, node, map);
    case NODE_SORT:
    case NODE_LIMIT:
        return push_limit(d, node, map);
    case NODE_UNION:
        return push_union(d, node, map);
    case NODE_VALUES:
        return push_values(d, node, map);
    case NODE_SERIES:
        plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, NULL,
                  "generate_series over columns of another table is not supported");
        return NULL;
    case NODE_SCAN:
    case NODE_SHARED:
    case NODE_RECURSIVE:
    case NODE_WORKING:
        break;
    }
    plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, NULL, "this correlated subquery is not supported");
    return NULL;
}

/* Left becomes a shared subplan with its distinct values of the used columns beside it. */
static bool make_domain(struct planner *pl, struct domain *d, struct node **left,
                        const struct node *right)
{
    struct idset outputs = {0}, needed = {0};
    struct shared *shared;
    struct node *use, *group;

    d->pl = pl;
    if (!node_outputs(pl, *left, &outputs) || !node_free(pl, right, &needed))
        return false;
    shared = new_shared(pl, *left);
    *left = shared ? new_shared_use(pl, shared, true) : NULL;
    use = *left ? new_shared_use(pl, shared, false) : NULL;
    group = use ? new_node(pl, NODE_AGGREGATE, use) : NULL;
    if (!group)
        return false;
    for (uint32_t i = 0; i < shared->columns.count; i++) {
        uint32_t id = shared->columns.items[i];
        if (!idset_has(&needed, id))
            continue;
        if (!ids_add(pl, &d->outer, id) || !idset_add(pl, &d->outer_set, id) ||
            !ids_add(pl, &d->inner, use->columns.items[i]) ||
            !ids_add(pl, &group->columns, use->columns.items[i]) ||
            !exprs_add(pl, &group->exprs, expr_column(pl, use->columns.items[i], NULL)))
            return false;
    }
    group->key_count = group->columns.count;
    d->shared = new_shared(pl, group);
    return d->shared != NULL;
}

/* --- joins --- */
/* For marks that are true or false only: a null condition counts as false. */
static bool make_two_valued(struct planner *pl, struct exprs *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        struct leat_expr *expr = expr_new(pl, LEAT_EXPR_COALESCE, leat_type_get(LEAT_BOOLEAN), 2);
        if (!expr || !(expr->args[1] = expr_boolean(pl, false)))
            return false;
        expr->args[0] = conds->items[i];
        conds->items[i] = expr;
    }
    return true;
}

static struct node *finish_join(struct planner *pl, enum leat_join_type type, struct node *left,
                                struct node *right, const struct exprs *conds, uint32_t mark)
{
    struct node *join = new_join(pl, type, left, right);

    if (!join)
        return NULL;
    join->conds = *conds;
    if (type == LEAT_JOIN_MARK && !ids_add(pl, &join->columns, mark))
        return NULL;
    return join;
}

/* An executor's mark join is three-valued for one equality of the two sides; for all else the mark
 * is put together from two that are true or false: a row for which the conditions hold, and a row
 * for which they are unknown. */
static bool is_simple_mark(struct planner *pl, const struct node *right, const struct exprs *conds,
                           const struct exprs *ties, bool *out)
{
    struct idset outputs = {0};
    bool sides[2] = {false, false};

    *out = conds->count == 0;
    if (conds->count != 1 || ties->count || !expr_is_equality(conds->items[0]) ||
        !leat_type_equal(conds->items[0]->args[0]->type, conds->items[0]->args[1]->type))
        return true;
    if (!node_outputs(pl, right, &outputs))
        return false;
    for (int i = 0; i < 2; i++) {
        struct idset refs = {0};
        if (!expr_refs(pl, conds->items[0]->args[i], &refs))
            return false;
        sides[i] = idset_meets(&refs, &outputs);
        if (sides[i] && !idset_within(&refs, &outputs))
            return true;
    }
    *out = sides[0] != sides[1];
    return true;
}

static struct leat_expr *coalesce_false(struct planner *pl, struct leat_expr *cond)
{
    struct exprs list = {&cond, 1, 1};
    return make_two_valued(pl, &list) ? cond : NULL;
}

static struct node *join_marks(struct planner *pl, struct node *left, struct node *right,
                               const struct exprs *conds, const struct exprs *ties, uint32_t mark)
{
    const struct leat_type *boolean = leat_type_get(LEAT_BOOLEAN);
    struct shared *shared = new_shared(pl, right);
    uint32_t holds = new_column(pl, "holds", boolean), unknown = new_column(pl, "unknown", boolean);
    struct leat_expr *all = conds->count ? expr_and(pl, conds) : NULL, *value;
    struct node *map = new_node(pl, NODE_MAP, left);

    if (!shared || !all || !map || holds == UINT32_MAX || unknown == UINT32_MAX)
        return NULL;
    for (int pass = 0; pass < 2; pass++) {
        struct node *use = new_shared_use(pl, shared, pass == 0);
        struct leat_expr **with = use ? columns_of(pl, &use->columns) : NULL;
        struct leat_expr *cond = pass ? expr_unary(pl, LEAT_EXPR_IS_NULL, all) : NULL;
        struct exprs list = {0};
        if (!with)
            return NULL;
        for (uint32_t i = 0; pass == 0 && i < conds->count; i++)
            if (!exprs_add(pl, &list, coalesce_false(pl, conds->items[i])))
                return NULL;
        if ((cond && !exprs_add(pl, &list, cond)) || !exprs_append(pl, &list, ties) ||
            (pass && !exprs_replace(pl, &list, shared->columns.items, with, use->columns.count)))
            return NULL;
        map->left = finish_join(pl, LEAT_JOIN_MARK, map->left, use, &list, pass ? unknown : holds);
        if (!map->left)
            return NULL;
    }
    value = expr_new(pl, LEAT_EXPR_CASE, boolean, 5);
    if (!value || !(value->args[0] = expr_column(pl, holds, NULL)) ||
        !(value->args[1] = expr_boolean(pl, true)) ||
        !(value->args[2] = expr_column(pl, unknown, NULL)) ||
        !(value->args[3] = expr_null(pl, boolean)) || !(value->args[4] = expr_boolean(pl, false)) ||
        !exprs_add(pl, &map->exprs, value) || !ids_add(pl, &map->columns, mark))
        return NULL;
    return map;
}

struct node *join_dependent(struct planner *pl, enum leat_join_type type, struct node *left,
                            struct node *right, const struct exprs *conds, uint32_t mark,
                            bool two_valued)
{
    struct idset outer = {0};
    struct exprs ties = {0}, all = {0};
    struct domain d = {0};
    struct ids map;
    struct node *rows;
    bool dependent, done = true, simple;

    if (!left || !right || !node_outputs(pl, left, &outer) ||
        !is_free(pl, right, &outer, &dependent))
        return NULL;
    rows =
        right->kind == NODE_MAP ? right->left : right; /* what is computed of items stays above */
    if (dependent && rows->kind == NODE_UNNEST && rows->left->kind == NODE_VALUES &&
        (type == LEAT_JOIN_INNER || (type == LEAT_JOIN_LEFT && !conds->count))) {
        rows->left = left;
        rows->keep_empty = type == LEAT_JOIN_LEFT;
        return new_filter(pl, right, conds);
    }
    if (dependent && !try_pull(pl, &right, &outer, &ties, &done))
        return NULL;
    if (!done) {
        if (!make_domain(pl, &d, &left, right) || !(right = push(&d, copy_tree(pl, right), &map)) ||
            !add_matches(pl, &ties, &d.outer, &map))
            return NULL;
    } else if (type == LEAT_JOIN_MARK && !make_two_valued(pl, &ties)) {
        return NULL;
    }
    if (!exprs_append(pl, &all, conds) || !exprs_append(pl, &all, &ties))
        return NULL;
    (void)two_valued; /* EXISTS has no conditions but ties, which are two-valued */
    if (type == LEAT_JOIN_MARK) {
        if (!is_simple_mark(pl, right, conds, &ties, &simple))
            return NULL;
        if (!simple)
            return join_marks(pl, left, right, conds, &ties, mark);
    }
    return finish_join(pl, type, left, right, &all, mark);
}

/* The chain of nodes above a grouping without keys, or NULL if there is no such grouping. */
static struct node *global_group(struct node *node)
{
    while (node->kind == NODE_MAP || node->kind == NODE_FILTER ||
           (node->kind == NODE_SORT && node->limit > 0 && !node->offset))
        node = node->left;
    return node->kind == NODE_AGGREGATE && node->key_count == 0 ? node : NULL;
}

/* Puts the chain above the grouping onto the join. A condition in it (HAVING) makes the value
 * null. */
static struct node *restack(struct planner *pl, const struct node *top, const struct node *group,
                            struct node *below, struct exprs *having)
{
    struct node *copy;

    if (top == group)
        return below;
    below = restack(pl, top->left, group, below, having);
    if (!below || top->kind == NODE_SORT)
        return below;
    if (top->kind == NODE_FILTER)
        return exprs_append(pl, having, &top->conds) ? below : NULL;
    copy = new_node(pl, NODE_MAP, below);
    if (copy) {
        copy->exprs = top->exprs;
        copy->columns = top->columns;
    }
    return copy;
}

/* A correlated aggregate: the grouping gets the tied columns as keys and joins the left side. */
static struct node *join_aggregate(struct planner *pl, struct node *left, struct node *right,
                                   const struct idset *outer, uint32_t *value, bool *done)
{
    struct node *copy = copy_tree(pl, right), *group = copy ? global_group(copy) : NULL;
    struct node *join, *counts = NULL, *top;
    struct pulling p = {.pl = pl, .outer = outer};
    struct exprs having = {0};
    bool left_over;

    *done = false;
    if (!group)
        return copy ? left : NULL;
    if (!pull_through_group(&p, group) || !is_free(pl, group, outer, &left_over))
        return NULL;
    if (left_over || !p.pulled.count)
        return left;
    *done = true;
    if (!fix_counts(pl, group, &counts))
        return NULL;
    join = finish_join(pl, LEAT_JOIN_LEFT, left, group, &p.pulled, 0);
    if (join && counts) {
        counts->left = join;
        join = counts;
    }
    top = join ? restack(pl, copy, group, join, &having) : NULL;
    if (!top || !having.count)
        return top;
    struct node *map = new_node(pl, NODE_MAP, top);
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CASE, pl->columns[*value].type, 2);
    uint32_t id = new_column(pl, "", pl->columns[*value].type);
    if (!map || !expr || !(expr->args[0] = expr_and(pl, &having)) ||
        !(expr->args[1] = expr_column(pl, *value, NULL)) || !exprs_add(pl, &map->exprs, expr) ||
        !ids_add(pl, &map->columns, id))
        return NULL;
    *value = id;
    return map;
}

struct node *join_scalar(struct planner *pl, struct node *left, struct node *right, uint32_t value,
                         uint32_t result)
{
    struct idset outer = {0};
    struct exprs none = {0};
    struct node *joined = NULL, *map;
    bool dependent, done = false;

    if (!left || !node_outputs(pl, left, &outer) || !is_free(pl, right, &outer, &dependent))
        return NULL;
    if (dependent) {
        joined = join_aggregate(pl, left, right, &outer, &value, &done);
        if (!joined)
            return NULL;
    }
    if (!done)
        joined = join_dependent(pl,
                                dependent               ? LEAT_JOIN_SINGLE
                                : gives_one_row(right)  ? LEAT_JOIN_INNER
                                : node_is_single(right) ? LEAT_JOIN_LEFT
                                                        : LEAT_JOIN_SINGLE,
                                left, right, &none, 0, false);
    map = joined ? new_node(pl, NODE_MAP, joined) : NULL;
    if (!map || !exprs_add(pl, &map->exprs, expr_column(pl, value, NULL)) ||
        !ids_add(pl, &map->columns, result))
        return NULL;
    return map;
}
