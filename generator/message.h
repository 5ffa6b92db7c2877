// Generator: a message, and the interfaces of its source (simulation, template or replay) and its sink (Kafka
// or standard output).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace heartbeat::generator {

struct Header {
    std::string name;
    std::string value;
};

// The views of a message point into the source's buffers, and are valid until the next call of
// Source::next().
struct Message {
    std::string_view key;
    bool has_key;
    std::string_view payload;
    // Kafka's message timestamp in milliseconds since 1970-01-01. If the timestamp is 0, librdkafka uses the
    // present time.
    int64_t timestamp_ms;
    std::span<const Header> headers = {};
};

enum class SourceState { message, waiting, end, failed };

class Source {
  public:
    virtual ~Source() = default;

    // `waiting`: the call has waited a short time, but has no message. The caller must call next() again.
    // `failed`: error() returns the reason.
    virtual SourceState next(Message *message) = 0;
    virtual std::string error() const { return {}; }
};

struct Counts {
    uint64_t sent = 0; // accepted messages; this number includes the acknowledged and the failed messages
    uint64_t acknowledged = 0;
    uint64_t failed = 0;

    uint64_t in_flight() const { return sent - acknowledged - failed; }
};

// `full`: the sink has no room for the message. Call serve(), and then send the message again. `broken`: the
// sink accepts no further messages.
enum class SendResult { sent, full, broken };

class Sink {
  public:
    virtual ~Sink() = default;

    // Opens the sink. The call can wait for a broker. If the sink cannot be opened, open() prints the reason
    // and returns false.
    virtual bool open() { return true; }
    virtual SendResult send(const Message &message) = 0;
    // Handles events, for example delivery reports. If there is no event yet, waits for one up to timeout_ms.
    virtual void serve(int timeout_ms) = 0;
    // Abandons all messages in flight, and counts them as failed.
    virtual void abandon() {}
    virtual bool broken() const = 0;
    virtual const Counts &counts() const = 0;
};

} // namespace heartbeat::generator
