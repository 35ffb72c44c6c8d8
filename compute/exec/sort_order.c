/* The order of rows whose keys are words: most significant byte first, so that the first pass deals
 * rows out to parts that fit the caches and that threads sort on their own. Small parts are sorted
 * by insertion. The sort is stable. */
#include "compute/exec/sort_internal.h"

enum { SMALL = 24, DIGIT = 8, BUCKETS = 1 << DIGIT, LARGE = 1 << 16 };

struct entry {
    uint64_t key; /* what is left of the word, from the highest bit on */
    uint32_t row;
    uint32_t unused;
};
struct ordering {
    struct leat_exec *exec;
    const struct leat_sort_words *words;
    struct entry *entries, *other;
    uint32_t *out;
    uint32_t rows;
    size_t tasks;
    uint32_t *counts;             /* task * BUCKETS, then the places where each goes on */
    uint32_t starts[BUCKETS + 1]; /* of the first digit's parts */
};

/* Order of rows that agree in words before `word` and in the bits of it that are gone. */
static int compare_entries(const struct leat_sort_words *w, uint32_t word, const struct entry *a,
                           const struct entry *b)
{
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    for (uint32_t i = word + 1; i < w->word_count; i++) {
        uint64_t left = w->words[(size_t)a->row * w->word_count + i];
        uint64_t right = w->words[(size_t)b->row * w->word_count + i];
        if (left != right)
            return left < right ? -1 : 1;
    }
    return w->inexact == w->key_count
               ? 0
               : leat_sort_compare_values(w->keys, w->inexact, w->key_count, w->values, a->row,
                                          w->values, b->row);
}

static void insertion_sort(const struct leat_sort_words *w, uint32_t word, struct entry *entries,
                           uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct entry entry = entries[i];
        uint32_t j = i;
        for (; j > 0 && compare_entries(w, word, &entries[j - 1], &entry) > 0; j--)
            entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

/* Large parts are left as they are once the query is cancelled. */
static bool gives_up(const struct leat_sort_words *w, uint32_t count)
{
    return count >= LARGE && leat_cancel_requested(w->cancel);
}

/* Where words say no more: merge sort by comparing. The result is in `entries`. */
static void merge_sort(const struct leat_sort_words *w, uint32_t word, struct entry *entries,
                       struct entry *other, uint32_t count)
{
    uint32_t half = count / 2, a = 0, b = half;

    if (count <= SMALL) {
        insertion_sort(w, word, entries, count);
        return;
    }
    if (gives_up(w, count))
        return;
    merge_sort(w, word, entries, other, half);
    merge_sort(w, word, entries + half, other + half, count - half);
    if (compare_entries(w, word, &entries[half - 1], &entries[half]) <= 0)
        return;
    memcpy(other, entries, half * sizeof(*entries));
    for (uint32_t i = 0; i < count && a < half; i++)
        entries[i] = b == count || compare_entries(w, word, &other[a], &entries[b]) <= 0
                         ? other[a++]
                         : entries[b++];
}

static void count_digits(const struct entry *entries, uint32_t count, uint32_t *counts)
{
    memset(counts, 0, BUCKETS * sizeof(*counts));
    for (uint32_t i = 0; i < count; i++)
        counts[entries[i].key >> (64 - DIGIT)]++;
}

/* Moves entries to `next` of their digit, which they lose. */
static void deal_digits(const struct entry *entries, uint32_t count, struct entry *to,
                        uint32_t *next)
{
    for (uint32_t i = 0; i < count; i++) {
        struct entry entry = entries[i];
        uint32_t at = next[entry.key >> (64 - DIGIT)]++;
        entry.key <<= DIGIT;
        to[at] = entry;
    }
}

static void load_word(const struct leat_sort_words *w, uint32_t word, struct entry *entries,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        entries[i].key = w->words[(size_t)entries[i].row * w->word_count + word];
}

/* Sorts `entries` by what is left: `used` bits of word `word`, and what comes after. The result is
 * in `other` if `to_other`. */
static void sort_part(const struct leat_sort_words *w, uint32_t word, unsigned used,
                      struct entry *entries, struct entry *other, uint32_t count, bool to_other)
{
    uint32_t counts[BUCKETS], next[BUCKETS], at = 0;

    while (count > SMALL) {
        bool one = false;
        if (gives_up(w, count))
            return;
        if (used == 0) {
            if (word + 1 >= w->word_count) {
                if (w->inexact < w->key_count)
                    merge_sort(w, word, entries, other, count);
                break;
            }
            used = w->bits[++word];
            load_word(w, word, entries, count);
        }
        count_digits(entries, count, counts);
        for (uint32_t d = 0; d < BUCKETS && !one; d++)
            one = counts[d] == count;
        if (!one)
            break;
        for (uint32_t i = 0; i < count; i++)
            entries[i].key <<= DIGIT;
        used = used > DIGIT ? used - DIGIT : 0;
    }
    if (count <= SMALL || used == 0) {
        if (count <= SMALL)
            insertion_sort(w, word, entries, count);
        if (to_other)
            memcpy(other, entries, count * sizeof(*entries));
        return;
    }
    for (uint32_t d = 0; d < BUCKETS; d++) {
        next[d] = at;
        at += counts[d];
    }
    deal_digits(entries, count, other, next);
    used = used > DIGIT ? used - DIGIT : 0;
    at = 0;
    for (uint32_t d = 0; d < BUCKETS; d++) {
        sort_part(w, word, used, other + at, entries + at, counts[d], !to_other);
        at += counts[d];
    }
}

/* --- by all threads --- */

static void bounds_of(const struct ordering *o, size_t task, uint32_t *start, uint32_t *end)
{
    *start = (uint32_t)(o->rows * (uint64_t)task / o->tasks);
    *end = (uint32_t)(o->rows * (uint64_t)(task + 1) / o->tasks);
}

static enum leat_status make_entries(void *context, size_t task, struct leat_error *err)
{
    struct ordering *o = context;
    uint32_t start, end;

    LEAT_TRY(leat_exec_check(o->exec, err));
    bounds_of(o, task, &start, &end);
    for (uint32_t row = start; row < end; row++)
        o->entries[row] = (struct entry){
            o->words->word_count ? o->words->words[(size_t)row * o->words->word_count] : 0, row, 0};
    count_digits(o->entries + start, end - start, o->counts + task * BUCKETS);
    return LEAT_OK;
}

static enum leat_status deal_entries(void *context, size_t task, struct leat_error *err)
{
    struct ordering *o = context;
    uint32_t start, end;

    LEAT_TRY(leat_exec_check(o->exec, err));
    bounds_of(o, task, &start, &end);
    deal_digits(o->entries + start, end - start, o->other, o->counts + task * BUCKETS);
    return LEAT_OK;
}

static enum leat_status sort_bucket(void *context, size_t bucket, struct leat_error *err)
{
    struct ordering *o = context;
    uint32_t start = o->starts[bucket], count = o->starts[bucket + 1] - start;
    unsigned bits = o->words->word_count ? o->words->bits[0] : 0;

    LEAT_TRY(leat_exec_check(o->exec, err));
    if (count > 0)
        sort_part(o->words, 0, bits > DIGIT ? bits - DIGIT : 0, o->other + start,
                  o->entries + start, count, false);
    LEAT_TRY(leat_exec_check(o->exec, err)); /* in which case it is not sorted */
    for (uint32_t i = start; i < start + count; i++)
        o->out[i] = o->other[i].row;
    return LEAT_OK;
}

/* The places where each task's entries of each digit go. */
static void place_digits(struct ordering *o)
{
    uint32_t at = 0;

    for (uint32_t d = 0; d < BUCKETS; d++) {
        o->starts[d] = at;
        for (size_t t = 0; t < o->tasks; t++) {
            uint32_t count = o->counts[t * BUCKETS + d];
            o->counts[t * BUCKETS + d] = at;
            at += count;
        }
    }
    o->starts[BUCKETS] = at;
}

static enum leat_status order(struct ordering *o, struct leat_arena *scratch,
                              struct leat_error *err)
{
    unsigned threads = o->exec->threads;
    size_t bytes = o->rows * sizeof(struct entry) + 16;

    o->tasks = leat_sort_tasks(o->exec, o->rows);
    o->entries = leat_arena_alloc(scratch, bytes);
    o->other = leat_arena_alloc(scratch, bytes);
    o->counts = LEAT_NEW_ARRAY(scratch, uint32_t, o->tasks * BUCKETS);
    if (!o->entries || !o->other || !o->counts)
        return leat_error_memory(err);
    LEAT_TRY(leat_parallel_run(threads, o->tasks, make_entries, o, err));
    place_digits(o);
    LEAT_TRY(leat_parallel_run(threads, o->tasks, deal_entries, o, err));
    return leat_parallel_run(o->tasks > 1 ? threads : 1, BUCKETS, sort_bucket, o, err);
}

enum leat_status leat_sort_order(struct leat_exec *exec, const struct leat_sort_words *words,
                                 uint32_t rows, struct leat_arena *arena, uint32_t **out,
                                 struct leat_error *err)
{
    struct ordering o = {.exec = exec, .words = words, .rows = rows};
    struct leat_arena scratch;
    enum leat_status status;

    o.out = *out = leat_arena_alloc(arena, rows * sizeof(uint32_t) + 4);
    if (!o.out)
        return leat_error_memory(err);
    leat_arena_init(&scratch, exec->options->accountant);
    status = order(&o, &scratch, err);
    leat_arena_release(&scratch);
    return status;
}
