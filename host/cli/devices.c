#include <jansson.h>
#include <stdlib.h>

#include "autotune/records.h"
#include "cli/commands.h"
#include "device/device.h"
#include "device/quirks.h"
#include "ops/ops.h"

/* What the tuner knows of a device. */
static json_t *tuned_json(const gcl_records *records, const gcl_limits *limits)
{
    gcl_records_summary sum = gcl_records_summarise(records, limits);
    return json_pack("{s:i, s:i, s:i, s:i}", "yours", sum.user, "shipped", sum.shipped,
                     "other_driver", sum.of_other_driver, "rejected", sum.rejected);
}

static void print_tuned(const gcl_records *records, const gcl_limits *limits, int number)
{
    gcl_records_summary sum = gcl_records_summarise(records, limits);
    if (sum.user + sum.shipped + sum.of_other_driver == 0) {
        printf("%2d  tuned: nothing yet (ganocl autotune)\n", number);
        return;
    }
    printf("%2d  tuned: %d kernels by you, %d with the program", number, sum.user, sum.shipped);
    if (sum.of_other_driver > 0)
        printf(", %d more with another driver", sum.of_other_driver);
    printf("\n");
}

static json_t *quirks_json(const gcl_limits *limits)
{
    json_t *names = json_array();
    for (const gcl_quirk *q = gcl_quirks; q->name != NULL; q++)
        if (gcl_quirk_matches(q, limits))
            json_array_append_new(names, json_string(q->name));
    return names;
}

static void print_quirks(const gcl_limits *limits, int number)
{
    for (const gcl_quirk *q = gcl_quirks; q->name != NULL; q++)
        if (gcl_quirk_matches(q, limits))
            printf("%2d  known: %s\n", number, q->what);
}

static json_t *device_json(const gcl_limits *limits, const gcl_records *records, int number)
{
    const char *type = limits->is_gpu ? "gpu" : limits->is_cpu ? "cpu" : "accelerator";
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:b, s:b, "
                     "s:b, s:o, s:o}",
                     "number", number, "platform", limits->platform, "name", limits->name, "type",
                     type, "vendor", limits->vendor, "driver", limits->driver, "version",
                     limits->version, "compute_units", (int)limits->compute_units, "clock_mhz",
                     (int)limits->clock_mhz, "memory_bytes", (json_int_t)limits->memory_bytes,
                     "max_alloc_bytes", (json_int_t)limits->max_alloc_bytes, "local_bytes",
                     (json_int_t)limits->local_bytes, "max_work_group", (int)limits->max_work_group,
                     "fp16", limits->fp16, "fp64", limits->fp64, "subgroups", limits->subgroups,
                     "quirks", quirks_json(limits), "tuned", tuned_json(records, limits));
}

int gcl_command_devices(const gcl_options *options, gcl_error *err)
{
    gcl_limits *list = NULL;
    int n = 0;
    if (gcl_device_list(&list, &n, err) != 0)
        return -1;
    gcl_records *records = gcl_records_known(gcl_ops);
    if (options->json) {
        json_t *devices = json_array();
        for (int i = 0; i < n; i++)
            json_array_append_new(devices, device_json(&list[i], records, i + 1));
        json_dumpf(devices, stdout, JSON_INDENT(1));
        printf("\n");
        json_decref(devices);
    } else {
        gcl_device_print_list(stdout, list, n);
        for (int i = 0; i < n; i++) {
            print_tuned(records, &list[i], i + 1);
            print_quirks(&list[i], i + 1);
        }
    }
    gcl_records_free(records);
    free(list);
    if (n == 0)
        return gcl_fail(err, GCL_DEVICE,
                        "no OpenCL device; install a driver (for the CPU, on Debian: "
                        "apt-get install pocl-opencl-icd)");
    return 0;
}
