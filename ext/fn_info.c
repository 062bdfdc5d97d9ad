/* dupgpu_version and dupgpu_debug: what this build is. The build passes the commit as DUPGPU_COMMIT. */
#include "dupgpu.h"
#include "functions.h"

#include "../kernels/targets.h"

#ifndef DUPGPU_COMMIT
#define DUPGPU_COMMIT "unknown"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

/* The instruction sets of this processor that the kernels have code for. */
static const char *simd(void)
{
#if defined(__x86_64__) || defined(__i386__)
    if (__builtin_cpu_supports("avx512vpopcntdq")) return "popcnt avx2 avx512vpopcntdq";
    if (__builtin_cpu_supports("avx2")) return "popcnt avx2";
    if (__builtin_cpu_supports("popcnt")) return "popcnt";
    return "none";
#elif defined(__aarch64__)
    return "neon";
#else
    return "none";
#endif
}

void dg_fn_version(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_text(context, DUPGPU_VERSION, -1, SQLITE_STATIC);
}

void dg_fn_debug(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    char text[600];
    sqlite3_snprintf(sizeof text, text,
                     "version: " DUPGPU_VERSION "\n"
                     "commit: " DUPGPU_COMMIT "\n"
                     "compiler: " COMPILER "\n"
                     "sqlite: %s, built against " SQLITE_VERSION "\n"
                     "simd: %s\n"
                     "image codecs: JPEG (libjpeg), PNG (libpng)\n"
                     "cuda image targets: %s",
                     sqlite3_libversion(), simd(), dg_cuda_targets());
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}
