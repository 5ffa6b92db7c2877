// Builds the tree of one Protobuf message. protobuf_reader.cpp makes a builder for each message.
#pragma once

#include "decode/protobuf_scan.h"

namespace heartbeat {

// The functions may throw std::bad_alloc. If a function fails, it fills in *error and returns false.
// message_depth_max limits the recursion.
class ProtobufTreeBuilder {
  public:
    struct Output {
        ReaderMemory *memory;
        ValueTree *tree;
        DecodeError *error;
    };

    // `begin` is the first byte of the value or the key of the Kafka message. In error texts, this byte has
    // the position 0. `what` is the word for the value or the key in error texts: see message_part_name().
    ProtobufTreeBuilder(const ProtobufPlan &plan, const Output &output, const char *begin, const char *what)
        : plan_(plan), memory_(output.memory->protobuf), made_(output.memory->made), tree_(*output.tree),
          error_(output.error), begin_(begin), what_(what) {}

    // Adds a message of the type plan.messages[index]. `depth` is the number of outer values.
    bool message(std::string_view name, uint32_t index, const ProtobufPiece &piece, uint32_t depth);

  private:
    using Field = ProtobufPlanField;

    ProtobufSlot slot(size_t first, const Field &field) const { return memory_.slots[first + field.slot]; }
    bool scan(const ProtobufPlanMessage &message, const ProtobufPiece &piece, size_t first);
    bool fill(std::string_view name, const ProtobufPlanMessage &message, size_t first, uint32_t depth);
    bool members(const ProtobufPlanMessage &message, size_t first, uint32_t depth, uint32_t *count);
    bool time(std::string_view name, const ProtobufPlanMessage &message, size_t first);
    bool single(std::string_view name, const Field &field, const ProtobufSlot &slot, uint32_t message,
                uint32_t depth);
    bool list(const Field &field, const ProtobufSlot &slot, uint32_t depth);
    bool elements(const Field &field, const ProtobufPiece &piece, uint32_t depth, uint32_t *number);
    bool element(const Field &field, const ProtobufSlot &slot, uint32_t number, uint32_t depth);

    bool map(const Field &map, const ProtobufSlot &slot, uint32_t depth);
    bool entries(const Field &map, const ProtobufSlot &slot, size_t first);
    bool key(const Field &field, const ProtobufSlot &slot, const Field &map, ProtobufKey *key,
             bool *is_taken);

    ValueNode *add(std::string_view name); // returns nullptr if the tree has too many values
    bool open(std::string_view name, ValueType type, uint32_t depth, uint32_t *index);
    void close(uint32_t index, uint32_t count);
    bool scalar(const Field &field, uint64_t value, std::string_view bytes, ValueNode *node);
    bool fail(const char *fault, const char *at);
    bool fail_value(const Field &field, DecodeErrorCode code, const char *fault);

    const ProtobufPlan &plan_;
    ProtobufMemory &memory_;
    TextStore &made_;
    ValueTree &tree_;
    DecodeError *const error_;
    const char *const begin_;
    const char *const what_;
    const ProtobufPlanMessage *current_ = nullptr; // error texts contain the name of this message type
};

} // namespace heartbeat
