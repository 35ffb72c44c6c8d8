/* The tables of an update: their columns, partitions and properties, as the statements declare them
 * and the queries give them. A table that is there is kept, extended or replaced. */
#include "orchestration/update_internal.h"

/* The columns as declared, where types were given; the query's otherwise, with declared names' NOT
 * NULL and comments. */
static enum leat_status declared_schema(struct leat_update *update,
                                        const struct leat_dataset *dataset,
                                        const struct leat_schema *query, struct leat_schema *out,
                                        struct leat_error *err)
{
    const struct leat_sql_create *create = dataset->create;
    bool typed = create->column_count > 0 && create->columns[0].type.text.data;
    struct leat_schema raw;

    LEAT_TRY(leat_schema_copy(query, &update->arena, &raw, err));
    if (typed) {
        raw.count = create->column_count;
        raw.fields = LEAT_NEW_ARRAY(&update->arena, struct leat_field, raw.count);
        if (!raw.fields)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < raw.count; i++) {
            raw.fields[i].name = create->columns[i].name.text.data;
            LEAT_TRY(leat_type_parse(create->columns[i].type.text, &update->arena,
                                     &raw.fields[i].type, err));
        }
    }
    for (uint32_t i = 0; i < create->column_count; i++) {
        int at = leat_schema_find(&raw, create->columns[i].name.text);
        if (at < 0)
            return leat_error_set(
                err, LEAT_E_TABLE_COLUMN,
                "table \"%s\" declares column \"%s\", which its query does not give", dataset->name,
                create->columns[i].name.text.data);
        raw.fields[at].required = create->columns[i].required;
        raw.fields[at].comment = create->columns[i].comment.data;
    }
    for (uint32_t i = 0; i < raw.count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(raw.fields[i].name, raw.fields[j].name) == 0)
                return leat_error_set(err, LEAT_E_TABLE_COLUMN,
                                      "table \"%s\" would have two columns \"%s\"", dataset->name,
                                      raw.fields[i].name);
    return leat_lake_schema(&raw, &update->arena, out, err);
}

static bool same_columns(const struct leat_schema *a, const struct leat_schema *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
            a->fields[i].required != b->fields[i].required ||
            !leat_type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    return true;
}

/* PARTITIONED BY: columns, or years(c), months(c), days(c), hours(c), bucket(n, c), truncate(n, c).
 */
static enum leat_status partition_request(const struct leat_sql_expr *expr,
                                          struct leat_partition_request *out,
                                          struct leat_error *err)
{
    static const struct {
        const char *name;
        enum leat_transform transform;
    } names[] = {{"year", LEAT_TRANSFORM_YEAR},     {"years", LEAT_TRANSFORM_YEAR},
                 {"month", LEAT_TRANSFORM_MONTH},   {"months", LEAT_TRANSFORM_MONTH},
                 {"day", LEAT_TRANSFORM_DAY},       {"days", LEAT_TRANSFORM_DAY},
                 {"hour", LEAT_TRANSFORM_HOUR},     {"hours", LEAT_TRANSFORM_HOUR},
                 {"bucket", LEAT_TRANSFORM_BUCKET}, {"truncate", LEAT_TRANSFORM_TRUNCATE}};
    const struct leat_sql_expr *column = expr;
    int64_t width = 0;

    out->transform = LEAT_TRANSFORM_IDENTITY;
    if (expr->kind == LEAT_SQL_CALL && expr->call->function.count == 1) {
        const struct leat_sql_exprs *args = &expr->call->args;
        bool found = false;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strcmp(expr->call->function.parts[0].text.data, names[i].name) == 0) {
                out->transform = names[i].transform;
                found = true;
            }
        if (found && args->count == 2 && args->items[0]->kind == LEAT_SQL_INTEGER &&
            leat_parse_int64(args->items[0]->text.data, args->items[0]->text.length, &width))
            column = args->items[1];
        else if (found && args->count == 1)
            column = args->items[0];
    }
    out->width = (uint32_t)width;
    if (column->kind != LEAT_SQL_COLUMN || column->path.count != 1 ||
        ((out->transform == LEAT_TRANSFORM_BUCKET || out->transform == LEAT_TRANSFORM_TRUNCATE) &&
         (width < 1 || width > 1 << 20)))
        return leat_error_set(err, LEAT_E_TABLE_TYPE,
                              "PARTITIONED BY takes columns, or years(c), months(c), days(c), "
                              "hours(c), bucket(n, c), truncate(n, c)");
    out->column = column->path.parts[0].text.data;
    return LEAT_OK;
}

static enum leat_status make_table(struct leat_update *update, struct leat_dataset *dataset,
                                   const struct leat_schema *schema, struct leat_table *out,
                                   struct leat_error *err)
{
    const struct leat_sql_create *create = dataset->create;
    struct leat_partition_request *partitions =
        LEAT_NEW_ARRAY(&update->arena, struct leat_partition_request, create->partitioned_by.count);
    const char **properties =
        LEAT_NEW_ARRAY(&update->arena, const char *, (size_t)create->property_count * 2 + 4);
    const char *location;
    uint32_t count = 0;

    if (!partitions || !properties)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < create->partitioned_by.count; i++)
        LEAT_TRY(partition_request(create->partitioned_by.items[i], &partitions[i], err));
    for (uint32_t i = 0; i < create->property_count; i++)
        if (create->properties[i].value && create->properties[i].value->text.data) {
            properties[count * 2] = create->properties[i].name.text.data;
            properties[count * 2 + 1] = create->properties[i].value->text.data;
            count++;
        }
    if (create->comment.data) {
        properties[count * 2] = "comment";
        properties[count++ * 2 + 1] = create->comment.data;
    }
    LEAT_TRY(leat_lake_location(&update->lake, update->pipeline->project->schema, dataset->name,
                                &update->arena, &location, err));
    return leat_table_create(location, schema, partitions, create->partitioned_by.count, properties,
                             count, out, err);
}

/* Columns that the query has and a streaming table lacks are added; what is there keeps its type.
 */
static enum leat_status extend_table(struct leat_dataset_state *state,
                                     const struct leat_schema *wanted, struct leat_error *err)
{
    for (uint32_t i = 0; i < wanted->count; i++)
        if (leat_schema_find(&state->table.schema, leat_text_of(wanted->fields[i].name)) < 0) {
            struct leat_field field = wanted->fields[i];
            field.required = false; /* the rows that are there have none */
            LEAT_TRY(leat_table_add_columns(&state->table, &field, 1, err));
        }
    return LEAT_OK;
}

/* Makes the dataset's table fit the query's columns: new, extended, or replaced. */
/* The same for a test, where the rows lie in memory. */
static enum leat_status settle_rows(struct leat_dataset_state *state,
                                    const struct leat_dataset *dataset,
                                    const struct leat_schema *wanted, struct leat_error *err)
{
    if (!state->has_made) {
        state->schema = *wanted;
        LEAT_TRY(leat_rows_init(&state->made, wanted, NULL, err));
        state->has_made = true;
        return LEAT_OK;
    }
    if (same_columns(&state->schema, wanted))
        return LEAT_OK;
    return leat_error_set(err, LEAT_E_UNSUPPORTED,
                          "the flows of \"%s\" give different columns; a test needs them declared",
                          dataset->name);
}

enum leat_status leat_update_settle_table(struct leat_update *update, struct leat_dataset *dataset,
                                          const struct leat_schema *query, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    bool materialized = dataset->kind == LEAT_DATASET_MATERIALIZED;
    struct leat_schema wanted;

    LEAT_TRY(declared_schema(update, dataset, query, &wanted, err));
    if (update->in_memory)
        return settle_rows(state, dataset, &wanted, err);
    if (update->check_only) {
        state->schema = wanted;
        return LEAT_OK;
    }
    if (state->loaded && state->exists && !same_columns(&state->table.schema, &wanted)) {
        if (materialized || state->refresh) {
            state->old_location = leat_arena_strdup(&update->arena, state->table.metadata_location);
            if (!state->old_location)
                return leat_error_memory(err);
            leat_table_release(&state->table);
            state->loaded = state->exists = false;
        } else {
            LEAT_TRY(extend_table(state, &wanted, err));
        }
    }
    if (!state->loaded) {
        LEAT_TRY(make_table(update, dataset, &wanted, &state->table, err));
        state->loaded = true;
    }
    LEAT_TRY(leat_table_set_property(&state->table, "leat.definition", dataset->definition, err));
    state->schema = state->table.schema;
    return LEAT_OK;
}
