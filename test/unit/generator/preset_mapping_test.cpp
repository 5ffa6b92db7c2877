// Unit tests of the generator and the mapped decoder: the generator and the extension have presets with the
// same names. A preset of the extension reads the messages that the generator writes with its preset of the
// same name. The decoded readings equal the simulated readings.
#include "decode/mapped_decoder.h"
#include "decode/mapping_compile.h"
#include "decode/presets.h"
#include "template_compile.h"
#include "template_presets.h"
#include "template_source.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace heartbeat::generator {
namespace {

MessageSettings settings_of(const MessageTemplate &layout) {
    MessageSettings settings;
    settings.simulation.customers = 3;
    settings.simulation.interval_ns = 1'250'000'000;
    settings.simulation.anomaly_rate = 0.3;
    settings.simulation.start_time = 1'795'391'998'123'456; // 2026-11-22T23:59:58.123456Z
    settings.devices = layout.has_device ? 2 : 1;
    settings.samples = static_cast<uint32_t>(layout.samples);
    settings.resolution = layout.resolution;
    settings.day_zone = layout.day_zone;
    return settings;
}

// Returns the device as the extension's preset reads it from the message.
std::string device_of(const std::string &preset, const MessageTemplate &layout,
                      const MessageReadings &readings) {
    if (!layout.has_device)
        return "";
    return preset == "health-connect" ? "Example/" + readings.device_id : readings.device_id;
}

void expect_read(const ReadingView &read, const std::string &customer, const std::string &device,
                 const Sample &sample) {
    EXPECT_EQ(read.customer_id, customer);
    EXPECT_EQ(read.device_id, device);
    EXPECT_EQ(read.heart_rate, sample.heart_rate);
    EXPECT_EQ(read.event_time, sample.time);
}

class PresetMapping : public testing::TestWithParam<Preset> {};

TEST_P(PresetMapping, ReadsTheMessagesOfTheGenerator) {
    const std::string name(GetParam().name);
    const MessageTemplate layout = template_compile(preset_find(name).value(), name);
    const MessageSettings settings = settings_of(layout);
    TemplateSource source(layout, settings);
    MessageSimulator simulator(settings);

    const heartbeat::Preset *preset = heartbeat::preset_find(name);
    ASSERT_NE(preset, nullptr);
    MappingError mistake;
    const std::unique_ptr<const Mapping, decltype(&mapping_destroy)> mapping(
        mapping_compile(preset->mapping, &mistake), mapping_destroy);
    ASSERT_NE(mapping, nullptr) << mistake.pointer << " " << mistake.problem;
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);

    Message message;
    MessageReadings readings;
    for (int i = 0; i < 300; i++) {
        ASSERT_EQ(source.next(&message), SourceState::message);
        ASSERT_TRUE(simulator.next(&readings));
        MessageView view;
        view.key = {message.key.data(), message.key.size()};
        view.payload = {message.payload.data(), message.payload.size()};
        DecodeError error;
        ASSERT_EQ(decoder.decode(view, &error), DecodeResult::decoded) << message.payload;
        ASSERT_EQ(decoder.readings().size(), readings.samples.size());
        const std::string device = device_of(name, layout, readings);
        for (size_t s = 0; s < readings.samples.size(); s++)
            expect_read(decoder.readings()[s], readings.customer_id, device, readings.samples[s]);
        ASSERT_FALSE(HasFailure()) << message.payload;
    }
}

// Returns all presets except those of RADAR-base: their format is Avro, which this decoder does not read.
std::vector<Preset> json_presets() {
    std::vector<Preset> presets(preset_list().begin(), preset_list().end());
    std::erase_if(presets, [](const Preset &preset) { return preset.name.starts_with("radar"); });
    return presets;
}

INSTANTIATE_TEST_SUITE_P(Presets, PresetMapping, testing::ValuesIn(json_presets()),
                         [](const testing::TestParamInfo<Preset> &info) {
                             std::string name(info.param.name);
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

} // namespace
} // namespace heartbeat::generator
