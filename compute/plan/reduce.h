/*
 * Semi-join reduction: where one side of a join is small, the rows of the other side that have no
 * partner need not travel. A semi join with the small side is put as far down the other side as
 * its keys are columns, below the groupings and joins at which a plan is cut into stages, so that
 * the scans there drop rows by the small side's keys. Only rows that the join would drop are
 * dropped.
 */
#ifndef LEAT_COMPUTE_PLAN_REDUCE_H
#define LEAT_COMPUTE_PLAN_REDUCE_H

#include "compute/plan/plan.h"

struct leat_reduction {
    const struct leat_plan *join;
    uint32_t side;  /* the child that is reduced by the other */
    uint32_t steps; /* how far down that side the semi join goes */
    bool hashes;    /* the small side may not be broadcast to the join: both sides are hashed */
};
/* Whether a side of the join is worth it: the other has at most `small` rows, or some more that,
 * sent to each of `tasks`, are few beside this side's; few of this side's rows have a partner, and
 * they would be exchanged. */
bool leat_reduction_find(const struct leat_plan *join, double small, uint32_t tasks,
                         struct leat_reduction *out);
/* A copy of the side with the semi join in it, whose right child is `keys` (rows of the small
 * side). In the arena; the plan is not changed. */
LEAT_CHECKED enum leat_status leat_reduction_put(const struct leat_reduction *reduction,
                                                 struct leat_plan *keys, struct leat_arena *arena,
                                                 struct leat_plan **out, struct leat_error *err);
/* Whether the join is right if each of its tasks has all rows of that side and a share of the
 * other: a row without a partner must be seen once. */
bool leat_join_may_broadcast(enum leat_join_type type, bool right);

#endif
