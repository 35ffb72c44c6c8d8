/* Where the frames of window calls begin and end. */
#include "compute/exec/window_internal.h"

#include "columns/value.h"

/* --- ROWS --- */
/* A place moved by an offset, within its partition. */
static uint32_t moved(const struct places *p, uint32_t place, int64_t offset)
{
    int64_t first = p->partition[place], end = p->partition_end[place], at;

    if (__builtin_add_overflow((int64_t)place, offset, &at))
        return offset < 0 ? (uint32_t)first : (uint32_t)end;
    return (uint32_t)(at < first ? first : at > end ? end : at);
}

static void find_rows(const struct places *p, const struct leat_frame *frame, uint32_t *start,
                      uint32_t *end)
{
    int64_t behind = frame->end == LEAT_FRAME_UNBOUNDED ? frame->end : frame->end + 1;

    for (uint32_t i = 0; i < p->count; i++) {
        start[i] = moved(p, i, frame->start);
        end[i] = moved(p, i, behind);
    }
}

/* --- GROUPS --- */
/* Numbers the groups of peers; first[g] is a group's first place. */
static uint32_t number_groups(const struct places *p, uint32_t *group, uint32_t *first)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        if (p->peer[i] == i)
            first[count++] = i;
        group[i] = count - 1;
    }
    first[count] = p->count;
    return count;
}

/* The first place of the group `offset` groups on, within the place's partition. */
static uint32_t moved_groups(const struct places *p, const uint32_t *group, const uint32_t *first,
                             uint32_t place, int64_t offset)
{
    int64_t least = group[p->partition[place]], behind = group[p->partition_end[place] - 1] + 1, at;

    if (__builtin_add_overflow((int64_t)group[place], offset, &at))
        at = offset < 0 ? least : behind;
    return first[at < least ? least : at > behind ? behind : at];
}

static enum leat_status find_groups(const struct places *p, const struct leat_frame *frame,
                                    struct leat_arena *arena, uint32_t *start, uint32_t *end,
                                    struct leat_error *err)
{
    int64_t behind = frame->end == LEAT_FRAME_UNBOUNDED ? frame->end : frame->end + 1;
    uint32_t *group = leat_arena_alloc(arena, (size_t)p->count * 4 + 4);
    uint32_t *first = leat_arena_alloc(arena, (size_t)p->count * 4 + 8);

    if (!group || !first)
        return leat_error_memory(err);
    (void)number_groups(p, group, first);
    for (uint32_t i = 0; i < p->count; i++) {
        start[i] = moved_groups(p, group, first, i, frame->start);
        end[i] = moved_groups(p, group, first, i, behind);
    }
    return LEAT_OK;
}

/* --- RANGE --- */
/* Values in the order of places: the ORDER BY column, and a bound for each row. */
struct range {
    const struct places *p;
    const struct leat_vector *key;
    bool descending;
};

static int compare_key(const struct range *r, uint32_t place, const struct leat_vector *bound,
                       uint32_t row)
{
    int order = leat_vector_compare(r->key, r->p->order[place], bound, row);
    return r->descending ? -order : order;
}

/* The first of the places [from, to) whose key is not before the row's bound, or, with `behind`,
 * that is behind it. Keys there are not null. */
static uint32_t search(const struct range *r, const struct leat_vector *bound, uint32_t row,
                       bool behind, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = compare_key(r, middle, bound, row);
        if (behind ? order <= 0 : order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The places of the partition whose keys are not null: nulls stand together, at one end. */
static void known_keys(const struct range *r, uint32_t first, uint32_t end, uint32_t *from,
                       uint32_t *to)
{
    *from = first;
    *to = end;
    while (*from < end && leat_vector_is_null(r->key, r->p->order[*from]))
        *from = r->p->peer_end[*from];
    while (*to > *from && leat_vector_is_null(r->key, r->p->order[*to - 1]))
        *to = r->p->peer[*to - 1];
}

static void find_range(const struct range *r, const struct leat_frame *frame,
                       const struct leat_vector *values, uint32_t *start, uint32_t *end)
{
    const struct places *p = r->p;
    const struct leat_vector *last = &values[frame->start_value];
    uint32_t from = 0, to = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t row = p->order[i];
        bool null = leat_vector_is_null(r->key, row);
        if (i == p->partition[i])
            known_keys(r, i, p->partition_end[i], &from, &to);
        start[i] = frame->start == -LEAT_FRAME_UNBOUNDED ? p->partition[i] : p->peer[i];
        end[i] = frame->end == LEAT_FRAME_UNBOUNDED ? p->partition_end[i] : p->peer_end[i];
        if (frame->start_value && !null)
            start[i] = search(r, &values[0], row, false, from, to);
        if (frame->end_value && !null)
            end[i] = search(r, last, row, true, from, to);
    }
}

enum leat_status leat_frames_find(struct leat_exec *exec, const struct leat_plan *plan,
                                  const struct leat_frame *frame, const struct places *p,
                                  const struct leat_vector *values, struct leat_arena *arena,
                                  struct leat_frames *out, struct leat_error *err)
{
    uint32_t *start = leat_arena_alloc(arena, (size_t)p->count * 4 + 4);
    uint32_t *end = leat_arena_alloc(arena, (size_t)p->count * 4 + 4);
    const struct leat_vector none = {0};
    struct range range = {.p = p, .key = &none};

    if (!start || !end)
        return leat_error_memory(err);
    LEAT_TRY(leat_exec_check(exec, err));
    switch (frame->unit) {
    case LEAT_FRAME_ROWS:
        find_rows(p, frame, start, end);
        break;
    case LEAT_FRAME_GROUPS:
        LEAT_TRY(find_groups(p, frame, arena, start, end, err));
        break;
    case LEAT_FRAME_RANGE:
        if (leat_frame_values(frame)) {
            range.key = values;
            range.descending = plan->window.order_count && plan->window.order[0].descending;
            find_range(&range, frame, values + 1, start, end);
            break;
        }
        for (uint32_t i = 0; i < p->count; i++) {
            start[i] = frame->start == -LEAT_FRAME_UNBOUNDED ? p->partition[i] : p->peer[i];
            end[i] = frame->end == LEAT_FRAME_UNBOUNDED ? p->partition_end[i] : p->peer_end[i];
        }
        break;
    }
    for (uint32_t i = 0; i < p->count; i++)
        end[i] = end[i] < start[i] ? start[i] : end[i];
    *out = (struct leat_frames){start, end};
    return LEAT_OK;
}

/* --- EXCLUDE --- */
static void cut_hole(struct leat_segments *s, uint32_t from, uint32_t to)
{
    struct leat_segments out = {0};

    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t left = s->to[i] < from ? s->to[i] : from;
        uint32_t right = s->from[i] > to ? s->from[i] : to;
        if (s->from[i] < left) {
            out.from[out.count] = s->from[i];
            out.to[out.count++] = left;
        }
        if (right < s->to[i]) {
            out.from[out.count] = right;
            out.to[out.count++] = s->to[i];
        }
    }
    *s = out;
}

void leat_frame_segments(const struct places *p, const struct leat_frames *frames,
                         enum leat_frame_exclude exclude, uint32_t place, struct leat_segments *out)
{
    *out = (struct leat_segments){.count = frames->start[place] < frames->end[place]};
    out->from[0] = frames->start[place];
    out->to[0] = frames->end[place];
    switch (exclude) {
    case LEAT_FRAME_EXCLUDE_NONE:
        break;
    case LEAT_FRAME_EXCLUDE_CURRENT_ROW:
        cut_hole(out, place, place + 1);
        break;
    case LEAT_FRAME_EXCLUDE_GROUP:
        cut_hole(out, p->peer[place], p->peer_end[place]);
        break;
    case LEAT_FRAME_EXCLUDE_TIES:
        cut_hole(out, p->peer[place], place);
        cut_hole(out, place + 1, p->peer_end[place]);
        break;
    }
}
