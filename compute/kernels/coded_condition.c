/* Conditions on one column whose values come as codes of a dictionary that lasts: the condition is
 * evaluated once for each entry, and rows are then chosen by looking up their codes. A dictionary
 * is known again by its identity. Only conditions that cannot fail are judged this way, since
 * entries may belong to no row. */
#include "compute/kernels/evaluator_internal.h"

enum { ENTRIES_MOST = LEAT_LASTING_DICTIONARY };

struct coded_condition {
    bool usable;
    uint32_t column;
    uint64_t identity; /* of the dictionary that `matches` is about; 0: none yet */
    uint8_t *matches;
    uint32_t capacity;
};

/* True if the expression uses no other column than *column (UINT32_MAX: none so far). */
static bool uses_one_column(const struct leat_expr *expr, uint32_t *column)
{
    if (expr->kind == LEAT_EXPR_COLUMN) {
        if (*column != UINT32_MAX && *column != expr->column)
            return false;
        *column = expr->column;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!uses_one_column(expr->args[i], column))
            return false;
    return true;
}

static enum leat_status judge(struct leat_evaluator *evaluator, uint32_t id,
                              struct coded_condition *coded, const struct leat_vector *dictionary,
                              struct leat_error *err)
{
    const struct leat_batch *in = evaluator->in;
    struct leat_vector *columns =
        LEAT_NEW_ARRAY(&evaluator->scratch, struct leat_vector, in->column_count);
    struct leat_batch entries = {in->column_count, dictionary->length, columns};
    uint32_t *chosen =
        leat_arena_alloc(&evaluator->scratch, dictionary->length * sizeof(uint32_t) + 64);
    const struct leat_vector *value;
    struct frame *frame;
    enum leat_status status;

    if (!columns || !chosen)
        return leat_error_memory(err);
    if (coded->capacity < dictionary->length) {
        coded->matches = leat_arena_alloc(&evaluator->arena, dictionary->length * 2);
        if (!coded->matches)
            return leat_error_memory(err);
        coded->capacity = dictionary->length * 2;
    }
    coded->identity = 0;
    memcpy(columns, in->columns, in->column_count * sizeof(*columns));
    columns[coded->column] = *dictionary;
    LEAT_TRY(frame_new(evaluator, NULL, NULL, dictionary->length, &frame, err));
    evaluator->in = &entries;
    status = evaluate(evaluator, frame, id, &value, err);
    evaluator->in = in;
    if (status != LEAT_OK)
        return status;
    memset(coded->matches, 0, dictionary->length);
    for (uint32_t i = select_true(value, dictionary->length, chosen); i-- > 0;)
        coded->matches[chosen[i]] = 1;
    coded->identity = dictionary->identity;
    return LEAT_OK;
}

static uint32_t look_up(const uint8_t *restrict matches, const uint32_t *restrict codes,
                        uint32_t *restrict selection, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = selection[i];
        selection[kept] = row;
        kept += matches[codes[row]];
    }
    return kept;
}

enum leat_status narrow_coded(struct leat_evaluator *evaluator, uint32_t id, uint32_t *selection,
                              uint32_t *count, bool *done, struct leat_error *err)
{
    struct node *node = &evaluator->nodes[id];
    struct coded_condition *coded = node->coded;
    const struct leat_vector *vector;

    *done = false;
    if (!coded) {
        coded = node->coded = LEAT_NEW(&evaluator->arena, struct coded_condition);
        if (!coded)
            return leat_error_memory(err);
        coded->column = UINT32_MAX;
        coded->usable = node->total && node->deterministic && !node->folded &&
                        uses_one_column(node->expr, &coded->column) && coded->column != UINT32_MAX;
    }
    if (!coded->usable || coded->column >= evaluator->in->column_count)
        return LEAT_OK;
    vector = &evaluator->in->columns[coded->column];
    if (vector->form != LEAT_DICTIONARY || !vector->dictionary->identity || vector->validity ||
        vector->dictionary->validity || vector->dictionary->length > ENTRIES_MOST)
        return LEAT_OK;
    if (coded->identity != vector->dictionary->identity)
        LEAT_TRY(judge(evaluator, id, coded, vector->dictionary, err));
    *count = look_up(coded->matches, vector->codes, selection, *count);
    *done = true;
    return LEAT_OK;
}
