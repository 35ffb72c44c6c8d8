/* The prompt: lines are edited by libedit, statements end with ';', backslash commands as in psql.
 */
#include "cli/command.h"

#include <errno.h>
#include <editline/readline.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct prompt {
    struct leat_session *session;
    struct leat_cli_output *output;
    struct leat_buffer text; /* the statement so far */
    bool timing;
    bool json_errors;
    bool stop;
    int code; /* of the last statement that failed, or 0 */
};

/* libedit's completion has no context argument, so the session to ask stands here while the prompt
 * runs. */
static struct leat_session *completing;

static char *complete_name(const char *start, int state)
{
    static struct leat_bytes_list names;
    static size_t next, keyword;
    size_t length = strlen(start);
    struct leat_error ignored;
    const char *word;

    if (state == 0) {
        leat_bytes_list_release(&names);
        leat_bytes_list_init(&names);
        next = keyword = 0;
        if (leat_session_names(completing, &names, &ignored) != LEAT_OK)
            return NULL;
    }
    for (; next < names.count; next++)
        if (strncmp(names.items[next].data, start, length) == 0)
            return strdup(names.items[next++].data);
    while ((word = leat_sql_keyword_at(keyword)) != NULL) {
        keyword++;
        if (length > 0 && strncasecmp(word, start, length) == 0)
            return strdup(word);
    }
    return NULL;
}

static char **complete(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    return rl_completion_matches(text, complete_name);
}

static void run_sql(struct prompt *prompt, const char *sql, size_t length)
{
    struct leat_error error, *errors = &error;
    int64_t start = leat_clock_monotonic();
    struct leat_arena arena;
    uint32_t count = 1;

    leat_error_clear(&error);
    leat_arena_init(&arena, NULL);
    prompt->output->ended = start; /* the wait for input is no statement's time */
    leat_cli_running(prompt->session);
    if (leat_session_run(prompt->session, "", sql, length, &prompt->output->base, &arena, &errors,
                         &count, &error) != LEAT_OK) {
        prompt->code = leat_cli_exit(count ? errors : &error);
        leat_cli_report(count ? errors : &error, count ? count : 1, prompt->json_errors);
    }
    leat_cli_running(NULL);
    leat_arena_release(&arena);
    prompt->output->begun = false;
    prompt->output->text.length = 0;
    if (prompt->timing)
        fprintf(stderr, "Time: %.3f ms\n", (double)(leat_clock_monotonic() - start) / 1e6);
}

static void print_commands(void)
{
    fputs("\\d           tables\n\\d NAME      columns of a table\n\\timing      show times\n"
          "\\x           a line a column\n\\q           leave (also Ctrl-D)\n"
          "Statements end with a semicolon; Tab completes names.\n",
          stderr);
}

static void run_command(struct prompt *prompt, const char *line)
{
    char sql[600];

    if (strcmp(line, "\\q") == 0)
        prompt->stop = true;
    else if (strcmp(line, "\\d") == 0 || strcmp(line, "\\dt") == 0)
        run_sql(prompt, "SHOW TABLES", 11);
    else if (strncmp(line, "\\d ", 3) == 0)
        run_sql(prompt, sql, (size_t)snprintf(sql, sizeof(sql), "DESCRIBE %.500s", line + 3));
    else if (strcmp(line, "\\timing") == 0)
        fprintf(stderr, "Timing is %s.\n", (prompt->timing = !prompt->timing) ? "on" : "off");
    else if (strcmp(line, "\\x") == 0)
        fprintf(stderr, "Expanded display is %s.\n",
                (prompt->output->expanded = !prompt->output->expanded) ? "on" : "off");
    else if (strcmp(line, "\\?") == 0 || strcmp(line, "\\h") == 0)
        print_commands();
    else
        fprintf(stderr, "there is no command %.40s; \\? lists them\n", line);
}

static void take_line(struct prompt *prompt, const char *line)
{
    struct leat_error error;

    if (prompt->text.length == 0 && line[0] == '\\') {
        run_command(prompt, line);
        return;
    }
    if (leat_buffer_append_string(&prompt->text, line, &error) != LEAT_OK ||
        leat_buffer_append_byte(&prompt->text, '\n', &error) != LEAT_OK) {
        leat_cli_report(&error, 1, prompt->json_errors);
        prompt->text.length = 0;
        return;
    }
    if (!leat_sql_is_complete((const char *)prompt->text.data, prompt->text.length,
                              leat_session_dialect(prompt->session)))
        return;
    run_sql(prompt, (const char *)prompt->text.data, prompt->text.length);
    prompt->text.length = 0;
}

/* One character of standard input, decoded from UTF-8. Ctrl-C ends the line, which is then dropped:
 * dropped_line tells. */
static bool dropped_line;

static int read_key(FILE *unused)
{
    unsigned char bytes[4];
    size_t have = 0, wanted = 1;

    (void)unused;
    while (have < wanted) {
        ssize_t got = read(0, bytes + have, 1);
        if (got < 0 && errno == EINTR && !leat_cli_take_interrupt())
            continue;
        if (got < 0 && errno == EINTR) {
            dropped_line = true;
            return '\n';
        }
        if (got <= 0)
            return -1;
        if (have++ == 0)
            wanted = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc0 ? 2 : 1;
    }
    if (wanted == 1)
        return bytes[0];
    int point = bytes[0] & (0xff >> (wanted + 1));
    for (size_t i = 1; i < wanted; i++)
        point = point << 6 | (bytes[i] & 0x3f);
    return point;
}

int leat_cli_prompt(struct leat_session *session, struct leat_cli_output *output, bool json_errors)
{
    struct prompt prompt = {.session = session, .output = output, .json_errors = json_errors};
    const char *home = getenv("HOME");
    char history[600] = "", *line;

    /* libedit shows characters by the locale; without one, text is UTF-8 all the same */
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    leat_buffer_init(&prompt.text, LEAT_SQL_MAX_TEXT);
    completing = session;
    rl_attempted_completion_function = complete;
    rl_getc_function = read_key;
    using_history();
    if (home && snprintf(history, sizeof(history), "%.500s/.leat_history", home) > 0)
        read_history(history);
    fputs("leat " LEAT_VERSION ". Statements end with ; and \\? helps.\n", stderr);
    while (!prompt.stop && (line = readline(prompt.text.length ? "   -> " : "leat> ")) != NULL) {
        if (dropped_line) { /* Ctrl-C: what was typed is forgotten, earlier lines too */
            dropped_line = false;
            prompt.text.length = 0;
            fputs("^C\n", stderr);
        } else {
            if (line[0])
                add_history(line);
            take_line(&prompt, line);
        }
        free(line);
    }
    if (history[0])
        write_history(history);
    completing = NULL;
    leat_buffer_release(&prompt.text);
    return LEAT_EXIT_OK;
}

int leat_cli_lines(struct leat_session *session, struct leat_cli_output *output, bool json_errors)
{
    struct prompt prompt = {.session = session, .output = output, .json_errors = json_errors};
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    leat_buffer_init(&prompt.text, LEAT_SQL_MAX_TEXT);
    while (!prompt.stop && (length = getline(&line, &size, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            line[length - 1] = 0;
        take_line(&prompt, line);
    }
    if (!prompt.stop && prompt.text.length > 0)
        run_sql(&prompt, (const char *)prompt.text.data, prompt.text.length);
    free(line);
    leat_buffer_release(&prompt.text);
    return prompt.code;
}
