/* From groups to columns. */
#include "compute/exec/aggregate_internal.h"

static enum leat_status key_column(const struct leat_group_range *range, uint32_t k,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    const struct leat_groups *groups = range->groups;
    const struct leat_key_layout *layout = groups->layout;
    const struct leat_type *type = layout->types[k];
    size_t width = leat_type_width(type);
    double real;

    if (leat_type_is_nested(type))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "grouping by lists, structs or maps");
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
