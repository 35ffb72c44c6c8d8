/*
 * Making JSON (json_build_object, json_build_array, json_agg, json_object_agg, to_jsonb and their
 * jsonb forms), and its members and items as lists, which the planner unnests for json_each,
 * json_array_elements and json_object_keys.
 */
#include "compute/kernels/aggregate_internal.h"
#include "compute/kernels/json_internal.h"

/* --- functions of values --- */

static enum leat_status put_value(const struct leat_vector *vector, uint32_t row,
                                  struct leat_buffer *out, struct leat_error *err)
{
    return leat_vector_is_null(vector, row) ? leat_buffer_append_string(out, "null", err)
                                            : leat_vector_print_json(vector, row, out, err);
}

enum leat_status json_append_key(const struct leat_vector *vector, uint32_t row,
                                 struct leat_buffer *out, struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status;

    if (leat_vector_is_null(vector, row))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "a key of JSON must not be null");
    if (leat_type_is_nested(vector->type) || vector->type->id == LEAT_JSON)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                              "a key of JSON must be one value, not array, composite, or json");
    leat_buffer_init(&text, JSON_MAXIMUM_BYTES);
    status = vector->type->id == LEAT_BOOLEAN /* not t, f */
                 ? leat_vector_print_json(vector, row, &text, err)
                 : leat_vector_print(vector, row, &text, err);
    if (status == LEAT_OK)
        status = leat_json_string_append((const char *)text.data, text.length, out, err);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status put_array(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                  struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '[', err));
    for (uint32_t a = 0; a < call->arg_count; a++) {
        LEAT_TRY(leat_buffer_append_string(out, a ? ", " : "", err));
        LEAT_TRY(put_value(&call->args[a], i, out, err));
    }
    return leat_buffer_append_byte(out, ']', err);
}

static enum leat_status put_object(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    if (call->arg_count % 2 != 0)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                              "json_build_object takes keys and values in turns: an even number");
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (uint32_t a = 0; a < call->arg_count; a += 2) {
        LEAT_TRY(leat_buffer_append_string(out, a ? ", " : "", err));
        LEAT_TRY(json_append_key(&call->args[a], i, out, err));
        LEAT_TRY(leat_buffer_append_string(out, " : ", err));
        LEAT_TRY(put_value(&call->args[a + 1], i, out, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

static enum leat_status put_first(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                  struct leat_error *err)
{
    return put_value(&call->args[0], i, out, err);
}

static enum leat_status run_array(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, put_array, err);
}
static enum leat_status run_object(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, put_object, err);
}
static enum leat_status run_array_b(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_array, err);
}
static enum leat_status run_object_b(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_object, err);
}
static enum leat_status run_canonical(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_first, err);
}

/* Without members whose value is null, at every level. */
static enum leat_status put_stripped(struct leat_text json, struct leat_buffer *out,
                                     struct leat_error *err)
{
    struct leat_text key, value;
    struct json_scan s;
    bool first = true, object = json_open(json, '{', &s);

    if (!object && !json_open(json, '[', &s))
        return leat_buffer_append(out, json.data, json.length, err);
    LEAT_TRY(leat_buffer_append_byte(out, object ? '{' : '[', err));
    while (json_next(&s, object ? &key : NULL, &value)) {
        if (object && strcmp(json_type_name(value), "null") == 0)
            continue;
        LEAT_TRY(leat_buffer_append_string(out, first ? "" : ",", err));
        first = false;
        if (object) {
            LEAT_TRY(leat_buffer_append(out, key.data, key.length, err));
            LEAT_TRY(leat_buffer_append_byte(out, ':', err));
        }
        LEAT_TRY(put_stripped(value, out, err));
    }
    return leat_buffer_append_byte(out, object ? '}' : ']', err);
}

static enum leat_status put_without_nulls(struct kernel_call *call, uint32_t i,
                                          struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(json_check(text_arg(call, 0, i), err));
    return put_stripped(text_arg(call, 0, i), out, err);
}
static enum leat_status run_strip(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, put_without_nulls, err);
}
static enum leat_status run_strip_b(struct kernel_call *call, struct leat_error *err)
{
    return json_canonical_each(call, put_without_nulls, err);
}

/* --- nulls among arguments --- */

static enum leat_status count_nulls(struct kernel_call *call, bool nulls)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int32_t count = 0;
        for (uint32_t a = 0; a < call->arg_count; a++)
            count += arg_is_null(call, a, i) == nulls;
        ((int32_t *)call->out->data)[i] = count;
    }
    return LEAT_OK;
}
static enum leat_status run_num_nulls(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return count_nulls(call, true);
}
static enum leat_status run_num_nonnulls(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return count_nulls(call, false);
}

/* --- lists of what is inside --- */

enum { MOST_ITEMS = 1 << 28 }; /* in one batch */

struct items {
    struct leat_string *strings;
    uint64_t *validity;
    uint32_t count, capacity;
};

static enum leat_status add_item(struct items *items, struct leat_text text, bool valid,
                                 struct leat_arena *arena, struct leat_error *err)
{
    if (items->count == items->capacity) {
        uint32_t capacity = items->capacity ? items->capacity * 2 : 1024;
        size_t words = leat_validity_words(capacity);
        struct leat_string *strings;
        uint64_t *validity;
        if (capacity > MOST_ITEMS)
            return leat_error_set(err, LEAT_E_LIMIT, "more than %d items of JSON at once",
                                  (int)MOST_ITEMS);
        strings = leat_arena_alloc_aligned(arena, capacity * sizeof(*strings));
        validity = leat_arena_alloc_aligned(arena, words * 8 + 8);
        if (!strings || !validity)
            return leat_error_memory(err);
        memset(validity, 0xff, words * 8);
        if (items->count) {
            memcpy(strings, items->strings, items->count * sizeof(*strings));
            memcpy(validity, items->validity, leat_validity_words(items->count) * 8);
        }
        *items = (struct items){strings, validity, items->count, capacity};
    }
    items->strings[items->count] = leat_string_of(text.data, text.length);
    leat_validity_set(items->validity, items->count++, valid);
    return LEAT_OK;
}

/* A value as JSON, or as text: strings without quotes, null as null. */
static enum leat_status add_value(struct items *items, struct leat_text value, bool as_text,
                                  struct leat_arena *arena, struct leat_error *err)
{
    struct leat_buffer plain;
    enum leat_status status;
    char *copy;

    if (!as_text || value.data[0] != '"')
        return add_item(items, value, !as_text || strcmp(json_type_name(value), "null") != 0, arena,
                        err);
    leat_buffer_init(&plain, JSON_MAXIMUM_BYTES);
    status = json_append_unescaped(value, &plain, err);
    copy = status == LEAT_OK ? leat_arena_copy(arena, plain.data, plain.length) : NULL;
    if (status == LEAT_OK)
        status = copy ? add_item(items, (struct leat_text){copy, plain.length}, true, arena, err)
                      : leat_error_memory(err);
    leat_buffer_release(&plain);
    return status;
}

static struct leat_vector vector_of(const struct items *items, const struct leat_type *type)
{
    static struct leat_string none;

    return (struct leat_vector){.type = type,
                                .form = LEAT_FLAT,
                                .length = items->count,
                                .data = items->strings ? items->strings : &none,
                                .validity = items->validity};
}

/* Items of arrays, keys of objects, or members as structs of key and value: by the result's type.
 * Text in place of json: as text. */
static enum leat_status list_values(struct kernel_call *call, char bracket, bool keys, bool values,
                                    struct leat_error *err)
{
    const struct leat_type *element = call->type->fields[0].type;
    bool pairs = element->id == LEAT_STRUCT;
    const struct leat_type *value_type = pairs ? element->fields[1].type : element;
    struct items of_keys = {0}, of_values = {0};

    for (uint32_t i = 0; i < call->count; i++) {
        uint32_t start = keys ? of_keys.count : of_values.count;
        struct leat_text key, value;
        struct json_scan s;
        if (leat_validity_get(call->out->validity, i)) {
            LEAT_TRY(json_check(text_arg(call, 0, i), err));
            if (!json_open(text_arg(call, 0, i), bracket, &s))
                return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "this JSON is %s, not an %s",
                                      json_type_name(text_arg(call, 0, i)),
                                      bracket == '{' ? "object" : "array");
            while (json_next(&s, bracket == '{' ? &key : NULL, &value)) {
                if (keys)
                    LEAT_TRY(add_value(&of_keys, key, true, call->arena, err));
                if (values)
                    LEAT_TRY(add_value(&of_values, value, value_type->id == LEAT_TEXT, call->arena,
                                       err));
            }
        }
        ((struct leat_list_entry *)call->out->data)[i] =
            (struct leat_list_entry){start, (keys ? of_keys.count : of_values.count) - start};
    }
    if (!pairs) {
        call->out->children[0] = vector_of(keys ? &of_keys : &of_values, element);
        return LEAT_OK;
    }
    call->out->children[0] =
        (struct leat_vector){.type = element, .form = LEAT_FLAT, .length = of_keys.count};
    call->out->children[0].children = LEAT_NEW_ARRAY(call->arena, struct leat_vector, 2);
    if (!call->out->children[0].children)
        return leat_error_memory(err);
    call->out->children[0].children[0] = vector_of(&of_keys, element->fields[0].type);
    call->out->children[0].children[1] = vector_of(&of_values, value_type);
    return LEAT_OK;
}

static enum leat_status run_items(struct kernel_call *call, struct leat_error *err)
{
    return list_values(call, '[', false, true, err);
}
static enum leat_status run_keys(struct kernel_call *call, struct leat_error *err)
{
    return list_values(call, '{', true, false, err);
}
static enum leat_status run_members(struct kernel_call *call, struct leat_error *err)
{
    return list_values(call, '{', true, true, err);
}

static bool list_of(struct signature *s, enum leat_type_id id)
{
    s->result = leat_type_list(s->arena, leat_type_get(id));
    return s->result != NULL;
}
static bool rule_json_list(struct signature *s)
{
    return list_of(s, LEAT_JSON);
}
static bool rule_text_list(struct signature *s)
{
    return list_of(s, LEAT_TEXT);
}
static bool pairs_of(struct signature *s, enum leat_type_id id)
{
    struct leat_field *fields = LEAT_NEW_ARRAY(s->arena, struct leat_field, 2);
    const struct leat_type *pair;

    if (!fields)
        return false;
    fields[0] = (struct leat_field){.name = "key", .type = leat_type_get(LEAT_TEXT)};
    fields[1] = (struct leat_field){.name = "value", .type = leat_type_get(id)};
    pair = leat_type_struct(s->arena, fields, 2);
    s->result = pair ? leat_type_list(s->arena, pair) : NULL;
    return s->result != NULL;
}
static bool rule_json_pairs(struct signature *s)
{
    return pairs_of(s, LEAT_JSON);
}
static bool rule_text_pairs(struct signature *s)
{
    return pairs_of(s, LEAT_TEXT);
}

#define TOTAL  FUNCTION_TOTAL
#define NULLS  FUNCTION_NOT_STRICT
#define ARRAY  "_build_array(any, ...) -> json", "array of the values"
#define OBJECT "_build_object(key, value, ...) -> json", "object of keys and values in turns"
#define STRIP  "_strip_nulls(json) -> json", "without members that are null"

static const struct leat_function functions[] = {
    FUNCTION("json_build_array", "json" ARRAY, "", 'J', NULLS, run_array, NULL),
    FUNCTION("json_build_array", "json" ARRAY, "*+", 'J', NULLS, run_array, NULL),
    FUNCTION("jsonb_build_array", "jsonb" ARRAY, "", 'J', NULLS, run_array_b, NULL),
    FUNCTION("jsonb_build_array", "jsonb" ARRAY, "*+", 'J', NULLS, run_array_b, NULL),
    FUNCTION("json_build_object", "json" OBJECT, "", 'J', NULLS, run_object, NULL),
    FUNCTION("json_build_object", "json" OBJECT, "*+", 'J', NULLS, run_object, NULL),
    FUNCTION("jsonb_build_object", "jsonb" OBJECT, "", 'J', NULLS, run_object_b, NULL),
    FUNCTION("jsonb_build_object", "jsonb" OBJECT, "*+", 'J', NULLS, run_object_b, NULL),
    FUNCTION("to_jsonb", "to_jsonb(any) -> json", "as JSON, in jsonb's form", "*", 'J', 0,
             run_canonical, NULL),
    FUNCTION("json_strip_nulls", "json" STRIP, "J", 'J', 0, run_strip, NULL),
    FUNCTION("jsonb_strip_nulls", "jsonb" STRIP, "J", 'J', 0, run_strip_b, NULL),
    FUNCTION("num_nulls", "num_nulls(any, ...) -> integer", "how many are null", "*+", 'i',
             NULLS | TOTAL, run_num_nulls, NULL),
    FUNCTION("num_nonnulls", "num_nonnulls(any, ...) -> integer", "how many are not null", "*+",
             'i', NULLS | TOTAL, run_num_nonnulls, NULL),
    FUNCTION("json_items", "json_items(json) -> json[]", "items of an array", "J", 0, 0, run_items,
             rule_json_list),
    FUNCTION("json_item_texts", "json_item_texts(json) -> text[]", "items of an array as text", "J",
             0, 0, run_items, rule_text_list),
    FUNCTION("json_keys", "json_keys(json) -> text[]", "keys of an object", "J", 0, 0, run_keys,
             rule_text_list),
    FUNCTION("json_members", "json_members(json) -> struct(key text, value json)[]",
             "members of an object", "J", 0, 0, run_members, rule_json_pairs),
    FUNCTION("json_member_texts", "json_member_texts(json) -> struct(key text, value text)[]",
             "members of an object as text", "J", 0, 0, run_members, rule_text_pairs),
};

struct function_table json_build_functions(void)
{
    return TABLE_OF(functions);
}
