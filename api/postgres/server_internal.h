/* What the parts of the server share: the server, and one connection. */
#ifndef LEAT_API_POSTGRES_SERVER_INTERNAL_H
#define LEAT_API_POSTGRES_SERVER_INTERNAL_H

#include "api/postgres/auth.h"
#include "api/postgres/server.h"
#include "api/postgres/values.h"

#include <pthread.h>

#define POSTGRES_VERSION "15.0" /* whose catalog and behaviour clients are told to expect */
enum { POSTGRES_MESSAGE_MAXIMUM = 256 << 20 };

struct postgres_connection;
struct postgres_server {
    const struct leat_postgres_options *options;
    struct postgres_users users;
    struct ssl_ctx_st *tls; /* or NULL */
    struct leat_accountant accountant;
    struct leat_memory_store *store; /* of tables in memory */
    pthread_mutex_t lock;            /* of what follows */
    pthread_cond_t ended;            /* a connection has */
    struct postgres_connection *connections;
    unsigned count;
    uint32_t last_id;
    unsigned limit;
    bool stopping;
};

struct postgres_statement {
    struct postgres_statement *next;
    struct leat_arena arena;
    const char *name;
    struct leat_prepared prepared;
    uint32_t *declared; /* what the client said of the types of the first parameters; 0: nothing */
    uint32_t declared_count;
    unsigned references; /* the connection's list, and portals */
};
struct postgres_portal {
    struct postgres_portal *next;
    struct leat_arena arena;
    const char *name;
    struct postgres_statement *statement;
    struct leat_plan_parameter *values;
    bool *binary; /* of each column */
    bool ran;
    struct leat_rows rows; /* of a statement that was to be given in pieces */
    size_t batch;          /* the first row not given yet */
    uint32_t row;
    uint64_t given;
    char tag[64];
};
struct postgres_connection {
    struct postgres_connection *next;
    struct postgres_server *server;
    struct postgres_stream stream;
    struct leat_session *session; /* once the client is let in */
    uint32_t id;
    uint32_t secret;
    bool local;           /* from this machine */
    _Atomic bool running; /* a statement is */
    _Atomic bool gone;    /* the client closed the connection meanwhile */
    bool skipping;        /* after an error, until Sync */
    char user[64];
    char database[64];
    struct postgres_statement *statements;
    struct postgres_portal *portals;
};

/* api/postgres/connection.c: a connection's thread. Takes the connection. */
void *postgres_connection_run(void *connection);
/* Tells the client of an error; `text` (or NULL) is what its place lies in. */
LEAT_CHECKED enum leat_status postgres_put_error(struct postgres_stream *stream,
                                                 const char *severity,
                                                 const struct leat_error *error,
                                                 const struct leat_error *more, uint32_t more_count,
                                                 struct leat_text text, struct leat_error *err);
/* api/postgres/server.c: cancels what the connection of that id and secret runs. */
void postgres_cancel(struct postgres_server *server, uint32_t id, uint32_t secret);

/* api/postgres/query.c: the columns of rows that come, and the simple protocol. */
LEAT_CHECKED enum leat_status postgres_put_columns(struct postgres_stream *stream,
                                                   const struct leat_schema *schema,
                                                   const bool *binary, struct leat_error *err);
/* Rows [first, last) of a batch; `binary` may be NULL. */
LEAT_CHECKED enum leat_status postgres_put_rows(struct postgres_stream *stream,
                                                const struct leat_batch *batch, uint32_t first,
                                                uint32_t last, const bool *binary,
                                                struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_put_tag(struct postgres_stream *stream, const char *tag,
                                               uint64_t rows, struct leat_error *err);
void postgres_tag(const char *tag, uint64_t rows, char out[64]);
/* What a session gives, sent to the client. */
struct postgres_output {
    struct leat_session_output base;
    struct postgres_connection *connection;
    const bool *binary;                 /* or NULL: text */
    bool columns;                       /* their description is sent too */
    const struct leat_schema *promised; /* what the client was told before; or NULL */
    struct leat_rows *rows;             /* not NULL: rows are kept here instead of sent */
    bool copying;                       /* COPY has begun, and not ended */
    uint32_t ended;                     /* statements */
    char tag[64];
};
void postgres_output_init(struct postgres_output *output, struct postgres_connection *connection);
LEAT_CHECKED enum leat_status postgres_simple_query(struct postgres_connection *connection,
                                                    struct leat_cursor *body,
                                                    struct leat_error *err);
/* An error of a statement, told to the client; LEAT_OK unless the connection is lost. */
LEAT_CHECKED enum leat_status postgres_statement_error(struct postgres_connection *connection,
                                                       const struct leat_error *errors,
                                                       uint32_t count, struct leat_text text,
                                                       struct leat_error *err);

/* api/postgres/extended.c: Parse, Bind, Describe, Execute, Close. *text is the statement's, for
 * errors. */
LEAT_CHECKED enum leat_status postgres_extended(struct postgres_connection *connection, char type,
                                                struct leat_cursor *body, struct leat_text *text,
                                                struct leat_error *err);
/* What has the name, or the end of the list. */
struct postgres_statement **postgres_find_statement(struct postgres_connection *connection,
                                                    struct leat_text name);
struct postgres_portal **postgres_find_portal(struct postgres_connection *connection,
                                              struct leat_text name);
void postgres_close_portal(struct postgres_portal **link);
enum leat_status postgres_no_such(const char *kind, struct leat_text name, struct leat_error *err);
/* A message without a body. */
LEAT_CHECKED enum leat_status postgres_put_empty(struct postgres_connection *connection, char type,
                                                 struct leat_error *err);
/* api/postgres/bind.c */
LEAT_CHECKED enum leat_status postgres_bind(struct postgres_connection *connection,
                                            struct leat_cursor *body, struct leat_text *text,
                                            struct leat_error *err);
void postgres_close_all(struct postgres_connection *connection);
void postgres_close_portals(struct postgres_connection *connection);

#endif
