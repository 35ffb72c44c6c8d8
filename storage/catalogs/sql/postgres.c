/* The catalog database on PostgreSQL (libpq). The connection is never made anew behind the caller's
 * back: the writer's lock is the session's (an advisory lock), so that whatever is committed
 * through the connection was committed by the holder of the lock.
 *
 * A connection that breaks during COMMIT leaves the outcome open. The transaction's number was
 * asked for before; on a new connection the server says what became of it, once it is no longer in
 * progress. */
#include "base/fault.h"
#include "base/hash.h"
#include "base/system.h"
#include "storage/catalogs/sql/database_internal.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PARAMETERS = 16, MAX_COLUMNS = 64, OUTCOME_TRIES = 100 };
#define OUTCOME_PAUSE 200000 /* microseconds */

struct postgres {
    struct leat_database base;
    PGconn *connection;
    const char *uri;
    bool lost; /* the connection broke: nothing more goes through it */
};

static int error_number(const char *state)
{
    if (!state)
        return LEAT_E_CATALOG;
    if (strcmp(state, "53100") == 0)
        return LEAT_E_DISK_FULL;
    if (strcmp(state, "42501") == 0)
        return LEAT_E_PERMISSION;
    if (strncmp(state, "28", 2) == 0)
        return LEAT_E_CATALOG_ACCESS;
    return strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0 ? LEAT_E_CATALOG_BUSY
                                                                      : LEAT_E_CATALOG;
}

/* The first line of libpq's text, which has several and ends in a feed. */
static enum leat_status postgres_error(struct postgres *database, const PGresult *result,
                                       struct leat_error *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (PQstatus(database->connection) == CONNECTION_BAD)
        database->lost = true;
    if (!text)
        text = PQerrorMessage(database->connection);
    return leat_error_set(err, error_number(state), "catalog %s: %.*s", database->base.name,
                          (int)strcspn(text, "\n"), text);
}

/* ?7 becomes the position of the parameter among those that the statement uses, as PostgreSQL wants
 * all of them used. */
static enum leat_status translate(const char *sql, const char *const *parameters, unsigned count,
                                  struct leat_buffer *out, const char *used[MAX_PARAMETERS],
                                  int *used_count, struct leat_error *err)
{
    unsigned position[MAX_PARAMETERS + 1] = {0};

    *used_count = 0;
    for (; *sql; sql++) {
        char *end;
        unsigned long number;
        if (*sql != '?') {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)*sql, err));
            continue;
        }
        number = strtoul(sql + 1, &end, 10);
        if (number < 1 || number > count || number > MAX_PARAMETERS)
            return leat_error_internal(err, "parameter %lu of %u", number, count);
        if (!position[number]) {
            used[*used_count] = parameters[number - 1];
            position[number] = (unsigned)++*used_count;
        }
        LEAT_TRY(leat_buffer_printf(out, err, "$%u", position[number]));
        sql = end - 1;
    }
    return leat_buffer_append_byte(out, 0, err);
}

static enum leat_status take_rows(const PGresult *result, leat_database_row row, void *context,
                                  struct leat_error *err)
{
    int columns = PQnfields(result) < MAX_COLUMNS ? PQnfields(result) : MAX_COLUMNS;
    const char *values[MAX_COLUMNS];

    for (int r = 0; row && r < PQntuples(result); r++) {
        for (int c = 0; c < columns; c++)
            values[c] = PQgetisnull(result, r, c) ? NULL : PQgetvalue(result, r, c);
        LEAT_TRY(row(context, (unsigned)columns, values, err));
    }
    return LEAT_OK;
}

static enum leat_status run_text(struct postgres *database, const char *sql,
                                 const char *const *parameters, int count, leat_database_row row,
                                 void *context, uint64_t *changed, struct leat_error *err)
{
    PGresult *result;
    enum leat_status status;
    ExecStatusType outcome;

    if (database->lost)
        return leat_error_set(err, LEAT_E_CATALOG,
                              "catalog %s: the connection broke before; nothing goes through it "
                              "any more",
                              database->base.name);
    result = PQexecParams(database->connection, sql, count, NULL, parameters, NULL, NULL, 0);
    outcome = PQresultStatus(result);
    if (outcome == PGRES_TUPLES_OK || outcome == PGRES_COMMAND_OK) {
        const char *tuples = PQcmdTuples(result);
        if (changed)
            *changed = tuples[0] ? strtoull(tuples, NULL, 10) : 0;
        status = take_rows(result, row, context, err);
    } else {
        status = postgres_error(database, result, err);
    }
    PQclear(result);
    return status;
}

static enum leat_status postgres_run(struct leat_database *base, const char *sql,
                                     const char *const *parameters, unsigned count,
                                     leat_database_row row, void *context, uint64_t *changed,
                                     struct leat_error *err)
{
    struct postgres *database = (struct postgres *)base;
    const char *used[MAX_PARAMETERS];
    struct leat_buffer text;
    enum leat_status status;
    int used_count, failed = leat_fault_file_check(true);

    if (failed)
        return leat_error_io(err, "use", base->name, failed);
    leat_buffer_init(&text, 0);
    status = translate(sql, parameters, count, &text, used, &used_count, err);
    if (status == LEAT_OK)
        status =
            run_text(database, (char *)text.data, used, used_count, row, context, changed, err);
    leat_buffer_release(&text);
    return status;
}

/* --- the outcome of a commit --- */

static enum leat_status take_word(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    (void)err;
    snprintf(context, 32, "%s", count && values[0] ? values[0] : "");
    return LEAT_OK;
}

/* "committed", "aborted", "in progress", or "" if the server cannot be asked or does not know. */
static void ask_outcome(struct postgres *database, const char *number, char out[32])
{
    struct postgres second = {.base = {.name = database->base.name}};

    out[0] = '\0';
    second.connection = PQconnectdb(database->uri);
    if (second.connection && PQstatus(second.connection) == CONNECTION_OK)
        if (run_text(&second, "SELECT txid_status($1)", &number, 1, take_word, out, NULL, NULL) !=
            LEAT_OK)
            out[0] = '\0';
    PQfinish(second.connection);
}

static enum leat_status postgres_commit(struct leat_database *base, struct leat_error *err)
{
    struct postgres *database = (struct postgres *)base;
    char number[32] = "", outcome[32] = "";
    enum leat_status status;
    struct leat_error reason;

    LEAT_TRY(run_text(database, "SELECT txid_current()", NULL, 0, take_word, number, NULL, err));
    status = postgres_run(base, "COMMIT", NULL, 0, NULL, NULL, NULL, &reason);
    if (status == LEAT_OK || !database->lost) {
        if (status != LEAT_OK && err)
            *err = reason;
        return status;
    }
    base->in_transaction = false; /* the server's to end */
    for (int i = 0; i < OUTCOME_TRIES; i++) {
        ask_outcome(database, number, outcome);
        if (strcmp(outcome, "committed") == 0)
            return LEAT_OK;
        if (strcmp(outcome, "aborted") == 0) {
            if (err)
                *err = reason;
            return status;
        }
        leat_clock_sleep(OUTCOME_PAUSE);
    }
    (void)leat_error_set(err, LEAT_E_OUTCOME, "it is not known whether the run was published: %s",
                         reason.message);
    leat_error_hint(err, "nothing was removed; run again when the catalog can be reached");
    return LEAT_IO;
}

static void postgres_rollback(struct leat_database *base)
{
    struct postgres *database = (struct postgres *)base;

    if (!database->lost &&
        run_text(database, "ROLLBACK", NULL, 0, NULL, NULL, NULL, NULL) != LEAT_OK)
        database->lost = true;
}

static enum leat_status postgres_lock(struct leat_database *base, const char *name,
                                      struct leat_error *err)
{
    char number[32], granted[32] = "";
    const char *parameters[] = {number};

    snprintf(number, sizeof(number), "%lld",
             (long long)(leat_hash_bytes(name, strlen(name), 0x6c656174) >> 1));
    LEAT_TRY(postgres_run(base, "SELECT pg_try_advisory_lock(?1::bigint)", parameters, 1, take_word,
                          granted, NULL, err));
    return granted[0] == 't'
               ? LEAT_OK
               : leat_error_set(err, LEAT_E_LOCKED, "%s is held by another process", base->name);
}

static void postgres_close(struct leat_database *base)
{
    PQfinish(((struct postgres *)base)->connection);
    leat_free(base->name);
    leat_free(base);
}

static const struct leat_database_ops postgres_ops = {
    .run = postgres_run,
    .begin = "BEGIN",
    .has_table = "SELECT 1 FROM pg_class WHERE oid = to_regclass(?1::text)",
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .lock = postgres_lock,
    .close = postgres_close,
};

/* A password in the name would be shown wherever the name is. */
static bool has_password(const char *name)
{
    const char *rest = strstr(name, "://") + 3, *at = strchr(rest, '@');
    const char *colon = memchr(rest, ':', at ? (size_t)(at - rest) : 0);

    return colon || strstr(name, "password=");
}

static void ignore_notice(void *context, const char *text)
{
    (void)context;
    leat_log(LEAT_LOG_INFO, "catalog", "%.*s", (int)strcspn(text, "\n"), text);
}

enum leat_status leat_postgres_open(const char *name, struct leat_database **out,
                                    struct leat_error *err)
{
    struct postgres *database;
    enum leat_status status;

    *out = NULL;
    if (has_password(name)) {
        (void)leat_error_set(err, LEAT_E_CATALOG_NAME, "the catalog's name holds a password");
        leat_error_hint(err, "leave it out; it is taken from PGPASSWORD, or the file that "
                             "PGPASSFILE names (~/.pgpass)");
        return LEAT_INVALID;
    }
    database = leat_calloc(1, sizeof(*database));
    if (!database)
        return leat_error_memory(err);
    database->base.ops = &postgres_ops;
    database->base.name = leat_strdup(name);
    database->uri = database->base.name;
    database->connection = database->base.name ? PQconnectdb(name) : NULL;
    if (!database->connection) {
        postgres_close(&database->base);
        return leat_error_memory(err);
    }
    if (PQstatus(database->connection) != CONNECTION_OK) {
        const char *text = PQerrorMessage(database->connection);
        bool access = strstr(text, "password") || strstr(text, "authentication") ||
                      strstr(text, "role \"") || strstr(text, "pg_hba");
        status = leat_error_set(err, access ? LEAT_E_CATALOG_ACCESS : LEAT_E_CATALOG,
                                "catalog %s: %.*s", name, (int)strcspn(text, "\n"), text);
        leat_error_hint(err, access ? "check the user; the password comes from PGPASSWORD or the "
                                      "file that PGPASSFILE names (~/.pgpass)"
                                    : "check the address and whether the server runs");
        postgres_close(&database->base);
        return status;
    }
    PQsetNoticeProcessor(database->connection, ignore_notice, NULL);
    *out = &database->base;
    return LEAT_OK;
}
