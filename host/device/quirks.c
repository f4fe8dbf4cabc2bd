#include "device/quirks.h"

#include <string.h>

const gcl_quirk gcl_quirks[] = {
    {.name = "short-loops",
     .device = "llvmpipe",
     .max_turns = 65535,
     .what = "ends a work-item without a word after 65,535 turns of its loops",
     .test = "check_quirks:loops_turn_as_often_as_they_should"},
    {.name = "junk-binaries",
     .platform = "rusticl",
     .fault = GCL_FAULT_JUNK_BINARIES,
     .what = "ends the process over a program binary that it cannot read, instead of refusing it",
     .test = "check_cache:damage_only_costs_a_build"},
    {.name = "wide-shuffles",
     .platform = "Oclgrind",
     .fault = GCL_FAULT_WIDE_SHUFFLES,
     .what = "takes element 11 of a shuffled vector of 16 for unset",
     .test = "check_ops:variants_agree_with_oracle"},
    {.name = "loose-calls",
     .platform = "Oclgrind",
     .fault = GCL_FAULT_LOOSE_CALLS,
     .what = "does not link: a call of a function that is nowhere builds",
     .test = "check_device:build_failure_without_a_line"},
    {.name = "no-loader",
     .platform = "Oclgrind",
     .fault = GCL_FAULT_NO_LOADER,
     .what = "takes the loader's place: there are no other drivers beside it",
     .test = "check_device:no_driver_installed"},
    {.name = "32-bit-addresses",
     .address_bits = 32,
     .max_alloc_bytes = INT32_MAX,
     .what = "reaches 4 GiB in all: no buffer is larger than what a signed offset reaches",
     .test = "check_quirks:a_device_of_32_bits_is_kept_small"},
    {0},
};

static int has_part(const char *text, const char *part)
{
    return part == NULL || strstr(text, part) != NULL;
}

int gcl_quirk_matches(const gcl_quirk *quirk, const gcl_limits *limits)
{
    return has_part(limits->platform, quirk->platform) && has_part(limits->name, quirk->device) &&
           has_part(limits->driver, quirk->driver) &&
           (quirk->address_bits == 0 || quirk->address_bits == limits->address_bits);
}

void gcl_quirks_apply(gcl_limits *limits)
{
    for (const gcl_quirk *q = gcl_quirks; q->name != NULL; q++) {
        if (!gcl_quirk_matches(q, limits))
            continue;
        limits->faults |= q->fault;
        if (q->max_turns > 0 && (limits->max_turns == 0 || q->max_turns < limits->max_turns))
            limits->max_turns = q->max_turns;
        if (q->max_alloc_bytes > 0 && q->max_alloc_bytes < limits->max_alloc_bytes)
            limits->max_alloc_bytes = q->max_alloc_bytes;
    }
}
