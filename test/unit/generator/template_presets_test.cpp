// Unit tests of the generator: the presets.
#include "template_presets.h"

#include "simulated_source.h"
#include "template_compile.h"
#include "template_source.h"

#include <gtest/gtest.h>
#include <jansson.h>
#include <string>

namespace heartbeat::generator {
namespace {

TEST(TemplatePresets, AreInTheOrderOfTheirNames) {
    EXPECT_EQ(
        preset_names(),
        "fhir-observation, fitbit-intraday, garmin-push, health-connect, heartbeat, open-mhealth, radar, "
        "radar-garmin and radar-polar");
    EXPECT_FALSE(preset_find("nope"));
}

TEST(TemplatePresets, WriteJsonWithACustomerAsKey) {
    for (const Preset &preset : preset_list()) {
        const MessageTemplate layout = template_compile(preset.json, std::string(preset.name));
        MessageSettings settings;
        settings.simulation.start_time = 1'795'358'342'123'456;
        settings.samples = static_cast<uint32_t>(layout.samples);
        settings.resolution = layout.resolution;
        settings.simulation.interval_ns = 1'000'000'000;
        TemplateSource source(layout, settings);
        Message message;
        for (int i = 0; i < 50; i++) {
            ASSERT_EQ(source.next(&message), SourceState::message);
            json_error_t error;
            json_t *json =
                json_loadb(message.payload.data(), message.payload.size(), JSON_REJECT_DUPLICATES, &error);
            EXPECT_NE(json, nullptr) << preset.name << ": " << error.text << message.payload;
            json_decref(json);
            EXPECT_TRUE(message.has_key && message.key.find("CUST-00") != std::string_view::npos)
                << message.key;
        }
    }
}

TEST(TemplatePresets, HeartbeatWritesTheBytesOfTheOwnLayout) {
    MessageSettings settings;
    settings.simulation.start_time = 1'795'358'342'123'456;
    settings.simulation.anomaly_rate = 0.5;
    TemplateSource written(template_compile(*preset_find(own_preset), own_preset), settings);
    SimulatedSource own(settings.simulation);
    Message a;
    Message b;
    for (int i = 0; i < 10'000; i++) {
        ASSERT_EQ(written.next(&a), SourceState::message);
        ASSERT_EQ(own.next(&b), SourceState::message);
        ASSERT_EQ(a.payload, b.payload);
        ASSERT_EQ(a.key, b.key);
        ASSERT_EQ(a.timestamp_ms, b.timestamp_ms);
    }
}

} // namespace
} // namespace heartbeat::generator
