// Makes the decoder of a source from the present row in heartbeat_source_definitions. retry_letters.cpp calls
// this file for each source of its dead letters.
#pragma once

#include "store/sources.h"

namespace heartbeat {

class Decoder;

// Call this function in a transaction. Copies the source with this name to `context`. Returns nullptr if no
// source has this name. Raises an error if the mapping of the source cannot be compiled. The caller destroys
// the decoder with decoder_destroy().
Decoder *retry_decoder_load(const char *name, MemoryContext context, Source *source);

} // namespace heartbeat
