#include "base/version.h"

#include "revision.h"

#define NUMBER GCL_RELEASE " (" GCL_REVISION ")"

const char *gcl_version(void) { return "ganocl " NUMBER; }

const char *gcl_version_number(void) { return NUMBER; }

const char *gcl_release(void) { return GCL_RELEASE; }

const char *gcl_build_options(void) { return GCL_BUILD_OPTIONS; }
