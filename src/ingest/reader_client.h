// Opens and replaces the consumer client of a source reader. The steps of the reader call this file. This
// file does not decide when the reader assigns partitions.
#pragma once

#include "ingest/source_reader.h"

namespace heartbeat {

// If a setting is wrong, the reader becomes FAILED and has no client. If the source needs the module
// heartbeat_formats and the module is not installed, the reader waits without a client. Returns the
// milliseconds until the next step.
long reader_client_open(SourceReader *reader);

// Closes the client if client_is_useless() returns true. The next step of the reader then opens a new client.
// Returns true if the function has closed the client.
bool reader_client_replace_useless(SourceReader *reader);

// Closes a client that does not begin to read its assigned partitions. Returns the milliseconds until the
// next step.
long reader_client_replace(SourceReader *reader);

} // namespace heartbeat
