// Makes the decoder of a source, as heartbeat_source_definitions describes its messages now. The ingest
// workers and the functions that decode messages again call it.
#pragma once

namespace heartbeat {

class Decoder;

// Call it in a transaction. Returns nullptr if there is no such source. Raises an error if its mapping cannot
// be compiled. The caller destroys the decoder with decoder_destroy().
Decoder *retry_decoder_load(const char *source);

} // namespace heartbeat
