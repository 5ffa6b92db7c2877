// Fuzzing: mapping_compile() compiles any bytes, or refuses the bytes with texts that can be shown.
#include "decode/mapping_compile.h"
#include "decode/utf8_text.h"
#include "require.h"

#include <cstdint>
#include <cstring>

namespace {

template <size_t size> void check_text(const char (&text)[size], bool may_be_empty) {
    const size_t length = strnlen(text, size);
    require(length < size && (may_be_empty || length > 0));
    for (size_t i = 0; i < length;) {
        const size_t character = heartbeat::utf8_shown_length(text + i, length - i);
        require(character > 0);
        i += character;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heartbeat::MappingError error;
    std::memset(&error, '#', sizeof(error));
    const heartbeat::Mapping *const mapping =
        heartbeat::mapping_compile({reinterpret_cast<const char *>(data), size}, &error);
    require(!error.out_of_memory);
    if (mapping == nullptr) {
        check_text(error.pointer, true);
        check_text(error.problem, false);
        check_text(error.legal, false);
        require(error.pointer[0] == '\0' || error.pointer[0] == '/');
    }
    heartbeat::mapping_destroy(mapping);
    return 0;
}
