/*
 * Functions in versions for several processors, of which the one at hand is taken when the program
 * starts. Sanitizers and multiversioned functions do not go together.
 */
#ifndef LEAT_BASE_HOT_H
#define LEAT_BASE_HOT_H

/* LEAT_HOT: loops that the compiler turns into vector code. LEAT_COUNTS_BITS: __builtin_popcountll
 * is one instruction. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__) ||         \
    !defined(__x86_64__) || !defined(__OPTIMIZE__)
#define LEAT_HOT
#define LEAT_COUNTS_BITS
#else
#define LEAT_HOT                                                                                   \
    __attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define LEAT_COUNTS_BITS __attribute__((target_clones("popcnt", "default")))
#endif

#endif
