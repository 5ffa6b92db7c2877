// Adds a row to heartbeat_events with the extension's SQL function heartbeat_record_event(). This SQL
// function also deletes old rows, so that the table stays small.
#include "server/server.h"

#include "monitor/events.h"
#include "server/own_objects.h"

extern "C" {
#include "catalog/pg_type.h"
}

namespace heartbeat {

void events_record(const char *kind, const char *reason, Datum details, TimestampTz happened_at) {
    static const OwnFunction record_event = {"heartbeat_record_event",
                                             {TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID}};
    Datum values[4] = {CStringGetTextDatum(kind), reason == nullptr ? 0 : CStringGetTextDatum(reason),
                       details, TimestampTzGetDatum(happened_at)};
    bool nulls[4] = {false, reason == nullptr, false, false};
    Datum nothing;
    own_function_call(record_event, values, nulls, &nothing);
}

} // namespace heartbeat
