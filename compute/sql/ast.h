/*
 * The syntax tree of SQL and pipeline statements, as written: no name is looked up, no type
 * decided.
 *
 * Everything lies in the arena given to the parser. Every node knows the bytes of the script it
 * came from (offset, length), so that each later error can point there. Names are folded to lower
 * case unless they were quoted. Lists are arrays with counts; absent parts are NULL or 0.
 */
#ifndef LEAT_COMPUTE_SQL_AST_H
#define LEAT_COMPUTE_SQL_AST_H

#include "base/buffer.h"

#define LEAT_SQL_MAX_DEPTH 400 /* nesting of expressions and queries */

enum leat_sql_dialect { LEAT_SQL_POSTGRES, LEAT_SQL_SPARK };
/* Where an expression comes from, when the text is Spark's: what the binder must take Spark's way
 * (division, casts, subscripts). */
enum leat_sql_origin {
    LEAT_SQL_ORIGIN_POSTGRES,
    LEAT_SQL_ORIGIN_SPARK,   /* written so */
    LEAT_SQL_ORIGIN_TEMPLATE /* from the form that stands for a function of Spark */
};

struct leat_sql_expr;
struct leat_sql_query;
struct leat_sql_from;

struct leat_sql_name {
    struct leat_text text; /* folded, unescaped, NUL-terminated */
    bool quoted;           /* written with double quotes: the case counts */
    uint32_t offset;
    uint32_t length;
};
struct leat_sql_names {
    uint32_t count;
    struct leat_sql_name *items;
};
/* schema.table or table.column: 1 to 8 parts. */
struct leat_sql_path {
    uint32_t count;
    struct leat_sql_name *parts;
    uint32_t offset;
    uint32_t length;
};
/* A type as written, to be read by leat_type_parse. */
struct leat_sql_type {
    struct leat_text text; /* NUL-terminated; NULL data: no type was given */
    uint32_t offset;
    uint32_t length;
};
/* A property, option or named argument: name = value. */
struct leat_sql_property {
    struct leat_sql_name name;
    struct leat_sql_expr *value;
};

struct leat_sql_exprs {
    uint32_t count;
    struct leat_sql_expr **items;
};

enum leat_sql_expr_kind {
    LEAT_SQL_COLUMN,    /* path */
    LEAT_SQL_STAR,      /* path (may be empty): t.*; star: EXCLUDE, REPLACE */
    LEAT_SQL_INTEGER,   /* text: digits, without underscores */
    LEAT_SQL_DECIMAL,   /* text: digits with a point and/or exponent */
    LEAT_SQL_STRING,    /* text: unescaped */
    LEAT_SQL_BOOLEAN,   /* flag */
    LEAT_SQL_NULL,      /* */
    LEAT_SQL_PARAMETER, /* number: $1 is 1 */
    LEAT_SQL_TYPED,     /* type text: date '2020-01-01' */
    LEAT_SQL_INTERVAL,  /* text, and name: unit or "" (INTERVAL '3' DAY) */
    LEAT_SQL_OPERATOR,  /* name: "+", "->>", "<>"; 1 or 2 args */
    LEAT_SQL_AND,       /* 2 or more args */
    LEAT_SQL_OR,
    LEAT_SQL_NOT,
    LEAT_SQL_IS,         /* args[0] IS [NOT] name: "null", "true", "false", "unknown" */
    LEAT_SQL_DISTINCT,   /* args[0] IS [NOT] DISTINCT FROM args[1] */
    LEAT_SQL_BETWEEN,    /* args: value, low, high; flag: SYMMETRIC */
    LEAT_SQL_LIKE,       /* name: "like", "ilike", "similar to"; args: value, pattern [, escape] */
    LEAT_SQL_IN,         /* args[0] [NOT] IN (args[1..]) */
    LEAT_SQL_IN_QUERY,   /* args[0] [NOT] IN (query) */
    LEAT_SQL_EXISTS,     /* EXISTS (query) */
    LEAT_SQL_SUBQUERY,   /* (query) as a value */
    LEAT_SQL_QUANTIFIED, /* args[0] name ANY|ALL (query or args[1], an array); flag: ALL */
    LEAT_SQL_CASE,       /* args: [operand,] when, then, ..., [else]; see flag and number */
    LEAT_SQL_CAST,       /* args[0]; type; flag: TRY_CAST */
    LEAT_SQL_CALL,       /* call */
    LEAT_SQL_ROW,        /* ROW(args) or (a, b); path: the fields' names, if there are any */
    LEAT_SQL_ARRAY,      /* ARRAY[args] or [args] */
    LEAT_SQL_ARRAY_QUERY,
    LEAT_SQL_MAP,       /* {args[0]: args[1], ...}: keys and values in turn */
    LEAT_SQL_SUBSCRIPT, /* args[0][args[1]] */
    LEAT_SQL_SLICE,     /* args[0][args[1]:args[2]], both may be NULL */
    LEAT_SQL_FIELD,     /* (args[0]).name */
    LEAT_SQL_COLLATE,   /* args[0] COLLATE name */
    LEAT_SQL_DEFAULT    /* DEFAULT in VALUES of an INSERT */
};

struct leat_sql_order {
    struct leat_sql_expr *expr;
    bool descending;
    bool nulls_given; /* NULLS FIRST or LAST was written */
    bool nulls_first;
};
struct leat_sql_orders {
    uint32_t count;
    struct leat_sql_order *items;
};

enum leat_sql_frame_unit { LEAT_SQL_ROWS, LEAT_SQL_RANGE, LEAT_SQL_GROUPS };
enum leat_sql_bound {
    LEAT_SQL_UNBOUNDED_PRECEDING,
    LEAT_SQL_PRECEDING,
    LEAT_SQL_CURRENT_ROW,
    LEAT_SQL_FOLLOWING,
    LEAT_SQL_UNBOUNDED_FOLLOWING
};
enum leat_sql_exclude {
    LEAT_SQL_EXCLUDE_NO_OTHERS,
    LEAT_SQL_EXCLUDE_CURRENT_ROW,
    LEAT_SQL_EXCLUDE_GROUP,
    LEAT_SQL_EXCLUDE_TIES
};
struct leat_sql_frame {
    bool given;
    enum leat_sql_frame_unit unit;
    enum leat_sql_exclude exclude;
    enum leat_sql_bound start, end;
    struct leat_sql_expr *start_value, *end_value; /* PRECEDING, FOLLOWING */
};
struct leat_sql_window {
    struct leat_sql_name name; /* WINDOW name AS, or the window referred to; text.data NULL: none */
    bool reference;            /* OVER name */
    struct leat_sql_exprs partition;
    struct leat_sql_orders order;
    struct leat_sql_frame frame;
    uint32_t offset;
    uint32_t length;
};
struct leat_sql_call {
    struct leat_sql_path function;
    struct leat_sql_exprs args;
    struct leat_sql_name *arg_names; /* args.count of them or NULL; text.data NULL: positional */
    bool star;                       /* count(*) */
    bool distinct;
    struct leat_sql_orders order; /* inside the parentheses, or WITHIN GROUP */
    bool within_group;
    struct leat_sql_expr *filter;
    struct leat_sql_window *over;
};
struct leat_sql_star {
    struct leat_sql_names exclude;
    uint32_t replace_count;
    struct leat_sql_property *replace; /* expr AS name */
};

struct leat_sql_expr {
    enum leat_sql_expr_kind kind;
    uint32_t offset;
    uint32_t length;
    uint16_t depth;  /* of the tree below, at most LEAT_SQL_MAX_DEPTH */
    bool negated;    /* IS NOT, NOT IN, NOT LIKE, NOT BETWEEN */
    bool flag;       /* see the kinds; CASE: has an operand; OPERATOR: in parentheses */
    uint8_t origin;  /* enum leat_sql_origin */
    uint32_t number; /* PARAMETER; CASE: number of when-then pairs */
    struct leat_text name;
    struct leat_text text;
    struct leat_sql_path path;
    struct leat_sql_type type;
    uint32_t arg_count;
    struct leat_sql_expr **args;
    struct leat_sql_query *query;
    struct leat_sql_call *call;
    struct leat_sql_star *star;
};

/* --- FROM --- */
enum leat_sql_from_kind {
    LEAT_SQL_FROM_TABLE,    /* path */
    LEAT_SQL_FROM_FILE,     /* file: FROM 'x.csv' */
    LEAT_SQL_FROM_FUNCTION, /* function: a CALL expression */
    LEAT_SQL_FROM_QUERY,    /* query (VALUES too) */
    LEAT_SQL_FROM_JOIN      /* left, right */
};
enum leat_sql_join {
    LEAT_SQL_JOIN_CROSS,
    LEAT_SQL_JOIN_INNER,
    LEAT_SQL_JOIN_LEFT,
    LEAT_SQL_JOIN_RIGHT,
    LEAT_SQL_JOIN_FULL,
    LEAT_SQL_JOIN_SEMI, /* only the left side's columns are seen behind these two */
    LEAT_SQL_JOIN_ANTI
};
struct leat_sql_from {
    enum leat_sql_from_kind kind;
    uint32_t offset;
    uint32_t length;
    bool stream;  /* STREAM t, STREAM(t), STREAM read_files(...) */
    bool lateral; /* LATERAL; table functions are lateral anyway */
    bool ordinality;
    struct leat_sql_path path;
    struct leat_text file;
    struct leat_sql_expr *function;
    struct leat_sql_query *query;
    struct leat_sql_name alias; /* text.data NULL: none */
    struct leat_sql_names columns;
    /* JOIN */
    enum leat_sql_join join;
    bool natural;
    bool asof;      /* JOIN: INNER or LEFT */
    bool spark;     /* names are the same in any case */
    bool spark_csv; /* csv.`path`: columns are called _c0, _c1, ... */
    uint16_t depth;
    struct leat_sql_from *left, *right;
    struct leat_sql_expr *on;
    struct leat_sql_names using_columns;
};

/* --- queries --- */
struct leat_sql_item { /* of a select list */
    struct leat_sql_expr *expr;
    struct leat_sql_name alias;      /* text.data NULL: none */
    struct leat_sql_from *generator; /* the parser's own: rows to be moved to FROM */
};
struct leat_sql_indexes {
    uint32_t count;
    uint32_t *items;
};
enum leat_sql_grouping { LEAT_SQL_GROUP_NONE, LEAT_SQL_GROUP_BY, LEAT_SQL_GROUP_ALL };
struct leat_sql_select {
    bool distinct;
    struct leat_sql_exprs distinct_on;
    uint32_t item_count;
    struct leat_sql_item *items;
    uint32_t from_count; /* comma-separated */
    struct leat_sql_from **from;
    struct leat_sql_expr *where;
    enum leat_sql_grouping grouping;
    struct leat_sql_exprs group_by;
    uint32_t set_count;            /* GROUPING SETS, ROLLUP or CUBE were used; 0: not */
    struct leat_sql_indexes *sets; /* of group_by */
    bool sets_distinct;
    uint32_t sets_offset, sets_length;
    struct leat_sql_expr *having;
    struct leat_sql_expr *qualify;
    uint32_t window_count;
    struct leat_sql_window *windows;
};
enum leat_sql_body_kind {
    LEAT_SQL_SELECT,
    LEAT_SQL_VALUES,
    LEAT_SQL_UNION,
    LEAT_SQL_INTERSECT,
    LEAT_SQL_EXCEPT,
    LEAT_SQL_NESTED /* (query) with its own ORDER BY, LIMIT or WITH */
};
struct leat_sql_body {
    enum leat_sql_body_kind kind;
    uint32_t offset;
    uint32_t length;
    uint16_t depth;
    struct leat_sql_select *select;
    uint32_t row_count; /* VALUES */
    struct leat_sql_exprs *rows;
    bool spark; /* names are the same in any case */
    bool all;   /* UNION ALL ... */
    bool by_name;
    struct leat_sql_body *left, *right;
    struct leat_sql_query *nested;
};
enum leat_sql_materialized {
    LEAT_SQL_MATERIALIZED_DEFAULT,
    LEAT_SQL_MATERIALIZED_YES,
    LEAT_SQL_MATERIALIZED_NO
};
struct leat_sql_cte {
    struct leat_sql_name name;
    struct leat_sql_names columns;
    enum leat_sql_materialized materialized;
    struct leat_sql_query *query;
};
struct leat_sql_query {
    uint32_t offset; /* the bytes of the whole query, without surrounding parentheses */
    uint32_t length;
    bool recursive;
    uint32_t cte_count;
    struct leat_sql_cte *ctes;
    struct leat_sql_body *body;
    enum leat_sql_dialect dialect;
    bool order_all; /* ORDER BY ALL: order.items[0] holds the direction */
    struct leat_sql_orders order;
    struct leat_sql_expr *limit;
    struct leat_sql_expr *skip; /* OFFSET */
    bool with_ties;
};

/* --- statements --- */
enum leat_sql_statement_kind {
    LEAT_SQL_STATEMENT_QUERY,
    LEAT_SQL_STATEMENT_CREATE, /* table, view, streaming table, materialized view */
    LEAT_SQL_STATEMENT_FLOW,
    LEAT_SQL_STATEMENT_INSERT,
    LEAT_SQL_STATEMENT_CHANGE, /* DELETE, UPDATE, TRUNCATE */
    LEAT_SQL_STATEMENT_DROP,
    LEAT_SQL_STATEMENT_COPY,
    LEAT_SQL_STATEMENT_EXPLAIN,
    LEAT_SQL_STATEMENT_SHOW,
    LEAT_SQL_STATEMENT_DESCRIBE,
    LEAT_SQL_STATEMENT_SET,
    LEAT_SQL_STATEMENT_TEST,
    LEAT_SQL_STATEMENT_CONTROL /* transactions, prepared statements, upkeep */
};

enum leat_sql_create_kind {
    LEAT_SQL_CREATE_TABLE,
    LEAT_SQL_CREATE_VIEW,
    LEAT_SQL_CREATE_STREAMING_TABLE,
    LEAT_SQL_CREATE_MATERIALIZED_VIEW
};
struct leat_sql_column_definition {
    struct leat_sql_name name;
    struct leat_sql_type type; /* text.data NULL: not given (views, materialized views) */
    bool required;             /* NOT NULL */
    struct leat_text comment;  /* data NULL: none */
    struct leat_sql_expr *default_value;
    uint32_t offset;
    uint32_t length;
};
enum leat_sql_violation {                             /* ON VIOLATION */
                          LEAT_SQL_VIOLATION_DEFAULT, /* not written: warn and count */
                          LEAT_SQL_VIOLATION_WARN,
                          LEAT_SQL_VIOLATION_DROP_ROW,
                          LEAT_SQL_VIOLATION_FAIL_UPDATE,
                          LEAT_SQL_VIOLATION_QUARANTINE_ROW
};
enum leat_sql_expectation_kind { LEAT_SQL_EXPECT_ROW, LEAT_SQL_EXPECT_UNIQUE };
struct leat_sql_expectation {
    enum leat_sql_expectation_kind kind;
    struct leat_sql_name name;     /* text.data NULL: not given */
    struct leat_sql_expr *expr;    /* ROW; its text is script text [expr->offset, + length) */
    struct leat_sql_names columns; /* UNIQUE */
    enum leat_sql_violation violation;
    uint32_t offset;
    uint32_t length;
};
struct leat_sql_create {
    enum leat_sql_create_kind kind;
    bool or_replace;
    bool or_refresh;
    bool temporary;
    bool is_private;
    bool if_not_exists;
    struct leat_sql_path name;
    uint32_t column_count;
    struct leat_sql_column_definition *columns;
    uint32_t expectation_count;
    struct leat_sql_expectation *expectations;
    struct leat_sql_name using_format;    /* USING iceberg; text.data NULL: not given */
    struct leat_sql_exprs partitioned_by; /* columns, or calls such as days(ts), bucket(16, id) */
    struct leat_sql_names cluster_by;
    struct leat_text comment; /* data NULL: none */
    uint32_t property_count;
    struct leat_sql_property *properties; /* TBLPROPERTIES */
    struct leat_sql_query *query;         /* AS ...; NULL: none. Its text: query->offset, length */
    bool with_no_data;
};
struct leat_sql_flow { /* CREATE FLOW name AS INSERT INTO [ONCE] target BY NAME query */
    struct leat_sql_path name;
    struct leat_text comment;
    struct leat_sql_path target;
    bool once;
    bool by_name;
    struct leat_sql_query *query;
};
struct leat_sql_insert {
    struct leat_sql_path target;
    struct leat_sql_names columns;
    bool by_name;
    bool default_values;
    struct leat_sql_query *query; /* VALUES too */
};
struct leat_sql_drop {
    enum leat_sql_create_kind kind;
    bool if_exists;
    bool cascade;
    uint32_t count;
    struct leat_sql_path *names;
};
struct leat_sql_copy {
    struct leat_sql_query *query; /* COPY table becomes SELECT * FROM table */
    bool from;                    /* into `target` */
    bool stdio;                   /* STDIN, STDOUT instead of a file */
    struct leat_sql_path target;  /* count 0: a query */
    struct leat_sql_names columns;
    struct leat_text file;
    uint32_t file_offset, file_length;
    uint32_t option_count;
    struct leat_sql_property *options; /* names in lower case; no value: TRUE */
};
struct leat_sql_explain {
    bool analyze;
    bool verbose;
    struct leat_sql_statement *statement;
};
enum leat_sql_show_kind {
    LEAT_SQL_SHOW_TABLES,
    LEAT_SQL_SHOW_VIEWS,
    LEAT_SQL_SHOW_FUNCTIONS,
    LEAT_SQL_SHOW_SCHEMAS,
    LEAT_SQL_SHOW_SETTING, /* name */
    LEAT_SQL_SHOW_ALL
};
struct leat_sql_show {
    enum leat_sql_show_kind kind;
    struct leat_sql_path name;
};
struct leat_sql_describe {
    struct leat_sql_path name; /* count 0: query */
    struct leat_sql_query *query;
};
struct leat_sql_set { /* SET name = value; names may be dotted. RESET: value NULL */
    struct leat_sql_path name;
    struct leat_text value; /* as written, without quotes */
    bool reset;
};
struct leat_sql_given { /* GIVEN source [(columns)] AS query */
    struct leat_sql_path name;
    struct leat_sql_names columns;
    struct leat_sql_query *query;
    uint32_t offset;
    uint32_t length;
};
struct leat_sql_expected { /* EXPECT target [(columns)] AS query | EXPECT QUARANTINE OF t COUNT n */
    bool quarantine;
    struct leat_sql_path name;
    struct leat_sql_names columns;
    struct leat_sql_query *query;
    uint64_t count;
    uint32_t offset;
    uint32_t length;
};
struct leat_sql_test {
    struct leat_sql_path name;
    struct leat_text comment;
    uint32_t given_count;
    struct leat_sql_given *givens;
    uint32_t expected_count;
    struct leat_sql_expected *expected;
};

enum leat_sql_control_kind {
    LEAT_SQL_CONTROL_BEGIN,
    LEAT_SQL_CONTROL_COMMIT,
    LEAT_SQL_CONTROL_ROLLBACK,
    LEAT_SQL_CONTROL_PREPARE,    /* name, text: the statement's, types */
    LEAT_SQL_CONTROL_EXECUTE,    /* name, arguments: their values as a query of one row, or NULL */
    LEAT_SQL_CONTROL_DEALLOCATE, /* name; data NULL: all */
    LEAT_SQL_CONTROL_DISCARD,
    LEAT_SQL_CONTROL_UPKEEP, /* VACUUM, ANALYZE: there is nothing to do */
    LEAT_SQL_CONTROL_KEY     /* ALTER TABLE path ADD PRIMARY KEY: not enforced */
};
struct leat_sql_control {
    enum leat_sql_control_kind kind;
    const char *tag;
    struct leat_sql_name name;
    struct leat_sql_path path;
    struct leat_text text;
    uint32_t type_count;
    struct leat_sql_type *types;
    struct leat_sql_query *arguments;
};

struct leat_sql_added { /* rows that a MERGE inserts */
    struct leat_sql_query *query;
    bool by_name; /* its columns have the table's names, and may be fewer; or all in their order */
};
struct leat_sql_change {
    const char *tag; /* "DELETE" */
    struct leat_sql_path target;
    struct leat_sql_query *rows;    /* all rows that the table has afterwards */
    struct leat_sql_query *changed; /* one row: how many are changed */
    struct leat_sql_change *next;   /* TRUNCATE of several tables; or NULL */
    uint32_t added_count;
    struct leat_sql_added *added; /* beside `rows` */
    struct leat_sql_query *check; /* only bound: names that mean two things are told; or NULL */
    struct leat_sql_query *twice; /* one row: how many rows are changed several times; or NULL */
};

struct leat_sql_statement {
    enum leat_sql_statement_kind kind;
    uint32_t offset; /* without the ';' and without comments before it */
    uint32_t length;
    union {
        struct leat_sql_query *query;
        struct leat_sql_change change;
        struct leat_sql_create create;
        struct leat_sql_flow flow;
        struct leat_sql_insert insert;
        struct leat_sql_drop drop;
        struct leat_sql_copy copy;
        struct leat_sql_explain explain;
        struct leat_sql_show show;
        struct leat_sql_describe describe;
        struct leat_sql_set set;
        struct leat_sql_test test;
        struct leat_sql_control control;
    };
};

#endif
