/*
 * DELETE, UPDATE and TRUNCATE: each is told as two queries, the rows that the table has afterwards
 * and how many rows are changed. The expressions of the statement stand in them as written, so that
 * errors point into its text.
 */
#include "compute/sql/parser_internal.h"

#include <string.h>

struct change {
    struct parser *p;
    struct leat_sql_change *out;
    struct leat_sql_from *table;
    struct leat_sql_expr *where; /* or NULL: all rows */
    size_t start;
    bool truncates;
    struct list sources; /* of FROM or USING */
};

/* --- trees --- */
struct leat_sql_query *make_select(struct parser *p, size_t start, bool distinct,
                                   struct leat_sql_expr *const *exprs, uint32_t count,
                                   struct leat_sql_from *const *from, uint32_t from_count,
                                   struct leat_sql_expr *where)
{
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));
    struct leat_sql_body *body = parser_alloc(p, sizeof(*body));
    struct leat_sql_select *select = parser_alloc(p, sizeof(*select));
    struct leat_sql_item *items = parser_alloc(p, count * sizeof(*items));
    struct leat_sql_from **tables = parser_alloc(p, from_count * sizeof(struct leat_sql_from *));
    uint16_t depth = where ? where->depth : 0;

    if (!query || !body || !select || !items || !tables)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!exprs[i])
            return NULL;
        items[i].expr = exprs[i];
        if (exprs[i]->depth > depth)
            depth = exprs[i]->depth;
    }
    if (from_count > 0)
        memcpy(tables, from, from_count * sizeof(struct leat_sql_from *));
    *select = (struct leat_sql_select){.distinct = distinct,
                                       .item_count = count,
                                       .items = items,
                                       .from_count = from_count,
                                       .from = tables,
                                       .where = where};
    *body = (struct leat_sql_body){.kind = LEAT_SQL_SELECT,
                                   .select = select,
                                   .spark = p->spark,
                                   .depth = (uint16_t)(depth + 1)};
    query->body = body;
    query->dialect = p->spark ? LEAT_SQL_SPARK : LEAT_SQL_POSTGRES;
    query->offset = body->offset = offset_of(p, start);
    query->length = body->length = length_since(p, start);
    return query;
}

struct leat_sql_expr *make_query_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start,
                                      struct leat_sql_query *query)
{
    struct leat_sql_expr *expr = query ? new_expr(p, kind, start) : NULL;

    if (!expr)
        return NULL;
    expr->query = query;
    expr->length = length_since(p, start);
    expr->depth = (uint16_t)(query->body->depth + 1);
    if (expr->depth >= LEAT_SQL_MAX_DEPTH) {
        fail_at(p, LEAT_E_TOO_DEEP, expr->offset, expr->length, NULL,
                "the condition is nested too deeply");
        return NULL;
    }
    return expr;
}

struct leat_sql_expr *make_true(struct parser *p, size_t start)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_BOOLEAN, start);

    if (expr) {
        expr->flag = true;
        expr->depth = 1;
    }
    return expr;
}

struct leat_sql_from *parse_change_target(struct parser *p, bool truncates)
{
    size_t start = p->position;
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from));

    if (!from || !parse_path(p, "a table", &from->path))
        return NULL;
    from->kind = LEAT_SQL_FROM_TABLE;
    from->spark = p->spark;
    from->depth = 1;
    if ((accept_keyword(p, LEAT_KEYWORD_AS) ||
         (is_name(p, NAME_TABLE_ALIAS) && !is_keyword(p, LEAT_KEYWORD_SET) &&
          !is_keyword(p, LEAT_KEYWORD_USING) && !is_keyword(p, LEAT_KEYWORD_WHERE) &&
          !(truncates && (is_word(p, "restart") || is_word(p, "continue") ||
                          is_word(p, "cascade") || is_word(p, "restrict"))))) &&
        (!parse_name(p, NAME_TABLE_ALIAS, "an alias", &from->alias) || !fold_name(p, &from->alias)))
        return NULL;
    from->offset = offset_of(p, start);
    from->length = length_since(p, start);
    return from;
}

static bool parse_target(struct change *c)
{
    c->table = parse_change_target(c->p, c->truncates);
    if (c->table)
        c->out->target = c->table->path;
    return c->table != NULL;
}

/* Further tables: FROM of UPDATE, USING of DELETE. */
static bool parse_sources(struct change *c, enum leat_keyword keyword)
{
    struct parser *p = c->p;

    if (!accept_keyword(p, keyword))
        return true;
    do {
        struct leat_sql_from *item = parse_from_item(p), **slot;
        slot = item ? list_add(p, &c->sources, sizeof(struct leat_sql_from *)) : NULL;
        if (!slot)
            return false;
        *slot = item;
    } while (accept_symbol(p, ","));
    return true;
}

static bool parse_where(struct change *c, enum leat_keyword sources)
{
    struct parser *p = c->p;

    if (!parse_sources(c, sources))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_WHERE) && !(c->where = parse_expr(p)))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_RETURNING))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "RETURNING is not supported");
    return true;
}

/* With further tables a row is changed if some of their rows meet the condition. A value is the one
 * that those rows give: if they give several, the statement fails, where PostgreSQL would take any.
 * The whole is bound as one join beforehand (`check`), so that a name that means two things there
 * is told, and none changes its meaning inside of the subqueries. */
static bool use_sources(struct change *c, struct leat_sql_expr **values, uint32_t count)
{
    struct parser *p = c->p;
    struct leat_sql_from **sources = c->sources.items, **all;
    struct leat_sql_expr *one = make_true(p, c->start), *where = c->where;

    if (!c->sources.count)
        return true;
    all = parser_alloc(p, (c->sources.count + 1u) * sizeof(struct leat_sql_from *));
    if (!all || !one)
        return false;
    all[0] = c->table;
    memcpy(all + 1, sources, c->sources.count * sizeof(struct leat_sql_from *));
    c->out->check = make_select(p, c->start, false, count ? values : &one, count ? count : 1, all,
                                c->sources.count + 1, where);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = make_query_expr(
            p, LEAT_SQL_SUBQUERY, c->start,
            make_select(p, c->start, true, &values[i], 1, sources, c->sources.count, where));
        if (!values[i])
            return false;
    }
    c->where =
        make_query_expr(p, LEAT_SQL_EXISTS, c->start,
                        make_select(p, c->start, false, &one, 1, sources, c->sources.count, where));
    return c->out->check && c->where;
}

/* SELECT item FROM the table WHERE where */
static struct leat_sql_query *new_query(struct change *c, struct leat_sql_expr *item,
                                        struct leat_sql_expr *where)
{
    return make_select(c->p, c->start, false, &item, 1, &c->table, 1, where);
}

static struct leat_sql_expr *new_star(struct change *c, struct leat_sql_star *star)
{
    struct leat_sql_expr *expr = new_expr(c->p, LEAT_SQL_STAR, c->start);

    if (expr) {
        expr->star = star;
        expr->depth = 1;
    }
    return expr;
}

/* The number of rows that the condition holds for. */
static bool count_changed(struct change *c)
{
    struct leat_sql_expr *count = make_call(c->p, "count", c->start, 0, NULL);

    if (!count)
        return false;
    count->call->star = true;
    c->out->changed = new_query(c, count, c->where);
    return c->out->changed != NULL;
}

struct leat_sql_expr *make_not_true(struct parser *p, size_t start, struct leat_sql_expr *expr)
{
    struct leat_sql_expr *is = make_expr(p, LEAT_SQL_IS, start, "true", 1, &expr);

    if (is)
        is->negated = true;
    return is;
}

struct leat_sql_expr *make_column(struct parser *p, size_t start, const struct leat_sql_name *name)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_COLUMN, start);
    struct leat_sql_name *part = parser_alloc(p, sizeof(*part));

    if (!expr || !part)
        return NULL;
    *part = *name;
    expr->path = (struct leat_sql_path){1, part, name->offset, name->length};
    expr->offset = name->offset;
    expr->length = name->length;
    expr->depth = 1;
    return expr;
}

static bool finish_delete(struct change *c)
{
    struct leat_sql_expr *all = make_true(c->p, c->start);
    struct leat_sql_expr *rest =
        c->where || all ? make_not_true(c->p, c->start, c->where ? c->where : all) : NULL;

    if (!rest || !count_changed(c))
        return false;
    c->out->rows = new_query(c, new_star(c, NULL), rest);
    return c->out->rows != NULL;
}

/* CASE WHEN where THEN value ELSE the column END: a literal takes the column's type. */
static struct leat_sql_expr *changed_value(struct change *c, const struct leat_sql_name *name,
                                           struct leat_sql_expr *value)
{
    struct leat_sql_expr *old = make_column(c->p, c->start, name), *expr;
    struct leat_sql_expr *all = make_true(c->p, c->start);
    struct leat_sql_expr *args[3] = {c->where ? c->where : all, value, old};

    if (!old || !all)
        return NULL;
    expr = make_expr(c->p, LEAT_SQL_CASE, c->start, NULL, 3, args);
    if (expr)
        expr->number = 1;
    return expr;
}

/* column = value */
bool parse_assignment(struct parser *p, struct list *names, struct list *values)
{
    struct leat_sql_name *name = list_add(p, names, sizeof(*name));
    struct leat_sql_expr **value = list_add(p, values, sizeof(*value));

    if (!name || !value)
        return false;
    if (is_symbol(p, "("))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "write a = 1, b = 2",
                          "lists of columns in SET are not supported");
    if (!parse_name(p, NAME_COLUMN, "a column", name))
        return false;
    for (uint32_t i = 0; i + 1 < names->count; i++)
        if (leat_text_equal(((struct leat_sql_name *)names->items)[i].text, name->text))
            return fail_at(p, LEAT_E_SYNTAX, name->offset, name->length, NULL,
                           "multiple assignments to same column \"%s\"", name->text.data);
    if (!is_operator(p, "="))
        return want(p, "="), fail_here(p);
    advance(p);
    if (accept_keyword(p, LEAT_KEYWORD_DEFAULT)) { /* no column has another default */
        *value = new_expr(p, LEAT_SQL_NULL, p->position - 1);
        return *value && close_expr(p, *value, p->position - 1);
    }
    *value = parse_expr(p);
    return *value != NULL;
}

static bool parse_update(struct change *c)
{
    struct parser *p = c->p;
    struct list names = {0}, values = {0};
    struct leat_sql_star *star = parser_alloc(p, sizeof(*star));

    if (!star || !parse_target(c) || !expect_keyword(p, LEAT_KEYWORD_SET))
        return false;
    do {
        if (!parse_assignment(p, &names, &values))
            return false;
    } while (accept_symbol(p, ","));
    if (!parse_where(c, LEAT_KEYWORD_FROM) || !use_sources(c, values.items, values.count) ||
        !count_changed(c))
        return false;
    star->replace_count = names.count;
    star->replace = parser_alloc(p, names.count * sizeof(*star->replace));
    for (uint32_t i = 0; star->replace && i < names.count; i++) {
        star->replace[i].name = ((struct leat_sql_name *)names.items)[i];
        star->replace[i].value =
            changed_value(c, &star->replace[i].name, ((struct leat_sql_expr **)values.items)[i]);
        if (!star->replace[i].value)
            return false;
    }
    c->out->rows = star->replace ? new_query(c, new_star(c, star), NULL) : NULL;
    return c->out->rows != NULL;
}

/* TRUNCATE's other tables and its last words, which mean nothing here. */
static bool parse_further(struct parser *p, struct leat_sql_change *out)
{
    while (accept_symbol(p, ",")) {
        struct leat_sql_change *next = parser_alloc(p, sizeof(*next));
        struct change c = {.p = p, .out = next, .start = p->position, .truncates = true};
        if (!next)
            return false;
        next->tag = out->tag;
        if (!parse_target(&c) || !finish_delete(&c))
            return false;
        out->next = next;
        out = next;
    }
    if (is_word(p, "restart") || is_word(p, "continue")) {
        advance(p);
        if (!accept_word(p, "identity"))
            return fail_here(p);
    }
    if (!accept_word(p, "cascade"))
        accept_word(p, "restrict");
    return true;
}

bool parse_change(struct parser *p, struct leat_sql_change *out)
{
    struct change c = {.p = p, .out = out, .start = p->position};
    bool truncates = is_keyword(p, LEAT_KEYWORD_TRUNCATE);

    c.truncates = truncates;

    out->tag = truncates                            ? "TRUNCATE TABLE"
               : is_keyword(p, LEAT_KEYWORD_UPDATE) ? "UPDATE"
                                                    : "DELETE";
    if (accept_keyword(p, LEAT_KEYWORD_UPDATE))
        return parse_update(&c);
    advance(p);
    if (truncates)
        accept_keyword(p, LEAT_KEYWORD_TABLE);
    else if (!expect_keyword(p, LEAT_KEYWORD_FROM))
        return false;
    if (!parse_target(&c) || (!truncates && !parse_where(&c, LEAT_KEYWORD_USING)) ||
        !use_sources(&c, NULL, 0) || !finish_delete(&c))
        return false;
    return !truncates || parse_further(p, out);
}
