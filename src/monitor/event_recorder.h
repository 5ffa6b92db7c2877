// What heartbeat's state was and when, in heartbeat_events.
#pragma once

#include "server/server.h"

namespace heartbeat {

// Whether the state, or the start of the server, is to be recorded. Looks at shared memory alone.
bool event_recorder_has_news();

// Records it in a transaction of its own. Returns microseconds until that is to be done again, 0 for when
// there is news: a state that flaps is folded to a row a minute, which tells how often it changed.
TimestampTz event_recorder_write();

} // namespace heartbeat
