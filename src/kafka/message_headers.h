// Reads the headers of a message that librdkafka has delivered. consumer_fill.cpp gives it to the pipeline,
// which calls it for messages that need their headers.
#pragma once

#include "decode/header_reader.h"

#include <librdkafka/rdkafka.h>
#include <vector>

namespace heartbeat {

class MessageHeaders final : public HeaderReader {
  public:
    // The room must live as long as the view, and the message too.
    MessageHeaders(const rd_kafka_message_t *message, std::vector<MessageHeader> *room) noexcept
        : message_(message), room_(room) {}

    // A message whose headers cannot be parsed has none.
    void read(MessageView *view) const override;

  private:
    const rd_kafka_message_t *message_;
    std::vector<MessageHeader> *room_;
};

} // namespace heartbeat
