/* JSON compared and changed, as PostgreSQL does with jsonb: @>, <@, ||, -, jsonb_set, jsonb_pretty,
 * json_extract_path. Results of changes are in jsonb's form. */
#include "compute/kernels/json_internal.h"

/* --- containment --- */

static bool is_scalar(struct leat_text json)
{
    const char *type = json_type_name(json);

    return type[0] != 'o' && type[0] != 'a';
}

static bool contains(struct leat_text whole, struct leat_text part);

/* Both in jsonb's form, so that equal values are equal bytes. */
static bool object_contains(struct leat_text whole, struct leat_text part)
{
    struct leat_text key, value, other_key, other;
    struct json_scan p, w;

    for (json_open(part, '{', &p); json_next(&p, &key, &value);) {
        bool found = false;
        for (json_open(whole, '{', &w); !found && json_next(&w, &other_key, &other);)
            found = leat_text_equal(key, other_key) && contains(other, value);
        if (!found)
            return false;
    }
    return true;
}

static bool array_contains(struct leat_text whole, struct leat_text part)
{
    struct leat_text value, other;
    struct json_scan p, w;

    if (is_scalar(part)) { /* an array may contain a value */
        for (json_open(whole, '[', &w); json_next(&w, NULL, &other);)
            if (leat_text_equal(other, part))
                return true;
        return false;
    }
    for (json_open(part, '[', &p); json_next(&p, NULL, &value);) {
        bool found = false;
        for (json_open(whole, '[', &w); !found && json_next(&w, NULL, &other);)
            found = is_scalar(value)
                        ? leat_text_equal(other, value)
                        : json_type_name(other) == json_type_name(value) && contains(other, value);
        if (!found)
            return false;
    }
    return true;
}

static bool contains(struct leat_text whole, struct leat_text part)
{
    if (*whole.data != *part.data)
        return false;
    if (*whole.data == '{')
        return object_contains(whole, part);
    return *whole.data == '[' ? array_contains(whole, part) : leat_text_equal(whole, part);
}

static bool contains_at_top(struct leat_text whole, struct leat_text part)
{
    return *whole.data == '[' && is_scalar(part) ? array_contains(whole, part)
                                                 : contains(whole, part);
}

static struct leat_text text_of(const struct leat_buffer *buffer)
{
    return (struct leat_text){(const char *)buffer->data, buffer->length};
}

static enum leat_status run_contains(struct kernel_call *call, uint32_t whole,
                                     struct leat_error *err)
{
    struct leat_buffer forms[2];
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&forms[0], JSON_MAXIMUM_BYTES);
    leat_buffer_init(&forms[1], JSON_MAXIMUM_BYTES);
    for (uint32_t i = 0; i < call->count && status == LEAT_OK; i++) {
        if (!leat_validity_get(call->out->validity, i))
            continue;
        for (uint32_t a = 0; a < 2 && status == LEAT_OK; a++) {
            forms[a].length = 0;
            status = json_append_canonical(text_arg(call, a, i), &forms[a], err);
        }
        if (status == LEAT_OK)
            ((uint8_t *)call->out->data)[i] =
                contains_at_top(text_of(&forms[whole]), text_of(&forms[1 - whole]));
    }
    leat_buffer_release(&forms[0]);
    leat_buffer_release(&forms[1]);
    return status;
}
static enum leat_status run_has(struct kernel_call *call, struct leat_error *err)
{
    return run_contains(call, 0, err);
}
static enum leat_status run_is_in(struct kernel_call *call, struct leat_error *err)
{
    return run_contains(call, 1, err);
}

/* --- || and - --- */

/* Between the brackets; a value without them stands for an array of it. */
static enum leat_status put_inner(struct leat_text json, char bracket, bool *first,
                                  struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text key, value;
    struct json_scan s;

    if (!json_open(json, bracket, &s)) {
        LEAT_TRY(leat_buffer_append_string(out, *first ? "" : ",", err));
        *first = false;
        return leat_buffer_append(out, json.data, json.length, err);
    }
    while (json_next(&s, bracket == '{' ? &key : NULL, &value)) {
        LEAT_TRY(leat_buffer_append_string(out, *first ? "" : ",", err));
        *first = false;
        if (bracket == '{') {
            LEAT_TRY(leat_buffer_append(out, key.data, key.length, err));
            LEAT_TRY(leat_buffer_append_byte(out, ':', err));
        }
        LEAT_TRY(leat_buffer_append(out, value.data, value.length, err));
    }
    return LEAT_OK;
}

static enum leat_status put_both(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                 struct leat_error *err)
{
    struct leat_text a = text_arg(call, 0, i), b = text_arg(call, 1, i);
    bool objects = json_type_name(a)[0] == 'o' && json_type_name(b)[0] == 'o', first = true;
    char bracket = objects ? '{' : '[';

    LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)bracket, err));
    LEAT_TRY(put_inner(a, bracket, &first, out, err));
    LEAT_TRY(put_inner(b, bracket, &first, out, err));
    return leat_buffer_append_byte(out, objects ? '}' : ']', err);
}

static bool is_string_of(struct leat_text quoted, struct leat_text plain,
                         struct leat_buffer *scratch, struct leat_error *err,
                         enum leat_status *status)
{
    scratch->length = 0;
    if (*quoted.data != '"')
        return false;
    *status = json_append_unescaped(quoted, scratch, err);
    return *status == LEAT_OK && leat_text_equal(text_of(scratch), plain);
}

static enum leat_status put_without(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text json = text_arg(call, 0, i), key, value;
    bool by_key = leat_type_is_string(call->args[1].type), object, first = true;
    int64_t index = by_key ? -1 : ARG(int32_t, call, 1, i), at = 0, count = 0;
    struct leat_buffer scratch;
    struct json_scan s;
    enum leat_status status = LEAT_OK;

    object = json_open(json, '{', &s);
    if ((!object && !json_open(json, '[', &s)) || (object && !by_key))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "cannot delete from %s",
                              object ? "an object by a number"
                                     : "a value that is no array or object");
    if (!by_key && index < 0) {
        for (struct json_scan all = s; json_next(&all, NULL, &value);)
            count++;
        index += count;
    }
    leat_buffer_init(&scratch, JSON_MAXIMUM_BYTES);
    status = leat_buffer_append_byte(out, object ? '{' : '[', err);
    for (; status == LEAT_OK && json_next(&s, object ? &key : NULL, &value); at++) {
        if (by_key
                ? is_string_of(object ? key : value, text_arg(call, 1, i), &scratch, err, &status)
                : at == index)
            continue;
        if (status == LEAT_OK)
            status = leat_buffer_append_string(out, first ? "" : ",", err);
        first = false;
        if (status == LEAT_OK && object) {
            status = leat_buffer_append(out, key.data, key.length, err);
            if (status == LEAT_OK)
                status = leat_buffer_append_byte(out, ':', err);
        }
        if (status == LEAT_OK)
            status = leat_buffer_append(out, value.data, value.length, err);
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_byte(out, object ? '}' : ']', err);
    leat_buffer_release(&scratch);
    return status;
}

static enum leat_status run_concatenate(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_both, err);
}
static enum leat_status run_without(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_without, err);
}

/* --- jsonb_pretty --- */

static enum leat_status new_line(struct leat_buffer *out, int depth, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '\n', err));
    for (int i = 0; i < depth; i++)
        LEAT_TRY(leat_buffer_append_string(out, "    ", err));
    return LEAT_OK;
}

/* Of jsonb's form, whose nesting is bounded. */
static enum leat_status put_lines(struct leat_text json, int depth, struct leat_buffer *out,
                                  struct leat_error *err)
{
    struct leat_text key, value;
    struct json_scan s;
    bool object = json_open(json, '{', &s), first = true;

    if (!object && !json_open(json, '[', &s))
        return leat_buffer_append(out, json.data, json.length, err);
    LEAT_TRY(leat_buffer_append_byte(out, object ? '{' : '[', err));
    for (; json_next(&s, object ? &key : NULL, &value); first = false) {
        LEAT_TRY(leat_buffer_append_string(out, first ? "" : ",", err));
        LEAT_TRY(new_line(out, depth + 1, err));
        if (object) {
            LEAT_TRY(leat_buffer_append(out, key.data, key.length, err));
            LEAT_TRY(leat_buffer_append_string(out, ": ", err));
        }
        LEAT_TRY(put_lines(value, depth + 1, out, err));
    }
    LEAT_TRY(new_line(out, depth, err));
    return leat_buffer_append_byte(out, object ? '}' : ']', err);
}

static enum leat_status put_pretty(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_buffer form;
    enum leat_status status;

    leat_buffer_init(&form, JSON_MAXIMUM_BYTES);
    status = json_append_canonical(text_arg(call, 0, i), &form, err);
    if (status == LEAT_OK)
        status = put_lines(text_of(&form), 0, out, err);
    leat_buffer_release(&form);
    return status;
}
static enum leat_status run_pretty(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, put_pretty, err);
}

static const struct leat_function functions[] = {
    FUNCTION("@>", "json @> json -> boolean", "contains the other", "JJ", 'b', 0, run_has, NULL),
    FUNCTION("<@", "json <@ json -> boolean", "is contained in the other", "JJ", 'b', 0, run_is_in,
             NULL),
    FUNCTION("||", "json || json -> json", "objects or arrays joined", "JJ", 'J', 0,
             run_concatenate, NULL),
    FUNCTION("-", "json - text -> json", "without a key, or items that are the text", "Jt", 'J', 0,
             run_without, NULL),
    FUNCTION("-", "json - integer -> json", "without an item", "Ji", 'J', 0, run_without, NULL),
    FUNCTION("jsonb_pretty", "jsonb_pretty(json) -> text", "on indented lines", "J", 't', 0,
             run_pretty, NULL),
};

struct function_table json_change_functions(void)
{
    return TABLE_OF(functions);
}
