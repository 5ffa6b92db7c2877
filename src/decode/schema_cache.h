// The schemas that the decoder of a source has. The decoder finds the schema of a message by the id in the
// message's frame. If the cache does not have the schema, the decoder returns DecodeResult::needs_schema.
// Then the worker or the session adds the schema, and decodes the message again. This file and
// schema_cache.cpp do not use the table of schemas or the registry.
#pragma once

#include "decode/decode_error.h"
#include "decode/message_format.h"
#include "decode/schema_reader.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace heartbeat {

// Compiles a schema into a reader. If the schema has a fault, fills in *error and returns nullptr. May throw
// std::bad_alloc.
std::unique_ptr<const SchemaReader> schema_compile(MessageFormat format, const WantedValue &wanted,
                                                   const SchemaTexts &schema, bool is_framed,
                                                   SchemaError *error);

// Only one thread at a time may call the functions of a cache.
class SchemaCache {
  public:
    // `value` describes what the decoder reads in the value of a message. `key` describes what the decoder
    // reads in the key.
    SchemaCache(MessageFormat format, WantedValue value, WantedValue key) noexcept
        : format_(format), wanted_values_{std::move(value), std::move(key)} {}

    // Adds a schema. If the schema has a fault, each message with the schema becomes a dead letter. The error
    // text of the dead letter contains the fault. Returns false if no memory is left.
    bool add(SchemaKey key, const SchemaTexts &schema) noexcept;

    // After this call, each message with this schema becomes a dead letter with this code and text. But with
    // the code unknown_schema, the cache forgets the schema `unknown_schema_seconds` after find() has
    // returned this error for the first time, because the registry may have the schema by then. Returns false
    // if no memory is left.
    bool refuse(SchemaKey key, DecodeErrorCode code, const char *text) noexcept;

    // Returns the reader of the schema. If the cache does not have the schema, returns nullptr, and
    // error->code is `none`. If the schema was refused or has a fault, returns nullptr, and *error is the
    // error for the dead letter.
    const SchemaReader *find(SchemaKey key, DecodeError *error) noexcept;

    SchemaKey wanted() const noexcept { return wanted_; } // the last schema that find() did not find
    MessageFormat format() const noexcept { return format_; }

    static constexpr int unknown_schema_seconds = 10;
    // The largest number of schemas, and the largest total size of their texts. If a new schema would exceed
    // a limit, the cache first forgets its refused schemas. If this is not enough, the cache keeps only the
    // new schema and the schema for the other part (key or value) of the same message. The compiled schemas
    // can need several times as much memory as the texts.
    static constexpr size_t schemas_max = 1024;
    static constexpr size_t schema_bytes_kept = size_t{8} << 20;

  private:
    enum Forgetting : int64_t { never = 0, after_first_use = -1 };

    struct Entry {
        SchemaKey key;
        std::unique_ptr<const SchemaReader> reader; // nullptr: the schema is refused or has a fault
        size_t bytes;                               // the size of the texts of the schema
        // the time at which the cache forgets the entry: seconds of the monotonic clock, or a value of
        // Forgetting
        int64_t forgotten_at;
        DecodeError error;
    };

    Entry *entry(SchemaKey key) noexcept;
    bool add_entry(Entry added) noexcept;
    void make_room(const Entry &added) noexcept;

    const MessageFormat format_;
    const WantedValue wanted_values_[2]; // the index is the MessagePart
    std::vector<Entry> entries_;
    size_t last_[2] = {}; // for each MessagePart: the index of the entry that the last search found
    SchemaKey wanted_ = {};
};

} // namespace heartbeat
