#include "number.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/*
 * A decimal number is digits * 10^exponent. Up to 19 digits with a small exponent are computed in 128 bits,
 * exactly; any other by long division of whole numbers, slowly.
 */
typedef unsigned __int128 wide;

enum {
    SHORT_DIGITS = 19, /* that 64 bits hold */
    SHORT_POWER = 27,  /* of five, that 64 bits hold */
    MOST_DIGITS = 800, /* that can decide how to round; what follows only matters as not being 0 */
    BEYOND = 400,      /* 10^BEYOND and 10^-BEYOND are no finite number and no number but 0, with one digit */
    LIMBS = 160,       /* of 32 bits: more than 800 digits and 1,200 powers of ten take */
};

struct decimal {
    const char *digits; /* the first that is not 0; there may be a point among them */
    size_t count;       /* of digits from there, without the point */
    size_t significant; /* of those, without the zeros at the end */
    uint64_t short_digits;
    int64_t exponent;
};

/* sign * m * 2^exponent, where `more` says that m has been rounded down; m is not 0. */
static double binary(wide m, int more, int64_t exponent)
{
    int length = m >> 64 ? 128 - __builtin_clzll((uint64_t)(m >> 64)) : 64 - __builtin_clzll((uint64_t)m);
    int64_t lowest = exponent + length - 53; /* exponent of the last bit kept */
    if (lowest < -1074) lowest = -1074;
    int64_t drop = lowest - exponent;
    if (drop > 0) {
        if (drop > length + 1) return 0;
        wide kept = drop < 128 ? m >> drop : 0, half = (wide)1 << (drop - 1);
        int above_half = (m & half) != 0 && ((m & (half - 1)) != 0 || more);
        int exactly_half = (m & half) != 0 && !above_half;
        m = kept + (above_half || (exactly_half && (kept & 1)));
        exponent = lowest;
    }
    return ldexp((double)(uint64_t)m, (int)exponent);
}

static uint64_t power_of_five(int64_t n)
{
    uint64_t power = 1;
    while (n--) power *= 5;
    return power;
}

static double short_number(uint64_t digits, int64_t exponent)
{
    if (exponent >= 0) return binary((wide)digits * power_of_five(exponent), 0, exponent);
    const uint64_t divisor = power_of_five(-exponent);
    const int shift = 64 + __builtin_clzll(digits);
    const wide dividend = (wide)digits << shift;
    return binary(dividend / divisor, dividend % divisor != 0, exponent - shift);
}

/* A whole number, the lowest limb first. */
struct large {
    uint32_t limb[LIMBS];
    int count; /* limbs, the last not 0 */
};

static void multiply_add(struct large *a, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (int i = 0; i < a->count; i++) {
        carry += (uint64_t)a->limb[i] * factor;
        a->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) a->limb[a->count++] = (uint32_t)carry;
}

static void shift_left(struct large *a, int64_t bits)
{
    for (; bits >= 31; bits -= 31) multiply_add(a, 1u << 31, 0);
    multiply_add(a, 1u << bits, 0);
}

static int64_t bit_length(const struct large *a)
{
    return 32 * (int64_t)a->count - __builtin_clz(a->limb[a->count - 1]);
}

static int at_least(const struct large *a, const struct large *b)
{
    if (a->count != b->count) return a->count > b->count;
    for (int i = a->count - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i]) return a->limb[i] > b->limb[i];
    return 1;
}

static void subtract(struct large *a, const struct large *b)
{
    int64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->count ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (a->count && a->limb[a->count - 1] == 0) a->count--;
}

static double long_number(const struct decimal *d)
{
    struct large dividend = {.count = 0}, divisor = {{1}, 1};
    int64_t exponent = d->exponent;
    size_t used = 0;
    const char *at = d->digits;
    for (; used < d->significant && used < MOST_DIGITS; at++)
        if (*at != '.') {
            multiply_add(&dividend, 10, (uint32_t)(*at - '0'));
            used++;
        }
    if (used < d->significant) { /* a digit that is not 0 stands for all that are left out */
        multiply_add(&dividend, 10, 1);
        used++;
    }
    exponent += (int64_t)(d->count - used);
    for (; exponent > 0; exponent--) multiply_add(&dividend, 10, 0);
    for (; exponent < 0; exponent++) multiply_add(&divisor, 10, 0);

    /* The quotient's whole part is to have 64 or 65 bits. */
    int64_t shift = 64 - (bit_length(&dividend) - bit_length(&divisor));
    shift_left(shift > 0 ? &dividend : &divisor, shift > 0 ? shift : -shift);
    wide quotient = 0;
    shift_left(&divisor, 64);
    for (int bit = 64; bit >= 0; bit--) {
        quotient <<= 1;
        if (at_least(&dividend, &divisor)) {
            subtract(&dividend, &divisor);
            quotient |= 1;
        }
        shift_left(&dividend, 1);
    }
    return binary(quotient, dividend.count != 0, -shift);
}

static double value_of(const struct decimal *d)
{
    const int64_t size = d->exponent + (int64_t)d->count; /* the number is below 10^size */
    if (d->count == 0 || size < -BEYOND) return 0;
    if (size > BEYOND) return INFINITY;
    if (d->count <= SHORT_DIGITS && d->exponent >= -SHORT_POWER && d->exponent <= SHORT_POWER)
        return short_number(d->short_digits, d->exponent);
    return long_number(d);
}

static int is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* Digits up to the first other character. Zeros before the first digit that counts are left out. */
static const char *read_digits(const char *at, const char *end, struct decimal *d)
{
    for (; is_digit(at, end); at++) {
        if (d->count == 0 && *at == '0') continue;
        if (d->count == 0) d->digits = at;
        if (d->count++ < SHORT_DIGITS) d->short_digits = d->short_digits * 10 + (uint64_t)(*at - '0');
        if (*at != '0') d->significant = d->count;
    }
    return at;
}

/* The exponent behind an e; no digits: NULL. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    int negative = at < end && *at == '-';
    int64_t size = 0;
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (!is_digit(at, end)) return NULL;
    for (; is_digit(at, end); at++)
        if (size < (int64_t)1 << 50) size = size * 10 + (*at - '0');
    *exponent += negative ? -size : size;
    return at;
}

size_t dg_number_read(const char *text, size_t bytes, double *number)
{
    const char *at = text, *end = text + bytes;
    struct decimal d = {.digits = NULL};
    const int negative = at < end && *at == '-';
    if (negative) at++;
    if (!is_digit(at, end)) return 0;
    if (*at == '0' && is_digit(at + 1, end)) return 0;
    at = read_digits(at, end, &d);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        if (!is_digit(at, end)) return 0;
        at = read_digits(at, end, &d);
        d.exponent = fraction - at;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at = read_exponent(at + 1, end, &d.exponent);
        if (!at) return 0;
    }
    double value = value_of(&d);
    *number = negative ? -value : value;
    return (size_t)(at - text);
}
