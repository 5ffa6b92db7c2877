// Adds rows to heartbeat_events. event_recorder.cpp, the functions of src/admin and offsets.cpp call it.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

namespace heartbeat {

// Calls heartbeat_record_event() in the current transaction. `reason` may be nullptr; `details` is a jsonb.
void events_record(const char *kind, const char *reason, Datum details, TimestampTz happened_at);

} // namespace heartbeat
