/*
 * The descriptor of the format, its options, and the source: files, schema and settings. Columns
 * are always matched by name; those of all sampled files make the schema.
 */
#include "formats/json/json_internal.h"
#include "formats/option_values.h"
#include <stdio.h>

#define SAMPLED_FILES 8u
#define LEAST_SPLIT   ((uint64_t)4 << 20)

struct json_source {
    struct leat_source base;
    struct leat_arena arena;
    struct leat_source_files files;
    struct json_settings settings;
};

static const struct leat_option json_read_options[] = {
    {"format", LEAT_TEXT, "auto", "'ndjson' (a record a line), 'array', 'unstructured' or 'auto'"},
    {"records", LEAT_TEXT, "auto", "'true': objects become columns; 'false': one column json"},
    {"types", LEAT_MAP, NULL, "types of some columns: {'name': 'type'}"},
    {"columns", LEAT_MAP, NULL, "names and types of all columns: nothing is detected"},
    {"nulls", LEAT_LIST, "[]", "strings that mean null, in columns of every type"},
    {"dateformat", LEAT_TEXT, "%Y-%m-%d", "pattern of dates"},
    {"timestampformat", LEAT_TEXT, NULL, "pattern of timestamps"},
    {"encoding", LEAT_TEXT, "utf-8", "'utf-8', 'latin-1' or 'windows-1252'"},
    {"compression", LEAT_TEXT, "auto", "'auto', 'none', 'gzip' or 'zstd'"},
    {"on_error", LEAT_TEXT, "quarantine",
     "records that cannot be read: 'fail', 'quarantine' or 'null'"},
    {"filename", LEAT_BOOLEAN, "false", "adds a column with the file's path"},
    {"origin", LEAT_BOOLEAN, "false", "keeps each row's file and offset beside it, for quarantine"},
    {"union_by_name", LEAT_BOOLEAN, "false", "look at every file for columns, not only at some"},
    {"sample_rows", LEAT_INT64, "20480", "records from which columns and types are detected"},
    {"maximum_depth", LEAT_INT64, "128", "levels of nesting allowed"},
    {"max_row_size", LEAT_INT64, "134217728", "longest record allowed, in bytes"},
    {"split_size", LEAT_INT64, NULL, "bytes of a file read by one task"},
    {NULL, LEAT_NULL, NULL, NULL}};

static enum leat_status pattern_option(const struct leat_option_set *set, const char *name,
                                       struct leat_arena *arena, const char **out,
                                       struct leat_error *err)
{
    struct leat_text text = {NULL, 0};
    char bad;

    LEAT_TRY(leat_option_text(set, name, arena, &text, err));
    if (!text.data || text.length == 0)
        return LEAT_OK;
    if (!leat_time_format_check(text.data, &bad))
        return leat_option_refuse(set, name, text, "directives such as %Y-%m-%d %H:%M:%S", err);
    *out = text.data;
    return LEAT_OK;
}

/* The index of the option's text among the names; `fallback` if it was not given. */
static enum leat_status choice_option(const struct leat_option_set *set, const char *name,
                                      const char *const *names, const char *allowed, int fallback,
                                      struct leat_arena *arena, int *out, struct leat_error *err)
{
    struct leat_text text = {NULL, 0};

    *out = fallback;
    LEAT_TRY(leat_option_text(set, name, arena, &text, err));
    if (!text.data)
        return LEAT_OK;
    for (int i = 0; names[i]; i++)
        if (leat_text_equal_nocase(text, leat_text_of(names[i]))) {
            *out = i;
            return LEAT_OK;
        }
    return leat_option_refuse(set, name, text, allowed, err);
}

static enum leat_status read_options(const struct leat_option_set *set, struct json_source *s,
                                     int *records, uint64_t *sample_rows, struct leat_error *err)
{
    static const char *const layouts[] = {"auto", "ndjson", "unstructured", "array", NULL};
    static const char *const errors[] = {"default", "fail", "quarantine", "null", NULL};
    static const char *const choices[] = {"auto", "true", "false", NULL};
    struct json_settings *t = &s->settings;
    struct leat_text text = {NULL, 0};
    int choice;

    t->depth = JSON_DEFAULT_DEPTH;
    t->max_row = (uint64_t)128 << 20;
    LEAT_TRY(choice_option(set, "format", layouts, "'auto', 'ndjson', 'array' or 'unstructured'", 0,
                           &s->arena, &choice, err));
    t->layout = (enum json_layout)choice;
    LEAT_TRY(choice_option(set, "on_error", errors, "'fail', 'quarantine' or 'null'", 0, &s->arena,
                           &choice, err));
    t->on_error = (enum json_on_error)choice;
    LEAT_TRY(choice_option(set, "records", choices, "'auto', 'true' or 'false'", 0, &s->arena,
                           records, err));
    LEAT_TRY(leat_option_list(set, "nulls", &s->arena, &t->nulls, &t->null_count, err));
    LEAT_TRY(pattern_option(set, "dateformat", &s->arena, &t->date_format, err));
    LEAT_TRY(pattern_option(set, "timestampformat", &s->arena, &t->timestamp_format, err));
    LEAT_TRY(leat_option_text(set, "encoding", &s->arena, &text, err));
    if (text.data && !leat_text_encoding_parse(text, &t->encoding))
        return leat_option_refuse(set, "encoding", text, "'utf-8', 'latin-1' or 'windows-1252'",
                                  err);
    text.data = NULL;
    LEAT_TRY(leat_option_text(set, "compression", &s->arena, &text, err));
    if (text.data && !leat_text_compression_parse(text, &t->compression))
        return leat_option_refuse(set, "compression", text, "'auto', 'none', 'gzip' or 'zstd'",
                                  err);
    leat_option_boolean(set, "filename", &s->files.filename);
    leat_option_boolean(set, "origin", &s->files.origin);
    leat_option_boolean(set, "union_by_name", &s->files.union_by_name);
    LEAT_TRY(leat_option_number(set, "sample_rows", 1, INT32_MAX, sample_rows, err));
    LEAT_TRY(leat_option_number(set, "maximum_depth", 1, JSON_MAX_DEPTH, &t->depth, err));
    LEAT_TRY(leat_option_number(set, "max_row_size", 1024, (int64_t)1 << 31, &t->max_row, err));
    return leat_option_number(set, "split_size", 1, INT64_MAX, &t->split_size, err);
}

/* --- opening --- */

static enum leat_status single_column(struct json_source *s, const struct leat_type *type,
                                      struct leat_error *err)
{
    s->settings.single = true;
    s->base.schema.fields = LEAT_NEW_ARRAY(&s->arena, struct leat_field, 1);
    if (!s->base.schema.fields || !type)
        return leat_error_memory(err);
    s->base.schema.fields[0].name = "json";
    s->base.schema.fields[0].type = type;
    s->base.schema.count = 1;
    return LEAT_OK;
}

static enum leat_status detect_schema(struct json_source *s, int records, uint64_t sample_rows,
                                      const struct leat_schema *declared, struct leat_error *err)
{
    struct json_shape *shape = json_shape_new(&s->arena);
    uint32_t step = s->files.union_by_name || s->files.count <= SAMPLED_FILES
                        ? 1
                        : (s->files.count + SAMPLED_FILES - 1) / SAMPLED_FILES;
    bool first = true;

    if (!shape)
        return leat_error_memory(err);
    if (declared->count)
        sample_rows = 1; /* only the layout is looked for */
    for (uint32_t i = 0; i < s->files.count; i += first ? 1 : step) {
        if (s->files.items[i].size == 0)
            continue;
        LEAT_TRY(json_sample(&s->files.items[i], &s->settings, sample_rows, shape, &s->arena, err));
        first = false;
        if (declared->count)
            break;
        if (sample_rows > 1024)
            sample_rows = 1024; /* of each further file */
    }
    if (s->settings.layout == JSON_AUTO)
        s->settings.layout = JSON_LINES;
    if (declared->count) {
        s->base.schema = *declared;
        return LEAT_OK;
    }
    if (records == 2)
        return single_column(s, leat_type_get(LEAT_JSON), err);
    if (records == 0 && !json_shape_is_object(shape) && json_shape_type(shape, &s->arena) &&
        json_shape_type(shape, &s->arena)->id != LEAT_TEXT)
        return single_column(s, json_shape_type(shape, &s->arena), err);
    LEAT_TRY(json_shape_schema(shape, &s->arena, &s->base.schema, err));
    if (s->base.schema.count == 0) {
        enum leat_status status = leat_error_set(
            err, LEAT_E_JSON_EMPTY, "%s holds no records with keys", s->files.items[0].path);
        leat_error_hint(err, "columns => {'name': 'type'} names the columns; format => 'ndjson' or "
                             "'array' says how records are laid out");
        return status;
    }
    return LEAT_OK;
}

static const struct leat_source_ops source_ops;

static struct json_source *source_new(void)
{
    struct json_source *s = leat_calloc(1, sizeof(*s));

    if (s) {
        s->base.ops = &source_ops;
        s->base.row_estimate = s->base.byte_estimate = UINT64_MAX;
        leat_arena_init(&s->arena, NULL);
    }
    return s;
}

static void source_close(struct leat_source *base)
{
    struct json_source *s = (struct json_source *)base;

    leat_arena_release(&s->arena);
    leat_free(s);
}

static void estimate(struct json_source *s)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < s->files.count; i++)
        bytes += s->files.items[i].size;
    s->base.byte_estimate = bytes;
    s->base.row_estimate = bytes / (24 * (uint64_t)(s->base.schema.count + 1));
}

static enum leat_status prepare(struct json_source *s, const struct leat_file_info *files,
                                size_t file_count, const struct leat_option_value *options,
                                size_t option_count, struct leat_error *err)
{
    struct leat_option_set set = {"read_json", options, option_count};
    struct leat_schema types = {0, NULL}, declared = {0, NULL};
    uint64_t sample_rows = 20480;
    int records = 0;

    LEAT_TRY(leat_options_check("read_json", json_read_options, options, option_count, err));
    LEAT_TRY(leat_source_files_init(&s->files, files, file_count, NULL, 0, &s->arena, err));
    LEAT_TRY(read_options(&set, s, &records, &sample_rows, err));
    LEAT_TRY(leat_option_fields(&set, "types", &s->arena, &types, err));
    LEAT_TRY(leat_option_fields(&set, "columns", &s->arena, &declared, err));
    LEAT_TRY(detect_schema(s, records, sample_rows, &declared, err));
    LEAT_TRY(leat_schema_override(&s->base.schema, &types, s->files.items[0].path, err));
    LEAT_TRY(leat_source_files_complete(&s->files, &s->arena, &s->base.schema, err));
    s->base.has_origin = s->files.origin;
    s->base.name = leat_arena_printf(&s->arena, "read_json(%s%s)", s->files.items[0].path,
                                     s->files.count > 1 ? ", ..." : "");
    if (!s->base.name)
        return leat_error_memory(err);
    estimate(s);
    return LEAT_OK;
}

static enum leat_status json_open(const struct leat_file_info *files, size_t file_count,
                                  const struct leat_option_value *options, size_t option_count,
                                  struct leat_source **out, struct leat_error *err)
{
    struct json_source *s = source_new();
    enum leat_status status;

    *out = NULL;
    if (!s)
        return leat_error_memory(err);
    status = prepare(s, files, file_count, options, option_count, err);
    if (status)
        source_close(&s->base);
    else
        *out = &s->base;
    return status;
}

/* --- splits and readers --- */

static enum leat_status append_split(uint32_t file, uint64_t start, uint64_t end,
                                     struct leat_bytes_list *out, struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status;

    leat_buffer_init(&bytes, 0);
    status = leat_buffer_put_u32(&bytes, file, err);
    if (!status)
        status = leat_buffer_put_u64(&bytes, start, err);
    if (!status)
        status = leat_buffer_put_u64(&bytes, end, err);
    if (!status)
        status = leat_bytes_list_append(out, bytes.data, bytes.length, err);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status split_file(struct json_source *s, uint32_t i, unsigned wanted,
                                   struct leat_bytes_list *out, struct leat_error *err)
{
    uint64_t size = s->files.items[i].size, step = s->settings.split_size;
    struct leat_text_stream stream;
    bool plain;

    if (!step) {
        step = wanted > 1 ? size / ((uint64_t)wanted * 4) + 1 : UINT64_MAX;
        step = step < LEAST_SPLIT ? LEAST_SPLIT : step;
    }
    if (s->settings.layout != JSON_LINES || step >= size)
        return append_split(i, 0, UINT64_MAX, out, err);
    LEAT_TRY(leat_text_stream_open(&stream, &s->files.items[i], s->settings.compression,
                                   s->settings.encoding, NULL, err));
    plain = leat_text_stream_is_plain(&stream);
    leat_text_stream_close(&stream);
    if (!plain)
        return append_split(i, 0, UINT64_MAX, out, err);
    for (uint64_t start = 0; start < size; start += step)
        LEAT_TRY(
            append_split(i, start, size - start <= step ? UINT64_MAX : start + step, out, err));
    return LEAT_OK;
}

static enum leat_status source_splits(struct leat_source *base, const struct leat_scan *scan,
                                      unsigned wanted, struct leat_bytes_list *out,
                                      struct leat_error *err)
{
    struct json_source *s = (struct json_source *)base;

    (void)scan;
    for (uint32_t i = 0; i < s->files.count; i++)
        if (s->files.items[i].size)
            LEAT_TRY(split_file(s, i, wanted, out, err));
    return LEAT_OK;
}

static enum leat_status source_open(struct leat_source *base, const struct leat_scan *scan,
                                    struct leat_text split, const struct leat_read_context *context,
                                    struct leat_reader **out, struct leat_error *err)
{
    struct json_source *s = (struct json_source *)base;
    struct leat_cursor cursor = {(const uint8_t *)split.data, split.length, 0};
    uint64_t start, end;
    uint32_t file;

    *out = NULL;
    LEAT_TRY(leat_cursor_get_u32(&cursor, &file, err));
    LEAT_TRY(leat_cursor_get_u64(&cursor, &start, err));
    LEAT_TRY(leat_cursor_get_u64(&cursor, &end, err));
    if (file >= s->files.count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a split names no file of its source");
    for (uint32_t i = 0; i < scan->column_count; i++)
        if (scan->columns[i] >= base->schema.count)
            return leat_error_internal(err, "a scan names column %u of %u", scan->columns[i],
                                       base->schema.count);
    return json_reader_open(&base->schema, &s->settings, &s->files, scan, file, start, end, context,
                            out, err);
}

/* --- bytes --- */

static enum leat_status source_put(struct leat_source *base, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct json_source *s = (struct json_source *)base;
    const struct json_settings *t = &s->settings;

    LEAT_TRY(leat_source_files_put(&s->files, out, err));
    LEAT_TRY(leat_schema_put(&base->schema, out, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->layout, err));
    LEAT_TRY(leat_buffer_put_u8(out, t->single, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->compression, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->encoding, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->on_error, err));
    LEAT_TRY(leat_buffer_put_string(out, t->date_format ? t->date_format : "", err));
    LEAT_TRY(leat_buffer_put_string(out, t->timestamp_format ? t->timestamp_format : "", err));
    LEAT_TRY(leat_buffer_put_u32(out, t->null_count, err));
    for (uint32_t i = 0; i < t->null_count; i++)
        LEAT_TRY(leat_buffer_put_bytes(out, t->nulls[i].data, t->nulls[i].length, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->depth, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->max_row, err));
    return leat_buffer_put_u64(out, t->split_size, err);
}

static enum leat_status get_pattern(struct leat_cursor *cursor, struct leat_arena *arena,
                                    const char **out, struct leat_error *err)
{
    char bad;

    LEAT_TRY(leat_cursor_get_string(cursor, arena, out, err));
    if (!leat_time_format_check(*out, &bad))
        return leat_error_set(err, LEAT_E_MESSAGE, "a JSON source has a bad time format");
    if (!**out)
        *out = NULL;
    return LEAT_OK;
}

static enum leat_status get_nulls(struct leat_cursor *cursor, struct json_source *s,
                                  struct leat_error *err)
{
    struct json_settings *t = &s->settings;

    LEAT_TRY(leat_cursor_get_u32(cursor, &t->null_count, err));
    if (t->null_count > cursor->length / 4)
        return leat_error_set(err, LEAT_E_MESSAGE, "a JSON source has bad settings");
    t->nulls = LEAT_NEW_ARRAY(&s->arena, struct leat_text, t->null_count + 1);
    if (!t->nulls)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < t->null_count; i++) {
        struct leat_text *word = &t->nulls[i];
        LEAT_TRY(leat_cursor_get_bytes(cursor, word, err));
        word->data = leat_arena_copy(&s->arena, word->data, word->length);
        if (!word->data)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

static enum leat_status read_settings(struct json_source *s, struct leat_cursor *cursor,
                                      struct leat_error *err)
{
    struct json_settings *t = &s->settings;
    uint8_t bytes[5];

    for (size_t i = 0; i < sizeof(bytes); i++)
        LEAT_TRY(leat_cursor_get_u8(cursor, &bytes[i], err));
    LEAT_TRY(get_pattern(cursor, &s->arena, &t->date_format, err));
    LEAT_TRY(get_pattern(cursor, &s->arena, &t->timestamp_format, err));
    LEAT_TRY(get_nulls(cursor, s, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->depth, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->max_row, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->split_size, err));
    t->layout = (enum json_layout)bytes[0];
    t->single = bytes[1] != 0;
    t->compression = (enum leat_text_compression)bytes[2];
    t->encoding = (enum leat_text_encoding)bytes[3];
    t->on_error = (enum json_on_error)bytes[4];
    if (bytes[0] == JSON_AUTO || bytes[0] > JSON_ARRAY || bytes[2] > LEAT_TEXT_ZSTD ||
        bytes[3] > LEAT_TEXT_WINDOWS1252 || bytes[4] > JSON_ERROR_NULL || t->depth == 0 ||
        t->depth > JSON_MAX_DEPTH || t->max_row > (uint64_t)1 << 31 ||
        s->base.schema.count < leat_source_files_extra(&s->files) + t->single)
        return leat_error_set(err, LEAT_E_MESSAGE, "a JSON source has bad settings");
    return LEAT_OK;
}

static enum leat_status json_read(struct leat_cursor *cursor, struct leat_source **out,
                                  struct leat_error *err)
{
    struct json_source *s = source_new();
    enum leat_status status;

    *out = NULL;
    if (!s)
        return leat_error_memory(err);
    status = leat_source_files_read(cursor, &s->arena, &s->files, err);
    if (!status && s->files.count == 0)
        status = leat_error_set(err, LEAT_E_MESSAGE, "a JSON source has no files");
    if (!status)
        status = leat_schema_read(cursor, &s->arena, &s->base.schema, err);
    if (!status)
        status = read_settings(s, cursor, err);
    if (status) {
        source_close(&s->base);
        return status;
    }
    s->base.name = s->files.items[0].path;
    s->base.has_origin = s->files.origin;
    estimate(s);
    *out = &s->base;
    return LEAT_OK;
}

/* The same source over one other file. */
static enum leat_status copy_over(struct leat_source *like, const struct leat_file_info *file,
                                  struct json_source **out, struct leat_error *err)
{
    struct leat_source *copy = NULL;
    struct leat_buffer bytes;
    enum leat_status status;

    *out = NULL;
    leat_buffer_init(&bytes, 0);
    status = like->ops->put(like, &bytes, err);
    if (status == LEAT_OK) {
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        status = json_read(&cursor, &copy, err);
    }
    leat_buffer_release(&bytes);
    LEAT_TRY(status);
    *out = (struct json_source *)copy;
    (*out)->files.count = 1;
    (*out)->files.items[0].path = leat_arena_strdup(&(*out)->arena, file->path);
    (*out)->files.items[0].size = file->size;
    (*out)->files.items[0].modified = file->modified;
    if ((*out)->files.items[0].path)
        return LEAT_OK;
    source_close(copy);
    return leat_error_memory(err);
}

static enum leat_status json_put_raw(const struct leat_source *like,
                                     const struct leat_file_info *original, struct leat_buffer *out,
                                     struct leat_error *err)
{
    (void)like;
    (void)original;
    (void)out;
    (void)err;
    return LEAT_OK; /* records stand alone */
}

static enum leat_status json_open_raw(struct leat_source *like, const struct leat_file_info *file,
                                      struct leat_source **out, struct leat_error *err)
{
    struct json_source *s;

    *out = NULL;
    LEAT_TRY(copy_over(like, file, &s, err));
    s->settings.layout = JSON_LINES;
    s->settings.encoding = LEAT_TEXT_UTF8;
    s->settings.compression = LEAT_TEXT_PLAIN;
    *out = &s->base;
    return LEAT_OK;
}

static const struct leat_source_ops source_ops = {
    .kind = "json",
    .splits = source_splits,
    .open = source_open,
    .put = source_put,
    .close = source_close,
};

static bool json_recognise(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t')
            continue;
        return bytes[i] == '{' || bytes[i] == '[';
    }
    return false;
}

static const char *const json_extensions[] = {".json",      ".ndjson",   ".jsonl",    ".json.gz",
                                              ".ndjson.gz", ".jsonl.gz", ".json.zst", ".ndjson.zst",
                                              ".jsonl.zst", NULL};

const struct leat_format leat_json_format = {
    .name = "json",
    .extensions = json_extensions,
    .read_options = json_read_options,
    .write_options = json_write_options,
    .recognise = json_recognise,
    .open = json_open,
    .read = json_read,
    .put_raw = json_put_raw,
    .open_raw = json_open_raw,
    .create = json_create,
};
