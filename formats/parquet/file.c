/*
 * Opening a file: the last bytes are read with one call, which mostly holds the whole footer. The
 * footer's counts are checked against each other here, so that readers can index without asking.
 */
#include "formats/parquet/reader_internal.h"

#define TAIL_BYTES     ((uint64_t)64 << 10)
#define FOOTER_MAXIMUM ((uint64_t)1 << 30)

static enum leat_status not_parquet(struct leat_input *input, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_PARQUET_CORRUPT,
                          "%s is no Parquet file, or was cut short: it does not end with PAR1",
                          input->path);
}

/* The footer's bytes; *start is where they lie in file->footer. */
static enum leat_status load_footer(struct leat_parquet_file *file, size_t *start, size_t *length,
                                    struct leat_error *err)
{
    struct leat_input *input = file->input;
    uint64_t size = input->size, tail = size < TAIL_BYTES ? size : TAIL_BYTES;
    uint32_t announced;
    if (size < 12)
        return not_parquet(input, err);
    LEAT_TRY(leat_buffer_reserve(&file->footer, (size_t)tail, err));
    LEAT_TRY(leat_input_read_exact(input, size - tail, file->footer.data, (size_t)tail, err));
    const uint8_t *end = file->footer.data + tail;
    if (memcmp(end - 4, "PARE", 4) == 0)
        return leat_error_set(err, LEAT_E_PARQUET_ENCRYPTED, "%s has an encrypted footer",
                              input->path);
    if (memcmp(end - 4, "PAR1", 4) != 0)
        return not_parquet(input, err);
    memcpy(&announced, end - 8, 4);
    if (announced > size - 8 || announced > FOOTER_MAXIMUM)
        return parquet_corrupt(file, err, "the footer is longer than the file");
    *length = announced;
    if (announced + 8 <= tail) {
        *start = (size_t)(tail - 8 - announced);
        return LEAT_OK;
    }
    LEAT_TRY(leat_buffer_reserve(&file->footer, announced, err));
    *start = 0;
    return leat_input_read_exact(input, size - 8 - announced, file->footer.data, announced, err);
}

static enum leat_status check_groups(struct leat_parquet_file *file, struct leat_error *err)
{
    int64_t rows = 0;
    file->group_first_row =
        LEAT_NEW_ARRAY(&file->arena, int64_t, (size_t)file->metadata.group_count + 1);
    if (!file->group_first_row)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->metadata.group_count; i++) {
        const struct parquet_row_group *group = &file->metadata.groups[i];
        if (group->chunk_count != file->leaf_count)
            return parquet_corrupt(file, err, "row group %u has %u columns, the schema %u", i,
                                   group->chunk_count, file->leaf_count);
        if (group->rows < 0 || group->rows > INT64_MAX - rows)
            return parquet_corrupt(file, err, "row group %u has a wrong number of rows", i);
        file->group_first_row[i] = rows;
        rows += group->rows;
    }
    file->metadata.rows = rows;
    return LEAT_OK;
}

enum leat_status leat_parquet_file_open(struct leat_input *input,
                                        struct leat_accountant *accountant,
                                        struct leat_parquet_file **out, struct leat_error *err)
{
    size_t start = 0, length = 0;
    *out = NULL;
    struct leat_parquet_file *file = leat_calloc(1, sizeof(*file));
    if (!file)
        return leat_error_memory(err);
    file->input = input;
    leat_arena_init(&file->arena, accountant);
    leat_buffer_init(&file->footer, 0);
    enum leat_status status = load_footer(file, &start, &length, err);
    if (!status) {
        status = parquet_metadata_read(file->footer.data + start, length, &file->arena,
                                       &file->metadata, err);
        if (status)
            leat_error_context(err, "%s", input->path);
    }
    if (!status)
        status = parquet_read_schema(file, err);
    if (!status)
        status = check_groups(file, err);
    if (status)
        leat_parquet_file_close(file);
    else
        *out = file;
    return status;
}

void leat_parquet_file_close(struct leat_parquet_file *file)
{
    if (!file)
        return;
    leat_arena_release(&file->arena);
    leat_buffer_release(&file->footer);
    leat_free(file);
}

const struct leat_schema *leat_parquet_file_schema(const struct leat_parquet_file *file)
{
    return &file->schema;
}

uint64_t leat_parquet_file_rows(const struct leat_parquet_file *file)
{
    return (uint64_t)file->metadata.rows;
}

uint32_t leat_parquet_file_row_groups(const struct leat_parquet_file *file)
{
    return file->metadata.group_count;
}

uint64_t leat_parquet_file_row_group_rows(const struct leat_parquet_file *file, uint32_t group)
{
    return group < file->metadata.group_count ? (uint64_t)file->metadata.groups[group].rows : 0;
}

const char *leat_parquet_file_metadata(const struct leat_parquet_file *file, const char *key)
{
    for (uint32_t i = 0; i < file->metadata.pair_count; i++) {
        if (strcmp(file->metadata.pairs[i].key, key) == 0)
            return file->metadata.pairs[i].value;
    }
    return NULL;
}

void leat_parquet_file_statistics(const struct leat_parquet_file *file, uint32_t column,
                                  struct leat_column_statistics *out)
{
    const struct parquet_node *node = &file->columns[column];
    bool first = true, known = node->kind == PARQUET_NODE_LEAF && node->repetition == 0;
    *out = (struct leat_column_statistics){.distinct_count = UINT64_MAX};
    out->minimum = out->maximum = (struct leat_value){.type = node->type, .is_null = true};
    out->null_count = known ? 0 : UINT64_MAX;
    for (uint32_t i = 0; known && i < file->metadata.group_count; i++) {
        const struct parquet_chunk *chunk = &file->metadata.groups[i].chunks[node->leaf];
        struct leat_value minimum, maximum;
        int64_t nulls = chunk->statistics.null_count;
        if (nulls < 0)
            out->null_count = UINT64_MAX;
        else if (out->null_count != UINT64_MAX)
            out->null_count += (uint64_t)nulls;
        if (nulls >= 0 && nulls >= file->metadata.groups[i].rows)
            continue; /* no values: no bounds */
        parquet_chunk_bounds(file, node, chunk, node->type, &minimum, &maximum);
        if (first || minimum.is_null ||
            (!out->minimum.is_null && leat_value_compare(&minimum, &out->minimum) < 0)) {
            if (first || !out->minimum.is_null)
                out->minimum = minimum;
        }
        if (first || maximum.is_null ||
            (!out->maximum.is_null && leat_value_compare(&maximum, &out->maximum) > 0)) {
            if (first || !out->maximum.is_null)
                out->maximum = maximum;
        }
        first = false;
    }
}
