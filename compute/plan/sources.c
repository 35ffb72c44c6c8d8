/* The static tables of source and sink kinds. A file format's sources are found through its
 * descriptor; the others have a row of their own here. */
#include "compute/plan/sources.h"
#include "columns/format.h"
#include "compute/plan/planner.h"
#include "storage/lake/table.h"

static const struct leat_source_kind source_kinds[] = {
    {"rows", leat_source_read_rows},
    {"iceberg", leat_iceberg_source_read},
};
static const struct leat_sink_kind sink_kinds[] = {
    {"iceberg", leat_iceberg_sink_read},
};

/* Reads the kind's name into a small array. */
static enum leat_status read_kind(struct leat_cursor *cursor, char out[64], struct leat_error *err)
{
    struct leat_text kind;

    LEAT_TRY(leat_cursor_get_bytes(cursor, &kind, err));
    if (kind.length >= 64)
        return leat_error_set(err, LEAT_E_MESSAGE, "a kind with %zu characters", kind.length);
    if (kind.length)
        memcpy(out, kind.data, kind.length);
    out[kind.length] = '\0';
    return LEAT_OK;
}

enum leat_status leat_source_put(struct leat_source *source, struct leat_buffer *out,
                                 struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, source->ops->kind, err));
    return source->ops->put(source, out, err);
}

enum leat_status leat_source_read(struct leat_cursor *cursor, struct leat_source **out,
                                  struct leat_error *err)
{
    const struct leat_format *format;
    char kind[64];

    *out = NULL;
    LEAT_TRY(read_kind(cursor, kind, err));
    for (size_t i = 0; i < sizeof(source_kinds) / sizeof(source_kinds[0]); i++)
        if (strcmp(kind, source_kinds[i].kind) == 0)
            return source_kinds[i].read(cursor, out, err);
    format = leat_plan_format(kind);
    if (format)
        return format->read(cursor, out, err);
    return leat_error_set(err, LEAT_E_MESSAGE, "a source of unknown kind \"%s\"", kind);
}

enum leat_status leat_sink_put(struct leat_sink *sink, struct leat_buffer *out,
                               struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, sink->ops->kind, err));
    return sink->ops->put(sink, out, err);
}

enum leat_status leat_sink_read(struct leat_cursor *cursor, const struct leat_sink_kind *kinds,
                                size_t kind_count, struct leat_sink **out, struct leat_error *err)
{
    char kind[64];

    *out = NULL;
    LEAT_TRY(read_kind(cursor, kind, err));
    for (size_t i = 0; i < sizeof(sink_kinds) / sizeof(sink_kinds[0]); i++)
        if (strcmp(kind, sink_kinds[i].kind) == 0)
            return sink_kinds[i].read(cursor, out, err);
    for (size_t i = 0; i < kind_count; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].read(cursor, out, err);
    return leat_error_set(err, LEAT_E_MESSAGE, "a sink of unknown kind \"%s\"", kind);
}
