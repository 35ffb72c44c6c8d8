/* Options of COPY, and rows on their way out. */
#include "api/c/copy_text.h"

#include "columns/format.h"

#include <strings.h>

static enum leat_status bad_option(const char *name, const char *wanted, struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_COPY_OPTION, "option %s of COPY takes %s", name, wanted);
    return LEAT_INVALID;
}

static enum leat_status read_character(const char *name, struct leat_text text, char *out,
                                       struct leat_error *err)
{
    if (text.length != 1 || strchr("\n\r\\", text.data[0]) || (unsigned char)text.data[0] >= 0x80)
        return bad_option(name, "one character of a byte", err);
    *out = text.data[0];
    return LEAT_OK;
}

static struct leat_text value_text(const struct leat_sql_expr *value)
{
    if (!value)
        return (struct leat_text){NULL, 0};
    if (value->kind == LEAT_SQL_COLUMN && value->path.count == 1)
        return value->path.parts[0].text;
    return value->text;
}

static enum leat_status read_flag(const char *name, const struct leat_sql_expr *value, bool *out,
                                  struct leat_error *err)
{
    struct leat_text text = value_text(value);

    if (!value || (value->kind == LEAT_SQL_BOOLEAN && value->flag))
        *out = true;
    else if (value->kind == LEAT_SQL_BOOLEAN)
        *out = false;
    else if (!text.data || !leat_parse_boolean(text.data, text.length, out))
        return bad_option(name, "true or false", err);
    return LEAT_OK;
}

static enum leat_status read_format(struct leat_text text, bool from, bool *csv,
                                    struct leat_error *err)
{
    *csv = leat_text_equal_nocase(text, leat_text_of("csv"));
    if (*csv || leat_text_equal_nocase(text, leat_text_of("text")))
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_COPY_OPTION,
                         "COPY %s takes the formats text and csv, not %.*s",
                         from ? "FROM" : "TO STDOUT", (int)text.length, text.data ? text.data : "");
    leat_error_hint(err, from ? "INSERT INTO table SELECT * FROM 'file' reads all formats"
                              : "COPY ... TO 'file' writes all formats");
    return LEAT_INVALID;
}

enum leat_status leat_copy_form_read(const struct leat_sql_copy *copy, struct leat_copy_form *out,
                                     struct leat_error *err)
{
    bool null_given = false, ignored;

    *out = (struct leat_copy_form){.quote = '"'};
    if (copy->from && copy->file.length > 4) /* as COPY TO tells it by the ending */
        out->csv = strcmp(copy->file.data + copy->file.length - 4, ".csv") == 0;
    for (uint32_t i = 0; i < copy->option_count; i++) {
        const struct leat_sql_property *option = &copy->options[i];
        const char *name = option->name.text.data;
        struct leat_text text = value_text(option->value);
        enum leat_status status = LEAT_OK;
        if (strcmp(name, "format") == 0)
            status = read_format(text, copy->from, &out->csv, err);
        else if (strcmp(name, "header") == 0)
            status = read_flag(name, option->value, &out->header, err);
        else if (strcmp(name, "delimiter") == 0)
            status = read_character(name, text, &out->delimiter, err);
        else if (strcmp(name, "quote") == 0)
            status = read_character(name, text, &out->quote, err);
        else if (strcmp(name, "escape") == 0)
            status = read_character(name, text, &out->escape, err);
        else if (strcmp(name, "null") == 0 && text.data && !memchr(text.data, '\n', text.length))
            out->null = text, null_given = true;
        else if (strcmp(name, "freeze") == 0)
            status = read_flag(name, option->value, &ignored, err);
        else if (strcmp(name, "force_quote") == 0)
            out->force_quote = true;
        else if (strcmp(name, "encoding") == 0)
            status = leat_text_equal_nocase(text, leat_text_of("utf8")) ||
                             leat_text_equal_nocase(text, leat_text_of("utf-8"))
                         ? LEAT_OK
                         : bad_option(name, "utf8", err);
        else
            status = leat_error_set(err, LEAT_E_COPY_OPTION, "COPY has no option %s here", name);
        LEAT_TRY(status);
    }
    if (!out->delimiter)
        out->delimiter = out->csv ? ',' : '\t';
    if (!out->escape)
        out->escape = out->quote;
    if (!null_given)
        out->null = leat_text_of(out->csv ? "" : "\\N");
    return out->csv && out->delimiter == out->quote
               ? bad_option("delimiter", "another character than the quote", err)
               : LEAT_OK;
}

/* --- out --- */

static enum leat_status put_text(const struct leat_copy_form *form, struct leat_text text,
                                 struct leat_buffer *out, struct leat_error *err)
{
    static const char special[] = "\b\f\n\r\t\v\\", letters[] = "bfnrtv\\";

    LEAT_TRY(leat_buffer_reserve(out, text.length * 2, err));
    for (size_t i = 0; i < text.length; i++) {
        const char *at = text.data[i] ? strchr(special, text.data[i]) : NULL;
        if (at || text.data[i] == form->delimiter)
            out->data[out->length++] = '\\';
        out->data[out->length++] = (uint8_t)(at ? letters[at - special] : text.data[i]);
    }
    return LEAT_OK;
}

static enum leat_status put_csv(const struct leat_copy_form *form, struct leat_text text,
                                struct leat_buffer *out, struct leat_error *err)
{
    bool quote = form->force_quote || leat_text_equal(text, form->null) ||
                 leat_text_equal(text, leat_text_of("\\."));

    for (size_t i = 0; i < text.length && !quote; i++)
        quote = text.data[i] == form->delimiter || text.data[i] == form->quote ||
                text.data[i] == '\n' || text.data[i] == '\r';
    if (!quote)
        return leat_buffer_append(out, text.data, text.length, err);
    LEAT_TRY(leat_buffer_reserve(out, text.length * 2 + 2, err));
    out->data[out->length++] = (uint8_t)form->quote;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == form->quote || text.data[i] == form->escape)
            out->data[out->length++] = (uint8_t)form->escape;
        out->data[out->length++] = (uint8_t)text.data[i];
    }
    out->data[out->length++] = (uint8_t)form->quote;
    return LEAT_OK;
}

static enum leat_status put_cell(const struct leat_copy_form *form, struct leat_text text,
                                 bool first, struct leat_buffer *out, struct leat_error *err)
{
    if (!first)
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)form->delimiter, err));
    if (!text.data)
        return leat_buffer_append(out, form->null.data, form->null.length, err);
    return form->csv ? put_csv(form, text, out, err) : put_text(form, text, out, err);
}

enum leat_status leat_copy_put_row(const struct leat_copy_form *form,
                                   const struct leat_batch *batch, uint32_t row,
                                   struct leat_buffer *cell, struct leat_buffer *out,
                                   struct leat_error *err)
{
    for (uint32_t c = 0; c < batch->column_count; c++) {
        const struct leat_vector *column = &batch->columns[c];
        struct leat_text text = {NULL, 0};
        cell->length = 0;
        if (!leat_vector_is_null(column, row)) {
            LEAT_TRY(leat_vector_print(column, row, cell, err));
            if (column->type->id == LEAT_BOOLEAN)
                cell->length = 1; /* t or f */
            text = (struct leat_text){cell->data ? (const char *)cell->data : "", cell->length};
        }
        LEAT_TRY(put_cell(form, text, c == 0, out, err));
    }
    return leat_buffer_append_byte(out, '\n', err);
}

enum leat_status leat_copy_put_header(const struct leat_copy_form *form,
                                      const struct leat_schema *schema, struct leat_buffer *out,
                                      struct leat_error *err)
{
    for (uint32_t i = 0; form->header && i < schema->count; i++)
        LEAT_TRY(put_cell(form, leat_text_of(schema->fields[i].name), i == 0, out, err));
    return form->header ? leat_buffer_append_byte(out, '\n', err) : LEAT_OK;
}
