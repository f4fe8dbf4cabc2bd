/* Event files, which TensorBoard shows: scalars, pictures and texts, each of a step.
 *
 *     gcl_events *events = gcl_events_open("runs/x", first_step, &err);
 *     gcl_events_scalar(events, "losses/d_loss", 0.61);
 *     gcl_events_scalar(events, "lr/D", 1e-4);
 *     gcl_events_write(events, 10, &err);                 both, of step 10, in one record
 *     gcl_events_close(events);
 *
 * A file is called events.out.tfevents.SECONDS.HOST.PID and holds records
 *
 *     length n (8 bytes), checksum of these 8, n bytes, checksum of those
 *
 * least significant byte first. A checksum is the CRC-32C c, masked: (c rotated right by 15 bits) +
 * 0xa282ead8. The bytes are a message Event (tensorflow/core/util/event.proto). A record that was cut
 * short, by a kill or a full disk, ends its file for readers and harms nothing else.
 *
 * Each opening begins a new file, whose name sorts behind the older ones. It begins with an event
 * SessionLog START of its first step: readers then forget what older files hold of that step and later
 * ones, so a run that goes on from a checkpoint shows no step twice.
 *
 * Every function but open takes NULL for "no event file" and then does nothing. */
#ifndef GCL_IO_EVENTS_H
#define GCL_IO_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct gcl_events gcl_events;

/* Errors: GCL_DISK. */
gcl_events *gcl_events_open(const char *folder, int64_t first_step, gcl_error *err);
void gcl_events_close(gcl_events *events);
int gcl_events_is_first(const gcl_events *events); /* 1: there was no event file in the folder */

/* Each adds a value to the next record. A tag may have several parts with slashes between. */
void gcl_events_scalar(gcl_events *events, const char *tag, double value); /* kept as a float */
void gcl_events_text(gcl_events *events, const char *tag, const char *markdown);
/* The n bytes of a PNG file. Errors: GCL_DATA (they are none). */
int gcl_events_png(gcl_events *events, const char *tag, const uint8_t *png, size_t n,
                   gcl_error *err);

/* Writes a record of what was added since the last one, with the time of now; none if nothing was.
 * Errors: GCL_DISK. */
int gcl_events_write(gcl_events *events, int64_t step, gcl_error *err);
/* Puts on the disk what was written. Errors: GCL_DISK. */
int gcl_events_sync(gcl_events *events, gcl_error *err);

#endif
