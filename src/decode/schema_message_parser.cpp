// Finds the reader for the schema of a message, and calls this reader to fill the tree.
#include "decode/schema_message_parser.h"

#include "decode/confluent_frame.h"

namespace heartbeat {

namespace {

const char *expected_value(MessageFormat format, bool is_framed) {
    if (format == MessageFormat::protobuf)
        return is_framed ? "a Protobuf message in the frame of Confluent" : "a Protobuf message";
    return is_framed ? "an Avro value in the frame of Confluent" : "an Avro value";
}

MessageParser::Result read(const SchemaReader &reader, MessagePart part, std::string_view bytes,
                           MappedMemory *memory, const ValueTree **tree, DecodeError *error) {
    MappedMemory::Part &used = part == MessagePart::key ? memory->key : memory->value;
    *tree = &used.tree;
    return reader.read(bytes, message_part_name(part), &used.reader, &used.tree, error)
               ? MessageParser::Result::parsed
               : MessageParser::Result::failed;
}

} // namespace

FramedMessageParser::FramedMessageParser(MessageFormat format, WantedValue value, WantedValue key) noexcept
    : MessageParser(expected_value(format, true)), schemas_(format, std::move(value), std::move(key)) {}

MessageParser::Result FramedMessageParser::parse(MessagePart part, std::string_view bytes,
                                                 MappedMemory *memory, const ValueTree **tree,
                                                 DecodeError *error) noexcept {
    ConfluentFrame frame;
    if (!confluent_frame_read(bytes, message_part_name(part), message_format_error(schemas_.format()), &frame,
                              error))
        return Result::failed;
    const SchemaReader *const reader = schemas_.find({frame.schema_id, part}, error);
    if (reader != nullptr)
        return read(*reader, part, frame.body, memory, tree, error);
    return error->code == DecodeErrorCode::none ? Result::needs_schema : Result::failed;
}

BareMessageParser::BareMessageParser(MessageFormat format,
                                     std::unique_ptr<const SchemaReader> reader) noexcept
    : MessageParser(expected_value(format, false)), invalid_(message_format_error(format)),
      reader_(std::move(reader)) {}

MessageParser::Result BareMessageParser::parse(MessagePart part, std::string_view bytes, MappedMemory *memory,
                                               const ValueTree **tree, DecodeError *error) noexcept {
    if (part == MessagePart::key) {
        decode_fail(error, invalid_,
                    "the source has no schema for keys; expected a mapping that reads the "
                    "key as text");
        return Result::failed;
    }
    return read(*reader_, part, bytes, memory, tree, error);
}

} // namespace heartbeat
