/* Credentials that a service hands out for a while: STS for a web identity, the container's agent,
 * the instance's metadata. The last two are asked on fixed addresses of this machine's network and
 * never through a proxy; where they do not answer at once, they are not there. */
#include "storage/files/s3/credentials.h"
#include "storage/files/s3/xml.h"

#include "base/file.h"
#include "base/http.h"
#include "base/system.h"
#include "formats/json_tree.h"

#include <stdlib.h>

enum { ANSWER_MAXIMUM = 1 << 20, TOKEN_MAXIMUM = 1 << 18 };

/* One exchange; *out is the body of an answer 200, else the status is judged by the caller. */
static enum leat_status ask(const struct leat_http_settings *settings,
                            struct leat_http_request *request, struct leat_http_answer *answer,
                            struct leat_error *err)
{
    struct leat_http_client client;
    enum leat_status status = leat_http_client_init(&client, settings, err);

    if (status == LEAT_OK)
        status = leat_http_run(&client, request, NULL, NULL, answer, err);
    leat_http_client_release(&client);
    return status;
}

static enum leat_status unexpected(const char *origin, const struct leat_http_answer *answer,
                                   struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                         "%s gives no credentials for S3: status %u: %.*s", origin, answer->status,
                         (int)(answer->body.length < 300 ? answer->body.length : 300),
                         answer->body.data ? (char *)answer->body.data : "");
    return LEAT_DENIED;
}

static enum leat_status take(struct s3_credentials *out, const char *access_key,
                             const char *secret_key, const char *token, const char *expires,
                             const char *origin, struct leat_error *err)
{
    struct s3_credentials found = {(char *)access_key, (char *)secret_key, (char *)token,
                                   expires ? s3_time_parse(expires) : 0, origin};

    if (!access_key || !secret_key)
        return leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                              "%s answered without an access key and a secret key", origin);
    return s3_credentials_copy(&found, out, err);
}

/* {"AccessKeyId": ..., "SecretAccessKey": ..., "Token": ..., "Expiration": ...} */
static enum leat_status take_json(const struct leat_http_answer *answer, const char *origin,
                                  struct s3_credentials *out, struct leat_error *err)
{
    enum leat_status status;
    json_t *tree;

    LEAT_TRY(leat_json_tree_load((char *)answer->body.data, answer->body.length, 0, origin,
                                 LEAT_E_STORAGE_CREDENTIALS, &tree, err));
    status = take(out, json_string_value(json_object_get(tree, "AccessKeyId")),
                  json_string_value(json_object_get(tree, "SecretAccessKey")),
                  json_string_value(json_object_get(tree, "Token")),
                  json_string_value(json_object_get(tree, "Expiration")), origin, err);
    json_decref(tree);
    return status;
}

static enum leat_status read_token(const char *path, struct leat_buffer *out,
                                   struct leat_error *err)
{
    leat_buffer_init(out, TOKEN_MAXIMUM);
    LEAT_TRY(leat_file_read_all(path, out, err));
    while (out->length && strchr(" \r\n", out->data[out->length - 1]))
        out->length--;
    return LEAT_OK;
}

/* --- web identity: STS, AssumeRoleWithWebIdentity --- */

static enum leat_status web_form(const char *token_file, const char *role, struct leat_buffer *out,
                                 struct leat_error *err)
{
    const char *session = getenv("AWS_ROLE_SESSION_NAME");
    struct leat_buffer token;
    enum leat_status status = read_token(token_file, &token, err);

    if (status == LEAT_OK)
        status = leat_buffer_append_string(
            out, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", err);
    if (status == LEAT_OK)
        status = leat_http_encode(out, role, strlen(role), "", err);
    if (status == LEAT_OK)
        status = leat_buffer_append_string(out, "&RoleSessionName=", err);
    session = session && session[0] ? session : "leat";
    if (status == LEAT_OK)
        status = leat_http_encode(out, session, strlen(session), "", err);
    if (status == LEAT_OK)
        status = leat_buffer_append_string(out, "&WebIdentityToken=", err);
    if (status == LEAT_OK)
        status = leat_http_encode(out, (char *)token.data, token.length, "", err);
    leat_buffer_release(&token);
    return status;
}

static enum leat_status take_xml(const struct leat_http_answer *answer, struct s3_credentials *out,
                                 struct leat_error *err)
{
    struct s3_xml_field fields[] = {{"AccessKeyId", NULL},
                                    {"SecretAccessKey", NULL},
                                    {"SessionToken", NULL},
                                    {"Expiration", NULL}};
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    status = s3_xml_fields((char *)answer->body.data, answer->body.length, fields, 4, &arena, err);
    if (status == LEAT_OK)
        status = take(out, fields[0].value, fields[1].value, fields[2].value, fields[3].value,
                      "the token service", err);
    leat_arena_release(&arena);
    return status;
}

enum leat_status s3_credentials_web(const char *token_file, const char *role, const char *region,
                                    const char *ca_file, struct s3_credentials *out,
                                    struct leat_error *err)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded"};
    struct leat_http_settings settings = {.ca_file = ca_file, .attempts = 4};
    struct leat_http_request request = {
        .method = "POST", .headers = headers, .header_count = 1, .changes = true};
    const char *named = getenv("AWS_ENDPOINT_URL_STS");
    struct leat_http_answer answer;
    struct leat_buffer form;
    enum leat_status status;
    char url[512];

    named = named && named[0] ? named : getenv("AWS_ENDPOINT_URL");
    if (named && named[0])
        snprintf(url, sizeof(url), "%s/", named);
    else
        snprintf(url, sizeof(url), "https://sts.%s.amazonaws.com/", region);
    request.url = url;
    leat_buffer_init(&form, 0);
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = web_form(token_file, role, &form, err);
    request.body = form.data;
    request.body_length = form.length;
    if (status == LEAT_OK)
        status = ask(&settings, &request, &answer, err);
    if (status == LEAT_OK)
        status = answer.status == 200 ? take_xml(&answer, out, err)
                                      : unexpected("the token service", &answer, err);
    if (form.data)
        explicit_bzero(form.data, form.capacity);
    leat_buffer_release(&form);
    leat_http_answer_release(&answer);
    return status;
}

/* --- the container's agent --- */

/* Only over TLS, or to this machine and the agents' fixed addresses: credentials go to no other. */
static bool is_trusted(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1",     "localhost",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};

    if (strncmp(url, "https://", 8) == 0)
        return true;
    if (strncmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t length = strlen(hosts[i]);
        if (strncmp(url + 7, hosts[i], length) == 0 && strchr("/:", url[7 + length]))
            return true;
    }
    return false;
}

static enum leat_status container_header(struct leat_buffer *out, struct leat_error *err)
{
    const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct leat_buffer token;
    enum leat_status status;

    leat_buffer_init(out, 0);
    if (file && file[0]) {
        status = read_token(file, &token, err);
        if (status == LEAT_OK)
            status = leat_buffer_printf(out, err, "Authorization: %.*s", (int)token.length,
                                        (char *)token.data);
        leat_buffer_release(&token);
    } else if (text && text[0]) {
        status = leat_buffer_printf(out, err, "Authorization: %s", text);
    } else {
        return LEAT_OK;
    }
    return status == LEAT_OK ? leat_buffer_append_byte(out, 0, err) : status;
}

enum leat_status s3_credentials_container(struct s3_credentials *out, bool *found,
                                          struct leat_error *err)
{
    struct leat_http_settings settings = {.no_proxy = true, .connect = 2000, .attempts = 4};
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct leat_http_request request = {.method = "GET"};
    struct leat_http_answer answer;
    struct leat_buffer header;
    const char *headers[1];
    enum leat_status status;
    char url[1024];

    *found = (relative && relative[0]) || (full && full[0]);
    if (!*found)
        return LEAT_OK;
    snprintf(url, sizeof(url), "%s%s", relative && relative[0] ? "http://169.254.170.2" : "",
             relative && relative[0] ? relative : full);
    if (!is_trusted(url))
        return leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                              "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https:// nor on this "
                              "machine");
    request.url = url;
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = container_header(&header, err);
    headers[0] = (char *)header.data;
    request.headers = headers;
    request.header_count = header.length > 0;
    if (status == LEAT_OK)
        status = ask(&settings, &request, &answer, err);
    if (status == LEAT_OK)
        status = answer.status == 200 ? take_json(&answer, "the container's agent", out, err)
                                      : unexpected("the container's agent", &answer, err);
    leat_buffer_release(&header);
    leat_http_answer_release(&answer);
    return status;
}

/* --- the instance's metadata, version 2 --- */

struct instance {
    struct leat_http_client client;
    const char *base;
    char token[512]; /* the header that later requests carry */
};

static enum leat_status instance_ask(struct instance *instance, const char *method,
                                     const char *path, const char *header,
                                     struct leat_http_answer *answer, struct leat_error *err)
{
    const char *headers[] = {header};
    struct leat_http_request request = {.method = method, .headers = headers, .header_count = 1};
    char url[1024];

    snprintf(url, sizeof(url), "%s%s", instance->base, path);
    request.url = url;
    LEAT_TRY(leat_http_run(&instance->client, &request, NULL, NULL, answer, err));
    return leat_buffer_append_byte(&answer->body, 0, err);
}

static enum leat_status instance_role(struct instance *instance, struct leat_http_answer *answer,
                                      struct s3_credentials *out, struct leat_error *err)
{
    static const char roles[] = "/latest/meta-data/iam/security-credentials/";
    char path[512];

    LEAT_TRY(instance_ask(instance, "GET", roles, instance->token, answer, err));
    if (answer->status == 404) /* an instance without a role */
        return LEAT_OK;
    if (answer->status != 200)
        return unexpected("the instance's metadata", answer, err);
    snprintf(path, sizeof(path), "%s%.*s", roles, (int)strcspn((char *)answer->body.data, "\r\n"),
             (char *)answer->body.data);
    LEAT_TRY(instance_ask(instance, "GET", path, instance->token, answer, err));
    if (answer->status != 200)
        return unexpected("the instance's metadata", answer, err);
    answer->body.length--;
    return take_json(answer, "the instance's metadata", out, err);
}

enum leat_status s3_credentials_instance(struct s3_credentials *out, bool *found,
                                         struct leat_error *err)
{
    struct leat_http_settings settings = {
        .no_proxy = true, .connect = 1000, .stall = 2, .attempts = 1};
    const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
    const char *named = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    struct leat_http_answer answer;
    struct instance instance;
    enum leat_status status;

    *found = false;
    if (disabled && (strcmp(disabled, "true") == 0 || strcmp(disabled, "1") == 0))
        return LEAT_OK;
    instance.base = named && named[0] ? named : "http://169.254.169.254";
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = leat_http_client_init(&instance.client, &settings, err);
    if (status == LEAT_OK) {
        status = instance_ask(&instance, "PUT", "/latest/api/token",
                              "X-aws-ec2-metadata-token-ttl-seconds: 21600", &answer, err);
        *found = status == LEAT_OK && answer.status == 200;
        if (status == LEAT_IO) /* nobody there */
            status = LEAT_OK;
    }
    if (status == LEAT_OK && *found) {
        snprintf(instance.token, sizeof(instance.token), "X-aws-ec2-metadata-token: %s",
                 (char *)answer.body.data);
        status = instance_role(&instance, &answer, out, err);
    }
    leat_http_client_release(&instance.client);
    leat_http_answer_release(&answer);
    return status;
}
