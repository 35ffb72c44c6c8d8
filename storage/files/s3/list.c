/* Listings, page by page, and what is made of them: a path's kind. Keys are asked for
 * percent-encoded, since XML cannot hold all characters. */
#include "storage/files/s3/s3_internal.h"
#include "storage/files/s3/xml.h"

#include <stdlib.h>

struct page {
    struct leat_arena arena; /* of this page */
    struct leat_file_info item;
    const char *root; /* "s3://bucket/" as the caller wrote it */
    bool encoded;
    bool truncated;
    const char *next;
    size_t count;
    leat_file_take take;
    void *context;
};

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void decode(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0) {
            *to++ = (char)(hex_value(text[1]) * 16 + hex_value(text[2]));
            text += 2;
        } else {
            *to++ = *text == '+' ? ' ' : *text;
        }
    }
    *to = '\0';
}

static enum leat_status set_path(struct page *page, const char *key, struct leat_error *err)
{
    char *path = leat_arena_printf(&page->arena, "%s%s", page->root, key);

    if (!path)
        return leat_error_memory(err);
    if (page->encoded)
        decode(path + strlen(page->root));
    page->item.path = path;
    return LEAT_OK;
}

static enum leat_status give(struct page *page, struct leat_error *err)
{
    struct leat_file_info item = page->item;
    char *path = (char *)item.path;
    size_t length = path ? strlen(path) : 0;

    memset(&page->item, 0, sizeof(page->item));
    page->count++;
    if (!path || length <= strlen(page->root))
        return LEAT_OK;
    if (item.kind == LEAT_FILE_FOLDER && path[length - 1] == '/')
        path[length - 1] = '\0';
    else if (path[length - 1] == '/') /* what some tools put where a folder should be */
        return LEAT_OK;
    return page->take ? page->take(page->context, &item, err) : LEAT_OK;
}

static enum leat_status take_element(void *context, const struct s3_xml_event *event,
                                     struct leat_error *err)
{
    struct page *page = context;

    if (strcmp(event->parent, "Contents") == 0) {
        page->item.kind = LEAT_FILE_REGULAR;
        if (strcmp(event->name, "Key") == 0)
            return set_path(page, event->text, err);
        if (strcmp(event->name, "Size") == 0)
            page->item.size = strtoull(event->text, NULL, 10);
        if (strcmp(event->name, "LastModified") == 0)
            page->item.modified = s3_time_parse(event->text);
        return LEAT_OK;
    }
    if (strcmp(event->parent, "CommonPrefixes") == 0 && strcmp(event->name, "Prefix") == 0) {
        page->item.kind = LEAT_FILE_FOLDER;
        return set_path(page, event->text, err);
    }
    if (strcmp(event->name, "Contents") == 0 || strcmp(event->name, "CommonPrefixes") == 0)
        return give(page, err);
    return LEAT_OK;
}

static enum leat_status read_page(struct page *page, const struct leat_http_answer *answer,
                                  struct leat_error *err)
{
    const char *text = (const char *)answer->body.data;
    struct s3_xml_field fields[] = {
        {"EncodingType", NULL}, {"IsTruncated", NULL}, {"NextContinuationToken", NULL}};

    LEAT_TRY(s3_xml_fields(text, answer->body.length, fields, 3, &page->arena, err));
    page->encoded = fields[0].value && strcmp(fields[0].value, "url") == 0;
    page->truncated = fields[1].value && strcmp(fields[1].value, "true") == 0;
    page->next = fields[2].value;
    if (page->truncated && (!page->next || !page->next[0]))
        return leat_error_set(err, LEAT_E_HTTP,
                              "%s: a listing has more pages, but no mark to go on", page->root);
    return s3_xml_read(text, answer->body.length, take_element, page, err);
}

/* All pages of the keys with this prefix; `only_first`: one key is enough. */
static enum leat_status list_keys(struct page *page, const char *bucket, const char *prefix,
                                  bool recursive, bool only_first, struct leat_error *err)
{
    struct leat_http_answer answer;
    enum leat_status status;
    char *next = NULL;

    leat_http_answer_init(&answer, 0);
    do {
        struct s3_pair query[6] = {
            {"list-type", "2"}, {"prefix", prefix}, {"encoding-type", "url"}};
        struct s3_call call = {.action = "list",
                               .method = "GET",
                               .bucket = bucket,
                               .key = "",
                               .query = query,
                               .query_count = 3};
        if (!recursive)
            query[call.query_count++] = (struct s3_pair){"delimiter", "/"};
        if (next)
            query[call.query_count++] = (struct s3_pair){"continuation-token", next};
        if (only_first)
            query[call.query_count++] = (struct s3_pair){"max-keys", "1"};
        leat_arena_reset(&page->arena);
        status = s3_call_run(&call, &answer, err);
        if (status == LEAT_OK && answer.status != 200)
            status = s3_call_error(&call, &answer, err);
        if (status == LEAT_OK)
            status = read_page(page, &answer, err);
        leat_free(next);
        next = status == LEAT_OK && page->truncated ? leat_strdup(page->next) : NULL;
        if (status == LEAT_OK && page->truncated && !next)
            status = leat_error_memory(err);
    } while (next && !only_first);
    leat_free(next);
    leat_http_answer_release(&answer);
    return status;
}

/* "s3://bucket/" with the scheme that the caller wrote. */
static const char *root_of(const char *path, struct leat_arena *arena)
{
    struct leat_uri uri;

    if (!leat_uri_split(path, &uri))
        return NULL;
    return leat_arena_printf(arena, "%.*s/",
                             (int)(uri.authority.data + uri.authority.length - path), path);
}

enum leat_status s3_list(const struct leat_file_listing *listing, leat_file_take take,
                         void *context, struct leat_error *err)
{
    struct page page = {.take = take, .context = context};
    const char *bucket, *key, *prefix;
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    leat_arena_init(&page.arena, NULL);
    status = s3_path_split(listing->folder, &arena, &bucket, &key, err);
    if (status == LEAT_OK) {
        size_t length = strlen(key);
        page.root = root_of(listing->folder, &arena);
        prefix =
            leat_arena_printf(&arena, "%s%s%s", key, length && key[length - 1] != '/' ? "/" : "",
                              listing->prefix ? listing->prefix : "");
        status = page.root && prefix
                     ? list_keys(&page, bucket, prefix, listing->recursive, false, err)
                     : leat_error_memory(err);
    }
    leat_arena_release(&page.arena);
    leat_arena_release(&arena);
    return status;
}

/* Answers to HEAD have no text: the same question is asked once more, with one. That it is answered
 * now is no error: expired credentials are only known from the text, and renewed then. */
static enum leat_status head_error(const char *bucket, const char *key, struct leat_error *err)
{
    struct s3_pair range[] = {{"range", "bytes=0-0"}};
    struct s3_call call = {.action = "look at",
                           .method = "GET",
                           .bucket = bucket,
                           .key = key,
                           .headers = range,
                           .header_count = 1};
    struct leat_http_answer answer;
    enum leat_status status;

    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK && answer.status != 200 && answer.status != 206 && answer.status != 404 &&
        answer.status != 416)
        status = s3_call_error(&call, &answer, err);
    leat_http_answer_release(&answer);
    return status;
}

/* `last`: that it is refused is an error, whatever the reason. */
static enum leat_status head_object(const struct s3_call *call, bool last, bool *refused,
                                    struct leat_file_info *out, struct leat_error *err)
{
    struct leat_http_answer answer;
    enum leat_status status;

    leat_http_answer_init(&answer, 0);
    status = s3_call_run(call, &answer, err);
    *refused = status == LEAT_OK && answer.status != 200 && answer.status != 404;
    if (status == LEAT_OK && answer.status == 200) {
        const char *size = answer.headers[S3_CONTENT_LENGTH];
        const char *modified = answer.headers[S3_LAST_MODIFIED];
        out->kind = LEAT_FILE_REGULAR;
        out->size = size ? strtoull(size, NULL, 10) : 0;
        out->modified = modified ? leat_http_date(modified) : 0;
    } else if (*refused && last) {
        status = s3_call_error(call, &answer, err);
    }
    leat_http_answer_release(&answer);
    return status;
}

static enum leat_status stat_object(const char *bucket, const char *key, struct leat_file_info *out,
                                    struct leat_error *err)
{
    struct s3_call call = {.action = "look at", .method = "HEAD", .bucket = bucket, .key = key};
    bool refused;

    LEAT_TRY(head_object(&call, false, &refused, out, err));
    if (!refused)
        return LEAT_OK;
    LEAT_TRY(head_error(bucket, key, err));
    return head_object(&call, true, &refused, out, err);
}

/* A folder is there if a key lies below it; the root of a bucket if the bucket is. */
static enum leat_status stat_folder(const char *path, const char *bucket, const char *key,
                                    struct leat_arena *arena, struct leat_file_info *out,
                                    struct leat_error *err)
{
    size_t length = strlen(key);
    const char *prefix =
        leat_arena_printf(arena, "%s%s", key, length && key[length - 1] != '/' ? "/" : "");
    struct page page = {.root = root_of(path, arena)};
    enum leat_status status;

    if (!prefix || !page.root)
        return leat_error_memory(err);
    leat_arena_init(&page.arena, NULL);
    status = list_keys(&page, bucket, prefix, true, true, err);
    leat_arena_release(&page.arena);
    if (status == LEAT_OK && (page.count || !length))
        out->kind = LEAT_FILE_FOLDER;
    return status;
}

enum leat_status s3_stat(const char *path, struct leat_file_info *out, struct leat_error *err)
{
    const char *bucket, *key;
    struct leat_arena arena;
    enum leat_status status;

    *out = (struct leat_file_info){.path = path};
    leat_arena_init(&arena, NULL);
    status = s3_path_split(path, &arena, &bucket, &key, err);
    if (status == LEAT_OK && key[0] && key[strlen(key) - 1] != '/')
        status = stat_object(bucket, key, out, err);
    if (status == LEAT_OK && out->kind == LEAT_FILE_NONE)
        status = stat_folder(path, bucket, key, &arena, out, err);
    leat_arena_release(&arena);
    return status;
}
