/*
 * AWS Signature Version 4 in headers
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html). Paths are taken as
 * they go over the wire: S3 encodes them once and normalises nothing.
 */
#ifndef LEAT_STORAGE_FILES_S3_SIGN_H
#define LEAT_STORAGE_FILES_S3_SIGN_H

#include "base/buffer.h"

struct s3_pair { /* a header, or a query's parameter */
    const char *name;
    const char *value;
};
struct s3_signing {
    const char *access_key;
    const char *secret_key;
    const char *region;
    const char *service;
    const char *time; /* YYYYMMDD'T'HHMMSS'Z' */
    const char *method;
    const char *path; /* percent-encoded, with the slash in front */
    const struct s3_pair *query;
    size_t query_count; /* in any order, not encoded */
    const struct s3_pair *headers;
    size_t header_count;      /* all of them are signed; names in any case and order */
    const char *payload_hash; /* hex, or UNSIGNED-PAYLOAD */
};
struct s3_signature {
    const char *query; /* sorted and encoded, as it must stand in the URL */
    const char *canonical_request;
    const char *string_to_sign;
    const char *authorization; /* value of the header */
};
/* All texts lie in the arena. */
LEAT_CHECKED enum leat_status s3_sign(const struct s3_signing *in, struct leat_arena *arena,
                                      struct s3_signature *out, struct leat_error *err);

#endif
