/*
 * t PIVOT (sum(x) FOR k IN ('a', 'b') [GROUP BY g]) and t UNPIVOT (value FOR name IN (a, b)), as
 * the queries that they stand for: a grouping whose calls have a FILTER for each value, and a join
 * with the values of the row.
 */
#include "compute/sql/parser_internal.h"

struct pivot {
    struct parser *p;
    size_t start;
    struct leat_sql_from *table;
    struct list calls;    /* struct leat_sql_item: aggregates and their names */
    struct list values;   /* of the key now being read: struct leat_sql_item */
    struct list excluded; /* struct leat_sql_name: columns that go into the calls and keys */
    struct list items;    /* struct leat_sql_item of the query */
};

static bool add_item(struct parser *p, struct list *list, struct leat_sql_expr *expr,
                     const struct leat_sql_name *name)
{
    struct leat_sql_item *item = expr ? list_add(p, list, sizeof(*item)) : NULL;

    if (!item)
        return false;
    *item = (struct leat_sql_item){.expr = expr};
    if (name)
        item->alias = *name;
    return true;
}

static bool add_name(struct parser *p, struct list *list, const struct leat_sql_name *name)
{
    const struct leat_sql_name *names = list->items;
    struct leat_sql_name *slot;

    for (uint32_t i = 0; i < list->count; i++)
        if (leat_text_equal(names[i].text, name->text))
            return true;
    slot = list_add(p, list, sizeof(*slot));
    if (slot)
        *slot = *name;
    return slot != NULL;
}

/* The columns that an expression names. */
static bool add_columns(struct parser *p, struct list *list, const struct leat_sql_expr *expr)
{
    if (!expr)
        return true;
    if (expr->kind == LEAT_SQL_COLUMN && expr->path.count > 0)
        return add_name(p, list, &expr->path.parts[expr->path.count - 1]);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!add_columns(p, list, expr->args[i]))
            return false;
    for (uint32_t i = 0; expr->call && i < expr->call->args.count; i++)
        if (!add_columns(p, list, expr->call->args.items[i]))
            return false;
    for (uint32_t i = 0; expr->call && i < expr->call->order.count; i++)
        if (!add_columns(p, list, expr->call->order.items[i].expr))
            return false;
    return !expr->call || add_columns(p, list, expr->call->filter);
}

/* expr [AS name], ... */
static bool parse_named(struct parser *p, struct list *out)
{
    do {
        struct leat_sql_expr *expr = parse_expr(p);
        struct leat_sql_name name = {0};
        if (!expr || (accept_keyword(p, LEAT_KEYWORD_AS) &&
                      !parse_name(p, NAME_COLUMN, "a name for the column", &name)))
            return false;
        if (!add_item(p, out, expr, &name))
            return false;
    } while (accept_symbol(p, ","));
    return true;
}

static struct leat_sql_expr *make_star(struct parser *p, size_t start, const struct list *excluded)
{
    struct leat_sql_star *star = parser_alloc(p, sizeof(*star));
    struct leat_sql_expr *expr = star ? new_expr(p, LEAT_SQL_STAR, start) : NULL;

    if (expr) {
        star->exclude = (struct leat_sql_names){excluded->count, excluded->items};
        expr->star = star;
        expr->depth = 1;
    }
    return expr;
}

/* The query of items over the tables, as a table. */
static struct leat_sql_from *make_table(struct pivot *v, struct leat_sql_from *const *from,
                                        uint32_t from_count, struct leat_sql_expr *where)
{
    const struct leat_sql_item *items = v->items.items;
    struct leat_sql_from *out = parser_alloc(v->p, sizeof(*out));
    struct leat_sql_expr **exprs =
        parser_alloc(v->p, (v->items.count + 1u) * sizeof(struct leat_sql_expr *));

    if (!out || !exprs)
        return NULL;
    for (uint32_t i = 0; i < v->items.count; i++)
        exprs[i] = items[i].expr;
    out->kind = LEAT_SQL_FROM_QUERY;
    out->offset = offset_of(v->p, v->start);
    out->spark = v->p->spark;
    out->depth = (uint16_t)(v->table->depth + 1);
    out->query = make_select(v->p, v->start, false, exprs, v->items.count, from, from_count, where);
    if (!out->query)
        return NULL;
    for (uint32_t i = 0; i < v->items.count; i++)
        out->query->body->select->items[i].alias = items[i].alias;
    return out;
}

/* --- PIVOT --- */

/* A value's column is called as the value is written; several calls add their own names. */
static bool name_column(struct pivot *v, const struct leat_sql_item *value,
                        const struct leat_sql_item *call, struct leat_sql_name *out)
{
    struct parser *p = v->p;
    struct leat_text text = value->expr->text;
    struct leat_buffer name;
    bool ok;

    if (value->alias.text.data)
        text = value->alias.text;
    else if (!text.data)
        text = (struct leat_text){p->text + value->expr->offset, value->expr->length};
    leat_buffer_init(&name, 0);
    ok = leat_buffer_append(&name, text.data, text.length, NULL) == LEAT_OK;
    if (call->alias.text.data || v->calls.count > 1) {
        struct leat_text more = call->alias.text;
        if (!more.data)
            more = (struct leat_text){p->text + call->expr->offset, call->expr->length};
        ok = ok && leat_buffer_append_byte(&name, '_', NULL) == LEAT_OK &&
             leat_buffer_append(&name, more.data, more.length, NULL) == LEAT_OK;
    }
    *out = (struct leat_sql_name){
        .quoted = true, .offset = value->expr->offset, .length = value->expr->length};
    out->text.data = ok ? leat_arena_copy(p->arena, (const char *)name.data, name.length) : NULL;
    out->text.length = name.length;
    leat_buffer_release(&name);
    return out->text.data || fail_memory(p);
}

/* The call for the rows whose key is the value. */
static struct leat_sql_expr *filtered(struct pivot *v, const struct leat_sql_expr *call,
                                      struct leat_sql_expr *key, struct leat_sql_expr *value)
{
    struct parser *p = v->p;
    struct leat_sql_expr *args[2] = {key, value};
    struct leat_sql_expr *equal = make_expr(p, LEAT_SQL_DISTINCT, v->start, NULL, 2, args);
    struct leat_sql_expr *expr = parser_alloc(p, sizeof(*expr));
    struct leat_sql_call *copy = parser_alloc(p, sizeof(*copy));

    if (!equal || !expr || !copy)
        return NULL;
    equal->negated = true;
    *expr = *call;
    *copy = *call->call;
    args[0] = copy->filter;
    args[1] = equal;
    copy->filter = copy->filter ? make_expr(p, LEAT_SQL_AND, v->start, NULL, 2, args) : equal;
    expr->call = copy;
    return copy->filter ? expr : NULL;
}

/* FOR key IN (values) */
static bool parse_key(struct pivot *v)
{
    struct parser *p = v->p;
    struct leat_sql_name name;
    struct leat_sql_expr *key;
    const struct leat_sql_item *calls = v->calls.items, *values;

    if (!expect_keyword(p, LEAT_KEYWORD_FOR) || !parse_name(p, NAME_COLUMN, "a column", &name) ||
        !(key = make_column(p, v->start, &name)) || !add_name(p, &v->excluded, &name) ||
        !expect_keyword(p, LEAT_KEYWORD_IN) || !expect_symbol(p, "("))
        return false;
    if (is_query_start(p, 0))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "list the values: IN ('a', 'b')",
                          "PIVOT takes values, since they are the names of its columns");
    if (!parse_named(p, &v->values) || !expect_symbol(p, ")"))
        return false;
    values = v->values.items;
    for (uint32_t i = 0; i < v->values.count; i++)
        for (uint32_t c = 0; c < v->calls.count; c++) {
            struct leat_sql_name column;
            if (!name_column(v, &values[i], &calls[c], &column) ||
                !add_item(p, &v->items, filtered(v, calls[c].expr, key, values[i].expr), &column))
                return false;
        }
    return true;
}

/* The columns to group by: those named, or all that the calls and the key do not use. */
static bool add_groups(struct pivot *v)
{
    struct parser *p = v->p;
    struct list all = {0};
    const struct leat_sql_item *items;

    if (is_keyword(p, LEAT_KEYWORD_GROUP)) {
        advance(p);
        if (!expect_keyword(p, LEAT_KEYWORD_BY) || !parse_named(p, &all))
            return false;
    } else if (!add_item(p, &all, make_star(p, v->start, &v->excluded), NULL)) {
        return false;
    }
    items = v->items.items;
    for (uint32_t i = 0; i < v->items.count; i++)
        if (!add_item(p, &all, items[i].expr, &items[i].alias))
            return false;
    v->items = all;
    return true;
}

static struct leat_sql_from *parse_pivot_body(struct pivot *v)
{
    struct parser *p = v->p;
    const struct leat_sql_item *calls;
    struct leat_sql_from *out;

    if (!parse_named(p, &v->calls))
        return NULL;
    calls = v->calls.items;
    for (uint32_t c = 0; c < v->calls.count; c++) {
        const struct leat_sql_expr *call = calls[c].expr;
        if (call->kind != LEAT_SQL_CALL || call->call->over) {
            fail_at(p, LEAT_E_SYNTAX, call->offset, call->length,
                    "write PIVOT (sum(x) FOR k IN ('a', 'b'))", "PIVOT takes aggregate calls");
            return NULL;
        }
        if (!add_columns(p, &v->excluded, call))
            return NULL;
    }
    if (!parse_key(v))
        return NULL;
    if (is_keyword(p, LEAT_KEYWORD_FOR)) {
        fail_token(p, LEAT_E_SQL_UNSUPPORTED, "put both into one column before",
                   "PIVOT by two columns");
        return NULL;
    }
    if (!add_groups(v))
        return NULL;
    out = make_table(v, &v->table, 1, NULL);
    if (out)
        out->query->body->select->grouping = LEAT_SQL_GROUP_ALL;
    return out;
}

/* --- UNPIVOT --- */

static struct leat_sql_expr *make_text(struct parser *p, size_t start, struct leat_text text)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_STRING, start);

    if (expr) {
        expr->text = text;
        expr->depth = 1;
    }
    return expr;
}

/* Names that no one else gives. */
static const struct leat_sql_name value_name = {.text = {"unpivot value", 13}, .quoted = true};
static const struct leat_sql_name place_name = {.text = {"unpivot place", 13}, .quoted = true};

static struct leat_sql_expr *make_array(struct pivot *v, bool names)
{
    struct leat_sql_expr **items =
        parser_alloc(v->p, v->values.count * sizeof(struct leat_sql_expr *));
    const struct leat_sql_item *columns = v->values.items;

    if (!items)
        return NULL;
    for (uint32_t i = 0; i < v->values.count; i++) {
        const struct leat_sql_path *path = &columns[i].expr->path;
        items[i] = !names ? columns[i].expr
                   : columns[i].alias.text.data
                       ? make_text(v->p, v->start, columns[i].alias.text)
                       : make_text(v->p, v->start, path->parts[path->count - 1].text);
        if (!items[i])
            return NULL;
    }
    return make_expr(v->p, LEAT_SQL_ARRAY, v->start, NULL, v->values.count, items);
}

/* unnest(ARRAY[a, b]) WITH ORDINALITY */
static struct leat_sql_from *make_values(struct pivot *v)
{
    struct parser *p = v->p;
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from));
    struct leat_sql_name *both = parser_alloc(p, 2 * sizeof(*both));
    struct leat_sql_expr *array = make_array(v, false);

    if (!from || !both || !array)
        return NULL;
    both[0] = value_name;
    both[1] = place_name;
    from->kind = LEAT_SQL_FROM_FUNCTION;
    from->function = make_call(p, "unnest", v->start, 1, &array);
    from->ordinality = true;
    from->depth = 1;
    from->offset = offset_of(p, v->start);
    from->length = length_since(p, v->start);
    from->alias.text = leat_text_of("unpivot");
    from->columns = (struct leat_sql_names){2, both};
    if (!from->function)
        return NULL;
    from->path = from->function->call->function;
    return from;
}

/* name: (ARRAY['a', 'b'])[place]; value */
static bool add_pairs(struct pivot *v, const struct leat_sql_name names[2])
{
    struct parser *p = v->p;
    struct leat_sql_expr *place = make_column(p, v->start, &place_name);
    struct leat_sql_expr *args[2] = {make_array(v, true),
                                     place ? make_cast(p, "integer", v->start, place) : NULL};
    struct leat_sql_expr *name =
        args[0] && args[1] ? make_expr(p, LEAT_SQL_SUBSCRIPT, v->start, NULL, 2, args) : NULL;

    return add_item(p, &v->items, name, &names[0]) &&
           add_item(p, &v->items, make_column(p, v->start, &value_name), &names[1]);
}

static struct leat_sql_from *parse_unpivot_body(struct pivot *v, bool nulls)
{
    struct parser *p = v->p;
    struct leat_sql_name names[2];
    struct leat_sql_from *from[2];
    struct leat_sql_expr *value, *where;
    const struct leat_sql_item *columns;

    if (!parse_name(p, NAME_COLUMN, "a name for the values", &names[1]) ||
        !expect_keyword(p, LEAT_KEYWORD_FOR) ||
        !parse_name(p, NAME_COLUMN, "a name for the names", &names[0]) ||
        !expect_keyword(p, LEAT_KEYWORD_IN) || !expect_symbol(p, "(") ||
        !parse_named(p, &v->values) || !expect_symbol(p, ")"))
        return NULL;
    columns = v->values.items;
    for (uint32_t i = 0; i < v->values.count; i++) {
        if (columns[i].expr->kind != LEAT_SQL_COLUMN) {
            fail_at(p, LEAT_E_SYNTAX, columns[i].expr->offset, columns[i].expr->length,
                    "write UNPIVOT (value FOR name IN (a, b))", "UNPIVOT takes columns");
            return NULL;
        }
        if (!add_columns(p, &v->excluded, columns[i].expr))
            return NULL;
    }
    from[0] = v->table;
    from[1] = make_values(v);
    value = make_column(p, v->start, &value_name);
    where = value && !nulls ? make_expr(p, LEAT_SQL_IS, v->start, "null", 1, &value) : NULL;
    if (!from[1] || !value || (!nulls && !where) || !add_name(p, &v->excluded, &value_name) ||
        !add_name(p, &v->excluded, &place_name) ||
        !add_item(p, &v->items, make_star(p, v->start, &v->excluded), NULL) || !add_pairs(v, names))
        return NULL;
    if (where)
        where->negated = true;
    return make_table(v, from, 2, where);
}

struct leat_sql_from *parse_pivot(struct parser *p, struct leat_sql_from *table, size_t start)
{
    struct pivot v = {.p = p, .start = start, .table = table};
    bool turns = is_keyword(p, LEAT_KEYWORD_UNPIVOT), nulls = false;
    struct leat_sql_from *out;

    advance(p);
    if (turns && accept_word(p, "include")) {
        if (!expect_keyword(p, LEAT_KEYWORD_NULLS))
            return NULL;
        nulls = true;
    } else if (turns && accept_word(p, "exclude") && !expect_keyword(p, LEAT_KEYWORD_NULLS)) {
        return NULL;
    }
    if (!expect_symbol(p, "("))
        return NULL;
    out = turns ? parse_unpivot_body(&v, nulls) : parse_pivot_body(&v);
    return out && expect_symbol(p, ")") ? out : NULL;
}
