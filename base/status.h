/*
 * Status codes and the caller-owned error object.
 *
 * Every function that can fail returns `enum leat_status` (which must be checked) and takes `struct
 * leat_error *err` last. The error object is a plain structure of fixed size: setting an error
 * never allocates, so running out of memory can be reported. End of data is not an error: the
 * output is then NULL or empty.
 *
 * Each error has a stable code, written L followed by four digits (`LEAT_E_...` in
 * base/error_codes.def, which also holds its SQLSTATE, title and long explanation). The code
 * decides the status.
 */
#ifndef LEAT_BASE_STATUS_H
#define LEAT_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum leat_status {
    LEAT_OK = 0,
    LEAT_NO_MEMORY,   /* the system or the query's accountant refused an allocation */
    LEAT_LIMIT,       /* a configured or built-in limit was passed (depth, length, count) */
    LEAT_IO,          /* the operating system or a remote store failed */
    LEAT_NOT_FOUND,   /* a named file, table, column or key does not exist */
    LEAT_EXISTS,      /* something of that name exists already */
    LEAT_CORRUPT,     /* bytes from outside do not follow their format */
    LEAT_INVALID,     /* the user's text (SQL, option, configuration) is wrong */
    LEAT_UNSUPPORTED, /* right, but not carried out by this version */
    LEAT_RUNTIME,     /* a value made the computation impossible (division by zero, overflow, failed
                         cast) */
    LEAT_CONFLICT,    /* someone else changed or holds what was to be changed */
    LEAT_DENIED,      /* permission or policy */
    LEAT_CANCELLED,   /* the user or the host asked to stop */
    LEAT_INTERNAL     /* a defect of Leat itself */
};

#define LEAT_CHECKED __attribute__((warn_unused_result))

/* Error codes. The number is stable and never reused. */
enum leat_error_code {
    LEAT_E_NONE = 0,
#define LEAT_ERROR_CODE(name, number, status, sqlstate, title, text) LEAT_E_##name = number,
#include "base/error_codes.def"
#undef LEAT_ERROR_CODE
};

struct leat_error_info {
    const char *name; /* for example "DIVISION_BY_ZERO" */
    int number;       /* for example 2201, shown as L2201 */
    enum leat_status status;
    const char *sqlstate; /* five characters */
    const char *title;    /* one line */
    const char *text;     /* what `leat explain` prints: cause and remedy */
};

/* A place in a text or file. Zero means unknown; lines and columns count from 1. */
struct leat_place {
    char source[256]; /* file path, or "" for a query given on the command line */
    uint64_t line;
    uint64_t column; /* in characters, not bytes */
    uint64_t offset; /* in bytes from the start of the source */
    uint32_t length; /* bytes the caret underlines */
};

struct leat_error {
    enum leat_status status;
    int code; /* enum leat_error_code */
    char sqlstate[6];
    char message[1024]; /* names the object and the reason; no trailing full stop or newline */
    char hint[512];     /* the next step, or "" */
    struct leat_place place;
    char excerpt[256]; /* the line of text the place points into, or "" */
};

/* Sets *err (which may be NULL) to the code with a printf-style message; clears hint and place.
 * Returns the status of the code, so callers write `return leat_error_set(err, LEAT_E_X, "...")`.
 */
enum leat_status leat_error_set(struct leat_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a hint to an error already set. */
void leat_error_hint(struct leat_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets the place. `source` may be NULL (left as it is). */
void leat_error_at(struct leat_error *err, const char *source, uint64_t line, uint64_t column,
                   uint64_t offset);

/* Sets line, column, excerpt and length from a byte offset into `text` (whole source text of
 * `text_length` bytes). */
void leat_error_at_text(struct leat_error *err, const char *source, const char *text,
                        size_t text_length, size_t offset, uint32_t length);

/* Prefixes the message with printf-style context, "context: message". */
void leat_error_context(struct leat_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Shorthands for the commonest errors. */
enum leat_status leat_error_memory(struct leat_error *err);
enum leat_status leat_error_io(struct leat_error *err, const char *action, const char *path,
                               int errno_value);
enum leat_status leat_error_internal(struct leat_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void leat_error_clear(struct leat_error *err);

/* The table entry of a code, or NULL. */
const struct leat_error_info *leat_error_info_get(int code);
/* The i-th entry, or NULL past the end: for listing. */
const struct leat_error_info *leat_error_info_at(size_t index);

/* Evaluates a call; returns its status from the enclosing function if it failed. Only where nothing
 * is held. */
#define LEAT_TRY(call)                                                                             \
    do {                                                                                           \
        enum leat_status leat_try_status_ = (call);                                                \
        if (leat_try_status_ != LEAT_OK)                                                           \
            return leat_try_status_;                                                               \
    } while (0)

#endif
