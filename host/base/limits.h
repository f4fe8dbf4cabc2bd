/* What a device can do, as plain data. Filled by device/, read by ops/ (which variant applies) and
 * plan/; the only thing that lets kernels be chosen: no code asks for a vendor's name. */
#ifndef GCL_BASE_LIMITS_H
#define GCL_BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* What a driver is known to do wrong (device/quirks.h), as bits. */
typedef enum gcl_fault {
    GCL_FAULT_JUNK_BINARIES = 1,
    GCL_FAULT_WIDE_SHUFFLES = 2,
    GCL_FAULT_LOOSE_CALLS = 4,
    GCL_FAULT_NO_LOADER = 8
} gcl_fault;

typedef struct gcl_limits {
    char platform[128], name[128], vendor[128], driver[128], version[128];
    int is_cpu, is_gpu, is_accelerator; /* CL_DEVICE_TYPE */
    int opencl_c;                       /* 120, 200, 300 ... */
    unsigned compute_units, clock_mhz;
    uint64_t memory_bytes, max_alloc_bytes, cache_bytes;
    uint64_t local_bytes; /* work-group local memory */
    int local_is_global;  /* local memory is plain memory (CPUs) */
    unsigned max_work_group;
    size_t max_items[3];
    unsigned float_width;      /* native float vector width, at least 1: 4 SSE, 8 AVX2, 16 */
    unsigned base_align_bytes; /* CL_DEVICE_MEM_BASE_ADDR_ALIGN / 8 */
    unsigned address_bits;     /* 32 or 64; 0: not known */
    int fp16, fp64, subgroups;
    /* The smallest sub-group that a kernel can require; 0: it cannot, or its lanes share no registers
     * (CPUs). */
    unsigned subgroup_least;
    uint64_t max_turns; /* of all loops of a work-item together; 0: any number */
    unsigned faults;    /* of gcl_fault */
} gcl_limits;

#endif
