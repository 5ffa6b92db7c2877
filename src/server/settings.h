// The settings of postgresql.conf that begin with "heartbeat.". module.cpp calls settings_define(), and all
// floors above read the settings. This file does not depend on the code that uses a setting.
#pragma once

#include <cstdint>

namespace heartbeat {

enum class StartOffset { earliest, latest };
enum class OffsetReset { error, earliest, latest };

// The present values of the settings in this process. The server updates these values.
struct Settings {
    char *database;
    int workers;
    int max_sources; // shared memory has room for this number of sources
    char *role;
    char *brokers;
    char *topic;
    char *group_id;
    int batch_size;   // messages
    int batch_wait;   // milliseconds
    int start_offset; // a StartOffset
    int offset_reset; // an OffsetReset
    char *kafka_config_file;
    int retention;         // minutes; 0: heartbeat never deletes readings
    int pack_after;        // minutes after the end of a week; 0: heartbeat packs no week
    int dead_letter_limit; // unresolved dead letters and conflicts; 0: no limit
    int stall_timeout;     // seconds
    int max_clock_skew;    // a reading's time may be at most this number of seconds later than its arrival
    int log_summary;       // seconds; 0: no line
    bool log_readings;
};

inline constexpr int workers_max = 32;
inline constexpr int sources_max = 10000;

extern Settings settings;

void settings_define();

// Returns true if the text can be the name of a Kafka topic.
bool settings_topic_is_legal(const char *topic);

// Returns the reason that heartbeat_status shows when heartbeat.brokers is empty. If the server has refused
// the list in postgresql.conf, the text contains the reason of the refusal.
const char *settings_why_no_brokers();

} // namespace heartbeat
