/*
 * Operations of WebHDFS, as the NameNode's documentation of the REST interface gives them
 * (Hadoop 3; HttpFS speaks the same). A call goes to the NameNode that answered last; a standby, a
 * NameNode in safe mode or without an answer is tried again, or the next one is asked. Where data
 * flows the NameNode redirects to a DataNode (HttpFS to itself), which is followed here and not by
 * the HTTP library, so that the first request has no body.
 */
#ifndef LEAT_STORAGE_FILES_HDFS_WEBHDFS_H
#define LEAT_STORAGE_FILES_HDFS_WEBHDFS_H

#include "storage/files/hdfs/clusters.h"

struct leat_hdfs_call {
    const char *method;    /* "GET", "PUT", "POST", "DELETE" */
    const char *operation; /* "GETFILESTATUS" */
    const char *path;      /* the whole path with its scheme */
    const char *query;     /* further parameters, encoded, "&name=value...", or "" */
    bool changes;
    /* Once a DataNode was sent data, nothing is tried again: the caller sees to it. */
    bool once;
    uint64_t body_length; /* of a call that gives data */
    leat_http_give give;
    leat_http_take take;
    void *context; /* of give and take */
};
/* Runs a call. The answer's body is the JSON text (`take` gets it instead, if there is one). What
 * HDFS refuses is an error that names operation, path and exception: LEAT_E_FILE_NOT_FOUND,
 * LEAT_E_FILE_EXISTS, LEAT_E_PERMISSION, LEAT_E_DISK_FULL where that is meant, LEAT_E_HDFS for the
 * rest. answer->uncertain tells, also on failure, that a change may have been made. An answer of a
 * change may have been cut: answer->headers[LEAT_HDFS_LENGTH] is its Content-Length, or NULL. */
enum { LEAT_HDFS_LOCATION, LEAT_HDFS_LENGTH, LEAT_HDFS_HEADERS };
LEAT_CHECKED enum leat_status leat_hdfs_call(struct leat_hdfs_cluster *cluster,
                                             const struct leat_hdfs_call *call,
                                             struct leat_http_answer *answer,
                                             struct leat_error *err);

/* What HDFS knows of a file or folder. */
struct leat_hdfs_status {
    enum leat_file_kind kind; /* NONE if nothing is there */
    uint64_t size;
    int64_t modified; /* microseconds since 1970 */
};
LEAT_CHECKED enum leat_status leat_hdfs_stat(struct leat_hdfs_cluster *cluster, const char *path,
                                             struct leat_hdfs_status *out, struct leat_error *err);
/* Entries of a folder, in pages. */
typedef enum leat_status (*leat_hdfs_take)(void *context, const char *name,
                                           const struct leat_hdfs_status *status,
                                           struct leat_error *err);
LEAT_CHECKED enum leat_status leat_hdfs_list(struct leat_hdfs_cluster *cluster, const char *folder,
                                             leat_hdfs_take take, void *context,
                                             struct leat_error *err);
LEAT_CHECKED enum leat_status leat_hdfs_delete(struct leat_hdfs_cluster *cluster, const char *path,
                                               bool recursive, struct leat_error *err);
/* Decided by the NameNode: with `replace` false one of several that rename to the same name wins,
 * and the others have LEAT_E_FILE_EXISTS. `from` must exist and be nobody else's. An outcome that
 * stays unknown is LEAT_E_OUTCOME, and nothing is removed. */
LEAT_CHECKED enum leat_status leat_hdfs_rename(struct leat_hdfs_cluster *cluster, const char *from,
                                               const char *to, bool replace,
                                               struct leat_error *err);

/* A file for reading and one for writing. */
LEAT_CHECKED enum leat_status leat_hdfs_open_input(const char *path, struct leat_input **out,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status leat_hdfs_create(const char *path, enum leat_create mode,
                                               struct leat_output **out, struct leat_error *err);

/* Decoders of answers, for the calls above and for tests: bytes from outside. */
LEAT_CHECKED enum leat_status leat_hdfs_decode_status(const void *json, size_t length,
                                                      struct leat_hdfs_status *out,
                                                      struct leat_error *err);
/* One page: *last is set to the last name (in the arena; NULL if the page is empty), *more if
 * others follow. */
LEAT_CHECKED enum leat_status leat_hdfs_decode_page(const void *json, size_t length,
                                                    struct leat_arena *arena, leat_hdfs_take take,
                                                    void *context, const char **last, bool *more,
                                                    struct leat_error *err);
bool leat_hdfs_is_json(const void *text, size_t length);
/* A RemoteException as an error; `status` is that of the answer. False if it should be tried again:
 * *standby says that another NameNode should be asked. */
bool leat_hdfs_decode_exception(const struct leat_hdfs_call *call, unsigned status,
                                const void *json, size_t length, bool *standby,
                                struct leat_error *err);

#endif
