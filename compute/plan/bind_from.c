/*
 * FROM: tables, views, WITH queries, files, table functions, subqueries and joins. What stands to
 * the right of a comma or join may use columns of the left if it is a function or LATERAL; such
 * joins are made independent at once (unnest.c).
 */
#include "columns/format.h"
#include "compute/plan/planner_internal.h"
#include <stdio.h>

static struct output *plan_outputs(struct planner *pl, uint32_t count)
{
    return plan_alloc(pl, count * sizeof(struct output));
}

/* The source becomes the plan's. */
static struct node *scan_source(struct planner *pl, struct leat_source *source,
                                struct output **outputs, uint32_t *count)
{
    struct node *node;

    if (leat_plan_own_source(pl->owner, source, pl->err))
        return NULL;
    node = new_node(pl, NODE_SCAN, NULL);
    *outputs = plan_outputs(pl, source->schema.count);
    if (!node || !*outputs)
        return NULL;
    node->source = source;
    *count = source->schema.count;
    for (uint32_t i = 0; i < *count; i++) {
        const struct leat_field *field = &source->schema.fields[i];
        uint32_t id = new_column(pl, field->name, field->type);
        if (!ids_add(pl, &node->columns, id))
            return NULL;
        pl->columns[id].required = field->required;
        pl->columns[id].statistics = source->statistics ? &source->statistics[i] : NULL;
        pl->columns[id].rows =
            source->row_estimate == UINT64_MAX ? -1 : (double)source->row_estimate;
        (*outputs)[i] = (struct output){.name = leat_text_of(field->name), .id = id};
    }
    if (source->has_origin) { /* hidden from names and * */
        *count -= 2;
        for (uint32_t i = 0; i < 2 && !pl->has_origin; i++)
            pl->origin[i] = node->columns.items[*count + i];
        pl->has_origin = true;
    }
    return node;
}

/* AS t(a, b): new names for the first columns. */
bool rename_columns(struct planner *pl, const struct leat_sql_names *names, struct output *outputs,
                    uint32_t count, const char *what)
{
    if (names->count > count)
        return plan_fail(
            pl, LEAT_E_COLUMN_COUNT, names->items[count].offset, names->items[count].length, NULL,
            "\"%s\" has %u columns, but %u names are given", what, count, names->count);
    for (uint32_t i = 0; i < names->count; i++)
        outputs[i].name = names->items[i].text;
    return true;
}

static bool add_table(struct planner *pl, struct scope *scope, const struct leat_sql_from *from,
                      struct leat_text default_name, struct output *outputs, uint32_t count)
{
    struct leat_text alias = from->alias.text.data ? from->alias.text : default_name;

    if (!rename_columns(pl, &from->columns, outputs, count, alias.data ? alias.data : ""))
        return false;
    for (uint32_t i = 0; alias.length && i < scope->range_count; i++)
        if (leat_text_equal(scope->ranges[i].alias, alias))
            return plan_fail(pl, LEAT_E_DUPLICATE_TABLE, from->offset, from->length,
                             "give one of them an alias: FROM t AS a",
                             "table name \"%s\" specified more than once", alias.data);
    return scope_add(pl, scope, alias, from->alias.text.data ? NULL : &from->path, outputs, count);
}

/* --- WITH queries --- */
static struct cte *find_cte(const struct scope *scope, const struct leat_sql_path *path)
{
    if (path->count != 1)
        return NULL;
    for (struct cte *cte = scope->ctes; cte; cte = cte->next)
        if (leat_text_equal(cte->definition->name.text, path->parts[0].text))
            return cte;
    return NULL;
}

/* A shared subplan that shows the query's own columns only, not all that its tables have. */
static struct shared *share_outputs(struct planner *pl, const struct bound_query *query)
{
    struct shared *shared = new_shared(pl, query->node);
    struct idset wanted = {0};

    if (!shared)
        return NULL;
    shared->columns = (struct ids){0};
    for (uint32_t i = 0; i < query->count; i++) {
        if (idset_has(&wanted, query->outputs[i].id))
            continue;
        if (!idset_add(pl, &wanted, query->outputs[i].id) ||
            !ids_add(pl, &shared->columns, query->outputs[i].id))
            return NULL;
    }
    return shared;
}

/* Every use reads one shared subplan; the optimizer puts it in place if there is one use only. */
static struct node *bind_cte(struct planner *pl, struct cte *cte, struct output **outputs,
                             uint32_t *count)
{
    bool share = cte->definition->materialized != LEAT_SQL_MATERIALIZED_NO, first = !cte->bound;
    struct scope scope = {.ctes = cte->visible};
    struct node *node;

    if (cte->working) {
        *count = cte->working->count;
        *outputs = plan_outputs(pl, *count);
        return *outputs ? use_working(pl, cte->working, false, *outputs) : NULL;
    }
    if (first || !share) {
        const struct leat_sql_cte *outside = pl->binding;
        bool good, outside_recursive = pl->binding_recursive;
        pl->binding = cte->definition;
        pl->binding_recursive = cte->recursive;
        good = cte->recursive ? bind_recursive(pl, cte, &scope, &cte->query)
                              : bind_query(pl, cte->definition->query, &scope, &cte->query);
        pl->binding = outside;
        pl->binding_recursive = outside_recursive;
        if (!good || !rename_columns(pl, &cte->definition->columns, cte->query.outputs,
                                     cte->query.count, cte->definition->name.text.data))
            return NULL;
        cte->bound = true;
        if (share && !(cte->shared = share_outputs(pl, &cte->query)))
            return NULL;
    }
    node = share ? new_shared_use(pl, cte->shared, first) : cte->query.node;
    *outputs = node ? plan_outputs(pl, cte->query.count) : NULL;
    if (!*outputs)
        return NULL;
    *count = cte->query.count;
    for (uint32_t i = 0; i < *count; i++) {
        (*outputs)[i] = cte->query.outputs[i];
        for (uint32_t k = 0; share && k < cte->shared->columns.count; k++)
            if (cte->shared->columns.items[k] == cte->query.outputs[i].id)
                (*outputs)[i].id = node->columns.items[k];
    }
    return node;
}

/* --- views --- */
/* Errors inside a view point into its own text, or into the file that text came from. */
static void place_in_view(struct planner *pl, const struct leat_relation *relation)
{
    struct leat_buffer file;

    if (relation->view_file && pl->err->place.line) {
        leat_buffer_init(&file, (size_t)1 << 24);
        if (leat_file_read_all(relation->view_file, &file, NULL) == LEAT_OK &&
            relation->view_offset + pl->err->place.offset <= file.length)
            leat_error_at_text(pl->err, relation->view_file, (const char *)file.data, file.length,
                               (size_t)(relation->view_offset + pl->err->place.offset),
                               pl->err->place.length);
        leat_buffer_release(&file);
    } else {
        leat_error_context(pl->err, "in view \"%s\"", relation->name);
    }
}

static struct node *bind_view(struct planner *pl, const struct leat_relation *relation,
                              const struct leat_sql_from *from, struct output **outputs,
                              uint32_t *count)
{
    struct leat_expr_source saved = pl->source;
    bool was_in_view = pl->in_view, good;
    struct leat_sql_query *query = NULL;
    struct bound_query bound;
    struct scope empty = {0};

    pl->depth += 50;
    if (pl->depth > PLANNER_MAX_DEPTH) {
        plan_fail(pl, LEAT_E_RECURSION, from->offset, from->length, NULL,
                  "view \"%s\" uses itself, or views are nested too deeply", relation->name);
        return NULL;
    }
    pl->source = (struct leat_expr_source){"", relation->view_sql, strlen(relation->view_sql)};
    pl->in_view = true;
    good = leat_sql_parse_query("", relation->view_sql, pl->source.length, relation->view_dialect,
                                pl->arena, &query, pl->err) == LEAT_OK &&
           bind_query(pl, query, &empty, &bound);
    if (!good)
        place_in_view(pl, relation);
    pl->source = saved;
    pl->in_view = was_in_view;
    pl->depth -= 50;
    if (!good)
        return NULL;
    *outputs = bound.outputs;
    *count = bound.count;
    return bound.node;
}

/* --- tables --- */
static void table_hint(struct planner *pl, const struct leat_sql_path *path,
                       const struct scope *scope, char *hint, size_t size)
{
    struct leat_bytes_list list;
    const char **names;
    size_t count = 0;
    const char *near = NULL;

    hint[0] = 0;
    leat_bytes_list_init(&list);
    if (pl->options->catalog &&
        pl->options->catalog->ops->list(pl->options->catalog, &list, NULL) == LEAT_OK) {
        size_t ctes = 0;
        for (const struct cte *cte = scope->ctes; cte; cte = cte->next)
            ctes++;
        names = leat_arena_calloc(pl->arena, list.count + ctes + 1, sizeof(*names));
        for (size_t i = 0; names && i < list.count; i++) {
            names[count] = leat_arena_copy(pl->arena, list.items[i].data, list.items[i].length);
            count += names[count] != NULL;
        }
        for (const struct cte *cte = scope->ctes; names && cte; cte = cte->next)
            names[count++] = cte->definition->name.text.data;
        near = names ? leat_nearest_name(path->parts[path->count - 1].text, names) : NULL;
        if (near)
            snprintf(hint, size, "did you mean \"%.100s\"?", near);
        else if (count && names)
            snprintf(hint, size, "Candidates: %.60s%s%.60s%s%.60s%s", names[0],
                     count > 1 ? ", " : "", count > 1 ? names[1] : "", count > 2 ? ", " : "",
                     count > 2 ? names[2] : "", count > 3 ? ", ..." : "");
    }
    leat_bytes_list_release(&list);
    if (path->count == 2 && !near)
        snprintf(hint, size, "to read a file, write FROM '%.60s.%.20s'", path->parts[0].text.data,
                 path->parts[1].text.data);
}

static struct node *bind_table(struct planner *pl, const struct leat_sql_from *from,
                               struct scope *scope, struct output **outputs, uint32_t *count)
{
    struct cte *cte = find_cte(scope, &from->path);
    struct leat_text parts[8];
    struct leat_relation relation = {0};
    enum leat_status status = LEAT_NOT_FOUND;
    char hint[300];

    if (cte)
        return bind_cte(pl, cte, outputs, count);
    for (uint32_t i = 0; i < from->path.count; i++)
        parts[i] = from->path.parts[i].text;
    if (pl->options->catalog)
        status = pl->options->catalog->ops->find(pl->options->catalog, parts, from->path.count,
                                                 pl->arena, &relation, pl->err);
    if (status == LEAT_NOT_FOUND && pl->binding && from->path.count == 1 &&
        leat_text_equal(pl->binding->name.text, parts[0])) {
        plan_fail(pl, pl->binding_recursive ? LEAT_E_RECURSION : LEAT_E_UNKNOWN_TABLE,
                  from->path.offset, from->path.length,
                  "write WITH RECURSIVE t AS (first rows UNION ALL SELECT ... FROM t ...)",
                  "the WITH query \"%s\" uses itself, which it may only in WITH RECURSIVE and "
                  "behind UNION",
                  parts[0].data);
        return NULL;
    }
    if (status == LEAT_NOT_FOUND) {
        table_hint(pl, &from->path, scope, hint, sizeof(hint));
        plan_fail(pl, LEAT_E_UNKNOWN_TABLE, from->path.offset, from->path.length, hint,
                  "table \"%.*s\" does not exist", (int)from->path.length,
                  pl->source.text ? pl->source.text + from->path.offset
                                  : from->path.parts[from->path.count - 1].text.data);
        return NULL;
    }
    if (status) {
        plan_place(pl, from->offset, from->length);
        return NULL;
    }
    if (relation.kind == LEAT_RELATION_VIEW)
        return bind_view(pl, &relation, from, outputs, count);
    return scan_source(pl, relation.source, outputs, count);
}

/* --- functions and files --- */
static struct leat_expr *bind_argument(struct planner *pl, const struct leat_sql_from *from,
                                       uint32_t i, struct scope *scope)
{
    struct binding b = {.pl = pl, .scope = scope, .clause = CLAUSE_FROM};
    return bind_expr(&b, from->function->call->args.items[i]);
}

/* The items of a list beside each row: over the tables to the left if the list comes from them. */
static struct node *unnest_list(struct planner *pl, const struct leat_sql_from *from,
                                struct leat_expr *list, const char *name, struct output **outputs,
                                uint32_t *count)
{
    struct node *node = new_node(pl, NODE_UNNEST, new_one_row(pl));
    uint32_t id, ordinal = 0;

    if (list->type->id != LEAT_LIST) {
        plan_fail(pl, LEAT_E_TYPE_MISMATCH, list->offset, list->length, NULL,
                  "unnest takes a list, not type %s", leat_type_name(pl->arena, list->type));
        return NULL;
    }
    *outputs = plan_outputs(pl, 2);
    id = new_column(pl, name, list->type->fields[0].type);
    if (from->ordinality)
        ordinal = new_column(pl, "ordinality", leat_type_get(LEAT_INT64));
    if (!node || !node->left || !*outputs || !exprs_add(pl, &node->exprs, list) ||
        !ids_add(pl, &node->columns, id) ||
        (from->ordinality && !ids_add(pl, &node->columns, ordinal)))
        return NULL;
    node->ordinality = from->ordinality;
    (*outputs)[0] = (struct output){
        .name = from->alias.text.data ? from->alias.text : leat_text_of(name), .id = id};
    (*outputs)[1] = (struct output){.name = leat_text_of("ordinality"), .id = ordinal};
    *count = from->ordinality ? 2 : 1;
    return node;
}

const struct row_function *row_function_find(const char *name)
{
    static const struct row_function functions[] = {
        {"json_array_elements", "json_items", "value"},
        {"jsonb_array_elements", "json_items", "value"},
        {"json_array_elements_text", "json_item_texts", "value"},
        {"jsonb_array_elements_text", "json_item_texts", "value"},
        {"json_object_keys", "json_keys", NULL},
        {"jsonb_object_keys", "json_keys", NULL},
        {"json_each", "json_members", NULL},
        {"jsonb_each", "json_members", NULL},
        {"json_each_text", "json_member_texts", NULL},
        {"jsonb_each_text", "json_member_texts", NULL},
        {"regexp_split_to_table", "regexp_split_to_array", NULL},
        {"string_to_table", "string_to_array", NULL},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (strcmp(name, functions[i].name) == 0)
            return &functions[i];
    return NULL;
}

/* The fields of the items, a column each. */
static struct node *spread_items(struct planner *pl, struct node *unnest, struct output **outputs,
                                 uint32_t *count)
{
    struct node *map = new_node(pl, NODE_MAP, unnest);
    struct output item = (*outputs)[0], ordinal = (*outputs)[1];
    const struct leat_type *type = pl->columns[item.id].type;
    bool numbered = *count == 2;

    *outputs = plan_outputs(pl, type->field_count + 1);
    if (!map || !*outputs)
        return NULL;
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct leat_expr *field = expr_new(pl, LEAT_EXPR_FIELD, type->fields[i].type, 1);
        uint32_t id = new_column(pl, type->fields[i].name, type->fields[i].type);
        if (!field || !(field->args[0] = expr_column(pl, item.id, NULL)) ||
            !ids_add(pl, &map->columns, id) || !exprs_add(pl, &map->exprs, field))
            return NULL;
        field->column = i;
        (*outputs)[i] = (struct output){.name = leat_text_of(type->fields[i].name), .id = id};
    }
    (*outputs)[type->field_count] = ordinal;
    *count = type->field_count + numbered;
    return map;
}

/* json_each(...) and others in FROM. */
static struct node *bind_row_function(struct planner *pl, const struct leat_sql_from *from,
                                      const struct row_function *function, struct scope *scope,
                                      struct output **outputs, uint32_t *count)
{
    const struct leat_sql_expr *call = from->function;
    uint32_t given = call->call->args.count;
    struct leat_expr **args = plan_alloc(pl, (given + 1u) * sizeof(*args)), *list;
    struct node *node;

    if (!args)
        return NULL;
    for (uint32_t i = 0; i < given; i++)
        if (!(args[i] = bind_argument(pl, from, i, scope)))
            return NULL;
    list = call_function(pl, function->list, args, given, call->offset, call->length);
    node = list ? unnest_list(pl, from, list, function->name, outputs, count) : NULL;
    if (node && function->column)
        (*outputs)[0].name = leat_text_of(function->column);
    return node && list->type->fields[0].type->id == LEAT_STRUCT
               ? spread_items(pl, node, outputs, count)
               : node;
}

static struct node *bind_unnest(struct planner *pl, const struct leat_sql_from *from,
                                struct scope *scope, struct output **outputs, uint32_t *count)
{
    struct leat_expr *list;

    if (from->function->call->args.count != 1) {
        plan_fail(pl, LEAT_E_WRONG_ARGUMENT, from->function->offset, from->function->length, NULL,
                  "unnest takes one list");
        return NULL;
    }
    list = bind_argument(pl, from, 0, scope);
    return list ? unnest_list(pl, from, list, "unnest", outputs, count) : NULL;
}

/* start, stop, step: all of one integer type, or times and an interval. */
bool bind_series_args(struct planner *pl, struct leat_expr **args, uint32_t given,
                      const struct leat_sql_expr *call)
{
    enum leat_type_id first;

    if (given < 2 || given > 3)
        return plan_fail(pl, LEAT_E_WRONG_ARGUMENT, call->offset, call->length, NULL,
                         "generate_series takes start, stop and perhaps step");
    for (uint32_t i = 0; i < given; i++)
        if (!(args[i] = decide(pl, args[i])))
            return false;
    first = args[0]->type->id;
    if (first >= LEAT_DATE && first <= LEAT_TIMESTAMPTZ) {
        const struct leat_type *type =
            leat_type_get(first == LEAT_TIMESTAMPTZ ? LEAT_TIMESTAMPTZ : LEAT_TIMESTAMP);
        if (given == 2)
            return plan_fail(pl, LEAT_E_WRONG_ARGUMENT, call->offset, call->length, NULL,
                             "generate_series over times needs a step such as INTERVAL '1 day'");
        args[0] = coerce(pl, args[0], type, LEAT_CAST_IMPLICIT, "start");
        args[1] = coerce(pl, args[1], type, LEAT_CAST_IMPLICIT, "stop");
        args[2] = coerce(pl, args[2], leat_type_get(LEAT_INTERVAL), LEAT_CAST_IMPLICIT, "step");
        return args[0] && args[1] && args[2];
    }
    if (given == 2 && !(args[2] = expr_integer(pl, 1)))
        return false;
    if (args[0]->type->id <= LEAT_INT32 && args[1]->type->id <= LEAT_INT32 && given == 2)
        args[2] = coerce(pl, args[2], leat_type_get(LEAT_INT32), LEAT_CAST_EXPLICIT, "step");
    if (!args[2] || !coerce_common(pl, args, 3, "generate_series"))
        return false;
    if (!leat_type_is_integer(args[0]->type))
        return plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, call->offset, call->length, NULL,
                         "generate_series is supported for integers and times");
    return true;
}

/* Constant integers are a node of their own; all else is a list, unnested. */
static struct node *bind_series(struct planner *pl, const struct leat_sql_from *from,
                                struct scope *scope, struct output **outputs, uint32_t *count)
{
    const struct leat_sql_expr *call = from->function;
    uint32_t given = call->call->args.count, id;
    struct leat_expr *args[3] = {NULL, NULL, NULL}, *list;
    struct node *node = new_node(pl, NODE_SERIES, NULL);
    struct idset used = {0};

    for (uint32_t i = 0; i < given && i < 3; i++)
        if (!(args[i] = bind_argument(pl, from, i, scope)))
            return NULL;
    if (!node || !bind_series_args(pl, args, given, call))
        return NULL;
    for (uint32_t i = 0; i < 3; i++)
        if (!expr_refs(pl, args[i], &used))
            return NULL;
    if (!leat_type_is_integer(args[0]->type) || !idset_empty(&used) || from->ordinality) {
        list = call_function(pl, "generate_series", args, 3, call->offset, call->length);
        return list ? unnest_list(pl, from, list, "generate_series", outputs, count) : NULL;
    }
    id = new_column(pl, "generate_series", args[0]->type);
    *outputs = plan_outputs(pl, 1);
    if (!*outputs || !ids_add(pl, &node->columns, id))
        return NULL;
    for (int i = 0; i < 3; i++)
        if (!exprs_add(pl, &node->exprs, args[i]))
            return NULL;
    (*outputs)[0] = (struct output){.name = from->alias.text.data ? from->alias.text
                                                                  : leat_text_of("generate_series"),
                                    .id = id};
    *count = 1;
    return node;
}

static struct node *open_stream(struct planner *pl, const struct leat_sql_from *from,
                                const struct leat_file_call *call, struct output **outputs,
                                uint32_t *count)
{
    struct leat_source *source = NULL;

    if (!pl->options->open_stream) {
        char hint[160];
        snprintf(hint, sizeof(hint),
                 from->path.count ? "write FROM %.80s to read the whole table"
                                  : "leave STREAM out to read everything",
                 from->path.count ? from->path.parts[from->path.count - 1].text.data : "");
        plan_fail(pl, LEAT_E_MISPLACED_STREAM, from->offset, from->length, hint,
                  "STREAM reads only what is new, and stands only in streaming tables and flows");
        return NULL;
    }
    if (pl->options->open_stream(pl->options->stream_context, from, call, &source, pl->err)) {
        plan_place(pl, from->offset, from->length);
        return NULL;
    }
    return scan_source(pl, source, outputs, count);
}

static struct node *bind_files(struct planner *pl, const struct leat_sql_from *from,
                               struct output **outputs, uint32_t *count)
{
    struct leat_file_call call;
    struct leat_file_list files = {0};
    struct leat_source *source = NULL;
    struct leat_plan_options options = *pl->options;
    enum leat_status status;

    options.source = pl->source;
    status = leat_plan_file_call(from, &options, pl->arena, &call, pl->err);
    if (status) {
        plan_place(pl, from->offset, from->length);
        return NULL;
    }
    if (from->stream)
        return open_stream(pl, from, &call, outputs, count);
    if (pl->options->open_files) {
        status = pl->options->open_files(pl->options->stream_context, &call, &source, pl->err);
    } else {
        status = leat_plan_file_list(&call, &files, pl->err);
    }
    if (!status && !source) {
        status = leat_plan_open_files(&call, files.items, files.count, &source, pl->err);
        leat_file_list_release(&files);
    }
    if (status) {
        plan_place(pl, call.offset, call.length);
        return NULL;
    }
    return scan_source(pl, source, outputs, count);
}

static struct node *bind_function(struct planner *pl, const struct leat_sql_from *from,
                                  struct scope *scope, struct output **outputs, uint32_t *count)
{
    const struct leat_sql_path *path = &from->function->call->function;
    const char *name = path->parts[path->count - 1].text.data;
    struct leat_file_call probe;
    struct leat_plan_options options = *pl->options;

    if (strcmp(name, "unnest") == 0)
        return bind_unnest(pl, from, scope, outputs, count);
    if (strcmp(name, "generate_series") == 0)
        return bind_series(pl, from, scope, outputs, count);
    if (row_function_find(name))
        return bind_row_function(pl, from, row_function_find(name), scope, outputs, count);
    if (strncmp(name, "spark_", 6) == 0 && from->function->call->args.count == 1) {
        struct leat_expr *value = bind_argument(pl, from, 0, scope);
        return value ? spark_rows(pl, name, value, outputs, count) : NULL;
    }
    options.source = pl->source;
    if (leat_plan_file_call(from, &options, pl->arena, &probe, pl->err) != LEAT_NOT_FOUND)
        return bind_files(pl, from, outputs, count);
    static const char *const known[] = {"read_csv",
                                        "read_json",
                                        "read_parquet",
                                        "read_avro",
                                        "read_files",
                                        "unnest",
                                        "generate_series",
                                        "json_each",
                                        "json_array_elements",
                                        "json_object_keys",
                                        "regexp_split_to_table",
                                        "string_to_table",
                                        NULL};
    const char *near = leat_nearest_name(leat_text_of(name), known);
    char hint[200] = "table functions are read_csv, read_json, read_parquet, read_avro, "
                     "read_files, unnest, generate_series, json_each, json_array_elements, "
                     "json_object_keys, regexp_split_to_table, string_to_table";
    if (near)
        snprintf(hint, sizeof(hint), "did you mean %s?", near);
    plan_fail(pl, LEAT_E_UNKNOWN_TABLE, from->function->offset, path->length, hint,
              "there is no table function \"%s\"", name);
    return NULL;
}

/* --- joins --- */
static bool same_column(struct leat_text a, const struct leat_sql_name *name)
{
    return leat_text_equal(a, name->text) ||
           (!name->quoted && leat_text_equal_nocase(a, name->text));
}

static bool find_join_column(struct planner *pl, const struct scope *scope,
                             const struct leat_sql_name *name, const char *side, uint32_t *out)
{
    unsigned found = 0;

    for (uint32_t i = 0; i < scope->visible_count; i++)
        if (same_column(scope->visible[i].name, name)) {
            *out = i;
            found++;
        }
    if (found == 1)
        return true;
    if (found)
        return plan_fail(pl, LEAT_E_AMBIGUOUS_COLUMN, name->offset, name->length, NULL,
                         "column \"%s\" appears more than once in the %s table of the join",
                         name->text.data, side);
    return plan_fail(pl, LEAT_E_UNKNOWN_COLUMN, name->offset, name->length, NULL,
                     "column \"%s\" in USING does not exist in the %s table of the join",
                     name->text.data, side);
}

struct merge {
    struct visible *visible; /* merged columns first */
    uint32_t count;
    bool *left_used, *right_used;
};

/* One column of USING: the equality, and the column that both become. */
static bool merge_column(struct planner *pl, const struct leat_sql_from *from,
                         const struct leat_sql_name *name, const struct scope *left,
                         const struct scope *right, struct exprs *conds, struct node *map,
                         struct merge *merge)
{
    uint32_t l = 0, r = 0, id;
    struct leat_expr *args[2], *equal, *both;

    if (!find_join_column(pl, left, name, "left", &l) ||
        !find_join_column(pl, right, name, "right", &r))
        return false;
    args[0] = expr_column(pl, left->visible[l].id, NULL);
    args[1] = expr_column(pl, right->visible[r].id, NULL);
    if (!args[0] || !args[1])
        return false;
    args[0]->offset = args[1]->offset = name->offset;
    args[0]->length = args[1]->length = name->length;
    equal = call_function(pl, "=", args, 2, name->offset, name->length);
    if (!equal || !exprs_add(pl, conds, equal))
        return false;
    merge->left_used[l] = merge->right_used[r] = true;
    id = from->join == LEAT_SQL_JOIN_RIGHT ? right->visible[r].id : left->visible[l].id;
    if (from->join == LEAT_SQL_JOIN_FULL) {
        both = expr_new(pl, LEAT_EXPR_COALESCE, equal->args[0]->type, 2);
        if (!both)
            return false;
        both->args[0] = equal->args[0];
        both->args[1] = equal->args[1];
        id = new_column(pl, name->text.data, both->type);
        if (!exprs_add(pl, &map->exprs, both) || !ids_add(pl, &map->columns, id))
            return false;
    }
    merge->visible[merge->count++] = (struct visible){left->visible[l].name, id, UINT32_MAX};
    return true;
}

static bool natural_names(struct planner *pl, const struct leat_sql_from *from,
                          const struct scope *left, const struct scope *right,
                          struct leat_sql_names *out)
{
    out->items = plan_alloc(pl, (left->visible_count + 1u) * sizeof(*out->items));
    out->count = 0;
    if (!out->items)
        return false;
    for (uint32_t i = 0; i < left->visible_count; i++)
        for (uint32_t k = 0; k < right->visible_count; k++)
            if (leat_text_equal(left->visible[i].name, right->visible[k].name) ||
                (from->spark &&
                 leat_text_equal_nocase(left->visible[i].name, right->visible[k].name))) {
                out->items[out->count++] = (struct leat_sql_name){.text = left->visible[i].name,
                                                                  .quoted = !from->spark,
                                                                  .offset = from->offset,
                                                                  .length = from->length};
                break;
            }
    return true;
}

/* The scope of both sides: tables of both, merged columns first. */
static bool combine_scopes(struct planner *pl, const struct leat_sql_from *from,
                           const struct scope *left, const struct scope *right, struct exprs *conds,
                           struct node *map, struct scope *out)
{
    struct leat_sql_names names = from->using_columns;
    uint32_t total = left->visible_count + right->visible_count;
    struct merge merge = {.visible = plan_alloc(pl, (total + 1u) * sizeof(struct visible)),
                          .left_used = plan_alloc(pl, left->visible_count + 1u),
                          .right_used = plan_alloc(pl, right->visible_count + 1u)};

    out->ranges =
        plan_alloc(pl, (left->range_count + right->range_count + 1u) * sizeof(*out->ranges));
    if (!merge.visible || !merge.left_used || !merge.right_used || !out->ranges ||
        (from->natural && !natural_names(pl, from, left, right, &names)))
        return false;
    for (uint32_t i = 0; i < left->range_count; i++)
        out->ranges[i] = left->ranges[i];
    for (uint32_t i = 0; i < right->range_count; i++) {
        for (uint32_t k = 0; k < left->range_count && right->ranges[i].alias.length; k++)
            if (leat_text_equal(left->ranges[k].alias, right->ranges[i].alias))
                return plan_fail(pl, LEAT_E_DUPLICATE_TABLE, from->right->offset,
                                 from->right->length, "give one of them an alias: FROM t AS a",
                                 "table name \"%s\" specified more than once",
                                 right->ranges[i].alias.data);
        out->ranges[left->range_count + i] = right->ranges[i];
    }
    out->range_count = left->range_count + right->range_count;
    for (uint32_t i = 0; i < names.count; i++)
        if (!merge_column(pl, from, &names.items[i], left, right, conds, map, &merge))
            return false;
    for (uint32_t i = 0; i < left->visible_count; i++)
        if (!merge.left_used[i])
            merge.visible[merge.count++] = left->visible[i];
    for (uint32_t i = 0; i < right->visible_count; i++)
        if (!merge.right_used[i]) {
            merge.visible[merge.count] = right->visible[i];
            if (right->visible[i].range != UINT32_MAX)
                merge.visible[merge.count].range += left->range_count;
            merge.count++;
        }
    out->visible = merge.visible;
    out->visible_count = merge.count;
    return true;
}

static bool is_dependent(struct planner *pl, const struct node *left, const struct node *right,
                         bool *out)
{
    struct idset outputs = {0}, needed = {0};

    if (!node_outputs(pl, left, &outputs) || !node_free(pl, right, &needed))
        return false;
    *out = idset_meets(&outputs, &needed);
    return true;
}

static struct node *make_join(struct planner *pl, const struct leat_sql_from *from,
                              struct node *left, struct node *right, struct exprs *conds,
                              struct pending *pending)
{
    bool inner = from->join == LEAT_SQL_JOIN_CROSS || from->join == LEAT_SQL_JOIN_INNER;
    bool dependent = false;
    struct node *node;

    if (!is_dependent(pl, left, right, &dependent))
        return NULL;
    if (pending && !inner) {
        plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, from->on->offset, from->on->length,
                  "move it into a subquery in FROM",
                  "a subquery in the condition of an outer join is not supported");
        return NULL;
    }
    if (from->asof && (dependent || pending)) {
        plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, from->right->offset, from->right->length, NULL,
                  "ASOF JOIN takes neither LATERAL items nor subqueries in its condition");
        return NULL;
    }
    if (from->asof)
        return make_asof(pl, from, left, right, conds);
    if (dependent) {
        if (!inner && from->join != LEAT_SQL_JOIN_LEFT) {
            plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, from->right->offset, from->right->length, NULL,
                      "a LATERAL item can be joined by INNER, CROSS or LEFT JOIN only");
            return NULL;
        }
        node = join_dependent(pl, inner ? LEAT_JOIN_INNER : LEAT_JOIN_LEFT, left, right, conds, 0,
                              false);
        return inner ? attach_pending(pl, node, pending) : node;
    }
    if (inner) {
        node = attach_pending(pl, new_join(pl, LEAT_JOIN_INNER, left, right), pending);
        return node ? new_filter(pl, node, conds) : NULL;
    }
    if (from->join == LEAT_SQL_JOIN_RIGHT)
        node = new_join(pl, LEAT_JOIN_LEFT, right, left);
    else if (from->join == LEAT_SQL_JOIN_SEMI || from->join == LEAT_SQL_JOIN_ANTI)
        node = new_join(pl, from->join == LEAT_SQL_JOIN_SEMI ? LEAT_JOIN_SEMI : LEAT_JOIN_ANTI,
                        left, right);
    else
        node = new_join(pl, from->join == LEAT_SQL_JOIN_LEFT ? LEAT_JOIN_LEFT : LEAT_JOIN_FULL,
                        left, right);
    if (node)
        node->conds = *conds;
    return node;
}

static struct node *bind_join(struct planner *pl, const struct leat_sql_from *from,
                              struct scope *scope)
{
    struct scope *around = scope->range_count ? scope : scope->outer;
    struct scope left_scope = {.outer = around, .ctes = scope->ctes};
    struct scope right_scope = {.outer = &left_scope, .ctes = scope->ctes};
    struct scope both = {.outer = around, .ctes = scope->ctes};
    struct node *left = bind_from_item(pl, from->left, &left_scope), *right, *node;
    struct node *map = new_node(pl, NODE_MAP, NULL);
    struct exprs conds = {0};
    struct pending *pending = NULL;
    struct binding b = {.pl = pl, .scope = &both, .clause = CLAUSE_ON, .pending_tail = &pending};

    right = left && map ? bind_from_item(pl, from->right, &right_scope) : NULL;
    if (!right || !combine_scopes(pl, from, &left_scope, &right_scope, &conds, map, &both))
        return NULL;
    if (from->on) {
        bool inner = from->join == LEAT_SQL_JOIN_INNER;
        if (inner ? !bind_where(&b, from->on, "JOIN/ON", &conds)
                  : !exprs_add_conjuncts(pl, &conds, bind_condition(&b, from->on, "JOIN/ON")))
            return NULL;
    }
    node = make_join(pl, from, left, right, &conds, pending);
    if (node && map->columns.count) {
        map->left = node;
        node = map;
    }
    if (!node)
        return NULL;
    if (from->join == LEAT_SQL_JOIN_SEMI || from->join == LEAT_SQL_JOIN_ANTI) {
        both.ranges = left_scope.ranges; /* the right side is not seen any more */
        both.range_count = left_scope.range_count;
        both.visible = left_scope.visible;
        both.visible_count = left_scope.visible_count;
    }
    /* Into the scope of the whole FROM clause. */
    for (uint32_t i = 0; i < both.visible_count; i++)
        if (both.visible[i].range != UINT32_MAX)
            both.visible[i].range += scope->range_count;
    struct range *ranges =
        plan_alloc(pl, (scope->range_count + both.range_count + 1u) * sizeof(*ranges));
    struct visible *visible =
        plan_alloc(pl, (scope->visible_count + both.visible_count + 1u) * sizeof(*visible));
    if (!ranges || !visible)
        return NULL;
    if (scope->range_count)
        memcpy(ranges, scope->ranges, scope->range_count * sizeof(*ranges));
    if (scope->visible_count)
        memcpy(visible, scope->visible, scope->visible_count * sizeof(*visible));
    memcpy(ranges + scope->range_count, both.ranges, both.range_count * sizeof(*ranges));
    memcpy(visible + scope->visible_count, both.visible, both.visible_count * sizeof(*visible));
    scope->ranges = ranges;
    scope->visible = visible;
    scope->range_count += both.range_count;
    scope->visible_count += both.visible_count;
    return node;
}

static struct leat_text file_alias(struct planner *pl, struct leat_text file)
{
    size_t start = file.length, end;
    char *name;

    while (start > 0 && file.data[start - 1] != '/')
        start--;
    for (end = start; end < file.length && file.data[end] != '.'; end++)
        ;
    name = leat_arena_copy(pl->arena, file.data + start, end - start);
    return name ? (struct leat_text){name, end - start} : leat_text_of("file");
}

struct node *bind_from_item(struct planner *pl, const struct leat_sql_from *from,
                            struct scope *scope)
{
    struct output *outputs = NULL;
    struct bound_query query;
    struct node *node = NULL;
    struct leat_text name = {0};
    uint32_t count = 0;
    struct scope shut = {.outer = scope->outer, .ctes = scope->ctes};

    switch (from->kind) {
    case LEAT_SQL_FROM_JOIN:
        return bind_join(pl, from, scope);
    case LEAT_SQL_FROM_TABLE:
        name = from->path.parts[from->path.count - 1].text;
        node = from->stream ? open_stream(pl, from, NULL, &outputs, &count)
                            : bind_table(pl, from, scope, &outputs, &count);
        break;
    case LEAT_SQL_FROM_FILE:
        name = file_alias(pl, from->file);
        node = bind_files(pl, from, &outputs, &count);
        break;
    case LEAT_SQL_FROM_FUNCTION:
        name = from->path.parts[from->path.count - 1].text;
        node = bind_function(pl, from, scope, &outputs, &count);
        break;
    case LEAT_SQL_FROM_QUERY:
        if (!bind_query(pl, from->query, from->lateral ? scope : &shut, &query))
            return NULL;
        node = query.node;
        outputs = query.outputs;
        count = query.count;
        break;
    }
    for (uint32_t i = 0; node && from->spark_csv && i < count; i++) {
        char *column = leat_arena_printf(pl->arena, "_c%u", i);
        if (!column) {
            plan_memory(pl);
            return NULL;
        }
        outputs[i].name = leat_text_of(column);
    }
    if (!node || !add_table(pl, scope, from, name, outputs, count))
        return NULL;
    scope->ranges[scope->range_count - 1].scalar =
        from->kind == LEAT_SQL_FROM_FUNCTION && count == 1 &&
        (row_function_find(name.data) || leat_text_equal(name, leat_text_of("unnest")) ||
         leat_text_equal(name, leat_text_of("generate_series")));
    return node;
}
