/*
 * Conditional evaluation: AND, OR, CASE, COALESCE, NULLIF, IN.
 *
 * AND and OR keep the rows that are not decided yet; further conditions are evaluated for those
 * only, unless a condition cannot fail and most rows are left. CASE and COALESCE evaluate each
 * branch in a frame of the rows that reach it and gather the branches' values at the end. IN over
 * constants uses a sorted or hashed set built once.
 */
#include "compute/kernels/evaluator_internal.h"

#include "base/hash.h"

/* --- booleans --- */

uint32_t select_true(const struct leat_vector *condition, uint32_t count, uint32_t *selection)
{
    uint32_t found = 0;

    if (condition->type->id == LEAT_NULL)
        return 0;
    if (condition->form == LEAT_CONSTANT) {
        if (!leat_validity_get(condition->validity, 0) || !((const uint8_t *)condition->data)[0])
            return 0;
        for (uint32_t i = 0; i < count; i++)
            selection[i] = i;
        return count;
    }
    if (condition->form == LEAT_DICTIONARY) {
        const uint8_t *values = condition->dictionary->data;
        for (uint32_t i = 0; i < count; i++) {
            selection[found] = i;
            found += values[condition->codes[i]] && !leat_vector_is_null(condition, i);
        }
        return found;
    }
    const uint8_t *values = condition->data;
    if (!condition->validity) {
        for (uint32_t i = 0; i < count; i++) {
            selection[found] = i;
            found += values[i] != 0;
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            selection[found] = i;
            found += (uint32_t)(values[i] != 0) &
                     (uint32_t)(condition->validity[i >> 6] >> (i & 63) & 1);
        }
    }
    return found;
}

/* Three-valued state of a row: 0 false, 1 true, 2 null. */
static inline uint8_t truth(const struct leat_vector *vector, uint32_t row)
{
    const struct leat_vector *base;
    if (leat_vector_is_null(vector, row))
        return 2;
    uint32_t i = leat_vector_locate(vector, row, &base);
    return ((const uint8_t *)base->data)[i] != 0;
}

static enum leat_status from_truth(const uint8_t *states, uint32_t count, struct leat_arena *arena,
                                   struct leat_vector *out, struct leat_error *err)
{
    uint8_t nulls = 0;

    LEAT_TRY(leat_vector_init(out, leat_type_get(LEAT_BOOLEAN), count, 0, arena, err));
    out->length = count;
    for (uint32_t i = 0; i < count; i++) {
        ((uint8_t *)out->data)[i] = states[i] & 1;
        nulls |= states[i] & 2;
    }
    if (nulls) {
        LEAT_TRY(leat_vector_make_validity(out, count, arena, err));
        for (uint32_t i = 0; i < count; i++) {
            if (states[i] & 2)
                leat_validity_set(out->validity, i, false);
        }
    }
    return LEAT_OK;
}

/* AND is decided by false, OR by true; null stays until a deciding value comes. */
enum leat_status evaluate_and_or(struct leat_evaluator *evaluator, struct frame *frame,
                                 const struct node *node, struct leat_vector *out,
                                 struct leat_error *err)
{
    uint8_t decisive = node->expr->kind == LEAT_EXPR_OR;
    struct leat_arena *arena = &evaluator->scratch;
    uint32_t count = frame->count, open_count = frame->count;
    uint8_t *states = leat_arena_alloc(arena, (size_t)count + 1);
    uint32_t *open = leat_arena_alloc(arena, (size_t)count * sizeof(uint32_t) + 4);

    if (!states || !open)
        return leat_error_memory(err);
    memset(states, !decisive, count);
    for (uint32_t i = 0; i < count; i++)
        open[i] = i;
    for (uint32_t a = 0; a < node->arg_count && open_count; a++) {
        const struct leat_vector *value;
        const struct node *arg = &evaluator->nodes[node->args[a]];
        bool whole = open_count == count || (arg->total && open_count > count / 2);
        struct frame *inner = frame;
        uint32_t kept = 0;

        if (!whole) {
            uint32_t *rows = leat_arena_alloc(arena, (size_t)open_count * sizeof(uint32_t));
            if (!rows)
                return leat_error_memory(err);
            memcpy(rows, open, (size_t)open_count * sizeof(uint32_t));
            LEAT_TRY(frame_new(evaluator, frame, rows, open_count, &inner, err));
        }
        LEAT_TRY(evaluate(evaluator, inner, node->args[a], &value, err));
        if (whole && value->form == LEAT_FLAT && !value->validity &&
            value->type->id == LEAT_BOOLEAN) {
            const uint8_t *bytes = value->data;
            for (uint32_t k = 0; k < open_count; k++) {
                uint32_t row = open[k];
                uint8_t decided = bytes[row] == decisive;
                states[row] = decided ? decisive : states[row];
                open[kept] = row;
                kept += !decided;
            }
        } else {
            for (uint32_t k = 0; k < open_count; k++) {
                uint32_t row = open[k];
                uint8_t state = truth(value, whole ? row : k);
                if (state == decisive) {
                    states[row] = decisive;
                } else {
                    if (state == 2)
                        states[row] = 2;
                    open[kept++] = row;
                }
            }
        }
        open_count = kept;
    }
    return from_truth(states, count, arena, out, err);
}

/* --- branches --- */

/* The values of one branch for some rows of the result. */
struct branch {
    const struct leat_vector *value;
    const uint32_t *rows; /* result rows, NULL: all */
    uint32_t count;
};

#define SCATTER(ctype)                                                                             \
    do {                                                                                           \
        const ctype *from = (const ctype *)flat.data;                                              \
        ctype *into = (ctype *)out->data;                                                          \
        for (uint32_t i = 0; i < count; i++)                                                       \
            into[rows[i]] = from[i];                                                               \
    } while (0)

struct bytes16 {
    uint64_t low, high;
};

/* Copies a branch's values (of fixed width) to their rows. */
static enum leat_status scatter(const struct branch *branch, uint32_t total,
                                struct leat_arena *arena, struct leat_vector *out,
                                struct leat_error *err)
{
    struct leat_vector flat = *branch->value;
    const uint32_t *rows = branch->rows;
    uint32_t count = branch->count;

    if (flat.type->id == LEAT_NULL ||
        (flat.form == LEAT_CONSTANT && !leat_validity_get(flat.validity, 0))) {
        LEAT_TRY(leat_vector_make_validity(out, total, arena, err));
        for (uint32_t i = 0; i < count; i++)
            leat_validity_set(out->validity, rows[i], false);
        return LEAT_OK;
    }
    flat.length = count;
    LEAT_TRY(leat_vector_flatten(&flat, arena, err));
    switch (leat_type_width(flat.type)) {
    case 1:
        SCATTER(uint8_t);
        break;
    case 2:
        SCATTER(uint16_t);
        break;
    case 4:
        SCATTER(uint32_t);
        break;
    case 8:
        SCATTER(uint64_t);
        break;
    default:
        SCATTER(struct bytes16);
        break;
    }
    if (flat.validity) {
        LEAT_TRY(leat_vector_make_validity(out, total, arena, err));
        for (uint32_t i = 0; i < count; i++) {
            if (!leat_validity_get(flat.validity, i))
                leat_validity_set(out->validity, rows[i], false);
        }
    }
    return LEAT_OK;
}

/* Nested values: item by item through one child vector that holds all branches' values. */
static enum leat_status merge_nested(const struct leat_type *type, const struct branch *branches,
                                     uint32_t branch_count, uint32_t total,
                                     struct leat_arena *arena, struct leat_vector *out,
                                     struct leat_error *err);

static enum leat_status merge(const struct leat_type *type, const struct branch *branches,
                              uint32_t branch_count, uint32_t total, struct leat_arena *arena,
                              struct leat_vector *out, struct leat_error *err)
{
    for (uint32_t b = 0; b < branch_count; b++) {
        if (branches[b].count == total) { /* one branch took all rows */
            *out = *branches[b].value;
            out->length = total;
            if (out->type->id != LEAT_NULL || type->id == LEAT_NULL)
                return LEAT_OK;
            struct leat_value null = {.type = type, .is_null = true};
            return leat_value_to_vector(&null, total, arena, out, err);
        }
    }
    if (leat_type_is_nested(type))
        return merge_nested(type, branches, branch_count, total, arena, out, err);
    LEAT_TRY(leat_vector_init(out, type, total, 0, arena, err));
    out->length = total;
    for (uint32_t b = 0; b < branch_count; b++) {
        if (branches[b].count)
            LEAT_TRY(scatter(&branches[b], total, arena, out, err));
    }
    return LEAT_OK;
}

/* Child `c` of all branches concatenated, each branch first brought to FLAT. */
static enum leat_status concatenate(const struct leat_type *type, struct leat_vector *flats,
                                    const uint32_t *starts, uint32_t branch_count, uint32_t total,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    struct branch *parts = LEAT_NEW_ARRAY(arena, struct branch, branch_count);
    if (!parts)
        return leat_error_memory(err);
    for (uint32_t b = 0; b < branch_count; b++) {
        uint32_t end = b + 1 < branch_count ? starts[b + 1] : total;
        uint32_t *rows = leat_arena_alloc(arena, (size_t)(end - starts[b]) * 4 + 4);
        if (!rows)
            return leat_error_memory(err);
        for (uint32_t i = starts[b]; i < end; i++)
            rows[i - starts[b]] = i;
        parts[b] = (struct branch){&flats[b], rows, end - starts[b]};
    }
    return merge(type, parts, branch_count, total, arena, out, err);
}

static enum leat_status merge_nested(const struct leat_type *type, const struct branch *branches,
                                     uint32_t branch_count, uint32_t total,
                                     struct leat_arena *arena, struct leat_vector *out,
                                     struct leat_error *err)
{
    struct leat_vector *flats = LEAT_NEW_ARRAY(arena, struct leat_vector, branch_count);
    struct leat_vector *parts = LEAT_NEW_ARRAY(arena, struct leat_vector, branch_count);
    uint32_t *starts = LEAT_NEW_ARRAY(arena, uint32_t, branch_count);
    uint32_t items = 0;

    if (!flats || !parts || !starts)
        return leat_error_memory(err);
    LEAT_TRY(leat_vector_init(out, type, total, 0, arena, err));
    LEAT_TRY(leat_vector_make_validity(out, total, arena, err));
    out->length = total;
    for (uint32_t b = 0; b < branch_count; b++) {
        const struct branch *branch = &branches[b];
        bool null = branch->value->type->id == LEAT_NULL;
        starts[b] = items;
        if (null) {
            LEAT_TRY(leat_vector_init(&flats[b], type, 0, 0, arena, err));
        } else { /* a deep copy packs the items */
            LEAT_TRY(leat_vector_copy(branch->value, 0, branch->count, arena, &flats[b], err));
        }
        for (uint32_t i = 0; i < branch->count; i++) {
            uint32_t row = branch->rows[i];
            if (null || !leat_validity_get(flats[b].validity, i))
                leat_validity_set(out->validity, row, false);
            if (type->id == LEAT_STRUCT)
                continue;
            struct leat_list_entry entry = {0, 0};
            if (!null && leat_validity_get(flats[b].validity, i))
                entry = ((struct leat_list_entry *)flats[b].data)[i];
            entry.offset += items;
            ((struct leat_list_entry *)out->data)[row] = entry;
        }
        items += type->id == LEAT_STRUCT || null ? 0 : flats[b].children[0].length;
    }
    for (uint32_t c = 0; c < type->field_count; c++) {
        for (uint32_t b = 0; b < branch_count; b++)
            parts[b] = flats[b].children[c];
        if (type->id != LEAT_STRUCT) {
            LEAT_TRY(concatenate(type->fields[c].type, parts, starts, branch_count, items, arena,
                                 &out->children[c], err));
            LEAT_TRY(leat_vector_flatten(&out->children[c], arena, err));
            continue;
        }
        struct branch *fields = LEAT_NEW_ARRAY(arena, struct branch, branch_count);
        if (!fields)
            return leat_error_memory(err);
        for (uint32_t b = 0; b < branch_count; b++) {
            bool null = branches[b].value->type->id == LEAT_NULL;
            fields[b] = (struct branch){&parts[b], branches[b].rows, null ? 0 : branches[b].count};
        }
        LEAT_TRY(merge(type->fields[c].type, fields, branch_count, total, arena, &out->children[c],
                       err));
        LEAT_TRY(leat_vector_flatten(&out->children[c], arena, err));
    }
    return LEAT_OK;
}

enum leat_status kernel_concatenate(const struct leat_type *type, const struct leat_vector *rows,
                                    uint32_t count, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err)
{
    struct branch *branches = LEAT_NEW_ARRAY(arena, struct branch, count + 1);
    uint32_t *numbers = LEAT_NEW_ARRAY(arena, uint32_t, count + 1);

    if (!branches || !numbers)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = i;
        branches[i] = (struct branch){&rows[i], &numbers[i], 1};
    }
    if (count == 0)
        return leat_vector_init(out, type, 0, 0, arena, err);
    LEAT_TRY(merge(type, branches, count, count, arena, out, err));
    return leat_vector_flatten(out, arena, err);
}

/* Splits open rows (of the frame) by a condition into taken and still open ones. */
static uint32_t split_rows(const struct leat_vector *condition, uint32_t *open, uint32_t count,
                           uint32_t *taken)
{
    uint32_t kept = 0, found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (truth(condition, i) == 1)
            taken[found++] = open[i];
        else
            open[kept++] = open[i];
    }
    return found;
}

static enum leat_status sub_frame(struct leat_evaluator *evaluator, struct frame *frame,
                                  const uint32_t *rows, uint32_t count, struct frame **out,
                                  struct leat_error *err)
{
    uint32_t *copy;
    if (count == frame->count) {
        *out = frame;
        return LEAT_OK;
    }
    copy = leat_arena_alloc(&evaluator->scratch, (size_t)count * sizeof(uint32_t) + 4);
    if (!copy)
        return leat_error_memory(err);
    memcpy(copy, rows, (size_t)count * sizeof(uint32_t));
    return frame_new(evaluator, frame, copy, count, out, err);
}

enum leat_status evaluate_case(struct leat_evaluator *evaluator, struct frame *frame,
                               const struct node *node, struct leat_vector *out,
                               struct leat_error *err)
{
    struct leat_arena *arena = &evaluator->scratch;
    uint32_t pairs = node->arg_count / 2, count = frame->count, open_count = count, used = 0;
    struct branch *branches = LEAT_NEW_ARRAY(arena, struct branch, pairs + 1);
    uint32_t *open = leat_arena_alloc(arena, (size_t)count * sizeof(uint32_t) + 4);
    static const struct leat_vector null_vector = {.form = LEAT_CONSTANT};
    struct leat_vector *null = leat_arena_alloc(arena, sizeof(*null));

    if (!branches || !open || !null)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        open[i] = i;
    for (uint32_t p = 0; p < pairs && open_count; p++) {
        const struct leat_vector *condition;
        struct frame *inner;
        uint32_t *taken = leat_arena_alloc(arena, (size_t)open_count * sizeof(uint32_t) + 4);
        uint32_t found;
        if (!taken)
            return leat_error_memory(err);
        LEAT_TRY(sub_frame(evaluator, frame, open, open_count, &inner, err));
        LEAT_TRY(evaluate(evaluator, inner, node->args[2 * p], &condition, err));
        found = split_rows(condition, open, open_count, taken);
        open_count -= found;
        if (!found)
            continue;
        LEAT_TRY(sub_frame(evaluator, frame, taken, found, &inner, err));
        branches[used] = (struct branch){.rows = taken, .count = found};
        LEAT_TRY(evaluate(evaluator, inner, node->args[2 * p + 1], &branches[used].value, err));
        used++;
    }
    if (open_count) {
        struct frame *inner;
        branches[used] = (struct branch){.rows = open, .count = open_count};
        if (node->arg_count % 2) {
            LEAT_TRY(sub_frame(evaluator, frame, open, open_count, &inner, err));
            LEAT_TRY(evaluate(evaluator, inner, node->args[node->arg_count - 1],
                              &branches[used].value, err));
        } else {
            *null = null_vector;
            null->type = leat_type_get(LEAT_NULL);
            null->length = open_count;
            branches[used].value = null;
        }
        used++;
    }
    if (count == 0)
        return leat_vector_init(out, node->expr->type, 0, 0, arena, err);
    return merge(node->expr->type, branches, used, count, arena, out, err);
}

enum leat_status evaluate_coalesce(struct leat_evaluator *evaluator, struct frame *frame,
                                   const struct node *node, struct leat_vector *out,
                                   struct leat_error *err)
{
    struct leat_arena *arena = &evaluator->scratch;
    uint32_t count = frame->count, open_count = count, used = 0;
    struct branch *branches = LEAT_NEW_ARRAY(arena, struct branch, node->arg_count + 1);
    uint32_t *open = leat_arena_alloc(arena, (size_t)count * sizeof(uint32_t) + 4);

    if (!branches || !open)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        open[i] = i;
    for (uint32_t a = 0; a < node->arg_count && open_count; a++) {
        bool last = a + 1 == node->arg_count;
        const struct leat_vector *value;
        struct leat_vector *chosen = leat_arena_alloc(arena, sizeof(*chosen));
        uint32_t *taken = leat_arena_alloc(arena, (size_t)open_count * sizeof(uint32_t) + 4);
        uint32_t *inside = leat_arena_alloc(arena, (size_t)open_count * sizeof(uint32_t) + 4);
        struct frame *inner;
        uint32_t found = 0, kept = 0;
        if (!taken || !inside || !chosen)
            return leat_error_memory(err);
        LEAT_TRY(sub_frame(evaluator, frame, open, open_count, &inner, err));
        LEAT_TRY(evaluate(evaluator, inner, node->args[a], &value, err));
        for (uint32_t i = 0; i < open_count; i++) {
            if (last || !leat_vector_is_null(value, i)) {
                inside[found] = i;
                taken[found++] = open[i];
            } else {
                open[kept++] = open[i];
            }
        }
        if (found) {
            if (found == open_count)
                *chosen = *value;
            else
                LEAT_TRY(leat_vector_select(value, inside, found, arena, chosen, err));
            branches[used++] = (struct branch){chosen, taken, found};
        }
        open_count = kept;
    }
    if (count == 0)
        return leat_vector_init(out, node->expr->type, 0, 0, arena, err);
    return merge(node->expr->type, branches, used, count, arena, out, err);
}

enum leat_status evaluate_nullif(struct leat_evaluator *evaluator, struct frame *frame,
                                 const struct node *node, struct leat_vector *out,
                                 struct leat_error *err)
{
    const struct leat_vector *a, *b;

    LEAT_TRY(evaluate(evaluator, frame, node->args[0], &a, err));
    LEAT_TRY(evaluate(evaluator, frame, node->args[1], &b, err));
    *out = *a;
    if (a->type->id == LEAT_NULL || b->type->id == LEAT_NULL)
        return LEAT_OK;
    LEAT_TRY(leat_vector_flatten(out, &evaluator->scratch, err));
    uint64_t *validity = out->validity;
    out->validity = NULL;
    LEAT_TRY(leat_vector_make_validity(out, frame->count, &evaluator->scratch, err));
    if (validity)
        memcpy(out->validity, validity, leat_validity_words(frame->count) * 8);
    for (uint32_t i = 0; i < frame->count; i++) {
        if (!leat_vector_is_null(a, i) && !leat_vector_is_null(b, i) &&
            leat_vector_compare(a, i, b, i) == 0)
            leat_validity_set(out->validity, i, false);
    }
    return LEAT_OK;
}

/* --- IN --- */

/* The constants as one vector and an open-addressing table of their rows. */
struct in_set {
    struct leat_vector values;
    uint32_t *slots; /* row + 1, 0 empty */
    uint64_t mask;
    bool has_null;
    bool small; /* few 8-byte-or-less integers: compared one by one */
};

static enum leat_status in_set_new(const struct leat_evaluator *evaluator, const struct node *node,
                                   struct leat_arena *arena, struct in_set **out,
                                   struct leat_error *err)
{
    struct in_set *set = LEAT_NEW(arena, struct in_set);
    const struct leat_type *type = node->expr->args[0]->type;
    struct branch *items = LEAT_NEW_ARRAY(arena, struct branch, node->arg_count);
    uint32_t *rows = LEAT_NEW_ARRAY(arena, uint32_t, node->arg_count);
    uint64_t *hashes = LEAT_NEW_ARRAY(arena, uint64_t, node->arg_count);
    uint64_t capacity = 8;
    uint32_t count = 0;

    if (!set || !items || !rows || !hashes)
        return leat_error_memory(err);
    for (uint32_t a = 1; a < node->arg_count; a++) {
        const struct node *arg = &evaluator->nodes[node->args[a]];
        if (!arg->folded)
            return leat_error_internal(err, "IN item is not constant");
        if (leat_vector_is_null(&arg->constant, 0)) {
            set->has_null = true;
            continue;
        }
        rows[count] = count;
        items[count] = (struct branch){&arg->constant, &rows[count], 1};
        count++;
    }
    if (count == 0)
        LEAT_TRY(leat_vector_init(&set->values, type, 1, 0, arena, err));
    else
        LEAT_TRY(merge(type, items, count, count, arena, &set->values, err));
    LEAT_TRY(leat_vector_flatten(&set->values, arena, err));
    set->values.length = count;
    leat_vector_hash(&set->values, false, hashes);
    while (capacity < (uint64_t)count * 2)
        capacity *= 2;
    set->mask = capacity - 1;
    set->slots = LEAT_NEW_ARRAY(arena, uint32_t, capacity);
    if (!set->slots)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t slot = hashes[i] & set->mask;
        while (set->slots[slot])
            slot = (slot + 1) & set->mask;
        set->slots[slot] = i + 1;
    }
    *out = set;
    return LEAT_OK;
}

static bool in_set_holds(const struct in_set *set, uint64_t hash, const struct leat_vector *vector,
                         uint32_t row)
{
    for (uint64_t slot = hash & set->mask; set->slots[slot]; slot = (slot + 1) & set->mask) {
        if (leat_vector_compare(vector, row, &set->values, set->slots[slot] - 1) == 0)
            return true;
    }
    return false;
}

enum leat_status evaluate_in(struct leat_evaluator *evaluator, struct frame *frame,
                             struct node *node, struct leat_vector *out, struct leat_error *err)
{
    struct leat_arena *arena = &evaluator->scratch;
    const struct leat_vector *value;
    struct leat_vector tested;
    struct in_set *set = node->state.data;

    if (!set) {
        LEAT_TRY(in_set_new(evaluator, node, &evaluator->arena, &set, err));
        node->state.data = set;
    }
    LEAT_TRY(evaluate(evaluator, frame, node->args[0], &value, err));
    bool coded = value->form == LEAT_DICTIONARY && value->dictionary->length <= frame->count &&
                 !value->validity;
    tested = coded ? *value->dictionary : *value;
    uint32_t count = coded ? tested.length : frame->count;
    uint64_t *hashes = leat_arena_alloc(arena, (size_t)count * 8 + 8);
    uint8_t *states = leat_arena_alloc(arena, (size_t)count + 1);
    struct leat_vector *result = leat_arena_alloc(arena, sizeof(*result));
    if (!hashes || !states || !result)
        return leat_error_memory(err);
    tested.length = count;
    leat_vector_hash(&tested, false, hashes);
    for (uint32_t i = 0; i < count; i++) {
        if (leat_vector_is_null(&tested, i))
            states[i] = set->values.length || set->has_null ? 2 : 0;
        else if (in_set_holds(set, hashes[i], &tested, i))
            states[i] = 1;
        else
            states[i] = set->has_null ? 2 : 0;
    }
    LEAT_TRY(from_truth(states, count, arena, result, err));
    *out = *result;
    if (coded) {
        *out = *value;
        out->type = result->type;
        out->dictionary = result;
    }
    return LEAT_OK;
}
