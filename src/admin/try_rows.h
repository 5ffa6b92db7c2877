// Makes the rows that heartbeat_try_source() and heartbeat_suggest_mapping() return. try_source.cpp calls
// this file.
#pragma once

#include "decode/decoder.h"
#include "decode/suggest.h"
#include "store/sources.h"

extern "C" {
#include "postgres.h"

#include "nodes/execnodes.h"
}

namespace heartbeat {

// Adds a row for each reading of the message. For a message without a reading, adds one row with the reason.
void try_rows_put(const Source &source, Decoder *decoder, const MessageView &message, ReturnSetInfo *result);

// Adds a row for a suggestion. `of` is the number of messages on which the suggestion was tried.
void suggestion_rows_put(const Suggestion &suggestion, size_t of, ReturnSetInfo *result);

} // namespace heartbeat
