/* Where OpenCL test programs keep what drivers cache: below the build folder they are in. */
#ifndef TEST_OPENCL_HOME_H
#define TEST_OPENCL_HOME_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder build/tests/opencl of this build and of its sanitised sister; ends the process where it fails.
 */
static inline const char *opencl_home(void)
{
    static char home[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", home, sizeof home - 32);
    home[length > 0 ? length : 0] = 0;
    char *tests = strstr(home, "/san/tests/");
    if (!tests) tests = strstr(home, "/tests/");
    if (!tests) {
        fprintf(stderr, "this program is not in BUILD/tests\n");
        exit(3);
    }
    strcpy(tests, "/tests/opencl");
    return home;
}

/* Gives PoCL a cache of its own there, and our programs one, unless the environment says otherwise. Before
 * OpenCL is started. */
static inline void opencl_settle(void)
{
    char folder[PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s/pocl", opencl_home());
    setenv("POCL_CACHE_DIR", folder, 0);
    snprintf(folder, sizeof folder, "%s/programs", opencl_home());
    setenv("DUPGPU_CACHE", folder, 0);
}

#endif
