/*
 * Functions of Spark's as PostgreSQL expressions. The table spark_functions.def gives for each name
 * the text of a form; it is parsed when it is used, and the call's arguments take the places of its
 * parameters. The nodes of a form say that they come from one (LEAT_SQL_ORIGIN_TEMPLATE) and have
 * the place of the call, so that errors point there. What a table cannot say (casts, format
 * letters, a CASE of any length) is written by hand in spark_calls.c.
 */
#include "compute/kernels/function.h"
#include "compute/sql/parser_internal.h"

#include "columns/format.h"
#include <stdio.h>

struct form {
    const char *name;
    unsigned least, most;
    const char *text;
};
static const struct form forms[] = {
#define SPARK_FORM(name, least, most, text) {name, least, most, text},
#define SPARK_REFUSED(name, reason, instead)
#include "compute/sql/spark_functions.def"
#undef SPARK_FORM
#undef SPARK_REFUSED
};
struct refused {
    const char *name, *reason, *instead;
};
static const struct refused refused[] = {
#define SPARK_FORM(name, least, most, text)
#define SPARK_REFUSED(name, reason, instead) {name, reason, instead},
#include "compute/sql/spark_functions.def"
#undef SPARK_FORM
#undef SPARK_REFUSED
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *leat_sql_spark_refused_at(size_t index, const char **reason, const char **instead)
{
    if (index >= COUNT(refused))
        return NULL;
    *reason = refused[index].reason;
    *instead = refused[index].instead;
    return refused[index].name;
}

const char *leat_sql_spark_form_at(size_t index, unsigned *least, unsigned *most, const char **form)
{
    if (index >= COUNT(forms))
        return NULL;
    *least = forms[index].least;
    *most = forms[index].most;
    *form = forms[index].text;
    return forms[index].name;
}

/* --- substitution --- */
struct filling {
    struct parser *p;
    size_t start; /* the call's first token */
    uint32_t count;
    struct leat_sql_expr *const *args;
    uint32_t named; /* arguments that the form names by number */
    uint32_t offset, length;
};

static struct leat_sql_expr *fill(struct filling *f, struct leat_sql_expr *expr);

static bool fill_list(struct filling *f, uint32_t *count, struct leat_sql_expr ***items)
{
    struct list list = {0};

    for (uint32_t i = 0; i < *count; i++) {
        struct leat_sql_expr *item = (*items)[i], **slot;
        bool rest = item && item->kind == LEAT_SQL_PARAMETER && item->number == 0;
        for (uint32_t a = rest ? f->named : 0; a < (rest ? f->count : 1); a++) {
            slot = list_add(f->p, &list, sizeof(struct leat_sql_expr *));
            if (!slot)
                return false;
            *slot = rest ? f->args[a] : item ? fill(f, item) : NULL;
            if (item && !*slot)
                return false;
        }
    }
    *count = list.count;
    *items = list.items;
    return true;
}

static struct leat_sql_expr *fill(struct filling *f, struct leat_sql_expr *expr)
{
    uint16_t depth = 0;

    if (expr->kind == LEAT_SQL_PARAMETER)
        return expr->number >= 1 && expr->number <= f->count ? f->args[expr->number - 1] : NULL;
    if (!fill_list(f, &expr->arg_count, &expr->args))
        return NULL;
    expr->offset = f->offset;
    expr->length = f->length;
    if (expr->call) {
        struct leat_sql_call *call = expr->call;
        if (!fill_list(f, &call->args.count, &call->args.items))
            return NULL;
        for (uint32_t i = 0; i < call->order.count; i++)
            if (!(call->order.items[i].expr = fill(f, call->order.items[i].expr)))
                return NULL;
        if (call->filter && !(call->filter = fill(f, call->filter)))
            return NULL;
        for (uint32_t i = 0; i < call->args.count; i++)
            if (call->args.items[i]->depth > depth)
                depth = call->args.items[i]->depth;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i] && expr->args[i]->depth > depth)
            depth = expr->args[i]->depth;
    if (depth >= LEAT_SQL_MAX_DEPTH) {
        fail_at(f->p, LEAT_E_TOO_DEEP, f->offset, f->length, NULL,
                "the expression is nested more than %d levels deep", LEAT_SQL_MAX_DEPTH);
        return NULL;
    }
    expr->depth = (uint16_t)(depth + 1);
    return expr;
}

static uint32_t highest_parameter(const struct leat_sql_expr *expr)
{
    uint32_t highest = expr->kind == LEAT_SQL_PARAMETER ? expr->number : 0, below;

    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i] && (below = highest_parameter(expr->args[i])) > highest)
            highest = below;
    for (uint32_t i = 0; expr->call && i < expr->call->args.count; i++)
        if ((below = highest_parameter(expr->call->args.items[i])) > highest)
            highest = below;
    return highest;
}

static struct leat_sql_expr *expand(struct parser *p, const char *text, size_t start,
                                    uint32_t count, struct leat_sql_expr *const *args)
{
    struct parser inner;
    struct leat_error error;
    struct leat_sql_expr *expr = NULL;
    struct filling f = {.p = p, .start = start, .count = count, .args = args};

    if (parser_init(&inner, "", text, strlen(text), LEAT_SQL_POSTGRES, p->arena, &error)) {
        fail_memory(p);
        return NULL;
    }
    inner.origin = LEAT_SQL_ORIGIN_TEMPLATE;
    expr = parse_expr(&inner);
    leat_tokens_release(&inner.tokens);
    if (!expr || inner.failed) {
        if (inner.out_of_memory)
            fail_memory(p);
        else
            fail_at(p, LEAT_E_INTERNAL, offset_of(p, start), length_since(p, start), NULL,
                    "the form \"%s\" cannot be read: %s", text, error.message);
        return NULL;
    }
    f.named = highest_parameter(expr);
    f.offset = offset_of(p, start);
    f.length = length_since(p, start);
    expr = fill(&f, expr);
    if (!expr && !p->failed)
        fail_at(p, LEAT_E_INTERNAL, f.offset, f.length, NULL, "the form \"%s\" lacks an argument",
                text);
    return expr;
}

struct leat_sql_expr *spark_expand(struct parser *p, const char *text, size_t start, uint32_t count,
                                   struct leat_sql_expr *const *args)
{
    return p->failed ? NULL : expand(p, text, start, count, args);
}

/* --- choosing --- */
static void nearest_hint(const char *name, char *hint, size_t size)
{
    const char *names[COUNT(forms) + 1];
    const char *near;

    for (size_t i = 0; i < COUNT(forms); i++)
        names[i] = forms[i].name;
    names[COUNT(forms)] = NULL;
    near = leat_nearest_name(leat_text_of(name), names);
    snprintf(hint, size,
             near ? "did you mean %s? `leat explain L2008` lists what is not carried over"
                  : "docs/spark-dialect.md lists the functions that are",
             near);
}

static struct leat_sql_expr *no_form(struct parser *p, const char *name, size_t start,
                                     uint32_t count)
{
    uint32_t offset = offset_of(p, start), length = length_since(p, start);
    char hint[300];

    for (size_t i = 0; i < COUNT(forms); i++)
        if (strcmp(forms[i].name, name) == 0) {
            fail_at(p, LEAT_E_WRONG_ARGUMENT, offset, length, NULL,
                    forms[i].least == forms[i].most ? "%s takes %u argument%s, not %u"
                                                    : "%s takes %u or more argument%s, not %u",
                    name, forms[i].least, forms[i].least == 1 ? "" : "s", count);
            return NULL;
        }
    for (size_t i = 0; i < COUNT(refused); i++)
        if (strcmp(refused[i].name, name) == 0) {
            if (refused[i].instead)
                snprintf(hint, sizeof(hint), "write %s", refused[i].instead);
            fail_at(p, LEAT_E_DIALECT, offset, length, refused[i].instead ? hint : NULL,
                    "%s is not carried over from Spark: %s", name, refused[i].reason);
            return NULL;
        }
    nearest_hint(name, hint, sizeof(hint));
    fail_at(p, LEAT_E_UNKNOWN_FUNCTION, offset, length, hint,
            "the function %s is not carried over from Spark", name);
    return NULL;
}

struct leat_sql_expr *spark_form(struct parser *p, const char *name, size_t start, uint32_t count,
                                 struct leat_sql_expr *const *args)
{
    struct leat_sql_expr *expr;

    if (p->failed)
        return NULL;
    expr = spark_special(p, name, start, count, args);
    if (expr || p->failed)
        return expr;
    for (size_t i = 0; i < COUNT(forms); i++) {
        if (strcmp(forms[i].name, name) != 0 || count < forms[i].least || count > forms[i].most)
            continue;
        if (strcmp(forms[i].text, "=") != 0)
            return expand(p, forms[i].text, start, count, args);
        expr = make_call(p, forms[i].name, start, count, args);
        return expr;
    }
    return no_form(p, name, start, count);
}

/* --- DISTINCT, FILTER, OVER --- */
/* Gives them to the form's aggregates and window functions; *found counts those. The arguments
 * themselves are left alone. */
static bool pass_on(struct parser *p, struct leat_sql_expr *expr, const struct leat_sql_call *from,
                    unsigned *found)
{
    enum leat_function_kind kind;
    bool own = false;

    for (uint32_t i = 0; i < from->args.count; i++)
        own |= expr == from->args.items[i];
    if (own)
        return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i] && !pass_on(p, expr->args[i], from, found))
            return false;
    if (!expr->call)
        return true;
    for (uint32_t i = 0; i < expr->call->args.count; i++)
        if (!pass_on(p, expr->call->args.items[i], from, found))
            return false;
    if (!leat_function_exists(expr->call->function.parts[0].text.data, &kind) ||
        (kind == LEAT_FUNCTION_SCALAR))
        return true;
    ++*found;
    expr->call->distinct |= from->distinct;
    expr->call->over = from->over;
    if (from->order.count) {
        expr->call->order = from->order;
        expr->call->within_group =
            from->within_group &&
            strcmp(expr->call->function.parts[0].text.data, "string_agg") != 0;
    }
    if (expr->call->filter && from->filter) {
        struct leat_sql_expr *both[2] = {expr->call->filter, from->filter};
        expr->call->filter = make_expr(p, LEAT_SQL_AND, p->position - 1, NULL, 2, both);
        return expr->call->filter != NULL;
    }
    if (from->filter)
        expr->call->filter = from->filter;
    return true;
}

struct leat_sql_expr *spark_call(struct parser *p, struct leat_sql_expr *expr, size_t start)
{
    struct leat_sql_call *call = expr->call;
    const char *name = call->function.parts[call->function.count - 1].text.data;
    struct leat_sql_expr *form;
    unsigned found = 0;

    if (call->arg_names) {
        fail_at(p, LEAT_E_DIALECT, expr->offset, expr->length, NULL,
                "named arguments of %s are not carried over", name);
        return NULL;
    }
    if (call->star) /* count(*) */
        return expr;
    form = spark_rows_call(p, expr);
    if (form)
        return form;
    form = call->over ? spark_window_form(p, call, name, start) : NULL;
    if (!form && !p->failed)
        form = spark_form(p, name, start, call->args.count, call->args.items);
    if (!form || !pass_on(p, form, call, &found))
        return NULL;
    if (!found && (call->distinct || call->filter || call->over || call->order.count)) {
        fail_at(
            p, LEAT_E_WRONG_ARGUMENT, expr->offset, expr->length, NULL,
            "%s is not an aggregate function, so DISTINCT, ORDER BY, FILTER and OVER do not fit",
            name);
        return NULL;
    }
    return form;
}

/* --- settings --- */
const char *leat_sql_spark_setting(struct leat_text name, struct leat_text value)
{
    static const struct {
        const char *name;
        const char *same; /* the value that is honoured, or NULL */
        const char *reason;
    } settings[] = {
        {"spark.sql.ansi.enabled", "true", "errors of values are errors, as in Spark 4"},
        {"spark.sql.session.timeZone", "UTC", "times are kept and shown in UTC"},
        {"spark.sql.caseSensitive", "false", "names are the same in any case"},
        {"spark.sql.storeAssignmentPolicy", "ANSI", "values are cast as ANSI mode does"},
        {"spark.sql.timestampType", "TIMESTAMP_LTZ", "timestamp is a time with zone"},
        {"spark.sql.mapKeyDedupPolicy", "EXCEPTION", "it changes results"},
        {"spark.sql.orderByOrdinal", "true", "numbers in ORDER BY are positions"},
        {"spark.sql.groupByOrdinal", "true", "numbers in GROUP BY are positions"},
        {"spark.sql.groupByAliases", "true", "GROUP BY knows the names of the select list"},
        {"spark.sql.decimalOperations.allowPrecisionLoss", "true", "it changes results"}};

    for (size_t i = 0; i < COUNT(settings); i++)
        if (leat_text_equal_nocase(name, leat_text_of(settings[i].name)))
            return leat_text_equal_nocase(value, leat_text_of(settings[i].same))
                       ? NULL
                       : settings[i].reason;
    if (name.length > 17 && strncmp(name.data, "spark.sql.legacy.", 17) == 0)
        return "earlier behaviour of Spark is not carried over";
    return NULL;
}
