// How a source reader waits while another session pauses, alters or drops the reader's source. The other
// readers of the process must continue during this time. So the reader does not wait for the lock: it calls
// pause_check() again and again. reader_step.cpp and reader_batch.cpp call this file.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Call this function before pause_check(), and pass its result as the argument `waits`. The result is true
// only one time, when the transaction of the other session has been open for a second. pause_check() then
// raises an error that names this session, so that heartbeat_status shows the session.
bool reader_change_is_shown(SourceReader *reader);

// Call this function with the result of pause_check(). Returns true if the transaction of the other session
// is still open.
bool reader_change_is_open(SourceReader *reader, bool busy);

// Returns the milliseconds until the reader calls pause_check() again.
long reader_change_wait(const SourceReader &reader);

} // namespace heartbeat
