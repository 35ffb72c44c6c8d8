/* json_agg, json_object_agg and their jsonb forms: the state is the text so far. */
#include "compute/kernels/aggregate_internal.h"
#include "compute/kernels/json_internal.h"

/* What PostgreSQL writes between: rows and arrays begin a new line. */
static enum leat_status separate(const struct leat_aggregate *call, struct joined *state,
                                 struct leat_arena *arena, struct leat_error *err)
{
    enum leat_type_id id = call->args[0]->type->id;
    bool line = call->arg_count == 1 && (id == LEAT_LIST || id == LEAT_STRUCT);

    return joined_append(state, line ? ", \n " : ", ", line ? 4 : 2, arena, err);
}

static enum leat_status put_row(const struct leat_aggregate *call, const struct leat_vector *args,
                                uint32_t row, struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *value = &args[call->arg_count - 1];

    out->length = 0;
    if (call->arg_count == 2) {
        LEAT_TRY(json_append_key(&args[0], row, out, err));
        LEAT_TRY(leat_buffer_append_string(out, " : ", err));
    }
    return leat_vector_is_null(value, row) ? leat_buffer_append_string(out, "null", err)
                                           : leat_vector_print_json(value, row, out, err);
}

static enum leat_status json_update(UPDATE_ARGS)
{
    struct leat_buffer out;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&out, JSON_MAXIMUM_BYTES);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        uint32_t row = TAKEN(i);
        struct joined *state = STATE(struct joined, row);
        status = put_row(call, args, row, &out, err);
        if (status == LEAT_OK && state->seen)
            status = separate(call, state, arena, err);
        if (status == LEAT_OK)
            status = joined_append(state, out.data, out.length, arena, err);
        state->seen = true;
    }
    leat_buffer_release(&out);
    return status;
}

static enum leat_status json_merge(MERGE_ARGS)
{
    const struct joined *other = from;
    struct joined *state = into;

    if (!other->seen)
        return LEAT_OK;
    if (state->seen)
        LEAT_TRY(separate(call, state, arena, err));
    state->seen = true;
    return joined_append(state, other->data, other->length, arena, err);
}

/* The whole text, in jsonb's form if that is asked for. */
static enum leat_status finish_text(const struct leat_aggregate *call, const struct joined *state,
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
        const struct joined *state = NTH(struct joined, i);
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

const struct leat_aggregate_ops aggregate_json = {sizeof(struct joined), json_update, json_merge,
                                                  json_finish,           joined_put,  joined_read};
