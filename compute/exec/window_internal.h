/* Shared by the files of the window node. */
#ifndef LEAT_COMPUTE_EXEC_WINDOW_INTERNAL_H
#define LEAT_COMPUTE_EXEC_WINDOW_INTERNAL_H

#include "compute/exec/exec_internal.h"

/* The sorted rows with the bounds of each one's partition and peers, as places in the index. */
struct places {
    uint32_t count;
    const uint32_t *order; /* place to row */
    uint32_t *partition;   /* per place: where its partition starts */
    uint32_t *partition_end;
    uint32_t *peer;
    uint32_t *peer_end;
};
/* Fills the bounds, by all threads; they lie in the arena. `keys`: the values of the partition's
 * keys, then of the order's, by row. */
LEAT_CHECKED enum leat_status leat_places_find(struct leat_exec *exec, const struct leat_plan *plan,
                                               const struct leat_vector *keys,
                                               struct leat_arena *arena, struct places *p,
                                               struct leat_error *err);
/* Places divided into pieces, for threads: how many, and those of one; `whole`: where partitions
 * are not cut. */
size_t leat_places_pieces(const struct places *p);
void leat_places_piece(const struct places *p, size_t piece, bool whole, uint32_t *start,
                       uint32_t *end);

/* For each place the first place of its frame and the one behind the last, before EXCLUDE; end is
 * at least start. */
struct leat_frames {
    const uint32_t *start;
    const uint32_t *end;
};
/* `values`: what frame->start_value and end_value say, by row. In the arena. */
LEAT_CHECKED enum leat_status leat_frames_find(struct leat_exec *exec, const struct leat_plan *plan,
                                               const struct leat_frame *frame,
                                               const struct places *p,
                                               const struct leat_vector *values,
                                               struct leat_arena *arena, struct leat_frames *out,
                                               struct leat_error *err);

/* A frame without what is excluded. */
struct leat_segments {
    uint32_t count;
    uint32_t from[3], to[3];
};
void leat_frame_segments(const struct places *p, const struct leat_frames *frames,
                         enum leat_frame_exclude exclude, uint32_t place,
                         struct leat_segments *out);

/* *out = rows pick[i] of `from` (NO_ROW: null), FLAT. Changes `pick`. */
#define NO_ROW UINT32_MAX
LEAT_CHECKED enum leat_status leat_window_gather(const struct leat_vector *from, uint32_t *pick,
                                                 uint32_t count, struct leat_arena *arena,
                                                 struct leat_vector *out, struct leat_error *err);
/* An aggregate over each row's frame, in the order of the rows. `filter` may be NULL. */
LEAT_CHECKED enum leat_status
leat_window_aggregate(struct leat_exec *exec, const struct leat_window_call *call,
                      const struct places *p, const struct leat_frames *frames,
                      const struct leat_vector *args, const struct leat_vector *filter,
                      struct leat_arena *arena, struct leat_vector *out, struct leat_error *err);

#endif
