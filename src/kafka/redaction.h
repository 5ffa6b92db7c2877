// Removes the values of the user's properties file from librdkafka's texts. A value can be a secret, and
// librdkafka quotes values in errors and in its log. The redactor replaces each value by the name of its
// property. The consumer client calls the redactor for each text that it shows.
#pragma once

#include "kafka/properties_file.h"

#include <string>
#include <vector>

namespace heartbeat {

class Redactor {
  public:
    // Learns the values of a file, and forgets all earlier values. Throws std::bad_alloc.
    void learn(const std::vector<FileProperty> &properties);

    std::string redact(const std::string &text) const; // throws std::bad_alloc

    // Copies the redacted text as utf8_copy() does, see decode/utf8_text.h. If no memory is left, the
    // function copies a text about the lack of memory.
    void show(char *to, size_t size, const char *text) const noexcept;

  private:
    struct Hidden {
        std::string value; // a property's value, or one element of a list
        std::string name;
        bool ordinary; // the value is also a word of librdkafka's own texts
    };
    const Hidden *find_at(const std::string &text, size_t at, size_t *length) const;
    void hide(const std::string &name, const std::string &value, const std::string &ordinary_texts);

    // Sorted by the length of the value, the longest first. If a short value is the beginning of a long
    // value, the redactor must find the long value. The rest of the long value would stay in the text after a
    // search for the short value.
    std::vector<Hidden> hidden_;
};

} // namespace heartbeat
