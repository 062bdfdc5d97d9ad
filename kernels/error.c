#include "error.h"

#include <stdarg.h>
#include <stdio.h>

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

enum dg_code dg_fail_nomem(dg_err *err, const char *what)
{
    return dg_fail(err, DG_NOMEM, "out of memory for %s", what);
}
