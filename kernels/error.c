#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum dg_code dg_fail(dg_err *err, enum dg_code code, const char *format, ...)
{
    if (err->code == DG_OK) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        err->code = code;
    }
    return err->code;
}

enum dg_code dg_fail_errno(dg_err *err, const char *path)
{
    char text[128];
    const int number = errno;
    if (number == ENOMEM) return dg_fail_nomem(err, path);
    if (strerror_r(number, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", number);
    return dg_fail(err, DG_ERROR, "%s: '%s'", text, path);
}

enum dg_code dg_fail_nomem(dg_err *err, const char *what)
{
    return dg_fail(err, DG_NOMEM, "out of memory for %s", what);
}
