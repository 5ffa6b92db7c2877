// The decoder of a layout that a mapping describes. The ingest worker makes this decoder for each source with
// a mapping. The functions that try a source, replay messages or retry dead letters also make such a decoder.
#pragma once

#include "decode/decoder.h"
#include "decode/mapping_compile.h"
#include "decode/message_format.h"
#include "decode/schema_key.h"

#include <string_view>

namespace heartbeat {

// Compiles the mapping. The messages must have the format `format`. In each format except json, the messages
// must have the frame of Confluent. If the function fails, it returns nullptr and fills in *error. All
// decoders of a thread keep the decoded values in the same memory (MappedMemory). So a reading is valid only
// until one of these decoders decodes another message in the same thread.
Decoder *decoder_of_mapping(std::string_view json, MappingError *error,
                            MessageFormat format = MessageFormat::json) noexcept;

// Makes a decoder for messages of Avro or Protobuf without a frame. The values of all messages must have the
// schema `schema`. If the mapping is wrong, the function returns nullptr, fills in *error, and leaves
// schema_error->text empty. If the schema is wrong, the function returns nullptr and fills in *schema_error.
Decoder *decoder_of_schema(std::string_view json, MessageFormat format, const SchemaTexts &schema,
                           MappingError *error, SchemaError *schema_error) noexcept;

// Destroys a decoder that decoder_of_mapping() or decoder_of_schema() made. The function ignores nullptr and
// the decoder of heartbeat's own layout.
void decoder_destroy(Decoder *decoder) noexcept;

} // namespace heartbeat
