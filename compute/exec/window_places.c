/* Where partitions and peers of the sorted rows start and end. Threads look at chunks; what goes on
 * from one chunk to the next is put together between. */
#include "compute/exec/window_internal.h"

enum { CHUNK = 1 << 17 };

struct chunk {
    uint32_t first_partition, first_peer; /* that start in the chunk; its end: none does */
    uint32_t last_partition, last_peer; /* the last that start in it; then the ones it begins in */
    uint32_t partition_end, peer_end;   /* of those its last row is in */
};
struct finding {
    struct leat_exec *exec;
    const struct leat_vector *keys;
    uint32_t key_count, order_count;
    struct places *p;
    struct chunk *chunks;
};

static bool rows_equal(const struct leat_vector *columns, uint32_t count, uint32_t a, uint32_t b)
{
    for (uint32_t c = 0; c < count; c++) {
        bool a_null = leat_vector_is_null(&columns[c], a);
        bool b_null = leat_vector_is_null(&columns[c], b);
        if (a_null || b_null ? a_null != b_null
                             : leat_vector_compare(&columns[c], a, &columns[c], b) != 0)
            return false;
    }
    return true;
}

static uint32_t end_of(const struct places *p, size_t chunk)
{
    return p->count - chunk * CHUNK > CHUNK ? (uint32_t)((chunk + 1) * CHUNK) : p->count;
}

/* Starts, but those of the rows before the chunk's first start. */
static enum leat_status find_starts(void *context, size_t task, struct leat_error *err)
{
    const struct finding *f = context;
    const uint32_t *order = f->p->order;
    uint32_t start = (uint32_t)(task * CHUNK), end = end_of(f->p, task);
    struct chunk chunk = {end, end, 0, 0, 0, 0};

    LEAT_TRY(leat_exec_check(f->exec, err));
    for (uint32_t i = start; i < end; i++) {
        bool same = i && rows_equal(f->keys, f->key_count, order[i - 1], order[i]);
        bool peer =
            same && rows_equal(f->keys + f->key_count, f->order_count, order[i - 1], order[i]);
        if (!same && chunk.first_partition == end)
            chunk.first_partition = i;
        if (!peer && chunk.first_peer == end)
            chunk.first_peer = i;
        chunk.last_partition = same ? chunk.last_partition : i;
        chunk.last_peer = peer ? chunk.last_peer : i;
        f->p->partition[i] = chunk.last_partition;
        f->p->peer[i] = chunk.last_peer;
    }
    f->chunks[task] = chunk;
    return LEAT_OK;
}

/* What the chunks begin in, and where that which they end in ends. */
static void join_chunks(const struct finding *f, size_t count)
{
    uint32_t partition = 0, peer = 0, last_partition, last_peer;

    for (size_t c = 0; c < count; c++) {
        struct chunk *chunk = &f->chunks[c];
        uint32_t end = end_of(f->p, c);
        last_partition = chunk->first_partition < end ? chunk->last_partition : partition;
        last_peer = chunk->first_peer < end ? chunk->last_peer : peer;
        chunk->last_partition = partition;
        chunk->last_peer = peer;
        partition = last_partition;
        peer = last_peer;
    }
    partition = peer = f->p->count;
    for (size_t c = count; c-- > 0;) {
        struct chunk *chunk = &f->chunks[c];
        chunk->partition_end = partition;
        chunk->peer_end = peer;
        partition = chunk->first_partition < end_of(f->p, c) ? chunk->first_partition : partition;
        peer = chunk->first_peer < end_of(f->p, c) ? chunk->first_peer : peer;
    }
}

static enum leat_status find_ends(void *context, size_t task, struct leat_error *err)
{
    const struct finding *f = context;
    const struct chunk *chunk = &f->chunks[task];
    struct places *p = f->p;
    uint32_t start = (uint32_t)(task * CHUNK);
    uint32_t partition_end = chunk->partition_end, peer_end = chunk->peer_end;

    LEAT_TRY(leat_exec_check(f->exec, err));
    for (uint32_t i = start; i < chunk->first_partition; i++)
        p->partition[i] = chunk->last_partition;
    for (uint32_t i = start; i < chunk->first_peer; i++)
        p->peer[i] = chunk->last_peer;
    for (uint32_t i = end_of(p, task); i-- > start;) {
        p->partition_end[i] = partition_end;
        p->peer_end[i] = peer_end;
        partition_end = p->partition[i] == i ? i : partition_end;
        peer_end = p->peer[i] == i ? i : peer_end;
    }
    return LEAT_OK;
}

enum leat_status leat_places_find(struct leat_exec *exec, const struct leat_plan *plan,
                                  const struct leat_vector *keys, struct leat_arena *arena,
                                  struct places *p, struct leat_error *err)
{
    struct finding f = {exec, keys, plan->window.key_count, plan->window.order_count, p, NULL};
    uint32_t *bounds = leat_arena_alloc(arena, (size_t)p->count * 16 + 16);
    size_t count = leat_places_pieces(p);

    f.chunks = LEAT_NEW_ARRAY(arena, struct chunk, count);
    if (!bounds || !f.chunks)
        return leat_error_memory(err);
    p->partition = bounds;
    p->partition_end = bounds + p->count;
    p->peer = bounds + 2 * (size_t)p->count;
    p->peer_end = bounds + 3 * (size_t)p->count;
    LEAT_TRY(leat_parallel_run(exec->threads, count, find_starts, &f, err));
    join_chunks(&f, count);
    return leat_parallel_run(exec->threads, count, find_ends, &f, err);
}

size_t leat_places_pieces(const struct places *p)
{
    return ((size_t)p->count + CHUNK - 1) / CHUNK;
}

void leat_places_piece(const struct places *p, size_t piece, bool whole, uint32_t *start,
                       uint32_t *end)
{
    *start = (uint32_t)(piece * CHUNK);
    *end = end_of(p, piece);
    if (!whole) /* else a partition belongs to the piece that it starts in */
        return;
    if (*end < p->count && p->partition[*end] != *end)
        *end = p->partition_end[*end];
    if (p->partition[*start] != *start)
        *start = p->partition_end[*start];
}
