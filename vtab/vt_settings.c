/* dupgpu_settings: every setting, its value and where that comes from. */
#include "list.h"

enum { COLUMN_KEY, COLUMN_VALUE, COLUMN_DEFAULT, COLUMN_ORIGIN, COLUMN_DESCRIPTION };

static int settings_begin(dg_connection *connection, dg_list_scan *scan, char **error)
{
    (void)connection, (void)error;
    scan->end = DG_SETTINGS;
    return SQLITE_OK;
}

static void settings_column(const dg_connection *connection, const dg_list_scan *scan,
                            sqlite3_context *context, int column)
{
    static const char *const origins[] = {"default", "environment", "sql"};
    enum dg_setting_key key = (enum dg_setting_key)scan->row;
    const dg_setting *setting = &connection->settings.of[key];
    const char *description = dg_setting_description(key);
    switch (column) {
    case COLUMN_KEY: sqlite3_result_text(context, dg_setting_key_name(key), -1, SQLITE_STATIC); break;
    case COLUMN_VALUE: dg_setting_result(context, &connection->settings, key); break;
    case COLUMN_DEFAULT: dg_setting_result_default(context, key); break;
    case COLUMN_ORIGIN:
        sqlite3_result_text(context, setting->problem[0] ? "environment, refused" : origins[setting->origin],
                            -1, SQLITE_STATIC);
        break;
    case COLUMN_DESCRIPTION:
        if (setting->problem[0]) {
            char text[400];
            sqlite3_snprintf(sizeof text, text, "%s (%s)", description, setting->problem);
            sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
        } else {
            sqlite3_result_text(context, description, -1, SQLITE_STATIC);
        }
        break;
    }
}

int dg_vt_settings_register(dg_connection *connection)
{
    static const dg_list list = {
        .name = "dupgpu_settings",
        .declaration = "CREATE TABLE x(key TEXT, value, default_value, origin TEXT, description TEXT)",
        .begin = settings_begin,
        .column = settings_column,
    };
    return dg_list_register(connection, &list);
}
