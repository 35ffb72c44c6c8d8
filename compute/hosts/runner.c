/* A host is given all stages at once. What the attempts that won report (receipts, bad rows,
 * counts) is kept by task and handed on when the job has ended, in the order of stages and tasks,
 * so that nothing depends on which attempt ended first. */
#include "compute/hosts/runner.h"
#include "base/file.h"
#include "compute/hosts/fragment.h"

#include <stdlib.h>

#define SHARED_NAME ".seen-by-workers-"
enum { DEFAULT_TIMEOUT = 600 /* seconds */ };
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
    struct told **told; /* by stage and task */
    const char *run_id;
    const char *folder;
    const char *shared; /* the file that workers must see, or NULL */
    uint32_t timeout;
    char own_run_id[37];
    struct leat_bytes_list *receipts;
    struct leat_result_handler *handler;
    struct leat_arena arena; /* of the batch being handed on */
    uint64_t shown_rows;
    uint64_t shown_bytes;
};

static uint32_t file_stage(const struct running *r, uint32_t stage)
{
    return r->host->executions * STAGES + stage;
}

/* --- called by the host --- */

static enum leat_status make_fragment(void *context, uint32_t stage, uint32_t task,
                                      uint32_t attempt, struct leat_buffer *out,
                                      struct leat_error *err)
{
    const struct running *r = context;
    struct leat_fragment fragment = {.attempt = attempt,
                                     .run_id = r->run_id,
                                     .stage = file_stage(r, stage),
                                     .task = task,
                                     .threads = r->host->threads ? r->host->threads : 1,
                                     .folder = r->folder,
                                     .shared = r->shared,
                                     .fault = r->runner->fault ? r->runner->fault
                                                               : getenv("LEAT_FAULT_FRAGMENT"),
                                     .timeout = r->timeout,
                                     .bad_rows = r->options->bad_rows != NULL,
                                     .source = r->options->source};

    if (r->options->accountant && r->options->accountant->limit)
        fragment.memory = r->options->accountant->limit / r->host->tasks + 1;
    return leat_fragment_put(&fragment, &r->stages.items[stage], out, err);
}

static enum leat_status keep_told(void *context, uint32_t stage, uint32_t task, uint32_t attempt,
                                  const uint8_t *frames, size_t length, struct leat_error *err)
{
    const struct running *r = context;
    struct told *told = &r->told[stage][task];

    told->won = true;
    told->attempt = attempt;
    told->frames.length = 0;
    return length ? leat_buffer_append(&told->frames, frames, length, err) : LEAT_OK;
}

static void discard(void *context, uint32_t stage, uint32_t task, uint32_t attempt)
{
    const struct running *r = context;
    const struct leat_plan *plan = r->stages.items[stage].plan;
    struct leat_attempt names = {
        .run_id = r->run_id, .stage = file_stage(r, stage), .partition = task, .attempt = attempt};
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

/* What is shown while tasks run holds the reading of attempts that may be lost; it is replaced by
 * what those that won told, when the job has ended. */
static void show_progress(void *context, uint64_t rows, uint64_t bytes)
{
    struct running *r = context;

    r->shown_rows += rows;
    r->shown_bytes += bytes;
    add_count(r->options->rows_read, rows);
    add_count(r->options->bytes_read, bytes);
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

static enum leat_status hand_on_task(const struct running *r, const struct leat_buffer *frames,
                                     struct leat_error *err)
{
    struct leat_wire_frame frame;

    for (size_t at = 0, used; at < frames->length; at += used) {
        LEAT_TRY(leat_wire_next(frames->data + at, frames->length - at, &frame, &used, err));
        if (used == 0)
            return leat_error_set(err, LEAT_E_MESSAGE, "half a message was kept");
        LEAT_TRY(hand_on_frame(r, &frame, err));
    }
    return LEAT_OK;
}

static enum leat_status hand_on(const struct running *r, struct leat_error *err)
{
    add_count(r->options->rows_read, 0 - r->shown_rows);
    add_count(r->options->bytes_read, 0 - r->shown_bytes);
    for (uint32_t s = 0; s < r->stages.count; s++)
        for (uint32_t task = 0; r->told[s] && task < r->stages.items[s].task_count; task++) {
            if (!r->told[s][task].won)
                return leat_error_internal(err, "nothing is known of task %u, stage %u", task, s);
            LEAT_TRY(hand_on_task(r, &r->told[s][task].frames, err));
        }
    return LEAT_OK;
}

/* --- rows that only this process has --- */

struct giving {
    struct leat_result_handler base;
    struct leat_buffer bytes;
    leat_host_take take;
    void *context;
};

static enum leat_status give_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct giving *giving = (struct giving *)handler;

    giving->bytes.length = 0;
    LEAT_TRY(leat_batch_put(batch, &giving->bytes, err));
    return giving->take(giving->context,
                        (struct leat_text){(const char *)giving->bytes.data, giving->bytes.length},
                        err);
}

static enum leat_status run_here(void *context, uint32_t stage, leat_host_take take,
                                 void *take_context, struct leat_error *err)
{
    const struct running *r = context;
    struct giving giving = {.base = {give_batch}, .take = take, .context = take_context};
    struct leat_execute_options options = *r->options;
    enum leat_status status;

    options.threads = 1; /* keeps the rows' order */
    leat_buffer_init(&giving.bytes, 0);
    status = leat_execute(r->stages.items[stage].plan, &options, &giving.base, NULL, err);
    leat_buffer_release(&giving.bytes);
    return status;
}

/* --- the result --- */

static enum leat_status take_result(void *context, struct leat_text bytes, struct leat_error *err)
{
    struct running *r = context;
    struct leat_cursor cursor = {(const uint8_t *)bytes.data, bytes.length, 0};
    struct leat_batch batch;

    if (!r->handler)
        return LEAT_OK;
    if (leat_cancel_requested(r->options->cancel))
        return leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
    leat_arena_reset(&r->arena);
    LEAT_TRY(leat_batch_read(&cursor, &r->stages.items[r->stages.count - 1].plan->schema, &r->arena,
                             &batch, err));
    return r->handler->batch(r->handler, &batch, err);
}

/* --- the job --- */

static enum leat_status list_stages(struct running *r, struct leat_host_stage **out,
                                    struct leat_error *err)
{
    struct leat_host_stage *stages =
        LEAT_NEW_ARRAY(&r->owner.arena, struct leat_host_stage, r->stages.count);

    *out = stages;
    r->told = leat_arena_calloc(&r->owner.arena, r->stages.count, sizeof(*r->told));
    if (!stages || !r->told)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < r->stages.count; i++) {
        const struct leat_stage *stage = &r->stages.items[i];
        stages[i] = (struct leat_host_stage){.task_count = stage->task_count,
                                             .partition_count = stage->partition_count,
                                             .input_count = stage->input_count,
                                             .inputs = stage->inputs,
                                             .given = stage->local};
        if (stage->local)
            continue;
        r->told[i] = LEAT_NEW_ARRAY(&r->owner.arena, struct told, stage->task_count);
        if (!r->told[i])
            return leat_error_memory(err);
        memset(r->told[i], 0, stage->task_count * sizeof(struct told));
        for (uint32_t t = 0; t < stage->task_count; t++)
            leat_buffer_init(&r->told[i][t].frames, 0);
    }
    return LEAT_OK;
}

/* After a failure the files of attempts that had won go too. */
static void forget_told(struct running *r, bool failed)
{
    for (uint32_t s = 0; r->told && s < r->stages.count; s++)
        for (uint32_t t = 0; r->told[s] && t < r->stages.items[s].task_count; t++) {
            if (failed && r->told[s][t].won)
                discard(r, s, t, r->told[s][t].attempt);
            leat_buffer_release(&r->told[s][t].frames);
        }
}

/* Seconds without any progress of a worker: LEAT_WORKER_TIMEOUT, or ten minutes. */
static uint32_t default_timeout(void)
{
    const char *text = getenv("LEAT_WORKER_TIMEOUT");
    int64_t seconds;

    if (text && leat_parse_int64(text, strlen(text), &seconds) && seconds >= 0 &&
        seconds <= UINT32_MAX)
        return (uint32_t)seconds;
    return DEFAULT_TIMEOUT;
}

/* Files of runs that were killed. */
static void remove_stale(const char *folder)
{
    const int64_t day = 86400000000; /* microseconds */
    struct leat_file_list files = {0};
    struct leat_error ignored;

    if (leat_folder_list(folder, &files, &ignored) != LEAT_OK)
        return;
    for (size_t i = 0; i < files.count; i++)
        if (strstr(files.items[i].path, "/" SHARED_NAME) &&
            files.items[i].modified < leat_clock_now() - day)
            (void)!leat_file_remove(files.items[i].path, &ignored);
    leat_file_list_release(&files);
}

/* The file in a local folder that the workers of a cluster must see. */
static enum leat_status make_shared(struct running *r, struct leat_error *err)
{
    const char *folder = r->runner->shared;
    struct leat_arena *arena = &r->owner.arena;
    char id[37];

    if (!folder || !r->host->remote || leat_path_is_uri(folder))
        return LEAT_OK;
    leat_random_uuid(id);
    folder = leat_path_absolute(arena, folder);
    if (folder)
        remove_stale(folder);
    r->shared = folder ? leat_arena_printf(arena, "%s/" SHARED_NAME "%s", folder, id) : NULL;
    return r->shared ? leat_file_write_all(r->shared, id, 36, err) : leat_error_memory(err);
}

static enum leat_status run_job(struct running *r, struct leat_error *err)
{
    struct leat_host_job job = {.name = r->run_id,
                                .stage_count = r->stages.count,
                                .cancel = r->options->cancel,
                                .context = r,
                                .fragment = make_fragment,
                                .given = run_here,
                                .won = keep_told,
                                .lost = discard,
                                .rows = take_result,
                                .progress = show_progress};
    size_t receipts = r->receipts ? r->receipts->count : 0;
    struct leat_host_stage *stages;
    struct leat_error ignored;
    enum leat_status status = list_stages(r, &stages, err);

    job.stages = stages;
    r->timeout = r->runner->timeout ? r->runner->timeout : default_timeout();
    r->folder = leat_path_absolute(&r->owner.arena, ".");
    if (status == LEAT_OK && !r->folder)
        status = leat_error_memory(err);
    if (status == LEAT_OK)
        status = make_shared(r, err);
    if (status == LEAT_OK)
        status = r->host->ops->run(r->host, &job, err);
    if (r->shared)
        (void)!leat_file_remove(r->shared, &ignored);
    if (status == LEAT_OK)
        status = hand_on(r, err);
    forget_told(r, status != LEAT_OK);
    if (status != LEAT_OK && r->receipts)
        r->receipts->count = receipts;
    return status;
}

static enum leat_status cut_and_run(struct running *r, const struct leat_plan *plan,
                                    struct leat_error *err)
{
    struct leat_stage_options options = {r->host->tasks, r->runner->small_rows};

    LEAT_TRY(leat_stages_cut(plan, &options, &r->owner, &r->stages, err));
    if (r->stages.count > STAGES)
        return leat_error_set(err, LEAT_E_LIMIT, "a query of more than %d stages", STAGES);
    return run_job(r, err);
}

/* Whether the plan's rows are those that stand in its text: not worth a task of a host. What writes
 * goes to the host like all others, so that receipts come in one form. */
static bool reads_nothing(const struct leat_plan *plan)
{
    if (plan->kind == LEAT_PLAN_WRITE)
        return false;
    if (plan->child_count == 0)
        return plan->kind == LEAT_PLAN_VALUES || plan->kind == LEAT_PLAN_WORKING;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (!reads_nothing(plan->children[i]))
            return false;
    return true;
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
    enum leat_status status = LEAT_OK;

    if (!r.host || reads_nothing(plan))
        return leat_execute(plan, options, handler, receipts, err);
    leat_random_uuid(r.own_run_id);
    r.run_id = options->attempt ? options->attempt->run_id : r.own_run_id;
    pthread_mutex_lock(&r.host->lock);
    r.host->executions++;
    leat_plan_owner_init(&r.owner, NULL);
    leat_arena_init(&r.arena, options->accountant);
    if (r.host->ops->prepare)
        status = r.host->ops->prepare(r.host, options->cancel, err);
    if (status == LEAT_OK)
        status = cut_and_run(&r, plan, err);
    pthread_mutex_unlock(&r.host->lock);
    leat_arena_release(&r.arena);
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

    if (!runner->host || reads_nothing(plan))
        return leat_plan_print(plan, out, err);
    if (runner->host->ops->prepare)
        LEAT_TRY(runner->host->ops->prepare(runner->host, NULL, err));
    options.tasks = runner->host->tasks;
    leat_plan_owner_init(&owner, NULL);
    status = leat_stages_cut(plan, &options, &owner, &stages, err);
    if (status == LEAT_OK)
        status = leat_stages_print(&stages, out, err);
    leat_plan_owner_release(&owner);
    return status;
}
