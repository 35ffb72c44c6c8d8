/* From groups to columns. */
#include "compute/exec/aggregate_internal.h"

#include <stdlib.h>

/* --- keys that are lists: kept as JSON (key_rows.c), read back as array literals --- */

/* A JSON string behind its quote; *at ends behind the closing one. */
static enum leat_status put_json_string(const char *s, size_t length, size_t *at,
                                        struct leat_buffer *out, struct leat_error *err)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    while (*at < length && s[*at] != '"') {
        char c = s[(*at)++];
        if (c == '\\' && *at < length) {
            const char *letter = strchr(letters, s[*at]);
            c = letter && s[*at] ? meant[letter - letters] : s[*at];
            if (s[*at] == 'u' && *at + 4 < length) { /* only control characters are so written */
                c = (char)strtol((char[]){s[*at + 3], s[*at + 4], 0}, NULL, 16);
                *at += 4;
            }
            (*at)++;
        }
        if (c == '"' || c == '\\')
            LEAT_TRY(leat_buffer_append_byte(out, '\\', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)c, err));
    }
    (*at)++;
    return leat_buffer_append_byte(out, '"', err);
}

static enum leat_status put_literal(struct leat_text json, struct leat_buffer *out,
                                    struct leat_error *err)
{
    const char *s = json.data;

    for (size_t at = 0; at < json.length;) {
        char c = s[at++];
        if (c == '"')
            LEAT_TRY(put_json_string(s, json.length, &at, out, err));
        else
            LEAT_TRY(leat_buffer_append_byte(out,
                                             c == '['   ? '{'
                                             : c == ']' ? '}'
                                                        : (uint8_t)c,
                                             err));
    }
    return LEAT_OK;
}

static enum leat_status read_list(struct leat_text json, const struct leat_type *type,
                                  struct leat_buffer *text, struct leat_arena *arena,
                                  struct leat_vector *out, struct leat_error *err)
{
    struct leat_value value;
    char *copy;

    text->length = 0;
    LEAT_TRY(put_literal(json, text, err));
    copy = leat_arena_copy(arena, text->data, text->length); /* strings of the value lie in it */
    if (!copy)
        return leat_error_memory(err);
    LEAT_TRY(leat_value_parse((struct leat_text){copy, text->length}, type, arena, &value, err));
    *out = *value.nested;
    return LEAT_OK;
}

static enum leat_status list_column(const struct leat_group_range *range, uint32_t k,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    const struct leat_groups *groups = range->groups;
    const struct leat_key_layout *layout = groups->layout;
    const struct leat_type *type = layout->types[k];
    struct leat_vector *rows = LEAT_NEW_ARRAY(arena, struct leat_vector, range->count);
    const struct leat_vector **items =
        LEAT_NEW_ARRAY(arena, const struct leat_vector *, range->count);
    uint32_t *lengths = LEAT_NEW_ARRAY(arena, uint32_t, range->count);
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    if (!rows || !items || !lengths)
        return leat_error_memory(err);
    leat_buffer_init(&text, 0);
    for (uint32_t g = 0; g < range->count && status == LEAT_OK; g++) {
        const uint8_t *row = groups->keys + (size_t)(range->start + g) * layout->width;
        struct leat_string string;
        uint64_t nulls;
        memcpy(&nulls, row, 8);
        memcpy(&string, row + layout->offsets[k], sizeof(string));
        status = nulls >> k & 1
                     ? read_list(leat_text_of("[]"), type, &text, arena, &rows[g], err)
                     : read_list(leat_string_text(&string), type, &text, arena, &rows[g], err);
        items[g] = &rows[g];
        lengths[g] = 1;
    }
    leat_buffer_release(&text);
    if (status == LEAT_OK)
        status = leat_vectors_join(items, lengths, range->count, type, arena, out, err);
    for (uint32_t g = 0; g < range->count && status == LEAT_OK; g++) {
        uint64_t nulls;
        memcpy(&nulls, groups->keys + (size_t)(range->start + g) * layout->width, 8);
        if (!(nulls >> k & 1))
            continue;
        status = leat_vector_make_validity(out, range->count, arena, err);
        if (status == LEAT_OK)
            leat_validity_set(out->validity, g, false);
    }
    return status;
}

/* A list, of lists or not, of values that have a text form. */
static bool is_plain_list(const struct leat_type *type)
{
    if (type->id != LEAT_LIST)
        return false;
    while (type->id == LEAT_LIST)
        type = type->fields[0].type;
    return !leat_type_is_nested(type) && type->id != LEAT_NULL;
}

static enum leat_status key_column(const struct leat_group_range *range, uint32_t k,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    const struct leat_groups *groups = range->groups;
    const struct leat_key_layout *layout = groups->layout;
    const struct leat_type *type = layout->types[k];
    size_t width = leat_type_width(type);
    double real;

    if (is_plain_list(type) && range->count > 0)
        return list_column(range, k, arena, out, err);
    if (leat_type_is_nested(type) && !is_plain_list(type))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "grouping by structs or maps");
    LEAT_TRY(leat_vector_init(out, type, range->count + 1, 0, arena, err));
    out->length = range->count;
    for (uint32_t g = 0; g < range->count; g++) {
        const uint8_t *row = groups->keys + (size_t)(range->start + g) * layout->width;
        const uint8_t *slot = row + layout->offsets[k];
        uint64_t nulls;
        memcpy(&nulls, row, 8);
        if (nulls >> k & 1) {
            LEAT_TRY(leat_vector_make_validity(out, range->count, arena, err));
            leat_validity_set(out->validity, g, false);
        }
        if (type->id == LEAT_FLOAT) { /* kept as the bits of a double */
            memcpy(&real, slot, 8);
            ((float *)out->data)[g] = (float)real;
        } else if (width > 0) {
            memcpy((char *)out->data + g * width, slot, width);
        }
    }
    return LEAT_OK;
}

static enum leat_status state_column(const struct leat_aggregate_state *state,
                                     const struct leat_call_info *info,
                                     const struct leat_group_range *range, struct leat_arena *arena,
                                     struct leat_vector *out, struct leat_error *err)
{
    const uint8_t *states =
        range->groups->states + range->start * state->state_stride + info->offset;
    struct leat_buffer bytes;
    enum leat_status status = LEAT_OK;

    LEAT_TRY(leat_vector_init(out, leat_type_get(LEAT_BYTES), range->count + 1, 0, arena, err));
    out->length = range->count;
    leat_buffer_init(&bytes, 0);
    for (uint32_t g = 0; g < range->count && status == LEAT_OK; g++) {
        char *copy = NULL;
        bytes.length = 0;
        status = info->ops->put(info->call, states + g * state->state_stride, &bytes, err);
        if (status == LEAT_OK)
            copy = leat_arena_copy(arena, bytes.data, bytes.length);
        if (status == LEAT_OK && !copy)
            status = leat_error_memory(err);
        if (status == LEAT_OK)
            ((struct leat_string *)out->data)[g] = leat_string_of(copy, bytes.length);
    }
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status call_column(const struct leat_aggregate_state *state,
                                    const struct leat_call_info *info,
                                    const struct leat_group_range *range, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err)
{
    LEAT_TRY(
        leat_vector_init(out, info->call->type, range->count + 1, range->count + 1, arena, err));
    return info->ops->finish(
        info->call, range->groups->states + range->start * state->state_stride + info->offset,
        state->state_stride, range->count, out, arena, err);
}

/* Keys, then results or states. */
enum leat_status leat_group_columns(const struct leat_plan *plan,
                                    const struct leat_aggregate_state *state,
                                    const struct leat_group_range *range, bool partial,
                                    struct leat_arena *arena, struct leat_vector *columns,
                                    struct leat_error *err)
{
    uint32_t keys = plan->aggregate.key_count;

    for (uint32_t k = 0; k < keys; k++)
        LEAT_TRY(key_column(range, k, arena, &columns[k], err));
    for (uint32_t c = 0; c < plan->aggregate.call_count; c++)
        LEAT_TRY((partial ? state_column : call_column)(state, &state->calls[c], range, arena,
                                                        &columns[keys + c], err));
    return LEAT_OK;
}

enum leat_status leat_aggregate_result(const struct leat_plan *plan,
                                       struct leat_aggregate_state *state,
                                       struct leat_groups *groups, struct leat_error *err)
{
    struct leat_table_rows *table = &state->source.table;
    struct leat_group_range all = {groups, 0, 0};

    if (plan->aggregate.key_count == 0 &&
        groups->count == 0) { /* without GROUP BY there is always one row */
        LEAT_TRY(leat_groups_grow(groups, err));
        groups->count = 1;
    }
    table->column_count = plan->schema.count;
    table->columns = LEAT_NEW_ARRAY(&table->arena, struct leat_vector, plan->schema.count);
    if (!table->columns)
        return leat_error_memory(err);
    all.count = groups->count;
    LEAT_TRY(leat_group_columns(plan, state, &all, plan->aggregate.mode == LEAT_AGGREGATE_PARTIAL,
                                &table->arena, table->columns, err));
    table->length = groups->count;
    leat_arena_adopt(&table->arena, &groups->arena);
    state->source.end = table->length;
    return LEAT_OK;
}
