/* What the device code in this build was made for, as text for people. */
#ifndef DG_TARGETS_H
#define DG_TARGETS_H

/* Architectures of the embedded CUDA image, apart by spaces: "sm_75 sm_90 compute_120"; "none" where the
 * build has no CUDA code. compute_ is PTX, which the driver compiles for its own and for newer processors. */
const char *dg_cuda_targets(void);

#endif
