/* SHA-256 (FIPS 180-4): names the entries of the program cache.
 *
 *     gcl_sha256 sum;
 *     gcl_sha256_start(&sum);
 *     gcl_sha256_add(&sum, data, bytes);
 *     gcl_sha256_end(&sum, digest);
 */
#ifndef GCL_BASE_SHA256_H
#define GCL_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { GCL_SHA256_BYTES = 32, GCL_SHA256_HEX = 65 };

typedef struct gcl_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} gcl_sha256;

void gcl_sha256_start(gcl_sha256 *sum);
void gcl_sha256_add(gcl_sha256 *sum, const void *data, size_t bytes);
void gcl_sha256_end(gcl_sha256 *sum, uint8_t digest[GCL_SHA256_BYTES]);

/* The digest as 64 lower-case hexadecimal digits, terminated. */
void gcl_sha256_hex(const uint8_t digest[GCL_SHA256_BYTES], char text[GCL_SHA256_HEX]);

#endif
