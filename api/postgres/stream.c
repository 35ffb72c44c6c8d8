/* Bytes and messages of a connection. Reading waits with poll, so that a client that sends half a
 * message holds a thread, but no lock and no more memory than it sent. */
#include "api/postgres/stream.h"

#include "api/c/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SEND_AT = 65536,
    READ_ROOM = 16384,
    SEND_SECONDS = 120,      /* a client that takes nothing for so long has gone */
    LOOK_MILLISECONDS = 100, /* between looks whether a statement that waits is cancelled */
    LONG_MESSAGE = 1 << 20,  /* bytes from which on a message is charged, and its room given back */
    MAXIMUM_IN = 1 << 30
};

void postgres_stream_init(struct postgres_stream *stream, int fd)
{
    *stream = (struct postgres_stream){.fd = fd};
    leat_buffer_init(&stream->in, MAXIMUM_IN);
    leat_buffer_init(&stream->out, 0);
}

void postgres_stream_release(struct postgres_stream *stream)
{
    if (stream->ssl) {
        (void)SSL_shutdown(stream->ssl);
        SSL_free(stream->ssl);
    }
    leat_accountant_release(stream->accountant, stream->charged);
    leat_buffer_release(&stream->in);
    leat_buffer_release(&stream->out);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static enum leat_status gone(struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_NETWORK, "the client has gone");
    return LEAT_NOT_FOUND;
}

static enum leat_status wait_for(struct postgres_stream *stream, short events, unsigned seconds,
                                 struct leat_error *err)
{
    struct pollfd poll_fd = {.fd = stream->fd, .events = events};
    int limit = seconds ? (int)(seconds * 1000) : -1, ready;

    do {
        if (stream->session && leat_session_cancelled(stream->session))
            return leat_error_set(err, LEAT_E_CANCELLED, "the statement was cancelled");
        ready = poll(&poll_fd, 1, stream->session ? LOOK_MILLISECONDS : limit);
    } while ((ready < 0 && errno == EINTR) || (ready == 0 && stream->session));
    if (ready == 0) {
        (void)leat_error_set(err, LEAT_E_NETWORK, "nothing came from the client for %u seconds",
                             seconds);
        return LEAT_NOT_FOUND;
    }
    return ready < 0 ? leat_error_io(err, "wait for", "a client", errno) : LEAT_OK;
}

/* What TLS waits for, or that the connection is over. */
static enum leat_status after_ssl(struct postgres_stream *stream, int result, unsigned seconds,
                                  struct leat_error *err)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(stream, POLLIN, seconds, err);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(stream, POLLOUT, seconds, err);
    default:
        ERR_clear_error();
        return gone(err);
    }
}

enum leat_status postgres_stream_secure(struct postgres_stream *stream, struct ssl_ctx_st *context,
                                        struct leat_error *err)
{
    int result;

    stream->ssl = SSL_new(context);
    if (!stream->ssl || SSL_set_fd(stream->ssl, stream->fd) != 1)
        return leat_error_memory(err);
    while ((result = SSL_accept(stream->ssl)) != 1)
        LEAT_TRY(after_ssl(stream, result, stream->idle, err));
    return LEAT_OK;
}

static enum leat_status receive(struct postgres_stream *stream, struct leat_error *err)
{
    struct leat_buffer *in = &stream->in;

    if (stream->taken > 0) { /* what is used up makes room */
        memmove(in->data, in->data + stream->taken, in->length - stream->taken);
        in->length -= stream->taken;
        stream->taken = 0;
    }
    LEAT_TRY(leat_buffer_reserve(in, READ_ROOM, err));
    for (;;) {
        size_t room = in->capacity - in->length;
        ssize_t got = stream->ssl ? SSL_read(stream->ssl, in->data + in->length,
                                             (int)(room < INT32_MAX ? room : INT32_MAX))
                                  : recv(stream->fd, in->data + in->length, room, 0);
        if (got > 0) {
            in->length += (size_t)got;
            return LEAT_OK;
        }
        if (stream->ssl)
            LEAT_TRY(after_ssl(stream, (int)got, stream->idle, err));
        else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return gone(err);
        else
            LEAT_TRY(wait_for(stream, POLLIN, stream->idle, err));
    }
}

/* Waits until so many bytes are there, and leaves them. */
static enum leat_status await_bytes(struct postgres_stream *stream, size_t count,
                                    struct leat_error *err)
{
    while (stream->in.length - stream->taken < count)
        LEAT_TRY(receive(stream, err));
    return LEAT_OK;
}

enum leat_status postgres_take(struct postgres_stream *stream, size_t count, const uint8_t **out,
                               struct leat_error *err)
{
    LEAT_TRY(await_bytes(stream, count, err));
    *out = stream->in.data + stream->taken;
    stream->taken += count;
    return LEAT_OK;
}

static uint32_t read_u32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, 4);
    return ntohl(value);
}

/* The message before is used up: so is what a long one held. */
static void let_go(struct postgres_stream *stream)
{
    leat_accountant_release(stream->accountant, stream->charged);
    stream->charged = 0;
    if (stream->in.capacity > 2 * LONG_MESSAGE && stream->taken == stream->in.length) {
        leat_buffer_release(&stream->in);
        leat_buffer_init(&stream->in, MAXIMUM_IN);
        stream->taken = 0;
    }
}

/* Nothing of the message is used up before all of it is there, so that waiting for it can end. */
enum leat_status postgres_take_message(struct postgres_stream *stream, size_t maximum, char *type,
                                       struct leat_cursor *body, struct leat_error *err)
{
    const uint8_t *bytes;
    uint32_t length;

    let_go(stream);
    LEAT_TRY(await_bytes(stream, 5, err));
    length = read_u32(stream->in.data + stream->taken + 1);
    if (length < 4 || length - 4 > maximum)
        return leat_error_set(err, LEAT_E_MESSAGE,
                              "a message of the client says that it has %u bytes", length);
    if (length > LONG_MESSAGE) {
        if (!leat_accountant_charge(stream->accountant, length))
            return leat_error_memory(err);
        stream->charged = length;
    }
    LEAT_TRY(postgres_take(stream, (size_t)length + 1, &bytes, err));
    *type = (char)bytes[0];
    *body = (struct leat_cursor){bytes + 5, length - 4, 0};
    return LEAT_OK;
}

enum leat_status postgres_flush(struct postgres_stream *stream, struct leat_error *err)
{
    struct leat_buffer *out = &stream->out;
    size_t sent = 0;

    while (sent < out->length) {
        size_t rest = out->length - sent;
        ssize_t put = stream->ssl ? SSL_write(stream->ssl, out->data + sent,
                                              (int)(rest < INT32_MAX ? rest : INT32_MAX))
                                  : send(stream->fd, out->data + sent, rest, MSG_NOSIGNAL);
        if (put > 0)
            sent += (size_t)put;
        else if (stream->ssl)
            LEAT_TRY(after_ssl(stream, (int)put, SEND_SECONDS, err));
        else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            LEAT_TRY(wait_for(stream, POLLOUT, SEND_SECONDS, err));
        else
            return gone(err);
    }
    out->length = 0;
    return LEAT_OK;
}

enum leat_status postgres_begin(struct postgres_stream *stream, char type, struct leat_error *err)
{
    stream->message = stream->out.length;
    stream->writing = true;
    LEAT_TRY(leat_buffer_append_byte(&stream->out, (uint8_t)type, err));
    return postgres_put_i32(&stream->out, 0, err);
}

enum leat_status postgres_end(struct postgres_stream *stream, struct leat_error *err)
{
    size_t length = stream->out.length - stream->message - 1;
    uint32_t value = htonl((uint32_t)length);

    stream->writing = false;
    if (length > INT32_MAX) {
        stream->out.length = stream->message;
        return leat_error_set(err, LEAT_E_LIMIT, "a row has more than 2 GB");
    }
    memcpy(stream->out.data + stream->message + 1, &value, 4);
    return stream->out.length >= SEND_AT ? postgres_flush(stream, err) : LEAT_OK;
}

void postgres_abandon(struct postgres_stream *stream)
{
    if (stream->writing)
        stream->out.length = stream->message;
    stream->writing = false;
}

enum leat_status postgres_put_i16(struct leat_buffer *out, int value, struct leat_error *err)
{
    uint16_t bytes = htons((uint16_t)value);

    return leat_buffer_append(out, &bytes, 2, err);
}

enum leat_status postgres_put_i32(struct leat_buffer *out, int64_t value, struct leat_error *err)
{
    uint32_t bytes = htonl((uint32_t)value);

    return leat_buffer_append(out, &bytes, 4, err);
}

enum leat_status postgres_put_i64(struct leat_buffer *out, int64_t value, struct leat_error *err)
{
    uint64_t bytes = __builtin_bswap64((uint64_t)value);

    return leat_buffer_append(out, &bytes, 8, err);
}

enum leat_status postgres_put_text(struct leat_buffer *out, const char *text,
                                   struct leat_error *err)
{
    return leat_buffer_append(out, text, strlen(text) + 1, err);
}

enum leat_status postgres_get_bytes(struct leat_cursor *body, size_t length, struct leat_text *out,
                                    struct leat_error *err)
{
    if (length > body->length - body->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of the client is too short");
    *out = (struct leat_text){(const char *)body->data + body->position, length};
    body->position += length;
    return LEAT_OK;
}

/* Big-endian, of so many bytes. */
static enum leat_status get_integer(struct leat_cursor *body, size_t size, uint64_t *out,
                                    struct leat_error *err)
{
    struct leat_text bytes;

    LEAT_TRY(postgres_get_bytes(body, size, &bytes, err));
    *out = 0;
    for (size_t i = 0; i < size; i++)
        *out = *out << 8 | (uint8_t)bytes.data[i];
    return LEAT_OK;
}

enum leat_status postgres_get_u8(struct leat_cursor *body, uint8_t *out, struct leat_error *err)
{
    uint64_t value;

    LEAT_TRY(get_integer(body, sizeof(*out), &value, err));
    *out = (uint8_t)value;
    return LEAT_OK;
}

enum leat_status postgres_get_i16(struct leat_cursor *body, int16_t *out, struct leat_error *err)
{
    uint64_t value;

    LEAT_TRY(get_integer(body, sizeof(*out), &value, err));
    *out = (int16_t)value;
    return LEAT_OK;
}

enum leat_status postgres_get_i32(struct leat_cursor *body, int32_t *out, struct leat_error *err)
{
    uint64_t value;

    LEAT_TRY(get_integer(body, sizeof(*out), &value, err));
    *out = (int32_t)value;
    return LEAT_OK;
}

enum leat_status postgres_get_i64(struct leat_cursor *body, int64_t *out, struct leat_error *err)
{
    uint64_t value;

    LEAT_TRY(get_integer(body, sizeof(*out), &value, err));
    *out = (int64_t)value;
    return LEAT_OK;
}

enum leat_status postgres_get_text(struct leat_cursor *body, struct leat_text *out,
                                   struct leat_error *err)
{
    const uint8_t *start = body->data + body->position;
    const uint8_t *end = memchr(start, 0, body->length - body->position);

    if (!end)
        return leat_error_set(err, LEAT_E_MESSAGE, "a text in a client's message has no end");
    *out = (struct leat_text){(const char *)start, (size_t)(end - start)};
    body->position += out->length + 1;
    return LEAT_OK;
}
