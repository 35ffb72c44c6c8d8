/*
 * Lexer. leat_token_next reads one token by its first character; a token is a span of the text and
 * a kind, nothing is copied. Operators are cut as PostgreSQL cuts them: as long as possible, but
 * not into a comment, and not ending in + or - unless a special character is inside. Keywords are
 * found by binary search in a table sorted by name.
 */
#include "compute/sql/lexer.h"
#include "compute/sql/parser.h"

struct keyword_entry {
    const char *text;
    enum leat_keyword_class class;
};
static const struct keyword_entry keyword_table[] = {
    {"", LEAT_KEYWORD_CLASS_FREE},
#define LEAT_KEYWORD(name, text, class) {text, LEAT_KEYWORD_CLASS_##class},
#include "compute/sql/keywords.def"
#undef LEAT_KEYWORD
};

#define KEYWORD_MAX_LENGTH 20

enum leat_keyword leat_keyword_find(const char *word, size_t length)
{
    char lower[KEYWORD_MAX_LENGTH + 1];
    size_t low = 1, high = LEAT_KEYWORD_COUNT_;

    if (length > KEYWORD_MAX_LENGTH)
        return LEAT_KEYWORD_NONE;
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]);
    lower[length] = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(lower, keyword_table[middle].text);
        if (order == 0)
            return (enum leat_keyword)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return LEAT_KEYWORD_NONE;
}

enum leat_keyword_class leat_keyword_class_of(enum leat_keyword keyword)
{
    return keyword_table[keyword].class;
}

const char *leat_keyword_text(enum leat_keyword keyword)
{
    return keyword_table[keyword].text;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
static bool is_name_part(int c)
{
    return is_name_start(c) || is_digit(c) || c == '$';
}
static bool is_operator_char(int c)
{
    return c && strchr("+-*/<>=~!@#%^&|?", c) != NULL;
}
static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* The text being cut: at(i) gives 0 behind the end. */
struct input {
    const char *text;
    size_t length;
    bool spark;
};
static int at(const struct input *in, size_t i)
{
    return i < in->length ? (unsigned char)in->text[i] : 0;
}

/* Skips blanks and comments. False: a comment stays open; *position is then its start. */
static bool skip_blanks(const struct input *in, size_t *position)
{
    size_t i = *position;

    for (;;) {
        if (is_space(at(in, i))) {
            i++;
        } else if (i == 0 && in->length >= 3 && memcmp(in->text, "\xEF\xBB\xBF", 3) == 0) {
            i = 3;
        } else if (at(in, i) == '-' && at(in, i + 1) == '-') {
            while (i < in->length && in->text[i] != '\n')
                i++;
        } else if (at(in, i) == '/' && at(in, i + 1) == '*') {
            size_t depth = 1, start = i;
            i += 2;
            while (depth && i < in->length) {
                if (at(in, i) == '/' && at(in, i + 1) == '*') {
                    depth++;
                    i += 2;
                } else if (at(in, i) == '*' && at(in, i + 1) == '/') {
                    depth--;
                    i += 2;
                } else {
                    i++;
                }
            }
            if (depth) {
                *position = start;
                return false;
            }
        } else {
            break;
        }
    }
    *position = i;
    return true;
}

/* End of a quoted run that starts at `i` (on the quote), or 0 if it stays open. */
static size_t quoted_end(const struct input *in, size_t i, char quote, bool escapes)
{
    for (i++; i < in->length; i++) {
        if (escapes && in->text[i] == '\\') {
            i++;
        } else if (in->text[i] == quote) {
            if (at(in, i + 1) != quote)
                return i + 1;
            i++;
        }
    }
    return 0;
}

/* Strings separated by blanks with a newline are one. Returns the end behind all pieces, or 0. */
static size_t string_end(const struct input *in, size_t i, bool escapes)
{
    size_t end = quoted_end(in, i, '\'', escapes);

    while (end) {
        size_t j = end;
        bool newline = false;
        while (is_space(at(in, j))) {
            newline |= at(in, j) == '\n';
            j++;
        }
        if (!newline || at(in, j) != '\'')
            return end;
        end = quoted_end(in, j, '\'', escapes);
    }
    return 0;
}

static struct leat_token make(enum leat_token_kind kind, size_t start, size_t end)
{
    return (struct leat_token){
        .kind = (uint8_t)kind, .offset = (uint32_t)start, .length = (uint32_t)(end - start)};
}
static struct leat_token make_error(enum leat_lexical_error error, size_t start, size_t end)
{
    struct leat_token token = make(LEAT_TOKEN_ERROR, start, end);
    token.error = (uint8_t)error;
    return token;
}

static struct leat_token lex_string(const struct input *in, size_t start, size_t quote,
                                    enum leat_token_kind kind)
{
    size_t end = string_end(in, quote, kind == LEAT_TOKEN_STRING_E);
    return end ? make(kind, start, end) : make_error(LEAT_LEXICAL_OPEN_STRING, start, in->length);
}

static struct leat_token lex_quoted_name(const struct input *in, size_t start, size_t quote,
                                         enum leat_token_kind kind)
{
    size_t end = quoted_end(in, quote, '"', false);

    if (!end)
        return make_error(LEAT_LEXICAL_OPEN_NAME, start, in->length);
    if (end == quote + 2)
        return make_error(LEAT_LEXICAL_EMPTY_NAME, start, end);
    return make(kind, start, end);
}

/* Either quote, with escapes unless raw. Pieces that follow each other are the parser's. */
static struct leat_token lex_spark_string(const struct input *in, size_t start, size_t quote,
                                          enum leat_token_kind kind)
{
    size_t end = quoted_end(in, quote, (char)at(in, quote), kind == LEAT_TOKEN_STRING_S);
    return end ? make(kind, start, end) : make_error(LEAT_LEXICAL_OPEN_STRING, start, in->length);
}

/* `name`; a backtick inside is written twice. */
static struct leat_token lex_backtick(const struct input *in, size_t start)
{
    size_t end = quoted_end(in, start, '`', false);

    if (in->spark && end && end > start + 2)
        return make(LEAT_TOKEN_BACKTICK, start, end);
    if (in->spark)
        return make_error(end ? LEAT_LEXICAL_EMPTY_NAME : LEAT_LEXICAL_OPEN_NAME, start,
                          end ? end : in->length);
    return make_error(LEAT_LEXICAL_BACKTICK, start, end ? end : start + 1);
}

/* L, S, Y, F, D or BD behind digits: the end of the suffix, or `end`. */
static size_t suffix_end(const struct input *in, size_t end)
{
    size_t length = (at(in, end) | 0x20) == 'b' && (at(in, end + 1) | 0x20) == 'd' ? 2 : 1;

    if (length == 1 && !(at(in, end) && strchr("lLsSyYfFdD", at(in, end))))
        return end;
    return is_name_part(at(in, end + length)) ? end : end + length;
}

static struct leat_token lex_word(const struct input *in, size_t start)
{
    int first = at(in, start) | 0x20, second = at(in, start + 1);
    size_t end = start;
    struct leat_token token;

    if (in->spark && (second == '\'' || second == '"') && (first == 'r' || first == 'x'))
        return lex_spark_string(in, start, start + 1,
                                first == 'r' ? LEAT_TOKEN_STRING_RAW : LEAT_TOKEN_BYTES);
    if (!in->spark && second == '\'') {
        if (first == 'e')
            return lex_string(in, start, start + 1, LEAT_TOKEN_STRING_E);
        if (first == 'n')
            return lex_string(in, start, start + 1, LEAT_TOKEN_STRING);
        if (first == 'b' || first == 'x' || first == 'r') {
            end = string_end(in, start + 1, false);
            return make_error(first == 'r' ? LEAT_LEXICAL_RAW_STRING : LEAT_LEXICAL_BIT_STRING,
                              start, end ? end : in->length);
        }
    }
    if (!in->spark && first == 'u' && second == '&') {
        if (at(in, start + 2) == '\'')
            return lex_string(in, start, start + 2, LEAT_TOKEN_STRING_U);
        if (at(in, start + 2) == '"')
            return lex_quoted_name(in, start, start + 2, LEAT_TOKEN_NAME_U);
    }
    while (is_name_part(at(in, end)))
        end++;
    token = make(LEAT_TOKEN_WORD, start, end);
    token.keyword = (uint16_t)leat_keyword_find(in->text + start, end - start);
    return token;
}

static bool is_radix_digit(int c, int radix)
{
    int value = is_digit(c)                                ? c - '0'
                : ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') ? (c | 0x20) - 'a' + 10
                                                           : 99;
    return value < radix;
}

/* Digits with single underscores between them. */
static size_t digits_end(const struct input *in, size_t i, int radix)
{
    while (is_radix_digit(at(in, i), radix) ||
           (at(in, i) == '_' && is_radix_digit(at(in, i + 1), radix)))
        i++;
    return i;
}

static struct leat_token lex_number(const struct input *in, size_t start)
{
    enum leat_token_kind kind = LEAT_TOKEN_INTEGER;
    size_t end = start;
    int radix = 10;

    if (at(in, start) == '0' && !in->spark) {
        int letter = at(in, start + 1) | 0x20;
        radix = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    }
    if (radix != 10 && is_radix_digit(at(in, start + 2), radix)) {
        end = digits_end(in, start + 2, radix);
    } else {
        end = digits_end(in, start, 10);
        if (at(in, end) == '.' && at(in, end + 1) != '.') {
            kind = LEAT_TOKEN_DECIMAL;
            end = digits_end(in, end + 1, 10);
        }
        if ((at(in, end) | 0x20) == 'e') {
            size_t exponent = end + 1;
            if (at(in, exponent) == '+' || at(in, exponent) == '-')
                exponent++;
            if (is_digit(at(in, exponent))) {
                kind = LEAT_TOKEN_DECIMAL;
                end = digits_end(in, exponent, 10);
            }
        }
    }
    if (in->spark && suffix_end(in, end) > end)
        return make(LEAT_TOKEN_SUFFIXED, start, suffix_end(in, end));
    if (is_name_part(at(in, end))) {
        while (is_name_part(at(in, end)))
            end++;
        return make_error(LEAT_LEXICAL_NUMBER, start, end);
    }
    return make(kind, start, end);
}

/* $1, or $tag$ ... $tag$. */
static struct leat_token lex_dollar(const struct input *in, size_t start)
{
    size_t tag_end = start + 1;

    if (is_digit(at(in, tag_end))) {
        while (is_digit(at(in, tag_end)))
            tag_end++;
        if (is_name_part(at(in, tag_end)) || tag_end - start > 6)
            return make_error(LEAT_LEXICAL_PARAMETER, start, tag_end);
        return make(LEAT_TOKEN_PARAMETER, start, tag_end);
    }
    while (at(in, tag_end) != '$' && is_name_part(at(in, tag_end)))
        tag_end++;
    if (at(in, tag_end) != '$')
        return make_error(LEAT_LEXICAL_CHARACTER, start, start + 1);
    size_t tag_length = tag_end + 1 - start;
    for (size_t i = tag_end + 1; i + tag_length <= in->length; i++) {
        const char *next = memchr(in->text + i, '$', in->length - i);
        if (!next)
            break;
        i = (size_t)(next - in->text);
        if (i + tag_length <= in->length && memcmp(in->text + i, in->text + start, tag_length) == 0)
            return make(LEAT_TOKEN_DOLLAR, start, i + tag_length);
    }
    return make_error(LEAT_LEXICAL_OPEN_DOLLAR, start, in->length);
}

/* Spark knows its operators by name; the longest that fits is one. */
static struct leat_token lex_spark_operator(const struct input *in, size_t start)
{
    static const char *const names[] = {
        ">>>", "<=>", "==", "<>", "!=", "<=", ">=", "||", "<<", ">>", "->", "=>", "|>", NULL};

    for (int i = 0; names[i]; i++) {
        size_t length = strlen(names[i]);
        if (in->length - start >= length && memcmp(in->text + start, names[i], length) == 0)
            return make(strcmp(names[i], "=>") == 0 ? LEAT_TOKEN_SYMBOL : LEAT_TOKEN_OPERATOR,
                        start, start + length);
    }
    return make(LEAT_TOKEN_OPERATOR, start, start + 1);
}

static struct leat_token lex_operator(const struct input *in, size_t start)
{
    size_t end = start;
    bool special = false;

    if (in->spark)
        return lex_spark_operator(in, start);

    while (is_operator_char(at(in, end))) {
        if (end > start && ((at(in, end) == '-' && at(in, end + 1) == '-') ||
                            (at(in, end) == '/' && at(in, end + 1) == '*')))
            break;
        special |= strchr("~!@#%^&|?", at(in, end)) != NULL;
        end++;
    }
    if (end - start == 2 && memcmp(in->text + start, "=>", 2) == 0)
        return make(LEAT_TOKEN_SYMBOL, start, end);
    if (!special)
        while (end - start > 1 && (in->text[end - 1] == '+' || in->text[end - 1] == '-'))
            end--;
    return make(LEAT_TOKEN_OPERATOR, start, end);
}

struct leat_token leat_token_next(const char *text, size_t length, enum leat_sql_dialect dialect,
                                  size_t *position)
{
    struct input in = {text, length, dialect == LEAT_SQL_SPARK};
    struct leat_token token;
    size_t start = *position;

    if (!skip_blanks(&in, &start)) {
        token = make_error(LEAT_LEXICAL_OPEN_COMMENT, start, length);
        *position = length;
        return token;
    }
    int c = at(&in, start);
    if (start >= length) {
        token = make(LEAT_TOKEN_END, length, length);
    } else if (is_name_start(c)) {
        token = lex_word(&in, start);
    } else if (is_digit(c) || (c == '.' && is_digit(at(&in, start + 1)))) {
        token = lex_number(&in, start);
    } else if (in.spark && (c == '\'' || c == '"')) {
        token = lex_spark_string(&in, start, start, LEAT_TOKEN_STRING_S);
    } else if (c == '\'') {
        token = lex_string(&in, start, start, LEAT_TOKEN_STRING);
    } else if (c == '"') {
        token = lex_quoted_name(&in, start, start, LEAT_TOKEN_NAME);
    } else if (c == '$') {
        token = lex_dollar(&in, start);
    } else if (c == '`') {
        token = lex_backtick(&in, start);
    } else if (c == ':' && (at(&in, start + 1) == ':' || at(&in, start + 1) == '=')) {
        token = make(LEAT_TOKEN_SYMBOL, start, start + 2);
    } else if (strchr("()[]{},;.:", c) && c) {
        token = make(LEAT_TOKEN_SYMBOL, start, start + 1);
    } else if (is_operator_char(c)) {
        token = lex_operator(&in, start);
    } else {
        token = make_error(LEAT_LEXICAL_CHARACTER, start, start + 1);
    }
    *position = (size_t)token.offset + token.length;
    return token;
}

/* Offset of the first byte that is not UTF-8, or `length`. */
static size_t utf8_check(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;

    while (i < length) {
        size_t more = s[i] < 0x80                    ? 0
                      : s[i] >= 0xC2 && s[i] <= 0xDF ? 1
                      : s[i] >= 0xE0 && s[i] <= 0xEF ? 2
                      : s[i] >= 0xF0 && s[i] <= 0xF4 ? 3
                                                     : 9;
        if (more == 9 || i + more >= length + (more == 0))
            return i;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xC0) != 0x80)
                return i;
        if ((s[i] == 0xE0 && s[i + 1] < 0xA0) || (s[i] == 0xED && s[i + 1] >= 0xA0) ||
            (s[i] == 0xF0 && s[i + 1] < 0x90) || (s[i] == 0xF4 && s[i + 1] >= 0x90))
            return i;
        i += more + 1;
    }
    return length;
}

/* Cuts the text from `position` on, behind the tokens that are there. */
static enum leat_status cut(struct leat_tokens *tokens, size_t position, struct leat_error *err)
{
    const char *text = tokens->text;
    size_t length = tokens->length, bad = utf8_check(text, length);

    for (;;) {
        if (tokens->count == tokens->capacity) {
            size_t capacity = tokens->capacity ? tokens->capacity * 2 : 64;
            struct leat_token *items =
                leat_realloc(tokens->items, capacity * sizeof(*tokens->items));
            if (!items) {
                leat_tokens_release(tokens);
                return leat_error_memory(err);
            }
            tokens->items = items;
            tokens->capacity = capacity;
        }
        struct leat_token token = leat_token_next(text, length, tokens->dialect, &position);
        if (token.offset + (size_t)token.length > bad && bad < length) {
            size_t start = token.offset > bad ? token.offset : bad;
            if (token.offset <= bad)
                token = make_error(LEAT_LEXICAL_UTF8, start, start + 1);
        }
        tokens->items[tokens->count++] = token;
        if (token.kind == LEAT_TOKEN_END)
            return LEAT_OK;
    }
}

enum leat_status leat_tokens_init(struct leat_tokens *tokens, const char *text, size_t length,
                                  enum leat_sql_dialect dialect, struct leat_error *err)
{
    *tokens = (struct leat_tokens){.text = text, .length = length, .dialect = dialect};
    if (length > LEAT_SQL_MAX_TEXT)
        return leat_error_set(err, LEAT_E_LIMIT, "the SQL text has %zu bytes; the limit is %zu",
                              length, LEAT_SQL_MAX_TEXT);
    return cut(tokens, 0, err);
}

enum leat_status leat_tokens_turn(struct leat_tokens *tokens, size_t from,
                                  enum leat_sql_dialect dialect, struct leat_error *err)
{
    size_t position = tokens->items[from].offset;

    tokens->dialect = dialect;
    tokens->count = from;
    return cut(tokens, position, err);
}

void leat_tokens_release(struct leat_tokens *tokens)
{
    leat_free(tokens->items);
    *tokens = (struct leat_tokens){0};
}

/* --- values --- */
static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Reads exactly `count` hexadecimal digits. */
static bool read_hex(const char *s, const char *end, size_t count, uint32_t *out)
{
    *out = 0;
    if ((size_t)(end - s) < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int c = (unsigned char)s[i];
        if (!is_radix_digit(c, 16))
            return false;
        *out = *out << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

/* A code point, or a pair of surrogates, whose first `digits` digits stand at *s. */
static bool read_code_point(const char **s, const char *end, size_t digits, char mark,
                            uint32_t *out)
{
    uint32_t low;

    if (!read_hex(*s, end, digits, out))
        return false;
    *s += digits;
    if (*out >= 0xD800 && *out < 0xDC00) {
        size_t skip = mark == 'u' ? 2 : 1;
        if ((size_t)(end - *s) < skip + 4 || **s != '\\' || !read_hex(*s + skip, end, 4, &low) ||
            low < 0xDC00 || low > 0xDFFF)
            return false;
        *s += skip + 4;
        *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
    }
    return *out > 0 && *out <= 0x10FFFF && !(*out >= 0xD800 && *out <= 0xDFFF);
}

/* Decodes the backslash escape at *s of an E'' string. Writes at most 4 bytes. */
static bool decode_e(const char **s, const char *end, char **out)
{
    const char *p = *s + 1;
    uint32_t code = 0;

    if (p >= end)
        return false;
    char c = *p++;
    const char *simple = strchr("bfnrt", c);
    if (c && simple) {
        *(*out)++ = "\b\f\n\r\t"[simple - strchr("bfnrt", 'b')];
    } else if (c == 'u' || c == 'U') {
        if (!read_code_point(&p, end, c == 'u' ? 4 : 8, 'u', &code))
            return false;
        *out += put_utf8(*out, code);
    } else if ((c == 'x' && p < end && is_radix_digit((unsigned char)*p, 16)) ||
               (c >= '0' && c <= '7')) {
        int radix = c == 'x' ? 16 : 8, most = c == 'x' ? 2 : 3;
        if (radix == 8)
            p--;
        for (int i = 0; i < most && p < end && is_radix_digit((unsigned char)*p, radix); i++, p++)
            code = code * (uint32_t)radix +
                   (uint32_t)(is_digit((unsigned char)*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
        if (code == 0 || code > 0x7F) /* single bytes above 127 would not be UTF-8 */
            return false;
        *(*out)++ = (char)code;
    } else {
        *(*out)++ = c;
    }
    *s = p;
    return true;
}

static bool decode_u(const char **s, const char *end, char **out)
{
    const char *p = *s + 1;
    uint32_t code;
    size_t digits = 4;

    if (p < end && *p == '\\') {
        *(*out)++ = '\\';
        *s = p + 1;
        return true;
    }
    if (p < end && *p == '+') {
        digits = 6;
        p++;
    }
    if (!read_code_point(&p, end, digits, 0, &code))
        return false;
    *out += put_utf8(*out, code);
    *s = p;
    return true;
}

/* The backslash escape at *s of a string of Spark's. Unknown letters stand for themselves; \\% and
 * \\_ keep their backslash, for LIKE. */
static bool decode_spark(const char **s, const char *end, char **out)
{
    const char *p = *s + 1;
    uint32_t code = 0;

    if (p >= end)
        return false;
    char c = *p++;
    const char *simple = c ? strchr("bnrtZ", c) : NULL;
    if (simple) {
        *(*out)++ = "\b\n\r\t\x1A"[simple - strchr("bnrtZ", 'b')];
    } else if ((c == 'u' && read_hex(p, end, 4, &code)) ||
               (c == 'U' && read_hex(p, end, 8, &code))) {
        size_t digits = c == 'u' ? 4 : 8;
        if (!read_code_point(&p, end, digits, 'u', &code))
            return false;
        *out += put_utf8(*out, code);
    } else if (end - p >= 2 && c >= '0' && c <= '1' && is_radix_digit((unsigned char)p[0], 8) &&
               is_radix_digit((unsigned char)p[1], 8)) {
        code = (uint32_t)((c - '0') * 64 + (p[0] - '0') * 8 + (p[1] - '0'));
        if (code == 0)
            return false;
        *(*out)++ = (char)code;
        p += 2;
    } else if (c == '0') {
        return false; /* text holds no zero byte */
    } else {
        if (c == '%' || c == '_')
            *(*out)++ = '\\';
        *(*out)++ = c;
    }
    *s = p;
    return true;
}

/* The value of a token that only Spark has: strings, `names`. */
static const char *spark_value(const char *text, const struct leat_token *token, char **to)
{
    const char *s = text + token->offset, *end = s + token->length - 1;
    bool doubled = token->kind != LEAT_TOKEN_STRING_RAW;
    char quote;

    while (*s != '\'' && *s != '"' && *s != '`')
        s++;
    quote = *s;
    for (s++; s < end;) {
        if (*s == quote && doubled) {
            *(*to)++ = quote;
            s += 2;
        } else if (*s == '\\' && token->kind == LEAT_TOKEN_STRING_S) {
            if (!decode_spark(&s, end, to))
                return s;
        } else {
            *(*to)++ = *s++;
        }
    }
    return NULL;
}

static enum leat_status bad_escape(const char *text, const char *s, struct leat_error *err)
{
    leat_error_set(err, LEAT_E_BAD_ESCAPE, "invalid escape in the string");
    leat_error_hint(err,
                    "a backslash is written as \\\\; valid are \\n, \\t, \\', \\uXXXX, \\xXX up to "
                    "\\x7F");
    if (err)
        err->place.offset = (uint64_t)(s - text);
    return LEAT_INVALID;
}

enum leat_status leat_token_value(const char *text, const struct leat_token *token,
                                  struct leat_arena *arena, struct leat_text *out,
                                  struct leat_error *err)
{
    const char *s = text + token->offset, *end = s + token->length;
    char *buffer = leat_arena_alloc(arena, (size_t)token->length + 5), *to = buffer;
    bool e = token->kind == LEAT_TOKEN_STRING_E;
    bool u = token->kind == LEAT_TOKEN_STRING_U || token->kind == LEAT_TOKEN_NAME_U;
    bool string = e || token->kind == LEAT_TOKEN_STRING || token->kind == LEAT_TOKEN_STRING_U;

    if (!buffer)
        return leat_error_memory(err);
    if (token->kind == LEAT_TOKEN_WORD) {
        for (; s < end; s++)
            *to++ = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
    } else if (token->kind == LEAT_TOKEN_DOLLAR) {
        size_t tag = (size_t)((const char *)memchr(s + 1, '$', token->length - 1) - s) + 1;
        memcpy(to, s + tag, token->length - 2 * tag);
        to += token->length - 2 * tag;
    } else if (token->kind == LEAT_TOKEN_BACKTICK || token->kind == LEAT_TOKEN_STRING_S ||
               token->kind == LEAT_TOKEN_STRING_RAW || token->kind == LEAT_TOKEN_BYTES) {
        const char *escape = spark_value(text, token, &to);
        if (escape)
            return bad_escape(text, escape, err);
    } else if (string || token->kind == LEAT_TOKEN_NAME || token->kind == LEAT_TOKEN_NAME_U) {
        char quote = string ? '\'' : '"';
        while (*s != quote)
            s++;
        for (s++; s < end;) {
            if (*s == quote && s + 1 < end && s[1] == quote) {
                *to++ = quote;
                s += 2;
            } else if (*s == quote) { /* the end, or a further piece on the next line */
                for (s++; s < end && *s != quote; s++)
                    ;
                s++;
            } else if (*s == '\\' && (e || u)) {
                const char *escape = s;
                if (!(e ? decode_e(&s, end - 1, &to) : decode_u(&s, end - 1, &to)))
                    return bad_escape(text, escape, err);
            } else {
                *to++ = *s++;
            }
        }
    } else {
        memcpy(to, s, token->length);
        to += token->length;
    }
    *to = 0;
    *out = (struct leat_text){buffer, (size_t)(to - buffer)};
    return LEAT_OK;
}

enum leat_status leat_token_error(const char *text, const struct leat_token *token,
                                  struct leat_error *err)
{
    const char *s = text + token->offset;
    int length = (int)(token->length > 60 ? 60 : token->length);
    enum leat_status status = LEAT_INVALID;

    switch ((enum leat_lexical_error)token->error) {
    case LEAT_LEXICAL_OPEN_STRING:
        status = leat_error_set(err, LEAT_E_UNTERMINATED, "the string that starts here has no end");
        leat_error_hint(err, "close it with '; a quote inside a string is written twice: ''");
        break;
    case LEAT_LEXICAL_OPEN_NAME:
        status =
            leat_error_set(err, LEAT_E_UNTERMINATED, "the quoted name that starts here has no end");
        leat_error_hint(err, "close it with \"; text values take single quotes");
        break;
    case LEAT_LEXICAL_OPEN_DOLLAR:
        status = leat_error_set(err, LEAT_E_UNTERMINATED,
                                "the dollar-quoted string that starts here has no end");
        break;
    case LEAT_LEXICAL_OPEN_COMMENT:
        status =
            leat_error_set(err, LEAT_E_UNTERMINATED, "the comment that starts here has no end");
        leat_error_hint(err, "close it with */; comments nest");
        break;
    case LEAT_LEXICAL_EMPTY_NAME:
        status = leat_error_set(err, LEAT_E_SYNTAX, "a quoted name must not be empty");
        leat_error_hint(err, "an empty text is written ''");
        break;
    case LEAT_LEXICAL_NUMBER:
        status = leat_error_set(err, LEAT_E_SYNTAX, "trailing junk after the number: \"%.*s\"",
                                length, s);
        leat_error_hint(err, "numbers take no suffix; for another type write a cast: 1::bigint");
        break;
    case LEAT_LEXICAL_BACKTICK:
        status = leat_error_set(err, LEAT_E_TRAP, "names are not quoted with backticks");
        if (token->length > 2)
            leat_error_hint(err, "write \"%.*s\"", length > 2 ? length - 2 : 0, s + 1);
        else
            leat_error_hint(err, "names take double quotes");
        break;
    case LEAT_LEXICAL_RAW_STRING:
        status = leat_error_set(err, LEAT_E_TRAP, "there are no raw strings %.*s", length, s);
        leat_error_hint(err, "write %.*s: in ordinary strings a backslash stands for itself",
                        length - 1, s + 1);
        break;
    case LEAT_LEXICAL_BIT_STRING:
        status = leat_error_set(err, LEAT_E_UNSUPPORTED, "bit strings (%.*s) are not supported",
                                length, s);
        leat_error_hint(err, "bytes are written '\\x...'::bytea, numbers 0x1F or 0b101");
        break;
    case LEAT_LEXICAL_PARAMETER:
        status = leat_error_set(err, LEAT_E_SYNTAX, "bad parameter %.*s", length, s);
        break;
    case LEAT_LEXICAL_UTF8:
        status =
            leat_error_set(err, LEAT_E_SYNTAX, "the text is not valid UTF-8 here (byte 0x%02X)",
                           (unsigned char)*s);
        leat_error_hint(err, "save the file as UTF-8");
        break;
    case LEAT_LEXICAL_CHARACTER:
    case LEAT_LEXICAL_NONE:
        if ((unsigned char)*s < 0x20)
            status = leat_error_set(err, LEAT_E_SYNTAX, "unexpected control character 0x%02X",
                                    (unsigned char)*s);
        else
            status = leat_error_set(err, LEAT_E_SYNTAX, "unexpected character \"%c\"", *s);
        break;
    }
    return status;
}

/* --- for prompts --- */
size_t leat_sql_split(const char *text, size_t length)
{
    size_t position = 0;

    if (length > LEAT_SQL_MAX_TEXT)
        return length;
    for (;;) {
        struct leat_token token = leat_token_next(text, length, LEAT_SQL_POSTGRES, &position);
        if (token.kind == LEAT_TOKEN_END)
            return length;
        if (token.kind == LEAT_TOKEN_SYMBOL && text[token.offset] == ';')
            return position;
    }
}

bool leat_sql_is_complete(const char *text, size_t length, enum leat_sql_dialect dialect)
{
    size_t position = 0;
    bool complete = true;

    if (length > LEAT_SQL_MAX_TEXT)
        return true;
    for (;;) {
        struct leat_token token = leat_token_next(text, length, dialect, &position);
        if (token.kind == LEAT_TOKEN_END)
            return complete;
        complete = token.kind == LEAT_TOKEN_SYMBOL && text[token.offset] == ';';
    }
}

const char *leat_sql_keyword_at(size_t index)
{
    return index + 1 < LEAT_KEYWORD_COUNT_ ? keyword_table[index + 1].text : NULL;
}

enum leat_status leat_sql_put_name(struct leat_text name, struct leat_buffer *out,
                                   struct leat_error *err)
{
    bool plain =
        name.length > 0 && is_name_start((unsigned char)name.data[0]) &&
        leat_keyword_class_of(leat_keyword_find(name.data, name.length)) == LEAT_KEYWORD_CLASS_FREE;

    for (size_t i = 0; plain && i < name.length; i++)
        plain = is_name_part((unsigned char)name.data[i]) &&
                !(name.data[i] >= 'A' && name.data[i] <= 'Z');
    if (plain)
        return leat_buffer_append(out, name.data, name.length, err);
    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"')
            LEAT_TRY(leat_buffer_append_byte(out, '"', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)name.data[i], err));
    }
    return leat_buffer_append_byte(out, '"', err);
}
