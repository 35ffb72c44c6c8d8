/* Errors as people read them (message, place, the line with a caret, hint) and as JSON lines for
 * programs. */
#include "formats/json_tree.h"
#include "cli/command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

/* Columns that a text takes on a terminal: one a code point is near enough for a caret. */
static size_t characters(const char *text, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length && text[i]; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static void print_excerpt(const struct leat_error *error, const char *colour, const char *plain)
{
    char number[24];
    int width = snprintf(number, sizeof(number), "%" PRIu64, error->place.line);
    size_t column = error->place.column ? error->place.column - 1 : 0;
    size_t carets = error->place.length ? error->place.length : 1;
    size_t room = characters(error->excerpt, strlen(error->excerpt));

    if (carets > 1 && column + carets > room)
        carets = room > column ? room - column : 1;
    fprintf(stderr, " %*s |\n %s | %s\n %*s | ", width, "", number, error->excerpt, width, "");
    for (size_t i = 0, c = 0; c < column; i++) {
        char here = i < strlen(error->excerpt) ? error->excerpt[i] : ' ';
        if (((unsigned char)here & 0xc0) == 0x80)
            continue;
        fputc(here == '\t' ? '\t' : ' ', stderr);
        c++;
    }
    fputs(colour, stderr);
    for (size_t i = 0; i < carets; i++)
        fputc('^', stderr);
    fprintf(stderr, "%s\n", plain);
}

static void print_error(const struct leat_error *error)
{
    bool colours = leat_cli_colour();
    const char *red = colours ? "\033[1;31m" : "", *bold = colours ? "\033[1m" : "";
    const char *plain = colours ? "\033[0m" : "";

    fprintf(stderr, "%serror[L%04d]%s: %s%s%s\n", red, error->code, plain, bold, error->message,
            plain);
    if (error->place.line > 0)
        fprintf(stderr, "  --> %s:%" PRIu64 ":%" PRIu64 "\n",
                error->place.source[0] ? error->place.source : "query", error->place.line,
                error->place.column);
    else if (error->place.offset > 0 && error->place.source[0])
        fprintf(stderr, "  --> %s, byte %" PRIu64 "\n", error->place.source, error->place.offset);
    else if (error->place.source[0] && !strstr(error->message, error->place.source))
        fprintf(stderr, "  --> %s\n", error->place.source);
    if (error->excerpt[0] && error->place.line > 0)
        print_excerpt(error, red, plain);
    if (error->hint[0])
        fprintf(stderr, "   = hint: %s\n", error->hint);
    fprintf(stderr, "   = explain: leat explain L%04d\n", error->code);
}

static void print_json(const struct leat_error *error)
{
    json_t *json;
    char *text = NULL;
    struct leat_error ignored;

    leat_json_tree_init();
    json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "code", "", "sqlstate",
                     error->sqlstate, "message", error->message, "hint", error->hint, "source",
                     error->place.source, "line", (json_int_t)error->place.line, "column",
                     (json_int_t)error->place.column, "offset", (json_int_t)error->place.offset,
                     "length", (json_int_t)error->place.length);
    if (json && json_object_set_new(json, "code", json_sprintf("L%04d", error->code)) == 0)
        if (leat_json_tree_dump(json, JSON_COMPACT, &text, &ignored) != LEAT_OK)
            text = NULL;
    fprintf(stderr, "%s\n", text ? text : "{\"code\":\"L0001\",\"message\":\"out of memory\"}");
    leat_free(text);
    json_decref(json);
}

void leat_cli_report(const struct leat_error *errors, uint32_t count, bool json)
{
    for (uint32_t i = 0; i < count; i++) {
        if (json) {
            print_json(&errors[i]);
            continue;
        }
        if (i > 0)
            fputc('\n', stderr);
        print_error(&errors[i]);
    }
}
