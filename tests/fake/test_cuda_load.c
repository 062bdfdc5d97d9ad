/*
 * Starting CUDA where it cannot be: without the library, with one that lacks a function, without a device,
 * with one that fails at each of its first calls. The program calls itself with LD_LIBRARY_PATH set,
 * `--start`, and prints what load says; only there the library of tests/fake is in its way.
 */
#include "../../kernels/cuda/cuda.h"
#include "../../kernels/targets.h"
#include "../core/dg_test.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[4096]; /* of this program */

/* What `--start` prints, run with these variables. */
static void start(const char *variables, char *words, size_t size)
{
    char command[10000];
    snprintf(command, sizeof command, "%s '%s/test_cuda_load' --start", variables, folder);
    FILE *program = popen(command, "r");
    assert_non_null(program);
    size_t length = fread(words, 1, size - 1, program);
    words[length] = '\0';
    assert_int_equal(pclose(program), 0);
}

/* As start, with the library in `place` under tests/fake and one variable more. */
static void start_with(const char *place, const char *variable, char *words, size_t size)
{
    char variables[5000];
    snprintf(variables, sizeof variables, "LD_LIBRARY_PATH='%s/fake/%s' %s", folder, place, variable);
    start(variables, words, size);
}

static void has_image(void)
{
    if (strcmp(dg_cuda_targets(), "none") == 0) skip();
}

static void says_that_it_was_not_built_in(void **state)
{
    (void)state;
    char words[500];
    if (strcmp(dg_cuda_targets(), "none") != 0) skip();
    start_with("", "", words, sizeof words);
    assert_non_null(strstr(words, "cuda: built without CUDA kernels"));
}

static void says_what_the_loader_says(void **state)
{
    (void)state;
    char words[500];
    has_image();
    start("LD_LIBRARY_PATH=", words, sizeof words);
    if (strncmp(words, "0 ", 2) == 0) skip(); /* a machine with a GPU */
    assert_non_null(strstr(words, "cuda: libcuda.so.1: cannot open shared object file"));
}

static void names_what_an_old_driver_lacks(void **state)
{
    (void)state;
    char words[500];
    has_image();
    start_with("old", "", words, sizeof words);
    assert_string_equal(words,
                        "4 cuda: libcuda.so.1 has no cuDevicePrimaryCtxRelease_v2: the NVIDIA driver is "
                        "too old\n");
}

static void starts(void **state)
{
    (void)state;
    char words[500];
    has_image();
    start_with("", "FAKE_CUDA_DEVICES=3", words, sizeof words);
    assert_string_equal(words, "0 3 devices\n");
}

static void says_what_the_driver_says(void **state)
{
    (void)state;
    static const char *const calls[] = {"cuInit", "cuDriverGetVersion", "cuDeviceGetCount"};
    char words[500], fault[100], expected[200];
    has_image();
    start_with("", "FAKE_CUDA_DEVICES=0", words, sizeof words);
    assert_string_equal(words,
                        "4 cuda: cuInit: CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected\n");
    for (size_t n = 0; n < 3; n++) {
        snprintf(fault, sizeof fault, "FAKE_CUDA_FAIL=%zu:999", n + 1);
        snprintf(expected, sizeof expected, "4 cuda: %s: CUDA_ERROR_UNKNOWN (999): unknown error\n",
                 calls[n]);
        start_with("", fault, words, sizeof words);
        assert_string_equal(words, expected);
    }
    start_with("", "FAKE_CUDA_FAIL=1:12345", words, sizeof words);
    assert_non_null(strstr(words, "cuda: cuInit: an error this driver has no name for (12345)"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(says_that_it_was_not_built_in),  cmocka_unit_test(says_what_the_loader_says),
    cmocka_unit_test(names_what_an_old_driver_lacks), cmocka_unit_test(starts),
    cmocka_unit_test(says_what_the_driver_says),
};

/* Twice: the verdict stays. */
static int print_verdict(void)
{
    dg_err first = {DG_OK, ""}, err = {DG_OK, ""};
    dg_backend_cuda.load(&first);
    dg_backend_cuda.load(&err);
    if (err.code != first.code || strcmp(err.text, first.text) != 0) return 1;
    printf("%d ", err.code);
    if (err.code)
        puts(err.text);
    else
        printf("%d devices\n", dg_backend_cuda.count());
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--start") == 0) return print_verdict();
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length < 0) return 1;
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
