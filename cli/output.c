/* Result rows on standard output: CSV, JSON and NDJSON as they come; tables and Markdown when all
 * are there, since their widths must be known (beyond 10,000 rows the middle of a table is left
 * out, and the count says so). */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_ROWS = 10000, CELL_WIDTH = 200 };

bool leat_cli_format_parse(const char *name, enum leat_cli_format *out)
{
    static const char *const names[] = {"table", "csv", "json", "ndjson", "markdown", "md"};

    for (int i = 0; i < 6; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = i == 5 ? LEAT_CLI_MARKDOWN : (enum leat_cli_format)i;
            return true;
        }
    return false;
}

static enum leat_status flush(struct leat_cli_output *output, struct leat_error *err)
{
    size_t length = output->text.length;

    output->text.length = 0;
    if (length > 0 && isatty(1)) /* the line and the output share the terminal */
        leat_cli_progress_hide(output->progress);
    if (length > 0 && fwrite(output->text.data, 1, length, stdout) != length)
        return leat_error_set(err, LEAT_E_IO, "cannot write to standard output");
    return LEAT_OK;
}

/* --- CSV --- */

static enum leat_status put_csv_text(struct leat_buffer *out, const char *text, size_t length,
                                     struct leat_error *err)
{
    bool quote = length == 0;

    for (size_t i = 0; i < length && !quote; i++)
        quote = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    if (!quote)
        return leat_buffer_append(out, text, length, err);
    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            LEAT_TRY(leat_buffer_append_byte(out, '"', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)text[i], err));
    }
    return leat_buffer_append_byte(out, '"', err);
}

static enum leat_status csv_batch(struct leat_cli_output *output, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct leat_buffer cell;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&cell, 0);
    for (uint32_t r = 0; r < batch->length && status == LEAT_OK; r++) {
        for (uint32_t c = 0; c < batch->column_count && status == LEAT_OK; c++) {
            const struct leat_vector *column = &batch->columns[c];
            if (c > 0)
                status = leat_buffer_append_byte(&output->text, ',', err);
            if (status != LEAT_OK || leat_vector_is_null(column, r))
                continue;
            cell.length = 0;
            status = leat_vector_print(column, r, &cell, err);
            if (status == LEAT_OK)
                status = put_csv_text(&output->text, (const char *)cell.data, cell.length, err);
        }
        if (status == LEAT_OK)
            status = leat_buffer_append_byte(&output->text, '\n', err);
        if (status == LEAT_OK && output->text.length > 65536)
            status = flush(output, err);
    }
    leat_buffer_release(&cell);
    return status;
}

/* --- JSON --- */

static enum leat_status put_json_name(struct leat_buffer *out, const char *name,
                                      struct leat_error *err)
{
    struct leat_string string = leat_string_of(name, strlen(name));
    struct leat_vector vector = {
        .type = leat_type_get(LEAT_TEXT), .form = LEAT_CONSTANT, .length = 1, .data = &string};

    return leat_vector_print_json(&vector, 0, out, err);
}

static enum leat_status json_batch(struct leat_cli_output *output, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct leat_buffer *out = &output->text;
    bool lines = output->format == LEAT_CLI_NDJSON;

    for (uint32_t r = 0; r < batch->length; r++) {
        if (!lines)
            LEAT_TRY(leat_buffer_append_string(out, output->given + r > 0 ? ",\n " : "\n ", err));
        LEAT_TRY(leat_buffer_append_byte(out, '{', err));
        for (uint32_t c = 0; c < batch->column_count; c++) {
            if (c > 0)
                LEAT_TRY(leat_buffer_append_string(out, lines ? "," : ", ", err));
            LEAT_TRY(put_json_name(out, output->schema.fields[c].name, err));
            LEAT_TRY(leat_buffer_append_string(out, lines ? ":" : ": ", err));
            if (leat_vector_is_null(&batch->columns[c], r))
                LEAT_TRY(leat_buffer_append_string(out, "null", err));
            else
                LEAT_TRY(leat_vector_print_json(&batch->columns[c], r, out, err));
        }
        LEAT_TRY(leat_buffer_append_string(out, lines ? "}\n" : "}", err));
        if (out->length > 65536)
            LEAT_TRY(flush(output, err));
    }
    return LEAT_OK;
}

/* --- tables --- */

static bool is_right_aligned(const struct leat_type *type)
{
    return leat_type_is_numeric(type);
}

/* Display width of UTF-8, counting code points. */
static size_t width_of(const uint8_t *text, size_t length)
{
    size_t width = 0;

    for (size_t i = 0; i < length; i++)
        width += (text[i] & 0xc0) != 0x80;
    return width;
}

/* A cell on one line, cut when too long. */
static enum leat_status put_cell(struct leat_cli_output *output, const struct leat_vector *column,
                                 uint32_t row, struct leat_buffer *cell, struct leat_error *err)
{
    size_t at = 0, width = 0;

    cell->length = 0;
    if (leat_vector_is_null(column, row))
        return leat_buffer_append_string(cell, output->format == LEAT_CLI_TABLE ? "NULL" : "", err);
    LEAT_TRY(leat_vector_print(column, row, cell, err));
    for (; at < cell->length && width <= CELL_WIDTH; at++) {
        width += (cell->data[at] & 0xc0) != 0x80;
        if (cell->data[at] < 0x20 || cell->data[at] == 0x7f)
            cell->data[at] = ' ';
    }
    if (at < cell->length) {
        while (at > 0 && (cell->data[at] & 0xc0) == 0x80)
            at--;
        cell->length = at;
        return leat_buffer_append_string(cell, "…", err);
    }
    return LEAT_OK;
}

static enum leat_status put_padded(struct leat_buffer *out, const uint8_t *text, size_t length,
                                   size_t width, bool right, struct leat_error *err)
{
    size_t have = width_of(text, length), pad = width > have ? width - have : 0;

    for (size_t i = 0; right && i < pad; i++)
        LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
    LEAT_TRY(leat_buffer_append(out, text, length, err));
    for (size_t i = 0; !right && i < pad; i++)
        LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
    return LEAT_OK;
}

static enum leat_status put_line(struct leat_buffer *out, const size_t *widths, uint32_t count,
                                 const char *left, const char *middle, const char *right,
                                 const char *dash, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, left, err));
    for (uint32_t c = 0; c < count; c++) {
        if (c > 0)
            LEAT_TRY(leat_buffer_append_string(out, middle, err));
        for (size_t i = 0; i < widths[c] + 2; i++)
            LEAT_TRY(leat_buffer_append_string(out, dash, err));
    }
    LEAT_TRY(leat_buffer_append_string(out, right, err));
    return leat_buffer_append_byte(out, '\n', err);
}

static enum leat_status measure(struct leat_cli_output *output, size_t *widths,
                                struct leat_buffer *cell, struct leat_error *err)
{
    for (uint32_t c = 0; c < output->schema.count; c++) {
        const char *name = output->schema.fields[c].name;
        widths[c] = width_of((const uint8_t *)name, strlen(name));
        if (widths[c] < 3)
            widths[c] = 3;
    }
    for (size_t b = 0; b < output->rows.batch_count; b++)
        for (uint32_t r = 0; r < output->rows.batches[b].length; r++)
            for (uint32_t c = 0; c < output->schema.count; c++) {
                size_t width;
                LEAT_TRY(put_cell(output, &output->rows.batches[b].columns[c], r, cell, err));
                width = width_of(cell->data, cell->length);
                if (width > widths[c])
                    widths[c] = width;
            }
    return LEAT_OK;
}

static enum leat_status put_rows(struct leat_cli_output *output, const size_t *widths,
                                 const char *bar, struct leat_buffer *cell, struct leat_error *err)
{
    struct leat_buffer *out = &output->text;

    for (size_t b = 0; b < output->rows.batch_count; b++)
        for (uint32_t r = 0; r < output->rows.batches[b].length; r++) {
            for (uint32_t c = 0; c < output->schema.count; c++) {
                LEAT_TRY(leat_buffer_append_string(out, bar, err));
                LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
                LEAT_TRY(put_cell(output, &output->rows.batches[b].columns[c], r, cell, err));
                LEAT_TRY(put_padded(out, cell->data, cell->length, widths[c],
                                    is_right_aligned(output->schema.fields[c].type), err));
                LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
            }
            LEAT_TRY(leat_buffer_append_string(out, bar, err));
            LEAT_TRY(leat_buffer_append_byte(out, '\n', err));
            if (out->length > 65536)
                LEAT_TRY(flush(output, err));
        }
    return LEAT_OK;
}

static enum leat_status put_names(struct leat_cli_output *output, const size_t *widths,
                                  const char *bar, struct leat_error *err)
{
    struct leat_buffer *out = &output->text;

    for (uint32_t c = 0; c < output->schema.count; c++) {
        const char *name = output->schema.fields[c].name;
        LEAT_TRY(leat_buffer_append_string(out, bar, err));
        LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
        LEAT_TRY(put_padded(out, (const uint8_t *)name, strlen(name), widths[c],
                            is_right_aligned(output->schema.fields[c].type), err));
        LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
    }
    LEAT_TRY(leat_buffer_append_string(out, bar, err));
    return leat_buffer_append_byte(out, '\n', err);
}

static enum leat_status put_table(struct leat_cli_output *output, struct leat_error *err)
{
    struct leat_buffer cell, *out = &output->text;
    uint32_t count = output->schema.count;
    size_t *widths = leat_calloc(count, sizeof(*widths));
    bool box = output->format == LEAT_CLI_TABLE;
    const char *bar = box ? "│" : "|";
    enum leat_status status;

    if (!widths)
        return leat_error_memory(err);
    leat_buffer_init(&cell, 0);
    status = measure(output, widths, &cell, err);
    if (status == LEAT_OK && box)
        status = put_line(out, widths, count, "┌", "┬", "┐", "─", err);
    if (status == LEAT_OK)
        status = put_names(output, widths, bar, err);
    if (status == LEAT_OK)
        status = box ? put_line(out, widths, count, "├", "┼", "┤", "─", err)
                     : put_line(out, widths, count, "|", "|", "|", "-", err);
    if (status == LEAT_OK)
        status = put_rows(output, widths, bar, &cell, err);
    if (status == LEAT_OK && box)
        status = put_line(out, widths, count, "└", "┴", "┘", "─", err);
    if (status == LEAT_OK && box && output->given > output->rows.row_count)
        status = leat_buffer_printf(out, err, "first %" PRIu64 " of %" PRIu64 " rows\n",
                                    output->rows.row_count, output->given);
    leat_buffer_release(&cell);
    leat_free(widths);
    return status;
}

/* \x: a block a row, a line a column. */
static enum leat_status put_expanded(struct leat_cli_output *output, struct leat_error *err)
{
    struct leat_buffer cell;
    uint64_t number = 0;
    size_t width = 0;

    for (uint32_t c = 0; c < output->schema.count; c++)
        if (strlen(output->schema.fields[c].name) > width)
            width = strlen(output->schema.fields[c].name);
    leat_buffer_init(&cell, 0);
    for (size_t b = 0; b < output->rows.batch_count; b++)
        for (uint32_t r = 0; r < output->rows.batches[b].length; r++) {
            enum leat_status status =
                leat_buffer_printf(&output->text, err, "-[ row %" PRIu64 " ]-\n", ++number);
            for (uint32_t c = 0; c < output->schema.count && status == LEAT_OK; c++) {
                status = put_cell(output, &output->rows.batches[b].columns[c], r, &cell, err);
                if (status == LEAT_OK)
                    status = leat_buffer_printf(&output->text, err, "%-*s | %.*s\n", (int)width,
                                                output->schema.fields[c].name, (int)cell.length,
                                                (const char *)cell.data);
            }
            if (status != LEAT_OK) {
                leat_buffer_release(&cell);
                return status;
            }
        }
    leat_buffer_release(&cell);
    return LEAT_OK;
}

/* --- the session's interface --- */

static bool is_table(const struct leat_cli_output *output)
{
    return output->format == LEAT_CLI_TABLE || output->format == LEAT_CLI_MARKDOWN;
}

static enum leat_status begin(struct leat_session_output *base, const struct leat_schema *schema,
                              struct leat_error *err)
{
    struct leat_cli_output *output = (struct leat_cli_output *)base;

    leat_rows_release(&output->rows);
    LEAT_TRY(leat_rows_init(&output->rows, schema, NULL, err));
    output->schema = output->rows.schema;
    output->given = 0;
    output->begun = true;
    if (output->format == LEAT_CLI_JSON)
        return leat_buffer_append_byte(&output->text, '[', err);
    if (output->format != LEAT_CLI_CSV)
        return LEAT_OK;
    for (uint32_t c = 0; c < schema->count; c++) {
        if (c > 0)
            LEAT_TRY(leat_buffer_append_byte(&output->text, ',', err));
        LEAT_TRY(put_csv_text(&output->text, schema->fields[c].name, strlen(schema->fields[c].name),
                              err));
    }
    return leat_buffer_append_byte(&output->text, '\n', err);
}

static enum leat_status take_batch(struct leat_session_output *base, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct leat_cli_output *output = (struct leat_cli_output *)base;
    enum leat_status status = LEAT_OK;

    if (output->format == LEAT_CLI_CSV)
        status = csv_batch(output, batch, err);
    else if (!is_table(output))
        status = json_batch(output, batch, err);
    else if (output->format == LEAT_CLI_MARKDOWN || output->rows.row_count < TABLE_ROWS)
        status = leat_rows_append(&output->rows, batch, err);
    output->given += batch->length;
    return status;
}

/* The time since the statement before ended, or this one was read: planning, running, printing. */
static void print_timing(struct leat_cli_output *output, const char *tag, uint64_t rows)
{
    int64_t now = leat_clock_monotonic();

    fprintf(stderr, "{\"statement\": %u, \"tag\": \"%s\", \"rows\": %" PRIu64 ", \"ms\": %.3f}\n",
            ++output->statements, tag, rows, (double)(now - output->ended) / 1e6);
    output->ended = now;
}

static bool is_change(const char *tag)
{
    return strcmp(tag, "UPDATE") == 0 || strcmp(tag, "DELETE") == 0;
}

static enum leat_status end(struct leat_session_output *base, const char *tag, uint64_t rows,
                            struct leat_error *err)
{
    struct leat_cli_output *output = (struct leat_cli_output *)base;

    if (output->timing)
        print_timing(output, tag, rows);
    if (!output->begun) {
        leat_cli_progress_hide(output->progress);
        if (!output->quiet)
            fprintf(stderr, rows || is_change(tag) ? "%s %" PRIu64 "\n" : "%s\n", tag, rows);
        leat_cli_progress_show(output->progress);
        return LEAT_OK;
    }
    output->begun = false;
    if (output->format == LEAT_CLI_JSON)
        LEAT_TRY(leat_buffer_append_string(&output->text, output->given ? "\n]\n" : "]\n", err));
    if (is_table(output))
        LEAT_TRY(output->expanded ? put_expanded(output, err) : put_table(output, err));
    LEAT_TRY(flush(output, err));
    if (fflush(stdout) != 0)
        return leat_error_set(err, LEAT_E_IO, "cannot write to standard output");
    leat_cli_progress_show(output->progress);
    return LEAT_OK;
}

void leat_cli_output_init(struct leat_cli_output *output, enum leat_cli_format format)
{
    memset(output, 0, sizeof(*output));
    output->base.begin = begin;
    output->base.batch = take_batch;
    output->base.end = end;
    output->format = format;
    output->ended = leat_clock_monotonic();
    leat_buffer_init(&output->text, 0);
}

void leat_cli_output_release(struct leat_cli_output *output)
{
    leat_rows_release(&output->rows);
    leat_buffer_release(&output->text);
}
