/*
 * Work beyond memory: rows are moved to a file without a name, dealt to partitions by the hash of
 * some keys, and a node then does its work for one partition after the other, each as a plan of its
 * own over that partition's rows. Such a plan may divide its rows again.
 *
 * This is the same cut as that into stages for other processes, done while running, when memory
 * turns out to be short.
 */
#ifndef LEAT_COMPUTE_EXEC_SPILL_H
#define LEAT_COMPUTE_EXEC_SPILL_H

#include "compute/exec/exec_internal.h"
#include <pthread.h>

enum { LEAT_SPILL_PARTITIONS = 32, LEAT_SPILL_LEVELS = 4 /* divisions of divisions */ };

/* Whether whoever holds `mine` bytes should move them to a file, since `more` bytes above all that
 * is in use now would come near the limit. Never true without a limit. */
bool leat_spill_wanted(const struct leat_exec *exec, uint64_t mine, uint64_t more);

/* --- rows in a file --- */
struct leat_spill;
/* `schema` and `keys` (over the schema; none: rows come as runs) must outlive it. Each of `threads`
 * threads gives rows under its own number. What is written is counted for the node. */
LEAT_CHECKED enum leat_status leat_spill_new(struct leat_exec *exec, struct leat_node *node,
                                             const struct leat_schema *schema,
                                             struct leat_expr *const *keys, uint32_t key_count,
                                             unsigned threads, struct leat_spill **out,
                                             struct leat_error *err);
void leat_spill_free(struct leat_spill *spill); /* NULL is allowed */
LEAT_CHECKED enum leat_status leat_spill_put(struct leat_spill *spill, unsigned thread,
                                             const struct leat_batch *batch,
                                             struct leat_error *err);
/* After the last row, by one thread. */
LEAT_CHECKED enum leat_status leat_spill_end(struct leat_spill *spill, struct leat_error *err);
/* What it counts the bytes it writes in. */
_Atomic uint64_t *leat_spill_counter(const struct leat_spill *spill);
uint64_t leat_spill_rows(const struct leat_spill *spill, uint32_t partition);
/* Reads a partition; several readers at once are fine. */
LEAT_CHECKED enum leat_status leat_spill_open(const struct leat_spill *spill, uint32_t partition,
                                              struct leat_reader **out, struct leat_error *err);

/* Runs: partitions that are made one by one, whose rows keep their order. A thread ends one before
 * it begins the next. */
LEAT_CHECKED enum leat_status leat_spill_run_begin(struct leat_spill *spill, uint32_t *partition,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status leat_spill_run_add(struct leat_spill *spill, unsigned thread,
                                                 uint32_t partition, const struct leat_batch *batch,
                                                 struct leat_error *err);
LEAT_CHECKED enum leat_status leat_spill_run_end(struct leat_spill *spill, unsigned thread,
                                                 uint32_t partition, struct leat_error *err);
uint32_t leat_spill_partitions(const struct leat_spill *spill);
/* Bytes that a reader of a run needs at once. */
enum { LEAT_SPILL_RUN_BLOCK = 64 << 10 };

/* --- collecting what may not fit --- */

/* Runs the pipeline that ends in `node` into *table, or, if that and what is to be made of it
 * (the rows once more, and `row_bytes` for each) would not fit, into *spill, which is otherwise
 * NULL. Without keys all go into the table. `owner` is the node that collects. */
LEAT_CHECKED enum leat_status leat_spill_collect(struct leat_exec *exec, struct leat_node *owner,
                                                 struct leat_node *node,
                                                 struct leat_expr *const *keys, uint32_t key_count,
                                                 size_t row_bytes, struct leat_table_rows *table,
                                                 struct leat_spill **spill, struct leat_error *err);
/* Runs the pipeline into a file. */
LEAT_CHECKED enum leat_status leat_spill_run(struct leat_exec *exec, struct leat_node *owner,
                                             struct leat_node *node, struct leat_expr *const *keys,
                                             uint32_t key_count, struct leat_spill **out,
                                             struct leat_error *err);

/* --- one partition after the other --- */
struct leat_divided {
    struct leat_plan *plan; /* a copy of the node's; its children are inputs */
    struct leat_spill *inputs[2];
    uint32_t input_count;
    _Atomic uint32_t next;
};
/* A copy of `plan` in the arena, whose children are inputs with the schemas given. */
LEAT_CHECKED enum leat_status leat_divided_plan(const struct leat_plan *plan,
                                                const struct leat_schema *const *schemas,
                                                struct leat_arena *arena, struct leat_plan **out,
                                                struct leat_error *err);
void leat_divided_release(struct leat_divided *divided);
/* An operator that gives the rows of all partitions; threads share them out. */
LEAT_CHECKED enum leat_status leat_divided_open(struct leat_exec *exec,
                                                struct leat_divided *divided,
                                                struct leat_operator **out, struct leat_error *err);

#endif
