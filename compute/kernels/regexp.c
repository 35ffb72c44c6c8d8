/*
 * Regular expressions: ~ ~* !~ !~*, regexp_like, regexp_count, regexp_replace, regexp_match,
 * regexp_substr, regexp_split_to_array.
 *
 * PCRE2 does the work, with limits on backtracking so that no pattern can hang a query. As in
 * PostgreSQL a dot matches newlines, and ^ and $ stand for the ends of the text only, unless flag
 * 'n' is given. A constant pattern is compiled once; a varying one when it changes.
 */
#include "compute/kernels/text_internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 1000000u
#define DEPTH_LIMIT 5000u

struct regexp {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    char *pattern; /* with its flags, as compiled */
    size_t length;
    bool global;
};

static void regexp_clear(struct regexp *regexp)
{
    pcre2_match_data_free(regexp->match);
    pcre2_match_context_free(regexp->context);
    pcre2_code_free(regexp->code);
    leat_free(regexp->pattern);
    memset(regexp, 0, sizeof(*regexp));
}

static void regexp_release(void *data)
{
    if (data)
        regexp_clear(data);
}

static enum leat_status options_of(struct leat_text flags, uint32_t *options, bool *global,
                                   struct leat_error *err)
{
    for (size_t k = 0; k < flags.length; k++) {
        switch (flags.data[k]) {
        case 'i':
            *options |= PCRE2_CASELESS;
            break;
        case 'c':
            *options &= ~PCRE2_CASELESS;
            break;
        case 'g':
            *global = true;
            break;
        case 'n':
        case 'm':
            *options = (*options & ~(PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY)) | PCRE2_MULTILINE;
            break;
        case 's':
            *options |= PCRE2_DOTALL;
            break;
        case 'x':
            *options |= PCRE2_EXTENDED;
            break;
        case 'q':
            *options = (*options & PCRE2_CASELESS) | PCRE2_LITERAL | PCRE2_UTF;
            break;
        default:
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "invalid regular expression option: \"%c\"", flags.data[k]);
        }
    }
    return LEAT_OK;
}

/* The compiled pattern of a row, kept in the call's state. */
static enum leat_status get(struct kernel_call *call, struct leat_text pattern,
                            struct leat_text flags, struct regexp **out, struct leat_error *err)
{
    struct regexp *regexp = call->state->data;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_DOTALL |
                       PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    size_t length = pattern.length + flags.length, offset;
    bool global = false;
    int code;

    if (!regexp) {
        regexp = LEAT_NEW(call->state->arena, struct regexp);
        if (!regexp)
            return leat_error_memory(err);
        call->state->data = regexp;
        call->state->release = regexp_release;
    }
    *out = regexp;
    if (regexp->code && regexp->length == length &&
        memcmp(regexp->pattern, pattern.data, pattern.length) == 0 &&
        memcmp(regexp->pattern + pattern.length, flags.data, flags.length) == 0)
        return LEAT_OK;
    regexp_clear(regexp);
    LEAT_TRY(options_of(flags, &options, &global, err));
    regexp->global = global;
    regexp->code = pcre2_compile((PCRE2_SPTR)(pattern.data ? pattern.data : ""), pattern.length,
                                 options, &code, &offset, NULL);
    if (!regexp->code) {
        char reason[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
        return leat_error_set(
            err, LEAT_E_BAD_PATTERN, "invalid regular expression \"%.*s\" at character %zu: %s",
            (int)(pattern.length < 200 ? pattern.length : 200), pattern.data, offset + 1, reason);
    }
    (void)pcre2_jit_compile(regexp->code, PCRE2_JIT_COMPLETE); /* without it matching still works */
    regexp->match = pcre2_match_data_create_from_pattern(regexp->code, NULL);
    regexp->context = pcre2_match_context_create(NULL);
    regexp->pattern = leat_malloc(length + 1);
    if (!regexp->match || !regexp->context || !regexp->pattern) {
        regexp_clear(regexp);
        return leat_error_memory(err);
    }
    pcre2_set_match_limit(regexp->context, MATCH_LIMIT);
    pcre2_set_depth_limit(regexp->context, DEPTH_LIMIT);
    memcpy(regexp->pattern, pattern.data, pattern.length);
    if (flags.length)
        memcpy(regexp->pattern + pattern.length, flags.data, flags.length);
    regexp->length = length;
    return LEAT_OK;
}

/* Matches at or after `from`; *ranges has pairs of offsets, *groups of them; 0 groups: no match. */
static enum leat_status match(struct regexp *regexp, struct leat_text text, size_t from,
                              size_t **ranges, uint32_t *groups, struct leat_error *err)
{
    int result = pcre2_match(regexp->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.length,
                             from, PCRE2_NO_UTF_CHECK, regexp->match, regexp->context);
    *groups = 0;
    if (result == PCRE2_ERROR_NOMATCH)
        return LEAT_OK;
    if (result < 0)
        return leat_error_set(err, LEAT_E_BAD_PATTERN,
                              "regular expression needs too much work for a text of %zu bytes",
                              text.length);
    *ranges = pcre2_get_ovector_pointer(regexp->match);
    *groups = pcre2_get_ovector_count(regexp->match);
    return LEAT_OK;
}

/* Where to look next after a match, which may be empty. */
static size_t next_start(struct leat_text text, const size_t *ranges)
{
    size_t length;
    if (ranges[1] > ranges[0])
        return ranges[1];
    if (ranges[1] >= text.length)
        return text.length + 1;
    text_decode(text, ranges[1], &length);
    return ranges[1] + length;
}

static struct leat_text flags_arg(struct kernel_call *call, uint32_t n, uint32_t i)
{
    return call->arg_count > n ? text_arg(call, n, i) : (struct leat_text){"", 0};
}

static enum leat_status test(struct kernel_call *call, struct leat_text fixed, bool negated,
                             struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text flags = call->arg_count > 2 ? text_arg(call, 2, i) : fixed;
        struct regexp *regexp;
        size_t *ranges;
        uint32_t groups;
        LEAT_TRY(get(call, text_arg(call, 1, i), flags, &regexp, err));
        LEAT_TRY(match(regexp, text_arg(call, 0, i), 0, &ranges, &groups, err));
        ((uint8_t *)call->out->data)[i] = (groups > 0) != negated;
    }
    return LEAT_OK;
}
#define DEFINE_TEST(name, flags, negated)                                                          \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        return test(call, leat_text_of(flags), negated, err);                                      \
    }
DEFINE_TEST(run_matches, "", false)
DEFINE_TEST(run_matches_nocase, "i", false)
DEFINE_TEST(run_not_matches, "", true)
DEFINE_TEST(run_not_matches_nocase, "i", true)

static enum leat_status run_count(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        struct regexp *regexp;
        size_t *ranges;
        uint32_t groups;
        int32_t count = 0;
        LEAT_TRY(get(call, text_arg(call, 1, i), flags_arg(call, 2, i), &regexp, err));
        for (size_t at = 0; at <= text.length; at = next_start(text, ranges)) {
            LEAT_TRY(match(regexp, text, at, &ranges, &groups, err));
            if (groups == 0)
                break;
            count++;
        }
        ((int32_t *)call->out->data)[i] = count;
    }
    return LEAT_OK;
}

static enum leat_status run_substr(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        struct regexp *regexp;
        size_t *ranges;
        uint32_t groups;
        LEAT_TRY(get(call, text_arg(call, 1, i), flags_arg(call, 2, i), &regexp, err));
        LEAT_TRY(match(regexp, text, 0, &ranges, &groups, err));
        /* with groups: the first one, as substring(text from pattern) */
        uint32_t group = groups > 1 ? 1 : 0;
        if (groups == 0 || ranges[2 * group] == PCRE2_UNSET)
            LEAT_TRY(kernel_set_null(call, i, err));
        else
            text_set_view(call, i,
                          (struct leat_text){text.data + ranges[2 * group],
                                             ranges[2 * group + 1] - ranges[2 * group]});
    }
    return LEAT_OK;
}

/* \1 .. \9 are groups, \& the whole match, \\ a backslash. */
static enum leat_status append_replacement(struct leat_text with, struct leat_text text,
                                           const size_t *ranges, uint32_t groups,
                                           struct leat_buffer *out, struct leat_error *err)
{
    for (size_t k = 0; k < with.length; k++) {
        char byte = with.data[k], next = k + 1 < with.length ? with.data[k + 1] : '\0';
        uint32_t group = UINT32_MAX;
        if (byte == '\\' && next >= '0' && next <= '9')
            group = (uint32_t)(next - '0');
        else if (byte == '\\' && next == '&')
            group = 0;
        if (group != UINT32_MAX) {
            k++;
            if (group < groups && ranges[2 * group] != PCRE2_UNSET)
                LEAT_TRY(leat_buffer_append(out, text.data + ranges[2 * group],
                                            ranges[2 * group + 1] - ranges[2 * group], err));
            continue;
        }
        if (byte == '\\' && next == '\\')
            k++;
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)byte, err));
    }
    return LEAT_OK;
}

static enum leat_status row_replace(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), with = text_arg(call, 2, i);
    struct regexp *regexp;
    size_t *ranges, copied = 0, at = 0;
    uint32_t groups;

    LEAT_TRY(get(call, text_arg(call, 1, i), flags_arg(call, 3, i), &regexp, err));
    while (at <= text.length) {
        LEAT_TRY(match(regexp, text, at, &ranges, &groups, err));
        if (groups == 0)
            break;
        LEAT_TRY(leat_buffer_append(out, text.data + copied, ranges[0] - copied, err));
        LEAT_TRY(append_replacement(with, text, ranges, groups, out, err));
        copied = ranges[1];
        at = next_start(text, ranges);
        if (!regexp->global)
            break;
    }
    return leat_buffer_append(out, text.data + copied, text.length - copied, err);
}
static enum leat_status run_replace(struct kernel_call *call, struct leat_error *err)
{
    return text_each(call, row_replace, err);
}

/* --- results that are arrays of text --- */

struct parts {
    struct leat_string *items;
    bool *null;
    size_t count;
    size_t capacity;
};

static enum leat_status add_part(struct parts *parts, const char *data, size_t length, bool null,
                                 struct leat_error *err)
{
    if (parts->count == parts->capacity) {
        size_t capacity = parts->capacity ? parts->capacity * 2 : 64;
        struct leat_string *items = leat_realloc(parts->items, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(err);
        parts->items = items;
        bool *flags = leat_realloc(parts->null, capacity);
        if (!flags)
            return leat_error_memory(err);
        parts->null = flags;
        parts->capacity = capacity;
    }
    parts->items[parts->count] = null ? leat_string_of("", 0) : leat_string_of(data, length);
    parts->null[parts->count++] = null;
    return LEAT_OK;
}

static enum leat_status match_parts(struct regexp *regexp, struct leat_text text,
                                    struct parts *parts, bool *found, struct leat_error *err)
{
    size_t *ranges;
    uint32_t groups;
    LEAT_TRY(match(regexp, text, 0, &ranges, &groups, err));
    *found = groups > 0;
    for (uint32_t g = groups > 1 ? 1 : 0; g < groups; g++) {
        bool null = ranges[2 * g] == PCRE2_UNSET;
        LEAT_TRY(add_part(parts, null ? "" : text.data + ranges[2 * g],
                          null ? 0 : ranges[2 * g + 1] - ranges[2 * g], null, err));
    }
    return LEAT_OK;
}

static enum leat_status split_parts(struct regexp *regexp, struct leat_text text,
                                    struct parts *parts, struct leat_error *err)
{
    size_t *ranges, start = 0, at = 0;
    uint32_t groups;
    while (at < text.length) {
        LEAT_TRY(match(regexp, text, at, &ranges, &groups, err));
        if (groups == 0 || (ranges[0] == ranges[1] && ranges[0] >= text.length))
            break;
        at = next_start(text, ranges);
        if (ranges[0] == ranges[1] && ranges[0] == start)
            continue; /* an empty match at the start of a part cuts nothing */
        LEAT_TRY(add_part(parts, text.data + start, ranges[0] - start, false, err));
        start = ranges[1];
    }
    return add_part(parts, text.data + start, text.length - start, false, err);
}

static enum leat_status lists(struct kernel_call *call, bool split, struct parts *parts,
                              struct leat_error *err)
{
    struct leat_vector *items = &call->out->children[0];

    for (uint32_t i = 0; i < call->count; i++) {
        struct leat_list_entry *entry = &((struct leat_list_entry *)call->out->data)[i];
        struct regexp *regexp;
        bool found = true;
        *entry = (struct leat_list_entry){(uint32_t)parts->count, 0};
        if (!leat_validity_get(call->out->validity, i))
            continue;
        LEAT_TRY(get(call, text_arg(call, 1, i), flags_arg(call, 2, i), &regexp, err));
        if (split)
            LEAT_TRY(split_parts(regexp, text_arg(call, 0, i), parts, err));
        else
            LEAT_TRY(match_parts(regexp, text_arg(call, 0, i), parts, &found, err));
        entry->length = (uint32_t)parts->count - entry->offset;
        if (!found)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    LEAT_TRY(leat_vector_init(items, leat_type_get(LEAT_TEXT), (uint32_t)parts->count, 0,
                              call->arena, err));
    items->length = (uint32_t)parts->count;
    if (parts->count)
        memcpy(items->data, parts->items, parts->count * sizeof(struct leat_string));
    for (uint32_t k = 0; k < parts->count; k++) {
        if (parts->null[k]) {
            LEAT_TRY(leat_vector_make_validity(items, items->length, call->arena, err));
            leat_validity_set(items->validity, k, false);
        }
    }
    return LEAT_OK;
}

static enum leat_status run_lists(struct kernel_call *call, bool split, struct leat_error *err)
{
    struct parts parts = {0};
    enum leat_status status = lists(call, split, &parts, err);
    leat_free(parts.items);
    leat_free(parts.null);
    return status;
}
static enum leat_status run_match(struct kernel_call *call, struct leat_error *err)
{
    return run_lists(call, false, err);
}
static enum leat_status run_split(struct kernel_call *call, struct leat_error *err)
{
    return run_lists(call, true, err);
}

#define OPERATOR(name, run, help)                                                                  \
    FUNCTION(name, "text " name " pattern -> boolean", help, "tt", 'b', 0, run, NULL)
#define WITH_FLAGS(name, rest, help, result, run)                                                  \
    FUNCTION(name, name rest, help, "tt", result, 0, run, NULL),                                   \
        FUNCTION(name, name rest, help, "ttt", result, 0, run, NULL)

static const struct leat_function functions[] = {
    OPERATOR("~", run_matches, "true if the regular expression matches"),
    OPERATOR("~*", run_matches_nocase, "true if it matches, ignoring case"),
    OPERATOR("!~", run_not_matches, "true if it does not match"),
    OPERATOR("!~*", run_not_matches_nocase, "true if it does not match, ignoring case"),
    WITH_FLAGS("regexp_like", "(text, pattern [, flags]) -> boolean", "true if it matches", 'b',
               run_matches),
    WITH_FLAGS("regexp_count", "(text, pattern [, flags]) -> integer", "number of matches", 'i',
               run_count),
    WITH_FLAGS("regexp_substr", "(text, pattern [, flags]) -> text", "the first match", 't',
               run_substr),
    FUNCTION("substr", "substring(text from pattern) -> text", "the first match", "tt", 't', 0,
             run_substr, NULL),
    WITH_FLAGS("regexp_match", "(text, pattern [, flags]) -> text[]", "groups of the first match",
               'x', run_match),
    WITH_FLAGS("regexp_split_to_array", "(text, pattern [, flags]) -> text[]",
               "parts between matches", 'x', run_split),
    FUNCTION("regexp_replace", "regexp_replace(text, pattern, with [, flags]) -> text",
             "matches replaced (flag g: all)", "ttt", 't', 0, run_replace, NULL),
    FUNCTION("regexp_replace", "regexp_replace(text, pattern, with [, flags]) -> text",
             "matches replaced (flag g: all)", "tttt", 't', 0, run_replace, NULL),
};

struct function_table regexp_functions(void)
{
    return TABLE_OF(functions);
}
