// Pointers that own objects of librdkafka. Each pointer destroys its object with librdkafka's function for
// this type of object. The files of this folder always use these pointers for such objects. The last thread
// that releases a SharedClient destroys the handles that the SharedClient owns.
#pragma once

#include <librdkafka/rdkafka.h>
#include <memory>

namespace heartbeat {

// Makes a std::unique_ptr destroy its object with the function `destroy`.
template <auto destroy> struct Deleter {
    template <typename Object> void operator()(Object *object) const noexcept {
        static_cast<void>(destroy(object));
    }
};

using ConfigPointer = std::unique_ptr<rd_kafka_conf_t, Deleter<rd_kafka_conf_destroy>>;
using ErrorPointer = std::unique_ptr<rd_kafka_error_t, Deleter<rd_kafka_error_destroy>>;
using ListPointer =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Deleter<rd_kafka_topic_partition_list_destroy>>;
using MessagePointer = std::unique_ptr<rd_kafka_message_t, Deleter<rd_kafka_message_destroy>>;
using MetadataPointer = std::unique_ptr<const rd_kafka_metadata_t, Deleter<rd_kafka_metadata_destroy>>;
using QueuePointer = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_destroy>>;
using TopicPointer = std::unique_ptr<rd_kafka_topic_t, Deleter<rd_kafka_topic_destroy>>;

// Destroys a client, but does not close the client as a consumer first. Such a close would end a session in a
// Kafka group, but this client has no session. The close could also wait for ever.
inline void client_destroy(rd_kafka_t *client) noexcept {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
using ClientPointer = std::unique_ptr<rd_kafka_t, Deleter<client_destroy>>;

} // namespace heartbeat
