/*
 * A libcuda.so.1 for tests: the functions of kernels/cuda/api.h on host memory, kernels by tests/emulator.
 *
 * It is strict where the real one is lenient. Addresses of device memory are such that the host faults when
 * it uses them. Streams do nothing until something waits for them or asks an event several times, and then no
 * more than that needs, or, with a seed, other streams' work in random order as well, so that a missing
 * dependency shows in the results. Copies read and write host memory only at that time. Whatever real CUDA
 * leaves undefined, and work on the host's default stream, is a violation: it is counted, its first kept in
 * words.
 *
 * These functions control it from a program that links it. For programs that only find it, LD_LIBRARY_PATH
 * leads to its folder, and the environment says the same at load:
 *
 *     FAKE_CUDA_DEVICES=n  FAKE_CUDA_MEMORY=bytes  FAKE_CUDA_SEED=n  FAKE_CUDA_FAIL=n:code[:sticky]
 *     FAKE_CUDA_IMAGE=code  FAKE_CUDA_CORRUPT=n  FAKE_CUDA_REPORT=file
 *
 * The report is appended when the process exits: one line, "calls 123 violations 0 ledger 0", with the first
 * violation in words behind it.
 */
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>

/* What exists now. */
typedef struct fake_ledger {
    long contexts; /* retains of primary contexts */
    long pushed;   /* contexts on the threads' stacks */
    long modules, streams, events;
    long device, pinned; /* pieces of memory */
    size_t device_bytes, pinned_bytes;
    long abandoned; /* objects that went with their context, since reset */
} fake_ledger;

/* Forgets settings, faults, counts and violations; what exists stays. */
void fake_cuda_reset(void);

/* The n-th call from now (1: the next) returns `code`; `sticky`: all later ones too. 0: none. Calls that only
 * put an error into words do not count. A call that frees something does so even then, as the real ones may
 * report what failed earlier. */
void fake_cuda_fail(long n, unsigned code, int sticky);
long fake_cuda_calls(void); /* since fail or reset */
int fake_cuda_failed(void); /* whether a fault has struck since then */

fake_ledger fake_cuda_ledger(void);
long fake_cuda_entries(void); /* of the ledger, abandoned ones not among them: 0 when all was given back */

/* Number of violations since reset, and the first in words ("" if none). */
long fake_cuda_violations(const char **first);

void fake_cuda_set_devices(int devices); /* as cuDeviceGetCount will say; 1 */
void fake_cuda_set_memory(size_t bytes); /* of each device; 1 GiB */
void fake_cuda_set_seed(unsigned seed);  /* 0: no more is done than must be */
void fake_cuda_set_image(unsigned code); /* loading a module fails with it; 0: it works */
void fake_cuda_corrupt(long n);          /* a bit of every n-th copy to the host is wrong; 0: none */

#endif
