/* The file system's functions, by the calls of WebHDFS. */
#include "storage/files/hdfs/hdfs.h"
#include "storage/files/hdfs/webhdfs.h"

enum { ANSWER_MAXIMUM = 1 << 20, DEPTH_MAXIMUM = 256 };

static enum leat_status find(const char *path, struct leat_hdfs_cluster **out,
                             struct leat_error *err)
{
    struct leat_uri uri;

    *out = NULL;
    if (!leat_uri_split(path, &uri))
        return leat_error_internal(err, "not a path of HDFS: %s", path);
    return leat_hdfs_cluster_get(&uri, out, err);
}

static enum leat_status hdfs_stat(const char *path, struct leat_file_info *out,
                                  struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster;
    struct leat_hdfs_status status;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(find(path, &cluster, err));
    LEAT_TRY(leat_hdfs_stat(cluster, path, &status, err));
    *out = (struct leat_file_info){path, status.kind, status.size, status.modified};
    return LEAT_OK;
}

/* A listing under way: folders that are still to be visited, each behind the other. */
struct visit {
    const struct leat_file_listing *listing;
    leat_file_take take;
    void *context;
    const char *folder; /* being listed, without a slash at the end */
    struct leat_arena *arena;
    struct pending {
        struct pending *next;
        const char *folder;
        unsigned depth;
    } * pending;
    unsigned depth;
    struct leat_buffer path; /* of the entry that is told */
};

static enum leat_status take_entry(void *context, const char *name,
                                   const struct leat_hdfs_status *status, struct leat_error *err)
{
    struct visit *visit = context;
    const char *prefix = visit->listing->prefix;
    struct leat_file_info info = {NULL, status->kind, status->size, status->modified};

    if (prefix && visit->depth == 0 && strncmp(name, prefix, strlen(prefix)) != 0)
        return LEAT_OK;
    visit->path.length = 0;
    LEAT_TRY(leat_buffer_printf(&visit->path, err, "%s/%s", visit->folder, name));
    LEAT_TRY(leat_buffer_append_byte(&visit->path, '\0', err));
    info.path = (const char *)visit->path.data;
    if (!visit->listing->recursive)
        return visit->take(visit->context, &info, err);
    if (status->kind == LEAT_FILE_REGULAR)
        return visit->take(visit->context, &info, err);
    if (status->kind != LEAT_FILE_FOLDER)
        return LEAT_OK;
    if (visit->depth == DEPTH_MAXIMUM)
        return leat_error_set(err, LEAT_E_LIMIT, "%s lies deeper than %d folders", info.path,
                              DEPTH_MAXIMUM);
    struct pending *pending = LEAT_NEW(visit->arena, struct pending);
    if (pending)
        pending->folder = leat_arena_strdup(visit->arena, info.path);
    if (!pending || !pending->folder)
        return leat_error_memory(err);
    pending->depth = visit->depth + 1;
    pending->next = visit->pending;
    visit->pending = pending;
    return LEAT_OK;
}

static enum leat_status hdfs_list(const struct leat_file_listing *listing, leat_file_take take,
                                  void *context, struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster;
    struct visit visit = {.listing = listing, .take = take, .context = context};
    struct leat_arena arena;
    enum leat_status status;
    size_t length = strlen(listing->folder);

    LEAT_TRY(find(listing->folder, &cluster, err));
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&visit.path, 0);
    visit.arena = &arena;
    while (length && listing->folder[length - 1] == '/')
        length--;
    visit.folder = leat_arena_copy(&arena, listing->folder, length);
    status = visit.folder ? leat_hdfs_list(cluster, listing->folder, take_entry, &visit, err)
                          : leat_error_memory(err);
    while (status == LEAT_OK && visit.pending) {
        struct pending *pending = visit.pending;
        visit.pending = pending->next;
        visit.folder = pending->folder;
        visit.depth = pending->depth;
        status = leat_hdfs_list(cluster, visit.folder, take_entry, &visit, err);
    }
    leat_buffer_release(&visit.path);
    leat_arena_release(&arena);
    return status;
}

static enum leat_status hdfs_remove(const char *path, struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster;

    LEAT_TRY(find(path, &cluster, err));
    return leat_hdfs_delete(cluster, path, false, err);
}

static enum leat_status hdfs_folder_remove_all(const char *path, struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster;

    LEAT_TRY(find(path, &cluster, err));
    return leat_hdfs_delete(cluster, path, true, err);
}

static enum leat_status hdfs_folder_create(const char *path, struct leat_error *err)
{
    const struct leat_hdfs_call call = {
        .method = "PUT", .operation = "MKDIRS", .path = path, .query = "", .changes = true};
    struct leat_hdfs_cluster *cluster;
    struct leat_http_answer answer;
    enum leat_status status;

    LEAT_TRY(find(path, &cluster, err));
    leat_http_answer_init(&answer, ANSWER_MAXIMUM);
    status = leat_hdfs_call(cluster, &call, &answer, err); /* of one that is there: true */
    leat_http_answer_release(&answer);
    return status;
}

static enum leat_status hdfs_rename(const char *from, const char *to, bool replace,
                                    struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster, *other;
    struct leat_hdfs_status there;

    LEAT_TRY(find(from, &cluster, err));
    LEAT_TRY(find(to, &other, err));
    if (cluster != other)
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "%s cannot be renamed to %s: another cluster", from, to);
    LEAT_TRY(leat_hdfs_stat(cluster, from, &there, err));
    if (there.kind == LEAT_FILE_NONE)
        return leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "%s does not exist", from);
    return leat_hdfs_rename(cluster, from, to, replace, err);
}

#define HDFS_FUNCTIONS                                                                             \
    .open_input = leat_hdfs_open_input, .create = leat_hdfs_create, .stat = hdfs_stat,             \
    .list = hdfs_list, .remove = hdfs_remove, .folder_remove_all = hdfs_folder_remove_all,         \
    .folder_create = hdfs_folder_create, .rename = hdfs_rename

/* All three find their clusters in one list, whose settings travel once. */
const struct leat_file_system leat_hdfs_files = {.scheme = "hdfs",
                                                 HDFS_FUNCTIONS,
                                                 .settings_put = leat_hdfs_settings_put,
                                                 .settings_apply = leat_hdfs_settings_apply};
const struct leat_file_system leat_webhdfs_files = {.scheme = "webhdfs", HDFS_FUNCTIONS};
const struct leat_file_system leat_swebhdfs_files = {.scheme = "swebhdfs", HDFS_FUNCTIONS};
