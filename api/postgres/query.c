/* Results as messages, and the simple protocol: a text of statements, each answered in turn. */
#include "api/postgres/server_internal.h"

#include "base/utf8.h"

#include <stdio.h>

enum leat_status postgres_put_columns(struct postgres_stream *stream,
                                      const struct leat_schema *schema, const bool *binary,
                                      struct leat_error *err)
{
    struct leat_buffer *out = &stream->out;

    LEAT_TRY(postgres_begin(stream, 'T', err));
    LEAT_TRY(postgres_put_i16(out, (int)schema->count, err));
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct leat_type *type = schema->fields[i].type;
        LEAT_TRY(postgres_put_text(out, schema->fields[i].name, err));
        LEAT_TRY(postgres_put_i32(out, 0, err)); /* of no table */
        LEAT_TRY(postgres_put_i16(out, 0, err));
        LEAT_TRY(postgres_put_i32(out, leat_type_postgres_id(type), err));
        LEAT_TRY(postgres_put_i16(out, leat_type_postgres_size(type), err));
        LEAT_TRY(postgres_put_i32(out, leat_type_postgres_modifier(type), err));
        LEAT_TRY(postgres_put_i16(out, binary && binary[i], err));
    }
    return postgres_end(stream, err);
}

enum leat_status postgres_put_rows(struct postgres_stream *stream, const struct leat_batch *batch,
                                   uint32_t first, uint32_t last, const bool *binary,
                                   struct leat_error *err)
{
    for (uint32_t r = first; r < last; r++) {
        LEAT_TRY(postgres_begin(stream, 'D', err));
        LEAT_TRY(postgres_put_i16(&stream->out, (int)batch->column_count, err));
        for (uint32_t c = 0; c < batch->column_count; c++)
            LEAT_TRY(
                postgres_put_value(&batch->columns[c], r, binary && binary[c], &stream->out, err));
        LEAT_TRY(postgres_end(stream, err));
    }
    return LEAT_OK;
}

/* PostgreSQL's command tags have numbers behind these words. */
void postgres_tag(const char *tag, uint64_t rows, char out[64])
{
    static const char *const counted[] = {"SELECT", "UPDATE", "DELETE", "COPY", "MERGE", "FETCH"};

    snprintf(out, 64, "%s", tag);
    if (strcmp(tag, "INSERT") == 0)
        snprintf(out, 64, "INSERT 0 %llu", (unsigned long long)rows);
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
        if (strcmp(tag, counted[i]) == 0)
            snprintf(out, 64, "%s %llu", tag, (unsigned long long)rows);
}

enum leat_status postgres_put_tag(struct postgres_stream *stream, const char *tag, uint64_t rows,
                                  struct leat_error *err)
{
    char text[64];

    postgres_tag(tag, rows, text);
    LEAT_TRY(postgres_begin(stream, 'C', err));
    LEAT_TRY(postgres_put_text(&stream->out, text, err));
    return postgres_end(stream, err);
}

/* --- what a session gives --- */

static bool same_columns(const struct leat_schema *a, const struct leat_schema *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (leat_type_postgres_id(a->fields[i].type) != leat_type_postgres_id(b->fields[i].type))
            return false;
    return true;
}

static enum leat_status give_columns(struct leat_session_output *base,
                                     const struct leat_schema *schema, struct leat_error *err)
{
    struct postgres_output *output = (struct postgres_output *)base;

    if (schema->count > INT16_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "clients take %d columns at most", INT16_MAX);
    if (output->promised && !same_columns(output->promised, schema)) {
        (void)leat_error_set(err, LEAT_E_UNSUPPORTED,
                             "the statement's columns are others than when it was prepared");
        leat_error_hint(err, "a table was changed meanwhile: prepare the statement again");
        return LEAT_UNSUPPORTED;
    }
    if (output->rows)
        LEAT_TRY(leat_rows_init(output->rows, schema,
                                leat_session_accountant(output->connection->session), err));
    return output->columns
               ? postgres_put_columns(&output->connection->stream, schema, output->binary, err)
               : LEAT_OK;
}

static enum leat_status give_rows(struct leat_session_output *base, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct postgres_output *output = (struct postgres_output *)base;

    return output->rows ? leat_rows_append(output->rows, batch, err)
                        : postgres_put_rows(&output->connection->stream, batch, 0, batch->length,
                                            output->binary, err);
}

static enum leat_status give_end(struct leat_session_output *base, const char *tag, uint64_t rows,
                                 struct leat_error *err)
{
    struct postgres_output *output = (struct postgres_output *)base;

    output->ended++;
    output->copying = false;
    if (!output->rows)
        return postgres_put_tag(&output->connection->stream, tag, rows, err);
    postgres_tag(tag, rows, output->tag);
    return LEAT_OK;
}

static enum leat_status give_notice(struct leat_session_output *base, const char *severity,
                                    const char *sqlstate, const char *message,
                                    struct leat_error *err)
{
    struct postgres_stream *stream = &((struct postgres_output *)base)->connection->stream;
    const char *const fields[][2] = {
        {"S", severity}, {"V", severity}, {"C", sqlstate}, {"M", message}};

    LEAT_TRY(postgres_begin(stream, 'N', err));
    for (size_t i = 0; i < 4; i++) {
        LEAT_TRY(leat_buffer_append_byte(&stream->out, (uint8_t)fields[i][0][0], err));
        LEAT_TRY(postgres_put_text(&stream->out, fields[i][1], err));
    }
    LEAT_TRY(leat_buffer_append_byte(&stream->out, 0, err));
    return postgres_end(stream, err);
}

/* --- COPY --- */

/* CopyInResponse or CopyOutResponse; all columns are text. */
static enum leat_status begin_copy(struct leat_session_output *base, bool in, uint32_t columns,
                                   struct leat_error *err)
{
    struct postgres_output *output = (struct postgres_output *)base;
    struct postgres_stream *stream = &output->connection->stream;

    LEAT_TRY(postgres_begin(stream, in ? 'G' : 'H', err));
    LEAT_TRY(leat_buffer_append_byte(&stream->out, 0, err));
    LEAT_TRY(postgres_put_i16(&stream->out, (int)columns, err));
    for (uint32_t i = 0; i < columns; i++)
        LEAT_TRY(postgres_put_i16(&stream->out, 0, err));
    LEAT_TRY(postgres_end(stream, err));
    output->copying = in;
    return in ? postgres_flush(stream, err) : LEAT_OK;
}

static enum leat_status give_copied(struct leat_session_output *base, const void *bytes,
                                    size_t length, bool last, struct leat_error *err)
{
    struct postgres_stream *stream = &((struct postgres_output *)base)->connection->stream;

    if (length > 0) {
        LEAT_TRY(postgres_begin(stream, 'd', err));
        LEAT_TRY(leat_buffer_append(&stream->out, bytes, length, err));
        LEAT_TRY(postgres_end(stream, err));
    }
    if (!last)
        return LEAT_OK;
    LEAT_TRY(postgres_begin(stream, 'c', err));
    return postgres_end(stream, err);
}

/* The next piece of what the client copies in; none: the end. */
static enum leat_status take_copied(struct leat_session_output *base, struct leat_text *out,
                                    struct leat_error *err)
{
    struct postgres_output *output = (struct postgres_output *)base;
    struct leat_cursor body;
    struct postgres_stream *stream = &output->connection->stream;
    struct leat_text reason = {"", 0};
    char type;

    *out = (struct leat_text){NULL, 0};
    for (;;) {
        enum leat_status status;
        stream->session = output->connection->session; /* cancelling ends the waiting */
        status = postgres_take_message(stream, POSTGRES_MESSAGE_MAXIMUM, &type, &body, err);
        stream->session = NULL;
        LEAT_TRY(status);
        switch (type) {
        case 'd':
            if (body.length == 0)
                continue;
            *out = (struct leat_text){(const char *)body.data, body.length};
            return LEAT_OK;
        case 'c':
            output->copying = false;
            return LEAT_OK;
        case 'f':
            output->copying = false;
            LEAT_TRY(postgres_get_text(&body, &reason, err));
            return leat_error_set(err, LEAT_E_CANCELLED, "COPY from the client failed: %.*s",
                                  (int)reason.length, reason.data);
        case 'H':
        case 'S': /* PostgreSQL ignores these two here, too */
            continue;
        default:
            return leat_error_set(err, LEAT_E_MESSAGE,
                                  "a message of type 0x%02x came during COPY from the client",
                                  (unsigned)(uint8_t)type);
        }
    }
}

void postgres_output_init(struct postgres_output *output, struct postgres_connection *connection)
{
    *output = (struct postgres_output){.base = {.begin = give_columns,
                                                .batch = give_rows,
                                                .end = give_end,
                                                .notice = give_notice,
                                                .copy = begin_copy,
                                                .copy_out = give_copied,
                                                .copy_in = take_copied},
                                       .connection = connection,
                                       .columns = true};
}

/* --- the simple protocol --- */

enum leat_status postgres_statement_error(struct postgres_connection *connection,
                                          const struct leat_error *errors, uint32_t count,
                                          struct leat_text text, struct leat_error *err)
{
    struct leat_error first = errors[0];

    if (atomic_load(&connection->gone))
        return leat_error_set(err, LEAT_E_NETWORK, "the client has gone");
    return postgres_put_error(&connection->stream, "ERROR", &first, count > 1 ? errors + 1 : NULL,
                              count > 1 ? count - 1 : 0, text, err);
}

enum leat_status postgres_simple_query(struct postgres_connection *connection,
                                       struct leat_cursor *body, struct leat_error *err)
{
    struct leat_error error, *errors = &error;
    struct postgres_output output;
    struct leat_arena arena;
    struct leat_text text = {NULL, 0};
    enum leat_status status;
    uint32_t count = 1;
    char *copy;

    postgres_output_init(&output, connection);
    leat_arena_init(&arena, leat_session_accountant(connection->session));
    status = postgres_get_text(body, &text, &error);
    if (status == LEAT_OK && !leat_utf8_valid(text.data, text.length)) {
        status = leat_error_set(&error, LEAT_E_BYTE_SEQUENCE, "the statement is not valid UTF-8");
        text.data = NULL;
    }
    if (status == LEAT_OK) { /* COPY takes more messages meanwhile */
        copy = leat_arena_copy(&arena, text.data, text.length);
        text.data = copy;
        status = copy ? LEAT_OK : leat_error_memory(&error);
    }
    if (status == LEAT_OK) {
        atomic_store(&connection->running, true);
        status = leat_session_run(connection->session, "", text.data, text.length, &output.base,
                                  &arena, &errors, &count, &error);
        atomic_store(&connection->running, false);
    }
    if (status != LEAT_OK) {
        status = postgres_statement_error(connection, errors, count, text, err);
    } else if (output.ended == 0) {
        status = postgres_begin(&connection->stream, 'I', err);
        if (status == LEAT_OK)
            status = postgres_end(&connection->stream, err);
    }
    leat_arena_release(&arena);
    return status;
}
