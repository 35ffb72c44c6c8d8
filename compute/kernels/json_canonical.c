/* JSON as PostgreSQL writes jsonb. */
#include "compute/kernels/json_internal.h"

#include <stdlib.h>

enum { MOST_ZEROS = 1000 }; /* that an exponent may stand for */

struct member {
    size_t key, key_length; /* in the buffer of keys */
    struct leat_text value;
    size_t place;
};
struct members {
    struct member *items;
    size_t count, capacity;
    struct leat_buffer keys;
};

static enum leat_status put(struct leat_text json, struct leat_buffer *out, int depth,
                            struct leat_error *err);

static enum leat_status put_string(struct leat_text quoted, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_buffer plain;
    enum leat_status status;

    leat_buffer_init(&plain, JSON_MAXIMUM_BYTES);
    status = json_append_unescaped(quoted, &plain, err);
    if (status == LEAT_OK)
        status = leat_json_string_append((const char *)plain.data, plain.length, out, err);
    leat_buffer_release(&plain);
    return status;
}

static enum leat_status put_zeros(struct leat_buffer *out, int64_t count, struct leat_error *err)
{
    for (; count > 0; count--)
        LEAT_TRY(leat_buffer_append_byte(out, '0', err));
    return LEAT_OK;
}

/* Digits with the point moved by the exponent. */
static enum leat_status put_number(struct leat_text json, struct leat_buffer *out,
                                   struct leat_error *err)
{
    char digits[512];
    size_t count = 0, i = json.data[0] == '-';
    int64_t before = 0, exponent = 0, lead = 0;
    bool point = false, zero = true;

    for (; i < json.length && json.data[i] != 'e' && json.data[i] != 'E'; i++) {
        if (json.data[i] == '.') {
            point = true;
            continue;
        }
        if (count == sizeof(digits))
            return leat_buffer_append(out, json.data, json.length, err);
        digits[count++] = json.data[i];
        before += !point;
        zero &= json.data[i] == '0';
    }
    if (i < json.length) {
        i += json.data[i + 1] == '+' ? 2 : 1;
        if (!leat_parse_int64(json.data + i, json.length - i, &exponent) || exponent > MOST_ZEROS ||
            exponent < -MOST_ZEROS)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "%.*s has too large an exponent for a number of JSON",
                                  (int)(json.length < 40 ? json.length : 40), json.data);
    }
    before += exponent;
    if (json.data[0] == '-' && !zero)
        LEAT_TRY(leat_buffer_append_byte(out, '-', err));
    while (lead + 1 < before && lead < (int64_t)count && digits[lead] == '0')
        lead++;
    if (before <= 0)
        LEAT_TRY(leat_buffer_append_byte(out, '0', err));
    for (int64_t d = lead; d < before; d++)
        LEAT_TRY(
            leat_buffer_append_byte(out, (uint8_t)(d < (int64_t)count ? digits[d] : '0'), err));
    if ((int64_t)count <= before)
        return LEAT_OK;
    LEAT_TRY(leat_buffer_append_byte(out, '.', err));
    LEAT_TRY(put_zeros(out, -before, err));
    return leat_buffer_append(out, digits + (before > 0 ? before : 0),
                              count - (size_t)(before > 0 ? before : 0), err);
}

static enum leat_status put_array(struct leat_text json, struct leat_buffer *out, int depth,
                                  struct leat_error *err)
{
    struct json_scan s;
    struct leat_text item;
    bool first = true;

    (void)json_open(json, '[', &s);
    LEAT_TRY(leat_buffer_append_byte(out, '[', err));
    for (; json_next(&s, NULL, &item); first = false) {
        if (!first)
            LEAT_TRY(leat_buffer_append_string(out, ", ", err));
        LEAT_TRY(put(item, out, depth + 1, err));
    }
    return leat_buffer_append_byte(out, ']', err);
}

static enum leat_status add_member(struct members *m, struct leat_text key, struct leat_text value,
                                   struct leat_error *err)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity ? m->capacity * 2 : 16;
        struct member *items = leat_realloc(m->items, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(err);
        m->items = items;
        m->capacity = capacity;
    }
    struct member *member = &m->items[m->count];
    *member = (struct member){m->keys.length, 0, value, m->count};
    m->count++;
    LEAT_TRY(json_append_unescaped(key, &m->keys, err));
    member->key_length = m->keys.length - member->key;
    return LEAT_OK;
}

static int compare_keys(const void *left, const void *right, void *keys)
{
    const struct member *a = left, *b = right;
    int order = (a->key_length > b->key_length) - (a->key_length < b->key_length);

    if (order == 0 && a->key_length > 0)
        order = memcmp((const char *)keys + a->key, (const char *)keys + b->key, a->key_length);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

static bool same_key(const struct members *m, size_t a, size_t b)
{
    return m->items[a].key_length == m->items[b].key_length &&
           memcmp(m->keys.data + m->items[a].key, m->keys.data + m->items[b].key,
                  m->items[a].key_length) == 0;
}

static enum leat_status put_members(struct members *m, struct leat_buffer *out, int depth,
                                    struct leat_error *err)
{
    bool first = true;

    if (m->count > 1)
        qsort_r(m->items, m->count, sizeof(*m->items), compare_keys, m->keys.data);
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (size_t i = 0; i < m->count; i++) {
        if (i + 1 < m->count && same_key(m, i, i + 1))
            continue;
        if (!first)
            LEAT_TRY(leat_buffer_append_string(out, ", ", err));
        first = false;
        LEAT_TRY(leat_json_string_append((const char *)m->keys.data + m->items[i].key,
                                         m->items[i].key_length, out, err));
        LEAT_TRY(leat_buffer_append_string(out, ": ", err));
        LEAT_TRY(put(m->items[i].value, out, depth + 1, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

static enum leat_status put_object(struct leat_text json, struct leat_buffer *out, int depth,
                                   struct leat_error *err)
{
    struct members members = {0};
    struct leat_text key, value;
    struct json_scan s;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&members.keys, JSON_MAXIMUM_BYTES);
    (void)json_open(json, '{', &s);
    while (status == LEAT_OK && json_next(&s, &key, &value))
        status = add_member(&members, key, value, err);
    if (status == LEAT_OK)
        status = put_members(&members, out, depth, err);
    leat_free(members.items);
    leat_buffer_release(&members.keys);
    return status;
}

static enum leat_status put(struct leat_text json, struct leat_buffer *out, int depth,
                            struct leat_error *err)
{
    const char *type = json_type_name(json);

    if (depth > JSON_MAXIMUM_NESTING)
        return leat_error_set(err, LEAT_E_LIMIT, "JSON is nested more than %d times",
                              JSON_MAXIMUM_NESTING);
    if (type[0] == 'o')
        return put_object(json, out, depth, err);
    if (type[0] == 'a')
        return put_array(json, out, depth, err);
    if (type[0] == 's')
        return put_string(json, out, err);
    if (strcmp(type, "number") == 0)
        return put_number(json, out, err);
    return leat_buffer_append(out, json.data, json.length, err);
}

enum leat_status json_check(struct leat_text json, struct leat_error *err)
{
    if (leat_json_valid(json))
        return LEAT_OK;
    return leat_error_set(err, LEAT_E_BAD_JSON, "this is not JSON: %.*s",
                          (int)(json.length < 60 ? json.length : 60), json.data ? json.data : "");
}

enum leat_status json_append_canonical(struct leat_text json, struct leat_buffer *out,
                                       struct leat_error *err)
{
    LEAT_TRY(json_check(json, err));
    while (json.length > 0 && strchr(" \t\n\r", json.data[json.length - 1]))
        json.length--;
    while (json.length > 0 && strchr(" \t\n\r", json.data[0]))
        json = (struct leat_text){json.data + 1, json.length - 1};
    return put(json, out, 0, err);
}

enum leat_status json_canonical_each(struct kernel_call *call, text_row_fn row,
                                     struct leat_error *err)
{
    struct leat_buffer json, out;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&json, JSON_MAXIMUM_BYTES);
    leat_buffer_init(&out, JSON_MAXIMUM_BYTES);
    for (uint32_t i = 0; i < call->count && status == LEAT_OK; i++) {
        if (!leat_validity_get(call->out->validity, i))
            continue;
        json.length = out.length = 0;
        status = row(call, i, &json, err);
        if (status == LEAT_OK)
            status = json_append_canonical((struct leat_text){(const char *)json.data, json.length},
                                           &out, err);
        if (status == LEAT_OK)
            status = kernel_set_text(call, i, (const char *)out.data, out.length, err);
    }
    leat_buffer_release(&json);
    leat_buffer_release(&out);
    return status;
}
