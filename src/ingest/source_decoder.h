// Makes the decoder of a source's messages. A source reader calls it before it opens its consumer client.
// It does not know how a message is decoded.
#pragma once

#include "kafka/error.h"
#include "store/sources.h"

namespace heartbeat {

class Decoder;

// Returns nullptr if the source's layout is wrong or unknown; *error has the reason. decoder_destroy()
// destroys the decoder.
Decoder *source_decoder_create(const Source &source, Error *error);

} // namespace heartbeat
