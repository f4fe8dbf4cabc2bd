#include "io/wire.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void add_varint(gcl_text *message, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(value | 0x80);
    bytes[n++] = (char)value;
    gcl_text_add_bytes(message, bytes, n);
}

void gcl_wire_fixed(gcl_text *message, uint64_t value, int n)
{
    char bytes[8];
    for (int i = 0; i < n; i++, value >>= 8)
        bytes[i] = (char)value;
    gcl_text_add_bytes(message, bytes, (size_t)n);
}

static void add_key(gcl_text *message, int field, int type)
{
    add_varint(message, (uint64_t)field << 3 | (uint64_t)type);
}

void gcl_wire_int(gcl_text *message, int field, int64_t value)
{
    add_key(message, field, VARINT);
    add_varint(message, (uint64_t)value);
}

void gcl_wire_double(gcl_text *message, int field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_key(message, field, FIXED64);
    gcl_wire_fixed(message, bits, 8);
}

void gcl_wire_float(gcl_text *message, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_key(message, field, FIXED32);
    gcl_wire_fixed(message, bits, 4);
}

void gcl_wire_bytes(gcl_text *message, int field, const void *bytes, size_t n)
{
    add_key(message, field, DELIMITED);
    add_varint(message, n);
    gcl_text_add_bytes(message, bytes, n);
}

void gcl_wire_string(gcl_text *message, int field, const char *text)
{
    gcl_wire_bytes(message, field, text, strlen(text));
}

void gcl_wire_message(gcl_text *message, int field, const gcl_text *inner)
{
    gcl_wire_bytes(message, field, inner->text, inner->length);
}
