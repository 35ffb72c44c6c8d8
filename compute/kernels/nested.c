/*
 * Functions on arrays, maps and structs.
 *
 * Results that are arrays collect their items as one-row views and are put together at the end of
 * the batch. Subscripts count from 1; outside is null.
 */
#include "compute/kernels/nested_internal.h"

enum leat_status nested_add(struct kernel_call *call, struct items *items,
                            const struct leat_vector *vector, uint32_t row, struct leat_error *err)
{
    if (items->count == items->capacity) {
        uint32_t capacity = items->capacity ? items->capacity * 2 : 256;
        if (items->capacity > UINT32_MAX / 4)
            return leat_error_set(err, LEAT_E_LIMIT, "too many items in one batch");
        struct leat_vector *rows = LEAT_NEW_ARRAY(call->arena, struct leat_vector, capacity);
        if (!rows)
            return leat_error_memory(err);
        if (items->count)
            memcpy(rows, items->rows, items->count * sizeof(*rows));
        items->rows = rows;
        items->capacity = capacity;
    }
    return leat_vector_slice(vector, row, 1, call->arena, &items->rows[items->count++], err);
}

static enum leat_status add_items(struct kernel_call *call, struct items *items, uint32_t n,
                                  uint32_t i, struct leat_error *err)
{
    struct leat_list_entry entry = nested_entry(call, n, i);
    for (uint32_t k = 0; k < entry.length; k++)
        LEAT_TRY(nested_add(call, items, &call->args[n].children[0], entry.offset + k, err));
    return LEAT_OK;
}

enum leat_status nested_finish(struct kernel_call *call, const struct items *items, uint32_t child,
                               struct leat_error *err)
{
    return kernel_concatenate(call->type->fields[child].type, items->rows, items->count,
                              call->arena, &call->out->children[child], err);
}

/* --- building --- */

static enum leat_status run_array(struct kernel_call *call, struct leat_error *err)
{
    struct items items = {0};
    for (uint32_t i = 0; i < call->count; i++) {
        *nested_out(call, i) = (struct leat_list_entry){items.count, call->arg_count};
        for (uint32_t a = 0; a < call->arg_count; a++)
            LEAT_TRY(nested_add(call, &items, &call->args[a], i, err));
    }
    return nested_finish(call, &items, 0, err);
}

/* ARRAY[] without items waits for a cast. */
static bool rule_empty_array(struct signature *s)
{
    s->result = leat_type_list(s->arena, leat_type_get(LEAT_NULL));
    return true;
}

/* map(key, value, key, value, ...) or map(keys[], values[]) */
static enum leat_status run_map(struct kernel_call *call, struct leat_error *err)
{
    struct items keys = {0}, values = {0};
    for (uint32_t i = 0; i < call->count; i++) {
        struct leat_list_entry a, b;
        *nested_out(call, i) = (struct leat_list_entry){keys.count, 0};
        if (!leat_validity_get(call->out->validity, i))
            continue;
        a = nested_entry(call, 0, i);
        b = nested_entry(call, 1, i);
        if (a.length != b.length)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "map: %u keys but %u values", a.length,
                                  b.length);
        LEAT_TRY(add_items(call, &keys, 0, i, err));
        LEAT_TRY(add_items(call, &values, 1, i, err));
        nested_out(call, i)->length = a.length;
    }
    LEAT_TRY(nested_finish(call, &keys, 0, err));
    return nested_finish(call, &values, 1, err);
}
static bool rule_map(struct signature *s)
{
    if (s->types[0]->id != LEAT_LIST || s->types[1]->id != LEAT_LIST)
        return false;
    s->result = leat_type_map(s->arena, s->types[0]->fields[0].type, s->types[1]->fields[0].type);
    return true;
}

static enum leat_status join_lists(struct kernel_call *call, bool first_list, bool second_list,
                                   struct leat_error *err)
{
    bool is_list[2] = {first_list, second_list};
    struct items items = {0};
    for (uint32_t i = 0; i < call->count; i++) {
        uint32_t start = items.count, nulls = 0;
        for (uint32_t a = 0; a < 2; a++) {
            if (!is_list[a])
                LEAT_TRY(nested_add(call, &items, &call->args[a], i, err));
            else if (arg_is_null(call, a, i))
                nulls++;
            else
                LEAT_TRY(add_items(call, &items, a, i, err));
        }
        *nested_out(call, i) = (struct leat_list_entry){start, items.count - start};
        if (nulls == 2)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    return nested_finish(call, &items, 0, err);
}
static enum leat_status run_append(struct kernel_call *call, struct leat_error *err)
{
    return join_lists(call, true, false, err);
}
static enum leat_status run_prepend(struct kernel_call *call, struct leat_error *err)
{
    return join_lists(call, false, true, err);
}
static enum leat_status run_cat(struct kernel_call *call, struct leat_error *err)
{
    return join_lists(call, true, true, err);
}

static enum leat_status run_remove(struct kernel_call *call, struct leat_error *err)
{
    struct items items = {0};
    for (uint32_t i = 0; i < call->count; i++) {
        const struct leat_vector *list = &call->args[0].children[0];
        uint32_t start = items.count;
        *nested_out(call, i) = (struct leat_list_entry){start, 0};
        if (arg_is_null(call, 0, i)) {
            LEAT_TRY(kernel_set_null(call, i, err));
            continue;
        }
        struct leat_list_entry entry = nested_entry(call, 0, i);
        for (uint32_t k = 0; k < entry.length; k++) {
            bool a = leat_vector_is_null(list, entry.offset + k), b = arg_is_null(call, 1, i);
            bool same = a || b
                            ? a == b
                            : leat_vector_compare(list, entry.offset + k, &call->args[1], i) == 0;
            if (!same)
                LEAT_TRY(nested_add(call, &items, list, entry.offset + k, err));
        }
        nested_out(call, i)->length = items.count - start;
    }
    return nested_finish(call, &items, 0, err);
}

/* --- reading --- */

enum leat_status nested_pick(struct kernel_call *call, const struct leat_vector *vector,
                             const uint32_t *found, struct leat_error *err)
{
    struct leat_vector *rows = LEAT_NEW_ARRAY(call->arena, struct leat_vector, call->count);
    if (!rows)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        if (found[i] == UINT32_MAX)
            rows[i] = (struct leat_vector){
                .type = leat_type_get(LEAT_NULL), .form = LEAT_CONSTANT, .length = 1};
        else
            LEAT_TRY(leat_vector_slice(vector, found[i], 1, call->arena, &rows[i], err));
    }
    return kernel_concatenate(call->type, rows, call->count, call->arena, call->out, err);
}

static enum leat_status run_subscript(struct kernel_call *call, struct leat_error *err)
{
    uint32_t *found = leat_arena_alloc(call->arena, (size_t)call->count * sizeof(uint32_t) + 4);
    if (!found)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        found[i] = UINT32_MAX;
        if (arg_is_null(call, 0, i) || arg_is_null(call, 1, i))
            continue;
        struct leat_list_entry entry = nested_entry(call, 0, i);
        int64_t at = ARG(int32_t, call, 1, i);
        if (at >= 1 && at <= (int64_t)entry.length)
            found[i] = entry.offset + (uint32_t)at - 1;
    }
    return nested_pick(call, &call->args[0].children[0], found, err);
}

static enum leat_status run_map_lookup(struct kernel_call *call, struct leat_error *err)
{
    uint32_t *found = leat_arena_alloc(call->arena, (size_t)call->count * sizeof(uint32_t) + 4);
    const struct leat_vector *keys = &call->args[0].children[0];
    if (!found)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        found[i] = UINT32_MAX;
        if (arg_is_null(call, 0, i) || arg_is_null(call, 1, i))
            continue;
        struct leat_list_entry entry = nested_entry(call, 0, i);
        for (uint32_t k = 0; k < entry.length && found[i] == UINT32_MAX; k++) {
            if (leat_vector_compare(keys, entry.offset + k, &call->args[1], i) == 0)
                found[i] = entry.offset + k;
        }
    }
    return nested_pick(call, &call->args[0].children[1], found, err);
}
static bool rule_map_lookup(struct signature *s)
{
    if (s->types[0]->id != LEAT_MAP)
        return false;
    s->cast[1] = s->types[0]->fields[0].type;
    s->result = s->types[0]->fields[1].type;
    return leat_cast_level_of(s->types[1], s->cast[1]) >= LEAT_CAST_EXPLICIT;
}

static enum leat_status run_map_part(struct kernel_call *call, uint32_t child,
                                     struct leat_error *err)
{
    (void)err;
    struct leat_vector arg = call->args[0];
    for (uint32_t i = 0; i < call->count; i++)
        *nested_out(call, i) = nested_entry(call, 0, i);
    call->out->children[0] = arg.children[child];
    return LEAT_OK;
}
static enum leat_status run_map_keys(struct kernel_call *call, struct leat_error *err)
{
    return run_map_part(call, 0, err);
}
static enum leat_status run_map_values(struct kernel_call *call, struct leat_error *err)
{
    return run_map_part(call, 1, err);
}
static bool rule_map_keys(struct signature *s)
{
    s->result = leat_type_list(s->arena, s->types[0]->fields[0].type);
    return s->types[0]->id == LEAT_MAP;
}
static bool rule_map_values(struct signature *s)
{
    s->result = leat_type_list(s->arena, s->types[0]->fields[1].type);
    return s->types[0]->id == LEAT_MAP;
}

/* slice(list, from, to): both included */
static enum leat_status run_slice(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < call->count; i++) {
        struct leat_list_entry entry = {0, 0};
        if (leat_validity_get(call->out->validity, i)) {
            struct leat_list_entry all = nested_entry(call, 0, i);
            int64_t from = ARG(int32_t, call, 1, i), to = ARG(int32_t, call, 2, i);
            from = from < 1 ? 1 : from;
            to = to > (int64_t)all.length ? (int64_t)all.length : to;
            if (from <= to)
                entry = (struct leat_list_entry){all.offset + (uint32_t)from - 1,
                                                 (uint32_t)(to - from + 1)};
        }
        *nested_out(call, i) = entry;
    }
    call->out->children[0] = call->args[0].children[0];
    return LEAT_OK;
}

static enum leat_status run_cardinality(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((int32_t *)call->out->data)[i] = (int32_t)nested_entry(call, 0, i).length;
    }
    return LEAT_OK;
}

/* array_length(list, dimension): null for an empty one */
static enum leat_status run_array_length(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        uint32_t length = nested_entry(call, 0, i).length;
        ((int32_t *)call->out->data)[i] = (int32_t)length;
        if (length == 0 || ARG(int32_t, call, 1, i) != 1)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    return LEAT_OK;
}

/* Place of the item, from 1; 0 if it is not there. */
static uint32_t place_of(const struct leat_vector *items, struct leat_list_entry entry,
                         const struct leat_vector *vector, uint32_t row)
{
    bool null = leat_vector_is_null(vector, row);
    for (uint32_t k = 0; k < entry.length; k++) {
        bool item_null = leat_vector_is_null(items, entry.offset + k);
        if (null || item_null ? null == item_null
                              : leat_vector_compare(items, entry.offset + k, vector, row) == 0)
            return k + 1;
    }
    return 0;
}

static enum leat_status run_array_position(struct kernel_call *call, struct leat_error *err)
{
    for (uint32_t i = 0; i < call->count; i++) {
        uint32_t place = 0;
        if (!arg_is_null(call, 0, i))
            place =
                place_of(&call->args[0].children[0], nested_entry(call, 0, i), &call->args[1], i);
        ((int32_t *)call->out->data)[i] = (int32_t)place;
        if (place == 0)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    return LEAT_OK;
}

/* x op ANY(list): three-valued. The comparison is decided by leat_vector_compare's sign. */
static enum leat_status any_all(struct kernel_call *call, const char *op, bool all,
                                struct leat_error *err)
{
    const struct leat_vector *items = &call->args[1].children[0];
    for (uint32_t i = 0; i < call->count; i++) {
        bool unknown = false, decided = false;
        if (arg_is_null(call, 1, i)) {
            LEAT_TRY(kernel_set_null(call, i, err));
            continue;
        }
        struct leat_list_entry entry = nested_entry(call, 1, i);
        for (uint32_t k = 0; k < entry.length && !decided; k++) {
            if (arg_is_null(call, 0, i) || leat_vector_is_null(items, entry.offset + k)) {
                unknown = true;
                continue;
            }
            int order = leat_vector_compare(&call->args[0], i, items, entry.offset + k);
            bool holds = strcmp(op, "=") == 0    ? order == 0
                         : strcmp(op, "<>") == 0 ? order != 0
                         : strcmp(op, "<") == 0  ? order < 0
                         : strcmp(op, "<=") == 0 ? order <= 0
                         : strcmp(op, ">") == 0  ? order > 0
                                                 : order >= 0;
            decided = holds != all;
        }
        ((uint8_t *)call->out->data)[i] = decided != all;
        if (!decided && unknown)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    return LEAT_OK;
}
#define ANY_ALL(name, op)                                                                          \
    static enum leat_status run_any_##name(struct kernel_call *call, struct leat_error *err)       \
    {                                                                                              \
        return any_all(call, op, false, err);                                                      \
    }                                                                                              \
    static enum leat_status run_all_##name(struct kernel_call *call, struct leat_error *err)       \
    {                                                                                              \
        return any_all(call, op, true, err);                                                       \
    }
ANY_ALL(eq, "=")
ANY_ALL(ne, "<>")
ANY_ALL(lt, "<")
ANY_ALL(le, "<=")
ANY_ALL(gt, ">")
ANY_ALL(ge, ">=")

/* every item of argument `inner` is in argument `outer`, or any */
static enum leat_status contains(struct kernel_call *call, bool any, uint32_t outer)
{
    uint32_t inner = 1 - outer;
    FOR_VALID(call, i)
    {
        struct leat_list_entry a = nested_entry(call, outer, i), b = nested_entry(call, inner, i);
        const struct leat_vector *items = &call->args[inner].children[0];
        bool result = !any;
        for (uint32_t k = 0; k < b.length && result != any; k++) {
            bool null = leat_vector_is_null(items, b.offset + k);
            bool found =
                !null && place_of(&call->args[outer].children[0], a, items, b.offset + k) > 0;
            result = any ? found : found && result;
            if (!any && !found)
                break;
        }
        ((uint8_t *)call->out->data)[i] = result;
    }
    return LEAT_OK;
}
static enum leat_status run_contains(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return contains(call, false, 0);
}
static enum leat_status run_contained(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return contains(call, false, 1);
}
static enum leat_status run_overlaps(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return contains(call, true, 0);
}

/* --- text --- */

static enum leat_status row_array_to_string(struct kernel_call *call, uint32_t i,
                                            struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *items = &call->args[0].children[0];
    struct leat_list_entry entry = nested_entry(call, 0, i);
    struct leat_text mark = text_arg(call, 1, i);
    bool first = true;
    for (uint32_t k = 0; k < entry.length; k++) {
        bool null = leat_vector_is_null(items, entry.offset + k);
        if (null && call->arg_count < 3)
            continue;
        if (!first)
            LEAT_TRY(leat_buffer_append(out, mark.data, mark.length, err));
        first = false;
        if (null) {
            struct leat_text word = text_arg(call, 2, i);
            LEAT_TRY(leat_buffer_append(out, word.data, word.length, err));
        } else {
            LEAT_TRY(leat_vector_print(items, entry.offset + k, out, err));
        }
    }
    return LEAT_OK;
}
static enum leat_status run_array_to_string(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_array_to_string, err);
}

static enum leat_status run_string_to_array(struct kernel_call *call, struct leat_error *err)
{
    struct items items = {0};
    for (uint32_t i = 0; i < call->count; i++) {
        struct leat_vector one;
        *nested_out(call, i) = (struct leat_list_entry){items.count, 0};
        if (!leat_validity_get(call->out->validity, i))
            continue;
        struct leat_text text = text_arg(call, 0, i), mark = text_arg(call, 1, i);
        const char *at = text.data, *end = text.data + text.length;
        while (text.length) {
            const char *found =
                mark.length ? memmem(at, (size_t)(end - at), mark.data, mark.length) : NULL;
            struct leat_value part = {.type = leat_type_get(LEAT_TEXT),
                                      .text = {at, (size_t)((found ? found : end) - at)}};
            if (call->arg_count > 2 && leat_text_equal(part.text, text_arg(call, 2, i)))
                part.is_null = true;
            LEAT_TRY(leat_value_to_vector(&part, 1, call->arena, &one, err));
            LEAT_TRY(nested_add(call, &items, &one, 0, err));
            if (!found)
                break;
            at = found + mark.length;
        }
        nested_out(call, i)->length = items.count - nested_out(call, i)->offset;
    }
    return nested_finish(call, &items, 0, err);
}

#define NS FUNCTION_NOT_STRICT
#define ANY(name, op, run)                                                                         \
    FUNCTION(name, "any " op " ANY/ALL(array) -> boolean", "comparison with items", "EA", 'b',     \
             NS | FUNCTION_TOTAL, run, NULL)
#define TO_STRING                                                                                  \
    "array_to_string(array, separator [, null]) -> text", "items joined by a separator"
#define TO_ARRAY "string_to_array(text, separator [, null]) -> text[]", "parts of a text"

static const struct leat_function functions[] = {
    FUNCTION("array", "ARRAY[any, ...] -> any[]", "array of items", "E+", 'A', NS | FUNCTION_TOTAL,
             run_array, NULL),
    FUNCTION("array", "ARRAY[any, ...] -> any[]", "array of items", "", 0, FUNCTION_TOTAL,
             run_array, rule_empty_array),
    FUNCTION("map", "map(keys[], values[]) -> map", "map of keys and values", "**", 0, 0, run_map,
             rule_map),
    FUNCTION("subscript", "array[integer] -> any", "item, from 1", "Ai", 'E', NS | FUNCTION_TOTAL,
             run_subscript, NULL),
    FUNCTION("subscript", "map[key] -> any", "value of a key", "M*", 0, NS, run_map_lookup,
             rule_map_lookup),
    FUNCTION("map_lookup", "map[key] -> any", "value of a key", "M*", 0, NS, run_map_lookup,
             rule_map_lookup),
    FUNCTION("element_at", "element_at(map, key) -> any", "value of a key", "M*", 0, NS,
             run_map_lookup, rule_map_lookup),
    FUNCTION("map_keys", "map_keys(map) -> any[]", "keys", "M", 0, FUNCTION_TOTAL, run_map_keys,
             rule_map_keys),
    FUNCTION("map_values", "map_values(map) -> any[]", "values", "M", 0, FUNCTION_TOTAL,
             run_map_values, rule_map_values),
    FUNCTION("slice", "array[from:to] -> any[]", "items from .. to", "Aii", 'A', FUNCTION_TOTAL,
             run_slice, NULL),
    FUNCTION("cardinality", "cardinality(array) -> integer", "number of items", "A", 'i',
             FUNCTION_TOTAL, run_cardinality, NULL),
    FUNCTION("cardinality", "cardinality(map) -> integer", "number of entries", "M", 'i',
             FUNCTION_TOTAL, run_cardinality, NULL),
    FUNCTION("array_length", "array_length(array, dimension) -> integer", "number of items", "Ai",
             'i', FUNCTION_TOTAL, run_array_length, NULL),
    FUNCTION("array_upper", "array_upper(array, dimension) -> integer", "last subscript", "Ai", 'i',
             FUNCTION_TOTAL, run_array_length, NULL),
    FUNCTION("array_append", "array_append(array, any) -> array", "item at the end", "AE", 'A',
             NS | FUNCTION_TOTAL, run_append, NULL),
    FUNCTION("array_prepend", "array_prepend(any, array) -> array", "item at the start", "EA", 'A',
             NS | FUNCTION_TOTAL, run_prepend, NULL),
    FUNCTION("array_cat", "array_cat(array, array) -> array", "joined", "AA", 'A',
             NS | FUNCTION_TOTAL, run_cat, NULL),
    FUNCTION("||", "array || array -> array", "joined", "AA", 'A', NS | FUNCTION_TOTAL, run_cat,
             NULL),
    FUNCTION("||", "array || any -> array", "item at the end", "AE", 'A', NS | FUNCTION_TOTAL,
             run_append, NULL),
    FUNCTION("||", "any || array -> array", "item at the start", "EA", 'A', NS | FUNCTION_TOTAL,
             run_prepend, NULL),
    FUNCTION("array_remove", "array_remove(array, any) -> array", "without an item", "AE", 'A',
             NS | FUNCTION_TOTAL, run_remove, NULL),
    FUNCTION("array_position", "array_position(array, any) -> integer", "place of an item", "AE",
             'i', NS | FUNCTION_TOTAL, run_array_position, NULL),
    FUNCTION("@>", "array @> array -> boolean", "contains all items", "AA", 'b', FUNCTION_TOTAL,
             run_contains, NULL),
    FUNCTION("<@", "array <@ array -> boolean", "is contained", "AA", 'b', FUNCTION_TOTAL,
             run_contained, NULL),
    FUNCTION("&&", "array && array -> boolean", "has an item in common", "AA", 'b', FUNCTION_TOTAL,
             run_overlaps, NULL),
    ANY("= any", "=", run_any_eq),
    ANY("<> any", "<>", run_any_ne),
    ANY("< any", "<", run_any_lt),
    ANY("<= any", "<=", run_any_le),
    ANY("> any", ">", run_any_gt),
    ANY(">= any", ">=", run_any_ge),
    ANY("= all", "=", run_all_eq),
    ANY("<> all", "<>", run_all_ne),
    ANY("< all", "<", run_all_lt),
    ANY("<= all", "<=", run_all_le),
    ANY("> all", ">", run_all_gt),
    ANY(">= all", ">=", run_all_ge),
    FUNCTION("array_to_string", TO_STRING, "At", 't', FUNCTION_TOTAL, run_array_to_string, NULL),
    FUNCTION("array_to_string", TO_STRING, "Att", 't', FUNCTION_TOTAL, run_array_to_string, NULL),
    FUNCTION("string_to_array", TO_ARRAY, "tt", 'x', FUNCTION_TOTAL, run_string_to_array, NULL),
    FUNCTION("string_to_array", TO_ARRAY, "ttt", 'x', FUNCTION_TOTAL, run_string_to_array, NULL),
};

struct function_table nested_functions(void)
{
    return TABLE_OF(functions);
}
