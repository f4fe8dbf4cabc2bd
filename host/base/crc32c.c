#include "base/crc32c.h"

#include <pthread.h>

/* tables[k][i]: the remainder of the byte i followed by k bytes of zeros, by the polynomial in
 * reflected order; with eight of them, eight bytes are taken at once. */
static uint32_t tables[8][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    const uint32_t polynomial = 0x82f63b78;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t remainder = i;
        for (int bit = 0; bit < 8; bit++)
            remainder = remainder >> 1 ^ (remainder & 1 ? polynomial : 0);
        tables[0][i] = remainder;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
}

uint32_t gcl_crc32c(const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    uint32_t crc = ~UINT32_C(0);
    pthread_once(&made, make_tables);
    for (; n >= 8; n -= 8, b += 8)
        crc = tables[7][b[0] ^ (crc & 255)] ^ tables[6][b[1] ^ (crc >> 8 & 255)] ^
              tables[5][b[2] ^ (crc >> 16 & 255)] ^ tables[4][b[3] ^ crc >> 24] ^ tables[3][b[4]] ^
              tables[2][b[5]] ^ tables[1][b[6]] ^ tables[0][b[7]];
    for (; n > 0; n--, b++)
        crc = crc >> 8 ^ tables[0][(crc ^ *b) & 255];
    return ~crc;
}
