/*
 * Function calls with all that may stand in and behind the parentheses, the functions that SQL
 * gives a grammar of their own, and types as written.
 */
#include "compute/sql/parser_internal.h"

struct leat_sql_expr *make_call(struct parser *p, const char *name, size_t start, uint32_t count,
                                struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *expr = p->failed ? NULL : new_expr(p, LEAT_SQL_CALL, start);
    struct leat_sql_call *call = expr ? parser_alloc(p, sizeof(*call)) : NULL;

    if (!call)
        return NULL;
    expr->call = call;
    call->function = (struct leat_sql_path){1, parser_alloc(p, sizeof(struct leat_sql_name)),
                                            offset_of(p, start), (uint32_t)strlen(name)};
    call->args.items = parser_alloc(p, (count + 1u) * sizeof(*call->args.items));
    if (!call->function.parts || !call->args.items)
        return NULL;
    call->function.parts[0] = (struct leat_sql_name){.text = leat_text_of(name),
                                                     .offset = offset_of(p, start),
                                                     .length = (uint32_t)strlen(name)};
    for (uint32_t i = 0; i < count; i++)
        call->args.items[i] = args[i];
    call->args.count = count;
    return close_expr(p, expr, start);
}

bool parse_order_list(struct parser *p, struct leat_sql_orders *out)
{
    struct list list = {0};

    do {
        struct leat_sql_order *order = list_add(p, &list, sizeof(*order));
        if (!order || !(order->expr = parse_expr(p)))
            return false;
        if (accept_keyword(p, LEAT_KEYWORD_DESC))
            order->descending = true;
        else
            accept_keyword(p, LEAT_KEYWORD_ASC);
        if (p->spark) { /* nulls are the smallest */
            order->nulls_given = true;
            order->nulls_first = !order->descending;
        }
        if (accept_keyword(p, LEAT_KEYWORD_NULLS)) {
            order->nulls_given = true;
            order->nulls_first = accept_keyword(p, LEAT_KEYWORD_FIRST);
            if (!order->nulls_first && !expect_keyword(p, LEAT_KEYWORD_LAST))
                return false;
        }
    } while (accept_symbol(p, ","));
    *out = (struct leat_sql_orders){list.count, list.items};
    return true;
}

static bool parse_bound(struct parser *p, enum leat_sql_bound *bound, struct leat_sql_expr **value)
{
    if (accept_keyword(p, LEAT_KEYWORD_UNBOUNDED)) {
        *bound = LEAT_SQL_UNBOUNDED_PRECEDING;
        if (accept_keyword(p, LEAT_KEYWORD_PRECEDING))
            return true;
        *bound = LEAT_SQL_UNBOUNDED_FOLLOWING;
        return expect_keyword(p, LEAT_KEYWORD_FOLLOWING);
    }
    if (is_keyword(p, LEAT_KEYWORD_CURRENT) && is_keyword_at(p, 1, LEAT_KEYWORD_ROW)) {
        advance(p);
        advance(p);
        *bound = LEAT_SQL_CURRENT_ROW;
        return true;
    }
    *value = parse_expr(p);
    if (!*value)
        return false;
    *bound = LEAT_SQL_PRECEDING;
    if (accept_keyword(p, LEAT_KEYWORD_PRECEDING))
        return true;
    *bound = LEAT_SQL_FOLLOWING;
    return expect_keyword(p, LEAT_KEYWORD_FOLLOWING);
}

/* Behind EXCLUDE. */
static bool parse_exclude(struct parser *p, enum leat_sql_exclude *out)
{
    if (accept_keyword(p, LEAT_KEYWORD_NO))
        return expect_keyword(p, LEAT_KEYWORD_OTHERS);
    if (accept_keyword(p, LEAT_KEYWORD_CURRENT)) {
        *out = LEAT_SQL_EXCLUDE_CURRENT_ROW;
        return expect_keyword(p, LEAT_KEYWORD_ROW);
    }
    if (accept_keyword(p, LEAT_KEYWORD_GROUP)) {
        *out = LEAT_SQL_EXCLUDE_GROUP;
        return true;
    }
    *out = LEAT_SQL_EXCLUDE_TIES;
    return expect_keyword(p, LEAT_KEYWORD_TIES);
}

static bool parse_frame(struct parser *p, struct leat_sql_frame *frame)
{
    if (accept_keyword(p, LEAT_KEYWORD_ROWS))
        frame->unit = LEAT_SQL_ROWS;
    else if (accept_keyword(p, LEAT_KEYWORD_RANGE))
        frame->unit = LEAT_SQL_RANGE;
    else if (accept_keyword(p, LEAT_KEYWORD_GROUPS))
        frame->unit = LEAT_SQL_GROUPS;
    else
        return true;
    frame->given = true;
    frame->end = LEAT_SQL_CURRENT_ROW;
    if (accept_keyword(p, LEAT_KEYWORD_BETWEEN)) {
        if (!parse_bound(p, &frame->start, &frame->start_value) ||
            !expect_keyword(p, LEAT_KEYWORD_AND) || !parse_bound(p, &frame->end, &frame->end_value))
            return false;
    } else if (!parse_bound(p, &frame->start, &frame->start_value)) {
        return false;
    }
    return !accept_keyword(p, LEAT_KEYWORD_EXCLUDE) || parse_exclude(p, &frame->exclude);
}

/* ( [name] [PARTITION BY ...] [ORDER BY ...] [frame] ) */
bool parse_window(struct parser *p, struct leat_sql_window *out)
{
    size_t start = p->position;
    bool partitioned;

    if (!expect_symbol(p, "("))
        return false;
    if (is_name(p, NAME_COLUMN) && !is_keyword(p, LEAT_KEYWORD_PARTITION) &&
        !is_keyword(p, LEAT_KEYWORD_ROWS) && !is_keyword(p, LEAT_KEYWORD_RANGE) &&
        !is_keyword(p, LEAT_KEYWORD_GROUPS) &&
        !(p->spark && (is_word(p, "distribute") || is_word(p, "sort")))) {
        if (!parse_name(p, NAME_COLUMN, "a window's name", &out->name) || !fold_name(p, &out->name))
            return false;
        out->reference = true;
    }
    if (p->spark && is_word(p, "distribute")) {
        advance(p);
        partitioned = true;
    } else {
        partitioned = accept_keyword(p, LEAT_KEYWORD_PARTITION);
    }
    if (partitioned &&
        (!expect_keyword(p, LEAT_KEYWORD_BY) || !parse_expr_list(p, &out->partition)))
        return false;
    if (p->spark && is_word(p, "sort")) {
        advance(p);
        if (!expect_keyword(p, LEAT_KEYWORD_BY) || !parse_order_list(p, &out->order))
            return false;
    }
    if (accept_keyword(p, LEAT_KEYWORD_ORDER) &&
        (!expect_keyword(p, LEAT_KEYWORD_BY) || !parse_order_list(p, &out->order)))
        return false;
    if (!parse_frame(p, &out->frame) || !expect_symbol(p, ")"))
        return false;
    out->offset = offset_of(p, start);
    out->length = length_since(p, start);
    return true;
}

/* One argument, perhaps named: name => value. */
static bool parse_argument(struct parser *p, struct list *args, struct list *names, bool *named)
{
    struct leat_sql_expr **slot = list_add(p, args, sizeof(struct leat_sql_expr *));
    struct leat_sql_name *name = slot ? list_add(p, names, sizeof(*name)) : NULL;
    size_t start = p->position, arrow;
    const struct leat_token *first = peek(p);

    if (!name)
        return false;
    if ((is_symbol_at(p, 1, "=>") || is_symbol_at(p, 1, ":=")) && is_name(p, NAME_LABEL)) {
        *named = true;
        if (!parse_name(p, NAME_LABEL, "an argument's name", name) || !fold_name(p, name))
            return false;
        advance(p);
        start = p->position;
    }
    if (p->spark && starts_lambda(p)) {
        *slot = spark_lambda(p);
        return *slot != NULL;
    }
    *slot = parse_expr(p);
    if (!*slot)
        return false;
    /* x -> f(x): PostgreSQL would read a JSON operator. */
    arrow = start + 1;
    if (first->kind == LEAT_TOKEN_WORD && p->tokens.items[arrow].kind == LEAT_TOKEN_OPERATOR &&
        p->tokens.items[arrow].length == 2 &&
        memcmp(p->text + p->tokens.items[arrow].offset, "->", 2) == 0)
        for (size_t i = arrow + 1; i < p->position; i++) {
            const struct leat_token *token = &p->tokens.items[i];
            if (token->kind == LEAT_TOKEN_WORD && token->length == first->length &&
                memcmp(p->text + token->offset, p->text + first->offset, token->length) == 0)
                return fail_at(
                    p, LEAT_E_TRAP, first->offset, length_since(p, start),
                    "unnest the list in a subquery: (SELECT ... FROM unnest(list) AS t(x))",
                    "lambda functions are not supported: -> reads a JSON field here");
        }
    return true;
}

/* FILTER (WHERE ...), WITHIN GROUP (...), OVER ... */
static bool parse_call_suffix(struct parser *p, struct leat_sql_call *call)
{
    if (p->spark && is_keyword(p, LEAT_KEYWORD_RESPECT) &&
        is_keyword_at(p, 1, LEAT_KEYWORD_NULLS)) {
        advance(p);
        advance(p);
    }
    if (is_keyword(p, LEAT_KEYWORD_IGNORE) || is_keyword(p, LEAT_KEYWORD_RESPECT)) {
        if (is_keyword_at(p, 1, LEAT_KEYWORD_NULLS))
            return fail_token(p, LEAT_E_SQL_UNSUPPORTED, NULL,
                              "IGNORE NULLS and RESPECT NULLS are not supported");
    }
    if (is_keyword(p, LEAT_KEYWORD_WITHIN) && is_keyword_at(p, 1, LEAT_KEYWORD_GROUP)) {
        advance(p);
        advance(p);
        call->within_group = true;
        if (!expect_symbol(p, "(") || !expect_keyword(p, LEAT_KEYWORD_ORDER) ||
            !expect_keyword(p, LEAT_KEYWORD_BY) || !parse_order_list(p, &call->order) ||
            !expect_symbol(p, ")"))
            return false;
    }
    if (is_keyword(p, LEAT_KEYWORD_FILTER) && is_symbol_at(p, 1, "(")) {
        advance(p);
        advance(p);
        if (!expect_keyword(p, LEAT_KEYWORD_WHERE) || !(call->filter = parse_expr(p)) ||
            !expect_symbol(p, ")"))
            return false;
    }
    if (is_keyword(p, LEAT_KEYWORD_OVER)) {
        advance(p);
        call->over = parser_alloc(p, sizeof(*call->over));
        if (!call->over)
            return false;
        if (is_symbol(p, "("))
            return parse_window(p, call->over);
        call->over->reference = true;
        return parse_name(p, NAME_COLUMN, "a window", &call->over->name) &&
               fold_name(p, &call->over->name);
    }
    return true;
}

struct leat_sql_expr *parse_call(struct parser *p, const struct leat_sql_path *name, size_t start)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_CALL, start);
    struct leat_sql_call *call = expr ? parser_alloc(p, sizeof(*call)) : NULL;
    struct list args = {0}, names = {0};
    bool named = false;

    if (!call || !expect_symbol(p, "("))
        return NULL;
    expr->call = call;
    call->function = *name;
    if (name->count == 2 &&
        (leat_text_equal(name->parts[0].text, leat_text_of("pg_catalog")) ||
         leat_text_equal(name->parts[0].text, leat_text_of("information_schema")))) {
        call->function.count = 1;
        call->function.parts++;
    }
    if (is_operator(p, "*") && is_symbol_at(p, 1, ")")) {
        call->star = true;
        advance(p);
    } else if (!is_symbol(p, ")")) {
        if (accept_keyword(p, LEAT_KEYWORD_DISTINCT))
            call->distinct = true;
        else if (is_keyword(p, LEAT_KEYWORD_ALL))
            advance(p);
        do {
            if (!parse_argument(p, &args, &names, &named))
                return NULL;
        } while (accept_symbol(p, ","));
        if (accept_keyword(p, LEAT_KEYWORD_ORDER) &&
            (!expect_keyword(p, LEAT_KEYWORD_BY) || !parse_order_list(p, &call->order)))
            return NULL;
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    call->args = (struct leat_sql_exprs){args.count, args.items};
    call->arg_names = named ? names.items : NULL;
    if (!parse_call_suffix(p, call))
        return NULL;
    if (!p->spark && call->function.count == 1 && !call->star && !call->over && !named) {
        struct leat_sql_expr *form = postgres_form(p, call->function.parts[0].text.data, start,
                                                   call->args.count, call->args.items);
        if (form || p->failed)
            return form;
    }
    return close_expr(p, expr, start);
}

/* --- functions with their own grammar --- */
static struct leat_sql_expr *text_expr(struct parser *p, struct leat_text text, size_t start)
{
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_STRING, start);
    if (!expr)
        return NULL;
    expr->text = text;
    expr->length = length_since(p, start);
    expr->depth = 1;
    return expr;
}

/* EXTRACT(field FROM x) */
static struct leat_sql_expr *parse_extract(struct parser *p, size_t start)
{
    struct leat_sql_expr *args[2];
    struct leat_text field;
    size_t at = p->position;

    if (is_string_at(p, 0)) {
        if (!parse_string(p, "a field", &field))
            return NULL;
    } else {
        struct leat_sql_name name;
        if (!parse_name(p, NAME_LABEL, "a field such as YEAR", &name))
            return NULL;
        field = name.text;
    }
    args[0] = text_expr(p, field, at);
    if (!args[0] || !expect_keyword(p, LEAT_KEYWORD_FROM) || !(args[1] = parse_expr(p)) ||
        !expect_symbol(p, ")"))
        return NULL;
    if (p->spark)
        return spark_form(p, "date_part", start, 2, args);
    return make_call(p, "extract", start, 2, args);
}

/* SUBSTRING(x FROM a [FOR b]), (x FOR b), (x SIMILAR p ESCAPE e), or with commas. */
static struct leat_sql_expr *parse_substring(struct parser *p, size_t start)
{
    struct leat_sql_expr *args[3];
    uint32_t count = 1;

    if (!(args[0] = parse_expr(p)))
        return NULL;
    if (is_symbol(p, ",")) {
        while (count < 3 && accept_symbol(p, ","))
            if (!(args[count++] = parse_expr(p)))
                return NULL;
    } else if (accept_keyword(p, LEAT_KEYWORD_FROM)) {
        if (!(args[count++] = parse_expr(p)))
            return NULL;
        if (accept_keyword(p, LEAT_KEYWORD_FOR) && !(args[count++] = parse_expr(p)))
            return NULL;
    } else if (accept_keyword(p, LEAT_KEYWORD_FOR)) {
        struct leat_sql_expr *one = new_expr(p, LEAT_SQL_INTEGER, start);
        if (!one)
            return NULL;
        one->text = leat_text_of("1");
        one->depth = 1;
        args[count++] = one;
        if (!(args[count++] = parse_expr(p)))
            return NULL;
        if (accept_keyword(p, LEAT_KEYWORD_FROM)) {
            if (!(args[1] = parse_expr(p)))
                return NULL;
        }
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    if (p->spark)
        return spark_form(p, "substring", start, count, args);
    return make_call(p, "substring", start, count, args);
}

/* POSITION(needle IN text) */
static struct leat_sql_expr *parse_position(struct parser *p, size_t start)
{
    struct leat_sql_expr *args[2], *in;

    /* `needle IN text` would read as a membership test: take the operand below IN. */
    if (!(in = p->spark ? parse_level(p, LEVEL_BIT_OR) : parse_primary(p)))
        return NULL;
    if (p->spark && is_symbol(p, ",")) { /* position(part, text [, start]) is locate */
        struct leat_sql_expr *all[3] = {in, NULL, NULL};
        uint32_t count = 1;
        while (count < 3 && accept_symbol(p, ","))
            if (!(all[count++] = parse_expr(p)))
                return NULL;
        return expect_symbol(p, ")") ? spark_form(p, "locate", start, count, all) : NULL;
    }
    if (!expect_keyword(p, LEAT_KEYWORD_IN) || !(args[0] = parse_expr(p)) || !expect_symbol(p, ")"))
        return NULL;
    args[1] = in;
    return make_call(p, "strpos", start, 2, args);
}

/* TRIM([LEADING|TRAILING|BOTH] [characters] [FROM] text) */
static struct leat_sql_expr *parse_trim(struct parser *p, size_t start)
{
    const char *name = "btrim";
    struct leat_sql_expr *args[2] = {NULL, NULL};
    uint32_t count = 1;

    /* TRIM(FROM x) of Spark's is TRIM(x) */
    if (accept_keyword(p, LEAT_KEYWORD_LEADING))
        name = "ltrim";
    else if (accept_keyword(p, LEAT_KEYWORD_TRAILING))
        name = "rtrim";
    else if (is_keyword(p, LEAT_KEYWORD_BOTH))
        advance(p);
    if (accept_keyword(p, LEAT_KEYWORD_FROM)) {
        if (!(args[0] = parse_expr(p)))
            return NULL;
    } else if (!(args[0] = parse_expr(p))) {
        return NULL;
    }
    if (accept_keyword(p, LEAT_KEYWORD_FROM)) {
        args[1] = args[0];
        if (!(args[0] = parse_expr(p)))
            return NULL;
        count = 2;
    } else if (accept_symbol(p, ",")) {
        if (!(args[1] = parse_expr(p)))
            return NULL;
        count = 2;
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    return make_call(p, name, start, count, args);
}

/* OVERLAY(text PLACING new FROM start [FOR count]) */
static struct leat_sql_expr *parse_overlay(struct parser *p, size_t start)
{
    struct leat_sql_expr *args[4];
    uint32_t count = 1;

    if (!(args[0] = parse_expr(p)))
        return NULL;
    if (accept_keyword(p, LEAT_KEYWORD_PLACING)) {
        if (!(args[1] = parse_expr(p)) || !expect_keyword(p, LEAT_KEYWORD_FROM) ||
            !(args[2] = parse_expr(p)))
            return NULL;
        count = 3;
        if (accept_keyword(p, LEAT_KEYWORD_FOR) && !(args[count++] = parse_expr(p)))
            return NULL;
    } else {
        while (count < 4 && accept_symbol(p, ","))
            if (!(args[count++] = parse_expr(p)))
                return NULL;
    }
    if (!expect_symbol(p, ")"))
        return NULL;
    return make_call(p, "overlay", start, count, args);
}

static struct leat_sql_expr *parse_plain(struct parser *p, const char *name, size_t start)
{
    struct leat_sql_exprs list = {0};

    if (!parse_expr_list(p, &list) || !expect_symbol(p, ")"))
        return NULL;
    if (p->spark)
        return spark_form(p, name, start, list.count, list.items);
    return make_call(p, name, start, list.count, list.items);
}

struct leat_sql_expr *parse_special_call(struct parser *p)
{
    size_t start = p->position;
    enum leat_keyword keyword = (enum leat_keyword)peek(p)->keyword;

    if (!is_symbol_at(p, 1, "("))
        return NULL;
    switch (keyword) {
    case LEAT_KEYWORD_EXTRACT:
    case LEAT_KEYWORD_SUBSTRING:
    case LEAT_KEYWORD_POSITION:
    case LEAT_KEYWORD_TRIM:
    case LEAT_KEYWORD_OVERLAY:
    case LEAT_KEYWORD_COALESCE:
    case LEAT_KEYWORD_NULLIF:
    case LEAT_KEYWORD_GROUPING:
        break;
    default:
        return NULL;
    }
    advance(p);
    advance(p);
    switch (keyword) {
    case LEAT_KEYWORD_EXTRACT:
        return parse_extract(p, start);
    case LEAT_KEYWORD_SUBSTRING:
        return parse_substring(p, start);
    case LEAT_KEYWORD_POSITION:
        return parse_position(p, start);
    case LEAT_KEYWORD_TRIM:
        return parse_trim(p, start);
    case LEAT_KEYWORD_OVERLAY:
        return parse_overlay(p, start);
    default:
        return parse_plain(p, leat_keyword_text(keyword), start);
    }
}

/* --- types --- */
/* Behind '(' or '<' of a type: everything to the closing one. */
static bool skip_type_arguments(struct parser *p)
{
    unsigned depth = 0;

    do {
        const struct leat_token *token = peek(p);
        const char *s = p->text + token->offset;
        if (token->kind == LEAT_TOKEN_END || token->kind == LEAT_TOKEN_ERROR || *s == ';')
            return fail_here(p);
        for (uint32_t i = 0; i < token->length; i++) {
            if (token->kind != LEAT_TOKEN_SYMBOL && token->kind != LEAT_TOKEN_OPERATOR)
                break;
            if (s[i] == '(' || s[i] == '<')
                depth++;
            else if ((s[i] == ')' || s[i] == '>') && depth > 0)
                depth--;
        }
        advance(p);
    } while (depth);
    return true;
}

/* The words of a type that has more than one. */
static void skip_type_words(struct parser *p, enum leat_keyword first)
{
    if (first == LEAT_KEYWORD_DOUBLE && is_keyword(p, LEAT_KEYWORD_PRECISION))
        advance(p);
    if ((first == LEAT_KEYWORD_CHARACTER || first == LEAT_KEYWORD_CHAR) && is_word(p, "varying"))
        advance(p);
}

/* True if the word at token `at` is this one, in any case. */
static bool is_text(const struct parser *p, size_t at, const char *word)
{
    const struct leat_token *token = &p->tokens.items[at];

    return leat_text_equal_nocase((struct leat_text){p->text + token->offset, token->length},
                                  leat_text_of(word));
}

bool parse_type(struct parser *p, struct leat_sql_type *out)
{
    size_t start = p->position;
    enum leat_keyword first = (enum leat_keyword)peek(p)->keyword;
    unsigned quoted;
    bool angles;
    char *text;

    if (p->spark &&
        (is_keyword(p, LEAT_KEYWORD_INTERVAL) || is_word(p, "variant") || is_word(p, "void"))) {
        return fail_token(p, LEAT_E_DIALECT, NULL, "the type %.*s is not carried over as a type",
                          (int)peek(p)->length, p->text + peek(p)->offset);
    }
    if (peek(p)->kind != LEAT_TOKEN_WORD ||
        (leat_keyword_class_of(first) == LEAT_KEYWORD_CLASS_RESERVED &&
         first != LEAT_KEYWORD_ARRAY)) {
        if (peek(p)->kind != LEAT_TOKEN_NAME) {
            want(p, "a type");
            return fail_here(p);
        }
    }
    advance(p);
    while (is_symbol(p, ".") &&
           (peek_at(p, 1)->kind == LEAT_TOKEN_WORD || peek_at(p, 1)->kind == LEAT_TOKEN_NAME)) {
        advance(p);
        start = p->position;
        advance(p);
    }
    skip_type_words(p, first);
    /* `x::integer < 3` compares: only nested types have arguments in angle brackets. */
    angles = first == LEAT_KEYWORD_ARRAY || is_text(p, start, "array") ||
             is_text(p, start, "map") || is_text(p, start, "struct");
    if ((is_symbol(p, "(") || (angles && is_operator(p, "<"))) && !skip_type_arguments(p))
        return false;
    if ((first == LEAT_KEYWORD_TIMESTAMP || first == LEAT_KEYWORD_TIME) &&
        (is_keyword(p, LEAT_KEYWORD_WITH) || is_keyword(p, LEAT_KEYWORD_WITHOUT)) &&
        is_keyword_at(p, 1, LEAT_KEYWORD_TIME) && is_keyword_at(p, 2, LEAT_KEYWORD_ZONE))
        for (int i = 0; i < 3; i++)
            advance(p);
    while (is_symbol(p, "[") &&
           (is_symbol_at(p, 1, "]") ||
            (peek_at(p, 1)->kind == LEAT_TOKEN_INTEGER && is_symbol_at(p, 2, "]")))) {
        while (!is_symbol(p, "]"))
            advance(p);
        advance(p);
    }
    out->offset = offset_of(p, start);
    out->length = length_since(p, start);
    quoted = !p->spark && out->length > 2 && p->text[out->offset] == '"' &&
             p->text[out->offset + out->length - 1] == '"'; /* "char" */
    text = leat_arena_copy(p->arena, p->text + out->offset + quoted, out->length - 2 * quoted);
    if (!text)
        return fail_memory(p);
    out->text = (struct leat_text){text, out->length - 2 * quoted};
    return !p->spark || spark_type(p, out);
}
