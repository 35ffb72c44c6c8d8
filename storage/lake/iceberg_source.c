/* A table's snapshot as a source. Each split names one data file and a range of its row groups,
 * with the values of identity partitions for files that lack those columns; so a split can be
 * opened anywhere without the manifests. Files whose bounds exclude the scan's predicates give no
 * split. */
#include "formats/parquet/reader.h"
#include "storage/lake/lake_internal.h"

struct iceberg_source {
    struct leat_source base;
    struct leat_arena arena;
    struct leat_data_files files;
    struct leat_partition_spec spec;
    struct leat_column_statistics *statistics;
};

struct iceberg_reader {
    struct leat_reader base;
    struct leat_arena arena;
    struct leat_input *input;
    struct leat_parquet_file *file;
    struct leat_reader *rows;
};

/* --- choosing files --- */

static const struct leat_column_metric *metric_of(const struct leat_data_file *file, int32_t id)
{
    for (uint32_t i = 0; i < file->metric_count; i++)
        if (file->metrics[i].id == id)
            return &file->metrics[i];
    return NULL;
}

/* False if the bounds prove that no row can meet the predicate. */
static bool bounds_allow(const struct leat_predicate *predicate, const struct leat_value *lower,
                         const struct leat_value *upper)
{
    switch (predicate->op) {
    case LEAT_PREDICATE_EQ:
        return (!lower || leat_value_compare(&predicate->values[0], lower) >= 0) &&
               (!upper || leat_value_compare(&predicate->values[0], upper) <= 0);
    case LEAT_PREDICATE_LT:
        return !lower || leat_value_compare(lower, &predicate->values[0]) < 0;
    case LEAT_PREDICATE_LE:
        return !lower || leat_value_compare(lower, &predicate->values[0]) <= 0;
    case LEAT_PREDICATE_GT:
        return !upper || leat_value_compare(upper, &predicate->values[0]) > 0;
    case LEAT_PREDICATE_GE:
        return !upper || leat_value_compare(upper, &predicate->values[0]) >= 0;
    case LEAT_PREDICATE_IN:
        for (uint32_t i = 0; i < predicate->value_count; i++)
            if ((!lower || leat_value_compare(&predicate->values[i], lower) >= 0) &&
                (!upper || leat_value_compare(&predicate->values[i], upper) <= 0))
                return true;
        return false;
    default:
        return true;
    }
}

static bool file_may_match(const struct iceberg_source *source, const struct leat_data_file *file,
                           const struct leat_predicate *predicate)
{
    const struct leat_field *field = &source->base.schema.fields[predicate->column];
    const struct leat_column_metric *metric = metric_of(file, field->id);
    struct leat_value lower, upper;
    bool has_lower, has_upper;

    /* NaN lies outside of the bounds and above all numbers. */
    if (!metric || field->type->id == LEAT_FLOAT || field->type->id == LEAT_DOUBLE)
        return true;
    if (predicate->op == LEAT_PREDICATE_IS_NULL)
        return metric->null_count != 0;
    has_lower = metric->lower.data && leat_lake_value_read(metric->lower, field->type, &lower);
    has_upper = metric->upper.data && leat_lake_value_read(metric->upper, field->type, &upper);
    return bounds_allow(predicate, has_lower ? &lower : NULL, has_upper ? &upper : NULL);
}

/* --- splits --- */

static enum leat_status put_split(const struct iceberg_source *source,
                                  const struct leat_data_file *file, uint32_t first, uint32_t count,
                                  struct leat_bytes_list *out, struct leat_error *err)
{
    struct leat_buffer split;
    enum leat_status status;
    uint32_t constants = 0;

    leat_buffer_init(&split, 1 << 20);
    status = leat_buffer_put_string(&split, file->path, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u64(&split, (uint64_t)file->file_size, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(&split, first, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(&split, count, err);
    for (uint32_t i = 0; i < source->spec.count && file->spec_id == source->spec.id; i++)
        constants += source->spec.fields[i].transform == LEAT_TRANSFORM_IDENTITY;
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(&split, constants, err);
    for (uint32_t i = 0; status == LEAT_OK && constants > 0 && i < source->spec.count; i++) {
        if (source->spec.fields[i].transform != LEAT_TRANSFORM_IDENTITY)
            continue;
        status = leat_buffer_put_u32(&split, (uint32_t)source->spec.fields[i].source_id, err);
        if (status == LEAT_OK)
            status = leat_value_put(&file->partition[i], &split, err);
    }
    if (status == LEAT_OK)
        status = leat_bytes_list_append(out, split.data, split.length, err);
    leat_buffer_release(&split);
    return status;
}

static enum leat_status iceberg_splits(struct leat_source *base, const struct leat_scan *scan,
                                       unsigned wanted, struct leat_bytes_list *out,
                                       struct leat_error *err)
{
    struct iceberg_source *source = (struct iceberg_source *)base;

    for (size_t f = 0; f < source->files.count; f++) {
        const struct leat_data_file *file = &source->files.items[f];
        bool may_match = true;
        for (uint32_t p = 0; p < scan->predicate_count && may_match; p++)
            may_match = file_may_match(source, file, &scan->predicates[p]);
        if (!may_match)
            continue;
        if (file->split_count > 1 && wanted > 1)
            for (uint32_t g = 0; g < file->split_count; g++)
                LEAT_TRY(put_split(source, file, g, 1, out, err));
        else
            LEAT_TRY(put_split(source, file, 0, UINT32_MAX, out, err));
    }
    return LEAT_OK;
}

/* --- reading --- */

static enum leat_status iceberg_next(struct leat_reader *base, struct leat_batch **out,
                                     struct leat_error *err)
{
    struct iceberg_reader *reader = (struct iceberg_reader *)base;

    return reader->rows->ops->next(reader->rows, out, err);
}

static void iceberg_reader_close(struct leat_reader *base)
{
    struct iceberg_reader *reader = (struct iceberg_reader *)base;

    leat_reader_close(reader->rows);
    leat_parquet_file_close(reader->file);
    leat_input_close(reader->input);
    leat_arena_release(&reader->arena);
    leat_free(reader);
}

static const struct leat_reader_ops iceberg_reader_ops = {iceberg_next, iceberg_reader_close};

struct opening {
    const char *path;
    uint64_t size;
    uint32_t first;
    uint32_t count;
    struct leat_value *constants; /* one a wanted column; type NULL: none */
    bool *if_missing;
};

static enum leat_status read_split(struct leat_text split, const struct leat_schema *wanted,
                                   struct leat_arena *arena, struct opening *out,
                                   struct leat_error *err)
{
    struct leat_cursor cursor = {(const uint8_t *)split.data, split.length, 0};
    uint32_t constants, id;

    LEAT_TRY(leat_cursor_get_string(&cursor, arena, &out->path, err));
    LEAT_TRY(leat_cursor_get_u64(&cursor, &out->size, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &out->first, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &out->count, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &constants, err));
    out->constants = LEAT_NEW_ARRAY(arena, struct leat_value, wanted->count);
    out->if_missing = LEAT_NEW_ARRAY(arena, bool, wanted->count);
    if (!out->constants || !out->if_missing)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < wanted->count; i++) {
        out->constants[i] = (struct leat_value){.type = leat_type_get(LEAT_NULL), .is_null = true};
        out->if_missing[i] = true;
    }
    for (uint32_t c = 0; c < constants; c++) {
        struct leat_value value;
        LEAT_TRY(leat_cursor_get_u32(&cursor, &id, err));
        LEAT_TRY(leat_value_read(&cursor, arena, &value, err));
        for (uint32_t i = 0; i < wanted->count; i++)
            if (wanted->fields[i].id == (int32_t)id &&
                leat_type_equal(wanted->fields[i].type, value.type))
                out->constants[i] = value;
    }
    return LEAT_OK;
}

/* The scan's columns as a schema, and its predicates on those columns. */
static enum leat_status make_request(const struct leat_source *source, const struct leat_scan *scan,
                                     struct leat_arena *arena, struct leat_schema *wanted,
                                     struct leat_parquet_request *out, struct leat_error *err)
{
    struct leat_predicate *predicates =
        LEAT_NEW_ARRAY(arena, struct leat_predicate, scan->predicate_count);

    wanted->count = scan->column_count;
    wanted->fields = LEAT_NEW_ARRAY(arena, struct leat_field, scan->column_count);
    if (!predicates || !wanted->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < scan->column_count; i++)
        wanted->fields[i] = source->schema.fields[scan->columns[i]];
    for (uint32_t p = 0; p < scan->predicate_count; p++)
        for (uint32_t i = 0; i < scan->column_count; i++)
            if (scan->columns[i] == scan->predicates[p].column) {
                predicates[out->predicate_count] = scan->predicates[p];
                predicates[out->predicate_count++].column = i;
                break;
            }
    out->wanted = wanted;
    out->match = LEAT_PARQUET_BY_ID;
    out->position_column = -1;
    out->predicates = predicates;
    return LEAT_OK;
}

static enum leat_status open_split(struct leat_source *source, const struct leat_scan *scan,
                                   struct leat_text split, const struct leat_read_context *context,
                                   struct iceberg_reader *reader, struct leat_error *err)
{
    struct leat_schema *wanted = LEAT_NEW(&reader->arena, struct leat_schema);
    struct leat_parquet_request request = {0};
    struct opening opening;
    const char *path;

    if (!wanted)
        return leat_error_memory(err);
    LEAT_TRY(make_request(source, scan, &reader->arena, wanted, &request, err));
    LEAT_TRY(read_split(split, wanted, &reader->arena, &opening, err));
    LEAT_TRY(leat_lake_path(opening.path, &path, err));
    LEAT_TRY(leat_file_open_input(path, &reader->input, err));
    LEAT_TRY(leat_parquet_file_open(reader->input, context ? context->accountant : NULL,
                                    &reader->file, err));
    request.constants = opening.constants;
    request.constant_if_missing = opening.if_missing;
    request.first_row_group = opening.first;
    request.row_group_count = opening.count;
    if (request.first_row_group > leat_parquet_file_row_groups(reader->file))
        return leat_error_set(err, LEAT_E_FILE_CHANGED,
                              "%s has fewer row groups than its table says", path);
    return leat_parquet_rows_open(reader->file, &request, context, &reader->rows, err);
}

static enum leat_status iceberg_open(struct leat_source *source, const struct leat_scan *scan,
                                     struct leat_text split,
                                     const struct leat_read_context *context,
                                     struct leat_reader **out, struct leat_error *err)
{
    struct iceberg_reader *reader = leat_calloc(1, sizeof(*reader));
    enum leat_status status;

    *out = NULL;
    if (!reader)
        return leat_error_memory(err);
    reader->base.ops = &iceberg_reader_ops;
    leat_arena_init(&reader->arena, context ? context->accountant : NULL);
    status = open_split(source, scan, split, context, reader, err);
    if (status != LEAT_OK) {
        iceberg_reader_close(&reader->base);
        return status;
    }
    *out = &reader->base;
    return LEAT_OK;
}

/* --- description --- */

static enum leat_status iceberg_put(struct leat_source *source, struct leat_buffer *out,
                                    struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, source->name, err));
    return leat_schema_put(&source->schema, out, err);
}

static void iceberg_close(struct leat_source *base)
{
    struct iceberg_source *source = (struct iceberg_source *)base;

    leat_arena_release(&source->arena);
    leat_free(source);
}

static const struct leat_source_ops iceberg_source_ops = {.kind = "iceberg",
                                                          .splits = iceberg_splits,
                                                          .open = iceberg_open,
                                                          .put = iceberg_put,
                                                          .close = iceberg_close};

static enum leat_status new_source(struct iceberg_source **out, struct leat_error *err)
{
    *out = leat_calloc(1, sizeof(**out));
    if (!*out)
        return leat_error_memory(err);
    leat_arena_init(&(*out)->arena, NULL);
    (*out)->base.ops = &iceberg_source_ops;
    (*out)->base.row_estimate = (*out)->base.byte_estimate = UINT64_MAX;
    return LEAT_OK;
}

/* Bounds over all files, for the planner. Truncated texts are good enough for estimates. */
static void add_bounds(struct leat_column_statistics *out, const struct leat_field *field,
                       const struct leat_data_file *file, bool first)
{
    const struct leat_column_metric *metric = metric_of(file, field->id);
    struct leat_value lower, upper;

    if (!metric || !metric->lower.data || !metric->upper.data ||
        !leat_lake_value_read(metric->lower, field->type, &lower) ||
        !leat_lake_value_read(metric->upper, field->type, &upper)) {
        out->minimum.is_null = out->maximum.is_null = true;
        return;
    }
    if (first || (!out->minimum.is_null && leat_value_compare(&lower, &out->minimum) < 0))
        out->minimum = lower;
    if (first || (!out->maximum.is_null && leat_value_compare(&upper, &out->maximum) > 0))
        out->maximum = upper;
    out->null_count = metric->null_count < 0 || out->null_count == UINT64_MAX
                          ? UINT64_MAX
                          : out->null_count + (uint64_t)metric->null_count;
}

static enum leat_status fill_source(struct iceberg_source *source, const struct leat_table *table,
                                    const struct leat_data_file *files, size_t count,
                                    const char *name, struct leat_error *err)
{
    struct leat_source *base = &source->base;

    base->name = leat_arena_strdup(&source->arena, name);
    if (!base->name)
        return leat_error_memory(err);
    LEAT_TRY(leat_schema_copy(&table->schema, &source->arena, &base->schema, err));
    LEAT_TRY(leat_lake_spec_find(table, table->spec.id, &source->arena, &source->spec, err));
    if (files)
        for (size_t f = 0; f < count; f++)
            LEAT_TRY(leat_data_files_append(&source->files, &files[f], &source->arena, err));
    else
        LEAT_TRY(leat_table_files(table, &source->arena, &source->files, err));
    source->statistics =
        LEAT_NEW_ARRAY(&source->arena, struct leat_column_statistics, base->schema.count);
    if (!source->statistics)
        return leat_error_memory(err);
    base->row_estimate = base->byte_estimate = 0;
    for (size_t f = 0; f < source->files.count; f++) {
        const struct leat_data_file *file = &source->files.items[f];
        if (file->content != 0) {
            (void)leat_error_set(err, LEAT_E_UNSUPPORTED, "table %s has row-level delete files",
                                 name);
            leat_error_hint(err, "rewrite the table with the engine that deleted the rows "
                                 "(copy-on-write), then read it again");
            return LEAT_UNSUPPORTED;
        }
        base->row_estimate += (uint64_t)file->record_count;
        base->byte_estimate += (uint64_t)file->file_size;
        for (uint32_t i = 0; i < base->schema.count; i++)
            add_bounds(&source->statistics[i], &base->schema.fields[i], file, f == 0);
    }
    for (uint32_t i = 0; i < base->schema.count; i++) {
        source->statistics[i].distinct_count = UINT64_MAX;
        if (source->files.count == 0)
            source->statistics[i].minimum.is_null = source->statistics[i].maximum.is_null = true;
    }
    base->statistics = source->statistics;
    return LEAT_OK;
}

static enum leat_status open_source(const struct leat_table *table,
                                    const struct leat_data_file *files, size_t count,
                                    const char *name, struct leat_source **out,
                                    struct leat_error *err)
{
    struct iceberg_source *source;
    enum leat_status status;

    *out = NULL;
    LEAT_TRY(new_source(&source, err));
    status = fill_source(source, table, files, count, name, err);
    if (status != LEAT_OK) {
        iceberg_close(&source->base);
        return status;
    }
    *out = &source->base;
    return LEAT_OK;
}

enum leat_status leat_table_open_source(const struct leat_table *table, const char *name,
                                        struct leat_source **out, struct leat_error *err)
{
    return open_source(table, NULL, 0, name, out, err);
}

/* The files' strings must live as long as the source: they lie in the caller's arena. */
enum leat_status leat_table_open_files(const struct leat_table *table,
                                       const struct leat_data_file *files, size_t count,
                                       const char *name, struct leat_source **out,
                                       struct leat_error *err)
{
    static const struct leat_data_file none;

    return open_source(table, files ? files : &none, count, name, out, err);
}

enum leat_status leat_iceberg_source_read(struct leat_cursor *cursor, struct leat_source **out,
                                          struct leat_error *err)
{
    struct iceberg_source *source;
    enum leat_status status;

    *out = NULL;
    LEAT_TRY(new_source(&source, err));
    status = leat_cursor_get_string(cursor, &source->arena, &source->base.name, err);
    if (status == LEAT_OK)
        status = leat_schema_read(cursor, &source->arena, &source->base.schema, err);
    if (status != LEAT_OK) {
        iceberg_close(&source->base);
        return status;
    }
    *out = &source->base;
    return LEAT_OK;
}
