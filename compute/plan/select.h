/* One SELECT while it is bound: shared by bind_select.c and bind_grouping.c. */
#ifndef LEAT_COMPUTE_PLAN_SELECT_H
#define LEAT_COMPUTE_PLAN_SELECT_H

#include "compute/plan/planner_internal.h"

struct order_item {
    struct leat_expr *expr;
    uint32_t output; /* index, or UINT32_MAX: expr */
    const struct leat_sql_order *ast;
};

/* Grouping sets: bit i of a mask says that key i is not in the set. */
struct set_masks {
    uint64_t *items;
    uint32_t count;
    bool twice; /* two are equal */
};

struct select {
    struct planner *pl;
    const struct leat_sql_select *ast;
    const struct leat_sql_query *query; /* of the ORDER BY, or NULL */
    struct scope scope;
    struct node *tree;
    struct aggregates aggregates;
    struct windows windows;
    struct pending *pending;       /* of what comes after grouping */
    struct pending *inner_pending; /* inside aggregates and keys: before grouping */
    struct pending *generators;    /* set-returning calls of the select list: after all else */
    struct binding binding;
    struct exprs items;   /* one a column of the result */
    struct idset untyped; /* items that are literals without a type */
    struct leat_text *names;
    uint32_t name_capacity;
    struct aliases aliases;                 /* names and items, for Spark's text */
    const struct leat_sql_expr **item_asts; /* NULL for columns of * */
    uint32_t ast_capacity;
    struct exprs keys;
    struct set_masks sets;
    struct exprs having, qualify;
    struct exprs distinct_on;
    struct order_item *orders;
    uint32_t order_count;
    bool grouped;
};

/* The select item that a plain name or number means, or -1. */
int item_of(struct select *s, const struct leat_sql_expr *ast, const char *clause, bool *bad);

/* GROUP BY: finds the keys, once the select list is bound; then puts the grouping on the tree, and
 * checks and replaces what stands above it. */
bool bind_grouping(struct select *s);
bool add_grouping(struct select *s);

#endif
