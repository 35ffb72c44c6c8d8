/*
 * Credentials, found where AWS's own tools look, in this order: references in the settings; a
 * profile that the settings name; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a web identity
 * (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the profile; the container's address
 * (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI); the instance's metadata, version 2. The
 * texts are wiped when released, and never leave this process but as signatures.
 */
#ifndef LEAT_STORAGE_FILES_S3_CREDENTIALS_H
#define LEAT_STORAGE_FILES_S3_CREDENTIALS_H

#include "storage/files/s3/settings.h"

struct s3_credentials {
    char *access_key; /* NULL: requests are not signed */
    char *secret_key;
    char *session_token; /* or NULL */
    int64_t expires;     /* microseconds since 1970; 0: never, as far as is known */
    const char *origin;  /* "environment", "profile", ... */
};
/* None anywhere: LEAT_E_STORAGE_CREDENTIALS, which says where was looked. */
LEAT_CHECKED enum leat_status s3_credentials_find(const struct s3_settings *settings,
                                                  const struct s3_place *place,
                                                  struct s3_credentials *out,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status s3_credentials_copy(const struct s3_credentials *from,
                                                  struct s3_credentials *out,
                                                  struct leat_error *err);
void s3_credentials_release(struct s3_credentials *credentials);

/* Those that are asked for over HTTP. *found says whether the place is there at all. */
LEAT_CHECKED enum leat_status s3_credentials_web(const char *token_file, const char *role,
                                                 const char *region, const char *ca_file,
                                                 struct s3_credentials *out,
                                                 struct leat_error *err);
LEAT_CHECKED enum leat_status s3_credentials_container(struct s3_credentials *out, bool *found,
                                                       struct leat_error *err);
LEAT_CHECKED enum leat_status s3_credentials_instance(struct s3_credentials *out, bool *found,
                                                      struct leat_error *err);

#endif
