/* Records: what was found to be the best choice for a workload on a device, one JSON object a line.
 *
 *     gcl_records *records = gcl_records_known(gcl_ops);           the person's, then those shipped
 *     gcl_plan_options options = {.choose = gcl_records_choose, .choose_context = records};
 *     ...
 *     gcl_records_keep(records, &record, &err);                    appended to the person's file
 *     gcl_records_free(records);
 *
 *     {"platform": "Portable Computing Language", "device": "...", "driver": "3.1",
 *      "op": "conv", "in": [[16,64,64,64],[4,4,64,128]], "out": [16,32,32,128], "attr": [16,64,...],
 *      "variant": "vec", "values": {"v": 16, ...}, "usual": {"v": 16, ...}, "kept": false,
 *      "programs": "0123456789abcdef", "us": 812.5, "before_us": 1020.0, "stage": 2, "space": "..."}
 *
 * The person's file is tuned.jsonl in the folder of the program cache. Those shipped are the *.jsonl
 * of $GANOCL_RECORDS, or autotune/db beside the program, or the installed ones; GANOCL_RECORDS=off:
 * no records at all. Lines are only ever appended, whole, by any number of processes; the last one of
 * a workload counts. A line that is damaged is skipped with a warning; one of an op, variant or
 * parameter that this program does not have is skipped in silence.
 *
 * A record is used for the same platform and device if its values are legal there and yield the very
 * programs that were checked (autotune/fingerprint.h); one made with the same driver goes first. */
#ifndef GCL_AUTOTUNE_RECORDS_H
#define GCL_AUTOTUNE_RECORDS_H

#include "autotune/fingerprint.h"
#include "autotune/workload.h"

typedef enum gcl_record_source {
    GCL_RECORD_USER,
    GCL_RECORD_SHIPPED,
    GCL_RECORD_RUN /* of a run's options.json */
} gcl_record_source;

typedef struct gcl_record {
    char platform[128], device[128], driver[128];
    gcl_workload work;
    gcl_choice choice;
    int usual[GCL_MAX_PARAMS]; /* values that choice.variant would have had by itself */
    int kept;                  /* 1: it is what is chosen without a record */
    char rejected[16];         /* "", or why it must not be used: crash, hang, wrong, error */
    char programs[GCL_FINGERPRINT], space[GCL_FINGERPRINT];
    double us, before_us; /* of the choice and of the usual one, interleaved */
    int stage;            /* how far the search went */
    int64_t from;         /* of a run: the step that it is used from */
    gcl_record_source source;
} gcl_record;

typedef struct gcl_records gcl_records;

gcl_records *gcl_records_new(const gcl_op *const *ops); /* none; keeps ops, ended by NULL */
void gcl_records_free(gcl_records *records);
gcl_records *gcl_records_known(const gcl_op *const *ops); /* all that GANOCL_RECORDS allows */
int gcl_records_off(void);                                /* 1: GANOCL_RECORDS=off */
/* Adds the lines of a file; a missing one has none. Returns how many were damaged. */
int gcl_records_read(gcl_records *records, const char *path, gcl_record_source source);
/* Adds the records of a JSON array. Returns how many were damaged. */
int gcl_records_read_array(gcl_records *records, const json_t *array, gcl_record_source source);
void gcl_records_add(gcl_records *records, const gcl_record *record);
/* Adds the record and appends it to the person's file. Errors: GCL_USAGE (no folder, GANOCL_CACHE=off
 * or GANOCL_RECORDS=off), GCL_DISK. */
int gcl_records_keep(gcl_records *records, const gcl_record *record, gcl_error *err);
int gcl_records_count(const gcl_records *records);
const gcl_record *gcl_records_at(const gcl_records *records, int i);

/* A record of this device for this choice of a node, figures still 0. 0, or -1 for a node that is no
 * workload. */
int gcl_record_start(gcl_record *record, const gcl_node *node, const gcl_choice *choice,
                     const gcl_limits *limits);
json_t *gcl_record_json(const gcl_record *record);
int gcl_record_is_of(const gcl_record *record, const gcl_limits *limits); /* platform and device */
int gcl_record_same_driver(const gcl_record *record, const gcl_limits *limits);

/* Of how many workloads records are there for a device? */
typedef struct gcl_records_summary {
    int user, shipped;   /* with this driver */
    int of_other_driver; /* and none with this one */
    int rejected;        /* candidates that this driver cannot do */
} gcl_records_summary;
gcl_records_summary gcl_records_summarise(const gcl_records *records, const gcl_limits *limits);

/* The newest record of the person's own for this very workload, device and driver; NULL: none. */
const gcl_record *gcl_records_find(const gcl_records *records, const gcl_workload *work,
                                   const gcl_limits *limits);
/* Why the choice is known to be bad for the workload on this device and driver; NULL: it is not. */
const char *gcl_records_rejected(const gcl_records *records, const gcl_workload *work,
                                 const gcl_choice *choice, const gcl_limits *limits);
/* The chooser of a plan that may use records, the context being them: the person's of this workload,
 * then one shipped, then the nearest workload's: of that the variant, with the parameters that it
 * changed. */
int gcl_records_choose(void *records, const gcl_node *node, const gcl_limits *limits,
                       gcl_choice *choice);
/* The chooser of a run that knows its own choices: exactly these, of this device and driver. */
typedef struct gcl_run_choices {
    const gcl_records *records; /* of source RUN */
    int64_t step;               /* that is next */
    int stale; /* counts choices that are of other kernels than this program's, and were not taken */
} gcl_run_choices;
int gcl_run_choose(void *run_choices, const gcl_node *node, const gcl_limits *limits,
                   gcl_choice *choice);

#endif
