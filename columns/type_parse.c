/* Reads a type's SQL spelling: PostgreSQL's names, Spark's and the common aliases, by recursive
 * descent over characters. */
#include "columns/type.h"

#include <stdlib.h>

struct scanner {
    struct leat_text text;
    size_t at;
    struct leat_arena *arena;
    struct leat_error *err;
};

static const struct alias {
    const char *name;
    enum leat_type_id id;
} aliases[] = {
    {"boolean", LEAT_BOOLEAN},
    {"bool", LEAT_BOOLEAN},
    {"tinyint", LEAT_INT8},
    {"byte", LEAT_INT8},
    {"smallint", LEAT_INT16},
    {"int2", LEAT_INT16},
    {"short", LEAT_INT16},
    {"integer", LEAT_INT32},
    {"int", LEAT_INT32},
    {"int4", LEAT_INT32},
    {"serial", LEAT_INT32},
    {"bigint", LEAT_INT64},
    {"int8", LEAT_INT64},
    {"long", LEAT_INT64},
    {"bigserial", LEAT_INT64},
    {"real", LEAT_FLOAT},
    {"float4", LEAT_FLOAT},
    {"double precision", LEAT_DOUBLE},
    {"double", LEAT_DOUBLE},
    {"float8", LEAT_DOUBLE},
    {"float", LEAT_DOUBLE},
    {"numeric", LEAT_DECIMAL},
    {"decimal", LEAT_DECIMAL},
    {"dec", LEAT_DECIMAL},
    {"text", LEAT_TEXT},
    {"string", LEAT_TEXT},
    {"varchar", LEAT_TEXT},
    {"character varying", LEAT_TEXT},
    {"char", LEAT_TEXT},
    {"character", LEAT_TEXT},
    {"bpchar", LEAT_TEXT},
    {"name", LEAT_TEXT},
    {"oid", LEAT_INT64}, /* and what PostgreSQL shows as the name of an object */
    {"regclass", LEAT_INT64},
    {"regtype", LEAT_INT64},
    {"regproc", LEAT_INT64},
    {"regprocedure", LEAT_INT64},
    {"regnamespace", LEAT_INT64},
    {"regrole", LEAT_INT64},
    {"xid", LEAT_INT64},
    {"bytea", LEAT_BYTES},
    {"binary", LEAT_BYTES},
    {"blob", LEAT_BYTES},
    {"varbinary", LEAT_BYTES},
    {"date", LEAT_DATE},
    {"time", LEAT_TIME},
    {"time without time zone", LEAT_TIME},
    {"timestamp", LEAT_TIMESTAMP},
    {"timestamp without time zone", LEAT_TIMESTAMP},
    {"timestamp_ntz", LEAT_TIMESTAMP},
    {"datetime", LEAT_TIMESTAMP},
    {"timestamptz", LEAT_TIMESTAMPTZ},
    {"timestamp with time zone", LEAT_TIMESTAMPTZ},
    {"timestamp_ltz", LEAT_TIMESTAMPTZ},
    {"interval", LEAT_INTERVAL},
    {"uuid", LEAT_UUID},
    {"json", LEAT_JSON},
    {"jsonb", LEAT_JSON},
    {"unknown", LEAT_NULL},
};

static enum leat_status bad_type(struct scanner *s)
{
    return leat_error_set(s->err, LEAT_E_UNKNOWN_TYPE, "unknown type \"%.*s\"",
                          (int)(s->text.length < 200 ? s->text.length : 200), s->text.data);
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->text.length && strchr(" \t\r\n", s->text.data[s->at]) && s->text.data[s->at])
        s->at++;
}

static bool take(struct scanner *s, char c)
{
    skip_blanks(s);
    if (s->at >= s->text.length || s->text.data[s->at] != c)
        return false;
    s->at++;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static struct leat_text take_word(struct scanner *s)
{
    size_t start;

    skip_blanks(s);
    start = s->at;
    while (s->at < s->text.length && is_word(s->text.data[s->at]))
        s->at++;
    return (struct leat_text){s->text.data + start, s->at - start};
}

/* A struct field's name: a word, or quoted with " or `. NULL if there is none or memory is out. */
static const char *take_name(struct scanner *s)
{
    struct leat_text word;
    char quote;
    size_t start;

    skip_blanks(s);
    quote = s->at < s->text.length ? s->text.data[s->at] : '\0';
    if (quote != '"' && quote != '`') {
        word = take_word(s);
        return word.length ? leat_arena_copy(s->arena, word.data, word.length) : NULL;
    }
    start = ++s->at;
    while (s->at < s->text.length && s->text.data[s->at] != quote)
        s->at++;
    if (s->at >= s->text.length)
        return NULL;
    s->at++;
    return leat_arena_copy(s->arena, s->text.data + start, s->at - 1 - start);
}

static bool take_number(struct scanner *s, unsigned *out)
{
    struct leat_text word = take_word(s);
    unsigned value = 0;

    if (word.length == 0 || word.length > 9)
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        value = value * 10 + (unsigned)(word.data[i] - '0');
    }
    *out = value;
    return true;
}

static enum leat_status parse_type(struct scanner *s, unsigned depth, const struct leat_type **out);

static enum leat_status parse_nested(struct scanner *s, enum leat_type_id id, char close,
                                     unsigned depth, const struct leat_type **out)
{
    struct leat_field fields[256];
    uint32_t count = 0;

    do {
        struct leat_field field = {.name = count == 0 ? "key" : "value"};
        if (count == sizeof(fields) / sizeof(fields[0]))
            return leat_error_set(s->err, LEAT_E_LIMIT, "a struct type with more than %u fields",
                                  count);
        if (id == LEAT_STRUCT) {
            field.name = take_name(s);
            if (!field.name)
                return bad_type(s);
            take(s, ':');
        }
        LEAT_TRY(parse_type(s, depth + 1, &field.type));
        fields[count++] = field;
    } while (take(s, ','));
    if (!take(s, close))
        return bad_type(s);
    if (id == LEAT_LIST && count == 1)
        *out = leat_type_list(s->arena, fields[0].type);
    else if (id == LEAT_MAP && count == 2)
        *out = leat_type_map(s->arena, fields[0].type, fields[1].type);
    else if (id == LEAT_STRUCT)
        *out = leat_type_struct(s->arena, fields, count);
    else
        return bad_type(s);
    return *out ? LEAT_OK : leat_error_memory(s->err);
}

/* "(p, s)" after numeric; without it PostgreSQL's numeric is unbounded: here the widest with a
 * middle scale. */
static enum leat_status parse_decimal(struct scanner *s, const struct leat_type **out)
{
    unsigned precision = LEAT_DECIMAL_MAX_PRECISION, scale = 0;

    if (!take(s, '(')) {
        *out = leat_type_decimal(LEAT_DECIMAL_MAX_PRECISION, 10);
        return LEAT_OK;
    }
    if (!take_number(s, &precision) || (take(s, ',') && !take_number(s, &scale)) || !take(s, ')'))
        return bad_type(s);
    if (precision < 1 || precision > LEAT_DECIMAL_MAX_PRECISION || scale > precision) {
        (void)leat_error_set(s->err, LEAT_E_UNKNOWN_TYPE, "numeric(%u,%u) is out of range",
                             precision, scale);
        leat_error_hint(s->err, "precision goes from 1 to %d, scale from 0 to the precision",
                        LEAT_DECIMAL_MAX_PRECISION);
        return LEAT_INVALID;
    }
    *out = leat_type_decimal(precision, scale);
    return LEAT_OK;
}

/* Simple names may have several words and a length in brackets, which text ignores. */
static enum leat_status parse_simple(struct scanner *s, struct leat_text word,
                                     const struct leat_type **out)
{
    char name[64];
    size_t length = 0;
    unsigned ignored;

    for (int words = 0; words < 4; words++) {
        size_t before;
        struct leat_text next;
        if (length + word.length + 2 > sizeof(name))
            return bad_type(s);
        if (words > 0)
            name[length++] = ' ';
        for (size_t i = 0; i < word.length; i++) {
            char c = word.data[i];
            name[length++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        name[length] = '\0';
        if (strncmp(name, "time", 4) == 0 && take(s, '(') &&
            (!take_number(s, &ignored) || !take(s, ')')))
            return bad_type(s);
        before = s->at;
        next = take_word(s);
        if (next.length == 0 || (strcmp(name, "double") != 0 && strncmp(name, "time", 4) != 0 &&
                                 !(strcmp(name, "character") == 0 &&
                                   leat_text_equal_nocase(next, leat_text_of("varying"))))) {
            s->at = before;
            break;
        }
        word = next;
    }
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (strcmp(name, aliases[i].name) != 0)
            continue;
        if (aliases[i].id == LEAT_DECIMAL)
            return parse_decimal(s, out);
        if (take(s, '(') && (!take_number(s, &ignored) || !take(s, ')')))
            return bad_type(s);
        *out = leat_type_get(aliases[i].id);
        return LEAT_OK;
    }
    return bad_type(s);
}

static enum leat_status parse_type(struct scanner *s, unsigned depth, const struct leat_type **out)
{
    struct leat_text word;
    unsigned size;

    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(s->err, LEAT_E_LIMIT, "a type nested deeper than %d",
                              LEAT_TYPE_MAX_DEPTH);
    word = take_word(s);
    if (leat_text_equal_nocase(word, leat_text_of("array")) && take(s, '<'))
        LEAT_TRY(parse_nested(s, LEAT_LIST, '>', depth, out));
    else if (leat_text_equal_nocase(word, leat_text_of("map")) && take(s, '<'))
        LEAT_TRY(parse_nested(s, LEAT_MAP, '>', depth, out));
    else if (leat_text_equal_nocase(word, leat_text_of("map")) && take(s, '('))
        LEAT_TRY(parse_nested(s, LEAT_MAP, ')', depth, out));
    else if (leat_text_equal_nocase(word, leat_text_of("struct")) && take(s, '<'))
        LEAT_TRY(parse_nested(s, LEAT_STRUCT, '>', depth, out));
    else if (leat_text_equal_nocase(word, leat_text_of("struct")) && take(s, '('))
        LEAT_TRY(parse_nested(s, LEAT_STRUCT, ')', depth, out));
    else
        LEAT_TRY(parse_simple(s, word, out));
    for (unsigned lists = 0; take(s, '['); lists++) {
        if (depth + lists > LEAT_TYPE_MAX_DEPTH)
            return leat_error_set(s->err, LEAT_E_LIMIT, "a type nested deeper than %d",
                                  LEAT_TYPE_MAX_DEPTH);
        if (!take(s, ']') && (!take_number(s, &size) || !take(s, ']')))
            return bad_type(s);
        *out = leat_type_list(s->arena, *out);
        if (!*out)
            return leat_error_memory(s->err);
    }
    return LEAT_OK;
}

enum leat_status leat_type_parse(struct leat_text text, struct leat_arena *arena,
                                 const struct leat_type **out, struct leat_error *err)
{
    struct scanner s = {.text = text, .arena = arena, .err = err};

    *out = NULL;
    LEAT_TRY(parse_type(&s, 0, out));
    skip_blanks(&s);
    return s.at == text.length ? LEAT_OK : bad_type(&s);
}
