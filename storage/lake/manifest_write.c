/* Writes manifest lists and manifests: fills batches whose columns are those of manifest_schema.c
 * and hands them to the Avro writer with the metadata that the specification demands. */
#include "formats/json_tree.h"
#include "storage/lake/manifest_schema.h"

#include <inttypes.h>

static void put_integer(struct leat_vector *vector, uint32_t row, int64_t value)
{
    if (vector->type->id == LEAT_INT32)
        ((int32_t *)vector->data)[row] = (int32_t)value;
    else
        ((int64_t *)vector->data)[row] = value;
}

static void put_text(struct leat_vector *vector, uint32_t row, struct leat_text text)
{
    ((struct leat_string *)vector->data)[row] = leat_string_of(text.data, text.length);
}

static enum leat_status write_avro(const char *path, const struct leat_schema *schema,
                                   const char *record, const struct leat_avro_metadata *metadata,
                                   size_t metadata_count, const struct leat_batch *batch,
                                   int64_t *length, struct leat_error *err)
{
    struct leat_avro_write_options options = {.record_name = record,
                                              .codec = LEAT_CODEC_DEFLATE,
                                              .metadata = metadata,
                                              .metadata_count = metadata_count};
    struct leat_avro_writer *writer;
    struct leat_output *output;
    enum leat_status status;
    uint64_t rows, bytes;

    LEAT_TRY(leat_file_create(path, LEAT_CREATE_NEW, &output, err));
    status = leat_avro_writer_open(output, schema, &options, &writer, err);
    if (status != LEAT_OK) {
        leat_output_abort(output);
        return status;
    }
    status = leat_avro_writer_write(writer, batch, err);
    if (status != LEAT_OK) {
        leat_avro_writer_abort(writer);
        return status;
    }
    LEAT_TRY(leat_avro_writer_finish(writer, &rows, &bytes, err));
    if (length)
        *length = (int64_t)bytes;
    return LEAT_OK;
}

static enum leat_status fill_list(const struct leat_manifests *manifests, struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct leat_vector *c = batch->columns;

    if (manifests->count > UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "%zu manifests", manifests->count);
    for (uint32_t r = 0; r < manifests->count; r++) {
        const struct leat_manifest *m = &manifests->items[r];
        put_text(&c[LIST_PATH], r, leat_text_of(m->path));
        put_integer(&c[LIST_LENGTH], r, m->length);
        put_integer(&c[LIST_SPEC_ID], r, m->spec_id);
        put_integer(&c[LIST_CONTENT], r, m->content);
        put_integer(&c[LIST_SEQUENCE], r, m->sequence_number);
        put_integer(&c[LIST_MIN_SEQUENCE], r, m->min_sequence_number);
        put_integer(&c[LIST_SNAPSHOT_ID], r, m->snapshot_id);
        put_integer(&c[LIST_ADDED_FILES], r, m->added_files);
        put_integer(&c[LIST_EXISTING_FILES], r, m->existing_files);
        put_integer(&c[LIST_DELETED_FILES], r, m->deleted_files);
        put_integer(&c[LIST_ADDED_ROWS], r, m->added_rows);
        put_integer(&c[LIST_EXISTING_ROWS], r, m->existing_rows);
        put_integer(&c[LIST_DELETED_ROWS], r, m->deleted_rows);
    }
    batch->length = (uint32_t)manifests->count;
    for (uint32_t i = 0; i < batch->column_count; i++)
        c[i].length = batch->length;
    return LEAT_OK;
}

enum leat_status leat_manifest_list_write(const char *path, const struct leat_manifests *manifests,
                                          int64_t snapshot_id, int64_t parent_id,
                                          int64_t sequence_number, struct leat_error *err)
{
    struct leat_field fields[LIST_COLUMNS];
    struct leat_schema schema = {LIST_COLUMNS, fields};
    char texts[3][24];
    struct leat_avro_metadata metadata[4];
    struct leat_batch batch;
    struct leat_arena arena;
    enum leat_status status;

    snprintf(texts[0], sizeof(texts[0]), "%" PRId64, snapshot_id);
    if (parent_id < 0)
        snprintf(texts[1], sizeof(texts[1]), "null");
    else
        snprintf(texts[1], sizeof(texts[1]), "%" PRId64, parent_id);
    snprintf(texts[2], sizeof(texts[2]), "%" PRId64, sequence_number);
    metadata[0] = (struct leat_avro_metadata){"format-version", leat_text_of("2")};
    metadata[1] = (struct leat_avro_metadata){"snapshot-id", leat_text_of(texts[0])};
    metadata[2] = (struct leat_avro_metadata){"parent-snapshot-id", leat_text_of(texts[1])};
    metadata[3] = (struct leat_avro_metadata){"sequence-number", leat_text_of(texts[2])};
    leat_manifest_list_schema(false, fields);
    leat_arena_init(&arena, NULL);
    status = leat_batch_init(&batch, &schema, (uint32_t)manifests->count + 1, &arena, err);
    if (status == LEAT_OK)
        status = fill_list(manifests, &batch, err);
    if (status == LEAT_OK)
        status = write_avro(path, &schema, "manifest_file", metadata, 4, &batch, NULL, err);
    leat_arena_release(&arena);
    return status;
}

/* Appends a row to a map column: pairs of column id and number or bytes, of the metrics that have
 * one. */
static void fill_metric(struct leat_vector *vector, uint32_t row, uint32_t *used,
                        const struct leat_data_file *file, int column)
{
    struct leat_list_entry *entry = (struct leat_list_entry *)vector->data + row;

    *entry = (struct leat_list_entry){*used, 0};
    for (uint32_t i = 0; i < file->metric_count; i++) {
        const struct leat_column_metric *m = &file->metrics[i];
        int64_t number = column == FILE_COLUMN_SIZES   ? m->size
                         : column == FILE_VALUE_COUNTS ? m->value_count
                         : column == FILE_NULL_COUNTS  ? m->null_count
                                                       : m->nan_count;
        struct leat_text bound = column == FILE_LOWER ? m->lower : m->upper;
        if (column >= FILE_LOWER ? bound.data == NULL : number < 0)
            continue;
        put_integer(&vector->children[0], *used, m->id);
        if (column >= FILE_LOWER)
            put_text(&vector->children[1], *used, bound);
        else
            put_integer(&vector->children[1], *used, number);
        ++*used;
        entry->length++;
    }
    vector->children[0].length = vector->children[1].length = *used;
}

static enum leat_status put_value(struct leat_vector *vector, uint32_t row,
                                  const struct leat_value *value, struct leat_arena *arena,
                                  struct leat_error *err)
{
    struct leat_vector constant;
    size_t width = leat_type_width(vector->type);

    if (value->is_null) {
        leat_validity_set(vector->validity, row, false);
        memset((char *)vector->data + row * width, 0, width);
        return LEAT_OK;
    }
    LEAT_TRY(leat_value_to_vector(value, 1, arena, &constant, err));
    memcpy((char *)vector->data + row * width, constant.data, width);
    return LEAT_OK;
}

static enum leat_status fill_file(struct leat_vector *f, uint32_t row, uint32_t used[FILE_COLUMNS],
                                  const struct leat_data_file *file, struct leat_arena *arena,
                                  struct leat_error *err)
{
    struct leat_list_entry *splits = (struct leat_list_entry *)f[FILE_SPLITS].data + row;

    put_integer(&f[FILE_CONTENT], row, file->content);
    put_text(&f[FILE_PATH], row, leat_text_of(file->path));
    put_text(&f[FILE_FORMAT], row, leat_text_of("PARQUET"));
    put_integer(&f[FILE_RECORD_COUNT], row, file->record_count);
    put_integer(&f[FILE_SIZE], row, file->file_size);
    for (uint32_t i = 0; i < f[FILE_PARTITION].type->field_count; i++)
        LEAT_TRY(put_value(&f[FILE_PARTITION].children[i], row, &file->partition[i], arena, err));
    for (int c = FILE_COLUMN_SIZES; c <= FILE_UPPER; c++)
        fill_metric(&f[c], row, &used[c], file, c);
    *splits = (struct leat_list_entry){used[FILE_SPLITS], file->split_count};
    for (uint32_t i = 0; i < file->split_count; i++)
        put_integer(&f[FILE_SPLITS].children[0], used[FILE_SPLITS]++, file->split_offsets[i]);
    f[FILE_SPLITS].children[0].length = used[FILE_SPLITS];
    put_integer(&f[FILE_SORT_ORDER], row, 0);
    return LEAT_OK;
}

static enum leat_status fill_entries(struct leat_batch *batch, const struct leat_data_file *files,
                                     uint32_t count, struct leat_arena *arena,
                                     struct leat_error *err)
{
    struct leat_vector *c = batch->columns, *f = c[ENTRY_DATA_FILE].children;
    uint32_t used[FILE_COLUMNS] = {0};

    for (uint32_t i = ENTRY_SNAPSHOT_ID; i <= ENTRY_FILE_SEQUENCE; i++)
        LEAT_TRY(leat_vector_make_validity(&c[i], count, arena, err));
    for (uint32_t i = 0; i < f[FILE_PARTITION].type->field_count; i++)
        LEAT_TRY(leat_vector_make_validity(&f[FILE_PARTITION].children[i], count, arena, err));
    for (uint32_t r = 0; r < count; r++) {
        int64_t numbers[] = {files[r].snapshot_id, files[r].sequence_number,
                             files[r].file_sequence_number};
        put_integer(&c[ENTRY_STATUS], r, files[r].status);
        for (uint32_t i = 0; i < 3; i++) {
            put_integer(&c[ENTRY_SNAPSHOT_ID + i], r, numbers[i]);
            leat_validity_set(c[ENTRY_SNAPSHOT_ID + i].validity, r, numbers[i] >= 0);
        }
        LEAT_TRY(fill_file(f, r, used, &files[r], arena, err));
    }
    batch->length = count;
    for (uint32_t i = 0; i < batch->column_count; i++)
        c[i].length = count;
    for (uint32_t i = 0; i < FILE_COLUMNS; i++)
        f[i].length = count;
    for (uint32_t i = 0; i < f[FILE_PARTITION].type->field_count; i++)
        f[FILE_PARTITION].children[i].length = count;
    return LEAT_OK;
}

/* The schema and the spec's fields as JSON texts, for the manifest's metadata. */
static enum leat_status metadata_texts(const struct leat_table *table,
                                       const struct leat_partition_spec *spec, char **schema,
                                       char **fields, struct leat_error *err)
{
    json_t *json = leat_lake_struct_to_json(table->schema.fields, table->schema.count);
    json_t *array = json_array();
    enum leat_status status;
    char name[32];

    *schema = *fields = NULL;
    if (json)
        json_object_set(json, "schema-id", json_object_get(table->json, "current-schema-id"));
    for (uint32_t i = 0; i < spec->count && array; i++) {
        leat_lake_transform_name(&spec->fields[i], name);
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:i, s:i}", "name", spec->fields[i].name,
                                        "transform", name, "source-id", spec->fields[i].source_id,
                                        "field-id", spec->fields[i].field_id));
    }
    status = leat_json_tree_dump(json, JSON_COMPACT, schema, err);
    if (status == LEAT_OK)
        status = leat_json_tree_dump(array, JSON_COMPACT, fields, err);
    json_decref(json);
    json_decref(array);
    if (status != LEAT_OK)
        leat_free(*schema);
    return status;
}

static enum leat_status write_entries(const char *path, const struct leat_table *table,
                                      const struct leat_partition_spec *spec,
                                      const struct leat_schema *schema,
                                      const struct leat_batch *batch, bool deletes, int64_t *length,
                                      struct leat_error *err)
{
    struct leat_avro_metadata metadata[6];
    char *schema_text, *fields_text, ids[2][16];
    enum leat_status status;

    LEAT_TRY(metadata_texts(table, spec, &schema_text, &fields_text, err));
    snprintf(ids[0], sizeof(ids[0]), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(table->json, "current-schema-id")));
    snprintf(ids[1], sizeof(ids[1]), "%d", spec->id);
    metadata[0] = (struct leat_avro_metadata){"schema", leat_text_of(schema_text)};
    metadata[1] = (struct leat_avro_metadata){"schema-id", leat_text_of(ids[0])};
    metadata[2] = (struct leat_avro_metadata){"partition-spec", leat_text_of(fields_text)};
    metadata[3] = (struct leat_avro_metadata){"partition-spec-id", leat_text_of(ids[1])};
    metadata[4] = (struct leat_avro_metadata){"format-version", leat_text_of("2")};
    metadata[5] =
        (struct leat_avro_metadata){"content", leat_text_of(deletes ? "deletes" : "data")};
    status = write_avro(path, schema, "manifest_entry", metadata, 6, batch, length, err);
    leat_free(schema_text);
    leat_free(fields_text);
    return status;
}

enum leat_status leat_manifest_write(const char *path, const struct leat_table *table,
                                     const struct leat_partition_spec *spec,
                                     const struct leat_data_file *files, size_t count,
                                     int64_t *length, struct leat_error *err)
{
    uint64_t metrics = 0, splits = 0;
    struct leat_schema schema;
    struct leat_batch batch;
    struct leat_arena arena;
    enum leat_status status;

    for (size_t i = 0; i < count; i++) {
        metrics += files[i].metric_count;
        splits += files[i].split_count;
        if (files[i].partition_count != spec->count)
            return leat_error_internal(err, "a file with %u partition values for %u fields",
                                       files[i].partition_count, spec->count);
    }
    if (metrics + splits > UINT32_MAX / 2 || count > UINT32_MAX / 2)
        return leat_error_set(err, LEAT_E_LIMIT, "a manifest of %zu files", count);
    leat_arena_init(&arena, NULL);
    status = leat_manifest_entry_schema(spec, false, &arena, &schema, err);
    if (status == LEAT_OK) {
        batch.column_count = schema.count;
        batch.columns = LEAT_NEW_ARRAY(&arena, struct leat_vector, schema.count);
        if (!batch.columns)
            status = leat_error_memory(err);
    }
    for (uint32_t i = 0; status == LEAT_OK && i < schema.count; i++)
        status = leat_vector_init(&batch.columns[i], schema.fields[i].type, (uint32_t)count,
                                  (uint32_t)(metrics + splits + 1), &arena, err);
    if (status == LEAT_OK)
        status = fill_entries(&batch, files, (uint32_t)count, &arena, err);
    if (status == LEAT_OK)
        status = write_entries(path, table, spec, &schema, &batch,
                               count > 0 && files[0].content != 0, length, err);
    leat_arena_release(&arena);
    return status;
}
