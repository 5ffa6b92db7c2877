// The steps of a source reader until it has assigned partitions. reader_step.cpp and reader_batch.cpp call
// them. The steps do not know how the reader fills and stores a batch.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// One step towards an assignment. Call it while no partition is assigned. Returns the milliseconds until the
// next step.
long reader_assign_step(SourceReader *reader);

// Acts on the result of a step towards an assignment. Returns the milliseconds until the next step.
long reader_assign_take(SourceReader *reader, AssignmentResult result);

// Sets the state of a reader that reads. The state is CONNECTING if one of its partitions is away.
void reader_assign_report(SourceReader *reader);

} // namespace heartbeat
