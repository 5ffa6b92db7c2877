// Generator, replay: finds the Kafka key of a line, even if the line is not a valid reading. replay_key()
// scans the line only up to the customer_id, without a JSON parser.
#include "replay_key.h"

#include "decode/reading.h"

#include <algorithm>

namespace heartbeat::generator {

namespace {

constexpr std::string_view spaces = " \t\r\n";

class Scanner {
  public:
    explicit Scanner(std::string_view line) : rest_(line) {}

    char peek() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(spaces), rest_.size()));
        return rest_.empty() ? '\0' : rest_.front();
    }

    bool take(char expected) {
        if (peek() != expected)
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    // Returns the bytes between the quotes of a string. An escape such as \n stays as it is.
    std::optional<std::string_view> take_string() {
        if (!take('"'))
            return std::nullopt;
        for (size_t i = 0; i < rest_.size(); i++) {
            if (rest_[i] == '\\') {
                i++;
            } else if (rest_[i] == '"') {
                const std::string_view text = rest_.substr(0, i);
                rest_.remove_prefix(i + 1);
                return text;
            }
        }
        return std::nullopt;
    }

    std::optional<std::string_view> take_integer() {
        peek();
        size_t size = rest_.starts_with('-') ? 1 : 0;
        const size_t sign = size;
        while (size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9')
            size++;
        std::string_view digits = rest_.substr(0, size);
        rest_.remove_prefix(size);
        if (digits == "-0")
            digits.remove_prefix(1); // -0 and 0 are the same integer, and so the same customer
        const bool ends = peek() == ',' || rest_.starts_with('}');
        return size > sign && ends ? std::optional(digits) : std::nullopt;
    }

    // Skips a value up to the comma or brace after it.
    bool skip_value() {
        int depth = 0;
        for (;;) {
            switch (peek()) {
            case '\0':
                return false;
            case '"':
                if (!take_string())
                    return false;
                continue;
            case '{':
            case '[':
                depth++;
                break;
            case ',':
                if (depth == 0)
                    return true;
                break;
            case '}':
            case ']':
                if (depth-- == 0)
                    return true;
                break;
            default:
                break;
            }
            rest_.remove_prefix(1);
        }
    }

  private:
    std::string_view rest_;
};

} // namespace

std::optional<std::string_view> replay_key(std::string_view line) {
    Scanner scanner(line);
    if (!scanner.take('{'))
        return std::nullopt;
    do {
        const auto name = scanner.take_string();
        if (!name || !scanner.take(':'))
            return std::nullopt;
        if (*name == field_customer_id) {
            if (scanner.peek() != '"')
                return scanner.take_integer();
            const auto id = scanner.take_string();
            const bool plain = id && !id->empty() && id->find('\\') == std::string_view::npos;
            return plain ? id : std::nullopt;
        }
        if (!scanner.skip_value())
            return std::nullopt;
    } while (scanner.take(','));
    return std::nullopt;
}

} // namespace heartbeat::generator
