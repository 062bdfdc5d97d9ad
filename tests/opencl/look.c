/*
 * Says on standard output what the OpenCL backend finds on this machine, a line for each thing: "load: ok" or
 * the error; "device 0: gpu, NAME, VENDOR, DRIVER, CAPABILITY, UNITS, BYTES"; "open 0: ok" or the error. With
 * the argument "fork" in a forked child.
 */
#include "../../kernels/opencl/opencl.h"

#include "../../kernels/opencl/devices.h"
#include "home.h"

#include <sys/wait.h>

static int look(void)
{
    static const char *const kinds[] = {"cpu", "gpu", "accelerator"};
    dg_err err = {0};
    if (dg_opencl_load(&err)) {
        printf("load: %s\n", err.text);
        return 0;
    }
    printf("load: ok\n");
    for (int i = 0; i < dg_opencl_count(); i++) {
        dg_device_info info;
        dg_session *session;
        err = (dg_err){0};
        if (dg_opencl_probe(i, &info, &err))
            printf("device %d: %s\n", i, err.text);
        else
            printf("device %d: %s, %s, %s, %s, %s, %u, %llu\n", i, kinds[info.kind], info.name, info.vendor,
                   info.driver, info.capability, info.units, (unsigned long long)info.memory_total);
        err = (dg_err){0};
        int opened = dg_opencl_driver.open(i, &session, &err) == DG_OK;
        printf("open %d: %s\n", i, opened ? "ok" : err.text);
        dg_opencl_driver.close(session);
    }
    return 0;
}

int main(int argc, char **argv)
{
    opencl_settle();
    if (argc < 2 || strcmp(argv[1], "fork") != 0) return look();
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        look();
        fflush(stdout);
        _exit(0);
    }
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}
