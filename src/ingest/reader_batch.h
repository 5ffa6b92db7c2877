// Makes the step of a source reader in the phase `reading`. reader_step.cpp calls this file when partitions
// are assigned. This file does not depend on the other phases.
#pragma once

namespace heartbeat {

struct SourceReader;

// Fills the batch, and stores the batch when it is due. Returns the milliseconds until the next step.
long reader_batch_stream(SourceReader *reader);

} // namespace heartbeat
