// How a source reader waits while another session pauses, alters or drops its source. The other readers of
// the process continue meanwhile, so the reader asks again and again, and does not wait for the lock.
// reader_step.cpp and reader_batch.cpp call it.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Call it before pause_check(). Returns its argument `waits`: true once, when the transaction of the session
// has been open for a second. The error of pause_check() then shows the session in the reader's state.
bool reader_change_is_shown(SourceReader *reader);

// Call it with the result of pause_check(). Returns true if the session's transaction is still open.
bool reader_change_is_open(SourceReader *reader, bool busy);

// Returns the milliseconds until the reader asks again.
long reader_change_wait(const SourceReader &reader);

} // namespace heartbeat
