/* The progress line: a thread reads the counters ten times a second and draws over the last line.
 * Whoever writes to the terminal hides it first. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MILLISECONDS = 100, FIRST_MILLISECONDS = 300 };

static void put_scaled(double number, const char *const *units, char *out, size_t size)
{
    int unit = 0;

    for (; number >= 1000 && units[unit + 1]; unit++)
        number /= 1000;
    snprintf(out, size, unit && number < 100 ? "%.1f%s" : "%.0f%s", number, units[unit]);
}

static void put_bytes(double bytes, char *out, size_t size)
{
    static const char *const units[] = {" B", " KB", " MB", " GB", " TB", NULL};

    put_scaled(bytes, units, out, size);
}

void leat_cli_progress_text(const struct leat_progress_counts *counts, double seconds, char *out,
                            size_t size)
{
    static const char *const units[] = {"", " thousand", " million", " billion", NULL};
    char bytes[32], total[32], rows[32], speed[32], left[48] = "", of[48] = "", tables[64] = "";
    double rate = seconds > 0 ? (double)counts->bytes / seconds : 0;

    put_bytes((double)counts->bytes, bytes, sizeof(bytes));
    put_bytes((double)counts->total, total, sizeof(total));
    put_bytes(rate, speed, sizeof(speed));
    put_scaled((double)counts->rows, units, rows, sizeof(rows));
    if (counts->total > counts->bytes) {
        snprintf(of, sizeof(of), " of %s", total);
        if (rate > 0 && seconds > 0.5)
            snprintf(left, sizeof(left), ", %.0f s left",
                     (double)(counts->total - counts->bytes) / rate);
    }
    if (counts->tables)
        snprintf(tables, sizeof(tables), "%llu of %llu tables, ", (unsigned long long)counts->done,
                 (unsigned long long)counts->tables);
    if (counts->bytes == 0 && counts->rows == 0) {
        snprintf(out, size, "%s%.0f s", tables, seconds);
        return;
    }
    snprintf(out, size, "%s%s%s, %s rows, %s/s%s", tables, bytes, of, rows, speed, left);
}

static void clear(struct leat_cli_progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}

static void draw(struct leat_cli_progress *progress)
{
    int64_t elapsed = leat_clock_monotonic() - progress->started;
    struct leat_progress_counts counts = {0};
    char text[200];

    if (progress->hidden || elapsed < (int64_t)FIRST_MILLISECONDS * 1000000)
        return;
    progress->read(progress->context, &counts);
    leat_cli_progress_text(&counts, (double)elapsed / 1e9, text, sizeof(text));
    fprintf(stderr, "\r\033[K  %.75s", text);
    progress->drawn = true;
}

static void *run(void *context)
{
    struct leat_cli_progress *progress = context;

    pthread_mutex_lock(&progress->lock);
    while (!progress->stop) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)TICK_MILLISECONDS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&progress->wake, &progress->lock, &until);
        if (!progress->stop)
            draw(progress);
    }
    clear(progress);
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

void leat_cli_progress_start(struct leat_cli_progress *progress,
                             void (*read)(void *context, struct leat_progress_counts *out),
                             void *context)
{
    const char *term = getenv("TERM");

    memset(progress, 0, sizeof(*progress));
    if (!isatty(2) || !term || strcmp(term, "dumb") == 0)
        return;
    progress->read = read;
    progress->context = context;
    progress->started = leat_clock_monotonic();
    pthread_mutex_init(&progress->lock, NULL);
    pthread_cond_init(&progress->wake, NULL);
    progress->running = pthread_create(&progress->thread, NULL, run, progress) == 0;
}

static void set_hidden(struct leat_cli_progress *progress, bool hidden)
{
    if (!progress || !progress->running)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->hidden = hidden;
    if (hidden)
        clear(progress);
    else
        progress->started = leat_clock_monotonic();
    pthread_mutex_unlock(&progress->lock);
}

void leat_cli_progress_hide(struct leat_cli_progress *progress)
{
    set_hidden(progress, true);
}

void leat_cli_progress_show(struct leat_cli_progress *progress)
{
    set_hidden(progress, false);
}

void leat_cli_progress_stop(struct leat_cli_progress *progress)
{
    if (!progress->running)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->stop = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    pthread_cond_destroy(&progress->wake);
    pthread_mutex_destroy(&progress->lock);
    progress->running = false;
}
