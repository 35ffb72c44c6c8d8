/* Clock, random numbers, threads, child processes and log lines. */
#include "base/system.h"
#include "base/fault.h"
#include "base/hash.h"

#include <pwd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t fixed_clock;
static _Atomic uint64_t random_state;

static int64_t read_clock(clockid_t id, int64_t unit)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * (1000000000 / unit) + now.tv_nsec / unit;
}

int64_t leat_clock_now(void)
{
    int64_t fixed = atomic_load_explicit(&fixed_clock, memory_order_relaxed);
    const char *text;

    if (fixed)
        return fixed;
    text = getenv("LEAT_CLOCK");
    if (text) {
        leat_clock_fix(strtoll(text, NULL, 10));
        return atomic_load(&fixed_clock);
    }
    return read_clock(CLOCK_REALTIME, 1000);
}

void leat_clock_fix(int64_t microseconds)
{
    atomic_store(&fixed_clock, microseconds);
}

int64_t leat_clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC, 1);
}

void leat_clock_sleep(int64_t microseconds)
{
    struct timespec left = {.tv_sec = microseconds / 1000000,
                            .tv_nsec = microseconds % 1000000 * 1000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void leat_random_seed(uint64_t seed)
{
    atomic_store(&random_state, seed | 1);
}

uint64_t leat_random_u64(void)
{
    uint64_t state = atomic_load(&random_state);

    if (state == 0) {
        const char *text = getenv("LEAT_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 10) : 0;
        if (!text && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
            seed = (uint64_t)read_clock(CLOCK_REALTIME, 1) ^ (uint64_t)getpid() << 32;
        leat_random_seed(seed);
    }
    /* splitmix64 over an atomic counter: every caller gets its own number */
    state = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;
    return leat_hash_u64(state);
}

void leat_random_uuid(char out[37])
{
    uint64_t high = leat_random_u64(), low = leat_random_u64();

    high = (high & ~0xf000ULL) | 0x4000ULL;
    low = (low & ~(3ULL << 62)) | 2ULL << 62;
    snprintf(out, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
             (unsigned long long)(low & 0xffffffffffffULL));
}

/* The cgroup's CPU quota in whole cores, or 0 for none. */
static unsigned cgroup_cores(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    unsigned long long quota = 0, period = 0;
    unsigned cores = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &quota, &period) == 2 && period > 0)
        cores = (unsigned)((quota + period - 1) / period);
    fclose(file);
    return cores;
}

unsigned leat_cpu_count(void)
{
    cpu_set_t set;
    unsigned count = 1, limit;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        count = (unsigned)CPU_COUNT(&set);
    limit = cgroup_cores();
    if (limit && limit < count)
        count = limit;
    return count ? count : 1;
}

struct parallel {
    leat_parallel_fn fn;
    void *context;
    size_t count;
    _Atomic size_t next;
    pthread_mutex_t lock;
    enum leat_status status; /* the first failure; under lock */
    struct leat_error error;
    _Atomic bool failed;
};

static void parallel_work(struct parallel *work)
{
    struct leat_error error;

    for (;;) {
        size_t i;
        enum leat_status status;
        if (atomic_load_explicit(&work->failed, memory_order_relaxed))
            return;
        i = atomic_fetch_add(&work->next, 1);
        if (i >= work->count)
            return;
        leat_error_clear(&error);
        status = work->fn(work->context, i, &error);
        if (status == LEAT_OK)
            continue;
        pthread_mutex_lock(&work->lock);
        if (work->status == LEAT_OK) {
            work->status = status;
            work->error = error;
        }
        pthread_mutex_unlock(&work->lock);
        atomic_store(&work->failed, true);
    }
}

static void *parallel_thread(void *argument)
{
    parallel_work(argument);
    return NULL;
}

enum leat_status leat_parallel_run(unsigned threads, size_t count, leat_parallel_fn fn,
                                   void *context, struct leat_error *err)
{
    struct parallel work = {.fn = fn, .context = context, .count = count};
    unsigned started = 0, wanted = threads > count ? (unsigned)count : threads;
    pthread_t *ids = NULL;

    pthread_mutex_init(&work.lock, NULL);
    if (wanted > 1)
        ids = leat_malloc((wanted - 1) * sizeof(*ids));
    /* Fewer threads than asked for is slower, not wrong: the caller's own thread takes all that is
     * left. */
    while (ids && started < wanted - 1 &&
           pthread_create(&ids[started], NULL, parallel_thread, &work) == 0)
        started++;
    parallel_work(&work);
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    leat_free(ids);
    pthread_mutex_destroy(&work.lock);
    if (work.status != LEAT_OK && err)
        *err = work.error;
    return work.status;
}

/* Runs in the child between fork and exec: only async-signal-safe calls. */
static void child_start(const char *const *argv, int in, int out)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is for the coordinator, which stops its workers itself */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(127);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

enum leat_status leat_process_start(const char *const *argv, struct leat_process *out,
                                    struct leat_error *err)
{
    int in[2] = {-1, -1}, from[2] = {-1, -1}, failed = leat_fault_file_check(false);

    *out = (struct leat_process){-1, -1, -1};
    if (!failed && (pipe2(in, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0))
        failed = errno;
    if (!failed) {
        out->pid = fork();
        if (out->pid == 0)
            child_start(argv, in[0], from[1]);
        if (out->pid < 0)
            failed = errno;
    }
    if (in[0] >= 0)
        close(in[0]);
    if (from[1] >= 0)
        close(from[1]);
    if (failed) {
        if (in[1] >= 0)
            close(in[1]);
        if (from[0] >= 0)
            close(from[0]);
        return leat_error_set(err, LEAT_E_PROCESS, "cannot start %s: %s", argv[0],
                              strerror(failed));
    }
    out->to_child = in[1];
    out->from_child = from[0];
    return LEAT_OK;
}

static void close_pipes(struct leat_process *process)
{
    if (process->to_child >= 0)
        close(process->to_child);
    if (process->from_child >= 0)
        close(process->from_child);
    process->to_child = process->from_child = -1;
}

enum leat_status leat_process_wait(struct leat_process *process, int *exit_code,
                                   struct leat_error *err)
{
    int state;

    close_pipes(process);
    while (waitpid(process->pid, &state, 0) < 0)
        if (errno != EINTR)
            return leat_error_set(err, LEAT_E_PROCESS, "cannot wait for process %ld: %s",
                                  (long)process->pid, strerror(errno));
    process->pid = -1;
    *exit_code = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
    return LEAT_OK;
}

int leat_process_kill(struct leat_process *process)
{
    int state = 0;

    if (process->pid > 0)
        kill(process->pid, SIGKILL); /* before its pipes close, or it may complain of that */
    close_pipes(process);
    if (process->pid <= 0)
        return 0;
    while (waitpid(process->pid, &state, 0) < 0 && errno == EINTR)
        ;
    process->pid = -1;
    return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

enum leat_status leat_process_nonblocking(const struct leat_process *process,
                                          struct leat_error *err)
{
    int failed = leat_fault_file_check(false);

    if (!failed && (fcntl(process->to_child, F_SETFL, O_NONBLOCK) != 0 ||
                    fcntl(process->from_child, F_SETFL, O_NONBLOCK) != 0))
        failed = errno;
    return failed ? leat_error_io(err, "prepare", "a pipe", failed) : LEAT_OK;
}

enum leat_status leat_pipe_read(int pipe, void *into, size_t size, size_t *out, bool *end,
                                struct leat_error *err)
{
    int failed = leat_fault_file_check(false);
    ssize_t got = -1;

    *out = 0;
    *end = false;
    while (!failed && (got = read(pipe, into, size)) < 0 && errno == EINTR)
        ;
    if (!failed && got < 0)
        failed = errno;
    if (failed == EAGAIN)
        return LEAT_OK;
    if (failed)
        return leat_error_io(err, "read", "a pipe", failed);
    *out = (size_t)got;
    *end = got == 0;
    return LEAT_OK;
}

enum leat_status leat_pipe_write(int pipe, const void *bytes, size_t size, size_t *out,
                                 struct leat_error *err)
{
    *out = 0;
    while (*out < size) {
        int failed = leat_fault_file_check(true);
        ssize_t put = failed ? -1 : write(pipe, (const char *)bytes + *out, size - *out);
        if (!failed && put < 0)
            failed = errno;
        if (failed == EINTR)
            continue;
        if (failed == EAGAIN)
            return LEAT_OK;
        if (failed)
            return leat_error_io(err, "write to", "a pipe", failed);
        *out += (size_t)put;
    }
    return LEAT_OK;
}

enum leat_status leat_pipe_poll(struct leat_pipe_wait *items, size_t count, int milliseconds,
                                struct leat_error *err)
{
    struct pollfd *polled = leat_calloc(count, sizeof(*polled));
    int failed = 0;

    if (!polled)
        return leat_error_memory(err);
    for (size_t i = 0; i < count; i++)
        polled[i] = (struct pollfd){items[i].pipe, items[i].writable ? POLLOUT : POLLIN, 0};
    if (poll(polled, count, milliseconds) < 0 && errno != EINTR)
        failed = errno;
    for (size_t i = 0; i < count; i++)
        items[i].ready = polled[i].revents != 0;
    leat_free(polled);
    return failed ? leat_error_io(err, "wait for", "pipes", failed) : LEAT_OK;
}

/* The number in a file of one line; UINT64_MAX where there is none. */
static uint64_t number_in(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned long long number;
    bool found = file && fscanf(file, "%llu", &number) == 1;

    if (file)
        (void)fclose(file);
    return found ? number : UINT64_MAX;
}

uint64_t leat_system_memory(void)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        uint64_t limit = number_in(limits[i]);
        memory = limit < memory ? limit : memory;
    }
    return memory;
}

enum leat_status leat_process_self(char *out, size_t size, struct leat_error *err)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);

    if (length < 0)
        return leat_error_io(err, "read", "/proc/self/exe", errno);
    out[length] = '\0';
    return LEAT_OK;
}

static enum leat_log_level log_threshold(void)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *text = getenv("LEAT_LOG");

    for (int i = 0; text && i < 4; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum leat_log_level)i;
    return LEAT_LOG_WARN;
}

void leat_log(enum leat_log_level level, const char *room, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char message[1024], when[32];
    time_t now = (time_t)(leat_clock_now() / 1000000);
    struct tm parts;
    va_list args;

    if (level > log_threshold())
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    gmtime_r(&now, &parts);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(stderr, "%s %-5s %s: %s\n", when, names[level], room, message);
}

void leat_user_name(char *out, size_t size)
{
    struct passwd entry, *found = NULL;
    char room[4096];

    if (getpwuid_r(geteuid(), &entry, room, sizeof(room), &found) != 0)
        found = NULL;
    snprintf(out, size, "%s", found ? found->pw_name : "leat");
}
