/* Vectors put one behind the other. */
#include "columns/vector.h"

/* Vectors to be put one behind the other; all FLAT. */
struct pieces {
    const struct leat_vector **items;
    const uint32_t *lengths;
    size_t count;
    uint64_t total;
};

static void copy_bits(uint64_t *to, uint64_t at, const uint64_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 64) { /* all ones beforehand */
        uint32_t bits = count - i < 64 ? count - i : 64;
        uint64_t nulls = ~from[i >> 6] & (bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX);
        for (; nulls; nulls &= nulls - 1) {
            uint64_t row = at + i + (uint32_t)__builtin_ctzll(nulls);
            to[row >> 6] &= ~((uint64_t)1 << (row & 63));
        }
    }
}

static enum leat_status join_validity(const struct pieces *pieces, struct leat_vector *out,
                                      struct leat_arena *arena, struct leat_error *err)
{
    uint64_t at = 0;

    for (size_t p = 0; p < pieces->count; p++) {
        if (pieces->items[p]->validity) {
            LEAT_TRY(leat_vector_make_validity(out, (uint32_t)pieces->total, arena, err));
            copy_bits(out->validity, at, pieces->items[p]->validity, pieces->lengths[p]);
        }
        at += pieces->lengths[p];
    }
    return LEAT_OK;
}

static enum leat_status join_pieces(const struct pieces *pieces, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err);

/* The children of list or struct pieces, field `c`. */
static enum leat_status join_children(const struct pieces *pieces, const struct leat_type *type,
                                      uint32_t c, struct leat_arena *arena, struct leat_vector *out,
                                      struct leat_error *err)
{
    struct pieces inner = {.count = pieces->count};
    uint32_t *lengths = LEAT_NEW_ARRAY(arena, uint32_t, pieces->count);

    inner.items = LEAT_NEW_ARRAY(arena, const struct leat_vector *, pieces->count);
    inner.lengths = lengths;
    if (!inner.items || !lengths)
        return leat_error_memory(err);
    for (size_t p = 0; p < pieces->count; p++) {
        inner.items[p] = &pieces->items[p]->children[c];
        lengths[p] =
            type->id == LEAT_STRUCT ? pieces->lengths[p] : pieces->items[p]->children[c].length;
        inner.total += lengths[p];
    }
    return join_pieces(&inner, type->fields[c].type, arena, out, err);
}

static enum leat_status make_room(const struct pieces *pieces, const struct leat_type *type,
                                  struct leat_arena *arena, struct leat_vector *out,
                                  struct leat_error *err)
{
    size_t width = leat_type_width(type);

    *out = (struct leat_vector){.type = type, .form = LEAT_FLAT};
    if (pieces->total >= UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "more than 4 billion rows held at once");
    out->length = (uint32_t)pieces->total;
    LEAT_TRY(join_validity(pieces, out, arena, err));
    if (width > 0) {
        out->data = leat_arena_alloc_aligned(arena, pieces->total * width + 64);
        if (!out->data)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

void leat_vectors_join_put(struct leat_vector *out, const struct leat_vector *piece,
                           uint32_t length, uint64_t at)
{
    size_t width = leat_type_width(out->type);

    if (width > 0 && length > 0)
        memcpy((char *)out->data + at * width, piece->data, length * width);
}

static enum leat_status join_pieces(const struct pieces *pieces, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    uint64_t at = 0, shift = 0;

    LEAT_TRY(make_room(pieces, type, arena, out, err));
    for (size_t p = 0; p < pieces->count; p++) {
        leat_vectors_join_put(out, pieces->items[p], pieces->lengths[p], at);
        if (type->id == LEAT_LIST || type->id == LEAT_MAP) {
            struct leat_list_entry *entries = (struct leat_list_entry *)out->data + at;
            for (uint32_t i = 0; i < pieces->lengths[p]; i++)
                entries[i].offset += (uint32_t)shift;
            shift += pieces->items[p]->children[0].length;
        }
        at += pieces->lengths[p];
    }
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < type->field_count; c++)
        LEAT_TRY(join_children(pieces, type, c, arena, &out->children[c], err));
    return LEAT_OK;
}

static struct pieces pieces_of(const struct leat_vector **items, const uint32_t *lengths,
                               size_t count)
{
    struct pieces pieces = {items, lengths, count, 0};

    for (size_t i = 0; i < count; i++)
        pieces.total += lengths[i];
    return pieces;
}

enum leat_status leat_vectors_join(const struct leat_vector **items, uint32_t *lengths,
                                   size_t count, const struct leat_type *type,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    struct pieces pieces = pieces_of(items, lengths, count);

    return join_pieces(&pieces, type, arena, out, err);
}

enum leat_status leat_vectors_join_room(const struct leat_vector **items, const uint32_t *lengths,
                                        size_t count, const struct leat_type *type,
                                        struct leat_arena *arena, struct leat_vector *out,
                                        struct leat_error *err)
{
    struct pieces pieces = pieces_of(items, lengths, count);

    return make_room(&pieces, type, arena, out, err);
}
