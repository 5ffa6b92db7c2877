// Makes the source `default` from the settings. No file above reads these settings itself.
#include "server/server.h"

#include "store/sources.h"

namespace heartbeat {

Source source_default() {
    return {0,
            "default",
            settings.topic,
            settings.brokers,
            settings.kafka_config_file,
            static_cast<StartOffset>(settings.start_offset),
            static_cast<OffsetReset>(settings.offset_reset)};
}

KafkaSettings source_kafka_settings(const Source &source, const char *client_id) {
    return {source.brokers, source.topic, settings.group_id, source.kafka_config_file, client_id};
}

} // namespace heartbeat
