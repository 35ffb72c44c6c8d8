/*
 * Rewrites. One walk from the top carries the conditions of filters down: through projections (by
 * substitution), groupings (on keys), unions, semi joins and windows, into the scans. On its way an
 * outer join whose null rows a condition refuses becomes an inner join; a run of inner joins is
 * taken apart into relations and conditions, and put together again by order_joins; conditions in
 * an OR are factored, so that what all branches share joins, and what they say of one table filters
 * it; a selective semi join sinks to the table it speaks of; shared subplans with one reader are
 * put in place.
 */
#include "compute/plan/planner_internal.h"

static struct node *push(struct planner *pl, struct node *node, struct exprs *preds);

struct node *optimize(struct planner *pl, struct node *node)
{
    struct exprs none = {0};
    return push(pl, node, &none);
}

/* --- nulls --- */
static bool is_comparison(const struct leat_expr *expr)
{
    static const char *const names[] = {"=",  "<>",    "<",   "<=", ">",  ">=", "like",
                                        "~~", "ilike", "!~~", "~",  "!~", "~*"};
    if (expr->kind == LEAT_EXPR_IN)
        return true;
    if (expr->kind != LEAT_EXPR_CALL)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(expr->function->name, names[i]) == 0)
            return true;
    return false;
}

/* Null if any of the columns is null. */
static bool is_strict(const struct leat_expr *expr, const struct idset *columns)
{
    static const char *const names[] = {"+", "-", "*", "/", "%", "abs", "lower", "upper", "substr"};
    bool known = expr->kind == LEAT_EXPR_CAST || is_comparison(expr);

    if (expr->kind == LEAT_EXPR_COLUMN)
        return idset_has(columns, expr->column);
    if (expr->kind == LEAT_EXPR_CALL)
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            known |= strcmp(expr->function->name, names[i]) == 0;
    if (expr->kind == LEAT_EXPR_IN)
        return is_strict(expr->args[0], columns);
    for (uint32_t i = 0; known && i < expr->arg_count; i++)
        if (is_strict(expr->args[i], columns))
            return true;
    return false;
}

/* Never true where the columns are null. */
static bool rejects_nulls(const struct leat_expr *expr, const struct idset *columns)
{
    switch (expr->kind) {
    case LEAT_EXPR_AND:
        for (uint32_t i = 0; i < expr->arg_count; i++)
            if (rejects_nulls(expr->args[i], columns))
                return true;
        return false;
    case LEAT_EXPR_OR:
        for (uint32_t i = 0; i < expr->arg_count; i++)
            if (!rejects_nulls(expr->args[i], columns))
                return false;
        return true;
    case LEAT_EXPR_IS_NOT_NULL:
        return is_strict(expr->args[0], columns);
    case LEAT_EXPR_NOT:
        return is_strict(expr->args[0], columns);
    default:
        return is_strict(expr, columns);
    }
}

/* --- dividing conditions --- */
/* Moves the conditions that use only `columns` (and something) from `from` to `to`. */
static bool take(struct planner *pl, struct exprs *from, const struct idset *columns,
                 struct exprs *to)
{
    struct exprs kept = {0};

    for (uint32_t i = 0; i < from->count; i++) {
        struct idset refs = {0};
        if (!expr_refs(pl, from->items[i], &refs))
            return false;
        bool moves = idset_within(&refs, columns) && expr_deterministic(from->items[i]);
        if (!exprs_add(pl, moves ? to : &kept, from->items[i]))
            return false;
    }
    *from = kept;
    return true;
}

/* Conditions go on into the node, or stay above a scan. */
static struct node *push_here(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct exprs none = {0};
    struct node *out;

    if (node->kind != NODE_SCAN || rule_is_on(pl, LEAT_RULE_FILTER_PUSHDOWN))
        return push(pl, node, preds);
    out = push(pl, node, &none);
    return out ? new_filter(pl, out, preds) : NULL;
}

/* --- runs of inner joins --- */
struct run {
    struct node **relations;
    uint32_t count, capacity;
    struct exprs conds;
    struct node **maps; /* projections taken out, lowest first */
    uint32_t map_count, map_capacity;
};

static bool substitute_map(struct planner *pl, const struct node *map, struct exprs *list)
{
    return exprs_replace(pl, list, map->columns.items, map->exprs.items, map->columns.count);
}

static bool all_deterministic(const struct exprs *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!expr_deterministic(list->items[i]))
            return false;
    return true;
}

static bool add_relation(struct planner *pl, struct run *run, struct node *node)
{
    struct node **relations =
        plan_grow(pl, run->relations, run->count, &run->capacity, sizeof(struct node *));
    if (!relations)
        return false;
    run->relations = relations;
    run->relations[run->count++] = node;
    return true;
}

static bool collect(struct planner *pl, struct run *run, struct node *node)
{
    struct node **maps;

    if (!fold_node(pl, node))
        return false;
    if (node->kind == NODE_SHARED && node->shared->uses == 1) {
        bool same = true;
        for (uint32_t i = 0; i < node->columns.count; i++)
            same &= node->columns.items[i] == node->shared->columns.items[i];
        if (same && !node->shared->optimized)
            return collect(pl, run, node->shared->child);
    }
    if (node->kind == NODE_FILTER)
        return exprs_append(pl, &run->conds, &node->conds) && collect(pl, run, node->left);
    if (node->kind == NODE_JOIN && node->join == LEAT_JOIN_INNER)
        return exprs_append(pl, &run->conds, &node->conds) && collect(pl, run, node->left) &&
               collect(pl, run, node->right);
    if (node->kind == NODE_MAP && all_deterministic(&node->exprs) &&
        (node->left->kind == NODE_FILTER || node->left->kind == NODE_JOIN ||
         node->left->kind == NODE_MAP)) {
        if (!collect(pl, run, node->left))
            return false;
        maps = plan_grow(pl, run->maps, run->map_count, &run->map_capacity, sizeof(struct node *));
        if (!maps)
            return false;
        run->maps = maps;
        run->maps[run->map_count++] = node;
        return true;
    }
    return add_relation(pl, run, node);
}

/* Gives a relation its own conditions and optimizes it. */
static bool place_on_relation(struct planner *pl, struct run *run, uint32_t i)
{
    struct idset outputs = {0};
    struct exprs own = {0};

    if (!node_outputs(pl, run->relations[i], &outputs))
        return false;
    for (uint32_t c = 0; run->count > 1 && c < run->conds.count; c++) {
        struct idset refs = {0};
        if (run->conds.items[c]->kind != LEAT_EXPR_OR || !rule_is_on(pl, LEAT_RULE_FILTER_IMPLIED))
            continue;
        if (!expr_refs(pl, run->conds.items[c], &refs))
            return false;
        if (!idset_within(&refs, &outputs) &&
            !implied_by_or(pl, run->conds.items[c], &outputs, &own))
            return false;
    }
    if (!take(pl, &run->conds, &outputs, &own))
        return false;
    run->relations[i] = push_here(pl, run->relations[i], &own);
    return run->relations[i] != NULL;
}

/* a = b and a = c: also b = c, so that any two of them can be joined. */
static bool add_implied_equalities(struct planner *pl, struct exprs *conds)
{
    uint32_t count = conds->count;

    for (uint32_t i = 0; i < count && count < 24; i++)
        for (uint32_t k = i + 1; k < count; k++) {
            struct leat_expr *a = conds->items[i], *b = conds->items[k], *pair[2], *equal;
            if (!expr_is_equality(a) || !expr_is_equality(b))
                continue;
            for (int s = 0; s < 4; s++) {
                struct leat_expr *x = a->args[s & 1], *y = b->args[s >> 1];
                if (x->kind != LEAT_EXPR_COLUMN || y->kind != LEAT_EXPR_COLUMN ||
                    x->column != y->column)
                    continue;
                pair[0] = a->args[1 - (s & 1)];
                pair[1] = b->args[1 - (s >> 1)];
                if (pair[0]->kind != LEAT_EXPR_COLUMN || pair[1]->kind != LEAT_EXPR_COLUMN ||
                    pair[0]->column == pair[1]->column)
                    continue;
                equal = call_function(pl, "=", pair, 2, 0, 0);
                if (!equal)
                    return false;
                if (!exprs_contain(conds, equal) && !exprs_add(pl, conds, equal))
                    return false;
            }
        }
    return true;
}

static struct node *push_run(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct run run = {0};
    struct node *out;
    struct exprs late = {0};

    if (!collect(pl, &run, node) || !exprs_append(pl, &run.conds, preds))
        return NULL;
    /* Conditions on projections are written with what those compute; the upper ones first. */
    for (uint32_t i = run.map_count; i-- > 0;)
        if (!substitute_map(pl, run.maps[i], &run.conds))
            return NULL;
    if (!factor_ors(pl, &run.conds))
        return NULL;
    struct exprs sure = {0};
    for (uint32_t i = 0; i < run.conds.count; i++)
        if (!exprs_add(pl, expr_deterministic(run.conds.items[i]) ? &sure : &late,
                       run.conds.items[i]))
            return NULL;
    run.conds = sure;
    for (uint32_t i = 0; i < run.count; i++)
        if (!place_on_relation(pl, &run, i))
            return NULL;
    if (run.count > 2 && rule_is_on(pl, LEAT_RULE_IMPLIED_EQUALITIES) &&
        !add_implied_equalities(pl, &run.conds))
        return NULL;
    out = order_joins(pl, run.relations, run.count, &run.conds);
    for (uint32_t i = 0; out && i < run.map_count; i++) {
        struct node *map = new_node(pl, NODE_MAP, out);
        if (!map)
            return NULL;
        map->exprs = run.maps[i]->exprs;
        map->columns = run.maps[i]->columns;
        out = map;
    }
    return out ? new_filter(pl, out, &late) : NULL;
}

/* --- other joins --- */
static struct node *push_left_join(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct idset left = {0}, right = {0};
    struct exprs left_preds = {0}, right_preds = {0};

    if (!node_outputs(pl, node->left, &left) || !node_outputs(pl, node->right, &right))
        return NULL;
    for (uint32_t i = 0; node->join == LEAT_JOIN_LEFT && i < preds->count; i++)
        if (rule_is_on(pl, LEAT_RULE_OUTER_TO_INNER) && rejects_nulls(preds->items[i], &right)) {
            node->join = LEAT_JOIN_INNER;
            return push_run(pl, node, preds);
        }
    if (!take(pl, preds, &left, &left_preds) || !take(pl, &node->conds, &right, &right_preds))
        return NULL;
    if (!(node->left = push_here(pl, node->left, &left_preds)) ||
        !(node->right = push_here(pl, node->right, &right_preds)))
        return NULL;
    return new_filter(pl, node, preds);
}

/* The place below inner joins where the conditions' left columns come from. */
static struct node **semi_place(struct planner *pl, struct node **slot, const struct idset *refs)
{
    for (;;) {
        struct node *node = *slot;
        struct idset left = {0}, right = {0};
        if (node->kind == NODE_FILTER) {
            slot = &node->left;
            continue;
        }
        if (node->kind != NODE_JOIN || node->join != LEAT_JOIN_INNER)
            return slot;
        if (!node_outputs(pl, node->left, &left) || !node_outputs(pl, node->right, &right))
            return NULL;
        if (idset_within(refs, &left))
            slot = &node->left;
        else if (idset_within(refs, &right))
            slot = &node->right;
        else
            return slot;
    }
}

/* Puts a semi join that keeps few rows onto the table it speaks of. The right side is optimized. */
static bool sink_semi(struct planner *pl, struct node *node, struct node **out)
{
    struct idset left = {0}, refs = {0};
    struct node **slot, *join;
    double distinct = 1, kept;

    *out = node;
    if (node->join != LEAT_JOIN_SEMI || !node->conds.count ||
        !rule_is_on(pl, LEAT_RULE_SEMI_JOIN_PLACE))
        return true;
    if (!node_outputs(pl, node->left, &left) || !exprs_refs(pl, &node->conds, &refs))
        return false;
    for (uint32_t i = 0; i < refs.word_count; i++)
        refs.words[i] &= i < left.word_count ? left.words[i] : 0;
    if (idset_empty(&refs))
        return true;
    slot = semi_place(pl, &node->left, &refs);
    if (!slot)
        return false;
    if (slot == &node->left)
        return true;
    kept = estimate_rows(pl, node->right);
    for (uint32_t i = 0; i < node->conds.count; i++)
        if (expr_is_equality(node->conds.items[i]))
            for (int s = 0; s < 2; s++) {
                struct idset side = {0};
                if (!expr_refs(pl, node->conds.items[i]->args[s], &side))
                    return false;
                if (idset_within(&side, &left))
                    distinct = estimate_distinct(pl, node->conds.items[i]->args[s], 1e18);
            }
    if (kept > distinct * 0.5)
        return true;
    join = new_join(pl, LEAT_JOIN_SEMI, *slot, node->right);
    if (!join)
        return false;
    join->conds = node->conds;
    *slot = join;
    *out = node->left;
    return true;
}

static bool is_two_valued(const struct leat_expr *cond)
{
    return cond->kind == LEAT_EXPR_COALESCE;
}
static bool is_required(struct planner *pl, const struct leat_expr *expr)
{
    return expr->kind == LEAT_EXPR_COLUMN && pl->columns[expr->column].required;
}

/* A filter NOT mark where the mark is never null: an anti join, *mark its column, which is false in
 * all rows that are left; UINT32_MAX if it stays as it is. */
static bool mark_to_anti(struct planner *pl, struct node *node, struct exprs *preds, uint32_t *mark)
{
    struct exprs kept = {0};
    struct leat_expr *no;
    bool never_null = rule_is_on(pl, LEAT_RULE_ANTI_JOIN), found = false;

    for (uint32_t i = 0; i < node->conds.count; i++) {
        const struct leat_expr *cond = node->conds.items[i];
        never_null &=
            is_two_valued(cond) || (expr_is_equality(cond) && is_required(pl, cond->args[0]) &&
                                    is_required(pl, cond->args[1]));
    }
    for (uint32_t i = 0; i < preds->count; i++) {
        const struct leat_expr *pred = preds->items[i];
        bool is_not_mark = never_null && pred->kind == LEAT_EXPR_NOT &&
                           pred->args[0]->kind == LEAT_EXPR_COLUMN &&
                           pred->args[0]->column == node->columns.items[0];
        found |= is_not_mark;
        if (!is_not_mark && !exprs_add(pl, &kept, preds->items[i]))
            return false;
    }
    *mark = UINT32_MAX;
    if (found) {
        *mark = node->columns.items[0];
        no = expr_boolean(pl, false);
        if (!no || !exprs_replace(pl, &kept, mark, &no, 1))
            return false;
        node->join = LEAT_JOIN_ANTI;
        node->columns = (struct ids){0};
        *preds = kept;
        for (uint32_t i = 0; i < node->conds.count; i++)
            if (is_two_valued(node->conds.items[i]) &&
                node->conds.items[i]->args[1]->kind == LEAT_EXPR_CONSTANT)
                node->conds.items[i] = node->conds.items[i]->args[0];
    }
    return true;
}

/* The mark's column, for who may still ask for it. */
static struct node *with_mark(struct planner *pl, struct node *node, uint32_t mark)
{
    struct node *map = new_node(pl, NODE_MAP, node);

    return map && ids_add(pl, &map->columns, mark) &&
                   exprs_add(pl, &map->exprs, expr_boolean(pl, false))
               ? map
               : NULL;
}

static struct node *push_semi_join(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct idset left = {0}, right = {0};
    struct exprs left_preds = {0}, right_preds = {0};
    uint32_t mark = UINT32_MAX;
    struct node *out;

    if (node->join == LEAT_JOIN_MARK && !mark_to_anti(pl, node, preds, &mark))
        return NULL;
    if (!node_outputs(pl, node->left, &left) || !node_outputs(pl, node->right, &right) ||
        !take(pl, preds, &left, &left_preds))
        return NULL;
    if (node->join != LEAT_JOIN_MARK && !take(pl, &node->conds, &right, &right_preds))
        return NULL;
    if (node->join == LEAT_JOIN_SEMI && !take(pl, &node->conds, &left, &left_preds))
        return NULL;
    if (!(node->right = push_here(pl, node->right, &right_preds)) || !sink_semi(pl, node, &out))
        return NULL;
    if (out != node) {
        if (!exprs_append(pl, &left_preds, preds))
            return NULL;
        return push_here(pl, out, &left_preds);
    }
    if (!(node->left = push_here(pl, node->left, &left_preds)))
        return NULL;
    return new_filter(pl, mark == UINT32_MAX ? node : with_mark(pl, node, mark), preds);
}

static struct node *push_join(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct exprs none = {0}, other = {0};

    switch (node->join) {
    case LEAT_JOIN_INNER:
        return push_run(pl, node, preds);
    case LEAT_JOIN_LEFT:
    case LEAT_JOIN_SINGLE:
        return push_left_join(pl, node, preds);
    case LEAT_JOIN_SEMI:
    case LEAT_JOIN_ANTI:
    case LEAT_JOIN_MARK:
        return push_semi_join(pl, node, preds);
    case LEAT_JOIN_RIGHT:
    case LEAT_JOIN_FULL:
        break;
    }
    if (!(node->left = push(pl, node->left, &none)) ||
        !(node->right = push(pl, node->right, &other)))
        return NULL;
    return new_filter(pl, node, preds);
}

/* --- other nodes --- */
static struct node *push_map(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct exprs above = {0}, below = {0};
    struct idset volatile_columns = {0};

    if (node->left->kind == NODE_FILTER || node->left->kind == NODE_JOIN)
        if (all_deterministic(&node->exprs) &&
            (node->left->kind == NODE_FILTER || node->left->join == LEAT_JOIN_INNER))
            return push_run(pl, node, preds);
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (!expr_deterministic(node->exprs.items[i]) &&
            !idset_add(pl, &volatile_columns, node->columns.items[i]))
            return NULL;
    for (uint32_t i = 0; i < preds->count; i++) {
        struct idset refs = {0};
        if (!expr_refs(pl, preds->items[i], &refs) ||
            !exprs_add(pl, idset_meets(&refs, &volatile_columns) ? &above : &below,
                       preds->items[i]))
            return NULL;
    }
    if (!substitute_map(pl, node, &below) || !(node->left = push_here(pl, node->left, &below)))
        return NULL;
    return new_filter(pl, node, &above);
}

static struct node *push_group(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct idset keys = {0};
    struct exprs below = {0};

    if (!rule_is_on(pl, LEAT_RULE_FILTER_PUSHDOWN))
        return (node->left = push(pl, node->left, &below)) ? new_filter(pl, node, preds) : NULL;

    for (uint32_t i = 0; i < node->key_count; i++)
        if (expr_deterministic(node->exprs.items[i]) &&
            !idset_add(pl, &keys, node->columns.items[i]))
            return NULL;
    for (uint32_t i = preds->count; node->key_count && i-- > 0;) {
        struct idset refs = {0}; /* conditions without columns stay above */
        if (!expr_refs(pl, preds->items[i], &refs))
            return NULL;
        if (idset_empty(&refs))
            return (node->left = push(pl, node->left, &below)) ? new_filter(pl, node, preds) : NULL;
    }
    if (node->key_count &&
        (!take(pl, preds, &keys, &below) ||
         !exprs_replace(pl, &below, node->columns.items, node->exprs.items, node->key_count)))
        return NULL;
    if (!(node->left = push(pl, node->left, &below)))
        return NULL;
    return new_filter(pl, node, preds);
}

static struct node *push_union(struct planner *pl, struct node *node, struct exprs *preds)
{
    for (uint32_t c = 0; c < node->child_count; c++) {
        struct exprs own = {0};
        struct leat_expr **with = plan_alloc(pl, (node->columns.count + 1u) * sizeof(*with));
        if (!with || !exprs_append(pl, &own, preds))
            return NULL;
        for (uint32_t i = 0; i < node->columns.count; i++)
            if (!(with[i] = expr_column(pl, node->child_columns[c].items[i], NULL)))
                return NULL;
        if (!exprs_replace(pl, &own, node->columns.items, with, node->columns.count) ||
            !(node->children[c] = push_here(pl, node->children[c], &own)))
            return NULL;
    }
    return node;
}

static struct node *push_window(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct idset keys = {0};
    struct exprs below = {0};

    if (!rule_is_on(pl, LEAT_RULE_FILTER_PUSHDOWN))
        return (node->left = push(pl, node->left, &below)) ? new_filter(pl, node, preds) : NULL;
    for (uint32_t i = 0; i < node->partition.count; i++)
        if (node->partition.items[i]->kind == LEAT_EXPR_COLUMN &&
            !idset_add(pl, &keys, node->partition.items[i]->column))
            return NULL;
    if (!idset_empty(&keys) && !take(pl, preds, &keys, &below))
        return NULL;
    if (!(node->left = push(pl, node->left, &below)))
        return NULL;
    return new_filter(pl, node, preds);
}

static struct node *push_shared(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct shared *shared = node->shared;
    struct exprs none = {0};

    if (shared->uses == 1 && !shared->optimized) {
        struct node *map = new_node(pl, NODE_MAP, shared->child);
        if (!map)
            return NULL;
        shared->optimized = true;
        for (uint32_t i = 0; i < node->columns.count; i++)
            if (node->columns.items[i] != shared->columns.items[i] &&
                (!ids_add(pl, &map->columns, node->columns.items[i]) ||
                 !exprs_add(pl, &map->exprs, expr_column(pl, shared->columns.items[i], NULL))))
                return NULL;
        return push(pl, map->columns.count ? map : shared->child, preds);
    }
    if (!shared->optimized) {
        shared->optimized = true;
        shared->child = push(pl, shared->child, &none);
        if (!shared->child)
            return NULL;
    }
    return new_filter(pl, node, preds);
}

/* A limit reaches a scan through projections, as a hint. */
static void limit_scan(struct node *node, uint64_t rows)
{
    while (node->kind == NODE_MAP)
        node = node->left;
    if (node->kind == NODE_SCAN && !node->conds.count && rows < node->limit)
        node->limit = rows;
}

static struct node *push_kind(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct exprs none = {0}, below = {0};
    struct idset outputs = {0};
    struct node *rewritten;

    switch (node->kind) {
    case NODE_SCAN:
        return exprs_append(pl, &node->conds, preds) ? node : NULL;
    case NODE_FILTER:
        if (!exprs_append(pl, &below, &node->conds) || !exprs_append(pl, &below, preds))
            return NULL;
        if (node->left->kind == NODE_JOIN && node->left->join == LEAT_JOIN_INNER)
            return push_run(pl, node->left, &below);
        return push(pl, node->left, &below);
    case NODE_MAP:
        return push_map(pl, node, preds);
    case NODE_AGGREGATE:
        rewritten = rewrite_group(pl, node);
        if (rewritten != node)
            return rewritten ? push(pl, rewritten, preds) : NULL;
        return push_group(pl, node, preds);
    case NODE_JOIN:
        return push_join(pl, node, preds);
    case NODE_SORT:
    case NODE_LIMIT:
        if (node->kind == NODE_SORT && node->limit == UINT64_MAX && !node->offset) {
            node->left = push(pl, node->left, preds);
            return node->left ? node : NULL;
        }
        if (!(node->left = push(pl, node->left, &none)))
            return NULL;
        if (node->kind == NODE_LIMIT && node->limit < UINT64_MAX - node->offset &&
            rule_is_on(pl, LEAT_RULE_LIMIT_PUSHDOWN))
            limit_scan(node->left, node->limit + node->offset);
        return new_filter(pl, node, preds);
    case NODE_UNION:
        return push_union(pl, node, preds);
    case NODE_SHARED:
        return push_shared(pl, node, preds);
    case NODE_WINDOW:
        return push_window(pl, node, preds);
    case NODE_UNNEST:
        if (!node_outputs(pl, node->left, &outputs) || !take(pl, preds, &outputs, &below) ||
            !(node->left = push(pl, node->left, &below)))
            return NULL;
        return new_filter(pl, node, preds);
    case NODE_RECURSIVE: /* a round needs all rows of the one before */
        for (uint32_t c = 0; c < node->child_count; c++) {
            struct exprs no_preds = {0};
            if (!(node->children[c] = push(pl, node->children[c], &no_preds)))
                return NULL;
        }
        break;
    case NODE_VALUES:
    case NODE_SERIES:
    case NODE_WORKING:
        break;
    }
    return new_filter(pl, node, preds);
}

static struct node *push(struct planner *pl, struct node *node, struct exprs *preds)
{
    struct node *out;

    if (++pl->depth > PLANNER_MAX_DEPTH * 2) {
        plan_fail(pl, LEAT_E_TOO_DEEP, 0, 0, NULL, "the query is nested too deeply");
        return NULL;
    }
    out = fold_node(pl, node) && fold_list(pl, preds) && factor_ors(pl, preds)
              ? push_kind(pl, node, preds)
              : NULL;
    pl->depth--;
    if (out)
        estimate_rows(pl, out);
    return out;
}
