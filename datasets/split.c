#include "datasets/split.h"

#include <string.h>

#include "base/sha256.h"

bool gcl_split_holds_out(const char *name, double share)
{
    uint8_t digest[GCL_SHA256_BYTES];
    gcl_sha256 sum;
    gcl_sha256_start(&sum);
    gcl_sha256_add(&sum, name, strlen(name));
    gcl_sha256_end(&sum, digest);
    uint32_t bits = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                    (uint32_t)digest[2] << 8 | digest[3];
    return bits < share * 4294967296.0;
}
