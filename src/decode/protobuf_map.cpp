// Adds maps to the tree of a Protobuf message. A map is a list of entries. If a key has several entries, only
// the last entry counts.
#include "decode/protobuf_tree.h"
#include "decode/protobuf_types.h"
#include "decode/utf8_text.h"

#include <algorithm>
#include <charconv>

namespace heartbeat {

namespace {

// up to this number of keys, comparing each pair of keys is faster than sorting the keys
constexpr size_t few_keys = 12;
constexpr size_t digits_size = 24;               // enough bytes for each number that can be a key
constexpr size_t key_field = 0, value_field = 1; // the indexes of the two fields of an entry

void mark_replaced(ProtobufKey *begin, ProtobufKey *end) {
    if (static_cast<size_t>(end - begin) <= few_keys) {
        for (ProtobufKey *key = begin; key != end; ++key)
            key->is_replaced =
                std::any_of(key + 1, end, [&](const ProtobufKey &later) { return later.name == key->name; });
        return;
    }
    std::sort(begin, end, [](const ProtobufKey &left, const ProtobufKey &right) {
        const int order = left.name.compare(right.name);
        return order != 0 ? order < 0 : left.number < right.number;
    });
    for (ProtobufKey *key = begin; key + 1 < end; ++key)
        key->is_replaced = key[1].name == key->name;
    std::sort(begin, end,
              [](const ProtobufKey &left, const ProtobufKey &right) { return left.number < right.number; });
}

// Returns the key as text. If the key is a number, the function writes the text into `digits`.
std::string_view key_text(const ProtobufPlanField &field, const ProtobufSlot &slot, char *digits) {
    if (field.type == ProtobufType::string)
        return slot.count == 0 ? std::string_view("") : slot.piece.bytes();
    if (field.type == ProtobufType::boolean)
        return slot.value != 0 ? "true" : "false";
    ValueNode node{};
    protobuf_set_number(field.type, slot.value, &node);
    const char *const end = node.type == ValueType::integer
                                ? std::to_chars(digits, digits + digits_size, node.integer).ptr
                                : std::to_chars(digits, digits + digits_size, node.unsigned_integer).ptr;
    return {digits, static_cast<size_t>(end - digits)};
}

} // namespace

// Reads the key of one entry of `map`. `field` and `slot` belong to this key. Sets *is_taken to false if the
// mapping does not read the entry.
bool ProtobufTreeBuilder::key(const Field &field, const ProtobufSlot &slot, const Field &map,
                              ProtobufKey *key, bool *is_taken) {
    char digits[digits_size];
    key->name = key_text(field, slot, digits);
    *is_taken = plan_.elements[map.elements].find(key->name, &key->message);
    if (!*is_taken)
        return true;
    if (field.type == ProtobufType::string)
        return utf8_is_text(key->name.data(), key->name.size()) ||
               fail_value(map, DecodeErrorCode::invalid_protobuf,
                          "has a key that is not a text; expected UTF-8 without the character U+0000");
    if (field.type == ProtobufType::boolean)
        return true;
    char *const kept = made_.room(digits_size);
    if (kept == nullptr && made_.full())
        return fail_value(map, DecodeErrorCode::invalid_protobuf, "has too many keys that are numbers");
    if (kept == nullptr)
        return decode_fail(error_, DecodeErrorCode::out_of_memory, "out of memory while reading Protobuf");
    std::copy_n(digits, key->name.size(), kept);
    made_.take(key->name.size());
    key->name = {kept, key->name.size()};
    return true;
}

// Adds the keys of the wanted entries to memory_.keys.
bool ProtobufTreeBuilder::entries(const Field &map, const ProtobufSlot &slot, size_t first) {
    const ProtobufPlanMessage &entry = plan_.messages[map.message];
    const ProtobufPlanMessage *const outer = current_;
    ProtobufPiece piece = slot.piece;
    uint32_t number = 0;
    for (bool is_more = slot.count > 0; is_more;) {
        ProtobufKey key{{}, number++, no_value, false, {piece.data, piece.size, no_piece}};
        const size_t pieces = memory_.pieces.size();
        if (!scan(entry, key.entry, first))
            return false;
        current_ = outer;
        const bool is_unknown = this->slot(first, entry.fields[value_field]).has_unknown;
        bool is_taken = false;
        if (!this->key(entry.fields[key_field], this->slot(first, entry.fields[key_field]), map, &key,
                       &is_taken))
            return false;
        // `is_unknown`: the entry's value is not in the closed enum of the map, so the entry counts as an
        // unknown field
        if (is_taken && !is_unknown)
            memory_.keys.push_back(key);
        memory_.slots.resize(first);
        memory_.pieces.resize(pieces);
        is_more = piece.next != no_piece;
        if (is_more)
            piece = memory_.pieces[piece.next];
    }
    return true;
}

bool ProtobufTreeBuilder::map(const Field &map, const ProtobufSlot &slot, uint32_t depth) {
    const ProtobufPlanMessage &entry = plan_.messages[map.message];
    const Field &value = entry.fields[value_field];
    const ProtobufPlanMessage *const outer = current_;
    const size_t first = memory_.slots.size(), pieces = memory_.pieces.size(), keys = memory_.keys.size();
    uint32_t index = 0, count = 0;
    if (!open(map.name, ValueType::object, depth, &index) || !entries(map, slot, first))
        return false;
    mark_replaced(memory_.keys.data() + keys, memory_.keys.data() + memory_.keys.size());
    for (size_t i = keys, end = memory_.keys.size(); i < end; ++i) {
        const ProtobufKey key = memory_.keys[i];
        if (key.is_replaced)
            continue;
        if (!scan(entry, key.entry, first))
            return false;
        current_ = outer;
        if (!single(key.name, value, this->slot(first, value), key.message, depth + 1))
            return false;
        memory_.slots.resize(first);
        memory_.pieces.resize(pieces);
        count++;
    }
    memory_.keys.resize(keys);
    close(index, count);
    return true;
}

} // namespace heartbeat
