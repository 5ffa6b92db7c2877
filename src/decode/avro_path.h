// The path to a fault in a message, such as /samples/3/bpm. The path contains names of the schema's fields
// and indexes of elements. The reader of Avro messages builds the path only after a fault. First the function
// that reads the inner value adds its part, and then the function of each outer value adds a part.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace heartbeat {

class AvroPath {
  public:
    // Each call adds one part at the beginning of the path.
    void add_field(std::string_view name) noexcept {
        for (size_t i = name.size(); i-- > 0;)
            add(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
        add('/');
    }
    void add_element(uint32_t number) noexcept { add_number("/%u", number); }
    // The name of a map's member is content of the message, which an error text must not contain. So the path
    // contains the index of the member instead of the name.
    void add_member(uint32_t number) noexcept { add_number("/(member %u)", number); }

    // If the path is too long, returns only the end of the path, because the end is nearest to the fault.
    const char *text() const noexcept { return text_ + begin_; }

  private:
    static constexpr size_t size_max = 80;
    static constexpr std::string_view dots = "...";

    void add_number(const char *format, uint32_t number) noexcept {
        char text[24];
        const int size = std::snprintf(text, sizeof(text), format, number);
        for (int i = size; i-- > 0;)
            add(text[i]);
    }

    void add(char c) noexcept {
        if (begin_ > dots.size()) {
            text_[--begin_] = c;
        } else if (begin_ == dots.size()) {
            begin_ = 0;
            std::memcpy(text_, dots.data(), dots.size());
        }
    }

    size_t begin_ = size_max;
    char text_[size_max + 1] = {};
};

} // namespace heartbeat
