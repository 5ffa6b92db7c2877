// The mappings of the presets. For each layout, docs/sources.md has the public source, and test/presets has a
// sample message.
#include "decode/presets.h"

namespace heartbeat {

namespace {

// If the value of a layout has no id of the person, the mapping takes the customer id from the message's key.
constexpr Preset all[] = {
    {"heartbeat", "json", R"({
    "customer_id": "/customer_id",
    "heart_rate": "/heart_rate",
    "event_timestamp": "/event_timestamp"
})"},
    {"radar", "avro", R"({
    "customer_id": "key/userId",
    "device_id": "key/sourceId",
    "heart_rate": "/heartRate",
    "event_timestamp": {"at": "/time", "unit": "s"}
})"},
    {"fhir-observation", "json", R"({
    "when": {
        "/resourceType": "Observation",
        "/code/coding/*/code": "8867-4",
        "/status": ["preliminary", "final", "amended", "corrected", "appended"]
    },
    "customer_id": {"at": "/subject/reference", "strip": "Patient/"},
    "device_id": {"at": "/device/reference", "strip": "Device/"},
    "heart_rate": "/valueQuantity/value",
    "event_timestamp": "/effectiveDateTime"
})"},
    {"open-mhealth", "json", R"({
    "when": {"/header/schema_id/name": "heart-rate"},
    "customer_id": "/header/user_id",
    "device_id": "/header/acquisition_provenance/source_name",
    "heart_rate": "/body/heart_rate/value",
    "event_timestamp": "/body/effective_time_frame/date_time"
})"},
    {"health-connect", "json", R"({
    "each": "/samples",
    "customer_id": "key",
    "device_id": ["/metadata/device/manufacturer", "/metadata/device/model"],
    "heart_rate": "each/beatsPerMinute",
    "event_timestamp": "each/time"
})"},
    {"garmin-push", "json", R"({
    "each": ["/dailies", "/timeOffsetHeartRateSamples"],
    "customer_id": "outer/userId",
    "heart_rate": "each",
    "event_timestamp": {"at": "outer/startTimeInSeconds", "unit": "s", "plus": "name", "plus_unit": "s"}
})"},
    {"fitbit-intraday", "json", R"({
    "each": "/activities-heart-intraday/dataset",
    "customer_id": "key",
    "heart_rate": "each/value",
    "event_timestamp": {"at": "each/time", "date": "/activities-heart/0/dateTime"}
})"},
};

} // namespace

std::span<const Preset> presets() noexcept {
    return all;
}

const Preset *preset_find(std::string_view name) noexcept {
    for (const Preset &preset : all)
        if (name == preset.name)
            return &preset;
    return nullptr;
}

} // namespace heartbeat
