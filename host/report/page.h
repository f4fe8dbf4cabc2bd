/* The page's own text, as scripts/embed-page put it together from host/report/page: parts with holes
 * between them. */
#ifndef GCL_REPORT_PAGE_H
#define GCL_REPORT_PAGE_H

typedef struct gcl_page_part {
    const char *text;
    const char *then; /* what stands behind it: "title", "data", or "" after the last */
} gcl_page_part;

extern const gcl_page_part gcl_page_parts[]; /* ended by text NULL */

#endif
