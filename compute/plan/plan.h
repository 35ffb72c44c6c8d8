/*
 * Plans: trees of relational operators with all names, types and costs decided. Made by the
 * planner, read-only for the executor; the same tree is cut into stages at EXCHANGE nodes and
 * travels to worker processes as bytes.
 */
#ifndef LEAT_COMPUTE_PLAN_PLAN_H
#define LEAT_COMPUTE_PLAN_PLAN_H

#include "compute/kernels/function.h"

enum leat_plan_kind { /* stable numbers: part of serialised plans */
                      LEAT_PLAN_SCAN = 0,
                      LEAT_PLAN_VALUES = 1, /* rows of constant expressions; with no columns: one
                                               empty row (SELECT 1) */
                      LEAT_PLAN_FILTER = 2,
                      LEAT_PLAN_PROJECT = 3,
                      LEAT_PLAN_AGGREGATE = 4, /* output: keys, then aggregates */
                      LEAT_PLAN_JOIN = 5, /* output: left columns, then right columns (SEMI, ANTI:
                                             left only; MARK: left, boolean) */
                      LEAT_PLAN_SORT = 6, /* with limit: top-k */
                      LEAT_PLAN_LIMIT = 7,
                      LEAT_PLAN_UNION = 8,    /* UNION ALL of children with equal types; other set
                                                 operations become join + aggregate */
                      LEAT_PLAN_EXCHANGE = 9, /* a cut between stages */
                      LEAT_PLAN_WRITE = 10, /* rows into a sink; no output rows, receipts instead */
                      LEAT_PLAN_SHARED = 11, /* a subplan computed once and read by several parents
                                                (CTE, common subplan) */
                      LEAT_PLAN_WINDOW = 12, /* output: child columns, then window results */
                      LEAT_PLAN_UNNEST =
                          13, /* set-returning: each row of the child times the items of a list */
                      LEAT_PLAN_INPUT =
                          14, /* in a fragment: rows that arrive from another stage's exchange */
                      LEAT_PLAN_SERIES = 15, /* generate_series(start, stop, step) of constants */
                      LEAT_PLAN_RECURSIVE = 16, /* rows of the first child, then of the second,
                                                   which reads those of its last round by WORKING,
                                                   until it gives none */
                      LEAT_PLAN_WORKING = 17
};

enum leat_join_type {
    LEAT_JOIN_INNER = 0,
    LEAT_JOIN_LEFT = 1,
    LEAT_JOIN_RIGHT = 2,
    LEAT_JOIN_FULL = 3,
    LEAT_JOIN_SEMI = 4,
    LEAT_JOIN_ANTI = 5, /* NOT EXISTS */
    LEAT_JOIN_MARK =
        6, /* left columns + boolean: x IN (subquery), three-valued (null if unknown) */
    LEAT_JOIN_SINGLE = 7 /* scalar subquery: like LEFT, but a second match is L2203 */
};
enum leat_exchange_type {
    LEAT_EXCHANGE_SINGLE = 0,
    LEAT_EXCHANGE_HASH = 1,
    LEAT_EXCHANGE_BROADCAST = 2,
    LEAT_EXCHANGE_RANGE = 3
};
enum leat_aggregate_mode {
    LEAT_AGGREGATE_COMPLETE = 0,
    LEAT_AGGREGATE_PARTIAL =
        1, /* output: keys, then one BYTES column a call holding its serialised state */
    LEAT_AGGREGATE_FINAL = 2 /* input is what PARTIAL gives */
};

/* The rows of a window call's frame. ROWS counts rows from the current one, GROUPS its groups of
 * peers, RANGE goes by the value of the one ORDER BY column. The default is RANGE from the start of
 * the partition to the current row's last peer. */
#define LEAT_FRAME_UNBOUNDED INT64_MAX /* as end; negated as start */
enum leat_frame_unit { LEAT_FRAME_RANGE = 0, LEAT_FRAME_ROWS = 1, LEAT_FRAME_GROUPS = 2 };
enum leat_frame_exclude {
    LEAT_FRAME_EXCLUDE_NONE = 0,
    LEAT_FRAME_EXCLUDE_CURRENT_ROW = 1,
    LEAT_FRAME_EXCLUDE_GROUP = 2, /* the row and its peers */
    LEAT_FRAME_EXCLUDE_TIES = 3   /* its peers */
};
struct leat_frame {
    enum leat_frame_unit unit;
    int64_t start; /* ROWS, GROUPS: -1 is 1 PRECEDING. RANGE: 0 is the current row's peers */
    int64_t end;
    enum leat_frame_exclude exclude;
    /* RANGE with offsets: the call has one more argument, the ORDER BY column in the type of the
     * bounds, and behind it the first value of the frame, the last one, or both. */
    bool start_value, end_value;
};
/* How many arguments of the call are the frame's. */
static inline uint32_t leat_frame_values(const struct leat_frame *frame)
{
    return frame->start_value || frame->end_value ? 1u + frame->start_value + frame->end_value : 0;
}
struct leat_window_call {
    struct leat_aggregate call; /* aggregate or window function */
    struct leat_frame frame;
};

struct leat_plan {
    enum leat_plan_kind kind;
    struct leat_schema schema; /* of the output */
    uint32_t child_count;
    struct leat_plan **children;
    double rows; /* estimate */
    union {
        struct {
            struct leat_source *source; /* owned by the plan's owner (struct leat_plan_owner) */
            struct leat_scan scan;      /* columns and hints */
            struct leat_expr *filter; /* exact condition over the scan's output columns, or NULL */
            uint32_t output_count; /* the first output_count scan columns are the schema; the rest
                                      serve filter */
            struct leat_text *splits; /* fragments only: the splits of this task */
            uint32_t split_count;
        } scan;
        struct {
            uint32_t row_count;
            struct leat_expr ***rows; /* rows[r][c] */
        } values;
        struct {
            struct leat_expr *condition;
        } filter;
        struct {
            struct leat_expr **exprs; /* schema.count of them */
        } project;
        struct {
            uint32_t key_count;
            struct leat_expr **keys;
            uint32_t call_count;
            struct leat_aggregate *calls;
            enum leat_aggregate_mode mode;
        } aggregate;
        struct {
            enum leat_join_type type;
            uint32_t key_count;            /* equality conditions; 0: cross or nested-loop join */
            struct leat_expr **left_keys;  /* over the left child */
            struct leat_expr **right_keys; /* over the right child, of the same types */
            bool *null_safe;               /* IS NOT DISTINCT FROM, per key; NULL: none */
            struct leat_expr
                *residual;   /* further condition over left columns, then right columns; or NULL */
            bool build_left; /* hash the left side instead of the right */
        } join;
        struct {
            uint32_t key_count;
            struct leat_sort_key *keys;
            uint64_t limit; /* UINT64_MAX: all */
            uint64_t offset;
        } sort;
        struct {
            uint64_t limit;
            uint64_t offset;
        } limit;
        struct {
            enum leat_exchange_type type;
            uint32_t key_count;
            struct leat_expr **keys;
        } exchange;
        struct {
            struct leat_sink *sink;
        } write;
        struct {
            uint32_t id; /* equal ids have the same child pointer */
        } shared;
        struct {
            uint32_t key_count;
            struct leat_expr **partition_keys;
            uint32_t order_count;
            struct leat_sort_key *order;
            uint32_t call_count;
            struct leat_window_call *calls;
        } window;
        struct {
            struct leat_expr *list; /* over the child */
            bool keep_empty;        /* LEFT JOIN LATERAL */
            bool ordinality;
        } unnest;
        struct {
            uint32_t stage; /* which of the inputs of its stage */
        } input;
        struct {
            struct leat_expr *start, *stop, *step;
        } series;
        struct {         /* RECURSIVE, WORKING */
            uint32_t id; /* of the recursion */
            bool all;    /* WORKING: rows of all rounds so far, not of the last one */
        } recursion;
    };
};

/* Keeps what a plan borrows: closed together. */
struct leat_plan_owner {
    struct leat_arena arena;
    struct leat_source **sources;
    size_t source_count;
    struct leat_sink **sinks;
    size_t sink_count;
    /* Kinds of sinks beyond those of compute/plan/sources.c that leat_plan_read may meet. */
    const struct leat_sink_kind *sink_kinds;
    size_t sink_kind_count;
    bool calls_volatile; /* a query that was planned calls random() or its like */
    int64_t started;     /* what now() is in all that is planned; 0: not asked yet */
};
void leat_plan_owner_init(struct leat_plan_owner *owner, struct leat_accountant *accountant);
void leat_plan_owner_release(struct leat_plan_owner *owner);
/* The owner takes the source or sink, also on failure. */
LEAT_CHECKED enum leat_status leat_plan_own_source(struct leat_plan_owner *owner,
                                                   struct leat_source *source,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status leat_plan_own_sink(struct leat_plan_owner *owner,
                                                 struct leat_sink *sink, struct leat_error *err);

/* Serialisation of whole plans or fragments; sources and sinks travel by their put(). */
LEAT_CHECKED enum leat_status leat_plan_put(const struct leat_plan *plan, struct leat_buffer *out,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status leat_plan_read(struct leat_cursor *cursor,
                                             struct leat_plan_owner *owner, struct leat_plan **out,
                                             struct leat_error *err);
/* EXPLAIN's tree. */
LEAT_CHECKED enum leat_status leat_plan_print(const struct leat_plan *plan, struct leat_buffer *out,
                                              struct leat_error *err);

#endif
