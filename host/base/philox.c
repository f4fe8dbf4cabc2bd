#include "base/philox.h"

#include <Random123/philox.h>
#include <math.h>

static philox4x32_ctr_t draw(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index)
{
    philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)(index >> 32), stream, step}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    return philox4x32(counter, key);
}

uint32_t gcl_philox_bits(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index)
{
    return draw(seed, step, stream, index).v[0];
}

double gcl_philox_uniform(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index)
{
    return (draw(seed, step, stream, index).v[0] >> 8) * 0x1p-24;
}

double gcl_philox_normal(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index)
{
    philox4x32_ctr_t r = draw(seed, step, stream, index);
    double u1 = (r.v[0] >> 8) * 0x1p-24 + 0x1p-25, u2 = (r.v[1] >> 8) * 0x1p-24;
    return sqrt(-2 * log(u1)) * cos(6.283185307179586 * u2);
}

uint32_t gcl_philox_below(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index, uint32_t n)
{
    return (uint32_t)(((uint64_t)gcl_philox_bits(seed, step, stream, index) * n) >> 32);
}
