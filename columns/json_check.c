/* Whether a text is JSON (RFC 8259). */
#include "columns/value.h"

enum { DEEPEST = 512 };

struct check {
    const unsigned char *at, *end;
};

static void pass_blanks(struct check *c)
{
    while (c->at < c->end && (*c->at == ' ' || (*c->at >= '\t' && *c->at <= '\r' &&
                                                *c->at != '\v' && *c->at != '\f')))
        c->at++;
}

static bool pass_digits(struct check *c)
{
    const unsigned char *start = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > start;
}

static bool is_hex(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'f');
}

static bool pass_string(struct check *c)
{
    if (c->at == c->end || *c->at++ != '"')
        return false;
    for (; c->at < c->end && *c->at != '"'; c->at++) {
        if (*c->at < 0x20)
            return false;
        if (*c->at != '\\')
            continue;
        if (++c->at == c->end || !strchr("\"\\/bfnrtu", *c->at) || *c->at == 0)
            return false;
        if (*c->at != 'u')
            continue;
        if (c->end - c->at < 5 || !is_hex(c->at[1]) || !is_hex(c->at[2]) || !is_hex(c->at[3]) ||
            !is_hex(c->at[4]))
            return false;
        c->at += 4;
    }
    return c->at < c->end && *c->at++ == '"';
}

static bool pass_number(struct check *c)
{
    if (c->at < c->end && *c->at == '-')
        c->at++;
    if (c->at < c->end && *c->at == '0')
        c->at++;
    else if (!pass_digits(c))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!pass_digits(c))
            return false;
    }
    if (c->at == c->end || (*c->at | 32) != 'e')
        return true;
    c->at++;
    if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
        c->at++;
    return pass_digits(c);
}

static bool pass_word(struct check *c)
{
    static const char *const words[] = {"true", "false", "null"};

    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(c->end - c->at) >= length && memcmp(c->at, words[i], length) == 0) {
            c->at += length;
            return true;
        }
    }
    return pass_number(c);
}

/* A key and its colon. */
static bool pass_key(struct check *c)
{
    pass_blanks(c);
    if (!pass_string(c))
        return false;
    pass_blanks(c);
    return c->at < c->end && *c->at++ == ':';
}

/* Behind a value: closes what ends here; false: what follows does not fit. *more: a value follows.
 */
static bool pass_ends(struct check *c, const bool *objects, int *depth, bool *more)
{
    for (*more = false; *depth > 0;) {
        bool object = objects[*depth - 1];
        pass_blanks(c);
        if (c->at == c->end)
            return false;
        if (*c->at == ',') {
            c->at++;
            *more = true;
            return !object || pass_key(c);
        }
        if (*c->at++ != (object ? '}' : ']'))
            return false;
        --*depth;
    }
    return true;
}

bool leat_json_valid(struct leat_text text)
{
    struct check c = {(const unsigned char *)text.data,
                      (const unsigned char *)text.data + text.length};
    bool objects[DEEPEST], more = true;
    int depth = 0;

    while (more) {
        pass_blanks(&c);
        if (c.at == c.end)
            return false;
        if (*c.at == '{' || *c.at == '[') {
            bool object = *c.at++ == '{';
            if (depth == DEEPEST)
                return false;
            objects[depth++] = object;
            pass_blanks(&c);
            if (c.at < c.end && *c.at != (object ? '}' : ']')) {
                if (object && !pass_key(&c))
                    return false;
                continue;
            }
        } else if (!(*c.at == '"' ? pass_string(&c) : pass_word(&c))) {
            return false;
        }
        if (!pass_ends(&c, objects, &depth, &more))
            return false;
    }
    pass_blanks(&c);
    return c.at == c.end;
}
