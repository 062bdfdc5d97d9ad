#include "stage.h"

#include "window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HITS = 65536,   /* of a unit; a tile of 256 x 256 always fits */
    SLOTS_MIN = 32, /* units in flight: many to a parallel region, whose end waits for every thread */
    SLOTS_MAX = 256,
    SLOTS_LEAST = 2,     /* under a memory limit */
    SLOTS_FEW = 4,       /* of small tables, which make few units */
    SLOT_ROWS = 2048,    /* of a larger one for each slot */
    UNIT_COST = 1 << 22, /* least pairs compared in a unit of buckets: about a quarter of a millisecond */
    UNIT_COST_MAX = 1 << 26,
    UNIT_ROWS = 1 << 14, /* rows from which neighbouring buckets of a unit share what they read of others */
    LOOKUP_COST = 24,    /* pairs one look at a pair of buckets is worth */
    BUCKET_MAX = 4096,   /* larger buckets are cut into tiles */
    NOWHERE = -1,
};

/* A unit on its way: waiting, or run with its hits in a slot. */
typedef struct item {
    dg_unit unit;
    int slot;
    uint32_t hits;
} item;

/* Where the cutting of a pass into units stands. */
typedef struct generator {
    uint32_t bucket;         /* next bucket */
    uint32_t mask;           /* inside a large bucket: next mask */
    uint32_t tile_a, tile_b; /* inside a pair of large buckets or the tile grid */
    int inside;              /* a large bucket is being cut */
} generator;

struct dg_stage {
    dg_stage_spec spec;
    int self;
    uint32_t pass; /* chunk; layout.chunks: the brute pass */
    int brute;     /* the pass is a brute one */
    int pass_open, finished;
    int indexed; /* the tables of the pass are on the device */
    dg_index a, b;
    dg_windows windows;
    uint32_t *masks, mask_count;
    uint32_t *offsets_a, *offsets_b; /* host copies, or the device's memory itself */

    generator next; /* what of the pass has not become units yet */
    uint64_t units_made;
    double mean; /* rows in a bucket of b */

    item *items; /* in order; items[head ..] are not delivered yet */
    uint32_t head, count, room;
    uint32_t slots, batch, batch_max;
    int slot_used[SLOTS_MAX];
    dg_unit units[SLOTS_MAX];
    uint32_t counts[SLOTS_MAX];
    uint64_t candidates[SLOTS_MAX];
    dg_hit *hits; /* HITS for each slot */

    dg_stage_counts total;
};

/* --- passes --- */

static void free_index(dg_stage *s, dg_index *index, uint32_t **offsets)
{
    const dg_place *place = s->spec.place;
    if (*offsets != index->offsets.host) free(*offsets);
    *offsets = NULL;
    place->backend->free(place->device, &index->sieve);
    place->backend->free(place->device, &index->index);
    place->backend->free(place->device, &index->offsets);
}

static void drop_tables(dg_stage *s)
{
    if (!s->indexed) return;
    free_index(s, &s->a, &s->offsets_a);
    free_index(s, &s->b, &s->offsets_b);
    s->indexed = 0;
}

static void close_pass(dg_stage *s)
{
    drop_tables(s);
    free(s->masks);
    s->masks = NULL;
    s->pass_open = 0;
}

/* Words to sieve by: those the chunk does not touch, since inside a bucket the chunk's own bits tell nothing.
 */
static void choose_sieve(const dg_stage *s, dg_index *index)
{
    uint32_t words = s->spec.words, chosen = 0, wanted = dg_sieve_words_for(words, s->spec.threshold);
    uint32_t first = index->chunk.start / 64, last = (index->chunk.start + index->chunk.width - 1) / 64;
    index->sieve_bits = 64 * wanted;
    for (uint32_t w = 0; w < words && chosen < wanted; w++)
        if (w < first || w > last) index->sieve_word[chosen++] = w;
    for (uint32_t w = first; w <= last && chosen < wanted; w++) index->sieve_word[chosen++] = w;
}

/* Orders rows [begin, begin + count) by the chunk. `work` holds the sieve where it is large enough. */
static enum dg_code build_index(dg_stage *s, uint32_t begin, uint32_t count, const dg_chunk *chunk,
                                const dg_buffer *work, dg_index *index, uint32_t **offsets, dg_err *err)
{
    const dg_backend *backend = s->spec.place->backend;
    dg_device *device = s->spec.place->device;
    const int shared = s->spec.hashes.host != NULL;
    size_t offset_bytes = (((size_t)1 << chunk->width) + 1) * sizeof(uint32_t);
    *index = (dg_index){
        .hashes = s->spec.hashes, .words = s->spec.words, .begin = begin, .count = count, .chunk = *chunk};
    choose_sieve(s, index);
    int in_order = s->spec.sorted && chunk->start == 0 && s->spec.words == 1;
    size_t sieve_bytes = (size_t)count * index->sieve_bits / 8;
    if (backend->alloc(device, offset_bytes, NULL, &index->offsets, err)) return err->code;
    if (in_order) { /* the rows themselves are the sieve */
        uint64_t *rows = (uint64_t *)s->spec.hashes.host + begin;
        if (shared && backend->alloc(device, sieve_bytes, rows, &index->sieve, err)) return err->code;
    } else {
        void *space = shared && work && work->bytes >= sieve_bytes ? work->host : NULL;
        if (backend->alloc(device, sieve_bytes, space, &index->sieve, err)) return err->code;
        if (backend->alloc(device, (size_t)count * sizeof(uint32_t), NULL, &index->index, err))
            return err->code;
    }
    dg_op_partition op = {index, in_order};
    if (backend->run(device, DG_OP_PARTITION, &op, s->spec.poll, err)) return err->code;
    if (backend->wait(device, s->spec.poll, err)) return err->code;
    *offsets = index->offsets.host;
    if (!*offsets) {
        *offsets = malloc(offset_bytes);
        if (!*offsets) return dg_fail_nomem(err, "the offsets of buckets");
        if (backend->get(device, &index->offsets, 0, *offsets, offset_bytes, err)) return err->code;
    }
    return DG_OK;
}

/* Upper bound of the pairs chunk pass c compares, from the sizes of its buckets (Cauchy-Schwarz). */
static double counted_candidates(const dg_stage *s, const dg_chunk *chunk)
{
    uint32_t buckets = 1u << chunk->width;
    double squares_a = 0, squares_b = 0, near = dg_values_within(chunk->width, chunk->radius);
    for (uint32_t v = 0; v < buckets; v++) {
        double n = s->offsets_a[v + 1] - s->offsets_a[v];
        squares_a += n * n;
    }
    if (s->self) return near * squares_a / 2;
    for (uint32_t v = 0; v < buckets; v++) {
        double n = s->offsets_b[v + 1] - s->offsets_b[v];
        squares_b += n * n;
    }
    return near * sqrt(squares_a * squares_b);
}

/* Makes the tables of the pass ready on the device. */
static enum dg_code make_tables(dg_stage *s, dg_err *err)
{
    const dg_stage_spec *spec = &s->spec;
    s->indexed = 1;
    if (!s->brute) {
        const dg_chunk *chunk = &spec->layout.chunk[s->pass];
        const dg_buffer *work = dg_buffer_empty(&spec->work) ? NULL : &spec->work;
        if (build_index(s, spec->begin_a, spec->count_a, chunk, work, &s->a, &s->offsets_a, err))
            return err->code;
        if (s->self) return DG_OK;
        return build_index(s, spec->begin_b, spec->count_b, chunk, NULL, &s->b, &s->offsets_b, err);
    }
    s->a = (dg_index){.hashes = spec->hashes,
                      .words = spec->words,
                      .begin = spec->begin_a,
                      .count = spec->count_a,
                      .sieve_bits = spec->sieve_bits};
    for (uint32_t w = 0; w < DG_SIEVE_WORDS_MAX; w++) s->a.sieve_word[w] = w;
    s->b = s->a;
    s->b.begin = spec->begin_b;
    s->b.count = spec->count_b;
    return DG_OK;
}

/* The plan was made from a sample. Where it was wrong about this chunk, brute force does the rest. */
static int worse_than_brute(const dg_stage *s, const dg_chunk *chunk)
{
    const dg_stage_spec *spec = &s->spec;
    const dg_extent extent = {.rows_a = spec->count_a, .rows_b = spec->count_b, .self = s->self};
    const dg_costs *costs = &dg_standard_device.costs;
    double here = counted_candidates(s, chunk) * costs->vector / costs->lanes;
    return here > dg_extent_pairs(&extent) * dg_brute_pair(costs, dg_widest_sieve(spec->words));
}

static enum dg_code open_pass(dg_stage *s, dg_err *err)
{
    const dg_layout *layout = &s->spec.layout;
    const dg_chunk *chunk = &layout->chunk[s->pass];
    s->next = (generator){0};
    s->brute = layout->chunks == 0;
    if (make_tables(s, err)) goto fail;
    if (!s->brute && !s->spec.keep_layout && worse_than_brute(s, chunk)) {
        drop_tables(s);
        s->total.chunks_left = layout->chunks - s->pass;
        s->brute = 1;
        s->spec.tile = DG_TILE_MAX / 4; /* planned for buckets */
        if (make_tables(s, err)) goto fail;
    }
    if (!s->brute) {
        s->masks = malloc((size_t)dg_values_within(chunk->width, chunk->radius) * sizeof *s->masks);
        if (!s->masks) {
            dg_fail_nomem(err, "the bucket masks");
            goto fail;
        }
        s->mask_count = dg_masks_list(chunk->width, chunk->radius, s->masks);
        s->mean = ldexp(s->spec.count_b, -(int)chunk->width);
    }
    s->pass_open = 1;
    return DG_OK;
fail:
    close_pass(s);
    return err->code;
}

/* --- cutting a pass into units --- */

static uint32_t least(uint32_t x, uint32_t y)
{
    return x < y ? x : y;
}

/* The next tile of the grid over positions of a and b; `triangle`: only tiles on and above the diagonal. */
static int next_tile(dg_stage *s, uint32_t begin_a, uint32_t end_a, uint32_t begin_b, uint32_t end_b,
                     uint32_t side, int triangle, dg_unit *unit)
{
    uint32_t a0 = begin_a + s->next.tile_a * side;
    if (a0 >= end_a) return 0;
    uint32_t b0 = begin_b + s->next.tile_b * side;
    *unit = (dg_unit){DG_UNIT_TILE, a0, least(a0 + side, end_a), b0, least(b0 + side, end_b)};
    s->next.tile_b++;
    if (begin_b + s->next.tile_b * side >= end_b) {
        s->next.tile_a++;
        s->next.tile_b = triangle ? s->next.tile_a : 0;
    }
    return 1;
}

/* The next tile of bucket s->next.bucket with its neighbours. */
static int next_bucket_tile(dg_stage *s, dg_unit *unit)
{
    uint32_t v = s->next.bucket;
    const uint32_t *offsets_b = s->self ? s->offsets_a : s->offsets_b;
    for (; s->next.mask < s->mask_count; s->next.mask++, s->next.tile_a = s->next.tile_b = 0) {
        uint32_t u = v ^ s->masks[s->next.mask];
        if ((s->self && u < v) || offsets_b[u] == offsets_b[u + 1]) continue;
        if (next_tile(s, s->offsets_a[v], s->offsets_a[v + 1], offsets_b[u], offsets_b[u + 1], DG_TILE_MAX,
                      s->self && u == v, unit))
            return 1;
    }
    return 0;
}

/* The next unit of the pass; 0: there is none left. */
static int next_unit(dg_stage *s, dg_unit *unit)
{
    if (s->brute) return next_tile(s, 0, s->spec.count_a, 0, s->spec.count_b, s->spec.tile, s->self, unit);
    uint32_t buckets = 1u << s->a.chunk.width;
    for (;;) {
        if (s->next.inside) {
            if (next_bucket_tile(s, unit)) return 1;
            s->next.inside = 0;
            s->next.bucket++;
        }
        if (s->next.bucket == buckets) return 0;
        uint32_t begin = s->next.bucket, v = begin;
        double cost = 0, near = s->self ? s->mask_count / 2.0 + 1 : s->mask_count;
        uint32_t rows = 0;
        while (v < buckets && (cost < UNIT_COST || (rows < UNIT_ROWS && cost < UNIT_COST_MAX))) {
            uint32_t n = s->offsets_a[v + 1] - s->offsets_a[v];
            if (n > BUCKET_MAX) break;
            cost += near * (LOOKUP_COST + n * (n > s->mean ? n : s->mean));
            rows += n;
            v++;
        }
        s->next.bucket = v;
        if (v > begin) {
            *unit = (dg_unit){DG_UNIT_BUCKETS, begin, v, 0, 0};
            return 1;
        }
        s->next.inside = 1;
        s->next.mask = s->next.tile_a = s->next.tile_b = 0;
    }
}

/* --- items --- */

static enum dg_code make_room(dg_stage *s, uint32_t more, dg_err *err)
{
    if (s->head > 0) {
        memmove(s->items, s->items + s->head, (s->count - s->head) * sizeof *s->items);
        s->count -= s->head;
        s->head = 0;
    }
    if (s->count + more > s->room) {
        uint32_t room = 2 * (s->count + more);
        item *items = realloc(s->items, room * sizeof *items);
        if (!items) return dg_fail_nomem(err, "the list of units");
        s->items = items;
        s->room = room;
    }
    return DG_OK;
}

/* Puts `parts` in the place of item i. */
static enum dg_code replace(dg_stage *s, uint32_t i, const dg_unit *parts, uint32_t n, dg_err *err)
{
    i -= s->head;
    if (make_room(s, n, err)) return err->code;
    memmove(s->items + i + n, s->items + i + 1, (s->count - i - 1) * sizeof *s->items);
    s->count += n - 1;
    for (uint32_t k = 0; k < n; k++) s->items[i + k] = (item){parts[k], NOWHERE, 0};
    return DG_OK;
}

/* Cuts a unit that had too many hits at fixed places. */
static enum dg_code split(dg_stage *s, uint32_t i, dg_err *err)
{
    dg_unit u = s->items[i].unit, part[4];
    uint32_t n = 0;
    if (u.kind == DG_UNIT_BUCKETS && u.a1 - u.a0 > 1) {
        uint32_t middle = u.a0 + (u.a1 - u.a0) / 2;
        part[n++] = (dg_unit){u.kind, u.a0, middle, 0, 0};
        part[n++] = (dg_unit){u.kind, middle, u.a1, 0, 0};
    } else if (u.kind == DG_UNIT_BUCKETS) {
        /* One bucket: its tiles, made by the generator set aside for the moment. */
        generator aside = s->next;
        uint32_t room = 0;
        dg_unit *tiles = NULL;
        s->next = (generator){.bucket = u.a0};
        for (dg_unit tile; next_bucket_tile(s, &tile); tiles[n++] = tile) {
            if (n < room) continue;
            room = room ? 2 * room : 64;
            dg_unit *larger = realloc(tiles, room * sizeof *tiles);
            if (!larger) {
                free(tiles);
                s->next = aside;
                return dg_fail_nomem(err, "the list of units");
            }
            tiles = larger;
        }
        s->next = aside;
        enum dg_code code = replace(s, i, tiles, n, err);
        free(tiles);
        return code;
    } else {
        uint32_t rows = u.a1 - u.a0, columns = u.b1 - u.b0;
        uint32_t ma = u.a0 + rows / 2, mb = u.b0 + columns / 2;
        if (s->self && u.a0 == u.b0) { /* a triangle: two of them and a square */
            part[n++] = (dg_unit){u.kind, u.a0, ma, u.a0, ma};
            part[n++] = (dg_unit){u.kind, u.a0, ma, ma, u.a1};
            part[n++] = (dg_unit){u.kind, ma, u.a1, ma, u.a1};
        } else if (rows >= columns) {
            part[n++] = (dg_unit){u.kind, u.a0, ma, u.b0, u.b1};
            part[n++] = (dg_unit){u.kind, ma, u.a1, u.b0, u.b1};
        } else {
            part[n++] = (dg_unit){u.kind, u.a0, u.a1, u.b0, mb};
            part[n++] = (dg_unit){u.kind, u.a0, u.a1, mb, u.b1};
        }
    }
    return replace(s, i, part, n, err);
}

static int free_slot(const dg_stage *s)
{
    for (uint32_t k = 0; k < s->slots; k++)
        if (!s->slot_used[k]) return (int)k;
    return NOWHERE;
}

/* Brings waiting units from the generator until `wanted` items are in the list or the pass is at its end. */
static enum dg_code refill(dg_stage *s, uint32_t wanted, dg_err *err)
{
    const uint32_t shard = s->spec.shard, shards = s->spec.shards;
    dg_unit unit;
    while (s->count - s->head < wanted && next_unit(s, &unit)) {
        if (shards > 1 && s->units_made++ % shards != shard) continue;
        if (s->count == s->room && make_room(s, wanted, err)) return err->code;
        s->items[s->count++] = (item){unit, NOWHERE, 0};
    }
    return DG_OK;
}

static enum dg_code compare(dg_stage *s, dg_op_compare *op, dg_err *err)
{
    const dg_stage_spec *spec = &s->spec;
    const dg_place *place = spec->place;
    if (spec->windowed) return dg_windows_compare(&s->windows, place, spec->rows, op, spec->poll, err);
    if (place->backend->run(place->device, DG_OP_COMPARE, op, spec->poll, err)) return err->code;
    return place->backend->wait(place->device, spec->poll, err);
}

/* Runs the waiting units among the first `batch` items. Units with too many hits are split and wait again. */
static enum dg_code run_batch(dg_stage *s, dg_err *err)
{
    const dg_stage_spec *spec = &s->spec;
    uint32_t at[SLOTS_MAX], slot[SLOTS_MAX], n = 0;
    /* The front item must have a slot: a unit run too early gives its own back. */
    for (uint32_t i = s->count; free_slot(s) == NOWHERE && i-- > s->head;)
        if (s->items[i].slot != NOWHERE) {
            s->slot_used[s->items[i].slot] = 0;
            s->items[i].slot = NOWHERE;
        }
    for (uint32_t i = s->head; i < s->count && i - s->head < s->batch; i++) {
        int k = s->items[i].slot == NOWHERE ? free_slot(s) : NOWHERE;
        if (k == NOWHERE) continue;
        s->slot_used[k] = 1;
        s->units[n] = s->items[i].unit;
        slot[n] = (uint32_t)k;
        at[n++] = i;
    }
    dg_op_compare op = {
        .a = &s->a,
        .b = s->self ? &s->a : &s->b,
        .threshold = spec->threshold,
        .masks = s->masks,
        .mask_count = s->mask_count,
        .seen = spec->layout.chunk,
        .seen_count = spec->layout.chunks ? s->pass : 0,
        .units = s->units,
        .unit_count = n,
        .slots = slot,
        .hits = s->hits,
        .capacity = HITS,
        .counts = s->counts,
        .candidates = s->candidates,
    };
    if (compare(s, &op, err)) {
        for (uint32_t k = 0; k < n; k++) s->slot_used[slot[k]] = 0;
        return err->code;
    }
    s->total.units += n;
    for (uint32_t k = n; k-- > 0;) { /* from the back, so that a split does not move those still to do */
        item *done = &s->items[at[k]];
        s->total.candidates += s->candidates[k];
        if (s->counts[k] <= HITS) {
            done->slot = (int)slot[k];
            done->hits = s->counts[k];
            continue;
        }
        s->slot_used[slot[k]] = 0;
        uint32_t head = s->head;
        if (split(s, at[k], err)) return err->code;
        for (uint32_t j = 0; j < k; j++) at[j] -= head - s->head;
    }
    s->batch = least(2 * s->batch, s->batch_max);
    return DG_OK;
}

/* After a batch that the device had no memory for: makes the next ones smaller. Returns 0 where that is no
 * help. */
static int shrink(dg_stage *s, dg_err *err)
{
    if (err->code != DG_DEVICE_NOMEM || s->batch_max == 1) return 0;
    if (s->batch < s->batch_max) s->batch_max = s->batch;
    s->batch = s->batch_max = (s->batch_max + 1) / 2;
    dg_place_note(s->spec.place, "batch of %u units after %s", s->batch_max, err->text);
    *err = (dg_err){0};
    return 1;
}

/* --- public --- */

enum dg_code dg_stage_open(const dg_stage_spec *spec, dg_stage **out, dg_err *err)
{
    dg_stage *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return dg_fail_nomem(err, "a join");
    s->spec = *spec;
    s->self = spec->begin_a == spec->begin_b && spec->count_a == spec->count_b;
    s->slots = 2 * spec->place->info.units;
    s->slots = s->slots < SLOTS_MIN ? SLOTS_MIN : least(s->slots, SLOTS_MAX);
    const uint32_t rows = spec->count_a > spec->count_b ? spec->count_a : spec->count_b;
    const uint32_t enough = rows / SLOT_ROWS < SLOTS_FEW ? SLOTS_FEW : rows / SLOT_ROWS;
    s->slots = least(s->slots, enough);
    uint64_t affordable = spec->memory_limit / 4 / (HITS * sizeof(dg_hit));
    if (affordable < s->slots) s->slots = affordable < SLOTS_LEAST ? SLOTS_LEAST : (uint32_t)affordable;
    s->batch_max = spec->batch_units ? least(spec->batch_units, s->slots) : s->slots;
    s->batch = least(spec->place->info.units, s->batch_max);
    s->hits = malloc((size_t)s->slots * HITS * sizeof *s->hits);
    if (!s->hits) {
        dg_stage_close(s);
        return dg_fail_nomem(err, "the hits of a join");
    }
    s->total.bytes = (uint64_t)s->slots * HITS * sizeof *s->hits;
    *out = s;
    return DG_OK;
}

enum dg_code dg_stage_next(dg_stage *s, const dg_hit **hits, uint32_t *count, dg_err *err)
{
    *hits = NULL;
    *count = 0;
    while (!s->finished) {
        if (!s->pass_open && open_pass(s, err)) return err->code;
        if (!s->indexed && make_tables(s, err)) return err->code;
        if (s->head < s->count && s->items[s->head].slot != NOWHERE) {
            /* The slot is free again, but its hits stay until the next batch, which a later call runs. */
            item front = s->items[s->head++];
            s->slot_used[front.slot] = 0;
            if (front.hits == 0) continue;
            *count = front.hits;
            *hits = s->hits + (size_t)front.slot * HITS;
            return DG_OK;
        }
        if (refill(s, s->batch, err)) return err->code;
        if (s->head < s->count) {
            if (run_batch(s, err) && !shrink(s, err)) return err->code;
            continue;
        }
        uint64_t bytes = (uint64_t)s->slots * HITS * sizeof *s->hits + s->a.sieve.bytes + s->a.index.bytes +
                         s->a.offsets.bytes + s->b.sieve.bytes + s->b.index.bytes + s->b.offsets.bytes;
        if (bytes > s->total.bytes) s->total.bytes = bytes;
        int last = s->brute || s->pass + 1 >= s->spec.layout.chunks;
        close_pass(s);
        s->pass++;
        s->finished = last;
    }
    return DG_OK;
}

void dg_stage_leave(dg_stage *s)
{
    drop_tables(s);
    dg_windows_free(&s->windows, s->spec.place);
}

void dg_stage_enter(dg_stage *s, dg_buffer hashes)
{
    s->spec.hashes = hashes;
    s->spec.windowed = 0;
}

dg_stage_counts dg_stage_count(const dg_stage *stage)
{
    return stage->total;
}

void dg_stage_close(dg_stage *stage)
{
    if (!stage) return;
    close_pass(stage);
    dg_windows_free(&stage->windows, stage->spec.place);
    free(stage->hits);
    free(stage->items);
    free(stage);
}
