/*
 * Columns to levels and values, after "Dremel" (Melnik et al., VLDB 2010). A list of slots, one a
 * row to begin with, goes down the steps of a leaf: a null closes a slot at its level, a list makes
 * one slot of each item. What is still open at the leaf is a value.
 *
 * Rows of a top-level column that is flat and has no nulls are passed on where they lie.
 */
#include "formats/parquet/writer_internal.h"

#define CLOSED UINT32_MAX

struct slots {
    uint32_t count;
    uint8_t *definition;
    uint8_t *repetition;
    uint32_t *row; /* in the present vector; CLOSED: ended above */
};

static enum leat_status slots_alloc(struct slots *slots, uint64_t count, struct leat_arena *arena,
                                    struct leat_error *err)
{
    if (count > UINT32_MAX / 2)
        return leat_error_set(err, LEAT_E_LIMIT, "a batch holds too many list items");
    slots->count = (uint32_t)count;
    slots->definition = leat_arena_alloc(arena, (size_t)count);
    slots->repetition = leat_arena_alloc(arena, (size_t)count);
    slots->row = leat_arena_alloc(arena, (size_t)count * sizeof(uint32_t));
    return slots->definition && slots->repetition && slots->row ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status null_error(const struct parquet_leaf *leaf, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_PARQUET_NULL, "null in the required column %s", leaf->path);
}

/* Closes the slots of nulls; the others have one level more if nulls are allowed here. */
static enum leat_status apply_nulls(const struct parquet_leaf *leaf,
                                    const struct parquet_step *step,
                                    const struct leat_vector *vector, struct slots *slots,
                                    struct leat_error *err)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        if (slots->row[i] == CLOSED)
            continue;
        if (!leat_vector_is_null(vector, slots->row[i]))
            slots->definition[i] = (uint8_t)(slots->definition[i] + step->optional);
        else if (step->optional)
            slots->row[i] = CLOSED;
        else
            return null_error(leaf, err);
    }
    return LEAT_OK;
}

static enum leat_status expand_lists(const struct leat_vector *vector, uint8_t level,
                                     struct slots *slots, struct leat_arena *arena,
                                     struct leat_error *err)
{
    uint64_t total = 0;
    struct slots out;
    const struct leat_vector *base;
    for (uint32_t i = 0; i < slots->count; i++) {
        uint32_t length = 0;
        if (slots->row[i] != CLOSED) {
            uint32_t at = leat_vector_locate(vector, slots->row[i], &base);
            length = ((const struct leat_list_entry *)base->data)[at].length;
        }
        total += length ? length : 1;
    }
    LEAT_TRY(slots_alloc(&out, total, arena, err));
    uint32_t to = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        struct leat_list_entry entry = {0, 0};
        if (slots->row[i] != CLOSED) {
            uint32_t at = leat_vector_locate(vector, slots->row[i], &base);
            entry = ((const struct leat_list_entry *)base->data)[at];
        }
        out.definition[to] = (uint8_t)(slots->definition[i] + (entry.length > 0));
        out.repetition[to] = slots->repetition[i];
        out.row[to++] = entry.length ? entry.offset : CLOSED;
        for (uint32_t item = 1; item < entry.length; item++, to++) {
            out.definition[to] = (uint8_t)(slots->definition[i] + 1);
            out.repetition[to] = level;
            out.row[to] = entry.offset + item;
        }
    }
    *slots = out;
    return LEAT_OK;
}

/* Rows of struct and list vectors that are not flat are found through their base. */
static const struct leat_vector *descend(const struct leat_vector *vector, struct slots *slots,
                                         bool list, uint32_t child)
{
    const struct leat_vector *base = vector;
    if (vector->form != LEAT_FLAT && !list) {
        for (uint32_t i = 0; i < slots->count; i++) {
            if (slots->row[i] != CLOSED)
                slots->row[i] = leat_vector_locate(vector, slots->row[i], &base);
        }
    }
    if (vector->form == LEAT_DICTIONARY)
        base = vector->dictionary;
    return &base->children[child];
}

static enum leat_status walk_down(const struct parquet_leaf *leaf,
                                  const struct leat_vector **vector, struct slots *slots,
                                  struct leat_arena *arena, struct leat_error *err)
{
    uint8_t level = 0;
    for (uint32_t i = 0; i < leaf->step_count; i++) {
        const struct parquet_step *step = &leaf->steps[i];
        LEAT_TRY(apply_nulls(leaf, step, *vector, slots, err));
        if (step->kind == PARQUET_STEP_LEAF)
            break;
        bool list = step->kind == PARQUET_STEP_LIST;
        if (list)
            LEAT_TRY(expand_lists(*vector, ++level, slots, arena, err));
        *vector = descend(*vector, slots, list, step->child);
    }
    return LEAT_OK;
}

/* --- values --- */

#define GATHER(from_type, to_type)                                                                 \
    do {                                                                                           \
        to_type *to = leat_arena_alloc_aligned(arena, (size_t)count * sizeof(to_type));            \
        if (!to)                                                                                   \
            return leat_error_memory(err);                                                         \
        for (uint32_t i = 0; i < count; i++)                                                       \
            to[i] = (to_type)((const from_type *)base->data)[rows[i]];                             \
        *out = to;                                                                                 \
    } while (0)

static enum leat_status gather_text(const struct leat_vector *base, const uint32_t *rows,
                                    uint32_t count, struct leat_arena *arena, const void **out,
                                    struct leat_error *err)
{
    struct leat_string *to = leat_arena_alloc_aligned(arena, (size_t)count * sizeof(*to));
    char text[LEAT_PRINT_MAX];
    if (!to)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        size_t length =
            leat_print_interval(&((const struct leat_interval *)base->data)[rows[i]], text);
        const char *copy = leat_arena_copy(arena, text, length);
        if (!copy)
            return leat_error_memory(err);
        to[i] = leat_string_of(copy, length);
    }
    *out = to;
    return LEAT_OK;
}

/* Values of the given rows of a flat vector, in the leaf kind's C type. */
static enum leat_status gather(const struct parquet_leaf *leaf, const struct leat_vector *base,
                               const uint32_t *rows, uint32_t count, struct leat_arena *arena,
                               const void **out, struct leat_error *err)
{
    switch (leat_type_width(base->type)) {
    case 1:
        if (leaf->kind == PARQUET_VALUE_BOOLEAN)
            GATHER(uint8_t, uint8_t);
        else
            GATHER(int8_t, int32_t);
        return LEAT_OK;
    case 2:
        GATHER(int16_t, int32_t);
        return LEAT_OK;
    case 4:
        GATHER(uint32_t, uint32_t);
        return LEAT_OK;
    case 8:
        if (leaf->kind == PARQUET_VALUE_INT32)
            GATHER(int64_t, int32_t); /* decimals up to 9 digits */
        else
            GATHER(uint64_t, uint64_t);
        return LEAT_OK;
    case 16:
        if (base->type->id == LEAT_INTERVAL)
            return gather_text(base, rows, count, arena, out, err);
        GATHER(leat_int128, leat_int128); /* any 16 bytes */
        return LEAT_OK;
    default:
        *out = NULL;
        return LEAT_OK;
    }
}

/* The open slots' values. */
static enum leat_status take_values(const struct parquet_leaf *leaf,
                                    const struct leat_vector *vector, const struct slots *slots,
                                    struct leat_arena *arena, struct parquet_shred *out,
                                    struct leat_error *err)
{
    const struct leat_vector *base = vector;
    uint32_t *rows = leat_arena_alloc(arena, slots->count * sizeof(*rows)), count = 0;
    if (!rows)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < slots->count; i++) {
        if (slots->row[i] != CLOSED)
            rows[count++] = leat_vector_locate(vector, slots->row[i], &base);
    }
    out->value_count = count;
    return gather(leaf, base, rows, count, arena, &out->values, err);
}

/* The C type in the vector is the one wanted. */
static bool same_layout(const struct parquet_leaf *leaf)
{
    switch (leaf->kind) {
    case PARQUET_VALUE_BOOLEAN:
        return true;
    case PARQUET_VALUE_NONE:
        return false;
    case PARQUET_VALUE_INT32:
        return leat_type_width(leaf->type) == 4;
    default:
        return leaf->type->id != LEAT_INTERVAL;
    }
}

enum leat_status parquet_shred_rows(const struct parquet_leaf *leaf,
                                    const struct leat_vector *column, uint32_t start,
                                    uint32_t count, struct leat_arena *arena,
                                    struct parquet_shred *out, struct leat_error *err)
{
    struct slots slots;
    *out = (struct parquet_shred){.slots = count, .rows = count};
    if (leaf->step_count == 1 && column->form == LEAT_FLAT && !column->validity &&
        same_layout(leaf)) {
        out->value_count = count;
        out->values = (const char *)column->data + (size_t)start * leat_type_width(column->type);
        return LEAT_OK;
    }
    LEAT_TRY(slots_alloc(&slots, count, arena, err));
    for (uint32_t i = 0; i < count; i++) {
        slots.definition[i] = 0;
        slots.repetition[i] = 0;
        slots.row[i] = start + i;
    }
    LEAT_TRY(walk_down(leaf, &column, &slots, arena, err));
    out->slots = slots.count;
    out->definition = leaf->max_definition ? slots.definition : NULL;
    out->repetition = leaf->max_repetition ? slots.repetition : NULL;
    return take_values(leaf, column, &slots, arena, out, err);
}
