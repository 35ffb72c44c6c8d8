/* Publishing. Data files are durable before this starts; here manifests and metadata files are
 * written and the pointers swapped. A conflict with another client's append rebuilds only the small
 * files. */
#include "orchestration/publish.h"

#include "base/system.h"

enum { ATTEMPTS = 5 };

struct publishing {
    struct leat_lake *lake;
    struct leat_publication *items;
    size_t count;
    const char *run_id;
    struct leat_arena arena;
    struct leat_lake_change *changes;
    struct leat_data_files *files; /* one list a publication */
    struct leat_bytes_list written;
};

void leat_publish_discard(const struct leat_bytes_list *receipts)
{
    struct leat_data_files files = {0};
    struct leat_bytes_list paths;
    struct leat_arena arena;
    struct leat_error error;
    const char *path;

    leat_arena_init(&arena, NULL);
    leat_bytes_list_init(&paths);
    for (size_t i = 0; i < receipts->count; i++)
        if (leat_iceberg_receipt_read(receipts->items[i], &arena, &files, &error) != LEAT_OK)
            leat_log(LEAT_LOG_WARN, "publish", "left behind: %s", error.message);
    for (size_t i = 0; i < files.count; i++)
        if (leat_lake_path(files.items[i].path, &path, &error) != LEAT_OK ||
            leat_bytes_list_append(&paths, path, strlen(path), &error) != LEAT_OK)
            leat_log(LEAT_LOG_WARN, "publish", "left behind: %s", files.items[i].path);
    leat_lake_discard(&paths);
    leat_bytes_list_release(&paths);
    leat_arena_release(&arena);
}

static enum leat_status read_receipts(struct publishing *p, struct leat_error *err)
{
    for (size_t i = 0; i < p->count; i++)
        for (size_t r = 0; r < p->items[i].receipts->count; r++)
            LEAT_TRY(leat_iceberg_receipt_read(p->items[i].receipts->items[r], &p->arena,
                                               &p->files[i], err));
    return LEAT_OK;
}

/* The next state of one table: a snapshot and a metadata file. */
static enum leat_status prepare_table(struct publishing *p, size_t i, struct leat_error *err)
{
    struct leat_publication *item = &p->items[i];
    const char *summary[] = {"leat.run-id", p->run_id};
    const char *old = item->state->metadata_location;

    LEAT_TRY(leat_table_add_snapshot(item->state, p->files[i].items, p->files[i].count,
                                     item->replace, summary, 1, &p->written, err));
    p->changes[i].schema = item->schema;
    p->changes[i].table = item->table;
    p->changes[i].old_location = old ? old : item->old_location;
    return leat_table_write_metadata(item->state, &p->changes[i].new_location, &p->written, err);
}

/* After a conflict: the tables as they are now. */
static enum leat_status reload(struct publishing *p, struct leat_error *err)
{
    leat_lake_discard(&p->written);
    leat_bytes_list_release(&p->written);
    leat_bytes_list_init(&p->written);
    for (size_t i = 0; i < p->count; i++) {
        struct leat_publication *item = &p->items[i];
        struct leat_table now;
        if (!item->state->metadata_location)
            return leat_error_set(err, LEAT_E_TABLE_CHANGED,
                                  "table %s.%s was made or changed by another client", item->schema,
                                  item->table);
        LEAT_TRY(leat_lake_load(p->lake, item->schema, item->table, &now, err));
        if (item->strict && strcmp(now.metadata_location, item->state->metadata_location) != 0) {
            leat_table_release(&now);
            return leat_error_set(err, LEAT_E_TABLE_CHANGED, "%s.%s was changed by another client",
                                  item->schema, item->table);
        }
        if (json_integer_value(json_object_get(now.json, "current-schema-id")) !=
            json_integer_value(json_object_get(item->state->json, "current-schema-id"))) {
            leat_table_release(&now);
            return leat_error_set(err, LEAT_E_TABLE_CHANGED,
                                  "the columns of %s.%s were changed by another client",
                                  item->schema, item->table);
        }
        leat_table_release(item->state);
        *item->state = now;
    }
    return LEAT_OK;
}

/* Whether the catalog points at what this run wrote. */
static enum leat_status was_published(struct publishing *p, bool *out, struct leat_error *err)
{
    struct leat_table now;
    enum leat_status status;

    *out = false;
    if (p->count == 0)
        return LEAT_OK;
    status = leat_lake_load(p->lake, p->items[0].schema, p->items[0].table, &now, err);
    if (status == LEAT_NOT_FOUND)
        return LEAT_OK;
    LEAT_TRY(status);
    *out = leat_table_has_summary(&now, "leat.run-id", p->run_id);
    leat_table_release(&now);
    return LEAT_OK;
}

/* *unknown: the transaction may have been committed although an error came back. */
static enum leat_status attempt(struct publishing *p, leat_lake_extra extra, void *context,
                                bool *unknown, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    *unknown = false;
    for (size_t i = 0; i < p->count && status == LEAT_OK; i++)
        status = prepare_table(p, i, err);
    if (status != LEAT_OK)
        return status;
    status = leat_lake_commit(p->lake, p->changes, p->count, extra, context, err);
    *unknown = status != LEAT_OK && status != LEAT_CONFLICT;
    return status;
}

/* *keep: nothing may be removed, since the truth could not be read. */
static enum leat_status publish_all(struct publishing *p, leat_lake_extra extra, void *context,
                                    bool *keep, struct leat_error *err)
{
    bool unknown, landed = false;
    enum leat_status status;
    struct leat_error second;

    *keep = false;
    p->changes = LEAT_NEW_ARRAY(&p->arena, struct leat_lake_change, p->count);
    p->files = LEAT_NEW_ARRAY(&p->arena, struct leat_data_files, p->count);
    if (!p->changes || !p->files)
        return leat_error_memory(err);
    LEAT_TRY(read_receipts(p, err));
    for (int i = 1;; i++) {
        status = attempt(p, extra, context, &unknown, err);
        if (status == LEAT_OK)
            return LEAT_OK;
        if (unknown) {
            *keep = was_published(p, &landed, &second) != LEAT_OK;
            return landed ? LEAT_OK : status;
        }
        if (status != LEAT_CONFLICT || err->code != LEAT_E_TABLE_CHANGED || i == ATTEMPTS)
            return status;
        LEAT_TRY(reload(p, err));
    }
}

enum leat_status leat_publish(struct leat_lake *lake, struct leat_publication *publications,
                              size_t count, const char *run_id, leat_lake_extra extra,
                              void *context, struct leat_error *err)
{
    struct publishing p = {.lake = lake, .items = publications, .count = count, .run_id = run_id};
    enum leat_status status;
    bool keep = false;

    leat_arena_init(&p.arena, NULL);
    leat_bytes_list_init(&p.written);
    status = publish_all(&p, extra, context, &keep, err);
    if (status != LEAT_OK && !keep) {
        leat_lake_discard(&p.written);
        for (size_t i = 0; i < count; i++)
            leat_publish_discard(publications[i].receipts);
    }
    leat_bytes_list_release(&p.written);
    leat_arena_release(&p.arena);
    return status;
}
