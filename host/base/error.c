#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int gcl_fail(gcl_error *err, int code, const char *format, ...)
{
    if (err == NULL || err->code != 0)
        return -1;
    err->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return -1;
}
