/*
 * Values from text, as PostgreSQL's input functions read them. Each type's own parser decides; what
 * it refuses is looked at again only to tell a value out of range from one of the wrong form.
 */
#include "columns/number_internal.h"

static enum leat_status bad_text(struct leat_text text, const struct leat_type *type,
                                 const char *sqlstate, struct leat_error *err)
{
    struct leat_buffer name = {0};
    int shown = text.length > 80 ? 77 : (int)text.length;
    const char *dots = text.length > 80 ? "..." : "";
    enum leat_status status;

    leat_buffer_init(&name, 0);
    if (leat_type_print(type, &name, NULL) != LEAT_OK)
        name.length = 0;
    if (strcmp(sqlstate, "22003") == 0)
        status =
            leat_error_set(err, LEAT_E_BAD_TEXT, "value \"%.*s%s\" is out of range for type %.*s",
                           shown, text.data, dots, (int)name.length, (const char *)name.data);
    else
        status =
            leat_error_set(err, LEAT_E_BAD_TEXT, "invalid input syntax for type %.*s: \"%.*s%s\"",
                           (int)name.length, (const char *)name.data, shown, text.data, dots);
    if (err)
        memcpy(err->sqlstate, sqlstate, 6);
    leat_buffer_release(&name);
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct leat_text trim(struct leat_text text)
{
    while (text.length && is_blank(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length && is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

/* All digits, with a sign: then a failure to read it is one of range. */
static bool looks_integer(struct leat_text text)
{
    size_t at = text.length && (text.data[0] == '-' || text.data[0] == '+');

    if (at == text.length)
        return false;
    for (; at < text.length; at++)
        if ((unsigned)(text.data[at] - '0') >= 10)
            return false;
    return true;
}

static bool looks_number(struct leat_text text)
{
    bool digit = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if ((unsigned)(c - '0') < 10)
            digit = true;
        else if (!strchr("+-.eE", c) || c == 0)
            return false;
    }
    return digit;
}

static bool parse_bytes(struct leat_text text, struct leat_arena *arena, struct leat_text *out,
                        bool *memory)
{
    uint8_t *bytes;
    size_t length = 0;

    *memory = false;
    if (text.length < 2 || text.data[0] != '\\' || text.data[1] != 'x') {
        *out = text;
        return memchr(text.data ? text.data : "", '\\', text.length) == NULL;
    }
    if (text.length % 2)
        return false;
    bytes = leat_arena_alloc(arena, text.length / 2);
    if (!bytes) {
        *memory = true;
        return false;
    }
    for (size_t i = 2; i < text.length; i += 2) {
        unsigned value = 0;
        for (size_t k = i; k < i + 2; k++) {
            char c = text.data[k];
            if ((unsigned)(c - '0') < 10)
                value = value << 4 | (unsigned)(c - '0');
            else if ((unsigned)((c | 0x20) - 'a') < 6)
                value = value << 4 | ((unsigned)((c | 0x20) - 'a') + 10);
            else
                return false;
        }
        bytes[length++] = (uint8_t)value;
    }
    *out = (struct leat_text){(const char *)bytes, length};
    return true;
}

static enum leat_status parse_integer(struct leat_text text, const struct leat_type *type,
                                      struct leat_value *out, struct leat_error *err)
{
    static const int64_t limits[] = {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX};
    int64_t limit = limits[type->id - LEAT_INT8];

    if (!leat_parse_int64(text.data, text.length, &out->integer))
        return bad_text(text, type, looks_integer(text) ? "22003" : "22P02", err);
    if (out->integer > limit || out->integer < -limit - 1)
        return bad_text(text, type, "22003", err);
    return LEAT_OK;
}

static enum leat_status parse_real(struct leat_text text, const struct leat_type *type,
                                   struct leat_value *out, struct leat_error *err)
{
    if (!leat_parse_double(text.data, text.length, &out->real))
        return bad_text(text, type, looks_number(text) ? "22003" : "22P02", err);
    if (type->id == LEAT_FLOAT) {
        double wide = out->real;
        out->real = (double)(float)wide;
        if (wide - wide == 0 && (out->real - out->real != 0 || (out->real == 0 && wide != 0)))
            return bad_text(text, type, "22003", err);
    }
    return LEAT_OK;
}

/* Digits and dashes as in YYYY-MM-DD. */
static bool has_date_form(struct leat_text text)
{
    for (size_t i = 0; i < 10; i++)
        if (i >= text.length ||
            (i == 4 || i == 7 ? text.data[i] != '-' : text.data[i] < '0' || text.data[i] > '9'))
            return false;
    return text.length == 10;
}

static enum leat_status parse_moment(struct leat_text text, const struct leat_type *type,
                                     struct leat_value *out, struct leat_error *err)
{
    int32_t days = 0;
    bool zone, good;

    switch (type->id) {
    case LEAT_DATE:
        good = leat_parse_date(text.data, text.length, &days) ||
               leat_parse_date_loose(text.data, text.length, &days);
        out->integer = days;
        if (!good && leat_parse_timestamp_loose(text.data, text.length, &out->integer, &zone)) {
            good = true; /* PostgreSQL ignores the time of a date */
            out->integer = out->integer / 86400000000 - (out->integer % 86400000000 < 0);
        }
        break;
    case LEAT_TIME:
        good = leat_parse_time_loose(text.data, text.length, &out->integer);
        break;
    case LEAT_INTERVAL:
        good = leat_parse_interval(text.data, text.length, &out->interval);
        break;
    default:
        good = leat_parse_timestamp_loose(text.data, text.length, &out->integer, &zone);
        if (good && zone && type->id == LEAT_TIMESTAMP) {
            /* A zone in the text of a timestamp without zone is ignored: read up to it. */
            size_t end = text.length;
            while (end > 10 && text.data[end - 1] != '+' && text.data[end - 1] != '-' &&
                   (text.data[end - 1] | 0x20) != 'z' && (text.data[end - 1] | 0x20) != 'u' &&
                   (text.data[end - 1] | 0x20) != 'g')
                end--;
            good = end > 10 && leat_parse_timestamp_loose(
                                   text.data, trim((struct leat_text){text.data, end - 1}).length,
                                   &out->integer, &zone);
        }
        break;
    }
    /* PostgreSQL tells a text of the right form with an impossible day from one of another form. */
    return good ? LEAT_OK : bad_text(text, type, has_date_form(text) ? "22008" : "22007", err);
}

/* --- lists: {1,NULL,"a \"b\""}, also nested --- */

struct list_text {
    const char *at;
    const char *end;
    struct leat_text whole;
    struct leat_arena *arena;
};

static void skip_blanks(struct list_text *t)
{
    while (t->at < t->end && is_blank(*t->at))
        t->at++;
}

/* The next item's text; *quoted says whether it stood in quotes. False: bad form. */
static bool next_item(struct list_text *t, struct leat_text *out, bool *quoted, bool *memory)
{
    char *copy = leat_arena_alloc(t->arena, (size_t)(t->end - t->at));
    size_t length = 0, kept = 0;

    *memory = copy == NULL;
    *quoted = t->at < t->end && *t->at == '"';
    if (!copy)
        return false;
    t->at += *quoted;
    while (t->at < t->end) {
        char c = *t->at;
        if (*quoted ? c == '"' : c == ',' || c == '}')
            break;
        if (!*quoted && (c == '{' || c == '"'))
            return false;
        if (c == '\\') {
            t->at++;
            if (t->at == t->end)
                return false;
            c = *t->at;
        }
        copy[length++] = c;
        t->at++;
        if (!is_blank(c))
            kept = length; /* blanks at the end of an unquoted item do not count */
    }
    if (t->at == t->end)
        return false;
    t->at += *quoted;
    *out = (struct leat_text){copy, *quoted ? length : kept};
    return *quoted || kept > 0;
}

/* Reads a list into row `row`; there is room for all items at every level. */
static enum leat_status parse_list(struct list_text *t, struct leat_vector *vector, uint32_t row,
                                   struct leat_error *err)
{
    struct leat_vector *child = &vector->children[0];
    const struct leat_type *type = child->type;
    size_t width = leat_type_width(type);
    uint32_t first = child->length;

    skip_blanks(t);
    if (t->at == t->end || *t->at != '{')
        return bad_text(t->whole, vector->type, "22P02", err);
    t->at++;
    skip_blanks(t);
    if (t->at < t->end && *t->at == '}') {
        t->at++;
        ((struct leat_list_entry *)vector->data)[row] = (struct leat_list_entry){first, 0};
        return LEAT_OK;
    }
    for (;;) {
        uint32_t item = child->length++;
        struct leat_text text;
        struct leat_value value;
        bool quoted, memory;
        skip_blanks(t);
        if (type->id == LEAT_LIST) {
            LEAT_TRY(parse_list(t, child, item, err));
        } else {
            if (!next_item(t, &text, &quoted, &memory))
                return memory ? leat_error_memory(err)
                              : bad_text(t->whole, vector->type, "22P02", err);
            if (!quoted && leat_text_equal_nocase(text, leat_text_of("NULL"))) {
                memset((char *)child->data + item * width, 0, width);
                leat_validity_set(child->validity, item, false);
            } else {
                LEAT_TRY(leat_value_parse(text, type, t->arena, &value, err));
                leat_value_store(&value, (char *)child->data + item * width);
            }
        }
        skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        if (t->at == t->end || *t->at != '}')
            return bad_text(t->whole, vector->type, "22P02", err);
        t->at++;
        break;
    }
    ((struct leat_list_entry *)vector->data)[row] =
        (struct leat_list_entry){first, child->length - first};
    return LEAT_OK;
}

static enum leat_status parse_list_value(struct leat_text text, const struct leat_type *type,
                                         struct leat_arena *arena, struct leat_value *out,
                                         struct leat_error *err)
{
    struct list_text t = {text.data, text.data + text.length, text, arena};
    const struct leat_type *element = type->fields[0].type;
    struct leat_vector *leaf;
    uint32_t room = 1;

    while (element->id == LEAT_LIST)
        element = element->fields[0].type;
    if (leat_type_is_nested(element) || element->id == LEAT_NULL || text.length > (size_t)1 << 30)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "text cannot be read as such a list");
    for (size_t i = 0; i < text.length; i++)
        room += text.data[i] == ',' || text.data[i] == '{';
    out->nested = LEAT_NEW(arena, struct leat_vector);
    if (!out->nested)
        return leat_error_memory(err);
    LEAT_TRY(leat_vector_init(out->nested, type, 1, room, arena, err));
    for (leaf = out->nested; leaf->type->id == LEAT_LIST; leaf = &leaf->children[0])
        ;
    LEAT_TRY(leat_vector_make_validity(leaf, room, arena, err));
    out->nested->length = 1;
    LEAT_TRY(parse_list(&t, out->nested, 0, err));
    return t.at == t.end ? LEAT_OK : bad_text(text, type, "22P02", err);
}

enum leat_status leat_value_parse(struct leat_text text, const struct leat_type *type,
                                  struct leat_arena *arena, struct leat_value *out,
                                  struct leat_error *err)
{
    struct leat_text trimmed = trim(text);
    bool flag, memory;

    memset(out, 0, sizeof(*out));
    out->type = type;
    switch (type->id) {
    case LEAT_NULL:
        out->is_null = true;
        return LEAT_OK;
    case LEAT_BOOLEAN:
        if (!leat_parse_boolean(trimmed.data, trimmed.length, &flag))
            return bad_text(text, type, "22P02", err);
        out->integer = flag;
        return LEAT_OK;
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
        return parse_integer(trimmed, type, out, err);
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        return parse_real(trimmed, type, out, err);
    case LEAT_DECIMAL:
        if (!leat_parse_decimal(trimmed.data, trimmed.length, type->precision, type->scale,
                                &out->decimal))
            return bad_text(text, type, looks_number(trimmed) ? "22003" : "22P02", err);
        return LEAT_OK;
    case LEAT_TEXT:
        out->text = text;
        return LEAT_OK;
    case LEAT_JSON:
        if (!leat_json_valid(text))
            return bad_text(text, type, "22P02", err);
        out->text = text;
        return LEAT_OK;
    case LEAT_BYTES:
        if (!parse_bytes(text, arena, &out->text, &memory))
            return memory ? leat_error_memory(err) : bad_text(text, type, "22P02", err);
        return LEAT_OK;
    case LEAT_UUID:
        if (!leat_parse_uuid(trimmed.data, trimmed.length, out->uuid))
            return bad_text(text, type, "22P02", err);
        return LEAT_OK;
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
    case LEAT_INTERVAL:
        return parse_moment(trimmed, type, out, err);
    case LEAT_LIST:
        return parse_list_value(trimmed, type, arena, out, err);
    default:
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "text cannot be read as a struct or map");
    }
}
