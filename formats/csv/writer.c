/*
 * Writes batches as CSV: values in PostgreSQL's text form (booleans as true and false), quoted only
 * where they must be: where they hold a delimiter, quote or line break, or could be taken for null.
 */
#include "formats/csv/csv_internal.h"
#include "formats/option_values.h"
#include "formats/text_output.h"

struct csv_writer {
    struct leat_writer base;
    struct leat_arena arena;
    struct leat_text_output out;
    char delimiter[CSV_DELIMITER + 1];
    size_t delimiter_length;
    char quote;
    struct leat_text null_word;
    uint32_t column_count;
    uint64_t rows;
    bool special[256]; /* bytes that make quotes necessary */
};

/* Quotes what was appended from `start` on, if it must be. */
static enum leat_status quote_field(struct csv_writer *w, size_t start, struct leat_error *err)
{
    struct leat_buffer *buffer = &w->out.pending;
    size_t length = buffer->length - start, quotes = 0, to;
    struct leat_text text = {(const char *)buffer->data + start, length};
    bool needed = leat_text_equal(text, w->null_word);

    if (!w->quote)
        return LEAT_OK;
    for (size_t i = 0; i < length; i++) {
        needed |= w->special[(uint8_t)text.data[i]];
        quotes += text.data[i] == w->quote;
    }
    if (!needed)
        return LEAT_OK;
    LEAT_TRY(leat_buffer_reserve(buffer, quotes + 2, err));
    buffer->length += quotes + 2;
    to = buffer->length;
    buffer->data[--to] = (uint8_t)w->quote;
    for (size_t from = start + length; from-- > start;) { /* widened in place, from the end */
        uint8_t c = buffer->data[from];
        buffer->data[--to] = c;
        if (c == (uint8_t)w->quote)
            buffer->data[--to] = c;
    }
    buffer->data[--to] = (uint8_t)w->quote;
    return LEAT_OK;
}

static enum leat_status write_field(struct csv_writer *w, const struct leat_vector *vector,
                                    uint32_t row, struct leat_error *err)
{
    struct leat_buffer *buffer = &w->out.pending;
    const struct leat_vector *base;
    size_t start = buffer->length;
    uint32_t at;

    if (vector->type->id == LEAT_NULL || leat_vector_is_null(vector, row))
        return leat_buffer_append(buffer, w->null_word.data, w->null_word.length, err);
    at = leat_vector_locate(vector, row, &base);
    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        return leat_buffer_append_string(buffer,
                                         ((const uint8_t *)base->data)[at] ? "true" : "false", err);
    case LEAT_INT64:
        LEAT_TRY(leat_buffer_reserve(buffer, LEAT_PRINT_MAX, err));
        buffer->length += leat_print_int64(((const int64_t *)base->data)[at],
                                           (char *)buffer->data + buffer->length);
        return LEAT_OK;
    case LEAT_DOUBLE:
        LEAT_TRY(leat_buffer_reserve(buffer, LEAT_PRINT_MAX, err));
        buffer->length += leat_print_double(((const double *)base->data)[at],
                                            (char *)buffer->data + buffer->length);
        return LEAT_OK;
    case LEAT_TEXT:
    case LEAT_JSON: {
        struct leat_text text = leat_string_text(&((const struct leat_string *)base->data)[at]);
        LEAT_TRY(leat_buffer_append(buffer, text.data, text.length, err));
        return quote_field(w, start, err);
    }
    default:
        LEAT_TRY(leat_vector_print(vector, row, buffer, err));
        return quote_field(w, start, err);
    }
}

static enum leat_status csv_write(struct leat_writer *base, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct csv_writer *w = (struct csv_writer *)base;

    if (batch->column_count != w->column_count)
        return leat_error_internal(err, "a batch of %u columns for a file of %u",
                                   batch->column_count, w->column_count);
    for (uint32_t row = 0; row < batch->length; row++) {
        for (uint32_t i = 0; i < batch->column_count; i++) {
            if (i)
                LEAT_TRY(
                    leat_buffer_append(&w->out.pending, w->delimiter, w->delimiter_length, err));
            LEAT_TRY(write_field(w, &batch->columns[i], row, err));
        }
        LEAT_TRY(leat_buffer_append_byte(&w->out.pending, '\n', err));
        LEAT_TRY(leat_text_output_drain(&w->out, err));
    }
    w->rows += batch->length;
    return LEAT_OK;
}

static void writer_free(struct csv_writer *w)
{
    leat_arena_release(&w->arena);
    leat_free(w);
}

static enum leat_status csv_finish(struct leat_writer *base, struct leat_buffer *receipt,
                                   struct leat_error *err)
{
    struct csv_writer *w = (struct csv_writer *)base;
    uint64_t rows = w->rows, bytes = 0;
    enum leat_status status = leat_text_output_finish(&w->out, &bytes, err);

    writer_free(w);
    if (!status)
        status = leat_buffer_put_u64(receipt, rows, err);
    if (!status)
        status = leat_buffer_put_u64(receipt, bytes, err);
    return status;
}

static void csv_abort(struct leat_writer *base)
{
    struct csv_writer *w = (struct csv_writer *)base;

    leat_text_output_abort(&w->out);
    writer_free(w);
}

static const struct leat_writer_ops writer_ops = {csv_write, csv_finish, csv_abort};

static enum leat_status read_options(struct csv_writer *w, const struct leat_option_set *set,
                                     enum leat_text_compression *compression, bool *header,
                                     struct leat_error *err)
{
    struct leat_text delimiter = leat_text_of(","), quote = leat_text_of("\""), text = {NULL, 0};

    LEAT_TRY(leat_options_check("csv output", csv_write_options, set->values, set->count, err));
    leat_option_boolean(set, "header", header);
    LEAT_TRY(leat_option_text(set, "delimiter", &w->arena, &delimiter, err));
    if (leat_text_equal(delimiter, leat_text_of("\\t")))
        delimiter = leat_text_of("\t");
    if (delimiter.length == 0 || delimiter.length > CSV_DELIMITER ||
        memchr(delimiter.data, '\n', delimiter.length))
        return leat_option_refuse(set, "delimiter", delimiter, "1 to 8 bytes without line breaks",
                                  err);
    LEAT_TRY(leat_option_text(set, "quote", &w->arena, &quote, err));
    if (quote.length > 1)
        return leat_option_refuse(set, "quote", quote, "one ASCII character, or ''", err);
    LEAT_TRY(leat_option_text(set, "null", &w->arena, &w->null_word, err));
    LEAT_TRY(leat_option_text(set, "compression", &w->arena, &text, err));
    if (text.data && !leat_text_compression_parse(text, compression))
        return leat_option_refuse(set, "compression", text, "'auto', 'none', 'gzip' or 'zstd'",
                                  err);
    memcpy(w->delimiter, delimiter.data, delimiter.length);
    w->delimiter_length = delimiter.length;
    w->quote = quote.length ? quote.data[0] : 0;
    w->special[(uint8_t)w->delimiter[0]] = true;
    w->special[(uint8_t)w->quote] = true;
    w->special['\n'] = w->special['\r'] = true;
    return LEAT_OK;
}

enum leat_status csv_create(struct leat_output *output, const struct leat_schema *schema,
                            const struct leat_option_value *options, size_t option_count,
                            struct leat_writer **out, struct leat_error *err)
{
    struct leat_option_set set = {"csv output", options, option_count};
    enum leat_text_compression compression = LEAT_TEXT_AUTO;
    struct csv_writer *w = leat_calloc(1, sizeof(*w));
    enum leat_status status;
    bool header = true;

    *out = NULL;
    if (!w) {
        leat_output_abort(output);
        return leat_error_memory(err);
    }
    w->base.ops = &writer_ops;
    w->column_count = schema->count;
    w->null_word = leat_text_of("");
    leat_arena_init(&w->arena, NULL);
    status = read_options(w, &set, &compression, &header, err);
    if (status) {
        leat_output_abort(output);
        writer_free(w);
        return status;
    }
    status = leat_text_output_init(&w->out, output, compression, err);
    if (status) {
        writer_free(w);
        return status;
    }
    for (uint32_t i = 0; !status && header && i < schema->count; i++) {
        size_t start;
        if (i)
            status = leat_buffer_append(&w->out.pending, w->delimiter, w->delimiter_length, err);
        start = w->out.pending.length;
        if (!status)
            status = leat_buffer_append_string(&w->out.pending, schema->fields[i].name, err);
        if (!status)
            status = quote_field(w, start, err);
    }
    if (!status && header)
        status = leat_buffer_append_byte(&w->out.pending, '\n', err);
    if (status) {
        csv_abort(&w->base);
        return status;
    }
    *out = &w->base;
    return LEAT_OK;
}
