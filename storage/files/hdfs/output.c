/* Writes a file. What is written is kept here (in memory, then in a file without a name) until the
 * end, since an upload that breaks off leaves a short file that HDFS takes for a whole one, and
 * must be made again from the start. It goes to a name of its own in the same folder (names that
 * begin with a dot are no data to anybody), its length is compared, and then it is renamed. Each
 * try has another name: a request that was believed lost may still be carried out later. */
#include "base/system.h"
#include "storage/files/hdfs/webhdfs.h"

enum {
    MEMORY_MAXIMUM = 4 << 20, /* bytes kept in memory */
    ANSWER_MAXIMUM = 1 << 20,
    FILES_MAXIMUM = 8 /* tries of an upload */
};

struct hdfs_output {
    struct leat_output base;
    struct leat_hdfs_cluster *cluster;
    enum leat_create mode;
    struct leat_scratch scratch; /* bytes from 0 on, then those in memory */
    struct leat_buffer memory;
};

static void output_free(struct hdfs_output *output)
{
    leat_scratch_close(&output->scratch);
    leat_buffer_release(&output->memory);
    leat_free((char *)output->base.path);
    leat_free(output);
}

static enum leat_status output_write(struct leat_output *base, const void *bytes, size_t length,
                                     struct leat_error *err)
{
    struct hdfs_output *output = (struct hdfs_output *)base;

    if (output->memory.length + length <= MEMORY_MAXIMUM)
        return leat_buffer_append(&output->memory, bytes, length, err);
    if (output->scratch.descriptor < 0)
        LEAT_TRY(leat_scratch_open(&output->scratch, err));
    LEAT_TRY(
        leat_scratch_append(&output->scratch, output->memory.data, output->memory.length, err));
    output->memory.length = 0;
    if (length >= MEMORY_MAXIMUM)
        return leat_scratch_append(&output->scratch, bytes, length, err);
    return leat_buffer_append(&output->memory, bytes, length, err);
}

static enum leat_status give_bytes(void *context, uint64_t offset, void *into, size_t size,
                                   size_t *out, struct leat_error *err)
{
    const struct hdfs_output *output = context;
    uint64_t kept = output->scratch.descriptor < 0 ? 0 : output->scratch.length;

    if (offset < kept) {
        *out = kept - offset < size ? (size_t)(kept - offset) : size;
        return leat_scratch_read(&output->scratch, offset, into, *out, err);
    }
    offset -= kept;
    *out = output->memory.length - offset < size ? (size_t)(output->memory.length - offset) : size;
    if (*out)
        memcpy(into, output->memory.data + offset, *out);
    return LEAT_OK;
}

/* Sends everything to `path`, once. *whole: it is there, wholly. A failure to find that out is a
 * failure. */
static enum leat_status upload(struct hdfs_output *output, const char *path, bool *whole,
                               struct leat_error *err)
{
    const struct leat_hdfs_call call = {.method = "PUT",
                                        .operation = "CREATE",
                                        .path = path,
                                        .query = "&overwrite=false",
                                        .changes = true,
                                        .once = true,
                                        .body_length = output->base.position,
                                        .give = give_bytes,
                                        .context = output};
    struct leat_http_answer answer;
    struct leat_hdfs_status there;
    enum leat_status status, looked;
    struct leat_error reason;
    bool sent;

    *whole = false;
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = leat_hdfs_call(output->cluster, &call, &answer, err);
    /* Nobody else has this name: if it exists, a request was carried out twice. */
    sent = status == LEAT_OK || status == LEAT_EXISTS || answer.uncertain;
    leat_http_answer_release(&answer);
    if (!sent)
        return status;
    looked = leat_hdfs_stat(output->cluster, path, &there, &reason);
    if (looked != LEAT_OK) {
        *err = reason;
        return looked;
    }
    *whole = there.kind == LEAT_FILE_REGULAR && there.size == output->base.position;
    if (!*whole && status == LEAT_OK)
        status = leat_error_set(
            err, LEAT_E_HDFS, "CREATE %s: %llu bytes were sent, and the file has %llu", path,
            (unsigned long long)output->base.position, (unsigned long long)there.size);
    return *whole ? LEAT_OK : status;
}

/* A name beside the file's, for one try. */
static enum leat_status temporary_name(const struct hdfs_output *output, struct leat_buffer *name,
                                       struct leat_error *err)
{
    const char *path = output->base.path;
    char uuid[37];

    leat_random_uuid(uuid);
    name->length = 0;
    LEAT_TRY(leat_buffer_append(name, path, (size_t)(strrchr(path, '/') - path), err));
    LEAT_TRY(leat_buffer_printf(name, err, "/.leat-%s.tmp", uuid));
    return leat_buffer_append_byte(name, '\0', err);
}

/* What cannot be removed stays as a file whose name says that it is of no use. */
static void remove_quietly(struct hdfs_output *output, const char *path)
{
    struct leat_error err;

    if (leat_hdfs_delete(output->cluster, path, false, &err) != LEAT_OK)
        leat_log(LEAT_LOG_WARN, "hdfs", "%s stays: %s", path, err.message);
}

static bool may_try_again(enum leat_status status, const struct leat_error *err)
{
    if (status == LEAT_EXISTS)
        return true;
    return status == LEAT_IO && (err->code == LEAT_E_NETWORK || err->code == LEAT_E_HDFS);
}

static enum leat_status publish(struct hdfs_output *output, struct leat_buffer *name,
                                struct leat_error *err)
{
    enum leat_status status;
    bool whole = false;

    for (unsigned i = 1;; i++) {
        LEAT_TRY(temporary_name(output, name, err));
        status = upload(output, (const char *)name->data, &whole, err);
        if (whole)
            break;
        leat_log(LEAT_LOG_INFO, "hdfs", "attempt %u: %s", i, err->message);
        remove_quietly(output, (const char *)name->data);
        if (!may_try_again(status, err) || i == FILES_MAXIMUM ||
            !leat_http_retry_wait(&output->cluster->client, i, 0))
            return status;
    }
    status = leat_hdfs_rename(output->cluster, (const char *)name->data, output->base.path,
                              output->mode == LEAT_CREATE_REPLACE, err);
    if (status != LEAT_OK && err->code != LEAT_E_OUTCOME)
        remove_quietly(output, (const char *)name->data);
    return status;
}

static enum leat_status output_finish(struct leat_output *base, struct leat_error *err)
{
    struct hdfs_output *output = (struct hdfs_output *)base;
    struct leat_buffer name;
    struct leat_error own;
    enum leat_status status;

    leat_buffer_init(&name, 0);
    status = publish(output, &name, err ? err : &own);
    leat_buffer_release(&name);
    output_free(output);
    return status;
}

static void output_abort(struct leat_output *base)
{
    output_free((struct hdfs_output *)base);
}

enum leat_status leat_hdfs_create(const char *path, enum leat_create mode, struct leat_output **out,
                                  struct leat_error *err)
{
    static const struct leat_output_ops ops = {output_write, output_finish, output_abort};
    struct leat_hdfs_cluster *cluster;
    struct leat_hdfs_status there;
    struct hdfs_output *output;
    struct leat_uri uri;

    *out = NULL;
    if (!leat_uri_split(path, &uri))
        return leat_error_internal(err, "not a path of HDFS: %s", path);
    if (uri.path.length == 0 || path[strlen(path) - 1] == '/')
        return leat_error_set(err, LEAT_E_IO, "%s is a folder", path);
    LEAT_TRY(leat_hdfs_cluster_get(&uri, &cluster, err));
    /* Told now rather than after everything was sent; what counts is the rename. */
    LEAT_TRY(leat_hdfs_stat(cluster, path, &there, err));
    if (there.kind == LEAT_FILE_FOLDER)
        return leat_error_set(err, LEAT_E_FILE_EXISTS, "%s is a folder", path);
    if (there.kind != LEAT_FILE_NONE && mode == LEAT_CREATE_NEW)
        return leat_error_set(err, LEAT_E_FILE_EXISTS, "%s exists already", path);
    output = leat_calloc(1, sizeof(*output));
    if (output)
        output->base.path = leat_strdup(path);
    if (!output || !output->base.path) {
        leat_free(output);
        return leat_error_memory(err);
    }
    output->base.ops = &ops;
    output->cluster = cluster;
    output->mode = mode;
    output->scratch.descriptor = -1;
    leat_buffer_init(&output->memory, 0);
    *out = &output->base;
    return LEAT_OK;
}
