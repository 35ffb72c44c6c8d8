/* json_agg, json_object_agg and their jsonb forms: the state is the text so far. */
#include "compute/kernels/aggregate_internal.h"
#include "compute/kernels/json_internal.h"

struct text {
    char *data;
    size_t length, capacity;
    bool seen;
};

static enum leat_status append(struct text *state, const void *bytes, size_t length,
                               struct leat_arena *arena, struct leat_error *err)
{
    if (state->capacity - state->length < length) {
        size_t capacity = (state->length + length) * 2 + 32;
        char *grown;
        if (state->length + length > UINT32_MAX)
            return leat_error_set(err, LEAT_E_LIMIT, "JSON of more than 4 GiB");
        grown = leat_arena_alloc(arena, capacity);
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

/* What PostgreSQL writes between: rows and arrays begin a new line. */
static enum leat_status separate(const struct leat_aggregate *call, struct text *state,
                                 struct leat_arena *arena, struct leat_error *err)
{
    enum leat_type_id id = call->args[0]->type->id;
    bool line = call->arg_count == 1 && (id == LEAT_LIST || id == LEAT_STRUCT);

    return append(state, line ? ", \n " : ", ", line ? 4 : 2, arena, err);
}

static enum leat_status put_key(const struct leat_vector *vector, uint32_t row,
                                struct leat_buffer *plain, struct leat_buffer *out,
                                struct leat_error *err)
{
    if (leat_vector_is_null(vector, row))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "a key of JSON must not be null");
    plain->length = 0;
    LEAT_TRY(vector->type->id == LEAT_BOOLEAN ? leat_vector_print_json(vector, row, plain, err)
                                              : leat_vector_print(vector, row, plain, err));
    LEAT_TRY(leat_json_string_append((const char *)plain->data, plain->length, out, err));
    return leat_buffer_append_string(out, " : ", err);
}

static enum leat_status put_row(const struct leat_aggregate *call, const struct leat_vector *args,
                                uint32_t row, struct leat_buffer *plain, struct leat_buffer *out,
                                struct leat_error *err)
{
    const struct leat_vector *value = &args[call->arg_count - 1];

    out->length = 0;
    if (call->arg_count == 2)
        LEAT_TRY(put_key(&args[0], row, plain, out, err));
    return leat_vector_is_null(value, row) ? leat_buffer_append_string(out, "null", err)
                                           : leat_vector_print_json(value, row, out, err);
}

static enum leat_status json_update(UPDATE_ARGS)
{
    struct leat_buffer plain, out;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&plain, JSON_MAXIMUM_BYTES);
    leat_buffer_init(&out, JSON_MAXIMUM_BYTES);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        uint32_t row = TAKEN(i);
        struct text *state = STATE(struct text, row);
        status = put_row(call, args, row, &plain, &out, err);
        if (status == LEAT_OK && state->seen)
            status = separate(call, state, arena, err);
        if (status == LEAT_OK)
            status = append(state, out.data, out.length, arena, err);
        state->seen = true;
    }
    leat_buffer_release(&plain);
    leat_buffer_release(&out);
    return status;
}

static enum leat_status json_merge(MERGE_ARGS)
{
    const struct text *other = from;
    struct text *state = into;

    if (!other->seen)
        return LEAT_OK;
    if (state->seen)
        LEAT_TRY(separate(call, state, arena, err));
    state->seen = true;
    return append(state, other->data, other->length, arena, err);
}

/* The whole text, in jsonb's form if that is asked for. */
static enum leat_status finish_text(const struct leat_aggregate *call, const struct text *state,
                                    struct leat_buffer *whole, struct leat_buffer *form,
                                    struct leat_error *err)
{
    bool object = call->arg_count == 2;

    whole->length = form->length = 0;
    LEAT_TRY(leat_buffer_append_string(whole, object ? "{ " : "[", err));
    LEAT_TRY(leat_buffer_append(whole, state->data, state->length, err));
    LEAT_TRY(leat_buffer_append_string(whole, object ? " }" : "]", err));
    if (strncmp(call->function->name, "jsonb", 5) != 0)
        return leat_buffer_append(form, whole->data, whole->length, err);
    return json_append_canonical((struct leat_text){(const char *)whole->data, whole->length}, form,
                                 err);
}

static enum leat_status json_finish(FINISH_ARGS)
{
    struct leat_buffer whole, form;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&whole, JSON_MAXIMUM_BYTES);
    leat_buffer_init(&form, JSON_MAXIMUM_BYTES);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        const struct text *state = NTH(struct text, i);
        uint32_t row = out->length++;
        const char *copy;
        ((struct leat_string *)out->data)[row] = (struct leat_string){0};
        if (!state->seen) {
            status = aggregate_null(out, row, row + count - i, arena, err);
            continue;
        }
        status = finish_text(call, state, &whole, &form, err);
        copy = status == LEAT_OK ? leat_arena_copy(arena, form.data, form.length) : NULL;
        if (copy)
            ((struct leat_string *)out->data)[row] = leat_string_of(copy, form.length);
        else if (status == LEAT_OK)
            status = leat_error_memory(err);
    }
    leat_buffer_release(&whole);
    leat_buffer_release(&form);
    return status;
}

static enum leat_status json_put(PUT_ARGS)
{
    const struct text *text = state;
    (void)call;
    LEAT_TRY(leat_buffer_put_u8(out, text->seen, err));
    return leat_buffer_put_bytes(out, text->data, text->length, err);
}

static enum leat_status json_read(READ_ARGS)
{
    struct text *text = state;
    struct leat_text bytes;
    uint8_t seen;
    (void)call;
    memset(text, 0, sizeof(*text));
    LEAT_TRY(leat_cursor_get_u8(cursor, &seen, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &bytes, err));
    text->seen = seen != 0;
    return append(text, bytes.data, bytes.length, arena, err);
}

const struct leat_aggregate_ops aggregate_json = {sizeof(struct text), json_update, json_merge,
                                                  json_finish,         json_put,    json_read};
