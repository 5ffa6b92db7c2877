// A message, and the list elements that the mapped decoder is reading. This class finds the value of a place,
// tests conditions, and writes places in error texts. The mapped decoder sets `outer` and `element`.
#pragma once

#include "decode/mapping.h"
#include "decode/message_view.h"

namespace heartbeat {

// The position of the list element that the decoder is reading. A list is an array or an object's members.
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

    // Forgets the kept values of the places whose level is `level` or deeper.
    void forget(PlaceLevel level) noexcept;

    // Copies the value at the place to *found. A JSON null counts as missing. The result is `not_text` if the
    // place is a key or a header that contains U+0000 or is not UTF-8.
    Lookup find(const Place &place, ValueNode *found) noexcept {
        return place.slot == no_slot ? look(place, found) : recall(place, found);
    }
    Lookup look(const Place &place, ValueNode *found) const noexcept;

    // Finds the value at the place, and returns the index of the value in value().
    uint32_t find_index(const Place &place) const noexcept;

    bool holds(const Condition &condition) const noexcept;

    // Returns true if the place is missing because the payload has the wrong type. The payload must be an
    // object. If the place begins with a number, the payload can also be an array.
    bool payload_is_wrong(const Place &place) const noexcept;

    // Writes a place in printable ASCII, such as /data/metrics/3/bpm. The names in this text come from the
    // mapping. Only the indexes of list elements come from the message.
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
    std::vector<Kept> kept_; // the kept values, one for each slot
};

} // namespace heartbeat
