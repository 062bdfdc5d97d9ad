/*
 * How the kernels report failure.
 *
 * A function that can fail returns DG_OK or one of the codes below and writes the text into the caller's
 * dg_err. The first failure wins: once a dg_err holds a code, later calls to dg_fail leave it alone, so that
 * clean-up code may fail without hiding the cause. Out-parameters are empty after a failure.
 */
#ifndef DG_ERROR_H
#define DG_ERROR_H

enum dg_code {
    DG_OK = 0,
    DG_ERROR,     /* wrong input or a fault; the text says which */
    DG_NOMEM,     /* an allocation failed */
    DG_INTERRUPT, /* the caller's poll asked to stop */
    /* Of a device other than the host. The same work may succeed elsewhere. */
    DG_DEVICE_ERROR, /* it is not there, cannot run our code, or failed */
    DG_DEVICE_NOMEM, /* its memory, or the host memory its driver locks, is too small */
};

typedef struct dg_err {
    enum dg_code code;
    char text[400]; /* UTF-8, always terminated */
} dg_err;

/* Whether it is a device's failure: the same work may be done elsewhere. */
static inline int dg_err_of_device(const dg_err *err)
{
    return err->code == DG_DEVICE_ERROR || err->code == DG_DEVICE_NOMEM;
}

/* Records `code` and the printf-style text unless an earlier failure is recorded. Returns the recorded code.
 */
enum dg_code dg_fail(dg_err *err, enum dg_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* dg_fail with what errno says about a file or folder: "No such file or directory: 'path'". */
enum dg_code dg_fail_errno(dg_err *err, const char *path);

/* dg_fail with DG_NOMEM and a text that names what could not be allocated. */
enum dg_code dg_fail_nomem(dg_err *err, const char *what);

#endif
