#include "sequence.h"

#include "number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 128 };

static enum dg_code grow(dg_sequence *s, dg_err *err)
{
    size_t capacity = s->capacity ? 2 * s->capacity : FIRST_CAPACITY;
    double *numbers = realloc(s->numbers, capacity * sizeof *numbers);
    if (!numbers) return dg_fail_nomem(err, "a sequence");
    s->numbers = numbers;
    s->capacity = capacity;
    return DG_OK;
}

enum dg_code dg_sequence_add(dg_sequence *s, double number, dg_err *err)
{
    if (s->count == s->capacity && grow(s, err) != DG_OK) return err->code;
    s->numbers[s->count++] = number;
    return DG_OK;
}

struct reader {
    const char *start, *at, *end;
};

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

/* Steps over the character if it is next. */
static int take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c) return 0;
    r->at++;
    return 1;
}

static enum dg_code malformed(const struct reader *r, const char *expected, dg_err *err)
{
    const size_t position = (size_t)(r->at - r->start) + 1;
    if (r->at == r->end)
        return dg_fail(err, DG_ERROR, "the sequence ends at byte %zu, where it takes %s", position, expected);
    return dg_fail(err, DG_ERROR, "the sequence takes %s at byte %zu", expected, position);
}

static enum dg_code read_element(struct reader *r, dg_sequence *s, dg_err *err)
{
    double number = NAN;
    size_t left = (size_t)(r->end - r->at);
    size_t length = left >= 4 && memcmp(r->at, "null", 4) == 0 ? 4 : dg_number_read(r->at, left, &number);
    if (length == 0) return malformed(r, "a number or null", err);
    r->at += length;
    return dg_sequence_add(s, number, err);
}

enum dg_code dg_sequence_parse(dg_sequence *s, const char *text, size_t bytes, dg_err *err)
{
    struct reader r = {text, text, text + bytes};
    s->count = 0;
    if (!take(&r, '[')) return malformed(&r, "a JSON array, [", err);
    skip_space(&r);
    if (!take(&r, ']')) {
        do {
            skip_space(&r);
            if (read_element(&r, s, err) != DG_OK) return err->code;
        } while (take(&r, ','));
        if (!take(&r, ']')) return malformed(&r, "a comma or ]", err);
    }
    skip_space(&r);
    return r.at == r.end ? DG_OK : malformed(&r, "nothing", err);
}

void dg_sequence_free(dg_sequence *s)
{
    free(s->numbers);
    *s = (dg_sequence){0};
}
