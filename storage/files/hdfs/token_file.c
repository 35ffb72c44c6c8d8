/* Hadoop's token storage: "HDTS", a version, then, for version 0, a count and the tokens, each an
 * alias and four strings of bytes (identifier, password, kind, service) with Hadoop's variable
 * length integers in front. WebHDFS takes a token as base64url of those four strings as they lie
 * there. */
#include "storage/files/hdfs/clusters.h"

#include <openssl/evp.h>

enum { TOKENS_MAXIMUM = 10000 };

/* WritableUtils.readVInt, for lengths: one byte up to 127, or -112 - n and n bytes. */
static enum leat_status get_length(struct leat_cursor *cursor, size_t *out, struct leat_error *err)
{
    uint8_t byte;
    uint64_t value = 0;

    LEAT_TRY(leat_cursor_get_u8(cursor, &byte, err));
    if (byte < 128) {
        *out = byte;
        return LEAT_OK;
    }
    int count = -112 - (int)(int8_t)byte;
    if (count < 1 || count > 4)
        return leat_error_set(err, LEAT_E_MESSAGE, "a length of another form");
    for (int i = 0; i < count; i++) {
        LEAT_TRY(leat_cursor_get_u8(cursor, &byte, err));
        value = value << 8 | byte;
    }
    *out = (size_t)value;
    return LEAT_OK;
}

static enum leat_status get_bytes(struct leat_cursor *cursor, struct leat_text *out,
                                  struct leat_error *err)
{
    size_t length;

    LEAT_TRY(get_length(cursor, &length, err));
    if (length > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "it is cut short");
    *out = (struct leat_text){(const char *)cursor->data + cursor->position, length};
    cursor->position += length;
    return LEAT_OK;
}

static enum leat_status encode(const uint8_t *bytes, size_t length, struct leat_arena *arena,
                               char **out, struct leat_error *err)
{
    char *text = leat_arena_alloc(arena, length / 3 * 4 + 8);

    if (!text)
        return leat_error_memory(err);
    text[EVP_EncodeBlock((unsigned char *)text, bytes, (int)length)] = '\0';
    text[strcspn(text, "=")] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : (*c == '/' ? '_' : *c);
    *out = text;
    return LEAT_OK;
}

static bool for_hdfs(struct leat_text kind)
{
    static const char *const kinds[] = {"HDFS_DELEGATION_TOKEN", "WEBHDFS delegation",
                                        "SWEBHDFS delegation"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (leat_text_equal(kind, leat_text_of(kinds[i])))
            return true;
    return false;
}

static enum leat_status read_tokens(struct leat_cursor *cursor, struct leat_arena *arena,
                                    char **out, struct leat_error *err)
{
    struct leat_text magic = {(const char *)cursor->data, 4}, part, kind;
    size_t count;

    if (cursor->length < 5 || !leat_text_equal(magic, leat_text_of("HDTS")))
        return leat_error_set(err, LEAT_E_MESSAGE, "it does not begin with HDTS");
    if (cursor->data[4] != 0)
        return leat_error_set(err, LEAT_E_MESSAGE, "its version is %u; 0 is read", cursor->data[4]);
    cursor->position = 5;
    LEAT_TRY(get_length(cursor, &count, err));
    if (count > TOKENS_MAXIMUM)
        return leat_error_set(err, LEAT_E_MESSAGE, "it tells of %zu tokens", count);
    for (size_t i = 0; i < count; i++) {
        LEAT_TRY(get_bytes(cursor, &part, err)); /* alias */
        size_t start = cursor->position;
        LEAT_TRY(get_bytes(cursor, &part, err));
        LEAT_TRY(get_bytes(cursor, &part, err));
        LEAT_TRY(get_bytes(cursor, &kind, err));
        LEAT_TRY(get_bytes(cursor, &part, err));
        if (for_hdfs(kind))
            return encode(cursor->data + start, cursor->position - start, arena, out, err);
    }
    return LEAT_OK;
}

enum leat_status leat_hdfs_token_read(const void *bytes, size_t length, const char *name,
                                      struct leat_arena *arena, char **out, struct leat_error *err)
{
    struct leat_cursor cursor = {.data = bytes, .length = length};
    struct leat_error reason = {0};
    enum leat_status status;

    *out = NULL;
    status = read_tokens(&cursor, arena, out, &reason);
    if (status == LEAT_OK)
        return LEAT_OK;
    if (status == LEAT_NO_MEMORY)
        return leat_error_memory(err);
    (void)leat_error_set(err, LEAT_E_HADOOP_CONFIGURATION, "%s is no file of Hadoop's tokens: %s",
                         name, reason.message);
    leat_error_hint(err, "HADOOP_TOKEN_FILE_LOCATION names it; write one with `hdfs fetchdt FILE`");
    return LEAT_INVALID;
}
