/* How a worker goes wrong on demand, for tests on any host: the words come inside the fragment,
 * since nobody can set the environment of a task in a cluster. */
#include "compute/hosts/worker_fault.h"
#include "base/fault.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BLOCK = 16 << 20 };

/* One of the `count` marks is made by this call: as often the fault happens, on whatever machine.
 */
static bool take_mark(const char *path, unsigned count)
{
    char name[4200];

    for (unsigned i = 0; i < count; i++) {
        int mark;
        snprintf(name, sizeof(name), "%s.%u", path, i);
        mark = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (mark >= 0)
            return close(mark) == 0;
    }
    return false;
}

static void use_memory(void)
{
    for (;;) {
        char *block = malloc(BLOCK);
        if (!block)
            (void)!raise(SIGABRT);
        memset(block, 1, BLOCK);
    }
}

static void happen(const char *kind, int out)
{
    static const char nonsense[] = "Segmentation fault (core dumped)\n";

    if (strcmp(kind, "segv") == 0)
        (void)!raise(SIGSEGV);
    else if (strcmp(kind, "abort") == 0)
        (void)!raise(SIGABRT);
    else if (strcmp(kind, "exit") == 0)
        _exit(3);
    else if (strcmp(kind, "memory") == 0)
        use_memory();
    else if (strcmp(kind, "garbage") == 0)
        (void)!write(out, nonsense, sizeof(nonsense));
    else if (strcmp(kind, "disk") == 0)
        leat_fault_file_arm(1, true, ENOSPC);
    else if (strcmp(kind, "slow") == 0)
        sleep(20);
    for (volatile unsigned spin = 0; strcmp(kind, "loop") == 0; spin++)
        ;
}

void leat_worker_fault(const char *words, bool late, int out)
{
    char kind[32] = "", when[8] = "";
    unsigned count = 1;
    const char *path = strchr(words, ':');

    if (!path || (sscanf(words, "%31[a-z]*%u@%7[a-z]", kind, &count, when) < 2 &&
                  sscanf(words, "%31[a-z]@%7[a-z]", kind, when) < 1))
        return;
    if (late == (strcmp(when, "late") == 0) && take_mark(path + 1, count))
        happen(kind, out);
}

void leat_worker_limit_memory(uint64_t bytes)
{
    enum { SLACK = 256 << 20 }; /* the program, its threads' stacks, buffers of libraries */
    struct rlimit limit = {bytes + bytes / 4 + SLACK, RLIM_INFINITY};

    leat_memory_bound(bytes);
    if (bytes)
        (void)setrlimit(RLIMIT_DATA, &limit);
}
