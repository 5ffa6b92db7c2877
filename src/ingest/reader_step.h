// One step of a source reader, and what follows from an error in it. worker.cpp calls it for each reader that
// is due. It does not know the other readers.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Makes a step, and sets when the next one is due. An error in the step is the error of this reader: the
// function shows it, and the reader tries again later.
void reader_step(SourceReader *reader);

} // namespace heartbeat
