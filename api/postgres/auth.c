/* SCRAM-SHA-256, the server's side. The client proves that it knows the password without sending
 * it: its proof is the client key, masked by an HMAC over all that was said; the hash of the client
 * key must be the stored key. */
#include "api/postgres/auth.h"

#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY = 32, NONCE = 18, SALT = 16, ITERATIONS = 4096, MAXIMUM_MESSAGE = 4096 };

static bool hmac(const uint8_t *key, size_t key_length, const void *text, size_t length,
                 uint8_t out[KEY])
{
    unsigned size = KEY;

    return HMAC(EVP_sha256(), key, (int)key_length, text, length, out, &size) != NULL;
}

static bool sha256(const uint8_t *bytes, size_t length, uint8_t out[KEY])
{
    return EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) == 1;
}

/* Base 64; the result of decoding has `*length` bytes, false if it is none or does not fit. */
static void encode(const uint8_t *bytes, size_t length, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
}

static bool decode(struct leat_text text, uint8_t *out, size_t room, size_t *length)
{
    uint8_t bytes[256];
    int size;

    if (text.length == 0 || text.length % 4 != 0 || text.length / 4 * 3 > sizeof(bytes))
        return false;
    size = EVP_DecodeBlock(bytes, (const unsigned char *)text.data, (int)text.length);
    for (size_t i = 1; i <= 2 && size > 0 && text.data[text.length - i] == '='; i++)
        size--;
    if (size < 0 || (size_t)size > room)
        return false;
    memcpy(out, bytes, (size_t)size);
    *length = (size_t)size;
    return true;
}

/* --- users --- */

/* Cuts the text up to `end`, and takes it out of *rest. */
static bool cut(struct leat_text *rest, char end, struct leat_text *out)
{
    const char *at = memchr(rest->data, end, rest->length);

    if (!at)
        return false;
    *out = (struct leat_text){rest->data, (size_t)(at - rest->data)};
    rest->data = at + 1;
    rest->length -= out->length + 1;
    return true;
}

static bool read_line(struct leat_text line, struct postgres_verifier *out)
{
    struct leat_text name, method, iterations, salt, stored;
    size_t length;

    if (!cut(&line, ':', &name) || !cut(&line, '$', &method) || !cut(&line, ':', &iterations) ||
        !cut(&line, '$', &salt) || !cut(&line, ':', &stored) || name.length == 0 ||
        name.length >= sizeof(out->name) || iterations.length == 0 || iterations.length > 7 ||
        !leat_text_equal(method, leat_text_of("SCRAM-SHA-256")))
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out->name, name.data, name.length);
    for (size_t i = 0; i < iterations.length; i++) {
        if (iterations.data[i] < '0' || iterations.data[i] > '9')
            return false;
        out->iterations = out->iterations * 10 + (unsigned)(iterations.data[i] - '0');
    }
    return out->iterations > 0 && decode(salt, out->salt, sizeof(out->salt), &out->salt_length) &&
           decode(stored, out->stored_key, KEY, &length) && length == KEY &&
           decode(line, out->server_key, KEY, &length) && length == KEY;
}

static enum leat_status read_users(const char *path, struct leat_text text,
                                   struct postgres_users *out, struct leat_error *err)
{
    struct leat_text line;
    uint64_t number = 0;
    size_t lines = 1;

    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    out->items = leat_calloc(lines, sizeof(*out->items));
    if (!out->items)
        return leat_error_memory(err);
    while (text.length > 0) {
        number++;
        if (!cut(&text, '\n', &line)) {
            line = text;
            text.length = 0;
        }
        while (line.length > 0 && strchr(" \t\r", line.data[line.length - 1]))
            line.length--;
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (!read_line(line, &out->items[out->count++])) {
            (void)leat_error_set(err, LEAT_E_USERS, "%s: this line names no user", path);
            leat_error_at(err, path, number, 1, 0);
            leat_error_hint(err, "`leat serve --add-user NAME` writes such a line");
            return LEAT_INVALID;
        }
    }
    if (out->count > 0)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_USERS, "%s names no user", path);
    leat_error_hint(err, "`leat serve --add-user NAME >>%s` adds one", path);
    return LEAT_INVALID;
}

enum leat_status postgres_users_read(const char *path, struct postgres_users *out,
                                     struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    if (RAND_bytes(out->secret, sizeof(out->secret)) != 1)
        return leat_error_internal(err, "no random bytes");
    leat_buffer_init(&text, 16 << 20);
    status = leat_file_read_all(path, &text, err);
    if (status == LEAT_OK)
        status =
            read_users(path, (struct leat_text){(const char *)text.data, text.length}, out, err);
    leat_buffer_release(&text);
    if (status != LEAT_OK)
        postgres_users_release(out);
    return status;
}

void postgres_users_release(struct postgres_users *users)
{
    leat_free(users->items);
    users->items = NULL;
    users->count = 0;
}

/* The keys of a password: SaltedPassword, ClientKey, StoredKey, ServerKey. */
static bool derive(const char *password, struct postgres_verifier *user)
{
    uint8_t salted[KEY], client[KEY];
    bool good =
        PKCS5_PBKDF2_HMAC(password, (int)strlen(password), user->salt, (int)user->salt_length,
                          (int)user->iterations, EVP_sha256(), KEY, salted) == 1 &&
        hmac(salted, KEY, "Client Key", 10, client) && sha256(client, KEY, user->stored_key) &&
        hmac(salted, KEY, "Server Key", 10, user->server_key);

    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client, sizeof(client));
    return good;
}

enum leat_status postgres_user_line(const char *name, const char *password, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct postgres_verifier user = {.iterations = ITERATIONS, .salt_length = SALT};
    char salt[32], stored[64], server[64];

    if (!name[0] || strlen(name) >= sizeof(user.name) || strpbrk(name, ":\n\r#"))
        return leat_error_set(err, LEAT_E_USERS, "\"%s\" cannot be the name of a user", name);
    if (!password[0])
        return leat_error_set(err, LEAT_E_USERS, "a password must not be empty");
    if (RAND_bytes(user.salt, SALT) != 1 || !derive(password, &user))
        return leat_error_internal(err, "the password's keys could not be made");
    encode(user.salt, SALT, salt);
    encode(user.stored_key, KEY, stored);
    encode(user.server_key, KEY, server);
    return leat_buffer_printf(out, err, "%s:SCRAM-SHA-256$%d:%s$%s:%s\n", name, ITERATIONS, salt,
                              stored, server);
}

/* --- the exchange --- */

struct exchange {
    struct postgres_stream *stream;
    struct postgres_verifier user;
    bool known;
    struct leat_buffer said; /* client-first-bare "," server-first "," client-final-bare */
    char nonce[256];         /* both halves */
    char binding[8];         /* the client's header, as it must come again */
};

static enum leat_status send_request(struct postgres_stream *stream, int kind, const void *bytes,
                                     size_t length, struct leat_error *err)
{
    LEAT_TRY(postgres_begin(stream, 'R', err));
    LEAT_TRY(postgres_put_i32(&stream->out, kind, err));
    LEAT_TRY(leat_buffer_append(&stream->out, bytes, length, err));
    return postgres_end(stream, err);
}

static enum leat_status take_answer(struct postgres_stream *stream, struct leat_cursor *body,
                                    struct leat_error *err)
{
    char type;

    LEAT_TRY(postgres_flush(stream, err));
    LEAT_TRY(postgres_take_message(stream, MAXIMUM_MESSAGE, &type, body, err));
    return type == 'p' ? LEAT_OK
                       : leat_error_set(err, LEAT_E_MESSAGE,
                                        "a password was asked for, and the "
                                        "client sent something else");
}

/* An attribute "X=value" up to the next comma. */
static bool attribute(struct leat_text *rest, char name, struct leat_text *out)
{
    if (!cut(rest, ',', out)) {
        *out = *rest;
        rest->length = 0;
    }
    if (out->length < 2 || out->data[0] != name || out->data[1] != '=')
        return false;
    out->data += 2;
    out->length -= 2;
    return true;
}

static enum leat_status bad_message(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_MESSAGE,
                          "the client's SCRAM message does not follow its "
                          "form");
}

/* n,,n=user,r=nonce: channel binding is not offered, so a client may not ask for it. */
static enum leat_status take_first(struct exchange *x, struct leat_cursor *body,
                                   struct leat_error *err)
{
    struct leat_text mechanism, rest, name, nonce;
    uint8_t random[NONCE];
    int32_t length;

    LEAT_TRY(postgres_get_text(body, &mechanism, err));
    LEAT_TRY(postgres_get_i32(body, &length, err));
    if (!leat_text_equal(mechanism, leat_text_of("SCRAM-SHA-256")) || length < 0)
        return bad_message(err);
    LEAT_TRY(postgres_get_bytes(body, (size_t)length, &rest, err));
    if (rest.length < 3 || (rest.data[0] != 'n' && rest.data[0] != 'y') ||
        memcmp(rest.data + 1, ",,", 2) != 0)
        return bad_message(err);
    encode((const uint8_t *)rest.data, 3, x->binding);
    rest.data += 3;
    rest.length -= 3;
    LEAT_TRY(leat_buffer_append(&x->said, rest.data, rest.length, err));
    if (!attribute(&rest, 'n', &name) || !attribute(&rest, 'r', &nonce) || nonce.length == 0 ||
        nonce.length > 200)
        return bad_message(err);
    if (RAND_bytes(random, sizeof(random)) != 1)
        return leat_error_internal(err, "no random bytes");
    memcpy(x->nonce, nonce.data, nonce.length);
    encode(random, sizeof(random), x->nonce + nonce.length);
    return LEAT_OK;
}

static enum leat_status give_challenge(struct exchange *x, struct leat_error *err)
{
    char text[512], salt[100];
    int length;

    encode(x->user.salt, x->user.salt_length, salt);
    length = snprintf(text, sizeof(text), "r=%s,s=%s,i=%u", x->nonce, salt, x->user.iterations);
    LEAT_TRY(leat_buffer_printf(&x->said, err, ",%s", text));
    return send_request(x->stream, 11, text, (size_t)length, err);
}

/* c=biws,r=nonce,p=proof */
static enum leat_status check_proof(struct exchange *x, struct leat_cursor *body, bool *good,
                                    struct leat_error *err)
{
    struct leat_text rest = {(const char *)body->data, body->length}, binding, nonce, proof;
    uint8_t signature[KEY], key[KEY], hash[KEY];
    size_t bare, length = 0;

    if (!attribute(&rest, 'c', &binding) || !attribute(&rest, 'r', &nonce))
        return bad_message(err);
    bare = (size_t)(nonce.data + nonce.length - (const char *)body->data);
    if (!attribute(&rest, 'p', &proof) || !decode(proof, key, KEY, &length) || length != KEY ||
        !leat_text_equal(binding, leat_text_of(x->binding)) ||
        !leat_text_equal(nonce, leat_text_of(x->nonce)))
        return bad_message(err);
    LEAT_TRY(leat_buffer_append_byte(&x->said, ',', err));
    LEAT_TRY(leat_buffer_append(&x->said, body->data, bare, err));
    if (!hmac(x->user.stored_key, KEY, x->said.data, x->said.length, signature))
        return leat_error_internal(err, "HMAC failed");
    for (int i = 0; i < KEY; i++)
        key[i] ^= signature[i];
    if (!sha256(key, KEY, hash))
        return leat_error_internal(err, "SHA-256 failed");
    *good = CRYPTO_memcmp(hash, x->user.stored_key, KEY) == 0 && x->known;
    OPENSSL_cleanse(key, sizeof(key));
    return LEAT_OK;
}

static enum leat_status give_signature(struct exchange *x, struct leat_error *err)
{
    uint8_t signature[KEY];
    char text[80] = "v=";

    if (!hmac(x->user.server_key, KEY, x->said.data, x->said.length, signature))
        return leat_error_internal(err, "HMAC failed");
    encode(signature, KEY, text + 2);
    return send_request(x->stream, 12, text, strlen(text), err);
}

static enum leat_status converse(struct exchange *x, const char *name, struct leat_error *err)
{
    static const char mechanisms[] = "SCRAM-SHA-256\0";
    struct leat_cursor body;
    bool good = false;

    LEAT_TRY(send_request(x->stream, 10, mechanisms, sizeof(mechanisms), err));
    LEAT_TRY(take_answer(x->stream, &body, err));
    LEAT_TRY(take_first(x, &body, err));
    LEAT_TRY(give_challenge(x, err));
    LEAT_TRY(take_answer(x->stream, &body, err));
    LEAT_TRY(check_proof(x, &body, &good, err));
    if (!good)
        return leat_error_set(err, LEAT_E_PASSWORD,
                              "password authentication failed for user "
                              "\"%.63s\"",
                              name);
    return give_signature(x, err);
}

enum leat_status postgres_authenticate(struct postgres_stream *stream,
                                       const struct postgres_users *users, const char *name,
                                       struct leat_error *err)
{
    struct exchange x = {.stream = stream};
    enum leat_status status;

    for (size_t i = 0; i < users->count && !x.known; i++)
        if (strcmp(users->items[i].name, name) == 0) {
            x.user = users->items[i];
            x.known = true;
        }
    if (!x.known) { /* a salt that is always the same for this name */
        x.user.iterations = ITERATIONS;
        x.user.salt_length = SALT;
        if (!hmac(users->secret, sizeof(users->secret), name, strlen(name), x.user.salt))
            return leat_error_internal(err, "HMAC failed");
    }
    leat_buffer_init(&x.said, 4 * MAXIMUM_MESSAGE);
    status = converse(&x, name, err);
    leat_buffer_release(&x.said);
    return status;
}
