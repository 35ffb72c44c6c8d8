/*
 * Grouping, in parts: from batches to groups (aggregate_input.c), from groups to columns
 * (aggregate_result.c), calls that see whole groups (aggregate_whole.c), and the node
 * (aggregate.c).
 */
#ifndef LEAT_COMPUTE_EXEC_AGGREGATE_INTERNAL_H
#define LEAT_COMPUTE_EXEC_AGGREGATE_INTERNAL_H

#include "compute/exec/groups.h"
#include "compute/exec/spill.h"

/* --- what all threads share --- */
struct leat_call_info {
    const struct leat_aggregate *call;
    const struct leat_aggregate_ops *ops;
    size_t offset;          /* of its state in the group's record */
    uint32_t first_result;  /* of its arguments among the evaluator's results */
    uint32_t filter_result; /* UINT32_MAX: none */
    bool whole;             /* DISTINCT or ORDER BY */
};
struct leat_aggregate_state {
    struct leat_table_source source;
    struct leat_key_layout layout;
    struct leat_call_info *calls;
    size_t state_stride;
    struct leat_expr **exprs; /* keys, then arguments and filters */
    uint32_t expr_count;
    bool whole;                  /* some call needs whole groups */
    struct leat_schema partial;  /* of spilled states: keys, then a column of bytes a call */
    struct leat_expr **columns;  /* the keys as columns of that schema */
    struct leat_divided divided; /* if it has inputs */
};
/* Groups of key codes while all keys come as codes of lasting dictionaries. */
enum { CODED_KEYS_MOST = 8, CODED_GROUPS_MOST = 1 << 14 };
#define NO_GROUP UINT32_MAX
struct leat_coded_groups {
    uint64_t identities[CODED_KEYS_MOST];
    uint32_t *groups; /* by the codes as digits of one number; NO_GROUP: not met yet */
};
struct leat_grouping {
    struct leat_evaluator *evaluator;
    struct leat_vector *results;
    struct leat_arena scratch;
    uint8_t *rows;
    uint64_t *hashes;
    uint32_t *group_of;
    uint32_t *selection;
    uint32_t capacity;
    struct leat_groups groups;
    struct leat_coded_groups coded;
};

/* --- aggregate_input.c --- */
LEAT_CHECKED enum leat_status leat_aggregate_describe(struct leat_exec *exec,
                                                      const struct leat_plan *plan,
                                                      struct leat_aggregate_state *state,
                                                      struct leat_error *err);
LEAT_CHECKED enum leat_status leat_grouping_init(struct leat_exec *exec,
                                                 const struct leat_aggregate_state *state,
                                                 struct leat_grouping *worker,
                                                 struct leat_error *err);
void leat_grouping_release(struct leat_grouping *worker);
/* Evaluates a batch and finds its rows' groups. */
LEAT_CHECKED enum leat_status leat_grouping_batch(const struct leat_aggregate_state *state,
                                                  struct leat_grouping *worker,
                                                  const struct leat_batch *batch,
                                                  struct leat_error *err);
/* Rows that the call's FILTER keeps; *selection NULL: all. */
uint32_t leat_grouping_filter(const struct leat_call_info *info, struct leat_grouping *worker,
                              uint32_t length, const uint32_t **selection);
LEAT_CHECKED enum leat_status leat_grouping_update(const struct leat_aggregate_state *state,
                                                   const struct leat_call_info *info,
                                                   struct leat_grouping *worker,
                                                   const uint32_t *selection, uint32_t count,
                                                   struct leat_error *err);

/* --- aggregate_result.c --- */
/* Some of a table's groups. */
struct leat_group_range {
    struct leat_groups *groups;
    uint32_t start, count;
};
/* Keys, then results or, if `partial`, states. */
LEAT_CHECKED enum leat_status
leat_group_columns(const struct leat_plan *plan, const struct leat_aggregate_state *state,
                   const struct leat_group_range *range, bool partial, struct leat_arena *arena,
                   struct leat_vector *columns, struct leat_error *err);
/* All groups as the state's table, which takes over what the groups hold. */
LEAT_CHECKED enum leat_status leat_aggregate_result(const struct leat_plan *plan,
                                                    struct leat_aggregate_state *state,
                                                    struct leat_groups *groups,
                                                    struct leat_error *err);

/* --- aggregate_whole.c --- */
LEAT_CHECKED enum leat_status leat_aggregate_whole(struct leat_exec *exec, struct leat_node *node,
                                                   struct leat_grouping *worker,
                                                   struct leat_error *err);

#endif
