/* NVIDIA GPUs through the driver library: dg_driver for them (driver.c), and the backend made of it (cuda.c).
 */
#ifndef DG_CUDA_H
#define DG_CUDA_H

#include "../gpu/driver.h"

struct CUstream_st;

extern const dg_backend dg_backend_cuda;

extern const dg_driver dg_cuda_driver;

/* The stream behind a queue, for libraries that take one. */
struct CUstream_st *dg_cuda_session_stream(const dg_session *session, enum dg_queue queue);

/* As dg_backend's open_decoder: nvJPEG. */
enum dg_code dg_nvjpeg_open(int number, struct dg_jpeg_decoder **out, dg_err *err);

/* As dg_backend's probe: needs no context. */
enum dg_code dg_cuda_probe(int number, dg_device_info *out, dg_err *err);

#endif
