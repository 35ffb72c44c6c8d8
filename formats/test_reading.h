/* For the tests of the text formats: writes a file, reads it as a source with options, and gives
 * its rows as text. Included by test programs only. */
#ifndef LEAT_FORMATS_TEST_READING_H
#define LEAT_FORMATS_TEST_READING_H

#include "columns/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_OPTIONS 8

struct reading {
    const struct leat_format *format;
    const char *path;
    struct leat_option_value options[MAX_OPTIONS];
    size_t option_count;
    unsigned wanted; /* splits */
    bool handler;    /* collect bad rows */
    bool count_only;
    struct leat_error err;
    char text[1 << 16]; /* rows, fields set apart by |, nulls as ~ */
    char bad[1 << 14];  /* "line:offset:rule:column:raw" a line */
    uint64_t rows;
    size_t splits;
};

struct collector {
    struct leat_bad_row_handler base;
    struct reading *reading;
};

static enum leat_status collect(struct leat_bad_row_handler *base, const struct leat_bad_row *row,
                                struct leat_error *err)
{
    struct reading *r = ((struct collector *)base)->reading;
    size_t at = strlen(r->bad);

    (void)err;
    snprintf(r->bad + at, sizeof(r->bad) - at, "%llu:%llu:%s:%s:%.*s\n",
             (unsigned long long)row->line, (unsigned long long)row->offset, row->rule,
             row->column ? row->column : "-", (int)row->raw.length, row->raw.data);
    return LEAT_OK;
}

static inline void set_text(struct reading *r, const char *name, const char *value)
{
    struct leat_option_value *option = &r->options[r->option_count++];

    option->name = name;
    option->value =
        (struct leat_value){.type = leat_type_get(LEAT_TEXT), .text = leat_text_of(value)};
}

static inline void set_number(struct reading *r, const char *name, int64_t value)
{
    struct leat_option_value *option = &r->options[r->option_count++];

    option->name = name;
    option->value = (struct leat_value){.type = leat_type_get(LEAT_INT64), .integer = value};
}

static inline enum leat_status print_batch(struct reading *r, const struct leat_batch *batch)
{
    struct leat_buffer out;
    enum leat_status status = LEAT_OK;
    size_t at = strlen(r->text);

    leat_buffer_init(&out, 0);
    for (uint32_t row = 0; !status && row < batch->length; row++) {
        for (uint32_t i = 0; !status && i < batch->column_count; i++) {
            if (i)
                status = leat_buffer_append_byte(&out, '|', &r->err);
            if (status)
                break;
            if (leat_vector_is_null(&batch->columns[i], row))
                status = leat_buffer_append_byte(&out, '~', &r->err);
            else
                status = leat_vector_print(&batch->columns[i], row, &out, &r->err);
        }
        if (!status)
            status = leat_buffer_append_byte(&out, '\n', &r->err);
    }
    if (!status && at + out.length + 1 < sizeof(r->text)) {
        memcpy(r->text + at, out.data, out.length);
        r->text[at + out.length] = 0;
    }
    r->rows += batch->length;
    leat_buffer_release(&out);
    return status;
}

static inline enum leat_status read_splits(struct reading *r, struct leat_source *source)
{
    struct collector collector = {{collect}, r};
    struct leat_read_context context = {.bad_rows = r->handler ? &collector.base : NULL};
    struct leat_bytes_list splits;
    uint32_t columns[64];
    struct leat_scan scan = {.columns = columns, .limit = UINT64_MAX};
    enum leat_status status;

    for (; scan.column_count < source->schema.count && scan.column_count < 64 && !r->count_only;
         scan.column_count++)
        columns[scan.column_count] = scan.column_count;
    leat_bytes_list_init(&splits);
    status = source->ops->splits(source, &scan, r->wanted, &splits, &r->err);
    r->splits = splits.count;
    for (size_t i = 0; !status && i < splits.count; i++) {
        struct leat_reader *reader;
        struct leat_batch *batch;
        status = source->ops->open(source, &scan, splits.items[i], &context, &reader, &r->err);
        if (status)
            break;
        do {
            status = reader->ops->next(reader, &batch, &r->err);
            if (!status && batch)
                status = print_batch(r, batch);
        } while (!status && batch);
        leat_reader_close(reader);
    }
    leat_bytes_list_release(&splits);
    return status;
}

/* Opens, sends the source through its bytes, and reads all splits. */
static inline enum leat_status read_files(struct reading *r, const struct leat_file_info *files,
                                          size_t count)
{
    struct leat_source *source = NULL, *copy = NULL;
    struct leat_buffer bytes;
    enum leat_status status;

    r->text[0] = r->bad[0] = 0;
    r->rows = 0;
    memset(&r->err, 0, sizeof(r->err));
    status = r->format->open(files, count, r->options, r->option_count, &source, &r->err);
    if (status)
        return status;
    leat_buffer_init(&bytes, 0);
    status = source->ops->put(source, &bytes, &r->err);
    if (!status) {
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        status = r->format->read(&cursor, &copy, &r->err);
    }
    leat_buffer_release(&bytes);
    leat_source_close(source);
    if (!status)
        status = read_splits(r, copy);
    leat_source_close(copy);
    return status;
}

static inline enum leat_status read_path(struct reading *r, const char *path)
{
    struct leat_file_info info;

    if (leat_file_stat(path, &info, &r->err))
        return r->err.status;
    info.path = path;
    return read_files(r, &info, 1);
}

static inline bool write_bytes(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(bytes, 1, length, file) == length;

    return file && fclose(file) == 0 && good;
}

/* Writes the text to a file of its own and reads it. */
static inline enum leat_status read_text(struct reading *r, const char *text)
{
    char path[] = "leat_reading_XXXXXX";
    int fd = mkstemp(path);
    enum leat_status status;

    if (fd < 0)
        return LEAT_IO;
    close(fd);
    if (!write_bytes(path, text, strlen(text)))
        return LEAT_IO;
    status = read_path(r, path);
    unlink(path);
    return status;
}

#endif
