/* Open addressing: a directory of group numbers with a tag of the hash, key rows and states in
 * arrays beside it that double. Instead of it, groups of a single integer-like key whose values lie
 * close together are found by value (direct_groups.c). */
#include "compute/exec/groups.h"

enum { COPIES_FROM = 1 << 12 }; /* groups from which on copies of strings are looked for */

void leat_groups_release(struct leat_groups *groups)
{
    leat_accountant_release(groups->arena.accountant, groups->charged);
    groups->charged = 0;
    leat_free(groups->directory);
    leat_free(groups->direct.groups);
    leat_free(groups->keys);
    leat_free(groups->states);
    leat_free(groups->hashes);
    leat_arena_release(&groups->arena);
}

void leat_groups_init(struct leat_groups *groups, const struct leat_key_layout *layout,
                      size_t state_stride, struct leat_accountant *accountant)
{
    memset(groups, 0, sizeof(*groups));
    leat_arena_init(&groups->arena, accountant);
    groups->layout = layout;
    groups->state_stride = state_stride;
}

bool leat_groups_charge(struct leat_groups *groups, uint64_t bytes)
{
    if (!leat_accountant_charge(groups->arena.accountant, bytes))
        return false;
    groups->charged += bytes;
    return true;
}

static enum leat_status remember_strings(struct leat_groups *groups, struct leat_error *err)
{
    groups->copied = leat_arena_calloc(&groups->arena, 1, sizeof(*groups->copied));
    return groups->copied ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_groups_grow(struct leat_groups *groups, struct leat_error *err)
{
    uint32_t room = groups->room ? groups->room * 2 : 64;
    uint64_t row = groups->layout->width + groups->state_stride + sizeof(uint64_t);
    uint8_t *keys, *states;
    uint64_t *hashes;

    if (groups->room >= COPIES_FROM && !groups->copied && groups->layout->strings &&
        !groups->borrows)
        LEAT_TRY(remember_strings(groups, err));
    if (groups->room > UINT32_MAX / 4)
        return leat_error_set(err, LEAT_E_LIMIT, "more than %u groups", groups->room);
    if (!leat_groups_charge(groups, row * (room - groups->room)))
        return leat_error_memory(err);
    keys = leat_realloc(groups->keys, (size_t)room * groups->layout->width);
    if (keys)
        groups->keys = keys;
    states = leat_realloc(groups->states, (size_t)room * groups->state_stride);
    if (states)
        groups->states = states;
    hashes = leat_realloc(groups->hashes, (size_t)room * sizeof(*hashes));
    if (hashes)
        groups->hashes = hashes;
    if (!keys || !states || !hashes)
        return leat_error_memory(err);
    memset(states + (size_t)groups->room * groups->state_stride, 0,
           (size_t)(room - groups->room) * groups->state_stride);
    groups->room = room;
    return LEAT_OK;
}

enum leat_status leat_groups_grow_directory(struct leat_groups *groups, struct leat_error *err)
{
    uint64_t capacity = groups->capacity ? groups->capacity * 4 : 256;
    uint64_t *directory = NULL;

    while (capacity <= (uint64_t)groups->count * 2)
        capacity *= 4;
    if (leat_groups_charge(groups, (capacity - groups->capacity) * sizeof(*directory)))
        directory = leat_calloc(capacity, sizeof(*directory));
    if (!directory)
        return leat_error_memory(err);
    for (uint32_t g = 0; g < groups->count; g++) {
        uint64_t at = groups->hashes[g] & (capacity - 1);
        while (directory[at])
            at = (at + 1) & (capacity - 1);
        directory[at] = (groups->hashes[g] & ~(uint64_t)UINT32_MAX) | (g + 1);
    }
    leat_free(groups->directory);
    groups->directory = directory;
    groups->capacity = capacity;
    return LEAT_OK;
}

/* Rows between asking for a directory entry, a key and what lies behind it, and reading them; in
 * tables that have outgrown the caches. */
enum { AHEAD = 24, KEY_AHEAD = 16, TEXT_AHEAD = 8, LARGE = 1 << 15 };

static inline const uint8_t *likely_key(const struct leat_groups *groups, uint64_t hash)
{
    uint64_t entry = groups->directory[hash & (groups->capacity - 1)];

    return entry && (entry ^ hash) >> 32 == 0
               ? groups->keys + ((uint32_t)entry - 1) * (size_t)groups->layout->width
               : NULL;
}

static inline void ask_ahead(const struct leat_groups *groups, const uint64_t *hashes,
                             uint32_t left)
{
    if (left > AHEAD)
        __builtin_prefetch(&groups->directory[hashes[AHEAD] & (groups->capacity - 1)]);
    if (left > KEY_AHEAD) {
        const uint8_t *key = likely_key(groups, hashes[KEY_AHEAD]);
        if (key)
            __builtin_prefetch(key);
    }
    if (groups->layout->strings && left > TEXT_AHEAD) {
        const uint8_t *key = likely_key(groups, hashes[TEXT_AHEAD]);
        if (key)
            leat_key_row_ask(groups->layout, key);
    }
}

enum leat_status leat_groups_find(struct leat_groups *groups, const uint8_t *rows,
                                  const uint64_t *hashes, uint32_t count, uint32_t *out,
                                  struct leat_error *err)
{
    size_t width = groups->layout->width;

    if (groups->direct.groups)
        LEAT_TRY(leat_groups_leave_direct(groups, err));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = rows + (size_t)i * width;
        uint64_t tag = hashes[i] & ~(uint64_t)UINT32_MAX, at, entry;
        if (i > 0 && hashes[i] == hashes[i - 1] &&
            leat_key_rows_equal(groups->layout, row, row - width)) { /* equal keys come together */
            out[i] = out[i - 1];
            continue;
        }
        if (groups->capacity >= LARGE)
            ask_ahead(groups, hashes + i, count - i);
        if ((uint64_t)groups->count * 2 >= groups->capacity)
            LEAT_TRY(leat_groups_grow_directory(groups, err));
        at = hashes[i] & (groups->capacity - 1);
        while ((entry = groups->directory[at]) != 0) {
            uint32_t group = (uint32_t)entry - 1;
            if ((entry & ~(uint64_t)UINT32_MAX) == tag &&
                leat_key_rows_equal(groups->layout, row, groups->keys + (size_t)group * width))
                break;
            at = (at + 1) & (groups->capacity - 1);
        }
        if (entry == 0) {
            if (groups->count == groups->room)
                LEAT_TRY(leat_groups_grow(groups, err));
            memcpy(groups->keys + (size_t)groups->count * width, row, width);
            if (!groups->borrows)
                LEAT_TRY(leat_key_row_own(groups->layout,
                                          groups->keys + (size_t)groups->count * width,
                                          groups->copied, &groups->arena, err));
            groups->hashes[groups->count] = hashes[i];
            groups->directory[at] = tag | ++groups->count;
            out[i] = groups->count - 1;
        } else {
            out[i] = (uint32_t)entry - 1;
        }
    }
    return LEAT_OK;
}

uint64_t leat_groups_bytes(const struct leat_groups *groups)
{
    return groups->charged + groups->arena.used;
}

bool leat_groups_have(const struct leat_groups *groups, const uint8_t *row, uint64_t hash)
{
    size_t width = groups->layout->width;
    uint64_t entry;

    if (groups->direct.groups)
        return leat_groups_have_value(groups, row);
    for (uint64_t at = hash; (entry = groups->directory[at & (groups->capacity - 1)]) != 0; at++)
        if ((entry ^ hash) >> 32 == 0 &&
            leat_key_rows_equal(groups->layout, row, groups->keys + ((uint32_t)entry - 1) * width))
            return true;
    return false;
}

void leat_groups_drop_directory(struct leat_groups *groups)
{
    uint64_t bytes = groups->capacity * sizeof(*groups->directory);

    leat_groups_drop_direct(groups);
    leat_accountant_release(groups->arena.accountant, bytes);
    groups->charged -= bytes;
    leat_free(groups->directory);
    groups->directory = NULL;
    groups->capacity = 0;
}
