// Makes one step of a source reader, and handles an error in the step. worker.cpp calls this file for each
// reader that is due. This file does not depend on the other readers.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Makes a step, and sets when the next step is due. If the step raises an error, heartbeat_status shows the
// error for the source of this reader, and the reader tries again later.
void reader_step(SourceReader *reader);

} // namespace heartbeat
