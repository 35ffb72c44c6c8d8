/*
 * Groups by key: a hash table from key rows to numbers, with one record of states a group.
 */
#ifndef LEAT_COMPUTE_EXEC_GROUPS_H
#define LEAT_COMPUTE_EXEC_GROUPS_H

#include "compute/exec/exec_internal.h"

struct leat_groups {
    struct leat_arena arena; /* key strings, and what states hold */
    const struct leat_key_layout *layout;
    size_t state_stride;
    uint64_t *directory; /* hash's upper half | group + 1; 0: empty */
    uint64_t capacity;   /* a power of two */
    uint8_t *keys;       /* group * layout->width */
    uint8_t *states;     /* group * state_stride */
    uint64_t *hashes;
    uint32_t count;
    uint32_t room;
    uint64_t charged; /* bytes of the four */
};

/* The layout must outlive the table; `state_stride` bytes, a multiple of 8, are a group's record.
 */
void leat_groups_init(struct leat_groups *groups, const struct leat_key_layout *layout,
                      size_t state_stride, struct leat_accountant *accountant);
void leat_groups_release(struct leat_groups *groups);
/* Room for more groups; new records are zero. */
LEAT_CHECKED enum leat_status leat_groups_grow(struct leat_groups *groups, struct leat_error *err);
/* The group of each key row, made where it is new. */
LEAT_CHECKED enum leat_status leat_groups_find(struct leat_groups *groups, const uint8_t *rows,
                                               const uint64_t *hashes, uint32_t count,
                                               uint32_t *out, struct leat_error *err);
/* Whether the key row is among the groups; the directory must be there. */
bool leat_groups_have(const struct leat_groups *groups, const uint8_t *row, uint64_t hash);
/* Frees what only finding needs; keys, hashes and states stay. */
void leat_groups_drop_directory(struct leat_groups *groups);
/* Memory in use. */
uint64_t leat_groups_bytes(const struct leat_groups *groups);

#endif
