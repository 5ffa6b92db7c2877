// Parses JSON into a tree of values. It keeps its memory for the next text, so that usual messages need no
// allocation. The mapped decoder parses messages with it, and the compiler of mappings parses mappings.
#pragma once

#include "decode/decode_error.h"
#include "decode/value_tree.h"

#include <memory>
#include <string_view>

namespace heartbeat {

// The rules are those of decode_json(): UTF-8, no U+0000, no repeated key in any object, no number that
// neither 64 bits nor a double can hold. mapping_limits.h has the limits of size, depth and number of values.
class JsonTree {
  public:
    JsonTree() noexcept;
    ~JsonTree();
    JsonTree(JsonTree &&) noexcept;
    JsonTree &operator=(JsonTree &&) noexcept;

    // `what` is the text in error texts, such as "payload". A text that a person writes may repeat keys, and
    // the caller then finds them with check_names(). False: *error is filled in.
    bool parse(std::string_view text, const char *what, DecodeError *error,
               bool may_repeat_names = false) noexcept;

    const ValueTree &tree() const { return tree_; }

    // Frees memory that usual messages do not need. The tree is then not valid.
    void release_giant() noexcept;

  private:
    struct Parser;

    bool read(std::string_view text, const char *what, DecodeError *error, bool may_repeat_names);

    std::unique_ptr<Parser> parser_;
    ValueTree tree_;
    std::vector<std::string_view> names_;
};

} // namespace heartbeat
