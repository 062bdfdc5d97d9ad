/* Runs the errand with a sieve of so many bits as the argument says, on the OpenCL device the environment
 * leads to and on the CPU. Status 0 where both bring the same; else 1, and on standard output why. For
 * oclgrind. */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/opencl/opencl.h"
#include "errand.h"
#include "home.h"

int main(int argc, char **argv)
{
    static errand_found expected, found;
    const uint32_t sieve_bits = argc > 1 ? (uint32_t)atoi(argv[1]) : 64;
    dg_err err = {0};
    opencl_settle();
    if (errand_run(&dg_backend_cpu, sieve_bits, &expected, &err) ||
        errand_run(&dg_backend_opencl, sieve_bits, &found, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    if (errand_same(&expected, &found)) return 0;
    printf("the results differ\n");
    return 1;
}
