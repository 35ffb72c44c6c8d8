/*
 * Memory: the seam for every allocation, the accountant that bounds a query, and arenas.
 *
 * Three lifetimes are used: a query arena passed as a parameter (syntax, plan, operator state),
 * scratch arenas that are reset for each batch, and heap blocks (leat_malloc family) for buffers
 * that outlive both. All are charged to an accountant where one is given. Allocation failure
 * returns NULL; callers report leat_error_memory(err).
 */
#ifndef LEAT_BASE_MEMORY_H
#define LEAT_BASE_MEMORY_H

#include "base/status.h"
#include <stdatomic.h>

/* The seam. Like the C functions, but they can be made to fail (base/fault.h). Sizes of 0 give a
 * unique block. */
void *leat_malloc(size_t size);
void *leat_calloc(size_t count, size_t size);
void *leat_realloc(void *block, size_t size);
void leat_free(void *block);
/* 64-byte aligned; free with leat_free. */
void *leat_malloc_aligned(size_t size);
char *leat_strdup(const char *text);

/* Called once at the start of the program: lets the allocator keep freed blocks of megabytes for
 * the next batch or split, where by default each would be given back to the system and faulted in
 * anew. */
void leat_memory_tune(void);
/* Gives back to the system what is free: for a process that goes on after much was in use. */
void leat_memory_trim(void);
/* Tells the limit that an accountant was given, 0: none. With a small one large blocks are not
 * backed by huge pages, which are quick to get, but there as a whole once a part of them is used.
 */
void leat_memory_bound(uint64_t limit);
/* The limit where none is given: three quarters of what leat_system_memory tells, so that the
 * system does not end the process. */
uint64_t leat_memory_default_limit(void);

/* Counts bytes in use and refuses what would pass the limit. Children charge their parents too.
 * Thread-safe. */
struct leat_accountant {
    struct leat_accountant *parent; /* may be NULL; must outlive this one */
    _Atomic uint64_t used;
    _Atomic uint64_t peak;
    uint64_t limit; /* 0: no limit */
};
void leat_accountant_init(struct leat_accountant *accountant, struct leat_accountant *parent,
                          uint64_t limit);
/* Charges `size` bytes; false, and nothing charged, if a limit would be passed. `accountant` may be
 * NULL. */
bool leat_accountant_charge(struct leat_accountant *accountant, uint64_t size);
void leat_accountant_release(struct leat_accountant *accountant, uint64_t size);

/* Says in the hint of an out-of-memory error that it was the accountant's limit, if it has one;
 * other errors stay as they are. */
void leat_accountant_explain(const struct leat_accountant *accountant, struct leat_error *err);

/* A bump allocator: blocks are freed all at once. Not thread-safe. */
struct leat_arena_block;
struct leat_arena {
    struct leat_accountant *accountant; /* may be NULL */
    struct leat_arena_block *head;
    char *next;
    char *end;
    size_t used; /* bytes handed out since init or reset */
};
void leat_arena_init(struct leat_arena *arena, struct leat_accountant *accountant);
/* Frees everything. The arena may be used again. */
void leat_arena_release(struct leat_arena *arena);
/* Forgets everything but keeps the largest block for reuse. */
void leat_arena_reset(struct leat_arena *arena);
/* 16-byte aligned, uninitialised; NULL when memory is refused. Size 0 gives a valid pointer. */
void *leat_arena_alloc(struct leat_arena *arena, size_t size);
/* Zeroed; checks count * size for overflow. */
void *leat_arena_calloc(struct leat_arena *arena, size_t count, size_t size);
/* 64-byte aligned, for column data. */
void *leat_arena_alloc_aligned(struct leat_arena *arena, size_t size);
/* NUL-terminated copy of `length` bytes. */
char *leat_arena_copy(struct leat_arena *arena, const void *bytes, size_t length);
char *leat_arena_strdup(struct leat_arena *arena, const char *text);
char *leat_arena_printf(struct leat_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Moves all blocks of `from` into `to` (same accountant), leaving `from` empty. Pointers stay
 * valid. */
void leat_arena_adopt(struct leat_arena *to, struct leat_arena *from);

#define LEAT_NEW(arena, type) ((type *)leat_arena_calloc((arena), 1, sizeof(type)))
#define LEAT_NEW_ARRAY(arena, type, count)                                                         \
    ((type *)leat_arena_calloc((arena), (count), sizeof(type)))

#endif
