/*
 * The descriptor of the format, its options, and the source: files, schema and settings. A source
 * is opened by looking at the first rows of some of its files; as bytes it carries what was found,
 * so that no other process looks again.
 */
#include "formats/csv/csv_internal.h"
#include "formats/option_values.h"
#include <stdio.h>

#define SAMPLED_FILES 8u

struct csv_source {
    struct leat_source base;
    struct leat_arena arena;
    struct leat_source_files files;
    struct csv_settings settings;
};

const struct leat_option csv_read_options[] = {
    {"header", LEAT_BOOLEAN, "auto", "the first row holds the names of the columns"},
    {"delimiter", LEAT_TEXT, "auto", "what stands between fields, up to 8 bytes"},
    {"delim", LEAT_TEXT, NULL, "the same as delimiter"},
    {"sep", LEAT_TEXT, NULL, "the same as delimiter"},
    {"quote", LEAT_TEXT, "\"", "character around fields that hold delimiters; '' for none"},
    {"escape", LEAT_TEXT, "\"", "character before a quote inside quotes"},
    {"comment", LEAT_TEXT, NULL, "lines that start with this character are passed over"},
    {"nulls", LEAT_LIST, "['']", "words that mean null, for columns of every type"},
    {"nullstr", LEAT_LIST, NULL, "the same as nulls"},
    {"types", LEAT_MAP, NULL, "types of some columns: {'name': 'type'}"},
    {"columns", LEAT_MAP, NULL, "names and types of all columns: nothing is detected"},
    {"dateformat", LEAT_TEXT, "%Y-%m-%d", "pattern of dates"},
    {"timestampformat", LEAT_TEXT, NULL, "pattern of timestamps"},
    {"encoding", LEAT_TEXT, "utf-8", "'utf-8', 'latin-1' or 'windows-1252'"},
    {"compression", LEAT_TEXT, "auto", "'auto', 'none', 'gzip' or 'zstd'"},
    {"skip", LEAT_INT64, "0", "lines to pass over before the header"},
    {"on_error", LEAT_TEXT, "quarantine",
     "rows that cannot be read: 'fail', 'quarantine' or 'null'"},
    {"null_padding", LEAT_BOOLEAN, "false", "rows with too few fields end in nulls"},
    {"filename", LEAT_BOOLEAN, "false", "adds a column with the file's path"},
    {"origin", LEAT_BOOLEAN, "false", "keeps each row's file and offset beside it, for quarantine"},
    {"union_by_name", LEAT_BOOLEAN, "false", "columns of all files, matched by name"},
    {"sample_rows", LEAT_INT64, "20480", "rows from which types are detected"},
    {"all_text", LEAT_BOOLEAN, "false", "no types are detected"},
    {"max_row_size", LEAT_INT64, "134217728", "longest row allowed, in bytes"},
    {"split_size", LEAT_INT64, NULL, "bytes of a file read by one task"},
    {NULL, LEAT_NULL, NULL, NULL}};

const struct leat_option csv_write_options[] = {
    {"header", LEAT_BOOLEAN, "true", "write the names of the columns first"},
    {"delimiter", LEAT_TEXT, ",", "what stands between fields"},
    {"quote", LEAT_TEXT, "\"", "character around fields that need it"},
    {"null", LEAT_TEXT, "", "word written for null"},
    {"compression", LEAT_TEXT, "auto", "'none', 'gzip', 'zstd', or by the file's name"},
    {NULL, LEAT_NULL, NULL, NULL}};

/* --- options --- */

/* One character, or none for ''. */
static enum leat_status character_option(const struct leat_option_set *set, const char *name,
                                         struct leat_arena *arena, char *out,
                                         struct leat_error *err)
{
    struct leat_text text = {NULL, 0};

    LEAT_TRY(leat_option_text(set, name, arena, &text, err));
    if (!text.data)
        return LEAT_OK;
    if (text.length > 1 ||
        (text.length && (text.data[0] == '\n' || text.data[0] == '\r' || (text.data[0] & 0x80))))
        return leat_option_refuse(set, name, text, "one ASCII character, or ''", err);
    *out = text.length ? text.data[0] : 0;
    return LEAT_OK;
}

static enum leat_status dialect_options(const struct leat_option_set *set, struct leat_arena *arena,
                                        struct csv_settings *settings, struct csv_detect *detect,
                                        struct leat_error *err)
{
    static const char *const names[] = {"delimiter", "delim", "sep"};
    struct csv_dialect *dialect = &settings->dialect;

    *dialect =
        (struct csv_dialect){.delimiter = ",", .delimiter_length = 1, .quote = '"', .escape = '"'};
    detect->delimiter = detect->quote = detect->escape = detect->header = true;
    for (size_t i = 0; i < 3; i++) {
        struct leat_text text = {NULL, 0};
        LEAT_TRY(leat_option_text(set, names[i], arena, &text, err));
        if (!text.data)
            continue;
        if (leat_text_equal(text, leat_text_of("\\t")))
            text = leat_text_of("\t");
        if (text.length == 0 || text.length > CSV_DELIMITER ||
            memchr(text.data, '\n', text.length) || memchr(text.data, '\r', text.length))
            return leat_option_refuse(set, names[i], text, "1 to 8 bytes without line breaks", err);
        memcpy(dialect->delimiter, text.data, text.length);
        dialect->delimiter_length = (uint8_t)text.length;
        detect->delimiter = false;
    }
    if (leat_option_given(set, "quote")) {
        detect->quote = false;
        LEAT_TRY(character_option(set, "quote", arena, &dialect->quote, err));
        dialect->escape = dialect->quote;
    }
    if (leat_option_given(set, "escape")) {
        detect->escape = false;
        LEAT_TRY(character_option(set, "escape", arena, &dialect->escape, err));
    }
    LEAT_TRY(character_option(set, "comment", arena, &dialect->comment, err));
    if (dialect->quote && dialect->quote == dialect->delimiter[0])
        return leat_error_set(err, LEAT_E_OPTION_VALUE,
                              "delimiter and quote of read_csv must not be the same");
    if (leat_option_given(set, "header")) {
        detect->header = false;
        leat_option_boolean(set, "header", &settings->header);
    }
    return LEAT_OK;
}

static enum leat_status format_option(const struct leat_option_set *set, const char *name,
                                      struct leat_arena *arena, const char **out,
                                      struct leat_error *err)
{
    struct leat_text text = {NULL, 0};
    char bad;

    LEAT_TRY(leat_option_text(set, name, arena, &text, err));
    if (!text.data || text.length == 0)
        return LEAT_OK;
    if (!leat_time_format_check(text.data, &bad)) {
        char allowed[96];
        snprintf(allowed, sizeof(allowed), "directives such as %%Y-%%m-%%d %%H:%%M:%%S (not %%%c)",
                 bad);
        return leat_option_refuse(set, name, text, allowed, err);
    }
    *out = text.data;
    return LEAT_OK;
}

static enum leat_status value_options(const struct leat_option_set *set, struct leat_arena *arena,
                                      struct csv_settings *settings, struct leat_error *err)
{
    struct leat_text text = {NULL, 0};

    for (int i = 0; i < 2; i++) {
        const char *name = i ? "nullstr" : "nulls";
        if (!leat_option_given(set, name))
            continue;
        settings->own_nulls = true;
        LEAT_TRY(leat_option_list(set, name, arena, &settings->nulls, &settings->null_count, err));
    }
    LEAT_TRY(format_option(set, "dateformat", arena, &settings->date_format, err));
    LEAT_TRY(format_option(set, "timestampformat", arena, &settings->timestamp_format, err));
    LEAT_TRY(leat_option_text(set, "encoding", arena, &text, err));
    if (text.data && !leat_text_encoding_parse(text, &settings->encoding))
        return leat_option_refuse(set, "encoding", text, "'utf-8', 'latin-1' or 'windows-1252'",
                                  err);
    text.data = NULL;
    LEAT_TRY(leat_option_text(set, "compression", arena, &text, err));
    if (text.data && !leat_text_compression_parse(text, &settings->compression))
        return leat_option_refuse(set, "compression", text, "'auto', 'none', 'gzip' or 'zstd'",
                                  err);
    text.data = NULL;
    LEAT_TRY(leat_option_text(set, "on_error", arena, &text, err));
    if (text.data) {
        static const char *const names[] = {"fail", "quarantine", "null"};
        settings->on_error = CSV_ERROR_DEFAULT;
        for (int i = 0; i < 3; i++)
            if (leat_text_equal_nocase(text, leat_text_of(names[i])))
                settings->on_error = (enum csv_on_error)(CSV_ERROR_FAIL + i);
        if (settings->on_error == CSV_ERROR_DEFAULT)
            return leat_option_refuse(set, "on_error", text, "'fail', 'quarantine' or 'null'", err);
    }
    leat_option_boolean(set, "null_padding", &settings->null_padding);
    LEAT_TRY(leat_option_number(set, "skip", 0, INT32_MAX, &settings->skip, err));
    LEAT_TRY(leat_option_number(set, "split_size", 1, INT64_MAX, &settings->split_size, err));
    settings->max_row = (uint64_t)128 << 20;
    return leat_option_number(set, "max_row_size", 1024, (int64_t)1 << 31, &settings->max_row, err);
}

/* --- opening --- */

/* The first file that holds anything. */
static uint32_t first_with_rows(const struct leat_source_files *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        if (files->items[i].size)
            return i;
    return 0;
}

/* Names and types of a further file join the schema. */
static enum leat_status unite(struct csv_source *s, const struct leat_schema *more,
                              struct leat_error *err)
{
    struct leat_schema *schema = &s->base.schema;
    uint32_t known = schema->count;
    struct leat_field *fields =
        LEAT_NEW_ARRAY(&s->arena, struct leat_field, known + more->count + 1);

    if (!fields)
        return leat_error_memory(err);
    memcpy(fields, schema->fields, known * sizeof(*fields));
    for (uint32_t i = 0; i < more->count; i++) {
        int at = s->settings.header ? leat_schema_find(schema, leat_text_of(more->fields[i].name))
                                    : (int)(i < schema->count ? i : UINT32_MAX);
        if (at < 0) {
            if (s->files.union_by_name)
                fields[known++] = more->fields[i];
            continue;
        }
        if (!leat_type_equal(fields[at].type, more->fields[i].type)) {
            const struct leat_type *both = NULL;
            if (fields[at].type->id != LEAT_TEXT && more->fields[i].type->id != LEAT_TEXT)
                both = leat_type_unify(&s->arena, fields[at].type, more->fields[i].type);
            fields[at].type = both ? both : leat_type_get(LEAT_TEXT);
        }
    }
    *schema = (struct leat_schema){known, fields};
    return LEAT_OK;
}

static enum leat_status detect_schema(struct csv_source *s, struct csv_detect *detect,
                                      struct leat_error *err)
{
    uint32_t first = first_with_rows(&s->files);
    uint32_t step =
        s->files.union_by_name ? 1 : (s->files.count + SAMPLED_FILES - 1) / SAMPLED_FILES;

    LEAT_TRY(csv_detect_dialect(&s->files.items[first], detect, &s->settings, err));
    LEAT_TRY(csv_infer_schema(&s->files.items[first], detect, true, &s->settings, &s->arena,
                              &s->base.schema, err));
    if (s->base.schema.count == 0) {
        enum leat_status status =
            leat_error_set(err, LEAT_E_CSV_EMPTY, "%s is empty: its columns are not known",
                           s->files.items[first].path);
        leat_error_hint(err, "columns => {'name': 'type'} names them");
        return status;
    }
    if (detect->sample_rows > 1024)
        detect->sample_rows = 1024; /* of each further file */
    for (uint32_t i = first + step; i < s->files.count; i += step) {
        struct csv_settings settings = s->settings;
        struct leat_schema more;
        LEAT_TRY(
            csv_infer_schema(&s->files.items[i], detect, false, &settings, &s->arena, &more, err));
        LEAT_TRY(unite(s, &more, err));
    }
    return LEAT_OK;
}

/* Declared columns: only the dialect and the header are looked for. */
static enum leat_status declare_schema(struct csv_source *s, const struct leat_schema *declared,
                                       struct csv_detect *detect, struct leat_error *err)
{
    uint32_t first = first_with_rows(&s->files);
    struct leat_schema found;

    s->base.schema = *declared;
    if (s->files.items[first].size == 0) {
        s->settings.file_columns = declared->count;
        return LEAT_OK;
    }
    LEAT_TRY(csv_detect_dialect(&s->files.items[first], detect, &s->settings, err));
    if (detect->sample_rows > 1024)
        detect->sample_rows = 1024;
    LEAT_TRY(csv_infer_schema(&s->files.items[first], detect, true, &s->settings, &s->arena, &found,
                              err));
    s->settings.drop_last =
        s->settings.file_columns == declared->count + 1 && s->settings.drop_last;
    s->settings.file_columns = declared->count + s->settings.drop_last;
    if (s->settings.header && found.count == declared->count) {
        /* The file's own names decide the order, if they are those that were declared. */
        struct leat_field *ordered = LEAT_NEW_ARRAY(&s->arena, struct leat_field, found.count);
        if (!ordered)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < found.count; i++) {
            int at = leat_schema_find(declared, leat_text_of(found.fields[i].name));
            if (at < 0)
                return LEAT_OK;
            ordered[i] = declared->fields[at];
        }
        s->base.schema.fields = ordered;
    }
    return LEAT_OK;
}

static enum leat_status check_types(const struct leat_schema *schema, struct leat_error *err)
{
    for (uint32_t i = 0; i < schema->count; i++)
        if (leat_type_is_nested(schema->fields[i].type) || schema->fields[i].type->id == LEAT_NULL)
            return leat_error_set(err, LEAT_E_UNSUPPORTED,
                                  "read_csv: column \"%s\" cannot be a list, struct or map",
                                  schema->fields[i].name);
    return LEAT_OK;
}

static void estimate(struct csv_source *s)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < s->files.count; i++) {
        struct leat_text path = leat_text_of(s->files.items[i].path);
        bool packed = (path.length > 3 && memcmp(path.data + path.length - 3, ".gz", 3) == 0) ||
                      (path.length > 4 && memcmp(path.data + path.length - 4, ".zst", 4) == 0);
        bytes += packed ? s->files.items[i].size * 4 : s->files.items[i].size;
    }
    s->base.byte_estimate = bytes;
    s->base.row_estimate = s->settings.row_bytes ? bytes / s->settings.row_bytes : UINT64_MAX;
}

static const struct leat_source_ops source_ops;

static struct csv_source *source_new(void)
{
    struct csv_source *s = leat_calloc(1, sizeof(*s));

    if (s) {
        s->base.ops = &source_ops;
        leat_arena_init(&s->arena, NULL);
    }
    return s;
}

static void source_close(struct leat_source *base)
{
    struct csv_source *s = (struct csv_source *)base;

    leat_arena_release(&s->arena);
    leat_free(s);
}

static enum leat_status prepare(struct csv_source *s, const struct leat_file_info *files,
                                size_t file_count, const struct leat_option_value *options,
                                size_t option_count, struct leat_error *err)
{
    struct leat_option_set set = {"read_csv", options, option_count};
    struct csv_detect detect = {.sample_rows = 20480};
    struct leat_schema types = {0, NULL}, declared = {0, NULL};

    LEAT_TRY(leat_options_check("read_csv", csv_read_options, options, option_count, err));
    LEAT_TRY(leat_source_files_init(&s->files, files, file_count, NULL, 0, &s->arena, err));
    leat_option_boolean(&set, "filename", &s->files.filename);
    leat_option_boolean(&set, "origin", &s->files.origin);
    leat_option_boolean(&set, "union_by_name", &s->files.union_by_name);
    LEAT_TRY(dialect_options(&set, &s->arena, &s->settings, &detect, err));
    LEAT_TRY(value_options(&set, &s->arena, &s->settings, err));
    leat_option_boolean(&set, "all_text", &detect.all_text);
    LEAT_TRY(leat_option_number(&set, "sample_rows", 1, INT32_MAX, &detect.sample_rows, err));
    LEAT_TRY(leat_option_fields(&set, "types", &s->arena, &types, err));
    LEAT_TRY(leat_option_fields(&set, "columns", &s->arena, &declared, err));
    if (declared.count)
        LEAT_TRY(declare_schema(s, &declared, &detect, err));
    else
        LEAT_TRY(detect_schema(s, &detect, err));
    LEAT_TRY(leat_schema_override(&s->base.schema, &types, s->files.items[0].path, err));
    LEAT_TRY(check_types(&s->base.schema, err));
    LEAT_TRY(leat_source_files_complete(&s->files, &s->arena, &s->base.schema, err));
    s->base.has_origin = s->files.origin;
    s->base.name = leat_arena_printf(&s->arena, "read_csv(%s%s)", s->files.items[0].path,
                                     s->files.count > 1 ? ", ..." : "");
    if (!s->base.name)
        return leat_error_memory(err);
    estimate(s);
    return LEAT_OK;
}

static enum leat_status csv_open(const struct leat_file_info *files, size_t file_count,
                                 const struct leat_option_value *options, size_t option_count,
                                 struct leat_source **out, struct leat_error *err)
{
    struct csv_source *s = source_new();
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

static enum leat_status source_splits(struct leat_source *base, const struct leat_scan *scan,
                                      unsigned wanted, struct leat_bytes_list *out,
                                      struct leat_error *err)
{
    struct csv_source *s = (struct csv_source *)base;

    (void)scan;
    for (uint32_t i = 0; i < s->files.count; i++)
        if (s->files.items[i].size)
            LEAT_TRY(csv_plan_splits(&s->settings, &s->files, i, wanted, out, err));
    return LEAT_OK;
}

static enum leat_status source_open(struct leat_source *base, const struct leat_scan *scan,
                                    struct leat_text split, const struct leat_read_context *context,
                                    struct leat_reader **out, struct leat_error *err)
{
    struct csv_source *s = (struct csv_source *)base;
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
    return csv_reader_open(base, &s->settings, &s->files, scan, file, start, end, context, out,
                           err);
}

/* --- bytes --- */

static enum leat_status put_format(struct leat_buffer *out, const char *format,
                                   struct leat_error *err)
{
    return leat_buffer_put_string(out, format ? format : "", err);
}

static enum leat_status source_put(struct leat_source *base, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct csv_source *s = (struct csv_source *)base;
    const struct csv_settings *t = &s->settings;

    LEAT_TRY(leat_source_files_put(&s->files, out, err));
    LEAT_TRY(leat_schema_put(&base->schema, out, err));
    LEAT_TRY(leat_buffer_put_bytes(out, t->dialect.delimiter, t->dialect.delimiter_length, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->dialect.quote, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->dialect.escape, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->dialect.comment, err));
    LEAT_TRY(leat_buffer_put_u8(out, t->header, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->compression, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->encoding, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)t->on_error, err));
    LEAT_TRY(leat_buffer_put_u8(out, t->null_padding, err));
    LEAT_TRY(leat_buffer_put_u8(out, t->own_nulls, err));
    LEAT_TRY(leat_buffer_put_u8(out, t->drop_last, err));
    LEAT_TRY(leat_buffer_put_u32(out, t->null_count, err));
    for (uint32_t i = 0; i < t->null_count; i++)
        LEAT_TRY(leat_buffer_put_bytes(out, t->nulls[i].data, t->nulls[i].length, err));
    LEAT_TRY(put_format(out, t->date_format, err));
    LEAT_TRY(put_format(out, t->timestamp_format, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->skip, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->max_row, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->split_size, err));
    LEAT_TRY(leat_buffer_put_u64(out, t->row_bytes, err));
    return leat_buffer_put_u32(out, t->file_columns, err);
}

static enum leat_status get_format(struct leat_cursor *cursor, struct leat_arena *arena,
                                   const char **out, struct leat_error *err)
{
    char bad;

    LEAT_TRY(leat_cursor_get_string(cursor, arena, out, err));
    if (!leat_time_format_check(*out, &bad))
        return leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has a bad time format");
    if (!**out)
        *out = NULL;
    return LEAT_OK;
}

static enum leat_status read_settings(struct csv_source *s, struct leat_cursor *cursor,
                                      struct leat_error *err)
{
    struct csv_settings *t = &s->settings;
    struct leat_text delimiter;
    uint8_t bytes[10];

    LEAT_TRY(leat_cursor_get_bytes(cursor, &delimiter, err));
    if (delimiter.length == 0 || delimiter.length > CSV_DELIMITER)
        return leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has a bad delimiter");
    memcpy(t->dialect.delimiter, delimiter.data, delimiter.length);
    t->dialect.delimiter_length = (uint8_t)delimiter.length;
    for (size_t i = 0; i < sizeof(bytes); i++)
        LEAT_TRY(leat_cursor_get_u8(cursor, &bytes[i], err));
    if (bytes[4] > LEAT_TEXT_ZSTD || bytes[5] > LEAT_TEXT_WINDOWS1252 || bytes[6] > CSV_ERROR_NULL)
        return leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has bad settings");
    t->dialect.quote = (char)bytes[0];
    t->dialect.escape = (char)bytes[1];
    t->dialect.comment = (char)bytes[2];
    t->header = bytes[3] != 0;
    t->compression = (enum leat_text_compression)bytes[4];
    t->encoding = (enum leat_text_encoding)bytes[5];
    t->on_error = (enum csv_on_error)bytes[6];
    t->null_padding = bytes[7] != 0;
    t->own_nulls = bytes[8] != 0;
    t->drop_last = bytes[9] != 0;
    LEAT_TRY(leat_cursor_get_u32(cursor, &t->null_count, err));
    if (t->null_count > cursor->length)
        return leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has too many null words");
    t->nulls = LEAT_NEW_ARRAY(&s->arena, struct leat_text, t->null_count + 1);
    if (!t->nulls)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < t->null_count; i++) {
        LEAT_TRY(leat_cursor_get_bytes(cursor, &t->nulls[i], err));
        t->nulls[i].data = leat_arena_copy(&s->arena, t->nulls[i].data, t->nulls[i].length);
        if (!t->nulls[i].data)
            return leat_error_memory(err);
    }
    LEAT_TRY(get_format(cursor, &s->arena, &t->date_format, err));
    LEAT_TRY(get_format(cursor, &s->arena, &t->timestamp_format, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->skip, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->max_row, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->split_size, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &t->row_bytes, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &t->file_columns, err));
    if (t->file_columns > CSV_MAX_FIELDS || t->max_row > (uint64_t)1 << 31 ||
        s->base.schema.count - leat_source_files_extra(&s->files) > CSV_MAX_FIELDS ||
        (!(s->settings.header && s->files.union_by_name) &&
         s->base.schema.count - leat_source_files_extra(&s->files) + t->drop_last >
             t->file_columns))
        return leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has a bad number of columns");
    return LEAT_OK;
}

static enum leat_status csv_read(struct leat_cursor *cursor, struct leat_source **out,
                                 struct leat_error *err)
{
    struct csv_source *s = source_new();
    enum leat_status status;

    *out = NULL;
    if (!s)
        return leat_error_memory(err);
    status = leat_source_files_read(cursor, &s->arena, &s->files, err);
    if (!status && s->files.count == 0)
        status = leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has no files");
    if (!status)
        status = leat_schema_read(cursor, &s->arena, &s->base.schema, err);
    if (!status && s->base.schema.count < leat_source_files_extra(&s->files))
        status = leat_error_set(err, LEAT_E_MESSAGE, "a CSV source has no columns");
    if (!status)
        status = check_types(&s->base.schema, err);
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

static const struct leat_source_ops source_ops = {
    .kind = "csv",
    .splits = source_splits,
    .open = source_open,
    .put = source_put,
    .close = source_close,
};

/* The same source over one other file. It stands second, behind an empty one, since the columns of
 * the first file are taken by place, those of others by the names in their headers. */
static enum leat_status copy_over(struct leat_source *like, const struct leat_file_info *file,
                                  struct csv_source **out, struct leat_error *err)
{
    struct leat_source *copy = NULL;
    struct leat_source_file *files;
    struct leat_buffer bytes;
    enum leat_status status;

    *out = NULL;
    leat_buffer_init(&bytes, 0);
    status = like->ops->put(like, &bytes, err);
    if (status == LEAT_OK) {
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        status = csv_read(&cursor, &copy, err);
    }
    leat_buffer_release(&bytes);
    LEAT_TRY(status);
    *out = (struct csv_source *)copy;
    files = LEAT_NEW_ARRAY(&(*out)->arena, struct leat_source_file, 2);
    if (files)
        files[0].path = files[1].path = leat_arena_strdup(&(*out)->arena, file->path);
    if (!files || !files[0].path) {
        source_close(copy);
        return leat_error_memory(err);
    }
    files[1].size = file->size;
    files[1].modified = file->modified;
    (*out)->files.items = files;
    (*out)->files.count = 2;
    return LEAT_OK;
}

static enum leat_status csv_put_raw(const struct leat_source *like,
                                    const struct leat_file_info *original, struct leat_buffer *out,
                                    struct leat_error *err)
{
    const struct csv_source *s = (const struct csv_source *)like;
    struct leat_source_file file = s->files.items[0];

    if (original)
        file = (struct leat_source_file){original->path, original->size, original->modified};
    return csv_put_preamble(&s->settings, &file, out, err);
}

static enum leat_status csv_open_raw(struct leat_source *like, const struct leat_file_info *file,
                                     struct leat_source **out, struct leat_error *err)
{
    struct csv_source *s;

    *out = NULL;
    LEAT_TRY(copy_over(like, file, &s, err));
    s->settings.encoding = LEAT_TEXT_UTF8;
    s->settings.compression = LEAT_TEXT_PLAIN;
    *out = &s->base;
    return LEAT_OK;
}

/* Text without control characters whose first line holds a usual delimiter. */
static bool csv_recognise(const uint8_t *bytes, size_t length)
{
    bool delimiter = false, line = false;

    if (length == 0 || bytes[0] == '{' || bytes[0] == '[')
        return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = bytes[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
        line |= c == '\n' || c == '\r';
        delimiter |= !line && (c == ',' || c == ';' || c == '\t' || c == '|');
    }
    return delimiter;
}

static const char *const csv_extensions[] = {
    ".csv", ".tsv", ".tbl", ".csv.gz", ".tsv.gz", ".tbl.gz", ".csv.zst", ".tsv.zst", NULL};

const struct leat_format leat_csv_format = {
    .name = "csv",
    .extensions = csv_extensions,
    .read_options = csv_read_options,
    .write_options = csv_write_options,
    .recognise = csv_recognise,
    .open = csv_open,
    .read = csv_read,
    .put_raw = csv_put_raw,
    .open_raw = csv_open_raw,
    .create = csv_create,
};
