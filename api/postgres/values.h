/*
 * Values as clients of PostgreSQL know them, in text and binary form ("Frontend/Backend Protocol",
 * and the send and receive functions of the types).
 *
 * Structs and maps, which PostgreSQL lacks, are json to clients.
 */
#ifndef LEAT_API_POSTGRES_VALUES_H
#define LEAT_API_POSTGRES_VALUES_H

#include "api/c/type_ids.h"
#include "columns/value.h"

/* Appends a value with its length in front (-1 for null). */
LEAT_CHECKED enum leat_status postgres_put_value(const struct leat_vector *column, uint32_t row,
                                                 bool binary, struct leat_buffer *out,
                                                 struct leat_error *err);
/* The text form of a binary value of a parameter, in the arena. */
LEAT_CHECKED enum leat_status postgres_read_binary(struct leat_text bytes,
                                                   const struct leat_type *type,
                                                   struct leat_arena *arena, struct leat_text *out,
                                                   struct leat_error *err);

#endif
