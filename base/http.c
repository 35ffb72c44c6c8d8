/* HTTP by libcurl. Each request borrows a handle with its connections from the client's pool. The
 * moment a request begins to be sent is told by curl's pre-request callback; it is counted, since
 * curl itself sends a request again when a kept connection turns out to be dead, and a request that
 * was sent twice may have been carried out twice. */
#include "base/http.h"
#include "base/fault.h"
#include "base/system.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

enum {
    RETRY_BUDGET = 500,
    RETRY_COST = 5,
    DEFAULT_ATTEMPTS = 6,
    RETRY_AFTER_MAXIMUM = 60000, /* milliseconds */
    DEFAULT_BODY = 64 << 20,
    IDLE_MAXIMUM = 64
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_ready;

static void curl_start(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
}

enum leat_status leat_http_client_init(struct leat_http_client *client,
                                       const struct leat_http_settings *settings,
                                       struct leat_error *err)
{
    memset(client, 0, sizeof(*client));
    pthread_mutex_init(&client->lock, NULL);
    client->budget = RETRY_BUDGET;
    if (settings)
        client->settings = *settings;
    client->settings.ca_file = NULL;
    pthread_once(&curl_once, curl_start);
    if (!curl_ready)
        return leat_error_set(err, LEAT_E_NETWORK, "the HTTP library cannot be started");
    if (settings && settings->ca_file) {
        client->settings.ca_file = leat_strdup(settings->ca_file);
        if (!client->settings.ca_file)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

void leat_http_client_release(struct leat_http_client *client)
{
    for (size_t i = 0; i < client->idle_count; i++)
        curl_easy_cleanup(client->idle[i]);
    leat_free(client->idle);
    leat_free((void *)client->settings.ca_file);
    pthread_mutex_destroy(&client->lock);
    memset(client, 0, sizeof(*client));
}

static CURL *handle_take(struct leat_http_client *client)
{
    CURL *handle = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->idle_count)
        handle = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    if (!handle)
        return curl_easy_init();
    curl_easy_reset(handle); /* keeps the connections */
    return handle;
}

static void handle_give(struct leat_http_client *client, CURL *handle)
{
    pthread_mutex_lock(&client->lock);
    if (client->idle_count == client->idle_capacity && client->idle_capacity < IDLE_MAXIMUM) {
        size_t capacity = client->idle_capacity ? client->idle_capacity * 2 : 8;
        void **idle = leat_realloc(client->idle, capacity * sizeof(*idle));
        if (idle) {
            client->idle = idle;
            client->idle_capacity = capacity;
        }
    }
    if (client->idle_count < client->idle_capacity) {
        client->idle[client->idle_count++] = handle;
        handle = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    if (handle)
        curl_easy_cleanup(handle);
}

void leat_http_answer_init(struct leat_http_answer *answer, size_t maximum)
{
    memset(answer, 0, sizeof(*answer));
    leat_buffer_init(&answer->body, maximum ? maximum : DEFAULT_BODY);
}

static void answer_clear(struct leat_http_answer *answer)
{
    answer->status = 0;
    answer->retry_after = 0;
    answer->body.length = 0;
    for (int i = 0; i < LEAT_HTTP_WANTED; i++) {
        leat_free(answer->headers[i]);
        answer->headers[i] = NULL;
    }
}

void leat_http_answer_release(struct leat_http_answer *answer)
{
    answer_clear(answer);
    leat_buffer_release(&answer->body);
}

/* What the callbacks of one exchange share. */
struct exchange {
    CURL *handle;
    const struct leat_http_request *request;
    struct leat_http_answer *answer;
    struct leat_error *err;
    enum leat_status failed; /* of a callback: it ended the request */
    uint64_t given;
    uint64_t taken;
    unsigned sent; /* times the request began to be sent */
};

static int on_send(void *context, char *primary, char *local, int primary_port, int local_port)
{
    struct exchange *exchange = context;

    (void)primary;
    (void)local;
    (void)primary_port;
    (void)local_port;
    exchange->sent++;
    exchange->given = 0;
    return CURL_PREREQFUNC_OK;
}

static size_t on_give(char *into, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct leat_http_request *request = exchange->request;
    uint64_t left = request->body_length - exchange->given;
    size_t length = size * count, out;

    if (length > left)
        length = (size_t)left;
    if (request->give) {
        exchange->failed = request->give(request->give_context, exchange->given, into, length, &out,
                                         exchange->err);
        if (exchange->failed != LEAT_OK)
            return CURL_READFUNC_ABORT;
        length = out;
    } else if (length) {
        memcpy(into, (const char *)request->body + exchange->given, length);
    }
    exchange->given += length;
    return length;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;

    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_FAIL;
    exchange->given = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_take(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct leat_http_request *request = exchange->request;
    size_t length = size * count;
    long status = 0;

    curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
    if (request->take && status >= 200 && status < 300)
        exchange->failed =
            request->take(request->take_context, exchange->taken, bytes, length, exchange->err);
    else
        exchange->failed =
            leat_buffer_append(&exchange->answer->body, bytes, length, exchange->err);
    exchange->taken += length;
    return exchange->failed == LEAT_OK ? length : CURL_WRITEFUNC_ERROR;
}

/* Milliseconds of a Retry-After header: seconds, or a date. */
static unsigned retry_after(const char *value)
{
    char *end;
    long long seconds = strtoll(value, &end, 10);

    if (end == value) {
        time_t date = curl_getdate(value, NULL);
        seconds = date < 0 ? 0 : (long long)date - leat_clock_now() / 1000000;
    }
    if (seconds <= 0)
        return 0;
    return seconds > RETRY_AFTER_MAXIMUM / 1000 ? RETRY_AFTER_MAXIMUM : (unsigned)seconds * 1000;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct leat_http_answer *answer = exchange->answer;
    size_t length = size * count, name_length;
    char *colon = memchr(line, ':', length), *value, *end = line + length;

    if (length > 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* of a redirect, or a 100 before it */
        answer_clear(answer);
        exchange->taken = 0;
    }
    if (!colon)
        return length;
    name_length = (size_t)(colon - line);
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    if (name_length == 11 && strncasecmp(line, "Retry-After", 11) == 0) {
        char text[64];
        size_t used =
            (size_t)(end - value) < sizeof(text) - 1 ? (size_t)(end - value) : sizeof(text) - 1;
        memcpy(text, value, used);
        text[used] = '\0';
        answer->retry_after = retry_after(text);
    }
    for (size_t i = 0; i < exchange->request->wanted_count && i < LEAT_HTTP_WANTED; i++) {
        const char *name = exchange->request->wanted[i];
        if (strlen(name) != name_length || strncasecmp(line, name, name_length) != 0)
            continue;
        leat_free(answer->headers[i]);
        answer->headers[i] = leat_malloc((size_t)(end - value) + 1);
        if (!answer->headers[i]) {
            exchange->failed = leat_error_memory(exchange->err);
            return 0;
        }
        memcpy(answer->headers[i], value, (size_t)(end - value));
        answer->headers[i][end - value] = '\0';
    }
    return length;
}

/* Options that stay away from what the environment or a server may want of curl. */
static CURLcode set_client_options(CURL *handle, const struct leat_http_settings *settings)
{
    CURLcode code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");

    if (code == CURLE_OK)
        code = curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L); /* "." and ".." may be parts of a key */
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(settings->connect ? settings->connect : 10000));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     (long)(settings->stall ? settings->stall : 30));
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, settings->redirects ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, (long)settings->redirects);
    if (code == CURLE_OK && settings->ca_file)
        code = curl_easy_setopt(handle, CURLOPT_CAINFO, settings->ca_file);
    if (code == CURLE_OK && settings->no_proxy)
        code = curl_easy_setopt(handle, CURLOPT_PROXY, "");
    if (code == CURLE_OK && settings->negotiate) {
        code = curl_easy_setopt(handle, CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE);
        if (code == CURLE_OK)
            code = curl_easy_setopt(handle, CURLOPT_USERPWD, ":");
    }
    return code;
}

static CURLcode set_request_options(CURL *handle, struct exchange *exchange,
                                    const struct curl_slist *headers)
{
    const struct leat_http_request *request = exchange->request;
    bool get = strcmp(request->method, "GET") == 0, head = strcmp(request->method, "HEAD") == 0;
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, request->url);

    if (code == CURLE_OK && !get && !head)
        code = curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(handle, CURLOPT_NOBODY, head ? 1L : 0L);
    if (request->body_length || strcmp(request->method, "PUT") == 0 ||
        strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_length);
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_give);
        curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
        curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
    }
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_take);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, on_send);
    curl_easy_setopt(handle, CURLOPT_PREREQDATA, exchange);
    return code;
}

static enum leat_status network_error(const struct leat_http_request *request, const char *reason,
                                      struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_NETWORK, "%s %.*s: %s", request->method,
                         (int)strcspn(request->url, "?"), request->url, reason);
    leat_error_hint(err, "check the address, the network and the server");
    return LEAT_IO;
}

static enum leat_status exchange_run(struct leat_http_client *client, struct exchange *exchange,
                                     const struct curl_slist *headers, struct leat_error *err)
{
    const struct leat_http_request *request = exchange->request;
    struct leat_http_answer *answer = exchange->answer;
    char reason[CURL_ERROR_SIZE] = "";
    CURL *handle = handle_take(client);
    long status = 0;
    CURLcode code;

    if (!handle)
        return leat_error_memory(err);
    exchange->handle = handle;
    code = set_client_options(handle, &client->settings);
    if (code == CURLE_OK)
        code = set_request_options(handle, exchange, headers);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
    if (code == CURLE_OK)
        code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
    handle_give(client, handle);
    if (exchange->sent > 1 && request->changes)
        answer->uncertain = true;
    if (exchange->failed != LEAT_OK)
        return exchange->failed;
    if (code == CURLE_OUT_OF_MEMORY)
        return leat_error_memory(err);
    if (code != CURLE_OK) {
        if (exchange->sent > 0 && request->changes)
            answer->uncertain = true;
        return network_error(request, reason[0] ? reason : curl_easy_strerror(code), err);
    }
    answer->status = (unsigned)status;
    if (status >= 500 && request->changes)
        answer->uncertain = true;
    return LEAT_OK;
}

enum leat_status leat_http_send(struct leat_http_client *client,
                                const struct leat_http_request *request,
                                struct leat_http_answer *answer, struct leat_error *err)
{
    struct exchange exchange = {.request = request, .answer = answer, .err = err};
    struct curl_slist *headers = NULL, *longer;
    enum leat_status status = LEAT_OK;
    int failed = leat_fault_file_check(request->changes);

    answer_clear(answer);
    if (failed)
        return leat_error_set(err, LEAT_E_IO, "%s %.*s: %s", request->method,
                              (int)strcspn(request->url, "?"), request->url, strerror(failed));
    for (size_t i = 0; i <= request->header_count && status == LEAT_OK; i++) {
        /* Nothing is gained by asking first: bodies are sent at once. */
        longer =
            curl_slist_append(headers, i < request->header_count ? request->headers[i] : "Expect:");
        if (!longer)
            status = leat_error_memory(err);
        else
            headers = longer;
    }
    if (status == LEAT_OK)
        status = exchange_run(client, &exchange, headers, err);
    curl_slist_free_all(headers);
    return status;
}

static bool may_try_again(unsigned status)
{
    switch (status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

static bool budget_take(struct leat_http_client *client)
{
    bool granted;

    pthread_mutex_lock(&client->lock);
    granted = client->budget >= RETRY_COST;
    if (granted)
        client->budget -= RETRY_COST;
    pthread_mutex_unlock(&client->lock);
    return granted;
}

static void budget_give(struct leat_http_client *client)
{
    pthread_mutex_lock(&client->lock);
    if (client->budget < RETRY_BUDGET)
        client->budget++;
    pthread_mutex_unlock(&client->lock);
}

bool leat_http_retry_wait(struct leat_http_client *client, unsigned attempt, unsigned retry_after)
{
    const struct leat_http_settings *settings = &client->settings;
    unsigned attempts = settings->attempts ? settings->attempts : DEFAULT_ATTEMPTS;
    uint64_t first = settings->retry_first ? settings->retry_first : 100;
    uint64_t last = settings->retry_last ? settings->retry_last : 10000;
    uint64_t upper = first << (attempt > 20 ? 20 : attempt - 1);

    if (attempt >= attempts || !budget_take(client))
        return false;
    if (upper > last)
        upper = last;
    leat_clock_sleep((int64_t)((leat_random_u64() % (upper + 1)) + retry_after) * 1000);
    return true;
}

enum leat_status leat_http_run(struct leat_http_client *client, struct leat_http_request *request,
                               leat_http_prepare prepare, void *context,
                               struct leat_http_answer *answer, struct leat_error *err)
{
    enum leat_status status;

    answer->uncertain = false;
    for (answer->attempts = 1;; answer->attempts++) {
        if (prepare)
            LEAT_TRY(prepare(context, request, err));
        status = leat_http_send(client, request, answer, err);
        if (status == LEAT_OK && !may_try_again(answer->status)) {
            budget_give(client);
            return LEAT_OK;
        }
        if (status != LEAT_OK && (status != LEAT_IO || (err && err->code != LEAT_E_NETWORK)))
            return status;
        leat_log(LEAT_LOG_INFO, "http", "%s %.*s: attempt %u: %s %u", request->method,
                 (int)strcspn(request->url, "?"), request->url, answer->attempts,
                 status == LEAT_OK ? "status" : "no answer, status", answer->status);
        if (!leat_http_retry_wait(client, answer->attempts, answer->retry_after))
            return status;
    }
}

int64_t leat_http_date(const char *text)
{
    time_t date = curl_getdate(text, NULL);

    return date < 0 ? 0 : (int64_t)date * 1000000;
}

enum leat_status leat_http_encode(struct leat_buffer *out, const char *text, size_t length,
                                  const char *keep, struct leat_error *err)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (c && strchr(keep, c));
        char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        LEAT_TRY(plain ? leat_buffer_append_byte(out, c, err)
                       : leat_buffer_append(out, encoded, 3, err));
    }
    return LEAT_OK;
}
