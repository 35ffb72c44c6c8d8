/* Running the flows of one dataset: its columns are settled, each flow's query is planned, made to
 * fit, and written through the expectations; quarantined rows are written into a table of their
 * own. Nothing is visible until the update publishes. */
#include "orchestration/update_internal.h"

static enum leat_status at_flow(const struct leat_flow *flow, enum leat_status status,
                                struct leat_error *err)
{
    if (status != LEAT_OK && err->place.line == 0)
        leat_error_at_text(err, flow->file->path, flow->file->script.text,
                           flow->file->script.length, flow->query->offset, 0);
    return status;
}

static struct leat_plan_options plan_options(struct leat_update *update,
                                             const struct leat_flow *flow)
{
    return (struct leat_plan_options){
        .catalog = &update->catalog,
        .source = {flow->file->path, flow->file->script.text, flow->file->script.length},
        .folder = update->pipeline->project->folder,
        .open_stream = leat_update_open_stream,
        .stream_context = update};
}

/* --- columns --- */

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
static enum leat_status settle_table(struct leat_update *update, struct leat_dataset *dataset,
                                     const struct leat_schema *query, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    bool materialized = dataset->kind == LEAT_DATASET_MATERIALIZED;
    struct leat_schema wanted;

    LEAT_TRY(declared_schema(update, dataset, query, &wanted, err));
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

/* --- expectations --- */

static enum leat_status bind_expectations(struct leat_update *update, struct leat_dataset *dataset,
                                          const struct leat_schema *schema, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    const struct leat_sql_create *create = dataset->create;
    struct leat_plan_options options = {
        .source = {dataset->file->path, dataset->file->script.text, dataset->file->script.length}};

    state->expectations =
        LEAT_NEW_ARRAY(&update->summary->arena, struct leat_expectation, create->expectation_count);
    if (!state->expectations)
        return leat_error_memory(err);
    state->expectation_count = 0;
    for (uint32_t i = 0; i < create->expectation_count; i++) {
        const struct leat_sql_expectation *from = &create->expectations[i];
        struct leat_expectation *item = &state->expectations[state->expectation_count];
        if (from->kind != LEAT_SQL_EXPECT_ROW)
            continue;
        item->name = from->name.text.data
                         ? leat_arena_strdup(&update->summary->arena, from->name.text.data)
                         : leat_arena_copy(&update->summary->arena,
                                           dataset->file->script.text + from->expr->offset,
                                           from->expr->length);
        item->violation = from->violation;
        if (!item->name)
            return leat_error_memory(err);
        LEAT_TRY(leat_plan_expression(from->expr, schema, true, &options, &update->arena,
                                      &item->expr, err));
        state->expectation_count++;
    }
    state->summary->expectations = state->expectations;
    state->summary->expectation_count = state->expectation_count;
    return LEAT_OK;
}

/* EXPECT UNIQUE over the table as it would be published: how many keys stand more than once. */
static enum leat_status count_repeated(struct leat_update *update, struct leat_dataset *dataset,
                                       const struct leat_sql_expectation *expectation,
                                       uint64_t *out, struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = update->options->threads,
                                           .accountant = &update->accountant,
                                           .cancel = update->options->cancel};
    struct leat_plan_options options = {.catalog = &update->catalog};
    struct leat_plan_owner owner;
    struct leat_sql_query *query;
    struct leat_rows rows = {0};
    struct leat_buffer sql;
    struct leat_plan *plan;
    enum leat_status status;

    *out = 0;
    leat_buffer_init(&sql, 1 << 20);
    leat_plan_owner_init(&owner, &update->accountant);
    status = leat_buffer_append_string(&sql, "SELECT 1 FROM ", err);
    if (status == LEAT_OK)
        status = leat_sql_put_name(leat_text_of(dataset->name), &sql, err);
    for (uint32_t i = 0; i < expectation->columns.count && status == LEAT_OK; i++) {
        status = leat_buffer_append_string(&sql, i ? ", " : " GROUP BY ", err);
        if (status == LEAT_OK)
            status = leat_sql_put_name(expectation->columns.items[i].text, &sql, err);
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_string(&sql, " HAVING count(*) > 1", err);
    if (status == LEAT_OK)
        status =
            leat_sql_parse_query("", (const char *)sql.data, sql.length, &owner.arena, &query, err);
    options.source = (struct leat_expr_source){"", (const char *)sql.data, sql.length};
    if (status == LEAT_OK)
        status = leat_plan_query(query, &options, &owner, &plan, err);
    if (status == LEAT_OK)
        status = leat_execute_rows(plan, &execute, &rows, err);
    if (status == LEAT_OK)
        *out = rows.row_count;
    leat_rows_release(&rows);
    leat_plan_owner_release(&owner);
    leat_buffer_release(&sql);
    return status;
}

static enum leat_status audit_unique(struct leat_update *update, struct leat_dataset *dataset,
                                     struct leat_error *err)
{
    const struct leat_sql_create *create = dataset->create;

    for (uint32_t i = 0; i < create->expectation_count; i++) {
        const struct leat_sql_expectation *item = &create->expectations[i];
        uint64_t repeated;
        if (item->kind != LEAT_SQL_EXPECT_UNIQUE)
            continue;
        LEAT_TRY(count_repeated(update, dataset, item, &repeated, err));
        if (repeated == 0)
            continue;
        (void)leat_error_set(err, LEAT_E_EXPECTATION,
                             "expectation \"%s\" failed: %llu keys stand more than once in \"%s\"",
                             item->name.text.data ? item->name.text.data : "unique",
                             (unsigned long long)repeated, dataset->name);
        if (item->violation == LEAT_SQL_VIOLATION_FAIL_UPDATE)
            return LEAT_RUNTIME;
        leat_log(LEAT_LOG_WARN, "update", "%s", err->message);
        leat_error_clear(err);
    }
    return LEAT_OK;
}

/* --- running --- */

static enum leat_status run_write(struct leat_update *update, struct leat_dataset *dataset,
                                  struct leat_plan *plan, struct leat_plan_owner *owner,
                                  const struct leat_expr_source *source, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_attempt attempt = {.run_id = update->summary->run_id};
    struct leat_execute_options execute = {.threads = update->options->threads,
                                           .accountant = &update->accountant,
                                           .cancel = update->options->cancel,
                                           .bad_rows = &state->quarantine.base,
                                           .source = *source,
                                           .attempt = &attempt};
    struct leat_plan *write = LEAT_NEW(&owner->arena, struct leat_plan);
    struct leat_plan **child = LEAT_NEW(&owner->arena, struct leat_plan *);
    struct leat_sink *inner, *sink;

    if (!write || !child)
        return leat_error_memory(err);
    LEAT_TRY(leat_table_open_sink(&state->table, &inner, err));
    LEAT_TRY(leat_expectation_sink(inner, state->expectations, state->expectation_count,
                                   &(struct leat_expr_source){dataset->file->path,
                                                              dataset->file->script.text,
                                                              dataset->file->script.length},
                                   &state->quarantine, &state->rows, &sink, err));
    LEAT_TRY(leat_plan_own_sink(owner, sink, err));
    *child = plan;
    write->kind = LEAT_PLAN_WRITE;
    write->child_count = 1;
    write->children = child;
    write->write.sink = sink;
    return leat_execute(write, &execute, NULL, &state->receipts, err);
}

static enum leat_status check_streaming(const struct leat_update *update,
                                        const struct leat_dataset *dataset,
                                        const struct leat_flow *flow, struct leat_error *err)
{
    if (dataset->kind == LEAT_DATASET_STREAMING && !update->has_stream && !flow->once) {
        (void)leat_error_set(err, LEAT_E_STREAMING_QUERY,
                             "streaming table \"%s\" is fed by a query without STREAM",
                             dataset->name);
        leat_error_hint(err, "write FROM STREAM(name) or FROM STREAM read_files(...), or declare a "
                             "materialized view");
        return LEAT_INVALID;
    }
    if (dataset->kind != LEAT_DATASET_STREAMING && update->has_stream) {
        (void)leat_error_set(err, LEAT_E_STREAMING_QUERY, "%s \"%s\" reads a STREAM",
                             dataset->kind == LEAT_DATASET_VIEW ? "view" : "materialized view",
                             dataset->name);
        leat_error_hint(err, "leave STREAM out, or declare a streaming table");
        return LEAT_INVALID;
    }
    return LEAT_OK;
}

static enum leat_status run_flow(struct leat_update *update, struct leat_dataset *dataset,
                                 const struct leat_flow *flow, struct leat_error *err)
{
    struct leat_plan_options options = plan_options(update, flow);
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_plan_owner owner;
    struct leat_plan *plan = NULL;
    enum leat_status status;

    update->flow = flow;
    update->has_stream = update->has_new = false;
    state->quarantine.flow = flow->name;
    leat_plan_owner_init(&owner, &update->accountant);
    status = leat_plan_query(flow->query, &options, &owner, &plan, err);
    if (status == LEAT_OK)
        status = check_streaming(update, dataset, flow, err);
    if (status == LEAT_OK)
        status = settle_table(update, dataset, &plan->schema, err);
    if (status == LEAT_OK)
        status =
            leat_plan_coerce(plan, &state->schema, flow->by_name, &options, &owner, &plan, err);
    if (status == LEAT_OK)
        status = bind_expectations(update, dataset, &state->schema, err);
    if (status == LEAT_OK && !update->check_only &&
        (update->has_new || dataset->kind == LEAT_DATASET_MATERIALIZED ||
         (flow->once && !state->exists))) {
        status = run_write(update, dataset, plan, &owner, &options.source, err);
        if (status == LEAT_OK)
            status = leat_update_inputs_unchanged(update, flow, err);
        state->changed = true;
    }
    leat_plan_owner_release(&owner);
    return at_flow(flow, status, err);
}

static enum leat_status check_view(struct leat_update *update, struct leat_dataset *dataset,
                                   struct leat_error *err)
{
    struct leat_flow flow = dataset->flows[0];
    struct leat_plan_options options = plan_options(update, &flow);
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    enum leat_status status;

    update->flow = &flow;
    leat_plan_owner_init(&owner, NULL);
    status = leat_plan_query(flow.query, &options, &owner, &plan, err);
    leat_plan_owner_release(&owner);
    return at_flow(&flow, status, err);
}

/* Writes the quarantined rows into <name>_quarantine, to be published with the rest. */
static enum leat_status write_quarantine(struct leat_update *update, struct leat_dataset *dataset,
                                         struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_attempt attempt = {.run_id = update->summary->run_id};
    const char *schema = update->pipeline->project->schema, *name, *location;
    struct leat_writer *writer;
    struct leat_buffer receipt;
    struct leat_sink *sink;
    enum leat_status status;

    state->summary->quarantined = state->quarantine.rows.row_count;
    if (state->quarantine.rows.row_count == 0)
        return LEAT_OK;
    name = leat_arena_printf(&update->arena, "%s_quarantine", dataset->name);
    if (!name)
        return leat_error_memory(err);
    status = leat_lake_load(&update->lake, schema, name, &state->bad_table, err);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        LEAT_TRY(leat_lake_location(&update->lake, schema, name, &update->arena, &location, err));
        status = leat_table_create(location, &leat_quarantine_schema, NULL, 0, NULL, 0,
                                   &state->bad_table, err);
    }
    LEAT_TRY(status);
    state->bad_loaded = true;
    LEAT_TRY(leat_table_open_sink(&state->bad_table, &sink, err));
    status = sink->ops->open(sink, &attempt, &writer, err);
    for (size_t i = 0; status == LEAT_OK && i < state->quarantine.rows.batch_count; i++) {
        status = writer->ops->write(writer, &state->quarantine.rows.batches[i], err);
        if (status != LEAT_OK)
            leat_writer_abort(writer);
    }
    if (status == LEAT_OK) {
        leat_buffer_init(&receipt, 0);
        status = writer->ops->finish(writer, &receipt, err);
        if (status == LEAT_OK)
            status =
                leat_bytes_list_append(&state->bad_receipts, receipt.data, receipt.length, err);
        leat_buffer_release(&receipt);
    }
    leat_sink_close(sink);
    return status;
}

enum leat_status leat_update_dataset(struct leat_update *update, struct leat_dataset *dataset,
                                     struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);

    update->dataset = dataset;
    if (dataset->kind == LEAT_DATASET_VIEW)
        return check_view(update, dataset, err);
    LEAT_TRY(leat_quarantine_init(&state->quarantine, update->summary->run_id, err));
    if (dataset->flow_count == 0 && !state->loaded) { /* declared, without flows yet */
        struct leat_schema none = {0, NULL};
        LEAT_TRY(settle_table(update, dataset, &none, err));
    }
    for (uint32_t i = 0; i < dataset->flow_count; i++)
        LEAT_TRY(run_flow(update, dataset, &dataset->flows[i], err));
    if (update->check_only)
        return LEAT_OK;
    for (size_t i = 0; i < state->receipts.count; i++)
        LEAT_TRY(leat_iceberg_receipt_read(state->receipts.items[i], &update->arena, &state->fresh,
                                           err));
    LEAT_TRY(audit_unique(update, dataset, err));
    return write_quarantine(update, dataset, err);
}
