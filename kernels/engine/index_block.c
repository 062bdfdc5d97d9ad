#include "index_block.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 8,
    PACKED_HEADER = 10,
    WIDEST_FIELD = 56, /* of those that lie in any eight bytes from a byte's start */
    VARINT_MAX = 5,
    FIRST_CAPACITY = 512,
};

/* --- bytes --- */

static uint64_t little(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return word;
#else
    return __builtin_bswap64(word);
#endif
}

/* Up to eight bytes as a number. */
static uint64_t load(const uint8_t *from, size_t bytes)
{
    uint64_t word = 0;
    memcpy(&word, from, bytes < 8 ? bytes : 8);
    return little(word);
}

static void store(uint8_t *to, uint64_t number, size_t bytes)
{
    number = little(number);
    memcpy(to, &number, bytes);
}

void dg_bytes_free(dg_bytes *bytes)
{
    free(bytes->data);
    *bytes = (dg_bytes){0};
}

/* Makes room for `size` bytes, and empties it. */
static int begin(dg_bytes *bytes, size_t size)
{
    if (size > bytes->capacity) {
        uint8_t *data = realloc(bytes->data, size);
        if (!data) return 0;
        bytes->data = data;
        bytes->capacity = size;
    }
    bytes->size = HEADER;
    return 1;
}

/* Multiplies and folds eight bytes at a time; the last ones are filled up with zeros. */
static uint32_t checksum(const uint8_t *from, size_t bytes)
{
    uint64_t sum = bytes;
    for (; bytes > 0; from += 8, bytes -= bytes < 8 ? bytes : 8) {
        sum = (sum ^ load(from, bytes)) * 0x9fb21c651e98df25u;
        sum ^= sum >> 35;
    }
    return (uint32_t)(sum ^ sum >> 32);
}

static void finish(dg_bytes *bytes, uint32_t count)
{
    store(bytes->data + 4, count, 4);
    store(bytes->data, checksum(bytes->data + 4, bytes->size - 4), 4);
}

int dg_index_block_intact(const void *block, size_t size)
{
    const uint8_t *bytes = block;
    return size > HEADER && load(bytes, 4) == checksum(bytes + 4, size - 4);
}

/* --- packed numbers --- */

static size_t field_bytes(uint32_t count, uint32_t width)
{
    return (size_t)(((uint64_t)count * width + 7) / 8);
}

int64_t dg_packed_get(const dg_packed *packed, uint32_t i)
{
    uint64_t number = packed->base + (packed->stride ? i : 0);
    if (packed->width) {
        const uint64_t bit = (uint64_t)i * packed->width;
        const uint8_t *at = packed->bits + bit / 8;
        const uint64_t word = load(at, (size_t)(packed->end - at));
        number += packed->width == 64 ? word : word >> bit % 8 & (((uint64_t)1 << packed->width) - 1);
    }
    return (int64_t)number;
}

/* Opens packed numbers at `from`. Returns what follows them, or NULL where they do not end before `end`. */
static const uint8_t *open_packed(const uint8_t *from, const uint8_t *end, uint32_t count, dg_packed *packed)
{
    if (end - from < PACKED_HEADER) return NULL;
    const uint32_t width = from[9];
    *packed = (dg_packed){.base = load(from, 8), .stride = from[8], .width = width};
    from += PACKED_HEADER;
    if (packed->stride > 1 || (width > WIDEST_FIELD && width != 64)) return NULL;
    const size_t bytes = field_bytes(count, width);
    if ((size_t)(end - from) < bytes) return NULL;
    packed->bits = from;
    packed->end = from + bytes;
    return packed->end;
}

static uint32_t width_of(uint64_t range)
{
    const uint32_t width = range ? 64 - (uint32_t)__builtin_clzll(range) : 0;
    return width > WIDEST_FIELD ? 64 : width;
}

static int is_run(const int64_t *numbers, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if ((uint64_t)numbers[i] - (uint64_t)numbers[0] != i) return 0;
    return 1;
}

/* Appends to bytes that have room for PACKED_HEADER + 8 * count + 8. */
static void pack(const int64_t *numbers, uint32_t count, dg_bytes *bytes)
{
    uint8_t *to = bytes->data + bytes->size;
    int64_t least = numbers[0], most = numbers[0];
    for (uint32_t i = 1; i < count; i++) {
        if (numbers[i] < least) least = numbers[i];
        if (numbers[i] > most) most = numbers[i];
    }
    const int run = is_run(numbers, count);
    const uint32_t width = run ? 0 : width_of((uint64_t)most - (uint64_t)least);
    store(to, (uint64_t)(run ? numbers[0] : least), 8);
    to[8] = (uint8_t)run;
    to[9] = (uint8_t)width;
    to += PACKED_HEADER;
    const size_t bytes_needed = field_bytes(count, width);
    memset(to, 0, bytes_needed + 8);
    for (uint32_t i = 0; width && i < count; i++) {
        const uint64_t bit = (uint64_t)i * width;
        const uint64_t field = (uint64_t)numbers[i] - (uint64_t)least;
        uint8_t *at = to + bit / 8;
        store(at, load(at, 8) | field << bit % 8, 8);
    }
    bytes->size += PACKED_HEADER + bytes_needed;
}

/* --- growing lists --- */

/* The capacity for `more` beyond `count`; 0: as it is. UINT32_MAX: too many. */
static uint32_t grown(uint32_t count, uint32_t capacity, uint32_t more)
{
    if (capacity - count >= more) return 0;
    uint64_t wanted = capacity ? (uint64_t)capacity * 2 : FIRST_CAPACITY;
    if (wanted < (uint64_t)count + more) wanted = (uint64_t)count + more;
    return wanted < UINT32_MAX ? (uint32_t)wanted : UINT32_MAX;
}

static int regrow(void *list, uint32_t capacity, size_t each)
{
    void **pointer = list;
    void *memory = realloc(*pointer, capacity * each);
    if (!memory) return 0;
    *pointer = memory;
    return 1;
}

/* --- rows --- */

int dg_index_rows_reserve(const dg_index_shape *shape, dg_index_rows *rows, uint32_t more)
{
    const uint32_t capacity = grown(rows->count, rows->capacity, more);
    if (capacity == 0) return 1;
    if (capacity == UINT32_MAX || !regrow(&rows->ids, capacity, sizeof *rows->ids) ||
        !regrow(&rows->marks, capacity, sizeof *rows->marks) ||
        !regrow(&rows->hashes, capacity, shape->bytes))
        return 0;
    rows->capacity = capacity;
    return 1;
}

void dg_index_rows_add(const dg_index_shape *shape, dg_index_rows *rows, int64_t id, int64_t mark,
                       const uint8_t *hash)
{
    rows->ids[rows->count] = id;
    rows->marks[rows->count] = mark;
    memcpy(rows->hashes + (size_t)rows->count * shape->bytes, hash, shape->bytes);
    rows->count++;
}

void dg_index_rows_free(dg_index_rows *rows)
{
    free(rows->ids);
    free(rows->marks);
    free(rows->hashes);
    *rows = (dg_index_rows){0};
}

int dg_index_rows_open(const dg_index_shape *shape, const void *block, size_t size, dg_index_rows_view *view)
{
    if (!block || size < HEADER) return 0;
    const uint8_t *from = block, *end = from + size;
    view->count = (uint32_t)load(from + 4, 4);
    if (view->count == 0) return 0;
    from = open_packed(from + HEADER, end, view->count, &view->ids);
    if (from) from = open_packed(from, end, view->count, &view->marks);
    if (!from || (uint64_t)(end - from) != (uint64_t)view->count * shape->bytes) return 0;
    view->hashes = from;
    return 1;
}

int64_t dg_index_rows_find(const dg_index_rows_view *view, int64_t id)
{
    uint32_t low = 0, high = view->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (dg_packed_get(&view->ids, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < view->count && dg_packed_get(&view->ids, low) == id ? (int64_t)low : -1;
}

int dg_index_rows_decode(const dg_index_shape *shape, const void *block, size_t size, dg_index_rows *rows)
{
    dg_index_rows_view view;
    if (!dg_index_rows_open(shape, block, size, &view)) return 0;
    if (!dg_index_rows_reserve(shape, rows, view.count)) return -1;
    for (uint32_t i = 0; i < view.count; i++) {
        const int64_t id = dg_packed_get(&view.ids, i);
        if (i && id <= rows->ids[rows->count - 1]) return 0;
        dg_index_rows_add(shape, rows, id, dg_packed_get(&view.marks, i),
                          view.hashes + (size_t)i * shape->bytes);
    }
    return 1;
}

int dg_index_rows_encode(const dg_index_shape *shape, const dg_index_rows *rows, uint32_t from,
                         uint32_t count, dg_bytes *out)
{
    const size_t hashes = (size_t)count * shape->bytes;
    if (!begin(out, HEADER + 2 * (PACKED_HEADER + 8 * (size_t)count + 8) + hashes)) return 0;
    pack(rows->ids + from, count, out);
    pack(rows->marks + from, count, out);
    memcpy(out->data + out->size, rows->hashes + (size_t)from * shape->bytes, hashes);
    out->size += hashes;
    finish(out, count);
    return 1;
}

/* What packing will take, kept up to date while numbers are added. */
struct packing {
    int64_t first, least, most;
    int run;
};

static void packing_add(struct packing *p, int64_t number, uint32_t place)
{
    if (place == 0) *p = (struct packing){number, number, number, 1};
    if (number < p->least) p->least = number;
    if (number > p->most) p->most = number;
    if ((uint64_t)number - (uint64_t)p->first != place) p->run = 0;
}

static size_t packing_bytes(const struct packing *p, uint32_t count)
{
    return PACKED_HEADER + field_bytes(count, p->run ? 0 : width_of((uint64_t)p->most - (uint64_t)p->least));
}

uint32_t dg_index_rows_fit(const dg_index_shape *shape, const dg_index_rows *rows, uint32_t from,
                           size_t limit)
{
    struct packing ids, marks;
    uint32_t fit = 0;
    while (from + fit < rows->count) {
        packing_add(&ids, rows->ids[from + fit], fit);
        packing_add(&marks, rows->marks[from + fit], fit);
        const size_t bytes = HEADER + packing_bytes(&ids, fit + 1) + packing_bytes(&marks, fit + 1) +
                             (size_t)(fit + 1) * shape->bytes;
        if (fit && bytes > limit) break;
        fit++;
    }
    return fit;
}

/* --- entries of a band --- */

int dg_index_entries_reserve(const dg_index_shape *shape, dg_index_entries *entries, uint32_t more)
{
    const uint32_t capacity = grown(entries->count, entries->capacity, more);
    if (capacity == 0) return 1;
    if (capacity == UINT32_MAX || !regrow(&entries->prefixes, capacity, sizeof *entries->prefixes) ||
        !regrow(&entries->ids, capacity, sizeof *entries->ids) ||
        !regrow(&entries->tails, capacity, shape->tail))
        return 0;
    entries->capacity = capacity;
    return 1;
}

void dg_index_entries_add(const dg_index_shape *shape, dg_index_entries *entries, uint32_t prefix, int64_t id,
                          const uint8_t *tail)
{
    entries->prefixes[entries->count] = prefix;
    entries->ids[entries->count] = id;
    memcpy(entries->tails + (size_t)entries->count * shape->tail, tail, shape->tail);
    entries->count++;
}

void dg_index_entries_free(dg_index_entries *entries)
{
    free(entries->prefixes);
    free(entries->ids);
    free(entries->tails);
    *entries = (dg_index_entries){0};
}

void dg_index_entries_drop(const dg_index_shape *shape, dg_index_entries *entries, uint32_t count)
{
    const size_t left = entries->count - count;
    memmove(entries->prefixes, entries->prefixes + count, left * sizeof *entries->prefixes);
    memmove(entries->ids, entries->ids + count, left * sizeof *entries->ids);
    memmove(entries->tails, entries->tails + (size_t)count * shape->tail, left * shape->tail);
    entries->count = (uint32_t)left;
}

static uint8_t *put_varint(uint8_t *to, uint32_t number)
{
    for (; number > 127; number >>= 7) *to++ = (uint8_t)(number | 128);
    *to++ = (uint8_t)number;
    return to;
}

static const uint8_t *get_varint(const uint8_t *from, const uint8_t *end, uint32_t *number)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; from < end && shift < 7 * VARINT_MAX; shift += 7) {
        const uint8_t byte = *from++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *number = (uint32_t)value;
            return value <= UINT32_MAX ? from : NULL;
        }
    }
    return NULL;
}

int dg_index_band_open(const dg_index_shape *shape, const void *block, size_t size, dg_index_band_view *view)
{
    if (!block || size < HEADER + 4) return 0;
    const uint8_t *from = block, *end = from + size;
    *view = (dg_index_band_view){.count = (uint32_t)load(from + 4, 4)};
    const uint64_t directory = load(from + HEADER, 4), tails = (uint64_t)view->count * shape->tail;
    from += HEADER + 4;
    if (view->count == 0 || directory > (uint64_t)(end - from) || tails > (uint64_t)(end - from) - directory)
        return 0;
    view->directory = from;
    view->directory_end = view->tails = from + directory;
    return open_packed(view->tails + tails, end, view->count, &view->ids) == end;
}

int dg_index_band_next(dg_index_band_view *view)
{
    uint32_t step, entries;
    const uint32_t first = view->first + view->entries;
    if (view->directory == view->directory_end) return first == view->count ? 0 : -1;
    const uint8_t *at = get_varint(view->directory, view->directory_end, &step);
    if (at) at = get_varint(at, view->directory_end, &entries);
    if (!at || (step == 0 && view->entries) || step >= DG_INDEX_BUCKETS - view->bucket || entries == 0 ||
        entries > view->count - first)
        return -1;
    view->directory = at;
    view->bucket += step;
    view->first = first;
    view->entries = entries;
    return 1;
}

int dg_index_entries_decode(const dg_index_shape *shape, const void *block, size_t size,
                            dg_index_entries *entries)
{
    dg_index_band_view view;
    int more;
    const uint32_t start = entries->count;
    if (!dg_index_band_open(shape, block, size, &view)) return 0;
    if (!dg_index_entries_reserve(shape, entries, view.count)) return -1;
    while ((more = dg_index_band_next(&view)) > 0)
        for (uint32_t i = view.first; i < view.first + view.entries; i++) {
            const uint8_t *tail = view.tails + (size_t)i * shape->tail;
            const uint32_t prefix = dg_index_prefix(view.bucket, tail), last = entries->count - 1;
            const int64_t id = dg_packed_get(&view.ids, i);
            if (entries->count > start && (prefix < entries->prefixes[last] ||
                                           (prefix == entries->prefixes[last] && id <= entries->ids[last])))
                return 0;
            dg_index_entries_add(shape, entries, prefix, id, tail);
        }
    return more == 0;
}

int dg_index_entries_encode(const dg_index_shape *shape, const dg_index_entries *entries, uint32_t from,
                            uint32_t count, dg_bytes *out)
{
    const size_t tails = (size_t)count * shape->tail;
    if (!begin(out,
               HEADER + 4 + 2 * VARINT_MAX * (size_t)count + tails + PACKED_HEADER + 8 * (size_t)count + 8))
        return 0;
    uint8_t *directory = out->data + HEADER + 4, *at = directory;
    uint32_t bucket = 0;
    for (uint32_t i = from; i < from + count;) {
        const uint32_t next = entries->prefixes[i] >> 16, first = i;
        while (i < from + count && entries->prefixes[i] >> 16 == next) i++;
        at = put_varint(at, next - bucket);
        at = put_varint(at, i - first);
        bucket = next;
    }
    store(out->data + HEADER, (uint64_t)(at - directory), 4);
    memcpy(at, entries->tails + (size_t)from * shape->tail, tails);
    out->size = (size_t)(at - out->data) + tails;
    pack(entries->ids + from, count, out);
    finish(out, count);
    return 1;
}

uint32_t dg_index_entries_fit(const dg_index_shape *shape, const dg_index_entries *entries, uint32_t from,
                              size_t limit)
{
    struct packing ids;
    uint32_t fit = 0, cut = 0; /* `cut`: the last place between two prefixes */
    size_t directory = 0;
    while (from + fit < entries->count) {
        const uint32_t prefix = entries->prefixes[from + fit];
        const int apart = fit == 0 || prefix != entries->prefixes[from + fit - 1];
        if (apart) cut = fit;
        if (fit == 0 || prefix >> 16 != entries->prefixes[from + fit - 1] >> 16) directory += 3;
        packing_add(&ids, entries->ids[from + fit], fit);
        const size_t bytes =
            HEADER + 4 + directory + (size_t)(fit + 1) * shape->tail + packing_bytes(&ids, fit + 1);
        if (cut && bytes > limit) return cut;
        fit++;
    }
    return fit;
}
