/*
 * How S3 is reached. Settings come, in this order, from a JSON file (storage/object_storage), from
 * the environment (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION,
 * AWS_CA_BUNDLE, AWS_PROFILE) and from the user's profile (AWS_CONFIG_FILE or ~/.aws/config):
 *
 *     {
 *       "endpoint": "https://minio.example:9000",   without: AWS
 *       "region": "eu-central-1",
 *       "path_style": true,                         without: true where an endpoint is given
 *       "ca_file": "/etc/ssl/private-ca.pem",
 *       "profile": "analytics",
 *       "anonymous": false,                         true: requests are not signed
 *       "access_key": {"env": "NAME"}, "secret_key": {"file": "PATH"}, "session_token": {...},
 *       "connect_timeout": 10, "stall_timeout": 30, seconds
 *       "attempts": 6,
 *       "buckets": {"logs": {"endpoint": ..., "region": ..., "path_style": ..., "profile": ...}}
 *     }
 *
 * A secret is only ever a reference. All texts lie in the arena.
 */
#ifndef LEAT_STORAGE_FILES_S3_SETTINGS_H
#define LEAT_STORAGE_FILES_S3_SETTINGS_H

#include "base/buffer.h"

struct s3_secret { /* at most one of the two; both NULL: not given */
    const char *environment;
    const char *file;
};
struct s3_place {
    const char *bucket;   /* NULL: all without an own place */
    const char *endpoint; /* scheme://host[:port][/path], no slash at the end; NULL: AWS */
    const char *region;
    const char *profile; /* named in the settings or by AWS_PROFILE; or NULL */
    int path_style;      /* 1, 0; -1: by the endpoint */
};
struct s3_settings {
    struct leat_arena arena;
    struct s3_place place;
    struct s3_place *buckets;
    size_t bucket_count;
    const char *ca_file;
    bool anonymous;
    bool own_profile; /* the profile stands in the JSON: it goes before the environment's keys */
    struct s3_secret access_key, secret_key, session_token;
    unsigned connect, stall; /* seconds; 0: as usual */
    unsigned attempts;
};
/* `json` (or NULL) is the text of the file, `name` what errors call it. Wrong keys and values are
 * LEAT_E_STORAGE_SETTINGS. */
LEAT_CHECKED enum leat_status s3_settings_build(const char *json, size_t length, const char *name,
                                                struct s3_settings *out, struct leat_error *err);
void s3_settings_release(struct s3_settings *settings);
/* The same settings as JSON text that s3_settings_build reads. */
LEAT_CHECKED enum leat_status s3_settings_put(const struct s3_settings *settings,
                                              struct leat_buffer *out, struct leat_error *err);
/* The place of a bucket. */
const struct s3_place *s3_settings_place(const struct s3_settings *settings, const char *bucket);

/* A value of a profile in the user's files, NULL if it is not there: `credentials` says in which of
 * the two files (AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials; AWS_CONFIG_FILE or
 * ~/.aws/config). `profile` NULL: "default". */
LEAT_CHECKED enum leat_status s3_profile_value(bool credentials, const char *profile,
                                               const char *key, struct leat_arena *arena,
                                               const char **out, struct leat_error *err);

#endif
