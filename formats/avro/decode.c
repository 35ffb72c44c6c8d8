/*
 * Decoding rows into columns. A compiled step says, for each node of the file's schema, which
 * column its values go to (or none: it is skipped); columns are growing arrays kept from batch to
 * batch. Values come row by row, so steps call each other as deep as the schema, which is bounded.
 *
 * Validity bits are all ones to begin with and cleared by nulls. Columns that the file lacks are
 * filled with nulls when their parent is published.
 */
#include "formats/avro/avro_internal.h"
#include "base/utf8.h"

#define MAX_EMPTY_ITEMS (1u << 20) /* items of no bytes (nulls) in one array block */
#define MAX_ROWS        (1u << 28) /* values in one batch */

struct column {
    const struct leat_type *type;
    struct leat_vector vector; /* data, validity and children are owned here */
    uint32_t capacity;
    bool has_null;
    bool missing; /* the file has no such field */
    struct column *children;
};

enum step_kind {
    STEP_SKIP,
    STEP_NULL,
    STEP_BOOLEAN,
    STEP_INTEGER, /* varint to an integer column, times `factor` or divided by 1000 */
    STEP_REAL,    /* varint to a floating-point column */
    STEP_FLOAT,
    STEP_DOUBLE,
    STEP_STRING,       /* varint length and bytes, borrowed */
    STEP_FIXED_STRING, /* fixed bytes, borrowed */
    STEP_DECIMAL,
    STEP_UUID_TEXT,
    STEP_UUID,
    STEP_DURATION,
    STEP_ENUM,
    STEP_RECORD, /* into the children of its column, or, without one, wherever children go */
    STEP_LIST,
    STEP_MAP,
    STEP_OPTION, /* union with null, the other branch into the column */
    STEP_CHOICE  /* union of several: all branches into one column, or one member each */
};

struct step {
    enum step_kind kind;
    const struct avro_node *node;
    struct column *column;
    struct step *children; /* node->count; MAP from Avro's map: 2 (key, value) */
    int32_t factor;        /* INTEGER: 1, 1000, or -1000 to divide */
    bool members;          /* CHOICE: branches go to members */
};

struct avro_decoder {
    struct leat_arena arena;
    struct leat_accountant *accountant;
    enum leat_avro_match match;
    struct column *columns;
    uint32_t column_count;
    struct leat_vector *published;
    struct step root;
    bool wants_nothing; /* no column at all: rows are only counted */
};

struct run { /* what every step needs */
    const uint8_t *at;
    const uint8_t *end;
    struct avro_decoder *decoder;
    struct leat_error *err;
};

static enum leat_status corrupt(struct leat_error *err, const char *what)
{
    return leat_error_set(err, LEAT_E_AVRO_CORRUPT, "damaged Avro data: %s", what);
}

bool avro_get_long(const uint8_t **at, const uint8_t *end, int64_t *out)
{
    uint64_t value = 0;
    const uint8_t *from = *at;
    for (unsigned shift = 0; shift < 64 && from < end; shift += 7) {
        uint8_t byte = *from++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *at = from;
            *out = (int64_t)(value >> 1 ^ (0 - (value & 1)));
            return true;
        }
    }
    return false;
}

/* --- columns --- */

static enum leat_status column_init(struct column *column, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_error *err)
{
    *column = (struct column){.type = type};
    column->vector.type = type;
    column->vector.form = LEAT_FLAT;
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    column->children = LEAT_NEW_ARRAY(arena, struct column, type->field_count);
    column->vector.children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
    if (!column->children || !column->vector.children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < type->field_count; i++)
        LEAT_TRY(column_init(&column->children[i], type->fields[i].type, arena, err));
    return LEAT_OK;
}

static size_t column_bytes(const struct column *column, uint32_t capacity)
{
    return (size_t)capacity * leat_type_width(column->type) + leat_validity_words(capacity) * 8;
}

static void column_release(struct column *column, struct leat_accountant *accountant)
{
    leat_accountant_release(accountant, column_bytes(column, column->capacity));
    leat_free(column->vector.data);
    leat_free(column->vector.validity);
    for (uint32_t i = 0; column->children && i < column->type->field_count; i++)
        column_release(&column->children[i], accountant);
}

static enum leat_status column_grow(struct column *column, uint32_t needed, struct run *run)
{
    size_t width = leat_type_width(column->type);
    if (needed > MAX_ROWS)
        return leat_error_set(run->err, LEAT_E_LIMIT, "more than %u values in one batch",
                              (unsigned)MAX_ROWS);
    uint32_t capacity = column->capacity ? column->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    size_t more = column_bytes(column, capacity) - column_bytes(column, column->capacity);
    if (!leat_accountant_charge(run->decoder->accountant, more))
        return leat_error_memory(run->err);
    uint64_t *validity = leat_malloc(leat_validity_words(capacity) * 8);
    void *data = width ? leat_malloc_aligned(capacity * width) : NULL;
    if (!validity || (width && !data)) {
        leat_free(validity);
        leat_free(data);
        leat_accountant_release(run->decoder->accountant, more);
        return leat_error_memory(run->err);
    }
    memset(validity, 0xff, leat_validity_words(capacity) * 8);
    if (column->vector.validity)
        memcpy(validity, column->vector.validity, leat_validity_words(column->capacity) * 8);
    if (width && column->vector.length)
        memcpy(data, column->vector.data, column->vector.length * width);
    leat_free(column->vector.validity);
    leat_free(column->vector.data);
    column->vector.validity = validity;
    column->vector.data = data;
    column->capacity = capacity;
    return LEAT_OK;
}

/* Room for one more value; its row is vector.length. */
static inline enum leat_status column_room(struct column *column, struct run *run)
{
    return column->vector.length < column->capacity
               ? LEAT_OK
               : column_grow(column, column->vector.length + 1, run);
}

static enum leat_status append_nulls(struct column *column, uint32_t count, struct run *run)
{
    size_t width = leat_type_width(column->type);
    uint32_t length = column->vector.length;
    if (count == 0)
        return LEAT_OK;
    if (count > column->capacity - length)
        LEAT_TRY(column_grow(column, length + count, run));
    if (width)
        memset((char *)column->vector.data + length * width, 0, count * width);
    for (uint32_t i = length; i < length + count; i++)
        column->vector.validity[i >> 6] &= ~((uint64_t)1 << (i & 63));
    column->has_null = true;
    column->vector.length = length + count;
    for (uint32_t i = 0; column->type->id == LEAT_STRUCT && i < column->type->field_count; i++)
        LEAT_TRY(append_nulls(&column->children[i], count, run));
    return LEAT_OK;
}

static void column_reset(struct column *column)
{
    if (column->has_null)
        memset(column->vector.validity, 0xff, leat_validity_words(column->vector.length) * 8);
    column->has_null = false;
    column->vector.length = 0;
    for (uint32_t i = 0; column->children && i < column->type->field_count; i++)
        column_reset(&column->children[i]);
}

/* A view of the column; struct fields that the file lacks get their nulls now. */
static enum leat_status publish(struct column *column, uint32_t rows, bool rows_known,
                                struct leat_vector *out, struct run *run)
{
    if (rows_known && column->vector.length < rows)
        LEAT_TRY(append_nulls(column, rows - column->vector.length, run));
    for (uint32_t i = 0; column->children && i < column->type->field_count; i++)
        LEAT_TRY(publish(&column->children[i], column->vector.length,
                         column->type->id == LEAT_STRUCT, &column->vector.children[i], run));
    *out = column->vector;
    if (!column->has_null)
        out->validity = NULL;
    return LEAT_OK;
}

/* --- compiling --- */

static enum leat_status compile(struct avro_decoder *decoder, const struct avro_node *node,
                                struct column *column, struct step *out, struct leat_error *err);

static enum leat_status misfit(struct leat_error *err, const struct avro_node *node,
                               const struct column *column)
{
    static const char *const names[] = {"null",   "boolean", "int",    "long",  "float",
                                        "double", "bytes",   "string", "fixed", "enum",
                                        "record", "array",   "map",    "union"};
    char wanted[128] = "another type";
    struct leat_buffer text;
    leat_buffer_init(&text, sizeof(wanted) - 1);
    if (leat_type_print(column->type, &text, NULL) == LEAT_OK && text.length < sizeof(wanted)) {
        memcpy(wanted, text.data, text.length);
        wanted[text.length] = '\0';
    }
    leat_buffer_release(&text);
    return leat_error_set(err, LEAT_E_AVRO_TYPE, "an Avro %s cannot be read as %s",
                          names[node->kind], wanted);
}

static enum leat_status alloc_steps(struct avro_decoder *decoder, struct step *step, uint32_t count,
                                    struct leat_error *err)
{
    step->children = LEAT_NEW_ARRAY(&decoder->arena, struct step, count);
    return step->children ? LEAT_OK : leat_error_memory(err);
}

/* Which of the record's fields becomes this field of ours, or -1. */
static int find_field(const struct avro_decoder *decoder, const struct avro_node *node,
                      const struct leat_field *field)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (decoder->match == LEAT_AVRO_BY_ID ? node->ids[i] != 0 && node->ids[i] == field->id
                                              : strcmp(node->names[i], field->name) == 0)
            return (int)i;
    }
    return -1;
}

/* Finds a file field for each of ours; the rest of the record is skipped. */
static enum leat_status compile_fields(struct avro_decoder *decoder, const struct avro_node *node,
                                       const struct leat_field *fields, struct column *columns,
                                       uint32_t count, struct step *out, struct leat_error *err)
{
    out->kind = STEP_RECORD;
    LEAT_TRY(alloc_steps(decoder, out, node->count, err));
    for (uint32_t i = 0; i < node->count; i++)
        out->children[i].node = node->children[i];
    for (uint32_t j = 0; j < count; j++) {
        int i = find_field(decoder, node, &fields[j]);
        if (i < 0) {
            columns[j].missing = true;
            continue;
        }
        if (out->children[i].column)
            return leat_error_set(err, LEAT_E_AVRO_TYPE, "field %s is wanted twice",
                                  node->names[i]);
        enum leat_status status =
            compile(decoder, node->children[i], &columns[j], &out->children[i], err);
        if (status) {
            leat_error_context(err, "field %s", fields[j].name);
            return status;
        }
        out->children[i].column = &columns[j];
    }
    return LEAT_OK;
}

static enum leat_status compile_array(struct avro_decoder *decoder, const struct avro_node *node,
                                      struct column *column, struct step *out,
                                      struct leat_error *err)
{
    const struct avro_node *item = node->children[0];
    LEAT_TRY(alloc_steps(decoder, out, 1, err));
    if (column->type->id == LEAT_LIST) {
        out->kind = STEP_LIST;
        return compile(decoder, item, &column->children[0], &out->children[0], err);
    }
    if (column->type->id != LEAT_MAP || item->kind != AVRO_RECORD || item->count != 2)
        return misfit(err, node, column);
    out->kind = STEP_MAP;
    struct step *pair = &out->children[0];
    pair->kind = STEP_RECORD;
    pair->node = item;
    LEAT_TRY(alloc_steps(decoder, pair, 2, err));
    for (uint32_t i = 0; i < 2; i++)
        LEAT_TRY(
            compile(decoder, item->children[i], &column->children[i], &pair->children[i], err));
    return LEAT_OK;
}

static enum leat_status compile_map(struct avro_decoder *decoder, const struct avro_node *node,
                                    struct column *column, struct step *out, struct leat_error *err)
{
    static const struct avro_node text = {.kind = AVRO_STRING, .minimum = 1, .weight = 1};
    if (column->type->id != LEAT_MAP)
        return misfit(err, node, column);
    out->kind = STEP_MAP;
    LEAT_TRY(alloc_steps(decoder, out, 2, err));
    LEAT_TRY(compile(decoder, &text, &column->children[0], &out->children[0], err));
    return compile(decoder, node->children[0], &column->children[1], &out->children[1], err);
}

static enum leat_status compile_union(struct avro_decoder *decoder, const struct avro_node *node,
                                      struct column *column, struct step *out,
                                      struct leat_error *err)
{
    uint32_t others = node->count - (node->null_branch >= 0 ? 1 : 0), member = 0;
    LEAT_TRY(alloc_steps(decoder, out, node->count, err));
    out->kind = others <= 1 ? STEP_OPTION : STEP_CHOICE;
    out->members = others > 1 && column->type->id == LEAT_STRUCT &&
                   column->type->field_count == others &&
                   strcmp(column->type->fields[0].name, "member0") == 0;
    for (uint32_t i = 0; i < node->count; i++) {
        struct step *child = &out->children[i];
        child->node = node->children[i];
        if ((int32_t)i == node->null_branch)
            continue;
        LEAT_TRY(compile(decoder, node->children[i],
                         out->members ? &column->children[member++] : column, child, err));
    }
    return LEAT_OK;
}

static int32_t factor_of(const struct avro_node *node)
{
    switch (node->logical) {
    case AVRO_TIME_MILLIS:
    case AVRO_TIMESTAMP_MILLIS:
        return 1000;
    case AVRO_TIMESTAMP_NANOS:
        return -1000;
    default:
        return 1;
    }
}

static bool is_time(enum leat_type_id id)
{
    return id == LEAT_TIME || id == LEAT_TIMESTAMP || id == LEAT_TIMESTAMPTZ;
}

static enum step_kind number_step(const struct avro_node *node, enum leat_type_id id,
                                  struct step *out)
{
    out->factor = 1;
    if (node->kind == AVRO_FLOAT)
        return id == LEAT_FLOAT || id == LEAT_DOUBLE ? STEP_FLOAT : STEP_SKIP;
    if (node->kind == AVRO_DOUBLE)
        return id == LEAT_DOUBLE ? STEP_DOUBLE : STEP_SKIP;
    if (id == LEAT_FLOAT || id == LEAT_DOUBLE)
        return STEP_REAL;
    if (is_time(id))
        out->factor = factor_of(node);
    return (id >= LEAT_INT8 && id <= LEAT_INT64) || id == LEAT_DATE || is_time(id) ? STEP_INTEGER
                                                                                   : STEP_SKIP;
}

static enum step_kind bytes_step(const struct avro_node *node, const struct leat_type *type)
{
    bool fixed = node->kind == AVRO_FIXED;
    if (leat_type_is_string(type))
        return fixed ? STEP_FIXED_STRING : STEP_STRING;
    if (type->id == LEAT_UUID && !fixed && node->kind == AVRO_STRING)
        return STEP_UUID_TEXT;
    if (type->id == LEAT_UUID && fixed && node->size == 16)
        return STEP_UUID;
    if (type->id == LEAT_INTERVAL && fixed && node->size == 12)
        return STEP_DURATION;
    if (type->id == LEAT_DECIMAL && node->logical == AVRO_DECIMAL && node->scale == type->scale)
        return STEP_DECIMAL;
    return STEP_SKIP;
}

static enum leat_status compile(struct avro_decoder *decoder, const struct avro_node *node,
                                struct column *column, struct step *out, struct leat_error *err)
{
    *out = (struct step){.node = node, .column = column};
    enum leat_type_id id = column->type->id;
    switch (node->kind) {
    case AVRO_NULL:
        out->kind = STEP_NULL;
        return LEAT_OK;
    case AVRO_BOOLEAN:
        out->kind = id == LEAT_BOOLEAN ? STEP_BOOLEAN : STEP_SKIP;
        break;
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        out->kind = number_step(node, id, out);
        break;
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_FIXED:
        out->kind = bytes_step(node, column->type);
        break;
    case AVRO_ENUM:
        out->kind = id == LEAT_TEXT ? STEP_ENUM : STEP_SKIP;
        break;
    case AVRO_RECORD:
        if (id != LEAT_STRUCT)
            break;
        return compile_fields(decoder, node, column->type->fields, column->children,
                              column->type->field_count, out, err);
    case AVRO_ARRAY:
        return compile_array(decoder, node, column, out, err);
    case AVRO_MAP:
        return compile_map(decoder, node, column, out, err);
    case AVRO_UNION:
        return compile_union(decoder, node, column, out, err);
    }
    return out->kind == STEP_SKIP ? misfit(err, node, column) : LEAT_OK;
}

enum leat_status avro_decoder_new(const struct avro_node *root, const struct leat_schema *wanted,
                                  enum leat_avro_match match, struct leat_accountant *accountant,
                                  struct avro_decoder **out, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    *out = NULL;
    struct avro_decoder *decoder = leat_calloc(1, sizeof(*decoder));
    if (!decoder)
        return leat_error_memory(err);
    leat_arena_init(&decoder->arena, accountant);
    decoder->accountant = accountant;
    decoder->match = match;
    decoder->wants_nothing = wanted->count == 0;
    decoder->columns = LEAT_NEW_ARRAY(&decoder->arena, struct column, wanted->count);
    decoder->published = LEAT_NEW_ARRAY(&decoder->arena, struct leat_vector, wanted->count);
    if (!decoder->columns || !decoder->published)
        status = leat_error_memory(err);
    for (uint32_t i = 0; !status && i < wanted->count; i++) {
        status = column_init(&decoder->columns[i], wanted->fields[i].type, &decoder->arena, err);
        if (!status)
            decoder->column_count = i + 1;
    }
    decoder->root.node = root;
    if (!status && root->kind == AVRO_RECORD)
        status = compile_fields(decoder, root, wanted->fields, decoder->columns, wanted->count,
                                &decoder->root, err);
    else if (!status && wanted->count == 1)
        status = compile(decoder, root, &decoder->columns[0], &decoder->root, err);
    if (status)
        avro_decoder_free(decoder);
    else
        *out = decoder;
    return status;
}

void avro_decoder_free(struct avro_decoder *decoder)
{
    if (!decoder)
        return;
    for (uint32_t i = 0; decoder->columns && i < decoder->column_count; i++)
        column_release(&decoder->columns[i], decoder->accountant);
    leat_arena_release(&decoder->arena);
    leat_free(decoder);
}

/* --- running --- */

static enum leat_status skip(const struct avro_node *node, struct run *run);
static enum leat_status decode(const struct step *step, struct run *run);

static enum leat_status get_long(struct run *run, int64_t *out)
{
    return avro_get_long(&run->at, run->end, out) ? LEAT_OK
                                                  : corrupt(run->err, "a number is malformed");
}

/* `length` bytes; *out stays valid as long as the block. */
static enum leat_status get_bytes(struct run *run, int64_t length, const uint8_t **out)
{
    if (length < 0 || length > run->end - run->at)
        return corrupt(run->err, "a value is longer than its block");
    *out = run->at;
    run->at += length;
    return LEAT_OK;
}

/* The header of a block of items: their number, 0 at the end. */
static enum leat_status get_block(struct run *run, uint64_t minimum, int64_t *count,
                                  int64_t *byte_size)
{
    *byte_size = -1;
    LEAT_TRY(get_long(run, count));
    if (*count < 0) {
        if (*count == INT64_MIN)
            return corrupt(run->err, "an array has a wrong length");
        *count = -*count;
        LEAT_TRY(get_long(run, byte_size));
        if (*byte_size < 0 || *byte_size > run->end - run->at)
            return corrupt(run->err, "an array is longer than its block");
    }
    uint64_t most = minimum ? (uint64_t)(run->end - run->at) / minimum : MAX_EMPTY_ITEMS;
    if ((uint64_t)*count > most)
        return corrupt(run->err, "an array is longer than its block");
    return LEAT_OK;
}

static enum leat_status skip_items(const struct avro_node *node, struct run *run)
{
    bool map = node->kind == AVRO_MAP;
    for (;;) {
        int64_t count, size, length;
        const uint8_t *bytes;
        LEAT_TRY(get_block(run, node->children[0]->minimum + map, &count, &size));
        if (count == 0)
            return LEAT_OK;
        if (size >= 0) {
            LEAT_TRY(get_bytes(run, size, &bytes));
            continue;
        }
        if (!map && node->children[0]->minimum == 0)
            continue; /* what may be empty always is */
        for (int64_t i = 0; i < count; i++) {
            if (map) {
                LEAT_TRY(get_long(run, &length));
                LEAT_TRY(get_bytes(run, length, &bytes));
            }
            LEAT_TRY(skip(node->children[0], run));
        }
    }
}

static enum leat_status skip(const struct avro_node *node, struct run *run)
{
    int64_t number;
    const uint8_t *bytes;
    switch (node->kind) {
    case AVRO_NULL:
        return LEAT_OK;
    case AVRO_BOOLEAN:
        return get_bytes(run, 1, &bytes);
    case AVRO_INT:
    case AVRO_LONG:
    case AVRO_ENUM:
        return get_long(run, &number);
    case AVRO_FLOAT:
        return get_bytes(run, 4, &bytes);
    case AVRO_DOUBLE:
        return get_bytes(run, 8, &bytes);
    case AVRO_BYTES:
    case AVRO_STRING:
        LEAT_TRY(get_long(run, &number));
        return get_bytes(run, number, &bytes);
    case AVRO_FIXED:
        return get_bytes(run, node->size, &bytes);
    case AVRO_RECORD:
        for (uint32_t i = 0; i < node->count; i++)
            LEAT_TRY(skip(node->children[i], run));
        return LEAT_OK;
    case AVRO_ARRAY:
    case AVRO_MAP:
        return skip_items(node, run);
    case AVRO_UNION:
        LEAT_TRY(get_long(run, &number));
        if (number < 0 || number >= node->count)
            return corrupt(run->err, "a union has no such branch");
        return skip(node->children[number], run);
    }
    return LEAT_OK;
}

static enum leat_status put_integer(struct column *column, int64_t value, int32_t factor,
                                    struct run *run)
{
    uint32_t row = column->vector.length;
    void *data = column->vector.data;
    bool fits = true;
    if (factor == 1000)
        fits = !__builtin_mul_overflow(value, (int64_t)1000, &value);
    else if (factor == -1000)
        value = value >= 0 ? value / 1000 : -((-(value + 1)) / 1000) - 1;
    switch (leat_type_width(column->type)) {
    case 1:
        fits = fits && value == (int8_t)value;
        ((int8_t *)data)[row] = (int8_t)value;
        break;
    case 2:
        fits = fits && value == (int16_t)value;
        ((int16_t *)data)[row] = (int16_t)value;
        break;
    case 4:
        fits = fits && value == (int32_t)value;
        ((int32_t *)data)[row] = (int32_t)value;
        break;
    default:
        ((int64_t *)data)[row] = value;
    }
    return fits ? LEAT_OK : corrupt(run->err, "a number is out of its type's range");
}

static enum leat_status put_decimal(const struct step *step, const uint8_t *bytes, size_t length,
                                    struct run *run)
{
    struct column *column = step->column;
    while (length > 1 &&
           ((bytes[0] == 0 && bytes[1] < 0x80) || (bytes[0] == 0xff && bytes[1] >= 0x80))) {
        bytes++;
        length--;
    }
    if (length > 16)
        return corrupt(run->err, "a decimal is out of its type's range");
    unsigned __int128 value = length && bytes[0] >= 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    leat_int128 number = (leat_int128)value, limit = leat_power_of_ten[column->type->precision];
    if (number >= limit || number <= -limit)
        return corrupt(run->err, "a decimal is out of its type's range");
    if (leat_type_is_small_decimal(column->type))
        ((int64_t *)column->vector.data)[column->vector.length] = (int64_t)number;
    else
        ((leat_int128 *)column->vector.data)[column->vector.length] = number;
    return LEAT_OK;
}

static enum leat_status put_string(struct column *column, const uint8_t *bytes, size_t length,
                                   struct run *run)
{
    if (length > UINT32_MAX)
        return corrupt(run->err, "a text is too long");
    if (column->type->id != LEAT_BYTES && !leat_utf8_valid(bytes, length))
        return corrupt(run->err, "a text is not UTF-8");
    ((struct leat_string *)column->vector.data)[column->vector.length] =
        leat_string_of((const char *)bytes, length);
    return LEAT_OK;
}

static enum leat_status decode_bytes(const struct step *step, struct run *run)
{
    struct column *column = step->column;
    uint32_t row = column->vector.length;
    int64_t length = step->node->size;
    const uint8_t *bytes;
    if (step->node->kind != AVRO_FIXED)
        LEAT_TRY(get_long(run, &length));
    LEAT_TRY(get_bytes(run, length, &bytes));
    switch (step->kind) {
    case STEP_DECIMAL:
        LEAT_TRY(put_decimal(step, bytes, (size_t)length, run));
        break;
    case STEP_UUID_TEXT:
        if (!leat_parse_uuid((const char *)bytes, (size_t)length,
                             (uint8_t *)column->vector.data + 16 * (size_t)row))
            return corrupt(run->err, "a uuid is malformed");
        break;
    case STEP_UUID:
        memcpy((uint8_t *)column->vector.data + 16 * (size_t)row, bytes, 16);
        break;
    case STEP_DURATION: {
        uint32_t parts[3];
        memcpy(parts, bytes, 12);
        ((struct leat_interval *)column->vector.data)[row] =
            (struct leat_interval){(int32_t)parts[0], (int32_t)parts[1], (int64_t)parts[2] * 1000};
        break;
    }
    default:
        LEAT_TRY(put_string(column, bytes, (size_t)length, run));
    }
    column->vector.length++;
    return LEAT_OK;
}

static enum leat_status decode_number(const struct step *step, struct run *run)
{
    struct column *column = step->column;
    uint32_t row = column->vector.length;
    const uint8_t *bytes;
    int64_t number;
    float single;
    double real = 0;
    switch (step->kind) {
    case STEP_BOOLEAN:
        LEAT_TRY(get_bytes(run, 1, &bytes));
        if (*bytes > 1)
            return corrupt(run->err, "a boolean is neither 0 nor 1");
        ((uint8_t *)column->vector.data)[row] = *bytes;
        column->vector.length++;
        return LEAT_OK;
    case STEP_INTEGER:
        LEAT_TRY(get_long(run, &number));
        LEAT_TRY(put_integer(column, number, step->factor, run));
        column->vector.length++;
        return LEAT_OK;
    case STEP_REAL:
        LEAT_TRY(get_long(run, &number));
        real = (double)number;
        break;
    case STEP_FLOAT:
        LEAT_TRY(get_bytes(run, 4, &bytes));
        memcpy(&single, bytes, 4);
        real = (double)single;
        break;
    default:
        LEAT_TRY(get_bytes(run, 8, &bytes));
        memcpy(&real, bytes, 8);
    }
    if (column->type->id == LEAT_FLOAT)
        ((float *)column->vector.data)[row] = (float)real;
    else
        ((double *)column->vector.data)[row] = real;
    column->vector.length++;
    return LEAT_OK;
}

static enum leat_status decode_items(const struct step *step, struct run *run)
{
    struct column *column = step->column;
    struct column *first = &column->children[0];
    bool map = step->node->kind == AVRO_MAP;
    uint32_t offset = first->vector.length;
    for (;;) {
        int64_t count, size;
        LEAT_TRY(get_block(run, step->node->children[0]->minimum + map, &count, &size));
        if (count == 0)
            break;
        if (step->node->children[0]->minimum + map == 0 &&
            first->vector.length + (uint64_t)count > MAX_EMPTY_ITEMS)
            return leat_error_set(run->err, LEAT_E_LIMIT, "more than %u empty items in one batch",
                                  MAX_EMPTY_ITEMS);
        for (int64_t i = 0; i < count; i++) {
            LEAT_TRY(decode(&step->children[0], run));
            if (map)
                LEAT_TRY(decode(&step->children[1], run));
        }
    }
    ((struct leat_list_entry *)column->vector.data)[column->vector.length++] =
        (struct leat_list_entry){offset, first->vector.length - offset};
    return LEAT_OK;
}

static enum leat_status decode_union(const struct step *step, struct run *run)
{
    struct column *column = step->column;
    int64_t branch;
    LEAT_TRY(get_long(run, &branch));
    if (branch < 0 || branch >= step->node->count)
        return corrupt(run->err, "a union has no such branch");
    if (branch == step->node->null_branch)
        return append_nulls(column, 1, run);
    const struct step *chosen = &step->children[branch];
    LEAT_TRY(decode(chosen, run));
    if (!step->members)
        return LEAT_OK;
    for (uint32_t i = 0; i < column->type->field_count; i++) {
        if (&column->children[i] != chosen->column)
            LEAT_TRY(append_nulls(&column->children[i], 1, run));
    }
    LEAT_TRY(column_room(column, run));
    column->vector.length++;
    return LEAT_OK;
}

static enum leat_status decode(const struct step *step, struct run *run)
{
    int64_t number;
    switch (step->kind) {
    case STEP_SKIP:
        return skip(step->node, run);
    case STEP_NULL:
        return append_nulls(step->column, 1, run);
    case STEP_RECORD:
        for (uint32_t i = 0; i < step->node->count; i++)
            LEAT_TRY(decode(&step->children[i], run));
        if (step->column) {
            LEAT_TRY(column_room(step->column, run));
            step->column->vector.length++;
        }
        return LEAT_OK;
    case STEP_OPTION:
    case STEP_CHOICE:
        return decode_union(step, run);
    case STEP_LIST:
    case STEP_MAP:
        LEAT_TRY(column_room(step->column, run));
        return decode_items(step, run);
    case STEP_ENUM:
        LEAT_TRY(column_room(step->column, run));
        LEAT_TRY(get_long(run, &number));
        if (number < 0 || number >= step->node->count)
            return corrupt(run->err, "an enum has no such symbol");
        ((struct leat_string *)step->column->vector.data)[step->column->vector.length++] =
            leat_string_of(step->node->names[number], strlen(step->node->names[number]));
        return LEAT_OK;
    case STEP_BOOLEAN:
    case STEP_INTEGER:
    case STEP_REAL:
    case STEP_FLOAT:
    case STEP_DOUBLE:
        LEAT_TRY(column_room(step->column, run));
        return decode_number(step, run);
    default:
        LEAT_TRY(column_room(step->column, run));
        return decode_bytes(step, run);
    }
}

enum leat_status avro_decoder_run(struct avro_decoder *decoder, const uint8_t **at,
                                  const uint8_t *end, uint32_t rows, struct leat_batch *out,
                                  struct leat_error *err)
{
    struct run run = {*at, end, decoder, err};
    for (uint32_t i = 0; i < decoder->column_count; i++)
        column_reset(&decoder->columns[i]);
    for (uint32_t row = 0; row < rows; row++)
        LEAT_TRY(decode(&decoder->root, &run));
    for (uint32_t i = 0; i < decoder->column_count; i++)
        LEAT_TRY(publish(&decoder->columns[i], rows, true, &decoder->published[i], &run));
    *at = run.at;
    *out = (struct leat_batch){decoder->column_count, rows, decoder->published};
    return LEAT_OK;
}
