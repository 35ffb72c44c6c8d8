/*
 * generate_series as a list: integers, and times by an interval. The planner puts UNNEST above the
 * call; series of constant integers have a plan node of their own and no list.
 */
#include "compute/kernels/kernels_internal.h"

#include <stdlib.h>

enum { MAXIMUM_ITEMS = 1 << 28 }; /* in one batch */

/* Items of all rows, one vector of 8-byte or 4-byte integers that grows. */
struct series {
    struct kernel_call *call;
    int64_t *items;
    size_t count;
    size_t capacity;
};

static enum leat_status add(struct series *series, int64_t value, struct leat_error *err)
{
    if (series->count == series->capacity) {
        size_t capacity = series->capacity ? series->capacity * 2 : 1024;
        int64_t *items;
        if (capacity > MAXIMUM_ITEMS)
            return leat_error_set(err, LEAT_E_LIMIT, "generate_series: more than %d items at once",
                                  (int)MAXIMUM_ITEMS / 2);
        items = leat_arena_alloc_aligned(series->call->arena, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(err);
        if (series->count)
            memcpy(items, series->items, series->count * sizeof(*items));
        series->items = items;
        series->capacity = capacity;
    }
    series->items[series->count++] = value;
    return LEAT_OK;
}

static enum leat_status finish(struct series *series, struct leat_error *err)
{
    struct leat_vector *child = &series->call->out->children[0];
    const struct leat_type *type = series->call->type->fields[0].type;
    void *data = series->items;

    if (!data && !(data = leat_arena_alloc_aligned(series->call->arena, 8)))
        return leat_error_memory(err);
    if (type->id == LEAT_INT32)
        for (size_t i = 0; i < series->count; i++) /* in place: a slot never overtakes its source */
            ((int32_t *)data)[i] = (int32_t)series->items[i];
    *child = (struct leat_vector){
        .type = type, .form = LEAT_FLAT, .length = (uint32_t)series->count, .data = data};
    return LEAT_OK;
}

static void begin_row(const struct series *series, uint32_t row)
{
    ((struct leat_list_entry *)series->call->out->data)[row] =
        (struct leat_list_entry){(uint32_t)series->count, 0};
}

static void end_row(const struct series *series, uint32_t row)
{
    struct leat_list_entry *entry = &((struct leat_list_entry *)series->call->out->data)[row];
    entry->length = (uint32_t)series->count - entry->offset;
}

static enum leat_status zero_step(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "generate_series: the step must not be zero");
}

static enum leat_status run_integers(struct kernel_call *call, struct leat_error *err)
{
    bool wide = call->type->fields[0].type->id == LEAT_INT64;
    struct series series = {.call = call};

    for (uint32_t i = 0; i < call->count; i++) {
        int64_t bounds[3] = {0, 0, 1};
        begin_row(&series, i);
        if (!leat_validity_get(call->out->validity, i))
            continue;
        for (uint32_t a = 0; a < call->arg_count; a++)
            bounds[a] = wide ? ARG(int64_t, call, a, i) : ARG(int32_t, call, a, i);
        if (bounds[2] == 0)
            return zero_step(err);
        for (int64_t at = bounds[0]; bounds[2] > 0 ? at <= bounds[1] : at >= bounds[1];) {
            LEAT_TRY(add(&series, at, err));
            if (__builtin_add_overflow(at, bounds[2], &at))
                break;
        }
        end_row(&series, i);
    }
    return finish(&series, err);
}

static enum leat_status run_times(struct kernel_call *call, struct leat_error *err)
{
    struct series series = {.call = call};

    for (uint32_t i = 0; i < call->count; i++) {
        begin_row(&series, i);
        if (!leat_validity_get(call->out->validity, i))
            continue;
        int64_t at = ARG(int64_t, call, 0, i), stop = ARG(int64_t, call, 1, i), next;
        const struct leat_interval *step = &ARG(struct leat_interval, call, 2, i);
        if (!timestamp_add_interval(at, step, &next) || next == at)
            return zero_step(err);
        for (bool up = next > at; up ? at <= stop : at >= stop; at = next) {
            LEAT_TRY(add(&series, at, err));
            if (!timestamp_add_interval(at, step, &next) || (up ? next <= at : next >= at))
                break;
        }
        end_row(&series, i);
    }
    return finish(&series, err);
}

static bool rule_list(struct signature *s)
{
    s->result = leat_type_list(s->arena, s->types[0]);
    return s->result != NULL;
}

#define HELP "numbers or times from start to stop"
#define SERIES(args, run)                                                                          \
    FUNCTION("generate_series", "generate_series(start, stop [, step]) -> rows", HELP, args, 0, 0, \
             run, rule_list)

static const struct leat_function functions[] = {
    SERIES("iii", run_integers),
    SERIES("lll", run_integers),
    SERIES("SSI", run_times),
    SERIES("ZZI", run_times),
};

struct function_table series_functions(void)
{
    return TABLE_OF(functions);
}
