/* Elements by expat, which refuses documents that would grow beyond measure. Entities other than
 * XML's own are not defined, since there is no document type. */
#include "storage/files/s3/xml.h"

#include <expat.h>
#include <stdio.h>
#include <time.h>

enum { MAX_DEPTH = 32, MAX_TEXT = 1 << 20 };

struct reading {
    XML_Parser parser;
    s3_xml_take take;
    void *context;
    struct leat_error *err;
    enum leat_status failed;
    struct leat_arena arena;
    const char *names[MAX_DEPTH + 1]; /* of the open elements; names[0] is "" */
    unsigned depth;
    struct leat_buffer text;
};

static void stop(struct reading *r, enum leat_status status)
{
    r->failed = status;
    XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const char *name, const char **attributes)
{
    struct reading *r = context;
    const char *colon = strrchr(name, ':');

    (void)attributes;
    if (r->failed != LEAT_OK)
        return;
    if (r->depth == MAX_DEPTH) {
        stop(r, leat_error_set(r->err, LEAT_E_HTTP, "the answer nests deeper than %d", MAX_DEPTH));
        return;
    }
    r->names[++r->depth] = leat_arena_strdup(&r->arena, colon ? colon + 1 : name);
    if (!r->names[r->depth])
        stop(r, leat_error_memory(r->err));
    r->text.length = 0;
}

static void XMLCALL on_text(void *context, const char *text, int length)
{
    struct reading *r = context;
    enum leat_status status = r->failed;

    if (status == LEAT_OK)
        status = leat_buffer_append(&r->text, text, (size_t)length, r->err);
    if (status != r->failed)
        stop(r, status);
}

static void XMLCALL on_end(void *context, const char *name)
{
    struct reading *r = context;
    struct s3_xml_event event;
    enum leat_status status;

    (void)name;
    if (r->failed != LEAT_OK) /* stopped at the start of an empty element: its end comes still */
        return;
    event = (struct s3_xml_event){r->names[r->depth - 1], r->names[r->depth], NULL};
    status = leat_buffer_append_byte(&r->text, 0, r->err);
    event.text = (char *)r->text.data;
    if (status == LEAT_OK)
        status = r->take(r->context, &event, r->err);
    r->text.length = 0;
    r->depth--;
    if (status != LEAT_OK)
        stop(r, status);
}

/* No document types: entities could grow or name files. */
static void XMLCALL on_doctype(void *context, const char *name, const char *system,
                               const char *public_id, int has_subset)
{
    struct reading *r = context;

    (void)name;
    (void)system;
    (void)public_id;
    (void)has_subset;
    stop(r, leat_error_set(r->err, LEAT_E_HTTP, "the answer has a document type"));
}

enum leat_status s3_xml_read(const char *text, size_t length, s3_xml_take take, void *context,
                             struct leat_error *err)
{
    struct reading r = {.take = take, .context = context, .err = err, .names = {""}};
    enum XML_Status done = XML_STATUS_OK;

    r.parser = XML_ParserCreate(NULL);
    if (!r.parser)
        return leat_error_memory(err);
    leat_arena_init(&r.arena, NULL);
    leat_buffer_init(&r.text, MAX_TEXT);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    for (size_t at = 0; done == XML_STATUS_OK && at <= length;) {
        size_t piece = length - at > (1 << 20) ? 1 << 20 : length - at;
        done = XML_Parse(r.parser, text + at, (int)piece, at + piece == length);
        at += piece + (at + piece == length);
    }
    if (r.failed == LEAT_OK && done != XML_STATUS_OK)
        r.failed = XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY
                       ? leat_error_memory(err)
                       : leat_error_set(err, LEAT_E_HTTP, "the answer is no XML: line %llu: %s",
                                        (unsigned long long)XML_GetCurrentLineNumber(r.parser),
                                        XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    leat_arena_release(&r.arena);
    leat_buffer_release(&r.text);
    return r.failed;
}

struct fields {
    struct s3_xml_field *items;
    size_t count;
    struct leat_arena *arena;
};

static enum leat_status take_field(void *context, const struct s3_xml_event *event,
                                   struct leat_error *err)
{
    struct fields *fields = context;

    for (size_t i = 0; i < fields->count; i++) {
        struct s3_xml_field *field = &fields->items[i];
        if (field->value || strcmp(field->name, event->name) != 0)
            continue;
        field->value = leat_arena_strdup(fields->arena, event->text);
        if (!field->value)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

enum leat_status s3_xml_fields(const char *text, size_t length, struct s3_xml_field *fields,
                               size_t count, struct leat_arena *arena, struct leat_error *err)
{
    struct fields wanted = {fields, count, arena};

    for (size_t i = 0; i < count; i++)
        fields[i].value = NULL;
    return s3_xml_read(text, length, take_field, &wanted, err);
}

enum leat_status s3_xml_escape(struct leat_buffer *out, const char *text, struct leat_error *err)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c < 0x20)
            LEAT_TRY(leat_buffer_printf(out, err, "&#%u;", c));
        else
            LEAT_TRY(leat_buffer_append_byte(out, c, err));
    }
    return LEAT_OK;
}

int64_t s3_time_parse(const char *text)
{
    struct tm parts = {0};
    int used = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
               &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6 ||
        used != 19)
        return 0;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return (int64_t)timegm(&parts) * 1000000;
}
