/* leat worker: the child process of a run with --on, and of a cluster's task. Standard output
 * belongs to the frames: whatever else would be printed there goes to standard error. */
#include "cli/command.h"
#include "base/fault.h"
#include "compute/hosts/worker.h"
#include "orchestration/expectations.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Ends the process when its parent is gone: the other end of standard input is then closed,
 * whatever the parent died of, and also while a fragment is being run. */
static void *watch_parent(void *context)
{
    struct pollfd input = {.fd = 0};

    while (poll(&input, 1, -1) < 0 || !(input.revents & (POLLHUP | POLLERR)))
        ;
    _exit(LEAT_EXIT_FAILED);
    return context;
}

static int run_worker(int argc, char **argv)
{
    struct leat_worker_options options = {
        .in = 0, .sink_kinds = &leat_expectation_sink_kind, .sink_kind_count = 1};
    struct leat_error error;
    pthread_t watcher;

    if (!leat_cli_parse(&leat_command_worker, NULL, 0, &argc, argv))
        return LEAT_EXIT_USAGE;
    options.out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    if (isatty(1) || options.out < 0 || dup2(2, 1) < 0) {
        (void)leat_error_set(&error, LEAT_E_USAGE,
                             "leat worker speaks with a program, not with you");
        leat_error_hint(&error, "it is started by leat query --on and leat run --on");
        leat_cli_report(&error, 1, false);
        return LEAT_EXIT_USAGE;
    }
    if (getenv("LEAT_FAULT_WORKER_KILL"))
        leat_fault_kill_arm(strtoull(getenv("LEAT_FAULT_WORKER_KILL"), NULL, 10));
    if (pthread_create(&watcher, NULL, watch_parent, NULL) == 0)
        pthread_detach(watcher);
    if (leat_worker_run(&options, &error) == LEAT_OK)
        return LEAT_EXIT_OK;
    leat_log(LEAT_LOG_ERROR, "worker", "%s", error.message);
    return LEAT_EXIT_FAILED;
}

const struct leat_command leat_command_worker = {
    "worker", "run parts of a query for another process",
    "Reads fragments of a query from standard input and answers on standard output, in frames\n"
    "(compute/hosts/frame.h). Started by `leat query --on` and `leat run --on`, and by a "
    "cluster's\n"
    "tasks; it ends with its parent or when its input ends.\n\n"
    "  leat query --on local:processes -c \"SELECT count(*) FROM 'flights.csv'\"\n\n"
    "Messages go to standard error, more of them with LEAT_LOG=info.",
    run_worker};
