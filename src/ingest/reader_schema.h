// Loads a schema that the decoder of a source does not know. The schema comes from heartbeat_schemas or from
// the schema registry. When the reader has stored the earlier messages, reader_batch.cpp calls
// reader_schema_begin(). Then reader_step.cpp calls reader_schema_step() until the phase ends. During this
// time the reader stores no readings.
#pragma once

namespace heartbeat {

struct SourceReader;

// Enters the phase `loading`. Returns at_once.
long reader_schema_begin(SourceReader *reader);

// Returns the milliseconds until the next step. The reader enters the phase `assigning` when the decoder has
// the schema, or has an error for messages with this schema.
long reader_schema_step(SourceReader *reader);

// Ends the request, and waits before the next attempt. Call this function after an error in the phase
// `loading`. Returns the milliseconds until the next step.
long reader_schema_wait(SourceReader *reader);

} // namespace heartbeat
