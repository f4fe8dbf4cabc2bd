#include "report/text.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at `at`; 0 if there is none (overlong forms, surrogates and values above
 * U+10FFFF are none: RFC 3629). */
static int sequence(const unsigned char *at)
{
    unsigned char a = at[0];
    int n = a < 0x80 ? 1 : a >= 0xc2 && a < 0xe0 ? 2 : a >= 0xe0 && a < 0xf0 ? 3 : 4;
    if (a >= 0x80 && (a < 0xc2 || a > 0xf4))
        return 0;
    for (int i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80) /* the end of the text, too */
            return 0;
    if ((a == 0xe0 && at[1] < 0xa0) || (a == 0xed && at[1] > 0x9f) || (a == 0xf0 && at[1] < 0x90) ||
        (a == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

static void add_character(gcl_text *out, const unsigned char *at, int n)
{
    if (n == 0)
        gcl_text_add(out, "\xef\xbf\xbd");
    else if (*at == '"' || *at == '\\')
        gcl_text_add(out, "\\%c", *at);
    else if (*at < 0x20 || *at == 0x7f || strchr("<>&", *at) != NULL)
        gcl_text_add(out, "\\u%04x", *at);
    else
        gcl_text_add_bytes(out, (const char *)at, (size_t)n);
}

void gcl_page_string(gcl_text *out, const char *value)
{
    if (value == NULL) {
        gcl_text_add(out, "null");
        return;
    }
    gcl_text_add(out, "\"");
    for (const unsigned char *at = (const unsigned char *)value; *at != 0;) {
        int n = sequence(at);
        add_character(out, at, n);
        at += n > 0 ? n : 1;
    }
    gcl_text_add(out, "\"");
}

void gcl_page_number(gcl_text *out, double value)
{
    if (isfinite(value))
        gcl_text_add(out, "%.6g", value);
    else
        gcl_text_add(out, "null");
}

void gcl_page_escape(gcl_text *out, const char *value)
{
    for (const unsigned char *at = (const unsigned char *)value; *at != 0;) {
        int n = sequence(at);
        if (n == 0 || (*at < 0x20 && *at != '\t'))
            gcl_text_add(out, "\xef\xbf\xbd");
        else if (strchr("<>&\"'", *at) != NULL)
            gcl_text_add(out, "&#%d;", *at);
        else
            gcl_text_add_bytes(out, (const char *)at, (size_t)n);
        at += n > 0 ? n : 1;
    }
}
