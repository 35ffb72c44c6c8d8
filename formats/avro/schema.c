/*
 * Avro schemas: JSON text to a tree of nodes, nodes to our types. A reference to a named type
 * shares its node, so the tree is a graph; `weight` counts it as if expanded, which bounds the work
 * of everything that walks it. A reference to a type that is still open is a recursion and refused.
 */
#include "formats/avro/avro_internal.h"
#include "formats/json_tree.h"
#include <stdio.h>

#define MAX_NODES 20000u /* of the expanded schema */
#define MAX_NAMES 2000u

struct named {
    const char *name; /* full name */
    struct avro_node *node;
};
struct parser {
    struct leat_arena *arena;
    struct named *names;
    uint32_t name_count;
    uint32_t made; /* nodes of the text: bounds the parse itself */
};

static enum leat_status parse(struct parser *parser, const json_t *json, const char *space,
                              unsigned depth, struct avro_node **out, struct leat_error *err);

static enum leat_status bad(struct leat_error *err, const char *what)
{
    return leat_error_set(err, LEAT_E_AVRO_SCHEMA, "wrong Avro schema: %s", what);
}

static const char *const primitive_names[] = {"null",  "boolean", "int",   "long",
                                              "float", "double",  "bytes", "string"};
static const uint8_t primitive_minimum[] = {0, 1, 1, 1, 4, 8, 1, 1};

static int primitive_of(const char *name)
{
    for (int i = 0; i < 8; i++) {
        if (strcmp(name, primitive_names[i]) == 0)
            return i;
    }
    return -1;
}

static enum leat_status node_new(struct parser *parser, enum avro_kind kind, struct avro_node **out,
                                 struct leat_error *err)
{
    if (++parser->made > MAX_NODES)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema has more than %u types", MAX_NODES);
    struct avro_node *node = LEAT_NEW(parser->arena, struct avro_node);
    if (!node)
        return leat_error_memory(err);
    node->kind = kind;
    node->null_branch = -1;
    node->weight = 1;
    if (kind <= AVRO_STRING)
        node->minimum = primitive_minimum[kind];
    *out = node;
    return LEAT_OK;
}

static enum leat_status add_weight(struct avro_node *node, const struct avro_node *child,
                                   struct leat_error *err)
{
    node->weight += child->weight;
    if (node->weight > MAX_NODES)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema has more than %u types", MAX_NODES);
    if (child->height + 1u > node->height)
        node->height = (uint8_t)(child->height + 1);
    if (node->height > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema is nested deeper than %d",
                              LEAT_TYPE_MAX_DEPTH);
    return LEAT_OK;
}

/* "name" joined to its namespace; a name with a dot is full already. */
static const char *full_name(struct leat_arena *arena, const char *space, const char *name)
{
    if (strchr(name, '.') || !space || !space[0])
        return leat_arena_strdup(arena, name);
    return leat_arena_printf(arena, "%s.%s", space, name);
}

static struct avro_node *find_named(const struct parser *parser, const char *name)
{
    for (uint32_t i = 0; i < parser->name_count; i++) {
        if (strcmp(parser->names[i].name, name) == 0)
            return parser->names[i].node;
    }
    return NULL;
}

/* Registers a record, enum or fixed; *space becomes the namespace of what stands inside. */
static enum leat_status declare(struct parser *parser, const json_t *json, struct avro_node *node,
                                const char **space, struct leat_error *err)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const json_t *own = json_object_get(json, "namespace");
    if (!name || !name[0])
        return bad(err, "a record, enum or fixed has no name");
    if (json_is_string(own))
        *space = json_string_value(own);
    const char *full = full_name(parser->arena, *space, name);
    if (!full)
        return leat_error_memory(err);
    if (primitive_of(full) >= 0)
        return bad(err, "a type has the name of a primitive type");
    if (find_named(parser, full))
        return leat_error_set(err, LEAT_E_AVRO_SCHEMA, "wrong Avro schema: two types are named %s",
                              full);
    if (parser->name_count == MAX_NAMES)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema names more than %u types", MAX_NAMES);
    const char *dot = strrchr(full, '.');
    if (dot) {
        *space = leat_arena_copy(parser->arena, full, (size_t)(dot - full));
        if (!*space)
            return leat_error_memory(err);
    }
    parser->names[parser->name_count++] = (struct named){full, node};
    return LEAT_OK;
}

static enum leat_status parse_name(struct parser *parser, const char *name, const char *space,
                                   struct avro_node **out, struct leat_error *err)
{
    int primitive = primitive_of(name);
    if (primitive >= 0) {
        LEAT_TRY(node_new(parser, (enum avro_kind)primitive, out, err));
        enum leat_type_id ids[] = {LEAT_NULL,  LEAT_BOOLEAN, LEAT_INT32, LEAT_INT64,
                                   LEAT_FLOAT, LEAT_DOUBLE,  LEAT_BYTES, LEAT_TEXT};
        (*out)->type = leat_type_get(ids[primitive]);
        return LEAT_OK;
    }
    const char *full = full_name(parser->arena, space, name);
    if (!full)
        return leat_error_memory(err);
    *out = find_named(parser, full);
    if (!*out)
        *out = find_named(parser, name);
    if (!*out)
        return leat_error_set(err, LEAT_E_AVRO_SCHEMA, "wrong Avro schema: unknown type %s", name);
    if ((*out)->open)
        return leat_error_set(err, LEAT_E_AVRO_RECURSIVE, "Avro type %s contains itself", name);
    return LEAT_OK;
}

static int32_t id_of(const json_t *json, const char *key)
{
    const json_t *id = json_object_get(json, key);
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : 0;
    return value > 0 && value <= INT32_MAX ? (int32_t)value : 0;
}

/* Iceberg's ids may be 0 (manifest_entry.status), but 0 means none to us: kept as -1. */
static int32_t field_id_of(const json_t *json)
{
    const json_t *id = json_object_get(json, "field-id");
    if (json_is_integer(id) && json_integer_value(id) == 0)
        return LEAT_AVRO_FIELD_ID_ZERO;
    return id_of(json, "field-id");
}

static enum leat_status alloc_children(struct parser *parser, struct avro_node *node, size_t count,
                                       struct leat_error *err)
{
    if (count > MAX_NODES)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema has more than %u types", MAX_NODES);
    node->count = (uint32_t)count;
    node->children = LEAT_NEW_ARRAY(parser->arena, struct avro_node *, count);
    node->names = LEAT_NEW_ARRAY(parser->arena, const char *, count);
    node->ids = LEAT_NEW_ARRAY(parser->arena, int32_t, count + 2);
    return node->children && node->names && node->ids ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status parse_record(struct parser *parser, const json_t *json, const char *space,
                                     unsigned depth, struct avro_node **out, struct leat_error *err)
{
    const json_t *fields = json_object_get(json, "fields");
    struct avro_node *node;
    if (!json_is_array(fields))
        return bad(err, "a record has no fields");
    LEAT_TRY(node_new(parser, AVRO_RECORD, &node, err));
    LEAT_TRY(declare(parser, json, node, &space, err));
    LEAT_TRY(alloc_children(parser, node, json_array_size(fields), err));
    struct leat_field *columns = LEAT_NEW_ARRAY(parser->arena, struct leat_field, node->count);
    if (!columns)
        return leat_error_memory(err);
    node->open = true;
    for (uint32_t i = 0; i < node->count; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        const char *comment = json_string_value(json_object_get(field, "doc"));
        if (!name)
            return bad(err, "a field has no name");
        LEAT_TRY(parse(parser, json_object_get(field, "type"), space, depth + 1, &node->children[i],
                       err));
        node->names[i] = leat_arena_strdup(parser->arena, name);
        node->ids[i] = field_id_of(field);
        if (!node->names[i])
            return leat_error_memory(err);
        LEAT_TRY(add_weight(node, node->children[i], err));
        node->minimum += node->children[i]->minimum;
        columns[i] = (struct leat_field){.name = node->names[i],
                                         .type = node->children[i]->type,
                                         .required = !avro_node_is_nullable(node->children[i]),
                                         .id = node->ids[i]};
        if (comment && !(columns[i].comment = leat_arena_strdup(parser->arena, comment)))
            return leat_error_memory(err);
    }
    node->open = false;
    node->type = leat_type_struct(parser->arena, columns, node->count);
    *out = node;
    return node->type ? LEAT_OK : leat_error_memory(err);
}

/* The logical types that stand on bytes, fixed, string, int and long; unknown ones are ignored, as
 * Avro demands. */
static void apply_logical(const json_t *json, struct avro_node *node)
{
    static const struct {
        const char *name;
        enum avro_kind kind;
        enum avro_logical logical;
        enum leat_type_id type;
        bool local;
    } table[] = {
        {"date", AVRO_INT, AVRO_DATE, LEAT_DATE, false},
        {"time-millis", AVRO_INT, AVRO_TIME_MILLIS, LEAT_TIME, false},
        {"time-micros", AVRO_LONG, AVRO_TIME_MICROS, LEAT_TIME, false},
        {"timestamp-millis", AVRO_LONG, AVRO_TIMESTAMP_MILLIS, LEAT_TIMESTAMPTZ, false},
        {"timestamp-micros", AVRO_LONG, AVRO_TIMESTAMP_MICROS, LEAT_TIMESTAMPTZ, false},
        {"timestamp-nanos", AVRO_LONG, AVRO_TIMESTAMP_NANOS, LEAT_TIMESTAMPTZ, false},
        {"local-timestamp-millis", AVRO_LONG, AVRO_TIMESTAMP_MILLIS, LEAT_TIMESTAMP, true},
        {"local-timestamp-micros", AVRO_LONG, AVRO_TIMESTAMP_MICROS, LEAT_TIMESTAMP, true},
        {"local-timestamp-nanos", AVRO_LONG, AVRO_TIMESTAMP_NANOS, LEAT_TIMESTAMP, true},
        {"uuid", AVRO_STRING, AVRO_UUID, LEAT_UUID, false},
        {"uuid", AVRO_FIXED, AVRO_UUID, LEAT_UUID, false},
        {"duration", AVRO_FIXED, AVRO_DURATION, LEAT_INTERVAL, false},
    };
    const char *name = json_string_value(json_object_get(json, "logicalType"));
    if (!name)
        return;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (table[i].kind != node->kind || strcmp(table[i].name, name) != 0)
            continue;
        if ((table[i].logical == AVRO_UUID && node->kind == AVRO_FIXED && node->size != 16) ||
            (table[i].logical == AVRO_DURATION && node->size != 12))
            return;
        node->logical = table[i].logical;
        node->local = table[i].local || (table[i].type == LEAT_TIMESTAMPTZ &&
                                         json_is_false(json_object_get(json, "adjust-to-utc")));
        node->type = leat_type_get(node->local ? LEAT_TIMESTAMP : table[i].type);
        return;
    }
    if (strcmp(name, "decimal") == 0 && (node->kind == AVRO_BYTES || node->kind == AVRO_FIXED)) {
        json_int_t precision = json_integer_value(json_object_get(json, "precision"));
        json_int_t scale = json_integer_value(json_object_get(json, "scale"));
        if (precision < 1 || precision > LEAT_DECIMAL_MAX_PRECISION || scale < 0 ||
            scale > precision)
            return;
        node->logical = AVRO_DECIMAL;
        node->precision = (uint8_t)precision;
        node->scale = (uint8_t)scale;
        node->type = leat_type_decimal(node->precision, node->scale);
    }
}

static enum leat_status parse_fixed(struct parser *parser, const json_t *json, const char *space,
                                    struct avro_node **out, struct leat_error *err)
{
    const json_t *size = json_object_get(json, "size");
    LEAT_TRY(node_new(parser, AVRO_FIXED, out, err));
    LEAT_TRY(declare(parser, json, *out, &space, err));
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > INT32_MAX)
        return bad(err, "a fixed has no proper size");
    (*out)->size = (uint32_t)json_integer_value(size);
    (*out)->minimum = (*out)->size;
    (*out)->type = leat_type_get(LEAT_BYTES);
    apply_logical(json, *out);
    return LEAT_OK;
}

static enum leat_status parse_enum(struct parser *parser, const json_t *json, const char *space,
                                   struct avro_node **out, struct leat_error *err)
{
    const json_t *symbols = json_object_get(json, "symbols");
    LEAT_TRY(node_new(parser, AVRO_ENUM, out, err));
    LEAT_TRY(declare(parser, json, *out, &space, err));
    if (!json_is_array(symbols))
        return bad(err, "an enum has no symbols");
    LEAT_TRY(alloc_children(parser, *out, json_array_size(symbols), err));
    for (uint32_t i = 0; i < (*out)->count; i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (!symbol)
            return bad(err, "an enum's symbol is no text");
        (*out)->names[i] = leat_arena_strdup(parser->arena, symbol);
        if (!(*out)->names[i])
            return leat_error_memory(err);
    }
    (*out)->minimum = 1;
    (*out)->type = leat_type_get(LEAT_TEXT);
    return LEAT_OK;
}

/* A list or map type whose fields carry ids and nullability. */
static enum leat_status nested_type(struct parser *parser, struct avro_node *node,
                                    const struct avro_node *key, const struct avro_node *value,
                                    struct leat_error *err)
{
    bool map = node->kind == AVRO_MAP || key;
    const struct leat_type *plain =
        map ? leat_type_map(parser->arena, key ? key->type : leat_type_get(LEAT_TEXT), value->type)
            : leat_type_list(parser->arena, value->type);
    struct leat_type *type = LEAT_NEW(parser->arena, struct leat_type);
    struct leat_field *fields = LEAT_NEW_ARRAY(parser->arena, struct leat_field, 2);
    if (!plain || !type || !fields)
        return leat_error_memory(err);
    *type = *plain;
    memcpy(fields, plain->fields, plain->field_count * sizeof(*fields));
    if (map) {
        fields[0].required = true;
        fields[0].id = key ? node->children[0]->ids[0] : node->ids[0];
        fields[1].id = key ? node->children[0]->ids[1] : node->ids[1];
    } else {
        fields[0].id = node->ids[0];
    }
    fields[type->field_count - 1].required = !avro_node_is_nullable(value);
    type->fields = fields;
    node->type = type;
    return LEAT_OK;
}

static enum leat_status parse_array(struct parser *parser, const json_t *json, const char *space,
                                    unsigned depth, struct avro_node **out, struct leat_error *err)
{
    const char *logical = json_string_value(json_object_get(json, "logicalType"));
    struct avro_node *node, *item;
    LEAT_TRY(node_new(parser, AVRO_ARRAY, &node, err));
    LEAT_TRY(alloc_children(parser, node, 1, err));
    LEAT_TRY(parse(parser, json_object_get(json, "items"), space, depth + 1, &item, err));
    node->children[0] = item;
    node->ids[0] = id_of(json, "element-id");
    node->minimum = 1;
    LEAT_TRY(add_weight(node, item, err));
    *out = node;
    if (logical && strcmp(logical, "map") == 0 && item->kind == AVRO_RECORD && item->count == 2 &&
        strcmp(item->names[0], "key") == 0 && strcmp(item->names[1], "value") == 0) {
        node->logical = AVRO_KEY_VALUE;
        return nested_type(parser, node, item->children[0], item->children[1], err);
    }
    return nested_type(parser, node, NULL, item, err);
}

static enum leat_status parse_map(struct parser *parser, const json_t *json, const char *space,
                                  unsigned depth, struct avro_node **out, struct leat_error *err)
{
    struct avro_node *node;
    LEAT_TRY(node_new(parser, AVRO_MAP, &node, err));
    LEAT_TRY(alloc_children(parser, node, 1, err));
    LEAT_TRY(
        parse(parser, json_object_get(json, "values"), space, depth + 1, &node->children[0], err));
    node->ids[0] = id_of(json, "key-id");
    node->ids[1] = id_of(json, "value-id");
    node->minimum = 1;
    LEAT_TRY(add_weight(node, node->children[0], err));
    *out = node;
    return nested_type(parser, node, NULL, node->children[0], err);
}

/* One branch besides null is that branch's type; several become a struct of nullable members. */
static enum leat_status union_type(struct parser *parser, struct avro_node *node,
                                   struct leat_error *err)
{
    uint32_t others = node->count - (node->null_branch >= 0 ? 1 : 0), member = 0;
    struct leat_field *fields = LEAT_NEW_ARRAY(parser->arena, struct leat_field, others);
    if (!fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < node->count; i++) {
        if ((int32_t)i == node->null_branch)
            continue;
        fields[member].name = leat_arena_printf(parser->arena, "member%u", member);
        if (!fields[member].name)
            return leat_error_memory(err);
        fields[member++].type = node->children[i]->type;
    }
    if (others == 0)
        node->type = leat_type_get(LEAT_NULL);
    else if (others == 1)
        node->type = fields[0].type;
    else
        node->type = leat_type_struct(parser->arena, fields, others);
    return node->type ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status parse_union(struct parser *parser, const json_t *json, const char *space,
                                    unsigned depth, struct avro_node **out, struct leat_error *err)
{
    struct avro_node *node;
    if (json_array_size(json) == 0)
        return bad(err, "a union has no branches");
    LEAT_TRY(node_new(parser, AVRO_UNION, &node, err));
    LEAT_TRY(alloc_children(parser, node, json_array_size(json), err));
    node->minimum = UINT64_MAX - 1;
    for (uint32_t i = 0; i < node->count; i++) {
        LEAT_TRY(parse(parser, json_array_get(json, i), space, depth + 1, &node->children[i], err));
        const struct avro_node *child = node->children[i];
        if (child->kind == AVRO_UNION)
            return bad(err, "a union stands directly in a union");
        if (child->kind == AVRO_NULL) {
            if (node->null_branch >= 0)
                return bad(err, "a union has null twice");
            node->null_branch = (int32_t)i;
        }
        if (child->minimum < node->minimum)
            node->minimum = child->minimum;
        LEAT_TRY(add_weight(node, child, err));
    }
    node->minimum++;
    *out = node;
    return union_type(parser, node, err);
}

static enum leat_status parse(struct parser *parser, const json_t *json, const char *space,
                              unsigned depth, struct avro_node **out, struct leat_error *err)
{
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "Avro schema is nested deeper than %d",
                              LEAT_TYPE_MAX_DEPTH);
    if (json_is_string(json))
        return parse_name(parser, json_string_value(json), space, out, err);
    if (json_is_array(json))
        return parse_union(parser, json, space, depth, out, err);
    const json_t *type = json_object_get(json, "type");
    if (json_is_object(type) || json_is_array(type))
        return parse(parser, type, space, depth + 1, out, err);
    const char *name = json_string_value(type);
    if (!name)
        return bad(err, "a type is missing");
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
        return parse_record(parser, json, space, depth, out, err);
    if (strcmp(name, "enum") == 0)
        return parse_enum(parser, json, space, out, err);
    if (strcmp(name, "fixed") == 0)
        return parse_fixed(parser, json, space, out, err);
    if (strcmp(name, "array") == 0)
        return parse_array(parser, json, space, depth, out, err);
    if (strcmp(name, "map") == 0)
        return parse_map(parser, json, space, depth, out, err);
    LEAT_TRY(parse_name(parser, name, space, out, err));
    if ((*out)->kind <= AVRO_STRING)
        apply_logical(json, *out);
    return LEAT_OK;
}

enum leat_status avro_schema_parse(const char *json, size_t length, struct leat_arena *arena,
                                   struct avro_node **out, struct leat_error *err)
{
    struct parser parser = {.arena = arena};
    json_t *tree;
    *out = NULL;
    parser.names = LEAT_NEW_ARRAY(arena, struct named, MAX_NAMES);
    if (!parser.names)
        return leat_error_memory(err);
    LEAT_TRY(leat_json_tree_load(json, length, JSON_DECODE_ANY, "the Avro schema",
                                 LEAT_E_AVRO_SCHEMA, &tree, err));
    enum leat_status status = parse(&parser, tree, NULL, 0, out, err);
    json_decref(tree);
    return status;
}

bool avro_node_is_nullable(const struct avro_node *node)
{
    return node->kind == AVRO_NULL || (node->kind == AVRO_UNION && node->null_branch >= 0);
}

enum leat_status avro_schema_columns(const struct avro_node *root, struct leat_arena *arena,
                                     struct leat_schema *out, struct leat_error *err)
{
    uint32_t count = root->kind == AVRO_RECORD ? root->count : 1;
    out->count = count;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, count);
    if (!out->fields)
        return leat_error_memory(err);
    if (root->kind == AVRO_RECORD)
        memcpy(out->fields, root->type->fields, count * sizeof(*out->fields));
    else
        out->fields[0] = (struct leat_field){
            .name = "value", .type = root->type, .required = !avro_node_is_nullable(root)};
    return LEAT_OK;
}

const char *avro_sanitise(struct leat_arena *arena, const char *name)
{
    size_t length = strlen(name);
    char *safe = leat_arena_alloc(arena, length * 4 + 2);
    char *to = safe;
    if (!safe)
        return NULL;
    if (length == 0 || (name[0] >= '0' && name[0] <= '9'))
        *to++ = '_';
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
            *to++ = (char)c;
        else
            to += snprintf(to, 5, "_x%X", c);
    }
    *to = '\0';
    return safe;
}
