/*
 * Clock, random numbers, threads, child processes, log lines: the rest of the seam to the system.
 */
#ifndef LEAT_BASE_SYSTEM_H
#define LEAT_BASE_SYSTEM_H

#include "base/buffer.h"
#include <sys/types.h>

/* Microseconds since 1970-01-01 UTC; tests may fix it (leat_clock_fix, or LEAT_CLOCK in the
 * environment). */
int64_t leat_clock_now(void);
/* The name of the user that the process runs as, into `out`: "leat" if it has none. */
void leat_user_name(char *out, size_t size);
/* Nanoseconds of a clock that never jumps, for durations. */
int64_t leat_clock_monotonic(void);
void leat_clock_fix(int64_t microseconds); /* 0: run again */
void leat_clock_sleep(int64_t microseconds);

/* Random numbers: seeded from the system, or from LEAT_SEED. */
uint64_t leat_random_u64(void);
void leat_random_seed(uint64_t seed);
/* Random version-4 UUID as text (36 characters and NUL). */
void leat_random_uuid(char out[37]);

/* Cores this process may use (affinity and cgroup), at least 1. */
unsigned leat_cpu_count(void);

/* Runs fn(context, i, err) for each i in [0, count) on up to `threads` threads (the caller is one
 * of them); each thread takes the next i. Returns the first failure, after all threads stopped; the
 * rest of the i are then skipped. */
typedef enum leat_status (*leat_parallel_fn)(void *context, size_t i, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_parallel_run(unsigned threads, size_t count, leat_parallel_fn fn,
                                                void *context, struct leat_error *err);

/* A child process with pipes to its stdin and from its stdout; stderr is inherited. When this
 * process dies, the child's stdin ends. (PR_SET_PDEATHSIG would kill it when the thread that
 * started it ends.) */
struct leat_process {
    pid_t pid;
    int to_child;   /* write end of its stdin, or -1 */
    int from_child; /* read end of its stdout, or -1 */
};
LEAT_CHECKED enum leat_status leat_process_start(const char *const *argv, struct leat_process *out,
                                                 struct leat_error *err);
/* Closes the pipes and waits. *exit_code is 128 + signal if killed. */
LEAT_CHECKED enum leat_status leat_process_wait(struct leat_process *process, int *exit_code,
                                                struct leat_error *err);
/* SIGKILL, then wait; gives the exit code as leat_process_wait does (of a process that had ended
 * before, its own). */
int leat_process_kill(struct leat_process *process);
/* For whoever serves several children at once: reading and writing their pipes never waits. */
LEAT_CHECKED enum leat_status leat_process_nonblocking(const struct leat_process *process,
                                                       struct leat_error *err);
/* Reads what is there, up to `size` bytes, waiting for the first unless the pipe is non-blocking.
 * *end: the other side closed it. A pipe that would wait gives 0 bytes and no end. */
LEAT_CHECKED enum leat_status leat_pipe_read(int pipe, void *into, size_t size, size_t *out,
                                             bool *end, struct leat_error *err);
/* Writes what fits; all of it unless the pipe is non-blocking. A reader that is gone is an error
 * (the program ignores SIGPIPE). */
LEAT_CHECKED enum leat_status leat_pipe_write(int pipe, const void *bytes, size_t size, size_t *out,
                                              struct leat_error *err);
struct leat_pipe_wait {
    int pipe;      /* -1: skipped */
    bool writable; /* wait for room instead of bytes */
    bool ready;    /* set: bytes, room, an end or a failure are there */
};
/* Waits until some pipe is ready, a signal comes, or the time is over. */
LEAT_CHECKED enum leat_status leat_pipe_poll(struct leat_pipe_wait *items, size_t count,
                                             int milliseconds, struct leat_error *err);
/* Bytes of memory that this process may use: the machine's, or its container's limit (cgroup). */
uint64_t leat_system_memory(void);
/* Absolute path of the running executable. */
LEAT_CHECKED enum leat_status leat_process_self(char *out, size_t size, struct leat_error *err);

/* Cancellation: a flag shared by the threads of a query; checked once a batch. */
struct leat_cancel {
    _Atomic bool requested;
};
static inline bool leat_cancel_requested(const struct leat_cancel *cancel)
{
    return cancel && atomic_load_explicit(&cancel->requested, memory_order_relaxed);
}

/* Log lines on stderr: "time level room message". Level from LEAT_LOG (error, warn, info, debug);
 * default warn. */
enum leat_log_level { LEAT_LOG_ERROR, LEAT_LOG_WARN, LEAT_LOG_INFO, LEAT_LOG_DEBUG };
void leat_log(enum leat_log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
