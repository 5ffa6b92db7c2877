// The interface of decoders. A decoder converts a Kafka message into readings, or ignores the message. If the
// message is invalid, the decoder returns an error, and the message becomes a dead letter. One kind of
// decoder reads heartbeat's own layout. Another kind reads the layouts that mappings describe. pipeline.cpp
// calls the decoder and does not depend on a layout.
#pragma once

#include "decode/decode_error.h"
#include "decode/message_view.h"
#include "decode/reading.h"
#include "decode/reading_view.h"

namespace heartbeat {

class SchemaCache;

enum class DecodeResult : uint8_t {
    decoded,      // Decoded::readings has all readings of the message; this list can be empty
    ignored,      // the mapping of the source excludes the message
    failed,       // Decoded::error has the reason
    needs_schema, // the decoder does not have the schema of the message: see schema_cache()
};

// A decoder's result for a message. A decoder that makes one reading from each message can use the members
// `own` and `view` for this reading.
struct Decoded {
    // valid until the caller frees the message, or until the decoder decodes another message
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

    // Decodes either the whole message or no part of the message. The function sets only the members of
    // *decoded that the result needs: for example, `error` after an error. The other members are unspecified.
    // An error text can contain a position in the message, but never content of the message, because error
    // texts go to logs. Several threads may call a decoder one after the other, but never at the same time.
    // The locale of the process can change at any time, so the result must not depend on the locale.
    virtual DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept = 0;

    // Returns the cache in which the decoder finds the schema of a message, or nullptr if the decoder needs
    // no schemas. After DecodeResult::needs_schema, schema_cache_wanted() returns the key of the missing
    // schema.
    virtual SchemaCache *schema_cache() noexcept { return nullptr; }

    // Returns false if decode() does not need MessageView::headers.
    bool reads_headers() const noexcept { return reads_headers_; }

    // Returns true if a message can have many readings, up to message_readings_max.
    bool reads_lists() const noexcept { return reads_lists_; }

  private:
    const bool reads_headers_;
    const bool reads_lists_;
};

} // namespace heartbeat
