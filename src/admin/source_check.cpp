// Checks each field of a source's definition, and finds fields that a source cannot have together.
// sources.cpp calls this file before it stores a source. try_source.cpp calls this file before it reads a
// topic.
#include "server/server.h"

#include "admin/source_check.h"
#include "admin/source_format_check.h"
#include "decode/mapping_compile.h"
#include "decode/presets.h"
#include "kafka/broker_list.h"
#include "server/compat.h"
#include "server/settings.h"
#include "server/text.h"

extern "C" {
#include "lib/stringinfo.h"
}

namespace heartbeat {

namespace {

constexpr size_t name_bytes_max = 63;
constexpr size_t file_bytes_max = 1023;
constexpr size_t broker_reason_size = 320;

[[noreturn]] void refuse(const char *message, const char *detail, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
                    detail == nullptr ? 0 : errdetail("%s", detail), errhint("%s", hint)));
}

[[noreturn]] void refuse_feature(const char *message, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s", message), errhint("%s", hint)));
}

// True if the text is not empty, has at most this many bytes, and has no control character.
bool is_plain(const char *text, size_t bytes_max) {
    size_t size = strlen(text);
    return size > 0 && size <= bytes_max && text_escape(text, false) == nullptr;
}

void check_name(const char *name) {
    if (!is_plain(name, name_bytes_max))
        refuse("the name of a source is empty, too long, or has control characters", nullptr,
               "Give a name of 1 to 63 bytes.");
}

void check_topic(const SourceDefinition &source) {
    const char *topic = source.fields[topic_field];
    if (topic == nullptr && strcmp(source.name, default_source) == 0)
        return;
    if (topic == nullptr)
        refuse(
            psprintf("source \"%s\" needs a topic", source.name), nullptr,
            "Give the name of a Kafka topic. Only the source default can be without a topic: it then reads "
            "heartbeat.topic.");
    if (!settings_topic_is_legal(topic))
        refuse(psprintf("\"%.300s\" is not the name of a Kafka topic", topic), nullptr,
               "A Kafka topic's name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'.");
}

// Raises an error if the value is not legal. NULL is legal only for the source `default`.
void check_choice(const SourceDefinition &source, SourceField field,
                  std::initializer_list<const char *> legal) {
    const char *value = source.fields[field];
    if (value == nullptr && strcmp(source.name, default_source) == 0)
        return;
    StringInfoData choices;
    initStringInfo(&choices);
    for (const char *choice : legal) {
        if (value != nullptr && strcmp(choice, value) == 0)
            return;
        appendStringInfo(&choices, "%s%s", choices.len == 0 ? "" : ", ", choice);
    }
    refuse(psprintf("%s of source \"%s\" cannot be \"%.100s\"", source_field_names[field], source.name,
                    value == nullptr ? "" : value),
           nullptr, psprintf("The legal values are: %s.", choices.data));
}

void check_tombstones(const SourceDefinition &source) {
    if (source.fields[tombstones_field] != nullptr && strcmp(source.fields[tombstones_field], "erase") == 0)
        refuse_feature("tombstones cannot be \"erase\": this version cannot erase the readings of a customer",
                       "Give dead_letter, which keeps each message without a value as a dead letter.");
    check_choice(source, tombstones_field, {"dead_letter"});
}

const Preset *check_preset(const char *name) {
    if (name == nullptr)
        return nullptr;
    const Preset *preset = preset_find(name);
    if (preset != nullptr)
        return preset;
    StringInfoData names;
    initStringInfo(&names);
    for (const Preset &one : presets())
        appendStringInfo(&names, "%s%s", names.len == 0 ? "" : ", ", one.name);
    refuse(psprintf("there is no preset \"%.100s\"", name), nullptr,
           psprintf("Give one of %s, or a mapping.", names.data));
}

// Returns whether the mapping reads a part of the key.
bool check_mapping(const SourceDefinition &source, const Preset *preset) {
    const char *mapping = source.fields[mapping_field];
    if (preset == nullptr && mapping == nullptr)
        return false;
    MappingError error;
    const Mapping *plan =
        mapping_compile(preset != nullptr ? preset->mapping : text_to_utf8(mapping), &error);
    if (plan != nullptr) {
        const bool reads_key = mapping_reads_key(*plan);
        mapping_destroy(plan);
        return reads_key;
    }
    if (error.out_of_memory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    const char *part = error.pointer[0] == '\0'
                           ? "the mapping"
                           : psprintf("%s of the mapping", text_from_utf8(error.pointer));
    refuse(psprintf("%s %s", part, text_from_utf8(error.problem)), nullptr,
           psprintf("Legal is: %s.", text_from_utf8(error.legal)));
}

void check_brokers(const char *brokers) {
    char reason[broker_reason_size];
    if (brokers != nullptr && !broker_list_check(brokers, reason, sizeof(reason)))
        refuse(
            psprintf("\"%.300s\" is not a list of bootstrap servers", brokers), reason,
            psprintf("Give %s Set security.protocol in the file of kafka_config_file.", broker_list_legal));
}

void check_file(const char *file) {
    if (file != nullptr && !is_plain(file, file_bytes_max))
        refuse("the name of the file in kafka_config_file is too long, or has control characters", nullptr,
               "Give the name of a file of librdkafka properties.");
}

// Raises an error if the role has no right to set `setting`. An empty value removes the field, and needs the
// same right. An example without this check: a role removes kafka_config_file from a source with its own
// bootstrap servers. PostgreSQL then sends the credentials of heartbeat.kafka_config_file to these servers.
void require_right(int field, const char *value, const char *setting, Oid role) {
    if (may_alter_system(setting, role))
        return;
    const char *name = source_field_names[field];
    const bool removes = value[0] == '\0';
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    removes ? errmsg("permission denied to remove %s", name)
                            : errmsg("permission denied to set %s", name),
                    errdetail("You need the right to set %s. Superusers have this right.", setting),
                    removes ? errhint("Leave %s out, or ask a superuser to change the source.", name)
                    : field == schema_registry_field
                        ? errhint("Ask a superuser to call the function.")
                        : errhint("Leave %s out, so that the source uses the setting, or ask a superuser to "
                                  "add the source.",
                                  name)));
}

// To set some fields of a source, a role must be allowed to change a setting of PostgreSQL. Returns the name
// of this setting, or nullptr if every role may set the field.
const char *setting_of(int field) {
    switch (field) {
    case brokers_field:
    case schema_registry_field:
        return "heartbeat.brokers";
    case kafka_config_file_field:
        return "heartbeat.kafka_config_file";
    default:
        return nullptr;
    }
}

} // namespace

void source_check_layout(const SourceDefinition &source) {
    if (source.fields[mapping_field] != nullptr && source.fields[preset_field] != nullptr)
        refuse("a source cannot have both a mapping and a preset", nullptr,
               "Give a mapping or a preset. If you give neither, the source has heartbeat's own layout.");
}

void source_check(const SourceDefinition &source, const SourceDefinition &stored) {
    check_name(source.name);
    check_topic(source);
    source_check_layout(source);
    const Preset *preset = check_preset(source.fields[preset_field]);
    const bool reads_key = check_mapping(source, preset);
    source_format_check(source, stored, preset, reads_key);
    check_brokers(source.fields[brokers_field]);
    check_file(source.fields[kafka_config_file_field]);
    check_choice(source, start_offset_field, {"earliest", "latest"});
    check_choice(source, offset_reset_field, {"error", "earliest", "latest"});
    check_tombstones(source);
}

void source_check_rights(const SourceDefinition &given, Oid role) {
    for (int field = 0; field < source_fields; field++)
        if (given.fields[field] != nullptr && setting_of(field) != nullptr)
            require_right(field, given.fields[field], setting_of(field), role);
}

void source_check_topic_rights(const SourceDefinition &stored, Oid role) {
    for (int field = 0; field < source_fields; field++) {
        const char *setting = setting_of(field);
        if (stored.fields[field] == nullptr || setting == nullptr || may_alter_system(setting, role))
            continue;
        const char *name = source_field_names[field];
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied to change the topic of source \"%s\"", stored.name),
                        errdetail("The source has its own %s. To change the topic of this source, you need "
                                  "the right to set %s.",
                                  name, setting),
                        errhint("Ask a superuser to change the topic.")));
    }
}

} // namespace heartbeat
