/* Types: static objects for simple types and decimals, the parser and printer of their SQL
 * spelling, unification, and their serialised form. Depth is limited to LEAT_TYPE_MAX_DEPTH
 * everywhere. */
#include "columns/type.h"

#include <stdlib.h>
#include <strings.h>

#define SIMPLE(type_id) [type_id] = {.id = (type_id)}
static const struct leat_type simple_types[LEAT_TYPE_COUNT] = {
    SIMPLE(LEAT_NULL),      SIMPLE(LEAT_BOOLEAN),     SIMPLE(LEAT_INT8),     SIMPLE(LEAT_INT16),
    SIMPLE(LEAT_INT32),     SIMPLE(LEAT_INT64),       SIMPLE(LEAT_FLOAT),    SIMPLE(LEAT_DOUBLE),
    SIMPLE(LEAT_TEXT),      SIMPLE(LEAT_BYTES),       SIMPLE(LEAT_DATE),     SIMPLE(LEAT_TIME),
    SIMPLE(LEAT_TIMESTAMP), SIMPLE(LEAT_TIMESTAMPTZ), SIMPLE(LEAT_INTERVAL), SIMPLE(LEAT_UUID),
    SIMPLE(LEAT_JSON),
};

/* All decimals, row p holding scales 0..p: entry p * (p + 1) / 2 + s. Made by nested repetition. */
#define D(p, s)                                                                                    \
    {                                                                                              \
        .id = LEAT_DECIMAL, .precision = (p), .scale = (s)                                         \
    }
#define D0(p)  D(p, 0)
#define D1(p)  D0(p), D(p, 1)
#define D2(p)  D1(p), D(p, 2)
#define D3(p)  D2(p), D(p, 3)
#define D4(p)  D3(p), D(p, 4)
#define D5(p)  D4(p), D(p, 5)
#define D6(p)  D5(p), D(p, 6)
#define D7(p)  D6(p), D(p, 7)
#define D8(p)  D7(p), D(p, 8)
#define D9(p)  D8(p), D(p, 9)
#define D10(p) D9(p), D(p, 10)
#define D11(p) D10(p), D(p, 11)
#define D12(p) D11(p), D(p, 12)
#define D13(p) D12(p), D(p, 13)
#define D14(p) D13(p), D(p, 14)
#define D15(p) D14(p), D(p, 15)
#define D16(p) D15(p), D(p, 16)
#define D17(p) D16(p), D(p, 17)
#define D18(p) D17(p), D(p, 18)
#define D19(p) D18(p), D(p, 19)
#define D20(p) D19(p), D(p, 20)
#define D21(p) D20(p), D(p, 21)
#define D22(p) D21(p), D(p, 22)
#define D23(p) D22(p), D(p, 23)
#define D24(p) D23(p), D(p, 24)
#define D25(p) D24(p), D(p, 25)
#define D26(p) D25(p), D(p, 26)
#define D27(p) D26(p), D(p, 27)
#define D28(p) D27(p), D(p, 28)
#define D29(p) D28(p), D(p, 29)
#define D30(p) D29(p), D(p, 30)
#define D31(p) D30(p), D(p, 31)
#define D32(p) D31(p), D(p, 32)
#define D33(p) D32(p), D(p, 33)
#define D34(p) D33(p), D(p, 34)
#define D35(p) D34(p), D(p, 35)
#define D36(p) D35(p), D(p, 36)
#define D37(p) D36(p), D(p, 37)
#define D38(p) D37(p), D(p, 38)
static const struct leat_type decimal_types[39][39] = {
    {D38(1)},  {D38(1)},  {D38(2)},  {D38(3)},  {D38(4)},  {D38(5)},  {D38(6)},  {D38(7)},
    {D38(8)},  {D38(9)},  {D38(10)}, {D38(11)}, {D38(12)}, {D38(13)}, {D38(14)}, {D38(15)},
    {D38(16)}, {D38(17)}, {D38(18)}, {D38(19)}, {D38(20)}, {D38(21)}, {D38(22)}, {D38(23)},
    {D38(24)}, {D38(25)}, {D38(26)}, {D38(27)}, {D38(28)}, {D38(29)}, {D38(30)}, {D38(31)},
    {D38(32)}, {D38(33)}, {D38(34)}, {D38(35)}, {D38(36)}, {D38(37)}, {D38(38)},
};

const struct leat_type *leat_type_get(enum leat_type_id id)
{
    return &simple_types[id];
}

const struct leat_type *leat_type_decimal(unsigned precision, unsigned scale)
{
    if (precision < 1)
        precision = 1;
    if (precision > LEAT_DECIMAL_MAX_PRECISION)
        precision = LEAT_DECIMAL_MAX_PRECISION;
    if (scale > precision)
        scale = precision;
    return &decimal_types[precision][scale];
}

static const struct leat_type *make_nested(struct leat_arena *arena, enum leat_type_id id,
                                           const struct leat_field *fields, uint32_t count)
{
    struct leat_type *type = LEAT_NEW(arena, struct leat_type);
    struct leat_field *copy = LEAT_NEW_ARRAY(arena, struct leat_field, count);

    if (!type || !copy)
        return NULL;
    if (count)
        memcpy(copy, fields, count * sizeof(*copy));
    type->id = id;
    type->field_count = count;
    type->fields = copy;
    return type;
}

const struct leat_type *leat_type_list(struct leat_arena *arena, const struct leat_type *element)
{
    return make_nested(arena, LEAT_LIST, &(struct leat_field){.name = "element", .type = element},
                       1);
}

const struct leat_type *leat_type_struct(struct leat_arena *arena, const struct leat_field *fields,
                                         uint32_t count)
{
    return make_nested(arena, LEAT_STRUCT, fields, count);
}

const struct leat_type *leat_type_map(struct leat_arena *arena, const struct leat_type *key,
                                      const struct leat_type *value)
{
    struct leat_field fields[2] = {{.name = "key", .type = key, .required = true},
                                   {.name = "value", .type = value}};

    return make_nested(arena, LEAT_MAP, fields, 2);
}

bool leat_type_equal(const struct leat_type *a, const struct leat_type *b)
{
    if (a == b)
        return true;
    if (a->id != b->id || a->precision != b->precision || a->scale != b->scale ||
        a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        if (a->id == LEAT_STRUCT && strcmp(a->fields[i].name, b->fields[i].name) != 0)
            return false;
        if (!leat_type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    }
    return true;
}

size_t leat_type_width(const struct leat_type *type)
{
    static const uint8_t widths[LEAT_TYPE_COUNT] = {
        [LEAT_BOOLEAN] = 1, [LEAT_INT8] = 1,        [LEAT_INT16] = 2,     [LEAT_INT32] = 4,
        [LEAT_INT64] = 8,   [LEAT_FLOAT] = 4,       [LEAT_DOUBLE] = 8,    [LEAT_TEXT] = 16,
        [LEAT_BYTES] = 16,  [LEAT_DATE] = 4,        [LEAT_TIME] = 8,      [LEAT_TIMESTAMP] = 8,
        [LEAT_UUID] = 16,   [LEAT_TIMESTAMPTZ] = 8, [LEAT_INTERVAL] = 16, [LEAT_JSON] = 16,
        [LEAT_LIST] = 8,    [LEAT_MAP] = 8,
    };

    if (type->id == LEAT_DECIMAL)
        return leat_type_is_small_decimal(type) ? 8 : 16;
    return widths[type->id];
}

static const char *const type_names[LEAT_TYPE_COUNT] = {
    [LEAT_NULL] = "unknown",
    [LEAT_BOOLEAN] = "boolean",
    [LEAT_INT8] = "tinyint",
    [LEAT_INT16] = "smallint",
    [LEAT_INT32] = "integer",
    [LEAT_INT64] = "bigint",
    [LEAT_FLOAT] = "real",
    [LEAT_DOUBLE] = "double precision",
    [LEAT_DECIMAL] = "numeric",
    [LEAT_TEXT] = "text",
    [LEAT_BYTES] = "bytea",
    [LEAT_DATE] = "date",
    [LEAT_TIME] = "time",
    [LEAT_TIMESTAMP] = "timestamp",
    [LEAT_TIMESTAMPTZ] = "timestamptz",
    [LEAT_INTERVAL] = "interval",
    [LEAT_UUID] = "uuid",
    [LEAT_JSON] = "json",
};

/* A field name, quoted if it is not a plain lower-case word. */
static enum leat_status print_name(const char *name, struct leat_buffer *out,
                                   struct leat_error *err)
{
    bool plain = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';

    for (const char *c = name; *c && plain; c++)
        plain = (*c >= 'a' && *c <= 'z') || *c == '_' || (*c >= '0' && *c <= '9');
    if (plain)
        return leat_buffer_append_string(out, name, err);
    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            LEAT_TRY(leat_buffer_append_byte(out, '"', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)*c, err));
    }
    return leat_buffer_append_byte(out, '"', err);
}

enum leat_status leat_type_print(const struct leat_type *type, struct leat_buffer *out,
                                 struct leat_error *err)
{
    switch (type->id) {
    case LEAT_DECIMAL:
        return leat_buffer_printf(out, err, "numeric(%u,%u)", type->precision, type->scale);
    case LEAT_LIST:
        LEAT_TRY(leat_type_print(type->fields[0].type, out, err));
        return leat_buffer_append_string(out, "[]", err);
    case LEAT_STRUCT:
    case LEAT_MAP:
        LEAT_TRY(leat_buffer_append_string(out, type->id == LEAT_MAP ? "map(" : "struct(", err));
        for (uint32_t i = 0; i < type->field_count; i++) {
            if (i > 0)
                LEAT_TRY(leat_buffer_append_string(out, ", ", err));
            if (type->id == LEAT_STRUCT) {
                LEAT_TRY(print_name(type->fields[i].name, out, err));
                LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
            }
            LEAT_TRY(leat_type_print(type->fields[i].type, out, err));
        }
        return leat_buffer_append_byte(out, ')', err);
    default:
        return leat_buffer_append_string(out, type_names[type->id], err);
    }
}

const char *leat_type_name(struct leat_arena *arena, const struct leat_type *type)
{
    struct leat_buffer buffer;
    char *name = NULL;

    leat_buffer_init(&buffer, 0);
    if (leat_type_print(type, &buffer, NULL) == LEAT_OK)
        name = leat_arena_copy(arena, buffer.data, buffer.length);
    leat_buffer_release(&buffer);
    return name;
}

static const struct leat_type *copy_at(const struct leat_type *type, struct leat_arena *arena,
                                       unsigned depth)
{
    const struct leat_type *copy;
    struct leat_field *fields;

    if (type->id == LEAT_DECIMAL)
        return leat_type_decimal(type->precision, type->scale);
    if (type->id < LEAT_LIST)
        return leat_type_get(type->id);
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return NULL;
    copy = make_nested(arena, type->id, type->fields, type->field_count);
    if (!copy)
        return NULL;
    fields = (struct leat_field *)copy->fields; /* just made here: not yet shared */
    for (uint32_t i = 0; i < copy->field_count; i++) {
        fields[i].name = leat_arena_strdup(arena, fields[i].name);
        if (fields[i].comment)
            fields[i].comment = leat_arena_strdup(arena, fields[i].comment);
        fields[i].type = copy_at(fields[i].type, arena, depth + 1);
        if (!fields[i].name || !fields[i].type)
            return NULL;
    }
    return copy;
}

enum leat_status leat_type_copy(const struct leat_type *type, struct leat_arena *arena,
                                const struct leat_type **out, struct leat_error *err)
{
    *out = copy_at(type, arena, 0);
    return *out ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_schema_copy(const struct leat_schema *schema, struct leat_arena *arena,
                                  struct leat_schema *out, struct leat_error *err)
{
    const struct leat_type whole = {
        .id = LEAT_STRUCT, .field_count = schema->count, .fields = schema->fields};
    const struct leat_type *copy;

    LEAT_TRY(leat_type_copy(&whole, arena, &copy, err));
    out->count = copy->field_count;
    out->fields = (struct leat_field *)copy->fields;
    return LEAT_OK;
}

int leat_schema_find(const struct leat_schema *schema, struct leat_text name)
{
    int found = -1;

    for (uint32_t i = 0; i < schema->count; i++)
        if (leat_text_equal(leat_text_of(schema->fields[i].name), name))
            return (int)i;
    for (uint32_t i = 0; i < schema->count; i++)
        if (leat_text_equal_nocase(leat_text_of(schema->fields[i].name), name)) {
            if (found >= 0)
                return -1;
            found = (int)i;
        }
    return found;
}

static enum leat_status put_fields(const struct leat_field *fields, uint32_t count,
                                   struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u32(out, count, err));
    for (uint32_t i = 0; i < count; i++) {
        LEAT_TRY(leat_buffer_put_string(out, fields[i].name, err));
        LEAT_TRY(leat_buffer_put_u8(out, fields[i].required, err));
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)fields[i].id, err));
        LEAT_TRY(leat_buffer_put_u8(out, fields[i].comment != NULL, err));
        if (fields[i].comment)
            LEAT_TRY(leat_buffer_put_string(out, fields[i].comment, err));
        LEAT_TRY(leat_type_put(fields[i].type, out, err));
    }
    return LEAT_OK;
}

enum leat_status leat_type_put(const struct leat_type *type, struct leat_buffer *out,
                               struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)type->id, err));
    if (type->id == LEAT_DECIMAL) {
        LEAT_TRY(leat_buffer_put_u8(out, type->precision, err));
        return leat_buffer_put_u8(out, type->scale, err);
    }
    return leat_type_is_nested(type) ? put_fields(type->fields, type->field_count, out, err)
                                     : LEAT_OK;
}

static enum leat_status read_type(struct leat_cursor *cursor, struct leat_arena *arena,
                                  unsigned depth, const struct leat_type **out,
                                  struct leat_error *err);

static enum leat_status read_fields(struct leat_cursor *cursor, struct leat_arena *arena,
                                    unsigned depth, struct leat_schema *out, struct leat_error *err)
{
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->count, err));
    if (out->count > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a type with %u fields", out->count);
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        struct leat_field *field = &out->fields[i];
        uint8_t required, has_comment;
        uint32_t id;
        LEAT_TRY(leat_cursor_get_string(cursor, arena, &field->name, err));
        LEAT_TRY(leat_cursor_get_u8(cursor, &required, err));
        LEAT_TRY(leat_cursor_get_u32(cursor, &id, err));
        LEAT_TRY(leat_cursor_get_u8(cursor, &has_comment, err));
        if (has_comment)
            LEAT_TRY(leat_cursor_get_string(cursor, arena, &field->comment, err));
        field->required = required != 0;
        field->id = (int32_t)id;
        LEAT_TRY(read_type(cursor, arena, depth + 1, &field->type, err));
    }
    return LEAT_OK;
}

static enum leat_status read_type(struct leat_cursor *cursor, struct leat_arena *arena,
                                  unsigned depth, const struct leat_type **out,
                                  struct leat_error *err)
{
    struct leat_schema fields;
    uint8_t id, precision, scale;

    LEAT_TRY(leat_cursor_get_u8(cursor, &id, err));
    if (id >= LEAT_TYPE_COUNT || depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_MESSAGE, "an unknown type, number %u", id);
    if (id == LEAT_DECIMAL) {
        LEAT_TRY(leat_cursor_get_u8(cursor, &precision, err));
        LEAT_TRY(leat_cursor_get_u8(cursor, &scale, err));
        *out = leat_type_decimal(precision, scale);
        return LEAT_OK;
    }
    if (id < LEAT_LIST) {
        *out = leat_type_get((enum leat_type_id)id);
        return LEAT_OK;
    }
    LEAT_TRY(read_fields(cursor, arena, depth, &fields, err));
    if ((id == LEAT_LIST && fields.count != 1) || (id == LEAT_MAP && fields.count != 2))
        return leat_error_set(err, LEAT_E_MESSAGE, "a nested type with %u parts", fields.count);
    *out = make_nested(arena, (enum leat_type_id)id, fields.fields, fields.count);
    return *out ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_type_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                const struct leat_type **out, struct leat_error *err)
{
    return read_type(cursor, arena, 0, out, err);
}

enum leat_status leat_schema_put(const struct leat_schema *schema, struct leat_buffer *out,
                                 struct leat_error *err)
{
    return put_fields(schema->fields, schema->count, out, err);
}

enum leat_status leat_schema_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                  struct leat_schema *out, struct leat_error *err)
{
    return read_fields(cursor, arena, 0, out, err);
}

static const struct leat_type *unify_at(struct leat_arena *arena, const struct leat_type *a,
                                        const struct leat_type *b, unsigned depth);

/* Decimal digits that an integer type needs. */
static unsigned integer_digits(enum leat_type_id id)
{
    return id == LEAT_INT8 ? 3 : id == LEAT_INT16 ? 5 : id == LEAT_INT32 ? 10 : 19;
}

/* Where both sides' digits do not fit, those behind the point are kept as long as WHOLE in front of
 * it are: a sum's type has room for 36 and more, but a value that is rounded is a wrong answer, one
 * that does not fit an error. */
static const struct leat_type *unify_decimal(const struct leat_type *a, const struct leat_type *b)
{
    enum { WHOLE = 20 };
    unsigned a_whole, b_whole, scale, whole;

    a_whole = a->id == LEAT_DECIMAL ? (unsigned)a->precision - a->scale : integer_digits(a->id);
    b_whole = b->id == LEAT_DECIMAL ? (unsigned)b->precision - b->scale : integer_digits(b->id);
    scale = a->scale > b->scale ? a->scale : b->scale;
    whole = a_whole > b_whole ? a_whole : b_whole;
    if (whole + scale <= LEAT_DECIMAL_MAX_PRECISION)
        return leat_type_decimal(whole + scale, scale);
    whole = whole < WHOLE ? whole : WHOLE;
    if (whole + scale > LEAT_DECIMAL_MAX_PRECISION)
        scale = LEAT_DECIMAL_MAX_PRECISION - whole;
    return leat_type_decimal(LEAT_DECIMAL_MAX_PRECISION, scale);
}

/* Fields of a, then those only b has; common ones unified. Fields missing on a side become
 * optional. */
static const struct leat_type *unify_structs(struct leat_arena *arena, const struct leat_type *a,
                                             const struct leat_type *b, unsigned depth)
{
    struct leat_field *fields =
        LEAT_NEW_ARRAY(arena, struct leat_field, (size_t)a->field_count + b->field_count);
    struct leat_schema known = {0, fields};

    if (!fields)
        return NULL;
    for (uint32_t i = 0; i < a->field_count; i++)
        fields[known.count++] = a->fields[i];
    for (uint32_t i = 0; i < b->field_count; i++) {
        int at = -1;
        for (uint32_t j = 0; j < a->field_count && at < 0; j++)
            if (strcmp(a->fields[j].name, b->fields[i].name) == 0)
                at = (int)j;
        if (at < 0) {
            fields[known.count++] = b->fields[i];
            continue;
        }
        fields[at].type = unify_at(arena, fields[at].type, b->fields[i].type, depth + 1);
        if (!fields[at].type)
            return NULL;
    }
    return make_nested(arena, LEAT_STRUCT, fields, known.count);
}

static const struct leat_type *unify_at(struct leat_arena *arena, const struct leat_type *a,
                                        const struct leat_type *b, unsigned depth)
{
    const struct leat_type *first, *second;

    if (depth > LEAT_TYPE_MAX_DEPTH)
        return NULL;
    if (leat_type_equal(a, b) || b->id == LEAT_NULL)
        return a;
    if (a->id == LEAT_NULL)
        return b;
    if (leat_type_is_numeric(a) && leat_type_is_numeric(b)) {
        bool floating = a->id == LEAT_FLOAT || a->id == LEAT_DOUBLE || b->id == LEAT_FLOAT ||
                        b->id == LEAT_DOUBLE;
        if (floating)
            return leat_type_get(LEAT_DOUBLE);
        if (a->id == LEAT_DECIMAL || b->id == LEAT_DECIMAL)
            return unify_decimal(a, b);
        return a->id > b->id ? a : b;
    }
    if (a->id != b->id) {
        bool times = a->id >= LEAT_DATE && a->id <= LEAT_TIMESTAMPTZ && a->id != LEAT_TIME &&
                     b->id >= LEAT_DATE && b->id <= LEAT_TIMESTAMPTZ && b->id != LEAT_TIME;
        return times ? leat_type_get(a->id > b->id ? a->id : b->id) : NULL;
    }
    switch (a->id) {
    case LEAT_LIST:
        first = unify_at(arena, a->fields[0].type, b->fields[0].type, depth + 1);
        return first ? leat_type_list(arena, first) : NULL;
    case LEAT_MAP:
        first = unify_at(arena, a->fields[0].type, b->fields[0].type, depth + 1);
        second = unify_at(arena, a->fields[1].type, b->fields[1].type, depth + 1);
        return first && second ? leat_type_map(arena, first, second) : NULL;
    case LEAT_STRUCT:
        return unify_structs(arena, a, b, depth);
    default:
        return NULL;
    }
}

const struct leat_type *leat_type_unify(struct leat_arena *arena, const struct leat_type *a,
                                        const struct leat_type *b)
{
    return unify_at(arena, a, b, 0);
}
