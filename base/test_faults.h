/*
 * Runs a unit test suite, then each of its tests again with calls failing: the 1st, 2nd, 3rd, ...
 * allocation, and the 1st, 2nd, ... file call. Included by test programs only, behind cmocka.h.
 *
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(thing__does_this), ...};
 *         return LEAT_RUN_TESTS(tests);
 *     }
 *
 * That is all a suite needs. Failing calls happen in child processes: a test may then fail as it
 * likes, since what it expects no longer holds, but must not crash, be stopped by a sanitizer, or
 * fail without a call having failed. (Leaks are not seen there, as a failed test leaves what it
 * holds: where failures are part of a contract, a test of its own loops over them. Such tests have
 * "every_fail" in their names and are not run again.)
 *
 * The suite runs in an empty folder of its own, removed at the end: tests name files without a
 * folder, "data_XXXXXX".
 *
 * A suite takes about two seconds for this: where that is not enough for every n of a long test,
 * the first ones are tried and then others, evenly spread. LEAT_TEST_FAULTS=all in the environment
 * tries every n, LEAT_TEST_FAULTS=none none. A crash is told with the line to repeat it in a
 * debugger: LEAT_TEST_FAULT=test_name:alloc:17 (or file) runs that test alone, in this process.
 */
#ifndef LEAT_BASE_TEST_FAULTS_H
#define LEAT_BASE_TEST_FAULTS_H

#include "base/fault.h"
#include "base/file.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAT_RUN_TESTS(tests) leat_run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

#define TEST_FAULT_BUDGET  2000000000 /* nanoseconds a suite */
#define TEST_FAULT_FIRST   64u        /* calls that fail in turn before others are spread */
#define TEST_FAULT_A_CHILD 50u        /* failed tests leave things behind */

enum test_fault_kind { TEST_FAULT_ALLOC, TEST_FAULT_FILE, TEST_FAULT_KINDS };
static const char *const test_fault_names[] = {"alloc", "file"};

/* What a child tells its parent, in shared memory. */
struct test_fault_report {
    uint64_t n; /* the call that fails at the moment */
    uint64_t counts[TEST_FAULT_KINDS];
    int64_t nanoseconds;
    bool failed_unprovoked;
};

static inline void test_fault_arm(enum test_fault_kind kind, uint64_t n)
{
    leat_fault_alloc_arm(kind == TEST_FAULT_ALLOC ? n : 0, false);
    leat_fault_file_arm(kind == TEST_FAULT_FILE ? n : 0, false, n % 2 ? EIO : ENOSPC);
}

/* In a child: the test with every `step`th call from `from` to `to` failing. */
static inline void test_fault_child(const struct CMUnitTest *test, enum test_fault_kind kind,
                                    uint64_t from, uint64_t to, uint64_t step,
                                    struct test_fault_report *report)
{
    for (uint64_t n = from; n <= to; n += step) {
        int64_t start = leat_clock_monotonic();
        report->n = n;
        test_fault_arm(kind, n);
        int failures = _cmocka_run_group_tests(test->name, test, 1, NULL, NULL);
        bool fired = leat_fault_alloc_fired() || leat_fault_file_fired();
        report->nanoseconds = leat_clock_monotonic() - start;
        report->counts[TEST_FAULT_ALLOC] = leat_fault_alloc_count();
        report->counts[TEST_FAULT_FILE] = leat_fault_file_count();
        if (failures && !fired && n > 0)
            report->failed_unprovoked = true;
    }
}

/* Runs a child over a range; false if it came to a bad end. */
static inline bool test_fault_fork(const struct CMUnitTest *test, enum test_fault_kind kind,
                                   uint64_t from, uint64_t to, uint64_t step,
                                   struct test_fault_report *report)
{
    int status = 0;
    report->failed_unprovoked = false;
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) {
            dup2(nowhere, 1);
            dup2(nowhere, 2);
        }
        test_fault_child(test, kind, from, to, step, report);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
    else if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        printf("ended with status %d\n", WEXITSTATUS(status));
    else if (report->failed_unprovoked)
        printf("failed without a call having failed\n");
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && !report->failed_unprovoked;
}

/* All failing calls of one kind in one test. Returns how many came to a bad end; adds to *runs. */
static inline int test_fault_sweep(const struct CMUnitTest *test, enum test_fault_kind kind,
                                   uint64_t last, uint64_t most, struct test_fault_report *report,
                                   uint64_t *runs)
{
    uint64_t first = last < TEST_FAULT_FIRST ? last : TEST_FAULT_FIRST, step = 1;
    int bad = 0;
    if (first > most)
        first = most;
    if (last > most)
        step = (last - first) / (most - first + 1) + 1;
    for (uint64_t n = 1; n <= last && bad < 3;) {
        uint64_t by = n <= first ? 1 : step;
        uint64_t to = n + by * (TEST_FAULT_A_CHILD - 1);
        if (n <= first && to > first)
            to = first;
        if (to > last)
            to = last;
        *runs += (to - n) / by + 1;
        if (!test_fault_fork(test, kind, n, to, by, report)) {
            printf("[  FAILED  ] %s\n  LEAT_TEST_FAULT=%s:%s:%llu repeats it\n", test->name,
                   test->name, test_fault_names[kind], (unsigned long long)report->n);
            bad++;
            to = report->n;
        }
        n = to + (to < first ? 1 : by);
    }
    return bad;
}

static inline int test_fault_all(const struct CMUnitTest *tests, size_t count, bool every)
{
    struct test_fault_report *report =
        mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t runs = 0;
    int bad = 0;
    if (report == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < count; i++) {
        if (strstr(tests[i].name, "every_fail"))
            continue;
        if (!test_fault_fork(&tests[i], TEST_FAULT_ALLOC, 0, 0, 1, report)) {
            printf("[  FAILED  ] %s\n  in a child process\n", tests[i].name);
            bad++;
            continue;
        }
        int64_t share = TEST_FAULT_BUDGET / (int64_t)count / TEST_FAULT_KINDS;
        uint64_t most = (uint64_t)(share / (report->nanoseconds + 20000)) + 8;
        uint64_t counts[TEST_FAULT_KINDS] = {report->counts[0], report->counts[1]};
        for (int kind = 0; kind < TEST_FAULT_KINDS; kind++)
            bad += test_fault_sweep(&tests[i], kind, counts[kind], every ? UINT64_MAX : most,
                                    report, &runs);
    }
    printf("%llu runs with a failing call, %d bad\n", (unsigned long long)runs, bad);
    munmap(report, sizeof(*report));
    return bad;
}

/* LEAT_TEST_FAULT=name:kind:n */
static inline int test_fault_one(const struct CMUnitTest *tests, size_t count, const char *wanted)
{
    const char *kind = strchr(wanted, ':'), *n = strrchr(wanted, ':');
    for (size_t i = 0; kind && i < count; i++)
        if (strlen(tests[i].name) == (size_t)(kind - wanted) &&
            memcmp(tests[i].name, wanted, (size_t)(kind - wanted)) == 0) {
            test_fault_arm(strncmp(kind, ":file", 5) == 0 ? TEST_FAULT_FILE : TEST_FAULT_ALLOC,
                           strtoull(n + 1, NULL, 10));
            return _cmocka_run_group_tests(wanted, &tests[i], 1, NULL, NULL);
        }
    fprintf(stderr, "no test %s\n", wanted);
    return 1;
}

static inline int leat_run_tests(const struct CMUnitTest *tests, size_t count)
{
    const char *faults = getenv("LEAT_TEST_FAULTS"), *one = getenv("LEAT_TEST_FAULT");
    char folder[] = "/tmp/leat_tests_XXXXXX";
    int failures;
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        perror(folder);
        return 1;
    }
    if (one)
        failures = test_fault_one(tests, count, one);
    else
        failures = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
    if (!one && failures == 0 && !(faults && strcmp(faults, "none") == 0))
        failures = test_fault_all(tests, count, faults && strcmp(faults, "all") == 0);
    test_fault_arm(TEST_FAULT_ALLOC, 0);
    if (chdir("/") != 0 || leat_folder_remove_all(folder, NULL) != LEAT_OK)
        fprintf(stderr, "%s is left\n", folder);
    return failures;
}

#endif
