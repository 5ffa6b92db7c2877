// Loads a schema that the decoder of a source does not know: from heartbeat_schemas, or from the schema
// registry. reader_batch.cpp begins it when the batch before the message is stored, and reader_step.cpp
// continues it. Meanwhile the reader has no transaction, and stores nothing.
#pragma once

namespace heartbeat {

struct SourceReader;

// Enters the phase `loading`. Returns at_once.
long reader_schema_begin(SourceReader *reader);

// Returns the milliseconds until the next step. When the decoder knows what to do with the schema, the reader
// is in the phase `assigning`.
long reader_schema_step(SourceReader *reader);

// Ends the request, and waits before the next attempt. Call it after an error in the phase `loading`. Returns
// the milliseconds until the next step.
long reader_schema_wait(SourceReader *reader);

} // namespace heartbeat
