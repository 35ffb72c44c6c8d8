/* Local files: reading by pread, writing through a buffer with fsync of file and folder, renames.
 */
#include "base/file_internal.h"
#include "base/file_system.h"
#include "base/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BUFFER = 256 * 1024 };

struct file_input {
    struct leat_input base;
    int descriptor;
    char path[];
};

static enum leat_status file_read_at(struct leat_input *input, uint64_t offset, void *into,
                                     size_t length, size_t *out, struct leat_error *err)
{
    struct file_input *file = (struct file_input *)input;
    size_t done = 0;

    *out = 0;
    while (done < length) {
        ssize_t got = 0;
        int failed = SYSTEM_CALL(false, -1,
                                 (got = pread(file->descriptor, (char *)into + done, length - done,
                                              (off_t)(offset + done))));
        if (failed == EINTR)
            continue;
        if (failed)
            return leat_error_io(err, "read", file->path, failed);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *out = done;
    return LEAT_OK;
}

static void file_input_close(struct leat_input *input)
{
    close(((struct file_input *)input)->descriptor);
    leat_free(input);
}

static const struct leat_input_ops file_input_ops = {.read_at = file_read_at,
                                                     .close = file_input_close};

static int64_t modified_of(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000;
}

static enum leat_status local_open_input(const char *path, struct leat_input **out,
                                         struct leat_error *err)
{
    size_t path_size = strlen(path) + 1;
    struct file_input *file;
    struct stat info;
    int descriptor = -1, failed;

    *out = NULL;
    failed = SYSTEM_CALL(false, -1, (descriptor = open(path, O_RDONLY | O_CLOEXEC)));
    if (failed)
        return leat_error_io(err, "open", path, failed);
    failed = SYSTEM_CALL(false, -1, fstat(descriptor, &info));
    if (!failed && S_ISDIR(info.st_mode))
        failed = EISDIR;
    if (failed) {
        close(descriptor);
        return leat_error_io(err, "open", path, failed);
    }
    file = leat_calloc(1, sizeof(*file) + path_size);
    if (!file) {
        close(descriptor);
        return leat_error_memory(err);
    }
    memcpy(file->path, path, path_size);
    file->base.ops = &file_input_ops;
    file->base.path = file->path;
    file->base.size = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    file->base.modified = modified_of(&info);
    file->descriptor = descriptor;
    *out = &file->base;
    return LEAT_OK;
}

struct file_output {
    struct leat_output base;
    int descriptor;
    enum leat_create mode;
    uint8_t *buffer;
    size_t buffered;
    char *written; /* the path being written: the final one, or the temporary one */
    char path[];
};

static enum leat_status write_through(struct file_output *file, const void *bytes, size_t length,
                                      struct leat_error *err)
{
    size_t done = 0;

    while (done < length) {
        ssize_t put = 0;
        int failed = SYSTEM_CALL(
            true, -1, (put = write(file->descriptor, (const char *)bytes + done, length - done)));
        if (failed == EINTR)
            continue;
        if (failed)
            return leat_error_io(err, "write", file->path, failed);
        done += (size_t)put;
    }
    return LEAT_OK;
}

static enum leat_status file_write(struct leat_output *output, const void *bytes, size_t length,
                                   struct leat_error *err)
{
    struct file_output *file = (struct file_output *)output;

    if (file->buffered + length > OUTPUT_BUFFER) {
        LEAT_TRY(write_through(file, file->buffer, file->buffered, err));
        file->buffered = 0;
        if (length >= OUTPUT_BUFFER)
            return write_through(file, bytes, length, err);
    }
    if (length)
        memcpy(file->buffer + file->buffered, bytes, length);
    file->buffered += length;
    return LEAT_OK;
}

static void file_output_free(struct file_output *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    leat_free(file->buffer);
    if (file->written != file->path)
        leat_free(file->written);
    leat_free(file);
}

static void file_abort(struct leat_output *output)
{
    struct file_output *file = (struct file_output *)output;

    (void)SYSTEM_CALL(true, -1, unlink(file->written));
    file_output_free(file);
}

static enum leat_status local_folder_sync(const char *path, struct leat_error *err)
{
    int descriptor = -1;
    int failed =
        SYSTEM_CALL(false, -1, (descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));

    if (!failed)
        failed = SYSTEM_CALL(true, -1, fsync(descriptor));
    if (descriptor >= 0)
        close(descriptor);
    return failed ? leat_error_io(err, "sync folder", path, failed) : LEAT_OK;
}

static enum leat_status folder_of_sync(const char *path, struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;
    char *folder;

    leat_arena_init(&arena, NULL);
    folder = leat_path_folder(&arena, path);
    status = folder ? local_folder_sync(folder, err) : leat_error_memory(err);
    leat_arena_release(&arena);
    return status;
}

static enum leat_status file_finish(struct leat_output *output, struct leat_error *err)
{
    struct file_output *file = (struct file_output *)output;
    enum leat_status status = write_through(file, file->buffer, file->buffered, err);
    int failed = 0;

    if (status == LEAT_OK) {
        failed = SYSTEM_CALL(true, -1, fsync(file->descriptor));
        if (!failed) {
            failed = SYSTEM_CALL(true, -1, close(file->descriptor));
            file->descriptor = -1;
        }
        if (!failed && file->mode == LEAT_CREATE_REPLACE)
            failed = SYSTEM_CALL(true, -1, rename(file->written, file->path));
        if (failed)
            status = leat_error_io(err, "write", file->path, failed);
    }
    if (status != LEAT_OK) {
        file_abort(output);
        return status;
    }
    status = folder_of_sync(file->path, err);
    file_output_free(file);
    return status;
}

static const struct leat_output_ops file_output_ops = {file_write, file_finish, file_abort};

static enum leat_status local_create(const char *path, enum leat_create mode,
                                     struct leat_output **out, struct leat_error *err)
{
    size_t path_size = strlen(path) + 1;
    struct file_output *file = leat_calloc(1, sizeof(*file) + path_size);
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_EXCL, failed;

    *out = NULL;
    if (!file)
        return leat_error_memory(err);
    memcpy(file->path, path, path_size);
    file->descriptor = -1;
    file->written = file->path;
    file->mode = mode;
    file->buffer = leat_malloc(OUTPUT_BUFFER);
    if (mode == LEAT_CREATE_REPLACE) {
        file->written = leat_malloc(path_size + 32);
        if (file->written)
            snprintf(file->written, path_size + 32, "%s.tmp.%016llx", path,
                     (unsigned long long)leat_random_u64());
    }
    if (!file->buffer || !file->written) {
        file_output_free(file);
        return leat_error_memory(err);
    }
    failed = SYSTEM_CALL(true, -1, (file->descriptor = open(file->written, flags, 0666)));
    if (failed) {
        file_output_free(file);
        return leat_error_io(err, "create", path, failed);
    }
    file->base.ops = &file_output_ops;
    file->base.path = file->path;
    *out = &file->base;
    return LEAT_OK;
}

static enum leat_status local_stat(const char *path, struct leat_file_info *out,
                                   struct leat_error *err)
{
    struct stat info;
    int failed = SYSTEM_CALL(false, -1, stat(path, &info));

    *out = (struct leat_file_info){.path = path};
    if (failed == ENOENT || failed == ENOTDIR)
        return LEAT_OK;
    if (failed)
        return leat_error_io(err, "look at", path, failed);
    out->kind = S_ISREG(info.st_mode)   ? LEAT_FILE_REGULAR
                : S_ISDIR(info.st_mode) ? LEAT_FILE_FOLDER
                                        : LEAT_FILE_OTHER;
    out->size = (uint64_t)info.st_size;
    out->modified = modified_of(&info);
    return LEAT_OK;
}

/* Makes one folder; an existing one is fine. 0 or errno. */
static int make_folder(const char *path)
{
    struct stat info;
    int failed = SYSTEM_CALL(true, -1, mkdir(path, 0777));

    if (failed == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return 0;
    return failed;
}

static enum leat_status local_folder_create(const char *path, struct leat_error *err)
{
    char *copy = leat_strdup(path);
    enum leat_status status = LEAT_OK;
    int failed;

    if (!copy)
        return leat_error_memory(err);
    for (char *slash = copy + 1; copy[0] && status == LEAT_OK; slash++) {
        char saved = *slash;
        if (saved != '/' && saved != '\0')
            continue;
        *slash = '\0';
        failed = make_folder(copy);
        if (failed)
            status = leat_error_io(err, "create folder", copy, failed);
        *slash = saved;
        if (saved == '\0')
            break;
    }
    leat_free(copy);
    return status;
}

static enum leat_status local_rename(const char *from, const char *to, bool replace,
                                     struct leat_error *err)
{
    int failed = SYSTEM_CALL(
        true, -1, renameat2(AT_FDCWD, from, AT_FDCWD, to, replace ? 0 : RENAME_NOREPLACE));

    if (failed)
        return leat_error_io(err, "rename", failed == EEXIST ? to : from, failed);
    return folder_of_sync(to, err);
}

static enum leat_status local_remove(const char *path, struct leat_error *err)
{
    int failed = SYSTEM_CALL(true, -1, unlink(path));

    return failed && failed != ENOENT ? leat_error_io(err, "remove", path, failed) : LEAT_OK;
}

/* A folder's entries as they come. One that vanished meanwhile is left out. */
static enum leat_status local_list(const struct leat_file_listing *listing, leat_file_take take,
                                   void *context, struct leat_error *err)
{
    size_t prefix = listing->prefix ? strlen(listing->prefix) : 0;
    enum leat_status status = LEAT_OK;
    int failed = leat_fault_file_check(false);
    DIR *stream = failed ? NULL : opendir(listing->folder);
    struct leat_arena scratch;
    struct dirent *entry;

    if (!stream)
        return leat_error_io(err, "list folder", listing->folder, failed ? failed : errno);
    leat_arena_init(&scratch, NULL);
    while (status == LEAT_OK && (entry = readdir(stream)) != NULL) {
        struct leat_file_info info;
        char *path;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strncmp(entry->d_name, listing->prefix ? listing->prefix : "", prefix) != 0)
            continue;
        leat_arena_reset(&scratch);
        path = leat_path_join(&scratch, listing->folder, entry->d_name);
        status = path ? local_stat(path, &info, err) : leat_error_memory(err);
        if (status == LEAT_OK && info.kind != LEAT_FILE_NONE)
            status = take(context, &info, err);
    }
    leat_arena_release(&scratch);
    closedir(stream);
    return status;
}

static enum leat_status remove_all(const char *path, unsigned depth, struct leat_error *err)
{
    struct leat_file_list list;
    enum leat_status status;
    int failed;

    if (depth > 64)
        return leat_error_set(err, LEAT_E_LIMIT, "%s: folders nested deeper than 64", path);
    LEAT_TRY(leat_folder_list(path, &list, err));
    status = LEAT_OK;
    for (size_t i = 0; i < list.count && status == LEAT_OK; i++)
        status = list.items[i].kind == LEAT_FILE_FOLDER
                     ? remove_all(list.items[i].path, depth + 1, err)
                     : local_remove(list.items[i].path, err);
    leat_file_list_release(&list);
    if (status == LEAT_OK) {
        failed = SYSTEM_CALL(true, -1, rmdir(path));
        if (failed && failed != ENOENT)
            status = leat_error_io(err, "remove folder", path, failed);
    }
    return status;
}

static enum leat_status local_folder_remove_all(const char *path, struct leat_error *err)
{
    struct leat_file_info info;

    LEAT_TRY(local_stat(path, &info, err));
    if (info.kind == LEAT_FILE_NONE)
        return LEAT_OK;
    return remove_all(path, 0, err);
}

const struct leat_file_system leat_local_files = {
    .open_input = local_open_input,
    .create = local_create,
    .stat = local_stat,
    .list = local_list,
    .remove = local_remove,
    .folder_remove_all = local_folder_remove_all,
    .folder_create = local_folder_create,
    .folder_sync = local_folder_sync,
    .rename = local_rename,
};
