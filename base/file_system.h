/*
 * File systems: what lies behind a path. A path without a scheme is a local one; `scheme://...`
 * goes to the file system registered for the scheme. Callers use base/file.h, which dispatches;
 * this header is for those who bring a file system (storage/files).
 *
 * Paths are given whole, with their scheme. Folders are paths without a slash at the end, except
 * the root of an authority, which may come as `scheme://authority` or `scheme://authority/`. A
 * store without real folders (S3) shows one wherever a key has the folder's name and a slash in
 * front. All functions may be called by several threads at once.
 */
#ifndef LEAT_BASE_FILE_SYSTEM_H
#define LEAT_BASE_FILE_SYSTEM_H

#include "base/file.h"

/* What of a folder is listed. */
struct leat_file_listing {
    const char *folder;
    const char *prefix; /* only names (below the folder) that start so, or NULL */
    bool recursive;     /* regular files at any depth, and no folders */
};
/* Takes one entry: its path is whole, and borrowed until the function returns. A status other than
 * LEAT_OK stops the listing and is its result. */
typedef enum leat_status (*leat_file_take)(void *context, const struct leat_file_info *item,
                                           struct leat_error *err);

struct leat_file_system {
    const char *scheme; /* "s3" */
    bool flat;          /* a recursive listing costs no more than one folder's */

    /* As leat_file_open_input, leat_file_create and leat_file_stat say. What is created is seen by
     * others only when finish returns LEAT_OK, and then wholly; with LEAT_CREATE_NEW exactly one of
     * several that create the same path succeeds. finish may fail without knowing whether the
     * file was written (LEAT_E_OUTCOME); nothing is then removed. */
    enum leat_status (*open_input)(const char *path, struct leat_input **out,
                                   struct leat_error *err);
    enum leat_status (*create)(const char *path, enum leat_create mode, struct leat_output **out,
                               struct leat_error *err);
    enum leat_status (*stat)(const char *path, struct leat_file_info *out, struct leat_error *err);
    /* In any order. A folder that is not there is LEAT_NOT_FOUND, or nothing where folders are not
     * real. */
    enum leat_status (*list)(const struct leat_file_listing *listing, leat_file_take take,
                             void *context, struct leat_error *err);
    /* Missing ones are no error. */
    enum leat_status (*remove)(const char *path, struct leat_error *err);
    /* Many at once; NULL: one by one. Goes on after a failure and returns the first. */
    enum leat_status (*remove_several)(const char *const *paths, size_t count,
                                       struct leat_error *err);
    /* A folder with all that is in it; a missing one is no error. NULL: listed and removed. */
    enum leat_status (*folder_remove_all)(const char *path, struct leat_error *err);
    /* With its parents. NULL: folders need not be made. */
    enum leat_status (*folder_create)(const char *path, struct leat_error *err);
    /* Makes names in it durable. NULL: they are. */
    enum leat_status (*folder_sync)(const char *path, struct leat_error *err);
    /* Both of this file system. `replace` false: LEAT_E_FILE_EXISTS if something has the new name,
     * decided by the store. NULL: there is no such operation. */
    enum leat_status (*rename)(const char *from, const char *to, bool replace,
                               struct leat_error *err);

    /* Settings that another process needs to reach the same storage (end point, region, user name),
     * as one JSON object; never a secret. NULL: none. */
    enum leat_status (*settings_put)(struct leat_buffer *out, struct leat_error *err);
    /* Takes over what settings_put gave elsewhere. Called before the file system is used. */
    enum leat_status (*settings_apply)(const char *json, size_t length, struct leat_error *err);
};

/* Makes a file system known, for the life of the process. Called at start, before threads are; a
 * second call with the same one does nothing. */
LEAT_CHECKED enum leat_status leat_file_system_register(const struct leat_file_system *system,
                                                        struct leat_error *err);
/* The registered ones in turn; NULL past the end. */
const struct leat_file_system *leat_file_system_at(size_t index);
/* The one that a path belongs to: the local one if there is no scheme or it is file:. A scheme that
 * nobody registered is LEAT_E_SCHEME, and the message names those that exist. */
LEAT_CHECKED enum leat_status leat_file_system_find(const char *path,
                                                    const struct leat_file_system **out,
                                                    struct leat_error *err);

/* Local files and folders: scheme NULL, paths without one. */
extern const struct leat_file_system leat_local_files;

/* The pieces of `scheme://authority/path`, all borrowed: path has no slash in front. False if the
 * text is no such thing. */
struct leat_uri {
    struct leat_text scheme;
    struct leat_text authority;
    struct leat_text path;
};
bool leat_uri_split(const char *text, struct leat_uri *out);

#endif
