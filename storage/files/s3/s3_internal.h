/* What the parts of storage/files/s3 share: one request, its errors, and the file system's
 * functions. */
#ifndef LEAT_STORAGE_FILES_S3_S3_INTERNAL_H
#define LEAT_STORAGE_FILES_S3_S3_INTERNAL_H

#include "base/file_system.h"
#include "base/http.h"
#include "storage/files/s3/settings.h"
#include "storage/files/s3/sign.h"

/* The value of the metadata x-amz-meta-leat-write, by which a writer finds its own object. */
#define S3_MARK "x-amz-meta-leat-write"

enum s3_answer_header { /* what of an answer is kept */
                        S3_REQUEST_ID,
                        S3_BUCKET_REGION,
                        S3_ETAG,
                        S3_CONTENT_RANGE,
                        S3_LAST_MODIFIED,
                        S3_CONTENT_LENGTH,
                        S3_WRITE_MARK,
                        S3_ANSWER_HEADERS
};

struct s3_call {
    const char *action; /* as errors name it: "read" */
    const char *method;
    const char *bucket;
    const char *key; /* "" for the bucket itself */
    const struct s3_pair *query;
    size_t query_count;
    const struct s3_pair *headers;
    size_t header_count;
    const void *body;
    size_t body_length;
    leat_http_take take;
    void *take_context;
    bool changes;
};
/* Runs the request with retries, signed anew for each, and once more with fresh credentials if they
 * had expired. Any status is LEAT_OK. */
LEAT_CHECKED enum leat_status s3_call_run(const struct s3_call *call,
                                          struct leat_http_answer *answer, struct leat_error *err);
/* The error of an answer that says no (status 300 and above, or 200 with an error as its body). */
LEAT_CHECKED enum leat_status s3_call_error(const struct s3_call *call,
                                            const struct leat_http_answer *answer,
                                            struct leat_error *err);
/* True if the answer's error has this code ("NoSuchUpload"). */
bool s3_answer_is(const struct leat_http_answer *answer, const char *code);

/* "s3://bucket/key" in pieces that lie in the arena. */
LEAT_CHECKED enum leat_status s3_path_split(const char *path, struct leat_arena *arena,
                                            const char **bucket, const char **key,
                                            struct leat_error *err);

LEAT_CHECKED enum leat_status s3_open_input(const char *path, struct leat_input **out,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status s3_create(const char *path, enum leat_create mode,
                                        struct leat_output **out, struct leat_error *err);
LEAT_CHECKED enum leat_status s3_list(const struct leat_file_listing *listing, leat_file_take take,
                                      void *context, struct leat_error *err);
LEAT_CHECKED enum leat_status s3_remove_several(const char *const *paths, size_t count,
                                                struct leat_error *err);
LEAT_CHECKED enum leat_status s3_stat(const char *path, struct leat_file_info *out,
                                      struct leat_error *err);

/* The store's settings as JSON, and taken over from JSON. */
LEAT_CHECKED enum leat_status s3_store_settings_put(struct leat_buffer *out,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status s3_store_settings_apply(const char *json, size_t length,
                                                      struct leat_error *err);

#endif
