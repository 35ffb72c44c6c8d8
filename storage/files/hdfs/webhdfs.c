/* One loop serves all operations: it sends to the NameNode, follows its redirection if data flows,
 * judges the answer, and tries again what may be tried again. */
#include "storage/files/hdfs/webhdfs.h"
#include "base/system.h"

#include <strings.h>

enum { ANSWER_MAXIMUM = 64 << 20, URL_MAXIMUM = 1 << 20 };

static const char *const wanted_headers[] = {"Location", "Content-Length"};

/* "http://host:port/webhdfs/v1/path?op=...": names are encoded, so that nothing in them is taken
 * for a parameter. */
static enum leat_status build_url(struct leat_hdfs_cluster *cluster, unsigned server,
                                  const struct leat_hdfs_call *call, struct leat_buffer *url,
                                  struct leat_error *err)
{
    const char *who = cluster->token ? cluster->token : cluster->user;
    struct leat_uri uri;

    if (!leat_uri_split(call->path, &uri))
        return leat_error_internal(err, "not a path of HDFS: %s", call->path);
    url->length = 0;
    LEAT_TRY(leat_buffer_append_string(url, cluster->servers[server], err));
    LEAT_TRY(leat_buffer_append_string(url, "/webhdfs/v1/", err));
    LEAT_TRY(leat_http_encode(url, uri.path.data, uri.path.length, "/", err));
    LEAT_TRY(leat_buffer_printf(url, err, "?op=%s%s", call->operation, call->query));
    if (who) {
        LEAT_TRY(
            leat_buffer_append_string(url, cluster->token ? "&delegation=" : "&user.name=", err));
        LEAT_TRY(leat_http_encode(url, who, strlen(who), "", err));
    }
    return leat_buffer_append_byte(url, '\0', err);
}

/* Where the data is: the redirection of a server that may lie. */
static enum leat_status check_location(const struct leat_hdfs_cluster *cluster,
                                       const struct leat_hdfs_call *call, unsigned server,
                                       const char *location, struct leat_error *err)
{
    bool secure = strncmp(cluster->servers[server], "https:", 6) == 0;

    if ((strncasecmp(location, "https://", 8) == 0 ||
         (!secure && strncasecmp(location, "http://", 7) == 0)))
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_HDFS, "%s %s: %s redirects to %s", call->operation, call->path,
                         cluster->servers[server],
                         secure ? "a place without TLS" : "no HTTP server");
    leat_error_hint(err, "is it the HTTP address of a NameNode or of HttpFS?");
    return LEAT_IO;
}

enum verdict { DONE, AGAIN, NEXT_SERVER };

static bool transient(unsigned status)
{
    return status == 408 || status == 425 || status == 429 || status == 502 || status == 503 ||
           status == 504;
}

/* An answer that ends with its connection may have been cut without anybody's notice, in its
 * headers too. Those of questions are JSON; those of changes are looked at where it matters. */
static bool is_whole(const struct leat_hdfs_call *call, const struct leat_http_answer *answer)
{
    if (answer->status == 307)
        return answer->headers[LEAT_HDFS_LOCATION] != NULL;
    return call->changes || call->take || leat_hdfs_is_json(answer->body.data, answer->body.length);
}

/* LEAT_OK and DONE: a good answer. A failure that is DONE is final. */
static enum leat_status judge(const struct leat_hdfs_call *call, enum leat_status status,
                              const struct leat_http_answer *answer, enum verdict *verdict,
                              struct leat_error *err)
{
    bool standby = false, final;

    *verdict = DONE;
    if (status != LEAT_OK) { /* no answer */
        if (status == LEAT_IO && err->code == LEAT_E_NETWORK)
            *verdict = NEXT_SERVER;
        return status;
    }
    if (answer->status == 307 || (answer->status >= 200 && answer->status < 300)) {
        if (is_whole(call, answer))
            return LEAT_OK;
        *verdict = AGAIN;
        return leat_error_set(err, LEAT_E_NETWORK, "%s %s: the answer was cut", call->operation,
                              call->path);
    }
    /* No reason at all: cut, or of a server that is no HDFS. Asked once more it will show. */
    final = leat_hdfs_decode_exception(call, answer->status, answer->body.data, answer->body.length,
                                       &standby, err);
    if (!final || transient(answer->status) || answer->body.length == 0)
        *verdict = standby ? NEXT_SERVER : AGAIN;
    return err->status;
}

/* One try: the request to the NameNode and, if it redirects, the one to the DataNode. *data: the
 * latter was begun. */
static enum leat_status try_once(struct leat_hdfs_cluster *cluster, unsigned server,
                                 const struct leat_hdfs_call *call, struct leat_http_answer *answer,
                                 enum verdict *verdict, bool *data, struct leat_error *err)
{
    static const char *const headers[] = {"Content-Type: application/octet-stream"};
    struct leat_http_request request = {.method = call->method,
                                        .headers = headers,
                                        .header_count = call->give ? 1 : 0,
                                        .take = call->take,
                                        .take_context = call->context,
                                        .wanted = wanted_headers,
                                        .wanted_count = LEAT_HDFS_HEADERS,
                                        .changes = call->changes && !call->give};
    struct leat_buffer url;
    enum leat_status status;
    char *location = NULL;

    *verdict = DONE;
    leat_buffer_init(&url, URL_MAXIMUM);
    status = build_url(cluster, server, call, &url, err);
    if (status != LEAT_OK)
        goto done;
    request.url = (const char *)url.data;
    status = leat_http_send(&cluster->client, &request, answer, err);
    if (status == LEAT_OK && answer->status == 307 && answer->headers[LEAT_HDFS_LOCATION]) {
        status = check_location(cluster, call, server, answer->headers[LEAT_HDFS_LOCATION], err);
        if (status != LEAT_OK)
            goto done;
        location = answer->headers[LEAT_HDFS_LOCATION];
        answer->headers[LEAT_HDFS_LOCATION] = NULL;
        request.url = location;
        request.changes = call->changes;
        request.give = call->give;
        request.give_context = call->context;
        request.body_length = call->body_length;
        *data = true;
        status = leat_http_send(&cluster->client, &request, answer, err);
    }
    status = judge(call, status, answer, verdict, err);
    if (status == LEAT_OK && call->give && !*data) {
        status = leat_error_set(err, LEAT_E_HDFS, "%s %s: %s did not ask for the data",
                                call->operation, call->path, cluster->servers[server]);
        *verdict = DONE;
    }
done:
    leat_free(location);
    leat_buffer_release(&url);
    return status;
}

enum leat_status leat_hdfs_call(struct leat_hdfs_cluster *cluster,
                                const struct leat_hdfs_call *call, struct leat_http_answer *answer,
                                struct leat_error *err)
{
    struct leat_error own;
    enum leat_status status;
    enum verdict verdict;

    err = err ? err : &own;
    answer->uncertain = false;
    for (unsigned attempt = 1;; attempt++) {
        unsigned server = atomic_load(&cluster->active) % cluster->server_count;
        bool data = false;
        leat_error_clear(err);
        status = try_once(cluster, server, call, answer, &verdict, &data, err);
        if (verdict == DONE || (data && call->once))
            break;
        leat_log(LEAT_LOG_INFO, "hdfs", "attempt %u: %s", attempt, err->message);
        if (verdict == NEXT_SERVER && !(data && err->code == LEAT_E_NETWORK)) /* a DataNode's */
            atomic_store(&cluster->active, (server + 1) % cluster->server_count);
        if (!leat_http_retry_wait(&cluster->client, attempt, answer->retry_after))
            break;
    }
    if (status != LEAT_OK && err->code == LEAT_E_NETWORK) {
        leat_error_context(err, "%s %s", call->operation, call->path);
        leat_error_hint(err, "is HDFS running? Its HTTP address is dfs.namenode.http-address in "
                             "the hdfs-site.xml of HADOOP_CONF_DIR, or write webhdfs://host:port");
    }
    return status;
}

/* ---- operations whose answer is JSON ---- */

enum leat_status leat_hdfs_stat(struct leat_hdfs_cluster *cluster, const char *path,
                                struct leat_hdfs_status *out, struct leat_error *err)
{
    const struct leat_hdfs_call call = {
        .method = "GET", .operation = "GETFILESTATUS", .path = path, .query = ""};
    struct leat_http_answer answer;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = leat_hdfs_call(cluster, &call, &answer, err);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        status = LEAT_OK;
    } else if (status == LEAT_OK) {
        status = leat_hdfs_decode_status(answer.body.data, answer.body.length, out, err);
        if (status != LEAT_OK)
            leat_error_context(err, "%s", path);
    }
    leat_http_answer_release(&answer);
    return status;
}

static enum leat_status list_page(struct leat_hdfs_cluster *cluster, const char *folder,
                                  struct leat_arena *arena, leat_hdfs_take take, void *context,
                                  const char **last, bool *more, struct leat_error *err)
{
    struct leat_hdfs_call call = {.method = "GET", .operation = "LISTSTATUS_BATCH", .path = folder};
    struct leat_http_answer answer;
    struct leat_buffer query;
    enum leat_status status = LEAT_OK;

    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    leat_buffer_init(&query, URL_MAXIMUM);
    if (*last) {
        status = leat_buffer_append_string(&query, "&startAfter=", err);
        if (status == LEAT_OK)
            status = leat_http_encode(&query, *last, strlen(*last), "", err);
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_byte(&query, '\0', err);
    if (status == LEAT_OK) {
        call.query = (const char *)query.data;
        status = leat_hdfs_call(cluster, &call, &answer, err);
    }
    if (status == LEAT_OK)
        status = leat_hdfs_decode_page(answer.body.data, answer.body.length, arena, take, context,
                                       last, more, err);
    leat_buffer_release(&query);
    leat_http_answer_release(&answer);
    return status;
}

enum leat_status leat_hdfs_list(struct leat_hdfs_cluster *cluster, const char *folder,
                                leat_hdfs_take take, void *context, struct leat_error *err)
{
    const char *last = NULL, *before;
    struct leat_arena arena;
    enum leat_status status;
    bool more;

    leat_arena_init(&arena, NULL);
    do {
        before = last;
        status = list_page(cluster, folder, &arena, take, context, &last, &more, err);
        /* A server that goes round in circles would be asked for ever. */
        if (status == LEAT_OK && more && (!last || (before && strcmp(last, before) <= 0)))
            status = leat_error_set(err, LEAT_E_HDFS,
                                    "LISTSTATUS_BATCH %s: the pages do not go forward", folder);
    } while (status == LEAT_OK && more);
    leat_arena_release(&arena);
    return status;
}

enum leat_status leat_hdfs_delete(struct leat_hdfs_cluster *cluster, const char *path,
                                  bool recursive, struct leat_error *err)
{
    const struct leat_hdfs_call call = {.method = "DELETE",
                                        .operation = "DELETE",
                                        .path = path,
                                        .query = recursive ? "&recursive=true" : "&recursive=false",
                                        .changes = true};
    struct leat_http_answer answer;
    enum leat_status status;

    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = leat_hdfs_call(cluster, &call, &answer, err); /* of what is missing: false */
    leat_http_answer_release(&answer);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        status = LEAT_OK;
    }
    return status;
}
