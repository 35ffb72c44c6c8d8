/* leat explain --where: what a query takes, by estimate, here and on each host. The constants are
 * measured ones of an ordinary machine, rounded: they are to tell seconds from hours, and a start
 * of a cluster's job from the work itself. */
#include "api/c/session.h"
#include "cli/command.h"
#include "orchestration/project.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct host_cost {
    const char *name;
    double start;    /* seconds until the first task runs, with a driver that is not warm */
    double stage;    /* seconds that a stage costs besides its work */
    double exchange; /* bytes a second and task through its shuffle */
    double memory;   /* bytes a task usually has */
};
static const struct host_cost hosts[] = {
    {"local", 0, 0, 4e9, 0},       {"local:processes", 0.02, 0.01, 8e8, 0},
    {"spark", 5, 0.1, 2e8, 2e9},   {"flink", 3, 0.3, 2e8, 2e9},
    {"dask", 1.5, 0.05, 2e8, 2e9}, {"hadoop", 10, 8, 1e8, 1e9},
};
enum { HOSTS = sizeof(hosts) / sizeof(hosts[0]), FIRST_CLUSTER = 2 };
enum { MAX_PLACES = 32, DEFAULT_TASKS = 8 };
static const double READ_RATE = 3e8;  /* bytes of stored data a second and thread */
static const double STEP_TIME = 8e-9; /* seconds a row and operator */

struct where_options {
    const char *sql, *file, *lake, *hosts, *memory;
};
struct place {
    const struct host_cost *host;
    unsigned tasks;
    double memory; /* that a task has */
    double need;   /* bytes in memory, a task */
    double spill;  /* bytes beyond, all tasks */
    double time;
};

static void estimate(struct place *place, const struct leat_plan_work *work)
{
    const struct host_cost *host = place->host;
    bool cut = host->stage > 0 || host->start > 0;
    double tasks = place->tasks;
    double work_time = (work->bytes_read / READ_RATE + work->steps * STEP_TIME) / tasks;

    place->need = cut ? work->memory / tasks : work->memory;
    place->spill =
        place->need > place->memory ? (place->need - place->memory) * (cut ? tasks : 1) : 0;
    place->time = host->start + (cut ? (work->cuts + 1) * host->stage : 0) + work_time;
    if (cut)
        place->time += work->exchanged / host->exchange / tasks;
    place->time += 2 * place->spill / (READ_RATE * tasks); /* written and read again */
}

static void print_size(double bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;

    while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        unit++;
    }
    printf("  %8.*f %-2s", bytes < 10 && unit ? 1 : 0, bytes, units[unit]);
}

static void print_time(double seconds)
{
    if (seconds < 1)
        printf("  %8.0f ms", seconds * 1000);
    else if (seconds < 120)
        printf("  %8.1f s ", seconds);
    else if (seconds < 7200)
        printf("  %8.1f min", seconds / 60);
    else
        printf("  %8.1f h ", seconds / 3600);
}

static void print_places(const struct place *places, unsigned count,
                         const struct leat_plan_work *work)
{
    const struct place *best = &places[0];

    printf("reads %.0f rows,", work->rows_read);
    print_size(work->bytes_read);
    printf("; gives %.0f rows; %u exchanges of", work->rows, work->cuts);
    print_size(work->exchanged);
    printf("\n\n%-18s %5s  %11s  %11s  %11s\n", "where", "tasks", "memory/task", "spill", "time");
    for (unsigned i = 0; i < count; i++) {
        printf("%-18s %5u", places[i].host->name, places[i].tasks);
        print_size(places[i].need);
        print_size(places[i].spill);
        print_time(places[i].time);
        putchar('\n');
        if ((places[i].spill == 0) > (best->spill == 0) ||
            ((places[i].spill == 0) == (best->spill == 0) && places[i].time < best->time))
            best = &places[i];
    }
    printf("\nRun it %s%s", best == &places[0] ? "here" : "with --on ",
           best == &places[0] ? "" : best->host->name);
    if (best == &places[0])
        puts(": nothing is faster by these estimates.");
    else if (places[0].spill > 0)
        puts(": here its tables do not fit into memory.");
    else
        printf(": about %.1f times as fast as here.\n", places[0].time / best->time);
}

static bool add_place(struct place *places, unsigned *count, struct leat_text name, int64_t tasks,
                      double memory)
{
    for (unsigned i = 0; i < HOSTS; i++)
        if (leat_text_equal(name, leat_text_of(hosts[i].name))) {
            places[*count] =
                (struct place){.host = &hosts[i],
                               .tasks = (unsigned)tasks,
                               .memory = hosts[i].memory > 0 ? hosts[i].memory : memory};
            ++*count;
            return true;
        }
    return false;
}

/* NAME=TASKS,NAME=TASKS */
static bool read_hosts(const char *text, struct place *places, unsigned *count, double memory)
{
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        int64_t tasks = 0;
        if (!equals || *count == MAX_PLACES ||
            !leat_parse_int64(equals + 1, (size_t)(text + length - equals - 1), &tasks) ||
            tasks < 1 || tasks > 1000000 ||
            !add_place(places, count, (struct leat_text){text, (size_t)(equals - text)}, tasks,
                       memory))
            return false;
        text += length + (text[length] == ',');
    }
    return true;
}

/* Those of the project that this folder belongs to, if it has any; otherwise one of each kind. */
static void default_hosts(struct place *places, unsigned *count, double memory)
{
    struct leat_project project;
    struct leat_error ignored;

    (void)!leat_project_open(NULL, NULL, &project, &ignored);
    for (uint32_t i = 0; i < project.host_count && *count < MAX_PLACES; i++) {
        const struct leat_project_host *host = &project.hosts[i];
        (void)add_place(places, count, leat_text_of(host->host),
                        host->tasks ? host->tasks : DEFAULT_TASKS, memory);
    }
    if (*count == 1)
        for (unsigned i = FIRST_CLUSTER; i < HOSTS; i++)
            (void)add_place(places, count, leat_text_of(hosts[i].name), DEFAULT_TASKS, memory);
    leat_project_close(&project);
}

static enum leat_status estimate_text(struct leat_session *session, const struct where_options *o,
                                      struct leat_plan_work *work, struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status;

    leat_buffer_init(&text, LEAT_SQL_MAX_TEXT);
    status = o->sql ? leat_buffer_append_string(&text, o->sql, err)
                    : leat_file_read_all(o->file, &text, err);
    if (status == LEAT_OK)
        status =
            leat_session_estimate(session, o->sql ? "" : o->file,
                                  text.data ? (const char *)text.data : "", text.length, work, err);
    leat_buffer_release(&text);
    return status;
}

int leat_cli_where(int argc, char **argv)
{
    struct where_options o = {0};
    const struct leat_cli_option options[] = {
        {"-c", &o.sql, NULL},         {"--command", &o.sql, NULL}, {"-f", &o.file, NULL},
        {"--file", &o.file, NULL},    {"--lake", &o.lake, NULL},   {"--hosts", &o.hosts, NULL},
        {"--memory", &o.memory, NULL}};
    struct leat_session_options session_options = {0};
    struct place places[MAX_PLACES];
    struct leat_session *session;
    struct leat_plan_work work;
    struct leat_error error;
    enum leat_status status;
    unsigned count = 0;
    uint64_t memory = leat_system_memory();

    if (!leat_cli_parse(&leat_command_explain, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    if (o.memory && !leat_cli_size(o.memory, &memory))
        memory = 0;
    (void)add_place(places, &count, leat_text_of("local"), leat_cpu_count(), (double)memory);
    if (!o.hosts)
        default_hosts(places, &count, (double)memory);
    if (argc > 0 || !o.sql == !o.file || memory == 0 ||
        (o.hosts && !read_hosts(o.hosts, places, &count, (double)memory))) {
        (void)leat_error_set(&error, LEAT_E_USAGE,
                             "leat explain --where takes one query, with -c or -f, and --hosts "
                             "NAME=TASKS,NAME=TASKS");
        leat_error_hint(&error, "for example --hosts spark=16,dask=8 --memory 4GB");
        leat_cli_report(&error, 1, false);
        return LEAT_EXIT_USAGE;
    }
    session_options.lake = o.lake;
    status = leat_session_new(&session_options, &session, &error);
    if (status == LEAT_OK) {
        status = estimate_text(session, &o, &work, &error);
        leat_session_free(session);
    }
    if (status != LEAT_OK) {
        leat_cli_report(&error, 1, false);
        return leat_cli_exit(&error);
    }
    for (unsigned i = 0; i < count; i++)
        estimate(&places[i], &work);
    print_places(places, count, &work);
    return LEAT_EXIT_OK;
}
