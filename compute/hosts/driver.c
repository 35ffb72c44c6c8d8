/* A cluster as a host: a driver program speaks with it, and frames are spoken with the driver. The
 * driver reads at any time, so writing to it may wait; reading goes through poll, so that a cancel
 * is noticed. A driver that ends or speaks nonsense is killed, which cancels what it runs, and is
 * started anew for the next job; files of attempts that it told nothing about stay, since nobody
 * knows whether their workers are gone. */
#include "compute/hosts/host.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { READ_SIZE = 1 << 18, POLL_MILLISECONDS = 50 };
enum { CANCEL_SECONDS = 20 /* until a driver that does not answer is killed */ };
enum failed_kind { /* of FAILED; stable numbers */
                   FAILED_WORKER = 1,
                   FAILED_UNREACHABLE = 2,
                   FAILED_SETUP = 3,
                   FAILED_HOST = 4,
                   FAILED_CANCELLED = 5,
                   FAILED_MEMORY = 6
};

struct driver {
    struct leat_host base;
    struct leat_host_ops ops; /* with the host's own name */
    struct leat_arena arena;
    const char *program;
    const char *worker;
    const char *master;
    const char *config;
    char tasks_wanted[16];
    bool fixed_tasks;
    struct leat_process process;
    bool started;
    struct leat_buffer in;
    size_t in_at;
    struct leat_buffer out;
    uint32_t jobs;
};
/* A job being run. */
struct run {
    struct driver *driver;
    const struct leat_host_job *job;
    bool *won; /* of all tasks, stage by stage */
    size_t *first;
    bool ended;
    int64_t cancelled; /* when CANCEL was sent, or 0 */
};

/* --- the program --- */

static void stop(struct driver *driver)
{
    if (driver->started)
        (void)leat_process_kill(&driver->process);
    driver->started = false;
    driver->in.length = driver->in_at = driver->out.length = 0;
}

/* The driver is gone, or must go. */
static enum leat_status fail_gone(struct driver *driver, const char *how, struct leat_error *err)
{
    char text[300];
    int code;

    snprintf(text, sizeof(text), "%s", how ? how : "");
    code = driver->started ? leat_process_kill(&driver->process) : 0;
    driver->started = false;
    stop(driver);
    if (how)
        (void)leat_error_set(err, LEAT_E_HOST_FAILED, "the driver of %s sent what is no answer: %s",
                             driver->ops.name, text);
    else if (code > 128)
        (void)leat_error_set(err, LEAT_E_HOST_FAILED, "the driver of %s was ended by signal %d",
                             driver->ops.name, code - 128);
    else
        (void)leat_error_set(err, LEAT_E_HOST_FAILED, "the driver of %s ended with exit code %d",
                             driver->ops.name, code);
    leat_error_hint(err, "its messages are above; nothing of this run was committed");
    return LEAT_IO;
}

static enum leat_status send_out(struct driver *driver, struct leat_error *err)
{
    size_t put;
    enum leat_status status =
        leat_pipe_write(driver->process.to_child, driver->out.data, driver->out.length, &put, err);

    driver->out.length = 0;
    return status == LEAT_OK ? LEAT_OK : fail_gone(driver, NULL, err);
}

/* The next frame, valid until the next call; *got is false when none came within the poll's time.
 */
static enum leat_status next_frame(struct driver *driver, struct leat_wire_frame *out, bool *got,
                                   struct leat_error *err)
{
    struct leat_pipe_wait wait = {driver->process.from_child, false, false};
    size_t used, length;
    char text[256];
    bool end;

    *got = false;
    if (leat_wire_next(driver->in.data + driver->in_at, driver->in.length - driver->in_at, out,
                       &used, err) != LEAT_OK) {
        snprintf(text, sizeof(text), "%.255s", err->message);
        return fail_gone(driver, text, err);
    }
    driver->in_at += used;
    *got = used > 0;
    if (*got)
        return LEAT_OK;
    if (driver->in_at > 0) /* not each piece of a large frame */
        memmove(driver->in.data, driver->in.data + driver->in_at,
                driver->in.length - driver->in_at);
    driver->in.length -= driver->in_at;
    driver->in_at = 0;
    LEAT_TRY(leat_pipe_poll(&wait, 1, POLL_MILLISECONDS, err));
    if (!wait.ready)
        return LEAT_OK;
    LEAT_TRY(leat_buffer_reserve(&driver->in, READ_SIZE, err));
    if (leat_pipe_read(driver->process.from_child, driver->in.data + driver->in.length, READ_SIZE,
                       &length, &end, err) != LEAT_OK ||
        end)
        return fail_gone(driver, NULL, err);
    driver->in.length += length;
    return LEAT_OK;
}

/* --- what may come at any time --- */

static enum leat_status read_failed(struct driver *driver, struct leat_cursor *body,
                                    struct leat_error *err)
{
    static const enum leat_error_code codes[] = {
        [FAILED_WORKER] = LEAT_E_WORKER_DIED,  [FAILED_UNREACHABLE] = LEAT_E_HOST_UNREACHABLE,
        [FAILED_SETUP] = LEAT_E_HOST_SETUP,    [FAILED_HOST] = LEAT_E_HOST_FAILED,
        [FAILED_CANCELLED] = LEAT_E_CANCELLED, [FAILED_MEMORY] = LEAT_E_HOST_MEMORY,
    };
    struct leat_text message, hint;
    uint8_t kind;

    LEAT_TRY(leat_cursor_get_u8(body, &kind, err));
    LEAT_TRY(leat_cursor_get_bytes(body, &message, err));
    LEAT_TRY(leat_cursor_get_bytes(body, &hint, err));
    if (kind == 0 || kind >= sizeof(codes) / sizeof(codes[0]))
        kind = FAILED_HOST;
    (void)leat_error_set(err, codes[kind], "%s: %.*s", driver->ops.name,
                         (int)(message.length < 2000 ? message.length : 2000), message.data);
    if (hint.length)
        leat_error_hint(err, "%.*s", (int)(hint.length < 500 ? hint.length : 500), hint.data);
    return err->status;
}

static enum leat_status read_note(const struct driver *driver, struct leat_cursor *body,
                                  struct leat_error *err)
{
    struct leat_text text;

    LEAT_TRY(leat_cursor_get_bytes(body, &text, err));
    leat_log(LEAT_LOG_INFO, "hosts", "%s: %.*s", driver->ops.name,
             (int)(text.length < 2000 ? text.length : 2000), text.data);
    return LEAT_OK;
}

/* --- the beginning --- */

static enum leat_status read_ready(struct driver *driver, struct leat_cursor *body,
                                   struct leat_error *err)
{
    struct leat_text text;
    uint32_t tasks;

    LEAT_TRY(leat_cursor_get_bytes(body, &text, err));
    LEAT_TRY(leat_cursor_get_u32(body, &tasks, err));
    leat_log(LEAT_LOG_INFO, "hosts", "%.*s", (int)(text.length < 500 ? text.length : 500),
             text.data);
    if (!driver->fixed_tasks)
        driver->base.tasks = tasks == 0 ? 2 : tasks > 4096 ? 4096 : tasks;
    return LEAT_OK;
}

/* HELLO, then READY or FAILED. */
static enum leat_status greet(struct driver *driver, const struct leat_cancel *cancel,
                              struct leat_error *err)
{
    struct leat_wire_frame frame;
    bool greeted = false, got;

    LEAT_TRY(leat_wire_put_hello(&driver->out, err));
    LEAT_TRY(send_out(driver, err));
    for (;;) {
        if (leat_cancel_requested(cancel))
            return leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
        LEAT_TRY(next_frame(driver, &frame, &got, err));
        if (!got)
            continue;
        if (!greeted && frame.kind != LEAT_WIRE_HELLO)
            return fail_gone(driver, "no greeting", err);
        if (frame.kind == LEAT_WIRE_READY)
            return read_ready(driver, &frame.body, err);
        if (frame.kind == LEAT_WIRE_FAILED)
            return read_failed(driver, &frame.body, err);
        if (frame.kind == LEAT_WIRE_HELLO)
            LEAT_TRY(leat_wire_check_hello(&frame.body, err));
        else if (frame.kind != LEAT_WIRE_NOTE)
            return fail_gone(driver, "a message before it is ready", err);
        else
            LEAT_TRY(read_note(driver, &frame.body, err));
        greeted = true;
    }
}

static enum leat_status driver_prepare(struct leat_host *base, const struct leat_cancel *cancel,
                                       struct leat_error *err)
{
    struct driver *driver = (struct driver *)base;
    const char *argv[16] = {driver->program, "--worker", driver->worker, "--master",
                            driver->master};
    enum leat_status status;
    size_t count = 5;

    if (driver->started)
        return LEAT_OK;
    if (driver->config) {
        argv[count++] = "--config";
        argv[count++] = driver->config;
    }
    if (driver->fixed_tasks) {
        argv[count++] = "--tasks";
        argv[count++] = driver->tasks_wanted;
    }
    LEAT_TRY(leat_process_start(argv, &driver->process, err));
    driver->started = true;
    status = greet(driver, cancel, err);
    if (status != LEAT_OK)
        stop(driver);
    return status;
}

/* --- a job --- */

static enum leat_status put_job(const struct run *run, struct leat_error *err)
{
    struct leat_buffer *out = &run->driver->out;
    const struct leat_host_job *job = run->job;
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_JOB, &start, err));
    LEAT_TRY(leat_buffer_put_u32(out, ++run->driver->jobs, err));
    LEAT_TRY(leat_buffer_put_string(out, job->name, err));
    LEAT_TRY(leat_buffer_put_u32(out, job->stage_count, err));
    for (uint32_t s = 0; s < job->stage_count; s++) {
        const struct leat_host_stage *stage = &job->stages[s];
        LEAT_TRY(leat_buffer_put_u32(out, stage->given ? 0 : stage->task_count, err));
        LEAT_TRY(leat_buffer_put_u32(out, stage->partition_count, err));
        LEAT_TRY(leat_buffer_put_u8(out, stage->given, err));
        LEAT_TRY(leat_buffer_put_u32(out, stage->input_count, err));
        for (uint32_t i = 0; i < stage->input_count; i++) {
            LEAT_TRY(leat_buffer_put_u32(out, stage->inputs[i].stage, err));
            LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)stage->inputs[i].mode, err));
        }
    }
    LEAT_TRY(leat_wire_end(out, start, err));
    return send_out(run->driver, err);
}

static enum leat_status put_task(const struct run *run, uint32_t stage, uint32_t task,
                                 struct leat_error *err)
{
    struct leat_buffer *out = &run->driver->out;
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_TASK, &start, err));
    LEAT_TRY(leat_buffer_put_u32(out, stage, err));
    LEAT_TRY(leat_buffer_put_u32(out, task, err));
    LEAT_TRY(run->job->fragment(run->job->context, stage, task, 0, out, err));
    LEAT_TRY(leat_wire_end(out, start, err));
    return send_out(run->driver, err);
}

struct giving {
    const struct run *run;
    uint32_t stage;
};

static enum leat_status put_given(void *context, struct leat_text bytes, struct leat_error *err)
{
    const struct giving *giving = context;
    struct leat_buffer *out = &giving->run->driver->out;
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_GIVEN, &start, err));
    LEAT_TRY(leat_buffer_put_u32(out, giving->stage, err));
    LEAT_TRY(leat_buffer_append(out, bytes.data, bytes.length, err));
    LEAT_TRY(leat_wire_end(out, start, err));
    return send_out(giving->run->driver, err);
}

static enum leat_status put_all(const struct run *run, struct leat_error *err)
{
    const struct leat_host_job *job = run->job;

    LEAT_TRY(put_job(run, err));
    for (uint32_t s = 0; s < job->stage_count; s++) {
        struct giving giving = {run, s};
        if (job->stages[s].given)
            LEAT_TRY(job->given(job->context, s, put_given, &giving, err));
        for (uint32_t t = 0; !job->stages[s].given && t < job->stages[s].task_count; t++)
            LEAT_TRY(put_task(run, s, t, err));
    }
    LEAT_TRY(leat_wire_put(&run->driver->out, LEAT_WIRE_GO, NULL, 0, err));
    return send_out(run->driver, err);
}

/* --- its answers --- */

/* Who won or lost; a task that does not exist is an error of the message. */
static enum leat_status read_attempt(const struct run *run, struct leat_cursor *body,
                                     uint32_t numbers[3], struct leat_error *err)
{
    for (int i = 0; i < 3; i++)
        LEAT_TRY(leat_cursor_get_u32(body, &numbers[i], err));
    if (numbers[0] >= run->job->stage_count || run->job->stages[numbers[0]].given ||
        numbers[1] >= run->job->stages[numbers[0]].task_count)
        return leat_error_set(err, LEAT_E_MESSAGE, "task %u of stage %u, which there is not",
                              numbers[1], numbers[0]);
    return LEAT_OK;
}

static enum leat_status take_won(const struct run *run, struct leat_cursor *body,
                                 struct leat_error *err)
{
    uint32_t n[3];
    bool *won;

    LEAT_TRY(read_attempt(run, body, n, err));
    won = &run->won[run->first[n[0]] + n[1]];
    if (*won)
        return leat_error_set(err, LEAT_E_MESSAGE, "task %u of stage %u won twice", n[1], n[0]);
    *won = true;
    return run->job->won(run->job->context, n[0], n[1], n[2], body->data + body->position,
                         body->length - body->position, err);
}

static enum leat_status take_done(struct run *run, struct leat_error *err)
{
    const struct leat_host_job *job = run->job;

    run->ended = true;
    for (uint32_t s = 0; s < job->stage_count; s++)
        for (uint32_t t = 0; !job->stages[s].given && t < job->stages[s].task_count; t++)
            if (!run->won[run->first[s] + t])
                return leat_error_set(err, LEAT_E_MESSAGE, "nothing about task %u of stage %u", t,
                                      s);
    return LEAT_OK;
}

static enum leat_status take_frame(struct run *run, struct leat_wire_frame *frame,
                                   struct leat_error *err)
{
    const struct leat_host_job *job = run->job;
    struct leat_cursor *body = &frame->body;
    struct leat_error told;
    uint64_t counts[2];
    uint32_t n[3];

    switch (frame->kind) {
    case LEAT_WIRE_WON:
        return take_won(run, body, err);
    case LEAT_WIRE_LOST:
        LEAT_TRY(read_attempt(run, body, n, err));
        job->lost(job->context, n[0], n[1], n[2]);
        return LEAT_OK;
    case LEAT_WIRE_ROWS:
        return job->rows(job->context,
                         (struct leat_text){(const char *)body->data + body->position,
                                            body->length - body->position},
                         err);
    case LEAT_WIRE_NOTE:
        return read_note(run->driver, body, err);
    case LEAT_WIRE_PROGRESS:
        LEAT_TRY(leat_cursor_get_u64(body, &counts[0], err));
        LEAT_TRY(leat_cursor_get_u64(body, &counts[1], err));
        job->progress(job->context, counts[0], counts[1]);
        return LEAT_OK;
    case LEAT_WIRE_DONE:
        return take_done(run, err);
    case LEAT_WIRE_FAILED:
        run->ended = true;
        return read_failed(run->driver, body, err);
    case LEAT_WIRE_ERROR:
        run->ended = true;
        LEAT_TRY(leat_wire_read_error(body, &told, err));
        *err = told;
        if (told.code == LEAT_E_FILE_NOT_FOUND && !told.hint[0])
            leat_error_hint(err,
                            "it is a worker of %s that does not see it: put it where all "
                            "machines reach it (s3://, hdfs://, a mounted folder)",
                            run->driver->ops.name);
        return told.status;
    default:
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of kind %d", (int)frame->kind);
    }
}

/* Asks the driver to stop, once; *err is what the run fails with. */
static enum leat_status cancel(struct run *run, struct leat_error *err)
{
    int64_t now = leat_clock_monotonic();

    if (run->cancelled == 0) {
        run->cancelled = now;
        LEAT_TRY(leat_wire_put(&run->driver->out, LEAT_WIRE_CANCEL, NULL, 0, err));
        return send_out(run->driver, err);
    }
    if (now - run->cancelled > CANCEL_SECONDS * (int64_t)1000000000)
        return fail_gone(run->driver, "nothing, when it was asked to stop", err);
    return LEAT_OK;
}

/* Reads to the end of the job. A failure on this side (a result that nobody takes, nonsense) stops
 * the job and is what remains. */
static enum leat_status follow(struct run *run, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct leat_wire_frame frame;
    struct leat_error later;
    bool got;

    while (!run->ended) {
        struct leat_error *e = status == LEAT_OK ? err : &later;
        if (leat_cancel_requested(run->job->cancel) || status != LEAT_OK) {
            if (cancel(run, e) != LEAT_OK)
                return status == LEAT_OK ? err->status : status;
        }
        if (next_frame(run->driver, &frame, &got, e) != LEAT_OK)
            return status == LEAT_OK ? err->status : status;
        if (!got)
            continue;
        if (status == LEAT_OK)
            status = take_frame(run, &frame, err);
        else
            (void)!take_frame(run, &frame, &later);
    }
    if (status == LEAT_OK && run->cancelled)
        return leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
    return status;
}

static enum leat_status driver_run(struct leat_host *base, const struct leat_host_job *job,
                                   struct leat_error *err)
{
    struct run run = {.driver = (struct driver *)base, .job = job};
    enum leat_status status;
    size_t tasks = 0;

    LEAT_TRY(driver_prepare(base, job->cancel, err));
    run.first = leat_calloc(job->stage_count + 1, sizeof(*run.first));
    for (uint32_t s = 0; run.first && s < job->stage_count; s++) {
        run.first[s] = tasks;
        tasks += job->stages[s].task_count;
    }
    run.won = leat_calloc(tasks + 1, sizeof(*run.won));
    status = run.first && run.won ? put_all(&run, err) : leat_error_memory(err);
    if (status == LEAT_OK)
        status = follow(&run, err);
    else
        stop(run.driver); /* half a job */
    leat_free(run.first);
    leat_free(run.won);
    return status;
}

static void driver_close(struct leat_host *base)
{
    struct driver *driver = (struct driver *)base;
    struct leat_error error;
    int code;

    if (driver->started) /* the end of its input tells it to leave */
        (void)!leat_process_wait(&driver->process, &code, &error);
    leat_buffer_release(&driver->in);
    leat_buffer_release(&driver->out);
    leat_arena_release(&driver->arena);
    pthread_mutex_destroy(&driver->base.lock);
    leat_free(driver);
}

/* --- opening --- */

static bool is_file(const char *path)
{
    struct leat_file_info info;
    struct leat_error error;

    return path && leat_file_stat(path, &info, &error) == LEAT_OK && info.kind == LEAT_FILE_REGULAR;
}

static enum leat_status find_program(struct driver *driver, const char *name, const char *folder,
                                     struct leat_error *err)
{
    static const char *const places[] = {"../libexec/leat/hosts", "../../compute"};
    struct leat_arena *arena = &driver->arena;
    const char *hosts = getenv("LEAT_HOSTS");

    if (hosts) {
        driver->program = leat_arena_printf(arena, "%s/%s/driver", hosts, name);
        if (is_file(driver->program))
            return LEAT_OK;
    }
    for (size_t i = 0; !hosts && i < sizeof(places) / sizeof(places[0]); i++) {
        driver->program = leat_arena_printf(arena, "%s/%s/%s/driver", folder, places[i], name);
        if (is_file(driver->program))
            return LEAT_OK;
    }
    (void)leat_error_set(err, LEAT_E_HOST_SETUP, "there is no driver of %s%s%s", name,
                         hosts ? " in " : " beside this program", hosts ? hosts : "");
    leat_error_hint(err, "LEAT_HOSTS names the folder that holds %s/driver", name);
    return LEAT_INVALID;
}

static enum leat_status find_worker(struct driver *driver, const char *folder,
                                    struct leat_error *err)
{
    const char *named = getenv("LEAT_WORKER_PACK");

    driver->worker = named ? leat_arena_strdup(&driver->arena, named)
                           : leat_arena_printf(&driver->arena, "%s/leat-worker", folder);
    if (is_file(driver->worker))
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_HOST_SETUP,
                         "there is no packed worker to be shipped to %s: %s", driver->ops.name,
                         driver->worker ? driver->worker : "");
    leat_error_hint(err, "make it with scripts/pack_worker.sh; LEAT_WORKER_PACK names another one");
    return LEAT_INVALID;
}

static enum leat_status set_up(struct driver *driver, const struct leat_host_options *options,
                               struct leat_error *err)
{
    struct leat_arena *arena = &driver->arena;
    char self[4096];
    char *folder;

    driver->ops = (struct leat_host_ops){leat_arena_strdup(arena, options->name), driver_prepare,
                                         driver_run, driver_close};
    driver->base.tasks = options->tasks ? options->tasks : 2;
    driver->fixed_tasks = options->tasks != 0;
    driver->base.remote = true;
    snprintf(driver->tasks_wanted, sizeof(driver->tasks_wanted), "%u", options->tasks);
    driver->master = leat_arena_strdup(arena, options->master);
    driver->config = options->config ? leat_path_absolute(arena, options->config) : NULL;
    if (!driver->ops.name || !driver->master || (options->config && !driver->config))
        return leat_error_memory(err);
    LEAT_TRY(leat_process_self(self, sizeof(self), err));
    folder = leat_path_folder(arena, self);
    if (!folder)
        return leat_error_memory(err);
    LEAT_TRY(find_program(driver, driver->ops.name, folder, err));
    return find_worker(driver, folder, err);
}

enum leat_status leat_driver_open(const struct leat_host_options *options, struct leat_host **out,
                                  struct leat_error *err)
{
    struct driver *driver = leat_calloc(1, sizeof(*driver));
    enum leat_status status;

    *out = NULL;
    if (!driver)
        return leat_error_memory(err);
    leat_arena_init(&driver->arena, NULL);
    leat_buffer_init(&driver->in, 0);
    leat_buffer_init(&driver->out, 0);
    pthread_mutex_init(&driver->base.lock, NULL);
    status = set_up(driver, options, err);
    driver->base.ops = &driver->ops;
    if (status != LEAT_OK) {
        driver_close(&driver->base);
        return status;
    }
    *out = &driver->base;
    return LEAT_OK;
}
