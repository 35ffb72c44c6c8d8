/*
 * The function registry: scalar, aggregate and (later) window functions, resolved by name and
 * argument types as PostgreSQL resolves overloads. Operators are functions whose name is the
 * operator ("+", "=", "||", "~", "like").
 */
#ifndef LEAT_COMPUTE_KERNELS_FUNCTION_H
#define LEAT_COMPUTE_KERNELS_FUNCTION_H

#include "compute/kernels/expression.h"

enum leat_function_kind { LEAT_FUNCTION_SCALAR, LEAT_FUNCTION_AGGREGATE, LEAT_FUNCTION_WINDOW };

/* Opaque to the binder; the kernels define what is inside (compute/kernels/kernels_internal.h). The
 * first members are public. */
struct leat_function {
    const char *name;
    enum leat_function_kind kind;
    const char
        *signature;       /* for help and candidates: "substr(text, integer [, integer]) -> text" */
    const char *help;     /* one line */
    bool volatile_result; /* random(), gen_random_uuid() */
    bool statement_clock; /* now(): a constant of the statement, which the binder puts in its place
                           */
    bool needs_order;     /* string_agg, array_agg: the result depends on the order of rows */
    const struct leat_function_implementation *implementation;
};

struct leat_function_match {
    const struct leat_function *function;
    const struct leat_type **arg_types; /* what each argument is to be cast to; in the arena */
    const struct leat_type *result_type;
};

/* Finds the function and overload. An argument's type may be LEAT_NULL (unknown literal: takes the
 * type of what it meets; `arg_is_literal[i]` says a TEXT argument is an untyped string literal and
 * may turn into any type). Unknown name: L2103 with near names; no overload: L2104 with the
 * candidates; ambiguous: L2105. */
LEAT_CHECKED enum leat_status
leat_function_resolve(const char *name, const struct leat_type *const *arg_types,
                      const bool *arg_is_literal, uint32_t arg_count, struct leat_arena *arena,
                      struct leat_function_match *out, struct leat_error *err);
/* Narrows call->type where constant arguments say more than types: round(x, 2), EXTRACT(year FROM
 * t). To be called by the binder when a CALL has its function, type and (cast) arguments. */
void leat_function_refine(struct leat_expr *call);
/* Kind of the function(s) of that name, without resolving; false if there is none. Names are lower
 * case. */
bool leat_function_exists(const char *name, enum leat_function_kind *kind);
/* The i-th registered function, NULL past the end: for docs, completion and \df. */
const struct leat_function *leat_function_at(size_t index);

/* A resolved function as bytes (name and overload) and back. */
LEAT_CHECKED enum leat_status leat_function_put(const struct leat_function *function,
                                                struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_function_read(struct leat_cursor *cursor,
                                                 const struct leat_function **out,
                                                 struct leat_error *err);

/*
 * Grouped aggregation over many groups at once. States of one aggregate call are fixed-size records
 * in one array (what must grow lies in the arena given at creation). Float sums are exact, so that
 * no order of rows or merges changes the result.
 */
struct leat_aggregate_ops {
    size_t state_size; /* multiple of 8; a zeroed state is the empty state */
    /* states + group_of[i] * stride (group_of NULL: group 0) takes row i of args (args already
     * evaluated, any form), for i in [0,count); `selection` may be NULL (all rows) or says which
     * rows i to take. group_of is indexed by row. */
    enum leat_status (*update)(const struct leat_aggregate *call, void *states, size_t stride,
                               const uint32_t *group_of, const uint32_t *selection, uint32_t count,
                               const struct leat_vector *args, struct leat_arena *arena,
                               struct leat_error *err);
    /* Adds state `from` (its arena memory stays alive) into `into`. */
    enum leat_status (*merge)(const struct leat_aggregate *call, void *into, const void *from,
                              struct leat_arena *arena, struct leat_error *err);
    /* Appends `count` results, the states `stride` bytes apart, to a FLAT vector with room for
     * them. */
    enum leat_status (*finish)(const struct leat_aggregate *call, const void *states, size_t stride,
                               uint32_t count, struct leat_vector *out, struct leat_arena *arena,
                               struct leat_error *err);
    /* One state as bytes and back, for spilling and for partial aggregation across processes. */
    enum leat_status (*put)(const struct leat_aggregate *call, const void *state,
                            struct leat_buffer *out, struct leat_error *err);
    enum leat_status (*read)(const struct leat_aggregate *call, struct leat_cursor *cursor,
                             void *state, struct leat_arena *arena, struct leat_error *err);
};
/* The operations of a resolved call. DISTINCT and FILTER are the operator's work (exec), not the
 * kernel's. */
const struct leat_aggregate_ops *leat_aggregate_ops_get(const struct leat_aggregate *call);

#endif
