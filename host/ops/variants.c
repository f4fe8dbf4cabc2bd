/* What the recipes share: the arguments of launches. */
#include "ops/variants.h"

gcl_arg gcl_arg_in(int index) { return (gcl_arg){GCL_ARG_IN, index, 0}; }

gcl_arg gcl_arg_out(void) { return (gcl_arg){GCL_ARG_OUT, 0, 0}; }

gcl_arg gcl_arg_scratch(int64_t first_float) { return (gcl_arg){GCL_ARG_SCRATCH, 0, first_float}; }

gcl_arg gcl_arg_int(int64_t value) { return (gcl_arg){GCL_ARG_INT, 0, value}; }

gcl_arg gcl_arg_local(int64_t floats) { return (gcl_arg){GCL_ARG_LOCAL, 0, floats}; }
