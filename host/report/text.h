/* JSON for the page, added to a growing text. It stands inside a <script> element of an HTML file, so
 * `<`, `>` and `&` are written as \u003c and the like: no text of a file or a folder's name can end the
 * element. What is not UTF-8 becomes U+FFFD. */
#ifndef GCL_REPORT_TEXT_H
#define GCL_REPORT_TEXT_H

#include "base/memory.h"

/* The text as a JSON string, quoted; NULL is null. */
void gcl_page_string(gcl_text *out, const char *value);
/* Six significant digits; what is not finite is null. */
void gcl_page_number(gcl_text *out, double value);
/* The text with `<`, `>`, `&` and quotes as HTML entities. */
void gcl_page_escape(gcl_text *out, const char *value);

#endif
