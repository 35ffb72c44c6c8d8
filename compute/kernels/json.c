/*
 * Reading JSON text: -> ->> #> #>>, json_typeof, json_array_length, to_json.
 *
 * A value is found by scanning the text without building a tree; nesting is bounded. Where an
 * object repeats a key the last one counts, as in PostgreSQL. Text that is not JSON gives null.
 */
#include "compute/kernels/json_internal.h"

void json_pass_blanks(struct json_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

bool json_pass_string(struct json_scan *s)
{
    for (s->at++; s->at < s->end; s->at++) {
        if (*s->at == '\\')
            s->at++;
        else if (*s->at == '"') {
            s->at++;
            return true;
        }
    }
    s->at = s->end;
    return false;
}

bool json_pass_value(struct json_scan *s)
{
    int depth = 0;
    json_pass_blanks(s);
    do {
        if (s->at >= s->end)
            return false;
        switch (*s->at) {
        case '"':
            if (!json_pass_string(s))
                return false;
            break;
        case '{':
        case '[':
            if (++depth > JSON_MAXIMUM_NESTING)
                return false;
            s->at++;
            break;
        case '}':
        case ']':
            depth--;
            s->at++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return false;
            s->at++;
            break;
        default: {
            const char *start = s->at;
            while (s->at < s->end && !strchr(",:]}[{\" \t\n\r", *s->at))
                s->at++;
            if (s->at == start)
                return false;
        }
        }
        if (depth > 0)
            json_pass_blanks(s);
    } while (depth > 0);
    return depth == 0;
}

bool json_open(struct leat_text json, char bracket, struct json_scan *out)
{
    *out = (struct json_scan){json.data, json.data + json.length};
    json_pass_blanks(out);
    if (out->at == out->end || *out->at != bracket)
        return false;
    out->at++;
    return true;
}

bool json_next(struct json_scan *s, struct leat_text *key, struct leat_text *value)
{
    const char *start;

    json_pass_blanks(s);
    if (s->at < s->end && *s->at == ',') {
        s->at++;
        json_pass_blanks(s);
    }
    if (s->at >= s->end || *s->at == '}' || *s->at == ']')
        return false;
    start = s->at;
    if (key) {
        if (*s->at != '"' || !json_pass_string(s))
            return false;
        *key = (struct leat_text){start, (size_t)(s->at - start)};
        json_pass_blanks(s);
        if (s->at >= s->end || *s->at++ != ':')
            return false;
        json_pass_blanks(s);
        start = s->at;
    }
    if (!json_pass_value(s))
        return false;
    *value = (struct leat_text){start, (size_t)(s->at - start)};
    return true;
}

static unsigned hex4(const char *text)
{
    unsigned value = 0;
    for (int k = 0; k < 4; k++) {
        char c = text[k];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 0x10000u;
        value = value << 4 | digit;
    }
    return value;
}

enum leat_status json_append_unescaped(struct leat_text text, struct leat_buffer *out,
                                       struct leat_error *err)
{
    const char *at = text.data + 1, *end = text.data + text.length - 1;
    while (at < end) {
        char byte = *at++;
        if (byte != '\\' || at == end) {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)byte, err));
            continue;
        }
        static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
        byte = *at++;
        const char *plain = strchr(from, byte);
        if (byte == 'u' && end - at >= 4) {
            char bytes[4];
            uint32_t point = hex4(at);
            at += 4;
            if (point >= 0xd800 && point < 0xdc00 && end - at >= 6 && at[0] == '\\' &&
                at[1] == 'u') {
                uint32_t low = hex4(at + 2);
                if (low >= 0xdc00 && low < 0xe000) {
                    point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
            }
            if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000) || point == 0)
                point = 0xfffd;
            LEAT_TRY(leat_buffer_append(out, bytes, text_encode(point, bytes), err));
        } else {
            LEAT_TRY(leat_buffer_append_byte(
                out, (uint8_t)(plain && byte ? to[plain - from] : byte), err));
        }
    }
    return LEAT_OK;
}

static enum leat_status key_equals(struct leat_text quoted, struct leat_text key,
                                   struct leat_buffer *scratch, bool *out, struct leat_error *err)
{
    struct leat_text inner = {quoted.data + 1, quoted.length - 2};
    *out = leat_text_equal(inner, key);
    if (*out || !memchr(inner.data, '\\', inner.length))
        return LEAT_OK;
    scratch->length = 0;
    LEAT_TRY(json_append_unescaped(quoted, scratch, err));
    *out = leat_text_equal((struct leat_text){(const char *)scratch->data, scratch->length}, key);
    return LEAT_OK;
}

/* The member of an object, or the item of an array where key is NULL. found->data NULL: none. */
static enum leat_status step(struct leat_text json, const struct leat_text *key, int64_t index,
                             struct leat_buffer *scratch, struct leat_text *found,
                             struct leat_error *err)
{
    struct json_scan s = {json.data, json.data + json.length};
    int64_t place = 0, count = 0;

    *found = (struct leat_text){NULL, 0};
    json_pass_blanks(&s);
    if (s.at == s.end || *s.at != (key ? '{' : '['))
        return LEAT_OK;
    if (!key && index < 0) { /* from the end: count first */
        struct json_scan counter = {s.at + 1, s.end};
        for (json_pass_blanks(&counter); counter.at < counter.end && *counter.at != ']';) {
            if (!json_pass_value(&counter))
                return LEAT_OK;
            count++;
            json_pass_blanks(&counter);
            if (counter.at < counter.end && *counter.at == ',')
                counter.at++;
        }
        index += count;
    }
    s.at++;
    for (;;) {
        bool wanted = place++ == index && !key;
        json_pass_blanks(&s);
        if (s.at >= s.end || *s.at == '}' || *s.at == ']')
            return LEAT_OK;
        if (key) {
            const char *start = s.at;
            if (*s.at != '"' || !json_pass_string(&s))
                return LEAT_OK;
            LEAT_TRY(key_equals((struct leat_text){start, (size_t)(s.at - start)}, *key, scratch,
                                &wanted, err));
            json_pass_blanks(&s);
            if (s.at >= s.end || *s.at++ != ':')
                return LEAT_OK;
            json_pass_blanks(&s);
        }
        const char *value = s.at;
        if (!json_pass_value(&s))
            return LEAT_OK;
        if (wanted)
            *found = (struct leat_text){value, (size_t)(s.at - value)};
        if (wanted && !key)
            return LEAT_OK;
        json_pass_blanks(&s);
        if (s.at < s.end && *s.at == ',')
            s.at++;
    }
}

/* Stores a found value as JSON, or as text (strings unquoted, null as null). */
static enum leat_status store_found(struct kernel_call *call, uint32_t i, struct leat_text found,
                                    struct leat_buffer *scratch, struct leat_error *err)
{
    bool as_text = call->type->id == LEAT_TEXT;
    if (!found.data || (as_text && leat_text_equal(found, leat_text_of("null"))))
        return kernel_set_null(call, i, err);
    if (as_text && found.data[0] == '"') {
        scratch->length = 0;
        LEAT_TRY(json_append_unescaped(found, scratch, err));
        return kernel_set_text(call, i, (const char *)scratch->data, scratch->length, err);
    }
    text_set_view(call, i, found);
    return LEAT_OK;
}

static enum leat_status get_rows(struct kernel_call *call, struct leat_buffer *scratch,
                                 struct leat_error *err)
{
    bool by_key = leat_type_is_string(call->args[1].type);
    FOR_VALID(call, i)
    {
        struct leat_text json = text_arg(call, 0, i), found, key = {"", 0};
        int64_t index = by_key ? 0 : ARG(int32_t, call, 1, i);
        if (by_key)
            key = text_arg(call, 1, i);
        LEAT_TRY(step(json, by_key ? &key : NULL, index, scratch, &found, err));
        LEAT_TRY(store_found(call, i, found, scratch, err));
    }
    return LEAT_OK;
}

/* The member of an object, or the item of an array whose number the key is. */
static enum leat_status step_by_text(struct leat_text key, struct leat_buffer *scratch,
                                     struct leat_text *found, struct leat_error *err)
{
    int64_t index;
    bool array =
        found->length && found->data[0] == '[' && leat_parse_int64(key.data, key.length, &index);

    return step(*found, array ? NULL : &key, array ? index : 0, scratch, found, err);
}

static enum leat_status path_rows(struct kernel_call *call, struct leat_buffer *scratch,
                                  struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_list_entry path = ARG(struct leat_list_entry, call, 1, i);
        struct leat_text found = text_arg(call, 0, i);
        for (uint32_t k = 0; k < path.length && found.data; k++) {
            const struct leat_vector *items = &call->args[1].children[0], *base;
            if (leat_vector_is_null(items, path.offset + k)) {
                found.data = NULL;
                break;
            }
            uint32_t at = leat_vector_locate(items, path.offset + k, &base);
            LEAT_TRY(step_by_text(leat_string_text(&((const struct leat_string *)base->data)[at]),
                                  scratch, &found, err));
        }
        LEAT_TRY(store_found(call, i, found, scratch, err));
    }
    return LEAT_OK;
}

static enum leat_status extract_rows(struct kernel_call *call, struct leat_buffer *scratch,
                                     struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text found = text_arg(call, 0, i);
        for (uint32_t a = 1; a < call->arg_count && found.data; a++)
            LEAT_TRY(step_by_text(text_arg(call, a, i), scratch, &found, err));
        LEAT_TRY(store_found(call, i, found, scratch, err));
    }
    return LEAT_OK;
}

static enum leat_status run_extract(struct kernel_call *call, struct leat_error *err)
{
    struct leat_buffer scratch;
    leat_buffer_init(&scratch, 0);
    enum leat_status status = extract_rows(call, &scratch, err);
    leat_buffer_release(&scratch);
    return status;
}

static enum leat_status run_get(struct kernel_call *call, struct leat_error *err)
{
    struct leat_buffer scratch;
    leat_buffer_init(&scratch, 0);
    enum leat_status status = get_rows(call, &scratch, err);
    leat_buffer_release(&scratch);
    return status;
}
static enum leat_status run_path(struct kernel_call *call, struct leat_error *err)
{
    struct leat_buffer scratch;
    leat_buffer_init(&scratch, 0);
    enum leat_status status = path_rows(call, &scratch, err);
    leat_buffer_release(&scratch);
    return status;
}

const char *json_type_name(struct leat_text json)
{
    struct json_scan s = {json.data, json.data + json.length};
    json_pass_blanks(&s);
    if (s.at == s.end)
        return "null";
    switch (*s.at) {
    case '{':
        return "object";
    case '[':
        return "array";
    case '"':
        return "string";
    case 't':
    case 'f':
        return "boolean";
    case 'n':
        return "null";
    default:
        return "number";
    }
}

static enum leat_status run_typeof(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        const char *name = json_type_name(text_arg(call, 0, i));
        LEAT_TRY(kernel_set_text(call, i, name, strlen(name), err));
    }
    return LEAT_OK;
}

static enum leat_status run_array_length(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text json = text_arg(call, 0, i);
        struct json_scan s = {json.data, json.data + json.length};
        int32_t count = 0;
        if (strcmp(json_type_name(json), "array") != 0)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "cannot get array length of a non-array");
        json_pass_blanks(&s);
        s.at++;
        for (json_pass_blanks(&s); s.at < s.end && *s.at != ']'; count++) {
            if (!json_pass_value(&s))
                break;
            json_pass_blanks(&s);
            if (s.at < s.end && *s.at == ',')
                s.at++;
        }
        ((int32_t *)call->out->data)[i] = count;
    }
    return LEAT_OK;
}

static enum leat_status put_json(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                 struct leat_error *err)
{
    return leat_vector_print_json(&call->args[0], i, out, err);
}
static enum leat_status run_to_json(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, put_json, err);
}

#define TOTAL FUNCTION_TOTAL

static const struct leat_function functions[] = {
    FUNCTION("->", "json -> text -> json", "member of an object", "Jt", 'J', TOTAL, run_get, NULL),
    FUNCTION("->", "json -> integer -> json", "item of an array, from 0", "Ji", 'J', TOTAL, run_get,
             NULL),
    FUNCTION("->>", "json ->> text -> text", "member of an object as text", "Jt", 't', TOTAL,
             run_get, NULL),
    FUNCTION("->>", "json ->> integer -> text", "item of an array as text", "Ji", 't', TOTAL,
             run_get, NULL),
    FUNCTION("#>", "json #> text[] -> json", "value at a path", "JP", 'J', TOTAL, run_path, NULL),
    FUNCTION("#>>", "json #>> text[] -> text", "value at a path as text", "JP", 't', TOTAL,
             run_path, NULL),
    FUNCTION("json_typeof", "json_typeof(json) -> text", "object, array, string, number, ...", "J",
             't', TOTAL, run_typeof, NULL),
    FUNCTION("json_array_length", "json_array_length(json) -> integer", "number of items", "J", 'i',
             0, run_array_length, NULL),
    FUNCTION("json_extract_path", "json_extract_path(json, key, ...) -> json", "value at a path",
             "Jt+", 'J', TOTAL, run_extract, NULL),
    FUNCTION("json_extract_path_text", "json_extract_path_text(json, key, ...) -> text",
             "value at a path as text", "Jt+", 't', TOTAL, run_extract, NULL),
    FUNCTION("to_json", "to_json(any) -> json", "as JSON", "*", 'J', TOTAL, run_to_json, NULL),
    FUNCTION("row_to_json", "row_to_json(row) -> json", "as JSON", "R", 'J', TOTAL, run_to_json,
             NULL),
    FUNCTION("array_to_json", "array_to_json(array) -> json", "as JSON", "A", 'J', TOTAL,
             run_to_json, NULL),
};

struct function_table json_functions(void)
{
    return TABLE_OF(functions);
}
