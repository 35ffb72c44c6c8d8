/*
 * JSON's grammar (RFC 8259), strictly. Strings are scanned sixteen bytes at a time for the first
 * byte that is a quote, a backslash or a control character; nesting is bounded by the depth in the
 * text object, so recursion is too.
 */
#include "formats/json/json_internal.h"
#include "base/utf8.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

bool json_fail(struct json_text *t, enum json_failure failure, const char *at, const char *reason)
{
    if (t->failure == JSON_FINE) {
        t->failure = failure;
        t->failed_at = at;
        t->reason = reason;
        t->cut = failure == JSON_SYNTAX && at >= t->end;
    }
    return false;
}

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((unsigned)((c | 0x20) - 'a') < 6)
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* First byte in [at, end) that a string cannot hold as it is; end if there is none. */
static const char *find_special(const char *at, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        __m128i block = _mm_loadu_si128((const void *)at);
        __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(block, control), control); /* block <= 0x1f */
        __m128i hit = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash)), low);
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (uint8_t)*at >= 0x20)
        at++;
    return at;
}

static int32_t four_hex(const char *at, const char *end)
{
    int32_t value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* At a backslash: returns the end of the escape, or NULL. */
static const char *check_escape(struct json_text *t, const char *at)
{
    int32_t code;

    if (t->end - at < 2) {
        json_fail(t, JSON_SYNTAX, t->end, "the text ends inside a string");
        return NULL;
    }
    if (at[1] && strchr("\"\\/bfnrt", at[1]))
        return at + 2;
    if (at[1] != 'u') {
        json_fail(t, JSON_SYNTAX, at, "unknown escape");
        return NULL;
    }
    code = four_hex(at + 2, t->end);
    if (code < 0) {
        json_fail(t, JSON_SYNTAX, t->end - at < 6 ? t->end : at,
                  "\\u needs four hexadecimal digits");
        return NULL;
    }
    if (code >= 0xd800 && code < 0xe000) { /* half of a pair */
        int32_t low =
            t->end - at >= 12 && at[6] == '\\' && at[7] == 'u' ? four_hex(at + 8, t->end) : -1;
        if (code >= 0xdc00 || low < 0xdc00 || low > 0xdfff) {
            json_fail(t, JSON_SYNTAX, t->end - at < 12 ? t->end : at, "half of a surrogate pair");
            return NULL;
        }
        return at + 12;
    }
    return at + 6;
}

bool json_scan_string(struct json_text *t, struct leat_text *out, bool *escaped)
{
    const char *start = t->at + 1, *at = start;

    *escaped = false;
    for (;;) {
        at = find_special(at, t->end);
        if (at >= t->end)
            return json_fail(t, JSON_SYNTAX, t->end, "a string is not closed");
        if (*at == '"')
            break;
        if (*at != '\\')
            return json_fail(t, JSON_SYNTAX, at, "a control character inside a string");
        *escaped = true;
        at = check_escape(t, at);
        if (!at)
            return false;
    }
    *out = (struct leat_text){start, (size_t)(at - start)};
    t->at = at + 1;
    return true;
}

bool json_scan_number(struct json_text *t, struct leat_text *out, bool *integer)
{
    const char *start = t->at, *at = start;

    *integer = true;
    if (at < t->end && *at == '-')
        at++;
    if (at < t->end && *at == '0')
        at++;
    else if (at < t->end && is_digit(*at))
        while (at < t->end && is_digit(*at))
            at++;
    else
        return json_fail(t, JSON_SYNTAX, at, "expected a digit");
    if (at < t->end && *at == '.') {
        *integer = false;
        at++;
        if (at >= t->end || !is_digit(*at))
            return json_fail(t, JSON_SYNTAX, at, "expected a digit behind the point");
        while (at < t->end && is_digit(*at))
            at++;
    }
    if (at < t->end && (*at | 0x20) == 'e') {
        *integer = false;
        at++;
        if (at < t->end && (*at == '+' || *at == '-'))
            at++;
        if (at >= t->end || !is_digit(*at))
            return json_fail(t, JSON_SYNTAX, at, "expected a digit in the exponent");
        while (at < t->end && is_digit(*at))
            at++;
    }
    *out = (struct leat_text){start, (size_t)(at - start)};
    t->at = at;
    return true;
}

bool json_scan_word(struct json_text *t, const char *word, size_t length)
{
    size_t left = (size_t)(t->end - t->at), some = left < length ? left : length;

    if (memcmp(t->at, word, some) != 0)
        return json_fail(t, JSON_SYNTAX, t->at, "expected a value");
    if (some < length)
        return json_fail(t, JSON_SYNTAX, t->end, "expected a value");
    t->at += length;
    return true;
}

bool json_expect(struct json_text *t, char c, const char *reason)
{
    json_skip_blanks(t);
    if (t->at >= t->end || *t->at != c)
        return json_fail(t, JSON_SYNTAX, t->at, reason);
    t->at++;
    return true;
}

static bool skip_array(struct json_text *t)
{
    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == ']') {
        t->at++;
        return true;
    }
    for (;;) {
        if (!json_skip_value(t))
            return false;
        json_skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        return json_expect(t, ']', "expected , or ] in an array");
    }
}

static bool skip_object(struct json_text *t)
{
    struct leat_text key;
    bool escaped;

    t->at++;
    json_skip_blanks(t);
    if (t->at < t->end && *t->at == '}') {
        t->at++;
        return true;
    }
    for (;;) {
        json_skip_blanks(t);
        if (t->at >= t->end || *t->at != '"')
            return json_fail(t, JSON_SYNTAX, t->at, "expected a key in quotes");
        if (!json_scan_string(t, &key, &escaped) ||
            !json_expect(t, ':', "expected : behind the key") || !json_skip_value(t))
            return false;
        json_skip_blanks(t);
        if (t->at < t->end && *t->at == ',') {
            t->at++;
            continue;
        }
        return json_expect(t, '}', "expected , or } in an object");
    }
}

bool json_skip_value(struct json_text *t)
{
    struct leat_text text;
    bool flag, good;

    json_skip_blanks(t);
    if (t->at >= t->end)
        return json_fail(t, JSON_SYNTAX, t->end, "expected a value");
    switch (*t->at) {
    case '"':
        return json_scan_string(t, &text, &flag);
    case '{':
    case '[':
        if (t->depth == 0)
            return json_fail(t, JSON_SYNTAX, t->at, "nested deeper than maximum_depth");
        t->depth--;
        good = *t->at == '{' ? skip_object(t) : skip_array(t);
        t->depth++;
        return good;
    case 't':
        return json_scan_word(t, "true", 4);
    case 'f':
        return json_scan_word(t, "false", 5);
    case 'n':
        return json_scan_word(t, "null", 4);
    default:
        if (*t->at != '-' && !is_digit(*t->at))
            return json_fail(t, JSON_SYNTAX, t->at, "expected a value");
        return json_scan_number(t, &text, &flag);
    }
}

size_t json_unescape(struct leat_text text, char *to)
{
    const char *at = text.data, *end = text.data + text.length;
    char *start = to;

    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        switch (*at++) {
        case 'b':
            *to++ = '\b';
            break;
        case 'f':
            *to++ = '\f';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 't':
            *to++ = '\t';
            break;
        case 'u': {
            uint32_t code = (uint32_t)four_hex(at, end);
            at += 4;
            if (code >= 0xd800 && code < 0xdc00) {
                code =
                    0x10000 + ((code - 0xd800) << 10) + ((uint32_t)four_hex(at + 2, end) - 0xdc00);
                at += 6;
            }
            if (code < 0x80) {
                *to++ = (char)code;
            } else if (code < 0x800) {
                *to++ = (char)(0xc0 | code >> 6);
                *to++ = (char)(0x80 | (code & 0x3f));
            } else {
                if (code < 0x10000) {
                    *to++ = (char)(0xe0 | code >> 12);
                } else {
                    *to++ = (char)(0xf0 | code >> 18);
                    *to++ = (char)(0x80 | (code >> 12 & 0x3f));
                }
                *to++ = (char)(0x80 | (code >> 6 & 0x3f));
                *to++ = (char)(0x80 | (code & 0x3f));
            }
            break;
        }
        default:
            *to++ = at[-1];
            break;
        }
    }
    return (size_t)(to - start);
}

bool leat_json_validate(const char *text, size_t length, unsigned depth, size_t *error_at,
                        const char **reason)
{
    struct json_text t = {
        .at = text, .end = text + length, .depth = depth < JSON_MAX_DEPTH ? depth : JSON_MAX_DEPTH};

    *error_at = 0;
    *reason = "invalid UTF-8";
    if (!leat_utf8_valid(text, length))
        return false;
    if (json_skip_value(&t)) {
        json_skip_blanks(&t);
        if (t.at == t.end)
            return true;
        json_fail(&t, JSON_SYNTAX, t.at, "more text behind the value");
    }
    *error_at = (size_t)(t.failed_at - text);
    *reason = t.reason;
    return false;
}
