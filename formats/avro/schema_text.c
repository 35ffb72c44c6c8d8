/*
 * Our types as Avro schema text. Named types must be defined once, so the decimals and the uuid
 * already defined are remembered and later stand as a name; records are named by field id (Iceberg)
 * or by a running number.
 */
#include "formats/avro/avro_internal.h"

struct printer {
    struct leat_buffer *out;
    struct leat_arena arena;
    bool iceberg;
    bool uuid_defined;
    uint64_t decimals[LEAT_DECIMAL_MAX_PRECISION + 1]; /* a bit a scale */
    uint32_t records;
};

static enum leat_status put_type(struct printer *printer, const struct leat_type *type, int32_t id,
                                 unsigned depth, struct leat_error *err);

static enum leat_status put(struct printer *printer, const char *text, struct leat_error *err)
{
    return leat_buffer_append_string(printer->out, text, err);
}

static enum leat_status put_quoted(struct printer *printer, const char *text,
                                   struct leat_error *err)
{
    LEAT_TRY(put(printer, "\"", err));
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            LEAT_TRY(leat_buffer_printf(printer->out, err, "\\%c", *c));
        else if ((unsigned char)*c < 0x20)
            LEAT_TRY(leat_buffer_printf(printer->out, err, "\\u%04x", (unsigned)*c));
        else
            LEAT_TRY(leat_buffer_append_byte(printer->out, (uint8_t)*c, err));
    }
    return put(printer, "\"", err);
}

static int json_id(int32_t id)
{
    return id == LEAT_AVRO_FIELD_ID_ZERO ? 0 : id;
}

static enum leat_status put_fields(struct printer *printer, const struct leat_field *fields,
                                   uint32_t count, unsigned depth, struct leat_error *err)
{
    LEAT_TRY(put(printer, "[", err));
    for (uint32_t i = 0; i < count; i++) {
        const char *name = avro_sanitise(&printer->arena, fields[i].name);
        if (!name)
            return leat_error_memory(err);
        LEAT_TRY(leat_buffer_printf(printer->out, err, "%s{\"name\":", i ? "," : ""));
        LEAT_TRY(put_quoted(printer, name, err));
        if (strcmp(name, fields[i].name) != 0 && printer->iceberg) {
            LEAT_TRY(put(printer, ",\"iceberg-field-name\":", err));
            LEAT_TRY(put_quoted(printer, fields[i].name, err));
        }
        bool optional = !fields[i].required && fields[i].type->id != LEAT_NULL;
        LEAT_TRY(put(printer, optional ? ",\"type\":[\"null\"," : ",\"type\":", err));
        LEAT_TRY(put_type(printer, fields[i].type, fields[i].id, depth + 1, err));
        LEAT_TRY(put(printer, optional ? "],\"default\":null" : "", err));
        if (fields[i].comment) {
            LEAT_TRY(put(printer, ",\"doc\":", err));
            LEAT_TRY(put_quoted(printer, fields[i].comment, err));
        }
        if (fields[i].id)
            LEAT_TRY(
                leat_buffer_printf(printer->out, err, ",\"field-id\":%d", json_id(fields[i].id)));
        LEAT_TRY(put(printer, "}", err));
    }
    return put(printer, "]", err);
}

/* A list element or map value: null or the type, unless it is required. */
static enum leat_status put_item(struct printer *printer, const struct leat_field *field,
                                 unsigned depth, struct leat_error *err)
{
    if (field->required || field->type->id == LEAT_NULL)
        return put_type(printer, field->type, field->id, depth, err);
    LEAT_TRY(put(printer, "[\"null\",", err));
    LEAT_TRY(put_type(printer, field->type, field->id, depth, err));
    return put(printer, "]", err);
}

static enum leat_status put_map(struct printer *printer, const struct leat_type *type,
                                unsigned depth, struct leat_error *err)
{
    const struct leat_field *key = &type->fields[0], *value = &type->fields[1];
    bool ids = key->id || value->id;
    if (key->type->id == LEAT_TEXT) {
        LEAT_TRY(put(printer, "{\"type\":\"map\",\"values\":", err));
        LEAT_TRY(put_item(printer, value, depth + 1, err));
        if (ids)
            LEAT_TRY(leat_buffer_printf(printer->out, err, ",\"key-id\":%d,\"value-id\":%d",
                                        json_id(key->id), json_id(value->id)));
        return put(printer, "}", err);
    }
    LEAT_TRY(put(printer, "{\"type\":\"array\",\"logicalType\":\"map\",\"items\":", err));
    if (ids)
        LEAT_TRY(leat_buffer_printf(printer->out, err, "{\"type\":\"record\",\"name\":\"k%d_v%d\"",
                                    json_id(key->id), json_id(value->id)));
    else
        LEAT_TRY(leat_buffer_printf(printer->out, err, "{\"type\":\"record\",\"name\":\"entry_%u\"",
                                    ++printer->records));
    struct leat_field pair[2] = {*key, *value};
    pair[0].name = "key";
    pair[0].required = true;
    pair[1].name = "value";
    LEAT_TRY(put(printer, ",\"fields\":", err));
    LEAT_TRY(put_fields(printer, pair, 2, depth + 1, err));
    return put(printer, "}}", err);
}

static unsigned decimal_bytes(unsigned precision)
{
    unsigned bytes = 1;
    leat_int128 limit = 128;
    while (bytes < 16 && leat_power_of_ten[precision] > limit) {
        limit *= 256;
        bytes++;
    }
    return bytes;
}

static enum leat_status put_decimal(struct printer *printer, const struct leat_type *type,
                                    struct leat_error *err)
{
    uint64_t bit = (uint64_t)1 << type->scale;
    if (printer->decimals[type->precision] & bit)
        return leat_buffer_printf(printer->out, err, "\"decimal_%u_%u\"", type->precision,
                                  type->scale);
    printer->decimals[type->precision] |= bit;
    return leat_buffer_printf(printer->out, err,
                              "{\"type\":\"fixed\",\"name\":\"decimal_%u_%u\",\"size\":%u,"
                              "\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u}",
                              type->precision, type->scale, decimal_bytes(type->precision),
                              type->precision, type->scale);
}

static enum leat_status put_timestamp(struct printer *printer, bool zone, struct leat_error *err)
{
    if (printer->iceberg)
        return leat_buffer_printf(printer->out, err,
                                  "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\","
                                  "\"adjust-to-utc\":%s}",
                                  zone ? "true" : "false");
    return leat_buffer_printf(printer->out, err,
                              "{\"type\":\"long\",\"logicalType\":\"%stimestamp-micros\"}",
                              zone ? "" : "local-");
}

static enum leat_status put_struct(struct printer *printer, const struct leat_type *type,
                                   int32_t id, unsigned depth, struct leat_error *err)
{
    if (id)
        LEAT_TRY(leat_buffer_printf(printer->out, err, "{\"type\":\"record\",\"name\":\"r%d\"",
                                    json_id(id)));
    else
        LEAT_TRY(leat_buffer_printf(
            printer->out, err, "{\"type\":\"record\",\"name\":\"record_%u\"", ++printer->records));
    LEAT_TRY(put(printer, ",\"fields\":", err));
    LEAT_TRY(put_fields(printer, type->fields, type->field_count, depth, err));
    return put(printer, "}", err);
}

static enum leat_status put_type(struct printer *printer, const struct leat_type *type, int32_t id,
                                 unsigned depth, struct leat_error *err)
{
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a type is nested deeper than %d",
                              LEAT_TYPE_MAX_DEPTH);
    switch (type->id) {
    case LEAT_NULL:
        return put(printer, "\"null\"", err);
    case LEAT_BOOLEAN:
        return put(printer, "\"boolean\"", err);
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
        return put(printer, "\"int\"", err);
    case LEAT_INT64:
        return put(printer, "\"long\"", err);
    case LEAT_FLOAT:
        return put(printer, "\"float\"", err);
    case LEAT_DOUBLE:
        return put(printer, "\"double\"", err);
    case LEAT_DECIMAL:
        return put_decimal(printer, type, err);
    case LEAT_BYTES:
        return put(printer, "\"bytes\"", err);
    case LEAT_DATE:
        return put(printer, "{\"type\":\"int\",\"logicalType\":\"date\"}", err);
    case LEAT_TIME:
        return put(printer, "{\"type\":\"long\",\"logicalType\":\"time-micros\"}", err);
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return put_timestamp(printer, type->id == LEAT_TIMESTAMPTZ, err);
    case LEAT_UUID:
        if (printer->uuid_defined)
            return put(printer, "\"uuid_fixed\"", err);
        printer->uuid_defined = true;
        return put(printer,
                   "{\"type\":\"fixed\",\"name\":\"uuid_fixed\",\"size\":16,"
                   "\"logicalType\":\"uuid\"}",
                   err);
    case LEAT_LIST:
        LEAT_TRY(put(printer, "{\"type\":\"array\",\"items\":", err));
        LEAT_TRY(put_item(printer, &type->fields[0], depth + 1, err));
        if (type->fields[0].id)
            LEAT_TRY(leat_buffer_printf(printer->out, err, ",\"element-id\":%d",
                                        json_id(type->fields[0].id)));
        return put(printer, "}", err);
    case LEAT_STRUCT:
        return put_struct(printer, type, id, depth, err);
    case LEAT_MAP:
        return put_map(printer, type, depth, err);
    default: /* TEXT, JSON, INTERVAL */
        return put(printer, "\"string\"", err);
    }
}

enum leat_status leat_avro_schema_json(const struct leat_schema *schema, const char *record_name,
                                       struct leat_buffer *out, struct leat_error *err)
{
    struct printer printer = {.out = out};
    leat_arena_init(&printer.arena, NULL);
    for (uint32_t i = 0; i < schema->count; i++)
        printer.iceberg |= schema->fields[i].id != 0;
    enum leat_status status = put(&printer, "{\"type\":\"record\",\"name\":", err);
    if (!status)
        status = put_quoted(&printer, record_name ? record_name : "row", err);
    if (!status)
        status = put(&printer, ",\"fields\":", err);
    if (!status)
        status = put_fields(&printer, schema->fields, schema->count, 1, err);
    if (!status)
        status = put(&printer, "}", err);
    leat_arena_release(&printer.arena);
    return status;
}
