/* The commands of `leat`, and what they share: options, exit codes, errors shown to people and
 * programs. */
#ifndef LEAT_CLI_COMMAND_H
#define LEAT_CLI_COMMAND_H

#include "api/c/session.h"
#include "cli/progress.h"

enum leat_exit {
    LEAT_EXIT_OK = 0,
    LEAT_EXIT_FAILED = 1,  /* a run, test or expectation failed */
    LEAT_EXIT_USAGE = 2,   /* command line, configuration or SQL */
    LEAT_EXIT_DIFFERS = 3, /* differences were found */
    LEAT_EXIT_DENIED = 4,
    LEAT_EXIT_INTERRUPTED = 130
};

struct leat_command {
    const char *name;
    const char *summary;
    const char *help; /* examples first */
    /* argv[0] is the command's name. Returns an exit code. */
    int (*run)(int argc, char **argv);
};
extern const struct leat_command leat_command_query, leat_command_explain, leat_command_version,
    leat_command_check, leat_command_run, leat_command_test, leat_command_quarantine,
    leat_command_verify, leat_command_init, leat_command_worker, leat_command_serve;

/* An option of a command: long name, with a value or without. */
struct leat_cli_option {
    const char *name;   /* "--format" */
    const char **value; /* takes a value */
    bool *flag;         /* or is set to true */
};
/* Reads options (--name value, --name=value, short -c as "-c") and leaves the other arguments in
 * argv[0..*argc). Unknown ones are reported with a proposal. False: the caller returns
 * LEAT_EXIT_USAGE. */
bool leat_cli_parse(const struct leat_command *command, const struct leat_cli_option *options,
                    size_t count, int *argc, char **argv);

/* Tells what is wrong with the command line: "leat COMMAND: WHAT "VALUE"", and the hint. Gives
 * LEAT_EXIT_USAGE. */
int leat_cli_usage(const struct leat_command *command, const char *what, const char *value,
                   const char *hint);

/* True if standard error is a terminal that takes colours. */
bool leat_cli_colour(void);
/* Shows errors on standard error: for people, or one JSON object a line if `json`. */
void leat_cli_report(const struct leat_error *errors, uint32_t count, bool json);
/* The exit code that belongs to an error. */
int leat_cli_exit(const struct leat_error *error);
/* A size such as 256MB, 1.5GB, 100000; false if it is none. */
bool leat_cli_size(const char *text, uint64_t *out);
/* 1 to 1024; *out is unchanged if there is no text. */
bool leat_cli_threads(const char *text, unsigned *out);

/* Writes result rows on standard output. */
enum leat_cli_format {
    LEAT_CLI_TABLE,
    LEAT_CLI_CSV,
    LEAT_CLI_JSON,
    LEAT_CLI_NDJSON,
    LEAT_CLI_MARKDOWN
};
struct leat_cli_output {
    struct leat_session_output base;
    enum leat_cli_format format;
    bool quiet;          /* no tags of statements without rows */
    bool expanded;       /* \x: a line a column */
    bool many;           /* several results: empty lines between tables */
    bool timing;         /* a JSON line a statement on standard error: its number, rows and time */
    uint32_t statements; /* ended so far */
    int64_t ended;       /* when the last one did, or the present one was read */
    struct leat_rows rows; /* TABLE and MARKDOWN need widths first */
    struct leat_schema schema;
    struct leat_buffer text;
    uint64_t given;
    bool begun;
    bool truncated;
    struct leat_cli_progress *progress; /* hidden while output is shown; or NULL */
};
void leat_cli_output_init(struct leat_cli_output *output, enum leat_cli_format format);
void leat_cli_output_release(struct leat_cli_output *output);
/* False if there is no such format. */
bool leat_cli_format_parse(const char *name, enum leat_cli_format *out);

/* Ctrl-C cancels the statement of this session, until NULL is given. */
void leat_cli_running(struct leat_session *session);
/* True once after a Ctrl-C that found nothing running. */
bool leat_cli_take_interrupt(void);

/* leat explain --where (cli/where.c). */
int leat_cli_where(int argc, char **argv);

/* The prompt (cli/prompt.c). */
int leat_cli_prompt(struct leat_session *session, struct leat_cli_output *output, bool json_errors);
/* Lines of standard input like those of the prompt, without editing: for programs. Gives the code
 * of the last statement that failed. */
int leat_cli_lines(struct leat_session *session, struct leat_cli_output *output, bool json_errors);

#endif
