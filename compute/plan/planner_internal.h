/*
 * Shared by the binder and the optimizer: relational trees whose columns have numbers that are
 * unique within one statement.
 *
 * A column's number never changes on its way up, so that a filter can move, a join can be turned
 * and a correlated subquery is simply a tree that uses numbers it does not produce. Only lower.c
 * knows positions. A function that returns a pointer returns NULL after a failure, with the error
 * set; bool functions return false.
 */
#ifndef LEAT_COMPUTE_PLAN_PLANNER_INTERNAL_H
#define LEAT_COMPUTE_PLAN_PLANNER_INTERNAL_H

#include "compute/plan/planner.h"

/* --- sets of column numbers --- */
struct idset {
    uint64_t *words;
    uint32_t word_count;
};

/* --- lists in the arena --- */
struct exprs {
    struct leat_expr **items;
    uint32_t count;
    uint32_t capacity;
};
struct ids {
    uint32_t *items;
    uint32_t count;
    uint32_t capacity;
};

/* --- trees --- */
enum node_kind {
    NODE_SCAN,      /* columns: all of the source; conds */
    NODE_VALUES,    /* row_count rows of columns.count exprs each */
    NODE_FILTER,    /* conds */
    NODE_MAP,       /* left's columns and columns[i] = exprs[i] */
    NODE_AGGREGATE, /* columns: keys (exprs), then calls. A key that is a column keeps its number */
    NODE_JOIN,      /* conds; MARK: columns[0] */
    NODE_SORT,      /* keys, limit, offset */
    NODE_LIMIT,
    NODE_UNION,     /* columns; child_columns[c][i] */
    NODE_SHARED,    /* columns[i] is shared->columns[i] under a number of its own */
    NODE_WINDOW,    /* left's columns and columns: calls */
    NODE_UNNEST,    /* left's columns and columns: item [, ordinality] of exprs[0] */
    NODE_SERIES,    /* columns[0]; exprs: start, stop, step */
    NODE_RECURSIVE, /* columns; child_columns[c][i] of the first rows and of a round */
    NODE_WORKING    /* columns */
};
struct shared {
    uint32_t id;
    struct node *child;
    struct ids columns;
    uint32_t uses;
    bool optimized;
    struct leat_plan *plan; /* when lowered */
    bool seen;              /* by the walk that finds what its readers need */
    bool *needed;           /* by column */
    uint32_t pass;          /* of that walk */
    struct idset free;      /* outer numbers that the child uses */
    bool free_known;
};
struct node {
    enum node_kind kind;
    struct node *left, *right;
    struct ids columns;
    struct exprs exprs;
    struct exprs conds; /* all must hold */
    double rows;        /* estimate; < 0: not yet */
    struct leat_source *source;
    uint32_t row_count;
    uint32_t key_count; /* AGGREGATE: exprs */
    struct leat_aggregate *calls;
    uint32_t call_count;
    enum leat_aggregate_mode mode;
    struct ids states; /* AGGREGATE, FINAL: columns of the calls' states */
    enum leat_join_type join;
    struct leat_sort_key *keys; /* SORT; WINDOW: order */
    uint32_t sort_count;
    struct exprs partition;    /* WINDOW */
    struct leat_frame *frames; /* WINDOW: of each call */
    uint64_t limit, offset;
    struct node **children; /* UNION */
    struct ids *child_columns;
    uint32_t child_count;
    struct shared *shared;
    bool keep_empty, ordinality;
    uint32_t recursion; /* RECURSIVE, WORKING: its number */
    bool all;           /* WORKING: rows of all rounds */
};

struct column_info {
    const char *name;
    const struct leat_type *type;
    bool required;
    /* Statistics of the source's column, if it comes straight from one. */
    const struct leat_column_statistics *statistics;
    double rows; /* of that source */
};

struct planner {
    const struct leat_plan_options *options;
    struct leat_plan_owner *owner;
    struct leat_arena *arena;
    struct leat_expr_source source; /* of the text being bound: the script, or a view's */
    bool in_view;
    struct leat_error *err;
    struct column_info *columns;
    uint32_t column_count, column_capacity;
    uint32_t shared_count, recursion_count;
    int64_t started;    /* what now() is, without an owner who knows it */
    uint32_t origin[2]; /* file and offset columns of the first source that has them */
    bool has_origin;
    const struct leat_sql_cte *binding; /* the WITH query being bound, to tell recursion */
    bool binding_recursive;             /* it is of a WITH RECURSIVE */
    unsigned depth;
};
#define PLANNER_MAX_DEPTH 900

/* --- names --- */
struct range_column {
    struct leat_text name;
    uint32_t id;
};
struct range { /* a table in FROM */
    struct leat_text alias;
    const struct leat_sql_path *path; /* for schema.table.column; or NULL */
    struct range_column *columns;
    uint32_t count;
    bool scalar; /* a function's values: its name means the value, not a row of one */
};
struct visible { /* columns that * gives and that plain names find */
    struct leat_text name;
    uint32_t id;
    uint32_t range; /* index; UINT32_MAX: merged by USING */
};
struct scope {
    struct scope *outer;
    struct range *ranges;
    uint32_t range_count;
    struct visible *visible;
    uint32_t visible_count;
    struct cte *ctes;                     /* innermost first */
    const struct leat_sql_select *select; /* for window names */
};
struct output {
    struct leat_text name;
    uint32_t id;
    bool untyped; /* a literal that takes the type of the other side of a set operation */
};
struct bound_query {
    struct node *node;
    struct output *outputs;
    uint32_t count;
};
struct working { /* what a recursive query's own name means inside it */
    uint32_t recursion;
    const struct output *outputs; /* names and, by their columns, types */
    const struct leat_type **types;
    uint32_t count, uses;
};
struct cte {
    struct cte *next;
    bool recursive;          /* of WITH RECURSIVE */
    struct working *working; /* or NULL */
    struct leat_sql_cte *definition;
    struct cte *visible; /* what its query may use */
    bool bound;
    struct bound_query query;
    struct shared *shared;
};

/* What an expression may contain where it stands, and where its subqueries go. */
enum clause {
    CLAUSE_WHERE,
    CLAUSE_ON,
    CLAUSE_GROUP_BY,
    CLAUSE_SELECT,
    CLAUSE_HAVING,
    CLAUSE_ORDER_BY,
    CLAUSE_VALUES,
    CLAUSE_FROM, /* arguments of table functions */
    CLAUSE_LIMIT,
    CLAUSE_AGGREGATE, /* inside an aggregate's arguments */
    CLAUSE_WINDOW,
    CLAUSE_EXPRESSION /* leat_plan_expression */
};
struct pending { /* a subquery, or a set-returning call, that waits for its tree */
    struct pending *next;
    enum leat_join_type join;
    struct node *right; /* NULL: the items of the list conds[0] */
    struct exprs conds;
    uint32_t value; /* SINGLE: the value's column; MARK: the mark's column */
    uint32_t result;
    bool two_valued; /* EXISTS */
};
struct grouping_call { /* GROUPING(a, b), as a column */
    struct exprs args;
    uint32_t id;
    uint32_t offset, length;
};
struct aggregates {
    struct leat_aggregate *calls;
    struct ids ids;
    uint32_t count, capacity;
    struct grouping_call *groupings;
    uint32_t grouping_count, grouping_capacity;
};
struct window_call {
    struct leat_aggregate call;
    struct exprs partition;
    struct leat_sort_key *keys;
    uint32_t sort_count;
    struct leat_frame frame;
    struct exprs range; /* the frame's values, behind the call's arguments */
    uint32_t id;
};
struct windows {
    struct window_call *calls;
    uint32_t count, capacity;
};
/* Items of the select list that other expressions of the same SELECT may name, as in Spark. */
struct aliases {
    struct leat_text *const *names;
    const struct exprs *items;
};
struct binding {
    struct planner *pl;
    struct scope *scope;
    enum clause clause;
    struct pending **pending_tail; /* where subqueries met are noted; NULL: none allowed */
    struct aggregates *aggregates; /* NULL: none allowed */
    struct windows *windows;       /* NULL: none allowed */
    struct pending **inner_tail;   /* of subqueries inside aggregates */
    struct pending **set_tail;     /* of set-returning calls; NULL: none allowed */
    const struct aliases *aliases; /* or NULL */
};

static inline bool rule_is_on(const struct planner *pl, enum leat_plan_rule rule)
{
    return !(pl->options->rules_off >> rule & 1);
}
/* An untyped string literal has this type (by address) until something decides. */
extern const struct leat_type planner_unknown;
static inline bool is_unknown(const struct leat_expr *expr)
{
    return expr->type == &planner_unknown;
}

/* --- node.c --- */
void *plan_alloc(struct planner *pl, size_t size);
void *plan_grow(struct planner *pl, void *items, uint32_t count, uint32_t *capacity, size_t size);
bool plan_fail(struct planner *pl, int code, uint32_t offset, uint32_t length, const char *hint,
               const char *format, ...) __attribute__((format(printf, 6, 7)));
bool plan_memory(struct planner *pl);
/* Adds the place to an error that a callee set. */
bool plan_place(struct planner *pl, uint32_t offset, uint32_t length);
bool exprs_add(struct planner *pl, struct exprs *list, struct leat_expr *expr);
bool exprs_append(struct planner *pl, struct exprs *list, const struct exprs *more);
/* Splits ANDs. */
bool exprs_add_conjuncts(struct planner *pl, struct exprs *list, struct leat_expr *expr);
bool ids_add(struct planner *pl, struct ids *list, uint32_t id);
bool idset_add(struct planner *pl, struct idset *set, uint32_t id);
void idset_remove(struct idset *set, uint32_t id);
bool idset_has(const struct idset *set, uint32_t id);
bool idset_or(struct planner *pl, struct idset *set, const struct idset *more);
bool idset_meets(const struct idset *a, const struct idset *b);
bool idset_within(const struct idset *a, const struct idset *b); /* a is a subset of b */
bool idset_empty(const struct idset *set);
/* UINT32_MAX on failure. */
uint32_t new_column(struct planner *pl, const char *name, const struct leat_type *type);
struct node *new_node(struct planner *pl, enum node_kind kind, struct node *left);
/* node with conds; `left` itself if there are none. */
struct node *new_filter(struct planner *pl, struct node *left, const struct exprs *conds);
struct node *new_join(struct planner *pl, enum leat_join_type type, struct node *left,
                      struct node *right);
struct node *new_one_row(struct planner *pl);
/* A further reader of the subplan; `same` keeps the numbers. */
struct node *new_shared_use(struct planner *pl, struct shared *shared, bool same);
struct shared *new_shared(struct planner *pl, struct node *child);
bool node_outputs(struct planner *pl, const struct node *node, struct idset *out);
/* Numbers used below that are not produced below. */
bool node_free(struct planner *pl, const struct node *node, struct idset *out);
bool expr_refs(struct planner *pl, const struct leat_expr *expr, struct idset *out);
bool exprs_refs(struct planner *pl, const struct exprs *list, struct idset *out);
struct leat_expr *expr_column(struct planner *pl, uint32_t id, const struct leat_expr *place);
struct leat_expr *expr_new(struct planner *pl, enum leat_expr_kind kind,
                           const struct leat_type *type, uint32_t arg_count);
struct leat_expr *expr_boolean(struct planner *pl, bool value);
struct leat_expr *expr_integer(struct planner *pl, int64_t value);
struct leat_expr *expr_null(struct planner *pl, const struct leat_type *type);
struct leat_expr *expr_and(struct planner *pl, const struct exprs *list); /* at least one */
struct leat_expr *expr_unary(struct planner *pl, enum leat_expr_kind kind, struct leat_expr *arg);
bool expr_is_true(const struct leat_expr *expr);
bool expr_is_equality(const struct leat_expr *expr); /* a call of "=" */
/* A copy in which columns are replaced: ids[i] by replacements[i]. Unchanged parts are shared. */
struct leat_expr *expr_replace(struct planner *pl, struct leat_expr *expr, const uint32_t *ids,
                               struct leat_expr *const *replacements, uint32_t count);
bool exprs_replace(struct planner *pl, struct exprs *list, const uint32_t *ids,
                   struct leat_expr *const *replacements, uint32_t count);
bool expr_deterministic(const struct leat_expr *expr);

/* --- bind_expr.c --- */
struct leat_expr *bind_expr(struct binding *b, const struct leat_sql_expr *ast);
/* As a boolean; the message names the clause. */
struct leat_expr *bind_condition(struct binding *b, const struct leat_sql_expr *ast,
                                 const char *clause);
struct leat_expr *bind_call_of(struct binding *b, const char *name, struct leat_expr **args,
                               uint32_t count, const struct leat_sql_expr *place);
/* --- coerce.c --- */
/* To the type, by a cast of at least that level; NULL with an error that names both types. */
struct leat_expr *coerce(struct planner *pl, struct leat_expr *expr, const struct leat_type *type,
                         enum leat_cast_level level, const char *what);
/* An unknown literal becomes text. */
struct leat_expr *decide(struct planner *pl, struct leat_expr *expr);
/* Brings all to one type; `what` names the construct in the error. */
bool coerce_common(struct planner *pl, struct leat_expr **items, uint32_t count, const char *what);
const struct leat_type *common_type(struct planner *pl, struct leat_expr *const *items,
                                    uint32_t count, const char *what);
struct leat_expr *coerce_boolean(struct planner *pl, struct leat_expr *expr, const char *clause);
/* Calls a function or operator on bound arguments. */
struct leat_expr *call_function(struct planner *pl, const char *name, struct leat_expr **args,
                                uint32_t count, uint32_t offset, uint32_t length);
/* --- bind_call.c --- */
struct leat_expr *bind_call(struct binding *b, const struct leat_sql_expr *ast);
/* --- bind_frame.c --- */
/* The frame of a window whose ORDER BY is bound. */
bool bind_frame(struct binding *b, const struct leat_sql_window *window, struct window_call *out);
/* --- bind_spark.c: what Spark's text means by its types --- */
/* CAST, or try_cast if `soft`; the argument is bound. */
struct leat_expr *spark_cast(struct planner *pl, struct leat_expr *arg,
                             const struct leat_type *type, bool soft);
struct leat_expr *spark_operator(struct planner *pl, const struct leat_sql_expr *ast,
                                 struct leat_expr **args);
struct leat_expr *spark_subscript(struct planner *pl, const struct leat_sql_expr *ast,
                                  struct leat_expr **args);
/* map.key of Spark's is map['key']. */
struct leat_expr *spark_map_field(struct planner *pl, struct leat_expr *map, struct leat_text key);
/* A call of a function named spark_*, on bound arguments. */
struct leat_expr *spark_function(struct binding *b, const struct leat_sql_expr *ast,
                                 const char *name, struct leat_expr **args, uint32_t count);
/* spark_explode, spark_posexplode, spark_inline of a bound value. */
struct node *spark_rows(struct planner *pl, const char *name, struct leat_expr *value,
                        struct output **outputs, uint32_t *count);
/* --- bind_subquery.c --- */
struct leat_expr *bind_subquery(struct binding *b, const struct leat_sql_expr *ast);
/* Binds a WHERE or HAVING: EXISTS and IN as semi joins where they are conditions of their own. */
bool bind_where(struct binding *b, const struct leat_sql_expr *ast, const char *clause,
                struct exprs *conds);
/* Puts the subqueries met so far on the tree. */
struct node *attach_pending(struct planner *pl, struct node *tree, struct pending *pending);
/* --- scope.c --- */
struct leat_expr *bind_column(struct binding *b, const struct leat_sql_expr *ast);
bool bind_star(struct binding *b, const struct leat_sql_expr *ast, struct output **outputs,
               uint32_t *count);
/* Appends a table and its columns to the scope. */
bool scope_add(struct planner *pl, struct scope *scope, struct leat_text alias,
               const struct leat_sql_path *path, const struct output *outputs, uint32_t count);
/* --- bind_query.c, bind_select.c, bind_from.c --- */
bool bind_query(struct planner *pl, const struct leat_sql_query *query, struct scope *outer,
                struct bound_query *out);
bool bind_select(struct planner *pl, const struct leat_sql_query *query,
                 const struct leat_sql_body *body, struct scope *outer, struct bound_query *out,
                 bool *ordered);
bool bind_query_body(struct planner *pl, const struct leat_sql_query *query,
                     const struct leat_sql_body *body, struct scope *outer, struct bound_query *out,
                     bool *ordered);
/* The side's columns with the types, and new numbers where a cast is needed. */
struct node *cast_outputs(struct planner *pl, struct bound_query *side,
                          const struct leat_type *const *types);
/* a IS NOT DISTINCT FROM b, in the form that joins know as a null-safe key. */
struct leat_expr *null_safe(struct planner *pl, uint32_t a, uint32_t b);
/* The query of a WITH RECURSIVE, which may use itself behind UNION. */
bool bind_recursive(struct planner *pl, struct cte *cte, struct scope *scope,
                    struct bound_query *out);
struct node *use_working(struct planner *pl, struct working *working, bool all,
                         struct output *outputs);
bool rename_columns(struct planner *pl, const struct leat_sql_names *names, struct output *outputs,
                    uint32_t count, const char *table);
bool bind_limit(struct planner *pl, const struct leat_sql_query *query, struct node **node);
struct node *add_distinct(struct planner *pl, struct node *node, const struct output *outputs,
                          uint32_t count);
/* A column with row_number or rank within the partition. */
struct node *add_numbers(struct planner *pl, struct node *node, const char *function,
                         const struct ids *partition, struct leat_sort_key *keys,
                         uint32_t key_count, uint32_t *id);
bool bind_order_key(struct planner *pl, const struct leat_sql_order *order, struct leat_expr *expr,
                    struct leat_sort_key *out);
/* Types of generate_series' arguments; args has room for three. */
bool bind_series_args(struct planner *pl, struct leat_expr **args, uint32_t given,
                      const struct leat_sql_expr *call);
/* Functions of PostgreSQL that give rows: the items of what a function gives as a list. */
struct row_function {
    const char *name;
    const char *list;
    const char *column; /* NULL: called as the function is, or as fields of the items are */
};
const struct row_function *row_function_find(const char *name);
struct node *bind_from_item(struct planner *pl, const struct leat_sql_from *from,
                            struct scope *scope);
/* --- bind_asof.c --- */
struct node *make_asof(struct planner *pl, const struct leat_sql_from *from, struct node *left,
                       struct node *right, struct exprs *conds);
/* --- unnest.c --- */
/* Joins with a right side that may use columns of the left; the result does not. */
struct node *join_dependent(struct planner *pl, enum leat_join_type type, struct node *left,
                            struct node *right, const struct exprs *conds, uint32_t mark,
                            bool two_valued);
/* The scalar subquery's value as column `result` beside the left columns. */
struct node *join_scalar(struct planner *pl, struct node *left, struct node *right, uint32_t value,
                         uint32_t result);
/* At most one row comes out. */
bool node_is_single(const struct node *node);
/* --- optimize.c, join_order.c, estimate.c --- */
struct node *optimize(struct planner *pl, struct node *node);

/* --- group_rules.c --- */
/* The grouping in a form that costs less, or itself. */
struct node *rewrite_group(struct planner *pl, struct node *group);

/* --- simplify.c --- */
/* Computes what has constant arguments only, in a list or in a node's conditions and expressions.
 */
bool fold_list(struct planner *pl, struct exprs *list);
bool fold_node(struct planner *pl, struct node *node);
bool exprs_contain(const struct exprs *list, const struct leat_expr *expr);
/* (a AND b) OR (a AND c) in a list of conditions becomes a, (b OR c). */
bool factor_ors(struct planner *pl, struct exprs *conds);
/* Adds to `out` what an OR over several tables says of the one with these outputs. */
bool implied_by_or(struct planner *pl, const struct leat_expr *expr, const struct idset *outputs,
                   struct exprs *out);
struct node *order_joins(struct planner *pl, struct node **relations, uint32_t count,
                         struct exprs *conds);
double estimate_rows(struct planner *pl, struct node *node);
double estimate_selectivity(struct planner *pl, const struct leat_expr *cond, double rows);
/* The share of pairs of which a = b. */
double estimate_equality(struct planner *pl, const struct leat_expr *a, const struct leat_expr *b,
                         double rows);
/* For an equality of two columns the rows of the smaller side's table, else INFINITY. */
double estimate_pair_rows(struct planner *pl, const struct leat_expr *cond);
double estimate_distinct(struct planner *pl, const struct leat_expr *expr, double rows);
/* --- lower.c --- */
struct leat_plan *lower_query(struct planner *pl, struct node *node, const struct output *outputs,
                              uint32_t count);

#endif
