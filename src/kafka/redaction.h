// Librdkafka's words without what the user's file of properties has. A value may be a secret,
// and librdkafka quotes values in errors and in its log, so each of them is replaced by its property's name.
#pragma once

#include "kafka/properties_file.h"

#include <string>
#include <vector>

namespace heartbeat {

class Redactor {
  public:
    // Forgets what it knew. Throws std::bad_alloc.
    void learn(const std::vector<FileProperty> &properties);

    std::string redact(const std::string &text) const; // throws std::bad_alloc

    // The text redacted, and made fit to be shown, see decode/utf8_text.h. Where memory is out it says that.
    void show(char *to, size_t size, const char *text) const noexcept;

  private:
    struct Hidden {
        std::string value; // of a property, or an element of one that is a list
        std::string name;
        bool ordinary; // librdkafka's own texts have it too
    };
    const Hidden *find_at(const std::string &text, size_t at, size_t *length) const;
    void hide(const std::string &name, const std::string &value, const std::string &ordinary_texts);

    std::vector<Hidden>
        hidden_; // longest first, so that of two values that begin alike the whole one is found
};

} // namespace heartbeat
