/*
 * Expectations on rows, carried out between a flow's query and its table: a sink that lets good
 * rows through.
 */
#ifndef LEAT_ORCHESTRATION_EXPECTATIONS_H
#define LEAT_ORCHESTRATION_EXPECTATIONS_H

#include "compute/kernels/expression.h"
#include "compute/sql/ast.h"

struct leat_expectation {
    const char *name;
    enum leat_sql_violation violation;
    struct leat_expr *expr; /* boolean, over the table's columns; NULL (unknown) is a violation only
                               if it is false: as in CHECK, null passes */
    _Atomic uint64_t violations;
};

/* A sink in front of `inner` (taken). The expectations must outlive it. Rows that violate one with
 * DROP ROW or QUARANTINE ROW do not pass, the latter are told to the attempt's bad_rows; FAIL
 * UPDATE ends the write with L4201 and the first such row; WARN counts. Batches may have two
 * columns more than the table, which say where rows come from (leat_source.has_origin). */
LEAT_CHECKED enum leat_status leat_expectation_sink(struct leat_sink *inner,
                                                    struct leat_expectation *expectations,
                                                    uint32_t count,
                                                    const struct leat_expr_source *source,
                                                    _Atomic uint64_t *rows_passed,
                                                    struct leat_sink **out, struct leat_error *err);

/* Appends a row as a JSON object: how it is shown and kept aside. */
LEAT_CHECKED enum leat_status leat_expectation_put_row(const struct leat_schema *schema,
                                                       const struct leat_batch *batch, uint32_t row,
                                                       struct leat_buffer *out,
                                                       struct leat_error *err);

/* The sink in another process: its writers' receipts begin with their counts. */
extern const struct leat_sink_kind leat_expectation_sink_kind;
/* Takes the counts off such a receipt and adds them; *receipt becomes the inner sink's. */
LEAT_CHECKED enum leat_status
leat_expectation_take_counts(struct leat_text *receipt, struct leat_expectation *expectations,
                             uint32_t count, _Atomic uint64_t *rows_passed, struct leat_error *err);

#endif
