/*
 * A client's connection as a stream of messages of PostgreSQL's protocol 3.0 (PostgreSQL
 * documentation, "Frontend/Backend Protocol"): a type byte, a big-endian length that counts itself,
 * and the body. Plain or TLS. What is written is kept until it is worth sending.
 */
#ifndef LEAT_API_POSTGRES_STREAM_H
#define LEAT_API_POSTGRES_STREAM_H

#include "base/buffer.h"

struct leat_session;
struct ssl_st;
struct ssl_ctx_st;
struct postgres_stream {
    int fd;
    struct ssl_st *ssl;    /* NULL: plain */
    struct leat_buffer in; /* bytes received, of which `taken` are used up */
    size_t taken;
    struct leat_buffer out;             /* bytes to be sent */
    size_t message;                     /* where the message being written begins in `out` */
    bool writing;                       /* one is being written */
    unsigned idle;                      /* seconds to wait for a message; 0: for ever */
    struct leat_session *session;       /* not NULL: waiting ends when its statement is cancelled */
    struct leat_accountant *accountant; /* or NULL: long messages are charged while they are held */
    size_t charged;
};
/* Takes the descriptor, which must not block. */
void postgres_stream_init(struct postgres_stream *stream, int fd);
/* Closes it too. */
void postgres_stream_release(struct postgres_stream *stream);
/* Makes it a TLS connection, as the server. */
LEAT_CHECKED enum leat_status postgres_stream_secure(struct postgres_stream *stream,
                                                     struct ssl_ctx_st *context,
                                                     struct leat_error *err);

/* Waits for `count` bytes; *out points into the stream until the next call. LEAT_NOT_FOUND: the
 * client has gone. */
LEAT_CHECKED enum leat_status postgres_take(struct postgres_stream *stream, size_t count,
                                            const uint8_t **out, struct leat_error *err);
/* Waits for a whole message, no body longer than `maximum`. The body points into the stream until
 * the next call. */
LEAT_CHECKED enum leat_status postgres_take_message(struct postgres_stream *stream, size_t maximum,
                                                    char *type, struct leat_cursor *body,
                                                    struct leat_error *err);
/* Begins and ends a message; between them the body is appended to stream->out. */
LEAT_CHECKED enum leat_status postgres_begin(struct postgres_stream *stream, char type,
                                             struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_end(struct postgres_stream *stream, struct leat_error *err);
/* Takes back a message that was begun and not ended. */
void postgres_abandon(struct postgres_stream *stream);
/* Sends what is kept; postgres_end does so by itself now and then. */
LEAT_CHECKED enum leat_status postgres_flush(struct postgres_stream *stream,
                                             struct leat_error *err);

/* Big-endian integers, and texts with their end. */
LEAT_CHECKED enum leat_status postgres_put_i16(struct leat_buffer *out, int value,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_put_i32(struct leat_buffer *out, int64_t value,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_put_i64(struct leat_buffer *out, int64_t value,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_put_text(struct leat_buffer *out, const char *text,
                                                struct leat_error *err);
/* From a message's body, every length checked: LEAT_E_MESSAGE if it is too short. */
LEAT_CHECKED enum leat_status postgres_get_u8(struct leat_cursor *body, uint8_t *out,
                                              struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_get_i16(struct leat_cursor *body, int16_t *out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_get_i32(struct leat_cursor *body, int32_t *out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_get_i64(struct leat_cursor *body, int64_t *out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status postgres_get_bytes(struct leat_cursor *body, size_t length,
                                                 struct leat_text *out, struct leat_error *err);
/* Up to a NUL; *out is NUL-terminated. */
LEAT_CHECKED enum leat_status postgres_get_text(struct leat_cursor *body, struct leat_text *out,
                                                struct leat_error *err);

#endif
