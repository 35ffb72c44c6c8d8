/* Collecting quarantined rows in memory, behind a lock: bad rows are few; a run with many is
 * bounded by memory like any other result. */
#include "orchestration/quarantine.h"

#include <stdio.h>

static const struct leat_type text_type = {.id = LEAT_TEXT}, long_type = {.id = LEAT_INT64},
                              time_type = {.id = LEAT_TIMESTAMPTZ}, bytes_type = {.id = LEAT_BYTES};
static struct leat_field fields[LEAT_QUARANTINE_COLUMNS] = {
    {.name = "quarantined_at", .type = &time_type}, {.name = "run_id", .type = &text_type},
    {.name = "flow", .type = &text_type},           {.name = "file", .type = &text_type},
    {.name = "line", .type = &long_type},           {.name = "byte_offset", .type = &long_type},
    {.name = "rule", .type = &text_type},           {.name = "column_name", .type = &text_type},
    {.name = "error_code", .type = &text_type},     {.name = "message", .type = &text_type},
    {.name = "raw", .type = &bytes_type},           {.name = "row_id", .type = &text_type},
};
const struct leat_schema leat_quarantine_schema = {LEAT_QUARANTINE_COLUMNS, fields};

static enum leat_status handle(struct leat_bad_row_handler *handler, const struct leat_bad_row *row,
                               struct leat_error *err)
{
    return leat_quarantine_add((struct leat_quarantine *)handler, row, err);
}

enum leat_status leat_quarantine_init(struct leat_quarantine *quarantine, const char *run_id,
                                      struct leat_error *err)
{
    memset(quarantine, 0, sizeof(*quarantine));
    quarantine->base.handle = handle;
    quarantine->run_id = run_id;
    quarantine->flow = "";
    pthread_mutex_init(&quarantine->lock, NULL);
    quarantine->open = true;
    return leat_rows_init(&quarantine->rows, &leat_quarantine_schema, NULL, err);
}

void leat_quarantine_release(struct leat_quarantine *quarantine)
{
    if (!quarantine->open)
        return;
    leat_rows_release(&quarantine->rows);
    pthread_mutex_destroy(&quarantine->lock);
    quarantine->open = false;
}

/* A one-row batch over the values; null texts are null. */
enum leat_status leat_quarantine_add(struct leat_quarantine *quarantine,
                                     const struct leat_bad_row *row, struct leat_error *err)
{
    int64_t numbers[LEAT_QUARANTINE_COLUMNS] = {[LEAT_QUARANTINE_AT] = leat_clock_now(),
                                                [LEAT_QUARANTINE_LINE] = (int64_t)row->line,
                                                [LEAT_QUARANTINE_OFFSET] = (int64_t)row->offset};
    struct leat_string strings[LEAT_QUARANTINE_COLUMNS];
    struct leat_vector columns[LEAT_QUARANTINE_COLUMNS];
    uint64_t invalid = 0;
    struct leat_batch batch = {LEAT_QUARANTINE_COLUMNS, 1, columns};
    enum leat_status status;
    char code[16], id[48];
    const char *texts[LEAT_QUARANTINE_COLUMNS] = {[LEAT_QUARANTINE_RUN] = quarantine->run_id,
                                                  [LEAT_QUARANTINE_FLOW] = quarantine->flow,
                                                  [LEAT_QUARANTINE_FILE] = row->file,
                                                  [LEAT_QUARANTINE_RULE] = row->rule,
                                                  [LEAT_QUARANTINE_COLUMN] = row->column,
                                                  [LEAT_QUARANTINE_CODE] = code,
                                                  [LEAT_QUARANTINE_MESSAGE] = row->error.message,
                                                  [LEAT_QUARANTINE_ID] = id};

    snprintf(code, sizeof(code), "L%04d", row->error.code);
    pthread_mutex_lock(&quarantine->lock);
    snprintf(id, sizeof(id), "%.8s%.4s-%llu", quarantine->run_id, quarantine->run_id + 9,
             (unsigned long long)quarantine->rows.row_count + 1);
    for (int i = 0; i < LEAT_QUARANTINE_COLUMNS; i++) {
        bool number = fields[i].type->id == LEAT_INT64 || fields[i].type->id == LEAT_TIMESTAMPTZ;
        bool null = number ? i == LEAT_QUARANTINE_LINE && row->line == 0
                           : i != LEAT_QUARANTINE_RAW && !texts[i];
        struct leat_text text = i == LEAT_QUARANTINE_RAW ? row->raw : leat_text_of(texts[i]);
        strings[i] = leat_string_of(text.data ? text.data : "", text.length);
        columns[i] = (struct leat_vector){.type = fields[i].type,
                                          .form = LEAT_FLAT,
                                          .length = 1,
                                          .validity = null ? &invalid : NULL,
                                          .data = number ? (void *)&numbers[i] : &strings[i]};
    }
    status = leat_rows_append(&quarantine->rows, &batch, err);
    pthread_mutex_unlock(&quarantine->lock);
    return status;
}
