/*
 * Whole queries: WITH, VALUES, set operations, and the ORDER BY and LIMIT around them.
 */
#include "compute/plan/planner_internal.h"

bool bind_query_body(struct planner *pl, const struct leat_sql_query *query,
                     const struct leat_sql_body *body, struct scope *outer, struct bound_query *out,
                     bool *ordered);

/* --- VALUES --- */
static bool bind_values(struct planner *pl, const struct leat_sql_body *body, struct scope *outer,
                        struct bound_query *out)
{
    uint32_t columns = body->rows[0].count;
    struct scope scope = {.outer = outer, .ctes = outer ? outer->ctes : NULL};
    struct pending *pending = NULL;
    struct binding b = {
        .pl = pl, .scope = &scope, .clause = CLAUSE_VALUES, .pending_tail = &pending};
    struct leat_expr **cells = plan_alloc(pl, (body->row_count + 1u) * sizeof(*cells));
    struct node *node = new_node(pl, NODE_VALUES, NULL);

    if (!cells || !node)
        return false;
    node->row_count = body->row_count;
    node->exprs.count = node->exprs.capacity = body->row_count * columns;
    node->exprs.items = plan_alloc(pl, ((size_t)node->exprs.count + 1) * sizeof(*cells));
    out->outputs = plan_alloc(pl, columns * sizeof(*out->outputs));
    if (!node->exprs.items || !out->outputs)
        return false;
    for (uint32_t c = 0; c < columns; c++) {
        char *name = leat_arena_printf(pl->arena, body->spark ? "col%u" : "column%u", c + 1);
        for (uint32_t r = 0; r < body->row_count; r++)
            if (!(cells[r] = bind_expr(&b, body->rows[r].items[c])))
                return false;
        if (!name)
            return plan_memory(pl);
        if (!coerce_common(pl, cells, body->row_count, "VALUES"))
            return false;
        uint32_t id = new_column(pl, name, cells[0]->type);
        if (!ids_add(pl, &node->columns, id))
            return false;
        for (uint32_t r = 0; r < body->row_count; r++)
            node->exprs.items[r * columns + c] = cells[r];
        out->outputs[c] = (struct output){.name = leat_text_of(name), .id = id};
    }
    out->count = columns;
    out->node = node;
    if (!pending)
        return true;
    if (body->row_count > 1)
        return plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, body->offset, 6, NULL,
                         "subqueries in VALUES with several rows are not supported");
    /* One row with subqueries: computed above them. */
    struct node *map = new_node(pl, NODE_MAP, attach_pending(pl, new_one_row(pl), pending));
    if (!map || !map->left)
        return false;
    map->columns = node->columns;
    map->exprs = node->exprs;
    out->node = map;
    return true;
}

/* --- set operations --- */
struct node *cast_outputs(struct planner *pl, struct bound_query *side,
                          const struct leat_type *const *types)
{
    struct node *map = new_node(pl, NODE_MAP, side->node);

    if (!map)
        return NULL;
    for (uint32_t i = 0; i < side->count; i++) {
        uint32_t id = side->outputs[i].id;
        struct leat_expr *expr;
        if (leat_type_equal(pl->columns[id].type, types[i]))
            continue;
        expr = coerce(pl, expr_column(pl, id, NULL), types[i], LEAT_CAST_EXPLICIT, "UNION");
        id = new_column(pl, pl->columns[id].name, types[i]);
        if (!exprs_add(pl, &map->exprs, expr) || !ids_add(pl, &map->columns, id))
            return NULL;
        side->outputs[i].id = id;
    }
    return map->columns.count ? map : side->node;
}

static const char *set_name(const struct leat_sql_body *body)
{
    return body->kind == LEAT_SQL_UNION    ? "UNION"
           : body->kind == LEAT_SQL_EXCEPT ? "EXCEPT"
                                           : "INTERSECT";
}

static bool match_types(struct planner *pl, const struct leat_sql_body *body,
                        struct bound_query *left, struct bound_query *right)
{
    const struct leat_type **types = plan_alloc(pl, (left->count + 1u) * sizeof(*types));

    if (!types)
        return false;
    if (left->count != right->count)
        return plan_fail(pl, LEAT_E_COLUMN_COUNT, body->right->offset, body->right->length, NULL,
                         "each %s query must have the same number of columns: %u and %u",
                         set_name(body), left->count, right->count);
    for (uint32_t i = 0; i < left->count; i++) {
        struct leat_expr *pair[2] = {expr_column(pl, left->outputs[i].id, NULL),
                                     expr_column(pl, right->outputs[i].id, NULL)};
        if (!pair[0] || !pair[1])
            return false;
        if (left->outputs[i].untyped)
            pair[0]->type = &planner_unknown;
        if (right->outputs[i].untyped)
            pair[1]->type = &planner_unknown;
        pair[0]->offset = pair[1]->offset = body->right->offset;
        pair[0]->length = pair[1]->length = body->right->length;
        types[i] = common_type(pl, pair, 2, set_name(body));
        if (!types[i])
            return false;
    }
    left->node = cast_outputs(pl, left, types);
    right->node = left->node ? cast_outputs(pl, right, types) : NULL;
    return right->node != NULL;
}

/* BY NAME: the right side's columns in the order of the left's names. */
static bool match_names(struct planner *pl, const struct leat_sql_body *body,
                        struct bound_query *left, struct bound_query *right)
{
    struct output *sorted = plan_alloc(pl, (right->count + 1u) * sizeof(*sorted));

    if (!sorted)
        return false;
    for (uint32_t i = 0; i < left->count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < right->count && !found; k++)
            if (leat_text_equal(left->outputs[i].name, right->outputs[k].name) ||
                (body->spark &&
                 leat_text_equal_nocase(left->outputs[i].name, right->outputs[k].name))) {
                sorted[i] = right->outputs[k];
                found = true;
            }
        if (!found || left->count != right->count)
            return plan_fail(pl, LEAT_E_COLUMN_COUNT, body->right->offset, body->right->length,
                             "both sides of BY NAME need the same columns",
                             "the right side of %s BY NAME has no column \"%s\"", set_name(body),
                             left->outputs[i].name.data);
    }
    right->outputs = sorted;
    return true;
}

static bool make_union(struct planner *pl, struct bound_query *left, struct bound_query *right,
                       struct bound_query *out)
{
    struct node *node = new_node(pl, NODE_UNION, NULL);
    struct bound_query *sides[2] = {left, right};

    if (!node)
        return false;
    node->children = plan_alloc(pl, 2 * sizeof(*node->children));
    node->child_columns = plan_alloc(pl, 2 * sizeof(*node->child_columns));
    out->outputs = plan_alloc(pl, (left->count + 1u) * sizeof(*out->outputs));
    if (!node->children || !node->child_columns || !out->outputs)
        return false;
    node->child_count = 2;
    for (int s = 0; s < 2; s++) {
        node->children[s] = sides[s]->node;
        for (uint32_t i = 0; i < left->count; i++)
            if (!ids_add(pl, &node->child_columns[s], sides[s]->outputs[i].id))
                return false;
    }
    for (uint32_t i = 0; i < left->count; i++) {
        uint32_t id =
            new_column(pl, left->outputs[i].name.data, pl->columns[left->outputs[i].id].type);
        if (!ids_add(pl, &node->columns, id))
            return false;
        out->outputs[i] = (struct output){.name = left->outputs[i].name, .id = id};
    }
    out->count = left->count;
    out->node = node;
    return true;
}

struct leat_expr *null_safe(struct planner *pl, uint32_t a, uint32_t b)
{
    struct leat_expr *args[2] = {expr_column(pl, a, NULL), expr_column(pl, b, NULL)};
    struct leat_expr *equal = args[0] && args[1] ? call_function(pl, "=", args, 2, 0, 0) : NULL;
    struct leat_expr *both = expr_new(pl, LEAT_EXPR_AND, leat_type_get(LEAT_BOOLEAN), 2);
    struct leat_expr *out = expr_new(pl, LEAT_EXPR_COALESCE, leat_type_get(LEAT_BOOLEAN), 2);

    if (!equal || !both || !out)
        return NULL;
    both->args[0] = expr_unary(pl, LEAT_EXPR_IS_NULL, equal->args[0]);
    both->args[1] = expr_unary(pl, LEAT_EXPR_IS_NULL, equal->args[1]);
    if (!both->args[0] || !both->args[1])
        return NULL;
    out->args[0] = equal;
    out->args[1] = both;
    return out;
}

/* INTERSECT and EXCEPT: semi and anti joins of distinct rows; with ALL, the nth equal row of one
 * side meets the nth of the other. */
static bool make_difference(struct planner *pl, const struct leat_sql_body *body,
                            struct bound_query *left, struct bound_query *right,
                            struct bound_query *out)
{
    struct node *node;
    struct bound_query *sides[2] = {left, right};
    uint32_t numbers[2] = {0, 0};
    struct leat_expr *args[2];

    for (int s = 0; s < 2 && body->all; s++) {
        struct ids partition = {0};
        for (uint32_t i = 0; i < left->count; i++)
            if (!ids_add(pl, &partition, sides[s]->outputs[i].id))
                return false;
        sides[s]->node =
            add_numbers(pl, sides[s]->node, "row_number", &partition, NULL, 0, &numbers[s]);
        if (!sides[s]->node)
            return false;
    }
    if (!body->all && !(left->node = add_distinct(pl, left->node, left->outputs, left->count)))
        return false;
    node = new_join(pl, body->kind == LEAT_SQL_EXCEPT ? LEAT_JOIN_ANTI : LEAT_JOIN_SEMI, left->node,
                    right->node);
    if (!node)
        return false;
    for (uint32_t i = 0; i < left->count; i++)
        if (!exprs_add(pl, &node->conds, null_safe(pl, left->outputs[i].id, right->outputs[i].id)))
            return false;
    if (body->all) {
        args[0] = expr_column(pl, numbers[0], NULL);
        args[1] = expr_column(pl, numbers[1], NULL);
        if (!exprs_add(pl, &node->conds, call_function(pl, "=", args, 2, 0, 0)))
            return false;
    }
    *out = *left;
    out->node = node;
    return true;
}

static bool bind_set(struct planner *pl, const struct leat_sql_body *body, struct scope *outer,
                     struct bound_query *out)
{
    struct bound_query left, right;
    bool ordered;

    if (!bind_query_body(pl, NULL, body->left, outer, &left, &ordered) ||
        !bind_query_body(pl, NULL, body->right, outer, &right, &ordered))
        return false;
    if (body->by_name && !match_names(pl, body, &left, &right))
        return false;
    if (!match_types(pl, body, &left, &right))
        return false;
    if (body->kind != LEAT_SQL_UNION)
        return make_difference(pl, body, &left, &right, out);
    if (!make_union(pl, &left, &right, out))
        return false;
    if (!body->all)
        out->node = add_distinct(pl, out->node, out->outputs, out->count);
    return out->node != NULL;
}

/* --- ORDER BY and LIMIT around a body --- */
/* Behind set operations and VALUES only names and positions of the result can be meant. */
static bool order_outputs(struct planner *pl, const struct leat_sql_query *query,
                          struct bound_query *out)
{
    uint32_t count = query->order_all ? out->count : query->order.count;
    struct leat_sort_key *keys = plan_alloc(pl, (count + 1u) * sizeof(*keys));
    struct node *sort = new_node(pl, NODE_SORT, out->node);

    if (!keys || !sort)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_sql_order *order = &query->order.items[query->order_all ? 0 : i];
        const struct leat_sql_expr *ast = order->expr;
        int64_t position = query->order_all ? (int64_t)i + 1 : 0;
        if (!query->order_all && ast->kind == LEAT_SQL_INTEGER)
            (void)leat_parse_int64(ast->text.data, ast->text.length, &position);
        else if (!query->order_all && ast->kind == LEAT_SQL_COLUMN && ast->path.count == 1)
            for (uint32_t k = 0; k < out->count && !position; k++)
                if (leat_text_equal(out->outputs[k].name, ast->path.parts[0].text) ||
                    (ast->origin &&
                     leat_text_equal_nocase(out->outputs[k].name, ast->path.parts[0].text)))
                    position = (int64_t)k + 1;
        if (position < 1 || position > out->count)
            return plan_fail(pl, LEAT_E_ORDER_POSITION, ast->offset, ast->length,
                             "put the query into FROM (...) to order by an expression",
                             "ORDER BY behind a set operation or VALUES takes names or positions "
                             "of the result's columns");
        if (!bind_order_key(pl, order, expr_column(pl, out->outputs[position - 1].id, NULL),
                            &keys[i]))
            return false;
    }
    sort->keys = keys;
    sort->sort_count = count;
    out->node = sort;
    return true;
}

static bool limit_value(struct planner *pl, const struct leat_sql_expr *ast, const char *clause,
                        uint64_t *out, bool *given)
{
    struct scope empty = {0};
    struct binding b = {.pl = pl, .scope = &empty, .clause = CLAUSE_LIMIT};
    struct leat_expr *expr = bind_expr(&b, ast);
    struct leat_value value;

    if (!expr)
        return false;
    *given = expr->type->id != LEAT_NULL;
    if (!*given)
        return true;
    expr = coerce(pl, expr, leat_type_get(LEAT_INT64), LEAT_CAST_ASSIGNMENT, clause);
    if (!expr)
        return false;
    if (expr->kind == LEAT_EXPR_CONSTANT) {
        value = expr->constant;
    } else if (leat_expr_fold(expr, pl->arena, &value, pl->err)) {
        return plan_place(pl, ast->offset, ast->length);
    }
    *given = !value.is_null;
    if (*given && value.integer < 0)
        return plan_fail(pl, LEAT_E_WRONG_ARGUMENT, ast->offset, ast->length, NULL,
                         "%s must not be negative", clause);
    if (*given)
        *out = (uint64_t)value.integer;
    return true;
}

static struct leat_expr *compare_number(struct planner *pl, uint32_t id, const char *operator,
                                        uint64_t value)
{
    int64_t bound = value < INT64_MAX ? (int64_t)value : INT64_MAX;
    struct leat_expr *args[2] = {expr_column(pl, id, NULL), expr_integer(pl, bound)};

    return args[0] && args[1] ? call_function(pl, operator, args, 2, 0, 0) : NULL;
}

/* WITH TIES: the rows up to the last one's peers, by rank; those to skip, by number. */
static bool limit_with_ties(struct planner *pl, const struct leat_sql_query *query,
                            struct node *sort, uint64_t limit, uint64_t offset)
{
    const struct ids none = {0};
    struct exprs conds = {0};
    uint32_t rank, number;

    if (!query->order.count)
        return plan_fail(pl, LEAT_E_SYNTAX, query->limit->offset, query->limit->length, NULL,
                         "WITH TIES cannot be specified without ORDER BY clause");
    limit = limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
    sort->left = add_numbers(pl, sort->left, "rank", &none, sort->keys, sort->sort_count, &rank);
    if (!sort->left || !exprs_add(pl, &conds, compare_number(pl, rank, "<=", limit)))
        return false;
    if (offset) {
        sort->left =
            add_numbers(pl, sort->left, "row_number", &none, sort->keys, sort->sort_count, &number);
        if (!sort->left || !exprs_add(pl, &conds, compare_number(pl, number, ">", offset)))
            return false;
    }
    sort->left = new_filter(pl, sort->left, &conds);
    return sort->left != NULL;
}

bool bind_limit(struct planner *pl, const struct leat_sql_query *query, struct node **node)
{
    uint64_t limit = UINT64_MAX, offset = 0;
    bool has_limit = false, has_offset = false;
    struct node *top;

    if (query->limit && !limit_value(pl, query->limit, "LIMIT", &limit, &has_limit))
        return false;
    if (query->skip && !limit_value(pl, query->skip, "OFFSET", &offset, &has_offset))
        return false;
    if (!has_limit && !offset)
        return true;
    if (!has_limit)
        limit = UINT64_MAX;
    top = *node;
    if (query->with_ties)
        return limit_with_ties(pl, query, top, limit, offset);
    if (top->kind == NODE_SORT && top->limit == UINT64_MAX && top->offset == 0) {
        top->limit = limit;
        top->offset = offset;
        return true;
    }
    *node = new_node(pl, NODE_LIMIT, top);
    if (!*node)
        return false;
    (*node)->limit = limit;
    (*node)->offset = offset;
    return true;
}

bool bind_query_body(struct planner *pl, const struct leat_sql_query *query,
                     const struct leat_sql_body *body, struct scope *outer, struct bound_query *out,
                     bool *ordered)
{
    bool good = false;

    *ordered = false;
    if (++pl->depth > PLANNER_MAX_DEPTH) {
        pl->depth--;
        return plan_fail(pl, LEAT_E_TOO_DEEP, body->offset, body->length, NULL,
                         "queries are nested too deeply");
    }
    switch (body->kind) {
    case LEAT_SQL_SELECT:
        good = bind_select(pl, query, body, outer, out, ordered);
        break;
    case LEAT_SQL_VALUES:
        good = bind_values(pl, body, outer, out);
        break;
    case LEAT_SQL_NESTED:
        good = bind_query(pl, body->nested, outer, out);
        break;
    case LEAT_SQL_UNION:
    case LEAT_SQL_INTERSECT:
    case LEAT_SQL_EXCEPT:
        good = bind_set(pl, body, outer, out);
        break;
    }
    pl->depth--;
    return good;
}

bool bind_query(struct planner *pl, const struct leat_sql_query *query, struct scope *outer,
                struct bound_query *out)
{
    struct scope *scope = plan_alloc(pl, sizeof(*scope));
    bool ordered;

    if (!scope)
        return false;
    *scope = (struct scope){.outer = outer, .ctes = outer ? outer->ctes : NULL};
    for (uint32_t i = 0; i < query->cte_count; i++) {
        struct cte *cte = plan_alloc(pl, sizeof(*cte));
        if (!cte)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (leat_text_equal(query->ctes[k].name.text, query->ctes[i].name.text))
                return plan_fail(pl, LEAT_E_DUPLICATE_TABLE, query->ctes[i].name.offset,
                                 query->ctes[i].name.length, NULL,
                                 "WITH query name \"%s\" specified more than once",
                                 query->ctes[i].name.text.data);
        cte->definition = &query->ctes[i];
        cte->recursive = query->recursive;
        cte->visible = cte->next = scope->ctes;
        scope->ctes = cte;
    }
    if (!bind_query_body(pl, query->order.count ? query : NULL, query->body, scope, out, &ordered))
        return false;
    if (query->order.count && !ordered && !order_outputs(pl, query, out))
        return false;
    return bind_limit(pl, query, &out->node);
}
