// Parses JSON into a tree of values. The tree keeps its memory for the next text, and so allocates no memory
// for usual messages. The mapped decoder parses messages with this class, and the compiler of mappings parses
// mappings with this class.
#pragma once

#include "decode/decode_error.h"
#include "decode/value_tree.h"

#include <memory>
#include <string_view>

namespace heartbeat {

// JsonTree refuses a text that breaks one of these rules. The text is UTF-8 without U+0000. No object repeats
// a key. Each integer fits into 64 bits with or without a sign, and every other number fits into a double.
// mapping_limits.h has the limits of size, depth and number of values.
class JsonTree {
  public:
    JsonTree() noexcept;
    ~JsonTree();
    JsonTree(JsonTree &&) noexcept;
    JsonTree &operator=(JsonTree &&) noexcept;

    // `what` is the name of the text in errors, such as "payload". If `may_repeat_names` is true, parse()
    // also accepts objects that repeat keys. The compiler of mappings uses this option, because it finds
    // repeated keys itself, and names the place of the key in its error text. If parse() fails, it fills in
    // *error and returns false.
    bool parse(std::string_view text, const char *what, DecodeError *error,
               bool may_repeat_names = false) noexcept;

    const ValueTree &tree() const { return tree_; }

    // After a giant message, frees the memory that usual messages do not need. After this call the tree is
    // not valid.
    void release_giant() noexcept;

  private:
    struct Parser;

    bool read(std::string_view text, const char *what, DecodeError *error, bool may_repeat_names);

    std::unique_ptr<Parser> parser_;
    ValueTree tree_;
    std::vector<std::string_view> names_;
};

} // namespace heartbeat
