/* Pieces are appended to one run of bytes, whose offsets stay the same when it moves from memory to
 * the file. */
#include "compute/hosts/spool.h"

enum leat_status leat_spool_init(struct leat_spool *spool, uint32_t task_count, size_t in_memory,
                                 struct leat_error *err)
{
    memset(spool, 0, sizeof(*spool));
    spool->file.descriptor = -1;
    spool->in_memory = in_memory;
    leat_buffer_init(&spool->memory, 0);
    spool->tasks = leat_calloc(task_count, sizeof(*spool->tasks));
    if (!spool->tasks)
        return leat_error_memory(err);
    spool->task_count = task_count;
    return LEAT_OK;
}

void leat_spool_release(struct leat_spool *spool)
{
    for (uint32_t i = 0; i < spool->task_count; i++)
        leat_free(spool->tasks[i].pieces);
    leat_free(spool->tasks);
    spool->tasks = NULL;
    spool->task_count = 0;
    leat_buffer_release(&spool->memory);
    leat_scratch_close(&spool->file);
}

/* Writes the bytes behind the others; *offset says where. */
static enum leat_status keep_bytes(struct leat_spool *spool, const void *bytes, size_t length,
                                   uint64_t *offset, struct leat_error *err)
{
    if (spool->file.descriptor < 0 && spool->memory.length + length <= spool->in_memory) {
        *offset = spool->memory.length;
        return leat_buffer_append(&spool->memory, bytes, length, err);
    }
    if (spool->file.descriptor < 0) {
        enum leat_status status;
        LEAT_TRY(leat_scratch_open(&spool->file, err));
        status = leat_scratch_append(&spool->file, spool->memory.data, spool->memory.length, err);
        if (status != LEAT_OK) {
            leat_scratch_close(&spool->file);
            return status;
        }
        leat_buffer_release(&spool->memory);
    }
    *offset = spool->file.length;
    return leat_scratch_append(&spool->file, bytes, length, err);
}

enum leat_status leat_spool_append(struct leat_spool *spool, uint32_t task, uint32_t partition,
                                   const void *bytes, size_t length, struct leat_error *err)
{
    struct leat_spool_task *t = &spool->tasks[task];
    struct leat_spool_piece *piece;

    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 16;
        struct leat_spool_piece *pieces = leat_realloc(t->pieces, capacity * sizeof(*pieces));
        if (!pieces)
            return leat_error_memory(err);
        t->pieces = pieces;
        t->capacity = capacity;
    }
    piece = &t->pieces[t->count];
    piece->partition = partition;
    piece->length = (uint32_t)length;
    LEAT_TRY(keep_bytes(spool, bytes, length, &piece->offset, err));
    t->count++;
    return LEAT_OK;
}

void leat_spool_reset(struct leat_spool *spool, uint32_t task)
{
    spool->tasks[task].count = 0;
}

const struct leat_spool_piece *leat_spool_next(struct leat_spool_walk *walk)
{
    while (walk->spool && walk->task < walk->spool->task_count) {
        const struct leat_spool_task *task = &walk->spool->tasks[walk->task];
        while (walk->piece < task->count) {
            const struct leat_spool_piece *piece = &task->pieces[walk->piece++];
            if (walk->partition == UINT32_MAX || piece->partition == walk->partition)
                return piece;
        }
        walk->task++;
        walk->piece = 0;
    }
    return NULL;
}

enum leat_status leat_spool_read(const struct leat_spool *spool,
                                 const struct leat_spool_piece *piece, struct leat_buffer *out,
                                 struct leat_error *err)
{
    LEAT_TRY(leat_buffer_reserve(out, piece->length, err));
    if (spool->file.descriptor >= 0)
        LEAT_TRY(leat_scratch_read(&spool->file, piece->offset, out->data + out->length,
                                   piece->length, err));
    else
        memcpy(out->data + out->length, spool->memory.data + piece->offset, piece->length);
    out->length += piece->length;
    return LEAT_OK;
}
