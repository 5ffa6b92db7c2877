// The settings of postgresql.conf that begin with "heartbeat.".
#pragma once

#include "kafka/kafka_config.h"

namespace heartbeat {

enum class StartOffset { earliest, latest };
enum class OffsetReset { error, earliest, latest };

// The values in force in this process, kept up to date by the server.
struct Settings {
    char *database;
    int workers;
    char *role;
    char *brokers;
    char *topic;
    char *group_id;
    int batch_size;   // messages
    int batch_wait;   // milliseconds
    int start_offset; // a StartOffset
    int offset_reset; // an OffsetReset
    char *kafka_config_file;
    int retention;         // minutes, 0 keeps everything
    int dead_letter_limit; // unresolved ones, 0: none
    int stall_timeout;     // seconds
    int max_clock_skew;    // seconds that a reading's time may be ahead of its arrival
    int log_summary;       // seconds, 0 logs none
    bool log_readings;
};

inline constexpr int workers_max = 32;

extern Settings settings;

void settings_define();

// The reason of a state or an error where heartbeat.brokers is empty: also that the file's list was refused.
const char *settings_why_no_brokers();

// What a Kafka client of this process needs; the texts stay valid until the next reload.
KafkaSettings settings_for_kafka(const char *client_id);

} // namespace heartbeat
