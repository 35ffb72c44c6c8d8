/* Allocation: the seam over malloc, the accountant, and arenas made of blocks that double in size
 * up to 1 MiB. */
#include "base/memory.h"
#include "base/fault.h"
#include "base/kept_blocks.h"
#include "base/system.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE       ((size_t)2 << 20)
#define HUGE_PAGES_FROM ((uint64_t)1 << 30)
#define KEPT_BLOCK      (32 << 20)  /* larger ones are mapped apart: the most that mallopt takes */
#define KEPT_BYTES      (256 << 20) /* free memory at the end of the heap that is kept */
#define KEPT_LARGE      ((uint64_t)2 << 30) /* large blocks that are kept, at most */

void leat_memory_trim(void)
{
    leat_kept_blocks_release();
    (void)malloc_trim(0);
}

void leat_memory_tune(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
#ifndef __SANITIZE_ADDRESS__ /* which would not see that a kept block is used */
    uint64_t share = leat_system_memory() / 8;
    leat_kept_blocks_limit(share < KEPT_LARGE ? share : KEPT_LARGE);
#endif
}

uint64_t leat_memory_default_limit(void)
{
    return leat_system_memory() / 4 * 3;
}

static bool huge_pages = true;

void leat_memory_bound(uint64_t limit)
{
    if (limit > 0 && limit < HUGE_PAGES_FROM)
        huge_pages = false;
    /* what is kept is not charged */
    if (limit > 0 && leat_kept_blocks_get_limit() > limit / 16)
        leat_kept_blocks_limit(huge_pages ? limit / 16 : 0);
}

/* Large blocks are better faulted in by the 2 MiB than by the 4 KiB. */
static void *advised(void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
    uintptr_t start = ((uintptr_t)block + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(uintptr_t)(HUGE_PAGE - 1);
    int before = errno;

    if (block && size >= HUGE_PAGE && huge_pages && start < end) {
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE); /* no more than advice */
        errno = before;
    }
#endif
    return block;
}

/* A block of LEAT_KEPT_LEAST or more, aligned as those of arenas must be. */
static void *malloc_large(size_t size)
{
    void *block = leat_kept_blocks_take(size);

    if (block)
        return block;
    return posix_memalign(&block, huge_pages ? HUGE_PAGE : 64, size) == 0 ? advised(block, size)
                                                                          : NULL;
}

void *leat_malloc(size_t size)
{
    if (leat_fault_alloc_check())
        return NULL;
    return size >= LEAT_KEPT_LEAST ? malloc_large(size) : advised(malloc(size ? size : 1), size);
}

void *leat_calloc(size_t count, size_t size)
{
    size_t total;
    void *block;

    if (leat_fault_alloc_check() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    block = leat_kept_blocks_take(total);
    if (block)
        return memset(block, 0, total);
    block = calloc(count ? count : 1, size ? size : 1);
    return block ? advised(block, total) : NULL;
}

void *leat_realloc(void *block, size_t size)
{
    size_t before = block ? malloc_usable_size(block) : 0;
    void *kept;

    if (leat_fault_alloc_check())
        return NULL;
    kept = before < size ? leat_kept_blocks_take(size) : NULL;
    if (!kept)
        return advised(realloc(block, size ? size : 1), size);
    if (block)
        memcpy(kept, block, before);
    leat_free(block);
    return kept;
}

void leat_free(void *block)
{
    size_t size = block ? malloc_usable_size(block) : 0;

    if (size < LEAT_KEPT_LEAST || !leat_kept_blocks_put(block, size))
        free(block);
}

void *leat_malloc_aligned(size_t size)
{
    if (leat_fault_alloc_check() || size > SIZE_MAX - 64)
        return NULL;
    return size >= LEAT_KEPT_LEAST
               ? malloc_large(size)
               : advised(aligned_alloc(64, (size + 63) / 64 * 64 + (size == 0) * 64), size);
}

char *leat_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = leat_malloc(size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void leat_accountant_init(struct leat_accountant *accountant, struct leat_accountant *parent,
                          uint64_t limit)
{
    accountant->parent = parent;
    atomic_init(&accountant->used, 0);
    atomic_init(&accountant->peak, 0);
    accountant->limit = limit;
}

bool leat_accountant_charge(struct leat_accountant *accountant, uint64_t size)
{
    uint64_t now, peak;

    if (!accountant)
        return true;
    now = atomic_fetch_add_explicit(&accountant->used, size, memory_order_relaxed) + size;
    if ((accountant->limit && now > accountant->limit) ||
        !leat_accountant_charge(accountant->parent, size)) {
        atomic_fetch_sub_explicit(&accountant->used, size, memory_order_relaxed);
        return false;
    }
    peak = atomic_load_explicit(&accountant->peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak(&accountant->peak, &peak, now))
        ;
    return true;
}

void leat_accountant_explain(const struct leat_accountant *accountant, struct leat_error *err)
{
    if (err && err->status == LEAT_NO_MEMORY && accountant->limit)
        leat_error_hint(
            err, "the limit is %llu MiB, and this could not be moved to disk: raise --memory",
            (unsigned long long)(accountant->limit >> 20));
}

void leat_accountant_release(struct leat_accountant *accountant, uint64_t size)
{
    for (; accountant; accountant = accountant->parent)
        atomic_fetch_sub_explicit(&accountant->used, size, memory_order_relaxed);
}

struct leat_arena_block {
    struct leat_arena_block *next;
    size_t size; /* of the whole block */
};

enum {
    BLOCK_FIRST = 4096,
    BLOCK_LARGEST = 1 << 20,
    BLOCK_HEADER = 64,
    LARGE_ARENA = 16 << 20 /* from here on blocks are of huge pages */
};
_Static_assert(sizeof(struct leat_arena_block) <= BLOCK_HEADER, "header keeps 64-byte alignment");

void leat_arena_init(struct leat_arena *arena, struct leat_accountant *accountant)
{
    memset(arena, 0, sizeof(*arena));
    arena->accountant = accountant;
}

static void free_blocks(struct leat_arena *arena, struct leat_arena_block *block)
{
    while (block) {
        struct leat_arena_block *next = block->next;
        leat_accountant_release(arena->accountant, block->size);
        leat_free(block);
        block = next;
    }
}

void leat_arena_release(struct leat_arena *arena)
{
    free_blocks(arena, arena->head);
    arena->head = NULL;
    arena->next = arena->end = NULL;
    arena->used = 0;
}

void leat_arena_reset(struct leat_arena *arena)
{
    struct leat_arena_block *keep = arena->head;
    struct leat_arena_block *block = arena->head;

    if (!keep)
        return;
    for (; block; block = block->next)
        if (block->size > keep->size)
            keep = block;
    for (block = arena->head; block;) {
        struct leat_arena_block *next = block->next;
        if (block != keep) {
            leat_accountant_release(arena->accountant, block->size);
            leat_free(block);
        }
        block = next;
    }
    keep->next = NULL;
    arena->head = keep;
    arena->next = (char *)keep + BLOCK_HEADER;
    arena->end = (char *)keep + keep->size;
    arena->used = 0;
}

/* A new block with room for `size` bytes at any alignment up to 64. */
static bool add_block(struct leat_arena *arena, size_t size)
{
    size_t wanted = arena->head ? arena->head->size * 2 : BLOCK_FIRST;
    struct leat_arena_block *block;
    bool large = huge_pages && arena->used >= LARGE_ARENA;

    if (size > SIZE_MAX / 2)
        return false;
    if (wanted > BLOCK_LARGEST)
        wanted = large ? 2 * HUGE_PAGE : BLOCK_LARGEST;
    if (wanted < size + BLOCK_HEADER + 64)
        wanted = (size + BLOCK_HEADER + 64 + 63) / 64 * 64;
    if (!leat_accountant_charge(arena->accountant, wanted))
        return false;
    block = leat_malloc_aligned(wanted);
    if (!block) {
        leat_accountant_release(arena->accountant, wanted);
        return false;
    }
    block->size = wanted;
    block->next = arena->head;
    arena->head = block;
    arena->next = (char *)block + BLOCK_HEADER;
    arena->end = (char *)block + wanted;
    return true;
}

static void *alloc_at(struct leat_arena *arena, size_t size, size_t alignment)
{
    uintptr_t start = ((uintptr_t)arena->next + alignment - 1) & ~(uintptr_t)(alignment - 1);

    if (!arena->next || start > (uintptr_t)arena->end || size > (uintptr_t)arena->end - start) {
        if (!add_block(arena, size))
            return NULL;
        start = ((uintptr_t)arena->next + alignment - 1) & ~(uintptr_t)(alignment - 1);
    }
    arena->next = (char *)start + size;
    arena->used += size;
    return (void *)start;
}

void *leat_arena_alloc(struct leat_arena *arena, size_t size)
{
    return alloc_at(arena, size, 16);
}

void *leat_arena_alloc_aligned(struct leat_arena *arena, size_t size)
{
    return alloc_at(arena, size, 64);
}

void *leat_arena_calloc(struct leat_arena *arena, size_t count, size_t size)
{
    size_t total;
    void *block;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    block = leat_arena_alloc(arena, total);
    if (block)
        memset(block, 0, total);
    return block;
}

char *leat_arena_copy(struct leat_arena *arena, const void *bytes, size_t length)
{
    char *copy = length < SIZE_MAX ? alloc_at(arena, length + 1, 1) : NULL;

    if (copy) {
        if (length)
            memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    return copy;
}

char *leat_arena_strdup(struct leat_arena *arena, const char *text)
{
    return leat_arena_copy(arena, text, strlen(text));
}

char *leat_arena_printf(struct leat_arena *arena, const char *format, ...)
{
    va_list args, again;
    char *text = NULL;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length >= 0)
        text = alloc_at(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void leat_arena_adopt(struct leat_arena *to, struct leat_arena *from)
{
    struct leat_arena_block *last = from->head;

    if (!last)
        return;
    while (last->next)
        last = last->next;
    if (to->head) { /* behind the current block, so that its free room stays in use */
        last->next = to->head->next;
        to->head->next = from->head;
    } else {
        to->head = from->head;
        to->next = from->next;
        to->end = from->end;
    }
    to->used += from->used;
    from->head = NULL;
    from->next = from->end = NULL;
    from->used = 0;
}
