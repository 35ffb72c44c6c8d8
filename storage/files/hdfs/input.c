/* Reads ranges of a file: each asks the NameNode anew, which names a DataNode near those bytes.
 * What is read ahead and held is base/remote_input.h's. */
#include "base/remote_input.h"
#include "storage/files/hdfs/webhdfs.h"

#include <stdio.h>

enum { TRIES = 3 };

struct hdfs_input {
    struct leat_hdfs_cluster *cluster;
    char *path;
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

static enum leat_status fetch(void *context, uint64_t offset, void *into, size_t length,
                              struct leat_error *err)
{
    const struct hdfs_input *input = context;
    struct range range = {.into = into, .length = length, .path = input->path};
    struct leat_hdfs_call call = {.method = "GET",
                                  .operation = "OPEN",
                                  .path = input->path,
                                  .take = take_bytes,
                                  .context = &range};
    struct leat_http_answer answer;
    enum leat_status status = LEAT_OK;
    char query[80];

    (void)snprintf(query, sizeof(query), "&offset=%llu&length=%llu", (unsigned long long)offset,
                   (unsigned long long)length);
    call.query = query;
    leat_http_answer_init(&answer, 0);
    /* An answer that ends early is an end only if it ends there every time. */
    for (int i = 0; i < TRIES && range.got < length && status == LEAT_OK; i++) {
        range.got = 0;
        status = leat_hdfs_call(input->cluster, &call, &answer, err);
    }
    leat_http_answer_release(&answer);
    if (status == LEAT_OK && range.got < length)
        return leat_error_set(err, LEAT_E_FILE_CHANGED, "%s became shorter while it was read",
                              input->path);
    return status;
}

static void input_close(void *context)
{
    struct hdfs_input *input = context;

    leat_free(input->path);
    leat_free(input);
}

enum leat_status leat_hdfs_open_input(const char *path, struct leat_input **out,
                                      struct leat_error *err)
{
    static const struct leat_remote_ops ops = {fetch, input_close};
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
        input->path = leat_strdup(path);
    if (!input || !input->path) {
        leat_free(input);
        return leat_error_memory(err);
    }
    input->cluster = cluster;
    return leat_remote_input_new(path, status.size, status.modified, &ops, input, NULL, 0, 0, out,
                                 err);
}
