// The interface of decoders. A decoder converts a Kafka message into a reading. If it cannot, it returns an
// error, and the message becomes a dead letter. Each message layout has a decoder in a file of its own.
// pipeline.cpp calls the decoder and does not depend on a message layout.
#pragma once

#include "decode/decode_error.h"
#include "decode/message_view.h"
#include "decode/reading.h"

namespace heartbeat {

// A decoder's result for a message. It owns its bytes.
struct Decoded {
    Reading reading;
    DecodeError error;
};

class Decoder {
  public:
    // Decodes the whole message or nothing of it. If it returns true, decoded->reading is set and
    // decoded->error is unspecified. If it returns false, decoded->error is set and decoded->reading is
    // unspecified. An error text can name a position in the message. It never has content of the message,
    // because error texts are written to logs. Any number of threads may decode at once, even while the
    // process changes its locale.
    virtual bool decode(const MessageView &message, Decoded *decoded) const noexcept = 0;

  protected:
    ~Decoder() = default; // nothing destroys a decoder through this interface
};

} // namespace heartbeat
