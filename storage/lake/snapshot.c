/* Snapshots: what files the current one has, and how a new one is added.
 *
 * An append writes one manifest with the new files and a manifest list that also names the
 * manifests of the parent snapshot. A replacement writes, besides, manifests that mark every
 * present file as deleted, and drops the old ones from the list. Sequence numbers of added files
 * are inherited (null in the manifest). */
#include "base/system.h"
#include "storage/lake/lake_internal.h"

#include <inttypes.h>

/* Snapshot ids are positive random 63-bit numbers. */
static int64_t new_snapshot_id(const struct leat_table *table)
{
    int64_t id;

    do
        id = (int64_t)(leat_random_u64() >> 1);
    while (id <= 0 || leat_table_snapshot(table, id));
    return id;
}

/* The manifests of a snapshot: from its list, or, in format version 1, named in the snapshot
 * itself. */
static enum leat_status snapshot_manifests(const json_t *snapshot, struct leat_arena *arena,
                                           struct leat_manifests *out, struct leat_error *err)
{
    const char *list = json_string_value(json_object_get(snapshot, "manifest-list"));
    const json_t *inlined = json_object_get(snapshot, "manifests");
    const char *path;

    *out = (struct leat_manifests){0};
    if (list) {
        LEAT_TRY(leat_lake_path(list, &path, err));
        return leat_manifest_list_read(path, arena, out, err);
    }
    out->items = LEAT_NEW_ARRAY(arena, struct leat_manifest, json_array_size(inlined));
    if (!out->items)
        return leat_error_memory(err);
    for (size_t i = 0; i < json_array_size(inlined); i++) {
        const char *name = json_string_value(json_array_get(inlined, i));
        if (!name)
            return leat_error_set(err, LEAT_E_TABLE_METADATA, "a snapshot's manifest has no name");
        out->items[i].path = leat_arena_strdup(arena, name);
        if (!out->items[i].path)
            return leat_error_memory(err);
        out->count++;
    }
    return LEAT_OK;
}

static enum leat_status files_of(const struct leat_table *table, const json_t *snapshot,
                                 bool with_deleted, struct leat_arena *arena,
                                 struct leat_data_files *out, struct leat_error *err)
{
    struct leat_manifests manifests;

    LEAT_TRY(snapshot_manifests(snapshot, arena, &manifests, err));
    for (size_t m = 0; m < manifests.count; m++) {
        struct leat_data_files all = {0};
        LEAT_TRY(leat_manifest_read(table, &manifests.items[m], arena, &all, err));
        for (size_t i = 0; i < all.count; i++)
            if (with_deleted || all.items[i].status != LEAT_ENTRY_DELETED)
                LEAT_TRY(leat_data_files_append(out, &all.items[i], arena, err));
    }
    return LEAT_OK;
}

enum leat_status leat_table_files(const struct leat_table *table, struct leat_arena *arena,
                                  struct leat_data_files *out, struct leat_error *err)
{
    const json_t *snapshot;

    *out = (struct leat_data_files){0};
    if (table->snapshot_id < 0)
        return LEAT_OK;
    snapshot = leat_table_snapshot(table, table->snapshot_id);
    if (!snapshot)
        return leat_error_set(err, LEAT_E_TABLE_METADATA,
                              "table at %s has no snapshot %" PRId64 ", its current one",
                              table->location, table->snapshot_id);
    return files_of(table, snapshot, false, arena, out, err);
}

static enum leat_status append_path(struct leat_bytes_list *out, const char *stored,
                                    struct leat_error *err)
{
    const char *path;

    if (!stored)
        return LEAT_OK;
    LEAT_TRY(leat_lake_path(stored, &path, err));
    return leat_bytes_list_append(out, path, strlen(path), err);
}

static enum leat_status snapshot_reachable(const struct leat_table *table, const json_t *snapshot,
                                           struct leat_bytes_list *out, struct leat_error *err)
{
    struct leat_manifests manifests;
    struct leat_data_files files = {0};
    struct leat_arena arena;
    enum leat_status status;

    LEAT_TRY(append_path(out, json_string_value(json_object_get(snapshot, "manifest-list")), err));
    leat_arena_init(&arena, NULL);
    status = snapshot_manifests(snapshot, &arena, &manifests, err);
    for (size_t i = 0; status == LEAT_OK && i < manifests.count; i++)
        status = append_path(out, manifests.items[i].path, err);
    if (status == LEAT_OK)
        status = files_of(table, snapshot, true, &arena, &files, err);
    for (size_t i = 0; status == LEAT_OK && i < files.count; i++)
        status = append_path(out, files.items[i].path, err);
    leat_arena_release(&arena);
    return status;
}

enum leat_status leat_table_reachable(const struct leat_table *table, struct leat_bytes_list *out,
                                      struct leat_error *err)
{
    json_t *item;
    size_t i;

    LEAT_TRY(append_path(out, table->metadata_location, err));
    json_array_foreach(json_object_get(table->json, "metadata-log"), i, item)
        LEAT_TRY(append_path(out, json_string_value(json_object_get(item, "metadata-file")), err));
    json_array_foreach(json_object_get(table->json, "snapshots"), i, item)
        LEAT_TRY(snapshot_reachable(table, item, out, err));
    json_array_foreach(json_object_get(table->json, "statistics"), i, item) LEAT_TRY(
        append_path(out, json_string_value(json_object_get(item, "statistics-path")), err));
    return LEAT_OK;
}

/* What is being put together. */
struct change {
    struct leat_table *table;
    int64_t id;
    int64_t sequence_number;
    char uuid[37];
    unsigned manifest_number;
    struct leat_manifest *manifests;
    size_t manifest_count;
    struct leat_bytes_list *written;
    int64_t added_files, added_rows, added_bytes;
    int64_t deleted_files, deleted_rows, deleted_bytes;
    int64_t total_files, total_rows, total_bytes;
};

static enum leat_status write_manifest(struct change *change, const struct leat_data_file *files,
                                       size_t count, const struct leat_partition_spec *spec,
                                       struct leat_error *err)
{
    struct leat_manifest *manifest = &change->manifests[change->manifest_count];
    const char *path =
        leat_arena_printf(&change->table->arena, "%s/metadata/%s-m%u.avro", change->table->location,
                          change->uuid, change->manifest_number++);

    if (!path)
        return leat_error_memory(err);
    *manifest = (struct leat_manifest){.spec_id = spec->id,
                                       .content = files[0].content ? 1 : 0,
                                       .sequence_number = change->sequence_number,
                                       .min_sequence_number = change->sequence_number,
                                       .snapshot_id = change->id};
    for (size_t i = 0; i < count; i++) {
        bool deleted = files[i].status == LEAT_ENTRY_DELETED;
        *(deleted ? &manifest->deleted_files : &manifest->added_files) += 1;
        *(deleted ? &manifest->deleted_rows : &manifest->added_rows) += files[i].record_count;
        if (files[i].sequence_number >= 0 &&
            files[i].sequence_number < manifest->min_sequence_number)
            manifest->min_sequence_number = files[i].sequence_number;
    }
    LEAT_TRY(leat_bytes_list_append(change->written, path, strlen(path), err));
    LEAT_TRY(leat_manifest_write(path, change->table, spec, files, count, &manifest->length, err));
    manifest->path = leat_lake_uri(&change->table->arena, path);
    if (!manifest->path)
        return leat_error_memory(err);
    change->manifest_count++;
    return LEAT_OK;
}

/* Marks the files of the parent as deleted, one manifest for each of its manifests. */
static enum leat_status delete_present(struct change *change, const struct leat_manifests *parent,
                                       struct leat_error *err)
{
    struct leat_arena *arena = &change->table->arena;

    for (size_t m = 0; m < parent->count; m++) {
        struct leat_data_files all = {0}, gone = {0};
        struct leat_partition_spec spec;
        LEAT_TRY(leat_manifest_read(change->table, &parent->items[m], arena, &all, err));
        for (size_t i = 0; i < all.count; i++) {
            struct leat_data_file file = all.items[i];
            if (file.status == LEAT_ENTRY_DELETED)
                continue;
            file.status = LEAT_ENTRY_DELETED;
            file.snapshot_id = change->id;
            change->deleted_files++;
            change->deleted_rows += file.content == 0 ? file.record_count : 0;
            change->deleted_bytes += file.file_size;
            LEAT_TRY(leat_data_files_append(&gone, &file, arena, err));
        }
        if (gone.count == 0)
            continue;
        LEAT_TRY(leat_lake_spec_find(change->table, parent->items[m].spec_id, arena, &spec, err));
        LEAT_TRY(write_manifest(change, gone.items, gone.count, &spec, err));
    }
    return LEAT_OK;
}

/* The parent's totals, from its summary. */
static int64_t parent_total(const json_t *parent, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(parent, "summary"), name));
    int64_t value = 0;

    return text && sscanf(text, "%" SCNd64, &value) == 1 ? value : 0;
}

static bool summary_set(json_t *summary, const char *name, int64_t value)
{
    return json_object_set_new(summary, name, json_sprintf("%" PRId64, value)) == 0;
}

static json_t *make_summary(const struct change *c, bool replace, const char *const *extra,
                            uint32_t extra_count)
{
    json_t *summary = json_object();
    bool ok = summary != NULL;

    ok = ok && json_object_set_new(summary, "operation",
                                   json_string(replace ? "overwrite" : "append")) == 0;
    if (c->added_files || !replace)
        ok = ok && summary_set(summary, "added-data-files", c->added_files) &&
             summary_set(summary, "added-records", c->added_rows) &&
             summary_set(summary, "added-files-size", c->added_bytes);
    if (c->deleted_files)
        ok = ok && summary_set(summary, "deleted-data-files", c->deleted_files) &&
             summary_set(summary, "deleted-records", c->deleted_rows) &&
             summary_set(summary, "removed-files-size", c->deleted_bytes);
    ok = ok && summary_set(summary, "total-data-files", c->total_files) &&
         summary_set(summary, "total-records", c->total_rows) &&
         summary_set(summary, "total-files-size", c->total_bytes) &&
         summary_set(summary, "total-delete-files", 0) &&
         summary_set(summary, "total-position-deletes", 0) &&
         summary_set(summary, "total-equality-deletes", 0);
    for (uint32_t i = 0; ok && i < extra_count; i++)
        ok = json_object_set_new(summary, extra[i * 2], json_string(extra[i * 2 + 1])) == 0;
    if (ok)
        return summary;
    json_decref(summary);
    return NULL;
}

/* Puts the snapshot into the tree: snapshots, log, main branch, current id and sequence number. */
static enum leat_status record_snapshot(struct change *c, const char *list, json_t *summary,
                                        struct leat_error *err)
{
    json_t *tree = c->table->json;
    json_int_t now = leat_clock_now() / 1000;
    json_int_t updated = json_integer_value(json_object_get(tree, "last-updated-ms"));
    json_int_t schema_id = json_integer_value(json_object_get(tree, "current-schema-id"));
    json_t *snapshot;
    static const char *const arrays[] = {"snapshots", "snapshot-log"};

    if (now < updated)
        now = updated;
    for (int i = 0; i < 2; i++)
        if (!json_is_array(json_object_get(tree, arrays[i])) &&
            json_object_set_new(tree, arrays[i], json_array()) != 0)
            return leat_error_memory(err);
    snapshot = json_pack("{s:I, s:I, s:I, s:s, s:o, s:I}", "snapshot-id", (json_int_t)c->id,
                         "sequence-number", (json_int_t)c->sequence_number, "timestamp-ms", now,
                         "manifest-list", list, "summary", summary, "schema-id", schema_id);
    if (snapshot && c->table->snapshot_id >= 0 &&
        json_object_set_new(snapshot, "parent-snapshot-id", json_integer(c->table->snapshot_id)) !=
            0) {
        json_decref(snapshot);
        snapshot = NULL;
    }
    if (!snapshot || json_array_append_new(json_object_get(tree, "snapshots"), snapshot) != 0 ||
        json_array_append_new(
            json_object_get(tree, "snapshot-log"),
            json_pack("{s:I, s:I}", "timestamp-ms", now, "snapshot-id", (json_int_t)c->id)) != 0 ||
        json_object_set_new(tree, "current-snapshot-id", json_integer(c->id)) != 0 ||
        json_object_set_new(tree, "last-sequence-number", json_integer(c->sequence_number)) != 0)
        return leat_error_memory(err);
    if (!json_is_object(json_object_get(tree, "refs")) &&
        json_object_set_new(tree, "refs", json_object()) != 0)
        return leat_error_memory(err);
    if (json_object_set_new(
            json_object_get(tree, "refs"), "main",
            json_pack("{s:I, s:s}", "snapshot-id", (json_int_t)c->id, "type", "branch")) != 0)
        return leat_error_memory(err);
    c->table->snapshot_id = c->id;
    c->table->sequence_number = c->sequence_number;
    return LEAT_OK;
}

/* Added files grouped by content would need several manifests; Leat adds data files of the default
 * spec only. */
static enum leat_status write_added(struct change *change, const struct leat_data_file *added,
                                    size_t count, struct leat_error *err)
{
    struct leat_data_file *files =
        LEAT_NEW_ARRAY(&change->table->arena, struct leat_data_file, count);

    if (!files)
        return leat_error_memory(err);
    for (size_t i = 0; i < count; i++) {
        files[i] = added[i];
        files[i].status = LEAT_ENTRY_ADDED;
        files[i].snapshot_id = change->id;
        files[i].sequence_number = files[i].file_sequence_number = -1;
        change->added_files++;
        change->added_rows += files[i].record_count;
        change->added_bytes += files[i].file_size;
    }
    return count ? write_manifest(change, files, count, &change->table->spec, err) : LEAT_OK;
}

enum leat_status leat_table_add_snapshot(struct leat_table *table,
                                         const struct leat_data_file *added, size_t added_count,
                                         bool replace, const char *const *summary,
                                         uint32_t summary_count, struct leat_bytes_list *written,
                                         struct leat_error *err)
{
    const json_t *parent = leat_table_snapshot(table, table->snapshot_id);
    struct leat_manifests before = {0}, after;
    struct change c = {.table = table, .written = written};
    char *folder, *path, *list;
    json_t *summary_json;

    c.id = new_snapshot_id(table);
    c.sequence_number = table->sequence_number + 1;
    leat_random_uuid(c.uuid);
    if (parent)
        LEAT_TRY(snapshot_manifests(parent, &table->arena, &before, err));
    c.manifests = LEAT_NEW_ARRAY(&table->arena, struct leat_manifest, before.count * 2 + 1);
    folder = leat_arena_printf(&table->arena, "%s/metadata", table->location);
    path = leat_arena_printf(&table->arena, "%s/metadata/snap-%" PRId64 "-0-%s.avro",
                             table->location, c.id, c.uuid);
    list = path ? leat_lake_uri(&table->arena, path) : NULL;
    if (!c.manifests || !folder || !list)
        return leat_error_memory(err);
    LEAT_TRY(leat_folder_create(folder, err));
    LEAT_TRY(write_added(&c, added, added_count, err));
    if (replace)
        LEAT_TRY(delete_present(&c, &before, err));
    else
        for (size_t i = 0; i < before.count; i++)
            c.manifests[c.manifest_count++] = before.items[i];
    after = (struct leat_manifests){c.manifests, c.manifest_count};
    LEAT_TRY(leat_bytes_list_append(written, path, strlen(path), err));
    LEAT_TRY(
        leat_manifest_list_write(path, &after, c.id, table->snapshot_id, c.sequence_number, err));
    c.total_files = c.added_files + (replace ? 0 : parent_total(parent, "total-data-files"));
    c.total_rows = c.added_rows + (replace ? 0 : parent_total(parent, "total-records"));
    c.total_bytes = c.added_bytes + (replace ? 0 : parent_total(parent, "total-files-size"));
    summary_json = make_summary(&c, replace, summary, summary_count);
    if (!summary_json)
        return leat_error_memory(err);
    return record_snapshot(&c, list, summary_json, err);
}
