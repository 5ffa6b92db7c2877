// Fuzzing: the redactor can show any text of librdkafka. The shown text is valid UTF-8 without control
// characters, and fits into its buffer. A further utf8_copy() of the shown text does not change it. The
// redactor removes the value of a property from the text. The input's first line is the end of this value,
// and the other lines are librdkafka's text.
#include "decode/utf8_text.h"
#include "kafka/redaction.h"
#include "require.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace {

using namespace heartbeat;

// Each value begins with this text. If a value is also a word of librdkafka's own texts, the redactor does
// not remove it everywhere. With this beginning, no value is such a word.
constexpr char unusual[] = "~QzX9~Qz";

void check_shown(const char *text, size_t room) {
    size_t size = strnlen(text, room);
    require(size < room);
    for (size_t at = 0, length; at < size; at += length) {
        length = utf8_shown_length(text + at, size - at);
        require(length > 0);
    }
    std::string again(room, '#');
    utf8_copy(again.data(), room, text);
    require(strcmp(again.c_str(), text) == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string input(reinterpret_cast<const char *>(data), size);
    const size_t end = std::min(input.find('\n'), size);
    const std::string value = unusual + input.substr(0, end), said = input.substr(std::min(end + 1, size));
    Redactor redactor;
    redactor.learn({{1, "sasl.password", value}});
    const std::string redacted = redactor.redact(said + " " + value + " " + said);
    require(redacted.find(value) == std::string::npos);
    for (size_t room : {size_t{1}, size_t{5}, size_t{64}, size_t{384}}) {
        std::string text(room, '#');
        redactor.show(text.data(), room, said.c_str());
        check_shown(text.c_str(), room);
        ascii_copy(text.data(), room, said.c_str());
        check_shown(text.c_str(), room);
        require(std::all_of(text.c_str(), text.c_str() + strlen(text.c_str()),
                            [](char byte) { return byte >= 0x20 && byte <= 0x7e; }));
    }
    return 0;
}
