// The parsers of Avro and Protobuf. Each decoder has its own parser, because each source has its own schemas.
#pragma once

#include "decode/message_parser.h"
#include "decode/schema_cache.h"

namespace heartbeat {

// Each message has the frame of Confluent, with the id of its schema.
class FramedMessageParser final : public MessageParser {
  public:
    FramedMessageParser(MessageFormat format, WantedValue value, WantedValue key) noexcept;

    Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory, const ValueTree **tree,
                 DecodeError *error) noexcept override;

    SchemaCache *schemas() noexcept { return &schemas_; }

  private:
    SchemaCache schemas_;
};

// All values have the same schema, and no frame. Keys have no schema.
class BareMessageParser final : public MessageParser {
  public:
    BareMessageParser(MessageFormat format, std::unique_ptr<const SchemaReader> reader) noexcept;

    Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory, const ValueTree **tree,
                 DecodeError *error) noexcept override;

  private:
    const DecodeErrorCode invalid_;
    const std::unique_ptr<const SchemaReader> reader_;
};

} // namespace heartbeat
