// Finds the values of places in a message. No function of this file allocates memory.
#include "decode/mapped_message.h"

#include "decode/number_text.h"
#include "decode/utf8_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace heartbeat {

namespace {

// Returns whether a place can continue inside the value. A time is an integer, but can have members.
bool has_inside(const ValueTree &tree, uint32_t index) noexcept {
    return tree[index].is_container() || tree[index].end > index + 1;
}

uint32_t step(const ValueTree &tree, uint32_t index, const PlaceSegment &segment) noexcept {
    if (!has_inside(tree, index))
        return no_value;
    if (tree[index].type != ValueType::array)
        return value_member(tree, index, segment.name);
    return segment.number == no_value ? no_value : value_element(tree, index, segment.number);
}

uint32_t walk(const ValueTree &tree, uint32_t index, const std::vector<PlaceSegment> &segments) noexcept {
    for (const PlaceSegment &segment : segments) {
        if (index == no_value)
            break;
        index = step(tree, index, segment);
    }
    return index;
}

void set_text(ValueNode *found, const char *text, size_t size) {
    found->type = ValueType::string;
    found->text_data = text;
    found->size = static_cast<uint32_t>(size);
}

} // namespace

MappedMessage::Lookup MappedMessage::find_text(const MessageBytes &bytes, ValueNode *found) const noexcept {
    if (bytes.data == nullptr)
        return Lookup::missing;
    const char *const text = static_cast<const char *>(bytes.data);
    if (bytes.size >= UINT32_MAX || !utf8_is_text(text, bytes.size))
        return Lookup::not_text;
    set_text(found, text, bytes.size);
    return Lookup::found;
}

// If several headers have the same name, the function finds the last header. Kafka's own clients do the same.
MappedMessage::Lookup MappedMessage::find_header(const Place &place, ValueNode *found) const noexcept {
    for (size_t i = message_->header_count; i-- > 0;)
        if (message_->headers[i].name == place.header)
            return find_text(message_->headers[i].value, found);
    return Lookup::missing;
}

MappedMessage::Lookup MappedMessage::find_name(ValueNode *found) const noexcept {
    if (element.is_member) {
        const ValueNode &member = (*value_)[element.index];
        set_text(found, member.name_data, member.name_size);
    } else {
        found->type = ValueType::integer;
        found->integer = element.number;
        found->size = 0;
    }
    return Lookup::found;
}

uint32_t MappedMessage::begin_of(const Place &place) const noexcept {
    return place.root == PlaceRoot::each ? element.index : place.root == PlaceRoot::outer ? outer.index : 0;
}

uint32_t MappedMessage::find_index(const Place &place) const noexcept {
    return walk(*value_, begin_of(place), place.segments);
}

void MappedMessage::forget(PlaceLevel level) noexcept {
    for (Kept &kept : kept_)
        kept.is_known = kept.is_known && kept.level < level;
}

MappedMessage::Lookup MappedMessage::recall(const Place &place, ValueNode *found) noexcept {
    Kept &kept = kept_[place.slot];
    if (!kept.is_known) {
        kept.lookup = look(place, &kept.value);
        kept.level = place.level;
        kept.is_known = true;
    }
    *found = kept.value;
    return kept.lookup;
}

MappedMessage::Lookup MappedMessage::look(const Place &place, ValueNode *found) const noexcept {
    switch (place.root) {
    case PlaceRoot::key_text:
        return find_text(message_->key, found);
    case PlaceRoot::header:
        return find_header(place, found);
    case PlaceRoot::name:
        return find_name(found);
    case PlaceRoot::kafka_timestamp:
        found->type = ValueType::integer;
        found->integer = message_->kafka_time;
        found->size = 0;
        return message_->kafka_time < 0 ? Lookup::missing : Lookup::found;
    default:
        break;
    }
    const ValueTree *const tree = place.root == PlaceRoot::key ? key_ : value_;
    const uint32_t index = tree == nullptr ? no_value : walk(*tree, begin_of(place), place.segments);
    if (index == no_value || (*tree)[index].type == ValueType::null)
        return Lookup::missing;
    *found = (*tree)[index];
    return Lookup::found;
}

bool MappedMessage::is_any_of(const Condition &condition, const ValueNode &found) const noexcept {
    const ValueTree &values = mapping_.source.tree();
    for (const uint32_t index : condition.values) {
        ValueNode other = found;
        const ValueNode &value = values[index];
        char digits[24];
        // `found` can be the name of an element, as a text or as a number: convert the name to the type of
        // `value`
        if (found.type == ValueType::integer && value.type == ValueType::string) {
            const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), found.integer);
            set_text(&other, digits, static_cast<size_t>(end.ptr - digits));
        } else if (found.type == ValueType::string && value.is_number() &&
                   number_parse(found.text(), &other) != NumberText::number) {
            continue;
        }
        if (value_equal_scalars(other, value))
            return true;
    }
    return false;
}

// Follows the segments of the place, beginning with the segment `segment`. Returns whether the value at the
// end of the place equals one of the values of the condition. A missing value equals null.
bool MappedMessage::any_equal(const Condition &condition, uint32_t index, size_t segment) const noexcept {
    const ValueTree *const parsed = condition.place.root == PlaceRoot::key ? key_ : value_;
    const ValueTree &values = mapping_.source.tree(), &tree = parsed == nullptr ? values : *parsed;
    const std::vector<PlaceSegment> &segments = condition.place.segments;
    for (; segment < segments.size() && index != no_value; segment++) {
        if (segments[segment].any && has_inside(tree, index)) {
            for (uint32_t child = index + 1; child != tree[index].end; child = tree[child].end)
                if (any_equal(condition, child, segment + 1))
                    return true;
            return false;
        }
        index = step(tree, index, segments[segment]);
    }
    return std::any_of(condition.values.begin(), condition.values.end(), [&](uint32_t value) {
        return index == no_value ? values[value].type == ValueType::null
                                 : value_equal(tree, index, values, value);
    });
}

bool MappedMessage::holds(const Condition &condition) const noexcept {
    const Place &place = condition.place;
    switch (place.root) {
    case PlaceRoot::value:
    case PlaceRoot::each:
    case PlaceRoot::outer:
        return any_equal(condition, begin_of(place), 0);
    case PlaceRoot::key:
        return any_equal(condition, key_ == nullptr ? no_value : 0, 0);
    default:
        break;
    }
    ValueNode found{};
    const Lookup lookup = look(place, &found);
    if (lookup == Lookup::missing)
        found.type = ValueType::null;
    return lookup != Lookup::not_text && is_any_of(condition, found);
}

bool MappedMessage::payload_is_wrong(const Place &place) const noexcept {
    if (place.root != PlaceRoot::value || place.segments.empty())
        return false;
    const ValueType type = (*value_)[0].type;
    return type != ValueType::object && (type != ValueType::array || place.segments[0].number == no_value);
}

} // namespace heartbeat
