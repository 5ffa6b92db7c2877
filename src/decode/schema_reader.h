// Reads messages of a binary format with a schema. avro_reader() or protobuf_reader() makes one reader for a
// schema and for the values that a mapping reads. The mapped decoder calls this reader for each message with
// the schema.
#pragma once

#include "decode/decode_error.h"
#include "decode/mapping_limits.h"
#include "decode/protobuf_memory.h"
#include "decode/schema_key.h"
#include "decode/text_store.h"
#include "decode/value_tree.h"
#include "decode/wanted_values.h"

#include <string_view>
#include <vector>

namespace heartbeat {

// The working memory of a reader. The caller keeps this memory for the next messages, so usual messages need
// no allocation. All readers of a thread can share one ReaderMemory.
struct ReaderMemory {
    void clear() noexcept; // forgets the last message, and frees memory that usual messages do not need

    TextStore made{message_made_bytes_max}; // texts that the reader makes, such as the text of a UUID
    std::vector<std::string_view> names;    // working memory of value_repeats_name()
    ProtobufMemory protobuf;
};

// A reader never changes, so threads can share a reader.
class SchemaReader {
  public:
    SchemaReader() = default;
    virtual ~SchemaReader() = default;
    SchemaReader(const SchemaReader &) = delete;
    SchemaReader &operator=(const SchemaReader &) = delete;

    // Reads the bytes of one value into *tree. `what` is the name of the bytes in errors, such as "payload".
    // The texts in the tree are not copies: they point into `bytes`, into the reader or into `memory`. If the
    // function fails, it fills in *error and returns false. An error text never contains content of the
    // message.
    virtual bool read(std::string_view bytes, const char *what, ReaderMemory *memory, ValueTree *tree,
                      DecodeError *error) const noexcept = 0;
};

// Makes a reader of Avro's binary encoding. The last element of `schemas` is the schema of the messages. The
// other elements are the schemas to which this schema refers. Each element refers only to earlier elements.
// If the function fails, it fills in *error and returns nullptr. The caller deletes the reader.
SchemaReader *avro_reader(const std::vector<std::string_view> &schemas, const WantedValue &wanted,
                          SchemaError *error) noexcept;

// Makes a reader of Protobuf. `descriptors` are the bytes of a google.protobuf.FileDescriptorSet. The last
// file of this set declares the messages. If `is_framed` is true, each message begins with the message
// indexes of Confluent's frame: they name one of the file's types. If `is_framed` is false, each message has
// the first type of the file.
SchemaReader *protobuf_reader(std::string_view descriptors, bool is_framed, const WantedValue &wanted,
                              SchemaError *error) noexcept;

} // namespace heartbeat
