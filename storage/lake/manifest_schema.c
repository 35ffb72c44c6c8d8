/* Field ids, names and types of manifest lists and manifest entries, as the specification numbers
 * them. */
#include "storage/lake/manifest_schema.h"

static const struct part {
    const char *name;
    int32_t id;
    enum leat_type_id type;
    bool required;
} list_parts[LIST_COLUMNS] = {
    [LIST_PATH] = {"manifest_path", 500, LEAT_TEXT, true},
    [LIST_LENGTH] = {"manifest_length", 501, LEAT_INT64, true},
    [LIST_SPEC_ID] = {"partition_spec_id", 502, LEAT_INT32, true},
    [LIST_CONTENT] = {"content", 517, LEAT_INT32, true},
    [LIST_SEQUENCE] = {"sequence_number", 515, LEAT_INT64, true},
    [LIST_MIN_SEQUENCE] = {"min_sequence_number", 516, LEAT_INT64, true},
    [LIST_SNAPSHOT_ID] = {"added_snapshot_id", 503, LEAT_INT64, true},
    [LIST_ADDED_FILES] = {"added_files_count", 504, LEAT_INT32, true},
    [LIST_EXISTING_FILES] = {"existing_files_count", 505, LEAT_INT32, true},
    [LIST_DELETED_FILES] = {"deleted_files_count", 506, LEAT_INT32, true},
    [LIST_ADDED_ROWS] = {"added_rows_count", 512, LEAT_INT64, true},
    [LIST_EXISTING_ROWS] = {"existing_rows_count", 513, LEAT_INT64, true},
    [LIST_DELETED_ROWS] = {"deleted_rows_count", 514, LEAT_INT64, true},
};

void leat_manifest_list_schema(bool lenient, struct leat_field fields[LIST_COLUMNS])
{
    for (int i = 0; i < LIST_COLUMNS; i++)
        fields[i] = (struct leat_field){.name = list_parts[i].name,
                                        .type = leat_type_get(list_parts[i].type),
                                        .required = list_parts[i].required && !lenient,
                                        .id = list_parts[i].id};
}

static const struct leat_type *metric_map(struct leat_arena *arena, int32_t key_id,
                                          enum leat_type_id value)
{
    struct leat_type *type = LEAT_NEW(arena, struct leat_type);
    struct leat_field *fields = LEAT_NEW_ARRAY(arena, struct leat_field, 2);

    if (!type || !fields)
        return NULL;
    fields[0] = (struct leat_field){
        .name = "key", .type = leat_type_get(LEAT_INT32), .required = true, .id = key_id};
    fields[1] = (struct leat_field){
        .name = "value", .type = leat_type_get(value), .required = true, .id = key_id + 1};
    *type = (struct leat_type){.id = LEAT_MAP, .field_count = 2, .fields = fields};
    return type;
}

static const struct leat_type *split_list(struct leat_arena *arena)
{
    struct leat_type *type = LEAT_NEW(arena, struct leat_type);
    struct leat_field *field = LEAT_NEW(arena, struct leat_field);

    if (!type || !field)
        return NULL;
    *field = (struct leat_field){
        .name = "element", .type = leat_type_get(LEAT_INT64), .required = true, .id = 133};
    *type = (struct leat_type){.id = LEAT_LIST, .field_count = 1, .fields = field};
    return type;
}

static const struct leat_type *partition_type(const struct leat_partition_spec *spec,
                                              struct leat_arena *arena)
{
    struct leat_field *fields = LEAT_NEW_ARRAY(arena, struct leat_field, spec->count);

    if (!fields)
        return NULL;
    for (uint32_t i = 0; i < spec->count; i++)
        fields[i] = (struct leat_field){.name = spec->fields[i].name,
                                        .type = spec->fields[i].type,
                                        .id = spec->fields[i].field_id};
    return leat_type_struct(arena, fields, spec->count);
}

enum leat_status leat_manifest_entry_schema(const struct leat_partition_spec *spec, bool lenient,
                                            struct leat_arena *arena, struct leat_schema *out,
                                            struct leat_error *err)
{
    const struct leat_type *integer = leat_type_get(LEAT_INT32), *lng = leat_type_get(LEAT_INT64);
    const struct leat_type *text = leat_type_get(LEAT_TEXT);
    struct leat_field file[FILE_COLUMNS] = {
        [FILE_CONTENT] = {"content", integer, !lenient, 134, NULL},
        [FILE_PATH] = {"file_path", text, true, 100, NULL},
        [FILE_FORMAT] = {"file_format", text, true, 101, NULL},
        [FILE_PARTITION] = {"partition", partition_type(spec, arena), !lenient, 102, NULL},
        [FILE_RECORD_COUNT] = {"record_count", lng, true, 103, NULL},
        [FILE_SIZE] = {"file_size_in_bytes", lng, true, 104, NULL},
        [FILE_COLUMN_SIZES] = {"column_sizes", metric_map(arena, 117, LEAT_INT64), false, 108,
                               NULL},
        [FILE_VALUE_COUNTS] = {"value_counts", metric_map(arena, 119, LEAT_INT64), false, 109,
                               NULL},
        [FILE_NULL_COUNTS] = {"null_value_counts", metric_map(arena, 121, LEAT_INT64), false, 110,
                              NULL},
        [FILE_NAN_COUNTS] = {"nan_value_counts", metric_map(arena, 138, LEAT_INT64), false, 137,
                             NULL},
        [FILE_LOWER] = {"lower_bounds", metric_map(arena, 126, LEAT_BYTES), false, 125, NULL},
        [FILE_UPPER] = {"upper_bounds", metric_map(arena, 129, LEAT_BYTES), false, 128, NULL},
        [FILE_SPLITS] = {"split_offsets", split_list(arena), false, 132, NULL},
        [FILE_SORT_ORDER] = {"sort_order_id", integer, false, 140, NULL},
    };
    struct leat_field entry[ENTRY_COLUMNS] = {
        [ENTRY_STATUS] = {"status", integer, true, LEAT_AVRO_FIELD_ID_ZERO, NULL},
        [ENTRY_SNAPSHOT_ID] = {"snapshot_id", lng, false, 1, NULL},
        [ENTRY_SEQUENCE] = {"sequence_number", lng, false, 3, NULL},
        [ENTRY_FILE_SEQUENCE] = {"file_sequence_number", lng, false, 4, NULL},
        [ENTRY_DATA_FILE] = {"data_file", NULL, true, 2, NULL},
    };

    for (int i = 0; i < FILE_COLUMNS; i++)
        if (!file[i].type)
            return leat_error_memory(err);
    entry[ENTRY_DATA_FILE].type = leat_type_struct(arena, file, FILE_COLUMNS);
    out->count = ENTRY_COLUMNS;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, ENTRY_COLUMNS);
    if (!out->fields || !entry[ENTRY_DATA_FILE].type)
        return leat_error_memory(err);
    memcpy(out->fields, entry, sizeof(entry));
    return LEAT_OK;
}
