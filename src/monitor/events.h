// Rows of heartbeat_events.
#pragma once

extern "C" {
#include "postgres.h"

#include "datatype/timestamp.h"
}

namespace heartbeat {

// heartbeat_record_event(), in the current transaction. reason may be nullptr; details is a jsonb.
void events_record(const char *kind, const char *reason, Datum details, TimestampTz happened_at);

} // namespace heartbeat
