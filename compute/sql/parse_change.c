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
};

/* t, t alias, t AS alias */
static bool parse_target(struct change *c)
{
    struct parser *p = c->p;
    size_t start = p->position;
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from));

    if (!from || !parse_path(p, "a table", &from->path))
        return false;
    from->kind = LEAT_SQL_FROM_TABLE;
    from->spark = p->spark;
    from->depth = 1;
    if ((accept_keyword(p, LEAT_KEYWORD_AS) ||
         (is_name(p, NAME_TABLE_ALIAS) && !is_keyword(p, LEAT_KEYWORD_SET) &&
          !is_keyword(p, LEAT_KEYWORD_USING) && !is_keyword(p, LEAT_KEYWORD_WHERE) &&
          !(c->truncates && (is_word(p, "restart") || is_word(p, "continue") ||
                             is_word(p, "cascade") || is_word(p, "restrict"))))) &&
        (!parse_name(p, NAME_TABLE_ALIAS, "an alias", &from->alias) || !fold_name(p, &from->alias)))
        return false;
    from->offset = offset_of(p, start);
    from->length = length_since(p, start);
    c->table = from;
    c->out->target = from->path;
    return true;
}

static bool parse_where(struct change *c)
{
    struct parser *p = c->p;

    if (is_keyword(p, LEAT_KEYWORD_USING) || is_keyword(p, LEAT_KEYWORD_FROM))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED,
                          "write WHERE EXISTS (SELECT ...), or SET x = (SELECT ...)",
                          "further tables are not supported here");
    if (accept_keyword(p, LEAT_KEYWORD_WHERE) && !(c->where = parse_expr(p)))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_RETURNING))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "RETURNING is not supported");
    return true;
}

/* SELECT item FROM the table WHERE where */
static struct leat_sql_query *new_query(struct change *c, struct leat_sql_expr *item,
                                        struct leat_sql_expr *where)
{
    struct parser *p = c->p;
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));
    struct leat_sql_body *body = parser_alloc(p, sizeof(*body));
    struct leat_sql_select *select = parser_alloc(p, sizeof(*select));
    struct leat_sql_item *items = parser_alloc(p, sizeof(*items));
    struct leat_sql_from **from = parser_alloc(p, sizeof(struct leat_sql_from *));

    if (!query || !body || !select || !items || !from || !item)
        return NULL;
    items[0].expr = item;
    from[0] = c->table;
    select->item_count = 1;
    select->items = items;
    select->from_count = 1;
    select->from = from;
    select->where = where;
    body->kind = LEAT_SQL_SELECT;
    body->select = select;
    body->spark = p->spark;
    query->body = body;
    query->dialect = p->spark ? LEAT_SQL_SPARK : LEAT_SQL_POSTGRES;
    query->offset = body->offset = offset_of(p, c->start);
    query->length = body->length = length_since(p, c->start);
    body->depth =
        (uint16_t)((where && where->depth > item->depth ? where->depth : item->depth) + 1);
    return query;
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

/* The condition is not true: false or unknown. */
static struct leat_sql_expr *not_true(struct change *c)
{
    struct leat_sql_expr *expr;

    if (!c->where) {
        expr = new_expr(c->p, LEAT_SQL_BOOLEAN, c->start);
        if (expr)
            expr->depth = 1;
        return expr; /* false */
    }
    expr = make_expr(c->p, LEAT_SQL_IS, c->start, "true", 1, &c->where);
    if (expr)
        expr->negated = true;
    return expr;
}

static bool finish_delete(struct change *c)
{
    struct leat_sql_expr *rest = not_true(c);

    if (!rest || !count_changed(c))
        return false;
    c->out->rows = new_query(c, new_star(c, NULL), rest);
    return c->out->rows != NULL;
}

/* CASE WHEN where THEN value ELSE the column END: a literal takes the column's type. */
static struct leat_sql_expr *changed_value(struct change *c, const struct leat_sql_name *name,
                                           struct leat_sql_expr *value)
{
    struct leat_sql_expr *old = new_expr(c->p, LEAT_SQL_COLUMN, c->start), *expr;
    struct leat_sql_name *part = parser_alloc(c->p, sizeof(*part));
    struct leat_sql_expr *all = new_expr(c->p, LEAT_SQL_BOOLEAN, c->start);
    struct leat_sql_expr *args[3] = {c->where ? c->where : all, value, old};

    if (!old || !part || !all)
        return NULL;
    all->flag = true;
    all->depth = 1;
    *part = *name;
    old->path = (struct leat_sql_path){1, part, name->offset, name->length};
    old->offset = name->offset;
    old->length = name->length;
    old->depth = 1;
    expr = make_expr(c->p, LEAT_SQL_CASE, c->start, NULL, 3, args);
    if (expr)
        expr->number = 1;
    return expr;
}

/* column = value */
static bool parse_assignment(struct change *c, struct list *names, struct list *values)
{
    struct parser *p = c->p;
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
    if (is_keyword(p, LEAT_KEYWORD_DEFAULT))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, "write the value",
                          "SET column = DEFAULT is not supported");
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
        if (!parse_assignment(c, &names, &values))
            return false;
    } while (accept_symbol(p, ","));
    if (!parse_where(c) || !count_changed(c))
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
    if (!parse_target(&c) || (!truncates && !parse_where(&c)) || !finish_delete(&c))
        return false;
    return !truncates || parse_further(p, out);
}
