/* The server: an address, a thread for each connection, and an eye on clients that go away while
 * their statement runs. */
#include "api/postgres/server_internal.h"

#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTENERS = 8,
    LOOK_MILLISECONDS = 200, /* between looks at running connections */
    DEFAULT_CONNECTIONS = 100,
    SPARE = 8 /* connections that cancel others, or wait to be let in */
};

static _Atomic bool stop_requested;

void leat_postgres_stop(void)
{
    atomic_store(&stop_requested, true);
}

/* --- addresses --- */

struct listening {
    struct pollfd fds[LISTENERS + 1];
    nfds_t count;
    char address[300];
};

/* HOST:PORT, [HOST]:PORT, :PORT or PORT. */
static enum leat_status split_address(const char *address, char host[256], char port[16],
                                      struct leat_error *err)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    const char *from = address;

    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        from++;
        length -= 2;
    }
    snprintf(port, 16, "%.15s", colon ? colon + 1 : address);
    if (length < 255 && port[0] && strspn(port, "0123456789") == strlen(port)) {
        snprintf(host, 256, "%.*s", (int)length, from);
        return LEAT_OK;
    }
    (void)leat_error_set(err, LEAT_E_USAGE, "\"%s\" is no address", address);
    leat_error_hint(err, "write HOST:PORT, for example 127.0.0.1:5432");
    return LEAT_INVALID;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) && in->sin6_addr.s6_addr[12] == 127);
    }
    return address->sa_family == AF_UNIX;
}

static enum leat_status open_listener(const struct addrinfo *info, struct listening *listening,
                                      struct leat_error *err)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        return leat_error_io(err, "open", "a socket", errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 128) != 0) {
        enum leat_status status = leat_error_io(err, "listen on", listening->address, errno);
        close(fd);
        return status;
    }
    listening->fds[listening->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return LEAT_OK;
}

/* The address as clients can use it, with the port that the system chose. */
static void name_address(struct listening *listening, const char *host)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char port[16] = "";

    if (getsockname(listening->fds[0].fd, (struct sockaddr *)&bound, &size) == 0)
        (void)!getnameinfo((struct sockaddr *)&bound, size, NULL, 0, port, sizeof(port),
                           NI_NUMERICSERV);
    snprintf(listening->address, sizeof(listening->address),
             strchr(host, ':') ? "[%.255s]:%s" : "%.255s:%s", host[0] ? host : "127.0.0.1", port);
}

static enum leat_status listen_all(const struct leat_postgres_options *options,
                                   struct listening *listening, struct leat_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    char host[256], port[16];
    enum leat_status status = LEAT_OK;
    int failed;

    LEAT_TRY(split_address(options->address, host, port, err));
    snprintf(listening->address, sizeof(listening->address), "%s", options->address);
    failed = getaddrinfo(host[0] ? host : "127.0.0.1", port, &hints, &found);
    if (failed)
        return leat_error_set(err, LEAT_E_NETWORK, "%s: %s", options->address,
                              gai_strerror(failed));
    for (struct addrinfo *i = found; i && status == LEAT_OK; i = i->ai_next) {
        if (!options->users && !is_loopback(i->ai_addr)) {
            status = leat_error_set(err, LEAT_E_OPEN_ADDRESS,
                                    "%s can be reached from other machines, and no users are named",
                                    options->address);
            leat_error_hint(err, "give --users FILE, or listen on 127.0.0.1");
        } else if (listening->count < LISTENERS &&
                   (strcmp(port, "0") != 0 || listening->count == 0)) {
            status = open_listener(i, listening, err);
        }
    }
    freeaddrinfo(found);
    if (status == LEAT_OK)
        name_address(listening, host);
    return status;
}

static void close_listeners(struct listening *listening)
{
    for (nfds_t i = 0; i < listening->count; i++)
        close(listening->fds[i].fd);
}

/* --- TLS --- */

static enum leat_status open_tls(const struct leat_postgres_options *options,
                                 struct postgres_server *server, struct leat_error *err)
{
    char reason[200] = "";

    if (!options->tls_certificate && !options->tls_key)
        return LEAT_OK;
    if (!options->tls_certificate || !options->tls_key)
        return leat_error_set(err, LEAT_E_CERTIFICATE,
                              "--tls-certificate and --tls-key belong together");
    server->tls = SSL_CTX_new(TLS_server_method());
    if (!server->tls)
        return leat_error_memory(err);
    SSL_CTX_set_min_proto_version(server->tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(server->tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(server->tls, options->tls_certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(server->tls, options->tls_key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(server->tls) == 1)
        return LEAT_OK;
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    ERR_clear_error();
    return leat_error_set(err, LEAT_E_CERTIFICATE, "%s and %s cannot be used: %s",
                          options->tls_certificate, options->tls_key, reason);
}

/* --- connections --- */

void postgres_cancel(struct postgres_server *server, uint32_t id, uint32_t secret)
{
    pthread_mutex_lock(&server->lock);
    for (struct postgres_connection *c = server->connections; c; c = c->next)
        if (c->id == id && c->secret == secret && c->session)
            leat_session_cancel(c->session);
    pthread_mutex_unlock(&server->lock);
}

/* One error, and the connection is closed. */
static void turn_away(int fd, unsigned limit)
{
    struct postgres_stream stream;
    struct leat_error error, ignored;

    postgres_stream_init(&stream, fd);
    (void)leat_error_set(&error, LEAT_E_CONNECTIONS, "the server has its %u connections", limit);
    if (postgres_put_error(&stream, "FATAL", &error, NULL, 0, (struct leat_text){NULL, 0},
                           &ignored) == LEAT_OK)
        (void)!send(fd, stream.out.data, stream.out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    postgres_stream_release(&stream);
}

static bool start_thread(struct postgres_connection *connection)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, (size_t)8 << 20);
    started = pthread_create(&thread, &attributes, postgres_connection_run, connection) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

static void accept_one(struct postgres_server *server, int listener)
{
    struct postgres_connection *connection;
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    bool full;
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int on = 1;

    if (fd < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    pthread_mutex_lock(&server->lock);
    full = server->count >= server->limit + SPARE;
    server->count += !full;
    pthread_mutex_unlock(&server->lock);
    connection = full ? NULL : leat_calloc(1, sizeof(*connection));
    if (connection && RAND_bytes((uint8_t *)&connection->secret, sizeof(connection->secret)) != 1) {
        leat_free(connection);
        connection = NULL;
    }
    if (!connection) {
        turn_away(fd, server->limit);
        pthread_mutex_lock(&server->lock);
        server->count -= !full;
        pthread_mutex_unlock(&server->lock);
        return;
    }
    connection->server = server;
    connection->local = is_loopback((struct sockaddr *)&peer);
    postgres_stream_init(&connection->stream, fd);
    connection->stream.accountant = &server->accountant;
    pthread_mutex_lock(&server->lock);
    connection->id = ++server->last_id;
    connection->next = server->connections;
    server->connections = connection;
    pthread_mutex_unlock(&server->lock);
    if (start_thread(connection))
        return;
    pthread_mutex_lock(&server->lock);
    server->connections = connection->next;
    server->count--;
    pthread_mutex_unlock(&server->lock);
    turn_away(fd, server->limit);
    leat_free(connection);
}

/* Cancels statements whose clients have closed their connection. */
static void look_at_clients(struct postgres_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct postgres_connection *c = server->connections; c; c = c->next) {
        struct pollfd fd = {.fd = c->stream.fd, .events = POLLRDHUP};
        if (!atomic_load(&c->running) || poll(&fd, 1, 0) <= 0 ||
            !(fd.revents & (POLLRDHUP | POLLHUP | POLLERR)))
            continue;
        atomic_store(&c->gone, true);
        leat_session_cancel(c->session);
    }
    pthread_mutex_unlock(&server->lock);
}

/* Ends all connections: what runs is cancelled, who waits for a message is woken. */
static void end_connections(struct postgres_server *server)
{
    struct timespec until;

    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    while (server->count > 0) {
        for (struct postgres_connection *c = server->connections; c; c = c->next) {
            if (c->session && atomic_load(&c->running))
                leat_session_cancel(c->session);
            (void)shutdown(c->stream.fd, SHUT_RD); /* COPY waits for its client, too */
        }
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&server->ended, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
}

static void serve_until_stopped(struct postgres_server *server, struct listening *listening)
{
    while (!atomic_load(&stop_requested)) {
        int ready = poll(listening->fds, listening->count, LOOK_MILLISECONDS);
        for (nfds_t i = 0; ready > 0 && i < listening->count; i++)
            if (listening->fds[i].revents)
                accept_one(server, listening->fds[i].fd);
        look_at_clients(server);
    }
}

/* What keeps sessions from opening the lake is told at once, not to the first client. */
static enum leat_status try_session(const struct leat_postgres_options *options,
                                    struct leat_error *err)
{
    struct leat_session *session;

    LEAT_TRY(leat_session_new(&options->session, &session, err));
    leat_session_free(session);
    return LEAT_OK;
}

enum leat_status leat_postgres_serve(const struct leat_postgres_options *options,
                                     struct leat_error *err)
{
    struct postgres_server server = {.options = options,
                                     .limit = options->connections ? options->connections
                                                                   : DEFAULT_CONNECTIONS};
    struct listening listening = {.count = 0};
    uint64_t memory =
        options->session.memory ? options->session.memory : leat_memory_default_limit();
    enum leat_status status;

    (void)signal(SIGPIPE, SIG_IGN); /* TLS writes by itself */
    leat_memory_bound(options->session.memory);
    leat_accountant_init(&server.accountant, NULL, memory);
    pthread_mutex_init(&server.lock, NULL);
    pthread_cond_init(&server.ended, NULL);
    status = leat_memory_store_new(&server.accountant, &server.store, err);
    if (status == LEAT_OK && options->users)
        status = postgres_users_read(options->users, &server.users, err);
    if (status == LEAT_OK)
        status = open_tls(options, &server, err);
    if (status == LEAT_OK && options->session.lake)
        status = try_session(options, err);
    if (status == LEAT_OK)
        status = listen_all(options, &listening, err);
    if (status == LEAT_OK) {
        if (options->ready)
            options->ready(options->context, listening.address);
        serve_until_stopped(&server, &listening);
    }
    close_listeners(&listening);
    end_connections(&server);
    leat_memory_store_free(server.store);
    postgres_users_release(&server.users);
    SSL_CTX_free(server.tls);
    pthread_cond_destroy(&server.ended);
    pthread_mutex_destroy(&server.lock);
    return status;
}
