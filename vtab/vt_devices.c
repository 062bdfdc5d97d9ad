/* dupgpu_devices: every device there is, whether joins may use it, and why not. Reading it starts the
 * drivers. */
#include "list.h"

#include "../ext/interrupt.h"
#include "../kernels/engine/survey.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMN_BACKEND,
    COLUMN_DEVICE,
    COLUMN_NAME,
    COLUMN_VENDOR,
    COLUMN_DRIVER,
    COLUMN_CAPABILITY,
    COLUMN_UNITS,
    COLUMN_MEMORY_TOTAL,
    COLUMN_MEMORY_FREE,
    COLUMN_SELECTED,
    COLUMN_WHY_NOT
};

static int devices_begin(dg_connection *connection, dg_list_scan *scan, char **error)
{
    dg_err err = {0};
    dg_probe probe = {0};
    dg_place_spec spec = {0};
    double enabled = 1;
    dg_survey_row *rows = NULL;
    uint32_t count = 0;
    if (dg_setting_number(&connection->settings, DG_SETTING_ENABLED, &enabled, &err) == DG_OK &&
        dg_settings_for_place(&connection->settings, DG_SETTING_JOIN_BACKEND, &spec, &err) == DG_OK) {
        dg_probe_start(&probe, connection->db);
        dg_poll poll = dg_probe_poll(&probe);
        dg_survey(&spec, !enabled, &poll, &rows, &count, &err);
        dg_probe_finish(&probe);
    }
    if (err.code == DG_NOMEM) return SQLITE_NOMEM;
    if (err.code == DG_INTERRUPT) return SQLITE_INTERRUPT;
    if (err.code) {
        *error = sqlite3_mprintf("dupgpu_devices: %s", err.text);
        return SQLITE_ERROR;
    }
    scan->data = rows;
    scan->release = free;
    scan->end = count;
    return SQLITE_OK;
}

static void text(sqlite3_context *context, const char *value)
{
    if (value[0]) sqlite3_result_text(context, value, -1, SQLITE_TRANSIENT);
}

static void devices_column(const dg_connection *connection, const dg_list_scan *scan,
                           sqlite3_context *context, int column)
{
    (void)connection;
    const dg_survey_row *row = (const dg_survey_row *)scan->data + scan->row;
    const dg_device_info *info = &row->info;
    switch (column) {
    case COLUMN_BACKEND: sqlite3_result_text(context, row->backend, -1, SQLITE_STATIC); break;
    case COLUMN_DEVICE:
        if (row->number >= 0) sqlite3_result_int(context, row->number);
        break;
    case COLUMN_NAME: text(context, info->name); break;
    case COLUMN_VENDOR: text(context, info->vendor); break;
    case COLUMN_DRIVER: text(context, info->driver); break;
    case COLUMN_CAPABILITY: text(context, info->capability); break;
    case COLUMN_UNITS:
        if (info->units) sqlite3_result_int64(context, info->units);
        break;
    case COLUMN_MEMORY_TOTAL:
        if (info->memory_total) sqlite3_result_int64(context, (sqlite3_int64)info->memory_total);
        break;
    case COLUMN_MEMORY_FREE:
        if (row->free_known) sqlite3_result_int64(context, (sqlite3_int64)info->memory_free);
        break;
    case COLUMN_SELECTED: sqlite3_result_int(context, row->selected); break;
    case COLUMN_WHY_NOT: text(context, row->why_not); break;
    }
}

int dg_vt_devices_register(dg_connection *connection)
{
    static const dg_list list = {
        .name = "dupgpu_devices",
        .declaration = "CREATE TABLE x(backend TEXT, device INTEGER, name TEXT, vendor TEXT, driver TEXT, "
                       "capability TEXT, units INTEGER, memory_total INTEGER, memory_free INTEGER, "
                       "selected INTEGER, why_not TEXT)",
        .begin = devices_begin,
        .column = devices_column,
    };
    return dg_list_register(connection, &list);
}
