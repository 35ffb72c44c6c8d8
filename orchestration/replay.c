/* Replay: an update in which only one table runs. Its STREAMs of files give the rows kept aside:
 * the raw rows of each file are made into a file of their own (without a name, gone with the
 * process), which the format opens as it opened the first. */
#include "orchestration/replay.h"

#include "columns/format.h"
#include "orchestration/kept_rows.h"
#include "orchestration/update_internal.h"

#include <stdio.h>

struct leat_replay_row {
    const char *id, *flow;
    const char *file; /* NULL: of an expectation, raw is the table's row as JSON */
    struct leat_text raw;
    uint64_t start; /* in the file that is read now */
    bool alone;     /* may spoil the rows behind it */
    bool used;
    bool stays;
};
struct leat_replay {
    struct leat_dataset *dataset;
    struct leat_arena arena;
    struct leat_rows chosen;
    struct leat_replay_row *rows;
    size_t count;
    const char *quarantine; /* schema.table */
    struct read_rows *read; /* what the streams gave */
};
struct read_rows {
    struct read_rows *next;
    struct leat_rows rows;
};
/* The rows of one file, while they are read. */
struct reading {
    struct leat_bad_row_handler base;
    pthread_mutex_t lock;
    struct leat_replay_row **rows;
    size_t count;
    size_t bad;
    struct leat_source *like;
    const struct leat_format *format;
    struct leat_file_info file;
};

/* --- choosing --- */

static enum leat_status put_choice(const struct leat_replay_options *options,
                                   const struct leat_lake_name *name, struct leat_buffer *sql,
                                   struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(sql, "SELECT row_id, flow, file, error_code, raw", err));
    LEAT_TRY(leat_kept_rows_put_from(name, sql, err));
    if (options->where)
        LEAT_TRY(leat_buffer_printf(sql, err, " AND (%s)", options->where));
    for (size_t i = 0; i < options->id_count; i++) {
        LEAT_TRY(leat_buffer_append_string(sql, i ? ", " : " AND row_id IN (", err));
        LEAT_TRY(leat_kept_rows_put_string(options->ids[i], sql, err));
    }
    if (options->id_count)
        LEAT_TRY(leat_buffer_append_byte(sql, ')', err));
    return leat_buffer_append_string(sql, " ORDER BY quarantined_at, row_id", err);
}

static struct leat_text text_of(const struct leat_vector *vector, uint32_t row)
{
    const struct leat_vector *base;
    const struct leat_string *string;
    uint32_t at;

    if (leat_vector_is_null(vector, row))
        return (struct leat_text){NULL, 0};
    at = leat_vector_locate(vector, row, &base);
    string = (const struct leat_string *)base->data + at;
    return (struct leat_text){leat_string_data(string), string->length};
}

static const char *copy_of(struct leat_arena *arena, struct leat_text text)
{
    return text.data ? leat_arena_copy(arena, text.data, text.length) : NULL;
}

static enum leat_status take_rows(struct leat_replay *replay, struct leat_error *err)
{
    replay->rows =
        LEAT_NEW_ARRAY(&replay->arena, struct leat_replay_row, replay->chosen.row_count + 1);
    if (!replay->rows)
        return leat_error_memory(err);
    for (size_t b = 0; b < replay->chosen.batch_count; b++) {
        const struct leat_batch *batch = &replay->chosen.batches[b];
        for (uint32_t r = 0; r < batch->length; r++) {
            struct leat_replay_row *row = &replay->rows[replay->count++];
            const char *code = copy_of(&replay->arena, text_of(&batch->columns[3], r));
            row->id = copy_of(&replay->arena, text_of(&batch->columns[0], r));
            row->flow = copy_of(&replay->arena, text_of(&batch->columns[1], r));
            if (!code || strcmp(code, "L4201") != 0)
                row->file = copy_of(&replay->arena, text_of(&batch->columns[2], r));
            row->raw = text_of(&batch->columns[4], r);
            row->alone = code && strcmp(code, "L1004") == 0;
            if (!row->id || !row->flow)
                return leat_error_memory(err);
        }
    }
    return LEAT_OK;
}

static enum leat_status choose(struct leat_update *update,
                               const struct leat_replay_options *options, struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = 1};
    const char *schema = update->pipeline->project->schema;
    struct leat_replay *replay = update->replay;
    struct leat_kept_rows kept;
    struct leat_lake_name name;
    struct leat_buffer sql;
    enum leat_status status;

    LEAT_TRY(leat_kept_rows_open(&update->lake, schema, &kept, err));
    leat_buffer_init(&sql, 1 << 20);
    status = leat_kept_rows_find(&kept, schema, replay->dataset->name, &name, err);
    if (status == LEAT_OK) {
        replay->quarantine = leat_arena_printf(&replay->arena, "%s.%s", name.schema, name.table);
        status = put_choice(options, &name, &sql, err);
    }
    execute.source = (struct leat_expr_source){"", (const char *)sql.data, sql.length};
    if (status == LEAT_OK)
        status = leat_text_query_rows(&sql, &kept.catalog.base, &execute, &replay->chosen, err);
    if (status == LEAT_OK)
        status = take_rows(replay, err);
    leat_buffer_release(&sql);
    leat_kept_rows_close(&kept);
    return status;
}

/* --- reading raw rows again --- */

static enum leat_status note_bad(struct leat_bad_row_handler *handler,
                                 const struct leat_bad_row *bad, struct leat_error *err)
{
    struct reading *reading = (struct reading *)handler;

    (void)err;
    pthread_mutex_lock(&reading->lock);
    reading->bad++;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->rows[i]->start == bad->offset)
            reading->rows[i]->stays = true;
    pthread_mutex_unlock(&reading->lock);
    return LEAT_OK;
}

static enum leat_status open_raw(void *context, struct leat_source **out, struct leat_error *err)
{
    struct reading *reading = context;

    return reading->format->open_raw(reading->like, &reading->file, out, err);
}

/* "SELECT columns FROM raw", with the name of the file that the rows came from. */
static enum leat_status put_select(const struct reading *reading, const char *file, bool filename,
                                   struct leat_buffer *sql, struct leat_error *err)
{
    const struct leat_schema *schema = &reading->like->schema;

    LEAT_TRY(leat_buffer_append_string(sql, "SELECT ", err));
    for (uint32_t i = 0; i < schema->count; i++) {
        LEAT_TRY(leat_buffer_append_string(sql, i ? ", " : "", err));
        if (filename && i + 1 == schema->count) {
            LEAT_TRY(leat_kept_rows_put_string(file, sql, err));
            LEAT_TRY(leat_buffer_append_string(sql, "::text AS filename", err));
            continue;
        }
        LEAT_TRY(leat_sql_put_name(leat_text_of(schema->fields[i].name), sql, err));
    }
    return leat_buffer_append_string(sql, " FROM raw", err);
}

static enum leat_status append_rows(struct leat_rows *to, const struct leat_rows *from,
                                    struct leat_error *err)
{
    for (size_t i = 0; i < from->batch_count; i++)
        LEAT_TRY(leat_rows_append(to, &from->batches[i], err));
    return LEAT_OK;
}

/* Reads the file that holds the raw rows. Each of them must give one row or be bad. */
static enum leat_status read_file(struct reading *reading, const char *original, bool filename,
                                  struct leat_rows *out, struct leat_error *err)
{
    struct leat_named_source source = {"raw", open_raw, reading};
    struct leat_execute_options execute = {.threads = 1, .bad_rows = &reading->base};
    struct leat_named_sources catalog;
    struct leat_rows rows = {0};
    struct leat_buffer sql;
    enum leat_status status;

    leat_named_sources_init(&catalog, &source, 1, NULL);
    leat_buffer_init(&sql, 1 << 20);
    status = put_select(reading, original, filename, &sql, err);
    if (status == LEAT_OK)
        status = leat_text_query_rows(&sql, &catalog.base, &execute, &rows, err);
    if (status == LEAT_OK && rows.row_count + reading->bad != reading->count) {
        status = leat_error_set(
            err, LEAT_E_REPLAY_ROWS,
            "%zu rows kept aside from %s are read as %llu rows, %zu of them bad", reading->count,
            original, (unsigned long long)(rows.row_count + reading->bad), reading->bad);
        leat_error_hint(err,
                        "nothing was changed; replay fewer rows: leat quarantine replay TABLE ID");
    }
    if (status == LEAT_OK)
        status = append_rows(out, &rows, err);
    leat_rows_release(&rows);
    leat_buffer_release(&sql);
    return status;
}

static enum leat_status write_raw(struct reading *reading, const struct leat_file_info *original,
                                  struct leat_scratch *scratch, struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status;

    leat_buffer_init(&bytes, 0);
    status = reading->format->put_raw(reading->like, original, &bytes, err);
    for (size_t i = 0; i < reading->count && status == LEAT_OK; i++) {
        reading->rows[i]->start = bytes.length;
        status = leat_buffer_append(&bytes, reading->rows[i]->raw.data,
                                    reading->rows[i]->raw.length, err);
        if (status == LEAT_OK)
            status = leat_buffer_append_byte(&bytes, '\n', err);
    }
    if (status == LEAT_OK)
        status = leat_scratch_append(scratch, bytes.data, bytes.length, err);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status read_group(struct reading *reading, const char *original, bool filename,
                                   struct leat_rows *out, struct leat_error *err)
{
    struct leat_file_info info;
    struct leat_scratch scratch;
    enum leat_status status;
    char path[64];

    reading->bad = 0;
    LEAT_TRY(leat_file_stat(original, &info, err));
    LEAT_TRY(leat_scratch_open(&scratch, err));
    status = write_raw(reading, info.kind == LEAT_FILE_REGULAR ? &info : NULL, &scratch, err);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", scratch.descriptor);
    if (status == LEAT_OK)
        status = leat_file_stat(path, &reading->file, err);
    reading->file.path = path;
    if (status == LEAT_OK)
        status = read_file(reading, original, filename, out, err);
    leat_scratch_close(&scratch);
    return status;
}

/* The next rows of one file of this flow that were not read yet. */
static size_t next_group(struct leat_replay *replay, const char *flow, struct leat_replay_row **out)
{
    size_t count = 0;

    for (size_t i = 0; i < replay->count; i++) {
        struct leat_replay_row *row = &replay->rows[i];
        if (row->used || !row->file || strcmp(row->flow, flow) != 0)
            continue;
        if (count > 0 && (row->alone || out[0]->alone || strcmp(row->file, out[0]->file) != 0))
            continue;
        row->used = true;
        out[count++] = row;
    }
    return count;
}

static enum leat_status read_groups(struct leat_flow_run *run, const struct leat_file_call *call,
                                    struct leat_source *like, struct leat_rows *out,
                                    struct leat_error *err)
{
    struct leat_replay *replay = run->update->replay;
    const struct leat_value *option =
        leat_option_find(call->options, call->option_count, "filename");
    bool filename = option && !option->is_null && option->integer;
    struct reading reading = {.base = {.handle = note_bad}, .like = like};
    enum leat_status status = LEAT_OK;

    reading.format = leat_plan_format(like->ops->kind);
    reading.rows = LEAT_NEW_ARRAY(&replay->arena, struct leat_replay_row *, replay->count + 1);
    if (!reading.rows)
        return leat_error_memory(err);
    if (!reading.format || !reading.format->open_raw)
        return LEAT_OK;
    pthread_mutex_init(&reading.lock, NULL);
    while (status == LEAT_OK &&
           (reading.count = next_group(replay, run->flow->name, reading.rows)) > 0)
        status = read_group(&reading, reading.rows[0]->file, filename, out, err);
    pthread_mutex_destroy(&reading.lock);
    return status;
}

static enum leat_status stream_kept(struct leat_flow_run *run, const struct leat_file_call *call,
                                    struct leat_source **out, struct leat_error *err)
{
    struct leat_replay *replay = run->update->replay;
    struct read_rows *read = LEAT_NEW(&replay->arena, struct read_rows);
    struct leat_source *like = NULL;
    struct leat_file_list present;
    enum leat_status status;

    if (!read)
        return leat_error_memory(err);
    LEAT_TRY(leat_plan_file_list(call, &present, err));
    status = leat_plan_open_files(call, present.items, present.count, &like, err);
    leat_file_list_release(&present);
    LEAT_TRY(status);
    status = leat_rows_init(&read->rows, &like->schema, NULL, err);
    if (status == LEAT_OK) {
        read->next = replay->read;
        replay->read = read;
        status = read_groups(run, call, like, &read->rows, err);
    }
    leat_source_close(like);
    LEAT_TRY(status);
    run->has_new |= read->rows.row_count > 0;
    return leat_source_open_rows(&read->rows, run->flow->name, out, err);
}

enum leat_status leat_update_open_kept(struct leat_flow_run *run, const struct leat_file_call *call,
                                       struct leat_dataset *source, struct leat_source **out,
                                       struct leat_error *err)
{
    if (call)
        return stream_kept(run, call, out, err);
    return leat_update_empty_source(run->update, &leat_state_of(source)->schema, source->name, out,
                                    err);
}

/* --- rows that an expectation turned away --- */

static enum leat_status put_json_call(const struct leat_schema *schema, int descriptor,
                                      struct leat_buffer *sql, struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    status = leat_buffer_printf(sql, err,
                                "SELECT * FROM read_json('/proc/self/fd/%d', format => 'ndjson', "
                                "columns => {",
                                descriptor);
    for (uint32_t i = 0; i < schema->count && status == LEAT_OK; i++) {
        const char *type = leat_type_name(&arena, schema->fields[i].type);
        status = type ? leat_buffer_append_string(sql, i ? ", " : "", err) : leat_error_memory(err);
        if (status == LEAT_OK)
            status = leat_kept_rows_put_string(schema->fields[i].name, sql, err);
        if (status == LEAT_OK)
            status = leat_buffer_append_string(sql, ": ", err);
        if (status == LEAT_OK)
            status = leat_kept_rows_put_string(type, sql, err);
    }
    leat_arena_release(&arena);
    LEAT_TRY(status);
    return leat_buffer_append_string(sql, "})", err);
}

enum leat_status leat_update_write_kept(struct leat_update *update, struct leat_dataset *dataset,
                                        struct leat_error *err)
{
    struct leat_replay *replay = update->replay;
    struct leat_scratch scratch;
    struct leat_buffer sql;
    enum leat_status status = LEAT_OK;

    if (leat_state_of(dataset)->schema.count == 0)
        return LEAT_OK;
    LEAT_TRY(leat_scratch_open(&scratch, err));
    leat_buffer_init(&sql, 1 << 20);
    for (size_t i = 0; i < replay->count && status == LEAT_OK; i++) {
        if (replay->rows[i].file)
            continue;
        replay->rows[i].used = true;
        status = leat_scratch_append(&scratch, replay->rows[i].raw.data, replay->rows[i].raw.length,
                                     err);
        if (status == LEAT_OK)
            status = leat_scratch_append(&scratch, "\n", 1, err);
    }
    if (status == LEAT_OK && scratch.length > 0) {
        status = put_json_call(&leat_state_of(dataset)->schema, scratch.descriptor, &sql, err);
        if (status == LEAT_OK)
            status = leat_update_write_query(update, dataset, &sql, NULL, err);
        leat_state_of(dataset)->changed = true;
    }
    leat_buffer_release(&sql);
    leat_scratch_close(&scratch);
    return status;
}

/* Whether a row that was turned away now is one of those replayed, as it was: that one stays. */
static bool was_kept(struct leat_replay *replay, struct leat_text raw)
{
    for (size_t i = 0; i < replay->count; i++) {
        struct leat_replay_row *row = &replay->rows[i];
        if (!row->file && !row->stays && leat_text_equal(row->raw, raw)) {
            row->stays = true;
            return true;
        }
    }
    return false;
}

enum leat_status leat_update_drop_kept(struct leat_update *update, struct leat_dataset *dataset,
                                       struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_rows *rows = &state->quarantine.rows, fresh;
    size_t replayed = 0;
    enum leat_status status = leat_rows_init(&fresh, &leat_quarantine_schema, NULL, err);

    for (size_t b = 0; b < rows->batch_count && status == LEAT_OK; b++) {
        struct leat_vector columns[LEAT_QUARANTINE_COLUMNS];
        struct leat_batch kept = {LEAT_QUARANTINE_COLUMNS, 0, columns};
        const struct leat_batch *batch = &rows->batches[b];
        uint32_t *selection =
            leat_arena_alloc(&update->arena, (size_t)batch->length * sizeof(*selection));
        if (!selection)
            status = leat_error_memory(err);
        for (uint32_t r = 0; r < batch->length && status == LEAT_OK; r++)
            if (!was_kept(update->replay, text_of(&batch->columns[LEAT_QUARANTINE_RAW], r)))
                selection[kept.length++] = r;
        for (uint32_t c = 0; c < LEAT_QUARANTINE_COLUMNS && status == LEAT_OK; c++)
            status = leat_vector_select(&batch->columns[c], selection, kept.length, &update->arena,
                                        &columns[c], err);
        if (status == LEAT_OK && kept.length > 0)
            status = leat_rows_append(&fresh, &kept, err);
    }
    leat_rows_release(rows);
    *rows = fresh;
    for (size_t i = 0; i < update->replay->count; i++)
        replayed += update->replay->rows[i].used && !update->replay->rows[i].stays;
    state->changed = replayed > 0;
    return status;
}

enum leat_status leat_update_mark_kept(struct leat_update *update, struct leat_database *database,
                                       struct leat_error *err)
{
    for (size_t i = 0; i < update->replay->count; i++) {
        const struct leat_replay_row *row = &update->replay->rows[i];
        if (row->used && !row->stays)
            LEAT_TRY(leat_ledger_replay_add(database, update->replay->quarantine, row->id,
                                            update->summary->run_id, err));
    }
    return LEAT_OK;
}

/* --- the whole --- */

static enum leat_status find_dataset(struct leat_pipeline *pipeline, const char *name,
                                     struct leat_dataset **out, struct leat_error *err)
{
    const char *dot = strrchr(name, '.');
    struct leat_text parts[2] = {{name, dot ? (size_t)(dot - name) : 0},
                                 leat_text_of(dot ? dot + 1 : name)};

    *out = leat_pipeline_find(pipeline, dot ? parts : parts + 1, dot ? 2 : 1);
    if (!*out)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "the pipeline has no table \"%s\"",
                              name);
    if ((*out)->kind == LEAT_DATASET_STREAMING)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_REPLAY_TABLE,
                         "\"%s\" is no streaming table: it is computed anew in every run", name);
    leat_error_hint(err, "correct its definition or its input and use `leat run`");
    return LEAT_INVALID;
}

static void replay_release(struct leat_replay *replay)
{
    for (struct read_rows *read = replay->read; read; read = read->next)
        leat_rows_release(&read->rows);
    leat_rows_release(&replay->chosen);
    leat_arena_release(&replay->arena);
}

enum leat_status leat_replay_run(struct leat_pipeline *pipeline,
                                 const struct leat_replay_options *options,
                                 struct leat_replay_result *out, struct leat_error *err)
{
    struct leat_replay replay = {0};
    struct leat_update_summary summary;
    struct leat_update update;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&replay.arena, NULL);
    leat_update_init(&update, pipeline, &options->update, &summary);
    memcpy(out->run_id, summary.run_id, sizeof(out->run_id));
    update.replay = &replay;
    status = find_dataset(pipeline, options->table, &replay.dataset, err);
    if (status == LEAT_OK)
        status = leat_update_open_lake(&update, false, err);
    if (status == LEAT_OK)
        status = choose(&update, options, err);
    if (status == LEAT_OK)
        status = leat_update_run_only(&update, replay.dataset, err);
    out->chosen = replay.count;
    if (status == LEAT_OK && replay.dataset->state) {
        struct leat_dataset_state *state = leat_state_of(replay.dataset);
        for (size_t i = 0; i < replay.count; i++)
            out->replayed += replay.rows[i].used && !replay.rows[i].stays;
        out->inserted = atomic_load(&state->rows);
        out->kept = state->quarantine.open ? state->quarantine.rows.row_count : 0;
    }
    leat_update_release(&update);
    leat_update_summary_release(&summary);
    replay_release(&replay);
    return status;
}
