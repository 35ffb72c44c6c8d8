/*
 * JSON: one record a line (NDJSON), records one after the other, or one array of records. Strictly
 * RFC 8259. See README.md beside this file for how types are found and what a bad row is.
 */
#ifndef LEAT_FORMATS_JSON_JSON_H
#define LEAT_FORMATS_JSON_JSON_H

#include "columns/format.h"

/* read_json, and COPY ... TO '...' (FORMAT json). NDJSON files are read in byte ranges; arrays and
 * compressed files whole. */
extern const struct leat_format leat_json_format;

/* True if the bytes are one JSON value (with blanks around) nested at most `depth` deep, in UTF-8.
 * Else *error_at is the byte where it goes wrong, and *reason says why. */
bool leat_json_validate(const char *text, size_t length, unsigned depth, size_t *error_at,
                        const char **reason);

#endif
