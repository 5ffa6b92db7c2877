// Which fields of a message type a mapping reads, and in which form. protobuf_compile.cpp calls it.
#pragma once

#include "decode/protobuf_plan.h"

#include <unordered_map>
#include <unordered_set>

namespace heartbeat {

// What is wanted of one value. If `value` is nullptr, no name of the mapping is in the value.
struct ProtobufWant {
    const WantedValue *value = nullptr;
    bool is_taken = false;
    bool is_whole = false; // an outer value is wanted with all that is in it, or this value is

    const std::vector<WantedValue> &children() const;
    ProtobufWant of(const WantedValue *child) const; // `child` is nullptr: the child has no name
    ProtobufWant others() const;
    bool is_time() const { return value != nullptr && value->is_time; }
    bool has_children() const {
        return value != nullptr && (!value->children.empty() || value->others != nullptr);
    }
};

struct WantedMember {
    std::string_view name; // that the member has in the tree
    ProtobufWant want;
};

// Finds the members of an object that are wanted. A mapping may name a field by its name, or by its name in
// JSON if no other field has this name. The member in the tree has the name that the mapping uses. If the
// mapping uses both names, the tree has two members.
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

// Well-known types have a form of their own: a Timestamp that is wanted as a time, and a wrapper of which the
// mapping reads no member.
ProtobufForm protobuf_form(const ProtobufMessage &message, const ProtobufWant &want);

} // namespace heartbeat
