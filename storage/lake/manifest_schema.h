/* The columns of manifests and manifest lists, by position in our batches (specification,
 * "Manifests"). */
#ifndef LEAT_STORAGE_LAKE_MANIFEST_SCHEMA_H
#define LEAT_STORAGE_LAKE_MANIFEST_SCHEMA_H

#include "formats/avro/avro.h"
#include "storage/lake/lake_internal.h"

enum list_column {
    LIST_PATH,
    LIST_LENGTH,
    LIST_SPEC_ID,
    LIST_CONTENT,
    LIST_SEQUENCE,
    LIST_MIN_SEQUENCE,
    LIST_SNAPSHOT_ID,
    LIST_ADDED_FILES,
    LIST_EXISTING_FILES,
    LIST_DELETED_FILES,
    LIST_ADDED_ROWS,
    LIST_EXISTING_ROWS,
    LIST_DELETED_ROWS,
    LIST_COLUMNS
};
enum entry_column {
    ENTRY_STATUS,
    ENTRY_SNAPSHOT_ID,
    ENTRY_SEQUENCE,
    ENTRY_FILE_SEQUENCE,
    ENTRY_DATA_FILE,
    ENTRY_COLUMNS
};
enum file_column {
    FILE_CONTENT,
    FILE_PATH,
    FILE_FORMAT,
    FILE_PARTITION,
    FILE_RECORD_COUNT,
    FILE_SIZE,
    FILE_COLUMN_SIZES,
    FILE_VALUE_COUNTS,
    FILE_NULL_COUNTS,
    FILE_NAN_COUNTS,
    FILE_LOWER,
    FILE_UPPER,
    FILE_SPLITS,
    FILE_SORT_ORDER,
    FILE_COLUMNS
};

/* `lenient`: for reading, where older writers leave out what version 2 requires. */
void leat_manifest_list_schema(bool lenient, struct leat_field fields[LIST_COLUMNS]);
LEAT_CHECKED enum leat_status leat_manifest_entry_schema(const struct leat_partition_spec *spec,
                                                         bool lenient, struct leat_arena *arena,
                                                         struct leat_schema *out,
                                                         struct leat_error *err);

#endif
