/*
 * Aggregates over frames. A frame that begins where the one before began is fed what is new. Others
 * are made from a tree of states: of each 16 rows, of each 16 of these, and so on (segment tree;
 * Leis et al., Efficient Processing of Window Functions in Analytical SQL Queries, VLDB 2015), so
 * that a row costs the logarithm of its frame. Where the order of rows counts, or states are large,
 * frames are fed anew.
 */
#include "compute/exec/window_internal.h"

#include <string.h>

enum {
    FANOUT = 16,
    MAX_LEVELS = 8, /* 16^8 rows */
    MAX_STATE = 256,
    WIDE = 32 /* rows of a frame, on average, for which the tree is worth it */
};

struct running {
    struct leat_exec *exec;
    const struct leat_window_call *call;
    const struct leat_aggregate_ops *ops;
    const struct places *p;
    const struct leat_vector *args;
    const struct leat_vector *filter; /* or NULL */
    struct leat_arena *arena;
    uint8_t *state;
    uint32_t *chosen;            /* rows to feed */
    uint8_t *levels[MAX_LEVELS]; /* states of 16, 256, ... rows */
    uint32_t level_count;
};

/* Feeds places [from, to) into a state. */
static enum leat_status feed(struct running *r, void *state, uint32_t from, uint32_t to,
                             struct leat_error *err)
{
    uint32_t count = 0;

    for (uint32_t i = from; i < to; i++) {
        uint32_t row = r->p->order[i];
        if (r->filter &&
            (leat_vector_is_null(r->filter, row) || !((const uint8_t *)r->filter->data)[row]))
            continue;
        r->chosen[count++] = row;
    }
    if (count == 0)
        return LEAT_OK;
    return r->ops->update(&r->call->call, state, r->ops->state_size, NULL, r->chosen, count,
                          r->args, r->arena, err);
}

/* --- the tree --- */
/* Aggregates whose states are of fixed size and meet in any order. */
static bool can_meet(const struct running *r)
{
    static const char *const names[] = {
        "sum",      "count",   "avg",     "min",      "max",         "bool_and",
        "bool_or",  "every",   "stddev",  "variance", "stddev_samp", "stddev_pop",
        "var_samp", "var_pop", "bit_and", "bit_or",   NULL};
    const char *name = r->call->call.function->name;

    if (r->call->call.order_count || r->call->call.distinct || r->ops->state_size > MAX_STATE)
        return false;
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool are_wide(const struct running *r, const struct leat_frames *frames)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < r->p->count; i++)
        if (i && frames->start[i] != frames->start[i - 1])
            total += frames->end[i] - frames->start[i];
    return total > (uint64_t)r->p->count * WIDE;
}

static enum leat_status build_level(struct running *r, uint32_t level, uint32_t nodes,
                                    struct leat_error *err)
{
    size_t size = r->ops->state_size;

    r->levels[level] = leat_arena_calloc(r->arena, nodes + 1u, size);
    if (!r->levels[level])
        return leat_error_memory(err);
    for (uint32_t n = 0; n < nodes; n++) {
        uint8_t *state = r->levels[level] + n * size;
        if (n % 1024 == 0)
            LEAT_TRY(leat_exec_check(r->exec, err));
        if (level == 0)
            LEAT_TRY(feed(r, state, n * FANOUT, (n + 1) * FANOUT, err));
        for (uint32_t i = 0; level > 0 && i < FANOUT; i++)
            LEAT_TRY(r->ops->merge(&r->call->call, state,
                                   r->levels[level - 1] + ((size_t)n * FANOUT + i) * size, r->arena,
                                   err));
    }
    r->level_count = level + 1;
    return LEAT_OK;
}

/* Whole nodes only: the rest of the rows is fed. */
static enum leat_status build_tree(struct running *r, struct leat_error *err)
{
    uint32_t level = 0;

    for (uint32_t nodes = r->p->count / FANOUT; nodes > 0 && level < MAX_LEVELS; nodes /= FANOUT)
        LEAT_TRY(build_level(r, level++, nodes, err));
    return LEAT_OK;
}

/* Adds places [from, to), which are whole nodes of the level below, by this level's where these
 * lie wholly in them. */
static enum leat_status add_nodes(struct running *r, uint32_t level, uint32_t from, uint32_t to,
                                  struct leat_error *err)
{
    size_t size = r->ops->state_size;
    uint32_t first = (from + FANOUT - 1) / FANOUT, end = to / FANOUT;

    if (level < r->level_count && first < end) {
        LEAT_TRY(add_nodes(r, level, from, first * FANOUT, err));
        LEAT_TRY(add_nodes(r, level + 1, first, end, err));
        return add_nodes(r, level, end * FANOUT, to, err);
    }
    if (level == 0)
        return feed(r, r->state, from, to, err);
    for (uint32_t n = from; n < to; n++)
        LEAT_TRY(r->ops->merge(&r->call->call, r->state, r->levels[level - 1] + n * size, r->arena,
                               err));
    return LEAT_OK;
}

/* --- frames --- */
static enum leat_status finish(struct running *r, struct leat_vector *results,
                               struct leat_error *err)
{
    return r->ops->finish(&r->call->call, r->state, r->ops->state_size, 1, results, r->arena, err);
}

static enum leat_status make_anew(struct running *r, const struct leat_frames *frames,
                                  uint32_t place, struct leat_error *err)
{
    struct leat_segments segments;

    if (place % 256 == 0)
        LEAT_TRY(leat_exec_check(r->exec, err));
    memset(r->state, 0, r->ops->state_size);
    leat_frame_segments(r->p, frames, r->call->frame.exclude, place, &segments);
    for (uint32_t s = 0; s < segments.count; s++)
        LEAT_TRY(add_nodes(r, 0, segments.from[s], segments.to[s], err));
    return LEAT_OK;
}

static enum leat_status run_frames(struct running *r, const struct leat_frames *frames,
                                   struct leat_vector *results, uint32_t *index,
                                   struct leat_error *err)
{
    const struct places *p = r->p;
    bool whole = r->call->frame.exclude == LEAT_FRAME_EXCLUDE_NONE;

    for (uint32_t i = 0; i < p->count; i++) {
        bool grows = whole && i > p->partition[i] && frames->start[i] == frames->start[i - 1] &&
                     frames->end[i] >= frames->end[i - 1];
        if (grows && frames->end[i] == frames->end[i - 1]) {
            index[p->order[i]] = results->length - 1;
            continue;
        }
        if (grows && i % 1024 == 0)
            LEAT_TRY(leat_exec_check(r->exec, err));
        LEAT_TRY(grows ? feed(r, r->state, frames->end[i - 1], frames->end[i], err)
                       : make_anew(r, frames, i, err));
        LEAT_TRY(finish(r, results, err));
        index[p->order[i]] = results->length - 1;
    }
    return LEAT_OK;
}

enum leat_status leat_window_aggregate(struct leat_exec *exec, const struct leat_window_call *call,
                                       const struct places *p, const struct leat_frames *frames,
                                       const struct leat_vector *args,
                                       const struct leat_vector *filter, struct leat_arena *arena,
                                       struct leat_vector *out, struct leat_error *err)
{
    struct running r = {.exec = exec,
                        .call = call,
                        .ops = leat_aggregate_ops_get(&call->call),
                        .p = p,
                        .args = args,
                        .filter = filter,
                        .arena = arena};
    uint32_t *index = leat_arena_alloc(arena, (size_t)p->count * sizeof(uint32_t) + 4);
    struct leat_vector results;

    r.chosen = leat_arena_alloc(arena, (size_t)p->count * sizeof(uint32_t) + 4);
    if (!r.ops)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s as a window function",
                              call->call.function->name);
    r.state = leat_arena_calloc(arena, 1, r.ops->state_size);
    if (!index || !r.chosen || !r.state)
        return leat_error_memory(err);
    LEAT_TRY(leat_vector_init(&results, call->call.type, p->count, 0, arena, err));
    /* nulls are marked with room for all rows from the start */
    LEAT_TRY(leat_vector_make_validity(&results, p->count, arena, err));
    if (can_meet(&r) && are_wide(&r, frames))
        LEAT_TRY(build_tree(&r, err));
    LEAT_TRY(run_frames(&r, frames, &results, index, err));
    return leat_window_gather(&results, index, p->count, arena, out, err);
}
