/* Faults on demand. Counters are atomics so that threads may pass the seam at once; when nothing is
 * armed a check is one relaxed load of `armed`. */
#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    _Atomic uint64_t count;
    _Atomic uint64_t target; /* fails when count reaches it; 0: none */
    _Atomic bool persistent;
    _Atomic bool fired;
};
static struct {
    _Atomic bool armed;
    struct fault alloc, file, kill;
    _Atomic int errno_value;
} state;

static void arm(struct fault *fault, uint64_t nth, bool persistent)
{
    atomic_store(&fault->count, 0);
    atomic_store(&fault->target, nth);
    atomic_store(&fault->persistent, persistent);
    atomic_store(&fault->fired, false);
    atomic_store(&state.armed, true);
}

static bool hit(struct fault *fault)
{
    uint64_t now = atomic_fetch_add(&fault->count, 1) + 1;
    uint64_t target = atomic_load(&fault->target);

    if (target == 0 || now < target || (now > target && !atomic_load(&fault->persistent)))
        return false;
    atomic_store(&fault->fired, true);
    return true;
}

void leat_fault_alloc_arm(uint64_t nth, bool persistent)
{
    arm(&state.alloc, nth, persistent);
}

void leat_fault_file_arm(uint64_t nth, bool persistent, int errno_value)
{
    atomic_store(&state.errno_value, errno_value);
    arm(&state.file, nth, persistent);
}

void leat_fault_kill_arm(uint64_t nth)
{
    arm(&state.kill, nth, false);
}

static void report_counts(void)
{
    fprintf(stderr, "file calls %llu changing %llu allocations %llu\n",
            (unsigned long long)atomic_load(&state.file.count),
            (unsigned long long)atomic_load(&state.kill.count),
            (unsigned long long)atomic_load(&state.alloc.count));
}

void leat_fault_init_from_environment(void)
{
    const char *alloc = getenv("LEAT_FAULT_ALLOC");
    const char *file = getenv("LEAT_FAULT_FILE");
    const char *kill_at = getenv("LEAT_FAULT_KILL");
    const char *name = getenv("LEAT_FAULT_ERRNO");

    if (alloc)
        leat_fault_alloc_arm(strtoull(alloc, NULL, 10), false);
    if (file)
        leat_fault_file_arm(strtoull(file, NULL, 10), false,
                            name && strcmp(name, "ENOSPC") == 0 ? ENOSPC : EIO);
    if (kill_at)
        leat_fault_kill_arm(strtoull(kill_at, NULL, 10));
    if (getenv("LEAT_FAULT_COUNT")) {
        atomic_store(&state.armed, true);
        atexit(report_counts);
    }
}

uint64_t leat_fault_alloc_count(void)
{
    return atomic_load(&state.alloc.count);
}

uint64_t leat_fault_file_count(void)
{
    return atomic_load(&state.file.count);
}

bool leat_fault_alloc_fired(void)
{
    return atomic_load(&state.alloc.fired);
}

bool leat_fault_file_fired(void)
{
    return atomic_load(&state.file.fired);
}

static _Thread_local bool alloc_paused;

void leat_fault_alloc_pause(bool paused)
{
    alloc_paused = paused;
}

bool leat_fault_alloc_check(void)
{
    if (alloc_paused)
        return false;
    if (!atomic_load_explicit(&state.armed, memory_order_relaxed))
        return false;
    return hit(&state.alloc);
}

int leat_fault_file_check(bool changes)
{
    if (!atomic_load_explicit(&state.armed, memory_order_relaxed))
        return 0;
    if (changes && hit(&state.kill))
        raise(SIGKILL);
    return hit(&state.file) ? atomic_load(&state.errno_value) : 0;
}
