// The schemas of sample messages, for the files that suggest mappings. The functions may throw, so only
// src/decode includes this header.
#pragma once

#include "decode/message_parser.h"
#include "decode/message_samples.h"
#include "decode/schema_cache.h"

#include <memory>
#include <string>
#include <vector>

namespace heartbeat {

class SampleSchemas {
  public:
    explicit SampleSchemas(MessageFormat format) noexcept : format(format) {}

    void add(int32_t id, const SchemaTexts &schema);
    void set_bare(const SchemaTexts &schema);

    // Makes a decoder that has this mapping and the schemas. Returns nullptr if the mapping or the schema of
    // set_bare() has a fault.
    std::unique_ptr<Decoder, void (*)(Decoder *)> decoder(const std::string &mapping) const;

    // Makes a parser that reads all values of a message. Returns nullptr if the schema of set_bare() has
    // a fault.
    std::unique_ptr<MessageParser> parser() const;

    const MessageFormat format;

  private:
    struct Schema {
        int32_t id;
        std::vector<std::string> texts;
    };

    void add_to(SchemaCache *cache) const;

    std::vector<Schema> schemas_;
    std::vector<std::string> bare_; // the schema of messages without a frame; empty: no such schema
};

} // namespace heartbeat
