/*
 * GROUP BY: expressions, and the grouping sets of GROUPING SETS, ROLLUP and CUBE. Elements beside
 * each other multiply: each set of one with each set of the other (SQL:2016, 7.13).
 */
#include "compute/sql/parser_internal.h"

#include <string.h>

enum { MAX_SETS = 4096, MAX_CUBE = 12 };

struct grouping {
    struct parser *p;
    struct list keys; /* struct leat_sql_expr *: of all sets */
};

static bool add_index(struct grouping *g, struct leat_sql_indexes *set, uint32_t index)
{
    struct list list = {set->items, set->count, set->count};
    uint32_t *slot = list_add(g->p, &list, sizeof(uint32_t));

    if (!slot)
        return false;
    *slot = index;
    set->items = list.items;
    set->count = list.count;
    return true;
}

static bool add_key(struct grouping *g, struct leat_sql_expr *expr, struct leat_sql_indexes *set)
{
    struct leat_sql_expr **slot = list_add(g->p, &g->keys, sizeof(*slot));

    if (!slot)
        return false;
    *slot = expr;
    return add_index(g, set, g->keys.count - 1);
}

static bool add_set(struct grouping *g, struct list *sets, const struct leat_sql_indexes *a,
                    const struct leat_sql_indexes *b)
{
    struct leat_sql_indexes *set;

    if (sets->count == MAX_SETS)
        return fail_token(g->p, LEAT_E_LIMIT, NULL, "more than %d grouping sets", MAX_SETS);
    set = list_add(g->p, sets, sizeof(*set));
    if (!set)
        return false;
    set->items = parser_alloc(g->p, (a->count + b->count + 1u) * sizeof(uint32_t));
    if (!set->items)
        return false;
    if (a->count)
        memcpy(set->items, a->items, a->count * sizeof(uint32_t));
    if (b->count)
        memcpy(set->items + a->count, b->items, b->count * sizeof(uint32_t));
    set->count = a->count + b->count;
    return true;
}

/* An expression, (a, b) or (): the keys of one set. */
static bool parse_set(struct grouping *g, struct leat_sql_indexes *out)
{
    struct parser *p = g->p;
    struct leat_sql_expr *expr;

    *out = (struct leat_sql_indexes){0};
    if (is_symbol(p, "(") && is_symbol_at(p, 1, ")")) {
        advance(p);
        advance(p);
        return true;
    }
    expr = parse_expr(p);
    if (!expr)
        return false;
    if (expr->kind != LEAT_SQL_ROW)
        return add_key(g, expr, out);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!add_key(g, expr->args[i], out))
            return false;
    return true;
}

/* What each set of `items` has, by the bits of `mask`. */
static bool add_subset(struct grouping *g, struct list *sets, const struct list *items,
                       uint64_t mask)
{
    const struct leat_sql_indexes *item = items->items;
    struct leat_sql_indexes all = {0}, none = {0};

    for (uint32_t i = 0; i < items->count; i++)
        for (uint32_t k = 0; mask >> i & 1 && k < item[i].count; k++)
            if (!add_index(g, &all, item[i].items[k]))
                return false;
    return add_set(g, sets, &all, &none);
}

static bool add_rollup(struct grouping *g, const struct list *items, struct list *sets)
{
    if (items->count >= 64)
        return fail_token(g->p, LEAT_E_LIMIT, NULL, "ROLLUP of more than 63 elements");
    for (uint32_t n = items->count + 1; n-- > 0;)
        if (!add_subset(g, sets, items, ((uint64_t)1 << n) - 1))
            return false;
    return true;
}

static bool add_cube(struct grouping *g, const struct list *items, struct list *sets)
{
    if (items->count > MAX_CUBE)
        return fail_token(g->p, LEAT_E_LIMIT, NULL, "CUBE is limited to %d elements", MAX_CUBE);
    for (uint64_t mask = (uint64_t)1 << items->count; mask-- > 0;)
        if (!add_subset(g, sets, items, mask))
            return false;
    return true;
}

static bool parse_element(struct grouping *g, struct list *sets, bool *plain);

static bool parse_sets(struct grouping *g, struct list *sets)
{
    bool plain;

    if (!enter(g->p) || !expect_symbol(g->p, "("))
        return false;
    do {
        if (!parse_element(g, sets, &plain))
            return false;
    } while (accept_symbol(g->p, ","));
    leave(g->p);
    return expect_symbol(g->p, ")");
}

static bool parse_rollup_or_cube(struct grouping *g, bool cube, struct list *sets)
{
    struct list items = {0};

    do {
        struct leat_sql_indexes *item = list_add(g->p, &items, sizeof(*item));
        if (!item || !parse_set(g, item))
            return false;
    } while (accept_symbol(g->p, ","));
    if (!expect_symbol(g->p, ")"))
        return false;
    return cube ? add_cube(g, &items, sets) : add_rollup(g, &items, sets);
}

static bool is_grouping_sets(const struct parser *p)
{
    return is_keyword(p, LEAT_KEYWORD_GROUPING) && is_keyword_at(p, 1, LEAT_KEYWORD_SETS);
}

static bool is_rollup_or_cube(const struct parser *p)
{
    return (is_keyword(p, LEAT_KEYWORD_CUBE) || is_keyword(p, LEAT_KEYWORD_ROLLUP)) &&
           is_symbol_at(p, 1, "(");
}

/* One element's sets are added to `sets`; `plain`: it was an expression or a row of them. */
static bool parse_element(struct grouping *g, struct list *sets, bool *plain)
{
    struct parser *p = g->p;
    struct leat_sql_indexes set, none = {0};
    bool cube = is_keyword(p, LEAT_KEYWORD_CUBE);

    *plain = false;
    if (is_grouping_sets(p)) {
        advance(p);
        advance(p);
        return parse_sets(g, sets);
    }
    if (is_rollup_or_cube(p)) {
        advance(p);
        advance(p);
        return parse_rollup_or_cube(g, cube, sets);
    }
    *plain = true;
    return parse_set(g, &set) && add_set(g, sets, &set, &none);
}

/* Each set so far with each of the element's. */
static bool multiply(struct grouping *g, struct list *all, const struct list *sets)
{
    const struct leat_sql_indexes *a = all->items, *b = sets->items;
    struct list product = {0};

    for (uint32_t i = 0; i < all->count; i++)
        for (uint32_t k = 0; k < sets->count; k++)
            if (!add_set(g, &product, &a[i], &b[k]))
                return false;
    *all = product;
    return true;
}

/* Spark's older forms: a, b WITH ROLLUP; a, b GROUPING SETS ((a, b), a). */
static bool parse_spark_tail(struct grouping *g, struct list *all, bool *plain)
{
    struct parser *p = g->p;
    bool cube = is_keyword_at(p, 1, LEAT_KEYWORD_CUBE);
    struct list items = {0}, sets = {0};

    if (is_grouping_sets(p)) {
        advance(p);
        advance(p);
        *plain = false;
        *all = sets;
        return parse_sets(g, all);
    }
    if (!is_keyword(p, LEAT_KEYWORD_WITH) || !(cube || is_keyword_at(p, 1, LEAT_KEYWORD_ROLLUP)))
        return true;
    advance(p);
    advance(p);
    for (uint32_t i = 0; i < g->keys.count; i++) {
        struct leat_sql_indexes *item = list_add(p, &items, sizeof(*item));
        if (!item || !add_index(g, item, i))
            return false;
    }
    *plain = false;
    *all = sets;
    return cube ? add_cube(g, &items, all) : add_rollup(g, &items, all);
}

bool parse_group_by(struct parser *p, struct leat_sql_select *select)
{
    struct grouping g = {.p = p};
    struct list all = {0};
    struct leat_sql_indexes none = {0};
    size_t start = p->position;
    bool plain = true, distinct;

    if (!expect_keyword(p, LEAT_KEYWORD_BY))
        return false;
    select->grouping = LEAT_SQL_GROUP_BY;
    distinct = accept_keyword(p, LEAT_KEYWORD_DISTINCT);
    if (!distinct && accept_keyword(p, LEAT_KEYWORD_ALL) && !is_symbol(p, "(") &&
        !is_rollup_or_cube(p) && !is_grouping_sets(p)) {
        select->grouping = LEAT_SQL_GROUP_ALL;
        return true;
    }
    if (p->spark && is_symbol(p, "(") && is_symbol_at(p, 1, "(")) /* GROUP BY ((a, b), c) */
        want(p, "a column");
    if (!add_set(&g, &all, &none, &none))
        return false;
    do {
        struct list sets = {0};
        bool simple;
        if (!parse_element(&g, &sets, &simple) || !multiply(&g, &all, &sets))
            return false;
        plain &= simple;
    } while (accept_symbol(p, ","));
    if (p->spark && !parse_spark_tail(&g, &all, &plain))
        return false;
    select->group_by.items = g.keys.items;
    select->group_by.count = g.keys.count;
    if (plain)
        return true;
    select->sets_distinct = distinct;
    select->sets = all.items;
    select->set_count = all.count;
    select->sets_offset = offset_of(p, start);
    select->sets_length = length_since(p, start);
    return true;
}
