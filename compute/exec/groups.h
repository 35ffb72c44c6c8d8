/*
 * Groups by key: a hash table from key rows to numbers, with one record of states a group.
 */
#ifndef LEAT_COMPUTE_EXEC_GROUPS_H
#define LEAT_COMPUTE_EXEC_GROUPS_H

#include "compute/exec/exec_internal.h"

/* Groups of a single integer-like key whose values lie close together, by value. */
struct leat_direct_groups {
    uint32_t *groups; /* by value - first: group + 1, or 0; NULL: the directory is in use */
    int64_t first;
    uint64_t size;
    uint32_t null_group;    /* + 1; 0: none yet */
    uint32_t considered_at; /* count when values were last looked at */
    bool unfit;             /* values lay too far apart: not looked at again */
    bool dense;             /* they lie close together; stays when the array is dropped */
};
struct leat_groups {
    struct leat_arena arena;            /* key strings, and what states hold */
    struct leat_copied_strings *copied; /* of keys, or NULL */
    const struct leat_key_layout *layout;
    size_t state_stride;
    uint64_t *directory; /* hash's upper half | group + 1; 0: empty */
    uint64_t capacity;   /* a power of two */
    struct leat_direct_groups direct;
    uint8_t *keys;   /* group * layout->width */
    uint8_t *states; /* group * state_stride */
    uint64_t *hashes;
    uint32_t count;
    uint32_t room;
    bool borrows;     /* strings of keys that are found outlive the table: they are not copied */
    uint64_t charged; /* bytes of these arrays */
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
/* The same for values of a single key, where the table goes by value for all of them: *found false,
 * and nothing done, where it does not. `nulls` marks null ones with 1 (NULL: none). */
LEAT_CHECKED enum leat_status leat_groups_find_values(struct leat_groups *groups,
                                                      const int64_t *values, const uint8_t *nulls,
                                                      uint32_t count, uint32_t *out, bool *found,
                                                      struct leat_error *err);
/* The key of a group of a single integer-like key; false if it is null. */
bool leat_groups_value(const struct leat_groups *groups, uint32_t group, int64_t *value);
/* An empty table goes by value from the beginning, for values from `first` to `last`, if there is
 * memory for that. */
void leat_groups_go_direct(struct leat_groups *groups, int64_t first, int64_t last);
/* Whether the key row is among the groups; the directory must be there. */
bool leat_groups_have(const struct leat_groups *groups, const uint8_t *row, uint64_t hash);
/* Frees what only finding needs; keys, hashes and states stay. */
void leat_groups_drop_directory(struct leat_groups *groups);
/* Memory in use. */
uint64_t leat_groups_bytes(const struct leat_groups *groups);

/* --- between groups.c and direct_groups.c --- */
bool leat_groups_charge(struct leat_groups *groups, uint64_t bytes);
LEAT_CHECKED enum leat_status leat_groups_grow_directory(struct leat_groups *groups,
                                                         struct leat_error *err);
/* Back to the directory, for good. */
LEAT_CHECKED enum leat_status leat_groups_leave_direct(struct leat_groups *groups,
                                                       struct leat_error *err);
bool leat_groups_have_value(const struct leat_groups *groups, const uint8_t *row);
void leat_groups_drop_direct(struct leat_groups *groups);

#endif
