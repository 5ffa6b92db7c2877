// The parsers of JSON, and the memory that all parsers use.
#include "decode/message_parser.h"

#include "decode/confluent_frame.h"

namespace heartbeat {

namespace {

constexpr char expected_json[] = "a JSON value";

class JsonMessageParser final : public MessageParser {
  public:
    constexpr JsonMessageParser() noexcept : MessageParser(expected_json) {}

    Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory, const ValueTree **tree,
                 DecodeError *error) noexcept override {
        JsonTree &json = part == MessagePart::key ? memory->key.json : memory->value.json;
        *tree = &json.tree();
        return json.parse(bytes, message_part_name(part), error) ? Result::parsed : Result::failed;
    }
};

// The frame contains the id of a schema. The parser ignores the id, because the parser needs no schema for
// JSON.
class FramedJsonMessageParser final : public MessageParser {
  public:
    constexpr FramedJsonMessageParser() noexcept : MessageParser("a JSON value in the frame of Confluent") {}

    Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory, const ValueTree **tree,
                 DecodeError *error) noexcept override {
        ConfluentFrame frame;
        if (!confluent_frame_read(bytes, message_part_name(part), DecodeErrorCode::invalid_json, &frame,
                                  error))
            return Result::failed;
        return json_message_parser()->parse(part, frame.body, memory, tree, error);
    }
};

void clear_part(MappedMemory::Part *part) noexcept {
    part->json.release_giant();
    part->reader.clear();
    if (part->tree.capacity() > message_values_kept)
        ValueTree().swap(part->tree);
}

} // namespace

MessageParser *json_message_parser() noexcept {
    static JsonMessageParser parser;
    return &parser;
}

MessageParser *framed_json_message_parser() noexcept {
    static FramedJsonMessageParser parser;
    return &parser;
}

std::unique_ptr<MessageParser> json_message_parser_make(MessageFormat format) {
    if (format == MessageFormat::json_schema)
        return std::make_unique<FramedJsonMessageParser>();
    return std::make_unique<JsonMessageParser>();
}

void MappedMemory::clear() noexcept {
    clear_part(&value);
    clear_part(&key);
    made.clear();
    if (readings.capacity() > message_readings_kept)
        std::vector<ReadingView>().swap(readings);
    readings.clear();
}

} // namespace heartbeat
