/* Shared by the files of text functions. */
#ifndef LEAT_COMPUTE_KERNELS_TEXT_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_TEXT_INTERNAL_H

#include "compute/kernels/kernels_internal.h"

bool text_is_ascii(struct leat_text text);
/* Number of characters. */
size_t text_characters(struct leat_text text);
/* Byte offset after so many characters, at most the length. */
size_t text_advance(struct leat_text text, size_t characters);
/* The character at a byte offset below the length, and its bytes. */
uint32_t text_decode(struct leat_text text, size_t at, size_t *length);
size_t text_encode(uint32_t point, char out[4]);
uint32_t text_lower_point(uint32_t point);
uint32_t text_upper_point(uint32_t point);
/* Argument n of row i, which is not null. */
struct leat_text text_arg(const struct kernel_call *call, uint32_t n, uint32_t i);
void text_set_view(struct kernel_call *call, uint32_t i, struct leat_text part);
/* Appends the result of row i to the buffer. */
typedef enum leat_status (*text_row_fn)(struct kernel_call *call, uint32_t i,
                                        struct leat_buffer *out, struct leat_error *err);
/* Runs a row function for all rows that are not null. */
enum leat_status text_each(struct kernel_call *call, text_row_fn row, struct leat_error *err);

#endif
