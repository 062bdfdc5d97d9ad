/*
 * A libnvjpeg for tests: the functions of kernels/cuda/nvjpeg_api.h, decoding with libjpeg into the device
 * memory of tests/fake's libcuda.so.1, which it calls as nvJPEG calls the driver. Its pixels are libjpeg's.
 *
 * It is strict: what the real one leaves undefined, such as one state on two threads at once, is a violation.
 * Like the real one it takes no CMYK, no arithmetic coding and no damaged file. These functions control it
 * from a program that has it loaded; the environment says the same at load:
 *
 *     FAKE_NVJPEG_FAIL=n:status[:sticky]  as fake_nvjpeg_fail
 *     FAKE_NVJPEG_SIZE=n                  its header says n pixels more than the file's
 *     FAKE_NVJPEG_DRIFT=n                 n is added to the samples of some rows
 *     FAKE_NVJPEG_OTHER_WAY=1             decodes as libjpeg also can: the cosine transform in floating point,
 *                                         colours not interpolated
 *     FAKE_NVJPEG_REPORT=file             appended at exit: "nvjpeg calls 123 decoded 9 violations 0 ledger
 *                                         0"
 */
#ifndef FAKE_NVJPEG_H
#define FAKE_NVJPEG_H

/* The n-th call from now (1: the next) fails; sticky: all later ones too; 0: none. A call that gives
 * something back does so even then. */
void fake_nvjpeg_fail(long n, unsigned status, int sticky);
int fake_nvjpeg_failed(void); /* whether a call has failed since then */

long fake_nvjpeg_violations(void);
long fake_nvjpeg_ledger(void); /* handles and states not given back */

#endif
