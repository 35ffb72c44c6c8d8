/*
 * Literals and types as Spark writes them: numbers with a letter, bytes, intervals, names of types.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

/* 10L, 5S, 1Y, 1.5F, 1.5D, 1.5BD */
struct leat_sql_expr *spark_number(struct parser *p)
{
    const struct leat_token *token = peek(p);
    const char *s = p->text + token->offset;
    size_t start = p->position, length = token->length - 1;
    const char *type = NULL;
    struct leat_sql_expr *expr;
    bool whole;

    switch (s[length] | 0x20) {
    case 'l':
        type = "bigint";
        break;
    case 's':
        type = "smallint";
        break;
    case 'y':
        type = "tinyint";
        break;
    case 'f':
        type = "real";
        break;
    default:
        if ((s[length - 1] | 0x20) == 'b')
            length--;
        else
            type = "double";
        break;
    }
    whole = memchr(s, '.', length) == NULL && memchr(s, 'e', length) == NULL &&
            memchr(s, 'E', length) == NULL;
    if (!whole && type &&
        (strcmp(type, "bigint") == 0 || strcmp(type, "smallint") == 0 ||
         strcmp(type, "tinyint") == 0)) {
        fail_token(p, LEAT_E_SYNTAX, "write it without a fraction", "the number is no whole one");
        return NULL;
    }
    expr = new_expr(p, !whole || !type ? LEAT_SQL_DECIMAL : LEAT_SQL_INTEGER, start);
    if (!expr)
        return NULL;
    expr->text = (struct leat_text){leat_arena_copy(p->arena, s, length), length};
    if (!expr->text.data) {
        fail_memory(p);
        return NULL;
    }
    advance(p);
    expr = close_expr(p, expr, start);
    return expr && type ? make_cast(p, type, start, expr) : expr;
}

struct leat_sql_expr *spark_bytes(struct parser *p)
{
    size_t start = p->position;
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_TYPED, start);
    const struct leat_token *token = peek(p);
    char *text = expr ? parser_alloc(p, token->length + 4u) : NULL;

    if (!text)
        return NULL;
    snprintf(text, token->length + 4u, "\\x%s%.*s", token->length % 2 ? "" : "0",
             (int)token->length - 3, p->text + token->offset + 2);
    expr->text = leat_text_of(text);
    expr->type.text = leat_text_of("bytea");
    expr->type.offset = token->offset;
    expr->type.length = token->length;
    advance(p);
    return close_expr(p, expr, start);
}

/* --- intervals --- */
static const char *unit_of(const struct parser *p)
{
    static const char *const units[] = {"year",   "month",  "week",        "day",         "hour",
                                        "minute", "second", "millisecond", "microsecond", NULL};
    char plural[20];

    for (int i = 0; units[i]; i++) {
        snprintf(plural, sizeof(plural), "%ss", units[i]);
        if (is_word(p, units[i]) || is_word(p, plural))
            return units[i];
    }
    return NULL;
}

/* The value at the current token: 10, -10, '10', - '10'. False and not failed: none. */
static bool interval_value(struct parser *p, char *out, size_t size)
{
    bool minus = is_operator(p, "-");
    struct leat_text text;

    if (minus || is_operator(p, "+"))
        advance(p);
    if (peek(p)->kind == LEAT_TOKEN_INTEGER || peek(p)->kind == LEAT_TOKEN_DECIMAL) {
        snprintf(out, size, "%s%.*s", minus ? "-" : "", (int)peek(p)->length,
                 p->text + peek(p)->offset);
        advance(p);
        return true;
    }
    if (!is_string_at(p, 0))
        return minus && fail_here(p);
    if (!parse_string(p, "a number", &text))
        return false;
    snprintf(out, size, "%s%.*s", minus ? "-" : "", (int)(text.length > 60 ? 60 : text.length),
             text.data);
    return true;
}

/* '1-2' YEAR TO MONTH, '1 10:20:30' DAY TO SECOND: the text is PostgreSQL's too. */
static bool interval_range(struct parser *p, const char *first, char *value, size_t size)
{
    const char *last;
    char copy[200];

    advance(p); /* TO */
    last = unit_of(p);
    if (!last) {
        want(p, "a unit such as MONTH or SECOND");
        return fail_here(p);
    }
    advance(p);
    snprintf(copy, sizeof(copy), "%s", value);
    if (strcmp(first, "year") == 0 || strcmp(first, "day") == 0)
        return true;
    if (strcmp(first, "hour") == 0) {
        if (strcmp(last, "minute") == 0)
            snprintf(value, size, "%.80s:00", copy);
        return true;
    }
    snprintf(value, size, "%s00:%.80s", copy[0] == '-' ? "-" : "", copy + (copy[0] == '-'));
    return true;
}

struct leat_sql_expr *spark_interval(struct parser *p)
{
    size_t start = p->position, at;
    const struct leat_token *next = peek_at(p, 1);
    struct leat_sql_expr *expr;
    char value[100], text[400] = "";
    size_t used = 0;
    unsigned parts = 0;

    if (next->kind != LEAT_TOKEN_INTEGER && next->kind != LEAT_TOKEN_DECIMAL &&
        !is_string_at(p, 1) && !(next->kind == LEAT_TOKEN_OPERATOR && next->length == 1))
        return NULL;
    advance(p);
    do {
        const char *unit;
        at = p->position;
        if (!interval_value(p, value, sizeof(value)))
            return NULL;
        unit = unit_of(p);
        if (!unit && parts == 0 && is_string_at(p, 0) == false &&
            p->tokens.items[at].kind != LEAT_TOKEN_INTEGER) {
            used = (size_t)snprintf(text, sizeof(text), "%s", value); /* INTERVAL '1 day' */
            break;
        }
        if (!unit) {
            want(p, "a unit such as DAY or SECONDS");
            fail_here(p);
            return NULL;
        }
        advance(p);
        if (is_keyword(p, LEAT_KEYWORD_TO)) {
            if (!interval_range(p, unit, value, sizeof(value)))
                return NULL;
            unit = "";
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", parts ? " " : "",
                                 value, unit);
        parts++;
    } while (used < 300 &&
             (peek(p)->kind == LEAT_TOKEN_INTEGER || is_string_at(p, 0) ||
              (is_operator(p, "-") && peek_at(p, 1)->kind == LEAT_TOKEN_INTEGER && parts == 0)));
    expr = new_expr(p, LEAT_SQL_INTERVAL, start);
    if (!expr)
        return NULL;
    if (strncmp(text, "interval ", 9) == 0)
        memmove(text, text + 9, strlen(text + 9) + 1);
    expr->text = (struct leat_text){leat_arena_copy(p->arena, text, strlen(text)), strlen(text)};
    if (!expr->text.data) {
        fail_memory(p);
        return NULL;
    }
    expr->name = leat_text_of("");
    return close_expr(p, expr, start);
}

/* --- types --- */
static bool is_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Spark's name where it means another type than PostgreSQL's of that name. `next` follows it. */
static const char *renamed(struct leat_text word, char next)
{
    if (leat_text_equal_nocase(word, leat_text_of("float")))
        return "real";
    if (leat_text_equal_nocase(word, leat_text_of("timestamp")))
        return "timestamptz";
    if (next != '(' && (leat_text_equal_nocase(word, leat_text_of("decimal")) ||
                        leat_text_equal_nocase(word, leat_text_of("dec")) ||
                        leat_text_equal_nocase(word, leat_text_of("numeric"))))
        return "decimal(10,0)";
    return NULL;
}

bool spark_type(struct parser *p, struct leat_sql_type *type)
{
    const char *s = type->text.data, *name;
    char *out = parser_alloc(p, type->text.length * 3 + 16), *to = out;
    size_t length = type->text.length;

    if (!out)
        return false;
    for (size_t i = 0; i < length;) {
        size_t end = i, next;
        if (s[i] == '`' || !is_part(s[i])) {
            size_t quoted = i;
            if (s[i] == '`')
                for (quoted++; quoted < length && s[quoted] != '`'; quoted++)
                    ;
            while (i <= quoted && i < length)
                *to++ = s[i++];
            continue;
        }
        while (end < length && is_part(s[end]))
            end++;
        for (next = end; next < length && (s[next] == ' ' || s[next] == '\n' || s[next] == '\t');
             next++)
            ;
        /* a word before ':' or another word is a field's name */
        name = next < length && (s[next] == ':' || (is_part(s[next]) && next > end))
                   ? NULL
                   : renamed((struct leat_text){s + i, end - i}, next < length ? s[next] : 0);
        to += snprintf(to, 20 + end - i, "%.*s", name ? (int)strlen(name) : (int)(end - i),
                       name ? name : s + i);
        i = end;
    }
    *to = 0;
    type->text = (struct leat_text){out, (size_t)(to - out)};
    return true;
}
