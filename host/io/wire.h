/* Messages in the wire format of protocol buffers, written field by field.
 *
 *     gcl_text inner = {0}, outer = {0};
 *     gcl_wire_bytes(&inner, 1, "loss", 4);               field 1: text
 *     gcl_wire_float(&inner, 2, 0.5f);                    field 2: fixed32
 *     gcl_wire_bytes(&outer, 5, inner.text, inner.length);   field 5: the message inside
 *
 * A field is a key, number * 8 + wire type as a varint, and its value: a varint (wire type 0), eight or
 * four bytes with the least significant first (1, 5), or a length and that many bytes (2). Fields may
 * come in any order; one that is left out has its default. Source: protobuf.dev, "Encoding". */
#ifndef GCL_IO_WIRE_H
#define GCL_IO_WIRE_H

#include <stdint.h>

#include "base/memory.h"

void gcl_wire_int(gcl_text *message, int field, int64_t value); /* int32, int64, enum, bool */
void gcl_wire_double(gcl_text *message, int field, double value);
void gcl_wire_float(gcl_text *message, int field, float value);
void gcl_wire_bytes(gcl_text *message, int field, const void *bytes, size_t n);
void gcl_wire_string(gcl_text *message, int field, const char *text);
void gcl_wire_message(gcl_text *message, int field, const gcl_text *inner);

/* The n bytes of a fixed-width number, least significant first. */
void gcl_wire_fixed(gcl_text *message, uint64_t value, int n);

#endif
