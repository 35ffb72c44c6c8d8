/* What only local disks have: temporary files without a name, and locks that die with their
 * holder. */
#include "base/file_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

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
    if (!failed)
        return LEAT_OK;
    (void)leat_error_io(err, "make a temporary file in", folder, failed);
    leat_error_hint(err, "TMPDIR names the folder for temporary files");
    return err ? err->status : LEAT_IO;
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
