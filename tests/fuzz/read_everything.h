/* What the fuzz targets of the text formats share: the bytes as a file in memory-backed storage,
 * read as a source with all its splits. */
#ifndef LEAT_TESTS_FUZZ_READ_EVERYTHING_H
#define LEAT_TESTS_FUZZ_READ_EVERYTHING_H

#include "columns/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum leat_status ignore_row(struct leat_bad_row_handler *handler,
                                   const struct leat_bad_row *row, struct leat_error *err)
{
    (void)handler;
    (void)err;
    /* Every byte that is handed over must be readable. */
    volatile char sum = 0;
    for (size_t i = 0; i < row->raw.length; i++)
        sum = (char)(sum + row->raw.data[i]);
    return LEAT_OK;
}

/* Rows read, or UINT64_MAX after an error. */
static inline uint64_t read_source(struct leat_source *source, bool count_only)
{
    struct leat_bad_row_handler handler = {ignore_row};
    struct leat_read_context context = {.bad_rows = &handler};
    struct leat_bytes_list splits;
    struct leat_buffer text;
    struct leat_error err = {0};
    uint32_t *columns = calloc(source->schema.count + 1u, sizeof(*columns));
    struct leat_scan scan = {.columns = columns, .limit = UINT64_MAX};
    uint64_t rows = 0;
    bool failed;

    leat_bytes_list_init(&splits);
    leat_buffer_init(&text, 0);
    for (uint32_t i = 0; i < source->schema.count && columns && !count_only; i++)
        columns[scan.column_count++] = i;
    failed = !columns || source->ops->splits(source, &scan, 2, &splits, &err) != LEAT_OK;
    for (size_t i = 0; i < splits.count && !failed; i++) {
        struct leat_reader *reader;
        struct leat_batch *batch = NULL;
        failed =
            source->ops->open(source, &scan, splits.items[i], &context, &reader, &err) != LEAT_OK;
        while (!failed) {
            failed = reader->ops->next(reader, &batch, &err) != LEAT_OK;
            if (failed || !batch)
                break;
            rows += batch->length;
            for (uint32_t c = 0; c < batch->column_count; c++)
                for (uint32_t row = 0; row < batch->length; row++) {
                    text.length = 0;
                    if (!leat_vector_is_null(&batch->columns[c], row) &&
                        leat_vector_print(&batch->columns[c], row, &text, &err) != LEAT_OK)
                        abort();
                }
        }
        if (reader)
            leat_reader_close(reader);
    }
    leat_buffer_release(&text);
    leat_bytes_list_release(&splits);
    free(columns);
    return failed ? UINT64_MAX : rows;
}

static inline void read_bytes(const struct leat_format *format, const uint8_t *data, size_t size,
                              const struct leat_option_value *options, size_t count)
{
    char path[64];
    int fd = memfd_create("fuzz", 0);
    struct leat_file_info info;
    struct leat_error err = {0};
    struct leat_source *source;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    info = (struct leat_file_info){.path = path, .kind = LEAT_FILE_REGULAR, .size = size};
    if (format->open(&info, 1, options, count, &source, &err) == LEAT_OK) {
        (void)read_source(source, false);
        (void)read_source(source, true);
        leat_source_close(source);
    } else if (err.code == LEAT_E_INTERNAL) {
        abort();
    }
    close(fd);
}

static inline struct leat_option_value text_option(const char *name, const char *value)
{
    return (struct leat_option_value){
        name, {.type = leat_type_get(LEAT_TEXT), .text = leat_text_of(value)}};
}

static inline struct leat_option_value number_option(const char *name, int64_t value)
{
    return (struct leat_option_value){name, {.type = leat_type_get(LEAT_INT64), .integer = value}};
}

#endif
