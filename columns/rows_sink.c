/* A sink into rows in memory: writers append under a lock; there is nothing to receive a receipt
 * for. */
#include "columns/source.h"

#include <pthread.h>

struct rows_sink {
    struct leat_sink base;
    struct leat_rows *rows;
    pthread_mutex_t lock;
};
struct rows_writer {
    struct leat_writer base;
    struct rows_sink *sink;
};

static enum leat_status write_rows(struct leat_writer *base, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct rows_sink *sink = ((struct rows_writer *)base)->sink;
    enum leat_status status;

    pthread_mutex_lock(&sink->lock);
    status = leat_rows_append(sink->rows, batch, err);
    pthread_mutex_unlock(&sink->lock);
    return status;
}

static enum leat_status finish(struct leat_writer *base, struct leat_buffer *receipt,
                               struct leat_error *err)
{
    (void)receipt;
    (void)err;
    leat_free(base);
    return LEAT_OK;
}

static void abort_writer(struct leat_writer *base)
{
    leat_free(base);
}

static const struct leat_writer_ops writer_ops = {write_rows, finish, abort_writer};

static enum leat_status open_writer(struct leat_sink *base, const struct leat_attempt *attempt,
                                    struct leat_writer **out, struct leat_error *err)
{
    struct rows_writer *writer = leat_calloc(1, sizeof(*writer));

    (void)attempt;
    *out = NULL;
    if (!writer)
        return leat_error_memory(err);
    writer->base.ops = &writer_ops;
    writer->sink = (struct rows_sink *)base;
    *out = &writer->base;
    return LEAT_OK;
}

static enum leat_status put(struct leat_sink *base, struct leat_buffer *out, struct leat_error *err)
{
    (void)base;
    (void)out;
    return leat_error_set(err, LEAT_E_UNSUPPORTED, "rows in memory are written where they are");
}

static void close_sink(struct leat_sink *base)
{
    pthread_mutex_destroy(&((struct rows_sink *)base)->lock);
    leat_free(base);
}

static const struct leat_sink_ops sink_ops = {"rows", open_writer, put, NULL, close_sink};

enum leat_status leat_sink_open_rows(struct leat_rows *rows, struct leat_sink **out,
                                     struct leat_error *err)
{
    struct rows_sink *sink = leat_calloc(1, sizeof(*sink));

    *out = NULL;
    if (!sink)
        return leat_error_memory(err);
    sink->base.ops = &sink_ops;
    sink->base.schema = rows->schema;
    sink->rows = rows;
    pthread_mutex_init(&sink->lock, NULL);
    *out = &sink->base;
    return LEAT_OK;
}
