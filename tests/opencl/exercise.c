/* Runs the errand, thoroughly, on the OpenCL device the environment leads to and on the CPU. Status 0 where
 * both bring the same; else 1, and on standard output why. For oclgrind. */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/opencl/opencl.h"
#include "errand.h"
#include "home.h"

static errand_found expected, found;

int main(void)
{
    dg_err err = {0};
    opencl_settle();
    if (errand_run(&dg_backend_cpu, 1, &expected, &err) || errand_run(&dg_backend_opencl, 1, &found, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    if (errand_same(&expected, &found)) return 0;
    printf("the results differ\n");
    return 1;
}
