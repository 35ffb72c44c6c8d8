/* The worker's loop.
 *
 * Reading blocks, writing goes through a buffer. An input is asked for when the plan first reads
 * it. If the plan turns to another input before the first has ended, what is left of the first is
 * read and kept (or dropped, if nobody reads it any more), so that one pipe serves all inputs.
 * Operators of several threads share an input: each takes the next batch. */
#include "compute/hosts/worker.h"
#include "base/file.h"
#include "compute/hosts/fragment.h"
#include "compute/hosts/frame.h"
#include "compute/hosts/worker_fault.h"
#include "storage/files/files.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 18, FLUSH_SIZE = 1 << 18, PROGRESS_MILLISECONDS = 200 };

struct input {
    const struct leat_schema *schema; /* NULL: no node reads it */
    bool wanted;
    bool ended;
    uint32_t readers;
    struct leat_buffer kept; /* batches read ahead: u32 length, bytes */
    size_t kept_at;
};
struct worker {
    const struct leat_worker_options *options;
    struct leat_buffer in;
    size_t in_at;
    struct leat_buffer out;
    pthread_mutex_t in_lock;
    pthread_mutex_t out_lock;
    /* of the fragment being run */
    struct leat_fragment fragment;
    struct input *inputs;
    uint32_t input_count;
    int64_t streaming; /* the input whose frames come next, or -1 */
    _Atomic uint64_t rows_read;
    _Atomic uint64_t bytes_read;
    uint64_t told_rows;
    uint64_t told_bytes;
    uint64_t batches; /* given */
    const struct leat_accountant *accountant;
    uint64_t sign; /* changes while something is done */
    int64_t sign_time;
    pthread_cond_t finish; /* with out_lock */
    bool finished;
};

/* --- pipes --- */

static enum leat_status flush(struct worker *w, struct leat_error *err)
{
    size_t put;

    LEAT_TRY(leat_pipe_write(w->options->out, w->out.data, w->out.length, &put, err));
    w->out.length = 0;
    return LEAT_OK;
}

/* The next frame; *end at the end of the input between frames. Its body is valid until the next
 * call. */
static enum leat_status next_frame(struct worker *w, struct leat_wire_frame *out, bool *end,
                                   struct leat_error *err)
{
    size_t used, got;

    for (;;) {
        LEAT_TRY(leat_wire_next(w->in.data + w->in_at, w->in.length - w->in_at, out, &used, err));
        w->in_at += used;
        *end = false;
        if (used)
            return LEAT_OK;
        if (w->in_at > 0) {
            memmove(w->in.data, w->in.data + w->in_at, w->in.length - w->in_at);
            w->in.length -= w->in_at;
            w->in_at = 0;
        }
        LEAT_TRY(leat_buffer_reserve(&w->in, READ_SIZE, err));
        LEAT_TRY(
            leat_pipe_read(w->options->in, w->in.data + w->in.length, READ_SIZE, &got, end, err));
        w->in.length += got;
        if (*end)
            return w->in.length == 0
                       ? LEAT_OK
                       : leat_error_set(err, LEAT_E_MESSAGE, "the input ends within a message");
    }
}

/* --- inputs: under in_lock --- */

/* The next batch's bytes of the streaming input, or its end (*bytes.data NULL). */
static enum leat_status next_input(struct worker *w, struct leat_text *bytes,
                                   struct leat_error *err)
{
    struct leat_wire_frame frame;
    uint32_t number;
    bool end;

    LEAT_TRY(next_frame(w, &frame, &end, err));
    if (end)
        return leat_error_set(err, LEAT_E_CANCELLED, "the other side closed the input");
    if (frame.kind != LEAT_WIRE_INPUT && frame.kind != LEAT_WIRE_INPUT_END)
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of kind %d instead of an input",
                              (int)frame.kind);
    LEAT_TRY(leat_cursor_get_u32(&frame.body, &number, err));
    if (number != w->streaming)
        return leat_error_set(err, LEAT_E_MESSAGE, "rows of input %u instead of %lld", number,
                              (long long)w->streaming);
    *bytes = (struct leat_text){NULL, 0};
    if (frame.kind == LEAT_WIRE_INPUT_END) {
        w->inputs[number].ended = true;
        w->streaming = -1;
    } else {
        bytes->data = (const char *)frame.body.data + frame.body.position;
        bytes->length = frame.body.length - frame.body.position;
    }
    return LEAT_OK;
}

/* Makes `number` the streaming input. */
static enum leat_status turn_to(struct worker *w, uint32_t number, struct leat_error *err)
{
    struct leat_text bytes;
    enum leat_status status;

    while (w->streaming >= 0 && w->streaming != number) {
        struct input *other = &w->inputs[w->streaming];
        LEAT_TRY(next_input(w, &bytes, err));
        if (bytes.data && other->readers > 0)
            LEAT_TRY(leat_buffer_put_bytes(&other->kept, bytes.data, bytes.length, err));
    }
    if (w->inputs[number].wanted)
        return LEAT_OK;
    w->inputs[number].wanted = true;
    w->streaming = number;
    pthread_mutex_lock(&w->out_lock);
    status = leat_wire_put(&w->out, LEAT_WIRE_WANT, &number, sizeof(number), err);
    if (status == LEAT_OK)
        status = flush(w, err);
    pthread_mutex_unlock(&w->out_lock);
    return status;
}

struct input_reader {
    struct leat_reader base;
    struct worker *worker;
    struct input *input;
    struct leat_arena arena;
    struct leat_batch batch;
};

static enum leat_status take_batch(struct input_reader *reader, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct worker *w = reader->worker;
    struct input *input = reader->input;
    struct leat_text bytes = {NULL, 0};
    struct leat_cursor cursor;

    if (input->kept_at < input->kept.length) {
        cursor = (struct leat_cursor){input->kept.data, input->kept.length, input->kept_at};
        LEAT_TRY(leat_cursor_get_bytes(&cursor, &bytes, err));
        input->kept_at = cursor.position;
    } else if (!input->ended) {
        LEAT_TRY(turn_to(w, (uint32_t)(input - w->inputs), err));
        LEAT_TRY(next_input(w, &bytes, err));
    }
    if (!bytes.data)
        return LEAT_OK;
    cursor = (struct leat_cursor){(const uint8_t *)bytes.data, bytes.length, 0};
    LEAT_TRY(leat_batch_read(&cursor, input->schema, &reader->arena, &reader->batch, err));
    *out = &reader->batch;
    return LEAT_OK;
}

static enum leat_status reader_next(struct leat_reader *base, struct leat_batch **out,
                                    struct leat_error *err)
{
    struct input_reader *reader = (struct input_reader *)base;
    enum leat_status status;

    *out = NULL;
    leat_arena_reset(&reader->arena);
    pthread_mutex_lock(&reader->worker->in_lock);
    status = take_batch(reader, out, err);
    pthread_mutex_unlock(&reader->worker->in_lock);
    return status;
}

static void reader_close(struct leat_reader *base)
{
    struct input_reader *reader = (struct input_reader *)base;

    pthread_mutex_lock(&reader->worker->in_lock);
    reader->input->readers--;
    pthread_mutex_unlock(&reader->worker->in_lock);
    leat_arena_release(&reader->arena);
    leat_free(reader);
}

static const struct leat_reader_ops input_ops = {reader_next, reader_close};

static enum leat_status open_input(void *context, uint32_t number, struct leat_reader **out,
                                   struct leat_error *err)
{
    struct worker *w = context;
    struct input_reader *reader;

    *out = NULL;
    if (number >= w->input_count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a fragment reads input %u", number);
    reader = leat_calloc(1, sizeof(*reader));
    if (!reader)
        return leat_error_memory(err);
    reader->base.ops = &input_ops;
    reader->worker = w;
    reader->input = &w->inputs[number];
    leat_arena_init(&reader->arena, NULL);
    pthread_mutex_lock(&w->in_lock);
    reader->input->readers++;
    pthread_mutex_unlock(&w->in_lock);
    *out = &reader->base;
    return LEAT_OK;
}

/* --- output --- */

struct output {
    struct leat_result_handler base;
    struct leat_bad_row_handler bad_rows;
    struct worker *worker;
    struct leat_evaluator *evaluator;
    struct leat_vector *keys;
    struct leat_arena scratch;
};

static enum leat_status put_batch(struct worker *w, uint32_t partition,
                                  const struct leat_batch *batch, struct leat_error *err)
{
    enum leat_status status;
    size_t start;

    pthread_mutex_lock(&w->out_lock);
    status = leat_wire_begin(&w->out, LEAT_WIRE_OUTPUT, &start, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(&w->out, partition, err);
    if (status == LEAT_OK)
        status = leat_batch_put(batch, &w->out, err);
    if (status == LEAT_OK)
        status = leat_wire_end(&w->out, start, err);
    w->batches++;
    if (status != LEAT_OK)
        w->out.length = start; /* what came before stands */
    else if (w->out.length >= FLUSH_SIZE)
        status = flush(w, err);
    pthread_mutex_unlock(&w->out_lock);
    return status;
}

/* Rows by partition: starts[p] .. starts[p + 1] of `rows`, in their order. */
static enum leat_status sort_rows(struct output *output, const struct leat_batch *batch,
                                  uint32_t **starts, uint32_t **rows, struct leat_error *err)
{
    const struct leat_fragment *fragment = &output->worker->fragment;
    uint32_t parts = fragment->partition_count;
    uint64_t *hashes = leat_arena_alloc(&output->scratch, (size_t)batch->length * 8 + 8);
    uint32_t *next = leat_arena_calloc(&output->scratch, parts + 1, sizeof(uint32_t));

    *starts = leat_arena_calloc(&output->scratch, (size_t)parts + 2, sizeof(uint32_t));
    *rows = leat_arena_alloc(&output->scratch, (size_t)batch->length * 4 + 4);
    if (!hashes || !next || !*starts || !*rows)
        return leat_error_memory(err);
    LEAT_TRY(leat_evaluator_run(output->evaluator, batch, output->keys, err));
    for (uint32_t k = 0; k < fragment->key_count; k++)
        leat_vector_hash(&output->keys[k], k > 0, hashes);
    for (uint32_t i = 0; i < batch->length; i++) {
        hashes[i] = (hashes[i] >> 32) * parts >> 32;
        (*starts)[hashes[i] + 1]++;
    }
    for (uint32_t p = 0; p < parts; p++) {
        (*starts)[p + 1] += (*starts)[p];
        next[p] = (*starts)[p];
    }
    for (uint32_t i = 0; i < batch->length; i++)
        (*rows)[next[hashes[i]]++] = i;
    return LEAT_OK;
}

static enum leat_status give_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct output *output = (struct output *)handler;
    const struct leat_fragment *fragment = &output->worker->fragment;
    struct leat_batch part = {.column_count = batch->column_count};
    uint32_t *starts, *rows;

    if (!output->evaluator)
        return put_batch(output->worker,
                         fragment->output == LEAT_EXCHANGE_HASH ? 0 : fragment->task, batch, err);
    leat_arena_reset(&output->scratch);
    LEAT_TRY(sort_rows(output, batch, &starts, &rows, err));
    part.columns = LEAT_NEW_ARRAY(&output->scratch, struct leat_vector, batch->column_count);
    if (!part.columns)
        return leat_error_memory(err);
    for (uint32_t p = 0; p < fragment->partition_count; p++) {
        part.length = starts[p + 1] - starts[p];
        if (part.length == 0)
            continue;
        for (uint32_t c = 0; c < batch->column_count; c++)
            LEAT_TRY(leat_vector_select(&batch->columns[c], rows + starts[p], part.length,
                                        &output->scratch, &part.columns[c], err));
        LEAT_TRY(put_batch(output->worker, p, &part, err));
    }
    return LEAT_OK;
}

static enum leat_status tell_bad_row(struct leat_bad_row_handler *handler,
                                     const struct leat_bad_row *row, struct leat_error *err)
{
    struct output *output = (struct output *)((char *)handler - offsetof(struct output, bad_rows));
    struct worker *w = output->worker;
    enum leat_status status;
    size_t start;

    pthread_mutex_lock(&w->out_lock);
    start = w->out.length;
    status = leat_wire_put_bad_row(&w->out, row, err);
    if (status != LEAT_OK)
        w->out.length = start;
    pthread_mutex_unlock(&w->out_lock);
    return status;
}

static enum leat_status output_init(struct output *output, struct worker *w, struct leat_error *err)
{
    memset(output, 0, sizeof(*output));
    output->base.batch = give_batch;
    output->bad_rows.handle = tell_bad_row;
    output->worker = w;
    leat_arena_init(&output->scratch, NULL);
    if (w->fragment.output != LEAT_EXCHANGE_HASH || w->fragment.partition_count == 1)
        return LEAT_OK;
    output->keys = leat_calloc(w->fragment.key_count, sizeof(*output->keys));
    if (!output->keys)
        return leat_error_memory(err);
    return leat_evaluator_new(w->fragment.keys, w->fragment.key_count, &w->fragment.source, NULL,
                              &output->evaluator, err);
}

static void output_release(struct output *output)
{
    leat_evaluator_free(output->evaluator);
    leat_free(output->keys);
    leat_arena_release(&output->scratch);
}

/* --- fragments --- */

static uint32_t input_limit(const struct leat_plan *plan)
{
    uint32_t limit = plan->kind == LEAT_PLAN_INPUT ? plan->input.stage + 1 : 0;

    for (uint32_t i = 0; i < plan->child_count; i++) {
        uint32_t below = input_limit(plan->children[i]);
        limit = below > limit ? below : limit;
    }
    return limit;
}

static void list_inputs(struct worker *w, const struct leat_plan *plan)
{
    if (plan->kind == LEAT_PLAN_INPUT)
        w->inputs[plan->input.stage].schema = &plan->schema;
    for (uint32_t i = 0; i < plan->child_count; i++)
        list_inputs(w, plan->children[i]);
}

static enum leat_status make_inputs(struct worker *w, struct leat_error *err)
{
    enum { MAX_INPUTS = 100000 };
    uint32_t count = input_limit(w->fragment.plan);

    w->streaming = -1;
    if (count > MAX_INPUTS)
        return leat_error_set(err, LEAT_E_MESSAGE, "a fragment with %u inputs", count);
    w->inputs = leat_calloc(count, sizeof(*w->inputs));
    if (!w->inputs)
        return leat_error_memory(err);
    w->input_count = count;
    for (uint32_t i = 0; i < count; i++)
        leat_buffer_init(&w->inputs[i].kept, 0);
    list_inputs(w, w->fragment.plan);
    return LEAT_OK;
}

static void release_inputs(struct worker *w)
{
    for (uint32_t i = 0; i < w->input_count; i++)
        leat_buffer_release(&w->inputs[i].kept);
    leat_free(w->inputs);
    w->inputs = NULL;
    w->input_count = 0;
}

static enum leat_status execute(struct worker *w, struct leat_accountant *accountant,
                                struct leat_bytes_list *receipts, struct leat_error *err)
{
    const struct leat_fragment *fragment = &w->fragment;
    struct output output;
    struct leat_attempt attempt = {.run_id = fragment->run_id,
                                   .stage = fragment->stage,
                                   .partition = fragment->task,
                                   .attempt = fragment->attempt,
                                   .bad_rows = &output.bad_rows};
    struct leat_execute_options options = {.threads = fragment->threads,
                                           .accountant = accountant,
                                           .bad_rows = fragment->bad_rows ? &output.bad_rows : NULL,
                                           .bytes_read = &w->bytes_read,
                                           .rows_read = &w->rows_read,
                                           .source = fragment->source,
                                           .attempt = &attempt,
                                           .open_input = open_input,
                                           .open_input_context = w};
    enum leat_status status = output_init(&output, w, err);

    if (status == LEAT_OK)
        status = leat_execute(fragment->plan, &options, &output.base, receipts, err);
    output_release(&output);
    return status;
}

/* --- progress --- */

/* What was read since it was last told. Under out_lock. */
static enum leat_status put_progress(struct worker *w, struct leat_error *err)
{
    uint64_t rows = atomic_load(&w->rows_read), bytes = atomic_load(&w->bytes_read);
    uint64_t counts[2] = {rows - w->told_rows, bytes - w->told_bytes};

    if (counts[0] == 0 && counts[1] == 0)
        return LEAT_OK;
    w->told_rows = rows;
    w->told_bytes = bytes;
    return leat_wire_put(&w->out, LEAT_WIRE_PROGRESS, counts, sizeof(counts), err);
}

/* Ends the process if nothing at all has changed for the fragment's time: whoever started it tries
 * again. Memory in use counts, for operators that read and give nothing for long. */
static void watch(struct worker *w)
{
    uint64_t sign = atomic_load(&w->rows_read) + atomic_load(&w->bytes_read) + w->batches +
                    atomic_load(&w->accountant->used);
    int64_t now = leat_clock_monotonic();

    if (sign != w->sign || w->sign_time == 0) {
        w->sign = sign;
        w->sign_time = now;
    } else if (w->fragment.timeout && now - w->sign_time > w->fragment.timeout * 1000000000LL) {
        leat_log(LEAT_LOG_ERROR, "worker", "no progress for %u seconds: this worker gives up",
                 w->fragment.timeout);
        (void)!raise(SIGABRT);
    }
}

static void *tell_progress(void *context)
{
    struct worker *w = context;
    struct leat_error error;
    struct timespec until;

    pthread_mutex_lock(&w->out_lock);
    clock_gettime(CLOCK_REALTIME, &until);
    while (!w->finished) {
        until.tv_nsec += PROGRESS_MILLISECONDS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        while (!w->finished &&
               pthread_cond_timedwait(&w->finish, &w->out_lock, &until) != ETIMEDOUT)
            ;
        if (!w->finished)
            watch(w);
        if (!w->finished && put_progress(w, &error) == LEAT_OK)
            (void)!flush(w, &error);
    }
    pthread_mutex_unlock(&w->out_lock);
    return NULL;
}

/* Without the thread nothing is told before the end. */
static enum leat_status execute_and_tell(struct worker *w, struct leat_accountant *accountant,
                                         struct leat_bytes_list *receipts, struct leat_error *err)
{
    enum leat_status status;
    pthread_t teller;
    bool tells;

    w->finished = false;
    w->accountant = accountant;
    w->sign_time = 0;
    tells = pthread_create(&teller, NULL, tell_progress, w) == 0;
    leat_worker_fault(w->fragment.fault, false, w->options->out);
    status = execute(w, accountant, receipts, err);
    leat_worker_fault(w->fragment.fault, true, w->options->out);
    pthread_mutex_lock(&w->out_lock);
    w->finished = true;
    pthread_cond_signal(&w->finish);
    pthread_mutex_unlock(&w->out_lock);
    if (tells)
        pthread_join(teller, NULL);
    return status;
}

/* Receipts, counts and the end. */
static enum leat_status answer(struct worker *w, const struct leat_bytes_list *receipts,
                               struct leat_error *err)
{
    for (size_t i = 0; i < receipts->count; i++)
        LEAT_TRY(leat_wire_put(&w->out, LEAT_WIRE_RECEIPT, receipts->items[i].data,
                               receipts->items[i].length, err));
    LEAT_TRY(put_progress(w, err));
    LEAT_TRY(leat_wire_put(&w->out, LEAT_WIRE_DONE, NULL, 0, err));
    return flush(w, err);
}

/* A worker that writes to a folder of its own machine would lose what it wrote. */
static enum leat_status check_shared(const struct worker *w, struct leat_error *err)
{
    const char *path = w->fragment.shared;
    struct leat_file_info info;

    if (!path[0])
        return LEAT_OK;
    LEAT_TRY(leat_file_stat(path, &info, err));
    if (info.kind == LEAT_FILE_REGULAR)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_STORAGE_NOT_SHARED,
                         "a worker does not see the folder of %s: only the machine that started "
                         "the run does",
                         path);
    leat_error_hint(err, "put the lake where all machines reach it: s3://, hdfs://, or a folder "
                         "that is mounted everywhere");
    return LEAT_INVALID;
}

/* `body` must outlive the run. */
static enum leat_status run_fragment(struct worker *w, struct leat_cursor *body,
                                     struct leat_error *err)
{
    struct leat_accountant accountant;
    struct leat_bytes_list receipts;
    struct leat_plan_owner owner;
    struct leat_error failure;
    enum leat_status status;

    atomic_store(&w->rows_read, 0);
    atomic_store(&w->bytes_read, 0);
    w->told_rows = w->told_bytes = 0;
    leat_accountant_init(&accountant, NULL, 0);
    leat_plan_owner_init(&owner, NULL);
    owner.sink_kinds = w->options->sink_kinds;
    owner.sink_kind_count = w->options->sink_kind_count;
    leat_bytes_list_init(&receipts);
    leat_error_clear(&failure);
    status = leat_fragment_read(body, &owner, &w->fragment, &failure);
    accountant.limit = w->fragment.memory;
    leat_worker_limit_memory(w->fragment.memory);
    if (status == LEAT_OK)
        status = make_inputs(w, &failure);
    if (status == LEAT_OK && w->fragment.folder[0])
        (void)!chdir(w->fragment.folder); /* not there: names of shared storage are absolute */
    if (status == LEAT_OK)
        status = check_shared(w, &failure);
    if (status == LEAT_OK)
        status = execute_and_tell(w, &accountant, &receipts, &failure);
    if (status == LEAT_OK) {
        status = answer(w, &receipts, err);
    } else {
        status = leat_wire_put_error(&w->out, &failure, err);
        if (status == LEAT_OK)
            status = flush(w, err);
    }
    release_inputs(w);
    leat_bytes_list_release(&receipts);
    leat_plan_owner_release(&owner);
    return status;
}

/* The fragment leaves the pipe's buffer, which inputs need. */
static enum leat_status keep_and_run(struct worker *w, const struct leat_cursor *body,
                                     struct leat_error *err)
{
    struct leat_buffer kept;
    struct leat_cursor cursor;
    enum leat_status status;

    leat_buffer_init(&kept, 0);
    status = leat_buffer_append(&kept, body->data, body->length, err);
    cursor = (struct leat_cursor){kept.data, kept.length, 0};
    if (status == LEAT_OK)
        status = run_fragment(w, &cursor, err);
    leat_buffer_release(&kept);
    return status;
}

static enum leat_status serve(struct worker *w, struct leat_error *err)
{
    struct leat_wire_frame frame;
    bool end;

    LEAT_TRY(leat_wire_put_hello(&w->out, err));
    LEAT_TRY(flush(w, err));
    LEAT_TRY(next_frame(w, &frame, &end, err));
    if (end)
        return LEAT_OK;
    if (frame.kind != LEAT_WIRE_HELLO)
        return leat_error_set(err, LEAT_E_MESSAGE, "the other side does not greet");
    LEAT_TRY(leat_wire_check_hello(&frame.body, err));
    for (;;) {
        LEAT_TRY(next_frame(w, &frame, &end, err));
        if (end)
            return LEAT_OK;
        if (frame.kind == LEAT_WIRE_INPUT || frame.kind == LEAT_WIRE_INPUT_END)
            continue; /* of a fragment that ended without them */
        if (frame.kind != LEAT_WIRE_FRAGMENT)
            return leat_error_set(err, LEAT_E_MESSAGE, "a message of kind %d, where fragments come",
                                  (int)frame.kind);
        LEAT_TRY(keep_and_run(w, &frame.body, err));
    }
}

enum leat_status leat_worker_run(const struct leat_worker_options *options, struct leat_error *err)
{
    struct worker w = {.options = options, .streaming = -1};
    enum leat_status status;

    leat_buffer_init(&w.in, 0);
    leat_buffer_init(&w.out, 0);
    pthread_mutex_init(&w.in_lock, NULL);
    pthread_mutex_init(&w.out_lock, NULL);
    pthread_cond_init(&w.finish, NULL);
    status = leat_files_register(err);
    if (status == LEAT_OK)
        status = serve(&w, err);
    pthread_mutex_destroy(&w.in_lock);
    pthread_mutex_destroy(&w.out_lock);
    pthread_cond_destroy(&w.finish);
    leat_buffer_release(&w.in);
    leat_buffer_release(&w.out);
    return status;
}
