/*
 * Aggregates that keep all values: string_agg, array_agg, median, percentiles, mode.
 *
 * A state is a growing array in the arena: of bytes for string_agg, of values for the others (16
 * bytes each, long strings copied; nested values as vectors of one row). Percentiles sort when they
 * finish.
 */
#include "compute/kernels/aggregate_internal.h"

#include <math.h>

/* --- string_agg --- */

enum leat_status joined_append(struct joined *state, const void *bytes, size_t length,
                               struct leat_arena *arena, struct leat_error *err)
{
    if (state->capacity - state->length < length) {
        size_t capacity = (state->length + length) * 2 + 32;
        if (state->length + length > UINT32_MAX)
            return leat_error_set(err, LEAT_E_LIMIT, "an aggregate gives more than 4 GiB of text");
        char *grown = leat_arena_alloc(arena, capacity);
        if (!grown)
            return leat_error_memory(err);
        if (state->length)
            memcpy(grown, state->data, state->length);
        state->data = grown;
        state->capacity = capacity;
    }
    if (length)
        memcpy(state->data + state->length, bytes, length);
    state->length += length;
    return LEAT_OK;
}

static struct leat_text text_at(const struct leat_vector *vector, uint32_t row)
{
    const struct leat_vector *base;
    uint32_t at = leat_vector_locate(vector, row, &base);
    return leat_string_text(&((const struct leat_string *)base->data)[at]);
}

static enum leat_status joined_update(UPDATE_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        struct joined *state = STATE(struct joined, row);
        if (leat_vector_is_null(&args[0], row))
            continue;
        if (state->seen && call->arg_count > 1 && !leat_vector_is_null(&args[1], row)) {
            struct leat_text mark = text_at(&args[1], row);
            LEAT_TRY(joined_append(state, mark.data, mark.length, arena, err));
        }
        struct leat_text text = text_at(&args[0], row);
        LEAT_TRY(joined_append(state, text.data, text.length, arena, err));
        state->seen = true;
    }
    return LEAT_OK;
}

/* Separators vary by row, so the order of states matters; the operator merges in order, and only
 * where the separator is constant. */
static enum leat_status joined_merge(MERGE_ARGS)
{
    const struct joined *other = from;
    struct joined *state = into;
    if (!other->seen)
        return LEAT_OK;
    if (state->seen && call->arg_count > 1 && call->args[1]->kind == LEAT_EXPR_CONSTANT &&
        !call->args[1]->constant.is_null)
        LEAT_TRY(joined_append(state, call->args[1]->constant.text.data,
                               call->args[1]->constant.text.length, arena, err));
    LEAT_TRY(joined_append(state, other->data, other->length, arena, err));
    state->seen = true;
    return LEAT_OK;
}

static enum leat_status joined_finish(FINISH_ARGS)
{
    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        const struct joined *state = NTH(struct joined, i);
        uint32_t row = out->length++;
        ((struct leat_string *)out->data)[row] = leat_string_of(state->data, state->length);
        if (!state->seen)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
    }
    return LEAT_OK;
}

enum leat_status joined_put(PUT_ARGS)
{
    const struct joined *joined = state;
    (void)call;
    LEAT_TRY(leat_buffer_put_u8(out, joined->seen, err));
    return leat_buffer_put_bytes(out, joined->data, joined->length, err);
}

enum leat_status joined_read(READ_ARGS)
{
    struct joined *joined = state;
    struct leat_text text;
    uint8_t seen;
    (void)call;
    memset(joined, 0, sizeof(*joined));
    LEAT_TRY(leat_cursor_get_u8(cursor, &seen, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &text, err));
    joined->seen = seen != 0;
    return joined_append(joined, text.data, text.length, arena, err);
}

const struct leat_aggregate_ops aggregate_string_agg = {
    sizeof(struct joined), joined_update, joined_merge, joined_finish, joined_put, joined_read};

/* --- values kept --- */

/* Values are kept as one-row pieces of vectors: `data` for types of fixed width and strings. */
struct kept {
    uint8_t *data;  /* width bytes a value; struct leat_vector for nested types */
    uint8_t *nulls; /* a byte a value */
    uint32_t count;
    uint32_t capacity;
    double fraction; /* percentiles */
};

static size_t kept_width(const struct leat_type *type)
{
    return leat_type_is_nested(type) ? sizeof(struct leat_vector) : leat_type_width(type);
}

static enum leat_status kept_grow(struct kept *state, size_t width, struct leat_arena *arena,
                                  struct leat_error *err)
{
    uint32_t capacity = state->capacity ? state->capacity * 2 : 8;
    if (state->count < state->capacity)
        return LEAT_OK;
    if (state->capacity > UINT32_MAX / 4)
        return leat_error_set(err, LEAT_E_LIMIT, "too many values in one group");
    uint8_t *data = leat_arena_alloc(arena, (size_t)capacity * width + 1);
    uint8_t *nulls = leat_arena_alloc(arena, capacity);
    if (!data || !nulls)
        return leat_error_memory(err);
    if (state->count) {
        memcpy(data, state->data, state->count * width);
        memcpy(nulls, state->nulls, state->count);
    }
    state->data = data;
    state->nulls = nulls;
    state->capacity = capacity;
    return LEAT_OK;
}

static enum leat_status kept_add(struct kept *state, const struct leat_vector *arg, uint32_t row,
                                 struct leat_arena *arena, struct leat_error *err)
{
    size_t width = kept_width(arg->type);
    const struct leat_vector *base;
    uint32_t at;

    LEAT_TRY(kept_grow(state, width, arena, err));
    uint8_t *into = state->data + state->count * width;
    state->nulls[state->count] = leat_vector_is_null(arg, row);
    if (state->nulls[state->count++]) {
        memset(into, 0, width);
        return LEAT_OK;
    }
    at = leat_vector_locate(arg, row, &base);
    if (leat_type_is_nested(arg->type)) {
        struct leat_vector copy;
        LEAT_TRY(leat_vector_copy(base, at, 1, arena, &copy, err));
        memcpy(into, &copy, sizeof(copy));
        return LEAT_OK;
    }
    memcpy(into, (const uint8_t *)base->data + at * width, width);
    if (leat_type_is_string(arg->type)) {
        struct leat_string text;
        memcpy(&text, into, sizeof(text));
        if (text.length > LEAT_STRING_INLINE) {
            char *bytes = leat_arena_copy(arena, text.view.data, text.length);
            if (!bytes)
                return leat_error_memory(err);
            text = leat_string_of(bytes, text.length);
            memcpy(into, &text, sizeof(text));
        }
    }
    return LEAT_OK;
}

/* A FLAT vector over the kept values of a type that is not nested. */
static enum leat_status kept_vector(const struct kept *state, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    if (leat_type_is_nested(type)) {
        struct leat_vector *rows = LEAT_NEW_ARRAY(arena, struct leat_vector, state->count);
        if (!rows)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < state->count; i++) {
            if (state->nulls[i])
                rows[i] = (struct leat_vector){
                    .type = leat_type_get(LEAT_NULL), .form = LEAT_CONSTANT, .length = 1};
            else
                memcpy(&rows[i], state->data + i * sizeof(rows[i]), sizeof(rows[i]));
        }
        return kernel_concatenate(type, rows, state->count, arena, out, err);
    }
    *out = (struct leat_vector){
        .type = type, .form = LEAT_FLAT, .length = state->count, .data = state->data};
    for (uint32_t i = 0; i < state->count; i++) {
        if (state->nulls[i]) {
            LEAT_TRY(leat_vector_make_validity(out, state->count, arena, err));
            leat_validity_set(out->validity, i, false);
        }
    }
    return LEAT_OK;
}

static enum leat_status array_update(UPDATE_ARGS)
{
    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        LEAT_TRY(kept_add(STATE(struct kept, row), &args[0], row, arena, err));
    }
    return LEAT_OK;
}

/* Percentiles take no nulls; their arguments are the value and the fraction. */
static enum leat_status percentile_update(UPDATE_ARGS)
{
    const struct leat_vector *base;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        struct kept *state = STATE(struct kept, row);
        if (leat_vector_is_null(&args[0], row))
            continue;
        if (call->arg_count == 1) {
            state->fraction = 0.5;
        } else if (!leat_vector_is_null(&args[1], row)) {
            uint32_t at = leat_vector_locate(&args[1], row, &base);
            state->fraction = ((const double *)base->data)[at];
            if (!(state->fraction >= 0 && state->fraction <= 1))
                return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                      "percentile value %g is not between 0 and 1",
                                      state->fraction);
        }
        LEAT_TRY(kept_add(state, &args[0], row, arena, err));
    }
    return LEAT_OK;
}

static const struct leat_type *kept_type(const struct leat_aggregate *call)
{
    return call->args[0]->type;
}

static enum leat_status kept_merge(MERGE_ARGS)
{
    const struct kept *other = from;
    struct leat_vector values;
    if (other->count == 0)
        return LEAT_OK;
    ((struct kept *)into)->fraction = other->fraction;
    LEAT_TRY(kept_vector(other, kept_type(call), arena, &values, err));
    for (uint32_t i = 0; i < other->count; i++)
        LEAT_TRY(kept_add(into, &values, i, arena, err));
    return LEAT_OK;
}

static enum leat_status kept_put(PUT_ARGS)
{
    const struct kept *kept = state;
    struct leat_arena scratch;
    struct leat_vector values;
    enum leat_status status;

    LEAT_TRY(leat_buffer_put_u32(out, kept->count, err));
    LEAT_TRY(leat_buffer_put_double(out, kept->fraction, err));
    if (kept->count == 0)
        return LEAT_OK;
    leat_arena_init(&scratch, NULL);
    status = kept_vector(kept, kept_type(call), &scratch, &values, err);
    if (!status) {
        struct leat_batch batch = {1, kept->count, &values};
        status = leat_batch_put(&batch, out, err);
    }
    leat_arena_release(&scratch);
    return status;
}

static enum leat_status kept_read(READ_ARGS)
{
    struct leat_field field = {.name = "value", .type = kept_type(call)};
    struct leat_schema schema = {1, &field};
    struct kept *kept = state;
    struct leat_batch batch;
    uint32_t count;
    double fraction;

    memset(kept, 0, sizeof(*kept));
    LEAT_TRY(leat_cursor_get_u32(cursor, &count, err));
    LEAT_TRY(leat_cursor_get_double(cursor, &fraction, err));
    kept->fraction = fraction;
    if (count == 0)
        return LEAT_OK;
    LEAT_TRY(leat_batch_read(cursor, &schema, arena, &batch, err));
    for (uint32_t i = 0; i < batch.length; i++)
        LEAT_TRY(kept_add(kept, &batch.columns[0], i, arena, err));
    return LEAT_OK;
}

static enum leat_status array_finish(FINISH_ARGS)
{
    struct leat_vector *pieces = LEAT_NEW_ARRAY(arena, struct leat_vector, count + 1);
    struct leat_vector *whole = &out->children[0];
    uint32_t base = whole->length, total = base;
    const struct leat_type *type = call->type->fields[0].type;

    if (!pieces)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        total += NTH(struct kept, i)->count;
    /* earlier items (finish may be called for pieces) and the new ones, row by row */
    struct leat_vector *rows = LEAT_NEW_ARRAY(arena, struct leat_vector, total);
    if (!rows)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < base; i++)
        LEAT_TRY(leat_vector_slice(whole, i, 1, arena, &rows[i], err));
    uint32_t filled = base;
    for (uint32_t i = 0; i < count; i++) {
        const struct kept *state = NTH(struct kept, i);
        uint32_t row = out->length++;
        ((struct leat_list_entry *)out->data)[row] = (struct leat_list_entry){filled, state->count};
        if (state->count == 0) {
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
            continue;
        }
        LEAT_TRY(kept_vector(state, type, arena, &pieces[i], err));
        for (uint32_t k = 0; k < state->count; k++)
            LEAT_TRY(leat_vector_slice(&pieces[i], k, 1, arena, &rows[filled++], err));
    }
    return kernel_concatenate(type, rows, filled, arena, whole, err);
}

const struct leat_aggregate_ops aggregate_array_agg = {
    sizeof(struct kept), array_update, kept_merge, array_finish, kept_put, kept_read};

/* --- percentiles --- */

/* Merge sort of row numbers by value: stable, without a global comparison context. */
static void sort_rows(const struct leat_vector *values, uint32_t *rows, uint32_t *spare,
                      uint32_t count)
{
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t start = 0; start < count; start += 2 * width) {
            uint32_t middle = start + width < count ? start + width : count;
            uint32_t end = middle + width < count ? middle + width : count;
            uint32_t a = start, b = middle, to = start;
            while (a < middle && b < end)
                spare[to++] = leat_vector_compare(values, rows[a], values, rows[b]) <= 0
                                  ? rows[a++]
                                  : rows[b++];
            while (a < middle)
                spare[to++] = rows[a++];
            while (b < end)
                spare[to++] = rows[b++];
        }
        memcpy(rows, spare, count * sizeof(uint32_t));
    }
}

static enum leat_status sorted(const struct kept *state, const struct leat_type *type,
                               struct leat_arena *arena, struct leat_vector *values,
                               uint32_t **rows, struct leat_error *err)
{
    uint32_t *spare = leat_arena_alloc(arena, (size_t)state->count * sizeof(uint32_t) + 4);
    *rows = leat_arena_alloc(arena, (size_t)state->count * sizeof(uint32_t) + 4);
    if (!spare || !*rows)
        return leat_error_memory(err);
    LEAT_TRY(kept_vector(state, type, arena, values, err));
    for (uint32_t i = 0; i < state->count; i++)
        (*rows)[i] = i;
    sort_rows(values, *rows, spare, state->count);
    return LEAT_OK;
}

/* Row of percentile_disc: the first whose share is at least the fraction. */
static uint32_t discrete_row(double fraction, uint32_t count)
{
    double place = ceil(fraction * count);
    return place < 1 ? 0 : (uint32_t)place - 1;
}

static uint32_t longest_run(const struct leat_vector *values, const uint32_t *rows, uint32_t count)
{
    uint32_t best = 0, best_length = 0, start = 0;
    for (uint32_t i = 1; i <= count; i++) {
        if (i < count && leat_vector_compare(values, rows[i], values, rows[start]) == 0)
            continue;
        if (i - start > best_length) {
            best_length = i - start;
            best = start;
        }
        start = i;
    }
    return best;
}

static enum leat_status percentile_finish(FINISH_ARGS)
{
    const char *name = call->function->name;
    const struct leat_type *type = kept_type(call);
    bool continuous = strcmp(name, "percentile_cont") == 0 || strcmp(name, "median") == 0;
    size_t width = leat_type_width(call->type);

    for (uint32_t i = 0; i < count; i++) {
        const struct kept *state = NTH(struct kept, i);
        struct leat_vector values;
        uint32_t row = out->length++, *rows;
        if (state->count == 0) {
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
            continue;
        }
        LEAT_TRY(sorted(state, type, arena, &values, &rows, err));
        if (continuous) {
            const double *reals = values.data;
            double place = state->fraction * (state->count - 1);
            uint32_t low = (uint32_t)floor(place), high = (uint32_t)ceil(place);
            double a = reals[rows[low]], b = reals[rows[high]];
            ((double *)out->data)[row] = low == high ? a : a + (place - low) * (b - a);
            continue;
        }
        uint32_t chosen = strcmp(name, "mode") == 0 ? longest_run(&values, rows, state->count)
                                                    : discrete_row(state->fraction, state->count);
        memcpy((char *)out->data + row * width, (const char *)values.data + rows[chosen] * width,
               width);
    }
    return LEAT_OK;
}

const struct leat_aggregate_ops aggregate_percentile = {
    sizeof(struct kept), percentile_update, kept_merge, percentile_finish, kept_put, kept_read};
