/* Which ganocl this is. */
#ifndef GCL_BASE_VERSION_H
#define GCL_BASE_VERSION_H

const char *
gcl_version(void); /* "ganocl 0.1.0 (0123abc)": name, version, revision of the sources */

#endif
