/*
 * LIKE and ILIKE.
 *
 * A pattern is cut at % into pieces; a piece is bytes to find, with marks for _ (any character).
 * Patterns are compiled once a batch where they are constant. Pieces without _ are found by a
 * search that compares the first and last byte of the piece at 16 places at once. ILIKE lowers
 * both sides first.
 */
#include "compute/kernels/text_internal.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct piece {
    char *bytes;   /* without escapes */
    bool *any;     /* per byte: stands for one character; NULL if there is none */
    size_t length; /* bytes and marks */
};
struct like_pattern {
    struct piece *pieces;
    size_t count;
    bool open_start; /* begins with % */
    bool open_end;
};

/* First place of the part in text, or NULL. part.length > 0. */
static const char *find(const char *text, size_t length, const char *part, size_t part_length)
{
    size_t at = 0, places;

    if (part_length > length)
        return NULL;
    if (part_length == 1)
        return memchr(text, part[0], length);
    places = length - part_length + 1;
#if defined(__SSE2__)
    const __m128i first = _mm_set1_epi8(part[0]);
    const __m128i last = _mm_set1_epi8(part[part_length - 1]);
    for (; at + 16 <= places; at += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(text + at));
        __m128i b = _mm_loadu_si128((const __m128i *)(text + at + part_length - 1));
        unsigned mask = (unsigned)_mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
        while (mask) {
            unsigned bit = (unsigned)__builtin_ctz(mask);
            if (part_length == 2 || memcmp(text + at + bit + 1, part + 1, part_length - 2) == 0)
                return text + at + bit;
            mask &= mask - 1;
        }
    }
#endif
    for (; at < places; at++) {
        if (text[at] == part[0] && memcmp(text + at, part, part_length) == 0)
            return text + at;
    }
    return NULL;
}

static enum leat_status end_piece(struct like_pattern *pattern, struct piece *piece,
                                  struct leat_arena *arena, struct leat_error *err)
{
    char *bytes = leat_arena_copy(arena, piece->bytes, piece->length);
    bool *any = NULL;
    bool marked = false;

    if (!bytes)
        return leat_error_memory(err);
    for (size_t k = 0; k < piece->length; k++)
        marked = marked || piece->any[k];
    if (marked) {
        any = leat_arena_alloc(arena, piece->length);
        if (!any)
            return leat_error_memory(err);
        memcpy(any, piece->any, piece->length);
    }
    pattern->pieces[pattern->count++] = (struct piece){bytes, any, piece->length};
    piece->length = 0;
    return LEAT_OK;
}

/* `escape` is -1 for none. */
static enum leat_status compile(struct leat_text text, int escape, struct leat_arena *arena,
                                struct like_pattern *out, struct leat_error *err)
{
    struct piece piece = {leat_arena_alloc(arena, text.length + 1),
                          leat_arena_alloc(arena, text.length + 1), 0};
    *out =
        (struct like_pattern){.pieces = LEAT_NEW_ARRAY(arena, struct piece, text.length / 2 + 2)};
    if (!piece.bytes || !piece.any || !out->pieces)
        return leat_error_memory(err);
    out->open_start = text.length && text.data[0] == '%' && escape != '%';
    for (size_t k = 0; k < text.length; k++) {
        char byte = text.data[k];
        bool plain = false;
        if ((uint8_t)byte == escape && escape >= 0) {
            if (++k == text.length) {
                enum leat_status status = leat_error_set(
                    err, LEAT_E_BAD_ARGUMENT, "LIKE pattern must not end with escape character");
                if (err)
                    memcpy(err->sqlstate, "22025", 6);
                return status;
            }
            byte = text.data[k];
            plain = true;
        }
        if (byte == '%' && !plain) {
            if (piece.length)
                LEAT_TRY(end_piece(out, &piece, arena, err));
            out->open_end = k + 1 == text.length;
            continue;
        }
        piece.bytes[piece.length] = byte;
        piece.any[piece.length++] = byte == '_' && !plain;
    }
    return piece.length ? end_piece(out, &piece, arena, err) : LEAT_OK;
}

/* Bytes of `text` that the piece takes at `at`, or SIZE_MAX. */
static size_t match_at(const struct piece *piece, struct leat_text text, size_t at)
{
    size_t from = at;
    for (size_t k = 0; k < piece->length; k++) {
        if (at >= text.length)
            return SIZE_MAX;
        if (piece->any[k]) {
            size_t length;
            text_decode(text, at, &length);
            at += length;
        } else if (text.data[at++] != piece->bytes[k]) {
            return SIZE_MAX;
        }
    }
    return at - from;
}

/* The first place at or after `from`; *end is behind it. */
static bool search(const struct piece *piece, struct leat_text text, size_t from, size_t *end)
{
    if (!piece->any) {
        const char *found = find(text.data + from, text.length - from, piece->bytes, piece->length);
        *end = found ? (size_t)(found - text.data) + piece->length : 0;
        return found != NULL;
    }
    for (size_t at = from, step; at < text.length; at += step) {
        size_t length = match_at(piece, text, at);
        if (length != SIZE_MAX) {
            *end = at + length;
            return true;
        }
        text_decode(text, at, &step);
    }
    return false;
}

/* The piece ends the text, beginning at or after `from`. */
static bool ends(const struct piece *piece, struct leat_text text, size_t from)
{
    if (!piece->any)
        return text.length - from >= piece->length &&
               memcmp(text.data + text.length - piece->length, piece->bytes, piece->length) == 0;
    for (size_t at = from, step; at < text.length; at += step) {
        size_t length = match_at(piece, text, at);
        if (length != SIZE_MAX && at + length == text.length)
            return true;
        text_decode(text, at, &step);
    }
    return false;
}

static bool starts(const struct piece *piece, struct leat_text text, size_t *end)
{
    if (piece->any) {
        *end = match_at(piece, text, 0);
        return *end != SIZE_MAX;
    }
    *end = piece->length;
    return text.length >= piece->length && memcmp(text.data, piece->bytes, piece->length) == 0;
}

static bool matches(const struct like_pattern *pattern, struct leat_text text)
{
    size_t at = 0, first = 0, last = pattern->count;

    if (pattern->count == 0)
        return pattern->open_start || text.length == 0;
    if (!pattern->open_start) {
        if (!starts(&pattern->pieces[0], text, &at))
            return false;
        first = 1;
    }
    if (!pattern->open_end) {
        if (first == last) /* one piece that must be the whole text */
            return at == text.length;
        last--;
    }
    for (size_t p = first; p < last; p++) {
        if (!search(&pattern->pieces[p], text, at, &at))
            return false;
    }
    return pattern->open_end || ends(&pattern->pieces[last], text, at);
}

static enum leat_status lowered(struct leat_text text, struct leat_arena *arena,
                                struct leat_text *out, struct leat_error *err)
{
    char *bytes = leat_arena_alloc(arena, text.length * 2 + 4);
    size_t length = 0;

    if (!bytes)
        return leat_error_memory(err);
    for (size_t at = 0, step; at < text.length; at += step) {
        char encoded[4];
        size_t size = text_encode(text_lower_point(text_decode(text, at, &step)), encoded);
        memcpy(bytes + length, encoded, size);
        length += size;
    }
    *out = (struct leat_text){bytes, length};
    return LEAT_OK;
}

static enum leat_status escape_of(struct kernel_call *call, uint32_t i, int *out,
                                  struct leat_error *err)
{
    *out = '\\';
    if (call->arg_count < 3)
        return LEAT_OK;
    struct leat_text text = text_arg(call, 2, i);
    if (text.length > 1)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "the escape must be one ASCII character");
    *out = text.length ? (uint8_t)text.data[0] : -1;
    return LEAT_OK;
}

static enum leat_status like(struct kernel_call *call, bool negated, bool nocase,
                             struct leat_error *err)
{
    bool constant = call->args[1].form == LEAT_CONSTANT &&
                    (call->arg_count < 3 || call->args[2].form == LEAT_CONSTANT);
    uint8_t *out = call->out->data;
    struct like_pattern *pattern = call->state->data, local;
    int escape;

    if (constant && !pattern) {
        struct leat_text text = text_arg(call, 1, 0);
        pattern = LEAT_NEW(call->state->arena, struct like_pattern);
        if (!pattern)
            return leat_error_memory(err);
        LEAT_TRY(escape_of(call, 0, &escape, err));
        if (nocase)
            LEAT_TRY(lowered(text, call->state->arena, &text, err));
        LEAT_TRY(compile(text, escape, call->state->arena, pattern, err));
        call->state->data = pattern;
    }
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        if (!constant) {
            struct leat_text source = text_arg(call, 1, i);
            pattern = &local;
            LEAT_TRY(escape_of(call, i, &escape, err));
            if (nocase)
                LEAT_TRY(lowered(source, call->arena, &source, err));
            LEAT_TRY(compile(source, escape, call->arena, pattern, err));
        }
        if (nocase)
            LEAT_TRY(lowered(text, call->arena, &text, err));
        out[i] = matches(pattern, text) != negated;
    }
    return LEAT_OK;
}

#define DEFINE_LIKE(name, negated, nocase)                                                         \
    static enum leat_status name(struct kernel_call *call, struct leat_error *err)                 \
    {                                                                                              \
        return like(call, negated, nocase, err);                                                   \
    }
DEFINE_LIKE(run_like, false, false)
DEFINE_LIKE(run_not_like, true, false)
DEFINE_LIKE(run_ilike, false, true)
DEFINE_LIKE(run_not_ilike, true, true)

#define LIKE(name, run, help)                                                                      \
    FUNCTION(name, "text " name " pattern -> boolean", help, "tt", 'b', FUNCTION_TOTAL, run,       \
             NULL),                                                                                \
        FUNCTION(name, "text " name " pattern ESCAPE character -> boolean", help, "ttt", 'b', 0,   \
                 run, NULL)

static const struct leat_function functions[] = {
    LIKE("like", run_like, "true if the text matches: % any characters, _ one"),
    LIKE("not like", run_not_like, "true if the text does not match"),
    LIKE("ilike", run_ilike, "like, ignoring case"),
    LIKE("not ilike", run_not_ilike, "not like, ignoring case"),
};

struct function_table pattern_functions(void)
{
    return TABLE_OF(functions);
}
