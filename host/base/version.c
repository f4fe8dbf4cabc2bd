#include "base/version.h"

#include "config.h"

const char *gcl_version(void) { return PACKAGE_STRING " (" GCL_REVISION ")"; }
