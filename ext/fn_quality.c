/* quality(image [, metric]): how good a copy of a picture is, overall or by one metric. */
#include "functions.h"
#include "hashvalue.h"
#include "options.h"

#include "../kernels/image/image.h"

static enum dg_code read_metric(sqlite3_value *value, enum dg_metric *metric, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return dg_fail(err, DG_ERROR, "the metric is %s; it takes its name as TEXT",
                       dg_value_type_name(value));
    const char *name = (const char *)sqlite3_value_text(value);
    if (!name) return dg_fail_nomem(err, "the name of a metric");
    return dg_metric_find(name, metric, err);
}

static enum dg_code measure(const dg_connection *connection, int argc, sqlite3_value **argv,
                            enum dg_metric *metric, dg_image_result *result, dg_err *err)
{
    dg_image_options options;
    const void *file;
    size_t bytes;

    *metric = DG_METRIC_OVERALL;
    if (argc == 2 && read_metric(argv[1], metric, err) != DG_OK) return err->code;
    if (dg_options_default(&connection->settings, &options, err) != DG_OK) return err->code;
    if (dg_value_image(argv[0], &file, &bytes, err) != DG_OK) return err->code;
    dg_image_work work = {.metrics = 1u << *metric};
    return dg_image_measure(file, bytes, &options, &work, result, err);
}

void dg_fn_quality(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    enum dg_metric metric;
    dg_image_result result;
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (measure(sqlite3_user_data(context), argc, argv, &metric, &result, &err) != DG_OK)
        dg_function_fail(context, "quality", &err);
    else if (!(result.metrics_null & 1u << metric))
        sqlite3_result_double(context, result.metric[metric]);
}
