/* Where credentials are looked for, one place after the other. */
#include "storage/files/s3/credentials.h"
#include "base/file.h"

#include <stdlib.h>

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    leat_free(*text);
    *text = NULL;
}

void s3_credentials_release(struct s3_credentials *credentials)
{
    wipe(&credentials->access_key);
    wipe(&credentials->secret_key);
    wipe(&credentials->session_token);
    memset(credentials, 0, sizeof(*credentials));
}

/* Takes copies; empty texts are none. */
static enum leat_status set(struct s3_credentials *out, const char *access_key,
                            const char *secret_key, const char *session_token, const char *origin,
                            struct leat_error *err)
{
    out->origin = origin;
    out->access_key = leat_strdup(access_key);
    out->secret_key = leat_strdup(secret_key);
    out->session_token = session_token && session_token[0] ? leat_strdup(session_token) : NULL;
    if (out->access_key && out->secret_key &&
        (out->session_token || !session_token || !session_token[0]))
        return LEAT_OK;
    s3_credentials_release(out);
    return leat_error_memory(err);
}

enum leat_status s3_credentials_copy(const struct s3_credentials *from, struct s3_credentials *out,
                                     struct leat_error *err)
{
    memset(out, 0, sizeof(*out));
    if (!from->access_key)
        return LEAT_OK;
    LEAT_TRY(set(out, from->access_key, from->secret_key, from->session_token, from->origin, err));
    out->expires = from->expires;
    return LEAT_OK;
}

static enum leat_status secret_read(const struct s3_secret *secret, const char *key,
                                    struct leat_arena *arena, const char **out,
                                    struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status;

    *out = NULL;
    if (secret->environment) {
        const char *value = getenv(secret->environment);
        if (!value || !value[0])
            return leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                                  "the settings of S3 take %s from the environment, but %s is not "
                                  "set",
                                  key, secret->environment);
        *out = leat_arena_strdup(arena, value);
        return *out ? LEAT_OK : leat_error_memory(err);
    }
    if (!secret->file)
        return LEAT_OK;
    leat_buffer_init(&bytes, 1 << 18);
    status = leat_file_read_all(secret->file, &bytes, err);
    if (status == LEAT_OK) {
        while (bytes.length && strchr(" \r\n", bytes.data[bytes.length - 1]))
            bytes.length--;
        *out = leat_arena_copy(arena, bytes.length ? (char *)bytes.data : "", bytes.length);
        status = *out ? LEAT_OK : leat_error_memory(err);
    } else {
        leat_error_context(err, "the settings of S3 take %s from a file", key);
    }
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.capacity);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status from_references(const struct s3_settings *settings,
                                        struct leat_arena *arena, struct s3_credentials *out,
                                        struct leat_error *err)
{
    const char *access_key, *secret_key, *token;

    LEAT_TRY(secret_read(&settings->access_key, "access_key", arena, &access_key, err));
    LEAT_TRY(secret_read(&settings->secret_key, "secret_key", arena, &secret_key, err));
    LEAT_TRY(secret_read(&settings->session_token, "session_token", arena, &token, err));
    if (!access_key || !secret_key)
        return leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                              "the settings of S3 name only one of access_key and secret_key");
    return set(out, access_key, secret_key, token, "the settings", err);
}

static enum leat_status from_environment(struct s3_credentials *out, struct leat_error *err)
{
    const char *access_key = getenv("AWS_ACCESS_KEY_ID");
    const char *secret_key = getenv("AWS_SECRET_ACCESS_KEY");

    if (!access_key || !access_key[0] || !secret_key || !secret_key[0])
        return LEAT_OK;
    return set(out, access_key, secret_key, getenv("AWS_SESSION_TOKEN"), "the environment", err);
}

/* A profile's keys stand in either file; its web identity in the one with settings. */
static enum leat_status from_profile(const struct s3_settings *settings,
                                     const struct s3_place *place, struct leat_arena *arena,
                                     struct s3_credentials *out, struct leat_error *err)
{
    const char *access_key = NULL, *secret_key = NULL, *token = NULL, *token_file, *role;

    for (int credentials = 1; credentials >= 0 && !access_key; credentials--) {
        LEAT_TRY(s3_profile_value(credentials, place->profile, "aws_access_key_id", arena,
                                  &access_key, err));
        LEAT_TRY(s3_profile_value(credentials, place->profile, "aws_secret_access_key", arena,
                                  &secret_key, err));
        LEAT_TRY(
            s3_profile_value(credentials, place->profile, "aws_session_token", arena, &token, err));
    }
    if (access_key && secret_key)
        return set(out, access_key, secret_key, token, "the profile", err);
    LEAT_TRY(s3_profile_value(false, place->profile, "web_identity_token_file", arena, &token_file,
                              err));
    LEAT_TRY(s3_profile_value(false, place->profile, "role_arn", arena, &role, err));
    if (!token_file || !role)
        return LEAT_OK;
    return s3_credentials_web(token_file, role, place->region, settings->ca_file, out, err);
}

static enum leat_status from_web_identity(const struct s3_settings *settings,
                                          const struct s3_place *place, struct s3_credentials *out,
                                          struct leat_error *err)
{
    const char *token_file = getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), *role = getenv("AWS_ROLE_ARN");

    if (!token_file || !token_file[0] || !role || !role[0])
        return LEAT_OK;
    return s3_credentials_web(token_file, role, place->region, settings->ca_file, out, err);
}

static enum leat_status find(const struct s3_settings *settings, const struct s3_place *place,
                             struct leat_arena *arena, struct s3_credentials *out,
                             struct leat_error *err)
{
    const struct s3_secret *first = &settings->access_key, *second = &settings->secret_key;
    bool found = true;

    if (first->environment || first->file || second->environment || second->file)
        return from_references(settings, arena, out, err);
    if (settings->own_profile || place != &settings->place)
        LEAT_TRY(place->profile ? from_profile(settings, place, arena, out, err) : LEAT_OK);
    if (!out->access_key)
        LEAT_TRY(from_environment(out, err));
    if (!out->access_key)
        LEAT_TRY(from_web_identity(settings, place, out, err));
    if (!out->access_key)
        LEAT_TRY(from_profile(settings, place, arena, out, err));
    if (!out->access_key)
        LEAT_TRY(s3_credentials_container(out, &found, err));
    if (!out->access_key)
        LEAT_TRY(s3_credentials_instance(out, &found, err));
    if (out->access_key)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_STORAGE_CREDENTIALS,
                         "no credentials for S3: none in s3_config.json, the environment, profile "
                         "\"%s\", a container or this machine's metadata",
                         place->profile ? place->profile : "default");
    leat_error_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
                         "\"anonymous\": true in s3_config.json for public buckets");
    return LEAT_DENIED;
}

enum leat_status s3_credentials_find(const struct s3_settings *settings,
                                     const struct s3_place *place, struct s3_credentials *out,
                                     struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    if (settings->anonymous)
        return LEAT_OK;
    leat_arena_init(&arena, NULL);
    status = find(settings, place, &arena, out, err);
    leat_arena_release(&arena);
    return status;
}
