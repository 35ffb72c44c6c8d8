/* jsonb_set: a value put at a path, as PostgreSQL does. */
#include "compute/kernels/json_internal.h"

struct setting {
    const struct leat_text *path;
    uint32_t length;
    struct leat_text value;
    bool create; /* what is missing at the last step */
    struct leat_buffer scratch;
};

static enum leat_status put_at(struct setting *s, struct leat_text json, uint32_t depth,
                               struct leat_buffer *out, struct leat_error *err);

static enum leat_status begin(struct leat_buffer *out, bool *first, struct leat_text key,
                              struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, *first ? "" : ",", err));
    *first = false;
    if (!key.data)
        return LEAT_OK;
    LEAT_TRY(leat_buffer_append(out, key.data, key.length, err));
    return leat_buffer_append_byte(out, ':', err);
}

static enum leat_status put_in_object(struct setting *s, struct leat_text json, uint32_t depth,
                                      struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text key, value;
    struct json_scan scan;
    bool first = true, found = false;

    (void)json_open(json, '{', &scan);
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    while (json_next(&scan, &key, &value)) {
        bool here;
        s->scratch.length = 0;
        LEAT_TRY(json_append_unescaped(key, &s->scratch, err));
        here = leat_text_equal((struct leat_text){(const char *)s->scratch.data, s->scratch.length},
                               s->path[depth]);
        found |= here;
        LEAT_TRY(begin(out, &first, key, err));
        LEAT_TRY(here ? put_at(s, value, depth + 1, out, err)
                      : leat_buffer_append(out, value.data, value.length, err));
    }
    if (!found && s->create && depth + 1 == s->length) {
        LEAT_TRY(begin(out, &first, (struct leat_text){NULL, 0}, err));
        LEAT_TRY(leat_json_string_append(s->path[depth].data, s->path[depth].length, out, err));
        LEAT_TRY(leat_buffer_append_byte(out, ':', err));
        LEAT_TRY(leat_buffer_append(out, s->value.data, s->value.length, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

static enum leat_status put_in_array(struct setting *s, struct leat_text json, uint32_t depth,
                                     struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_text *step = &s->path[depth], none = {NULL, 0};
    int64_t index, count = 0, at = 0;
    struct leat_text value;
    struct json_scan scan;
    bool first = true, adds = s->create && depth + 1 == s->length;

    if (!leat_parse_int64(step->data, step->length, &index))
        return leat_error_set(err, LEAT_E_BAD_TEXT,
                              "path element at position %u is not an integer: \"%.*s\"", depth + 1,
                              (int)(step->length < 60 ? step->length : 60), step->data);
    (void)json_open(json, '[', &scan);
    for (struct json_scan all = scan; json_next(&all, NULL, &value);)
        count++;
    index += index < 0 ? count : 0;
    LEAT_TRY(leat_buffer_append_byte(out, '[', err));
    if (index < 0 && adds) {
        LEAT_TRY(begin(out, &first, none, err));
        LEAT_TRY(leat_buffer_append(out, s->value.data, s->value.length, err));
    }
    for (; json_next(&scan, NULL, &value); at++) {
        LEAT_TRY(begin(out, &first, none, err));
        LEAT_TRY(at == index ? put_at(s, value, depth + 1, out, err)
                             : leat_buffer_append(out, value.data, value.length, err));
    }
    if (index >= count && adds) {
        LEAT_TRY(begin(out, &first, none, err));
        LEAT_TRY(leat_buffer_append(out, s->value.data, s->value.length, err));
    }
    return leat_buffer_append_byte(out, ']', err);
}

static enum leat_status put_at(struct setting *s, struct leat_text json, uint32_t depth,
                               struct leat_buffer *out, struct leat_error *err)
{
    const char *type = json_type_name(json);

    if (depth == s->length && depth > 0)
        return leat_buffer_append(out, s->value.data, s->value.length, err);
    if (depth < s->length && type[0] == 'o')
        return put_in_object(s, json, depth, out, err);
    if (depth < s->length && type[0] == 'a')
        return put_in_array(s, json, depth, out, err);
    if (depth == 0 && type[0] != 'o' && type[0] != 'a')
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "cannot set path in scalar");
    return leat_buffer_append(out, json.data, json.length, err);
}

static enum leat_status read_path(struct kernel_call *call, uint32_t i, struct setting *s,
                                  struct leat_error *err)
{
    const struct leat_vector *items = &call->args[1].children[0], *base;
    struct leat_list_entry entry = ARG(struct leat_list_entry, call, 1, i);
    struct leat_text *path = LEAT_NEW_ARRAY(call->arena, struct leat_text, entry.length);

    if (!path)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < entry.length; k++) {
        uint32_t at = leat_vector_locate(items, entry.offset + k, &base);
        if (leat_vector_is_null(items, entry.offset + k))
            return leat_error_set(err, LEAT_E_NULL_ARGUMENT, "path element at position %u is null",
                                  k + 1);
        path[k] = leat_string_text(&((const struct leat_string *)base->data)[at]);
    }
    s->path = path;
    s->length = entry.length;
    return LEAT_OK;
}

static enum leat_status put_set(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                struct leat_error *err)
{
    struct setting s = {.value = text_arg(call, 2, i),
                        .create = call->arg_count < 4 || ARG(uint8_t, call, 3, i)};
    struct leat_buffer target;
    enum leat_status status;

    LEAT_TRY(read_path(call, i, &s, err));
    leat_buffer_init(&target, JSON_MAXIMUM_BYTES);
    leat_buffer_init(&s.scratch, JSON_MAXIMUM_BYTES);
    status = json_append_canonical(text_arg(call, 0, i), &target, err);
    if (status == LEAT_OK)
        status =
            put_at(&s, (struct leat_text){(const char *)target.data, target.length}, 0, out, err);
    leat_buffer_release(&target);
    leat_buffer_release(&s.scratch);
    return status;
}

static enum leat_status run_set(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_set, err);
}

#define SET "jsonb_set(json, path, value [, create]) -> json", "with a value at a path"

static const struct leat_function functions[] = {
    FUNCTION("jsonb_set", SET, "JPJ", 'J', 0, run_set, NULL),
    FUNCTION("jsonb_set", SET, "JPJb", 'J', 0, run_set, NULL),
};

struct function_table json_set_functions(void)
{
    return TABLE_OF(functions);
}
