// Reads the headers of a message that librdkafka has delivered. If the decoder reads headers,
// consumer_fill.cpp calls read() for each message. If the decoder reads no headers, the pipeline calls
// read(), but only for a message whose headers the batch keeps.
#pragma once

#include "decode/header_reader.h"

#include <librdkafka/rdkafka.h>
#include <vector>

namespace heartbeat {

class MessageHeaders final : public HeaderReader {
  public:
    // read() points the view into `room` and into the message, so `room` and the message must live as long as
    // the view.
    MessageHeaders(const rd_kafka_message_t *message, std::vector<MessageHeader> *room) noexcept
        : message_(message), room_(room) {}

    // If librdkafka cannot parse the headers of the message, the view gets no headers.
    void read(MessageView *view) const override;

  private:
    const rd_kafka_message_t *message_;
    std::vector<MessageHeader> *room_;
};

} // namespace heartbeat
