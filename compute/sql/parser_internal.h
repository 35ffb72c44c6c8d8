/*
 * Shared by the files of the parser. A parse function returns NULL (or false) after a failure; the
 * parser then holds the error and every caller returns at once.
 */
#ifndef LEAT_COMPUTE_SQL_PARSER_INTERNAL_H
#define LEAT_COMPUTE_SQL_PARSER_INTERNAL_H

#include "compute/sql/lexer.h"
#include "compute/sql/parser.h"

#define PARSER_MAX_EXPECTED 12

struct parser {
    const char *text;
    size_t length;
    const char *source;
    struct leat_tokens tokens;
    bool spark;      /* the dialect is Spark's */
    uint8_t origin;  /* of the expressions being made (enum leat_sql_origin) */
    size_t position; /* of the current token */
    struct leat_arena *arena;
    struct leat_error *err; /* of the current statement */
    bool failed;
    bool out_of_memory;
    unsigned depth;
    unsigned call_depth; /* inside the arguments of a function: for lambdas */
    unsigned forms;      /* that this text stands in (postgres_forms.c) */
    uint32_t parameters; /* the highest number of a parameter */
    /* What was looked for at the token `expected_at`, for messages. */
    size_t expected_at;
    unsigned expected_count;
    const char *expected[PARSER_MAX_EXPECTED];
    /* A name just taken where a misspelt keyword is likely (an alias): position + 1, or 0. */
    size_t suspect;
};

/* A growing list in the arena. */
struct list {
    void *items;
    uint32_t count;
    uint32_t capacity;
};

/* --- parser.c --- */
void *parser_alloc(struct parser *p, size_t size);
/* Room for one more item of `size`, zeroed; NULL when out of memory. */
void *list_add(struct parser *p, struct list *list, size_t size);

/* "prefix" and a number, in the arena; data NULL when out of memory. */
struct leat_text parser_number_name(struct parser *p, const char *prefix, size_t number);

const struct leat_token *peek(const struct parser *p);
const struct leat_token *peek_at(const struct parser *p, size_t ahead);
void advance(struct parser *p);
bool is_keyword(const struct parser *p, enum leat_keyword keyword);
bool is_keyword_at(const struct parser *p, size_t ahead, enum leat_keyword keyword);
/* Unquoted word that is no keyword of the table, compared without case. */
bool is_word(const struct parser *p, const char *word);
bool is_symbol(const struct parser *p, const char *symbol);
bool is_symbol_at(const struct parser *p, size_t ahead, const char *symbol);
bool is_operator(const struct parser *p, const char *name);
bool is_string_at(const struct parser *p, size_t ahead);
bool accept_keyword(struct parser *p, enum leat_keyword keyword);
bool accept_word(struct parser *p, const char *word);
bool accept_symbol(struct parser *p, const char *symbol);
bool expect_keyword(struct parser *p, enum leat_keyword keyword);
bool expect_symbol(struct parser *p, const char *symbol);
/* Remembers what would have been right here. */
void want(struct parser *p, const char *what);

/* Bytes from the token at `start` to the one before the current. */
uint32_t offset_of(const struct parser *p, size_t start);
uint32_t length_since(const struct parser *p, size_t start);

/* Sets "syntax error at or near ..." with what was expected. Returns false. */
bool fail_here(struct parser *p);
/* Sets an error at the bytes [offset, offset + length). Returns false. `hint` may be NULL. */
bool fail_at(struct parser *p, int code, uint32_t offset, uint32_t length, const char *hint,
             const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same for the token `ahead` of the current. */
bool fail_token(struct parser *p, int code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool fail_memory(struct parser *p);
bool enter(struct parser *p);
void leave(struct parser *p);

enum name_use { NAME_COLUMN, NAME_TABLE_ALIAS, NAME_LABEL, NAME_FUNCTION };
/* True if the current token may be a name of that use. */
bool is_name(const struct parser *p, enum name_use use);
bool parse_name(struct parser *p, enum name_use use, const char *what, struct leat_sql_name *out);
bool parse_path(struct parser *p, const char *what, struct leat_sql_path *out);
bool parse_string(struct parser *p, const char *what, struct leat_text *out);
/* In Spark, where a name's case never counts: lower case, for names that are compared (tables,
 * functions, aliases of tables). Columns keep their case, which their tables show. */
bool fold_name(struct parser *p, struct leat_sql_name *name);
/* ( name, name ) */
bool parse_name_list(struct parser *p, const char *what, struct leat_sql_names *out);
/* Nearest keyword to the word, or NULL. */
const char *nearest_keyword(const char *word, size_t length);

/* --- parse_expr.c --- */
struct leat_sql_expr *parse_expr(struct parser *p);
struct leat_sql_expr *parse_primary(struct parser *p);
bool parse_expr_list(struct parser *p, struct leat_sql_exprs *out); /* one or more, by commas */
struct leat_sql_expr *new_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start);
/* Completes length and depth. */
struct leat_sql_expr *close_expr(struct parser *p, struct leat_sql_expr *expr, size_t start);
bool set_args(struct parser *p, struct leat_sql_expr *expr, uint32_t count,
              struct leat_sql_expr *const *args);

/* --- parse_call.c --- */
struct leat_sql_expr *parse_call(struct parser *p, const struct leat_sql_path *name, size_t start);
/* The functions with a grammar of their own (extract, trim, ...); NULL and not failed: none. */
struct leat_sql_expr *parse_special_call(struct parser *p);
bool parse_type(struct parser *p, struct leat_sql_type *out);
bool parse_order_list(struct parser *p, struct leat_sql_orders *out);
bool parse_window(struct parser *p, struct leat_sql_window *out);
/* A call of a function by one unqualified name. */
struct leat_sql_expr *make_call(struct parser *p, const char *name, size_t start, uint32_t count,
                                struct leat_sql_expr *const *args);

/* --- parse_query.c --- */
struct leat_sql_query *parse_query(struct parser *p);
/* Goes on behind a query in parentheses that turned out to be the first operand of a UNION or to
 * have an ORDER BY; `start` is the token of its opening parenthesis. */
struct leat_sql_query *parse_query_after(struct parser *p, struct leat_sql_query *first,
                                         size_t start);
/* True if a query starts at the token `ahead`. */
bool is_query_start(const struct parser *p, size_t ahead);

/* VALUES and its rows: the word is the current token. */
struct leat_sql_body *parse_values(struct parser *p);

/* Behind GIVEN or EXPECT: true if a name follows, as in CREATE TEST. */
bool starts_test_part(const struct parser *p);

/* --- parse_grouping.c --- */
bool parse_group_by(struct parser *p, struct leat_sql_select *select); /* behind GROUP */

/* --- parse_change.c: DELETE, UPDATE, TRUNCATE, the current token --- */
bool parse_change(struct parser *p, struct leat_sql_change *out);
/* column = value, added to both lists. */
bool parse_assignment(struct parser *p, struct list *names, struct list *values);
/* SELECT [DISTINCT] exprs FROM tables [WHERE where], as trees. */
struct leat_sql_query *make_select(struct parser *p, size_t start, bool distinct,
                                   struct leat_sql_expr *const *exprs, uint32_t count,
                                   struct leat_sql_from *const *from, uint32_t from_count,
                                   struct leat_sql_expr *where);
/* EXISTS (query), or (query) as a value. NULL for no query. */
struct leat_sql_expr *make_query_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start,
                                      struct leat_sql_query *query);
struct leat_sql_expr *make_true(struct parser *p, size_t start);
/* The condition is not true: false or unknown. */
struct leat_sql_expr *make_not_true(struct parser *p, size_t start, struct leat_sql_expr *expr);
struct leat_sql_expr *make_column(struct parser *p, size_t start, const struct leat_sql_name *name);
/* t, t alias, t AS alias */
struct leat_sql_from *parse_change_target(struct parser *p, bool truncates);
/* --- parse_merge.c: MERGE, the current token --- */
bool parse_merge(struct parser *p, struct leat_sql_change *out);

/* --- parse_control.c: transactions, prepared statements, upkeep --- */
bool starts_control(const struct parser *p);
bool parse_control(struct parser *p, struct leat_sql_control *out);

/* --- parse_from.c --- */
struct leat_sql_from *parse_from_item(struct parser *p);

/* --- parse_pivot.c: PIVOT or UNPIVOT behind a table, the current token --- */
struct leat_sql_from *parse_pivot(struct parser *p, struct leat_sql_from *table, size_t start);

/* --- parse_statement.c, parse_create.c --- */
struct leat_sql_statement *parse_statement(struct parser *p);
bool parse_create(struct parser *p, struct leat_sql_statement *statement);
bool parse_test(struct parser *p, struct leat_sql_statement *statement);
bool parse_flow(struct parser *p, struct leat_sql_statement *statement);

/* --- postgres_forms.c: functions about the catalog. NULL and not failed: it is none of them. ---
 */
struct leat_sql_expr *postgres_form(struct parser *p, const char *name, size_t start,
                                    uint32_t count, struct leat_sql_expr *const *args);

/* 'name'::regclass and its like: the id of what has the name. NULL and not failed: another cast. */
struct leat_sql_expr *postgres_name_cast(struct parser *p, const struct leat_sql_type *type,
                                         struct leat_sql_expr *operand, size_t start);

/* A parser of another text for the same statement, in PostgreSQL's dialect: for templates. */
enum leat_status parser_init(struct parser *p, const char *name, const char *text, size_t length,
                             enum leat_sql_dialect dialect, struct leat_arena *arena,
                             struct leat_error *err);

/* --- spark_forms.c, spark_calls.c, spark_literals.c: only for Spark's text --- */
/* A call as written becomes the form that stands for it; refused by name if there is none. */
struct leat_sql_expr *spark_call(struct parser *p, struct leat_sql_expr *expr, size_t start);
/* The form of the function `name` over arguments. */
struct leat_sql_expr *spark_form(struct parser *p, const char *name, size_t start, uint32_t count,
                                 struct leat_sql_expr *const *args);
/* The expression of a form's text over arguments. */
struct leat_sql_expr *spark_expand(struct parser *p, const char *text, size_t start, uint32_t count,
                                   struct leat_sql_expr *const *args);
/* Functions without a fixed form; NULL and not failed: it is none of them. */
struct leat_sql_expr *spark_special(struct parser *p, const char *name, size_t start,
                                    uint32_t count, struct leat_sql_expr *const *args);
struct leat_sql_expr *spark_window_form(struct parser *p, const struct leat_sql_call *call,
                                        const char *name, size_t start);
struct leat_sql_expr *spark_number(struct parser *p);   /* 10L, 1.5D, 1e3 */
struct leat_sql_expr *spark_bytes(struct parser *p);    /* X'1F' */
struct leat_sql_expr *spark_interval(struct parser *p); /* NULL, not failed: none starts here */
/* A type's text as leat_type_parse reads it. */
bool spark_type(struct parser *p, struct leat_sql_type *type);
/* (expr) AS type, as a tree. */
struct leat_sql_expr *make_cast(struct parser *p, const char *type, size_t start,
                                struct leat_sql_expr *operand);
/* LIKE ANY ('a', 'b') and the like, behind the quantifier's word. */
struct leat_sql_expr *spark_like_list(struct parser *p, struct leat_sql_expr *left,
                                      const char *name, bool negated, size_t start);
/* x -> f(x), (x, y) -> f(x, y). */
bool starts_lambda(const struct parser *p);
struct leat_sql_expr *spark_lambda(struct parser *p);

/* --- spark_rows.c: functions that give rows --- */
/* LATERAL VIEW [OUTER] f(...) t AS a, b behind a table. */
struct leat_sql_from *spark_lateral_view(struct parser *p, struct leat_sql_from *left,
                                         size_t start);
/* explode(...) AS (k, v), posexplode(...) and the like as an item of a select list: moved to FROM
 * when the list is complete. */
struct leat_sql_expr *spark_rows_call(struct parser *p, struct leat_sql_expr *expr);
bool spark_take_generator(struct parser *p, struct leat_sql_item *item);
bool spark_move_generators(struct parser *p, struct leat_sql_select *select);
/* DISTRIBUTE BY, SORT BY, CLUSTER BY: they only say where rows lie. */
bool starts_distribution(const struct parser *p);
bool spark_skip_distribution(struct parser *p, struct leat_sql_query *query);
/* name(args) in FROM. */
bool spark_table_function(struct parser *p, struct leat_sql_from *from);
bool spark_csv_options(struct parser *p, struct leat_sql_from *from);
/* format.`path` */
bool spark_file_path(struct parser *p, struct leat_sql_from *from);

/* UNION, INTERSECT or EXCEPT comes next. */
bool is_set_operation(const struct parser *p);
/* How tightly operators bind, loosest first. */
enum expression_level {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_LIKE,   /* BETWEEN, IN, LIKE */
    LEVEL_BIT_OR, /* these three are Spark's; PostgreSQL has them all at LEVEL_OTHER */
    LEVEL_BIT_XOR,
    LEVEL_BIT_AND,
    LEVEL_OTHER,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_POWER,
    LEVEL_ZONE,
    LEVEL_COLLATE,
    LEVEL_UNARY
};

/* An expression over args, closed at the present token (name may be NULL). */
struct leat_sql_expr *make_expr(struct parser *p, enum leat_sql_expr_kind kind, size_t start,
                                const char *name, uint32_t count,
                                struct leat_sql_expr *const *args);
/* Expressions of operators that bind at least as tightly as `level` (enum expression_level). */
struct leat_sql_expr *parse_level(struct parser *p, int level);

#endif
