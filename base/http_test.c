#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/http.h"
#include "base/test_faults.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* A server that answers connections with the given texts in turn, one request each. An empty text
 * closes the connection without an answer. */
struct server {
    const char *const *answers;
    size_t count;
    int listener;
    char url[64];
    pthread_t thread;
    char requests[8][1024]; /* as far as they were read */
};
static struct leat_error err;

static void serve_one(struct server *server, size_t i)
{
    char *request = server->requests[i];
    size_t used = 0, body = 0;
    int peer = accept(server->listener, NULL, NULL);
    char *end;

    if (peer < 0)
        return;
    while (used < 1023) {
        ssize_t got = recv(peer, request + used, 1023 - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        request[used] = '\0';
        end = strstr(request, "\r\n\r\n");
        if (end && strstr(request, "Content-Length: "))
            body = strtoul(strstr(request, "Content-Length: ") + 16, NULL, 10);
        if (end && used >= (size_t)(end + 4 - request) + body)
            break;
    }
    if (server->answers[i][0])
        (void)!send(peer, server->answers[i], strlen(server->answers[i]), MSG_NOSIGNAL);
    close(peer);
}

static void *serve(void *context)
{
    struct server *server = context;

    for (size_t i = 0; i < server->count; i++)
        serve_one(server, i);
    return NULL;
}

static void server_start(struct server *server, const char *const *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(server, 0, sizeof(*server));
    server->answers = answers;
    server->count = count;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &size);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d/a?token=secret",
             ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

/* Runs one request against the answers. */
static enum leat_status exchange(struct server *server, const char *const *answers, size_t count,
                                 struct leat_http_request *request, struct leat_http_answer *answer)
{
    struct leat_http_settings settings = {.retry_first = 1, .no_proxy = true, .attempts = 4};
    struct leat_http_client client;
    enum leat_status status;

    server_start(server, answers, count);
    request->url = server->url;
    status = leat_http_client_init(&client, &settings, &err);
    if (status == LEAT_OK)
        status = leat_http_run(&client, request, NULL, NULL, answer, &err);
    server_stop(server);
    leat_http_client_release(&client);
    return status;
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"x\"\r\n\r\nhi"

static void http__sends_a_body_and_keeps_wanted_headers(void **state)
{
    static const char *const answers[] = {OK_ANSWER};
    static const char *const wanted[] = {"etag", "missing"};
    static const char *const headers[] = {"X-Own: 1"};
    struct leat_http_request request = {.method = "PUT",
                                        .headers = headers,
                                        .header_count = 1,
                                        .body = "body",
                                        .body_length = 4,
                                        .wanted = wanted,
                                        .wanted_count = 2,
                                        .changes = true};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_http_answer_init(&answer, 0);
    assert_int_equal(exchange(&server, answers, 1, &request, &answer), LEAT_OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.headers[0], "\"x\"");
    assert_null(answer.headers[1]);
    assert_int_equal(answer.body.length, 2);
    assert_false(answer.uncertain);
    assert_non_null(strstr(server.requests[0], "PUT /a?token=secret HTTP/1.1\r\n"));
    assert_non_null(strstr(server.requests[0], "X-Own: 1\r\n"));
    assert_null(strstr(server.requests[0], "Expect"));
    assert_non_null(strstr(server.requests[0], "\r\n\r\nbody"));
    leat_http_answer_release(&answer);
}

static void http__tries_again_after_lost_answers_and_says_so(void **state)
{
    static const char *const answers[] = {"", "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n",
                                          OK_ANSWER};
    struct leat_http_request request = {.method = "DELETE", .changes = true};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_http_answer_init(&answer, 0);
    assert_int_equal(exchange(&server, answers, 3, &request, &answer), LEAT_OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.attempts, 3);
    assert_true(answer.uncertain);
    leat_http_answer_release(&answer);
}

static void http__gives_up_with_an_error_without_the_query(void **state)
{
    static const char *const answers[] = {"", "", "", ""};
    struct leat_http_request request = {.method = "POST", .changes = true};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_http_answer_init(&answer, 0);
    assert_int_equal(exchange(&server, answers, 4, &request, &answer), LEAT_IO);
    assert_int_equal(err.code, LEAT_E_NETWORK);
    assert_null(strstr(err.message, "secret"));
    assert_non_null(strstr(err.message, "127.0.0.1"));
    assert_true(answer.uncertain);
    leat_http_answer_release(&answer);
}

static void http__requests_never_sent_are_not_uncertain(void **state)
{
    struct leat_http_settings settings = {.retry_first = 1, .no_proxy = true, .attempts = 2};
    struct leat_http_request request = {
        .method = "PUT", .url = "http://127.0.0.1:1/x", .changes = true};
    struct leat_http_client client;
    struct leat_http_answer answer;
    (void)state;
    leat_http_answer_init(&answer, 0);
    assert_int_equal(leat_http_client_init(&client, &settings, &err), LEAT_OK);
    assert_int_equal(leat_http_run(&client, &request, NULL, NULL, &answer, &err), LEAT_IO);
    assert_false(answer.uncertain);
    leat_http_client_release(&client);
    leat_http_answer_release(&answer);
}

static enum leat_status take_bytes(void *context, uint64_t offset, const void *bytes, size_t length,
                                   struct leat_error *error)
{
    struct leat_buffer *out = context;

    if (offset == 0)
        out->length = 0;
    return leat_buffer_append(out, bytes, length, error);
}

static void http__gives_the_body_of_the_last_attempt_only(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut off", /* two bytes are missing */
        "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nbad", OK_ANSWER};
    struct leat_buffer body;
    struct leat_http_request request = {.method = "GET", .take = take_bytes, .take_context = &body};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_buffer_init(&body, 0);
    leat_http_answer_init(&answer, 0);
    assert_int_equal(exchange(&server, answers, 3, &request, &answer), LEAT_OK);
    assert_int_equal(body.length, 2);
    assert_memory_equal(body.data, "hi", 2);
    assert_int_equal(answer.body.length, 0);
    assert_false(answer.uncertain);
    leat_http_answer_release(&answer);
    leat_buffer_release(&body);
}

static void http__refuses_bodies_above_the_maximum(void **state)
{
    static const char *const answers[] = {OK_ANSWER};
    struct leat_http_request request = {.method = "GET"};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_http_answer_init(&answer, 1);
    assert_int_equal(exchange(&server, answers, 1, &request, &answer), LEAT_LIMIT);
    leat_http_answer_release(&answer);
}

static void http__does_not_follow_redirects_unless_asked(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/b\r\nContent-Length: 0\r\n\r\n"};
    static const char *const wanted[] = {"Location"};
    struct leat_http_request request = {.method = "GET", .wanted = wanted, .wanted_count = 1};
    struct leat_http_answer answer;
    struct server server;
    (void)state;
    leat_http_answer_init(&answer, 0);
    assert_int_equal(exchange(&server, answers, 1, &request, &answer), LEAT_OK);
    assert_int_equal(answer.status, 307);
    assert_string_equal(answer.headers[0], "http://127.0.0.1:1/b");
    leat_http_answer_release(&answer);
}

static void encode__keeps_what_is_asked(void **state)
{
    struct leat_buffer out;
    (void)state;
    leat_buffer_init(&out, 0);
    assert_int_equal(leat_http_encode(&out, "a/b c~\xc3\xa9+", 9, "/", &err), LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(&out, 0, &err), LEAT_OK);
    assert_string_equal((char *)out.data, "a/b%20c~%C3%A9%2B");
    leat_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http__sends_a_body_and_keeps_wanted_headers),
        cmocka_unit_test(http__tries_again_after_lost_answers_and_says_so),
        cmocka_unit_test(http__gives_up_with_an_error_without_the_query),
        cmocka_unit_test(http__requests_never_sent_are_not_uncertain),
        cmocka_unit_test(http__gives_the_body_of_the_last_attempt_only),
        cmocka_unit_test(http__refuses_bodies_above_the_maximum),
        cmocka_unit_test(http__does_not_follow_redirects_unless_asked),
        cmocka_unit_test(encode__keeps_what_is_asked),
    };
    return LEAT_RUN_TESTS(tests);
}
