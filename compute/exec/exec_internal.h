/*
 * What the operators share.
 *
 * A plan becomes a tree of nodes. Nodes are prepared bottom-up: a breaker (aggregate, sort, join
 * build, shared, union's callers) runs the pipeline below it with all threads and keeps its result
 * as a table; what streams (scan, filter, project, join probe, limit) does nothing yet. Then each
 * thread opens its own chain of operators from a node down to the nearest tables and scans, and
 * pulls batches: splits and table slices are handed out by atomic counters, as morsels.
 */
#ifndef LEAT_COMPUTE_EXEC_EXEC_INTERNAL_H
#define LEAT_COMPUTE_EXEC_EXEC_INTERNAL_H

#include "base/hash.h"
#include "compute/exec/execute.h"

/* --- operators: one object a thread --- */
struct leat_operator;
struct leat_operator_ops {
    /* *out is NULL at the end. The batch is valid until the next call or close. */
    enum leat_status (*next)(struct leat_operator *op, struct leat_batch **out,
                             struct leat_error *err);
    void (*close)(struct leat_operator *op);
};
struct leat_operator {
    const struct leat_operator_ops *ops;
};
void leat_operator_close(struct leat_operator *op); /* NULL is allowed */

/* --- tables: rows kept in memory, one contiguous FLAT vector a column --- */
struct leat_exec;
struct leat_table_rows {
    struct leat_arena arena;
    uint32_t column_count;
    uint64_t length; /* below 2^32 */
    struct leat_vector *columns;
};
void leat_table_rows_init(struct leat_table_rows *table, struct leat_accountant *accountant);
void leat_table_rows_release(struct leat_table_rows *table);
/* Joins the parts (in order) into one table; their string bytes are adopted, the parts are empty
 * afterwards. By all threads of `exec`; NULL: by this one. */
LEAT_CHECKED enum leat_status leat_table_rows_join(const struct leat_exec *exec,
                                                   struct leat_rows *parts, size_t count,
                                                   const struct leat_schema *schema,
                                                   struct leat_table_rows *out,
                                                   struct leat_error *err);
/* The values of some expressions for all rows of the table, by all threads; an empty `out` stays so
 * if there are none. */
LEAT_CHECKED enum leat_status leat_table_evaluate(struct leat_exec *exec,
                                                  const struct leat_table_rows *table,
                                                  struct leat_expr **exprs, uint32_t count,
                                                  struct leat_table_rows *out,
                                                  struct leat_error *err);
/* A view of rows [start, start + count): columns has room for all columns. */
LEAT_CHECKED enum leat_status leat_table_rows_slice(const struct leat_table_rows *table,
                                                    uint64_t start, uint32_t count,
                                                    struct leat_arena *arena,
                                                    struct leat_vector *columns,
                                                    struct leat_error *err);

/* --- key rows: values of several columns as fixed-width rows, for hashing and equality --- */
struct leat_key_layout {
    uint32_t count;
    const struct leat_type **types;
    uint32_t *offsets; /* of each key's slot; the row starts with 8 bytes of null bits */
    uint32_t width;    /* multiple of 8 */
    bool strings;      /* some slot is a string: equality looks behind long ones */
};
/* Up to 64 keys. */
LEAT_CHECKED enum leat_status leat_key_layout_init(struct leat_key_layout *layout,
                                                   struct leat_expr *const *keys, uint32_t count,
                                                   struct leat_arena *arena,
                                                   struct leat_error *err);
/* rows: count * width bytes. Strings point into the vectors' memory. Nested values are encoded as
 * text in `arena`. */
LEAT_CHECKED enum leat_status leat_key_rows_fill(const struct leat_key_layout *layout,
                                                 const struct leat_vector *keys, uint32_t count,
                                                 uint8_t *rows, struct leat_arena *arena,
                                                 struct leat_error *err);
void leat_key_rows_hash(const struct leat_key_layout *layout, const uint8_t *rows, uint32_t count,
                        uint64_t *hashes);
bool leat_key_rows_equal_strings(const struct leat_key_layout *layout, const uint8_t *a,
                                 const uint8_t *b);
static inline bool leat_key_rows_equal(const struct leat_key_layout *layout, const uint8_t *a,
                                       const uint8_t *b)
{
    uint64_t left, right;
    if (layout->strings)
        return leat_key_rows_equal_strings(layout, a, b);
    for (uint32_t at = layout->width; at > 0; at -= 8) { /* values first, null bits last */
        memcpy(&left, a + at - 8, 8);
        memcpy(&right, b + at - 8, 8);
        if (left != right)
            return false;
    }
    return true;
}
/* Strings copied lately, by where they came from: those of a dictionary come again and again. */
struct leat_copied_strings {
    struct {
        const char *from;
        const char *copy;
        uint32_t length;
    } items[256];
};
/* Copies the bytes behind long strings into the arena, so that the row stands on its own. `copied`
 * (or NULL) is of that arena, and zero at first. */
LEAT_CHECKED enum leat_status leat_key_row_own(const struct leat_key_layout *layout, uint8_t *row,
                                               struct leat_copied_strings *copied,
                                               struct leat_arena *arena, struct leat_error *err);
/* Asks for the memory behind the row's first long string, which will soon be read. */
void leat_key_row_ask(const struct leat_key_layout *layout, const uint8_t *row);
static inline bool leat_key_row_has_null(const uint8_t *row)
{
    uint64_t bits;
    memcpy(&bits, row, 8);
    return bits != 0;
}

/* --- runtime filters: what join keys of a build side say about rows below its probe side --- */
struct leat_runtime_filter;
struct leat_filter_use { /* of a scan node */
    const struct leat_runtime_filter *filter;
    uint32_t column; /* of the scan's columns */
    struct leat_filter_use *next;
};

/* --- nodes --- */
struct leat_exec;
struct leat_node;
struct leat_node_ops {
    /* Does what must be done before operators open; children are prepared by it, in the order it
     * wants. May be NULL: the children are prepared. */
    enum leat_status (*prepare)(struct leat_exec *exec, struct leat_node *node,
                                struct leat_error *err);
    enum leat_status (*open)(struct leat_exec *exec, struct leat_node *node,
                             struct leat_operator **out, struct leat_error *err);
    void (*release)(struct leat_node *node); /* frees node->state; may be NULL */
};
struct leat_node {
    const struct leat_plan *plan;
    const struct leat_node_ops *ops;
    struct leat_node **children;
    bool ordered; /* its rows come in an order that must be kept: one thread */
    bool prepared;
    struct leat_node *owner;         /* SHARED: the node that computes the rows, if not this one */
    struct leat_filter_use *filters; /* SCAN: put here before it is prepared */
    void *state;                     /* shared by the threads' operators */
    _Atomic uint64_t rows;           /* given, when profiling */
    _Atomic int64_t nanoseconds;
    _Atomic uint64_t spilled; /* bytes moved to files */
};
struct leat_exec {
    const struct leat_execute_options *options;
    struct leat_arena arena; /* nodes and shared state */
    unsigned threads;
    uint32_t batch_rows;
    struct leat_node *shared[64]; /* subplans already made into nodes */
    uint32_t shared_count;
    struct leat_bytes_list *receipts;
    unsigned pipeline_threads; /* of the pipeline that runs: each opens each operator once */
    unsigned level;            /* how often the rows were divided (spill.h) */
    _Atomic uint64_t *spilled; /* of the node that divided them first, or NULL */
};
void leat_exec_begin(struct leat_exec *exec, const struct leat_execute_options *options,
                     struct leat_bytes_list *receipts);
void leat_exec_end(struct leat_exec *exec, struct leat_node *root); /* root may be NULL */
extern const struct leat_node_ops leat_scan_node, leat_filter_node, leat_project_node,
    leat_aggregate_node, leat_join_node, leat_sort_node, leat_limit_node, leat_union_node,
    leat_values_node, leat_shared_node, leat_pass_node, leat_series_node, leat_input_node,
    leat_recursive_node, leat_working_node, leat_unnest_node, leat_window_node;

/* The plan as nodes, in the execution's arena. *out is to be released also on failure. */
LEAT_CHECKED enum leat_status leat_node_new(struct leat_exec *exec, const struct leat_plan *plan,
                                            struct leat_node **out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_node_prepare(struct leat_exec *exec, struct leat_node *node,
                                                struct leat_error *err);
/* Opens the node's operator (wrapped for profiling if wanted). */
LEAT_CHECKED enum leat_status leat_node_open(struct leat_exec *exec, struct leat_node *node,
                                             struct leat_operator **out, struct leat_error *err);

/* Runs the pipeline that ends in `node`: each thread i of [0, leat_pipeline_threads) gets all its
 * batches passed to take(context, i, batch). take is called by one thread at a time for each i. */
typedef enum leat_status (*leat_pipeline_take)(void *context, unsigned thread,
                                               const struct leat_batch *batch,
                                               struct leat_error *err);
unsigned leat_pipeline_threads(const struct leat_exec *exec, const struct leat_node *node);
LEAT_CHECKED enum leat_status leat_pipeline_run(struct leat_exec *exec, struct leat_node *node,
                                                leat_pipeline_take take, void *context,
                                                struct leat_error *err);
/* Runs it into one table, the threads' rows one after the other. */
LEAT_CHECKED enum leat_status leat_pipeline_collect(struct leat_exec *exec, struct leat_node *node,
                                                    struct leat_table_rows *out,
                                                    struct leat_error *err);

/* A table as the source of a pipeline: slices handed out by an atomic counter. */
struct leat_table_source {
    struct leat_table_rows table;
    const uint32_t *order; /* a permutation of its rows, or NULL */
    uint64_t start;        /* rows [start, end) of the order */
    uint64_t end;
    _Atomic uint64_t next; /* relative to start */
    uint32_t *columns;     /* which columns to give, or NULL for all */
};
LEAT_CHECKED enum leat_status leat_table_source_open(struct leat_exec *exec,
                                                     struct leat_table_source *source,
                                                     struct leat_operator **out,
                                                     struct leat_error *err);

/* An empty filter, in the execution's arena. */
struct leat_runtime_filter *leat_runtime_filter_new(struct leat_exec *exec);
/* Puts the filter at the scans below `node` whose rows it can drop without changing what is left of
 * the node's rows once those are dropped whose value of `column` fails it. *placed counts them. */
LEAT_CHECKED enum leat_status leat_runtime_filter_push(struct leat_exec *exec,
                                                       struct leat_node *node, uint32_t column,
                                                       const struct leat_runtime_filter *filter,
                                                       uint32_t *placed, struct leat_error *err);
/* Makes the filter of the slots of key `key` in the rows; its memory lies in the arena. */
LEAT_CHECKED enum leat_status leat_runtime_filter_fill(struct leat_runtime_filter *filter,
                                                       const struct leat_key_layout *layout,
                                                       uint32_t key, const uint8_t *rows,
                                                       uint64_t count, struct leat_arena *arena,
                                                       struct leat_error *err);
/* Makes it of an index of the keys. */
struct leat_key_index;
LEAT_CHECKED enum leat_status leat_runtime_filter_copy(struct leat_runtime_filter *filter,
                                                       const struct leat_key_index *index,
                                                       struct leat_arena *arena,
                                                       struct leat_error *err);
/* Keeps of the selected rows those whose value may be among the keys; nulls go. */
void leat_runtime_filter_narrow(const struct leat_runtime_filter *filter,
                                const struct leat_vector *vector, uint32_t *selection,
                                uint32_t *count);

/* Order of table rows by sort keys, by all threads; used by sort, windows and ordered aggregates.
 * Rows with equal keys keep their order. It needs LEAT_SORT_BYTES of memory for each row, of which
 * 4 are the result's. */
#define LEAT_SORT_BYTES(keys) (40 + (keys)*24)
LEAT_CHECKED enum leat_status leat_sort_permutation(struct leat_exec *exec,
                                                    const struct leat_table_rows *table,
                                                    const struct leat_sort_key *keys,
                                                    uint32_t key_count, struct leat_arena *arena,
                                                    uint32_t **out, struct leat_error *err);

static inline enum leat_status leat_exec_check(const struct leat_exec *exec, struct leat_error *err)
{
    return leat_cancel_requested(exec->options->cancel)
               ? leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled")
               : LEAT_OK;
}

#endif
