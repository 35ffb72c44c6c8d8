/* Reading objects. Opening one is its first read: the answer tells size, time and entity tag, and
 * brings the bytes that are needed first, the end of a Parquet file and the beginning of others.
 * Later reads ask for that entity tag, so that an object that was replaced meanwhile is an error
 * and never a mixture. */
#include "base/remote_input.h"
#include "storage/files/s3/s3_internal.h"

#include <errno.h>
#include <stdio.h>

#define FIRST_BYTES ((uint64_t)128 << 10)

struct object {
    struct leat_arena arena;
    const char *path;
    const char *bucket;
    const char *key;
    char *etag; /* NULL: the store gives none */
};

static void object_close(void *context)
{
    struct object *object = context;

    leat_free(object->etag);
    leat_arena_release(&object->arena);
    leat_free(object);
}

struct filling {
    struct leat_error *err;
    uint8_t *into;
    size_t length;
    size_t filled;
};

static enum leat_status fill(void *context, uint64_t offset, const void *bytes, size_t length,
                             struct leat_error *err)
{
    struct filling *filling = context;

    if (offset > filling->length || length > filling->length - offset)
        return leat_error_set(err, LEAT_E_HTTP,
                              "the store answered with more bytes than were asked for");
    memcpy(filling->into + offset, bytes, length);
    filling->filled = (size_t)offset + length;
    return LEAT_OK;
}

static enum leat_status changed(const struct object *object, struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_FILE_CHANGED, "%s was replaced or removed while it was read",
                         object->path);
    return LEAT_CORRUPT;
}

static enum leat_status object_fetch(void *context, uint64_t offset, void *into, size_t length,
                                     struct leat_error *err)
{
    struct object *object = context;
    struct filling filling = {err, into, length, 0};
    struct s3_pair headers[] = {{"range", NULL}, {"if-match", object->etag}};
    struct s3_call call = {.action = "read",
                           .method = "GET",
                           .bucket = object->bucket,
                           .key = object->key,
                           .headers = headers,
                           .header_count = object->etag ? 2 : 1,
                           .take = fill,
                           .take_context = &filling};
    struct leat_http_answer answer;
    enum leat_status status;
    char range[64];

    snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)offset,
             (unsigned long long)(offset + length - 1));
    headers[0].value = range;
    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK) {
        if (answer.status == 412 || answer.status == 416 || answer.status == 404)
            status = changed(object, err);
        else if (answer.status >= 300)
            status = s3_call_error(&call, &answer, err);
        else if (answer.status != 206 && offset > 0)
            status = leat_error_set(err, LEAT_E_HTTP, "%s: the store cannot read parts of objects",
                                    object->path);
        else if (filling.filled != length)
            status = changed(object, err);
    }
    leat_http_answer_release(&answer);
    return status;
}

static const struct leat_remote_ops object_ops = {object_fetch, object_close};

/* "bytes 0-99/1234" */
static bool read_content_range(const char *text, uint64_t *start, uint64_t *size)
{
    unsigned long long first, last, whole;

    if (!text || sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &whole) != 3 || last < first ||
        last >= whole)
        return false;
    *start = first;
    *size = whole;
    return true;
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static enum leat_status open_empty(struct object *object, struct leat_input **out,
                                   struct leat_error *err)
{
    struct leat_file_info info;
    enum leat_status status = s3_stat(object->path, &info, err);

    if (status == LEAT_OK && (info.kind != LEAT_FILE_REGULAR || info.size != 0))
        status = changed(object, err);
    if (status != LEAT_OK) {
        object_close(object);
        return status;
    }
    return leat_remote_input_new(object->path, 0, info.modified, &object_ops, object, NULL, 0, 0,
                                 out, err);
}

/* Takes what the first answer tells; the object is the input's or closed afterwards. */
static enum leat_status open_answer(struct object *object, const struct s3_call *call,
                                    const struct leat_http_answer *answer,
                                    const struct filling *first, struct leat_input **out,
                                    struct leat_error *err)
{
    const char *modified = answer->headers[S3_LAST_MODIFIED];
    uint64_t start = 0, size = first->filled;
    enum leat_status status = LEAT_OK;

    if (answer->status == 404 && s3_answer_is(answer, "NoSuchKey"))
        status = leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no %s", object->path);
    else if (answer->status != 200 && answer->status != 206)
        status = s3_call_error(call, answer, err);
    else if (answer->status == 206 &&
             !read_content_range(answer->headers[S3_CONTENT_RANGE], &start, &size))
        status = leat_error_set(err, LEAT_E_HTTP, "%s: the store does not tell the object's size",
                                object->path);
    if (status == LEAT_OK && answer->headers[S3_ETAG]) {
        object->etag = leat_strdup(answer->headers[S3_ETAG]);
        status = object->etag ? LEAT_OK : leat_error_memory(err);
    }
    if (status != LEAT_OK) {
        object_close(object);
        return status;
    }
    return leat_remote_input_new(object->path, size, modified ? leat_http_date(modified) : 0,
                                 &object_ops, object, first->into, start, first->filled, out, err);
}

static enum leat_status open_object(struct object *object, struct leat_input **out,
                                    struct leat_error *err)
{
    struct s3_pair headers[] = {{"range", NULL}};
    struct filling first = {err, leat_malloc(FIRST_BYTES), FIRST_BYTES, 0};
    struct s3_call call = {.action = "read",
                           .method = "GET",
                           .bucket = object->bucket,
                           .key = object->key,
                           .headers = headers,
                           .header_count = 1,
                           .take = fill,
                           .take_context = &first};
    struct leat_http_answer answer;
    enum leat_status status;
    char range[64];

    if (!first.into) {
        object_close(object);
        return leat_error_memory(err);
    }
    snprintf(range, sizeof(range),
             ends_in(object->key, ".parquet") ? "bytes=-%llu" : "bytes=0-%llu",
             (unsigned long long)FIRST_BYTES - !ends_in(object->key, ".parquet"));
    headers[0].value = range;
    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status != LEAT_OK)
        object_close(object);
    else if (answer.status == 416)
        status = open_empty(object, out, err);
    else
        status = open_answer(object, &call, &answer, &first, out, err);
    leat_http_answer_release(&answer);
    leat_free(first.into);
    return status;
}

enum leat_status s3_open_input(const char *path, struct leat_input **out, struct leat_error *err)
{
    struct object *object = leat_calloc(1, sizeof(*object));
    enum leat_status status;

    *out = NULL;
    if (!object)
        return leat_error_memory(err);
    leat_arena_init(&object->arena, NULL);
    object->path = leat_arena_strdup(&object->arena, path);
    status = object->path ? s3_path_split(path, &object->arena, &object->bucket, &object->key, err)
                          : leat_error_memory(err);
    if (status == LEAT_OK && (!object->key[0] || ends_in(object->key, "/")))
        status = leat_error_io(err, "open", path, EISDIR);
    if (status != LEAT_OK) {
        object_close(object);
        return status;
    }
    return open_object(object, out, err);
}
