/*
 * Iceberg tables, format version 2 (https://iceberg.apache.org/spec): metadata, schemas, snapshots,
 * manifests.
 *
 * A table's metadata is kept as its JSON tree; changes are made on the tree, so that what other
 * writers put there survives. Local paths inside come as file:///x, file:/x or /x: leat_lake_path
 * gives the last form. URIs of other storage stay as they are.
 */
#ifndef LEAT_STORAGE_LAKE_TABLE_H
#define LEAT_STORAGE_LAKE_TABLE_H

#include "columns/source.h"

#include <jansson.h>

enum leat_transform {
    LEAT_TRANSFORM_IDENTITY,
    LEAT_TRANSFORM_YEAR,
    LEAT_TRANSFORM_MONTH,
    LEAT_TRANSFORM_DAY,
    LEAT_TRANSFORM_HOUR,
    LEAT_TRANSFORM_BUCKET,
    LEAT_TRANSFORM_TRUNCATE,
    LEAT_TRANSFORM_VOID,
    LEAT_TRANSFORM_UNKNOWN /* written by others; ignored when filtering */
};
struct leat_partition_field {
    const char *name;
    int32_t source_id; /* column's field id */
    int32_t field_id;  /* 1000... */
    enum leat_transform transform;
    uint32_t width;               /* bucket count or truncate width */
    const struct leat_type *type; /* of the partition value */
};
struct leat_partition_spec {
    int32_t id;
    uint32_t count;
    struct leat_partition_field *fields;
};

struct leat_table {
    struct leat_arena arena;
    json_t *json;
    const char
        *metadata_location;    /* as it stands in the catalog; NULL for a table not yet created */
    const char *location;      /* the table's folder: a local path or a URI */
    struct leat_schema schema; /* the current one, with field ids */
    struct leat_partition_spec spec; /* the default one */
    int64_t snapshot_id;             /* -1: no data yet */
    int64_t sequence_number;         /* last-sequence-number */
};

/* A data file's entry in a manifest. Strings and arrays lie in an arena. */
struct leat_column_metric {
    int32_t id;
    int64_t size;        /* bytes in the file; -1 unknown */
    int64_t value_count; /* -1 unknown */
    int64_t null_count;
    int64_t nan_count;
    struct leat_text lower; /* single-value serialisation; data NULL: none */
    struct leat_text upper;
};
enum leat_entry_status { LEAT_ENTRY_EXISTING = 0, LEAT_ENTRY_ADDED = 1, LEAT_ENTRY_DELETED = 2 };
struct leat_data_file {
    enum leat_entry_status status;
    int64_t snapshot_id;
    int64_t sequence_number;      /* -1: inherited */
    int64_t file_sequence_number; /* -1: inherited */
    int32_t content;              /* 0 data, 1 position deletes, 2 equality deletes */
    const char *path;             /* as stored */
    int32_t spec_id;
    uint32_t partition_count;
    struct leat_value *partition;
    int64_t record_count;
    int64_t file_size;
    uint32_t metric_count;
    struct leat_column_metric *metrics;
    uint32_t split_count;
    int64_t *split_offsets;
};
struct leat_data_files {
    struct leat_data_file *items;
    size_t count;
    size_t capacity;
};
/* Appends a shallow copy; the array lies in the arena. */
LEAT_CHECKED enum leat_status leat_data_files_append(struct leat_data_files *files,
                                                     const struct leat_data_file *file,
                                                     struct leat_arena *arena,
                                                     struct leat_error *err);

/* file:///x, file:/x and /x all give /x; URIs of a storage that is known stay as they are, others
 * are LEAT_E_LAKE_PATH. Borrowed from `stored`. */
LEAT_CHECKED enum leat_status leat_lake_path(const char *stored, const char **out,
                                             struct leat_error *err);

/* Types as Iceberg can keep them: small integers become int, json and interval become string, field
 * ids are given from 1 in the order of the specification (all top-level fields first). */
LEAT_CHECKED enum leat_status leat_lake_schema(const struct leat_schema *schema,
                                               struct leat_arena *arena, struct leat_schema *out,
                                               struct leat_error *err);

/* A new table's metadata (no snapshot), to be committed by the catalog. Properties are name, value
 * pairs. Partition fields name their column and transform; their ids and types are filled in. */
struct leat_partition_request {
    const char *column;
    enum leat_transform transform;
    uint32_t width;
};
LEAT_CHECKED enum leat_status
leat_table_create(const char *location, const struct leat_schema *schema,
                  const struct leat_partition_request *partitions, uint32_t partition_count,
                  const char *const *properties, uint32_t property_count, struct leat_table *out,
                  struct leat_error *err);
/* Reads a metadata file (plain or gzip). Format version 1 and 2; 3 is read, not written. */
LEAT_CHECKED enum leat_status leat_table_load(const char *metadata_location, struct leat_table *out,
                                              struct leat_error *err);
void leat_table_release(struct leat_table *table);
/* A property's value, or NULL. */
const char *leat_table_property(const struct leat_table *table, const char *name);
LEAT_CHECKED enum leat_status leat_table_set_property(struct leat_table *table, const char *name,
                                                      const char *value, struct leat_error *err);
/* Adds columns at the end of the current schema (a new schema version); existing columns keep their
 * ids. */
LEAT_CHECKED enum leat_status leat_table_add_columns(struct leat_table *table,
                                                     const struct leat_field *fields,
                                                     uint32_t count, struct leat_error *err);

/* The live files of the current snapshot: data and delete files, in the arena. */
LEAT_CHECKED enum leat_status leat_table_files(const struct leat_table *table,
                                               struct leat_arena *arena,
                                               struct leat_data_files *out, struct leat_error *err);
/* Every file that the table's metadata can reach: metadata files of the log, manifest lists,
 * manifests and data files of all snapshots, as leat_lake_path gives them. For finding orphans. */
LEAT_CHECKED enum leat_status leat_table_reachable(const struct leat_table *table,
                                                   struct leat_bytes_list *out,
                                                   struct leat_error *err);

/* A change of a table: files added, and, with `replace`, all present files removed. Writes the
 * manifests and manifest list durably, and adds the snapshot to the tree. `summary` are extra name,
 * value pairs for the snapshot's summary (the run's idempotency key among them). `written` takes
 * the paths of all files made here, for removal should the commit fail. */
LEAT_CHECKED enum leat_status
leat_table_add_snapshot(struct leat_table *table, const struct leat_data_file *added,
                        size_t added_count, bool replace, const char *const *summary,
                        uint32_t summary_count, struct leat_bytes_list *written,
                        struct leat_error *err);
/* Writes the tree as the next metadata file, durably; *location is its path (in the table's arena),
 * what the catalog is then to point at. */
LEAT_CHECKED enum leat_status leat_table_write_metadata(struct leat_table *table,
                                                        const char **location,
                                                        struct leat_bytes_list *written,
                                                        struct leat_error *err);
/* True if the current or an earlier kept snapshot's summary has this name and value. */
bool leat_table_has_summary(const struct leat_table *table, const char *name, const char *value);

/* The table's current snapshot as a source of kind "iceberg". The table may be released afterwards.
 */
LEAT_CHECKED enum leat_status leat_table_open_source(const struct leat_table *table,
                                                     const char *name, struct leat_source **out,
                                                     struct leat_error *err);
/* The same over the given files, whose memory must outlive the source, instead of the current
 * snapshot. */
LEAT_CHECKED enum leat_status leat_table_open_files(const struct leat_table *table,
                                                    const struct leat_data_file *files,
                                                    size_t count, const char *name,
                                                    struct leat_source **out,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status leat_iceberg_source_read(struct leat_cursor *cursor,
                                                       struct leat_source **out,
                                                       struct leat_error *err);
/* A sink of kind "iceberg": data files under the table's location; receipts list them. */
LEAT_CHECKED enum leat_status leat_table_open_sink(const struct leat_table *table,
                                                   struct leat_sink **out, struct leat_error *err);
LEAT_CHECKED enum leat_status
leat_iceberg_sink_read(struct leat_cursor *cursor, struct leat_sink **out, struct leat_error *err);
/* The data files a receipt names, appended to `out`, in the arena. */
LEAT_CHECKED enum leat_status leat_iceberg_receipt_read(struct leat_text receipt,
                                                        struct leat_arena *arena,
                                                        struct leat_data_files *out,
                                                        struct leat_error *err);

#endif
