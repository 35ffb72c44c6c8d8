/* Schemas between Leat's types and Iceberg's JSON form (specification, appendix C). Ids of new
 * schemas are given breadth first: all fields of a struct, then what is inside them. */
#include "storage/lake/lake_internal.h"

static enum leat_status bad_schema(struct leat_error *err, const char *what)
{
    return leat_error_set(err, LEAT_E_TABLE_METADATA, "table schema: %s", what);
}

/* A storable type with ids; *next is the next free id. */
static enum leat_status storable(const struct leat_type *type, struct leat_arena *arena,
                                 int32_t *next, unsigned depth, const struct leat_type **out,
                                 struct leat_error *err)
{
    struct leat_field *fields;

    *out = type;
    switch (type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
        *out = leat_type_get(LEAT_INT32);
        return LEAT_OK;
    case LEAT_JSON:
    case LEAT_INTERVAL:
    case LEAT_NULL:
        *out = leat_type_get(LEAT_TEXT);
        return LEAT_OK;
    default:
        break;
    }
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a type nested deeper than %d",
                              LEAT_TYPE_MAX_DEPTH);
    fields = LEAT_NEW_ARRAY(arena, struct leat_field, type->field_count);
    if (!fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        fields[i].id = (*next)++;
    }
    for (uint32_t i = 0; i < type->field_count; i++)
        LEAT_TRY(storable(fields[i].type, arena, next, depth + 1, &fields[i].type, err));
    switch (type->id) {
    case LEAT_STRUCT:
        *out = leat_type_struct(arena, fields, type->field_count);
        break;
    default: { /* LIST and MAP keep ids and required flags of their parts */
        struct leat_type *copy = LEAT_NEW(arena, struct leat_type);
        if (copy) {
            copy->id = type->id;
            copy->field_count = type->field_count;
            copy->fields = fields;
        }
        *out = copy;
    }
    }
    return *out ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_lake_schema_from(const struct leat_schema *schema, int32_t first,
                                       struct leat_arena *arena, struct leat_schema *out,
                                       int32_t *last, struct leat_error *err)
{
    int32_t next = first;

    out->count = schema->count;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, schema->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < schema->count; i++) {
        out->fields[i] = schema->fields[i];
        out->fields[i].id = next++;
    }
    for (uint32_t i = 0; i < schema->count; i++)
        LEAT_TRY(storable(schema->fields[i].type, arena, &next, 0, &out->fields[i].type, err));
    *last = next - 1;
    return LEAT_OK;
}

enum leat_status leat_lake_schema(const struct leat_schema *schema, struct leat_arena *arena,
                                  struct leat_schema *out, struct leat_error *err)
{
    int32_t last;

    return leat_lake_schema_from(schema, 1, arena, out, &last, err);
}

static json_t *type_to_json(const struct leat_type *type)
{
    switch (type->id) {
    case LEAT_BOOLEAN:
        return json_string("boolean");
    case LEAT_INT32:
        return json_string("int");
    case LEAT_INT64:
        return json_string("long");
    case LEAT_FLOAT:
        return json_string("float");
    case LEAT_DOUBLE:
        return json_string("double");
    case LEAT_DECIMAL:
        return json_sprintf("decimal(%u, %u)", type->precision, type->scale);
    case LEAT_BYTES:
        return json_string("binary");
    case LEAT_DATE:
        return json_string("date");
    case LEAT_TIME:
        return json_string("time");
    case LEAT_TIMESTAMP:
        return json_string("timestamp");
    case LEAT_TIMESTAMPTZ:
        return json_string("timestamptz");
    case LEAT_UUID:
        return json_string("uuid");
    case LEAT_LIST:
        return json_pack("{s:s, s:i, s:o, s:b}", "type", "list", "element-id", type->fields[0].id,
                         "element", type_to_json(type->fields[0].type), "element-required",
                         type->fields[0].required);
    case LEAT_MAP:
        return json_pack("{s:s, s:i, s:o, s:i, s:o, s:b}", "type", "map", "key-id",
                         type->fields[0].id, "key", type_to_json(type->fields[0].type), "value-id",
                         type->fields[1].id, "value", type_to_json(type->fields[1].type),
                         "value-required", type->fields[1].required);
    case LEAT_STRUCT:
        return leat_lake_struct_to_json(type->fields, type->field_count);
    default:
        return json_string("string");
    }
}

json_t *leat_lake_struct_to_json(const struct leat_field *fields, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_t *field =
            json_pack("{s:i, s:s, s:b, s:o}", "id", fields[i].id, "name", fields[i].name,
                      "required", fields[i].required, "type", type_to_json(fields[i].type));
        if (field && fields[i].comment)
            json_object_set_new(field, "doc", json_string(fields[i].comment));
        if (!field || json_array_append_new(list, field) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "type", "struct", "fields", list);
}

static enum leat_status type_from_json(const json_t *json, struct leat_arena *arena, unsigned depth,
                                       const struct leat_type **out, struct leat_error *err);

static enum leat_status simple_from_json(const char *name, const struct leat_type **out,
                                         struct leat_error *err)
{
    static const struct {
        const char *name;
        enum leat_type_id id;
    } names[] = {{"boolean", LEAT_BOOLEAN}, {"int", LEAT_INT32},
                 {"long", LEAT_INT64},      {"float", LEAT_FLOAT},
                 {"double", LEAT_DOUBLE},   {"date", LEAT_DATE},
                 {"time", LEAT_TIME},       {"timestamp", LEAT_TIMESTAMP},
                 {"string", LEAT_TEXT},     {"timestamptz", LEAT_TIMESTAMPTZ},
                 {"uuid", LEAT_UUID},       {"binary", LEAT_BYTES},
                 {"unknown", LEAT_NULL}};
    unsigned precision, scale;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i].name) == 0) {
            *out = leat_type_get(names[i].id);
            return LEAT_OK;
        }
    if (strncmp(name, "fixed[", 6) == 0) {
        *out = leat_type_get(LEAT_BYTES);
        return LEAT_OK;
    }
    if (sscanf(name, "decimal(%3u , %3u)", &precision, &scale) == 2 && precision >= 1 &&
        precision <= LEAT_DECIMAL_MAX_PRECISION && scale <= precision) {
        *out = leat_type_decimal(precision, scale);
        return LEAT_OK;
    }
    return leat_error_set(err, LEAT_E_TABLE_METADATA, "table schema: unknown type \"%.100s\"",
                          name);
}

static enum leat_status parts_from_json(const json_t *json, enum leat_type_id id,
                                        struct leat_arena *arena, unsigned depth,
                                        const struct leat_type **out, struct leat_error *err)
{
    struct leat_type *type = LEAT_NEW(arena, struct leat_type);
    struct leat_field *fields = LEAT_NEW_ARRAY(arena, struct leat_field, 2);

    if (!type || !fields)
        return leat_error_memory(err);
    type->id = id;
    type->fields = fields;
    if (id == LEAT_LIST) {
        type->field_count = 1;
        fields[0].name = "element";
        fields[0].id = (int32_t)json_integer_value(json_object_get(json, "element-id"));
        fields[0].required = json_is_true(json_object_get(json, "element-required"));
        LEAT_TRY(type_from_json(json_object_get(json, "element"), arena, depth + 1, &fields[0].type,
                                err));
    } else {
        type->field_count = 2;
        fields[0].name = "key";
        fields[0].id = (int32_t)json_integer_value(json_object_get(json, "key-id"));
        fields[0].required = true;
        fields[1].name = "value";
        fields[1].id = (int32_t)json_integer_value(json_object_get(json, "value-id"));
        fields[1].required = json_is_true(json_object_get(json, "value-required"));
        LEAT_TRY(
            type_from_json(json_object_get(json, "key"), arena, depth + 1, &fields[0].type, err));
        LEAT_TRY(
            type_from_json(json_object_get(json, "value"), arena, depth + 1, &fields[1].type, err));
    }
    *out = type;
    return LEAT_OK;
}

static enum leat_status struct_from_json(const json_t *json, struct leat_arena *arena,
                                         unsigned depth, struct leat_schema *out,
                                         struct leat_error *err)
{
    const json_t *list = json_object_get(json, "fields");

    if (!json_is_array(list) || json_array_size(list) > 100000)
        return bad_schema(err, "a struct without fields");
    out->count = (uint32_t)json_array_size(list);
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *doc = json_string_value(json_object_get(item, "doc"));
        struct leat_field *field = &out->fields[i];
        if (!name || !json_is_integer(json_object_get(item, "id")))
            return bad_schema(err, "a field without name or id");
        field->name = leat_arena_strdup(arena, name);
        field->comment = doc ? leat_arena_strdup(arena, doc) : NULL;
        if (!field->name || (doc && !field->comment))
            return leat_error_memory(err);
        field->id = (int32_t)json_integer_value(json_object_get(item, "id"));
        field->required = json_is_true(json_object_get(item, "required"));
        LEAT_TRY(
            type_from_json(json_object_get(item, "type"), arena, depth + 1, &field->type, err));
    }
    return LEAT_OK;
}

static enum leat_status type_from_json(const json_t *json, struct leat_arena *arena, unsigned depth,
                                       const struct leat_type **out, struct leat_error *err)
{
    const char *kind = json_string_value(json_object_get(json, "type"));
    struct leat_schema fields;

    if (depth > LEAT_TYPE_MAX_DEPTH)
        return bad_schema(err, "types nested too deep");
    if (json_is_string(json))
        return simple_from_json(json_string_value(json), out, err);
    if (!kind)
        return bad_schema(err, "a type that is neither name nor object");
    if (strcmp(kind, "list") == 0)
        return parts_from_json(json, LEAT_LIST, arena, depth, out, err);
    if (strcmp(kind, "map") == 0)
        return parts_from_json(json, LEAT_MAP, arena, depth, out, err);
    if (strcmp(kind, "struct") != 0)
        return bad_schema(err, "an unknown nested type");
    LEAT_TRY(struct_from_json(json, arena, depth, &fields, err));
    *out = leat_type_struct(arena, fields.fields, fields.count);
    return *out ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_lake_schema_from_json(const json_t *json, struct leat_arena *arena,
                                            struct leat_schema *out, struct leat_error *err)
{
    return struct_from_json(json, arena, 0, out, err);
}

const struct leat_field *leat_lake_field_by_id(const struct leat_field *fields, uint32_t count,
                                               int32_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_field *inner;
        if (fields[i].id == id)
            return &fields[i];
        inner = leat_type_is_nested(fields[i].type)
                    ? leat_lake_field_by_id(fields[i].type->fields, fields[i].type->field_count, id)
                    : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}
