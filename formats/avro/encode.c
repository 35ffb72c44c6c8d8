/*
 * Encoding rows: a compiled tree says for each node of the Avro schema where its values stand in
 * the batch; rows are then written value by value, as deep as the schema. Vectors of any form are
 * read where they lie.
 */
#include "formats/avro/avro_internal.h"

struct avro_encoder {
    const struct avro_node *node;
    const struct leat_type *type; /* of the values given; NULL: there is no such column */
    uint32_t count;
    struct avro_encoder *children; /* one for each child of the node; MAP: key and value */
    int32_t *source;               /* RECORD: which field of ours; -1: none */
    int32_t branch;                /* UNION: the branch of values that are not null */
};

enum leat_status avro_put_long(struct leat_buffer *out, int64_t value, struct leat_error *err)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    uint8_t bytes[10];
    size_t length = 0;
    while (bits >= 0x80) {
        bytes[length++] = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    bytes[length++] = (uint8_t)bits;
    return leat_buffer_append(out, bytes, length, err);
}

/* --- compiling --- */

static enum leat_status compile(const struct avro_node *node, const struct leat_type *type,
                                struct leat_arena *arena, struct avro_encoder *out,
                                struct leat_error *err);

static enum leat_status misfit(const struct leat_type *type, struct leat_error *err)
{
    struct leat_buffer text;
    leat_buffer_init(&text, 200);
    enum leat_status status = leat_type_print(type, &text, err);
    if (!status)
        status = leat_error_set(err, LEAT_E_AVRO_TYPE, "values of type %.*s do not fit",
                                (int)text.length, (const char *)text.data);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status alloc_children(struct avro_encoder *out, uint32_t count,
                                       struct leat_arena *arena, struct leat_error *err)
{
    out->count = count;
    out->children = LEAT_NEW_ARRAY(arena, struct avro_encoder, count);
    out->source = LEAT_NEW_ARRAY(arena, int32_t, count);
    return out->children && out->source ? LEAT_OK : leat_error_memory(err);
}

static int find_source(const struct avro_node *node, uint32_t field,
                       const struct leat_field *fields, uint32_t count, struct leat_arena *arena)
{
    for (uint32_t i = 0; node->ids[field] && i < count; i++) {
        if (fields[i].id == node->ids[field])
            return (int)i;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, node->names[field]) == 0)
            return (int)i;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *safe = avro_sanitise(arena, fields[i].name);
        if (safe && strcmp(safe, node->names[field]) == 0)
            return (int)i;
    }
    return -1;
}

static enum leat_status compile_fields(const struct avro_node *node,
                                       const struct leat_field *fields, uint32_t count,
                                       struct leat_arena *arena, struct avro_encoder *out,
                                       struct leat_error *err)
{
    LEAT_TRY(alloc_children(out, node->count, arena, err));
    for (uint32_t i = 0; i < node->count; i++) {
        out->source[i] = find_source(node, i, fields, count, arena);
        if (out->source[i] < 0 && !avro_node_is_nullable(node->children[i]))
            return leat_error_set(err, LEAT_E_AVRO_TYPE, "no column for the Avro field %s",
                                  node->names[i]);
        enum leat_status status =
            compile(node->children[i], out->source[i] < 0 ? NULL : fields[out->source[i]].type,
                    arena, &out->children[i], err);
        if (status) {
            leat_error_context(err, "field %s", node->names[i]);
            return status;
        }
    }
    return LEAT_OK;
}

static enum leat_status compile_union(const struct avro_node *node, const struct leat_type *type,
                                      struct leat_arena *arena, struct avro_encoder *out,
                                      struct leat_error *err)
{
    LEAT_TRY(alloc_children(out, 1, arena, err));
    out->branch = -1;
    if (!type || type->id == LEAT_NULL)
        return LEAT_OK;
    for (uint32_t i = 0; i < node->count; i++) {
        if ((int32_t)i == node->null_branch)
            continue;
        if (compile(node->children[i], type, arena, &out->children[0], err) == LEAT_OK) {
            out->branch = (int32_t)i;
            return LEAT_OK;
        }
    }
    return misfit(type, err);
}

static bool fits_simple(const struct avro_node *node, const struct leat_type *type)
{
    enum leat_type_id id = type->id;
    bool integer = leat_type_is_integer(type);
    switch (node->kind) {
    case AVRO_BOOLEAN:
        return id == LEAT_BOOLEAN;
    case AVRO_INT:
        return (integer && id != LEAT_INT64) || id == LEAT_DATE;
    case AVRO_LONG:
        return integer || id == LEAT_TIME || id == LEAT_TIMESTAMP || id == LEAT_TIMESTAMPTZ;
    case AVRO_FLOAT:
        return id == LEAT_FLOAT;
    case AVRO_DOUBLE:
        return id == LEAT_DOUBLE || id == LEAT_FLOAT;
    case AVRO_BYTES:
        return node->logical == AVRO_DECIMAL ? id == LEAT_DECIMAL && type->scale == node->scale
                                             : leat_type_is_string(type);
    case AVRO_STRING:
        return id == LEAT_TEXT || id == LEAT_JSON || id == LEAT_UUID || id == LEAT_INTERVAL;
    case AVRO_FIXED:
        if (node->logical == AVRO_DECIMAL)
            return id == LEAT_DECIMAL && type->scale == node->scale;
        return id == LEAT_BYTES || (id == LEAT_UUID && node->size == 16);
    case AVRO_ENUM:
        return id == LEAT_TEXT;
    default:
        return false;
    }
}

static enum leat_status compile(const struct avro_node *node, const struct leat_type *type,
                                struct leat_arena *arena, struct avro_encoder *out,
                                struct leat_error *err)
{
    *out = (struct avro_encoder){.node = node, .type = type};
    if (node->kind == AVRO_UNION)
        return compile_union(node, type, arena, out, err);
    if (node->kind == AVRO_NULL)
        return LEAT_OK;
    if (!type)
        return leat_error_internal(err, "an Avro field without column is not nullable");
    switch (type->id) {
    case LEAT_STRUCT:
        if (node->kind != AVRO_RECORD)
            return misfit(type, err);
        return compile_fields(node, type->fields, type->field_count, arena, out, err);
    case LEAT_LIST:
        if (node->kind != AVRO_ARRAY)
            return misfit(type, err);
        LEAT_TRY(alloc_children(out, 1, arena, err));
        return compile(node->children[0], type->fields[0].type, arena, &out->children[0], err);
    case LEAT_MAP:
        LEAT_TRY(alloc_children(out, 2, arena, err));
        if (node->kind == AVRO_ARRAY && node->logical == AVRO_KEY_VALUE) {
            const struct avro_node *pair = node->children[0];
            LEAT_TRY(
                compile(pair->children[0], type->fields[0].type, arena, &out->children[0], err));
            return compile(pair->children[1], type->fields[1].type, arena, &out->children[1], err);
        }
        if (node->kind != AVRO_MAP || !leat_type_is_string(type->fields[0].type))
            return misfit(type, err);
        return compile(node->children[0], type->fields[1].type, arena, &out->children[1], err);
    default:
        return fits_simple(node, type) ? LEAT_OK : misfit(type, err);
    }
}

enum leat_status avro_encoder_new(const struct avro_node *root, const struct leat_schema *schema,
                                  struct leat_arena *arena, struct avro_encoder **out,
                                  struct leat_error *err)
{
    *out = LEAT_NEW(arena, struct avro_encoder);
    if (!*out)
        return leat_error_memory(err);
    if (root->kind != AVRO_RECORD)
        return leat_error_set(err, LEAT_E_AVRO_SCHEMA, "the Avro schema to write is no record");
    (*out)->node = root;
    return compile_fields(root, schema->fields, schema->count, arena, *out, err);
}

/* --- running --- */

static enum leat_status encode(const struct avro_encoder *encoder, const struct leat_vector *vector,
                               uint32_t row, struct leat_buffer *out, struct leat_error *err);

static int64_t integer_at(const struct leat_vector *vector, uint32_t row)
{
    switch (leat_type_width(vector->type)) {
    case 1:
        return ((const int8_t *)vector->data)[row];
    case 2:
        return ((const int16_t *)vector->data)[row];
    case 4:
        return ((const int32_t *)vector->data)[row];
    default:
        return ((const int64_t *)vector->data)[row];
    }
}

static enum leat_status put_long(const struct avro_node *node, const struct leat_vector *vector,
                                 uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    int64_t value = integer_at(vector, row);
    bool fits = true;
    if (node->logical == AVRO_TIME_MILLIS || node->logical == AVRO_TIMESTAMP_MILLIS)
        value = value >= 0 ? value / 1000 : -((-(value + 1)) / 1000) - 1;
    else if (node->logical == AVRO_TIMESTAMP_NANOS)
        fits = !__builtin_mul_overflow(value, (int64_t)1000, &value);
    if (!fits)
        return leat_error_set(err, LEAT_E_AVRO_TYPE, "a timestamp is out of range for nanoseconds");
    return avro_put_long(out, value, err);
}

/* Two's complement, big-endian: as many bytes as the fixed has, or as few as hold the number. */
static enum leat_status put_decimal(const struct avro_node *node, const struct leat_vector *vector,
                                    uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    leat_int128 value = leat_type_is_small_decimal(vector->type)
                            ? ((const int64_t *)vector->data)[row]
                            : ((const leat_int128 *)vector->data)[row];
    uint8_t bytes[16];
    size_t from = 0, need;
    for (int i = 15; i >= 0; i--)
        bytes[15 - i] = (uint8_t)(value >> (8 * i));
    while (from < 15 && ((bytes[from] == 0 && bytes[from + 1] < 0x80) ||
                         (bytes[from] == 0xff && bytes[from + 1] >= 0x80)))
        from++;
    need = 16 - from;
    if (node->kind == AVRO_BYTES) {
        LEAT_TRY(avro_put_long(out, (int64_t)need, err));
        return leat_buffer_append(out, bytes + from, need, err);
    }
    if (need > node->size)
        return leat_error_set(err, LEAT_E_AVRO_TYPE, "a decimal needs more than %u bytes",
                              node->size);
    for (size_t i = need; i < node->size; i++)
        LEAT_TRY(leat_buffer_append_byte(out, value < 0 ? 0xff : 0, err));
    return leat_buffer_append(out, bytes + from, need, err);
}

static enum leat_status put_string(const struct avro_node *node, const struct leat_vector *vector,
                                   uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    char text[LEAT_PRINT_MAX];
    struct leat_text value = {text, 0};
    if (vector->type->id == LEAT_UUID)
        value.length = leat_print_uuid((const uint8_t *)vector->data + 16 * (size_t)row, text);
    else if (vector->type->id == LEAT_INTERVAL)
        value.length =
            leat_print_interval(&((const struct leat_interval *)vector->data)[row], text);
    else
        value = leat_string_text(&((const struct leat_string *)vector->data)[row]);
    if (node->kind == AVRO_ENUM) {
        for (uint32_t i = 0; i < node->count; i++) {
            if (leat_text_equal(leat_text_of(node->names[i]), value))
                return avro_put_long(out, i, err);
        }
        return leat_error_set(err, LEAT_E_AVRO_TYPE, "the Avro enum has no symbol \"%.*s\"",
                              (int)value.length, value.data);
    }
    LEAT_TRY(avro_put_long(out, (int64_t)value.length, err));
    return leat_buffer_append(out, value.data, value.length, err);
}

static enum leat_status put_fixed(const struct avro_node *node, const struct leat_vector *vector,
                                  uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    if (node->logical == AVRO_DECIMAL)
        return put_decimal(node, vector, row, out, err);
    if (vector->type->id == LEAT_UUID)
        return leat_buffer_append(out, (const uint8_t *)vector->data + 16 * (size_t)row, 16, err);
    struct leat_text value = leat_string_text(&((const struct leat_string *)vector->data)[row]);
    if (value.length != node->size)
        return leat_error_set(err, LEAT_E_AVRO_TYPE, "%zu bytes do not fit a fixed of %u",
                              value.length, node->size);
    return leat_buffer_append(out, value.data, value.length, err);
}

static enum leat_status put_real(const struct avro_node *node, const struct leat_vector *vector,
                                 uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    float single = 0;
    if (vector->type->id == LEAT_FLOAT)
        single = ((const float *)vector->data)[row];
    if (node->kind == AVRO_FLOAT)
        return leat_buffer_append(out, &single, 4, err);
    double real =
        vector->type->id == LEAT_FLOAT ? (double)single : ((const double *)vector->data)[row];
    return leat_buffer_append(out, &real, 8, err);
}

/* An array or map: one block of all items, and the end. */
static enum leat_status put_items(const struct avro_encoder *encoder,
                                  const struct leat_vector *vector, uint32_t row,
                                  struct leat_buffer *out, struct leat_error *err)
{
    struct leat_list_entry entry = ((const struct leat_list_entry *)vector->data)[row];
    if (entry.length)
        LEAT_TRY(avro_put_long(out, entry.length, err));
    for (uint32_t i = 0; i < entry.length; i++) {
        uint32_t item = entry.offset + i;
        if (encoder->node->kind == AVRO_MAP) {
            const struct leat_vector *base;
            if (leat_vector_is_null(&vector->children[0], item))
                return leat_error_set(err, LEAT_E_AVRO_NULL, "a map's key is null");
            uint32_t at = leat_vector_locate(&vector->children[0], item, &base);
            LEAT_TRY(put_string(encoder->node, base, at, out, err));
            LEAT_TRY(encode(&encoder->children[1], &vector->children[1], item, out, err));
            continue;
        }
        for (uint32_t child = 0; child < encoder->count; child++)
            LEAT_TRY(encode(&encoder->children[child], &vector->children[child], item, out, err));
    }
    return avro_put_long(out, 0, err);
}

static enum leat_status put_fields(const struct avro_encoder *encoder,
                                   const struct leat_vector *columns, uint32_t row,
                                   struct leat_buffer *out, struct leat_error *err)
{
    for (uint32_t i = 0; i < encoder->count; i++) {
        int32_t source = encoder->source[i];
        enum leat_status status =
            encode(&encoder->children[i], source < 0 ? NULL : &columns[source], row, out, err);
        if (status) {
            leat_error_context(err, "field %s", encoder->node->names[i]);
            return status;
        }
    }
    return LEAT_OK;
}

static enum leat_status encode(const struct avro_encoder *encoder, const struct leat_vector *vector,
                               uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    const struct avro_node *node = encoder->node;
    const struct leat_vector *base;
    bool null = !vector || leat_vector_is_null(vector, row);
    if (node->kind == AVRO_UNION) {
        int32_t branch = null ? node->null_branch : encoder->branch;
        if (branch < 0)
            return leat_error_set(err, LEAT_E_AVRO_NULL, "the Avro type has no null");
        LEAT_TRY(avro_put_long(out, branch, err));
        return null ? LEAT_OK : encode(&encoder->children[0], vector, row, out, err);
    }
    if (node->kind == AVRO_NULL)
        return LEAT_OK;
    if (null)
        return leat_error_set(err, LEAT_E_AVRO_NULL, "the Avro type has no null");
    uint32_t at = leat_vector_locate(vector, row, &base);
    switch (node->kind) {
    case AVRO_BOOLEAN:
        return leat_buffer_append_byte(out, ((const uint8_t *)base->data)[at] != 0, err);
    case AVRO_INT:
    case AVRO_LONG:
        return put_long(node, base, at, out, err);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return put_real(node, base, at, out, err);
    case AVRO_FIXED:
        return put_fixed(node, base, at, out, err);
    case AVRO_BYTES:
        if (node->logical == AVRO_DECIMAL)
            return put_decimal(node, base, at, out, err);
        return put_string(node, base, at, out, err);
    case AVRO_STRING:
    case AVRO_ENUM:
        return put_string(node, base, at, out, err);
    case AVRO_RECORD:
        return put_fields(encoder, base->children, at, out, err);
    default:
        return put_items(encoder, base, at, out, err);
    }
}

enum leat_status avro_encode_row(const struct avro_encoder *encoder, const struct leat_batch *batch,
                                 uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    return put_fields(encoder, batch->columns, row, out, err);
}
