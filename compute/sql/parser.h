/*
 * From text to syntax trees: PostgreSQL's query language, or Spark's written with the same trees,
 * and the statements of pipelines.
 */
#ifndef LEAT_COMPUTE_SQL_PARSER_H
#define LEAT_COMPUTE_SQL_PARSER_H

#include "compute/sql/ast.h"

#define LEAT_SQL_MAX_TEXT   ((size_t)64 << 20)
#define LEAT_SQL_MAX_ERRORS 20

struct leat_sql_script {
    const char *name; /* file, or "" for text from the command line; borrowed */
    const char *text; /* borrowed: must outlive the tree */
    size_t length;
    enum leat_sql_dialect dialect;
    struct leat_sql_statement **statements; /* those without errors, in order */
    uint32_t count;
    uint32_t parameter_count;  /* the highest n of $n */
    struct leat_error *errors; /* each with its place; at most LEAT_SQL_MAX_ERRORS */
    uint32_t error_count;
};

/* Parses statements separated by ';'. After an error it goes on behind the next ';', so that `out`
 * holds every statement that is right and every error; the status and *err are those of the first
 * error. Only when out of memory is `out` empty. The tree lies in the arena. SET dialect changes
 * the dialect of what follows it. */
LEAT_CHECKED enum leat_status leat_sql_parse(const char *name, const char *text, size_t length,
                                             enum leat_sql_dialect dialect,
                                             struct leat_arena *arena, struct leat_sql_script *out,
                                             struct leat_error *err);
/* One query, or one expression, and nothing behind it (a ';' is allowed after a query). */
LEAT_CHECKED enum leat_status leat_sql_parse_query(const char *name, const char *text,
                                                   size_t length, enum leat_sql_dialect dialect,
                                                   struct leat_arena *arena,
                                                   struct leat_sql_query **out,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status
leat_sql_parse_expression(const char *name, const char *text, size_t length,
                          enum leat_sql_dialect dialect, struct leat_arena *arena,
                          struct leat_sql_expr **out, struct leat_error *err);

/* "spark", "postgres" or "postgresql", in any case; false: another word. */
bool leat_sql_dialect_find(struct leat_text name, enum leat_sql_dialect *out);

/* For a prompt: true if the text ends with a ';' outside quotes and comments, or holds nothing but
 * blanks and comments. */
bool leat_sql_is_complete(const char *text, size_t length, enum leat_sql_dialect dialect);
/* Length of the text's first statement with its ';', or `length` if there is none. Quotes and
 * comments are understood. Never fails. */
size_t leat_sql_split(const char *text, size_t length);

/* Appends a name as SQL: quoted if it must be. */
LEAT_CHECKED enum leat_status leat_sql_put_name(struct leat_text name, struct leat_buffer *out,
                                                struct leat_error *err);
/* Functions of Spark's: the i-th that is not carried over, with the reason and what to write
 * instead (or NULL), and the i-th that is, with the form that stands for it ("=": the same). NULL
 * past the end. */
const char *leat_sql_spark_refused_at(size_t index, const char **reason, const char **instead);
const char *leat_sql_spark_form_at(size_t index, unsigned *least, unsigned *most,
                                   const char **form);
/* Functions about the catalog and the session that the parser writes as expressions: the i-th, or
 * NULL past the end. */
const char *leat_sql_postgres_form_at(size_t index);
/* Why a setting of Spark's cannot be honoured, or NULL: it changes no results here. */
const char *leat_sql_spark_setting(struct leat_text name, struct leat_text value);
/* The i-th keyword in lower case, or NULL past the end: for completion. */
const char *leat_sql_keyword_at(size_t index);

#endif
