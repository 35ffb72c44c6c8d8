/*
 * Join order. Up to MAX_EXACT relations: dynamic programming over all subsets, bushy trees
 * included; the cost is the sum of all intermediate results plus what is put into hash tables. More
 * relations: greedily the pair with the smallest result. Cross products are taken only where no
 * condition connects, or where one side is a single row. The smaller side is the right one, which
 * is hashed.
 */
#include "compute/plan/planner_internal.h"
#include <math.h>

#define MAX_EXACT 10

struct ordering {
    struct planner *pl;
    struct node **relations;
    uint32_t count;
    const struct exprs *conds;
    uint64_t *masks; /* relations that each condition uses */
    double *shares;  /* its selectivity */
    /* Equalities of plain columns: the columns as small numbers, so that of a = b, b = c, a = c
     * only two are counted and used. Others: no number. */
    uint8_t *first, *second;
    uint32_t *columns;
    uint32_t column_count;
};
#define NO_COLUMN 255
struct best {
    double cost, rows;
    uint32_t left; /* subset; 0: a relation, or not reachable */
};

static uint8_t number_of(struct ordering *o, const struct leat_expr *expr)
{
    if (expr->kind != LEAT_EXPR_COLUMN)
        return NO_COLUMN;
    for (uint32_t i = 0; i < o->column_count; i++)
        if (o->columns[i] == expr->column)
            return (uint8_t)i;
    if (o->column_count >= NO_COLUMN)
        return NO_COLUMN;
    o->columns[o->column_count] = expr->column;
    return (uint8_t)o->column_count++;
}

static bool number_columns(struct ordering *o)
{
    o->first = plan_alloc(o->pl, o->conds->count + 1u);
    o->second = plan_alloc(o->pl, o->conds->count + 1u);
    o->columns = plan_alloc(o->pl, (NO_COLUMN + 1) * sizeof(*o->columns));
    if (!o->first || !o->second || !o->columns)
        return false;
    for (uint32_t c = 0; c < o->conds->count; c++) {
        const struct leat_expr *cond = o->conds->items[c];
        o->first[c] = o->second[c] = NO_COLUMN;
        if (expr_is_equality(cond)) {
            o->first[c] = number_of(o, cond->args[0]);
            o->second[c] = number_of(o, cond->args[1]);
        }
    }
    return true;
}

/* Classes of columns that are equal already. */
struct classes {
    uint8_t of[NO_COLUMN + 1];
};
static void classes_init(struct classes *classes, const struct ordering *o)
{
    for (uint32_t i = 0; i < o->column_count; i++)
        classes->of[i] = (uint8_t)i;
}
/* Notes the equality; false if it followed from others. */
static bool classes_join(struct classes *classes, const struct ordering *o, uint32_t cond)
{
    uint8_t a, b;

    if (o->first[cond] == NO_COLUMN || o->second[cond] == NO_COLUMN)
        return true;
    a = classes->of[o->first[cond]];
    b = classes->of[o->second[cond]];
    if (a == b)
        return false;
    for (uint32_t i = 0; i < o->column_count; i++)
        if (classes->of[i] == b)
            classes->of[i] = a;
    return true;
}

/* Further conditions of one pair say less: equalities together not more than a key of the smaller
 * side does, to which the other usually refers; of others half is taken for known. */
static void weaken(struct ordering *o, uint32_t cond)
{
    double key = estimate_pair_rows(o->pl, o->conds->items[cond]), share = 1;
    bool further = false;

    for (uint32_t k = 0; k < cond; k++)
        if (o->masks[k] == o->masks[cond]) {
            share *= o->shares[k];
            further = true;
        }
    if (!further)
        return;
    o->shares[cond] =
        isinf(key) ? sqrt(o->shares[cond]) : fmin(1, fmax(o->shares[cond], 1 / (key * share)));
}

static bool measure(struct ordering *o)
{
    struct planner *pl = o->pl;

    o->masks = plan_alloc(pl, (o->conds->count + 1u) * sizeof(*o->masks));
    o->shares = plan_alloc(pl, (o->conds->count + 1u) * sizeof(*o->shares));
    if (!o->masks || !o->shares || !number_columns(o))
        return false;
    for (uint32_t c = 0; c < o->conds->count; c++) {
        struct idset refs = {0};
        if (!expr_refs(pl, o->conds->items[c], &refs))
            return false;
        for (uint32_t r = 0; r < o->count; r++) {
            struct idset outputs = {0};
            if (!node_outputs(pl, o->relations[r], &outputs))
                return false;
            if (idset_meets(&refs, &outputs))
                o->masks[c] |= (uint64_t)1 << r;
        }
        o->shares[c] = estimate_selectivity(pl, o->conds->items[c], 1e18);
        weaken(o, c);
    }
    return true;
}

static bool connected(const struct ordering *o, uint64_t a, uint64_t b)
{
    for (uint32_t c = 0; c < o->conds->count; c++)
        if ((o->masks[c] & a) && (o->masks[c] & b) && !(o->masks[c] & ~(a | b)))
            return true;
    return false;
}

static double subset_rows(const struct ordering *o, uint64_t set)
{
    struct classes classes;
    double rows = 1;

    classes_init(&classes, o);
    for (uint32_t r = 0; r < o->count; r++)
        if (set >> r & 1)
            rows *= fmax(1, o->relations[r]->rows);
    for (uint32_t c = 0; c < o->conds->count; c++)
        if (!(o->masks[c] & ~set) && classes_join(&classes, o, c))
            rows *= o->shares[c];
    return fmax(1, rows);
}

/* The join of two sides with the conditions that become possible. */
static struct node *join_sides(struct ordering *o, struct node *a, uint64_t a_set, struct node *b,
                               uint64_t b_set, double rows)
{
    bool swap = a->rows < b->rows;
    struct node *join = new_join(o->pl, LEAT_JOIN_INNER, swap ? b : a, swap ? a : b);

    struct classes classes;

    if (!join)
        return NULL;
    classes_init(&classes, o);
    for (uint32_t c = 0; c < o->conds->count; c++)
        if (!(o->masks[c] & ~a_set) || !(o->masks[c] & ~b_set))
            classes_join(&classes, o, c);
    for (uint32_t c = 0; c < o->conds->count; c++)
        if (!(o->masks[c] & ~(a_set | b_set)) && (o->masks[c] & ~a_set) && (o->masks[c] & ~b_set) &&
            classes_join(&classes, o, c) && !exprs_add(o->pl, &join->conds, o->conds->items[c]))
            return NULL;
    join->rows = rows;
    return join;
}

static struct node *build(struct ordering *o, const struct best *best, uint32_t set)
{
    struct node *left, *right;

    if (!best[set].left)
        return o->relations[__builtin_ctz(set)];
    left = build(o, best, best[set].left);
    right = left ? build(o, best, set & ~best[set].left) : NULL;
    return right ? join_sides(o, left, best[set].left, right, set & ~best[set].left, best[set].rows)
                 : NULL;
}

/* A single relation that never has more than one row. */
static bool is_one_row(const struct ordering *o, uint32_t set)
{
    return !(set & (set - 1)) && node_is_single(o->relations[__builtin_ctz(set)]);
}

static struct node *order_exactly(struct ordering *o)
{
    uint32_t all = ((uint32_t)1 << o->count) - 1;
    struct best *best = plan_alloc(o->pl, ((size_t)all + 1) * sizeof(*best));

    if (!best)
        return NULL;
    for (uint32_t set = 1; set <= all; set++) {
        best[set].rows = subset_rows(o, set);
        best[set].cost = (set & (set - 1)) ? INFINITY : 0;
        if (!(set & (set - 1)))
            continue;
        for (uint32_t left = (set - 1) & set; left; left = (left - 1) & set) {
            uint32_t right = set & ~left;
            double cost, small;
            if (left < right)
                continue;
            small = fmin(best[left].rows, best[right].rows);
            cost = best[left].cost + best[right].cost + best[set].rows + small +
                   0.2 * fmax(best[left].rows, best[right].rows);
            if (!connected(o, left, right) && !is_one_row(o, left) && !is_one_row(o, right))
                cost += 1e6 + 10 * best[left].rows * best[right].rows;
            if (cost < best[set].cost) {
                best[set].cost = cost;
                best[set].left = left;
            }
        }
    }
    return build(o, best, all);
}

static struct node *order_greedily(struct ordering *o)
{
    struct node **nodes = plan_alloc(o->pl, o->count * sizeof(*nodes));
    uint64_t *sets = plan_alloc(o->pl, o->count * sizeof(*sets));
    uint32_t count = o->count;

    if (!nodes || !sets)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = o->relations[i];
        sets[i] = (uint64_t)1 << i;
    }
    while (count > 1) {
        uint32_t a = 0, b = 1;
        double least = INFINITY, rows = 1;
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = i + 1; k < count; k++) {
                double size = subset_rows(o, sets[i] | sets[k]), cost = size;
                if (!connected(o, sets[i], sets[k]))
                    cost += 1e9 + 1e3 * nodes[i]->rows * nodes[k]->rows;
                if (cost < least) {
                    least = cost;
                    rows = size;
                    a = i;
                    b = k;
                }
            }
        nodes[a] = join_sides(o, nodes[a], sets[a], nodes[b], sets[b], rows);
        if (!nodes[a])
            return NULL;
        sets[a] |= sets[b];
        nodes[b] = nodes[count - 1];
        sets[b] = sets[count - 1];
        count--;
    }
    return nodes[0];
}

/* Each join has the conditions that can be told there. */
static struct node *order_as_written(struct planner *pl, struct node **relations, uint32_t count,
                                     struct exprs *conds)
{
    struct exprs left = *conds;
    struct node *out = relations[0];

    for (uint32_t i = 1; out && i < count; i++) {
        struct exprs rest = {0};
        struct idset outputs = {0};
        out = new_join(pl, LEAT_JOIN_INNER, out, relations[i]);
        if (!out || !node_outputs(pl, out, &outputs))
            return NULL;
        for (uint32_t c = 0; c < left.count; c++) {
            struct idset refs = {0};
            if (!expr_refs(pl, left.items[c], &refs) ||
                !exprs_add(pl, idset_within(&refs, &outputs) ? &out->conds : &rest, left.items[c]))
                return NULL;
        }
        left = rest;
    }
    return out ? new_filter(pl, out, &left) : NULL;
}

struct node *order_joins(struct planner *pl, struct node **relations, uint32_t count,
                         struct exprs *conds)
{
    struct ordering o = {.pl = pl, .relations = relations, .count = count, .conds = conds};
    struct exprs constant = {0};
    struct node *out;

    if (count > 64 || !rule_is_on(pl, LEAT_RULE_JOIN_ORDER)) /* 64: what the sets can hold */
        return order_as_written(pl, relations, count, conds);
    for (uint32_t i = 0; i < count; i++)
        estimate_rows(pl, relations[i]);
    if (!measure(&o))
        return NULL;
    for (uint32_t c = 0; c < conds->count; c++)
        if ((o.masks[c] & (o.masks[c] - 1)) == 0 && !exprs_add(pl, &constant, conds->items[c]))
            return NULL; /* uses no relation, or one only: above */
    if (count == 1)
        return new_filter(pl, relations[0], conds);
    out = count <= MAX_EXACT ? order_exactly(&o) : order_greedily(&o);
    return out ? new_filter(pl, out, &constant) : NULL;
}
