// Defines each setting with its unit, its range and its description. A range cannot check a text, such as the
// name of a topic, so functions of this file check these texts. _PG_init() calls settings_define().
#include "server/server.h"

#include "decode/reading.h"
#include "kafka/broker_list.h"
#include "server/compat.h"
#include "server/settings.h"

#include <climits>
#include <cstring>

extern "C" {
#include "utils/guc.h"
}

namespace heartbeat {

Settings settings;

namespace {

constexpr int topic_name_max = 249; // Kafka's own limit
constexpr int group_id_max = 255;
constexpr size_t broker_reason_size = 320;

const config_enum_entry start_offset_values[] = {
    {"earliest", static_cast<int>(StartOffset::earliest), false},
    {"latest", static_cast<int>(StartOffset::latest), false},
    {nullptr, 0, false},
};

const config_enum_entry offset_reset_values[] = {
    {"error", static_cast<int>(OffsetReset::error), false},
    {"earliest", static_cast<int>(OffsetReset::earliest), false},
    {"latest", static_cast<int>(OffsetReset::latest), false},
    {nullptr, 0, false},
};

bool check_topic(char **value, void ** /*extra*/, GucSource /*source*/) {
    if (settings_topic_is_legal(*value))
        return true;
    GUC_check_errdetail("A Kafka topic's name has 1 to %d of the characters a-z, A-Z, 0-9, '.', '_' and '-'.",
                        topic_name_max);
    return false;
}

// If heartbeat.brokers in postgresql.conf is not a valid list, the setting keeps its old value, which is
// empty at the start of the server. While the value is empty, the workers read nothing, and heartbeat_status
// shows refused_brokers, or brokers_empty if the server has refused no list.
constexpr const char *brokers_empty = "heartbeat.brokers is empty";
char refused_brokers[broker_reason_size] = "";

bool check_brokers(char **value, void ** /*extra*/, GucSource source) {
    char reason[broker_reason_size];
    bool legal = **value == '\0' || broker_list_check(*value, reason, sizeof(reason));
    if (legal) {
        refused_brokers[0] = '\0';
        return true;
    }
    if (source >= PGC_S_FILE)
        snprintf(refused_brokers, sizeof(refused_brokers), "heartbeat.brokers is not valid: %s", reason);
    GUC_check_errdetail("%s", reason);
    GUC_check_errhint("Give %s Set security.protocol in the file of heartbeat.kafka_config_file.",
                      broker_list_legal);
    return false;
}

bool check_group_id(char **value, void ** /*extra*/, GucSource /*source*/) {
    size_t size = strlen(*value);
    bool printable =
        std::all_of(*value, *value + size, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
    if (size > 0 && size <= group_id_max && printable)
        return true;
    GUC_check_errdetail("A Kafka group's id has 1 to %d bytes, and no control characters.", group_id_max);
    return false;
}

// Defines the settings whose changes take effect at a restart. If shared_preload_libraries does not contain
// the library, a session loads it later, and a new setting with PGC_POSTMASTER would then be an error. So the
// function uses PGC_SIGHUP in this case. A configuration file may contain these settings, but they have no
// effect.
void define_at_start() {
    GucContext context = process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP;
    DefineCustomStringVariable("heartbeat.database", "Sets the database that the workers store readings in.",
                               "Create the extension in this database. A change takes effect at a restart.",
                               &settings.database, "postgres", context, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.workers", "Sets how many workers share the Kafka partitions of the sources.",
        "Worker N begins with Kafka partition P of the source with the id S if (P + S) modulo this value is "
        "N. A worker that lags hands Kafka partitions over. "
        "A change takes effect at a restart. "
        "max_worker_processes must have room for the workers and for two more processes of heartbeat.",
        &settings.workers, 1, 1, workers_max, context, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.max_sources", "Sets how many sources the workers can read.",
        "Shared memory has room for this number of sources. The workers do not read more sources. A change "
        "takes effect at a restart.",
        &settings.max_sources, 256, 1, sources_max, context, 0, nullptr, nullptr, nullptr);
}

void define_kafka() {
    DefineCustomStringVariable("heartbeat.brokers",
                               "Sets the bootstrap servers of Kafka, as host:port,host:port.",
                               "If it is empty, the workers read nothing.", &settings.brokers, "", PGC_SIGHUP,
                               0, check_brokers, nullptr, nullptr);
    DefineCustomStringVariable("heartbeat.topic", "Sets the Kafka topic of the source default.", nullptr,
                               &settings.topic, default_topic, PGC_SIGHUP, 0, check_topic, nullptr, nullptr);
    DefineCustomStringVariable(
        "heartbeat.group_id", "Sets the Kafka group to which offsets are committed.",
        "These offsets are for tools that show lag. heartbeat itself reads the offsets in heartbeat_offsets.",
        &settings.group_id, "heartbeat-consumer-group", PGC_SIGHUP, 0, check_group_id, nullptr, nullptr);
    DefineCustomEnumVariable("heartbeat.start_offset",
                             "Sets where the source default begins if its topic has no stored offset.",
                             nullptr, &settings.start_offset, static_cast<int>(StartOffset::earliest),
                             start_offset_values, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable("heartbeat.offset_reset",
                             "Sets what to do if Kafka does not hold the stored offset, if Kafka's log was "
                             "truncated, if the topic was recreated, or if the brokers belong to another "
                             "cluster.",
                             "With error, the worker stops as FAILED. With earliest or latest, it continues "
                             "at the first or at the end offset, and records the reset.",
                             &settings.offset_reset, static_cast<int>(OffsetReset::error),
                             offset_reset_values, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("heartbeat.kafka_config_file",
                               "Sets the file of librdkafka properties, with one key=value in each line.",
                               "The file is for SASL, TLS and tuning. Other users must have no access to it.",
                               &settings.kafka_config_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr,
                               nullptr, nullptr);
}

void define_storing() {
    DefineCustomStringVariable("heartbeat.role", "Sets the role that the workers act as.",
                               "If it is empty, the workers act as the owner of the extension.",
                               &settings.role, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("heartbeat.batch_size", "Sets how many messages one transaction stores at most.",
                            nullptr, &settings.batch_size, 20000, 1, 1000000, PGC_SIGHUP, 0, nullptr, nullptr,
                            nullptr);
    DefineCustomIntVariable(
        "heartbeat.batch_wait", "Sets how long a batch waits for more messages.",
        "The time begins when the worker has stored the previous batch. If the time is over when a message "
        "arrives, the worker stores the message at once.",
        &settings.batch_wait, 5, 0, 60000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.retention",
        "Sets how long heartbeat keeps readings, dead letters, events, gaps and closed alerts.",
        "With 0, retention deletes nothing. heartbeat drops whole weeks of readings, so it keeps a "
        "reading up to a week longer.",
        &settings.retention, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.pack_after", "Sets how long after the end of a week heartbeat packs its readings.",
        "To pack a week, heartbeat rebuilds the primary keys of the week with full pages. 0 packs no week.",
        &settings.pack_after, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.dead_letter_limit",
        "Sets how many dead letters and conflicts may be unresolved before a further dead letter or conflict "
        "stops the source.",
        "The source is then FAILED, until fewer are unresolved or the limit is higher. 0 sets no limit.",
        &settings.dead_letter_limit, 0, 0, INT_MAX, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.stall_timeout",
        "Sets the time after which the state is STALLED if a partition has lag and its stored offset does "
        "not change.",
        "The state is also STALLED if a worker does not store a batch, or does not return to its main loop, "
        "within this time.",
        &settings.stall_timeout, 60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.max_clock_skew",
        "Sets by how much a reading's time may be later than the reading's arrival.",
        "If the difference is larger, the views and alert rules about recent readings use the time of the "
        "reading's arrival. heartbeat stores the reading unchanged.",
        &settings.max_clock_skew, 300, 0, 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "heartbeat.log_summary",
        "Sets how often heartbeat writes a line with the number of stored messages to the server's log.",
        "There is no line if no message was stored. 0 turns the lines off.", &settings.log_summary, 60, 0,
        86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("heartbeat.log_readings",
                             "Writes a line to the server's log for every reading stored.",
                             "This is for demonstrations: the lines have customers' data.",
                             &settings.log_readings, false, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

} // namespace

void settings_define() {
    define_at_start();
    define_kafka();
    define_storing();
    reserve_settings("heartbeat");
}

bool settings_topic_is_legal(const char *topic) {
    const char *legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(topic);
    return size > 0 && size <= topic_name_max && strspn(topic, legal) == size && strcmp(topic, ".") != 0 &&
           strcmp(topic, "..") != 0;
}

const char *settings_why_no_brokers() {
    return refused_brokers[0] == '\0' ? brokers_empty : refused_brokers;
}

} // namespace heartbeat
