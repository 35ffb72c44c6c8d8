/*
 * Faults on demand, for tests: fail the nth allocation or file call, or kill the process at the nth
 * file call. In ordinary use nothing is armed and a check costs one relaxed load.
 *
 * The environment arms a process at start (leat_fault_init_from_environment): LEAT_FAULT_ALLOC=n,
 * LEAT_FAULT_FILE=n (fails with EIO, or the name in LEAT_FAULT_ERRNO=ENOSPC), LEAT_FAULT_KILL=n
 * (SIGKILL before the nth file call that changes something). LEAT_FAULT_COUNT=1 prints the numbers
 * of calls on standard error at the end.
 * LEAT_FAULT_WORKER_KILL=n does the last in each worker process only (cli/worker.c); writing to a
 * pipe counts there.
 */
#ifndef LEAT_BASE_FAULT_H
#define LEAT_BASE_FAULT_H

#include "base/status.h"

/* Arms: the nth call from now (1 is the next) fails once; with `persistent` all later ones too. 0
 * disarms. */
void leat_fault_alloc_arm(uint64_t nth, bool persistent);
void leat_fault_file_arm(uint64_t nth, bool persistent, int errno_value);
void leat_fault_kill_arm(uint64_t nth);
void leat_fault_init_from_environment(void);
/* How many calls passed the seam since the process started or the last arm: to find the last n. */
uint64_t leat_fault_alloc_count(void);
uint64_t leat_fault_file_count(void);
bool leat_fault_alloc_fired(void);
bool leat_fault_file_fired(void);

/* While paused, this thread's allocations do not fail on demand: around calls of libraries that
 * cannot bear it. */
void leat_fault_alloc_pause(bool paused);

/* Called by the seam. True: fail this allocation. */
bool leat_fault_alloc_check(void);
/* 0, or the errno to fail with. `changes`: the call alters something on disk. May not return
 * (kill). */
int leat_fault_file_check(bool changes);

#endif
