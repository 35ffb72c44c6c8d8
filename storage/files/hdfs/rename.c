/* Renaming is how a file appears: the NameNode decides about it in one step, and with NONE it does
 * not replace what is there. When the outcome is not known (no answer, or the answer to a second
 * request after a first that may have been carried out), both places are looked at. Nobody else
 * knows the old name: if it is gone, it was this rename that took it away. */
#include "storage/files/hdfs/webhdfs.h"

enum { TRIES = 4, ANSWER_MAXIMUM = 1 << 20 };

enum fate { RENAMED, NOT_RENAMED, TAKEN };

static enum leat_status look(struct leat_hdfs_cluster *cluster, const char *from, const char *to,
                             bool replace, enum fate *fate, struct leat_error *err)
{
    struct leat_hdfs_status source, target;

    LEAT_TRY(leat_hdfs_stat(cluster, from, &source, err));
    LEAT_TRY(leat_hdfs_stat(cluster, to, &target, err));
    if (source.kind != LEAT_FILE_NONE)
        *fate = target.kind == LEAT_FILE_NONE || replace ? NOT_RENAMED : TAKEN;
    else if (target.kind != LEAT_FILE_NONE)
        *fate = RENAMED;
    else
        return leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "RENAME %s: neither it nor %s is there",
                              from, to);
    return LEAT_OK;
}

/* A good answer is empty where options are known (told by its length: it may have been cut); HttpFS
 * knows none, and says {"boolean": false} for whatever stood in the way. */
static bool is_done(const struct leat_http_answer *answer)
{
    const char *length = answer->headers[LEAT_HDFS_LENGTH];

    if (answer->body.length == 0)
        return length && strcmp(length, "0") == 0;
    return memmem(answer->body.data, answer->body.length, "true", 4) != NULL;
}

/* One request. *sure: its answer is the truth. */
static enum leat_status ask(struct leat_hdfs_cluster *cluster, const char *from, const char *to,
                            const char *options, bool *sure, struct leat_error *err)
{
    struct leat_hdfs_call call = {
        .method = "PUT", .operation = "RENAME", .path = from, .changes = true};
    struct leat_http_answer answer;
    struct leat_buffer query;
    struct leat_uri uri;
    enum leat_status status;

    if (!leat_uri_split(to, &uri))
        return leat_error_internal(err, "not a path of HDFS: %s", to);
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    leat_buffer_init(&query, 0);
    status = leat_buffer_append_string(&query, "&destination=%2F", err);
    if (status == LEAT_OK)
        status = leat_http_encode(&query, uri.path.data, uri.path.length, "", err);
    if (status == LEAT_OK)
        status = leat_buffer_printf(&query, err, "&renameoptions=%s", options);
    if (status == LEAT_OK)
        status = leat_buffer_append_byte(&query, '\0', err);
    if (status == LEAT_OK) {
        call.query = (const char *)query.data;
        status = leat_hdfs_call(cluster, &call, &answer, err);
        /* A network may carry a request twice: the second is told that the old name is missing, or
         * the new one there. */
        *sure = !answer.uncertain && status != LEAT_EXISTS && status != LEAT_NOT_FOUND &&
                (status != LEAT_OK || is_done(&answer));
        if (status == LEAT_OK && !*sure && !answer.uncertain)
            status = leat_error_set(err, LEAT_E_HDFS, "RENAME %s to %s: answered without a word",
                                    from, to);
    }
    leat_buffer_release(&query);
    leat_http_answer_release(&answer);
    return status;
}

enum leat_status leat_hdfs_rename(struct leat_hdfs_cluster *cluster, const char *from,
                                  const char *to, bool replace, struct leat_error *err)
{
    enum leat_status status = LEAT_OK, looked;
    struct leat_error own, reason;
    enum fate fate;
    bool sure;

    err = err ? err : &own;
    for (int i = 0; i < TRIES; i++) {
        sure = true;
        status = ask(cluster, from, to, replace ? "OVERWRITE" : "NONE", &sure, err);
        if (sure || status == LEAT_NO_MEMORY)
            return status;
        looked = look(cluster, from, to, replace, &fate, &reason);
        if (looked == LEAT_NOT_FOUND) {
            *err = reason;
            return looked;
        }
        if (looked != LEAT_OK) {
            (void)leat_error_set(err, LEAT_E_OUTCOME, "RENAME %s to %s: %s", from, to,
                                 reason.message);
            leat_error_hint(err, "look which of the two is there");
            return err->status;
        }
        if (fate == RENAMED)
            return LEAT_OK;
        if (fate == TAKEN)
            return leat_error_set(err, LEAT_E_FILE_EXISTS, "%s exists already", to);
        /* Through HttpFS there is no renaming over a file. */
        if (replace && status == LEAT_IO && err->code == LEAT_E_HDFS)
            LEAT_TRY(leat_hdfs_delete(cluster, to, false, err));
    }
    return status;
}
