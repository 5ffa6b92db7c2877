// The interface of decoders. A decoder converts a Kafka message into readings, or ignores the message. If it
// can do neither, it returns an error, and the message becomes a dead letter. There are two decoders: one of
// heartbeat's own layout, and one of the layouts that mappings describe. pipeline.cpp calls the decoder and
// does not depend on a layout.
#pragma once

#include "decode/decode_error.h"
#include "decode/message_view.h"
#include "decode/reading.h"
#include "decode/reading_view.h"

namespace heartbeat {

class SchemaCache;

enum class DecodeResult : uint8_t {
    decoded,      // Decoded::readings has all readings of the message, and can be empty
    ignored,      // the mapping of the source excludes the message
    failed,       // Decoded::error says why
    needs_schema, // the decoder does not know the schema of the message: see schema_cache()
};

// A decoder's result for a message. A decoder that makes one reading of each message can use the members
// `own` and `view` for it.
struct Decoded {
    // valid until the decoder decodes another message, and only while this message exists
    const ReadingView *readings;
    size_t count;
    DecodeError error;
    Reading own;
    ReadingView view;

    // Makes `own` the only reading of the message.
    DecodeResult take_own() noexcept {
        view = {{own.customer_id, own.customer_id_size}, {}, own.heart_rate, own.event_time};
        readings = &view;
        count = 1;
        return DecodeResult::decoded;
    }
};

class Decoder {
  public:
    explicit constexpr Decoder(bool reads_headers, bool reads_lists = false) noexcept
        : reads_headers_(reads_headers), reads_lists_(reads_lists) {}
    virtual ~Decoder() = default;
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;

    // Decodes either the whole message or no part of it. The members of *decoded that do not belong to the
    // result are unspecified. An error text may name a position in the message, but never has content of the
    // message, because error texts go to logs. Only one thread at a time may call a decoder, but each call
    // may come from another thread. The locale of the process may change at any time.
    virtual DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept = 0;

    // The cache of the schemas that the messages name, or nullptr if the messages name no schemas. After
    // DecodeResult::needs_schema, schema_cache_wanted() returns the schema that the decoder needs.
    virtual SchemaCache *schema_cache() noexcept { return nullptr; }

    // If it returns false, decode() does not need MessageView::headers.
    bool reads_headers() const noexcept { return reads_headers_; }

    // If it returns true, a message can have many readings, up to message_readings_max.
    bool reads_lists() const noexcept { return reads_lists_; }

  private:
    const bool reads_headers_;
    const bool reads_lists_;
};

} // namespace heartbeat
