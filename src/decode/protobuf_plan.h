// A plan defines which fields of a Protobuf message the reader takes. protobuf_compile.cpp makes the plan
// once from a schema and from the values that a mapping reads. The reader uses the plan for each message. A
// plan never changes.
#pragma once

#include "decode/protobuf_schema.h"

#include <deque>
#include <utility>

namespace heartbeat {

struct ProtobufPlanEnum {
    // If no value of the enum has this number, data() of the result is nullptr.
    std::string_view name(int32_t number) const noexcept;

    bool is_closed = false;
    std::vector<std::pair<int32_t, std::string_view>> values; // in the order of the numbers
};

// The elements that the reader takes from a repeated field or a map, and the plans of these elements. An
// element of a repeated field has a number: its index in the list. An element of a map has a name: its key.
struct ProtobufElements {
    struct Element {
        uint32_t number;
        uint32_t message; // the index of the element's plan, if the element is a message
        std::string_view name;
    };

    // These functions return false if the reader does not take the element.
    bool find(uint32_t number, uint32_t *message) const noexcept;
    bool find(std::string_view name, uint32_t *message) const noexcept;
    // for a list: the reader takes only elements with a number less than end()
    uint32_t end() const {
        return takes_others ? no_value : elements.empty() ? 0 : elements.back().number + 1;
    }

    std::vector<Element> elements; // in the order of their numbers or names
    bool takes_others = false;     // true: the reader takes elements that are not in `elements`
    uint32_t others = no_value;    // the index of the plan for elements that are not in `elements`
};

enum class ProtobufShape : uint8_t { single, list, map };

struct ProtobufPlanField {
    std::string_view name;       // the name of the member in the tree
    uint32_t slot = 0;           // the slot in which the reader keeps the content of this field
    uint32_t limit = 0;          // the reader keeps at most this number of pieces of a list
    uint32_t oneof = no_value;   // the slot of the field's oneof; this slot shows which of the fields is set
    uint32_t message = no_value; // the index of the plan of a single message, or of the entries of a map
    uint32_t enumeration = 0;
    uint32_t elements = 0;
    ProtobufType type = ProtobufType::none;
    WireType wire = WireType::varint;
    ProtobufShape shape = ProtobufShape::single;
    bool is_taken = false;
    bool is_closed = false;  // the type of the field is a closed enum
    bool has_absent = false; // true: `absent` is the field's value in a message that lacks the field
    ValueNode absent{};
};

enum class ProtobufForm : uint8_t {
    object,
    entry,    // an entry of a map
    wrapper,  // the tree has the wrapped value instead of the wrapper
    time,     // the tree has an integer instead of the google.protobuf.Timestamp
    open_time // like `time`, but the integer has the members of the Timestamp
};

struct ProtobufPlanMessage {
    // Returns the first field in `fields` with this number, or nullptr.
    const ProtobufPlanField *find(uint32_t number) const noexcept {
        if (number >= dense.size())
            return sparse.empty() ? nullptr : find_sparse(number);
        return dense[number] == 0 ? nullptr : &fields[dense[number] - 1];
    }
    const ProtobufPlanField *find_sparse(uint32_t number) const noexcept;

    std::string_view name;
    ProtobufForm form = ProtobufForm::object;
    uint32_t slots = 0;
    std::vector<ProtobufPlanField> fields;
    // dense[number] is 1 + the index in `fields` of the field with this number, or 0 if the plan has no such
    // field
    std::vector<uint32_t> dense;
    // the field numbers from dense.size() on, each with the index of its field in `fields`; in the order of
    // the numbers
    std::vector<std::pair<uint32_t, uint32_t>> sparse;
};

struct ProtobufPlan {
    struct Root { // the last file of the schema, or a message type that this file declares
        uint32_t message;
        uint32_t nested; // the index in `roots` of the first type inside this type
        uint32_t nested_count;
    };

    std::vector<Root> roots; // the first root is the file, the others are the types
    std::vector<ProtobufPlanMessage> messages;
    std::vector<ProtobufPlanEnum> enums;
    std::vector<ProtobufElements> elements;
    std::deque<std::string> texts; // names and default values
};

} // namespace heartbeat
