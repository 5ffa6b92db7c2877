// Where in a message a fault is: the names of the schema's fields, such as /samples/3/bpm. The reader of Avro
// messages makes it when it leaves the values around a fault, so a message without a fault needs no time for
// it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace heartbeat {

class AvroPath {
  public:
    // Each call adds what is around the path so far.
    void add_field(std::string_view name) noexcept {
        for (size_t i = name.size(); i-- > 0;)
            add(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
        add('/');
    }
    void add_element(uint32_t number) noexcept { add_number("/%u", number); }
    // The name of a member is content of the message, so the path has its number.
    void add_member(uint32_t number) noexcept { add_number("/(member %u)", number); }

    // The end of the path, because this part is nearest to the fault.
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
