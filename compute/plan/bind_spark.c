/*
 * What a text in Spark's dialect means by its types: casts, arithmetic on decimals, division,
 * subscripts, joining of texts, functions that give rows. The result is the same kind of tree that
 * PostgreSQL's dialect gives; only functions and casts are chosen here. What has no counterpart is
 * refused by name.
 */
#include "compute/plan/planner_internal.h"
#include <stdio.h>

static struct leat_expr *refuse(struct planner *pl, const struct leat_expr *at, const char *hint,
                                const char *message)
{
    plan_fail(pl, LEAT_E_DIALECT, at->offset, at->length, hint, "%s", message);
    return NULL;
}

static struct leat_expr *call_one(struct planner *pl, const char *name, struct leat_expr *arg)
{
    return arg ? call_function(pl, name, &arg, 1, arg->offset, arg->length) : NULL;
}

static struct leat_expr *call_text(struct planner *pl, const char *name, struct leat_expr *arg,
                                   const char *text)
{
    struct leat_expr *args[2] = {arg,
                                 expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_TEXT), 0)};

    if (!arg || !args[1])
        return NULL;
    args[1]->constant.type = args[1]->type;
    args[1]->constant.text = leat_text_of(text);
    return call_function(pl, name, args, 2, arg->offset, arg->length);
}

static struct leat_expr *convert(struct planner *pl, struct leat_expr *arg, enum leat_type_id id)
{
    return coerce(pl, arg, leat_type_get(id), LEAT_CAST_EXPLICIT, "CAST");
}

static bool is_real(const struct leat_type *type)
{
    return type->id == LEAT_DOUBLE || type->id == LEAT_FLOAT;
}
static bool is_number(const struct leat_expr *expr)
{
    return !is_unknown(expr) && leat_type_is_numeric(expr->type);
}
static bool is_text(const struct leat_expr *expr)
{
    return is_unknown(expr) || expr->type->id == LEAT_TEXT;
}

/* --- casts --- */
static struct leat_expr *to_text(struct planner *pl, struct leat_expr *arg)
{
    arg = decide(pl, arg);
    if (!arg)
        return NULL;
    if (is_real(arg->type))
        return call_one(pl, "spark_real_text", arg);
    if (arg->type->id == LEAT_BYTES)
        return call_text(pl, "convert_from", arg, "UTF8");
    if (arg->type->id == LEAT_TIMESTAMPTZ)
        return convert(pl, convert(pl, arg, LEAT_TIMESTAMP), LEAT_TEXT);
    if (leat_type_is_nested(arg->type))
        return refuse(pl, arg, "concat_ws(',', list) joins a list's items",
                      "the text of lists, maps and structs is not carried over from Spark");
    if (arg->type->id == LEAT_INTERVAL)
        return refuse(pl, arg, NULL, "the text of intervals is not carried over from Spark");
    return convert(pl, arg, LEAT_TEXT);
}

/* Numbers lose their fraction, times become seconds, truth values 0 and 1. */
static struct leat_expr *to_number(struct planner *pl, struct leat_expr *arg,
                                   const struct leat_type *type)
{
    if (arg->type->id == LEAT_TIMESTAMPTZ) {
        struct leat_expr *args[2] = {expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_TEXT), 0),
                                     arg};
        if (!args[0])
            return NULL;
        args[0]->constant.type = args[0]->type;
        args[0]->constant.text = leat_text_of("epoch");
        arg = call_function(pl, "extract", args, 2, arg->offset, arg->length);
        if (arg && leat_type_is_integer(type))
            arg = call_one(pl, "floor", arg);
    } else if (arg->type->id == LEAT_BOOLEAN) {
        arg = convert(pl, arg, LEAT_INT32);
    } else if (leat_type_is_integer(type) &&
               (is_real(arg->type) || arg->type->id == LEAT_DECIMAL)) {
        arg = call_one(pl, "trunc", arg);
    }
    return arg;
}

/* The argument as far as a plain cast takes it to the type. */
static struct leat_expr *prepare_cast(struct planner *pl, struct leat_expr *arg,
                                      const struct leat_type *type)
{
    if (type->id == LEAT_TEXT)
        return to_text(pl, arg);
    if (is_text(arg)) {
        arg = decide(pl, arg);
        return type->id == LEAT_BYTES ? call_text(pl, "convert_to", arg, "UTF8") : arg;
    }
    if (leat_type_is_numeric(type))
        return to_number(pl, arg, type);
    if (type->id == LEAT_BOOLEAN && is_number(arg)) {
        struct leat_expr *args[2] = {arg, expr_integer(pl, 0)};
        return args[1] ? call_function(pl, "<>", args, 2, arg->offset, arg->length) : NULL;
    }
    if (type->id == LEAT_TIMESTAMPTZ && is_number(arg))
        return call_one(pl, "to_timestamp", convert(pl, arg, LEAT_DOUBLE));
    if (type->id == LEAT_TIMESTAMP && arg->type->id == LEAT_TIMESTAMPTZ)
        return convert(pl, arg, LEAT_TIMESTAMP);
    return arg;
}

struct leat_expr *spark_cast(struct planner *pl, struct leat_expr *arg,
                             const struct leat_type *type, bool soft)
{
    struct leat_expr *cast;

    if (arg->type->id == LEAT_NULL && !is_unknown(arg))
        return coerce(pl, arg, type, LEAT_CAST_EXPLICIT, "CAST");
    if (is_unknown(arg) && !soft && type->id != LEAT_BYTES)
        return coerce(pl, arg, type, LEAT_CAST_EXPLICIT, "CAST");
    arg = prepare_cast(pl, arg, type);
    cast = arg ? coerce(pl, arg, type, LEAT_CAST_EXPLICIT, "CAST") : NULL;
    if (soft && cast && cast->kind == LEAT_EXPR_CAST && cast != arg)
        cast->kind = LEAT_EXPR_TRY_CAST;
    return cast;
}

/* --- operators --- */
/* A whole literal beside a decimal has as many digits as it is written with. */
static void narrow_literal(struct leat_expr *literal, const struct leat_sql_expr *ast,
                           const struct leat_expr *other)
{
    int64_t value;
    unsigned digits = 1;

    if (ast->kind != LEAT_SQL_INTEGER || literal->kind != LEAT_EXPR_CONSTANT ||
        !leat_type_is_integer(literal->type) || is_unknown(other) ||
        other->type->id != LEAT_DECIMAL)
        return;
    value = literal->constant.integer;
    for (int64_t rest = value / 10; rest; rest /= 10)
        digits++;
    literal->type = literal->constant.type = leat_type_decimal(digits, 0);
    literal->constant.decimal = value;
}

/* Text beside another type becomes that type (whole numbers: bigint). */
static bool promote(struct planner *pl, struct leat_expr **args, bool divide)
{
    for (int i = 0; i < 2; i++) {
        struct leat_expr *other = args[1 - i];
        enum leat_type_id id;
        if (!is_text(args[i]) || is_text(other) || other->type->id == LEAT_NULL)
            continue;
        id = leat_type_is_numeric(other->type)
                 ? (leat_type_is_integer(other->type) && !divide ? LEAT_INT64 : LEAT_DOUBLE)
                 : other->type->id;
        if (id != LEAT_INT64 && id != LEAT_DOUBLE && id != LEAT_DATE && id != LEAT_TIMESTAMP &&
            id != LEAT_TIMESTAMPTZ && id != LEAT_BOOLEAN)
            continue;
        if (is_unknown(args[i]) && id != LEAT_INT64 && id != LEAT_DOUBLE)
            continue; /* a literal takes the type by itself */
        args[i] = convert(pl, args[i], id);
        if (!args[i])
            return false;
    }
    return true;
}

/* date + interval is a date if the interval has whole days, else a time. */
static struct leat_expr *add_interval(struct planner *pl, const struct leat_sql_expr *ast,
                                      struct leat_expr **args)
{
    int date = args[0]->type->id == LEAT_DATE ? 0 : 1;
    struct leat_expr *interval = args[1 - date], *sum;
    struct leat_value value;
    bool whole;

    if (leat_expr_fold(interval, pl->arena, &value, NULL))
        return refuse(pl, interval, "cast the date: CAST(d AS timestamp)",
                      "a date and an interval that is not constant are not carried over");
    whole = value.is_null || value.interval.microseconds == 0;
    if (!whole && !(args[date] = convert(pl, args[date], LEAT_TIMESTAMPTZ)))
        return NULL;
    sum = call_function(pl, ast->name.data, args, 2, ast->offset, ast->length);
    return sum && whole ? convert(pl, sum, LEAT_DATE) : sum;
}

static struct leat_expr *arithmetic(struct planner *pl, const struct leat_sql_expr *ast,
                                    struct leat_expr **args)
{
    const char *name = ast->name.data;
    enum leat_type_id a = args[0]->type->id, b = args[1]->type->id;
    bool decimal = (a == LEAT_DECIMAL || b == LEAT_DECIMAL) && !is_real(args[0]->type) &&
                   !is_real(args[1]->type);

    if ((a == LEAT_DATE && b == LEAT_INTERVAL) || (a == LEAT_INTERVAL && b == LEAT_DATE))
        return add_interval(pl, ast, args);
    if (*name == '-' && a == LEAT_DATE && b == LEAT_DATE && ast->origin == LEAT_SQL_ORIGIN_SPARK) {
        plan_fail(pl, LEAT_E_DIALECT, ast->offset, ast->length, "write datediff(a, b)",
                  "the interval between two dates is not carried over from Spark");
        return NULL;
    }
    if (*name == '/' && b != LEAT_INTERVAL && a != LEAT_INTERVAL)
        name = "spark_divide";
    else if (*name == '%' && (is_real(args[0]->type) || is_real(args[1]->type)))
        name = "spark_remainder";
    else if (*name == '*' && decimal && a != LEAT_INTERVAL && b != LEAT_INTERVAL)
        name = "spark_multiply";
    if (a == LEAT_INT8 && b == LEAT_INT8 && *name != 's') /* computed wider, and checked */
        return convert(pl, call_function(pl, name, args, 2, ast->offset, ast->length), LEAT_INT8);
    return call_function(pl, name, args, 2, ast->offset, ast->length);
}

static struct leat_expr *concat(struct planner *pl, const struct leat_sql_expr *ast,
                                struct leat_expr **args, uint32_t count)
{
    struct leat_expr *joined = NULL;
    bool lists = false;

    for (uint32_t i = 0; i < count; i++)
        lists |= args[i]->type->id == LEAT_LIST;
    for (uint32_t i = 0; i < count; i++) {
        struct leat_expr *pair[2] = {joined, args[i]};
        if (!lists && args[i]->type->id != LEAT_BYTES && !(pair[1] = to_text(pl, args[i])))
            return NULL;
        if (lists && args[i]->type->id != LEAT_LIST)
            return refuse(pl, args[i], "array_append(list, item) adds an item",
                          "lists are joined with lists only");
        joined = joined ? call_function(pl, "||", pair, 2, ast->offset, ast->length) : pair[1];
        if (!joined)
            return NULL;
    }
    return joined;
}

struct leat_expr *spark_operator(struct planner *pl, const struct leat_sql_expr *ast,
                                 struct leat_expr **args)
{
    const char *name = ast->name.data;

    if (ast->arg_count != 2)
        return call_function(pl, name, args, ast->arg_count, ast->offset, ast->length);
    if (strcmp(name, "||") == 0)
        return concat(pl, ast, args, 2);
    if (strcmp(name, "~") == 0)
        return call_function(pl, name, args, 2, ast->offset, ast->length);
    if (!promote(pl, args, *name == '/'))
        return NULL;
    if (name[1] == 0 && strchr("+-*/%", *name)) {
        if (*name == '/' && is_text(args[0]) && is_text(args[1]))
            for (int i = 0; i < 2; i++)
                if (!(args[i] = convert(pl, args[i], LEAT_DOUBLE)))
                    return NULL;
        narrow_literal(args[0], ast->args[0], args[1]);
        narrow_literal(args[1], ast->args[1], args[0]);
        return arithmetic(pl, ast, args);
    }
    return call_function(pl, name, args, 2, ast->offset, ast->length);
}

struct leat_expr *spark_map_field(struct planner *pl, struct leat_expr *map, struct leat_text key)
{
    return call_text(pl, "map_lookup", map, key.data);
}

struct leat_expr *spark_subscript(struct planner *pl, const struct leat_sql_expr *ast,
                                  struct leat_expr **args)
{
    if (args[0]->type->id == LEAT_STRUCT)
        return refuse(pl, args[0], "write s.field",
                      "fields of structs by [ ] are not carried over");
    return call_function(pl, args[0]->type->id == LEAT_MAP ? "map_lookup" : "spark_get_item", args,
                         2, ast->offset, ast->length);
}

/* --- functions that look at types --- */
static struct leat_expr *type_name_of(struct planner *pl, struct leat_expr *arg)
{
    static const char *const names[][2] = {{"integer", "int"},
                                           {"text", "string"},
                                           {"bytea", "binary"},
                                           {"double precision", "double"},
                                           {"real", "float"},
                                           {"timestamptz", "timestamp"},
                                           {"timestamp with time zone", "timestamp"},
                                           {"timestamp", "timestamp_ntz"},
                                           {"timestamp without time zone", "timestamp_ntz"}};
    struct leat_expr *out = expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_TEXT), 0);
    const char *name = is_unknown(arg) ? "string" : leat_type_name(pl->arena, arg->type);

    if (!out || !name)
        return NULL;
    if (!is_unknown(arg) && leat_type_is_nested(arg->type))
        return refuse(pl, arg, NULL, "the names of nested types are not carried over from Spark");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i][0]) == 0) {
            name = names[i][1];
            break;
        }
    if (strncmp(name, "numeric", 7) == 0)
        name = leat_arena_printf(pl->arena, "decimal%s", name + 7);
    out->constant.type = out->type;
    out->constant.text = leat_text_of(name);
    return out;
}

struct leat_expr *spark_function(struct binding *b, const struct leat_sql_expr *ast,
                                 const char *name, struct leat_expr **args, uint32_t count)
{
    struct planner *pl = b->pl;

    if (strcmp(name, "spark_time") == 0)
        return is_text(args[0]) ? convert(pl, args[0], LEAT_TIMESTAMPTZ) : args[0];
    if (strcmp(name, "spark_concat") == 0)
        return concat(pl, ast, args, count);
    if (strcmp(name, "spark_typeof") == 0)
        return type_name_of(pl, args[0]);
    if (strcmp(name, "spark_reverse") == 0) {
        if (args[0]->type->id == LEAT_LIST)
            return refuse(pl, args[0], "sort_array(list, false) sorts from the end",
                          "reverse of a list is not carried over");
        return call_one(pl, "reverse", to_text(pl, args[0]));
    }
    if (strcmp(name, "spark_array_contains") == 0) {
        struct leat_expr *turned[2] = {args[1], args[0]};
        return call_function(pl, "= any", turned, 2, ast->offset, ast->length);
    }
    if (strcmp(name, "spark_sequence") == 0) {
        if (!coerce_common(pl, args, count, "sequence"))
            return NULL;
        if (!leat_type_is_integer(args[0]->type))
            return refuse(pl, args[0], "generate_series in PostgreSQL's dialect",
                          "sequence is carried over for whole numbers only");
        return call_function(pl, "generate_series", args, count, ast->offset, ast->length);
    }
    if (strcmp(name, "spark_concat_ws") == 0)
        for (uint32_t i = 0; i < count; i++)
            if (args[i]->type->id != LEAT_LIST && !(args[i] = to_text(pl, args[i])))
                return NULL;
    if (args[0]->type->id == LEAT_MAP &&
        (strcmp(name, "spark_element_at") == 0 || strcmp(name, "spark_try_element_at") == 0))
        name = "map_lookup";
    return call_function(pl, name, args, count, ast->offset, ast->length);
}

/* --- functions that give rows --- */
static bool add_output(struct planner *pl, const char *name, struct leat_expr *expr,
                       struct node *map, struct output *out)
{
    uint32_t id = new_column(pl, name, expr->type);

    *out = (struct output){.name = leat_text_of(name), .id = id};
    return exprs_add(pl, &map->exprs, expr) && ids_add(pl, &map->columns, id);
}

static struct leat_expr *subscript(struct planner *pl, struct leat_expr *list, uint32_t place)
{
    struct leat_expr *args[2] = {list, expr_column(pl, place, NULL)};

    if (!args[1] || !(args[1] = convert(pl, args[1], LEAT_INT32)))
        return NULL;
    return call_function(pl, "subscript", args, 2, list->offset, list->length);
}

/* The columns that a row of the function has: [pos,] col | key, value | the fields of a struct. */
struct node *spark_rows(struct planner *pl, const char *name, struct leat_expr *value,
                        struct output **outputs, uint32_t *count)
{
    bool map = value->type->id == LEAT_MAP, position = strcmp(name, "spark_posexplode") == 0;
    bool fields = strcmp(name, "spark_inline") == 0;
    struct leat_expr *list = map ? call_one(pl, "map_keys", value) : value, *item;
    struct node *unnest = new_node(pl, NODE_UNNEST, new_one_row(pl));
    struct node *top = new_node(pl, NODE_MAP, unnest);
    const struct leat_type *element;
    uint32_t id, place;

    if (!list || !unnest || !top)
        return NULL;
    if (list->type->id != LEAT_LIST || (fields && list->type->fields[0].type->id != LEAT_STRUCT)) {
        plan_fail(pl, LEAT_E_TYPE_MISMATCH, value->offset, value->length, NULL, "%s takes a %s",
                  name + 6, fields ? "list of structs" : "list or a map");
        return NULL;
    }
    element = list->type->fields[0].type;
    id = new_column(pl, map ? "key" : "col", element);
    place = new_column(pl, "ordinality", leat_type_get(LEAT_INT64));
    *outputs = plan_alloc(pl, (3u + (fields ? element->field_count : 0)) * sizeof(**outputs));
    if (!*outputs || !exprs_add(pl, &unnest->exprs, list) || !ids_add(pl, &unnest->columns, id) ||
        !ids_add(pl, &unnest->columns, place))
        return NULL;
    unnest->ordinality = true;
    *count = 0;
    if (position) {
        struct leat_expr *args[2] = {expr_column(pl, place, NULL), expr_integer(pl, 1)};
        struct leat_expr *zero = args[0] && args[1] ? call_function(pl, "-", args, 2, 0, 0) : NULL;
        if (!zero || !(zero = convert(pl, zero, LEAT_INT32)) ||
            !add_output(pl, "pos", zero, top, &(*outputs)[(*count)++]))
            return NULL;
    }
    item = expr_column(pl, id, NULL);
    if (!item)
        return NULL;
    for (uint32_t i = 0; fields && i < element->field_count; i++) {
        struct leat_expr *field = expr_new(pl, LEAT_EXPR_FIELD, element->fields[i].type, 1);
        if (!field)
            return NULL;
        field->column = i;
        field->args[0] = item;
        if (!add_output(pl, element->fields[i].name, field, top, &(*outputs)[(*count)++]))
            return NULL;
    }
    if (!fields)
        (*outputs)[(*count)++] =
            (struct output){.name = leat_text_of(map ? "key" : "col"), .id = id};
    if (map) {
        struct leat_expr *values = call_one(pl, "map_values", value);
        struct leat_expr *of = values ? subscript(pl, values, place) : NULL;
        if (!of || !add_output(pl, "value", of, top, &(*outputs)[(*count)++]))
            return NULL;
    }
    return top->columns.count ? top : unnest;
}
