/* Vectors of one lane, for instruction sets without wider ones. The including file defines vec, bits_of and
 * TARGET. */
#define ONE static inline __attribute__((always_inline)) TARGET

ONE vec load64(const uint64_t *p, unsigned n)
{
    (void)n;
    return *p;
}

ONE vec load32(const uint32_t *p, unsigned n)
{
    (void)n;
    return *p;
}

ONE vec same64(uint64_t x)
{
    return x;
}

ONE vec same32(uint32_t x)
{
    return x;
}

ONE vec differ64(vec x, vec y)
{
    return bits_of(x ^ y);
}

ONE vec differ32(vec x, vec y)
{
    return bits_of(x ^ y);
}

ONE vec plus(vec x, vec y)
{
    return x + y;
}

ONE vec least(vec x, vec y)
{
    return x < y ? x : y;
}

ONE unsigned within64(vec x, uint64_t limit)
{
    return x <= limit;
}

ONE unsigned within32(vec x, uint32_t limit)
{
    return x <= limit;
}

#include "sieve.inc.h"
#include "histogram.inc.h"
#include "nearest.inc.h"
