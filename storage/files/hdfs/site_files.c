/* Reads <configuration><property><name>..</name><value>..</value></property>..</configuration> with
 * expat. Only the text of <name> and <value> at that depth is kept; everything else (descriptions,
 * sources, inclusions) is passed over. */
#include "storage/files/hdfs/site_files.h"
#include "base/file.h"

#include <expat.h>

enum {
    FILE_MAXIMUM = 16 << 20,
    TEXT_MAXIMUM = 64 << 10, /* of a name or value */
    DEPTH_PROPERTY = 2,      /* configuration/property */
    DEPTH_TEXT = 3
};

void leat_site_files_init(struct leat_site_files *files)
{
    memset(files, 0, sizeof(*files));
    leat_arena_init(&files->arena, NULL);
}

void leat_site_files_release(struct leat_site_files *files)
{
    leat_arena_release(&files->arena);
    leat_free(files->items);
    memset(files, 0, sizeof(*files));
}

const char *leat_site_files_get(const struct leat_site_files *files, const char *name)
{
    for (size_t i = files->count; i > 0; i--)
        if (strcmp(files->items[i - 1].name, name) == 0)
            return files->items[i - 1].value;
    return NULL;
}

struct site_parser {
    XML_Parser xml;
    struct leat_site_files *files;
    const char *file;
    struct leat_error *err;
    enum leat_status failed;
    unsigned depth;
    struct leat_buffer texts[2]; /* of <name> and <value> of this property */
    bool seen[2];
    struct leat_buffer *reading; /* one of them, or NULL */
};

static void parser_fail(struct site_parser *parser, enum leat_status status)
{
    parser->failed = status;
    XML_StopParser(parser->xml, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    static const char *const names[2] = {"name", "value"};
    struct site_parser *parser = context;

    (void)attributes;
    parser->depth++;
    parser->reading = NULL;
    if (parser->depth == DEPTH_PROPERTY)
        parser->seen[0] = parser->seen[1] = false;
    if (parser->depth != DEPTH_TEXT)
        return;
    for (int i = 0; i < 2; i++)
        if (strcmp(name, names[i]) == 0) {
            parser->reading = &parser->texts[i];
            parser->reading->length = 0;
            parser->seen[i] = true;
        }
}

static void XMLCALL on_text(void *context, const XML_Char *text, int length)
{
    struct site_parser *parser = context;

    if (!parser->reading || parser->failed != LEAT_OK)
        return;
    enum leat_status status =
        leat_buffer_append(parser->reading, text, (size_t)length, parser->err);
    if (status != LEAT_OK)
        parser_fail(parser, status);
}

/* The text without white space around it. */
static const char *trimmed(struct leat_arena *arena, const struct leat_buffer *text)
{
    const char *start = (const char *)text->data, *end = start + text->length;

    while (start < end && strchr(" \t\r\n", *start))
        start++;
    while (end > start && strchr(" \t\r\n", end[-1]))
        end--;
    return leat_arena_copy(arena, start ? start : "", (size_t)(end - start));
}

static enum leat_status add_property(struct site_parser *parser)
{
    struct leat_site_files *files = parser->files;

    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 64;
        struct leat_site_property *items = leat_realloc(files->items, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(parser->err);
        files->items = items;
        files->capacity = capacity;
    }
    struct leat_site_property *item = &files->items[files->count];
    item->name = trimmed(&files->arena, &parser->texts[0]);
    item->value = trimmed(&files->arena, &parser->texts[1]);
    if (!item->name || !item->value)
        return leat_error_memory(parser->err);
    files->count++;
    return LEAT_OK;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct site_parser *parser = context;

    (void)name;
    parser->reading = NULL;
    if (parser->depth-- != DEPTH_PROPERTY || !parser->seen[0] || !parser->seen[1] ||
        parser->failed != LEAT_OK)
        return;
    enum leat_status status = add_property(parser);
    if (status != LEAT_OK)
        parser_fail(parser, status);
}

static enum leat_status wrong(const char *file, unsigned long line, const char *reason,
                              struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_HADOOP_CONFIGURATION, "%s, line %lu: %s", file, line, reason);
    leat_error_hint(err, "HADOOP_CONF_DIR names the folder of Hadoop's client configuration");
    return LEAT_INVALID;
}

static void XMLCALL on_document_type(void *context, const XML_Char *name, const XML_Char *system,
                                     const XML_Char *public_id, int internal)
{
    struct site_parser *parser = context;

    (void)name;
    (void)system;
    (void)public_id;
    (void)internal;
    parser_fail(parser, wrong(parser->file, XML_GetCurrentLineNumber(parser->xml),
                              "a document type is not allowed", parser->err));
}

enum leat_status leat_site_files_add(struct leat_site_files *files, const char *name,
                                     const void *text, size_t length, struct leat_error *err)
{
    static const XML_Memory_Handling_Suite memory = {leat_malloc, leat_realloc, leat_free};
    struct site_parser parser = {.files = files, .file = name, .err = err};
    enum leat_status status = LEAT_OK;

    if (length > FILE_MAXIMUM)
        return leat_error_set(err, LEAT_E_LIMIT, "%s is larger than %d MiB", name,
                              FILE_MAXIMUM >> 20);
    parser.xml = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!parser.xml)
        return leat_error_memory(err);
    leat_buffer_init(&parser.texts[0], TEXT_MAXIMUM);
    leat_buffer_init(&parser.texts[1], TEXT_MAXIMUM);
    XML_SetUserData(parser.xml, &parser);
    XML_SetElementHandler(parser.xml, on_start, on_end);
    XML_SetCharacterDataHandler(parser.xml, on_text);
    XML_SetStartDoctypeDeclHandler(parser.xml, on_document_type);
    if (XML_Parse(parser.xml, text, (int)length, 1) != XML_STATUS_OK) {
        enum XML_Error code = XML_GetErrorCode(parser.xml);
        if (parser.failed != LEAT_OK)
            status = parser.failed;
        else if (code == XML_ERROR_NO_MEMORY)
            status = leat_error_memory(err);
        else
            status = wrong(name, XML_GetCurrentLineNumber(parser.xml), XML_ErrorString(code), err);
    }
    XML_ParserFree(parser.xml);
    leat_buffer_release(&parser.texts[0]);
    leat_buffer_release(&parser.texts[1]);
    return status;
}

enum leat_status leat_site_files_load(struct leat_site_files *files, const char *folder,
                                      struct leat_error *err)
{
    static const char *const names[] = {"core-site.xml", "hdfs-site.xml"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = leat_path_join(&files->arena, folder, names[i]);
        struct leat_file_info info;
        struct leat_buffer text;
        enum leat_status status;

        if (!path)
            return leat_error_memory(err);
        LEAT_TRY(leat_file_stat(path, &info, err));
        if (info.kind == LEAT_FILE_NONE)
            continue;
        leat_buffer_init(&text, FILE_MAXIMUM);
        status = leat_file_read_all(path, &text, err);
        if (status == LEAT_OK)
            status = leat_site_files_add(files, path, text.data, text.length, err);
        leat_buffer_release(&text);
        LEAT_TRY(status);
    }
    return LEAT_OK;
}
