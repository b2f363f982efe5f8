#include "command.h"
#include "shown.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *format, ...)
{
    char    text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("holdfast: ", stderr);
    shown_write(hf_str(text), stderr);
    fputc('\n', stderr);
}
