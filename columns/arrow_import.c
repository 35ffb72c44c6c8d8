/*
 * Arrow arrays as batches. A schema's format strings become a small description (struct shape),
 * from which both the type and the way of reading follow; so the two cannot disagree.
 *
 * The array comes from another program: lengths, offsets, numbers of buffers and children, indices
 * and text are checked before they are used. What cannot be checked is how long a buffer is: the
 * interface does not say.
 */
#include "base/utf8.h"
#include "columns/arrow.h"
#include "columns/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum shape_kind {
    SHAPE_NULL,
    SHAPE_BOOLEAN,
    SHAPE_SAME,     /* the values' layout is ours */
    SHAPE_UNSIGNED, /* width */
    SHAPE_HALF,
    SHAPE_DECIMAL, /* width: of a value */
    SHAPE_TEXT,    /* width: of an offset */
    SHAPE_VIEWS,
    SHAPE_FIXED_BYTES, /* width */
    SHAPE_DATE_MILLISECONDS,
    SHAPE_TIME,      /* width; scale */
    SHAPE_TIMESTAMP, /* scale */
    SHAPE_MONTHS,
    SHAPE_DAYS_MILLISECONDS,
    SHAPE_MONTHS_DAYS_NANOSECONDS,
    SHAPE_LIST,       /* width: of an offset */
    SHAPE_LIST_VIEW,  /* width: of an offset */
    SHAPE_FIXED_LIST, /* width: items */
    SHAPE_STRUCT,
    SHAPE_MAP
};
struct shape {
    enum shape_kind kind;
    enum leat_type_id id;
    uint32_t width;
    int64_t scale; /* microseconds a unit; negative: units a microsecond */
    unsigned precision, digits;
};

static enum leat_status wrong(struct leat_error *err, const char *column, const char *what)
{
    return leat_error_set(err, LEAT_E_ARROW_LAYOUT, "column \"%s\": %s", column ? column : "",
                          what);
}

static bool unit_scale(char unit, int64_t *scale)
{
    switch (unit) {
    case 's':
        *scale = 1000000;
        return true;
    case 'm':
        *scale = 1000;
        return true;
    case 'u':
        *scale = 1;
        return true;
    case 'n':
        *scale = -1000;
        return true;
    default:
        return false;
    }
}

static bool has_extension(const char *metadata, const char *wanted)
{
    int32_t pairs, length;

    if (!metadata)
        return false;
    memcpy(&pairs, metadata, 4);
    metadata += 4;
    for (int32_t i = 0; i < pairs && i < 1000; i++) {
        bool name, found;
        memcpy(&length, metadata, 4);
        if (length < 0)
            return false;
        name = length == 20 && memcmp(metadata + 4, "ARROW:extension:name", 20) == 0;
        metadata += 4 + length;
        memcpy(&length, metadata, 4);
        if (length < 0)
            return false;
        found =
            (size_t)length == strlen(wanted) && memcmp(metadata + 4, wanted, (size_t)length) == 0;
        if (name)
            return found;
        metadata += 4 + length;
    }
    return false;
}

static bool simple_shape(const char *format, struct shape *out)
{
    static const struct {
        const char *format;
        struct shape shape;
    } shapes[] = {{"n", {SHAPE_NULL, LEAT_NULL, 0, 0, 0, 0}},
                  {"b", {SHAPE_BOOLEAN, LEAT_BOOLEAN, 0, 0, 0, 0}},
                  {"c", {SHAPE_SAME, LEAT_INT8, 1, 0, 0, 0}},
                  {"s", {SHAPE_SAME, LEAT_INT16, 2, 0, 0, 0}},
                  {"i", {SHAPE_SAME, LEAT_INT32, 4, 0, 0, 0}},
                  {"l", {SHAPE_SAME, LEAT_INT64, 8, 0, 0, 0}},
                  {"f", {SHAPE_SAME, LEAT_FLOAT, 4, 0, 0, 0}},
                  {"g", {SHAPE_SAME, LEAT_DOUBLE, 8, 0, 0, 0}},
                  {"C", {SHAPE_UNSIGNED, LEAT_INT16, 1, 0, 0, 0}},
                  {"S", {SHAPE_UNSIGNED, LEAT_INT32, 2, 0, 0, 0}},
                  {"I", {SHAPE_UNSIGNED, LEAT_INT64, 4, 0, 0, 0}},
                  {"L", {SHAPE_UNSIGNED, LEAT_DECIMAL, 8, 0, 20, 0}},
                  {"e", {SHAPE_HALF, LEAT_FLOAT, 2, 0, 0, 0}},
                  {"u", {SHAPE_TEXT, LEAT_TEXT, 4, 0, 0, 0}},
                  {"U", {SHAPE_TEXT, LEAT_TEXT, 8, 0, 0, 0}},
                  {"z", {SHAPE_TEXT, LEAT_BYTES, 4, 0, 0, 0}},
                  {"Z", {SHAPE_TEXT, LEAT_BYTES, 8, 0, 0, 0}},
                  {"vu", {SHAPE_VIEWS, LEAT_TEXT, 0, 0, 0, 0}},
                  {"vz", {SHAPE_VIEWS, LEAT_BYTES, 0, 0, 0, 0}},
                  {"tdD", {SHAPE_SAME, LEAT_DATE, 4, 0, 0, 0}},
                  {"tdm", {SHAPE_DATE_MILLISECONDS, LEAT_DATE, 8, 0, 0, 0}},
                  {"tiM", {SHAPE_MONTHS, LEAT_INTERVAL, 4, 0, 0, 0}},
                  {"tiD", {SHAPE_DAYS_MILLISECONDS, LEAT_INTERVAL, 8, 0, 0, 0}},
                  {"tin", {SHAPE_MONTHS_DAYS_NANOSECONDS, LEAT_INTERVAL, 16, 0, 0, 0}},
                  {"+l", {SHAPE_LIST, LEAT_LIST, 4, 0, 0, 0}},
                  {"+L", {SHAPE_LIST, LEAT_LIST, 8, 0, 0, 0}},
                  {"+vl", {SHAPE_LIST_VIEW, LEAT_LIST, 4, 0, 0, 0}},
                  {"+vL", {SHAPE_LIST_VIEW, LEAT_LIST, 8, 0, 0, 0}},
                  {"+s", {SHAPE_STRUCT, LEAT_STRUCT, 0, 0, 0, 0}},
                  {"+m", {SHAPE_MAP, LEAT_MAP, 4, 0, 0, 0}}};

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(format, shapes[i].format) == 0) {
            *out = shapes[i].shape;
            return true;
        }
    return false;
}

/* Formats with parameters. */
static bool other_shape(const char *format, struct shape *out)
{
    unsigned precision, bits = 128;
    int digits, width;

    if (format[0] == 't' && format[1] == 't' && unit_scale(format[2], &out->scale) && !format[3]) {
        out->kind = out->scale == 1 ? SHAPE_SAME : SHAPE_TIME;
        out->id = LEAT_TIME;
        out->width = format[2] == 's' || format[2] == 'm' ? 4 : 8;
        return true;
    }
    if (format[0] == 't' && format[1] == 's' && unit_scale(format[2], &out->scale) &&
        format[3] == ':') {
        out->kind = out->scale == 1 ? SHAPE_SAME : SHAPE_TIMESTAMP;
        out->id = format[4] ? LEAT_TIMESTAMPTZ : LEAT_TIMESTAMP;
        out->width = 8;
        return true;
    }
    if (sscanf(format, "d:%u,%d,%u", &precision, &digits, &bits) >= 2) {
        if (precision == 0 || precision > LEAT_DECIMAL_MAX_PRECISION || digits < 0 ||
            (unsigned)digits > precision || (bits != 32 && bits != 64 && bits != 128))
            return false;
        *out =
            (struct shape){SHAPE_DECIMAL, LEAT_DECIMAL, bits / 8, 0, precision, (unsigned)digits};
        return true;
    }
    if (sscanf(format, "w:%d", &width) == 1 && width >= 0) {
        *out = (struct shape){SHAPE_FIXED_BYTES, LEAT_BYTES, (uint32_t)width, 0, 0, 0};
        return true;
    }
    if (sscanf(format, "+w:%d", &width) == 1 && width >= 0) {
        *out = (struct shape){SHAPE_FIXED_LIST, LEAT_LIST, (uint32_t)width, 0, 0, 0};
        return true;
    }
    return false;
}

static enum leat_status shape_of(const struct ArrowSchema *schema, struct shape *out,
                                 struct leat_error *err)
{
    *out = (struct shape){0};
    if (!schema || !schema->release || !schema->format || schema->n_children < 0 ||
        (schema->n_children && !schema->children))
        return wrong(err, schema ? schema->name : NULL,
                     "its Arrow schema was released or is not whole");
    if (!simple_shape(schema->format, out) && !other_shape(schema->format, out))
        return leat_error_set(err, LEAT_E_ARROW_TYPE, "column \"%s\": Arrow type %.40s",
                              schema->name ? schema->name : "", schema->format);
    if (out->kind == SHAPE_FIXED_BYTES && out->width == 16 &&
        has_extension(schema->metadata, "arrow.uuid")) {
        out->kind = SHAPE_SAME;
        out->id = LEAT_UUID;
    }
    if (out->id == LEAT_TEXT && has_extension(schema->metadata, "arrow.json"))
        out->id = LEAT_JSON;
    if ((out->id == LEAT_LIST || out->id == LEAT_MAP) && schema->n_children != 1)
        return wrong(err, schema->name, "a list has one child");
    return LEAT_OK;
}

/* --- schemas --- */

static enum leat_status import_type(const struct ArrowSchema *schema, unsigned depth,
                                    struct leat_arena *arena, const struct leat_type **out,
                                    struct leat_error *err);

static enum leat_status import_fields(const struct ArrowSchema *schema, unsigned depth,
                                      struct leat_arena *arena, struct leat_field **out,
                                      struct leat_error *err)
{
    if (schema->n_children > 65536)
        return leat_error_set(err, LEAT_E_LIMIT, "a struct of %lld fields",
                              (long long)schema->n_children);
    *out = LEAT_NEW_ARRAY(arena, struct leat_field, (size_t)schema->n_children);
    if (!*out)
        return leat_error_memory(err);
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        LEAT_TRY(import_type(child, depth, arena, &(*out)[i].type, err));
        (*out)[i].name = leat_arena_strdup(arena, child->name ? child->name : "");
        (*out)[i].required = !(child->flags & ARROW_FLAG_NULLABLE);
        if (!(*out)[i].name)
            return leat_error_memory(err);
        if (!leat_utf8_valid((*out)[i].name, strlen((*out)[i].name)))
            return wrong(err, "", "its name is not UTF-8");
    }
    return LEAT_OK;
}

static enum leat_status import_type(const struct ArrowSchema *schema, unsigned depth,
                                    struct leat_arena *arena, const struct leat_type **out,
                                    struct leat_error *err)
{
    const struct ArrowSchema *items;
    const struct leat_type *child;
    struct leat_field *fields;
    struct shape shape;

    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "an Arrow type nested deeper than %d levels",
                              LEAT_TYPE_MAX_DEPTH);
    LEAT_TRY(shape_of(schema, &shape, err));
    if (schema->dictionary)
        return import_type(schema->dictionary, depth + 1, arena, out, err);
    switch (shape.id) {
    case LEAT_DECIMAL:
        *out = leat_type_decimal(shape.precision, shape.digits);
        return LEAT_OK;
    case LEAT_LIST:
        LEAT_TRY(import_type(schema->children[0], depth + 1, arena, &child, err));
        *out = leat_type_list(arena, child);
        break;
    case LEAT_STRUCT:
        LEAT_TRY(import_fields(schema, depth + 1, arena, &fields, err));
        *out = leat_type_struct(arena, fields, (uint32_t)schema->n_children);
        break;
    case LEAT_MAP:
        items = schema->children[0];
        if (!items || !items->release || !items->format || strcmp(items->format, "+s") != 0 ||
            items->n_children != 2 || !items->children)
            return wrong(err, schema->name, "a map's child is a struct of two fields");
        LEAT_TRY(import_fields(items, depth + 1, arena, &fields, err));
        *out = leat_type_map(arena, fields[0].type, fields[1].type);
        break;
    default:
        *out = leat_type_get(shape.id);
        return LEAT_OK;
    }
    return *out ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_arrow_import_schema(const struct ArrowSchema *schema,
                                          struct leat_arena *arena, struct leat_schema *out,
                                          struct leat_error *err)
{
    struct shape shape;

    *out = (struct leat_schema){0};
    LEAT_TRY(shape_of(schema, &shape, err));
    if (shape.kind != SHAPE_STRUCT || schema->dictionary)
        return leat_error_set(err, LEAT_E_ARROW_LAYOUT, "the Arrow schema is no struct of columns");
    LEAT_TRY(import_fields(schema, 1, arena, &out->fields, err));
    out->count = (uint32_t)schema->n_children;
    return LEAT_OK;
}

/* --- arrays --- */

/* Rows [from, from + count) of an array's buffers. */
struct piece {
    const struct ArrowArray *array;
    const struct ArrowSchema *schema;
    struct shape shape;
    const struct leat_type *type;
    size_t from;
    uint32_t count;
    unsigned depth;
    struct leat_arena *arena;
};

static enum leat_status import_piece(struct piece *p, struct leat_vector *out,
                                     struct leat_error *err);

static int64_t buffer_count(const struct shape *shape)
{
    switch (shape->kind) {
    case SHAPE_NULL:
        return 0;
    case SHAPE_STRUCT:
    case SHAPE_FIXED_LIST:
        return 1;
    case SHAPE_TEXT:
    case SHAPE_VIEWS: /* at least: validity, views, lengths */
    case SHAPE_LIST_VIEW:
        return 3;
    default:
        return 2;
    }
}

static enum leat_status check_array(const struct piece *p, struct leat_error *err)
{
    const struct ArrowArray *array = p->array;
    const char *name = p->schema->name;
    int64_t buffers = p->schema->dictionary ? 2 : buffer_count(&p->shape);

    if (!array || !array->release)
        return wrong(err, name, "its Arrow array was released or is missing");
    if (array->length < 0 || array->offset < 0 || array->length > UINT32_MAX ||
        array->offset > INT64_MAX / 64)
        return wrong(err, name, "a length or offset that cannot be");
    if (array->n_buffers < buffers || (buffers && !array->buffers) || array->n_buffers > 1 << 20)
        return wrong(err, name, "too few buffers");
    if (array->n_children != p->schema->n_children || (array->n_children && !array->children))
        return wrong(err, name, "its number of children is not that of its schema");
    if (!p->schema->dictionary != !array->dictionary)
        return wrong(err, name, "a dictionary without its schema, or the reverse");
    for (int64_t i = 1; i < buffers; i++)
        if (!array->buffers[i] && p->count && p->shape.kind != SHAPE_VIEWS &&
            !(i == 2 && p->shape.kind == SHAPE_TEXT))
            return wrong(err, name, "a buffer is missing");
    return LEAT_OK;
}

static enum leat_status import_validity(const struct piece *p, struct leat_vector *out,
                                        struct leat_error *err)
{
    const uint8_t *bits;
    bool any = false;

    if (p->shape.kind == SHAPE_NULL && !p->schema->dictionary) {
        out->validity = leat_arena_calloc(p->arena, leat_validity_words(p->count) + 1, 8);
        return out->validity ? LEAT_OK : leat_error_memory(err);
    }
    if (p->array->n_buffers == 0 || p->array->null_count == 0 || !p->array->buffers[0])
        return LEAT_OK;
    bits = p->array->buffers[0];
    out->validity = leat_arena_calloc(p->arena, leat_validity_words(p->count) + 1, 8);
    if (!out->validity)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < p->count; i++) {
        size_t at = p->from + i;
        uint64_t bit = bits[at >> 3] >> (at & 7) & 1;
        out->validity[i >> 6] |= bit << (i & 63);
        any |= !bit;
    }
    if (!any)
        out->validity = NULL;
    return LEAT_OK;
}

/* The value buffer as it is, where its alignment allows that. */
static enum leat_status import_same(const struct piece *p, uint32_t width, struct leat_vector *out,
                                    struct leat_error *err)
{
    const char *values = p->array->buffers[1];

    if (p->count == 0)
        return LEAT_OK;
    values += p->from * width;
    if ((uintptr_t)values % width == 0 || (p->type->id == LEAT_UUID)) {
        out->data = (void *)(uintptr_t)values; /* vectors that were handed out are not written */
        return LEAT_OK;
    }
    out->data = leat_arena_alloc_aligned(p->arena, (size_t)p->count * width);
    if (!out->data)
        return leat_error_memory(err);
    memcpy(out->data, values, (size_t)p->count * width);
    return LEAT_OK;
}

static uint64_t unsigned_at(const void *values, uint32_t width, size_t i)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)values + i * width, width); /* little-endian */
    return value;
}

static int64_t signed_at(const void *values, uint32_t width, size_t i)
{
    uint64_t value = unsigned_at(values, width, i);

    return width == 8 ? (int64_t)value : (int64_t)(value << (64 - 8 * width)) >> (64 - 8 * width);
}

static float half_at(const void *values, size_t i)
{
    uint64_t bits = unsigned_at(values, 2, i);
    int exponent = (int)(bits >> 10 & 31);
    float fraction = (float)(bits & 1023), value;

    if (exponent == 31)
        value = bits & 1023 ? NAN : INFINITY;
    else
        value = exponent ? ldexpf(fraction + 1024, exponent - 25) : ldexpf(fraction, -24);
    return bits >> 15 ? -value : value;
}

/* A number of units as microseconds, rounded down. */
static bool scaled(int64_t value, int64_t scale, int64_t *out)
{
    if (scale < 0) {
        *out = value / -scale - (value % -scale < 0);
        return true;
    }
    return !__builtin_mul_overflow(value, scale, out);
}

/* One value that has another layout here. */
static bool convert_value(const struct piece *p, size_t at, void *out)
{
    const void *values = p->array->buffers[1];
    struct leat_interval interval = {0, 0, 0};
    leat_int128 wide;
    int64_t value;

    switch (p->shape.kind) {
    case SHAPE_BOOLEAN:
        *(uint8_t *)out = ((const uint8_t *)values)[at >> 3] >> (at & 7) & 1;
        return true;
    case SHAPE_UNSIGNED:
        wide = (leat_int128)unsigned_at(values, p->shape.width, at);
        memcpy(out, &wide, leat_type_width(p->type));
        return true;
    case SHAPE_HALF:
        *(float *)out = half_at(values, at);
        return true;
    case SHAPE_DECIMAL:
        wide = 0;
        if (p->shape.width == 16)
            memcpy(&wide, (const char *)values + at * 16, 16);
        else
            wide = signed_at(values, p->shape.width, at);
        if (wide >= leat_power_of_ten[p->shape.precision] ||
            wide <= -leat_power_of_ten[p->shape.precision])
            return false;
        memcpy(out, &wide, leat_type_width(p->type));
        return true;
    case SHAPE_DATE_MILLISECONDS:
        value = signed_at(values, 8, at);
        value = value / 86400000 - (value % 86400000 < 0);
        *(int32_t *)out = (int32_t)value;
        return value == (int32_t)value;
    case SHAPE_TIME:
        return scaled(signed_at(values, p->shape.width, at), p->shape.scale, out) &&
               *(int64_t *)out >= 0 && *(int64_t *)out <= 86400000000;
    case SHAPE_TIMESTAMP:
        return scaled(signed_at(values, 8, at), p->shape.scale, out);
    case SHAPE_MONTHS:
        interval.months = (int32_t)signed_at(values, 4, at);
        *(struct leat_interval *)out = interval;
        return true;
    case SHAPE_DAYS_MILLISECONDS:
        interval.days = (int32_t)signed_at(values, 4, 2 * at);
        interval.microseconds = signed_at(values, 4, 2 * at + 1) * 1000;
        *(struct leat_interval *)out = interval;
        return true;
    default: /* SHAPE_MONTHS_DAYS_NANOSECONDS */
        memcpy(&interval, (const char *)values + at * 16, 16);
        (void)scaled(interval.microseconds, -1000, &interval.microseconds);
        *(struct leat_interval *)out = interval;
        return true;
    }
}

static enum leat_status import_converted(const struct piece *p, struct leat_vector *out,
                                         struct leat_error *err)
{
    size_t width = leat_type_width(p->type);

    out->data = leat_arena_alloc_aligned(p->arena, width * p->count + 16);
    if (!out->data)
        return leat_error_memory(err);
    memset(out->data, 0, width * p->count);
    for (uint32_t i = 0; i < p->count; i++)
        if (leat_validity_get(out->validity, i) &&
            !convert_value(p, p->from + i, (char *)out->data + i * width))
            return wrong(err, p->schema->name, "a value out of its type's range");
    return LEAT_OK;
}

static enum leat_status put_text(const struct piece *p, const char *bytes, size_t length,
                                 struct leat_string *out, struct leat_error *err)
{
    if (length > UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "a text of more than 4 GiB");
    if (length && !bytes)
        return wrong(err, p->schema->name, "a buffer is missing");
    if (p->type->id != LEAT_BYTES && !leat_utf8_valid(bytes, length))
        return wrong(err, p->schema->name, "a text is not UTF-8");
    *out = leat_string_of(bytes, length);
    return LEAT_OK;
}

static enum leat_status import_texts(const struct piece *p, struct leat_vector *out,
                                     struct leat_error *err)
{
    const void *offsets = p->array->buffers[1];
    struct leat_string *strings = leat_arena_calloc(p->arena, (size_t)p->count + 1, 16);
    int64_t last;

    out->data = strings;
    if (!strings)
        return leat_error_memory(err);
    if (p->count == 0)
        return LEAT_OK;
    last = signed_at(offsets, p->shape.width, p->from);
    for (uint32_t i = 0; i < p->count; i++) {
        int64_t start = last;
        last = signed_at(offsets, p->shape.width, p->from + i + 1);
        if (start < 0 || last < start)
            return wrong(err, p->schema->name, "offsets that do not ascend");
        if (leat_validity_get(out->validity, i))
            LEAT_TRY(put_text(p, (const char *)p->array->buffers[2] + start, (size_t)(last - start),
                              &strings[i], err));
    }
    return LEAT_OK;
}

static enum leat_status import_fixed_bytes(const struct piece *p, struct leat_vector *out,
                                           struct leat_error *err)
{
    struct leat_string *strings = leat_arena_calloc(p->arena, (size_t)p->count + 1, 16);

    out->data = strings;
    if (!strings)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < p->count; i++)
        if (leat_validity_get(out->validity, i))
            strings[i] =
                leat_string_of((const char *)p->array->buffers[1] + (p->from + i) * p->shape.width,
                               p->shape.width);
    return LEAT_OK;
}

static enum leat_status import_views(const struct piece *p, struct leat_vector *out,
                                     struct leat_error *err)
{
    int64_t data_count = p->array->n_buffers - 3;
    const char *views = p->array->buffers[1];
    const int64_t *lengths = p->array->buffers[p->array->n_buffers - 1];
    struct leat_string *strings = leat_arena_calloc(p->arena, (size_t)p->count + 1, 16);

    out->data = strings;
    if (!strings)
        return leat_error_memory(err);
    if (p->count && !views)
        return wrong(err, p->schema->name, "a buffer is missing");
    for (uint32_t i = 0; i < p->count; i++) {
        const char *view = views + (p->from + i) * 16;
        int32_t length, buffer, offset;
        int64_t size;
        memcpy(&length, view, 4);
        if (!leat_validity_get(out->validity, i))
            continue;
        if (length < 0)
            return wrong(err, p->schema->name, "a text of negative length");
        if (length <= (int32_t)LEAT_STRING_INLINE) {
            LEAT_TRY(put_text(p, view + 4, (size_t)length, &strings[i], err));
            continue;
        }
        memcpy(&buffer, view + 8, 4);
        memcpy(&offset, view + 12, 4);
        if (buffer < 0 || buffer >= data_count || offset < 0 || !lengths)
            return wrong(err, p->schema->name, "a view of a buffer that is not there");
        memcpy(&size, &lengths[buffer], 8);
        if ((int64_t)offset + length > size)
            return wrong(err, p->schema->name, "a view beyond its buffer");
        LEAT_TRY(put_text(p,
                          p->array->buffers[2 + buffer]
                              ? (const char *)p->array->buffers[2 + buffer] + offset
                              : NULL,
                          (size_t)length, &strings[i], err));
    }
    return LEAT_OK;
}

/* Rows [from, from + count) of a child, counted without its own offset. */
static enum leat_status import_child(const struct piece *p, const struct ArrowArray *array,
                                     const struct ArrowSchema *schema, const struct leat_type *type,
                                     int64_t from, int64_t count, struct leat_vector *out,
                                     struct leat_error *err)
{
    struct piece child = {
        .array = array, .schema = schema, .type = type, .depth = p->depth + 1, .arena = p->arena};

    if (p->depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "an Arrow array nested too deep");
    LEAT_TRY(shape_of(schema, &child.shape, err));
    if (!array || !array->release || array->offset < 0 || array->length < 0)
        return wrong(err, schema->name, "its Arrow array was released or is missing");
    if (from < 0 || count < 0 || count > UINT32_MAX || from > array->length ||
        count > array->length - from)
        return wrong(err, schema->name, "fewer values than its parent has");
    child.from = (size_t)from + (size_t)array->offset;
    child.count = (uint32_t)count;
    return import_piece(&child, out, err);
}

static enum leat_status import_struct(const struct piece *p, struct leat_vector *out,
                                      struct leat_error *err)
{
    for (uint32_t i = 0; i < p->type->field_count; i++)
        LEAT_TRY(import_child(p, p->array->children[i], p->schema->children[i],
                              p->type->fields[i].type, (int64_t)p->from, p->count,
                              &out->children[i], err));
    return LEAT_OK;
}

/* Entries of a list, and which of the child's items they refer to. */
static enum leat_status list_entries(const struct piece *p, struct leat_vector *out, int64_t *first,
                                     int64_t *end, struct leat_error *err)
{
    struct leat_list_entry *entries = leat_arena_calloc(p->arena, (size_t)p->count + 1, 8);
    const void *offsets = p->shape.kind == SHAPE_FIXED_LIST ? NULL : p->array->buffers[1];
    uint32_t width = p->shape.width;

    out->data = entries;
    *first = INT64_MAX;
    *end = 0;
    if (!entries)
        return leat_error_memory(err);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < p->count; i++) {
            int64_t start, length;
            if (!leat_validity_get(out->validity, i))
                continue;
            if (p->shape.kind == SHAPE_FIXED_LIST) {
                start = (int64_t)(p->from + i) * width;
                length = width;
            } else {
                start = signed_at(offsets, width, p->from + i);
                length = p->shape.kind == SHAPE_LIST_VIEW
                             ? signed_at(p->array->buffers[2], width, p->from + i)
                             : signed_at(offsets, width, p->from + i + 1) - start;
            }
            if (start < 0 || length < 0 || start > INT64_MAX - length)
                return wrong(err, p->schema->name, "offsets that do not ascend");
            if (pass) {
                entries[i].offset = length ? (uint32_t)(start - *first) : 0;
                entries[i].length = (uint32_t)length;
            } else if (length) {
                *first = start < *first ? start : *first;
                *end = start + length > *end ? start + length : *end;
            }
        }
        if (*first > *end)
            *first = *end = 0;
        if (*end - *first > UINT32_MAX)
            return leat_error_set(err, LEAT_E_LIMIT, "more than 2^32 items in lists of one batch");
    }
    return LEAT_OK;
}

static enum leat_status import_list(const struct piece *p, struct leat_vector *out,
                                    struct leat_error *err)
{
    const struct ArrowArray *items = p->array->children[0];
    const struct ArrowSchema *schema = p->schema->children[0];
    int64_t first, end;

    LEAT_TRY(list_entries(p, out, &first, &end, err));
    if (p->shape.kind != SHAPE_MAP)
        return import_child(p, items, schema, p->type->fields[0].type, first, end - first,
                            &out->children[0], err);
    if (!items || !items->release || items->n_children != 2 || !items->children ||
        items->offset < 0 || items->offset > INT64_MAX - end || end > items->length)
        return wrong(err, p->schema->name, "a map's child is a struct of two fields");
    for (uint32_t i = 0; i < 2; i++)
        LEAT_TRY(import_child(p, items->children[i], schema->children[i], p->type->fields[i].type,
                              first + items->offset, end - first, &out->children[i], err));
    return LEAT_OK;
}

static enum leat_status import_dictionary(const struct piece *p, struct leat_vector *out,
                                          struct leat_error *err)
{
    const struct ArrowArray *values = p->array->dictionary;
    const void *indices = p->array->buffers[1];
    bool is_signed = p->shape.kind == SHAPE_SAME;

    if (!leat_type_is_integer(leat_type_get(p->shape.id)) && p->shape.kind != SHAPE_UNSIGNED)
        return wrong(err, p->schema->name, "dictionary indices are whole numbers");
    if (!values || values->length < 0)
        return wrong(err, p->schema->name, "its dictionary is missing");
    out->form = LEAT_DICTIONARY;
    out->codes = leat_arena_calloc(p->arena, (size_t)p->count + 1, sizeof(uint32_t));
    out->dictionary = LEAT_NEW(p->arena, struct leat_vector);
    if (!out->codes || !out->dictionary)
        return leat_error_memory(err);
    LEAT_TRY(import_child(p, values, p->schema->dictionary, p->type, 0, values->length,
                          out->dictionary, err));
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t code = is_signed ? (uint64_t)signed_at(indices, p->shape.width, p->from + i)
                                  : unsigned_at(indices, p->shape.width, p->from + i);
        if (!leat_validity_get(out->validity, i))
            code = 0;
        else if (code >= (uint64_t)values->length)
            return wrong(err, p->schema->name, "an index beyond its dictionary");
        out->codes[i] = (uint32_t)code;
    }
    if (out->dictionary->form != LEAT_FLAT) /* a dictionary of dictionaries */
        LEAT_TRY(leat_vector_flatten(out->dictionary, p->arena, err));
    if (values->length == 0 ||
        leat_type_is_nested(p->type)) { /* codes need something behind them */
        if (values->length == 0)
            LEAT_TRY(leat_vector_init(out->dictionary, p->type, 1, 0, p->arena, err));
        if (values->length == 0) {
            LEAT_TRY(leat_vector_make_validity(out->dictionary, 1, p->arena, err));
            leat_validity_set(out->dictionary->validity, 0, false);
            memset(out->dictionary->data, 0, leat_type_width(p->type));
            out->dictionary->length = 1;
        }
        return leat_vector_flatten(out, p->arena, err);
    }
    return LEAT_OK;
}

static enum leat_status import_piece(struct piece *p, struct leat_vector *out,
                                     struct leat_error *err)
{
    *out = (struct leat_vector){.type = p->type, .form = LEAT_FLAT, .length = p->count};
    LEAT_TRY(check_array(p, err));
    if (p->schema->dictionary) {
        LEAT_TRY(import_validity(p, out, err));
        return import_dictionary(p, out, err);
    }
    if (p->type->id != p->shape.id)
        return wrong(err, p->schema->name, "its Arrow type is not that of the schema");
    if (leat_type_is_nested(p->type)) {
        uint32_t count = p->type->field_count;
        out->children = LEAT_NEW_ARRAY(p->arena, struct leat_vector, count);
        if (!out->children)
            return leat_error_memory(err);
        if (p->type->id == LEAT_STRUCT && p->schema->n_children != count)
            return wrong(err, p->schema->name, "its number of fields is not that of the schema");
    }
    LEAT_TRY(import_validity(p, out, err));
    switch (p->shape.kind) {
    case SHAPE_NULL:
        return LEAT_OK;
    case SHAPE_SAME:
        return import_same(p, (uint32_t)leat_type_width(p->type), out, err);
    case SHAPE_DECIMAL:
        if (p->type->precision != p->shape.precision || p->type->scale != p->shape.digits)
            return wrong(err, p->schema->name, "its Arrow type is not that of the schema");
        return import_converted(p, out, err);
    case SHAPE_TEXT:
        return import_texts(p, out, err);
    case SHAPE_VIEWS:
        return import_views(p, out, err);
    case SHAPE_FIXED_BYTES:
        return import_fixed_bytes(p, out, err);
    case SHAPE_STRUCT:
        return import_struct(p, out, err);
    case SHAPE_LIST:
    case SHAPE_LIST_VIEW:
    case SHAPE_FIXED_LIST:
    case SHAPE_MAP:
        return import_list(p, out, err);
    default:
        return import_converted(p, out, err);
    }
}

enum leat_status leat_arrow_import_batch(const struct ArrowArray *array,
                                         const struct leat_schema *schema,
                                         const struct ArrowSchema *arrow_schema,
                                         struct leat_arena *arena, struct leat_batch *out,
                                         struct leat_error *err)
{
    struct leat_type type = {
        .id = LEAT_STRUCT, .field_count = schema->count, .fields = schema->fields};
    struct piece root = {.array = array, .schema = arrow_schema, .type = &type, .arena = arena};
    struct leat_vector rows;

    *out = (struct leat_batch){0};
    LEAT_TRY(shape_of(arrow_schema, &root.shape, err));
    if (root.shape.kind != SHAPE_STRUCT || arrow_schema->dictionary)
        return leat_error_set(err, LEAT_E_ARROW_LAYOUT, "the Arrow schema is no struct of columns");
    if (!array || !array->release || array->length < 0 || array->length > UINT32_MAX ||
        array->offset < 0)
        return leat_error_set(err, LEAT_E_ARROW_LAYOUT,
                              "the Arrow array was released, or has no length that can be");
    root.from = (size_t)array->offset;
    root.count = (uint32_t)array->length;
    LEAT_TRY(import_piece(&root, &rows, err));
    if (rows.validity)
        return leat_error_set(err, LEAT_E_ARROW_LAYOUT, "rows of a batch cannot be null");
    *out = (struct leat_batch){schema->count, root.count, rows.children};
    return LEAT_OK;
}
