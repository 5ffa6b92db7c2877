// The layout of sample messages. The layout contains each place that has values, and statistics of these
// values. suggest_fields.cpp looks for the fields of a reading among the places. These functions may throw,
// so only src/decode includes this header.
#pragma once

#include "decode/message_parser.h"
#include "decode/message_view.h"
#include "decode/sample_values.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat {

// The lists around a value. `level` is the number of these lists: 0, 1 or 2. In a mapping that reads the
// value, `each` must name these lists.
struct SampleScope {
    int level = 0;
    std::string lists[2];
    bool is_map[2] = {}; // true: the list is an object whose member names are numbers or times

    // Returns true if a mapping whose `each` names the lists of `inner` can also read the values of this
    // scope.
    bool contains(const SampleScope &inner) const;
    bool operator==(const SampleScope &other) const = default;
};

enum class SampleRoot : uint8_t { value, key, key_text, header, name };

struct SamplePlace {
    SampleRoot root;
    SampleScope scope;
    std::string pointer;            // the path after the last list, such as "/bpm"
    std::vector<std::string> names; // the names on the path to the value, also the names of lists
    SampleValues found;
    uint32_t elements[2] = {}; // for each of the lists: the largest number of elements in a message
    // If message i has the text examples[n] at this place, element i is n + 1. If `examples` does not contain
    // the text of message i, element i is 0 or missing. The vector is empty for a place inside of lists.
    std::vector<uint8_t> text_of_message;
};

// Returns the place as a text for a mapping, such as "each/bpm". `lists` is the number of lists in `each` of
// the mapping.
std::string sample_place_text(const SamplePlace &place, int lists);

class SampleLayout {
  public:
    explicit SampleLayout(MessageParser *parser) : parser_(parser) {}

    void add(const MessageView &message); // if the parser refuses the value, add() ignores the value
    const std::vector<SamplePlace> &places() const { return places_; }
    uint32_t messages() const { return messages_; }
    bool is_parsed(uint32_t message) const { return parsed_[message]; }

  private:
    struct At {
        SampleRoot root = SampleRoot::value;
        SampleScope scope;
        std::string pointer;
        std::vector<std::string> names;
        uint32_t elements[2] = {}; // the number of elements of each list
    };

    void add_key(const MessageBytes &key);
    void add_node(const ValueTree &tree, uint32_t index, const At &at);
    void add_children(const ValueTree &tree, uint32_t index, const At &at, bool as_list);
    void add_scalar(const ValueNode &node, const At &at);
    void add_text(std::string_view text, const At &at);
    SamplePlace *place(const At &at); // nullptr: the layout has too many places

    // returns nullptr if the parser refuses the bytes
    const ValueTree *parse(MessagePart part, const MessageBytes &piece);

    MessageParser *const parser_;
    MappedMemory memory_;
    std::vector<SamplePlace> places_;
    std::map<std::string, size_t> indexes_; // indexes in places_, by root, lists and pointer
    std::vector<bool> parsed_;
    uint32_t messages_ = 0;
    size_t nodes_ = 0; // the number of nodes of the current message
};

} // namespace heartbeat
