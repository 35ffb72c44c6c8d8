/*
 * Tests of a pipeline: CREATE TEST ... GIVEN ... EXPECT .... The pipeline's own definitions run on
 * the given rows, in memory, by the same engine; no lake is opened.
 *
 * GIVEN names a dataset, or a flow. If its query reads files that have the given columns, the rows
 * take the place of the files' rows and pass through the query; else they take the place of what
 * the query gives. Either way they pass the expectations. Columns that are not named are null. What
 * is not given is empty: a test reads no data files but for their columns.
 */
#ifndef LEAT_ORCHESTRATION_TEST_H
#define LEAT_ORCHESTRATION_TEST_H

#include "orchestration/update.h"

enum { LEAT_TEST_SHOWN = 10 }; /* rows of each kind that a failure shows */

/* One EXPECT. Texts lie in the arena that was passed. */
struct leat_test_check {
    const char *target;
    bool quarantine; /* EXPECT QUARANTINE OF target COUNT expected */
    uint64_t expected;
    uint64_t found;
    uint64_t missing_count;
    uint64_t unexpected_count;
    const char *missing[LEAT_TEST_SHOWN]; /* as rows of VALUES */
    const char *unexpected[LEAT_TEST_SHOWN];
    struct leat_error error; /* L4301 with its place, if the check failed */
};
struct leat_test_result {
    const char *name;
    const char *file;
    uint64_t line;
    bool passed;
    uint32_t check_count;
    struct leat_test_check *checks;
    struct leat_error error; /* why it could not run; status LEAT_OK if it could */
    double seconds;
};

/* Runs the test of that index. A failing test is a result, not an error; errors are those of the
 * program (out of memory, interrupted). */
LEAT_CHECKED enum leat_status leat_test_run(struct leat_pipeline *pipeline, uint32_t index,
                                            struct leat_cancel *cancel, struct leat_arena *arena,
                                            struct leat_test_result *out, struct leat_error *err);

#endif
