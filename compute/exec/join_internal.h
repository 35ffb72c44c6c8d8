/*
 * Hash joins, in parts: the build side (join_build.c), and the probe side and the node (join.c).
 */
#ifndef LEAT_COMPUTE_EXEC_JOIN_INTERNAL_H
#define LEAT_COMPUTE_EXEC_JOIN_INTERNAL_H

#include "compute/exec/key_index.h"
#include "compute/exec/spill.h"

struct leat_join_state {
    struct leat_table_rows build;
    struct leat_arena arena;
    struct leat_key_layout layout; /* of the build keys; the probe keys have the same types */
    struct leat_key_index *index;  /* of a single key whose values lie close together, or: */
    uint8_t *keys;                 /* a row each */
    uint64_t *directory;           /* tags in the upper half, first row + 1 in the lower */
    uint64_t mask;
    uint32_t *next;           /* row + 1 of the next in the chain */
    uint64_t null_ok;         /* bits of null-safe keys */
    bool build_has_null;      /* some build row has a null key */
    _Atomic uint8_t *matched; /* a byte a build row, if unmatched ones are wanted */
    bool build_left;
    bool probe_kept;        /* probe rows without partner are given */
    bool build_kept;        /* build rows without partner are given, by the last operator to end */
    _Atomic unsigned ended; /* operators without more probe rows */
    bool build_given;       /* SEMI, ANTI: build rows are all that is given */
    struct leat_table_source output;
    bool collected;
    struct leat_divided divided; /* if it has inputs */
};

static inline enum leat_join_type leat_join_type_of(const struct leat_node *node)
{
    return node->plan->join.type;
}
/* True if a null among the row's keys keeps it from ever matching. */
static inline bool leat_join_cannot_match(const struct leat_join_state *s, const uint8_t *row)
{
    uint64_t nulls;

    memcpy(&nulls, row, 8);
    return (nulls & ~s->null_ok) != 0;
}
/* The bit of a hash among the 32 tag bits of a directory's entry. */
static inline uint64_t leat_join_tag(uint64_t hash)
{
    return (uint64_t)1 << (32 + (hash >> 59));
}

/* --- join_build.c --- */

/* Collects the build side and makes it ready for probes, or moves it to a file (s->divided has
 * inputs). */
LEAT_CHECKED enum leat_status leat_join_build(struct leat_exec *exec, struct leat_node *node,
                                              struct leat_join_state *s, struct leat_error *err);
/* Tells the scans below the probe side which keys can have partners, if rows without go. */
LEAT_CHECKED enum leat_status leat_join_push_filters(struct leat_exec *exec, struct leat_node *node,
                                                     struct leat_join_state *s,
                                                     struct leat_error *err);

#endif
