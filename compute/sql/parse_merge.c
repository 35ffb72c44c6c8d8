/*
 * MERGE INTO target USING source ON condition WHEN ...: told as the rows that the target has
 * afterwards. Each WHEN clause has a guard, a condition on the target's row (or, for inserts, the
 * source's): some row of the other side matches, and the clauses before it do not take that pair.
 * UPDATE's values are subqueries over the matching source rows, as in UPDATE ... FROM.
 */
#include "compute/sql/parser_internal.h"

enum action { UPDATE, DELETE, INSERT, NOTHING };
enum side { MATCHED, NOT_MATCHED, NOT_MATCHED_BY_SOURCE };
struct clause {
    enum side side;
    enum action action;
    struct leat_sql_expr *condition; /* AND ...; NULL: none */
    struct leat_sql_expr *pair;      /* of this clause and not of those before; on both rows */
    struct leat_sql_expr *guard;     /* on the one row */
    struct list names, values;       /* UPDATE, INSERT */
    bool positional;                 /* INSERT without a list of columns */
    size_t start;
};
struct merge {
    struct parser *p;
    struct leat_sql_change *out;
    struct leat_sql_from *target, *source;
    struct leat_sql_expr *on;
    struct list clauses;
    size_t start;
};

/* --- the text --- */

static bool parse_insert(struct parser *p, struct clause *clause)
{
    struct leat_sql_names names;
    struct leat_sql_exprs values;

    clause->positional = !is_symbol(p, "(");
    if (!clause->positional) {
        if (!parse_name_list(p, "a column", &names))
            return false;
        clause->names = (struct list){names.items, names.count, names.count};
    }
    if (!accept_word(p, "values"))
        return want(p, "VALUES"), fail_here(p);
    if (!expect_symbol(p, "(") || !parse_expr_list(p, &values) || !expect_symbol(p, ")"))
        return false;
    clause->values = (struct list){values.items, values.count, values.count};
    if (!clause->positional && values.count != names.count)
        return fail_at(p, LEAT_E_COLUMN_COUNT, offset_of(p, clause->start),
                       length_since(p, clause->start), NULL,
                       "INSERT names %u columns and gives %u values", names.count, values.count);
    return true;
}

static bool parse_action(struct parser *p, struct clause *clause)
{
    bool source = clause->side == NOT_MATCHED;

    if (accept_word(p, "do")) {
        clause->action = NOTHING;
        return accept_word(p, "nothing") ? true : fail_here(p);
    }
    if (source && accept_keyword(p, LEAT_KEYWORD_INSERT)) {
        clause->action = INSERT;
        return parse_insert(p, clause);
    }
    if (!source && accept_keyword(p, LEAT_KEYWORD_DELETE)) {
        clause->action = DELETE;
        return true;
    }
    if (!source && accept_keyword(p, LEAT_KEYWORD_UPDATE)) {
        clause->action = UPDATE;
        if (!expect_keyword(p, LEAT_KEYWORD_SET))
            return false;
        do {
            if (!parse_assignment(p, &clause->names, &clause->values))
                return false;
        } while (accept_symbol(p, ","));
        return true;
    }
    return fail_here(p); /* what was looked for */
}

/* WHEN [NOT] MATCHED [BY SOURCE | BY TARGET] [AND condition] THEN action */
static bool parse_clause(struct merge *m)
{
    struct parser *p = m->p;
    struct clause *clause = list_add(p, &m->clauses, sizeof(*clause));

    if (!clause)
        return false;
    clause->start = p->position - 1;
    if (accept_keyword(p, LEAT_KEYWORD_NOT))
        clause->side = NOT_MATCHED;
    if (!expect_keyword(p, LEAT_KEYWORD_MATCHED))
        return false;
    if (clause->side == NOT_MATCHED && accept_keyword(p, LEAT_KEYWORD_BY)) {
        if (accept_word(p, "source"))
            clause->side = NOT_MATCHED_BY_SOURCE;
        else if (!accept_word(p, "target"))
            return want(p, "SOURCE or TARGET"), fail_here(p);
    }
    if (accept_keyword(p, LEAT_KEYWORD_AND) && !(clause->condition = parse_expr(p)))
        return false;
    return expect_keyword(p, LEAT_KEYWORD_THEN) && parse_action(p, clause);
}

/* --- guards --- */

static struct leat_sql_expr *both(struct merge *m, struct leat_sql_expr *a, struct leat_sql_expr *b)
{
    struct leat_sql_expr *args[2] = {a, b};

    if (!a || !b)
        return a ? a : b;
    return make_expr(m->p, LEAT_SQL_AND, m->start, NULL, 2, args);
}

static struct leat_sql_expr *exists(struct merge *m, struct leat_sql_from *in,
                                    struct leat_sql_expr *where)
{
    struct leat_sql_expr *one = make_true(m->p, m->start);

    return make_query_expr(m->p, LEAT_SQL_EXISTS, m->start,
                           make_select(m->p, m->start, false, &one, 1, &in, 1, where));
}

/* The first clause of a side whose condition is true takes a pair. */
static bool make_guards(struct merge *m)
{
    struct clause *clauses = m->clauses.items;

    for (uint32_t i = 0; i < m->clauses.count; i++) {
        struct clause *clause = &clauses[i];
        struct leat_sql_expr *rest = clause->condition;
        for (uint32_t k = 0; k < i; k++) {
            if (clauses[k].side != clause->side)
                continue;
            if (!clauses[k].condition)
                return fail_at(m->p, LEAT_E_SYNTAX, offset_of(m->p, clause->start),
                               m->p->tokens.items[clause->start].length, NULL,
                               "this WHEN is never reached: the one before has no condition");
            if (!(rest = both(m, rest, make_not_true(m->p, m->start, clauses[k].condition))))
                return false;
        }
        if (clause->side == MATCHED) {
            clause->pair = both(m, m->on, rest);
            clause->guard = exists(m, m->source, clause->pair);
        } else {
            struct leat_sql_from *other = clause->side == NOT_MATCHED ? m->target : m->source;
            struct leat_sql_expr *none = exists(m, other, m->on);
            none = none ? make_expr(m->p, LEAT_SQL_NOT, m->start, NULL, 1, &none) : NULL;
            clause->guard = none ? both(m, none, rest) : NULL;
        }
        if (!clause->guard || m->p->failed)
            return false;
    }
    return true;
}

/* a OR b of the guards of clauses that change rows in that way; NULL: there is none. */
static struct leat_sql_expr *any_guard(struct merge *m, bool inserts, bool deletes_only,
                                       bool pairs_only)
{
    struct clause *clauses = m->clauses.items;
    struct list list = {0};

    for (uint32_t i = 0; i < m->clauses.count; i++) {
        struct leat_sql_expr **slot;
        if (clauses[i].action == NOTHING || (clauses[i].action == INSERT) != inserts ||
            (deletes_only && clauses[i].action != DELETE) ||
            (pairs_only && clauses[i].side != MATCHED))
            continue;
        if (!(slot = list_add(m->p, &list, sizeof(struct leat_sql_expr *))))
            return NULL;
        *slot = pairs_only ? clauses[i].pair : clauses[i].guard;
    }
    if (list.count < 2)
        return list.count ? *(struct leat_sql_expr **)list.items : NULL;
    return make_expr(m->p, LEAT_SQL_OR, m->start, NULL, list.count, list.items);
}

/* --- the target's rows afterwards --- */

/* CASE WHEN guard THEN value ... ELSE column END over the clauses that set the column. */
static struct leat_sql_expr *new_value(struct merge *m, const struct leat_sql_name *name)
{
    struct clause *clauses = m->clauses.items;
    struct list args = {0};
    struct leat_sql_expr **slot, *expr;
    uint32_t pairs = 0;

    for (uint32_t i = 0; i < m->clauses.count; i++)
        for (uint32_t n = 0; clauses[i].action == UPDATE && n < clauses[i].names.count; n++) {
            struct leat_sql_expr *value = ((struct leat_sql_expr **)clauses[i].values.items)[n];
            if (!leat_text_equal(((struct leat_sql_name *)clauses[i].names.items)[n].text,
                                 name->text))
                continue;
            if (clauses[i].side == MATCHED)
                value = make_query_expr(
                    m->p, LEAT_SQL_SUBQUERY, m->start,
                    make_select(m->p, m->start, true, &value, 1, &m->source, 1, clauses[i].pair));
            if (!value || !(slot = list_add(m->p, &args, sizeof(struct leat_sql_expr *))))
                return NULL;
            *slot = clauses[i].guard;
            if (!(slot = list_add(m->p, &args, sizeof(struct leat_sql_expr *))))
                return NULL;
            *slot = value;
            pairs++;
        }
    slot = list_add(m->p, &args, sizeof(struct leat_sql_expr *));
    if (!slot || !(*slot = make_column(m->p, m->start, name)))
        return NULL;
    expr = make_expr(m->p, LEAT_SQL_CASE, m->start, NULL, args.count, args.items);
    if (expr)
        expr->number = pairs;
    return expr;
}

/* SELECT * REPLACE (...) FROM target WHERE NOT deleted */
static struct leat_sql_query *kept_rows(struct merge *m)
{
    struct clause *clauses = m->clauses.items;
    struct leat_sql_star *star = parser_alloc(m->p, sizeof(*star));
    struct leat_sql_expr *expr = new_expr(m->p, LEAT_SQL_STAR, m->start), *deleted;
    struct list replaced = {0};

    if (!star || !expr)
        return NULL;
    for (uint32_t i = 0; i < m->clauses.count; i++)
        for (uint32_t n = 0; clauses[i].action == UPDATE && n < clauses[i].names.count; n++) {
            const struct leat_sql_name *name = &((struct leat_sql_name *)clauses[i].names.items)[n];
            struct leat_sql_property *property;
            bool there = false;
            for (uint32_t k = 0; k < replaced.count; k++)
                there |= leat_text_equal(((struct leat_sql_property *)replaced.items)[k].name.text,
                                         name->text);
            if (there)
                continue;
            if (!(property = list_add(m->p, &replaced, sizeof(*property))))
                return NULL;
            property->name = *name;
            if (!(property->value = new_value(m, name)))
                return NULL;
        }
    star->replace = replaced.items;
    star->replace_count = replaced.count;
    expr->star = replaced.count ? star : NULL;
    expr->depth = 1;
    deleted = any_guard(m, false, true, false);
    if (deleted && !(deleted = make_not_true(m->p, m->start, deleted)))
        return NULL;
    return make_select(m->p, m->start, false, &expr, 1, &m->target, 1, deleted);
}

/* SELECT values AS columns FROM source WHERE guard */
static struct leat_sql_query *inserted_rows(struct merge *m, const struct clause *clause)
{
    struct leat_sql_query *query = make_select(m->p, m->start, false, clause->values.items,
                                               clause->values.count, &m->source, 1, clause->guard);

    for (uint32_t i = 0; query && !clause->positional && i < clause->names.count; i++)
        query->body->select->items[i].alias = ((struct leat_sql_name *)clause->names.items)[i];
    return query;
}

static bool add_inserts(struct merge *m)
{
    struct clause *clauses = m->clauses.items;
    struct list added = {0};

    for (uint32_t i = 0; i < m->clauses.count; i++) {
        struct leat_sql_added *item;
        if (clauses[i].action != INSERT)
            continue;
        if (!(item = list_add(m->p, &added, sizeof(*item))))
            return false;
        item->by_name = !clauses[i].positional;
        if (!(item->query = inserted_rows(m, &clauses[i])))
            return false;
    }
    m->out->added = added.items;
    m->out->added_count = added.count;
    return true;
}

/* --- counts and checks --- */

static struct leat_sql_expr *count_of(struct merge *m, struct leat_sql_from *from,
                                      struct leat_sql_expr *where)
{
    struct leat_sql_expr *count = make_call(m->p, "count", m->start, 0, NULL);

    if (!count)
        return NULL;
    count->call->star = true;
    return make_query_expr(m->p, LEAT_SQL_SUBQUERY, m->start,
                           make_select(m->p, m->start, false, &count, 1, &from, 1, where));
}

/* SELECT (changed rows of the target) + (inserted rows of the source) */
static struct leat_sql_query *changed_rows(struct merge *m)
{
    struct leat_sql_expr *kept = any_guard(m, false, false, false);
    struct leat_sql_expr *added = any_guard(m, true, false, false);
    struct leat_sql_expr *args[2] = {kept ? count_of(m, m->target, kept) : NULL,
                                     added ? count_of(m, m->source, added) : NULL};
    struct leat_sql_expr *sum = args[0] ? args[0] : args[1];

    if ((kept && !args[0]) || (added && !args[1]))
        return NULL;
    if (args[0] && args[1])
        sum = make_expr(m->p, LEAT_SQL_OPERATOR, m->start, "+", 2, args);
    if (!sum) { /* DO NOTHING only */
        sum = new_expr(m->p, LEAT_SQL_INTEGER, m->start);
        if (!sum)
            return NULL;
        sum->text = leat_text_of("0");
        sum->depth = 1;
    }
    return make_select(m->p, m->start, false, &sum, 1, NULL, 0, NULL);
}

/* Rows of the target that several pairs would change. */
static bool find_twice(struct merge *m)
{
    struct leat_sql_expr *pairs = any_guard(m, false, false, true), *args[2];
    struct leat_sql_expr *one = new_expr(m->p, LEAT_SQL_INTEGER, m->start), *many, *count;

    if (!pairs)
        return !m->p->failed;
    if (!one)
        return false;
    one->text = leat_text_of("1");
    one->depth = 1;
    args[0] = count_of(m, m->source, pairs);
    args[1] = one;
    many = args[0] ? make_expr(m->p, LEAT_SQL_OPERATOR, m->start, ">", 2, args) : NULL;
    count = make_call(m->p, "count", m->start, 0, NULL);
    if (!many || !count)
        return false;
    count->call->star = true;
    m->out->twice = make_select(m->p, m->start, false, &count, 1, &m->target, 1, many);
    return m->out->twice != NULL;
}

/* Both tables side by side, with all that speaks of both. */
static bool make_check(struct merge *m)
{
    struct clause *clauses = m->clauses.items;
    struct leat_sql_from *tables[2] = {m->target, m->source};
    struct list exprs = {0};
    struct leat_sql_expr **slot = list_add(m->p, &exprs, sizeof(struct leat_sql_expr *));

    if (!slot)
        return false;
    *slot = m->on;
    for (uint32_t i = 0; i < m->clauses.count; i++) {
        if (clauses[i].side != MATCHED)
            continue;
        if (clauses[i].condition) {
            if (!(slot = list_add(m->p, &exprs, sizeof(struct leat_sql_expr *))))
                return false;
            *slot = clauses[i].condition;
        }
        for (uint32_t n = 0; clauses[i].action == UPDATE && n < clauses[i].values.count; n++) {
            if (!(slot = list_add(m->p, &exprs, sizeof(struct leat_sql_expr *))))
                return false;
            *slot = ((struct leat_sql_expr **)clauses[i].values.items)[n];
        }
    }
    m->out->check = make_select(m->p, m->start, false, exprs.items, exprs.count, tables, 2, m->on);
    return m->out->check != NULL;
}

bool parse_merge(struct parser *p, struct leat_sql_change *out)
{
    struct merge m = {.p = p, .out = out, .start = p->position};

    out->tag = "MERGE";
    advance(p);
    if (!accept_keyword(p, LEAT_KEYWORD_INTO))
        return want(p, "INTO"), fail_here(p);
    if (!(m.target = parse_change_target(p, false)) || !expect_keyword(p, LEAT_KEYWORD_USING) ||
        !(m.source = parse_from_item(p)) || !expect_keyword(p, LEAT_KEYWORD_ON) ||
        !(m.on = parse_expr(p)))
        return false;
    out->target = m.target->path;
    if (!is_keyword(p, LEAT_KEYWORD_WHEN))
        return want(p, "WHEN"), fail_here(p);
    while (accept_keyword(p, LEAT_KEYWORD_WHEN))
        if (!parse_clause(&m))
            return false;
    if (is_keyword(p, LEAT_KEYWORD_RETURNING))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "RETURNING is not supported");
    return make_check(&m) && make_guards(&m) && (out->changed = changed_rows(&m)) &&
           find_twice(&m) && (out->rows = kept_rows(&m)) && add_inserts(&m);
}
