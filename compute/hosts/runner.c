/* Stages are run one after the other, each by all the host's tasks. What the attempts that won
 * report (receipts, bad rows, counts) is kept by task and handed on when the stage has ended, in
 * the order of tasks, so that nothing depends on which attempt ended first. */
#include "compute/hosts/runner.h"
#include "compute/hosts/fragment.h"

enum { STAGES = 1000 /* room for stage numbers in the names of one execution's files */ };

struct told {
    struct leat_buffer frames; /* of the attempt that won */
    uint32_t attempt;
    bool won;
};
struct running {
    const struct leat_runner_options *runner;
    const struct leat_execute_options *options;
    struct leat_host *host;
    struct leat_plan_owner owner; /* of the stages */
    struct leat_stages stages;
    uint32_t number; /* the stage being run */
    struct told *told;
    const char *run_id;
    char own_run_id[37];
    struct leat_bytes_list *receipts;
    struct leat_result_handler *handler;
};

static struct leat_stage *stage_of(const struct running *r)
{
    return &r->stages.items[r->number];
}

static uint32_t file_stage(const struct running *r)
{
    return r->host->executions * STAGES + r->number;
}

/* --- called by the host --- */

static enum leat_status make_fragment(void *context, uint32_t task, uint32_t attempt,
                                      struct leat_buffer *out, struct leat_error *err)
{
    const struct running *r = context;
    struct leat_fragment fragment = {.attempt = attempt,
                                     .run_id = r->run_id,
                                     .stage = file_stage(r),
                                     .task = task,
                                     .threads = 1,
                                     .bad_rows = r->options->bad_rows != NULL,
                                     .source = r->options->source};

    if (r->options->accountant && r->options->accountant->limit)
        fragment.memory = r->options->accountant->limit / r->host->tasks + 1;
    return leat_fragment_put(&fragment, stage_of(r), out, err);
}

static enum leat_status keep_told(void *context, uint32_t task, uint32_t attempt,
                                  const uint8_t *frames, size_t length, struct leat_error *err)
{
    const struct running *r = context;
    struct told *told = &r->told[task];

    told->won = true;
    told->attempt = attempt;
    told->frames.length = 0;
    return length ? leat_buffer_append(&told->frames, frames, length, err) : LEAT_OK;
}

static void discard(void *context, uint32_t task, uint32_t attempt)
{
    const struct running *r = context;
    const struct leat_plan *plan = stage_of(r)->plan;
    struct leat_attempt names = {
        .run_id = r->run_id, .stage = file_stage(r), .partition = task, .attempt = attempt};
    struct leat_error error;

    if (plan->kind != LEAT_PLAN_WRITE || !plan->write.sink->ops->discard)
        return;
    if (plan->write.sink->ops->discard(plan->write.sink, &names, &error) != LEAT_OK)
        leat_log(LEAT_LOG_WARN, "hosts", "files of a lost attempt are left: %s", error.message);
}

/* --- what was told --- */

static void add_count(_Atomic uint64_t *total, uint64_t count)
{
    if (total)
        atomic_fetch_add(total, count);
}

static enum leat_status hand_on_frame(const struct running *r, struct leat_wire_frame *frame,
                                      struct leat_error *err)
{
    struct leat_cursor *body = &frame->body;
    struct leat_bad_row row;
    struct leat_arena arena;
    enum leat_status status;
    uint64_t counts[2];

    switch (frame->kind) {
    case LEAT_WIRE_RECEIPT:
        if (!r->receipts)
            return leat_error_set(err, LEAT_E_MESSAGE, "a receipt of nothing");
        return leat_bytes_list_append(r->receipts, body->data + body->position,
                                      body->length - body->position, err);
    case LEAT_WIRE_PROGRESS:
        LEAT_TRY(leat_cursor_get_u64(body, &counts[0], err));
        LEAT_TRY(leat_cursor_get_u64(body, &counts[1], err));
        add_count(r->options->rows_read, counts[0]);
        add_count(r->options->bytes_read, counts[1]);
        return LEAT_OK;
    case LEAT_WIRE_BAD_ROW:
        leat_arena_init(&arena, NULL);
        memset(&row, 0, sizeof(row));
        status = leat_wire_read_bad_row(body, &arena, &row, err);
        if (status == LEAT_OK && r->options->bad_rows)
            status = r->options->bad_rows->handle(r->options->bad_rows, &row, err);
        leat_arena_release(&arena);
        return status;
    default:
        return LEAT_OK;
    }
}

static enum leat_status hand_on(const struct running *r, struct leat_error *err)
{
    for (uint32_t task = 0; task < stage_of(r)->task_count; task++) {
        const struct leat_buffer *frames = &r->told[task].frames;
        struct leat_wire_frame frame;
        for (size_t at = 0, used; at < frames->length; at += used) {
            LEAT_TRY(leat_wire_next(frames->data + at, frames->length - at, &frame, &used, err));
            if (used == 0)
                return leat_error_internal(err, "half a message was kept");
            LEAT_TRY(hand_on_frame(r, &frame, err));
        }
    }
    return LEAT_OK;
}

/* --- stages --- */

static enum leat_status run_tasks(struct running *r, struct leat_error *err)
{
    struct leat_stage *stage = stage_of(r);
    struct leat_host_stage job = {.number = r->number,
                                  .task_count = stage->task_count,
                                  .partition_count = stage->partition_count,
                                  .input_count = stage->input_count,
                                  .inputs = stage->inputs,
                                  .cancel = r->options->cancel,
                                  .context = r,
                                  .fragment = make_fragment,
                                  .won = keep_told,
                                  .lost = discard};
    size_t receipts = r->receipts ? r->receipts->count : 0;
    enum leat_status status;

    r->told = leat_calloc(stage->task_count, sizeof(*r->told));
    if (!r->told)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < stage->task_count; i++)
        leat_buffer_init(&r->told[i].frames, 0);
    status = r->host->ops->run(r->host, &job, err);
    if (status == LEAT_OK)
        status = hand_on(r, err);
    for (uint32_t i = 0; i < stage->task_count; i++) {
        if (status != LEAT_OK && r->told[i].won)
            discard(r, i, r->told[i].attempt);
        leat_buffer_release(&r->told[i].frames);
    }
    if (status != LEAT_OK && r->receipts)
        r->receipts->count = receipts;
    leat_free(r->told);
    r->told = NULL;
    return status;
}

/* Rows that only this process has become those of the stage's task 0. */
struct giving {
    struct leat_result_handler base;
    struct running *running;
    struct leat_buffer bytes;
};

static enum leat_status give_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct giving *giving = (struct giving *)handler;
    const struct running *r = giving->running;

    giving->bytes.length = 0;
    LEAT_TRY(leat_batch_put(batch, &giving->bytes, err));
    return r->host->ops->give(r->host, r->number, 0, giving->bytes.data, giving->bytes.length, err);
}

static enum leat_status run_here(struct running *r, struct leat_error *err)
{
    struct giving giving = {.base = {give_batch}, .running = r};
    struct leat_execute_options options = *r->options;
    enum leat_status status;

    options.threads = 1; /* keeps the rows' order */
    leat_buffer_init(&giving.bytes, 0);
    status = leat_execute(stage_of(r)->plan, &options, &giving.base, NULL, err);
    leat_buffer_release(&giving.bytes);
    return status;
}

/* Forgets the stages that no stage after this one reads. */
static void forget_read(struct running *r)
{
    for (uint32_t i = 0; i < r->stages.count; i++) {
        bool read = i + 1 == r->stages.count;
        for (uint32_t s = r->number + 1; s < r->stages.count && !read; s++)
            for (uint32_t n = 0; n < r->stages.items[s].input_count; n++)
                read |= r->stages.items[s].inputs[n].stage == i;
        if (!read)
            r->host->ops->forget(r->host, i);
    }
}

/* --- the result --- */

struct reading {
    const struct running *running;
    struct leat_arena arena;
};

static enum leat_status take_result(void *context, struct leat_text bytes, struct leat_error *err)
{
    struct reading *reading = context;
    const struct running *r = reading->running;
    struct leat_cursor cursor = {(const uint8_t *)bytes.data, bytes.length, 0};
    struct leat_batch batch;

    if (leat_cancel_requested(r->options->cancel))
        return leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
    leat_arena_reset(&reading->arena);
    LEAT_TRY(leat_batch_read(&cursor, &stage_of(r)->plan->schema, &reading->arena, &batch, err));
    return r->handler->batch(r->handler, &batch, err);
}

static enum leat_status give_result(struct running *r, struct leat_error *err)
{
    struct reading reading = {.running = r};
    enum leat_status status;

    if (!r->handler)
        return LEAT_OK;
    leat_arena_init(&reading.arena, r->options->accountant);
    status = r->host->ops->read(r->host, r->number, take_result, &reading, err);
    leat_arena_release(&reading.arena);
    return status;
}

static enum leat_status run_stages(struct running *r, const struct leat_plan *plan,
                                   struct leat_error *err)
{
    struct leat_stage_options options = {r->host->tasks, r->runner->small_rows};

    LEAT_TRY(leat_stages_cut(plan, &options, &r->owner, &r->stages, err));
    if (r->stages.count > STAGES)
        return leat_error_set(err, LEAT_E_LIMIT, "a query of more than %d stages", STAGES);
    for (r->number = 0; r->number < r->stages.count; r->number++) {
        LEAT_TRY(stage_of(r)->local ? run_here(r, err) : run_tasks(r, err));
        forget_read(r);
    }
    r->number = r->stages.count - 1;
    return give_result(r, err);
}

enum leat_status leat_runner_execute(const struct leat_runner_options *runner,
                                     const struct leat_plan *plan,
                                     const struct leat_execute_options *options,
                                     struct leat_result_handler *handler,
                                     struct leat_bytes_list *receipts, struct leat_error *err)
{
    struct running r = {.runner = runner,
                        .options = options,
                        .host = runner ? runner->host : NULL,
                        .receipts = receipts,
                        .handler = handler};
    enum leat_status status;

    if (!r.host)
        return leat_execute(plan, options, handler, receipts, err);
    leat_random_uuid(r.own_run_id);
    r.run_id = options->attempt ? options->attempt->run_id : r.own_run_id;
    pthread_mutex_lock(&r.host->lock);
    r.host->executions++;
    leat_plan_owner_init(&r.owner, NULL);
    status = run_stages(&r, plan, err);
    for (uint32_t i = 0; i < r.stages.count; i++)
        r.host->ops->forget(r.host, i);
    pthread_mutex_unlock(&r.host->lock);
    leat_plan_owner_release(&r.owner);
    return status;
}

struct rows_handler {
    struct leat_result_handler base;
    struct leat_rows *rows;
};

static enum leat_status keep_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    return leat_rows_append(((struct rows_handler *)handler)->rows, batch, err);
}

enum leat_status leat_runner_execute_rows(const struct leat_runner_options *runner,
                                          const struct leat_plan *plan,
                                          const struct leat_execute_options *options,
                                          struct leat_rows *out, struct leat_error *err)
{
    struct rows_handler handler = {{.batch = keep_batch}, out};
    enum leat_status status;

    if (!runner || !runner->host)
        return leat_execute_rows(plan, options, out, err);
    status = leat_rows_init(out, &plan->schema, options->accountant, err);
    if (status == LEAT_OK)
        status = leat_runner_execute(runner, plan, options, &handler.base, NULL, err);
    if (status != LEAT_OK)
        leat_rows_release(out);
    return status;
}

enum leat_status leat_runner_print(const struct leat_runner_options *runner,
                                   const struct leat_plan *plan, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_stage_options options = {1, runner->small_rows};
    struct leat_plan_owner owner;
    struct leat_stages stages;
    enum leat_status status;

    if (!runner->host)
        return leat_plan_print(plan, out, err);
    options.tasks = runner->host->tasks;
    leat_plan_owner_init(&owner, NULL);
    status = leat_stages_cut(plan, &options, &owner, &stages, err);
    if (status == LEAT_OK)
        status = leat_stages_print(&stages, out, err);
    leat_plan_owner_release(&owner);
    return status;
}
