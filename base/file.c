/* Local files: reading by pread, writing through a buffer with fsync of file and folder, renames,
 * locks. Every system call is preceded by leat_fault_file_check, so that tests can fail it or kill
 * the process there. */
#include "base/file.h"
#include "base/fault.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BUFFER = 256 * 1024 };

/* Result of a system call: 0 or an errno, injected faults first. */
#define SYSTEM_CALL(changes, failed, call)                                                         \
    ({                                                                                             \
        int errno_ = leat_fault_file_check(changes);                                               \
        if (!errno_ && (call) == (failed))                                                         \
            errno_ = errno;                                                                        \
        errno_;                                                                                    \
    })

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

static const struct leat_input_ops file_input_ops = {file_read_at, file_input_close};

static int64_t modified_of(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000;
}

enum leat_status leat_file_open_input(const char *path, struct leat_input **out,
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

static enum leat_status folder_of_sync(const char *path, struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;
    char *folder;

    leat_arena_init(&arena, NULL);
    folder = leat_path_folder(&arena, path);
    status = folder ? leat_folder_sync(folder, err) : leat_error_memory(err);
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

enum leat_status leat_file_create(const char *path, enum leat_create mode, struct leat_output **out,
                                  struct leat_error *err)
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

enum leat_status leat_file_read_all(const char *path, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_input *input;
    enum leat_status status;
    size_t got = 1;

    LEAT_TRY(leat_file_open_input(path, &input, err));
    status = leat_buffer_reserve(out, (size_t)input->size + 1, err);
    for (uint64_t offset = 0; status == LEAT_OK && got > 0; offset += got) {
        status = leat_buffer_reserve(out, 65536, err);
        if (status == LEAT_OK)
            status = input->ops->read_at(input, offset, out->data + out->length,
                                         out->capacity - out->length, &got, err);
        if (status == LEAT_OK)
            out->length += got;
    }
    leat_input_close(input);
    return status;
}

enum leat_status leat_file_write_all(const char *path, const void *bytes, size_t length,
                                     struct leat_error *err)
{
    struct leat_output *output;
    enum leat_status status;

    LEAT_TRY(leat_file_create(path, LEAT_CREATE_REPLACE, &output, err));
    status = leat_output_write(output, bytes, length, err);
    if (status != LEAT_OK) {
        leat_output_abort(output);
        return status;
    }
    return leat_output_finish(output, err);
}

enum leat_status leat_file_stat(const char *path, struct leat_file_info *out,
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

enum leat_status leat_folder_create(const char *path, struct leat_error *err)
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

enum leat_status leat_folder_sync(const char *path, struct leat_error *err)
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

enum leat_status leat_file_rename(const char *from, const char *to, struct leat_error *err)
{
    int failed = SYSTEM_CALL(true, -1, rename(from, to));

    if (failed)
        return leat_error_io(err, "rename", from, failed);
    return folder_of_sync(to, err);
}

enum leat_status leat_file_remove(const char *path, struct leat_error *err)
{
    int failed = SYSTEM_CALL(true, -1, unlink(path));

    return failed && failed != ENOENT ? leat_error_io(err, "remove", path, failed) : LEAT_OK;
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
                     : leat_file_remove(list.items[i].path, err);
    leat_file_list_release(&list);
    if (status == LEAT_OK) {
        failed = SYSTEM_CALL(true, -1, rmdir(path));
        if (failed && failed != ENOENT)
            status = leat_error_io(err, "remove folder", path, failed);
    }
    return status;
}

enum leat_status leat_folder_remove_all(const char *path, struct leat_error *err)
{
    struct leat_file_info info;

    LEAT_TRY(leat_file_stat(path, &info, err));
    if (info.kind == LEAT_FILE_NONE)
        return LEAT_OK;
    return remove_all(path, 0, err);
}

enum leat_status leat_file_lock_take(const char *path, struct leat_file_lock *out,
                                     struct leat_error *err)
{
    char holder[32] = "";
    int descriptor = -1;
    int failed =
        SYSTEM_CALL(true, -1, (descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)));

    out->descriptor = -1;
    if (failed)
        return leat_error_io(err, "lock", path, failed);
    failed = SYSTEM_CALL(false, -1, flock(descriptor, LOCK_EX | LOCK_NB));
    if (failed) {
        ssize_t got = pread(descriptor, holder, sizeof(holder) - 1, 0);
        holder[got > 0 ? got : 0] = '\0';
        holder[strcspn(holder, "\n")] = '\0';
        close(descriptor);
        if (failed != EWOULDBLOCK)
            return leat_error_io(err, "lock", path, failed);
        (void)leat_error_set(err, LEAT_E_LOCKED, "%s is held by another process%s%s", path,
                             holder[0] ? ", number " : "", holder);
        leat_error_hint(err, "wait for it to end, or stop it; the lock goes with the process");
        return LEAT_CONFLICT;
    }
    /* The process number is for messages only: failing to write it does no harm. */
    if (ftruncate(descriptor, 0) == 0)
        dprintf(descriptor, "%ld\n", (long)getpid());
    out->descriptor = descriptor;
    return LEAT_OK;
}

enum leat_status leat_scratch_open(struct leat_scratch *out, struct leat_error *err)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int failed;

    *out = (struct leat_scratch){-1, 0};
    if (!folder || !folder[0])
        folder = "/tmp";
    failed = SYSTEM_CALL(true, -1,
                         (out->descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)));
    if (failed == EOPNOTSUPP || failed == EISDIR || failed == EINVAL) {
        snprintf(path, sizeof(path), "%s/leat-XXXXXX", folder);
        failed = SYSTEM_CALL(true, -1, (out->descriptor = mkostemp(path, O_CLOEXEC)));
        if (!failed)
            unlink(path);
    }
    return failed ? leat_error_io(err, "make a temporary file in", folder, failed) : LEAT_OK;
}

void leat_scratch_close(struct leat_scratch *scratch)
{
    if (scratch->descriptor >= 0)
        close(scratch->descriptor);
    *scratch = (struct leat_scratch){-1, 0};
}

enum leat_status leat_scratch_append(struct leat_scratch *scratch, const void *bytes, size_t length,
                                     struct leat_error *err)
{
    size_t done = 0;

    while (done < length) {
        ssize_t put = 0;
        int failed = SYSTEM_CALL(true, -1,
                                 (put = pwrite(scratch->descriptor, (const char *)bytes + done,
                                               length - done, (off_t)(scratch->length + done))));
        if (failed == EINTR)
            continue;
        if (failed)
            return leat_error_io(err, "write", "a temporary file", failed);
        done += (size_t)put;
    }
    scratch->length += length;
    return LEAT_OK;
}

enum leat_status leat_scratch_read(const struct leat_scratch *scratch, uint64_t offset, void *into,
                                   size_t length, struct leat_error *err)
{
    size_t done = 0;

    while (done < length) {
        ssize_t got = 0;
        int failed = SYSTEM_CALL(false, -1,
                                 (got = pread(scratch->descriptor, (char *)into + done,
                                              length - done, (off_t)(offset + done))));
        if (failed == EINTR)
            continue;
        if (failed || got == 0)
            return leat_error_io(err, "read", "a temporary file", failed ? failed : EIO);
        done += (size_t)got;
    }
    return LEAT_OK;
}

void leat_file_lock_release(struct leat_file_lock *lock)
{
    if (lock->descriptor >= 0)
        close(lock->descriptor);
    lock->descriptor = -1;
}
