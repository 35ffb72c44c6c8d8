/*
 * Subqueries in expressions. Each is bound as a tree and noted with the way it is to be joined; the
 * expression sees a column: the value of a scalar subquery, or the mark of EXISTS, IN and ANY. When
 * the tree below the clause is ready, attach_pending joins them. EXISTS and IN that stand as
 * conditions of their own become semi and anti joins.
 */
#include "compute/plan/planner_internal.h"

static struct pending *add_pending(struct binding *b, enum leat_join_type join, struct node *right)
{
    struct pending *pending = plan_alloc(b->pl, sizeof(*pending));

    if (!pending)
        return NULL;
    if (!b->pending_tail) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, 0, 0, NULL,
                  "subqueries are not supported at this place");
        return NULL;
    }
    pending->join = join;
    pending->right = right;
    *b->pending_tail = pending;
    b->pending_tail = &pending->next;
    return pending;
}

static bool check_allowed(struct binding *b, const struct leat_sql_expr *ast)
{
    if (b->pending_tail)
        return true;
    return plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                     "a subquery is not supported at this place");
}

static struct leat_expr *column_at(struct binding *b, uint32_t id, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr = expr_column(b->pl, id, NULL);
    if (expr) {
        expr->offset = ast->offset;
        expr->length = ast->length;
    }
    return expr;
}

static struct leat_expr *bind_scalar(struct binding *b, const struct leat_sql_expr *ast)
{
    struct bound_query query;
    struct pending *pending;

    if (!bind_query(b->pl, ast->query, b->scope, &query))
        return NULL;
    if (query.count != 1) {
        plan_fail(b->pl, LEAT_E_COLUMN_COUNT, ast->offset, ast->length, NULL,
                  "a subquery used as a value must return one column, this one returns %u",
                  query.count);
        return NULL;
    }
    pending = add_pending(b, LEAT_JOIN_SINGLE, query.node);
    if (!pending)
        return NULL;
    pending->value = query.outputs[0].id;
    pending->result =
        new_column(b->pl, query.outputs[0].name.data, b->pl->columns[pending->value].type);
    return pending->result == UINT32_MAX ? NULL : column_at(b, pending->result, ast);
}

/* Rows are all that counts: order and a limit above 0 do not. */
static struct node *strip_order(struct node *node)
{
    while ((node->kind == NODE_SORT || node->kind == NODE_LIMIT) && node->offset == 0 &&
           node->limit > 0)
        node = node->left;
    return node;
}

static struct pending *bind_exists(struct binding *b, const struct leat_sql_expr *ast,
                                   enum leat_join_type join)
{
    struct bound_query query;
    struct pending *pending;

    if (!bind_query(b->pl, ast->query, b->scope, &query))
        return NULL;
    pending = add_pending(b, join, strip_order(query.node));
    if (pending)
        pending->two_valued = true;
    return pending;
}

/* Left side against the columns of the query, one comparison each. */
static bool compare_columns(struct binding *b, const struct leat_sql_expr *ast, const char *name,
                            const struct leat_sql_expr *left, const struct bound_query *query,
                            struct exprs *conds)
{
    bool row = left->kind == LEAT_SQL_ROW && left->arg_count;
    uint32_t count = row ? left->arg_count : 1;

    if (query->count != count)
        return plan_fail(b->pl, LEAT_E_COLUMN_COUNT, ast->offset, ast->length, NULL,
                         "the subquery has %u columns, but %u %s compared", query->count, count,
                         count == 1 ? "value is" : "values are");
    if (row && strcmp(name, "=") != 0)
        return plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                         "rows can be compared with a subquery by = only");
    for (uint32_t i = 0; i < count; i++) {
        struct leat_expr *args[2] = {bind_expr(b, row ? left->args[i] : left),
                                     expr_column(b->pl, query->outputs[i].id, NULL)};
        if (!args[0] || !args[1])
            return false;
        args[1]->offset = ast->offset;
        args[1]->length = ast->length;
        if (!exprs_add(b->pl, conds, bind_call_of(b, name, args, 2, ast)))
            return false;
    }
    return true;
}

static struct pending *bind_membership(struct binding *b, const struct leat_sql_expr *ast,
                                       const char *name, enum leat_join_type join)
{
    struct bound_query query;
    struct exprs conds = {0};
    struct pending *pending;

    if (!bind_query(b->pl, ast->query, b->scope, &query) ||
        !compare_columns(b, ast, name, ast->args[0], &query, &conds))
        return NULL;
    pending = add_pending(b, join, query.node);
    if (pending)
        pending->conds = conds;
    return pending;
}

static struct leat_expr *mark_of(struct binding *b, struct pending *pending,
                                 const struct leat_sql_expr *ast, bool negated)
{
    struct leat_expr *expr;

    if (!pending)
        return NULL;
    pending->result = new_column(b->pl, "mark", leat_type_get(LEAT_BOOLEAN));
    if (pending->result == UINT32_MAX)
        return NULL;
    expr = column_at(b, pending->result, ast);
    return negated ? expr_unary(b->pl, LEAT_EXPR_NOT, expr) : expr;
}

static struct leat_expr *bind_quantified(struct binding *b, const struct leat_sql_expr *ast);

/* x op ANY(list) is x op ANY(SELECT unnest(list)). */
static struct leat_expr *bind_any_list(struct binding *b, const struct leat_sql_expr *ast)
{
    struct planner *pl = b->pl;
    struct leat_sql_expr *copy = plan_alloc(pl, sizeof(*copy));
    struct leat_sql_expr *expr = plan_alloc(pl, sizeof(*expr));
    struct leat_sql_expr **args = plan_alloc(pl, sizeof(struct leat_sql_expr *));
    struct leat_sql_call *call = plan_alloc(pl, sizeof(*call));
    struct leat_sql_name *name = plan_alloc(pl, sizeof(*name));
    struct leat_sql_query *query = plan_alloc(pl, sizeof(*query));
    struct leat_sql_body *body = plan_alloc(pl, sizeof(*body));
    struct leat_sql_select *select = plan_alloc(pl, sizeof(*select));
    struct leat_sql_item *item = plan_alloc(pl, sizeof(*item));

    if (!copy || !expr || !args || !call || !name || !query || !body || !select || !item)
        return NULL;
    args[0] = ast->args[1];
    *name = (struct leat_sql_name){.text = leat_text_of("unnest")};
    call->function = (struct leat_sql_path){1, name, ast->offset, ast->length};
    call->args = (struct leat_sql_exprs){1, args};
    expr->kind = LEAT_SQL_CALL;
    expr->offset = ast->args[1]->offset;
    expr->length = ast->args[1]->length;
    expr->depth = ast->depth;
    expr->call = call;
    item->expr = expr;
    *select = (struct leat_sql_select){.item_count = 1, .items = item};
    *body = (struct leat_sql_body){.kind = LEAT_SQL_SELECT,
                                   .offset = expr->offset,
                                   .length = expr->length,
                                   .depth = 1,
                                   .select = select};
    *query = (struct leat_sql_query){
        .offset = expr->offset, .length = expr->length, .body = body, .dialect = LEAT_SQL_POSTGRES};
    *copy = *ast;
    copy->query = query;
    copy->arg_count = 1;
    return bind_quantified(b, copy);
}

static struct leat_expr *is_found(struct planner *pl, struct leat_expr *list,
                                  struct leat_expr *value)
{
    struct leat_expr *args[2] = {list, value};
    struct leat_expr *at = value ? call_function(pl, "array_position", args, 2, 0, 0) : NULL;

    return at ? expr_unary(pl, LEAT_EXPR_IS_NOT_NULL, at) : NULL;
}

/* x = ANY(list), from where x is and whether the list has nulls; negated for x <> ALL(list). */
static struct leat_expr *bind_member(struct binding *b, const struct leat_sql_expr *ast,
                                     struct leat_expr *value, struct leat_expr *list, bool negated)
{
    struct planner *pl = b->pl;
    const struct leat_type *boolean = leat_type_get(LEAT_BOOLEAN);
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CASE, boolean, 11);
    struct leat_expr *size[2] = {call_function(pl, "cardinality", &list, 1, 0, 0),
                                 expr_integer(pl, 0)};

    value = decide(pl, value);
    if (!expr || !size[0] || !size[1] || !value)
        return NULL;
    expr->args[0] = expr_unary(pl, LEAT_EXPR_IS_NULL, list);
    expr->args[1] = expr_null(pl, boolean);
    expr->args[2] = call_function(pl, "=", size, 2, 0, 0);
    expr->args[3] = expr_boolean(pl, negated);
    expr->args[4] = expr_unary(pl, LEAT_EXPR_IS_NULL, value);
    expr->args[5] = expr_null(pl, boolean);
    expr->args[6] = is_found(pl, list, value);
    expr->args[7] = expr_boolean(pl, !negated);
    expr->args[8] = is_found(pl, list, expr_null(pl, list->type->fields[0].type));
    expr->args[9] = expr_null(pl, boolean);
    expr->args[10] = expr_boolean(pl, negated);
    for (uint32_t i = 0; i < 11; i++)
        if (!expr->args[i])
            return NULL;
    expr->offset = ast->offset;
    expr->length = ast->length;
    return expr;
}

/* x op ANY(list), which is no ARRAY[...]. */
static struct leat_expr *bind_any_value(struct binding *b, const struct leat_sql_expr *ast)
{
    struct leat_expr *list = bind_expr(b, ast->args[1]), *value;
    struct idset refs = {0};

    if (!list || !expr_refs(b->pl, list, &refs))
        return NULL;
    if (list->type->id != LEAT_LIST) {
        plan_fail(b->pl, LEAT_E_TYPE_MISMATCH, list->offset, list->length, NULL,
                  "op ANY/ALL (array) requires array on right side");
        return NULL;
    }
    if (ast->negated || strcmp(ast->name.data, ast->flag ? "<>" : "=") != 0) {
        if (idset_empty(&refs))
            return bind_any_list(b, ast);
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "write = ANY(list), <> ALL(list), or unnest the list in FROM",
                  "%s %s of a column's lists is not supported", ast->name.data,
                  ast->flag ? "ALL" : "ANY");
        return NULL;
    }
    value = bind_expr(b, ast->args[0]);
    return value ? bind_member(b, ast, value, list, ast->flag) : NULL;
}

/* x op ANY(ARRAY[...]) as a chain of comparisons. */
static struct leat_expr *bind_any_array(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_expr *list = ast->arg_count > 1 ? ast->args[1] : NULL;
    struct leat_expr *chain, *value;

    if (list && (list->kind != LEAT_SQL_ARRAY || !list->arg_count))
        return bind_any_value(b, ast);
    if (!list) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length,
                  "write x IN (1, 2), or ANY (SELECT unnest(list))",
                  "ANY and ALL take a subquery or ARRAY[...]");
        return NULL;
    }
    value = bind_expr(b, ast->args[0]);
    chain = expr_new(b->pl, ast->flag ? LEAT_EXPR_AND : LEAT_EXPR_OR, leat_type_get(LEAT_BOOLEAN),
                     list->arg_count);
    if (!value || !chain)
        return NULL;
    for (uint32_t i = 0; i < list->arg_count; i++) {
        struct leat_expr *args[2] = {value, bind_expr(b, list->args[i])};
        chain->args[i] = args[1] ? bind_call_of(b, ast->name.data, args, 2, ast) : NULL;
        if (chain->args[i] && ast->negated)
            chain->args[i] = expr_unary(b->pl, LEAT_EXPR_NOT, chain->args[i]);
        if (!chain->args[i])
            return NULL;
    }
    chain->offset = ast->offset;
    chain->length = ast->length;
    return chain->arg_count == 1 ? chain->args[0] : chain;
}

static const char *opposite(const char *name)
{
    static const char *const pairs[][2] = {{"=", "<>"}, {"<>", "="}, {"<", ">="},
                                           {">=", "<"}, {">", "<="}, {"<=", ">"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (strcmp(name, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

/* x op ALL (q) is NOT (x opposite ANY (q)). */
static struct leat_expr *bind_quantified(struct binding *b, const struct leat_sql_expr *ast)
{
    const char *name = ast->name.data;

    if (!ast->query)
        return bind_any_array(b, ast);
    if (ast->flag)
        name = opposite(name);
    if (!name || ast->negated) {
        plan_fail(b->pl, LEAT_E_SQL_UNSUPPORTED, ast->offset, ast->length, NULL,
                  "ANY and ALL with a subquery take a comparison: = <> < <= > >=");
        return NULL;
    }
    return mark_of(b, bind_membership(b, ast, name, LEAT_JOIN_MARK), ast, ast->flag);
}

/* ARRAY(query): the query's rows, in its order, as one array; empty if there are none. */
static struct leat_expr *bind_array_query(struct binding *b, const struct leat_sql_expr *ast)
{
    struct planner *pl = b->pl;
    struct leat_aggregate *call = plan_alloc(pl, sizeof(*call));
    struct leat_expr *value, *array, *coalesce;
    struct bound_query query;
    struct pending *pending;
    struct node *group;
    uint32_t id;

    if (!call || !bind_query(pl, ast->query, b->scope, &query))
        return NULL;
    if (query.count != 1) {
        plan_fail(pl, LEAT_E_COLUMN_COUNT, ast->offset, ast->length, NULL,
                  "ARRAY(query) takes a query of one column, this one has %u", query.count);
        return NULL;
    }
    value = expr_column(pl, query.outputs[0].id, NULL);
    array = value ? call_function(pl, "array_agg", &value, 1, ast->offset, ast->length) : NULL;
    group = array ? new_node(pl, NODE_AGGREGATE, query.node) : NULL;
    if (!group)
        return NULL;
    *call = (struct leat_aggregate){
        .function = array->function, .arg_count = 1, .args = array->args, .type = array->type};
    if (query.node->kind == NODE_SORT) {
        call->order = query.node->keys;
        call->order_count = query.node->sort_count;
    }
    id = new_column(pl, "array", array->type);
    group->calls = call;
    group->call_count = 1;
    if (!ids_add(pl, &group->columns, id) || !(pending = add_pending(b, LEAT_JOIN_SINGLE, group)))
        return NULL;
    pending->value = id;
    pending->result = new_column(pl, "array", array->type);
    coalesce = expr_new(pl, LEAT_EXPR_COALESCE, array->type, 2);
    if (!coalesce || !(coalesce->args[0] = column_at(b, pending->result, ast)) ||
        !(coalesce->args[1] = coerce(pl, call_function(pl, "array", NULL, 0, 0, 0), array->type,
                                     LEAT_CAST_EXPLICIT, "ARRAY")))
        return NULL;
    return coalesce;
}

struct leat_expr *bind_subquery(struct binding *b, const struct leat_sql_expr *ast)
{
    if (ast->query && !check_allowed(b, ast))
        return NULL;
    switch (ast->kind) {
    case LEAT_SQL_SUBQUERY:
        return bind_scalar(b, ast);
    case LEAT_SQL_EXISTS:
        return mark_of(b, bind_exists(b, ast, LEAT_JOIN_MARK), ast, false);
    case LEAT_SQL_IN_QUERY:
        return mark_of(b, bind_membership(b, ast, "=", LEAT_JOIN_MARK), ast, ast->negated);
    case LEAT_SQL_QUANTIFIED:
        return bind_quantified(b, ast);
    default:
        return bind_array_query(b, ast);
    }
}

bool bind_where(struct binding *b, const struct leat_sql_expr *ast, const char *clause,
                struct exprs *conds)
{
    if (ast->kind == LEAT_SQL_AND) {
        for (uint32_t i = 0; i < ast->arg_count; i++)
            if (!bind_where(b, ast->args[i], clause, conds))
                return false;
        return true;
    }
    if (ast->kind == LEAT_SQL_EXISTS && check_allowed(b, ast))
        return bind_exists(b, ast, LEAT_JOIN_SEMI) != NULL;
    if (ast->kind == LEAT_SQL_NOT && ast->args[0]->kind == LEAT_SQL_EXISTS &&
        check_allowed(b, ast->args[0]))
        return bind_exists(b, ast->args[0], LEAT_JOIN_ANTI) != NULL;
    if (ast->kind == LEAT_SQL_IN_QUERY && !ast->negated && check_allowed(b, ast))
        return bind_membership(b, ast, "=", LEAT_JOIN_SEMI) != NULL;
    return exprs_add_conjuncts(b->pl, conds, bind_condition(b, ast, clause));
}

struct node *attach_pending(struct planner *pl, struct node *tree, struct pending *pending)
{
    for (; tree && pending; pending = pending->next) {
        if (!pending->right) {
            tree = new_node(pl, NODE_UNNEST, tree);
            if (!tree || !ids_add(pl, &tree->columns, pending->result))
                return NULL;
            tree->exprs = pending->conds;
        } else if (pending->join == LEAT_JOIN_SINGLE)
            tree = join_scalar(pl, tree, pending->right, pending->value, pending->result);
        else
            tree = join_dependent(pl, pending->join, tree, pending->right, &pending->conds,
                                  pending->result, pending->two_valued);
    }
    return tree;
}
