// Loads a schema that the decoder of a source does not know. The schema comes from heartbeat_schemas or from
// the schema registry. The reader first stores the messages before the message with this schema. Then
// reader_batch.cpp calls reader_schema_begin(), and reader_step.cpp calls reader_schema_step() until the
// phase `loading` ends. During this phase the reader stores no readings.
#pragma once

namespace heartbeat {

struct SourceReader;

// Enters the phase `loading`. Returns at_once.
long reader_schema_begin(SourceReader *reader);

// Returns the milliseconds until the next step. The reader enters the phase `assigning` in three cases: the
// decoder has the schema, the registry does not know the schema, or the source has no registry. If the
// registry does not know the schema, or if there is no registry, messages with this schema become dead
// letters.
long reader_schema_step(SourceReader *reader);

// Ends the request to the registry, and sets the time of the next attempt. Call this function after an error
// in the phase `loading`. Returns the milliseconds until the next step.
long reader_schema_wait(SourceReader *reader);

} // namespace heartbeat
