/* Running the flows of one dataset: its columns are settled, each flow's query is planned, made to
 * fit, and written through the expectations; quarantined rows are written into a table of their
 * own. Nothing is visible until the update publishes. The update's lock is held but for the time
 * that a plan is executed. */
#include "orchestration/text_query.h"
#include "orchestration/update_internal.h"

static enum leat_status at_flow(const struct leat_flow *flow, enum leat_status status,
                                struct leat_error *err)
{
    if (status != LEAT_OK && err->place.line == 0)
        leat_error_at_text(err, flow->file->path, flow->file->script.text,
                           flow->file->script.length, flow->query->offset, 0);
    return status;
}

static struct leat_plan_options plan_options(struct leat_flow_run *run)
{
    const struct leat_project_file *file = run->flow->file;

    return (struct leat_plan_options){
        .catalog = &run->update->catalog,
        .source = {file->path, file->script.text, file->script.length},
        .folder = run->update->pipeline->project->folder,
        .open_stream = leat_update_open_stream,
        .stream_context = run,
        .open_files = run->update->in_memory ? leat_update_open_given_files : NULL};
}

/* --- expectations --- */

static enum leat_status name_expectation(struct leat_update *update,
                                         const struct leat_dataset *dataset,
                                         const struct leat_sql_expectation *from,
                                         struct leat_expectation *item, struct leat_error *err)
{
    struct leat_arena *arena = &update->summary->arena;

    item->violation = from->violation;
    item->name = from->name.text.data ? leat_arena_strdup(arena, from->name.text.data)
                 : from->kind == LEAT_SQL_EXPECT_ROW
                     ? leat_arena_copy(arena, dataset->file->script.text + from->expr->offset,
                                       from->expr->length)
                     : leat_arena_strdup(arena, "unique");
    return item->name ? LEAT_OK : leat_error_memory(err);
}

/* The columns of EXPECT UNIQUE are there. */
static enum leat_status check_key(const struct leat_dataset *dataset,
                                  const struct leat_sql_expectation *from,
                                  const struct leat_schema *schema, struct leat_error *err)
{
    for (uint32_t i = 0; i < from->columns.count; i++) {
        const struct leat_sql_name *name = &from->columns.items[i];
        if (leat_schema_find(schema, name->text) >= 0)
            continue;
        (void)leat_error_set(err, LEAT_E_TABLE_COLUMN,
                             "EXPECT UNIQUE names column \"%s\", which \"%s\" does not have",
                             name->text.data, dataset->name);
        leat_error_at_text(err, dataset->file->path, dataset->file->script.text,
                           dataset->file->script.length, name->offset, name->length);
        return err->status;
    }
    return LEAT_OK;
}

/* Those of rows first, then those of sets. */
static enum leat_status bind_expectations(struct leat_update *update, struct leat_dataset *dataset,
                                          const struct leat_schema *schema, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    const struct leat_sql_create *create = dataset->create;
    struct leat_plan_options options = {
        .source = {dataset->file->path, dataset->file->script.text, dataset->file->script.length}};
    struct leat_expectation *items;
    uint32_t count = 0;

    if (state->expectations) /* by an earlier flow */
        return LEAT_OK;
    items =
        LEAT_NEW_ARRAY(&update->summary->arena, struct leat_expectation, create->expectation_count);
    if (!items)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < create->expectation_count; i++) {
        const struct leat_sql_expectation *from = &create->expectations[i];
        if (from->kind != LEAT_SQL_EXPECT_ROW)
            continue;
        LEAT_TRY(name_expectation(update, dataset, from, &items[count], err));
        LEAT_TRY(leat_plan_expression(from->expr, schema, true, &options, &update->arena,
                                      &items[count++].expr, err));
    }
    state->expectation_count = count;
    for (uint32_t i = 0; i < create->expectation_count; i++) {
        const struct leat_sql_expectation *from = &create->expectations[i];
        if (from->kind != LEAT_SQL_EXPECT_UNIQUE)
            continue;
        LEAT_TRY(check_key(dataset, from, schema, err));
        LEAT_TRY(name_expectation(update, dataset, from, &items[count++], err));
    }
    state->expectations = items;
    state->summary->expectations = items;
    state->summary->expectation_count = count;
    return LEAT_OK;
}

static enum leat_status run_write(struct leat_update *update, struct leat_dataset *dataset,
                                  struct leat_plan *plan, struct leat_plan_owner *owner,
                                  const struct leat_expr_source *source, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_attempt attempt = {.run_id = update->summary->run_id,
                                   .bad_rows = &state->quarantine.base};
    struct leat_execute_options execute = {.threads = update->options->threads,
                                           .accountant = &update->accountant,
                                           .cancel = update->options->cancel,
                                           .bad_rows = &state->quarantine.base,
                                           .bytes_read = update->options->bytes_read,
                                           .bytes_total = update->options->bytes_total,
                                           .rows_read = update->options->rows_read,
                                           .source = *source,
                                           .attempt = &attempt};
    struct leat_plan *write = LEAT_NEW(&owner->arena, struct leat_plan);
    struct leat_plan **child = LEAT_NEW(&owner->arena, struct leat_plan *);
    struct leat_sink *inner, *sink;
    size_t before = state->receipts.count;
    enum leat_status status;

    if (!write || !child)
        return leat_error_memory(err);
    LEAT_TRY(update->in_memory ? leat_sink_open_rows(&state->made, &inner, err)
                               : leat_table_open_sink(&state->table, &inner, err));
    LEAT_TRY(leat_expectation_sink(inner, state->expectations, state->expectation_count,
                                   &(struct leat_expr_source){dataset->file->path,
                                                              dataset->file->script.text,
                                                              dataset->file->script.length},
                                   &state->rows, &sink, err));
    LEAT_TRY(leat_plan_own_sink(owner, sink, err));
    *child = plan;
    write->kind = LEAT_PLAN_WRITE;
    write->child_count = 1;
    write->children = child;
    write->write.sink = sink;
    leat_update_unlock(update);
    status = leat_runner_execute(&update->runner, write, &execute, NULL, &state->receipts, err);
    leat_update_lock(update);
    for (size_t i = before; i < state->receipts.count && status == LEAT_OK && update->runner.host;
         i++)
        status = leat_expectation_take_counts(&state->receipts.items[i], state->expectations,
                                              state->expectation_count, &state->rows, err);
    return status;
}

static enum leat_status check_streaming(const struct leat_flow_run *run, struct leat_error *err)
{
    const struct leat_dataset *dataset = run->dataset;

    if (dataset->kind == LEAT_DATASET_STREAMING && !run->has_stream && !run->flow->once) {
        (void)leat_error_set(err, LEAT_E_STREAMING_QUERY,
                             "streaming table \"%s\" is fed by a query without STREAM",
                             dataset->name);
        leat_error_hint(err, "write FROM STREAM(name) or FROM STREAM read_files(...), or declare a "
                             "materialized view");
        return LEAT_INVALID;
    }
    if (dataset->kind != LEAT_DATASET_STREAMING && run->has_stream) {
        (void)leat_error_set(err, LEAT_E_STREAMING_QUERY, "%s \"%s\" reads a STREAM",
                             dataset->kind == LEAT_DATASET_VIEW ? "view" : "materialized view",
                             dataset->name);
        leat_error_hint(err, "leave STREAM out, or declare a streaming table");
        return LEAT_INVALID;
    }
    return LEAT_OK;
}

/* Whether rows may be shown or kept aside, so that it matters where they come from. */
static bool wants_origin(const struct leat_dataset *dataset)
{
    for (uint32_t i = 0; i < dataset->create->expectation_count; i++) {
        enum leat_sql_violation violation = dataset->create->expectations[i].violation;
        if (violation == LEAT_SQL_VIOLATION_QUARANTINE_ROW ||
            violation == LEAT_SQL_VIOLATION_FAIL_UPDATE)
            return true;
    }
    return false;
}

/* Puts the query's columns in order for the table; those of the rows' origin stay behind them. */
static enum leat_status fit_table(struct leat_update *update, struct leat_dataset *dataset,
                                  const struct leat_flow *flow, bool origin,
                                  const struct leat_plan_options *options,
                                  struct leat_plan_owner *owner, struct leat_plan **plan,
                                  struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_schema query = (*plan)->schema, target;

    query.count -= 2u * origin;
    LEAT_TRY(leat_update_settle_table(update, dataset, &query, err));
    target = state->schema;
    if (origin) {
        target.fields = LEAT_NEW_ARRAY(&owner->arena, struct leat_field, target.count + 2);
        if (!target.fields)
            return leat_error_memory(err);
        memcpy(target.fields, state->schema.fields, target.count * sizeof(*target.fields));
        memcpy(target.fields + target.count, query.fields + query.count,
               2 * sizeof(*target.fields));
        target.count += 2;
    }
    return leat_plan_coerce(*plan, &target, flow->by_name, options, owner, plan, err);
}

static enum leat_status run_flow(struct leat_update *update, struct leat_dataset *dataset,
                                 const struct leat_flow *flow, struct leat_error *err)
{
    struct leat_flow_run run = {.update = update, .dataset = dataset, .flow = flow};
    struct leat_plan_options options = plan_options(&run);
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_plan_owner owner;
    struct leat_plan *plan = NULL;
    enum leat_status status;
    bool origin = false;

    if (wants_origin(dataset) && !update->replay)
        options.origin = &origin;
    state->quarantine.flow = flow->name;
    leat_plan_owner_init(&owner, &update->accountant);
    status = leat_plan_query(flow->query, &options, &owner, &plan, err);
    if (status == LEAT_OK)
        status = check_streaming(&run, err);
    if (status == LEAT_OK)
        status = fit_table(update, dataset, flow, origin, &options, &owner, &plan, err);
    if (status == LEAT_OK)
        status = bind_expectations(update, dataset, &state->schema, err);
    if (status == LEAT_OK && update->in_memory) {
        if (!leat_update_given(update, dataset, NULL)) /* else those rows are its rows */
            status = run_write(update, dataset, plan, &owner, &options.source, err);
    } else if (status == LEAT_OK && !update->check_only &&
               (run.has_new || dataset->kind == LEAT_DATASET_MATERIALIZED ||
                (flow->once && !state->exists))) {
        status = run_write(update, dataset, plan, &owner, &options.source, err);
        if (status == LEAT_OK)
            status = leat_update_inputs_unchanged(update, flow, err);
        state->changed = true;
    }
    leat_plan_owner_release(&owner);
    leat_accountant_explain(&update->accountant, err);
    return at_flow(flow, status, err);
}

/* Given rows in the place of a view's. */
static enum leat_status give_view(struct leat_update *update, struct leat_dataset *dataset,
                                  const struct leat_schema *schema, struct leat_error *err)
{
    struct leat_given *given = leat_update_given(update, dataset, NULL);

    if (!given)
        return LEAT_OK;
    LEAT_TRY(leat_given_cast(given, schema, err));
    leat_state_of(dataset)->made = given->cast;
    leat_state_of(dataset)->has_made = true;
    memset(&given->cast, 0, sizeof(given->cast));
    return LEAT_OK;
}

static enum leat_status check_view(struct leat_update *update, struct leat_dataset *dataset,
                                   struct leat_error *err)
{
    const struct leat_flow *flow = &dataset->flows[0];
    struct leat_flow_run run = {.update = update, .dataset = dataset, .flow = flow};
    struct leat_plan_options options = plan_options(&run);
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    enum leat_status status;

    leat_plan_owner_init(&owner, NULL);
    status = leat_plan_query(flow->query, &options, &owner, &plan, err);
    if (status == LEAT_OK && update->in_memory)
        status = give_view(update, dataset, &plan->schema, err);
    leat_plan_owner_release(&owner);
    return at_flow(flow, status, err);
}

enum leat_status leat_update_write_query(struct leat_update *update, struct leat_dataset *dataset,
                                         const struct leat_buffer *sql,
                                         struct leat_catalog *catalog, struct leat_error *err)
{
    struct leat_expr_source source = {"", (const char *)sql->data, sql->length};
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    enum leat_status status;

    leat_plan_owner_init(&owner, &update->accountant);
    status = leat_text_query_plan(sql, catalog, &owner, &plan, err);
    if (status == LEAT_OK)
        status = run_write(update, dataset, plan, &owner, &source, err);
    leat_plan_owner_release(&owner);
    return status;
}

/* Given rows in the place of what the flows would give: through the expectations. */
static enum leat_status write_given(struct leat_update *update, struct leat_dataset *dataset,
                                    struct leat_given *given, struct leat_error *err)
{
    struct leat_named_source source = {"given", leat_named_rows_open, &given->cast};
    struct leat_named_sources catalog;
    struct leat_buffer sql;
    enum leat_status status;

    LEAT_TRY(leat_given_cast(given, &leat_state_of(dataset)->schema, err));
    leat_named_sources_init(&catalog, &source, 1, NULL);
    leat_buffer_init(&sql, 0);
    status = leat_buffer_append_string(&sql, "SELECT * FROM given", err);
    if (status == LEAT_OK)
        status = leat_update_write_query(update, dataset, &sql, &catalog.base, err);
    leat_buffer_release(&sql);
    return status;
}

/* The rest of a dataset in a test. */
static enum leat_status end_in_memory(struct leat_update *update, struct leat_dataset *dataset,
                                      struct leat_error *err)
{
    struct leat_given *given = leat_update_given(update, dataset, NULL);

    if (given)
        LEAT_TRY(write_given(update, dataset, given, err));
    LEAT_TRY(leat_update_audit_unique(update, dataset, err));
    leat_state_of(dataset)->summary->quarantined =
        leat_state_of(dataset)->quarantine.rows.row_count;
    return LEAT_OK;
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
    bool replace;

    state->summary->quarantined = state->quarantine.rows.row_count;
    replace = state->replace && state->exists;
    if (state->quarantine.rows.row_count == 0 && !replace)
        return LEAT_OK;
    name = leat_arena_printf(&update->arena, "%s_quarantine", dataset->name);
    if (!name)
        return leat_error_memory(err);
    status = leat_lake_load(&update->lake, schema, name, &state->bad_table, err);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        if (state->quarantine.rows.row_count == 0)
            return LEAT_OK;
        LEAT_TRY(leat_lake_location(&update->lake, schema, name, &update->arena, &location, err));
        status = leat_table_create(location, &leat_quarantine_schema, NULL, 0, NULL, 0,
                                   &state->bad_table, err);
    }
    LEAT_TRY(status);
    state->bad_loaded = true;
    if (state->quarantine.rows.row_count == 0) /* what the replaced rows had left there goes too */
        return LEAT_OK;
    if (leat_schema_find(&state->bad_table.schema, leat_text_of("row_id")) < 0)
        LEAT_TRY(leat_table_add_columns(
            &state->bad_table, &leat_quarantine_schema.fields[LEAT_QUARANTINE_ID], 1, err));
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

    if (state->unneeded)
        return LEAT_OK;
    if (dataset->kind == LEAT_DATASET_VIEW)
        return check_view(update, dataset, err);
    LEAT_TRY(leat_quarantine_init(&state->quarantine, update->summary->run_id, err));
    if (dataset->flow_count == 0 && !state->loaded &&
        !state->has_made) { /* declared, without flows yet */
        struct leat_schema none = {0, NULL};
        LEAT_TRY(leat_update_settle_table(update, dataset, &none, err));
    }
    for (uint32_t i = 0; i < dataset->flow_count; i++)
        LEAT_TRY(run_flow(update, dataset, &dataset->flows[i], err));
    if (update->check_only)
        return LEAT_OK;
    if (update->in_memory)
        return end_in_memory(update, dataset, err);
    if (update->replay)
        LEAT_TRY(leat_update_write_kept(update, dataset, err));
    for (size_t i = 0; i < state->receipts.count; i++)
        LEAT_TRY(leat_iceberg_receipt_read(state->receipts.items[i], &update->arena, &state->fresh,
                                           err));
    LEAT_TRY(leat_update_audit_unique(update, dataset, err));
    if (update->replay)
        LEAT_TRY(leat_update_drop_kept(update, dataset, err));
    return write_quarantine(update, dataset, err);
}
