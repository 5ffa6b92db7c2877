// Clears ReaderMemory, the working memory of the readers of Avro and Protobuf. The mapped decoder calls
// clear() before it reads the next message.
#include "decode/schema_reader.h"

namespace heartbeat {

void ReaderMemory::clear() noexcept {
    made.clear();
    if (names.capacity() > message_values_kept)
        std::vector<std::string_view>().swap(names);
    names.clear();
    protobuf.clear();
}

} // namespace heartbeat
