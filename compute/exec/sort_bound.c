/* Top rows: once a thread has as many as are wanted, the first key of the last of them says which
 * further rows cannot be among the first. Rows with the same first key are taken, since other keys
 * decide. */
#include "compute/exec/key_index.h"
#include "compute/exec/sort_internal.h"

static bool has_plain_order(const struct leat_type *type)
{
    return leat_key_index_takes(type) || type->id == LEAT_TEXT;
}

void leat_top_bound_release(struct leat_top_bound *bound)
{
    leat_arena_release(&bound->arena);
}

enum leat_status leat_top_bound_set(struct leat_top_bound *bound, const struct leat_sort_key *keys,
                                    uint32_t key_count, const struct leat_table_rows *table,
                                    uint32_t row, struct leat_error *err)
{
    bound->count = 0;
    leat_arena_reset(&bound->arena);
    for (uint32_t k = 0; k < key_count && k < LEAT_BOUND_KEYS; k++) {
        const struct leat_expr *expr = keys[k].expr;
        if (expr->kind != LEAT_EXPR_COLUMN || !has_plain_order(expr->type) ||
            leat_vector_is_null(&table->columns[expr->column], row))
            return LEAT_OK;
        LEAT_TRY(leat_vector_copy(&table->columns[expr->column], row, 1, &bound->arena,
                                  &bound->values[k], err));
        bound->count = k + 1;
    }
    return LEAT_OK;
}

#define TAKE(type, worse)                                                                          \
    do {                                                                                           \
        const type *values = base->data;                                                           \
        const type limit = *(const type *)bound->values[0].data;                                   \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            const type value = values[codes ? codes[i] : constant ? 0 : i];                        \
            out[taken] = i;                                                                        \
            taken += !(worse);                                                                     \
        }                                                                                          \
    } while (0)
#define TAKE_NUMBERS(type)                                                                         \
    do {                                                                                           \
        if (descending)                                                                            \
            TAKE(type, value < limit);                                                             \
        else                                                                                       \
            TAKE(type, value > limit);                                                             \
    } while (0)

/* Rows that are not behind the bound; the key has no nulls. */
static uint32_t take(const struct leat_top_bound *bound, const struct leat_vector *key,
                     bool descending, uint32_t count, uint32_t *out)
{
    const struct leat_vector *base = key->form == LEAT_DICTIONARY ? key->dictionary : key;
    const uint32_t *codes = key->form == LEAT_DICTIONARY ? key->codes : NULL;
    bool constant = key->form == LEAT_CONSTANT;
    uint32_t taken = 0;

    switch (key->type->id) {
    case LEAT_INT8:
        TAKE_NUMBERS(int8_t);
        break;
    case LEAT_INT16:
        TAKE_NUMBERS(int16_t);
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        TAKE_NUMBERS(int32_t);
        break;
    case LEAT_TEXT:
        if (descending)
            TAKE(struct leat_string, leat_string_compare(&value, &limit) < 0);
        else
            TAKE(struct leat_string, leat_string_compare(&value, &limit) > 0);
        break;
    default:
        TAKE_NUMBERS(int64_t);
    }
    return taken;
}

/* Whether the row is behind the bound by keys behind the first, which is equal. */
static bool is_behind(const struct leat_top_bound *bound, const struct leat_sort_key *keys,
                      const struct leat_batch *batch, uint32_t row)
{
    for (uint32_t k = 0; k < bound->count; k++) {
        const struct leat_vector *key = &batch->columns[keys[k].expr->column];
        int order;
        if (leat_vector_is_null(key, row))
            return false;
        order = leat_vector_compare(key, row, &bound->values[k], 0);
        if (order != 0)
            return keys[k].descending ? order < 0 : order > 0;
    }
    return false;
}

enum leat_status leat_top_bound_append(const struct leat_top_bound *bound,
                                       const struct leat_sort_key *keys,
                                       const struct leat_batch *batch, struct leat_rows *rows,
                                       struct leat_error *err)
{
    uint32_t selection[LEAT_BATCH_ROWS], taken = 0, count;
    struct leat_batch chosen = *batch;
    const struct leat_vector *first;
    struct leat_arena arena;
    enum leat_status status = LEAT_OK;

    if (bound->count == 0 || batch->length > LEAT_BATCH_ROWS)
        return leat_rows_append(rows, batch, err);
    first = &batch->columns[keys[0].expr->column];
    if (leat_vector_may_be_null(first))
        return leat_rows_append(rows, batch, err);
    count = take(bound, first, keys[0].descending, batch->length, selection);
    for (uint32_t i = 0; i < count; i++) {
        selection[taken] = selection[i];
        taken += bound->count == 1 || !is_behind(bound, keys, batch, selection[i]);
    }
    if (taken == 0)
        return LEAT_OK;
    if (taken == batch->length)
        return leat_rows_append(rows, batch, err);
    leat_arena_init(&arena, NULL);
    chosen.length = taken;
    chosen.columns = LEAT_NEW_ARRAY(&arena, struct leat_vector, batch->column_count);
    if (!chosen.columns)
        status = leat_error_memory(err);
    for (uint32_t c = 0; c < batch->column_count && status == LEAT_OK; c++)
        status = leat_vector_select(&batch->columns[c], selection, taken, &arena,
                                    &chosen.columns[c], err);
    if (status == LEAT_OK)
        status = leat_rows_append(rows, &chosen, err);
    leat_arena_release(&arena);
    return status;
}
