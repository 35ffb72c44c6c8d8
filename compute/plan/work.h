/*
 * What a plan will take, estimated from its cardinalities: to choose where it should run.
 */
#ifndef LEAT_COMPUTE_PLAN_WORK_H
#define LEAT_COMPUTE_PLAN_WORK_H

#include "compute/plan/plan.h"

struct leat_plan_work {
    double rows_read;
    double bytes_read; /* of stored data */
    double steps;      /* rows times operators that they pass */
    double memory;     /* bytes of all tables that joins, groups, sorts and windows keep */
    double exchanged;  /* bytes of rows that must meet by key, were it cut into stages */
    double rows;       /* of the result */
    unsigned cuts;     /* exchanges */
};
/* Subplans that are shared count once. */
void leat_plan_estimate(const struct leat_plan *plan, struct leat_plan_work *out);

#endif
