/*
 * WITH RECURSIVE: first rows UNION [ALL] a query that reads the rows of the round before by the
 * query's own name, until a round gives none. With UNION, rows that were there before are dropped
 * from each round.
 */
#include "compute/plan/planner_internal.h"

/* Decimals that grow digits from round to round are kept with at least so many behind the point. */
enum { SCALE = 10 };

struct node *use_working(struct planner *pl, struct working *working, bool all,
                         struct output *outputs)
{
    struct node *node = new_node(pl, NODE_WORKING, NULL);

    if (!node)
        return NULL;
    node->recursion = working->recursion;
    node->all = all;
    for (uint32_t i = 0; i < working->count; i++) {
        uint32_t id = new_column(pl, working->outputs[i].name.data, working->types[i]);
        if (!ids_add(pl, &node->columns, id))
            return NULL;
        outputs[i] = (struct output){.name = working->outputs[i].name, .id = id};
    }
    working->uses++;
    return node;
}

/* Whether a round's column fits the first rows'; widens decimals, once. */
static bool fits(struct planner *pl, const struct cte *cte, struct working *working, uint32_t i,
                 const struct leat_type *type, bool *again)
{
    const struct leat_type *own = working->types[i];
    bool numbers = own->id == LEAT_DECIMAL && (type->id == LEAT_DECIMAL || type->id == LEAT_INT16 ||
                                               type->id == LEAT_INT32 || type->id == LEAT_INT64);

    if (leat_type_equal(own, type) || type->id == LEAT_NULL || (numbers && own->precision == 38))
        return true;
    if (!numbers) {
        return plan_fail(pl, LEAT_E_TYPE_MISMATCH, cte->definition->query->body->offset,
                         cte->definition->query->body->length,
                         "cast the output of the non-recursive term to the correct type",
                         "recursive query \"%s\" column %u has type %s in non-recursive term but "
                         "type %s overall",
                         cte->definition->name.text.data, i + 1, leat_type_name(pl->arena, own),
                         leat_type_name(pl->arena, type));
    }
    working->types[i] = leat_type_decimal(38, own->scale > SCALE ? own->scale : SCALE);
    *again = true;
    return true;
}

/* A round: the body's right side, where the name means the rows of the round before. */
static bool bind_round(struct planner *pl, struct cte *cte, struct scope *scope,
                       struct working *working, struct bound_query *round)
{
    const struct leat_sql_body *body = cte->definition->query->body;
    struct cte *self = plan_alloc(pl, sizeof(*self));
    struct scope *inner = plan_alloc(pl, sizeof(*inner));
    bool again = false, ordered;

    if (!self || !inner)
        return false;
    *self = (struct cte){.next = cte->visible,
                         .definition = cte->definition,
                         .visible = cte->visible,
                         .working = working};
    *inner = *scope;
    inner->ctes = self;
    working->uses = 0;
    if (!bind_query_body(pl, NULL, body->right, inner, round, &ordered))
        return false;
    if (!working->uses)
        return true;
    if (round->count != working->count)
        return plan_fail(pl, LEAT_E_COLUMN_COUNT, body->right->offset, body->right->length, NULL,
                         "each UNION query must have the same number of columns: %u and %u",
                         working->count, round->count);
    for (uint32_t i = 0; i < round->count; i++)
        if (!fits(pl, cte, working, i, pl->columns[round->outputs[i].id].type, &again))
            return false;
    return !again || bind_round(pl, cte, scope, working, round);
}

/* UNION: without the rows that were there before. */
static bool drop_known(struct planner *pl, struct working *working, struct bound_query *round)
{
    struct output *known = plan_alloc(pl, (working->count + 1u) * sizeof(*known));
    struct node *all = known ? use_working(pl, working, true, known) : NULL;
    struct node *distinct =
        all ? add_distinct(pl, round->node, round->outputs, round->count) : NULL;
    struct node *join = distinct ? new_join(pl, LEAT_JOIN_ANTI, distinct, all) : NULL;

    if (!join)
        return false;
    for (uint32_t i = 0; i < round->count; i++)
        if (!exprs_add(pl, &join->conds, null_safe(pl, round->outputs[i].id, known[i].id)))
            return false;
    round->node = join;
    return true;
}

static struct node *new_recursion(struct planner *pl, const struct working *working,
                                  const struct bound_query *sides[2], struct bound_query *out)
{
    struct node *node = new_node(pl, NODE_RECURSIVE, NULL);

    out->outputs = plan_alloc(pl, (working->count + 1u) * sizeof(*out->outputs));
    if (!node || !out->outputs)
        return NULL;
    node->recursion = working->recursion;
    node->child_count = 2;
    node->children = plan_alloc(pl, 2 * sizeof(*node->children));
    node->child_columns = plan_alloc(pl, 2 * sizeof(*node->child_columns));
    if (!node->children || !node->child_columns)
        return NULL;
    for (int s = 0; s < 2; s++) {
        node->children[s] = sides[s]->node;
        for (uint32_t i = 0; i < working->count; i++)
            if (!ids_add(pl, &node->child_columns[s], sides[s]->outputs[i].id))
                return NULL;
    }
    for (uint32_t i = 0; i < working->count; i++) {
        uint32_t id = new_column(pl, working->outputs[i].name.data, working->types[i]);
        if (!ids_add(pl, &node->columns, id))
            return NULL;
        out->outputs[i] = (struct output){.name = working->outputs[i].name, .id = id};
    }
    out->count = working->count;
    return node;
}

bool bind_recursive(struct planner *pl, struct cte *cte, struct scope *scope,
                    struct bound_query *out)
{
    const struct leat_sql_query *query = cte->definition->query;
    struct bound_query first = {0}, round = {0};
    const struct bound_query *sides[2] = {&first, &round};
    struct working working = {.recursion = pl->recursion_count++};
    bool ordered;

    if (query->body->kind != LEAT_SQL_UNION || query->cte_count || query->order.count ||
        query->limit || query->skip)
        return bind_query(pl, query, scope, out);
    if (!bind_query_body(pl, NULL, query->body->left, scope, &first, &ordered) ||
        !rename_columns(pl, &cte->definition->columns, first.outputs, first.count,
                        cte->definition->name.text.data))
        return false;
    working.outputs = first.outputs;
    working.count = first.count;
    working.types = plan_alloc(pl, (first.count + 1u) * sizeof(*working.types));
    if (!working.types)
        return false;
    for (uint32_t i = 0; i < first.count; i++) {
        const struct leat_type *type = pl->columns[first.outputs[i].id].type;
        working.types[i] = type->id == LEAT_NULL ? leat_type_get(LEAT_TEXT) : type;
    }
    if (!bind_round(pl, cte, scope, &working, &round))
        return false;
    if (!working.uses)
        return bind_query(pl, query, scope, out);
    first.node = cast_outputs(pl, &first, working.types);
    round.node = first.node ? cast_outputs(pl, &round, working.types) : NULL;
    if (!round.node)
        return false;
    if (!query->body->all &&
        (!(first.node = add_distinct(pl, first.node, first.outputs, first.count)) ||
         !drop_known(pl, &working, &round)))
        return false;
    out->node = new_recursion(pl, &working, sides, out);
    return out->node != NULL;
}
