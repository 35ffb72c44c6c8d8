/*
 * Functions on lists and maps that mean what Spark's do: items from 0 and from the end, with an
 * error outside; lists without repetitions, sorted, joined as text.
 */
#include "compute/kernels/nested_internal.h"

#include <stdlib.h>

/* --- one item --- */

enum item_mode {
    ITEM_FROM_ZERO, /* list[i] */
    ITEM_FROM_ONE,  /* element_at(list, i), from the end if negative */
    ITEM_OR_NULL    /* try_element_at */
};

static enum leat_status item(struct kernel_call *call, enum item_mode mode, struct leat_error *err)
{
    uint32_t *found = leat_arena_alloc(call->arena, (size_t)call->count * sizeof(uint32_t) + 4);

    if (!found)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        found[i] = UINT32_MAX;
        if (arg_is_null(call, 0, i) || arg_is_null(call, 1, i))
            continue;
        struct leat_list_entry entry = nested_entry(call, 0, i);
        int64_t asked = ARG(int32_t, call, 1, i), at = asked;
        if (mode != ITEM_FROM_ZERO)
            at = at > 0 ? at - 1 : at < 0 ? (int64_t)entry.length + at : -1;
        if (at >= 0 && at < (int64_t)entry.length) {
            found[i] = entry.offset + (uint32_t)at;
        } else if (mode != ITEM_OR_NULL || asked == 0) {
            leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                           "there is no item %lld in a list of %u, counted from %d",
                           (long long)asked, entry.length, mode == ITEM_FROM_ZERO ? 0 : 1);
            leat_error_hint(err, "get(list, n) and try_element_at(list, n) give null there");
            return LEAT_RUNTIME;
        }
    }
    return nested_pick(call, &call->args[0].children[0], found, err);
}
static enum leat_status run_get_item(struct kernel_call *call, struct leat_error *err)
{
    return item(call, ITEM_FROM_ZERO, err);
}
static enum leat_status run_element_at(struct kernel_call *call, struct leat_error *err)
{
    return item(call, ITEM_FROM_ONE, err);
}
static enum leat_status run_try_element_at(struct kernel_call *call, struct leat_error *err)
{
    return item(call, ITEM_OR_NULL, err);
}

/* --- smallest and largest --- */

static enum leat_status extreme(struct kernel_call *call, int sign, struct leat_error *err)
{
    uint32_t *found = leat_arena_alloc(call->arena, (size_t)call->count * sizeof(uint32_t) + 4);
    const struct leat_vector *items = &call->args[0].children[0];

    if (!found)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        found[i] = UINT32_MAX;
        if (arg_is_null(call, 0, i))
            continue;
        struct leat_list_entry entry = nested_entry(call, 0, i);
        for (uint32_t k = entry.offset; k < entry.offset + entry.length; k++)
            if (!leat_vector_is_null(items, k) &&
                (found[i] == UINT32_MAX ||
                 leat_vector_compare(items, k, items, found[i]) * sign > 0))
                found[i] = k;
    }
    return nested_pick(call, items, found, err);
}
static enum leat_status run_max(struct kernel_call *call, struct leat_error *err)
{
    return extreme(call, 1, err);
}
static enum leat_status run_min(struct kernel_call *call, struct leat_error *err)
{
    return extreme(call, -1, err);
}

/* --- sorted, without repetitions --- */

struct order {
    const struct leat_vector *items;
    bool ascending, nulls_first;
};

static int compare_items(const void *a, const void *b, void *context)
{
    const struct order *order = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    bool x_null = leat_vector_is_null(order->items, x),
         y_null = leat_vector_is_null(order->items, y);
    int result;

    if (x_null || y_null)
        return x_null == y_null ? (x > y) - (x < y) : x_null == order->nulls_first ? -1 : 1;
    result = leat_vector_compare(order->items, x, order->items, y);
    if (result == 0)
        return (x > y) - (x < y);
    return (result < 0) == order->ascending ? -1 : 1;
}

/* The places of a list's items, in order. */
static uint32_t *sorted(struct kernel_call *call, uint32_t i, struct order *order)
{
    struct leat_list_entry entry = nested_entry(call, 0, i);
    uint32_t *places = leat_arena_alloc(call->arena, (entry.length + 1u) * sizeof(*places));

    for (uint32_t k = 0; places && k < entry.length; k++)
        places[k] = entry.offset + k;
    if (places)
        qsort_r(places, entry.length, sizeof(*places), compare_items, order);
    return places;
}

/* array_sort(list, ascending, nulls first) */
static enum leat_status run_sort(struct kernel_call *call, struct leat_error *err)
{
    struct items items = {0};
    struct order order = {.items = &call->args[0].children[0]};

    for (uint32_t i = 0; i < call->count; i++) {
        *nested_out(call, i) = (struct leat_list_entry){items.count, 0};
        if (!leat_validity_get(call->out->validity, i))
            continue;
        order.ascending = ARG(uint8_t, call, 1, i);
        order.nulls_first = ARG(uint8_t, call, 2, i);
        uint32_t *places = sorted(call, i, &order);
        uint32_t length = nested_entry(call, 0, i).length;
        if (!places)
            return leat_error_memory(err);
        for (uint32_t k = 0; k < length; k++)
            LEAT_TRY(nested_add(call, &items, order.items, places[k], err));
        nested_out(call, i)->length = length;
    }
    return nested_finish(call, &items, 0, err);
}

/* The first of equal items stays, in the order of the list. */
static enum leat_status run_distinct(struct kernel_call *call, struct leat_error *err)
{
    struct items items = {0};
    struct order order = {.items = &call->args[0].children[0], .ascending = true};

    for (uint32_t i = 0; i < call->count; i++) {
        *nested_out(call, i) = (struct leat_list_entry){items.count, 0};
        if (!leat_validity_get(call->out->validity, i))
            continue;
        struct leat_list_entry entry = nested_entry(call, 0, i);
        uint32_t *places = sorted(call, i, &order);
        bool *repeated = leat_arena_calloc(call->arena, entry.length + 1u, 1);
        if (!places || !repeated)
            return leat_error_memory(err);
        for (uint32_t k = 1; k < entry.length; k++) {
            bool a = leat_vector_is_null(order.items, places[k - 1]);
            bool b = leat_vector_is_null(order.items, places[k]);
            repeated[places[k] - entry.offset] =
                a || b
                    ? a == b
                    : leat_vector_compare(order.items, places[k - 1], order.items, places[k]) == 0;
        }
        for (uint32_t k = 0; k < entry.length; k++)
            if (!repeated[k])
                LEAT_TRY(nested_add(call, &items, order.items, entry.offset + k, err));
        nested_out(call, i)->length = items.count - nested_out(call, i)->offset;
    }
    return nested_finish(call, &items, 0, err);
}

/* --- concat_ws --- */

static enum leat_status put_part(struct leat_buffer *out, struct leat_text mark, bool *first,
                                 struct leat_text part, struct leat_error *err)
{
    if (!*first)
        LEAT_TRY(leat_buffer_append(out, mark.data, mark.length, err));
    *first = false;
    return leat_buffer_append(out, part.data, part.length, err);
}

/* Texts and the texts of lists, without nulls, with the first argument between them. */
static enum leat_status run_concat_ws(struct kernel_call *call, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct leat_buffer out;

    leat_buffer_init(&out, 1u << 30);
    for (uint32_t i = 0; i < call->count && status == LEAT_OK; i++) {
        bool first = true;
        if (arg_is_null(call, 0, i)) {
            status = kernel_set_null(call, i, err);
            continue;
        }
        struct leat_text mark = text_arg(call, 0, i);
        out.length = 0;
        for (uint32_t a = 1; a < call->arg_count && status == LEAT_OK; a++) {
            const struct leat_vector *items, *base;
            if (arg_is_null(call, a, i))
                continue;
            if (call->args[a].type->id == LEAT_TEXT) {
                status = put_part(&out, mark, &first, text_arg(call, a, i), err);
                continue;
            }
            items = &call->args[a].children[0];
            struct leat_list_entry entry = nested_entry(call, a, i);
            for (uint32_t k = entry.offset; k < entry.offset + entry.length && !status; k++) {
                if (leat_vector_is_null(items, k))
                    continue;
                uint32_t at = leat_vector_locate(items, k, &base);
                status =
                    put_part(&out, mark, &first,
                             leat_string_text(&((const struct leat_string *)base->data)[at]), err);
            }
        }
        if (status == LEAT_OK)
            status = kernel_set_text(call, i, (const char *)out.data, out.length, err);
    }
    leat_buffer_release(&out);
    return status;
}

/* Text and lists of text stay, all else becomes text. */
static bool rule_concat_ws(struct signature *s)
{
    for (uint32_t i = 1; i < s->count; i++) {
        const struct leat_type *type = s->types[i];
        if (type->id == LEAT_LIST)
            s->cast[i] = type->fields[0].type->id == LEAT_TEXT
                             ? type
                             : leat_type_list(s->arena, leat_type_get(LEAT_TEXT));
        else
            s->cast[i] = leat_type_get(LEAT_TEXT);
        if (!s->cast[i] || leat_type_is_nested(type) != (type->id == LEAT_LIST))
            return false;
    }
    s->result = leat_type_get(LEAT_TEXT);
    return true;
}

static bool rule_same_list(struct signature *s)
{
    s->result = s->types[0];
    return s->types[0]->id == LEAT_LIST;
}

#define NS FUNCTION_NOT_STRICT

static const struct leat_function functions[] = {
    FUNCTION("spark_get_item", "list[n] of Spark's", "item, from 0; an error outside", "Ai", 'E',
             NS, run_get_item, NULL),
    FUNCTION("spark_element_at", "spark_element_at(list, n) -> any",
             "item, from 1 or from the end; an error outside", "Ai", 'E', NS, run_element_at, NULL),
    FUNCTION("spark_try_element_at", "spark_try_element_at(list, n) -> any",
             "item, from 1 or from the end; null outside", "Ai", 'E', NS, run_try_element_at, NULL),
    FUNCTION("spark_array_max", "spark_array_max(list) -> any", "largest item", "A", 'E',
             NS | FUNCTION_TOTAL, run_max, NULL),
    FUNCTION("spark_array_min", "spark_array_min(list) -> any", "smallest item", "A", 'E',
             NS | FUNCTION_TOTAL, run_min, NULL),
    FUNCTION("spark_array_sort", "spark_array_sort(list, ascending, nulls first) -> list",
             "items in order", "Abb", 0, 0, run_sort, rule_same_list),
    FUNCTION("spark_array_distinct", "spark_array_distinct(list) -> list", "without repetitions",
             "A", 0, 0, run_distinct, rule_same_list),
    FUNCTION("spark_concat_ws", "spark_concat_ws(mark, any, ...) -> text",
             "texts and lists of text, joined", "t*+", 0, NS, run_concat_ws, rule_concat_ws),
    FUNCTION("spark_concat_ws", "spark_concat_ws(mark) -> text", "an empty text", "t", 't', NS,
             run_concat_ws, NULL),
};

struct function_table spark_list_functions(void)
{
    return TABLE_OF(functions);
}
