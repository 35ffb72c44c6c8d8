#include "base/kept_blocks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256 };

struct kept {
    void *block;
    size_t size;
};
static struct {
    pthread_mutex_t lock;
    struct kept items[MOST]; /* oldest first */
    uint32_t count;
    uint64_t bytes, limit;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take_out(uint32_t i)
{
    all.bytes -= all.items[i].size;
    all.count--;
    memmove(&all.items[i], &all.items[i + 1], (all.count - i) * sizeof(all.items[0]));
}

static void shrink(uint64_t bytes)
{
    while (all.count > 0 && (all.bytes > bytes || all.count == MOST)) {
        free(all.items[0].block);
        take_out(0);
    }
}

void leat_kept_blocks_limit(uint64_t bytes)
{
    pthread_mutex_lock(&all.lock);
    all.limit = bytes;
    shrink(bytes);
    pthread_mutex_unlock(&all.lock);
}

uint64_t leat_kept_blocks_get_limit(void)
{
    uint64_t limit;

    pthread_mutex_lock(&all.lock);
    limit = all.limit;
    pthread_mutex_unlock(&all.lock);
    return limit;
}

void *leat_kept_blocks_take(size_t size)
{
    uint32_t best = MOST;
    void *block = NULL;

    if (size < LEAT_KEPT_LEAST)
        return NULL;
    pthread_mutex_lock(&all.lock);
    for (uint32_t i = all.count; i-- > 0;) {
        size_t have = all.items[i].size;
        if (have < size || have - size > size / 8)
            continue;
        if (best == MOST || have < all.items[best].size)
            best = i;
    }
    if (best < MOST) {
        block = all.items[best].block;
        take_out(best);
    }
    pthread_mutex_unlock(&all.lock);
    return block;
}

bool leat_kept_blocks_put(void *block, size_t size)
{
    bool keeps = false;

    if (size < LEAT_KEPT_LEAST || (uintptr_t)block % 64 != 0)
        return false;
    pthread_mutex_lock(&all.lock);
    if (size <= all.limit) {
        shrink(all.limit - size);
        all.items[all.count++] = (struct kept){block, size};
        all.bytes += size;
        keeps = true;
    }
    pthread_mutex_unlock(&all.lock);
    return keeps;
}

void leat_kept_blocks_release(void)
{
    pthread_mutex_lock(&all.lock);
    shrink(0);
    pthread_mutex_unlock(&all.lock);
}
