/*
 * The vocabulary device code is written in, so that one text is CUDA C++, OpenCL C 1.2 (after `cc -E -P
 * -DDG_OPENCL`, which leaves no directives for the OpenCL compiler to find files for) and C11 for the host.
 *
 * A kernel is run by groups of DG_GROUP lanes, numbered from 0 in one dimension. It is a sequence of phases:
 *
 *     DG_KERNEL(name, DG_GLOBAL uint32_t *x, const dg_name_arguments a)
 *     {
 *         DG_SHARED(uint32_t, sum, DG_GROUP);
 *         DG_PER_LANE(uint32_t, mine);
 *         DG_LANES(l) { sum[l] = DG_MINE(mine, l) = x[DG_GROUP_NUMBER * DG_GROUP + l]; }
 *         DG_BARRIER
 *         DG_LANES(l) { x[...] = sum[l ^ 1] + DG_MINE(mine, l); }
 *     }
 *
 * On a GPU, DG_LANES says which lane this is; on the host it is a loop over all of them, so lanes may tell
 * each other something only across a DG_BARRIER. What stands between phases is done once for the group on the
 * host and by every lane on a GPU: it must come to the same in all of them, write nothing but its own
 * variables, and read shared memory only between two barriers. No barrier stands in a branch, not even in one
 * that all lanes take: PoCL 3.1 makes wrong code of it. A variable that lives across phases with a
 * value for each lane is declared by DG_PER_LANE; DG_MINE is this lane's. `continue` ends a lane's phase.
 *
 * Only what all three languages have: no 64-bit atomics, no shuffles, no recursion, no pointers to functions;
 * 32 KB of shared memory; pointers say which memory they point to (DG_GLOBAL, DG_LOCAL; none: the lane's
 * own). dg_real is double; in OpenCL C it is a word that the build defines, as float where the device has no
 * doubles, and kernels that use it are then not launched.
 */
#ifndef DG_DEVICE_PRELUDE_H
#define DG_DEVICE_PRELUDE_H

#define DG_PRAGMA(x) _Pragma(#x)

#if defined(DG_OPENCL)

typedef ushort uint16_t;
typedef uint uint32_t;
typedef ulong uint64_t;
typedef uchar uint8_t;
typedef int int32_t;
typedef long int64_t;

#define DG_KERNEL(name, ...)                                                                                 \
    __kernel __attribute__((reqd_work_group_size(DG_GROUP, 1, 1))) void dg_kernel_##name(__VA_ARGS__)
#define DG_INLINE static inline
#define DG_GLOBAL __global
#define DG_LOCAL __local
#define DG_SHARED(type, name, n) __local type name[n]
#define DG_BARRIER barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
#define DG_LANE_NUMBER ((uint32_t)get_local_id(0))
#define DG_GROUP_NUMBER ((uint32_t)get_group_id(0))
#define DG_ATOMIC_ADD(p, x) atomic_add((p), (x))
#define DG_BITS_32(x) ((uint32_t)popcount((uint32_t)(x)))
#define DG_UNROLL(n) DG_PRAGMA(unroll n)

#elif defined(__CUDACC__) || defined(__CUDA__)

#include <stdint.h>

#if defined(__CUDACC__) && !defined(__clang__)
#define DG_KERNEL(name, ...)                                                                                 \
    extern "C" __global__ void __launch_bounds__(DG_GROUP) dg_kernel_##name(__VA_ARGS__)
#define DG_INLINE static __device__ __forceinline__
#define DG_SHARED(type, name, n) __shared__ type name[n]
#define DG_LANE_NUMBER ((uint32_t)threadIdx.x)
#define DG_GROUP_NUMBER ((uint32_t)blockIdx.x)
#define DG_ATOMIC_ADD(p, x) atomicAdd((p), (x))
#define DG_BITS_32(x) ((uint32_t)__popc(x))
#else /* clang without the CUDA toolkit's headers */
#define DG_KERNEL(name, ...)                                                                                 \
    extern "C" __attribute__((global)) void __attribute__((launch_bounds(DG_GROUP)))                         \
    dg_kernel_##name(__VA_ARGS__)
#define DG_INLINE static __attribute__((device, always_inline)) inline
#define DG_SHARED(type, name, n) __attribute__((shared)) type name[n]
#define DG_LANE_NUMBER ((uint32_t)__nvvm_read_ptx_sreg_tid_x())
#define DG_GROUP_NUMBER ((uint32_t)__nvvm_read_ptx_sreg_ctaid_x())
#define DG_ATOMIC_ADD(p, x) ((uint32_t)__nvvm_atom_add_gen_i((int *)(p), (int)(x)))
#define DG_BITS_32(x) ((uint32_t)__builtin_popcount(x))
#endif
typedef double dg_real;
#define DG_GLOBAL
#define DG_LOCAL
#define DG_BARRIER __syncthreads();
#define DG_UNROLL(n) DG_PRAGMA(unroll n)

#else /* the host: a kernel takes the number of its group first */

#include <stdint.h>

typedef double dg_real;
#define DG_HOST
#define DG_KERNEL(name, ...) static void dg_kernel_##name(const uint32_t dg_group, __VA_ARGS__)
#define DG_INLINE static inline __attribute__((unused))
#define DG_GLOBAL
#define DG_LOCAL
/* Shared memory holds rubbish at first, as on a GPU: of one kind or another. */
#define DG_SHARED(type, name, n)                                                                             \
    type name[n];                                                                                            \
    __builtin_memset(name, dg_lane_order & 1 ? 0 : 0xa5, sizeof name)
#define DG_BARRIER
#define DG_LANE_NUMBER 0
#define DG_GROUP_NUMBER dg_group
#define DG_ATOMIC_ADD(p, x) __atomic_fetch_add((p), (x), __ATOMIC_RELAXED)
#define DG_BITS_32(x) ((uint32_t)__builtin_popcount(x))
#define DG_UNROLL(n) DG_PRAGMA(GCC unroll n)

#endif

#if defined(DG_HOST)
/* Lanes are done in an order of the caller's choice: lane i ^ dg_lane_order at step i. What depends on it is
 * a race on a GPU. */
static _Thread_local uint32_t dg_lane_order __attribute__((unused));
#define DG_LANES(l)                                                                                          \
    for (uint32_t dg_step = 0, l = dg_lane_order; dg_step < DG_GROUP; dg_step++, l = dg_step ^ dg_lane_order)
#define DG_PER_LANE(type, name) type name[DG_GROUP]
#define DG_PER_LANE_ARRAY(type, name, n) type name[DG_GROUP][n]
#define DG_MINE(name, l) name[l]
#else
#define DG_LANES(l) for (uint32_t l = DG_LANE_NUMBER, dg_step = 0; dg_step < 1; dg_step = l | 1)
#define DG_PER_LANE(type, name) type name[1]
#define DG_PER_LANE_ARRAY(type, name, n) type name[1][n]
#define DG_MINE(name, l) name[0]
#endif

/* This lane's number in the whole launch. */
#define DG_NUMBER(l) ((uint64_t)DG_GROUP_NUMBER * DG_GROUP + (l))

DG_INLINE uint32_t dg_least(uint32_t x, uint32_t y)
{
    return x < y ? x : y;
}

/*
 * Phases that sum the DG_GROUP numbers of a shared array into its first: half of the lanes add those of the
 * other half, until one is left. Before it a barrier is the caller's; it ends with one.
 */
#define DG_SUM_UP(sum)                                                                                       \
    for (uint32_t dg_left = DG_GROUP / 2; dg_left > 0; dg_left /= 2) {                                       \
        DG_LANES(l)                                                                                          \
        {                                                                                                    \
            if (l < dg_left) sum[l] += sum[l + dg_left];                                                     \
        }                                                                                                    \
        DG_BARRIER                                                                                           \
    }

/*
 * Phases that sum the DG_GROUP numbers of a shared array, each with all before it, by doubling distances.
 * `mine` is a per-lane variable. Before it a barrier is the caller's; it ends with one.
 */
#define DG_SCAN(sum, mine)                                                                                   \
    for (uint32_t dg_reach = 1; dg_reach < DG_GROUP; dg_reach *= 2) {                                        \
        DG_LANES(l)                                                                                          \
        {                                                                                                    \
            DG_MINE(mine, l) = sum[l] + (l >= dg_reach ? sum[l - dg_reach] : 0);                             \
        }                                                                                                    \
        DG_BARRIER                                                                                           \
        DG_LANES(l)                                                                                          \
        {                                                                                                    \
            sum[l] = DG_MINE(mine, l);                                                                       \
        }                                                                                                    \
        DG_BARRIER                                                                                           \
    }

#endif
