/*
 * Queries that the program itself writes as text, over sources with names: audits, tests and the
 * quarantine use the same engine as everybody's queries.
 */
#ifndef LEAT_ORCHESTRATION_TEXT_QUERY_H
#define LEAT_ORCHESTRATION_TEXT_QUERY_H

#include "compute/exec/execute.h"
#include "compute/plan/planner.h"

/* A name and what opens it, as often as the query names it. */
struct leat_named_source {
    const char *name;
    enum leat_status (*open)(void *context, struct leat_source **out, struct leat_error *err);
    void *context;
};
/* A catalog of these; other names are looked up in `behind` (may be NULL). In the caller's storage.
 */
struct leat_named_sources {
    struct leat_catalog base;
    struct leat_catalog *behind;
    const struct leat_named_source *items;
    size_t count;
};
void leat_named_sources_init(struct leat_named_sources *sources,
                             const struct leat_named_source *items, size_t count,
                             struct leat_catalog *behind);
/* Opens the rows in memory (struct leat_rows) that are the context. */
LEAT_CHECKED enum leat_status leat_named_rows_open(void *context, struct leat_source **out,
                                                   struct leat_error *err);

/* Parses and plans; the text must outlive the owner. */
LEAT_CHECKED enum leat_status leat_text_query_plan(const struct leat_buffer *sql,
                                                   struct leat_catalog *catalog,
                                                   struct leat_plan_owner *owner,
                                                   struct leat_plan **out, struct leat_error *err);
/* Runs it and keeps the rows, which the caller releases (also after a failure). */
LEAT_CHECKED enum leat_status leat_text_query_rows(const struct leat_buffer *sql,
                                                   struct leat_catalog *catalog,
                                                   const struct leat_execute_options *execute,
                                                   struct leat_rows *out, struct leat_error *err);
/* Appends "SELECT cast, ... FROM name": the columns of `target` from those of `from`, by name or by
 * position, with explicit casts; by name, what `from` lacks is null. */
LEAT_CHECKED enum leat_status leat_text_query_put_cast(const struct leat_schema *from,
                                                       const struct leat_schema *target,
                                                       bool by_name, const char *name,
                                                       struct leat_buffer *out,
                                                       struct leat_error *err);
/* Names the columns column1, column2, ..., so that they can be told apart; names lie in the arena.
 */
LEAT_CHECKED enum leat_status leat_text_query_number_columns(struct leat_schema *schema,
                                                             struct leat_arena *arena,
                                                             struct leat_error *err);
/* Appends names, quoted where they must be, with commas between. */
LEAT_CHECKED enum leat_status leat_text_query_put_names(const struct leat_sql_names *names,
                                                        const char *prefix, struct leat_buffer *out,
                                                        struct leat_error *err);

#endif
