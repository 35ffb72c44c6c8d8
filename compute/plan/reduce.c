/* Finding the place goes down step by step; making the copies repeats the steps. */
#include "compute/plan/reduce.h"

enum { MAX_KEYS = 8, MAX_STEPS = 100 };
/* Keys beyond small_rows: up to so many times as many, if the rows they may save are so many times
 * what is sent. */
enum { MORE_KEYS = 20, WORTH = 4 };

/* Columns of a node's output. */
struct columns {
    uint32_t count;
    uint32_t at[MAX_KEYS];
};

bool leat_join_may_broadcast(enum leat_join_type type, bool right)
{
    switch (type) {
    case LEAT_JOIN_INNER:
        return true;
    case LEAT_JOIN_RIGHT:
        return !right;
    case LEAT_JOIN_FULL:
        return false;
    case LEAT_JOIN_LEFT:
    case LEAT_JOIN_SEMI:
    case LEAT_JOIN_ANTI:
    case LEAT_JOIN_MARK:
    case LEAT_JOIN_SINGLE:
        return right;
    }
    return false;
}

/* Whether rows of that side without a partner give nothing. A null or an empty set on the right of
 * a MARK join decides about every row of the left. */
static bool may_reduce(enum leat_join_type type, uint32_t side)
{
    switch (type) {
    case LEAT_JOIN_INNER:
    case LEAT_JOIN_SEMI:
        return true;
    case LEAT_JOIN_LEFT:
    case LEAT_JOIN_ANTI:
    case LEAT_JOIN_SINGLE:
        return side == 1;
    case LEAT_JOIN_RIGHT:
        return side == 0;
    case LEAT_JOIN_FULL:
    case LEAT_JOIN_MARK:
        return false;
    }
    return false;
}

/* From columns of an output to those of the input that expressions give unchanged. */
static bool map_columns(struct leat_expr *const *exprs, uint32_t count, struct columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (columns->at[i] >= count || exprs[columns->at[i]]->kind != LEAT_EXPR_COLUMN)
            return false;
        columns->at[i] = exprs[columns->at[i]]->column;
    }
    return true;
}

/* The side of a join which all the columns are of, if rows may go there. */
static bool step_join(const struct leat_plan *plan, struct columns *columns, uint32_t *child)
{
    uint32_t left = plan->children[0]->schema.count;
    enum leat_join_type type = plan->join.type;

    *child = columns->at[0] >= left;
    if (*child ? type != LEAT_JOIN_INNER && type != LEAT_JOIN_RIGHT
               : type == LEAT_JOIN_RIGHT || type == LEAT_JOIN_FULL)
        return false;
    for (uint32_t i = 0; i < columns->count; i++) {
        if ((columns->at[i] >= left) != (*child == 1))
            return false;
        columns->at[i] -= *child ? left : 0;
    }
    return true;
}

/* One node down: rows whose columns have no partner may be dropped below it as well as above. */
static bool step(const struct leat_plan *plan, struct columns *columns, uint32_t *child)
{
    *child = 0;
    switch (plan->kind) {
    case LEAT_PLAN_FILTER:
    case LEAT_PLAN_EXCHANGE:
        return true;
    case LEAT_PLAN_PROJECT:
        return map_columns(plan->project.exprs, plan->schema.count, columns);
    case LEAT_PLAN_AGGREGATE:
        return map_columns(plan->aggregate.keys, plan->aggregate.key_count, columns);
    case LEAT_PLAN_JOIN:
        return step_join(plan, columns, child);
    default:
        return false;
    }
}

/* Whether the plan is cut below this node, as far as estimates tell. */
static bool is_exchanged(const struct leat_plan *plan, double small)
{
    if (plan->kind == LEAT_PLAN_JOIN)
        return plan->children[0]->rows > small && plan->children[1]->rows > small;
    return plan->kind == LEAT_PLAN_AGGREGATE;
}

static bool key_columns(const struct leat_plan *join, uint32_t side, struct columns *out)
{
    struct leat_expr *const *keys = side ? join->join.right_keys : join->join.left_keys;

    out->count = join->join.key_count;
    if (out->count == 0 || out->count > MAX_KEYS)
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        if (join->join.null_safe && join->join.null_safe[i])
            return false;
        out->at[i] = i;
    }
    return map_columns(keys, join->join.key_count, out);
}

static bool are_few(double keys, double rows, double small, uint32_t tasks)
{
    return keys <= small || (keys <= small * MORE_KEYS && keys * tasks * WORTH <= rows);
}

static bool find_side(const struct leat_plan *join, uint32_t side, double small, uint32_t tasks,
                      struct leat_reduction *out)
{
    const struct leat_plan *plan = join->children[side], *other = join->children[!side];
    struct columns columns;
    uint32_t child;
    bool crosses;

    if (!may_reduce(join->join.type, side) || !are_few(other->rows, plan->rows, small, tasks) ||
        !key_columns(join, side, &columns))
        return false;
    if (join->join.type == LEAT_JOIN_INNER ? join->rows * 2 > plan->rows
                                           : other->rows * 4 > plan->rows)
        return false;
    *out = (struct leat_reduction){.join = join, .side = side};
    out->hashes = !leat_join_may_broadcast(join->join.type, side == 0);
    crosses = out->hashes;
    for (struct columns next = columns; out->steps < MAX_STEPS && step(plan, &next, &child);
         out->steps++) {
        crosses |= is_exchanged(plan, small);
        plan = plan->children[child];
    }
    return crosses && plan->rows > small;
}

bool leat_reduction_find(const struct leat_plan *join, double small, uint32_t tasks,
                         struct leat_reduction *out)
{
    return find_side(join, 0, small, tasks, out) || find_side(join, 1, small, tasks, out);
}

static enum leat_status new_semi_join(const struct leat_reduction *reduction,
                                      struct leat_plan *plan, const struct columns *columns,
                                      struct leat_plan *keys, struct leat_arena *arena,
                                      struct leat_plan **out, struct leat_error *err)
{
    const struct leat_plan *join = reduction->join;
    struct leat_plan *semi = LEAT_NEW(arena, struct leat_plan);
    struct leat_plan **children = LEAT_NEW_ARRAY(arena, struct leat_plan *, 2);
    struct leat_expr **left = LEAT_NEW_ARRAY(arena, struct leat_expr *, columns->count);

    if (!semi || !children || !left)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < columns->count; i++) {
        left[i] = LEAT_NEW(arena, struct leat_expr);
        if (!left[i])
            return leat_error_memory(err);
        left[i]->kind = LEAT_EXPR_COLUMN;
        left[i]->column = columns->at[i];
        left[i]->type = plan->schema.fields[columns->at[i]].type;
    }
    children[0] = plan;
    children[1] = keys;
    semi->kind = LEAT_PLAN_JOIN;
    semi->schema = plan->schema;
    semi->child_count = 2;
    semi->children = children;
    semi->join.type = LEAT_JOIN_SEMI;
    semi->join.key_count = columns->count;
    semi->join.left_keys = left;
    semi->join.right_keys = reduction->side ? join->join.left_keys : join->join.right_keys;
    *out = semi;
    return LEAT_OK;
}

enum leat_status leat_reduction_put(const struct leat_reduction *reduction, struct leat_plan *keys,
                                    struct leat_arena *arena, struct leat_plan **out,
                                    struct leat_error *err)
{
    const struct leat_plan *join = reduction->join;
    struct leat_plan *plan = join->children[reduction->side];
    double share = join->join.type == LEAT_JOIN_INNER ? join->rows / plan->rows : 1;
    struct leat_plan **place = out;
    struct columns columns;
    uint32_t child;

    *out = NULL;
    if (!key_columns(join, reduction->side, &columns))
        return leat_error_internal(err, "a reduction without keys");
    for (uint32_t i = 0; i < reduction->steps && step(plan, &columns, &child); i++) {
        struct leat_plan *copy = LEAT_NEW(arena, struct leat_plan);
        struct leat_plan **children = LEAT_NEW_ARRAY(arena, struct leat_plan *, plan->child_count);
        if (!copy || !children)
            return leat_error_memory(err);
        memcpy(children, plan->children, plan->child_count * sizeof(struct leat_plan *));
        *copy = *plan;
        copy->children = children;
        copy->rows *= share;
        *place = copy;
        place = &children[child];
        plan = plan->children[child];
    }
    LEAT_TRY(new_semi_join(reduction, plan, &columns, keys, arena, place, err));
    (*place)->rows = plan->rows * share;
    return LEAT_OK;
}
