/*
 * Large blocks that were freed, kept for who wants one next. What is given back to the system
 * comes as pages that must be cleared again, which costs as much as the work that is done in them;
 * and in a virtual machine that reports its free pages each of them is an exit to the host.
 */
#ifndef LEAT_BASE_KEPT_BLOCKS_H
#define LEAT_BASE_KEPT_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much may be kept, 0 (at first): nothing. What is kept beyond it is freed. */
void leat_kept_blocks_limit(uint64_t bytes);
uint64_t leat_kept_blocks_get_limit(void);
/* Smaller ones are the allocator's. */
#define LEAT_KEPT_LEAST ((size_t)4 << 20)
/* A kept block of at least `size` bytes and not much more, whose bytes are undefined; NULL if there
 * is none: nothing is allocated. */
void *leat_kept_blocks_take(size_t size);
/* Keeps a block that free() could take, of `size` bytes, if it is large and aligned to 64; the
 * oldest ones are freed for it. False: it is still the caller's. */
bool leat_kept_blocks_put(void *block, size_t size);
/* Frees them all. */
void leat_kept_blocks_release(void);

#endif
