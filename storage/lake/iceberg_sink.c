/* Writing into a table: Parquet files named by run, stage, partition and attempt under
 * LOCATION/data, and receipts that list them with their statistics. A partitioned table gets one
 * open file a partition value; files are closed at a target size. Nothing refers to the files until
 * a coordinator commits their receipts. */
#include "base/system.h"
#include "formats/parquet/writer.h"
#include "storage/lake/lake_internal.h"

#include <stdlib.h>

enum { MAX_OPEN_PARTITIONS = 1000 };
static const uint64_t target_bytes = (uint64_t)512 << 20;

struct iceberg_sink {
    struct leat_sink base;
    struct leat_arena arena;
    const char *location;
    struct leat_partition_spec spec;
};

/* An open file of one partition. */
struct part {
    struct leat_text key; /* serialised partition values, in the writer's arena */
    struct leat_value *values;
    struct leat_parquet_writer *file;
    const char *path;
    uint32_t *selection; /* rows of the present batch */
    uint32_t selected;
};

struct iceberg_writer {
    struct leat_writer base;
    const struct iceberg_sink *sink;
    struct leat_arena arena; /* lives as long as the writer */
    struct leat_arena scratch;
    char name[128];
    unsigned file_number;
    struct part *parts;
    uint32_t part_count;
    struct leat_data_files files; /* those finished */
};

static enum leat_status start_file(struct iceberg_writer *writer, struct part *part,
                                   struct leat_error *err)
{
    struct leat_output *output;
    enum leat_status status;
    const char *folder = leat_arena_printf(&writer->arena, "%s/data", writer->sink->location);

    part->path = leat_arena_printf(&writer->arena, "%s/data/%s-%u.parquet", writer->sink->location,
                                   writer->name, writer->file_number++);
    if (!folder || !part->path)
        return leat_error_memory(err);
    LEAT_TRY(leat_folder_create(folder, err));
    LEAT_TRY(leat_file_create(part->path, LEAT_CREATE_NEW, &output, err));
    status = leat_parquet_writer_open(output, &writer->sink->base.schema, NULL, &part->file, err);
    if (status != LEAT_OK)
        leat_output_abort(output);
    return status;
}

static enum leat_status take_metrics(const struct leat_parquet_result *result,
                                     struct leat_arena *arena, struct leat_data_file *file,
                                     struct leat_error *err)
{
    file->metrics = LEAT_NEW_ARRAY(arena, struct leat_column_metric, result->column_count);
    if (!file->metrics)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < result->column_count; i++) {
        const struct leat_parquet_column_result *column = &result->columns[i];
        struct leat_column_metric *metric = &file->metrics[i];
        bool real = column->lower.type &&
                    (column->lower.type->id == LEAT_FLOAT || column->lower.type->id == LEAT_DOUBLE);
        *metric = (struct leat_column_metric){
            .id = column->field_id,
            .size = (int64_t)column->bytes,
            .value_count = (int64_t)column->values,
            .null_count = column->nulls == UINT64_MAX ? -1 : (int64_t)column->nulls,
            .nan_count = real ? (int64_t)column->nans : -1};
        if (column->repeated)
            continue;
        if (column->lower.type && !column->lower.is_null)
            LEAT_TRY(leat_lake_value_put(&column->lower, arena, &metric->lower, err));
        if (column->upper.type && !column->upper.is_null)
            LEAT_TRY(leat_lake_value_put(&column->upper, arena, &metric->upper, err));
    }
    file->metric_count = result->column_count;
    file->split_offsets = LEAT_NEW_ARRAY(arena, int64_t, result->split_count);
    if (!file->split_offsets)
        return leat_error_memory(err);
    if (result->split_count)
        memcpy(file->split_offsets, result->splits, result->split_count * sizeof(int64_t));
    file->split_count = result->split_count;
    return LEAT_OK;
}

static enum leat_status finish_file(struct iceberg_writer *writer, struct part *part,
                                    struct leat_error *err)
{
    struct leat_data_file file = {.status = LEAT_ENTRY_ADDED,
                                  .sequence_number = -1,
                                  .file_sequence_number = -1,
                                  .spec_id = writer->sink->spec.id,
                                  .partition_count = writer->sink->spec.count,
                                  .partition = part->values};
    struct leat_parquet_writer *open = part->file;
    struct leat_parquet_result result;
    enum leat_status status;

    if (!open)
        return LEAT_OK;
    part->file = NULL;
    file.path = leat_lake_uri(&writer->arena, part->path);
    if (!file.path) {
        leat_parquet_writer_abort(open);
        return leat_error_memory(err);
    }
    LEAT_TRY(leat_parquet_writer_finish(open, &result, err));
    file.record_count = (int64_t)result.rows;
    file.file_size = (int64_t)result.bytes;
    status = take_metrics(&result, &writer->arena, &file, err);
    leat_parquet_result_release(&result);
    if (status == LEAT_OK)
        status = leat_data_files_append(&writer->files, &file, &writer->arena, err);
    if (status != LEAT_OK) { /* the file stands, but nobody would know of it */
        struct leat_error ignored;
        if (leat_file_remove(part->path, &ignored) != LEAT_OK)
            leat_log(LEAT_LOG_WARN, "lake", "left behind: %s", ignored.message);
    }
    return status;
}

static enum leat_status write_part(struct iceberg_writer *writer, struct part *part,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    if (!part->file)
        LEAT_TRY(start_file(writer, part, err));
    LEAT_TRY(leat_parquet_writer_write(part->file, batch, err));
    return leat_parquet_writer_size(part->file) >= target_bytes ? finish_file(writer, part, err)
                                                                : LEAT_OK;
}

/* --- partitioned tables --- */

/* The partition values of a row, and their bytes as a key. */
static enum leat_status row_partition(struct iceberg_writer *writer, const struct leat_batch *batch,
                                      uint32_t row, struct leat_value *values,
                                      struct leat_buffer *key, struct leat_error *err)
{
    const struct iceberg_sink *sink = writer->sink;

    key->length = 0;
    for (uint32_t i = 0; i < sink->spec.count; i++) {
        struct leat_value value;
        uint32_t column = 0;
        while (column < sink->base.schema.count &&
               sink->base.schema.fields[column].id != sink->spec.fields[i].source_id)
            column++;
        if (column == sink->base.schema.count)
            return leat_error_set(err, LEAT_E_UNSUPPORTED, "partition by a nested field");
        LEAT_TRY(
            leat_value_from_vector(&batch->columns[column], row, &writer->scratch, &value, err));
        LEAT_TRY(
            leat_lake_transform(&sink->spec.fields[i], &value, &writer->scratch, &values[i], err));
        LEAT_TRY(leat_value_put(&values[i], key, err));
    }
    return LEAT_OK;
}

static enum leat_status find_part(struct iceberg_writer *writer, const struct leat_buffer *key,
                                  const struct leat_value *values, struct part **out,
                                  struct leat_error *err)
{
    uint32_t count = writer->sink->spec.count;
    struct part *part;
    char *copy;

    for (uint32_t i = 0; i < writer->part_count; i++)
        if (leat_text_equal(writer->parts[i].key,
                            (struct leat_text){(const char *)key->data, key->length})) {
            *out = &writer->parts[i];
            return LEAT_OK;
        }
    if (writer->part_count == MAX_OPEN_PARTITIONS) {
        (void)leat_error_set(err, LEAT_E_LIMIT, "more than %d partitions in one write",
                             MAX_OPEN_PARTITIONS);
        leat_error_hint(err, "partition by a coarser unit, for example months instead of days");
        return LEAT_LIMIT;
    }
    part = &writer->parts[writer->part_count];
    copy = leat_arena_copy(&writer->arena, key->data, key->length);
    part->values = LEAT_NEW_ARRAY(&writer->arena, struct leat_value, count);
    part->selection = leat_arena_alloc(&writer->arena, LEAT_BATCH_ROWS * sizeof(uint32_t));
    if (!copy || !part->values || !part->selection)
        return leat_error_memory(err);
    part->key = (struct leat_text){copy, key->length};
    for (uint32_t i = 0; i < count; i++)
        LEAT_TRY(leat_value_copy(&values[i], &writer->arena, &part->values[i], err));
    writer->part_count++;
    *out = part;
    return LEAT_OK;
}

/* Rows [start, start + count), at most LEAT_BATCH_ROWS of them. */
static enum leat_status distribute(struct iceberg_writer *writer, const struct leat_batch *batch,
                                   uint32_t start, uint32_t count, struct leat_buffer *key,
                                   struct leat_error *err)
{
    struct leat_value *values =
        LEAT_NEW_ARRAY(&writer->scratch, struct leat_value, writer->sink->spec.count);
    struct leat_batch chosen = {.column_count = batch->column_count};

    chosen.columns = LEAT_NEW_ARRAY(&writer->scratch, struct leat_vector, batch->column_count);
    if (!values || !chosen.columns)
        return leat_error_memory(err);
    for (uint32_t row = start; row < start + count; row++) {
        struct part *part = NULL;
        LEAT_TRY(row_partition(writer, batch, row, values, key, err));
        LEAT_TRY(find_part(writer, key, values, &part, err));
        part->selection[part->selected++] = row;
    }
    for (uint32_t i = 0; i < writer->part_count; i++) {
        struct part *part = &writer->parts[i];
        if (part->selected == 0)
            continue;
        for (uint32_t c = 0; c < batch->column_count; c++)
            LEAT_TRY(leat_vector_select(&batch->columns[c], part->selection, part->selected,
                                        &writer->scratch, &chosen.columns[c], err));
        chosen.length = part->selected;
        part->selected = 0;
        LEAT_TRY(write_part(writer, part, &chosen, err));
    }
    return LEAT_OK;
}

static enum leat_status iceberg_write(struct leat_writer *base, const struct leat_batch *batch,
                                      struct leat_error *err)
{
    struct iceberg_writer *writer = (struct iceberg_writer *)base;
    enum leat_status status = LEAT_OK;
    struct leat_buffer key;

    if (writer->sink->spec.count == 0)
        return write_part(writer, &writer->parts[0], batch, err);
    leat_buffer_init(&key, 0);
    for (uint32_t start = 0; start < batch->length && status == LEAT_OK; start += LEAT_BATCH_ROWS) {
        uint32_t left = batch->length - start;
        status = distribute(writer, batch, start, left < LEAT_BATCH_ROWS ? left : LEAT_BATCH_ROWS,
                            &key, err);
        leat_arena_reset(&writer->scratch);
    }
    leat_buffer_release(&key);
    return status;
}

/* --- receipts --- */

static enum leat_status put_metric(const struct leat_column_metric *metric, struct leat_buffer *out,
                                   struct leat_error *err)
{
    const struct leat_text *bounds[] = {&metric->lower, &metric->upper};

    LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)metric->id, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)metric->size, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)metric->value_count, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)metric->null_count, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)metric->nan_count, err));
    for (int i = 0; i < 2; i++) {
        LEAT_TRY(leat_buffer_put_u8(out, bounds[i]->data != NULL, err));
        if (bounds[i]->data)
            LEAT_TRY(leat_buffer_put_bytes(out, bounds[i]->data, bounds[i]->length, err));
    }
    return LEAT_OK;
}

static enum leat_status put_file(const struct leat_data_file *file, struct leat_buffer *out,
                                 struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, file->path, err));
    LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)file->spec_id, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)file->record_count, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)file->file_size, err));
    LEAT_TRY(leat_buffer_put_u32(out, file->partition_count, err));
    for (uint32_t i = 0; i < file->partition_count; i++)
        LEAT_TRY(leat_value_put(&file->partition[i], out, err));
    LEAT_TRY(leat_buffer_put_u32(out, file->metric_count, err));
    for (uint32_t i = 0; i < file->metric_count; i++)
        LEAT_TRY(put_metric(&file->metrics[i], out, err));
    LEAT_TRY(leat_buffer_put_u32(out, file->split_count, err));
    for (uint32_t i = 0; i < file->split_count; i++)
        LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)file->split_offsets[i], err));
    return LEAT_OK;
}

static enum leat_status get_metric(struct leat_cursor *cursor, struct leat_arena *arena,
                                   struct leat_column_metric *metric, struct leat_error *err)
{
    struct leat_text *bounds[] = {&metric->lower, &metric->upper};
    int64_t *numbers[] = {&metric->size, &metric->value_count, &metric->null_count,
                          &metric->nan_count};
    uint32_t id;

    LEAT_TRY(leat_cursor_get_u32(cursor, &id, err));
    metric->id = (int32_t)id;
    for (int i = 0; i < 4; i++) {
        uint64_t number;
        LEAT_TRY(leat_cursor_get_u64(cursor, &number, err));
        *numbers[i] = (int64_t)number;
    }
    for (int i = 0; i < 2; i++) {
        struct leat_text bytes;
        uint8_t present;
        LEAT_TRY(leat_cursor_get_u8(cursor, &present, err));
        if (!present)
            continue;
        LEAT_TRY(leat_cursor_get_bytes(cursor, &bytes, err));
        bounds[i]->data = leat_arena_copy(arena, bytes.data, bytes.length);
        bounds[i]->length = bytes.length;
        if (!bounds[i]->data)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

/* A count of items that take at least one byte each. */
static enum leat_status get_count(struct leat_cursor *cursor, uint32_t *out, struct leat_error *err)
{
    LEAT_TRY(leat_cursor_get_u32(cursor, out, err));
    if (*out > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a receipt with %u items", *out);
    return LEAT_OK;
}

static enum leat_status get_file(struct leat_cursor *cursor, struct leat_arena *arena,
                                 struct leat_data_file *file, struct leat_error *err)
{
    uint64_t number;
    uint32_t spec;

    *file = (struct leat_data_file){
        .status = LEAT_ENTRY_ADDED, .sequence_number = -1, .file_sequence_number = -1};
    LEAT_TRY(leat_cursor_get_string(cursor, arena, &file->path, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &spec, err));
    file->spec_id = (int32_t)spec;
    LEAT_TRY(leat_cursor_get_u64(cursor, &number, err));
    file->record_count = (int64_t)number;
    LEAT_TRY(leat_cursor_get_u64(cursor, &number, err));
    file->file_size = (int64_t)number;
    LEAT_TRY(get_count(cursor, &file->partition_count, err));
    file->partition = LEAT_NEW_ARRAY(arena, struct leat_value, file->partition_count);
    if (!file->partition)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->partition_count; i++)
        LEAT_TRY(leat_value_read(cursor, arena, &file->partition[i], err));
    LEAT_TRY(get_count(cursor, &file->metric_count, err));
    file->metrics = LEAT_NEW_ARRAY(arena, struct leat_column_metric, file->metric_count);
    if (!file->metrics)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->metric_count; i++)
        LEAT_TRY(get_metric(cursor, arena, &file->metrics[i], err));
    LEAT_TRY(get_count(cursor, &file->split_count, err));
    file->split_offsets = LEAT_NEW_ARRAY(arena, int64_t, file->split_count);
    if (!file->split_offsets)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->split_count; i++) {
        LEAT_TRY(leat_cursor_get_u64(cursor, &number, err));
        file->split_offsets[i] = (int64_t)number;
    }
    return LEAT_OK;
}

enum leat_status leat_iceberg_receipt_read(struct leat_text receipt, struct leat_arena *arena,
                                           struct leat_data_files *out, struct leat_error *err)
{
    struct leat_cursor cursor = {(const uint8_t *)receipt.data, receipt.length, 0};
    uint32_t count;

    LEAT_TRY(get_count(&cursor, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        struct leat_data_file file;
        LEAT_TRY(get_file(&cursor, arena, &file, err));
        LEAT_TRY(leat_data_files_append(out, &file, arena, err));
    }
    return LEAT_OK;
}

/* --- the writer's life --- */

static void writer_free(struct iceberg_writer *writer)
{
    leat_arena_release(&writer->scratch);
    leat_arena_release(&writer->arena);
    leat_free(writer);
}

static void iceberg_abort(struct leat_writer *base)
{
    struct iceberg_writer *writer = (struct iceberg_writer *)base;
    struct leat_error error;
    const char *path;

    for (uint32_t i = 0; i < MAX_OPEN_PARTITIONS && writer->parts && i < writer->part_count; i++)
        leat_parquet_writer_abort(writer->parts[i].file);
    for (size_t i = 0; i < writer->files.count; i++)
        if (leat_lake_path(writer->files.items[i].path, &path, &error) != LEAT_OK ||
            leat_file_remove(path, &error) != LEAT_OK)
            leat_log(LEAT_LOG_WARN, "lake", "left behind: %s", error.message);
    writer_free(writer);
}

static enum leat_status iceberg_finish(struct leat_writer *base, struct leat_buffer *receipt,
                                       struct leat_error *err)
{
    struct iceberg_writer *writer = (struct iceberg_writer *)base;
    enum leat_status status = LEAT_OK;

    for (uint32_t i = 0; i < writer->part_count && status == LEAT_OK; i++)
        status = finish_file(writer, &writer->parts[i], err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(receipt, (uint32_t)writer->files.count, err);
    for (size_t i = 0; i < writer->files.count && status == LEAT_OK; i++)
        status = put_file(&writer->files.items[i], receipt, err);
    if (status != LEAT_OK) {
        iceberg_abort(base);
        return status;
    }
    writer_free(writer);
    return LEAT_OK;
}

static const struct leat_writer_ops iceberg_writer_ops = {iceberg_write, iceberg_finish,
                                                          iceberg_abort};

static enum leat_status iceberg_open(struct leat_sink *sink, const struct leat_attempt *attempt,
                                     struct leat_writer **out, struct leat_error *err)
{
    struct iceberg_writer *writer = leat_calloc(1, sizeof(*writer));
    uint32_t parts = ((struct iceberg_sink *)sink)->spec.count ? MAX_OPEN_PARTITIONS : 1;

    *out = NULL;
    if (!writer)
        return leat_error_memory(err);
    writer->base.ops = &iceberg_writer_ops;
    writer->sink = (const struct iceberg_sink *)sink;
    leat_arena_init(&writer->arena, NULL);
    leat_arena_init(&writer->scratch, NULL);
    /* The random end keeps two writers of one task apart, and a run from its own earlier attempt.
     */
    snprintf(writer->name, sizeof(writer->name), "%.36s-%u-%u-%u-%08x", attempt->run_id,
             attempt->stage, attempt->partition, attempt->attempt, (unsigned)leat_random_u64());
    writer->parts = LEAT_NEW_ARRAY(&writer->arena, struct part, parts);
    if (!writer->parts) {
        writer_free(writer);
        return leat_error_memory(err);
    }
    writer->part_count = parts == 1;
    *out = &writer->base;
    return LEAT_OK;
}

static enum leat_status iceberg_put(struct leat_sink *base, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct iceberg_sink *sink = (struct iceberg_sink *)base;

    LEAT_TRY(leat_buffer_put_string(out, sink->location, err));
    LEAT_TRY(leat_schema_put(&base->schema, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)sink->spec.id, err));
    LEAT_TRY(leat_buffer_put_u32(out, sink->spec.count, err));
    for (uint32_t i = 0; i < sink->spec.count; i++) {
        const struct leat_partition_field *field = &sink->spec.fields[i];
        LEAT_TRY(leat_buffer_put_string(out, field->name, err));
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)field->source_id, err));
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)field->field_id, err));
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)field->transform, err));
        LEAT_TRY(leat_buffer_put_u32(out, field->width, err));
        LEAT_TRY(leat_type_put(field->type, out, err));
    }
    return LEAT_OK;
}

static void iceberg_sink_close(struct leat_sink *base)
{
    struct iceberg_sink *sink = (struct iceberg_sink *)base;

    leat_arena_release(&sink->arena);
    leat_free(sink);
}

static enum leat_status take_path(void *context, const struct leat_file_info *item,
                                  struct leat_error *err)
{
    return leat_bytes_list_append(context, item->path, strlen(item->path), err);
}

static enum leat_status remove_listed(const char *folder, const char *prefix,
                                      struct leat_error *err)
{
    struct leat_file_listing listing = {.folder = folder, .prefix = prefix};
    const struct leat_file_system *system;
    struct leat_bytes_list paths;
    const char **texts = NULL;
    enum leat_status status;

    LEAT_TRY(leat_file_system_find(folder, &system, err));
    leat_bytes_list_init(&paths);
    status = system->list(&listing, take_path, &paths, err);
    if (status == LEAT_NOT_FOUND) { /* no file was begun */
        leat_error_clear(err);
        status = LEAT_OK;
    }
    if (status == LEAT_OK && paths.count) {
        texts = leat_malloc(paths.count * sizeof(*texts));
        status = texts ? LEAT_OK : leat_error_memory(err);
        for (size_t i = 0; texts && i < paths.count; i++)
            texts[i] = paths.items[i].data;
        if (status == LEAT_OK)
            status = leat_file_remove_several(texts, paths.count, err);
    }
    leat_free(texts);
    leat_bytes_list_release(&paths);
    return status;
}

/* Files that begin with the attempt's name, finished or not. */
static enum leat_status iceberg_discard(struct leat_sink *base, const struct leat_attempt *attempt,
                                        struct leat_error *err)
{
    struct iceberg_sink *sink = (struct iceberg_sink *)base;
    enum leat_status status;
    struct leat_arena arena;
    char name[128];
    const char *folder;

    snprintf(name, sizeof(name), "%.36s-%u-%u-%u-", attempt->run_id, attempt->stage,
             attempt->partition, attempt->attempt);
    leat_arena_init(&arena, NULL);
    folder = leat_arena_printf(&arena, "%s/data", sink->location);
    status = folder ? remove_listed(folder, name, err) : leat_error_memory(err);
    leat_arena_release(&arena);
    return status;
}

static const struct leat_sink_ops iceberg_sink_ops = {"iceberg", iceberg_open, iceberg_put,
                                                      iceberg_discard, iceberg_sink_close};

static enum leat_status new_sink(struct iceberg_sink **out, struct leat_error *err)
{
    *out = leat_calloc(1, sizeof(**out));
    if (!*out)
        return leat_error_memory(err);
    leat_arena_init(&(*out)->arena, NULL);
    (*out)->base.ops = &iceberg_sink_ops;
    return LEAT_OK;
}

enum leat_status leat_table_open_sink(const struct leat_table *table, struct leat_sink **out,
                                      struct leat_error *err)
{
    struct iceberg_sink *sink;
    enum leat_status status;

    *out = NULL;
    LEAT_TRY(new_sink(&sink, err));
    sink->location = leat_arena_strdup(&sink->arena, table->location);
    status = sink->location
                 ? leat_schema_copy(&table->schema, &sink->arena, &sink->base.schema, err)
                 : leat_error_memory(err);
    if (status == LEAT_OK)
        status = leat_lake_spec_find(table, table->spec.id, &sink->arena, &sink->spec, err);
    if (status != LEAT_OK) {
        iceberg_sink_close(&sink->base);
        return status;
    }
    *out = &sink->base;
    return LEAT_OK;
}

static enum leat_status read_sink(struct leat_cursor *cursor, struct iceberg_sink *sink,
                                  struct leat_error *err)
{
    uint32_t numbers[4];

    LEAT_TRY(leat_cursor_get_string(cursor, &sink->arena, &sink->location, err));
    LEAT_TRY(leat_schema_read(cursor, &sink->arena, &sink->base.schema, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &numbers[0], err));
    sink->spec.id = (int32_t)numbers[0];
    LEAT_TRY(get_count(cursor, &sink->spec.count, err));
    sink->spec.fields = LEAT_NEW_ARRAY(&sink->arena, struct leat_partition_field, sink->spec.count);
    if (!sink->spec.fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < sink->spec.count; i++) {
        struct leat_partition_field *field = &sink->spec.fields[i];
        LEAT_TRY(leat_cursor_get_string(cursor, &sink->arena, &field->name, err));
        for (int n = 0; n < 4; n++)
            LEAT_TRY(leat_cursor_get_u32(cursor, &numbers[n], err));
        field->source_id = (int32_t)numbers[0];
        field->field_id = (int32_t)numbers[1];
        field->transform = (enum leat_transform)numbers[2];
        field->width = numbers[3];
        LEAT_TRY(leat_type_read(cursor, &sink->arena, &field->type, err));
        if (field->transform > LEAT_TRANSFORM_UNKNOWN ||
            (field->width == 0 && (field->transform == LEAT_TRANSFORM_BUCKET ||
                                   field->transform == LEAT_TRANSFORM_TRUNCATE)))
            return leat_error_set(err, LEAT_E_MESSAGE, "a sink with an unknown transform");
    }
    return LEAT_OK;
}

enum leat_status leat_iceberg_sink_read(struct leat_cursor *cursor, struct leat_sink **out,
                                        struct leat_error *err)
{
    struct iceberg_sink *sink;
    enum leat_status status;

    *out = NULL;
    LEAT_TRY(new_sink(&sink, err));
    status = read_sink(cursor, sink, err);
    if (status != LEAT_OK) {
        iceberg_sink_close(&sink->base);
        return status;
    }
    *out = &sink->base;
    return LEAT_OK;
}
