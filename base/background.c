/* A queue and threads that are started when all others are busy, and stay. A forked child has none
 * of its parent's threads and begins anew. */
#include "base/background.h"

#include <pthread.h>
#include <stdlib.h>

enum { MAX_THREADS = 16 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct leat_background_task *first, *last;
    unsigned threads, idle, queued;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void in_child(void)
{
    pool.first = pool.last = NULL;
    pool.threads = pool.idle = pool.queued = 0;
    pthread_cond_init(&pool.more, NULL);
    pthread_mutex_init(&pool.lock, NULL);
}

static void pool_init(void)
{
    pthread_atfork(before_fork, after_fork, in_child);
}

static void *serve(void *context)
{
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct leat_background_task *task;
        while (!pool.first) {
            pool.idle++;
            pthread_cond_wait(&pool.more, &pool.lock);
            pool.idle--;
        }
        task = pool.first;
        pool.first = task->next;
        pool.last = pool.first ? pool.last : NULL;
        pool.queued--;
        pthread_mutex_unlock(&pool.lock);
        task->run(task);
        pthread_mutex_lock(&pool.lock);
    }
    return context;
}

bool leat_background_submit(struct leat_background_task *task)
{
    bool granted;

    pthread_once(&pool_once, pool_init);
    pthread_mutex_lock(&pool.lock);
    if (pool.idle <= pool.queued && pool.threads < MAX_THREADS) {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pool.threads += pthread_create(&thread, &attributes, serve, NULL) == 0;
        pthread_attr_destroy(&attributes);
    }
    granted = pool.threads > 0;
    if (granted) {
        task->next = NULL;
        if (pool.last)
            pool.last->next = task;
        else
            pool.first = task;
        pool.last = task;
        pool.queued++;
        pthread_cond_signal(&pool.more);
    }
    pthread_mutex_unlock(&pool.lock);
    return granted;
}

bool leat_background_withdraw(struct leat_background_task *task)
{
    struct leat_background_task **link, *before = NULL;
    bool found;

    pthread_mutex_lock(&pool.lock);
    for (link = &pool.first; *link && *link != task; link = &(*link)->next)
        before = *link;
    found = *link == task;
    if (found) {
        *link = task->next;
        if (pool.last == task)
            pool.last = before;
        pool.queued--;
    }
    pthread_mutex_unlock(&pool.lock);
    return found;
}
