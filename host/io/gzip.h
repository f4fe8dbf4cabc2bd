/* Files that may be compressed with gzip. */
#ifndef GCL_IO_GZIP_H
#define GCL_IO_GZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads a whole file as gcl_file_read does; one that begins as gzip does (RFC 1952) is unpacked, all
 * its members behind each other, to at most `limit` bytes. Errors: GCL_DATA (as there; damaged, cut
 * short, too large), GCL_MEMORY. */
int gcl_gzip_read(const char *path, size_t limit, uint8_t **bytes, size_t *n, gcl_error *err);

/* The first `n` bytes of the unpacked file; -1 when it has fewer or cannot be read. */
int gcl_gzip_peek(const char *path, uint8_t *bytes, size_t n);

#endif
