/* Decodes what NameNodes answer: file statuses, pages of a listing, exceptions. */
#include "formats/json_tree.h"
#include "storage/files/hdfs/webhdfs.h"

static enum leat_status wrong_answer(struct leat_error *err, const char *what)
{
    return leat_error_set(err, LEAT_E_HDFS, "an answer of HDFS that does not fit: %s", what);
}

static enum leat_status read_status(const json_t *tree, struct leat_hdfs_status *out,
                                    struct leat_error *err)
{
    const json_t *length = json_object_get(tree, "length");
    const json_t *modified = json_object_get(tree, "modificationTime");
    const char *type = json_string_value(json_object_get(tree, "type"));

    memset(out, 0, sizeof(*out));
    if (!type || !json_is_integer(length) || json_integer_value(length) < 0)
        return wrong_answer(err, "a status without type or length");
    out->kind = strcmp(type, "FILE") == 0
                    ? LEAT_FILE_REGULAR
                    : (strcmp(type, "DIRECTORY") == 0 ? LEAT_FILE_FOLDER : LEAT_FILE_OTHER);
    out->size = (uint64_t)json_integer_value(length);
    if (json_is_integer(modified) && json_integer_value(modified) >= 0 &&
        json_integer_value(modified) < INT64_MAX / 1000)
        out->modified = json_integer_value(modified) * 1000;
    return LEAT_OK;
}

enum leat_status leat_hdfs_decode_status(const void *json, size_t length,
                                         struct leat_hdfs_status *out, struct leat_error *err)
{
    enum leat_status status;
    json_t *tree;

    LEAT_TRY(leat_json_tree_load(json, length, 0, "answer of HDFS", LEAT_E_HDFS, &tree, err));
    status = read_status(json_object_get(tree, "FileStatus"), out, err);
    json_decref(tree);
    return status;
}

bool leat_hdfs_is_json(const void *text, size_t length)
{
    struct leat_error err;
    json_t *tree = NULL;
    enum leat_status status =
        length ? leat_json_tree_load(text, length, 0, "", LEAT_E_HDFS, &tree, &err) : LEAT_CORRUPT;

    json_decref(tree);
    return status == LEAT_OK;
}

/* A name that cannot lead out of its folder. */
static bool good_name(const char *name)
{
    return name && name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static enum leat_status read_page(const json_t *tree, struct leat_arena *arena, leat_hdfs_take take,
                                  void *context, const char **last, bool *more,
                                  struct leat_error *err)
{
    const json_t *listing = json_object_get(tree, "DirectoryListing");
    const json_t *partial = json_object_get(listing, "partialListing");
    const json_t *items = json_object_get(json_object_get(partial, "FileStatuses"), "FileStatus");
    const json_t *remaining = json_object_get(listing, "remainingEntries");
    struct leat_hdfs_status status;
    const char *name = NULL;

    if (!json_is_array(items) || !json_is_integer(remaining))
        return wrong_answer(err, "no page of a listing");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        name = json_string_value(json_object_get(item, "pathSuffix"));
        if (!good_name(name))
            return wrong_answer(err, "a listing with a name that is none");
        LEAT_TRY(read_status(item, &status, err));
        LEAT_TRY(take(context, name, &status, err));
    }
    *more = json_integer_value(remaining) > 0;
    *last = NULL;
    if (name && !(*last = leat_arena_strdup(arena, name)))
        return leat_error_memory(err);
    return LEAT_OK;
}

enum leat_status leat_hdfs_decode_page(const void *json, size_t length, struct leat_arena *arena,
                                       leat_hdfs_take take, void *context, const char **last,
                                       bool *more, struct leat_error *err)
{
    enum leat_status status;
    json_t *tree;

    *more = false;
    LEAT_TRY(leat_json_tree_load(json, length, 0, "answer of HDFS", LEAT_E_HDFS, &tree, err));
    status = read_page(tree, arena, take, context, last, more, err);
    json_decref(tree);
    return status;
}

/* What an exception means here, and what to do about it. */
struct meaning {
    const char *exception;
    int code;
    const char *hint;
};
static const struct meaning meanings[] = {
    {"FileNotFoundException", LEAT_E_FILE_NOT_FOUND, "check the path and which cluster it names"},
    {"FileAlreadyExistsException", LEAT_E_FILE_EXISTS, "choose another name or remove it"},
    {"AccessControlException", LEAT_E_PERMISSION,
     "ask for the right to the folder, or set HADOOP_USER_NAME where HDFS believes it"},
    {"InvalidToken", LEAT_E_PERMISSION,
     "the delegation token is expired or of another cluster: fetch a new one, or unset "
     "HADOOP_TOKEN_FILE_LOCATION"},
    {"SecurityException", LEAT_E_PERMISSION, "check the Kerberos ticket (klist) or the token"},
    {"AuthenticationException", LEAT_E_PERMISSION, "get a Kerberos ticket with kinit"},
    {"DSQuotaExceededException", LEAT_E_DISK_FULL, "the folder's quota of bytes is used up"},
    {"NSQuotaExceededException", LEAT_E_DISK_FULL, "the folder's quota of names is used up"},
    {"QuotaExceededException", LEAT_E_DISK_FULL, "a quota of the folder is used up"},
    {"StandbyException", LEAT_E_HDFS, "none of the NameNodes is active"},
    {"RetriableException", LEAT_E_HDFS, "the NameNode is starting: wait until it left safe mode"},
    {"SafeModeException", LEAT_E_HDFS,
     "the NameNode is in safe mode: wait, or see hdfs dfsadmin "
     "-safemode get"},
    {"ParentNotDirectoryException", LEAT_E_HDFS, "a part of the path is a file"},
    {"SnapshotException", LEAT_E_HDFS, "the folder has snapshots"},
    {"IllegalArgumentException", LEAT_E_HDFS, "the server does not know this operation or option"},
};

static const struct meaning *meaning_of(const char *exception)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strcmp(exception, meanings[i].exception) == 0)
            return &meanings[i];
    return NULL;
}

/* An answer that is no RemoteException: of a proxy, or of a server that is not HDFS at all. */
static void other_answer(const struct leat_hdfs_call *call, unsigned status, struct leat_error *err)
{
    (void)leat_error_set(err, status == 401 ? LEAT_E_PERMISSION : LEAT_E_HDFS,
                         "%s %s: the server answered with status %u and no reason", call->operation,
                         call->path, status);
    leat_error_hint(
        err, "%s",
        status == 401 ? "get a Kerberos ticket with kinit, and set hadoop.security.authentication "
                        "to kerberos in core-site.xml"
                      : (status >= 500 ? "see the log of the NameNode or DataNode"
                                       : "is it the HTTP address of a NameNode or of HttpFS?"));
}

bool leat_hdfs_decode_exception(const struct leat_hdfs_call *call, unsigned status,
                                const void *json, size_t length, bool *standby,
                                struct leat_error *err)
{
    const char *exception, *message;
    const struct meaning *meaning;
    struct leat_error own;
    bool again, no_room;
    json_t *tree = NULL, *remote = NULL;

    *standby = false;
    if (leat_json_tree_load(json, length, 0, "", LEAT_E_HDFS, &tree, &own) == LEAT_OK)
        remote = json_object_get(tree, "RemoteException");
    exception = json_string_value(json_object_get(remote, "exception"));
    message = json_string_value(json_object_get(remote, "message"));
    if (!exception) {
        other_answer(call, status, err);
        json_decref(tree);
        return status < 500;
    }
    meaning = meaning_of(exception);
    message = message ? message : "";
    *standby = strcmp(exception, "StandbyException") == 0;
    /* Safe mode comes as RetriableException when the NameNode expects to leave it. */
    again = *standby || strcmp(exception, "RetriableException") == 0 ||
            strcmp(exception, "SafeModeException") == 0;
    no_room = strcmp(exception, "IOException") == 0 &&
              strstr(message, "could only be written to 0 of") != NULL;
    (void)leat_error_set(err, meaning ? meaning->code : (no_room ? LEAT_E_DISK_FULL : LEAT_E_HDFS),
                         "%s %s: %s: %.*s", call->operation, call->path, exception,
                         (int)strcspn(message, "\r\n"), message);
    leat_error_hint(err, "%s",
                    meaning ? meaning->hint
                            : (no_room ? "no DataNode has room or can be reached: hdfs dfsadmin "
                                         "-report"
                                       : "see the log of the NameNode or DataNode"));
    json_decref(tree);
    return !again;
}
