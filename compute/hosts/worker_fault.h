/*
 * What a worker does to itself: faults on demand, and a bound on its memory.
 */
#ifndef LEAT_COMPUTE_HOSTS_WORKER_FAULT_H
#define LEAT_COMPUTE_HOSTS_WORKER_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* KIND[*COUNT][@late]:PATH, or nothing. Happens COUNT times (1) in all workers that can make files
 * PATH.0, PATH.1, …: before the fragment is run, or late, when its rows and files are there but not
 * the answer. Kinds: segv, abort, exit, loop, memory, garbage (to `out`), slow (20 s), disk (file
 * calls fail with ENOSPC from now on). LEAT_FAULT_FRAGMENT in Leat's environment gives the words,
 * or, where LEAT_FAULTS is set there, SET worker_fault.
 */
void leat_worker_fault(const char *words, bool late, int out);
/* Bounds the process's memory (RLIMIT_DATA) somewhat above what the accountant allows, so that a
 * defect ends this process and not its machine. 0: no bound. */
void leat_worker_limit_memory(uint64_t bytes);

#endif
