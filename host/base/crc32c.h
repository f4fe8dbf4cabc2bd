/* CRC-32C, the checksum of Castagnoli's polynomial 0x1EDC6F41 (RFC 3720, appendix B.4). */
#ifndef GCL_BASE_CRC32C_H
#define GCL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t gcl_crc32c(const void *bytes, size_t n); /* "123456789" gives 0xE3069283 */

#endif
