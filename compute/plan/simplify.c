/* Conditions made simpler before they are moved: constants computed, comparisons in the column's
 * own type, and what the branches of an OR share or imply. */
#include "compute/plan/planner_internal.h"

/* --- constant folding --- */
static bool is_constant(const struct leat_expr *expr)
{
    return expr->kind == LEAT_EXPR_CONSTANT;
}

/* An integer column cast to a wider type, compared with a constant that fits the column's own type:
 * compared in that type, so that sources can use the condition. */
static struct leat_expr *narrow_comparison(struct planner *pl, struct leat_expr *expr)
{
    static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
    bool comparison = false;
    struct leat_error ignored;

    if (expr->kind != LEAT_EXPR_CALL || expr->arg_count != 2)
        return expr;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        comparison |= strcmp(expr->function->name, names[i]) == 0;
    for (uint32_t side = 0; comparison && side < 2; side++) {
        struct leat_expr *cast = expr->args[side], *value = expr->args[1 - side];
        struct leat_expr *small, *back, *args[2];
        if (cast->kind != LEAT_EXPR_CAST || cast->args[0]->kind != LEAT_EXPR_COLUMN ||
            !is_constant(value) || value->constant.is_null ||
            !leat_type_is_integer(cast->args[0]->type) || cast->type->id == LEAT_FLOAT ||
            cast->type->id == LEAT_TEXT || !leat_type_is_numeric(cast->type))
            continue;
        small = expr_new(pl, LEAT_EXPR_CONSTANT, cast->args[0]->type, 0);
        back = expr_new(pl, LEAT_EXPR_CONSTANT, value->type, 0);
        struct leat_expr *to = expr_new(pl, LEAT_EXPR_CAST, cast->args[0]->type, 1);
        struct leat_expr *from = expr_new(pl, LEAT_EXPR_CAST, value->type, 1);
        if (!small || !back || !to || !from)
            return NULL;
        to->args[0] = value;
        from->args[0] = small;
        if (leat_expr_fold(to, pl->arena, &small->constant, &ignored) ||
            leat_expr_fold(from, pl->arena, &back->constant, &ignored) || small->constant.is_null ||
            back->constant.is_null || leat_value_compare(&back->constant, &value->constant) != 0)
            continue;
        args[side] = cast->args[0];
        args[1 - side] = small;
        return call_function(pl, expr->function->name, args, 2, expr->offset, expr->length);
    }
    return expr;
}

/* Computes what has constant arguments only. What fails is left for run time. */
static struct leat_expr *fold(struct planner *pl, struct leat_expr *expr)
{
    bool constant = expr->arg_count > 0;
    struct leat_expr *folded;
    struct leat_error ignored;

    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (!(expr->args[i] = fold(pl, expr->args[i])))
            return NULL;
        constant &= is_constant(expr->args[i]);
    }
    if (!constant || leat_type_is_nested(expr->type) || !expr_deterministic(expr))
        return narrow_comparison(pl, expr);
    folded = expr_new(pl, LEAT_EXPR_CONSTANT, expr->type, 0);
    if (!folded)
        return NULL;
    folded->offset = expr->offset;
    folded->length = expr->length;
    if (leat_expr_fold(expr, pl->arena, &folded->constant, &ignored))
        return expr;
    folded->constant.type = expr->type;
    return folded;
}

bool fold_list(struct planner *pl, struct exprs *list)
{
    for (uint32_t i = 0; rule_is_on(pl, LEAT_RULE_CONSTANT_FOLDING) && i < list->count; i++)
        if (!(list->items[i] = fold(pl, list->items[i])))
            return false;
    return true;
}

bool fold_node(struct planner *pl, struct node *node)
{
    for (uint32_t i = 0; i < node->call_count; i++) {
        struct exprs args = {node->calls[i].args, node->calls[i].arg_count, 0};
        if (!fold_list(pl, &args))
            return false;
    }
    return fold_list(pl, &node->exprs) && fold_list(pl, &node->conds);
}

/* --- OR --- */
static struct leat_expr *or_of(struct planner *pl, const struct exprs *branches)
{
    struct leat_expr *expr;

    if (branches->count == 1)
        return branches->items[0];
    expr = expr_new(pl, LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN), branches->count);
    if (expr)
        memcpy(expr->args, branches->items, branches->count * sizeof(*expr->args));
    return expr;
}

bool exprs_contain(const struct exprs *list, const struct leat_expr *expr)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (leat_expr_equal(list->items[i], expr))
            return true;
    return false;
}

/* (a AND b) OR (a AND c) becomes a AND (b OR c): the parts are added to `out`. */
static bool factor_or(struct planner *pl, struct leat_expr *expr, struct exprs *out)
{
    struct exprs first = {0}, common = {0}, rest = {0};
    bool trivial = false;

    if (!exprs_add_conjuncts(pl, &first, expr->args[0]))
        return false;
    for (uint32_t c = 0; c < first.count; c++) {
        bool everywhere = true;
        for (uint32_t b = 1; b < expr->arg_count && everywhere; b++) {
            struct exprs branch = {0};
            if (!exprs_add_conjuncts(pl, &branch, expr->args[b]))
                return false;
            everywhere = exprs_contain(&branch, first.items[c]);
        }
        if (everywhere && !exprs_add(pl, &common, first.items[c]))
            return false;
    }
    if (!common.count)
        return exprs_add(pl, out, expr);
    for (uint32_t b = 0; b < expr->arg_count && !trivial; b++) {
        struct exprs branch = {0}, kept = {0};
        if (!exprs_add_conjuncts(pl, &branch, expr->args[b]))
            return false;
        for (uint32_t i = 0; i < branch.count; i++)
            if (!exprs_contain(&common, branch.items[i]) && !exprs_add(pl, &kept, branch.items[i]))
                return false;
        trivial = !kept.count;
        if (!trivial && !exprs_add(pl, &rest, expr_and(pl, &kept)))
            return false;
    }
    return exprs_append(pl, out, &common) && (trivial || exprs_add(pl, out, or_of(pl, &rest)));
}

bool factor_ors(struct planner *pl, struct exprs *preds)
{
    struct exprs out = {0};

    if (!rule_is_on(pl, LEAT_RULE_FILTER_FACTORING))
        return true;

    for (uint32_t i = 0; i < preds->count; i++)
        if (preds->items[i]->kind == LEAT_EXPR_OR ? !factor_or(pl, preds->items[i], &out)
                                                  : !exprs_add(pl, &out, preds->items[i]))
            return false;
    *preds = out;
    return true;
}

/* What an OR over several tables says of one of them: of each branch the conditions on it alone. */
bool implied_by_or(struct planner *pl, const struct leat_expr *expr, const struct idset *outputs,
                   struct exprs *out)
{
    struct exprs branches = {0};

    for (uint32_t b = 0; b < expr->arg_count; b++) {
        struct exprs conjuncts = {0}, own = {0};
        if (!exprs_add_conjuncts(pl, &conjuncts, expr->args[b]))
            return false;
        for (uint32_t i = 0; i < conjuncts.count; i++) {
            struct idset refs = {0};
            if (!expr_refs(pl, conjuncts.items[i], &refs))
                return false;
            if (idset_within(&refs, outputs) && !idset_empty(&refs) &&
                !exprs_add(pl, &own, conjuncts.items[i]))
                return false;
        }
        if (!own.count)
            return true;
        if (!exprs_add(pl, &branches, expr_and(pl, &own)))
            return false;
    }
    return exprs_add(pl, out, or_of(pl, &branches));
}
