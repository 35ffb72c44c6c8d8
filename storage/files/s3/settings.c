/* Settings of S3: JSON, then the environment, then the user's profile. */
#include "storage/files/s3/settings.h"
#include "base/file.h"
#include "formats/json_tree.h"

#include <stdlib.h>

/* --- the user's profile: an INI file --- */

static struct leat_text trimmed(const char *text, size_t length)
{
    while (length && (*text == ' ' || *text == '\t'))
        text++, length--;
    while (length &&
           (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        length--;
    return (struct leat_text){text, length};
}

/* "[profile NAME]" in the one file, "[NAME]" in the other; "[default]" in both. */
static bool is_section(struct leat_text line, const char *profile)
{
    struct leat_text name = trimmed(line.data + 1, line.length - 2);

    if (name.length > 8 && memcmp(name.data, "profile ", 8) == 0)
        name = trimmed(name.data + 8, name.length - 8);
    return leat_text_equal(name, leat_text_of(profile));
}

static struct leat_text find_value(struct leat_text file, const char *profile, const char *key)
{
    bool inside = false;

    for (size_t at = 0; at < file.length;) {
        const char *start = file.data + at, *feed = memchr(start, '\n', file.length - at), *equals;
        size_t size = feed ? (size_t)(feed - start) : file.length - at;
        struct leat_text line = trimmed(start, size);
        at += size + 1;
        if (line.length == 0 || line.data[0] == '#' || line.data[0] == ';')
            continue;
        if (line.data[0] == '[' && line.data[line.length - 1] == ']') {
            inside = is_section(line, profile);
            continue;
        }
        equals = memchr(line.data, '=', line.length);
        /* Indented lines belong to the key above them. */
        if (!inside || !equals || line.data != start ||
            !leat_text_equal(trimmed(line.data, (size_t)(equals - line.data)), leat_text_of(key)))
            continue;
        return trimmed(equals + 1, (size_t)(line.data + line.length - equals - 1));
    }
    return (struct leat_text){NULL, 0};
}

enum leat_status s3_profile_value(bool credentials, const char *profile, const char *key,
                                  struct leat_arena *arena, const char **out,
                                  struct leat_error *err)
{
    const char *named = getenv(credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
    const char *home = getenv("HOME");
    struct leat_buffer bytes;
    struct leat_text value;
    enum leat_status status;
    struct leat_error why;

    *out = NULL;
    if (!named || !named[0]) {
        if (!home || !home[0])
            return LEAT_OK;
        named =
            leat_arena_printf(arena, "%s/.aws/%s", home, credentials ? "credentials" : "config");
        if (!named)
            return leat_error_memory(err);
    }
    leat_buffer_init(&bytes, 1 << 20);
    status = leat_file_read_all(named, &bytes, &why);
    if (status == LEAT_OK) {
        value = find_value((struct leat_text){(char *)bytes.data, bytes.length},
                           profile ? profile : "default", key);
        *out = value.data ? leat_arena_copy(arena, value.data, value.length) : NULL;
        if (value.data && !*out)
            status = leat_error_memory(err);
    } else if (status == LEAT_NOT_FOUND) {
        status = LEAT_OK;
    } else if (err) {
        *err = why;
    }
    leat_buffer_release(&bytes);
    return status;
}

/* --- JSON --- */

struct reading {
    struct s3_settings *settings;
    const char *name;
    struct leat_error *err;
};

static enum leat_status wrong(const struct reading *r, const char *key, const char *what)
{
    (void)leat_error_set(r->err, LEAT_E_STORAGE_SETTINGS, "%s: \"%s\" %s", r->name, key, what);
    leat_error_hint(r->err, "storage/object_storage/README.md describes the file");
    return LEAT_INVALID;
}

static enum leat_status read_text(const struct reading *r, const char *key, const json_t *value,
                                  const char **out)
{
    if (!json_is_string(value))
        return wrong(r, key, "is no text");
    *out = leat_arena_strdup(&r->settings->arena, json_string_value(value));
    return *out ? LEAT_OK : leat_error_memory(r->err);
}

static enum leat_status read_flag(const struct reading *r, const char *key, const json_t *value,
                                  int *out)
{
    if (!json_is_boolean(value))
        return wrong(r, key, "is neither true nor false");
    *out = json_is_true(value);
    return LEAT_OK;
}

static enum leat_status read_number(const struct reading *r, const char *key, const json_t *value,
                                    unsigned *out)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : 0;

    if (number < 1 || number > 3600)
        return wrong(r, key, "is no whole number from 1 to 3600");
    *out = (unsigned)number;
    return LEAT_OK;
}

static enum leat_status read_endpoint(const struct reading *r, const char *key, const json_t *value,
                                      const char **out)
{
    const char *text = json_string_value(value);
    size_t length = text ? strlen(text) : 0;

    if (!text || (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0))
        return wrong(r, key, "is no http:// or https:// address");
    while (length && text[length - 1] == '/')
        length--;
    *out = leat_arena_copy(&r->settings->arena, text, length);
    return *out ? LEAT_OK : leat_error_memory(r->err);
}

/* {"env": NAME} or {"file": PATH}; a plain text would be the secret itself. */
static enum leat_status read_secret(const struct reading *r, const char *key, const json_t *value,
                                    struct s3_secret *out)
{
    const json_t *environment = json_object_get(value, "env"),
                 *file = json_object_get(value, "file");

    if (!json_is_object(value) || json_object_size(value) != 1 || (!environment && !file))
        return wrong(r, key,
                     "must be a reference, {\"env\": \"NAME\"} or {\"file\": \"PATH\"}: secrets do "
                     "not stand in configuration files");
    return environment ? read_text(r, key, environment, &out->environment)
                       : read_text(r, key, file, &out->file);
}

static enum leat_status read_place_key(const struct reading *r, const char *key,
                                       const json_t *value, struct s3_place *out, bool *known)
{
    *known = true;
    if (strcmp(key, "endpoint") == 0)
        return read_endpoint(r, key, value, &out->endpoint);
    if (strcmp(key, "region") == 0)
        return read_text(r, key, value, &out->region);
    if (strcmp(key, "profile") == 0)
        return read_text(r, key, value, &out->profile);
    if (strcmp(key, "path_style") == 0)
        return read_flag(r, key, value, &out->path_style);
    *known = false;
    return LEAT_OK;
}

static enum leat_status read_buckets(const struct reading *r, json_t *buckets)
{
    struct s3_settings *settings = r->settings;
    const char *name, *key;
    json_t *bucket, *value;
    bool known;

    if (!json_is_object(buckets))
        return wrong(r, "buckets", "is no object");
    settings->buckets =
        LEAT_NEW_ARRAY(&settings->arena, struct s3_place, json_object_size(buckets) + 1);
    if (!settings->buckets)
        return leat_error_memory(r->err);
    json_object_foreach(buckets, name, bucket)
    {
        struct s3_place *place = &settings->buckets[settings->bucket_count++];
        place->path_style = -1;
        place->bucket = leat_arena_strdup(&settings->arena, name);
        if (!place->bucket)
            return leat_error_memory(r->err);
        if (!json_is_object(bucket))
            return wrong(r, name, "is no object");
        json_object_foreach(bucket, key, value)
        {
            LEAT_TRY(read_place_key(r, key, value, place, &known));
            if (!known)
                return wrong(r, key, "is not a setting of a bucket");
        }
    }
    return LEAT_OK;
}

static enum leat_status read_key(const struct reading *r, const char *key, json_t *value)
{
    struct s3_settings *settings = r->settings;
    int flag = 0;
    bool known;

    LEAT_TRY(read_place_key(r, key, value, &settings->place, &known));
    if (known)
        return LEAT_OK;
    if (strcmp(key, "ca_file") == 0)
        return read_text(r, key, value, &settings->ca_file);
    if (strcmp(key, "access_key") == 0)
        return read_secret(r, key, value, &settings->access_key);
    if (strcmp(key, "secret_key") == 0)
        return read_secret(r, key, value, &settings->secret_key);
    if (strcmp(key, "session_token") == 0)
        return read_secret(r, key, value, &settings->session_token);
    if (strcmp(key, "connect_timeout") == 0)
        return read_number(r, key, value, &settings->connect);
    if (strcmp(key, "stall_timeout") == 0)
        return read_number(r, key, value, &settings->stall);
    if (strcmp(key, "attempts") == 0)
        return read_number(r, key, value, &settings->attempts);
    if (strcmp(key, "buckets") == 0)
        return read_buckets(r, value);
    if (strcmp(key, "anonymous") != 0)
        return wrong(r, key, "is not a setting of S3");
    LEAT_TRY(read_flag(r, key, value, &flag));
    settings->anonymous = flag != 0;
    return LEAT_OK;
}

static enum leat_status read_json(const struct reading *r, const char *json, size_t length)
{
    enum leat_status status;
    json_t *tree = NULL, *value;
    const char *key;

    LEAT_TRY(leat_json_tree_load(json, length, JSON_REJECT_DUPLICATES, r->name,
                                 LEAT_E_STORAGE_SETTINGS, &tree, r->err));
    status = json_is_object(tree) ? LEAT_OK : wrong(r, "{}", "is what the file must hold");
    if (status == LEAT_OK)
        json_object_foreach(tree, key, value)
        {
            status = read_key(r, key, value);
            if (status != LEAT_OK)
                break;
        }
    json_decref(tree);
    r->settings->own_profile = r->settings->place.profile != NULL;
    return status;
}

/* --- the environment and the profile --- */

/* The first of the variables that is set and not empty. */
static enum leat_status from_environment(struct s3_settings *settings, const char *const *names,
                                         const char **out, struct leat_error *err)
{
    for (; !*out && *names; names++) {
        const char *value = getenv(*names);
        if (!value || !value[0])
            continue;
        *out = leat_arena_strdup(&settings->arena, value);
        if (!*out)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

static enum leat_status from_profile(struct s3_settings *settings, const char *key,
                                     const char **out, struct leat_error *err)
{
    return *out ? LEAT_OK
                : s3_profile_value(false, settings->place.profile, key, &settings->arena, out, err);
}

static enum leat_status complete(struct s3_settings *settings, struct leat_error *err)
{
    struct s3_place *place = &settings->place;
    static const char *const endpoint[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", NULL};
    static const char *const region[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
    static const char *const profile[] = {"AWS_PROFILE", NULL};
    static const char *const ca_file[] = {"AWS_CA_BUNDLE", NULL};

    LEAT_TRY(from_environment(settings, profile, &place->profile, err));
    LEAT_TRY(from_environment(settings, endpoint, &place->endpoint, err));
    LEAT_TRY(from_environment(settings, region, &place->region, err));
    LEAT_TRY(from_environment(settings, ca_file, &settings->ca_file, err));
    LEAT_TRY(from_profile(settings, "endpoint_url", &place->endpoint, err));
    LEAT_TRY(from_profile(settings, "region", &place->region, err));
    LEAT_TRY(from_profile(settings, "ca_bundle", &settings->ca_file, err));
    if (!place->region)
        place->region = "us-east-1";
    if (place->endpoint) {
        size_t length = strlen(place->endpoint);
        while (length && place->endpoint[length - 1] == '/')
            length--;
        place->endpoint = leat_arena_copy(&settings->arena, place->endpoint, length);
        if (!place->endpoint)
            return leat_error_memory(err);
    }
    for (size_t i = 0; i < settings->bucket_count; i++) {
        struct s3_place *bucket = &settings->buckets[i];
        bucket->endpoint = bucket->endpoint ? bucket->endpoint : place->endpoint;
        bucket->region = bucket->region ? bucket->region : place->region;
        bucket->profile = bucket->profile ? bucket->profile : place->profile;
        bucket->path_style = bucket->path_style >= 0 ? bucket->path_style : place->path_style;
    }
    return LEAT_OK;
}

enum leat_status s3_settings_build(const char *json, size_t length, const char *name,
                                   struct s3_settings *out, struct leat_error *err)
{
    struct reading reading = {out, name, err};
    enum leat_status status = LEAT_OK;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    out->place.path_style = -1;
    if (json)
        status = read_json(&reading, json, length);
    if (status == LEAT_OK)
        status = complete(out, err);
    if (status != LEAT_OK)
        s3_settings_release(out);
    return status;
}

void s3_settings_release(struct s3_settings *settings)
{
    leat_arena_release(&settings->arena);
    memset(settings, 0, sizeof(*settings));
}

const struct s3_place *s3_settings_place(const struct s3_settings *settings, const char *bucket)
{
    for (size_t i = 0; i < settings->bucket_count; i++)
        if (strcmp(settings->buckets[i].bucket, bucket) == 0)
            return &settings->buckets[i];
    return &settings->place;
}

/* --- back to JSON --- */

static int put_place(json_t *object, const struct s3_place *place, bool profile)
{
    int failed = 0;

    if (place->endpoint)
        failed |= json_object_set_new(object, "endpoint", json_string(place->endpoint));
    if (place->region)
        failed |= json_object_set_new(object, "region", json_string(place->region));
    if (place->profile && profile)
        failed |= json_object_set_new(object, "profile", json_string(place->profile));
    if (place->path_style >= 0)
        failed |= json_object_set_new(object, "path_style", json_boolean(place->path_style));
    return failed;
}

static int put_secret(json_t *object, const char *key, const struct s3_secret *secret)
{
    if (secret->environment)
        return json_object_set_new(object, key, json_pack("{s:s}", "env", secret->environment));
    if (secret->file)
        return json_object_set_new(object, key, json_pack("{s:s}", "file", secret->file));
    return 0;
}

static int put_number(json_t *object, const char *key, unsigned value)
{
    return value ? json_object_set_new(object, key, json_integer(value)) : 0;
}

static int put_all(json_t *object, const struct s3_settings *settings)
{
    /* A profile that the environment names is the other machine's to name. */
    int failed = put_place(object, &settings->place, settings->own_profile);
    json_t *buckets = json_object();

    for (size_t i = 0; i < settings->bucket_count; i++) {
        json_t *bucket = json_object();
        failed |= !bucket || put_place(bucket, &settings->buckets[i], settings->own_profile);
        failed |= json_object_set_new(buckets, settings->buckets[i].bucket, bucket);
    }
    failed |= json_object_set_new(object, "buckets", buckets);
    if (settings->ca_file)
        failed |= json_object_set_new(object, "ca_file", json_string(settings->ca_file));
    if (settings->anonymous)
        failed |= json_object_set_new(object, "anonymous", json_true());
    failed |= put_secret(object, "access_key", &settings->access_key);
    failed |= put_secret(object, "secret_key", &settings->secret_key);
    failed |= put_secret(object, "session_token", &settings->session_token);
    failed |= put_number(object, "connect_timeout", settings->connect);
    failed |= put_number(object, "stall_timeout", settings->stall);
    failed |= put_number(object, "attempts", settings->attempts);
    return failed;
}

enum leat_status s3_settings_put(const struct s3_settings *settings, struct leat_buffer *out,
                                 struct leat_error *err)
{
    enum leat_status status;
    json_t *object = json_object();
    char *text = NULL;

    status = object && put_all(object, settings) == 0
                 ? leat_json_tree_dump(object, JSON_COMPACT | JSON_SORT_KEYS, &text, err)
                 : leat_error_memory(err);
    if (status == LEAT_OK)
        status = leat_buffer_append_string(out, text, err);
    leat_free(text);
    json_decref(object);
    return status;
}
