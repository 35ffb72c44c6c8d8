/* Signature Version 4: a canonical form of the request is hashed, and the hash signed with a key
 * that is derived from the secret, the day, the region and the service. */
#include "storage/files/s3/sign.h"
#include "base/hash.h"
#include "base/http.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <strings.h>

static int compare_names(const void *a, const void *b)
{
    const struct s3_pair *x = a, *y = b;
    int order = strcasecmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

static int compare_encoded(const void *a, const void *b)
{
    const struct s3_pair *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

/* A NUL-terminated text of what the buffer holds. */
static enum leat_status buffer_text(struct leat_buffer *buffer, struct leat_arena *arena,
                                    const char **out, struct leat_error *err)
{
    *out = leat_arena_copy(arena, buffer->length ? (char *)buffer->data : "", buffer->length);
    buffer->length = 0;
    return *out ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status canonical_query(const struct s3_signing *in, struct leat_arena *arena,
                                        struct leat_buffer *buffer, const char **out,
                                        struct leat_error *err)
{
    struct s3_pair *pairs = LEAT_NEW_ARRAY(arena, struct s3_pair, in->query_count + 1);

    if (!pairs)
        return leat_error_memory(err);
    for (size_t i = 0; i < in->query_count; i++) {
        const char *texts[] = {in->query[i].name, in->query[i].value};
        const char **encoded[] = {&pairs[i].name, &pairs[i].value};
        for (int k = 0; k < 2; k++) {
            LEAT_TRY(leat_http_encode(buffer, texts[k], strlen(texts[k]), "", err));
            LEAT_TRY(buffer_text(buffer, arena, encoded[k], err));
        }
    }
    qsort(pairs, in->query_count, sizeof(*pairs), compare_encoded);
    for (size_t i = 0; i < in->query_count; i++)
        LEAT_TRY(leat_buffer_printf(buffer, err, "%s%s=%s", i ? "&" : "", pairs[i].name,
                                    pairs[i].value));
    return buffer_text(buffer, arena, out, err);
}

static enum leat_status append_lower(struct leat_buffer *buffer, const char *name,
                                     struct leat_error *err)
{
    for (; *name; name++)
        LEAT_TRY(leat_buffer_append_byte(buffer, (uint8_t)tolower((unsigned char)*name), err));
    return LEAT_OK;
}

/* Without spaces at the ends, and one space for several. */
static enum leat_status append_trimmed(struct leat_buffer *buffer, const char *value,
                                       struct leat_error *err)
{
    bool space = false;

    while (*value == ' ')
        value++;
    for (; *value; value++) {
        if (*value == ' ') {
            space = true;
            continue;
        }
        if (space)
            LEAT_TRY(leat_buffer_append_byte(buffer, ' ', err));
        space = false;
        LEAT_TRY(leat_buffer_append_byte(buffer, (uint8_t)*value, err));
    }
    return LEAT_OK;
}

static enum leat_status canonical_request(const struct s3_signing *in, const char *query,
                                          const char **names, struct leat_arena *arena,
                                          struct leat_buffer *buffer, const char **out,
                                          struct leat_error *err)
{
    struct s3_pair *headers = LEAT_NEW_ARRAY(arena, struct s3_pair, in->header_count + 1);

    if (!headers)
        return leat_error_memory(err);
    if (in->header_count)
        memcpy(headers, in->headers, in->header_count * sizeof(*headers));
    qsort(headers, in->header_count, sizeof(*headers), compare_names);
    for (size_t i = 0; i < in->header_count; i++) {
        LEAT_TRY(i ? leat_buffer_append_byte(buffer, ';', err) : LEAT_OK);
        LEAT_TRY(append_lower(buffer, headers[i].name, err));
    }
    LEAT_TRY(buffer_text(buffer, arena, names, err));
    LEAT_TRY(leat_buffer_printf(buffer, err, "%s\n%s\n%s\n", in->method, in->path, query));
    for (size_t i = 0; i < in->header_count; i++) {
        LEAT_TRY(append_lower(buffer, headers[i].name, err));
        LEAT_TRY(leat_buffer_append_byte(buffer, ':', err));
        LEAT_TRY(append_trimmed(buffer, headers[i].value, err));
        LEAT_TRY(leat_buffer_append_byte(buffer, '\n', err));
    }
    LEAT_TRY(leat_buffer_printf(buffer, err, "\n%s\n%s", *names, in->payload_hash));
    return buffer_text(buffer, arena, out, err);
}

static bool hmac(const uint8_t *key, size_t key_length, const char *text, uint8_t out[32])
{
    unsigned length = 32;

    return HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text), out,
                &length) != NULL;
}

static enum leat_status signature_hex(const struct s3_signing *in, const char *string_to_sign,
                                      struct leat_arena *arena, char out[65],
                                      struct leat_error *err)
{
    char *secret = leat_arena_printf(arena, "AWS4%s", in->secret_key);
    char *day = leat_arena_copy(arena, in->time, 8);
    uint8_t key[32];

    if (!secret || !day)
        return leat_error_memory(err);
    if (!hmac((uint8_t *)secret, strlen(secret), day, key) || !hmac(key, 32, in->region, key) ||
        !hmac(key, 32, in->service, key) || !hmac(key, 32, "aws4_request", key) ||
        !hmac(key, 32, string_to_sign, key))
        return leat_error_internal(err, "a request cannot be signed");
    memset(secret, 0, strlen(secret));
    for (int i = 0; i < 32; i++) {
        static const char digits[] = "0123456789abcdef";
        out[2 * i] = digits[key[i] >> 4];
        out[2 * i + 1] = digits[key[i] & 15];
    }
    out[64] = '\0';
    return LEAT_OK;
}

static enum leat_status sign(const struct s3_signing *in, struct leat_arena *arena,
                             struct leat_buffer *buffer, struct s3_signature *out,
                             struct leat_error *err)
{
    const char *names, *scope;
    char hash[65], hex[65];

    LEAT_TRY(canonical_query(in, arena, buffer, &out->query, err));
    LEAT_TRY(
        canonical_request(in, out->query, &names, arena, buffer, &out->canonical_request, err));
    leat_hash_sha256_hex(out->canonical_request, strlen(out->canonical_request), hash);
    scope = leat_arena_printf(arena, "%.8s/%s/%s/aws4_request", in->time, in->region, in->service);
    if (!scope)
        return leat_error_memory(err);
    out->string_to_sign =
        leat_arena_printf(arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", in->time, scope, hash);
    if (!out->string_to_sign)
        return leat_error_memory(err);
    LEAT_TRY(signature_hex(in, out->string_to_sign, arena, hex, err));
    out->authorization = leat_arena_printf(
        arena, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", in->access_key,
        scope, names, hex);
    return out->authorization ? LEAT_OK : leat_error_memory(err);
}

enum leat_status s3_sign(const struct s3_signing *in, struct leat_arena *arena,
                         struct s3_signature *out, struct leat_error *err)
{
    struct leat_buffer buffer;
    enum leat_status status;

    leat_buffer_init(&buffer, 0);
    status = sign(in, arena, &buffer, out, err);
    leat_buffer_release(&buffer);
    return status;
}
