// Makes a Decoder from a mapping and a mapped decoder. A MappedMemory keeps its memory between messages. A
// process can have hundreds of sources, so all decoders of a thread share one MappedMemory.
#include "decode/decoder_of_mapping.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/mapped_decoder.h"
#include "decode/schema_message_parser.h"

#include <memory>
#include <new>

namespace heartbeat {

namespace {

struct DestroyMapping {
    void operator()(const Mapping *mapping) const noexcept { mapping_destroy(mapping); }
};
using MappingPointer = std::unique_ptr<const Mapping, DestroyMapping>;

class MappingDecoder final : public Decoder {
  public:
    // `own_parser` owns `parser`. If all decoders share `parser`, `own_parser` is nullptr.
    MappingDecoder(MappingPointer mapping, MessageParser *parser, std::unique_ptr<MessageParser> own_parser,
                   SchemaCache *schemas)
        : Decoder(mapping->reads_headers, !mapping->each.empty()), mapping_(std::move(mapping)),
          own_parser_(std::move(own_parser)), schemas_(schemas), decoder_(*mapping_, nullptr, parser) {}

    SchemaCache *schema_cache() noexcept override { return schemas_; }

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        thread_local MappedMemory memory;
        decoder_.use(&memory);
        const DecodeResult result = decoder_.decode(message, &decoded->error);
        decoded->readings = memory.readings.data();
        decoded->count = memory.readings.size();
        return result;
    }

  private:
    MappingPointer mapping_;
    std::unique_ptr<MessageParser> own_parser_;
    SchemaCache *const schemas_;
    MappedDecoder decoder_;
};

Decoder *make_decoder(MappingPointer mapping, MessageFormat format) {
    switch (format) {
    case MessageFormat::json:
        return new MappingDecoder(std::move(mapping), json_message_parser(), nullptr, nullptr);
    case MessageFormat::json_schema:
        return new MappingDecoder(std::move(mapping), framed_json_message_parser(), nullptr, nullptr);
    case MessageFormat::avro:
    case MessageFormat::protobuf:
        break;
    }
    auto parser = std::make_unique<FramedMessageParser>(format, wanted_values(*mapping, PlaceRoot::value),
                                                        wanted_values(*mapping, PlaceRoot::key));
    MessageParser *const used = parser.get();
    SchemaCache *const schemas = parser->schemas();
    return new MappingDecoder(std::move(mapping), used, std::move(parser), schemas);
}

Decoder *make_bare_decoder(MappingPointer mapping, MessageFormat format, const SchemaTexts &schema,
                           SchemaError *error) {
    auto reader = schema_compile(format, wanted_values(*mapping, PlaceRoot::value), schema, false, error);
    if (reader == nullptr)
        return nullptr;
    auto parser = std::make_unique<BareMessageParser>(format, std::move(reader));
    MessageParser *const used = parser.get();
    return new MappingDecoder(std::move(mapping), used, std::move(parser), nullptr);
}

constexpr MappingError out_of_memory = {true, "", "cannot be read: out of memory", ""};

} // namespace

Decoder *decoder_of_mapping(std::string_view json, MappingError *error, MessageFormat format) noexcept {
    MappingPointer mapping(mapping_compile(json, error));
    if (mapping == nullptr)
        return nullptr;
    try {
        return make_decoder(std::move(mapping), format);
    } catch (...) {
        *error = out_of_memory;
        return nullptr;
    }
}

Decoder *decoder_of_schema(std::string_view json, MessageFormat format, const SchemaTexts &schema,
                           MappingError *error, SchemaError *schema_error) noexcept {
    *schema_error = {};
    MappingPointer mapping(mapping_compile(json, error));
    if (mapping == nullptr)
        return nullptr;
    try {
        return make_bare_decoder(std::move(mapping), format, schema, schema_error);
    } catch (...) {
        *error = out_of_memory;
        return nullptr;
    }
}

void decoder_destroy(Decoder *decoder) noexcept {
    if (decoder != decoder_of_heartbeat())
        delete decoder;
}

} // namespace heartbeat
