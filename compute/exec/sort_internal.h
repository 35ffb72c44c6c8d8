/*
 * Sorting, in parts: keys packed into words (sort_keys.c), their order (sort_order.c), runs in a
 * file and their merge (sort_runs.c), and the node (sort.c).
 */
#ifndef LEAT_COMPUTE_EXEC_SORT_INTERNAL_H
#define LEAT_COMPUTE_EXEC_SORT_INTERNAL_H

#include "compute/exec/spill.h"

enum { LEAT_SORT_WORDS_MOST = 4 };

/* The keys of all rows, packed: of each row `word_count` numbers, of which the first that differs
 * decides. They hold no more bits than the values at hand need. If that is not the whole truth
 * (long texts, nested values), keys from `inexact` on are compared by value where the words are
 * equal. */
struct leat_sort_words {
    uint64_t *words;                     /* row * word_count; used bits are the highest ones */
    uint32_t word_count;                 /* 0: all rows are equal as far as words say */
    unsigned bits[LEAT_SORT_WORDS_MOST]; /* used of each word */
    uint32_t inexact;                    /* key_count: the words are the whole truth */
    uint32_t key_count;
    const struct leat_sort_key *keys;
    const struct leat_vector *values; /* FLAT, one a key */
    const struct leat_cancel *cancel; /* or NULL */
};
/* Tasks of threads on so many rows: none takes long, so that all soon see that they are cancelled.
 */
static inline size_t leat_sort_tasks(const struct leat_exec *exec, uint32_t rows)
{
    size_t parts = rows >> 20;

    return rows < 1 << 16 ? 1 : parts > exec->threads ? parts : exec->threads;
}
/* Packs the values of `rows` rows, by all threads; the words lie in the arena. */
LEAT_CHECKED enum leat_status
leat_sort_words_fill(struct leat_exec *exec, const struct leat_sort_key *keys, uint32_t key_count,
                     const struct leat_vector *values, uint32_t rows, struct leat_arena *arena,
                     struct leat_sort_words *out, struct leat_error *err);
/* Order of two rows by the values of the keys from `first` on: <0, 0, >0. */
int leat_sort_compare_values(const struct leat_sort_key *keys, uint32_t first, uint32_t key_count,
                             const struct leat_vector *a, uint32_t a_row,
                             const struct leat_vector *b, uint32_t b_row);
/* The first words of a key's values alone (a FLAT vector), made alike for all vectors: rows whose
 * words differ have that order, rows with equal words any. */
void leat_sort_first_words(const struct leat_sort_key *key, const struct leat_vector *values,
                           uint32_t rows, uint64_t *out);
/* *out is the rows' order, in the arena. Rows with equal keys keep theirs. */
LEAT_CHECKED enum leat_status leat_sort_order(struct leat_exec *exec,
                                              const struct leat_sort_words *words, uint32_t rows,
                                              struct leat_arena *arena, uint32_t **out,
                                              struct leat_error *err);

/* --- sort_runs.c: sorted rows in a file --- */
struct leat_sort_runs;
/* For the rows of a SORT node, given by `threads` threads. */
LEAT_CHECKED enum leat_status leat_sort_runs_new(struct leat_exec *exec, struct leat_node *node,
                                                 unsigned threads, struct leat_sort_runs **out,
                                                 struct leat_error *err);
void leat_sort_runs_free(struct leat_sort_runs *runs); /* NULL is allowed */
/* Moves the table's rows, in the order given, to the file as a run. */
LEAT_CHECKED enum leat_status leat_sort_runs_add(struct leat_sort_runs *runs, unsigned thread,
                                                 const struct leat_table_rows *table,
                                                 const uint32_t *order, struct leat_error *err);
/* After the last run: merges runs until few enough are left to be read at once. */
LEAT_CHECKED enum leat_status leat_sort_runs_end(struct leat_sort_runs *runs,
                                                 struct leat_error *err);
/* An operator that merges the runs and gives the rows that the node wants. The first that is opened
 * gives them all. */
LEAT_CHECKED enum leat_status leat_sort_runs_open(struct leat_exec *exec,
                                                  struct leat_sort_runs *runs,
                                                  struct leat_operator **out,
                                                  struct leat_error *err);

/* --- sort_bound.c --- */

/* What a thread knows of rows that cannot be among the first. Zeros are a bound that keeps nothing
 * back.
 */
enum { LEAT_BOUND_KEYS = 4 };
struct leat_top_bound {
    uint32_t count; /* of the keys that are looked at; 0: none is known */
    struct leat_arena arena;
    struct leat_vector values[LEAT_BOUND_KEYS]; /* one value each */
};
void leat_top_bound_release(struct leat_top_bound *bound);
/* The table's row is the last of those wanted, by all keys. */
LEAT_CHECKED enum leat_status leat_top_bound_set(struct leat_top_bound *bound,
                                                 const struct leat_sort_key *keys,
                                                 uint32_t key_count,
                                                 const struct leat_table_rows *table, uint32_t row,
                                                 struct leat_error *err);
/* Appends the batch's rows, but those behind the bound. */
LEAT_CHECKED enum leat_status leat_top_bound_append(const struct leat_top_bound *bound,
                                                    const struct leat_sort_key *keys,
                                                    const struct leat_batch *batch,
                                                    struct leat_rows *rows, struct leat_error *err);

#endif
