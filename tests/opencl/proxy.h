/*
 * A libOpenCL.so.1 that stands before the real one, for tests: it keeps a ledger of what was made and not yet
 * released, counts calls, and can fail any of them or lie about the devices.
 *
 * It is told what to do by dg_proxy, or by the environment variable DUPGPU_PROXY when it is first called:
 * words "name=number" with blanks between; what is not named is as the real library has it.
 *
 *     fail=N         fail the N-th call from now (1: the next one)
 *     sticky=1       and all calls after it
 *     code=C         with this status; default -5, CL_OUT_OF_RESOURCES
 *     event=N        the N-th command from now comes to this end: its event tells code
 *     devices=0      there are no devices; platforms=0: no platforms
 *     gpu=1          CPUs say they are GPUs
 *     memory=BYTES   device memory; allocations beyond it fail with -4, in one piece beyond it with -61
 *     mapping=0      memory cannot be mapped
 *     calm=1         asking an event waits until it is done, so that runs make the same calls
 *     flip=1         what comes back from the device has one bit wrong in each 64 bytes
 *     amd=1          the device is a "Proxy Radeon" with 1000 KiB free, as AMD's driver tells it
 *     doubles=0      the device has no doubles
 *     broken=1       sources do not compile
 *     available=0, compiler=0, little=0, version=101, group=128, local=16384
 *                    what a device says of itself; version 101 is "OpenCL 1.1"
 *
 * Releases and clFinish are carried out even where they are told to fail.
 */
#ifndef TEST_OPENCL_PROXY_H
#define TEST_OPENCL_PROXY_H

/* Forgets what it was told before, and begins to count calls anew. Returns 0, or -1 for an unknown word. */
int dg_proxy(const char *orders);

/* Calls since dg_proxy, failed ones included; and of these, those that enqueued a copy or a kernel. */
unsigned long dg_proxy_calls(void);
unsigned long dg_proxy_commands(void);

/* Calls of one function by name since the process began. */
unsigned long dg_proxy_calls_of(const char *function);

/* What is alive: "" or words such as "2 buffers, 1 event". Overwritten by the next call. Includes "released
 * twice" where something was. */
const char *dg_proxy_ledger(void);

#endif
