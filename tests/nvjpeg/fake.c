/* The library of fake_nvjpeg.h. */
#include "fake_nvjpeg.h"

#include "../../kernels/cuda/nvjpeg_api.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define EXPORT __attribute__((visibility("default")))

#define X(name, parameters) EXPORT dg_nvjpeg_status name parameters;
DG_NVJPEG_FUNCTIONS(X)
#undef X

/* Of libcuda.so.1, beside which this library is loaded. */
dg_cuda_result cuMemAlloc_v2(dg_cuda_memory *memory, size_t bytes);
dg_cuda_result cuMemFree_v2(dg_cuda_memory memory);
dg_cuda_result cuMemcpyHtoDAsync_v2(dg_cuda_memory to, const void *from, size_t bytes, dg_cuda_stream stream);

enum { HANDLE = 0x6a70, STATE = 0x7374 };

struct nvjpegHandle {
    int what;
    long states;
};

/* With device memory of its own, so that the driver misses it when it is not given back. */
struct nvjpegJpegState {
    int what, busy;
    dg_nvjpeg_handle handle;
    dg_cuda_memory memory;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls, decoded, violations, ledger, fail_at, failed;
static unsigned fail_status;
static int fail_sticky, larger, drift, other_way;

/* Counts a call: 0, or the status it must fail with. */
static dg_nvjpeg_status begin(void)
{
    pthread_mutex_lock(&lock);
    const long n = ++calls;
    const int fails = fail_at && (n == fail_at || (n > fail_at && fail_sticky));
    failed += fails;
    pthread_mutex_unlock(&lock);
    return fails ? fail_status : 0;
}

static void add(long *count, long more)
{
    pthread_mutex_lock(&lock);
    *count += more;
    pthread_mutex_unlock(&lock);
}

static int must(int condition)
{
    if (!condition) add(&violations, 1);
    return condition;
}

EXPORT void fake_nvjpeg_fail(long n, unsigned status, int sticky)
{
    pthread_mutex_lock(&lock);
    fail_at = n ? calls + n : 0;
    fail_status = status;
    fail_sticky = sticky;
    failed = 0;
    pthread_mutex_unlock(&lock);
}

EXPORT int fake_nvjpeg_failed(void)
{
    return failed > 0;
}

EXPORT long fake_nvjpeg_violations(void)
{
    return violations;
}

EXPORT long fake_nvjpeg_ledger(void)
{
    return ledger;
}

/* --- handles and states --- */

dg_nvjpeg_status nvjpegGetProperty(unsigned int which, int *value)
{
    static const int version[] = {12, 4, 76};
    const dg_nvjpeg_status struck = begin();
    if (!struck && must(which <= DG_PATCH_LEVEL)) *value = version[which];
    return struck;
}

dg_nvjpeg_status nvjpegCreateSimple(dg_nvjpeg_handle *out)
{
    const dg_nvjpeg_status struck = begin();
    if (struck) return struck;
    *out = calloc(1, sizeof **out);
    if (!*out) return DG_NVJPEG_STATUS_ALLOCATOR_FAILURE;
    (*out)->what = HANDLE;
    add(&ledger, 1);
    return 0;
}

dg_nvjpeg_status nvjpegDestroy(dg_nvjpeg_handle handle)
{
    const dg_nvjpeg_status struck = begin();
    if (!must(handle && handle->what == HANDLE && handle->states == 0))
        return DG_NVJPEG_STATUS_INVALID_PARAMETER;
    handle->what = 0;
    free(handle);
    add(&ledger, -1);
    return struck;
}

dg_nvjpeg_status nvjpegJpegStateCreate(dg_nvjpeg_handle handle, dg_nvjpeg_state *out)
{
    const dg_nvjpeg_status struck = begin();
    if (struck) return struck;
    if (!must(handle && handle->what == HANDLE)) return DG_NVJPEG_STATUS_INVALID_PARAMETER;
    dg_nvjpeg_state state = calloc(1, sizeof *state);
    if (!state || cuMemAlloc_v2(&state->memory, 1024)) {
        free(state);
        return DG_NVJPEG_STATUS_ALLOCATOR_FAILURE;
    }
    state->what = STATE;
    state->handle = handle;
    add(&handle->states, 1);
    add(&ledger, 1);
    *out = state;
    return 0;
}

dg_nvjpeg_status nvjpegJpegStateDestroy(dg_nvjpeg_state state)
{
    const dg_nvjpeg_status struck = begin();
    if (!must(state && state->what == STATE && !state->busy)) return DG_NVJPEG_STATUS_INVALID_PARAMETER;
    state->what = 0;
    cuMemFree_v2(state->memory);
    add(&state->handle->states, -1);
    add(&ledger, -1);
    free(state);
    return struck;
}

/* --- decoding --- */

typedef struct reader {
    struct jpeg_decompress_struct libjpeg;
    struct jpeg_error_mgr messages;
    jmp_buf on_error;
    unsigned char *samples;
} reader;

static void jump_out(j_common_ptr libjpeg)
{
    longjmp(((reader *)libjpeg->client_data)->on_error, 1);
}

/* Warnings are damage too. */
static void note(j_common_ptr libjpeg, int level)
{
    if (level < 0) jump_out(libjpeg);
}

static void discard(j_common_ptr libjpeg)
{
    (void)libjpeg;
}

static dg_nvjpeg_status read_header(reader *r, const unsigned char *file, size_t bytes)
{
    memset(r, 0, sizeof *r);
    r->libjpeg.err = jpeg_std_error(&r->messages);
    r->libjpeg.client_data = r;
    r->messages.error_exit = jump_out;
    r->messages.emit_message = note;
    r->messages.output_message = discard;
    if (setjmp(r->on_error)) return DG_NVJPEG_STATUS_BAD_JPEG;
    jpeg_create_decompress(&r->libjpeg);
    jpeg_mem_src(&r->libjpeg, file, bytes);
    jpeg_read_header(&r->libjpeg, TRUE);
    if (r->libjpeg.num_components == 4 || r->libjpeg.arith_code) return DG_NVJPEG_STATUS_JPEG_NOT_SUPPORTED;
    return 0;
}

static void close_reader(reader *r)
{
    jpeg_destroy_decompress(&r->libjpeg);
    free(r->samples);
}

dg_nvjpeg_status nvjpegGetImageInfo(dg_nvjpeg_handle handle, const unsigned char *file, size_t bytes,
                                    int *components, int *subsampling, int *widths, int *heights)
{
    const dg_nvjpeg_status struck = begin();
    reader r;
    if (struck) return struck;
    if (!must(handle && handle->what == HANDLE)) return DG_NVJPEG_STATUS_INVALID_PARAMETER;
    dg_nvjpeg_status status = read_header(&r, file, bytes);
    if (!status) {
        *components = r.libjpeg.num_components;
        *subsampling = 0;
        widths[0] = (int)r.libjpeg.image_width + larger;
        heights[0] = (int)r.libjpeg.image_height;
    }
    close_reader(&r);
    return status;
}

static dg_nvjpeg_status read_samples(reader *r, int channels)
{
    if (setjmp(r->on_error)) return DG_NVJPEG_STATUS_BAD_JPEG;
    r->libjpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (other_way) {
        r->libjpeg.dct_method = JDCT_FLOAT;
        r->libjpeg.do_fancy_upsampling = FALSE;
    }
    jpeg_start_decompress(&r->libjpeg);
    const size_t row = (size_t)channels * r->libjpeg.output_width;
    r->samples = malloc(row * r->libjpeg.output_height);
    if (!r->samples) return DG_NVJPEG_STATUS_ALLOCATOR_FAILURE;
    while (r->libjpeg.output_scanline < r->libjpeg.output_height) {
        const unsigned y = r->libjpeg.output_scanline;
        JSAMPROW to = r->samples + y * row;
        jpeg_read_scanlines(&r->libjpeg, &to, 1);
        for (size_t i = 0; drift && y % 3 == 0 && i < row; i++)
            to[i] = (JSAMPLE)(to[i] > 255 - drift ? 255 : to[i] + drift);
    }
    jpeg_finish_decompress(&r->libjpeg);
    return 0;
}

/* The rows are on the device when the stream has passed, as with the real one. */
static dg_nvjpeg_status send(const reader *r, int channels, const dg_nvjpeg_image *to, dg_cuda_stream stream)
{
    const size_t row = (size_t)channels * r->libjpeg.output_width;
    for (unsigned y = 0; y < r->libjpeg.output_height; y++)
        if (cuMemcpyHtoDAsync_v2((dg_cuda_memory)(uintptr_t)(to->channel[0] + y * to->pitch[0]),
                                 r->samples + y * row, row, stream))
            return DG_NVJPEG_STATUS_EXECUTION_FAILED;
    return 0;
}

dg_nvjpeg_status nvjpegDecode(dg_nvjpeg_handle handle, dg_nvjpeg_state state, const unsigned char *file,
                              size_t bytes, unsigned int format, dg_nvjpeg_image *to, dg_cuda_stream stream)
{
    const dg_nvjpeg_status struck = begin();
    const int channels = format == DG_NVJPEG_OUTPUT_Y ? 1 : 3;
    reader r;
    if (struck) return struck;
    if (!must(handle && handle->what == HANDLE && state && state->what == STATE && state->handle == handle &&
              (format == DG_NVJPEG_OUTPUT_Y || format == DG_NVJPEG_OUTPUT_RGBI)) ||
        !must(!__atomic_exchange_n(&state->busy, 1, __ATOMIC_ACQ_REL)))
        return DG_NVJPEG_STATUS_INVALID_PARAMETER;
    dg_nvjpeg_status status = read_header(&r, file, bytes);
    if (!status) status = read_samples(&r, channels);
    if (!status) status = send(&r, channels, to, stream);
    if (!status) add(&decoded, 1);
    close_reader(&r);
    __atomic_store_n(&state->busy, 0, __ATOMIC_RELEASE);
    return status;
}

/* --- environment --- */

static int setting(const char *name)
{
    const char *value = getenv(name);
    return value ? atoi(value) : 0;
}

__attribute__((constructor)) static void load(void)
{
    const char *fault = getenv("FAKE_NVJPEG_FAIL");
    larger = setting("FAKE_NVJPEG_SIZE");
    drift = setting("FAKE_NVJPEG_DRIFT");
    other_way = setting("FAKE_NVJPEG_OTHER_WAY");
    if (fault && sscanf(fault, "%ld:%u", &fail_at, &fail_status) == 2)
        fail_sticky = strstr(fault, ":sticky") != NULL;
}

__attribute__((destructor)) static void unload(void)
{
    const char *path = getenv("FAKE_NVJPEG_REPORT");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "nvjpeg calls %ld decoded %ld violations %ld ledger %ld\n", calls, decoded, violations,
            ledger);
    fclose(file);
}
