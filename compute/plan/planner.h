/*
 * From a syntax tree to a plan: binding names and types, unnesting subqueries, choosing the plan.
 */
#ifndef LEAT_COMPUTE_PLAN_PLANNER_H
#define LEAT_COMPUTE_PLAN_PLANNER_H

#include "base/file.h"
#include "compute/plan/catalog.h"
#include "compute/sql/parser.h"

/* A call of read_csv(...), read_files(...) or FROM 'file', with its arguments evaluated. */
struct leat_file_call {
    bool origin;          /* with the columns of leat_source.has_origin, if the format has them */
    const char *function; /* "read_csv", "read_json", "read_parquet", "read_avro", "read_files" */
    uint32_t pattern_count;
    const char **patterns; /* files, folders or globs, joined with the options' folder */
    uint32_t option_count;
    struct leat_option_value *options;
    uint32_t offset; /* in the script, for errors */
    uint32_t length;
};

/* What stands for $1, $2, ... of a statement. A type that is NULL is decided by the planner, as a
 * literal's: it is that of what the parameter meets first. */
struct leat_plan_parameter {
    const struct leat_type *type; /* in `arena` if the planner decided */
    bool open;                    /* decided as text, for want of anything better */
    bool is_null;
    struct leat_text value; /* its text form */
};
struct leat_plan_parameters {
    struct leat_plan_parameter *items;
    uint32_t count;
    struct leat_arena *arena; /* where decided types are kept */
};

/* What the optimizer does, each of which can be turned off: for tests, and to find out which one
 * makes a query slow. No rule changes a result. */
enum leat_plan_rule {
    LEAT_RULE_CONSTANT_FOLDING,
    LEAT_RULE_FILTER_FACTORING, /* what all branches of an OR share stands beside it */
    LEAT_RULE_FILTER_IMPLIED,   /* an OR over several tables says something of each */
    LEAT_RULE_FILTER_PUSHDOWN,  /* into scans, below groupings, windows and unions */
    LEAT_RULE_OUTER_TO_INNER,
    LEAT_RULE_IMPLIED_EQUALITIES,
    LEAT_RULE_JOIN_ORDER,
    LEAT_RULE_SEMI_JOIN_PLACE,
    LEAT_RULE_ANTI_JOIN, /* NOT IN and NOT EXISTS */
    LEAT_RULE_LIMIT_PUSHDOWN,
    LEAT_RULE_GROUP_KEYS,      /* keys that others determine are computed behind the grouping */
    LEAT_RULE_SHIFTED_SUMS,    /* sum(a + 1), sum(a + 2), ... of sum(a) and count(a) */
    LEAT_RULE_DISTINCT_CALLS,  /* DISTINCT calls by a grouping of their argument */
    LEAT_RULE_RUNTIME_FILTERS, /* from the build sides of joins into scans */
    LEAT_RULE_COUNT
};
const char *leat_plan_rule_name(enum leat_plan_rule rule);
/* A list of names, "all" or "" as a set of bits (1 << rule). False: a name is unknown. */
bool leat_plan_rules_parse(struct leat_text text, uint32_t *out);

struct leat_plan_options {
    struct leat_catalog *catalog;   /* what names mean; NULL: there are no tables */
    struct leat_expr_source source; /* the script's name and text, for carets */
    const char *folder;             /* relative file names start here; NULL: the current folder */
    uint32_t rules_off;             /* bits of enum leat_plan_rule */
    struct leat_plan_parameters *parameters; /* NULL: the statement has none */
    /* Asks for two more columns behind the query's own, which say where each row comes from, as
     * leat_source.has_origin; set to whether they are there. NULL: not asked. */
    bool *origin;
    /* Opens STREAM name, STREAM(name) and STREAM read_files(...); the planner takes the source.
     * NULL: STREAM is refused outside pipelines. `call` is NULL for names. */
    enum leat_status (*open_stream)(void *context, const struct leat_sql_from *from,
                                    const struct leat_file_call *call, struct leat_source **out,
                                    struct leat_error *err);
    void *stream_context;
    /* Opens file calls without STREAM, as open_stream does; NULL: the files themselves are opened.
     */
    enum leat_status (*open_files)(void *context, const struct leat_file_call *call,
                                   struct leat_source **out, struct leat_error *err);
};

/* Plans a query. Everything lies in the owner. Errors point into options->source. */
LEAT_CHECKED enum leat_status leat_plan_query(const struct leat_sql_query *query,
                                              const struct leat_plan_options *options,
                                              struct leat_plan_owner *owner, struct leat_plan **out,
                                              struct leat_error *err);
/* Puts a projection on the plan that gives exactly the columns of `target`, with PostgreSQL's
 * assignment casts: by name (columns that the plan lacks become null; columns that the target lacks
 * are an error) or by position. */
LEAT_CHECKED enum leat_status leat_plan_coerce(struct leat_plan *plan,
                                               const struct leat_schema *target, bool by_name,
                                               const struct leat_plan_options *options,
                                               struct leat_plan_owner *owner,
                                               struct leat_plan **out, struct leat_error *err);
/* Binds an expression (no aggregates or subqueries) over rows of `schema`, as a boolean if
 * `boolean`. */
LEAT_CHECKED enum leat_status leat_plan_expression(const struct leat_sql_expr *expression,
                                                   const struct leat_schema *schema, bool boolean,
                                                   const struct leat_plan_options *options,
                                                   struct leat_arena *arena, struct leat_expr **out,
                                                   struct leat_error *err);
/* Evaluates a table function's arguments; LEAT_NOT_FOUND if `from` is no file call. */
LEAT_CHECKED enum leat_status
leat_plan_file_call(const struct leat_sql_from *from, const struct leat_plan_options *options,
                    struct leat_arena *arena, struct leat_file_call *out, struct leat_error *err);
/* The files that the call names now, sorted; a pattern without any match is L1402. */
LEAT_CHECKED enum leat_status leat_plan_file_list(const struct leat_file_call *call,
                                                  struct leat_file_list *out,
                                                  struct leat_error *err);
/* Opens the given files as the call says (format by function, option, extension or content). */
LEAT_CHECKED enum leat_status leat_plan_open_files(const struct leat_file_call *call,
                                                   const struct leat_file_info *files, size_t count,
                                                   struct leat_source **out,
                                                   struct leat_error *err);

/* The format of that name ("csv"), or NULL; the i-th format, or NULL past the end. */
struct leat_format;
const struct leat_format *leat_plan_format(const char *name);
const struct leat_format *leat_plan_format_at(size_t index);

#endif
