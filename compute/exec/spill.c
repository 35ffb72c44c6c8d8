/* Rows in a file. Each thread stages rows in memory and deals them out when they are some
 * megabytes: then the rows of each partition become batches, and these a compressed block at the
 * end of the file. Where the blocks of a partition lie is remembered in memory. */
#include "compute/exec/spill.h"

#include "base/file.h"
#include "formats/compression/codec.h"
#include <pthread.h>

enum { STAGED_MOST = 4 << 20, STAGED_LEAST = 256 << 10, BLOCK_SIZE = 256 << 10 };

struct block {
    uint64_t offset;
    uint32_t stored; /* bytes in the file */
    uint32_t length; /* bytes of its batches */
};
struct partition {
    struct block *blocks;
    size_t count, capacity;
    uint64_t rows;
};
struct staging { /* of a thread */
    struct leat_rows rows;
    uint8_t *partitions; /* of each row */
    size_t capacity;
    struct leat_evaluator *evaluator; /* of the keys, or NULL */
    struct leat_vector *keys;
    uint64_t *hashes;
    uint32_t hash_capacity;
    struct leat_codec codec;
    struct leat_buffer bytes, stored;
};
struct leat_spill {
    struct leat_exec *exec;
    const struct leat_schema *schema;
    uint32_t key_count;
    unsigned threads;
    uint64_t staged_most;
    struct staging *staging;
    struct leat_scratch file;
    pthread_mutex_t lock; /* of the file and the partitions */
    struct partition *partitions;
    uint32_t partition_count, partition_capacity;
    _Atomic uint64_t *written;
};

bool leat_spill_wanted(const struct leat_exec *exec, uint64_t mine, uint64_t more)
{
    const struct leat_accountant *accountant = exec->options->accountant;
    uint64_t limit;

    if (exec->options->spill_always)
        return exec->level < 2;
    while (accountant && !accountant->limit)
        accountant = accountant->parent;
    if (!accountant || exec->level >= LEAT_SPILL_LEVELS)
        return false;
    limit = accountant->limit;
    return mine >= limit / 64 &&
           atomic_load_explicit(&accountant->used, memory_order_relaxed) + more > limit - limit / 4;
}

static void staging_release(struct staging *staging)
{
    leat_rows_release(&staging->rows);
    leat_free(staging->partitions);
    leat_evaluator_free(staging->evaluator);
    leat_free(staging->keys);
    leat_free(staging->hashes);
    leat_codec_release(&staging->codec);
    leat_buffer_release(&staging->bytes);
    leat_buffer_release(&staging->stored);
}

static void release_staging(struct leat_spill *spill)
{
    for (unsigned i = 0; spill->staging && i < spill->threads; i++)
        staging_release(&spill->staging[i]);
    leat_free(spill->staging);
    spill->staging = NULL;
}

void leat_spill_free(struct leat_spill *spill)
{
    if (!spill)
        return;
    release_staging(spill);
    for (uint32_t p = 0; p < spill->partition_count; p++)
        leat_free(spill->partitions[p].blocks);
    leat_free(spill->partitions);
    leat_scratch_close(&spill->file);
    pthread_mutex_destroy(&spill->lock);
    leat_free(spill);
}

static enum leat_status staging_init(struct leat_spill *spill, struct staging *staging,
                                     struct leat_expr *const *keys, struct leat_error *err)
{
    struct leat_accountant *accountant = spill->exec->options->accountant;

    leat_buffer_init(&staging->bytes, 0);
    leat_buffer_init(&staging->stored, 0);
    LEAT_TRY(leat_rows_init(&staging->rows, spill->schema, accountant, err));
    if (spill->key_count == 0)
        return LEAT_OK;
    staging->keys = leat_calloc(spill->key_count, sizeof(*staging->keys));
    if (!staging->keys)
        return leat_error_memory(err);
    return leat_evaluator_new(keys, spill->key_count, &spill->exec->options->source, accountant,
                              &staging->evaluator, err);
}

enum leat_status leat_spill_new(struct leat_exec *exec, struct leat_node *node,
                                const struct leat_schema *schema, struct leat_expr *const *keys,
                                uint32_t key_count, unsigned threads, struct leat_spill **out,
                                struct leat_error *err)
{
    struct leat_spill *spill = leat_calloc(1, sizeof(*spill));
    const struct leat_accountant *accountant = exec->options->accountant;
    enum leat_status status;

    *out = NULL;
    if (!spill)
        return leat_error_memory(err);
    spill->exec = exec;
    spill->schema = schema;
    spill->key_count = key_count;
    spill->threads = threads;
    spill->file.descriptor = -1;
    spill->written = exec->spilled ? exec->spilled : &node->spilled;
    spill->staged_most = STAGED_MOST;
    if (accountant && accountant->limit && accountant->limit / 64 < STAGED_MOST)
        spill->staged_most =
            accountant->limit / 64 > STAGED_LEAST ? accountant->limit / 64 : STAGED_LEAST;
    pthread_mutex_init(&spill->lock, NULL);
    spill->staging = leat_calloc(threads, sizeof(*spill->staging));
    status = spill->staging ? LEAT_OK : leat_error_memory(err);
    for (uint32_t p = 0, made; p < LEAT_SPILL_PARTITIONS && key_count > 0; p++)
        if (status == LEAT_OK)
            status = leat_spill_run_begin(spill, &made, err);
    for (unsigned i = 0; i < threads && status == LEAT_OK; i++)
        status = staging_init(spill, &spill->staging[i], keys, err);
    if (status == LEAT_OK)
        status = leat_scratch_open(&spill->file, err);
    if (status != LEAT_OK) {
        leat_spill_free(spill);
        return status;
    }
    *out = spill;
    return LEAT_OK;
}

/* --- writing --- */

static enum leat_status write_block(struct leat_spill *spill, struct staging *staging, uint32_t p,
                                    struct leat_error *err)
{
    struct partition *partition;
    enum leat_status status = LEAT_OK;
    struct block block = {.length = (uint32_t)staging->bytes.length};

    staging->stored.length = 0;
    LEAT_TRY(leat_codec_compress(&staging->codec, LEAT_CODEC_LZ4, 0, staging->bytes.data,
                                 staging->bytes.length, &staging->stored, err));
    block.stored = (uint32_t)staging->stored.length;
    staging->bytes.length = 0;
    pthread_mutex_lock(&spill->lock);
    partition = &spill->partitions[p];
    if (partition->count == partition->capacity) {
        size_t capacity = partition->capacity ? partition->capacity * 2 : 16;
        struct block *blocks = leat_realloc(partition->blocks, capacity * sizeof(*blocks));
        if (blocks) {
            partition->blocks = blocks;
            partition->capacity = capacity;
        } else {
            status = leat_error_memory(err);
        }
    }
    block.offset = spill->file.length;
    if (status == LEAT_OK)
        status = leat_scratch_append(&spill->file, staging->stored.data, block.stored, err);
    if (status == LEAT_OK)
        partition->blocks[partition->count++] = block;
    pthread_mutex_unlock(&spill->lock);
    if (status == LEAT_OK)
        atomic_fetch_add(spill->written, block.stored);
    return status;
}

/* Rows `order[0..count)` of the table as blocks of partition `p`. */
static enum leat_status write_rows(struct leat_spill *spill, struct staging *staging,
                                   const struct leat_table_rows *table, uint32_t p,
                                   const uint32_t *order, uint64_t count, struct leat_error *err)
{
    struct leat_vector *columns = leat_calloc(table->column_count, sizeof(*columns));
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);
    struct leat_arena arena;

    leat_arena_init(&arena, NULL);
    for (uint64_t start = 0; start < count && status == LEAT_OK; start += LEAT_BATCH_ROWS) {
        uint64_t left = count - start;
        struct leat_batch batch = {table->column_count,
                                   left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS,
                                   columns};
        leat_arena_reset(&arena);
        for (uint32_t c = 0; c < table->column_count && status == LEAT_OK; c++)
            status = leat_vector_select(&table->columns[c], order + start, batch.length, &arena,
                                        &columns[c], err);
        if (status == LEAT_OK)
            status = leat_batch_put(&batch, &staging->bytes, err);
        if (status == LEAT_OK &&
            (staging->bytes.length >= BLOCK_SIZE || start + batch.length == count))
            status = write_block(spill, staging, p, err);
    }
    leat_arena_release(&arena);
    leat_free(columns);
    return status;
}

/* Deals the table's rows out to their partitions. */
static enum leat_status deal(struct leat_spill *spill, struct staging *staging,
                             const struct leat_table_rows *table, struct leat_error *err)
{
    uint32_t starts[LEAT_SPILL_PARTITIONS + 1] = {0}, next[LEAT_SPILL_PARTITIONS];
    uint32_t *order = leat_malloc(table->length * sizeof(*order) + 4);
    enum leat_status status = order ? LEAT_OK : leat_error_memory(err);

    for (uint64_t i = 0; i < table->length; i++)
        starts[staging->partitions[i] + 1]++;
    for (uint32_t p = 0; p < LEAT_SPILL_PARTITIONS; p++) {
        starts[p + 1] += starts[p];
        next[p] = starts[p];
    }
    for (uint64_t i = 0; order && i < table->length; i++)
        order[next[staging->partitions[i]]++] = (uint32_t)i;
    for (uint32_t p = 0; p < LEAT_SPILL_PARTITIONS && status == LEAT_OK; p++)
        if (starts[p + 1] > starts[p])
            status = write_rows(spill, staging, table, p, order + starts[p],
                                starts[p + 1] - starts[p], err);
    pthread_mutex_lock(&spill->lock);
    for (uint32_t p = 0; p < LEAT_SPILL_PARTITIONS; p++)
        spill->partitions[p].rows += starts[p + 1] - starts[p];
    pthread_mutex_unlock(&spill->lock);
    leat_free(order);
    return status;
}

static enum leat_status flush(struct leat_spill *spill, struct staging *staging,
                              struct leat_error *err)
{
    struct leat_table_rows table;
    enum leat_status status;

    if (staging->rows.row_count == 0)
        return LEAT_OK;
    leat_table_rows_init(&table, spill->exec->options->accountant);
    status = leat_table_rows_join(NULL, &staging->rows, 1, spill->schema, &table, err);
    if (status == LEAT_OK)
        status =
            leat_rows_init(&staging->rows, spill->schema, spill->exec->options->accountant, err);
    if (status == LEAT_OK)
        status = deal(spill, staging, &table, err);
    leat_table_rows_release(&table);
    return status;
}

/* Each division of a division must deal rows out by other bits. */
static uint8_t partition_of(uint64_t hash, unsigned level)
{
    return (uint8_t)((leat_hash_u64(hash + level * 0x9e3779b97f4a7c15ULL) >> 32) *
                         LEAT_SPILL_PARTITIONS >>
                     32);
}

static enum leat_status note_partitions(struct leat_spill *spill, struct staging *staging,
                                        const struct leat_batch *batch, struct leat_error *err)
{
    uint64_t rows = staging->rows.row_count;

    if (rows + batch->length > staging->capacity) {
        size_t capacity = staging->capacity * 2 + batch->length;
        uint8_t *partitions = leat_realloc(staging->partitions, capacity);
        if (!partitions)
            return leat_error_memory(err);
        staging->partitions = partitions;
        staging->capacity = capacity;
    }
    if (batch->length > staging->hash_capacity) {
        leat_free(staging->hashes);
        staging->hash_capacity = 0;
        staging->hashes = leat_malloc(batch->length * sizeof(uint64_t));
        if (!staging->hashes)
            return leat_error_memory(err);
        staging->hash_capacity = batch->length;
    }
    LEAT_TRY(leat_evaluator_run(staging->evaluator, batch, staging->keys, err));
    for (uint32_t k = 0; k < spill->key_count; k++)
        leat_vector_hash(&staging->keys[k], k > 0, staging->hashes);
    for (uint32_t i = 0; i < batch->length; i++)
        staging->partitions[rows + i] = partition_of(staging->hashes[i], spill->exec->level);
    return LEAT_OK;
}

enum leat_status leat_spill_put(struct leat_spill *spill, unsigned thread,
                                const struct leat_batch *batch, struct leat_error *err)
{
    struct staging *staging = &spill->staging[thread];

    LEAT_TRY(note_partitions(spill, staging, batch, err));
    LEAT_TRY(leat_rows_append(&staging->rows, batch, err));
    return staging->rows.arena.used < spill->staged_most ? LEAT_OK : flush(spill, staging, err);
}

enum leat_status leat_spill_end(struct leat_spill *spill, struct leat_error *err)
{
    for (unsigned i = 0; i < spill->threads; i++)
        LEAT_TRY(flush(spill, &spill->staging[i], err));
    release_staging(spill);
    return LEAT_OK;
}

_Atomic uint64_t *leat_spill_counter(const struct leat_spill *spill)
{
    return spill->written;
}

/* --- runs --- */

enum leat_status leat_spill_run_begin(struct leat_spill *spill, uint32_t *partition,
                                      struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&spill->lock);
    if (spill->partition_count == spill->partition_capacity) {
        uint32_t capacity = spill->partition_capacity ? spill->partition_capacity * 2 : 32;
        struct partition *more = leat_realloc(spill->partitions, capacity * sizeof(*more));
        if (more) {
            spill->partitions = more;
            spill->partition_capacity = capacity;
        } else {
            status = leat_error_memory(err);
        }
    }
    if (status == LEAT_OK) {
        *partition = spill->partition_count++;
        spill->partitions[*partition] = (struct partition){0};
    }
    pthread_mutex_unlock(&spill->lock);
    return status;
}

enum leat_status leat_spill_run_add(struct leat_spill *spill, unsigned thread, uint32_t partition,
                                    const struct leat_batch *batch, struct leat_error *err)
{
    struct staging *staging = &spill->staging[thread];

    LEAT_TRY(leat_batch_put(batch, &staging->bytes, err));
    pthread_mutex_lock(&spill->lock);
    spill->partitions[partition].rows += batch->length;
    pthread_mutex_unlock(&spill->lock);
    return staging->bytes.length < LEAT_SPILL_RUN_BLOCK
               ? LEAT_OK
               : write_block(spill, staging, partition, err);
}

enum leat_status leat_spill_run_end(struct leat_spill *spill, unsigned thread, uint32_t partition,
                                    struct leat_error *err)
{
    struct staging *staging = &spill->staging[thread];

    return staging->bytes.length ? write_block(spill, staging, partition, err) : LEAT_OK;
}

uint32_t leat_spill_partitions(const struct leat_spill *spill)
{
    return spill->partition_count;
}

uint64_t leat_spill_rows(const struct leat_spill *spill, uint32_t partition)
{
    return spill->partitions[partition].rows;
}

/* --- reading --- */

struct spill_reader {
    struct leat_reader base;
    const struct leat_spill *spill;
    uint32_t partition;
    size_t next; /* block */
    struct leat_codec codec;
    struct leat_buffer stored, bytes;
    struct leat_cursor cursor;
    struct leat_arena arena;
    struct leat_batch batch;
};

static enum leat_status read_block(struct spill_reader *reader, struct leat_error *err)
{
    const struct block *block =
        &reader->spill->partitions[reader->partition].blocks[reader->next++];

    reader->stored.length = reader->bytes.length = 0;
    LEAT_TRY(leat_buffer_reserve(&reader->stored, block->stored, err));
    LEAT_TRY(leat_buffer_reserve(&reader->bytes, block->length, err));
    LEAT_TRY(leat_scratch_read(&reader->spill->file, block->offset, reader->stored.data,
                               block->stored, err));
    LEAT_TRY(leat_codec_decompress(&reader->codec, LEAT_CODEC_LZ4, reader->stored.data,
                                   block->stored, reader->bytes.data, block->length, err));
    reader->cursor = (struct leat_cursor){reader->bytes.data, block->length, 0};
    return LEAT_OK;
}

static enum leat_status spill_next(struct leat_reader *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct spill_reader *reader = (struct spill_reader *)base;

    *out = NULL;
    LEAT_TRY(leat_exec_check(reader->spill->exec, err));
    if (reader->cursor.position == reader->cursor.length) {
        if (reader->next == reader->spill->partitions[reader->partition].count)
            return LEAT_OK;
        LEAT_TRY(read_block(reader, err));
    }
    leat_arena_reset(&reader->arena);
    LEAT_TRY(leat_batch_read(&reader->cursor, reader->spill->schema, &reader->arena, &reader->batch,
                             err));
    *out = &reader->batch;
    return LEAT_OK;
}

static void spill_close(struct leat_reader *base)
{
    struct spill_reader *reader = (struct spill_reader *)base;

    leat_codec_release(&reader->codec);
    leat_buffer_release(&reader->stored);
    leat_buffer_release(&reader->bytes);
    leat_arena_release(&reader->arena);
    leat_free(reader);
}

static const struct leat_reader_ops spill_reader_ops = {spill_next, spill_close};

enum leat_status leat_spill_open(const struct leat_spill *spill, uint32_t partition,
                                 struct leat_reader **out, struct leat_error *err)
{
    struct spill_reader *reader = leat_calloc(1, sizeof(*reader));

    *out = NULL;
    if (!reader)
        return leat_error_memory(err);
    reader->base.ops = &spill_reader_ops;
    reader->spill = spill;
    reader->partition = partition;
    leat_buffer_init(&reader->stored, 0);
    leat_buffer_init(&reader->bytes, 0);
    leat_arena_init(&reader->arena, spill->exec->options->accountant);
    *out = &reader->base;
    return LEAT_OK;
}
