/* The cache of OpenCL programs: when it is used, what it refuses to read, and that it never is in the way. */
#define _GNU_SOURCE /* nftw */
#include "../core/dg_test.h"

#include "../../kernels/opencl/cache.h"
#include "../../kernels/opencl/devices.h"
#include "../../kernels/opencl/opencl.h"
#include "home.h"
#include "proxy.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

/* Each test has a folder of its own, and an environment in which nothing names a cache. */
enum { ROOT = PATH_MAX + 32, PATH = ROOT + PATH_MAX };
static char root[ROOT];

enum origin { SOURCE, CACHE };

/* Opens the device and closes it. Tells where the program came from. */
static enum origin open_once(void)
{
    unsigned long source = dg_proxy_calls_of("clCreateProgramWithSource");
    dg_session *s;
    dg_err err = {0};
    if (dg_opencl_driver.open(0, &s, &err)) fail_msg("%s", err.text);
    dg_opencl_driver.close(s);
    assert_string_equal(dg_proxy_ledger(), "");
    return dg_proxy_calls_of("clCreateProgramWithSource") > source ? SOURCE : CACHE;
}

static const char *in_root(const char *name)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

/* The one file in a folder; fails where there is another number of files. */
static const char *only_file(const char *folder)
{
    static char path[PATH + PATH_MAX];
    int files = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *e; (e = readdir(open));)
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            files++;
        }
    closedir(open);
    assert_int_equal(files, 1);
    return path;
}

static unsigned permissions(const char *path)
{
    struct stat is;
    assert_int_equal(stat(path, &is), 0);
    return is.st_mode & 0777;
}

static void first_from_source_then_from_the_cache(void **state)
{
    (void)state;
    setenv("DUPGPU_CACHE", in_root("cache"), 1);
    assert_int_equal(open_once(), SOURCE);
    assert_int_equal(permissions(in_root("cache")), 0700);
    assert_int_equal(permissions(only_file(in_root("cache"))), 0600);
    for (int i = 0; i < 3; i++) assert_int_equal(open_once(), CACHE);
}

static void where_it_is(void **state)
{
    (void)state;
    setenv("HOME", root, 1);
    assert_int_equal(open_once(), SOURCE);
    only_file(in_root(".cache/dupgpu"));
    assert_int_equal(permissions(in_root(".cache")), 0700);
    assert_int_equal(open_once(), CACHE);

    setenv("XDG_CACHE_HOME", in_root("xdg"), 1);
    assert_int_equal(open_once(), SOURCE);
    only_file(in_root("xdg/dupgpu"));
    assert_int_equal(open_once(), CACHE);

    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says the XDG specification */
    assert_int_equal(open_once(), CACHE);
    assert_int_not_equal(access("relative", F_OK), 0);

    setenv("DUPGPU_CACHE", "", 1);
    assert_int_equal(open_once(), CACHE);
    setenv("DUPGPU_CACHE", "0", 1);
    for (int i = 0; i < 2; i++) assert_int_equal(open_once(), SOURCE);
    assert_int_not_equal(access("0", F_OK), 0);
}

static void no_place_for_it(void **state)
{
    (void)state;
    static char long_path[PATH_MAX + 100];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    close(open(in_root("file"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_once(), SOURCE); /* no HOME */
    const char *nowhere[] = {in_root("file"), "/proc/none/of/this", long_path, "/dev/null"};
    for (int i = 0; i < 4; i++) {
        setenv("DUPGPU_CACHE", nowhere[i], 1);
        for (int again = 0; again < 2; again++) assert_int_equal(open_once(), SOURCE);
    }
    unsetenv("DUPGPU_CACHE");
    setenv("HOME", long_path, 1);
    assert_int_equal(open_once(), SOURCE);
    setenv("HOME", "/dev/null", 1);
    assert_int_equal(open_once(), SOURCE);
}

typedef struct content {
    size_t bytes;
    unsigned char *data;
} content;

static content read_file(const char *path)
{
    struct stat is;
    content c;
    assert_int_equal(stat(path, &is), 0);
    c.bytes = (size_t)is.st_size;
    c.data = malloc(c.bytes + 1);
    assert_non_null(c.data);
    int file = open(path, O_RDONLY);
    assert_int_equal(read(file, c.data, c.bytes), c.bytes);
    close(file);
    return c;
}

static void write_file(const char *path, const void *data, size_t bytes)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, data, bytes), bytes);
    close(file);
}

/* A file that is no good is not read, and the build from source puts a good one in its place. */
static void expect_replaced(const char *path)
{
    assert_int_equal(open_once(), SOURCE);
    only_file(in_root("cache"));
    assert_int_equal(permissions(path), 0600);
    assert_int_equal(open_once(), CACHE);
}

static void damaged_files(void **state)
{
    (void)state;
    enum { HEADER = 32 };
    char path[PATH + PATH_MAX];
    setenv("DUPGPU_CACHE", in_root("cache"), 1);
    assert_int_equal(open_once(), SOURCE);
    snprintf(path, sizeof path, "%s", only_file(in_root("cache")));
    content good = read_file(path);

    const size_t lengths[] = {0, 1, HEADER - 1, HEADER, HEADER + 1, good.bytes - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i += DG_TEST_STRIDE) {
        write_file(path, good.data, lengths[i]);
        expect_replaced(path);
    }
    good.data[good.bytes] = 7;
    write_file(path, good.data, good.bytes + 1);
    expect_replaced(path);

    /* A bit of each field of the header, and of the binary's first, middle and last byte. */
    const size_t places[] = {0, 7, 8, 15, 16, 23, 24, 31, HEADER, good.bytes / 2, good.bytes - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i += DG_TEST_STRIDE) {
        good.data[places[i]] ^= 0x10;
        write_file(path, good.data, good.bytes);
        expect_replaced(path);
        good.data[places[i]] ^= 0x10;
    }

    /* What is in a file that fits, but the driver cannot use it. */
    char rubbish[1000] = "not a program";
    dg_opencl_cache_key key;
    memcpy(&key.build, good.data + 8, sizeof key.build);
    assert_int_equal(sscanf(strrchr(path, '-'), "-%lx", &key.device), 1);
    dg_opencl_cache_write(&key, rubbish, sizeof rubbish);
    expect_replaced(path);
    free(good.data);
}

static void files_of_others(void **state)
{
    (void)state;
    char path[PATH + PATH_MAX], aside[PATH];
    setenv("DUPGPU_CACHE", in_root("cache"), 1);
    assert_int_equal(open_once(), SOURCE);
    snprintf(path, sizeof path, "%s", only_file(in_root("cache")));
    snprintf(aside, sizeof aside, "%s", in_root("aside"));

    assert_int_equal(chmod(path, 0660), 0); /* the group could have written it */
    expect_replaced(path);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 1, -1), 0);
        expect_replaced(path);
    }
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    expect_replaced(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_replaced(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(open_once(), SOURCE);
    only_file(in_root("cache")); /* nothing left beside */
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "%s/cache-XXXXXX", opencl_home());
    unsetenv("DUPGPU_CACHE");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *is, int flag, struct FTW *where)
{
    (void)is, (void)flag, (void)where;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int start(void **state)
{
    (void)state;
    dg_err err = {0};
    if (dg_proxy("gpu=1") || dg_opencl_load(&err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
static const struct CMUnitTest tests[] = {TEST(first_from_source_then_from_the_cache), TEST(where_it_is),
                                          TEST(no_place_for_it), TEST(damaged_files), TEST(files_of_others)};

int main(int argc, char **argv)
{
    opencl_settle();
    int status = dg_test_select(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, start, NULL);
}
