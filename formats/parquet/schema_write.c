/*
 * Our schema as Parquet's list of elements, and the list of leaves with their levels. Walks the
 * types once, keeping the path of names and steps down to the present node.
 */
#include "formats/parquet/writer_internal.h"

#define MAX_PATH (3 * LEAT_TYPE_MAX_DEPTH)

struct walk {
    struct leat_arena *arena;
    struct parquet_write_schema *out;
    uint32_t element_capacity;
    uint32_t leaf_capacity;
    uint32_t column;
    uint32_t name_count, step_count;
    uint32_t definition, repetition;
    struct leat_text names[MAX_PATH];
    struct parquet_step steps[MAX_PATH];
};

unsigned parquet_decimal_bytes(unsigned precision)
{
    unsigned bytes = 1;
    unsigned __int128 limit = 128; /* 2^127 is the last one */
    while (bytes < 16 && (unsigned __int128)leat_power_of_ten[precision] > limit) {
        limit *= 256;
        bytes++;
    }
    return bytes;
}

static enum leat_status add_element(struct walk *walk, const char *name, int64_t repetition,
                                    int32_t field_id, struct parquet_element **out,
                                    struct leat_error *err)
{
    struct parquet_write_schema *schema = walk->out;
    if (schema->element_count == walk->element_capacity) {
        uint32_t capacity = walk->element_capacity ? 2 * walk->element_capacity : 32;
        struct parquet_element *grown =
            LEAT_NEW_ARRAY(walk->arena, struct parquet_element, capacity);
        if (!grown)
            return leat_error_memory(err);
        if (schema->element_count)
            memcpy(grown, schema->elements, schema->element_count * sizeof(*grown));
        schema->elements = grown;
        walk->element_capacity = capacity;
    }
    *out = &schema->elements[schema->element_count++];
    **out = (struct parquet_element){.name = name,
                                     .type = PARQUET_UNSET,
                                     .type_length = PARQUET_UNSET,
                                     .repetition = repetition,
                                     .converted = PARQUET_UNSET,
                                     .scale = PARQUET_UNSET,
                                     .precision = PARQUET_UNSET,
                                     .field_id = field_id ? field_id : PARQUET_UNSET};
    return LEAT_OK;
}

static void describe_time(struct parquet_element *element, const struct leat_type *type)
{
    element->unit = PARQUET_MICROS;
    element->is_utc = type->id == LEAT_TIMESTAMPTZ;
    element->logical = type->id == LEAT_TIME ? PARQUET_LOGICAL_TIME : PARQUET_LOGICAL_TIMESTAMP;
    if (element->is_utc)
        element->converted = PARQUET_TIMESTAMP_MICROS;
}

static void describe_decimal(struct parquet_element *element, const struct leat_type *type,
                             struct parquet_leaf *leaf)
{
    element->converted = PARQUET_DECIMAL;
    element->logical = PARQUET_LOGICAL_DECIMAL;
    element->precision = type->precision;
    element->scale = type->scale;
    leaf->physical = type->precision <= 9 ? PARQUET_INT32 : PARQUET_INT64;
    leaf->kind = type->precision <= 9 ? PARQUET_VALUE_INT32 : PARQUET_VALUE_INT64;
    if (!leat_type_is_small_decimal(type)) {
        leaf->physical = PARQUET_FIXED;
        leaf->kind = PARQUET_VALUE_INT128;
        leaf->width = parquet_decimal_bytes(type->precision);
    }
}

static void describe_integer(struct parquet_element *element, int64_t converted, uint8_t bits)
{
    element->converted = converted;
    element->logical = PARQUET_LOGICAL_INTEGER;
    element->bits = bits;
    element->is_signed = true;
}

/* Physical and logical type of a leaf. */
static void describe(struct parquet_element *element, struct parquet_leaf *leaf)
{
    const struct leat_type *type = leaf->type;
    leaf->physical = PARQUET_BYTE_ARRAY;
    leaf->kind = PARQUET_VALUE_STRING;
    switch (type->id) {
    case LEAT_NULL:
        leaf->physical = PARQUET_INT32;
        leaf->kind = PARQUET_VALUE_NONE;
        element->logical = PARQUET_LOGICAL_NULL;
        break;
    case LEAT_BOOLEAN:
        leaf->physical = PARQUET_BOOLEAN;
        leaf->kind = PARQUET_VALUE_BOOLEAN;
        break;
    case LEAT_INT8:
        describe_integer(element, PARQUET_INT_8, 8);
        leaf->physical = PARQUET_INT32;
        leaf->kind = PARQUET_VALUE_INT32;
        break;
    case LEAT_INT16:
        describe_integer(element, PARQUET_INT_16, 16);
        leaf->physical = PARQUET_INT32;
        leaf->kind = PARQUET_VALUE_INT32;
        break;
    case LEAT_DATE:
        element->converted = PARQUET_DATE;
        element->logical = PARQUET_LOGICAL_DATE;
        leaf->physical = PARQUET_INT32;
        leaf->kind = PARQUET_VALUE_INT32;
        break;
    case LEAT_INT32:
        leaf->physical = PARQUET_INT32;
        leaf->kind = PARQUET_VALUE_INT32;
        break;
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        describe_time(element, type);
        leaf->physical = PARQUET_INT64;
        leaf->kind = PARQUET_VALUE_INT64;
        break;
    case LEAT_INT64:
        leaf->physical = PARQUET_INT64;
        leaf->kind = PARQUET_VALUE_INT64;
        break;
    case LEAT_FLOAT:
        leaf->physical = PARQUET_FLOAT;
        leaf->kind = PARQUET_VALUE_FLOAT;
        break;
    case LEAT_DOUBLE:
        leaf->physical = PARQUET_DOUBLE;
        leaf->kind = PARQUET_VALUE_DOUBLE;
        break;
    case LEAT_DECIMAL:
        describe_decimal(element, type, leaf);
        break;
    case LEAT_UUID:
        element->logical = PARQUET_LOGICAL_UUID;
        leaf->physical = PARQUET_FIXED;
        leaf->kind = PARQUET_VALUE_UUID;
        leaf->width = 16;
        break;
    case LEAT_JSON:
        element->converted = PARQUET_JSON;
        element->logical = PARQUET_LOGICAL_JSON;
        break;
    case LEAT_BYTES:
        break;
    default: /* TEXT; INTERVAL as text */
        element->converted = PARQUET_UTF8;
        element->logical = PARQUET_LOGICAL_STRING;
    }
    element->type = leaf->physical;
    if (leaf->physical == PARQUET_FIXED)
        element->type_length = leaf->width;
}

static enum leat_status add_leaf(struct walk *walk, const struct leat_field *field,
                                 struct parquet_element *element, struct leat_error *err)
{
    struct parquet_write_schema *schema = walk->out;
    if (schema->leaf_count == walk->leaf_capacity) {
        uint32_t capacity = walk->leaf_capacity ? 2 * walk->leaf_capacity : 32;
        struct parquet_leaf *grown = LEAT_NEW_ARRAY(walk->arena, struct parquet_leaf, capacity);
        if (!grown)
            return leat_error_memory(err);
        if (schema->leaf_count)
            memcpy(grown, schema->leaves, schema->leaf_count * sizeof(*grown));
        schema->leaves = grown;
        walk->leaf_capacity = capacity;
    }
    struct parquet_leaf *leaf = &schema->leaves[schema->leaf_count++];
    *leaf = (struct parquet_leaf){.column = walk->column,
                                  .type = field->type,
                                  .field_id = field->id,
                                  .max_definition = (uint8_t)walk->definition,
                                  .max_repetition = (uint8_t)walk->repetition,
                                  .step_count = walk->step_count,
                                  .name_count = walk->name_count};
    describe(element, leaf);
    leaf->steps = LEAT_NEW_ARRAY(walk->arena, struct parquet_step, walk->step_count);
    leaf->names = LEAT_NEW_ARRAY(walk->arena, struct leat_text, walk->name_count);
    if (!leaf->steps || !leaf->names)
        return leat_error_memory(err);
    memcpy(leaf->steps, walk->steps, walk->step_count * sizeof(*leaf->steps));
    memcpy(leaf->names, walk->names, walk->name_count * sizeof(*leaf->names));
    leaf->path = walk->names[0].data;
    for (uint32_t i = 1; leaf->path && i < walk->name_count; i++)
        leaf->path = leat_arena_printf(walk->arena, "%s.%s", leaf->path, walk->names[i].data);
    return leaf->path ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status add_field(struct walk *walk, const struct leat_field *field,
                                  const char *name, struct leat_error *err);

/* The middle level of a list or map: a repeated group. */
static enum leat_status add_repeated(struct walk *walk, const struct leat_type *type,
                                     struct parquet_element *outer, struct leat_error *err)
{
    static const char *const map_names[] = {"key", "value"};
    bool map = type->id == LEAT_MAP;
    struct parquet_element *middle;
    struct parquet_step *step = &walk->steps[walk->step_count - 1];
    outer->child_count = 1;
    outer->converted = map ? PARQUET_MAP : PARQUET_LIST;
    outer->logical = map ? PARQUET_LOGICAL_MAP : PARQUET_LOGICAL_LIST;
    LEAT_TRY(add_element(walk, map ? "key_value" : "list", PARQUET_REPEATED, 0, &middle, err));
    middle->child_count = map ? 2 : 1;
    walk->names[walk->name_count++] = leat_text_of(map ? "key_value" : "list");
    walk->definition++;
    walk->repetition++;
    for (uint32_t i = 0; i < type->field_count; i++) {
        struct leat_field child = type->fields[i];
        if (map && i == 0)
            child.required = true;
        step->kind = PARQUET_STEP_LIST;
        step->child = i;
        LEAT_TRY(add_field(walk, &child, map ? map_names[i] : "element", err));
    }
    walk->definition--;
    walk->repetition--;
    walk->name_count--;
    return LEAT_OK;
}

static enum leat_status add_field(struct walk *walk, const struct leat_field *field,
                                  const char *name, struct leat_error *err)
{
    const struct leat_type *type = field->type;
    struct parquet_element *element;
    bool optional = !field->required || type->id == LEAT_NULL;
    if (walk->name_count + 2 >= MAX_PATH || walk->step_count + 1 >= MAX_PATH)
        return leat_error_set(err, LEAT_E_LIMIT, "column %s is nested too deep",
                              walk->names[0].data);
    LEAT_TRY(add_element(walk, name, optional ? PARQUET_OPTIONAL : PARQUET_REQUIRED, field->id,
                         &element, err));
    walk->names[walk->name_count++] = leat_text_of(name);
    walk->definition += optional;
    uint32_t at = walk->step_count++;
    walk->steps[at] = (struct parquet_step){PARQUET_STEP_LEAF, optional, 0};
    if (type->id == LEAT_STRUCT) {
        if (type->field_count == 0)
            return leat_error_set(err, LEAT_E_UNSUPPORTED,
                                  "column %s is a struct without fields, which Parquet cannot hold",
                                  name);
        element->child_count = type->field_count;
        for (uint32_t i = 0; i < type->field_count; i++) {
            walk->steps[at].kind = PARQUET_STEP_STRUCT;
            walk->steps[at].child = i;
            LEAT_TRY(add_field(walk, &type->fields[i], type->fields[i].name, err));
        }
    } else if (type->id == LEAT_LIST || type->id == LEAT_MAP) {
        LEAT_TRY(add_repeated(walk, type, element, err));
    } else {
        LEAT_TRY(add_leaf(walk, field, element, err));
    }
    walk->step_count--;
    walk->definition -= optional;
    walk->name_count--;
    return LEAT_OK;
}

enum leat_status parquet_write_schema_init(const struct leat_schema *schema,
                                           struct leat_arena *arena,
                                           struct parquet_write_schema *out, struct leat_error *err)
{
    struct parquet_element *root;
    struct walk *walk = LEAT_NEW(arena, struct walk);
    *out = (struct parquet_write_schema){0};
    if (!walk)
        return leat_error_memory(err);
    walk->arena = arena;
    walk->out = out;
    LEAT_TRY(leat_schema_copy(schema, arena, &out->columns, err));
    if (schema->count == 0)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "a Parquet file needs at least one column");
    LEAT_TRY(add_element(walk, "schema", PARQUET_UNSET, 0, &root, err));
    root->child_count = out->columns.count;
    for (uint32_t i = 0; i < out->columns.count; i++) {
        walk->column = i;
        LEAT_TRY(add_field(walk, &out->columns.fields[i], out->columns.fields[i].name, err));
    }
    return LEAT_OK;
}
