/*
 * Values straight into columns. Keys are expected in the schema's order, so that most are found
 * with one comparison. Columns keep their memory from batch to batch; children of lists grow. A
 * column not set by a record (its stamp is older than the record's) becomes null at the record's
 * end, so a bad record leaves nothing behind: the next one takes its row.
 */
#include "formats/json/usual_values.h"

#define LIST_CAPACITY 4096u

static bool parse_value(struct json_builder *b, struct json_column *column, struct json_text *t,
                        uint32_t row);

/* --- memory --- */

static bool grow(struct json_builder *b, struct json_column *column, uint32_t capacity)
{
    size_t width = leat_type_width(column->type);
    uint64_t bytes = (uint64_t)(capacity - column->capacity) * (width + 1);
    void *block;

    if (capacity <= column->capacity)
        return true;
    if (!leat_accountant_charge(b->accountant, bytes))
        return false;
    block = leat_realloc(column->validity, leat_validity_words(capacity) * sizeof(uint64_t));
    if (block) {
        size_t words = leat_validity_words(column->capacity);
        column->validity = block;
        memset(column->validity + words, 0xff,
               (leat_validity_words(capacity) - words) * sizeof(uint64_t));
    }
    if (block && width) {
        block = leat_realloc(column->data, (size_t)capacity * width);
        if (block)
            column->data = block;
    }
    if (!block) {
        leat_accountant_release(b->accountant, bytes);
        return false;
    }
    if (column->type->id == LEAT_STRUCT)
        for (uint32_t i = 0; i < column->child_count; i++)
            if (!grow(b, &column->children[i], capacity))
                return false;
    column->capacity = capacity;
    return true;
}

static void release_column(struct json_builder *b, struct json_column *column)
{
    leat_accountant_release(b->accountant,
                            (uint64_t)column->capacity * (leat_type_width(column->type) + 1));
    leat_free(column->validity);
    leat_free(column->data);
    for (uint32_t i = 0; i < column->child_count; i++)
        release_column(b, &column->children[i]);
}

/* Keys of other characters may be written with escapes. */
static void set_key(struct json_column *column)
{
    char *key = (char *)column->key;
    size_t length = column->name.length;

    if (length + 3 > sizeof(column->key))
        return;
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)column->name.data[i] < 0x20 || column->name.data[i] == '"' ||
            column->name.data[i] == '\\')
            return;
    key[0] = '"';
    memcpy(key + 1, column->name.data, length);
    memcpy(key + 1 + length, "\":", 2);
    column->key_length = (uint32_t)length + 3;
}

static enum leat_status init_column(struct json_column *column, const struct leat_type *type,
                                    const char *name, struct leat_arena *arena,
                                    struct leat_error *err)
{
    column->type = type;
    column->name = leat_text_of(name);
    column->wanted = true;
    column->usual = type->id == LEAT_INT64 || type->id == LEAT_DOUBLE || type->id == LEAT_TEXT ||
                            type->id == LEAT_DATE
                        ? type->id
                        : LEAT_NULL;
    set_key(column);
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    column->children = LEAT_NEW_ARRAY(arena, struct json_column, type->field_count + 1);
    if (!column->children)
        return leat_error_memory(err);
    column->child_count = type->field_count;
    for (uint32_t i = 0; i < type->field_count; i++)
        LEAT_TRY(init_column(&column->children[i], type->fields[i].type, type->fields[i].name,
                             arena, err));
    return LEAT_OK;
}

enum leat_status json_builder_init(struct json_builder *b, const struct leat_schema *schema,
                                   uint32_t column_count, struct leat_arena *arena,
                                   struct leat_accountant *accountant, struct leat_error *err)
{
    memset(b, 0, sizeof(*b));
    b->accountant = accountant;
    b->columns = LEAT_NEW_ARRAY(arena, struct json_column, column_count + 1);
    if (!b->columns)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < column_count; i++) {
        LEAT_TRY(init_column(&b->columns[i], schema->fields[i].type, schema->fields[i].name, arena,
                             err));
        b->columns[i].wanted = false;
        b->count = i + 1;
    }
    return LEAT_OK;
}

enum leat_status json_builder_reserve(struct json_builder *b, struct leat_error *err)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->columns[i].wanted && !grow(b, &b->columns[i], LEAT_BATCH_ROWS))
            return leat_error_memory(err);
    return LEAT_OK;
}

void json_builder_release(struct json_builder *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        release_column(b, &b->columns[i]);
    b->count = 0;
}

static void reset_column(struct json_column *column)
{
    column->count = 0;
    if (column->any_null)
        memset(column->validity, 0xff, leat_validity_words(column->capacity) * sizeof(uint64_t));
    column->any_null = false;
    for (uint32_t i = 0; i < column->child_count; i++)
        reset_column(&column->children[i]);
}

void json_builder_reset(struct json_builder *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        reset_column(&b->columns[i]);
}

/* --- values --- */

static void set_null(struct json_column *column, uint32_t row)
{
    size_t width = leat_type_width(column->type);

    leat_validity_set(column->validity, row, false);
    column->any_null = true;
    if (width)
        memset((char *)column->data + row * width, 0, width);
    if (column->type->id == LEAT_STRUCT)
        for (uint32_t i = 0; i < column->child_count; i++)
            set_null(&column->children[i], row);
}

/* The next free item of a list's or map's child; UINT32_MAX when out of memory. */
static uint32_t append_item(struct json_builder *b, struct json_column *child)
{
    if (child->count == child->capacity) {
        uint32_t capacity = child->capacity ? child->capacity * 2 : LIST_CAPACITY;
        if (child->capacity > (uint32_t)1 << 30 || !grow(b, child, capacity))
            return UINT32_MAX;
    }
    return child->count++;
}

/* Text in its final form: without escapes. */
static bool resolve(struct json_builder *b, struct json_text *t, struct leat_text *text)
{
    char *copy = leat_arena_alloc(b->scratch, text->length + 16);

    if (!copy)
        return json_fail(t, JSON_MEMORY, t->at, "");
    *text = (struct leat_text){copy, json_unescape(*text, copy)};
    return true;
}

/* A value of the wrong kind, already passed over or not (`at` is its start). */
static bool mismatch(struct json_builder *b, struct json_column *column, struct json_text *t,
                     uint32_t row, const char *at)
{
    t->at = at;
    if (!json_skip_value(t))
        return false;
    if (!b->lenient)
        return json_fail(t, JSON_TYPE, at, "not a value of the column's type");
    set_null(column, row);
    return true;
}

static bool store_integer(struct json_column *column, uint32_t row, int64_t value)
{
    switch (column->type->id) {
    case LEAT_INT8:
        ((int8_t *)column->data)[row] = (int8_t)value;
        return value == (int8_t)value;
    case LEAT_INT16:
        ((int16_t *)column->data)[row] = (int16_t)value;
        return value == (int16_t)value;
    case LEAT_INT32:
        ((int32_t *)column->data)[row] = (int32_t)value;
        return value == (int32_t)value;
    default:
        ((int64_t *)column->data)[row] = value;
        return true;
    }
}

/* A number's text as a value of a numeric column. */
static bool store_number(struct json_column *column, uint32_t row, struct leat_text text)
{
    const struct leat_type *type = column->type;
    int64_t whole;
    double real;
    leat_int128 decimal;

    switch (type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
        if (leat_parse_int64(text.data, text.length, &whole))
            return store_integer(column, row, whole);
        /* 1.0 and 1e3 are whole numbers too */
        if (!leat_parse_decimal(text.data, text.length, 38, 18, &decimal) ||
            decimal % leat_power_of_ten[18] != 0)
            return false;
        decimal /= leat_power_of_ten[18];
        return decimal <= INT64_MAX && decimal >= INT64_MIN &&
               store_integer(column, row, (int64_t)decimal);
    case LEAT_DOUBLE:
        return leat_parse_double(text.data, text.length, (double *)column->data + row);
    case LEAT_FLOAT:
        if (!leat_parse_double(text.data, text.length, &real))
            return false;
        ((float *)column->data)[row] = (float)real;
        return (float)real - (float)real == 0 || real - real != 0;
    case LEAT_DECIMAL:
        if (!leat_parse_decimal(text.data, text.length, type->precision, type->scale, &decimal))
            return false;
        if (leat_type_is_small_decimal(type))
            ((int64_t *)column->data)[row] = (int64_t)decimal;
        else
            memcpy((char *)column->data + (size_t)row * 16, &decimal, 16);
        return true;
    default:
        return false;
    }
}

static bool parse_moment(struct json_builder *b, struct json_column *column, uint32_t row,
                         struct leat_text text)
{
    bool tz = column->type->id == LEAT_TIMESTAMPTZ, zone = false;
    int64_t moment;

    if (column->type->id == LEAT_DATE) {
        if (!b->date_format)
            return leat_parse_date(text.data, text.length, (int32_t *)column->data + row);
        if (!leat_time_format_parse(b->date_format, text.data, text.length, &moment, &zone))
            return false;
        ((int32_t *)column->data)[row] =
            (int32_t)(moment / 86400000000 - (moment % 86400000000 < 0));
        return true;
    }
    if (b->timestamp_format)
        return leat_time_format_parse(b->timestamp_format, text.data, text.length,
                                      (int64_t *)column->data + row, &zone) &&
               (tz || !zone);
    return leat_parse_timestamp(text.data, text.length, (int64_t *)column->data + row, &zone) &&
           (tz || !zone);
}

/* A string (without escapes) as a value of the column. */
static bool store_text(struct json_builder *b, struct json_column *column, uint32_t row,
                       struct leat_text text)
{
    struct leat_value value;

    switch (column->type->id) {
    case LEAT_TEXT:
        ((struct leat_string *)column->data)[row] = leat_string_of(text.data, text.length);
        return true;
    case LEAT_DATE:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return parse_moment(b, column, row, text);
    case LEAT_TIME:
        return leat_parse_time(text.data, text.length, (int64_t *)column->data + row);
    case LEAT_UUID:
        return leat_parse_uuid(text.data, text.length, (uint8_t *)column->data + (size_t)row * 16);
    case LEAT_INTERVAL:
        return leat_parse_interval(text.data, text.length,
                                   (struct leat_interval *)column->data + row);
    case LEAT_BYTES:
        if (leat_value_parse(text, column->type, b->scratch, &value, NULL) != LEAT_OK)
            return false;
        ((struct leat_string *)column->data)[row] =
            leat_string_of(value.text.data, value.text.length);
        return true;
    case LEAT_BOOLEAN:
    case LEAT_NULL:
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP:
        return false;
    default: /* numbers in quotes */
        return text.length && store_number(column, row, text);
    }
}

static bool find_column(struct json_column *columns, uint32_t count, uint32_t *guess,
                        struct leat_text key, uint32_t *out)
{
    uint32_t at = *guess;

    if (at < count && leat_text_equal(columns[at].name, key)) {
        *guess = at + 1;
        *out = at;
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        at = at + 1 < count ? at + 1 : 0;
        if (leat_text_equal(columns[at].name, key)) {
            *guess = at + 1;
            *out = at;
            return true;
        }
    }
    return false;
}

/* At a key that is not the expected one, or is not written as usual: *out is its column, NULL if
 * there is none, and the colon is taken. */
static bool parse_key(struct json_builder *b, struct json_column *columns, uint32_t count,
                      uint32_t *guess, struct json_text *t, struct json_column **out)
{
    struct leat_text key;
    uint32_t at;
    bool escaped;

    if (t->at >= t->end || *t->at != '"')
        return json_fail(t, JSON_SYNTAX, t->at, "expected a key in quotes");
    if (!json_scan_string(t, &key, &escaped) || (escaped && !resolve(b, t, &key)) ||
        !json_expect(t, ':', "expected : behind the key"))
        return false;
    *out = find_column(columns, count, guess, key, &at) ? &columns[at] : NULL;
    return true;
}

/* At an opening brace: fills row `row` of the columns. */
static bool parse_object(struct json_builder *b, struct json_column *columns, uint32_t count,
                         uint32_t *guess, struct json_text *t, uint32_t row, bool top)
{
    uint64_t stamp = ++b->stamp;
    uint32_t in_order = 0; /* columns found in the schema's order, without a gap */

    *guess = 0;
    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == '}') {
        t->at++;
        goto missing;
    }
    for (;;) {
        struct json_column *column = columns + *guess;
        json_skip_blanks(t);
        if (*guess < count && usual_key(column, t))
            ++*guess;
        else if (!parse_key(b, columns, count, guess, t, &column))
            return false;
        in_order += column == columns + in_order;
        if (!column || !column->wanted) {
            if (!json_skip_value(t))
                return false;
        } else {
            column->stamp = stamp;
            json_skip_blanks(t);
            if (!usual_value(b, column, t, row) && !parse_value(b, column, t, row)) {
                if (top)
                    b->failed_column = column->name.data;
                return false;
            }
        }
        json_skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        if (!json_expect(t, '}', "expected , or } in an object"))
            return false;
        break;
    }
missing:
    for (uint32_t i = in_order; i < count; i++)
        if (columns[i].stamp != stamp && columns[i].wanted)
            set_null(&columns[i], row);
    return true;
}

static bool parse_list(struct json_builder *b, struct json_column *column, struct json_text *t,
                       uint32_t row)
{
    struct json_column *child = &column->children[0];
    struct leat_list_entry entry = {child->count, 0};

    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == ']') {
        t->at++;
    } else {
        for (;;) {
            uint32_t item = append_item(b, child);
            if (item == UINT32_MAX)
                return json_fail(t, JSON_MEMORY, t->at, "");
            if (!parse_value(b, child, t, item))
                return false;
            json_skip_blanks(t);
            if (t->at < t->end && *t->at == ',') {
                t->at++;
                continue;
            }
            if (!json_expect(t, ']', "expected , or ] in an array"))
                return false;
            break;
        }
    }
    entry.length = child->count - entry.offset;
    ((struct leat_list_entry *)column->data)[row] = entry;
    return true;
}

static bool parse_map(struct json_builder *b, struct json_column *column, struct json_text *t,
                      uint32_t row)
{
    struct json_column *keys = &column->children[0], *values = &column->children[1];
    struct leat_list_entry entry = {keys->count, 0};

    values->count = keys->count; /* a bad record may have left them apart */
    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == '}') {
        t->at++;
    } else {
        for (;;) {
            struct leat_text key;
            uint32_t key_row = append_item(b, keys), value_row = append_item(b, values);
            bool escaped;
            if (key_row == UINT32_MAX || value_row == UINT32_MAX)
                return json_fail(t, JSON_MEMORY, t->at, "");
            json_skip_blanks(t);
            if (t->at >= t->end || *t->at != '"')
                return json_fail(t, JSON_SYNTAX, t->at, "expected a key in quotes");
            if (!json_scan_string(t, &key, &escaped) || (escaped && !resolve(b, t, &key)))
                return false;
            if (!store_text(b, keys, key_row, key))
                return json_fail(t, JSON_TYPE, key.data, "the key is not of the map's key type");
            leat_validity_set(keys->validity, key_row, true);
            if (!json_expect(t, ':', "expected : behind the key") ||
                !parse_value(b, values, t, value_row))
                return false;
            json_skip_blanks(t);
            if (t->at < t->end && *t->at == ',') {
                t->at++;
                continue;
            }
            if (!json_expect(t, '}', "expected , or } in an object"))
                return false;
            break;
        }
    }
    entry.length = keys->count - entry.offset;
    ((struct leat_list_entry *)column->data)[row] = entry;
    return true;
}

static bool parse_nested(struct json_builder *b, struct json_column *column, struct json_text *t,
                         uint32_t row)
{
    const char *start = t->at;
    bool object = *t->at == '{', good = true;

    if (column->type->id == LEAT_JSON || column->type->id == LEAT_TEXT) {
        if (!json_skip_value(t))
            return false;
        ((struct leat_string *)column->data)[row] = leat_string_of(start, (size_t)(t->at - start));
        leat_validity_set(column->validity, row, true);
        return true;
    }
    if ((object && column->type->id != LEAT_STRUCT && column->type->id != LEAT_MAP) ||
        (!object && column->type->id != LEAT_LIST))
        return mismatch(b, column, t, row, start);
    if (t->depth == 0)
        return json_fail(t, JSON_SYNTAX, t->at, "nested deeper than maximum_depth");
    t->depth--;
    leat_validity_set(column->validity, row, true);
    if (column->type->id == LEAT_STRUCT)
        good =
            parse_object(b, column->children, column->child_count, &column->guess, t, row, false);
    else if (column->type->id == LEAT_MAP)
        good = parse_map(b, column, t, row);
    else
        good = parse_list(b, column, t, row);
    t->depth++;
    return good;
}

static bool parse_scalar(struct json_builder *b, struct json_column *column, struct json_text *t,
                         uint32_t row)
{
    const char *start = t->at;
    enum leat_type_id id = column->type->id;
    struct leat_text text;
    bool flag, good;

    leat_validity_set(column->validity, row, true);
    if (*start == '"') {
        if (!json_scan_string(t, &text, &flag))
            return false;
        if (id == LEAT_JSON)
            text = (struct leat_text){start, (size_t)(t->at - start)};
        else if (flag && !resolve(b, t, &text))
            return false;
        if (t->null_count &&
            json_is_null_word(t, (struct leat_text){id == LEAT_JSON ? text.data + 1 : text.data,
                                                    text.length - 2 * (id == LEAT_JSON)})) {
            set_null(column, row);
            return true;
        }
        if (id == LEAT_JSON) {
            ((struct leat_string *)column->data)[row] = leat_string_of(text.data, text.length);
            return true;
        }
        good = store_text(b, column, row, text);
    } else if (*start == 't' || *start == 'f') {
        if (!json_scan_word(t, *start == 't' ? "true" : "false", *start == 't' ? 4 : 5))
            return false;
        text = (struct leat_text){start, (size_t)(t->at - start)};
        good = id == LEAT_BOOLEAN || id == LEAT_JSON || id == LEAT_TEXT;
        if (id == LEAT_BOOLEAN)
            ((uint8_t *)column->data)[row] = *start == 't';
        else if (good)
            ((struct leat_string *)column->data)[row] = leat_string_of(text.data, text.length);
    } else {
        if (*start != '-' && (unsigned)(*start - '0') >= 10)
            return json_fail(t, JSON_SYNTAX, t->at, "expected a value");
        if (!json_scan_number(t, &text, &flag))
            return false;
        good = true;
        if (id == LEAT_JSON || id == LEAT_TEXT)
            ((struct leat_string *)column->data)[row] = leat_string_of(text.data, text.length);
        else
            good = store_number(column, row, text);
    }
    return good || mismatch(b, column, t, row, start);
}

static bool parse_value(struct json_builder *b, struct json_column *column, struct json_text *t,
                        uint32_t row)
{
    json_skip_blanks(t);
    if (t->at >= t->end)
        return json_fail(t, JSON_SYNTAX, t->end, "expected a value");
    if (*t->at == 'n') {
        if (!json_scan_word(t, "null", 4))
            return false;
        set_null(column, row);
        return true;
    }
    if (*t->at == '{' || *t->at == '[')
        return parse_nested(b, column, t, row);
    return parse_scalar(b, column, t, row);
}

bool json_builder_row(struct json_builder *b, struct json_text *t, uint32_t row, bool single)
{
    b->failed_column = NULL;
    json_skip_blanks(t);
    if (single) {
        if (b->columns[0].wanted)
            return parse_value(b, &b->columns[0], t, row);
        return json_skip_value(t);
    }
    if (t->at >= t->end)
        return json_fail(t, JSON_SYNTAX, t->end, "expected a record");
    if (*t->at != '{') {
        const char *start = t->at;
        return json_skip_value(t) && json_fail(t, JSON_TYPE, start, "the record is no object");
    }
    if (t->depth == 0)
        return json_fail(t, JSON_SYNTAX, t->at, "nested deeper than maximum_depth");
    t->depth--;
    return parse_object(b, b->columns, b->count, &b->guess, t, row, true);
}

void json_builder_null_row(struct json_builder *b, uint32_t row)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->columns[i].wanted)
            set_null(&b->columns[i], row);
}

enum leat_status json_column_vector(const struct json_column *column, uint32_t rows,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    *out = (struct leat_vector){.type = column->type,
                                .form = LEAT_FLAT,
                                .length = rows,
                                .validity = column->any_null ? column->validity : NULL,
                                .data = column->data};
    if (column->child_count == 0)
        return LEAT_OK;
    out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, column->child_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < column->child_count; i++) {
        const struct json_column *child = &column->children[i];
        LEAT_TRY(json_column_vector(child, column->type->id == LEAT_STRUCT ? rows : child->count,
                                    arena, &out->children[i], err));
    }
    return LEAT_OK;
}
