// Makes the decoder of a source's messages. The messages have heartbeat's own layout, or the layout of a
// preset or of a mapping. The ingest workers call this file. The SQL functions that replay messages, retry
// dead letters or try a source also call this file. This file decodes no message.
#pragma once

#include "kafka/error.h"
#include "store/sources.h"

namespace heartbeat {

class Decoder;

// If the source's layout is wrong or unknown, returns nullptr and sets *error. If the source needs the module
// heartbeat_formats and the module cannot be loaded, also sets *lacks_module to true: a later call can
// succeed. Raises an error if no memory is left. decoder_destroy() destroys the decoder.
Decoder *source_decoder_create(const Source &source, Error *error, bool *lacks_module);

// Does the same as source_decoder_create(), but raises an error instead of returning nullptr.
Decoder *source_decoder_require(const Source &source);

} // namespace heartbeat
