/*
 * read_avro and COPY TO: a source over files, whose splits are byte ranges of them. A block belongs
 * to the split in which it starts.
 */
#include "formats/avro/avro_internal.h"
#include "formats/source_files.h"

#define SPLIT_BYTES ((uint64_t)8 << 20)

struct avro_source {
    struct leat_source base;
    struct leat_arena arena;
    struct leat_source_files files;
};

/* The rows of a split, the file's name added where it is wanted. */
struct avro_split {
    struct leat_reader base;
    struct leat_arena arena;
    struct leat_input *input;
    struct leat_avro_file *file;
    struct leat_reader *rows;
    struct leat_schema wanted; /* file columns only */
    int32_t *from;             /* for each scanned column: which of `wanted`, or -1: the name */
    uint32_t column_count;
    const char *path;
    struct leat_vector *columns;
    struct leat_arena scratch;
    struct leat_batch batch;
};

static void split_close(struct leat_reader *reader)
{
    struct avro_split *split = (struct avro_split *)reader;
    leat_reader_close(split->rows);
    leat_avro_file_close(split->file);
    leat_input_close(split->input);
    leat_arena_release(&split->scratch);
    leat_arena_release(&split->arena);
    leat_free(split);
}

static enum leat_status split_next(struct leat_reader *reader, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct avro_split *split = (struct avro_split *)reader;
    struct leat_batch *batch;
    *out = NULL;
    LEAT_TRY(split->rows->ops->next(split->rows, &batch, err));
    if (!batch)
        return LEAT_OK;
    leat_arena_reset(&split->scratch);
    for (uint32_t i = 0; i < split->column_count; i++) {
        if (split->from[i] >= 0) {
            split->columns[i] = batch->columns[split->from[i]];
            continue;
        }
        struct leat_value name = {.type = leat_type_get(LEAT_TEXT),
                                  .text = leat_text_of(split->path)};
        LEAT_TRY(
            leat_value_to_vector(&name, batch->length, &split->scratch, &split->columns[i], err));
    }
    split->batch = (struct leat_batch){split->column_count, batch->length, split->columns};
    *out = &split->batch;
    return LEAT_OK;
}

static const struct leat_reader_ops split_ops = {split_next, split_close};

static enum leat_status split_columns(struct avro_split *split, const struct avro_source *source,
                                      const struct leat_scan *scan, struct leat_error *err)
{
    split->column_count = scan->column_count;
    split->from = LEAT_NEW_ARRAY(&split->arena, int32_t, scan->column_count);
    split->columns = LEAT_NEW_ARRAY(&split->arena, struct leat_vector, scan->column_count);
    split->wanted.fields = LEAT_NEW_ARRAY(&split->arena, struct leat_field, scan->column_count);
    if (!split->from || !split->columns || !split->wanted.fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < scan->column_count; i++) {
        uint32_t column = scan->columns[i];
        if (source->files.filename && column == source->base.schema.count - 1) {
            split->from[i] = -1;
            continue;
        }
        split->from[i] = (int32_t)split->wanted.count;
        split->wanted.fields[split->wanted.count++] = source->base.schema.fields[column];
    }
    return LEAT_OK;
}

static enum leat_status source_open_split(struct leat_source *base, const struct leat_scan *scan,
                                          struct leat_text bytes,
                                          const struct leat_read_context *context,
                                          struct leat_reader **out, struct leat_error *err)
{
    struct avro_source *source = (struct avro_source *)base;
    struct leat_cursor cursor = {(const uint8_t *)bytes.data, bytes.length, 0};
    uint32_t index;
    uint64_t start, end;
    *out = NULL;
    LEAT_TRY(leat_cursor_get_u32(&cursor, &index, err));
    LEAT_TRY(leat_cursor_get_u64(&cursor, &start, err));
    LEAT_TRY(leat_cursor_get_u64(&cursor, &end, err));
    if (index >= source->files.count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a split names no file of its source");
    struct avro_split *split = leat_calloc(1, sizeof(*split));
    if (!split)
        return leat_error_memory(err);
    struct leat_accountant *accountant = context ? context->accountant : NULL;
    split->base.ops = &split_ops;
    split->path = source->files.items[index].path;
    leat_arena_init(&split->arena, accountant);
    leat_arena_init(&split->scratch, accountant);
    enum leat_status status = split_columns(split, source, scan, err);
    if (!status)
        status = leat_source_file_open(&source->files.items[index], &split->input, err);
    if (!status)
        status = leat_avro_file_open(split->input, accountant, &split->file, err);
    if (!status)
        status = leat_avro_rows_open(split->file, &split->wanted, LEAT_AVRO_BY_NAME, start, end,
                                     context, &split->rows, err);
    if (status)
        split_close(&split->base);
    else
        *out = &split->base;
    return status;
}

static enum leat_status source_splits(struct leat_source *base, const struct leat_scan *scan,
                                      unsigned wanted, struct leat_bytes_list *out,
                                      struct leat_error *err)
{
    struct avro_source *source = (struct avro_source *)base;
    struct leat_buffer bytes;
    enum leat_status status = LEAT_OK;
    (void)scan;
    (void)wanted;
    leat_buffer_init(&bytes, 0);
    for (uint32_t i = 0; !status && i < source->files.count; i++) {
        uint64_t size = source->files.items[i].size;
        uint64_t parts = size / SPLIT_BYTES + 1;
        for (uint64_t part = 0; !status && part < parts; part++) {
            bytes.length = 0;
            status = leat_buffer_put_u32(&bytes, i, err);
            if (!status)
                status = leat_buffer_put_u64(&bytes, part * SPLIT_BYTES, err);
            if (!status)
                status = leat_buffer_put_u64(
                    &bytes, part + 1 == parts ? UINT64_MAX : (part + 1) * SPLIT_BYTES, err);
            if (!status)
                status = leat_bytes_list_append(out, bytes.data, bytes.length, err);
        }
    }
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status source_put(struct leat_source *base, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct avro_source *source = (struct avro_source *)base;
    LEAT_TRY(leat_source_files_put(&source->files, out, err));
    return leat_schema_put(&base->schema, out, err);
}

static void source_close(struct leat_source *base)
{
    struct avro_source *source = (struct avro_source *)base;
    leat_arena_release(&source->arena);
    leat_free(source);
}

static const struct leat_source_ops source_ops = {"avro", source_splits, source_open_split,
                                                  source_put, source_close};

static struct avro_source *source_new(void)
{
    struct avro_source *source = leat_calloc(1, sizeof(*source));
    if (source) {
        leat_arena_init(&source->arena, NULL);
        source->base.ops = &source_ops;
        source->base.row_estimate = UINT64_MAX;
        source->base.name = "avro";
    }
    return source;
}

static void estimate(struct avro_source *source)
{
    source->base.byte_estimate = 0;
    for (uint32_t i = 0; i < source->files.count; i++)
        source->base.byte_estimate += source->files.items[i].size;
    if (source->files.count)
        source->base.name = source->files.items[0].path;
}

static enum leat_status merge_file(struct avro_source *source, uint32_t i, struct leat_error *err)
{
    struct leat_source_file *item = &source->files.items[i];
    struct leat_input *input = NULL;
    struct leat_avro_file *file = NULL;
    LEAT_TRY(leat_file_open_input(item->path, &input, err));
    item->size = input->size;
    item->modified = input->modified;
    enum leat_status status = leat_avro_file_open(input, NULL, &file, err);
    if (!status)
        status = leat_source_files_merge(&source->files, i, leat_avro_file_schema(file),
                                         &source->arena, &source->base.schema, err);
    leat_avro_file_close(file);
    leat_input_close(input);
    return status;
}

static const struct leat_option read_options[] = {
    {"filename", LEAT_BOOLEAN, "false", "add a column filename"},
    {"union_by_name", LEAT_BOOLEAN, "false", "take the columns of all files, by name"},
    {"on_error", LEAT_TEXT, "quarantine", "what to do with rows that cannot be read"},
    {NULL, LEAT_NULL, NULL, NULL}};
static const struct leat_option write_options[] = {
    {"compression", LEAT_TEXT, "zstd", "none, deflate, snappy or zstd"},
    {"compression_level", LEAT_INT64, NULL, "the codec's own scale"},
    {NULL, LEAT_NULL, NULL, NULL}};

static enum leat_status format_open(const struct leat_file_info *files, size_t file_count,
                                    const struct leat_option_value *options, size_t option_count,
                                    struct leat_source **out, struct leat_error *err)
{
    *out = NULL;
    LEAT_TRY(leat_options_check("read_avro", read_options, options, option_count, err));
    struct avro_source *source = source_new();
    if (!source)
        return leat_error_memory(err);
    enum leat_status status = leat_source_files_init(&source->files, files, file_count, options,
                                                     option_count, &source->arena, err);
    for (uint32_t i = 0; !status && i < source->files.count; i++)
        status = merge_file(source, i, err);
    if (!status)
        status =
            leat_source_files_complete(&source->files, &source->arena, &source->base.schema, err);
    if (status) {
        source_close(&source->base);
        return status;
    }
    estimate(source);
    *out = &source->base;
    return LEAT_OK;
}

static enum leat_status format_read(struct leat_cursor *cursor, struct leat_source **out,
                                    struct leat_error *err)
{
    *out = NULL;
    struct avro_source *source = source_new();
    if (!source)
        return leat_error_memory(err);
    enum leat_status status = leat_source_files_read(cursor, &source->arena, &source->files, err);
    if (!status)
        status = leat_schema_read(cursor, &source->arena, &source->base.schema, err);
    if (status) {
        source_close(&source->base);
        return status;
    }
    estimate(source);
    *out = &source->base;
    return LEAT_OK;
}

static bool format_recognise(const uint8_t *bytes, size_t length)
{
    return length >= sizeof(avro_magic) && memcmp(bytes, avro_magic, sizeof(avro_magic)) == 0;
}

/* --- COPY TO --- */

struct copy {
    struct leat_writer base;
    struct leat_arena arena;
    struct leat_schema schema;
    struct leat_avro_writer *writer;
};

static void copy_free(struct copy *copy)
{
    leat_arena_release(&copy->arena);
    leat_free(copy);
}

static enum leat_status copy_write(struct leat_writer *writer, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    return leat_avro_writer_write(((struct copy *)writer)->writer, batch, err);
}

static enum leat_status copy_finish(struct leat_writer *writer, struct leat_buffer *receipt,
                                    struct leat_error *err)
{
    struct copy *copy = (struct copy *)writer;
    uint64_t rows = 0, bytes = 0;
    enum leat_status status = leat_avro_writer_finish(copy->writer, &rows, &bytes, err);
    if (!status)
        status = leat_buffer_put_u64(receipt, rows, err);
    if (!status)
        status = leat_buffer_put_u64(receipt, bytes, err);
    copy_free(copy);
    return status;
}

static void copy_abort(struct leat_writer *writer)
{
    struct copy *copy = (struct copy *)writer;
    leat_avro_writer_abort(copy->writer);
    copy_free(copy);
}

static const struct leat_writer_ops copy_ops = {copy_write, copy_finish, copy_abort};

static enum leat_status read_codec(const struct leat_option_value *options, size_t option_count,
                                   struct leat_avro_write_options *out, struct leat_error *err)
{
    static const char *const names[] = {"none", "deflate", "snappy", "zstd", NULL};
    static const enum leat_codec_kind kinds[] = {LEAT_CODEC_NONE, LEAT_CODEC_DEFLATE,
                                                 LEAT_CODEC_SNAPPY, LEAT_CODEC_ZSTD};
    const struct leat_value *name = leat_option_find(options, option_count, "compression");
    const struct leat_value *level = leat_option_find(options, option_count, "compression_level");
    *out = (struct leat_avro_write_options){.codec = LEAT_CODEC_ZSTD};
    if (level && !level->is_null)
        out->level = (int)level->integer;
    if (!name || name->is_null)
        return LEAT_OK;
    for (size_t i = 0; names[i]; i++) {
        if (leat_text_equal_nocase(name->text, leat_text_of(names[i]))) {
            out->codec = kinds[i];
            return LEAT_OK;
        }
    }
    return leat_error_set(err, LEAT_E_UNSUPPORTED,
                          "compression %.*s is unknown: it can be none, deflate, snappy or zstd",
                          (int)(name->text.length < 40 ? name->text.length : 40), name->text.data);
}

static enum leat_status format_create(struct leat_output *output, const struct leat_schema *schema,
                                      const struct leat_option_value *options, size_t option_count,
                                      struct leat_writer **out, struct leat_error *err)
{
    struct leat_avro_write_options write;
    struct copy *copy = leat_calloc(1, sizeof(*copy));
    enum leat_status status;

    *out = NULL;
    if (!copy) {
        leat_output_abort(output);
        return leat_error_memory(err);
    }
    copy->base.ops = &copy_ops;
    leat_arena_init(&copy->arena, NULL);
    status = leat_options_check("avro", write_options, options, option_count, err);
    if (!status)
        status = read_codec(options, option_count, &write, err);
    if (!status)
        status = leat_schema_copy(schema, &copy->arena, &copy->schema, err);
    if (!status)
        status = leat_avro_writer_open(output, &copy->schema, &write, &copy->writer, err);
    if (status) {
        leat_output_abort(output);
        copy_free(copy);
        return status;
    }
    *out = &copy->base;
    return LEAT_OK;
}

static const char *const extensions[] = {".avro", NULL};

const struct leat_format leat_avro_format = {
    .name = "avro",
    .extensions = extensions,
    .read_options = read_options,
    .write_options = write_options,
    .recognise = format_recognise,
    .open = format_open,
    .read = format_read,
    .create = format_create,
};
