/* The compiled form of expressions: shared by the evaluator's files. */
#ifndef LEAT_COMPUTE_KERNELS_EVALUATOR_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_EVALUATOR_INTERNAL_H

#include "compute/kernels/kernels_internal.h"

/* One distinct subexpression. Arguments have smaller numbers. */
struct node {
    const struct leat_expr *expr;
    uint32_t arg_count;
    uint32_t *args;
    uint64_t hash;
    kernel_fn run; /* CALL and casts */
    struct kernel_state state;
    bool strict;
    bool total;         /* cannot fail */
    bool deterministic; /* and without columns: a candidate for folding */
    bool has_column;
    bool folded;                   /* constant holds the value */
    struct coded_condition *coded; /* of a condition by which rows were chosen */
    struct leat_vector constant;
};

/* Rows under evaluation: all rows of the batch (parent NULL), or some rows of the parent frame. */
struct frame {
    struct frame *parent;
    const uint32_t *selection; /* rows of the parent */
    uint32_t count;
    struct leat_vector *results; /* per node */
    bool *ready;
};

struct leat_evaluator {
    struct leat_arena arena;   /* compiled form and kernels' states */
    struct leat_arena scratch; /* results of one batch */
    struct node *nodes;
    uint32_t node_count;
    uint32_t node_capacity;
    uint32_t *roots;
    uint32_t root_count;
    const struct leat_expr_source *source;
    const struct leat_batch *in;
};

/* *out = the node's value for the frame's rows, any form; lives until the next batch. */
enum leat_status evaluate(struct leat_evaluator *evaluator, struct frame *frame, uint32_t id,
                          const struct leat_vector **out, struct leat_error *err);
/* A frame of the given rows of `parent`, in the scratch arena. */
enum leat_status frame_new(struct leat_evaluator *evaluator, struct frame *parent,
                           const uint32_t *selection, uint32_t count, struct frame **out,
                           struct leat_error *err);

enum leat_status evaluate_and_or(struct leat_evaluator *evaluator, struct frame *frame,
                                 const struct node *node, struct leat_vector *out,
                                 struct leat_error *err);
enum leat_status evaluate_case(struct leat_evaluator *evaluator, struct frame *frame,
                               const struct node *node, struct leat_vector *out,
                               struct leat_error *err);
enum leat_status evaluate_coalesce(struct leat_evaluator *evaluator, struct frame *frame,
                                   const struct node *node, struct leat_vector *out,
                                   struct leat_error *err);
enum leat_status evaluate_in(struct leat_evaluator *evaluator, struct frame *frame,
                             struct node *node, struct leat_vector *out, struct leat_error *err);
enum leat_status evaluate_nullif(struct leat_evaluator *evaluator, struct frame *frame,
                                 const struct node *node, struct leat_vector *out,
                                 struct leat_error *err);
/* Narrows the chosen rows by a condition on a column that comes as codes; *done false: it does not.
 */
enum leat_status narrow_coded(struct leat_evaluator *evaluator, uint32_t id, uint32_t *selection,
                              uint32_t *count, bool *done, struct leat_error *err);
/* Rows (of `count`) where a boolean vector is true; returns how many. */
uint32_t select_true(const struct leat_vector *condition, uint32_t count, uint32_t *selection);

#endif
