// Adds messages and lists to the tree. The builder first scans the whole message, because the fields can be
// in any order.
#include "decode/protobuf_tree.h"

namespace heartbeat {

namespace {

bool read_number(WireCursor *cursor, WireType wire, uint64_t *value) {
    switch (wire) {
    case WireType::varint:
        return cursor->varint(value);
    case WireType::fixed32:
        return cursor->fixed(4, value);
    default:
        return cursor->fixed(8, value);
    }
}

} // namespace

bool ProtobufTreeBuilder::fail(const char *fault, const char *at) {
    return decode_fail(error_, DecodeErrorCode::invalid_protobuf,
                       "%s is not valid Protobuf: %s, at byte %zu; expected a message of the type %.100s",
                       what_, fault, static_cast<size_t>(at - begin_),
                       current_ == nullptr ? "" : current_->name.data());
}

ValueNode *ProtobufTreeBuilder::add(std::string_view name) {
    if (tree_.size() >= message_values_max) {
        decode_fail(error_, DecodeErrorCode::invalid_protobuf,
                    "%s has more than %zu values that the mapping reads", what_, message_values_max);
        return nullptr;
    }
    ValueNode *const node = &tree_.emplace_back();
    node->name_data = name.data();
    node->name_size = static_cast<uint32_t>(name.size());
    node->size = 0;
    node->end = static_cast<uint32_t>(tree_.size());
    return node;
}

bool ProtobufTreeBuilder::open(std::string_view name, ValueType type, uint32_t depth, uint32_t *index) {
    *index = static_cast<uint32_t>(tree_.size());
    if (depth >= message_depth_max)
        return decode_fail(error_, DecodeErrorCode::invalid_protobuf,
                           "%s has values in more than %u levels; expected at most %u", what_,
                           message_depth_max, message_depth_max);
    ValueNode *const node = add(name);
    if (node == nullptr)
        return false;
    node->type = type;
    return true;
}

void ProtobufTreeBuilder::close(uint32_t index, uint32_t count) {
    tree_[index].size = count;
    tree_[index].end = static_cast<uint32_t>(tree_.size());
}

bool ProtobufTreeBuilder::scan(const ProtobufPlanMessage &message, const ProtobufPiece &piece, size_t first) {
    ProtobufFault fault{};
    current_ = &message;
    memory_.used_slots += message.slots;
    if (memory_.used_slots > protobuf_slots_max || first + message.slots > protobuf_nested_slots_max)
        return fail("it has too many messages of types with many fields", piece.data);
    memory_.slots.resize(first + message.slots);
    return protobuf_scan(plan_, message, piece, first, &memory_, &fault) || fail(fault.text, fault.at);
}

bool ProtobufTreeBuilder::message(std::string_view name, uint32_t index, const ProtobufPiece &piece,
                                  uint32_t depth) {
    const ProtobufPlanMessage &message = plan_.messages[index];
    const size_t first = memory_.slots.size(), pieces = memory_.pieces.size();
    if (!scan(message, piece, first) || !fill(name, message, first, depth))
        return false;
    memory_.slots.resize(first);
    memory_.pieces.resize(pieces);
    return true;
}

bool ProtobufTreeBuilder::fill(std::string_view name, const ProtobufPlanMessage &message, size_t first,
                               uint32_t depth) {
    uint32_t index = 0, count = 0;
    switch (message.form) {
    case ProtobufForm::time:
        return time(name, message, first);
    case ProtobufForm::open_time:
        index = static_cast<uint32_t>(tree_.size());
        if (!time(name, message, first) || !members(message, first, depth + 1, &count))
            return false;
        tree_[index].end = static_cast<uint32_t>(tree_.size());
        return true;
    case ProtobufForm::wrapper: {
        const Field &value = message.fields.front();
        return single(name, value, slot(first, value), no_value, depth);
    }
    default:
        if (!open(name, ValueType::object, depth, &index) || !members(message, first, depth + 1, &count))
            return false;
        close(index, count);
        return true;
    }
}

bool ProtobufTreeBuilder::members(const ProtobufPlanMessage &message, size_t first, uint32_t depth,
                                  uint32_t *count) {
    for (const Field &field : message.fields) {
        if (!field.is_taken)
            continue;
        const ProtobufSlot found = slot(first, field);
        const bool is_single = field.shape == ProtobufShape::single;
        if (is_single && found.count == 0 && !field.has_absent)
            continue;
        current_ = &message;
        const bool is_added = is_single ? single(field.name, field, found, field.message, depth)
                              : field.shape == ProtobufShape::list ? list(field, found, depth)
                                                                   : map(field, found, depth);
        if (!is_added)
            return false;
        ++*count;
    }
    return true;
}

bool ProtobufTreeBuilder::single(std::string_view name, const Field &field, const ProtobufSlot &slot,
                                 uint32_t message, uint32_t depth) {
    if (protobuf_is_message(field.type))
        return this->message(name, message, slot.count == 0 ? ProtobufPiece{"", 0, no_piece} : slot.piece,
                             depth);
    ValueNode *const node = add(name);
    if (node == nullptr)
        return false;
    if (slot.count > 0)
        return scalar(field, slot.value, slot.piece.bytes(), node);
    ValueNode absent = field.absent;
    absent.name_data = node->name_data;
    absent.name_size = node->name_size;
    absent.end = node->end;
    *node = absent;
    return true;
}

bool ProtobufTreeBuilder::list(const Field &field, const ProtobufSlot &slot, uint32_t depth) {
    uint32_t index = 0, number = 0;
    if (!open(field.name, ValueType::array, depth, &index))
        return false;
    ProtobufPiece piece = slot.piece;
    for (bool is_more = slot.count > 0; is_more;) {
        if (!elements(field, piece, depth + 1, &number))
            return false;
        is_more = piece.next != no_piece;
        if (is_more)
            piece = memory_.pieces[piece.next];
    }
    close(index, number);
    return true;
}

// Adds the elements of one piece. A packed piece has several elements, and any other piece has one element.
// *number is the index of the next element in the list. The function increases *number for each element.
bool ProtobufTreeBuilder::elements(const Field &field, const ProtobufPiece &piece, uint32_t depth,
                                   uint32_t *number) {
    const uint32_t end = plan_.elements[field.elements].end();
    if (field.wire == WireType::bytes || field.wire == WireType::group)
        return *number >= end || element(field, {piece, 0, no_piece, 1, false}, (*number)++, depth);
    WireCursor cursor(piece.bytes(), &memory_.group_bytes);
    uint64_t value = 0;
    while (!cursor.at_end() && *number < end) {
        if (!read_number(&cursor, field.wire, &value))
            return fail(cursor.fault(), cursor.at());
        if (field.is_closed &&
            plan_.enums[field.enumeration].name(static_cast<int32_t>(value)).data() == nullptr)
            continue;
        if (!element(field, {piece, value, no_piece, 1, false}, (*number)++, depth))
            return false;
    }
    return true;
}

bool ProtobufTreeBuilder::element(const Field &field, const ProtobufSlot &slot, uint32_t number,
                                  uint32_t depth) {
    const ProtobufPlanMessage *const outer = current_;
    ProtobufSlot one = slot;
    one.piece.next = no_piece;
    uint32_t message = no_value;
    if (plan_.elements[field.elements].find(number, &message)) {
        const bool is_added = single({}, field, one, message, depth);
        current_ = outer;
        return is_added;
    }
    ValueNode *const node = add({});
    if (node == nullptr)
        return false;
    node->type = ValueType::null;
    return true;
}

} // namespace heartbeat
