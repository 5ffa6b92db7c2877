// Fuzzing of the generator: a replay publishes the lines of any file byte for byte. If the extension decodes
// a reading from a line, the line's key is the customer id of that reading.
#include "decode/decoder_of_heartbeat.h"
#include "replay.h"
#include "replay_key.h"
#include "require.h"

#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace heartbeat;
using namespace heartbeat::generator;

// A file in memory, which the harness writes again for each input.
const std::string &write_file(const uint8_t *data, size_t size) {
    static const int file = memfd_create("replay", 0);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    require(ftruncate(file, 0) == 0);
    require(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    return path;
}

void check_key(std::string_view line, const Message &message) {
    const auto key = replay_key(line);
    require(message.has_key == key.has_value());
    require(message.key == key.value_or(std::string_view()));
    if (key) {
        require(!key->empty() && key->find_first_of("\"\\") == std::string_view::npos);
        require(key->data() >= line.data() && key->data() + key->size() <= line.data() + line.size());
    }
    Decoded decoded;
    if (decoder_of_heartbeat()->decode({.payload = {line.data(), line.size()}}, &decoded) !=
        DecodeResult::decoded)
        return;
    const Reading &reading = decoded.own;
    // replay_key() does not read escapes. So if the customer id or the name of its field has an escape, the
    // message can be without a key.
    const bool escaped = line.find('\\') != std::string_view::npos;
    require(key ? *key == std::string_view(reading.customer_id, reading.customer_id_size) : escaped);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ReplaySource source(write_file(data, size));
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    Message message;
    for (;;) {
        const SourceState state = source.next(&message);
        require(state != SourceState::failed);
        if (state == SourceState::waiting)
            continue;
        if (state == SourceState::end)
            break;
        require(!rest.empty());
        const std::string_view line = rest.substr(0, rest.find('\n'));
        require(message.payload == line);
        check_key(message.payload, message);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    require(rest.empty());
    return 0;
}
