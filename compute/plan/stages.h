/*
 * Plans cut into stages, to be carried out by tasks in other processes or on other machines.
 *
 * A stage is a plan without exchanges: its leaves are scans, whose splits are dealt out to the
 * stage's tasks, and INPUT nodes, which read what earlier stages gave. Where rows must meet (equal
 * keys of a join or of groups, one order, one limit) the plan is cut: the stage below gives its
 * rows in partitions, by hash of keys or all together, and the stage above reads them.
 *
 * What cannot be split runs in one task, so every plan can be cut. Splits are dealt in order and
 * inputs are read in the order of the tasks that gave them, so that the rows of a task, and the
 * result, do not depend on when which task ran.
 */
#ifndef LEAT_COMPUTE_PLAN_STAGES_H
#define LEAT_COMPUTE_PLAN_STAGES_H

#include "compute/plan/plan.h"

enum leat_input_mode {
    LEAT_INPUT_OWN = 0,  /* task i reads partition i: of hashed rows, or what task i gave */
    LEAT_INPUT_ALL = 1,  /* each task reads all partitions: one task, or a broadcast */
    LEAT_INPUT_FIRST = 2 /* task 0 reads all, the others nothing */
};
struct leat_stage_input {
    uint32_t stage; /* an earlier one */
    enum leat_input_mode mode;
};
struct leat_stage_scan {
    struct leat_plan *plan;
    struct leat_text *splits; /* of all tasks */
    uint32_t split_count;
};
struct leat_stage {
    struct leat_plan *plan; /* INPUT nodes name inputs by their number */
    uint32_t input_count;
    struct leat_stage_input *inputs;
    uint32_t scan_count;
    struct leat_stage_scan *scans;
    uint32_t task_count;
    /* How its rows leave: HASH by keys over the plan's output into partition_count parts, or
     * SINGLE: each task's rows are one partition, whose number is the task's. */
    enum leat_exchange_type output;
    uint32_t key_count;
    struct leat_expr **keys;
    uint32_t partition_count;
    bool local; /* reads what only this process has (rows in memory): to be run by it */
};
struct leat_stages {
    uint32_t count; /* in an order in which they can run; the last one gives the result */
    struct leat_stage *items;
};
struct leat_stage_options {
    unsigned tasks; /* how many a stage has if it can be split */
    /* Inputs of up to so many rows are not worth an exchange: they are broadcast to joins, and read
     * by one task if they come in one piece. 0 cuts wherever it is possible. */
    uint64_t small_rows;
};
#define LEAT_STAGE_SMALL_ROWS 100000u

/* The stages lie in the owner's arena; the plan itself is not changed. Sources are asked for their
 * splits. */
LEAT_CHECKED enum leat_status leat_stages_cut(const struct leat_plan *plan,
                                              const struct leat_stage_options *options,
                                              struct leat_plan_owner *owner,
                                              struct leat_stages *out, struct leat_error *err);
/* The fragment of a task: the stage's plan with the task's share of the splits. Changes the stage's
 * scan nodes until the next call. */
LEAT_CHECKED enum leat_status leat_stage_put_task(struct leat_stage *stage, uint32_t task,
                                                  struct leat_buffer *out, struct leat_error *err);
/* One line a stage and its plan below, for EXPLAIN. */
LEAT_CHECKED enum leat_status leat_stages_print(const struct leat_stages *stages,
                                                struct leat_buffer *out, struct leat_error *err);

#endif
