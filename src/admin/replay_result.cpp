// Makes the rows of heartbeat_replay().
#include "server/server.h"

#include "admin/replay_result.h"

#include <algorithm>

extern "C" {
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace heartbeat {

namespace {

constexpr int result_columns = 12;
constexpr int source_column = 8, error_column = 11;

} // namespace

void replay_result_add(ReturnSetInfo *result, const char *source, const ReplayProgress &progress) {
    Datum values[result_columns] = {Int32GetDatum(progress.partition),  Int64GetDatum(progress.from_offset),
                                    Int64GetDatum(progress.to_offset),  Int64GetDatum(progress.messages),
                                    Int64GetDatum(progress.records),    Int64GetDatum(progress.anomalies),
                                    Int64GetDatum(progress.duplicates), Int64GetDatum(progress.dead_letters),
                                    CStringGetTextDatum(source),        Int64GetDatum(progress.conflicts),
                                    Int64GetDatum(progress.ignored),    0};
    bool nulls[result_columns] = {};
    nulls[error_column] = true;
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void replay_result_add_failure(ReturnSetInfo *result, const char *source, const CaughtError &error) {
    Datum values[result_columns] = {};
    bool nulls[result_columns];
    std::fill_n(nulls, result_columns, true);
    values[source_column] = CStringGetTextDatum(source);
    values[error_column] = CStringGetTextDatum(
        psprintf("%s%s%s", error.message, error.detail[0] == '\0' ? "" : ": ", error.detail));
    nulls[source_column] = nulls[error_column] = false;
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    ereport(WARNING,
            (errcode(ERRCODE_WARNING), errmsg("source \"%s\" is not replayed: %s", source, error.message),
             error.detail[0] == '\0' ? 0 : errdetail("%s", error.detail),
             errhint("When the cause is corrected, call heartbeat_replay() with source => %s.",
                     quote_literal_cstr(source))));
}

} // namespace heartbeat
