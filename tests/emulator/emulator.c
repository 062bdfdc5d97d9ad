#include "emulator.h"

#include "../../kernels/device/kernels.c"

#include <string.h>

#define MEMORY_1 memory[0]
#define MEMORY_2 MEMORY_1, memory[1]
#define MEMORY_3 MEMORY_2, memory[2]
#define MEMORY_4 MEMORY_3, memory[3]
#define MEMORY_5 MEMORY_4, memory[4]
#define MEMORY_6 MEMORY_5, memory[5]
#define MEMORY_7 MEMORY_6, memory[6]
#define MEMORY_8 MEMORY_7, memory[7]
#define MEMORY_9 MEMORY_8, memory[8]
#define MEMORY_10 MEMORY_9, memory[9]
#define MEMORY_11 MEMORY_10, memory[10]
#define MEMORY_12 MEMORY_11, memory[11]
#define MEMORY_13 MEMORY_12, memory[12]
#define MEMORY_14 MEMORY_13, memory[13]

#define X(name, buffers, type)                                                                               \
    static void run_##name(uint32_t group, void *const *memory, const void *arguments)                       \
    {                                                                                                        \
        type by_value;                                                                                       \
        memcpy(&by_value, arguments, sizeof by_value);                                                       \
        dg_kernel_##name(group, MEMORY_##buffers, by_value);                                                 \
    }
DG_KERNEL_LIST(X)
#undef X

static void (*const run[DG_KERNELS])(uint32_t group, void *const *memory, const void *arguments) = {
#define X(name, buffers, type) run_##name,
    DG_KERNEL_LIST(X)
#undef X
};

void dg_emulate(enum dg_kernel kernel, uint32_t groups, void *const *memory, const void *arguments)
{
    static _Thread_local uint32_t launches;
    static const uint32_t orders[4] = {0, 255, 0x55, 0x80};
    dg_lane_order = orders[launches++ % 4];
    for (uint32_t i = 0; i < groups; i++)
        run[kernel](dg_lane_order & 1 ? groups - 1 - i : i, memory, arguments);
}

int dg_emulator_find(const char *name)
{
    for (int i = 0; i < DG_KERNELS; i++)
        if (strcmp(name, dg_kernels[i].name) == 0) return i;
    return -1;
}
