/*
 * What Spark writes in FROM and around it: LATERAL VIEW, functions that give rows in a select list
 * (moved into FROM), files by format.`path`, range(), and clauses that only say where rows lie.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

/* --- DISTRIBUTE BY, SORT BY, CLUSTER BY --- */
bool starts_distribution(const struct parser *p)
{
    return (is_word(p, "distribute") || is_word(p, "sort") || is_word(p, "cluster")) &&
           is_keyword_at(p, 1, LEAT_KEYWORD_BY);
}

bool spark_skip_distribution(struct parser *p, struct leat_sql_query *query)
{
    size_t start = p->position;
    bool sorted = false;

    if (is_operator(p, "|>"))
        return fail_token(p, LEAT_E_DIALECT, "nest the query: SELECT ... FROM (SELECT ...)",
                          "the pipe |> is not carried over from Spark");
    while (starts_distribution(p)) {
        struct leat_sql_orders orders;
        sorted |= !is_word(p, "distribute");
        advance(p);
        advance(p);
        if (!parse_order_list(p, &orders))
            return false;
    }
    if (sorted && (is_keyword(p, LEAT_KEYWORD_LIMIT) || query->order.count))
        return fail_at(p, LEAT_E_DIALECT, offset_of(p, start), length_since(p, start),
                       "write ORDER BY",
                       "SORT BY orders the parts of a result, which is nothing to take a LIMIT of");
    return true;
}

/* --- functions that give rows --- */
static bool is_generator(const char *name)
{
    static const char *const names[] = {"explode",          "explode_outer", "posexplode",
                                        "posexplode_outer", "inline",        "inline_outer"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_outer(const char *name)
{
    size_t length = strlen(name);
    return length > 6 && strcmp(name + length - 6, "_outer") == 0;
}

/* The call as a table function of the planner's, with its alias. */
static struct leat_sql_from *generator_table(struct parser *p, struct leat_sql_call *call,
                                             size_t start)
{
    struct leat_sql_from *from = parser_alloc(p, sizeof(*from));
    const char *name = call->function.parts[call->function.count - 1].text.data;
    char *own = leat_arena_printf(p->arena, "spark_%.*s",
                                  (int)(strlen(name) - (is_outer(name) ? 6 : 0)), name);

    if (!from || !own) {
        fail_memory(p);
        return NULL;
    }
    from->kind = LEAT_SQL_FROM_FUNCTION;
    from->offset = offset_of(p, start);
    from->length = length_since(p, start);
    from->depth = 1;
    from->function = make_call(p, own, start, call->args.count, call->args.items);
    if (!from->function)
        return NULL;
    from->path = from->function->call->function;
    return from;
}

/* left, joined with the rows that the function gives for each of its rows. */
static struct leat_sql_from *join_generator(struct parser *p, struct leat_sql_from *left,
                                            struct leat_sql_from *right, bool outer, size_t start)
{
    struct leat_sql_from *join = parser_alloc(p, sizeof(*join));
    struct leat_sql_expr *always;

    if (!join)
        return NULL;
    join->kind = LEAT_SQL_FROM_JOIN;
    join->offset = offset_of(p, start);
    join->length = length_since(p, start);
    join->join = outer ? LEAT_SQL_JOIN_LEFT : LEAT_SQL_JOIN_CROSS;
    join->left = left;
    join->right = right;
    join->depth = (uint16_t)(left->depth + 1);
    if (join->depth > LEAT_SQL_MAX_DEPTH) {
        fail_token(p, LEAT_E_TOO_DEEP, NULL, "more than %d joins", LEAT_SQL_MAX_DEPTH);
        return NULL;
    }
    if (outer) {
        always = make_expr(p, LEAT_SQL_BOOLEAN, start, NULL, 0, NULL);
        if (!always)
            return NULL;
        always->flag = true;
        join->on = always;
    }
    return join;
}

/* Names behind AS: one, or several by commas; an ON of names in parentheses is the item's own. */
static bool alias_list(struct parser *p, struct leat_sql_names *out)
{
    struct list names = {0};

    do {
        struct leat_sql_name *name = list_add(p, &names, sizeof(*name));
        if (!name || !parse_name(p, NAME_LABEL, "a column's name", name))
            return false;
    } while (accept_symbol(p, ","));
    *out = (struct leat_sql_names){names.count, names.items};
    return true;
}

struct leat_sql_from *spark_lateral_view(struct parser *p, struct leat_sql_from *left, size_t start)
{
    size_t at = p->position, function;
    bool outer;
    struct leat_sql_path path;
    struct leat_sql_expr *call;
    struct leat_sql_from *from;

    advance(p);
    advance(p);
    outer = is_keyword(p, LEAT_KEYWORD_OUTER);
    if (outer)
        advance(p);
    function = p->position;
    if (!parse_path(p, "a function such as explode", &path) ||
        !(call = parse_call(p, &path, function)))
        return NULL;
    if (!is_generator(path.parts[path.count - 1].text.data)) {
        fail_at(p, LEAT_E_DIALECT, path.offset, path.length,
                "explode, posexplode and inline are, each with _outer",
                "%s in a LATERAL VIEW is not carried over", path.parts[path.count - 1].text.data);
        return NULL;
    }
    from = generator_table(p, call->call, at);
    if (!from)
        return NULL;
    if (!is_keyword(p, LEAT_KEYWORD_AS) && is_name(p, NAME_TABLE_ALIAS) &&
        !is_keyword(p, LEAT_KEYWORD_LATERAL)) {
        if (!parse_name(p, NAME_TABLE_ALIAS, "a name for the rows", &from->alias))
            return NULL;
    } else {
        from->alias.text = parser_number_name(p, "lateral_", at);
        if (!from->alias.text.data)
            return NULL;
    }
    if (is_keyword(p, LEAT_KEYWORD_AS)) {
        advance(p);
        if (!alias_list(p, &from->columns))
            return NULL;
    }
    return join_generator(p, left, from, outer || is_outer(path.parts[path.count - 1].text.data),
                          start);
}

/* A call that gave no form because it gives rows: left as it is by spark_rows_call. */
struct leat_sql_expr *spark_rows_call(struct parser *p, struct leat_sql_expr *expr)
{
    const char *name = expr->call->function.parts[expr->call->function.count - 1].text.data;

    if (!is_generator(name) || expr->call->args.count != 1)
        return NULL;
    if (strcmp(name, "explode") != 0)
        return expr;
    /* explode(list) stays in the list as unnest(list), unless it has several names */
    if (is_keyword(p, LEAT_KEYWORD_AS) && is_symbol_at(p, 1, "("))
        return expr;
    return NULL;
}

bool spark_take_generator(struct parser *p, struct leat_sql_item *item)
{
    struct leat_sql_expr *expr = item->expr;
    size_t start = p->position;
    struct leat_sql_from *from;

    if (expr->kind != LEAT_SQL_CALL || !expr->call->function.count ||
        !is_generator(expr->call->function.parts[0].text.data))
        return false;
    from = generator_table(p, expr->call, start ? start - 1 : 0);
    if (!from)
        return true;
    from->offset = expr->offset;
    from->length = expr->length;
    from->lateral = is_outer(expr->call->function.parts[0].text.data); /* until it is moved */
    if (is_keyword(p, LEAT_KEYWORD_AS)) {
        advance(p);
        if (is_symbol(p, "(")) {
            if (!parse_name_list(p, "a column's name", &from->columns))
                return true;
        } else {
            struct leat_sql_name *name = parser_alloc(p, sizeof(*name));
            if (!name || !parse_name(p, NAME_LABEL, "a name", name))
                return true;
            from->columns = (struct leat_sql_names){1, name};
        }
    }
    item->generator = from;
    return true;
}

bool spark_move_generators(struct parser *p, struct leat_sql_select *select)
{
    for (uint32_t i = 0; i < select->item_count; i++) {
        struct leat_sql_from *from = select->items[i].generator, *left;
        struct leat_sql_expr *star;
        struct leat_sql_name *name;
        bool outer;
        if (!from)
            continue;
        outer = from->lateral;
        from->lateral = true;
        from->alias.text = parser_number_name(p, "generator_", i);
        star = new_expr(p, LEAT_SQL_STAR, p->position);
        name = parser_alloc(p, sizeof(*name));
        if (!from->alias.text.data || !star || !name ||
            !(star->star = parser_alloc(p, sizeof(*star->star))))
            return false;
        name->text = from->alias.text;
        star->path = (struct leat_sql_path){1, name, from->offset, from->length};
        star->offset = from->offset;
        star->length = from->length;
        star->depth = 1;
        select->items[i].expr = star;
        select->items[i].generator = NULL;
        if (!select->from_count || outer) {
            /* without FROM: one row, which an outer function keeps */
            if (select->from_count > 1)
                return fail_at(
                    p, LEAT_E_DIALECT, from->offset, from->length, "join the tables with JOIN",
                    "%s over several tables with commas is not carried over", "an outer function");
            left = select->from_count ? select->from[0] : NULL;
            if (outer && left)
                from = join_generator(p, left, from, true, p->position ? p->position - 1 : 0);
            if (!from)
                return false;
            select->from = parser_alloc(p, sizeof(*select->from));
            if (!select->from)
                return false;
            select->from[0] = from;
            select->from_count = 1;
        } else {
            struct leat_sql_from **list =
                parser_alloc(p, (select->from_count + 1u) * sizeof(*list));
            if (!list)
                return false;
            memcpy(list, select->from, select->from_count * sizeof(*list));
            list[select->from_count++] = from;
            select->from = list;
        }
    }
    return true;
}

/* --- tables that are functions or files --- */
static struct leat_sql_expr *string_at(struct parser *p, struct leat_text text,
                                       const struct leat_sql_path *place)
{
    struct leat_sql_expr *expr = parser_alloc(p, sizeof(*expr));

    if (!expr)
        return NULL;
    expr->kind = LEAT_SQL_STRING;
    expr->text = text;
    expr->offset = place->offset;
    expr->length = place->length;
    expr->depth = 1;
    return expr;
}

/* parquet.`path`, json.`path`, csv.`path` (no header, all text), avro.`path`. */
bool spark_file_path(struct parser *p, struct leat_sql_from *from)
{
    static const char *const formats[][2] = {{"parquet", "read_parquet"},
                                             {"json", "read_json"},
                                             {"avro", "read_avro"},
                                             {"csv", "read_csv"}};
    static const char *const other[] = {"orc", "text", "delta", "binaryfile", "iceberg", "xml"};
    struct leat_sql_path path = from->path;
    const struct leat_token *last = &p->tokens.items[p->position - 1];
    struct leat_sql_expr *file;

    if (path.count != 2 || last->kind != LEAT_TOKEN_BACKTICK)
        return true;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        if (leat_text_equal(path.parts[0].text, leat_text_of(other[i])))
            return fail_at(p, LEAT_E_DIALECT, path.offset, path.length,
                           "parquet, json, csv and avro are", "files as %s.`path` are not read",
                           other[i]);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct leat_text name;
        if (!leat_text_equal(path.parts[0].text, leat_text_of(formats[i][0])))
            continue;
        /* names of files keep their case */
        if (leat_token_value(p->text, last, p->arena, &name, p->err))
            return fail_memory(p);
        if (name.length > 7 && strncmp(name.data, "file://", 7) == 0)
            name = (struct leat_text){name.data + 7, name.length - 7};
        else if (name.length > 5 && strncmp(name.data, "file:", 5) == 0)
            name = (struct leat_text){name.data + 5, name.length - 5};
        file = string_at(p, name, &path);
        from->kind = LEAT_SQL_FROM_FUNCTION;
        from->function = file ? make_call(p, formats[i][1], p->position - 1, 1, &file) : NULL;
        if (!from->function)
            return false;
        from->function->offset = path.offset;
        from->function->length = path.length;
        if (i == 3 && !spark_csv_options(p, from))
            return false;
        from->path = from->function->call->function;
        return true;
    }
    return true;
}

/* A CSV file read by its path has no header, and all columns are text: _c0, _c1, ... */
bool spark_csv_options(struct parser *p, struct leat_sql_from *from)
{
    struct leat_sql_call *call = from->function->call;
    struct leat_sql_expr **args = parser_alloc(p, 3 * sizeof(*args));
    struct leat_sql_name *names = parser_alloc(p, 3 * sizeof(*names));

    if (!args || !names)
        return false;
    args[0] = call->args.items[0];
    for (int i = 1; i < 3; i++) {
        args[i] = parser_alloc(p, sizeof(**args));
        if (!args[i])
            return false;
        *args[i] = *args[0];
        args[i]->kind = LEAT_SQL_BOOLEAN;
        args[i]->flag = i == 2;
    }
    names[1].text = leat_text_of("header");
    names[2].text = leat_text_of("all_text");
    call->args = (struct leat_sql_exprs){3, args};
    call->arg_names = names;
    from->spark_csv = true;
    return true;
}

static struct leat_sql_expr *whole_number(struct parser *p, const char *digits, size_t start)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_INTEGER, start);
    if (!expr)
        return NULL;
    expr->text = leat_text_of(digits);
    return close_expr(p, expr, start);
}

/* range(end), range(start, end [, step [, partitions]]): generate_series up to the number before.
 */
static bool range_of(struct parser *p, struct leat_sql_from *from, size_t start)
{
    struct leat_sql_call *call = from->function->call;
    struct leat_sql_expr *args[3], *form;
    uint32_t given = call->args.count;
    struct leat_sql_name *column = parser_alloc(p, sizeof(*column));

    if (!column)
        return false;
    if (given < 1 || given > 4)
        return fail_at(p, LEAT_E_WRONG_ARGUMENT, from->offset, from->length, NULL,
                       "range takes an end, or start and end, and perhaps a step");
    args[0] = given == 1 ? whole_number(p, "0", start) : call->args.items[0];
    args[1] = call->args.items[given == 1 ? 0 : 1];
    args[2] = given >= 3 ? call->args.items[2] : whole_number(p, "1", start);
    if (!args[0] || !args[2])
        return false;
    form = spark_expand(p,
                        "generate_series(CAST($1 AS bigint), CAST($2 AS bigint) - "
                        "CASE WHEN $3 > 0 THEN 1 ELSE -1 END, CAST($3 AS bigint))",
                        start, 3, args);
    if (!form)
        return false;
    from->function = form;
    from->path = form->call->function;
    if (!from->columns.count) {
        column->text = leat_text_of("id");
        from->columns = (struct leat_sql_names){1, column};
    }
    return true;
}

bool spark_table_function(struct parser *p, struct leat_sql_from *from)
{
    static const char *const own[] = {"read_csv", "read_json", "read_parquet", "read_avro",
                                      "read_files"};
    struct leat_sql_call *call = from->function->call;
    const char *name = call->function.parts[call->function.count - 1].text.data;
    size_t start = p->position - 1;

    if (strcmp(name, "range") == 0)
        return range_of(p, from, start);
    if (is_generator(name)) {
        struct leat_sql_from *table = generator_table(p, call, start);
        if (!table)
            return false;
        from->function = table->function;
        from->path = table->path;
        return true;
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return fail_at(
        p, LEAT_E_DIALECT, from->function->offset, from->function->length,
        "range, explode, posexplode, inline and Leat's read_csv, read_json, read_parquet, "
        "read_avro and read_files are",
        "the table function %s is not carried over", name);
}
