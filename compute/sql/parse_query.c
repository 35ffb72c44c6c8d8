/*
 * Queries: WITH, SELECT, VALUES, TABLE, set operations, ORDER BY, LIMIT, and FROM first.
 */
#include "compute/sql/parser_internal.h"

static struct leat_sql_body *parse_set(struct parser *p, int level);

bool is_query_start(const struct parser *p, size_t ahead)
{
    if (is_keyword_at(p, ahead, LEAT_KEYWORD_SELECT) ||
        is_keyword_at(p, ahead, LEAT_KEYWORD_WITH) || is_keyword_at(p, ahead, LEAT_KEYWORD_TABLE) ||
        is_keyword_at(p, ahead, LEAT_KEYWORD_FROM))
        return true;
    return is_keyword_at(p, ahead, LEAT_KEYWORD_VALUES) &&
           (is_symbol_at(p, ahead + 1, "(") || p->spark);
}

static struct leat_sql_body *new_body(struct parser *p, enum leat_sql_body_kind kind, size_t start)
{
    struct leat_sql_body *body = parser_alloc(p, sizeof(*body));
    if (body) {
        body->kind = kind;
        body->spark = p->spark;
        body->offset = offset_of(p, start);
        body->depth = 1;
    }
    return body;
}

/* --- select list --- */
bool starts_test_part(const struct parser *p)
{
    const struct leat_token *next = peek_at(p, 1);

    if (next->kind == LEAT_TOKEN_NAME)
        return true;
    return next->kind == LEAT_TOKEN_WORD &&
           leat_keyword_class_of((enum leat_keyword)next->keyword) <= LEAT_KEYWORD_CLASS_COLUMN;
}

/* Words that end the item without AS, though they could be names. */
static bool ends_item(const struct parser *p)
{
    if ((is_keyword(p, LEAT_KEYWORD_GIVEN) || is_keyword(p, LEAT_KEYWORD_EXPECT)) &&
        starts_test_part(p))
        return true;
    if (p->spark && (is_word(p, "minus") || starts_distribution(p)))
        return true;
    return is_keyword(p, LEAT_KEYWORD_QUALIFY) ||
           (is_keyword(p, LEAT_KEYWORD_LATERAL) && is_keyword_at(p, 1, LEAT_KEYWORD_VIEW));
}

static bool parse_item(struct parser *p, struct leat_sql_item *item)
{
    if (!(item->expr = parse_expr(p)))
        return false;
    if (p->spark && spark_take_generator(p, item))
        return !p->failed;
    if (accept_keyword(p, LEAT_KEYWORD_AS))
        return parse_name(p, NAME_LABEL, "a name", &item->alias);
    if (item->expr->kind != LEAT_SQL_STAR && is_name(p, NAME_COLUMN) && !ends_item(p)) {
        p->suspect = p->position + 1;
        return parse_name(p, NAME_COLUMN, "a name", &item->alias);
    }
    return true;
}

static bool ends_select_list(const struct parser *p)
{
    static const uint16_t clauses[] = {LEAT_KEYWORD_FROM,   LEAT_KEYWORD_WHERE, LEAT_KEYWORD_GROUP,
                                       LEAT_KEYWORD_HAVING, LEAT_KEYWORD_ORDER, LEAT_KEYWORD_LIMIT,
                                       LEAT_KEYWORD_UNION};
    for (size_t i = 0; i < sizeof(clauses) / sizeof(clauses[0]); i++)
        if (is_keyword(p, (enum leat_keyword)clauses[i]))
            return true;
    return peek(p)->kind == LEAT_TOKEN_END || is_symbol(p, ")") || is_symbol(p, ";") ||
           (p->spark && is_operator(p, "|>"));
}

static bool parse_items(struct parser *p, struct leat_sql_select *select)
{
    struct list items = {0};

    do {
        struct leat_sql_item *item;
        if (items.count && ends_select_list(p))
            break; /* a comma behind the last item */
        item = list_add(p, &items, sizeof(*item));
        if (!item || !parse_item(p, item))
            return false;
    } while (accept_symbol(p, ","));
    select->items = items.items;
    select->item_count = items.count;
    return true;
}

/* --- clauses --- */
static bool parse_from_clause(struct parser *p, struct leat_sql_select *select)
{
    struct list items = {0};

    do {
        struct leat_sql_from *item = parse_from_item(p), **slot;
        slot = item ? list_add(p, &items, sizeof(struct leat_sql_from *)) : NULL;
        if (!slot)
            return false;
        *slot = item;
    } while (accept_symbol(p, ","));
    select->from = items.items;
    select->from_count = items.count;
    return true;
}

static bool parse_windows(struct parser *p, struct leat_sql_select *select)
{
    struct list list = {0};

    do {
        struct leat_sql_window *window = list_add(p, &list, sizeof(*window)), definition = {0};
        struct leat_sql_name name;
        if (!window || !parse_name(p, NAME_COLUMN, "a window's name", &name) ||
            !fold_name(p, &name) || !expect_keyword(p, LEAT_KEYWORD_AS) ||
            !parse_window(p, &definition))
            return false;
        if (definition.reference)
            return fail_at(p, LEAT_E_SQL_UNSUPPORTED, definition.offset, definition.length, NULL,
                           "a window that extends another window is not supported");
        *window = definition;
        window->name = name;
    } while (accept_symbol(p, ","));
    select->windows = list.items;
    select->window_count = list.count;
    return true;
}

static bool parse_select_tail(struct parser *p, struct leat_sql_select *select)
{
    if (!select->from_count && accept_keyword(p, LEAT_KEYWORD_FROM) &&
        !parse_from_clause(p, select))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_WHERE) && !(select->where = parse_expr(p)))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_GROUP) && !parse_group_by(p, select))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_HAVING) && !(select->having = parse_expr(p)))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_WINDOW) && !parse_windows(p, select))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_QUALIFY)) {
        advance(p);
        if (!(select->qualify = parse_expr(p)))
            return false;
    }
    return !p->spark || spark_move_generators(p, select);
}

static struct leat_sql_body *parse_select(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_body *body = new_body(p, LEAT_SQL_SELECT, start);
    struct leat_sql_select *select = body ? parser_alloc(p, sizeof(*select)) : NULL;

    if (!select)
        return NULL;
    body->select = select;
    if (accept_keyword(p, LEAT_KEYWORD_FROM)) { /* FROM t [SELECT ...] */
        if (!parse_from_clause(p, select))
            return NULL;
        if (!is_keyword(p, LEAT_KEYWORD_SELECT)) {
            struct leat_sql_expr *star = new_expr(p, LEAT_SQL_STAR, start);
            if (!star)
                return NULL;
            star->length = 4;
            star->depth = 1;
            star->star = parser_alloc(p, sizeof(*star->star));
            select->items = parser_alloc(p, sizeof(*select->items));
            if (!star->star || !select->items)
                return NULL;
            select->items[0].expr = star;
            select->item_count = 1;
            if (!parse_select_tail(p, select))
                return NULL;
            body->length = length_since(p, start);
            return body;
        }
    }
    if (!expect_keyword(p, LEAT_KEYWORD_SELECT))
        return NULL;
    if (accept_keyword(p, LEAT_KEYWORD_DISTINCT)) {
        select->distinct = true;
        if (accept_keyword(p, LEAT_KEYWORD_ON) &&
            (!expect_symbol(p, "(") || !parse_expr_list(p, &select->distinct_on) ||
             !expect_symbol(p, ")")))
            return NULL;
    } else if (is_keyword(p, LEAT_KEYWORD_ALL)) {
        advance(p);
    }
    if (!ends_select_list(p) && !parse_items(p, select))
        return NULL;
    if (is_keyword(p, LEAT_KEYWORD_INTO)) {
        fail_token(p, LEAT_E_SQL_UNSUPPORTED, "write CREATE TABLE name AS SELECT ...",
                   "SELECT INTO is not supported");
        return NULL;
    }
    if (!parse_select_tail(p, select))
        return NULL;
    body->length = length_since(p, start);
    return body;
}

/* (a, b); Spark writes a single value without parentheses too, and a row's may hold one more
 * operator: (1) + 2. */
static bool parse_row_of_values(struct parser *p, struct leat_sql_exprs *row)
{
    struct leat_sql_expr *expr;

    if (!p->spark)
        return expect_symbol(p, "(") && parse_expr_list(p, row) && expect_symbol(p, ")");
    if (!(expr = parse_expr(p)))
        return false;
    if (expr->kind == LEAT_SQL_ROW && !expr->path.count) {
        *row = (struct leat_sql_exprs){expr->arg_count, expr->args};
        return true;
    }
    row->items = parser_alloc(p, sizeof(*row->items));
    if (!row->items)
        return false;
    row->items[0] = expr;
    row->count = 1;
    return true;
}

struct leat_sql_body *parse_values(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_body *body = new_body(p, LEAT_SQL_VALUES, start);
    struct list rows = {0};

    advance(p);
    do {
        struct leat_sql_exprs *row;
        if (rows.count && !is_symbol(p, "(") &&
            (peek(p)->kind == LEAT_TOKEN_END || is_symbol(p, ";") || is_symbol(p, ")")))
            break;
        row = body ? list_add(p, &rows, sizeof(*row)) : NULL;
        if (!row || !parse_row_of_values(p, row))
            return NULL;
        if (row->count != ((struct leat_sql_exprs *)rows.items)[0].count) {
            fail_at(p, LEAT_E_SYNTAX, row->items[0]->offset, row->items[0]->length, NULL,
                    "VALUES lists must all be the same length: this row has %u values, the first "
                    "has %u",
                    row->count, ((struct leat_sql_exprs *)rows.items)[0].count);
            return NULL;
        }
    } while (accept_symbol(p, ","));
    body->rows = rows.items;
    body->row_count = rows.count;
    body->length = length_since(p, start);
    return body;
}

/* TABLE name is SELECT * FROM name. */
static struct leat_sql_body *parse_table(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_body *body = new_body(p, LEAT_SQL_SELECT, start);
    struct leat_sql_select *select = body ? parser_alloc(p, sizeof(*select)) : NULL;
    struct leat_sql_from *from = select ? parser_alloc(p, sizeof(*from)) : NULL;
    struct leat_sql_expr *star = from ? new_expr(p, LEAT_SQL_STAR, start) : NULL;

    if (!star)
        return NULL;
    advance(p);
    from->offset = peek(p)->offset;
    from->depth = 1;
    if (!parse_path(p, "a table", &from->path))
        return NULL;
    from->length = from->path.length;
    body->select = select;
    body->length = star->length = length_since(p, start);
    star->depth = 1;
    star->star = parser_alloc(p, sizeof(*star->star));
    select->items = parser_alloc(p, sizeof(*select->items));
    select->from = parser_alloc(p, sizeof(struct leat_sql_from *));
    if (!star->star || !select->items || !select->from)
        return NULL;
    select->items[0].expr = star;
    select->item_count = 1;
    select->from[0] = from;
    select->from_count = 1;
    return body;
}

static struct leat_sql_body *parse_set_operand(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_body *body;
    struct leat_sql_query *query;

    if (is_keyword(p, LEAT_KEYWORD_SELECT) || is_keyword(p, LEAT_KEYWORD_FROM))
        return parse_select(p);
    if (is_keyword(p, LEAT_KEYWORD_VALUES))
        return parse_values(p);
    if (is_keyword(p, LEAT_KEYWORD_TABLE))
        return parse_table(p);
    if (is_symbol(p, "(")) {
        advance(p);
        query = parse_query(p);
        if (!query || !expect_symbol(p, ")"))
            return NULL;
        if (!query->cte_count && !query->order.count && !query->limit && !query->skip)
            return query->body;
        body = new_body(p, LEAT_SQL_NESTED, start);
        if (!body)
            return NULL;
        body->nested = query;
        body->length = length_since(p, start);
        return body;
    }
    want(p, "a query (SELECT, VALUES, WITH)");
    fail_here(p);
    return NULL;
}

/* UNION and EXCEPT bind equally, INTERSECT stronger. */
static struct leat_sql_body *parse_set_tail(struct parser *p, struct leat_sql_body *left, int level,
                                            size_t start)
{
    while (left && !p->failed) {
        struct leat_sql_body *body;
        enum leat_sql_body_kind kind;
        if (level == 0 && is_keyword(p, LEAT_KEYWORD_UNION))
            kind = LEAT_SQL_UNION;
        else if (level == 0 &&
                 (is_keyword(p, LEAT_KEYWORD_EXCEPT) || (p->spark && is_word(p, "minus"))))
            kind = LEAT_SQL_EXCEPT;
        else if (is_keyword(p, LEAT_KEYWORD_INTERSECT))
            kind = LEAT_SQL_INTERSECT;
        else
            break;
        advance(p);
        body = new_body(p, kind, start);
        if (!body)
            return NULL;
        if (accept_keyword(p, LEAT_KEYWORD_ALL))
            body->all = true;
        else if (is_keyword(p, LEAT_KEYWORD_DISTINCT))
            advance(p);
        if (is_keyword(p, LEAT_KEYWORD_BY) && is_keyword_at(p, 1, LEAT_KEYWORD_NAME)) {
            advance(p);
            advance(p);
            body->by_name = true;
        }
        body->left = left;
        body->right = kind == LEAT_SQL_INTERSECT ? parse_set_operand(p) : parse_set(p, 1);
        if (!body->right)
            return NULL;
        body->depth =
            (uint16_t)((left->depth > body->right->depth ? left->depth : body->right->depth) + 1);
        if (body->depth > LEAT_SQL_MAX_DEPTH) {
            fail_token(p, LEAT_E_TOO_DEEP, NULL, "more than %d set operations in one query",
                       LEAT_SQL_MAX_DEPTH);
            return NULL;
        }
        body->length = length_since(p, start);
        left = body;
    }
    return p->failed ? NULL : left;
}

static struct leat_sql_body *parse_set(struct parser *p, int level)
{
    size_t start = p->position;
    return parse_set_tail(p, parse_set_operand(p), level, start);
}

/* --- WITH, ORDER BY, LIMIT --- */
static bool parse_with(struct parser *p, struct leat_sql_query *query)
{
    struct list ctes = {0};

    query->recursive = accept_keyword(p, LEAT_KEYWORD_RECURSIVE);
    do {
        struct leat_sql_cte *cte = list_add(p, &ctes, sizeof(*cte));
        if (!cte || !parse_name(p, NAME_COLUMN, "a name for the query", &cte->name) ||
            !fold_name(p, &cte->name))
            return false;
        if (is_symbol(p, "(") && !parse_name_list(p, "a column name", &cte->columns))
            return false;
        if (!(p->spark && is_symbol(p, "(")) && !expect_keyword(p, LEAT_KEYWORD_AS))
            return false;
        if (accept_keyword(p, LEAT_KEYWORD_MATERIALIZED)) {
            cte->materialized = LEAT_SQL_MATERIALIZED_YES;
        } else if (is_keyword(p, LEAT_KEYWORD_NOT) &&
                   is_keyword_at(p, 1, LEAT_KEYWORD_MATERIALIZED)) {
            advance(p);
            advance(p);
            cte->materialized = LEAT_SQL_MATERIALIZED_NO;
        }
        if (!expect_symbol(p, "(") || !(cte->query = parse_query(p)) || !expect_symbol(p, ")"))
            return false;
    } while (accept_symbol(p, ","));
    query->ctes = ctes.items;
    query->cte_count = ctes.count;
    return true;
}

static bool parse_order_by(struct parser *p, struct leat_sql_query *query)
{
    if (!expect_keyword(p, LEAT_KEYWORD_BY))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_ALL)) {
        struct leat_sql_order *order = parser_alloc(p, sizeof(*order));
        advance(p);
        if (!order)
            return false;
        query->order_all = true;
        if (accept_keyword(p, LEAT_KEYWORD_DESC))
            order->descending = true;
        else
            accept_keyword(p, LEAT_KEYWORD_ASC);
        if (p->spark) {
            order->nulls_given = true;
            order->nulls_first = !order->descending;
        }
        if (accept_keyword(p, LEAT_KEYWORD_NULLS)) {
            order->nulls_given = true;
            order->nulls_first = accept_keyword(p, LEAT_KEYWORD_FIRST);
            if (!order->nulls_first && !expect_keyword(p, LEAT_KEYWORD_LAST))
                return false;
        }
        query->order = (struct leat_sql_orders){1, order};
        return true;
    }
    return parse_order_list(p, &query->order);
}

static bool parse_fetch(struct parser *p, struct leat_sql_query *query)
{
    if (!accept_keyword(p, LEAT_KEYWORD_FIRST) && !expect_keyword(p, LEAT_KEYWORD_NEXT))
        return false;
    if (is_keyword(p, LEAT_KEYWORD_ROW) || is_keyword(p, LEAT_KEYWORD_ROWS)) {
        query->limit = new_expr(p, LEAT_SQL_INTEGER, p->position);
        if (!query->limit)
            return false;
        query->limit->text = leat_text_of("1");
        query->limit->depth = 1;
    } else if (!(query->limit = parse_primary(p))) {
        return false;
    }
    if (!accept_keyword(p, LEAT_KEYWORD_ROW) && !expect_keyword(p, LEAT_KEYWORD_ROWS))
        return false;
    if (accept_keyword(p, LEAT_KEYWORD_WITH)) {
        query->with_ties = true;
        return expect_keyword(p, LEAT_KEYWORD_TIES);
    }
    return expect_keyword(p, LEAT_KEYWORD_ONLY);
}

static bool parse_query_tail(struct parser *p, struct leat_sql_query *query)
{
    if (accept_keyword(p, LEAT_KEYWORD_ORDER) && !parse_order_by(p, query))
        return false;
    if (p->spark && !spark_skip_distribution(p, query))
        return false;
    for (;;) {
        if (!query->limit && accept_keyword(p, LEAT_KEYWORD_LIMIT)) {
            if (is_keyword(p, LEAT_KEYWORD_ALL))
                advance(p);
            else if (!(query->limit = parse_expr(p)))
                return false;
            if (is_symbol(p, ",") && query->limit)
                return fail_token(p, LEAT_E_TRAP, "write LIMIT count OFFSET start",
                                  "LIMIT takes one number");
        } else if (!query->skip && accept_keyword(p, LEAT_KEYWORD_OFFSET)) {
            if (!(query->skip = parse_expr(p)))
                return false;
            if (is_keyword(p, LEAT_KEYWORD_ROW) || is_keyword(p, LEAT_KEYWORD_ROWS))
                advance(p);
        } else if (!query->limit && is_keyword(p, LEAT_KEYWORD_FETCH)) {
            advance(p);
            if (!parse_fetch(p, query))
                return false;
        } else {
            break;
        }
    }
    if (is_keyword(p, LEAT_KEYWORD_FOR) &&
        (is_keyword_at(p, 1, LEAT_KEYWORD_UPDATE) || peek_at(p, 1)->kind == LEAT_TOKEN_WORD))
        return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL, "row locks (FOR ...) are not supported");
    return true;
}

struct leat_sql_query *parse_query(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));

    if (!query || !enter(p))
        return NULL;
    query->offset = offset_of(p, start);
    query->dialect = p->spark ? LEAT_SQL_SPARK : LEAT_SQL_POSTGRES;
    if (accept_keyword(p, LEAT_KEYWORD_WITH) && !parse_with(p, query))
        return NULL;
    if (!(query->body = parse_set(p, 0)) || !parse_query_tail(p, query))
        return NULL;
    query->length = length_since(p, start);
    leave(p);
    return query;
}

struct leat_sql_query *parse_query_after(struct parser *p, struct leat_sql_query *first,
                                         size_t start)
{
    struct leat_sql_query *query = parser_alloc(p, sizeof(*query));
    struct leat_sql_body *body = query ? new_body(p, LEAT_SQL_NESTED, start) : NULL;

    if (!body)
        return NULL;
    body->nested = first;
    body->length = first->length;
    query->dialect = first->dialect;
    query->offset = offset_of(p, start);
    if (!(query->body = parse_set_tail(p, body, 0, start)) || !parse_query_tail(p, query))
        return NULL;
    query->length = length_since(p, start);
    return query;
}
