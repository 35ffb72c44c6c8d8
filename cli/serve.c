/* leat serve: a server for clients of PostgreSQL. */
#include "api/postgres/auth.h"
#include "api/postgres/server.h"
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void stop(int signal_number)
{
    (void)signal_number;
    leat_postgres_stop();
}

static void tell_address(void *context, const char *address)
{
    const bool *quiet = context;

    if (!*quiet)
        fprintf(stderr, "Listening on %s. Ctrl-C stops the server.\n", address);
}

static int usage(const char *what, const char *value, const char *hint)
{
    return leat_cli_usage(&leat_command_serve, what, value, hint);
}

/* One line of standard input; on a terminal it is not shown. */
static bool read_password(const char *name, char *out, size_t size)
{
    struct termios before, hidden;
    bool terminal = isatty(0) && tcgetattr(0, &before) == 0, good;

    if (terminal) {
        hidden = before;
        hidden.c_lflag &= (tcflag_t)~ECHO;
        fprintf(stderr, "Password for %s: ", name);
        (void)tcsetattr(0, TCSAFLUSH, &hidden);
    }
    good = fgets(out, (int)size, stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(0, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (good)
        out[strcspn(out, "\r\n")] = '\0';
    return good;
}

static int add_user(const char *name)
{
    struct leat_error error;
    struct leat_buffer line;
    char password[1024];
    int code = LEAT_EXIT_OK;

    if (!read_password(name, password, sizeof(password)))
        return usage("no password came for", name, "it is the first line of standard input");
    leat_buffer_init(&line, 4096);
    if (postgres_user_line(name, password, &line, &error) != LEAT_OK) {
        leat_cli_report(&error, 1, false);
        code = leat_cli_exit(&error);
    } else {
        fwrite(line.data, 1, line.length, stdout);
    }
    explicit_bzero(password, sizeof(password));
    leat_buffer_release(&line);
    return code;
}

static bool read_count(const char *text, unsigned *out)
{
    char *end;
    unsigned long value;

    if (!text)
        return true;
    value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return end != text && *end == '\0' && value >= 1 && value <= 10000;
}

static int run_serve(int argc, char **argv)
{
    const char *address = NULL, *user = NULL, *threads = NULL, *memory = NULL,
               *session_memory = NULL, *connections = NULL, *dialect = NULL, *files = NULL;
    char *folder = NULL;
    int code = LEAT_EXIT_OK;
    struct leat_postgres_options o = {0};
    bool quiet = false;
    const struct leat_cli_option options[] = {{"--postgres", &address, NULL},
                                              {"--lake", &o.session.lake, NULL},
                                              {"--catalog", &o.session.catalog, NULL},
                                              {"--schema", &o.session.schema, NULL},
                                              {"--create-lake", NULL, &o.session.create_lake},
                                              {"--files", &files, NULL},
                                              {"--users", &o.users, NULL},
                                              {"--add-user", &user, NULL},
                                              {"--tls-certificate", &o.tls_certificate, NULL},
                                              {"--tls-key", &o.tls_key, NULL},
                                              {"--threads", &threads, NULL},
                                              {"--memory", &memory, NULL},
                                              {"--session-memory", &session_memory, NULL},
                                              {"--connections", &connections, NULL},
                                              {"--dialect", &dialect, NULL},
                                              {"-q", NULL, &quiet},
                                              {"--quiet", NULL, &quiet}};
    const struct sigaction on_stop = {.sa_handler = stop};
    struct leat_error error;

    if (!leat_cli_parse(&leat_command_serve, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    if (argc > 0)
        return usage("unexpected argument", argv[0], "write --postgres HOST:PORT");
    if (user)
        return add_user(user);
    if (!address)
        return usage("an address is missing:", "--postgres", "write --postgres 127.0.0.1:5432");
    if (!leat_cli_threads(threads, &o.session.threads))
        return usage("not a number of threads", threads, "a number from 1 to 1024");
    if (memory && !leat_cli_size(memory, &o.session.memory))
        return usage("not a size", memory, "for example 256MB or 2GB");
    if (session_memory && !leat_cli_size(session_memory, &o.session_memory))
        return usage("not a size", session_memory, "for example 256MB or 2GB");
    if (!read_count(connections, &o.connections))
        return usage("not a number of connections", connections, "a number from 1 to 10000");
    if (dialect && !leat_sql_dialect_find(leat_text_of(dialect), &o.session.dialect))
        return usage("unknown dialect", dialect, "postgres or spark");
    if (files && !(folder = realpath(files, NULL)))
        return usage("no folder", files, "--files names one that is there");
    o.session.folder = folder;
    o.session.confined = true;
    o.address = address;
    o.ready = tell_address;
    o.context = &quiet;
    (void)sigaction(SIGINT, &on_stop, NULL);
    (void)sigaction(SIGTERM, &on_stop, NULL);
    if (leat_postgres_serve(&o, &error) != LEAT_OK) {
        leat_cli_report(&error, 1, false);
        code = leat_cli_exit(&error);
    }
    free(folder);
    return code;
}

const struct leat_command leat_command_serve = {
    "serve", "let psql, drivers and tools connect",
    "Serves tables and queries to clients of PostgreSQL: psql, JDBC, psycopg, node.\n\n"
    "  leat serve --postgres 127.0.0.1:5432 --lake lake\n"
    "  psql -h 127.0.0.1 -p 5432 -c '\\dt'           (from another terminal)\n"
    "  leat serve --add-user ann >>users.txt        (asks for a password)\n"
    "  leat serve --postgres 0.0.0.0:5432 --lake lake --users users.txt --tls-certificate "
    "server.pem --tls-key server.key\n\n"
    "Options:\n"
    "  --postgres HOST:PORT  where clients connect; port 0: a free one\n"
    "  --lake DIR            the lake whose tables are seen and written; s3://... or hdfs://... "
    "too\n"
    "  --catalog NAME        where that lake's catalog is kept: sqlite:PATH, "
    "postgresql://USER@HOST/DB\n"
    "  --create-lake         make that lake if it is not there\n"
    "  --schema NAME         the lake's schema for names without one (default main)\n"
    "  --files DIR           clients may name files below DIR: read_csv, FROM 'x.parquet', COPY; "
    "default: none\n"
    "  --users FILE          who may connect: lines of --add-user, or verifiers of pg_authid. "
    "Without it\n"
    "                        everyone may, and only from this machine\n"
    "  --add-user NAME       write the line of a user to standard output, and end\n"
    "  --tls-certificate FILE, --tls-key FILE\n"
    "                        PEM files; clients of other machines must use TLS then\n"
    "  --connections N       so many at once (default 100)\n"
    "  --threads N           threads of each statement (default: all cores)\n"
    "  --memory SIZE         limit of all sessions together, for example 4GB (default: three "
    "quarters "
    "of the machine's)\n"
    "  --session-memory SIZE limit of each\n"
    "  --dialect NAME        postgres (default) or spark: of the SQL text\n"
    "  -q, --quiet           do not tell the address\n\n"
    "Without a lake tables are kept in memory, shared by all sessions, until the server stops.",
    run_serve};
