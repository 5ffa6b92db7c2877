// The decoder of a layout that a mapping describes. The ingest worker, the function that tries a source, the
// replay and the retry make such a decoder for a source.
#pragma once

#include "decode/decoder.h"
#include "decode/mapping_compile.h"
#include "decode/message_format.h"
#include "decode/schema_key.h"

#include <string_view>

namespace heartbeat {

// Compiles the mapping. The messages have this format, and Avro and Protobuf have the frame of Confluent. If
// it returns nullptr, *error is filled in. All decoders of a thread share one MappedMemory.
Decoder *decoder_of_mapping(std::string_view json, MappingError *error,
                            MessageFormat format = MessageFormat::json) noexcept;

// The same for messages of Avro or Protobuf without a frame. All values have this schema. If it returns
// nullptr, either *error or *schema_error is filled in: schema_error->text is empty if the mapping is wrong.
Decoder *decoder_of_schema(std::string_view json, MessageFormat format, const SchemaTexts &schema,
                           MappingError *error, SchemaError *schema_error) noexcept;

// Destroys a decoder of decoder_of_mapping(). It does nothing with nullptr and with the decoder of
// heartbeat's own layout.
void decoder_destroy(Decoder *decoder) noexcept;

} // namespace heartbeat
