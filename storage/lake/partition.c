/* Partition specs, transforms (specification, "Partition Transforms") and single-value
 * serialisation (appendix D). */
#include "storage/lake/lake_internal.h"

static const char *const transform_names[] = {
    [LEAT_TRANSFORM_IDENTITY] = "identity", [LEAT_TRANSFORM_YEAR] = "year",
    [LEAT_TRANSFORM_MONTH] = "month",       [LEAT_TRANSFORM_DAY] = "day",
    [LEAT_TRANSFORM_HOUR] = "hour",         [LEAT_TRANSFORM_BUCKET] = "bucket",
    [LEAT_TRANSFORM_TRUNCATE] = "truncate", [LEAT_TRANSFORM_VOID] = "void",
    [LEAT_TRANSFORM_UNKNOWN] = "unknown",
};

void leat_lake_transform_name(const struct leat_partition_field *field, char out[32])
{
    bool wide =
        field->transform == LEAT_TRANSFORM_BUCKET || field->transform == LEAT_TRANSFORM_TRUNCATE;

    if (wide)
        snprintf(out, 32, "%s[%u]", transform_names[field->transform], field->width);
    else
        snprintf(out, 32, "%s", transform_names[field->transform]);
}

static void parse_transform(const char *name, struct leat_partition_field *out)
{
    out->transform = LEAT_TRANSFORM_UNKNOWN;
    if (sscanf(name, "bucket[%u]", &out->width) == 1 && out->width > 0) {
        out->transform = LEAT_TRANSFORM_BUCKET;
        return;
    }
    if (sscanf(name, "truncate[%u]", &out->width) == 1 && out->width > 0) {
        out->transform = LEAT_TRANSFORM_TRUNCATE;
        return;
    }
    for (int i = 0; i < LEAT_TRANSFORM_UNKNOWN; i++)
        if (strcmp(name, transform_names[i]) == 0 && i != LEAT_TRANSFORM_BUCKET &&
            i != LEAT_TRANSFORM_TRUNCATE)
            out->transform = (enum leat_transform)i;
}

const struct leat_type *leat_lake_transform_type(enum leat_transform transform,
                                                 const struct leat_type *source)
{
    switch (transform) {
    case LEAT_TRANSFORM_YEAR:
    case LEAT_TRANSFORM_MONTH:
    case LEAT_TRANSFORM_HOUR:
    case LEAT_TRANSFORM_BUCKET:
        return leat_type_get(LEAT_INT32);
    case LEAT_TRANSFORM_DAY:
        return leat_type_get(LEAT_DATE);
    case LEAT_TRANSFORM_UNKNOWN:
        return leat_type_get(LEAT_TEXT);
    default:
        return source;
    }
}

enum leat_status leat_lake_spec_from_json(const json_t *json, const struct leat_schema *schema,
                                          struct leat_arena *arena, struct leat_partition_spec *out,
                                          struct leat_error *err)
{
    const json_t *fields = json_object_get(json, "fields");

    out->id = (int32_t)json_integer_value(json_object_get(json, "spec-id"));
    out->count = (uint32_t)json_array_size(fields);
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_partition_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        const json_t *item = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *transform = json_string_value(json_object_get(item, "transform"));
        struct leat_partition_field *field = &out->fields[i];
        const struct leat_field *source;
        if (!name || !transform)
            return leat_error_set(err, LEAT_E_TABLE_METADATA,
                                  "partition spec: a field without name or transform");
        field->name = leat_arena_strdup(arena, name);
        if (!field->name)
            return leat_error_memory(err);
        field->source_id = (int32_t)json_integer_value(json_object_get(item, "source-id"));
        field->field_id = json_object_get(item, "field-id")
                              ? (int32_t)json_integer_value(json_object_get(item, "field-id"))
                              : (int32_t)(1000 + i);
        parse_transform(transform, field);
        source = leat_lake_field_by_id(schema->fields, schema->count, field->source_id);
        if (!source) /* a column dropped since: its values are never looked at */
            field->transform = LEAT_TRANSFORM_UNKNOWN;
        field->type = leat_lake_transform_type(field->transform,
                                               source ? source->type : leat_type_get(LEAT_TEXT));
    }
    return LEAT_OK;
}

enum leat_status leat_lake_spec_find(const struct leat_table *table, int32_t id,
                                     struct leat_arena *arena, struct leat_partition_spec *out,
                                     struct leat_error *err)
{
    const json_t *specs = json_object_get(table->json, "partition-specs");
    const json_t *legacy = json_object_get(table->json, "partition-spec");
    const json_t *item;
    size_t i;

    json_array_foreach(specs, i, item) if (json_integer_value(json_object_get(item, "spec-id")) ==
                                           id) return leat_lake_spec_from_json(item, &table->schema,
                                                                               arena, out, err);
    if (json_is_array(legacy)) { /* format version 1: the fields alone */
        json_t *whole = json_pack("{s:i, s:O}", "spec-id", 0, "fields", legacy);
        enum leat_status status =
            whole ? leat_lake_spec_from_json(whole, &table->schema, arena, out, err)
                  : leat_error_memory(err);
        json_decref(whole);
        return status;
    }
    if (id == 0) {
        *out = (struct leat_partition_spec){0};
        return LEAT_OK;
    }
    return leat_error_set(err, LEAT_E_TABLE_METADATA, "table at %s has no partition spec %d",
                          table->location, id);
}

/* Floor division, for dates before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;

    return a % b != 0 && (a % b < 0) != (b < 0) ? q - 1 : q;
}

static enum leat_status bucket(const struct leat_value *value, struct leat_arena *arena,
                               uint32_t width, struct leat_value *out, struct leat_error *err)
{
    struct leat_text bytes;
    int64_t integer;
    uint32_t hash;

    switch (value->type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        integer = value->integer;
        hash = leat_hash_murmur3(&integer, 8, 0);
        break;
    default:
        LEAT_TRY(leat_lake_value_put(value, arena, &bytes, err));
        hash = leat_hash_murmur3(bytes.data, bytes.length, 0);
    }
    out->integer = (int64_t)((hash & 0x7fffffffu) % width);
    return LEAT_OK;
}

static void truncate_value(const struct leat_value *value, uint32_t width, struct leat_value *out)
{
    size_t at = 0;

    *out = *value;
    if (leat_type_is_integer(value->type)) {
        out->integer = value->integer - (((value->integer % width) + width) % width);
    } else if (value->type->id == LEAT_DECIMAL) {
        leat_int128 w = width;
        out->decimal = value->decimal - (((value->decimal % w) + w) % w);
    } else if (value->type->id == LEAT_BYTES) {
        if (out->text.length > width)
            out->text.length = width;
    } else if (leat_type_is_string(value->type)) { /* whole characters */
        for (uint32_t n = 0; at < value->text.length && n < width; n++)
            do
                at++;
            while (at < value->text.length && ((uint8_t)value->text.data[at] & 0xc0) == 0x80);
        out->text.length = at;
    }
}

enum leat_status leat_lake_transform(const struct leat_partition_field *field,
                                     const struct leat_value *value, struct leat_arena *arena,
                                     struct leat_value *out, struct leat_error *err)
{
    bool date = value->type->id == LEAT_DATE;
    int64_t days, year;
    unsigned month, day;

    *out = (struct leat_value){.type = field->type, .is_null = value->is_null};
    if (value->is_null)
        return LEAT_OK;
    days = date ? value->integer : floor_div(value->integer, 86400000000LL);
    switch (field->transform) {
    case LEAT_TRANSFORM_IDENTITY:
        *out = *value;
        return LEAT_OK;
    case LEAT_TRANSFORM_YEAR:
    case LEAT_TRANSFORM_MONTH:
        leat_civil_from_days((int32_t)days, &year, &month, &day);
        out->integer = field->transform == LEAT_TRANSFORM_YEAR
                           ? year - 1970
                           : (year - 1970) * 12 + (int64_t)month - 1;
        return LEAT_OK;
    case LEAT_TRANSFORM_DAY:
        out->integer = days;
        return LEAT_OK;
    case LEAT_TRANSFORM_HOUR:
        out->integer = floor_div(value->integer, 3600000000LL);
        return LEAT_OK;
    case LEAT_TRANSFORM_BUCKET:
        return bucket(value, arena, field->width, out, err);
    case LEAT_TRANSFORM_TRUNCATE:
        truncate_value(value, field->width, out);
        return LEAT_OK;
    case LEAT_TRANSFORM_VOID:
        out->is_null = true;
        return LEAT_OK;
    default:
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "partition transform of field %s",
                              field->name);
    }
}

/* The shortest big-endian two's complement of a decimal. */
static size_t put_decimal(leat_int128 value, uint8_t out[16])
{
    uint8_t whole[16];
    size_t start = 0;

    for (int i = 0; i < 16; i++)
        whole[15 - i] = (uint8_t)(value >> (8 * i));
    while (start < 15 && ((whole[start] == 0x00 && whole[start + 1] < 0x80) ||
                          (whole[start] == 0xff && whole[start + 1] >= 0x80)))
        start++;
    memcpy(out, whole + start, 16 - start);
    return 16 - start;
}

enum leat_status leat_lake_value_put(const struct leat_value *value, struct leat_arena *arena,
                                     struct leat_text *out, struct leat_error *err)
{
    uint8_t bytes[16];
    size_t length;
    int32_t small = (int32_t)value->integer;
    float single;
    char *copy;

    switch (value->type->id) {
    case LEAT_BOOLEAN:
        bytes[0] = value->integer != 0;
        length = 1;
        break;
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_DATE:
        memcpy(bytes, &small, length = 4);
        break;
    case LEAT_FLOAT:
        single = (float)value->real;
        memcpy(bytes, &single, length = 4);
        break;
    case LEAT_DECIMAL:
        length = put_decimal(value->decimal, bytes);
        break;
    case LEAT_UUID:
        memcpy(bytes, value->uuid, length = 16);
        break;
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        copy = leat_arena_copy(arena, value->text.data, value->text.length);
        *out = (struct leat_text){copy, value->text.length};
        return copy ? LEAT_OK : leat_error_memory(err);
    case LEAT_DOUBLE:
        memcpy(bytes, &value->real, length = 8);
        break;
    default:
        memcpy(bytes, &value->integer, length = 8);
        break;
    }
    copy = leat_arena_copy(arena, bytes, length);
    *out = (struct leat_text){copy, length};
    return copy ? LEAT_OK : leat_error_memory(err);
}

bool leat_lake_value_read(struct leat_text bytes, const struct leat_type *type,
                          struct leat_value *out)
{
    int32_t small;
    float single;

    *out = (struct leat_value){.type = type};
    switch (type->id) {
    case LEAT_BOOLEAN:
        out->integer = bytes.length == 1 && bytes.data[0] != 0;
        return bytes.length == 1;
    case LEAT_INT32:
    case LEAT_DATE:
        if (bytes.length != 4)
            return false;
        memcpy(&small, bytes.data, 4);
        out->integer = small;
        return true;
    case LEAT_FLOAT:
        if (bytes.length != 4)
            return false;
        memcpy(&single, bytes.data, 4);
        out->real = single;
        return true;
    case LEAT_DOUBLE: /* a column promoted from float keeps old bounds of 4 bytes */
        if (bytes.length == 4) {
            memcpy(&single, bytes.data, 4);
            out->real = single;
            return true;
        }
        if (bytes.length != 8)
            return false;
        memcpy(&out->real, bytes.data, 8);
        return true;
    case LEAT_DECIMAL:
        if (bytes.length < 1 || bytes.length > 16)
            return false;
        out->decimal = (int8_t)bytes.data[0] < 0 ? -1 : 0;
        for (size_t i = 0; i < bytes.length; i++)
            out->decimal =
                (leat_int128)((unsigned __int128)out->decimal << 8 | (uint8_t)bytes.data[i]);
        return true;
    case LEAT_UUID:
        if (bytes.length != 16)
            return false;
        memcpy(out->uuid, bytes.data, 16);
        return true;
    case LEAT_TEXT:
    case LEAT_BYTES:
        out->text = bytes;
        return true;
    case LEAT_INT64: /* promoted from int likewise */
        if (bytes.length == 4) {
            memcpy(&small, bytes.data, 4);
            out->integer = small;
            return true;
        }
        /* fall through */
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        if (bytes.length != 8)
            return false;
        memcpy(&out->integer, bytes.data, 8);
        return true;
    default:
        return false;
    }
}
