#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same words for `backend` and, shifted by one, for the settings that follow it. */
static const char *const backend_words[] = {"auto", "gpu", "cuda", "opencl", "cpu", NULL};
static const char *const operation_backend_words[] = {"(backend)", "auto", "gpu", "cuda",
                                                      "opencl",    "cpu",  NULL};
/* In the order of enum dg_join_plan. */
static const char *const plan_words[] = {"auto", "brute", "multi_index", NULL};

static const struct setting_row {
    const char *key;
    const char *const *words; /* NULL: a number */
    int fractions;            /* numbers: 1 where fractions are accepted */
    double fallback, min, max;
    const char *description;
} rows[DG_SETTINGS] = {
    [DG_SETTING_ENABLED] = {"enabled", NULL, 0, 1, 0, 1, "0: never touch a GPU"},
    [DG_SETTING_BACKEND] = {"backend", backend_words, 0, 0, 0, 0,
                            "where work runs: auto, gpu (any), cuda, opencl, cpu"},
    [DG_SETTING_JOIN_BACKEND] = {"join_backend", operation_backend_words, 0, 0, 0, 0,
                                 "where joins run; (backend): as the setting backend says"},
    [DG_SETTING_HASH_BACKEND] = {"hash_backend", operation_backend_words, 0, 0, 0, 0,
                                 "where image_hashes runs; (backend): as the setting backend says"},
    [DG_SETTING_RENDER_BACKEND] = {"render_backend", operation_backend_words, 0, 0, 0, 0,
                                   "where line_images draws; auto: on the CPU"},
    [DG_SETTING_DEVICE_ID] = {"device_id", NULL, 0, 0, 0, 1000,
                              "which device of the backend, from 0; see dupgpu_devices"},
    [DG_SETTING_BATCH_SIZE] = {"batch_size", NULL, 0, 0, 0, 256,
                               "most work units of a join given to a device at once, and pictures read at once; 0: as "
                              "many as suit"},
    [DG_SETTING_MEMORY_LIMIT_GB] =
        {"memory_limit_gb", NULL, 1, 0, 0, 1e6,
         "work space in GiB, on the device as on the host; 0: 80 % of what is free"},
    [DG_SETTING_THREADS] = {"threads", NULL, 0, 0, 0, 4096, "CPU threads; 0: the cores this process may use"},
    [DG_SETTING_FALLBACK] =
        {"fallback", NULL, 0, 1, 0, 1,
         "1: where a device fails the CPU goes on, and dupgpu_stats says so; 0: it is an error"},
    [DG_SETTING_PLAN] = {"plan", plan_words, 0, 0, 0, 0, "how joins search: auto, brute, multi_index"},
    /* The default is Pillow's limit: 2 * 89,478,485 pixels, above which it refuses a decompression bomb. */
    [DG_SETTING_MAX_PIXELS] = {"max_pixels", NULL, 0, 178956970, 1, 1e15, "larger pictures are refused"},
    [DG_SETTING_READ_FILES] = {"read_files", NULL, 0, 0, 0, 1,
                               "1: image_hashes takes TEXT for the path of a file, image_files lists folders"},
    [DG_SETTING_PROGRESS] = {"progress", NULL, 0, 0, 0, 1,
                             "1: long work draws a bar on standard error, with its rate and the time left"},
};

/* Describes what a setting accepts, for error texts. */
static void accepted(const struct setting_row *row, char *text, size_t size)
{
    if (!row->words) {
        snprintf(text, size, "%s from %.0f to %.0f", row->fractions ? "a number" : "an integer", row->min,
                 row->max);
        return;
    }
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; row->words[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", row->words[i]);
}

static enum dg_code refuse(const struct setting_row *row, const char *given, dg_err *err)
{
    char list[120];
    accepted(row, list, sizeof list);
    return dg_fail(err, DG_ERROR, "'%.60s' is no value of %s; accepted: %s", given, row->key, list);
}

/* Digits with an optional fraction, whatever the locale's decimal point. Returns 0 for any other text. */
static int parse_number(const char *text, double *number)
{
    double value = 0, scale = 1;
    int digits = 0;
    for (; *text >= '0' && *text <= '9'; text++, digits++) value = value * 10 + (*text - '0');
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits++) value += (*text - '0') * (scale /= 10);
    *number = value;
    return digits > 0 && !*text;
}

static int acceptable(const struct setting_row *row, double number)
{
    if (!(number >= row->min && number <= row->max)) return 0;
    return row->fractions || number == (double)(int64_t)number;
}

static enum dg_code parse(const struct setting_row *row, const char *text, double *number, dg_err *err)
{
    if (!row->words) {
        if (!parse_number(text, number) || !acceptable(row, *number)) return refuse(row, text, err);
        return DG_OK;
    }
    for (int i = 0; row->words[i]; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *number = i;
            return DG_OK;
        }
    }
    return refuse(row, text, err);
}

static void environment_name(const char *key, char *name, size_t size)
{
    snprintf(name, size, "DUPGPU_%s", key);
    for (char *c = name; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
}

void dg_settings_init(dg_settings *settings)
{
    for (int key = 0; key < DG_SETTINGS; key++) {
        dg_setting *setting = &settings->of[key];
        *setting = (dg_setting){.number = rows[key].fallback};
        char name[64];
        environment_name(rows[key].key, name, sizeof name);
        const char *text = getenv(name);
        if (!text || !*text) continue;
        dg_err err = {0};
        double number;
        if (parse(&rows[key], text, &number, &err) == DG_OK)
            setting->number = number, setting->origin = DG_ORIGIN_ENVIRONMENT;
        else
            snprintf(setting->problem, sizeof setting->problem, "%.30s: %.120s", name, err.text);
    }
}

enum dg_code dg_setting_find(const char *key, enum dg_setting_key *found, dg_err *err)
{
    char list[300] = "";
    size_t used = 0;
    for (int i = 0; i < DG_SETTINGS; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            *found = (enum dg_setting_key)i;
            return DG_OK;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", rows[i].key);
    }
    return dg_fail(err, DG_ERROR, "no setting '%.60s'; there are %s", key, list);
}

const char *dg_setting_key_name(enum dg_setting_key key)
{
    return rows[key].key;
}

const char *dg_setting_description(enum dg_setting_key key)
{
    return rows[key].description;
}

enum dg_code dg_setting_write(dg_settings *settings, enum dg_setting_key key, sqlite3_value *value,
                              dg_err *err)
{
    const struct setting_row *row = &rows[key];
    int type = sqlite3_value_type(value);
    const char *text = (const char *)sqlite3_value_text(value);
    double number;
    if (!text) return dg_fail_nomem(err, "the value of a setting");
    if (!row->words && (type == SQLITE_INTEGER || type == SQLITE_FLOAT)) {
        number = sqlite3_value_double(value);
        if (!acceptable(row, number)) return refuse(row, text, err);
    } else if (parse(row, text, &number, err) != DG_OK) {
        return err->code;
    }
    settings->of[key] = (dg_setting){.number = number, .origin = DG_ORIGIN_SQL};
    return DG_OK;
}

static void result(sqlite3_context *context, const struct setting_row *row, double number)
{
    if (row->words)
        sqlite3_result_text(context, row->words[(int)number], -1, SQLITE_STATIC);
    else if (number == (double)(int64_t)number)
        sqlite3_result_int64(context, (int64_t)number);
    else
        sqlite3_result_double(context, number);
}

void dg_setting_result(sqlite3_context *context, const dg_settings *settings, enum dg_setting_key key)
{
    result(context, &rows[key], settings->of[key].number);
}

void dg_setting_result_default(sqlite3_context *context, enum dg_setting_key key)
{
    result(context, &rows[key], rows[key].fallback);
}

enum dg_code dg_setting_number(const dg_settings *settings, enum dg_setting_key key, double *number,
                               dg_err *err)
{
    const dg_setting *setting = &settings->of[key];
    if (setting->problem[0]) return dg_fail(err, DG_ERROR, "environment variable %s", setting->problem);
    *number = setting->number;
    return DG_OK;
}

enum dg_code dg_setting_word(const dg_settings *settings, enum dg_setting_key key, const char **word,
                             dg_err *err)
{
    double index = 0;
    if (dg_setting_number(settings, key, &index, err) != DG_OK) return err->code;
    *word = rows[key].words[(int)index];
    return DG_OK;
}

enum dg_code dg_settings_memory_limit(const dg_settings *settings, uint64_t *bytes, dg_err *err)
{
    double gigabytes = 0;
    if (dg_setting_number(settings, DG_SETTING_MEMORY_LIMIT_GB, &gigabytes, err) != DG_OK) return err->code;
    *bytes = (uint64_t)(gigabytes * (1u << 30));
    return DG_OK;
}

enum dg_code dg_settings_for_place(const dg_settings *settings, enum dg_setting_key operation,
                                   dg_place_spec *place, dg_err *err)
{
    const char *backend = "auto";
    double enabled = 1, threads = 0, device = 0, fallback = 1;
    if (dg_setting_word(settings, operation, &backend, err) != DG_OK) return err->code;
    if (backend == operation_backend_words[0] &&
        dg_setting_word(settings, DG_SETTING_BACKEND, &backend, err) != DG_OK)
        return err->code;
    if (dg_setting_number(settings, DG_SETTING_ENABLED, &enabled, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_THREADS, &threads, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_DEVICE_ID, &device, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_FALLBACK, &fallback, err) != DG_OK)
        return err->code;
    if (!enabled && strcmp(backend, "cpu") != 0) {
        if (strcmp(backend, "auto") != 0)
            return dg_fail(err, DG_ERROR, "backend '%s' is a GPU's, but the setting enabled is 0", backend);
        backend = "cpu";
    }
    *place = (dg_place_spec){.backend = backend,
                             .device_id = (uint32_t)device,
                             .no_fallback = !fallback,
                             .threads = (uint32_t)threads};
    return dg_settings_memory_limit(settings, &place->memory_limit, err);
}

enum dg_code dg_settings_for_join(const dg_settings *settings, dg_join_spec *spec, dg_err *err)
{
    double plan = 0, batch = 0;
    if (dg_settings_for_place(settings, DG_SETTING_JOIN_BACKEND, &spec->place, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_PLAN, &plan, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_BATCH_SIZE, &batch, err) != DG_OK)
        return err->code;
    spec->plan = (enum dg_join_plan)(int)plan;
    spec->batch_units = (uint32_t)batch;
    return DG_OK;
}
