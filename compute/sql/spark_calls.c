/*
 * Functions of Spark's that no fixed form can stand for: casts written as calls, arrays, maps and
 * structs, format letters of dates, units, and calls with any number of arguments.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

struct leat_sql_expr *make_cast(struct parser *p, const char *type, size_t start,
                                struct leat_sql_expr *operand)
{
    struct leat_sql_expr *expr = p->failed ? NULL : new_expr(p, LEAT_SQL_CAST, start);

    if (!expr || !set_args(p, expr, 1, &operand))
        return NULL;
    expr->type = (struct leat_sql_type){
        .text = leat_text_of(type), .offset = expr->offset, .length = length_since(p, start)};
    return close_expr(p, expr, start);
}

static struct leat_sql_expr *text_of(struct parser *p, const char *text, size_t start)
{
    struct leat_sql_expr *expr = p->failed ? NULL : new_expr(p, LEAT_SQL_STRING, start);
    size_t length = strlen(text);

    if (!expr)
        return NULL;
    expr->text = (struct leat_text){leat_arena_copy(p->arena, text, length), length};
    if (!expr->text.data)
        fail_memory(p);
    return p->failed ? NULL : close_expr(p, expr, start);
}

static struct leat_sql_expr *refuse(struct parser *p, const struct leat_sql_expr *at,
                                    const char *hint, const char *message)
{
    fail_at(p, LEAT_E_DIALECT, at->offset, at->length, hint, "%s", message);
    return NULL;
}

/* --- int(x), string(x), ... --- */
static const char *cast_type(const char *name)
{
    static const char *const types[][2] = {{"int", "integer"},
                                           {"integer", "integer"},
                                           {"bigint", "bigint"},
                                           {"long", "bigint"},
                                           {"smallint", "smallint"},
                                           {"short", "smallint"},
                                           {"tinyint", "tinyint"},
                                           {"byte", "tinyint"},
                                           {"float", "real"},
                                           {"double", "double"},
                                           {"decimal", "numeric(10,0)"},
                                           {"string", "text"},
                                           {"boolean", "boolean"},
                                           {"date", "date"},
                                           {"timestamp", "timestamptz"},
                                           {"binary", "bytea"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(name, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* --- Java's letters of dates --- */
/* Appends the template of `count` letters `letter`; false: there is none. */
static bool letters(char letter, size_t count, char *out, size_t size)
{
    static const struct {
        char letter;
        unsigned least, most;
        const char *template;
    } table[] = {
        {'y', 4, 4, "YYYY"},  {'y', 1, 1, "FMYYYY"}, {'y', 2, 2, "YY"},      {'M', 2, 2, "MM"},
        {'M', 1, 1, "FMMM"},  {'M', 3, 3, "Mon"},    {'M', 4, 4, "FMMonth"}, {'L', 2, 2, "MM"},
        {'L', 1, 1, "FMMM"},  {'d', 2, 2, "DD"},     {'d', 1, 1, "FMDD"},    {'D', 3, 3, "DDD"},
        {'H', 2, 2, "HH24"},  {'H', 1, 1, "FMHH24"}, {'h', 2, 2, "HH12"},    {'h', 1, 1, "FMHH12"},
        {'m', 2, 2, "MI"},    {'m', 1, 1, "FMMI"},   {'s', 2, 2, "SS"},      {'s', 1, 1, "FMSS"},
        {'S', 3, 3, "MS"},    {'S', 6, 6, "US"},     {'a', 1, 1, "AM"},      {'E', 1, 3, "Dy"},
        {'E', 4, 4, "FMDay"}, {'Q', 1, 1, "Q"},      {'q', 1, 1, "Q"}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].letter == letter && count >= table[i].least && count <= table[i].most) {
            snprintf(out, size, "%s", table[i].template);
            return true;
        }
    return false;
}

/* 'yyyy-MM-dd' as to_char's template; refused with the letter that has none. */
static struct leat_sql_expr *date_template(struct parser *p, const struct leat_sql_expr *pattern,
                                           size_t start)
{
    char out[400];
    size_t used = 0;
    const char *s = pattern->text.data;

    if (pattern->kind != LEAT_SQL_STRING)
        return refuse(p, pattern, "write the pattern as a string",
                      "a pattern of dates that is not constant is not carried over");
    for (size_t i = 0; i < pattern->text.length;) {
        char c = s[i];
        size_t run = 1;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (used + 40 > sizeof(out))
            return refuse(p, pattern, NULL, "the pattern is too long");
        if (c == '\'') { /* text, or '' for a quote */
            i++;
            out[used++] = '"';
            if (i < pattern->text.length && s[i] == '\'')
                out[used++] = '\'';
            while (i < pattern->text.length && s[i] != '\'' && used + 4 < sizeof(out))
                out[used++] = s[i++];
            i++;
            out[used++] = '"';
            continue;
        }
        while (letter && i + run < pattern->text.length && s[i + run] == c)
            run++;
        if (letter && !letters(c, run, out + used, sizeof(out) - used)) {
            char message[120];
            snprintf(message, sizeof(message),
                     "the letters %.*s of a pattern of dates are not carried over",
                     (int)(run > 20 ? 20 : run), s + i);
            return refuse(p, pattern, "to_char in PostgreSQL's dialect has templates of its own",
                          message);
        }
        if (letter)
            used += strlen(out + used);
        else
            out[used++] = c;
        i += run;
    }
    out[used] = 0;
    return text_of(p, out, start);
}

static struct leat_sql_expr *dated(struct parser *p, const char *form, size_t start, uint32_t count,
                                   struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *all[2] = {args[0], NULL};

    (void)count;
    all[1] = date_template(p, args[1], start);
    return all[1] ? spark_expand(p, form, start, 2, all) : NULL;
}

/* --- units --- */
/* The field of date_trunc for the name as Spark writes it, or NULL. */
static const char *trunc_unit(const struct leat_sql_expr *unit)
{
    static const char *const units[][2] = {{"year", "year"},
                                           {"yyyy", "year"},
                                           {"yy", "year"},
                                           {"quarter", "quarter"},
                                           {"month", "month"},
                                           {"mon", "month"},
                                           {"mm", "month"},
                                           {"week", "week"},
                                           {"day", "day"},
                                           {"dd", "day"},
                                           {"hour", "hour"},
                                           {"minute", "minute"},
                                           {"second", "second"},
                                           {"millisecond", "milliseconds"},
                                           {"microsecond", "microseconds"}};
    for (size_t i = 0; unit->kind == LEAT_SQL_STRING && i < sizeof(units) / sizeof(units[0]); i++)
        if (leat_text_equal_nocase(unit->text, leat_text_of(units[i][0])))
            return units[i][1];
    return NULL;
}

static struct leat_sql_expr *truncated(struct parser *p, bool date, size_t start,
                                       struct leat_sql_expr *const *args)
{
    const struct leat_sql_expr *unit = args[date ? 1 : 0];
    struct leat_sql_expr *all[2] = {NULL, args[date ? 0 : 1]};
    const char *name = trunc_unit(unit);

    if (!name)
        return refuse(p, unit, "write 'year', 'quarter', 'month', 'week', 'day' or 'hour'",
                      "this unit is not carried over");
    all[0] = text_of(p, name, start);
    return all[0] ? spark_expand(p,
                                 date ? "CAST(date_trunc($1, CAST(CAST($2 AS date) AS timestamp)) "
                                        "AS date)"
                                      : "date_trunc($1, CAST($2 AS timestamptz))",
                                 start, 2, all)
                  : NULL;
}

/* EXTRACT and date_part: as the function of that name. */
static struct leat_sql_expr *part_of(struct parser *p, size_t start,
                                     struct leat_sql_expr *const *args)
{
    static const char *const parts[][2] = {{"year", "year"},
                                           {"years", "year"},
                                           {"yr", "year"},
                                           {"y", "year"},
                                           {"quarter", "quarter"},
                                           {"qtr", "quarter"},
                                           {"month", "month"},
                                           {"months", "month"},
                                           {"mon", "month"},
                                           {"week", "weekofyear"},
                                           {"weeks", "weekofyear"},
                                           {"w", "weekofyear"},
                                           {"day", "day"},
                                           {"days", "day"},
                                           {"d", "day"},
                                           {"dayofweek", "dayofweek"},
                                           {"dow", "dayofweek"},
                                           {"dow_iso", "weekday"},
                                           {"doy", "dayofyear"},
                                           {"hour", "hour"},
                                           {"hours", "hour"},
                                           {"h", "hour"},
                                           {"minute", "minute"},
                                           {"minutes", "minute"},
                                           {"min", "minute"},
                                           {"m", "minute"}};

    for (size_t i = 0; args[0]->kind == LEAT_SQL_STRING && i < sizeof(parts) / sizeof(parts[0]);
         i++)
        if (leat_text_equal_nocase(args[0]->text, leat_text_of(parts[i][0]))) {
            struct leat_sql_expr *form = spark_form(p, parts[i][1], start, 1, args + 1);
            if (form && strcmp(parts[i][0], "dow_iso") == 0)
                return spark_expand(p, "$1 + 1", start, 1, &form);
            return form;
        }
    if (args[0]->kind == LEAT_SQL_STRING &&
        (leat_text_equal_nocase(args[0]->text, leat_text_of("second")) ||
         leat_text_equal_nocase(args[0]->text, leat_text_of("seconds"))))
        return spark_expand(
            p, "CAST(extract('second' FROM CAST(spark_time($2) AS timestamp)) AS numeric(8,6))",
            start, 2, args);
    return refuse(p, args[0], "write YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND",
                  "this field is not carried over");
}

/* --- nested values --- */
/* map(k, v, k, v): map(list of keys, list of values) */
static struct leat_sql_expr *map_of(struct parser *p, size_t start, uint32_t count,
                                    struct leat_sql_expr *const *args)
{
    struct leat_sql_expr **sorted = parser_alloc(p, (count + 1u) * sizeof(*sorted)), *lists[2];

    if (!sorted)
        return NULL;
    if (count % 2) {
        fail_at(p, LEAT_E_WRONG_ARGUMENT, offset_of(p, start), length_since(p, start), NULL,
                "map takes keys and values in turn");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        sorted[i % 2 * (count / 2) + i / 2] = args[i];
    lists[0] = make_expr(p, LEAT_SQL_ARRAY, start, NULL, count / 2, sorted);
    lists[1] =
        lists[0] ? make_expr(p, LEAT_SQL_ARRAY, start, NULL, count / 2, sorted + count / 2) : NULL;
    return lists[1] ? make_call(p, "map", start, 2, lists) : NULL;
}

/* struct(a, b AS c), named_struct('a', 1, 'b', 2): a row with names. */
static struct leat_sql_expr *struct_of(struct parser *p, bool named, size_t start, uint32_t count,
                                       struct leat_sql_expr *const *args)
{
    uint32_t fields = named ? count / 2 : count;
    struct leat_sql_name *names = parser_alloc(p, (fields + 1u) * sizeof(*names));
    struct leat_sql_expr **values = parser_alloc(p, (fields + 1u) * sizeof(*values)), *row;

    if (!names || !values)
        return NULL;
    for (uint32_t i = 0; i < fields; i++) {
        const struct leat_sql_expr *name = args[named ? i * 2 : i];
        values[i] = args[named ? i * 2 + 1 : i];
        if (named && name->kind != LEAT_SQL_STRING)
            return refuse(p, name, NULL, "the names of named_struct are strings");
        if (named)
            names[i].text = name->text;
        else if (name->kind == LEAT_SQL_COLUMN)
            names[i].text = name->path.parts[name->path.count - 1].text;
        else
            names[i].text = parser_number_name(p, "col", i + 1u);
    }
    if (named && count % 2) {
        fail_at(p, LEAT_E_WRONG_ARGUMENT, offset_of(p, start), length_since(p, start), NULL,
                "named_struct takes names and values in turn");
        return NULL;
    }
    row = make_expr(p, LEAT_SQL_ROW, start, NULL, fields, values);
    if (row)
        row->path = (struct leat_sql_path){fields, names, row->offset, row->length};
    return row;
}

/* decode(x, search, result, ..., default): nulls are equal. Of two: bytes as text. */
static struct leat_sql_expr *decode_of(struct parser *p, size_t start, uint32_t count,
                                       struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *expr, **all;
    uint32_t pairs = (count - 1) / 2, used = 0;

    if (count == 2)
        return spark_expand(p, "convert_from(CAST($1 AS bytea), $2)", start, 2, args);
    expr = new_expr(p, LEAT_SQL_CASE, start);
    all = parser_alloc(p, (count + 2u) * sizeof(*all));
    if (!expr || !all)
        return NULL;
    for (uint32_t i = 0; i < pairs; i++) {
        struct leat_sql_expr *both[2] = {args[0], args[1 + i * 2]}, *same;
        same = make_expr(p, LEAT_SQL_DISTINCT, start, NULL, 2, both);
        if (!same)
            return NULL;
        same->negated = true;
        all[used++] = same;
        all[used++] = args[2 + i * 2];
    }
    if (count % 2 == 0)
        all[used++] = args[count - 1];
    expr->args = all;
    expr->arg_count = used;
    expr->number = pairs;
    return close_expr(p, expr, start);
}

/* --- regular expressions --- */
/* $1 of Java's replacements is \1 here, and a backslash takes the next character as it is. */
static struct leat_sql_expr *replacement_of(struct parser *p, const struct leat_sql_expr *with,
                                            size_t start)
{
    char out[1000];
    size_t used = 0;

    if (with->kind != LEAT_SQL_STRING)
        return refuse(p, with, "write the replacement as a string",
                      "a replacement that is not constant is not carried over");
    for (size_t i = 0; i < with->text.length; i++) {
        const char *s = with->text.data + i;
        bool more = i + 1 < with->text.length;
        if (used + 4 > sizeof(out))
            return refuse(p, with, NULL, "the replacement is too long");
        if (*s == '$' && more && s[1] >= '0' && s[1] <= '9') {
            out[used++] = '\\';
            out[used++] = s[1] == '0' ? '&' : s[1];
            i++;
        } else if (*s == '$') {
            return refuse(p, with, "write \\\\$ for the sign itself",
                          "names of groups in a replacement are not carried over");
        } else {
            if (*s == '\\' && more)
                s = with->text.data + ++i;
            if (*s == '\\')
                out[used++] = '\\';
            out[used++] = *s;
        }
    }
    out[used] = 0;
    return text_of(p, out, start);
}

static struct leat_sql_expr *replace_of(struct parser *p, size_t start,
                                        struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *all[3] = {args[0], args[1], replacement_of(p, args[2], start)};
    return all[2] ? spark_expand(p, "regexp_replace($1, $2, $3, 'g')", start, 3, all) : NULL;
}

/* sha2(x, bits): 256 bits are the engine's. */
static struct leat_sql_expr *sha2_of(struct parser *p, size_t start,
                                     struct leat_sql_expr *const *args)
{
    if (args[1]->kind != LEAT_SQL_INTEGER ||
        (strcmp(args[1]->text.data, "256") != 0 && strcmp(args[1]->text.data, "0") != 0))
        return refuse(p, args[1], "write sha2(x, 256)", "SHA-2 is carried over with 256 bits only");
    return spark_expand(p, "encode(sha256($1), 'hex')", start, 2, args);
}

/* first(x, true), any_value(x, true): the first value that is not null. */
static struct leat_sql_expr *first_of(struct parser *p, const char *name, size_t start,
                                      uint32_t count, struct leat_sql_expr *const *args)
{
    if (count != 2 || args[1]->kind != LEAT_SQL_BOOLEAN || !args[1]->flag)
        return NULL;
    return spark_expand(p, strncmp(name, "last", 4) == 0 ? "last($1)" : "first($1)", start, 2,
                        args);
}

/* count(a, b): rows in which none is null; with DISTINCT, different ones. */
static struct leat_sql_expr *count_of(struct parser *p, size_t start, uint32_t count,
                                      struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *row = make_expr(p, LEAT_SQL_ROW, start, NULL, count, args), *call;
    struct leat_sql_expr **tests = parser_alloc(p, count * sizeof(*tests));

    if (!row || !tests || !(call = make_call(p, "count", start, 1, &row)))
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!(tests[i] = spark_expand(p, "$1 IS NOT NULL", start, 1, args + i)))
            return NULL;
    call->call->filter = make_expr(p, LEAT_SQL_AND, start, NULL, count, tests);
    return call->call->filter ? call : NULL;
}

static struct leat_sql_expr *special_date(struct parser *p, const char *name, size_t start,
                                          uint32_t count, struct leat_sql_expr *const *args)
{
    if (count != 2)
        return NULL;
    if (strcmp(name, "date_format") == 0)
        return dated(p, "to_char(CAST($1 AS timestamptz), $2)", start, count, args);
    if (strcmp(name, "to_date") == 0)
        return dated(p, "to_date(CAST($1 AS text), $2)", start, count, args);
    if (strcmp(name, "to_timestamp") == 0)
        return dated(p, "to_timestamp(CAST($1 AS text), $2)", start, count, args);
    if (strcmp(name, "unix_timestamp") == 0 || strcmp(name, "to_unix_timestamp") == 0)
        return dated(p, "CAST(to_timestamp(CAST($1 AS text), $2) AS bigint)", start, count, args);
    if (strcmp(name, "from_unixtime") == 0)
        return dated(p, "to_char(CAST(CAST($1 AS bigint) AS timestamptz), $2)", start, count, args);
    if (strcmp(name, "date_trunc") == 0)
        return truncated(p, false, start, args);
    if (strcmp(name, "trunc") == 0)
        return truncated(p, true, start, args);
    if (strcmp(name, "date_part") == 0 || strcmp(name, "datepart") == 0 ||
        strcmp(name, "extract") == 0)
        return part_of(p, start, args);
    return NULL;
}

struct leat_sql_expr *spark_special(struct parser *p, const char *name, size_t start,
                                    uint32_t count, struct leat_sql_expr *const *args)
{
    const char *type = count == 1 ? cast_type(name) : NULL;

    if (type)
        return make_cast(p, type, start, args[0]);
    if (strcmp(name, "array") == 0)
        return make_expr(p, LEAT_SQL_ARRAY, start, NULL, count, args);
    if (strcmp(name, "map") == 0)
        return map_of(p, start, count, args);
    if (strcmp(name, "struct") == 0 || strcmp(name, "named_struct") == 0)
        return struct_of(p, name[0] == 'n', start, count, args);
    if (strcmp(name, "decode") == 0 && count >= 2)
        return decode_of(p, start, count, args);
    if (strcmp(name, "regexp_replace") == 0 && count == 3)
        return replace_of(p, start, args);
    if (strcmp(name, "sha2") == 0 && count == 2)
        return sha2_of(p, start, args);
    if (strcmp(name, "count") == 0 && count > 1)
        return count_of(p, start, count, args);
    if (strcmp(name, "first") == 0 || strcmp(name, "last") == 0 || strcmp(name, "any_value") == 0)
        return first_of(p, name, start, count, args);
    return special_date(p, name, start, count, args);
}

struct leat_sql_expr *spark_window_form(struct parser *p, const struct leat_sql_call *call,
                                        const char *name, size_t start)
{
    if (call->args.count == 1 && (strcmp(name, "first") == 0 || strcmp(name, "last") == 0))
        return spark_expand(p, name[0] == 'f' ? "first_value($1)" : "last_value($1)", start, 1,
                            call->args.items);
    return NULL;
}

/* --- lambdas --- */
bool starts_lambda(const struct parser *p)
{
    size_t i = 1;

    if (is_name(p, NAME_LABEL) && peek_at(p, 1)->kind == LEAT_TOKEN_OPERATOR)
        return peek_at(p, 1)->length == 2 && memcmp(p->text + peek_at(p, 1)->offset, "->", 2) == 0;
    if (!is_symbol(p, "("))
        return false;
    while (peek_at(p, i)->kind == LEAT_TOKEN_WORD || peek_at(p, i)->kind == LEAT_TOKEN_BACKTICK ||
           is_symbol_at(p, i, ","))
        i++;
    return is_symbol_at(p, i, ")") && peek_at(p, i + 1)->kind == LEAT_TOKEN_OPERATOR &&
           peek_at(p, i + 1)->length == 2 &&
           memcmp(p->text + peek_at(p, i + 1)->offset, "->", 2) == 0;
}

struct leat_sql_expr *spark_lambda(struct parser *p)
{
    fail_token(
        p, LEAT_E_DIALECT,
        "unnest the list: SELECT ... FROM t, LATERAL VIEW explode(list) u AS x, and group again",
        "lambda functions are not carried over from Spark");
    return NULL;
}

/* --- LIKE ANY --- */
struct leat_sql_expr *spark_like_list(struct parser *p, struct leat_sql_expr *left,
                                      const char *name, bool negated, size_t start)
{
    bool all = is_keyword(p, LEAT_KEYWORD_ALL);
    struct leat_sql_exprs list = {0};

    advance(p);
    if (!expect_symbol(p, "(") || !parse_expr_list(p, &list) || !expect_symbol(p, ")"))
        return NULL;
    for (uint32_t i = 0; i < list.count; i++) {
        struct leat_sql_expr *pair[2] = {left, list.items[i]};
        list.items[i] = make_expr(p, LEAT_SQL_LIKE, start, name, 2, pair);
        if (!list.items[i])
            return NULL;
        list.items[i]->negated = negated;
    }
    if (list.count == 1)
        return list.items[0];
    return make_expr(p, all ? LEAT_SQL_AND : LEAT_SQL_OR, start, NULL, list.count, list.items);
}
