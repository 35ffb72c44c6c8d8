/*
 * read_parquet and COPY TO: a source over files. A split is a run of row groups of one file, long
 * enough to be worth a task; row groups that no row can match are in no split. Open files are kept
 * with the source and shared by its readers.
 */
#include "base/system.h"
#include "formats/parquet/reader.h"
#include "formats/parquet/writer.h"
#include "formats/source_files.h"
#include <pthread.h>

#define SPLIT_ROWS      100000u
#define FILES_KEPT      64u /* open at once, and looked at for estimates */
#define LOOKS_AT_ONCE   16u
#define NEVER_ESTIMATED UINT64_MAX

struct open_file {
    struct leat_input *input;
    struct leat_parquet_file *file;
};
struct parquet_source {
    struct leat_source base;
    struct leat_arena arena;
    struct leat_source_files files;
    struct leat_column_statistics *statistics;
    pthread_mutex_t lock;
    struct open_file kept[FILES_KEPT]; /* of the first files, opened when first needed */
};

static void open_file_close(struct open_file *file)
{
    leat_parquet_file_close(file->file);
    leat_input_close(file->input);
    *file = (struct open_file){0};
}

static enum leat_status open_one(const struct parquet_source *source, uint32_t index,
                                 struct open_file *out, struct leat_error *err)
{
    *out = (struct open_file){0};
    LEAT_TRY(leat_source_file_open(&source->files.items[index], &out->input, err));
    enum leat_status status = leat_parquet_file_open(out->input, NULL, &out->file, err);
    if (status)
        open_file_close(out);
    return status;
}

/* The file, kept with the source if there is room; else in *own, which the caller closes. */
static enum leat_status get_file(struct parquet_source *source, uint32_t index,
                                 struct open_file *own, const struct leat_parquet_file **out,
                                 struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    *own = (struct open_file){0};
    if (index >= FILES_KEPT) {
        LEAT_TRY(open_one(source, index, own, err));
        *out = own->file;
        return LEAT_OK;
    }
    pthread_mutex_lock(&source->lock);
    if (!source->kept[index].file)
        status = open_one(source, index, &source->kept[index], err);
    *out = source->kept[index].file;
    pthread_mutex_unlock(&source->lock);
    return status;
}

/* --- reading a split --- */

struct split_reader {
    struct leat_reader base;
    struct leat_arena arena;
    struct open_file own;
    struct leat_schema wanted;
    struct leat_reader *rows;
};

static void split_close(struct leat_reader *reader)
{
    struct split_reader *split = (struct split_reader *)reader;
    leat_reader_close(split->rows);
    open_file_close(&split->own);
    leat_arena_release(&split->arena);
    leat_free(split);
}

static enum leat_status split_next(struct leat_reader *reader, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct split_reader *split = (struct split_reader *)reader;
    return split->rows->ops->next(split->rows, out, err);
}

static const struct leat_reader_ops split_ops = {split_next, split_close};

static enum leat_status missing_column(const struct parquet_source *source, uint32_t file,
                                       const char *name, struct leat_error *err)
{
    enum leat_status status =
        leat_error_set(err, LEAT_E_PARQUET_SCHEMA, "%s has no column %s, which %s has",
                       source->files.items[file].path, name, source->files.items[0].path);
    leat_error_hint(err, "read them with union_by_name => true");
    return status;
}

/* What the scan wants of this file. */
static enum leat_status make_request(struct parquet_source *source, const struct leat_scan *scan,
                                     uint32_t index, const struct leat_parquet_file *file,
                                     struct split_reader *split,
                                     struct leat_parquet_request *request, struct leat_error *err)
{
    struct leat_arena *arena = &split->arena;
    uint32_t count = scan->column_count, name_column = source->base.schema.count - 1;
    struct leat_value *constants = LEAT_NEW_ARRAY(arena, struct leat_value, count);
    struct leat_predicate *predicates =
        LEAT_NEW_ARRAY(arena, struct leat_predicate, scan->predicate_count);
    split->wanted.count = count;
    split->wanted.fields = LEAT_NEW_ARRAY(arena, struct leat_field, count);
    if (!constants || !predicates || !split->wanted.fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t column = scan->columns[i];
        const struct leat_field *field = &source->base.schema.fields[column];
        split->wanted.fields[i] = *field;
        if (source->files.filename && column == name_column)
            constants[i] = (struct leat_value){
                .type = field->type, .text = leat_text_of(source->files.items[index].path)};
        else if (!source->files.union_by_name &&
                 leat_source_files_find(leat_parquet_file_schema(file), field->name) < 0)
            return missing_column(source, index, field->name, err);
    }
    *request = (struct leat_parquet_request){.wanted = &split->wanted,
                                             .match = LEAT_PARQUET_BY_NAME,
                                             .constants = constants,
                                             .position_column = -1,
                                             .predicates = predicates};
    for (uint32_t p = 0; p < scan->predicate_count; p++) {
        for (uint32_t i = 0; i < count; i++) {
            if (scan->columns[i] != scan->predicates[p].column)
                continue;
            predicates[request->predicate_count] = scan->predicates[p];
            predicates[request->predicate_count++].column = i;
            break;
        }
    }
    return LEAT_OK;
}

static enum leat_status source_open_split(struct leat_source *base, const struct leat_scan *scan,
                                          struct leat_text bytes,
                                          const struct leat_read_context *context,
                                          struct leat_reader **out, struct leat_error *err)
{
    struct parquet_source *source = (struct parquet_source *)base;
    struct leat_cursor cursor = {(const uint8_t *)bytes.data, bytes.length, 0};
    struct leat_parquet_request request;
    const struct leat_parquet_file *file = NULL;
    uint32_t index, first, count;
    *out = NULL;
    LEAT_TRY(leat_cursor_get_u32(&cursor, &index, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &first, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &count, err));
    if (index >= source->files.count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a split names no file of its source");
    struct split_reader *split = leat_calloc(1, sizeof(*split));
    if (!split)
        return leat_error_memory(err);
    split->base.ops = &split_ops;
    leat_arena_init(&split->arena, context ? context->accountant : NULL);
    enum leat_status status = get_file(source, index, &split->own, &file, err);
    if (!status)
        status = make_request(source, scan, index, file, split, &request, err);
    if (!status) {
        request.first_row_group = first;
        request.row_group_count = count;
        status = leat_parquet_rows_open(file, &request, context, &split->rows, err);
    }
    if (status)
        split_close(&split->base);
    else
        *out = &split->base;
    return status;
}

/* --- splits --- */

static enum leat_status put_split(struct leat_bytes_list *out, uint32_t file, uint32_t first,
                                  uint32_t count, struct leat_error *err)
{
    uint8_t bytes[12];
    struct leat_buffer buffer = {.data = bytes, .capacity = sizeof(bytes), .maximum = 12};
    LEAT_TRY(leat_buffer_put_u32(&buffer, file, err));
    LEAT_TRY(leat_buffer_put_u32(&buffer, first, err));
    LEAT_TRY(leat_buffer_put_u32(&buffer, count, err));
    return leat_bytes_list_append(out, bytes, sizeof(bytes), err);
}

static enum leat_status split_file(uint32_t index, const struct leat_parquet_file *file,
                                   struct leat_bytes_list *out, struct leat_error *err)
{
    uint32_t groups = leat_parquet_file_row_groups(file), first = 0;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < groups; i++) {
        rows += leat_parquet_file_row_group_rows(file, i);
        if (rows >= SPLIT_ROWS || i + 1 == groups) {
            LEAT_TRY(put_split(out, index, first, i + 1 - first, err));
            first = i + 1;
            rows = 0;
        }
    }
    return LEAT_OK;
}

static enum leat_status source_splits(struct leat_source *base, const struct leat_scan *scan,
                                      unsigned wanted, struct leat_bytes_list *out,
                                      struct leat_error *err)
{
    struct parquet_source *source = (struct parquet_source *)base;
    (void)scan; /* row groups without matches are passed over by the reader, at little cost */
    (void)wanted;
    for (uint32_t i = 0; i < source->files.count; i++) {
        const struct leat_parquet_file *file;
        struct open_file own;
        LEAT_TRY(get_file(source, i, &own, &file, err));
        enum leat_status status = split_file(i, file, out, err);
        open_file_close(&own);
        if (status)
            return status;
    }
    return LEAT_OK;
}

/* --- opening --- */

static enum leat_status source_put(struct leat_source *base, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct parquet_source *source = (struct parquet_source *)base;
    LEAT_TRY(leat_source_files_put(&source->files, out, err));
    LEAT_TRY(leat_buffer_put_u64(out, base->row_estimate, err));
    return leat_schema_put(&base->schema, out, err);
}

static void source_close(struct leat_source *base)
{
    struct parquet_source *source = (struct parquet_source *)base;
    for (uint32_t i = 0; i < FILES_KEPT; i++)
        open_file_close(&source->kept[i]);
    pthread_mutex_destroy(&source->lock);
    leat_arena_release(&source->arena);
    leat_free(source);
}

static const struct leat_source_ops source_ops = {"parquet", source_splits, source_open_split,
                                                  source_put, source_close};

static struct parquet_source *source_new(void)
{
    struct parquet_source *source = leat_calloc(1, sizeof(*source));
    if (source) {
        leat_arena_init(&source->arena, NULL);
        pthread_mutex_init(&source->lock, NULL);
        source->base.ops = &source_ops;
        source->base.row_estimate = NEVER_ESTIMATED;
        source->base.name = "parquet";
    }
    return source;
}

static void finish_description(struct parquet_source *source)
{
    source->base.byte_estimate = 0;
    for (uint32_t i = 0; i < source->files.count; i++)
        source->base.byte_estimate += source->files.items[i].size;
    if (source->files.count)
        source->base.name = source->files.items[0].path;
}

/* Widens `into` by what another file says; whatever is unknown in one is unknown in all. */
static void merge_statistics(struct leat_column_statistics *into,
                             const struct leat_column_statistics *from)
{
    bool same = into->minimum.type && from->minimum.type &&
                leat_type_equal(into->minimum.type, from->minimum.type);
    if (!same || from->minimum.is_null || into->minimum.is_null)
        into->minimum.is_null = true;
    else if (leat_value_compare(&from->minimum, &into->minimum) < 0)
        into->minimum = from->minimum;
    if (!same || from->maximum.is_null || into->maximum.is_null)
        into->maximum.is_null = true;
    else if (leat_value_compare(&from->maximum, &into->maximum) > 0)
        into->maximum = from->maximum;
    if (from->null_count == UINT64_MAX || into->null_count == UINT64_MAX)
        into->null_count = UINT64_MAX;
    else
        into->null_count += from->null_count;
}

static enum leat_status file_statistics(struct parquet_source *source, uint32_t index,
                                        const struct leat_parquet_file *file,
                                        struct leat_error *err)
{
    for (uint32_t i = 0; i < source->base.schema.count; i++) {
        const struct leat_field *field = &source->base.schema.fields[i];
        struct leat_column_statistics found = {.null_count = UINT64_MAX,
                                               .distinct_count = UINT64_MAX};
        found.minimum = found.maximum = (struct leat_value){.type = field->type, .is_null = true};
        int column = leat_source_files_find(leat_parquet_file_schema(file), field->name);
        if (column >= 0 &&
            leat_type_equal(leat_parquet_file_schema(file)->fields[column].type, field->type))
            leat_parquet_file_statistics(file, (uint32_t)column, &found);
        found.minimum.type = found.maximum.type = field->type;
        if (index == 0) {
            LEAT_TRY(leat_value_copy(&found.minimum, &source->arena, &source->statistics[i].minimum,
                                     err));
            LEAT_TRY(leat_value_copy(&found.maximum, &source->arena, &source->statistics[i].maximum,
                                     err));
            source->statistics[i].null_count = found.null_count;
            source->statistics[i].distinct_count = found.distinct_count;
        } else {
            merge_statistics(&source->statistics[i], &found);
        }
    }
    return LEAT_OK;
}

/* Row counts and bounds from the footers of the first files; the rest is taken to be like them. */
static enum leat_status estimate(struct parquet_source *source, struct leat_error *err)
{
    uint64_t rows = 0, bytes = 0, all = source->base.byte_estimate;
    uint32_t count = source->files.count < FILES_KEPT ? source->files.count : FILES_KEPT;
    source->statistics =
        LEAT_NEW_ARRAY(&source->arena, struct leat_column_statistics, source->base.schema.count);
    if (!source->statistics)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_parquet_file *file;
        struct open_file own;
        LEAT_TRY(get_file(source, i, &own, &file, err));
        rows += leat_parquet_file_rows(file);
        bytes += source->files.items[i].size;
        LEAT_TRY(file_statistics(source, i, file, err));
    }
    if (count == source->files.count) {
        source->base.row_estimate = rows;
        source->base.statistics = source->statistics;
    } else {
        source->base.row_estimate =
            bytes ? (uint64_t)((double)rows * (double)all / (double)bytes) : 0;
    }
    return LEAT_OK;
}

/* Size and time are those of now: a split checks that the file is still the same. */
static enum leat_status look_at_file(void *context, size_t i, struct leat_error *err)
{
    struct leat_source_file *file = &((struct parquet_source *)context)->files.items[i];
    struct leat_file_info info;
    LEAT_TRY(leat_file_stat(file->path, &info, err));
    file->size = info.size;
    file->modified = info.modified;
    return LEAT_OK;
}

static enum leat_status merge_schemas(struct parquet_source *source, struct leat_error *err)
{
    uint32_t count = source->files.union_by_name ? source->files.count : 1;
    /* Where each look is a request, several wait at once. */
    bool remote = source->files.count > 0 && leat_path_is_uri(source->files.items[0].path);
    LEAT_TRY(leat_parallel_run(remote ? LOOKS_AT_ONCE : 1, source->files.count, look_at_file,
                               source, err));
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_parquet_file *file;
        struct open_file own;
        LEAT_TRY(get_file(source, i, &own, &file, err));
        enum leat_status status =
            leat_source_files_merge(&source->files, i, leat_parquet_file_schema(file),
                                    &source->arena, &source->base.schema, err);
        open_file_close(&own);
        if (status)
            return status;
    }
    for (uint32_t i = 0; count < source->files.count && i < source->base.schema.count; i++)
        source->base.schema.fields[i].required = false; /* the other files were not asked */
    return leat_source_files_complete(&source->files, &source->arena, &source->base.schema, err);
}

static const struct leat_option read_options[] = {
    {"filename", LEAT_BOOLEAN, "false", "add a column filename"},
    {"union_by_name", LEAT_BOOLEAN, "false", "take the columns of all files, by name"},
    {"on_error", LEAT_TEXT, "quarantine", "what to do with rows that cannot be read"},
    {NULL, LEAT_NULL, NULL, NULL}};
static const struct leat_option write_options[] = {
    {"compression", LEAT_TEXT, "zstd", "none, snappy, gzip, lz4 or zstd"},
    {"compression_level", LEAT_INT64, NULL, "the codec's own scale"},
    {"row_group_rows", LEAT_INT64, "131072", "rows in a row group"},
    {NULL, LEAT_NULL, NULL, NULL}};

static enum leat_status format_open(const struct leat_file_info *files, size_t file_count,
                                    const struct leat_option_value *options, size_t option_count,
                                    struct leat_source **out, struct leat_error *err)
{
    *out = NULL;
    LEAT_TRY(leat_options_check("read_parquet", read_options, options, option_count, err));
    struct parquet_source *source = source_new();
    if (!source)
        return leat_error_memory(err);
    enum leat_status status = leat_source_files_init(&source->files, files, file_count, options,
                                                     option_count, &source->arena, err);
    if (!status)
        status = merge_schemas(source, err);
    if (!status) {
        finish_description(source);
        status = estimate(source, err);
    }
    if (status)
        source_close(&source->base);
    else
        *out = &source->base;
    return status;
}

static enum leat_status format_read(struct leat_cursor *cursor, struct leat_source **out,
                                    struct leat_error *err)
{
    *out = NULL;
    struct parquet_source *source = source_new();
    if (!source)
        return leat_error_memory(err);
    enum leat_status status = leat_source_files_read(cursor, &source->arena, &source->files, err);
    if (!status)
        status = leat_cursor_get_u64(cursor, &source->base.row_estimate, err);
    if (!status)
        status = leat_schema_read(cursor, &source->arena, &source->base.schema, err);
    if (status) {
        source_close(&source->base);
        return status;
    }
    finish_description(source);
    *out = &source->base;
    return LEAT_OK;
}

static bool format_recognise(const uint8_t *bytes, size_t length)
{
    return length >= 4 && (memcmp(bytes, "PAR1", 4) == 0 || memcmp(bytes, "PARE", 4) == 0);
}

/* --- COPY TO --- */

struct copy {
    struct leat_writer base;
    struct leat_parquet_writer *writer;
};

static enum leat_status copy_write(struct leat_writer *writer, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    return leat_parquet_writer_write(((struct copy *)writer)->writer, batch, err);
}

static enum leat_status branch_finish(struct leat_writer *writer, struct leat_buffer *receipt,
                                      struct leat_error *err)
{
    struct copy *copy = (struct copy *)writer;
    enum leat_status status = leat_parquet_writer_join(copy->writer, err);
    (void)receipt;
    leat_free(copy);
    return status;
}

static enum leat_status copy_finish(struct leat_writer *writer, struct leat_buffer *receipt,
                                    struct leat_error *err)
{
    struct copy *copy = (struct copy *)writer;
    struct leat_parquet_result result;
    enum leat_status status = leat_parquet_writer_finish(copy->writer, &result, err);
    if (!status) {
        status = leat_buffer_put_u64(receipt, result.rows, err);
        if (!status)
            status = leat_buffer_put_u64(receipt, result.bytes, err);
        leat_parquet_result_release(&result);
    }
    leat_free(copy);
    return status;
}

static void copy_abort(struct leat_writer *writer)
{
    struct copy *copy = (struct copy *)writer;
    leat_parquet_writer_abort(copy->writer);
    leat_free(copy);
}

static const struct leat_writer_ops copy_ops = {copy_write, copy_finish, copy_abort};
static const struct leat_writer_ops branch_ops = {copy_write, branch_finish, copy_abort};

static enum leat_status format_branch(struct leat_writer *writer, struct leat_writer **out,
                                      struct leat_error *err)
{
    struct copy *branch = leat_calloc(1, sizeof(*branch));
    *out = NULL;
    if (!branch)
        return leat_error_memory(err);
    branch->base.ops = &branch_ops;
    enum leat_status status =
        leat_parquet_writer_branch(((struct copy *)writer)->writer, &branch->writer, err);
    if (status)
        leat_free(branch);
    else
        *out = &branch->base;
    return status;
}

static enum leat_status read_write_options(const struct leat_option_value *options,
                                           size_t option_count,
                                           struct leat_parquet_write_options *out,
                                           struct leat_error *err)
{
    static const char *const names[] = {"none", "uncompressed", "snappy", "gzip",
                                        "lz4",  "zstd",         NULL};
    static const enum leat_codec_kind kinds[] = {LEAT_CODEC_NONE,   LEAT_CODEC_NONE,
                                                 LEAT_CODEC_SNAPPY, LEAT_CODEC_GZIP,
                                                 LEAT_CODEC_LZ4,    LEAT_CODEC_ZSTD};
    const struct leat_value *name = leat_option_find(options, option_count, "compression");
    const struct leat_value *level = leat_option_find(options, option_count, "compression_level");
    const struct leat_value *rows = leat_option_find(options, option_count, "row_group_rows");
    *out = (struct leat_parquet_write_options){0};
    if (level && !level->is_null)
        out->level = (int)level->integer;
    if (rows && !rows->is_null && rows->integer > 0)
        out->row_group_rows = (uint64_t)rows->integer;
    if (!name || name->is_null)
        return LEAT_OK;
    for (size_t i = 0; names[i]; i++) {
        if (leat_text_equal_nocase(name->text, leat_text_of(names[i]))) {
            out->codec_given = true;
            out->codec = kinds[i];
            return LEAT_OK;
        }
    }
    return leat_error_set(err, LEAT_E_UNSUPPORTED,
                          "compression %.*s is unknown: it can be none, snappy, gzip, lz4 or zstd",
                          (int)(name->text.length < 40 ? name->text.length : 40), name->text.data);
}

static enum leat_status format_create(struct leat_output *output, const struct leat_schema *schema,
                                      const struct leat_option_value *options, size_t option_count,
                                      struct leat_writer **out, struct leat_error *err)
{
    struct leat_parquet_write_options write;
    struct copy *copy = leat_calloc(1, sizeof(*copy));
    enum leat_status status = copy ? LEAT_OK : leat_error_memory(err);

    *out = NULL;
    if (!status)
        status = leat_options_check("parquet", write_options, options, option_count, err);
    if (!status)
        status = read_write_options(options, option_count, &write, err);
    if (!status)
        status = leat_parquet_writer_open(output, schema, &write, &copy->writer, err);
    if (status) {
        leat_output_abort(output);
        leat_free(copy);
        return status;
    }
    copy->base.ops = &copy_ops;
    *out = &copy->base;
    return LEAT_OK;
}

static const char *const extensions[] = {".parquet", NULL};

const struct leat_format leat_parquet_format = {
    .name = "parquet",
    .extensions = extensions,
    .read_options = read_options,
    .write_options = write_options,
    .recognise = format_recognise,
    .open = format_open,
    .read = format_read,
    .create = format_create,
    .branch = format_branch,
};
