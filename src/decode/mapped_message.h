// One message under a mapping: finds the value of a place, tests conditions, and names places for error
// texts. The mapped decoder moves it from element to element.
#pragma once

#include "decode/mapping.h"
#include "decode/message_view.h"

namespace heartbeat {

// The child of an array or object at which a list is.
struct ListPosition {
    uint32_t index = no_value;
    uint32_t number = 0; // counted from 0
    bool is_member = false;
};

class MappedMessage {
  public:
    enum class Lookup : uint8_t { found, missing, not_text };

    explicit MappedMessage(const Mapping &mapping) : mapping_(mapping), kept_(mapping.slots) {}

    void begin(const MessageView *message, const ValueTree *value, const ValueTree *key) {
        message_ = message;
        value_ = value;
        key_ = key;
        forget(PlaceLevel::message);
    }

    // Forgets the values of places of this level and of the levels below it.
    void forget(PlaceLevel level) noexcept;

    // A copy of the value; null counts as missing. not_text: a key or header that is not UTF-8.
    Lookup find(const Place &place, ValueNode *found) noexcept {
        return place.slot == no_slot ? look(place, found) : recall(place, found);
    }
    Lookup look(const Place &place, ValueNode *found) const noexcept;

    // The index of the value, of a place in the message's value.
    uint32_t find_index(const Place &place) const noexcept;

    bool holds(const Condition &condition) const noexcept;

    // Whether the place is missing because the whole payload is not of the right type.
    bool payload_is_wrong(const Place &place) const noexcept;

    // Writes a place with the numbers of elements, such as /data/metrics/3/bpm, in printable ASCII. It never
    // has a name or a value of the message.
    void describe(const Place &place, char *text, size_t size) const noexcept;

    const ValueTree &value() const { return *value_; }

    ListPosition outer, element;

  private:
    struct Kept {
        bool is_known = false;
        PlaceLevel level = PlaceLevel::message;
        Lookup lookup = Lookup::missing;
        ValueNode value = {};
    };

    Lookup recall(const Place &place, ValueNode *found) noexcept;
    Lookup find_text(const MessageBytes &bytes, ValueNode *found) const noexcept;
    Lookup find_header(const Place &place, ValueNode *found) const noexcept;
    Lookup find_name(ValueNode *found) const noexcept;
    uint32_t begin_of(const Place &place) const noexcept;
    bool any_equal(const Condition &condition, uint32_t index, size_t segment) const noexcept;
    bool is_any_of(const Condition &condition, const ValueNode &found) const noexcept;

    const Mapping &mapping_;
    const MessageView *message_ = nullptr;
    const ValueTree *value_ = nullptr;
    const ValueTree *key_ = nullptr;
    std::vector<Kept> kept_; // of the places with slots
};

} // namespace heartbeat
