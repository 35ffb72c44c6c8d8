/*
 * HTTP requests (libcurl): the seam to stores and services behind a URL.
 *
 * A client keeps connections for reuse and may be used by several threads at once. One call sends
 * one request and waits for its answer; leat_http_run tries again what may be tried again. An
 * answer of any status is no error here: callers judge it. What is logged or put into an error
 * names the URL without its query, since queries may hold tokens.
 */
#ifndef LEAT_BASE_HTTP_H
#define LEAT_BASE_HTTP_H

#include "base/buffer.h"

#include <pthread.h>

struct leat_http_settings {
    const char *ca_file;  /* PEM file of the certificates to trust, or NULL: the system's */
    unsigned connect;     /* milliseconds; 0: 10 seconds */
    unsigned stall;       /* seconds without a byte after which a request fails; 0: 30 */
    unsigned redirects;   /* followed so many times; 0: not followed */
    bool negotiate;       /* SPNEGO with the credentials of the user's Kerberos cache */
    bool no_proxy;        /* never through the proxy that the environment names */
    unsigned attempts;    /* of leat_http_run; 0: 6 */
    unsigned retry_first; /* milliseconds: upper end of the first delay; 0: 100 */
    unsigned retry_last;  /* milliseconds: upper end of every delay; 0: 10 seconds */
};

/* Retries of all requests of a client share a budget, so that a store in trouble is not asked many
 * times more than usual: a retry takes from it, a success gives a little back. */
struct leat_http_client {
    struct leat_http_settings settings; /* copied; its strings are owned */
    pthread_mutex_t lock;
    void **idle; /* connections' handles (CURL *) */
    size_t idle_count;
    size_t idle_capacity;
    int budget;
};
LEAT_CHECKED enum leat_status leat_http_client_init(struct leat_http_client *client,
                                                    const struct leat_http_settings *settings,
                                                    struct leat_error *err);
void leat_http_client_release(struct leat_http_client *client);

/* Gives the request's body: up to `size` bytes that lie at `offset`, which goes back to 0 when the
 * request is sent again. */
typedef enum leat_status (*leat_http_give)(void *context, uint64_t offset, void *into, size_t size,
                                           size_t *out, struct leat_error *err);
/* Takes the body of an answer with a status from 200 to 299: bytes that lie at `offset` of it,
 * which goes back to 0 when the request is sent again. A failure ends the request. */
typedef enum leat_status (*leat_http_take)(void *context, uint64_t offset, const void *bytes,
                                           size_t length, struct leat_error *err);

struct leat_http_request {
    const char *method;         /* "GET", "HEAD", "PUT", "POST", "DELETE" */
    const char *url;            /* http or https; already percent-encoded */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const void *body; /* or NULL */
    uint64_t body_length;
    leat_http_give give; /* instead of body */
    void *give_context;
    leat_http_take take; /* instead of the answer's body buffer */
    void *take_context;
    const char *const *wanted; /* names of the answer's headers that are kept */
    size_t wanted_count;       /* at most LEAT_HTTP_WANTED */
    bool changes;              /* something there is changed by it (as opposed to asked) */
};
enum { LEAT_HTTP_WANTED = 8 };

struct leat_http_answer {
    unsigned status;         /* 0: there was no answer */
    struct leat_buffer body; /* of any status; with `take`, of statuses outside 200 to 299 */
    char *headers[LEAT_HTTP_WANTED]; /* values as `wanted` names them, or NULL */
    unsigned attempts;
    unsigned retry_after; /* milliseconds that the server asks to wait; 0: it does not */
    /* An attempt may have been carried out without our having its answer: whoever sees "exists
     * already" or an error must look at what is there. */
    bool uncertain;
};
/* `maximum` bytes of a body are taken (0: 64 MiB); more is LEAT_E_LIMIT. */
void leat_http_answer_init(struct leat_http_answer *answer, size_t maximum);
void leat_http_answer_release(struct leat_http_answer *answer);

/* Sends the request once. No answer: LEAT_E_NETWORK, with `uncertain` set if the request had been
 * sent. The answer may be used again and again. */
LEAT_CHECKED enum leat_status leat_http_send(struct leat_http_client *client,
                                             const struct leat_http_request *request,
                                             struct leat_http_answer *answer,
                                             struct leat_error *err);
/* Called before each attempt to make the request anew (to sign it with the present time); NULL: it
 * stays as it is. */
typedef enum leat_status (*leat_http_prepare)(void *context, struct leat_http_request *request,
                                              struct leat_error *err);
/* Sends until there is an answer other than 408, 425, 429, 500, 502, 503, 504: delays double and
 * are drawn at random from 0 to their upper end (full jitter), Retry-After is obeyed. The last
 * answer, or LEAT_E_NETWORK if there was none. `uncertain` covers all attempts. */
LEAT_CHECKED enum leat_status leat_http_run(struct leat_http_client *client,
                                            struct leat_http_request *request,
                                            leat_http_prepare prepare, void *context,
                                            struct leat_http_answer *answer,
                                            struct leat_error *err);
/* One step of the same, for those who judge answers themselves: waits and returns true if a further
 * attempt (of which `attempt` were made) is allowed. */
bool leat_http_retry_wait(struct leat_http_client *client, unsigned attempt, unsigned retry_after);

/* "Wed, 12 Oct 2009 17:50:00 GMT" in microseconds since 1970; 0 if it is no date. */
int64_t leat_http_date(const char *text);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ and the characters of `keep`, appending to `out`. */
LEAT_CHECKED enum leat_status leat_http_encode(struct leat_buffer *out, const char *text,
                                               size_t length, const char *keep,
                                               struct leat_error *err);

#endif
