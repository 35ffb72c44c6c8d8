/* The ledger's tables and statements. Numbers travel as text; the columns' types make integers of
 * them. */
#include "orchestration/ledger.h"

#include "base/hash.h"
#include "base/system.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum leat_status leat_ledger_create(struct leat_database *database, struct leat_error *err)
{
    static const char *const statements[] = {
        "CREATE TABLE IF NOT EXISTS leat_runs (run_id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, "
        "started_at BIGINT NOT NULL, ended_at BIGINT, status TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS leat_inputs (pipeline TEXT NOT NULL, flow TEXT NOT NULL, "
        "path TEXT NOT NULL, size BIGINT NOT NULL, modified_at BIGINT NOT NULL, hash TEXT NOT "
        "NULL, run_id TEXT NOT NULL, PRIMARY KEY (pipeline, flow, path))",
        "CREATE TABLE IF NOT EXISTS leat_positions (pipeline TEXT NOT NULL, flow TEXT NOT NULL, "
        "source TEXT NOT NULL, table_uuid TEXT NOT NULL, sequence_number BIGINT NOT NULL, run_id "
        "TEXT NOT NULL, PRIMARY KEY (pipeline, flow, source))",
        "CREATE TABLE IF NOT EXISTS leat_replays (quarantine TEXT NOT NULL, row_id TEXT NOT NULL, "
        "run_id TEXT NOT NULL, PRIMARY KEY (quarantine, row_id))",
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        LEAT_TRY(leat_database_run(database, statements[i], NULL, 0, NULL, NULL, NULL, err));
    return LEAT_OK;
}

static enum leat_status take_file(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    struct leat_ledger_files *files = context;
    struct leat_ledger_file *items = files->items;

    (void)count;
    if ((files->count & (files->count - 1)) == 0) {
        items =
            leat_arena_alloc(&files->arena, (files->count ? files->count * 2 : 1) * sizeof(*items));
        if (items && files->count)
            memcpy(items, files->items, files->count * sizeof(*items));
    }
    if (!items)
        return leat_error_memory(err);
    files->items = items;
    items += files->count++;
    memset(items, 0, sizeof(*items));
    items->path = leat_arena_strdup(&files->arena, values[0] ? values[0] : "");
    items->size = values[1] ? strtoull(values[1], NULL, 10) : 0;
    items->modified = values[2] ? strtoll(values[2], NULL, 10) : 0;
    snprintf(items->hash, sizeof(items->hash), "%s", values[3] ? values[3] : "");
    return items->path ? LEAT_OK : leat_error_memory(err);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct leat_ledger_file *)a)->path,
                  ((const struct leat_ledger_file *)b)->path);
}

enum leat_status leat_ledger_files_read(struct leat_database *database, const char *pipeline,
                                        const char *flow, struct leat_ledger_files *out,
                                        struct leat_error *err)
{
    const char *parameters[] = {pipeline, flow};
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    status = leat_database_run(database,
                               "SELECT path, size, modified_at, hash FROM leat_inputs WHERE "
                               "pipeline = ?1 AND flow = ?2",
                               parameters, 2, take_file, out, NULL, err);
    if (status != LEAT_OK)
        leat_ledger_files_release(out);
    else if (out->count) /* databases order texts by locales */
        qsort(out->items, out->count, sizeof(out->items[0]), compare_files);
    return status;
}

void leat_ledger_files_release(struct leat_ledger_files *files)
{
    leat_arena_release(&files->arena);
    files->items = NULL;
    files->count = 0;
}

const struct leat_ledger_file *leat_ledger_files_find(const struct leat_ledger_files *files,
                                                      const char *path)
{
    size_t low = 0, high = files->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(files->items[middle].path, path);
        if (order == 0)
            return &files->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum leat_status leat_ledger_file_add(struct leat_database *database, const char *pipeline,
                                      const char *flow, const char *run_id,
                                      const struct leat_ledger_file *file, struct leat_error *err)
{
    char size[24], modified[24];
    const char *parameters[] = {pipeline, flow, file->path, size, modified, file->hash, run_id};

    snprintf(size, sizeof(size), "%" PRIu64, file->size);
    snprintf(modified, sizeof(modified), "%" PRId64, file->modified);
    return leat_database_run(database,
                             "INSERT INTO leat_inputs (pipeline, flow, path, size, modified_at, "
                             "hash, run_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT "
                             "(pipeline, flow, path) DO UPDATE SET size = excluded.size, "
                             "modified_at = excluded.modified_at, hash = excluded.hash, run_id = "
                             "excluded.run_id",
                             parameters, 7, NULL, NULL, NULL, err);
}

enum leat_status leat_ledger_hash(const char *path, char out[17], struct leat_error *err)
{
    enum { CHUNK = 1 << 20 };
    struct leat_input *input;
    uint8_t *chunk = leat_malloc(CHUNK);
    enum leat_status status;
    uint64_t hash = 0, offset = 0;
    size_t got = 1;

    if (!chunk)
        return leat_error_memory(err);
    status = leat_file_open_input(path, &input, err);
    if (status != LEAT_OK) {
        leat_free(chunk);
        return status;
    }
    while (got > 0 && status == LEAT_OK) {
        status = input->ops->read_at(input, offset, chunk, CHUNK, &got, err);
        if (status == LEAT_OK)
            hash = leat_hash_bytes(chunk, got, hash);
        offset += got;
    }
    leat_input_close(input);
    leat_free(chunk);
    snprintf(out, 17, "%016" PRIx64, hash);
    return status;
}

static enum leat_status take_position(void *context, unsigned count, const char *const *values,
                                      struct leat_error *err)
{
    struct leat_ledger_position *position = context;

    (void)count;
    (void)err;
    snprintf(position->uuid, sizeof(position->uuid), "%s", values[0] ? values[0] : "");
    position->sequence_number = values[1] ? strtoll(values[1], NULL, 10) : -1;
    return LEAT_OK;
}

enum leat_status leat_ledger_position_read(struct leat_database *database, const char *pipeline,
                                           const char *flow, const char *source,
                                           struct leat_ledger_position *out, struct leat_error *err)
{
    const char *parameters[] = {pipeline, flow, source};

    out->uuid[0] = '\0';
    out->sequence_number = -1;
    return leat_database_run(database,
                             "SELECT table_uuid, sequence_number FROM leat_positions WHERE "
                             "pipeline = ?1 AND flow = ?2 AND source = ?3",
                             parameters, 3, take_position, out, NULL, err);
}

enum leat_status leat_ledger_position_write(struct leat_database *database, const char *pipeline,
                                            const char *flow, const char *source,
                                            const char *run_id,
                                            const struct leat_ledger_position *position,
                                            struct leat_error *err)
{
    char number[24];
    const char *parameters[] = {pipeline, flow, source, position->uuid, number, run_id};

    snprintf(number, sizeof(number), "%" PRId64, position->sequence_number);
    return leat_database_run(database,
                             "INSERT INTO leat_positions (pipeline, flow, source, table_uuid, "
                             "sequence_number, run_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT "
                             "(pipeline, flow, source) DO UPDATE SET table_uuid = "
                             "excluded.table_uuid, sequence_number = excluded.sequence_number, "
                             "run_id = excluded.run_id",
                             parameters, 6, NULL, NULL, NULL, err);
}

enum leat_status leat_ledger_forget(struct leat_database *database, const char *pipeline,
                                    const char *flow, struct leat_error *err)
{
    const char *parameters[] = {pipeline, flow};

    LEAT_TRY(leat_database_run(database,
                               "DELETE FROM leat_inputs WHERE pipeline = ?1 AND flow = ?2",
                               parameters, 2, NULL, NULL, NULL, err));
    return leat_database_run(database,
                             "DELETE FROM leat_positions WHERE pipeline = ?1 AND flow = ?2",
                             parameters, 2, NULL, NULL, NULL, err);
}

enum leat_status leat_ledger_run_add(struct leat_database *database, const char *pipeline,
                                     const char *run_id, int64_t started, struct leat_error *err)
{
    char times[2][24];
    const char *parameters[] = {run_id, pipeline, times[0], times[1]};

    snprintf(times[0], sizeof(times[0]), "%" PRId64, started);
    snprintf(times[1], sizeof(times[1]), "%" PRId64, leat_clock_now());
    return leat_database_run(database,
                             "INSERT INTO leat_runs (run_id, pipeline, started_at, ended_at, "
                             "status) VALUES (?1, ?2, ?3, ?4, 'done')",
                             parameters, 4, NULL, NULL, NULL, err);
}

/* --- replays --- */

static enum leat_status take_text(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    const char *value = count && values[0] ? values[0] : "";

    return leat_bytes_list_append(context, value, strlen(value), err);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct leat_text *)a)->data, ((const struct leat_text *)b)->data);
}

enum leat_status leat_ledger_replays_read(struct leat_database *database, const char *quarantine,
                                          struct leat_bytes_list *out, struct leat_error *err)
{
    bool there;

    LEAT_TRY(leat_database_has_table(database, "leat_replays", &there, err));
    if (!there)
        return LEAT_OK;
    LEAT_TRY(leat_database_run(database, "SELECT row_id FROM leat_replays WHERE quarantine = ?1",
                               &quarantine, 1, take_text, out, NULL, err));
    if (out->count)
        qsort(out->items, out->count, sizeof(out->items[0]), compare_texts);
    return LEAT_OK;
}

enum leat_status leat_ledger_replay_add(struct leat_database *database, const char *quarantine,
                                        const char *row_id, const char *run_id,
                                        struct leat_error *err)
{
    const char *parameters[] = {quarantine, row_id, run_id};

    return leat_database_run(
        database,
        "INSERT INTO leat_replays (quarantine, row_id, run_id) VALUES (?1, ?2, "
        "?3)",
        parameters, 3, NULL, NULL, NULL, err);
}
