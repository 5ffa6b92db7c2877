// Compares the names of a mapping with the fields of a message type.
#include "decode/protobuf_wanted.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr std::string_view wrappers[] = {
    "google.protobuf.DoubleValue", "google.protobuf.FloatValue",  "google.protobuf.Int64Value",
    "google.protobuf.UInt64Value", "google.protobuf.Int32Value",  "google.protobuf.UInt32Value",
    "google.protobuf.BoolValue",   "google.protobuf.StringValue", "google.protobuf.BytesValue"};

bool has_field(const ProtobufMessage &message, size_t index, ProtobufType type) {
    return index < message.fields.size() && message.fields[index].number == index + 1 &&
           message.fields[index].type == type && !message.fields[index].is_repeated;
}

bool is_wrapper(const ProtobufMessage &message) {
    if (message.fields.size() != 1 || message.fields[0].number != 1 || message.fields[0].is_repeated ||
        message.fields[0].type == ProtobufType::message || message.fields[0].type == ProtobufType::group)
        return false;
    return std::find(std::begin(wrappers), std::end(wrappers), message.name) != std::end(wrappers);
}

} // namespace

const std::vector<WantedValue> &ProtobufWant::children() const {
    static const std::vector<WantedValue> none;
    return value == nullptr ? none : value->children;
}

ProtobufWant ProtobufWant::of(const WantedValue *child) const {
    if (child == nullptr)
        return {nullptr, is_whole, is_whole};
    const bool whole = is_whole || child->whole;
    const ProtobufWant want{child, true, whole};
    // If the mapping reads a whole value, does not read it as a time, and has no place inside the value, the
    // plan depends only on the type. For such values `value` is nullptr, so that they share one plan.
    return whole && !want.has_children() && !want.is_time() ? ProtobufWant{nullptr, true, true} : want;
}

ProtobufWant ProtobufWant::others() const {
    return of(value == nullptr ? nullptr : value->others.get());
}

WantedMembers::WantedMembers(const ProtobufMessage &message, const ProtobufWant &want)
    : want_(want), is_entry_(protobuf_form(message, want) != ProtobufForm::object) {
    for (const WantedValue &child : want.children())
        named_.emplace(child.name, &child);
    if (!named_.empty())
        for (const ProtobufField &field : message.fields)
            used_.insert(field.name);
}

const WantedValue *WantedMembers::find(std::string_view name) const {
    const auto found = named_.find(name);
    return found == named_.end() ? nullptr : found->second;
}

std::vector<WantedMember> WantedMembers::of(const ProtobufField &field) const {
    if (is_entry_)
        return {{field.name, {nullptr, true, true}}};
    std::vector<WantedMember> members;
    if (const WantedValue *const child = find(field.name); child != nullptr)
        members.push_back({field.name, want_.of(child)});
    if (const WantedValue *const child = find(field.json_name);
        child != nullptr && used_.find(field.json_name) == used_.end())
        members.push_back({field.json_name, want_.of(child)});
    if (members.empty() && want_.others().is_taken)
        members.push_back({field.name, want_.others()});
    return members;
}

ProtobufForm protobuf_form(const ProtobufMessage &message, const ProtobufWant &want) {
    if (message.is_map_entry)
        return ProtobufForm::entry;
    if (want.is_time() && message.name == "google.protobuf.Timestamp" && message.fields.size() == 2 &&
        has_field(message, 0, ProtobufType::int64) && has_field(message, 1, ProtobufType::int32))
        return want.has_children() ? ProtobufForm::open_time : ProtobufForm::time;
    return !want.has_children() && is_wrapper(message) ? ProtobufForm::wrapper : ProtobufForm::object;
}

} // namespace heartbeat
