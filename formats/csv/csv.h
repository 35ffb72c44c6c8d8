/*
 * CSV and its relatives: RFC 4180 and what the world writes instead. See README.md beside this file
 * for the rules of detection, nulls and bad rows.
 */
#ifndef LEAT_FORMATS_CSV_CSV_H
#define LEAT_FORMATS_CSV_CSV_H

#include "columns/format.h"

/* read_csv, and COPY ... TO '...' (FORMAT csv). Bad rows go to the context's handler; without one
 * (or with on_error => 'fail') the first of them fails the query. Splits are byte ranges of plain
 * UTF-8 files and whole compressed files; a record belongs to the range in which it starts. */
extern const struct leat_format leat_csv_format;

#endif
