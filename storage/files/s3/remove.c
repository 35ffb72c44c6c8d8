/* Removing objects, one by one or a thousand with one request. What is gone already is no error, so
 * that all of it can be tried again. */
#include "storage/files/s3/s3_internal.h"
#include "storage/files/s3/xml.h"

#include <openssl/evp.h>

enum { BATCH = 1000 };

static enum leat_status remove_object(const char *bucket, const char *key, struct leat_error *err)
{
    struct s3_call call = {
        .action = "remove", .method = "DELETE", .bucket = bucket, .key = key, .changes = true};
    struct leat_http_answer answer;
    enum leat_status status;

    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK && answer.status >= 300 &&
        !(answer.status == 404 && s3_answer_is(&answer, "NoSuchKey")))
        status = s3_call_error(&call, &answer, err);
    leat_http_answer_release(&answer);
    return status;
}

static enum leat_status remove_path(const char *path, struct leat_error *err)
{
    const char *bucket, *key;
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    status = s3_path_split(path, &arena, &bucket, &key, err);
    if (status == LEAT_OK && key[0])
        status = remove_object(bucket, key, err);
    leat_arena_release(&arena);
    return status;
}

/* What a batch could not remove is tried alone. */
struct leftovers {
    const char *bucket;
    struct leat_arena arena;
    const char *key;
    bool refused;
    enum leat_status first;
    struct leat_error *err;
};

static enum leat_status take_element(void *context, const struct s3_xml_event *event,
                                     struct leat_error *err)
{
    struct leftovers *left = context;
    struct leat_error later;

    if (strcmp(event->parent, "Error") == 0 && strcmp(event->name, "Key") == 0) {
        left->key = leat_arena_strdup(&left->arena, event->text);
        return left->key ? LEAT_OK : leat_error_memory(err);
    }
    if (strcmp(event->name, "Error") == 0 && left->key) {
        enum leat_status status =
            remove_object(left->bucket, left->key, left->first == LEAT_OK ? left->err : &later);
        left->first = left->first == LEAT_OK ? status : left->first;
        left->key = NULL;
    }
    return LEAT_OK;
}

static enum leat_status batch_text(const char *const *keys, size_t count, struct leat_buffer *out,
                                   struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, "<Delete><Quiet>true</Quiet>", err));
    for (size_t i = 0; i < count; i++) {
        LEAT_TRY(leat_buffer_append_string(out, "<Object><Key>", err));
        LEAT_TRY(s3_xml_escape(out, keys[i], err));
        LEAT_TRY(leat_buffer_append_string(out, "</Key></Object>", err));
    }
    return leat_buffer_append_string(out, "</Delete>", err);
}

static enum leat_status batch_run(const char *bucket, const struct leat_buffer *body,
                                  struct leat_error *err)
{
    struct leftovers left = {.bucket = bucket, .err = err};
    struct s3_pair query[] = {{"delete", ""}}, headers[] = {{"content-md5", NULL}};
    struct s3_call call = {.action = "remove objects of",
                           .method = "POST",
                           .bucket = bucket,
                           .key = "",
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = 1,
                           .body = body->data,
                           .body_length = body->length,
                           .changes = true};
    struct leat_http_answer answer;
    unsigned char digest[EVP_MAX_MD_SIZE], text[32];
    unsigned length = 0;
    enum leat_status status;

    if (EVP_Digest(body->data, body->length, digest, &length, EVP_md5(), NULL) != 1)
        return leat_error_internal(err, "MD5 is not available");
    EVP_EncodeBlock(text, digest, (int)length);
    headers[0].value = (char *)text;
    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK && answer.status != 200)
        status = s3_call_error(&call, &answer, err);
    if (status == LEAT_OK && answer.body.length) {
        leat_arena_init(&left.arena, NULL);
        status =
            s3_xml_read((char *)answer.body.data, answer.body.length, take_element, &left, err);
        leat_arena_release(&left.arena);
        status = status == LEAT_OK ? left.first : status;
    }
    leat_http_answer_release(&answer);
    return status;
}

static enum leat_status remove_batch(const char *bucket, const char *const *keys, size_t count,
                                     struct leat_error *err)
{
    struct leat_buffer body;
    enum leat_status status;

    leat_buffer_init(&body, 0);
    status = batch_text(keys, count, &body, err);
    if (status == LEAT_OK)
        status = batch_run(bucket, &body, err);
    leat_buffer_release(&body);
    return status;
}

enum leat_status s3_remove_several(const char *const *paths, size_t count, struct leat_error *err)
{
    enum leat_status status = LEAT_OK, first = LEAT_OK;
    const char *keys[BATCH], *bucket = NULL, *next;
    struct leat_error later;
    struct leat_arena arena;
    size_t used = 0;

    if (count == 1)
        return remove_path(paths[0], err);
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; i <= count; i++) {
        struct leat_error *into = first == LEAT_OK ? err : &later;
        const char *key = NULL;
        status = LEAT_OK;
        next = bucket;
        if (i < count)
            status = s3_path_split(paths[i], &arena, &next, &key, into);
        first = first == LEAT_OK ? status : first;
        into = first == LEAT_OK ? err : &later;
        if (used && (i == count || used == BATCH || strcmp(next, bucket) != 0)) {
            status = remove_batch(bucket, keys, used, into);
            first = first == LEAT_OK ? status : first;
            used = 0;
        }
        if (key && key[0]) {
            bucket = next;
            keys[used++] = key;
        }
    }
    leat_arena_release(&arena);
    return first;
}
