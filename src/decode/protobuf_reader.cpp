// The reader of Protobuf messages owns a plan. The message parser calls read() for each message: see
// schema_reader.h.
#include "decode/protobuf_compile.h"
#include "decode/protobuf_parse.h"
#include "decode/protobuf_tree.h"

#include <new>

namespace heartbeat {

namespace {

constexpr char no_memory[] = "out of memory while reading Protobuf";

class ProtobufReader final : public SchemaReader {
  public:
    ProtobufReader(ProtobufPlan plan, bool is_framed) : plan_(std::move(plan)), is_framed_(is_framed) {}

    bool read(std::string_view bytes, const char *what, ReaderMemory *memory, ValueTree *tree,
              DecodeError *error) const noexcept override {
        try {
            return read_message(bytes, what, memory, tree, error);
        } catch (...) {
            return decode_fail(error, DecodeErrorCode::out_of_memory, no_memory);
        }
    }

  private:
    bool read_message(std::string_view bytes, const char *what, ReaderMemory *memory, ValueTree *tree,
                      DecodeError *error) const {
        tree->clear();
        memory->protobuf.clear();
        if (bytes.size() > message_bytes_max)
            return decode_fail(error, DecodeErrorCode::invalid_protobuf,
                               "%s has %zu bytes; expected at most %zu", what, bytes.size(),
                               message_bytes_max);
        WireCursor cursor(bytes, &memory->protobuf.group_bytes);
        uint32_t message = plan_.roots[1].message;
        if (is_framed_ && !read_indexes(&cursor, &message))
            return decode_fail(
                error, DecodeErrorCode::invalid_protobuf,
                "%s does not begin with message indexes of its schema; expected the indexes of a message "
                "type that the last file of the schema declares",
                what);
        const auto size = static_cast<uint32_t>(bytes.data() + bytes.size() - cursor.at());
        ProtobufTreeBuilder builder(plan_, {memory, tree, error}, bytes.data(), what);
        return builder.message({}, message, {cursor.at(), size, no_piece}, 0);
    }

    // In the frame, a list of indexes shows the type of the message. Reads the length of the list, and then
    // the indexes. The first index is the index of a type in the file. Each further index is the index of a
    // type inside the previous type. If the list is empty, the message has the first type of the file.
    bool read_indexes(WireCursor *cursor, uint32_t *message) const {
        uint64_t count = 0;
        if (!read_index(cursor, &count) || count > protobuf_type_depth_max)
            return false;
        uint32_t root = count == 0 ? 1 : 0;
        for (; count > 0; --count) {
            uint64_t index = 0;
            if (!read_index(cursor, &index) || index >= plan_.roots[root].nested_count)
                return false;
            root = plan_.roots[root].nested + static_cast<uint32_t>(index);
        }
        *message = plan_.roots[root].message;
        return *message != no_value;
    }

    // The frame encodes its numbers in the same way as a sint32. A negative number becomes UINT64_MAX, which
    // the caller refuses.
    static bool read_index(WireCursor *cursor, uint64_t *index) {
        uint64_t value = 0;
        if (!cursor->varint(&value))
            return false;
        *index = value % 2 == 0 ? value / 2 : UINT64_MAX;
        return true;
    }

    const ProtobufPlan plan_;
    const bool is_framed_;
};

} // namespace

SchemaReader *protobuf_reader(std::string_view descriptors, bool is_framed, const WantedValue &wanted,
                              SchemaError *error) noexcept {
    try {
        ProtobufSchema schema;
        ProtobufPlan plan;
        if (!protobuf_schema_read(descriptors, &schema, error) ||
            !protobuf_plan_make(schema, is_framed, wanted, &plan, error))
            return nullptr;
        return new ProtobufReader(std::move(plan), is_framed);
    } catch (...) {
        protobuf_schema_fail(error, "out of memory while reading the schema");
        error->out_of_memory = true;
        return nullptr;
    }
}

} // namespace heartbeat
