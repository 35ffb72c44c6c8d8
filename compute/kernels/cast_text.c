/*
 * Casts to and from text. Common types have a fast path through the number and date parsers; what
 * those refuse goes to leat_value_parse, which knows every form PostgreSQL reads and words the
 * error.
 */
#include "compute/kernels/cast_internal.h"

/* --- to text --- */

enum leat_status cast_to_text(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    const struct leat_vector *arg = &call->args[0];
    bool json = call->type->id == LEAT_JSON;
    enum leat_status status = LEAT_OK;
    struct leat_buffer text;

    leat_buffer_init(&text, 0);
    FOR_VALID(call, i)
    {
        text.length = 0;
        if (json)
            status = leat_vector_print_json(arg, i, &text, err);
        else if (arg->type->id == LEAT_BOOLEAN)
            status =
                leat_buffer_append_string(&text, ARG(uint8_t, call, 0, i) ? "true" : "false", err);
        else
            status = leat_vector_print(arg, i, &text, err);
        if (!status)
            status = kernel_set_text(call, i, (const char *)text.data, text.length, err);
        if (status)
            break;
    }
    leat_buffer_release(&text);
    return status;
}

/* --- from text --- */

static struct leat_text trimmed(struct leat_text text)
{
    while (text.length && (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r'))) {
        text.data++;
        text.length--;
    }
    while (text.length &&
           (text.data[text.length - 1] == ' ' ||
            (text.data[text.length - 1] >= '\t' && text.data[text.length - 1] <= '\r')))
        text.length--;
    return text;
}

/* The fast path; false: try the long way. */
static bool parse_fast(struct leat_text text, struct leat_vector *out, uint32_t i)
{
    int64_t integer;
    leat_int128 decimal;
    text = trimmed(text);
    switch (out->type->id) {
    case LEAT_INT32:
        if (!leat_parse_int64(text.data, text.length, &integer) || integer < INT32_MIN ||
            integer > INT32_MAX)
            return false;
        ((int32_t *)out->data)[i] = (int32_t)integer;
        return true;
    case LEAT_INT64:
        return leat_parse_int64(text.data, text.length, &((int64_t *)out->data)[i]);
    case LEAT_DOUBLE:
        return leat_parse_double(text.data, text.length, &((double *)out->data)[i]);
    case LEAT_DECIMAL:
        if (!leat_parse_decimal(text.data, text.length, out->type->precision, out->type->scale,
                                &decimal))
            return false;
        decimal_store(out, i, decimal);
        return true;
    case LEAT_DATE:
        return leat_parse_date(text.data, text.length, &((int32_t *)out->data)[i]);
    default:
        return false;
    }
}

static enum leat_status store_value(struct cast *cast, const struct leat_value *value, uint32_t i,
                                    struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    struct leat_vector one;

    LEAT_TRY(leat_value_to_vector(value, 1, call->arena, &one, err));
    memcpy((char *)call->out->data + (size_t)i * leat_type_width(call->type), one.data,
           leat_type_width(call->type));
    return LEAT_OK;
}

/* Nested results: values are gathered in one vector of all rows by appending children. */
static enum leat_status nested_from_text(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    struct leat_vector *rows = LEAT_NEW_ARRAY(call->arena, struct leat_vector, call->count);
    struct leat_value value;

    if (!rows)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        struct leat_value null = {.type = call->type, .is_null = true};
        value = null;
        if (leat_validity_get(call->out->validity, i)) {
            struct leat_text text = leat_string_text(&ARG(struct leat_string, call, 0, i));
            struct leat_error failure;
            enum leat_status status =
                leat_value_parse(text, call->type, call->arena, &value, &failure);
            if (status && (!cast->soft || status == LEAT_NO_MEMORY)) {
                if (err)
                    *err = failure;
                return status;
            }
            if (status)
                value = null;
        }
        LEAT_TRY(leat_value_to_vector(&value, 1, call->arena, &rows[i], err));
    }
    return kernel_concatenate(call->type, rows, call->count, call->arena, call->out, err);
}

enum leat_status cast_from_text(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;

    if (leat_type_is_nested(call->type))
        return nested_from_text(cast, err);
    FOR_VALID(call, i)
    {
        struct leat_text text = leat_string_text(&ARG(struct leat_string, call, 0, i));
        struct leat_value value;
        struct leat_error failure;
        enum leat_status status;

        if (parse_fast(text, call->out, i))
            continue;
        status = leat_value_parse(text, call->type, call->arena, &value, &failure);
        if (status == LEAT_OK) {
            LEAT_TRY(store_value(cast, &value, i, err));
        } else if (cast->soft && status != LEAT_NO_MEMORY) {
            LEAT_TRY(kernel_set_null(call, i, err));
        } else {
            if (err)
                *err = failure;
            return status;
        }
    }
    return LEAT_OK;
}
