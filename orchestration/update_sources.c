/* What a flow's query reads. Tables of the pipeline are seen as this update leaves them: what the
 * lake holds, plus what was written so far. STREAM of files gives the files that the ledger does
 * not know yet; STREAM of a streaming table gives the data files that came after the flow's
 * position. */
#include "orchestration/update_internal.h"

#include <stdio.h>

enum leat_status leat_update_empty_source(struct leat_update *update,
                                          const struct leat_schema *schema, const char *name,
                                          struct leat_source **out, struct leat_error *err)
{
    struct leat_rows *rows = LEAT_NEW(&update->arena, struct leat_rows);

    *out = NULL;
    if (!rows)
        return leat_error_memory(err);
    leat_arena_init(&rows->arena, NULL);
    LEAT_TRY(leat_schema_copy(schema, &update->arena, &rows->schema, err));
    return leat_source_open_rows(rows, name, out, err);
}

/* --- tables by name --- */

static enum leat_status open_dataset(struct leat_update *update, struct leat_dataset *dataset,
                                     struct leat_source **out, struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_data_files files = {0};

    if (state->has_made)
        return leat_source_open_rows(&state->made, dataset->name, out, err);
    if (update->check_only || !state->loaded)
        return leat_update_empty_source(update, &state->schema, dataset->name, out, err);
    if (!state->replace)
        LEAT_TRY(leat_table_files(&state->table, &update->arena, &files, err));
    for (size_t i = 0; i < state->fresh.count; i++)
        LEAT_TRY(leat_data_files_append(&files, &state->fresh.items[i], &update->arena, err));
    return leat_table_open_files(&state->table, files.items, files.count, dataset->name, out, err);
}

/* A check opens the lake, for reading, only when a name is looked for there. */
static bool has_lake(struct leat_update *update)
{
    struct leat_lake_options options = {.catalog = update->pipeline->project->lake_catalog,
                                        .catalog_name = update->pipeline->project->catalog_name};
    struct leat_error error;

    if (update->check_only && !update->lake_tried) {
        update->lake_tried = true;
        update->lake_open = leat_lake_open(update->pipeline->project->lake, &options, &update->lake,
                                           &error) == LEAT_OK;
    }
    return update->lake_open;
}

static enum leat_status load_lake_table(struct leat_update *update, const struct leat_text *parts,
                                        uint32_t count, struct leat_arena *arena,
                                        const char **schema, const char **name,
                                        struct leat_table *out, struct leat_error *err)
{
    if (count == 0 || count > 3 || !has_lake(update))
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "\"%.*s\" does not exist",
                              count ? (int)parts[count - 1].length : 0,
                              count ? parts[count - 1].data : "");
    *name = leat_arena_copy(arena, parts[count - 1].data, parts[count - 1].length);
    *schema = count > 1 ? leat_arena_copy(arena, parts[count - 2].data, parts[count - 2].length)
                        : update->pipeline->project->schema;
    if (!*name || !*schema)
        return leat_error_memory(err);
    return leat_lake_load(&update->lake, *schema, *name, out, err);
}

static enum leat_status find(struct leat_catalog *catalog, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    struct leat_update *update =
        (struct leat_update *)((char *)catalog - offsetof(struct leat_update, catalog));
    struct leat_dataset *dataset = leat_pipeline_find(update->pipeline, parts, count);
    struct leat_table table;
    enum leat_status status;
    const char *schema, *name;

    memset(out, 0, sizeof(*out));
    if (dataset && dataset->kind == LEAT_DATASET_VIEW && !leat_state_of(dataset)->has_made) {
        const struct leat_sql_query *query = dataset->create->query;
        out->kind = LEAT_RELATION_VIEW;
        out->name = dataset->name;
        out->view_sql =
            leat_arena_copy(arena, dataset->file->script.text + query->offset, query->length);
        out->view_dialect = query->dialect;
        out->view_file = dataset->file->path;
        out->view_offset = query->offset;
        return out->view_sql ? LEAT_OK : leat_error_memory(err);
    }
    out->kind = LEAT_RELATION_TABLE;
    if (dataset) {
        out->name = dataset->name;
        return open_dataset(update, dataset, &out->source, err);
    }
    LEAT_TRY(load_lake_table(update, parts, count, arena, &schema, &name, &table, err));
    out->name = name;
    status = leat_table_open_source(&table, name, &out->source, err);
    leat_table_release(&table);
    return status;
}

static enum leat_status list(struct leat_catalog *catalog, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    struct leat_update *update =
        (struct leat_update *)((char *)catalog - offsetof(struct leat_update, catalog));

    for (uint32_t i = 0; i < update->pipeline->count; i++)
        LEAT_TRY(leat_bytes_list_append(out, update->pipeline->datasets[i]->name,
                                        strlen(update->pipeline->datasets[i]->name), err));
    return LEAT_OK;
}

const struct leat_catalog_ops leat_update_catalog_ops = {.find = find, .list = list};

/* --- STREAM of files --- */

static enum leat_status add_input(struct leat_flow_run *run, const struct leat_file_info *info,
                                  const char *hash, struct leat_error *err)
{
    struct leat_update *update = run->update;
    struct leat_new_input *inputs =
        leat_realloc(update->inputs, (update->input_count + 1) * sizeof(*inputs));
    struct leat_new_input *input;

    if (!inputs)
        return leat_error_memory(err);
    update->inputs = inputs;
    input = &inputs[update->input_count];
    memset(input, 0, sizeof(*input));
    input->flow = run->flow->name;
    input->file.path = leat_arena_strdup(&update->arena, info->path);
    input->file.size = info->size;
    input->file.modified = info->modified;
    memcpy(input->file.hash, hash, sizeof(input->file.hash));
    if (!input->file.path)
        return leat_error_memory(err);
    update->input_count++;
    return LEAT_OK;
}

/* Notes the chosen files with their content's hashes for the ledger. */
static enum leat_status add_inputs(struct leat_flow_run *run, const struct leat_file_info *chosen,
                                   size_t count, struct leat_error *err)
{
    char(*hashes)[17] = leat_calloc(count, sizeof(*hashes));
    enum leat_status status = hashes ? LEAT_OK : leat_error_memory(err);

    leat_update_unlock(run->update);
    for (size_t i = 0; i < count && status == LEAT_OK; i++)
        status = leat_ledger_hash(chosen[i].path, hashes[i], err);
    leat_update_lock(run->update);
    for (size_t i = 0; i < count && status == LEAT_OK; i++)
        status = add_input(run, &chosen[i], hashes[i], err);
    leat_free(hashes);
    return status;
}

static enum leat_status warn_changed(struct leat_flow_run *run, const char *path,
                                     struct leat_error *err)
{
    struct leat_update_summary *summary = run->update->summary;
    const char **warnings =
        LEAT_NEW_ARRAY(&summary->arena, const char *, (size_t)summary->warning_count + 1);

    if (!warnings)
        return leat_error_memory(err);
    if (summary->warning_count)
        memcpy(warnings, summary->warnings, summary->warning_count * sizeof(*warnings));
    warnings[summary->warning_count] = leat_arena_printf(
        &summary->arena,
        "%s changed after it was read; its new rows are not in the table (--full-refresh %s reads "
        "all files again)",
        path, run->dataset->name);
    if (!warnings[summary->warning_count])
        return leat_error_memory(err);
    summary->warning_count++;
    summary->warnings = warnings;
    return LEAT_OK;
}

/* Sorts the present files into those to be read and those read before. */
static enum leat_status choose_new(struct leat_flow_run *run, const struct leat_file_list *present,
                                   struct leat_file_info *chosen, size_t *count,
                                   struct leat_error *err)
{
    bool refresh = leat_state_of(run->dataset)->refresh;
    struct leat_ledger_files known;
    enum leat_status status = LEAT_OK;

    *count = 0;
    LEAT_TRY(leat_ledger_files_read(run->update->lake.database,
                                    run->update->pipeline->project->name, run->flow->name, &known,
                                    err));
    for (size_t i = 0; i < present->count && status == LEAT_OK; i++) {
        const struct leat_file_info *info = &present->items[i];
        const struct leat_ledger_file *file = leat_ledger_files_find(&known, info->path);
        char hash[17];
        if (!file || refresh) {
            chosen[(*count)++] = *info;
        } else if (file->size != info->size || file->modified != info->modified) {
            status = leat_ledger_hash(info->path, hash, err);
            if (status == LEAT_OK && strcmp(hash, file->hash) != 0)
                status = warn_changed(run, info->path, err);
        }
    }
    leat_ledger_files_release(&known);
    return status;
}

static enum leat_status stream_files(struct leat_flow_run *run, const struct leat_file_call *call,
                                     struct leat_source **out, struct leat_error *err)
{
    struct leat_update *update = run->update;
    struct leat_source *whole = NULL;
    struct leat_file_info *chosen;
    struct leat_file_list present;
    enum leat_status status;
    size_t count = 0;

    LEAT_TRY(leat_plan_file_list(call, &present, err));
    chosen = leat_calloc(present.count, sizeof(*chosen));
    status = chosen ? LEAT_OK : leat_error_memory(err);
    if (status == LEAT_OK && !update->check_only)
        status = choose_new(run, &present, chosen, &count, err);
    if (status == LEAT_OK && count > 0)
        status = add_inputs(run, chosen, count, err);
    if (status == LEAT_OK && count > 0) {
        run->has_new = true;
        leat_state_of(run->dataset)->summary->new_files += count;
        status = leat_plan_open_files(call, chosen, count, out, err);
    } else if (status == LEAT_OK) { /* nothing new: the schema alone */
        status = leat_plan_open_files(call, present.items, present.count, &whole, err);
        if (status == LEAT_OK)
            status = leat_update_empty_source(update, &whole->schema, whole->name, out, err);
        leat_source_close(whole);
    }
    leat_free(chosen);
    leat_file_list_release(&present);
    return status;
}

enum leat_status leat_update_inputs_unchanged(const struct leat_update *update,
                                              const struct leat_flow *flow, struct leat_error *err)
{
    for (size_t i = 0; i < update->input_count; i++) {
        const struct leat_ledger_file *file = &update->inputs[i].file;
        struct leat_file_info now;
        if (update->inputs[i].flow != flow->name)
            continue;
        LEAT_TRY(leat_file_stat(file->path, &now, err));
        if (now.kind == LEAT_FILE_REGULAR && now.size == file->size &&
            now.modified == file->modified)
            continue;
        (void)leat_error_set(err, LEAT_E_FILE_CHANGED, "%s %s while it was read", file->path,
                             now.kind == LEAT_FILE_REGULAR ? "changed" : "vanished");
        leat_error_hint(err, "write input files under another name and rename them when complete");
        return LEAT_CORRUPT;
    }
    return LEAT_OK;
}

/* --- STREAM of a streaming table --- */

static enum leat_status add_position(struct leat_flow_run *run,
                                     const struct leat_new_position *position,
                                     struct leat_error *err)
{
    struct leat_update *update = run->update;
    struct leat_new_position *positions =
        leat_realloc(update->positions, (update->position_count + 1) * sizeof(*positions));

    if (!positions)
        return leat_error_memory(err);
    update->positions = positions;
    positions[update->position_count] = *position;
    positions[update->position_count++].flow = run->flow->name;
    return LEAT_OK;
}

void leat_update_position_of(const struct leat_table *table, struct leat_ledger_position *out)
{
    const char *uuid = json_string_value(json_object_get(table->json, "table-uuid"));

    snprintf(out->uuid, sizeof(out->uuid), "%.36s", uuid ? uuid : "");
    out->sequence_number = table->sequence_number;
}

/* Snapshots that came since the position must all have added rows, and nothing else. */
static enum leat_status expect_appended(const struct leat_flow_run *run,
                                        const struct leat_table *table, const char *name,
                                        const struct leat_ledger_position *position,
                                        struct leat_error *err)
{
    const json_t *snapshots = json_object_get(table->json, "snapshots"), *snapshot;
    size_t index;

    json_array_foreach(snapshots, index, snapshot)
    {
        const char *operation =
            json_string_value(json_object_get(json_object_get(snapshot, "summary"), "operation"));
        if (json_integer_value(json_object_get(snapshot, "sequence-number")) <=
                position->sequence_number ||
            !operation || strcmp(operation, "append") == 0)
            continue;
        (void)leat_error_set(err, LEAT_E_STREAM_REWRITTEN,
                             "rows of \"%s\" were replaced or deleted (%s) since \"%s\" read it",
                             name, operation, run->flow->name);
        leat_error_hint(err, "leat run --full-refresh %s", run->dataset->name);
        return LEAT_INVALID;
    }
    return LEAT_OK;
}

/* The table's files that came after the flow's position: all, if it never read this table. */
static enum leat_status choose_files(struct leat_flow_run *run, const struct leat_table *table,
                                     const char *name, struct leat_data_files *chosen,
                                     struct leat_error *err)
{
    struct leat_update *update = run->update;
    struct leat_data_files present = {0};
    struct leat_ledger_position position, now;
    bool from_start;

    LEAT_TRY(leat_ledger_position_read(update->lake.database, update->pipeline->project->name,
                                       run->flow->name, name, &position, err));
    leat_update_position_of(table, &now);
    from_start = leat_state_of(run->dataset)->refresh || strcmp(now.uuid, position.uuid) != 0;
    if (!from_start)
        LEAT_TRY(expect_appended(run, table, name, &position, err));
    LEAT_TRY(leat_table_files(table, &update->arena, &present, err));
    for (size_t i = 0; i < present.count; i++)
        if (from_start || present.items[i].sequence_number > position.sequence_number)
            LEAT_TRY(leat_data_files_append(chosen, &present.items[i], &update->arena, err));
    return LEAT_OK;
}

static enum leat_status stream_table(struct leat_flow_run *run, struct leat_dataset *source,
                                     struct leat_source **out, struct leat_error *err)
{
    struct leat_new_position position = {.source = source, .name = source->name};
    struct leat_dataset_state *state = leat_state_of(source);
    struct leat_update *update = run->update;
    struct leat_data_files chosen = {0};

    if (update->in_memory) {
        run->has_new = true;
        return open_dataset(update, source, out, err);
    }
    if (update->check_only || !state->loaded)
        return leat_update_empty_source(update, &state->schema, source->name, out, err);
    if (!state->replace)
        LEAT_TRY(choose_files(run, &state->table, source->name, &chosen, err));
    for (size_t i = 0; i < state->fresh.count; i++)
        LEAT_TRY(leat_data_files_append(&chosen, &state->fresh.items[i], &update->arena, err));
    run->has_new |= chosen.count > 0;
    LEAT_TRY(add_position(run, &position, err));
    return leat_table_open_files(&state->table, chosen.items, chosen.count, source->name, out, err);
}

/* STREAM of a table that the lake holds and the pipeline does not make. */
static enum leat_status stream_lake_table(struct leat_flow_run *run, const struct leat_text *parts,
                                          uint32_t count, struct leat_source **out,
                                          struct leat_error *err)
{
    struct leat_new_position position = {0};
    struct leat_update *update = run->update;
    struct leat_data_files chosen = {0};
    const char *schema, *name;
    struct leat_table table;
    enum leat_status status;

    LEAT_TRY(load_lake_table(update, parts, count, &update->arena, &schema, &name, &table, err));
    position.name = leat_arena_printf(&update->arena, "%s.%s", schema, name);
    leat_update_position_of(&table, &position.at);
    status = position.name ? LEAT_OK : leat_error_memory(err);
    if (status == LEAT_OK && (update->check_only || update->replay)) {
        status = leat_update_empty_source(update, &table.schema, name, out, err);
    } else if (status == LEAT_OK) {
        status = choose_files(run, &table, position.name, &chosen, err);
        run->has_new |= chosen.count > 0;
        if (status == LEAT_OK)
            status = add_position(run, &position, err);
        if (status == LEAT_OK)
            status = leat_table_open_files(&table, chosen.items, chosen.count, name, out, err);
    }
    leat_table_release(&table);
    return status;
}

enum leat_status leat_update_open_stream(void *context, const struct leat_sql_from *from,
                                         const struct leat_file_call *call,
                                         struct leat_source **out, struct leat_error *err)
{
    struct leat_flow_run *run = context;
    struct leat_dataset *source;
    struct leat_text parts[8];
    uint32_t count = from->path.count < 8 ? from->path.count : 0;

    *out = NULL;
    run->has_stream = true;
    if (call && run->update->in_memory)
        return leat_update_open_given_files(run, call, out, err);
    if (call && !run->update->replay)
        return stream_files(run, call, out, err);
    if (call && run->update->replay)
        return leat_update_open_kept(run, call, NULL, out, err);
    for (uint32_t i = 0; i < count; i++)
        parts[i] = from->path.parts[i].text;
    source = leat_pipeline_find(run->update->pipeline, parts, count);
    if (source && source->kind == LEAT_DATASET_STREAMING)
        return run->update->replay ? leat_update_open_kept(run, NULL, source, out, err)
                                   : stream_table(run, source, out, err);
    if (!source)
        return stream_lake_table(run, parts, count, out, err);
    (void)leat_error_set(err, LEAT_E_STREAM_SOURCE,
                         "\"%s\" cannot be streamed: it is no streaming table", source->name);
    leat_error_hint(err, "leave STREAM out and use a materialized view, or stream from a streaming "
                         "table");
    return LEAT_INVALID;
}
