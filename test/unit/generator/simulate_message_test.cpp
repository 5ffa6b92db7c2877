// Unit tests of the generator: the readings of messages with several samples and devices.
#include "simulate_message.h"

#include "decode/timestamp.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace heartbeat::generator {
namespace {

int64_t time_of(const char *text) {
    int64_t time = 0;
    EXPECT_TRUE(timestamp_parse(text, &time));
    return time;
}

MessageSettings settings_from(const char *start) {
    MessageSettings settings;
    settings.simulation.seed = 42;
    settings.simulation.start_time = time_of(start);
    return settings;
}

TEST(SimulateMessage, WithOneSampleAndDeviceMakesTheReadingsOfTheSimulator) {
    for (const uint32_t customers : {1U, 3U, 20U}) {
        MessageSettings settings = settings_from("2026-11-22T14:39:02.123456Z");
        settings.simulation.customers = customers;
        settings.simulation.interval_ns = 333'333'333;
        settings.simulation.anomaly_rate = 0.5;
        settings.simulation.duration = 500 * microseconds_per_second;
        Simulator simulator(settings.simulation);
        MessageSimulator messages(settings);
        Reading reading;
        MessageReadings readings;
        while (simulator.next(&reading)) {
            ASSERT_TRUE(messages.next(&readings));
            ASSERT_EQ(readings.samples.size(), 1U);
            ASSERT_EQ(readings.customer_id, std::string(reading.customer_id, reading.customer_id_size));
            ASSERT_EQ(readings.samples[0].time, reading.event_time);
            ASSERT_EQ(readings.samples[0].heart_rate, reading.heart_rate);
        }
        EXPECT_FALSE(messages.next(&readings));
    }
}

TEST(SimulateMessage, DevicesTakeTurnsAtTheSameTimes) {
    MessageSettings settings = settings_from("2026-01-01T00:00:00Z");
    settings.simulation.customers = 2;
    settings.devices = 2;
    MessageSimulator simulator(settings);
    MessageReadings readings;
    std::string devices;
    std::vector<int64_t> times;
    for (int i = 0; i < 5; i++) {
        ASSERT_TRUE(simulator.next(&readings));
        EXPECT_EQ(readings.message_number, static_cast<uint64_t>(i + 1));
        devices += readings.customer_id + " " + readings.device_id + ", ";
        times.push_back(readings.samples[0].time - *settings.simulation.start_time);
    }
    EXPECT_EQ(devices,
              "CUST-0001 DEV-0001-1, CUST-0001 DEV-0001-2, CUST-0002 DEV-0002-1, CUST-0002 DEV-0002-2, "
              "CUST-0001 DEV-0001-1, ");
    EXPECT_EQ(times, (std::vector<int64_t>{0, 0, 250'000, 250'000, 500'000}));
}

TEST(SimulateMessage, SamplesFollowEachOtherWithoutAGap) {
    MessageSettings settings = settings_from("2026-01-01T00:00:00.2Z");
    settings.simulation.customers = 3;
    settings.simulation.interval_ns = 1'500'000'000;
    settings.samples = 4;
    settings.resolution = microseconds_per_second;
    MessageSimulator simulator(settings);
    MessageReadings readings;
    std::set<int64_t> times;
    for (int i = 0; i < 30; i++) {
        ASSERT_TRUE(simulator.next(&readings));
        ASSERT_EQ(readings.samples.size(), 4U);
        for (const Sample &sample : readings.samples) {
            ASSERT_EQ(sample.time % microseconds_per_second, 0);
            ASSERT_GE(sample.time, *settings.simulation.start_time);
            if (readings.customer_number == 1) {
                ASSERT_TRUE(times.insert(sample.time).second);
            }
        }
    }
    EXPECT_EQ(times.size(), 40U);
    EXPECT_EQ(*times.rbegin() - *times.begin(),
              58 * microseconds_per_second); // from 0.2 s, rounded up to 1 s, to 58.7 s, rounded up to 59 s
}

TEST(SimulateMessage, BeginsEachMessageInsideTheDuration) {
    MessageSettings settings = settings_from("2026-01-01T00:00:00Z");
    settings.simulation.customers = 1;
    settings.samples = 20; // 10 seconds
    settings.simulation.duration = 30 * microseconds_per_second + 1;
    MessageSimulator simulator(settings);
    MessageReadings readings;
    int messages = 0;
    while (simulator.next(&readings))
        messages++;
    EXPECT_EQ(messages, 4);
}

TEST(SimulateMessage, EndsWithTheYear9999) {
    MessageSettings settings = settings_from("9999-12-31T23:59:58.5Z");
    settings.simulation.customers = 1;
    settings.simulation.interval_ns = 1'000'000'000;
    settings.resolution = microseconds_per_second;
    MessageSimulator simulator(settings);
    MessageReadings readings;
    ASSERT_TRUE(simulator.next(&readings));
    EXPECT_EQ(readings.samples[0].time, time_of("9999-12-31T23:59:59Z"));
    EXPECT_FALSE(simulator.next(&readings));
}

TEST(SimulateMessage, EndsAMessageAtMidnight) {
    MessageSettings settings = settings_from("2026-01-01T22:59:57Z");
    settings.simulation.customers = 1;
    settings.simulation.interval_ns = 1'000'000'000;
    settings.samples = 5;
    settings.resolution = microseconds_per_second;
    settings.day_zone = 3'600'000'000; // midnight in a zone one hour ahead of UTC is 23:00 UTC
    MessageSimulator simulator(settings);
    MessageReadings readings;
    ASSERT_TRUE(simulator.next(&readings));
    EXPECT_EQ(readings.samples.size(), 3U);
    EXPECT_EQ(readings.samples.back().time, time_of("2026-01-01T22:59:59Z"));
    ASSERT_TRUE(simulator.next(&readings));
    EXPECT_EQ(readings.samples.size(), 5U);
}

TEST(SimulateMessage, GivesTheNewestReadingThePresentTime) {
    MessageSettings settings;
    settings.simulation.customers = 1;
    settings.simulation.interval_ns = 2'000'000'000;
    settings.samples = 3;
    settings.resolution = microseconds_per_second;
    MessageSimulator simulator(settings, []() noexcept -> int64_t { return 1'000'500'000; });
    MessageReadings readings;
    ASSERT_TRUE(simulator.next(&readings));
    EXPECT_EQ(readings.samples[0].time, 996'000'000);
    EXPECT_EQ(readings.samples[2].time, 1'000'000'000);
    ASSERT_TRUE(simulator.next(&readings)); // the clock returns the same time again
    EXPECT_EQ(readings.samples[0].time, 1'001'000'000);
    EXPECT_EQ(readings.samples[2].time, 1'003'000'000);
}

TEST(SimulateMessage, NeverRepeatsATimeOfADevice) {
    MessageSettings settings;
    settings.simulation.customers = 2;
    settings.simulation.interval_ns = 1'000'000;
    settings.devices = 2;
    settings.samples = 3;
    settings.resolution = 1000;
    MessageSimulator simulator(settings);
    std::set<std::pair<std::string, int64_t>> seen;
    MessageReadings readings;
    for (int i = 0; i < 10'000; i++) {
        ASSERT_TRUE(simulator.next(&readings));
        for (const Sample &sample : readings.samples)
            ASSERT_TRUE(seen.emplace(readings.device_id, sample.time).second);
    }
}

} // namespace
} // namespace heartbeat::generator
