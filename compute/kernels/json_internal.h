/* Shared by the files of JSON functions. JSON is text, read by scanning; nesting is bounded. */
#ifndef LEAT_COMPUTE_KERNELS_JSON_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_JSON_INTERNAL_H

#include "compute/kernels/text_internal.h"

#define JSON_MAXIMUM_NESTING 512
#define JSON_MAXIMUM_BYTES   ((size_t)1 << 30)

struct json_scan {
    const char *at;
    const char *end;
};
void json_pass_blanks(struct json_scan *s);
/* Behind the closing quote; at stands on the opening one. */
bool json_pass_string(struct json_scan *s);
/* Behind the value at the scanner's place. */
bool json_pass_value(struct json_scan *s);
/* "object", "array", "string", "number", "boolean", "null". */
const char *json_type_name(struct leat_text json);
/* The characters of a string, quotes included in `text`. */
LEAT_CHECKED enum leat_status json_append_unescaped(struct leat_text text, struct leat_buffer *out,
                                                    struct leat_error *err);

/* The next member of an object or item of an array (`key` NULL), whose first one the scanner stands
 * before: behind the bracket, or behind the one before. False: there is none. `key` is quoted. */
bool json_next(struct json_scan *s, struct leat_text *key, struct leat_text *value);
/* A scanner behind the opening bracket; false if the value does not begin with it. */
bool json_open(struct leat_text json, char bracket, struct json_scan *out);

/* LEAT_E_BAD_JSON for text that is none: casts have looked, files have not. */
LEAT_CHECKED enum leat_status json_check(struct leat_text json, struct leat_error *err);

/* Appends the value, which is checked, as PostgreSQL writes jsonb: members in the order of their
 * keys' lengths, then bytes, the last of those with equal keys; blanks behind , and : only; numbers
 * without exponent.
 */
LEAT_CHECKED enum leat_status json_append_canonical(struct leat_text json, struct leat_buffer *out,
                                                    struct leat_error *err);
/* Appends the text of a value of any simple type as a string: the key of a member. */
LEAT_CHECKED enum leat_status json_append_key(const struct leat_vector *vector, uint32_t row,
                                              struct leat_buffer *out, struct leat_error *err);
/* The JSON that `row` appends, in jsonb's form, for all rows that are not null. */
LEAT_CHECKED enum leat_status json_canonical_each(struct kernel_call *call, text_row_fn row,
                                                  struct leat_error *err);

#endif
