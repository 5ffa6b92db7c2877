// Decides how a source reader continues after an error of Kafka. reader_batch.cpp calls this file.
// reader_step.cpp, and not this file, handles errors of PostgreSQL.
#pragma once

namespace heartbeat {

struct SourceReader;

// Call this function when Kafka has reported an error and the reader has stored the messages that it consumed
// before the error. The reader then assigns its partitions again. Returns the milliseconds until the next
// step.
long reader_trouble_assign_again(SourceReader *reader);

// Returns whether the last error is over: the reader has read from Kafka again since the error. If the error
// was a repeated error, some seconds must also have passed without another error.
bool reader_trouble_is_over(const SourceReader &reader);

} // namespace heartbeat
