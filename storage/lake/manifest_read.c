/* Reads manifest lists and manifests through the Avro reader, by field id. Numbers from the files
 * are checked before they are used as sizes; inherited sequence numbers and snapshot ids are filled
 * in from the manifest's entry in the list. */
#include "storage/lake/manifest_schema.h"

/* Runs `take` on every batch of an Avro file read as `schema`. */
typedef enum leat_status (*take_batch)(void *context, const struct leat_batch *batch,
                                       struct leat_error *err);

static enum leat_status read_batches(const char *path, const struct leat_schema *schema,
                                     take_batch take, void *context, struct leat_error *err)
{
    struct leat_avro_file *file = NULL;
    struct leat_reader *reader = NULL;
    struct leat_input *input = NULL;
    struct leat_batch *batch;
    enum leat_status status;

    status = leat_file_open_input(path, &input, err);
    if (status == LEAT_OK)
        status = leat_avro_file_open(input, NULL, &file, err);
    if (status == LEAT_OK)
        status =
            leat_avro_rows_open(file, schema, LEAT_AVRO_BY_ID, 0, UINT64_MAX, NULL, &reader, err);
    while (status == LEAT_OK) {
        status = reader->ops->next(reader, &batch, err);
        if (status != LEAT_OK || !batch)
            break;
        status = take(context, batch, err);
    }
    if (status != LEAT_OK && status != LEAT_NO_MEMORY)
        leat_error_context(err, "%s", path);
    leat_reader_close(reader);
    leat_avro_file_close(file);
    leat_input_close(input);
    return status;
}

/* The value of an integer column, or `missing`. */
static int64_t get_integer(const struct leat_vector *vector, uint32_t row, int64_t missing)
{
    const struct leat_vector *base;
    uint32_t at;

    if (vector->type->id == LEAT_NULL || leat_vector_is_null(vector, row))
        return missing;
    at = leat_vector_locate(vector, row, &base);
    return base->type->id == LEAT_INT32 ? ((const int32_t *)base->data)[at]
                                        : ((const int64_t *)base->data)[at];
}

/* A copy of a text column's value; NULL if it is null or memory is out (*failed is then set). */
static const char *get_text(const struct leat_vector *vector, uint32_t row,
                            struct leat_arena *arena, bool *failed)
{
    const struct leat_vector *base;
    const struct leat_string *string;
    const char *copy;

    if (leat_vector_is_null(vector, row))
        return NULL;
    string = (const struct leat_string *)vector->data;
    string += leat_vector_locate(vector, row, &base);
    if (base != vector)
        string = (const struct leat_string *)base->data + vector->codes[row];
    copy = leat_arena_copy(arena, leat_string_data(string), string->length);
    *failed |= copy == NULL;
    return copy;
}

struct list_reading {
    struct leat_manifests *out;
    struct leat_arena *arena;
};

static enum leat_status take_list(void *context, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct list_reading *reading = context;
    struct leat_manifests *out = reading->out;
    struct leat_manifest *items =
        LEAT_NEW_ARRAY(reading->arena, struct leat_manifest, out->count + batch->length);
    const struct leat_vector *c = batch->columns;
    bool failed = false;

    if (!items)
        return leat_error_memory(err);
    if (out->count)
        memcpy(items, out->items, out->count * sizeof(*items));
    out->items = items;
    for (uint32_t r = 0; r < batch->length; r++) {
        struct leat_manifest *m = &items[out->count];
        m->path = get_text(&c[LIST_PATH], r, reading->arena, &failed);
        if (failed)
            return leat_error_memory(err);
        if (!m->path)
            return leat_error_set(err, LEAT_E_TABLE_METADATA, "a manifest without path");
        m->length = get_integer(&c[LIST_LENGTH], r, 0);
        m->spec_id = (int32_t)get_integer(&c[LIST_SPEC_ID], r, 0);
        m->content = (int32_t)get_integer(&c[LIST_CONTENT], r, 0);
        m->sequence_number = get_integer(&c[LIST_SEQUENCE], r, 0);
        m->min_sequence_number = get_integer(&c[LIST_MIN_SEQUENCE], r, 0);
        m->snapshot_id = get_integer(&c[LIST_SNAPSHOT_ID], r, -1);
        m->added_files = (int32_t)get_integer(&c[LIST_ADDED_FILES], r, 0);
        m->existing_files = (int32_t)get_integer(&c[LIST_EXISTING_FILES], r, 0);
        m->deleted_files = (int32_t)get_integer(&c[LIST_DELETED_FILES], r, 0);
        m->added_rows = get_integer(&c[LIST_ADDED_ROWS], r, 0);
        m->existing_rows = get_integer(&c[LIST_EXISTING_ROWS], r, 0);
        m->deleted_rows = get_integer(&c[LIST_DELETED_ROWS], r, 0);
        out->count++;
    }
    return LEAT_OK;
}

enum leat_status leat_manifest_list_read(const char *path, struct leat_arena *arena,
                                         struct leat_manifests *out, struct leat_error *err)
{
    struct leat_field fields[LIST_COLUMNS];
    struct leat_schema schema = {LIST_COLUMNS, fields};
    struct list_reading reading = {out, arena};

    *out = (struct leat_manifests){0};
    leat_manifest_list_schema(true, fields);
    return read_batches(path, &schema, take_list, &reading, err);
}

struct entry_reading {
    const struct leat_manifest *manifest;
    struct leat_data_files *out;
    struct leat_arena *arena;
};

/* The entries of a map column's row. */
static struct leat_list_entry get_entry(const struct leat_vector *vector, uint32_t row,
                                        const struct leat_vector **base)
{
    uint32_t at = leat_vector_locate(vector, row, base);

    if (leat_vector_is_null(vector, row))
        return (struct leat_list_entry){0, 0};
    return ((const struct leat_list_entry *)(*base)->data)[at];
}

/* The metric record of a column id, made if there is none; `metrics` has room. */
static struct leat_column_metric *metric_of(struct leat_data_file *file, int32_t id)
{
    struct leat_column_metric *metric;

    for (uint32_t i = 0; i < file->metric_count; i++)
        if (file->metrics[i].id == id)
            return &file->metrics[i];
    metric = &file->metrics[file->metric_count++];
    *metric = (struct leat_column_metric){id, -1, -1, -1, -1, {NULL, 0}, {NULL, 0}};
    return metric;
}

static enum leat_status read_metrics(const struct leat_vector *file_columns, uint32_t row,
                                     struct leat_data_file *file, struct leat_arena *arena,
                                     struct leat_error *err)
{
    struct leat_list_entry entries[FILE_UPPER + 1];
    const struct leat_vector *bases[FILE_UPPER + 1];
    size_t total = 0;
    bool failed = false;

    for (int c = FILE_COLUMN_SIZES; c <= FILE_UPPER; c++) {
        entries[c] = get_entry(&file_columns[c], row, &bases[c]);
        total += entries[c].length;
    }
    file->metrics = LEAT_NEW_ARRAY(arena, struct leat_column_metric, total);
    if (!file->metrics)
        return leat_error_memory(err);
    for (int c = FILE_COLUMN_SIZES; c <= FILE_UPPER; c++)
        for (uint32_t i = 0; i < entries[c].length; i++) {
            uint32_t at = entries[c].offset + i;
            const struct leat_vector *values = &bases[c]->children[1];
            struct leat_column_metric *metric =
                metric_of(file, (int32_t)get_integer(&bases[c]->children[0], at, -1));
            if (c >= FILE_LOWER) {
                const struct leat_string *string = (const struct leat_string *)values->data + at;
                struct leat_text *bound = c == FILE_LOWER ? &metric->lower : &metric->upper;
                bound->length = string->length;
                bound->data = get_text(values, at, arena, &failed);
            } else {
                int64_t number = get_integer(values, at, -1);
                *(c == FILE_COLUMN_SIZES   ? &metric->size
                  : c == FILE_VALUE_COUNTS ? &metric->value_count
                  : c == FILE_NULL_COUNTS  ? &metric->null_count
                                           : &metric->nan_count) = number;
            }
        }
    return failed ? leat_error_memory(err) : LEAT_OK;
}

static enum leat_status read_partition(const struct leat_vector *partition, uint32_t row,
                                       struct leat_data_file *file, struct leat_arena *arena,
                                       struct leat_error *err)
{
    const struct leat_vector *base;
    uint32_t at = leat_vector_locate(partition, row, &base);

    file->partition_count = partition->type->field_count;
    file->partition = LEAT_NEW_ARRAY(arena, struct leat_value, file->partition_count);
    if (!file->partition)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->partition_count; i++) {
        struct leat_value value;
        LEAT_TRY(leat_value_from_vector(&base->children[i], at, arena, &value, err));
        LEAT_TRY(leat_value_copy(&value, arena, &file->partition[i], err));
    }
    return LEAT_OK;
}

static enum leat_status read_splits(const struct leat_vector *splits, uint32_t row,
                                    struct leat_data_file *file, struct leat_arena *arena,
                                    struct leat_error *err)
{
    const struct leat_vector *base;
    struct leat_list_entry entry = get_entry(splits, row, &base);

    file->split_offsets = LEAT_NEW_ARRAY(arena, int64_t, entry.length);
    if (!file->split_offsets)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < entry.length; i++)
        file->split_offsets[i] = get_integer(&base->children[0], entry.offset + i, 0);
    file->split_count = entry.length;
    return LEAT_OK;
}

static enum leat_status read_entry(const struct entry_reading *reading,
                                   const struct leat_batch *batch, uint32_t row,
                                   struct leat_error *err)
{
    const struct leat_vector *columns = batch->columns, *base;
    const struct leat_manifest *manifest = reading->manifest;
    uint32_t at = leat_vector_locate(&columns[ENTRY_DATA_FILE], row, &base);
    const struct leat_vector *f = base->children;
    struct leat_data_file file = {0};
    bool failed = false;
    const char *format;

    file.status = (enum leat_entry_status)get_integer(&columns[ENTRY_STATUS], row, 0);
    file.snapshot_id = get_integer(&columns[ENTRY_SNAPSHOT_ID], row, manifest->snapshot_id);
    file.sequence_number = get_integer(&columns[ENTRY_SEQUENCE], row, manifest->sequence_number);
    file.file_sequence_number =
        get_integer(&columns[ENTRY_FILE_SEQUENCE], row, manifest->sequence_number);
    file.spec_id = manifest->spec_id;
    file.content = (int32_t)get_integer(&f[FILE_CONTENT], at, 0);
    file.path = get_text(&f[FILE_PATH], at, reading->arena, &failed);
    format = get_text(&f[FILE_FORMAT], at, reading->arena, &failed);
    if (failed)
        return leat_error_memory(err);
    file.record_count = get_integer(&f[FILE_RECORD_COUNT], at, -1);
    file.file_size = get_integer(&f[FILE_SIZE], at, -1);
    if (!file.path || file.record_count < 0 || file.file_size < 0 ||
        (unsigned)file.status > LEAT_ENTRY_DELETED)
        return leat_error_set(err, LEAT_E_TABLE_METADATA, "entry %u is not complete", row + 1);
    if (!format || !leat_text_equal_nocase(leat_text_of(format), leat_text_of("parquet")))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "data file %s has the format %s", file.path,
                              format ? format : "?");
    LEAT_TRY(read_partition(&f[FILE_PARTITION], at, &file, reading->arena, err));
    LEAT_TRY(read_metrics(f, at, &file, reading->arena, err));
    LEAT_TRY(read_splits(&f[FILE_SPLITS], at, &file, reading->arena, err));
    return leat_data_files_append(reading->out, &file, reading->arena, err);
}

static enum leat_status take_entries(void *context, const struct leat_batch *batch,
                                     struct leat_error *err)
{
    for (uint32_t row = 0; row < batch->length; row++)
        LEAT_TRY(read_entry(context, batch, row, err));
    return LEAT_OK;
}

enum leat_status leat_manifest_read(const struct leat_table *table,
                                    const struct leat_manifest *manifest, struct leat_arena *arena,
                                    struct leat_data_files *out, struct leat_error *err)
{
    struct entry_reading reading = {manifest, out, arena};
    struct leat_partition_spec spec;
    struct leat_schema schema;
    const char *path;

    LEAT_TRY(leat_lake_path(manifest->path, &path, err));
    LEAT_TRY(leat_lake_spec_find(table, manifest->spec_id, arena, &spec, err));
    LEAT_TRY(leat_manifest_entry_schema(&spec, true, arena, &schema, err));
    return read_batches(path, &schema, take_entries, &reading, err);
}
