/* Window functions: the child's rows are collected, and the partition keys, order keys and
 * arguments of all calls computed once over them. An index sorted by partition, then order, gives
 * each row its partition and its peers (rows equal in the order). Every call then fills one column:
 * functions of the row's place directly; functions that pick a value through an index of rows;
 * aggregates by feeding rows in order and reading the state at the end of each frame. The output is
 * the collected table with these columns, in the index's order. */
#include "compute/exec/spill.h"
#include "compute/exec/window_internal.h"

#include "columns/value.h"

#define NO_ROW UINT32_MAX

struct window_state {
    struct leat_table_source source;
    struct leat_table_rows computed; /* keys and arguments; picked values point into it */
    struct leat_arena arena;         /* index and results */
    struct leat_divided divided;     /* if it has inputs */
};

/* --- keys and arguments --- */

static uint32_t expression_count(const struct leat_plan *plan)
{
    uint32_t count = plan->window.key_count + plan->window.order_count;
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        const struct leat_aggregate *call = &plan->window.calls[i].call;
        count += call->arg_count + (call->filter != NULL);
    }
    return count;
}

static void list_expressions(const struct leat_plan *plan, struct leat_expr **out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->window.key_count; i++)
        out[n++] = plan->window.partition_keys[i];
    for (uint32_t i = 0; i < plan->window.order_count; i++)
        out[n++] = plan->window.order[i].expr;
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        const struct leat_aggregate *call = &plan->window.calls[i].call;
        for (uint32_t a = 0; a < call->arg_count; a++)
            out[n++] = call->args[a];
        if (call->filter)
            out[n++] = call->filter;
    }
}

static enum leat_status compute_expressions(struct leat_exec *exec, const struct leat_plan *plan,
                                            struct window_state *state, struct leat_error *err)
{
    uint32_t count = expression_count(plan);
    struct leat_expr **exprs = LEAT_NEW_ARRAY(&state->arena, struct leat_expr *, count);

    if (!exprs)
        return leat_error_memory(err);
    list_expressions(plan, exprs);
    return leat_table_evaluate(exec, &state->source.table, exprs, count, &state->computed, err);
}

/* --- places --- */

static enum leat_status sort_rows(struct leat_exec *exec, const struct leat_plan *plan,
                                  struct window_state *state, uint32_t **out,
                                  struct leat_error *err)
{
    uint32_t keys = plan->window.key_count, count = keys + plan->window.order_count;
    uint32_t rows = (uint32_t)state->source.table.length;
    struct leat_sort_key *sort = LEAT_NEW_ARRAY(&state->arena, struct leat_sort_key, count);

    if (!sort)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < keys; i++)
        sort[i] = (struct leat_sort_key){.expr = plan->window.partition_keys[i]};
    for (uint32_t i = keys; i < count; i++)
        sort[i] = plan->window.order[i - keys];
    if (count)
        return leat_sort_permutation(exec, &state->source.table, sort, count, &state->arena, out,
                                     err);
    *out = leat_arena_alloc(&state->arena, (size_t)rows * sizeof(uint32_t) + 4);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < rows; i++)
        (*out)[i] = i;
    return LEAT_OK;
}

/* --- functions of the place --- */

static int64_t bucket(int64_t place, int64_t rows, int64_t buckets)
{
    int64_t size = rows / buckets, larger = rows % buckets;
    if (place < larger * (size + 1))
        return place / (size + 1) + 1;
    return larger + (place - larger * (size + 1)) / size + 1;
}

static enum leat_status fill_ntile(const struct places *p, const struct leat_vector *args,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t start = p->partition[i], first = p->order[start];
        if (leat_vector_is_null(&args[0], first)) {
            LEAT_TRY(leat_vector_make_validity(out, p->count, arena, err));
            leat_validity_set(out->validity, p->order[i], false);
            continue;
        }
        int32_t buckets = ((const int32_t *)args[0].data)[first];
        if (buckets <= 0)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "argument of ntile must be greater than zero");
        ((int32_t *)out->data)[p->order[i]] =
            (int32_t)bucket(i - start, p->partition_end[i] - start, buckets);
    }
    return LEAT_OK;
}

struct placing {
    struct leat_exec *exec;
    const struct places *p;
    struct leat_vector *out;
    enum place_function { ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NONE } function;
};

static enum leat_status fill_piece(void *context, size_t piece, struct leat_error *err)
{
    const struct placing *f = context;
    const struct places *p = f->p;
    uint32_t start, end;
    int64_t *integers = f->out->data, dense = 0;
    double *reals = f->out->data;

    LEAT_TRY(leat_exec_check(f->exec, err));
    leat_places_piece(p, piece, f->function == DENSE_RANK, &start, &end);
    for (uint32_t i = start; i < end; i++) {
        uint32_t first = p->partition[i], row = p->order[i];
        uint32_t rows = p->partition_end[i] - first;
        dense = i == first ? 1 : dense + (p->peer[i] == i);
        if (f->function == ROW_NUMBER)
            integers[row] = i - first + 1;
        else if (f->function == RANK)
            integers[row] = p->peer[i] - first + 1;
        else if (f->function == DENSE_RANK)
            integers[row] = dense;
        else if (f->function == PERCENT_RANK)
            reals[row] = rows > 1 ? (double)(p->peer[i] - first) / (rows - 1) : 0;
        else
            reals[row] = (double)(p->peer_end[i] - first) / rows;
    }
    return LEAT_OK;
}

static enum leat_status fill_place(struct leat_exec *exec, const char *name, const struct places *p,
                                   struct leat_vector *out, struct leat_error *err)
{
    static const char *const names[] = {"row_number", "rank", "dense_rank", "percent_rank",
                                        "cume_dist"};
    struct placing f = {exec, p, out, ROW_NUMBER};

    while (f.function < NONE && strcmp(name, names[f.function]) != 0)
        f.function++;
    if (f.function == NONE)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "window function %s", name);
    return leat_parallel_run(exec->threads, leat_places_pieces(p), fill_piece, &f, err);
}

/* --- functions that pick a value --- */

enum leat_status leat_window_gather(const struct leat_vector *from, uint32_t *pick, uint32_t count,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    uint64_t *validity = leat_arena_alloc_aligned(arena, leat_validity_words(count) * 8 + 8);

    if (!validity)
        return leat_error_memory(err);
    memset(validity, 0xff, leat_validity_words(count) * 8);
    for (uint32_t i = 0; i < count; i++) {
        bool valid = pick[i] != NO_ROW && !leat_vector_is_null(from, pick[i]);
        leat_validity_set(validity, i, valid);
        if (pick[i] == NO_ROW)
            pick[i] = 0;
    }
    LEAT_TRY(leat_vector_select(from, pick, count, arena, out, err));
    LEAT_TRY(leat_vector_flatten(out, arena, err));
    if (out->type->id != LEAT_NULL)
        out->validity = validity;
    return LEAT_OK;
}

static enum leat_status pick_shifted(const struct leat_window_call *call, const struct places *p,
                                     const struct leat_vector *args, uint32_t *pick,
                                     uint32_t *defaults)
{
    bool lag = strcmp(call->call.function->name, "lag") == 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->order[i];
        int64_t offset = 1, place;
        pick[row] = defaults[row] = NO_ROW;
        if (call->call.arg_count > 1) {
            if (leat_vector_is_null(&args[1], row))
                continue;
            offset = ((const int32_t *)args[1].data)[row];
        }
        place = lag ? (int64_t)i - offset : (int64_t)i + offset;
        if (place >= p->partition[i] && place < p->partition_end[i])
            pick[row] = p->order[place];
        else
            defaults[row] = row;
    }
    return LEAT_OK;
}

/* The nth place of the frame, from its end if n is negative; NO_ROW: it has fewer. */
static uint32_t nth_place(const struct leat_segments *frame, int64_t n)
{
    uint32_t size = 0;

    for (uint32_t s = 0; s < frame->count; s++)
        size += frame->to[s] - frame->from[s];
    n = n < 0 ? size + n : n - 1;
    if (n < 0 || n >= size)
        return NO_ROW;
    for (uint32_t s = 0; s < frame->count; s++) {
        uint32_t length = frame->to[s] - frame->from[s];
        if (n < length)
            return frame->from[s] + (uint32_t)n;
        n -= length;
    }
    return NO_ROW;
}

static enum leat_status pick_in_frame(const struct leat_window_call *call, const struct places *p,
                                      const struct leat_frames *frames,
                                      const struct leat_vector *args, uint32_t *pick,
                                      struct leat_error *err)
{
    const char *name = call->call.function->name;
    int64_t n = strcmp(name, "last_value") == 0 ? -1 : 1;
    bool nth = strcmp(name, "nth_value") == 0;

    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->order[i], place;
        struct leat_segments segments;
        if (nth)
            n = leat_vector_is_null(&args[1], row) ? INT32_MAX
                                                   : ((const int32_t *)args[1].data)[row];
        if (n <= 0 && nth)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "argument of nth_value must be greater than zero");
        leat_frame_segments(p, frames, call->frame.exclude, i, &segments);
        place = nth_place(&segments, n);
        pick[row] = place == NO_ROW ? NO_ROW : p->order[place];
    }
    return LEAT_OK;
}

/* Puts the third argument where the shifted row is outside the partition. */
static enum leat_status put_defaults(const struct leat_vector *from, const uint32_t *defaults,
                                     uint32_t count, struct leat_vector *out,
                                     struct leat_error *err)
{
    size_t width = leat_type_width(out->type);
    if (leat_type_is_nested(out->type))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "lag and lead with a default of this type");
    for (uint32_t i = 0; i < count; i++) {
        if (defaults[i] == NO_ROW || leat_vector_is_null(from, defaults[i]))
            continue;
        memcpy((char *)out->data + i * width, (const char *)from->data + defaults[i] * width,
               width);
        leat_validity_set(out->validity, i, true);
    }
    return LEAT_OK;
}

static enum leat_status fill_picked(const struct leat_window_call *call, const struct places *p,
                                    const struct leat_frames *frames,
                                    const struct leat_vector *args, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err)
{
    uint32_t *pick = leat_arena_alloc(arena, (size_t)p->count * sizeof(uint32_t) + 4);
    uint32_t *defaults = leat_arena_alloc(arena, (size_t)p->count * sizeof(uint32_t) + 4);
    const char *name = call->call.function->name;
    bool shifts = strcmp(name, "lag") == 0 || strcmp(name, "lead") == 0;

    if (!pick || !defaults)
        return leat_error_memory(err);
    LEAT_TRY(shifts ? pick_shifted(call, p, args, pick, defaults)
                    : pick_in_frame(call, p, frames, args, pick, err));
    LEAT_TRY(leat_window_gather(&args[0], pick, p->count, arena, out, err));
    if (shifts && call->call.arg_count == 3)
        return put_defaults(&args[2], defaults, p->count, out, err);
    return LEAT_OK;
}

/* --- the node --- */

static bool has_frame(const char *name)
{
    return strcmp(name, "first_value") == 0 || strcmp(name, "last_value") == 0 ||
           strcmp(name, "nth_value") == 0;
}

/* `args` are those of the call, then the frame's values, then the filter. */
static enum leat_status fill_call(struct leat_exec *exec, const struct leat_plan *plan,
                                  const struct leat_window_call *given, const struct places *p,
                                  const struct leat_vector *args, struct leat_arena *arena,
                                  struct leat_vector *out, struct leat_error *err)
{
    struct leat_window_call call = *given;
    const char *name = call.call.function->name;
    const struct leat_vector *filter = call.call.filter ? &args[call.call.arg_count] : NULL;
    struct leat_frames frames = {0};

    call.call.arg_count -= leat_frame_values(&call.frame);
    if (call.call.function->kind == LEAT_FUNCTION_AGGREGATE || has_frame(name))
        LEAT_TRY(leat_frames_find(exec, plan, &call.frame, p, args + call.call.arg_count, arena,
                                  &frames, err));
    if (call.call.function->kind == LEAT_FUNCTION_AGGREGATE)
        return leat_window_aggregate(exec, &call, p, &frames, args, filter, arena, out, err);
    LEAT_TRY(leat_vector_init(out, call.call.type, p->count, 0, arena, err));
    out->length = p->count;
    if (strcmp(name, "ntile") == 0)
        return fill_ntile(p, args, arena, out, err);
    if (call.call.arg_count == 0)
        return fill_place(exec, name, p, out, err);
    return fill_picked(&call, p, &frames, args, arena, out, err);
}

/* What a row needs beside itself: values of keys and arguments (twice, for a moment), places, keys
 * to sort by, results. */
static size_t bytes_beside(const struct leat_plan *plan)
{
    size_t keys = plan->window.key_count + plan->window.order_count;

    return expression_count(plan) * 32 + sizeof(uint32_t) * 8 + LEAT_SORT_BYTES(keys) +
           plan->window.call_count * 36;
}

static enum leat_status window_prepare(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_error *err)
{
    struct window_state *state = LEAT_NEW(&exec->arena, struct window_state);
    const struct leat_plan *plan = node->plan;
    const struct leat_schema *schemas[1] = {&plan->children[0]->schema};
    struct leat_vector *columns;
    struct places places = {0};
    uint32_t *order, width, at;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    leat_table_rows_init(&state->computed, exec->options->accountant);
    leat_arena_init(&state->arena, exec->options->accountant);
    node->state = state;
    LEAT_TRY(leat_spill_collect(exec, node, node->children[0], plan->window.partition_keys,
                                plan->window.key_count, bytes_beside(plan), &state->source.table,
                                &state->divided.inputs[0], err));
    if (state->divided.inputs[0]) {
        state->divided.input_count = 1;
        return leat_divided_plan(plan, schemas, &exec->arena, &state->divided.plan, err);
    }
    LEAT_TRY(compute_expressions(exec, plan, state, err));
    LEAT_TRY(sort_rows(exec, plan, state, &order, err));
    places.count = (uint32_t)state->source.table.length;
    places.order = order;
    LEAT_TRY(leat_places_find(exec, plan, state->computed.columns, &state->arena, &places, err));
    width = state->source.table.column_count;
    columns = LEAT_NEW_ARRAY(&state->arena, struct leat_vector, width + plan->window.call_count);
    if (!columns)
        return leat_error_memory(err);
    if (width)
        memcpy(columns, state->source.table.columns, width * sizeof(*columns));
    at = plan->window.key_count + plan->window.order_count;
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        const struct leat_window_call *call = &plan->window.calls[i];
        const struct leat_vector *args =
            state->computed.columns ? state->computed.columns + at : NULL;
        LEAT_TRY(
            fill_call(exec, plan, call, &places, args, &state->arena, &columns[width + i], err));
        at += call->call.arg_count + (call->call.filter != NULL);
    }
    state->source.table.columns = columns;
    state->source.table.column_count = width + plan->window.call_count;
    state->source.order = order;
    state->source.end = places.count;
    return LEAT_OK;
}

static void window_release(struct leat_node *node)
{
    struct window_state *state = node->state;

    leat_table_rows_release(&state->source.table);
    leat_table_rows_release(&state->computed);
    leat_arena_release(&state->arena);
    leat_divided_release(&state->divided);
}

static enum leat_status window_open(struct leat_exec *exec, struct leat_node *node,
                                    struct leat_operator **out, struct leat_error *err)
{
    struct window_state *state = node->state;

    if (state->divided.input_count > 0)
        return leat_divided_open(exec, &state->divided, out, err);
    return leat_table_source_open(exec, &state->source, out, err);
}

const struct leat_node_ops leat_window_node = {window_prepare, window_open, window_release};
