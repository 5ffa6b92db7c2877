// Writes the place of a value for an error text, such as /data/metrics/3/bpm. If the place is in a list
// element, the text contains the index of the element that the decoder is reading.
#include "decode/mapped_message.h"
#include "decode/utf8_text.h"

#include <cstdio>
#include <cstring>

namespace heartbeat {

namespace {

// The text has room for the longest description: the places of two lists, and a place in an element.
constexpr size_t raw_size_max = 4096;

class Description {
  public:
    void add(const char *format, const char *text) { advance(snprintf(at(), left(), format, text)); }
    void add_position(const ListPosition &position) {
        // write the index of a member and not its name, because the name is content of the message
        advance(snprintf(at(), left(), position.is_member ? "/(member %u)" : "/%u", position.number));
    }

    // Copies the text. If the text is too long, the function leaves out the middle of the text.
    void copy(char *to, size_t size) const {
        constexpr char cut[] = "...";
        char shown[escape_size * raw_size_max];
        ascii_copy(shown, sizeof(shown), text_);
        const size_t length = strlen(shown);
        if (length < size) {
            memcpy(to, shown, length + 1);
            return;
        }
        const size_t kept = (size - sizeof(cut)) / 2;
        memcpy(to, shown, kept);
        memcpy(to + kept, cut, sizeof(cut) - 1);
        memcpy(to + kept + sizeof(cut) - 1, shown + length - kept, kept + 1);
    }

  private:
    char *at() { return text_ + used_; }
    size_t left() const { return sizeof(text_) - used_; }
    void advance(int written) {
        const size_t room = left() - 1;
        used_ += static_cast<size_t>(written) < room ? static_cast<size_t>(written) : room;
    }

    char text_[raw_size_max] = "";
    size_t used_ = 0;
};

void add_outer(Description *text, const Mapping &mapping, const MappedMessage &message) {
    text->add("%s", mapping.each[0].path.c_str());
    text->add_position(message.outer);
}

void add_element(Description *text, const Mapping &mapping, const MappedMessage &message) {
    if (mapping.each.size() == 2)
        add_outer(text, mapping, message);
    text->add("%s", mapping.each.back().path.c_str());
    text->add_position(message.element);
}

} // namespace

void MappedMessage::describe(const Place &place, char *text, size_t size) const noexcept {
    Description description;
    switch (place.root) {
    case PlaceRoot::value:
        description.add("%s", place.path.empty() ? "value" : place.path.c_str());
        break;
    case PlaceRoot::key:
    case PlaceRoot::key_text:
        description.add("key%s", place.path.c_str());
        break;
    case PlaceRoot::header:
        description.add("header/%s", place.header.c_str());
        break;
    case PlaceRoot::each:
        add_element(&description, mapping_, *this);
        description.add("%s", place.path.c_str());
        break;
    case PlaceRoot::outer:
        add_outer(&description, mapping_, *this);
        description.add("%s", place.path.c_str());
        break;
    case PlaceRoot::name:
        description.add("%s", "the name of ");
        add_element(&description, mapping_, *this);
        break;
    case PlaceRoot::kafka_timestamp:
        description.add("%s", "kafka/timestamp");
        break;
    }
    description.copy(text, size);
}

} // namespace heartbeat
