/*
 * From trees with column numbers to plans with positions. Each node is asked for the columns that
 * are needed above it and gives a plan with those, in an order that it tells; what nobody needs is
 * never computed or read.
 */
#include "compute/plan/planner_internal.h"

/* A plan and the numbers of its columns. */
struct lowered {
    struct leat_plan *plan;
    struct ids columns;
};

static bool lower(struct planner *pl, struct node *node, const struct idset *needed,
                  struct lowered *out);

static struct leat_plan *new_plan(struct planner *pl, enum leat_plan_kind kind,
                                  const struct node *node, const struct ids *columns,
                                  uint32_t child_count)
{
    struct leat_plan *plan = plan_alloc(pl, sizeof(*plan));

    if (!plan)
        return NULL;
    plan->kind = kind;
    plan->rows = node && node->rows >= 0 ? node->rows : 0;
    plan->schema.count = columns->count;
    plan->schema.fields = plan_alloc(pl, (columns->count + 1u) * sizeof(struct leat_field));
    plan->children = plan_alloc(pl, (child_count + 1u) * sizeof(*plan->children));
    if (!plan->schema.fields || !plan->children)
        return NULL;
    for (uint32_t i = 0; i < columns->count; i++)
        plan->schema.fields[i] = (struct leat_field){.name = pl->columns[columns->items[i]].name,
                                                     .type = pl->columns[columns->items[i]].type};
    plan->child_count = child_count;
    return plan;
}

static int position_of(const struct ids *columns, uint32_t id)
{
    for (uint32_t i = 0; i < columns->count; i++)
        if (columns->items[i] == id)
            return (int)i;
    return -1;
}

/* A copy with positions in `columns` instead of numbers. */
static struct leat_expr *place_expr(struct planner *pl, const struct leat_expr *expr,
                                    const struct ids *columns)
{
    struct leat_expr *copy = expr_new(pl, expr->kind, expr->type, expr->arg_count), **args;

    if (!copy)
        return NULL;
    args = copy->args;
    *copy = *expr;
    copy->args = args;
    if (expr->kind == LEAT_EXPR_COLUMN) {
        int position = position_of(columns, expr->column);
        if (position < 0) {
            leat_error_internal(pl->err, "the planner lost column %u (\"%s\")", expr->column,
                                pl->columns[expr->column].name);
            return NULL;
        }
        copy->column = (uint32_t)position;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!(args[i] = place_expr(pl, expr->args[i], columns)))
            return NULL;
    return copy;
}

static struct leat_expr **place_exprs(struct planner *pl, struct leat_expr *const *items,
                                      uint32_t count, const struct ids *columns)
{
    struct leat_expr **list = plan_alloc(pl, (count + 1u) * sizeof(*list));
    for (uint32_t i = 0; list && i < count; i++)
        if (!(list[i] = place_expr(pl, items[i], columns)))
            return NULL;
    return list;
}

static struct leat_expr *place_conds(struct planner *pl, const struct exprs *conds,
                                     const struct ids *columns)
{
    struct leat_expr *expr = expr_and(pl, conds);
    return expr ? place_expr(pl, expr, columns) : NULL;
}

static struct leat_sort_key *place_keys(struct planner *pl, const struct leat_sort_key *keys,
                                        uint32_t count, const struct ids *columns)
{
    struct leat_sort_key *list = plan_alloc(pl, (count + 1u) * sizeof(*list));
    for (uint32_t i = 0; list && i < count; i++) {
        list[i] = keys[i];
        if (!(list[i].expr = place_expr(pl, keys[i].expr, columns)))
            return NULL;
    }
    return list;
}

static bool place_call(struct planner *pl, const struct leat_aggregate *call,
                       const struct ids *columns, struct leat_aggregate *out)
{
    *out = *call;
    out->args = place_exprs(pl, call->args, call->arg_count, columns);
    out->order = place_keys(pl, call->order, call->order_count, columns);
    if (call->filter && !(out->filter = place_expr(pl, call->filter, columns)))
        return false;
    return out->args && out->order;
}

static bool call_refs(struct planner *pl, const struct leat_aggregate *call, struct idset *out)
{
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (!expr_refs(pl, call->args[i], out))
            return false;
    for (uint32_t i = 0; i < call->order_count; i++)
        if (!expr_refs(pl, call->order[i].expr, out))
            return false;
    return expr_refs(pl, call->filter, out);
}

/* Puts a projection on the plan that keeps the needed columns only, if it has others. */
static bool narrow(struct planner *pl, const struct node *node, struct lowered *io,
                   const struct idset *needed)
{
    struct ids kept = {0};
    struct leat_plan *plan;

    for (uint32_t i = 0; i < io->columns.count; i++)
        if (idset_has(needed, io->columns.items[i]) && !ids_add(pl, &kept, io->columns.items[i]))
            return false;
    if (kept.count == io->columns.count)
        return true;
    plan = new_plan(pl, LEAT_PLAN_PROJECT, node, &kept, 1);
    if (!plan)
        return false;
    plan->children[0] = io->plan;
    plan->project.exprs = plan_alloc(pl, (kept.count + 1u) * sizeof(struct leat_expr *));
    if (!plan->project.exprs)
        return false;
    for (uint32_t i = 0; i < kept.count; i++) {
        struct leat_expr *column = expr_column(pl, kept.items[i], NULL);
        if (!column || !(plan->project.exprs[i] = place_expr(pl, column, &io->columns)))
            return false;
    }
    *io = (struct lowered){plan, kept};
    return true;
}

/* --- scans --- */
/* A comparison of one column with constants as the source understands it. */
static bool predicate_of(struct planner *pl, const struct node *node, const struct leat_expr *cond,
                         struct leat_predicate *out)
{
    static const struct {
        const char *name;
        enum leat_predicate_op op, turned;
    } ops[] = {
        {"=", LEAT_PREDICATE_EQ, LEAT_PREDICATE_EQ}, {"<>", LEAT_PREDICATE_NE, LEAT_PREDICATE_NE},
        {"<", LEAT_PREDICATE_LT, LEAT_PREDICATE_GT}, {"<=", LEAT_PREDICATE_LE, LEAT_PREDICATE_GE},
        {">", LEAT_PREDICATE_GT, LEAT_PREDICATE_LT}, {">=", LEAT_PREDICATE_GE, LEAT_PREDICATE_LE}};
    const struct leat_expr *column = cond->arg_count ? cond->args[0] : NULL, *value = NULL;
    bool turned = false;
    int position;
    struct leat_value *values;

    if (!column)
        return false;
    if (cond->kind == LEAT_EXPR_CALL && cond->arg_count == 2) {
        turned = column->kind == LEAT_EXPR_CONSTANT;
        value = cond->args[turned ? 0 : 1];
        column = cond->args[turned ? 1 : 0];
        if (value->kind != LEAT_EXPR_CONSTANT || value->constant.is_null)
            return false;
    } else if (cond->kind != LEAT_EXPR_IN && cond->kind != LEAT_EXPR_IS_NULL &&
               cond->kind != LEAT_EXPR_IS_NOT_NULL) {
        return false;
    }
    if (column->kind != LEAT_EXPR_COLUMN || leat_type_is_nested(column->type) ||
        (position = position_of(&node->columns, column->column)) < 0)
        return false;
    out->column = (uint32_t)position;
    out->value_count = 0;
    if (cond->kind == LEAT_EXPR_IS_NULL || cond->kind == LEAT_EXPR_IS_NOT_NULL) {
        out->op =
            cond->kind == LEAT_EXPR_IS_NULL ? LEAT_PREDICATE_IS_NULL : LEAT_PREDICATE_IS_NOT_NULL;
        return true;
    }
    values = leat_arena_calloc(pl->arena, cond->arg_count, sizeof(*values));
    if (!values)
        return false;
    out->values = values;
    if (cond->kind == LEAT_EXPR_IN) {
        out->op = LEAT_PREDICATE_IN;
        for (uint32_t i = 1; i < cond->arg_count; i++)
            if (!cond->args[i]->constant.is_null)
                values[out->value_count++] = cond->args[i]->constant;
        return out->value_count > 0 && leat_type_equal(values[0].type, column->type);
    }
    if (!leat_type_equal(value->type, column->type))
        return false;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (strcmp(cond->function->name, ops[i].name) == 0) {
            out->op = turned ? ops[i].turned : ops[i].op;
            out->value_count = 1;
            values[0] = value->constant;
            return true;
        }
    return false;
}

static bool lower_scan(struct planner *pl, struct node *node, const struct idset *needed,
                       struct lowered *out)
{
    struct idset filtered = {0};
    struct ids all = {0}, indices = {0};
    struct leat_plan *plan;
    struct leat_predicate *predicates;

    if (!exprs_refs(pl, &node->conds, &filtered))
        return false;
    for (int pass = 0; pass < 2; pass++) /* outputs first, then what only the filter needs */
        for (uint32_t i = 0; i < node->columns.count; i++) {
            uint32_t id = node->columns.items[i];
            bool output = idset_has(needed, id);
            if (pass == 0 ? !output : output || !idset_has(&filtered, id))
                continue;
            if (!ids_add(pl, &all, id) || !ids_add(pl, &indices, i) ||
                (pass == 0 && !ids_add(pl, &out->columns, id)))
                return false;
        }
    plan = new_plan(pl, LEAT_PLAN_SCAN, node, &out->columns, 0);
    predicates = plan_alloc(pl, (node->conds.count + 1u) * sizeof(*predicates));
    if (!plan || !predicates)
        return false;
    plan->scan.source = node->source;
    plan->scan.output_count = out->columns.count;
    plan->scan.scan.column_count = indices.count;
    plan->scan.scan.columns = indices.items;
    plan->scan.scan.predicates = predicates;
    plan->scan.scan.limit = node->limit;
    for (uint32_t i = 0; i < node->conds.count; i++)
        if (predicate_of(pl, node, node->conds.items[i],
                         &predicates[plan->scan.scan.predicate_count]))
            plan->scan.scan.predicate_count++;
    if (node->conds.count && !(plan->scan.filter = place_conds(pl, &node->conds, &all)))
        return false;
    out->plan = plan;
    return true;
}

/* --- simple nodes --- */
static bool lower_values(struct planner *pl, struct node *node, const struct idset *needed,
                         struct lowered *out)
{
    uint32_t width = node->columns.count;
    struct ids kept = {0}, at = {0}, none = {0};

    for (uint32_t i = 0; i < width; i++)
        if (idset_has(needed, node->columns.items[i]) &&
            (!ids_add(pl, &kept, node->columns.items[i]) || !ids_add(pl, &at, i)))
            return false;
    out->columns = kept;
    out->plan = new_plan(pl, LEAT_PLAN_VALUES, node, &kept, 0);
    if (!out->plan)
        return false;
    out->plan->rows = node->row_count;
    out->plan->values.row_count = node->row_count;
    out->plan->values.rows =
        plan_alloc(pl, (node->row_count + 1u) * sizeof(*out->plan->values.rows));
    if (!out->plan->values.rows)
        return false;
    for (uint32_t r = 0; r < node->row_count; r++) {
        struct leat_expr **row = plan_alloc(pl, (kept.count + 1u) * sizeof(*row));
        if (!row)
            return false;
        for (uint32_t c = 0; c < kept.count; c++)
            if (!(row[c] = place_expr(pl, node->exprs.items[r * width + at.items[c]], &none)))
                return false;
        out->plan->values.rows[r] = row;
    }
    return true;
}

static bool lower_filter(struct planner *pl, struct node *node, const struct idset *needed,
                         struct lowered *out)
{
    struct idset below = {0};
    struct lowered child = {0};

    if (!idset_or(pl, &below, needed) || !exprs_refs(pl, &node->conds, &below) ||
        !lower(pl, node->left, &below, &child))
        return false;
    out->columns = child.columns;
    out->plan = new_plan(pl, LEAT_PLAN_FILTER, node, &child.columns, 1);
    if (!out->plan)
        return false;
    out->plan->children[0] = child.plan;
    out->plan->filter.condition = place_conds(pl, &node->conds, &child.columns);
    return out->plan->filter.condition && narrow(pl, node, out, needed);
}

/* Consecutive maps become one projection where the upper uses plain columns of the lower. */
static bool lower_map(struct planner *pl, struct node *node, const struct idset *needed,
                      struct lowered *out)
{
    struct idset below = {0};
    struct lowered child = {0};
    struct leat_plan *plan;
    struct ids kept = {0};
    uint32_t computed = 0;

    for (uint32_t i = 0; i < node->columns.count; i++)
        if (idset_has(needed, node->columns.items[i])) {
            computed++;
            if (!expr_refs(pl, node->exprs.items[i], &below))
                return false;
        }
    for (uint32_t i = 0; i < needed->word_count; i++) {
        uint64_t word = needed->words[i];
        for (; word; word &= word - 1) {
            uint32_t id = i * 64 + (uint32_t)__builtin_ctzll(word);
            if (position_of(&node->columns, id) < 0 && !idset_add(pl, &below, id))
                return false;
        }
    }
    if (!lower(pl, node->left, &below, &child))
        return false;
    if (!computed) {
        *out = child;
        return narrow(pl, node, out, needed);
    }
    for (uint32_t i = 0; i < child.columns.count; i++)
        if (idset_has(needed, child.columns.items[i]) &&
            !ids_add(pl, &kept, child.columns.items[i]))
            return false;
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (idset_has(needed, node->columns.items[i]) &&
            !ids_add(pl, &kept, node->columns.items[i]))
            return false;
    plan = new_plan(pl, LEAT_PLAN_PROJECT, node, &kept, 1);
    if (!plan)
        return false;
    plan->children[0] = child.plan;
    plan->project.exprs = plan_alloc(pl, (kept.count + 1u) * sizeof(struct leat_expr *));
    if (!plan->project.exprs)
        return false;
    for (uint32_t i = 0; i < kept.count; i++) {
        int own = position_of(&node->columns, kept.items[i]);
        struct leat_expr *expr =
            own >= 0 ? node->exprs.items[own] : expr_column(pl, kept.items[i], NULL);
        if (!expr || !(plan->project.exprs[i] = place_expr(pl, expr, &child.columns)))
            return false;
    }
    *out = (struct lowered){plan, kept};
    return true;
}

/* What a FINAL grouping reads: its keys, then the states of the calls that are needed. */
static bool lower_states(struct planner *pl, const struct node *node, const struct idset *needed,
                         struct lowered *child)
{
    struct ids columns = {0};
    struct exprs exprs = node->exprs;
    struct leat_plan *plan;

    for (uint32_t i = 0; i < node->key_count; i++)
        if (!ids_add(pl, &columns, node->columns.items[i]))
            return false;
    for (uint32_t i = 0; i < node->call_count; i++)
        if (idset_has(needed, node->columns.items[node->key_count + i]) &&
            (!ids_add(pl, &columns, node->states.items[i]) ||
             !exprs_add(pl, &exprs, expr_column(pl, node->states.items[i], NULL))))
            return false;
    plan = new_plan(pl, LEAT_PLAN_PROJECT, node, &columns, 1);
    if (!plan)
        return false;
    plan->children[0] = child->plan;
    plan->project.exprs = place_exprs(pl, exprs.items, exprs.count, &child->columns);
    *child = (struct lowered){plan, columns};
    return plan->project.exprs != NULL;
}

/* Columns that the grouping gives, and those that it reads. */
static bool group_columns(struct planner *pl, const struct node *node, const struct idset *needed,
                          struct ids *own, struct idset *below)
{
    bool final = node->mode == LEAT_AGGREGATE_FINAL;

    for (uint32_t i = 0; i < node->key_count; i++)
        if (!ids_add(pl, own, node->columns.items[i]))
            return false;
    for (uint32_t i = 0; i < node->call_count; i++)
        if (idset_has(needed, node->columns.items[node->key_count + i]) &&
            (!ids_add(pl, own, node->columns.items[node->key_count + i]) ||
             !(final ? idset_add(pl, below, node->states.items[i])
                     : call_refs(pl, &node->calls[i], below))))
            return false;
    return exprs_refs(pl, &node->exprs, below);
}

static bool lower_group(struct planner *pl, struct node *node, const struct idset *needed,
                        struct lowered *out)
{
    bool final = node->mode == LEAT_AGGREGATE_FINAL;
    struct idset below = {0};
    struct lowered child = {0};
    struct leat_plan *plan;

    if (!group_columns(pl, node, needed, &out->columns, &below) ||
        !lower(pl, node->left, &below, &child) ||
        (final && !lower_states(pl, node, needed, &child)))
        return false;
    plan = new_plan(pl, LEAT_PLAN_AGGREGATE, node, &out->columns, 1);
    if (!plan)
        return false;
    plan->children[0] = child.plan;
    plan->aggregate.mode = node->mode;
    plan->aggregate.key_count = node->key_count;
    plan->aggregate.keys = plan_alloc(pl, (node->key_count + 1u) * sizeof(struct leat_expr *));
    plan->aggregate.calls = plan_alloc(pl, (node->call_count + 1u) * sizeof(struct leat_aggregate));
    if (!plan->aggregate.keys || !plan->aggregate.calls)
        return false;
    for (uint32_t i = 0; i < node->key_count; i++) {
        struct leat_expr *key =
            final ? expr_column(pl, node->columns.items[i], NULL) : node->exprs.items[i];
        if (!key || !(plan->aggregate.keys[i] = place_expr(pl, key, &child.columns)))
            return false;
    }
    for (uint32_t i = 0; i < node->call_count; i++)
        if (idset_has(needed, node->columns.items[node->key_count + i]) &&
            !place_call(pl, &node->calls[i], &child.columns,
                        &plan->aggregate.calls[plan->aggregate.call_count++]))
            return false;
    out->plan = plan;
    return narrow(pl, node, out, needed);
}

/* --- joins --- */
/* The equality inside `a IS NOT DISTINCT FROM b` as the binder writes it, or NULL. */
static struct leat_expr *null_safe_equality(struct leat_expr *cond)
{
    struct leat_expr *both;

    if (cond->kind != LEAT_EXPR_COALESCE || cond->arg_count != 2 ||
        !expr_is_equality(cond->args[0]))
        return NULL;
    both = cond->args[1];
    if (both->kind != LEAT_EXPR_AND || both->arg_count != 2 ||
        both->args[0]->kind != LEAT_EXPR_IS_NULL || both->args[1]->kind != LEAT_EXPR_IS_NULL ||
        !leat_expr_equal(both->args[0]->args[0], cond->args[0]->args[0]) ||
        !leat_expr_equal(both->args[1]->args[0], cond->args[0]->args[1]))
        return NULL;
    return cond->args[0];
}

/* COALESCE(a = b, false): a key of a mark join for which null is false. */
static struct leat_expr *two_valued_equality(struct leat_expr *cond)
{
    if (cond->kind == LEAT_EXPR_COALESCE && cond->arg_count == 2 &&
        expr_is_equality(cond->args[0]) && cond->args[1]->kind == LEAT_EXPR_CONSTANT &&
        !cond->args[1]->constant.is_null && !cond->args[1]->constant.integer)
        return cond->args[0];
    return NULL;
}

struct join_keys {
    struct exprs left, right, residual;
    struct exprs not_null; /* right keys that must not be null */
    bool *null_safe;
    bool any_null_safe;
};

/* Hashable equalities of one left and one right side become keys, the rest the residual. */
static bool split_conds(struct planner *pl, const struct node *node, const struct idset *left,
                        const struct idset *right, struct join_keys *keys)
{
    bool mark =
        node->join == LEAT_JOIN_MARK; /* its nulls come from keys, so constants are keys too */

    keys->null_safe = plan_alloc(pl, node->conds.count + 1u);
    if (!keys->null_safe)
        return false;
    for (uint32_t i = 0; i < node->conds.count; i++) {
        struct leat_expr *cond = node->conds.items[i], *safe = null_safe_equality(cond);
        struct leat_expr *two = safe ? NULL : two_valued_equality(cond);
        struct leat_expr *equal = safe ? safe : two ? two : expr_is_equality(cond) ? cond : NULL;
        struct idset a = {0}, b = {0};
        bool straight = false, turned = false;
        if (equal) {
            if (!expr_refs(pl, equal->args[0], &a) || !expr_refs(pl, equal->args[1], &b))
                return false;
            straight = idset_within(&a, left) && idset_within(&b, right) &&
                       (mark || !idset_empty(&a)) && !idset_empty(&b);
            turned = idset_within(&b, left) && idset_within(&a, right) && !idset_empty(&a) &&
                     (mark || !idset_empty(&b));
        }
        if ((straight || turned) && leat_type_equal(equal->args[0]->type, equal->args[1]->type)) {
            keys->null_safe[keys->left.count] = safe || two;
            keys->any_null_safe |= safe || two;
            if (!exprs_add(pl, &keys->left, equal->args[straight ? 0 : 1]) ||
                !exprs_add(pl, &keys->right, equal->args[straight ? 1 : 0]))
                return false;
            if (two &&
                !exprs_add(pl, &keys->not_null,
                           expr_unary(pl, LEAT_EXPR_IS_NOT_NULL, equal->args[straight ? 1 : 0])))
                return false;
        } else if (!exprs_add(pl, &keys->residual, cond)) {
            return false;
        }
    }
    return true;
}

static bool lower_join(struct planner *pl, struct node *node, const struct idset *needed,
                       struct lowered *out)
{
    struct idset left_set = {0}, right_set = {0}, wanted = {0};
    struct lowered left = {0}, right = {0};
    struct join_keys keys = {0};
    struct ids both = {0};
    struct node *right_node = node->right;
    struct leat_plan *plan;
    bool left_only = node->join == LEAT_JOIN_SEMI || node->join == LEAT_JOIN_ANTI ||
                     node->join == LEAT_JOIN_MARK;

    if (!node_outputs(pl, node->left, &left_set) || !node_outputs(pl, node->right, &right_set) ||
        !split_conds(pl, node, &left_set, &right_set, &keys))
        return false;
    if (keys.not_null.count && !(right_node = new_filter(pl, right_node, &keys.not_null)))
        return false;
    if (!idset_or(pl, &wanted, needed) || !exprs_refs(pl, &node->conds, &wanted) ||
        !lower(pl, node->left, &wanted, &left) || !lower(pl, right_node, &wanted, &right))
        return false;
    for (uint32_t i = 0; i < left.columns.count; i++)
        if (!ids_add(pl, &both, left.columns.items[i]) ||
            !ids_add(pl, &out->columns, left.columns.items[i]))
            return false;
    for (uint32_t i = 0; i < right.columns.count; i++)
        if (!ids_add(pl, &both, right.columns.items[i]) ||
            (!left_only && !ids_add(pl, &out->columns, right.columns.items[i])))
            return false;
    if (node->join == LEAT_JOIN_MARK && !ids_add(pl, &out->columns, node->columns.items[0]))
        return false;
    plan = new_plan(pl, LEAT_PLAN_JOIN, node, &out->columns, 2);
    if (!plan)
        return false;
    plan->children[0] = left.plan;
    plan->children[1] = right.plan;
    plan->join.type = node->join;
    plan->join.key_count = keys.left.count;
    plan->join.left_keys = place_exprs(pl, keys.left.items, keys.left.count, &left.columns);
    plan->join.right_keys = place_exprs(pl, keys.right.items, keys.right.count, &right.columns);
    plan->join.null_safe = keys.any_null_safe ? keys.null_safe : NULL;
    if (!plan->join.left_keys || !plan->join.right_keys)
        return false;
    if (keys.residual.count && !(plan->join.residual = place_conds(pl, &keys.residual, &both)))
        return false;
    if (node->left->rows >= 0 && node->right->rows >= 0 && keys.left.count)
        plan->join.build_left = node->left->rows < node->right->rows * 0.8 &&
                                (node->join == LEAT_JOIN_INNER || node->join == LEAT_JOIN_LEFT ||
                                 node->join == LEAT_JOIN_SEMI || node->join == LEAT_JOIN_ANTI);
    out->plan = plan;
    return narrow(pl, node, out, needed);
}

/* --- the rest --- */
static bool lower_sort(struct planner *pl, struct node *node, const struct idset *needed,
                       struct lowered *out)
{
    struct idset below = {0};
    struct lowered child = {0};

    if (!idset_or(pl, &below, needed))
        return false;
    for (uint32_t i = 0; i < node->sort_count; i++)
        if (!expr_refs(pl, node->keys[i].expr, &below))
            return false;
    if (!lower(pl, node->left, &below, &child))
        return false;
    out->columns = child.columns;
    out->plan = new_plan(pl, node->kind == NODE_SORT ? LEAT_PLAN_SORT : LEAT_PLAN_LIMIT, node,
                         &child.columns, 1);
    if (!out->plan)
        return false;
    out->plan->children[0] = child.plan;
    if (node->kind == NODE_SORT) {
        out->plan->sort.keys = place_keys(pl, node->keys, node->sort_count, &child.columns);
        out->plan->sort.key_count = node->sort_count;
        out->plan->sort.limit = node->limit;
        out->plan->sort.offset = node->offset;
        if (!out->plan->sort.keys)
            return false;
    } else {
        out->plan->limit.limit = node->limit;
        out->plan->limit.offset = node->offset;
    }
    return narrow(pl, node, out, needed);
}

/* The child's columns in the given order. */
static bool arrange(struct planner *pl, const struct node *node, struct lowered *io,
                    const struct ids *order)
{
    bool same = io->columns.count == order->count;
    struct leat_plan *plan;

    for (uint32_t i = 0; same && i < order->count; i++)
        same = io->columns.items[i] == order->items[i];
    if (same)
        return true;
    plan = new_plan(pl, LEAT_PLAN_PROJECT, node, order, 1);
    if (!plan)
        return false;
    plan->children[0] = io->plan;
    plan->project.exprs = plan_alloc(pl, (order->count + 1u) * sizeof(struct leat_expr *));
    if (!plan->project.exprs)
        return false;
    for (uint32_t i = 0; i < order->count; i++) {
        struct leat_expr *column = expr_column(pl, order->items[i], NULL);
        if (!column || !(plan->project.exprs[i] = place_expr(pl, column, &io->columns)))
            return false;
    }
    *io = (struct lowered){plan, *order};
    return true;
}

static bool lower_union(struct planner *pl, struct node *node, const struct idset *needed,
                        struct lowered *out)
{
    struct ids at = {0};

    for (uint32_t i = 0; i < node->columns.count; i++)
        if (idset_has(needed, node->columns.items[i]) &&
            (!ids_add(pl, &out->columns, node->columns.items[i]) || !ids_add(pl, &at, i)))
            return false;
    out->plan = new_plan(pl, LEAT_PLAN_UNION, node, &out->columns, node->child_count);
    if (!out->plan)
        return false;
    for (uint32_t c = 0; c < node->child_count; c++) {
        struct idset wanted = {0};
        struct ids order = {0};
        struct lowered child = {0};
        for (uint32_t i = 0; i < at.count; i++) {
            uint32_t id = node->child_columns[c].items[at.items[i]];
            if (!idset_add(pl, &wanted, id) || !ids_add(pl, &order, id))
                return false;
        }
        if (!lower(pl, node->children[c], &wanted, &child) ||
            !arrange(pl, node->children[c], &child, &order))
            return false;
        out->plan->children[c] = child.plan;
    }
    return true;
}

static bool lower_shared(struct planner *pl, struct node *node, const struct idset *needed,
                         struct lowered *out)
{
    struct shared *shared = node->shared;
    struct leat_plan *plan;

    if (!shared->plan) {
        struct idset all = {0};
        struct lowered child = {0};
        struct ids kept = {0};
        for (uint32_t i = 0; i < shared->columns.count; i++)
            if (shared->needed[i] && (!idset_add(pl, &all, shared->columns.items[i]) ||
                                      !ids_add(pl, &kept, shared->columns.items[i])))
                return false;
        if (!lower(pl, shared->child, &all, &child) || !arrange(pl, shared->child, &child, &kept))
            return false;
        shared->plan = child.plan;
    }
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (shared->needed[i] && !ids_add(pl, &out->columns, node->columns.items[i]))
            return false;
    plan = new_plan(pl, LEAT_PLAN_SHARED, node, &out->columns, 1);
    if (!plan)
        return false;
    plan->children[0] = shared->plan;
    plan->shared.id = shared->id;
    plan->rows = shared->plan->rows;
    out->plan = plan;
    return narrow(pl, node, out, needed);
}

static bool lower_window(struct planner *pl, struct node *node, const struct idset *needed,
                         struct lowered *out)
{
    struct idset below = {0};
    struct lowered child = {0};
    struct leat_plan *plan;

    for (uint32_t i = 0; i < needed->word_count; i++)
        for (uint64_t word = needed->words[i]; word; word &= word - 1) {
            uint32_t id = i * 64 + (uint32_t)__builtin_ctzll(word);
            if (position_of(&node->columns, id) < 0 && !idset_add(pl, &below, id))
                return false;
        }
    if (!exprs_refs(pl, &node->partition, &below))
        return false;
    for (uint32_t i = 0; i < node->sort_count; i++)
        if (!expr_refs(pl, node->keys[i].expr, &below))
            return false;
    for (uint32_t i = 0; i < node->call_count; i++)
        if (!call_refs(pl, &node->calls[i], &below))
            return false;
    if (!lower(pl, node->left, &below, &child))
        return false;
    for (uint32_t i = 0; i < child.columns.count; i++)
        if (!ids_add(pl, &out->columns, child.columns.items[i]))
            return false;
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (!ids_add(pl, &out->columns, node->columns.items[i]))
            return false;
    plan = new_plan(pl, LEAT_PLAN_WINDOW, node, &out->columns, 1);
    if (!plan)
        return false;
    plan->children[0] = child.plan;
    plan->window.key_count = node->partition.count;
    plan->window.partition_keys =
        place_exprs(pl, node->partition.items, node->partition.count, &child.columns);
    plan->window.order_count = node->sort_count;
    plan->window.order = place_keys(pl, node->keys, node->sort_count, &child.columns);
    plan->window.call_count = node->call_count;
    plan->window.calls = plan_alloc(pl, (node->call_count + 1u) * sizeof(*plan->window.calls));
    if (!plan->window.partition_keys || !plan->window.order || !plan->window.calls)
        return false;
    for (uint32_t i = 0; i < node->call_count; i++) {
        plan->window.calls[i].frame = node->frames[i];
        if (!place_call(pl, &node->calls[i], &child.columns, &plan->window.calls[i].call))
            return false;
    }
    out->plan = plan;
    return narrow(pl, node, out, needed);
}

static bool lower_unnest(struct planner *pl, struct node *node, const struct idset *needed,
                         struct lowered *out)
{
    struct idset below = {0};
    struct lowered child = {0};
    struct leat_plan *plan;

    for (uint32_t i = 0; i < needed->word_count; i++)
        for (uint64_t word = needed->words[i]; word; word &= word - 1) {
            uint32_t id = i * 64 + (uint32_t)__builtin_ctzll(word);
            if (position_of(&node->columns, id) < 0 && !idset_add(pl, &below, id))
                return false;
        }
    if (!exprs_refs(pl, &node->exprs, &below) || !lower(pl, node->left, &below, &child))
        return false;
    for (uint32_t i = 0; i < child.columns.count; i++)
        if (!ids_add(pl, &out->columns, child.columns.items[i]))
            return false;
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (!ids_add(pl, &out->columns, node->columns.items[i]))
            return false;
    plan = new_plan(pl, LEAT_PLAN_UNNEST, node, &out->columns, 1);
    if (!plan)
        return false;
    plan->children[0] = child.plan;
    plan->unnest.list = place_expr(pl, node->exprs.items[0], &child.columns);
    plan->unnest.keep_empty = node->keep_empty;
    plan->unnest.ordinality = node->ordinality;
    out->plan = plan;
    return plan->unnest.list && narrow(pl, node, out, needed);
}

static bool lower_series(struct planner *pl, struct node *node, struct lowered *out)
{
    struct ids none = {0};

    if (!ids_add(pl, &out->columns, node->columns.items[0]))
        return false;
    out->plan = new_plan(pl, LEAT_PLAN_SERIES, node, &out->columns, 0);
    if (!out->plan)
        return false;
    for (uint32_t i = 0; i < 3; i++) {
        struct idset refs = {0};
        if (!expr_refs(pl, node->exprs.items[i], &refs))
            return false;
        if (!idset_empty(&refs))
            return plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, NULL,
                             "generate_series over columns of another table is not supported");
    }
    out->plan->series.start = place_expr(pl, node->exprs.items[0], &none);
    out->plan->series.stop = place_expr(pl, node->exprs.items[1], &none);
    out->plan->series.step = place_expr(pl, node->exprs.items[2], &none);
    return out->plan->series.start && out->plan->series.stop && out->plan->series.step;
}

/* A round reads all columns of the one before, whatever is needed above. */
static bool lower_recursive(struct planner *pl, struct node *node, const struct idset *needed,
                            struct lowered *out)
{
    out->columns = node->columns;
    out->plan = new_plan(pl, LEAT_PLAN_RECURSIVE, node, &out->columns, node->child_count);
    if (!out->plan)
        return false;
    out->plan->recursion.id = node->recursion;
    for (uint32_t c = 0; c < node->child_count; c++) {
        struct idset wanted = {0};
        struct lowered child = {0};
        for (uint32_t i = 0; i < node->child_columns[c].count; i++)
            if (!idset_add(pl, &wanted, node->child_columns[c].items[i]))
                return false;
        if (!lower(pl, node->children[c], &wanted, &child) ||
            !arrange(pl, node->children[c], &child, &node->child_columns[c]))
            return false;
        out->plan->children[c] = child.plan;
    }
    return narrow(pl, node, out, needed);
}

static bool lower_working(struct planner *pl, struct node *node, const struct idset *needed,
                          struct lowered *out)
{
    out->columns = node->columns;
    out->plan = new_plan(pl, LEAT_PLAN_WORKING, node, &out->columns, 0);
    if (!out->plan)
        return false;
    out->plan->recursion.id = node->recursion;
    out->plan->recursion.all = node->all;
    return narrow(pl, node, out, needed);
}

static bool lower(struct planner *pl, struct node *node, const struct idset *needed,
                  struct lowered *out)
{
    switch (node->kind) {
    case NODE_SCAN:
        return lower_scan(pl, node, needed, out);
    case NODE_VALUES:
        return lower_values(pl, node, needed, out);
    case NODE_FILTER:
        return lower_filter(pl, node, needed, out);
    case NODE_MAP:
        return lower_map(pl, node, needed, out);
    case NODE_AGGREGATE:
        return lower_group(pl, node, needed, out);
    case NODE_JOIN:
        return lower_join(pl, node, needed, out);
    case NODE_SORT:
    case NODE_LIMIT:
        return lower_sort(pl, node, needed, out);
    case NODE_UNION:
        return lower_union(pl, node, needed, out);
    case NODE_SHARED:
        return lower_shared(pl, node, needed, out);
    case NODE_WINDOW:
        return lower_window(pl, node, needed, out);
    case NODE_UNNEST:
        return lower_unnest(pl, node, needed, out);
    case NODE_SERIES:
        return lower_series(pl, node, out);
    case NODE_RECURSIVE:
        return lower_recursive(pl, node, needed, out);
    case NODE_WORKING:
        return lower_working(pl, node, needed, out);
    }
    return false;
}

/* --- what readers of shared subplans need --- */
/* All numbers that any expression of the tree uses. */
static bool collect_uses(struct planner *pl, const struct node *node, struct idset *uses)
{
    if (!node)
        return true;
    if (!exprs_refs(pl, &node->exprs, uses) || !exprs_refs(pl, &node->conds, uses) ||
        !exprs_refs(pl, &node->partition, uses))
        return false;
    for (uint32_t i = 0; i < node->call_count; i++)
        if (!call_refs(pl, &node->calls[i], uses))
            return false;
    for (uint32_t i = 0; i < node->sort_count; i++)
        if (!expr_refs(pl, node->keys[i].expr, uses))
            return false;
    for (uint32_t i = 0; i < node->child_count; i++) {
        for (uint32_t k = 0; k < node->child_columns[i].count; k++)
            if (!idset_add(pl, uses, node->child_columns[i].items[k]))
                return false;
        if (!collect_uses(pl, node->children[i], uses))
            return false;
    }
    if (node->kind == NODE_SHARED && !node->shared->seen) {
        node->shared->seen = true;
        if (!collect_uses(pl, node->shared->child, uses))
            return false;
    }
    return collect_uses(pl, node->left, uses) && collect_uses(pl, node->right, uses);
}

/* Marks the columns of shared subplans that some reader uses. True in `changed` if a nested shared
 * subplan's reader was itself marked for the first time. */
static bool mark_shared(struct planner *pl, const struct node *node, struct idset *uses,
                        uint32_t pass, bool *changed)
{
    struct shared *shared;

    if (!node)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (!mark_shared(pl, node->children[i], uses, pass, changed))
            return false;
    if (node->kind == NODE_SHARED) {
        shared = node->shared;
        if (!shared->needed && !(shared->needed = plan_alloc(pl, shared->columns.count + 1u)))
            return false;
        for (uint32_t i = 0; i < shared->columns.count; i++)
            if (!shared->needed[i] && idset_has(uses, node->columns.items[i])) {
                shared->needed[i] = true;
                *changed = true;
                if (!idset_add(pl, uses, shared->columns.items[i]))
                    return false;
            }
        if (shared->pass != pass) {
            shared->pass = pass;
            if (!mark_shared(pl, shared->child, uses, pass, changed))
                return false;
        }
    }
    return mark_shared(pl, node->left, uses, pass, changed) &&
           mark_shared(pl, node->right, uses, pass, changed);
}

struct leat_plan *lower_query(struct planner *pl, struct node *node, const struct output *outputs,
                              uint32_t count)
{
    struct idset needed = {0};
    struct ids order = {0};
    struct lowered out = {0};
    struct idset uses = {0};
    bool changed = true;

    for (uint32_t i = 0; i < count; i++)
        if (!idset_add(pl, &needed, outputs[i].id) || !idset_add(pl, &uses, outputs[i].id) ||
            !ids_add(pl, &order, outputs[i].id))
            return NULL;
    if (!collect_uses(pl, node, &uses))
        return NULL;
    for (uint32_t pass = 1; changed && pl->shared_count; pass++) {
        changed = false;
        if (!mark_shared(pl, node, &uses, pass, &changed))
            return NULL;
    }
    if (!lower(pl, node, &needed, &out) || !arrange(pl, node, &out, &order))
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        out.plan->schema.fields[i].name = outputs[i].name.data;
        out.plan->schema.fields[i].required = pl->columns[outputs[i].id].required;
    }
    return out.plan;
}
