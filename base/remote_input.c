/* An input over requests. What was fetched lies in segments, in no order, few of them: one is
 * queued, loading, ready or failed. A reader that needs a queued one takes it out of the queue and
 * loads it itself, so that reading never waits for a thread to become free. A segment whose bytes
 * have all been read once is dropped; others go when room is needed, the longest unused first.
 *
 * Reads that begin where the last one ended are a sequence: ahead of it, pieces are fetched in the
 * background, the further the more was read in it, so that who stops early has fetched little in
 * vain; nothing behind a range that was announced. Large reads out of sequence go straight into the
 * reader's memory. */
#include "base/remote_input.h"
#include "base/background.h"

#include <pthread.h>
#include <stdlib.h>

#define PIECE_BYTES   ((uint64_t)2 << 20)   /* of one request ahead */
#define AHEAD_MAXIMUM ((uint64_t)8 << 20)   /* of one input */
#define SMALL_BYTES   ((uint64_t)64 << 10)  /* least that is fetched */
#define GAP_BYTES     ((uint64_t)256 << 10) /* ranges nearer than this are fetched together */
#define RANGE_MAXIMUM AHEAD_MAXIMUM         /* announced alone, that is fetched whole */
#define INPUT_MAXIMUM ((uint64_t)64 << 20)  /* held by one input */
#define TOTAL_MAXIMUM ((uint64_t)256 << 20) /* held by all inputs */

enum segment_state { SEGMENT_QUEUED, SEGMENT_LOADING, SEGMENT_READY, SEGMENT_FAILED };

struct segment {
    struct leat_background_task task;
    struct segment *next;
    struct remote *remote;
    enum segment_state state;
    unsigned users; /* that copy from it, unlocked */
    uint64_t offset;
    uint64_t length;
    uint64_t consumed; /* bytes read so far */
    uint64_t used;     /* when last, by the input's count of reads */
    enum leat_status failure;
    struct leat_error error;
    uint8_t data[];
};
struct remote {
    struct leat_input base;
    const struct leat_remote_ops *ops;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct segment *segments;
    uint64_t held;
    uint64_t reads;
    uint64_t next;  /* where a sequence goes on */
    uint64_t run;   /* bytes read in sequence */
    uint64_t limit; /* of a range that was announced: a sequence in it does not go on behind */
    char path[];
};
static _Atomic uint64_t total_held;

static void segment_free(struct remote *remote, struct segment *segment)
{
    struct segment **link = &remote->segments;

    while (*link != segment)
        link = &(*link)->next;
    *link = segment->next;
    remote->held -= segment->length;
    atomic_fetch_sub(&total_held, segment->length);
    leat_free(segment);
}

/* Makes room by dropping what nobody waits for. False: there is none. */
static bool make_room(struct remote *remote, uint64_t length)
{
    while (remote->held + length > INPUT_MAXIMUM) {
        struct segment *oldest = NULL;
        for (struct segment *s = remote->segments; s; s = s->next)
            if (s->state >= SEGMENT_READY && s->users == 0 && (!oldest || s->used < oldest->used))
                oldest = s;
        if (!oldest)
            return false;
        segment_free(remote, oldest);
    }
    return true;
}

/* A new segment, LOADING; NULL if there is no room. */
static struct segment *segment_new(struct remote *remote, uint64_t offset, uint64_t length)
{
    struct segment *segment;

    if (!make_room(remote, length) || atomic_load(&total_held) + length > TOTAL_MAXIMUM)
        return NULL;
    segment = leat_malloc(sizeof(*segment) + (size_t)length);
    if (!segment)
        return NULL;
    memset(segment, 0, sizeof(*segment));
    segment->remote = remote;
    segment->state = SEGMENT_LOADING;
    segment->offset = offset;
    segment->length = length;
    segment->used = remote->reads;
    segment->next = remote->segments;
    remote->segments = segment;
    remote->held += length;
    atomic_fetch_add(&total_held, length);
    return segment;
}

/* Loads a segment that is LOADING; called without the lock. */
static void segment_load(struct segment *segment)
{
    struct remote *remote = segment->remote;
    enum leat_status status = remote->ops->fetch(remote->context, segment->offset, segment->data,
                                                 (size_t)segment->length, &segment->error);

    pthread_mutex_lock(&remote->lock);
    segment->failure = status;
    segment->state = status == LEAT_OK ? SEGMENT_READY : SEGMENT_FAILED;
    pthread_cond_broadcast(&remote->changed);
    pthread_mutex_unlock(&remote->lock);
}

static void segment_run(struct leat_background_task *task)
{
    struct segment *segment = (struct segment *)task;

    pthread_mutex_lock(&segment->remote->lock);
    segment->state = SEGMENT_LOADING;
    pthread_mutex_unlock(&segment->remote->lock);
    segment_load(segment);
}

static struct segment *find_segment(const struct remote *remote, uint64_t offset)
{
    for (struct segment *s = remote->segments; s; s = s->next)
        if (offset >= s->offset && offset - s->offset < s->length)
            return s;
    return NULL;
}

/* Where the first segment behind `offset` begins, or `end`. */
static uint64_t next_segment(const struct remote *remote, uint64_t offset, uint64_t end)
{
    for (const struct segment *s = remote->segments; s; s = s->next)
        if (s->offset > offset && s->offset < end)
            end = s->offset;
    return end;
}

/* Queues what is not there yet of a range, in pieces; `whole`: what is left at its end is no piece
 * unless the file ends there. With the lock held. */
static void queue_range(struct remote *remote, uint64_t offset, uint64_t end, bool whole)
{
    while (offset < end) {
        struct segment *segment = find_segment(remote, offset);
        uint64_t stop = next_segment(remote, offset, end);
        if (segment) {
            offset = segment->offset + segment->length;
            continue;
        }
        if (whole && end - offset < PIECE_BYTES && end < remote->base.size)
            return;
        if (stop - offset > PIECE_BYTES)
            stop = offset + PIECE_BYTES;
        segment = segment_new(remote, offset, stop - offset);
        if (!segment)
            return;
        segment->state = SEGMENT_QUEUED;
        segment->task.run = segment_run;
        if (!leat_background_submit(&segment->task)) {
            segment_free(remote, segment);
            return;
        }
        offset = stop;
    }
}

/* Copies from a segment what it has of the read. With the lock held, which is given up meanwhile.
 */
static enum leat_status copy_segment(struct remote *remote, struct segment *segment,
                                     uint64_t offset, void *into, size_t length, size_t *out,
                                     struct leat_error *err)
{
    uint64_t start = offset - segment->offset;
    enum leat_status failure;

    *out = segment->length - start < length ? (size_t)(segment->length - start) : length;
    segment->users++;
    if (segment->state == SEGMENT_QUEUED && leat_background_withdraw(&segment->task)) {
        segment->state = SEGMENT_LOADING;
        pthread_mutex_unlock(&remote->lock);
        segment_load(segment);
        pthread_mutex_lock(&remote->lock);
    }
    while (segment->state == SEGMENT_QUEUED || segment->state == SEGMENT_LOADING)
        pthread_cond_wait(&remote->changed, &remote->lock);
    failure = segment->failure;
    if (failure == LEAT_OK) {
        pthread_mutex_unlock(&remote->lock);
        memcpy(into, segment->data + start, *out);
        pthread_mutex_lock(&remote->lock);
        segment->consumed += *out;
        segment->used = ++remote->reads;
    } else if (err) {
        *err = segment->error;
    }
    segment->users--;
    if (segment->users == 0 && (failure != LEAT_OK || segment->consumed >= segment->length))
        segment_free(remote, segment);
    return failure;
}

/* Where a segment for a small read begins: so that what lies shortly before it is there too. */
static uint64_t segment_start(const struct remote *remote, uint64_t offset)
{
    uint64_t start = offset - offset % SMALL_BYTES;

    for (const struct segment *s = remote->segments; s; s = s->next)
        if (s->offset <= offset && s->offset + s->length > start)
            start = s->offset + s->length;
    return start;
}

/* Reads where no segment lies. With the lock held, which is given up meanwhile. */
static enum leat_status fetch_gap(struct remote *remote, uint64_t offset, void *into, size_t length,
                                  size_t *out, struct leat_error *err)
{
    uint64_t end = next_segment(remote, offset, remote->base.size);
    struct segment *segment = NULL;
    enum leat_status status;

    *out = end - offset < length ? (size_t)(end - offset) : length;
    if (*out < SMALL_BYTES && end - offset > *out) {
        uint64_t start = segment_start(remote, offset);
        uint64_t stop = start + SMALL_BYTES > offset + *out ? start + SMALL_BYTES : offset + *out;
        segment = segment_new(remote, start, (stop < end ? stop : end) - start);
    }
    if (segment) {
        segment->users++; /* stays until it is copied from */
        pthread_mutex_unlock(&remote->lock);
        segment_load(segment);
        pthread_mutex_lock(&remote->lock);
        segment->users--;
        return copy_segment(remote, segment, offset, into, *out, out, err);
    }
    pthread_mutex_unlock(&remote->lock);
    status = remote->ops->fetch(remote->context, offset, into, *out, err);
    pthread_mutex_lock(&remote->lock);
    return status;
}

/* Follows sequences; returns with pieces ahead queued. With the lock held. */
static void look_ahead(struct remote *remote, uint64_t offset, uint64_t end)
{
    uint64_t until, ahead;

    if (offset != remote->next || offset == end)
        remote->run = 0;
    else
        remote->run += end - offset;
    ahead = remote->run * 4 < AHEAD_MAXIMUM ? remote->run * 4 : AHEAD_MAXIMUM;
    remote->next = end;
    if (ahead < PIECE_BYTES)
        return;
    until = end < remote->limit ? remote->limit : remote->base.size;
    if (end + ahead < until)
        queue_range(remote, end, end + ahead, true);
    else
        queue_range(remote, end, until, false);
}

static enum leat_status remote_read_at(struct leat_input *input, uint64_t offset, void *into,
                                       size_t length, size_t *out, struct leat_error *err)
{
    struct remote *remote = (struct remote *)input;
    enum leat_status status = LEAT_OK;
    size_t got;

    *out = 0;
    if (offset >= input->size)
        return LEAT_OK;
    if (length > input->size - offset)
        length = (size_t)(input->size - offset);
    pthread_mutex_lock(&remote->lock);
    look_ahead(remote, offset, offset + length);
    while (*out < length && status == LEAT_OK) {
        struct segment *segment = find_segment(remote, offset + *out);
        uint8_t *at = (uint8_t *)into + *out;
        status = segment
                     ? copy_segment(remote, segment, offset + *out, at, length - *out, &got, err)
                     : fetch_gap(remote, offset + *out, at, length - *out, &got, err);
        if (status == LEAT_OK)
            *out += got;
    }
    pthread_mutex_unlock(&remote->lock);
    return status;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct leat_range *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Ranges in order, near ones together. */
static void remote_prefetch(struct leat_input *input, const struct leat_range *ranges, size_t count)
{
    struct remote *remote = (struct remote *)input;
    struct leat_range *sorted = leat_malloc((count + 1) * sizeof(*sorted));

    if (!sorted)
        return;
    memcpy(sorted, ranges, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_ranges);
    pthread_mutex_lock(&remote->lock);
    for (size_t i = 0, last; i < count; i = last) {
        uint64_t end = sorted[i].offset + sorted[i].length;
        for (last = i + 1; last < count && sorted[last].offset <= end + GAP_BYTES; last++)
            if (sorted[last].offset + sorted[last].length > end)
                end = sorted[last].offset + sorted[last].length;
        remote->limit = end < input->size ? end : input->size;
        /* Of a long range the beginning: reading goes on in sequence. */
        queue_range(remote, sorted[i].offset,
                    count > 1 || remote->limit - sorted[i].offset < RANGE_MAXIMUM
                        ? remote->limit
                        : sorted[i].offset + PIECE_BYTES,
                    false);
    }
    pthread_mutex_unlock(&remote->lock);
    leat_free(sorted);
}

static void remote_close(struct leat_input *input)
{
    struct remote *remote = (struct remote *)input;

    pthread_mutex_lock(&remote->lock);
    while (remote->segments) {
        struct segment *segment = remote->segments;
        if (segment->state == SEGMENT_QUEUED && leat_background_withdraw(&segment->task))
            segment->state = SEGMENT_READY;
        while (segment->state == SEGMENT_QUEUED || segment->state == SEGMENT_LOADING)
            pthread_cond_wait(&remote->changed, &remote->lock);
        segment_free(remote, segment);
    }
    pthread_mutex_unlock(&remote->lock);
    pthread_mutex_destroy(&remote->lock);
    pthread_cond_destroy(&remote->changed);
    remote->ops->close(remote->context);
    leat_free(remote);
}

static const struct leat_input_ops remote_input_ops = {remote_read_at, remote_close,
                                                       remote_prefetch};

enum leat_status leat_remote_input_new(const char *path, uint64_t size, int64_t modified,
                                       const struct leat_remote_ops *ops, void *context,
                                       const void *first, uint64_t first_offset,
                                       size_t first_length, struct leat_input **out,
                                       struct leat_error *err)
{
    size_t path_size = strlen(path) + 1;
    struct remote *remote = leat_calloc(1, sizeof(*remote) + path_size);
    struct segment *segment;

    *out = NULL;
    if (!remote) {
        ops->close(context);
        return leat_error_memory(err);
    }
    memcpy(remote->path, path, path_size);
    remote->base = (struct leat_input){&remote_input_ops, remote->path, size, modified};
    remote->ops = ops;
    remote->context = context;
    remote->next = UINT64_MAX;
    pthread_mutex_init(&remote->lock, NULL);
    pthread_cond_init(&remote->changed, NULL);
    segment = first && first_length ? segment_new(remote, first_offset, first_length) : NULL;
    if (segment) {
        memcpy(segment->data, first, first_length);
        segment->state = SEGMENT_READY;
    }
    *out = &remote->base;
    return LEAT_OK;
}
