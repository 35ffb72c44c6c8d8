/* How serialised sources and sinks are opened again, by the name of their kind. */
#ifndef LEAT_COMPUTE_PLAN_SOURCES_H
#define LEAT_COMPUTE_PLAN_SOURCES_H

#include "columns/source.h"

/* Appends kind and description, so that leat_source_read can open it in another process. */
LEAT_CHECKED enum leat_status leat_source_put(struct leat_source *source, struct leat_buffer *out,
                                              struct leat_error *err);
LEAT_CHECKED enum leat_status leat_source_read(struct leat_cursor *cursor, struct leat_source **out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status leat_sink_put(struct leat_sink *sink, struct leat_buffer *out,
                                            struct leat_error *err);
/* `kinds` are known besides those of this part. */
LEAT_CHECKED enum leat_status leat_sink_read(struct leat_cursor *cursor,
                                             const struct leat_sink_kind *kinds, size_t kind_count,
                                             struct leat_sink **out, struct leat_error *err);

#endif
