/*
 * The settings of one connection: what dupgpu_config and the environment write, and what the work asks before
 * it runs.
 *
 * A setting is a number or one word of a list. Its value comes from SQL, else from the environment variable
 * DUPGPU_<KEY> as it was when the extension was loaded, else it is the default. A bad environment value must
 * not stop the extension from loading: it is kept as a problem, shown by dupgpu_settings, and becomes an
 * error when the setting is used. Writing the setting from SQL clears it.
 */
#ifndef DG_EXT_SETTINGS_H
#define DG_EXT_SETTINGS_H

#include "sqlite.h"

#include "../kernels/engine/join.h"
#include "../kernels/error.h"

enum dg_setting_key {
    DG_SETTING_ENABLED,
    DG_SETTING_BACKEND,
    DG_SETTING_JOIN_BACKEND,
    DG_SETTING_HASH_BACKEND,
    DG_SETTING_RENDER_BACKEND,
    DG_SETTING_DEVICE_ID,
    DG_SETTING_BATCH_SIZE,
    DG_SETTING_MEMORY_LIMIT_GB,
    DG_SETTING_THREADS,
    DG_SETTING_FALLBACK,
    DG_SETTING_PLAN,
    DG_SETTING_MAX_PIXELS,
    DG_SETTING_READ_FILES,
    DG_SETTING_PROGRESS,
    DG_SETTINGS
};

enum dg_origin { DG_ORIGIN_DEFAULT, DG_ORIGIN_ENVIRONMENT, DG_ORIGIN_SQL };

typedef struct dg_setting {
    double number; /* the value of a numeric setting, the index of its word for the others */
    enum dg_origin origin;
    char problem[160]; /* why the environment's value was refused; empty: it was not */
} dg_setting;

typedef struct dg_settings {
    dg_setting of[DG_SETTINGS];
} dg_settings;

/* Defaults, overlaid with the environment. */
void dg_settings_init(dg_settings *settings);

/* The key's index, or DG_ERROR with the list of keys; the error text names no function. */
enum dg_code dg_setting_find(const char *key, enum dg_setting_key *found, dg_err *err);

const char *dg_setting_key_name(enum dg_setting_key key);
const char *dg_setting_description(enum dg_setting_key key);

/* Sets from an SQL value. DG_ERROR says what is accepted. */
enum dg_code dg_setting_write(dg_settings *settings, enum dg_setting_key key, sqlite3_value *value,
                              dg_err *err);

/* The value, or the default value, as the result of a function or column: INTEGER, REAL or TEXT. */
void dg_setting_result(sqlite3_context *context, const dg_settings *settings, enum dg_setting_key key);
void dg_setting_result_default(sqlite3_context *context, enum dg_setting_key key);

/* The number for use. DG_ERROR if the environment holds a bad value that SQL has not replaced. */
enum dg_code dg_setting_number(const dg_settings *settings, enum dg_setting_key key, double *number,
                               dg_err *err);

/* The word for use; as dg_setting_number. The text is static. */
enum dg_code dg_setting_word(const dg_settings *settings, enum dg_setting_key key, const char **word,
                             dg_err *err);

/* The setting memory_limit_gb in bytes; 0: none is set. */
enum dg_code dg_settings_memory_limit(const dg_settings *settings, uint64_t *bytes, dg_err *err);

/* Where an operation runs, `operation` being its own backend's key (DG_SETTING_JOIN_BACKEND ...): everything
 * of a place but the instruction set. */
enum dg_code dg_settings_for_place(const dg_settings *settings, enum dg_setting_key operation,
                                   dg_place_spec *place, dg_err *err);

/* Fills a join's place, plan and batch size. */
enum dg_code dg_settings_for_join(const dg_settings *settings, dg_join_spec *spec, dg_err *err);

#endif
