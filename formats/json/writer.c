/* Writes batches as one object a line, or with array => true as one array of them. */
#include "formats/json/json_internal.h"
#include "formats/option_values.h"
#include "formats/text_output.h"

struct json_writer {
    struct leat_writer base;
    struct leat_arena arena;
    struct leat_text_output out;
    struct leat_text *keys; /* "name": with the comma or brace before it */
    uint32_t column_count;
    uint64_t rows;
    bool array;
};

const struct leat_option json_write_options[] = {
    {"array", LEAT_BOOLEAN, "false", "one array of records instead of a record a line"},
    {"compression", LEAT_TEXT, "auto", "'none', 'gzip', 'zstd', or by the file's name"},
    {NULL, LEAT_NULL, NULL, NULL}};

static enum leat_status json_write(struct leat_writer *base, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct json_writer *w = (struct json_writer *)base;
    struct leat_buffer *out = &w->out.pending;

    if (batch->column_count != w->column_count)
        return leat_error_internal(err, "a batch of %u columns for a file of %u",
                                   batch->column_count, w->column_count);
    for (uint32_t row = 0; row < batch->length; row++) {
        if (w->array)
            LEAT_TRY(leat_buffer_append(out, w->rows ? ",\n" : "[\n", 2, err));
        for (uint32_t i = 0; i < batch->column_count; i++) {
            LEAT_TRY(leat_buffer_append(out, w->keys[i].data, w->keys[i].length, err));
            LEAT_TRY(leat_vector_print_json(&batch->columns[i], row, out, err));
        }
        LEAT_TRY(leat_buffer_append_string(out, batch->column_count ? "}" : "{}", err));
        if (!w->array)
            LEAT_TRY(leat_buffer_append_byte(out, '\n', err));
        w->rows++;
        LEAT_TRY(leat_text_output_drain(&w->out, err));
    }
    return LEAT_OK;
}

static void writer_free(struct json_writer *w)
{
    leat_arena_release(&w->arena);
    leat_free(w);
}

static void json_abort(struct leat_writer *base)
{
    struct json_writer *w = (struct json_writer *)base;

    leat_text_output_abort(&w->out);
    writer_free(w);
}

static enum leat_status json_finish(struct leat_writer *base, struct leat_buffer *receipt,
                                    struct leat_error *err)
{
    struct json_writer *w = (struct json_writer *)base;
    uint64_t rows = w->rows, bytes = 0;
    enum leat_status status = LEAT_OK;

    if (w->array)
        status = leat_buffer_append_string(&w->out.pending, rows ? "\n]\n" : "[]\n", err);
    if (status) {
        json_abort(base);
        return status;
    }
    status = leat_text_output_finish(&w->out, &bytes, err);
    writer_free(w);
    if (!status)
        status = leat_buffer_put_u64(receipt, rows, err);
    if (!status)
        status = leat_buffer_put_u64(receipt, bytes, err);
    return status;
}

static const struct leat_writer_ops writer_ops = {json_write, json_finish, json_abort};

/* The key of each column as it stands before its value. */
static enum leat_status make_keys(struct json_writer *w, const struct leat_schema *schema,
                                  struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    w->keys = LEAT_NEW_ARRAY(&w->arena, struct leat_text, schema->count + 1);
    if (!w->keys)
        return leat_error_memory(err);
    leat_buffer_init(&text, 0);
    for (uint32_t i = 0; !status && i < schema->count; i++) {
        struct leat_value name = {.type = leat_type_get(LEAT_TEXT),
                                  .text = leat_text_of(schema->fields[i].name)};
        struct leat_vector vector;
        text.length = 0;
        status = leat_buffer_append_byte(&text, i ? ',' : '{', err);
        if (!status)
            status = leat_value_to_vector(&name, 1, &w->arena, &vector, err);
        if (!status)
            status = leat_vector_print_json(&vector, 0, &text, err);
        if (!status)
            status = leat_buffer_append_byte(&text, ':', err);
        if (status)
            break;
        w->keys[i] =
            (struct leat_text){leat_arena_copy(&w->arena, text.data, text.length), text.length};
        if (!w->keys[i].data)
            status = leat_error_memory(err);
    }
    leat_buffer_release(&text);
    return status;
}

enum leat_status json_create(struct leat_output *output, const struct leat_schema *schema,
                             const struct leat_option_value *options, size_t option_count,
                             struct leat_writer **out, struct leat_error *err)
{
    struct leat_option_set set = {"json output", options, option_count};
    enum leat_text_compression compression = LEAT_TEXT_AUTO;
    struct json_writer *w = leat_calloc(1, sizeof(*w));
    struct leat_text text = {NULL, 0};
    enum leat_status status;

    *out = NULL;
    if (!w) {
        leat_output_abort(output);
        return leat_error_memory(err);
    }
    w->base.ops = &writer_ops;
    w->column_count = schema->count;
    leat_arena_init(&w->arena, NULL);
    status = leat_options_check(set.object, json_write_options, options, option_count, err);
    if (!status)
        status = leat_option_text(&set, "compression", &w->arena, &text, err);
    if (!status && text.data && !leat_text_compression_parse(text, &compression))
        status =
            leat_option_refuse(&set, "compression", text, "'auto', 'none', 'gzip' or 'zstd'", err);
    if (!status)
        status = make_keys(w, schema, err);
    if (status) {
        leat_output_abort(output);
        writer_free(w);
        return status;
    }
    leat_option_boolean(&set, "array", &w->array);
    status = leat_text_output_init(&w->out, output, compression, err);
    if (status) {
        writer_free(w);
        return status;
    }
    *out = &w->base;
    return LEAT_OK;
}
