// Collects the places that have values in the sample messages. A list is an array, or an object whose member
// names are numbers or times. All elements of a list share the same places. A mapping can read an array with
// one element as a list (with `each`), or as an object with one member (with /0 in a place). So for such an
// array, this file collects the places for both ways.
#include "decode/sample_layout.h"

#include "decode/sample_values.h"
#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

// Limits of the work. Real layouts do not reach these limits.
constexpr size_t places_max = 2000;
constexpr size_t nodes_max = 20'000; // the limit for one message
constexpr size_t depth_max = 16;
constexpr uint32_t elements_max = 200; // the limit for one list

std::string pointer_segment(std::string_view name) {
    std::string segment = "/";
    for (const char c : name)
        segment += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return segment;
}

bool is_map(const ValueTree &tree, uint32_t index) {
    const ValueNode &node = tree[index];
    if (node.type != ValueType::object || node.size == 0)
        return false;
    for (uint32_t child = index + 1; child < node.end; child = tree[child].end)
        if (!sample_is_number_or_time(tree[child].name()))
            return false;
    return true;
}

std::string_view bytes(const MessageBytes &piece) {
    return {static_cast<const char *>(piece.data), piece.size};
}

bool is_text(const MessageBytes &piece) {
    return piece.data != nullptr && utf8_is_text(static_cast<const char *>(piece.data), piece.size);
}

} // namespace

bool SampleScope::contains(const SampleScope &inner) const {
    return level <= inner.level && std::equal(lists, lists + level, inner.lists);
}

std::string sample_place_text(const SamplePlace &place, int lists) {
    switch (place.root) {
    case SampleRoot::key:
        return "key" + place.pointer;
    case SampleRoot::key_text:
        return "key";
    case SampleRoot::header:
        return "header" + place.pointer;
    case SampleRoot::name:
        return "name";
    case SampleRoot::value:
        break;
    }
    if (place.scope.level == 0)
        return place.pointer.empty() ? "value" : place.pointer;
    return (place.scope.level == lists ? "each" : "outer") + place.pointer;
}

SamplePlace *SampleLayout::place(const At &at) {
    std::string id = std::to_string(static_cast<int>(at.root)) + std::to_string(at.scope.level);
    for (const std::string &list : at.scope.lists)
        id += '\0' + list;
    id += '\0' + at.pointer;
    const auto [found, is_new] = indexes_.try_emplace(std::move(id), places_.size());
    if (is_new && places_.size() == places_max) {
        indexes_.erase(found);
        return nullptr;
    }
    if (is_new)
        places_.push_back({at.root, at.scope, at.pointer, at.names, {}, {}, {}});
    SamplePlace &place = places_[found->second];
    for (int i = 0; i < at.scope.level; i++)
        place.elements[i] = std::max(place.elements[i], at.elements[i]);
    return &place;
}

void SampleLayout::add_text(std::string_view text, const At &at) {
    SamplePlace *const place = this->place(at);
    if (place == nullptr)
        return;
    const size_t example = sample_add_text(text, &place->found);
    if (place->scope.level == 0) {
        place->text_of_message.resize(messages_, 0);
        place->text_of_message[messages_ - 1] = static_cast<uint8_t>(example);
    }
}

void SampleLayout::add_scalar(const ValueNode &node, const At &at) {
    if (node.type == ValueType::string)
        return add_text(node.text(), at);
    SamplePlace *const place = this->place(at);
    if (place != nullptr)
        sample_add_scalar(node, &place->found);
}

void SampleLayout::add_children(const ValueTree &tree, uint32_t index, const At &at, bool as_list) {
    const bool is_array = tree[index].type == ValueType::array;
    uint32_t count = 0;
    for (uint32_t child = index + 1; child < tree[index].end; child = tree[child].end, count++) {
        if (as_list && count == elements_max)
            return;
        At below = at;
        if (as_list && !is_array) {
            At name = at;
            name.root = SampleRoot::name;
            add_text(tree[child].name(), name);
        } else if (!as_list) {
            const std::string name = is_array ? "0" : std::string(tree[child].name());
            below.pointer += pointer_segment(name);
            if (!is_array)
                below.names.push_back(name);
        }
        add_node(tree, child, below);
    }
}

void SampleLayout::add_node(const ValueTree &tree, uint32_t index, const At &at) {
    const ValueNode &node = tree[index];
    if (++nodes_ > nodes_max || at.names.size() > depth_max || at.pointer.size() > depth_max * 64)
        return;
    if (!node.is_container())
        return add_scalar(node, at);
    const bool is_array = node.type == ValueType::array, map = is_map(tree, index);
    if (!is_array && !map)
        return add_children(tree, index, at, false);
    if (is_array && node.size == 1)
        add_children(tree, index, at, false);
    // If `each` has two places, the second place must begin with the name of a member. So if the first list
    // is an array of arrays, `each` cannot name the inner arrays.
    if (at.root != SampleRoot::value || at.scope.level == 2 || (at.scope.level == 1 && at.pointer.empty()))
        return;
    At below = at;
    below.scope.lists[at.scope.level] = at.scope.level == 0 && at.pointer.empty() ? "value" : at.pointer;
    below.scope.is_map[at.scope.level] = map;
    below.elements[at.scope.level] = node.size;
    below.scope.level++;
    below.pointer.clear();
    add_children(tree, index, below, true);
}

const ValueTree *SampleLayout::parse(MessagePart part, const MessageBytes &piece) {
    const ValueTree *tree = nullptr;
    DecodeError error;
    const bool parsed = piece.data != nullptr && parser_->parse(part, bytes(piece), &memory_, &tree,
                                                                &error) == MessageParser::Result::parsed;
    return parsed ? tree : nullptr;
}

// Most keys are texts. A key can also be a JSON object. A key can also begin with the frame of Confluent, and
// this frame begins with a zero byte.
void SampleLayout::add_key(const MessageBytes &key) {
    if (is_text(key))
        add_text(bytes(key), {SampleRoot::key_text, {}, "", {}, {}});
    const bool may_have_parts =
        key.data != nullptr && key.size > 0 && (bytes(key)[0] == '{' || bytes(key)[0] == '\0');
    const ValueTree *const tree = may_have_parts ? parse(MessagePart::key, key) : nullptr;
    if (tree != nullptr)
        add_node(*tree, 0, {SampleRoot::key, {}, "", {}, {}});
}

void SampleLayout::add(const MessageView &message) {
    messages_++;
    nodes_ = 0;
    memory_.clear();
    add_key(message.key);
    for (size_t i = 0; i < message.header_count; i++) {
        const MessageHeader &header = message.headers[i];
        if (utf8_is_text(header.name.data(), header.name.size()) && is_text(header.value))
            add_text(bytes(header.value),
                     {SampleRoot::header, {}, pointer_segment(header.name), {std::string(header.name)}, {}});
    }
    const ValueTree *const tree = parse(MessagePart::value, message.payload);
    parsed_.push_back(tree != nullptr);
    if (tree != nullptr)
        add_node(*tree, 0, {});
}

} // namespace heartbeat
