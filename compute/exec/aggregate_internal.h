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
struct leat_groups_list {
    struct leat_groups *items;
    size_t count, capacity;
};
void leat_groups_list_release(struct leat_groups_list *list);
/* The groups of all tables, dealt out by their hashes or by ranges of their only key; each part is
 * merged when it is asked for. */
struct leat_merged_groups {
    struct leat_groups_list tables;
    struct leat_arena arena;
    uint32_t parts;     /* 0: the result is the state's table instead */
    uint32_t *starts;   /* table * (parts + 1): where a part begins in the table's order */
    uint32_t **orders;  /* of each table's groups */
    int64_t *splitters; /* the first values of the parts but the first; NULL: hashes decide */
    _Atomic uint32_t next;
};
void leat_merged_groups_release(struct leat_merged_groups *merged);
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
    struct leat_merged_groups merged;
};
/* Groups of key codes while all keys come as codes of lasting dictionaries. */
enum { CODED_KEYS_MOST = 8, CODED_GROUPS_MOST = 1 << 14 };
#define NO_GROUP UINT32_MAX
struct leat_coded_groups {
    uint64_t identities[CODED_KEYS_MOST];
    uint32_t *groups; /* by the codes as digits of one number; NO_GROUP: not met yet */
};
enum { FEW_GROUPS = 16 }; /* up to which rows are brought together by group */
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
    struct leat_groups_list aside;   /* tables that were outgrown */
    uint32_t *by_group;              /* rows in the order of their groups, while these are few */
    uint32_t starts[FEW_GROUPS + 1]; /* where each group's begin */
    bool arranged;                   /* the batch's rows are in by_group */
    uint64_t rows_taken;             /* into `groups` */
    bool repeats;                    /* keys come again later: no more tables are set aside */
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
/* Updates one call by all rows of the batch. */
LEAT_CHECKED enum leat_status leat_grouping_call(const struct leat_aggregate_state *state,
                                                 const struct leat_call_info *info,
                                                 struct leat_grouping *worker, uint32_t length,
                                                 struct leat_error *err);
/* Brings the rows together by group, if there are few. */
void leat_grouping_arrange(struct leat_grouping *worker, uint32_t length);
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

/* --- aggregate_merge.c --- */

/* Memory of all of a thread's groups. */
uint64_t leat_grouping_bytes(const struct leat_grouping *worker);
/* Begins with an empty table. */
void leat_grouping_restart(struct leat_grouping *worker, const struct leat_aggregate_state *state,
                           struct leat_accountant *accountant);
/* Sets the thread's table aside if that is worth it. */
LEAT_CHECKED enum leat_status leat_grouping_set_aside(struct leat_exec *exec,
                                                      const struct leat_aggregate_state *state,
                                                      struct leat_grouping *worker,
                                                      struct leat_error *err);
/* Deals out all threads' groups, which are empty afterwards. */
LEAT_CHECKED enum leat_status leat_aggregate_merge(struct leat_exec *exec,
                                                   struct leat_aggregate_state *state,
                                                   struct leat_grouping *workers, unsigned threads,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status leat_aggregate_merge_open(struct leat_exec *exec,
                                                        const struct leat_plan *plan,
                                                        struct leat_aggregate_state *state,
                                                        struct leat_operator **out,
                                                        struct leat_error *err);

/* --- aggregate_whole.c --- */
LEAT_CHECKED enum leat_status leat_aggregate_whole(struct leat_exec *exec, struct leat_node *node,
                                                   struct leat_grouping *worker,
                                                   struct leat_error *err);

#endif
