/* A connection: how it begins (encryption, cancelling, who it is), and its messages until it ends.
 */
#include "api/postgres/server_internal.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CODE_CANCEL = 80877102,
    CODE_SSL = 80877103,
    CODE_GSS = 80877104,
    MAXIMUM_STARTUP = 10000, /* bytes, as PostgreSQL's */
    GREETING_SECONDS = 60
};

/* --- errors --- */

static enum leat_status put_field(struct postgres_stream *stream, char field, const char *text,
                                  struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(&stream->out, (uint8_t)field, err));
    return postgres_put_text(&stream->out, text, err);
}

/* The place as PostgreSQL counts it: characters from 1. */
static enum leat_status put_place(struct postgres_stream *stream, const struct leat_error *error,
                                  struct leat_text text, struct leat_error *err)
{
    char number[24];
    uint64_t place = 1;

    if (!text.data || error->place.line == 0 || error->place.source[0] ||
        error->place.offset > text.length)
        return LEAT_OK;
    for (size_t i = 0; i < error->place.offset; i++)
        place += ((uint8_t)text.data[i] & 0xc0) != 0x80;
    snprintf(number, sizeof(number), "%llu", (unsigned long long)place);
    return put_field(stream, 'P', number, err);
}

enum leat_status postgres_put_error(struct postgres_stream *stream, const char *severity,
                                    const struct leat_error *error, const struct leat_error *more,
                                    uint32_t more_count, struct leat_text text,
                                    struct leat_error *err)
{
    char code[24], detail[1400];

    postgres_abandon(stream);
    snprintf(code, sizeof(code), "L%04d", error->code);
    LEAT_TRY(postgres_begin(stream, 'E', err));
    LEAT_TRY(put_field(stream, 'S', severity, err));
    LEAT_TRY(put_field(stream, 'V', severity, err));
    LEAT_TRY(put_field(stream, 'C', error->sqlstate, err));
    LEAT_TRY(put_field(stream, 'M', error->message, err));
    if (more_count > 0) {
        snprintf(detail, sizeof(detail), "%u more: line %llu: %s", more_count,
                 (unsigned long long)more[0].place.line, more[0].message);
        LEAT_TRY(put_field(stream, 'D', detail, err));
    } else if (error->place.source[0] && error->place.line > 0) {
        snprintf(detail, sizeof(detail), "%s, line %llu", error->place.source,
                 (unsigned long long)error->place.line);
        LEAT_TRY(put_field(stream, 'D', detail, err));
    }
    if (error->hint[0])
        LEAT_TRY(put_field(stream, 'H', error->hint, err));
    LEAT_TRY(put_place(stream, error, text, err));
    LEAT_TRY(put_field(stream, 'R', code, err)); /* leat explain CODE tells more */
    LEAT_TRY(leat_buffer_append_byte(&stream->out, 0, err));
    return postgres_end(stream, err);
}

/* The last words to a client. */
static void dismiss(struct postgres_connection *connection, const struct leat_error *error)
{
    struct leat_error ignored;

    if (postgres_put_error(&connection->stream, "FATAL", error, NULL, 0,
                           (struct leat_text){NULL, 0}, &ignored) == LEAT_OK)
        (void)!postgres_flush(&connection->stream, &ignored);
}

/* --- how it begins --- */

static enum leat_status take_startup(struct postgres_connection *connection,
                                     struct leat_cursor *body, struct leat_error *err)
{
    const uint8_t *bytes;
    uint32_t length;

    LEAT_TRY(postgres_take(&connection->stream, 4, &bytes, err));
    memcpy(&length, bytes, 4);
    length = __builtin_bswap32(length);
    if (length < 8 || length > MAXIMUM_STARTUP)
        return leat_error_set(err, LEAT_E_MESSAGE, "the first message says that it has %u bytes",
                              length);
    LEAT_TRY(postgres_take(&connection->stream, length - 4, &bytes, err));
    *body = (struct leat_cursor){bytes, length - 4, 0};
    return LEAT_OK;
}

/* S and a handshake, or N: the client goes on without. */
static enum leat_status answer_encryption(struct postgres_connection *connection, bool tls,
                                          struct leat_error *err)
{
    struct postgres_stream *stream = &connection->stream;

    tls = tls && connection->server->tls && !stream->ssl;
    if (stream->taken !=
        stream->in.length) /* sent by someone between, to be taken for the client's */
        return leat_error_set(err, LEAT_E_MESSAGE, "bytes came before encryption was agreed");
    LEAT_TRY(leat_buffer_append_byte(&stream->out, tls ? 'S' : 'N', err));
    LEAT_TRY(postgres_flush(stream, err));
    return tls ? postgres_stream_secure(stream, connection->server->tls, err) : LEAT_OK;
}

static void keep_text(struct leat_text value, char *out, size_t size)
{
    size_t length = value.length < size - 1 ? value.length : size - 1;

    memcpy(out, value.data, length);
    out[length] = '\0';
}

/* Newer minor versions and their options are declined, not refused. */
static enum leat_status negotiate(struct postgres_stream *stream, uint32_t declined,
                                  struct leat_buffer *names, struct leat_error *err)
{
    LEAT_TRY(postgres_begin(stream, 'v', err));
    LEAT_TRY(postgres_put_i32(&stream->out, 3 << 16, err));
    LEAT_TRY(postgres_put_i32(&stream->out, declined, err));
    LEAT_TRY(leat_buffer_append(&stream->out, names->data, names->length, err));
    return postgres_end(stream, err);
}

static enum leat_status read_options(struct postgres_connection *connection, bool newer,
                                     struct leat_cursor *body, struct leat_buffer *declined,
                                     struct leat_error *err)
{
    struct leat_text name, value;
    uint32_t count = 0;

    for (;;) {
        LEAT_TRY(postgres_get_text(body, &name, err));
        if (name.length == 0)
            break;
        LEAT_TRY(postgres_get_text(body, &value, err));
        if (leat_text_equal(name, leat_text_of("user")))
            keep_text(value, connection->user, sizeof(connection->user));
        else if (leat_text_equal(name, leat_text_of("database")))
            keep_text(value, connection->database, sizeof(connection->database));
        else if (leat_text_equal(name, leat_text_of("replication")) &&
                 !leat_text_equal(value, leat_text_of("false")) &&
                 !leat_text_equal(value, leat_text_of("off")))
            return leat_error_set(err, LEAT_E_UNSUPPORTED, "replication is not supported");
        else if (name.length > 5 && memcmp(name.data, "_pq_.", 5) == 0) {
            count++;
            LEAT_TRY(leat_buffer_append(declined, name.data, name.length + 1, err));
        }
    }
    if (!connection->user[0])
        return leat_error_set(err, LEAT_E_PASSWORD, "the client names no user");
    return newer || count ? negotiate(&connection->stream, count, declined, err) : LEAT_OK;
}

static enum leat_status let_in(struct postgres_connection *connection, int32_t version,
                               struct leat_cursor *body, struct leat_error *err)
{
    struct postgres_server *server = connection->server;
    struct leat_buffer declined;
    enum leat_status status;

    if (version >> 16 != 3)
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "version %d.%d of the protocol is not spoken here; 3.0 is",
                              version >> 16, version & 0xffff);
    leat_buffer_init(&declined, MAXIMUM_STARTUP);
    status = read_options(connection, (version & 0xffff) != 0, body, &declined, err);
    leat_buffer_release(&declined);
    LEAT_TRY(status);
    if (server->tls && !connection->stream.ssl && !connection->local)
        return leat_error_set(err, LEAT_E_PASSWORD,
                              "this server is reached by TLS only: "
                              "sslmode=require");
    if (server->users.count > 0)
        LEAT_TRY(postgres_authenticate(&connection->stream, &server->users, connection->user, err));
    LEAT_TRY(postgres_begin(&connection->stream, 'R', err));
    LEAT_TRY(postgres_put_i32(&connection->stream.out, 0, err));
    return postgres_end(&connection->stream, err);
}

static enum leat_status put_setting(struct postgres_stream *stream, const char *name,
                                    const char *value, struct leat_error *err)
{
    LEAT_TRY(postgres_begin(stream, 'S', err));
    LEAT_TRY(postgres_put_text(&stream->out, name, err));
    LEAT_TRY(postgres_put_text(&stream->out, value, err));
    return postgres_end(stream, err);
}

static enum leat_status greet(struct postgres_connection *connection, struct leat_error *err)
{
    static const char *const settings[][2] = {
        {"server_version", POSTGRES_VERSION " (Leat " LEAT_VERSION ")"},
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"DateStyle", "ISO, MDY"},
        {"IntervalStyle", "postgres"},
        {"TimeZone", "UTC"},
        {"integer_datetimes", "on"},
        {"standard_conforming_strings", "on"},
        {"is_superuser", "off"},
        {"default_transaction_read_only", "off"},
        {"in_hot_standby", "off"}};
    struct postgres_stream *stream = &connection->stream;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        LEAT_TRY(put_setting(stream, settings[i][0], settings[i][1], err));
    LEAT_TRY(put_setting(stream, "session_authorization", connection->user, err));
    LEAT_TRY(postgres_begin(stream, 'K', err));
    LEAT_TRY(postgres_put_i32(&stream->out, connection->id, err));
    LEAT_TRY(postgres_put_i32(&stream->out, connection->secret, err));
    return postgres_end(stream, err);
}

static enum leat_status open_session(struct postgres_connection *connection, struct leat_error *err)
{
    struct postgres_server *server = connection->server;
    struct leat_session_options options = server->options->session;
    struct leat_session *session;
    unsigned count = 0;

    options.parent = &server->accountant;
    options.most_threads = options.threads ? options.threads : leat_cpu_count();
    options.memory = server->options->session_memory;
    options.shared = options.lake ? NULL : server->store;
    options.user = connection->user;
    options.database = connection->database[0] ? connection->database : connection->user;
    pthread_mutex_lock(&server->lock);
    for (const struct postgres_connection *c = server->connections; c; c = c->next)
        count += c->session != NULL;
    pthread_mutex_unlock(&server->lock);
    if (count >= server->limit)
        return leat_error_set(err, LEAT_E_CONNECTIONS, "the server has its %u connections",
                              server->limit);
    LEAT_TRY(leat_session_new(&options, &session, err));
    pthread_mutex_lock(&server->lock);
    connection->session = session;
    pthread_mutex_unlock(&server->lock);
    return LEAT_OK;
}

/* *ended: the connection was for cancelling only. */
static enum leat_status begin(struct postgres_connection *connection, bool *ended,
                              struct leat_error *err)
{
    struct leat_cursor body;
    int32_t code, id, secret;

    *ended = false;
    for (int i = 0; i < 4; i++) {
        LEAT_TRY(take_startup(connection, &body, err));
        LEAT_TRY(postgres_get_i32(&body, &code, err));
        if (code == CODE_CANCEL) {
            LEAT_TRY(postgres_get_i32(&body, &id, err));
            LEAT_TRY(postgres_get_i32(&body, &secret, err));
            postgres_cancel(connection->server, (uint32_t)id, (uint32_t)secret);
            *ended = true;
            return LEAT_OK;
        }
        if (code != CODE_SSL && code != CODE_GSS) {
            LEAT_TRY(let_in(connection, code, &body, err));
            LEAT_TRY(open_session(connection, err));
            return greet(connection, err);
        }
        LEAT_TRY(answer_encryption(connection, code == CODE_SSL, err));
    }
    return leat_error_set(err, LEAT_E_MESSAGE, "the client asks for encryption again and again");
}

/* --- messages --- */

static enum leat_status put_ready(struct postgres_connection *connection, struct leat_error *err)
{
    static const char states[] = {[LEAT_TRANSACTION_NONE] = 'I',
                                  [LEAT_TRANSACTION_OPEN] = 'T',
                                  [LEAT_TRANSACTION_FAILED] = 'E'};
    struct postgres_stream *stream = &connection->stream;
    char state = states[leat_session_transaction(connection->session)];

    LEAT_TRY(postgres_begin(stream, 'Z', err));
    LEAT_TRY(leat_buffer_append_byte(&stream->out, (uint8_t)state, err));
    LEAT_TRY(postgres_end(stream, err));
    return postgres_flush(stream, err);
}

static enum leat_status is_stopping(struct postgres_connection *connection, struct leat_error *err)
{
    bool stopping;

    pthread_mutex_lock(&connection->server->lock);
    stopping = connection->server->stopping;
    pthread_mutex_unlock(&connection->server->lock);
    return stopping ? leat_error_set(err, LEAT_E_SHUTDOWN, "the server is being stopped") : LEAT_OK;
}

/* A message of the extended protocol. After an error all is skipped until Sync. */
static enum leat_status extended(struct postgres_connection *connection, char type,
                                 struct leat_cursor *body, struct leat_error *err)
{
    struct leat_text text = {NULL, 0};
    enum leat_status status;

    if (connection->skipping)
        return LEAT_OK;
    status = postgres_extended(connection, type, body, &text, err);
    if (status == LEAT_OK)
        return LEAT_OK;
    connection->skipping = true;
    return postgres_statement_error(connection, err, 1, text, err);
}

static enum leat_status take_one(struct postgres_connection *connection, bool *ended,
                                 struct leat_error *err)
{
    struct leat_cursor body;
    char type;

    LEAT_TRY(
        postgres_take_message(&connection->stream, POSTGRES_MESSAGE_MAXIMUM, &type, &body, err));
    LEAT_TRY(is_stopping(connection, err));
    switch (type) {
    case 'X':
        *ended = true;
        return LEAT_OK;
    case 'Q':
        connection->skipping = false;
        LEAT_TRY(postgres_simple_query(connection, &body, err));
        return put_ready(connection, err);
    case 'S':
        connection->skipping = false;
        if (leat_session_transaction(connection->session) == LEAT_TRANSACTION_NONE)
            postgres_close_portals(connection);
        return put_ready(connection, err);
    case 'H':
        return postgres_flush(&connection->stream, err);
    case 'd': /* of a COPY that failed */
    case 'c':
    case 'f':
        return LEAT_OK;
    default:
        return extended(connection, type, &body, err);
    }
}

static enum leat_status serve(struct postgres_connection *connection, struct leat_error *err)
{
    bool ended;

    connection->stream.idle = GREETING_SECONDS;
    LEAT_TRY(begin(connection, &ended, err));
    if (ended)
        return LEAT_OK;
    connection->stream.idle = 0;
    LEAT_TRY(put_ready(connection, err));
    while (!ended)
        LEAT_TRY(take_one(connection, &ended, err));
    return LEAT_OK;
}

static void leave(struct postgres_connection *connection)
{
    struct postgres_server *server = connection->server;
    struct postgres_connection **link = &server->connections;

    pthread_mutex_lock(&server->lock);
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    pthread_mutex_unlock(&server->lock);
    postgres_close_all(connection);
    leat_session_free(connection->session);
    postgres_stream_release(&connection->stream);
    leat_free(connection);
    leat_memory_trim();
    pthread_mutex_lock(&server->lock);
    server->count--;
    pthread_cond_signal(&server->ended);
    pthread_mutex_unlock(&server->lock);
}

void *postgres_connection_run(void *context)
{
    struct postgres_connection *connection = context;
    struct leat_error error;
    enum leat_status status;

    leat_error_clear(&error);
    status = serve(connection, &error);
    if (status != LEAT_OK && status != LEAT_NOT_FOUND)
        dismiss(connection, &error);
    leave(connection);
    return NULL;
}
