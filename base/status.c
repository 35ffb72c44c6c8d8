/* The error object and the table of codes. Setting an error formats into fixed arrays, so that it
 * works when memory has run out. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct leat_error_info error_table[] = {
#define LEAT_ERROR_CODE(name, number, status, sqlstate, title, text)                               \
    {#name, number, status, sqlstate, title, text},
#include "base/error_codes.def"
#undef LEAT_ERROR_CODE
};

const struct leat_error_info *leat_error_info_at(size_t index)
{
    return index < sizeof(error_table) / sizeof(error_table[0]) ? &error_table[index] : NULL;
}

const struct leat_error_info *leat_error_info_get(int code)
{
    const struct leat_error_info *info;

    for (size_t i = 0; (info = leat_error_info_at(i)) != NULL; i++)
        if (info->number == code)
            return info;
    return NULL;
}

/* Cuts an over-long text at a character boundary, so that messages stay valid UTF-8. */
static void trim_utf8(char *text, size_t size, int written)
{
    size_t end = size - 1;

    if (written < 0 || (size_t)written < size)
        return;
    while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0xc0)
        end--;
    text[end] = '\0';
}

static void print_into(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void print_into(char *out, size_t size, const char *format, va_list args)
{
    trim_utf8(out, size, vsnprintf(out, size, format, args));
}

void leat_error_clear(struct leat_error *err)
{
    if (err)
        memset(err, 0, sizeof(*err));
}

enum leat_status leat_error_set(struct leat_error *err, int code, const char *format, ...)
{
    const struct leat_error_info *info = leat_error_info_get(code);
    enum leat_status status = info ? info->status : LEAT_INTERNAL;
    char message[sizeof(err->message)];
    va_list args;

    if (!err)
        return status;
    /* Formatted before clearing: the arguments may point into *err itself. */
    va_start(args, format);
    print_into(message, sizeof(message), format, args);
    va_end(args);
    memset(err, 0, sizeof(*err));
    err->status = status;
    err->code = code;
    memcpy(err->sqlstate, info ? info->sqlstate : "XX000", 6);
    memcpy(err->message, message, sizeof(message));
    return status;
}

void leat_error_hint(struct leat_error *err, const char *format, ...)
{
    char hint[sizeof(err->hint)];
    va_list args;

    if (!err)
        return;
    va_start(args, format);
    print_into(hint, sizeof(hint), format, args);
    va_end(args);
    memcpy(err->hint, hint, sizeof(hint));
}

void leat_error_at(struct leat_error *err, const char *source, uint64_t line, uint64_t column,
                   uint64_t offset)
{
    if (!err)
        return;
    if (source)
        trim_utf8(err->place.source, sizeof(err->place.source),
                  snprintf(err->place.source, sizeof(err->place.source), "%s", source));
    err->place.line = line;
    err->place.column = column;
    err->place.offset = offset;
}

void leat_error_at_text(struct leat_error *err, const char *source, const char *text,
                        size_t text_length, size_t offset, uint32_t length)
{
    size_t line = 1, start = 0, end, column = 1;

    if (!err)
        return;
    if (offset > text_length)
        offset = text_length;
    for (size_t i = 0; i < offset; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    for (size_t i = start; i < offset; i++)
        column += ((unsigned char)text[i] & 0xc0) != 0x80;
    for (end = offset; end < text_length && text[end] != '\n' && text[end] != '\r';)
        end++;
    leat_error_at(err, source, line, column, offset);
    err->place.length = length;
    /* A long line is cut from the front, so that the place stays inside the excerpt. */
    if (end - start < sizeof(err->excerpt)) {
        memcpy(err->excerpt, text + start, end - start);
        err->excerpt[end - start] = '\0';
    }
}

void leat_error_context(struct leat_error *err, const char *format, ...)
{
    char message[sizeof(err->message)];
    size_t used;
    va_list args;

    if (!err)
        return;
    va_start(args, format);
    print_into(message, sizeof(message), format, args);
    va_end(args);
    used = strlen(message);
    trim_utf8(message + used, sizeof(message) - used,
              snprintf(message + used, sizeof(message) - used, ": %s", err->message));
    memcpy(err->message, message, sizeof(message));
}

enum leat_status leat_error_memory(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_MEMORY, "out of memory");
}

enum leat_status leat_error_io(struct leat_error *err, const char *action, const char *path,
                               int errno_value)
{
    int code = LEAT_E_IO;
    enum leat_status status;

    switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
        code = LEAT_E_FILE_NOT_FOUND;
        break;
    case EEXIST:
        code = LEAT_E_FILE_EXISTS;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        code = LEAT_E_PERMISSION;
        break;
    case ENOSPC:
    case EDQUOT:
        code = LEAT_E_DISK_FULL;
        break;
    case ENOMEM:
        code = LEAT_E_MEMORY;
        break;
    default:
        break;
    }
    status = leat_error_set(err, code, "cannot %s %s: %s", action, path, strerror(errno_value));
    leat_error_at(err, path, 0, 0, 0);
    return status;
}

enum leat_status leat_error_internal(struct leat_error *err, const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    print_into(message, sizeof(message), format, args);
    va_end(args);
    return leat_error_set(err, LEAT_E_INTERNAL, "internal error: %s", message);
}
