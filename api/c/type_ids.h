/*
 * Types as PostgreSQL's catalog and protocol name them: object ids (pg_type.oid), which are fixed.
 * Structs and maps, which PostgreSQL lacks, are json to clients.
 */
#ifndef LEAT_API_C_TYPE_IDS_H
#define LEAT_API_C_TYPE_IDS_H

#include "columns/type.h"

/* The object id of the type, the bytes of its binary form (-1: varies) and its modifier (-1: none;
 * numeric has its precision and scale there). */
uint32_t leat_type_postgres_id(const struct leat_type *type);
int leat_type_postgres_size(const struct leat_type *type);
int32_t leat_type_postgres_modifier(const struct leat_type *type);
#define LEAT_POSTGRES_NUMERIC 1700u
/* The type of an object id; NULL if it is 0, unknown, or one that Leat has no type for. Numeric,
 * whose digits are not known, is numeric(38,10). Array types lie in the arena. */
const struct leat_type *leat_type_postgres_of(uint32_t id, struct leat_arena *arena);

#endif
