/* COPY's rows on their way in: bytes are cut into records, records into values (text), and a batch
 * of them is cast to the table's types. When a value does not fit its type, the row is looked for
 * again, so that the error names its line. */
#include "api/c/copy_text.h"

#include "base/utf8.h"
#include "compute/kernels/expression.h"

enum { RECORD_MAXIMUM = 1 << 30, BATCH_BYTES = 4 << 20 };

struct copy_source {
    struct leat_source base;
    const struct leat_copy_form *form;
    struct leat_copy_input *input;
    bool read; /* it can be read once only */
};
struct copy_reader {
    struct leat_reader base;
    const struct leat_copy_form *form;
    const struct leat_schema *schema;
    const struct leat_scan *scan;
    const char *name;
    struct leat_copy_input *input;
    struct leat_cancel *cancel;
    struct leat_buffer bytes; /* came in, and not cut yet from `at` on */
    size_t at;
    bool ended; /* no more bytes come */
    bool past_header;
    uint64_t line; /* of the record that is cut next */
    struct leat_arena arena, types;
    struct leat_buffer field; /* a value being decoded */
    struct leat_evaluator *evaluator;
    struct leat_vector *texts, *typed, *wanted;
    uint64_t *lines; /* of the batch's rows */
    struct leat_batch batch;
};

static enum leat_status at_line(const struct copy_reader *reader, uint64_t line, const char *column,
                                struct leat_error *err)
{
    enum leat_status status = err->status;

    if (column)
        leat_error_context(err, "COPY %s, line %llu, column %s", reader->name,
                           (unsigned long long)line, column);
    else
        leat_error_context(err, "COPY %s, line %llu", reader->name, (unsigned long long)line);
    return status;
}

/* --- records --- */

static enum leat_status more(struct copy_reader *reader, struct leat_error *err)
{
    struct leat_buffer *bytes = &reader->bytes;
    struct leat_text next;

    if (reader->cancel && atomic_load(&reader->cancel->requested))
        return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
    if (reader->at > 0)
        memmove(bytes->data, bytes->data + reader->at, bytes->length - reader->at);
    bytes->length -= reader->at;
    reader->at = 0;
    LEAT_TRY(reader->input->next(reader->input, &next, err));
    reader->ended = next.length == 0;
    return next.length ? leat_buffer_append(bytes, next.data, next.length, err) : LEAT_OK;
}

/* Length of the record at `at` with its newline; 0: it is not all there. `*scanned` says how far a
 * former look came, *quoted in which state. */
static size_t record_end(const struct copy_reader *reader, size_t *scanned, bool *quoted)
{
    const uint8_t *s = reader->bytes.data ? reader->bytes.data + reader->at : NULL;
    size_t length = reader->bytes.length - reader->at, i = *scanned;
    const struct leat_copy_form *form = reader->form;

    for (; i < length; i++) {
        if (!form->csv && s[i] == '\\') {
            if (i + 1 == length)
                break;
            i++;
        } else if (form->csv && *quoted && s[i] == (uint8_t)form->escape &&
                   form->escape != form->quote) {
            if (i + 1 == length)
                break;
            i++;
        } else if (form->csv && s[i] == (uint8_t)form->quote) {
            *quoted = !*quoted; /* a doubled one turns it twice */
        } else if (s[i] == '\n' && !*quoted) {
            return i + 1;
        }
    }
    *scanned = i;
    return 0;
}

/* The next record without its newline; data NULL: the end. */
static enum leat_status next_record(struct copy_reader *reader, struct leat_text *out,
                                    struct leat_error *err)
{
    size_t scanned = 0, length;
    bool quoted = false;

    while ((length = record_end(reader, &scanned, &quoted)) == 0 && !reader->ended) {
        LEAT_TRY(more(reader, err));
        if (reader->bytes.length - reader->at > RECORD_MAXIMUM) {
            (void)leat_error_set(err, LEAT_E_LIMIT, "the row has more than %d bytes",
                                 RECORD_MAXIMUM);
            return at_line(reader, reader->line, NULL, err);
        }
    }
    if (length == 0 && quoted) {
        (void)leat_error_set(err, LEAT_E_CSV_QUOTE, "a quote is opened and never closed");
        return at_line(reader, reader->line, NULL, err);
    }
    if (length == 0)
        length = reader->bytes.length - reader->at;
    *out = (struct leat_text){NULL, length};
    if (length > 0)
        out->data = (const char *)reader->bytes.data + reader->at;
    reader->at += length;
    if (out->length > 0 && out->data[out->length - 1] == '\n')
        out->length--;
    if (out->length > 0 && out->data[out->length - 1] == '\r')
        out->length--;
    return LEAT_OK;
}

/* --- values --- */

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0')
                                : ((unsigned)c | 0x20) - 'a' + 10; /* above 15: none */
}

/* \n, \t, \101, \x41, and any other character for itself. Gives the characters used. */
static size_t unescape(const char *s, size_t length, char *out)
{
    static const char letters[] = "bfnrtv", meant[] = "\b\f\n\r\t\v";
    const char *at = *s ? strchr(letters, *s) : NULL;
    unsigned value = 0;
    size_t i = 0;

    *out = at ? meant[at - letters] : *s;
    if (at)
        return 1;
    if (*s == 'x' && length > 1 && digit_of(s[1]) < 16) {
        for (i = 1; i < length && i < 3 && digit_of(s[i]) < 16; i++)
            value = value * 16 + digit_of(s[i]);
        *out = (char)value;
        return i;
    }
    for (; i < length && i < 3 && s[i] >= '0' && s[i] <= '7'; i++)
        value = value * 8 + (unsigned)(s[i] - '0');
    if (i > 0)
        *out = (char)value;
    return i > 0 ? i : 1;
}

/* The value that begins at *at, up to the delimiter or the end, into reader->field. */
static enum leat_status take_text(struct copy_reader *reader, struct leat_text record, size_t *at,
                                  bool *null, struct leat_error *err)
{
    struct leat_buffer *field = &reader->field;
    size_t start = *at;

    field->length = 0;
    LEAT_TRY(leat_buffer_reserve(field, record.length - *at + 1, err));
    while (*at < record.length && record.data[*at] != reader->form->delimiter) {
        char c = record.data[(*at)++];
        if (c == '\\' && *at < record.length)
            *at += unescape(record.data + *at, record.length - *at, &c);
        field->data[field->length++] = (uint8_t)c;
    }
    *null =
        leat_text_equal((struct leat_text){record.data + start, *at - start}, reader->form->null);
    return LEAT_OK;
}

static enum leat_status take_csv(struct copy_reader *reader, struct leat_text record, size_t *at,
                                 bool *null, struct leat_error *err)
{
    const struct leat_copy_form *form = reader->form;
    struct leat_buffer *field = &reader->field;
    bool quoted = false, ever = false;

    field->length = 0;
    LEAT_TRY(leat_buffer_reserve(field, record.length - *at + 1, err));
    for (; *at < record.length && (quoted || record.data[*at] != form->delimiter); (*at)++) {
        char c = record.data[*at];
        if (quoted && c == form->escape && *at + 1 < record.length &&
            (record.data[*at + 1] == form->quote || record.data[*at + 1] == form->escape)) {
            field->data[field->length++] = (uint8_t)record.data[++*at];
        } else if (c == form->quote) {
            quoted = !quoted;
            ever = true;
        } else {
            field->data[field->length++] = (uint8_t)c;
        }
    }
    *null = !ever && leat_text_equal((struct leat_text){(const char *)field->data, field->length},
                                     form->null);
    return LEAT_OK;
}

static enum leat_status keep_value(struct copy_reader *reader, uint32_t column, uint32_t row,
                                   bool null, struct leat_error *err)
{
    struct leat_vector *vector = &reader->texts[column];
    struct leat_buffer *field = &reader->field;
    const char *copy = "";

    leat_validity_set(vector->validity, row, !null);
    if (!null &&
        (!leat_utf8_valid(field->data, field->length) || memchr(field->data, 0, field->length)))
        return leat_error_set(err, LEAT_E_CSV_UTF8, "the value is not valid UTF-8");
    if (!null && field->length > LEAT_STRING_INLINE) {
        copy = leat_arena_copy(&reader->arena, field->data, field->length);
        if (!copy)
            return leat_error_memory(err);
    } else if (!null) {
        copy = (const char *)field->data;
    }
    ((struct leat_string *)vector->data)[row] = leat_string_of(copy, null ? 0 : field->length);
    return LEAT_OK;
}

static enum leat_status take_row(struct copy_reader *reader, struct leat_text record, uint32_t row,
                                 struct leat_error *err)
{
    uint32_t columns = reader->schema->count, c = 0;
    enum leat_status status = LEAT_OK;
    size_t at = 0;
    bool null;

    for (; status == LEAT_OK && c < columns && at <= record.length; c++) {
        status = reader->form->csv ? take_csv(reader, record, &at, &null, err)
                                   : take_text(reader, record, &at, &null, err);
        if (status == LEAT_OK)
            status = keep_value(reader, c, row, null, err);
        if (status != LEAT_OK)
            return at_line(reader, reader->line, reader->schema->fields[c].name, err);
        at++; /* the delimiter */
    }
    if (c == columns && at > record.length)
        return LEAT_OK;
    if (c < columns)
        (void)leat_error_set(err, LEAT_E_CSV_FIELD_COUNT, "the row ends before column %s",
                             reader->schema->fields[c].name);
    else
        (void)leat_error_set(err, LEAT_E_CSV_FIELD_COUNT, "the row has more than %u values",
                             columns);
    return at_line(reader, reader->line, NULL, err);
}

static void count_lines(struct copy_reader *reader, struct leat_text record)
{
    reader->line++;
    for (size_t i = 0; i < record.length; i++)
        reader->line += record.data[i] == '\n';
}

/* Rows until the batch is full or the end. */
static enum leat_status fill(struct copy_reader *reader, struct leat_error *err)
{
    struct leat_text record;
    uint32_t row = 0;

    while (row < LEAT_BATCH_ROWS && reader->arena.used < BATCH_BYTES) {
        LEAT_TRY(next_record(reader, &record, err));
        if (!record.data || leat_text_equal(record, leat_text_of("\\."))) {
            while (record.data && !reader->ended) { /* what follows \. is not read */
                reader->at = reader->bytes.length;
                LEAT_TRY(more(reader, err));
            }
            reader->at = reader->bytes.length;
            break;
        }
        if (reader->form->header && !reader->past_header) {
            reader->past_header = true;
        } else {
            reader->lines[row] = reader->line;
            LEAT_TRY(take_row(reader, record, row++, err));
        }
        count_lines(reader, record);
    }
    reader->batch.length = row;
    return LEAT_OK;
}

/* --- batches --- */

/* The value that could not be cast. */
static enum leat_status find_bad(struct copy_reader *reader, struct leat_error *err)
{
    struct leat_value value;
    struct leat_error first;

    for (uint32_t r = 0; r < reader->batch.length; r++)
        for (uint32_t c = 0; c < reader->schema->count; c++) {
            const struct leat_string *text =
                &((const struct leat_string *)reader->texts[c].data)[r];
            if (!leat_vector_is_null(&reader->texts[c], r) &&
                leat_value_parse(leat_string_text(text), reader->schema->fields[c].type,
                                 &reader->arena, &value, &first) != LEAT_OK) {
                *err = first;
                return at_line(reader, reader->lines[r], reader->schema->fields[c].name, err);
            }
        }
    return err->status;
}

static enum leat_status next(struct leat_reader *base, struct leat_batch **out,
                             struct leat_error *err)
{
    struct copy_reader *reader = (struct copy_reader *)base;
    uint32_t columns = reader->schema->count;
    struct leat_batch texts = {.column_count = columns, .columns = reader->texts};
    struct leat_schema schema;
    enum leat_status status;

    *out = NULL;
    leat_arena_reset(&reader->arena);
    schema.count = columns;
    schema.fields = LEAT_NEW_ARRAY(&reader->arena, struct leat_field, columns);
    if (!schema.fields)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < columns; c++)
        schema.fields[c] = (struct leat_field){.name = "", .type = leat_type_get(LEAT_TEXT)};
    LEAT_TRY(leat_batch_init(&texts, &schema, LEAT_BATCH_ROWS, &reader->arena, err));
    for (uint32_t c = 0; c < columns; c++)
        LEAT_TRY(
            leat_vector_make_validity(&texts.columns[c], LEAT_BATCH_ROWS, &reader->arena, err));
    reader->texts = texts.columns;
    LEAT_TRY(fill(reader, err));
    if (reader->batch.length == 0)
        return LEAT_OK;
    texts.length = reader->batch.length;
    for (uint32_t c = 0; c < columns; c++)
        texts.columns[c].length = texts.length;
    status = leat_evaluator_run(reader->evaluator, &texts, reader->typed, err);
    if (status != LEAT_OK)
        return find_bad(reader, err);
    for (uint32_t i = 0; i < reader->scan->column_count; i++)
        reader->wanted[i] = reader->typed[reader->scan->columns[i]];
    reader->batch.column_count = reader->scan->column_count;
    reader->batch.columns = reader->wanted;
    *out = &reader->batch;
    return LEAT_OK;
}

static void close_reader(struct leat_reader *base)
{
    struct copy_reader *reader = (struct copy_reader *)base;

    leat_evaluator_free(reader->evaluator);
    leat_buffer_release(&reader->bytes);
    leat_buffer_release(&reader->field);
    leat_arena_release(&reader->arena);
    leat_arena_release(&reader->types);
    leat_free(reader);
}

static const struct leat_reader_ops reader_ops = {next, close_reader};

/* Casts of all columns. */
static enum leat_status open_evaluator(struct copy_reader *reader, struct leat_error *err)
{
    uint32_t columns = reader->schema->count;
    struct leat_expr **casts = LEAT_NEW_ARRAY(&reader->types, struct leat_expr *, columns);

    reader->typed = LEAT_NEW_ARRAY(&reader->types, struct leat_vector, columns);
    reader->wanted = LEAT_NEW_ARRAY(&reader->types, struct leat_vector, columns);
    reader->lines = LEAT_NEW_ARRAY(&reader->types, uint64_t, LEAT_BATCH_ROWS);
    if (!casts || !reader->typed || !reader->wanted || !reader->lines)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < columns; i++) {
        struct leat_expr *column = LEAT_NEW(&reader->types, struct leat_expr);
        struct leat_expr *cast = LEAT_NEW(&reader->types, struct leat_expr);
        struct leat_expr **args = LEAT_NEW(&reader->types, struct leat_expr *);
        if (!column || !cast || !args)
            return leat_error_memory(err);
        *column = (struct leat_expr){
            .kind = LEAT_EXPR_COLUMN, .type = leat_type_get(LEAT_TEXT), .column = i};
        args[0] = column;
        *cast = (struct leat_expr){.kind = LEAT_EXPR_CAST,
                                   .type = reader->schema->fields[i].type,
                                   .arg_count = 1,
                                   .args = args};
        casts[i] = reader->schema->fields[i].type->id == LEAT_TEXT ? column : cast;
    }
    return leat_evaluator_new(casts, columns, NULL, NULL, &reader->evaluator, err);
}

static enum leat_status open_reader(struct leat_source *base, const struct leat_scan *scan,
                                    struct leat_text split, const struct leat_read_context *context,
                                    struct leat_reader **out, struct leat_error *err)
{
    struct copy_source *source = (struct copy_source *)base;
    struct copy_reader *reader = leat_calloc(1, sizeof(*reader));
    enum leat_status status;

    (void)split;
    *out = NULL;
    if (!reader)
        return leat_error_memory(err);
    reader->base.ops = &reader_ops;
    reader->form = source->form;
    reader->schema = &base->schema;
    reader->scan = scan;
    reader->name = base->name;
    reader->input = source->input;
    reader->cancel = context ? context->cancel : NULL;
    reader->line = 1;
    leat_buffer_init(&reader->bytes, (size_t)RECORD_MAXIMUM * 2);
    leat_buffer_init(&reader->field, (size_t)RECORD_MAXIMUM * 2);
    leat_arena_init(&reader->arena, context ? context->accountant : NULL);
    leat_arena_init(&reader->types, context ? context->accountant : NULL);
    status = source->read ? leat_error_internal(err, "COPY's input is read twice")
                          : open_evaluator(reader, err);
    source->read = true;
    if (status != LEAT_OK)
        close_reader(&reader->base);
    else
        *out = &reader->base;
    return status;
}

static enum leat_status splits(struct leat_source *source, const struct leat_scan *scan,
                               unsigned wanted, struct leat_bytes_list *out, struct leat_error *err)
{
    (void)source;
    (void)scan;
    (void)wanted;
    return leat_bytes_list_append(out, "", 0, err);
}

static enum leat_status put(struct leat_source *source, struct leat_buffer *out,
                            struct leat_error *err)
{
    (void)source;
    (void)out;
    return leat_error_set(err, LEAT_E_UNSUPPORTED,
                          "what a client copies in cannot be read by "
                          "another process");
}

static void close_source(struct leat_source *source)
{
    leat_free(source);
}

static const struct leat_source_ops source_ops = {"copy", splits, open_reader, put, close_source};

enum leat_status leat_copy_source_open(const struct leat_copy_form *form,
                                       const struct leat_schema *schema, const char *name,
                                       struct leat_copy_input *input, struct leat_source **out,
                                       struct leat_error *err)
{
    struct copy_source *source = leat_calloc(1, sizeof(*source));

    *out = NULL;
    if (!source)
        return leat_error_memory(err);
    source->base = (struct leat_source){.ops = &source_ops,
                                        .schema = *schema,
                                        .row_estimate = UINT64_MAX,
                                        .byte_estimate = UINT64_MAX,
                                        .name = name};
    source->form = form;
    source->input = input;
    *out = &source->base;
    return LEAT_OK;
}
