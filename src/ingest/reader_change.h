// Defines how a source reader waits while another session pauses, alters or drops the reader's source. The
// other readers of the process must continue during this time. So the reader does not wait for the lock of
// the other session. Instead the reader calls pause_check() again and again. The steps of the reader call
// this file.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Call this function before pause_check(), and pass the result to pause_check() as the argument `waits`. The
// result is true only one time: when the reader has waited a second for the other session. If the transaction
// of this session is still open, pause_check() then raises an error that names this session, and
// heartbeat_status shows the session.
bool reader_change_is_shown(SourceReader *reader);

// Call this function after pause_check(). `busy` is true if pause_check() has found that the transaction of
// the other session is still open. Returns `busy`.
bool reader_change_is_open(SourceReader *reader, bool busy);

// Returns the milliseconds until the reader calls pause_check() again.
long reader_change_wait(const SourceReader &reader);

} // namespace heartbeat
