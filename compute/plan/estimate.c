/*
 * Cardinalities: from the sources' row counts, minima, maxima and distinct counts where they are
 * known, else from rules of thumb. Only orders of magnitude matter: they choose join orders and
 * build sides.
 */
#include "compute/plan/planner_internal.h"
#include <math.h>

#define UNKNOWN_ROWS 10000.0

/* Position of a value on the number line; false for types without. */
static bool as_number(const struct leat_value *value, double *out)
{
    if (!value->type || value->is_null)
        return false;
    switch (value->type->id) {
    case LEAT_BOOLEAN:
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        *out = (double)value->integer;
        return true;
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        *out = value->real;
        return !isnan(value->real);
    case LEAT_DECIMAL:
        *out = (double)value->decimal / (double)leat_power_of_ten[value->type->scale];
        return true;
    default:
        return false;
    }
}

/* A text of one byte, as codes and flags are. */
static bool is_letter(const struct leat_value *value, double *out)
{
    if (!value->type || value->is_null || value->type->id != LEAT_TEXT || value->text.length != 1)
        return false;
    *out = (unsigned char)value->text.data[0];
    return true;
}

static const struct leat_expr *plain_column(const struct leat_expr *expr)
{
    while (expr->kind == LEAT_EXPR_CAST)
        expr = expr->args[0];
    return expr->kind == LEAT_EXPR_COLUMN ? expr : NULL;
}

double estimate_distinct(struct planner *pl, const struct leat_expr *expr, double rows)
{
    const struct leat_expr *column = plain_column(expr);
    const struct column_info *info;
    double base, distinct, low, high;

    if (expr->kind == LEAT_EXPR_CONSTANT)
        return 1;
    if (!column)
        return fmax(1, fmin(rows, sqrt(fmin(rows, 1e12)) * 4));
    info = &pl->columns[column->column];
    base = info->rows > 0 ? info->rows : fmin(rows, UNKNOWN_ROWS);
    if (info->statistics && info->statistics->distinct_count != UINT64_MAX &&
        info->statistics->distinct_count > 0)
        distinct = (double)info->statistics->distinct_count;
    else if (info->statistics && as_number(&info->statistics->minimum, &low) &&
             as_number(&info->statistics->maximum, &high) &&
             (leat_type_is_integer(info->type) || info->type->id == LEAT_DATE))
        distinct = fmin(base, high - low + 1);
    else if (info->statistics && is_letter(&info->statistics->minimum, &low) &&
             is_letter(&info->statistics->maximum, &high))
        distinct = fmin(base, high - low + 1);
    else if (leat_type_is_integer(info->type))
        distinct = base;
    else if (info->type->id == LEAT_BOOLEAN)
        distinct = 2;
    else
        distinct = base < 100 ? base : fmax(20, sqrt(base));
    return fmax(1, fmin(distinct, rows));
}

/* Whether statistics say how many different values there are. Of integers that could all be
 * different, bounds do not say it. */
static bool is_known(struct planner *pl, const struct leat_expr *expr)
{
    const struct leat_expr *column = plain_column(expr);
    const struct column_info *info = column ? &pl->columns[column->column] : NULL;
    const struct leat_column_statistics *s = info ? info->statistics : NULL;
    double low, high;

    if (!s || s->distinct_count != UINT64_MAX)
        return s != NULL;
    if (!as_number(&s->minimum, &low) || !as_number(&s->maximum, &high))
        return false;
    return !leat_type_is_integer(info->type) || high - low < 0.9 * info->rows;
}

double estimate_equality(struct planner *pl, const struct leat_expr *a, const struct leat_expr *b,
                         double rows)
{
    double x = estimate_distinct(pl, a, rows), y = estimate_distinct(pl, b, rows);

    if (a->kind == LEAT_EXPR_CONSTANT || b->kind == LEAT_EXPR_CONSTANT)
        return 1 / fmax(x, y);
    /* Without statistics the larger side usually refers to the smaller: every row finds one. */
    if (is_known(pl, a) != is_known(pl, b))
        return 1 / (is_known(pl, a) ? x : y);
    return 1 / (is_known(pl, a) ? fmax(x, y) : fmin(x, y));
}

double estimate_pair_rows(struct planner *pl, const struct leat_expr *cond)
{
    const struct leat_expr *a, *b;

    if (!expr_is_equality(cond))
        return INFINITY;
    a = plain_column(cond->args[0]);
    b = plain_column(cond->args[1]);
    if (!a || !b || pl->columns[a->column].rows <= 0 || pl->columns[b->column].rows <= 0)
        return INFINITY;
    return fmin(pl->columns[a->column].rows, pl->columns[b->column].rows);
}

/* The share of rows below a value, by interpolation; `unknown` where there are no statistics. */
static double share_below(struct planner *pl, const struct leat_expr *column,
                          const struct leat_value *value, double unknown)
{
    const struct leat_column_statistics *s = pl->columns[column->column].statistics;
    double low, high, at;

    if (!s || !as_number(&s->minimum, &low) || !as_number(&s->maximum, &high) ||
        !as_number(value, &at) || high <= low)
        return unknown;
    return fmax(0.001, fmin(0.999, (at - low) / (high - low)));
}

static double comparison(struct planner *pl, const struct leat_expr *cond, double rows)
{
    const char *name = cond->function->name;
    bool turned = cond->args[0]->kind == LEAT_EXPR_CONSTANT;
    const struct leat_expr *value = cond->args[turned ? 0 : 1];
    const struct leat_expr *column = plain_column(cond->args[turned ? 1 : 0]);

    if (strcmp(name, "=") == 0)
        return estimate_equality(pl, cond->args[0], cond->args[1], rows);
    if (strcmp(name, "<>") == 0)
        return 0.9;
    if (name[0] == '<' || name[0] == '>') {
        bool less = (name[0] == '<') != turned;
        if (!column || value->kind != LEAT_EXPR_CONSTANT)
            return 0.35;
        if (pl->columns[column->column].rows == 0) /* computed: HAVING sum(x) > 300 */
            return 0.1;
        double below = share_below(pl, column, &value->constant, less ? 0.35 : 0.65);
        return less ? below : 1 - below;
    }
    if (strcmp(name, "like") == 0 || strcmp(name, "~~") == 0 || strcmp(name, "ilike") == 0)
        return 0.08;
    return 0.3;
}

/* The column of a comparison with a constant of known place, and whether it bounds it from below or
 * above; NULL if it is none. */
static const struct leat_expr *bounded_column(struct planner *pl, const struct leat_expr *cond,
                                              bool *from_above)
{
    const struct leat_expr *column;
    bool turned;

    if (cond->kind != LEAT_EXPR_CALL || cond->arg_count != 2 ||
        (cond->function->name[0] != '<' && cond->function->name[0] != '>') ||
        strcmp(cond->function->name, "<>") == 0)
        return NULL;
    turned = cond->args[0]->kind == LEAT_EXPR_CONSTANT;
    column = plain_column(cond->args[turned]);
    if (!column || cond->args[!turned]->kind != LEAT_EXPR_CONSTANT ||
        share_below(pl, column, &cond->args[!turned]->constant, -1) < 0)
        return NULL;
    *from_above = (cond->function->name[0] == '<') != turned;
    return column;
}

/* The share of rows that meet all conditions: independent of each other, but that two bounds of one
 * column leave what lies between them. */
static double conjunction(struct planner *pl, struct leat_expr *const *conds, uint32_t count,
                          double rows)
{
    double share = 1;

    for (uint32_t i = 0; i < count; i++) {
        const struct leat_expr *column, *other = NULL;
        bool above, other_above;
        double own = estimate_selectivity(pl, conds[i], rows);
        column = bounded_column(pl, conds[i], &above);
        for (uint32_t j = 0; column && j < i && !other; j++) {
            other = bounded_column(pl, conds[j], &other_above);
            if (!other || other->column != column->column || other_above == above)
                other = NULL;
            else /* the other's share is in already */
                own = fmax(0.001, own + estimate_selectivity(pl, conds[j], rows) - 1) /
                      estimate_selectivity(pl, conds[j], rows);
        }
        share *= own;
    }
    return share;
}

double estimate_selectivity(struct planner *pl, const struct leat_expr *cond, double rows)
{
    double share = 1;

    switch (cond->kind) {
    case LEAT_EXPR_CONSTANT:
        return !cond->constant.is_null && cond->constant.integer ? 1 : 0;
    case LEAT_EXPR_AND:
        return conjunction(pl, cond->args, cond->arg_count, rows);
    case LEAT_EXPR_OR:
        for (uint32_t i = 0; i < cond->arg_count; i++)
            share *= 1 - estimate_selectivity(pl, cond->args[i], rows);
        return 1 - share;
    case LEAT_EXPR_NOT:
        return 1 - estimate_selectivity(pl, cond->args[0], rows);
    case LEAT_EXPR_IN:
        return fmin(0.9, (cond->arg_count - 1) / estimate_distinct(pl, cond->args[0], rows));
    case LEAT_EXPR_IS_NULL:
        return 0.05;
    case LEAT_EXPR_IS_NOT_NULL:
        return 0.95;
    case LEAT_EXPR_CALL:
        return cond->arg_count == 2 ? comparison(pl, cond, rows) : 0.3;
    case LEAT_EXPR_COALESCE:
        return estimate_selectivity(pl, cond->args[0], rows);
    default:
        return 0.3;
    }
}

static double filtered(struct planner *pl, const struct exprs *conds, double rows)
{
    double share = conjunction(pl, conds->items, conds->count, rows);

    return fmax(rows > 0 ? 1 : 0, rows * share);
}

static const struct leat_expr *equality_of(const struct leat_expr *cond)
{
    if (cond->kind == LEAT_EXPR_COALESCE)
        cond = cond->args[0];
    return expr_is_equality(cond) ? cond : NULL;
}

static double join_rows(struct planner *pl, const struct node *node)
{
    double left = estimate_rows(pl, node->left), right = estimate_rows(pl, node->right);
    double divisor = 1, other = 1, matched = 1;

    for (uint32_t i = 0; i < node->conds.count; i++) {
        const struct leat_expr *equal = equality_of(node->conds.items[i]);
        if (!equal) {
            other *= estimate_selectivity(pl, node->conds.items[i], left * right);
            continue;
        }
        double share = estimate_equality(pl, equal->args[0], equal->args[1], 1e18);
        divisor *= fmax(1, 1 / share);
        matched = fmin(matched, right * share);
    }
    divisor = fmin(divisor, fmax(1, fmax(left, right)));
    switch (node->join) {
    case LEAT_JOIN_INNER:
        return left * right / divisor * other;
    case LEAT_JOIN_LEFT:
    case LEAT_JOIN_RIGHT:
    case LEAT_JOIN_FULL:
        return fmax(left, left * right / divisor * other);
    case LEAT_JOIN_SEMI:
        return fmax(1, left * fmin(1, node->conds.count ? matched : 1));
    case LEAT_JOIN_ANTI:
        return fmax(1, left * fmax(0.1, 1 - fmin(1, matched)));
    case LEAT_JOIN_MARK:
    case LEAT_JOIN_SINGLE:
        break;
    }
    return left;
}

static double scan_rows(const struct node *node)
{
    const struct leat_source *source = node->source;
    double width = 8;

    if (source->row_estimate != UINT64_MAX)
        return (double)source->row_estimate;
    if (source->byte_estimate == UINT64_MAX)
        return UNKNOWN_ROWS;
    width += 8.0 * source->schema.count;
    return fmax(1, (double)source->byte_estimate / width);
}

static double compute_rows(struct planner *pl, const struct node *node)
{
    double rows = node->left ? estimate_rows(pl, node->left) : 1, groups = 1;

    switch (node->kind) {
    case NODE_SCAN:
        rows = filtered(pl, &node->conds, scan_rows(node));
        return node->limit < (uint64_t)rows ? (double)node->limit : rows;
    case NODE_VALUES:
        return node->row_count;
    case NODE_FILTER:
        return filtered(pl, &node->conds, rows);
    case NODE_AGGREGATE:
        for (uint32_t i = 0; i < node->key_count; i++)
            groups *= estimate_distinct(pl, node->exprs.items[i], rows);
        return fmax(1, fmin(rows, groups));
    case NODE_JOIN:
        return join_rows(pl, node);
    case NODE_SORT:
    case NODE_LIMIT:
        return (double)node->limit < 1e15 ? fmin(rows, (double)node->limit) : rows;
    case NODE_UNION:
        rows = 0;
        for (uint32_t c = 0; c < node->child_count; c++)
            rows += estimate_rows(pl, node->children[c]);
        return rows;
    case NODE_SHARED:
        return estimate_rows(pl, node->shared->child);
    case NODE_UNNEST:
        return rows * 4;
    case NODE_SERIES:
    case NODE_WORKING:
        return 1000;
    case NODE_RECURSIVE: /* nobody knows how many rounds there will be */
        return estimate_rows(pl, node->children[0]) + 10 * estimate_rows(pl, node->children[1]);
    case NODE_MAP:
    case NODE_WINDOW:
        break;
    }
    return rows;
}

double estimate_rows(struct planner *pl, struct node *node)
{
    if (node->rows < 0)
        node->rows = fmin(1e18, compute_rows(pl, node));
    return node->rows;
}
