// Makes a list of a message's headers. librdkafka parses the headers when read() is called for the first time
// for a message. The list points to the bytes of the headers, which librdkafka owns.
#include "kafka/message_headers.h"

namespace heartbeat {

void MessageHeaders::read(MessageView *view) const {
    room_->clear();
    rd_kafka_headers_t *headers = nullptr;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message_, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0;
             rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
            room_->push_back({name, {value, size}});
    view->headers = room_->data();
    view->header_count = room_->size();
    view->unread_headers = nullptr;
}

} // namespace heartbeat
