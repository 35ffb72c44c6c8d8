/*
 * Bound expressions and their evaluation on batches.
 *
 * The binder (compute/plan) makes trees of `struct leat_expr` with all types decided and all
 * implicit casts present. An evaluator compiles trees once (common subexpressions, constant
 * folding) and runs them batch by batch, a typed loop for each node. Conditional evaluation is
 * exact: CASE, COALESCE, AND, OR never evaluate an argument for rows that do not need it, so that
 * `CASE WHEN x <> 0 THEN 1/x END` cannot fail.
 */
#ifndef LEAT_COMPUTE_KERNELS_EXPRESSION_H
#define LEAT_COMPUTE_KERNELS_EXPRESSION_H

#include "columns/source.h"

struct leat_function;

enum leat_expr_kind {                       /* stable numbers: part of serialised plans */
                      LEAT_EXPR_COLUMN = 0, /* column of the input batch */
                      LEAT_EXPR_CONSTANT = 1,
                      LEAT_EXPR_CALL = 2, /* function(args): operators are functions named "+", "=",
                                             "like", "||" ... */
                      LEAT_EXPR_CAST = 3, /* args[0] to type; failure is L2202 */
                      LEAT_EXPR_TRY_CAST = 4, /* failure gives null */
                      LEAT_EXPR_AND = 5,      /* n args, three-valued */
                      LEAT_EXPR_OR = 6,
                      LEAT_EXPR_NOT = 7,
                      LEAT_EXPR_IS_NULL = 8,
                      LEAT_EXPR_IS_NOT_NULL = 9,
                      LEAT_EXPR_CASE =
                          10, /* when, then, when, then, ..., [else]; whens are boolean */
                      LEAT_EXPR_COALESCE = 11,
                      LEAT_EXPR_IN =
                          12, /* args[0] IN (args[1..]) all constants of one type; three-valued */
                      LEAT_EXPR_FIELD = 13, /* field `column` of the struct args[0] */
                      LEAT_EXPR_NULLIF = 14,
                      LEAT_EXPR_ROW = 15 /* args become a struct */
};

struct leat_expr {
    enum leat_expr_kind kind;
    const struct leat_type *type;
    uint32_t offset; /* bytes into the statement's text, for carets in run-time errors */
    uint32_t length;
    uint32_t column;                      /* COLUMN, FIELD */
    struct leat_value constant;           /* CONSTANT */
    const struct leat_function *function; /* CALL */
    uint32_t arg_count;
    struct leat_expr **args;
};

/* An aggregate call: function(DISTINCT args ORDER BY ...) FILTER (WHERE filter). */
struct leat_aggregate {
    const struct leat_function *function;
    const struct leat_type *type;
    bool distinct;
    uint32_t arg_count; /* 0: count(*) */
    struct leat_expr **args;
    struct leat_expr *filter; /* or NULL */
    uint32_t order_count;     /* string_agg, array_agg ... ORDER BY */
    struct leat_sort_key *order;
    uint32_t offset;
    uint32_t length;
};

struct leat_sort_key {
    struct leat_expr *expr;
    bool descending;
    bool nulls_first; /* already decided: PostgreSQL's default is last for ascending, first for
                         descending */
};

/* The text being run, so that run-time errors point into it; may be NULL. */
struct leat_expr_source {
    const char *name; /* file, or "" */
    const char *text;
    size_t length;
};

struct leat_evaluator;
/* Compiles `count` expressions over one input. They must outlive the evaluator. Not thread-safe:
 * one a thread. */
LEAT_CHECKED enum leat_status leat_evaluator_new(struct leat_expr *const *exprs, uint32_t count,
                                                 const struct leat_expr_source *source,
                                                 struct leat_accountant *accountant,
                                                 struct leat_evaluator **out,
                                                 struct leat_error *err);
void leat_evaluator_free(struct leat_evaluator *evaluator);
/* results[i] = exprs[i] on the batch, any form, length = batch length; valid until the next run and
 * while `in` is. */
LEAT_CHECKED enum leat_status leat_evaluator_run(struct leat_evaluator *evaluator,
                                                 const struct leat_batch *in,
                                                 struct leat_vector *results,
                                                 struct leat_error *err);
/* Rows for which exprs[0] (boolean) is true: selection holds batch->length entries. */
LEAT_CHECKED enum leat_status leat_evaluator_select(struct leat_evaluator *evaluator,
                                                    const struct leat_batch *in,
                                                    uint32_t *selection, uint32_t *count,
                                                    struct leat_error *err);
/* Evaluates an expression without columns. The value lies in the arena. */
LEAT_CHECKED enum leat_status leat_expr_fold(const struct leat_expr *expr, struct leat_arena *arena,
                                             struct leat_value *out, struct leat_error *err);
/* Serialisation (functions by name and argument types). */
LEAT_CHECKED enum leat_status leat_expr_put(const struct leat_expr *expr, struct leat_buffer *out,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status leat_expr_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                             struct leat_expr **out, struct leat_error *err);
/* SQL-like text, with column names from the schema (may be NULL: $0, $1), for EXPLAIN. */
LEAT_CHECKED enum leat_status leat_expr_print(const struct leat_expr *expr,
                                              const struct leat_schema *schema,
                                              struct leat_buffer *out, struct leat_error *err);
/* True if the trees compute the same (structure, constants, functions). */
bool leat_expr_equal(const struct leat_expr *a, const struct leat_expr *b);
/* False for random(), now() and the like (now is folded to a constant when a statement starts), and
 * errors possible do not count. */
bool leat_expr_is_deterministic(const struct leat_expr *expr);

/* Casts. */
enum leat_cast_level {
    LEAT_CAST_NONE,
    LEAT_CAST_EXPLICIT,   /* only by CAST or :: */
    LEAT_CAST_ASSIGNMENT, /* also when inserting */
    LEAT_CAST_IMPLICIT    /* also in expressions */
};
/* PostgreSQL's rules (pg_cast) carried over to our types. */
enum leat_cast_level leat_cast_level_of(const struct leat_type *from, const struct leat_type *to);

#endif
