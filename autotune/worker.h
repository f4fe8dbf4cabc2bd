/* The worker: a process that tries kernels for the tuner, so that one which crashes, hangs or damages
 * its memory takes nothing else along. It is this same program, started anew (never a mere fork: some
 * drivers hang in one) with the word GCL_WORKER_WORD before its own options.
 *
 *     gcl_worker *worker = gcl_worker_new(program, "1");
 *     json_t *answer;
 *     switch (gcl_worker_ask(worker, question, 20, &answer, &err)) { ... }
 *     gcl_worker_free(worker);
 *
 * Questions and answers are JSON objects, one a line, over a socket that is the worker's standard
 * input; whatever it prints goes to standard error at verbose level, else nowhere. Every question
 * stands alone, so a worker that is started anew can answer the next one:
 *
 *     {"ask": "peak"}                                         {"gflops": 270.1, "gbs": 44.0}
 *     {"ask": "try", "op", "in", "out", "attr",               {"us": 812.5}, {"wrong": "..."} or
 *      "variant": "vec", "values": {...}, "enough_us": 5e3}   {"error": "..."}
 *     {"ask": "naive", "op" ...}                              {"us": 1e6}, estimated from a part
 *     {"ask": "duel", "op" ..., "rounds": 9,                  {"us": [..], "other_us": [..]}, {"wrong"}
 *      "variant", "values", "other", "other_values"}          or {"error"}
 */
#ifndef GCL_AUTOTUNE_WORKER_H
#define GCL_AUTOTUNE_WORKER_H

#include <jansson.h>

#include "base/error.h"
#include "graph/op.h"

#define GCL_WORKER_WORD "tuning-worker"

typedef struct gcl_worker gcl_worker;

typedef enum gcl_worker_end {
    GCL_WORKER_ANSWERED,
    GCL_WORKER_CRASHED, /* it died over the question */
    GCL_WORKER_HUNG,    /* it was killed after the time allowed */
    GCL_WORKER_FAILED   /* it cannot be started, or somebody ended it: the error says so */
} gcl_worker_end;

/* Both texts are kept. Nothing is started before the first question. */
gcl_worker *gcl_worker_new(const char *program, const char *device);
void gcl_worker_free(gcl_worker *worker); /* ends it; NULL is fine */
/* Asks and waits at most `seconds`. The answer is the caller's to json_decref. */
gcl_worker_end gcl_worker_ask(gcl_worker *worker, const json_t *question, double seconds,
                              json_t **answer, gcl_error *err);

/* The other side: answers questions about these ops on the device until standard input ends. Returns
 * 0, or -1 with the error set (which is also the answer to every question, if the device does not
 * open). */
int gcl_worker_serve(const gcl_op *const *ops, const char *device, gcl_error *err);

#endif
