// Reads messages of Protobuf and prints their trees as JSON. protobuf_oracle.py compares the trees with the
// values that the official library reads. A line of the input has four words with tabs between them: the
// descriptors in hexadecimal, "framed" or "plain", the wanted values (see places.h), and the message in
// hexadecimal. If the first word is empty, the program uses the descriptors of the previous line. A line of
// the output is a tree, or the text of an error.
#include "decode/decode_error.h"
#include "decode/schema_reader.h"
#include "places.h"
#include "tree_text.h"

#include <iostream>
#include <memory>

namespace {

using namespace heartbeat;

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned value = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::string_view take_word(std::string_view *line) {
    const std::string_view word = line->substr(0, line->find('\t'));
    line->remove_prefix(std::min(line->size(), word.size() + 1));
    return word;
}

} // namespace

int main() {
    std::ios::sync_with_stdio(false);
    std::string text, descriptors, last_key;
    std::unique_ptr<SchemaReader> reader;
    ReaderMemory memory;
    ValueTree tree;
    SchemaError refused{};
    while (std::getline(std::cin, text)) {
        std::string_view line = text;
        const std::string_view hex = take_word(&line), frame = take_word(&line), places = take_word(&line);
        if (!hex.empty())
            descriptors = from_hex(hex);
        const std::string key = std::string(frame) + ' ' + std::string(places);
        if (!hex.empty() || key != last_key)
            reader.reset(protobuf_reader(descriptors, frame == "framed", wanted_of(places), &refused));
        last_key = key;
        std::string out;
        if (reader == nullptr) {
            out = std::string("SCHEMA: ") + refused.text;
        } else {
            const std::string message = from_hex(line);
            DecodeError error{};
            memory.made.clear();
            if (reader->read(message, "payload", &memory, &tree, &error))
                print_value(tree, 0, &out);
            else
                out = std::string(decode_error_name(error.code)) + ": " + error.text;
        }
        std::cout << out << '\n';
    }
    return 0;
}
