/*
 * The XML that S3 and STS answer with (expat). Names are taken without their namespace.
 */
#ifndef LEAT_STORAGE_FILES_S3_XML_H
#define LEAT_STORAGE_FILES_S3_XML_H

#include "base/buffer.h"

/* One element with text alone has ended. `parent` is the name of the element around it, `path` that
 * of the document. A status other than LEAT_OK stops. */
struct s3_xml_event {
    const char *parent; /* "" at the top */
    const char *name;
    const char *text; /* borrowed; "" for an element with children */
};
typedef enum leat_status (*s3_xml_take)(void *context, const struct s3_xml_event *event,
                                        struct leat_error *err);
/* Calls `take` at the end of each element. What is no XML, or nests deeper than 32, is
 * LEAT_E_HTTP. */
LEAT_CHECKED enum leat_status s3_xml_read(const char *text, size_t length, s3_xml_take take,
                                          void *context, struct leat_error *err);

/* The texts of the first elements of these names, at any depth; NULL where there is none. */
struct s3_xml_field {
    const char *name;
    const char *value; /* in the arena */
};
LEAT_CHECKED enum leat_status s3_xml_fields(const char *text, size_t length,
                                            struct s3_xml_field *fields, size_t count,
                                            struct leat_arena *arena, struct leat_error *err);

/* Appends text with & < > " and control characters escaped. */
LEAT_CHECKED enum leat_status s3_xml_escape(struct leat_buffer *out, const char *text,
                                            struct leat_error *err);

/* "2009-10-12T17:50:30.000Z" in microseconds since 1970; 0 if it is no such time. */
int64_t s3_time_parse(const char *text);

#endif
