/* What the parts of storage/lake share. */
#ifndef LEAT_STORAGE_LAKE_LAKE_INTERNAL_H
#define LEAT_STORAGE_LAKE_LAKE_INTERNAL_H

#include "base/file.h"
#include "base/file_system.h"
#include "base/hash.h"
#include "storage/lake/lake.h"
#include "storage/lake/table.h"

#include <stdio.h>

/* As a path is written into metadata: file:///x, or the URI. NULL when out of memory. */
char *leat_lake_uri(struct leat_arena *arena, const char *path);

/* Like leat_lake_schema, with ids from `first`; *last is the highest id given. */
LEAT_CHECKED enum leat_status leat_lake_schema_from(const struct leat_schema *schema, int32_t first,
                                                    struct leat_arena *arena,
                                                    struct leat_schema *out, int32_t *last,
                                                    struct leat_error *err);
/* {"type": "struct", "fields": [...]}; NULL when out of memory. */
json_t *leat_lake_struct_to_json(const struct leat_field *fields, uint32_t count);
LEAT_CHECKED enum leat_status leat_lake_schema_from_json(const json_t *json,
                                                         struct leat_arena *arena,
                                                         struct leat_schema *out,
                                                         struct leat_error *err);
/* The field of that id at any depth, or NULL. */
const struct leat_field *leat_lake_field_by_id(const struct leat_field *fields, uint32_t count,
                                               int32_t id);

/* Partition specs. */
LEAT_CHECKED enum leat_status leat_lake_spec_from_json(const json_t *json,
                                                       const struct leat_schema *schema,
                                                       struct leat_arena *arena,
                                                       struct leat_partition_spec *out,
                                                       struct leat_error *err);
/* The table's spec of that id, bound to its schema. */
LEAT_CHECKED enum leat_status leat_lake_spec_find(const struct leat_table *table, int32_t id,
                                                  struct leat_arena *arena,
                                                  struct leat_partition_spec *out,
                                                  struct leat_error *err);
/* The name in specs: "day", "bucket[16]". Size 32. */
void leat_lake_transform_name(const struct leat_partition_field *field, char out[32]);
/* Type of a transform's result. */
const struct leat_type *leat_lake_transform_type(enum leat_transform transform,
                                                 const struct leat_type *source);
/* Applies a transform to a value (null stays null). Text results lie in the arena. */
LEAT_CHECKED enum leat_status leat_lake_transform(const struct leat_partition_field *field,
                                                  const struct leat_value *value,
                                                  struct leat_arena *arena, struct leat_value *out,
                                                  struct leat_error *err);
/* Single-value serialisation (appendix D). The text lies in the arena. */
LEAT_CHECKED enum leat_status leat_lake_value_put(const struct leat_value *value,
                                                  struct leat_arena *arena, struct leat_text *out,
                                                  struct leat_error *err);
/* Reads it back; false if the bytes do not fit the type. */
bool leat_lake_value_read(struct leat_text bytes, const struct leat_type *type,
                          struct leat_value *out);

/* Manifest lists and manifests. */
struct leat_manifest {
    const char *path; /* as stored */
    int64_t length;
    int32_t spec_id;
    int32_t content; /* 0 data, 1 deletes */
    int64_t sequence_number;
    int64_t min_sequence_number;
    int64_t snapshot_id;
    int32_t added_files;
    int32_t existing_files;
    int32_t deleted_files;
    int64_t added_rows;
    int64_t existing_rows;
    int64_t deleted_rows;
};
struct leat_manifests {
    struct leat_manifest *items;
    size_t count;
};
LEAT_CHECKED enum leat_status leat_manifest_list_read(const char *path, struct leat_arena *arena,
                                                      struct leat_manifests *out,
                                                      struct leat_error *err);
LEAT_CHECKED enum leat_status leat_manifest_list_write(const char *path,
                                                       const struct leat_manifests *manifests,
                                                       int64_t snapshot_id, int64_t parent_id,
                                                       int64_t sequence_number,
                                                       struct leat_error *err);
/* All entries, deleted ones too; inherited numbers filled from the manifest. */
LEAT_CHECKED enum leat_status
leat_manifest_read(const struct leat_table *table, const struct leat_manifest *manifest,
                   struct leat_arena *arena, struct leat_data_files *out, struct leat_error *err);
/* Writes entries of one spec. *length is the file's size. */
LEAT_CHECKED enum leat_status leat_manifest_write(const char *path, const struct leat_table *table,
                                                  const struct leat_partition_spec *spec,
                                                  const struct leat_data_file *files, size_t count,
                                                  int64_t *length, struct leat_error *err);
/* The snapshot object of an id, or NULL. */
json_t *leat_table_snapshot(const struct leat_table *table, int64_t id);

#endif
