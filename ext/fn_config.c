/* dupgpu_config(key [, value]): reads a setting, or sets it and returns the new value. */
#include "functions.h"
#include "hashvalue.h"

void dg_fn_config(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_connection *connection = sqlite3_user_data(context);
    dg_err err = {0};
    enum dg_setting_key key;
    if (dg_function_null(argc, argv)) return;

    const char *name = (const char *)sqlite3_value_text(argv[0]);
    if (!name)
        dg_fail_nomem(&err, "the name of a setting");
    else if (dg_setting_find(name, &key, &err) == DG_OK && argc == 2)
        dg_setting_write(&connection->settings, key, argv[1], &err);

    if (err.code != DG_OK)
        dg_function_fail(context, "dupgpu_config", &err);
    else
        dg_setting_result(context, &connection->settings, key);
}
