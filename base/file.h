/*
 * Files and folders: local ones, and those of a registered file system (base/file_system.h) where a
 * path is a URI, `scheme://...`; file:///x and file:/x are /x. Every call can be made to fail or to
 * kill the process (base/fault.h).
 */
#ifndef LEAT_BASE_FILE_H
#define LEAT_BASE_FILE_H

#include "base/io.h"

/* Opens a regular file for reading. A folder or missing file is an error with its own code. Local
 * files are read by pread, never mmap, so that a file cut short while read is an error and no
 * signal. */
LEAT_CHECKED enum leat_status leat_file_open_input(const char *path, struct leat_input **out,
                                                   struct leat_error *err);

enum leat_create {
    LEAT_CREATE_NEW,    /* fails if the path exists */
    LEAT_CREATE_REPLACE /* the path holds the old file or the whole new one, at any moment */
};
/* Creates a file for writing; folders above it must exist. Buffered. A local LEAT_CREATE_REPLACE
 * writes PATH.tmp.<unique>, renamed over the path by finish. */
LEAT_CHECKED enum leat_status leat_file_create(const char *path, enum leat_create mode,
                                               struct leat_output **out, struct leat_error *err);

/* The whole file as bytes appended to `out`. */
LEAT_CHECKED enum leat_status leat_file_read_all(const char *path, struct leat_buffer *out,
                                                 struct leat_error *err);
/* Writes the whole file, durably and atomically (LEAT_CREATE_REPLACE). */
LEAT_CHECKED enum leat_status leat_file_write_all(const char *path, const void *bytes,
                                                  size_t length, struct leat_error *err);

enum leat_file_kind { LEAT_FILE_NONE, LEAT_FILE_REGULAR, LEAT_FILE_FOLDER, LEAT_FILE_OTHER };
struct leat_file_info {
    const char *path; /* owned by the list or borrowed */
    enum leat_file_kind kind;
    uint64_t size;
    int64_t modified; /* microseconds since 1970 */
};
/* Kind NONE, not an error, if nothing is there. A folder has no size. */
LEAT_CHECKED enum leat_status leat_file_stat(const char *path, struct leat_file_info *out,
                                             struct leat_error *err);

struct leat_file_list {
    struct leat_arena arena;
    struct leat_file_info *items; /* sorted by path, bytewise */
    size_t count;
};
/* Entries of a folder (not "." and ".."), with full paths `folder/name`. */
LEAT_CHECKED enum leat_status leat_folder_list(const char *folder, struct leat_file_list *out,
                                               struct leat_error *err);
/* Regular files that match: a plain file; a folder (all files in it, recursively, except names
 * starting with '.' or
 * '_'); or a glob with `*`, `?`, `[...]`, `{a,b}` in any part and `**` for any number of folders.
 * No match is an empty list. */
LEAT_CHECKED enum leat_status leat_file_glob(const char *pattern, struct leat_file_list *out,
                                             struct leat_error *err);
void leat_file_list_release(struct leat_file_list *list);
/* True if the pattern holds glob characters. */
bool leat_file_is_glob(const char *pattern);

LEAT_CHECKED enum leat_status leat_folder_create(const char *path,
                                                 struct leat_error *err); /* and its parents */
LEAT_CHECKED enum leat_status leat_folder_sync(const char *path, struct leat_error *err);
/* Replaces what has the new name. Where a store has no such operation: LEAT_E_UNSUPPORTED. */
LEAT_CHECKED enum leat_status leat_file_rename(const char *from, const char *to,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status leat_file_remove(const char *path,
                                               struct leat_error *err); /* missing is no error */
/* All of them, of any storage; goes on after a failure and returns the first. */
LEAT_CHECKED enum leat_status leat_file_remove_several(const char *const *paths, size_t count,
                                                       struct leat_error *err);
LEAT_CHECKED enum leat_status leat_folder_remove_all(const char *path, struct leat_error *err);

/* Bytes set aside on disk: a file without a name in TMPDIR (or /tmp), gone when the process ends,
 * however it ends. */
struct leat_scratch {
    int descriptor; /* -1: not open */
    uint64_t length;
};
LEAT_CHECKED enum leat_status leat_scratch_open(struct leat_scratch *out, struct leat_error *err);
void leat_scratch_close(struct leat_scratch *scratch);
/* Writes at the end. */
LEAT_CHECKED enum leat_status leat_scratch_append(struct leat_scratch *scratch, const void *bytes,
                                                  size_t length, struct leat_error *err);
/* Reads exactly `length` bytes. */
LEAT_CHECKED enum leat_status leat_scratch_read(const struct leat_scratch *scratch, uint64_t offset,
                                                void *into, size_t length, struct leat_error *err);

/* An exclusive lock on PATH (created if missing) that the system releases when the process ends,
 * however it ends. The holder's process id is written into the file for messages. Held by someone
 * else: LEAT_E_LOCKED at once. */
struct leat_file_lock {
    int descriptor;
};
LEAT_CHECKED enum leat_status leat_file_lock_take(const char *path, struct leat_file_lock *out,
                                                  struct leat_error *err);
void leat_file_lock_release(struct leat_file_lock *lock);

/* True for `scheme://...` other than file:. */
bool leat_path_is_uri(const char *path);
/* The path without a scheme file: (borrowed); others as they are. */
const char *leat_path_local(const char *path);
/* Path arithmetic in an arena: join("a", "b") is "a/b"; an absolute second part wins, and so does a
 * URI. NULL when out of memory. */
char *leat_path_join(struct leat_arena *arena, const char *folder, const char *name);
/* Folder part, "." if there is none. The root of a URI's authority is its own folder. */
char *leat_path_folder(struct leat_arena *arena, const char *path);
/* Absolute and normalised ("." and ".." resolved by text). A URI keeps its text, but for slashes at
 * the end. */
char *leat_path_absolute(struct leat_arena *arena, const char *path);

#endif
