/* Which ganocl this is. */
#ifndef GCL_BASE_VERSION_H
#define GCL_BASE_VERSION_H

const char *gcl_version(void);        /* "ganocl 0.1.0 (0123abc)": name, number */
const char *gcl_version_number(void); /* "0.1.0 (0123abc)": release, revision of the sources */
const char *gcl_release(void);        /* "0.1.0" */
const char *gcl_build_options(void);  /* "gcc -O2 -g, warnings are errors" */

#endif
