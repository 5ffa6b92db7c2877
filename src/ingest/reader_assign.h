// Makes the steps in which a source reader assigns its partitions. reader_step.cpp and reader_batch.cpp call
// this file. This file does not depend on how the reader fills and stores a batch.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// Tries to assign partitions. Call this function while no partition is assigned. Returns the milliseconds
// until the next step.
long reader_assign_step(SourceReader *reader);

// Continues with the result of consumer_session_assign() or consumer_session_change_partitions(): for
// example, enters the phase `reading`. Returns the milliseconds until the next step.
long reader_assign_take(SourceReader *reader, AssignmentResult result);

// Sets the state of a reader in the phase `reading`. If one of the reader's partitions is unavailable, the
// state becomes CONNECTING. If all of them are available, the state becomes RUNNING. But while an error of
// Kafka lasts (see Trouble), the state does not become RUNNING.
void reader_assign_report(SourceReader *reader);

} // namespace heartbeat
