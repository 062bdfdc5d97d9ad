/*
 * The frame of every C test program in tests/core: cmocka's headers in the order they need, and main().
 *
 * Without an argument a program runs all its tests; `--list` prints their names, one a line; any other single
 * argument is the name of the one test to run (cmocka's * and ? wildcards allowed). The exit status is 0 when
 * everything that ran passed, 2 when the argument matches no test.
 *
 *     static const struct CMUnitTest tests[] = {cmocka_unit_test(adds), cmocka_unit_test(subtracts)};
 *     DG_TEST_MAIN(tests)
 */
#ifndef DG_TEST_H
#define DG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fnmatch.h>

#include <cmocka.h>

/* The step of sweeps that fail one call or allocation after the other: under sanitizers, where a run takes
 * ten times as long, every third; the plain build tries them all. */
#ifdef __SANITIZE_ADDRESS__
enum { DG_TEST_STRIDE = 3 };
#else
enum { DG_TEST_STRIDE = 1 };
#endif

/* Obeys the command line. Returns -1 when the selected tests are to be run now, else the exit status. */
static inline int dg_test_select(const struct CMUnitTest *tests, size_t count, int argc, char **argv)
{
    if (argc < 2) return -1;
    if (argc > 2) {
        fprintf(stderr, "usage: %s [--list | test]\n", argv[0]);
        return 2;
    }
    int list = strcmp(argv[1], "--list") == 0, matches = 0;
    for (size_t i = 0; i < count; i++) {
        if (list)
            puts(tests[i].name);
        else if (fnmatch(argv[1], tests[i].name, 0) == 0)
            matches++;
    }
    if (list) return 0;
    if (matches == 0) {
        fprintf(stderr, "%s: no test is called %s; --list shows them\n", argv[0], argv[1]);
        return 2;
    }
    cmocka_set_test_filter(argv[1]);
    return -1;
}

#define DG_TEST_MAIN(tests)                                                                                  \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        int status = dg_test_select(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv);                  \
        return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);                             \
    }

#endif
