/* One request to S3: where it goes, its signature, and what an answer that says no means. The store
 * of this process (settings, connections, credentials found so far) is made when it is first
 * needed. */
#include "base/hash.h"
#include "base/system.h"
#include "storage/files/s3/credentials.h"
#include "storage/files/s3/s3.h"
#include "storage/files/s3/s3_internal.h"
#include "storage/files/s3/xml.h"

#include <stdlib.h>
#include <time.h>

#define EXPIRY_MARGIN 300000000ll /* microseconds before the end, when credentials are renewed */
enum { MAX_HEADERS = 12, MAX_PROFILES = 64 };

static struct {
    pthread_mutex_t lock;
    bool known;                 /* the settings */
    bool connected;             /* the client can be used */
    struct leat_buffer applied; /* settings that another process gave, or nothing */
    char *file;                 /* that the project names, or NULL */
    struct s3_settings settings;
    struct leat_http_client client;
    struct {
        const struct s3_place *place;
        struct s3_credentials credentials;
    } found[MAX_PROFILES];
    size_t found_count;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the store: settings when they are asked for, connections when something is sent --- */

static void store_clear(void)
{
    for (size_t i = 0; i < store.found_count; i++)
        s3_credentials_release(&store.found[i].credentials);
    store.found_count = 0;
    if (store.connected)
        leat_http_client_release(&store.client);
    if (store.known)
        s3_settings_release(&store.settings);
    store.connected = store.known = false;
}

static enum leat_status load_file(const char *path, struct leat_error *err)
{
    struct leat_buffer file;
    enum leat_status status;

    leat_buffer_init(&file, 1 << 20);
    status = leat_file_read_all(path, &file, err);
    if (status == LEAT_OK)
        status = s3_settings_build((char *)file.data, file.length, path, &store.settings, err);
    else
        leat_error_context(err, "the settings of S3 (LEAT_S3_CONFIG, s3_config in leat.yaml)");
    leat_buffer_release(&file);
    return status;
}

static enum leat_status store_know(struct leat_error *err)
{
    const char *path = getenv("LEAT_S3_CONFIG");
    enum leat_status status;

    if (store.known)
        return LEAT_OK;
    path = path && path[0] ? path : store.file;
    if (store.applied.length)
        status = s3_settings_build((char *)store.applied.data, store.applied.length,
                                   "settings of S3", &store.settings, err);
    else if (path)
        status = load_file(path, err);
    else
        status = s3_settings_build(NULL, 0, "", &store.settings, err);
    store.known = status == LEAT_OK;
    return status;
}

enum leat_status leat_s3_config(const char *path, struct leat_error *err)
{
    char *copy = leat_strdup(path);

    if (!copy)
        return leat_error_memory(err);
    pthread_mutex_lock(&store.lock);
    store_clear();
    leat_free(store.file);
    store.file = copy;
    pthread_mutex_unlock(&store.lock);
    return LEAT_OK;
}

static enum leat_status store_connect(struct leat_error *err)
{
    struct leat_http_settings http = {0};
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&store.lock);
    if (!store.connected) {
        status = store_know(err);
        if (status == LEAT_OK) {
            http.ca_file = store.settings.ca_file;
            http.connect = store.settings.connect * 1000;
            http.stall = store.settings.stall;
            http.attempts = store.settings.attempts;
            status = leat_http_client_init(&store.client, &http, err);
            if (status != LEAT_OK)
                leat_http_client_release(&store.client);
        }
        store.connected = status == LEAT_OK;
    }
    pthread_mutex_unlock(&store.lock);
    return status;
}

enum leat_status s3_store_settings_put(struct leat_buffer *out, struct leat_error *err)
{
    enum leat_status status;

    pthread_mutex_lock(&store.lock);
    status = store_know(err);
    if (status == LEAT_OK)
        status = s3_settings_put(&store.settings, out, err);
    pthread_mutex_unlock(&store.lock);
    return status;
}

enum leat_status s3_store_settings_apply(const char *json, size_t length, struct leat_error *err)
{
    enum leat_status status;

    pthread_mutex_lock(&store.lock);
    store_clear();
    store.applied.length = 0;
    status = leat_buffer_append(&store.applied, json, length, err);
    pthread_mutex_unlock(&store.lock);
    return status;
}

/* A copy of the place's credentials, renewed shortly before their end; `renew`: at once. */
static enum leat_status store_credentials(const struct s3_place *place, bool renew,
                                          struct s3_credentials *out, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct s3_credentials *known;
    size_t i = 0;

    pthread_mutex_lock(&store.lock);
    while (i < store.found_count && store.found[i].place != place)
        i++;
    if (i == MAX_PROFILES)
        i--;
    known = &store.found[i].credentials;
    if (i == store.found_count || store.found[i].place != place || renew ||
        (known->expires && known->expires - EXPIRY_MARGIN < leat_clock_now())) {
        struct s3_credentials found;
        status = s3_credentials_find(&store.settings, place, &found, err);
        if (status == LEAT_OK) {
            s3_credentials_release(known);
            *known = found;
            store.found[i].place = place;
            store.found_count = store.found_count > i ? store.found_count : i + 1;
        }
    }
    if (status == LEAT_OK)
        status = s3_credentials_copy(known, out, err);
    pthread_mutex_unlock(&store.lock);
    return status;
}

/* --- one request --- */

struct exchange {
    const struct s3_call *call;
    const struct s3_place *place;
    struct leat_arena arena;
    const char *base; /* https://host, or https://host/bucket */
    const char *path; /* encoded, as signed */
    const char *host;
    char payload_hash[65];
    const char *headers[MAX_HEADERS];
    bool renew;
};

/* The address of the bucket. Over TLS no certificate fits a bucket with dots in front of a host. */
static enum leat_status find_address(struct exchange *x, struct leat_error *err)
{
    const struct s3_place *place = x->place;
    const char *bucket = x->call->bucket, *endpoint = place->endpoint, *host, *slash;
    bool path_style =
        place->path_style >= 0 ? place->path_style == 1 : endpoint || strchr(bucket, '.');
    struct leat_buffer path;
    enum leat_status status;
    size_t scheme;

    if (!endpoint) {
        const char *china = strncmp(place->region, "cn-", 3) == 0 ? ".cn" : "";
        endpoint =
            leat_arena_printf(&x->arena, "https://s3.%s.amazonaws.com%s", place->region, china);
        if (!endpoint)
            return leat_error_memory(err);
    }
    scheme = strncmp(endpoint, "https://", 8) == 0 ? 8 : 7;
    host = endpoint + scheme;
    slash = strchr(host, '/');
    x->host =
        leat_arena_printf(&x->arena, "%s%s%.*s", path_style ? "" : bucket, path_style ? "" : ".",
                          slash ? (int)(slash - host) : (int)strlen(host), host);
    leat_buffer_init(&path, 0);
    status = leat_buffer_append_string(&path, slash ? slash : "", err);
    if (status == LEAT_OK && path_style)
        status = leat_buffer_printf(&path, err, "/%s", bucket);
    if (status == LEAT_OK && (x->call->key[0] || !path_style))
        status = leat_buffer_append_byte(&path, '/', err);
    if (status == LEAT_OK)
        status = leat_http_encode(&path, x->call->key, strlen(x->call->key), "/", err);
    if (status == LEAT_OK)
        x->path = leat_arena_copy(&x->arena, path.data ? (char *)path.data : "", path.length);
    leat_buffer_release(&path);
    x->base =
        x->host ? leat_arena_printf(&x->arena, "%.*s%s", (int)scheme, endpoint, x->host) : NULL;
    if (status == LEAT_OK && (!x->path || !x->base))
        return leat_error_memory(err);
    /* The client leaves out a port that is the scheme's own. */
    if (status == LEAT_OK) {
        const char *own = scheme == 8 ? ":443" : ":80";
        size_t length = strlen(x->host), own_length = strlen(own);
        if (length > own_length && strcmp(x->host + length - own_length, own) == 0)
            x->host = leat_arena_copy(&x->arena, x->host, length - own_length);
        if (!x->host)
            return leat_error_memory(err);
    }
    return status;
}

static enum leat_status add_header(struct exchange *x, struct leat_http_request *request,
                                   const char *name, const char *value, struct leat_error *err)
{
    if (request->header_count == MAX_HEADERS)
        return leat_error_internal(err, "a request with more than %d headers", MAX_HEADERS);
    x->headers[request->header_count] = leat_arena_printf(&x->arena, "%s: %s", name, value);
    if (!x->headers[request->header_count])
        return leat_error_memory(err);
    request->header_count++;
    return LEAT_OK;
}

static enum leat_status sign_request(struct exchange *x, struct leat_http_request *request,
                                     const struct s3_credentials *credentials,
                                     struct leat_error *err)
{
    const struct s3_call *call = x->call;
    struct s3_pair headers[MAX_HEADERS] = {{"host", x->host}};
    struct s3_signing in = {.access_key = credentials->access_key ? credentials->access_key : "",
                            .secret_key = credentials->secret_key ? credentials->secret_key : "",
                            .region = x->place->region,
                            .service = "s3",
                            .method = call->method,
                            .path = x->path,
                            .query = call->query,
                            .query_count = call->query_count,
                            .headers = headers,
                            .header_count = 1,
                            .payload_hash = x->payload_hash};
    time_t now = (time_t)(leat_clock_now() / 1000000);
    struct s3_signature signature;
    struct tm parts;
    char stamp[32];

    gmtime_r(&now, &parts);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &parts);
    in.time = stamp;
    headers[in.header_count++] = (struct s3_pair){"x-amz-content-sha256", x->payload_hash};
    headers[in.header_count++] = (struct s3_pair){"x-amz-date", stamp};
    if (credentials->session_token)
        headers[in.header_count++] =
            (struct s3_pair){"x-amz-security-token", credentials->session_token};
    if (call->header_count > MAX_HEADERS - 5)
        return leat_error_internal(err, "a request with %zu headers", call->header_count);
    for (size_t i = 0; i < call->header_count; i++)
        headers[in.header_count++] = call->headers[i];
    LEAT_TRY(s3_sign(&in, &x->arena, &signature, err));
    request->header_count = 0;
    request->headers = x->headers;
    for (size_t i = 1; i < in.header_count; i++)
        LEAT_TRY(add_header(x, request, headers[i].name, headers[i].value, err));
    if (credentials->access_key)
        LEAT_TRY(add_header(x, request, "Authorization", signature.authorization, err));
    request->url = leat_arena_printf(&x->arena, "%s%s%s%s", x->base, x->path,
                                     signature.query[0] ? "?" : "", signature.query);
    return request->url ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status prepare(void *context, struct leat_http_request *request,
                                struct leat_error *err)
{
    struct s3_credentials credentials;
    struct exchange *x = context;
    enum leat_status status;

    leat_arena_reset(&x->arena);
    LEAT_TRY(store_credentials(x->place, x->renew, &credentials, err));
    x->renew = false;
    status = find_address(x, err);
    if (status == LEAT_OK)
        status = sign_request(x, request, &credentials, err);
    s3_credentials_release(&credentials);
    return status;
}

static bool has_expired(const struct leat_http_answer *answer)
{
    return (answer->status == 400 || answer->status == 403) &&
           (s3_answer_is(answer, "ExpiredToken") || s3_answer_is(answer, "TokenRefreshRequired"));
}

enum leat_status s3_call_run(const struct s3_call *call, struct leat_http_answer *answer,
                             struct leat_error *err)
{
    static const char *const wanted[S3_ANSWER_HEADERS] = {
        "x-amz-request-id", "x-amz-bucket-region", "ETag",  "Content-Range",
        "Last-Modified",    "Content-Length",      S3_MARK,
    };
    struct leat_http_request request = {.method = call->method,
                                        .body = call->body,
                                        .body_length = call->body_length,
                                        .take = call->take,
                                        .take_context = call->take_context,
                                        .wanted = wanted,
                                        .wanted_count = S3_ANSWER_HEADERS,
                                        .changes = call->changes};
    struct exchange x = {.call = call};
    enum leat_status status;

    LEAT_TRY(store_connect(err));
    x.place = s3_settings_place(&store.settings, call->bucket);
    leat_hash_sha256_hex(call->body ? call->body : "", call->body_length, x.payload_hash);
    leat_arena_init(&x.arena, NULL);
    status = leat_http_run(&store.client, &request, prepare, &x, answer, err);
    if (status == LEAT_OK && has_expired(answer)) {
        bool uncertain = answer->uncertain;
        x.renew = true;
        status = leat_http_run(&store.client, &request, prepare, &x, answer, err);
        answer->uncertain = answer->uncertain || uncertain;
    }
    if (status != LEAT_OK && err && err->code == LEAT_E_NETWORK)
        leat_error_context(err, "cannot %s s3://%s/%s", call->action, call->bucket, call->key);
    leat_arena_release(&x.arena);
    return status;
}

/* --- errors --- */

static void answer_fields(const struct leat_http_answer *answer, struct leat_arena *arena,
                          struct s3_xml_field fields[3])
{
    fields[0] = (struct s3_xml_field){"Code", NULL};
    fields[1] = (struct s3_xml_field){"Message", NULL};
    fields[2] = (struct s3_xml_field){"Region", NULL};
    if (!answer->body.length || s3_xml_fields((char *)answer->body.data, answer->body.length,
                                              fields, 3, arena, NULL) != LEAT_OK)
        fields[0].value = fields[1].value = fields[2].value = NULL;
}

bool s3_answer_is(const struct leat_http_answer *answer, const char *code)
{
    struct s3_xml_field fields[3];
    struct leat_arena arena;
    bool same;

    leat_arena_init(&arena, NULL);
    answer_fields(answer, &arena, fields);
    same = fields[0].value && strcmp(fields[0].value, code) == 0;
    leat_arena_release(&arena);
    return same;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (strcmp(code, *codes) == 0)
            return true;
    return false;
}

static int error_code(unsigned status, const char *code)
{
    static const char *const credentials[] = {
        "InvalidAccessKeyId",   "SignatureDoesNotMatch", "ExpiredToken",         "InvalidToken",
        "TokenRefreshRequired", "XAdminUserNotFound",    "RequestTimeTooSkewed", NULL};
    static const char *const region[] = {"PermanentRedirect", "TemporaryRedirect",
                                         "AuthorizationHeaderMalformed",
                                         "IllegalLocationConstraintException", NULL};

    if (is_one_of(code, credentials))
        return LEAT_E_STORAGE_CREDENTIALS;
    if (is_one_of(code, region) || status == 301 || status == 307)
        return LEAT_E_STORAGE_REGION;
    if (strcmp(code, "NoSuchBucket") == 0 || strcmp(code, "InvalidBucketName") == 0)
        return LEAT_E_STORAGE_BUCKET;
    if (status == 401 || status == 403)
        return LEAT_E_STORAGE_DENIED;
    if (status == 404)
        return LEAT_E_FILE_NOT_FOUND;
    return status == 412 ? LEAT_E_FILE_EXISTS : LEAT_E_HTTP;
}

static void add_hint(struct leat_error *err, int number, const char *code, const char *bucket,
                     const char *region)
{
    if (!err)
        return;
    if (strcmp(code, "ExpiredToken") == 0 || strcmp(code, "TokenRefreshRequired") == 0)
        leat_error_hint(err, "the credentials have expired: get new ones and run again");
    else if (strcmp(code, "RequestTimeTooSkewed") == 0)
        leat_error_hint(err, "this machine's clock differs from the store's: set it");
    else if (number == LEAT_E_STORAGE_CREDENTIALS)
        leat_error_hint(err, "check the access key and the secret key (AWS_ACCESS_KEY_ID, "
                             "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or s3_config.json)");
    else if (number == LEAT_E_STORAGE_BUCKET)
        leat_error_hint(err,
                        "check the name \"%s\" and the end point (AWS_ENDPOINT_URL_S3); "
                        "buckets are made with the store's own tools",
                        bucket);
    else if (number == LEAT_E_STORAGE_REGION && region)
        leat_error_hint(err, "set AWS_REGION=%s", region);
    else if (number == LEAT_E_STORAGE_REGION)
        leat_error_hint(err, "set AWS_REGION to the region of the bucket");
    else if (number == LEAT_E_STORAGE_DENIED)
        leat_error_hint(err, "the policies of the bucket and of the user must allow this");
    else if (number == LEAT_E_HTTP)
        leat_error_hint(err, "see what the store says; run again if it may pass");
}

enum leat_status s3_call_error(const struct s3_call *call, const struct leat_http_answer *answer,
                               struct leat_error *err)
{
    struct s3_xml_field fields[3];
    struct leat_arena arena;
    enum leat_status status;
    const char *code, *id = answer->headers[S3_REQUEST_ID], *region;
    int number;

    leat_arena_init(&arena, NULL);
    answer_fields(answer, &arena, fields);
    code = fields[0].value ? fields[0].value : "";
    region =
        answer->headers[S3_BUCKET_REGION] ? answer->headers[S3_BUCKET_REGION] : fields[2].value;
    number = error_code(answer->status, code);
    status =
        leat_error_set(err, number, "cannot %s s3://%s%s%s: %s%s%s (status %u%s%s)", call->action,
                       call->bucket, call->key[0] ? "/" : "", call->key, code[0] ? code : "refused",
                       fields[1].value ? ": " : "", fields[1].value ? fields[1].value : "",
                       answer->status, id ? ", request " : "", id ? id : "");
    add_hint(err, number, code, call->bucket, region);
    leat_arena_release(&arena);
    return status;
}

enum leat_status s3_path_split(const char *path, struct leat_arena *arena, const char **bucket,
                               const char **key, struct leat_error *err)
{
    struct leat_uri uri;

    *bucket = *key = "";
    if (!leat_uri_split(path, &uri) || uri.authority.length == 0)
        return leat_error_set(err, LEAT_E_STORAGE_BUCKET, "%s names no bucket: s3://BUCKET/PATH",
                              path);
    for (size_t i = 0; i < uri.authority.length; i++) {
        char c = uri.authority.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return leat_error_set(err, LEAT_E_STORAGE_BUCKET, "%s: \"%.*s\" is no bucket's name",
                                  path, (int)uri.authority.length, uri.authority.data);
    }
    if (uri.path.length > 1024)
        return leat_error_set(err, LEAT_E_LIMIT, "%s: a key has at most 1024 bytes", path);
    *bucket = leat_arena_copy(arena, uri.authority.data, uri.authority.length);
    *key = leat_arena_copy(arena, uri.path.data, uri.path.length);
    return *bucket && *key ? LEAT_OK : leat_error_memory(err);
}
