/*
 * Growing byte buffers with a declared maximum, and string views.
 */
#ifndef LEAT_BASE_BUFFER_H
#define LEAT_BASE_BUFFER_H

#include "base/memory.h"
#include <stdarg.h>
#include <string.h>

/* A borrowed piece of text or bytes; not NUL-terminated. */
struct leat_text {
    const char *data;
    size_t length;
};
static inline struct leat_text leat_text_of(const char *string)
{
    return (struct leat_text){string, string ? strlen(string) : 0};
}
static inline bool leat_text_equal(struct leat_text a, struct leat_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}
/* Equality that ignores the case of ASCII letters. */
bool leat_text_equal_nocase(struct leat_text a, struct leat_text b);

/* Owned bytes on the heap. Initialise with {0} plus a maximum through leat_buffer_init. */
struct leat_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t maximum; /* growing beyond this is LEAT_E_LIMIT; 0 means LEAT_BUFFER_MAXIMUM */
};
#define LEAT_BUFFER_MAXIMUM ((size_t)1 << 34)

void leat_buffer_init(struct leat_buffer *buffer, size_t maximum);
void leat_buffer_release(struct leat_buffer *buffer);
/* Makes room for `extra` more bytes beyond length. */
LEAT_CHECKED enum leat_status leat_buffer_reserve(struct leat_buffer *buffer, size_t extra,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_append(struct leat_buffer *buffer, const void *bytes,
                                                 size_t length, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_append_string(struct leat_buffer *buffer,
                                                        const char *string, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_append_byte(struct leat_buffer *buffer, uint8_t byte,
                                                      struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_printf(struct leat_buffer *buffer, struct leat_error *err,
                                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Serialisation of our own messages (splits, receipts, fragments): little-endian integers and
 * length-prefixed bytes. */
LEAT_CHECKED enum leat_status leat_buffer_put_u8(struct leat_buffer *buffer, uint8_t value,
                                                 struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_put_u32(struct leat_buffer *buffer, uint32_t value,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_put_u64(struct leat_buffer *buffer, uint64_t value,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_put_double(struct leat_buffer *buffer, double value,
                                                     struct leat_error *err);
/* u32 length, then the bytes. */
LEAT_CHECKED enum leat_status leat_buffer_put_bytes(struct leat_buffer *buffer, const void *bytes,
                                                    size_t length, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_buffer_put_string(struct leat_buffer *buffer, const char *string,
                                                     struct leat_error *err);

/* Reads what the put functions wrote, from hostile bytes: every get checks what is left. */
struct leat_cursor {
    const uint8_t *data;
    size_t length;
    size_t position;
};
LEAT_CHECKED enum leat_status leat_cursor_get_u8(struct leat_cursor *cursor, uint8_t *out,
                                                 struct leat_error *err);
LEAT_CHECKED enum leat_status leat_cursor_get_u32(struct leat_cursor *cursor, uint32_t *out,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_cursor_get_u64(struct leat_cursor *cursor, uint64_t *out,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_cursor_get_double(struct leat_cursor *cursor, double *out,
                                                     struct leat_error *err);
/* Borrowed from the cursor's bytes. */
LEAT_CHECKED enum leat_status leat_cursor_get_bytes(struct leat_cursor *cursor,
                                                    struct leat_text *out, struct leat_error *err);
/* NUL-terminated copy in the arena. */
LEAT_CHECKED enum leat_status leat_cursor_get_string(struct leat_cursor *cursor,
                                                     struct leat_arena *arena, const char **out,
                                                     struct leat_error *err);

#endif
