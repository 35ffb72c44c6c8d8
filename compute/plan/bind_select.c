/*
 * One SELECT: FROM, WHERE, grouping, select list, windows, DISTINCT, ORDER BY, in the order in
 * which they are computed.
 *
 * Expressions of the select list, HAVING and ORDER BY are bound before it is known whether the
 * query groups: aggregates become columns, and once all are known, every remaining use of an
 * ungrouped column is an error. A key that is a plain column keeps its number, so nothing above
 * changes.
 */
#include "compute/plan/select.h"

#include <stdio.h>

bool bind_order_key(struct planner *pl, const struct leat_sql_order *order, struct leat_expr *expr,
                    struct leat_sort_key *out)
{
    if (expr && expr->type->id == LEAT_JSON)
        return plan_fail(pl, LEAT_E_TYPE_MISMATCH, expr->offset, expr->length,
                         "cast it to text: (...)::text", "values of type json have no order");
    *out = (struct leat_sort_key){.expr = expr,
                                  .descending = order->descending,
                                  .nulls_first =
                                      order->nulls_given ? order->nulls_first : order->descending};
    return expr != NULL;
}

/* --- FROM and WHERE --- */
static bool bind_from(struct select *s)
{
    struct planner *pl = s->pl;

    if (!s->ast->from_count) {
        s->tree = new_one_row(pl);
        return s->tree != NULL;
    }
    for (uint32_t i = 0; i < s->ast->from_count; i++) {
        struct node *item = bind_from_item(pl, s->ast->from[i], &s->scope);
        struct exprs none = {0};
        if (!item)
            return false;
        s->tree =
            s->tree ? join_dependent(pl, LEAT_JOIN_INNER, s->tree, item, &none, 0, false) : item;
        if (!s->tree)
            return false;
    }
    return true;
}

static bool bind_filter(struct select *s)
{
    struct pending *pending = NULL;
    struct exprs conds = {0};
    struct binding b = {
        .pl = s->pl, .scope = &s->scope, .clause = CLAUSE_WHERE, .pending_tail = &pending};

    if (!s->ast->where)
        return true;
    if (!bind_where(&b, s->ast->where, "WHERE", &conds))
        return false;
    s->tree = attach_pending(s->pl, s->tree, pending);
    s->tree = s->tree ? new_filter(s->pl, s->tree, &conds) : NULL;
    return s->tree != NULL;
}

/* --- the select list --- */
static bool add_item(struct select *s, struct leat_expr *expr, struct leat_text name,
                     const struct leat_sql_expr *ast)
{
    struct leat_text *names =
        plan_grow(s->pl, s->names, s->items.count, &s->name_capacity, sizeof(*names));
    const struct leat_sql_expr **asts;

    if (!names)
        return false;
    s->names = names;
    asts = plan_grow(s->pl, s->item_asts, s->items.count, &s->ast_capacity, sizeof(*asts));
    if (!asts)
        return false;
    s->item_asts = asts;
    names[s->items.count] = name;
    asts[s->items.count] = ast;
    return exprs_add(s->pl, &s->items, expr);
}

/* The short name of a type, by which PostgreSQL names casts. */
static struct leat_text type_label(struct leat_text type)
{
    static const char *const labels[][2] = {
        {"int", "int4"},      {"integer", "int4"},    {"bigint", "int8"},
        {"smallint", "int2"}, {"boolean", "bool"},    {"double", "float8"},
        {"real", "float4"},   {"float", "float8"},    {"decimal", "numeric"},
        {"dec", "numeric"},   {"numeric", "numeric"}, {"varchar", "varchar"},
        {"char", "bpchar"},   {"string", "text"}};
    size_t length = 0;

    while (length < type.length && ((type.data[length] | 0x20) >= 'a') &&
           ((type.data[length] | 0x20) <= 'z'))
        length++;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (leat_text_equal_nocase((struct leat_text){type.data, length},
                                   leat_text_of(labels[i][0])))
            return leat_text_of(labels[i][1]);
    return length == type.length ? type : leat_text_of("?column?");
}

/* Spark's name of an unnamed column: its text. */
static struct leat_text spark_name(struct planner *pl, const struct leat_sql_expr *ast)
{
    const char *text = pl->source.text;
    char *name;

    if (ast->kind == LEAT_SQL_COLUMN)
        return ast->path.parts[ast->path.count - 1].text;
    if (ast->kind == LEAT_SQL_FIELD)
        return ast->name;
    if (ast->kind == LEAT_SQL_CALL &&
        leat_text_equal(ast->call->function.parts[0].text, leat_text_of("unnest")))
        return leat_text_of("col");
    if (ast->kind == LEAT_SQL_CALL && ast->call->star)
        return leat_text_of("count(1)");
    if (!text || (size_t)ast->offset + ast->length > pl->source.length || !ast->length)
        return leat_text_of("col");
    name = leat_arena_copy(pl->arena, text + ast->offset, ast->length);
    return name ? (struct leat_text){name, ast->length} : leat_text_of("col");
}

/* PostgreSQL's names of unnamed columns. */
static struct leat_text default_name(const struct leat_sql_expr *ast)
{
    switch (ast->kind) {
    case LEAT_SQL_COLUMN:
        return ast->path.parts[ast->path.count - 1].text;
    case LEAT_SQL_CALL:
        return ast->call->function.parts[ast->call->function.count - 1].text;
    case LEAT_SQL_FIELD:
        return ast->name;
    case LEAT_SQL_CAST: {
        struct leat_text inner = default_name(ast->args[0]);
        if (!leat_text_equal(inner, leat_text_of("?column?")))
            return inner;
        return type_label(ast->type.text);
    }
    case LEAT_SQL_CASE:
        if (ast->arg_count > (ast->flag ? 1 : 0) + ast->number * 2) {
            struct leat_text last = default_name(ast->args[ast->arg_count - 1]);
            if (!leat_text_equal(last, leat_text_of("?column?")))
                return last;
        }
        return leat_text_of("case");
    case LEAT_SQL_EXISTS:
        return leat_text_of("exists");
    case LEAT_SQL_ARRAY:
        return leat_text_of("array");
    case LEAT_SQL_ROW:
        return leat_text_of("row");
    case LEAT_SQL_INTERVAL:
        return leat_text_of("interval");
    case LEAT_SQL_TYPED:
        return type_label(ast->type.text);
    case LEAT_SQL_SUBSCRIPT:
    case LEAT_SQL_COLLATE:
        return default_name(ast->args[0]);
    case LEAT_SQL_SUBQUERY:
        if (ast->query->body->kind == LEAT_SQL_SELECT &&
            ast->query->body->select->item_count == 1) {
            const struct leat_sql_item *item = &ast->query->body->select->items[0];
            return item->alias.text.data ? item->alias.text : default_name(item->expr);
        }
        break;
    default:
        break;
    }
    return leat_text_of("?column?");
}

static bool replaces(const struct leat_sql_expr *ast, uint32_t r, struct leat_text name)
{
    return leat_text_equal(ast->star->replace[r].name.text, name) ||
           (ast->origin && leat_text_equal_nocase(ast->star->replace[r].name.text, name));
}

static bool check_replaced(struct select *s, const struct leat_sql_expr *ast,
                           const struct output *outputs, uint32_t count)
{
    for (uint32_t r = 0; ast->star && r < ast->star->replace_count; r++) {
        const struct leat_sql_name *name = &ast->star->replace[r].name;
        uint32_t i = 0;
        while (i < count && !replaces(ast, r, outputs[i].name))
            i++;
        if (i == count)
            return plan_fail(s->pl, LEAT_E_UNKNOWN_COLUMN, name->offset, name->length, NULL,
                             "column \"%s\" does not exist", name->text.data);
    }
    return true;
}

static bool bind_star_item(struct select *s, const struct leat_sql_expr *ast)
{
    struct output *outputs = NULL;
    uint32_t count = 0;
    const struct leat_sql_star *star = ast->star;

    if (!bind_star(&s->binding, ast, &outputs, &count) || !check_replaced(s, ast, outputs, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct leat_expr *expr = NULL;
        for (uint32_t r = 0; star && r < star->replace_count; r++)
            if (replaces(ast, r, outputs[i].name) &&
                !(expr = decide(s->pl, bind_expr(&s->binding, star->replace[r].value))))
                return false;
        if (!expr) {
            expr = expr_column(s->pl, outputs[i].id, NULL);
            if (expr && !s->pl->in_view) {
                expr->offset = ast->offset;
                expr->length = ast->length;
            }
        }
        if (!expr || !add_item(s, expr, outputs[i].name, NULL))
            return false;
    }
    return true;
}

static bool bind_items(struct select *s)
{
    s->aliases = (struct aliases){&s->names, &s->items};
    s->binding.aliases = &s->aliases;
    s->binding.clause = CLAUSE_SELECT;
    s->binding.set_tail = &s->generators;
    for (uint32_t i = 0; i < s->ast->item_count; i++) {
        const struct leat_sql_item *item = &s->ast->items[i];
        struct leat_expr *expr;
        if (item->expr->kind == LEAT_SQL_STAR) {
            if (!bind_star_item(s, item->expr))
                return false;
            continue;
        }
        expr = bind_expr(&s->binding, item->expr);
        bool untyped = expr && is_unknown(expr);
        expr = decide(s->pl, expr);
        if (!expr || !add_item(s, expr,
                               item->alias.text.data ? item->alias.text
                               : item->expr->origin  ? spark_name(s->pl, item->expr)
                                                     : default_name(item->expr),
                               item->expr))
            return false;
        if (untyped && !idset_add(s->pl, &s->untyped, s->items.count - 1))
            return false;
    }
    s->binding.set_tail = NULL;
    return true;
}

int item_of(struct select *s, const struct leat_sql_expr *ast, const char *clause, bool *bad)
{
    int found = -1;

    *bad = false;
    if (ast->kind == LEAT_SQL_INTEGER) {
        int64_t position = 0;
        if (leat_parse_int64(ast->text.data, ast->text.length, &position) && position >= 1 &&
            position <= s->items.count)
            return (int)position - 1;
        *bad = true;
        plan_fail(s->pl, LEAT_E_ORDER_POSITION, ast->offset, ast->length, NULL,
                  "%s position %s is not in the select list, which has %u items", clause,
                  ast->text.data, s->items.count);
        return -1;
    }
    if (ast->kind != LEAT_SQL_COLUMN || ast->path.count != 1)
        return -1;
    for (uint32_t i = 0; i < s->items.count; i++) {
        if (!leat_text_equal(s->names[i], ast->path.parts[0].text) &&
            !(ast->origin && leat_text_equal_nocase(s->names[i], ast->path.parts[0].text)))
            continue;
        if (found >= 0 && !leat_expr_equal(s->items.items[found], s->items.items[i])) {
            *bad = true;
            plan_fail(s->pl, LEAT_E_AMBIGUOUS_COLUMN, ast->offset, ast->length, NULL,
                      "%s \"%s\" is ambiguous: two items of the select list have this name", clause,
                      ast->path.parts[0].text.data);
            return -1;
        }
        if (found < 0)
            found = (int)i;
    }
    return found;
}

/* --- windows --- */
static bool same_window(const struct window_call *a, const struct window_call *b)
{
    if (a->partition.count != b->partition.count || a->sort_count != b->sort_count)
        return false;
    for (uint32_t i = 0; i < a->partition.count; i++)
        if (!leat_expr_equal(a->partition.items[i], b->partition.items[i]))
            return false;
    for (uint32_t i = 0; i < a->sort_count; i++)
        if (!leat_expr_equal(a->keys[i].expr, b->keys[i].expr) ||
            a->keys[i].descending != b->keys[i].descending ||
            a->keys[i].nulls_first != b->keys[i].nulls_first)
            return false;
    return true;
}

/* Calls with equal PARTITION BY and ORDER BY share a node. */
static bool add_windows(struct select *s)
{
    struct planner *pl = s->pl;
    bool *done = plan_alloc(pl, s->windows.count + 1u);

    if (!done)
        return false;
    for (uint32_t i = 0; i < s->windows.count; i++) {
        struct window_call *first = &s->windows.calls[i];
        struct node *node;
        if (done[i])
            continue;
        node = new_node(pl, NODE_WINDOW, s->tree);
        if (!node)
            return false;
        node->partition = first->partition;
        node->keys = first->keys;
        node->sort_count = first->sort_count;
        node->calls = plan_alloc(pl, s->windows.count * sizeof(*node->calls));
        node->frames = plan_alloc(pl, s->windows.count * sizeof(*node->frames));
        if (!node->calls || !node->frames)
            return false;
        for (uint32_t k = i; k < s->windows.count; k++) {
            if (done[k] || !same_window(first, &s->windows.calls[k]))
                continue;
            done[k] = true;
            node->calls[node->call_count] = s->windows.calls[k].call;
            node->frames[node->call_count++] = s->windows.calls[k].frame;
            if (!ids_add(pl, &node->columns, s->windows.calls[k].id))
                return false;
        }
        s->tree = node;
    }
    return true;
}

/* --- ORDER BY, DISTINCT --- */
static bool bind_orders(struct select *s)
{
    const struct leat_sql_orders *list = s->query ? &s->query->order : NULL;
    bool bad;

    if (!list || !list->count)
        return true;
    s->binding.clause = CLAUSE_ORDER_BY;
    s->order_count = s->query->order_all ? s->items.count : list->count;
    s->orders = plan_alloc(s->pl, (s->order_count + 1u) * sizeof(*s->orders));
    if (!s->orders)
        return false;
    for (uint32_t i = 0; i < s->order_count; i++) {
        struct order_item *item = &s->orders[i];
        item->ast = &list->items[s->query->order_all ? 0 : i];
        item->output = i;
        if (s->query->order_all)
            continue;
        int found = item_of(s, item->ast->expr, "ORDER BY", &bad);
        if (bad)
            return false;
        item->output = found >= 0 ? (uint32_t)found : UINT32_MAX;
        if (found < 0 && !(item->expr = decide(s->pl, bind_expr(&s->binding, item->ast->expr))))
            return false;
        for (uint32_t k = 0; found < 0 && k < s->items.count; k++)
            if (leat_expr_equal(s->items.items[k], item->expr)) {
                item->output = k;
                item->expr = NULL;
                break;
            }
        if (item->expr && s->ast->distinct && !s->ast->distinct_on.count)
            return plan_fail(s->pl, LEAT_E_ORDER_POSITION, item->ast->expr->offset,
                             item->ast->expr->length, "add it to the select list",
                             "for SELECT DISTINCT, ORDER BY expressions must appear in the select "
                             "list");
    }
    return true;
}

struct node *add_distinct(struct planner *pl, struct node *node, const struct output *outputs,
                          uint32_t count)
{
    struct node *group = new_node(pl, NODE_AGGREGATE, node);

    if (!group)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool twice = false;
        for (uint32_t k = 0; k < i; k++)
            twice |= outputs[k].id == outputs[i].id;
        if (!twice && (!ids_add(pl, &group->columns, outputs[i].id) ||
                       !exprs_add(pl, &group->exprs, expr_column(pl, outputs[i].id, NULL))))
            return NULL;
    }
    group->key_count = group->columns.count;
    return group;
}

struct node *add_numbers(struct planner *pl, struct node *node, const char *function,
                         const struct ids *partition, struct leat_sort_key *keys,
                         uint32_t key_count, uint32_t *id)
{
    struct node *window = new_node(pl, NODE_WINDOW, node);
    struct leat_expr *call = call_function(pl, function, NULL, 0, 0, 0);

    if (!window || !call)
        return NULL;
    *id = new_column(pl, function, call->type);
    window->calls = plan_alloc(pl, sizeof(*window->calls));
    window->frames = plan_alloc(pl, sizeof(*window->frames));
    if (!window->calls || !window->frames || !ids_add(pl, &window->columns, *id))
        return NULL;
    window->calls[0] = (struct leat_aggregate){.function = call->function, .type = call->type};
    window->call_count = 1;
    for (uint32_t i = 0; i < partition->count; i++)
        if (!exprs_add(pl, &window->partition, expr_column(pl, partition->items[i], NULL)))
            return NULL;
    window->keys = keys;
    window->sort_count = key_count;
    return window;
}

/* Computes the expression into a column; plain columns are taken as they are. */
static uint32_t column_of(struct planner *pl, struct node *map, struct leat_expr *expr,
                          const char *name)
{
    uint32_t id;

    if (expr->kind == LEAT_EXPR_COLUMN)
        return expr->column;
    for (uint32_t i = 0; i < map->columns.count; i++)
        if (leat_expr_equal(map->exprs.items[i], expr) && expr_deterministic(expr))
            return map->columns.items[i];
    id = new_column(pl, name, expr->type);
    if (!exprs_add(pl, &map->exprs, expr) || !ids_add(pl, &map->columns, id))
        return UINT32_MAX;
    return id;
}

/* The column of output i. Two outputs are two columns, even of one expression: a grouping set may
 * have one of them only. */
static uint32_t output_column(struct planner *pl, struct node *map, const struct output *outputs,
                              uint32_t i, struct leat_expr *expr)
{
    uint32_t id = column_of(pl, map, expr, outputs[i].name.data), copy;

    for (uint32_t k = 0; k < i && id != UINT32_MAX; k++) {
        if (outputs[k].id != id)
            continue;
        copy = new_column(pl, outputs[i].name.data, expr->type);
        return exprs_add(pl, &map->exprs, expr) && ids_add(pl, &map->columns, copy) ? copy
                                                                                    : UINT32_MAX;
    }
    return id;
}

static bool distinct_on(struct select *s, struct node *map, struct leat_sort_key *keys,
                        uint32_t key_count)
{
    struct planner *pl = s->pl;
    struct ids partition = {0};
    struct exprs first = {0};
    struct leat_expr *args[2];
    uint32_t number = 0;

    for (uint32_t i = 0; i < s->distinct_on.count; i++)
        if (!ids_add(pl, &partition, column_of(pl, map, s->distinct_on.items[i], "")))
            return false;
    s->tree = add_numbers(pl, s->tree, "row_number", &partition, keys, key_count, &number);
    if (!s->tree)
        return false;
    args[0] = expr_column(pl, number, NULL);
    args[1] = expr_integer(pl, 1);
    if (!exprs_add(pl, &first, call_function(pl, "=", args, 2, 0, 0)))
        return false;
    s->tree = new_filter(pl, s->tree, &first);
    return s->tree != NULL;
}

static bool finish(struct select *s, struct bound_query *out, bool *ordered)
{
    struct planner *pl = s->pl;
    struct node *map = new_node(pl, NODE_MAP, s->tree), *sort;
    struct leat_sort_key *keys = plan_alloc(pl, (s->order_count + 1u) * sizeof(*keys));

    out->count = s->items.count;
    out->outputs = plan_alloc(pl, (out->count + 1u) * sizeof(*out->outputs));
    if (!map || !keys || !out->outputs)
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        out->outputs[i].name = s->names[i];
        out->outputs[i].untyped = idset_has(&s->untyped, i);
        out->outputs[i].id = output_column(pl, map, out->outputs, i, s->items.items[i]);
        if (out->outputs[i].id == UINT32_MAX)
            return false;
    }
    s->tree = map;
    for (uint32_t i = 0; i < s->order_count; i++) {
        struct order_item *item = &s->orders[i];
        uint32_t id = item->output != UINT32_MAX ? out->outputs[item->output].id
                                                 : column_of(pl, map, item->expr, "");
        struct leat_expr *expr = id == UINT32_MAX ? NULL : expr_column(pl, id, item->expr);
        if (!expr || !bind_order_key(pl, item->ast, expr, &keys[i]))
            return false;
    }
    if (s->ast->distinct_on.count) {
        if (!distinct_on(s, map, keys, s->order_count))
            return false;
    } else if (s->ast->distinct &&
               !(s->tree = add_distinct(pl, s->tree, out->outputs, out->count))) {
        return false;
    }
    *ordered = s->order_count > 0;
    if (s->order_count) {
        sort = new_node(pl, NODE_SORT, s->tree);
        if (!sort)
            return false;
        sort->keys = keys;
        sort->sort_count = s->order_count;
        s->tree = sort;
    }
    out->node = s->tree;
    return true;
}

static bool bind_rest(struct select *s)
{
    struct binding b;

    for (uint32_t i = 0; i < s->ast->distinct_on.count; i++) {
        const struct leat_sql_expr *ast = s->ast->distinct_on.items[i];
        bool bad;
        int item = item_of(s, ast, "DISTINCT ON", &bad);
        struct leat_expr *expr = bad         ? NULL
                                 : item >= 0 ? s->items.items[item]
                                             : bind_expr(&s->binding, ast);
        if (!expr || !exprs_add(s->pl, &s->distinct_on, decide(s->pl, expr)))
            return false;
    }
    if (s->ast->having) {
        b = s->binding;
        b.clause = CLAUSE_HAVING;
        b.windows = NULL;
        if (!bind_where(&b, s->ast->having, "HAVING", &s->having))
            return false;
        s->binding.pending_tail = b.pending_tail;
        s->binding.inner_tail = b.inner_tail;
    }
    if (s->ast->qualify) {
        s->binding.clause = CLAUSE_SELECT;
        if (!exprs_add_conjuncts(s->pl, &s->qualify,
                                 bind_condition(&s->binding, s->ast->qualify, "QUALIFY")))
            return false;
    }
    return true;
}

bool bind_select(struct planner *pl, const struct leat_sql_query *query,
                 const struct leat_sql_body *body, struct scope *outer, struct bound_query *out,
                 bool *ordered)
{
    struct select *s = plan_alloc(pl, sizeof(*s));

    if (!s)
        return false;
    *s = (struct select){.pl = pl, .ast = body->select, .query = query};
    s->scope =
        (struct scope){.outer = outer, .ctes = outer ? outer->ctes : NULL, .select = body->select};
    s->binding = (struct binding){.pl = pl,
                                  .scope = &s->scope,
                                  .pending_tail = &s->pending,
                                  .aggregates = &s->aggregates,
                                  .windows = &s->windows,
                                  .inner_tail = &s->inner_pending};
    if (!bind_from(s) || !bind_filter(s) || !bind_items(s) || !bind_rest(s) || !bind_orders(s) ||
        !bind_grouping(s) || !add_grouping(s))
        return false;
    s->tree = attach_pending(pl, s->tree, s->pending);
    s->tree = s->tree ? new_filter(pl, s->tree, &s->having) : NULL;
    if (!s->tree || !add_windows(s))
        return false;
    s->tree = new_filter(pl, s->tree, &s->qualify);
    s->tree = s->tree ? attach_pending(pl, s->tree, s->generators) : NULL;
    return s->tree && finish(s, out, ordered);
}
