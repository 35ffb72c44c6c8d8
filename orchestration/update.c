/* The update as a whole: the lake is opened and locked, datasets run in dependency order, and all
 * that changed is published in one transaction together with the ledger's rows. */
#include "orchestration/update_internal.h"

#include <stdio.h>

enum { MAX_LANES = 8, ATTEMPTS = 5 };

static bool wants_refresh(const struct leat_update_options *options, const char *name)
{
    if (options->full_refresh_all)
        return true;
    for (const char *const *n = options->full_refresh; n && *n; n++)
        if (strcmp(*n, name) == 0)
            return true;
    return false;
}

/* What streams from a table that is replaced would take its rows a second time: it is read from the
 * start too. Inputs stand before their readers. */
static bool streams_from_refreshed(const struct leat_dataset *dataset)
{
    for (uint32_t i = 0; i < dataset->input_count; i++)
        if (dataset->streamed[i] && leat_state_of(dataset->inputs[i])->refresh)
            return true;
    return false;
}

/* The dataset's table as the lake has it. */
static enum leat_status load_state(struct leat_update *update, struct leat_dataset *dataset,
                                   struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    const char *definition;
    enum leat_status status;

    if (dataset->kind == LEAT_DATASET_VIEW || !update->lake_open)
        return LEAT_OK;
    state->refresh =
        wants_refresh(update->options, dataset->name) || streams_from_refreshed(dataset);
    state->replace = dataset->kind == LEAT_DATASET_MATERIALIZED || state->refresh;
    status = leat_lake_load(&update->lake, update->pipeline->project->schema, dataset->name,
                            &state->table, err);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        return LEAT_OK;
    }
    LEAT_TRY(status);
    state->loaded = state->exists = true;
    state->schema = state->table.schema;
    definition = leat_table_property(&state->table, "leat.definition");
    state->summary->new_definition = definition && strcmp(definition, dataset->definition) != 0;
    return LEAT_OK;
}

enum leat_status leat_update_make_states(struct leat_update *update, struct leat_error *err)
{
    struct leat_pipeline *pipeline = update->pipeline;
    struct leat_update_summary *summary = update->summary;

    summary->tables = LEAT_NEW_ARRAY(&summary->arena, struct leat_update_table, pipeline->count);
    if (!summary->tables)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < pipeline->count; i++) {
        struct leat_dataset *dataset = pipeline->datasets[i];
        struct leat_dataset_state *state = LEAT_NEW(&update->arena, struct leat_dataset_state);
        if (!state)
            return leat_error_memory(err);
        leat_bytes_list_init(&state->receipts);
        leat_bytes_list_init(&state->bad_receipts);
        dataset->state = state;
        state->summary = &summary->tables[summary->count++];
        state->summary->name = leat_arena_strdup(&summary->arena, dataset->name);
        state->summary->kind = dataset->kind;
        if (!state->summary->name)
            return leat_error_memory(err);
        LEAT_TRY(load_state(update, dataset, err));
    }
    return LEAT_OK;
}

/* --- publishing --- */

/* Writes the ledger's rows inside the transaction. Only flows of tables that are published count.
 */
static bool is_published(const struct leat_update *update, const char *flow)
{
    for (uint32_t i = 0; i < update->pipeline->count; i++) {
        const struct leat_dataset *dataset = update->pipeline->datasets[i];
        for (uint32_t f = 0; f < dataset->flow_count; f++)
            if (strcmp(dataset->flows[f].name, flow) == 0)
                return leat_state_of(dataset)->summary->outcome == LEAT_OUTCOME_WRITTEN;
    }
    return false;
}

static enum leat_status forget_refreshed(struct leat_update *update, struct leat_database *database,
                                         struct leat_error *err)
{
    for (uint32_t i = 0; i < update->pipeline->count; i++) {
        const struct leat_dataset *dataset = update->pipeline->datasets[i];
        for (uint32_t f = 0; leat_state_of(dataset)->refresh && f < dataset->flow_count; f++)
            if (is_published(update, dataset->flows[f].name))
                LEAT_TRY(leat_ledger_forget(database, update->pipeline->project->name,
                                            dataset->flows[f].name, err));
    }
    return LEAT_OK;
}

static enum leat_status write_ledger(void *context, struct leat_database *database,
                                     struct leat_error *err)
{
    struct leat_update *update = context;
    const char *pipeline = update->pipeline->project->name, *run = update->summary->run_id;

    if (update->replay)
        LEAT_TRY(leat_update_mark_kept(update, database, err));
    LEAT_TRY(forget_refreshed(update, database, err));
    for (size_t i = 0; i < update->input_count; i++)
        if (is_published(update, update->inputs[i].flow))
            LEAT_TRY(leat_ledger_file_add(database, pipeline, update->inputs[i].flow, run,
                                          &update->inputs[i].file, err));
    for (size_t i = 0; i < update->position_count; i++) {
        const struct leat_new_position *item = &update->positions[i];
        struct leat_ledger_position position = item->at;
        if (!is_published(update, item->flow))
            continue;
        if (item->source)
            leat_update_position_of(&leat_state_of(item->source)->table, &position);
        LEAT_TRY(leat_ledger_position_write(database, pipeline, item->flow, item->name, run,
                                            &position, err));
    }
    return leat_ledger_run_add(database, pipeline, run, update->started, err);
}

/* A table whose rows a flow of this run took up to a position, or whose keys were audited, may not
 * have got others meanwhile: the position would pass over them. */
static bool is_strict(const struct leat_update *update, const struct leat_dataset *dataset)
{
    for (size_t i = 0; i < update->position_count; i++)
        if (update->positions[i].source == dataset)
            return true;
    for (uint32_t i = 0; i < dataset->create->expectation_count; i++)
        if (dataset->create->expectations[i].kind == LEAT_SQL_EXPECT_UNIQUE)
            return true;
    return false;
}

static enum leat_status publish(struct leat_update *update, struct leat_error *err)
{
    struct leat_pipeline *pipeline = update->pipeline;
    struct leat_publication *items =
        LEAT_NEW_ARRAY(&update->arena, struct leat_publication, (size_t)pipeline->count * 2);
    size_t count = 0;

    if (!items)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < pipeline->count; i++) {
        struct leat_dataset_state *state = leat_state_of(pipeline->datasets[i]);
        if (state->summary->outcome != LEAT_OUTCOME_WRITTEN)
            continue;
        items[count++] =
            (struct leat_publication){.schema = pipeline->project->schema,
                                      .strict = is_strict(update, pipeline->datasets[i]),
                                      .table = pipeline->datasets[i]->name,
                                      .state = &state->table,
                                      .old_location = state->old_location,
                                      .replace = state->replace && state->exists,
                                      .receipts = &state->receipts};
        if (!state->bad_loaded)
            continue;
        items[count].schema = pipeline->project->schema;
        items[count].table =
            leat_arena_printf(&update->arena, "%s_quarantine", pipeline->datasets[i]->name);
        items[count].state = &state->bad_table;
        items[count].receipts = &state->bad_receipts;
        items[count].replace = state->replace && state->bad_table.metadata_location != NULL;
        if (!items[count++].table)
            return leat_error_memory(err);
    }
    if (count == 0)
        return LEAT_OK;
    LEAT_TRY(leat_publish(&update->lake, items, count, update->summary->run_id, write_ledger,
                          update, err));
    update->summary->published = true;
    return LEAT_OK;
}

/* Removes what unpublished datasets wrote. After publishing only failed ones are left. */
static void discard(struct leat_update *update, bool all)
{
    for (uint32_t i = 0; i < update->pipeline->count; i++) {
        struct leat_dataset_state *state = leat_state_of(update->pipeline->datasets[i]);
        if (!state || (!all && state->summary->outcome == LEAT_OUTCOME_WRITTEN))
            continue;
        leat_publish_discard(&state->receipts);
        leat_publish_discard(&state->bad_receipts);
    }
}

/* Datasets at a time. Each may use all threads: the system shares the cores among them. */
static unsigned lanes(const struct leat_update_options *options)
{
    unsigned threads = options->threads ? options->threads : leat_cpu_count();

    return threads < MAX_LANES ? threads : MAX_LANES;
}

enum leat_status leat_update_open_lake(struct leat_update *update, bool create,
                                       struct leat_error *err)
{
    struct leat_lake_options lake = {.catalog = update->pipeline->project->lake_catalog,
                                     .catalog_name = update->pipeline->project->catalog_name,
                                     .create = create,
                                     .write = true};

    LEAT_TRY(leat_lake_open(update->pipeline->project->lake, &lake, &update->lake, err));
    update->lake_open = true;
    return leat_ledger_create(update->lake.database, err);
}

enum leat_status leat_update_run_only(struct leat_update *update, struct leat_dataset *dataset,
                                      struct leat_error *err)
{
    enum leat_status status;

    LEAT_TRY(leat_update_make_states(update, err));
    for (uint32_t i = 0; i < update->pipeline->count; i++)
        leat_state_of(update->pipeline->datasets[i])->unneeded =
            update->pipeline->datasets[i] != dataset;
    status = leat_update_run_datasets(update, 1, err);
    if (status == LEAT_OK)
        return publish(update, err);
    discard(update, true);
    return status;
}

static enum leat_status check_names(struct leat_update *update, struct leat_error *err)
{
    for (const char *const *n = update->options->full_refresh; n && *n; n++) {
        struct leat_text name = leat_text_of(*n);
        if (!leat_pipeline_find(update->pipeline, &name, 1))
            return leat_update_unknown(update, name, "--full-refresh", err);
    }
    return LEAT_OK;
}

static enum leat_status run_update(struct leat_update *update, struct leat_error *err)
{
    enum leat_status status, failed;

    LEAT_TRY(check_names(update, err));
    LEAT_TRY(leat_update_open_lake(update, true, err));
    LEAT_TRY(leat_update_make_states(update, err));
    failed = leat_update_run_datasets(update, lanes(update->options), err);
    if (failed != LEAT_OK && !update->options->keep_going) {
        discard(update, true);
        return failed;
    }
    if (failed != LEAT_OK)
        discard(update, false);
    {
        struct leat_error publish_error;
        status = publish(update, failed == LEAT_OK ? err : &publish_error);
    }
    return failed != LEAT_OK ? failed : status;
}

void leat_update_release(struct leat_update *update)
{
    for (uint32_t i = 0; i < update->pipeline->count; i++) {
        struct leat_dataset_state *state = leat_state_of(update->pipeline->datasets[i]);
        if (!state)
            continue;
        if (state->loaded)
            leat_table_release(&state->table);
        if (state->bad_loaded)
            leat_table_release(&state->bad_table);
        if (state->has_made)
            leat_rows_release(&state->made);
        leat_bytes_list_release(&state->receipts);
        leat_bytes_list_release(&state->bad_receipts);
        leat_quarantine_release(&state->quarantine);
        update->pipeline->datasets[i]->state = NULL;
    }
    leat_update_release_givens(update);
    if (update->lake_open)
        leat_lake_close(&update->lake);
    leat_free(update->inputs);
    leat_free(update->positions);
    leat_arena_release(&update->arena);
    pthread_mutex_destroy(&update->lock);
}

void leat_update_init(struct leat_update *update, struct leat_pipeline *pipeline,
                      const struct leat_update_options *options,
                      struct leat_update_summary *summary)
{
    uint64_t memory =
        options->memory || options->host.name ? options->memory : leat_memory_default_limit();

    memset(update, 0, sizeof(*update));
    memset(summary, 0, sizeof(*summary));
    leat_arena_init(&summary->arena, NULL);
    leat_arena_init(&update->arena, NULL);
    leat_accountant_init(&update->accountant, NULL, memory);
    leat_memory_bound(options->memory);
    leat_random_uuid(summary->run_id);
    update->pipeline = pipeline;
    update->options = options;
    update->summary = summary;
    update->catalog.ops = &leat_update_catalog_ops;
    update->started = leat_clock_now();
    pthread_mutex_init(&update->lock, NULL);
}

static enum leat_status run_once(struct leat_pipeline *pipeline,
                                 const struct leat_update_options *options,
                                 struct leat_update_summary *summary, struct leat_error *err)
{
    struct leat_host_options host = options->host;
    struct leat_update update;
    enum leat_status status;

    host.tasks = options->threads;
    leat_project_host(pipeline->project, &host);
    leat_update_init(&update, pipeline, options, summary);
    update.runner.small_rows = LEAT_STAGE_SMALL_ROWS;
    update.runner.shared = pipeline->project->lake;
    status = leat_host_open(&host, &update.runner.host, err);
    if (status == LEAT_OK)
        status = run_update(&update, err);
    leat_host_close(update.runner.host);
    leat_update_release(&update);
    return status;
}

enum leat_status leat_update_run(struct leat_pipeline *pipeline,
                                 const struct leat_update_options *options,
                                 struct leat_update_summary *summary, struct leat_error *err)
{
    int64_t start = leat_clock_monotonic();
    enum leat_status status;

    for (int attempt = 1;; attempt++) {
        status = run_once(pipeline, options, summary, err);
        if (status != LEAT_CONFLICT || err->code != LEAT_E_TABLE_CHANGED || attempt == ATTEMPTS)
            break;
        /* another client changed what was read: nothing was published, the new state is read */
        leat_log(LEAT_LOG_INFO, "update", "begun anew: %s", err->message);
        leat_update_summary_release(summary);
        leat_error_clear(err);
    }
    summary->seconds = (double)(leat_clock_monotonic() - start) / 1e9;
    return status;
}

void leat_update_summary_release(struct leat_update_summary *summary)
{
    leat_arena_release(&summary->arena);
}

enum leat_status leat_update_check(struct leat_pipeline *pipeline, struct leat_error *err)
{
    struct leat_update_options options = {.threads = 1};
    struct leat_update_summary summary;
    struct leat_update update;
    enum leat_status status;

    leat_update_init(&update, pipeline, &options, &summary);
    update.check_only = true;
    status = leat_update_make_states(&update, err);
    if (status == LEAT_OK)
        status = leat_update_run_datasets(&update, 1, err);
    leat_update_release(&update);
    leat_update_summary_release(&summary);
    return status;
}
