// Finds the fields that a mapping reads in a message type, and the form of the message. protobuf_compile.cpp
// calls these functions.
#pragma once

#include "decode/protobuf_plan.h"

#include <unordered_map>
#include <unordered_set>

namespace heartbeat {

// Describes the parts that the mapping reads of one field or element. If `value` is nullptr, no place of the
// mapping leads into this field or element.
struct ProtobufWant {
    const WantedValue *value = nullptr;
    bool is_taken = false;
    bool is_whole = false; // the mapping reads this value or an outer value as a whole

    const std::vector<WantedValue> &children() const;
    // Returns the parts that the mapping reads of a child. `child` is nullptr if the mapping does not name
    // the child.
    ProtobufWant of(const WantedValue *child) const;
    ProtobufWant others() const;
    bool is_time() const { return value != nullptr && value->is_time; }
    bool has_children() const {
        return value != nullptr && (!value->children.empty() || value->others != nullptr);
    }
};

struct WantedMember {
    std::string_view name; // the name of the member in the tree
    ProtobufWant want;
};

// Finds the members that the mapping reads in an object. A mapping can use the name of a field (heart_rate).
// If no other field of the message is called heartRate, a mapping can also use this JSON name of the field.
// The member in the tree has the same name as in the mapping. If the mapping uses both names, the tree has
// two members.
class WantedMembers {
  public:
    WantedMembers(const ProtobufMessage &message, const ProtobufWant &want);

    std::vector<WantedMember> of(const ProtobufField &field) const;

  private:
    const WantedValue *find(std::string_view name) const;

    const ProtobufWant want_;
    const bool is_entry_;
    std::unordered_map<std::string_view, const WantedValue *> named_;
    std::unordered_set<std::string_view> used_; // the names of all fields
};

// Returns the form of a message. A google.protobuf.Timestamp has the form `time` if the mapping reads the
// Timestamp as a time, and the form `open_time` if the mapping also reads its members. A wrapper, such as
// google.protobuf.DoubleValue, has the form `wrapper` if the mapping reads no member of the wrapper.
ProtobufForm protobuf_form(const ProtobufMessage &message, const ProtobufWant &want);

} // namespace heartbeat
