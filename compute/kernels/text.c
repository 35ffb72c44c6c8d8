/*
 * Functions on text and bytes: length, case, parts, padding, trimming, joining, encoding, digests.
 *
 * Positions and lengths of text count characters (UTF-8); a text without multi-byte characters is
 * handled by bytes. Results are built in one buffer a batch and copied to the batch's arena; parts
 * of an argument are views of it and copy nothing.
 */
#include "compute/kernels/text_internal.h"

#include "base/hash.h"
#include <openssl/evp.h>

/* --- characters --- */

bool text_is_ascii(struct leat_text text)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.length; i++)
        all |= (uint8_t)text.data[i];
    return all < 0x80;
}

static inline bool continues(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

size_t text_characters(struct leat_text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += !continues(text.data[i]);
    return count;
}

size_t text_advance(struct leat_text text, size_t characters)
{
    size_t at = 0;
    while (at < text.length && characters--) {
        at++;
        while (at < text.length && continues(text.data[at]))
            at++;
    }
    return at;
}

uint32_t text_decode(struct leat_text text, size_t at, size_t *length)
{
    const uint8_t *bytes = (const uint8_t *)text.data + at;
    size_t left = text.length - at;
    if (bytes[0] >= 0xf0 && left >= 4) {
        *length = 4;
        return (bytes[0] & 7u) << 18 | (bytes[1] & 63u) << 12 | (bytes[2] & 63u) << 6 |
               (bytes[3] & 63u);
    }
    if (bytes[0] >= 0xe0 && left >= 3) {
        *length = 3;
        return (bytes[0] & 15u) << 12 | (bytes[1] & 63u) << 6 | (bytes[2] & 63u);
    }
    if (bytes[0] >= 0xc0 && left >= 2) {
        *length = 2;
        return (bytes[0] & 31u) << 6 | (bytes[1] & 63u);
    }
    *length = 1;
    return bytes[0];
}

size_t text_encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 63));
        out[2] = (char)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 63));
    out[2] = (char)(0x80 | (point >> 6 & 63));
    out[3] = (char)(0x80 | (point & 63));
    return 4;
}

struct leat_text text_arg(const struct kernel_call *call, uint32_t n, uint32_t i)
{
    return leat_string_text(&ARG(struct leat_string, call, n, i));
}

/* The result is a part of an argument's bytes: a view. The argument's row must be passed by the
 * place where its inline bytes lie, which outlives the batch's results. */
void text_set_view(struct kernel_call *call, uint32_t i, struct leat_text part)
{
    ((struct leat_string *)call->out->data)[i] = leat_string_of(part.data, part.length);
}

enum leat_status text_each(struct kernel_call *call, text_row_fn row, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct leat_buffer buffer;

    leat_buffer_init(&buffer, 1u << 30);
    FOR_VALID(call, i)
    {
        buffer.length = 0;
        status = row(call, i, &buffer, err);
        if (!status)
            status = kernel_set_text(call, i, (const char *)buffer.data, buffer.length, err);
        if (status)
            break;
    }
    leat_buffer_release(&buffer);
    return status;
}

/* --- length and position --- */

static enum leat_status run_length(struct kernel_call *call, struct leat_error *err)
{
    bool bytes = call->args[0].type->id == LEAT_BYTES;
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        ((int32_t *)call->out->data)[i] = (int32_t)(bytes ? text.length : text_characters(text));
    }
    return LEAT_OK;
}

static enum leat_status run_octet_length(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((int32_t *)call->out->data)[i] = (int32_t)text_arg(call, 0, i).length;
    }
    return LEAT_OK;
}

static enum leat_status run_bit_length(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((int32_t *)call->out->data)[i] = (int32_t)(text_arg(call, 0, i).length * 8);
    }
    return LEAT_OK;
}

static int32_t position_of(struct leat_text text, struct leat_text part)
{
    if (part.length == 0)
        return 1;
    const char *found = memmem(text.data, text.length, part.data, part.length);
    if (!found)
        return 0;
    return (int32_t)text_characters((struct leat_text){text.data, (size_t)(found - text.data)}) + 1;
}

static enum leat_status run_strpos(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((int32_t *)call->out->data)[i] = position_of(text_arg(call, 0, i), text_arg(call, 1, i));
    }
    return LEAT_OK;
}

static enum leat_status run_starts_with(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i), part = text_arg(call, 1, i);
        ((uint8_t *)call->out->data)[i] =
            text.length >= part.length && memcmp(text.data, part.data, part.length) == 0;
    }
    return LEAT_OK;
}

static enum leat_status run_ends_with(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i), part = text_arg(call, 1, i);
        ((uint8_t *)call->out->data)[i] =
            text.length >= part.length &&
            memcmp(text.data + text.length - part.length, part.data, part.length) == 0;
    }
    return LEAT_OK;
}

static enum leat_status run_contains(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((uint8_t *)call->out->data)[i] =
            position_of(text_arg(call, 0, i), text_arg(call, 1, i)) > 0;
    }
    return LEAT_OK;
}

/* --- case --- */

static enum leat_status append_point(struct leat_buffer *out, uint32_t point,
                                     struct leat_error *err)
{
    char bytes[4];
    return leat_buffer_append(out, bytes, text_encode(point, bytes), err);
}

/* Simple case mapping of one character. The C library's own tables are those of its locale, so only
 * ASCII, Latin, Greek and Cyrillic ranges with regular layout are mapped here. */
static uint32_t other_case(uint32_t c, bool upper)
{
    if (c < 0x80)
        return upper ? (c >= 'a' && c <= 'z' ? c - 32 : c) : (c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (upper) {
        if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) ||
            (c >= 0x430 && c <= 0x44f) || (c >= 0x561 && c <= 0x586))
            return c - (c >= 0x561 ? 48 : 32);
        if (c == 0xff)
            return 0x178;
        if (c >= 0x450 && c <= 0x45f)
            return c - 80;
        if (c >= 0x3ad && c <= 0x3af)
            return c - 37;
        if (c == 0x3ac)
            return 0x386;
        if (c == 0x3c2)
            return 0x3a3;
        if (c == 0x3cc)
            return 0x38c;
        if (c == 0x3cd || c == 0x3ce)
            return c - 63;
    } else {
        if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) ||
            (c >= 0x410 && c <= 0x42f) || (c >= 0x531 && c <= 0x556))
            return c + (c >= 0x531 ? 48 : 32);
        if (c == 0x178)
            return 0xff;
        if (c >= 0x400 && c <= 0x40f)
            return c + 80;
        if (c >= 0x388 && c <= 0x38a)
            return c + 37;
        if (c == 0x386)
            return 0x3ac;
        if (c == 0x38c)
            return 0x3cc;
        if (c == 0x38e || c == 0x38f)
            return c + 63;
    }
    bool even_upper =
        (c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
        (c >= 0x1de && c <= 0x1ef) || (c >= 0x1f8 && c <= 0x21f) || (c >= 0x222 && c <= 0x233) ||
        (c >= 0x3d8 && c <= 0x3ef) || (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) ||
        (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff);
    bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e) ||
                     (c >= 0x1cd && c <= 0x1dc) || (c >= 0x4c1 && c <= 0x4ce);
    if (even_upper)
        return upper ? c & ~1u : c | 1u;
    if (odd_upper)
        return upper ? (c - 1) | 1u : c + (c & 1);
    return c;
}

uint32_t text_upper_point(uint32_t point)
{
    return other_case(point, true);
}
uint32_t text_lower_point(uint32_t point)
{
    return other_case(point, false);
}

static enum leat_status change_case(struct leat_text text, bool upper, struct leat_buffer *out,
                                    struct leat_error *err)
{
    if (text_is_ascii(text)) {
        LEAT_TRY(leat_buffer_reserve(out, text.length, err));
        for (size_t k = 0; k < text.length; k++)
            out->data[out->length + k] = (uint8_t)other_case((uint8_t)text.data[k], upper);
        out->length += text.length;
        return LEAT_OK;
    }
    for (size_t at = 0, length; at < text.length; at += length)
        LEAT_TRY(append_point(out, other_case(text_decode(text, at, &length), upper), err));
    return LEAT_OK;
}

static enum leat_status row_lower(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                  struct leat_error *err)
{
    return change_case(text_arg(call, 0, i), false, out, err);
}
static enum leat_status row_upper(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                  struct leat_error *err)
{
    return change_case(text_arg(call, 0, i), true, out, err);
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static enum leat_status row_initcap(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    bool inside = false;
    for (size_t at = 0, length; at < text.length; at += length) {
        uint32_t point = text_decode(text, at, &length);
        LEAT_TRY(append_point(out, other_case(point, !inside), err));
        inside = is_word(point);
    }
    return LEAT_OK;
}

/* --- parts --- */

/* `length` characters from the 1-based `start`, which may lie before the text. */
static struct leat_text part_of(struct leat_text text, bool bytes, int64_t start, int64_t length)
{
    int64_t end = length > INT64_MAX - (start > 0 ? start : 0) ? INT64_MAX : start + length;
    size_t from, to;

    if (start < 1)
        start = 1;
    if (end <= start || (uint64_t)start > text.length)
        return (struct leat_text){text.data, 0};
    if (bytes || text_is_ascii(text)) {
        from = (size_t)start - 1;
        to = (uint64_t)end - 1 < text.length ? (size_t)end - 1 : text.length;
    } else {
        from = text_advance(text, (size_t)start - 1);
        struct leat_text rest = {text.data + from, text.length - from};
        to = from + text_advance(rest, (size_t)(end - start));
    }
    return (struct leat_text){text.data + from, to - from};
}

static enum leat_status run_substr(struct kernel_call *call, struct leat_error *err)
{
    bool bytes = call->args[0].type->id == LEAT_BYTES;
    FOR_VALID(call, i)
    {
        int64_t start = ARG(int32_t, call, 1, i), length = INT64_MAX;
        if (call->arg_count == 3) {
            length = ARG(int32_t, call, 2, i);
            if (length < 0) {
                enum leat_status status = leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                                         "negative substring length not allowed");
                if (err)
                    memcpy(err->sqlstate, "22011", 6);
                return status;
            }
        }
        text_set_view(call, i, part_of(text_arg(call, 0, i), bytes, start, length));
    }
    return LEAT_OK;
}

static enum leat_status run_left(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        int64_t n = ARG(int32_t, call, 1, i);
        if (n < 0)
            n += (int64_t)text_characters(text);
        text_set_view(call, i, part_of(text, false, 1, n < 0 ? 0 : n));
    }
    return LEAT_OK;
}

static enum leat_status run_right(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        int64_t n = ARG(int32_t, call, 1, i), all = (int64_t)text_characters(text);
        int64_t skip = n < 0 ? -n : all > n ? all - n : 0;
        text_set_view(call, i, part_of(text, false, skip + 1, all));
    }
    return LEAT_OK;
}

static bool in_set(struct leat_text set, struct leat_text text, size_t at, size_t length)
{
    for (size_t k = 0, step; k < set.length; k += step) {
        text_decode(set, k, &step);
        if (step == length && memcmp(set.data + k, text.data + at, length) == 0)
            return true;
    }
    return false;
}

static void trim(struct kernel_call *call, bool front, bool back)
{
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        struct leat_text set = call->arg_count > 1 ? text_arg(call, 1, i) : leat_text_of(" ");
        size_t from = 0, to = text.length;
        while (front && from < to) {
            size_t length;
            text_decode(text, from, &length);
            if (!in_set(set, text, from, length))
                break;
            from += length;
        }
        while (back && to > from) {
            size_t at = to - 1;
            while (at > from && continues(text.data[at]))
                at--;
            if (!in_set(set, text, at, to - at))
                break;
            to = at;
        }
        text_set_view(call, i, (struct leat_text){text.data + from, to - from});
    }
}
static enum leat_status run_btrim(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    trim(call, true, true);
    return LEAT_OK;
}
static enum leat_status run_ltrim(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    trim(call, true, false);
    return LEAT_OK;
}
static enum leat_status run_rtrim(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    trim(call, false, true);
    return LEAT_OK;
}

static enum leat_status run_split_part(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i), mark = text_arg(call, 1, i);
        int64_t n = ARG(int32_t, call, 2, i), parts = 1;
        if (n == 0)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "field position must not be zero");
        if (mark.length == 0) {
            text_set_view(call, i, n == 1 || n == -1 ? text : (struct leat_text){text.data, 0});
            continue;
        }
        if (n < 0) { /* from the end */
            for (const char *at = text.data, *found;
                 (found = memmem(at, (size_t)(text.data + text.length - at), mark.data,
                                 mark.length)) != NULL;
                 at = found + mark.length)
                parts++;
            n = parts + n + 1;
        }
        struct leat_text part = {text.data, 0};
        const char *at = text.data, *end = text.data + text.length;
        for (int64_t k = 1; n > 0 && at; k++) {
            const char *found = memmem(at, (size_t)(end - at), mark.data, mark.length);
            if (k == n) {
                part = (struct leat_text){at, (size_t)((found ? found : end) - at)};
                break;
            }
            at = found ? found + mark.length : NULL;
        }
        text_set_view(call, i, part);
    }
    return LEAT_OK;
}

/* --- making text --- */

static enum leat_status row_replace(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), from = text_arg(call, 1, i);
    struct leat_text to = text_arg(call, 2, i);
    const char *at = text.data, *end = text.data + text.length, *found;

    while (from.length && (found = memmem(at, (size_t)(end - at), from.data, from.length))) {
        LEAT_TRY(leat_buffer_append(out, at, (size_t)(found - at), err));
        LEAT_TRY(leat_buffer_append(out, to.data, to.length, err));
        at = found + from.length;
    }
    return leat_buffer_append(out, at, (size_t)(end - at), err);
}

static enum leat_status pad(struct kernel_call *call, uint32_t i, bool left,
                            struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    struct leat_text fill = call->arg_count > 2 ? text_arg(call, 2, i) : leat_text_of(" ");
    int64_t wanted = ARG(int32_t, call, 1, i), have = (int64_t)text_characters(text);
    int64_t missing = wanted - have;

    if (missing <= 0 || fill.length == 0) {
        struct leat_text part = part_of(text, false, 1, wanted < 0 ? 0 : wanted);
        return leat_buffer_append(out, part.data, part.length, err);
    }
    if (!left)
        LEAT_TRY(leat_buffer_append(out, text.data, text.length, err));
    for (size_t at = 0, length; missing > 0; missing--) {
        text_decode(fill, at, &length);
        LEAT_TRY(leat_buffer_append(out, fill.data + at, length, err));
        at = at + length < fill.length ? at + length : 0;
    }
    return left ? leat_buffer_append(out, text.data, text.length, err) : LEAT_OK;
}
static enum leat_status row_lpad(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                 struct leat_error *err)
{
    return pad(call, i, true, out, err);
}
static enum leat_status row_rpad(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                 struct leat_error *err)
{
    return pad(call, i, false, out, err);
}

static enum leat_status row_repeat(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    int32_t times = ARG(int32_t, call, 1, i);
    if (times > 0 && text.length)
        LEAT_TRY(leat_buffer_reserve(out, text.length * (size_t)times, err));
    for (int32_t k = 0; k < times && text.length; k++)
        LEAT_TRY(leat_buffer_append(out, text.data, text.length, err));
    return LEAT_OK;
}

static enum leat_status row_reverse(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    for (size_t to = text.length, at; to > 0; to = at) {
        at = to - 1;
        while (at > 0 && continues(text.data[at]))
            at--;
        LEAT_TRY(leat_buffer_append(out, text.data + at, to - at, err));
    }
    return LEAT_OK;
}

static enum leat_status row_translate(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                      struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), from = text_arg(call, 1, i);
    struct leat_text to = text_arg(call, 2, i);
    for (size_t at = 0, length; at < text.length; at += length) {
        size_t index = 0, step, k;
        uint32_t point = text_decode(text, at, &length);
        for (k = 0; k < from.length; k += step, index++) {
            if (text_decode(from, k, &step) == point)
                break;
        }
        if (k >= from.length) {
            LEAT_TRY(leat_buffer_append(out, text.data + at, length, err));
            continue;
        }
        size_t place = text_advance(to, index);
        if (place < to.length) {
            text_decode(to, place, &step);
            LEAT_TRY(leat_buffer_append(out, to.data + place, step, err));
        }
    }
    return LEAT_OK;
}

static enum leat_status run_ascii(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        struct leat_text text = text_arg(call, 0, i);
        size_t length;
        ((int32_t *)call->out->data)[i] = text.length ? (int32_t)text_decode(text, 0, &length) : 0;
    }
    return LEAT_OK;
}

static enum leat_status row_chr(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                struct leat_error *err)
{
    int32_t point = ARG(int32_t, call, 0, i);
    if (point <= 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "%d is not a character", point);
    return append_point(out, (uint32_t)point, err);
}

static enum leat_status row_to_hex(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    if (call->args[0].type->id == LEAT_INT32)
        return leat_buffer_printf(out, err, "%x", (unsigned)ARG(int32_t, call, 0, i));
    return leat_buffer_printf(out, err, "%llx", (unsigned long long)ARG(int64_t, call, 0, i));
}

/* --- joining; any type is printed --- */

static enum leat_status append_value(const struct leat_vector *vector, uint32_t i,
                                     struct leat_buffer *out, struct leat_error *err)
{
    return leat_vector_print(vector, i, out, err);
}

static enum leat_status row_concat_operator(struct kernel_call *call, uint32_t i,
                                            struct leat_buffer *out, struct leat_error *err)
{
    for (uint32_t a = 0; a < 2; a++) {
        const struct leat_vector *arg = &call->args[a];
        if (arg->type->id == LEAT_BOOLEAN)
            LEAT_TRY(
                leat_buffer_append_string(out, ARG(uint8_t, call, a, i) ? "true" : "false", err));
        else
            LEAT_TRY(append_value(arg, i, out, err));
    }
    return LEAT_OK;
}

static enum leat_status row_concat(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    for (uint32_t a = 0; a < call->arg_count; a++)
        LEAT_TRY(append_value(&call->args[a], i, out, err));
    return LEAT_OK;
}

static enum leat_status run_concat_ws(struct kernel_call *call, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct leat_buffer out;

    leat_buffer_init(&out, 1u << 30);
    for (uint32_t i = 0; i < call->count && !status; i++) {
        bool any = false;
        out.length = 0;
        if (arg_is_null(call, 0, i)) {
            status = kernel_set_null(call, i, err);
            continue;
        }
        struct leat_text mark = text_arg(call, 0, i);
        for (uint32_t a = 1; a < call->arg_count && !status; a++) {
            if (arg_is_null(call, a, i))
                continue;
            if (any)
                status = leat_buffer_append(&out, mark.data, mark.length, err);
            if (!status)
                status = append_value(&call->args[a], i, &out, err);
            any = true;
        }
        if (!status)
            status = kernel_set_text(call, i, (const char *)out.data, out.length, err);
    }
    leat_buffer_release(&out);
    return status;
}

static bool rule_concat(struct signature *s)
{
    /* one side must be text; arrays have their own || */
    s->result = leat_type_get(LEAT_TEXT);
    return (s->types[0]->id == LEAT_TEXT || s->types[1]->id == LEAT_TEXT) &&
           s->types[0]->id != LEAT_LIST && s->types[1]->id != LEAT_LIST;
}

/* --- quoting and digests --- */

static enum leat_status quoted(struct leat_text text, char quote, struct leat_buffer *out,
                               struct leat_error *err)
{
    bool escape = quote == '\'' && text.length && memchr(text.data, '\\', text.length);
    if (escape)
        LEAT_TRY(leat_buffer_append_byte(out, 'E', err));
    LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)quote, err));
    for (size_t k = 0; k < text.length; k++) {
        if (text.data[k] == quote || (escape && text.data[k] == '\\'))
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)text.data[k], err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)text.data[k], err));
    }
    return leat_buffer_append_byte(out, (uint8_t)quote, err);
}

static enum leat_status row_quote_ident(struct kernel_call *call, uint32_t i,
                                        struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    bool plain = text.length && !(text.data[0] >= '0' && text.data[0] <= '9');
    for (size_t k = 0; k < text.length; k++) {
        char c = text.data[k];
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    return plain ? leat_buffer_append(out, text.data, text.length, err)
                 : quoted(text, '"', out, err);
}
static enum leat_status row_quote_literal(struct kernel_call *call, uint32_t i,
                                          struct leat_buffer *out, struct leat_error *err)
{
    return quoted(text_arg(call, 0, i), '\'', out, err);
}

static enum leat_status digest(struct leat_text text, const EVP_MD *method, uint8_t *out,
                               unsigned *length, struct leat_error *err)
{
    if (EVP_Digest(text.data, text.length, out, length, method, NULL) != 1)
        return leat_error_memory(err);
    return LEAT_OK;
}

static enum leat_status row_md5(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                struct leat_error *err)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    LEAT_TRY(digest(text_arg(call, 0, i), EVP_md5(), bytes, &length, err));
    for (unsigned k = 0; k < length; k++)
        LEAT_TRY(leat_buffer_printf(out, err, "%02x", bytes[k]));
    return LEAT_OK;
}
static enum leat_status row_sha256(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    LEAT_TRY(digest(text_arg(call, 0, i), EVP_sha256(), bytes, &length, err));
    return leat_buffer_append(out, bytes, length, err);
}

#define EACH_ROW(name)                                                                             \
    static enum leat_status run_##name(struct kernel_call *call, struct leat_error *err)           \
    {                                                                                              \
        return text_each(call, row_##name, err);                                                   \
    }
EACH_ROW(lower)
EACH_ROW(upper)
EACH_ROW(initcap)
EACH_ROW(replace)
EACH_ROW(lpad)
EACH_ROW(rpad)
EACH_ROW(repeat)
EACH_ROW(reverse)
EACH_ROW(translate)
EACH_ROW(chr)
EACH_ROW(to_hex)
EACH_ROW(concat)
EACH_ROW(concat_operator)
EACH_ROW(quote_ident)
EACH_ROW(quote_literal)
EACH_ROW(md5)
EACH_ROW(sha256)

#define SUBSTR "substr(text, integer [, integer]) -> text", "part of a text, from a position"
#define TRIM(name)                                                                                 \
    name "(text [, characters]) -> text", "without the given characters (blanks) at the end(s)"
#define TOTAL FUNCTION_TOTAL

static const struct leat_function functions[] = {
    FUNCTION("length", "length(text) -> integer", "number of characters", "t", 'i', TOTAL,
             run_length, NULL),
    FUNCTION("length", "length(bytea) -> integer", "number of bytes", "y", 'i', TOTAL, run_length,
             NULL),
    FUNCTION("octet_length", "octet_length(text) -> integer", "number of bytes", "t", 'i', TOTAL,
             run_octet_length, NULL),
    FUNCTION("octet_length", "octet_length(bytea) -> integer", "number of bytes", "y", 'i', TOTAL,
             run_octet_length, NULL),
    FUNCTION("bit_length", "bit_length(text) -> integer", "number of bits", "t", 'i', TOTAL,
             run_bit_length, NULL),
    FUNCTION("strpos", "strpos(text, part) -> integer", "position of a part, 0 if there is none",
             "tt", 'i', TOTAL, run_strpos, NULL),
    FUNCTION("starts_with", "starts_with(text, prefix) -> boolean", "true if it begins so", "tt",
             'b', TOTAL, run_starts_with, NULL),
    FUNCTION("^@", "text ^@ prefix -> boolean", "true if it begins so", "tt", 'b', TOTAL,
             run_starts_with, NULL),
    FUNCTION("ends_with", "ends_with(text, suffix) -> boolean", "true if it ends so", "tt", 'b',
             TOTAL, run_ends_with, NULL),
    FUNCTION("contains", "contains(text, part) -> boolean", "true if the part occurs", "tt", 'b',
             TOTAL, run_contains, NULL),
    FUNCTION("lower", "lower(text) -> text", "in lower case", "t", 't', TOTAL, run_lower, NULL),
    FUNCTION("upper", "upper(text) -> text", "in upper case", "t", 't', TOTAL, run_upper, NULL),
    FUNCTION("initcap", "initcap(text) -> text", "each word capitalised", "t", 't', TOTAL,
             run_initcap, NULL),
    FUNCTION("substr", SUBSTR, "ti", 't', TOTAL, run_substr, NULL),
    FUNCTION("substr", SUBSTR, "tii", 't', 0, run_substr, NULL),
    FUNCTION("substr", SUBSTR, "yi", 'y', TOTAL, run_substr, NULL),
    FUNCTION("substr", SUBSTR, "yii", 'y', 0, run_substr, NULL),
    FUNCTION("left", "left(text, n) -> text", "first n characters, or all but the last -n", "ti",
             't', TOTAL, run_left, NULL),
    FUNCTION("right", "right(text, n) -> text", "last n characters, or all but the first -n", "ti",
             't', TOTAL, run_right, NULL),
    FUNCTION("btrim", TRIM("btrim"), "t", 't', TOTAL, run_btrim, NULL),
    FUNCTION("btrim", TRIM("btrim"), "tt", 't', TOTAL, run_btrim, NULL),
    FUNCTION("trim", TRIM("trim"), "t", 't', TOTAL, run_btrim, NULL),
    FUNCTION("trim", TRIM("trim"), "tt", 't', TOTAL, run_btrim, NULL),
    FUNCTION("ltrim", TRIM("ltrim"), "t", 't', TOTAL, run_ltrim, NULL),
    FUNCTION("ltrim", TRIM("ltrim"), "tt", 't', TOTAL, run_ltrim, NULL),
    FUNCTION("rtrim", TRIM("rtrim"), "t", 't', TOTAL, run_rtrim, NULL),
    FUNCTION("rtrim", TRIM("rtrim"), "tt", 't', TOTAL, run_rtrim, NULL),
    FUNCTION("split_part", "split_part(text, separator, n) -> text", "nth part", "tti", 't', 0,
             run_split_part, NULL),
    FUNCTION("replace", "replace(text, from, to) -> text", "all occurrences replaced", "ttt", 't',
             TOTAL, run_replace, NULL),
    FUNCTION("lpad", "lpad(text, length [, fill]) -> text", "filled or cut to a length", "ti", 't',
             0, run_lpad, NULL),
    FUNCTION("lpad", "lpad(text, length [, fill]) -> text", "filled or cut to a length", "tit", 't',
             0, run_lpad, NULL),
    FUNCTION("rpad", "rpad(text, length [, fill]) -> text", "filled or cut to a length", "ti", 't',
             0, run_rpad, NULL),
    FUNCTION("rpad", "rpad(text, length [, fill]) -> text", "filled or cut to a length", "tit", 't',
             0, run_rpad, NULL),
    FUNCTION("repeat", "repeat(text, n) -> text", "n times", "ti", 't', 0, run_repeat, NULL),
    FUNCTION("reverse", "reverse(text) -> text", "characters in reverse", "t", 't', TOTAL,
             run_reverse, NULL),
    FUNCTION("translate", "translate(text, from, to) -> text", "characters exchanged", "ttt", 't',
             TOTAL, run_translate, NULL),
    FUNCTION("ascii", "ascii(text) -> integer", "code point of the first character", "t", 'i',
             TOTAL, run_ascii, NULL),
    FUNCTION("chr", "chr(integer) -> text", "character of a code point", "i", 't', 0, run_chr,
             NULL),
    FUNCTION("to_hex", "to_hex(integer) -> text", "in base 16", "i", 't', 0, run_to_hex, NULL),
    FUNCTION("to_hex", "to_hex(integer) -> text", "in base 16", "l", 't', 0, run_to_hex, NULL),
    FUNCTION("||", "text || any -> text", "joined", "tt", 't', TOTAL, run_concat_operator, NULL),
    FUNCTION("||", "text || any -> text", "joined", "**", 0, TOTAL, run_concat_operator,
             rule_concat),
    FUNCTION("concat", "concat(any, ...) -> text", "all arguments that are not null, joined", "*+",
             't', FUNCTION_NOT_STRICT, run_concat, NULL),
    FUNCTION("concat_ws", "concat_ws(separator, any, ...) -> text",
             "arguments that are not null, joined by a separator", "t*+", 't', FUNCTION_NOT_STRICT,
             run_concat_ws, NULL),
    FUNCTION("quote_ident", "quote_ident(text) -> text", "as an SQL name", "t", 't', 0,
             run_quote_ident, NULL),
    FUNCTION("quote_literal", "quote_literal(text) -> text", "as an SQL string", "t", 't', 0,
             run_quote_literal, NULL),
    FUNCTION("md5", "md5(text) -> text", "MD5 as hexadecimal digits", "t", 't', TOTAL, run_md5,
             NULL),
    FUNCTION("md5", "md5(bytea) -> text", "MD5 as hexadecimal digits", "y", 't', TOTAL, run_md5,
             NULL),
    FUNCTION("sha256", "sha256(bytea) -> bytea", "SHA-256", "y", 'y', TOTAL, run_sha256, NULL),
    FUNCTION("sha256", "sha256(text) -> bytea", "SHA-256", "t", 'y', TOTAL, run_sha256, NULL),
};

struct function_table text_functions(void)
{
    return TABLE_OF(functions);
}
