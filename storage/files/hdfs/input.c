/* Reads ranges of a file: each asks the NameNode anew, which names a DataNode near those bytes. */
#include "storage/files/hdfs/webhdfs.h"

#include <stdio.h>

enum { TRIES = 3 };

struct hdfs_input {
    struct leat_input base;
    struct leat_hdfs_cluster *cluster;
};

struct range {
    uint8_t *into;
    size_t length;
    size_t got;
    const char *path;
};

static enum leat_status take_bytes(void *context, uint64_t offset, const void *bytes, size_t length,
                                   struct leat_error *err)
{
    struct range *range = context;

    if (offset > range->length || length > range->length - offset)
        return leat_error_set(err, LEAT_E_HDFS, "OPEN %s: more bytes came than were asked for",
                              range->path);
    memcpy(range->into + offset, bytes, length);
    range->got = (size_t)offset + length;
    return LEAT_OK;
}

static enum leat_status input_read_at(struct leat_input *base, uint64_t offset, void *into,
                                      size_t length, size_t *out, struct leat_error *err)
{
    struct hdfs_input *input = (struct hdfs_input *)base;
    struct range range = {.into = into, .path = base->path};
    struct leat_hdfs_call call = {.method = "GET",
                                  .operation = "OPEN",
                                  .path = base->path,
                                  .take = take_bytes,
                                  .context = &range};
    struct leat_http_answer answer;
    enum leat_status status = LEAT_OK;
    char query[80];

    *out = 0;
    if (offset >= base->size) /* HDFS refuses to read at the end */
        return LEAT_OK;
    range.length = base->size - offset < length ? (size_t)(base->size - offset) : length;
    (void)snprintf(query, sizeof(query), "&offset=%llu&length=%llu", (unsigned long long)offset,
                   (unsigned long long)range.length);
    call.query = query;
    leat_http_answer_init(&answer, 0);
    /* An answer that ends early is an end only if it ends there every time. */
    for (int i = 0; i < TRIES && range.got < range.length && status == LEAT_OK; i++) {
        range.got = 0;
        status = leat_hdfs_call(input->cluster, &call, &answer, err);
    }
    leat_http_answer_release(&answer);
    *out = status == LEAT_OK ? range.got : 0;
    return status;
}

static void input_close(struct leat_input *base)
{
    leat_free((char *)base->path);
    leat_free(base);
}

enum leat_status leat_hdfs_open_input(const char *path, struct leat_input **out,
                                      struct leat_error *err)
{
    static const struct leat_input_ops ops = {.read_at = input_read_at, .close = input_close};
    struct leat_hdfs_cluster *cluster;
    struct leat_hdfs_status status;
    struct hdfs_input *input;
    struct leat_uri uri;

    *out = NULL;
    if (!leat_uri_split(path, &uri))
        return leat_error_internal(err, "not a path of HDFS: %s", path);
    LEAT_TRY(leat_hdfs_cluster_get(&uri, &cluster, err));
    LEAT_TRY(leat_hdfs_stat(cluster, path, &status, err));
    if (status.kind == LEAT_FILE_NONE)
        return leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "%s does not exist", path);
    if (status.kind != LEAT_FILE_REGULAR)
        return leat_error_set(err, LEAT_E_IO, "%s is a folder", path);
    input = leat_calloc(1, sizeof(*input));
    if (input)
        input->base.path = leat_strdup(path);
    if (!input || !input->base.path) {
        leat_free(input);
        return leat_error_memory(err);
    }
    input->base.ops = &ops;
    input->base.size = status.size;
    input->base.modified = status.modified;
    input->cluster = cluster;
    *out = &input->base;
    return LEAT_OK;
}
