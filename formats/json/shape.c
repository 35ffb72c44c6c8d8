/*
 * What kinds of values were seen where. Types come out of it at the end: whole and fractional
 * numbers become double; strings that all are dates or timestamps become those; objects become
 * structs unless their keys look like data (many, and each rare), arrays lists; anything mixed
 * stays json.
 */
#include "formats/json/json_internal.h"

enum {
    SEEN_BOOLEAN = 1,
    SEEN_INTEGER = 2,
    SEEN_REAL = 4,
    SEEN_STRING = 8,
    SEEN_OBJECT = 16,
    SEEN_ARRAY = 32,
    SEEN_HUGE = 64
};
enum { MAY_DATE = 1, MAY_TIMESTAMP = 2, MAY_TIMESTAMPTZ = 4 };

#define MOST_FIELDS 2000u

struct shape_field {
    struct leat_text name;
    struct json_shape *shape;
};

struct json_shape {
    unsigned seen; /* kinds */
    unsigned may;  /* what all strings could be */
    uint64_t objects;
    uint64_t keys; /* in all objects */
    struct shape_field *fields;
    uint32_t count;
    uint32_t capacity;
    uint32_t guess;
    bool too_many;
    struct json_shape *element;
};

struct json_shape *json_shape_new(struct leat_arena *arena)
{
    struct json_shape *shape = LEAT_NEW(arena, struct json_shape);

    if (shape)
        shape->may = MAY_DATE | MAY_TIMESTAMP | MAY_TIMESTAMPTZ;
    return shape;
}

static void add_string(struct json_shape *shape, struct leat_text text)
{
    unsigned set = 0;
    int64_t moment;
    int32_t days;
    bool zone;

    shape->seen |= SEEN_STRING;
    if (shape->may == 0)
        return;
    if (text.length >= 10 && text.length <= 40 && (unsigned)(text.data[0] - '0') < 10) {
        if (leat_parse_date(text.data, text.length, &days))
            set |= MAY_DATE;
        if (leat_parse_timestamp(text.data, text.length, &moment, &zone))
            set |= zone ? MAY_TIMESTAMPTZ : MAY_TIMESTAMP;
    }
    shape->may &= set;
}

static struct json_shape *field_of(struct json_shape *shape, struct leat_text name,
                                   struct leat_arena *arena)
{
    if (shape->guess < shape->count && leat_text_equal(shape->fields[shape->guess].name, name))
        return shape->fields[shape->guess++].shape;
    for (uint32_t i = 0; i < shape->count; i++)
        if (leat_text_equal(shape->fields[i].name, name)) {
            shape->guess = i + 1;
            return shape->fields[i].shape;
        }
    if (shape->count == MOST_FIELDS) {
        shape->too_many = true;
        return json_shape_new(arena);
    }
    if (shape->count == shape->capacity) {
        uint32_t capacity = shape->capacity ? shape->capacity * 2 : 8;
        struct shape_field *fields = LEAT_NEW_ARRAY(arena, struct shape_field, capacity);
        if (!fields)
            return NULL;
        if (shape->count)
            memcpy(fields, shape->fields, shape->count * sizeof(*fields));
        shape->fields = fields;
        shape->capacity = capacity;
    }
    name.data = leat_arena_copy(arena, name.data, name.length);
    shape->fields[shape->count].name = name;
    shape->fields[shape->count].shape = json_shape_new(arena);
    if (!name.data || !shape->fields[shape->count].shape)
        return NULL;
    shape->guess = shape->count + 1;
    return shape->fields[shape->count++].shape;
}

static bool add_object(struct json_shape *shape, struct json_text *t, struct leat_arena *arena)
{
    shape->seen |= SEEN_OBJECT;
    shape->objects++;
    shape->guess = 0;
    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == '}') {
        t->at++;
        return true;
    }
    for (;;) {
        struct leat_text key;
        struct json_shape *field;
        bool escaped;
        json_skip_blanks(t);
        if (t->at >= t->end || *t->at != '"')
            return json_fail(t, JSON_SYNTAX, t->at, "expected a key in quotes");
        if (!json_scan_string(t, &key, &escaped))
            return false;
        if (escaped) {
            char *copy = leat_arena_alloc(arena, key.length);
            if (!copy)
                return json_fail(t, JSON_MEMORY, t->at, "");
            key = (struct leat_text){copy, json_unescape(key, copy)};
        }
        field = field_of(shape, key, arena);
        if (!field)
            return json_fail(t, JSON_MEMORY, t->at, "");
        shape->keys++;
        if (!json_expect(t, ':', "expected : behind the key") || !json_shape_add(field, t, arena))
            return false;
        json_skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        return json_expect(t, '}', "expected , or } in an object");
    }
}

static bool add_array(struct json_shape *shape, struct json_text *t, struct leat_arena *arena)
{
    shape->seen |= SEEN_ARRAY;
    if (!shape->element)
        shape->element = json_shape_new(arena);
    if (!shape->element)
        return json_fail(t, JSON_MEMORY, t->at, "");
    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == ']') {
        t->at++;
        return true;
    }
    for (;;) {
        if (!json_shape_add(shape->element, t, arena))
            return false;
        json_skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        return json_expect(t, ']', "expected , or ] in an array");
    }
}

bool json_shape_add(struct json_shape *shape, struct json_text *t, struct leat_arena *arena)
{
    struct leat_text text;
    int64_t ignored;
    bool flag, good;

    json_skip_blanks(t);
    if (t->at >= t->end)
        return json_fail(t, JSON_SYNTAX, t->end, "expected a value");
    switch (*t->at) {
    case '"':
        if (!json_scan_string(t, &text, &flag))
            return false;
        if (!json_is_null_word(t, text))
            add_string(shape, text);
        return true;
    case '{':
    case '[':
        if (t->depth == 0)
            return json_fail(t, JSON_SYNTAX, t->at, "nested deeper than maximum_depth");
        t->depth--;
        good = *t->at == '{' ? add_object(shape, t, arena) : add_array(shape, t, arena);
        t->depth++;
        return good;
    case 't':
        shape->seen |= SEEN_BOOLEAN;
        return json_scan_word(t, "true", 4);
    case 'f':
        shape->seen |= SEEN_BOOLEAN;
        return json_scan_word(t, "false", 5);
    case 'n':
        return json_scan_word(t, "null", 4);
    default:
        if (*t->at != '-' && (unsigned)(*t->at - '0') >= 10)
            return json_fail(t, JSON_SYNTAX, t->at, "expected a value");
        if (!json_scan_number(t, &text, &flag))
            return false;
        shape->seen |= !flag                                                ? SEEN_REAL
                       : leat_parse_int64(text.data, text.length, &ignored) ? SEEN_INTEGER
                                                                            : SEEN_HUGE;
        return true;
    }
}

bool json_shape_is_object(const struct json_shape *shape)
{
    return shape->seen == SEEN_OBJECT && !shape->too_many;
}

static const struct leat_type *type_at(const struct json_shape *shape, struct leat_arena *arena,
                                       unsigned depth);

static const struct leat_type *object_type(const struct json_shape *shape, struct leat_arena *arena,
                                           unsigned depth)
{
    /* Keys that are data: many of them, each in few of the objects. */
    bool data = shape->count > 64 && shape->keys < shape->objects * shape->count / 10;
    struct leat_field *fields;

    if (shape->count == 0 || shape->too_many || data)
        return leat_type_get(LEAT_JSON);
    fields = LEAT_NEW_ARRAY(arena, struct leat_field, shape->count);
    if (!fields)
        return NULL;
    for (uint32_t i = 0; i < shape->count; i++) {
        fields[i].name = shape->fields[i].name.data;
        fields[i].type = type_at(shape->fields[i].shape, arena, depth - 1);
        if (!fields[i].type)
            return NULL;
    }
    return leat_type_struct(arena, fields, shape->count);
}

static const struct leat_type *type_at(const struct json_shape *shape, struct leat_arena *arena,
                                       unsigned depth)
{
    const struct leat_type *element;

    switch (shape->seen) {
    case 0:
        return leat_type_get(LEAT_TEXT); /* only nulls */
    case SEEN_BOOLEAN:
        return leat_type_get(LEAT_BOOLEAN);
    case SEEN_INTEGER:
        return leat_type_get(LEAT_INT64);
    case SEEN_REAL:
    case SEEN_INTEGER | SEEN_REAL:
        return leat_type_get(LEAT_DOUBLE);
    case SEEN_STRING:
        if (shape->may & MAY_DATE)
            return leat_type_get(LEAT_DATE);
        if (shape->may & MAY_TIMESTAMP)
            return leat_type_get(LEAT_TIMESTAMP);
        return leat_type_get(shape->may & MAY_TIMESTAMPTZ ? LEAT_TIMESTAMPTZ : LEAT_TEXT);
    case SEEN_OBJECT:
        return depth ? object_type(shape, arena, depth) : leat_type_get(LEAT_JSON);
    case SEEN_ARRAY:
        if (depth == 0)
            return leat_type_get(LEAT_JSON);
        element = shape->element->seen ? type_at(shape->element, arena, depth - 1)
                                       : leat_type_get(LEAT_JSON);
        return element ? leat_type_list(arena, element) : NULL;
    default:
        return leat_type_get(LEAT_JSON);
    }
}

const struct leat_type *json_shape_type(const struct json_shape *shape, struct leat_arena *arena)
{
    return type_at(shape, arena, 32);
}

enum leat_status json_shape_schema(const struct json_shape *shape, struct leat_arena *arena,
                                   struct leat_schema *out, struct leat_error *err)
{
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, shape->count + 1);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < shape->count; i++) {
        out->fields[i].name = shape->fields[i].name.data;
        out->fields[i].type = type_at(shape->fields[i].shape, arena, 32);
        if (!out->fields[i].type)
            return leat_error_memory(err);
    }
    out->count = shape->count;
    return LEAT_OK;
}
