/* Worker processes on this machine.
 *
 * One thread serves all workers: their pipes are non-blocking, and poll says which can be read or
 * written. A worker that is given a task gets its fragment; when it wants an input, the pieces of
 * that input are written as fast as the pipe takes them. Its rows go into the stage's spool, what
 * else it tells is kept until it is done. A worker whose pipe ends, or whose messages are broken,
 * is killed and waited for; its task is tried again by another. */
#include "compute/hosts/host.h"
#include "compute/hosts/spool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS = 3, READ_SIZE = 1 << 18, TURN_SIZE = 1 << 20, POLL_MILLISECONDS = 50 };
enum { SPOOL_MEMORY = 64 << 20 /* of a stage's rows, before they go to a file */ };

struct slot {
    struct leat_process process;
    bool started;
    bool greeted;
    bool busy;
    uint32_t task;
    uint32_t attempt;
    struct leat_buffer in;
    size_t in_at;
    struct leat_buffer out;
    size_t out_at;
    struct leat_buffer told; /* frames kept until the attempt is done */
    bool streaming;          /* an input is being written */
    uint32_t input;
    struct leat_spool_walk walk;
};
struct task {
    uint32_t attempts; /* begun */
    bool done;
    bool running;
};
struct processes {
    struct leat_host base;
    char program[4096];
    struct slot *slots;
    uint32_t slot_count;
    struct leat_spool *spools; /* by stage of the job being run; task_count 0: none */
};
/* A stage being run. */
struct run {
    struct processes *host;
    const struct leat_host_job *job;
    uint32_t number;
    const struct leat_host_stage *stage;
    struct task *tasks;
    uint32_t left;
};

/* --- workers --- */

static void slot_init(struct slot *slot)
{
    memset(slot, 0, sizeof(*slot));
    slot->process = (struct leat_process){-1, -1, -1};
    leat_buffer_init(&slot->in, 0);
    leat_buffer_init(&slot->out, 0);
    leat_buffer_init(&slot->told, 0);
}

/* Ends the worker, whatever it does; gives its exit code. */
static int slot_stop(struct slot *slot)
{
    int code = slot->started ? leat_process_kill(&slot->process) : 0;

    leat_buffer_release(&slot->in);
    leat_buffer_release(&slot->out);
    leat_buffer_release(&slot->told);
    slot_init(slot);
    return code;
}

static enum leat_status slot_start(struct processes *host, struct slot *slot,
                                   struct leat_error *err)
{
    const char *const argv[] = {host->program, "worker", NULL};

    LEAT_TRY(leat_process_start(argv, &slot->process, err));
    slot->started = true;
    LEAT_TRY(leat_process_nonblocking(&slot->process, err));
    return leat_wire_put_hello(&slot->out, err);
}

static const char *signal_name(int number)
{
    switch (number) {
    case SIGKILL:
        return "SIGKILL";
    case SIGSEGV:
        return "SIGSEGV";
    case SIGABRT:
        return "SIGABRT";
    case SIGBUS:
        return "SIGBUS";
    case SIGTERM:
        return "SIGTERM";
    default:
        return "a signal";
    }
}

/* Describes how the worker ended. `broken` is an error of its messages, or NULL. */
static enum leat_status describe(const struct run *run, uint32_t slot, uint32_t task, int code,
                                 const char *broken, struct leat_error *err)
{
    char how[256];

    if (broken)
        snprintf(how, sizeof(how), "sent what is no answer: %.200s", broken);
    else if (code > 128)
        snprintf(how, sizeof(how), "was ended by signal %d (%s)", code - 128,
                 signal_name(code - 128));
    else
        snprintf(how, sizeof(how), "ended with exit code %d", code);
    (void)leat_error_set(
        err, LEAT_E_WORKER_DIED, "worker %u of %s %s, at attempt %u of task %u, stage %u", slot + 1,
        run->host->base.ops->name, how, run->tasks[task].attempts, task, run->number);
    leat_error_hint(err, "run with --on local, or see the worker's messages above; signal 9 often "
                         "means that memory ran out");
    return LEAT_IO;
}

/* A worker is gone or useless: its attempt is lost. An error if that was the last one. */
static enum leat_status slot_lost(struct run *run, uint32_t number, const char *broken,
                                  struct leat_error *err)
{
    struct slot *slot = &run->host->slots[number];
    uint32_t task = slot->task, attempt = slot->attempt;
    bool busy = slot->busy;
    char text[256];
    int code;

    if (broken) {
        snprintf(text, sizeof(text), "%s", broken);
        broken = text;
    }
    code = slot_stop(slot);
    if (!busy)
        return LEAT_OK;
    run->tasks[task].running = false;
    leat_spool_reset(&run->host->spools[run->number], task);
    run->job->lost(run->job->context, run->number, task, attempt);
    (void)describe(run, number, task, code, broken, err);
    if (run->tasks[task].attempts >= ATTEMPTS)
        return err ? err->status : LEAT_IO;
    leat_log(LEAT_LOG_INFO, "hosts", "%s; it is tried again", err->message);
    leat_error_clear(err);
    return LEAT_OK;
}

/* --- messages --- */

/* What the input's pieces are for this task. */
static enum leat_status begin_input(struct run *run, struct slot *slot, struct leat_cursor *body,
                                    struct leat_error *err)
{
    const struct leat_stage_input *input;
    uint32_t number;

    LEAT_TRY(leat_cursor_get_u32(body, &number, err));
    if (number >= run->stage->input_count || slot->streaming)
        return leat_error_set(err, LEAT_E_MESSAGE, "input %u is wanted out of turn", number);
    input = &run->stage->inputs[number];
    slot->streaming = true;
    slot->input = number;
    slot->walk = (struct leat_spool_walk){.spool = &run->host->spools[input->stage],
                                          .partition = UINT32_MAX};
    if (input->mode == LEAT_INPUT_OWN)
        slot->walk.partition = slot->task;
    else if (input->mode == LEAT_INPUT_FIRST && slot->task != 0)
        slot->walk.spool = NULL;
    return LEAT_OK;
}

static enum leat_status keep_output(struct run *run, const struct slot *slot,
                                    struct leat_cursor *body, struct leat_error *err)
{
    uint32_t partition;

    LEAT_TRY(leat_cursor_get_u32(body, &partition, err));
    if (partition >= run->stage->partition_count)
        return leat_error_set(err, LEAT_E_MESSAGE, "rows of partition %u of %u", partition,
                              run->stage->partition_count);
    return leat_spool_append(&run->host->spools[run->number], slot->task, partition,
                             body->data + body->position, body->length - body->position, err);
}

static enum leat_status task_done(struct run *run, struct slot *slot, struct leat_error *err)
{
    struct task *task = &run->tasks[slot->task];

    slot->busy = slot->streaming = false;
    task->running = false;
    LEAT_TRY(run->job->won(run->job->context, run->number, slot->task, slot->attempt,
                           slot->told.data, slot->told.length, err));
    task->done = true;
    run->left--;
    slot->told.length = 0;
    return LEAT_OK;
}

/* The worker's own error ends the stage. */
static enum leat_status task_failed(struct run *run, struct slot *slot, struct leat_cursor *body,
                                    struct leat_error *err)
{
    struct leat_error told;

    LEAT_TRY(leat_wire_read_error(body, &told, err));
    slot->busy = slot->streaming = false;
    run->tasks[slot->task].running = false;
    run->job->lost(run->job->context, run->number, slot->task, slot->attempt);
    *err = told;
    return told.status;
}

static enum leat_status tell_progress(const struct run *run, struct leat_cursor *body,
                                      struct leat_error *err)
{
    uint64_t rows, bytes;

    LEAT_TRY(leat_cursor_get_u64(body, &rows, err));
    LEAT_TRY(leat_cursor_get_u64(body, &bytes, err));
    run->job->progress(run->job->context, rows, bytes);
    return LEAT_OK;
}

/* *broken: the failure is one of the message, not of the task. */
static enum leat_status take_frame(struct run *run, struct slot *slot,
                                   struct leat_wire_frame *frame, const uint8_t *whole,
                                   size_t length, bool *broken, struct leat_error *err)
{
    enum leat_status status;

    *broken = false;
    if (!slot->greeted) {
        if (frame->kind != LEAT_WIRE_HELLO) {
            *broken = true;
            return leat_error_set(err, LEAT_E_MESSAGE, "no greeting");
        }
        slot->greeted = true;
        return leat_wire_check_hello(&frame->body, err);
    }
    if (!slot->busy) {
        *broken = true;
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of kind %d between tasks",
                              (int)frame->kind);
    }
    switch (frame->kind) {
    case LEAT_WIRE_OUTPUT:
        status = keep_output(run, slot, &frame->body, err);
        *broken = status == LEAT_CORRUPT;
        return status;
    case LEAT_WIRE_WANT:
        *broken = true;
        return begin_input(run, slot, &frame->body, err);
    case LEAT_WIRE_PROGRESS:
        LEAT_TRY(tell_progress(run, &frame->body, err));
        return leat_buffer_append(&slot->told, whole, length, err);
    case LEAT_WIRE_RECEIPT:
    case LEAT_WIRE_BAD_ROW:
        return leat_buffer_append(&slot->told, whole, length, err);
    case LEAT_WIRE_DONE:
        return task_done(run, slot, err);
    case LEAT_WIRE_ERROR:
        return task_failed(run, slot, &frame->body, err);
    default:
        *broken = true;
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of kind %d", (int)frame->kind);
    }
}

static enum leat_status take_frames(struct run *run, struct slot *slot, bool *broken,
                                    struct leat_error *err)
{
    struct leat_wire_frame frame;
    size_t used;

    for (;;) {
        const uint8_t *bytes = slot->in.data + slot->in_at;
        *broken = true;
        LEAT_TRY(leat_wire_next(bytes, slot->in.length - slot->in_at, &frame, &used, err));
        if (used == 0)
            break;
        slot->in_at += used;
        LEAT_TRY(take_frame(run, slot, &frame, bytes, used, broken, err));
    }
    if (slot->in_at > 0) /* not each piece of a large frame */
        memmove(slot->in.data, slot->in.data + slot->in_at, slot->in.length - slot->in_at);
    slot->in.length -= slot->in_at;
    slot->in_at = 0;
    return LEAT_OK;
}

static enum leat_status slot_read(struct run *run, uint32_t number, struct leat_error *err)
{
    struct slot *slot = &run->host->slots[number];
    bool end = false, broken = false;
    enum leat_status status;
    char text[256];
    size_t got;

    LEAT_TRY(leat_buffer_reserve(&slot->in, READ_SIZE, err));
    status = leat_pipe_read(slot->process.from_child, slot->in.data + slot->in.length, READ_SIZE,
                            &got, &end, err);
    if (status != LEAT_OK || end)
        return slot_lost(run, number, NULL, err);
    slot->in.length += got;
    status = take_frames(run, slot, &broken, err);
    if (status == LEAT_OK || !broken)
        return status;
    snprintf(text, sizeof(text), "%.255s", err->message);
    return slot_lost(run, number, text, err);
}

/* Puts the next piece of the input being written, or its end, into the slot's empty buffer. */
static enum leat_status refill(struct slot *slot, struct leat_error *err)
{
    const struct leat_spool_piece *piece = leat_spool_next(&slot->walk);
    size_t start;

    slot->out.length = slot->out_at = 0;
    LEAT_TRY(
        leat_wire_begin(&slot->out, piece ? LEAT_WIRE_INPUT : LEAT_WIRE_INPUT_END, &start, err));
    LEAT_TRY(leat_buffer_put_u32(&slot->out, slot->input, err));
    if (piece)
        LEAT_TRY(leat_spool_read(slot->walk.spool, piece, &slot->out, err));
    else
        slot->streaming = false;
    return leat_wire_end(&slot->out, start, err);
}

static enum leat_status slot_write(struct run *run, uint32_t number, struct leat_error *err)
{
    struct slot *slot = &run->host->slots[number];
    size_t total = 0, put;

    while (total < TURN_SIZE) {
        if (slot->out_at == slot->out.length) {
            if (!slot->streaming)
                return LEAT_OK;
            LEAT_TRY(refill(slot, err));
        }
        if (leat_pipe_write(slot->process.to_child, slot->out.data + slot->out_at,
                            slot->out.length - slot->out_at, &put, err) != LEAT_OK)
            return slot_lost(run, number, NULL, err);
        slot->out_at += put;
        total += put;
        if (slot->out_at < slot->out.length)
            return LEAT_OK;
    }
    return LEAT_OK;
}

/* --- stages --- */

static enum leat_status assign(struct run *run, uint32_t number, uint32_t task,
                               struct leat_error *err)
{
    struct slot *slot = &run->host->slots[number];
    size_t start;

    slot->task = task;
    slot->attempt = run->tasks[task].attempts++;
    slot->busy = run->tasks[task].running = true;
    slot->told.length = 0;
    if (!slot->started)
        LEAT_TRY(slot_start(run->host, slot, err));
    if (slot->out_at == slot->out.length)
        slot->out.length = slot->out_at = 0;
    LEAT_TRY(leat_wire_begin(&slot->out, LEAT_WIRE_FRAGMENT, &start, err));
    LEAT_TRY(
        run->job->fragment(run->job->context, run->number, task, slot->attempt, &slot->out, err));
    return leat_wire_end(&slot->out, start, err);
}

/* Gives tasks that wait to workers that do nothing. */
static enum leat_status assign_all(struct run *run, struct leat_error *err)
{
    uint32_t task = 0;

    for (uint32_t s = 0; s < run->host->slot_count; s++) {
        if (run->host->slots[s].busy)
            continue;
        while (task < run->stage->task_count && (run->tasks[task].done || run->tasks[task].running))
            task++;
        if (task == run->stage->task_count)
            return LEAT_OK;
        LEAT_TRY(assign(run, s, task, err));
    }
    return LEAT_OK;
}

/* Waits for pipes, then reads and writes what is ready. Workers without a task are left alone. */
static enum leat_status serve(struct run *run, struct leat_pipe_wait *waits, struct leat_error *err)
{
    uint32_t count = run->host->slot_count;

    for (uint32_t s = 0; s < count; s++) {
        const struct slot *slot = &run->host->slots[s];
        bool writes = slot->busy && (slot->streaming || slot->out_at < slot->out.length);
        waits[s * 2] =
            (struct leat_pipe_wait){slot->busy ? slot->process.from_child : -1, false, false};
        waits[s * 2 + 1] =
            (struct leat_pipe_wait){writes ? slot->process.to_child : -1, true, false};
    }
    LEAT_TRY(leat_pipe_poll(waits, (size_t)count * 2, POLL_MILLISECONDS, err));
    for (uint32_t s = 0; s < count; s++) {
        if (waits[s * 2].ready)
            LEAT_TRY(slot_read(run, s, err));
        if (waits[s * 2 + 1].ready && run->host->slots[s].busy)
            LEAT_TRY(slot_write(run, s, err));
    }
    return LEAT_OK;
}

static enum leat_status run_all(struct run *run, struct leat_error *err)
{
    struct leat_pipe_wait *waits = leat_calloc((size_t)run->host->slot_count * 2, sizeof(*waits));
    enum leat_status status = waits ? LEAT_OK : leat_error_memory(err);

    while (status == LEAT_OK && run->left > 0) {
        if (leat_cancel_requested(run->job->cancel))
            status = leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
        if (status == LEAT_OK)
            status = assign_all(run, err);
        if (status == LEAT_OK)
            status = serve(run, waits, err);
    }
    leat_free(waits);
    return status;
}

/* After a failure: no worker goes on with a task. */
static void stop_busy(struct run *run)
{
    for (uint32_t s = 0; s < run->host->slot_count; s++) {
        struct slot *slot = &run->host->slots[s];
        uint32_t task = slot->task, attempt = slot->attempt;
        if (!slot->busy)
            continue;
        slot_stop(slot);
        run->job->lost(run->job->context, run->number, task, attempt);
    }
}

static enum leat_status make_room(struct processes *host, const struct leat_host_job *job,
                                  struct leat_error *err)
{
    unsigned wanted = 0;

    for (uint32_t i = 0; i < job->stage_count; i++)
        if (!job->stages[i].given && job->stages[i].task_count > wanted)
            wanted = job->stages[i].task_count;
    wanted = host->base.tasks < wanted ? host->base.tasks : wanted;
    if (wanted > host->slot_count) {
        struct slot *slots = leat_realloc(host->slots, wanted * sizeof(*slots));
        if (!slots)
            return leat_error_memory(err);
        host->slots = slots;
        while (host->slot_count < wanted)
            slot_init(&slots[host->slot_count++]);
    }
    host->spools = leat_calloc(job->stage_count, sizeof(*host->spools));
    return host->spools ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status run_tasks(struct run *run, struct leat_error *err)
{
    enum leat_status status;

    run->left = run->stage->task_count;
    run->tasks = leat_calloc(run->stage->task_count, sizeof(*run->tasks));
    status = run->tasks ? run_all(run, err) : leat_error_memory(err);
    if (status != LEAT_OK && run->tasks)
        stop_busy(run);
    leat_free(run->tasks);
    run->tasks = NULL;
    return status;
}

static enum leat_status keep_given(void *context, struct leat_text bytes, struct leat_error *err)
{
    return leat_spool_append(context, 0, 0, bytes.data, bytes.length, err);
}

static void forget(struct processes *host, uint32_t stage)
{
    if (host->spools[stage].task_count > 0)
        leat_spool_release(&host->spools[stage]);
}

/* Forgets the stages that no stage after this one reads. */
static void forget_read(const struct run *run)
{
    const struct leat_host_job *job = run->job;

    for (uint32_t i = 0; i <= run->number; i++) {
        bool read = i + 1 == job->stage_count;
        for (uint32_t s = run->number + 1; s < job->stage_count && !read; s++)
            for (uint32_t n = 0; n < job->stages[s].input_count; n++)
                read |= job->stages[s].inputs[n].stage == i;
        if (!read)
            forget(run->host, i);
    }
}

static enum leat_status run_stages(struct run *run, struct leat_error *err)
{
    const struct leat_host_job *job = run->job;

    for (run->number = 0; run->number < job->stage_count; run->number++) {
        struct leat_spool *spool = &run->host->spools[run->number];
        run->stage = &job->stages[run->number];
        LEAT_TRY(leat_spool_init(spool, run->stage->given ? 1 : run->stage->task_count,
                                 SPOOL_MEMORY, err));
        LEAT_TRY(run->stage->given ? job->given(job->context, run->number, keep_given, spool, err)
                                   : run_tasks(run, err));
        forget_read(run);
    }
    return LEAT_OK;
}

static enum leat_status give_rows(const struct run *run, struct leat_error *err)
{
    const struct leat_host_job *job = run->job;
    struct leat_spool_walk walk = {.spool = &run->host->spools[job->stage_count - 1],
                                   .partition = UINT32_MAX};
    const struct leat_spool_piece *piece;
    enum leat_status status = LEAT_OK;
    struct leat_buffer bytes;

    leat_buffer_init(&bytes, 0);
    while (status == LEAT_OK && (piece = leat_spool_next(&walk)) != NULL) {
        bytes.length = 0;
        status = leat_spool_read(walk.spool, piece, &bytes, err);
        if (status == LEAT_OK)
            status = job->rows(job->context,
                               (struct leat_text){(const char *)bytes.data, bytes.length}, err);
    }
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status processes_run(struct leat_host *base, const struct leat_host_job *job,
                                      struct leat_error *err)
{
    struct processes *host = (struct processes *)base;
    struct run run = {.host = host, .job = job};
    enum leat_status status = make_room(host, job, err);

    if (status == LEAT_OK)
        status = run_stages(&run, err);
    if (status == LEAT_OK)
        status = give_rows(&run, err);
    for (uint32_t i = 0; host->spools && i < job->stage_count; i++)
        forget(host, i);
    leat_free(host->spools);
    host->spools = NULL;
    return status;
}

static void processes_close(struct leat_host *base)
{
    struct processes *host = (struct processes *)base;

    for (uint32_t s = 0; s < host->slot_count; s++)
        slot_stop(&host->slots[s]);
    leat_free(host->slots);
    pthread_mutex_destroy(&host->base.lock);
    leat_free(host);
}

static const struct leat_host_ops processes_ops = {"local:processes", NULL, processes_run,
                                                   processes_close};

enum leat_status leat_processes_open(unsigned tasks, struct leat_host **out, struct leat_error *err)
{
    struct processes *host = leat_calloc(1, sizeof(*host));
    const char *program = getenv("LEAT_WORKER");
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!host)
        return leat_error_memory(err);
    host->base.ops = &processes_ops;
    host->base.tasks = tasks ? tasks : leat_cpu_count();
    if (program && strlen(program) < sizeof(host->program))
        strcpy(host->program, program);
    else
        status = leat_process_self(host->program, sizeof(host->program), err);
    if (status != LEAT_OK) {
        leat_free(host);
        return status;
    }
    pthread_mutex_init(&host->base.lock, NULL);
    *out = &host->base;
    return LEAT_OK;
}
