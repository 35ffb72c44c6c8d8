/*
 * The PostgreSQL wire protocol 3.0: sessions for psql, drivers and tools. One process, a thread and
 * a session for each connection.
 */
#ifndef LEAT_API_POSTGRES_SERVER_H
#define LEAT_API_POSTGRES_SERVER_H

#include "api/c/session.h"

struct leat_postgres_options {
    const char *address; /* HOST:PORT, [::1]:PORT or PORT (of the loopback); port 0: a free one */
    struct leat_session_options session; /* of each connection; `memory` is of all of them */
    uint64_t session_memory;             /* bytes of one connection; 0: no limit of its own */
    unsigned connections;                /* 0: 100 */
    const char *users;           /* file (api/postgres/auth.h); NULL: everyone, from this machine */
    const char *tls_certificate; /* PEM files; NULL: no TLS */
    const char *tls_key;
    /* Called once, when clients can connect, with the address. */
    void (*ready)(void *context, const char *address);
    void *context;
};
/* Serves until leat_postgres_stop: then the statements that run are cancelled, their clients told,
 * and it returns. */
LEAT_CHECKED enum leat_status leat_postgres_serve(const struct leat_postgres_options *options,
                                                  struct leat_error *err);
/* Safe in a signal handler. */
void leat_postgres_stop(void);

#endif
